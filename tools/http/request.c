// SPDX-License-Identifier: GPL-2.0-only
/*
 * A request as the model `http` reads it.
 *
 * What lives here: see request.h. Each step works in place, since none of them makes a text
 * longer. What doesn't: where requests come from (log.c).
 */
#include "request.h"

#include <stdbool.h>
#include <string.h>

#define RUN	8	/* bytes in a row that are alike; more say no more */

_Static_assert(INK_HTTP_WINDOWS ==
	       1 + (INK_HTTP_TEXT - INK_HTTP_TOKENS + INK_HTTP_STEP - 1) / INK_HTTP_STEP,
	       "windows of the longest text");

/* A part of a request: which bytes of it separate something. */
enum part { PATH, QUERY, BODY };

/* Where the text is written. */
struct text {
	uint8_t *to;
	size_t n;
};

static void put(struct text *t, uint8_t byte)
{
	if (t->n < INK_HTTP_TEXT)
		t->to[t->n++] = byte;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "%41" stands for, or -1. */
static int escaped(const uint8_t *s, size_t n)
{
	int high, low;

	if (n < 3 || s[0] != '%')
		return -1;
	high = hex(s[1]);
	low = hex(s[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Bytes that a request brings along mustn't look like the text's own. */
static uint8_t plain(uint8_t c)
{
	bool space = c >= '\t' && c <= '\r';

	return (c && c < ' ' && !space) || c == 0x7f ? INK_HTTP_CONTROL : c;
}

static void put_part(struct text *t, enum part part, const uint8_t *s, size_t n)
{
	bool named = true;	/* in the name of a parameter, not in its value */
	size_t i;
	int byte;

	for (i = 0; i < n; i++) {
		byte = escaped(s + i, n - i);
		if (byte >= 0) {
			put(t, plain((uint8_t)byte));
			i += 2;
		} else if (part != PATH && s[i] == '&') {
			put(t, INK_HTTP_NEXT);
			named = true;
		} else if (part != PATH && s[i] == '=' && named) {
			put(t, INK_HTTP_VALUE);
			named = false;
		} else {
			put(t, part != PATH && s[i] == '+' ? ' ' : plain(s[i]));
		}
	}
}

/* Scheme and host are no part of what is asked of this server. */
static void skip_host(const uint8_t **s, size_t *n)
{
	static const char *const schemes[] = { "http://", "https://" };
	const uint8_t *slash;
	size_t i, len;

	for (i = 0; i < 2; i++) {
		len = strlen(schemes[i]);
		if (*n < len || strncasecmp((const char *)*s, schemes[i], len))
			continue;
		slash = memchr(*s + len, '/', *n - len);
		*n = slash ? *n - (size_t)(slash - *s) : 0;
		*s += slash ? (size_t)(slash - *s) : 0;
		return;
	}
}

static void put_line(struct text *t, const uint8_t *s, size_t n)
{
	const uint8_t *blank = memchr(s, ' ', n), *query;
	size_t i;

	if (blank) {
		for (; s <= blank; s++, n--)
			put(t, plain(*s));
		blank = memrchr(s, ' ', n);
		if (blank && (size_t)(s + n - blank) > 6 && !memcmp(blank + 1, "HTTP/", 5))
			n = (size_t)(blank - s);
	}
	skip_host(&s, &n);
	query = memchr(s, '?', n);
	i = query ? (size_t)(query - s) : n;
	put_part(t, PATH, s, i);
	if (!query)
		return;
	put(t, INK_HTTP_QUERY);
	put_part(t, QUERY, query + 1, n - i - 1);
}

/* A code point as UTF-8, as long as it need be. */
static size_t encode(unsigned int code, uint8_t *to)
{
	if (code < 0x80) {
		to[0] = plain((uint8_t)code);
		return 1;
	}
	if (code < 0x800) {
		to[0] = (uint8_t)(0xc0 | code >> 6);
		to[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	to[0] = (uint8_t)(0xe0 | code >> 12);
	to[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	to[2] = (uint8_t)(0x80 | (code & 0x3f));
	return 3;
}

/* The code point of "%u0041", or -1. */
static int escaped_wide(const uint8_t *s, size_t n)
{
	int code = 0, digit;
	size_t i;

	if (n < 6 || s[0] != '%' || (s[1] | 0x20) != 'u')
		return -1;
	for (i = 2; i < 6; i++) {
		digit = hex(s[i]);
		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

/* Escapes that are left after escapes were undone: a run of them is marked. */
static size_t unescape_again(uint8_t *s, size_t n)
{
	size_t i = 0, to = 0;
	bool run = false;
	int code, wide;

	while (i < n) {
		wide = escaped_wide(s + i, n - i);
		code = escaped(s + i, n - i);
		if (wide < 0 && code < 0) {
			s[to++] = s[i++];
			run = false;
			continue;
		}
		if (!run)
			s[to++] = INK_HTTP_TWICE;
		run = true;
		i += wide < 0 ? 3 : 6;
		if (wide < 0)
			s[to++] = plain((uint8_t)code);
		else
			to += encode((unsigned int)wide, s + to);
	}
	return to;
}

/*
 * The next character, leniently: what could be shorter counts for what it says, since servers
 * were fooled by it; what isn't UTF-8 is taken for Latin-1.
 */
static unsigned int next_code(const uint8_t *s, size_t n, size_t *used)
{
	size_t i, more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : 1;
	unsigned int code = s[0] & (0x3f >> more);

	*used = 1;
	if (s[0] < 0xc0 || s[0] >= 0xf8 || n <= more)
		return s[0];
	for (i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return s[0];
		code = code << 6 | (s[i] & 0x3f);
	}
	*used = more + 1;
	return code < 0x80 ? plain((uint8_t)code) : code;
}

/* Characters that look like one of ASCII, and that software turns into it. */
static uint8_t lookalike(unsigned int code)
{
	static const struct {
		uint16_t code;
		char as;
	} pairs[] = {
		{ 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201b, '\'' }, { 0x02b9, '\'' }, { 0x02bc, '\'' },
		{ 0x2032, '\'' }, { 0x201c, '"' }, { 0x201d, '"' }, { 0x2033, '"' }, { 0x2044, '/' },
		{ 0x2215, '/' }, { 0x2216, '\\' }, { 0x2039, '<' }, { 0x203a, '>' }, { 0x2028, ' ' },
		{ 0x2029, ' ' }, { 0x202f, ' ' }, { 0x3000, ' ' }, { 0x3008, '<' }, { 0x3009, '>' },
	};
	size_t i;

	if (code >= 0xff01 && code <= 0xff5e)
		return (uint8_t)(code - 0xff01 + '!');
	if (code >= 0x2000 && code <= 0x200a)
		return ' ';
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (code == pairs[i].code)
			return (uint8_t)pairs[i].as;
	return 0;
}

/* One byte for a character: small letters without accents. */
static uint8_t fold(unsigned int code)
{
	/* Windows has quotes from 0x91 on. Then Latin-1 from 0xa0 on. */
	static const char latin[] =
		"\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7''\"\"\7--\7\7\7\7\7\7\7\7"
		" \7\7\7\7\7\7\7\7\7\7\"\7\7\7\7\7\7\7\7'\7\7\7\7\7\7\"\7\7\7\7"
		"aaaaaaaceeeeiiiidnooooo\7ouuuuytsaaaaaaaceeeeiiiidnooooo\7ouuuuyty";
	uint8_t c;

	if (code >= 0x100) {
		c = lookalike(code);
		return c ? fold(c) : INK_HTTP_OTHER;
	}
	if (code >= 0x80)
		return (uint8_t)latin[code - 0x80];
	return code >= 'A' && code <= 'Z' ? (uint8_t)(code | 0x20) : (uint8_t)code;
}

static size_t fold_all(uint8_t *s, size_t n)
{
	size_t i, used, to = 0, run = 0;
	uint8_t c;

	for (i = 0; i < n; i += used) {
		c = fold(next_code(s + i, n - i, &used));
		if (c == '\r')
			c = '\n';
		else if (c == '\t' || c == '\v' || c == '\f')
			c = ' ';
		run = to && s[to - 1] == c ? run + 1 : 1;
		if (run > (c == ' ' || c == '\n' ? 1 : RUN))
			continue;
		s[to++] = c;
	}
	return to;
}

size_t ink_http_text(const struct ink_http_request *request, uint8_t *text)
{
	struct text t = { .to = text };

	put_line(&t, (const uint8_t *)request->line, request->line_size);
	if (request->body_size) {
		put(&t, INK_HTTP_BODY);
		put_part(&t, BODY, (const uint8_t *)request->body, request->body_size);
	}
	return fold_all(text, unescape_again(text, t.n));
}

size_t ink_http_windows(size_t size)
{
	return size <= INK_HTTP_TOKENS ? 1 :
	       1 + (size - INK_HTTP_TOKENS + INK_HTTP_STEP - 1) / INK_HTTP_STEP;
}

void ink_http_window(const uint8_t *text, size_t size, size_t i, uint16_t tokens[INK_HTTP_TOKENS])
{
	size_t from = i * INK_HTTP_STEP, k;

	if (size > INK_HTTP_TOKENS && from > size - INK_HTTP_TOKENS)
		from = size - INK_HTTP_TOKENS;
	for (k = 0; k < INK_HTTP_TOKENS; k++)
		tokens[k] = from + k < size ? (uint16_t)(text[from + k] + 1) : 0;
}
