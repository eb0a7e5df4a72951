// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowering of sequences: views made operators.
 *
 * What lives here: the operators that a view takes to become a matrix with its
 * last dimension as columns. What doesn't: nodes.
 */
#include <stdlib.h>
#include <string.h>

#include "seq_lower.h"

static bool same_function(const struct ink_unary *a, const struct ink_unary *b)
{
	uint32_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++) {
		const struct ink_unary_step *p = &a->step[i], *q = &b->step[i];

		if (p->code != q->code || p->l != q->l || p->r != q->r || p->a != q->a ||
		    p->b != q->b)
			return false;
	}
	return true;
}

bool ink_seq_equal(const struct ink_value *a, const struct ink_value *b)
{
	return a->kind == b->kind && a->op == b->op && same_function(&a->f, &b->f) &&
	       ink_layout_same(&a->layout, &b->layout);
}

enum ink_filling ink_seq_filling(const struct ink_value *v, bool zero)
{
	return v->filling == INK_FILL_ZERO && zero ? INK_FILL_ZERO : INK_FILL_ANY;
}

bool ink_seq_whole(struct ink_seq_lowering *l, const struct ink_value *v, uint32_t *out)
{
	struct ink_seq_op *op;
	uint32_t i;

	if (v->kind != INK_VALUE_VIEW || v->summed)
		return ink_seq_refuse(l, "activations are needed here");
	if (v->filling == INK_FILL_LOW)
		return ink_seq_refuse(l, "after masking with a very low number only the greatest over the tokens is supported");
	*out = v->op;
	if (!v->f.n)
		return true;
	/* What several nodes read is computed once. */
	for (i = 0; i < l->net->n_ops; i++) {
		*out = i;
		if (l->net->ops[i].kind == INK_SEQ_UNARY && l->net->ops[i].in[0] == v->op &&
		    same_function(&l->net->ops[i].f, &v->f))
			return true;
	}
	*out = l->net->n_ops;
	op = ink_seq_new_op(l, INK_SEQ_UNARY, l->net->ops[v->op].rows, l->net->ops[v->op].cols,
			    l->net->ops[v->op].seq);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = v->op;
	op->f = v->f;
	return true;
}

/* Rows of a LINEAR's weights, or a matrix with a one in each row. */
bool ink_seq_select(struct ink_seq_lowering *l, uint32_t from, const uint32_t *list, uint32_t n,
		    uint32_t *out)
{
	const struct ink_seq_op *x = &l->net->ops[from];
	bool linear = x->kind == INK_SEQ_LINEAR && x->n_in == 1;
	uint32_t cols = linear ? l->net->ops[x->in[0]].cols : x->cols, i;
	struct ink_seq_op *op;

	*out = from;
	for (i = 0; i < n && list[i] == i; i++)
		;
	if (i == n && n == x->cols)
		return true;
	*out = l->net->n_ops;
	op = ink_seq_new_op(l, INK_SEQ_LINEAR, x->rows, n, x->seq);
	if (!op)
		return false;
	x = &l->net->ops[from];
	op->n_in = 1;
	op->in[0] = linear ? x->in[0] : from;
	op->w = ink_seq_numbers(l->net, (size_t)n * cols, l->why);
	op->b = ink_seq_numbers(l->net, n, l->why);
	if (!op->w || !op->b)
		return false;
	for (i = 0; i < n; i++) {
		if (linear)
			memcpy(op->w + (size_t)i * cols, x->w + (size_t)list[i] * cols,
			       cols * sizeof(*op->w));
		else
			op->w[(size_t)i * cols + list[i]] = 1;
		if (linear && x->b)
			op->b[i] = x->b[list[i]];
	}
	return true;
}

static bool transposed(struct ink_seq_lowering *l, const struct ink_value *v, uint32_t *op)
{
	const struct ink_seq_op *x = &l->net->ops[*op];
	uint32_t rows = x->cols, cols = x->rows, from = *op, i;
	bool was = x->seq, back = !was && rows == l->net->tokens;
	struct ink_seq_op *t;

	if (was && l->net->padded && v->filling != INK_FILL_ZERO)
		return ink_fail(l->why, "%s: mixes tokens with what only fills up", l->label) ||
		       ink_hint(l->why, "multiply by the mask before it, so that what fills up is zero");
	for (i = 0; i < l->net->n_ops; i++)
		if (l->net->ops[i].kind == INK_SEQ_TRANSPOSE && l->net->ops[i].in[0] == from) {
			*op = i;
			return true;
		}
	*op = l->net->n_ops;
	t = ink_seq_new_op(l, INK_SEQ_TRANSPOSE, rows, cols, back);
	if (!t)
		return false;
	t->n_in = 1;
	t->in[0] = from;
	return true;
}

static bool one_row(struct ink_seq_lowering *l, uint32_t row, uint32_t *op)
{
	uint32_t rows = l->net->ops[*op].rows, from = *op;
	bool last = row && row == rows - 1;
	struct ink_seq_op *p;

	if ((row && !last) || (last && l->net->padded))
		return ink_fail(l->why, "%s: takes row %u of %u", l->label, row, rows) ||
		       ink_hint(l->why, "the first row is supported and, without a mask, the last");
	*op = l->net->n_ops;
	p = ink_seq_new_op(l, INK_SEQ_POOL, 1, l->net->ops[from].cols, false);
	if (!p)
		return false;
	p->n_in = 1;
	p->in[0] = from;
	p->mode = last ? INKLING_POOL_LAST : INKLING_POOL_FIRST;
	return true;
}

/* All rows in order, and nothing else, in the dimensions before the last? */
static bool rows_in_order(const struct ink_layout *l, enum ink_axis axis, uint32_t rows)
{
	struct ink_extent all = { 0 };
	uint32_t d, i;

	for (d = 0; d + 1 < l->rank; d++)
		for (i = 0; i < l->dim[d].n; i++) {
			const struct ink_piece *p = &l->dim[d].piece[i];

			if (p->axis != axis || !ink_extent_add(&all, axis, p->size, p->stride))
				return false;
		}
	return rows == 1 ? !all.n : all.n == 1 && all.piece[0].stride == 1 &&
				    all.piece[0].size == rows;
}

/* Rows and columns change places. */
static void turn(struct ink_layout *l)
{
	uint32_t d, i, row = l->row;

	l->row = l->col;
	l->col = row;
	for (d = 0; d < l->rank; d++)
		for (i = 0; i < l->dim[d].n; i++)
			l->dim[d].piece[i].axis = l->dim[d].piece[i].axis == INK_AXIS_ROW ?
						  INK_AXIS_COL : INK_AXIS_ROW;
}

static bool choose_columns(struct ink_seq_lowering *l, const struct ink_layout *at, uint32_t *op)
{
	const struct ink_extent *last = &at->dim[at->rank - 1];
	uint32_t n = (uint32_t)ink_extent_size(last), *list = malloc(n * sizeof(*list));
	bool ok;

	if (!list)
		return ink_fail(l->why, "no memory for %u columns", n);
	ink_extent_list(last, at->col, list);
	ok = ink_seq_select(l, *op, list, n, op);
	free(list);
	return ok;
}

bool ink_seq_matrix(struct ink_seq_lowering *l, const struct ink_value *v, uint32_t *op)
{
	struct ink_layout at = v->layout;
	uint32_t rows;

	if (!ink_seq_whole(l, v, op))
		return false;
	if (!at.rank)
		return ink_seq_refuse(l, "a single number isn't supported here");
	rows = l->net->ops[*op].rows;
	/* One row of many. */
	if (rows > 1 && !ink_layout_has(&at, INK_AXIS_ROW, INK_ONNX_NONE)) {
		if (!one_row(l, at.row, op))
			return false;
		at.row = 0;
		rows = 1;
	}
	if (!ink_extent_is(&at.dim[at.rank - 1], INK_AXIS_COL) ||
	    (!at.dim[at.rank - 1].n && ink_layout_has(&at, INK_AXIS_COL, at.rank - 1))) {
		turn(&at);
		rows = l->net->ops[*op].cols;
		if (!ink_extent_is(&at.dim[at.rank - 1], INK_AXIS_COL) || !transposed(l, v, op))
			return ink_seq_refuse(l, "rows and columns are mixed in one dimension");
	}
	if (!rows_in_order(&at, INK_AXIS_ROW, rows) || at.row)
		return ink_seq_refuse(l, "the dimensions before the last have to be the rows, all of them in order");
	return choose_columns(l, &at, op);
}

bool ink_seq_stretch(struct ink_layout *l, const struct ink_array *out)
{
	struct ink_layout to = { .rank = out->rank, .row = l->row, .col = l->col };
	uint32_t missing = out->rank - l->rank, d;

	if (out->rank < l->rank)
		return false;
	for (d = 0; d < out->rank; d++) {
		if (d >= missing)
			to.dim[d] = l->dim[d - missing];
		if (ink_extent_size(&to.dim[d]) == 1 &&
		    !ink_extent_add(&to.dim[d], INK_AXIS_SAME, (uint32_t)out->dims[d], 0))
			return false;
	}
	*l = to;
	return true;
}

/* Pieces other than rows get the strides that they have in one row of all of them. */
static size_t flatten(struct ink_layout *l)
{
	size_t stride = 1;
	uint32_t d, i;

	l->col = 0;
	for (d = l->rank; d-- > 0;)
		for (i = l->dim[d].n; i-- > 0;) {
			struct ink_piece *p = &l->dim[d].piece[i];

			if (p->axis == INK_AXIS_ROW)
				continue;
			p->axis = INK_AXIS_COL;
			p->stride = (uint32_t)stride;
			stride *= p->size;
		}
	return stride;
}

/* The columns that these pieces run over. */
static uint32_t list_columns(const struct ink_layout *l, uint32_t *list)
{
	uint32_t n = 1, d, i, k, j;

	list[0] = l->col;
	for (d = 0; d < l->rank; d++)
		for (i = 0; i < l->dim[d].n; i++) {
			const struct ink_piece *p = &l->dim[d].piece[i];

			if (p->axis == INK_AXIS_ROW)
				continue;
			/* From behind, so that what is still to be read isn't overwritten. */
			for (k = n; k-- > 0;)
				for (j = p->size; j-- > 0;)
					list[k * p->size + j] = list[k] + j * p->stride;
			n *= p->size;
		}
	return n;
}

bool ink_seq_flat(struct ink_seq_lowering *l, const struct ink_value *v, uint32_t *op,
		  struct ink_layout *layout)
{
	uint32_t rows = 1, d, i, *list;
	size_t n;
	bool ok;

	*layout = v->layout;
	n = flatten(layout);
	if (!ink_seq_whole(l, v, op))
		return false;
	for (d = 0; d < v->layout.rank; d++)
		for (i = 0; i < v->layout.dim[d].n; i++)
			if (v->layout.dim[d].piece[i].axis == INK_AXIS_ROW)
				rows *= v->layout.dim[d].piece[i].size;
	if (rows != l->net->ops[*op].rows || v->layout.row || n > INKLING_MAX_ELEMENTS)
		return ink_seq_refuse(l, "all rows are needed here");
	list = malloc(n * sizeof(*list));
	if (!list)
		return ink_fail(l->why, "no memory for %zu columns", n);
	ok = ink_seq_select(l, *op, list, list_columns(&v->layout, list), op);
	free(list);
	return ok;
}

bool ink_seq_shape_of(const struct ink_value *v, uint32_t cols, struct ink_layout *layout)
{
	struct ink_layout to = { .rank = v->layout.rank };
	uint32_t d, stride = 1;

	for (d = to.rank - 1; d-- > 0;) {
		uint32_t size = (uint32_t)ink_extent_size(&v->layout.dim[d]);

		if (!ink_extent_add(&to.dim[d], INK_AXIS_ROW, size, stride))
			return false;
		stride *= size;
	}
	*layout = to;
	return ink_extent_add(&layout->dim[to.rank - 1], INK_AXIS_COL, cols, 1);
}
