// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer: a decoder as a plain loop of floats, as one writes it without a library.
 *
 * What lives here: the same shape as decoder_image() makes, one token at a time.
 * It is compiled with -Ofast -march=native exactly, whatever CFLAGS say.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rand.h"
#include "peer_float.h"

struct float_layer {
	float *norm1, *q, *k, *v, *o, *norm2, *gate, *up, *down;
	float *keys, *values;		/* [context][groups * head] */
};

struct float_decoder {
	struct decoder d;
	struct float_layer *layer;
	float *table, *norm, *head;
	float *x, *h, *q, *att, *a, *b, *logits;
};

static float *weights(struct ink_rand *r, size_t n)
{
	float *w = malloc(n * sizeof(*w));

	for (size_t i = 0; i < n; i++)
		w[i] = (float)ink_rand_range(r, -1000, 1000) / 8000;
	return w;
}

struct float_decoder *float_open(const struct decoder *d)
{
	struct float_decoder *f = calloc(1, sizeof(*f));
	size_t few = d->dim / d->heads * d->groups, dim = d->dim;
	struct ink_rand r;

	ink_rand_seed(&r, 1);
	f->d = *d;
	f->layer = calloc(d->layers, sizeof(*f->layer));
	for (uint32_t i = 0; i < d->layers; i++)
		f->layer[i] = (struct float_layer){
			.norm1 = weights(&r, dim), .q = weights(&r, dim * dim),
			.k = weights(&r, dim * few), .v = weights(&r, dim * few),
			.o = weights(&r, dim * dim), .norm2 = weights(&r, dim),
			.gate = weights(&r, dim * d->hidden), .up = weights(&r, dim * d->hidden),
			.down = weights(&r, dim * d->hidden),
			.keys = weights(&r, few * d->context), .values = weights(&r, few * d->context),
		};
	f->table = weights(&r, dim * d->words);
	f->norm = weights(&r, dim);
	f->head = weights(&r, dim * d->words);
	f->x = weights(&r, dim);
	f->h = weights(&r, dim);
	f->q = weights(&r, dim);
	f->att = weights(&r, d->context);
	f->a = weights(&r, d->hidden);
	f->b = weights(&r, d->hidden);
	f->logits = weights(&r, d->words);
	return f;
}

static void matmul(float *y, const float *x, const float *w, uint32_t n, uint32_t m)
{
	for (uint32_t i = 0; i < m; i++) {
		float sum = 0;

		for (uint32_t j = 0; j < n; j++)
			sum += w[(size_t)i * n + j] * x[j];
		y[i] = sum;
	}
}

static void rmsnorm(float *y, const float *x, const float *g, uint32_t n)
{
	float sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += x[i] * x[i];
	sum = 1 / sqrtf(sum / n + 1e-5f);
	for (uint32_t i = 0; i < n; i++)
		y[i] = g[i] * sum * x[i];
}

static void rotate(float *x, uint32_t n, uint32_t head, uint32_t position)
{
	for (uint32_t i = 0; i < n; i += 2) {
		float angle = position / powf(10000, (float)(i % head) / head);
		float c = cosf(angle), s = sinf(angle), a = x[i], b = x[i + 1];

		x[i] = a * c - b * s;
		x[i + 1] = a * s + b * c;
	}
}

static void attend(struct float_decoder *f, const struct float_layer *l, uint32_t h, uint32_t n)
{
	uint32_t d = f->d.dim / f->d.heads, few = d * f->d.groups;
	uint32_t at = h / (f->d.heads / f->d.groups) * d;
	const float *q = f->q + h * d;
	float *y = f->h + h * d, top = -1e30f, sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		float s = 0;

		for (uint32_t j = 0; j < d; j++)
			s += q[j] * l->keys[(size_t)i * few + at + j];
		f->att[i] = s / sqrtf((float)d);
		top = fmaxf(top, f->att[i]);
	}
	for (uint32_t i = 0; i < n; i++)
		sum += f->att[i] = expf(f->att[i] - top);
	memset(y, 0, d * sizeof(*y));
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < d; j++)
			y[j] += f->att[i] / sum * l->values[(size_t)i * few + at + j];
}

static void layer(struct float_decoder *f, const struct float_layer *l, uint32_t position)
{
	uint32_t dim = f->d.dim, head = dim / f->d.heads, few = head * f->d.groups;
	float *k = l->keys + (size_t)position * few;

	rmsnorm(f->h, f->x, l->norm1, dim);
	matmul(f->q, f->h, l->q, dim, dim);
	matmul(k, f->h, l->k, dim, few);
	matmul(l->values + (size_t)position * few, f->h, l->v, dim, few);
	rotate(f->q, dim, head, position);
	rotate(k, few, head, position);
	for (uint32_t h = 0; h < f->d.heads; h++)
		attend(f, l, h, position + 1);
	matmul(f->q, f->h, l->o, dim, dim);
	for (uint32_t i = 0; i < dim; i++)
		f->x[i] += f->q[i];
	rmsnorm(f->h, f->x, l->norm2, dim);
	matmul(f->a, f->h, l->gate, dim, f->d.hidden);
	matmul(f->b, f->h, l->up, dim, f->d.hidden);
	for (uint32_t i = 0; i < f->d.hidden; i++)
		f->a[i] = f->a[i] / (1 + expf(-f->a[i])) * f->b[i];
	matmul(f->h, f->a, l->down, f->d.hidden, dim);
	for (uint32_t i = 0; i < dim; i++)
		f->x[i] += f->h[i];
}

void float_token(struct float_decoder *f, uint32_t token, uint32_t position)
{
	memcpy(f->x, f->table + (size_t)token * f->d.dim, f->d.dim * sizeof(*f->x));
	for (uint32_t i = 0; i < f->d.layers; i++)
		layer(f, &f->layer[i], position);
	rmsnorm(f->h, f->x, f->norm, f->d.dim);
	matmul(f->logits, f->h, f->head, f->d.dim, f->d.words);
}

void float_close(struct float_decoder *f)
{
	for (uint32_t i = 0; i < f->d.layers; i++) {
		float **p = (float **)&f->layer[i];

		for (size_t k = 0; k < sizeof(f->layer[i]) / sizeof(*p); k++)
			free(p[k]);
	}
	free(f->layer);
	free(f->table);
	free(f->norm);
	free(f->head);
	free(f->x);
	free(f->h);
	free(f->q);
	free(f->att);
	free(f->a);
	free(f->b);
	free(f->logits);
	free(f);
}
