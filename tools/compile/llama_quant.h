/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Language models in integers.
 *
 * What lives here: what is found out about a checkpoint's activations
 * (llama_calibrate.c), the integers that are chosen for it (llama_quant.c), and
 * the image (llama_emit.c). What doesn't: the float pass (llama.h).
 */
#ifndef INK_COMPILE_LLAMA_QUANT_H
#define INK_COMPILE_LLAMA_QUANT_H

#include "emit.h"
#include "llama.h"

/**
 * struct ink_llama_seen - the values at one site of one layer
 * @n: values a token; 0: the site was never seen
 * @top: the greatest magnitude
 * @count: tokens
 * @sum: [n], where a matrix is applied to them
 * @products: [n][n] sums, or [n] of squares where the matrix is too large
 * @full: which of both
 */
struct ink_llama_seen {
	uint32_t n;
	float top;
	uint64_t count;
	double *sum;
	double *products;
	bool full;
};

/**
 * struct ink_llama_weights - a matrix in integers
 * @rows: outputs
 * @n: inputs
 * @w: [rows][n]
 * @step: [rows] real value of one step, for one of the input's real numbers
 * @bias: [rows] real number that makes up for the mean error of the rounding
 * @most: the greatest sum of a row's magnitudes
 */
struct ink_llama_weights {
	uint32_t rows, n;
	int8_t *w;
	double *step;
	double *bias;
	uint32_t most;
};

enum ink_llama_matrix {
	INK_MATRIX_Q,
	INK_MATRIX_K,
	INK_MATRIX_V,
	INK_MATRIX_O,
	INK_MATRIX_GATE,
	INK_MATRIX_UP,
	INK_MATRIX_DOWN,
	INK_MATRIX_NR,
};

/* What stands for a site's values: integers of +-@most, @scale each. */
struct ink_llama_grid {
	double scale;
	int32_t most;
};

/**
 * struct ink_llama_quant - a language model being quantised
 * @m: checkpoint
 * @tokens: most of a call of the image
 * @context: that the image's states hold
 * @anomaly: no states and no logits: a call's mean surprise is the image's output
 * @threshold: with @anomaly, in 2^-16 bits
 * @seen: [layers][INK_SITE_NR]
 * @grids: likewise
 * @residual: of all layers, as they are summed up
 * @w: [layers][INK_MATRIX_NR]
 * @embedding: table of tokens
 * @classifier: the same when the checkpoint shares them
 * @logit: real value of one step of a logit
 * @pool: memory of it all
 */
struct ink_llama_quant {
	const struct ink_llama *m;
	uint32_t tokens, context;
	bool anomaly;
	int32_t threshold;
	struct ink_llama_seen *seen;
	struct ink_llama_grid *grids;
	struct ink_llama_grid residual;
	struct ink_llama_weights *w;
	struct ink_llama_weights embedding, classifier;
	double logit;
	struct ink_pool pool;
};

static inline struct ink_llama_seen *ink_llama_seen(const struct ink_llama_quant *q,
						    uint32_t layer, enum ink_llama_site site)
{
	return &q->seen[layer * INK_SITE_NR + site];
}

static inline struct ink_llama_grid *ink_llama_grid(const struct ink_llama_quant *q,
						    uint32_t layer, enum ink_llama_site site)
{
	return &q->grids[layer * INK_SITE_NR + site];
}

/**
 * ink_llama_calibrate() - run the float pass and look
 * @q: zeroed but for @m, @tokens and @context; ink_llama_quant_free() in any case
 * @text: to run it on
 * @most: tokens to read at most
 * @progress: called now and then, or NULL
 * @arg: for @progress
 * @why: set when it fails
 */
bool ink_llama_calibrate(struct ink_llama_quant *q, const struct ink_llama_text *text, size_t most,
			 void (*progress)(void *arg, uint32_t done, uint32_t total), void *arg,
			 struct ink_diag *why);
/* Choose all integers. */
bool ink_llama_quantise(struct ink_llama_quant *q, struct ink_diag *why);
/* Write the image; @image is for free(). */
bool ink_llama_emit(const struct ink_llama_quant *q, const struct ink_card_text *card,
		    void **image, size_t *size, struct ink_diag *why);
void ink_llama_quant_free(struct ink_llama_quant *q);

#endif /* INK_COMPILE_LLAMA_QUANT_H */
