// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Raw features from the rows of a CSV file.
 *
 * What lives here: finding the columns of a schema and turning a row into
 * integers, with messages that name file, line and column. What doesn't: the
 * syntax of CSV (csv.c) and of values (value.c).
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "csv.h"

int ink_csv_fail(struct ink_csv *csv, int code, const char *fmt, ...)
{
	char text[320];
	va_list args;
	int err;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err = ink_failure_set(code, "%s, line %llu: %s", csv->path,
			      (unsigned long long)csv->row_line, text);
	ink_failure_line(csv->row_line);
	return err;
}

/* The names of the columns for a message, cut when there are many. */
static void list_columns(const struct ink_csv *csv, char *text, size_t size)
{
	size_t len = 0;
	char name[48];
	unsigned int i;
	int n;

	*text = '\0';
	for (i = 0; i < csv->n_columns; i++) {
		ink_text_copy(name, sizeof(name), csv->columns[i], strlen(csv->columns[i]));
		n = snprintf(text + len, size - len, "%s%s", i ? ", " : "", name);
		if (n < 0 || (size_t)n + 16 > size - len) {
			snprintf(text + len, size - len, ", ...");
			return;
		}
		len += (size_t)n;
	}
}

int ink_csv_column(const struct ink_csv *csv, const char *name)
{
	char shown[64], all[160];
	int found = -1;
	unsigned int i;

	ink_text_copy(shown, sizeof(shown), name, strlen(name));
	for (i = 0; i < csv->n_columns; i++) {
		if (strcmp(csv->columns[i], name))
			continue;
		if (found >= 0)
			return ink_failure_set(EINVAL, "%s has two columns named \"%s\"",
					       csv->path, shown);
		found = (int)i;
	}
	if (found >= 0)
		return found;
	ink_failure_set(ENOENT, "%s has no column \"%s\"", csv->path, shown);
	list_columns(csv, all, sizeof(all));
	ink_failure_hint("its columns are: %s", all);
	return -ENOENT;
}

static int fail_missing(const struct ink_csv *csv, const char *first, u32 missing, u32 n_features)
{
	char all[160];

	if (missing == 1)
		ink_failure_set(ENOENT, "%s has no column \"%s\", which the model reads", csv->path,
				first);
	else
		ink_failure_set(ENOENT,
				"%s has no column \"%s\" and lacks %u more of the %u that the model reads",
				csv->path, first, missing - 1, n_features);
	list_columns(csv, all, sizeof(all));
	ink_failure_hint("the first line has to name the columns; it has: %s", all);
	return -ENOENT;
}

int ink_csv_bind(struct ink_csv *csv, const struct inkling_feature *features,
		 uint32_t n_features, const struct inkling_name *names, uint32_t n_names)
{
	const char *first = NULL;
	unsigned int *bound;
	u32 i, missing = 0;
	int column;

	for (i = 0; i < n_features; i++)
		if (features[i].first_name > n_names ||
		    features[i].n_names > n_names - features[i].first_name)
			return ink_failure_set(EINVAL, "feature %u names categories that aren't there", i);
	bound = calloc(n_features ? n_features : 1, sizeof(*bound));
	if (!bound)
		return ink_failure_set(ENOMEM, "no memory for %u features", n_features);
	for (i = 0; i < n_features; i++) {
		column = ink_csv_column(csv, features[i].name);
		if (column >= 0) {
			bound[i] = (unsigned int)column;
		} else if (column == -ENOENT) {
			first = first ? first : features[i].name;
			missing++;
		} else {
			free(bound);
			return column;
		}
	}
	if (missing) {
		free(bound);
		return fail_missing(csv, first, missing, n_features);
	}
	free(csv->bound);
	csv->bound = bound;
	csv->features = features;
	csv->names = names;
	csv->n_features = n_features;
	return 0;
}

int ink_csv_raw(struct ink_csv *csv, int32_t *raw)
{
	const struct inkling_feature *feature;
	int err;
	u32 i;

	if (!csv->bound)
		return ink_failure_set(EINVAL, "ink_csv_bind() has to come before ink_csv_raw()");
	for (i = 0; i < csv->n_features; i++) {
		feature = &csv->features[i];
		err = ink_value_parse(feature, csv->names, ink_csv_field(csv, csv->bound[i]),
				      &raw[i]);
		if (err)
			return ink_csv_fail(csv, EINVAL, "column %.40s: %s", feature->name,
					    ink_failure_last()->text);
	}
	return 0;
}
