// SPDX-License-Identifier: GPL-2.0-only
/*
 * The measures that inkling eval prints, against their definitions.
 *
 * What lives here: tests of tools/inkling/metrics.c. What doesn't: eval's
 * reading and printing.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "metrics.h"

#define N	300

static void test_counts(void **state)
{
	static const uint32_t label[] = { 0, 0, 0, 0, 1, 1, 2, 2 };
	static const uint32_t flagged[] = { 0, 0, 0, 1, 1, 0, 1, 2 };
	static const double score[] = { 1, 2, 3, 9, 8, 4, 7, 6 };
	struct ink_metrics m;

	ink_metrics_compute(&m, label, flagged, score, 8);
	assert_int_equal(m.benign, 4);
	assert_int_equal(m.harmful, 4);
	assert_int_equal(m.false_alarms, 1);
	assert_int_equal(m.caught, 3);
	assert_true(m.accuracy == 6.0 / 8);
	assert_true(m.false_alarm_rate == 0.25);
	assert_true(m.recall == 0.75);
	assert_true(m.precision == 0.75);
	assert_true(fabs(m.f1 - 0.75) < 1e-12);
	assert_true(m.auc == 12.0 / 16);
}

static void test_nothing_to_divide(void **state)
{
	static const uint32_t benign[] = { 0, 0 };
	static const double score[] = { 1, 2 };
	struct ink_metrics m;

	ink_metrics_compute(&m, benign, benign, score, 2);
	assert_true(isnan(m.recall));
	assert_true(isnan(m.precision));
	assert_true(isnan(m.auc));
	assert_true(m.false_alarm_rate == 0);
	assert_true(m.accuracy == 1);
}

/* All pairs, as the definition has it; few different scores, so many ties. */
static void test_auc(void **state)
{
	uint32_t label[N];
	double score[N], pairs, count;
	struct ink_metrics m;
	int round, i, k;

	srand(7);
	for (round = 0; round < 50; round++) {
		for (i = 0; i < N; i++) {
			label[i] = rand() % 3;
			score[i] = rand() % (round + 2) + (label[i] ? 1 : 0);
		}
		pairs = count = 0;
		for (i = 0; i < N; i++)
			for (k = 0; k < N; k++)
				if (label[i] && !label[k]) {
					count++;
					pairs += score[i] > score[k] ? 1 : score[i] == score[k] ? 0.5 : 0;
				}
		ink_metrics_compute(&m, label, label, score, N);
		assert_true(fabs(m.auc - pairs / count) < 1e-12);
	}
}

static size_t alarms(const uint32_t *label, const double *score, double threshold)
{
	size_t i, n = 0;

	for (i = 0; i < N; i++)
		n += label[i] == 0 && score[i] >= threshold;
	return n;
}

/* Never more false alarms than allowed, and no lower threshold does it. */
static void test_threshold(void **state)
{
	uint32_t label[N];
	double score[N], rate;
	size_t i, benign, allowed;
	int64_t t;
	int round;

	srand(8);
	for (round = 0; round < 200; round++) {
		for (i = 0, benign = 0; i < N; i++) {
			label[i] = rand() % 2;
			score[i] = rand() % (round * 10 + 2);
			benign += label[i] == 0;
		}
		rate = (rand() % 101) / 100.0;
		allowed = (size_t)floor(rate * (double)benign + 1e-9);
		t = ink_metrics_threshold(label, score, N, rate);
		assert_true(alarms(label, score, (double)t) <= allowed);
		if (allowed < benign)
			assert_true(alarms(label, score, (double)t - 1) > allowed);
		else
			assert_int_equal(alarms(label, score, (double)t), benign);
	}
	for (i = 0; i < N; i++)
		label[i] = 1;
	assert_true(ink_metrics_threshold(label, score, N, 0.5) == INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_nothing_to_divide),
		cmocka_unit_test(test_auc),
		cmocka_unit_test(test_threshold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
