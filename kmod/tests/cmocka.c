// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unit tests' C library and cmocka: what isn't inline.
 *
 * What lives here: memory whose end KASAN sees, failing, and the tests that a
 * file's main() hands over. What doesn't: which files those are, see
 * unit_kunit.c.
 *
 * Suites run one after the other, each from suite_init to suite_exit, so that
 * one list of tests is enough.
 */
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "libc/cmocka.h"
#include "collect.h"

/* In front of each piece: its size; as large as what tests align to. */
#define HEAD	64

void *ink_libc_alloc(size_t align, size_t size)
{
	size_t all = HEAD + size;
	u8 *p;

	/* A cache of kmalloc() aligns to 64 from 128 bytes on; larger sizes stay exact for KASAN. */
	if (align > 8)
		all = max(all, (size_t)128);
	p = kvmalloc(all, GFP_KERNEL | __GFP_NOWARN);
	if (!p)
		return NULL;
	if (align > HEAD || !IS_ALIGNED((unsigned long)p, align)) {
		kvfree(p);
		ink_libc_abort(__FILE__, __LINE__, "memory at %p, wanted a multiple of %zu", p, align);
	}
	*(size_t *)p = size;
	return p + HEAD;
}

void ink_libc_free(void *p)
{
	if (p)
		kvfree(p - HEAD);
}

void *ink_libc_grow(void *p, size_t size)
{
	void *to = ink_libc_alloc(1, size);

	if (to && p)
		memcpy(to, p, min(size, *(size_t *)(p - HEAD)));
	if (to)
		ink_libc_free(p);
	return to;
}

void ink_libc_abort(const char *file, int line, const char *fmt, ...)
{
	struct kunit *test = kunit_get_current_test();
	struct va_format text = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	text.va = &args;
	if (!test)	/* while tests are collected: nobody could go on */
		panic("%s:%d: %pV", file, line, &text);
	KUNIT_FAIL(test, "%s:%d: %pV", file, line, &text);
	va_end(args);
	__kunit_abort(test);
}

void print_message(const char *fmt, ...)
{
	struct va_format text = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	text.va = &args;
	pr_info("    # %pV", &text);
	va_end(args);
}

void skip(void)
{
	struct kunit *test = kunit_get_current_test();

	kunit_skip(test, "by the test");
	__kunit_abort(test);
}

struct collected {
	struct list_head node;
	struct CMUnitTest test;
};

static LIST_HEAD(collected);
static int collect_err;

int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t n,
			    int (*setup)(void **state), int (*teardown)(void **state))
{
	void *state = NULL;
	size_t i;

	if (setup && setup(&state))
		collect_err = -EINVAL;
	for (i = 0; i < n; i++) {
		struct collected *c = kzalloc(sizeof(*c), GFP_KERNEL);

		if (!c) {
			collect_err = -ENOMEM;
			break;
		}
		c->test = tests[i];
		list_add_tail(&c->node, &collected);
	}
	return 0;
}

int ink_cmocka_collect(int (*collect)(void))
{
	collect_err = 0;
	collect();
	if (!collect_err && list_empty(&collected))
		collect_err = -ENODATA;
	return collect_err;
}

void ink_cmocka_drop(struct kunit_suite *suite)
{
	struct collected *c, *next;

	list_for_each_entry_safe(c, next, &collected, node)
		kfree(c);
	INIT_LIST_HEAD(&collected);
}

const void *ink_cmocka_next(const void *prev, char *desc)
{
	const struct collected *c = prev;

	if (list_empty(&collected))
		return NULL;
	c = c ? list_next_entry(c, node) : list_first_entry(&collected, struct collected, node);
	if (list_entry_is_head(c, &collected, node))
		return NULL;
	strscpy(desc, c->test.name, KUNIT_PARAM_DESC_SIZE);
	return c;
}

void ink_cmocka_test(struct kunit *test)
{
	const struct collected *c = test->param_value;
	void *state;

	KUNIT_ASSERT_NOT_NULL(test, c);
	state = c->test.initial_state;
	c->test.test_func(&state);
}
