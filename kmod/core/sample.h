/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * Choosing the next token of a text.
 */
#ifndef INK_SAMPLE_H
#define INK_SAMPLE_H

#include "core.h"

/**
 * struct ink_choice - how a token is chosen
 * @mult: with @shift, so that (logit * @mult) >> @shift are octaves in 16.16; at
 *	most 2^31 - 1; 0: the likeliest, the first of equals
 * @shift: 0..62
 * @top_k: among so many of the likeliest, and those equal to the last of them;
 *	0: all
 * @seed: of the text
 */
struct ink_choice {
	u32 mult;
	u32 shift;
	u32 top_k;
	u64 seed;
};

/**
 * ink_sample() - choose a token
 * @logits: of each token
 * @n: tokens, 1..65536
 * @choice: how
 * @position: of the token in the text: with the seed it makes the random number
 *
 * Integers only, so that a text is the same on every machine.
 */
u32 ink_sample(const s32 *logits, u32 n, const struct ink_choice *choice, u32 position);

#endif /* INK_SAMPLE_H */
