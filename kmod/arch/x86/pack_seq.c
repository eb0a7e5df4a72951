// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Preparing ops for vectors: those on sequences, but for LINEAR, and ADD and MUL.
 *
 * What lives here: which shapes and constants vector_rows.h, vector_norm.h and
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

/*
 * With v below 2^52 a row is normalised by a shift of 38 - up, 32 at most, so elements are shifted to
 * the left by what it lacks, up - 6. Their squares add up to D v for LAYER and to v for RMS, and v is
 * below 2^(64 - 2 up): what is shifted is within sqrt(1024) 2^26.
 */
static bool norm_narrow(const struct ink_bound *b)
{
	u64 d = b->out_cols, square = (b->attr[0] == INKLING_NORM_LAYER ? d * d : d) << 30;
	u32 shift = (u32)b->attr[3] + ink_x86_shift_up((u32)b->attr[3]), i;
	const s32 *beta = b->in_const[2];

	if (b->attr[3] < 18 || d > 1024 || square + ((u64)b->attr[1] << b->attr[2]) >= 1ull << 52)
		return false;
	for (i = 0; beta && i < d; i++)
		if ((s64)abs(beta[i]) << (shift - 32) > 1 << 29)
			return false;
	return true;
}

static void pack_norm(const struct ink_bound *b, struct ink_x86_norm *to)
{
	const s16 *gamma = b->in_const[1];
	const s32 *beta = b->in_const[2];
	u32 up = ink_x86_shift_up((u32)b->attr[3]), left = (u32)b->attr[3] + up - 32, i;

	for (i = 0; i < b->out_cols; i++) {
		s32 *half = i & 1 ? to[i / 8].odd : to[i / 8].even;

		half[i % 8 & ~1u] = gamma[i] * (1 << up);
		to[i / 8].add[i % 8] = (beta ? beta[i] * (1 << left) : 0) + (1 << (left - 1));
	}
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
	case INKLING_OP_HASHEMBED:
		return b->attr[3] >= 8 && b->out_cols % 8 == 0;
	case INKLING_OP_UNFOLD:
		return !b->attr[0] && b->in_cols[0] % 8 == 0;
	case INKLING_OP_CURVE:
		return true;
	case INKLING_OP_ROPE:
	case INKLING_OP_ATTENTION:
		return b->in_cols[0] / (u32)b->attr[0] % 8 == 0;
	case INKLING_OP_SCALE:
	case INKLING_OP_POOL:
		return b->out_cols % 8 == 0;
	default:
		return false;
	}
}

static size_t packed_size(const struct ink_bound *b)
{
	if (b->opcode == INKLING_OP_ATTENTION)
		return sizeof(struct ink_x86_octaves);
	if (b->opcode == INKLING_OP_NORM && b->narrow)
		return ALIGN(b->out_cols / 8 * sizeof(struct ink_x86_norm), (size_t)64);
	return 0;
}

size_t ink_x86_seq_path(struct ink_bound *b)
{
	if (!fits(b))
		return 0;
	b->path = INK_PATH_SEQ;
	b->narrow = b->opcode == INKLING_OP_NORM && norm_narrow(b);
	return packed_size(b);
}

size_t ink_x86_seq_pack(const struct ink_bound *b, void *packed)
{
	if (b->opcode == INKLING_OP_ATTENTION)
		((struct ink_x86_octaves *)packed)->limit = octaves_limit(&b->attr[4]);
	else if (b->narrow)
		pack_norm(b, packed);
	return packed_size(b);
}
