// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random models: the operators' constants.
 *
 * What lives here: weights, multipliers, shifts, tables and attributes, each
 * random within what the verifier allows, mostly such that outputs use the
 * range that they have. What doesn't: the order of operators, see randmodel.c.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "randmodel_ops.h"

static uint32_t below(struct randmodel *m, uint32_t n)
{
	return ink_rand_below(&m->r, n);
}

static int64_t range(struct randmodel *m, int64_t lo, int64_t hi)
{
	return ink_rand_range(&m->r, lo, hi);
}

static void *room(size_t n)
{
	void *p = calloc(1, n);

	if (!p)
		abort();
	return p;
}

uint32_t randmodel_dtype(const struct randmodel *m, uint32_t tensor)
{
	return ink_builder_tensor_at(m->b, tensor)->dtype;
}

static int64_t lowest(uint32_t dtype)
{
	return dtype == INKLING_INT8 ? INT8_MIN : dtype == INKLING_INT16 ? INT16_MIN : INT32_MIN;
}

uint32_t randmodel_input(struct randmodel *m, uint32_t dtype, uint32_t n)
{
	m->in = ink_builder_input(m->b, dtype, n);
	return m->in;
}

/* Zero point, lowest and highest; a whole range, a ReLU's, or a narrow one. */
static void output_attrs(struct randmodel *m, uint32_t dtype, int32_t *attr)
{
	int64_t lo = lowest(dtype), hi = -lo - 1;

	attr[0] = (int32_t)(dtype == INKLING_INT8 ? range(m, lo, hi) :
			    dtype == INKLING_INT16 ? range(m, -2000, 2000) :
						     range(m, -(1 << 20), 1 << 20));
	attr[1] = (int32_t)lo;
	attr[2] = (int32_t)hi;
	switch (below(m, 4)) {
	case 0:
		attr[1] = attr[0];
		break;
	case 1:
		attr[1] = (int32_t)range(m, lo, hi);
		attr[2] = (int32_t)range(m, attr[1], hi);
		break;
	case 2:
		attr[2] = (int32_t)(range(m, attr[0], hi));
		break;
	}
}

enum { WEIGHT_ANY, WEIGHT_SYMMETRIC, WEIGHT_SMALL, WEIGHT_HALF, WEIGHT_ENDS, WEIGHT_SPARSE,
	WEIGHT_BELL, WEIGHT_MIN, WEIGHT_EDGE, WEIGHT_ABOVE, WEIGHT_UNDER,
	WEIGHT_NR };

static int8_t weight(struct randmodel *m, uint32_t style)
{
	switch (style) {
	case WEIGHT_SYMMETRIC:
		return (int8_t)range(m, -127, 127);
	case WEIGHT_SMALL:
		return (int8_t)range(m, -3, 3);
	case WEIGHT_HALF:
		return (int8_t)range(m, -63, 63);
	case WEIGHT_ENDS:
		return below(m, 2) ? 127 : -127;
	case WEIGHT_SPARSE:
		return below(m, 8) ? 0 : (int8_t)range(m, -128, 127);
	case WEIGHT_BELL:
		return (int8_t)(range(m, -42, 42) + range(m, -42, 42) + range(m, -43, 43));
	case WEIGHT_MIN:
		return -128;
	default:
		return (int8_t)range(m, -128, 127);
	}
}

/*
 * Two neighbours that times 255 are just within 16 bits, or now and then just
 * above or under: where vpmaddubsw begins to saturate.
 */
static void pair_weight(struct randmodel *m, uint32_t style, int8_t *w, uint32_t i)
{
	int32_t up = 128 + (style == WEIGHT_ABOVE && !below(m, 16));
	int32_t down = -128 - (style == WEIGHT_UNDER && !below(m, 16));

	if (i & 1)
		w[i] = (int8_t)((w[i - 1] < 0 ? down : up) - w[i - 1]);
	else
		w[i] = (int8_t)(below(m, 2) ? range(m, 2, 127) : range(m, -127, -2));
}

/* floor(want * 2^shift / most), which has to be below 2^31. Kernels have no division of 128 bits. */
static uint64_t quotient(uint64_t want, uint64_t shift, uint64_t most)
{
	uint64_t q = 0, bit;

	for (bit = 1u << 30; bit; bit >>= 1)
		if ((__uint128_t)(q | bit) * most <= (__uint128_t)want << shift)
			q |= bit;
	return q;
}

void randmodel_scale(struct randmodel *m, uint64_t most, uint64_t want, int32_t *mult,
		     int8_t *shift)
{
	const uint64_t limit = (1ull << 31) - (1ull << 22);
	uint64_t top = INT32_MAX, s;

	*shift = (int8_t)range(m, 1, 62);
	if (below(m, 8)) {
		/* The greatest shift with which the multiplier fits, or a little less. */
		for (s = 62; s > 1 && (__uint128_t)want << s >= (__uint128_t)(top + 1) * most; s--)
			;
		s -= s > 8 ? below(m, below(m, 4) ? 3 : 8) : 0;
		*shift = (int8_t)s;
		top = quotient(want, s, most);
		*mult = (int32_t)range(m, (int64_t)(top - top / 8), (int64_t)top);
	} else {
		*mult = below(m, 8) ? (int32_t)range(m, 0, INT32_MAX) :
			below(m, 2) ? INT32_MAX : 0;
	}
	while ((((__uint128_t)most * (uint32_t)*mult) >> *shift) > limit)
		*mult /= 2;
}

static void dense_row(struct randmodel *m, struct ink_builder_dense *d, uint32_t row,
		      uint32_t style, uint64_t want)
{
	int8_t *w = (int8_t *)d->weights + (size_t)row * d->n;
	int32_t *bias = (int32_t *)d->bias + row;
	uint64_t most = 0, room_left;
	uint32_t i;

	for (i = 0; i < d->n; i++) {
		w[i] = weight(m, style);
		if (style >= WEIGHT_EDGE)
			pair_weight(m, style, w, i);
		most += 128u * (uint64_t)abs(w[i]);
	}
	room_left = INT32_MAX - most;
	if (below(m, 4) && most)
		room_left = room_left < most / 4 ? room_left : most / 4;
	else if (below(m, 2))
		room_left = 0;
	*bias = (int32_t)range(m, -(int64_t)room_left, (int64_t)room_left);
	if (below(m, 2) && d->n > 4)	/* random signs rarely add up to the most */
		want *= 4;
	randmodel_scale(m, most + (uint64_t)llabs(*bias) + 1, want, (int32_t *)d->mult + row,
			(int8_t *)d->shift + row);
}

uint32_t randmodel_dense(struct randmodel *m, uint32_t in, uint32_t rows, uint32_t dtype)
{
	uint32_t n = ink_builder_count(m->b, in), out = ink_builder_activation(m->b, dtype, rows);
	uint32_t style = below(m, WEIGHT_NR), row;
	uint64_t want = dtype == INKLING_INT8 ? 300 : dtype == INKLING_INT16 ? 40000 : 1u << 29;
	bool each = !below(m, 4);
	int8_t table[256];
	int32_t attr[3];
	struct ink_builder_dense d = {
		.n = n, .m = rows, .weights = room((size_t)n * rows), .bias = room(4ul * rows),
		.mult = room(4ul * rows), .shift = room(rows),
	};

	output_attrs(m, dtype, attr);
	d.zero_point = attr[0];
	d.lowest = attr[1];
	d.highest = attr[2];
	if (dtype == INKLING_INT8 && !below(m, 4)) {
		for (row = 0; row < 256; row++)
			table[row] = (int8_t)range(m, -128, 127);
		d.table = table;
	}
	for (row = 0; row < rows; row++)
		dense_row(m, &d, row, each ? below(m, WEIGHT_NR) : style, want);
	ink_builder_dense(m->b, in, out, &d);
	free((void *)d.weights);
	free((void *)d.bias);
	free((void *)d.mult);
	free((void *)d.shift);
	return out;
}

static void quant_row(struct randmodel *m, struct inkling_quant_row *q)
{
	int64_t span;

	q->zero = (int32_t)range(m, -128, 127);
	if (q->kind == INKLING_QUANT_ONEHOT) {
		q->width = (int32_t)range(m, 1, below(m, 4) ? 6 : 70);
		q->lo = (int32_t)(below(m, 4) ? range(m, -2, 2) :
				  range(m, INT32_MIN, INT32_MAX - 70));
		q->hi = q->lo + q->width - 1;
		q->mult = (int32_t)range(m, -128, 127);
		return;
	}
	q->width = 1;
	/* Ranges of every magnitude, and now and then all there is. */
	span = below(m, 8) ? (int64_t)(ink_rand_next(&m->r) >> range(m, 32, 63)) : 0xffffffffll;
	q->lo = below(m, 2) ? (int32_t)range(m, INT32_MIN, INT32_MAX - span) :
		(int32_t)range(m, -(span < 100 ? 100 : 0), 0);
	if (q->lo + span > INT32_MAX)
		q->lo = (int32_t)(INT32_MAX - span);
	q->hi = (int32_t)(q->lo + span);
	if (below(m, 8)) {
		uint64_t most = q->kind == INKLING_QUANT_LOG2 ? 32u << 16 : (uint64_t)span + 1;
		int8_t shift;

		randmodel_scale(m, most, (uint64_t)range(m, 1, 400), &q->mult, &shift);
		q->shift = shift;
		if (below(m, 4))
			q->zero = -128;
	} else {
		q->shift = (int32_t)range(m, 1, 62);
		q->mult = (int32_t)range(m, 0, INT32_MAX);
	}
}

uint32_t randmodel_quant(struct randmodel *m, uint32_t in, uint32_t rows)
{
	uint32_t features = ink_builder_count(m->b, in), r, at = below(m, features), width = 0;
	struct inkling_quant_row *q = room(rows * sizeof(*q));
	/* Numbers alone, logarithms alone, all kinds; in the order of the features or not. */
	uint32_t kinds = below(m, 4), in_order = below(m, 4), out;

	for (r = 0; r < rows; r++) {
		q[r].kind = kinds < 2 ? INKLING_QUANT_LINEAR + (int32_t)kinds :
			    (int32_t)range(m, INKLING_QUANT_LINEAR,
					   kinds == 2 ? INKLING_QUANT_LOG2 : INKLING_QUANT_ONEHOT);
		q[r].feature = (int32_t)at;
		at = in_order && at + 1 < features ? at + 1 : below(m, features);
		quant_row(m, &q[r]);
		width += (uint32_t)q[r].width;
	}
	out = ink_builder_activation(m->b, INKLING_INT8, width);
	ink_builder_quant(m->b, in, out, q, rows);
	free(q);
	return out;
}

uint32_t randmodel_lut(struct randmodel *m, uint32_t in)
{
	uint32_t out = ink_builder_activation(m->b, INKLING_INT8, ink_builder_count(m->b, in));
	int8_t table[256];
	uint32_t i, ins[2];

	for (i = 0; i < 256; i++)
		table[i] = (int8_t)range(m, -128, 127);
	ins[0] = in;
	ins[1] = ink_builder_vector(m->b, INKLING_INT8, 256, table);
	ink_builder_op(m->b, INKLING_OP_LUT, out, ins, 2, NULL, 0);
	return out;
}

uint32_t randmodel_concat(struct randmodel *m, const uint32_t *in, uint32_t n)
{
	uint32_t count = 0, k, out;

	for (k = 0; k < n; k++)
		count += ink_builder_count(m->b, in[k]);
	out = ink_builder_activation(m->b, randmodel_dtype(m, in[0]), count);
	ink_builder_op(m->b, INKLING_OP_CONCAT, out, in, n, NULL, 0);
	return out;
}

uint32_t randmodel_softmax(struct randmodel *m, uint32_t in)
{
	uint32_t out = ink_builder_activation(m->b, INKLING_INT16, ink_builder_count(m->b, in));
	uint32_t dtype = randmodel_dtype(m, in);
	int bits = dtype == INKLING_INT8 ? 8 : dtype == INKLING_INT16 ? 16 : 32;
	int32_t attr[2];

	/* Differences of 2^bits become some octaves, or anything. */
	attr[0] = (int32_t)range(m, 1 << 29, INT32_MAX);
	attr[1] = (int32_t)range(m, bits + 8, bits + 14);
	if (!below(m, 8)) {
		attr[0] = (int32_t)range(m, 0, INT32_MAX);
		attr[1] = (int32_t)range(m, 0, 62);
	}
	ink_builder_op(m->b, INKLING_OP_SOFTMAX, out, &in, 1, attr, 2);
	return out;
}

uint32_t randmodel_argmax(struct randmodel *m, uint32_t in)
{
	uint32_t out = ink_builder_activation(m->b, INKLING_INT32, 2);

	ink_builder_op(m->b, INKLING_OP_ARGMAX, out, &in, 1, NULL, 0);
	return out;
}

static uint32_t constant_like(struct randmodel *m, uint32_t tensor)
{
	uint32_t n = ink_builder_count(m->b, tensor), i, t;
	bool wide = randmodel_dtype(m, tensor) == INKLING_INT16;
	int16_t *v = room(2ul * n);

	for (i = 0; i < n; i++) {
		if (wide)
			v[i] = (int16_t)range(m, INT16_MIN, INT16_MAX);
		else
			((int8_t *)v)[i] = (int8_t)range(m, INT8_MIN, INT8_MAX);
	}
	t = ink_builder_vector(m->b, wide ? INKLING_INT16 : INKLING_INT8, n, v);
	free(v);
	return t;
}

/* Bits of the greatest value before the shift, so that a shift can be chosen. */
static int pair_attrs(struct randmodel *m, uint32_t opcode, uint32_t n, int bits, int32_t *attr)
{
	int64_t lo = -((int64_t)1 << (bits - 1)), mult;
	int log = 1;

	while (n >> log)
		log++;
	attr[0] = (int32_t)range(m, lo, -lo - 1);
	attr[1] = (int32_t)range(m, lo, -lo - 1);
	if (opcode == INKLING_OP_ADD) {
		attr[2] = (int32_t)range(m, INT32_MIN, INT32_MAX) >> below(m, 31);
		attr[3] = (int32_t)range(m, INT32_MIN, INT32_MAX) >> below(m, 31);
		return bits + 1 + 31;
	}
	/* |p m| and sum (d^2) m stay below 2^61. */
	mult = (int64_t)1 << (opcode == INKLING_OP_MUL ? 58 - 2 * bits : 58 - 2 * (bits + 1) - log);
	mult = mult > INT32_MAX ? INT32_MAX : mult;
	attr[2] = (int32_t)range(m, opcode == INKLING_OP_MUL ? -mult : 0, mult);
	return 60;
}

uint32_t randmodel_pair(struct randmodel *m, uint32_t opcode, uint32_t a, uint32_t b)
{
	uint32_t n = ink_builder_count(m->b, a), ins[2], out, dtype;
	int bits = randmodel_dtype(m, a) == INKLING_INT8 ? 8 : 16, most;
	int32_t attr[8] = { 0 };

	dtype = opcode == INKLING_OP_DIST ? INKLING_INT32 : INKLING_INT8 + below(m, 3);
	most = pair_attrs(m, opcode, n, bits, attr);
	if (opcode == INKLING_OP_DIST) {
		attr[3] = (int32_t)range(m, below(m, 4) ? 20 : 1, below(m, 4) ? 40 : 62);
	} else {
		most -= dtype == INKLING_INT8 ? 9 : dtype == INKLING_INT16 ? 17 : 31;
		attr[4] = (int32_t)range(m, most < 8 ? 1 : most - 7, most < 1 ? 1 : most);
		if (!below(m, 8))
			attr[4] = (int32_t)range(m, 1, 62);
		output_attrs(m, dtype, attr + 5);
	}
	ins[0] = a;
	ins[1] = b == INKLING_NONE ? constant_like(m, a) : b;
	if (below(m, 2)) {
		ins[0] = ins[1];
		ins[1] = a;
	}
	out = ink_builder_activation(m->b, dtype, opcode == INKLING_OP_DIST ? 1 : n);
	ink_builder_op(m->b, opcode, out, ins, 2, attr, opcode == INKLING_OP_DIST ? 4 : 8);
	return out;
}

/* (2 a + 0 a) / 2 */
uint32_t randmodel_keep(struct randmodel *m, uint32_t in)
{
	const int32_t attr[8] = { 0, 0, 2, 0, 1, 0, INT32_MIN, INT32_MAX };
	uint32_t out = ink_builder_activation(m->b, INKLING_INT32, ink_builder_count(m->b, in));
	const uint32_t ins[2] = { in, in };

	ink_builder_op(m->b, INKLING_OP_ADD, out, ins, 2, attr, 8);
	return out;
}

/* Rows of the model's QUANT, if it has one; randmodel's images have one layout. */
static const struct inkling_quant_row *find_rows(const void *image, uint32_t *rows)
{
	const struct inkling_header *h = image;
	const struct inkling_op *op = (const void *)
		((const uint8_t *)image + h->section[INKLING_SEC_OPS].offset);
	const struct inkling_tensor *t = (const void *)
		((const uint8_t *)image + h->section[INKLING_SEC_TENSORS].offset);

	if (op->opcode != INKLING_OP_QUANT)
		return NULL;
	t += op->in[1];
	*rows = t->dims[0];
	return (const void *)((const uint8_t *)image + h->section[INKLING_SEC_DATA].offset +
			      t->data_offset);
}

/* Within the row's range, at its ends or beyond. */
static int32_t near(struct ink_rand *r, const struct inkling_quant_row *q)
{
	switch (ink_rand_below(r, 8)) {
	case 0:
		return (int32_t)((uint32_t)q->lo + (uint32_t)ink_rand_range(r, -2, 2));
	case 1:
		return (int32_t)((uint32_t)q->hi + (uint32_t)ink_rand_range(r, -2, 2));
	case 2:
		return (int32_t)((uint32_t)q->lo + (1u << ink_rand_below(r, 32)) +
				 (uint32_t)ink_rand_range(r, -2, 2));
	default:
		return (int32_t)ink_rand_range(r, q->lo, q->hi);
	}
}

static int64_t any(struct ink_rand *r, uint32_t style, int64_t lo)
{
	switch (style) {
	case 0:
		return ink_rand_below(r, 2) ? lo : -lo - 1;
	case 1:
		return lo;
	case 2:
		return -lo - 1;
	case 3:
		return lo / (1 << ink_rand_below(r, 7)) * (ink_rand_below(r, 2) ? -1 : 1) -
		       ink_rand_below(r, 2);
	default:
		return ink_rand_range(r, lo, -lo - 1);
	}
}

/* A call of any length, of tokens that are any, few, or one. Has to work at odd addresses. */
static void tokens(struct ink_rand *r, unsigned int dtype, uint32_t count, uint8_t *in)
{
	uint32_t n = ink_rand_below(r, 4) ? 1 + ink_rand_below(r, count) : count, i;
	uint32_t most = ink_rand_below(r, 3) ? 300 : 1u << ink_rand_below(r, 16);
	uint32_t size = dtype == INKLING_UINT8 ? 1 : 2;
	uint16_t t;

	memcpy(in, &n, sizeof(n));
	for (i = 0; i < count; i++) {
		t = (uint16_t)ink_rand_below(r, most);
		memcpy(in + sizeof(n) + (size_t)i * size, &t, size);
	}
}

void ink_randmodel_input(struct ink_rand *r, unsigned int dtype, uint32_t count,
			 const void *image, void *in)
{
	uint32_t style = ink_rand_below(r, 12), i, rows = 0;
	int64_t lo = lowest(dtype), v;

	if (dtype == INKLING_UINT8 || dtype == INKLING_UINT16) {
		tokens(r, dtype, count, in);
		return;
	}
	for (i = 0; i < count; i++) {
		v = any(r, style, lo);
		v = v < lo ? lo : v > -lo - 1 ? -lo - 1 : v;
		if (dtype == INKLING_INT8)
			((int8_t *)in)[i] = (int8_t)v;
		else if (dtype == INKLING_INT16)
			((int16_t *)in)[i] = (int16_t)v;
		else
			((int32_t *)in)[i] = (int32_t)v;
	}
	if (dtype == INKLING_INT32 && style > 1) {
		const struct inkling_quant_row *q = find_rows(image, &rows);

		for (i = 0; q && i < rows; i++)
			((int32_t *)in)[q[i].feature] = near(r, &q[i]);
	}
}
