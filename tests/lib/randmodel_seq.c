// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random models: the operators on sequences and pictures.
 *
 * What lives here: each operator from EMBED on with random constants, mostly
 * such that its output uses the range that it has. What doesn't: their order, see
 * randmodel_text.c.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "randmodel_seq.h"

static uint32_t below(struct randmodel *m, uint32_t n)
{
	return ink_rand_below(&m->r, n);
}

static int32_t range(struct randmodel *m, int64_t lo, int64_t hi)
{
	return (int32_t)ink_rand_range(&m->r, lo, hi);
}

/* A constant of numbers from @lo to @hi; at times only of its ends. */
static uint32_t constant(struct randmodel *m, uint32_t dtype, uint32_t rows, uint32_t cols,
			 int64_t lo, int64_t hi)
{
	uint32_t elem = dtype == INKLING_INT8 ? 1 : dtype == INKLING_INT16 ? 2 : 4, i, t;
	bool ends = !below(m, 6);
	uint8_t *data = calloc((size_t)rows * cols, elem);
	int32_t v;

	if (!data)
		abort();
	for (i = 0; i < rows * cols; i++) {
		v = !ends ? range(m, lo, hi) : below(m, 2) ? (int32_t)lo : (int32_t)hi;
		memcpy(data + (size_t)i * elem, &v, elem);
	}
	t = ink_builder_matrix(m->b, dtype, rows, cols, data);
	free(data);
	return t;
}

static uint32_t vector(struct randmodel *m, uint32_t dtype, uint32_t n, int64_t lo, int64_t hi)
{
	return constant(m, dtype, 1, n, lo, hi);
}

static struct rows_of rows(struct randmodel *m, const struct rows_of *like, uint32_t dtype,
			   uint32_t cols)
{
	struct rows_of y = { .rows = like->rows, .cols = cols, .seq = like->seq };

	y.t = y.seq ? ink_builder_sequence(m->b, dtype, y.rows, cols) :
		      ink_builder_rows(m->b, dtype, y.rows, cols);
	return y;
}

/* Lowest and highest of an output: all there is, one that is narrow, or on one side. */
static void limits(struct randmodel *m, uint32_t dtype, int32_t *attr)
{
	int64_t hi = dtype == INKLING_INT16 ? INT16_MAX : INT32_MAX;

	attr[0] = below(m, 4) ? (int32_t)-hi - 1 : range(m, -hi - 1, 1);
	attr[1] = below(m, 4) ? (int32_t)hi : range(m, 1, hi);
}

struct rows_of randmodel_embed(struct randmodel *m, uint32_t cols)
{
	uint32_t words = 1 + below(m, 300), most = m->context > m->tokens ? m->context : m->tokens;
	struct rows_of like = { .rows = m->tokens, .seq = true }, y;
	uint32_t in[5] = { m->in, constant(m, INKLING_INT8, words, cols, -128, 127) };
	int32_t attr[3] = { (int32_t)below(m, words) };

	in[2] = vector(m, INKLING_INT32, words, below(m, 4) ? 1 << 29 : 0, INT32_MAX);
	in[3] = vector(m, INKLING_INT8, words, below(m, 4) ? 22 : 1, below(m, 10) ? 30 : 62);
	in[4] = below(m, 2) ? INKLING_NONE :
		constant(m, INKLING_INT16, most + below(m, 3), cols, INT16_MIN, INT16_MAX);
	limits(m, INKLING_INT16, attr + 1);
	y = rows(m, &like, INKLING_INT16, cols);
	ink_builder_op(m->b, INKLING_OP_EMBED, y.t, in, 5, attr, 3);
	return y;
}

struct rows_of randmodel_hashembed(struct randmodel *m, uint32_t cols, const struct rows_of *add)
{
	struct rows_of like = { .rows = m->tokens, .seq = true }, y;
	uint32_t in[3] = { m->in, constant(m, INKLING_INT8, 1u << below(m, 9), cols, -128, 127),
			   add ? add->t : INKLING_NONE };
	int32_t attr[6] = { range(m, 1, 8), range(m, INT32_MIN, INT32_MAX),
			    range(m, 1 << 29, INT32_MAX), range(m, 22, 30) };

	limits(m, INKLING_INT16, attr + 4);
	y = rows(m, &like, INKLING_INT16, cols);
	ink_builder_op(m->b, INKLING_OP_HASHEMBED, y.t, in, 3, attr, 6);
	return y;
}

struct rows_of randmodel_norm(struct randmodel *m, const struct rows_of *x, int32_t most)
{
	uint32_t in[3] = { x->t, vector(m, INKLING_INT16, x->cols, INT16_MIN, INT16_MAX) };
	struct rows_of y = rows(m, x, INKLING_INT16, x->cols);
	int32_t attr[6] = { (int32_t)below(m, 2), range(m, 1, below(m, 4) ? 100 : INT32_MAX),
			    range(m, 0, below(m, 10) ? 8 : 30), range(m, 20, 27) };

	in[2] = below(m, 2) ? INKLING_NONE :
		vector(m, INKLING_INT32, x->cols, -20000, below(m, 4) ? 20000 : INT32_MAX);
	if (!below(m, 8))
		attr[3] = range(m, 1, 46);
	limits(m, INKLING_INT16, attr + 4);
	if (most) {
		attr[4] = -most;
		attr[5] = most;
	}
	ink_builder_op(m->b, INKLING_OP_NORM, y.t, in, 3, attr, 6);
	return y;
}

/*
 * Inputs are up to 2^15: weights of 2^7 leave room for biases up to 500 columns. As large as can be
 * they drown the products, and what follows depends on nothing: that is for few.
 */
struct rows_of randmodel_linear(struct randmodel *m, const struct rows_of *x, uint32_t cols,
				uint32_t dtype, const struct rows_of *add, int32_t most)
{
	const int32_t style[] = { 127, 127, 63, 3 }, w = style[below(m, 4)];
	struct rows_of y = rows(m, x, dtype, cols);
	uint32_t in[6] = { x->t, constant(m, INKLING_INT8, cols, x->cols, -w, w) }, i;
	uint64_t want = dtype == INKLING_INT16 ? 40000 : 1u << 29;
	uint64_t top = (uint64_t)x->cols * (uint32_t)w << 15;
	int32_t bias = below(m, 8) ? (int32_t)(top / 8) : INT32_MAX - (int32_t)top, attr[2];
	int32_t *mult = calloc(cols, sizeof(*mult));
	int8_t *shift = calloc(cols, 1);

	if (!mult || !shift)
		abort();
	in[2] = vector(m, INKLING_INT32, cols, -bias, bias);
	for (i = 0; i < cols; i++) {
		randmodel_scale(m, top + (uint32_t)bias + 1, want * (x->cols > 4 ? 4 : 1), &mult[i],
				&shift[i]);
		/* With 32 bits added there have to be two bits left. */
		while (add && dtype == INKLING_INT32 &&
		       (top + (uint32_t)bias) * (__uint128_t)(uint32_t)mult[i] >> shift[i] >> 30)
			mult[i] /= 2;
	}
	in[3] = ink_builder_vector(m->b, INKLING_INT32, cols, mult);
	in[4] = ink_builder_vector(m->b, INKLING_INT8, cols, shift);
	in[5] = add ? add->t : INKLING_NONE;
	free(mult);
	free(shift);
	limits(m, dtype, attr);
	if (most) {
		attr[0] = -most;
		attr[1] = most;
	}
	ink_builder_op(m->b, INKLING_OP_LINEAR, y.t, in, 6, attr, 2);
	return y;
}

/* Jumps, or slow; and one that isn't monotone in either way. */
struct rows_of randmodel_curve(struct randmodel *m, const struct rows_of *x)
{
	uint32_t in[2] = { x->t }, step = below(m, 3), i;
	struct rows_of y = rows(m, x, INKLING_INT16, x->cols);
	int16_t points[INKLING_CURVE_POINTS];
	int32_t v = range(m, INT16_MIN, INT16_MAX);

	for (i = 0; i < INKLING_CURVE_POINTS; i++) {
		v = !step ? range(m, INT16_MIN, INT16_MAX) : v + range(m, -(40 << step), 60 << step);
		v = v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v;
		points[i] = (int16_t)v;
	}
	in[1] = ink_builder_vector(m->b, INKLING_INT16, INKLING_CURVE_POINTS, points);
	ink_builder_op(m->b, INKLING_OP_CURVE, y.t, in, 2, NULL, 0);
	return y;
}

struct rows_of randmodel_rope(struct randmodel *m, const struct rows_of *x, uint32_t heads,
			      int32_t most)
{
	uint32_t positions = (m->context > m->tokens ? m->context : m->tokens) + below(m, 2);
	uint32_t dims[3] = { positions, x->cols / heads / 2, 2 }, in[2] = { x->t };
	struct rows_of y = rows(m, x, INKLING_INT16, x->cols);
	int32_t attr[3] = { (int32_t)heads };
	struct inkling_tensor *t;

	in[1] = constant(m, INKLING_INT16, positions, x->cols / heads, -16384, 16384);
	t = ink_builder_tensor_at(m->b, in[1]);
	t->rank = 3;
	memcpy(t->dims, dims, sizeof(dims));
	limits(m, INKLING_INT16, attr + 1);
	if (most) {
		attr[1] = -most;
		attr[2] = most;
	}
	ink_builder_op(m->b, INKLING_OP_ROPE, y.t, in, 2, attr, 3);
	return y;
}

/* So that a sum of @d squares is below 2^31. */
static int32_t score_limit(uint32_t d)
{
	int32_t most = 32767;

	while ((int64_t)most * most * d > INT32_MAX)
		most--;
	return most;
}

static struct rows_of query(struct randmodel *m, const struct rows_of *x, uint32_t heads,
			    uint32_t d, bool turned)
{
	struct rows_of y = randmodel_linear(m, x, heads * d, INKLING_INT16, NULL, score_limit(d));

	return turned ? randmodel_rope(m, &y, heads, score_limit(d)) : y;
}

struct rows_of randmodel_attention(struct randmodel *m, const struct rows_of *x, bool pooling)
{
	uint32_t d = 2 * (1 + below(m, below(m, 4) ? 4 : 12)), groups = 1 + below(m, 3);
	uint32_t heads = groups * (1 + below(m, 3)), in[5], n = 3;
	struct rows_of k, v, q = { .rows = 1 + below(m, 3), .cols = heads * d }, y;
	bool turned = x->seq && below(m, 2);
	int32_t attr[6] = { (int32_t)heads, (int32_t)groups };

	if (pooling)
		q.t = constant(m, INKLING_INT16, q.rows, q.cols, -score_limit(d), score_limit(d));
	else
		q = query(m, x, heads, d, turned);
	k = query(m, x, groups, d, turned);
	v = randmodel_linear(m, x, groups * d, INKLING_INT16, NULL, 0);
	in[0] = q.t;
	in[1] = k.t;
	in[2] = v.t;
	if (m->context) {
		in[3] = ink_builder_state(m->b, m->context, k.cols);
		in[4] = ink_builder_state(m->b, m->context, k.cols);
		n = 5;
	}
	if (!pooling) {
		attr[2] = m->context ? below(m, 4) != 0 : below(m, 2);
		attr[3] = below(m, 3) ? 0 : range(m, 1, m->context ? m->context : x->rows);
	}
	attr[4] = range(m, 1 << 29, INT32_MAX);
	attr[5] = range(m, 36, 44);
	if (!below(m, 10))
		attr[5] = range(m, 0, 62);
	y = rows(m, &q, INKLING_INT16, q.cols);
	ink_builder_op(m->b, INKLING_OP_ATTENTION, y.t, in, n, attr, 6);
	return y;
}

struct rows_of randmodel_pool(struct randmodel *m, const struct rows_of *x)
{
	struct rows_of like = { .rows = 1 }, y = rows(m, &like, INKLING_INT16, x->cols);
	int32_t how = (int32_t)below(m, 4);

	ink_builder_op(m->b, INKLING_OP_POOL, y.t, &x->t, 1, &how, 1);
	return y;
}

/* @back: to a sequence */
struct rows_of randmodel_transpose(struct randmodel *m, const struct rows_of *x, int32_t back)
{
	struct rows_of like = { .rows = x->cols, .seq = back };
	struct rows_of y = rows(m, &like, INKLING_INT16, x->rows);

	ink_builder_op(m->b, INKLING_OP_TRANSPOSE, y.t, &x->t, 1, &back, 1);
	return y;
}

struct rows_of randmodel_shift(struct randmodel *m, const struct rows_of *x)
{
	struct rows_of y = rows(m, x, INKLING_INT16, x->cols);
	int32_t attr[3] = { below(m, 8) ? range(m, -3, 3) : range(m, -4096, 4096) };

	attr[1] = range(m, 0, x->cols);
	attr[2] = range(m, attr[1], x->cols);
	ink_builder_op(m->b, INKLING_OP_SHIFT, y.t, &x->t, 1, attr, 3);
	return y;
}

struct rows_of randmodel_unfold(struct randmodel *m, const struct rows_of *x, uint32_t width)
{
	struct rows_of like = *x, y;
	int32_t attr[6] = { (int32_t)width, 1, range(m, 1, 4), 1 };

	if (width) {
		int32_t w = (int32_t)width, h = (int32_t)(x->rows / width);

		attr[1] = range(m, 1, h < 3 ? h : 3);
		attr[2] = range(m, 1, w < 3 ? w : 3);
		attr[3] = range(m, 1, 3);
		attr[4] = range(m, 0, attr[1] - 1);
		like.rows = (uint32_t)((h + 2 * attr[4] - attr[1]) / attr[3] + 1);
		attr[5] = range(m, 0, attr[2] - 1);
		like.rows *= (uint32_t)((w + 2 * attr[5] - attr[2]) / attr[3] + 1);
	} else {
		attr[5] = range(m, 0, attr[2] - 1);
	}
	y = rows(m, &like, INKLING_INT16, (uint32_t)(attr[1] * attr[2]) * x->cols);
	ink_builder_op(m->b, INKLING_OP_UNFOLD, y.t, &x->t, 1, attr, 6);
	return y;
}

struct rows_of randmodel_maxout(struct randmodel *m, const struct rows_of *x)
{
	uint32_t k = 1 + below(m, 4);
	struct rows_of y;

	while (x->cols % k)
		k--;
	y = rows(m, x, INKLING_INT16, x->cols / k);
	ink_builder_op(m->b, INKLING_OP_MAXOUT, y.t, &x->t, 1, NULL, 0);
	return y;
}

/* Experts' shares of @x, of which one is multiplied with it. */
struct rows_of randmodel_gate(struct randmodel *m, const struct rows_of *x,
			      const struct rows_of *add)
{
	struct rows_of g = randmodel_linear(m, x, 1 + below(m, 9), INKLING_INT16, NULL, 0), s, y;
	int32_t attr[3] = { below(m, 2) ? (int32_t)g.cols : range(m, 1, g.cols), range(m, 1 << 29, INT32_MAX), range(m, 24, 30) };
	uint32_t in[3] = { x->t };

	if (!below(m, 8))
		attr[2] = range(m, 0, 62);
	s = rows(m, x, INKLING_INT16, g.cols);
	ink_builder_op(m->b, INKLING_OP_GATE, s.t, &g.t, 1, attr, 3);
	in[1] = below(m, 4) ? s.t : randmodel_linear(m, &s, 3, INKLING_INT16, NULL, 0).t;
	in[2] = add ? add->t : INKLING_NONE;
	attr[0] = (int32_t)below(m, in[1] == s.t ? g.cols : 3);
	y = rows(m, x, INKLING_INT16, x->cols);
	ink_builder_op(m->b, INKLING_OP_SCALE, y.t, in, 3, attr, 1);
	return y;
}

uint32_t randmodel_nll(struct randmodel *m, const struct rows_of *x)
{
	uint32_t dtype = below(m, 2) ? INKLING_INT16 : INKLING_INT32;
	uint32_t words = below(m, 4) ? 256 : 1 + below(m, 270);
	struct rows_of l = randmodel_linear(m, x, words, dtype, NULL, 0);
	uint32_t in[2] = { l.t, m->in }, y = ink_builder_activation(m->b, INKLING_INT32, 1);
	int bits = dtype == INKLING_INT16 ? 0 : 14;
	int32_t attr[2] = { range(m, 1 << 29, INT32_MAX), range(m, 22 + bits, 28 + bits) };

	if (!below(m, 8))
		attr[1] = range(m, 0, 62);
	ink_builder_op(m->b, INKLING_OP_NLL, y, in, 2, attr, 2);
	return y;
}

/* Products or sums of two, element by element. */
struct rows_of randmodel_rows_pair(struct randmodel *m, const struct rows_of *a,
				   const struct rows_of *b)
{
	bool add = below(m, 2);
	int32_t attr[8] = { range(m, -300, 300), range(m, -300, 300), range(m, -(1 << 20), 1 << 20),
			    add ? range(m, -(1 << 20), 1 << 20) : 0,
			    add ? range(m, 18, 24) : range(m, 30, 38), range(m, -300, 300) };
	const uint32_t in[2] = { a->t, b->t };
	struct rows_of y = rows(m, a, INKLING_INT16, a->cols);

	limits(m, INKLING_INT16, attr + 6);
	ink_builder_op(m->b, add ? INKLING_OP_ADD : INKLING_OP_MUL, y.t, in, 2, attr, 8);
	return y;
}
