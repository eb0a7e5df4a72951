/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every subcommand of inkling shares.
 *
 * What lives here: the table entry, option parsing, errors and exit codes,
 * JSON output, text tables, the progress bar. What doesn't: anything that
 * knows models or the kernel, which is libinkling's (tools/lib/inkling.h).
 *
 * A subcommand is one function int cmd_NAME(int argc, char **argv), called
 * with argv[0] = NAME, listed in main.c. It describes itself by a static
 * struct ink_usage and calls ink_args_parse() first, which does --help, --json
 * and every declared option. It returns an enum ink_exit.
 */
#ifndef INK_CLI_H
#define INK_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <json-c/json.h>

/* Exit codes; the manual page lists them. */
enum ink_exit {
	INK_EXIT_OK = 0,
	INK_EXIT_FAILED = 1,	/* what was asked for didn't come about */
	INK_EXIT_USAGE = 2,	/* command line */
	INK_EXIT_PERM = 3,	/* no permission */
	INK_EXIT_NOENT = 4,	/* no such file, slot, interface, or module not loaded */
	INK_EXIT_REFUSED = 5,	/* refused by the verifier or by the kernel */
	INK_EXIT_INPUT = 6,	/* a data file is malformed */
	INK_EXIT_DIFFERS = 7,	/* a comparison found a difference, or a check failed */
};

/**
 * struct ink_cmd - an entry of the table of subcommands
 * @name: as typed
 * @group: heading in `inkling help`
 * @summary: one line, no final dot
 * @fn: entry point; `inkling help NAME` calls it with --help
 */
struct ink_cmd {
	const char *name;
	const char *group;
	const char *summary;
	int (*fn)(int argc, char **argv);
};

enum ink_option_type {
	INK_OPT_FLAG,		/* bool */
	INK_OPT_STRING,		/* const char *, points into argv */
	INK_OPT_U32,		/* uint32_t */
	INK_OPT_DOUBLE,		/* double */
	INK_OPT_LIST,		/* struct ink_list, may be given several times */
};

/* Values of a repeated option; zeroed at first. */
struct ink_list {
	const char **items;
	size_t n;
};

/**
 * struct ink_option - an option; a table of them ends with an empty entry
 * @name: long name without the dashes
 * @letter: short name or 0
 * @arg: name of its argument, such as "FILE"; NULL for a flag
 * @help: one line; "\n" goes on in the next line
 * @type: type of *@into
 * @into: variable that is set; give defaults there
 */
struct ink_option {
	const char *name;
	char letter;
	const char *arg;
	const char *help;
	enum ink_option_type type;
	void *into;
};

/**
 * struct ink_usage - how a subcommand is called
 * @args: what follows the name, such as "MODEL.ink --data FILE [OPTION]..."
 * @about: some lines on what it does
 * @options: besides --json and --help; may be NULL
 * @example: one or more command lines, "\n" between them
 * @min_args: positional arguments that are needed
 * @max_args: positional arguments that are allowed, -1 for any number
 */
struct ink_usage {
	const char *args;
	const char *about;
	const struct ink_option *options;
	const char *example;
	int min_args;
	int max_args;
};

/**
 * struct ink_cli - what the command line said that concerns everything
 * @command: subcommand that runs, for messages
 * @json: --json: stdout carries JSON only, errors too
 * @quiet: --quiet: no progress, no remarks
 */
struct ink_cli {
	const char *command;
	bool json;
	bool quiet;
};
extern struct ink_cli ink_cli;

/**
 * ink_args_parse() - parse a subcommand's arguments
 * @argc: from main()
 * @argv: argv[0] is the subcommand; positional arguments are moved to the front
 * @usage: of this subcommand
 *
 * Prints help and exits for --help; exits with INK_EXIT_USAGE when something
 * is wrong, saying what. "--" ends the options. --json and --quiet set ink_cli.
 * Return: n, the number of positional arguments, which are argv[1] to argv[n].
 */
int ink_args_parse(int argc, char **argv, const struct ink_usage *usage);

/**
 * ink_error() - say what is wrong and what to do; with --json as an object
 * @what: what is wrong, names the thing; no final dot
 * @hint: what to do about it, or NULL
 *
 * Text goes to stderr, JSON ({"error": ..., "hint": ...}) to stdout.
 */
void ink_error(const char *what, const char *hint);
/* The same, then exit(@code). */
void ink_die(enum ink_exit code, const char *what, const char *hint) __attribute__((noreturn));
/* The same with further members in the JSON object; takes over @extra. */
void ink_error_json(const char *what, const char *hint, struct json_object *extra);
/* A remark on stderr that isn't an error; silent with --json or --quiet. */
void ink_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* printf() into one of 64 rotating buffers of 1 KiB, for the two arguments above. */
const char *ink_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Exit code that fits an errno (positive or negative). */
enum ink_exit ink_exit_errno(int err);

void *ink_xalloc(size_t n, size_t size);	/* zeroed; dies when there is none */
void *ink_xrealloc(void *p, size_t n, size_t size);
char *ink_xstrdup(const char *s);

/* Print @value and a newline to stdout, then put it. One value for each line of a stream. */
void ink_json_print(struct json_object *value);
/* Short hands that die when there is no memory. */
struct json_object *ink_json_object(void);
struct json_object *ink_json_array(void);
void ink_json_str(struct json_object *o, const char *key, const char *value);	/* NULL: null */
void ink_json_int(struct json_object *o, const char *key, int64_t value);
void ink_json_u64(struct json_object *o, const char *key, uint64_t value);
void ink_json_num(struct json_object *o, const char *key, double value, int digits);
void ink_json_bool(struct json_object *o, const char *key, bool value);
void ink_json_add(struct json_object *o, const char *key, struct json_object *value);

/**
 * struct ink_table - columns of text, aligned when printed
 *
 * Make it with ink_table_new("SLOT", "MODE", ">RUNS", NULL); a heading that
 * starts with ">" makes the column right-aligned. Each ink_table_row() takes
 * as many strings as there are columns (copied).
 */
struct ink_table;
struct ink_table *ink_table_new(const char *heading, ...) __attribute__((sentinel));
void ink_table_row(struct ink_table *table, const char *cell, ...) __attribute__((sentinel));
void ink_table_print(struct ink_table *table, FILE *to);	/* frees it */

/**
 * struct ink_progress - a bar on stderr, only on a terminal and only after one second
 */
struct ink_progress {
	const char *what;
	uint64_t total;		/* 0: not known, a count is shown */
	int64_t started_ns;
	int64_t drawn_ns;
	bool on;
	bool shown;
};
void ink_progress_begin(struct ink_progress *p, const char *what, uint64_t total);
void ink_progress_update(struct ink_progress *p, uint64_t done);
void ink_progress_end(struct ink_progress *p);

/* "4.2 KiB", "1,234,567", "12.3 us"; from ink_fmt()'s buffers. */
const char *ink_fmt_bytes(uint64_t bytes);
const char *ink_fmt_count(uint64_t n);
const char *ink_fmt_ns(uint64_t ns);
/* 64 hex digits, or the first 12 that people are shown; from ink_fmt()'s buffers. */
const char *ink_fmt_digest(const uint8_t digest[32]);
const char *ink_fmt_digest_short(const uint8_t digest[32]);
/* Text that came from a file or the kernel, with control characters made visible. */
const char *ink_fmt_safe(const char *s);

/* Parse all of @s as a number; false when it isn't one in the range. */
bool ink_parse_u64(const char *s, uint64_t max, uint64_t *value);
bool ink_parse_s64(const char *s, int64_t min, int64_t max, int64_t *value);
bool ink_parse_double(const char *s, double *value);

/* Entry points; each in the file of its family. */
int cmd_inspect(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_generate(int argc, char **argv);
int cmd_score_text(int argc, char **argv);
int cmd_load(int argc, char **argv);
int cmd_slots(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_mode(int argc, char **argv);
int cmd_set(int argc, char **argv);
int cmd_rollback(int argc, char **argv);
int cmd_promote(int argc, char **argv);
int cmd_unload(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_help(int argc, char **argv);

int cmd_compile(int argc, char **argv);		/* tools/compile */

int cmd_attach(int argc, char **argv);		/* tools/attach */
int cmd_detach(int argc, char **argv);
int cmd_panic(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_allow(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_dns(int argc, char **argv);
int cmd_features(int argc, char **argv);
int cmd_replay(int argc, char **argv);

#endif /* INK_CLI_H */
