// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer: XNNPACK's quantised fully-connected operators, one for each layer.
 *
 * What lives here: what its documentation advises for speed: operators are
 * created and set up once, since no pointer changes, one thread without a
 * pool, and only xnn_run_operator() is in the loop. Its microkernels are those
 * it chooses for this CPU.
 */
#include <stdlib.h>

#include "nets.h"

#ifdef HAVE_XNNPACK
#include <xnnpack.h>

struct xnn {
	uint32_t layers;
	xnn_operator_t op[NET_LAYERS];
	int8_t *buf[NET_LAYERS + 1];
	int8_t *out;
};

static void xnn_run(void *self)
{
	struct xnn *s = self;

	for (uint32_t i = 0; i < s->layers; i++)
		xnn_run_operator(s->op[i], NULL);
}

/* It may read a few bytes beyond an input. */
static int8_t *buffer(size_t n)
{
	void *p = NULL;

	return posix_memalign(&p, 64, n + XNN_EXTRA_BYTES + 64) ? NULL : p;
}

static void *xnn_open(const struct net *net, uint32_t batch, int8_t *out, const char **why)
{
	struct xnn *s = calloc(1, sizeof(*s));
	size_t in_size = (size_t)net->layer[0].n * batch;

	if (xnn_initialize(NULL) != xnn_status_success) {
		*why = "xnn_initialize() failed";
		free(s);
		return NULL;
	}
	s->layers = net->layers;
	s->buf[0] = buffer(in_size);
	for (size_t i = 0; i < in_size; i++)
		s->buf[0][i] = net->in[i];
	for (uint32_t i = 0; i < net->layers; i++) {
		const struct layer *l = &net->layer[i];
		int8_t *y = i + 1 < net->layers ? buffer((size_t)l->m * batch) : out;

		s->buf[i + 1] = i + 1 < net->layers ? y : NULL;
		if (xnn_create_fully_connected_nc_qs8(l->n, l->m, l->n, l->m, (int8_t)l->zp_in,
				1.0f, l->scale, l->w, l->bias, (int8_t)l->zp_out, 1.0f,
				(int8_t)l->lowest, 127, 0, &s->op[i]) != xnn_status_success ||
		    xnn_setup_fully_connected_nc_qs8(s->op[i], batch, s->buf[i], y, NULL) !=
				xnn_status_success) {
			*why = "XNNPACK refused a layer";
			return NULL;
		}
	}
	return s;
}

static void xnn_close(void *self)
{
	struct xnn *s = self;

	for (uint32_t i = 0; i < s->layers; i++) {
		xnn_delete_operator(s->op[i]);
		free(s->buf[i]);
	}
	free(s);
}

#else

static void *xnn_open(const struct net *net, uint32_t batch, int8_t *out, const char **why)
{
	*why = "libxnnpack-dev and libpthreadpool-dev weren't there when this was built";
	return NULL;
}

static void xnn_run(void *self) { }
static void xnn_close(void *self) { }

#endif

const struct contender peer_xnnpack = {
	.name = "XNNPACK qs8", .open = xnn_open, .run = xnn_run, .close = xnn_close,
};
