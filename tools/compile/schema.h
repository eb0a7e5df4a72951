/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The features of a model: raw integers outside, real numbers inside.
 *
 * What lives here: the feature schema, as text and as entries of an image, and
 * the expansion of a raw row into the numbers that the ONNX model was trained
 * on. What doesn't: how the integers of the QUANT operator are chosen
 * (quant_input.c).
 */
#ifndef INK_SCHEMA_H
#define INK_SCHEMA_H

#include <linux/inkling_format.h>

#include "diag.h"

/**
 * struct ink_column - one number of an expanded row
 * @feature: raw feature that it comes from
 * @kind: enum inkling_quant_kind
 * @category: ONEHOT: index of the name
 * @raw_lo: LINEAR, LOG2: lowest raw value, what is below is clamped
 * @raw_hi: highest raw value
 * @lo: what @raw_lo expands to; 0 of a category
 * @hi: what @raw_hi expands to; 1 of a category
 */
struct ink_column {
	uint32_t feature;
	int kind;
	uint32_t category;
	int32_t raw_lo, raw_hi;
	double lo, hi;
};

/* What the schema says of a feature besides its entry in the image. */
struct ink_schema_feature {
	int kind;		/* enum inkling_quant_kind */
	bool has_lo, has_hi;	/* else they come from the calibration */
	int32_t raw_lo, raw_hi;
};

/**
 * struct ink_schema - all features
 * @n: number of features
 * @n_names: number of categories of all features
 * @features: as in the image
 * @names: as in the image
 * @more: beside @features
 * @width: numbers of an expanded row
 */
struct ink_schema {
	uint32_t n;
	uint32_t n_names;
	struct inkling_feature features[INKLING_MAX_FEATURES];
	struct inkling_name names[INKLING_MAX_NAMES];
	struct ink_schema_feature more[INKLING_MAX_FEATURES];
	uint32_t width;
};

/**
 * ink_schema_parse() - read a schema
 * @text: one line for each feature in the order of the columns:
 *	"name linear|log2|onehot [decimals=D] [lo=V] [hi=V] [cats=a|b|c]";
 *	empty lines and lines that start with '#' are skipped
 * @why: names the line that is wrong
 *
 * Return: for free(), or NULL.
 */
struct ink_schema *ink_schema_parse(const char *text, struct ink_diag *why);

/* An empty schema for ink_schema_add(); NULL without memory. */
struct ink_schema *ink_schema_new(void);
/* Add a feature that is a number, with neither bound. */
bool ink_schema_add(struct ink_schema *schema, const char *name, unsigned int decimals,
		    struct ink_diag *why);

/**
 * ink_schema_bound() - take missing bounds from rows
 * @schema: its missing bounds are filled in
 * @raw: [rows][schema->n]
 * @rows: their number
 *
 * The extremes of the rows; what lies outside later is clamped to them.
 */
void ink_schema_bound(struct ink_schema *schema, const int32_t *raw, size_t rows);

/* The columns of the expanded row; @columns has room for schema->width. */
void ink_schema_columns(const struct ink_schema *schema, struct ink_column *columns);

/**
 * ink_schema_expand() - what the ONNX model is fed with
 * @schema: bounded
 * @raw: one row
 * @x: schema->width numbers, set
 *
 * Values are clamped to bounds that the schema itself gives, as in training;
 * linear features whose bounds come from the calibration aren't.
 */
void ink_schema_expand(const struct ink_schema *schema, const int32_t *raw, double *x);

/* The engine's piecewise linear logarithm, as a real number; v >= 1. */
double ink_schema_log2(uint64_t v);

#endif /* INK_SCHEMA_H */
