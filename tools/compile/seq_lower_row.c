// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowering of sequences: products, convolutions and windows.
 *
 * What lives here: what multiplies rows by constant weights, and what puts
 * neighbouring rows side by side for that. What doesn't: products of
 * activations (seq_lower_attention.c).
 */
#include <string.h>

#include "seq_lower.h"

/* y = x W; @w is [n][m], or [m][n] when @turned. The view's last dimension becomes m wide. */
static bool linear(struct ink_seq_lowering *l, const struct ink_value *x, const struct ink_array *w,
		   bool turned, double alpha, struct ink_seq_op **made, struct ink_layout *layout)
{
	uint32_t n = (uint32_t)w->dims[turned ? w->rank - 1 : w->rank - 2], from, i, k;
	uint32_t m = (uint32_t)w->dims[turned ? w->rank - 2 : w->rank - 1];
	struct ink_seq_op *op;

	if (!ink_seq_matrix(l, x, &from))
		return false;
	if (l->net->ops[from].cols != n)
		return ink_seq_refuse(l, "the weights don't fit the columns");
	if (!ink_seq_shape_of(x, m, layout))
		return ink_seq_refuse(l, "too many dimensions");
	op = ink_seq_new_op(l, INK_SEQ_LINEAR, l->net->ops[from].rows, m, l->net->ops[from].seq);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->w = ink_seq_numbers(l->net, (size_t)n * m, l->why);
	if (!op->w)
		return false;
	for (i = 0; i < m; i++)
		for (k = 0; k < n; k++)
			op->w[(size_t)i * n + k] = alpha * w->data[turned ? (size_t)i * n + k :
								   (size_t)k * m + i];
	*made = op;
	return true;
}

static bool gemm(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const struct ink_array *w = ink_seq_const(l, 1), *bias = ink_seq_const(l, 2);
	int64_t ta = 0, tb = 0;
	double alpha = 1, beta = 1;
	struct ink_layout layout;
	struct ink_seq_op *op;
	struct ink_value turned;
	uint32_t i;

	if (!ink_onnx_attr_int(l->node, "transA", &ta, l->why) ||
	    !ink_onnx_attr_int(l->node, "transB", &tb, l->why) ||
	    !ink_onnx_attr_float(l->node, "alpha", &alpha, l->why) ||
	    !ink_onnx_attr_float(l->node, "beta", &beta, l->why))
		return false;
	if (x->kind != INK_VALUE_VIEW || !w || (ink_seq_in(l, 2) && !bias) || x->layout.rank != 2)
		return ink_seq_refuse(l, "a Gemm has to have constant weights");
	turned = *x;
	if (ta)
		ink_layout_permute(&turned.layout, (const uint32_t[]){ 1, 0 });
	if (!linear(l, &turned, w, tb, alpha, &op, &layout))
		return false;
	if (bias) {
		op->b = ink_seq_numbers(l->net, op->cols, l->why);
		if (!op->b)
			return false;
		if (bias->count != 1 && (bias->count != op->cols ||
					 bias->dims[bias->rank - 1] != op->cols))
			return ink_seq_refuse(l, "the bias has to have a number for each column");
		for (i = 0; i < op->cols; i++)
			op->b[i] = beta * bias->data[bias->count == 1 ? 0 : i];
	}
	return ink_seq_set_view(l, l->net->n_ops - 1, &layout, ink_seq_filling(x, !bias));
}

static bool is_matrix(const struct ink_array *a)
{
	uint32_t d;

	for (d = 0; d + 2 < a->rank; d++)
		if (a->dims[d] != 1)
			return false;
	return a->rank >= 2;
}

/* W x is (x' W')': weights to the left work on the dimension before the last. */
static bool from_left(struct ink_seq_lowering *l, const struct ink_array *w)
{
	struct ink_value x = *ink_seq_in(l, 1);
	uint32_t perm[INK_ONNX_MAX_RANK], rank = x.layout.rank, d;
	struct ink_layout layout;
	struct ink_seq_op *op;

	if (rank < 2 || w->rank > rank)
		return ink_seq_refuse(l, "a product with a vector isn't supported");
	for (d = 0; d < rank; d++)
		perm[d] = d;
	perm[rank - 1] = rank - 2;
	perm[rank - 2] = rank - 1;
	ink_layout_permute(&x.layout, perm);
	if (!linear(l, &x, w, true, 1, &op, &layout))
		return false;
	ink_layout_permute(&layout, perm);
	return ink_seq_set_view(l, l->net->n_ops - 1, &layout, INK_FILL_ANY);
}

bool ink_seq_lower_product(struct ink_seq_lowering *l)
{
	const struct ink_value *a = ink_seq_in(l, 0), *b = ink_seq_in(l, 1);
	const struct ink_array *out = l->probe[l->node->out[0]];
	struct ink_layout layout;
	struct ink_seq_op *op;

	if (!strcmp(l->node->pb->op_type, "Gemm"))
		return gemm(l);
	if (a->kind == INK_VALUE_SHARES)
		return ink_seq_lower_attention(l);
	if (b->kind == INK_VALUE_VIEW && a->kind == INK_VALUE_CONST && is_matrix(a->constant))
		return from_left(l, a->constant);
	if (a->kind != INK_VALUE_VIEW)
		return ink_seq_refuse(l, "supported: activations times constant weights, and attention");
	if (b->kind == INK_VALUE_VIEW)
		return ink_seq_lower_scores(l);
	if (b->kind != INK_VALUE_CONST || !is_matrix(b->constant) || a->summed ||
	    b->constant->rank > out->rank)
		return ink_seq_refuse(l, "supported: activations times a constant matrix");
	if (!linear(l, a, b->constant, false, 1, &op, &layout))
		return false;
	return ink_seq_set_view(l, l->net->n_ops - 1, &layout, ink_seq_filling(a, true));
}

/* The view [1, channels, ...places] as a matrix of places and channels. */
static bool places_matrix(struct ink_seq_lowering *l, const struct ink_value *x, uint32_t *op)
{
	uint32_t perm[INK_ONNX_MAX_RANK], d;
	struct ink_value v = *x;

	for (d = 0; d < v.layout.rank; d++)
		perm[d] = d < 1 ? d : d + 1 < v.layout.rank ? d + 1 : 1;
	ink_layout_permute(&v.layout, perm);
	return ink_seq_matrix(l, &v, op);
}

/* A matrix that isn't a sequence any more: turned, and turned back. */
static bool settle(struct ink_seq_lowering *l, uint32_t *op)
{
	uint32_t k, rows = l->net->ops[*op].rows, cols = l->net->ops[*op].cols;
	struct ink_seq_op *t;

	for (k = 0; k < 2; k++) {
		t = ink_seq_new_op(l, INK_SEQ_TRANSPOSE, k ? rows : cols, k ? cols : rows, false);
		if (!t)
			return false;
		t->n_in = 1;
		t->in[0] = *op;
		*op = l->net->n_ops - 1;
	}
	return true;
}

static bool unfold(struct ink_seq_lowering *l, const struct ink_value *x,
		   const struct ink_onnx_window *w, uint32_t *op)
{
	const struct ink_array *in = l->probe[l->node->in[0]], *out = l->probe[l->node->out[0]];
	uint32_t from, cols, rows = 1, d;
	bool seq, line;
	struct ink_seq_op *u;

	if (!places_matrix(l, x, &from))
		return false;
	seq = l->net->ops[from].seq;
	for (d = 2; d < out->rank; d++)
		rows *= (uint32_t)out->dims[d];
	if (w->stride[0] != w->stride[1] && w->rank == 2)
		return ink_seq_refuse(l, "strides have to be the same in both directions");
	line = seq && w->stride[0] == 1 && w->stride[1] == 1 && w->before[1] + w->after[1] == w->size[1] - 1;
	if (seq && !line && (!l->net->fixed || l->net->padded))
		return ink_seq_refuse(l, "over any number of tokens, supported are a stride of 1 and as many places as before (padding)");
	if (seq && !line) {
		if (!settle(l, &from))
			return false;
		seq = false;
	}
	if (!seq && (w->before[0] != w->after[0] || w->before[1] != w->after[1]))
		return ink_seq_refuse(l, "the padding has to be the same at both sides");
	if (seq && l->net->padded && x->filling != INK_FILL_ZERO && w->size[1] > 1)
		return ink_fail(l->why, "%s: mixes tokens with what only fills up", l->label) ||
		       ink_hint(l->why, "multiply by the mask before it, so that what fills up is zero");
	*op = from;
	if (w->size[0] * w->size[1] == 1 && w->stride[1] == 1)
		return true;
	cols = l->net->ops[from].cols * (uint32_t)(w->size[0] * w->size[1]);
	*op = l->net->n_ops;
	u = ink_seq_new_op(l, INK_SEQ_UNFOLD, seq ? l->net->ops[from].rows : rows, cols, seq);
	if (!u)
		return false;
	u->n_in = 1;
	u->in[0] = from;
	u->unfold = (struct ink_seq_window){
		seq ? 0 : (uint32_t)in->dims[in->rank - 1], (uint32_t)w->size[0],
		(uint32_t)w->size[1], (uint32_t)w->stride[1], (uint32_t)w->before[0],
		(uint32_t)w->before[1],
	};
	return true;
}

/* [1, cols, ...places] of a matrix of places. */
static bool set_places(struct ink_seq_lowering *l, uint32_t op, enum ink_filling filling)
{
	const struct ink_array *out = l->probe[l->node->out[0]];
	struct ink_layout layout = { .rank = out->rank };
	uint32_t d, stride = 1;

	ink_extent_add(&layout.dim[1], INK_AXIS_COL, (uint32_t)out->dims[1], 1);
	for (d = out->rank; d-- > 2; stride *= (uint32_t)out->dims[d])
		ink_extent_add(&layout.dim[d], INK_AXIS_ROW, (uint32_t)out->dims[d], stride);
	return ink_seq_set_view(l, op, &layout, filling);
}

static void as_call(struct ink_seq_lowering *l, struct ink_onnx_call *c)
{
	memset(c, 0, sizeof(*c));
	c->model = l->model;
	c->node = l->node;
	c->why = l->why;
}

bool ink_seq_lower_conv(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const struct ink_array *w = ink_seq_const(l, 1), *bias = ink_seq_const(l, 2);
	size_t window, c, m, i, k, per;
	struct ink_onnx_window win;
	struct ink_onnx_call call;
	struct ink_seq_op *op;
	int64_t group = 1;
	uint32_t from;

	if (x->kind != INK_VALUE_VIEW || !w || (ink_seq_in(l, 2) && !bias) ||
	    x->layout.rank != w->rank)
		return ink_seq_refuse(l, "a Conv has to have constant weights");
	as_call(l, &call);
	if (!ink_onnx_window(&call, w->rank - 2, w->dims + 2, &win) ||
	    !ink_onnx_attr_int(l->node, "group", &group, l->why) || !unfold(l, x, &win, &from))
		return false;
	window = win.size[0] * win.size[1];
	c = w->dims[1];
	m = w->dims[0];
	per = m / (size_t)group;
	op = ink_seq_new_op(l, INK_SEQ_LINEAR, l->net->ops[from].rows, (uint32_t)m,
			    l->net->ops[from].seq);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->w = ink_seq_numbers(l->net, m * window * c * (size_t)group, l->why);
	op->b = ink_seq_numbers(l->net, m, l->why);
	if (!op->w || !op->b)
		return false;
	for (i = 0; i < m; i++) {
		op->b[i] = bias ? bias->data[i] : 0;
		for (k = 0; k < c * window; k++)
			op->w[(i * window + k % window) * c * (size_t)group + i / per * c + k / window] =
				w->data[i * c * window + k];
	}
	return set_places(l, l->net->n_ops - 1, INK_FILL_ANY);
}

static bool global(struct ink_seq_lowering *l, const struct ink_value *x, bool greatest)
{
	struct ink_seq_op *op;
	uint32_t from;

	if (!places_matrix(l, x, &from))
		return false;
	if (l->net->ops[from].seq && l->net->padded)
		return ink_fail(l->why, "%s: counts what only fills up", l->label) ||
		       ink_hint(l->why, "divide the sum of the masked rows by the number of tokens");
	op = ink_seq_new_op(l, INK_SEQ_POOL, 1, l->net->ops[from].cols, false);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->mode = greatest ? INKLING_POOL_MAX : INKLING_POOL_MEAN;
	return set_places(l, l->net->n_ops - 1, INK_FILL_ANY);
}

/* The greatest in windows; padding has to be avoided, as the engine's is zero. */
bool ink_seq_lower_pool(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const char *name = l->node->pb->op_type;
	struct ink_onnx_window win;
	struct ink_onnx_call call;
	struct ink_seq_op *op;
	uint32_t from, groups;

	if (x->kind != INK_VALUE_VIEW || x->layout.rank < 3)
		return ink_seq_refuse(l, "supported: of activations [1, channels, places]");
	if (!strncmp(name, "Global", 6))
		return global(l, x, strstr(name, "Max"));
	as_call(l, &call);
	if (!ink_onnx_window(&call, x->layout.rank - 2, NULL, &win))
		return false;
	if (win.before[0] + win.before[1] && !(x->f.n && ink_unary_eval(&x->f, -1) == 0))
		return ink_seq_refuse(l, "padding is supported behind a Relu only, as what is padded is zero");
	if (!unfold(l, x, &win, &from))
		return false;
	groups = (uint32_t)(win.size[0] * win.size[1]);
	op = ink_seq_new_op(l, INK_SEQ_MAXOUT, l->net->ops[from].rows,
			    l->net->ops[from].cols / groups, l->net->ops[from].seq);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	return set_places(l, l->net->n_ops - 1, INK_FILL_ANY);
}
