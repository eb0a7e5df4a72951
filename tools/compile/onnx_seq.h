/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The float reference: what operators of models of tokens share.
 *
 * What lives here: broadcasting of any number of operands, lists of integers,
 * and the kernels that onnx_seq.c has in its table. What doesn't: the
 * evaluator (onnx_float.h).
 */
#ifndef INK_ONNX_SEQ_H
#define INK_ONNX_SEQ_H

#include "onnx_float.h"

/* Shape of a result that operands are stretched to. */
struct ink_onnx_spread {
	uint32_t rank;
	size_t dims[INK_ONNX_MAX_RANK];
};

bool ink_onnx_broadcast(struct ink_onnx_call *c, struct ink_onnx_spread *s);
size_t ink_onnx_spread_at(const struct ink_onnx_spread *s, const struct ink_array *a, size_t i);

/* Integers of input @input or, without it, of attribute @attr: *@n of them, at most @most. */
bool ink_onnx_integers(struct ink_onnx_call *c, uint32_t input, const char *attr, int64_t *v,
		       uint32_t most, uint32_t *n);

/* onnx_index.c */
bool ink_onnx_eval_gather(struct ink_onnx_call *c);
bool ink_onnx_eval_slice(struct ink_onnx_call *c);
bool ink_onnx_eval_split(struct ink_onnx_call *c);
bool ink_onnx_eval_expand(struct ink_onnx_call *c);
bool ink_onnx_eval_tile(struct ink_onnx_call *c);
bool ink_onnx_eval_shape(struct ink_onnx_call *c);
bool ink_onnx_eval_filled(struct ink_onnx_call *c);
bool ink_onnx_eval_pad(struct ink_onnx_call *c);
bool ink_onnx_eval_range(struct ink_onnx_call *c);
bool ink_onnx_eval_trilu(struct ink_onnx_call *c);

/**
 * struct ink_onnx_cut - what a Slice takes of each dimension
 * @from: first index
 * @step: distance to the next
 * @dims: how many
 */
struct ink_onnx_cut {
	int64_t from[INK_ONNX_MAX_RANK];
	int64_t step[INK_ONNX_MAX_RANK];
	size_t dims[INK_ONNX_MAX_RANK];
};

/* What @c->node, a Slice, takes of an array of the given shape. */
bool ink_onnx_cut_slice(struct ink_onnx_call *c, uint32_t rank, const size_t *dims,
			struct ink_onnx_cut *cut);
/* What output @c->which of @c->node, a Split, takes; *@axis is the one that is cut. */
bool ink_onnx_cut_split(struct ink_onnx_call *c, uint32_t rank, const size_t *dims,
			struct ink_onnx_cut *cut, uint32_t *axis);

/* onnx_window.c */
bool ink_onnx_eval_layer_norm(struct ink_onnx_call *c);
bool ink_onnx_eval_reduce_max(struct ink_onnx_call *c);
bool ink_onnx_eval_topk(struct ink_onnx_call *c);
bool ink_onnx_eval_conv(struct ink_onnx_call *c);
bool ink_onnx_eval_pool(struct ink_onnx_call *c);

/**
 * struct ink_onnx_window - windows of a Conv or pooling over one or two dimensions
 * @rank: 1 or 2
 * @size: of the window; the first of one dimension is 1
 * @stride: likewise
 * @before: padding in front
 * @after: padding behind
 */
struct ink_onnx_window {
	uint32_t rank;
	size_t size[2];
	size_t stride[2];
	size_t before[2];
	size_t after[2];
};

/* Window of @c->node over an input of @spatial dimensions. */
bool ink_onnx_window(struct ink_onnx_call *c, uint32_t spatial, const size_t *kernel,
		     struct ink_onnx_window *w);

#endif /* INK_ONNX_SEQ_H */
