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

/* (a b + 2^14) >> 15, as an instruction of every vector unit does. */
static inline s32 ink_mulhrs(s32 a, s32 b)
{
	return (a * b + 0x4000) >> 15;
}

/**
 * ink_exp2_q20() - 2^-t, for many elements at a time
 * @t: in Q15
 *
 * A polynomial of the fraction in 16-bit steps, which vectors compute without a
 * table. Its coefficients were found by trying all fractions: at most 1.61 units
 * of 2^-15 from 2^-f. It may rise by one such unit as t grows.
 *
 * Return: 2^-t in Q20, less than 2^20; 0 from t = 21 on.
 */
static inline u32 ink_exp2_q20(u32 t)
{
	s32 f = (s32)(t & 0x7fff);
	s32 g = 7838 - ink_mulhrs(f, 1735 - ink_mulhrs(f, 220));
	u32 y = 32768 - (u32)ink_mulhrs(f, 22707 - ink_mulhrs(f, g));

	if (t >> 15 > 20)
		return 0;
	return (min(y, 32767u) << 5) >> (t >> 15);
}

/*
 * Octaves below the greatest, in Q15, of a score times @scale[0] / 2^@scale[1]; what
 * is beyond 2^20 of them is so too after the cut.
 */
static inline u32 ink_octaves_q15(s32 top, s32 s, const s32 *scale)
{
	u64 t = (u64)((s64)top - s) * (u64)scale[0] >> scale[1];

	return (u32)min_t(u64, t, 32 << 15);
}

/*
 * A quotient that fits 32 bits. Vector code has defined it as the instruction that takes a third of
 * the time because it gives no more than that.
 */
#ifndef ink_quotient32
#define ink_quotient32(n, by)	((u32)div_u64(n, by))
#endif

/**
 * struct ink_share - how weights in Q20 become shares of their sum
 * @reciprocal: 2^(@shift + 20) / sum, 2^14 to 2^15
 * @shift: position of the sum's highest bit, less five
 */
struct ink_share {
	u32 reciprocal;
	u32 shift;
};

/* @sum: at least 2^20 - 32, the weight of the greatest */
static inline struct ink_share ink_share_of(u32 sum)
{
	u32 b = 31 - (u32)__builtin_clz(sum);

	return (struct ink_share){
		.reciprocal = ink_quotient32((1ull << (b + 15)) + sum / 2, sum),
		.shift = b - 5,
	};
}

/* A weight's share in Q15, at most 32767. */
static inline s32 ink_share(struct ink_share s, u32 weight)
{
	u32 p = (((weight + 16) >> 5) * s.reciprocal + (1u << (s.shift - 1))) >> s.shift;

	return (s32)min(p, 32767u);
}

/* 16 sqrt(i + 64.5), rounded to nearest, at most 255; in exp2.c. */
extern const u8 ink_sqrt_table[192];

/*
 * Floor of the square root of what is at least 2^62. Two steps of Newton's from
 * eight bits come from above: what is cut off is less than a unit, and so is what
 * is left.
 */
static inline u32 ink_sqrt64_top(u64 v)
{
	u32 root = ink_sqrt_table[(v >> 56) - 64];

	root = (root << 7) + (u32)(v >> 41) / root;
	root = (root << 15) + ink_quotient32(v >> 17, root);
	return root - ((u64)root * root > v);
}

/**
 * struct ink_rsqrt - 1 / sqrt(v)
 * @mult: 2^30 to 2^31
 * @up: 1 / sqrt(v) = @mult 2^(@up - 62), within one part of 2^30
 */
struct ink_rsqrt {
	u32 mult;
	u32 up;
};

/* @v: not zero */
static inline struct ink_rsqrt ink_rsqrt64(u64 v)
{
	u32 up = (u32)__builtin_clzll(v) / 2;

	return (struct ink_rsqrt){
		.mult = min(ink_quotient32(1ull << 62, ink_sqrt64_top(v << (2 * up))), (u32)S32_MAX),
		.up = up,
	};
}

/* 2^24 log2(1 + i / 256), rounded to nearest; in exp2.c. */
extern const u32 ink_log2_table[257];

/**
 * ink_log2_exact_q16() - logarithm
 * @v: not zero
 *
 * Linear between 257 points: within 2^-16 of the real one.
 *
 * Return: log2(v) in 16.16.
 */
static inline u32 ink_log2_exact_q16(u64 v)
{
	u32 e = 63 - (u32)__builtin_clzll(v);
	u64 m = v << (63 - e);			/* 1.63 */
	u32 i = (u32)(m >> 55) & 0xff, f = (u32)(m >> 39) & 0xffff;
	u32 a = ink_log2_table[i], b = ink_log2_table[i + 1];

	return (e << 16) + ((a + (u32)(((u64)(b - a) * f) >> 16) + 128) >> 8);
}

#endif /* INK_FIXED_H */
