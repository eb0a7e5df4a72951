// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling compile, for checkpoints of language models.
 *
 * What lives here: the order of the steps, and what is printed. What doesn't:
 * the steps.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "llama_cmd.h"
#include "llama_quant.h"
#include "llama_report.h"
#include "words.h"

#define MOST_PREDICTED	65536	/* tokens that both are compared on */
#define PROMPT_WORDS	5

/* One compilation. */
struct work {
	const struct ink_llama_options *o;
	struct ink_llama m;
	struct ink_tokenizer *tokenizer;
	struct ink_llama_text text, eval;
	struct ink_llama_quant q;
	struct ink_llama_report report;
	struct ink_model *model;
	struct ink_model_stat stat;
	void *image;
	size_t size;
};

static void advance(void *arg, uint32_t done, uint32_t total)
{
	struct ink_progress *p = arg;

	p->total = total;
	ink_progress_update(p, done);
}

/* Pieces of a text begin with a token of their own, which is one of an image's window. */
static uint32_t piece(const struct work *w)
{
	return w->q.anomaly ? w->q.tokens - 1 : w->q.context;
}

static bool read_text(struct work *w, struct ink_llama_text *t, const char *path,
		      struct ink_diag *why)
{
	if (w->o->ids)
		return ink_llama_text_ids(t, path, w->m.vocabulary, piece(w), why);
	return ink_llama_text_read(t, path, w->tokenizer, piece(w), why);
}

static void set_shape(struct work *w)
{
	const struct ink_llama_options *o = w->o;
	uint32_t tokens = o->tokens ? o->tokens : INK_LLAMA_TOKENS;

	w->q.m = &w->m;
	w->q.context = w->m.context < INKLING_MAX_CONTEXT ? w->m.context : INKLING_MAX_CONTEXT;
	w->q.tokens = tokens < w->q.context ? tokens : w->q.context;
	w->q.anomaly = o->anomaly;
	w->q.threshold = (int32_t)nearbyint(ldexp(o->threshold, 16));
	if (o->anomaly)
		w->q.context = w->q.tokens;
}

static bool open_texts(struct work *w, struct ink_diag *why)
{
	const struct ink_llama_options *o = w->o;
	size_t rows = o->rows ? o->rows : INK_LLAMA_ROWS;

	set_shape(w);
	if (o->anomaly && !(o->threshold > 0 && o->threshold < 64))
		return ink_fail(why, "--threshold is missing, or isn't between 0 and 64 bits") ||
		       ink_hint(why, "the mean surprise from which on a window isn't normal: --threshold 8");
	if (o->anomaly && w->q.tokens < 2)
		return ink_fail(why, "a window of one token has nothing to be surprised by");
	if (!o->tokenizer && !o->ids && (o->calibrate || o->eval || o->prompts))
		return ink_fail(why, "--tokenizer is missing") ||
		       ink_hint(why, "texts become tokens by the model's tokenizer: give llama2.c's file, or --tokens ids");
	if (o->tokenizer) {
		w->tokenizer = ink_tokenizer_open(o->tokenizer, w->m.vocabulary);
		if (!w->tokenizer)
			return ink_fail(why, "%s", ink_failure_last()->text);
	}
	if (o->eval && !read_text(w, &w->eval, o->eval, why))
		return false;
	if (!o->calibrate)
		return ink_llama_text_make(&w->text, &w->m, rows, piece(w), why);
	return read_text(w, &w->text, o->calibrate, why);
}

static bool make_image(struct work *w, struct ink_diag *why)
{
	const struct ink_llama_options *o = w->o;
	struct ink_progress progress;
	bool ok;

	ink_progress_begin(&progress, "calibrating", 0);
	ok = ink_llama_calibrate(&w->q, &w->text, o->rows ? o->rows : INK_LLAMA_ROWS, advance,
				 &progress, why);
	ink_progress_end(&progress);
	if (!ok || !ink_llama_quantise(&w->q, why) ||
	    !ink_llama_emit(&w->q, &o->card, &w->image, &w->size, why))
		return false;
	w->model = ink_model_open_image(w->image, w->size);
	if (!w->model)
		return ink_fail(why, "%s", ink_failure_last()->text);
	ink_model_stat(w->model, &w->stat);
	return true;
}

static bool report_prompt(struct work *w, const char *prompt, struct ink_diag *why)
{
	return w->report.n_prompts == INK_LLAMA_PROMPTS ||
	       ink_llama_report_prompt(&w->report, &w->m, w->model, w->tokenizer, prompt, why);
}

static bool report_file(struct work *w, struct ink_diag *why)
{
	FILE *f = fopen(w->o->prompts, "re");
	char line[sizeof(w->report.prompts[0].text)];
	bool ok = true;

	if (!f)
		return ink_fail(why, "%s can't be read", w->o->prompts);
	while (ok && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		ok = !line[0] || report_prompt(w, line, why);
	}
	fclose(f);
	return ok;
}

/* Some words of one line, from ten places of the text at even distances. */
static bool report_text(struct work *w, const struct ink_llama_text *text, struct ink_diag *why)
{
	char prompt[sizeof(w->report.prompts[0].text)];
	size_t at, size, length, i, words;
	const char *piece;
	uint32_t k;

	for (k = 0; k < INK_LLAMA_PROMPTS; k++) {
		at = text->n * k / INK_LLAMA_PROMPTS;
		length = words = 0;
		for (i = at; i < text->n && words <= PROMPT_WORDS; i++) {
			piece = ink_tokenizer_piece(w->tokenizer, 0, text->tokens[i], &size);
			words += size && piece[0] == ' ';
			if (memchr(piece, '\n', size))
				length = words = 0;
			/* From the first whole word on. */
			if (!words || words > PROMPT_WORDS || length + size >= sizeof(prompt))
				continue;
			memcpy(prompt + length, piece, size);
			length += size;
		}
		prompt[length] = 0;
		if (!report_prompt(w, prompt + strspn(prompt, " "), why))
			return false;
	}
	return true;
}

static bool compare(struct work *w, struct ink_diag *why)
{
	const struct ink_llama_text *text = w->o->eval ? &w->eval : &w->text;

	if (w->o->anomaly)
		return ink_llama_report_windows(&w->report, &w->m, w->model, text, MOST_PREDICTED,
						why);
	if (!ink_llama_report_text(&w->report, &w->m, w->model, text, MOST_PREDICTED, why))
		return false;
	if (w->o->prompts)
		return report_file(w, why);
	return !w->tokenizer || report_text(w, text, why);
}

static double ratio(const struct ink_llama_report *r)
{
	return exp(r->integer - r->real);
}

static const char *said_on(const struct work *w)
{
	return w->o->eval ? w->o->eval : w->o->calibrate ? w->o->calibrate : "its own";
}

static void print_windows(const struct work *w)
{
	const struct ink_llama_report *r = &w->report;

	printf("surprise     %.4f bits a token, float %.4f, on %s tokens of %s\n",
	       r->integer * M_LOG2E, r->real * M_LOG2E, ink_fmt_count(r->tokens),
	       ink_fmt_safe(said_on(w)));
	printf("windows      differ by %.4f bits a token at most; threshold %.4f\n",
	       r->gap * M_LOG2E, ldexp(w->q.threshold, -16));
}

static void print_predictions(const struct work *w)
{
	const struct ink_llama_report *r = &w->report;
	uint32_t i;

	printf("perplexity   %.4f, float %.4f, ratio %.5f on %s tokens of %s\n", exp(r->integer),
	       exp(r->real), ratio(r), ink_fmt_count(r->tokens), ink_fmt_safe(said_on(w)));
	printf("agreement    %.2f %% of tokens have the same likeliest one\n",
	       100.0 * (double)r->top / (double)r->tokens);
	if (r->n_prompts)
		printf("greedy       as float for %u tokens (median of %u texts):\n",
		       ink_llama_report_median(r), r->n_prompts);
	for (i = 0; i < r->n_prompts; i++)
		printf("  %3u of %3u  %s\n", r->prompts[i].same, r->prompts[i].length,
		       ink_fmt_safe(r->prompts[i].text));
}

static void print_text(const struct work *w)
{
	const struct inkling_header *h = w->image;
	const struct ink_llama *m = &w->m;

	printf("%s\n", ink_fmt_safe(w->o->out));
	printf("model        %s %s, %s\n", ink_fmt_safe(w->o->card.name),
	       w->o->card.version ? ink_fmt_safe(w->o->card.version) : "",
	       ink_fmt_digest_short(h->digest));
	printf("shape        %u layers of %u and %u, %u heads of %u, %u of keys, %u tokens\n",
	       m->layers, m->dim, m->hidden, m->heads, m->d, m->groups, m->vocabulary);
	if (w->o->anomaly)
		printf("sequences    up to %u tokens a call\n", w->q.tokens);
	else
		printf("sequences    up to %u tokens a call, %u remembered in %s\n", w->q.tokens,
		       w->q.context, ink_fmt_bytes(4ull * m->layers * w->q.context * m->kv));
	printf("size         %s, %s multiply-accumulates, arena %s\n", ink_fmt_bytes(w->size),
	       ink_fmt_count(w->stat.macs), ink_fmt_bytes(w->stat.arena));
	if (w->o->anomaly)
		print_windows(w);
	else
		print_predictions(w);
}

static void print_json(const struct work *w)
{
	const struct inkling_header *h = w->image;
	const struct ink_llama_report *r = &w->report;
	struct json_object *o = ink_json_object(), *all = ink_json_array(), *p;
	uint32_t i;

	ink_json_str(o, "file", w->o->out);
	ink_json_str(o, "digest", ink_fmt_digest(h->digest));
	ink_json_u64(o, "size", w->size);
	ink_json_str(o, "name", w->o->card.name);
	ink_json_int(o, "tokens", w->q.tokens);
	ink_json_int(o, "context", w->q.context);
	ink_json_int(o, "vocabulary", w->m.vocabulary);
	ink_json_u64(o, "macs", w->stat.macs);
	ink_json_u64(o, "arena", w->stat.arena);
	ink_json_u64(o, "predicted", r->tokens);
	if (w->o->anomaly) {
		ink_json_num(o, "bits", r->integer * M_LOG2E, 6);
		ink_json_num(o, "bits_float", r->real * M_LOG2E, 6);
		ink_json_num(o, "gap", r->gap * M_LOG2E, 6);
		ink_json_print(o);
		return;
	}
	ink_json_num(o, "perplexity", exp(r->integer), 6);
	ink_json_num(o, "perplexity_float", exp(r->real), 6);
	ink_json_num(o, "perplexity_ratio", ratio(r), 6);
	ink_json_num(o, "agreement", (double)r->top / (double)r->tokens, 6);
	ink_json_int(o, "greedy_median", ink_llama_report_median(r));
	for (i = 0; i < r->n_prompts; i++) {
		p = ink_json_object();
		ink_json_str(p, "prompt", r->prompts[i].text);
		ink_json_int(p, "same", r->prompts[i].same);
		ink_json_int(p, "length", r->prompts[i].length);
		json_object_array_add(all, p);
	}
	ink_json_add(o, "greedy", all);
	ink_json_print(o);
}

static void finish(struct work *w)
{
	ink_model_close(w->model);
	free(w->image);
	ink_llama_quant_free(&w->q);
	ink_llama_text_free(&w->text);
	ink_llama_text_free(&w->eval);
	ink_tokenizer_close(w->tokenizer);
	ink_llama_free(&w->m);
}

int ink_llama_command(const struct ink_llama_options *o)
{
	struct work w = { .o = o };
	struct ink_diag why = { 0 };
	int exit = INK_EXIT_INPUT;

	if (ink_llama_read(&w.m, o->checkpoint, &why) && open_texts(&w, &why) &&
	    make_image(&w, &why)) {
		exit = ink_compile_write(o->out, w.image, w.size);
		if (!exit && !compare(&w, &why))
			exit = INK_EXIT_FAILED;
		if (!exit && ink_cli.json)
			print_json(&w);
		else if (!exit)
			print_text(&w);
	}
	if (why.set)
		ink_error(why.text, why.hint[0] ? why.hint : NULL);
	finish(&w);
	return exit;
}
