// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each operator on sequences gives the same bits in vectors as in plain C.
 *
 * What lives here: one operator at a time, of shapes around and across those of
 * vectors, on rows of any 16-bit values, in calls of any length, with states that
 * several calls fill. What doesn't: graphs of many operators (test_exact.c), and
 * whether the specification is right (test_ops.c).
 *
 * INK_EXACT_CASES=N and INK_EXACT_SEED=N override.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core.h"
#include "image_builder.h"
#include "rand.h"

#ifndef CASES		/* by the kernel's build */
#define CASES	400	/* of each operator */
#endif
#define CALLS	4	/* of each model */
#define MOST	24	/* tokens of a call */

/* A model that is being built. */
struct draft {
	struct ink_builder *b;
	struct ink_rand r;
	u32 tokens, context;	/* most tokens of a call, of all calls */
	u32 in;
};

/* What the cases covered. */
static u64 seen_vector, seen_changed;

static u64 number(const char *name, u64 fallback)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : fallback;
}

static u32 below(struct draft *d, u32 n)
{
	return ink_rand_below(&d->r, n);
}

static s32 between(struct draft *d, s64 lo, s64 hi)
{
	return (s32)ink_rand_range(&d->r, lo, hi);
}

/* A number of columns: small, near a multiple of a vector, or any. */
static u32 some_cols(struct draft *d, u32 most)
{
	u32 n = below(d, 3) ? 1 + below(d, most) : 8 * (1 + below(d, most / 8));

	return below(d, 4) ? n : 1 + below(d, 20);
}

/* A constant of random numbers from @lo to @hi, at times only of its ends. */
static u32 constant(struct draft *d, u32 dtype, u32 rows, u32 cols, s64 lo, s64 hi)
{
	u32 size = dtype == INKLING_INT8 ? 1 : dtype == INKLING_INT16 ? 2 : 4, n = rows * cols, i, t;
	bool ends = !below(d, 5);
	u8 *data = malloc((size_t)n * size);
	s32 v;

	assert_non_null(data);
	for (i = 0; i < n; i++) {
		v = !ends ? between(d, lo, hi) : below(d, 2) ? (s32)lo : (s32)hi;
		memcpy(data + (size_t)i * size, &v, size);
	}
	t = rows > 1 ? ink_builder_matrix(d->b, dtype, rows, cols, data) :
		       ink_builder_vector(d->b, dtype, cols, data);
	free(data);
	return t;
}

/* Shifts and multipliers; @wide: some below 33. */
static void scales(struct draft *d, u32 rows, u32 *mult, u32 *shift)
{
	bool wide = !below(d, 3);

	*mult = constant(d, INKLING_INT32, 1, rows, wide ? 0 : 1 << 29, wide ? 1 << 20 : S32_MAX);
	*shift = constant(d, INKLING_INT8, 1, rows, wide ? 22 : 36, wide ? 62 : 50);
}

/* Rows of @cols that are anything from @lo to @hi. */
static u32 rows_of(struct draft *d, u32 cols, s32 lo, s32 hi)
{
	const u32 words = 1 + below(d, 40);
	u32 in[5] = { d->in, constant(d, INKLING_INT8, words, cols, -128, 127) };
	s32 attr[] = { (s32)below(d, words), lo, hi };
	u32 out = ink_builder_sequence(d->b, INKLING_INT16, d->tokens, cols);

	in[2] = constant(d, INKLING_INT32, 1, words, 0, S32_MAX);
	in[3] = constant(d, INKLING_INT8, 1, words, 22, 34);
	in[4] = below(d, 3) ? constant(d, INKLING_INT16, d->context, cols, S16_MIN, S16_MAX) : INKLING_NONE;
	ink_builder_op(d->b, INKLING_OP_EMBED, out, in, 5, attr, 3);
	return out;
}

/* Ends of an output; at times narrow. */
static void limits(struct draft *d, u32 dtype, s32 *attr)
{
	s64 lo = dtype == INKLING_INT16 ? S16_MIN : S32_MIN, hi = -lo - 1;

	attr[0] = below(d, 2) ? (s32)lo : between(d, lo, 0);
	attr[1] = below(d, 2) ? (s32)hi : between(d, 0, hi);
}

static u32 linear(struct draft *d, u32 x, u32 n, u32 m, u32 dtype, u32 add)
{
	s32 most = 127 / (1 + below(d, 3)), attr[2];
	u32 in[6] = { x, constant(d, INKLING_INT8, m, n, -most, most) };
	u32 out = ink_builder_sequence(d->b, dtype, d->tokens, m);

	in[2] = constant(d, INKLING_INT32, 1, m, -(1 << 24), 1 << 24);
	scales(d, m, &in[3], &in[4]);
	in[5] = add;
	limits(d, dtype, attr);
	ink_builder_op(d->b, INKLING_OP_LINEAR, out, in, 6, attr, 2);
	return out;
}

static u32 build_linear(struct draft *d)
{
	u32 n = some_cols(d, 300), m = some_cols(d, 100), dtype = INKLING_INT16 + below(d, 2);
	s32 most = n > 500 ? 16384 : 32767;
	u32 x = rows_of(d, n, -most - 1, most), add = INKLING_NONE;

	if (below(d, 2) && dtype == INKLING_INT16)
		add = rows_of(d, m, S16_MIN, S16_MAX);
	else if (below(d, 2) && dtype == INKLING_INT32)
		add = linear(d, x, n, m, dtype, INKLING_NONE);
	return linear(d, x, n, m, dtype, add);
}

static u32 op_of(struct draft *d, u32 opcode, u32 cols, const u32 *in, u32 n_in, const s32 *attr,
		 u32 n_attr)
{
	u32 out = ink_builder_sequence(d->b, INKLING_INT16, d->tokens, cols);

	ink_builder_op(d->b, opcode, out, in, n_in, attr, n_attr);
	return out;
}

static u32 build_embed(struct draft *d)
{
	s32 ends[2];

	limits(d, INKLING_INT16, ends);
	return rows_of(d, some_cols(d, 100), ends[0], ends[1]);
}

static u32 build_hashembed(struct draft *d)
{
	u32 cols = some_cols(d, 100);
	s32 attr[6] = { 1 + (s32)below(d, 8), (s32)ink_rand_next(&d->r), between(d, 0, S32_MAX),
			below(d, 8) ? 20 + (s32)below(d, 16) : 1 + (s32)below(d, 62) };
	u32 in[3] = { d->in, constant(d, INKLING_INT8, 1u << below(d, 8), cols, -128, 127) };

	in[2] = below(d, 2) ? rows_of(d, cols, S16_MIN, S16_MAX) : INKLING_NONE;
	limits(d, INKLING_INT16, &attr[4]);
	return op_of(d, INKLING_OP_HASHEMBED, cols, in, 3, attr, 6);
}

static u32 build_unfold(struct draft *d)
{
	u32 cols = some_cols(d, 60), in = rows_of(d, cols, S16_MIN, S16_MAX);
	s32 width = 1 + (s32)below(d, 6), attr[6] = { 0, 1, width, 1, 0, (s32)below(d, (u32)width) };

	return op_of(d, INKLING_OP_UNFOLD, cols * (u32)width, &in, 1, attr, 6);
}

static u32 build_norm(struct draft *d)
{
	u32 cols = some_cols(d, below(d, 20) ? 100 : 4096);
	s32 most = 32767 >> below(d, 16), attr[6] = { (s32)below(d, 2), 1 + between(d, 0, 99), 0 };
	u32 in[3] = { rows_of(d, cols, -most - 1, most) };

	if (!below(d, 4))
		attr[1] = between(d, 1, S32_MAX);
	attr[2] = (s32)below(d, below(d, 2) ? 31 : 2);
	attr[3] = below(d, 8) ? 20 + (s32)below(d, 12) : 1 + (s32)below(d, 46);
	limits(d, INKLING_INT16, &attr[4]);
	in[1] = constant(d, INKLING_INT16, 1, cols, S16_MIN, S16_MAX);
	in[2] = below(d, 2) ? constant(d, INKLING_INT32, 1, cols, -(1 << 20), 1 << 20) : INKLING_NONE;
	return op_of(d, INKLING_OP_NORM, cols, in, 3, attr, 6);
}

static u32 build_curve(struct draft *d)
{
	u32 cols = some_cols(d, 200);
	u32 in[2] = { rows_of(d, cols, S16_MIN, S16_MAX) };

	in[1] = constant(d, INKLING_INT16, 1, INKLING_CURVE_POINTS, S16_MIN, S16_MAX);
	return op_of(d, INKLING_OP_CURVE, cols, in, 2, NULL, 0);
}

static u32 build_rope(struct draft *d)
{
	s32 attr[3] = { 1 + (s32)below(d, 6) };
	u32 cols = 2 * (1 + below(d, 16));
	u32 in[2] = { 0 };

	cols = below(d, 3) ? ALIGN(cols, 8u) : cols;
	in[0] = rows_of(d, cols * (u32)attr[0], S16_MIN, S16_MAX);
	in[1] = constant(d, INKLING_INT16, d->context, cols, -16384, 16384);
	limits(d, INKLING_INT16, &attr[1]);
	return op_of(d, INKLING_OP_ROPE, cols * (u32)attr[0], in, 2, attr, 3);
}

static u32 pair(struct draft *d, u32 opcode)
{
	s32 attr[8] = { 0 }, most = below(d, 4) ? 1 << 30 : S32_MAX;
	u32 cols = some_cols(d, 200);
	u32 in[2] = { rows_of(d, cols, S16_MIN, S16_MAX), rows_of(d, cols, S16_MIN, S16_MAX) };

	attr[2] = between(d, -most, most);
	attr[3] = opcode == INKLING_OP_ADD ? between(d, -most, most) : 0;
	attr[4] = below(d, 6) ? 31 + (s32)below(d, opcode == INKLING_OP_ADD ? 8 : 20) :
				1 + (s32)below(d, 62);
	if (!below(d, 8))
		attr[below(d, 2)] = between(d, -5, 5);
	if (!below(d, 8))
		attr[5] = between(d, S16_MIN, S16_MAX);
	limits(d, INKLING_INT16, &attr[6]);
	return op_of(d, opcode, cols, in, 2, attr, 8);
}

static u32 build_add(struct draft *d)
{
	return pair(d, INKLING_OP_ADD);
}

static u32 build_mul(struct draft *d)
{
	return pair(d, INKLING_OP_MUL);
}

static u32 build_scale(struct draft *d)
{
	u32 cols = some_cols(d, 100), gates = 1 + below(d, 9);
	u32 in[3] = { rows_of(d, cols, S16_MIN, S16_MAX), rows_of(d, gates, S16_MIN, S16_MAX) };
	s32 attr[1] = { (s32)below(d, gates) };

	in[2] = below(d, 2) ? rows_of(d, cols, S16_MIN, S16_MAX) : INKLING_NONE;
	return op_of(d, INKLING_OP_SCALE, cols, in, 3, attr, 1);
}

/* Scores are such that shares are of many sizes, or of none. */
static u32 attention(struct draft *d, bool states)
{
	u32 groups = 1 + below(d, 3), heads = groups * (1 + below(d, 3)), cols = 2 * (1 + below(d, 40));
	u32 queries = 1 + below(d, 5), out;
	bool same = states || below(d, 2);
	s32 attr[6] = { (s32)heads, (s32)groups, same && below(d, 4), 0, 0, 0 };
	bool fixed = !same && below(d, 2);
	s32 most;
	u32 in[5];

	cols = below(d, 4) ? ALIGN(cols, 8u) : cols;
	most = cols > 32 ? 4000 : 8000;
	if (same && !below(d, 2))
		attr[3] = 1 + (s32)below(d, d->context);
	attr[4] = below(d, 8) ? between(d, 1 << 20, S32_MAX) : (s32)below(d, 3);
	attr[5] = below(d, 8) ? 30 + (s32)below(d, 14) : (s32)below(d, 63);
	in[0] = fixed ? constant(d, INKLING_INT16, queries, cols * heads, -most, most) :
			rows_of(d, cols * heads, -most, most);
	in[1] = rows_of(d, cols * groups, -most, most);
	in[2] = rows_of(d, cols * groups, S16_MIN, S16_MAX);
	in[3] = states ? ink_builder_state(d->b, d->context, cols * groups) : INKLING_NONE;
	in[4] = states ? ink_builder_state(d->b, d->context, cols * groups) : INKLING_NONE;
	if (!fixed)
		return op_of(d, INKLING_OP_ATTENTION, cols * heads, in, 5, attr, 6);
	out = ink_builder_rows(d->b, INKLING_INT16, queries, cols * heads);
	ink_builder_op(d->b, INKLING_OP_ATTENTION, out, in, 5, attr, 6);
	return out;
}

static u32 build_attention(struct draft *d)
{
	return attention(d, false);
}

static u32 build_states(struct draft *d)
{
	return attention(d, true);
}

static u32 build_pool(struct draft *d)
{
	u32 cols = some_cols(d, 100), in = rows_of(d, cols, S16_MIN, S16_MAX);
	u32 out = ink_builder_rows(d->b, INKLING_INT16, 1, cols);
	s32 attr[1] = { (s32)below(d, INKLING_POOL_LAST + 1) };

	ink_builder_op(d->b, INKLING_OP_POOL, out, &in, 1, attr, 1);
	return out;
}

/* A sequence can't be an output: something that reads it, so that it is there when all has run. */
static u32 sink(struct draft *d, u32 x)
{
	const struct inkling_tensor *t = ink_builder_tensor_at(d->b, x);
	u32 in[2] = { x, d->in }, cols = t->dims[1], out;
	s32 attr[2] = { INKLING_POOL_LAST, 0 };

	if (t->dtype == INKLING_INT32) {
		out = ink_builder_activation(d->b, INKLING_INT32, 1);
		ink_builder_op(d->b, INKLING_OP_NLL, out, in, 2, attr, 2);
	} else {
		out = ink_builder_rows(d->b, INKLING_INT16, 1, cols);
		ink_builder_op(d->b, INKLING_OP_POOL, out, in, 1, attr, 1);
	}
	return out;
}

struct ways {
	struct ink_graph *graph;
	u32 op;			/* that is looked at: the last but one, which the last reads */
	struct ink_plan *plan[INK_ISA_NR];
	u8 *arena[INK_ISA_NR], *state[INK_ISA_NR];
};

static void ways_open(struct ways *w, const void *image, size_t size, u64 seed)
{
	struct ink_why why;
	u32 isa;

	w->graph = ink_graph_parse(image, size, &why);
	if (!w->graph)
		fail_msg("%llu: %s", (unsigned long long)seed, why.text);
	w->op = w->graph->header->n_ops - 2;
	for (isa = 0; isa < INK_ISA_NR; isa++) {
		if (!ink_isa_has(isa))
			continue;
		w->plan[isa] = ink_plan_build_with(w->graph, isa, seed & 1 ? INK_PLAN_UNFUSED : 0, &why);
		assert_non_null(w->plan[isa]);
		w->arena[isa] = ink_port_alloc(ink_tile_size(w->plan[isa], 1));
		memset(w->arena[isa], (int)(seed * 37 + isa * 101), ink_tile_size(w->plan[isa], 1));
		w->state[isa] = ink_port_zalloc(w->plan[isa]->state_size + 64);
		seen_vector += w->plan[isa]->bound[w->op].path != INK_PATH_SCALAR;
	}
}

static void ways_close(struct ways *w)
{
	u32 isa;

	for (isa = 0; isa < INK_ISA_NR; isa++) {
		ink_port_free(w->arena[isa]);
		ink_port_free(w->state[isa]);
		ink_plan_free(w->plan[isa]);
	}
	ink_graph_free(w->graph);
}

/* Returns what the op made. */
static const u8 *run(const struct ways *w, enum ink_isa isa, const void *in, u32 position)
{
	const struct ink_plan *plan = w->plan[isa];
	void *arena = w->arena[isa];
	u32 i;

	ink_plan_input(plan, arena, in);
	assert_true(ink_plan_accept(plan, arena, w->state[isa], position));
	for (i = 0; i < ink_plan_schedule(plan, arena, 1)->n_sections; i++)
		ink_plan_section(plan, isa, arena, 1, i);
	return w->arena[isa] + plan->bound[w->op].out_off;
}

/* A call of @n tokens by each instruction set. */
static void call(const struct ways *w, struct draft *d, u64 seed, u32 n, u32 position)
{
	const struct ink_bound *b = &w->plan[0]->bound[w->op];
	u32 elem = b->out_dtype == INKLING_INT16 ? 2 : 4, row = b->out_cols * elem;
	u32 size = b->seq ? n * row : b->m * elem, isa, i;
	struct { u32 n; u8 token[MOST]; } in = { .n = n };
	const u8 *want = NULL, *got;

	for (i = 0; i < n; i++)
		in.token[i] = (u8)below(d, 48);
	for (isa = 0; isa < INK_ISA_NR; isa++) {
		if (!w->plan[isa])
			continue;
		got = run(w, isa, &in, position);
		want = want ? want : got;
		for (i = 0; i < size && got[i] == want[i]; i++)
			;
		if (i < size)
			fail_msg("%s %llu, %u tokens at %u: byte %u of row %u (of %u x %u) is %02x by %s",
				 ink_op_name(b->opcode), (unsigned long long)seed, n, position,
				 i % row, i / row, size / row, row, got[i], ink_isa_name(isa));
	}
	for (i = elem; i < size; i++)
		if (want[i] != want[i % elem])
			break;
	seen_changed += i < size;
}

static void one_case(u32 (*build)(struct draft *d), u64 seed)
{
	struct draft d = { .b = ink_builder_new(), .tokens = 1 };
	u32 i, n, position = 0, out;
	struct ways w = { 0 };
	void *image;
	size_t size;

	ink_rand_seed(&d.r, seed);
	if (below(&d, 4))
		d.tokens += below(&d, MOST);
	d.context = ALIGN(d.tokens * CALLS, 8u);
	d.in = ink_builder_tokens(d.b, INKLING_UINT8, d.tokens);
	out = sink(&d, build(&d));
	ink_builder_text(d.b, ink_builder_card(d.b)->name, 64, "name", "seq");
	ink_builder_io(d.b, d.in, out, INKLING_HEAD_RAW, 0);
	assert_int_equal(ink_builder_finish(d.b, &image, &size), 0);
	ways_open(&w, image, size, seed);
	for (i = 0; i < CALLS; i++) {
		n = below(&d, 3) ? d.tokens : 1 + below(&d, d.tokens);
		call(&w, &d, seed, n, w.graph->context ? position : 0);
		position += n;
	}
	ways_close(&w);
	free(image);
	ink_builder_free(d.b);
}

static void run_op(u32 (*build)(struct draft *d), u32 opcode)
{
	u64 cases = number("INK_EXACT_CASES", CASES), seed = number("INK_EXACT_SEED", 1) << 32, i;

	seen_vector = seen_changed = 0;
	for (i = 0; i < cases; i++)
		one_case(build, seed + i);
	print_message("%s: %llu models, %llu plans with it in vectors, %llu of %llu calls with more than one value\n",
		      ink_op_name(opcode), (unsigned long long)cases,
		      (unsigned long long)seen_vector, (unsigned long long)seen_changed,
		      (unsigned long long)cases * CALLS);
	assert_true(seen_changed > cases * CALLS / 2);
	assert_true(seen_vector || !ink_isa_has(INK_ISA_AVX2));
}

static void linear_is_exact(void **state)
{
	run_op(build_linear, INKLING_OP_LINEAR);
}

static void embed_is_exact(void **state)
{
	run_op(build_embed, INKLING_OP_EMBED);
}

static void hashembed_is_exact(void **state)
{
	run_op(build_hashembed, INKLING_OP_HASHEMBED);
}

static void unfold_is_exact(void **state)
{
	run_op(build_unfold, INKLING_OP_UNFOLD);
}

static void pool_is_exact(void **state)
{
	run_op(build_pool, INKLING_OP_POOL);
}

static void norm_is_exact(void **state)
{
	run_op(build_norm, INKLING_OP_NORM);
}

static void curve_is_exact(void **state)
{
	run_op(build_curve, INKLING_OP_CURVE);
}

static void rope_is_exact(void **state)
{
	run_op(build_rope, INKLING_OP_ROPE);
}

static void add_is_exact(void **state)
{
	run_op(build_add, INKLING_OP_ADD);
}

static void mul_is_exact(void **state)
{
	run_op(build_mul, INKLING_OP_MUL);
}

static void scale_is_exact(void **state)
{
	run_op(build_scale, INKLING_OP_SCALE);
}

static void attention_is_exact(void **state)
{
	run_op(build_attention, INKLING_OP_ATTENTION);
}

static void attention_with_states_is_exact(void **state)
{
	run_op(build_states, INKLING_OP_ATTENTION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linear_is_exact),
		cmocka_unit_test(embed_is_exact),
		cmocka_unit_test(hashembed_is_exact),
		cmocka_unit_test(unfold_is_exact),
		cmocka_unit_test(pool_is_exact),
		cmocka_unit_test(norm_is_exact),
		cmocka_unit_test(curve_is_exact),
		cmocka_unit_test(rope_is_exact),
		cmocka_unit_test(add_is_exact),
		cmocka_unit_test(mul_is_exact),
		cmocka_unit_test(scale_is_exact),
		cmocka_unit_test(attention_is_exact),
		cmocka_unit_test(attention_with_states_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
