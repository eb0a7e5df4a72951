// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transformers with random weights. See seqnets.h.
 *
 * What lives here: images of them, with scales that keep values in the middle of
 * their range.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core.h"
#include "image_builder.h"
#include "rand.h"
#include "seqnets.h"

/* An image that is being built. */
struct net {
	struct ink_builder *b;
	struct ink_rand r;
	u32 tokens, in;
};

static u32 random_const(struct net *n, u32 dtype, u32 rows, u32 cols, s32 lo, s32 hi)
{
	u32 size = dtype == INKLING_INT8 ? 1 : dtype == INKLING_INT16 ? 2 : 4, t;
	size_t count = (size_t)rows * cols, i;
	u8 *data = malloc(count * size);
	s32 v;

	for (i = 0; i < count; i++) {
		v = (s32)ink_rand_range(&n->r, lo, hi);
		memcpy(data + i * size, &v, size);
	}
	t = rows > 1 ? ink_builder_matrix(n->b, dtype, rows, cols, data) :
		       ink_builder_vector(n->b, dtype, cols, data);
	free(data);
	return t;
}

static u32 sequence(struct net *n, u32 cols)
{
	return ink_builder_sequence(n->b, INKLING_INT16, n->tokens, cols);
}

/* Inputs of some thousands and weights of up to 127 at random: sums grow with the root of @cols. */
static u32 linear(struct net *n, u32 x, u32 weights, u32 cols, u32 rows, u32 add, s32 most, u32 out)
{
	const s32 attr[] = { -most, most };
	u32 in[6] = { x, weights }, up = 0;

	while (1u << (2 * up) < cols)
		up++;
	in[2] = random_const(n, INKLING_INT32, 1, rows, -1000, 1000);
	in[3] = random_const(n, INKLING_INT32, 1, rows, 1 << 30, S32_MAX);
	in[4] = random_const(n, INKLING_INT8, 1, rows, (s32)(37 + up), (s32)(37 + up));
	in[5] = add;
	ink_builder_op(n->b, INKLING_OP_LINEAR, out, in, 6, attr, 2);
	return out;
}

static u32 random_weights(struct net *n, u32 rows, u32 cols)
{
	return random_const(n, INKLING_INT8, rows, cols, -127, 127);
}

static u32 linear_rows(struct net *n, u32 x, u32 cols, u32 rows, u32 add)
{
	return linear(n, x, random_weights(n, rows, cols), cols, rows, add, S16_MAX, sequence(n, rows));
}

/* Queries and keys whose products, @d of them, fit 32 bits. */
static s32 most_of_head(u32 d)
{
	return d > 32 ? 5000 : d > 8 ? 8000 : 16000;
}

static u32 linear_head(struct net *n, u32 x, u32 cols, u32 d)
{
	return linear(n, x, random_weights(n, cols, cols), cols, cols, INKLING_NONE, most_of_head(d),
		      sequence(n, cols));
}

static u32 embed(struct net *n, u32 table, u32 words, u32 dim, u32 positions)
{
	const s32 attr[] = { 0, S16_MIN, S16_MAX };
	u32 in[5] = { n->in, table };
	u32 out = sequence(n, dim);

	in[2] = random_const(n, INKLING_INT32, 1, words, 1 << 30, S32_MAX);
	in[3] = random_const(n, INKLING_INT8, 1, words, 26, 26);
	in[4] = positions ? random_const(n, INKLING_INT16, positions, dim, -2000, 2000) : INKLING_NONE;
	ink_builder_op(n->b, INKLING_OP_EMBED, out, in, 5, attr, 3);
	return out;
}

/* To a standard deviation of 4096. */
static u32 norm(struct net *n, u32 x, u32 dim, u32 kind)
{
	const s32 attr[] = { (s32)kind, 100, 0, 26, S16_MIN, S16_MAX };
	u32 in[3] = { x, random_const(n, INKLING_INT16, 1, dim, 12000, 20000), INKLING_NONE };
	u32 out = sequence(n, dim);

	if (kind == INKLING_NORM_LAYER)
		in[2] = random_const(n, INKLING_INT32, 1, dim, -1000, 1000);
	ink_builder_op(n->b, INKLING_OP_NORM, out, in, 3, attr, 6);
	return out;
}

static u32 curve(struct net *n, u32 x, u32 cols)
{
	u32 in[2] = { x, random_const(n, INKLING_INT16, 1, INKLING_CURVE_POINTS, -8000, 8000) };
	u32 out = sequence(n, cols);

	ink_builder_op(n->b, INKLING_OP_CURVE, out, in, 2, NULL, 0);
	return out;
}

static u32 rope(struct net *n, u32 x, u32 heads, u32 d, u32 table)
{
	const s32 attr[] = { (s32)heads, -most_of_head(d), most_of_head(d) };
	u32 in[2] = { x, table }, out = sequence(n, heads * d);

	ink_builder_op(n->b, INKLING_OP_ROPE, out, in, 2, attr, 3);
	return out;
}

/* Scores of some 10^8 are some octaves apart. */
static u32 attention(struct net *n, const u32 *in, u32 heads, u32 groups, u32 d, bool causal)
{
	const s32 attr[] = { (s32)heads, (s32)groups, causal, 0, 1 << 30, 39 };
	u32 out = sequence(n, heads * d);

	ink_builder_op(n->b, INKLING_OP_ATTENTION, out, in, 5, attr, 6);
	return out;
}

static u32 decoder_layer(struct net *n, const struct decoder *d, u32 x, u32 table)
{
	const s32 product[] = { 0, 0, 1 << 30, 0, 43, 0, S16_MIN, S16_MAX };
	u32 head = d->dim / d->heads, few = head * d->groups, h = norm(n, x, d->dim, INKLING_NORM_RMS);
	u32 in[5] = { linear_rows(n, h, d->dim, d->dim, INKLING_NONE),
		      linear_rows(n, h, d->dim, few, INKLING_NONE),
		      linear_rows(n, h, d->dim, few, INKLING_NONE) }, pair[2], y;

	in[0] = rope(n, in[0], d->heads, head, table);
	in[1] = rope(n, in[1], d->groups, head, table);
	in[3] = ink_builder_state(n->b, d->context, few);
	in[4] = ink_builder_state(n->b, d->context, few);
	y = attention(n, in, d->heads, d->groups, head, true);
	x = linear_rows(n, y, d->dim, d->dim, x);
	h = norm(n, x, d->dim, INKLING_NORM_RMS);
	pair[0] = curve(n, linear_rows(n, h, d->dim, d->hidden, INKLING_NONE), d->hidden);
	pair[1] = linear_rows(n, h, d->dim, d->hidden, INKLING_NONE);
	y = sequence(n, d->hidden);
	ink_builder_op(n->b, INKLING_OP_MUL, y, pair, 2, product, 8);
	return linear_rows(n, y, d->hidden, d->dim, x);
}

static u32 encoder_layer(struct net *n, const struct encoder *e, u32 x)
{
	u32 h = norm(n, x, e->dim, INKLING_NORM_LAYER);
	u32 in[5] = { linear_head(n, h, e->dim, e->dim / e->heads),
		      linear_head(n, h, e->dim, e->dim / e->heads),
		      linear_rows(n, h, e->dim, e->dim, INKLING_NONE), INKLING_NONE, INKLING_NONE };

	x = linear_rows(n, attention(n, in, e->heads, e->heads, e->dim / e->heads, false), e->dim,
			e->dim, x);
	h = norm(n, x, e->dim, INKLING_NORM_LAYER);
	h = curve(n, linear_rows(n, h, e->dim, e->hidden, INKLING_NONE), e->hidden);
	return linear_rows(n, h, e->hidden, e->dim, x);
}

static u32 pool(struct net *n, u32 x, u32 dim, s32 kind)
{
	u32 out = ink_builder_rows(n->b, INKLING_INT16, 1, dim);

	ink_builder_op(n->b, INKLING_OP_POOL, out, &x, 1, &kind, 1);
	return out;
}

static struct net net_begin(const char *name, u32 dtype, u32 tokens, u32 seed)
{
	struct net n = { .b = ink_builder_new(), .tokens = tokens };

	ink_rand_seed(&n.r, 1 + seed);
	ink_builder_text(n.b, ink_builder_card(n.b)->name, 64, "name", name);
	n.in = ink_builder_tokens(n.b, dtype, tokens);
	return n;
}

static void *net_end(struct net *n, const char *name, u32 out, size_t *size)
{
	void *image;

	ink_builder_io(n->b, n->in, out, INKLING_HEAD_RAW, 0);
	if (ink_builder_finish(n->b, &image, size)) {
		fprintf(stderr, "%s: %s\n", name, ink_builder_error(n->b));
		exit(1);
	}
	ink_builder_free(n->b);
	return image;
}

void *decoder_image(const struct decoder *d, size_t *size)
{
	struct net n = net_begin(d->name, INKLING_UINT16, d->tokens, d->seed);
	u32 words = random_weights(&n, d->words, d->dim), i, out;
	u32 x = embed(&n, words, d->words, d->dim, 0);
	u32 table = random_const(&n, INKLING_INT16, d->context, d->dim / d->heads, -16384, 16384);

	for (i = 0; i < d->layers; i++)
		x = decoder_layer(&n, d, x, table);
	x = pool(&n, norm(&n, x, d->dim, INKLING_NORM_RMS), d->dim, INKLING_POOL_LAST);
	if (d->untied)
		words = random_weights(&n, d->words, d->dim);
	out = ink_builder_rows(n.b, INKLING_INT32, 1, d->words);
	return net_end(&n, d->name, linear(&n, x, words, d->dim, d->words, INKLING_NONE, S32_MAX, out), size);
}

void *encoder_image(const struct encoder *e, size_t *size)
{
	struct net n = net_begin(e->name, INKLING_UINT8, e->tokens, 0);
	u32 x = embed(&n, random_weights(&n, e->words, e->dim), e->words, e->dim, e->tokens), i;

	for (i = 0; i < e->layers; i++)
		x = encoder_layer(&n, e, x);
	return net_end(&n, e->name, pool(&n, x, e->dim, INKLING_POOL_MEAN), size);
}
