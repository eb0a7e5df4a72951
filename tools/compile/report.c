// SPDX-License-Identifier: GPL-2.0-only
/*
 * What `inkling compile` prints.
 *
 * What lives here: the report as text and as JSON. What doesn't: its numbers
 * (report_run.c, and the verifier's for cost).
 */
#include <math.h>
#include <stdlib.h>

#include "cli.h"
#include "inkling.h"
#include "report.h"
#include "words.h"

static const char *percent(size_t part, size_t all)
{
	return all ? ink_fmt("%.2f %%", 100.0 * (double)part / (double)all) : "-";
}

static const char *number(double v)
{
	return isnan(v) ? "-" : ink_fmt("%.5f", v);
}

static void print_accuracy(const struct ink_report *r, const char *data)
{
	struct ink_table *t;

	if (r->labels) {
		t = ink_table_new(ink_fmt("%s rows", ink_fmt_count(r->rows)), ">FLOAT", ">INT8",
				  NULL);
		ink_table_row(t, "accuracy", percent(r->float_right, r->rows),
			      percent(r->int8_right, r->rows), NULL);
		ink_table_row(t, "false alarms", percent(r->float_alarms, r->harmless),
			      percent(r->int8_alarms, r->harmless), NULL);
		ink_table_row(t, "ROC AUC", number(r->float_auc), number(r->int8_auc), NULL);
		ink_table_print(t, stdout);
		putchar('\n');
	}
	printf("agreement    %s of %s rows of %s get the same class\n",
	       percent(r->rows - r->differ, r->rows), ink_fmt_count(r->rows), ink_fmt_safe(data));
}

static void print_quantisation(const struct ink_compile *c)
{
	const struct ink_search *s = &c->search;

	printf("activations  %d bits", c->quant->bits);
	if (s->error7 > 0 && s->error8 > 0)
		printf(" (error %.3g with 7, %.3g with 8; 7 is taken up to %g, or %g times that of 8)",
		       s->error7, s->error8, INK_SEARCH_NEGLIGIBLE, INK_SEARCH_TOLERANCE);
	printf("\nsearch       %u candidates on %s rows: error %.3g, %.3g before\n", s->tried,
	       ink_fmt_count(s->rows), s->error, s->first);
}

static void print_text(const struct ink_report *r, const struct ink_compile *c,
		       const struct ink_model_stat *stat, const char *path, const char *data)
{
	const struct inkling_header *h = c->image;

	printf("%s\n", ink_fmt_safe(path));
	printf("model        %s %s, %s\n", ink_fmt_safe(c->card.name),
	       c->card.version ? ink_fmt_safe(c->card.version) : "",
	       ink_fmt_digest_short(h->digest));
	if (c->seq)
		printf("input        up to %u tokens%s\n", c->seq->tokens,
		       c->seq->fixed && !c->seq->padded ? ", filled up with 0" : "");
	else
		printf("features     %u, expanded to %u inputs; schema %s\n", c->schema->n,
		       c->schema->width, ink_word_schema(h->schema));
	printf("size         %s, %s multiply-accumulates, arena %s\n", ink_fmt_bytes(c->size),
	       ink_fmt_count(stat->macs), ink_fmt_bytes(stat->arena));
	printf("cost         at most %s with vectors, %s without; contexts %s\n",
	       ink_fmt_ns(stat->cost_simd), ink_fmt_ns(stat->cost_scalar),
	       ink_word_contexts(stat->contexts));
	if (c->seq)
		printf("numbers      weights int8 by row, activations int16; %s samples\n",
		       ink_fmt_count(c->samples.n));
	else
		print_quantisation(c);
	if (c->head == INKLING_HEAD_RAW) {
		printf("difference   %.3g on average, %.3g at most, on %s rows of %s\n",
		       r->mean_gap, r->max_gap, ink_fmt_count(r->rows), ink_fmt_safe(data));
		return;
	}
	printf("threshold    %s, from %s\n", ink_word_score(c->threshold, c->head),
	       c->threshold_from);
	putchar('\n');
	print_accuracy(r, data);
	printf("difference   of the scores: %.5f on average, %.5f at most%s\n", r->mean_gap,
	       r->max_gap, c->head == INKLING_HEAD_ANOMALY ? " (shares of the threshold)" : "");
}

static struct json_object *side(const struct ink_report *r, size_t right, size_t alarms, double auc)
{
	struct json_object *o = ink_json_object();

	ink_json_num(o, "accuracy", (double)right / (double)r->rows, 6);
	if (r->harmless)
		ink_json_num(o, "false_alarm_rate", (double)alarms / (double)r->harmless, 6);
	if (!isnan(auc))
		ink_json_num(o, "auc", auc, 6);
	return o;
}

static void json_quantisation(struct json_object *o, const struct ink_compile *c)
{
	const struct ink_search *s = &c->search;
	struct json_object *q = ink_json_object();

	ink_json_int(q, "activation_bits", c->quant->bits);
	ink_json_u64(q, "rows", s->rows);
	ink_json_int(q, "candidates", s->tried);
	ink_json_num(q, "error", s->error, 9);
	ink_json_num(q, "error_before", s->first, 9);
	if (s->error7 > 0 && s->error8 > 0) {
		ink_json_num(q, "error_7_bits", s->error7, 9);
		ink_json_num(q, "error_8_bits", s->error8, 9);
	}
	ink_json_num(q, "fold_error", c->fold_error, 12);
	ink_json_add(o, "quantisation", q);
}

static void json_data(struct json_object *o, const struct ink_report *r,
		      const struct ink_compile *c, const char *data)
{
	struct json_object *d = ink_json_object();

	ink_json_str(d, "data", data);
	ink_json_u64(d, "rows", r->rows);
	if (r->labels) {
		ink_json_add(d, "float", side(r, r->float_right, r->float_alarms, r->float_auc));
		ink_json_add(d, "int8", side(r, r->int8_right, r->int8_alarms, r->int8_auc));
	}
	if (c->head != INKLING_HEAD_RAW)
		ink_json_num(d, "agreement", 1 - (double)r->differ / (double)r->rows, 6);
	ink_json_num(d, "difference_mean", r->mean_gap, 9);
	ink_json_num(d, "difference_max", r->max_gap, 9);
	ink_json_add(o, "comparison", d);
}

static void print_json(const struct ink_report *r, const struct ink_compile *c,
		       const struct ink_model_stat *stat, const char *path, const char *data)
{
	const struct inkling_header *h = c->image;
	struct json_object *o = ink_json_object(), *classes = ink_json_array();
	uint32_t i;

	ink_json_str(o, "file", path);
	ink_json_str(o, "digest", ink_fmt_digest(h->digest));
	ink_json_u64(o, "size", c->size);
	ink_json_str(o, "name", c->card.name);
	ink_json_str(o, "version", c->card.version);
	if (c->seq) {
		ink_json_int(o, "tokens", c->seq->tokens);
		ink_json_num(o, "fold_error", c->fold_error, 12);
	} else {
		ink_json_str(o, "schema", ink_word_schema(h->schema));
		ink_json_int(o, "features", c->schema->n);
		ink_json_int(o, "inputs", c->schema->width);
	}
	ink_json_str(o, "head", ink_word_head(c->head));
	for (i = 0; i < c->card.n_classes; i++)
		json_object_array_add(classes, json_object_new_string(c->card.classes[i]));
	ink_json_add(o, "classes", classes);
	ink_json_int(o, "threshold", c->threshold);
	ink_json_u64(o, "macs", stat->macs);
	ink_json_u64(o, "arena", stat->arena);
	ink_json_u64(o, "cost_simd_ns", stat->cost_simd);
	ink_json_u64(o, "cost_scalar_ns", stat->cost_scalar);
	ink_json_add(o, "contexts", ink_word_contexts_json(stat->contexts));
	if (!c->seq)
		json_quantisation(o, c);
	json_data(o, r, c, data);
	ink_json_print(o);
}

void ink_report_print(const struct ink_report *r, const struct ink_compile *c, const char *path,
		      const char *data)
{
	struct ink_model *model = ink_model_open_image(c->image, c->size);
	struct ink_model_stat stat;

	if (!model)
		ink_die_failure();
	ink_model_stat(model, &stat);
	ink_model_close(model);
	if (ink_cli.json)
		print_json(r, c, &stat, path, data);
	else
		print_text(r, c, &stat, path, data);
}
