// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random models: encoders of tokens and of pictures, and decoders.
 *
 * What lives here: which operators on sequences follow each other, and what such
 * models end in. What doesn't: the operators' own constants, see randmodel_seq.c.
 */
#include "randmodel_seq.h"

#define MOST_COLS	96	/* of what is put side by side */

static uint32_t below(struct randmodel *m, uint32_t n)
{
	return ink_rand_below(&m->r, n);
}

/* Small, around the widths of vectors, or any. */
static uint32_t some_cols(struct randmodel *m)
{
	static const uint8_t at[] = { 8, 16, 32, 64 };

	switch (below(m, 4)) {
	case 0:
		return at[below(m, 4)] + below(m, 3) - 1;
	case 1:
		return 2 * (1 + below(m, 24));
	default:
		return 1 + below(m, 20);
	}
}

static uint32_t some_tokens(struct randmodel *m)
{
	return below(m, 4) ? 1 + below(m, 20) : 1 + below(m, 70);
}

/* Rows that another number of the same rows is mixed from: along the other axis. */
static struct rows_of mix_tokens(struct randmodel *m, const struct rows_of *x)
{
	struct rows_of y = randmodel_transpose(m, x, 0);

	y = randmodel_linear(m, &y, x->rows, INKLING_INT16, NULL, 0);
	return randmodel_transpose(m, &y, 1);
}

/* What has to see all tokens of a text, and can't in a model with states. */
static struct rows_of among_tokens(struct randmodel *m, const struct rows_of *x, uint32_t width)
{
	switch (below(m, 3)) {
	case 0:
		return randmodel_shift(m, x);
	case 1:
		if (x->cols <= MOST_COLS / 4 && (!width || x->rows % width == 0))
			return randmodel_unfold(m, x, width);
		return randmodel_shift(m, x);
	default:
		return x->seq ? mix_tokens(m, x) : randmodel_shift(m, x);
	}
}

static struct rows_of next(struct randmodel *m, const struct rows_of *x, uint32_t width)
{
	struct rows_of y;

	switch (below(m, 10)) {
	case 0:
		return randmodel_norm(m, x, 0);
	case 1:
		return randmodel_curve(m, x);
	case 2:
		return x->seq && x->cols % 2 == 0 ?
		       randmodel_rope(m, x, x->cols % 4 ? 1 : 1 + below(m, 2), 0) :
		       randmodel_norm(m, x, 0);
	case 3:
	case 4:
		y = randmodel_attention(m, x, false);
		return randmodel_linear(m, &y, x->cols, INKLING_INT16, below(m, 3) ? x : NULL, 0);
	case 5:
		return randmodel_maxout(m, x);
	case 6:
		return randmodel_gate(m, x, below(m, 2) ? x : NULL);
	case 7:
		y = randmodel_linear(m, x, x->cols, INKLING_INT16, below(m, 2) ? x : NULL, 0);
		return randmodel_rows_pair(m, x, &y);
	case 8:
		if (!m->context)
			return among_tokens(m, x, width);
		/* fall through */
	default:
		return randmodel_linear(m, x, some_cols(m), INKLING_INT16, NULL, 0);
	}
}

static struct rows_of block(struct randmodel *m, struct rows_of x, uint32_t width)
{
	uint32_t n = 1 + below(m, 6);

	while (n--) {
		x = next(m, &x, width);
		/* A window may have left another picture than there was. */
		width = width && x.rows % width ? 0 : width;
	}
	return x;
}

static void classes(struct randmodel *m, uint32_t n)
{
	while (n--)
		ink_builder_class(m->b, "class");
}

/* One vector: scores of classes, the greatest, numbers with what is added, or as they are. */
static void finish(struct randmodel *m, const struct rows_of *x)
{
	struct rows_of y, z;
	uint32_t n = 2 + below(m, 10);

	switch (below(m, 8)) {
	case 0:
	case 1:
	case 2:
		m->out = x->t;
		break;
	case 3:
	case 4:
		y = randmodel_linear(m, x, n, INKLING_INT32, NULL, 1 << 29);
		z = randmodel_linear(m, x, n, INKLING_INT32, &y, 0);
		m->out = z.t;
		break;
	case 5:
		y = randmodel_linear(m, x, n, INKLING_INT16, NULL, 0);
		m->out = randmodel_argmax(m, y.t);
		break;
	default:
		y = randmodel_linear(m, x, n, below(m, 2) ? INKLING_INT16 : INKLING_INT32, NULL, 0);
		m->out = randmodel_softmax(m, y.t);
		if (y.rows * n > INKLING_MAX_CLASSES)
			break;
		m->head = INKLING_HEAD_CLASSES;
		m->threshold = 1 + (int32_t)below(m, 32768);
		classes(m, y.rows * n);
	}
}

static struct rows_of begin_text(struct randmodel *m)
{
	struct rows_of x;

	m->in = ink_builder_tokens(m->b, below(m, 2) ? INKLING_UINT8 : INKLING_UINT16, m->tokens);
	if (!m->context && !below(m, 3))
		return randmodel_hashembed(m, some_cols(m), NULL);
	x = randmodel_embed(m, some_cols(m));
	return m->context || below(m, 3) ? x : randmodel_hashembed(m, x.cols, &x);
}

static struct rows_of begin_picture(struct randmodel *m, uint32_t *width)
{
	struct rows_of x = { .rows = 1, .cols = 1 + below(m, 8) };
	uint32_t dims[2];

	*width = 1 + below(m, 7);
	x.rows = *width * (1 + below(m, 7));
	dims[0] = x.rows;
	dims[1] = x.cols;
	m->in = ink_builder_tensor(m->b, INKLING_TENSOR_INPUT, INKLING_INT16, 2, dims);
	x.t = m->in;
	return x;
}

void randmodel_encoder(struct randmodel *m)
{
	uint32_t width = 0;
	struct rows_of x, y;

	m->tokens = some_tokens(m);
	x = below(m, 4) ? begin_text(m) : begin_picture(m, &width);
	x = block(m, x, width);
	switch (below(m, x.seq ? 5 : 3)) {
	case 0:
		y = randmodel_attention(m, &x, true);
		break;
	case 3:
		y = randmodel_transpose(m, &x, 0);
		break;
	case 4:
		m->out = randmodel_nll(m, &x);
		m->head = INKLING_HEAD_ANOMALY;
		m->threshold = 1 + (int32_t)below(m, 1 << 22);
		classes(m, 2);
		return;
	default:
		y = randmodel_pool(m, &x);
	}
	finish(m, &y);
}

void randmodel_decoder(struct randmodel *m)
{
	struct rows_of x, y;

	m->tokens = some_tokens(m);
	m->context = (m->tokens + below(m, 60) + 7) / 8 * 8;
	x = block(m, begin_text(m), 0);
	y = randmodel_attention(m, &x, false);
	y = randmodel_linear(m, &y, x.cols, INKLING_INT16, &x, 0);
	y = block(m, y, 0);
	if (below(m, 8)) {
		x = randmodel_pool(m, &y);
		finish(m, &x);
	} else {
		m->out = randmodel_nll(m, &y);
	}
}
