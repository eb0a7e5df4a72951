/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A language model and its tokenizer, for commands.
 *
 * What lives here: opening both, showing what a model says, and what score-text
 * is made of. What doesn't: tokens and logits (lm.h).
 */
#ifndef INK_TEXT_H
#define INK_TEXT_H

#include "cli.h"
#include "lm.h"

/**
 * struct ink_text - what a command on texts works with
 * @lm: model
 * @tokenizer: of the same vocabulary
 */
struct ink_text {
	struct ink_lm lm;
	struct ink_tokenizer *tokenizer;
};

/**
 * struct ink_choices_text - what score-text was asked for
 * @model: path
 * @tokenizer: path, or NULL
 * @slot: name, or NULL: in this process
 * @isa: name, or NULL
 */
struct ink_choices_text {
	const char *model, *tokenizer, *slot, *isa;
};

/* How surprising lines of tokens are (surprise.c); dies when something is wrong. */
void ink_surprise(const struct ink_choices_text *c, char **paths, int n);

/* Both; dies when one of them can't be had. @tokenizer NULL: MODEL.tok beside MODEL.ink. @isa may be NULL. */
void ink_text_open(struct ink_text *t, const char *model, const char *tokenizer, const char *isa);
void ink_text_close(struct ink_text *t);

/* A token's text with control characters as '?' but for tabs and ends of lines; how many bytes. */
size_t ink_text_piece(const struct ink_text *t, uint32_t before, uint32_t token, char *to,
		      size_t room);

#endif /* INK_TEXT_H */
