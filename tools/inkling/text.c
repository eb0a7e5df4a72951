// SPDX-License-Identifier: GPL-2.0-only
/*
 * A language model and its tokenizer, for commands; and inkling score-text.
 *
 * What lives here: see text.h, and measuring how well a model predicts a text.
 * What doesn't: texts that go on (generate.c), numbers instead of texts (surprise.c).
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "llama.h"
#include "stopwatch.h"
#include "text.h"
#include "words.h"

/* MODEL.tok of MODEL.ink; dies when there is none. */
static const char *usual_tokenizer(const char *model)
{
	size_t n = strlen(model);
	const char *path = n > 4 && !strcmp(model + n - 4, ".ink") ?
			   ink_fmt("%.*s.tok", (int)n - 4, model) : NULL;

	if (!path || access(path, R_OK))
		ink_die(INK_EXIT_USAGE, "--tokenizer is missing",
			"it is a file of its own, in llama2.c's form: --tokenizer tok512.bin, or MODEL.tok beside MODEL.ink");
	return path;
}

void ink_text_open(struct ink_text *t, const char *model, const char *tokenizer, const char *isa)
{
	struct ink_model *m = ink_model_open(model);

	if (!tokenizer)
		tokenizer = usual_tokenizer(model);
	if (!m || (isa && ink_model_isa_set(m, isa)) || ink_lm_init(&t->lm, m))
		ink_die_failure();
	t->tokenizer = ink_tokenizer_open(tokenizer, t->lm.vocabulary);
	if (!t->tokenizer)
		ink_die_failure();
}

void ink_text_close(struct ink_text *t)
{
	struct ink_model *model = t->lm.model;

	ink_tokenizer_close(t->tokenizer);
	ink_lm_free(&t->lm);
	ink_model_close(model);
}

size_t ink_text_piece(const struct ink_text *t, uint32_t before, uint32_t token, char *to,
		      size_t room)
{
	const char *piece;
	size_t size, i;

	piece = ink_tokenizer_piece(t->tokenizer, before, token, &size);
	for (i = 0; i < size && i < room; i++) {
		unsigned char c = (unsigned char)piece[i];

		to[i] = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? '?' : piece[i];
	}
	return i;
}

/* What the text of one file costs the model. */
struct score {
	size_t tokens;
	uint64_t bytes;
	double nats;
	uint64_t ns;
};

/* Pieces as long as the model remembers, each from the beginning. */
static void score(struct ink_text *t, const struct ink_llama_text *text, struct score *s)
{
	struct ink_progress progress;
	uint16_t before;
	size_t i;

	ink_progress_begin(&progress, "tokens", text->n);
	s->ns = ink_clock_ns(CLOCK_MONOTONIC);
	for (i = 0; i < text->n; i++) {
		before = i % text->window ? text->tokens[i - 1] : INK_TOKEN_BEGIN;
		if (i % text->window == 0)
			ink_model_reset(t->lm.model, 0);
		if (ink_lm_read(&t->lm, &before, 1))
			ink_die_failure();
		s->nats += ink_lm_surprise(&t->lm, text->tokens[i]);
		ink_progress_update(&progress, i);
	}
	s->ns = ink_clock_ns(CLOCK_MONOTONIC) - s->ns;
	s->tokens = text->n;
	s->bytes = text->bytes;
	ink_progress_end(&progress);
}

static void print_score(const char *path, const struct score *s)
{
	double perplexity = exp(s->nats / s->tokens), bits = s->nats * M_LOG2E / s->bytes;
	struct json_object *o;

	if (!ink_cli.json) {
		printf("%s: perplexity %.4f, %.4f bits a byte; %s tokens of %s bytes\n",
		       ink_fmt_safe(path), perplexity, bits, ink_fmt_count(s->tokens),
		       ink_fmt_count(s->bytes));
		return;
	}
	o = ink_json_object();
	ink_json_str(o, "file", path);
	ink_json_u64(o, "tokens", s->tokens);
	ink_json_u64(o, "bytes", s->bytes);
	ink_json_num(o, "perplexity", perplexity, 6);
	ink_json_num(o, "bits_per_byte", bits, 6);
	ink_json_num(o, "tokens_per_second", s->tokens * 1e9 / (double)s->ns, 1);
	ink_json_print(o);
}

static void score_texts(const struct ink_choices_text *c, char **paths, int n)
{
	struct ink_diag why = { 0 };
	struct ink_llama_text text;
	struct ink_text t;
	int i;

	ink_text_open(&t, c->model, c->tokenizer, c->isa);
	for (i = 0; i < n; i++) {
		struct score s = { 0 };

		if (!ink_llama_text_read(&text, paths[i], t.tokenizer,
					 ink_model_context(t.lm.model), &why))
			ink_die(INK_EXIT_INPUT, why.text, NULL);
		score(&t, &text, &s);
		print_score(paths[i], &s);
		ink_llama_text_free(&text);
	}
	ink_text_close(&t);
}

int cmd_score_text(int argc, char **argv)
{
	static struct ink_choices_text c;
	static bool ids;
	static const struct ink_option options[] = {
		{ "tokenizer", 0, "FILE", "of the model, in llama2.c's form; default: MODEL.tok", INK_OPT_STRING,
		  &c.tokenizer },
		{ "ids", 0, NULL, "lines of numbers, each a sequence: for models of surprise such as sys-lm",
		  INK_OPT_FLAG, &ids },
		{ "slot", 's', "NAME", "with --ids: let the kernel do it, in this slot",
		  INK_OPT_STRING, &c.slot },
		{ "isa", 0, "NAME", "such as scalar, avx2; default: the best of this CPU",
		  INK_OPT_STRING, &c.isa },
		{ 0 }
	};
	static const struct ink_usage usage = {
		.args = "MODEL.ink ([--tokenizer FILE] TEXT... | --ids FILE...)",
		.about =
		"Measures how well a language model predicts texts: the perplexity of a token, and the bits\n"
		"that a byte takes. A text is cut into pieces as long as the model remembers.\n\n"
		"With --ids each line of a file is a sequence of tokens, - is stdin. It is cut into windows as\n"
		"long as the model reads, the last of which reaches back; for each line: tokens, mean bits of a token\n"
		"over all windows, the most of a window, and how many reach the model's threshold.",
		.options = options,
		.example = "inkling score-text stories.ink --tokenizer tok512.bin story.txt\n"
			   "inkling score-text sys-lm.ink --ids calls.txt --json",
		.min_args = 2,
		.max_args = -1,
	};
	int n = ink_args_parse(argc, argv, &usage);

	c.model = argv[1];
	if (c.slot && !ids)
		ink_die(INK_EXIT_USAGE, "--slot is for --ids", NULL);
	if (ids)
		ink_surprise(&c, argv + 2, n - 1);
	else
		score_texts(&c, argv + 2, n - 1);
	return INK_EXIT_OK;
}
