// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a language model's activations are like.
 *
 * What lives here: ranges, means and products of the values at each site of the
 * float pass. What doesn't: what follows from them (llama_quant.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llama_quant.h"

#define MOST_MEMORY	((size_t)2 << 30)
#define ROW_WORK	6e9	/* multiplications to round a matrix with all products of its inputs */

/* Rows of the matrices that a site's values are multiplied by; 0: none are. */
static uint32_t rows_after(const struct ink_llama *m, enum ink_llama_site site)
{
	switch (site) {
	case INK_SITE_NORM_ATTENTION:
	case INK_SITE_MIXED:
	case INK_SITE_GATED:
		return m->dim;
	case INK_SITE_NORM_GATED:
		return m->hidden;
	case INK_SITE_NORM_FINAL:
		return m->vocabulary;
	default:
		return 0;
	}
}

static void add_products(struct ink_llama_seen *s, const float *x)
{
	uint32_t a, b;

	for (a = 0; a < s->n; a++) {
		s->sum[a] += x[a];
		if (!s->full) {
			s->products[a] += (double)x[a] * x[a];
			continue;
		}
		for (b = 0; b <= a; b++)
			s->products[(size_t)a * s->n + b] += (double)x[a] * x[b];
	}
}

static void see(void *arg, enum ink_llama_site site, uint32_t layer, const float *x, uint32_t n)
{
	struct ink_llama_seen *s = ink_llama_seen(arg, layer, site);
	uint32_t i;

	s->n = n;
	s->count++;
	for (i = 0; i < n; i++)
		s->top = fmaxf(s->top, fabsf(x[i]));
	if (s->sum)
		add_products(s, x);
}

static bool make_room(struct ink_llama_quant *q, struct ink_diag *why)
{
	const struct ink_llama *m = q->m;
	size_t sites = (size_t)m->layers * INK_SITE_NR, i;
	uint32_t n, rows;

	ink_pool_init(&q->pool, MOST_MEMORY);
	q->seen = ink_pool_alloc(&q->pool, sites, sizeof(*q->seen));
	q->grids = ink_pool_alloc(&q->pool, sites, sizeof(*q->grids));
	q->w = ink_pool_alloc(&q->pool, (size_t)m->layers * INK_MATRIX_NR, sizeof(*q->w));
	if (!q->seen || !q->grids || !q->w)
		return ink_fail(why, "no memory for calibration");
	for (i = 0; i < sites; i++) {
		struct ink_llama_seen *s = &q->seen[i];

		rows = rows_after(m, i % INK_SITE_NR);
		if (!rows || (i % INK_SITE_NR == INK_SITE_NORM_FINAL && i >= INK_SITE_NR))
			continue;
		n = i % INK_SITE_NR == INK_SITE_GATED ? m->hidden : m->dim;
		s->full = (double)rows * n * n * 10 < ROW_WORK;
		s->sum = ink_pool_alloc(&q->pool, n, sizeof(*s->sum));
		s->products = ink_pool_alloc(&q->pool, s->full ? (size_t)n * n : n,
					     sizeof(*s->products));
		if (!s->sum || !s->products)
			return ink_fail(why, "no memory for calibration");
	}
	return true;
}

bool ink_llama_calibrate(struct ink_llama_quant *q, const struct ink_llama_text *text, size_t most,
			 void (*progress)(void *arg, uint32_t done, uint32_t total), void *arg,
			 struct ink_diag *why)
{
	size_t n = text->n < most ? text->n : most, i;
	struct ink_llama_run run;
	bool ok;

	if (!make_room(q, why) || !ink_llama_run_init(&run, q->m, why))
		return false;
	run.seen = see;
	run.arg = q;
	for (i = 0; i < n; i++) {
		if (i % text->window == 0)
			run.position = 0;
		ink_llama_forward(&run, i % text->window ? text->tokens[i - 1] : INK_TOKEN_BEGIN);
		if (progress && i % 64 == 0)
			progress(arg, (uint32_t)i, (uint32_t)n);
	}
	/* A model whose numbers explode has no ranges. */
	ok = n && isfinite(ink_llama_seen(q, q->m->layers - 1, INK_SITE_RESIDUAL)->top) &&
	     isfinite(run.logits[0]);
	ink_llama_run_free(&run);
	return ok || ink_fail(why, "the model's activations aren't finite numbers on the calibration text");
}

void ink_llama_quant_free(struct ink_llama_quant *q)
{
	ink_pool_free(&q->pool);
}
