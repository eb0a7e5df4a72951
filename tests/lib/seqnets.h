/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transformers with random weights: for speed, and to have a text at all.
 *
 * What lives here: shapes, and images of them. What doesn't: random graphs
 * (randmodel.h), and anything trained.
 */
#ifndef INK_TEST_SEQNETS_H
#define INK_TEST_SEQNETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A decoder as Llama's are: RMS norms, rotated positions, gated feed-forward, groups of heads. Its
 * classifier is the table of words, or @untied, since without training it would say the last word again.
 */
struct decoder {
	const char *name;
	uint32_t dim, hidden, layers, heads, groups, words, context, tokens;
	uint32_t seed;
	bool untied;
};

/* An encoder as BERT's are, of whole sequences: layer norms, GELU. */
struct encoder {
	const char *name;
	uint32_t dim, hidden, layers, heads, words, tokens;
};

/* Images for free(); they end the program when that fails. */
void *decoder_image(const struct decoder *d, size_t *size);
void *encoder_image(const struct encoder *e, size_t *size);

#endif /* INK_TEST_SEQNETS_H */
