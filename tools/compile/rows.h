/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Labelled rows of a CSV file.
 *
 * What lives here: rows kept in memory, as raw features with the class of
 * each. What doesn't: the CSV format (libinkling).
 */
#ifndef INK_ROWS_H
#define INK_ROWS_H

#include "schema.h"

#define INK_ROWS_MAX	(1u << 20)

/**
 * struct ink_rows - rows in memory
 * @n: number of rows
 * @raw: [n][features]
 * @label: class of each, or NULL without labels
 * @cut: the file has more rows than were read
 */
struct ink_rows {
	size_t n;
	int32_t *raw;
	uint8_t *label;
	bool cut;
};

/**
 * ink_rows_read() - read a CSV file
 * @path: of the file
 * @schema: features that become @raw
 * @label: column with the class, or NULL
 * @benign: label that stands for the first class, or NULL
 * @classes: names of the classes, the harmless one first
 * @n_classes: their number
 * @rows: set
 * @why: names file and line
 *
 * A label is a class's name or its number. With @benign it is @benign for the
 * first class and, with two classes, anything else for the second.
 */
bool ink_rows_read(const char *path, const struct ink_schema *schema, const char *label,
		   const char *benign, const char (*classes)[32], uint32_t n_classes,
		   struct ink_rows *rows, struct ink_diag *why);
/* Rows @from to @from + @n as the ONNX model sees them, [n][width]; the schema is bounded. */
void ink_rows_expand(const struct ink_rows *rows, const struct ink_schema *schema, size_t from,
		     size_t n, double *x);
void ink_rows_free(struct ink_rows *rows);

/* Features for a model without schema: all columns but @label that are numbers. */
struct ink_schema *ink_rows_guess(const char *path, const char *label, int decimals,
				  uint32_t width, struct ink_diag *why);

#endif /* INK_ROWS_H */
