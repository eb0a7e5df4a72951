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

static void open_raw(struct ink_source *source, const struct ink_scorer *s)
{
	struct stat st;

	source->raw = !strcmp(source->raw_path, "-") ? stdin : fopen(source->raw_path, "re");
	if (!source->raw)
		ink_die(ink_exit_errno(errno), ink_fmt("%s: %s", source->raw_path, strerror(errno)), NULL);
	if (!fstat(fileno(source->raw), &st) && S_ISREG(st.st_mode) &&
	    st.st_size % (off_t)s->in_size)
		ink_die(INK_EXIT_INPUT, ink_fmt("%s has %lld bytes, which isn't a multiple of an input's %zu",
						source->raw_path, (long long)st.st_size, s->in_size), NULL);
}

void ink_source_open(struct ink_source *source, const struct ink_scorer *s)
{
	const struct inkling_header *h;
	int sources = !!source->csv_path + !!source->raw_path + !!source->n_args;

	if (sources != 1)
		ink_die(INK_EXIT_USAGE, sources ? "more than one source of inputs" : "no inputs",
			"give one of: --data FILE.csv, --input FILE, name=value...");
	if (source->raw_path) {
		open_raw(source, s);
		return;
	}
	need_features(s, source->csv_path ? "CSV files" : "values by name");
	if (!source->csv_path)
		return;
	h = ink_model_header(s->model);
	source->csv = ink_csv_open(source->csv_path, source->columns);
	if (!source->csv)
		ink_die_failure();
	if (ink_csv_bind(source->csv, ink_model_features(s->model), h->n_features,
			 ink_model_names(s->model), h->n_names))
		ink_die_input();
}

/* Value of a feature on the command line. */
static const char *find_arg(const struct ink_source *source, const char *name)
{
	const char *value = NULL;
	size_t len = strlen(name);
	int i;

	for (i = 0; i < source->n_args; i++) {
		if (strncmp(source->args[i], name, len) || source->args[i][len] != '=')
			continue;
		if (value)
			ink_die(INK_EXIT_USAGE, ink_fmt("%s is given twice", name), NULL);
		value = source->args[i] + len + 1;
	}
	return value;
}

/* Each argument has to be a feature; typos would silently be left out. */
static void check_args(const struct ink_source *source, const struct ink_scorer *s)
{
	const struct inkling_feature *features = ink_model_features(s->model);
	uint32_t k, n = ink_model_header(s->model)->n_features;
	size_t len;
	int i;

	for (i = 0; i < source->n_args; i++) {
		len = strcspn(source->args[i], "=");
		for (k = 0; k < n; k++)
			if (source->args[i][len] && strlen(features[k].name) == len &&
			    !strncmp(features[k].name, source->args[i], len))
				break;
		if (k == n)
			ink_die(INK_EXIT_USAGE, ink_fmt("\"%s\" isn't a feature of this model and its value",
							ink_fmt_safe(source->args[i])),
				"such as duration=0; \"inkling inspect\" lists the features");
	}
}

static bool next_args(struct ink_source *source, const struct ink_scorer *s, int32_t *in)
{
	const struct inkling_feature *f = ink_model_features(s->model);
	uint32_t i, n = ink_model_header(s->model)->n_features;
	const char *value, *missing = NULL;
	uint32_t n_missing = 0;

	if (source->given)
		return false;
	source->given = true;
	check_args(source, s);
	for (i = 0; i < n; i++) {
		value = find_arg(source, f[i].name);
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

static bool next_raw(struct ink_source *source, const struct ink_scorer *s, void *in)
{
	size_t n = fread(in, 1, s->in_size, source->raw);

	if (ferror(source->raw))
		ink_die(INK_EXIT_FAILED, ink_fmt("%s can't be read", source->raw_path), NULL);
	if (n && n < s->in_size)
		ink_die(INK_EXIT_INPUT, ink_fmt("%s ends with %zu of an input's %zu bytes", source->raw_path,
						n, s->in_size), NULL);
	return n > 0;
}

bool ink_source_next(struct ink_source *source, const struct ink_scorer *s, void *in)
{
	int got;

	if (source->raw)
		return next_raw(source, s, in);
	if (!source->csv)
		return next_args(source, s, in);
	got = ink_csv_next(source->csv);
	if (got < 0 || (got && ink_csv_raw(source->csv, in)))
		ink_die_failure();
	return got > 0;
}

uint64_t ink_source_position(const struct ink_source *source, uint64_t *total)
{
	*total = source->csv ? ink_csv_size(source->csv) : 0;
	return source->csv ? ink_csv_position(source->csv) : 0;
}

void ink_source_close(struct ink_source *source)
{
	ink_csv_close(source->csv);
	if (source->raw && source->raw != stdin)
		fclose(source->raw);
}
