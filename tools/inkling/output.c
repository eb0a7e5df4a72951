// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the CLI prints: errors, JSON, tables, progress, numbers for people.
 *
 * What lives here: the form. What doesn't: the content, which is the
 * subcommands' business.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"
#include "stopwatch.h"

#define FMT_BUFFERS	64
#define FMT_SIZE	1024

static char *fmt_buffer(void)
{
	static char buffers[FMT_BUFFERS][FMT_SIZE];
	static unsigned int next;

	return buffers[next++ % FMT_BUFFERS];
}

const char *ink_fmt(const char *fmt, ...)
{
	char *to = fmt_buffer();
	va_list args;

	va_start(args, fmt);
	vsnprintf(to, FMT_SIZE, fmt, args);
	va_end(args);
	return to;
}

/* Errors */

void ink_error_json(const char *what, const char *hint, struct json_object *extra)
{
	struct json_object *o;

	if (!ink_cli.json) {
		fprintf(stderr, "inkling%s%s: %s\n", ink_cli.command ? " " : "",
			ink_cli.command ? ink_cli.command : "", what);
		if (hint && *hint)
			fprintf(stderr, "  %s\n", hint);
		json_object_put(extra);
		return;
	}
	o = ink_json_object();
	ink_json_str(o, "error", what);
	if (hint && *hint)
		ink_json_str(o, "hint", hint);
	if (extra) {
		json_object_object_foreach(extra, key, value)
			ink_json_add(o, key, json_object_get(value));
		json_object_put(extra);
	}
	ink_json_print(o);
}

void ink_error(const char *what, const char *hint)
{
	ink_error_json(what, hint, NULL);
}

void ink_die(enum ink_exit code, const char *what, const char *hint)
{
	ink_error(what, hint);
	exit(code);
}

void ink_note(const char *fmt, ...)
{
	va_list args;

	if (ink_cli.json || ink_cli.quiet)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

enum ink_exit ink_exit_errno(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return INK_EXIT_OK;
	case EPERM:
	case EACCES:
		return INK_EXIT_PERM;
	case ENOENT:
	case ENODEV:
		return INK_EXIT_NOENT;
	case EBADMSG:
		return INK_EXIT_REFUSED;
	case EINVAL:
		return INK_EXIT_USAGE;
	default:
		return INK_EXIT_FAILED;
	}
}

/* Memory */

static void *check_memory(void *p)
{
	if (!p) {
		fputs("inkling: out of memory\n", stderr);
		exit(INK_EXIT_FAILED);
	}
	return p;
}

void *ink_xalloc(size_t n, size_t size)
{
	return check_memory(calloc(n ? n : 1, size ? size : 1));
}

void *ink_xrealloc(void *p, size_t n, size_t size)
{
	return check_memory(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *ink_xstrdup(const char *s)
{
	return check_memory(strdup(s));
}

/* JSON */

void ink_json_print(struct json_object *value)
{
	puts(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(value);
}

struct json_object *ink_json_object(void)
{
	return check_memory(json_object_new_object());
}

struct json_object *ink_json_array(void)
{
	return check_memory(json_object_new_array());
}

void ink_json_add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add(o, key, value);
}

void ink_json_str(struct json_object *o, const char *key, const char *value)
{
	ink_json_add(o, key, value ? check_memory(json_object_new_string(value)) : NULL);
}

void ink_json_int(struct json_object *o, const char *key, int64_t value)
{
	ink_json_add(o, key, check_memory(json_object_new_int64(value)));
}

void ink_json_u64(struct json_object *o, const char *key, uint64_t value)
{
	ink_json_add(o, key, check_memory(json_object_new_uint64(value)));
}

void ink_json_num(struct json_object *o, const char *key, double value, int digits)
{
	/* json-c's own text of a double has 17 digits. */
	const char *text = ink_fmt("%.*f", digits, value);

	if (value != value)
		ink_json_add(o, key, NULL);
	else
		ink_json_add(o, key, check_memory(json_object_new_double_s(value, text)));
}

void ink_json_bool(struct json_object *o, const char *key, bool value)
{
	ink_json_add(o, key, check_memory(json_object_new_boolean(value)));
}

/* Tables */

struct ink_table {
	size_t columns;
	bool *right;
	char **cells;
	size_t n;
};

static void table_add(struct ink_table *t, const char *cell)
{
	t->cells = ink_xrealloc(t->cells, t->n + 1, sizeof(*t->cells));
	t->cells[t->n++] = ink_xstrdup(cell);
}

struct ink_table *ink_table_new(const char *heading, ...)
{
	struct ink_table *t = ink_xalloc(1, sizeof(*t));
	va_list args;

	va_start(args, heading);
	for (; heading; heading = va_arg(args, const char *)) {
		t->right = ink_xrealloc(t->right, t->columns + 1, sizeof(*t->right));
		t->right[t->columns++] = heading[0] == '>';
		table_add(t, heading + (heading[0] == '>'));
	}
	va_end(args);
	return t;
}

void ink_table_row(struct ink_table *table, const char *cell, ...)
{
	va_list args;
	size_t i;

	va_start(args, cell);
	for (i = 0; i < table->columns; i++) {
		table_add(table, cell ? cell : "");
		if (cell)
			cell = va_arg(args, const char *);
	}
	va_end(args);
}

void ink_table_print(struct ink_table *table, FILE *to)
{
	size_t i, w, c, *width = ink_xalloc(table->columns, sizeof(*width));

	for (i = 0; i < table->n; i++) {
		w = strlen(table->cells[i]);
		c = i % table->columns;
		width[c] = w > width[c] ? w : width[c];
	}
	for (i = 0; i < table->n; i++) {
		c = i % table->columns;
		w = c + 1 == table->columns && !table->right[c] ? 0 : width[c];
		fprintf(to, table->right[c] ? "%*s" : "%-*s", (int)w, table->cells[i]);
		fputs(c + 1 == table->columns ? "\n" : "  ", to);
		free(table->cells[i]);
	}
	free(width);
	free(table->cells);
	free(table->right);
	free(table);
}

/* Progress */

void ink_progress_begin(struct ink_progress *p, const char *what, uint64_t total)
{
	*p = (struct ink_progress){
		.what = what,
		.total = total,
		.on = isatty(STDERR_FILENO) && !ink_cli.json && !ink_cli.quiet,
	};
	if (p->on)
		p->started_ns = (int64_t)ink_clock_ns(CLOCK_MONOTONIC);
}

void ink_progress_update(struct ink_progress *p, uint64_t done)
{
	static const char bar[] = "########################################";
	int64_t now;
	int filled;

	if (!p->on)
		return;
	now = (int64_t)ink_clock_ns(CLOCK_MONOTONIC);
	if (now - p->started_ns < 1000000000 || now - p->drawn_ns < 100000000)
		return;
	p->drawn_ns = now;
	p->shown = true;
	if (p->total) {
		filled = (int)((double)(done < p->total ? done : p->total) / (double)p->total * 40);
		fprintf(stderr, "\r%s [%-40.*s] %3d%%\033[K", p->what, filled, bar, filled * 5 / 2);
	} else {
		fprintf(stderr, "\r%s %s\033[K", p->what, ink_fmt_count(done));
	}
	fflush(stderr);
}

void ink_progress_end(struct ink_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->on = false;
}

/* Numbers for people */

const char *ink_fmt_bytes(uint64_t bytes)
{
	if (bytes < 1024)
		return ink_fmt("%llu B", (unsigned long long)bytes);
	if (bytes < 1024 * 1024)
		return ink_fmt("%.1f KiB", (double)bytes / 1024);
	return ink_fmt("%.1f MiB", (double)bytes / (1024 * 1024));
}

const char *ink_fmt_count(uint64_t n)
{
	char digits[24], *to = fmt_buffer();
	int i, len, out = 0;

	len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			to[out++] = ',';
		to[out++] = digits[i];
	}
	to[out] = '\0';
	return to;
}

const char *ink_fmt_ns(uint64_t ns)
{
	if (ns < 1000)
		return ink_fmt("%llu ns", (unsigned long long)ns);
	if (ns < 1000000)
		return ink_fmt("%.1f us", (double)ns / 1e3);
	if (ns < 1000000000)
		return ink_fmt("%.1f ms", (double)ns / 1e6);
	return ink_fmt("%.1f s", (double)ns / 1e9);
}

const char *ink_fmt_digest(const uint8_t digest[32])
{
	char *to = fmt_buffer();
	int i;

	for (i = 0; i < 32; i++)
		sprintf(to + 2 * i, "%02x", digest[i]);
	return to;
}

const char *ink_fmt_digest_short(const uint8_t digest[32])
{
	return ink_fmt("%.12s", ink_fmt_digest(digest));
}

const char *ink_fmt_safe(const char *s)
{
	char *to = fmt_buffer();
	size_t i;

	for (i = 0; s[i] && i < FMT_SIZE - 1; i++)
		to[i] = (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i];
	to[i] = '\0';
	return to;
}
