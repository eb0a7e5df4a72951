/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inkling compile, for checkpoints of language models.
 *
 * What lives here: what the command hands over. What doesn't: its options (cmd.c).
 */
#ifndef INK_COMPILE_LLAMA_CMD_H
#define INK_COMPILE_LLAMA_CMD_H

#include "emit.h"

/**
 * struct ink_llama_options - what is asked for
 * @checkpoint: path of the model
 * @out: path of the image
 * @tokenizer: path, or NULL
 * @ids: texts are numbers
 * @anomaly: the image tells how surprising its tokens are, not what comes next
 * @threshold: with @anomaly, bits a token
 * @calibrate: path of a text, or NULL: what the model says by itself
 * @eval: path of another text to compare on, or NULL
 * @prompts: path of a file with a prompt in each line, or NULL
 * @rows: tokens to calibrate on at most; 0: INK_LLAMA_ROWS
 * @tokens: most of a call; 0: INK_LLAMA_TOKENS
 * @card: of the image
 */
struct ink_llama_options {
	const char *checkpoint;
	const char *out;
	const char *tokenizer;
	bool ids;
	bool anomaly;
	double threshold;
	const char *calibrate;
	const char *eval;
	const char *prompts;
	uint32_t rows;
	uint32_t tokens;
	struct ink_card_text card;
};

#define INK_LLAMA_ROWS		8192	/* default of @rows */
#define INK_LLAMA_TOKENS	64	/* default of @tokens */

/* The whole command; returns an enum ink_exit. */
int ink_llama_command(const struct ink_llama_options *o);

/* Write a file so that nobody ever sees half of it (cmd.c); returns an enum ink_exit. */
int ink_compile_write(const char *path, const void *image, size_t size);

#endif /* INK_COMPILE_LLAMA_CMD_H */
