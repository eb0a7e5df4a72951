// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A reader of CSV files, one row at a time.
 *
 * What lives here: fields, quotes, the header line, finding columns. What
 * doesn't: what a field means (csv_raw.c, value.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "csv.h"

#define MAX_ROW		(4u << 20)	/* bytes; a missing quote swallows the file */
#define MAX_COLUMNS	16384u

/* Room for @n bytes more in the row's text. */
static int row_reserve(struct ink_csv *csv, size_t n)
{
	size_t cap = csv->text_cap ? csv->text_cap : 4096;
	char *text;

	if (csv->text_len + n <= csv->text_cap)
		return 0;
	if (csv->text_len + n > MAX_ROW)
		return ink_csv_fail(csv, EINVAL, "row is longer than %u bytes; is a closing quote missing?",
				    MAX_ROW);
	while (cap < csv->text_len + n)
		cap *= 2;
	text = realloc(csv->text, cap);
	if (!text)
		return ink_csv_fail(csv, ENOMEM, "no memory for a row");
	csv->text = text;
	csv->text_cap = cap;
	return 0;
}

static int row_push(struct ink_csv *csv, char c)
{
	int err = row_reserve(csv, 1);

	if (!err)
		csv->text[csv->text_len++] = c;
	return err;
}

/* A field starts at the end of the row's text. */
static int field_begin(struct ink_csv *csv)
{
	size_t *start;
	unsigned int cap;

	if (csv->n_fields == MAX_COLUMNS)
		return ink_csv_fail(csv, EINVAL, "more than %u columns", MAX_COLUMNS);
	if (csv->n_fields == csv->fields_cap) {
		cap = csv->fields_cap ? csv->fields_cap * 2 : 64;
		start = realloc(csv->start, cap * sizeof(*start));
		if (!start)
			return ink_csv_fail(csv, ENOMEM, "no memory for a row");
		csv->start = start;
		csv->fields_cap = cap;
	}
	csv->start[csv->n_fields++] = csv->text_len;
	return 0;
}

static int next_char(struct ink_csv *csv)
{
	int c = getc_unlocked(csv->file);

	csv->position += c != EOF;
	return c;
}

/* What follows an opening quote, up to the closing one. Returns the character behind it. */
static int read_quoted(struct ink_csv *csv, int *c)
{
	int err;

	for (;;) {
		*c = next_char(csv);
		if (*c == EOF)
			return ink_csv_fail(csv, EINVAL, "file ends inside of a quoted field");
		if (*c == '"') {
			*c = next_char(csv);
			if (*c != '"')
				break;
		}
		if (*c == '\n')
			csv->lines++;
		if (*c == '\0')
			return ink_csv_fail(csv, EINVAL, "a zero byte: this isn't a text file");
		err = row_push(csv, (char)*c);
		if (err)
			return err;
	}
	if (*c != ',' && *c != '\n' && *c != '\r' && *c != EOF)
		return ink_csv_fail(csv, EINVAL, "text behind the closing quote of column %u",
				    csv->n_fields);
	return 0;
}

/* One field; @c is its first character, then the one that ended it. */
static int read_field(struct ink_csv *csv, int *c)
{
	int err = field_begin(csv);

	if (err)
		return err;
	if (*c == '"') {
		err = read_quoted(csv, c);
		if (err)
			return err;
	}
	while (*c != ',' && *c != '\n' && *c != EOF) {
		if (*c == '\0')
			return ink_csv_fail(csv, EINVAL, "a zero byte: this isn't a text file");
		if (*c == '\r') {
			*c = next_char(csv);
			if (*c == '\n' || *c == EOF)
				break;
			return ink_csv_fail(csv, EINVAL, "a carriage return inside of the line");
		}
		err = row_push(csv, (char)*c);
		if (err)
			return err;
		*c = next_char(csv);
	}
	return row_push(csv, '\0');
}

/* 1 with the fields of a row that isn't empty, 0 at the end, or a negative errno. */
static int read_row(struct ink_csv *csv)
{
	int c, err;

	do {
		csv->text_len = 0;
		csv->n_fields = 0;
		csv->row_line = csv->lines + 1;
		c = next_char(csv);
		if (c == EOF) {
			if (ferror(csv->file))
				return ink_csv_fail(csv, EIO, "can't be read");
			return 0;
		}
		for (;;) {
			err = read_field(csv, &c);
			if (err)
				return err;
			if (c != ',')
				break;
			c = next_char(csv);
		}
		csv->lines += c == '\n';
	} while (csv->n_fields == 1 && csv->text[0] == '\0');
	return 1;
}

/* The fields of the row just read become the names of the columns. */
static int take_header(struct ink_csv *csv)
{
	unsigned int i;
	char *name;
	size_t len;

	csv->columns = calloc(csv->n_fields, sizeof(*csv->columns));
	if (!csv->columns)
		return ink_csv_fail(csv, ENOMEM, "no memory for the header line");
	for (i = 0; i < csv->n_fields; i++) {
		name = csv->text + csv->start[i];
		if (i == 0 && !strncmp(name, "\xef\xbb\xbf", 3))
			name += 3;	/* byte order mark */
		name += strspn(name, " \t");
		len = strlen(name);
		while (len && strchr(" \t", name[len - 1]))
			name[--len] = '\0';
		csv->columns[i] = strdup(name);
		if (!csv->columns[i])
			return ink_csv_fail(csv, ENOMEM, "no memory for the header line");
		csv->n_columns++;
	}
	return 0;
}

/* Names given by the caller are read as if they were the first line. */
static int read_header(struct ink_csv *csv, const char *columns)
{
	FILE *file = csv->file;
	int err;

	if (columns) {
		csv->file = fmemopen((void *)(uintptr_t)columns, strlen(columns), "r");
		if (!csv->file) {
			csv->file = file;
			return ink_csv_fail(csv, EINVAL, "the list of columns is empty");
		}
	}
	err = read_row(csv);
	if (columns) {
		fclose(csv->file);
		csv->file = file;
		csv->lines = 0;
		csv->position = 0;
	}
	if (err == 0)
		return ink_csv_fail(csv, EINVAL, "no header line with the names of the columns");
	return err < 0 ? err : take_header(csv);
}

struct ink_csv *ink_csv_open(const char *path, const char *columns)
{
	bool is_stdin = !strcmp(path, "-");
	struct ink_csv *csv = calloc(1, sizeof(*csv));
	struct stat st;

	if (csv)
		csv->path = strdup(is_stdin ? "standard input" : path);
	if (!csv || !csv->path) {
		free(csv);
		ink_failure_set(ENOMEM, "no memory to read %s", path);
		return NULL;
	}
	csv->file = is_stdin ? stdin : fopen(path, "re");
	if (!csv->file) {
		ink_failure_set(errno, "%s: %s", path, strerror(errno));
		goto fail;
	}
	if (!fstat(fileno(csv->file), &st)) {
		if (S_ISDIR(st.st_mode)) {
			ink_failure_set(EISDIR, "%s is a directory", path);
			goto fail;
		}
		csv->size = S_ISREG(st.st_mode) ? (u64)st.st_size : 0;
	}
	if (read_header(csv, columns) < 0)
		goto fail;
	return csv;
fail:
	ink_csv_close(csv);
	errno = ink_failure_last()->code;
	return NULL;
}

void ink_csv_close(struct ink_csv *csv)
{
	unsigned int i;

	if (!csv)
		return;
	for (i = 0; i < csv->n_columns; i++)
		free(csv->columns[i]);
	if (csv->file && csv->file != stdin)
		fclose(csv->file);
	free(csv->columns);
	free(csv->bound);
	free(csv->start);
	free(csv->text);
	free(csv->path);
	free(csv);
}

int ink_csv_next(struct ink_csv *csv)
{
	int err = read_row(csv);

	if (err == 1 && csv->n_fields != csv->n_columns)
		return ink_csv_fail(csv, EINVAL, "%u fields, the header line has %u columns",
				    csv->n_fields, csv->n_columns);
	return err;
}

unsigned int ink_csv_columns(const struct ink_csv *csv)
{
	return csv->n_columns;
}

const char *ink_csv_column_name(const struct ink_csv *csv, unsigned int column)
{
	return column < csv->n_columns ? csv->columns[column] : NULL;
}

const char *ink_csv_field(const struct ink_csv *csv, unsigned int column)
{
	return column < csv->n_fields ? csv->text + csv->start[column] : NULL;
}

uint64_t ink_csv_line(const struct ink_csv *csv)
{
	return csv->row_line;
}

uint64_t ink_csv_position(const struct ink_csv *csv)
{
	return csv->position;
}

uint64_t ink_csv_size(const struct ink_csv *csv)
{
	return csv->size;
}
