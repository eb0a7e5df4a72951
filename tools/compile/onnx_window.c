// SPDX-License-Identifier: GPL-2.0-only
/*
 * The float reference: operators that look at windows or whole rows.
 *
 * What lives here: convolution and pooling over one or two dimensions, layer
 * normalisation, greatest values. What doesn't: products of matrices
 * (onnx_math.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_seq.h"

bool ink_onnx_eval_layer_norm(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0], *gamma = c->in[1];
	const struct ink_array *beta = c->node->n_in > 2 ? c->in[2] : NULL;
	double epsilon = 1e-5, mean, square, v;
	size_t n = 1, i, k;
	uint32_t axis, d;

	if (!ink_onnx_attr_float(c->node, "epsilon", &epsilon, c->why) ||
	    !ink_onnx_axis(c->node, "axis", -1, x->rank, &axis, c->why))
		return false;
	for (d = axis; d < x->rank; d++)
		n *= x->dims[d];
	if (gamma->count != n || (beta && beta->count != n))
		return ink_fail(c->why, "%s: rows of %zu elements, a scale of %zu",
				ink_onnx_label(c->node), n, gamma->count);
	if (!ink_onnx_result(c, x->type, x->rank, x->dims) || !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < x->count; i += n) {
		mean = square = 0;
		for (k = 0; k < n; k++)
			mean += x->data[i + k] / (double)n;
		for (k = 0; k < n; k++) {
			v = x->data[i + k] - mean;
			square += v * v / (double)n;
		}
		for (k = 0; k < n; k++)
			c->out->data[i + k] = (x->data[i + k] - mean) / sqrt(square + epsilon) *
					      gamma->data[k] + (beta ? beta->data[k] : 0);
	}
	return true;
}

bool ink_onnx_eval_reduce_max(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	int64_t axes[INK_ONNX_MAX_RANK], keep = 1, a;
	size_t dims[INK_ONNX_MAX_RANK], i, rest, to, weight;
	bool gone[INK_ONNX_MAX_RANK] = { false };
	uint32_t n, rank = 0, d;

	if (!ink_onnx_integers(c, 1, "axes", axes, INK_ONNX_MAX_RANK, &n) ||
	    !ink_onnx_attr_int(c->node, "keepdims", &keep, c->why))
		return false;
	for (d = 0; d < n; d++) {
		a = axes[d] < 0 ? axes[d] + x->rank : axes[d];
		if (a < 0 || a >= x->rank)
			return ink_fail(c->why, "%s: axis %lld of %u dimensions",
					ink_onnx_label(c->node), (long long)axes[d], x->rank);
		gone[a] = true;
	}
	for (d = 0; d < x->rank; d++) {
		gone[d] |= !n;
		if (!gone[d] || keep)
			dims[rank++] = gone[d] ? 1 : x->dims[d];
	}
	if (!ink_onnx_result(c, x->type, rank, dims) || !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < c->out->count; i++)
		c->out->data[i] = -INFINITY;
	for (i = 0; i < x->count; i++) {
		rest = i;
		for (d = x->rank, to = 0, weight = 1; d-- > 0; rest /= x->dims[d]) {
			if (gone[d])
				continue;
			to += rest % x->dims[d] * weight;
			weight *= x->dims[d];
		}
		c->out->data[to] = fmax(c->out->data[to], x->data[i]);
	}
	return true;
}

/* The numbers of an attribute for each dimension, one dimension taken as the second of two. */
static bool window_list(struct ink_onnx_call *c, const char *name, uint32_t n, int64_t preset,
			int64_t lo, int64_t *v)
{
	const Inkonnx__Attribute *a = ink_onnx_attr(c->node, name);
	uint32_t i;

	for (i = 0; i < n; i++)
		v[i] = preset;
	if (!a)
		return true;
	if (a->n_ints != n)
		return ink_fail(c->why, "%s: attribute %s has %zu numbers, not %u",
				ink_onnx_label(c->node), name, a->n_ints, n);
	for (i = 0; i < n; i++) {
		v[i] = a->ints[i];
		if (v[i] < lo || v[i] > 4096)
			return ink_fail(c->why, "%s: attribute %s has %lld",
					ink_onnx_label(c->node), name, (long long)v[i]);
	}
	return true;
}

bool ink_onnx_window(struct ink_onnx_call *c, uint32_t spatial, const size_t *kernel,
		     struct ink_onnx_window *w)
{
	int64_t size[2], stride[2], pads[4], dilation[2], group = 1, ceil_mode = 0;
	const Inkonnx__Attribute *pad = ink_onnx_attr(c->node, "auto_pad");
	uint32_t i, k;

	if (spatial < 1 || spatial > 2)
		return ink_fail(c->why, "%s: over %u dimensions; 1 and 2 are supported",
				ink_onnx_label(c->node), spatial);
	if (!window_list(c, "kernel_shape", spatial, 0, 1, size) ||
	    !window_list(c, "strides", spatial, 1, 1, stride) ||
	    !window_list(c, "dilations", spatial, 1, 1, dilation) ||
	    !window_list(c, "pads", 2 * spatial, 0, 0, pads) ||
	    !ink_onnx_attr_int(c->node, "group", &group, c->why) ||
	    !ink_onnx_attr_int(c->node, "ceil_mode", &ceil_mode, c->why))
		return false;
	*w = (struct ink_onnx_window){ .rank = spatial, { 1, 1 }, { 1, 1 }, { 0, 0 }, { 0, 0 } };
	if (ceil_mode || (pad && pad->s.len != 6) || (spatial == 2 && dilation[0] != 1) ||
	    dilation[spatial - 1] != 1)
		return ink_fail(c->why, "%s: dilation, ceil_mode and auto_pad aren't supported",
				ink_onnx_label(c->node));
	for (i = 0; i < spatial; i++) {
		k = i + 2 - spatial;
		w->size[k] = kernel ? kernel[i] : (size_t)size[i];
		w->stride[k] = (size_t)stride[i];
		w->before[k] = (size_t)pads[i];
		w->after[k] = (size_t)pads[i + spatial];
		if (!w->size[k])
			return ink_fail(c->why, "%s: a window without a size",
					ink_onnx_label(c->node));
	}
	return true;
}

/* Sizes of input and output; two dimensions, the first 1 where there is only one. */
struct frame {
	struct ink_onnx_window w;
	size_t in[2], out[2];
};

static bool frame_of(struct ink_onnx_call *c, const size_t *kernel, struct frame *f, size_t *dims,
		     size_t channels)
{
	const struct ink_array *x = c->in[0];
	uint32_t spatial = x->rank - 2, k, i;

	if (x->rank < 3)
		return ink_fail(c->why, "%s: an input of %u dimensions", ink_onnx_label(c->node),
				x->rank);
	if (!strncmp(c->node->pb->op_type, "Global", 6))
		kernel = x->dims + 2;
	if (!ink_onnx_window(c, spatial, kernel, &f->w))
		return false;
	dims[0] = x->dims[0];
	dims[1] = channels;
	f->in[0] = f->out[0] = 1;
	for (i = 0; i < spatial; i++) {
		k = i + 2 - spatial;
		f->in[k] = x->dims[2 + i];
		if (f->in[k] + f->w.before[k] + f->w.after[k] < f->w.size[k])
			return ink_fail(c->why, "%s: the window is larger than its input",
					ink_onnx_label(c->node));
		f->out[k] = (f->in[k] + f->w.before[k] + f->w.after[k] - f->w.size[k]) /
			    f->w.stride[k] + 1;
		dims[2 + i] = f->out[k];
	}
	return true;
}

/* Place in the input of cell @ky, @kx of window @i; false in the padding. */
static bool cell(const struct frame *f, size_t i, size_t ky, size_t kx, size_t *at)
{
	size_t y = i / f->out[1] * f->w.stride[0] + ky - f->w.before[0];
	size_t x = i % f->out[1] * f->w.stride[1] + kx - f->w.before[1];

	*at = y * f->in[1] + x;
	return y < f->in[0] && x < f->in[1];
}

static double conv_one(const struct frame *f, const double *x, const double *w, size_t i)
{
	size_t ky, kx, at;
	double sum = 0;

	for (ky = 0; ky < f->w.size[0]; ky++)
		for (kx = 0; kx < f->w.size[1]; kx++)
			if (cell(f, i, ky, kx, &at))
				sum += x[at] * w[ky * f->w.size[1] + kx];
	return sum;
}

static int descending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

/* Values of TopK, the greatest first; who they are isn't evaluated. */
bool ink_onnx_eval_topk(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0], *k = c->in[1];
	size_t dims[INK_ONNX_MAX_RANK], n, i;
	int64_t largest = 1;
	uint32_t axis;
	double *row;

	if (!ink_onnx_attr_int(c->node, "largest", &largest, c->why) ||
	    !ink_onnx_axis(c->node, "axis", -1, x->rank, &axis, c->why))
		return false;
	n = x->rank ? x->dims[x->rank - 1] : 0;
	if (!largest || axis + 1 != x->rank || !n || k->count != 1 || !(k->data[0] >= 1 && k->data[0] <= (double)n))
		return ink_fail(c->why, "%s: supported are the greatest of the last dimension",
				ink_onnx_label(c->node));
	memcpy(dims, x->dims, x->rank * sizeof(*dims));
	dims[axis] = (size_t)k->data[0];
	row = ink_pool_alloc(c->pool, n, sizeof(*row));
	if (!row || !ink_onnx_result(c, x->type, x->rank, dims) || !ink_onnx_spend(c, x->count))
		return ink_fail(c->why, "%s: no memory", ink_onnx_label(c->node));
	for (i = 0; i < x->count / n; i++) {
		memcpy(row, x->data + i * n, n * sizeof(*row));
		qsort(row, n, sizeof(*row), descending);
		memcpy(c->out->data + i * dims[axis], row, dims[axis] * sizeof(*row));
	}
	return true;
}

bool ink_onnx_eval_conv(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0], *w = c->in[1];
	const struct ink_array *bias = c->node->n_in > 2 ? c->in[2] : NULL;
	size_t dims[4], in, out, window, m, k, i, batch, per;
	int64_t group = 1;
	struct frame f;

	if (!ink_onnx_attr_int(c->node, "group", &group, c->why))
		return false;
	if (x->rank < 3 || w->rank != x->rank || group < 1 || w->dims[0] % (size_t)group ||
	    x->dims[1] != w->dims[1] * (size_t)group || (bias && bias->count != w->dims[0]))
		return ink_fail(c->why, "%s: its weights don't fit its input", ink_onnx_label(c->node));
	if (!frame_of(c, w->dims + 2, &f, dims, w->dims[0]))
		return false;
	window = f.w.size[0] * f.w.size[1];
	if (!ink_onnx_result(c, x->type, x->rank, dims) ||
	    !ink_onnx_spend(c, c->out->count * window * w->dims[1]))
		return false;
	in = f.in[0] * f.in[1];
	out = f.out[0] * f.out[1];
	per = w->dims[0] / (size_t)group;
	for (batch = 0; batch < x->dims[0]; batch++)
		for (m = 0; m < w->dims[0]; m++)
			for (i = 0; i < out; i++) {
				double sum = bias ? bias->data[m] : 0;

				for (k = 0; k < w->dims[1]; k++)
					sum += conv_one(&f, x->data + (batch * x->dims[1] +
						m / per * w->dims[1] + k) * in,
						w->data + (m * w->dims[1] + k) * window, i);
				c->out->data[(batch * w->dims[0] + m) * out + i] = sum;
			}
	return true;
}

static double pool_one(const struct frame *f, const double *x, size_t i, bool greatest, bool all)
{
	double top = -INFINITY, sum = 0;
	size_t ky, kx, at, n = 0;

	for (ky = 0; ky < f->w.size[0]; ky++)
		for (kx = 0; kx < f->w.size[1]; kx++)
			if (cell(f, i, ky, kx, &at)) {
				top = fmax(top, x[at]);
				sum += x[at];
				n++;
			}
	return greatest ? top : sum / (double)(all ? f->w.size[0] * f->w.size[1] : n);
}

bool ink_onnx_eval_pool(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	bool greatest = strstr(c->node->pb->op_type, "Max");
	size_t dims[4], in, out, i;
	int64_t all = 0;
	struct frame f;

	if (!ink_onnx_attr_int(c->node, "count_include_pad", &all, c->why) ||
	    !frame_of(c, NULL, &f, dims, x->rank > 1 ? x->dims[1] : 1) ||
	    !ink_onnx_result(c, x->type, x->rank, dims) ||
	    !ink_onnx_spend(c, c->out->count * f.w.size[0] * f.w.size[1]))
		return false;
	in = f.in[0] * f.in[1];
	out = f.out[0] * f.out[1];
	for (i = 0; i < c->out->count; i++)
		c->out->data[i] = pool_one(&f, x->data + i / out * in, i % out, greatest, all);
	return true;
}
