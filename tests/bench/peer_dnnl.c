// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer: oneDNN's inner product, one primitive for each layer.
 *
 * What lives here: what its manual advises for int8: unsigned activations, in which ReLU is what
 * saturation does anyway, signed weights in the layout that the primitive asks for, a scale for each
 * output channel; all is set up once, and only dnnl_primitive_execute() is in the loop. Interface
 * of version 2, as Debian 12 has it.
 */
#include <stdlib.h>

#include "nets.h"

#ifdef HAVE_DNNL
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

struct step {
	dnnl_primitive_t primitive;
	dnnl_exec_arg_t args[4];
};

struct dnnl {
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	uint32_t layers;
	struct step step[NET_LAYERS];
};

static dnnl_status_t plain(dnnl_memory_desc_t *desc, int n_dims, int64_t rows, int64_t cols,
			   dnnl_data_type_t type, dnnl_format_tag_t tag)
{
	const dnnl_dims_t dims = { rows, cols };

	return dnnl_memory_desc_init_by_tag(desc, n_dims, dims, type, tag);
}

/* Weights as they are, in the primitive's own layout. */
static dnnl_status_t pack_weights(struct dnnl *s, const struct layer *l, dnnl_primitive_desc_t pd,
				  dnnl_memory_t *to)
{
	const dnnl_memory_desc_t *want = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
	dnnl_primitive_desc_t reorder_desc = NULL;
	dnnl_primitive_t reorder = NULL;
	dnnl_memory_desc_t have;
	dnnl_memory_t from = NULL;
	dnnl_status_t err;

	err = plain(&have, 2, l->m, l->n, dnnl_s8, dnnl_ab);
	err = err ? err : dnnl_memory_create(&from, &have, s->engine, l->w);
	err = err ? err : dnnl_memory_create(to, want, s->engine, DNNL_MEMORY_ALLOCATE);
	err = err ? err : dnnl_reorder_primitive_desc_create(&reorder_desc, &have, s->engine, want,
							     s->engine, NULL);
	err = err ? err : dnnl_primitive_create(&reorder, reorder_desc);
	if (!err) {
		const dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, *to } };

		err = dnnl_primitive_execute(reorder, s->stream, 2, args);
		err = err ? err : dnnl_stream_wait(s->stream);
	}
	dnnl_primitive_destroy(reorder);
	dnnl_primitive_desc_destroy(reorder_desc);
	dnnl_memory_destroy(from);
	return err;
}

/* In floating point, so that the zero point of the output is in it too. */
static dnnl_status_t make_bias(struct dnnl *s, const struct layer *l, const dnnl_memory_desc_t *desc,
			       dnnl_memory_t *to)
{
	dnnl_status_t err = dnnl_memory_create(to, desc, s->engine, DNNL_MEMORY_ALLOCATE);
	int32_t *folded = malloc(l->m * sizeof(*folded));
	void *bias;

	err = err ? err : dnnl_memory_get_data_handle(*to, &bias);
	if (!err) {
		net_biased(l, folded);
		for (uint32_t i = 0; i < l->m; i++)
			((float *)bias)[i] = (float)folded[i] + (float)(l->zp_out + 128) / l->scale;
	}
	free(folded);
	return err;
}

static dnnl_status_t make_attr(const struct layer *l, dnnl_primitive_attr_t *attr)
{
	float *scales = malloc(l->m * sizeof(*scales));
	dnnl_status_t err = dnnl_primitive_attr_create(attr);

	for (uint32_t i = 0; i < l->m; i++)
		scales[i] = l->scale;
	err = err ? err : dnnl_primitive_attr_set_output_scales(*attr, l->m, 1 << 1, scales);
	free(scales);
	return err;
}

/* @src: what the layer before made; @out: where the last one writes, else NULL. */
static dnnl_status_t make_layer(struct dnnl *s, const struct layer *l, uint32_t batch,
				dnnl_memory_t src, void *out, struct step *step)
{
	dnnl_memory_desc_t in_desc, w_desc, bias_desc, out_desc;
	dnnl_memory_t weights = NULL, bias = NULL, dst = NULL;
	dnnl_primitive_attr_t attr = NULL;
	dnnl_primitive_desc_t pd = NULL;
	dnnl_inner_product_desc_t ip;
	dnnl_status_t err;

	err = plain(&in_desc, 2, batch, l->n, dnnl_u8, dnnl_ab);
	err = err ? err : plain(&w_desc, 2, l->m, l->n, dnnl_s8, dnnl_format_tag_any);
	err = err ? err : plain(&bias_desc, 1, l->m, 0, dnnl_f32, dnnl_a);
	err = err ? err : plain(&out_desc, 2, batch, l->m, dnnl_u8, dnnl_ab);
	err = err ? err : dnnl_inner_product_forward_desc_init(&ip, dnnl_forward_inference, &in_desc,
							       &w_desc, &bias_desc, &out_desc);
	err = err ? err : make_attr(l, &attr);
	err = err ? err : dnnl_primitive_desc_create(&pd, &ip, attr, s->engine, NULL);
	err = err ? err : pack_weights(s, l, pd, &weights);
	err = err ? err : make_bias(s, l, &bias_desc, &bias);
	err = err ? err : dnnl_memory_create(&dst, &out_desc, s->engine,
					     out ? out : DNNL_MEMORY_ALLOCATE);
	err = err ? err : dnnl_primitive_create(&step->primitive, pd);
	dnnl_primitive_desc_destroy(pd);
	dnnl_primitive_attr_destroy(attr);
	step->args[0] = (dnnl_exec_arg_t){ DNNL_ARG_SRC, src };
	step->args[1] = (dnnl_exec_arg_t){ DNNL_ARG_WEIGHTS, weights };
	step->args[2] = (dnnl_exec_arg_t){ DNNL_ARG_BIAS, bias };
	step->args[3] = (dnnl_exec_arg_t){ DNNL_ARG_DST, dst };
	return err;
}

static dnnl_status_t make_input(struct dnnl *s, const struct net *net, uint32_t batch,
				dnnl_memory_t *src)
{
	size_t size = (size_t)net->layer[0].n * batch;
	dnnl_memory_desc_t desc;
	dnnl_status_t err;
	void *p;

	err = plain(&desc, 2, batch, net->layer[0].n, dnnl_u8, dnnl_ab);
	err = err ? err : dnnl_memory_create(src, &desc, s->engine, DNNL_MEMORY_ALLOCATE);
	err = err ? err : dnnl_memory_get_data_handle(*src, &p);
	for (size_t i = 0; !err && i < size; i++)
		((uint8_t *)p)[i] = (uint8_t)(net->in[i] + 128);
	return err;
}

static void dnnl_run(void *self)
{
	struct dnnl *s = self;

	for (uint32_t i = 0; i < s->layers; i++)
		dnnl_primitive_execute(s->step[i].primitive, s->stream, 4, s->step[i].args);
}

static void dnnl_close(void *self)
{
	struct dnnl *s = self;

	for (uint32_t i = 0; i < s->layers; i++) {
		dnnl_primitive_destroy(s->step[i].primitive);
		for (int k = 0; k < 4; k++)	/* a layer's input is the output of the one before */
			if (k || !i)
				dnnl_memory_destroy(s->step[i].args[k].memory);
	}
	dnnl_stream_destroy(s->stream);
	dnnl_engine_destroy(s->engine);
	free(s);
}

static void *dnnl_open(const struct net *net, uint32_t batch, int8_t *out, const char **why)
{
	struct dnnl *s = calloc(1, sizeof(*s));
	dnnl_memory_t src = NULL;
	dnnl_status_t err;

	omp_set_num_threads(1);
	err = dnnl_engine_create(&s->engine, dnnl_cpu, 0);
	err = err ? err : dnnl_stream_create(&s->stream, s->engine, dnnl_stream_default_flags);
	err = err ? err : make_input(s, net, batch, &src);
	for (uint32_t i = 0; !err && i < net->layers; i++) {
		err = make_layer(s, &net->layer[i], batch, src, i + 1 < net->layers ? NULL : out,
				 &s->step[i]);
		src = s->step[i].args[3].memory;
		s->layers++;
	}
	if (!err)
		return s;
	*why = err == dnnl_unimplemented ? "it has no such primitive for this CPU" : "oneDNN refused";
	dnnl_close(s);
	return NULL;
}

#else

static void *dnnl_open(const struct net *net, uint32_t batch, int8_t *out, const char **why)
{
	*why = "version 2 of libdnnl-dev wasn't there when this was built";
	return NULL;
}

static void dnnl_run(void *self) { }
static void dnnl_close(void *self) { }

#endif

const struct contender peer_dnnl = {
	.name = "oneDNN u8s8", .biased = true, .open = dnnl_open, .run = dnnl_run, .close = dnnl_close,
};
