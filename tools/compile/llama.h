/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Language models as llama2.c has them.
 *
 * What lives here: a checkpoint (llama.c), its float pass and texts to run it on
 * (llama_float.c, llama_text.c). What doesn't: integers (llama_quant.h).
 */
#ifndef INK_COMPILE_LLAMA_H
#define INK_COMPILE_LLAMA_H

#include "diag.h"
#include "inkling.h"

/**
 * struct ink_llama - a checkpoint
 * @dim: columns of the residual
 * @hidden: columns inside the gated layer
 * @layers: blocks
 * @heads: of queries
 * @groups: heads of keys and values
 * @vocabulary: tokens
 * @context: positions that it was trained for
 * @shared: the embedding is the classifier, too
 * @d: columns of a head
 * @kv: columns of keys, and of values
 * @embedding: [vocabulary][dim]
 * @norm_attention: [layers][dim]
 * @wq: [layers][dim][dim]
 * @wk: [layers][kv][dim]
 * @wv: [layers][kv][dim]
 * @wo: [layers][dim][dim]
 * @norm_gated: [layers][dim]
 * @w1: [layers][hidden][dim], of what SiLU is applied to
 * @w2: [layers][dim][hidden]
 * @w3: [layers][hidden][dim]
 * @norm_final: [dim]
 * @classifier: [vocabulary][dim]
 * @file: all of these
 */
struct ink_llama {
	uint32_t dim, hidden, layers, heads, groups, vocabulary, context;
	bool shared;
	uint32_t d, kv;
	const float *embedding, *norm_attention, *wq, *wk, *wv, *wo;
	const float *norm_gated, *w1, *w2, *w3, *norm_final, *classifier;
	float *file;
};

#define INK_LLAMA_EPSILON	1e-5f	/* added to the mean square by its norms */
#define INK_LLAMA_BASE		10000.0f	/* of the angles */

/* Does a file begin as a checkpoint does, and have the size that follows? */
bool ink_llama_is(const char *path);
/* Read one; ink_llama_free() in any case. */
bool ink_llama_read(struct ink_llama *m, const char *path, struct ink_diag *why);
void ink_llama_free(struct ink_llama *m);

/* Places of the float pass whose values the quantiser wants to see, once for each layer. */
enum ink_llama_site {
	INK_SITE_RESIDUAL,	/* what a block begins with, and after its attention */
	INK_SITE_NORM_ATTENTION,
	INK_SITE_Q,		/* before the turn, and after it */
	INK_SITE_K,
	INK_SITE_V,
	INK_SITE_MIXED,		/* what attention makes */
	INK_SITE_NORM_GATED,
	INK_SITE_GATE,		/* before SiLU */
	INK_SITE_SILU,
	INK_SITE_UP,
	INK_SITE_GATED,		/* their product */
	INK_SITE_NORM_FINAL,	/* of the last layer */
	INK_SITE_NR,
};

/**
 * struct ink_llama_run - the float pass on its way through a text
 * @m: checkpoint
 * @seen: called with the values at each site, or NULL
 * @arg: for @seen
 * @position: tokens that were read
 * @logits: of the last one, [vocabulary]
 */
struct ink_llama_run {
	const struct ink_llama *m;
	void (*seen)(void *arg, enum ink_llama_site site, uint32_t layer, const float *x,
		     uint32_t n);
	void *arg;
	uint32_t position;
	float *logits;
	float *x, *y, *q, *mixed, *gate, *up, *scores;
	float *keys, *values;	/* [layers][context][kv] */
};

bool ink_llama_run_init(struct ink_llama_run *r, const struct ink_llama *m, struct ink_diag *why);
void ink_llama_run_free(struct ink_llama_run *r);
/* Read one more token, below the vocabulary; @r->position has to be below the context. */
void ink_llama_forward(struct ink_llama_run *r, uint32_t token);

/**
 * struct ink_llama_text - tokens in pieces that are read one by one
 * @tokens: all
 * @n: their number
 * @bytes: of text that they stand for
 * @window: tokens of a piece, each of which begins with INK_TOKEN_BEGIN besides
 */
struct ink_llama_text {
	uint16_t *tokens;
	size_t n;
	uint64_t bytes;
	uint32_t window;
};

/* A file's text; @window: tokens of a piece, without the one that it begins with. */
bool ink_llama_text_read(struct ink_llama_text *t, const char *path,
			 const struct ink_tokenizer *tokenizer, uint32_t window,
			 struct ink_diag *why);
/* Numbers, with blanks or commas between them: the tokens of all lines, one after the other. */
bool ink_llama_text_ids(struct ink_llama_text *t, const char *path, uint32_t vocabulary,
			uint32_t window, struct ink_diag *why);
/* What the model says by itself, @n tokens. */
bool ink_llama_text_make(struct ink_llama_text *t, const struct ink_llama *m, size_t n,
			 uint32_t window, struct ink_diag *why);
void ink_llama_text_free(struct ink_llama_text *t);

#endif /* INK_COMPILE_LLAMA_H */
