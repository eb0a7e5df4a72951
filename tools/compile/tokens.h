/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Samples for models of tokens.
 *
 * What lives here: a text file with a sample in each line, as tokens. What
 * doesn't: rows of features (rows.h).
 */
#ifndef INK_TOKENS_H
#define INK_TOKENS_H

#include "diag.h"

#define INK_TOKENS_SAMPLES	(1u << 20)

/* What a line is. */
enum ink_tokens_form {
	INK_TOKENS_BYTES,	/* text: each byte, plus one */
	INK_TOKENS_IDS,		/* numbers, with blanks or commas between them */
};

/**
 * struct ink_samples - samples in memory
 * @n: their number
 * @first: [n + 1], where each begins in @tokens
 * @tokens: of all of them
 * @longest: tokens of the longest
 * @cut: the file has more
 */
struct ink_samples {
	size_t n;
	size_t *first;
	uint16_t *tokens;
	uint32_t longest;
	bool cut;
};

/**
 * ink_samples_read() - read a file
 * @path: of the file
 * @form: what its lines are
 * @most: samples at most, evenly from the file
 * @samples: set; for ink_samples_free() in any case
 * @why: names file and line
 *
 * Empty lines are left out.
 */
bool ink_samples_read(const char *path, enum ink_tokens_form form, size_t most,
		      struct ink_samples *samples, struct ink_diag *why);
void ink_samples_free(struct ink_samples *samples);

static inline uint32_t ink_samples_length(const struct ink_samples *s, size_t i)
{
	return (uint32_t)(s->first[i + 1] - s->first[i]);
}

#endif /* INK_TOKENS_H */
