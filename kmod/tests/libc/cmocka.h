/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of cmocka as the engine's unit tests use, on top of KUnit.
 *
 * What lives here: assertions, which end the current KUnit test, and tables of
 * tests, which are collected instead of run: each entry becomes a parameter of
 * a KUnit case (cmocka.c). What doesn't: mocks, and fixtures of single tests.
 */
#ifndef INK_TEST_CMOCKA_H
#define INK_TEST_CMOCKA_H

#include "libc.h"

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	void *initial_state;
};

#define cmocka_unit_test(f)	{ .name = #f, .test_func = f }

/* The group's tests are copied; @setup runs once, before all of them. Return: 0. */
int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t n,
			    int (*setup)(void **state), int (*teardown)(void **state));

#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
	_cmocka_run_group_tests(name, tests, ARRAY_SIZE(tests), setup, teardown)
#define cmocka_run_group_tests(tests, setup, teardown) \
	cmocka_run_group_tests_name(#tests, tests, setup, teardown)

/* Of a test file; each is given a name of its own by the compiler's -Dmain=. */
int main(void);

void print_message(const char *fmt, ...) __printf(1, 2);
void skip(void) __noreturn;

#define fail_msg(...)		ink_libc_abort(__FILE__, __LINE__, __VA_ARGS__)
#define assert_true(x)		assert(x)
#define assert_non_null(p)	assert(p)
#define assert_null(p)		assert(!(p))
#define assert_ptr_equal(a, b)	assert((const void *)(a) == (const void *)(b))

#define ink_cmocka_number(a, b, is)						\
do {										\
	u64 _a = (u64)(a), _b = (u64)(b);					\
										\
	if (!(_a is _b))							\
		fail_msg("%s (%lld) " #is " %s (%lld) is false", #a, _a, #b, _b);	\
} while (0)
#define assert_int_equal(a, b)		ink_cmocka_number(a, b, ==)
#define assert_int_not_equal(a, b)	ink_cmocka_number(a, b, !=)
#define assert_in_range(v, lo, hi)						\
do {										\
	u64 _v = (u64)(v);							\
										\
	ink_cmocka_number(_v, lo, >=);						\
	ink_cmocka_number(_v, hi, <=);						\
} while (0)
#define assert_string_equal(a, b)	assert(!strcmp(a, b))
#define assert_string_not_equal(a, b)	assert(strcmp(a, b))
#define assert_memory_equal(a, b, n)	assert(!memcmp(a, b, n))

#endif /* INK_TEST_CMOCKA_H */
