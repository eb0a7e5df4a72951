// SPDX-License-Identifier: GPL-2.0-only
/*
 * A language model with random weights: one block of a decoder, as small as it
 * can be with every kind of operator that such models have.
 */
#include "st.h"

#include <assert.h>
#include <math.h>

enum { D = 16, HEADS = 4, GROUPS = 2, HIDDEN = 24, KV = D / HEADS * GROUPS };

struct lm {
	struct ink_builder *b;
	struct ink_rand r;
	u32 tokens;
};

static u32 weights(struct lm *m, u32 rows, u32 cols)
{
	s8 *w = malloc((size_t)rows * cols);
	u32 i, t;

	assert(w);
	for (i = 0; i < rows * cols; i++)
		w[i] = (s8)ink_rand_range(&m->r, -127, 127);
	t = ink_builder_matrix(m->b, INKLING_INT8, rows, cols, w);
	free(w);
	return t;
}

/* One number @n times. */
static u32 same(struct lm *m, u32 dtype, u32 n, s32 value)
{
	u32 size = dtype == INKLING_INT8 ? 1 : dtype == INKLING_INT16 ? 2 : 4, i, t;
	u8 *v = malloc((size_t)n * size);

	assert(v);
	for (i = 0; i < n; i++)
		memcpy(v + (size_t)i * size, &value, size);
	t = ink_builder_vector(m->b, dtype, n, v);
	free(v);
	return t;
}

static u32 sequence(struct lm *m, u32 cols)
{
	return ink_builder_sequence(m->b, INKLING_INT16, m->tokens, cols);
}

/* @shift: such that random weights of @n inputs give about what comes in. */
static u32 linear(struct lm *m, u32 x, u32 n, u32 cols, u32 add, s32 limit)
{
	const u32 in[] = { x, weights(m, cols, n), same(m, INKLING_INT32, cols, 0),
			   same(m, INKLING_INT32, cols, 1 << 30),
			   same(m, INKLING_INT8, cols, 39), add };
	const s32 attr[] = { -limit, limit };
	u32 out = sequence(m, cols);

	ink_builder_op(m->b, INKLING_OP_LINEAR, out, in, add == INKLING_NONE ? 5 : 6, attr, 2);
	return out;
}

static u32 norm(struct lm *m, u32 x)
{
	const u32 in[] = { x, same(m, INKLING_INT16, D, 8192) };
	const s32 attr[] = { INKLING_NORM_RMS, 1, 4, 24, -32767, 32767 };
	u32 out = sequence(m, D);

	ink_builder_op(m->b, INKLING_OP_NORM, out, in, 2, attr, 6);
	return out;
}

static u32 rope(struct lm *m, u32 x, u32 cols, u32 context)
{
	const u32 dims[] = { context, D / HEADS / 2, 2 }, heads = cols / (D / HEADS);
	s16 *t = malloc((size_t)context * D / HEADS * sizeof(*t));
	const s32 attr[] = { (s32)heads, -12000, 12000 };
	u32 in[2] = { x }, out = sequence(m, cols), i, j;

	assert(t);
	for (i = 0; i < context; i++)
		for (j = 0; j < D / HEADS / 2; j++) {
			double a = i * pow(100, -2.0 * j / (D / HEADS));

			t[(i * (D / HEADS / 2) + j) * 2] = (s16)lrint(16384 * cos(a));
			t[(i * (D / HEADS / 2) + j) * 2 + 1] = (s16)lrint(16384 * sin(a));
		}
	in[1] = ink_builder_const(m->b, INKLING_INT16, 3, dims, t);
	free(t);
	ink_builder_op(m->b, INKLING_OP_ROPE, out, in, 2, attr, 3);
	return out;
}

static u32 attention(struct lm *m, u32 x, u32 context)
{
	u32 q = rope(m, linear(m, x, D, D, INKLING_NONE, 12000), D, context);
	u32 k = rope(m, linear(m, x, D, KV, INKLING_NONE, 12000), KV, context);
	const u32 in[] = { q, k, linear(m, x, D, KV, INKLING_NONE, 32767),
			   ink_builder_state(m->b, context, KV),
			   ink_builder_state(m->b, context, KV) };
	const s32 attr[] = { HEADS, GROUPS, 1, 0, 1 << 16, 25 };
	u32 out = sequence(m, D);

	ink_builder_op(m->b, INKLING_OP_ATTENTION, out, in, 5, attr, 6);
	return out;
}

/* x / (1 + 2^-x) of an input in units of 2^-12. */
static u32 silu(struct lm *m, u32 x, u32 cols)
{
	s16 points[INKLING_CURVE_POINTS];
	u32 in[2] = { x }, out = sequence(m, cols), i;

	for (i = 0; i < INKLING_CURVE_POINTS; i++) {
		double v = ((int)i * 64 - 32768) / 4096.0;

		points[i] = (s16)fmin(32767, lrint(4096 * v / (1 + exp2(-v))));
	}
	in[1] = ink_builder_vector(m->b, INKLING_INT16, INKLING_CURVE_POINTS, points);
	ink_builder_op(m->b, INKLING_OP_CURVE, out, in, 2, NULL, 0);
	return out;
}

static u32 gated(struct lm *m, u32 x)
{
	u32 a = silu(m, linear(m, x, D, HIDDEN, INKLING_NONE, 32767), HIDDEN);
	const u32 in[] = { a, linear(m, x, D, HIDDEN, INKLING_NONE, 32767) };
	const s32 attr[] = { 0, 0, 1 << 18, 0, 32, 0, -32767, 32767 };
	u32 out = sequence(m, HIDDEN);

	ink_builder_op(m->b, INKLING_OP_MUL, out, in, 2, attr, 8);
	return out;
}

/* Not by the table of EMBED: the likeliest token would always be the last one. */
static u32 logits(struct lm *m, u32 x, u32 vocabulary)
{
	u32 last = ink_builder_rows(m->b, INKLING_INT16, 1, D);
	u32 out = ink_builder_rows(m->b, INKLING_INT32, 1, vocabulary);
	const u32 in[] = { last, weights(m, vocabulary, D), same(m, INKLING_INT32, vocabulary, 0),
			   same(m, INKLING_INT32, vocabulary, 1 << 30),
			   same(m, INKLING_INT8, vocabulary, 34) };
	const s32 pool = INKLING_POOL_LAST, attr[] = { -(1 << 30), 1 << 30 };

	ink_builder_op(m->b, INKLING_OP_POOL, last, &x, 1, &pool, 1);
	ink_builder_op(m->b, INKLING_OP_LINEAR, out, in, 5, attr, 2);
	return out;
}

struct image lm_image(u64 seed, u32 vocabulary, u32 tokens, u32 context)
{
	struct lm m = { .b = ink_builder_new(), .r = { seed }, .tokens = tokens };
	u32 table = weights(&m, vocabulary, D), input, x, y;
	const u32 wide = vocabulary > 256;
	const s32 attr[] = { 0, -32767, 32767 };

	assert(m.b);
	ink_builder_text(m.b, ink_builder_card(m.b)->name, 64, "name", "lm");
	input = ink_builder_tokens(m.b, wide ? INKLING_UINT16 : INKLING_UINT8, tokens);
	x = sequence(&m, D);
	ink_builder_op(m.b, INKLING_OP_EMBED, x,
		       (u32[]){ input, table, same(&m, INKLING_INT32, vocabulary, 1 << 30),
				same(&m, INKLING_INT8, vocabulary, 24) }, 4, attr, 3);
	y = attention(&m, norm(&m, x), context);
	x = linear(&m, y, D, D, x, 32767);
	x = linear(&m, gated(&m, norm(&m, x)), HIDDEN, D, x, 32767);
	y = logits(&m, norm(&m, x), vocabulary);
	ink_builder_io(m.b, input, y, INKLING_HEAD_RAW, 0);
	return image_finish(m.b);
}
