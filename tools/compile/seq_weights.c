// SPDX-License-Identifier: GPL-2.0-only
/*
 * Weights of sequence operators as int8.
 *
 * What lives here: what is seen of the inputs of layers on the samples, and
 * rows of weights with the scale and rounding that make the least error of it
 * (quant_dense.c does the search). What doesn't: scales of activations
 * (seq_quant.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant.h"
#include "seq_quant.h"

#define MOST		512		/* columns up to which all pairs are looked at */
#define SEE_WORK	3e8		/* multiplications to see an operator's results */
#define RARE		0.002		/* variance that each column has at least, by its squared range */
#define ROW_WORK	6e9		/* multiplications for all rows of a layer with all pairs */
#define BIAS_SHARE	16384		/* of an input's range: a bias takes half of 32 bits */

bool ink_seq_weights_begin(struct ink_seq_quant *q, struct ink_diag *why)
{
	uint32_t i;

	for (i = 0; i < q->net->n_ops; i++) {
		const struct ink_seq_op *op = &q->net->ops[i];
		struct ink_seq_grid *g;
		size_t n;

		if (op->kind != INK_SEQ_LINEAR || q->grid[op->in[0]].sum)
			continue;
		g = &q->grid[op->in[0]];
		n = q->net->ops[op->in[0]].cols;
		g->sum = ink_pool_alloc(&q->pool, n, sizeof(*g->sum));
		g->product = ink_pool_alloc(&q->pool, n * (n <= MOST ? n : 1), sizeof(*g->product));
		if (!g->sum || !g->product)
			return ink_fail(why, "%s: no memory for what its input is like", op->label);
	}
	return true;
}

void ink_seq_weights_see(struct ink_seq_quant *q, uint32_t i, const double *x, uint32_t rows)
{
	struct ink_seq_grid *g = &q->grid[i];
	size_t n = q->net->ops[i].cols, r, a, b;

	if (!g->sum)
		return;
	for (r = 0; r < rows; r++, x += n) {
		if ((double)g->seen * (double)n * (double)(n <= MOST ? n / 2 : 1) > SEE_WORK)
			return;
		g->seen++;
		for (a = 0; a < n; a++) {
			g->sum[a] += x[a];
			if (n > MOST)
				g->product[a] += x[a] * x[a];
			for (b = 0; n <= MOST && b <= a; b++)
				g->product[a * n + b] += x[a] * x[b];
		}
	}
}

/* Covariance, with a floor for what rarely varies on the samples. */
static double *covariance(struct ink_seq_quant *q, uint32_t i, bool full)
{
	const struct ink_seq_grid *g = &q->grid[i];
	double floor = RARE * pow(q->grid[g->group].top, 2), seen = (double)g->seen, v;
	size_t n = q->net->ops[i].cols, a, b;
	double *c = calloc(n * (full ? n : 1), sizeof(*c));

	for (a = 0; c && a < n; a++) {
		for (b = full ? 0 : a; b <= a; b++) {
			v = g->product[n <= MOST ? a * n + b : a] / seen -
			    g->sum[a] / seen * (g->sum[b] / seen);
			v += a == b ? floor : 0;
			if (full)
				c[a * n + b] = c[b * n + a] = v;
			else
				c[a] = v;
		}
	}
	return c;
}

/* A step that lets the row's bias be a number of at most half of 32 bits. */
static double coarse(const struct ink_seq_quant *q, const struct ink_seq_op *op, uint32_t o,
		     double step)
{
	double top = q->grid[q->grid[op->in[0]].group].top * INK_SEQ_HEADROOM;

	if (!(step > 0))
		step = 1e-9;
	return op->b && top > 0 ? fmax(step, fabs(op->b[o]) / top / BIAS_SHARE) : step;
}

static void linear_row(struct ink_seq_quant *q, uint32_t i, uint32_t o, struct ink_row_search *s,
		       int8_t *trial)
{
	const struct ink_seq_op *op = &q->net->ops[i];
	const struct ink_seq_grid *in = &q->grid[op->in[0]];
	struct ink_seq_grid *g = &q->grid[i];
	double step, coarser;
	uint32_t k;

	s->w = op->w + (size_t)o * s->n;
	s->q = g->w + (size_t)o * s->n;
	step = ink_quant_row(s, 0, trial);
	coarser = coarse(q, op, o, step);
	for (k = 0; coarser != step && k < s->n; k++)
		s->q[k] = (int8_t)nearbyint(s->w[k] / coarser);
	g->step[o] = coarser;
	g->bias[o] = op->b ? op->b[o] : 0;
	for (k = 0; k < s->n && in->seen; k++)
		g->bias[o] += (s->w[k] - s->q[k] * coarser) * in->sum[k] / (double)in->seen;
}

static bool linear(struct ink_seq_quant *q, uint32_t i, struct ink_diag *why)
{
	const struct ink_seq_op *op = &q->net->ops[i];
	struct ink_row_search s = { .n = q->net->ops[op->in[0]].cols };
	int8_t *trial = malloc(s.n);
	double *c, n = s.n;
	uint32_t o;

	s.full = s.n <= MOST && op->cols * n * n * 10 < ROW_WORK;
	c = covariance(q, op->in[0], s.full);
	s.c = c;
	s.rest = calloc(s.n, sizeof(*s.rest));
	for (o = 0; trial && c && s.rest && o < op->cols; o++)
		linear_row(q, i, o, &s, trial);
	if (o < op->cols)
		ink_fail(why, "%s: no memory for its weights", op->label);
	free(trial);
	free(c);
	free(s.rest);
	return o == op->cols;
}

/* Each row for itself, of hashed ones all: there is nothing to weigh columns by. */
static void embed(struct ink_seq_quant *q, uint32_t i)
{
	const struct ink_seq_op *op = &q->net->ops[i];
	struct ink_seq_grid *g = &q->grid[i];
	size_t n = (size_t)op->words * op->cols, each = op->kind == INK_SEQ_EMBED ? op->cols : n, o, k;

	for (o = 0; o < n; o += each) {
		double top = 0, step;

		for (k = o; k < o + each; k++)
			top = fmax(top, fabs(op->w[k]));
		g->step[o / op->cols] = step = top > 0 ? top / 127 : 1;
		for (k = o; k < o + each; k++)
			g->w[k] = (int8_t)nearbyint(op->w[k] / step);
	}
}

bool ink_seq_weights(struct ink_seq_quant *q, uint32_t i, struct ink_diag *why)
{
	const struct ink_seq_op *op = &q->net->ops[i];
	bool table = op->kind != INK_SEQ_LINEAR;
	size_t rows = table ? op->words : op->cols, cols = table ? op->cols : q->net->ops[op->in[0]].cols;
	struct ink_seq_grid *g = &q->grid[i];

	g->w = ink_pool_alloc(&q->pool, rows * cols, 1);
	g->step = ink_pool_alloc(&q->pool, rows, 2 * sizeof(*g->step));
	if (!g->w || !g->step)
		return ink_fail(why, "%s: no memory for its weights", op->label);
	g->bias = g->step + rows;
	if (!table)
		return linear(q, i, why);
	embed(q, i);
	return true;
}
