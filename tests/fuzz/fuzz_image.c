// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of the image's way into the engine: parse, plan, run.
 *
 * What lives here: what is asked of each input. It is refused with a reason,
 * or it runs without fault, gives the same bits in scalar and vector code, and
 * keeps to the ranges that were proven. What doesn't: how inputs are made, see
 * image_mutator.c.
 */
#include <stdlib.h>

#include "models.h"
#include "fuzz_check.h"

/* A run above this is left out: time is better spent on other images. */
#define LONGEST_NS	20000000ull

static void check_why(const struct ink_why *why)
{
	size_t n = strnlen(why->text, sizeof(why->text)), i;

	CHECK(why->rule > INK_RULE_NONE && why->rule < INK_RULE_NR);
	CHECK(why->rule != INK_RULE_MEMORY);
	CHECK(n >= 10 && n < sizeof(why->text));
	for (i = 0; i < n; i++)
		CHECK(why->text[i] >= 0x20 && why->text[i] <= 0x7e);
}

static void *exact(size_t size)
{
	void *p = NULL;

	CHECK(!posix_memalign(&p, 64, size ? size : 1));
	return p;
}

static void check_output(const struct ink_plan *plan, const u8 *out)
{
	const struct inkling_header *h = plan->graph->header;
	const struct ink_tensor *t = &plan->graph->tensors[h->output];
	s32 v, score;
	u32 i, class;

	for (i = 0; i < t->count; i++) {
		if (t->elem == 1)
			v = ((const s8 *)out)[i];
		else if (t->elem == 2)
			v = ((const s16 *)out)[i];
		else
			v = ((const s32 *)out)[i];
		CHECK(v >= t->lo && v <= t->hi);
	}
	class = ink_plan_verdict(plan, out, h->threshold, &score);
	CHECK(class < max(h->n_classes, 1u));
	CHECK(class ? score >= h->threshold : !h->n_classes || score < h->threshold);
}

/* One call after the other until the states are full, or twelve. */
static void run_calls(const struct ink_plan *plan, enum ink_isa isa, u8 *arena, const u8 *in, u8 *out)
{
	u8 *state = exact(plan->state_size);
	u32 position = 0, k, i;

	memset(state, 0x5a, plan->state_size);
	for (k = 0; k < 12; k++) {
		ink_plan_input(plan, arena, in);
		if (!ink_plan_accept(plan, arena, state, position))
			break;
		for (i = 0; i < ink_plan_schedule(plan, arena, 1)->n_sections; i++)
			ink_plan_section(plan, isa, arena, 1, i);
		ink_plan_output(plan, arena, out);
		check_output(plan, out);
		position += ink_plan_tokens(plan, arena);
		CHECK(position <= plan->graph->context);
	}
	CHECK(k);
	free(state);
}

static void run_once(const struct ink_plan *plan, enum ink_isa isa, u8 *arena, const u8 *in, u8 *out)
{
	if (plan->state_size)
		run_calls(plan, isa, arena, in, out);
	else
		CHECK(ink_plan_run(plan, isa, arena, in, out));
}

static void run(const struct ink_plan *plan, const struct ink_plan *other, struct ink_rand *r)
{
	u8 *in = exact(plan->input_size), *out = exact(plan->output_size);
	u8 *again = exact(plan->output_size);
	u8 *arena = exact(max(plan->arena_size, other->arena_size));
	u32 k, i, n;

	for (k = 0; k < 4; k++) {
		for (i = 0; i < plan->input_size; i++)
			in[i] = (u8)(k == 0 ? 0x80 : k == 1 ? 0x7f : k == 2 && i % 4 > 1 ? 0 :
				     ink_rand_next(r) >> 33);
		if (plan->graph->tokens) {
			n = 1 + ink_rand_below(r, plan->graph->tokens);
			memcpy(in, &n, sizeof(n));
		}
		run_once(plan, INK_ISA_SCALAR, arena, in, out);
		check_output(plan, out);
		run_once(plan, plan->isa, arena, in, again);
		CHECK(!memcmp(out, again, plan->output_size));
		memset(arena, (int)k, max(plan->arena_size, other->arena_size));
		run_once(other, other->isa, arena, in, again);
		CHECK(!memcmp(out, again, plan->output_size));
	}
	free(in);
	free(out);
	free(again);
	free(arena);
}

static void try_image(const void *image, size_t size)
{
	static const unsigned long options[] = {
		INK_PLAN_UNFUSED, INK_PLAN_S16, INK_PLAN_S8, INK_PLAN_UNFUSED | INK_PLAN_S16,
	};
	struct ink_rand r = { size };
	struct ink_plan *plan, *other;
	struct ink_graph *g;
	struct ink_why why;

	g = ink_graph_parse(image, size, &why);
	if (!g) {
		check_why(&why);
		return;
	}
	plan = ink_plan_build(g, ink_isa_best(), &why);
	if (!plan) {
		check_why(&why);
		CHECK(why.rule == INK_RULE_ARENA || why.rule == INK_RULE_COST);
	}
	other = ink_plan_build_with(g, ink_isa_best(), options[size / 64 % ARRAY_SIZE(options)],
				    &why);
	if (plan && other && plan->cost_scalar < LONGEST_NS)
		run(plan, other, &r);
	ink_plan_free(other);
	ink_plan_free(plan);
	ink_graph_free(g);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	void *image = exact(size);

	memcpy(image, data, size);
	try_image(image, size);
	free(image);
	return 0;
}
