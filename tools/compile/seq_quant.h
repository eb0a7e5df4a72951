/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network of sequence operators in integers.
 *
 * What lives here: which integers stand for each matrix, and the weights of its
 * layers as int8. Activations are int16 with one scale for each matrix, found
 * on samples; what has to have the same scale (sums, what only moves numbers)
 * is a group. What doesn't: the image (seq_emit.c).
 */
#ifndef INK_SEQ_QUANT_H
#define INK_SEQ_QUANT_H

#include "seq_net.h"
#include "tokens.h"

#define INK_SEQ_HEADROOM	1.25	/* of ranges, above what the samples have reached */

/**
 * struct ink_seq_grid - an operator in integers
 * @group: operator that stands for all of its group
 * @top: greatest absolute value on the samples; of a group, in all
 * @limit: greatest absolute integer of the group
 * @scale: real value of one step
 * @logits: int32, which only SOFTMAX or the caller reads
 * @w: LINEAR: int8 weights; EMBED: table
 * @step: LINEAR, EMBED: real value of one step of each row of @w
 * @bias: LINEAR: with what the rounding of @w has moved the mean by
 * @seen: what a LINEAR reads: rows that @sum and @product are of
 * @sum: of each column over these rows
 * @product: of each pair of columns, [cols][cols]; of each with itself where they are many
 */
struct ink_seq_grid {
	uint32_t group;
	double top;
	int32_t limit;
	double scale;
	bool logits;
	int8_t *w;
	double *step;
	double *bias;
	size_t seen;
	double *sum;
	double *product;
};

/**
 * struct ink_seq_quant - a network being quantised
 * @net: folded
 * @grid: by operator
 * @pool: memory of it all
 */
struct ink_seq_quant {
	const struct ink_seq_net *net;
	struct ink_seq_grid *grid;
	struct ink_pool pool;
};

/**
 * ink_seq_quant_new() - run the calibration and choose all scales
 * @net: folded
 * @samples: each of at least one token
 * @progress: called with samples done and all, or NULL
 * @arg: for @progress
 * @why: set when it fails
 */
struct ink_seq_quant *ink_seq_quant_new(const struct ink_seq_net *net,
					const struct ink_samples *samples,
					void (*progress)(void *arg, uint32_t done, uint32_t total),
					void *arg, struct ink_diag *why);
void ink_seq_quant_free(struct ink_seq_quant *q);

/* seq_weights.c */

/* Room for what is to be seen of the inputs of layers. */
bool ink_seq_weights_begin(struct ink_seq_quant *q, struct ink_diag *why);
/* The result of operator @i for a sample. */
void ink_seq_weights_see(struct ink_seq_quant *q, uint32_t i, const double *x, uint32_t rows);
/* int8 weights of a LINEAR or EMBED. */
bool ink_seq_weights(struct ink_seq_quant *q, uint32_t i, struct ink_diag *why);

/**
 * ink_seq_sample() - a sample as a model takes it
 * @net: itself
 * @samples: all
 * @i: which
 * @tokens: net->tokens of room; set, what is too long cut, what is too short of a
 *	model with a fixed number of tokens filled up with zeros
 *
 * Return: number of tokens.
 */
uint32_t ink_seq_sample(const struct ink_seq_net *net, const struct ink_samples *samples, size_t i,
			uint16_t *tokens);

#endif /* INK_SEQ_QUANT_H */
