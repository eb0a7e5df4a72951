// SPDX-License-Identifier: GPL-2.0-only
/*
 * The writer of images.
 *
 * What lives here: that what it writes has the canonical layout and passes the
 * verifier, that its errors stick and name what is too long, and that sealing
 * repairs a changed image. What doesn't: the verifier's own rules
 * (test_verify_*.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "image_builder.h"

/* Two features, one category of three; QUANT, DENSE, SOFTMAX. */
static struct ink_builder *small(void)
{
	static const char * const colours[] = { "red", "green", "blue" };
	static const int8_t w[8] = { 1, -2, 3, -4, 5, -6, 7, -128 };
	static const int32_t bias[2] = { 100, -100 }, mult[2] = { 1 << 30, 1 << 30 };
	static const int8_t shift[2] = { 30, 30 };
	static const int32_t scale[2] = { 94548, 16 };
	const struct inkling_quant_row rows[2] = {
		{ INKLING_QUANT_LINEAR, 0, 0, 1000, 1 << 30, 32, -100, 1 },
		{ INKLING_QUANT_ONEHOT, 1, 0, 2, 127, 0, 0, 3 },
	};
	const struct ink_builder_dense d = {
		.n = 4, .m = 2, .weights = w, .bias = bias, .mult = mult, .shift = shift,
		.lowest = INT32_MIN, .highest = INT32_MAX,
	};
	struct ink_builder *b = ink_builder_new();
	uint32_t in, x, y, p;

	assert_non_null(b);
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "small");
	assert_int_equal(ink_builder_class(b, "good"), 0);
	assert_int_equal(ink_builder_class(b, "bad"), 1);
	assert_int_equal(ink_builder_number(b, "size", 2), 0);
	assert_int_equal(ink_builder_category(b, "colour", colours, 3), 1);
	in = ink_builder_input(b, INKLING_INT32, 2);
	x = ink_builder_activation(b, INKLING_INT8, 4);
	ink_builder_quant(b, in, x, rows, 2);
	y = ink_builder_activation(b, INKLING_INT32, 2);
	ink_builder_dense(b, x, y, &d);
	p = ink_builder_activation(b, INKLING_INT16, 2);
	ink_builder_op(b, INKLING_OP_SOFTMAX, p, &y, 1, scale, 2);
	ink_builder_io(b, in, p, INKLING_HEAD_CLASSES, 16384);
	return b;
}

static void expect_accepted(const void *image, size_t size)
{
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(image, size, &why);

	if (!g)
		fail_msg("%s: %s", ink_rule_name(why.rule), why.text);
	ink_graph_free(g);
}

static void test_accepted(void **state)
{
	struct ink_builder *b = small();
	struct inkling_header *h;
	struct ink_why why;
	struct ink_graph *g;
	void *image;
	size_t size, end = sizeof(*h);
	int i;

	assert_int_equal(ink_builder_finish(b, &image, &size), 0);
	h = image;
	assert_int_equal(h->file_size, size);
	for (i = 0; i < INKLING_SEC_NR; i++) {
		assert_int_equal(h->section[i].offset, (end + 63) / 64 * 64);
		end = h->section[i].offset + h->section[i].size;
	}
	assert_int_equal(end, size);
	g = ink_graph_parse(image, size, &why);
	if (!g)
		fail_msg("%s: %s", ink_rule_name(why.rule), why.text);
	assert_int_equal(h->n_features, 2);
	assert_int_equal(h->n_names, 3);
	assert_string_equal(g->features[1].name, "colour");
	assert_string_equal(g->names[2].name, "blue");
	assert_int_equal(g->macs, 8);
	ink_graph_free(g);
	free(image);
	ink_builder_free(b);
}

static void test_same_bytes(void **state)
{
	struct ink_builder *b = small(), *c = small();
	void *p, *q, *r;
	size_t n, m, k;

	assert_int_equal(ink_builder_finish(b, &p, &n), 0);
	assert_int_equal(ink_builder_finish(c, &q, &m), 0);
	assert_int_equal(ink_builder_finish(b, &r, &k), 0);	/* once more */
	assert_int_equal(n, m);
	assert_int_equal(n, k);
	assert_memory_equal(p, q, n);
	assert_memory_equal(p, r, n);
	free(p);
	free(q);
	free(r);
	ink_builder_free(b);
	ink_builder_free(c);
}

static void test_seal(void **state)
{
	struct ink_builder *b = small();
	struct inkling_header *h;
	struct ink_why why;
	void *image;
	size_t size;

	assert_int_equal(ink_builder_finish(b, &image, &size), 0);
	h = image;
	h->threshold = 5;
	assert_null(ink_graph_parse(image, size, &why));
	assert_int_equal(why.rule, INK_RULE_DIGEST);
	ink_image_seal(image, size);
	expect_accepted(image, size);
	((char *)image)[h->section[INKLING_SEC_NAMES].offset] = 'R';
	assert_int_not_equal(h->schema, ink_image_schema(image, size));
	ink_image_seal(image, size);
	assert_int_equal(h->schema, ink_image_schema(image, size));
	expect_accepted(image, size);
	/* Sections that lie outside must not be followed. */
	h->section[INKLING_SEC_NAMES].offset = UINT64_MAX - 8;
	assert_int_equal(ink_image_schema(image, size), 0);
	ink_image_seal(image, size);
	ink_image_seal(image, 17);
	free(image);
	ink_builder_free(b);
}

static void test_errors_stick(void **state)
{
	struct ink_builder *b = small();
	char text[80];
	void *image = NULL;
	size_t size;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_null(ink_builder_error(b));
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", text);
	assert_non_null(strstr(ink_builder_error(b), "name is 79 bytes long"));
	ink_builder_class(b, text);
	assert_non_null(strstr(ink_builder_error(b), "name is 79 bytes long"));
	assert_int_equal(ink_builder_activation(b, INKLING_INT8, 1), INKLING_NONE);
	assert_int_equal(ink_builder_finish(b, &image, &size), -E2BIG);
	assert_null(image);
	ink_builder_free(b);
}

static void test_limits(void **state)
{
	struct ink_builder *b = ink_builder_new();
	const uint32_t huge[3] = { 65535, 65535, 65535 }, in[7] = { 0 };
	uint32_t i;

	assert_non_null(b);
	for (i = 0; i < INKLING_MAX_CLASSES; i++)
		ink_builder_class(b, "c");
	assert_null(ink_builder_error(b));
	ink_builder_class(b, "one more");
	assert_non_null(strstr(ink_builder_error(b), "one more"));
	ink_builder_free(b);

	b = ink_builder_new();
	assert_int_equal(ink_builder_const(b, INKLING_INT32, 3, huge, ""), INKLING_NONE);
	assert_non_null(ink_builder_error(b));
	ink_builder_free(b);

	b = ink_builder_new();
	assert_int_equal(ink_builder_op(b, INKLING_OP_CONCAT, 0, in, 7, NULL, 0), INKLING_NONE);
	assert_non_null(strstr(ink_builder_error(b), "7 inputs"));
	ink_builder_free(b);
}

static void test_text(void **state)
{
	struct ink_builder *b = small();
	void *image;
	size_t size;

	ink_builder_text(b, ink_builder_card(b)->description, 256, "description",
			 "two\nlines, a \x1b[31mcolour and caf\xc3\xa9");
	assert_string_equal(ink_builder_card(b)->description,
			    "two lines, a  [31mcolour and caf??");
	assert_int_equal(ink_builder_finish(b, &image, &size), 0);
	expect_accepted(image, size);
	free(image);
	ink_builder_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted), cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_seal), cmocka_unit_test(test_errors_stick),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
