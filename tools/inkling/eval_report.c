// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling eval: the report, as text and as JSON.
 *
 * What lives here: printing. What doesn't: measures (metrics.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"
#include "metrics.h"
#include "words.h"

/* What both forms print. */
struct report {
	const struct ink_eval *e;
	struct ink_metrics model, flt;
	uint32_t n_classes;
	uint64_t *confusion;		/* [label][verdict] */
	double class_accuracy;
	uint32_t *float_verdict;
	uint64_t disagree;
	double mean_gap, max_gap;	/* between the scores, in probability or score */
};

static double score_unit(const struct ink_eval *e)
{
	return e->scorer.head == INKLING_HEAD_CLASSES ? 32768 : 1;
}

static void compare_float(struct report *r)
{
	const struct ink_eval *e = r->e;
	double unit = score_unit(e), gap, threshold = e->scorer.threshold / unit;
	size_t i;

	r->float_verdict = ink_xalloc(e->n, sizeof(*r->float_verdict));
	for (i = 0; i < e->n; i++) {
		r->float_verdict[i] = e->float_score[i] >= threshold;
		r->disagree += r->float_verdict[i] != (e->verdict[i] != 0);
		gap = fabs(e->float_score[i] - e->score[i] / unit);
		r->mean_gap += gap / (double)e->n;
		r->max_gap = gap > r->max_gap ? gap : r->max_gap;
	}
	ink_metrics_compute(&r->flt, e->label, r->float_verdict, e->float_score, e->n);
}

static void prepare(struct report *r, const struct ink_eval *e)
{
	uint64_t right = 0;
	size_t i;

	*r = (struct report){ .e = e };
	r->n_classes = ink_model_header(e->scorer.model)->n_classes;
	r->confusion = ink_xalloc((size_t)r->n_classes * r->n_classes, sizeof(*r->confusion));
	for (i = 0; i < e->n; i++) {
		r->confusion[e->label[i] * r->n_classes + e->verdict[i]]++;
		right += e->label[i] == e->verdict[i];
		if (e->by_column)
			e->groups[e->by[i]].flagged += e->verdict[i] != 0;
	}
	r->class_accuracy = (double)right / (double)e->n;
	ink_metrics_compute(&r->model, e->label, e->verdict, e->score, e->n);
	if (e->float_score)
		compare_float(r);
}

static const char *percent(double share)
{
	return isnan(share) ? "-" : ink_fmt("%.2f %%", 100 * share);
}

static void print_measures(const struct report *r)
{
	const struct ink_metrics *m = &r->model, *f = &r->flt;
	bool flt = r->e->float_score;
	struct ink_table *t = ink_table_new("", ">INT8", flt ? ">FLOAT" : NULL, NULL);

#define ROW(name, cell) ink_table_row(t, name, cell(m), flt ? cell(f) : NULL, NULL)
#define ACCURACY(x) percent((x)->accuracy)
#define FALSE_ALARMS(x) percent((x)->false_alarm_rate)
#define RECALL(x) percent((x)->recall)
#define PRECISION(x) percent((x)->precision)
#define F1(x) percent((x)->f1)
#define AUC(x) (isnan((x)->auc) ? "-" : ink_fmt("%.5f", (x)->auc))
	ROW("accuracy (harmful or not)", ACCURACY);
	if (r->n_classes > 2)
		ink_table_row(t, "accuracy (exact class)", percent(r->class_accuracy), "", NULL);
	ROW("false alarms", FALSE_ALARMS);
	ROW("recall", RECALL);
	ROW("precision", PRECISION);
	ROW("F1", F1);
	ROW("ROC AUC", AUC);
#undef ROW
	ink_table_print(t, stdout);
	if (flt)
		printf("\nfloat        %s: %s of %s verdicts differ, scores by %.5f on average and %.5f at most\n",
		       r->e->float_from, ink_fmt_count(r->disagree), ink_fmt_count(r->e->n), r->mean_gap,
		       r->max_gap);
}

static void print_confusion(const struct report *r)
{
	uint32_t i, k, n = r->n_classes;
	uint64_t v, total;
	int width = 12;

	printf("\n%-24s", "label \\ verdict");
	for (k = 0; k < n; k++)
		printf(" %*.*s", width, width, ink_scorer_class(&r->e->scorer, k));
	printf(" %*s\n", width, "flagged");
	for (i = 0; i < n; i++) {
		printf("%-24s", ink_scorer_class(&r->e->scorer, i));
		for (k = 0, total = 0; k < n; k++) {
			v = r->confusion[i * n + k];
			total += v;
			printf(" %*llu", width, (unsigned long long)v);
		}
		v = r->confusion[i * n];
		printf(" %*s\n", width, percent(total ? (double)(total - v) / (double)total : NAN));
	}
}

static void print_groups(const struct report *r)
{
	const struct ink_eval *e = r->e;
	const struct ink_group *g;
	struct ink_table *t;
	size_t i;

	t = ink_table_new(e->by_column, ">ROWS", ">FLAGGED", ">SHARE", "IS", NULL);
	for (i = 0; i < e->n_groups; i++) {
		g = &e->groups[i];
		ink_table_row(t, ink_fmt_safe(g->name), ink_fmt_count(g->rows), ink_fmt_count(g->flagged),
			      percent((double)g->flagged / (double)g->rows),
			      g->harmful == g->rows ? "recall" : g->harmful ? "mixed" : "false alarms", NULL);
	}
	putchar('\n');
	ink_table_print(t, stdout);
}

static void print_text(const struct report *r)
{
	const struct ink_eval *e = r->e;
	const struct inkling_card *card = ink_model_card(e->scorer.model);

	printf("model        %s %s, digest %s\n", card->name, card->version,
	       ink_fmt_digest_short(ink_model_header(e->scorer.model)->digest));
	printf("data         %s: %s rows, %s benign and %s harmful by column \"%s\"\n", e->data,
	       ink_fmt_count(e->n), ink_fmt_count(r->model.benign), ink_fmt_count(r->model.harmful),
	       e->label_column);
	printf("threshold    %s, from %s\n", ink_word_score(e->scorer.threshold, e->scorer.head),
	       e->scorer.threshold_from);
	if (e->kernel_slot && !e->kernel_differs)
		printf("kernel       slot %s: all %s outputs and verdicts are identical\n", e->kernel_slot,
		       ink_fmt_count(e->n));
	else if (e->kernel_slot)
		printf("kernel       slot %s: %s of %s rows DIFFER, the first is row %llu\n", e->kernel_slot,
		       ink_fmt_count(e->kernel_differs), ink_fmt_count(e->n),
		       (unsigned long long)e->first_differs);
	putchar('\n');
	print_measures(r);
	print_confusion(r);
	if (e->by_column)
		print_groups(r);
}

static struct json_object *metrics_json(const struct ink_metrics *m)
{
	struct json_object *o = ink_json_object();

	ink_json_num(o, "accuracy", m->accuracy, 6);
	ink_json_num(o, "false_alarm_rate", m->false_alarm_rate, 6);
	ink_json_num(o, "recall", m->recall, 6);
	ink_json_num(o, "precision", m->precision, 6);
	ink_json_num(o, "f1", m->f1, 6);
	ink_json_num(o, "auc", m->auc, 6);
	ink_json_u64(o, "false_alarms", m->false_alarms);
	ink_json_u64(o, "caught", m->caught);
	return o;
}

static struct json_object *confusion_json(const struct report *r)
{
	struct json_object *o = ink_json_object(), *row;
	uint32_t i, k;

	for (i = 0; i < r->n_classes; i++) {
		row = ink_json_object();
		for (k = 0; k < r->n_classes; k++)
			ink_json_u64(row, ink_scorer_class(&r->e->scorer, k),
				     r->confusion[i * r->n_classes + k]);
		ink_json_add(o, ink_scorer_class(&r->e->scorer, i), row);
	}
	return o;
}

static struct json_object *groups_json(const struct ink_eval *e)
{
	struct json_object *o = ink_json_object(), *g;
	size_t i;

	for (i = 0; i < e->n_groups; i++) {
		g = ink_json_object();
		ink_json_u64(g, "rows", e->groups[i].rows);
		ink_json_u64(g, "harmful", e->groups[i].harmful);
		ink_json_u64(g, "flagged", e->groups[i].flagged);
		ink_json_num(g, "share", (double)e->groups[i].flagged / (double)e->groups[i].rows, 6);
		ink_json_add(o, e->groups[i].name, g);
	}
	return o;
}

static void add_comparisons(struct json_object *o, const struct report *r)
{
	const struct ink_eval *e = r->e;
	struct json_object *c;

	if (e->float_score) {
		c = metrics_json(&r->flt);
		ink_json_str(c, "from", e->float_from);
		ink_json_u64(c, "verdicts_differ", r->disagree);
		ink_json_num(c, "score_gap_mean", r->mean_gap, 6);
		ink_json_num(c, "score_gap_max", r->max_gap, 6);
		ink_json_add(o, "float", c);
	}
	if (e->kernel_slot) {
		c = ink_json_object();
		ink_json_str(c, "slot", e->kernel_slot);
		ink_json_u64(c, "differ", e->kernel_differs);
		if (e->kernel_differs)
			ink_json_u64(c, "first_row", e->first_differs);
		ink_json_add(o, "kernel", c);
	}
}

static void print_json(const struct report *r)
{
	const struct ink_eval *e = r->e;
	struct json_object *o = ink_json_object(), *t = ink_json_object();

	ink_json_str(o, "model", ink_model_card(e->scorer.model)->name);
	ink_json_str(o, "digest", ink_fmt_digest(ink_model_header(e->scorer.model)->digest));
	ink_json_str(o, "data", e->data);
	ink_json_u64(o, "rows", e->n);
	ink_json_u64(o, "benign", r->model.benign);
	ink_json_u64(o, "harmful", r->model.harmful);
	ink_json_int(t, "score", e->scorer.threshold);
	if (e->scorer.head == INKLING_HEAD_CLASSES)
		ink_json_num(t, "probability", e->scorer.threshold / 32768.0, 6);
	ink_json_str(t, "from", e->scorer.threshold_from);
	ink_json_add(o, "threshold", t);
	ink_json_add(o, "int8", metrics_json(&r->model));
	ink_json_num(o, "class_accuracy", r->class_accuracy, 6);
	ink_json_add(o, "confusion", confusion_json(r));
	if (e->by_column)
		ink_json_add(o, "by", groups_json(e));
	add_comparisons(o, r);
	ink_json_print(o);
}

void ink_eval_report(const struct ink_eval *e)
{
	struct report r;

	prepare(&r, e);
	if (ink_cli.json)
		print_json(&r);
	else
		print_text(&r);
	free(r.confusion);
	free(r.float_verdict);
}
