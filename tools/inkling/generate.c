// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling generate: a language model goes on with a text.
 *
 * What lives here: the command: reading the prompt, one token after the other, here
 * or in the kernel, printing them as they come. What doesn't: the model (lm.c) and the choice of a
 * token (kmod/core/sample.c), which are the same everywhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stopwatch.h"
#include "text.h"
#include "words.h"

#define MOST_PROMPT	65536	/* bytes */

#define PIECE	8	/* tokens that the kernel is asked for at a time, to print them as they come */

/* State of one text. */
struct generation {
	struct ink_text text;
	struct ink_choice choice;
	uint32_t want;		/* tokens */
	uint16_t *prompt;
	size_t n_prompt;
	uint32_t *tokens;	/* that were generated */
	size_t n;
	char *said;		/* their text, for JSON */
	size_t said_size;
	const char *ended;	/* why */
	uint64_t read_ns, write_ns;
	struct ink_session *session;	/* the kernel's, or NULL */
};

static uint16_t *read_prompt(const struct ink_text *t, const char *prompt, size_t *n)
{
	size_t size = strlen(prompt);
	uint16_t *tokens;
	int found;

	if (size > MOST_PROMPT)
		ink_die(INK_EXIT_INPUT, ink_fmt("the prompt has %zu bytes, at most %u are read", size,
						MOST_PROMPT), NULL);
	tokens = ink_xalloc(size + 2, sizeof(*tokens));
	found = ink_tokenizer_encode(t->tokenizer, prompt, size, true, tokens, size + 2);
	if (found < 0)
		ink_die_failure();
	*n = (size_t)found;
	return tokens;
}

/* A token has at most as many bytes as the tokenizer's file. */
static void say(struct generation *g, uint32_t before, uint32_t token)
{
	char piece[256];
	size_t size = ink_text_piece(&g->text, before, token, piece, sizeof(piece));

	if (!ink_cli.json) {
		fwrite(piece, 1, size, stdout);
		fflush(stdout);
		return;
	}
	g->said = ink_xrealloc(g->said, g->said_size + size + 1, 1);
	memcpy(g->said + g->said_size, piece, size);
	g->said_size += size;
	g->said[g->said_size] = 0;
}

static void say_prompt(struct generation *g)
{
	size_t i;

	for (i = 1; i < g->n_prompt; i++)
		say(g, g->prompt[i - 1], g->prompt[i]);
}

/* The next token; false when the text ends with it. */
static bool take(struct generation *g, uint16_t *before, uint16_t token)
{
	g->tokens[g->n++] = token;
	if (token == INK_TOKEN_BEGIN || token == INK_TOKEN_END) {
		g->ended = "end";
		return false;
	}
	say(g, *before, token);
	*before = token;
	return true;
}

static void go_on(struct generation *g)
{
	struct ink_lm *lm = &g->text.lm;
	uint16_t before = g->prompt[g->n_prompt - 1];

	while (g->n < g->want) {
		if (!take(g, &before, (uint16_t)ink_sample(lm->logits, lm->vocabulary, &g->choice,
							   ink_model_position(lm->model))) ||
		    g->n == g->want)
			return;
		if (ink_model_position(lm->model) == ink_model_context(lm->model)) {
			g->ended = "context";
			return;
		}
		if (ink_lm_read(lm, &before, 1))
			ink_die_failure();
	}
}

/* Tokens as the model's input has them. */
static void pack_tokens(const struct generation *g, const uint16_t *tokens, size_t n, void *to)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (g->text.lm.wide)
			((uint16_t *)to)[i] = tokens[i];
		else
			((uint8_t *)to)[i] = (uint8_t)tokens[i];
	}
}

static bool take_piece(struct generation *g, uint16_t *before, const void *piece, uint32_t n)
{
	bool more = true;
	uint32_t i;

	for (i = 0; i < n && more; i++)
		more = take(g, before, g->text.lm.wide ? ((const uint16_t *)piece)[i] :
							 ((const uint8_t *)piece)[i]);
	return more;
}

/* The same by a slot: the kernel reads the prompt, chooses a token, and goes on by pieces. */
static void generate_in_kernel(struct generation *g)
{
	uint16_t before = g->prompt[g->n_prompt - 1], piece[PIECE];
	void *prompt = ink_xalloc(g->n_prompt, sizeof(*g->prompt));
	uint64_t start = ink_clock_ns(CLOCK_MONOTONIC);
	struct inkling_generate ask = {
		.prompt = (uintptr_t)prompt, .n_prompt = (uint32_t)g->n_prompt,
		.tokens = (uintptr_t)piece, .n_tokens = g->want > 0, .seed = g->choice.seed,
		.mult = g->choice.mult, .shift = g->choice.shift, .top_k = g->choice.top_k,
		.stop = INK_TOKEN_BEGIN,
	};
	bool more;
	int err;

	pack_tokens(g, g->prompt, g->n_prompt, prompt);
	if (ink_session_generate(g->session, &ask))
		ink_die_failure();
	g->read_ns = ink_clock_ns(CLOCK_MONOTONIC) - start;
	say_prompt(g);
	start = ink_clock_ns(CLOCK_MONOTONIC);
	more = take_piece(g, &before, piece, ask.done);
	for (ask.n_prompt = 0; more && g->n < g->want;) {
		ask.n_tokens = g->want - g->n < PIECE ? (uint32_t)(g->want - g->n) : PIECE;
		err = ink_session_generate(g->session, &ask);
		if (err && err != -ENOSPC)
			ink_die_failure();
		more = take_piece(g, &before, piece, ask.done);
		if (more && err) {
			g->ended = "context";
			more = false;
		}
	}
	g->write_ns = ink_clock_ns(CLOCK_MONOTONIC) - start;
	free(prompt);
}

/* A slot with the very model that the file is: tokenizer and temperature are made for that. */
static struct ink_session *open_slot(const struct generation *g, const char *slot)
{
	const struct inkling_header *header = ink_model_header(g->text.lm.model);
	struct ink_session *session = ink_session_open(slot, INK_DEFAULTS);
	struct inkling_info info;

	if (!session || ink_session_info(session, &info))
		ink_die_failure();
	if (memcmp(info.digest, header->digest, sizeof(info.digest)))
		ink_die(INK_EXIT_REFUSED, ink_fmt("slot %s holds another model: %s", slot,
						  ink_fmt_digest_short(info.digest)),
			"give the file that was loaded there");
	return session;
}

static void generate(struct generation *g)
{
	struct ink_lm *lm = &g->text.lm;
	uint64_t start = ink_clock_ns(CLOCK_MONOTONIC);

	g->ended = "tokens";
	if (g->n_prompt > ink_model_context(lm->model))
		ink_die(INK_EXIT_INPUT, ink_fmt("the prompt has %zu tokens, the model remembers %u",
						g->n_prompt, ink_model_context(lm->model)), NULL);
	if (g->session) {
		generate_in_kernel(g);
		return;
	}
	if (ink_lm_read(lm, g->prompt, g->n_prompt))
		ink_die_failure();
	g->read_ns = ink_clock_ns(CLOCK_MONOTONIC) - start;
	say_prompt(g);
	start = ink_clock_ns(CLOCK_MONOTONIC);
	go_on(g);
	g->write_ns = ink_clock_ns(CLOCK_MONOTONIC) - start;
}

static double per_second(size_t n, uint64_t ns)
{
	return ns ? (double)n * 1e9 / (double)ns : 0;
}

static void print_stats(const struct generation *g)
{
	fprintf(stderr, "prompt: %zu tokens in %s, %.0f a second; text: %zu tokens in %s, %.0f a second\n",
		g->n_prompt, ink_fmt_ns(g->read_ns), per_second(g->n_prompt, g->read_ns), g->n,
		ink_fmt_ns(g->write_ns), per_second(g->n, g->write_ns));
}

/* A token may end within a character; JSON has none that are cut. */
static void whole_characters(char *text)
{
	unsigned char *c = (unsigned char *)text;
	int more, i;

	for (; *c; c += 1 + more) {
		more = *c < 0x80 ? 0 : *c >= 0xf0 && *c < 0xf5 ? 3 : *c >= 0xe0 && *c < 0xf0 ? 2 :
		       *c >= 0xc2 && *c < 0xe0 ? 1 : -1;
		for (i = 1; i <= more && (c[i] & 0xc0) == 0x80; i++)
			;
		if (more >= 0 && i > more)
			continue;
		*c = '?';
		more = 0;
	}
}

static void print_json(const struct generation *g)
{
	struct json_object *o = ink_json_object(), *tokens = ink_json_array();
	size_t i;

	if (g->said)
		whole_characters(g->said);
	ink_json_str(o, "text", g->said ? g->said : "");
	for (i = 0; i < g->n; i++)
		json_object_array_add(tokens, json_object_new_int((int)g->tokens[i]));
	ink_json_add(o, "tokens", tokens);
	ink_json_u64(o, "prompt_tokens", g->n_prompt);
	ink_json_str(o, "ended", g->ended);
	ink_json_num(o, "prompt_tokens_per_second", per_second(g->n_prompt, g->read_ns), 1);
	ink_json_num(o, "tokens_per_second", per_second(g->n, g->write_ns), 1);
	ink_json_print(o);
}

/* Thousandths of a decimal number. */
static uint32_t parse_temperature(const char *s)
{
	int32_t milli;

	if (ink_number_parse(s, 3, &milli) || milli < 0 || milli > 100000)
		ink_die(INK_EXIT_USAGE, ink_fmt("--temperature %s isn't a number from 0 to 100",
						ink_fmt_safe(s)), NULL);
	return (uint32_t)milli;
}

static const struct ink_usage usage = {
	.args = "MODEL.ink [--tokenizer FILE] [--prompt TEXT] [OPTION]...",
	.about =
	"Lets a language model go on with a text, in this process, or with --slot in the kernel. The same\n"
	"model, prompt, seed and temperature give the same text in both and on every machine: all of it\n"
	"is computed in integers.",
	.example =
	"inkling generate models/lm-tiny.ink --prompt \"Once upon a time\"\n"
	"inkling generate stories.ink --tokenizer tok512.bin --temperature 0.8 --seed 7 --stats\n"
	"inkling load models/lm-tiny.ink --slot lm.tiny\n"
	"inkling generate models/lm-tiny.ink --slot lm.tiny",
	.min_args = 1,
	.max_args = 1,
};

int cmd_generate(int argc, char **argv)
{
	static const char *tokenizer, *prompt = "", *temperature = "0", *isa, *slot;
	static uint32_t want = 200, seed = 1, top_k;
	static bool stats;
	static const struct ink_option options[] = {
		{ "tokenizer", 0, "FILE", "of the model, in llama2.c's form; default: MODEL.tok", INK_OPT_STRING,
		  &tokenizer },
		{ "prompt", 'p', "TEXT", "what to go on with; nothing by default", INK_OPT_STRING,
		  &prompt },
		{ "slot", 's', "NAME", "let the kernel do it, in this slot, which has the same model",
		  INK_OPT_STRING, &slot },
		{ "tokens", 'n', "N", "how many to say at most; default 200", INK_OPT_U32, &want },
		{ "temperature", 0, "X", "0, the default: always the likeliest; 1: as likely as they are",
		  INK_OPT_STRING, &temperature },
		{ "top-k", 0, "K", "choose among the K likeliest only", INK_OPT_U32, &top_k },
		{ "seed", 0, "N", "of the choice; default 1", INK_OPT_U32, &seed },
		{ "stats", 0, NULL, "say at the end how long it took", INK_OPT_FLAG, &stats },
		{ "isa", 0, "NAME", "such as scalar, avx2; default: the best of this CPU",
		  INK_OPT_STRING, &isa },
		{ 0 }
	};
	struct ink_usage u = usage;
	struct generation g = { 0 };

	u.options = options;
	ink_args_parse(argc, argv, &u);
	ink_text_open(&g.text, argv[1], tokenizer, isa);
	g.choice.seed = seed;
	g.choice.top_k = top_k;
	g.want = want < INKLING_MAX_CONTEXT ? want : INKLING_MAX_CONTEXT;
	if (ink_lm_temperature(&g.text.lm, parse_temperature(temperature), &g.choice))
		ink_die_failure();
	g.prompt = read_prompt(&g.text, prompt, &g.n_prompt);
	g.tokens = ink_xalloc(g.want + 1, sizeof(*g.tokens));
	if (slot)
		g.session = open_slot(&g, slot);
	generate(&g);
	if (ink_cli.json)
		print_json(&g);
	else
		putchar('\n');
	if (stats && !ink_cli.json)
		print_stats(&g);
	if (!strcmp(g.ended, "context"))
		ink_note("the model remembers %u tokens: the text ends here",
			 ink_model_context(g.text.lm.model));
	free(g.tokens);
	free(g.said);
	free(g.prompt);
	ink_session_close(g.session);
	ink_text_close(&g.text);
	return INK_EXIT_OK;
}
