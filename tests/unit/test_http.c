// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests as the model `http` reads them.
 *
 * What lives here: tests of tools/http/request.c and log.c: what becomes of well-formed, hostile
 * and random requests. What doesn't: the scorer, which tests/selftests/http.sh runs in a VM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "rand.h"

#define Q	"\1"	/* query */
#define N	"\2"	/* next parameter */
#define V	"\3"	/* its value */
#define B	"\4"	/* body */
#define T	"\5"	/* escaped twice */
#define C	"\6"	/* control byte */
#define O	"\7"	/* other character */

/* Parts and text are in blocks of their own size: the sanitizer sees one byte too many. */
static void expect_sized(const char *line, size_t line_size, const char *body, size_t body_size,
			 const char *want, size_t want_size)
{
	struct ink_http_request r = { .line_size = line_size, .body_size = body_size };
	uint8_t *text = malloc(INK_HTTP_TEXT);
	char *l = malloc(line_size + !line_size), *b = malloc(body_size + !body_size);
	size_t n;

	assert_true(text && l && b);
	memcpy(l, line, line_size);
	memcpy(b, body, body_size);
	r.line = l;
	r.body = b;
	n = ink_http_text(&r, text);
	if (n != want_size || memcmp(text, want, n))
		fail_msg("\"%s\" became \"%.*s\", not \"%s\"", line, (int)n, (char *)text, want);
	free(text);
	free(l);
	free(b);
}

#define expect(line, body, want) \
	expect_sized(line, sizeof(line) - 1, body, sizeof(body) - 1, want, sizeof(want) - 1)

static void test_parts(void **state)
{
	expect("GET / HTTP/1.1", "", "get /");
	expect("GET /A/b.HTML?id=1&x=Y+z#f HTTP/1.1", "", "get /a/b.html" Q "id" V "1" N "x" V "y z#f");
	expect("POST /a HTTP/1.1", "p=1&q=2", "post /a" B "p" V "1" N "q" V "2");
	expect("GET /a+b?c=d=e=f&g HTTP/1.0", "", "get /a+b" Q "c" V "d=e=f" N "g");
	expect("GET /?a?b HTTP/1.1", "", "get /" Q "a?b");
	expect("GET /a&b=c HTTP/1.1", "", "get /a&b=c");
	expect("GET http://example.org/x HTTP/1.1", "", "get /x");
	expect("GET HTTPS://example.org:81/x?u=http://y/z HTTP/1.1", "", "get /x" Q "u" V "http://y/z");
	expect("GET http://example.org HTTP/1.1", "", "get ");
	/* What separates can't be brought along. */
	expect("GET /?a=%26b%3Dc%3F HTTP/1.1", "", "get /" Q "a" V "&b=c?");
	expect("GET /\1\2?a=%01%04%1f%7f HTTP/1.1", "", "get /" C C Q "a" V C C C C);
	/* What isn't a request line. */
	expect("", "", "");
	expect("GET", "", "get");
	expect("GET ", "", "get ");
	expect("GET /a b c", "", "get /a b c");
	expect("GET /a b HTTP/1.1", "", "get /a b");
	expect("GET / HTTP/", "", "get / http/");
	expect("\x16\x03\x01", "", C C C);
}

static void test_escapes(void **state)
{
	expect("GET /?a=%27%20OR%201=1 HTTP/1.1", "", "get /" Q "a" V "' or 1=1");
	expect("GET /%2e%2E/%2f HTTP/1.1", "", "get /..//");
	/* Truncated and wrong ones stay. */
	expect("GET /?a=% HTTP/1.1", "%", "get /" Q "a" V "%" B "%");
	expect("GET /?a=%4 HTTP/1.1", "%f", "get /" Q "a" V "%4" B "%f");
	expect("GET /%zz%4g?%%41 HTTP/1.1", "%u00", "get /%zz%4g" Q "%a" B "%u00");
	/* Twice, and no more. */
	expect("GET /%252e%252e%252f HTTP/1.1", "", "get /" T "../");
	expect("GET /?a=%2527x%2527 HTTP/1.1", "", "get /" Q "a" V T "'x" T "'");
	expect("GET /%25252e HTTP/1.1", "", "get /" T "%2e");
	expect("GET /%u002e%u012f%U0027 HTTP/1.1", "", "get /" T "." O "'");
	expect("GET /%u0000%u0003%2500%2502 HTTP/1.1", "", "get /" T "\0" C "\0" C);
	expect("GET /%u2215%uff0e HTTP/1.1", "", "get /" T "/.");
}

static void test_bytes(void **state)
{
	expect("GET /a%00b HTTP/1.1", "x\0y", "get /a\0b" B "x\0y");
	expect_sized("GET /\0 HTTP/1.1", 15, "", 0, "get /\0", 6);
	expect("GET /?a=%0d%0ab%0a%0d%0ac HTTP/1.1", "", "get /" Q "a" V "\nb\nc");
	expect("GET /?a=+%09%0b+b HTTP/1.1", "\t\tc", "get /" Q "a" V " b" B " c");
	/* Letters of Latin-1 in both forms, other letters, what looks like a quote. */
	expect("GET /%F1%C3%B1%c3%91 HTTP/1.1", "\xe9\xc3\xa9", "get /nnn" B "ee");
	expect("GET /%E4%B8%AD%D0%B6%F0%9F%98%80 HTTP/1.1", "", "get /" O O O);
	expect("GET /%E2%80%99%EF%BC%87%92 HTTP/1.1", "", "get /'''");
	expect("GET /%EF%BC%9Cscript%EF%BC%9E HTTP/1.1", "", "get /<script>");
	/* Overlong forms are what they stand for, truncated and lonely bytes are Latin-1. */
	expect("GET /%c0%ae%c0%af%e0%80%af%f0%80%80%af HTTP/1.1", "", "get /.///");
	expect("GET /%c0%81%c0%80 HTTP/1.1", "", "get /" C "\0");
	expect("GET / HTTP/1.1", "\xc3", "get /" B "a");
	expect("GET / HTTP/1.1", "\xe2\x80", "get /" B "a" O);
	expect("GET / HTTP/1.1", "\xf8\x88\xff", "get /" B "o" O "y");
	/* Runs say no more than eight. */
	expect("GET /aaaaaaaaaaaaab HTTP/1.1", "", "get /aaaaaaaab");
}

static void test_windows(void **state)
{
	uint16_t w[INK_HTTP_TOKENS];
	uint8_t text[1000];
	size_t i, k, size;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(ink_http_windows(0), 1);
	assert_int_equal(ink_http_windows(256), 1);
	assert_int_equal(ink_http_windows(257), 2);
	assert_int_equal(ink_http_windows(448), 2);
	assert_int_equal(ink_http_windows(449), 3);
	assert_int_equal(ink_http_windows(INK_HTTP_TEXT), INK_HTTP_WINDOWS);
	ink_http_window(text, 3, 0, w);
	for (k = 0; k < INK_HTTP_TOKENS; k++)
		assert_int_equal(w[k], k < 3 ? text[k] + 1 : 0);
	/* No byte is left out, and each window is full. */
	for (size = 257; size <= sizeof(text); size++) {
		for (i = 0; i < ink_http_windows(size); i++) {
			size_t from = i * INK_HTTP_STEP + INK_HTTP_TOKENS > size ? size - INK_HTTP_TOKENS :
				      i * INK_HTTP_STEP;

			ink_http_window(text, size, i, w);
			for (k = 0; k < INK_HTTP_TOKENS; k++)
				assert_int_equal(w[k], text[from + k] + 1);
			assert_true(i + 1 < ink_http_windows(size) || from + INK_HTTP_TOKENS == size);
		}
	}
}

/* Pieces that steps care about, in any order, and any bytes between. */
static void test_random(void **state)
{
	static const char *const pieces[] = {
		"%", "%2", "%25", "%u", "%u00", "%u0041", "%c0", "%ae", "\xe2\x80", "\xf0\x9f",
		"http://", " HTTP/1.1", "?", "&", "=", "+", " ", "%00", "\r\n", "%2525", "%uff1c", "GET ",
	};
	uint8_t *text = malloc(INK_HTTP_TEXT);
	uint16_t w[INK_HTTP_TOKENS];
	struct ink_http_request r;
	size_t n, i, k, size, cut;
	struct ink_rand rnd;
	char *s;

	assert_non_null(text);
	ink_rand_seed(&rnd, 20);
	for (i = 0; i < 30000; i++) {
		size = ink_rand_below(&rnd, i % 100 ? 300 : 3 * INK_HTTP_TEXT);
		s = malloc(size + 1);
		assert_non_null(s);
		for (n = 0; n < size; n += k) {
			const char *p = pieces[ink_rand_below(&rnd, sizeof(pieces) / sizeof(pieces[0]))];

			k = strlen(p) < size - n ? strlen(p) : size - n;
			memcpy(s + n, p, k);
			if (ink_rand_below(&rnd, 2)) {
				s[n] = (char)ink_rand_below(&rnd, 256);
				k = 1;
			}
		}
		cut = ink_rand_below(&rnd, (unsigned int)size + 1);
		r = (struct ink_http_request){ s, s + cut, cut, size - cut };
		n = ink_http_text(&r, text);
		assert_true(n <= INK_HTTP_TEXT && n <= size + 2);
		for (k = 0; k < n; k++)
			assert_true(text[k] < 0x7f && !(text[k] >= 'A' && text[k] <= 'Z') &&
				    (text[k] < 8 || text[k] == '\n' || text[k] >= ' '));
		assert_true(ink_http_windows(n) <= INK_HTTP_WINDOWS);
		for (k = 0; k < ink_http_windows(n); k++)
			ink_http_window(text, n, k, w);
		free(s);
	}
	free(text);
}

static bool reads(const char *line, size_t size, struct ink_http_entry *e)
{
	struct json_tokener *t = json_tokener_new();
	bool did = ink_http_entry_read(t, line, size, e);

	json_tokener_free(t);
	return did;
}

static void test_log(void **state)
{
	static const char good[] = "<190>Jan  1 00:00:00 nginx: {\"client\":\"::1\",\"request\":"
		"\"GET /\\u0000\\\"\xff HTTP/1.1\",\"body\":\"a\\u0001\\\\\",\"more\":[1,{}]}\n";
	static const char *const bad[] = {
		"", "GET / HTTP/1.1", "{", "{}", "{\"request\":1}", "{\"request\":\"GET /\"", "[\"request\"]",
		"{\"request\":{\"request\":\"x\"}}", "{\"body\":\"x\"}", "{\"request\":\"\\u00", "}{",
	};
	struct ink_http_entry e;
	size_t i;

	assert_true(reads(good, sizeof(good) - 1, &e));
	assert_string_equal(e.client, "::1");
	assert_int_equal(e.request.line_size, 17);
	assert_memory_equal(e.request.line, "GET /\0\"\xff HTTP/1.1", 17);
	assert_int_equal(e.request.body_size, 3);
	assert_memory_equal(e.request.body, "a\1\\", 3);
	ink_http_entry_put(&e);
	assert_true(reads("{\"request\":\"x\",\"body\":\"-\"}", 26, &e));
	assert_int_equal(e.request.body_size, 0);
	assert_string_equal(e.client, "");
	ink_http_entry_put(&e);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(reads(bad[i], strlen(bad[i]), &e));
	/* Cut anywhere it is no line, and nothing beyond it is read. */
	for (i = 0; i < sizeof(good) - 2; i++) {
		char *copy = malloc(i + 1);

		assert_non_null(copy);
		memcpy(copy, good, i);
		assert_false(reads(copy, i, &e));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts), cmocka_unit_test(test_escapes), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_windows), cmocka_unit_test(test_random), cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
