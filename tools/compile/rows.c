// SPDX-License-Identifier: GPL-2.0-only
/*
 * Labelled rows of a CSV file.
 *
 * What lives here: see rows.h. What doesn't: the CSV format and the parsing of
 * numbers (libinkling), the meaning of features (schema.c).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inkling.h"
#include "rows.h"

static bool lib_failed(struct ink_diag *why)
{
	ink_fail(why, "%s", ink_failure_last()->text);
	return ink_hint(why, "%s", ink_failure_last()->hint);
}

/* What labels mean. */
struct labels {
	int column;		/* or -1 */
	const char *benign;
	const char (*classes)[32];
	uint32_t n_classes;
};

static int class_of(const struct labels *l, const char *text)
{
	uint32_t i;
	char *end;
	long v;

	if (l->benign && !strcmp(text, l->benign))
		return 0;
	for (i = !!l->benign; i < l->n_classes; i++)
		if (!strcmp(text, l->classes[i]))
			return i;
	if (l->benign)
		return l->n_classes == 2 ? 1 : -1;
	v = strtol(text, &end, 10);
	return *text && !*end && v >= 0 && v < l->n_classes ? v : -1;
}

static bool rows_grow(struct ink_rows *rows, const struct ink_schema *s, bool labels, size_t *room)
{
	size_t n = *room ? *room * 2 : 4096;
	int32_t *raw;
	uint8_t *label;

	if (rows->n < *room)
		return true;
	raw = realloc(rows->raw, n * s->n * sizeof(*raw));
	if (raw)
		rows->raw = raw;
	label = labels ? realloc(rows->label, n) : NULL;
	if (label)
		rows->label = label;
	*room = n;
	return raw && (label || !labels);
}

static bool read_all(struct ink_csv *csv, const char *path, const struct ink_schema *s,
		     const struct labels *l, struct ink_rows *rows, struct ink_diag *why)
{
	char shown[40];
	size_t room = 0;
	int more, class;

	while ((more = ink_csv_next(csv)) > 0) {
		if (rows->n >= INK_ROWS_MAX) {
			rows->cut = true;
			return true;
		}
		if (!rows_grow(rows, s, l->column >= 0, &room))
			return ink_fail(why, "%s: no memory for its rows", path);
		if (ink_csv_raw(csv, rows->raw + rows->n * s->n))
			return lib_failed(why);
		if (l->column >= 0) {
			class = class_of(l, ink_csv_field(csv, l->column));
			if (class < 0)
				return ink_fail(why, "%s: line %llu: label \"%s\" is no class of the model",
						path, (unsigned long long)ink_csv_line(csv),
						ink_printable(shown, sizeof(shown),
							      ink_csv_field(csv, l->column))) ||
				       ink_hint(why, "name the classes with --classes a,b,c, or the harmless label with --benign");
			rows->label[rows->n] = class;
		}
		rows->n++;
	}
	if (more < 0)
		return lib_failed(why);
	if (!rows->n)
		return ink_fail(why, "%s: there are no rows in it", path);
	return true;
}

bool ink_rows_read(const char *path, const struct ink_schema *s, const char *label,
		   const char *benign, const char (*classes)[32], uint32_t n_classes,
		   struct ink_rows *rows, struct ink_diag *why)
{
	struct labels l = { -1, benign, classes, n_classes };
	struct ink_csv *csv = ink_csv_open(path, NULL);
	bool ok;

	memset(rows, 0, sizeof(*rows));
	if (!csv)
		return lib_failed(why);
	if (label)
		l.column = ink_csv_column(csv, label);
	if ((label && l.column < 0) ||
	    ink_csv_bind(csv, s->features, s->n, s->names, s->n_names))
		ok = lib_failed(why);
	else
		ok = read_all(csv, path, s, &l, rows, why);
	ink_csv_close(csv);
	if (!ok)
		ink_rows_free(rows);
	return ok;
}

void ink_rows_expand(const struct ink_rows *rows, const struct ink_schema *s, size_t from,
		     size_t n, double *x)
{
	size_t i;

	for (i = 0; i < n; i++)
		ink_schema_expand(s, rows->raw + (from + i) * s->n, x + i * s->width);
}

void ink_rows_free(struct ink_rows *rows)
{
	free(rows->raw);
	free(rows->label);
	memset(rows, 0, sizeof(*rows));
}

/* Digits after the point that the text carries, exponent considered. */
static int decimals_of(const char *text)
{
	const char *point = strchr(text, '.'), *e = strpbrk(text, "eE");
	int n = 0;

	if (point)
		while (isdigit((unsigned char)point[1 + n]))
			n++;
	while (n && !e && point[n] == '0')
		n--;
	if (e)
		n -= atoi(e + 1);
	return n < 0 ? 0 : n > 9 ? 9 : n;
}

/* As many decimals as the column has, but not more than 32 bits can hold. */
static void column_decimals(struct ink_csv *csv, const int *columns, struct ink_schema *s)
{
	double most[INKLING_MAX_FEATURES] = { 0 };
	uint32_t f;

	while (ink_csv_next(csv) > 0) {
		for (f = 0; f < s->n; f++) {
			const char *text = ink_csv_field(csv, columns[f]);
			double v = strtod(text, NULL);
			int n = decimals_of(text);

			if (n > s->features[f].decimals)
				s->features[f].decimals = n;
			v = v < 0 ? -v : v;
			most[f] = v > most[f] ? v : most[f];
		}
	}
	for (f = 0; f < s->n; f++) {
		double v = most[f];
		unsigned int n;

		for (n = 0; n < s->features[f].decimals && v * 10 < 1e9; n++)
			v *= 10;
		s->features[f].decimals = n;
	}
}

struct ink_schema *ink_rows_guess(const char *path, const char *label, int decimals,
				  uint32_t width, struct ink_diag *why)
{
	struct ink_csv *csv = ink_csv_open(path, NULL);
	struct ink_schema *s = ink_schema_new();
	int columns[INKLING_MAX_FEATURES];
	bool ok = csv && s;
	unsigned int i;

	if (!csv)
		lib_failed(why);
	for (i = 0; ok && i < ink_csv_columns(csv); i++) {
		const char *name = ink_csv_column_name(csv, i);

		if (label && !strcmp(name, label))
			continue;
		ok = ink_schema_add(s, name, decimals < 0 ? 0 : decimals, why);
		if (ok)
			columns[s->n - 1] = i;
	}
	if (ok && width && s->width != width) {
		ok = ink_fail(why, "%s has %u columns of features, the model's input has %u", path,
			      s->width, width);
		ink_hint(why, "describe the features with --schema FILE, or name the column of the class with --label");
	}
	if (ok && decimals < 0)
		column_decimals(csv, columns, s);
	ink_csv_close(csv);
	if (ok)
		return s;
	free(s);
	return NULL;
}
