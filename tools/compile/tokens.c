// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples for models of tokens.
 *
 * What lives here: see tokens.h. What doesn't: what a model makes of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tokens.h"

struct reading {
	const char *path;
	enum ink_tokens_form form;
	struct ink_samples *s;
	size_t room, room_tokens;
	size_t line;
	struct ink_diag *why;
};

static bool room_for(struct reading *r, size_t tokens)
{
	struct ink_samples *s = r->s;
	size_t used = s->n ? s->first[s->n] : 0;
	void *p;

	if (s->n + 2 > r->room) {
		r->room = r->room ? 2 * r->room : 4096;
		p = realloc(s->first, r->room * sizeof(*s->first));
		if (!p)
			return false;
		s->first = p;
		s->first[0] = 0;
	}
	if (used + tokens > r->room_tokens) {
		r->room_tokens = 2 * (used + tokens) + 65536;
		p = realloc(s->tokens, r->room_tokens * sizeof(*s->tokens));
		if (!p)
			return false;
		s->tokens = p;
	}
	return true;
}

static bool parse_ids(struct reading *r, char *text, uint16_t *to, size_t *n)
{
	char shown[32], *end;
	unsigned long v;

	for (text += strspn(text, " \t,"); *text; text = end + strspn(end, " \t,")) {
		errno = 0;
		v = strtoul(text, &end, 10);
		if (end == text || v > UINT16_MAX || errno)
			return ink_fail(r->why, "%s: line %zu: \"%s\" isn't a token from 0 to 65535",
					r->path, r->line, ink_printable(shown, sizeof(shown), text));
		to[(*n)++] = (uint16_t)v;
	}
	return true;
}

static bool add_line(struct reading *r, char *text, size_t len)
{
	struct ink_samples *s = r->s;
	size_t n = 0, i;
	uint16_t *to;

	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = 0;
	if (!len)
		return true;
	if (!room_for(r, len))
		return ink_fail(r->why, "%s: no memory for its samples", r->path);
	to = s->tokens + s->first[s->n];
	if (r->form == INK_TOKENS_IDS && !parse_ids(r, text, to, &n))
		return false;
	for (i = 0; r->form == INK_TOKENS_BYTES && i < len; i++)
		to[n++] = (uint16_t)((unsigned char)text[i] + 1);
	if (!n)
		return true;
	s->first[s->n + 1] = s->first[s->n] + n;
	s->n++;
	s->longest = n > s->longest ? (uint32_t)n : s->longest;
	return true;
}

/* Samples at even distances, so that a sorted file is covered as a whole. */
static void thin_out(struct ink_samples *s, size_t most)
{
	size_t i, from, n, at = 0;

	if (s->n <= most)
		return;
	s->longest = 0;
	for (i = 0; i < most; i++) {
		from = (size_t)((double)i * (double)s->n / (double)most);
		n = s->first[from + 1] - s->first[from];
		memmove(s->tokens + at, s->tokens + s->first[from], n * sizeof(*s->tokens));
		/* Where a sample begins is read before it is written: i <= from. */
		s->first[i] = at;
		at += n;
		s->longest = n > s->longest ? (uint32_t)n : s->longest;
	}
	s->first[most] = at;
	s->n = most;
}

bool ink_samples_read(const char *path, enum ink_tokens_form form, size_t most,
		      struct ink_samples *samples, struct ink_diag *why)
{
	struct reading r = { .path = path, .form = form, .s = samples, .why = why };
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	bool ok = true;
	ssize_t len;

	memset(samples, 0, sizeof(*samples));
	if (!f)
		return ink_fail(why, "%s: %s", path, strerror(errno));
	while (ok && (len = getline(&text, &size, f)) >= 0) {
		r.line++;
		if (samples->n >= INK_TOKENS_SAMPLES) {
			samples->cut = true;
			break;
		}
		ok = add_line(&r, text, (size_t)len);
	}
	if (ok && ferror(f))
		ok = ink_fail(why, "%s: can't be read", path);
	if (ok && !samples->n)
		ok = ink_fail(why, "%s: there are no samples in it", path);
	free(text);
	fclose(f);
	if (ok)
		thin_out(samples, most);
	return ok;
}

void ink_samples_free(struct ink_samples *samples)
{
	free(samples->first);
	free(samples->tokens);
	memset(samples, 0, sizeof(*samples));
}
