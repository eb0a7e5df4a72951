// SPDX-License-Identifier: GPL-2.0-only
/*
 * The planner: models whose input is a sequence.
 *
 * What lives here: what test_plan.c looks at in the others, for random encoders and
 * decoders: that the frame, what is alive and what operators need for themselves
 * don't overlap, that states lie apart, that each unit of each op runs once and in
 * order for one token and for as many as there may be, and that sections keep
 * their budget by the cost model of Documentation/verifier.rst. What doesn't:
 * results of runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models.h"
#include "seq.h"

#define SECTION_PS	(INK_BUDGET_SECTION_NS * 1000ull)

/* A piece of the arena, or of the states. */
struct piece {
	u64 at, size;
};

static struct piece tensor_at(const struct ink_plan *plan, u32 i)
{
	const struct ink_tensor *t = &plan->graph->tensors[i];
	u64 size = (u64)t->count * t->elem, at;

	if (t->kind == INKLING_TENSOR_INPUT)
		return (struct piece){ plan->input_off, size + (t->seq ? 4 : 0) };
	at = plan->bound[t->producer].out_off;
	assert_true(at % 64 == 0);
	return (struct piece){ at, size };
}

static void check_pieces(const struct ink_plan *plan, const struct piece *p, u32 n, u64 end, u32 op)
{
	u32 i, k;

	for (i = 0; i < n; i++) {
		assert_true(p[i].at + p[i].size <= end);
		for (k = 0; k < i; k++)
			if (p[i].at < p[k].at + p[k].size && p[k].at < p[i].at + p[i].size)
				fail_msg("%s, op %u: %llu bytes at %llu overlap %llu at %llu",
					 plan->graph->card->name, op, (unsigned long long)p[i].size,
					 (unsigned long long)p[i].at, (unsigned long long)p[k].size,
					 (unsigned long long)p[k].at);
	}
}

/* All that is alive while op @now runs: the frame, tensors, and what the op needs for itself. */
static void check_alive(const struct ink_plan *plan, u32 now)
{
	const struct ink_bound *b = &plan->bound[now];
	const struct ink_graph *g = plan->graph;
	struct piece p[256] = { { 0, g->tokens ? sizeof(struct ink_frame) : 0 } };
	bool states = b->n_in > 3;
	u32 i, n = 1;

	for (i = 0; i < g->header->n_tensors; i++) {
		const struct ink_tensor *t = &g->tensors[i];

		if (t->kind == INKLING_TENSOR_CONST || t->kind == INKLING_TENSOR_STATE ||
		    t->last_use < now || (t->producer != INKLING_NONE && t->producer > now))
			continue;
		assert_in_range(n, 0, ARRAY_SIZE(p) - 2);
		p[n++] = tensor_at(plan, i);
	}
	if (b->opcode == INKLING_OP_ATTENTION)
		p[n++] = (struct piece){ b->scratch_off, ink_attention_scratch(
			states ? g->context : b->in_count[1] / b->in_cols[1], b->in_cols[1], states) };
	else if (b->path == INK_PATH_LINEAR_BYTES)
		/* Two bytes of each input, by sixteen. */
		p[n++] = (struct piece){ b->scratch_off, (u64)b->in_count[0] / b->in_cols[0] *
					 ALIGN(b->in_cols[0], 16u) * 2 };
	else
		assert_true(!g->tokens || b->scratch_off == INKLING_NONE);
	check_pieces(plan, p, n, plan->arena_size, now);
}

static void check_states(const struct ink_plan *plan)
{
	const struct ink_graph *g = plan->graph;
	struct piece p[256];
	u32 i, k, n = 0;

	for (i = 0; i < g->header->n_ops; i++)
		for (k = 3; g->ops[i].opcode == INKLING_OP_ATTENTION && k < 5; k++) {
			if (g->ops[i].in[k] == INKLING_NONE)
				continue;
			assert_in_range(n, 0, ARRAY_SIZE(p) - 1);
			assert_true(plan->bound[i].in_off[k] % 64 == 0);
			p[n++] = (struct piece){ plan->bound[i].in_off[k],
						 (u64)g->tensors[g->ops[i].in[k]].count * 2 };
		}
	check_pieces(plan, p, n, plan->state_size, INKLING_NONE);
	assert_int_equal(!!n, !!plan->state_size);
	assert_int_equal(!!n, !!g->context);
}

static u32 rows_of(bool seq, u32 most, u32 tokens)
{
	return seq ? min(most, tokens) : most;
}

static u32 input_rows(const struct ink_bound *b, u32 k, u32 tokens)
{
	return rows_of(b->in_seq & BIT(k), b->in_count[k] / b->in_cols[k], tokens);
}

/* Parts that an op has in a call of @tokens. */
static u32 units_of(const struct ink_bound *b, u32 tokens)
{
	switch (b->opcode) {
	case INKLING_OP_LINEAR:
		return b->out_cols;
	case INKLING_OP_ATTENTION:
		return input_rows(b, 0, tokens) * (u32)b->attr[0];
	case INKLING_OP_POOL:
	case INKLING_OP_TRANSPOSE:
	case INKLING_OP_SOFTMAX:
	case INKLING_OP_ARGMAX:
	case INKLING_OP_NLL:
		return 1;
	default:
		return rows_of(b->seq, b->m / b->out_cols, tokens);
	}
}

/* What an element costs in vectors, in picoseconds. */
static u64 element_of(const struct ink_bound *b)
{
	switch (b->opcode) {
	case INKLING_OP_NORM:
		return b->narrow ? 850 : 1300;
	case INKLING_OP_ADD:
	case INKLING_OP_MUL:
	case INKLING_OP_ROPE:
	case INKLING_OP_SCALE:
	case INKLING_OP_POOL:
		return 450;
	case INKLING_OP_UNFOLD:
		return 250;
	default:
		return 750;
	}
}

/* A LINEAR in vectors. */
static u64 cost_of_linear(const struct ink_bound *b, u64 units, u64 rows, bool vnni)
{
	u64 n = b->in_cols[0], weight = n * b->out_cols <= 65536 ? 30 : 150;
	u64 mac = b->path == INK_PATH_LINEAR ? 30 : b->path == INK_PATH_LINEAR_BYTES ? 18 :
		  vnni ? 15 : 25;

	return 30000 + rows * 4000 + units * (n * weight + rows * (n * mac + 400));
}

/* The cost model, in picoseconds; vectors where the op has them and @simd. */
static u64 cost_of(const struct ink_bound *b, u32 units, bool simd, u32 tokens)
{
	u64 n = b->in_cols[0], rows = input_rows(b, 0, tokens), keys, element;

	simd = simd && b->path != INK_PATH_SCALAR;
	element = simd ? element_of(b) : 4000;
	units = min(units, units_of(b, tokens));
	switch (b->opcode) {
	case INKLING_OP_LINEAR:
		if (simd)
			return cost_of_linear(b, units, rows, b->vnni);
		return 30000 + units * rows * (n * 1500 + 4000);
	case INKLING_OP_ATTENTION:
		keys = b->n_in > 3 ? b->in_count[3] / b->in_cols[3] : input_rows(b, 1, tokens);
		n = n / (u32)b->attr[0];
		return 30000 + units * ((simd ? 10000 : 150000) +
			keys * (2 * n * (simd ? 42 : 1500) + (simd ? 1700 : 15000)) +
			2ull * input_rows(b, 1, tokens) * b->in_cols[1] * (simd ? 250 : 4000) /
			units_of(b, tokens));
	case INKLING_OP_SOFTMAX:
		return 30000 + b->m * 25000ull;
	case INKLING_OP_NLL:
		return 30000 + rows * n * 25000;
	case INKLING_OP_NORM:
		return 30000 + units * (n * element + (simd ? 35000 : 150000));
	case INKLING_OP_HASHEMBED:
		return 30000 + units * (b->out_cols * element + 40000);
	case INKLING_OP_GATE:
		return 30000 + units * n * (n * 2400 + 25000);
	}
	if (b->units > 1)
		return 30000 + units * max(n, (u64)b->out_cols) * element;
	return 30000 + max(rows * n, (u64)b->m) * element;
}

static u64 step_cost(const struct ink_plan *plan, const struct ink_step *s, bool simd, u32 tokens)
{
	u64 cost = 0;
	u32 i;

	for (i = 0; i < s->count; i++)
		cost += cost_of(&plan->bound[s->op + i], s->rows, simd, tokens);
	return cost;
}

/* One step of those that cover all units of all ops, in order and once. */
static void check_step(const struct ink_plan *plan, const struct ink_step *s, u32 tokens, u32 *op,
		       u32 *unit)
{
	u32 k, all;

	assert_int_equal(s->op, *op);
	assert_int_equal(s->first, *unit);
	assert_true(s->count == 1 || s->rows == INK_ALL_ROWS);
	for (k = 0; k < s->count; k++) {
		assert_true(s->vector == (plan->bound[*op].path != INK_PATH_SCALAR));
		all = units_of(&plan->bound[*op], tokens);
		*unit += min(s->rows, all - *unit);
		if (*unit == all) {
			*unit = 0;
			++*op;
		}
	}
}

static void check_schedule(const struct ink_plan *plan, const struct ink_schedule *c, u32 tokens,
			   u64 *simd, u64 *scalar)
{
	u32 op = 0, unit = 0, at = 0, i, k;
	u64 cost;

	*simd = *scalar = 1000000;
	for (i = 0; i < c->n_sections; i++) {
		const struct ink_section *sec = &c->sections[i];

		assert_int_equal(sec->first, at);
		for (cost = 0, k = 0; k < sec->count; k++, at++) {
			assert_true(sec->vector || !c->steps[at].vector);
			check_step(plan, &c->steps[at], tokens, &op, &unit);
			cost += step_cost(plan, &c->steps[at], true, tokens);
			*scalar += step_cost(plan, &c->steps[at], false, tokens);
		}
		*simd += cost + (sec->vector ? 150000 : 0);
		if ((sec->vector || sec->count > 1) && cost > SECTION_PS)
			fail_msg("%s: section %u of a call of %u takes %llu ps", plan->graph->card->name,
				 i, tokens, (unsigned long long)cost);
	}
	assert_int_equal(at, c->n_steps);
	assert_int_equal(op, plan->graph->header->n_ops);
	assert_int_equal(unit, 0);
}

static void check_schedules(const struct ink_plan *plan)
{
	u32 tokens = plan->graph->tokens, mask = INKLING_CTX_TASK;
	u64 simd, scalar;

	/* The tokens of a sequence share weights: there is no tile, but a schedule for many. */
	assert_int_equal(plan->tile, 1);
	check_schedule(plan, &plan->single, 1, &simd, &scalar);
	assert_int_equal(!!plan->tiled.n_sections, tokens > 1);
	if (tokens > 1)
		check_schedule(plan, &plan->tiled, tokens, &simd, &scalar);
	assert_int_equal(plan->cost_simd, (simd + 999) / 1000);
	assert_int_equal(plan->cost_scalar, (scalar + 999) / 1000);
	if (!plan->state_size && plan->cost_simd <= 50000)
		mask |= INKLING_CTX_SOFTIRQ;
	if (!plan->state_size && plan->cost_simd <= 10000)
		mask |= INKLING_CTX_HARDIRQ;
	assert_int_equal(plan->contexts, mask);
}

/* What the random models had. */
static u64 seen_cut, seen_vector, seen_states, seen_hard;

static void check_plan(const struct ink_plan *plan)
{
	const struct ink_graph *g = plan->graph;
	u32 i;

	assert_int_equal(plan->input_size, 4 + g->tensors[g->header->input].count *
			 g->tensors[g->header->input].elem);
	assert_true(plan->arena_size <= INK_MAX_ARENA + 64);
	for (i = 0; i < g->header->n_ops; i++)
		check_alive(plan, i);
	check_states(plan);
	check_schedules(plan);
	for (i = 0; i < plan->tiled.n_steps; i++)
		seen_cut += plan->tiled.steps[i].rows != INK_ALL_ROWS;
	for (i = 0; i < plan->single.n_steps; i++)
		seen_vector += plan->single.steps[i].vector;
	seen_states += !!plan->state_size;
	seen_hard += !!(plan->contexts & INKLING_CTX_HARDIRQ);
}

/* With each instruction set that this CPU has; pictures have no sequence, which is test_plan.c's. */
static void check_image(struct image img)
{
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img.p, img.size, &why);
	u32 isa;

	if (!g)
		fail_msg("refused: %s", why.text);
	for (isa = INK_ISA_SCALAR; isa < INK_ISA_NR && g->tokens; isa++) {
		struct ink_plan *plan;

		if (!ink_isa_has(isa))
			continue;
		plan = ink_plan_build(g, isa, &why);
		if (!plan)
			fail_msg("not planned: %s", why.text);
		check_plan(plan);
		ink_plan_free(plan);
	}
	ink_graph_free(g);
	image_free(&img);
}

static void test_random(void **state)
{
	u64 seed;

	for (seed = 0; seed < 1500; seed++)
		check_image(random_image_of(seed % 2 ? INK_RANDMODEL_DECODER : INK_RANDMODEL_ENCODER, seed));
	assert_true(seen_cut && seen_states && seen_hard);
	assert_true(seen_vector || !ink_isa_has(INK_ISA_AVX2));
}

/* A call of one token runs by the schedule for one, all others by that for many. */
static void test_which(void **state)
{
	struct image img = random_image_of(INK_RANDMODEL_DECODER, 4);
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img.p, img.size, &why);
	struct ink_plan *plan = ink_plan_build(g, INK_ISA_SCALAR, &why);
	struct ink_frame frame = { .n = 1 };

	assert_true(plan && g->tokens > 2);
	assert_ptr_equal(ink_plan_schedule(plan, &frame, 1), &plan->single);
	frame.n = 2;
	assert_ptr_equal(ink_plan_schedule(plan, &frame, 1), &plan->tiled);
	frame.n = g->tokens;
	assert_ptr_equal(ink_plan_schedule(plan, &frame, 1), &plan->tiled);
	ink_plan_free(plan);
	ink_graph_free(g);
	image_free(&img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_which),
	};

	return cmocka_run_group_tests_name("plans of sequences", tests, NULL, NULL);
}
