/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The operators in 256-bit vectors: LINEAR.
 *
 * What lives here: LINEAR on what pack_linear.c prepared, with the same bits as
 * ops_seq.c; a part of vector.h, which alone includes it. Integers only.
 */
#ifndef INK_ARCH_X86_VECTOR_LINEAR_H
#define INK_ARCH_X86_VECTOR_LINEAR_H

/* What a LINEAR needs while it runs. */
struct linear {
	const struct ink_bound *b;
	const u8 *x;		/* first token's inputs, as the path wants them */
	size_t x_row;		/* bytes from one token's to the next one's */
	const u8 *w;		/* of the first block */
	size_t w_block;		/* bytes of a block */
	const u8 *scaling;	/* of the first block */
	const u8 *add;		/* first token's, or NULL */
	u8 *y;			/* first token's output */
	size_t y_row;		/* bytes from one token's to the next one's */
	__m256i lo, hi;		/* clamp, of the output's type */
};

/* A sum of eight rows in two parts, as long as it is being added to. */
struct linear_sum {
	__m256i a, b;
};

#ifdef VECTOR_DPBUSD
/*
 * x + 2^15 is 2^8 upper + lower, both unsigned: two vpdpbusd for 32 products, as
 * many as vpmaddwd would take, and nothing to widen.
 */
static __always_inline struct linear_sum linear_inputs(const u8 *x, u32 i)
{
	return (struct linear_sum){
		_mm256_set1_epi32((s32)get_unaligned_le32(x + 4 * i)),
		_mm256_set1_epi32((s32)get_unaligned_le32(x + 4 * i + 8)),
	};
}

static __always_inline struct linear_sum linear_weights(const u8 *w)
{
	return (struct linear_sum){ .a = load(w) };
}

static __always_inline void linear_add(struct linear_sum *s, struct linear_sum x,
				       struct linear_sum w)
{
	s->a = VECTOR_DPBUSD(s->a, x.a, w.a);
	s->b = VECTOR_DPBUSD(s->b, x.b, w.a);
}

static __always_inline __m256i linear_join(struct linear_sum s)
{
	return _mm256_add_epi32(s.a, _mm256_slli_epi32(s.b, 8));
}
#else
/* The same weights in 16 bits: four rows at a time, each in two lanes. */
static __always_inline struct linear_sum linear_inputs(const u8 *x, u32 i)
{
	return (struct linear_sum){ .a = _mm256_set1_epi64x((s64)get_unaligned_le64(x + 8 * i)) };
}

static __always_inline struct linear_sum linear_weights(const u8 *w)
{
	return (struct linear_sum){
		_mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)w)),
		_mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(w + 16))),
	};
}

static __always_inline void linear_add(struct linear_sum *s, struct linear_sum x,
				       struct linear_sum w)
{
	s->a = _mm256_add_epi32(s->a, _mm256_madd_epi16(x.a, w.a));
	s->b = _mm256_add_epi32(s->b, _mm256_madd_epi16(x.a, w.b));
}

static __always_inline __m256i linear_join(struct linear_sum s)
{
	return _mm256_permute4x64_epi64(_mm256_hadd_epi32(s.a, s.b), 0xd8);
}
#endif

/*
 * Sums of @blocks times @tokens, both constants, so that they stay in registers:
 * blocks of one token follow one after the other.
 */
static __always_inline void linear_sums(const u32 blocks, const u32 tokens, const struct linear *l,
					const u8 *w, const u8 *x, struct linear_sum *sum)
{
	struct linear_sum in[4] __uninitialized, p;
	u32 k, i, t, j;

	UNROLL for (j = 0; j < blocks * tokens; j++)
		sum[j].a = sum[j].b = _mm256_setzero_si256();
	for (k = l->b->in_cols[0]; (s32)k > 0; k -= 8, w += 64, x += 16) {
		UNROLL for (i = 0; i < 2; i++) {
			UNROLL for (t = 0; t < tokens; t++)
				in[t] = linear_inputs(x + t * l->x_row, i);
			UNROLL for (j = 0; j < blocks; j++) {
				p = linear_weights(w + j * l->w_block + 32 * i);
				UNROLL for (t = 0; t < tokens; t++) {
					linear_add(&sum[t * blocks + j], in[t], p);
					KEEP(sum[t * blocks + j].a);
					KEEP(sum[t * blocks + j].b);
				}
			}
		}
	}
}

/* The bias of a block, with which its sum begins. */
static __always_inline __m256i linear_bias(const struct linear *l, u32 block)
{
	if (l->b->narrow)
		return load(((const struct ink_x86_narrow *)l->scaling)[block].bias);
	return load(((const struct ink_x86_wide *)l->scaling)[block].bias);
}

/* A block's rows of one token, with what is added, which lies at @at as the output does. */
static __always_inline __m256i linear_scale(const struct linear *l, u32 block, size_t at,
					    struct linear_sum sum)
{
	__m256i v = _mm256_add_epi32(linear_join(sum), linear_bias(l, block));

	if (l->b->narrow)
		v = scale_narrow((const struct ink_x86_narrow *)l->scaling + block, v);
	else
		v = scale_wide((const struct ink_x86_wide *)l->scaling + block, v);
	if (!l->add)
		return v;
	if (l->b->out_dtype == INKLING_INT16)
		return _mm256_add_epi32(v, _mm256_cvtepi16_epi32(
			_mm_loadu_si128((const __m128i *)(l->add + at))));
	return _mm256_add_epi32(v, loadu(l->add + at));
}

/* Two blocks of 16 bits. */
static __always_inline void linear_store_pair(const struct linear *l, size_t at, __m256i a, __m256i b)
{
	__m256i v = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);

	v = _mm256_min_epi16(_mm256_max_epi16(v, l->lo), l->hi);
	_mm256_storeu_si256((__m256i *)(l->y + at), v);
}

/* A single block; what lies behind the last row may be the next token's, which is there already. */
static __always_inline void linear_store(const struct linear *l, u32 block, size_t at, __m256i v)
{
	u32 left = l->b->out_cols - 8 * block, size = l->b->out_dtype == INKLING_INT16 ? 2 : 4;
	u8 last[32] __aligned(32) __uninitialized, *y = left < 8 ? last : l->y + at;
	__m128i h;

	if (size == 2) {
		h = _mm_max_epi16(pack_halves32(v), _mm256_castsi256_si128(l->lo));
		h = _mm_min_epi16(h, _mm256_castsi256_si128(l->hi));
		_mm_storeu_si128((__m128i *)y, h);
	} else {
		v = _mm256_min_epi32(_mm256_max_epi32(v, l->lo), l->hi);
		_mm256_storeu_si256((__m256i *)y, v);
	}
	if (left < 8)
		memcpy(l->y + at, last, left * size);
}

/* @blocks, scaled and stored. */
static __always_inline void linear_finish(const u32 blocks, const struct linear *l, u32 block,
					  size_t at, const struct linear_sum *sum)
{
	const u32 size = l->b->out_dtype == INKLING_INT16 ? 16 : 32;
	bool pairs = size == 16 && 8 * (block + blocks) <= l->b->out_cols;
	u32 j;

	if (blocks > 1 && pairs) {
		UNROLL for (j = 0; j < blocks; j += 2)
			linear_store_pair(l, at + j * size,
					  linear_scale(l, block + j, at + j * size, sum[j]),
					  linear_scale(l, block + j + 1, at + (j + 1) * size, sum[j + 1]));
		return;
	}
	UNROLL for (j = 0; j < blocks; j++)
		linear_store(l, block + j, at + j * size,
			     linear_scale(l, block + j, at + j * size, sum[j]));
}

/* @blocks of rows from @block on for @tokens from @token on. */
static __always_inline void linear_tile(const u32 blocks, const u32 tokens, const struct linear *l,
					u32 block, u32 token)
{
	const u32 size = l->b->out_dtype == INKLING_INT16 ? 16 : 32;
	struct linear_sum sum[8] __uninitialized;
	size_t at = token * l->y_row + block * size;
	u32 t;

	linear_sums(blocks, tokens, l, l->w + block * l->w_block, l->x + token * l->x_row, sum);
	UNROLL for (t = 0; t < tokens; t++)
		linear_finish(blocks, l, block, at + t * l->y_row, sum + t * blocks);
}

/* One token: weights are read once, from four places at a time. */
static void linear_one(const struct linear *l, u32 block, u32 end)
{
	for (; block + 4 <= end; block += 4)
		linear_tile(4, 1, l, block, 0);
	for (; block < end; block++)
		linear_tile(1, 1, l, block, 0);
}

/*
 * Tokens that share the weights of two blocks, which stay in the first-level cache: as many as
 * there are registers for their sums.
 */
#ifdef __AVX512VL__
#define LINEAR_TOKENS	4u
#else
#define LINEAR_TOKENS	2u
#endif

static __always_inline void linear_tokens(const u32 blocks, const struct linear *l, u32 tokens,
					  u32 block)
{
	u32 t;

	for (t = 0; t + LINEAR_TOKENS <= tokens; t += LINEAR_TOKENS)
		linear_tile(blocks, LINEAR_TOKENS, l, block, t);
	for (; t < tokens; t++)
		linear_tile(blocks, 1, l, block, t);
}

static void linear_many(const struct linear *l, u32 tokens, u32 block, u32 end)
{
	for (; block + 2 <= end; block += 2)
		linear_tokens(2, l, tokens, block);
	if (block < end)
		linear_tokens(1, l, tokens, block);
}

/* Inputs of all tokens as bytes; reads up to 30 bytes behind them. */
static void linear_part(const struct ink_bound *b, u8 *arena, u32 tokens)
{
	const __m256i part = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
	const __m256i top = _mm256_set1_epi16(S16_MIN);
	const u8 *x = arena + b->in_off[0];
	u8 *to = arena + b->scratch_off;
	u32 t, k;

	for (t = 0; t < tokens; t++, x += (size_t)b->in_cols[0] * 2)
		for (k = 0; k < b->in_cols[0]; k += 16, to += 32)
			_mm256_store_si256((__m256i *)to, _mm256_shuffle_epi8(
				_mm256_xor_si256(loadu(x + 2 * k), top), part));
}

static void run_linear(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	u32 tokens = ink_rows(b, arena, 0), n = b->in_cols[0], m = b->out_cols;
	u32 end = ink_x86_blocks(first + min(rows, m - first)), size = elem_size(b);
	bool bytes = b->path == INK_PATH_LINEAR_BYTES;
	struct linear l = {
		.b = b,
		.x = arena + (bytes ? b->scratch_off : b->in_off[0]),
		.x_row = bytes ? ink_x86_linear_row(n) : (size_t)n * 2,
		.w = (const u8 *)b->packed +
		     ALIGN(ink_x86_blocks(m) * ink_x86_scaling(b->narrow), (size_t)64),
		.w_block = ink_x86_linear_block(n),
		.scaling = b->packed,
		.add = b->n_in > 5 ? arena + b->in_off[5] : NULL,
		.y = arena + b->out_off,
		.y_row = (size_t)m * size,
		.lo = size == 2 ? _mm256_set1_epi16((s16)b->attr[0]) : _mm256_set1_epi32(b->attr[0]),
		.hi = size == 2 ? _mm256_set1_epi16((s16)b->attr[1]) : _mm256_set1_epi32(b->attr[1]),
	};

	/* The first part of an op that is cut does so for the others too. */
	if (bytes && !first)
		linear_part(b, arena, tokens);
	if (tokens == 1)
		linear_one(&l, first / 8, end);
	else
		linear_many(&l, tokens, first / 8, end);
}

#endif /* INK_ARCH_X86_VECTOR_LINEAR_H */
