// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calibration: what the values of each vector are like.
 *
 * What lives here: evaluating the network on the calibration rows, and the
 * ranges that hold all, or nearly all, of the values of each vector. What
 * doesn't: choosing among the ranges (search.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant.h"

#define LARGEST		1e15	/* of a value */
#define FLAT_STEPS	2048
#define QUANT_MEMORY	((size_t)768 << 20)

const double ink_clip_shares[INK_CLIPS] = {
	1, 0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.96,
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Beyond this, scales and their squares leave what a float can hold. */
static bool check_span(const struct ink_span *s, const char *label, struct ink_diag *why)
{
	if (s->lo[0] >= -LARGEST && s->hi[0] <= LARGEST)
		return true;
	return ink_fail(why, "%s gives values from %g to %g; up to %g is supported", label,
			s->lo[0], s->hi[0], LARGEST) ||
	       ink_hint(why, "scale the inputs of the model to a range such as 0 to 1");
}

/* Each share is cut off in halves at both ends; zero always lies inside. */
static bool span_of(const double *values, size_t n, struct ink_span *span, struct ink_diag *why)
{
	double *sorted = malloc(n * sizeof(*sorted));
	size_t cut;
	int i;

	if (!sorted)
		return ink_fail(why, "no memory for %zu calibration values", n);
	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	for (i = 0; i < INK_CLIPS; i++) {
		cut = (size_t)((1 - ink_clip_shares[i]) / 2 * n);
		span->lo[i] = fmin(sorted[cut], 0);
		span->hi[i] = fmax(sorted[n - 1 - cut], 0);
	}
	free(sorted);
	return true;
}

/*
 * Where a function is flat, nothing is lost by leaving its argument out: the
 * last candidates end where the function comes within a small share of its
 * value at the end of the range.
 */
static void flat_ends(const struct ink_unary *f, struct ink_span *span)
{
	static const double near[] = { 0.001, 0.003, 0.01, 0.02 };
	double lo = span->lo[0], hi = span->hi[0], step = (hi - lo) / FLAT_STEPS, x, y;
	double least = INFINITY, most = -INFINITY;
	int k, i, c;

	for (i = 0; i <= FLAT_STEPS; i++) {
		y = ink_unary_eval(f, lo + i * step);
		least = fmin(least, y);
		most = fmax(most, y);
	}
	for (k = 0; k < 4; k++) {
		c = INK_CLIPS - 4 + k;
		for (i = 0, x = lo; i < FLAT_STEPS && x < 0; i++, x = lo + i * step)
			if (!(fabs(ink_unary_eval(f, x + step) - ink_unary_eval(f, lo)) <=
			      near[k] * (most - least)))
				break;
		span->lo[c] = fmin(x, 0);
		for (i = 0, x = hi; i < FLAT_STEPS && x > 0; i++, x = hi - i * step)
			if (!(fabs(ink_unary_eval(f, x - step) - ink_unary_eval(f, hi)) <=
			      near[k] * (most - least)))
				break;
		span->hi[c] = fmax(x, 0);
	}
}

/* What the activation of a DENSE is applied to. */
static bool eval_before(struct ink_quant *q, uint32_t i, struct ink_diag *why)
{
	const struct ink_net_op *op = &q->net->ops[i];
	size_t n = ink_quant_in(q, i, 0)->width, row, o, k;
	double *y = ink_pool_alloc(&q->pool, q->rows * op->width, sizeof(*y));

	if (!y)
		return ink_fail(why, "no memory for calibration");
	q->before[i] = y;
	for (row = 0; row < q->rows; row++) {
		const double *x = q->values[op->in[0]] + row * n;

		for (o = 0; o < op->width; o++, y++) {
			*y = op->b[o];
			for (k = 0; k < n; k++)
				*y += op->w[o * n + k] * x[k];
		}
	}
	if (!span_of(q->before[i], q->rows * op->width, &q->ops[i].before, why))
		return false;
	flat_ends(&op->f, &q->ops[i].before);
	return check_span(&q->ops[i].before, op->label, why);
}

/* Features can take all values that the schema allows, whatever the calibration has seen. */
static void input_span(const struct ink_quant *q, uint32_t i)
{
	const struct ink_net_op *op = &q->net->ops[i];
	double lo = 0, hi = 0;
	uint32_t k;

	for (k = 0; k < op->width; k++) {
		double a = op->s[k] * q->columns[k].lo + op->b[k];
		double b = op->s[k] * q->columns[k].hi + op->b[k];

		lo = fmin(lo, fmin(a, b));
		hi = fmax(hi, fmax(a, b));
	}
	for (k = 0; k < INK_CLIPS; k++) {
		q->ops[i].span.lo[k] = lo;
		q->ops[i].span.hi[k] = hi;
	}
}

static bool collect(struct ink_quant *q, struct ink_diag *why)
{
	double lo, hi;
	uint32_t i;

	for (i = 0; i < q->net->n_ops; i++) {
		const struct ink_net_op *op = &q->net->ops[i];

		if (!span_of(q->values[i], q->rows * op->width, &q->ops[i].span, why))
			return false;
		if (op->kind == INK_NET_INPUT)
			input_span(q, i);
		if (!check_span(&q->ops[i].span, op->label, why))
			return false;
		q->ops[i].has_table = op->kind == INK_NET_UNARY ||
				      (op->kind == INK_NET_DENSE &&
				       !ink_unary_is_clamp(&op->f, &lo, &hi));
		if (op->kind == INK_NET_DENSE && q->ops[i].has_table && !eval_before(q, i, why))
			return false;
	}
	return true;
}

/* Let both operators, and all that share a grid with one of them, share one. */
static void join(struct ink_quant *q, uint32_t a, uint32_t b)
{
	uint32_t from = q->ops[b].group, to = q->ops[a].group, i;

	for (i = 0; i < q->net->n_ops; i++)
		if (q->ops[i].group == from)
			q->ops[i].group = to;
}

/* What the readers of each vector need; readers come after what they read. */
static void readers(struct ink_quant *q)
{
	uint32_t i, k;

	for (i = 0; i < q->net->n_ops; i++) {
		q->ops[i].group = i;
		q->ops[i].wide = q->net->ops[i].kind == INK_NET_DENSE && !q->ops[i].has_table;
		q->ops[i].logits = q->ops[i].wide || q->net->ops[i].kind == INK_NET_ADD ||
				   q->net->ops[i].kind == INK_NET_MUL;
	}
	for (i = q->net->n_ops; i-- > 0;) {
		const struct ink_net_op *op = &q->net->ops[i];

		for (k = 0; k < op->n_in; k++) {
			struct ink_quant_op *in = &q->ops[op->in[k]];

			in->feeds_dense |= op->kind == INK_NET_DENSE ||
					   (op->kind == INK_NET_CONCAT && q->ops[i].feeds_dense);
			in->one_grid |= op->kind != INK_NET_DENSE &&
					(op->kind != INK_NET_CONCAT || q->ops[i].one_grid);
			in->wide &= op->kind == INK_NET_ADD || op->kind == INK_NET_MUL ||
				    op->kind == INK_NET_DIST;
			in->logits &= op->kind == INK_NET_SOFTMAX;
			if (op->kind == INK_NET_CONCAT && q->ops[i].one_grid)
				join(q, i, op->in[k]);
		}
		if (op->kind == INK_NET_DIST)
			join(q, op->in[0], op->in[1]);
	}
	q->ops[q->net->output].one_grid = true;
	q->ops[q->net->output].wide = false;
	for (i = 0; i < q->net->n_ops; i++)
		q->ops[i].wide &= !q->ops[i].logits;
}

/* Both operands of a pair have one type: 16 bits where each of them can. */
static void agree_on_width(struct ink_quant *q)
{
	bool changed = true;
	uint32_t i;

	while (changed) {
		changed = false;
		for (i = 0; i < q->net->n_ops; i++) {
			const struct ink_net_op *op = &q->net->ops[i];
			struct ink_quant_op *a, *b;

			if (op->kind != INK_NET_ADD && op->kind != INK_NET_MUL &&
			    op->kind != INK_NET_DIST)
				continue;
			a = &q->ops[op->in[0]];
			b = &q->ops[op->in[1]];
			if (a->wide != b->wide) {
				a->wide = false;
				b->wide = false;
				changed = true;
			}
		}
	}
}

static bool alloc_ops(struct ink_quant *q, struct ink_diag *why)
{
	const uint32_t n = q->net->n_ops;
	uint32_t i;

	q->ops = ink_pool_alloc(&q->pool, n, sizeof(*q->ops));
	q->values = ink_pool_alloc(&q->pool, n, sizeof(*q->values));
	q->before = ink_pool_alloc(&q->pool, n, sizeof(*q->before));
	q->cov = ink_pool_alloc(&q->pool, n, sizeof(*q->cov));
	q->columns = ink_pool_alloc(&q->pool, q->schema->width, sizeof(*q->columns));
	if (!q->ops || !q->values || !q->before || !q->cov || !q->columns)
		return ink_fail(why, "no memory for calibration");
	for (i = 0; i < n; i++) {
		struct ink_grid *grids[2] = { &q->ops[i].grid, &q->ops[i].grid_before };
		int k;

		for (k = 0; k < 2; k++) {
			grids[k]->scale = ink_pool_alloc(&q->pool, q->net->ops[i].width,
							 2 * sizeof(double));
			if (!grids[k]->scale)
				return ink_fail(why, "no memory for calibration");
			grids[k]->off = grids[k]->scale + q->net->ops[i].width;
		}
	}
	ink_schema_columns(q->schema, q->columns);
	return true;
}

struct ink_quant *ink_quant_new(const struct ink_net *net, const struct ink_schema *schema,
				const double *x, size_t rows, struct ink_diag *why)
{
	struct ink_quant *q = calloc(1, sizeof(*q));

	if (!q) {
		ink_fail(why, "no memory for calibration");
		return NULL;
	}
	ink_pool_init(&q->pool, QUANT_MEMORY);
	q->net = net;
	q->schema = schema;
	q->bits = 8;
	q->rows = rows;
	if (!alloc_ops(q, why) || !ink_net_eval(net, x, rows, schema->width, q->values, why) ||
	    !collect(q, why)) {
		ink_quant_free(q);
		return NULL;
	}
	readers(q);
	agree_on_width(q);
	q->logits = net->ops[net->output].kind == INK_NET_SOFTMAX ? net->ops[net->output].in[0] :
								     net->output;
	return q;
}

void ink_quant_free(struct ink_quant *q)
{
	if (!q)
		return;
	if (q->values)
		ink_net_values_free(q->net, q->values);
	ink_pool_free(&q->pool);
	free(q);
}
