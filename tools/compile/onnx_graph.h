/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ONNX file after it was read and checked.
 *
 * What lives here: the graph as the float evaluator and the lowering see it:
 * arrays of numbers, nodes in the order of execution, names resolved. What
 * doesn't: what the operators compute (onnx_float.c) and what becomes of them
 * in an image (lower.c).
 */
#ifndef INK_ONNX_GRAPH_H
#define INK_ONNX_GRAPH_H

#include "diag.h"
#include "onnx.pb-c.h"

#define INK_ONNX_MAX_FILE	(64u << 20)	/* bytes */
#define INK_ONNX_MAX_NODES	4096u
#define INK_ONNX_MAX_VALUES	65535u
#define INK_ONNX_MAX_ARGS	64u		/* inputs or outputs of a node */
#define INK_ONNX_MAX_RANK	8u
#define INK_ONNX_MAX_ELEMENTS	(16u << 20)	/* of one tensor */
#define INK_ONNX_MAX_MEMORY	((size_t)768 << 20)
#define INK_ONNX_RUN_WORK	(128u << 20)
#define INK_ONNX_NONE		0xffffffffu

/* ONNX's numbers for element types. */
enum ink_onnx_type {
	INK_ONNX_FLOAT = 1,
	INK_ONNX_UINT8 = 2,
	INK_ONNX_INT8 = 3,
	INK_ONNX_UINT16 = 4,
	INK_ONNX_INT16 = 5,
	INK_ONNX_INT32 = 6,
	INK_ONNX_INT64 = 7,
	INK_ONNX_BOOL = 9,
	INK_ONNX_FLOAT16 = 10,
	INK_ONNX_DOUBLE = 11,
	INK_ONNX_UINT32 = 12,
};

/**
 * struct ink_array - a tensor's numbers
 * @type: enum ink_onnx_type that they had; all are kept as doubles
 * @rank: 0..INK_ONNX_MAX_RANK
 * @dims: all >= 1
 * @count: product of @dims
 * @data: row-major
 * @steps: of a dequantised constant, the real value of one integer step, one
 *	for all or one for each index of @step_axis; else NULL
 * @n_steps: number of @steps
 * @step_axis: see @steps
 */
struct ink_array {
	int type;
	uint32_t rank;
	size_t dims[INK_ONNX_MAX_RANK];
	size_t count;
	double *data;
	const double *steps;
	size_t n_steps;
	uint32_t step_axis;
};

struct ink_onnx_kernel;

/**
 * struct ink_onnx_node - a node
 * @pb: as it was read
 * @index: its place in the file, for messages
 * @kernel: what evaluates it
 * @n_in: number of inputs
 * @n_out: number of outputs
 * @in: values, INK_ONNX_NONE for optional ones that aren't given
 * @out: values
 */
struct ink_onnx_node {
	const Inkonnx__Node *pb;
	uint32_t index;
	const struct ink_onnx_kernel *kernel;
	uint32_t n_in, n_out;
	uint32_t *in;
	uint32_t *out;
};

/* A named value: a constant, the input, or what a node makes. */
struct ink_onnx_value {
	const char *name;
	const struct ink_array *constant;	/* NULL: not known before a run */
	const Inkonnx__Tensor *initializer;	/* not decoded yet */
	uint32_t producer;			/* in the file's order, or NONE */
};

/**
 * struct ink_onnx - a model
 * @pool: all its memory
 * @pb: as it was read
 * @opset: version of the default operator set
 * @run_work: multiplications that a run may take for each row
 * @nodes: those that the output needs and that aren't constant, in order
 * @n_nodes: their number
 * @values: all
 * @n_values: their number
 * @fold_work: multiplications spent on constant sub-graphs
 * @input: value that is fed
 * @output: value that is asked for
 * @tokens: the input is of integers: a sequence of tokens
 * @in_rank: rank of the input, 0 when the file doesn't say
 * @in_dims: its dimensions, 0 where they are free
 */
struct ink_onnx {
	struct ink_pool pool;
	const Inkonnx__Model *pb;
	int64_t opset;
	uint64_t fold_work;
	uint64_t run_work;
	struct ink_onnx_node *nodes;
	uint32_t n_nodes;
	struct ink_onnx_value *values;
	uint32_t n_values;
	uint32_t input;
	uint32_t output;
	bool tokens;
	uint32_t in_rank;
	size_t in_dims[INK_ONNX_MAX_RANK];
};

/**
 * ink_onnx_read() - read and check a model
 * @bytes: the file
 * @size: of the file
 * @output: name of the output that is asked for, NULL for the only one
 * @why: set when it is refused
 *
 * Constant sub-graphs are evaluated. Operators are only refused where the
 * output depends on them.
 *
 * Return: a model for ink_onnx_free(), or NULL with @why set.
 */
struct ink_onnx *ink_onnx_read(const void *bytes, size_t size, const char *output,
			       struct ink_diag *why);
struct ink_onnx *ink_onnx_open(const char *path, const char *output, struct ink_diag *why);
void ink_onnx_free(struct ink_onnx *model);

/* Does it quantise activations itself? */
bool ink_onnx_quantised(const struct ink_onnx *model);
/* Value of a metadata key, or NULL. */
const char *ink_onnx_metadata(const struct ink_onnx *model, const char *key);

/* "Gemm at node 3 (fc1)", for messages; in one of four rotating buffers. */
const char *ink_onnx_label(const struct ink_onnx_node *node);
/* Name of a value, fit to be shown; likewise. */
const char *ink_onnx_value_name(const struct ink_onnx *model, uint32_t value);

/*
 * Attributes: *value is left alone when the attribute isn't there; false when
 * it is there with another type.
 */
bool ink_onnx_attr_int(const struct ink_onnx_node *node, const char *name, int64_t *value,
		       struct ink_diag *why);
bool ink_onnx_attr_float(const struct ink_onnx_node *node, const char *name, double *value,
			 struct ink_diag *why);
/* NULL when it isn't there. */
const Inkonnx__Attribute *ink_onnx_attr(const struct ink_onnx_node *node, const char *name);

/**
 * ink_array_new() - an array of zeros
 * @pool: to take it from
 * @type: enum ink_onnx_type
 * @rank: number of dimensions
 * @dims: dimensions
 * @what: for messages
 * @why: set when it is too large
 */
struct ink_array *ink_array_new(struct ink_pool *pool, int type, uint32_t rank,
				const size_t *dims, const char *what, struct ink_diag *why);

/*
 * Numbers of a tensor in the file; refuses external data, NaN, and infinity but where
 * it is @infinite that may be.
 */
struct ink_array *ink_array_decode(struct ink_pool *pool, const Inkonnx__Tensor *t, bool infinite,
				   const char *what, struct ink_diag *why);

#endif /* INK_ONNX_GRAPH_H */
