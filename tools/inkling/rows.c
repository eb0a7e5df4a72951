// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inputs from a CSV file, a raw file, or the command line.
 *
 * What lives here: the three sources, one input at a time. What doesn't: how
 * a value is parsed (libinkling).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "scorer.h"
#include "words.h"

static void need_features(const struct ink_scorer *s, const char *what)
{
	if (!s->model)
		ink_die(INK_EXIT_NOENT,
			ink_fmt("%s need the names of the features, and no file with the model of slot %s was found",
				what, s->slot),
			ink_fmt("give it with --model; its digest is %s", ink_fmt_digest(s->info.digest)));
	if (!ink_model_header(s->model)->n_features)
		ink_die(INK_EXIT_USAGE, "this model's input isn't made of features",
			ink_fmt("give it as it is with --input: %zu bytes for each input", s->in_size));
}

static void open_raw(struct ink_rows *rows, const struct ink_scorer *s)
{
	struct stat st;

	rows->raw = !strcmp(rows->raw_path, "-") ? stdin : fopen(rows->raw_path, "re");
	if (!rows->raw)
		ink_die(ink_exit_errno(errno), ink_fmt("%s: %s", rows->raw_path, strerror(errno)), NULL);
	if (!fstat(fileno(rows->raw), &st) && S_ISREG(st.st_mode) &&
	    st.st_size % (off_t)s->in_size)
		ink_die(INK_EXIT_INPUT, ink_fmt("%s has %lld bytes, which isn't a multiple of an input's %zu",
						rows->raw_path, (long long)st.st_size, s->in_size), NULL);
}

void ink_rows_open(struct ink_rows *rows, const struct ink_scorer *s)
{
	const struct inkling_header *h;
	int sources = !!rows->csv_path + !!rows->raw_path + !!rows->n_args;

	if (sources != 1)
		ink_die(INK_EXIT_USAGE, sources ? "more than one source of inputs" : "no inputs",
			"give one of: --data FILE.csv, --input FILE, name=value...");
	if (rows->raw_path) {
		open_raw(rows, s);
		return;
	}
	need_features(s, rows->csv_path ? "CSV files" : "values by name");
	if (!rows->csv_path)
		return;
	h = ink_model_header(s->model);
	rows->csv = ink_csv_open(rows->csv_path, rows->columns);
	if (!rows->csv || ink_csv_bind(rows->csv, ink_model_features(s->model), h->n_features,
				       ink_model_names(s->model), h->n_names))
		ink_die_failure();
}

/* Value of a feature on the command line. */
static const char *find_arg(const struct ink_rows *rows, const char *name)
{
	const char *value = NULL;
	size_t len = strlen(name);
	int i;

	for (i = 0; i < rows->n_args; i++) {
		if (strncmp(rows->args[i], name, len) || rows->args[i][len] != '=')
			continue;
		if (value)
			ink_die(INK_EXIT_USAGE, ink_fmt("%s is given twice", name), NULL);
		value = rows->args[i] + len + 1;
	}
	return value;
}

/* Each argument has to be a feature; typos would silently be left out. */
static void check_args(const struct ink_rows *rows, const struct ink_scorer *s)
{
	const struct inkling_feature *features = ink_model_features(s->model);
	uint32_t k, n = ink_model_header(s->model)->n_features;
	size_t len;
	int i;

	for (i = 0; i < rows->n_args; i++) {
		len = strcspn(rows->args[i], "=");
		for (k = 0; k < n; k++)
			if (rows->args[i][len] && strlen(features[k].name) == len &&
			    !strncmp(features[k].name, rows->args[i], len))
				break;
		if (k == n)
			ink_die(INK_EXIT_USAGE, ink_fmt("\"%s\" isn't a feature of this model and its value",
							ink_fmt_safe(rows->args[i])),
				"such as duration=0; \"inkling inspect\" lists the features");
	}
}

static bool next_args(struct ink_rows *rows, const struct ink_scorer *s, int32_t *in)
{
	const struct inkling_feature *f = ink_model_features(s->model);
	uint32_t i, n = ink_model_header(s->model)->n_features;
	const char *value, *missing = NULL;
	uint32_t n_missing = 0;

	if (rows->given)
		return false;
	rows->given = true;
	check_args(rows, s);
	for (i = 0; i < n; i++) {
		value = find_arg(rows, f[i].name);
		if (!value) {
			missing = missing ? missing : f[i].name;
			n_missing++;
		} else if (ink_value_parse(&f[i], ink_model_names(s->model), value, &in[i])) {
			ink_die(INK_EXIT_INPUT, ink_fmt("%s: %s", f[i].name, ink_failure_last()->text), NULL);
		}
	}
	if (missing)
		ink_die(INK_EXIT_USAGE, n_missing == 1 ? ink_fmt("%s isn't given", missing) :
			ink_fmt("%s and %u more of %u features aren't given", missing, n_missing - 1, n),
			"a model needs all of its features; \"inkling inspect\" lists them");
	return true;
}

static bool next_raw(struct ink_rows *rows, const struct ink_scorer *s, void *in)
{
	size_t n = fread(in, 1, s->in_size, rows->raw);

	if (ferror(rows->raw))
		ink_die(INK_EXIT_FAILED, ink_fmt("%s can't be read", rows->raw_path), NULL);
	if (n && n < s->in_size)
		ink_die(INK_EXIT_INPUT, ink_fmt("%s ends with %zu of an input's %zu bytes", rows->raw_path,
						n, s->in_size), NULL);
	return n > 0;
}

bool ink_rows_next(struct ink_rows *rows, const struct ink_scorer *s, void *in)
{
	int got;

	if (rows->raw)
		return next_raw(rows, s, in);
	if (!rows->csv)
		return next_args(rows, s, in);
	got = ink_csv_next(rows->csv);
	if (got < 0 || (got && ink_csv_raw(rows->csv, in)))
		ink_die_failure();
	return got > 0;
}

uint64_t ink_rows_position(const struct ink_rows *rows, uint64_t *total)
{
	*total = rows->csv ? ink_csv_size(rows->csv) : 0;
	return rows->csv ? ink_csv_position(rows->csv) : 0;
}

void ink_rows_close(struct ink_rows *rows)
{
	ink_csv_close(rows->csv);
	if (rows->raw && rows->raw != stdin)
		fclose(rows->raw);
}
