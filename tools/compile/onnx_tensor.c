// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers of an ONNX file.
 *
 * What lives here: turning a tensor of any of ONNX's encodings into doubles,
 * with every size checked. What doesn't: nodes and names (onnx_read.c).
 */
#include <math.h>
#include <string.h>

#include "onnx_graph.h"

struct ink_array *ink_array_new(struct ink_pool *pool, int type, uint32_t rank,
				const size_t *dims, const char *what, struct ink_diag *why)
{
	struct ink_array *a = ink_pool_alloc(pool, 1, sizeof(*a));
	size_t count = 1;
	uint32_t i;

	if (rank > INK_ONNX_MAX_RANK) {
		ink_fail(why, "%s has %u dimensions; at most %u are supported", what, rank,
			 INK_ONNX_MAX_RANK);
		return NULL;
	}
	for (i = 0; i < rank; i++) {
		if (!dims[i]) {
			ink_fail(why, "%s has no elements: dimension %u is 0", what, i);
			return NULL;
		}
		if (__builtin_mul_overflow(count, dims[i], &count) ||
		    count > INK_ONNX_MAX_ELEMENTS) {
			ink_fail(why, "%s has more than %u elements", what, INK_ONNX_MAX_ELEMENTS);
			return NULL;
		}
	}
	if (a)
		a->data = ink_pool_alloc(pool, count, sizeof(*a->data));
	if (!a || !a->data) {
		ink_fail(why, "no memory for %s of %zu elements: the model may use %zu MiB", what,
			 count, pool->limit >> 20);
		return NULL;
	}
	a->type = type;
	a->rank = rank;
	if (rank)
		memcpy(a->dims, dims, rank * sizeof(*dims));
	a->count = count;
	return a;
}

static double half_value(uint16_t bits)
{
	int exponent = bits >> 10 & 31;
	int fraction = bits & 1023;
	double v;

	if (exponent == 31)
		v = fraction ? NAN : INFINITY;
	else if (exponent)
		v = ldexp(1024 + fraction, exponent - 25);
	else
		v = ldexp(fraction, -24);
	return bits >> 15 ? -v : v;
}

/* Bytes of an element in raw_data, or 0. */
static size_t type_size(int type)
{
	switch (type) {
	case INK_ONNX_UINT8:
	case INK_ONNX_INT8:
	case INK_ONNX_BOOL:
		return 1;
	case INK_ONNX_UINT16:
	case INK_ONNX_INT16:
	case INK_ONNX_FLOAT16:
		return 2;
	case INK_ONNX_FLOAT:
	case INK_ONNX_INT32:
	case INK_ONNX_UINT32:
		return 4;
	case INK_ONNX_INT64:
	case INK_ONNX_DOUBLE:
		return 8;
	default:
		return 0;
	}
}

#define LOAD(T, p) ({ T v_; memcpy(&v_, p, sizeof(v_)); v_; })

static double raw_value(int type, const uint8_t *p)
{
	switch (type) {
	case INK_ONNX_INT8:
		return LOAD(int8_t, p);
	case INK_ONNX_UINT16:
		return LOAD(uint16_t, p);
	case INK_ONNX_INT16:
		return LOAD(int16_t, p);
	case INK_ONNX_FLOAT16:
		return half_value(LOAD(uint16_t, p));
	case INK_ONNX_FLOAT:
		return LOAD(float, p);
	case INK_ONNX_INT32:
		return LOAD(int32_t, p);
	case INK_ONNX_UINT32:
		return LOAD(uint32_t, p);
	case INK_ONNX_INT64:
		return LOAD(int64_t, p);
	case INK_ONNX_DOUBLE:
		return LOAD(double, p);
	default:
		return *p;
	}
}

/* Where the numbers are when there is no raw_data. */
static size_t typed_count(const Inkonnx__Tensor *t)
{
	switch (t->data_type) {
	case INK_ONNX_FLOAT:
		return t->n_float_data;
	case INK_ONNX_DOUBLE:
		return t->n_double_data;
	case INK_ONNX_INT64:
		return t->n_int64_data;
	case INK_ONNX_UINT32:
		return t->n_uint64_data;
	default:
		return t->n_int32_data;
	}
}

static double typed_value(const Inkonnx__Tensor *t, size_t i)
{
	switch (t->data_type) {
	case INK_ONNX_FLOAT:
		return t->float_data[i];
	case INK_ONNX_DOUBLE:
		return t->double_data[i];
	case INK_ONNX_INT64:
		return t->int64_data[i];
	case INK_ONNX_UINT32:
		return t->uint64_data[i];
	case INK_ONNX_FLOAT16:
		return half_value(t->int32_data[i]);
	default:
		return t->int32_data[i];
	}
}

static bool decode_shape(const Inkonnx__Tensor *t, size_t *dims, const char *what,
			 struct ink_diag *why)
{
	size_t i;

	if (t->n_dims > INK_ONNX_MAX_RANK)
		return ink_fail(why, "%s has %zu dimensions; at most %u are supported", what,
				t->n_dims, INK_ONNX_MAX_RANK);
	for (i = 0; i < t->n_dims; i++) {
		if (t->dims[i] < 0 || t->dims[i] > INK_ONNX_MAX_ELEMENTS)
			return ink_fail(why, "%s: dimension %zu is %lld; allowed are 1 to %u", what,
					i, (long long)t->dims[i], INK_ONNX_MAX_ELEMENTS);
		dims[i] = t->dims[i];
	}
	return true;
}

static bool decode_values(struct ink_array *a, const Inkonnx__Tensor *t, bool infinite,
			  const char *what, struct ink_diag *why)
{
	size_t size = type_size(t->data_type), n, i;

	if (t->has_raw_data) {
		if (t->raw_data.len != a->count * size)
			return ink_fail(why, "%s: %zu bytes of data, its shape needs %zu", what,
					t->raw_data.len, a->count * size);
		for (i = 0; i < a->count; i++)
			a->data[i] = raw_value(t->data_type, t->raw_data.data + i * size);
	} else {
		n = typed_count(t);
		if (n != a->count)
			return ink_fail(why, "%s: %zu numbers, its shape needs %zu", what, n,
					a->count);
		for (i = 0; i < a->count; i++)
			a->data[i] = typed_value(t, i);
	}
	for (i = 0; i < a->count; i++)
		if (isnan(a->data[i]) || (isinf(a->data[i]) && !infinite))
			return ink_fail(why, "%s: element %zu is %s", what, i,
					isnan(a->data[i]) ? "not a number" : "infinite") ||
			       ink_hint(why, "train again with finite weights; nothing useful can be computed from this");
	return true;
}

static struct ink_array *empty_list(struct ink_pool *pool, const char *what, struct ink_diag *why)
{
	struct ink_array *a = ink_array_new(pool, INK_ONNX_INT64, 1, &(size_t){ 1 }, what, why);

	if (a) {
		a->dims[0] = 0;
		a->count = 0;
	}
	return a;
}

struct ink_array *ink_array_decode(struct ink_pool *pool, const Inkonnx__Tensor *t, bool infinite,
				   const char *what, struct ink_diag *why)
{
	size_t dims[INK_ONNX_MAX_RANK];
	struct ink_array *a;

	if (t->n_external_data || t->data_location == 1) {
		ink_fail(why, "%s: its data lie in another file", what);
		ink_hint(why, "save the model as one file (onnx.save without external data)");
		return NULL;
	}
	if (!type_size(t->data_type)) {
		ink_fail(why, "%s: element type %d isn't supported", what, t->data_type);
		ink_hint(why, "supported: float, float16, double, and integers up to 64 bits");
		return NULL;
	}
	if (!decode_shape(t, dims, what, why))
		return NULL;
	/* An empty list of axes or the like; as an operand of anything else it is refused. */
	if (t->data_type == INK_ONNX_INT64 && t->n_dims == 1 && !dims[0])
		return empty_list(pool, what, why);
	a = ink_array_new(pool, t->data_type, t->n_dims, dims, what, why);
	if (!a || !decode_values(a, t, infinite, what, why))
		return NULL;
	return a;
}
