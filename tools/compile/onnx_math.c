// SPDX-License-Identifier: GPL-2.0-only
/*
 * The float reference: operators that compute with whole arrays.
 *
 * What lives here: products, element-wise pairs, normalisation, softmax,
 * reductions and the quantisation nodes, as the ONNX specification defines
 * them. What doesn't: functions of one number (unary.c) and operators that
 * only move numbers (onnx_shape.c).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "onnx_float.h"

bool ink_onnx_axis(const struct ink_onnx_node *node, const char *name, int64_t preset,
		   uint32_t rank, uint32_t *axis, struct ink_diag *why)
{
	int64_t v = preset;

	if (!ink_onnx_attr_int(node, name, &v, why))
		return false;
	if (v < -(int64_t)rank || v > (int64_t)rank)
		return ink_fail(why, "%s: axis %lld of %u dimensions", ink_onnx_label(node),
				(long long)v, rank);
	*axis = v < 0 ? v + rank : v;
	return true;
}

/* An axis that has to be one of the dimensions, not one behind them. */
static bool inner_axis(struct ink_onnx_call *c, int64_t preset, uint32_t *axis)
{
	uint32_t rank = c->in[0]->rank;

	if (!ink_onnx_axis(c->node, "axis", preset, rank, axis, c->why))
		return false;
	if (*axis >= rank)
		return ink_fail(c->why, "%s: axis %u of %u dimensions", ink_onnx_label(c->node),
				*axis, rank);
	return true;
}

static bool bad_shapes(struct ink_onnx_call *c, const struct ink_array *a,
		       const struct ink_array *b)
{
	char text[2][96];
	const struct ink_array *array[2] = { a, b };
	uint32_t i, k;

	for (k = 0; k < 2; k++) {
		size_t n = 0;

		text[k][0] = 0;
		for (i = 0; i < array[k]->rank && n < sizeof(text[k]); i++)
			n += snprintf(text[k] + n, sizeof(text[k]) - n, "%s%zu", i ? "x" : "",
				      array[k]->dims[i]);
	}
	return ink_fail(c->why, "%s: shapes %s and %s don't fit", ink_onnx_label(c->node), text[0],
			text[1]);
}

static double combine(const char *op, double a, double b, bool integer)
{
	switch (op[0]) {
	case 'A':
		return a + b;
	case 'S':
		return a - b;
	case 'M':
		return a * b;
	case 'D':
		return integer ? trunc(a / b) : a / b;
	default:
		return pow(a, b);
	}
}

static bool is_integer(const struct ink_array *a)
{
	return a->type != INK_ONNX_FLOAT && a->type != INK_ONNX_DOUBLE &&
	       a->type != INK_ONNX_FLOAT16;
}

/* NumPy's rules: shapes aligned at their last dimension, ones stretched. */
static bool broadcast(struct ink_onnx_call *c, size_t *dims, uint32_t *rank,
		      size_t stride[2][INK_ONNX_MAX_RANK])
{
	uint32_t i, k;

	*rank = c->in[0]->rank > c->in[1]->rank ? c->in[0]->rank : c->in[1]->rank;
	for (i = 0; i < *rank; i++)
		dims[i] = 1;
	for (k = 0; k < 2; k++) {
		const struct ink_array *a = c->in[k];
		size_t step = 1;

		uint32_t missing = *rank - a->rank;

		for (i = *rank; i-- > 0;) {
			size_t n = i < missing ? 1 : a->dims[i - missing];

			if (n != 1 && dims[i] != 1 && dims[i] != n)
				return bad_shapes(c, c->in[0], c->in[1]);
			if (n != 1)
				dims[i] = n;
			stride[k][i] = n == 1 ? 0 : step;
			step *= n;
		}
	}
	return true;
}

bool ink_onnx_eval_binary(struct ink_onnx_call *c)
{
	size_t dims[INK_ONNX_MAX_RANK], stride[2][INK_ONNX_MAX_RANK];
	size_t at[INK_ONNX_MAX_RANK] = { 0 }, i, p = 0, q = 0;
	bool integer = is_integer(c->in[0]);
	uint32_t rank, d;

	if (integer != is_integer(c->in[1]))
		return ink_fail(c->why, "%s: one operand is of integers, the other isn't",
				ink_onnx_label(c->node));
	if (!broadcast(c, dims, &rank, stride) ||
	    !ink_onnx_result(c, c->in[0]->type, rank, dims) || !ink_onnx_spend(c, c->out->count))
		return false;
	for (i = 0; i < c->out->count; i++) {
		c->out->data[i] = combine(c->node->pb->op_type, c->in[0]->data[p],
					  c->in[1]->data[q], integer);
		for (d = rank; d-- > 0;) {
			p += stride[0][d];
			q += stride[1][d];
			if (++at[d] < dims[d])
				break;
			p -= stride[0][d] * dims[d];
			q -= stride[1][d] * dims[d];
			at[d] = 0;
		}
	}
	return true;
}

/* The value of a Gemm's third input at row i, column j. */
static double gemm_bias(const struct ink_array *b, size_t i, size_t j)
{
	size_t rows = b->rank > 1 ? b->dims[0] : 1;
	size_t cols = b->rank ? b->dims[b->rank - 1] : 1;

	return b->data[(rows == 1 ? 0 : i) * cols + (cols == 1 ? 0 : j)];
}

bool ink_onnx_eval_gemm(struct ink_onnx_call *c)
{
	const struct ink_array *a = c->in[0], *b = c->in[1];
	const struct ink_array *bias = c->node->n_in > 2 ? c->in[2] : NULL;
	int64_t ta = 0, tb = 0;
	double alpha = 1, beta = 1, sum;
	size_t dims[2], n, i, j, k;

	if (!ink_onnx_attr_int(c->node, "transA", &ta, c->why) ||
	    !ink_onnx_attr_int(c->node, "transB", &tb, c->why) ||
	    !ink_onnx_attr_float(c->node, "alpha", &alpha, c->why) ||
	    !ink_onnx_attr_float(c->node, "beta", &beta, c->why))
		return false;
	if (a->rank != 2 || b->rank != 2 || a->dims[!ta] != b->dims[!!tb])
		return bad_shapes(c, a, b);
	dims[0] = a->dims[!!ta];
	dims[1] = b->dims[!tb];
	n = a->dims[!ta];
	if (bias && (bias->rank > 2 ||
		     (bias->rank && bias->dims[bias->rank - 1] != 1 &&
		      bias->dims[bias->rank - 1] != dims[1]) ||
		     (bias->rank == 2 && bias->dims[0] != 1 && bias->dims[0] != dims[0])))
		return bad_shapes(c, b, bias);
	if (!ink_onnx_result(c, a->type, 2, dims) || !ink_onnx_spend(c, c->out->count * n))
		return false;
	for (i = 0; i < dims[0]; i++) {
		for (j = 0; j < dims[1]; j++) {
			sum = 0;
			for (k = 0; k < n; k++)
				sum += a->data[ta ? k * dims[0] + i : i * n + k] *
				       b->data[tb ? j * n + k : k * dims[1] + j];
			c->out->data[i * dims[1] + j] =
				alpha * sum + (bias ? beta * gemm_bias(bias, i, j) : 0);
		}
	}
	return true;
}

static void matmul_one(const double *a, const double *b, double *y, size_t m, size_t n, size_t p)
{
	size_t i, j, k;

	for (i = 0; i < m; i++)
		for (k = 0; k < n; k++)
			for (j = 0; j < p; j++)
				y[i * p + j] += a[i * n + k] * b[k * p + j];
}

/* Dimensions of an operand with the vector made a matrix, batch dimensions in front. */
static void matrix_dims(const struct ink_array *a, bool left, uint32_t rank, size_t *dims)
{
	uint32_t i, r = a->rank == 1 ? 2 : a->rank;

	for (i = 0; i < rank; i++)
		dims[i] = 1;
	if (a->rank == 1)
		dims[left ? rank - 1 : rank - 2] = a->dims[0];
	else
		memcpy(dims + rank - r, a->dims, r * sizeof(*dims));
}

bool ink_onnx_eval_matmul(struct ink_onnx_call *c)
{
	const struct ink_array *a = c->in[0], *b = c->in[1];
	size_t da[INK_ONNX_MAX_RANK], db[INK_ONNX_MAX_RANK], dims[INK_ONNX_MAX_RANK];
	size_t m, n, p, batches = 1, batch, pos, ia, ib, i;
	uint32_t rank = a->rank > b->rank ? a->rank : b->rank, d, r = 0;

	if (!a->rank || !b->rank)
		return bad_shapes(c, a, b);
	rank = rank < 2 ? 2 : rank;
	matrix_dims(a, true, rank, da);
	matrix_dims(b, false, rank, db);
	m = da[rank - 2];
	n = da[rank - 1];
	p = db[rank - 1];
	for (d = 0; d + 2 < rank; d++) {
		if (da[d] != db[d] && da[d] != 1 && db[d] != 1)
			return bad_shapes(c, a, b);
		dims[r++] = da[d] > db[d] ? da[d] : db[d];
		batches *= dims[r - 1];
	}
	if (n != db[rank - 2])
		return bad_shapes(c, a, b);
	if (a->rank > 1)
		dims[r++] = m;
	if (b->rank > 1)
		dims[r++] = p;
	if (!ink_onnx_result(c, a->type, r, dims) || !ink_onnx_spend(c, c->out->count * n))
		return false;
	for (batch = 0; batch < batches; batch++) {
		ia = ib = 0;
		for (d = 0, pos = batches; d + 2 < rank; d++) {
			pos /= dims[d];
			i = batch / pos % dims[d];
			ia = ia * da[d] + (da[d] == 1 ? 0 : i);
			ib = ib * db[d] + (db[d] == 1 ? 0 : i);
		}
		matmul_one(a->data + ia * m * n, b->data + ib * n * p,
			   c->out->data + batch * m * p, m, n, p);
	}
	return true;
}

bool ink_onnx_eval_norm(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	double epsilon = 1e-5;
	int64_t training = 0;
	size_t channels, inner = 1, i, k;

	if (!ink_onnx_attr_float(c->node, "epsilon", &epsilon, c->why) ||
	    !ink_onnx_attr_int(c->node, "training_mode", &training, c->why))
		return false;
	if (training)
		return ink_fail(c->why, "%s: it is in training mode", ink_onnx_label(c->node)) ||
		       ink_hint(c->why, "export the model after model.eval()");
	if (x->rank < 2)
		return bad_shapes(c, x, c->in[1]);
	channels = x->dims[1];
	for (i = 2; i < x->rank; i++)
		inner *= x->dims[i];
	for (i = 1; i < 5; i++)
		if (c->in[i]->count != channels)
			return bad_shapes(c, x, c->in[i]);
	if (!ink_onnx_result(c, x->type, x->rank, x->dims) || !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < x->count; i++) {
		k = i / inner % channels;
		c->out->data[i] = (x->data[i] - c->in[3]->data[k]) /
				  sqrt(c->in[4]->data[k] + epsilon) * c->in[1]->data[k] +
				  c->in[2]->data[k];
	}
	return true;
}

/* Softmax over @n numbers that are @step apart. */
static void softmax_one(const double *x, double *y, size_t n, size_t step)
{
	double top = x[0], sum = 0;
	size_t i;

	for (i = 1; i < n; i++)
		top = fmax(top, x[i * step]);
	for (i = 0; i < n; i++)
		sum += y[i * step] = exp(x[i * step] - top);
	for (i = 0; i < n; i++)
		y[i * step] /= sum;
}

bool ink_onnx_eval_softmax(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	bool old = c->model->opset < 13;
	size_t n = 1, step = 1, i, k;
	uint32_t axis, d;

	if (!x->rank || !inner_axis(c, old ? (x->rank > 1) : -1, &axis) ||
	    !ink_onnx_result(c, x->type, x->rank, x->dims) || !ink_onnx_spend(c, x->count))
		return x->rank ? false : bad_shapes(c, x, x);
	/* Before version 13 all dimensions from the axis on count as one. */
	for (d = axis; d < (old ? x->rank : axis + 1); d++)
		n *= x->dims[d];
	for (; d < x->rank; d++)
		step *= x->dims[d];
	for (i = 0; i < x->count; i += n * step)
		for (k = 0; k < step; k++)
			softmax_one(x->data + i + k, c->out->data + i + k, n, step);
	return true;
}

/* Which dimensions a reduction removes. */
static bool reduce_axes(struct ink_onnx_call *c, bool *gone)
{
	const struct ink_array *x = c->in[0], *in = c->node->n_in > 1 ? c->in[1] : NULL;
	const Inkonnx__Attribute *attr = ink_onnx_attr(c->node, "axes");
	size_t n = in ? in->count : attr ? attr->n_ints : 0, i;
	int64_t v, noop = 0;

	if (!ink_onnx_attr_int(c->node, "noop_with_empty_axes", &noop, c->why))
		return false;
	for (i = 0; i < x->rank; i++)
		gone[i] = !n && !noop;
	for (i = 0; i < n; i++) {
		v = in ? (fabs(in->data[i]) < 100 ? (int64_t)in->data[i] : 100) : attr->ints[i];
		if (v < -(int64_t)x->rank || v >= (int64_t)x->rank)
			return ink_fail(c->why, "%s: axis %lld of %u dimensions",
					ink_onnx_label(c->node), (long long)v, x->rank);
		gone[v < 0 ? v + x->rank : v] = true;
	}
	return true;
}

bool ink_onnx_eval_reduce(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	const char *op = c->node->pb->op_type;
	bool gone[INK_ONNX_MAX_RANK];
	size_t dims[INK_ONNX_MAX_RANK], i, rest, to, weight;
	int64_t keep = 1;
	uint32_t rank = 0, d;

	if (!reduce_axes(c, gone) || !ink_onnx_attr_int(c->node, "keepdims", &keep, c->why))
		return false;
	for (d = 0; d < x->rank; d++)
		if (!gone[d] || keep)
			dims[rank++] = gone[d] ? 1 : x->dims[d];
	if (!ink_onnx_result(c, x->type, rank, dims) || !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < x->count; i++) {
		rest = i;
		to = 0;
		weight = 1;
		for (d = x->rank; d-- > 0;) {
			if (!gone[d]) {
				to += rest % x->dims[d] * weight;
				weight *= x->dims[d];
			}
			rest /= x->dims[d];
		}
		c->out->data[to] += strcmp(op, "ReduceSumSquare") ? x->data[i] :
				    x->data[i] * x->data[i];
	}
	if (!strcmp(op, "ReduceMean"))
		for (i = 0; i < c->out->count; i++)
			c->out->data[i] /= (double)x->count / c->out->count;
	return true;
}

/* Scale and zero point: one, or one for each index of the axis. */
static bool scale_axis(struct ink_onnx_call *c, size_t *inner, size_t *n)
{
	const struct ink_array *x = c->in[0], *s = c->in[1];
	const struct ink_array *z = c->node->n_in > 2 ? c->in[2] : NULL;
	uint32_t axis = 0, d;
	size_t i;

	*inner = 1;
	*n = s->count;
	if (!s->count || (z && z->count != s->count))
		return bad_shapes(c, s, z ? z : s);
	for (i = 0; i < s->count; i++)
		if (!(s->data[i] > 0))
			return ink_fail(c->why, "%s: scale %g isn't positive",
					ink_onnx_label(c->node), s->data[i]);
	if (s->count == 1)
		return true;
	if (!inner_axis(c, 1, &axis))
		return false;
	if (x->dims[axis] != s->count)
		return bad_shapes(c, x, s);
	for (d = axis + 1; d < x->rank; d++)
		*inner *= x->dims[d];
	return true;
}

bool ink_onnx_eval_quantize(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0], *s = c->in[1];
	const struct ink_array *z = c->node->n_in > 2 ? c->in[2] : NULL;
	int type = z ? z->type : INK_ONNX_UINT8;
	double lo = type == INK_ONNX_INT8 ? -128 : 0;
	size_t inner, n, i, k;

	if (type != INK_ONNX_INT8 && type != INK_ONNX_UINT8)
		return ink_fail(c->why, "%s: quantises to element type %d; supported: int8, uint8",
				ink_onnx_label(c->node), type);
	if (!scale_axis(c, &inner, &n) || !ink_onnx_result(c, type, x->rank, x->dims) ||
	    !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < x->count; i++) {
		k = i / inner % n;
		c->out->data[i] = fmin(fmax(nearbyint(x->data[i] / s->data[k]) +
					    (z ? z->data[k] : 0), lo), lo + 255);
	}
	return true;
}

bool ink_onnx_eval_dequantize(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0], *s = c->in[1];
	const struct ink_array *z = c->node->n_in > 2 ? c->in[2] : NULL;
	size_t inner, n, i, k;
	uint32_t axis = 0;

	if (!scale_axis(c, &inner, &n) || !ink_onnx_result(c, INK_ONNX_FLOAT, x->rank, x->dims) ||
	    !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < x->count; i++) {
		k = i / inner % n;
		c->out->data[i] = (x->data[i] - (z ? z->data[k] : 0)) * s->data[k];
	}
	if (n > 1 && !inner_axis(c, 1, &axis))
		return false;
	c->out->steps = s->data;
	c->out->n_steps = n;
	c->out->step_axis = axis;
	return true;
}
