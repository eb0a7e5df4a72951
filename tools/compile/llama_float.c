// SPDX-License-Identifier: GPL-2.0-only
/*
 * The float pass of a language model, token by token.
 *
 * What lives here: what llama2.c computes, in the same order and in single
 * precision, so that its texts come out. What doesn't: speed (the peer of the
 * benchmarks is another one) and integers.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llama.h"

bool ink_llama_run_init(struct ink_llama_run *r, const struct ink_llama *m, struct ink_diag *why)
{
	const size_t cache = (size_t)m->layers * m->context * m->kv;

	memset(r, 0, sizeof(*r));
	r->m = m;
	r->logits = calloc(m->vocabulary, sizeof(float));
	r->x = calloc(m->dim, sizeof(float));
	r->y = calloc(m->dim, sizeof(float));
	r->q = calloc(m->dim, sizeof(float));
	r->mixed = calloc(m->dim, sizeof(float));
	r->gate = calloc(m->hidden, sizeof(float));
	r->up = calloc(m->hidden, sizeof(float));
	r->scores = calloc(m->context, sizeof(float));
	r->keys = calloc(cache, sizeof(float));
	r->values = calloc(cache, sizeof(float));
	if (r->logits && r->x && r->y && r->q && r->mixed && r->gate && r->up && r->scores &&
	    r->keys && r->values)
		return true;
	ink_llama_run_free(r);
	return ink_fail(why, "no memory to run the model");
}

void ink_llama_run_free(struct ink_llama_run *r)
{
	free(r->logits);
	free(r->x);
	free(r->y);
	free(r->q);
	free(r->mixed);
	free(r->gate);
	free(r->up);
	free(r->scores);
	free(r->keys);
	free(r->values);
	memset(r, 0, sizeof(*r));
}

static void see(const struct ink_llama_run *r, enum ink_llama_site site, uint32_t layer,
		const float *x, uint32_t n)
{
	if (r->seen)
		r->seen(r->arg, site, layer, x, n);
}

static void norm(float *y, const float *x, const float *gamma, uint32_t n)
{
	float sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += x[i] * x[i];
	sum = 1.0f / sqrtf(sum / n + INK_LLAMA_EPSILON);
	for (i = 0; i < n; i++)
		y[i] = gamma[i] * (sum * x[i]);
}

static void multiply(float *y, const float *w, const float *x, uint32_t rows, uint32_t n)
{
	uint32_t row, i;

	for (row = 0; row < rows; row++, w += n) {
		float sum = 0;

		for (i = 0; i < n; i++)
			sum += w[i] * x[i];
		y[row] = sum;
	}
}

static void turn(float *x, uint32_t n, uint32_t d, uint32_t position)
{
	uint32_t i;

	for (i = 0; i < n; i += 2) {
		float angle = position / powf(INK_LLAMA_BASE, (float)(i % d) / d);
		float c = cosf(angle), s = sinf(angle), a = x[i], b = x[i + 1];

		x[i] = a * c - b * s;
		x[i + 1] = a * s + b * c;
	}
}

static void attend(struct ink_llama_run *r, const float *keys, const float *values, uint32_t head)
{
	const struct ink_llama *m = r->m;
	const uint32_t from = head / (m->heads / m->groups) * m->d;
	const float *q = r->q + head * m->d;
	float *y = r->mixed + head * m->d, top = -INFINITY, sum = 0;
	uint32_t t, i;

	for (t = 0; t <= r->position; t++) {
		float s = 0;

		for (i = 0; i < m->d; i++)
			s += q[i] * keys[(size_t)t * m->kv + from + i];
		r->scores[t] = s / sqrtf(m->d);
		top = fmaxf(top, r->scores[t]);
	}
	for (t = 0; t <= r->position; t++) {
		r->scores[t] = expf(r->scores[t] - top);
		sum += r->scores[t];
	}
	memset(y, 0, m->d * sizeof(float));
	for (t = 0; t <= r->position; t++)
		for (i = 0; i < m->d; i++)
			y[i] += r->scores[t] / sum * values[(size_t)t * m->kv + from + i];
}

static void attention(struct ink_llama_run *r, uint32_t l)
{
	const struct ink_llama *m = r->m;
	const size_t square = (size_t)m->dim * m->dim, side = (size_t)m->kv * m->dim;
	float *keys = r->keys + (size_t)l * m->context * m->kv;
	float *values = r->values + (size_t)l * m->context * m->kv;
	float *k = keys + (size_t)r->position * m->kv, *v = values + (size_t)r->position * m->kv;
	uint32_t head, i;

	norm(r->y, r->x, m->norm_attention + (size_t)l * m->dim, m->dim);
	see(r, INK_SITE_NORM_ATTENTION, l, r->y, m->dim);
	multiply(r->q, m->wq + l * square, r->y, m->dim, m->dim);
	multiply(k, m->wk + l * side, r->y, m->kv, m->dim);
	multiply(v, m->wv + l * side, r->y, m->kv, m->dim);
	see(r, INK_SITE_Q, l, r->q, m->dim);
	see(r, INK_SITE_K, l, k, m->kv);
	see(r, INK_SITE_V, l, v, m->kv);
	turn(r->q, m->dim, m->d, r->position);
	turn(k, m->kv, m->d, r->position);
	see(r, INK_SITE_Q, l, r->q, m->dim);
	see(r, INK_SITE_K, l, k, m->kv);
	for (head = 0; head < m->heads; head++)
		attend(r, keys, values, head);
	see(r, INK_SITE_MIXED, l, r->mixed, m->dim);
	multiply(r->y, m->wo + l * square, r->mixed, m->dim, m->dim);
	for (i = 0; i < m->dim; i++)
		r->x[i] += r->y[i];
	see(r, INK_SITE_RESIDUAL, l, r->x, m->dim);
}

static void gated(struct ink_llama_run *r, uint32_t l)
{
	const struct ink_llama *m = r->m;
	const size_t side = (size_t)m->hidden * m->dim;
	uint32_t i;

	norm(r->y, r->x, m->norm_gated + (size_t)l * m->dim, m->dim);
	see(r, INK_SITE_NORM_GATED, l, r->y, m->dim);
	multiply(r->gate, m->w1 + l * side, r->y, m->hidden, m->dim);
	multiply(r->up, m->w3 + l * side, r->y, m->hidden, m->dim);
	see(r, INK_SITE_GATE, l, r->gate, m->hidden);
	see(r, INK_SITE_UP, l, r->up, m->hidden);
	for (i = 0; i < m->hidden; i++)
		r->gate[i] *= 1.0f / (1.0f + expf(-r->gate[i]));
	see(r, INK_SITE_SILU, l, r->gate, m->hidden);
	for (i = 0; i < m->hidden; i++)
		r->gate[i] *= r->up[i];
	see(r, INK_SITE_GATED, l, r->gate, m->hidden);
	multiply(r->y, m->w2 + l * side, r->gate, m->dim, m->hidden);
	for (i = 0; i < m->dim; i++)
		r->x[i] += r->y[i];
	see(r, INK_SITE_RESIDUAL, l, r->x, m->dim);
}

void ink_llama_forward(struct ink_llama_run *r, uint32_t token)
{
	const struct ink_llama *m = r->m;
	uint32_t l;

	memcpy(r->x, m->embedding + (size_t)token * m->dim, m->dim * sizeof(float));
	see(r, INK_SITE_RESIDUAL, 0, r->x, m->dim);
	for (l = 0; l < m->layers; l++) {
		attention(r, l);
		gated(r, l);
	}
	norm(r->y, r->x, m->norm_final, m->dim);
	see(r, INK_SITE_NORM_FINAL, 0, r->y, m->dim);
	multiply(r->logits, m->classifier, r->y, m->vocabulary, m->dim);
	r->position++;
}
