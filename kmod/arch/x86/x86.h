/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * Vector code for x86-64: its interface and its memory layouts.
 *
 * What lives here: what plan.c and exec.c call, and the layouts that pack.c
 * (plain C) writes and vector.h reads. What doesn't: intrinsics, so
 * that every file can include this one. On other CPUs nothing is ever packed,
 * so nothing is ever run.
 */
#ifndef INK_ARCH_X86_H
#define INK_ARCH_X86_H

#include "core.h"

/* Beside INK_PLAN_*: calls continue others, so most are of one token, which waits for weights. */
#define INK_X86_SESSIONS	BIT(31)

#ifdef __x86_64__

/**
 * ink_x86_path() - choose how an op is to be computed
 * @b: bound op; its path is set
 * @isa: instruction set that will run it
 * @options: INK_PLAN_*, INK_X86_SESSIONS
 * @scratch: set to the bytes it needs in the arena
 *
 * Return: bytes for ink_x86_pack(), a multiple of 64; 0 when the op has to
 * stay scalar.
 */
size_t ink_x86_path(struct ink_bound *b, enum ink_isa isa, unsigned long options, u32 *scratch);

/**
 * ink_x86_pack() - rearrange an op's constants
 * @b: op with a path
 * @packed: zeroed memory, aligned to 64 bytes, that @b->packed will point to
 *
 * Return: bytes used, what ink_x86_path() said.
 */
size_t ink_x86_pack(const struct ink_bound *b, void *packed);

void ink_avx2_run(const struct ink_bound *b, u32 count, u8 *arena, u32 first, u32 rows);
void ink_avx512vnni_run(const struct ink_bound *b, u32 count, u8 *arena, u32 first, u32 rows);
void ink_avxvnni_run(const struct ink_bound *b, u32 count, u8 *arena, u32 first, u32 rows);

/**
 * ink_x86_run() - run ops with vectors, fused
 * @isa: that they were packed for
 * @b: the first op; all have a path and are packed
 * @count: of ops
 * @arena: of the plan
 * @first: first unit of an op that is cut; of a DENSE a multiple of
 *	ink_x86_step_rows(), of a LINEAR of INK_X86_LINEAR_ROWS
 * @rows: units of it, or INK_ALL_ROWS
 *
 * Context: between ink_port_fpu_begin() and ink_port_fpu_end().
 */
static inline void ink_x86_run(enum ink_isa isa, const struct ink_bound *b, u32 count, u8 *arena,
			       u32 first, u32 rows)
{
	if (isa == INK_ISA_AVXVNNI)
		ink_avxvnni_run(b, count, arena, first, rows);
	else if (isa == INK_ISA_AVX512VNNI)
		ink_avx512vnni_run(b, count, arena, first, rows);
	else
		ink_avx2_run(b, count, arena, first, rows);
}

#else

static inline size_t ink_x86_path(struct ink_bound *b, enum ink_isa isa, unsigned long options,
				  u32 *scratch)
{
	return 0;
}

static inline size_t ink_x86_pack(const struct ink_bound *b, void *packed)
{
	return 0;
}

static inline void ink_x86_run(enum ink_isa isa, const struct ink_bound *b, u32 count, u8 *arena,
			       u32 first, u32 rows) { }

#endif /* __x86_64__ */

/* Does a DENSE read its input as 16 bits? */
static inline bool ink_x86_extended(const struct ink_bound *b)
{
	return b->path == INK_PATH_S16 || b->path == INK_PATH_ROWS;
}

/* What vector code may write behind an output, and read behind any tensor. */
#define INK_X86_SLACK		32u

/*
 * DENSE: rows go in blocks of eight, one for each 32-bit lane, and blocks in
 * tiles of eight, four, two or one that share what is loaded of the input. Rows
 * are spread over a pair of blocks such that narrowing instructions, which
 * work on halves of a register, leave them in order; row() in pack.c says how.
 */
static inline u32 ink_x86_blocks(u32 rows)
{
	return DIV_ROUND_UP(rows, 8u);
}

/* Blocks of the next tile when @blocks are left; smaller ones where rows are very long. */
static inline u32 ink_x86_tile(u32 blocks, u32 n)
{
	u32 tile = n > 4096 ? 2 : 8;

	while (tile > blocks)
		tile /= 2;
	return tile;
}

/* A DENSE is only cut at multiples of so many rows. */
static inline u32 ink_x86_step_rows(u32 n)
{
	return 8 * ink_x86_tile(U32_MAX, n);
}

/**
 * struct ink_x86_narrow - scaling of one block of eight rows to int8
 * @bias: by lane
 * @even: even lanes' multipliers in even lanes; shifts in odd lanes
 * @odd: odd lanes' multipliers in even lanes; shifts in odd lanes
 * @add: rounding and zero point, of the product's upper half, in the order of
 *	the result
 *
 * Where all shifts are above 32, the product's upper half is all that counts:
 * floor((floor(p / 2^32) + a) / 2^(s - 32)) = floor((p + a 2^32) / 2^s).
 * Shifts are what is left of them, 1..30, where multiplications don't look and
 * from where the shuffle that joins the products brings them into their order.
 */
struct ink_x86_narrow {
	s32 bias[8];
	s32 even[8];
	s32 odd[8];
	s32 add[8];
};

/**
 * struct ink_x86_wide - scaling of one block of eight rows, whatever it is
 * @mult: by lane; what is used are the even lanes
 * @mult_odd: odd lanes' multipliers, in the even lanes
 * @add: bias * mult + 2^62 + rounding of the even lanes: makes the sum
 *	positive, so that a logical shift, which AVX2 has for 64 bits, does for
 *	the arithmetic one, which it hasn't
 * @add_odd: of the odd lanes
 * @shift: of the even lanes
 * @shift_odd: of the odd lanes
 * @zero: zero point minus what is left of 2^62 after the shift, in the order
 *	of the result
 * @bias: by lane, for a LINEAR, whose @add is without it
 */
struct ink_x86_wide {
	s32 mult[8];
	s32 mult_odd[8];
	u64 add[4];
	u64 add_odd[4];
	u64 shift[4];
	u64 shift_odd[4];
	s32 zero[8];
	s32 bias[8];
};

static inline size_t ink_x86_scaling(bool narrow)
{
	return narrow ? sizeof(struct ink_x86_narrow) : sizeof(struct ink_x86_wide);
}

/*
 * @packed of a DENSE: one of the above for each block, then the weights:
 *   U8, S8:	for each tile [n / 4][tile][8 lanes][4]
 *   S16:	for each tile [n / 2][tile][8 lanes][2] of 16 bits
 *   ROWS:	[n / 16][1, 2, 4 or 8 rows][16] of 16 bits, and only one block
 */
static inline size_t ink_x86_block_size(u8 path, u32 n)
{
	return (size_t)DIV_ROUND_UP(n, path == INK_PATH_S16 ? 2u : 4u) * 32;
}

static inline u32 ink_x86_row_count(u32 m)
{
	return m > 4 ? 8 : m > 2 ? 4 : m;
}

/*
 * @packed of a LINEAR: scaling as for a DENSE, then for each block of eight rows
 * its weights, [n / 4][8 lanes][4]. vpdpbusd takes four of a lane as they are and
 * the inputs' upper and lower bytes one after the other; without it they are
 * widened to 16 bits. Of small matrices all is wide already, [n / 2][8 lanes][2]
 * of 16 bits, as vpmaddwd and vpdpwssd want it.
 */
static inline size_t ink_x86_linear_block(u8 path, u32 n)
{
	return (size_t)ALIGN(n, 8u) * (path == INK_PATH_LINEAR_WORDS ? 16 : 8);
}

/* Weights of a LINEAR up to which two bytes each are no burden for the second-level cache. */
#define INK_X86_LINEAR_WORDS	65536u

/* A LINEAR is cut at multiples of so many rows, and best at those of as many as one token takes at once. */
#define INK_X86_LINEAR_ROWS	8u
#define INK_X86_LINEAR_TILE	32u

/* Scratch of LINEAR_BYTES: a row of inputs as eight lower bytes, eight upper ones and so on. */
static inline size_t ink_x86_linear_row(u32 n)
{
	return (size_t)ALIGN(n, 16u) * 2;
}

/**
 * struct ink_x86_octaves - @packed of an ATTENTION
 * @limit: least difference of scores that is 32 octaves, which is as good as any more
 * @reserved: to a multiple of 64
 */
struct ink_x86_octaves {
	u32 limit;
	u32 reserved[15];
};

/**
 * struct ink_x86_norm - gamma and beta of eight columns of a NORM whose products are scaled by their
 *	upper halves
 * @even: gamma of even columns, in even lanes
 * @odd: of odd columns, in even lanes
 * @add: rounding and beta, of the product's upper half
 */
struct ink_x86_norm {
	s32 even[8];
	s32 odd[8];
	s32 add[8];
};

/* What the shift of an ADD, MUL or NORM lacks to be above 32, as in struct ink_x86_narrow. */
static inline u32 ink_x86_shift_up(u32 shift)
{
	return shift < 33 ? 33 - shift : 0;
}

/**
 * struct ink_x86_quant - head of @packed of a QUANT
 * @chunks: of eight rows that are numbers
 * @gathers: pieces of the input that make up the rows' inputs; 0: they lie in
 *	the input as they are needed
 * @src: in that case, where in the input
 * @pieces: pieces of the output; 0: the output is the rows' results
 * @hots: ONEHOT rows
 * @reserved: to a multiple of 64
 *
 * Then @chunks struct ink_x86_chunk, @gathers and @pieces struct
 * ink_x86_piece, @hots struct ink_x86_hot.
 */
struct ink_x86_quant {
	u32 chunks;
	u32 gathers;
	u32 src;
	u32 pieces;
	u32 hots;
	u32 reserved[11];
};

/* Eight rows; members as in struct ink_x86_wide. */
struct ink_x86_chunk {
	s32 lo[8];
	s32 hi[8];
	s32 mult[8];
	s32 mult_odd[8];
	u64 add[4];
	u64 add_odd[4];
	u64 shift[4];
	u64 shift_odd[4];
	s32 zero[8];
	s32 log[8];	/* all ones: of the logarithm */
	u32 any_log;
	u32 reserved[15];
};

/* @len elements from @src to @dst; in the output INKLING_NONE is a run of @zero. */
struct ink_x86_piece {
	u32 src;
	u32 dst;
	u32 len;
	s32 zero;
};

/* Scratch: inputs gathered, with room for a vector too much, then results likewise. */
static inline u32 ink_x86_gathered(u32 chunks)
{
	return ALIGN(chunks * 32 + 64, 64u);
}

/* A ONEHOT row: where in the output its hot element may be. */
struct ink_x86_hot {
	u32 feature;
	s32 lo;
	u32 width;
	u32 dst;
	s32 hot;
};

#endif /* INK_ARCH_X86_H */
