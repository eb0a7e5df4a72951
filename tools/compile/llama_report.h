/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A language model's image beside its checkpoint.
 *
 * What lives here: perplexity and greedy texts of both. What doesn't: printing
 * (llama_cmd.c).
 */
#ifndef INK_COMPILE_LLAMA_REPORT_H
#define INK_COMPILE_LLAMA_REPORT_H

#include "llama.h"

#define INK_LLAMA_PROMPTS	10
#define INK_LLAMA_GREEDY	200	/* tokens after a prompt at most */

/**
 * struct ink_llama_prompt - one greedy text
 * @text: that it begins with
 * @same: tokens that are alike until the first that isn't
 * @length: tokens that the checkpoint says
 */
struct ink_llama_prompt {
	char text[128];
	uint32_t same, length;
};

/**
 * struct ink_llama_report - image and checkpoint on the same text
 * @tokens: that were predicted
 * @bytes: of text that they are
 * @real: mean -log p of the checkpoint, natural units a token
 * @integer: of the image
 * @top: tokens of which both hold the same one likeliest
 * @gap: how much the mean of a window differs at most, for images that only tell that
 * @n_prompts: of @prompts
 * @prompts: what they say to them
 */
struct ink_llama_report {
	uint64_t tokens, bytes;
	double real, integer;
	uint64_t top;
	double gap;
	uint32_t n_prompts;
	struct ink_llama_prompt prompts[INK_LLAMA_PROMPTS];
};

/* Both on @text, at most @most tokens of it. */
bool ink_llama_report_text(struct ink_llama_report *r, const struct ink_llama *m,
			   struct ink_model *model, const struct ink_llama_text *text, size_t most,
			   struct ink_diag *why);
/* Likewise for an image with a head for anomalies: window by window. */
bool ink_llama_report_windows(struct ink_llama_report *r, const struct ink_llama *m,
			      struct ink_model *model, const struct ink_llama_text *text,
			      size_t most, struct ink_diag *why);
/* Both go on with a text. */
bool ink_llama_report_prompt(struct ink_llama_report *r, const struct ink_llama *m,
			     struct ink_model *model, const struct ink_tokenizer *tokenizer,
			     const char *prompt, struct ink_diag *why);
/* Of the prompts' @same; 0 without any. */
uint32_t ink_llama_report_median(const struct ink_llama_report *r);

#endif /* INK_COMPILE_LLAMA_REPORT_H */
