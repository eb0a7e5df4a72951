// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Choosing the next token of a text.
 *
 * What lives here: greedy choice and sampling from logits in integers. What
 * doesn't: the model that made them.
 */
#include "sample.h"
#include "fixed.h"

/* SplitMix64 (Steele, Lea, Flood 2014): each position has a number of its own. */
static u64 random_at(u64 seed, u32 position)
{
	u64 z = seed + (u64)(position + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static u32 likeliest(const s32 *logits, u32 n)
{
	u32 at = 0, i;

	for (i = 1; i < n; i++)
		if (logits[i] > logits[at])
			at = i;
	return at;
}

/* The greatest number that @k of the logits reach, bit by bit. */
static s32 kth(const s32 *logits, u32 n, u32 k)
{
	u32 least = 0, bit, count, i;

	for (bit = 1u << 31; bit; bit >>= 1) {
		for (count = i = 0; i < n; i++)
			count += ((u32)logits[i] ^ 1u << 31) >= (least | bit);
		if (count >= k)
			least |= bit;
	}
	return (s32)(least ^ 1u << 31);
}

static u32 weight(const struct ink_choice *c, s32 top, s32 least, s32 logit)
{
	if (logit < least)
		return 0;
	return ink_exp2_q30((u64)((s64)top - logit) * c->mult >> c->shift);
}

u32 ink_sample(const s32 *logits, u32 n, const struct ink_choice *choice, u32 position)
{
	u32 top = likeliest(logits, n), i;
	s32 least = S32_MIN;
	u64 sum = 0, left;

	if (!choice->mult || choice->top_k == 1)
		return top;
	if (choice->top_k && choice->top_k < n)
		least = kth(logits, n, choice->top_k);
	for (i = 0; i < n; i++)
		sum += weight(choice, logits[top], least, logits[i]);
	div64_u64_rem(random_at(choice->seed, position), sum, &left);
	for (i = 0; i + 1 < n; i++) {
		u32 w = weight(choice, logits[top], least, logits[i]);

		if (left < w)
			break;
		left -= w;
	}
	return i;
}
