// SPDX-License-Identifier: GPL-2.0-only
/*
 * Texts that a language model is run on.
 *
 * What lives here: tokens of a file, or of what the model says by itself. What
 * doesn't: running models on them (llama_calibrate.c, llama_report.c).
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llama.h"
#include "sample.h"
#include "tokens.h"

#define MOST_TEXT	((size_t)16 << 20)

/* All of a file, for free(). */
static char *read_file(const char *path, size_t *size, struct ink_diag *why)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(MOST_TEXT) : NULL;

	if (!text) {
		ink_fail(why, "%s: %s", path, strerror(errno));
	} else {
		*size = fread(text, 1, MOST_TEXT, f);
		if (*size && *size < MOST_TEXT && !ferror(f)) {
			fclose(f);
			return text;
		}
		ink_fail(why, "%s is empty, can't be read, or has %zu bytes or more", path,
			 MOST_TEXT);
	}
	free(text);
	if (f)
		fclose(f);
	return NULL;
}

bool ink_llama_text_read(struct ink_llama_text *t, const char *path,
			 const struct ink_tokenizer *tokenizer, uint32_t window,
			 struct ink_diag *why)
{
	size_t size = 0;
	char *text;
	int n;

	memset(t, 0, sizeof(*t));
	t->window = window;
	text = read_file(path, &size, why);
	if (!text)
		return false;
	t->tokens = malloc((size + 2) * sizeof(*t->tokens));
	n = t->tokens ? ink_tokenizer_encode(tokenizer, text, size, true, t->tokens, size + 2) : -1;
	free(text);
	if (n < 0)
		return ink_fail(why, "%s: no memory for its tokens", path);
	/* Pieces begin with that token anyway. */
	t->n = (size_t)n - 1;
	memmove(t->tokens, t->tokens + 1, t->n * sizeof(*t->tokens));
	t->bytes = size;
	return true;
}

bool ink_llama_text_ids(struct ink_llama_text *t, const char *path, uint32_t vocabulary,
			uint32_t window, struct ink_diag *why)
{
	struct ink_samples samples;
	bool ok;
	size_t i;

	memset(t, 0, sizeof(*t));
	t->window = window;
	ok = ink_samples_read(path, INK_TOKENS_IDS, INK_TOKENS_SAMPLES, &samples, why);
	if (ok) {
		t->n = samples.first[samples.n];
		t->bytes = t->n;
		t->tokens = samples.tokens;
		samples.tokens = NULL;
	}
	ink_samples_free(&samples);
	for (i = 0; ok && i < t->n; i++)
		if (t->tokens[i] >= vocabulary)
			ok = ink_fail(why, "%s: token %u, the model has %u", path, t->tokens[i],
				      vocabulary);
	return ok;
}

bool ink_llama_text_make(struct ink_llama_text *t, const struct ink_llama *m, size_t n,
			 uint32_t window, struct ink_diag *why)
{
	const struct ink_choice choice = { .mult = 1, .seed = 1 };
	int32_t *octaves = malloc(m->vocabulary * sizeof(*octaves));
	struct ink_llama_run run;
	uint32_t token, i;
	bool ok;

	memset(t, 0, sizeof(*t));
	t->window = window;
	t->tokens = malloc(n * sizeof(*t->tokens));
	ok = ink_llama_run_init(&run, m, why) && octaves && t->tokens;
	for (token = INK_TOKEN_BEGIN; ok && t->n < n; t->tokens[t->n++] = (uint16_t)token) {
		if (t->n % t->window == 0) {
			run.position = 0;
			token = INK_TOKEN_BEGIN;
		}
		ink_llama_forward(&run, token);
		for (i = 0; i < m->vocabulary; i++)
			octaves[i] = (int32_t)fmaxf(fminf(run.logits[i] * (float)M_LOG2E * 65536,
							  1 << 30), -(1 << 30));
		token = ink_sample(octaves, m->vocabulary, &choice, (uint32_t)t->n);
	}
	ink_llama_run_free(&run);
	free(octaves);
	return ok || ink_fail(why, "no memory for a text");
}

void ink_llama_text_free(struct ink_llama_text *t)
{
	free(t->tokens);
	memset(t, 0, sizeof(*t));
}
