// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making the networks that are measured. See nets.h.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets.h"
#include "randmodel.h"

static void *room(size_t n)
{
	void *p = calloc(1, n);

	if (!p) {
		fprintf(stderr, "bench: no memory\n");
		exit(1);
	}
	return p;
}

/* Sum of 12 even distributions: bell-shaped, standard deviation 1. */
static double bell(struct ink_rand *r)
{
	double sum = -6;
	int i;

	for (i = 0; i < 12; i++)
		sum += (double)ink_rand_below(r, 1 << 20) / (1 << 20);
	return sum;
}

static void make_weights(struct layer *l, unsigned int bits, struct ink_rand *r)
{
	size_t i, size = (size_t)l->n * l->m;
	double *real = room(size * sizeof(*real)), most = 0;

	for (i = 0; i < size; i++) {
		real[i] = bell(r);
		most = fabs(real[i]) > most ? fabs(real[i]) : most;
	}
	for (i = 0; i < size; i++)
		l->w[i] = (int8_t)lrint(real[i] / most * ((1 << (bits - 1)) - 1));
	for (i = 0; i < l->m; i++)
		l->bias[i] = (int32_t)lrint(bell(r) * 1000);
	free(real);
}

static int32_t layer_sum(const struct layer *l, uint32_t row, const int8_t *x)
{
	int32_t acc = l->folded[row];
	uint32_t i;

	for (i = 0; i < l->n; i++)
		acc += l->w[(size_t)row * l->n + i] * x[i];
	return acc;
}

/* Scale such that three standard deviations of the sums are the range of the output. */
static void make_scale(struct layer *l, const int8_t *x, uint32_t batch)
{
	double sum = 0, dev;
	int exp;
	uint32_t b, row;

	for (b = 0; b < batch; b++)
		for (row = 0; row < l->m; row++)
			sum += pow(layer_sum(l, row, x + (size_t)b * l->n), 2);
	dev = sqrt(sum / ((double)batch * l->m));
	l->scale = (float)((l->lowest == l->zp_out ? 255 : 127) / (3 * dev));
	l->mult = (int32_t)(frexp(l->scale, &exp) * 2147483648.0);
	l->shift = (int8_t)(31 - exp);
}

static void apply(const struct layer *l, const int8_t *x, int8_t *y)
{
	uint32_t row;
	int64_t v;

	for (row = 0; row < l->m; row++) {
		v = (int64_t)layer_sum(l, row, x) * l->mult;
		v = ((v + (1ll << (l->shift - 1))) >> l->shift) + l->zp_out;
		y[row] = (int8_t)(v < l->lowest ? l->lowest : v > 127 ? 127 : v);
	}
}

static void add_layer(struct net *net, uint32_t n, uint32_t m, unsigned int bits, bool last,
		      struct ink_rand *r)
{
	struct layer *l = &net->layer[net->layers++];
	uint32_t row, i;

	l->n = n;
	l->m = m;
	l->w = room((size_t)n * m);
	l->bias = room(m * 4ul);
	l->folded = room(m * 4ul);
	l->zp_in = net->layers == 1 ? -3 : -128;
	l->zp_out = last ? 5 : -128;
	l->lowest = -128;
	make_weights(l, bits, r);
	for (row = 0; row < m; row++) {
		l->folded[row] = l->bias[row];
		for (i = 0; i < n; i++)
			l->folded[row] -= l->zp_in * l->w[(size_t)row * n + i];
	}
}

void net_build(struct net *net, const char *like, unsigned int bits, const char *shape)
{
	uint32_t n, m, i, b;
	int8_t *x, *y;
	char *end;
	struct ink_rand r;

	memset(net, 0, sizeof(*net));
	net->name = shape;
	net->like = like;
	ink_rand_seed(&r, 1);
	n = (uint32_t)strtoul(shape, &end, 10);
	net->in = room((size_t)n * NET_BATCH);
	for (i = 0; i < n * NET_BATCH; i++)
		net->in[i] = (int8_t)fmax(-128, fmin(127, -3 + 45 * bell(&r)));
	while (*end == '-' && net->layers < NET_LAYERS) {
		m = (uint32_t)strtoul(end + 1, &end, 10);
		add_layer(net, n, m, bits, !*end, &r);
		n = m;
	}
	x = net->in;
	for (i = 0; i < net->layers; i++) {
		struct layer *l = &net->layer[i];

		make_scale(l, x, NET_BATCH);
		y = room((size_t)l->m * NET_BATCH);
		for (b = 0; b < NET_BATCH; b++)
			apply(l, x + (size_t)b * l->n, y + (size_t)b * l->m);
		if (i)
			free(x);
		x = y;
	}
	free(x);
}

void net_biased(const struct layer *l, int32_t *bias)
{
	uint32_t row, i;

	for (row = 0; row < l->m; row++) {
		bias[row] = l->bias[row];
		for (i = 0; i < l->n; i++)
			bias[row] -= (l->zp_in + 128) * l->w[(size_t)row * l->n + i];
	}
}

void net_free(struct net *net)
{
	uint32_t i;

	for (i = 0; i < net->layers; i++) {
		free(net->layer[i].w);
		free(net->layer[i].bias);
		free(net->layer[i].folded);
	}
	free(net->in);
}
