/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What unit_kunit.c asks of cmocka.c: a file of unit tests as a KUnit suite.
 */
#ifndef INK_TEST_COLLECT_H
#define INK_TEST_COLLECT_H

#include <kunit/test.h>

/* main() of tests/unit/test_NAME.c, which hands its tests over. */
int ink_unit_verify_file(void);
int ink_unit_verify_tensor(void);
int ink_unit_verify_ops(void);
int ink_unit_verify_seq(void);
int ink_unit_verify_proof(void);
int ink_unit_plan(void);
int ink_unit_plan_seq(void);
int ink_unit_exact(void);
int ink_unit_exact_seq(void);

/* Collect the tests of a file by calling its main(). Return: 0 or a negative errno. */
int ink_cmocka_collect(int (*collect)(void));
void ink_cmocka_drop(struct kunit_suite *suite);

/* For KUNIT_CASE_PARAM(): one of the collected tests, and the next of them. */
void ink_cmocka_test(struct kunit *test);
const void *ink_cmocka_next(const void *prev, char *desc);

#endif /* INK_TEST_COLLECT_H */
