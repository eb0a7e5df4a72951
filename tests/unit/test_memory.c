// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that runs out.
 *
 * What lives here: parsing and planning with each allocation failing in turn;
 * each time there has to be a refusal by rule "memory", and nothing may leak
 * (ASan looks at the end). What doesn't: anything with memory enough. The
 * engine is compiled with INK_PORT_ALLOC_HOOK for this program.
 */
#define INK_PORT_ALLOC_HOOK

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models.h"

static u32 allocations, failing;

bool ink_port_alloc_hook(size_t size)
{
	return ++allocations != failing;
}

/* Parse and plan with allocation @n failing, 0: none; true when all went well. */
static bool attempt(const struct image *img, u32 n, struct ink_why *why)
{
	struct ink_graph *g;
	struct ink_plan *plan;

	allocations = 0;
	failing = n;
	memset(why, 0xff, sizeof(*why));
	g = ink_graph_parse(img->p, img->size, why);
	plan = g ? ink_plan_build(g, ink_isa_best(), why) : NULL;
	ink_plan_free(plan);
	ink_graph_free(g);
	return plan;
}

static void each_fails(const struct image *img)
{
	struct ink_why why;
	u32 n, total;

	assert_true(attempt(img, 0, &why));
	assert_int_equal(why.rule, INK_RULE_NONE);
	total = allocations;
	assert_in_range(total, 6, 40);
	for (n = 1; n <= total; n++) {
		if (attempt(img, n, &why))
			fail_msg("allocation %u of %u failed and nobody noticed", n, total);
		assert_in_range(allocations, n, n + 2);	/* three may be asked for at once */
		assert_int_equal(why.rule, INK_RULE_MEMORY);
		assert_int_equal(why.op, INKLING_NONE);
		assert_int_equal(why.tensor, INKLING_NONE);
		assert_non_null(strstr(why.text, "no memory"));
	}
}

static void test_models(void **state)
{
	u32 i;

	for (i = 0; i < MODEL_NR; i++) {
		struct image img = model_image(i);

		each_fails(&img);
		image_free(&img);
	}
}

static void test_random(void **state)
{
	u64 seed;

	for (seed = 0; seed < 50; seed++) {
		struct image img = random_image(seed);

		each_fails(&img);
		image_free(&img);
	}
}

static void test_free_nothing(void **state)
{
	ink_graph_free(NULL);
	ink_plan_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_free_nothing),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
