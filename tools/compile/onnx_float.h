/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The float reference: evaluates an ONNX model as ONNX defines it.
 *
 * What lives here: the evaluator's interface, used for constant folding,
 * calibration, the float column of `inkling eval --onnx` and the tests. What
 * doesn't: integers, which are the engine's.
 */
#ifndef INK_ONNX_FLOAT_H
#define INK_ONNX_FLOAT_H

#include "onnx_graph.h"
#include "unary.h"

/**
 * struct ink_onnx_call - one node being evaluated
 * @model: it belongs to
 * @node: itself
 * @in: its inputs, NULL for optional ones that aren't given
 * @out: the output that is asked for, set by the kernel
 * @which: index of that output; 0 but for operators with INK_ONNX_ROLE_SPLIT
 * @pool: for the output
 * @work: multiplications done and
 * @work_limit: allowed, so that a hostile file can't keep us busy
 * @shapes: only shapes are of interest, so values needn't be finite
 * @why: set when it fails
 */
struct ink_onnx_call {
	const struct ink_onnx *model;
	const struct ink_onnx_node *node;
	const struct ink_array *in[INK_ONNX_MAX_ARGS];
	struct ink_array *out;
	uint32_t which;
	struct ink_pool *pool;
	uint64_t *work;
	uint64_t work_limit;
	bool shapes;
	struct ink_diag *why;
};

/* What an operator is to the lowering; see lower.c. */
enum ink_onnx_role {
	INK_ONNX_ROLE_CONSTANT,	/* only supported where it can be folded */
	INK_ONNX_ROLE_UNARY,
	INK_ONNX_ROLE_SAME,	/* leaves the numbers and their order alone */
	INK_ONNX_ROLE_BINARY,
	INK_ONNX_ROLE_GEMM,
	INK_ONNX_ROLE_MATMUL,
	INK_ONNX_ROLE_NORM,
	INK_ONNX_ROLE_CONCAT,
	INK_ONNX_ROLE_SOFTMAX,
	INK_ONNX_ROLE_REDUCE,
	INK_ONNX_ROLE_QUANTIZE,
	INK_ONNX_ROLE_DEQUANTIZE,
	INK_ONNX_ROLE_SEQUENCE,	/* only in models of tokens; see seq_lower.c */
	INK_ONNX_ROLE_SPLIT,	/* likewise, and has several outputs */
};

struct ink_onnx_kernel {
	const char *name;
	uint8_t min_in, max_in;
	enum ink_onnx_role role;
	bool (*eval)(struct ink_onnx_call *c);
};

/* Operators of models of tokens, besides those of all models; onnx_seq.c. */
extern const struct ink_onnx_kernel ink_onnx_seq_kernels[];
extern const size_t ink_onnx_n_seq_kernels;

/* Set node->kernel; refuses operators that aren't supported, naming those that are. */
bool ink_onnx_kernel_find(const struct ink_onnx *model, struct ink_onnx_node *node,
			  struct ink_diag *why);

/* Evaluate a node all of whose inputs are constant; its output becomes one. */
bool ink_onnx_fold(struct ink_onnx *model, const struct ink_onnx_node *node,
		   struct ink_diag *why);

/* Function and parameters of a node with ROLE_UNARY (other inputs than the first constant). */
bool ink_onnx_unary(const struct ink_onnx *model, const struct ink_onnx_node *node,
		    struct ink_unary_step *step, struct ink_diag *why);

/* Axis from an attribute, negative ones counted from the end. */
bool ink_onnx_axis(const struct ink_onnx_node *node, const char *name, int64_t preset,
		   uint32_t rank, uint32_t *axis, struct ink_diag *why);

/**
 * ink_onnx_width() - numbers in a row of the input
 * @model: a model
 *
 * Return: their number, or 0 when the file leaves it open.
 */
size_t ink_onnx_width(const struct ink_onnx *model);

/**
 * ink_onnx_batch() - rows that one run takes
 * @model: a model
 *
 * Return: their number, or 0 when any number will do.
 */
size_t ink_onnx_batch(const struct ink_onnx *model);

/**
 * ink_onnx_run() - evaluate a batch and keep all values
 * @model: a model
 * @x: input, [rows][width]
 * @rows: must be ink_onnx_batch() unless that is 0
 * @width: numbers in a row
 * @pool: the values are allocated from
 * @values: model->n_values pointers, set; values that weren't computed stay NULL
 * @why: set when it fails
 */
bool ink_onnx_run(const struct ink_onnx *model, const double *x, size_t rows, size_t width,
		  struct ink_pool *pool, const struct ink_array **values, struct ink_diag *why);

/* The same on zeros, to learn the shapes of all values. */
bool ink_onnx_shapes(const struct ink_onnx *model, size_t rows, size_t width,
		     struct ink_pool *pool, const struct ink_array **values, struct ink_diag *why);

/**
 * ink_onnx_eval() - evaluate any number of rows
 * @model: a model
 * @x: input, [rows][width]
 * @rows: any number
 * @width: numbers in a row
 * @y: set to the output, [rows][*out_width], for free()
 * @out_width: set
 * @why: set when it fails
 *
 * This is the float column: doubles throughout, no quantisation but what
 * QuantizeLinear nodes of the model itself do.
 */
bool ink_onnx_eval(const struct ink_onnx *model, const double *x, size_t rows, size_t width,
		   double **y, size_t *out_width, struct ink_diag *why);

/* For kernels. */
bool ink_onnx_result(struct ink_onnx_call *c, int type, uint32_t rank, const size_t *dims);
bool ink_onnx_spend(struct ink_onnx_call *c, uint64_t multiplications);

/* Kernels of onnx_math.c and onnx_shape.c. */
bool ink_onnx_eval_binary(struct ink_onnx_call *c);
bool ink_onnx_eval_gemm(struct ink_onnx_call *c);
bool ink_onnx_eval_matmul(struct ink_onnx_call *c);
bool ink_onnx_eval_norm(struct ink_onnx_call *c);
bool ink_onnx_eval_softmax(struct ink_onnx_call *c);
bool ink_onnx_eval_reduce(struct ink_onnx_call *c);
bool ink_onnx_eval_quantize(struct ink_onnx_call *c);
bool ink_onnx_eval_dequantize(struct ink_onnx_call *c);
bool ink_onnx_eval_same(struct ink_onnx_call *c);
bool ink_onnx_eval_flatten(struct ink_onnx_call *c);
bool ink_onnx_eval_reshape(struct ink_onnx_call *c);
bool ink_onnx_eval_squeeze(struct ink_onnx_call *c);
bool ink_onnx_eval_unsqueeze(struct ink_onnx_call *c);
bool ink_onnx_eval_transpose(struct ink_onnx_call *c);
bool ink_onnx_eval_concat(struct ink_onnx_call *c);
bool ink_onnx_eval_constant(struct ink_onnx_call *c);

#endif /* INK_ONNX_FLOAT_H */
