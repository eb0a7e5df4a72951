/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * Fixed-point arithmetic that every operator shares.
 *
 * What lives here: rounding shifts, requantisation, the logarithm and the
 * exponential, exactly as Documentation/numerics.rst defines them. What
 * doesn't: loops over tensors (ops.c).
 *
 * Shifts of negative numbers to the right are arithmetic in every environment
 * that this is compiled in (gcc and clang define them so); left shifts are
 * only made of unsigned numbers.
 */
#ifndef INK_FIXED_H
#define INK_FIXED_H

#include "ink_port.h"

static inline s32 ink_clamp32(s64 x, s32 lo, s32 hi)
{
	return x < lo ? lo : x > hi ? hi : (s32)x;
}

/* x / 2^shift, ties towards plus infinity; shift 1..62, |x| < 2^62. */
static inline s64 ink_round_shift(s64 x, u32 shift)
{
	return (x + (s64)(1ull << (shift - 1))) >> shift;
}

/* One multiply, one rounding, one shift; the caller adds and clamps. */
static inline s64 ink_requant(s32 acc, s32 mult, u32 shift)
{
	return ink_round_shift((s64)acc * mult, shift);
}

/* As ink_round_shift() for products of two unsigned numbers below 2^63. */
static inline u64 ink_round_shift_u(u64 x, u32 shift)
{
	return (x + (1ull << (shift - 1))) >> shift;
}

/**
 * ink_log2_q16() - piecewise linear logarithm
 * @v: 1..2^32
 *
 * The integer part is the position e of the highest bit, the fraction is
 * v / 2^e - 1, cut to 16 bits: never above log2, at most 0.0861 below it, monotone, and
 * without a table. Features only need an order and a compressed range.
 *
 * Return: the logarithm in 16.16.
 */
static inline u32 ink_log2_q16(u64 v)
{
	u32 e = 63 - (u32)__builtin_clzll(v);
	u64 rest = v - (1ull << e);

	return (e << 16) | (u32)(e > 16 ? rest >> (e - 16) : rest << (16 - e));
}

/* 2^30 * 2^(-i / 256), rounded to nearest; in exp2.c. */
extern const u32 ink_exp2_table[257];

/**
 * ink_exp2_q30() - 2^-t
 * @t: 16.16, not negative
 *
 * The fraction's upper eight bits choose a table entry, the lower eight
 * interpolate linearly.
 *
 * Return: 2^-t in Q30, 0 from t = 31 on.
 */
static inline u32 ink_exp2_q30(u64 t)
{
	u32 i = (t >> 8) & 0xff;
	u32 f = t & 0xff;
	u32 a = ink_exp2_table[i];

	if (t >> 16 > 30)
		return 0;
	return (a - (((a - ink_exp2_table[i + 1]) * f) >> 8)) >> (t >> 16);
}

#endif /* INK_FIXED_H */
