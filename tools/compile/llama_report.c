// SPDX-License-Identifier: GPL-2.0-only
/*
 * A language model's image beside its checkpoint.
 *
 * What lives here: running both on the same tokens. What doesn't: printing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "llama_report.h"
#include "lm.h"

static uint32_t likeliest(const float *logits, uint32_t n)
{
	uint32_t at = 0, i;

	for (i = 1; i < n; i++)
		if (logits[i] > logits[at])
			at = i;
	return at;
}

static double surprise(const float *logits, uint32_t n, uint32_t token)
{
	double top = logits[likeliest(logits, n)], sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += exp(logits[i] - top);
	return log(sum) - (logits[token] - top);
}

static bool library(struct ink_diag *why)
{
	return ink_fail(why, "%s", ink_failure_last()->text);
}

static bool predict(struct ink_llama_report *r, struct ink_llama_run *run, struct ink_lm *lm,
		    uint16_t before, uint16_t token, struct ink_diag *why)
{
	const struct ink_choice greedy = { 0 };
	uint32_t n = lm->vocabulary;

	ink_llama_forward(run, before);
	if (ink_lm_read(lm, &before, 1))
		return library(why);
	r->real += surprise(run->logits, n, token);
	r->integer += ink_lm_surprise(lm, token);
	r->top += likeliest(run->logits, n) == ink_sample(lm->logits, n, &greedy, 0);
	return true;
}

/* Both ready to read, from the first token on. */
static bool begin(struct ink_llama_run *run, struct ink_lm *lm, const struct ink_llama *m,
		  struct ink_model *model, struct ink_diag *why)
{
	memset(run, 0, sizeof(*run));
	if (ink_lm_init(lm, model) || ink_model_reset(model, 0))
		return library(why);
	return ink_llama_run_init(run, m, why);
}

bool ink_llama_report_text(struct ink_llama_report *r, const struct ink_llama *m,
			   struct ink_model *model, const struct ink_llama_text *text, size_t most,
			   struct ink_diag *why)
{
	size_t n = text->n < most ? text->n : most, i;
	struct ink_llama_run run;
	struct ink_lm lm;
	bool ok = begin(&run, &lm, m, model, why);

	for (i = 0; ok && i < n; i++) {
		if (i % text->window == 0) {
			run.position = 0;
			ink_model_reset(model, 0);
		}
		ok = predict(r, &run, &lm, i % text->window ? text->tokens[i - 1] : INK_TOKEN_BEGIN,
			     text->tokens[i], why);
	}
	if (ok && n) {
		r->tokens = n;
		r->bytes = (uint64_t)((double)text->bytes * n / text->n);
		r->real /= n;
		r->integer /= n;
	}
	ink_lm_free(&lm);
	ink_llama_run_free(&run);
	return ok;
}

/* What the image says of a window, in natural units. */
static bool read_window(struct ink_model *model, const uint16_t *tokens, uint32_t n, double *mean,
			struct ink_diag *why)
{
	size_t size = ink_model_input_size(model);
	void *in = calloc(1, size);
	int32_t out;
	int err;

	if (!in)
		return ink_fail(why, "no memory for a window");
	ink_model_put_tokens(model, in, tokens, n, 0);
	err = ink_model_run(model, in, size, &out, sizeof(out));
	free(in);
	*mean = ldexp(out, -16) * M_LN2;
	return err ? library(why) : true;
}

bool ink_llama_report_windows(struct ink_llama_report *r, const struct ink_llama *m,
			      struct ink_model *model, const struct ink_llama_text *text,
			      size_t most, struct ink_diag *why)
{
	size_t n = text->n < most ? text->n : most, at, size, i;
	uint16_t *window = malloc((text->window + 1) * sizeof(*window));
	struct ink_llama_run run;
	double real, integer = 0;
	bool ok = ink_llama_run_init(&run, m, why) &&
		  (window || ink_fail(why, "no memory for a window"));

	for (at = 0; ok && at < n; at += size) {
		size = n - at < text->window ? n - at : text->window;
		run.position = 0;
		window[0] = INK_TOKEN_BEGIN;
		memcpy(window + 1, text->tokens + at, size * sizeof(*window));
		for (i = 0, real = 0; i < size; i++) {
			ink_llama_forward(&run, window[i]);
			real += surprise(run.logits, m->vocabulary, window[i + 1]);
		}
		ok = read_window(model, window, (uint32_t)size + 1, &integer, why);
		r->real += real;
		r->integer += integer * (double)size;
		r->gap = fmax(r->gap, fabs(integer - real / (double)size));
	}
	r->tokens = n;
	r->real /= (double)n;
	r->integer /= (double)n;
	free(window);
	ink_llama_run_free(&run);
	return ok;
}

/* Both say what is likeliest until one says something else, or the text ends. */
static bool continue_both(struct ink_llama_prompt *p, struct ink_llama_run *run, struct ink_lm *lm,
			  struct ink_diag *why)
{
	const struct ink_choice greedy = { 0 };
	bool same = true;
	uint16_t token;

	while (p->length < INK_LLAMA_GREEDY && run->position < run->m->context) {
		token = (uint16_t)likeliest(run->logits, lm->vocabulary);
		same = same && ink_sample(lm->logits, lm->vocabulary, &greedy, 0) == token;
		p->length++;
		p->same += same;
		if (token == INK_TOKEN_BEGIN || token == INK_TOKEN_END)
			break;
		ink_llama_forward(run, token);
		if (same && ink_model_position(lm->model) < ink_model_context(lm->model) &&
		    ink_lm_read(lm, &token, 1))
			return library(why);
	}
	return true;
}

bool ink_llama_report_prompt(struct ink_llama_report *r, const struct ink_llama *m,
			     struct ink_model *model, const struct ink_tokenizer *tokenizer,
			     const char *prompt, struct ink_diag *why)
{
	struct ink_llama_prompt *p = &r->prompts[r->n_prompts];
	uint16_t tokens[sizeof(p->text) + 2];
	struct ink_llama_run run;
	struct ink_lm lm;
	int n, i;
	bool ok;

	snprintf(p->text, sizeof(p->text), "%s", prompt);
	n = ink_tokenizer_encode(tokenizer, p->text, strlen(p->text), true, tokens, sizeof(p->text) + 2);
	if (n < 0)
		return library(why);
	ok = begin(&run, &lm, m, model, why);
	for (i = 0; ok && i < n && run.position < m->context; i++)
		ink_llama_forward(&run, tokens[i]);
	if (ok && ink_lm_read(&lm, tokens, run.position))
		ok = library(why);
	ok = ok && continue_both(p, &run, &lm, why);
	r->n_prompts += ok;
	ink_lm_free(&lm);
	ink_llama_run_free(&run);
	return ok;
}

uint32_t ink_llama_report_median(const struct ink_llama_report *r)
{
	uint32_t sorted[INK_LLAMA_PROMPTS], i, k;

	for (i = 0; i < r->n_prompts; i++) {
		for (k = i; k && sorted[k - 1] > r->prompts[i].same; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = r->prompts[i].same;
	}
	return i ? (sorted[(i - 1) / 2] + sorted[i / 2]) / 2 : 0;
}
