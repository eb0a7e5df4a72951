/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * What the files that prove operators share: verify_ops.c and verify_seq.c.
 * Nobody else includes this.
 */
#ifndef INK_VERIFY_WANT_H
#define INK_VERIFY_WANT_H

#include "verify.h"

/* An op that is being checked. */
struct ink_op_check {
	struct ink_graph *graph;
	const struct inkling_op *op;
	u32 i;			/* index of the op */
	struct ink_why *why;
	struct ink_tensor *in[INKLING_MAX_INPUTS];	/* NULL: none */
	struct ink_tensor *out[INKLING_MAX_OUTPUTS];
};

/* What is demanded of an operator whatever its operands are. */
struct ink_op_rule {
	const char *name;
	u8 min_in, max_in;
	u8 attrs;		/* how many of the attributes have a meaning */
	bool (*check)(struct ink_op_check *c);
};

#define refuse(c, rule, tensor, value, limit, ...) \
	ink_refuse((c)->why, rule, (c)->i, tensor, value, limit, __VA_ARGS__)

#define DT(dtype)	(1u << (dtype))
#define ANY_INT	(DT(INKLING_INT8) | DT(INKLING_INT16) | DT(INKLING_INT32))

/* Each returns true, or false after a refusal. @arg is an input, or an output if @output is set. */

bool ink_want_dtype(struct ink_op_check *c, u32 arg, bool output, u32 mask);
bool ink_want_count(struct ink_op_check *c, u32 arg, bool output, u64 count);
/* A constant operand of a given type and size. */
bool ink_want_const(struct ink_op_check *c, u32 arg, u32 dtype, u64 count);
/* A constant matrix: the same number of elements in another shape would be other weights. */
bool ink_want_matrix(struct ink_op_check *c, u32 arg, u32 dtype, u32 rows, u32 cols);
/* What an operator works on; constants have no business there unless allowed. */
bool ink_want_value(struct ink_op_check *c, u32 arg, u32 mask);
bool ink_want_attr(struct ink_op_check *c, u32 k, s64 lo, s64 hi);
/* Zero point and clamp of the output, in attributes k, k + 1, k + 2. */
bool ink_want_output_attrs(struct ink_op_check *c, u32 k);

/**
 * ink_verify_row() - accumulator of one row of weights, in input 1
 * @c: op whose first input's values are multiplied, input 2 the biases
 * @row: of the weights
 * @amin: set to the lowest value for all inputs within their range
 * @amax: set to the highest
 */
bool ink_verify_row(struct ink_op_check *c, u32 row, s64 *amin, s64 *amax);

/**
 * ink_verify_requant() - an accumulator scaled by row @row of inputs 3 and 4
 * @c: op
 * @row: of multipliers and shifts
 * @acc: value of the accumulator
 * @zero: that is added
 * @y: set
 */
bool ink_verify_requant(struct ink_op_check *c, u32 row, s64 acc, s32 zero, s64 *y);

/* The operators from EMBED on, by opcode; in verify_seq.c. */
extern const struct ink_op_rule ink_seq_rules[INKLING_OP_NR];

#endif /* INK_VERIFY_WANT_H */
