// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer: a network of DENSE in onnxruntime (ort.c).
 *
 * What lives here: its input and output. What doesn't: the model (ort_model.c).
 */
#include <stdio.h>
#include <stdlib.h>

#include "nets.h"
#include "ort.h"
#include "ort_api.h"

struct ort_net {
	struct ort *session;
	uint8_t *data;
	char out_name[16];
};

static void ort_net_run(void *self)
{
	ort_run_once(((struct ort_net *)self)->session);
}

static void ort_net_close(void *self)
{
	struct ort_net *s = self;

	if (s->session)
		ort_close(s->session);
	free(s->data);
	free(s);
}

static void *ort_net_open(const struct net *net, uint32_t batch, int8_t *out, const char **why)
{
	uint32_t n = net->layer[0].n, m = net->layer[net->layers - 1].m;
	struct ort_net *s = calloc(1, sizeof(*s));
	struct ort_tensor x = { "x0", NULL, (size_t)batch * n, ORT_UINT8, { batch, n }, 2 };
	struct ort_tensor y = { s->out_name, out, (size_t)batch * m, ORT_UINT8, { batch, m }, 2 };
	size_t size, i;
	void *model = ort_model(net, batch, &size);

	x.data = s->data = malloc(x.size);
	for (i = 0; i < x.size; i++)
		s->data[i] = (uint8_t)(net->in[i] + 128);
	snprintf(s->out_name, sizeof(s->out_name), "x%u", net->layers);
	s->session = ort_open(model, size, &x, &y, why);
	free(model);
	if (s->session)
		return s;
	ort_net_close(s);
	return NULL;
}

const struct contender peer_ort = {
	.name = "onnxruntime u8s8", .biased = true, .open = ort_net_open, .run = ort_net_run,
	.close = ort_net_close,
};
