// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowering of sequences: one row of all.
 *
 * What lives here: sums, means and greatest values, over tokens or over
 * columns. What doesn't: attention pooling (seq_lower_attention.c).
 */
#include <string.h>

#include "seq_lower.h"

static bool set_pool(struct ink_seq_lowering *l, const struct ink_value *x, int mode,
		     const struct ink_layout *layout)
{
	struct ink_value all = *x;
	struct ink_seq_op *op;
	uint32_t from;

	all.summed = false;
	all.filling = INK_FILL_ANY;
	if (!ink_seq_whole(l, &all, &from))
		return false;
	op = ink_seq_new_op(l, INK_SEQ_POOL, 1, l->net->ops[from].cols, false);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->mode = mode;
	return ink_seq_set_view(l, l->net->n_ops - 1, layout, INK_FILL_ANY);
}

bool ink_seq_pool_mean(struct ink_seq_lowering *l, const struct ink_value *sum)
{
	return set_pool(l, sum, INKLING_POOL_MEAN, &sum->layout);
}

/* The one dimension that is reduced, counted from the front. */
static bool reduced_axis(struct ink_seq_lowering *l, uint32_t rank, uint32_t *axis, bool *keep)
{
	const struct ink_array *in = ink_seq_const(l, 1);
	const Inkonnx__Attribute *attr = ink_onnx_attr(l->node, "axes");
	size_t n = in ? in->count : attr ? attr->n_ints : 0;
	int64_t v, keepdims = 1;

	if (!ink_onnx_attr_int(l->node, "keepdims", &keepdims, l->why))
		return false;
	if (n != 1)
		return ink_seq_refuse(l, "supported: over one dimension");
	v = in ? (int64_t)in->data[0] : attr->ints[0];
	*axis = (uint32_t)(v < 0 ? v + rank : v);
	*keep = keepdims;
	return true;
}

static void without(struct ink_layout *l, uint32_t axis, bool keep)
{
	l->dim[axis].n = 0;
	if (!keep)
		memmove(&l->dim[axis], &l->dim[axis + 1], (--l->rank - axis) * sizeof(l->dim[0]));
}

/* Over the rows of @x; they lie in dimension @axis, all of them. */
static bool over_rows(struct ink_seq_lowering *l, const struct ink_value *x,
		      const struct ink_layout *layout)
{
	const char *op = l->node->pb->op_type;
	bool seq = l->net->ops[x->op].seq, padded = seq && l->net->padded;
	uint32_t rows = l->net->ops[x->op].rows;
	struct ink_value v = *x;

	if (!strcmp(op, "ReduceMax")) {
		if (padded && x->filling != INK_FILL_LOW)
			return ink_fail(l->why, "%s: what only fills up is among it", l->label) ||
			       ink_hint(l->why, "put a very low number there before, with the mask");
		return set_pool(l, x, INKLING_POOL_MAX, layout);
	}
	if (!strcmp(op, "ReduceMean")) {
		if (padded)
			return ink_fail(l->why, "%s: counts what only fills up", l->label) ||
			       ink_hint(l->why, "divide the sum of the masked rows by the number of tokens");
		return set_pool(l, x, INKLING_POOL_MEAN, layout);
	}
	if (padded && x->filling != INK_FILL_ZERO)
		return ink_fail(l->why, "%s: what only fills up is among it", l->label) ||
		       ink_hint(l->why, "multiply by the mask before, so that it is zero");
	if (seq && !(l->net->fixed && !padded)) {
		v.summed = true;
		v.layout = *layout;
		return ink_seq_set(l, 0, &v);
	}
	/* A sum of so many rows as there always are is a mean, multiplied. */
	if (!set_pool(l, x, INKLING_POOL_MEAN, layout))
		return false;
	v = *l->values[l->node->out[0]];
	return ink_unary_then(&v.f, INK_UNARY_AFFINE, rows, 0) && ink_seq_set(l, 0, &v);
}

bool ink_seq_lower_reduce(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const struct ink_extent *e;
	struct ink_layout layout = x->layout;
	struct ink_value v = { .kind = INK_VALUE_COUNT };
	uint32_t axis = 0;
	bool keep = true;

	if (!layout.rank || !reduced_axis(l, layout.rank, &axis, &keep))
		return ink_seq_refuse(l, "supported: activations over tokens, and means over columns");
	e = &x->layout.dim[axis];
	without(&layout, axis, keep);
	if (x->kind == INK_VALUE_MASK && !strcmp(l->node->pb->op_type, "ReduceSum") &&
	    x->token == 1 && x->pad == 0 && e->n == 1 && e->piece[0].axis == INK_AXIS_ROW) {
		v.layout = layout;
		return ink_seq_set(l, 0, &v);
	}
	if (x->kind == INK_VALUE_STAT || (x->kind == INK_VALUE_VIEW && axis + 1 == x->layout.rank &&
					  !strcmp(l->node->pb->op_type, "ReduceMean") &&
					  !(e->n == 1 && e->piece[0].axis == INK_AXIS_ROW)))
		return ink_seq_stat_mean(l, x);
	if (x->kind != INK_VALUE_VIEW || x->summed || e->n != 1 ||
	    e->piece[0].axis != INK_AXIS_ROW || e->piece[0].stride != 1 ||
	    e->piece[0].size != l->net->ops[x->op].rows)
		return ink_seq_refuse(l, "supported: activations over tokens, and means over columns");
	return over_rows(l, x, &layout);
}
