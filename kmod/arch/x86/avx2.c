// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The operators in AVX2.
 *
 * What lives here: DENSE and QUANT on what pack.c and pack_quant.c prepared,
 * with the same bits as ops.c. This file alone is compiled with AVX2, so it
 * holds nothing that may be called outside of an FPU section. Integers only.
 */
#include <immintrin.h>

#include "avx2.h"

#define UNROLL	_Pragma("GCC unroll 8")

static __always_inline __m256i load(const void *p)
{
	return _mm256_load_si256(p);
}

static __always_inline __m256i loadu(const void *p)
{
	return _mm256_loadu_si256(p);
}

/*
 * One tile of a DENSE: sums of products for tile * 8 rows. @path and @tile are
 * constants, so that the sums stay in registers.
 */
static __always_inline const u8 *tile_sums(const u8 path, const u32 tile, const u8 *w,
					   const u8 *x, u32 n, __m256i lo, s32 *sums)
{
	const __m256i ones = _mm256_set1_epi16(1);
	__m256i acc[8], v, mag, p;
	u32 k, t;

	UNROLL for (t = 0; t < tile; t++)
		acc[t] = _mm256_setzero_si256();
	for (k = 0; k < n; k += path == INK_PATH_S16 ? 2 : 4, x += 4, w += 32 * tile) {
		v = _mm256_set1_epi32((s32)get_unaligned_le32(x));
		if (path == INK_PATH_U8)
			v = _mm256_sub_epi8(v, lo);
		if (path == INK_PATH_S8)
			mag = _mm256_abs_epi8(v);
		UNROLL for (t = 0; t < tile; t++) {
			p = load(w + 32 * t);
			if (path == INK_PATH_S16) {
				p = _mm256_madd_epi16(p, v);
			} else {
				p = path == INK_PATH_U8 ? _mm256_maddubs_epi16(v, p) :
				    _mm256_maddubs_epi16(mag, _mm256_sign_epi8(p, v));
				p = _mm256_madd_epi16(p, ones);
			}
			acc[t] = _mm256_add_epi32(acc[t], p);
		}
	}
	UNROLL for (t = 0; t < tile; t++)
		_mm256_store_si256((__m256i *)(sums + 8 * t), acc[t]);
	return w;
}

/* Sums of products of the next @blocks blocks, whose weights begin at @w. */
static __always_inline void block_sums(const u8 path, const u8 *w, const u8 *x, u32 n, s32 low,
				       u32 blocks, s32 *sums)
{
	const __m256i lo = _mm256_set1_epi8((char)low);
	u32 tile;

	for (; blocks; blocks -= tile, sums += 8 * tile) {
		tile = ink_avx2_tile(blocks, n);
		if (tile == 8)
			w = tile_sums(path, 8, w, x, n, lo, sums);
		else if (tile == 4)
			w = tile_sums(path, 4, w, x, n, lo, sums);
		else if (tile == 2)
			w = tile_sums(path, 2, w, x, n, lo, sums);
		else
			w = tile_sums(path, 1, w, x, n, lo, sums);
	}
}

/* Four rows, of which some may be none, to the lanes 0 2 1 3 of each half; still two halves. */
static __always_inline __m256i fold_rows(const u32 rows, const __m256i *acc)
{
	__m256i a;

	if (rows > 2)
		return _mm256_hadd_epi32(_mm256_hadd_epi32(acc[0], acc[2]),
					 _mm256_hadd_epi32(acc[1], acc[3]));
	a = _mm256_hadd_epi32(acc[0], acc[rows - 1]);
	return _mm256_add_epi32(a, _mm256_shuffle_epi32(a, 0xb1));
}

/* A few rows, along the input: the whole DENSE. */
static __always_inline void row_sums(const u32 rows, const u8 *w, const u8 *x, u32 n, s32 *sums)
{
	__m256i acc[8], v, lower, upper = _mm256_setzero_si256();
	u32 k, r;

	UNROLL for (r = 0; r < rows; r++)
		acc[r] = _mm256_setzero_si256();
	for (k = 0; k < n; k += 16, w += 32 * rows) {
		v = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(x + k)));
		UNROLL for (r = 0; r < rows; r++)
			acc[r] = _mm256_add_epi32(acc[r], _mm256_madd_epi16(v, load(w + 32 * r)));
	}
	lower = fold_rows(rows, acc);
	if (rows > 4)
		upper = fold_rows(rows, acc + 4);
	lower = _mm256_add_epi32(_mm256_permute2x128_si256(lower, upper, 0x20),
				 _mm256_permute2x128_si256(lower, upper, 0x31));
	_mm256_store_si256((__m256i *)sums, lower);
}

/*
 * Bias, multiplier, rounding, shift and zero point of eight rows, in the order
 * in which they leave. The sum is positive thanks to 2^62, so a logical shift,
 * which AVX2 has, does for the arithmetic one, which it hasn't.
 */
static __always_inline __m256i requant(const struct ink_avx2_rows *p, const s32 *sums)
{
	__m256i acc = load(sums), even, odd;

	even = _mm256_mul_epi32(acc, load(p->mult));
	odd = _mm256_mul_epi32(_mm256_srli_epi64(acc, 32), load(p->mult_odd));
	even = _mm256_srlv_epi64(_mm256_add_epi64(even, load(p->add)), load(p->shift));
	odd = _mm256_srlv_epi64(_mm256_add_epi64(odd, load(p->add_odd)), load(p->shift_odd));
	acc = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(even),
						    _mm256_castsi256_ps(odd), 0x88));
	return _mm256_add_epi32(acc, load(p->zero));
}

/* A pair of blocks as 16 numbers of 16 bits; what is beyond is beyond any clamp. */
static __always_inline __m256i requant_pair(const struct ink_avx2_rows *p, const s32 *sums)
{
	return _mm256_packs_epi32(requant(p, sums), requant(p + 1, sums + 8));
}

static __always_inline __m128i requant_single(const struct ink_avx2_rows *p, const s32 *sums)
{
	__m256i v = requant(p, sums);

	return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static void store_int8(const struct ink_avx2_rows *p, const s32 *sums, u32 blocks,
		       const s32 *attr, s8 *y)
{
	const __m256i lo = _mm256_set1_epi8((char)attr[1]), hi = _mm256_set1_epi8((char)attr[2]);
	__m128i low = _mm256_castsi256_si128(lo), high = _mm256_castsi256_si128(hi), h;
	__m256i v;

	for (; blocks >= 4; blocks -= 4, p += 4, sums += 32, y += 32) {
		v = _mm256_packs_epi16(requant_pair(p, sums), requant_pair(p + 2, sums + 16));
		v = _mm256_permute4x64_epi64(v, 0xd8);
		v = _mm256_min_epi8(_mm256_max_epi8(v, lo), hi);
		_mm256_storeu_si256((__m256i *)y, v);
	}
	if (blocks & 2) {
		v = requant_pair(p, sums);
		h = _mm_packs_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
		_mm_storeu_si128((__m128i *)y, _mm_min_epi8(_mm_max_epi8(h, low), high));
		p += 2;
		sums += 16;
		y += 16;
	}
	if (blocks & 1) {
		h = requant_single(p, sums);
		h = _mm_packs_epi16(h, h);
		_mm_storel_epi64((__m128i *)y, _mm_min_epi8(_mm_max_epi8(h, low), high));
	}
}

static void store_int16(const struct ink_avx2_rows *p, const s32 *sums, u32 blocks,
			const s32 *attr, s16 *y)
{
	const __m256i lo = _mm256_set1_epi16((s16)attr[1]), hi = _mm256_set1_epi16((s16)attr[2]);
	__m256i v;
	__m128i h;

	for (; blocks >= 2; blocks -= 2, p += 2, sums += 16, y += 16) {
		v = requant_pair(p, sums);
		_mm256_storeu_si256((__m256i *)y, _mm256_min_epi16(_mm256_max_epi16(v, lo), hi));
	}
	if (blocks) {
		h = requant_single(p, sums);
		h = _mm_min_epi16(_mm_max_epi16(h, _mm256_castsi256_si128(lo)),
				  _mm256_castsi256_si128(hi));
		_mm_storeu_si128((__m128i *)y, h);
	}
}

static void store_int32(const struct ink_avx2_rows *p, const s32 *sums, u32 blocks,
			const s32 *attr, s32 *y)
{
	const __m256i lo = _mm256_set1_epi32(attr[1]), hi = _mm256_set1_epi32(attr[2]);
	__m256i v, u;

	for (; blocks >= 2; blocks -= 2, p += 2, sums += 16, y += 16) {
		v = _mm256_min_epi32(_mm256_max_epi32(requant(p, sums), lo), hi);
		u = _mm256_min_epi32(_mm256_max_epi32(requant(p + 1, sums + 8), lo), hi);
		_mm256_storeu_si256((__m256i *)y, _mm256_permute2x128_si256(v, u, 0x20));
		_mm256_storeu_si256((__m256i *)(y + 8), _mm256_permute2x128_si256(v, u, 0x31));
	}
	if (blocks) {
		v = _mm256_min_epi32(_mm256_max_epi32(requant(p, sums), lo), hi);
		_mm256_storeu_si256((__m256i *)y, v);
	}
}

/* From sums to outputs: @blocks blocks, of which @rows rows are real. */
static void finish_rows(const struct ink_bound *b, const struct ink_avx2_rows *p, const s32 *sums,
			u32 blocks, u32 rows, u8 *out)
{
	const s8 *table = b->in_const[5];
	s8 *y = (s8 *)out;
	u32 i;

	switch (b->out_dtype) {
	case INKLING_INT8:
		store_int8(p, sums, blocks, b->attr, y);
		if (table)
			for (i = 0; i < rows; i++)
				y[i] = table[y[i] + 128];
		break;
	case INKLING_INT16:
		store_int16(p, sums, blocks, b->attr, (s16 *)out);
		break;
	default:
		store_int32(p, sums, blocks, b->attr, (s32 *)out);
	}
}

/* Sixteen bits for S16. Reads and writes up to a multiple of 32 elements. */
static void widen(const u8 *x, u32 n, u8 *to)
{
	u32 i;

	for (i = 0; i < n; i += 16, to += 32)
		_mm256_store_si256((__m256i *)to,
			_mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(x + i))));
}

static void dense_sums(const struct ink_bound *b, const u8 *w, const u8 *x, u32 blocks, s32 *sums)
{
	switch (b->path) {
	case INK_PATH_U8:
		block_sums(INK_PATH_U8, w, x, b->n, b->in_lo, blocks, sums);
		break;
	case INK_PATH_S8:
		block_sums(INK_PATH_S8, w, x, b->n, 0, blocks, sums);
		break;
	case INK_PATH_S16:
		block_sums(INK_PATH_S16, w, x, b->n, 0, blocks, sums);
		break;
	default:
		if (b->m > 4)
			row_sums(8, w, x, b->n, sums);
		else if (b->m > 2)
			row_sums(4, w, x, b->n, sums);
		else if (b->m > 1)
			row_sums(2, w, x, b->n, sums);
		else
			row_sums(1, w, x, b->n, sums);
	}
}

static void run_dense(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	u32 elem = b->out_dtype == INKLING_INT8 ? 1 : b->out_dtype == INKLING_INT16 ? 2 : 4;
	const struct ink_avx2_rows *p = (const struct ink_avx2_rows *)b->packed + first / 8;
	const u8 *w = (const u8 *)((const struct ink_avx2_rows *)b->packed +
				   ink_avx2_blocks(b->m));
	u32 step = b->path == INK_PATH_S16 ? 2 : 4;
	size_t block_bytes = (size_t)DIV_ROUND_UP(b->n, step) * 32;
	u32 end = min(rows, b->m - first) + first, count, blocks;
	s32 *sums = (s32 *)(arena + b->scratch_off);
	const u8 *x = arena + b->in_off[0];
	u8 *y = arena + b->out_off;

	if (b->path == INK_PATH_S16) {
		u8 *wide = (u8 *)sums + ALIGN(min(ALIGN(b->m, 8u), INK_AVX2_CHUNK_ROWS) * 4, 64u);

		widen(x, b->n, wide);
		x = wide;
	}
	w += first / 8 * block_bytes;
	for (; first < end; first += count) {
		count = min(INK_AVX2_CHUNK_ROWS, end - first);
		blocks = ink_avx2_blocks(count);
		dense_sums(b, w, x, blocks, sums);
		finish_rows(b, p, sums, blocks, count, y + (size_t)first * elem);
		w += blocks * block_bytes;
		p += blocks;
	}
}

/*
 * ink_log2_q16() of eight unsigned numbers, none of them 0. The position of
 * the highest bit comes from one table look-up for each half of each byte.
 */
static __always_inline __m256i log2_q16(__m256i v)
{
	const __m256i nibble = _mm256_set1_epi8(0xf);
	const __m256i low = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4));
	const __m256i high = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 5, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8));
	__m256i top, norm;

	top = _mm256_max_epu8(
		_mm256_shuffle_epi8(low, _mm256_and_si256(v, nibble)),
		_mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi32(v, 4), nibble)));
	top = _mm256_andnot_si256(_mm256_cmpeq_epi8(top, _mm256_setzero_si256()),
				  _mm256_add_epi8(top, _mm256_set1_epi32(0x18100800)));
	top = _mm256_max_epu8(top, _mm256_srli_epi32(top, 16));
	top = _mm256_max_epu8(top, _mm256_srli_epi32(top, 8));
	top = _mm256_and_si256(top, _mm256_set1_epi32(0xff));
	/* top is one above the position, norm >> 15 is one and the fraction. */
	norm = _mm256_sllv_epi32(v, _mm256_sub_epi32(_mm256_set1_epi32(32), top));
	top = _mm256_add_epi32(_mm256_slli_epi32(top, 16), _mm256_srli_epi32(norm, 15));
	return _mm256_sub_epi32(top, _mm256_set1_epi32(2 << 16));
}

/* Eight rows of a QUANT. Differences are unsigned: up to 2^32 - 2. */
static __always_inline void quant_chunk(const struct ink_avx2_chunk *c, const s32 *raw, u8 *y)
{
	__m256i lo = load(c->lo), u, even, odd;
	__m128i h;

	u = _mm256_min_epi32(_mm256_max_epi32(loadu(raw), lo), load(c->hi));
	u = _mm256_sub_epi32(u, lo);
	if (c->any_log)
		u = _mm256_blendv_epi8(u, log2_q16(_mm256_add_epi32(u, _mm256_set1_epi32(1))),
				       load(c->log));
	even = _mm256_mul_epu32(u, load(c->mult));
	odd = _mm256_mul_epu32(_mm256_srli_epi64(u, 32), load(c->mult_odd));
	even = _mm256_srlv_epi64(_mm256_add_epi64(even, load(c->add)), load(c->shift));
	odd = _mm256_srlv_epi64(_mm256_add_epi64(odd, load(c->add_odd)), load(c->shift_odd));
	u = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
	u = _mm256_add_epi32(u, load(c->zero));
	h = _mm_packs_epi32(_mm256_castsi256_si128(u), _mm256_extracti128_si256(u, 1));
	_mm_storel_epi64((__m128i *)y, _mm_packs_epi16(h, h));
}

/* In order, so that what a vector writes too much is overwritten by the next piece. */
static const struct ink_avx2_piece *gather(const struct ink_avx2_piece *p, u32 count,
					   const s32 *raw, s32 *to)
{
	const struct ink_avx2_piece *end = p + count;
	u32 i;

	for (; p < end; p++)
		for (i = 0; i < p->len; i += 8)
			_mm256_storeu_si256((__m256i *)(to + p->dst + i), loadu(raw + p->src + i));
	return p;
}

static const struct ink_avx2_piece *spread(const struct ink_avx2_piece *p, u32 count,
					   const u8 *from, u8 *y)
{
	const struct ink_avx2_piece *end = p + count;
	__m256i v;
	u32 i;

	for (; p < end; p++) {
		v = _mm256_set1_epi8((char)p->zero);
		for (i = 0; i < p->len; i += 32) {
			if (p->src != INKLING_NONE)
				v = loadu(from + p->src + i);
			_mm256_storeu_si256((__m256i *)(y + p->dst + i), v);
		}
	}
	return p;
}

static void run_quant(const struct ink_bound *b, u8 *arena)
{
	const struct ink_avx2_quant *head = b->packed;
	const struct ink_avx2_chunk *chunk = (const void *)(head + 1);
	const struct ink_avx2_piece *piece = (const void *)(chunk + head->chunks);
	const s32 *raw = (const s32 *)(arena + b->in_off[0]), *src = raw + head->src;
	s32 *gathered = (s32 *)(arena + b->scratch_off);
	u8 *y = arena + b->out_off, *to = y;
	const struct ink_avx2_hot *hot;
	u32 i, at;

	if (head->gathers) {
		piece = gather(piece, head->gathers, raw, gathered);
		src = gathered;
	}
	if (head->pieces)
		to = (u8 *)gathered + ink_avx2_gathered(head->chunks);
	for (i = 0; i < head->chunks; i++)
		quant_chunk(chunk + i, src + 8 * i, to + 8 * i);
	hot = (const void *)spread(piece, head->pieces, to, y);
	for (i = 0; i < head->hots; i++, hot++) {
		at = (u32)raw[hot->feature] - (u32)hot->lo;
		/* The caller chooses it, so it stays in bounds under speculation too. */
		if (raw[hot->feature] >= hot->lo && at < hot->width)
			y[hot->dst + array_index_nospec(at, hot->width)] = (u8)hot->hot;
	}
}

void ink_avx2_run(const struct ink_bound *b, u32 count, u8 *arena, u32 first, u32 rows)
{
	const struct ink_bound *end = b + count;

	for (; b < end; b++) {
		if (b->path == INK_PATH_QUANT)
			run_quant(b, arena);
		else
			run_dense(b, arena, first, rows);
	}
}
