// SPDX-License-Identifier: GPL-2.0-only
/*
 * Speed of language models: tokens one by one and in batches, beside a float loop.
 *
 * What lives here: the shapes, with random weights, and the report. What
 * doesn't: measuring (contend.c) and the loop (peer_llama.c).
 *
 * Usage: llama FILE: a table to standard output, figures to FILE.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contend.h"
#include "llama_quant.h"
#include "lm.h"
#include "peer_llama.h"
#include "rand.h"

#define TEXT		256	/* tokens after which a text starts anew */
#define PREFILL		128
#define CALIBRATION	128	/* tokens */

static const struct shape {
	const char *name;
	int32_t dim, hidden, layers, heads, groups, vocabulary, context;
	uint64_t slice_ns;
} shapes[] = {
	{ "260K", 64, 172, 5, 8, 4, 512, 512, 4000000 },
	{ "15M", 288, 768, 6, 6, 6, 32000, 256, 40000000 },
};

/* A contender that reads @batch tokens a run. */
struct reader {
	struct ink_lm lm;
	struct peer_llama *peer;
	uint32_t position, batch;
	uint16_t tokens[PREFILL];
};

static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static void run_ours(void *self)
{
	struct reader *r = self;

	if (ink_model_position(r->lm.model) + r->batch > TEXT)
		ink_model_reset(r->lm.model, 0);
	if (ink_lm_read(&r->lm, r->tokens, r->batch))
		die(ink_failure_last()->text);
}

static void run_peer(void *self)
{
	struct reader *r = self;
	uint32_t i;

	for (i = 0; i < r->batch; i++)
		peer_llama_read(r->peer, r->tokens[i], r->position++ % TEXT);
}

static float *random_weights(struct ink_rand *r, size_t n, double size)
{
	float *w = malloc(n * sizeof(*w));
	size_t i;

	if (!w)
		die("no memory");
	for (i = 0; i < n; i++)
		w[i] = (float)(size * (double)ink_rand_range(r, -1000, 1000) / 577);
	return w;
}

static float *ones(size_t n)
{
	float *w = malloc(n * sizeof(*w));
	size_t i;

	if (!w)
		die("no memory");
	for (i = 0; i < n; i++)
		w[i] = 1;
	return w;
}

static void make(struct ink_llama *m, const struct shape *s)
{
	size_t l = (size_t)s->layers, dim = (size_t)s->dim, hidden = (size_t)s->hidden;
	struct ink_rand r = { 1 };

	*m = (struct ink_llama){
		.dim = (uint32_t)s->dim, .hidden = (uint32_t)s->hidden,
		.layers = (uint32_t)s->layers, .heads = (uint32_t)s->heads,
		.groups = (uint32_t)s->groups, .vocabulary = (uint32_t)s->vocabulary,
		.context = (uint32_t)s->context, .shared = true,
		.d = (uint32_t)(s->dim / s->heads),
	};
	m->kv = m->d * m->groups;
	m->embedding = random_weights(&r, m->vocabulary * dim, 0.5);
	m->classifier = m->embedding;
	m->wq = random_weights(&r, l * dim * dim, 1 / sqrt(s->dim));
	m->wk = random_weights(&r, l * dim * m->kv, 1 / sqrt(s->dim));
	m->wv = random_weights(&r, l * dim * m->kv, 1 / sqrt(s->dim));
	m->wo = random_weights(&r, l * dim * dim, 1 / sqrt(s->dim));
	m->w1 = random_weights(&r, l * dim * hidden, 1 / sqrt(s->dim));
	m->w3 = random_weights(&r, l * dim * hidden, 1 / sqrt(s->dim));
	m->w2 = random_weights(&r, l * dim * hidden, 1 / sqrt(s->hidden));
	m->norm_attention = ones(l * dim);
	m->norm_gated = ones(l * dim);
	m->norm_final = ones(dim);
}

static struct ink_model *compile(const struct ink_llama *m)
{
	struct ink_llama_quant q = { .m = m, .tokens = PREFILL, .context = m->context };
	const struct ink_card_text card = { .name = "random" };
	struct ink_diag why = { 0 };
	struct ink_llama_text text;
	struct ink_model *model;
	void *image = NULL;
	size_t size;

	if (!ink_llama_text_make(&text, m, CALIBRATION, &why) ||
	    !ink_llama_calibrate(&q, &text, CALIBRATION, NULL, NULL, &why) ||
	    !ink_llama_quantise(&q, &why) || !ink_llama_emit(&q, &card, &image, &size, &why))
		die(why.text);
	model = ink_model_open_image(image, size);
	if (!model)
		die(ink_failure_last()->text);
	free(image);
	ink_llama_text_free(&text);
	ink_llama_quant_free(&q);
	return model;
}

static void report(FILE *json, const struct shape *s, const char *part, const struct entry *e,
		   uint32_t count)
{
	char name[128], conditions[256];
	struct figure f = { .name = name, .metric = "median", .unit = "tokens/s",
			    .conditions = conditions };
	struct spread t, r;
	uint32_t i;

	snprintf(conditions, sizeof(conditions),
		 "random weights, texts of %u tokens; one CPU of %s; %u interleaved rounds", TEXT,
		 contend_cpu(), ROUNDS);
	for (i = 0; i < count; i++) {
		t = contend_time(&e[i]);
		r = contend_ratio(&e[i], &e[0]);
		snprintf(name, sizeof(name), "llama/%s/%s/%s", s->name, part, e[i].name);
		f.value = 1e9 / t.median;
		f.peer = i ? e[0].name : NULL;
		f.ratio = 1 / r.median;
		figure_write(json, &f);
		printf("%-8s %-8s %-16s %12.0f tokens/s", i ? "" : s->name, i ? "" : part,
		       e[i].name, f.value);
		if (i)
			printf("  %6.2f (%.2f..%.2f) times as long", r.median, r.p10, r.p90);
		printf("\n");
	}
	fflush(stdout);
}

static void meet(FILE *json, const struct shape *s, struct ink_model *model, const struct ink_llama *m,
		 uint32_t batch)
{
	struct reader r = { .peer = peer_llama_new(m), .batch = batch };
	struct entry e[] = {
		{ .name = "inkling", .run = run_ours, .self = &r },
		{ .name = "float loop", .run = run_peer, .self = &r },
	};
	uint32_t i;

	if (!r.peer || ink_lm_init(&r.lm, model))
		die("no memory");
	for (i = 0; i < PREFILL; i++)
		r.tokens[i] = (uint16_t)(i * 37 % m->vocabulary);
	contend(e, 2, batch, s->slice_ns);
	report(json, s, batch > 1 ? "prefill" : "decode", e, 2);
	contend_free(e, 2);
	ink_lm_free(&r.lm);
	peer_llama_free(r.peer);
}

int main(int argc, char **argv)
{
	FILE *json = argc == 2 ? fopen(argv[1], "w") : NULL;
	struct ink_llama m;
	uint32_t i;

	if (!json)
		die("usage: llama FILE, to which figures are written");
	if (!contend_pin(0, 0))
		die("can't stay on one CPU");
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct ink_model *model;

		make(&m, &shapes[i]);
		model = compile(&m);
		meet(json, &shapes[i], model, &m, 1);
		meet(json, &shapes[i], model, &m, PREFILL);
		ink_model_close(model);
	}
	return fclose(json) ? 1 : 0;
}
