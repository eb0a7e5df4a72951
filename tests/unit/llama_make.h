/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checkpoints and tokenizers for tests: small ones, written to files.
 */
#ifndef INK_TEST_LLAMA_MAKE_H
#define INK_TEST_LLAMA_MAKE_H

#include <stddef.h>
#include <stdint.h>

enum { LLAMA_DIM, LLAMA_HIDDEN, LLAMA_LAYERS, LLAMA_HEADS, LLAMA_GROUPS, LLAMA_VOCABULARY,
	LLAMA_CONTEXT, LLAMA_HEADER };

/* What tests begin with: two layers of 16 and 24, 4 heads, 2 of keys, 270 tokens, 32 positions. */
extern const int32_t llama_small[LLAMA_HEADER];

/* A checkpoint with random weights, in memory for free(). */
void *llama_checkpoint(const int32_t header[LLAMA_HEADER], uint64_t seed, size_t *size);
/* A tokenizer of 270 tokens: bytes, and a few pieces of "a", "b" and blanks; for free(). */
void *llama_tokenizer(size_t *size);
/* A file with these bytes; its path is for unlink() and free(). */
char *llama_file(const void *data, size_t size);

#endif /* INK_TEST_LLAMA_MAKE_H */
