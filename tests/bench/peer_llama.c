// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plain float loop over a language model.
 *
 * What lives here: what run.c of llama2.c does for a token, loop by loop, which
 * is compiled with -Ofast -march=native as its Makefile does for speed. What
 * doesn't: any cleverness, and the pass that the compiler calibrates with, which
 * keeps to one order of additions (tools/compile/llama_float.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "peer_llama.h"

struct peer_llama {
	const struct ink_llama *m;
	float *x, *xb, *xb2, *hb, *hb2, *q, *att, *logits, *keys, *values;
};

struct peer_llama *peer_llama_new(const struct ink_llama *m)
{
	struct peer_llama *p = calloc(1, sizeof(*p));
	size_t cache = (size_t)m->layers * m->context * m->kv;

	if (!p)
		return NULL;
	p->m = m;
	p->x = calloc(m->dim, sizeof(float));
	p->xb = calloc(m->dim, sizeof(float));
	p->xb2 = calloc(m->dim, sizeof(float));
	p->hb = calloc(m->hidden, sizeof(float));
	p->hb2 = calloc(m->hidden, sizeof(float));
	p->q = calloc(m->dim, sizeof(float));
	p->att = calloc((size_t)m->heads * m->context, sizeof(float));
	p->logits = calloc(m->vocabulary, sizeof(float));
	p->keys = calloc(cache, sizeof(float));
	p->values = calloc(cache, sizeof(float));
	if (p->x && p->xb && p->xb2 && p->hb && p->hb2 && p->q && p->att && p->logits && p->keys &&
	    p->values)
		return p;
	peer_llama_free(p);
	return NULL;
}

void peer_llama_free(struct peer_llama *p)
{
	if (!p)
		return;
	free(p->x);
	free(p->xb);
	free(p->xb2);
	free(p->hb);
	free(p->hb2);
	free(p->q);
	free(p->att);
	free(p->logits);
	free(p->keys);
	free(p->values);
	free(p);
}

static void rmsnorm(float *o, const float *x, const float *weight, int size)
{
	float ss = 0;
	int j;

	for (j = 0; j < size; j++)
		ss += x[j] * x[j];
	ss = 1.0f / sqrtf(ss / size + 1e-5f);
	for (j = 0; j < size; j++)
		o[j] = weight[j] * (ss * x[j]);
}

static void softmax(float *x, int size)
{
	float max_val = x[0], sum = 0;
	int i;

	for (i = 1; i < size; i++)
		if (x[i] > max_val)
			max_val = x[i];
	for (i = 0; i < size; i++) {
		x[i] = expf(x[i] - max_val);
		sum += x[i];
	}
	for (i = 0; i < size; i++)
		x[i] /= sum;
}

static void matmul(float *xout, const float *x, const float *w, int n, int d)
{
	int i, j;

	for (i = 0; i < d; i++) {
		float val = 0;

		for (j = 0; j < n; j++)
			val += w[(size_t)i * n + j] * x[j];
		xout[i] = val;
	}
}

static void rope(const struct ink_llama *m, float *q, float *k, uint32_t pos)
{
	uint32_t i, v;

	for (i = 0; i < m->dim; i += 2) {
		float freq = 1.0f / powf(10000.0f, (i % m->d) / (float)m->d), val = pos * freq;
		float fcr = cosf(val), fci = sinf(val);

		for (v = 0; v < (i < m->kv ? 2 : 1); v++) {
			float *vec = v == 0 ? q : k, v0 = vec[i], v1 = vec[i + 1];

			vec[i] = v0 * fcr - v1 * fci;
			vec[i + 1] = v0 * fci + v1 * fcr;
		}
	}
}

static void multihead(struct peer_llama *p, const float *keys, const float *values, uint32_t pos)
{
	const struct ink_llama *m = p->m;
	uint32_t kv_mul = m->heads / m->groups, h, t, i;

	for (h = 0; h < m->heads; h++) {
		const float *q = p->q + h * m->d;
		float *att = p->att + (size_t)h * m->context, *xb = p->xb + h * m->d;

		for (t = 0; t <= pos; t++) {
			const float *k = keys + (size_t)t * m->kv + h / kv_mul * m->d;
			float score = 0;

			for (i = 0; i < m->d; i++)
				score += q[i] * k[i];
			att[t] = score / sqrtf(m->d);
		}
		softmax(att, (int)pos + 1);
		memset(xb, 0, m->d * sizeof(float));
		for (t = 0; t <= pos; t++) {
			const float *v = values + (size_t)t * m->kv + h / kv_mul * m->d;
			float a = att[t];

			for (i = 0; i < m->d; i++)
				xb[i] += a * v[i];
		}
	}
}

static void layer(struct peer_llama *p, uint32_t l, uint32_t pos)
{
	const struct ink_llama *m = p->m;
	const size_t dim = m->dim, kv = m->kv, hidden = m->hidden;
	float *keys = p->keys + (size_t)l * m->context * kv;
	float *values = p->values + (size_t)l * m->context * kv;
	float *k = keys + pos * kv, *v = values + pos * kv;
	size_t i;

	rmsnorm(p->xb, p->x, m->norm_attention + l * dim, (int)dim);
	matmul(p->q, p->xb, m->wq + l * dim * dim, (int)dim, (int)dim);
	matmul(k, p->xb, m->wk + l * dim * kv, (int)dim, (int)kv);
	matmul(v, p->xb, m->wv + l * dim * kv, (int)dim, (int)kv);
	rope(m, p->q, k, pos);
	multihead(p, keys, values, pos);
	matmul(p->xb2, p->xb, m->wo + l * dim * dim, (int)dim, (int)dim);
	for (i = 0; i < dim; i++)
		p->x[i] += p->xb2[i];
	rmsnorm(p->xb, p->x, m->norm_gated + l * dim, (int)dim);
	matmul(p->hb, p->xb, m->w1 + l * dim * hidden, (int)dim, (int)hidden);
	matmul(p->hb2, p->xb, m->w3 + l * dim * hidden, (int)dim, (int)hidden);
	for (i = 0; i < hidden; i++) {
		float val = p->hb[i];

		val *= 1.0f / (1.0f + expf(-val));
		p->hb[i] = val * p->hb2[i];
	}
	matmul(p->xb, p->hb, m->w2 + l * dim * hidden, (int)hidden, (int)dim);
	for (i = 0; i < dim; i++)
		p->x[i] += p->xb[i];
}

const float *peer_llama_read(struct peer_llama *p, uint32_t token, uint32_t position)
{
	const struct ink_llama *m = p->m;
	uint32_t l;

	memcpy(p->x, m->embedding + (size_t)token * m->dim, m->dim * sizeof(float));
	for (l = 0; l < m->layers; l++)
		layer(p, l, position);
	rmsnorm(p->x, p->x, m->norm_final, (int)m->dim);
	matmul(p->logits, p->x, m->classifier, (int)m->dim, (int)m->vocabulary);
	return p->logits;
}
