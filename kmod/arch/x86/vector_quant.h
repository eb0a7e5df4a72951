/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The operators in 256-bit vectors: QUANT.
 *
 * What lives here: QUANT on what pack_quant.c prepared, with the same bits as
 * ops.c; a part of vector.h, which alone includes it. Integers only.
 */
#ifndef INK_ARCH_X86_VECTOR_QUANT_H
#define INK_ARCH_X86_VECTOR_QUANT_H

/* What log2_q16() needs again and again, once for all rows. */
struct log2_tables {
	__m256i low, high;	/* one above the highest bit of a nibble, by its value */
	__m256i nibble, byte;	/* masks */
	__m256i places;		/* of each byte's lowest bit */
	__m256i one, width, bias;
};

static __always_inline void log2_prepare(struct log2_tables *t)
{
	t->low = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4));
	t->high = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 5, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8));
	t->nibble = _mm256_set1_epi8(0xf);
	t->byte = _mm256_set1_epi32(0xff);
	t->places = _mm256_set1_epi32(0x18100800);
	t->one = _mm256_set1_epi32(1);
	t->width = _mm256_set1_epi32(32);
	t->bias = _mm256_set1_epi32(2 << 16);
	/* Compilers would make constants anew for each eight rows. */
	KEEP(t->byte);
	KEEP(t->one);
	KEEP(t->width);
	KEEP(t->bias);
}

/*
 * ink_log2_q16() of eight unsigned numbers, none of them 0. The position of
 * the highest bit comes from one table look-up for each half of each byte.
 */
static __always_inline __m256i log2_q16(const struct log2_tables *t, __m256i v)
{
	__m256i top, norm;

	top = _mm256_max_epu8(
		_mm256_shuffle_epi8(t->low, _mm256_and_si256(v, t->nibble)),
		_mm256_shuffle_epi8(t->high, _mm256_and_si256(_mm256_srli_epi32(v, 4), t->nibble)));
	top = _mm256_andnot_si256(_mm256_cmpeq_epi8(top, _mm256_setzero_si256()),
				  _mm256_add_epi8(top, t->places));
	top = _mm256_max_epu8(top, _mm256_srli_epi32(top, 16));
	top = _mm256_max_epu8(top, _mm256_srli_epi32(top, 8));
	top = _mm256_and_si256(top, t->byte);
	/* top is one above the position, norm >> 15 is one and the fraction. */
	norm = _mm256_sllv_epi32(v, _mm256_sub_epi32(t->width, top));
	top = _mm256_add_epi32(_mm256_slli_epi32(top, 16), _mm256_srli_epi32(norm, 15));
	return _mm256_sub_epi32(top, t->bias);
}

/*
 * @a where the mask is set, else @b. gcc 12 drops _mm256_blendv_epi8(), which
 * would do the same, when char is unsigned, as it is in kernels.
 */
static __always_inline __m256i choose(__m256i mask, __m256i a, __m256i b)
{
	return _mm256_or_si256(_mm256_and_si256(mask, a), _mm256_andnot_si256(mask, b));
}

/* Eight rows of a QUANT. Differences are unsigned: up to 2^32 - 2. */
static __always_inline void quant_chunk(const struct ink_x86_chunk *c, const s32 *raw, u8 *y,
					const struct log2_tables *log)
{
	__m256i lo = load(c->lo), u, even, odd;
	__m128i h;

	u = _mm256_min_epi32(_mm256_max_epi32(loadu(raw), lo), load(c->hi));
	u = _mm256_sub_epi32(u, lo);
	if (c->any_log)
		u = choose(load(c->log), log2_q16(log, _mm256_add_epi32(u, log->one)), u);
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
static const struct ink_x86_piece *gather(const struct ink_x86_piece *p, u32 count,
					   const s32 *raw, s32 *to)
{
	const struct ink_x86_piece *end = p + count;
	u32 i;

	for (; p < end; p++)
		for (i = 0; i < p->len; i += 8)
			_mm256_storeu_si256((__m256i *)(to + p->dst + i), loadu(raw + p->src + i));
	return p;
}

static const struct ink_x86_piece *spread(const struct ink_x86_piece *p, u32 count,
					   const u8 *from, u8 *y)
{
	const struct ink_x86_piece *end = p + count;
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
	const struct ink_x86_quant *head = b->packed;
	const struct ink_x86_chunk *chunk = (const void *)(head + 1);
	const struct ink_x86_chunk *end = chunk + head->chunks;
	const struct ink_x86_piece *piece = (const void *)end;
	const s32 *raw = (const s32 *)(arena + b->in_off[0]), *src = raw + head->src;
	s32 *gathered = (s32 *)(arena + b->scratch_off);
	u8 *y = arena + b->out_off, *results = y, *to;
	const struct ink_x86_hot *hot;
	struct log2_tables log;
	u32 i, at;

	if (head->gathers) {
		piece = gather(piece, head->gathers, raw, gathered);
		src = gathered;
	}
	if (head->pieces)
		results = (u8 *)gathered + ink_x86_gathered(head->chunks);
	log2_prepare(&log);
	for (to = results; chunk < end; chunk++, src += 8, to += 8)
		quant_chunk(chunk, src, to, &log);
	hot = (const void *)spread(piece, head->pieces, results, y);
	for (i = 0; i < head->hots; i++, hot++) {
		at = (u32)raw[hot->feature] - (u32)hot->lo;
		/* The caller chooses it, so it stays in bounds under speculation too. */
		if (raw[hot->feature] >= hot->lo && at < hot->width)
			y[hot->dst + array_index_nospec(at, hot->width)] = (u8)hot->hot;
	}
}

#endif /* INK_ARCH_X86_VECTOR_QUANT_H */
