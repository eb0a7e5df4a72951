// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every implementation of the engine gives the same bits.
 *
 * What lives here: random models and inputs, run by the specification, by
 * vector code op by op, by vector code fused, and that with all DENSE computed
 * in each of the ways that there are. What doesn't: whether the specification is right
 * (test_ops.c).
 *
 * Built three times: with sanitizers for a smaller number of cases, as users get
 * it for a million, and into the kernel's tests (kmod/tests). INK_EXACT_CASES=N and
 * INK_EXACT_SEED=N override; with INK_EXACT_GRAPHS=N it is only graphs of sequences, so
 * many of each kind, with a few inputs each (tests/long/sequences).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core.h"
#include "randmodel.h"

#ifdef CASES		/* by who compiles it, as the kernel's build does */
#elif defined(__SANITIZE_ADDRESS__)
#define CASES	20000
#else
#define CASES	1010000
#endif

#define INPUTS	40	/* for each graph */
#define FEW	5	/* where it is the graphs that are to be many */
#define LEAST	5	/* graphs of a kind: some of them don't depend on their input */

/* How to run a model; the first is what the others are compared with. Those that this CPU has move to the front. */
static struct way {
	const char *name;
	enum ink_isa plan, run;
	unsigned long options;
} ways[] = {
	{ "scalar", INK_ISA_SCALAR, INK_ISA_SCALAR, 0 },
	{ "avx2 op by op", INK_ISA_AVX2, INK_ISA_AVX2, INK_PLAN_UNFUSED },
	{ "avx2 fused", INK_ISA_AVX2, INK_ISA_AVX2, 0 },
	{ "avx2 fused, 16 bits", INK_ISA_AVX2, INK_ISA_AVX2, INK_PLAN_S16 },
	{ "avx2 fused, signed bytes", INK_ISA_AVX2, INK_ISA_AVX2, INK_PLAN_S8 },
	{ "avx2 plan without FPU", INK_ISA_AVX2, INK_ISA_SCALAR, 0 },
	{ "avx512-vnni op by op", INK_ISA_AVX512VNNI, INK_ISA_AVX512VNNI, INK_PLAN_UNFUSED },
	{ "avx512-vnni fused", INK_ISA_AVX512VNNI, INK_ISA_AVX512VNNI, 0 },
	{ "avx-vnni op by op", INK_ISA_AVXVNNI, INK_ISA_AVXVNNI, INK_PLAN_UNFUSED },
	{ "avx-vnni fused", INK_ISA_AVXVNNI, INK_ISA_AVXVNNI, 0 },
};

#define WAYS	ARRAY_SIZE(ways)

static size_t n_ways;	/* those that this CPU has */

/* What the cases covered. */
static struct {
	u64 graphs, cases, paths[INK_PATH_NR], ops[INKLING_OP_NR];
	u64 dtypes[INKLING_INT32 + 1], tables, fused, cut, sections, changed, tiles, turns;
	u64 shifts;	/* bit for each shift of a DENSE that was seen */
	u64 calls;	/* of texts */
} seen;

static u64 number(const char *name, u64 fallback)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : fallback;
}

static void look_at(const struct ink_plan *plan)
{
	u32 i, k;

	for (i = 0; i < plan->graph->header->n_ops; i++) {
		const struct ink_bound *b = &plan->bound[i];

		seen.ops[b->opcode]++;
		if (b->opcode != INKLING_OP_DENSE)
			continue;
		seen.dtypes[b->out_dtype]++;
		seen.tables += !!b->in_const[5];
		for (k = 0; k < b->m; k++)
			seen.shifts |= 1ull << ((const s8 *)b->in_const[4])[k];
	}
	for (i = 0; i < plan->graph->header->n_ops; i++)
		seen.paths[plan->bound[i].path] +=
			plan->bound[i].path || plan->bound[i].opcode == INKLING_OP_DENSE;
	for (i = 0; i < plan->single.n_steps; i++) {
		seen.fused += plan->single.steps[i].count > 1;
		seen.cut += plan->single.steps[i].rows != INK_ALL_ROWS;
	}
	seen.sections += plan->single.n_sections > 1;
}

struct model {
	enum ink_randmodel_kind kind;
	u64 seed;
	void *image;
	struct ink_graph *graph;
	struct ink_plan *plan[WAYS];
	u8 *arena[WAYS];
};

static void model_open(struct model *m)
{
	struct ink_why why;
	size_t size, i;

	assert_int_equal(ink_randmodel_build(m->kind, m->seed, &m->image, &size), 0);
	m->graph = ink_graph_parse(m->image, size, &why);
	if (!m->graph)
		fail_msg("%s %llu: %s", ink_randmodel_name(m->kind),
			 (unsigned long long)m->seed, why.text);
	for (i = 0; i < n_ways; i++) {
		m->plan[i] = ink_plan_build_with(m->graph, ways[i].plan, ways[i].options, &why);
		if (!m->plan[i])
			fail_msg("%s %llu: %s", ink_randmodel_name(m->kind),
				 (unsigned long long)m->seed, why.text);
		m->arena[i] = ink_port_alloc(ink_tile_size(m->plan[i], m->plan[i]->tile));
		assert_non_null(m->arena[i]);
		/* Results must not depend on what a run finds. */
		memset(m->arena[i], (int)(m->seed * 37 + i * 101),
		       ink_tile_size(m->plan[i], m->plan[i]->tile));
	}
	for (i = 2; i < 5; i++)
		look_at(m->plan[i]);
	seen.graphs++;
}

static void model_close(struct model *m)
{
	size_t i;

	for (i = 0; i < n_ways; i++) {
		ink_port_free(m->arena[i]);
		ink_plan_free(m->plan[i]);
	}
	ink_graph_free(m->graph);
	free(m->image);
}

static void compare(const struct model *m, u32 input, size_t way, const u8 *want, const u8 *got)
{
	u32 at = 0;

	if (!memcmp(want, got, m->plan[0]->output_size))
		return;
	while (want[at] == got[at])
		at++;
	fail_msg("%s %llu, input %u: byte %u of %u is %02x by %s, %02x by %s",
		 ink_randmodel_name(m->kind), (unsigned long long)m->seed, input, at,
		 m->plan[0]->output_size, want[at], ways[0].name, got[at], ways[way].name);
}

/* Scalar code once more, at another plan's places: takes longer than all vectors together. */
static bool is_skipped(size_t way, u32 input)
{
	return ways[way].run == INK_ISA_SCALAR && input % 8;
}

/* Inputs @first to @first + @n - 1 at once, by each plan with vectors. */
static void run_tiles(struct model *m, u32 first, u32 n, const u8 *in, const u8 *want, u8 *out)
{
	size_t way, size = m->plan[0]->output_size;
	u32 i;

	for (way = 1; way < n_ways; way++) {
		const struct ink_plan *plan = m->plan[way];

		if (is_skipped(way, first))
			continue;
		seen.tiles += plan->tile > 1 && n > 1;
		seen.turns += plan->tile > 1 && plan->tiled.steps[0].in_turn;
		for (i = 0; i < n; i += plan->tile)
			ink_plan_run_tile(plan, ways[way].run, m->arena[way],
					  in + (size_t)i * plan->input_size, out + i * size,
					  min(n - i, plan->tile));
		for (i = 0; i < n; i++)
			compare(m, first + i, way, want + i * size, out + i * size);
	}
}

/* All inputs once more, in tiles of any size. */
static void model_run_tiles(struct model *m, u32 inputs, const u8 *in, const u8 *want)
{
	u8 *out = calloc(inputs, m->plan[0]->output_size);
	struct ink_rand r;
	u32 i, n;

	assert_non_null(out);
	ink_rand_seed(&r, m->seed ^ 0x711e);
	for (i = 0; i < inputs; i += n) {
		n = min(inputs - i, 1 + (u32)ink_rand_below(&r, 12));
		run_tiles(m, i, n, in + (size_t)i * m->plan[0]->input_size,
			  want + (size_t)i * m->plan[0]->output_size, out);
	}
	free(out);
}

/* One call of a text at one time by each way, each with states of its own; false when these are full. */
static bool call_all(struct model *m, u8 *const *states, u32 position, const u8 *in, u8 *want, u8 *out)
{
	size_t way;
	u32 i;

	for (way = 0; way < n_ways; way++) {
		const struct ink_plan *plan = m->plan[way];

		ink_plan_input(plan, m->arena[way], in);
		if (!ink_plan_accept(plan, m->arena[way], states[way], position))
			return false;
		for (i = 0; i < ink_plan_schedule(plan, m->arena[way], 1)->n_sections; i++)
			ink_plan_section(plan, ways[way].run, m->arena[way], 1, i);
		ink_plan_output(plan, m->arena[way], way ? out : want);
		if (way)
			compare(m, position, way, want, out);
	}
	return true;
}

/* Texts of several calls each, all ways side by side. */
static void model_run_texts(struct model *m, u32 inputs)
{
	const struct ink_tensor *t = &m->graph->tensors[m->graph->header->input];
	size_t size = m->plan[0]->output_size, way;
	u8 *in = malloc(m->plan[0]->input_size), *want = calloc(2, size), *out = malloc(size);
	u8 *states[WAYS];
	struct ink_rand r;
	u32 position = 0, i;

	assert_true(in && out && want);
	ink_rand_seed(&r, m->seed ^ 0x5eed);
	for (way = 0; way < n_ways; way++) {
		states[way] = ink_port_alloc(m->plan[way]->state_size);
		assert_non_null(states[way]);
		memset(states[way], (int)(m->seed * 31 + way * 57), m->plan[way]->state_size);
	}
	for (i = 0; i < inputs; i++) {
		ink_randmodel_input(&r, t->dtype, t->count, m->image, in);
		memcpy(want + size, want, size);
		if (!call_all(m, states, position, in, want, out)) {
			position = 0;	/* a new text on top of the old one */
			continue;
		}
		position += ink_plan_tokens(m->plan[0], m->arena[0]);
		seen.calls++;
		seen.changed += i && memcmp(want + size, want, size);
		seen.cases++;
	}
	for (way = 0; way < n_ways; way++)
		ink_port_free(states[way]);
	free(in);
	free(out);
	free(want);
}

/* @inputs inputs through all ways, alone and in tiles. */
static void model_run(struct model *m, u32 inputs)
{
	const struct ink_tensor *t = &m->graph->tensors[m->graph->header->input];
	size_t in_size = m->plan[0]->input_size, size = m->plan[0]->output_size, way;
	u8 *in = malloc(inputs * in_size), *want = calloc(inputs, size), *out = malloc(size);
	struct ink_rand r;
	u32 i;

	assert_true(in && out && want);
	ink_rand_seed(&r, m->seed ^ 0x5eed);
	for (i = 0; i < inputs; i++) {
		ink_randmodel_input(&r, t->dtype, t->count, m->image, in + i * in_size);
		ink_plan_run(m->plan[0], ways[0].run, m->arena[0], in + i * in_size, want + i * size);
		for (way = 1; way < n_ways; way++) {
			if (is_skipped(way, i))
				continue;
			ink_plan_run(m->plan[way], ways[way].run, m->arena[way], in + i * in_size, out);
			compare(m, i, way, want + i * size, out);
		}
		seen.changed += i && memcmp(want + (i - 1) * size, want + i * size, size);
		seen.cases++;
	}
	model_run_tiles(m, inputs, in, want);
	free(in);
	free(out);
	free(want);
}

/* @share of a hundred of all cases. */
static void run_kind(enum ink_randmodel_kind kind, u32 share)
{
	u64 cases = number("INK_EXACT_CASES", CASES) * share / 100;
	u64 seed = number("INK_EXACT_SEED", 1) << 32;
	u64 only = number("INK_EXACT_GRAPHS", 0), graphs = only ?: max(cases / INPUTS, (u64)LEAST), i;

	if (n_ways == 1) {
		print_message("this CPU has no AVX2, there is nothing to compare\n");
		skip();
	}
	if (only && kind < INK_RANDMODEL_ENCODER)
		skip();
	memset(&seen, 0, sizeof(seen));
	for (i = 0; i < graphs; i++) {
		struct model m = { .kind = kind, .seed = seed + i };

		model_open(&m);
		if (m.plan[0]->state_size)
			model_run_texts(&m, only ? FEW : INPUTS);
		else
			model_run(&m, only ? FEW : INPUTS);
		model_close(&m);
	}
	print_message("%s: %llu graphs with weights, %llu cases, output changed in %llu\n",
		      ink_randmodel_name(kind), (unsigned long long)seen.graphs,
		      (unsigned long long)seen.cases, (unsigned long long)seen.changed);
	print_message("  in the three fused plans DENSE by path: scalar %llu, u8 %llu, s8 %llu, s16 %llu, rows %llu; QUANT %llu\n",
		      (unsigned long long)seen.paths[INK_PATH_SCALAR],
		      (unsigned long long)seen.paths[INK_PATH_U8],
		      (unsigned long long)seen.paths[INK_PATH_S8],
		      (unsigned long long)seen.paths[INK_PATH_S16],
		      (unsigned long long)seen.paths[INK_PATH_ROWS],
		      (unsigned long long)seen.paths[INK_PATH_QUANT]);
	print_message("  int8 %llu (%llu with table), int16 %llu, int32 %llu; shifts %llx; fused steps %llu, cut steps %llu; tiles %llu, in turn %llu\n",
		      (unsigned long long)seen.dtypes[INKLING_INT8],
		      (unsigned long long)seen.tables,
		      (unsigned long long)seen.dtypes[INKLING_INT16],
		      (unsigned long long)seen.dtypes[INKLING_INT32],
		      (unsigned long long)seen.shifts, (unsigned long long)seen.fused,
		      (unsigned long long)seen.cut, (unsigned long long)seen.tiles,
		      (unsigned long long)seen.turns);
	/* A test whose outputs don't depend on inputs would prove nothing. A graph's first has none before it. */
	assert_true(seen.changed > (seen.cases - seen.graphs) / 2);
}

static void dense_is_exact(void **state)
{
	run_kind(INK_RANDMODEL_DENSE, 34);
	assert_true(seen.paths[INK_PATH_U8] && seen.paths[INK_PATH_S8] &&
		    seen.paths[INK_PATH_S16] && seen.paths[INK_PATH_ROWS]);
	assert_true(seen.dtypes[INKLING_INT8] && seen.dtypes[INKLING_INT16] &&
		    seen.dtypes[INKLING_INT32] && seen.tables);
	assert_int_equal(seen.shifts, 0x7ffffffffffffffeull);
}

static void quant_is_exact(void **state)
{
	run_kind(INK_RANDMODEL_QUANT, 20);
	assert_true(seen.paths[INK_PATH_QUANT]);
}

static void mlp_is_exact(void **state)
{
	run_kind(INK_RANDMODEL_MLP, 25);
	assert_true(seen.fused && seen.tiles);
}

static void mix_is_exact(void **state)
{
	u32 op;

	run_kind(INK_RANDMODEL_MIX, 20);
	for (op = INKLING_OP_QUANT; op < INKLING_OP_EMBED; op++)
		assert_true(seen.ops[op]);
	assert_true(seen.sections);
}

static void large_is_exact(void **state)
{
	run_kind(INK_RANDMODEL_LARGE, 1);
	assert_true(seen.cut && seen.sections && seen.turns);
}

/* All operators on sequences; those that see a whole text have no place with states. */
static void sequences_are_exact(enum ink_randmodel_kind kind, u32 share)
{
	u32 op;

	run_kind(kind, share);
	for (op = INKLING_OP_EMBED; op < INKLING_OP_NR; op++) {
		bool whole = op == INKLING_OP_HASHEMBED || op == INKLING_OP_SHIFT ||
			     op == INKLING_OP_UNFOLD || op == INKLING_OP_TRANSPOSE;

		if (!seen.ops[op] != (whole && kind == INK_RANDMODEL_DECODER))
			fail_msg("%s: %llu in %s models", ink_op_name(op),
				 (unsigned long long)seen.ops[op], ink_randmodel_name(kind));
	}
}

static void encoder_is_exact(void **state)
{
	sequences_are_exact(INK_RANDMODEL_ENCODER, 5);
}

static void decoder_is_exact(void **state)
{
	sequences_are_exact(INK_RANDMODEL_DECODER, 5);
	assert_true(seen.calls);
}

static int find_ways(void **state)
{
	size_t i;

	for (i = 0; i < WAYS; i++) {
		bool has = ink_isa_has(ways[i].plan);

		print_message("%s%s\n", ways[i].name,
			      has ? "" : ": not compared, this CPU hasn't got it");
		if (has)
			ways[n_ways++] = ways[i];
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dense_is_exact),
		cmocka_unit_test(quant_is_exact),
		cmocka_unit_test(mlp_is_exact),
		cmocka_unit_test(mix_is_exact),
		cmocka_unit_test(large_is_exact),
		cmocka_unit_test(encoder_is_exact),
		cmocka_unit_test(decoder_is_exact),
	};

	return cmocka_run_group_tests(tests, find_ways, NULL);
}
