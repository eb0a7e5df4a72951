// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * What the verifier demands of operands: types, sizes, attributes.
 *
 * What lives here: checks that many operators have, each with its refusal.
 * What doesn't: proofs about values (verify_ops.c, verify_seq.c).
 */
#include "verify_want.h"

bool ink_want_dtype(struct ink_op_check *c, u32 arg, bool output, u32 mask)
{
	u32 index = output ? c->op->out[arg] : c->op->in[arg];
	const struct ink_tensor *t = output ? c->out[arg] : c->in[arg];

	if (mask & DT(t->dtype))
		return true;
	return refuse(c, INK_RULE_DTYPE, index, t->dtype, mask,
		      "op %u: %s %u (tensor %u) is %s, which this operator doesn't take", c->i,
		      output ? "output" : "input", arg, index, ink_dtype_name(t->dtype));
}

bool ink_want_count(struct ink_op_check *c, u32 arg, bool output, u64 count)
{
	u32 index = output ? c->op->out[arg] : c->op->in[arg];
	const struct ink_tensor *t = output ? c->out[arg] : c->in[arg];

	if (t->count == count)
		return true;
	return refuse(c, INK_RULE_SHAPE, index, t->count, (s64)count,
		      "op %u: %s %u (tensor %u) has %u elements, it needs %llu", c->i,
		      output ? "output" : "input", arg, index, t->count,
		      (unsigned long long)count);
}

bool ink_want_const(struct ink_op_check *c, u32 arg, u32 dtype, u64 count)
{
	if (c->in[arg]->kind != INKLING_TENSOR_CONST)
		return refuse(c, INK_RULE_REF, c->op->in[arg], c->in[arg]->kind,
			      INKLING_TENSOR_CONST, "op %u: input %u (tensor %u) isn't a constant",
			      c->i, arg, c->op->in[arg]);
	return ink_want_dtype(c, arg, false, DT(dtype)) && ink_want_count(c, arg, false, count);
}

bool ink_want_matrix(struct ink_op_check *c, u32 arg, u32 dtype, u32 rows, u32 cols)
{
	const struct ink_tensor *t = c->in[arg];

	if (!ink_want_const(c, arg, dtype, (u64)rows * cols))
		return false;
	if (t->rows == rows)
		return true;
	return refuse(c, INK_RULE_SHAPE, c->op->in[arg], t->rows, rows,
		      "op %u: input %u (tensor %u) is a matrix of %u x %u, it has to be %u x %u",
		      c->i, arg, c->op->in[arg], t->rows, t->cols, rows, cols);
}

bool ink_want_value(struct ink_op_check *c, u32 arg, u32 mask)
{
	if (c->in[arg]->kind == INKLING_TENSOR_CONST)
		return refuse(c, INK_RULE_REF, c->op->in[arg], INKLING_TENSOR_CONST, 0,
			      "op %u: input %u (tensor %u) is a constant", c->i, arg,
			      c->op->in[arg]);
	return ink_want_dtype(c, arg, false, mask);
}

bool ink_want_attr(struct ink_op_check *c, u32 k, s64 lo, s64 hi)
{
	s32 v = c->op->attr[k];

	if (v >= lo && v <= hi)
		return true;
	return refuse(c, INK_RULE_ATTR, INKLING_NONE, v, v < lo ? lo : hi,
		      "op %u: attribute %u is %d, allowed are %lld to %lld", c->i, k, v,
		      (long long)lo, (long long)hi);
}

bool ink_want_output_attrs(struct ink_op_check *c, u32 k)
{
	u32 dtype = c->out[0]->dtype;
	s32 lo = ink_dtype_min(dtype), hi = ink_dtype_max(dtype);

	return ink_want_attr(c, k, lo, hi) && ink_want_attr(c, k + 1, lo, hi) &&
	       ink_want_attr(c, k + 2, c->op->attr[k + 1], hi);
}
