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

/* A new position's keys, two columns at a time. */
static void keep_keys(const struct ink_heads *h, const s16 *k, u32 position)
{
	u32 g, j, pair;
	s16 *to;

	for (g = 0; g < h->groups; g++) {
		to = &h->keys[ink_key_at(h, g, position, 0)];
		for (j = 0; j < h->d; j += 2, k += 2, to += 16) {
			memcpy(&pair, k, sizeof(pair));
			memcpy(to, &pair, sizeof(pair));
		}
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

/* Keys of eight positions from a multiple of that on, rows @cols apart: lanes become positions. */
static void keep_keys_block(const struct ink_heads *h, const s16 *k, u32 cols, u32 position)
{
	__m256i a[4] __uninitialized, low[2] __uninitialized, high[2] __uninitialized, *to;
	u32 g, j, i;

	for (g = 0; g < h->groups; g++)
		for (j = 0; j < h->d; j += 8, k += 8) {
			UNROLL for (i = 0; i < 4; i++)
				a[i] = _mm256_inserti128_si256(
					_mm256_castsi128_si256(load128(k + (size_t)i * cols)),
					load128(k + (size_t)(i + 4) * cols), 1);
			UNROLL for (i = 0; i < 2; i++) {
				low[i] = _mm256_unpacklo_epi32(a[2 * i], a[2 * i + 1]);
				high[i] = _mm256_unpackhi_epi32(a[2 * i], a[2 * i + 1]);
			}
			to = (__m256i *)&h->keys[ink_key_at(h, g, position, j)];
			_mm256_storeu_si256(to, _mm256_unpacklo_epi64(low[0], low[1]));
			_mm256_storeu_si256(to + 1, _mm256_unpackhi_epi64(low[0], low[1]));
			_mm256_storeu_si256(to + 2, _mm256_unpacklo_epi64(high[0], high[1]));
			_mm256_storeu_si256(to + 3, _mm256_unpackhi_epi64(high[0], high[1]));
		}
}

/* Values of a position of even number and of the next one. */
static void keep_values_pair(const struct ink_heads *h, const s16 *v, u32 cols, u32 position)
{
	__m128i a, b, *to;
	u32 g, j;

	for (g = 0; g < h->groups; g++)
		for (j = 0; j < h->d; j += 8, v += 8) {
			a = load128(v);
			b = load128(v + cols);
			to = (__m128i *)&h->values[ink_value_at(h, g, position, j)];
			_mm_storeu_si128(to, _mm_unpacklo_epi16(a, b));
			_mm_storeu_si128(to + 1, _mm_unpackhi_epi16(a, b));
		}
}

/* Scores of @blocks, a constant, of eight positions, @block bytes apart. */
static __always_inline void score_blocks(const u32 blocks, const s16 *q, const u8 *keys, size_t block,
					 s32 *scores)
{
	const u8 *end = keys + block;
	__m256i acc[4] __uninitialized, pair;
	u32 i;

	UNROLL for (i = 0; i < blocks; i++)
		acc[i] = _mm256_setzero_si256();
	for (; keys < end; keys += 32, q += 2) {
		pair = _mm256_set1_epi32((s32)get_unaligned_le32(q));
		UNROLL for (i = 0; i < blocks; i++) {
			acc[i] = dot_s16(acc[i], pair, loadu(keys + i * block));
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

/* One head of one query on its way. */
struct query {
	const s16 *q;
	s16 *y;
	u32 group;
	struct ink_view view;
	u32 from, end;		/* the view, in sixteens */
	s32 *scores;		/* by position */
	u16 *shares;		/* by position; weights before */
	s32 top;
	u32 sum;
};

static __always_inline void score(const struct ink_heads *h, struct query *q)
{
	const u8 *keys = (const u8 *)(h->keys + ink_key_at(h, q->group, q->from, 0));
	__m256i top = _mm256_set1_epi32(S32_MIN);
	size_t block = (size_t)h->d * 16;
	u32 i;

	for (i = q->from; i + 32 <= q->view.end; i += 32, keys += 4 * block)
		score_blocks(4, q->q, keys, block, q->scores + i);
	for (; i < q->view.end; i += 8, keys += block)
		score_blocks(1, q->q, keys, block, q->scores + i);
	if (q->view.first > q->from) {
		hide(q->scores, q->from, q->view);
		hide(q->scores, q->from + 8, q->view);
	}
	if (q->view.end < q->end) {
		hide(q->scores, q->end - 16, q->view);
		hide(q->scores, q->end - 8, q->view);
	}
	for (i = q->from; i < q->end; i += 8)
		top = _mm256_max_epi32(top, load(q->scores + i));
	q->top = greatest(top);
}

/* What turns scores into octaves below the greatest. */
struct octaves {
	__m256i top, limit, mult, shift;
};

/* As octaves() of ops_seq.c; from the limit on all is 32 octaves or more. */
static __always_inline __m256i octaves(const struct octaves *o, __m256i scores)
{
	__m256i v = _mm256_min_epu32(_mm256_sub_epi32(o->top, scores), o->limit);
	__m256i even = _mm256_srlv_epi64(_mm256_mul_epu32(v, o->mult), o->shift);
	__m256i odd = _mm256_srlv_epi64(_mm256_mul_epu32(odd_lanes(v), o->mult), o->shift);

	return join_lower(even, odd);
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

/*
 * Weights of sixteen positions, as ink_share() wants them: rounded to Q15, which is 16 bits; in the
 * order in which they are packed. @edge: some may be hidden. Returns weights in Q20, for their sum.
 */
static __always_inline __m256i weigh_some(const bool edge, const struct octaves *o,
					  const s32 *scores, u16 *weights)
{
	const __m256i lowest = _mm256_set1_epi32(S32_MIN), round = _mm256_set1_epi32(16);
	__m256i s = load(scores), t = load(scores + 8), v = octaves(o, s), w = octaves(o, t);

	exp2_q20(&v, &w);
	if (edge) {
		v = _mm256_andnot_si256(_mm256_cmpeq_epi32(s, lowest), v);
		w = _mm256_andnot_si256(_mm256_cmpeq_epi32(t, lowest), w);
	}
	s = _mm256_srli_epi32(_mm256_add_epi32(v, round), 5);
	t = _mm256_srli_epi32(_mm256_add_epi32(w, round), 5);
	_mm256_store_si256((__m256i *)weights, _mm256_packus_epi32(s, t));
	return _mm256_add_epi32(v, w);
}

/* All weights, and their sum. */
static __always_inline void weigh(const struct ink_bound *b, struct query *q)
{
	const struct ink_x86_octaves *packed = b->packed;
	const struct octaves o = {
		.top = _mm256_set1_epi32(q->top),
		.limit = _mm256_set1_epi32((s32)packed->limit),
		.mult = _mm256_set1_epi32(b->attr[4]),
		.shift = _mm256_set1_epi64x(b->attr[5]),
	};
	__m256i sum = _mm256_setzero_si256();
	u32 i = q->from, end = q->end;

	if (q->view.first > i) {
		sum = weigh_some(true, &o, q->scores + i, q->shares + i);
		i += 16;
	}
	if (i < end && q->view.end < end) {
		end -= 16;
		sum = _mm256_add_epi32(sum, weigh_some(true, &o, q->scores + end, q->shares + end));
	}
	for (; i < end; i += 16)
		sum = _mm256_add_epi32(sum, weigh_some(false, &o, q->scores + i, q->shares + i));
	q->sum = (u32)sum_of_lanes(sum);
}

/*
 * Weights times the reciprocal, which is up to 2^15 and therefore comes in two halves. What exceeds
 * 32767 is cut when it is packed.
 */
static __always_inline void share(struct query *q)
{
	struct ink_share s = ink_share_of(q->sum);
	u32 half = s.reciprocal / 2;
	const __m256i halves = _mm256_set1_epi32((s32)(half | (s.reciprocal - half) << 16));
	const __m256i round = _mm256_set1_epi32((s32)(1u << (s.shift - 1)));
	const __m256i by = _mm256_set1_epi32((s32)s.shift);
	__m256i v, a, b;
	u32 i;

	for (i = q->from; i < q->end; i += 16) {
		v = load(q->shares + i);
		a = _mm256_madd_epi16(_mm256_unpacklo_epi16(v, v), halves);
		b = _mm256_madd_epi16(_mm256_unpackhi_epi16(v, v), halves);
		a = _mm256_srlv_epi32(_mm256_add_epi32(a, round), by);
		b = _mm256_srlv_epi32(_mm256_add_epi32(b, round), by);
		v = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
		_mm256_store_si256((__m256i *)(q->shares + i), v);
	}
}

/*
 * Weighted values of 8 * @cols columns; positions go by twice @pairs, which part the
 * sums where there are few columns. Both are constants, and their product is at most 8.
 */
static __always_inline void gather_columns(const u32 cols, const u32 pairs, const u16 *shares,
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
		UNROLL for (p = 1; p < pairs; p++)
			acc[c] = _mm256_add_epi32(acc[c], acc[p * cols + c]);
		s = _mm256_add_epi32(acc[c], _mm256_set1_epi32(0x4000));
		_mm_storeu_si128((__m128i *)(y + 8 * c), pack_halves32(_mm256_srai_epi32(s, 15)));
	}
}

static void weighted(const struct ink_heads *h, const struct query *q)
{
	const s16 *values = h->values + ink_value_at(h, q->group, q->from, 0);
	const u16 *shares = q->shares + q->from;
	u32 n = ALIGN(q->view.end - q->from, 8u) / 2, left = h->d, cols;
	s16 *y = q->y;

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

/* The unit that comes next: its row and head, its group, and how many of that are left. */
struct next {
	u32 row, head, group, left;
};

static __always_inline void next_unit(const struct ink_heads *h, struct next *n)
{
	if (!--n->left) {
		n->left = h->heads / h->groups;
		n->group++;
	}
	if (++n->head == h->heads) {
		n->head = n->group = 0;
		n->row++;
	}
}

static __always_inline void query_begin(const struct ink_bound *b, const struct ink_heads *h,
					const struct next *n, struct query *q)
{
	q->group = n->group;
	q->view = ink_view_of(b, h, n->row);
	q->from = q->view.first & ~15u;
	q->end = ALIGN(q->view.end, 16u);
}

/* A call's keys and values to where all are. */
static void keep(const struct ink_bound *b, u8 *arena, const struct ink_heads *h)
{
	const s16 *k = ink_input(b, arena, 1), *v = ink_input(b, arena, 2);
	u32 cols = b->in_cols[1], at = h->before, end = at + h->rows, n;

	for (; at < end; at += n, k += (size_t)n * cols) {
		n = at % 8 || end - at < 8 ? 1 : 8;
		if (n == 8)
			keep_keys_block(h, k, cols, at);
		else
			keep_keys(h, k, at);
	}
	for (at = h->before; at < end; at += n, v += (size_t)n * cols) {
		n = at % 2 || end - at < 2 ? 1 : 2;
		if (n == 2)
			keep_values_pair(h, v, cols, at);
		else
			keep_values(h, v, at);
	}
}

/*
 * Units are heads of queries, query after query. A few at a time go through each step, so that
 * the next one's work fills the time in which a greatest score, a sum or a quotient is waited for.
 */
static void run_attention(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	struct ink_heads h = ink_heads_of(b, arena);
	u32 all = ink_rows(b, arena, 0) * h.heads, of_group = h.heads / h.groups, n, j;
	u32 left = min(rows, all > first ? all - first : 0);
	const s16 *x = (const s16 *)ink_input(b, arena, 0) + (size_t)first * h.d;
	s16 *y = (s16 *)(arena + b->out_off) + (size_t)first * h.d;
	struct next next = { .row = first / h.heads, .head = first % h.heads };
	struct query q[INK_HEADS_AT_ONCE] __uninitialized;

	next.group = next.head / of_group;
	next.left = of_group - next.head % of_group;
	if (!first)
		keep(b, arena, &h);
	for (; left; left -= n) {
		n = min(h.at_once, left);
		for (j = 0; j < n; j++, x += h.d, y += h.d) {
			q[j].q = x;
			q[j].y = y;
			q[j].scores = h.scores + j * h.stride;
			q[j].shares = (u16 *)h.shares + j * h.stride;
			query_begin(b, &h, &next, &q[j]);
			score(&h, &q[j]);
			next_unit(&h, &next);
		}
		for (j = 0; j < n; j++)
			weigh(b, &q[j]);
		for (j = 0; j < n; j++)
			share(&q[j]);
		for (j = 0; j < n; j++)
			weighted(&h, &q[j]);
	}
}

#endif /* INK_ARCH_X86_VECTOR_ATTENTION_H */
