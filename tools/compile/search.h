/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Choosing ranges and bits by the error of the result.
 *
 * What lives here: the search over what quantise.c leaves open. What doesn't:
 * the arithmetic itself, which is the engine's: every candidate is written as
 * an image, verified and run.
 */
#ifndef INK_SEARCH_H
#define INK_SEARCH_H

#include "quant.h"

/**
 * struct ink_search - what to search and what was found
 * @raw: calibration rows, [q->rows][features]
 * @bits: 7, 8, or 0 to choose
 * @center: natural logit of harm at the threshold; errors there count most
 * @progress: called after each candidate, or NULL
 * @arg: for @progress
 * @done: progress, of
 * @total: candidates, some of which turn out to be the same
 * @tried: candidates run
 * @rows: calibration rows that each was run on
 * @error: root of the weighted mean squared error of the result, at the end
 * @first: the same before the search
 * @error7: of 7 bits where both were tried, else 0
 * @error8: likewise
 */
struct ink_search {
	const int32_t *raw;
	int bits;
	double center;
	void (*progress)(void *arg, uint32_t done, uint32_t total);
	void *arg;
	uint32_t done, total, tried;
	size_t rows;
	double error;
	double first;
	double error7, error8;
};

/*
 * 7 bits are taken when they err at most so many times as much as 8, or by
 * less than a logit (or share of a distance) that nobody will notice: 0.01 of a
 * logit is a quarter of a percent of probability.
 */
#define INK_SEARCH_TOLERANCE	1.5
#define INK_SEARCH_NEGLIGIBLE	0.01

/* Find ranges and bits; @q is assigned with them. */
bool ink_search_run(struct ink_quant *q, struct ink_search *s, struct ink_diag *why);

/* Error of @q as it is assigned, on up to @rows rows. */
bool ink_search_error(const struct ink_quant *q, const struct ink_search *s, size_t rows,
		      double *error, struct ink_diag *why);

#endif /* INK_SEARCH_H */
