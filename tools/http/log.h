/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines of a server's log as requests.
 *
 * What lives here: reading one line. What doesn't: what a request means (request.h), and where
 * lines come from (scorer.c).
 */
#ifndef INK_HTTP_LOG_H
#define INK_HTTP_LOG_H

#include <stdbool.h>
#include "request.h"

struct json_object;
struct json_tokener;

/**
 * struct ink_http_entry - a line that was read
 * @request: what was asked; points into @line
 * @client: who asked, or ""; points into @line
 * @line: the object, to be put
 */
struct ink_http_entry {
	struct ink_http_request request;
	const char *client;
	struct json_object *line;
};

/**
 * ink_http_entry_read() - read a line
 * @tokener: to read it with
 * @line: {"client":"...","request":"...","body":"..."} as nginx's escape=json writes it, of which
 *	only "request" is needed; what a syslog writes before '{' is skipped
 * @size: of @line
 * @entry: set; ink_http_entry_put() frees it
 *
 * Return: whether it is such a line.
 */
bool ink_http_entry_read(struct json_tokener *tokener, const char *line, size_t size,
			 struct ink_http_entry *entry);
void ink_http_entry_put(struct ink_http_entry *entry);

#endif
