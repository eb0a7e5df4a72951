// SPDX-License-Identifier: GPL-2.0-only
/*
 * The images of models_seq.h.
 *
 * What lives here: one operator on sequences with constants that are valid and of
 * no other meaning. What doesn't: random ones (tests/lib/randmodel_seq.c).
 */
#include "models_seq.h"

static u32 constant(struct ink_builder *b, u32 dtype, u32 rows, u32 cols, s32 value)
{
	u32 elem = dtype == INKLING_INT8 ? 1 : dtype == INKLING_INT16 ? 2 : 4, i, t;
	u8 *data = calloc((size_t)rows * cols, elem);

	for (i = 0; data && i < rows * cols; i++)
		memcpy(data + (size_t)i * elem, &value, elem);
	t = ink_builder_matrix(b, dtype, rows, cols, data);
	free(data);
	return t;
}

static void embed(struct ink_builder *b)
{
	const s32 attr[3] = { 3, -10000, 10000 };
	u32 in[5] = { ink_builder_tokens(b, INKLING_UINT8, SEQ_T) };

	in[1] = constant(b, INKLING_INT8, SEQ_V, SEQ_D, 77);
	in[2] = constant(b, INKLING_INT32, 1, SEQ_V, 1 << 30);
	in[3] = constant(b, INKLING_INT8, 1, SEQ_V, 24);
	in[4] = constant(b, INKLING_INT16, SEQ_C, SEQ_D, -300);
	ink_builder_op(b, INKLING_OP_EMBED, ink_builder_sequence(b, INKLING_INT16, SEQ_T, SEQ_D),
		       in, 5, attr, 3);
}

/* Attributes of each operator. */
static const s32 attrs[INKLING_OP_NR + 1][INKLING_MAX_ATTRS] = {
	[INKLING_OP_HASHEMBED] = { 3, 99, 1 << 30, 24, -9000, 9000 },
	[INKLING_OP_NORM] = { INKLING_NORM_LAYER, 5, 2, 24, -9000, 9000 },
	[INKLING_OP_LINEAR] = { -9000, 9000 },
	[INKLING_OP_ROPE] = { 2, -9000, 9000 },
	[INKLING_OP_ATTENTION] = { 2, 2, 1, 0, 1 << 30, 40 },
	[INKLING_OP_NR] = { 2, 2, 1, 0, 1 << 30, 40 },
	[INKLING_OP_POOL] = { INKLING_POOL_MEAN },
	[INKLING_OP_SHIFT] = { 1, 2, 5 },
	[INKLING_OP_UNFOLD] = { 0, 1, 3, 1, 0, 2 },
	[INKLING_OP_GATE] = { 2, 1 << 30, 28 },
	[INKLING_OP_SCALE] = { 1 },
	[INKLING_OP_NLL] = { 1 << 30, 26 },
};

/* The op's output, then what it reads besides SEQ_X; the number of inputs. */
static u32 operands(struct ink_builder *b, u32 op, u32 *in)
{
	in[0] = SEQ_X;
	switch (op) {
	case INKLING_OP_HASHEMBED:
		in[0] = SEQ_IN;
		in[1] = constant(b, INKLING_INT8, 16, SEQ_D, 5);
		in[2] = SEQ_X;
		return 3;
	case INKLING_OP_NORM:
		in[1] = constant(b, INKLING_INT16, 1, SEQ_D, 900);
		in[2] = constant(b, INKLING_INT32, 1, SEQ_D, -70);
		return 3;
	case INKLING_OP_LINEAR:
		in[1] = constant(b, INKLING_INT8, SEQ_D, SEQ_D, -9);
		in[2] = constant(b, INKLING_INT32, 1, SEQ_D, 1000);
		in[3] = constant(b, INKLING_INT32, 1, SEQ_D, 1 << 30);
		in[4] = constant(b, INKLING_INT8, 1, SEQ_D, 36);
		in[5] = SEQ_X;
		return 6;
	case INKLING_OP_CURVE:
		in[1] = constant(b, INKLING_INT16, 1, INKLING_CURVE_POINTS, 12);
		return 2;
	case INKLING_OP_ROPE:
		in[1] = constant(b, INKLING_INT16, SEQ_C, SEQ_D / 2, 11585);
		return 2;
	case INKLING_OP_NR:
		in[3] = ink_builder_state(b, SEQ_C, SEQ_D);
		in[4] = ink_builder_state(b, SEQ_C, SEQ_D);
		/* fall through */
	case INKLING_OP_ATTENTION:
		in[1] = in[2] = SEQ_X;
		return op == INKLING_OP_NR ? 5 : 3;
	case INKLING_OP_SCALE:
		in[1] = in[2] = SEQ_X;
		return 3;
	case INKLING_OP_NLL:
		in[1] = SEQ_IN;
		return 2;
	default:
		return 1;
	}
}

static u32 output(struct ink_builder *b, u32 op)
{
	switch (op) {
	case INKLING_OP_POOL:
		return ink_builder_rows(b, INKLING_INT16, 1, SEQ_D);
	case INKLING_OP_TRANSPOSE:
		return ink_builder_rows(b, INKLING_INT16, SEQ_D, SEQ_T);
	case INKLING_OP_NLL:
		return ink_builder_activation(b, INKLING_INT32, 1);
	case INKLING_OP_UNFOLD:
		return ink_builder_sequence(b, INKLING_INT16, SEQ_T, 3 * SEQ_D);
	case INKLING_OP_MAXOUT:
		return ink_builder_sequence(b, INKLING_INT16, SEQ_T, SEQ_D / 2);
	default:
		return ink_builder_sequence(b, INKLING_INT16, SEQ_T, SEQ_D);
	}
}

struct image seq_image(u32 model)
{
	struct ink_builder *b = ink_builder_new();
	u32 op = model - MODEL_SEQ, in[INKLING_MAX_INPUTS], y, out, n;
	const s32 last = INKLING_POOL_LAST;

	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "one operator");
	embed(b);
	out = y = output(b, op);
	n = operands(b, op, in);
	ink_builder_op(b, op == INKLING_OP_NR ? INKLING_OP_ATTENTION : op, y, in, n, attrs[op],
		       INKLING_MAX_ATTRS);
	if (ink_builder_tensor_at(b, y)->flags) {
		out = ink_builder_rows(b, INKLING_INT16, 1, ink_builder_tensor_at(b, y)->dims[1]);
		ink_builder_op(b, INKLING_OP_POOL, out, &y, 1, &last, 1);
	}
	ink_builder_io(b, SEQ_IN, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}
