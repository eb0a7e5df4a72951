// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer: int8 layers in plain C, as one writes them without looking for speed.
 *
 * What lives here: a loop over outputs, a loop over inputs, requantisation.
 * It is compiled with -O2 exactly, whatever CFLAGS say.
 */
#include <stdlib.h>

#include "nets.h"

struct scalar {
	const struct net *net;
	uint32_t batch;
	int8_t *out;
	int8_t *buf[2];
};

static void dense(const struct layer *l, const int8_t *x, int8_t *y)
{
	const int8_t *w = l->w;

	for (uint32_t row = 0; row < l->m; row++, w += l->n) {
		int32_t acc = l->folded[row];
		int64_t v;

		for (uint32_t i = 0; i < l->n; i++)
			acc += w[i] * x[i];
		v = (((int64_t)acc * l->mult + (1ll << (l->shift - 1))) >> l->shift) + l->zp_out;
		y[row] = (int8_t)(v < l->lowest ? l->lowest : v > 127 ? 127 : v);
	}
}

static void scalar_run(void *self)
{
	struct scalar *s = self;
	uint32_t last = s->net->layers - 1;

	for (uint32_t b = 0; b < s->batch; b++) {
		const int8_t *x = s->net->in + (size_t)b * s->net->layer[0].n;

		for (uint32_t i = 0; i <= last; i++) {
			int8_t *y = i < last ? s->buf[i & 1] :
				    s->out + (size_t)b * s->net->layer[last].m;

			dense(&s->net->layer[i], x, y);
			x = y;
		}
	}
}

static void *scalar_open(const struct net *net, uint32_t batch, int8_t *out, const char **why)
{
	struct scalar *s = calloc(1, sizeof(*s));
	uint32_t most = 1;

	for (uint32_t i = 0; i < net->layers; i++)
		most = net->layer[i].m > most ? net->layer[i].m : most;
	*s = (struct scalar){ net, batch, out, { malloc(most), malloc(most) } };
	return s;
}

static void scalar_close(void *self)
{
	struct scalar *s = self;

	free(s->buf[0]);
	free(s->buf[1]);
	free(s);
}

const struct contender peer_scalar = {
	.name = "plain C -O2", .open = scalar_open, .run = scalar_run, .close = scalar_close,
};
