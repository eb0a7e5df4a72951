/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A row of weights in integers.
 *
 * What lives here: what quant_row.c does for dense layers and language models.
 * What doesn't: anything of theirs.
 */
#ifndef INK_QUANT_ROW_H
#define INK_QUANT_ROW_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct ink_row_search - a row, and what its weights are multiplied by
 * @n: weights
 * @c: [n][n] covariance of the inputs; [n] variances unless @full
 * @full: see ink_quant_row_full()
 * @w: real weights for one step of the input
 * @rest: room for @n
 * @q: set
 */
struct ink_row_search {
	uint32_t n;
	const double *c;
	bool full;
	const double *w;
	double *rest;
	int8_t *q;
};

/* Is there time for whole covariances with so many rows of @n weights? */
bool ink_quant_row_full(uint32_t rows, uint32_t n);

/**
 * ink_quant_row() - round a row
 * @s: row
 * @given: real value of a step that the weights were trained with, or 0
 * @trial: room for @s->n
 *
 * Return: the real value of one step of its accumulator; 0 for a row of zeros.
 */
double ink_quant_row(struct ink_row_search *s, double given, int8_t *trial);

#endif /* INK_QUANT_ROW_H */
