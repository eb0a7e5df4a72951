// SPDX-License-Identifier: GPL-2.0-only
/*
 * The features as int8: tables of the QUANT operator.
 *
 * What lives here: how many of the int8 levels each feature uses and how its
 * raw integer is scaled to them. A DENSE takes a scale of its own for each
 * element, since scales of elements go into the columns of its weights; other
 * readers need one scale for all. What doesn't: the weights (quant_dense.c).
 */
#include <math.h>
#include <string.h>

#include "fixed.h"
#include "quant.h"

/* Units of the integer that QUANT scales: raw steps, or 2^-16 octaves; and their real value. */
static double units_of(const struct ink_quant *q, const struct ink_column *c, double *unit)
{
	u64 u = (u64)((s64)c->raw_hi - c->raw_lo);

	if (c->kind == INKLING_QUANT_LOG2) {
		*unit = 1.0 / 65536;
		return ink_log2_q16(u + 1);
	}
	*unit = c->kind == INKLING_QUANT_ONEHOT ? 1 :
		pow(10, -q->schema->features[c->feature].decimals);
	return c->kind == INKLING_QUANT_ONEHOT ? 1 : (double)u;
}

/*
 * How much of its row's weight range each element can need: of |w| times the
 * element's range, the share of the row's greatest; the greatest over all rows
 * of all layers that read the operator.
 */
static void shares(const struct ink_quant *q, uint32_t i, double *share)
{
	const struct ink_net_op *input = &q->net->ops[i];
	uint32_t r, o, k, n = input->width;
	bool dense = false;

	memset(share, 0, n * sizeof(*share));
	for (r = 0; r < q->net->n_ops; r++) {
		const struct ink_net_op *op = &q->net->ops[r];

		if (op->kind != INK_NET_DENSE || op->in[0] != i)
			continue;
		dense = true;
		for (o = 0; o < op->width; o++) {
			const double *w = op->w + (size_t)o * n;
			double top = 0, v;

			for (k = 0; k < n; k++) {
				v = fabs(w[k] * input->s[k]) * (q->columns[k].hi - q->columns[k].lo);
				top = fmax(top, v);
			}
			for (k = 0; k < n; k++) {
				v = fabs(w[k] * input->s[k]) * (q->columns[k].hi - q->columns[k].lo);
				share[k] = fmax(share[k], top > 0 ? v / top : 0);
			}
		}
	}
	for (k = 0; !dense && k < n; k++)
		share[k] = 1;
	/* Another reader (a CONCAT) may need all of it. */
	for (r = 0; r < q->net->n_ops; r++)
		if (q->net->ops[r].kind == INK_NET_CONCAT)
			for (o = 0; o < q->net->ops[r].n_in; o++)
				for (k = 0; q->net->ops[r].in[o] == i && k < n; k++)
					share[k] = 1;
}

/*
 * Levels of a feature. Few distinct values: a multiple of their number, so that
 * each is met exactly; and no more than the weights can make use of, since
 * fewer levels make finer weights.
 */
static int levels_of(double units, double share, int most)
{
	int k;

	if (units < 1)
		return 0;
	if (units > most)
		return most;
	k = (int)ceil(most * share / units);
	if (k > most / (int)units)
		k = most / (int)units;
	return (int)units * (k < 1 ? 1 : k);
}

static struct inkling_quant_row *add_row(struct ink_quant *q, uint32_t i,
					 const struct ink_column *c)
{
	struct inkling_quant_row *row = &q->ops[i].rows[q->ops[i].n_rows++];
	bool onehot = c->kind == INKLING_QUANT_ONEHOT;

	*row = (struct inkling_quant_row){
		.kind = c->kind,
		.feature = c->feature,
		.lo = onehot ? 0 : c->raw_lo,
		.hi = onehot ? (int32_t)q->schema->features[c->feature].n_names - 1 : c->raw_hi,
	};
	row->width = onehot ? row->hi + 1 : 1;
	return row;
}

static bool set_scale(const struct ink_quant *q, struct inkling_quant_row *row, double ratio,
		      struct ink_diag *why)
{
	int8_t shift;

	if (!ink_quant_ratio(ratio, &row->mult, &shift))
		return ink_fail(why, "feature \"%s\": its scale %g is too large",
				q->schema->features[row->feature].name, ratio);
	row->shift = shift;
	return true;
}

static void widen(struct ink_grid *g, int32_t v)
{
	g->lo = v < g->lo ? v : g->lo;
	g->hi = v > g->hi ? v : g->hi;
}

/* A scale for each feature: all of the levels for its own range. */
static bool own_scales(struct ink_quant *q, uint32_t i, struct ink_diag *why)
{
	const struct ink_net_op *op = &q->net->ops[i];
	struct ink_grid *g = &q->ops[i].grid;
	int most = q->bits == 7 ? 127 : 255, levels;
	double *share = ink_pool_alloc(&q->pool, op->width, sizeof(*share));
	double units, unit, top;
	uint32_t k = 0, j, n;

	if (!share)
		return ink_fail(why, "no memory for the features");
	shares(q, i, share);
	g->dtype = INKLING_INT8;
	g->uniform = false;
	g->lo = 127;
	g->hi = -128;
	for (k = 0; k < op->width; k += n) {
		const struct ink_column *c = &q->columns[k];
		struct inkling_quant_row *row = add_row(q, i, c);

		n = row->width;
		units = units_of(q, c, &unit);
		for (j = k, top = 0; j < k + n; j++)
			top = fmax(top, share[j]);
		levels = levels_of(units, top, most);
		row->zero = levels > 127 ? -128 : 0;
		if (c->kind == INKLING_QUANT_ONEHOT)
			row->mult = row->zero + levels;
		else if (!set_scale(q, row, levels ? levels / units : 0, why))
			return false;
		for (j = k; j < k + n; j++) {
			g->scale[j] = levels ? op->s[j] * unit * units / levels : 0;
			g->off[j] = op->s[j] * q->columns[j].lo + op->b[j] -
				    g->scale[j] * row->zero;
		}
		widen(g, row->zero);
		widen(g, row->zero + levels);
	}
	return true;
}

/* One scale for all features; the real range and the grid are set. */
static bool one_scale(struct ink_quant *q, uint32_t i, struct ink_diag *why)
{
	const struct ink_net_op *op = &q->net->ops[i];
	struct ink_grid *g = &q->ops[i].grid;
	double units, unit, scale = g->scale[0], zero;
	uint32_t k, j, n;

	for (k = 0; k < op->width; k += n) {
		const struct ink_column *c = &q->columns[k];
		struct inkling_quant_row *row = add_row(q, i, c);
		const char *name = q->schema->features[c->feature].name;

		n = row->width;
		units = units_of(q, c, &unit);
		zero = nearbyint((op->s[k] * c->lo + op->b[k]) / scale) + g->zero;
		row->zero = (int32_t)fmin(fmax(zero, -128), 127);
		if (c->kind == INKLING_QUANT_ONEHOT) {
			for (j = k + 1; j < k + n; j++)
				if (op->s[j] != op->s[k] || op->b[j] != op->b[k])
					return ink_fail(why, "feature \"%s\": its categories are scaled differently, and something else than a layer reads them",
							name);
			zero = nearbyint((op->s[k] + op->b[k]) / scale) + g->zero;
			row->mult = (int32_t)fmin(fmax(zero, -128), 127);
		} else if (op->s[k] < 0) {
			return ink_fail(why, "feature \"%s\": it is scaled by the negative %g, and something else than a layer reads it",
					name, op->s[k]) ||
			       ink_hint(why, "scale the feature by a positive number");
		} else if (!set_scale(q, row, units ? op->s[k] * unit / scale : 0, why)) {
			return false;
		}
	}
	return true;
}

bool ink_quant_input(struct ink_quant *q, uint32_t i, struct ink_diag *why)
{
	struct ink_quant_op *qo = &q->ops[i];

	if (!qo->rows)
		qo->rows = ink_pool_alloc(&q->pool, q->schema->n, sizeof(*qo->rows));
	if (!qo->rows)
		return ink_fail(why, "no memory for the features");
	qo->n_rows = 0;
	if (!qo->one_grid && !q->net->ops[i].fixed.set)
		return own_scales(q, i, why);
	ink_quant_grid(q, i);
	return one_scale(q, i, why);
}
