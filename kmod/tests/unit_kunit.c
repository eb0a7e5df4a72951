// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's unit tests as KUnit suites.
 *
 * What lives here: which files of tests/unit run in the kernel, too: each kind
 * of image that the verifier has to refuse, plans, and every implementation
 * of every op against the specification. They are compiled from the very
 * sources that userspace runs. What doesn't: those that need floating point
 * (test_ops.c, test_ops_seq.c, test_fixed.c), and tests of the module, see the other *_kunit.c.
 */
#include "collect.h"

#define UNIT_SUITE(unit)							\
static int unit##_collect(struct kunit_suite *suite)				\
{										\
	return ink_cmocka_collect(ink_unit_##unit);				\
}										\
static struct kunit_case unit##_cases[] = {					\
	KUNIT_CASE_PARAM(ink_cmocka_test, ink_cmocka_next),			\
	{}									\
};										\
static struct kunit_suite unit##_suite = {					\
	.name = "inkling_" #unit,						\
	.suite_init = unit##_collect,						\
	.suite_exit = ink_cmocka_drop,						\
	.test_cases = unit##_cases,						\
}

UNIT_SUITE(verify_file);
UNIT_SUITE(verify_tensor);
UNIT_SUITE(verify_ops);
UNIT_SUITE(verify_seq);
UNIT_SUITE(verify_proof);
UNIT_SUITE(plan);
UNIT_SUITE(plan_seq);
UNIT_SUITE(exact);
UNIT_SUITE(exact_seq);

kunit_test_suites(&verify_file_suite, &verify_tensor_suite, &verify_ops_suite, &verify_seq_suite,
		  &verify_proof_suite, &plan_suite, &plan_seq_suite, &exact_suite,
		  &exact_seq_suite);
