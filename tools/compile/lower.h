/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the lowering share.
 *
 * What lives here: the state of the lowering and questions about the node at
 * hand. What doesn't: what the rest of the compiler calls, see net.h.
 */
#ifndef INK_LOWER_H
#define INK_LOWER_H

#include "net.h"

/**
 * struct ink_lowering - an ONNX model being lowered
 * @model: itself
 * @net: being made
 * @probe: by value, the result of a run, for its shape
 * @op_of: by value, operator that makes it; INK_ONNX_NONE: constant or not there
 * @batch: rows of the run
 * @vector: the input has no batch dimension
 * @node: at hand
 * @label: of @node
 * @why: set when a node can't be expressed
 */
struct ink_lowering {
	const struct ink_onnx *model;
	struct ink_net *net;
	const struct ink_array **probe;
	uint32_t *op_of;
	size_t batch;
	bool vector;
	const struct ink_onnx_node *node;
	const char *label;
	struct ink_diag *why;
};

/* Numbers of a value, or those of the run: only their shape means something. */
const struct ink_array *ink_lower_shape(const struct ink_lowering *l, uint32_t value);
/* Input @i of the node where it is constant, else NULL. */
const struct ink_array *ink_lower_const(const struct ink_lowering *l, uint32_t i);
/* Does input @i depend on the model's input? */
bool ink_lower_is_dynamic(const struct ink_lowering *l, uint32_t i);
/* Numbers of a value in one row. */
uint32_t ink_lower_width(const struct ink_lowering *l, uint32_t value);
/* An operator for the node, which reads its input @in. */
struct ink_net_op *ink_lower_add(struct ink_lowering *l, enum ink_net_kind kind, uint32_t in);
/* A constant operand as one number for each element of a row of the result. */
double *ink_lower_row(struct ink_lowering *l, const struct ink_array *c);
/* The first input has to be a vector, input @i constant or not given. */
bool ink_lower_need_constant(const struct ink_lowering *l, uint32_t i);

/* lower_layer.c: products, sums and normalisation. */
bool ink_lower_binary(struct ink_lowering *l);
bool ink_lower_gemm(struct ink_lowering *l);
bool ink_lower_norm(struct ink_lowering *l);
/* y = x W; @w is [n][m], or [m][n] when @transposed. */
bool ink_lower_product(struct ink_lowering *l, const struct ink_array *w, bool transposed,
		       double alpha);

#endif /* INK_LOWER_H */
