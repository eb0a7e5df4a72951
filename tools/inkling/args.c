// SPDX-License-Identifier: GPL-2.0-only
/*
 * Command lines: options by table, help made of the same table.
 *
 * What lives here: ink_args_parse() and numbers as arguments. What doesn't:
 * how errors are printed (output.c).
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

struct ink_cli ink_cli;

static const struct ink_option common_options[] = {
	{ "json", 'j', NULL, "print JSON; errors too", INK_OPT_FLAG, &ink_cli.json },
	{ "quiet", 'q', NULL, "no progress bar and no remarks", INK_OPT_FLAG, &ink_cli.quiet },
	{ "help", 'h', NULL, "print this", INK_OPT_FLAG, NULL },
	{ 0 },
};

static const char *hint_help(void)
{
	return ink_fmt("see: inkling help %s", ink_cli.command);
}

static void print_options(const struct ink_option *o)
{
	const char *line, *end;
	char left[64];

	for (; o && o->name; o++) {
		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", o->letter ? "-" : " ",
			 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		line = o->help;
		do {
			end = strchrnul(line, '\n');
			printf("  %-28s %.*s\n", left, (int)(end - line), line);
			left[0] = '\0';
			line = end + 1;
		} while (*end);
	}
}

/* Each line of @text with an indent. */
static void print_indented(const char *text)
{
	const char *end;

	for (; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		printf("  %.*s\n", (int)(end - text), text);
	}
}

static void print_help(const struct ink_usage *usage)
{
	printf("usage: inkling %s %s\n\n%s\n\nOptions:\n", ink_cli.command, usage->args,
	       usage->about);
	print_options(usage->options);
	print_options(common_options);
	printf("\n%s:\n", strchr(usage->example, '\n') ? "Examples" : "Example");
	print_indented(usage->example);
}

static const struct ink_option *find_option(const struct ink_option *o, const char *name,
					    size_t len)
{
	for (; o && o->name; o++)
		if (len == 1 ? o->letter == name[0] : strlen(o->name) == len &&
		    !strncmp(o->name, name, len))
			return o;
	return NULL;
}

static void set_list(struct ink_list *list, const char *value)
{
	list->items = ink_xrealloc(list->items, list->n + 1, sizeof(*list->items));
	list->items[list->n++] = value;
}

static void set_option(const struct ink_option *o, const char *value)
{
	const char *bad = NULL;
	uint64_t u;

	switch (o->type) {
	case INK_OPT_FLAG:
		*(bool *)o->into = true;
		break;
	case INK_OPT_STRING:
		*(const char **)o->into = value;
		break;
	case INK_OPT_U32:
		if (ink_parse_u64(value, UINT32_MAX, &u))
			*(uint32_t *)o->into = (uint32_t)u;
		else
			bad = "a whole number from 0 to 4294967295";
		break;
	case INK_OPT_DOUBLE:
		if (!ink_parse_double(value, o->into))
			bad = "a number";
		break;
	case INK_OPT_LIST:
		set_list(o->into, value);
		break;
	}
	if (bad)
		ink_die(INK_EXIT_USAGE, ink_fmt("--%s needs %s, not \"%s\"", o->name, bad,
						ink_fmt_safe(value)), hint_help());
}

/* State of a walk over argv. */
struct walk {
	int argc;
	char **argv;
	int at;
	int n;		/* positional arguments so far */
	const struct ink_usage *usage;
	bool help;
};

/* An option by name; @value is what came behind "=", or NULL. */
static void take_option(struct walk *w, const char *name, size_t len, const char *value)
{
	const struct ink_option *o = find_option(w->usage->options, name, len);

	if (!o)
		o = find_option(common_options, name, len);
	if (!o)
		ink_die(INK_EXIT_USAGE, ink_fmt("unknown option %s%.*s", len == 1 ? "-" : "--",
						(int)len, ink_fmt_safe(name)), hint_help());
	if (!o->into) {
		w->help = true;
		return;
	}
	if (o->type == INK_OPT_FLAG && value)
		ink_die(INK_EXIT_USAGE, ink_fmt("--%s takes no value", o->name), hint_help());
	if (o->type != INK_OPT_FLAG && !value) {
		if (w->at + 1 >= w->argc)
			ink_die(INK_EXIT_USAGE, ink_fmt("--%s needs %s", o->name, o->arg),
				hint_help());
		value = w->argv[++w->at];
	}
	set_option(o, value);
}

/* -a, -abc where a and b are flags, -oVALUE. */
static void take_letters(struct walk *w, const char *s)
{
	const struct ink_option *o;

	for (; *s; s++) {
		o = find_option(w->usage->options, s, 1);
		if (o && o->type != INK_OPT_FLAG) {
			take_option(w, s, 1, s[1] ? s + 1 : NULL);
			return;
		}
		take_option(w, s, 1, NULL);
	}
}

static void check_count(const struct walk *w)
{
	const struct ink_usage *u = w->usage;

	if (w->n < u->min_args)
		ink_die(INK_EXIT_USAGE, "an argument is missing",
			ink_fmt("usage: inkling %s %s", ink_cli.command, u->args));
	if (u->max_args >= 0 && w->n > u->max_args)
		ink_die(INK_EXIT_USAGE, ink_fmt("unexpected argument \"%s\"",
						ink_fmt_safe(w->argv[u->max_args + 1])),
			ink_fmt("usage: inkling %s %s", ink_cli.command, u->args));
}

int ink_args_parse(int argc, char **argv, const struct ink_usage *usage)
{
	struct walk w = { .argc = argc, .argv = argv, .at = 1, .usage = usage };
	bool options = true;
	const char *arg, *eq;
	int i;

	/* Errors in front of it are to be JSON, too. */
	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		ink_cli.json |= !strcmp(argv[i], "--json");
	for (; w.at < argc; w.at++) {
		arg = argv[w.at];
		if (options && !strcmp(arg, "--")) {
			options = false;
		} else if (options && !strncmp(arg, "--", 2)) {
			eq = strchr(arg, '=');
			take_option(&w, arg + 2, eq ? (size_t)(eq - arg - 2) : strlen(arg + 2),
				    eq ? eq + 1 : NULL);
		} else if (options && arg[0] == '-' && arg[1]) {
			take_letters(&w, arg + 1);
		} else {
			argv[++w.n] = argv[w.at];
		}
	}
	if (w.help) {
		print_help(usage);
		exit(INK_EXIT_OK);
	}
	check_count(&w);
	return w.n;
}

bool ink_parse_u64(const char *s, uint64_t max, uint64_t *value)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*value = strtoull(s, &end, 0);
	return !*end && !errno && *value <= max;
}

bool ink_parse_s64(const char *s, int64_t min, int64_t max, int64_t *value)
{
	const char *digits = s + (*s == '-' || *s == '+');
	char *end;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	*value = strtoll(s, &end, 10);
	return !*end && !errno && *value >= min && *value <= max;
}

bool ink_parse_double(const char *s, double *value)
{
	char *end;

	if (!*s || strspn(s, "+-.0123456789eE") != strlen(s))
		return false;
	errno = 0;
	*value = strtod(s, &end);
	return !*end && !errno && isfinite(*value);
}
