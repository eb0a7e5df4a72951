/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network between ONNX and the image: vectors and real numbers.
 *
 * What lives here: a graph of few kinds of operators on vectors, one row at a
 * time, batch dimension and shapes gone. It is made by lower.c, simplified by
 * fold.c, calibrated, and turned into integers by quantise.c. What doesn't:
 * integers.
 */
#ifndef INK_NET_H
#define INK_NET_H

#include <linux/inkling_format.h>

#include "onnx_float.h"
#include "unary.h"

enum ink_net_kind {
	INK_NET_DEAD,		/* nothing reads it any more */
	INK_NET_INPUT,		/* expanded features, times s plus b in each column */
	INK_NET_DENSE,		/* f(w x + b) */
	INK_NET_UNARY,		/* f(x) */
	INK_NET_AFFINE,		/* x s + b in each column */
	INK_NET_ADD,		/* ca * x + cb * y */
	INK_NET_MUL,
	INK_NET_DIV,		/* only between functions of the same vector */
	INK_NET_CONCAT,
	INK_NET_SOFTMAX,
	INK_NET_REDUCE,		/* ca * sum of the elements */
	INK_NET_DIST,		/* ca * sum of (x - y)^2 */
	INK_NET_RANGE,		/* quantised in the model itself, see @fixed */
};

/* int8 quantisation that the model prescribes: real = scale * (q - zero). */
struct ink_net_range {
	bool set;
	double scale;
	int zero;
};

/**
 * struct ink_net_op - an operator and the vector that it makes
 * @kind: what it does
 * @label: node that it comes from, for messages
 * @n_in: number of inputs
 * @in: operators whose vectors it reads
 * @width: elements of its vector
 * @w: DENSE: [width][width of the input]
 * @s: AFFINE, INPUT: [width]
 * @b: DENSE, AFFINE, INPUT: [width]
 * @steps: DENSE: integer step of each row's weights if the model was trained
 *	with quantised weights, else NULL
 * @ca: see the kind
 * @cb: see the kind
 * @f: UNARY; DENSE: its activation, no steps if there is none
 * @fixed: quantisation of the result, where the model prescribes one
 * @before: the same of what @f of a DENSE is applied to
 */
struct ink_net_op {
	enum ink_net_kind kind;
	char label[96];
	uint32_t n_in;
	uint32_t in[INKLING_MAX_INPUTS];
	uint32_t width;
	double *w;
	double *s;
	double *b;
	double *steps;
	double ca, cb;
	struct ink_unary f;
	struct ink_net_range fixed;
	struct ink_net_range before;
};

/**
 * struct ink_net - a network
 * @pool: its memory
 * @ops: after ink_net_sort() in the order of execution
 * @spare: room for as many, where ink_net_sort() puts them
 * @n_ops: their number
 * @room: entries allocated
 * @output: operator whose vector is the result
 */
struct ink_net {
	struct ink_pool pool;
	struct ink_net_op *ops;
	struct ink_net_op *spare;
	uint32_t n_ops;
	uint32_t room;
	uint32_t output;
};

/* What the caller wants the output to be. */
enum ink_head_wish {
	INK_WISH_AUTO,
	INK_WISH_RAW,
	INK_WISH_CLASSES,
	INK_WISH_ANOMALY,
};

struct ink_net *ink_net_new(uint32_t room);
void ink_net_free(struct ink_net *net);

/* A new operator with zeroed fields; NULL with @why set when there are too many. */
struct ink_net_op *ink_net_add(struct ink_net *net, enum ink_net_kind kind, uint32_t width,
			       const char *label, struct ink_diag *why);
double *ink_net_numbers(struct ink_net *net, size_t n, struct ink_diag *why);

/* Drop what the output doesn't need and put the rest in the order of execution. */
bool ink_net_sort(struct ink_net *net, struct ink_diag *why);

/**
 * ink_net_lower() - make a network of an ONNX model
 * @model: read
 * @width: numbers in a row of its input
 * @why: names the node that can't be expressed
 */
struct ink_net *ink_net_lower(const struct ink_onnx *model, size_t width, struct ink_diag *why);

/**
 * ink_net_fold() - simplify a network and give it the head that is wanted
 * @net: lowered
 * @wish: what the output should be
 * @why: names the node that stands in the way
 *
 * Afterwards only INPUT, DENSE, UNARY, ADD, MUL, CONCAT are left, with SOFTMAX
 * or DIST at the output.
 */
bool ink_net_fold(struct ink_net *net, enum ink_head_wish wish, struct ink_diag *why);

/* Does a network whose output was of @before end in a softmax that its model doesn't have? */
static inline bool ink_net_head_added(const struct ink_net *net, enum ink_net_kind before)
{
	return net->ops[net->output].kind == INK_NET_SOFTMAX && before != INK_NET_SOFTMAX &&
	       before != INK_NET_UNARY && before != INK_NET_RANGE;
}

/**
 * ink_net_eval() - evaluate a network in doubles
 * @net: sorted
 * @x: input, [rows][width]
 * @rows: number of rows
 * @width: numbers in a row
 * @values: net->n_ops pointers to [rows][width of the op], set; for free()
 * @why: set when memory is short
 */
bool ink_net_eval(const struct ink_net *net, const double *x, size_t rows, size_t width,
		  double **values, struct ink_diag *why);
void ink_net_values_free(const struct ink_net *net, double **values);

/* Multiply-accumulates of one row. */
uint64_t ink_net_macs(const struct ink_net *net);

#endif /* INK_NET_H */
