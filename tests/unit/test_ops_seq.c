// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operators on sequences against a second opinion.
 *
 * What lives here: random encoders and decoders, in calls of any length one after
 * the other, whose every operator is compared with second_seq.c; and that a text
 * gives the same in one call as in many. What doesn't: how near the arithmetic
 * comes to real numbers (test_numerics_seq.c).
 *
 * INK_EXACT_GRAPHS=N and INK_EXACT_SEED=N override how many graphs there are, and which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models.h"
#include "ops.h"
#include "second_seq.h"

#define MOST_STATES	128	/* of one model */
#define GRAPHS		1200
#define CALLS		4	/* of one model, 2 where there are more graphs */

/* A model and all that it remembers. */
struct text {
	struct image img;
	struct ink_graph *g;
	struct ink_plan *plan;
	u8 *arena, *state, *in;
	u32 position;
	s16 *kept[MOST_STATES][2];	/* by op, as second_seq.c has them */
};

static u64 compared[INKLING_OP_NR];

static u64 number(const char *name, u64 fallback)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : fallback;
}

static void open_text(struct text *t, enum ink_randmodel_kind kind, u64 seed)
{
	struct ink_why why;
	void *arena = NULL;
	u32 i;

	*t = (struct text){ .img = random_image_of(kind, seed) };
	t->g = ink_graph_parse(t->img.p, t->img.size, &why);
	if (!t->g)
		fail_msg("%s %llu: %s", ink_randmodel_name(kind), (unsigned long long)seed, why.text);
	t->plan = ink_plan_build(t->g, INK_ISA_SCALAR, &why);
	assert_non_null(t->plan);
	assert_int_equal(posix_memalign(&arena, 64, t->plan->arena_size), 0);
	t->arena = memset(arena, (int)seed, t->plan->arena_size);
	t->in = malloc(t->plan->input_size);
	if (t->plan->state_size) {
		assert_int_equal(posix_memalign(&arena, 64, t->plan->state_size), 0);
		/* What isn't there yet must not matter. */
		t->state = memset(arena, (int)~seed, t->plan->state_size);
	}
	assert_in_range(t->g->header->n_ops, 1, MOST_STATES);
	for (i = 0; t->state && i < t->g->header->n_ops; i++)
		if (t->g->ops[i].opcode == INKLING_OP_ATTENTION) {
			size_t n = t->g->tensors[t->g->ops[i].in[3]].count * sizeof(s16);

			t->kept[i][0] = malloc(n);
			t->kept[i][1] = malloc(n);
		}
}

static void close_text(struct text *t)
{
	u32 i;

	for (i = 0; i < MOST_STATES; i++) {
		free(t->kept[i][0]);
		free(t->kept[i][1]);
	}
	free(t->in);
	free(t->state);
	free(t->arena);
	ink_plan_free(t->plan);
	ink_graph_free(t->g);
	image_free(&t->img);
}

/* Rows of a tensor in this call. */
static u32 rows_now(const struct text *t, const struct ink_tensor *tensor)
{
	return tensor->seq ? ink_plan_tokens(t->plan, t->arena) : tensor->rows;
}

static s32 get(const void *p, u32 dtype, size_t i)
{
	return dtype == INKLING_INT16 ? ((const s16 *)p)[i] : ((const s32 *)p)[i];
}

static void compare_op(struct text *t, u32 i)
{
	const struct inkling_op *op = &t->g->ops[i];
	const struct ink_tensor *y = &t->g->tensors[op->out[0]];
	const struct ink_bound *b = &t->plan->bound[i];
	struct second c = {
		.op = op, .rows = rows_now(t, y), .cols = y->cols,
		.n = ink_plan_tokens(t->plan, t->arena), .before = t->position,
		.keys = t->kept[i][0], .values = t->kept[i][1],
	};
	u32 k, n = c.rows * c.cols;

	for (k = 0; k < b->n_in; k++)
		if (op->in[k] != INKLING_NONE)
			c.in[k] = (struct second_arg){
				.t = &t->g->tensors[op->in[k]],
				.p = b->in_const[k] ?: t->arena + b->in_off[k],
				.rows = rows_now(t, &t->g->tensors[op->in[k]]),
			};
	/* The vector that ADD, MUL, SOFTMAX and ARGMAX work on is test_ops.c's. */
	if (op->opcode < INKLING_OP_EMBED) {
		ink_op_run(b, t->arena, 0, b->units);
		return;
	}
	c.y = malloc(n * sizeof(*c.y));
	second_seq_run(&c);
	memset(t->arena + b->out_off, 0x5a, (size_t)y->count * y->elem);
	/* In two parts, as a plan that is cut does it. */
	k = b->units / 2;
	ink_op_run(b, t->arena, 0, k ?: 1);
	if (k)
		ink_op_run(b, t->arena, k, b->units - k);
	for (k = 0; k < n; k++)
		if (get(t->arena + b->out_off, y->dtype, k) != c.y[k])
			fail_msg("%s: op %u (%s), row %u column %u: %d, should be %d",
				 t->g->card->name, i, ink_op_name(op->opcode), k / c.cols, k % c.cols,
				 get(t->arena + b->out_off, y->dtype, k), c.y[k]);
	compared[op->opcode] += n;
	free(c.y);
}

/* One call with a random input, op by op; false when the states are full. */
static bool call(struct text *t, struct ink_rand *r)
{
	const struct ink_tensor *in = &t->g->tensors[t->g->header->input];
	u32 i;

	ink_randmodel_input(r, in->dtype, in->count, t->img.p, t->in);
	ink_plan_input(t->plan, t->arena, t->in);
	if (!ink_plan_accept(t->plan, t->arena, t->state, t->position))
		return false;
	for (i = 0; i < t->g->header->n_ops; i++)
		compare_op(t, i);
	if (t->state)
		t->position += ink_plan_tokens(t->plan, t->arena);
	return true;
}

static void test_random_graphs(void **state)
{
	u64 first = number("INK_EXACT_SEED", 0) << 32, graphs = number("INK_EXACT_GRAPHS", GRAPHS), seed;
	struct ink_rand r = { 21 + first };
	u32 i;

	for (seed = first; seed < first + graphs; seed++) {
		struct text t;

		open_text(&t, seed % 2 ? INK_RANDMODEL_DECODER : INK_RANDMODEL_ENCODER, seed);
		for (i = 0; i < (graphs > GRAPHS ? 2 : CALLS) && call(&t, &r); i++)
			;
		close_text(&t);
	}
	for (i = INKLING_OP_EMBED; i < INKLING_OP_NR; i++) {
		print_message("# %s: %llu elements compared\n", ink_op_name(i),
			      (unsigned long long)compared[i]);
		assert_true(compared[i] >= 300);
	}
}

static void run_sections(struct text *t)
{
	u32 i;

	for (i = 0; i < ink_plan_schedule(t->plan, t->arena, 1)->n_sections; i++)
		ink_plan_section(t->plan, INK_ISA_SCALAR, t->arena, 1, i);
}

/* @n tokens from @first on of a text; what the output is. */
static void read_tokens(struct text *t, const u16 *tokens, u32 first, u32 n)
{
	u32 elem = t->g->tensors[t->g->header->input].elem, i;

	memset(t->in, 0xee, t->plan->input_size);
	memcpy(t->in, &n, 4);
	for (i = 0; i < n; i++)
		memcpy(t->in + 4 + i * elem, &tokens[first + i], elem);
	ink_plan_input(t->plan, t->arena, t->in);
	assert_true(ink_plan_accept(t->plan, t->arena, t->state, first));
	run_sections(t);
}

/* All that a causal decoder says of a text's last token is the same however the text is cut. */
static bool is_causal(const struct text *t)
{
	u32 i, opcode;
	bool last = false;

	for (i = 0; i < t->g->header->n_ops; i++) {
		opcode = t->g->ops[i].opcode;
		if ((opcode == INKLING_OP_ATTENTION && !t->g->ops[i].attr[2]) ||
		    opcode == INKLING_OP_NLL)
			return false;
		last |= opcode == INKLING_OP_POOL && t->g->ops[i].attr[0] == INKLING_POOL_LAST;
	}
	return last;
}

static void test_cuts(void **state)
{
	struct ink_rand r = { 22 };
	u32 done = 0, i, at, n;
	u64 seed;

	for (seed = 0; done < 200; seed++) {
		u16 tokens[INKLING_MAX_TOKENS];
		struct text t;
		u8 *whole;

		open_text(&t, INK_RANDMODEL_DECODER, seed);
		if (!is_causal(&t)) {
			close_text(&t);
			continue;
		}
		for (i = 0; i < t.g->tokens; i++)
			tokens[i] = (u16)ink_rand_below(&r, 256);
		read_tokens(&t, tokens, 0, t.g->tokens);
		whole = malloc(t.plan->output_size);
		ink_plan_output(t.plan, t.arena, whole);
		memset(t.state, 0x77, t.plan->state_size);
		for (at = 0; at < t.g->tokens; at += n) {
			n = 1 + ink_rand_below(&r, min(t.g->tokens - at, 5u));
			read_tokens(&t, tokens, at, n);
		}
		assert_memory_equal(whole, t.arena + t.plan->output_off, t.plan->output_size);
		free(whole);
		close_text(&t);
		done++;
	}
}

/* What ink_plan_accept() lets through, at its limits. */
static void test_accept(void **state)
{
	struct text t;
	u32 n, tokens, context;

	open_text(&t, INK_RANDMODEL_DECODER, 4);
	tokens = t.g->tokens;
	context = t.g->context;
	memset(t.arena, 0, t.plan->arena_size);
#define ACCEPTS(count, state, position) \
	(n = (count), memcpy(t.arena + t.plan->input_off, &n, 4), \
	 ink_plan_accept(t.plan, t.arena, state, position))
	assert_true(ACCEPTS(1, t.state, 0));
	assert_true(ACCEPTS(tokens, t.state, 0));
	assert_true(ACCEPTS(tokens, t.state, context - tokens));
	assert_true(ACCEPTS(1, t.state, context - 1));
	assert_int_equal(((struct ink_frame *)t.arena)->position, context - 1);
	assert_false(ACCEPTS(0, t.state, 0));
	assert_false(ACCEPTS(tokens + 1, t.state, 0));
	assert_false(ACCEPTS(U32_MAX, t.state, 0));
	assert_false(ACCEPTS(1, t.state, context));
	assert_false(ACCEPTS(tokens, t.state, context - tokens + 1));
	assert_false(ACCEPTS(1, t.state, U32_MAX));
	assert_false(ACCEPTS(1, NULL, 0));
	/* Without a state there is no run, and nothing is written. */
	assert_false(ink_plan_run(t.plan, INK_ISA_SCALAR, t.arena, t.in, NULL));
	close_text(&t);
	for (n = 0, open_text(&t, INK_RANDMODEL_ENCODER, n); !t.g->tokens;
	     open_text(&t, INK_RANDMODEL_ENCODER, ++n))
		close_text(&t);
	assert_true(ACCEPTS(1, NULL, U32_MAX));
	assert_int_equal(((struct ink_frame *)t.arena)->position, 0);
	assert_false(ACCEPTS(t.g->tokens + 1, NULL, 0));
	close_text(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_graphs),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_accept),
	};

	return cmocka_run_group_tests_name("operators on sequences", tests, NULL, NULL);
}
