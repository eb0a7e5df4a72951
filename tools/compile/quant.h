/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network in integers.
 *
 * What lives here: which integers stand for each vector of a network, its
 * weights as int8, and what the engine's operators need besides. Filled in by
 * calibrate.c (statistics), quantise.c (scales), quant_input.c and
 * quant_dense.c (operands); chosen by search.c; written out by emit.c. What
 * doesn't: real arithmetic (net.c).
 */
#ifndef INK_QUANT_H
#define INK_QUANT_H

#include "net.h"
#include "schema.h"

/* Ranges that the search may choose from: share of the values that lie inside. */
#define INK_CLIPS	9
extern const double ink_clip_shares[INK_CLIPS];

/**
 * struct ink_span - ranges of a vector's values in the calibration
 * @lo: by entry of ink_clip_shares
 * @hi: likewise
 * @use: entry in use
 */
struct ink_span {
	double lo[INK_CLIPS];
	double hi[INK_CLIPS];
	unsigned int use;
};

/**
 * struct ink_grid - which integers stand for which real numbers
 * @dtype: enum inkling_dtype
 * @uniform: one scale for all elements, and off = -scale * zero
 * @zero: zero point of a uniform grid
 * @lo: least integer used
 * @hi: greatest integer used
 * @scale: [width]; 0 for an element that is constant
 * @off: [width], real value of the integer 0
 */
struct ink_grid {
	int dtype;
	bool uniform;
	int32_t zero;
	int32_t lo, hi;
	double *scale;
	double *off;
};

/**
 * struct ink_quant_op - an operator in integers
 * @group: operators with the same group share scale and zero point
 * @one_grid: a reader needs a uniform grid
 * @feeds_dense: a DENSE reads it, so 7 bits may be faster
 * @wide: 16 bits are possible: only ADD, MUL, DIST read it
 * @logits: 32 bits: only SOFTMAX or the caller read it
 * @span: of the result
 * @before: DENSE with a table: of what the table is applied to
 * @grid: of the result
 * @grid_before: DENSE with a table: of its index
 * @rows: INPUT: table of QUANT
 * @n_rows: INPUT: entries of @rows
 * @w: DENSE: int8 weights
 * @w_ratio: DENSE: relative input scales that @w was made for
 * @step: DENSE: real value of one step of the accumulator, by row
 * @bias: DENSE
 * @mult: DENSE
 * @shift: DENSE
 * @table: DENSE with a table, UNARY
 * @has_table: whether it is used
 * @lowest: clamp of the result
 * @highest: likewise
 */
struct ink_quant_op {
	uint32_t group;
	bool one_grid;
	bool feeds_dense;
	bool wide;
	bool logits;
	struct ink_span span;
	struct ink_span before;
	struct ink_grid grid;
	struct ink_grid grid_before;
	struct inkling_quant_row *rows;
	uint32_t n_rows;
	int8_t *w;
	double *w_ratio;
	double *step;
	int32_t *bias;
	int32_t *mult;
	int8_t *shift;
	int8_t table[256];
	bool has_table;
	int32_t lowest, highest;
};

/**
 * struct ink_quant - a network being quantised
 * @net: folded
 * @schema: bounded
 * @columns: of the expanded row
 * @bits: 7 or 8, of activations that a DENSE reads
 * @rows: calibration rows
 * @values: by operator, [rows][width]
 * @before: by operator, what the table of a DENSE is applied to, or NULL
 * @cov: by operator, covariance of its elements, made when a DENSE needs it
 * @ops: by operator
 * @logits: operator whose result the search compares
 * @pool: memory of it all
 */
struct ink_quant {
	const struct ink_net *net;
	const struct ink_schema *schema;
	struct ink_column *columns;
	int bits;
	size_t rows;
	double **values;
	double **before;
	double **cov;
	struct ink_quant_op *ops;
	uint32_t logits;
	struct ink_pool pool;
};

/**
 * ink_quant_new() - run the calibration
 * @net: folded
 * @schema: bounded
 * @x: expanded rows, [rows][schema->width]
 * @rows: their number
 * @why: set when it fails
 */
struct ink_quant *ink_quant_new(const struct ink_net *net, const struct ink_schema *schema,
				const double *x, size_t rows, struct ink_diag *why);
void ink_quant_free(struct ink_quant *q);

/* Make all integers for the bits and ranges in use; can be called again. */
bool ink_quant_assign(struct ink_quant *q, struct ink_diag *why);

/* The uniform grid of an operator, from its range. */
void ink_quant_grid(struct ink_quant *q, uint32_t op);
/* Grid and table of an INPUT. */
bool ink_quant_input(struct ink_quant *q, uint32_t op, struct ink_diag *why);
/* Weights, biases and requantisation of a DENSE whose grids are set. */
bool ink_quant_dense(struct ink_quant *q, uint32_t op, struct ink_diag *why);
/* Table of a UNARY or a DENSE from one grid to another. */
void ink_quant_table(const struct ink_unary *f, const struct ink_grid *from,
		     const struct ink_grid *to, int8_t table[256]);

/**
 * struct ink_row_search - a row of weights that becomes int8
 * @n: weights
 * @c: covariance of what they are multiplied by, [n][n]; variances, [n], unless @full
 * @full: see @c
 * @w: the weights, for one step of what they are multiplied by
 * @rest: room for n numbers
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

/**
 * ink_quant_row() - scale and rounding of a row with the least error of its sum
 * @s: the row
 * @given: scale that the weights were trained with, or 0
 * @trial: room for n bytes
 *
 * Return: real value of one step of the sum, 0 for a row of zeros.
 */
double ink_quant_row(struct ink_row_search *s, double given, int8_t *trial);

/* ratio = mult / 2^shift with 2^30 <= mult < 2^31; false when it is too large. */
bool ink_quant_ratio(double ratio, int32_t *mult, int8_t *shift);

/* What the output's integers are worth: DIST, and what the caller reads otherwise. */
double ink_quant_dist_unit(const struct ink_quant *q, uint32_t op, int32_t *shift);

static inline const struct ink_net_op *ink_quant_in(const struct ink_quant *q, uint32_t op,
						    uint32_t k)
{
	return &q->net->ops[q->net->ops[op].in[k]];
}

#endif /* INK_QUANT_H */
