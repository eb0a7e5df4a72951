// SPDX-License-Identifier: GPL-2.0-only
/*
 * From ONNX nodes to a network of vectors.
 *
 * What lives here: for each kind of node, the check that it works on each row
 * of the batch by itself and on the row as one vector, and the operator that
 * does the same. Shapes come from evaluating the model once. What doesn't:
 * simplification (fold.c).
 */
#include <stdio.h>
#include <string.h>

#include "lower.h"

#define PROBE_ROWS	5	/* where the batch is free; unlikely to be another dimension */
#define PROBE_MEMORY	((size_t)512 << 20)

const struct ink_array *ink_lower_shape(const struct ink_lowering *l, uint32_t value)
{
	const struct ink_array *a = l->model->values[value].constant;

	return a ? a : l->probe[value];
}

const struct ink_array *ink_lower_const(const struct ink_lowering *l, uint32_t i)
{
	if (i >= l->node->n_in || l->node->in[i] == INK_ONNX_NONE)
		return NULL;
	return l->model->values[l->node->in[i]].constant;
}

bool ink_lower_is_dynamic(const struct ink_lowering *l, uint32_t i)
{
	return i < l->node->n_in && l->node->in[i] != INK_ONNX_NONE && !ink_lower_const(l, i);
}

uint32_t ink_lower_width(const struct ink_lowering *l, uint32_t value)
{
	return ink_lower_shape(l, value)->count / l->batch;
}

struct ink_net_op *ink_lower_add(struct ink_lowering *l, enum ink_net_kind kind, uint32_t in)
{
	struct ink_net_op *op = ink_net_add(l->net, kind, ink_lower_width(l, l->node->out[0]),
					    l->label, l->why);

	if (op) {
		op->n_in = 1;
		op->in[0] = l->op_of[l->node->in[in]];
	}
	return op;
}

double *ink_lower_row(struct ink_lowering *l, const struct ink_array *c)
{
	const struct ink_array *out = ink_lower_shape(l, l->node->out[0]);
	uint32_t width = ink_lower_width(l, l->node->out[0]), d;
	double *v = ink_net_numbers(l->net, width, l->why);
	size_t stride[INK_ONNX_MAX_RANK] = { 0 }, step = 1, i, at, rest;

	if (!v)
		return NULL;
	for (d = c->rank; d-- > 0; step *= c->dims[d])
		stride[out->rank - c->rank + d] = c->dims[d] == 1 ? 0 : step;
	if (!l->vector && out->rank && stride[0]) {
		ink_fail(l->why, "%s: its constant differs from row to row of the batch", l->label);
		return NULL;
	}
	for (i = 0; i < width; i++) {
		for (d = out->rank, rest = i, at = 0; d-- > 0; rest /= out->dims[d])
			at += rest % out->dims[d] * stride[d];
		v[i] = c->data[at];
	}
	return v;
}

bool ink_lower_need_constant(const struct ink_lowering *l, uint32_t i)
{
	bool vector = ink_lower_is_dynamic(l, 0);
	uint32_t wrong = vector ? i : 0;

	if (vector && !ink_lower_is_dynamic(l, i))
		return true;
	return ink_fail(l->why, "%s: input %u (\"%s\") %s", l->label, wrong,
			ink_onnx_value_name(l->model, l->node->in[wrong]),
			vector ? "depends on the model's input" : "is constant") ||
	       ink_hint(l->why, "a product has to be of a vector that depends on the input (first) and constant weights (second)");
}

/* Every result has one row for each row of the input. */
static bool check_batch(const struct ink_lowering *l)
{
	const struct ink_array *out = ink_lower_shape(l, l->node->out[0]);

	if (l->vector)
		return true;
	if (out->rank && out->dims[0] == l->batch)
		return true;
	return ink_fail(l->why, "%s: its first dimension isn't the batch", l->label) ||
	       ink_hint(l->why, "rows have to be independent of each other; keep the batch as the first dimension of every tensor");
}

/* An axis such that the row is what lies along it. */
static bool whole_row(const struct ink_lowering *l, const struct ink_array *x, uint32_t axis)
{
	uint32_t d;

	if (axis >= x->rank || (!l->vector && !axis))
		return false;
	for (d = !l->vector; d < x->rank; d++)
		if (d != axis && x->dims[d] != 1)
			return false;
	return true;
}

static bool lower_concat(struct ink_lowering *l)
{
	const struct ink_array *x = ink_lower_shape(l, l->node->in[0]);
	const uint32_t width = ink_lower_width(l, l->node->out[0]);
	uint32_t axis, d, k, left = l->node->n_in, at = 0, now;
	struct ink_net_op *op;
	int last = -1;

	if (!ink_onnx_axis(l->node, "axis", 1, x->rank, &axis, l->why))
		return false;
	for (d = !l->vector; d < axis; d++)
		if (x->dims[d] != 1)
			return ink_fail(l->why, "%s: interleaves its inputs", l->label) ||
			       ink_hint(l->why, "join along the dimension after the batch");
	for (k = 0; k < l->node->n_in; k++)
		if (!ink_lower_is_dynamic(l, k))
			return ink_fail(l->why, "%s: input %u is constant", l->label, k) ||
			       ink_hint(l->why, "fold constant inputs into the bias of the layer that follows");
	if (left == 1) {
		l->op_of[l->node->out[0]] = l->op_of[l->node->in[0]];
		return true;
	}
	/* An operator has room for six inputs: a long list becomes a chain. */
	while (left) {
		op = ink_net_add(l->net, INK_NET_CONCAT, 0, l->label, l->why);
		if (!op)
			return false;
		if (last >= 0) {
			op->width = l->net->ops[last].width;
			op->in[op->n_in++] = last;
		}
		now = INKLING_MAX_INPUTS - op->n_in;
		for (now = now < left ? now : left; now; now--, left--) {
			op->width += ink_lower_width(l, l->node->in[at]);
			op->in[op->n_in++] = l->op_of[l->node->in[at++]];
		}
		last = op - l->net->ops;
	}
	return l->net->ops[last].width == width;
}

static bool lower_softmax(struct ink_lowering *l)
{
	const struct ink_array *x = ink_lower_shape(l, l->node->in[0]);
	bool old = l->model->opset < 13;
	uint32_t axis;

	if (!ink_onnx_axis(l->node, "axis", old ? 1 : -1, x->rank, &axis, l->why))
		return false;
	/* Before version 13 all dimensions from the axis on count as one. */
	if (!(old && axis == 1 && x->rank > 1 && !l->vector) && !whole_row(l, x, axis))
		return ink_fail(l->why, "%s: it is of a part of the row", l->label) ||
		       ink_hint(l->why, "only a softmax over the whole row is supported");
	return ink_lower_add(l, INK_NET_SOFTMAX, 0);
}

static bool lower_reduce(struct ink_lowering *l)
{
	uint32_t n = ink_lower_width(l, l->node->in[0]);
	const char *name = l->node->pb->op_type;
	struct ink_net_op *op;

	if (ink_lower_width(l, l->node->out[0]) != 1)
		return ink_fail(l->why, "%s: it reduces a part of the row", l->label) ||
		       ink_hint(l->why, "supported: the sum or mean over the whole row of squared differences of two vectors");
	if (!strcmp(name, "ReduceSumSquare")) {
		op = ink_net_add(l->net, INK_NET_UNARY, n, l->label, l->why);
		if (!op || !ink_unary_then(&op->f, INK_UNARY_POW, 2, 0))
			return false;
		op->n_in = 1;
		op->in[0] = l->op_of[l->node->in[0]];
	}
	op = ink_lower_add(l, INK_NET_REDUCE, 0);
	if (!op)
		return false;
	if (!strcmp(name, "ReduceSumSquare"))
		op->in[0] = l->net->n_ops - 2;
	op->ca = strcmp(name, "ReduceMean") ? 1 : 1.0 / n;
	return true;
}

/* Of 8-bit integers as the node has them; 0 where it has none. */
static bool zero_point(struct ink_lowering *l, const struct ink_array *z, int *zero)
{
	*zero = 0;
	if (!z)
		return true;
	if (z->count != 1 || !(z->data[0] >= -128 && z->data[0] <= 255))
		return ink_fail(l->why, "%s: its zero point isn't one integer of 8 bits", l->label);
	*zero = (int)z->data[0];
	return true;
}

static bool lower_quantize(struct ink_lowering *l)
{
	const struct ink_array *s = ink_lower_const(l, 1), *z = ink_lower_const(l, 2);
	struct ink_net_op *op;
	int zero;

	if (!ink_lower_need_constant(l, 1) || !ink_lower_need_constant(l, 2) ||
	    !zero_point(l, z, &zero))
		return false;
	if (s->count != 1)
		return ink_fail(l->why, "%s: a scale for each channel of an activation", l->label) ||
		       ink_hint(l->why, "quantise activations per tensor; weights may be per channel");
	if (!z || z->type == INK_ONNX_UINT8)
		zero -= 128;
	if (zero < -128 || zero > 127)
		return ink_fail(l->why, "%s: its zero point isn't in the range of its type",
				l->label);
	op = ink_lower_add(l, INK_NET_RANGE, 0);
	if (!op)
		return false;
	op->fixed = (struct ink_net_range){ true, s->data[0], zero };
	return true;
}

static bool lower_dequantize(struct ink_lowering *l)
{
	const struct ink_array *s = ink_lower_const(l, 1), *z = ink_lower_const(l, 2);
	const struct ink_net_op *from = &l->net->ops[l->op_of[l->node->in[0]]];
	int zero;

	if (!ink_lower_need_constant(l, 1) || !ink_lower_need_constant(l, 2) ||
	    !zero_point(l, z, &zero))
		return false;
	if (ink_lower_shape(l, l->node->in[0])->type == INK_ONNX_UINT8)
		zero -= 128;
	if (from->kind != INK_NET_RANGE || s->count != 1 || s->data[0] != from->fixed.scale ||
	    zero != from->fixed.zero)
		return ink_fail(l->why, "%s: scale or zero point isn't that of the QuantizeLinear before it",
				l->label);
	l->op_of[l->node->out[0]] = l->op_of[l->node->in[0]];
	return true;
}

/* Between QuantizeLinear and DequantizeLinear only the shape may change. */
static bool check_integers(const struct ink_lowering *l)
{
	uint32_t i;

	if (l->node->kernel->role == INK_ONNX_ROLE_SAME ||
	    l->node->kernel->role == INK_ONNX_ROLE_DEQUANTIZE)
		return true;
	for (i = 0; i < l->node->n_in; i++)
		if (ink_lower_is_dynamic(l, i) && (ink_lower_shape(l, l->node->in[i])->type == INK_ONNX_INT8 ||
					 ink_lower_shape(l, l->node->in[i])->type == INK_ONNX_UINT8))
			return ink_fail(l->why, "%s: it reads integers", l->label) ||
			       ink_hint(l->why, "export with pairs of QuantizeLinear and DequantizeLinear (QDQ)");
	return true;
}

static bool lower_node(struct ink_lowering *l)
{
	struct ink_unary_step step;
	struct ink_net_op *op;

	switch (l->node->kernel->role) {
	case INK_ONNX_ROLE_UNARY:
		if (!ink_lower_is_dynamic(l, 0))
			return ink_lower_need_constant(l, 1);
		op = ink_lower_add(l, INK_NET_UNARY, 0);
		return op && ink_onnx_unary(l->model, l->node, &step, l->why) &&
		       ink_unary_then(&op->f, step.code, step.a, step.b);
	case INK_ONNX_ROLE_SAME:
		l->op_of[l->node->out[0]] = l->op_of[l->node->in[0]];
		return ink_lower_is_dynamic(l, 0) || ink_lower_need_constant(l, 1);
	case INK_ONNX_ROLE_BINARY:
		return ink_lower_binary(l);
	case INK_ONNX_ROLE_GEMM:
		return ink_lower_gemm(l);
	case INK_ONNX_ROLE_MATMUL:
		return ink_lower_need_constant(l, 1) && ink_lower_product(l, ink_lower_const(l, 1), false, 1);
	case INK_ONNX_ROLE_NORM:
		return ink_lower_norm(l);
	case INK_ONNX_ROLE_CONCAT:
		return lower_concat(l);
	case INK_ONNX_ROLE_SOFTMAX:
		return lower_softmax(l);
	case INK_ONNX_ROLE_REDUCE:
		return ink_lower_need_constant(l, 1) && lower_reduce(l);
	case INK_ONNX_ROLE_QUANTIZE:
		return lower_quantize(l);
	case INK_ONNX_ROLE_DEQUANTIZE:
		return lower_dequantize(l);
	default:
		return ink_fail(l->why, "%s: supported only for constants", l->label);
	}
}

static bool lower_nodes(struct ink_lowering *l)
{
	const struct ink_onnx *m = l->model;
	uint32_t i, value, before;
	char label[96];

	l->label = label;
	for (i = 0; i < m->n_nodes; i++) {
		l->node = &m->nodes[i];
		value = l->node->out[0];
		if (value == INK_ONNX_NONE)
			continue;
		snprintf(label, sizeof(label), "%s", ink_onnx_label(l->node));
		before = l->net->n_ops;
		if (!check_batch(l) || !check_integers(l) || !lower_node(l))
			return ink_fail(l->why, "%s: can't be expressed", label);
		if (l->net->n_ops != before)
			l->op_of[value] = l->net->n_ops - 1;
	}
	l->net->output = l->op_of[m->output];
	return ink_net_sort(l->net, l->why);
}

static bool probe(struct ink_lowering *l, size_t width, struct ink_pool *pool)
{
	uint32_t i;

	l->probe = ink_pool_alloc(pool, l->model->n_values, sizeof(*l->probe));
	l->op_of = ink_pool_alloc(pool, l->model->n_values, sizeof(*l->op_of));
	if (!l->probe || !l->op_of)
		return ink_fail(l->why, "no memory to evaluate the model");
	for (i = 0; i < l->model->n_values; i++)
		l->op_of[i] = INK_ONNX_NONE;
	return ink_onnx_shapes(l->model, l->batch, width, pool, l->probe, l->why);
}

struct ink_net *ink_net_lower(const struct ink_onnx *model, size_t width, struct ink_diag *why)
{
	size_t fixed = ink_onnx_batch(model);
	struct ink_lowering l = {
		.model = model, .batch = fixed ? fixed : PROBE_ROWS,
		.vector = model->in_rank == 1, .why = why,
	};
	struct ink_net_op *input;
	struct ink_pool pool;
	bool ok = false;
	size_t i;

	if (model->tokens) {
		ink_fail(why, "input \"%s\" has element type 7, not float: it is of tokens, not of features",
			 ink_onnx_value_name(model, model->input));
		ink_hint(why, "export the model with a float input; the features are quantised by the image itself");
		return NULL;
	}
	l.net = ink_net_new(4 * model->n_nodes + 16);
	if (!l.net) {
		ink_fail(why, "no memory for the network");
		return NULL;
	}
	ink_pool_init(&pool, PROBE_MEMORY);
	input = ink_net_add(l.net, INK_NET_INPUT, width, "the input", why);
	input->s = ink_net_numbers(l.net, width, why);
	input->b = ink_net_numbers(l.net, width, why);
	if (input->s && input->b && probe(&l, width, &pool)) {
		for (i = 0; i < width; i++)
			input->s[i] = 1;
		l.op_of[model->input] = 0;
		ok = lower_nodes(&l);
	}
	ink_pool_free(&pool);
	if (!ok) {
		ink_net_free(l.net);
		return NULL;
	}
	return l.net;
}
