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

/* A sum of eight rows in one part or two, as long as it is being added to. */
struct linear_sum {
	__m256i a, b;
};

/* Inputs of vector @i in all lanes. BYTES: the lower bytes, which are unsigned, and the upper ones. */
static __always_inline struct linear_sum linear_inputs(const u8 path, const u8 *x, u32 i)
{
	struct linear_sum in = { .b = _mm256_setzero_si256() };

	if (path == INK_PATH_LINEAR)
		in.a = _mm256_set1_epi64x((s64)get_unaligned_le64(x + 8 * i));
	else
		in.a = _mm256_set1_epi32((s32)get_unaligned_le32(x + 4 * i));
	if (path == INK_PATH_LINEAR_BYTES)
		in.b = _mm256_set1_epi32((s32)get_unaligned_le32(x + 4 * i + 8));
	return in;
}

/* LINEAR widens bytes to 16 bits: four rows at a time, each in two lanes. */
static __always_inline struct linear_sum linear_weights(const u8 path, const u8 *w)
{
	struct linear_sum p = { .b = _mm256_setzero_si256() };

	if (path == INK_PATH_LINEAR) {
		p.a = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)w));
		p.b = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(w + 16)));
	} else {
		p.a = load(w);
	}
	return p;
}

static __always_inline void linear_add(const u8 path, struct linear_sum *s, struct linear_sum x,
				       struct linear_sum w)
{
#ifdef VECTOR_DPBUSD
	if (path == INK_PATH_LINEAR_BYTES) {
		s->a = VECTOR_DPBUSD(s->a, x.a, w.a);
		s->b = VECTOR_DPBUSD(s->b, x.b, w.a);
		KEEP(s->b);
	}
#endif
	if (path != INK_PATH_LINEAR_BYTES)
		s->a = dot_s16(s->a, x.a, w.a);
	if (path == INK_PATH_LINEAR) {
		s->b = dot_s16(s->b, x.a, w.b);
		KEEP(s->b);
	}
	KEEP(s->a);
}

/* The bias of a block, with which its sum begins. */
static __always_inline __m256i linear_bias(const struct linear *l, u32 block)
{
	if (l->b->narrow)
		return load(((const struct ink_x86_narrow *)l->scaling)[block].bias);
	return load(((const struct ink_x86_wide *)l->scaling)[block].bias);
}

static __always_inline __m256i linear_join(const u8 path, const struct linear *l, u32 block,
					   struct linear_sum s)
{
	if (path == INK_PATH_LINEAR_WORDS)
		return s.a;
	if (path == INK_PATH_LINEAR_BYTES)
		return _mm256_add_epi32(s.a, _mm256_slli_epi32(s.b, 8));
	return _mm256_add_epi32(_mm256_permute4x64_epi64(_mm256_hadd_epi32(s.a, s.b), 0xd8),
				linear_bias(l, block));
}

/*
 * Sums of @blocks from @block on times @tokens, both constants, so that they stay in registers:
 * blocks of one token follow one after the other. WORDS go by two inputs, others by eight.
 */
static __always_inline void linear_sums(const u8 path, const u32 blocks, const u32 tokens,
					const struct linear *l, u32 block, const u8 *x, __m256i *to)
{
	const u32 vectors = path == INK_PATH_LINEAR_WORDS ? 1 : 2, inputs = vectors == 1 ? 2 : 8;
	struct linear_sum sum[16] __uninitialized, in[4] __uninitialized, p;
	const u8 *w = l->w + block * l->w_block;
	u32 k, i, t, j;

	UNROLL for (j = 0; j < blocks * tokens; j++) {
		sum[j].b = _mm256_setzero_si256();
		sum[j].a = path == INK_PATH_LINEAR ? sum[j].b : linear_bias(l, block + j % blocks);
	}
	for (k = l->b->in_cols[0]; (s32)k > 0; k -= inputs, w += 32 * vectors, x += 2 * inputs) {
		UNROLL for (i = 0; i < vectors; i++) {
			UNROLL for (t = 0; t < tokens; t++)
				in[t] = linear_inputs(path, x + t * l->x_row, i);
			UNROLL for (j = 0; j < blocks; j++) {
				p = linear_weights(path, w + j * l->w_block + 32 * i);
				UNROLL for (t = 0; t < tokens; t++)
					linear_add(path, &sum[t * blocks + j], in[t], p);
			}
		}
	}
	UNROLL for (j = 0; j < blocks * tokens; j++)
		_mm256_store_si256(to + j, linear_join(path, l, block + j % blocks, sum[j]));
}

/* With what is added, which lies at @at as the output does. */
static __always_inline __m256i linear_plus(const struct linear *l, size_t at, __m256i v)
{
	if (!l->add)
		return v;
	if (l->b->out_dtype == INKLING_INT16)
		return _mm256_add_epi32(v, _mm256_cvtepi16_epi32(
			_mm_loadu_si128((const __m128i *)(l->add + at))));
	return _mm256_add_epi32(v, loadu(l->add + at));
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

/* A block of @tokens, scaled and stored, whatever it is. */
static void linear_finish(const struct linear *l, u32 block, u32 tokens, size_t at, const __m256i *sum,
			  u32 blocks)
{
	const struct ink_x86_narrow *narrow = (const struct ink_x86_narrow *)l->scaling + block;
	const struct ink_x86_wide *wide = (const struct ink_x86_wide *)l->scaling + block;
	u32 t;

	for (t = 0; t < tokens; t++, at += l->y_row, sum += blocks)
		linear_store(l, block, at, linear_plus(l, at, l->b->narrow ?
			     scale_narrow(narrow, load(sum)) : scale_wide(wide, load(sum))));
}

/* How a block is scaled, as in struct ink_x86_narrow. */
struct linear_narrow {
	__m256i even, odd, add, shift;
};

static __always_inline struct linear_narrow linear_narrow(const struct linear *l, u32 block)
{
	const struct ink_x86_narrow *p = (const struct ink_x86_narrow *)l->scaling + block;
	__m256i even = load(p->even), odd = load(p->odd);

	return (struct linear_narrow){ even, odd, load(p->add), upper_halves(even, odd) };
}

static __always_inline __m256i linear_scale(const struct linear_narrow *p, __m256i v)
{
	__m256i even = _mm256_mul_epi32(v, p->even);
	__m256i odd = _mm256_mul_epi32(_mm256_shuffle_epi32(v, 0xf5), p->odd);

	return _mm256_srav_epi32(_mm256_add_epi32(upper_halves(even, odd), p->add), p->shift);
}

/* Two whole blocks of @tokens to 16 bits, which is what most are. */
static __always_inline void linear_finish_pair(const struct linear *l, u32 block, u32 tokens,
					       size_t at, const __m256i *sum, u32 blocks)
{
	const struct linear_narrow p = linear_narrow(l, block), q = linear_narrow(l, block + 1);
	__m256i v, w;
	u32 t;

	for (t = 0; t < tokens; t++, at += l->y_row, sum += blocks) {
		v = linear_plus(l, at, linear_scale(&p, load(sum)));
		w = linear_plus(l, at + 16, linear_scale(&q, load(sum + 1)));
		v = _mm256_permute4x64_epi64(_mm256_packs_epi32(v, w), 0xd8);
		v = _mm256_min_epi16(_mm256_max_epi16(v, l->lo), l->hi);
		_mm256_storeu_si256((__m256i *)(l->y + at), v);
	}
}

/* @blocks of rows from @block on for @tokens from @token on. */
static __always_inline void linear_tile(const u8 path, const u32 blocks, const u32 tokens,
					const struct linear *l, u32 block, u32 token)
{
	const u32 size = l->b->out_dtype == INKLING_INT16 ? 16 : 32;
	__m256i sum[16] __uninitialized;
	size_t at = token * l->y_row + block * size;
	u32 j = 0;

	linear_sums(path, blocks, tokens, l, block, l->x + token * l->x_row, sum);
	if (size == 16 && l->b->narrow)
		for (; j + 2 <= blocks && 8 * (block + j + 2) <= l->b->out_cols; j += 2)
			linear_finish_pair(l, block + j, tokens, at + j * size, sum + j, blocks);
	for (; j < blocks; j++)
		linear_finish(l, block + j, tokens, at + j * size, sum + j, blocks);
}

/* One token: weights are read once, from four places at a time. */
static __always_inline void linear_one(const u8 path, const struct linear *l, u32 block, u32 end)
{
	for (; block + 4 <= end; block += 4)
		linear_tile(path, 4, 1, l, block, 0);
	for (; block < end; block++)
		linear_tile(path, 1, 1, l, block, 0);
}

/*
 * Tokens that share the weights of some blocks, which stay in the first-level cache: as many as
 * there are registers for their sums.
 */
#ifdef __AVX512VL__
#define LINEAR_REGISTERS	32
#else
#define LINEAR_REGISTERS	16
#endif

static __always_inline void linear_tokens(const u8 path, const u32 blocks, const u32 at_once,
					  const struct linear *l, u32 tokens, u32 block)
{
	u32 t;

	for (t = 0; t + at_once <= tokens; t += at_once)
		linear_tile(path, blocks, at_once, l, block, t);
	for (; t < tokens; t++)
		linear_tile(path, blocks, 1, l, block, t);
}

static __always_inline void linear_many(const u8 path, const struct linear *l, u32 tokens, u32 block,
					u32 end)
{
	const bool parts = path != INK_PATH_LINEAR_WORDS;
	const u32 at_once = LINEAR_REGISTERS == 16 && parts ? 2 : 4;

	if (LINEAR_REGISTERS == 32 && !parts)
		for (; block + 4 <= end; block += 4)
			linear_tokens(path, 4, at_once, l, tokens, block);
	for (; block + 2 <= end; block += 2)
		linear_tokens(path, 2, at_once, l, tokens, block);
	if (block < end)
		linear_tokens(path, 1, at_once, l, tokens, block);
}

static __always_inline void linear_run(const u8 path, const struct linear *l, u32 tokens, u32 block,
				       u32 end)
{
	if (tokens == 1)
		linear_one(path, l, block, end);
	else
		linear_many(path, l, tokens, block, end);
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

/* What is done with weights that stayed bytes. */
#ifdef VECTOR_DPBUSD
#define LINEAR_OF_BYTES	INK_PATH_LINEAR_BYTES
#else
#define LINEAR_OF_BYTES	INK_PATH_LINEAR
#endif

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
		.w_block = ink_x86_linear_block(b->path, n),
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
	if (b->path == INK_PATH_LINEAR_WORDS)
		linear_run(INK_PATH_LINEAR_WORDS, &l, tokens, first / 8, end);
	else
		linear_run(LINEAR_OF_BYTES, &l, tokens, first / 8, end);
}

#endif /* INK_ARCH_X86_VECTOR_LINEAR_H */
