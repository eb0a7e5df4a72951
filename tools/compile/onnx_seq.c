// SPDX-License-Identifier: GPL-2.0-only
/*
 * The float reference: operators that only models of tokens have.
 *
 * What lives here: their table, and those that work on each element. What
 * doesn't: those that move numbers (onnx_index.c) or look at windows and rows
 * (onnx_window.c).
 */
#include <math.h>
#include <string.h>

#include "onnx_seq.h"

bool ink_onnx_broadcast(struct ink_onnx_call *c, struct ink_onnx_spread *s)
{
	uint32_t i, k;

	memset(s, 0, sizeof(*s));
	for (k = 0; k < c->node->n_in; k++)
		s->rank = c->in[k]->rank > s->rank ? c->in[k]->rank : s->rank;
	for (i = 0; i < s->rank; i++)
		s->dims[i] = 1;
	for (k = 0; k < c->node->n_in; k++) {
		uint32_t missing = s->rank - c->in[k]->rank;

		for (i = missing; i < s->rank; i++) {
			size_t n = c->in[k]->dims[i - missing];

			if (n != 1 && s->dims[i] != 1 && s->dims[i] != n)
				return ink_fail(c->why, "%s: dimension %u is %zu and %zu",
						ink_onnx_label(c->node), i, s->dims[i], n);
			if (n != 1)
				s->dims[i] = n;
		}
	}
	return true;
}

/* Element of @a that goes with element @i of the result. */
size_t ink_onnx_spread_at(const struct ink_onnx_spread *s, const struct ink_array *a, size_t i)
{
	size_t at = 0, step = 1, place;
	uint32_t d;

	for (d = s->rank; d-- > 0; i /= s->dims[d]) {
		if (d < s->rank - a->rank)
			break;
		place = i % s->dims[d];
		if (a->dims[d - (s->rank - a->rank)] != 1)
			at += place * step;
		step *= a->dims[d - (s->rank - a->rank)];
	}
	return at;
}

static double compare(const char *op, double a, double b)
{
	switch (op[0]) {
	case 'E':
		return a == b;
	case 'G':
		return strcmp(op, "Greater") ? a >= b : a > b;
	case 'L':
		return strcmp(op, "Less") ? a <= b : a < b;
	case 'M':
		return !strcmp(op, "Min") ? fmin(a, b) : !strcmp(op, "Max") ? fmax(a, b) :
		       a - b * floor(a / b);
	case 'A':
		return a && b;
	case 'O':
		return a || b;
	default:
		return !a != !b;
	}
}

static bool eval_pair(struct ink_onnx_call *c)
{
	const char *op = c->node->pb->op_type;
	struct ink_onnx_spread s;
	size_t i;

	if (!ink_onnx_broadcast(c, &s) ||
	    !ink_onnx_result(c, op[0] == 'M' ? c->in[0]->type : INK_ONNX_BOOL, s.rank, s.dims) ||
	    !ink_onnx_spend(c, c->out->count))
		return false;
	for (i = 0; i < c->out->count; i++)
		c->out->data[i] = compare(op, c->in[0]->data[ink_onnx_spread_at(&s, c->in[0], i)],
					  c->in[1]->data[ink_onnx_spread_at(&s, c->in[1], i)]);
	return true;
}

static bool eval_where(struct ink_onnx_call *c)
{
	struct ink_onnx_spread s;
	size_t i;

	if (!ink_onnx_broadcast(c, &s) || !ink_onnx_result(c, c->in[1]->type, s.rank, s.dims) ||
	    !ink_onnx_spend(c, c->out->count))
		return false;
	for (i = 0; i < c->out->count; i++) {
		bool first = c->in[0]->data[ink_onnx_spread_at(&s, c->in[0], i)] != 0;

		c->out->data[i] = c->in[first ? 1 : 2]->data[ink_onnx_spread_at(&s, c->in[first ? 1 : 2], i)];
	}
	return true;
}

static double function(const char *op, double x)
{
	switch (op[0]) {
	case 'N':
		return !x;
	case 'S':
		return !strcmp(op, "Sin") ? sin(x) : (x > 0) - (x < 0);
	case 'C':
		return !strcmp(op, "Cos") ? cos(x) : ceil(x);
	case 'F':
		return floor(x);
	default:
		return log(x);
	}
}

static bool eval_function(struct ink_onnx_call *c)
{
	const char *op = c->node->pb->op_type;
	const struct ink_array *x = c->in[0];
	size_t i;

	if (!ink_onnx_result(c, op[0] == 'N' ? INK_ONNX_BOOL : x->type, x->rank, x->dims) ||
	    !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < x->count; i++)
		c->out->data[i] = function(op, x->data[i]);
	return true;
}

static bool is_real(int type)
{
	return type == INK_ONNX_FLOAT || type == INK_ONNX_DOUBLE || type == INK_ONNX_FLOAT16;
}

static bool eval_cast(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	int64_t to = x->type;
	size_t i;

	if (!ink_onnx_attr_int(c->node, "to", &to, c->why) ||
	    !ink_onnx_result(c, (int)to, x->rank, x->dims) || !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < x->count; i++)
		c->out->data[i] = to == INK_ONNX_BOOL ? x->data[i] != 0 :
				  is_real((int)to) ? x->data[i] : trunc(x->data[i]);
	return true;
}

#define KERNEL(name, min_in, max_in, eval) \
	{ name, min_in, max_in, INK_ONNX_ROLE_SEQUENCE, eval }

const struct ink_onnx_kernel ink_onnx_seq_kernels[] = {
	KERNEL("LayerNormalization", 2, 3, ink_onnx_eval_layer_norm),
	KERNEL("Gather", 2, 2, ink_onnx_eval_gather),
	KERNEL("Slice", 3, 5, ink_onnx_eval_slice),
	{ "Split", 1, 2, INK_ONNX_ROLE_SPLIT, ink_onnx_eval_split },
	KERNEL("Transpose", 1, 1, ink_onnx_eval_transpose),
	KERNEL("Expand", 2, 2, ink_onnx_eval_expand),
	KERNEL("Tile", 2, 2, ink_onnx_eval_tile),
	KERNEL("Where", 3, 3, eval_where),
	KERNEL("Conv", 2, 3, ink_onnx_eval_conv),
	KERNEL("MaxPool", 1, 1, ink_onnx_eval_pool),
	KERNEL("AveragePool", 1, 1, ink_onnx_eval_pool),
	KERNEL("GlobalAveragePool", 1, 1, ink_onnx_eval_pool),
	KERNEL("GlobalMaxPool", 1, 1, ink_onnx_eval_pool),
	KERNEL("ReduceMax", 1, 2, ink_onnx_eval_reduce_max),
	KERNEL("TopK", 2, 2, ink_onnx_eval_topk),
	KERNEL("Equal", 2, 2, eval_pair),
	KERNEL("Greater", 2, 2, eval_pair),
	KERNEL("GreaterOrEqual", 2, 2, eval_pair),
	KERNEL("Less", 2, 2, eval_pair),
	KERNEL("LessOrEqual", 2, 2, eval_pair),
	KERNEL("And", 2, 2, eval_pair),
	KERNEL("Or", 2, 2, eval_pair),
	KERNEL("Xor", 2, 2, eval_pair),
	KERNEL("Min", 2, 2, eval_pair),
	KERNEL("Max", 2, 2, eval_pair),
	KERNEL("Mod", 2, 2, eval_pair),
	KERNEL("Not", 1, 1, eval_function),
	KERNEL("Cast", 1, 1, eval_cast),
	KERNEL("Shape", 1, 1, ink_onnx_eval_shape),
	KERNEL("ConstantOfShape", 1, 1, ink_onnx_eval_filled),
	KERNEL("Pad", 2, 4, ink_onnx_eval_pad),
	KERNEL("Range", 3, 3, ink_onnx_eval_range),
	KERNEL("Trilu", 1, 2, ink_onnx_eval_trilu),
	KERNEL("Sin", 1, 1, eval_function),
	KERNEL("Cos", 1, 1, eval_function),
	KERNEL("Log", 1, 1, eval_function),
	KERNEL("Floor", 1, 1, eval_function),
	KERNEL("Ceil", 1, 1, eval_function),
	KERNEL("Sign", 1, 1, eval_function),
};

const size_t ink_onnx_n_seq_kernels = sizeof(ink_onnx_seq_kernels) / sizeof(ink_onnx_seq_kernels[0]);
