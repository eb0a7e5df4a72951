// SPDX-License-Identifier: GPL-2.0-only
/*
 * The integers of a language model: int8 weights by output, int16 activations.
 *
 * What lives here: rounding of weights, and scales of activations such that no
 * accumulator leaves 32 bits. What doesn't: multipliers and shifts, which follow
 * from these (llama_emit.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llama_quant.h"

#define HEADROOM	1.5	/* range of a tensor, by the greatest value in the calibration */
#define RARE		1e-4	/* variance that each input has at least, by the mean of all */

/* Covariance of what was seen; variances unless @s->full. */
static double *covariance(const struct ink_llama_seen *s)
{
	size_t n = s->n, a, b, at, stride = s->full ? n : 1;
	double *c = malloc((s->full ? n * n : n) * sizeof(*c)), mean = 0;

	if (!c)
		return NULL;
	for (a = 0; a < n; a++) {
		for (b = s->full ? 0 : a; b <= a; b++) {
			at = s->full ? a * n + b : a;
			c[at] = s->products[at] / s->count -
				s->sum[a] / s->count * s->sum[b] / s->count;
			if (s->full)
				c[b * n + a] = c[at];
		}
		mean += c[s->full ? a * n + a : a] / n;
	}
	for (a = 0; a < n; a++)
		c[a * stride + (s->full ? a : 0)] += RARE * mean + 1e-30;
	return c;
}

static bool make_weights(struct ink_llama_quant *q, struct ink_llama_weights *w, uint32_t rows,
			 uint32_t n, struct ink_diag *why)
{
	w->rows = rows;
	w->n = n;
	w->w = ink_pool_alloc(&q->pool, (size_t)rows * n, 1);
	w->step = ink_pool_alloc(&q->pool, rows, sizeof(*w->step));
	w->bias = ink_pool_alloc(&q->pool, rows, sizeof(*w->bias));
	return (w->w && w->step && w->bias) || ink_fail(why, "no memory for the weights");
}

/* One row in integers, and what the rounding does on average. */
static void round_row(struct ink_row_search *s, const struct ink_llama_seen *seen,
		      struct ink_llama_weights *w, uint32_t row, const float *from, double *real,
		      int8_t *trial)
{
	uint32_t sum = 0, a;

	for (a = 0; a < w->n; a++)
		real[a] = from[a];
	s->q = w->w + (size_t)row * w->n;
	w->step[row] = ink_quant_row(s, 0, trial);
	for (a = 0; a < w->n; a++) {
		sum += (uint32_t)abs(s->q[a]);
		if (seen)
			w->bias[row] += (real[a] - w->step[row] * s->q[a]) * seen->sum[a] /
					seen->count;
	}
	w->most = sum > w->most ? sum : w->most;
}

/* A matrix that is applied to what was @seen, or a table of rows if that is NULL. */
static bool round_matrix(struct ink_llama_quant *q, struct ink_llama_weights *w, const float *from,
			 uint32_t rows, uint32_t n, const struct ink_llama_seen *seen,
			 struct ink_diag *why)
{
	double *real = malloc(2 * (size_t)n * sizeof(*real)), *c;
	int8_t *trial = malloc(n);
	struct ink_row_search s = { .n = n, .full = seen && seen->full, .w = real };
	uint32_t row, a;
	bool ok;

	c = seen ? covariance(seen) : malloc(n * sizeof(*c));
	ok = real && trial && c && make_weights(q, w, rows, n, why);
	for (a = 0; ok && !seen && a < n; a++)
		c[a] = 1;
	s.c = c;
	s.rest = real + n;
	for (row = 0; ok && row < rows; row++)
		round_row(&s, seen, w, row, from + (size_t)row * n, real, trial);
	free(real);
	free(trial);
	free(c);
	return ok || ink_fail(why, "no memory for the weights");
}

static bool round_layer(struct ink_llama_quant *q, uint32_t l, struct ink_diag *why)
{
	const struct ink_llama *m = q->m;
	const size_t square = (size_t)m->dim * m->dim * l, kv = (size_t)m->kv * m->dim * l;
	const size_t gated = (size_t)m->hidden * m->dim * l;
	const struct {
		const float *from;
		uint32_t rows, n;
		enum ink_llama_site site;
	} matrices[INK_MATRIX_NR] = {
		[INK_MATRIX_Q] = { m->wq + square, m->dim, m->dim, INK_SITE_NORM_ATTENTION },
		[INK_MATRIX_K] = { m->wk + kv, m->kv, m->dim, INK_SITE_NORM_ATTENTION },
		[INK_MATRIX_V] = { m->wv + kv, m->kv, m->dim, INK_SITE_NORM_ATTENTION },
		[INK_MATRIX_O] = { m->wo + square, m->dim, m->dim, INK_SITE_MIXED },
		[INK_MATRIX_GATE] = { m->w1 + gated, m->hidden, m->dim, INK_SITE_NORM_GATED },
		[INK_MATRIX_UP] = { m->w3 + gated, m->hidden, m->dim, INK_SITE_NORM_GATED },
		[INK_MATRIX_DOWN] = { m->w2 + gated, m->dim, m->hidden, INK_SITE_GATED },
	};
	uint32_t i;

	for (i = 0; i < INK_MATRIX_NR; i++)
		if (!round_matrix(q, &q->w[l * INK_MATRIX_NR + i], matrices[i].from,
				  matrices[i].rows, matrices[i].n,
				  ink_llama_seen(q, l, matrices[i].site), why))
			return false;
	return true;
}

/*
 * Integers up to which an input may go, so that the sum of a row of @w fits into
 * 31 bits with its bias, which is at most an eighth of that.
 */
static int32_t most_of(const struct ink_llama_weights *w, int32_t most)
{
	double limit = floor(INT32_MAX * 0.87 / fmax(w->most, 1));

	return limit < most ? (int32_t)limit : most;
}

/* Values get a little greater in ATTENTION, whose shares are rounded one by one. */
static int32_t most_of_values(const struct ink_llama_quant *q, const struct ink_llama_weights *w)
{
	double shares = 32772 + q->context * (1 + 1.0 / 512);

	return (int32_t)fmin(most_of(w, INT32_MAX) * 32768.0 / shares, INT16_MAX);
}

static void set_grid(struct ink_llama_grid *g, double top, int32_t most)
{
	g->most = most;
	g->scale = fmax(top, 1e-9) * HEADROOM / most;
}

static void set_layer(struct ink_llama_quant *q, uint32_t l)
{
	const struct ink_llama_weights *w = &q->w[l * INK_MATRIX_NR];
	int32_t score = (int32_t)fmin(floor(sqrt((double)INT32_MAX / q->m->d)), INT16_MAX);
	uint32_t i;

	for (i = 0; i < INK_SITE_NR; i++) {
		int32_t most = INT16_MAX;

		if (i == INK_SITE_NORM_ATTENTION)
			most = most_of(&w[INK_MATRIX_Q], most_of(&w[INK_MATRIX_K],
								 most_of(&w[INK_MATRIX_V], most)));
		else if (i == INK_SITE_V)
			most = most_of_values(q, &w[INK_MATRIX_O]);
		else if (i == INK_SITE_NORM_GATED)
			most = most_of(&w[INK_MATRIX_GATE], most_of(&w[INK_MATRIX_UP], most));
		else if (i == INK_SITE_GATED)
			most = most_of(&w[INK_MATRIX_DOWN], most);
		else if (i == INK_SITE_Q || i == INK_SITE_K)
			most = score;
		set_grid(ink_llama_grid(q, l, i), ink_llama_seen(q, l, i)->top, most);
	}
	/* Shares of values have the values' scale. */
	*ink_llama_grid(q, l, INK_SITE_MIXED) = *ink_llama_grid(q, l, INK_SITE_V);
}

/* Logits as fine as 31 bits allow for the greatest that a row could give. */
static void set_logits(struct ink_llama_quant *q)
{
	struct ink_llama_grid *g = ink_llama_grid(q, 0, INK_SITE_NORM_FINAL);
	const struct ink_llama_weights *w = &q->classifier;
	double top = 1e-9, sum;
	uint32_t row, a;

	set_grid(g, ink_llama_seen(q, 0, INK_SITE_NORM_FINAL)->top, most_of(w, INT16_MAX));
	for (row = 0; row < w->rows; row++) {
		for (sum = 0, a = 0; a < w->n; a++)
			sum += abs(w->w[(size_t)row * w->n + a]);
		top = fmax(top, sum * w->step[row] * g->scale * g->most + fabs(w->bias[row]));
	}
	q->logit = ldexp(top, -30);
}

bool ink_llama_quantise(struct ink_llama_quant *q, struct ink_diag *why)
{
	const struct ink_llama *m = q->m;
	const struct ink_llama_seen *last = ink_llama_seen(q, 0, INK_SITE_NORM_FINAL);
	double top = 0;
	uint32_t l;

	for (l = 0; l < m->layers; l++) {
		if (!round_layer(q, l, why))
			return false;
		set_layer(q, l);
		top = fmax(top, ink_llama_seen(q, l, INK_SITE_RESIDUAL)->top);
	}
	set_grid(&q->residual, top, INT16_MAX);
	/* A table that is both is rounded for the logits, where its errors do more harm. */
	if (!round_matrix(q, &q->embedding, m->embedding, m->vocabulary, m->dim,
			  m->shared ? last : NULL, why))
		return false;
	q->classifier = q->embedding;
	if (!m->shared && !round_matrix(q, &q->classifier, m->classifier, m->vocabulary, m->dim,
					last, why))
		return false;
	set_logits(q);
	return true;
}
