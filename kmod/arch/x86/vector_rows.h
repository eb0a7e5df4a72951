/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The operators in 256-bit vectors: those on sequences that go element by element
 * or row by row, but for NORM, and ADD and MUL of 16 bits.
 *
 * What lives here: those whose shapes pack_seq.c found fit, with the same bits
 * as ops_seq.c; a part of vector.h, which alone includes it. Rows that have to be
 * a multiple of eight long are so: nothing is read behind a constant. Integers only.
 */
#ifndef INK_ARCH_X86_VECTOR_ROWS_H
#define INK_ARCH_X86_VECTOR_ROWS_H

static __always_inline __m128i load128(const void *p)
{
	return _mm_loadu_si128(p);
}

/* Odd lanes where even ones are, which is what multiplications look at. */
static __always_inline __m256i odd_lanes(__m256i v)
{
	return _mm256_srli_epi64(v, 32);
}

/* Lower halves of even and odd lanes, in order. */
static __always_inline __m256i join_lower(__m256i even, __m256i odd)
{
	return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}

/*
 * Rounding shift of signed 64-bit numbers within 2^61, for which AVX2 has no
 * arithmetic shift: 2^62 makes them positive, and what is left of it is taken off.
 */
struct wide_shift {
	__m256i add, sub;
	__m128i count;
};

static __always_inline struct wide_shift wide_shift_of(u32 shift)
{
	return (struct wide_shift){
		.add = _mm256_set1_epi64x((s64)((1ull << 62) + (1ull << (shift - 1)))),
		.sub = _mm256_set1_epi64x((s64)((1ull << 62) >> shift)),
		.count = _mm_cvtsi32_si128((s32)shift),
	};
}

/* What the lower half is of is all that the caller may look at. */
static __always_inline __m256i wide_shift(__m256i v, const struct wide_shift *s)
{
	return _mm256_sub_epi64(_mm256_srl_epi64(_mm256_add_epi64(v, s->add), s->count), s->sub);
}

static __always_inline __m256i clamp32(__m256i v, __m256i lo, __m256i hi)
{
	return _mm256_min_epi32(_mm256_max_epi32(v, lo), hi);
}

/* A row of int8 times the token's multiplier; shifts are 8 at least, so 32 bits hold it. */
static void embed_row(const s8 *table, u32 mult, u32 shift, const s16 *position, u32 d,
		      const s32 *limits, s16 *y)
{
	const struct wide_shift s = wide_shift_of(shift);
	const __m256i m = _mm256_set1_epi32((s32)mult);
	const __m256i lo = _mm256_set1_epi32(limits[0]), hi = _mm256_set1_epi32(limits[1]);
	__m256i v, even, odd;
	u32 j;

	for (j = 0; j < d; j += 8) {
		v = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(table + j)));
		even = wide_shift(_mm256_mul_epi32(v, m), &s);
		odd = wide_shift(_mm256_mul_epi32(odd_lanes(v), m), &s);
		v = join_lower(even, odd);
		if (position)
			v = _mm256_add_epi32(v, _mm256_cvtepi16_epi32(load128(position + j)));
		_mm_storeu_si128((__m128i *)(y + j), pack_halves32(clamp32(v, lo, hi)));
	}
}

static void run_embed(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const void *tokens = ink_input(b, arena, 0);
	const s16 *position = b->in_const[4];
	u32 d = b->out_cols, words = b->in_count[2], i, t;
	s16 *y = (s16 *)(arena + b->out_off);

	if (position)
		position += (size_t)ink_frame(arena)->position * d;
	for (i = first; i < end; i++) {
		t = ink_token(b, tokens, i);
		t = t < words ? array_index_nospec(t, words) : (u32)b->attr[0];
		embed_row((const s8 *)b->in_const[1] + (size_t)t * d,
			  ((const u32 *)b->in_const[2])[t], (u32)((const s8 *)b->in_const[3])[t],
			  position ? position + (size_t)i * d : NULL, d, &b->attr[1],
			  y + (size_t)i * d);
	}
}

static void run_hashembed(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const void *tokens = ink_input(b, arena, 0);
	const s16 *add = b->n_in > 2 ? ink_input(b, arena, 2) : NULL;
	s16 *y = (s16 *)(arena + b->out_off);
	u32 d = b->out_cols, i;

	for (i = first; i < end; i++)
		embed_row((const s8 *)b->in_const[1] + (size_t)ink_bucket(b, tokens, i) * d,
			  (u32)b->attr[2], (u32)b->attr[3], add ? add + (size_t)i * d : NULL, d,
			  &b->attr[4], y + (size_t)i * d);
}

/* Rows of an UNFOLD that lie side by side, so a window is one piece but for what is outside. */
static void run_unfold(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const __m128i zero = _mm_setzero_si128();
	s32 n = (s32)ink_rows(b, arena, 0), width = b->attr[2], before = b->attr[5], i, k;
	u32 d = b->in_cols[0], j;
	const s16 *x = ink_input(b, arena, 0);
	s16 *y = (s16 *)(arena + b->out_off) + (size_t)first * b->out_cols;

	for (i = (s32)first - before; i < (s32)end - before; i++)
		for (k = i; k < i + width; k++, y += d)
			for (j = 0; j < d; j += 8)
				_mm_storeu_si128((__m128i *)(y + j), k < 0 || k >= n ? zero :
						 load128(x + (size_t)(u32)k * d + j));
}

/* Halves upwards, as mean() of ops_seq.c: the sum of 2^12 numbers of 16 bits leaves room to double it. */
static __always_inline s16 pool_mean(s32 sum, s32 n)
{
	s32 twice = 2 * sum + n;

	return (s16)((twice - (twice < 0 ? 2 * n - 1 : 0)) / (2 * n));
}

static void pool_columns(const s16 *x, u32 n, u32 d, bool mean, s16 *y)
{
	__m256i sum = _mm256_setzero_si256();
	s32 sums[8] __aligned(32) __uninitialized;
	__m128i top = load128(x), v;
	u32 i;

	for (i = 0; i < n; i++, x += d) {
		v = load128(x);
		top = _mm_max_epi16(top, v);
		sum = _mm256_add_epi32(sum, _mm256_cvtepi16_epi32(v));
	}
	if (!mean) {
		_mm_storeu_si128((__m128i *)y, top);
		return;
	}
	_mm256_store_si256((__m256i *)sums, sum);
	for (i = 0; i < 8; i++)
		y[i] = pool_mean(sums[i], (s32)n);
}

static void run_pool(const struct ink_bound *b, u8 *arena)
{
	const s16 *x = ink_input(b, arena, 0);
	u32 n = ink_rows(b, arena, 0), d = b->out_cols, j;
	s16 *y = (s16 *)(arena + b->out_off);

	if (b->attr[0] == INKLING_POOL_LAST)
		x += (size_t)(n - 1) * d;
	if (b->attr[0] >= INKLING_POOL_FIRST)
		n = 1;
	for (j = 0; j < d; j += 8)
		pool_columns(x + j, n, d, b->attr[0] == INKLING_POOL_MEAN, y + j);
}

static __always_inline s32 sum_of_lanes(__m256i v)
{
	__m128i h = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4e));
	return _mm_cvtsi128_si32(_mm_add_epi32(h, _mm_shuffle_epi32(h, 0xb1)));
}

/* Two neighbouring points, from byte @at of all points on. */
static __always_inline __m128i curve_point(const u8 *points, u32 at)
{
	return _mm_cvtsi32_si128((s32)get_unaligned_le32(points + at));
}

/* Those of four elements. Gather instructions take longer than this. */
static __always_inline __m128i curve_four(const u8 *points, const u16 *at)
{
	return _mm_unpacklo_epi64(
		_mm_unpacklo_epi32(curve_point(points, at[0]), curve_point(points, at[1])),
		_mm_unpacklo_epi32(curve_point(points, at[2]), curve_point(points, at[3])));
}

/* Eight elements, with the pairs of points of the lower and of the upper four; @f: what they count. */
static __always_inline __m256i curve_eight(__m128i lower, __m128i upper, __m256i f)
{
	__m256i p = _mm256_inserti128_si256(_mm256_castsi128_si256(lower), upper, 1);

	p = _mm256_add_epi32(_mm256_madd_epi16(p, f), _mm256_set1_epi32(32));
	return _mm256_srai_epi32(p, 6);
}

/*
 * Operators without rows go by sixteen elements from a multiple of them on: what is
 * computed twice, or behind the end, is the same again, or in nobody's way.
 */
static void run_curve(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const __m256i fraction = _mm256_set1_epi16(63), whole = _mm256_set1_epi16(64);
	const __m256i middle = _mm256_set1_epi16(1024), even = _mm256_set1_epi16(0x7fe);
	const u8 *points = b->in_const[1];
	const s16 *x = ink_input(b, arena, 0);
	size_t i = (size_t)first * b->out_cols & ~(size_t)15, n = (size_t)end * b->out_cols;
	s16 *y = (s16 *)(arena + b->out_off);
	u16 at[16] __aligned(32) __uninitialized;
	__m256i v, f, g;

	for (; i < n; i += 16) {
		v = load(x + i);
		f = _mm256_and_si256(v, fraction);
		g = _mm256_sub_epi16(whole, f);
		v = _mm256_and_si256(_mm256_add_epi16(_mm256_srai_epi16(v, 5), middle), even);
		_mm256_store_si256((__m256i *)at, v);
		/* Loads are cheaper than to take them out of a register, which compilers would. */
		__asm__("" : "+m" (at));
		v = _mm256_packs_epi32(
			curve_eight(curve_four(points, at), curve_four(points, at + 8),
				    _mm256_unpacklo_epi16(g, f)),
			curve_eight(curve_four(points, at + 4), curve_four(points, at + 12),
				    _mm256_unpackhi_epi16(g, f)));
		_mm256_store_si256((__m256i *)(y + i), v);
	}
}

/* Cosines and sines of four pairs with those of x: a multiplication for each of the two. */
static __always_inline __m128i rope_pairs(__m128i x, __m128i turn, const __m128i *limits)
{
	const __m128i sign = _mm_set1_epi32((s32)0xffff0001);	/* 1, -1 */
	const __m128i round = _mm_set1_epi32(0x2000);
	__m128i swapped = _mm_or_si128(_mm_slli_epi32(turn, 16), _mm_srli_epi32(turn, 16));
	__m128i p = _mm_madd_epi16(x, _mm_sign_epi16(turn, sign));
	__m128i q = _mm_madd_epi16(x, swapped);

	p = _mm_srai_epi32(_mm_add_epi32(p, round), 14);
	q = _mm_srai_epi32(_mm_add_epi32(q, round), 14);
	p = _mm_min_epi32(_mm_max_epi32(p, limits[0]), limits[1]);
	q = _mm_min_epi32(_mm_max_epi32(q, limits[0]), limits[1]);
	return _mm_blend_epi16(p, _mm_slli_epi32(q, 16), 0xaa);
}

static void run_rope(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const __m128i limits[2] = { _mm_set1_epi32(b->attr[1]), _mm_set1_epi32(b->attr[2]) };
	u32 d = b->out_cols / (u32)b->attr[0], i, h, j;
	const s16 *x = (const s16 *)ink_input(b, arena, 0) + (size_t)first * b->out_cols;
	const s16 *turn = (const s16 *)b->in_const[1] +
			  (size_t)(ink_frame(arena)->position + first) * d;
	s16 *y = (s16 *)(arena + b->out_off) + (size_t)first * b->out_cols;

	for (i = first; i < end; i++, turn += d)
		for (h = 0; h < (u32)b->attr[0]; h++, x += d, y += d)
			for (j = 0; j < d; j += 8)
				_mm_storeu_si128((__m128i *)(y + j), rope_pairs(load128(x + j),
						 load128(turn + j), limits));
}

/* What an ADD or MUL does to four lanes and to the other four; multipliers and shift as
 * in struct ink_x86_narrow.
 */
struct pair {
	__m256i ma, mb, round, lo, hi;
	__m128i shift;
};

/* Upper halves of the 64-bit sums, rounded and shifted by what is left. */
static __always_inline __m256i pair_round(const struct pair *p, __m256i even, __m256i odd)
{
	__m256i v = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);

	return _mm256_sra_epi32(_mm256_add_epi32(v, p->round), p->shift);
}

static __always_inline __m256i pair_add(const struct pair *p, __m256i a, __m256i b)
{
	return pair_round(p,
		_mm256_add_epi64(_mm256_mul_epi32(a, p->ma), _mm256_mul_epi32(b, p->mb)),
		_mm256_add_epi64(_mm256_mul_epi32(odd_lanes(a), p->ma),
				 _mm256_mul_epi32(odd_lanes(b), p->mb)));
}

static __always_inline __m256i pair_mul(const struct pair *p, __m256i v)
{
	return pair_round(p, _mm256_mul_epi32(v, p->ma), _mm256_mul_epi32(odd_lanes(v), p->ma));
}

/* Sixteen elements; halves are parted and joined again such that they stay in order. */
static __always_inline __m256i pair_elements(const struct pair *p, bool add, __m256i a, __m256i b)
{
	__m256i c, d, v;

	if (add) {
		c = _mm256_srai_epi16(a, 15);
		d = _mm256_srai_epi16(b, 15);
		v = _mm256_packs_epi32(
			pair_add(p, _mm256_unpacklo_epi16(a, c), _mm256_unpacklo_epi16(b, d)),
			pair_add(p, _mm256_unpackhi_epi16(a, c), _mm256_unpackhi_epi16(b, d)));
	} else {
		c = _mm256_mullo_epi16(a, b);
		d = _mm256_mulhi_epi16(a, b);
		v = _mm256_packs_epi32(pair_mul(p, _mm256_unpacklo_epi16(c, d)),
				       pair_mul(p, _mm256_unpackhi_epi16(c, d)));
	}
	return _mm256_min_epi16(_mm256_max_epi16(v, p->lo), p->hi);
}

static void run_pair(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const s16 *x = ink_input(b, arena, 0), *z = ink_input(b, arena, 1);
	u32 up = ink_x86_shift_up((u32)b->attr[4]), shift = (u32)b->attr[4] + up - 32;
	size_t i = (size_t)first * b->out_cols & ~(size_t)15, n = (size_t)end * b->out_cols;
	s16 *y = (s16 *)(arena + b->out_off);
	struct pair p = {
		.ma = _mm256_set1_epi32(b->attr[2] * (1 << up)),
		.mb = _mm256_set1_epi32(b->attr[3] * (1 << up)),
		.round = _mm256_set1_epi32(1 << (shift - 1)),
		.shift = _mm_cvtsi32_si128((s32)shift),
		.lo = _mm256_set1_epi16((s16)b->attr[6]),
		.hi = _mm256_set1_epi16((s16)b->attr[7]),
	};

	if (b->opcode == INKLING_OP_ADD)
		for (; i < n; i += 16)
			_mm256_store_si256((__m256i *)(y + i),
					   pair_elements(&p, true, load(x + i), load(z + i)));
	else
		for (; i < n; i += 16)
			_mm256_store_si256((__m256i *)(y + i),
					   pair_elements(&p, false, load(x + i), load(z + i)));
}

/* Products of a row with one of its gates. */
static void scale_row(const s16 *x, s16 gate, const s16 *add, u32 d, s16 *y)
{
	const __m256i g = _mm256_set1_epi32(gate), round = _mm256_set1_epi32(0x4000);
	const __m256i lo = _mm256_set1_epi32(S16_MIN + 1), hi = _mm256_set1_epi32(S16_MAX);
	__m256i v;
	u32 j;

	for (j = 0; j < d; j += 8) {
		v = _mm256_mullo_epi32(_mm256_cvtepi16_epi32(load128(x + j)), g);
		v = _mm256_srai_epi32(_mm256_add_epi32(v, round), 15);
		if (add)
			v = _mm256_add_epi32(v, _mm256_cvtepi16_epi32(load128(add + j)));
		_mm_storeu_si128((__m128i *)(y + j), pack_halves32(clamp32(v, lo, hi)));
	}
}

static void run_scale(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const s16 *x = ink_input(b, arena, 0), *g = ink_input(b, arena, 1);
	const s16 *add = b->n_in > 2 ? ink_input(b, arena, 2) : NULL;
	s16 *y = (s16 *)(arena + b->out_off);
	u32 d = b->out_cols, i;

	for (i = first; i < end; i++)
		scale_row(x + (size_t)i * d, g[(size_t)i * b->in_cols[1] + (u32)b->attr[0]],
			  add ? add + (size_t)i * d : NULL, d, y + (size_t)i * d);
}

static void run_rows(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	u32 end = ink_rows_end(b, arena, first, rows);

	switch (b->opcode) {
	case INKLING_OP_EMBED:
		return run_embed(b, arena, first, end);
	case INKLING_OP_HASHEMBED:
		return run_hashembed(b, arena, first, end);
	case INKLING_OP_UNFOLD:
		return run_unfold(b, arena, first, end);
	case INKLING_OP_POOL:
		return run_pool(b, arena);
	case INKLING_OP_CURVE:
		return run_curve(b, arena, first, end);
	case INKLING_OP_ROPE:
		return run_rope(b, arena, first, end);
	case INKLING_OP_SCALE:
		return run_scale(b, arena, first, end);
	default:
		return run_pair(b, arena, first, end);
	}
}

#endif /* INK_ARCH_X86_VECTOR_ROWS_H */
