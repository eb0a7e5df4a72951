/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of the CSV reader: what csv.c and csv_raw.c share.
 */
#ifndef INK_CSV_H
#define INK_CSV_H

#include <stdio.h>
#include "internal.h"

/**
 * struct ink_csv - an open file and its current row
 * @path: for messages
 * @file: open
 * @size: bytes, or 0
 * @position: bytes read
 * @lines: line ends read
 * @row_line: line on which the row starts
 * @columns: names
 * @n_columns: of @columns
 * @text: fields of the row, each with a NUL
 * @text_len: bytes used
 * @text_cap: bytes there are
 * @start: of each field in @text
 * @n_fields: in the row
 * @fields_cap: entries of @start
 * @features: bound, or NULL
 * @names: of the features' categories
 * @n_features: bound
 * @bound: column of each feature
 */
struct ink_csv {
	char *path;
	FILE *file;
	u64 size;
	u64 position;
	u64 lines;
	u64 row_line;
	char **columns;
	unsigned int n_columns;
	char *text;
	size_t text_len;
	size_t text_cap;
	size_t *start;
	unsigned int n_fields;
	unsigned int fields_cap;
	const struct inkling_feature *features;
	const struct inkling_name *names;
	u32 n_features;
	unsigned int *bound;
};

/* Set a failure that begins with file and line; returns -@code. */
int ink_csv_fail(struct ink_csv *csv, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* INK_CSV_H */
