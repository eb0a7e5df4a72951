/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The operators in 256-bit vectors: ATTENTION.
 *
 * What lives here: ATTENTION of heads whose columns are a multiple of eight, with the
 * same bits as ops_seq.c; a part of vector.h, which alone includes it. Integers only.
 *
 * Positions go by sixteen, from a multiple of that on. Those that a query doesn't
 * see have the lowest score, which no other can have, and a share of zero.
 */
#ifndef INK_ARCH_X86_VECTOR_ATTENTION_H
#define INK_ARCH_X86_VECTOR_ATTENTION_H

/* Two products of 16 bits added to each sum. */
static __always_inline __m256i dot_s16(__m256i acc, __m256i a, __m256i b)
{
#ifdef VECTOR_DPWSSD
	return VECTOR_DPWSSD(acc, a, b);
#else
	return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
#endif
}

/* A new position's keys, two columns at a time. */
static void keep_keys(const struct ink_heads *h, const s16 *k, u32 position)
{
	u32 g, j, pair;

	for (g = 0; g < h->groups; g++)
		for (j = 0; j < h->d; j += 2, k += 2) {
			memcpy(&pair, k, sizeof(pair));
			memcpy(&h->keys[ink_key_at(h, g, position, j)], &pair, sizeof(pair));
		}
}

/* Its values, beside those of the position before, or alone. */
static void keep_values(const struct ink_heads *h, const s16 *v, u32 position)
{
	const __m256i lower = _mm256_set1_epi32(0xffff);
	__m256i *to, pair;
	u32 g, j;

	for (g = 0; g < h->groups; g++)
		for (j = 0; j < h->d; j += 8, v += 8) {
			to = (__m256i *)&h->values[ink_value_at(h, g, position & ~1u, j)];
			pair = _mm256_cvtepu16_epi32(load128(v));
			if (position & 1)
				pair = _mm256_or_si256(_mm256_slli_epi32(pair, 16),
						       _mm256_and_si256(loadu(to), lower));
			_mm256_storeu_si256(to, pair);
		}
}

/* Scores of @blocks, a constant, of eight positions. */
static __always_inline void score_blocks(const u32 blocks, const s16 *q, const s16 *keys, u32 d,
					 s32 *scores)
{
	__m256i acc[4] __uninitialized, pair;
	u32 i, j;

	UNROLL for (i = 0; i < blocks; i++)
		acc[i] = _mm256_setzero_si256();
	for (j = 0; j < d; j += 2) {
		pair = _mm256_set1_epi32((s32)get_unaligned_le32(q + j));
		UNROLL for (i = 0; i < blocks; i++) {
			acc[i] = dot_s16(acc[i], pair, loadu(keys + (size_t)i * d * 8 + j * 8));
			KEEP(acc[i]);
		}
	}
	UNROLL for (i = 0; i < blocks; i++)
		_mm256_store_si256((__m256i *)(scores + 8 * i), acc[i]);
}

/* Eight positions of which some aren't seen. */
static void hide(s32 *scores, u32 at, struct ink_view view)
{
	__m256i i = _mm256_add_epi32(_mm256_set1_epi32((s32)at),
				     _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
	__m256i hidden = _mm256_or_si256(
		_mm256_cmpgt_epi32(i, _mm256_set1_epi32((s32)view.end - 1)),
		_mm256_cmpgt_epi32(_mm256_set1_epi32((s32)view.first), i));

	_mm256_store_si256((__m256i *)(scores + at),
			   choose(hidden, _mm256_set1_epi32(S32_MIN), load(scores + at)));
}

static __always_inline s32 greatest(__m256i v)
{
	__m128i h = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0x4e));
	h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0xb1));
	return _mm_cvtsi128_si32(h);
}

/* Scores of one head of one query in positions from @from, before @end; returns the greatest. */
static s32 score(const struct ink_heads *h, const s16 *q, u32 group, u32 from, u32 end,
		 struct ink_view view)
{
	const s16 *keys = h->keys + ink_key_at(h, group, from, 0);
	__m256i top = _mm256_set1_epi32(S32_MIN);
	u32 d = h->d, i;

	for (i = from; i + 32 <= view.end; i += 32, keys += (size_t)d * 32)
		score_blocks(4, q, keys, d, h->scores + i);
	for (; i < view.end; i += 8, keys += (size_t)d * 8)
		score_blocks(1, q, keys, d, h->scores + i);
	hide(h->scores, from, view);
	hide(h->scores, from + 8, view);
	hide(h->scores, end - 8, view);
	if (end - from > 16)
		hide(h->scores, end - 16, view);
	for (i = from; i < end; i += 8)
		top = _mm256_max_epi32(top, load(h->scores + i));
	return greatest(top);
}

/* What turns scores into octaves below the greatest. */
struct octaves {
	__m256i top, limit, mult;
	__m128i shift;
};

/* As octaves() of ops_seq.c: from the limit on all is 32 octaves or more. */
static __always_inline __m256i octaves(const struct octaves *o, __m256i scores)
{
	__m256i v = _mm256_min_epu32(_mm256_sub_epi32(o->top, scores), o->limit);
	__m256i even = _mm256_srl_epi64(_mm256_mul_epu32(v, o->mult), o->shift);
	__m256i odd = _mm256_srl_epi64(_mm256_mul_epu32(odd_lanes(v), o->mult), o->shift);

	return _mm256_min_epu32(join_lower(even, odd), _mm256_set1_epi32(32 << 15));
}

/* ink_exp2_q20() of sixteen; the polynomial in 16 bits. */
static __always_inline void exp2_q20(__m256i *a, __m256i *b)
{
	const __m256i fraction = _mm256_set1_epi32(0x7fff), zero = _mm256_setzero_si256();
	__m256i f = _mm256_packus_epi32(_mm256_and_si256(*a, fraction),
					_mm256_and_si256(*b, fraction));
	__m256i y = _mm256_sub_epi16(_mm256_set1_epi16(1735),
				     _mm256_mulhrs_epi16(f, _mm256_set1_epi16(220)));

	y = _mm256_sub_epi16(_mm256_set1_epi16(7838), _mm256_mulhrs_epi16(f, y));
	y = _mm256_sub_epi16(_mm256_set1_epi16(22707), _mm256_mulhrs_epi16(f, y));
	y = _mm256_sub_epi16(_mm256_set1_epi16(S16_MIN), _mm256_mulhrs_epi16(f, y));
	y = _mm256_min_epu16(y, _mm256_set1_epi16(S16_MAX));
	*a = _mm256_srlv_epi32(_mm256_slli_epi32(_mm256_unpacklo_epi16(y, zero), 5),
			       _mm256_srli_epi32(*a, 15));
	*b = _mm256_srlv_epi32(_mm256_slli_epi32(_mm256_unpackhi_epi16(y, zero), 5),
			       _mm256_srli_epi32(*b, 15));
}

/* Weights in place of scores; returns their sum. */
static u32 weigh(const struct ink_bound *b, s32 *scores, u32 from, u32 end, s32 top)
{
	const struct ink_x86_octaves *packed = b->packed;
	const struct octaves o = {
		.top = _mm256_set1_epi32(top),
		.limit = _mm256_set1_epi32((s32)packed->limit),
		.mult = _mm256_set1_epi32(b->attr[4]),
		.shift = _mm_cvtsi32_si128(b->attr[5]),
	};
	const __m256i lowest = _mm256_set1_epi32(S32_MIN);
	__m256i sum = _mm256_setzero_si256(), s, t, v, w;
	u32 i;

	for (i = from; i < end; i += 16) {
		s = load(scores + i);
		t = load(scores + i + 8);
		v = octaves(&o, s);
		w = octaves(&o, t);
		exp2_q20(&v, &w);
		v = _mm256_andnot_si256(_mm256_cmpeq_epi32(s, lowest), v);
		w = _mm256_andnot_si256(_mm256_cmpeq_epi32(t, lowest), w);
		_mm256_store_si256((__m256i *)(scores + i), v);
		_mm256_store_si256((__m256i *)(scores + i + 8), w);
		sum = _mm256_add_epi32(sum, _mm256_add_epi32(v, w));
	}
	return (u32)sum_of_lanes(sum);
}

static __always_inline __m256i share_of(__m256i w, __m256i reciprocal, __m256i round, __m128i shift)
{
	w = _mm256_srli_epi32(_mm256_add_epi32(w, _mm256_set1_epi32(16)), 5);
	w = _mm256_add_epi32(_mm256_mullo_epi32(w, reciprocal), round);
	return _mm256_min_epu32(_mm256_srl_epi32(w, shift), _mm256_set1_epi32(S16_MAX));
}

static void share(const struct ink_heads *h, u32 from, u32 end, u32 sum)
{
	struct ink_share s = ink_share_of(sum);
	const __m256i reciprocal = _mm256_set1_epi32((s32)s.reciprocal);
	const __m256i round = _mm256_set1_epi32((s32)(1u << (s.shift - 1)));
	const __m128i shift = _mm_cvtsi32_si128((s32)s.shift);
	__m256i v;
	u32 i;

	for (i = from; i < end; i += 16) {
		v = _mm256_packus_epi32(
			share_of(load(h->scores + i), reciprocal, round, shift),
			share_of(load(h->scores + i + 8), reciprocal, round, shift));
		_mm256_store_si256((__m256i *)(h->shares + i), _mm256_permute4x64_epi64(v, 0xd8));
	}
}

/*
 * Weighted values of 8 * @cols columns; positions go by twice @pairs, which part the
 * sums where there are few columns. Both are constants, and their product is at most 8.
 */
static __always_inline void gather_columns(const u32 cols, const u32 pairs, const s16 *shares,
					   const s16 *values, u32 n, u32 d, s16 *y)
{
	__m256i acc[8] __uninitialized, s;
	u32 i, p, c;

	UNROLL for (c = 0; c < cols * pairs; c++)
		acc[c] = _mm256_setzero_si256();
	for (i = 0; i < n; i += pairs) {
		UNROLL for (p = 0; p < pairs; p++, shares += 2, values += 2 * (size_t)d) {
			s = _mm256_set1_epi32((s32)get_unaligned_le32(shares));
			UNROLL for (c = 0; c < cols; c++) {
				acc[p * cols + c] = dot_s16(acc[p * cols + c], s,
							    loadu(values + 16 * c));
				KEEP(acc[p * cols + c]);
			}
		}
	}
	UNROLL for (c = 0; c < cols; c++) {
		for (p = 1; p < pairs; p++)
			acc[c] = _mm256_add_epi32(acc[c], acc[p * cols + c]);
		s = _mm256_add_epi32(acc[c], _mm256_set1_epi32(0x4000));
		_mm_storeu_si128((__m128i *)(y + 8 * c), pack_halves32(_mm256_srai_epi32(s, 15)));
	}
}

/* Positions from @from, a multiple of eight, to before @end. */
static void weighted(const struct ink_heads *h, u32 group, u32 from, u32 end, s16 *y)
{
	const s16 *values = h->values + ink_value_at(h, group, from, 0);
	const s16 *shares = h->shares + from;
	u32 n = ALIGN(end - from, 8u) / 2, left = h->d, cols;

	for (; left; left -= cols, y += cols, values += cols * 2) {
		cols = left >= 64 ? 64 : left >= 32 ? 32 : left >= 16 ? 16 : 8;
		if (cols == 64)
			gather_columns(8, 1, shares, values, n, h->d, y);
		else if (cols == 32)
			gather_columns(4, 2, shares, values, n, h->d, y);
		else if (cols == 16)
			gather_columns(2, 4, shares, values, n, h->d, y);
		else
			gather_columns(1, 4, shares, values, n, h->d, y);
	}
}

static void attend(const struct ink_bound *b, u8 *arena, const struct ink_heads *h, u32 row,
		   u32 head)
{
	const size_t at = (size_t)row * b->in_cols[0] + (size_t)head * h->d;
	struct ink_view view = ink_view_of(b, h, row);
	u32 group = head / (h->heads / h->groups);
	u32 from = view.first & ~15u, end = ALIGN(view.end, 16u);
	s32 top = score(h, (const s16 *)ink_input(b, arena, 0) + at, group, from, end, view);

	share(h, from, end, weigh(b, h->scores, from, end, top));
	weighted(h, group, from, view.end, (s16 *)(arena + b->out_off) + at);
}

static void run_attention(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	const s16 *k = ink_input(b, arena, 1), *v = ink_input(b, arena, 2);
	struct ink_heads h = ink_heads_of(b, arena);
	u32 all = ink_rows(b, arena, 0) * h.heads, i;
	u32 end = first + min(rows, all > first ? all - first : 0);

	for (i = 0; !first && i < h.rows; i++) {
		keep_keys(&h, k + (size_t)i * b->in_cols[1], h.before + i);
		keep_values(&h, v + (size_t)i * b->in_cols[1], h.before + i);
	}
	for (i = first; i < end; i++)
		attend(b, arena, &h, i / h.heads, i % h.heads);
}

#endif /* INK_ARCH_X86_VECTOR_ATTENTION_H */
