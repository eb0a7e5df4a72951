// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network as an ONNX model for onnxruntime.
 *
 * What lives here: the form that its own quantiser writes: each Gemm between
 * DequantizeLinear and QuantizeLinear, which it fuses into one int8 operator.
 * Activations are unsigned, which is what its kernels for x86 are made for.
 */
#include <stdio.h>
#include <stdlib.h>

#include "nets.h"
#include "onnx_make.h"

enum { ONNX_UINT8 = 2, ONNX_INT8 = 3, ONNX_INT32 = 6 };

static void add_zeros(struct om *m, const char *name, int type, uint32_t n)
{
	void *zeros = calloc(n, 4);

	om_raw(m, name, type, n, 0, zeros, n * (type == ONNX_INT32 ? 4ul : 1));
	free(zeros);
}

static void add_weights(struct om *m, uint32_t i, const struct layer *l)
{
	float *scale = malloc(l->m * sizeof(*scale));
	int8_t *turned = malloc((size_t)l->n * l->m);
	char name[32];
	uint32_t row, col;

	for (row = 0; row < l->m; row++) {
		scale[row] = l->scale;
		for (col = 0; col < l->n; col++)
			turned[(size_t)col * l->m + row] = l->w[(size_t)row * l->n + col];
	}
	snprintf(name, sizeof(name), "w%u", i);
	om_raw(m, name, ONNX_INT8, l->n, l->m, turned, (size_t)l->n * l->m);
	snprintf(name, sizeof(name), "w_scale%u", i);
	om_const(m, name, l->m, 0, scale);
	snprintf(name, sizeof(name), "w_zero%u", i);
	add_zeros(m, name, ONNX_INT8, l->m);
	snprintf(name, sizeof(name), "b%u", i);
	om_raw(m, name, ONNX_INT32, l->m, 0, l->bias, l->m * 4ul);
	snprintf(name, sizeof(name), "b_zero%u", i);
	add_zeros(m, name, ONNX_INT32, l->m);
	free(turned);
	free(scale);
}

static void add_node(struct om *m, const char *op, uint32_t i, const char *in, const char *out)
{
	char names[2][96];

	/* Each %u is the layer's number. */
	snprintf(names[0], sizeof(names[0]), in, i, i, i);
	snprintf(names[1], sizeof(names[1]), out, i);
	om_node(m, op, names[0], names[1]);
}

static void add_layer(struct om *m, uint32_t i, const struct layer *l)
{
	int64_t zero = l->zp_out + 128;
	char name[32], in[64], out[32];

	add_weights(m, i, l);
	snprintf(name, sizeof(name), "zero%u", i + 1);
	om_ints(m, name, ONNX_UINT8, 0, &zero);
	add_node(m, "DequantizeLinear", i, "x%u,one,zero%u", "fx%u");
	add_node(m, "DequantizeLinear", i, "w%u,w_scale%u,w_zero%u", "fw%u");
	om_int(m, "axis", 1);
	add_node(m, "DequantizeLinear", i, "b%u,w_scale%u,b_zero%u", "fb%u");
	om_int(m, "axis", 0);
	add_node(m, "Gemm", i, "fx%u,fw%u,fb%u", "fy%u");
	snprintf(in, sizeof(in), "fy%u,one,zero%u", i, i + 1);
	snprintf(out, sizeof(out), "x%u", i + 1);
	om_node(m, "QuantizeLinear", in, out);
}

void *ort_model(const struct net *net, uint32_t batch, size_t *size)
{
	struct om *m = om_new(13, "x0", net->layer[0].n);
	Inkonnx__TensorType *type = om_model(m)->graph->input[0]->type->tensor_type;
	int64_t zero = net->layer[0].zp_in + 128;
	const float one = 1;
	char last[16];
	void *packed;

	type->elem_type = ONNX_UINT8;
	type->shape->dim[0]->dim_param = NULL;
	type->shape->dim[0]->has_dim_value = 1;
	type->shape->dim[0]->dim_value = batch;
	om_const(m, "one", 0, 0, &one);
	om_ints(m, "zero0", ONNX_UINT8, 0, &zero);
	for (uint32_t i = 0; i < net->layers; i++)
		add_layer(m, i, &net->layer[i]);
	snprintf(last, sizeof(last), "x%u", net->layers);
	om_output(m, last);
	packed = om_pack(m, size);
	om_free(m);
	return packed;
}
