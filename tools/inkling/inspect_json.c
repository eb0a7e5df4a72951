// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling inspect --json.
 *
 * What lives here: the JSON form of a model. What doesn't: the text form
 * (inspect.c).
 */
#include <string.h>
#include "inspect.h"
#include "words.h"

static void add(struct json_object *array, struct json_object *value)
{
	json_object_array_add(array, value);
}

static struct json_object *card_json(const struct ink_model *model)
{
	const struct inkling_card *card = ink_model_card(model);
	struct json_object *o = ink_json_object(), *classes = ink_json_array();
	uint32_t i;

	ink_json_str(o, "name", card->name);
	ink_json_str(o, "version", card->version);
	ink_json_str(o, "license", card->license);
	ink_json_str(o, "description", card->description);
	ink_json_str(o, "training", card->training);
	ink_json_str(o, "accuracy", card->accuracy);
	for (i = 0; i < ink_model_header(model)->n_classes; i++)
		add(classes, json_object_new_string(card->classes[i]));
	ink_json_add(o, "classes", classes);
	return o;
}

static struct json_object *feature_json(const struct ink_model *model, uint32_t i)
{
	const struct inkling_feature *f = &ink_model_features(model)[i];
	const struct inkling_name *names = ink_model_names(model) + f->first_name;
	struct json_object *o = ink_json_object(), *all;
	int32_t lo, hi;
	uint32_t k;

	ink_json_str(o, "name", f->name);
	ink_json_str(o, "kind", f->kind == INKLING_FEATURE_CATEGORY ? "category" : "number");
	if (f->kind == INKLING_FEATURE_CATEGORY) {
		all = ink_json_array();
		for (k = 0; k < f->n_names; k++)
			add(all, json_object_new_string(names[k].name));
		ink_json_add(o, "names", all);
	} else {
		ink_json_int(o, "decimals", f->decimals);
	}
	ink_json_str(o, "scale", ink_inspect_quant(ink_model_graph(model), i));
	if (ink_inspect_range(ink_model_graph(model), i, &lo, &hi)) {
		ink_json_int(o, "raw_lowest", lo);
		ink_json_int(o, "raw_highest", hi);
	}
	return o;
}

static struct json_object *op_json(const struct ink_graph *g, uint32_t i)
{
	const struct inkling_op *op = &g->ops[i];
	const struct ink_tensor *out = &g->tensors[op->out[0]];
	struct json_object *o = ink_json_object(), *in = ink_json_array();
	uint32_t k;

	ink_json_str(o, "op", ink_word_opcode(op->opcode));
	for (k = 0; k < INKLING_MAX_INPUTS; k++)
		if (op->in[k] != INKLING_NONE)
			add(in, json_object_new_int64(op->in[k]));
	ink_json_add(o, "in", in);
	ink_json_int(o, "out", op->out[0]);
	ink_json_str(o, "shape", ink_inspect_shape(g, op->out[0]));
	ink_json_int(o, "lowest", out->lo);
	ink_json_int(o, "highest", out->hi);
	ink_json_u64(o, "macs", ink_inspect_macs(g, i));
	return o;
}

static void add_cost(struct json_object *o, const struct ink_model *model)
{
	struct ink_model_stat stat;

	ink_model_stat(model, &stat);
	ink_json_u64(o, "macs", stat.macs);
	ink_json_u64(o, "bytes_read", stat.bytes);
	ink_json_int(o, "arena", stat.arena);
	ink_json_u64(o, "plan_memory", stat.memory);
	ink_json_str(o, "isa", ink_model_isa(model));
	ink_json_u64(o, "cost_simd_ns", stat.cost_simd);
	ink_json_u64(o, "cost_scalar_ns", stat.cost_scalar);
	ink_json_add(o, "contexts", ink_word_contexts_json(stat.contexts));
}

struct json_object *ink_inspect_json(const struct ink_model *model)
{
	const struct inkling_header *h = ink_model_header(model);
	struct json_object *o = ink_json_object(), *features = ink_json_array();
	struct json_object *graph = ink_json_array();
	size_t size;
	uint32_t i;

	ink_model_image(model, &size);
	ink_json_add(o, "card", card_json(model));
	ink_json_str(o, "digest", ink_fmt_digest(h->digest));
	ink_json_u64(o, "size", size);
	ink_json_str(o, "schema", ink_word_schema(h->schema));
	ink_json_str(o, "head", ink_word_head(h->head));
	ink_json_int(o, "threshold", h->threshold);
	ink_json_u64(o, "input_size", ink_model_input_size(model));
	ink_json_u64(o, "output_size", ink_model_output_size(model));
	for (i = 0; i < h->n_features; i++)
		add(features, feature_json(model, i));
	ink_json_add(o, "features", features);
	for (i = 0; i < h->n_ops; i++)
		add(graph, op_json(ink_model_graph(model), i));
	ink_json_add(o, "graph", graph);
	add_cost(o, model);
	return o;
}
