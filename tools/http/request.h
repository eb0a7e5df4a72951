/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A request as the model `http` reads it.
 *
 * What lives here: the one way from a request line and a body to text, and from text to windows
 * of tokens; training and scorer share it. What doesn't: where requests come from (log.h).
 */
#ifndef INK_HTTP_REQUEST_H
#define INK_HTTP_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#define INK_HTTP_TEXT		16384	/* most bytes of text; what comes after isn't read */
#define INK_HTTP_TOKENS		256	/* of a window */
#define INK_HTTP_STEP		192	/* from one window to the next */
#define INK_HTTP_WINDOWS	85	/* of the longest text */

/* Bytes of the text that no request can bring along: there they become INK_HTTP_CONTROL. */
enum {
	INK_HTTP_QUERY = 1,	/* the first '?' of the target */
	INK_HTTP_NEXT = 2,	/* '&' between parameters */
	INK_HTTP_VALUE = 3,	/* the first '=' of a parameter */
	INK_HTTP_BODY = 4,	/* what follows is the body */
	INK_HTTP_TWICE = 5,	/* what follows was escaped twice */
	INK_HTTP_CONTROL = 6,	/* a control byte other than NUL and white space */
	INK_HTTP_OTHER = 7,	/* a character that is no letter of Latin-1 */
};

/**
 * struct ink_http_request - what was asked, as it came in
 * @line: request line, such as "GET /a?b=c HTTP/1.1"; any bytes
 * @body: any bytes, taken for a form
 * @line_size: of @line
 * @body_size: of @body
 */
struct ink_http_request {
	const char *line;
	const char *body;
	size_t line_size;
	size_t body_size;
};

/**
 * ink_http_text() - a request as text
 * @request: any bytes at all
 * @text: room for INK_HTTP_TEXT bytes
 *
 * Scheme, host and version are left out, escapes undone (twice at most), letters
 * made small and plain, white space made one blank. Documentation/http.rst has
 * the rules.
 *
 * Return: bytes of @text.
 */
size_t ink_http_text(const struct ink_http_request *request, uint8_t *text);

/* Windows that a text of so many bytes has, 1 to INK_HTTP_WINDOWS. */
size_t ink_http_windows(size_t size);

/**
 * ink_http_window() - tokens of a window
 * @text: from ink_http_text()
 * @size: of it
 * @i: which window, below ink_http_windows(@size)
 * @tokens: set: byte + 1 each, and 0 behind a text that is shorter
 *
 * All windows but that of a short text are full: the last one ends where the text does.
 */
void ink_http_window(const uint8_t *text, size_t size, size_t i, uint16_t tokens[INK_HTTP_TOKENS]);

#endif
