/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The largest magnitude that each accumulator of the operators on sequences has
 * held. ops_seq.c and ops_attention.c are compiled with this in front for
 * test_bounds_seq.c; nothing else is.
 */
#ifndef INK_TEST_PEAK_H
#define INK_TEST_PEAK_H

enum ink_peak {
	INK_PEAK_EMBED,			/* a table's number times its multiplier */
	INK_PEAK_HASHEMBED,
	INK_PEAK_NORM_SQUARES,		/* D times the sum of squares */
	INK_PEAK_NORM_ELEMENT,		/* times the reciprocal root */
	INK_PEAK_NORM_NORMALISED,
	INK_PEAK_NORM_GAMMA,		/* times gamma */
	INK_PEAK_LINEAR,		/* bias and products, after each of them */
	INK_PEAK_CURVE,
	INK_PEAK_ROPE,
	INK_PEAK_ATTENTION_SCORE,	/* after each product */
	INK_PEAK_ATTENTION_WEIGHTS,	/* their sum */
	INK_PEAK_ATTENTION_VALUES,	/* after each product */
	INK_PEAK_POOL,
	INK_PEAK_GATE,			/* sum of weights */
	INK_PEAK_SCALE,
	INK_PEAK_NLL_WEIGHTS,		/* their sum */
	INK_PEAK_NLL,			/* sum over tokens */
	INK_PEAK_NR,
};

extern unsigned long long ink_peak_of[INK_PEAK_NR];

static inline void ink_peak_note(enum ink_peak what, long long v)
{
	unsigned long long size = v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v;

	if (size > ink_peak_of[what])
		ink_peak_of[what] = size;
}

#define ink_peak(what, v)	ink_peak_note(INK_PEAK_##what, (long long)(v))

#endif /* INK_TEST_PEAK_H */
