// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Preparing ops for vectors: those on sequences, but for LINEAR, and ADD and MUL.
 *
 * What lives here: which shapes and constants vector_rows.h and
 * vector_attention.h take; most read constants as they are in the image. What
 * doesn't: the others, see pack.c.
 */
#include "pack.h"

/* ADD and MUL of 16 bits without zero points, as sequences have them, scaled as struct ink_x86_narrow. */
static bool fits_pair(const struct ink_bound *b)
{
	u32 up = ink_x86_shift_up((u32)b->attr[4]);
	s64 most = S32_MAX >> min(up, 16u);

	return up <= 16 && b->in_dtype == INKLING_INT16 && b->out_dtype == INKLING_INT16 &&
	       !b->in_const[0] && !b->in_const[1] && !b->attr[0] && !b->attr[1] && !b->attr[5] &&
	       b->attr[2] <= most && b->attr[2] >= -most && b->attr[3] <= most &&
	       b->attr[3] >= -most;
}

/* A scaled int8 with a position stays in 32 bits. */
static bool fits_embed(const struct ink_bound *b)
{
	const s8 *shift = b->in_const[3];
	u32 i;

	for (i = 0; i < b->in_count[3]; i++)
		if (shift[i] < 8)
			return false;
	return b->out_cols % 8 == 0;
}

/* A normalised element is at most 2^30, so with gamma 2^29 after the shift, and with beta 2^30. */
static bool fits_norm(const struct ink_bound *b)
{
	const s32 *beta = b->in_const[2];
	u32 i;

	for (i = 0; beta && i < b->out_cols; i++)
		if (beta[i] > 1 << 29 || beta[i] < -(1 << 29))
			return false;
	return b->attr[3] >= 16 && b->out_cols % 8 == 0;
}

/* Least difference of scores that is 32 octaves; 2^32 - 1 where none is. */
static u32 octaves_limit(const s32 *scale)
{
	u64 mult = (u64)scale[0];

	if (!mult || scale[1] > 43)
		return U32_MAX;
	return (u32)min_t(u64, div64_u64((1ull << (20 + scale[1])) + mult - 1, mult), U32_MAX);
}

static bool fits(const struct ink_bound *b)
{
	switch (b->opcode) {
	case INKLING_OP_ADD:
	case INKLING_OP_MUL:
		return fits_pair(b);
	case INKLING_OP_EMBED:
		return fits_embed(b);
	case INKLING_OP_NORM:
		return fits_norm(b);
	case INKLING_OP_CURVE:
		return true;
	case INKLING_OP_ROPE:
	case INKLING_OP_ATTENTION:
		return b->in_cols[0] / (u32)b->attr[0] % 8 == 0;
	case INKLING_OP_SCALE:
		return b->out_cols % 8 == 0;
	default:
		return false;
	}
}

size_t ink_x86_seq_path(struct ink_bound *b)
{
	if (!fits(b))
		return 0;
	b->path = INK_PATH_SEQ;
	return b->opcode == INKLING_OP_ATTENTION ? sizeof(struct ink_x86_octaves) : 0;
}

size_t ink_x86_seq_pack(const struct ink_bound *b, void *packed)
{
	struct ink_x86_octaves *o = packed;

	if (b->opcode != INKLING_OP_ATTENTION)
		return 0;
	o->limit = octaves_limit(&b->attr[4]);
	return sizeof(*o);
}
