// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines of a server's log as requests.
 *
 * What lives here: see log.h. What doesn't: JSON, which json-c reads.
 */
#include "log.h"

#include <json-c/json.h>
#include <string.h>

/* A string, of which "-" is nginx's way to say that there is none. */
static const char *member(struct json_object *line, const char *name, size_t *size)
{
	struct json_object *v;

	*size = 0;
	if (!json_object_object_get_ex(line, name, &v) || !json_object_is_type(v, json_type_string))
		return NULL;
	*size = (size_t)json_object_get_string_len(v);
	return json_object_get_string(v);
}

bool ink_http_entry_read(struct json_tokener *tokener, const char *line, size_t size,
			 struct ink_http_entry *entry)
{
	const char *brace = memchr(line, '{', size);
	struct ink_http_request *r = &entry->request;
	size_t len;

	memset(entry, 0, sizeof(*entry));
	if (!brace || size > INT32_MAX)
		return false;
	json_tokener_reset(tokener);
	entry->line = json_tokener_parse_ex(tokener, brace, (int)(size - (size_t)(brace - line)));
	if (!entry->line || !json_object_is_type(entry->line, json_type_object))
		goto not_one;
	r->line = member(entry->line, "request", &r->line_size);
	if (!r->line)
		goto not_one;
	r->body = member(entry->line, "body", &r->body_size);
	if (r->body_size == 1 && r->body[0] == '-')
		r->body_size = 0;
	entry->client = member(entry->line, "client", &len);
	if (!entry->client)
		entry->client = "";
	return true;
not_one:
	ink_http_entry_put(entry);
	return false;
}

void ink_http_entry_put(struct ink_http_entry *entry)
{
	json_object_put(entry->line);
	entry->line = NULL;
}
