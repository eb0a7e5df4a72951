// SPDX-License-Identifier: GPL-2.0-only
/*
 * An encoder as an ONNX model for onnxruntime, in the form that it runs fastest.
 *
 * What lives here: layers of its own fused operators, which is what its optimiser for transformers
 * makes of an export: attention as one operator, LayerNormalization, and GELU with its bias. In
 * int8 each matrix is a DynamicQuantizeMatMul, as its quantiser has them. Embeddings are left
 * out, in its favour.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_make.h"
#include "ort.h"
#include "ort_api.h"

enum { ONNX_FLOAT = 1, ONNX_INT8 = 3 };

struct ort_encoder {
	struct ort *session;
	float *in, *out;
};

/* What is being built. */
struct draft {
	struct om *m;
	bool bytes;
	uint32_t n;		/* constants and results so far */
};

static void node(struct draft *d, const char *op, const char *domain, const char *in, const char *out)
{
	Inkonnx__Node *n = om_node(d->m, op, in, out);

	if (domain)
		n->domain = (char *)domain;
}

static const char microsoft[] = "com.microsoft";

/* y = x w + b */
static void matrix(struct draft *d, const char *x, const char *y, uint32_t from, uint32_t to)
{
	char w[32], b[32], in[160], mid[40];
	const float scale = 0.002f;
	const int64_t zero = 0;
	int8_t *q;
	size_t i;

	snprintf(w, sizeof(w), "w%u", ++d->n);
	snprintf(b, sizeof(b), "b%u", d->n);
	om_weights(d->m, b, to, 0, 0.1f, d->n);
	if (d->bytes) {
		q = malloc((size_t)from * to);
		for (i = 0; i < (size_t)from * to; i++)
			q[i] = (int8_t)(i * 2654435761u >> 24);
		om_raw(d->m, w, ONNX_INT8, from, to, q, (size_t)from * to);
		free(q);
		snprintf(mid, sizeof(mid), "scale%u", d->n);
		om_const(d->m, mid, 0, 0, &scale);
		snprintf(mid, sizeof(mid), "zero%u", d->n);
		om_ints(d->m, mid, ONNX_INT8, 0, &zero);
		snprintf(in, sizeof(in), "%s,%s,scale%u,zero%u,%s", x, w, d->n, d->n, b);
		node(d, "DynamicQuantizeMatMul", microsoft, in, y);
		return;
	}
	om_weights(d->m, w, from, to, 0.2f, d->n);
	snprintf(in, sizeof(in), "%s,%s", x, w);
	snprintf(mid, sizeof(mid), "mid%u", d->n);
	node(d, "MatMul", NULL, in, mid);
	snprintf(in, sizeof(in), "%s,%s", mid, b);
	node(d, "Add", NULL, in, y);
}

static void layer_norm(struct draft *d, const char *x, const char *y, uint32_t dim)
{
	char in[96], name[32];

	snprintf(name, sizeof(name), "g%u", ++d->n);
	om_weights(d->m, name, dim, 0, 1, d->n);
	snprintf(in, sizeof(in), "%s,g%u,h%u", x, d->n, d->n);
	snprintf(name, sizeof(name), "h%u", d->n);
	om_weights(d->m, name, dim, 0, 0.1f, d->n + 1000);
	node(d, "LayerNormalization", NULL, in, y);
	om_int(d->m, "axis", -1);
}

/* In float queries, keys and values are one matrix of the operator. */
static void attention(struct draft *d, const struct encoder *e)
{
	if (d->bytes) {
		matrix(d, "norm1", "q", e->dim, e->dim);
		matrix(d, "norm1", "k", e->dim, e->dim);
		matrix(d, "norm1", "v", e->dim, e->dim);
		node(d, "MultiHeadAttention", microsoft, "q,k,v", "heads");
	} else {
		om_weights(d->m, "qkv", e->dim, 3 * e->dim, 0.2f, 77);
		om_weights(d->m, "qkv_bias", 3 * e->dim, 0, 0.1f, 78);
		node(d, "Attention", microsoft, "norm1,qkv,qkv_bias", "heads");
	}
	om_int(d->m, "num_heads", e->heads);
	matrix(d, "heads", "attended", e->dim, e->dim);
}

/* A model of one layer, and the mean over tokens. */
static uint8_t *encoder_model(const struct encoder *e, bool bytes, size_t *size)
{
	struct draft d = { .m = om_new(20, "x", e->dim), .bytes = bytes };
	Inkonnx__OperatorSetId own = INKONNX__OPERATOR_SET_ID__INIT, *sets[2];
	Inkonnx__Model *model = om_model(d.m);
	const int64_t axis = 1;
	uint8_t *packed;

	own.domain = (char *)microsoft;
	own.has_version = 1;
	own.version = 1;
	sets[0] = model->opset_import[0];
	sets[1] = &own;
	model->opset_import = sets;
	model->n_opset_import = 2;
	model->graph->input[0]->type->tensor_type->shape = NULL;
	layer_norm(&d, "x", "norm1", e->dim);
	attention(&d, e);
	node(&d, "Add", NULL, "x,attended", "x1");
	layer_norm(&d, "x1", "norm2", e->dim);
	matrix(&d, "norm2", "up", e->dim, e->hidden);
	node(&d, "Gelu", NULL, "up", "gelu");
	matrix(&d, "gelu", "down", e->hidden, e->dim);
	node(&d, "Add", NULL, "x1,down", "x2");
	om_ints(d.m, "axes", 7, 1, &axis);
	node(&d, "ReduceMean", NULL, "x2,axes", "y");
	om_int(d.m, "keepdims", 0);
	om_output(d.m, "y");
	packed = om_pack(d.m, size);
	model->n_opset_import = 1;
	om_free(d.m);
	return packed;
}

void ort_encoder_run(void *self)
{
	ort_run_once(((struct ort_encoder *)self)->session);
}

void ort_encoder_close(void *self)
{
	struct ort_encoder *s = self;

	if (s->session)
		ort_close(s->session);
	free(s->in);
	free(s->out);
	free(s);
}

void *ort_encoder_open(const struct encoder *e, bool bytes, const char **why)
{
	struct ort_encoder *s = calloc(1, sizeof(*s));
	size_t count = (size_t)e->tokens * e->dim, size;
	struct ort_tensor x = { "x", NULL, count * sizeof(float), ONNX_FLOAT, { 1, e->tokens, e->dim }, 3 };
	struct ort_tensor y = { "y", NULL, e->dim * sizeof(float), ONNX_FLOAT, { 1, e->dim }, 2 };
	void *model = encoder_model(e, bytes, &size);

	x.data = s->in = calloc(count, sizeof(float));
	y.data = s->out = calloc(e->dim, sizeof(float));
	om_random(s->in, count, 1);
	s->session = ort_open(model, size, &x, &y, why);
	free(model);
	if (s->session)
		return s;
	ort_encoder_close(s);
	return NULL;
}
