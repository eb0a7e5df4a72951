// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * ATTENTION in plain C: the oracle, as ops.c is for the others.
 *
 * What lives here: keeping keys and values, scores, shares, and sums of values as
 * Documentation/numerics.rst defines them. What doesn't: where they lie and what
 * a query sees (seq.h), and any cleverness (kmod/arch).
 */
#include "ops.h"
#include "seq.h"
#include "fixed.h"

/* This call's keys and values to where all are. */
static void attention_keep(const struct ink_bound *b, u8 *arena, const struct ink_heads *h)
{
	const s16 *k = ink_input(b, arena, 1), *v = ink_input(b, arena, 2);
	u32 cols = b->in_cols[1], i, j;

	for (i = 0; i < h->rows; i++)
		for (j = 0; j < cols; j++) {
			size_t at = (size_t)i * cols + j;

			h->keys[ink_key_at(h, j / h->d, h->before + i, j % h->d)] = k[at];
			h->values[ink_value_at(h, j / h->d, h->before + i, j % h->d)] = v[at];
		}
}

/* Scores of one head of one query; returns the greatest. */
static s32 attention_scores(const struct ink_heads *h, const s16 *q, u32 group, struct ink_view view)
{
	s32 top = S32_MIN, s;
	u32 i, j;

	for (i = view.first; i < view.end; i++) {
		for (s = 0, j = 0; j < h->d; j++) {
			s += q[j] * h->keys[ink_key_at(h, group, i, j)];
			ink_peak(ATTENTION_SCORE, s);
		}
		h->scores[i] = s;
		top = max(top, s);
	}
	return top;
}

static void attention_shares(const struct ink_bound *b, const struct ink_heads *h, s32 top,
			     struct ink_view view)
{
	struct ink_share share;
	u32 sum = 0, i;

	for (i = view.first; i < view.end; i++) {
		h->scores[i] = (s32)ink_exp2_q20(ink_octaves_q15(top, h->scores[i], &b->attr[4]));
		sum += (u32)h->scores[i];
		ink_peak(ATTENTION_WEIGHTS, sum);
	}
	share = ink_share_of(sum);
	for (i = view.first; i < view.end; i++)
		h->shares[i] = (s16)ink_share(share, (u32)h->scores[i]);
}

static void attention_one(const struct ink_bound *b, u8 *arena, const struct ink_heads *h, u32 row,
			  u32 head)
{
	const size_t at = (size_t)row * b->in_cols[0] + (size_t)head * h->d;
	const s16 *q = (const s16 *)ink_input(b, arena, 0) + at;
	u32 group = head / (h->heads / h->groups), i, j;
	struct ink_view view = ink_view_of(b, h, row);
	s16 *y = ink_output16(b, arena) + at;
	s32 acc;

	attention_shares(b, h, attention_scores(h, q, group, view), view);
	for (j = 0; j < h->d; j++) {
		for (acc = 0, i = view.first; i < view.end; i++) {
			acc += h->shares[i] * h->values[ink_value_at(h, group, i, j)];
			ink_peak(ATTENTION_VALUES, acc);
		}
		y[j] = (s16)ink_clamp32(ink_round_shift(acc, 15), S16_MIN, S16_MAX);
	}
}

/* @first and @rows are heads of queries, query after query. */
void ink_op_attention(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	struct ink_heads h = ink_heads_of(b, arena);
	u32 end = min(first + rows, ink_rows(b, arena, 0) * h.heads), i;

	if (!first)
		attention_keep(b, arena, &h);
	for (i = first; i < end; i++)
		attention_one(b, arena, &h, i / h.heads, i % h.heads);
}
