// SPDX-License-Identifier: GPL-2.0-only
/*
 * The float reference: choosing and repeating numbers of an array.
 *
 * What lives here: Gather, Slice, Split, Expand and what makes shapes and
 * masks. What doesn't: arithmetic.
 */
#include <math.h>
#include <string.h>

#include "onnx_seq.h"

bool ink_onnx_integers(struct ink_onnx_call *c, uint32_t input, const char *attr, int64_t *v,
		       uint32_t most, uint32_t *n)
{
	const struct ink_array *a = c->node->n_in > input ? c->in[input] : NULL;
	const Inkonnx__Attribute *at = attr ? ink_onnx_attr(c->node, attr) : NULL;
	size_t count = a ? a->count : at ? at->n_ints : 0, i;

	if (count > most)
		return ink_fail(c->why, "%s: %zu numbers in a list; at most %u are supported",
				ink_onnx_label(c->node), count, most);
	for (i = 0; i < count; i++)
		v[i] = a ? (int64_t)fmin(fmax(a->data[i], -1e15), 1e15) : at->ints[i];
	*n = count;
	return true;
}

/* @x with dimension @axis taken at the places that @cut says. */
static bool take(struct ink_onnx_call *c, const struct ink_onnx_cut *cut)
{
	const struct ink_array *x = c->in[0];
	size_t step[INK_ONNX_MAX_RANK], n = 1, i, rest;
	int64_t from;
	uint32_t d;

	for (d = x->rank; d-- > 0; n *= x->dims[d])
		step[d] = n;
	if (!ink_onnx_result(c, x->type, x->rank, cut->dims) || !ink_onnx_spend(c, c->out->count))
		return false;
	for (i = 0; i < c->out->count; i++) {
		rest = i;
		from = 0;
		for (d = x->rank; d-- > 0; rest /= cut->dims[d])
			from += (cut->from[d] + (int64_t)(rest % cut->dims[d]) * cut->step[d]) *
				(int64_t)step[d];
		c->out->data[i] = x->data[from];
	}
	return true;
}

static void cut_nothing(struct ink_onnx_cut *cut, uint32_t rank, const size_t *dims)
{
	uint32_t d;

	for (d = 0; d < rank; d++) {
		cut->from[d] = 0;
		cut->step[d] = 1;
		cut->dims[d] = dims[d];
	}
}

static int64_t bound(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

bool ink_onnx_cut_slice(struct ink_onnx_call *c, uint32_t rank, const size_t *dims,
			struct ink_onnx_cut *cut)
{
	int64_t start[INK_ONNX_MAX_RANK], end[INK_ONNX_MAX_RANK], axis[INK_ONNX_MAX_RANK];
	int64_t step[INK_ONNX_MAX_RANK], n, a, by, back;
	uint32_t n_start, n_end, n_axis, n_step, i;

	cut_nothing(cut, rank, dims);
	if (!ink_onnx_integers(c, 1, NULL, start, INK_ONNX_MAX_RANK, &n_start) ||
	    !ink_onnx_integers(c, 2, NULL, end, INK_ONNX_MAX_RANK, &n_end) ||
	    !ink_onnx_integers(c, 3, NULL, axis, INK_ONNX_MAX_RANK, &n_axis) ||
	    !ink_onnx_integers(c, 4, NULL, step, INK_ONNX_MAX_RANK, &n_step))
		return false;
	if (n_start != n_end || (n_axis && n_axis != n_start) || (n_step && n_step != n_start))
		return ink_fail(c->why, "%s: its lists have different lengths",
				ink_onnx_label(c->node));
	for (i = 0; i < n_start; i++) {
		a = n_axis ? axis[i] : i;
		a += a < 0 ? rank : 0;
		if (a < 0 || a >= rank || (n_step && !step[i]))
			return ink_fail(c->why, "%s: axis %lld of %u dimensions, or a step of 0",
					ink_onnx_label(c->node), (long long)a, rank);
		n = (int64_t)dims[a];
		by = n_step ? step[i] : 1;
		cut->step[a] = by;
		/* Backwards, from the last place at most to one before the first. */
		back = by < 0;
		cut->from[a] = bound(start[i] < 0 ? start[i] + n : start[i], 0, n - back);
		n = bound(end[i] < 0 ? end[i] + n : end[i], -back, n - back) - cut->from[a];
		if (back ? n >= 0 : n <= 0)
			return ink_fail(c->why, "%s: nothing is left of dimension %lld",
					ink_onnx_label(c->node), (long long)a);
		cut->dims[a] = (size_t)((n + by + (back ? 1 : -1)) / by);
	}
	return true;
}

bool ink_onnx_eval_slice(struct ink_onnx_call *c)
{
	struct ink_onnx_cut cut;

	return ink_onnx_cut_slice(c, c->in[0]->rank, c->in[0]->dims, &cut) && take(c, &cut);
}

bool ink_onnx_cut_split(struct ink_onnx_call *c, uint32_t rank, const size_t *dims,
			struct ink_onnx_cut *cut, uint32_t *axis)
{
	int64_t part[INK_ONNX_MAX_ARGS], sum = 0;
	uint32_t n, i;

	cut_nothing(cut, rank, dims);
	if (!ink_onnx_integers(c, 1, "split", part, INK_ONNX_MAX_ARGS, &n) ||
	    !ink_onnx_axis(c->node, "axis", 0, rank, axis, c->why))
		return false;
	if (*axis >= rank || (n && n != c->node->n_out))
		return ink_fail(c->why, "%s: axis %u of %u dimensions, %u parts for %u outputs",
				ink_onnx_label(c->node), *axis, rank, n, c->node->n_out);
	for (i = 0; i < c->node->n_out; i++) {
		if (!n)
			part[i] = (int64_t)dims[*axis] / c->node->n_out;
		if (part[i] < 1 || part[i] > INK_ONNX_MAX_ELEMENTS)
			return ink_fail(c->why, "%s: part %u has %lld elements",
					ink_onnx_label(c->node), i, (long long)part[i]);
		if (i == c->which)
			cut->from[*axis] = sum;
		sum += part[i];
	}
	if (sum != (int64_t)dims[*axis])
		return ink_fail(c->why, "%s: its parts are %lld together, dimension %u is %zu",
				ink_onnx_label(c->node), (long long)sum, *axis, dims[*axis]);
	cut->dims[*axis] = (size_t)part[c->which];
	return true;
}

bool ink_onnx_eval_split(struct ink_onnx_call *c)
{
	struct ink_onnx_cut cut;
	uint32_t axis;

	return ink_onnx_cut_split(c, c->in[0]->rank, c->in[0]->dims, &cut, &axis) && take(c, &cut);
}

bool ink_onnx_eval_gather(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0], *index = c->in[1];
	size_t dims[INK_ONNX_MAX_RANK], outer = 1, inner = 1, i, k;
	uint32_t axis, d, rank = 0;

	if (!ink_onnx_axis(c->node, "axis", 0, x->rank, &axis, c->why))
		return false;
	if (axis >= x->rank || x->rank + index->rank - 1 > INK_ONNX_MAX_RANK)
		return ink_fail(c->why, "%s: axis %u of %u dimensions", ink_onnx_label(c->node),
				axis, x->rank);
	for (d = 0; d < axis; d++)
		outer *= dims[rank++] = x->dims[d];
	for (d = 0; d < index->rank; d++)
		dims[rank++] = index->dims[d];
	for (d = axis + 1; d < x->rank; d++)
		inner *= dims[rank++] = x->dims[d];
	if (!ink_onnx_result(c, x->type, rank, dims) || !ink_onnx_spend(c, c->out->count))
		return false;
	for (k = 0; k < index->count; k++) {
		double at = index->data[k] + (index->data[k] < 0 ? (double)x->dims[axis] : 0);

		if (!(at >= 0 && at < (double)x->dims[axis]))
			return ink_fail(c->why, "%s: index %g, there are %zu",
					ink_onnx_label(c->node), index->data[k], x->dims[axis]);
		for (i = 0; i < outer; i++)
			memcpy(c->out->data + (i * index->count + k) * inner,
			       x->data + (i * x->dims[axis] + (size_t)at) * inner,
			       inner * sizeof(double));
	}
	return true;
}

bool ink_onnx_eval_expand(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	struct ink_onnx_spread s = { 0 };
	int64_t want[INK_ONNX_MAX_RANK];
	uint32_t n, d;
	size_t i;

	if (!ink_onnx_integers(c, 1, NULL, want, INK_ONNX_MAX_RANK, &n))
		return false;
	s.rank = n > x->rank ? n : x->rank;
	for (d = 0; d < s.rank; d++) {
		size_t have = d < s.rank - x->rank ? 1 : x->dims[d - (s.rank - x->rank)];
		int64_t w = d < s.rank - n ? 1 : want[d - (s.rank - n)];

		if (w < 1 || w > INK_ONNX_MAX_ELEMENTS || (w != 1 && have != 1 && (size_t)w != have))
			return ink_fail(c->why, "%s: dimension %u is %zu, it can't become %lld",
					ink_onnx_label(c->node), d, have, (long long)w);
		s.dims[d] = have == 1 ? (size_t)w : have;
	}
	if (!ink_onnx_result(c, x->type, s.rank, s.dims) || !ink_onnx_spend(c, c->out->count))
		return false;
	for (i = 0; i < c->out->count; i++)
		c->out->data[i] = x->data[ink_onnx_spread_at(&s, x, i)];
	return true;
}

bool ink_onnx_eval_tile(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	size_t dims[INK_ONNX_MAX_RANK], i, rest, from, step;
	int64_t times[INK_ONNX_MAX_RANK];
	uint32_t n, d;

	if (!ink_onnx_integers(c, 1, NULL, times, INK_ONNX_MAX_RANK, &n))
		return false;
	for (d = 0; d < x->rank; d++) {
		if (n != x->rank || times[d] < 1 || times[d] > INK_ONNX_MAX_ELEMENTS)
			return ink_fail(c->why, "%s: can't repeat so often", ink_onnx_label(c->node));
		dims[d] = x->dims[d] * (size_t)times[d];
	}
	if (!ink_onnx_result(c, x->type, x->rank, dims) || !ink_onnx_spend(c, c->out->count))
		return false;
	for (i = 0; i < c->out->count; i++) {
		rest = i;
		from = 0;
		for (d = x->rank, step = 1; d-- > 0; rest /= dims[d], step *= x->dims[d])
			from += rest % dims[d] % x->dims[d] * step;
		c->out->data[i] = x->data[from];
	}
	return true;
}

bool ink_onnx_eval_shape(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	int64_t start = 0, end = x->rank;
	size_t n;

	if (!ink_onnx_attr_int(c->node, "start", &start, c->why) ||
	    !ink_onnx_attr_int(c->node, "end", &end, c->why))
		return false;
	start = bound(start < 0 ? start + x->rank : start, 0, x->rank);
	end = bound(end < 0 ? end + x->rank : end, start, x->rank);
	n = (size_t)(end - start);
	if (!ink_onnx_result(c, INK_ONNX_INT64, 1, &n))
		return false;
	while (n-- > 0)
		c->out->data[n] = (double)x->dims[(size_t)start + n];
	return true;
}

/* ConstantOfShape */
bool ink_onnx_eval_filled(struct ink_onnx_call *c)
{
	const Inkonnx__Attribute *a = ink_onnx_attr(c->node, "value");
	const struct ink_array *value = NULL;
	size_t dims[INK_ONNX_MAX_RANK], i;
	int64_t want[INK_ONNX_MAX_RANK];
	uint32_t n;

	if (a && a->t) {
		value = ink_array_decode(c->pool, a->t, true, "its value", c->why);
		if (!value)
			return false;
	}
	if (!ink_onnx_integers(c, 0, NULL, want, INK_ONNX_MAX_RANK, &n))
		return false;
	for (i = 0; i < n; i++) {
		if (want[i] < 1 || want[i] > INK_ONNX_MAX_ELEMENTS)
			return ink_fail(c->why, "%s: %lld isn't a dimension",
					ink_onnx_label(c->node), (long long)want[i]);
		dims[i] = (size_t)want[i];
	}
	if (!ink_onnx_result(c, value ? value->type : INK_ONNX_FLOAT, n, dims))
		return false;
	for (i = 0; i < c->out->count; i++)
		c->out->data[i] = value ? value->data[0] : 0;
	return true;
}

/* Pad, with one number; less than nothing cuts. */
bool ink_onnx_eval_pad(struct ink_onnx_call *c)
{
	const Inkonnx__Attribute *mode = ink_onnx_attr(c->node, "mode");
	const struct ink_array *x = c->in[0];
	int64_t by[2 * INK_ONNX_MAX_RANK], place;
	size_t dims[INK_ONNX_MAX_RANK], i, rest, from, step;
	uint32_t n, d;
	bool inside;

	if (!ink_onnx_integers(c, 1, NULL, by, 2 * INK_ONNX_MAX_RANK, &n))
		return false;
	if (n != 2 * x->rank || (c->node->n_in > 3 && c->in[3]) ||
	    (mode && (mode->s.len != 8 || memcmp(mode->s.data, "constant", 8))))
		return ink_fail(c->why, "%s: supported is a constant, at both ends of each dimension",
				ink_onnx_label(c->node));
	for (d = 0; d < x->rank; d++) {
		place = (int64_t)x->dims[d] + by[d] + by[x->rank + d];
		if (place < 1 || place > INK_ONNX_MAX_ELEMENTS)
			return ink_fail(c->why, "%s: %lld isn't a dimension", ink_onnx_label(c->node),
					(long long)place);
		dims[d] = (size_t)place;
	}
	if (!ink_onnx_result(c, x->type, x->rank, dims) || !ink_onnx_spend(c, c->out->count))
		return false;
	for (i = 0; i < c->out->count; i++) {
		rest = i;
		from = 0;
		inside = true;
		for (d = x->rank, step = 1; d-- > 0; rest /= dims[d], step *= x->dims[d]) {
			place = (int64_t)(rest % dims[d]) - by[d];
			inside &= place >= 0 && place < (int64_t)x->dims[d];
			from += inside ? (size_t)place * step : 0;
		}
		c->out->data[i] = inside ? x->data[from] :
				  c->node->n_in > 2 && c->in[2] ? c->in[2]->data[0] : 0;
	}
	return true;
}

bool ink_onnx_eval_range(struct ink_onnx_call *c)
{
	double start = c->in[0]->data[0], end = c->in[1]->data[0], step = c->in[2]->data[0], count;
	size_t n, i;

	count = ceil((end - start) / step);
	if (!(count >= 1 && count <= INK_ONNX_MAX_ELEMENTS))
		return ink_fail(c->why, "%s: %g to %g in steps of %g", ink_onnx_label(c->node),
				start, end, step);
	n = (size_t)count;
	if (!ink_onnx_result(c, c->in[0]->type, 1, &n))
		return false;
	for (i = 0; i < n; i++)
		c->out->data[i] = start + (double)i * step;
	return true;
}

bool ink_onnx_eval_trilu(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	int64_t upper = 1, row, col;
	double k = c->node->n_in > 1 && c->in[1] ? c->in[1]->data[0] : 0;
	size_t i;

	if (x->rank < 2 || !ink_onnx_attr_int(c->node, "upper", &upper, c->why) ||
	    !ink_onnx_result(c, x->type, x->rank, x->dims))
		return ink_fail(c->why, "%s: not a matrix", ink_onnx_label(c->node));
	for (i = 0; i < x->count; i++) {
		col = (int64_t)(i % x->dims[x->rank - 1]);
		row = (int64_t)(i / x->dims[x->rank - 1] % x->dims[x->rank - 2]);
		if (upper ? (double)(col - row) >= k : (double)(col - row) <= k)
			c->out->data[i] = x->data[i];
	}
	return true;
}
