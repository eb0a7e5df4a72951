// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running the rows of verify_case.h, each as a cmocka test of its own.
 *
 * What lives here: applying patches, sealing, comparing what the verifier
 * said. What doesn't: the rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models_seq.h"
#include "verify_case.h"

static u8 *patch_base(struct image *img, const struct patch *p)
{
	switch (p->where) {
	case PATCH_HEADER:
		return img->p;
	case PATCH_CARD:
		return (u8 *)image_card(img);
	case PATCH_FEATURE:
		return (u8 *)image_feature(img, p->index);
	case PATCH_NAME:
		return (u8 *)image_name(img, p->index);
	case PATCH_TENSOR:
		return (u8 *)image_tensor(img, p->index);
	case PATCH_OP:
		return (u8 *)image_op(img, p->index);
	case PATCH_DATA:
		return image_data(img, p->index);
	default:
		return p->off < 0 ? img->p + img->size : img->p;
	}
}

static void grow(struct image *img, int by)
{
	struct image old = *img;
	size_t size = (size_t)((s64)old.size + by);

	assert_int_equal(posix_memalign((void **)&img->p, 64, size), 0);
	memset(img->p, 0, size);
	memcpy(img->p, old.p, min(size, old.size));
	img->size = size;
	image_header(img)->file_size = size;
	image_free(&old);
}

static void seal(struct image *img, const struct verify_case *c)
{
	struct inkling_header *h = image_header(img);
	u64 schema, right = ink_image_schema(img->p, img->size);

	if (c->unsealed || img->size < sizeof(*h))
		return;
	schema = h->schema;
	ink_image_seal(img->p, img->size);
	if (!c->digest_only)
		return;
	assert_true(schema != right);
	h->schema = schema;
	memset(h->digest, 0, sizeof(h->digest));
	ink_port_sha256(img->p, img->size, h->digest);
}

static void check_text(const struct verify_case *c, const struct ink_why *why)
{
	size_t n = strnlen(why->text, sizeof(why->text)), i;

	assert_in_range(n, 10, sizeof(why->text) - 1);
	for (i = 0; i < n; i++)
		assert_in_range(why->text[i], 0x20, 0x7e);
	assert_true(why->text[n - 1] != '.');
	if (!strstr(why->text, c->text))
		fail_msg("\"%s\" doesn't say \"%s\"", why->text, c->text);
	/* The message names what is concerned, so that a person needs nothing else. */
	if (c->op)
		assert_non_null(strstr(why->text, "op "));
}

void image_exercise(const struct image *img)
{
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img->p, img->size, &why);
	struct ink_plan *plan;
	u8 *in, *out, *arena = NULL;
	s32 score;
	u32 k, i;

	if (!g)
		fail_msg("refused: %s (%s)", why.text, ink_rule_name(why.rule));
	assert_int_equal(why.rule, INK_RULE_NONE);
	plan = ink_plan_build(g, ink_isa_best(), &why);
	assert_true(plan || why.rule == INK_RULE_ARENA);
	if (plan) {
		in = malloc(plan->input_size);
		out = malloc(plan->output_size);
		assert_int_equal(posix_memalign((void **)&arena, 64, plan->arena_size), 0);
		for (k = 0; k < 4; k++) {
			for (i = 0; i < plan->input_size; i++)
				in[i] = (u8)(k == 0 ? 0x80 * (i % 4 == 3) : k == 1 ? 0x7f :
					     k == 2 ? 0 : i * 37 + 11);
			if (ink_plan_run(plan, plan->isa, arena, in, out))
				ink_plan_verdict(plan, out, g->header->threshold, &score);
		}
		free(in);
		free(out);
		free(arena);
	}
	ink_plan_free(plan);
	ink_graph_free(g);
}

static void run_case(void **state)
{
	const struct verify_case *c = *state;
	struct image img = c->make ? c->make() : c->model < MODEL_NR ? model_image(c->model) :
			   seq_image(c->model);
	const struct patch *p;
	struct ink_graph *g;
	struct ink_why why;

	if (c->make == NULL)
		image_exercise(&img);	/* valid but for the one thing */
	if (c->grow)
		grow(&img, c->grow);
	for (p = c->patch; p->where != PATCH_NONE; p++)
		memcpy(patch_base(&img, p) + p->off, &p->value, p->size);
	if (c->change)
		c->change(&img);
	seal(&img, c);
	if (c->rule == INK_RULE_NONE) {
		image_exercise(&img);
		image_free(&img);
		return;
	}
	memset(&why, 0xff, sizeof(why));
	g = ink_graph_parse(img.p, img.size, &why);
	if (g)
		fail_msg("accepted, should have been refused by rule %s", ink_rule_name(c->rule));
	if (why.rule != c->rule)
		fail_msg("refused by rule %s instead of %s: %s", ink_rule_name(why.rule),
			 ink_rule_name(c->rule), why.text);
	if (why.op != (c->op ? c->op - 1 : INKLING_NONE))
		fail_msg("blames op %d: %s", (int)why.op, why.text);
	if (why.tensor != (c->tensor ? c->tensor - 1 : INKLING_NONE))
		fail_msg("blames tensor %d: %s", (int)why.tensor, why.text);
	check_text(c, &why);
	image_free(&img);
}

int verify_cases_run(const char *group, const struct verify_case *cases, size_t n)
{
	struct CMUnitTest *tests = calloc(n, sizeof(*tests));
	size_t i;
	int failed;

	if (!tests)
		return 1;
	for (i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			.name = cases[i].name,
			.test_func = run_case,
			.initial_state = (void *)&cases[i],
		};
	failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
	free(tests);
	return failed;
}
