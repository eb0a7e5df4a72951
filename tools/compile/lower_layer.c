// SPDX-License-Identifier: GPL-2.0-only
/*
 * From ONNX nodes to a network of vectors: products, sums, normalisation.
 *
 * What lives here: nodes that multiply or add constants or vectors. What
 * doesn't: the other nodes and the order of things (lower.c).
 */
#include <math.h>
#include <string.h>

#include "lower.h"

static bool same_width(const struct ink_lowering *l, uint32_t value)
{
	if (ink_lower_width(l, value) == ink_lower_width(l, l->node->out[0]))
		return true;
	return ink_fail(l->why, "%s: input \"%s\" is stretched from %u to %u elements", l->label,
			ink_onnx_value_name(l->model, value), ink_lower_width(l, value),
			ink_lower_width(l, l->node->out[0])) ||
	       ink_hint(l->why, "operands that depend on the input need the same number of elements");
}

static bool all_equal(const double *v, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n; i++)
		if (v[i] != v[0])
			return false;
	return true;
}

/* x op constant, or constant op x when @left. */
static bool lower_const_pair(struct ink_lowering *l, uint32_t x, double *c, bool left)
{
	uint32_t width = ink_lower_width(l, l->node->out[0]), i;
	char kind = l->node->pb->op_type[0];
	struct ink_net_op *op;

	if ((kind == 'D' && left) || kind == 'P') {
		if (kind == 'P' && left)
			return ink_fail(l->why, "%s: the exponent depends on the input", l->label);
		if (!all_equal(c, width))
			return ink_fail(l->why, "%s: its constant isn't the same for all elements",
					l->label);
		op = ink_lower_add(l, INK_NET_UNARY, x);
		if (!op)
			return false;
		if (kind == 'P')
			return ink_unary_then(&op->f, INK_UNARY_POW, c[0], 0);
		return ink_unary_then(&op->f, INK_UNARY_RECIPROCAL, 0, 0) &&
		       ink_unary_then(&op->f, INK_UNARY_AFFINE, c[0], 0);
	}
	op = ink_lower_add(l, INK_NET_AFFINE, x);
	if (!op)
		return false;
	op->s = ink_net_numbers(l->net, width, l->why);
	op->b = ink_net_numbers(l->net, width, l->why);
	if (!op->s || !op->b)
		return false;
	for (i = 0; i < width; i++) {
		if (kind == 'D' && c[i] == 0)
			return ink_fail(l->why, "%s: divides by zero in element %u", l->label, i);
		op->s[i] = kind == 'M' ? c[i] : kind == 'D' ? 1 / c[i] :
			   kind == 'S' && left ? -1 : 1;
		op->b[i] = kind == 'A' ? c[i] : kind == 'S' ? (left ? c[i] : -c[i]) : 0;
	}
	return true;
}

bool ink_lower_binary(struct ink_lowering *l)
{
	char kind = l->node->pb->op_type[0];
	struct ink_net_op *op;
	uint32_t x = ink_lower_is_dynamic(l, 0) ? 0 : 1;
	double *c;

	if (!same_width(l, l->node->in[x]))
		return false;
	if (!ink_lower_is_dynamic(l, !x)) {
		c = ink_lower_row(l, ink_lower_const(l, !x));
		return c && lower_const_pair(l, x, c, x == 1);
	}
	if (!same_width(l, l->node->in[1]))
		return false;
	if (kind == 'P')
		return ink_fail(l->why, "%s: the exponent depends on the input", l->label);
	op = ink_lower_add(l, kind == 'M' ? INK_NET_MUL : kind == 'D' ? INK_NET_DIV : INK_NET_ADD, 0);
	if (!op)
		return false;
	op->n_in = 2;
	op->in[1] = l->op_of[l->node->in[1]];
	if (kind == 'S')
		op->cb = -1;
	return true;
}

/* Integer steps of the weights of a model that was trained with them, one for each output. */
static double *weight_steps(struct ink_lowering *l, const struct ink_array *w, uint32_t out_axis,
			    uint32_t m, double factor)
{
	double *steps;
	uint32_t o;

	if (!w->steps || factor != 1 ||
	    (w->n_steps > 1 && (w->step_axis != out_axis || w->n_steps != m)))
		return NULL;
	steps = ink_pool_alloc(&l->net->pool, m, sizeof(*steps));
	for (o = 0; steps && o < m; o++)
		steps[o] = w->steps[w->n_steps > 1 ? o : 0];
	return steps;
}

bool ink_lower_product(struct ink_lowering *l, const struct ink_array *w, bool transposed,
			  double alpha)
{
	uint32_t m = ink_lower_width(l, l->node->out[0]), n = ink_lower_width(l, l->node->in[0]), o, i;
	struct ink_net_op *op = ink_lower_add(l, INK_NET_DENSE, 0);

	if (!op)
		return false;
	if (w->count != (size_t)n * m)
		return ink_fail(l->why, "%s: multiplies rows of %u numbers as matrices", l->label,
				n) ||
		       ink_hint(l->why, "only products of a whole row with one matrix are supported; flatten before");
	op->w = ink_net_numbers(l->net, (size_t)n * m, l->why);
	op->b = ink_net_numbers(l->net, m, l->why);
	if (!op->w || !op->b)
		return false;
	for (o = 0; o < m; o++)
		for (i = 0; i < n; i++)
			op->w[(size_t)o * n + i] = alpha * w->data[transposed ?
				(size_t)o * n + i : (size_t)i * m + o];
	op->steps = weight_steps(l, w, transposed ? w->rank - 2 : w->rank - 1, m, alpha);
	return true;
}

bool ink_lower_gemm(struct ink_lowering *l)
{
	int64_t ta = 0, tb = 0;
	double alpha = 1, beta = 1;
	const struct ink_array *c;
	struct ink_net_op *op;
	double *bias;
	uint32_t i;

	if (!ink_lower_need_constant(l, 1) || !ink_lower_need_constant(l, 2) ||
	    !ink_onnx_attr_int(l->node, "transA", &ta, l->why) ||
	    !ink_onnx_attr_int(l->node, "transB", &tb, l->why) ||
	    !ink_onnx_attr_float(l->node, "alpha", &alpha, l->why) ||
	    !ink_onnx_attr_float(l->node, "beta", &beta, l->why))
		return false;
	if (ta)
		return ink_fail(l->why, "%s: transA mixes the rows of the batch", l->label);
	if (!ink_lower_product(l, ink_lower_const(l, 1), tb, alpha))
		return false;
	c = ink_lower_const(l, 2);
	if (!c)
		return true;
	bias = ink_lower_row(l, c);
	op = &l->net->ops[l->net->n_ops - 1];
	for (i = 0; bias && i < op->width; i++)
		op->b[i] = beta * bias[i];
	return bias;
}

bool ink_lower_norm(struct ink_lowering *l)
{
	const struct ink_array *x = ink_lower_shape(l, l->node->in[0]), *p[4];
	uint32_t width = ink_lower_width(l, l->node->out[0]), i, k;
	size_t inner = 1;
	double epsilon = 1e-5;
	struct ink_net_op *op;

	for (i = 1; i < 5; i++) {
		if (!ink_lower_need_constant(l, i))
			return false;
		p[i - 1] = ink_lower_const(l, i);
	}
	if (!ink_onnx_attr_float(l->node, "epsilon", &epsilon, l->why))
		return false;
	op = ink_lower_add(l, INK_NET_AFFINE, 0);
	if (!op)
		return false;
	op->s = ink_net_numbers(l->net, width, l->why);
	op->b = ink_net_numbers(l->net, width, l->why);
	if (!op->s || !op->b)
		return false;
	for (i = 2; i < x->rank; i++)
		inner *= x->dims[i];
	for (i = 0; i < width; i++) {
		k = i / inner;
		op->s[i] = p[0]->data[k] / sqrt(p[3]->data[k] + epsilon);
		op->b[i] = p[1]->data[k] - p[2]->data[k] * op->s[i];
	}
	return true;
}
