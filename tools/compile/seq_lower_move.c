// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowering of sequences: nodes that move numbers.
 *
 * What lives here: reshaping, transposing, cutting, choosing, embedding,
 * joining. What doesn't: arithmetic.
 */
#include <stdlib.h>
#include <string.h>

#include "seq_lower.h"

static bool has_layout(const struct ink_value *v)
{
	return v && (v->kind == INK_VALUE_TOKENS || v->kind == INK_VALUE_VIEW ||
		     v->kind == INK_VALUE_MASK || v->kind == INK_VALUE_COUNT ||
		     v->kind == INK_VALUE_STAT || v->kind == INK_VALUE_SCORES ||
		     v->kind == INK_VALUE_SHARES);
}

static bool permute(struct ink_seq_lowering *l, struct ink_value *v)
{
	const Inkonnx__Attribute *a = ink_onnx_attr(l->node, "perm");
	uint32_t perm[INK_ONNX_MAX_RANK], d;

	/* The evaluator has seen that it is a permutation. */
	for (d = 0; d < v->layout.rank; d++)
		perm[d] = a ? (uint32_t)a->ints[d] : v->layout.rank - 1 - d;
	ink_layout_permute(&v->layout, perm);
	return ink_seq_set(l, 0, v);
}

bool ink_seq_lower_move(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const struct ink_array *out = l->probe[l->node->out[0]];
	const char *op = l->node->pb->op_type;
	struct ink_value v;

	if (!has_layout(x) && (x->kind != INK_VALUE_GATE || (strcmp(op, "Cast") && strcmp(op, "Identity"))))
		return ink_seq_refuse(l, "this can't be given another shape");
	v = *x;
	if (x->kind == INK_VALUE_GATE)
		return ink_seq_set(l, 0, &v);
	if (!strcmp(op, "Transpose"))
		return permute(l, &v);
	if (!strcmp(op, "Expand"))
		return ink_seq_stretch(&v.layout, out) ? ink_seq_set(l, 0, &v) :
		       ink_seq_refuse(l, "too many dimensions");
	if (!strcmp(op, "Cast") && v.kind == INK_VALUE_VIEW && out->type != INK_ONNX_FLOAT &&
	    out->type != INK_ONNX_DOUBLE && out->type != INK_ONNX_FLOAT16)
		return ink_seq_refuse(l, "activations stay real numbers: cast to float or double only");
	if (!ink_layout_reshape(&v.layout, out->rank, out->dims))
		return ink_seq_refuse(l, "a shape that mixes tokens and columns isn't supported");
	return ink_seq_set(l, 0, &v);
}

/* What the parameters of a node look like to an evaluator's function. */
static void as_call(struct ink_seq_lowering *l, struct ink_onnx_call *c)
{
	uint32_t i;

	memset(c, 0, sizeof(*c));
	c->model = l->model;
	c->node = l->node;
	c->why = l->why;
	for (i = 0; i < l->node->n_in; i++)
		c->in[i] = ink_seq_in(l, i) ? l->probe[l->node->in[i]] : NULL;
}

bool ink_seq_lower_cut(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	bool split = !strcmp(l->node->pb->op_type, "Split");
	size_t dims[INK_ONNX_MAX_RANK];
	struct ink_onnx_call c;
	struct ink_onnx_cut cut;
	struct ink_value v;
	uint32_t axis;

	if (!has_layout(x) && x->kind != INK_VALUE_GRAM && x->kind != INK_VALUE_GATE)
		return ink_seq_refuse(l, "parts can only be taken of activations");
	as_call(l, &c);
	memcpy(dims, c.in[0]->dims, sizeof(dims));
	for (c.which = 0; c.which < (split ? l->node->n_out : 1); c.which++) {
		if (!(split ? ink_onnx_cut_split(&c, x->layout.rank, dims, &cut, &axis) :
		      ink_onnx_cut_slice(&c, x->layout.rank, dims, &cut)))
			return false;
		if (x->kind == INK_VALUE_GRAM || x->kind == INK_VALUE_GATE) {
			axis = l->probe[l->node->in[0]]->rank - 1;
			if (x->kind == INK_VALUE_GRAM ? !ink_seq_gram_cut(l, &cut, c.which) :
			    split || !ink_seq_gate_cut(l, (uint32_t)cut.from[axis],
						       (uint32_t)cut.dims[axis]))
				return ink_seq_refuse(l, "such a part isn't supported");
			continue;
		}
		v = *x;
		if (!ink_layout_cut(&v.layout, &cut))
			return ink_seq_refuse(l, "such a part of tokens and columns at once isn't supported");
		if (!ink_seq_set(l, c.which, &v))
			return false;
	}
	return true;
}

/* Rows of a constant table, by token. */
static bool embed(struct ink_seq_lowering *l, const struct ink_array *table)
{
	const struct ink_value *x = ink_seq_in(l, 1);
	uint32_t words = (uint32_t)table->dims[0], cols, pad = l->net->pad, i;
	struct ink_value v = { .kind = INK_VALUE_VIEW, .op = l->net->n_ops };
	struct ink_seq_op *op;

	if (table->rank != 2 || words > 65536)
		return ink_seq_refuse(l, "an embedding is a table of two dimensions with at most 65536 rows");
	cols = (uint32_t)table->dims[1];
	op = ink_seq_new_op(l, INK_SEQ_EMBED, l->net->tokens, cols, true);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = x->op;
	op->words = words;
	op->w = ink_seq_numbers(l->net, table->count, l->why);
	if (!op->w)
		return false;
	memcpy(op->w, table->data, table->count * sizeof(*op->w));
	v.layout = x->layout;
	if (v.layout.rank == INK_ONNX_MAX_RANK)
		return ink_seq_refuse(l, "too many dimensions");
	ink_extent_add(&v.layout.dim[v.layout.rank++], INK_AXIS_COL, cols, 1);
	v.filling = INK_FILL_ZERO;
	for (i = 0; i < cols && pad < words; i++)
		if (op->w[(size_t)pad * cols + i] != 0)
			v.filling = INK_FILL_ANY;
	return ink_seq_set(l, 0, &v);
}

bool ink_seq_lower_gather(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0), *index = ink_seq_in(l, 1);
	struct ink_value v = *x;
	const struct ink_array *at;
	uint32_t axis;
	double place;

	if (!ink_onnx_axis(l->node, "axis", 0, l->probe[l->node->in[0]]->rank, &axis, l->why))
		return false;
	if (x->kind == INK_VALUE_CONST && index->kind == INK_VALUE_TOKENS && !axis)
		return embed(l, x->constant);
	if (x->kind == INK_VALUE_CONST && index->kind == INK_VALUE_GRAM && !axis)
		return ink_seq_lower_hashed(l, x->constant);
	if (!has_layout(x) || index->kind != INK_VALUE_CONST || index->constant->count != 1)
		return ink_seq_refuse(l, "supported: rows of a constant table by token, and one place of activations");
	at = index->constant;
	place = at->data[0] + (at->data[0] < 0 ? (double)ink_extent_size(&v.layout.dim[axis]) : 0);
	if (!ink_layout_pick(&v.layout, axis, (size_t)place) ||
	    !ink_layout_reshape(&v.layout, l->probe[l->node->out[0]]->rank,
				l->probe[l->node->out[0]]->dims))
		return ink_seq_refuse(l, "such a part of tokens and columns at once isn't supported");
	return ink_seq_set(l, 0, &v);
}

/* Pad that takes as many rows away at one end as it puts at the other: rows that come later, or sooner. */
bool ink_seq_lower_pad(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const struct ink_array *by = ink_seq_const(l, 1), *in = l->probe[l->node->in[0]];
	const struct ink_extent *e = NULL;
	struct ink_seq_op *op;
	uint32_t from, d;
	double fill = 0;

	if (x->kind != INK_VALUE_VIEW || !by || (l->node->n_in > 2 && ink_seq_in(l, 2) &&
						 (!ink_seq_scalar(ink_seq_const(l, 2), &fill) || fill != 0)))
		return ink_seq_refuse(l, "zeros may be put before or behind the rows of activations");
	for (d = 0; d < in->rank; d++) {
		if (by->data[d] + by->data[in->rank + d] != 0 || (by->data[d] != 0 && e))
			return ink_seq_refuse(l, "as many rows have to go as there come: F.pad(x, (0, 0, 1, -1))");
		e = by->data[d] != 0 ? &x->layout.dim[d] : e;
		fill += by->data[d];
	}
	if (!ink_seq_whole(l, x, &from))
		return false;
	if (!e || e->n != 1 || e->piece[0].axis != INK_AXIS_ROW || e->piece[0].stride != 1 ||
	    e->piece[0].size != l->net->tokens || !l->net->ops[from].seq || x->layout.row)
		return ink_seq_refuse(l, "zeros may be put before or behind the tokens only");
	/* What fills up would come before the last token. */
	if (fill < 0 && l->net->padded && x->filling != INK_FILL_ZERO)
		return ink_fail(l->why, "%s: mixes tokens with what only fills up", l->label) ||
		       ink_hint(l->why, "multiply by the mask before it, so that what fills up is zero");
	op = ink_seq_new_op(l, INK_SEQ_SHIFT, l->net->ops[from].rows, l->net->ops[from].cols, true);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->by = (int32_t)fill;
	return ink_seq_set_view(l, l->net->n_ops - 1, &x->layout, INK_FILL_ANY);
}

/* Where columns of a part go in the joined matrix: of blocks of @all, from @first on. */
struct place {
	uint32_t outer, all, first, own, inner;
};

static bool widen(struct ink_seq_lowering *l, uint32_t from, const struct place *p, uint32_t *out)
{
	const struct ink_seq_op *x = &l->net->ops[from];
	uint32_t n = x->cols, cols = p->outer * p->all * p->inner, i, block, at;
	struct ink_seq_op *op;

	*out = l->net->n_ops;
	op = ink_seq_new_op(l, INK_SEQ_LINEAR, x->rows, cols, x->seq);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->w = ink_seq_numbers(l->net, (size_t)n * cols, l->why);
	if (!op->w)
		return false;
	for (i = 0; i < n; i++) {
		block = i / p->inner / p->own;
		at = i / p->inner % p->own + p->first;
		op->w[(size_t)((block * p->all + at) * p->inner + i % p->inner) * n + i] = 1;
	}
	return true;
}

static bool join(struct ink_seq_lowering *l, uint32_t sum, uint32_t more, uint32_t *out)
{
	const struct ink_seq_op *x = &l->net->ops[sum], *y = &l->net->ops[more];
	struct ink_seq_op *op;

	if (x->rows != y->rows || x->seq != y->seq || x->cols != y->cols)
		return ink_seq_refuse(l, "the parts have different rows");
	*out = l->net->n_ops;
	op = ink_seq_new_op(l, INK_SEQ_ADD, x->rows, x->cols, x->seq);
	if (!op)
		return false;
	op->n_in = 2;
	op->in[0] = sum;
	op->in[1] = more;
	return true;
}

/* One part, put where its columns belong; *@layout is that of the whole. */
static bool part(struct ink_seq_lowering *l, uint32_t k, uint32_t axis, uint32_t first,
		 struct ink_layout *layout, uint32_t *op)
{
	const struct ink_array *out = l->probe[l->node->out[0]];
	const struct ink_value *x = ink_seq_in(l, k);
	struct place p = { 1, (uint32_t)out->dims[axis], first, 0, 1 };
	uint32_t d, i, stride = 1;

	if (!x || x->kind != INK_VALUE_VIEW || ink_layout_has(&x->layout, INK_AXIS_KEY, INK_ONNX_NONE))
		return ink_seq_refuse(l, "supported: activations side by side");
	for (i = 0; i < x->layout.dim[axis].n; i++)
		if (x->layout.dim[axis].piece[i].axis == INK_AXIS_ROW)
			return ink_seq_refuse(l, "supported: columns side by side, not further tokens");
	if (!ink_seq_flat(l, x, op, layout))
		return false;
	p.own = (uint32_t)ink_extent_size(&x->layout.dim[axis]);
	for (d = 0; d < layout->rank; d++)
		for (i = 0; d != axis && i < layout->dim[d].n; i++)
			if (layout->dim[d].piece[i].axis == INK_AXIS_COL)
				*(d < axis ? &p.outer : &p.inner) *= layout->dim[d].piece[i].size;
	layout->dim[axis].n = 0;
	if (!ink_extent_add(&layout->dim[axis], INK_AXIS_COL, p.all, 1))
		return false;
	for (d = layout->rank; d-- > 0;)
		for (i = layout->dim[d].n; i-- > 0;) {
			struct ink_piece *piece = &layout->dim[d].piece[i];

			if (piece->axis != INK_AXIS_COL)
				continue;
			piece->stride = stride;
			stride *= piece->size;
		}
	return widen(l, *op, &p, op);
}

/*
 * Columns side by side. The engine's CONCAT puts one vector behind another, which is that
 * for one row only; sums of widened parts do for all, and what is beside them takes them up.
 */
bool ink_seq_lower_concat(struct ink_seq_lowering *l)
{
	const struct ink_array *out = l->probe[l->node->out[0]];
	struct ink_layout layout, other;
	uint32_t axis, k, first = 0, one, sum = 0;

	if (!ink_onnx_axis(l->node, "axis", 1, out->rank, &axis, l->why))
		return false;
	for (k = 0; k < l->node->n_in; k++) {
		if (!part(l, k, axis, first, k ? &other : &layout, &one))
			return false;
		if (k && !join(l, sum, one, &one))
			return false;
		if (k && !ink_layout_same(&layout, &other))
			return ink_seq_refuse(l, "the parts lie differently");
		sum = one;
		first += (uint32_t)l->probe[l->node->in[k]]->dims[axis];
	}
	return ink_seq_set_view(l, sum, &layout, INK_FILL_ANY);
}
