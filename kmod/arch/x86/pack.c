// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Preparing ops for vectors: DENSE.
 *
 * What lives here: which instructions the weights of a DENSE allow, and the
 * layout in which vector.h reads them. Plain C, run once when a model is loaded.
 * What doesn't: the others, see pack_*.c.
 */
#include "pack.h"

/*
 * vpmaddubsw adds two products of an unsigned and a signed byte and saturates
 * at 16 bits. Inputs are made unsigned by taking off their lowest value, so a
 * pair of weights is safe when the greatest input doesn't take the sum of the
 * positive ones, or that of the negative ones, out of range. The sum over a row
 * has to fit as well, since the bias is added in 64 bits.
 */
static bool fits_u8(const struct ink_bound *b, bool saturates)
{
	const s8 *w = b->in_const[1];
	s64 range = (s64)b->in_hi - b->in_lo;
	s32 up, down;
	u64 sum;
	u32 row, i, k;

	for (row = 0; row < b->m; row++, w += b->n) {
		for (i = 0, sum = 0; i < b->n; i += 2) {
			for (k = i, up = down = 0; k < min(i + 2, b->n); k++) {
				up += max((s32)w[k], 0);
				down += min((s32)w[k], 0);
			}
			if (saturates && (range * up > S16_MAX || range * down < S16_MIN))
				return false;
			sum += (u64)(up - down);
		}
		if (sum * (u64)range > S32_MAX)
			return false;
	}
	return true;
}

/*
 * With |x| <= 128 as the unsigned and the weight, negated where x is negative,
 * as the signed byte, two products are 2 * 128 * 127 at most. -128 can't be
 * negated in eight bits.
 */
static bool fits_s8(const struct ink_bound *b)
{
	const s8 *w = b->in_const[1];
	size_t i, size = (size_t)b->m * b->n;

	for (i = 0; i < size; i++)
		if (w[i] == S8_MIN)
			return false;
	return true;
}

/*
 * Where weights stay in the first-level cache, 16 bits are as good as S8 and
 * need no proof; beyond, half the bytes win.
 */
#define S16_WEIGHTS	8192u

static u8 dense_path(const struct ink_bound *b, enum ink_isa isa, unsigned long options)
{
	if (b->m <= 4 || (b->m <= 8 && b->n >= 64))
		return INK_PATH_ROWS;
	if (options & INK_PLAN_S16)
		return INK_PATH_S16;
	if (!(options & INK_PLAN_S8) && fits_u8(b, isa == INK_ISA_AVX2))
		return INK_PATH_U8;
	if ((options & INK_PLAN_S8 || (u64)b->m * b->n > S16_WEIGHTS) && fits_s8(b))
		return INK_PATH_S8;
	return INK_PATH_S16;
}

s32 ink_x86_row_scale(const struct ink_bound *b, u32 r, u32 *shift)
{
	s32 mult = ((const s32 *)b->in_const[3])[r];

	*shift = (u32)((const s8 *)b->in_const[4])[r];
	while (*shift <= 32 && mult < 1 << 30) {
		mult *= 2;
		++*shift;
	}
	return mult;
}

/* What vector code adds to the upper half stays below 2^31 with it: see ink_x86_put_narrow(). */
bool ink_x86_fits_narrow(const struct ink_bound *b, u32 rows, s64 zero)
{
	u32 r, shift;

	for (r = 0; r < rows; r++) {
		ink_x86_row_scale(b, r, &shift);
		if (shift <= 32 || zero << (shift - 32) > 1 << 29)
			return false;
	}
	return true;
}

static bool dense_narrow(const struct ink_bound *b)
{
	s64 zero = b->attr[0] < 0 ? -(s64)b->attr[0] : b->attr[0];

	return b->out_dtype == INKLING_INT8 && ink_x86_fits_narrow(b, b->m, zero);
}

size_t ink_x86_scaling_size(const struct ink_bound *b)
{
	return ALIGN(ink_x86_blocks(b->out_cols) * ink_x86_scaling(b->narrow), (size_t)64);
}

static size_t dense_size(const struct ink_bound *b)
{
	size_t weights;

	if (b->path == INK_PATH_ROWS)
		weights = (size_t)DIV_ROUND_UP(b->n, 16u) * ink_x86_row_count(b->m) * 32;
	else
		weights = ink_x86_blocks(b->m) * ink_x86_block_size(b->path, b->n);
	return ink_x86_scaling_size(b) + ALIGN(weights, (size_t)64);
}

size_t ink_x86_path(struct ink_bound *b, enum ink_isa isa, unsigned long options, u32 *scratch)
{
	*scratch = 0;
	b->path = INK_PATH_SCALAR;
	if (b->opcode == INKLING_OP_QUANT)
		return ink_x86_quant_path(b, scratch);
	if (b->opcode == INKLING_OP_LINEAR)
		return ink_x86_linear_path(b, isa, options, scratch);
	if (b->opcode != INKLING_OP_DENSE)
		return ink_x86_seq_path(b);
	b->path = dense_path(b, isa, options);
	b->narrow = dense_narrow(b);
	if (ink_x86_extended(b))
		*scratch = b->n * 2;
	return dense_size(b);
}

/*
 * Row of a lane. In half a register the even lanes, then the odd ones are
 * multiplied and put together again by vshufps, which takes 0, 2 of both. Two
 * blocks are then narrowed by vpackssdw, which takes the lower halves of both
 * first. A last block without a partner isn't spread.
 */
static u32 row(u32 block, u32 lane, u32 blocks)
{
	static const u8 in_half[4] = { 0, 2, 1, 3 };
	u32 half = lane / 4;

	if (block == blocks - 1 && !(block & 1))
		return block * 8 + half * 4 + in_half[lane & 3];
	return (block / 2) * 16 + half * 8 + (block & 1) * 4 + in_half[lane & 3];
}

static s32 sum_of_row(const struct ink_bound *b, u32 r)
{
	const s8 *w = (const s8 *)b->in_const[1] + (size_t)r * b->n;
	s32 sum = 0;
	u32 i;

	for (i = 0; i < b->n; i++)
		sum += w[i];
	return sum;
}

/* What the accumulator lacks because the inputs' lowest value was taken off, and the bias. */
static s64 bias_of_row(const struct ink_bound *b, u32 r)
{
	s64 bias = ((const s32 *)b->in_const[2])[r];

	return b->path == INK_PATH_U8 ? bias + (s64)sum_of_row(b, r) * b->in_lo : bias;
}

/*
 * A product is below 2^62, so its upper half is within 2^30; the rounding is
 * 2^29 at most, and so is the zero point by ink_x86_fits_narrow().
 */
void ink_x86_put_narrow(const struct ink_bound *b, struct ink_x86_narrow *p, u32 lane, u32 r,
			s32 bias, s32 zero)
{
	u32 shift;
	s32 mult = ink_x86_row_scale(b, r, &shift);
	s32 *pair = (lane & 1 ? p->odd : p->even) + (lane & ~1u);

	p->bias[lane] = bias;
	pair[0] = mult;
	pair[1] = (s32)shift - 32;
	p->add[ink_x86_result_lane(lane)] = zero * (1 << (shift - 32)) + (1 << (shift - 33));
}

void ink_x86_put_wide(const struct ink_bound *b, struct ink_x86_wide *p, u32 lane, u32 r,
		      s64 bias, s32 zero)
{
	u32 shift;
	s32 mult = ink_x86_row_scale(b, r, &shift);
	u64 add = (u64)bias * (u64)mult + (1ull << 62) + (1ull << (shift - 1));

	if (lane & 1) {
		p->mult_odd[lane & ~1u] = mult;
		p->add_odd[lane / 2] = add;
		p->shift_odd[lane / 2] = shift;
	} else {
		p->mult[lane] = mult;
		p->add[lane / 2] = add;
		p->shift[lane / 2] = shift;
	}
	p->zero[ink_x86_result_lane(lane)] = (s32)((u32)zero - (u32)((1ull << 62) >> shift));
}

/* Lanes beyond the last row stay zero and come out as zero, before the clamp. */
static void pack_scaling(const struct ink_bound *b, u8 *to)
{
	u32 blocks = ink_x86_blocks(b->m), block, lane, r;

	for (block = 0; block < blocks; block++, to += ink_x86_scaling(b->narrow))
		for (lane = 0; lane < 8; lane++) {
			r = row(block, lane, blocks);
			if (r < b->m && b->narrow)
				ink_x86_put_narrow(b, (struct ink_x86_narrow *)to, lane, r,
						   (s32)(u32)bias_of_row(b, r), b->attr[0]);
			else if (r < b->m)
				ink_x86_put_wide(b, (struct ink_x86_wide *)to, lane, r,
						 bias_of_row(b, r), b->attr[0]);
		}
}

/* Weights of @step inputs from @k on, for each lane of a block. */
static void pack_block(const struct ink_bound *b, void *to, u32 block, u32 k, u32 step)
{
	u32 blocks = ink_x86_blocks(b->m), lane, i, r;
	const s8 *w = b->in_const[1];
	s8 v;

	for (lane = 0; lane < 8; lane++) {
		r = row(block, lane, blocks);
		for (i = 0; i < step; i++) {
			v = r < b->m && k + i < b->n ? w[(size_t)r * b->n + k + i] : 0;
			if (b->path == INK_PATH_S16)
				((s16 *)to)[lane * step + i] = v;
			else
				((s8 *)to)[lane * step + i] = v;
		}
	}
}

static void pack_blocks(const struct ink_bound *b, u8 *to)
{
	u32 step = b->path == INK_PATH_S16 ? 2 : 4;
	u32 blocks = ink_x86_blocks(b->m), block, tile, t, k;

	for (block = 0; block < blocks; block += tile) {
		tile = ink_x86_tile(blocks - block, b->n);
		for (k = 0; k < b->n; k += step)
			for (t = 0; t < tile; t++, to += 32)
				pack_block(b, to, block + t, k, step);
	}
}

static void pack_along_rows(const struct ink_bound *b, s16 *to)
{
	u32 rows = ink_x86_row_count(b->m), r, i, k;
	const s8 *w = b->in_const[1];

	for (k = 0; k < b->n; k += 16)
		for (r = 0; r < rows; r++)
			for (i = k; i < k + 16; i++)
				*to++ = r < b->m && i < b->n ? w[(size_t)r * b->n + i] : 0;
}

size_t ink_x86_pack(const struct ink_bound *b, void *packed)
{
	void *weights = (u8 *)packed + ink_x86_scaling_size(b);

	if (b->path == INK_PATH_QUANT)
		return ink_x86_quant_pack(b, packed);
	if (b->opcode == INKLING_OP_LINEAR)
		return ink_x86_linear_pack(b, packed);
	if (b->path == INK_PATH_SEQ)
		return ink_x86_seq_pack(b, packed);
	pack_scaling(b, packed);
	if (b->path == INK_PATH_ROWS)
		pack_along_rows(b, weights);
	else
		pack_blocks(b, weights);
	return dense_size(b);
}
