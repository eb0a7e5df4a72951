// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers, categories and CSV files: what becomes of text.
 *
 * What lives here: tests of value.c, csv.c and csv_raw.c. What doesn't: what
 * a model makes of a raw feature.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "inkling.h"

struct number {
	const char *text;
	unsigned int decimals;
	int32_t raw;
};

static void test_numbers(void **state)
{
	static const struct number cases[] = {
		{ "0", 0, 0 }, { "-0", 0, 0 }, { "7", 0, 7 }, { "+7", 0, 7 }, { "-7", 0, -7 },
		{ "0.05", 2, 5 }, { ".05", 2, 5 }, { "5.", 0, 5 }, { " 12\t", 0, 12 },
		{ "000012", 0, 12 }, { "0.29", 2, 29 },	/* 28.999... as a double */
		{ "1.005", 2, 100 },			/* a tie, to even */
		{ "1.015", 2, 102 }, { "1.0150001", 2, 102 }, { "1.0149999", 2, 101 },
		{ "0.5", 0, 0 }, { "1.5", 0, 2 }, { "2.5", 0, 2 }, { "-0.5", 0, 0 }, { "-1.5", 0, -2 },
		{ "0.50000000000000000000000000000000000000001", 0, 1 },
		{ "1e3", 0, 1000 }, { "1E+3", 0, 1000 }, { "1e-5", 9, 10000 }, { "12.5e-1", 2, 125 },
		{ "1e-400", 9, 0 }, { "0e999999999999", 0, 0 }, { "1e-999999999999", 0, 0 },
		{ "2147483647", 0, INT32_MAX }, { "2147483647.4", 0, INT32_MAX },
		{ "2147483647.5", 0, INT32_MAX }, { "2147483648", 0, INT32_MAX },
		{ "-2147483648", 0, INT32_MIN }, { "-2147483649", 0, INT32_MIN },
		{ "9999999999", 0, INT32_MAX }, { "1e400", 0, INT32_MAX }, { "-1e999999999999", 0, INT32_MIN },
		{ "2.147483647", 9, INT32_MAX }, { "3", 9, INT32_MAX }, { "0.000000001", 9, 1 },
		{ "123456789012345678901234567890e-21", 0, 123456789 },
	};
	int32_t raw;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		raw = 42;
		if (ink_number_parse(cases[i].text, cases[i].decimals, &raw) || raw != cases[i].raw)
			fail_msg("\"%s\" with %u decimals gave %d, not %d", cases[i].text,
				 cases[i].decimals, raw, cases[i].raw);
	}
}

static void test_not_numbers(void **state)
{
	static const char * const cases[] = {
		"", " ", "-", "+", ".", "-.", "e5", "1e", "1e+", "1..2", "1.2.3", "0x10", "nan", "inf",
		"Infinity", "1 2", "1,5", "--1", "1e1.5", "12a", "a12", "\xc3\xa9",
	};
	int32_t raw;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (ink_number_parse(cases[i], 2, &raw) != -EINVAL)
			fail_msg("\"%s\" was taken for a number", cases[i]);
		assert_int_equal(ink_failure_last()->code, EINVAL);
	}
}

/* Against 128-bit arithmetic, for numbers of up to 18 digits. */
static void test_numbers_random(void **state)
{
	static const long long pow10[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
					   100000000, 1000000000 };
	unsigned int i, places, decimals;
	__int128 exact, half, whole;
	unsigned long long x = 88172645463325252ull;
	long long digits;
	char text[64];
	int32_t raw;

	for (i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		places = x % 10;
		decimals = x / 16 % 10;
		digits = (long long)(x >> (x / 256 % 48 + 4));
		if (digits > 999999999999999999ll)
			digits /= 10;
		snprintf(text, sizeof(text), "%s%lld.%0*lld", x & 1 << 20 ? "-" : "",
			 digits / pow10[places], (int)places, digits % pow10[places]);
		if (!places)
			*strchr(text, '.') = '\0';
		exact = (__int128)digits * pow10[decimals];
		whole = exact / pow10[places];
		half = (exact % pow10[places]) * 2 - pow10[places];
		whole += half > 0 || (half == 0 && whole & 1);
		if (x & 1 << 20)
			whole = -whole;
		whole = whole > INT32_MAX ? INT32_MAX : whole < INT32_MIN ? INT32_MIN : whole;
		assert_int_equal(ink_number_parse(text, decimals, &raw), 0);
		if (raw != (int32_t)whole)
			fail_msg("\"%s\" with %u decimals gave %d, not %d", text, decimals, raw,
				 (int32_t)whole);
	}
}

static const struct inkling_feature features[] = {
	{ .name = "rate", .decimals = 1 },
	{ .name = "proto", .kind = INKLING_FEATURE_CATEGORY, .first_name = 1, .n_names = 2 },
	{ .name = "n" },
};
static const struct inkling_name names[] = { { "other" }, { "tcp" }, { "udp" } };

static void test_categories(void **state)
{
	int32_t raw;

	assert_int_equal(ink_value_parse(&features[1], names, "tcp", &raw), 0);
	assert_int_equal(raw, 0);
	assert_int_equal(ink_value_parse(&features[1], names, "udp", &raw), 0);
	assert_int_equal(raw, 1);
	/* "other" is a name, but not of this feature. */
	assert_int_equal(ink_value_parse(&features[1], names, "other", &raw), 0);
	assert_int_equal(raw, 2);
	assert_int_equal(ink_value_parse(&features[1], names, "", &raw), 0);
	assert_int_equal(raw, 2);
	assert_int_equal(ink_value_parse(&features[0], names, "0.25", &raw), 0);
	assert_int_equal(raw, 2);
}

/* A file with @text; the caller unlinks *@path. */
static char path[] = "/tmp/ink-test-csv-XXXXXX";

static void write_file(const char *text, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static struct ink_csv *open_text(const char *text)
{
	write_file(text, strlen(text));
	return ink_csv_open(path, NULL);
}

static void test_csv_rows(void **state)
{
	struct ink_csv *csv = open_text("\xef\xbb\xbf" "n, extra ,\"proto\",rate\r\n"
					"1,\"a, \"\"b\"\"\nc\",tcp,0.5\r\n"
					"\r\n"
					"-2,,sctp,1e1");
	int32_t raw[3];

	assert_non_null(csv);
	assert_int_equal(ink_csv_columns(csv), 4);
	assert_string_equal(ink_csv_column_name(csv, 0), "n");
	assert_int_equal(ink_csv_column(csv, "extra"), 1);
	assert_int_equal(ink_csv_bind(csv, features, 3, names, 3), 0);
	assert_int_equal(ink_csv_next(csv), 1);
	assert_int_equal(ink_csv_line(csv), 2);
	assert_string_equal(ink_csv_field(csv, 1), "a, \"b\"\nc");
	assert_null(ink_csv_field(csv, 4));
	assert_int_equal(ink_csv_raw(csv, raw), 0);
	assert_int_equal(raw[0], 5);
	assert_int_equal(raw[1], 0);
	assert_int_equal(raw[2], 1);
	assert_int_equal(ink_csv_next(csv), 1);
	assert_int_equal(ink_csv_line(csv), 5);
	assert_int_equal(ink_csv_raw(csv, raw), 0);
	assert_int_equal(raw[0], 100);
	assert_int_equal(raw[1], 2);
	assert_int_equal(raw[2], -2);
	assert_int_equal(ink_csv_next(csv), 0);
	assert_int_equal(ink_csv_position(csv), ink_csv_size(csv));
	ink_csv_close(csv);
}

static void test_csv_without_header(void **state)
{
	struct ink_csv *csv;
	int32_t raw[3];

	write_file("3,udp,7\n", 8);
	csv = ink_csv_open(path, "rate,proto,n");
	assert_non_null(csv);
	assert_int_equal(ink_csv_bind(csv, features, 3, names, 3), 0);
	assert_int_equal(ink_csv_next(csv), 1);
	assert_int_equal(ink_csv_line(csv), 1);
	assert_int_equal(ink_csv_raw(csv, raw), 0);
	assert_int_equal(raw[0], 30);
	assert_int_equal(raw[2], 7);
	assert_int_equal(ink_csv_next(csv), 0);
	ink_csv_close(csv);
}

static void test_csv_columns(void **state)
{
	struct ink_csv *csv = open_text("rate,n\n1,2\n");

	assert_non_null(csv);
	assert_int_equal(ink_csv_bind(csv, features, 3, names, 3), -ENOENT);
	assert_non_null(strstr(ink_failure_last()->text, "\"proto\""));
	assert_non_null(strstr(ink_failure_last()->hint, "rate, n"));
	assert_int_equal(ink_csv_next(csv), 1);
	assert_int_equal(ink_csv_raw(csv, &(int32_t){ 0 }), -EINVAL);	/* not bound */
	ink_csv_close(csv);

	csv = open_text("rate,proto,n,rate\n");
	assert_int_equal(ink_csv_bind(csv, features, 3, names, 3), -EINVAL);
	assert_non_null(strstr(ink_failure_last()->text, "two columns"));
	/* Categories outside of the names. */
	assert_int_equal(ink_csv_bind(csv, features, 3, names, 2), -EINVAL);
	ink_csv_close(csv);
}

struct malformed {
	const char *text;
	size_t size;
	uint64_t line;
	const char *says;
};

#define TEXT(s)	s, sizeof(s) - 1

static void test_csv_malformed(void **state)
{
	static const struct malformed cases[] = {
		{ TEXT("a,b\n1\n"), 2, "1 fields" },
		{ TEXT("a,b\n1,2\n1,2,3\n"), 3, "3 fields" },
		{ TEXT("a,b\n\"1,2\n"), 2, "quoted" },
		{ TEXT("a,b\n\"1\"x,2\n"), 2, "behind the closing quote" },
		{ TEXT("a,b\n1,2\0\n"), 2, "zero byte" },
		{ TEXT("a,b\n1\r,2\n"), 2, "carriage return" },
	};
	struct ink_csv *csv;
	size_t i;
	int err;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(cases[i].text, cases[i].size);
		csv = ink_csv_open(path, NULL);
		assert_non_null(csv);
		while ((err = ink_csv_next(csv)) > 0)
			;
		assert_int_equal(err, -EINVAL);
		assert_int_equal(ink_failure_last()->line, cases[i].line);
		if (!strstr(ink_failure_last()->text, cases[i].says))
			fail_msg("case %zu says: %s", i, ink_failure_last()->text);
		ink_csv_close(csv);
	}
	assert_null(open_text(""));
	assert_null(open_text("\n\n"));
	assert_null(ink_csv_open("/nonexistent/x.csv", NULL));
	assert_int_equal(errno, ENOENT);
	assert_null(ink_csv_open("/", NULL));
	assert_null(ink_csv_open(path, ""));
}

static void test_csv_value_message(void **state)
{
	struct ink_csv *csv = open_text("rate,proto,n\n1,tcp,2\n1,tcp,x\ty\x01\n");
	int32_t raw[3];

	assert_int_equal(ink_csv_bind(csv, features, 3, names, 3), 0);
	assert_int_equal(ink_csv_next(csv), 1);
	assert_int_equal(ink_csv_raw(csv, raw), 0);
	assert_int_equal(ink_csv_next(csv), 1);
	assert_int_equal(ink_csv_raw(csv, raw), -EINVAL);
	assert_int_equal(ink_failure_last()->line, 3);
	assert_non_null(strstr(ink_failure_last()->text, "line 3: column n: \"x?y?\" isn't a number"));
	ink_csv_close(csv);
}

/* A quote that is never closed must not take all memory. */
static void test_csv_endless_field(void **state)
{
	size_t size = 6u << 20;
	char *text = malloc(size);
	struct ink_csv *csv;

	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text, "a\n\"", 3);
	write_file(text, size);
	free(text);
	csv = ink_csv_open(path, NULL);
	assert_non_null(csv);
	assert_int_equal(ink_csv_next(csv), -EINVAL);
	assert_non_null(strstr(ink_failure_last()->text, "longer than"));
	ink_csv_close(csv);
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 || close(fd);
}

static int teardown(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_not_numbers),
		cmocka_unit_test(test_numbers_random),
		cmocka_unit_test(test_categories),
		cmocka_unit_test(test_csv_rows),
		cmocka_unit_test(test_csv_without_header),
		cmocka_unit_test(test_csv_columns),
		cmocka_unit_test(test_csv_malformed),
		cmocka_unit_test(test_csv_value_message),
		cmocka_unit_test(test_csv_endless_field),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
