// SPDX-License-Identifier: GPL-2.0-only
/*
 * The planner: memory, order, cost.
 *
 * What lives here: a second opinion on each plan of many random graphs: that
 * tensors which are alive together don't overlap in the arena, that each row
 * of each op runs once and in order, that sections keep their budget by the
 * cost model as Documentation/verifier.rst has it; and what happens at the
 * limits. What doesn't: results of runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models.h"

#define SLACK	64u	/* behind the last tensor, for whole vectors */

struct planned {
	struct image img;
	struct ink_graph *g;
	struct ink_plan *plan;
};

static struct planned plan_image(struct image img, enum ink_isa isa)
{
	struct planned p = { .img = img };
	struct ink_why why;

	p.g = ink_graph_parse(img.p, img.size, &why);
	if (!p.g)
		fail_msg("refused: %s", why.text);
	p.plan = ink_plan_build(p.g, isa, &why);
	if (!p.plan)
		fail_msg("not planned: %s", why.text);
	assert_int_equal(why.rule, INK_RULE_NONE);
	return p;
}

static void planned_free(struct planned *p)
{
	ink_plan_free(p->plan);
	ink_graph_free(p->g);
	image_free(&p->img);
}

static u32 bytes_of(const struct ink_tensor *t)
{
	return t->count * t->elem;
}

static u32 offset_of(const struct ink_plan *plan, u32 tensor)
{
	u32 op = plan->graph->tensors[tensor].producer;

	return op == INKLING_NONE ? plan->input_off : plan->bound[op].out_off;
}

/* Each pair that is alive while op @now runs. */
static void check_alive(const struct ink_plan *plan, u32 now)
{
	const struct ink_graph *g = plan->graph;
	u32 i, k, n = 0, alive[256];

	for (i = 0; i < g->header->n_tensors; i++) {
		const struct ink_tensor *t = &g->tensors[i];

		if (t->kind == INKLING_TENSOR_CONST || t->last_use < now ||
		    (t->producer != INKLING_NONE && t->producer > now))
			continue;
		assert_in_range(n, 0, ARRAY_SIZE(alive) - 1);
		assert_true(offset_of(plan, i) % 64 == 0);
		assert_true((u64)offset_of(plan, i) + bytes_of(t) <= plan->arena_size);
		for (k = 0; k < n; k++) {
			u64 a = offset_of(plan, i), b = offset_of(plan, alive[k]);

			if (a < b + bytes_of(&g->tensors[alive[k]]) && b < a + bytes_of(t))
				fail_msg("%s: tensors %u and %u overlap at op %u", g->card->name,
					 alive[k], i, now);
		}
		alive[n++] = i;
	}
}

static void check_arena(const struct ink_plan *plan)
{
	const struct ink_graph *g = plan->graph;
	const struct inkling_header *h = g->header;
	u32 i, k;

	assert_true(plan->arena_size && plan->arena_size <= INK_MAX_ARENA + SLACK);
	assert_int_equal(plan->input_size, bytes_of(&g->tensors[h->input]));
	assert_int_equal(plan->output_size, bytes_of(&g->tensors[h->output]));
	assert_int_equal(plan->output_off, offset_of(plan, h->output));
	for (i = 0; i < h->n_ops; i++) {
		const struct ink_bound *b = &plan->bound[i];

		check_alive(plan, i);
		assert_int_equal(b->opcode, g->ops[i].opcode);
		assert_int_equal(b->m, g->tensors[g->ops[i].out[0]].count);
		for (k = 0; k < b->n_in; k++) {
			const struct ink_tensor *t = &g->tensors[g->ops[i].in[k]];

			assert_int_equal(b->in_count[k], t->count);
			assert_ptr_equal(b->in_const[k], t->data);
			if (!t->data)
				assert_int_equal(b->in_off[k], offset_of(plan, g->ops[i].in[k]));
		}
		assert_true(k == INKLING_MAX_INPUTS || g->ops[i].in[k] == INKLING_NONE);
	}
}

/* Sections cover all steps, steps all rows of all ops, in order and once. */
static void check_order(const struct ink_plan *plan, const struct ink_schedule *c)
{
	u32 sec, i, k, step = 0, op = 0, row = 0;

	for (sec = 0; sec < c->n_sections; sec++) {
		assert_int_equal(c->sections[sec].first, step);
		assert_true(c->sections[sec].count);
		for (i = 0; i < c->sections[sec].count; i++, step++) {
			const struct ink_step *s = &c->steps[step];

			assert_true(step < c->n_steps && s->count);
			assert_int_equal(s->op, op);
			assert_int_equal(s->first, row);
			for (k = 0; k < s->count; k++) {
				const struct ink_bound *b = &plan->bound[op];

				/* Only vector code may run several, and only where it can. */
				assert_true(s->vector == (b->path != INK_PATH_SCALAR));
				if (s->vector)
					assert_true(c->sections[sec].vector);
				assert_true(s->count == 1 || s->rows == INK_ALL_ROWS);
				row += min(s->rows, b->m - row);
				if (row == b->m) {
					row = 0;
					op++;
				}
			}
		}
	}
	assert_int_equal(step, c->n_steps);
	assert_int_equal(op, plan->graph->header->n_ops);
	assert_int_equal(row, 0);
}

/* The cost model of Documentation/verifier.rst, in picoseconds. */
static u64 model_cost(const struct ink_bound *b, u32 rows, bool vector)
{
	rows = min(rows, b->m);
	switch (b->opcode) {
	case INKLING_OP_DENSE:
		return 30000 + (u64)rows * (vector ? b->n * 150ull + 1500 : b->n * 1500ull + 4000);
	case INKLING_OP_QUANT:
		return 30000 + b->in_count[1] / 8 * 8000ull + b->m * 50ull;
	case INKLING_OP_SOFTMAX:
		return 30000 + b->m * 25000ull;
	default:
		return 30000 + max(b->m, b->n) * 4000ull;
	}
}

/* No section with vectors takes longer than its budget when a tile's inputs share it. */
static void check_tile(const struct ink_plan *plan)
{
	u32 sec, i, k;
	u64 ps;

	assert_in_range(plan->tile, 1, 8);
	assert_true(plan->tile > 1 || !plan->tiled.n_sections);
	assert_true(plan->tile == 1 || ink_tile_size(plan, plan->tile) <= 65536);
	for (sec = 0; sec < plan->tiled.n_sections; sec++) {
		const struct ink_section *x = &plan->tiled.sections[sec];

		ps = 0;
		for (i = x->first; i < x->first + x->count; i++) {
			const struct ink_step *s = &plan->tiled.steps[i];

			for (k = 0; k < s->count; k++)
				ps += model_cost(&plan->bound[s->op + k], s->rows, s->vector);
		}
		if (x->vector && ps * plan->tile > INK_BUDGET_SECTION_NS * 1000ull)
			fail_msg("%s: section %u of a tile of %u takes %llu ps",
				 plan->graph->card->name, sec, plan->tile,
				 (unsigned long long)ps * plan->tile);
	}
}

static void check_cost(const struct ink_plan *plan)
{
	u64 simd = 1000000, scalar = 1000000, section, c;
	u32 sec, i, k, mask = INKLING_CTX_TASK;

	for (sec = 0; sec < plan->single.n_sections; sec++) {
		const struct ink_section *x = &plan->single.sections[sec];

		section = 0;
		for (i = x->first; i < x->first + x->count; i++) {
			const struct ink_step *s = &plan->single.steps[i];

			for (k = 0; k < s->count; k++) {
				c = model_cost(&plan->bound[s->op + k], s->rows, s->vector);
				section += c;
				scalar += model_cost(&plan->bound[s->op + k], s->rows, false);
			}
		}
		simd += section + (x->vector ? 150000 : 0);
		/* Without the FPU a step may be longer; nothing is held then. */
		if ((x->vector || x->count > 1) && section > INK_BUDGET_SECTION_NS * 1000ull)
			fail_msg("%s: section %u takes %llu ps", plan->graph->card->name, sec,
				 (unsigned long long)section);
	}
	assert_int_equal(plan->cost_simd, (simd + 999) / 1000);
	assert_int_equal(plan->cost_scalar, (scalar + 999) / 1000);
	if (plan->cost_simd <= 50000)
		mask |= INKLING_CTX_SOFTIRQ;
	if (plan->cost_simd <= 10000)
		mask |= INKLING_CTX_HARDIRQ;
	assert_int_equal(plan->contexts, mask);
	assert_true(plan->memory >= sizeof(*plan));
}

/* With each instruction set that this CPU has. */
static void check_plan(struct image img)
{
	u32 isa;

	for (isa = INK_ISA_SCALAR; isa < INK_ISA_NR; isa++) {
		struct planned p;

		if (!ink_isa_has(isa))
			continue;
		p = plan_image(image_copy(img.p, img.size), isa);
		assert_int_equal(p.plan->isa, isa);
		assert_ptr_equal(p.plan->graph, p.g);
		check_arena(p.plan);
		check_order(p.plan, &p.plan->single);
		if (p.plan->tile > 1)
			check_order(p.plan, &p.plan->tiled);
		check_tile(p.plan);
		check_cost(p.plan);
		planned_free(&p);
	}
	image_free(&img);
}

static void test_models(void **state)
{
	u32 i;

	for (i = 0; i < MODEL_NR; i++)
		check_plan(model_image(i));
}

static void test_random(void **state)
{
	u64 seed;

	for (seed = 0; seed < 3000; seed++)
		check_plan(random_image_of(seed % INK_RANDMODEL_LARGE, seed));
}

static struct ink_builder *named(const char *name)
{
	struct ink_builder *b = ink_builder_new();

	assert_non_null(b);
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", name);
	return b;
}

/* @n LUTs of @size bytes, one after the other; the first also read by the last, an ADD. */
static struct image luts(u32 size, u32 n, bool keep)
{
	static const s8 table[256];
	static const s32 add[8] = { 0, 0, 1, 1, 1, 0, -128, 127 };
	struct ink_builder *b = named("luts");
	u32 in = ink_builder_input(b, INKLING_INT8, size), ins[2] = { in }, first = in, i, out;

	ins[1] = ink_builder_vector(b, INKLING_INT8, 256, table);
	for (i = 0; i < n; i++) {
		out = ink_builder_activation(b, INKLING_INT8, size);
		ink_builder_op(b, INKLING_OP_LUT, out, ins, 2, NULL, 0);
		ins[0] = out;
		if (!i)
			first = out;
	}
	if (keep) {
		ins[1] = first;
		out = ink_builder_activation(b, INKLING_INT8, size);
		ink_builder_op(b, INKLING_OP_ADD, out, ins, 2, add, 8);
	}
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

static void arena_refused(struct image img, u32 op, u32 tensor)
{
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img.p, img.size, &why);

	assert_non_null(g);
	assert_null(ink_plan_build(g, INK_ISA_SCALAR, &why));
	assert_int_equal(why.rule, INK_RULE_ARENA);
	assert_int_equal(why.op, op);
	assert_int_equal(why.tensor, tensor);
	assert_int_equal(why.limit, INK_MAX_ARENA);
	assert_non_null(strstr(why.text, "an arena has 1048576"));
	ink_graph_free(g);
	image_free(&img);
}

static void test_arena_limit(void **state)
{
	struct planned p = plan_image(luts(INK_MAX_ARENA / 2, 1, false), INK_ISA_SCALAR);

	assert_in_range(p.plan->arena_size, INK_MAX_ARENA, INK_MAX_ARENA + SLACK);
	planned_free(&p);
	arena_refused(luts(INK_MAX_ARENA / 2 + 1, 1, false), 0, 2);
	arena_refused(luts(INK_MAX_ARENA + 1, 1, false), 0, 0);
	arena_refused(luts(INKLING_MAX_ELEMENTS, 1, false), 0, 0);
	/* As large as an arena: the input fits, nothing else does. */
	arena_refused(luts(INK_MAX_ARENA, 1, false), 0, 2);
}

/* A chain takes two buffers however long it is, and three if one has to stay. */
static void test_arena_reuse(void **state)
{
	struct planned p = plan_image(luts(300000, 20, false), INK_ISA_SCALAR);

	assert_in_range(p.plan->arena_size, 2 * ALIGN(300000u, 64u), 2 * ALIGN(300000u, 64u) + SLACK);
	planned_free(&p);
	p = plan_image(luts(300000, 20, true), INK_ISA_SCALAR);
	check_arena(p.plan);
	assert_in_range(p.plan->arena_size, 3 * ALIGN(300000u, 64u), 3 * ALIGN(300000u, 64u) + SLACK);
	planned_free(&p);
	arena_refused(luts(349568, 3, true), 2, 4);
	p = plan_image(luts(INK_MAX_ARENA / 3 / 64 * 64, 3, true), INK_ISA_SCALAR);
	planned_free(&p);
}

static struct image square(u32 n, u32 m)
{
	struct ink_builder *b = named("square");
	s8 *weights = calloc(n, m), *shift = malloc(m);
	s32 *zeros = calloc(m, sizeof(*zeros));
	struct ink_builder_dense d = {
		.n = n, .m = m, .weights = weights, .bias = zeros, .mult = zeros, .shift = shift,
		.lowest = -128, .highest = 127,
	};
	u32 in = ink_builder_input(b, INKLING_INT8, n), i;
	u32 out = ink_builder_activation(b, INKLING_INT8, m);

	assert_true(weights && zeros && shift);
	memset(shift, 30, m);
	for (i = 0; i < n * m; i++)
		weights[i] = (s8)(i * 7 % 17);
	ink_builder_dense(b, in, out, &d);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	free(weights);
	free(shift);
	free(zeros);
	return image_finish(b);
}

/* 1 us, 1.5 ns for each product and 4 ns for each row, as the specification computes. */
static void test_contexts(void **state)
{
	static const struct {
		u32 n, m, contexts;
	} models[] = {
		{ 64, 64, INKLING_CTX_ALL },			/* 7.43 us */
		{ 64, 89, INKLING_CTX_ALL },			/* 9.93 us */
		{ 994, 6, INKLING_CTX_ALL },			/* 10 us exactly */
		{ 64, 90, INKLING_CTX_TASK | INKLING_CTX_SOFTIRQ },	/* 10.03 us */
		{ 256, 126, INKLING_CTX_TASK | INKLING_CTX_SOFTIRQ },	/* 49.9 us */
		{ 256, 127, INKLING_CTX_TASK },			/* 50.3 us */
		{ 2048, 512, INKLING_CTX_TASK },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(models); i++) {
		struct planned p = plan_image(square(models[i].n, models[i].m), INK_ISA_SCALAR);

		assert_int_equal(p.plan->cost_simd, p.plan->cost_scalar);
		assert_int_equal(p.plan->contexts, models[i].contexts);
		check_order(p.plan, &p.plan->single);
		check_cost(p.plan);
		planned_free(&p);
		check_plan(square(models[i].n, models[i].m));
	}
}

/* Rows so long that few of them, or not even one, fit into a section. */
static void test_long_rows(void **state)
{
	static const u32 sizes[][2] = {
		{ 20000, 40 }, { 41000, 33 }, { 100000, 9 }, { 330000, 3 }, { 900000, 1 }, { 7, 30000 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		check_plan(square(sizes[i][0], sizes[i][1]));
}

/* A verdict read off an output; see enum inkling_head. */
static void test_verdict_classes(void **state)
{
	struct planned p = plan_image(model_image(MODEL_FLOW), INK_ISA_SCALAR);
	u8 raw[7];
	s16 *out = (s16 *)(raw + 1);	/* outputs need no alignment */
	s32 score;

#define VERDICT(a, b, c, threshold) \
	(memcpy(out, ((s16[]){ a, b, c }), 6), ink_plan_verdict(p.plan, out, threshold, &score))
	assert_int_equal(VERDICT(32767, 0, 0, 16384), 0);
	assert_int_equal(score, 1);
	assert_int_equal(VERDICT(0, 32767, 0, 16384), 1);
	assert_int_equal(score, 32768);
	assert_int_equal(VERDICT(0, 1, 32766, 16384), 2);
	/* At the threshold it isn't harmless any more; below it is, whatever is likeliest. */
	assert_int_equal(VERDICT(16384, 16000, 384, 16384), 1);
	assert_int_equal(score, 16384);
	assert_int_equal(VERDICT(16384, 16000, 384, 16385), 0);
	assert_int_equal(VERDICT(10000, 16000, 6768, 30000), 0);
	assert_int_equal(score, 22768);
	/* The first of two that are alike; never class 0. */
	assert_int_equal(VERDICT(0, 16384, 16384, 1), 1);
	assert_int_equal(VERDICT(32767, 0, 1, 1), 2);
	assert_int_equal(VERDICT(32767, 0, 0, 1), 1);
	planned_free(&p);
}

static void test_verdict_others(void **state)
{
	struct planned p = plan_image(model_image(MODEL_RECON), INK_ISA_SCALAR);
	u8 raw[5], none[8] = { 0 };
	s32 value = 1000, score = -1;

	memcpy(raw + 1, &value, 4);
	assert_int_equal(ink_plan_verdict(p.plan, raw + 1, 1000, &score), 1);
	assert_int_equal(score, 1000);
	assert_int_equal(ink_plan_verdict(p.plan, raw + 1, 1001, &score), 0);
	assert_int_equal(score, 1000);
	value = S32_MAX;
	memcpy(raw + 1, &value, 4);
	assert_int_equal(ink_plan_verdict(p.plan, raw + 1, S32_MAX, &score), 1);
	planned_free(&p);

	p = plan_image(model_image(MODEL_MIX), INK_ISA_SCALAR);
	score = -1;
	assert_int_equal(ink_plan_verdict(p.plan, none, 0, &score), 0);
	assert_int_equal(score, 0);
	planned_free(&p);
}

/* Input and output may be the same memory, and need no alignment. */
static void test_run_overlap(void **state)
{
	struct planned p = plan_image(model_image(MODEL_MIX), ink_isa_best());
	u8 apart[MIX_N], out[8], same[1 + MIX_N];
	void *arena = NULL;
	u32 i;

	assert_int_equal(p.plan->output_size, sizeof(out));
	for (i = 0; i < MIX_N; i++)
		same[1 + i] = apart[i] = (u8)(i * 29);
	assert_int_equal(posix_memalign(&arena, 64, p.plan->arena_size), 0);
	ink_plan_run(p.plan, p.plan->isa, arena, apart, out);
	ink_plan_run(p.plan, p.plan->isa, arena, same + 1, same + 1);
	assert_memory_equal(out, same + 1, sizeof(out));
	ink_plan_run(p.plan, INK_ISA_SCALAR, arena, apart, same + 1);
	assert_memory_equal(out, same + 1, sizeof(out));
	free(arena);
	planned_free(&p);
}

/* Where the FPU is taken, nothing that is made for vectors may be touched. */
static void test_scalar_run(void **state)
{
	struct ink_rand r = { 51 };
	u64 seed;

	for (seed = 0; seed < 100; seed++) {
		struct planned p = plan_image(random_image(seed), INK_ISA_SCALAR), q;
		const struct ink_tensor *t = &p.g->tensors[p.g->header->input];
		u8 *in = malloc(p.plan->input_size), *out = malloc(p.plan->output_size);
		u8 *again = malloc(p.plan->output_size);
		void *arena = NULL;
		u32 i;

		q = plan_image(image_copy(p.img.p, p.img.size), ink_isa_best());
		assert_int_equal(posix_memalign(&arena, 64, max(p.plan->arena_size,
								q.plan->arena_size)), 0);
		for (i = 0; i < q.g->header->n_ops; i++)
			q.plan->bound[i].packed = (void *)64;
		ink_randmodel_input(&r, t->dtype, t->count, p.img.p, in);
		assert_true(ink_plan_run(p.plan, INK_ISA_SCALAR, arena, in, out));
		assert_true(ink_plan_run(q.plan, INK_ISA_SCALAR, arena, in, again));
		assert_memory_equal(out, again, p.plan->output_size);
		free(in);
		free(out);
		free(again);
		free(arena);
		planned_free(&p);
		planned_free(&q);
	}
}

static void test_isa_names(void **state)
{
	assert_string_equal(ink_isa_name(INK_ISA_SCALAR), "scalar");
	assert_string_equal(ink_isa_name(INK_ISA_AVX2), "avx2");
	assert_in_range(ink_isa_best(), INK_ISA_SCALAR, INK_ISA_NR - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_arena_limit),
		cmocka_unit_test(test_arena_reuse),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_long_rows),
		cmocka_unit_test(test_verdict_classes),
		cmocka_unit_test(test_verdict_others),
		cmocka_unit_test(test_run_overlap),
		cmocka_unit_test(test_scalar_run),
		cmocka_unit_test(test_isa_names),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
