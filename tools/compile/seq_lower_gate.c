// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowering of sequences: gates that choose a few of many.
 *
 * What lives here: the greatest of each row, who is below them, softmax of the
 * others, and activations times one column of it. What doesn't: the softmax of
 * attention (seq_lower_attention.c).
 *
 * The formula, for K of E experts:
 *	least = x.topk(K).values[..., K - 1:]
 *	gate = x.masked_fill(x < least, -inf).softmax(-1)
 *	y = sum of gate[..., e : e + 1] * expert e
 */
#include <math.h>
#include <string.h>

#include "seq_lower.h"

static const char hint[] = "of the greatest, supported is a softmax of them: least = x.topk(k).values[..., k-1:], "
	"then x.masked_fill(x < least, -inf).softmax(-1)";

bool ink_seq_lower_topk(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const struct ink_array *k = ink_seq_const(l, 1);
	uint32_t rank = l->probe[l->node->in[0]]->rank, axis;
	int64_t largest = 1, sorted = 1;
	struct ink_value v = *x;

	if (!ink_onnx_axis(l->node, "axis", -1, rank, &axis, l->why) ||
	    !ink_onnx_attr_int(l->node, "largest", &largest, l->why) ||
	    !ink_onnx_attr_int(l->node, "sorted", &sorted, l->why))
		return false;
	if (x->kind != INK_VALUE_VIEW || x->summed || axis + 1 != rank || !largest || !sorted || !k)
		return ink_seq_refuse(l, hint);
	v.kind = INK_VALUE_GATE;
	v.gate.stage = INK_GATE_GREATEST;
	v.gate.base = x;
	v.gate.k = (uint32_t)k->data[0];
	return ink_seq_set(l, 0, &v);
}

/* The least of the greatest, by Slice. */
bool ink_seq_gate_cut(struct ink_seq_lowering *l, uint32_t from, uint32_t n)
{
	struct ink_value v = *ink_seq_in(l, 0);

	if (v.gate.stage != INK_GATE_GREATEST || n != 1 || from + 1 != v.gate.k)
		return ink_seq_refuse(l, hint);
	v.gate.stage = INK_GATE_LEAST;
	return ink_seq_set(l, 0, &v);
}

static bool compare(struct ink_seq_lowering *l)
{
	const struct ink_value *a = ink_seq_in(l, 0), *b = ink_seq_in(l, 1);
	const char *op = l->node->pb->op_type;
	bool below = !strcmp(op, "Less");
	struct ink_value v;

	if (!strcmp(op, "Not")) {
		v = *a;
		if (v.gate.stage != INK_GATE_BELOW && v.gate.stage != INK_GATE_AMONG)
			return ink_seq_refuse(l, hint);
		v.gate.stage = v.gate.stage == INK_GATE_BELOW ? INK_GATE_AMONG : INK_GATE_BELOW;
		return ink_seq_set(l, 0, &v);
	}
	v = *b;
	if (b->kind != INK_VALUE_GATE || b->gate.stage != INK_GATE_LEAST ||
	    !ink_seq_equal(a, b->gate.base) || (!below && strcmp(op, "GreaterOrEqual")))
		return ink_seq_refuse(l, hint);
	v.gate.stage = below ? INK_GATE_BELOW : INK_GATE_AMONG;
	return ink_seq_set(l, 0, &v);
}

/* Where(below, low, x), Where(among, x, low) */
static bool keep_greatest(struct ink_seq_lowering *l)
{
	const struct ink_value *m = ink_seq_in(l, 0);
	bool below = m->gate.stage == INK_GATE_BELOW;
	const struct ink_value *x = ink_seq_in(l, below ? 2 : 1);
	struct ink_value v = *m;
	double low;

	if ((!below && m->gate.stage != INK_GATE_AMONG) || !ink_seq_equal(x, m->gate.base) ||
	    !ink_seq_scalar(ink_seq_const(l, below ? 1 : 2), &low) || low > INK_SEQ_LOW)
		return ink_seq_refuse(l, hint);
	v.gate.stage = INK_GATE_SCORES;
	return ink_seq_set(l, 0, &v);
}

static bool shares(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	uint32_t rank = l->probe[l->node->in[0]]->rank, axis, from;
	struct ink_layout layout;
	struct ink_seq_op *op;

	if (!ink_onnx_axis(l->node, "axis", l->model->opset < 13 ? 1 : -1, rank, &axis, l->why))
		return false;
	if (x->gate.stage != INK_GATE_SCORES || axis + 1 != rank)
		return ink_seq_refuse(l, hint);
	if (!ink_seq_matrix(l, x->gate.base, &from) ||
	    !ink_seq_shape_of(x->gate.base, l->net->ops[from].cols, &layout))
		return false;
	op = ink_seq_new_op(l, INK_SEQ_GATE, l->net->ops[from].rows, l->net->ops[from].cols,
			    l->net->ops[from].seq);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->k = x->gate.k;
	return ink_seq_set_view(l, l->net->n_ops - 1, &layout, INK_FILL_ANY);
}

bool ink_seq_lower_gate(struct ink_seq_lowering *l)
{
	const char *op = l->node->pb->op_type;

	if (!strcmp(op, "Where"))
		return keep_greatest(l);
	return !strcmp(op, "Softmax") ? shares(l) : compare(l);
}

/* Is it one column of a gate, with all of its rows? */
static bool is_column(const struct ink_seq_lowering *l, const struct ink_value *v)
{
	return v->kind == INK_VALUE_VIEW && l->net->ops[v->op].kind == INK_SEQ_GATE && !v->f.n &&
	       !v->layout.row && !ink_layout_has(&v->layout, INK_AXIS_COL, INK_ONNX_NONE);
}

bool ink_seq_gate_times(struct ink_seq_lowering *l, bool *done)
{
	const struct ink_value *g = ink_seq_in(l, 0), *x = ink_seq_in(l, 1), *swap = g;
	uint32_t from, gate, column;
	struct ink_layout layout;
	struct ink_seq_op *op;

	if (!is_column(l, g)) {
		g = x;
		x = swap;
	}
	if (strcmp(l->node->pb->op_type, "Mul") || !is_column(l, g) || x->kind != INK_VALUE_VIEW ||
	    x->summed)
		return true;
	gate = g->op;
	column = g->layout.col;
	if (!ink_seq_matrix(l, x, &from) || !ink_seq_shape_of(x, l->net->ops[from].cols, &layout))
		return false;
	if (l->net->ops[from].rows != l->net->ops[gate].rows ||
	    l->net->ops[from].seq != l->net->ops[gate].seq)
		return ink_seq_refuse(l, "both need the same rows");
	op = ink_seq_new_op(l, INK_SEQ_SCALE, l->net->ops[from].rows, l->net->ops[from].cols,
			    l->net->ops[from].seq);
	if (!op)
		return false;
	op->n_in = 2;
	op->in[0] = from;
	op->in[1] = gate;
	op->k = column;
	return *done = ink_seq_set_view(l, l->net->n_ops - 1, &layout, ink_seq_filling(x, true));
}
