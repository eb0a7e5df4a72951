// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scales: which integers stand for each vector.
 *
 * What lives here: the grid of each operator's result, from the range in use
 * and from what its readers need; tables of functions; ratios as multiplier
 * and shift. What doesn't: weights (quant_dense.c), the features
 * (quant_input.c), and which ranges are best (search.c).
 */
#include <math.h>
#include <string.h>

#include "quant.h"

bool ink_quant_ratio(double ratio, int32_t *mult, int8_t *shift)
{
	int exponent;
	double m;

	*mult = 0;
	*shift = 1;
	if (!(ratio > 0))
		return ratio == 0;
	m = nearbyint(ldexp(frexp(ratio, &exponent), 31));
	if (m > INT32_MAX) {
		m /= 2;
		exponent++;
	}
	/* ratio = m * 2^(exponent - 31); smaller ones lose bits, then vanish. */
	while (31 - exponent > 62 && m >= 1) {
		m = floor(m / 2);
		exponent++;
	}
	if (m < 1)
		return true;
	if (31 - exponent < 1)
		return false;
	*mult = (int32_t)m;
	*shift = (int8_t)(31 - exponent);
	return true;
}

void ink_quant_table(const struct ink_unary *f, const struct ink_grid *from,
		     const struct ink_grid *to, int8_t table[256])
{
	int i;

	for (i = 0; i < 256; i++) {
		int x = i - 128 < from->lo ? from->lo : i - 128 > from->hi ? from->hi : i - 128;
		double y = ink_unary_eval(f, from->scale[0] * (x - from->zero));

		y = isfinite(y) ? nearbyint(y / to->scale[0]) + to->zero : to->zero;
		table[i] = (int8_t)fmin(fmax(y, to->lo), to->hi);
	}
}

static void fill_grid(struct ink_grid *g, uint32_t width, double scale, int32_t zero)
{
	uint32_t i;

	g->uniform = true;
	g->zero = zero;
	for (i = 0; i < width; i++) {
		g->scale[i] = scale;
		g->off[i] = -scale * zero;
	}
}

/* A uniform grid of @levels steps from the integer @lowest on, for lo..hi, which hold zero. */
static void range_grid(struct ink_grid *g, uint32_t width, double lo, double hi, int dtype,
		       int32_t lowest, int32_t levels)
{
	double scale = (hi - lo) / levels;

	g->dtype = dtype;
	g->lo = lowest;
	g->hi = lowest + levels;
	/* A vector that is always zero needs some scale. */
	if (!(scale > 1e-30))
		scale = 1.0 / levels;
	fill_grid(g, width, scale, lowest + (int32_t)nearbyint(-lo / scale));
}

static void fixed_grid(struct ink_grid *g, uint32_t width, const struct ink_net_range *r)
{
	g->dtype = INKLING_INT8;
	g->lo = -128;
	g->hi = 127;
	fill_grid(g, width, r->scale, r->zero);
}

/* Union of the ranges of all that share a grid, and what they share besides. */
struct shared {
	double lo, hi;
	bool feeds_dense, wide;
	const struct ink_net_range *fixed;
};

static struct shared shared_range(const struct ink_quant *q, uint32_t group)
{
	struct shared s = { .wide = true };
	uint32_t i;

	for (i = 0; i < q->net->n_ops; i++) {
		const struct ink_quant_op *op = &q->ops[i];

		if (op->group != group)
			continue;
		s.lo = fmin(s.lo, op->span.lo[op->span.use]);
		s.hi = fmax(s.hi, op->span.hi[op->span.use]);
		s.feeds_dense |= op->feeds_dense;
		s.wide &= op->wide;
		if (q->net->ops[i].fixed.set && !s.fixed)
			s.fixed = &q->net->ops[i].fixed;
	}
	return s;
}

/* Logits and raw results: 32 bits, as fine as the accumulator, never clamped. */
static void logit_grid(struct ink_quant *q, uint32_t i)
{
	const struct ink_span *s = &q->ops[i].span;
	struct ink_grid *g = &q->ops[i].grid;
	double top = fmax(fmax(-s->lo[0], s->hi[0]), 1e-30), scale;
	int exponent;

	/* The calibration's greatest value gets 20 bits; the verifier's bound has 11 more. */
	frexp(top, &exponent);
	scale = ldexp(1, exponent - 20);
	g->dtype = INKLING_INT32;
	g->lo = INT32_MIN;
	g->hi = INT32_MAX;
	fill_grid(g, q->net->ops[i].width, scale, 0);
}

void ink_quant_grid(struct ink_quant *q, uint32_t i)
{
	const struct shared s = shared_range(q, q->ops[i].group);
	uint32_t width = q->net->ops[i].width;
	struct ink_grid *g = &q->ops[i].grid;

	if (q->ops[i].logits)
		logit_grid(q, i);
	else if (s.fixed)
		fixed_grid(g, width, s.fixed);
	else if (s.wide)
		range_grid(g, width, s.lo, s.hi, INKLING_INT16, -32000, 64000);
	else if (q->bits == 7 && s.feeds_dense)
		range_grid(g, width, s.lo, s.hi, INKLING_INT8, 0, 127);
	else
		range_grid(g, width, s.lo, s.hi, INKLING_INT8, -128, 255);
}

/* Elements keep the grids of the vectors that they come from. */
static void concat_grid(struct ink_quant *q, uint32_t i)
{
	const struct ink_net_op *op = &q->net->ops[i];
	struct ink_grid *g = &q->ops[i].grid;
	uint32_t k, at = 0, n;

	g->dtype = INKLING_INT8;
	g->uniform = q->ops[i].one_grid;
	g->lo = 127;
	g->hi = -128;
	for (k = 0; k < op->n_in; k++, at += n) {
		const struct ink_grid *in = &q->ops[op->in[k]].grid;

		n = q->net->ops[op->in[k]].width;
		memcpy(g->scale + at, in->scale, n * sizeof(double));
		memcpy(g->off + at, in->off, n * sizeof(double));
		g->zero = in->zero;
		g->lo = in->lo < g->lo ? in->lo : g->lo;
		g->hi = in->hi > g->hi ? in->hi : g->hi;
	}
}

static bool dense_grids(struct ink_quant *q, uint32_t i)
{
	const struct ink_net_op *op = &q->net->ops[i];
	struct ink_quant_op *qo = &q->ops[i];
	const struct ink_span *b = &qo->before;

	ink_quant_grid(q, i);
	if (!qo->has_table)
		return true;
	if (op->before.set)
		fixed_grid(&qo->grid_before, op->width, &op->before);
	else
		range_grid(&qo->grid_before, op->width, b->lo[b->use], b->hi[b->use],
			   INKLING_INT8, -128, 255);
	ink_quant_table(&op->f, &qo->grid_before, &qo->grid, qo->table);
	return true;
}

static bool assign_op(struct ink_quant *q, uint32_t i, struct ink_diag *why)
{
	const struct ink_net_op *op = &q->net->ops[i];
	struct ink_quant_op *qo = &q->ops[i];

	switch (op->kind) {
	case INK_NET_INPUT:
		return ink_quant_input(q, i, why);
	case INK_NET_DENSE:
		return dense_grids(q, i) && ink_quant_dense(q, i, why);
	case INK_NET_CONCAT:
		concat_grid(q, i);
		return true;
	case INK_NET_UNARY:
		ink_quant_grid(q, i);
		ink_quant_table(&op->f, &q->ops[op->in[0]].grid, &qo->grid, qo->table);
		return true;
	case INK_NET_ADD:
	case INK_NET_MUL:
		ink_quant_grid(q, i);
		qo->lowest = qo->grid.lo;
		qo->highest = qo->grid.hi;
		return true;
	default:
		return true;
	}
}

bool ink_quant_assign(struct ink_quant *q, struct ink_diag *why)
{
	uint32_t i;

	for (i = 0; i < q->net->n_ops; i++)
		if (!assign_op(q, i, why))
			return false;
	return true;
}

double ink_quant_dist_unit(const struct ink_quant *q, uint32_t i, int32_t *shift)
{
	const struct ink_net_op *op = &q->net->ops[i];
	const struct ink_grid *g = &q->ops[op->in[0]].grid;
	double most = (double)g->hi - g->lo, sum = most * most * ink_quant_in(q, i, 0)->width;

	*shift = 1;
	while (sum > INT32_MAX) {
		sum /= 2;
		++*shift;
	}
	return op->ca * g->scale[0] * g->scale[0] * ldexp(1, *shift - 1);
}
