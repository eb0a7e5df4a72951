// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling score-text --ids: how surprising sequences of tokens are.
 *
 * What lives here: windows of lines of numbers, run by a model whose output is a
 * mean surprise, here or in a slot. What doesn't: texts (text.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "scorer.h"
#include "text.h"
#include "tokens.h"
#include "words.h"

/* State of the command. */
struct work {
	struct ink_scorer scorer;
	uint32_t tokens;	/* of a window, one of which is where it begins */
	uint16_t *window;
	uint8_t *in;		/* INK_SOURCE_BATCH windows */
	int32_t out[INK_SOURCE_BATCH];
	struct inkling_verdict verdicts[INK_SOURCE_BATCH];
	struct json_object *windows;
};

/* Sum of one line's windows. */
struct sum {
	double bits;
	size_t tokens, flagged;
	int32_t most;
};

static void open_model(struct work *w, const struct ink_choices_text *c)
{
	struct ink_scorer *s = &w->scorer;
	const struct ink_graph *g;

	if (c->slot)
		ink_scorer_open_slot(s, c->slot, c->model);
	else
		ink_scorer_open_model(s, c->model, c->isa, NULL);
	g = ink_model_graph(s->model);
	if (!g->tokens || g->context || g->header->head != INKLING_HEAD_ANOMALY)
		ink_die(INK_EXIT_INPUT,
			ink_fmt("%s doesn't tell how surprising tokens are", c->model),
			"inkling compile --head anomaly makes one that does of a language model");
	w->tokens = g->tokens;
	w->window = ink_xalloc(w->tokens, sizeof(*w->window));
	w->in = ink_xalloc(INK_SOURCE_BATCH, s->in_size);
}

/* Window @i of a line: where its tokens begin. The last one reaches back to be full. */
static size_t window_at(const struct work *w, size_t i, size_t n)
{
	size_t most = w->tokens - 1, at = i * most;

	return at && at + most > n ? n - most : at;
}

static void put_window(struct work *w, size_t slot, const uint16_t *tokens, size_t n)
{
	uint8_t *in = w->in + slot * w->scorer.in_size;

	w->window[0] = INK_TOKEN_BEGIN;
	memcpy(w->window + 1, tokens, n * sizeof(*tokens));
	memset(in, 0, w->scorer.in_size);
	ink_model_put_tokens(w->scorer.model, in, w->window, (uint32_t)n + 1, UINT8_MAX);
}

static void add(struct work *w, struct sum *s, size_t i, size_t tokens)
{
	int32_t out = (int32_t)get_unaligned_le32(&w->out[i]);

	s->bits += ldexp(out, -16) * (double)tokens;
	s->tokens += tokens;
	s->most = max(s->most, out);
	s->flagged += w->verdicts[i].class;
	if (w->windows)
		json_object_array_add(w->windows, json_object_new_int(out));
}

static void score_line(struct work *w, const uint16_t *tokens, size_t n, struct sum *s)
{
	size_t most = w->tokens - 1, all = (n + most - 1) / most, done, batch, i;
	size_t part = n < most ? n : most;

	for (done = 0; done < all; done += batch) {
		batch = all - done < INK_SOURCE_BATCH ? all - done : INK_SOURCE_BATCH;
		for (i = 0; i < batch; i++)
			put_window(w, i, tokens + window_at(w, done + i, n), part);
		ink_scorer_run(&w->scorer, batch, w->in, w->out, w->verdicts);
		for (i = 0; i < batch; i++)
			add(w, s, i, part);
	}
}

static void print_line(struct work *w, size_t row, size_t n, const struct sum *s)
{
	struct json_object *o;

	if (!ink_cli.json) {
		printf("%8zu %8zu %9.4f %9.4f %8zu\n", row, n, s->bits / (double)s->tokens,
		       ldexp(s->most, -16), s->flagged);
		return;
	}
	o = ink_json_object();
	ink_json_u64(o, "row", row);
	ink_json_u64(o, "tokens", n);
	ink_json_num(o, "bits", s->bits / (double)s->tokens, 6);
	ink_json_num(o, "most", ldexp(s->most, -16), 6);
	ink_json_u64(o, "flagged", s->flagged);
	ink_json_add(o, "windows", w->windows);
	ink_json_print(o);
}

void ink_surprise(const struct ink_choices_text *c, char **paths, int n)
{
	struct work w = { 0 };
	struct ink_diag why = { 0 };
	struct ink_samples lines;
	size_t row = 0, k;
	int i;

	open_model(&w, c);
	if (!ink_cli.json)
		printf("%8s %8s %9s %9s %8s\n", "row", "tokens", "bits", "most", "flagged");
	for (i = 0; i < n; i++) {
		if (!ink_samples_read(strcmp(paths[i], "-") ? paths[i] : "/dev/stdin",
				      INK_TOKENS_IDS, INK_TOKENS_SAMPLES, &lines, &why))
			ink_die(INK_EXIT_INPUT, why.text, NULL);
		for (k = 0; k < lines.n; k++) {
			struct sum s = { 0 };

			w.windows = ink_cli.json ? ink_json_array() : NULL;
			score_line(&w, lines.tokens + lines.first[k],
				   ink_samples_length(&lines, k), &s);
			print_line(&w, ++row, ink_samples_length(&lines, k), &s);
		}
		ink_samples_free(&lines);
	}
	free(w.window);
	free(w.in);
	ink_scorer_close(&w.scorer);
}
