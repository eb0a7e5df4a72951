// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Preparing ops for vectors: LINEAR.
 *
 * What lives here: the layout in which vector_linear.h reads weights and
 * scaling. Weights of large ones stay bytes: such models wait for memory. What
 * doesn't: the layout of scaling, which is that of a DENSE (x86.h).
 */
#include "pack.h"

static size_t linear_size(const struct ink_bound *b)
{
	return ink_x86_scaling_size(b) +
	       ALIGN(ink_x86_blocks(b->out_cols) * ink_x86_linear_block(b->path, b->in_cols[0]), (size_t)64);
}

/* Of a single token vpdpbusd makes as much of a byte as vpdpwssd of two, and half is to be read. */
static u8 linear_path(const struct ink_bound *b, unsigned long options)
{
	if ((u64)b->out_cols * b->in_cols[0] <= INK_X86_LINEAR_WORDS &&
	    !(b->vnni && options & INK_X86_SESSIONS))
		return INK_PATH_LINEAR_WORDS;
	return b->vnni ? INK_PATH_LINEAR_BYTES : INK_PATH_LINEAR;
}

size_t ink_x86_linear_path(struct ink_bound *b, enum ink_isa isa, unsigned long options, u32 *scratch)
{
	u32 rows = b->in_count[0] / b->in_cols[0];

	b->narrow = ink_x86_fits_narrow(b, b->out_cols, 0);
	b->vnni = isa != INK_ISA_AVX2;
	b->path = linear_path(b, options);
	if (b->path == INK_PATH_LINEAR_BYTES)
		*scratch = rows * (u32)ink_x86_linear_row(b->in_cols[0]);
	return linear_size(b);
}

/*
 * LINEAR_BYTES adds 2^15 to each input to have it unsigned. Modulo 2^32, as the
 * sums are: what comes out is in 32 bits again.
 */
static s32 bias_of_row(const struct ink_bound *b, u32 r)
{
	const s8 *w = (const s8 *)b->in_const[1] + (size_t)r * b->in_cols[0];
	u32 bias = (u32)((const s32 *)b->in_const[2])[r], i;

	for (i = 0; b->path == INK_PATH_LINEAR_BYTES && i < b->in_cols[0]; i++)
		bias -= (u32)w[i] << 15;
	return (s32)bias;
}

/* Its sum begins with the bias in either form. */
static void put_wide(const struct ink_bound *b, struct ink_x86_wide *p, u32 lane, u32 r)
{
	p->bias[lane] = bias_of_row(b, r);
	ink_x86_put_wide(b, p, lane, r, 0, 0);
}

/* The row of a lane is where its result comes to lie. */
static u32 row(u32 block, u32 lane)
{
	return block * 8 + ink_x86_result_lane(lane);
}

static void pack_scaling(const struct ink_bound *b, u8 *to)
{
	u32 blocks = ink_x86_blocks(b->out_cols), block, lane, r;

	for (block = 0; block < blocks; block++, to += ink_x86_scaling(b->narrow))
		for (lane = 0; lane < 8; lane++) {
			r = row(block, lane);
			if (r < b->out_cols && b->narrow)
				ink_x86_put_narrow(b, (struct ink_x86_narrow *)to, lane, r,
						   bias_of_row(b, r), 0);
			else if (r < b->out_cols)
				put_wide(b, (struct ink_x86_wide *)to, lane, r);
		}
}

static void pack_block(const struct ink_bound *b, void *to, u32 block)
{
	u32 n = b->in_cols[0], lane, r, k;
	const s8 *w;

	for (lane = 0; lane < 8; lane++) {
		r = row(block, lane);
		if (r >= b->out_cols)
			continue;
		w = (const s8 *)b->in_const[1] + (size_t)r * n;
		for (k = 0; k < n; k++)
			if (b->path == INK_PATH_LINEAR_WORDS)
				((s16 *)to)[k / 2 * 16 + lane * 2 + k % 2] = w[k];
			else
				((s8 *)to)[k / 4 * 32 + lane * 4 + k % 4] = w[k];
	}
}

size_t ink_x86_linear_pack(const struct ink_bound *b, void *packed)
{
	s8 *to = (s8 *)packed + ink_x86_scaling_size(b);
	u32 block;

	pack_scaling(b, packed);
	for (block = 0; block < ink_x86_blocks(b->out_cols); block++) {
		pack_block(b, to, block);
		to += ink_x86_linear_block(b->path, b->in_cols[0]);
		ink_port_yield();
	}
	return linear_size(b);
}
