// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model of names that is as simple as a rule, so that tests know its answer:
 * class 1 ("digits") when about half of a name or more is digits.
 */
#include "st.h"

#define LABEL	63	/* bytes of a name at most */

static u32 same(struct ink_builder *b, u32 dtype, u32 n, const void *one, size_t size)
{
	u8 v[1024];
	u32 i;

	for (i = 0; i < n; i++)
		memcpy(v + i * size, one, size);
	return ink_builder_vector(b, dtype, n, v);
}

struct image names_image(void)
{
	static const s32 mult = 1 << 30, embed[] = { 0, -32767, 32767 }, mean = INKLING_POOL_MEAN;
	static const s32 limits[] = { -(1 << 20), 1 << 20 }, softmax[] = { 1 << 14, 0 };
	static const s8 weights[2][2] = { { -1, 0 }, { 1, 0 } }, up = 23, same_size = 30;
	static const s32 bias[2] = { 8064, -8064 };
	struct ink_builder *b = ink_builder_new();
	s8 table[256][2] = { { 0 } };
	u32 in, x, pooled, logits, out, c;

	/* Tokens are bytes plus one; 127 becomes 127 * 2^7. */
	for (c = '0'; c <= '9'; c++)
		table[c + 1][0] = 127;
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "names");
	ink_builder_class(b, "other");
	ink_builder_class(b, "digits");
	in = ink_builder_tokens(b, INKLING_UINT8, LABEL);
	x = ink_builder_sequence(b, INKLING_INT16, LABEL, 2);
	ink_builder_op(b, INKLING_OP_EMBED, x,
		       (u32[]){ in, ink_builder_matrix(b, INKLING_INT8, 256, 2, table),
				same(b, INKLING_INT32, 256, &mult, 4),
				same(b, INKLING_INT8, 256, &up, 1) }, 4, embed, 3);
	pooled = ink_builder_rows(b, INKLING_INT16, 1, 2);
	ink_builder_op(b, INKLING_OP_POOL, pooled, &x, 1, &mean, 1);
	logits = ink_builder_rows(b, INKLING_INT32, 1, 2);
	ink_builder_op(b, INKLING_OP_LINEAR, logits,
		       (u32[]){ pooled, ink_builder_matrix(b, INKLING_INT8, 2, 2, weights),
				ink_builder_vector(b, INKLING_INT32, 2, bias),
				same(b, INKLING_INT32, 2, &mult, 4),
				same(b, INKLING_INT8, 2, &same_size, 1) }, 5, limits, 2);
	out = ink_builder_activation(b, INKLING_INT16, 2);
	ink_builder_op(b, INKLING_OP_SOFTMAX, out, &logits, 1, softmax, 2);
	ink_builder_io(b, in, out, INKLING_HEAD_CLASSES, 16384);
	return image_finish(b);
}
