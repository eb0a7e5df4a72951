// SPDX-License-Identifier: GPL-2.0-only
/*
 * The float reference: operators that only move numbers.
 *
 * What lives here: reshaping, transposing, joining, constants. What doesn't:
 * arithmetic (onnx_math.c).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "onnx_float.h"

/* The input's numbers in another shape. */
static bool reshaped(struct ink_onnx_call *c, uint32_t rank, const size_t *dims)
{
	const struct ink_array *x = c->in[0];

	if (!ink_onnx_result(c, x->type, rank, dims))
		return false;
	if (c->out->count != x->count)
		return ink_fail(c->why, "%s: %zu numbers don't fill a shape of %zu",
				ink_onnx_label(c->node), x->count, c->out->count);
	memcpy(c->out->data, x->data, x->count * sizeof(*x->data));
	c->out->steps = x->n_steps == 1 ? x->steps : NULL;
	c->out->n_steps = c->out->steps ? 1 : 0;
	return true;
}

bool ink_onnx_eval_same(struct ink_onnx_call *c)
{
	int64_t to = c->in[0]->type;

	if (!strcmp(c->node->pb->op_type, "Cast")) {
		if (!ink_onnx_attr_int(c->node, "to", &to, c->why))
			return false;
		if (to != INK_ONNX_FLOAT && to != INK_ONNX_DOUBLE && to != c->in[0]->type)
			return ink_fail(c->why, "%s: casts to element type %lld; only float and double are supported",
					ink_onnx_label(c->node), (long long)to);
	}
	if (!reshaped(c, c->in[0]->rank, c->in[0]->dims))
		return false;
	c->out->type = (int)to;
	c->out->steps = c->in[0]->steps;
	c->out->n_steps = c->in[0]->n_steps;
	c->out->step_axis = c->in[0]->step_axis;
	return true;
}

bool ink_onnx_eval_flatten(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	size_t dims[2] = { 1, 1 };
	uint32_t axis, d;

	if (!ink_onnx_axis(c->node, "axis", 1, x->rank, &axis, c->why))
		return false;
	for (d = 0; d < x->rank; d++)
		dims[d >= axis] *= x->dims[d];
	return reshaped(c, 2, dims);
}

/* Integers of an axes or shape input or attribute; the number of them in *n. */
static bool integers(struct ink_onnx_call *c, uint32_t input, const char *attr, int64_t *v,
		     uint32_t *n)
{
	const struct ink_array *a = c->node->n_in > input ? c->in[input] : NULL;
	const Inkonnx__Attribute *at = attr ? ink_onnx_attr(c->node, attr) : NULL;
	size_t count = a ? a->count : at ? at->n_ints : 0, i;

	if (count > INK_ONNX_MAX_RANK)
		return ink_fail(c->why, "%s: %zu dimensions; at most %u are supported",
				ink_onnx_label(c->node), count, INK_ONNX_MAX_RANK);
	for (i = 0; i < count; i++) {
		if (a && !(fabs(a->data[i]) <= INK_ONNX_MAX_ELEMENTS))
			return ink_fail(c->why, "%s: %g isn't a dimension", ink_onnx_label(c->node),
					a->data[i]);
		v[i] = a ? (int64_t)a->data[i] : at->ints[i];
	}
	*n = count;
	return true;
}

bool ink_onnx_eval_reshape(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	int64_t want[INK_ONNX_MAX_RANK], allowzero = 0;
	size_t dims[INK_ONNX_MAX_RANK], known = 1;
	uint32_t rank, i, open = INK_ONNX_NONE;

	if (!integers(c, 1, NULL, want, &rank) ||
	    !ink_onnx_attr_int(c->node, "allowzero", &allowzero, c->why))
		return false;
	for (i = 0; i < rank; i++) {
		if (want[i] == -1 && open == INK_ONNX_NONE)
			open = i;
		else if (!want[i] && !allowzero && i < x->rank)
			want[i] = x->dims[i];
		else if (want[i] < 1 || want[i] > INK_ONNX_MAX_ELEMENTS)
			return ink_fail(c->why, "%s: %lld isn't a dimension", ink_onnx_label(c->node),
					(long long)want[i]);
		dims[i] = i == open ? 1 : want[i];
		if (__builtin_mul_overflow(known, dims[i], &known) || known > x->count)
			return ink_fail(c->why, "%s: %zu numbers don't fill the shape",
					ink_onnx_label(c->node), x->count);
	}
	if (open != INK_ONNX_NONE)
		dims[open] = x->count / known;
	return reshaped(c, rank, dims);
}

bool ink_onnx_eval_squeeze(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	int64_t axes[INK_ONNX_MAX_RANK];
	size_t dims[INK_ONNX_MAX_RANK];
	bool gone[INK_ONNX_MAX_RANK];
	uint32_t n, i, rank = 0;

	if (!integers(c, 1, "axes", axes, &n))
		return false;
	for (i = 0; i < x->rank; i++)
		gone[i] = !n && x->dims[i] == 1;
	for (i = 0; i < n; i++) {
		int64_t a = axes[i] < 0 ? axes[i] + x->rank : axes[i];

		if (a < 0 || a >= x->rank || x->dims[a] != 1)
			return ink_fail(c->why, "%s: can't remove dimension %lld",
					ink_onnx_label(c->node), (long long)axes[i]);
		gone[a] = true;
	}
	for (i = 0; i < x->rank; i++)
		if (!gone[i])
			dims[rank++] = x->dims[i];
	return reshaped(c, rank, dims);
}

bool ink_onnx_eval_unsqueeze(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	int64_t axes[INK_ONNX_MAX_RANK];
	size_t dims[INK_ONNX_MAX_RANK] = { 0 };
	uint32_t n, rank, i, from = 0;

	if (!integers(c, 1, "axes", axes, &n))
		return false;
	rank = x->rank + n;
	if (rank > INK_ONNX_MAX_RANK)
		return ink_fail(c->why, "%s: %u dimensions; at most %u are supported",
				ink_onnx_label(c->node), rank, INK_ONNX_MAX_RANK);
	for (i = 0; i < n; i++) {
		int64_t a = axes[i] < 0 ? axes[i] + rank : axes[i];

		if (a < 0 || a >= rank || dims[a])
			return ink_fail(c->why, "%s: can't insert dimension %lld",
					ink_onnx_label(c->node), (long long)axes[i]);
		dims[a] = 1;
	}
	for (i = 0; i < rank; i++)
		if (!dims[i])
			dims[i] = x->dims[from++];
	return reshaped(c, rank, dims);
}

bool ink_onnx_eval_transpose(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	const Inkonnx__Attribute *a = ink_onnx_attr(c->node, "perm");
	size_t dims[INK_ONNX_MAX_RANK], stride[INK_ONNX_MAX_RANK], step = 1, i, from;
	uint32_t perm[INK_ONNX_MAX_RANK], seen = 0, d;

	if (a && a->n_ints != x->rank)
		return ink_fail(c->why, "%s: permutes %zu of %u dimensions",
				ink_onnx_label(c->node), a->n_ints, x->rank);
	for (d = x->rank; d-- > 0; step *= x->dims[d])
		stride[d] = step;
	for (d = 0; d < x->rank; d++) {
		int64_t p = a ? a->ints[d] : x->rank - 1 - d;

		if (p < 0 || p >= x->rank || seen >> p & 1)
			return ink_fail(c->why, "%s: its permutation is none",
					ink_onnx_label(c->node));
		seen |= 1u << p;
		perm[d] = p;
		dims[d] = x->dims[p];
	}
	if (!ink_onnx_result(c, x->type, x->rank, dims) || !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < x->count; i++) {
		size_t rest = i;

		for (d = x->rank, from = 0; d-- > 0; rest /= dims[d])
			from += rest % dims[d] * stride[perm[d]];
		c->out->data[i] = x->data[from];
	}
	c->out->steps = x->steps;
	c->out->n_steps = x->n_steps;
	for (d = 0; d < x->rank; d++)
		if (perm[d] == x->step_axis)
			c->out->step_axis = d;
	return true;
}

bool ink_onnx_eval_concat(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	size_t dims[INK_ONNX_MAX_RANK], outer = 1, inner = 1, at = 0, i;
	uint32_t axis, d, k;

	if (!ink_onnx_axis(c->node, "axis", 1, x->rank, &axis, c->why))
		return false;
	if (axis >= x->rank)
		return ink_fail(c->why, "%s: axis %u of %u dimensions", ink_onnx_label(c->node),
				axis, x->rank);
	memcpy(dims, x->dims, x->rank * sizeof(*dims));
	for (k = 1; k < c->node->n_in; k++) {
		if (!c->in[k] || c->in[k]->rank != x->rank)
			return ink_fail(c->why, "%s: input %u has another number of dimensions",
					ink_onnx_label(c->node), k);
		for (d = 0; d < x->rank; d++)
			if (d != axis && c->in[k]->dims[d] != x->dims[d])
				return ink_fail(c->why, "%s: input %u has another dimension %u",
						ink_onnx_label(c->node), k, d);
		dims[axis] += c->in[k]->dims[axis];
	}
	for (d = 0; d < x->rank; d++)
		*(d < axis ? &outer : &inner) *= d == axis ? 1 : dims[d];
	if (!ink_onnx_result(c, x->type, x->rank, dims) || !ink_onnx_spend(c, c->out->count))
		return false;
	for (i = 0; i < outer; i++)
		for (k = 0; k < c->node->n_in; k++) {
			size_t n = c->in[k]->dims[axis] * inner;

			memcpy(c->out->data + at, c->in[k]->data + i * n, n * sizeof(double));
			at += n;
		}
	return true;
}

bool ink_onnx_eval_constant(struct ink_onnx_call *c)
{
	const Inkonnx__Attribute *value = ink_onnx_attr(c->node, "value");
	const Inkonnx__Attribute *a;
	char what[160];
	size_t n, i;

	if (value && value->t) {
		snprintf(what, sizeof(what), "the tensor of %s", ink_onnx_label(c->node));
		c->out = ink_array_decode(c->pool, value->t, c->model->tokens, what, c->why);
		return c->out;
	}
	a = ink_onnx_attr(c->node, "value_float");
	if (a) {
		if (!ink_onnx_result(c, INK_ONNX_FLOAT, 0, NULL))
			return false;
		c->out->data[0] = a->f;
		return true;
	}
	a = ink_onnx_attr(c->node, "value_int");
	if (a) {
		if (!ink_onnx_result(c, INK_ONNX_INT64, 0, NULL))
			return false;
		c->out->data[0] = a->i;
		return true;
	}
	a = ink_onnx_attr(c->node, "value_floats");
	if (!a)
		a = ink_onnx_attr(c->node, "value_ints");
	n = a ? a->n_floats ? a->n_floats : a->n_ints : 0;
	if (!n)
		return ink_fail(c->why, "%s: it has no tensor, float or integer value",
				ink_onnx_label(c->node));
	if (!ink_onnx_result(c, a->n_floats ? INK_ONNX_FLOAT : INK_ONNX_INT64, 1, &n))
		return false;
	for (i = 0; i < n; i++)
		c->out->data[i] = a->n_floats ? a->floats[i] : a->ints[i];
	return true;
}
