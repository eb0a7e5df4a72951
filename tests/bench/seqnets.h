/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transformers with random weights, for speed alone.
 *
 * What lives here: the shapes that are measured, and images of them. What
 * doesn't: measuring (seq.c) and the float peer (peer_float.c).
 */
#ifndef INK_BENCH_SEQNETS_H
#define INK_BENCH_SEQNETS_H

#include <stddef.h>
#include <stdint.h>

/* A decoder as Llama's are: RMS norms, rotated positions, gated feed-forward, groups of heads. */
struct decoder {
	const char *name;
	uint32_t dim, hidden, layers, heads, groups, words, context, tokens;
};

/* An encoder as BERT's are, of whole sequences: layer norms, GELU. */
struct encoder {
	const char *name;
	uint32_t dim, hidden, layers, heads, words, tokens;
};

/* Images for free(); they end the program when that fails. */
void *decoder_image(const struct decoder *d, size_t *size);
void *encoder_image(const struct encoder *e, size_t *size);

/* The decoder as a plain loop of floats. */
struct float_decoder;
struct float_decoder *float_open(const struct decoder *d);
void float_token(struct float_decoder *f, uint32_t token, uint32_t position);
void float_close(struct float_decoder *f);

#endif /* INK_BENCH_SEQNETS_H */
