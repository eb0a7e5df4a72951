/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scorer: lines of a log in, what the slot flags out.
 *
 * What lives here: what main.c needs of it.
 */
#ifndef INK_HTTP_SCORER_H
#define INK_HTTP_SCORER_H

#include <stdbool.h>
#include <stddef.h>

struct ink_http_scorer;

/**
 * ink_http_scorer_new() - a scorer of a slot
 * @slot: its name
 * @model: NULL, or a .ink file that runs in this process where the module isn't loaded
 * @all: print requests that aren't flagged, too
 *
 * Return: a scorer; the program ends with a message where there is none.
 */
struct ink_http_scorer *ink_http_scorer_new(const char *slot, const char *model, bool all);
/* Take a line; it is judged with others that come along. */
void ink_http_scorer_line(struct ink_http_scorer *s, const char *line, size_t size);
/* Judge what was taken, and print. */
void ink_http_scorer_flush(struct ink_http_scorer *s);
/* And free it. */
void ink_http_scorer_end(struct ink_http_scorer *s);

#endif
