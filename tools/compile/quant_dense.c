// SPDX-License-Identifier: GPL-2.0-only
/*
 * Layers in integers.
 *
 * What lives here: int8 weights by output channel, with a scale and a rounding
 * that minimise the error of the layer's result on the calibration rows;
 * biases that leave no mean error; requantisation. What doesn't: ranges of
 * activations (quantise.c).
 *
 * The error of a row is e' C e, where e is the weights' error in units of the
 * inputs' integers and C the covariance of these integers: the mean goes into
 * the bias.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant.h"

#define SCALES		17	/* tried for each row: 1, 0.975, ... 0.6 of the largest weight */
#define PASSES		4	/* of rounding improvements */
#define COV_WORK	5e8	/* multiplications for a covariance matrix */
#define COV_MOST	2048	/* elements up to which all covariances are used */
#define RARE		0.002	/* variance that every input has at least, by its squared range */
#define ROW_WORK	3e9	/* multiplications for all rows with a full matrix */

/* Covariance of the elements of the vector made by @i; variances only where there are many. */
static bool covariance(struct ink_quant *q, uint32_t i, struct ink_diag *why)
{
	uint32_t n = q->net->ops[i].width, a, b;
	size_t rows = q->rows, r, m = n > COV_MOST ? 1 : n;
	double *mean, *d, *c;

	if (q->cov[i])
		return true;
	c = ink_pool_alloc(&q->pool, n * m, sizeof(*c));
	mean = ink_pool_alloc(&q->pool, n, 2 * sizeof(*mean));
	if (!c || !mean)
		return ink_fail(why, "no memory for calibration");
	d = mean + n;
	if ((double)rows * n * m > COV_WORK)
		rows = (size_t)(COV_WORK / n / m);
	for (r = 0; r < rows; r++)
		for (a = 0; a < n; a++)
			mean[a] += q->values[i][r * n + a] / rows;
	for (r = 0; r < rows; r++) {
		for (a = 0; a < n; a++)
			d[a] = q->values[i][r * n + a] - mean[a];
		for (a = 0; a < n; a++)
			for (b = 0; b < (m > 1 ? a + 1 : 1); b++)
				c[a * m + b] += d[a] * d[m > 1 ? b : a] / rows;
	}
	for (a = 0; m > 1 && a < n; a++)
		for (b = a + 1; b < n; b++)
			c[a * m + b] = c[b * m + a];
	q->cov[i] = c;
	return true;
}

static double round_row(const struct ink_row_search *s, double scale, int8_t *q)
{
	double err = 0, e, sum;
	uint32_t a, b;

	for (a = 0; a < s->n; a++)
		q[a] = (int8_t)fmin(fmax(nearbyint(s->w[a] / scale), -127), 127);
	for (a = 0; a < s->n; a++) {
		e = s->w[a] - scale * q[a];
		sum = s->c[s->full ? (size_t)a * s->n + a : a] * e;
		for (b = 0; s->full && b < a; b++)
			sum += 2 * s->c[(size_t)a * s->n + b] * (s->w[b] - scale * q[b]);
		err += e * sum;
	}
	return err;
}

/* Move single weights by one step where that lessens the error of the row. */
static void improve_row(struct ink_row_search *s, double scale)
{
	uint32_t a, b, pass, moved = 1;
	int d;

	for (a = 0; a < s->n; a++) {
		s->rest[a] = 0;
		for (b = 0; b < s->n; b++)
			s->rest[a] += s->c[(size_t)a * s->n + b] * (s->w[b] - scale * s->q[b]);
	}
	for (pass = 0; pass < PASSES && moved; pass++) {
		for (a = 0, moved = 0; a < s->n; a++) {
			double own = s->c[(size_t)a * s->n + a] * scale;

			d = s->rest[a] > 0 ? 1 : -1;
			if (fabs(s->rest[a]) * 2 <= own * (1 + 1e-9) || abs(s->q[a] + d) > 127)
				continue;
			s->q[a] += d;
			moved++;
			for (b = 0; b < s->n; b++)
				s->rest[b] -= d * scale * s->c[(size_t)a * s->n + b];
		}
	}
}

double ink_quant_row(struct ink_row_search *s, double given, int8_t *trial)
{
	double top = 0, best = INFINITY, scale = 0, err, t;
	uint32_t a;
	int k;

	for (a = 0; a < s->n; a++)
		top = fmax(top, fabs(s->w[a]));
	if (!(top > 0)) {
		memset(s->q, 0, s->n);
		return 0;
	}
	/* Weights that were trained as integers are kept as they are. */
	if (given > 0 && top / given < 127.5) {
		round_row(s, given, s->q);
		return given;
	}
	for (k = 0; k < SCALES; k++) {
		t = top / 127 * (1 - 0.025 * k);
		err = round_row(s, t, trial);
		if (err < best) {
			best = err;
			scale = t;
			memcpy(s->q, trial, s->n);
		}
	}
	if (s->full)
		improve_row(s, scale);
	return scale;
}

/* Are the integer weights those of the scales that the input has now? */
static bool ratios_kept(const struct ink_quant *q, uint32_t i)
{
	const struct ink_quant_op *qo = &q->ops[i];
	const struct ink_grid *in = &q->ops[q->net->ops[i].in[0]].grid;
	uint32_t n = ink_quant_in(q, i, 0)->width, a;

	if (!in->scale[0] || !qo->w_ratio[0])
		return false;
	for (a = 0; a < n; a++)
		if (in->scale[a] * qo->w_ratio[0] != in->scale[0] * qo->w_ratio[a])
			return false;
	return true;
}

/* Covariance of the integers of the input; @c has room for n * n, or n without @full. */
static void scaled_covariance(const struct ink_quant *q, uint32_t in, bool full, double *c)
{
	const struct ink_grid *g = &q->ops[in].grid;
	size_t n = q->net->ops[in].width, stride = n > COV_MOST ? 1 : n, a, b;
	double range = (double)g->hi - g->lo, v;

	for (a = 0; a < n; a++) {
		for (b = full ? 0 : a; b < (full ? n : a + 1); b++) {
			v = q->cov[in][stride > 1 ? a * stride + b : a];
			v = g->scale[a] && g->scale[b] ? v / (g->scale[a] * g->scale[b]) : 0;
			/* What rarely varies in the calibration may be what an attack varies. */
			c[full ? a * n + b : a] = v + (a == b ? RARE * range * range : 0);
		}
	}
}

/* Integer weights, and the real value of one step of each accumulator. */
static bool weights(struct ink_quant *q, uint32_t i, struct ink_diag *why)
{
	const struct ink_net_op *op = &q->net->ops[i];
	struct ink_quant_op *qo = &q->ops[i];
	uint32_t n = ink_quant_in(q, i, 0)->width, o, a;
	const struct ink_grid *in = &q->ops[op->in[0]].grid;
	struct ink_row_search s = { .n = n };
	double *c, *w;
	int8_t *trial;

	if (!covariance(q, op->in[0], why))
		return false;
	s.full = n <= COV_MOST && (double)op->width * n * n * (SCALES + PASSES) / 2 < ROW_WORK;
	c = malloc((n * (s.full ? (size_t)n : 1) + 2 * (size_t)n) * sizeof(*c));
	trial = malloc(n);
	if (!c || !trial) {
		free(c);
		free(trial);
		return ink_fail(why, "no memory for the weights of %s", op->label);
	}
	w = c + n * (s.full ? (size_t)n : 1);
	s.rest = w + n;
	s.w = w;
	s.c = c;
	scaled_covariance(q, op->in[0], s.full, c);
	for (o = 0; o < op->width; o++) {
		for (a = 0; a < n; a++)
			w[a] = op->w[(size_t)o * n + a] * in->scale[a];
		s.q = qo->w + (size_t)o * n;
		qo->step[o] = ink_quant_row(&s, op->steps && in->uniform ?
					   op->steps[o] * in->scale[0] : 0, trial);
	}
	memcpy(qo->w_ratio, in->scale, n * sizeof(*in->scale));
	free(c);
	free(trial);
	return true;
}

/* Mean of each input element as the real network has it, and as integers. */
static void means(const struct ink_quant *q, uint32_t in, double *real, double *integer)
{
	const struct ink_grid *g = &q->ops[in].grid;
	uint32_t n = q->net->ops[in].width, a;
	size_t r;

	memset(real, 0, n * sizeof(*real));
	memset(integer, 0, n * sizeof(*integer));
	for (r = 0; r < q->rows; r++) {
		for (a = 0; a < n; a++) {
			double v = q->values[in][r * n + a];

			real[a] += v;
			if (g->scale[a])
				integer[a] += fmin(fmax(nearbyint((v - g->off[a]) / g->scale[a]),
							g->lo), g->hi);
		}
	}
	for (a = 0; a < n; a++) {
		real[a] /= q->rows;
		integer[a] /= q->rows;
	}
}

/*
 * The bias that makes the mean over the calibration right; the step grows
 * until the verifier's bound of the accumulator, which takes all inputs at
 * their worst, fits into 32 bits.
 */
static bool bias(struct ink_quant *q, uint32_t i, uint32_t o, const double *real,
		 const double *integer, double *bound)
{
	const struct ink_net_op *op = &q->net->ops[i];
	const struct ink_grid *in = &q->ops[op->in[0]].grid;
	struct ink_quant_op *qo = &q->ops[i];
	uint32_t n = ink_quant_in(q, i, 0)->width, a;
	double most = fmax(-(double)in->lo, in->hi), mean, sum, want;
	int8_t *w = qo->w + (size_t)o * n;
	int grown;

	for (grown = 0; grown < 64; grown++) {
		want = op->b[o];
		mean = 0;
		sum = 0;
		for (a = 0; a < n; a++) {
			want += op->w[(size_t)o * n + a] * real[a];
			mean += w[a] * integer[a];
			sum += abs(w[a]) * fmax(most, 1);
		}
		/* A row of zeros has no step of its own: any that its bias fits. */
		if (!(qo->step[o] > 0))
			qo->step[o] = fmax(fabs(want), 1e-9) / (1 << 20);
		want = nearbyint(want / qo->step[o] - mean);
		*bound = sum + fabs(want);
		if (*bound <= INT32_MAX - 1) {
			qo->bias[o] = (int32_t)want;
			return true;
		}
		qo->step[o] *= 2;
		for (a = 0; a < n; a++)
			w[a] /= 2;
		qo->w_ratio[0] = NAN;	/* made again next time */
	}
	return false;
}

/* Scale of the result; 32-bit results get a coarser one where a row could leave 32 bits. */
static bool requant(struct ink_quant *q, uint32_t i, const double *bound, struct ink_diag *why)
{
	struct ink_quant_op *qo = &q->ops[i];
	struct ink_grid *to = qo->has_table ? &qo->grid_before : &qo->grid;
	uint32_t m = q->net->ops[i].width, o, k;

	for (o = 0; o < m; o++) {
		while (bound[o] * qo->step[o] / to->scale[0] > 1 << 30) {
			if (to->dtype != INKLING_INT32)
				return ink_fail(why, "%s: row %u is scaled beyond 32 bits",
						q->net->ops[i].label, o) ||
				       ink_hint(why, "its activations hardly vary in the calibration: give rows that are like real traffic");
			for (k = 0; k < m; k++)
				to->scale[k] *= 2;
		}
	}
	for (o = 0; o < m; o++)
		if (!ink_quant_ratio(qo->step[o] / to->scale[0], &qo->mult[o], &qo->shift[o]))
			return ink_fail(why, "%s: row %u needs the scale %g, which is too large",
					q->net->ops[i].label, o, qo->step[o] / to->scale[0]);
	return true;
}

static int32_t clamp_int(double v, int32_t lo, int32_t hi)
{
	return v <= lo ? lo : v >= hi ? hi : (int32_t)v;
}

static void limits(struct ink_quant *q, uint32_t i)
{
	struct ink_quant_op *qo = &q->ops[i];
	const struct ink_grid *to = qo->has_table ? &qo->grid_before : &qo->grid;
	double lo, hi;

	qo->lowest = to->lo;
	qo->highest = to->hi;
	if (qo->has_table || !ink_unary_is_clamp(&q->net->ops[i].f, &lo, &hi))
		return;
	qo->lowest = clamp_int(nearbyint(lo / to->scale[0]) + to->zero, to->lo, to->hi);
	qo->highest = clamp_int(nearbyint(hi / to->scale[0]) + to->zero, to->lo, to->hi);
}

static bool alloc_dense(struct ink_quant *q, uint32_t i)
{
	struct ink_quant_op *qo = &q->ops[i];
	uint32_t m = q->net->ops[i].width, n = ink_quant_in(q, i, 0)->width;

	if (qo->w)
		return true;
	qo->w = ink_pool_alloc(&q->pool, (size_t)m * n, 1);
	qo->w_ratio = ink_pool_alloc(&q->pool, n, sizeof(*qo->w_ratio));
	qo->step = ink_pool_alloc(&q->pool, m, sizeof(*qo->step));
	qo->bias = ink_pool_alloc(&q->pool, m, sizeof(*qo->bias));
	qo->mult = ink_pool_alloc(&q->pool, m, sizeof(*qo->mult));
	qo->shift = ink_pool_alloc(&q->pool, m, sizeof(*qo->shift));
	if (!qo->w || !qo->w_ratio || !qo->step || !qo->bias || !qo->mult || !qo->shift)
		return false;
	qo->w_ratio[0] = NAN;
	return true;
}

bool ink_quant_dense(struct ink_quant *q, uint32_t i, struct ink_diag *why)
{
	const struct ink_net_op *op = &q->net->ops[i];
	uint32_t n = ink_quant_in(q, i, 0)->width, m = op->width, o;
	struct ink_quant_op *qo = &q->ops[i];
	double *scratch = malloc((2 * (size_t)n + m) * sizeof(*scratch)), factor;
	bool ok = scratch && alloc_dense(q, i);

	if (!ok)
		ink_fail(why, "no memory for the weights of %s", op->label);
	/* The same integers serve when only the common scale of the inputs has changed. */
	if (ok && ratios_kept(q, i)) {
		factor = q->ops[op->in[0]].grid.scale[0] / qo->w_ratio[0];
		for (o = 0; o < m; o++)
			qo->step[o] *= factor;
		memcpy(qo->w_ratio, q->ops[op->in[0]].grid.scale, n * sizeof(double));
	} else if (ok) {
		ok = weights(q, i, why);
	}
	if (ok)
		means(q, op->in[0], scratch, scratch + n);
	for (o = 0; ok && o < m; o++)
		if (!bias(q, i, o, scratch, scratch + n, scratch + 2 * n + o))
			ok = ink_fail(why, "%s: row %u doesn't fit into 32 bits", op->label, o);
	ok = ok && requant(q, i, scratch + 2 * n, why);
	if (ok)
		limits(q, i);
	free(scratch);
	return ok;
}
