/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * What operators on sequences share: where a call's number of tokens is kept,
 * what an operator's rows are, and how keys and values lie.
 *
 * What lives here: what the plain code (ops_seq.c, ops_attention.c) and the vector code have to
 * agree on. What doesn't: other arithmetic (fixed.h).
 */
#ifndef INK_SEQ_H
#define INK_SEQ_H

#include "core.h"

/* What an accumulator holds, for a build that looks at it (tests/unit/test_bounds_seq.c); else nothing. */
#ifndef ink_peak
#define ink_peak(what, v)	((void)(sizeof(#what) + sizeof(v)))
#endif

static inline const struct ink_frame *ink_frame(const void *arena)
{
	return arena;
}

/* Rows of input @k of an op in this call. */
static inline u32 ink_rows(const struct ink_bound *b, const void *arena, u32 k)
{
	return b->in_seq & BIT(k) ? ink_frame(arena)->n : b->in_count[k] / b->in_cols[k];
}

/* Part of an op that is cut by rows: the end of @rows rows from @first on, where this call has so many. */
static inline u32 ink_rows_end(const struct ink_bound *b, const void *arena, u32 first, u32 rows)
{
	u32 all = b->seq ? ink_frame(arena)->n : b->units;

	return first >= all ? first : first + min(rows, all - first);
}

static inline u32 ink_token(const struct ink_bound *b, const void *tokens, u32 i)
{
	return b->wide_tokens ? ((const u16 *)tokens)[i] : ((const u8 *)tokens)[i];
}

/* HASHEMBED's bucket of the tokens i - g + 1 .. i; what lies before the first counts as zero. */
static inline u32 ink_bucket(const struct ink_bound *b, const void *tokens, u32 i)
{
	u32 h = (u32)b->attr[1], k;

	for (k = (u32)b->attr[0]; k--;)
		h = (h + (k > i ? 0 : ink_token(b, tokens, i - k) + 1)) * INKLING_HASH_FACTOR;
	return (h >> INKLING_HASH_SHIFT) & (b->in_count[1] / b->in_cols[1] - 1);
}

/* Input @k, in the image, in the arena, or in the states. */
static inline const void *ink_input(const struct ink_bound *b, const void *arena, u32 k)
{
	if (b->in_const[k])
		return b->in_const[k];
	return (const u8 *)arena + b->in_off[k];
}

static inline s16 *ink_output16(const struct ink_bound *b, u8 *arena)
{
	return (s16 *)(arena + b->out_off);
}

/* ATTENTION's view of its operands. */
struct ink_heads {
	u32 heads, groups;	/* of queries; of keys and values */
	u32 d;			/* columns of a head, even */
	u32 context;		/* positions that there is room for, a multiple of 8 */
	u32 before;		/* positions from earlier calls */
	u32 rows;		/* new positions */
	s16 *keys;		/* [groups][context / 8][d / 2][8][2] */
	s16 *values;		/* [groups][context / 2][d][2] */
	u32 at_once;		/* heads of queries that there is room for */
	u32 stride;		/* elements from one's scores or shares to the next one's */
	s32 *scores;		/* [at_once][stride] */
	s16 *shares;		/* [at_once][stride] */
};

/*
 * Eight positions' pairs of columns lie together, so that a vector of sums is
 * one position in each lane; values lie in pairs of positions for the same
 * reason. States keep them so from call to call.
 */
static inline size_t ink_key_at(const struct ink_heads *h, u32 group, u32 position, u32 column)
{
	return ((size_t)(group * (h->context / 8) + position / 8) * (h->d / 2) + column / 2) * 16 +
	       position % 8 * 2 + column % 2;
}

static inline size_t ink_value_at(const struct ink_heads *h, u32 group, u32 position, u32 column)
{
	return ((size_t)(group * (h->context / 2) + position / 2) * h->d + column) * 2 +
	       position % 2;
}

/* Positions that one query sees: from @first to before @end. */
struct ink_view {
	u32 first, end;
};

static inline struct ink_view ink_view_of(const struct ink_bound *b, const struct ink_heads *h,
					  u32 row)
{
	u32 at = h->before + row, window = (u32)b->attr[3];
	struct ink_view v = { .first = 0, .end = h->before + h->rows };

	if (b->attr[2])
		v.end = at + 1;
	if (window && at >= window)
		v.first = at + 1 - window;
	if (window && v.end > at + window)
		v.end = at + window;
	return v;
}

/* Bytes of keys, and of values, of @context positions with @cols columns. */
static inline u32 ink_cache_size(u32 context, u32 cols)
{
	return ALIGN(context, 8u) * cols * 2;
}

/*
 * Heads of queries that vector code takes at once, so that it needn't wait for one's
 * greatest score and sum before it begins with the next. One where there are many keys.
 */
#define INK_HEADS_AT_ONCE	4u

static inline u32 ink_heads_at_once(u32 context)
{
	return context <= 1024 ? INK_HEADS_AT_ONCE : 1;
}

/* Scratch of an ATTENTION: scores and shares, and keys and values where no state has them. */
static inline u32 ink_attention_scratch(u32 context, u32 cols, bool states)
{
	u32 size = ink_heads_at_once(context) * ALIGN(context, 32u) * 6;

	return size + (states ? 0 : 2 * ALIGN(ink_cache_size(context, cols), 64u));
}

static inline struct ink_heads ink_heads_of(const struct ink_bound *b, u8 *arena)
{
	const struct ink_frame *f = ink_frame(arena);
	bool states = b->n_in > 3;
	u32 context = states ? b->in_count[3] / b->in_cols[3] : b->in_count[1] / b->in_cols[1];
	u32 cache = ALIGN(ink_cache_size(context, b->in_cols[1]), 64u);
	u8 *scratch = arena + b->scratch_off;
	struct ink_heads h = {
		.heads = (u32)b->attr[0],
		.groups = (u32)b->attr[1],
		.d = b->in_cols[0] / (u32)b->attr[0],
		.context = ALIGN(context, 8u),
		.before = states ? f->position : 0,
		.rows = ink_rows(b, arena, 1),
	};

	h.stride = ALIGN(context, 32u);
	h.at_once = ink_heads_at_once(context);
	h.scores = (s32 *)scratch;
	scratch += h.at_once * h.stride * 4;
	h.shares = (s16 *)scratch;
	scratch += h.at_once * h.stride * 2;
	h.keys = (s16 *)(states ? f->state + b->in_off[3] : scratch);
	h.values = (s16 *)(states ? f->state + b->in_off[4] : scratch + cache);
	return h;
}

#endif /* INK_SEQ_H */
