// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling eval: labelled rows through the model.
 *
 * What lives here: reading labels and groups, running rows here and, for
 * comparison, in a slot. What doesn't: measures and printing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"
#include "words.h"

/* The state of reading. */
struct reading {
	struct ink_eval *e;
	struct ink_csv *csv;
	unsigned int label, by;
	struct ink_session *session;
	uint8_t *in, *out, *kernel_out;
	struct inkling_verdict *verdicts, *kernel_verdicts;
	size_t batched;
};

static void grow(struct ink_eval *e)
{
	if (e->n < e->cap)
		return;
	e->cap = e->cap ? e->cap * 2 : 4096;
	e->label = ink_xrealloc(e->label, e->cap, sizeof(*e->label));
	e->verdict = ink_xrealloc(e->verdict, e->cap, sizeof(*e->verdict));
	e->by = ink_xrealloc(e->by, e->cap, sizeof(*e->by));
	e->score = ink_xrealloc(e->score, e->cap, sizeof(*e->score));
	if (e->keep_inputs)
		e->in = ink_xrealloc(e->in, e->cap, e->scorer.in_size);
}

static const char *class_names(const struct ink_eval *e)
{
	const char *text = "";
	uint32_t i;

	for (i = 0; i < ink_model_header(e->scorer.model)->n_classes; i++)
		text = ink_fmt("%s%s%s", text, i ? ", " : "", ink_scorer_class(&e->scorer, i));
	return text;
}

/* The class that a label stands for. */
static uint32_t find_label(const struct reading *r, const char *text)
{
	const struct ink_eval *e = r->e;
	uint32_t i, n = ink_model_header(e->scorer.model)->n_classes;
	uint64_t number;

	if (e->benign && !strcmp(text, e->benign))
		return 0;
	for (i = 0; i < n; i++)
		if (!strcmp(text, ink_scorer_class(&e->scorer, i)) && !(e->benign && i == 0))
			return i;
	if (e->benign && n == 2)
		return 1;
	if (!e->benign && ink_parse_u64(text, n - 1, &number))
		return (uint32_t)number;
	ink_die(INK_EXIT_INPUT,
		ink_fmt("%s, line %llu: label \"%s\" isn't a class of the model", e->data,
			(unsigned long long)ink_csv_line(r->csv), ink_fmt_safe(text)),
		ink_fmt("its classes are: %s; --benign NAME makes that label class 0%s", class_names(e),
			n == 2 ? " and every other one class 1" : ""));
}

static uint32_t find_group(struct ink_eval *e, const char *name)
{
	size_t i;

	/* Neighbouring rows are often of one group. */
	if (e->n && e->n_groups && !strcmp(e->groups[e->by[e->n - 1]].name, name))
		return e->by[e->n - 1];
	for (i = 0; i < e->n_groups; i++)
		if (!strcmp(e->groups[i].name, name))
			return (uint32_t)i;
	if (e->n_groups == 10000)
		ink_die(INK_EXIT_INPUT, ink_fmt("column \"%s\" has more than 10000 values", e->by_column),
			"--by is for categories");
	e->groups = ink_xrealloc(e->groups, e->n_groups + 1, sizeof(*e->groups));
	e->groups[e->n_groups] = (struct ink_group){ .name = ink_xstrdup(name) };
	return (uint32_t)e->n_groups++;
}

/* The kernel has to give the same bits, and the same class. */
static void compare(struct reading *r, size_t first)
{
	struct ink_eval *e = r->e;
	size_t i, size = e->scorer.out_size;

	if (ink_session_run_batch(r->session, r->batched, r->in, e->scorer.in_size, r->kernel_out,
				  size, r->kernel_verdicts))
		ink_die_failure();
	for (i = 0; i < r->batched; i++) {
		if (!memcmp(r->out + i * size, r->kernel_out + i * size, size) &&
		    r->verdicts[i].class == r->kernel_verdicts[i].class &&
		    r->verdicts[i].score == r->kernel_verdicts[i].score)
			continue;
		if (!e->kernel_differs++)
			e->first_differs = first + i + 1;
	}
}

static void flush(struct reading *r)
{
	struct ink_eval *e = r->e;
	size_t i, first = e->n - r->batched;

	ink_scorer_run(&e->scorer, r->batched, r->in, r->out, r->verdicts);
	for (i = 0; i < r->batched; i++) {
		e->verdict[first + i] = r->verdicts[i].class;
		e->score[first + i] = r->verdicts[i].score;
	}
	if (e->keep_inputs)
		memcpy((char *)e->in + first * e->scorer.in_size, r->in,
		       r->batched * e->scorer.in_size);
	if (r->session)
		compare(r, first);
	r->batched = 0;
}

static void take_row(struct reading *r)
{
	struct ink_eval *e = r->e;
	struct ink_group *g;

	grow(e);
	if (ink_csv_raw(r->csv, (int32_t *)(r->in + r->batched * e->scorer.in_size)))
		ink_die_failure();
	e->label[e->n] = find_label(r, ink_csv_field(r->csv, r->label));
	if (e->by_column) {
		e->by[e->n] = find_group(e, ink_csv_field(r->csv, r->by));
		g = &e->groups[e->by[e->n]];
		g->rows++;
		g->harmful += e->label[e->n] != 0;
	}
	e->n++;
	if (++r->batched == INK_SOURCE_BATCH)
		flush(r);
}

static unsigned int column(struct reading *r, const char *name)
{
	int i = ink_csv_column(r->csv, name);

	if (i < 0)
		ink_die_input();
	return (unsigned int)i;
}

/* The slot has to run this very model; its threshold is then used here, too. */
static void open_kernel(struct reading *r)
{
	struct ink_scorer *s = &r->e->scorer;
	struct inkling_info info;

	r->session = ink_session_open(r->e->kernel_slot, INK_DEFAULTS);
	if (!r->session || ink_session_info(r->session, &info))
		ink_die_failure();
	if (memcmp(info.digest, ink_model_header(s->model)->digest, sizeof(info.digest)))
		ink_die(INK_EXIT_REFUSED, ink_fmt("slot %s doesn't run this model", r->e->kernel_slot),
			ink_fmt("load it: inkling load MODEL.ink --slot %s", r->e->kernel_slot));
	if (info.mode == INKLING_MODE_OFF)
		ink_die(INK_EXIT_REFUSED, ink_fmt("slot %s is off and runs nothing", r->e->kernel_slot),
			ink_fmt("inkling mode %s monitor", r->e->kernel_slot));
	s->threshold = info.threshold;
	s->threshold_from = ink_xstrdup(ink_fmt("slot %s", r->e->kernel_slot));
	r->kernel_out = ink_xalloc(INK_SOURCE_BATCH, s->out_size);
	r->kernel_verdicts = ink_xalloc(INK_SOURCE_BATCH, sizeof(*r->kernel_verdicts));
}

static void open_csv(struct reading *r, const char *columns)
{
	const struct inkling_header *h = ink_model_header(r->e->scorer.model);

	r->csv = ink_csv_open(r->e->data, columns);
	if (!r->csv)
		ink_die_failure();
	if (ink_csv_bind(r->csv, ink_model_features(r->e->scorer.model), h->n_features,
			 ink_model_names(r->e->scorer.model), h->n_names))
		ink_die_input();
	r->label = column(r, r->e->label_column);
	if (r->e->by_column)
		r->by = column(r, r->e->by_column);
}

void ink_eval_read(struct ink_eval *e, const char *columns)
{
	struct reading r = { .e = e };
	struct ink_progress progress;
	int got;

	open_csv(&r, columns);
	if (e->kernel_slot)
		open_kernel(&r);
	r.in = ink_xalloc(INK_SOURCE_BATCH, e->scorer.in_size);
	r.out = ink_xalloc(INK_SOURCE_BATCH, e->scorer.out_size);
	r.verdicts = ink_xalloc(INK_SOURCE_BATCH, sizeof(*r.verdicts));
	ink_progress_begin(&progress, e->data, ink_csv_size(r.csv));
	while ((got = ink_csv_next(r.csv)) > 0) {
		take_row(&r);
		ink_progress_update(&progress, ink_csv_size(r.csv) ? ink_csv_position(r.csv) : e->n);
	}
	ink_progress_end(&progress);
	if (got < 0)
		ink_die_failure();
	if (!e->n)
		ink_die(INK_EXIT_INPUT, ink_fmt("%s has no rows", e->data), NULL);
	flush(&r);
	ink_csv_close(r.csv);
	ink_session_close(r.session);
	free(r.in);
	free(r.out);
	free(r.kernel_out);
	free(r.verdicts);
	free(r.kernel_verdicts);
}

void ink_eval_apply_threshold(struct ink_eval *e, int32_t threshold)
{
	size_t i;

	e->scorer.threshold = threshold;
	for (i = 0; i < e->n; i++)
		if (e->score[i] < threshold)
			e->verdict[i] = 0;
}
