/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The operators in 256-bit vectors: DENSE, and the way in.
 *
 * What lives here: DENSE on what pack.c prepared, with the same bits as ops.c.
 * Others are in vector_*.h. Each instruction set has a file that includes
 * this one and says by VECTOR_RUN how its entry is called and by VECTOR_DPBUSD and
 * VECTOR_DPWSSD how vpdpbusd and vpdpwssd are, if it has them; only those files are
 * compiled with vectors, so they hold nothing that may be called outside of an FPU
 * section. Integers only.
 */
#ifndef INK_ARCH_X86_VECTOR_H
#define INK_ARCH_X86_VECTOR_H

#include "vector_base.h"
#include "vector_quant.h"

static u32 elem_size(const struct ink_bound *b)
{
	return b->out_dtype == INKLING_INT8 ? 1 : b->out_dtype == INKLING_INT16 ? 2 : 4;
}

/* What a DENSE needs while it runs. */
struct dense {
	const u8 *x;		/* input, of 16 bits for S16 and ROWS */
	bool wide;		/* output of 16 bits, for a DENSE that wants it so */
	u32 n;
	s32 x_lo;
	const u8 *w;		/* of the next tile */
	const u8 *scaling;	/* of the next tile's first block */
	__m256i lo, hi;		/* clamp of int8 */
};

/* Four products of an unsigned and a signed byte added to each sum. */
static __always_inline __m256i dot_u8(__m256i acc, __m256i u, __m256i w)
{
#ifdef VECTOR_DPBUSD
	return VECTOR_DPBUSD(acc, u, w);
#else
	/* Two of them in 16 bits in between: pack.c has proven that they fit. */
	w = _mm256_madd_epi16(_mm256_maddubs_epi16(u, w), _mm256_set1_epi16(1));
	return _mm256_add_epi32(acc, w);
#endif
}

/* One instruction's worth of input, in all lanes, times the weights of a tile. */
static __always_inline void tile_step(const u8 path, const u32 tile, const u8 *w, __m256i v,
				      __m256i mag, __m256i *acc)
{
	__m256i p;
	u32 t;

	UNROLL for (t = 0; t < tile; t++) {
		p = load(w + 32 * t);
		if (path == INK_PATH_U8) {
			acc[t] = dot_u8(acc[t], v, p);
		} else if (path == INK_PATH_S8) {
			p = _mm256_maddubs_epi16(mag, _mm256_sign_epi8(p, v));
			p = _mm256_madd_epi16(p, _mm256_set1_epi16(1));
			acc[t] = _mm256_add_epi32(acc[t], p);
		} else {
			acc[t] = _mm256_add_epi32(acc[t], _mm256_madd_epi16(p, v));
		}
		KEEP(acc[t]);
	}
}

/* Inputs as the path wants them: U8 takes off the lowest, S8 wants magnitudes too. */
static __always_inline __m256i prepare(const u8 path, __m256i v, __m256i lo, __m256i *mag)
{
	*mag = path == INK_PATH_S8 ? _mm256_abs_epi8(v) : v;
	return path == INK_PATH_U8 ? _mm256_sub_epi8(v, lo) : v;
}

#define TILE_STEP(i) \
	tile_step(path, tile, w + 32 * tile * (i), _mm256_shuffle_epi32(v, 0x55 * (i)), \
		  _mm256_shuffle_epi32(mag, 0x55 * (i)), acc)

/*
 * Sums of products for tile * 8 rows; path and tile are constants, so that the
 * sums stay in registers. Sixteen bytes of input are loaded at a time, since it
 * is the number of loads that limits this loop.
 */
static __always_inline void tile_sums(const u8 path, const u32 tile, struct dense *d,
				      __m256i *acc)
{
	const __m256i lo = _mm256_set1_epi8((char)d->x_lo);
	const u8 *x = d->x, *w = d->w;
	u32 left = path == INK_PATH_S16 ? DIV_ROUND_UP(d->n, 2u) : DIV_ROUND_UP(d->n, 4u);
	__m256i v, mag;

	for (; left >= 4; left -= 4, x += 16, w += 32 * tile * 4) {
		v = _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)x));
		v = prepare(path, v, lo, &mag);
		TILE_STEP(0);
		TILE_STEP(1);
		TILE_STEP(2);
		TILE_STEP(3);
	}
	for (; left; left--, x += 4, w += 32 * tile) {
		v = _mm256_set1_epi32((s32)get_unaligned_le32(x));
		v = prepare(path, v, lo, &mag);
		tile_step(path, tile, w, v, mag, acc);
	}
	d->w = w;
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

/* Sums of products of a few rows, along the input. */
static __always_inline __m256i row_sums(const u32 rows, const struct dense *d)
{
	__m256i acc[8], v, lower, upper = _mm256_setzero_si256();
	const u8 *w = d->w;
	u32 k, r;

	UNROLL for (r = 0; r < rows; r++)
		acc[r] = _mm256_setzero_si256();
	for (k = 0; k < d->n; k += 16, w += 32 * rows) {
		v = load(d->x + 2 * k);
		UNROLL for (r = 0; r < rows; r++)
			acc[r] = _mm256_add_epi32(acc[r], _mm256_madd_epi16(v, load(w + 32 * r)));
	}
	lower = fold_rows(rows, acc);
	if (rows > 4)
		upper = fold_rows(rows, acc + 4);
	return _mm256_add_epi32(_mm256_permute2x128_si256(lower, upper, 0x20),
				_mm256_permute2x128_si256(lower, upper, 0x31));
}

static __m256i any_row_sums(const struct dense *d, u32 rows)
{
	if (rows > 4)
		return row_sums(8, d);
	if (rows > 2)
		return row_sums(4, d);
	return rows > 1 ? row_sums(2, d) : row_sums(1, d);
}

static __always_inline __m256i upper_halves(__m256i even, __m256i odd)
{
	return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(even),
						     _mm256_castsi256_ps(odd), 0xdd));
}

static __always_inline __m256i lower_halves(__m256i even, __m256i odd)
{
	return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(even),
						     _mm256_castsi256_ps(odd), 0x88));
}

/* Eight rows scaled, in the order in which they leave; the bias is in already. */
static __always_inline __m256i scale_narrow(const struct ink_x86_narrow *p, __m256i acc)
{
	__m256i even = load(p->even), odd = load(p->odd), shift;

	KEEP(even);
	KEEP(odd);
	shift = upper_halves(even, odd);
	even = _mm256_mul_epi32(acc, even);
	odd = _mm256_mul_epi32(_mm256_shuffle_epi32(acc, 0xf5), odd);
	return _mm256_srav_epi32(_mm256_add_epi32(upper_halves(even, odd), load(p->add)), shift);
}

static __always_inline __m256i scale_wide(const struct ink_x86_wide *p, __m256i acc)
{
	__m256i even, odd;

	even = _mm256_mul_epi32(acc, load(p->mult));
	odd = _mm256_mul_epi32(_mm256_srli_epi64(acc, 32), load(p->mult_odd));
	even = _mm256_srlv_epi64(_mm256_add_epi64(even, load(p->add)), load(p->shift));
	odd = _mm256_srlv_epi64(_mm256_add_epi64(odd, load(p->add_odd)), load(p->shift_odd));
	return _mm256_add_epi32(lower_halves(even, odd), load(p->zero));
}

/* A pair of blocks to 16 bits: what doesn't fit is beyond any clamp. */
static __always_inline __m256i narrow_pair(const struct ink_x86_narrow *p, const __m256i *acc)
{
	return _mm256_packs_epi32(scale_narrow(p, acc[0]), scale_narrow(p + 1, acc[1]));
}

static __always_inline __m128i pack_halves16(__m256i v)
{
	return _mm_packs_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static __always_inline __m128i pack_halves32(__m256i v)
{
	return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static __always_inline void store_single8(__m128i h, const struct dense *d, s8 *y)
{
	h = _mm_packs_epi16(h, h);
	h = _mm_min_epi8(_mm_max_epi8(h, _mm256_castsi256_si128(d->lo)),
			 _mm256_castsi256_si128(d->hi));
	_mm_storel_epi64((__m128i *)y, h);
}

/* @tile blocks, scaled, clamped and stored as 16 bits. */
static __always_inline void finish_extended(const u32 tile, const struct dense *d,
					    const __m256i *acc, s16 *y)
{
	const struct ink_x86_narrow *p = (const struct ink_x86_narrow *)d->scaling;
	__m256i lo = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(d->lo));
	__m256i hi = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(d->hi));
	__m256i v;
	__m128i h;
	u32 t;

	if (tile == 1) {
		h = pack_halves32(scale_narrow(p, acc[0]));
		h = _mm_min_epi16(_mm_max_epi16(h, _mm256_castsi256_si128(lo)),
				  _mm256_castsi256_si128(hi));
		_mm_store_si128((__m128i *)y, h);
		return;
	}
	UNROLL for (t = 0; t < tile; t += 2) {
		v = narrow_pair(p + t, acc + t);
		v = _mm256_min_epi16(_mm256_max_epi16(v, lo), hi);
		_mm256_store_si256((__m256i *)(y + 8 * t), v);
	}
}

/* @tile blocks, scaled, clamped and stored as int8. */
static __always_inline void finish_narrow(const u32 tile, const struct dense *d,
					  const __m256i *acc, s8 *y)
{
	const struct ink_x86_narrow *p = (const struct ink_x86_narrow *)d->scaling;
	__m256i v;
	__m128i h;
	u32 t;

	if (tile == 1)
		return store_single8(pack_halves32(scale_narrow(p, acc[0])), d, y);
	if (tile == 2) {
		h = pack_halves16(narrow_pair(p, acc));
		h = _mm_min_epi8(_mm_max_epi8(h, _mm256_castsi256_si128(d->lo)),
				 _mm256_castsi256_si128(d->hi));
		_mm_storeu_si128((__m128i *)y, h);
		return;
	}
	UNROLL for (t = 0; t < tile; t += 4) {
		v = _mm256_packs_epi16(narrow_pair(p + t, acc + t),
				       narrow_pair(p + t + 2, acc + t + 2));
		v = _mm256_permute4x64_epi64(v, 0xd8);
		v = _mm256_min_epi8(_mm256_max_epi8(v, d->lo), d->hi);
		_mm256_storeu_si256((__m256i *)(y + 8 * t), v);
	}
}

static __always_inline void tile_narrow(const u8 path, const u32 tile, struct dense *d, u8 *y)
{
	const struct ink_x86_narrow *p = (const struct ink_x86_narrow *)d->scaling;
	__m256i acc[8] __uninitialized;
	u32 t;

	UNROLL for (t = 0; t < tile; t++)
		acc[t] = load(p[t].bias);
	tile_sums(path, tile, d, acc);
	if (d->wide)
		finish_extended(tile, d, acc, (s16 *)y);
	else
		finish_narrow(tile, d, acc, (s8 *)y);
	d->scaling += tile * sizeof(*p);
}

/* All of @blocks, from sums to clamp in registers. */
static __always_inline void run_narrow(const u8 path, struct dense *d, u32 blocks, u8 *y)
{
	u32 tile, row = d->wide ? 16 : 8;

	for (; blocks; blocks -= tile, y += tile * row) {
		tile = ink_x86_tile(blocks, d->n);
		if (tile == 8)
			tile_narrow(path, 8, d, y);
		else if (tile == 4)
			tile_narrow(path, 4, d, y);
		else if (tile == 2)
			tile_narrow(path, 2, d, y);
		else
			tile_narrow(path, 1, d, y);
	}
}

/* Two pairs or a single block, scaled, to whatever type. */
static void store_pair(const struct dense *d, const s32 *attr, u32 dtype, __m256i a, __m256i b,
		       u8 *y)
{
	__m256i lo, hi, v;

	if (dtype == INKLING_INT8) {
		__m128i h = pack_halves16(_mm256_packs_epi32(a, b));

		h = _mm_min_epi8(_mm_max_epi8(h, _mm256_castsi256_si128(d->lo)),
				 _mm256_castsi256_si128(d->hi));
		_mm_storeu_si128((__m128i *)y, h);
	} else if (dtype == INKLING_INT16) {
		lo = _mm256_set1_epi16((s16)attr[1]);
		hi = _mm256_set1_epi16((s16)attr[2]);
		v = _mm256_min_epi16(_mm256_max_epi16(_mm256_packs_epi32(a, b), lo), hi);
		_mm256_storeu_si256((__m256i *)y, v);
	} else {
		lo = _mm256_set1_epi32(attr[1]);
		hi = _mm256_set1_epi32(attr[2]);
		a = _mm256_min_epi32(_mm256_max_epi32(a, lo), hi);
		b = _mm256_min_epi32(_mm256_max_epi32(b, lo), hi);
		_mm256_storeu_si256((__m256i *)y, _mm256_permute2x128_si256(a, b, 0x20));
		_mm256_storeu_si256((__m256i *)(y + 32), _mm256_permute2x128_si256(a, b, 0x31));
	}
}

static void store_single(const struct dense *d, const s32 *attr, u32 dtype, __m256i a, u8 *y)
{
	__m128i h;

	if (dtype == INKLING_INT8) {
		store_single8(pack_halves32(a), d, (s8 *)y);
	} else if (dtype == INKLING_INT16) {
		h = _mm_max_epi16(pack_halves32(a), _mm_set1_epi16((s16)attr[1]));
		h = _mm_min_epi16(h, _mm_set1_epi16((s16)attr[2]));
		_mm_storeu_si128((__m128i *)y, h);
	} else {
		a = _mm256_min_epi32(_mm256_max_epi32(a, _mm256_set1_epi32(attr[1])),
				     _mm256_set1_epi32(attr[2]));
		_mm256_storeu_si256((__m256i *)y, a);
	}
}

static void finish_wide(const struct ink_bound *b, struct dense *d, const __m256i *acc,
			u32 blocks, u8 *y)
{
	const struct ink_x86_wide *p = (const struct ink_x86_wide *)d->scaling;
	u32 pair = 16 * elem_size(b), t;

	d->scaling += blocks * sizeof(*p);
	for (t = 0; t + 1 < blocks; t += 2, y += pair)
		store_pair(d, b->attr, b->out_dtype, scale_wide(p + t, acc[t]),
			   scale_wide(p + t + 1, acc[t + 1]), y);
	if (t < blocks)
		store_single(d, b->attr, b->out_dtype, scale_wide(p + t, acc[t]), y);
}

static __always_inline void tile_wide(const u8 path, const u32 tile, const struct ink_bound *b,
				      struct dense *d, u8 *y)
{
	__m256i acc[8] __uninitialized, sums[8] __uninitialized;
	u32 t;

	UNROLL for (t = 0; t < tile; t++)
		acc[t] = _mm256_setzero_si256();
	tile_sums(path, tile, d, acc);
	UNROLL for (t = 0; t < tile; t++)
		sums[t] = acc[t];
	finish_wide(b, d, sums, tile, y);
}

/* All of @blocks to any type. */
static __always_inline void run_wide(const u8 path, const struct ink_bound *b, struct dense *d,
				     u32 blocks, u8 *y)
{
	u32 tile, row = 8 * elem_size(b);

	for (; blocks; blocks -= tile, y += tile * row) {
		tile = ink_x86_tile(blocks, d->n);
		if (tile == 8)
			tile_wide(path, 8, b, d, y);
		else if (tile == 4)
			tile_wide(path, 4, b, d, y);
		else if (tile == 2)
			tile_wide(path, 2, b, d, y);
		else
			tile_wide(path, 1, b, d, y);
	}
}

static void run_along_rows(const struct ink_bound *b, struct dense *d, u8 *y)
{
	const struct ink_x86_narrow *p = (const struct ink_x86_narrow *)d->scaling;
	__m256i acc = any_row_sums(d, b->m);

	if (!b->narrow)
		return finish_wide(b, d, &acc, 1, y);
	acc = _mm256_add_epi32(acc, load(p->bias));
	if (d->wide)
		finish_extended(1, d, &acc, (s16 *)y);
	else
		finish_narrow(1, d, &acc, (s8 *)y);
}

static void run_blocks(const struct ink_bound *b, struct dense *d, u32 blocks, u8 *y)
{
	switch (b->path) {
	case INK_PATH_U8:
		return b->narrow ? run_narrow(INK_PATH_U8, d, blocks, y) :
				   run_wide(INK_PATH_U8, b, d, blocks, y);
	case INK_PATH_S8:
		return b->narrow ? run_narrow(INK_PATH_S8, d, blocks, y) :
				   run_wide(INK_PATH_S8, b, d, blocks, y);
	default:
		return b->narrow ? run_narrow(INK_PATH_S16, d, blocks, y) :
				   run_wide(INK_PATH_S16, b, d, blocks, y);
	}
}

/* To sixteen bits. Reads and writes up to a multiple of 16 elements. */
static void widen(const u8 *x, u32 n, u8 *to)
{
	u32 i;

	for (i = 0; i < n; i += 16, to += 32)
		_mm256_store_si256((__m256i *)to,
			_mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(x + i))));
}

static void run_dense(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	size_t scaling = ink_x86_scaling(b->narrow);
	u32 end = rows < b->m - first ? first + rows : b->m, i;
	u8 *y = arena + b->out_off + ((size_t)first * elem_size(b) << b->extend);
	struct dense d __uninitialized = {
		.x = arena + b->in_off[0],
		.wide = b->extend,
		.n = b->n,
		.x_lo = b->in_lo,
		.w = (const u8 *)b->packed + ALIGN(ink_x86_blocks(b->m) * scaling, (size_t)64),
		.scaling = (const u8 *)b->packed + first / 8 * scaling,
		.lo = _mm256_set1_epi8((char)b->attr[1]),
		.hi = _mm256_set1_epi8((char)b->attr[2]),
	};

	if (b->scratch_off != INKLING_NONE) {
		widen(d.x, b->n, arena + b->scratch_off);
		d.x = arena + b->scratch_off;
	}
	if (first)
		d.w += (size_t)first / 8 * ink_x86_block_size(b->path, b->n);
	if (b->path == INK_PATH_ROWS)
		run_along_rows(b, &d, y);
	else
		run_blocks(b, &d, ink_x86_blocks(end - first), y);
	if (b->in_const[5])
		for (i = 0; i < end - first; i++)
			y[i] = ((const u8 *)b->in_const[5])[(s8)y[i] + 128];
}

#include "vector_linear.h"
#include "vector_rows.h"
#include "vector_norm.h"
#include "vector_attention.h"

void VECTOR_RUN(const struct ink_bound *b, u32 count, u8 *arena, u32 first, u32 rows)
{
	const struct ink_bound *end = b + count;

	for (; b < end; b++) {
		if (b->path == INK_PATH_QUANT)
			run_quant(b, arena);
		else if (b->opcode == INKLING_OP_LINEAR)
			run_linear(b, arena, first, rows);
		else if (b->opcode == INKLING_OP_ATTENTION)
			run_attention(b, arena, first, rows);
		else if (b->opcode == INKLING_OP_NORM)
			run_norm(b, arena, first, rows);
		else if (b->path == INK_PATH_SEQ)
			run_rows(b, arena, first, rows);
		else
			run_dense(b, arena, first, rows);
	}
}

#endif /* INK_ARCH_X86_VECTOR_H */
