// SPDX-License-Identifier: GPL-2.0-only
/*
 * Float and int8 on the same rows.
 *
 * What lives here: running both and comparing. What doesn't: printing
 * (report.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inkling.h"
#include "report.h"

#define CHUNK	1024

struct scored {
	double score;
	bool harm;
};

struct comparison {
	struct ink_report *r;
	const struct ink_compile *c;
	const struct ink_rows *rows;
	struct ink_model *model;
	void *out;
	double *x;		/* of a chunk */
	double **values;	/* likewise */
	struct scored *of_float, *of_int8;
	double unit;
};

static int compare(const void *a, const void *b)
{
	double x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;

	return (x > y) - (x < y);
}

/* Area under the ROC curve by ranks, ties counted half. */
static double area(struct scored *s, size_t n)
{
	double rank = 0, harmful = 0, harmless;
	size_t i, j, k;

	qsort(s, n, sizeof(*s), compare);
	for (i = 0; i < n; i = j) {
		for (j = i; j < n && s[j].score == s[i].score; j++)
			;
		for (k = i; k < j; k++) {
			if (!s[k].harm)
				continue;
			rank += (i + 1 + j) / 2.0;
			harmful++;
		}
	}
	harmless = n - harmful;
	if (!harmful || !harmless)
		return NAN;
	return (rank - harmful * (harmful + 1) / 2) / (harmful * harmless);
}

/* Class by the same rule as the engine's: below the threshold class 0, else the likeliest other. */
static uint32_t float_class(const struct ink_compile *c, const double *y, double unit,
			    double *score)
{
	uint32_t n = c->card.n_classes, i, best = 1;

	if (c->head == INKLING_HEAD_ANOMALY) {
		*score = y[0] / unit;
		return *score >= c->threshold;
	}
	*score = 1 - y[0];
	if (*score < c->threshold / 32768.0)
		return 0;
	for (i = 2; i < n; i++)
		if (y[i] > y[best])
			best = i;
	return best;
}

static void count(struct comparison *p, size_t row, const double *y)
{
	const struct ink_compile *c = p->c;
	struct ink_report *r = p->r;
	struct inkling_verdict v;
	double score, scale = c->head == INKLING_HEAD_CLASSES ? 32768 : 1, gap;
	uint32_t class, label = p->rows->label ? p->rows->label[row] : 0;

	ink_model_run(p->model, p->rows->raw + row * c->schema->n, c->schema->n * sizeof(int32_t),
		      p->out, ink_model_output_size(p->model));
	ink_model_verdict(p->model, p->out, c->threshold, &v);
	class = float_class(c, y, p->unit, &score);
	gap = fabs(score - v.score / scale);
	if (c->head == INKLING_HEAD_ANOMALY)
		gap /= c->threshold;
	r->differ += class != v.class;
	r->mean_gap += gap / p->rows->n;
	r->max_gap = fmax(r->max_gap, gap);
	r->float_right += class == label;
	r->int8_right += v.class == label;
	r->harmless += !label;
	r->float_alarms += !label && class;
	r->int8_alarms += !label && v.class;
	p->of_float[row] = (struct scored){ score, label };
	p->of_int8[row] = (struct scored){ v.score, label };
}

/* Without a head there is only the result itself to compare. */
static void count_raw(struct comparison *p, size_t row, const double *y)
{
	const struct ink_grid *g = &p->c->quant->ops[p->c->net->output].grid;
	uint32_t n = p->c->net->ops[p->c->net->output].width, i;
	bool softmax = p->c->net->ops[p->c->net->output].kind == INK_NET_SOFTMAX;
	double v;

	ink_model_run(p->model, p->rows->raw + row * p->c->schema->n,
		      p->c->schema->n * sizeof(int32_t), p->out, ink_model_output_size(p->model));
	for (i = 0; i < n; i++) {
		if (softmax)
			v = ((const int16_t *)p->out)[i] / 32768.0;
		else if (p->c->net->ops[p->c->net->output].kind == INK_NET_DIST)
			v = ((const int32_t *)p->out)[i] * p->unit;
		else
			v = (g->dtype == INKLING_INT8 ? ((const int8_t *)p->out)[i] :
			     g->dtype == INKLING_INT16 ? ((const int16_t *)p->out)[i] :
			     ((const int32_t *)p->out)[i]) * g->scale[0] + g->off[0];
		v = fabs(v - y[i]);
		p->r->mean_gap += v / p->rows->n / n;
		p->r->max_gap = fmax(p->r->max_gap, v);
	}
}

static bool run(struct comparison *p, struct ink_diag *why)
{
	const struct ink_net *net = p->c->net;
	uint32_t n = net->ops[net->output].width;
	size_t done, chunk, i;

	for (done = 0; done < p->rows->n; done += chunk) {
		chunk = p->rows->n - done < CHUNK ? p->rows->n - done : CHUNK;
		ink_rows_expand(p->rows, p->c->schema, done, chunk, p->x);
		if (!ink_net_eval(net, p->x, chunk, p->c->schema->width, p->values, why))
			return false;
		for (i = 0; i < chunk; i++) {
			const double *y = p->values[net->output] + i * n;

			if (p->c->head == INKLING_HEAD_RAW)
				count_raw(p, done + i, y);
			else
				count(p, done + i, y);
		}
		ink_net_values_free(net, p->values);
	}
	return true;
}

bool ink_report_run(struct ink_report *r, const struct ink_compile *c, const struct ink_rows *rows,
		    struct ink_diag *why)
{
	struct comparison p = {
		.r = r, .c = c, .rows = rows,
		.model = ink_model_open_image(c->image, c->size),
		.x = calloc(CHUNK * (size_t)c->schema->width, sizeof(*p.x)),
		.values = calloc(c->net->n_ops, sizeof(*p.values)),
		.of_float = calloc(rows->n, sizeof(*p.of_float)),
		.of_int8 = calloc(rows->n, sizeof(*p.of_int8)),
		.unit = 1,
	};
	int32_t shift;
	bool ok;

	memset(r, 0, sizeof(*r));
	r->rows = rows->n;
	r->labels = rows->label;
	if (!p.model)
		ok = ink_fail(why, "the verifier refuses the image: %s", ink_failure_last()->text) ||
		     ink_hint(why, "%s", ink_failure_last()->hint);
	else
		p.out = malloc(ink_model_output_size(p.model));
	ok = p.model && p.out && p.x && p.values && p.of_float && p.of_int8;
	if (!ok)
		ink_fail(why, "no memory to compare %zu rows", rows->n);
	if (c->net->ops[c->net->output].kind == INK_NET_DIST)
		p.unit = ink_quant_dist_unit(c->quant, c->net->output, &shift);
	ok = ok && run(&p, why);
	if (ok && r->labels && c->head != INKLING_HEAD_RAW) {
		r->float_auc = area(p.of_float, rows->n);
		r->int8_auc = area(p.of_int8, rows->n);
	}
	ink_model_close(p.model);
	free(p.out);
	free(p.x);
	free(p.values);
	free(p.of_float);
	free(p.of_int8);
	return ok;
}
