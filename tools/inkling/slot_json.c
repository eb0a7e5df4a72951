// SPDX-License-Identifier: GPL-2.0-only
/*
 * A slot as JSON.
 *
 * What lives here: the form that slots, show and watch print with --json.
 * What doesn't: the text form (slots.c).
 */
#include "slots.h"
#include "words.h"

static struct json_object *model_json(const struct ink_model_info *m)
{
	struct json_object *o = ink_json_object(), *classes = ink_json_array();
	uint32_t i;

	ink_json_str(o, "name", m->name);
	ink_json_str(o, "version", m->version);
	ink_json_str(o, "digest", ink_fmt_digest(m->digest));
	ink_json_int(o, "generation", m->generation);
	ink_json_str(o, "head", ink_word_head(m->head));
	ink_json_str(o, "schema", ink_word_schema(m->schema));
	ink_json_int(o, "input_size", m->input_size);
	ink_json_int(o, "output_size", m->output_size);
	for (i = 0; i < m->n_classes; i++)
		json_object_array_add(classes, json_object_new_string(m->classes[i]));
	ink_json_add(o, "classes", classes);
	ink_json_int(o, "threshold", m->threshold);
	ink_json_int(o, "threshold_used", m->threshold_used);
	ink_json_u64(o, "macs", m->macs);
	ink_json_int(o, "arena", m->arena);
	ink_json_u64(o, "bytes", m->bytes);
	ink_json_u64(o, "cost_simd_ns", m->cost_simd);
	ink_json_u64(o, "cost_scalar_ns", m->cost_scalar);
	ink_json_add(o, "contexts", ink_word_contexts_json(m->contexts));
	ink_json_str(o, "isa", m->isa);
	return o;
}

static struct json_object *buckets_json(const uint64_t *b)
{
	struct json_object *a = ink_json_array();
	uint32_t i;

	for (i = 0; i < INK_STAT_BUCKETS; i++)
		json_object_array_add(a, json_object_new_uint64(b[i]));
	return a;
}

static struct json_object *reasons_json(const struct ink_reason *reasons, uint32_t n)
{
	struct json_object *o = ink_json_object();
	uint32_t i;

	for (i = 0; i < n; i++)
		ink_json_u64(o, reasons[i].reason, reasons[i].count);
	return o;
}

static struct json_object *stats_json(const struct ink_slot *slot)
{
	const struct ink_slot_stats *s = &slot->stats;
	struct json_object *o = ink_json_object();

	ink_json_u64(o, "runs", s->runs);
	ink_json_u64(o, "scalar", s->scalar);
	ink_json_u64(o, "flagged", ink_slot_flagged(slot));
	ink_json_add(o, "errors", reasons_json(s->errors, s->n_errors));
	ink_json_u64(o, "errors_total", ink_slot_errors(slot));
	ink_json_u64(o, "latency_p50_ns", ink_slot_latency(slot, 0.5));
	ink_json_u64(o, "latency_p99_ns", ink_slot_latency(slot, 0.99));
	ink_json_add(o, "latency", buckets_json(s->latency));
	ink_json_add(o, "scores", buckets_json(s->scores));
	return o;
}

static struct json_object *classes_json(const struct ink_slot *slot)
{
	struct json_object *all = ink_json_array(), *o;
	uint32_t i, n = slot->has_model ? slot->model.n_classes : 0;

	for (i = 0; i < INKLING_MAX_CLASSES; i++) {
		if (i >= n && !slot->stats.verdicts[i])
			continue;
		o = ink_json_object();
		ink_json_int(o, "class", i);
		ink_json_str(o, "name", ink_slot_class(slot, i));
		ink_json_str(o, "action", ink_word_action(slot->action[i]));
		ink_json_u64(o, "verdicts", slot->stats.verdicts[i]);
		ink_json_u64(o, "actioned", slot->stats.actioned[i]);
		json_object_array_add(all, o);
	}
	return all;
}

/* A row for each class of the current model, in it a number for each of the shadow. */
static struct json_object *matrix_json(const struct ink_shadow_info *s)
{
	struct json_object *rows = ink_json_array(), *row;
	uint32_t i, j;

	for (i = 0; i < s->n_classes; i++) {
		row = ink_json_array();
		for (j = 0; j < s->n_classes; j++)
			json_object_array_add(row, json_object_new_uint64(s->matrix[i][j]));
		json_object_array_add(rows, row);
	}
	return rows;
}

static struct json_object *actions_json(const struct ink_shadow_info *s)
{
	struct json_object *all = ink_json_array(), *o;
	uint32_t i, k;

	for (i = 0; i < s->n_classes; i++) {
		o = ink_json_object();
		ink_json_int(o, "class", i);
		ink_json_str(o, "name", ink_model_class(&s->model, i));
		for (k = 0; k <= INKLING_ACTION_DROP; k++)
			ink_json_u64(o, ink_word_action(k), s->actions[i][k]);
		json_object_array_add(all, o);
	}
	return all;
}

static struct json_object *shadow_json(const struct ink_shadow_info *s)
{
	struct json_object *o = ink_json_object();

	ink_json_add(o, "model", model_json(&s->model));
	ink_json_int(o, "sample", s->sample);
	ink_json_u64(o, "runs", s->runs);
	ink_json_u64(o, "compared", s->compared);
	ink_json_u64(o, "disagreed", s->disagreed);
	ink_json_add(o, "skipped", reasons_json(s->skipped, s->n_skipped));
	ink_json_add(o, "matrix", matrix_json(s));
	ink_json_add(o, "classes", actions_json(s));
	ink_json_add(o, "differences", buckets_json(s->differences));
	ink_json_u64(o, "difference", s->difference);
	return o;
}

struct json_object *ink_slot_json(const struct ink_slot *slot)
{
	struct json_object *o = ink_json_object();

	ink_json_str(o, "name", slot->name);
	ink_json_int(o, "id", slot->id);
	ink_json_str(o, "mode", ink_word_mode(slot->mode));
	ink_json_add(o, "contexts", ink_word_contexts_json(slot->contexts));
	ink_json_int(o, "uid", slot->uid);
	ink_json_int(o, "gid", slot->gid);
	ink_json_str(o, "perm", ink_fmt("%04o", slot->perm));
	ink_json_int(o, "threshold", slot->threshold);
	ink_json_add(o, "model", slot->has_model ? model_json(&slot->model) : NULL);
	ink_json_add(o, "previous", slot->has_previous ? model_json(&slot->previous) : NULL);
	ink_json_add(o, "shadow", slot->has_shadow ? shadow_json(&slot->shadow) : NULL);
	ink_json_add(o, "classes", classes_json(slot));
	ink_json_add(o, "stats", stats_json(slot));
	return o;
}
