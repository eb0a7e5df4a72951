/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The operators in 256-bit vectors: NORM.
 *
 * What lives here: NORM of rows that are a multiple of eight long, with the same bits
 * as ops_seq.c; a part of vector.h, which alone includes it. Integers only.
 */
#ifndef INK_ARCH_X86_VECTOR_NORM_H
#define INK_ARCH_X86_VECTOR_NORM_H

static __always_inline s64 sum_of_64(__m256i v)
{
	__m128i h = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	return _mm_cvtsi128_si64(h) + _mm_extract_epi64(h, 1);
}

/* As norm_square() of ops_seq.c. Two squares are up to 2^31, which is unsigned then. */
static u64 norm_square(const s16 *x, u32 d, bool layer, s32 *off)
{
	const __m256i lower = _mm256_set1_epi64x(U32_MAX), one = _mm256_set1_epi16(1);
	__m256i squares = _mm256_setzero_si256(), sums = squares, v, p;
	u64 square;
	s64 sum;
	u32 j;

	for (j = 0; j < d; j += 16) {
		v = d - j >= 16 ? loadu(x + j) :
		    _mm256_inserti128_si256(_mm256_setzero_si256(), load128(x + j), 0);
		p = _mm256_madd_epi16(v, v);
		squares = _mm256_add_epi64(squares, _mm256_and_si256(p, lower));
		squares = _mm256_add_epi64(squares, odd_lanes(p));
		sums = _mm256_add_epi32(sums, _mm256_madd_epi16(v, one));
	}
	square = (u64)sum_of_64(squares);
	sum = layer ? sum_of_lanes(sums) : 0;
	*off = (s32)sum;
	return layer ? square * d - (u64)(sum * sum) : square;
}

/* What a row is normalised by. */
struct norm_by {
	struct ink_rsqrt r;
	s32 off;
};

static __always_inline struct norm_by norm_by(const struct ink_bound *b, const s16 *x)
{
	struct norm_by by;
	u64 v = norm_square(x, b->out_cols, b->attr[0] == INKLING_NORM_LAYER, &by.off);

	by.r = ink_rsqrt64(v + ((u64)b->attr[1] << b->attr[2]));
	return by;
}

/* A row by upper halves of its products: see norm_narrow() of pack_seq.c. */
static __always_inline void norm_row_narrow(const bool layer, const struct ink_bound *b,
					    struct norm_by by, const s16 *x, s16 *y)
{
	const u32 up = by.r.up - 6, shift = (u32)b->attr[3] + ink_x86_shift_up((u32)b->attr[3]) - 32;
	const __m256i mult = _mm256_set1_epi32((s32)by.r.mult), half = _mm256_set1_epi64x(1ull << 31);
	const __m256i times = _mm256_set1_epi32((s32)((layer ? b->out_cols : 1u) << up));
	const __m256i off = _mm256_set1_epi32((s32)((u32)by.off << up));
	const __m256i by_shift = _mm256_set1_epi32((s32)shift);
	const __m128i lo = _mm_set1_epi16((s16)b->attr[4]), hi = _mm_set1_epi16((s16)b->attr[5]);
	const struct ink_x86_norm *p = b->packed;
	__m256i c, even, odd;
	u32 j;

	for (j = 0; j < b->out_cols; j += 8, p++) {
		c = _mm256_mullo_epi32(_mm256_cvtepi16_epi32(load128(x + j)), times);
		if (layer)
			c = _mm256_sub_epi32(c, off);
		even = _mm256_add_epi64(_mm256_mul_epi32(c, mult), half);
		odd = _mm256_add_epi64(_mm256_mul_epi32(odd_lanes(c), mult), half);
		even = _mm256_mul_epi32(odd_lanes(even), load(p->even));
		odd = _mm256_mul_epi32(odd_lanes(odd), load(p->odd));
		c = _mm256_blend_epi32(odd_lanes(even), odd, 0xaa);
		c = _mm256_srav_epi32(_mm256_add_epi32(c, load(p->add)), by_shift);
		_mm_storeu_si128((__m128i *)(y + j), _mm_min_epi16(_mm_max_epi16(pack_halves32(c), lo), hi));
	}
}

static void norm_row_wide(const struct ink_bound *b, struct norm_by by, const s16 *x, s16 *y)
{
	const bool layer = b->attr[0] == INKLING_NORM_LAYER;
	const __m256i mult = _mm256_set1_epi32((s32)by.r.mult), off = _mm256_set1_epi32(by.off);
	const __m256i d = _mm256_set1_epi32((s32)b->out_cols);
	const struct wide_shift root = wide_shift_of(38 - by.r.up);
	const struct wide_shift shift = wide_shift_of((u32)b->attr[3]);
	const __m256i lo = _mm256_set1_epi32(b->attr[4]), hi = _mm256_set1_epi32(b->attr[5]);
	const s16 *gamma = b->in_const[1];
	const s32 *beta = b->in_const[2];
	__m256i c, g, even, odd;
	u32 j;

	for (j = 0; j < b->out_cols; j += 8) {
		c = _mm256_cvtepi16_epi32(load128(x + j));
		if (layer)
			c = _mm256_sub_epi32(_mm256_mullo_epi32(c, d), off);
		g = _mm256_cvtepi16_epi32(load128(gamma + j));
		even = wide_shift(_mm256_mul_epi32(c, mult), &root);
		odd = wide_shift(_mm256_mul_epi32(odd_lanes(c), mult), &root);
		even = wide_shift(_mm256_mul_epi32(even, g), &shift);
		odd = wide_shift(_mm256_mul_epi32(odd, odd_lanes(g)), &shift);
		c = join_lower(even, odd);
		if (beta)
			c = _mm256_add_epi32(c, loadu(beta + j));
		_mm_storeu_si128((__m128i *)(y + j), pack_halves32(clamp32(c, lo, hi)));
	}
}

static __always_inline void norm_row(const struct ink_bound *b, struct norm_by by, const s16 *x,
				     s16 *y)
{
	if (!b->narrow)
		norm_row_wide(b, by, x, y);
	else if (b->attr[0] == INKLING_NORM_LAYER)
		norm_row_narrow(true, b, by, x, y);
	else
		norm_row_narrow(false, b, by, x, y);
}

/* Four rows at a time, so that their roots and quotients are waited for together. */
static void run_norm(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	u32 d = b->out_cols, end = ink_rows_end(b, arena, first, rows), i, j, n;
	const s16 *x = (const s16 *)ink_input(b, arena, 0) + (size_t)first * d;
	s16 *y = (s16 *)(arena + b->out_off) + (size_t)first * d;
	struct norm_by by[4] __uninitialized;

	for (i = first; i < end; i += n) {
		n = min(4u, end - i);
		for (j = 0; j < n; j++)
			by[j] = norm_by(b, x + (size_t)j * d);
		for (j = 0; j < n; j++, x += d, y += d)
			norm_row(b, by[j], x, y);
	}
}

#endif /* INK_ARCH_X86_VECTOR_NORM_H */
