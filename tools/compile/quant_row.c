// SPDX-License-Identifier: GPL-2.0-only
/*
 * A row of weights in integers.
 *
 * What lives here: int8 weights with a scale and a rounding that minimise the
 * error of the row's result on the calibration. What doesn't: what the row
 * belongs to (quant_dense.c, llama_quant.c).
 *
 * The error is e' C e, where e is the weights' error in units of the inputs'
 * integers and C the covariance of these: the mean goes into the bias.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant_row.h"

#define SCALES		17	/* tried: 1, 0.975, ... 0.6 of the largest weight */
#define PASSES		4	/* of rounding improvements */
#define ROW_WORK	3e9	/* multiplications for all rows with a full matrix */

bool ink_quant_row_full(uint32_t rows, uint32_t n)
{
	return (double)rows * n * n * (SCALES + PASSES) / 2 < ROW_WORK;
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
