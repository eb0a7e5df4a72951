// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fixed-point arithmetic of fixed.h.
 *
 * What lives here: the table of exponentials computed again, rounding, the
 * logarithm and the exponential against their definitions and against real
 * numbers. What doesn't: operators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "models.h"
#include "fixed.h"

static void test_table(void **state)
{
	u32 i;

	for (i = 0; i <= 256; i++)
		assert_int_equal(ink_exp2_table[i],
				 llroundl(ldexpl(exp2l(-(long double)i / 256), 30)));
}

static void test_clamp(void **state)
{
	assert_int_equal(ink_clamp32(S64_MAX, S32_MIN, S32_MAX), S32_MAX);
	assert_int_equal(ink_clamp32(S64_MIN, S32_MIN, S32_MAX), S32_MIN);
	assert_int_equal(ink_clamp32((s64)1 << 32, -5, 5), 5);
	assert_int_equal(ink_clamp32(-6, -5, 5), -5);
	assert_int_equal(ink_clamp32(4, -5, 5), 4);
	assert_int_equal(ink_clamp32(4, 7, 7), 7);
}

static void test_round(void **state)
{
	struct ink_rand r = { 3 };
	u32 i, shift;
	s64 x;

	assert_int_equal(ink_round_shift(1, 1), 1);
	assert_int_equal(ink_round_shift(-1, 1), 0);
	assert_int_equal(ink_round_shift(-3, 1), -1);
	assert_int_equal(ink_round_shift(((s64)1 << 62) - 1, 62), 1);
	assert_int_equal(ink_round_shift(-((s64)1 << 62), 62), -1);
	assert_int_equal(ink_round_shift(((s64)1 << 61) - 1, 62), 0);
	assert_int_equal(ink_round_shift((s64)1 << 61, 62), 1);
	assert_int_equal(ink_round_shift(-((s64)1 << 61), 62), 0);
	assert_int_equal(ink_round_shift(-((s64)1 << 61) - 1, 62), -1);
	assert_int_equal(ink_round_shift_u(((u64)1 << 63) - 1, 62), 2);
	assert_int_equal(ink_round_shift_u(((u64)1 << 63) - 1, 1), (u64)1 << 62);
	assert_int_equal(ink_requant(S32_MAX, S32_MAX, 31), 2147483646);
	assert_int_equal(ink_requant(-S32_MAX, S32_MAX, 31), -2147483646);
	/* floor(x / 2^s + 1/2), in wider integers */
	for (i = 0; i < 100000; i++) {
		shift = 1 + ink_rand_below(&r, 62);
		x = (s64)ink_rand_next(&r) >> (2 + ink_rand_below(&r, 60));
		assert_int_equal(ink_round_shift(x, shift),
				 (s64)(((__int128)x * 2 + ((__int128)1 << shift)) >> (shift + 1)));
	}
}

static void check_log2(u64 v)
{
	u32 e = 0, y = ink_log2_q16(v);
	double err;

	while (v >> e > 1)
		e++;
	assert_int_equal(y >> 16, e);
	assert_int_equal(y & 0xffff, (((__int128)v << 16) >> e) & 0xffff);
	/* Never above, at most 0.0861 and a step below. */
	err = log2((double)v) - y / 65536.0;
	assert_true(err > -1e-13 && err < 0.0861 + 1 / 65536.0);
}

static void test_log2(void **state)
{
	struct ink_rand r = { 4 };
	u32 i, last = 0;
	u64 v;

	assert_int_equal(ink_log2_q16(1), 0);
	assert_int_equal(ink_log2_q16(2), 65536);
	assert_int_equal(ink_log2_q16(3), 65536 + 32768);
	assert_int_equal(ink_log2_q16(1ull << 32), 32 * 65536);
	assert_int_equal(ink_log2_q16((1ull << 32) - 1), 32 * 65536 - 1);
	for (v = 1; v < 300000; v++) {
		check_log2(v);
		assert_in_range(ink_log2_q16(v), last, U32_MAX);
		last = ink_log2_q16(v);
	}
	for (i = 0; i < 32; i++) {
		check_log2(1ull << i);
		check_log2((1ull << (i + 1)) - 1);
		check_log2((1ull << i) | 1);
	}
	for (i = 0; i < 100000; i++)
		check_log2(1 + (ink_rand_next(&r) >> (32 + ink_rand_below(&r, 31))));
}

static void test_exp2(void **state)
{
	u32 last = U32_MAX, y;
	double want;
	u64 t;

	assert_int_equal(ink_exp2_q30(0), 1 << 30);
	assert_int_equal(ink_exp2_q30(65536), 1 << 29);
	assert_int_equal(ink_exp2_q30(30 * 65536), 1);
	assert_int_equal(ink_exp2_q30(31 * 65536 - 1), 0);
	assert_int_equal(ink_exp2_q30(31 * 65536), 0);
	assert_int_equal(ink_exp2_q30(S64_MAX), 0);
	assert_int_equal(ink_exp2_q30((u64)1 << 32), 0);
	for (t = 0; t < 32 * 65536; t++) {
		y = ink_exp2_q30(t);
		assert_true(y <= last);
		last = y;
		want = ldexp(exp2(-(double)t / 65536), 30);
		/* The chord's error is 2^30 (ln 2 / 256)^2 / 8, 984; then cut by the shift. */
		assert_true(fabs(want - y) <= ldexp(985, -(int)(t >> 16)) + 1.5);
	}
}

static void check_sqrt(u64 v)
{
	u64 root = ink_sqrt64_top(v);

	assert_true(root * root <= v && (root == U32_MAX || (root + 1) * (root + 1) > v));
}

static void test_sqrt(void **state)
{
	struct ink_rand r = { 5 };
	u64 i;

	for (i = 0; i < 192; i++) {
		assert_int_equal(ink_sqrt_table[i], fmin(round(16 * sqrt((double)i + 64.5)), 255));
		check_sqrt((i + 64) << 56);
		check_sqrt(((i + 64) << 56) + ((1ull << 56) - 1));
	}
	check_sqrt(U64_MAX);
	for (i = 1ull << 31; i < 1ull << 32; i += 1 + ink_rand_below(&r, 4000)) {
		check_sqrt(i * i);
		check_sqrt(i * i + 2 * i);
		if (i * i > 1ull << 62)
			check_sqrt(i * i - 1);
	}
	for (i = 0; i < 1000000; i++)
		check_sqrt(ink_rand_next(&r) | 1ull << 62);
}

/* All fractions, all whole numbers: 2 units of 2^-15 at most, and what the shift cuts off. */
static void test_exp2_q20(void **state)
{
	double worst = 0, err;
	u32 t, y;

	for (t = 0; t < 34u << 15; t++) {
		y = ink_exp2_q20(t);
		err = fabs(ldexp(exp2(-(t / 32768.0)), 20) - y);
		assert_true(y < 1u << 20);
		assert_true(err <= ldexp(2 * 32, -(int)(t >> 15)) + 1);
		if (t < 32768)
			worst = fmax(worst, err / 32);
	}
	print_message("# exp2_q20: at most %.3f units of 2^-15\n", worst);
	assert_true(worst > 1 && worst <= 2);
	assert_int_equal(ink_exp2_q20(21u << 15), 0);
	assert_int_equal(ink_exp2_q20(U32_MAX), 0);
}

/* A share is within 1.6 units of 2^-15 of weight / sum, and all of them within a unit each of 1. */
static void test_share(void **state)
{
	struct ink_rand r = { 5 };
	u32 weight[4096], n, i, k;
	double worst = 0;

	for (k = 0; k < 20000; k++) {
		u32 sum = weight[0] = (1u << 20) - 32, bits = ink_rand_below(&r, 21);
		struct ink_share s;
		s64 all = 0;

		n = 1 + ink_rand_below(&r, k % 8 ? 40 : ARRAY_SIZE(weight));
		for (i = 1; i < n; i++) {
			weight[i] = k % 16 == 0 ? weight[0] : k % 16 == 8 ? 16 :
				    min(ink_rand_below(&r, 1u << bits), weight[0]);
			sum += weight[i];
		}
		s = ink_share_of(sum);
		for (i = 0; i < n; i++) {
			s32 y = ink_share(s, weight[i]);

			worst = fmax(worst, fabs(y - 32768.0 * weight[i] / sum));
			assert_in_range(y, 0, 32767);
			all += y;
		}
		/* What verify_seq.c builds on. */
		assert_true(all <= 32770 + (s64)n + n / 512);
		assert_true(all >= 32767 - (s64)n - n / 512);
	}
	print_message("# share: at most %.3f units of 2^-15\n", worst);
	assert_true(worst <= 1.6);
}

/* Nearest to the reciprocal, but for what is beyond the ends of 2^14 to 2^15. */
static void test_reciprocal(void **state)
{
	struct ink_rand r = { 6 };
	double worst = 0, want;
	struct ink_share s;
	u32 sum, i;

	for (i = 0; i < 1 << 24; i++) {
		sum = (1u << 20) - 32 + i;
		if (i >= 1 << 23)
			sum = max(sum, ink_rand_below(&r, U32_MAX) + 1);
		s = ink_share_of(sum);
		want = ldexp(1, (int)s.shift + 20) / sum;
		worst = fmax(worst, fabs(s.reciprocal - want));
		assert_in_range(s.reciprocal, 1 << 14, 1 << 15);
	}
	print_message("# reciprocal: at most %.3f units\n", worst);
	assert_true(worst <= 0.5001);
}

static u64 some_64(struct ink_rand *r)
{
	return ink_rand_next(r) >> ink_rand_below(r, 64);
}

/* @worst: relative; @units: of the multiplier */
static void check_rsqrt(u64 v, long double *worst, long double *units)
{
	struct ink_rsqrt y = ink_rsqrt64(v);
	double want = (double)ldexpl(1 / sqrtl(v), 62 - (int)y.up);

	assert_in_range(y.mult, 1u << 30, S32_MAX);
	assert_in_range(y.up, 0, 31);
	*worst = fmaxl(*worst, fabsl(y.mult / want - 1));
	*units = fmaxl(*units, fabsl(y.mult - want));
}

static void test_rsqrt(void **state)
{
	long double worst = 0, units = 0;
	struct ink_rand r = { 7 };
	u32 i;

	for (i = 1; i < 1 << 20; i++) {
		check_rsqrt(i, &worst, &units);
		check_rsqrt(some_64(&r) | 1, &worst, &units);
		check_rsqrt(U64_MAX - i, &worst, &units);
	}
	for (i = 0; i < 64; i++) {
		check_rsqrt(1ull << i, &worst, &units);
		check_rsqrt((2ull << i) - 1 ?: 1, &worst, &units);
	}
	print_message("# rsqrt: at most %.3Lf parts of 2^30, %.3Lf units\n", ldexpl(worst, 30), units);
	assert_true(worst <= ldexpl(1.5, -30) && units <= 2);
}

static void test_log2_exact(void **state)
{
	struct ink_rand r = { 8 };
	u32 last = 0, i, y;
	double worst = 0;
	u64 v;

	for (i = 0; i <= 256; i++)
		assert_int_equal(ink_log2_table[i], llroundl(ldexpl(log2l(1 + (long double)i / 256), 24)));
	/* Only the 24 bits below the highest count: all that they can be, and both ends of what else there is. */
	for (v = 1 << 24; v < 2 << 24; v++) {
		y = ink_log2_exact_q16(v << 39);
		assert_true(y >= last);
		last = y;
		assert_int_equal(ink_log2_exact_q16(((v + 1) << 39) - 1), y);
		worst = fmax(worst, fmax(fabs(log2((double)v) * 65536 + 39 * 65536. - y),
					 fabs(log2((double)v + 1) * 65536 + 39 * 65536. - y)));
	}
	for (i = 0; i < 1 << 20; i++) {
		v = some_64(&r) ?: 1;
		worst = fmax(worst, fabs((double)(log2l(v) * 65536 - ink_log2_exact_q16(v))));
	}
	for (i = 0; i < 64; i++)
		assert_int_equal(ink_log2_exact_q16(1ull << i), i << 16);
	print_message("# log2_exact: at most %.3f units of 2^-16\n", worst);
	assert_true(worst <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_log2),
		cmocka_unit_test(test_exp2),
		cmocka_unit_test(test_exp2_q20),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_reciprocal),
		cmocka_unit_test(test_sqrt),
		cmocka_unit_test(test_rsqrt),
		cmocka_unit_test(test_log2_exact),
	};

	return cmocka_run_group_tests_name("fixed point", tests, NULL, NULL);
}
