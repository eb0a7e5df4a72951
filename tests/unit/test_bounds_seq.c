// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the verifier proves of accumulators, beside what they hold.
 *
 * What lives here: the operators on sequences, compiled such that they note the
 * largest magnitude of each accumulator (peak.h), under random models and under
 * models and inputs made to reach as far as can be: none is above its bound, and
 * no bound is more than four times what is reached. Documentation/verifier.rst has
 * the bounds and the table that this prints. What doesn't: ranges of results
 * (test_verify_proof.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models.h"
#include "ops.h"
#include "peak.h"

u64 ink_peak_of[INK_PEAK_NR];

static const char *const names[INK_PEAK_NR] = {
	"EMBED, times the multiplier", "HASHEMBED, times the multiplier", "NORM, D sum of squares",
	"NORM, times the root", "NORM, normalised", "NORM, times gamma", "LINEAR, sum of products",
	"CURVE", "ROPE", "ATTENTION, score", "ATTENTION, sum of weights", "ATTENTION, weighted values",
	"POOL, sum", "GATE, sum of weights", "SCALE", "NLL, sum of weights", "NLL, sum of tokens",
};

/* The greatest that was reached, and the bound that was proven of that. */
static u64 reached[INK_PEAK_NR], bounds[INK_PEAK_NR];

static u64 magnitude(const struct ink_tensor *t)
{
	return (u64)max(-(s64)t->lo, (s64)t->hi);
}

/* |bias| + sum of |weight| times the largest input, of the largest row. */
static u64 linear_bound(const struct ink_tensor *const *in)
{
	u32 rows = in[1]->rows, cols = in[1]->cols, r, k;
	const s8 *w = in[1]->data;
	u64 most = 0, sum;

	for (r = 0; r < rows; r++) {
		sum = (u64)llabs((s64)((const s32 *)in[2]->data)[r]);
		for (k = 0; k < cols; k++, w++)
			sum += (u64)abs(*w) * magnitude(in[0]);
		most = max(most, sum);
	}
	assert_true(most <= S32_MAX);
	return most;
}

static void bounds_of_attention(const struct ink_graph *g, const struct inkling_op *op,
				const struct ink_tensor *const *in, u64 *b)
{
	u64 keys = in[3] ? g->context : in[1]->rows, d = in[0]->cols / (u32)op->attr[0];

	b[INK_PEAK_ATTENTION_SCORE] = d * magnitude(in[0]) * magnitude(in[1]);
	b[INK_PEAK_ATTENTION_WEIGHTS] = keys << 20;
	b[INK_PEAK_ATTENTION_VALUES] = (32770 + keys + keys / 512) * magnitude(in[2]);
	assert_true(b[INK_PEAK_ATTENTION_SCORE] <= S32_MAX);
	assert_true(b[INK_PEAK_ATTENTION_WEIGHTS] <= U32_MAX + 1ull);
	assert_true(b[INK_PEAK_ATTENTION_VALUES] + (1 << 14) <= S32_MAX);
}

/* By Documentation/verifier.rst, with the op's own shapes; 0 for what the op hasn't. */
static void bounds_of(const struct ink_graph *g, const struct inkling_op *op, u64 *b)
{
	const struct ink_tensor *in[INKLING_MAX_INPUTS] = { NULL };
	u64 d;
	u32 i;

	memset(b, 0, INK_PEAK_NR * sizeof(*b));
	for (i = 0; i < INKLING_MAX_INPUTS; i++)
		in[i] = op->in[i] == INKLING_NONE ? NULL : &g->tensors[op->in[i]];
	d = in[0]->cols;
	switch (op->opcode) {
	case INKLING_OP_EMBED:
		b[INK_PEAK_EMBED] = magnitude(in[1]) * magnitude(in[2]);
		break;
	case INKLING_OP_HASHEMBED:
		b[INK_PEAK_HASHEMBED] = magnitude(in[1]) * (u64)op->attr[2];
		break;
	case INKLING_OP_NORM:
		b[INK_PEAK_NORM_SQUARES] = d * d << 30;
		b[INK_PEAK_NORM_ELEMENT] = 1ull << 59;
		b[INK_PEAK_NORM_NORMALISED] = 1ull << 30;
		b[INK_PEAK_NORM_GAMMA] = magnitude(in[1]) << 30;
		break;
	case INKLING_OP_LINEAR:
		b[INK_PEAK_LINEAR] = linear_bound(in);
		break;
	case INKLING_OP_CURVE:
		b[INK_PEAK_CURVE] = 64 * magnitude(in[1]);
		break;
	case INKLING_OP_ROPE:
		b[INK_PEAK_ROPE] = 2 * magnitude(in[0]) * magnitude(in[1]);
		break;
	case INKLING_OP_ATTENTION:
		bounds_of_attention(g, op, in, b);
		break;
	case INKLING_OP_POOL:
		b[INK_PEAK_POOL] = in[0]->rows * magnitude(in[0]);
		break;
	case INKLING_OP_GATE:
		b[INK_PEAK_GATE] = d << 20;
		break;
	case INKLING_OP_SCALE:
		b[INK_PEAK_SCALE] = magnitude(in[0]) * magnitude(in[1]);
		break;
	case INKLING_OP_NLL:
		b[INK_PEAK_NLL_WEIGHTS] = d << 30;
		b[INK_PEAK_NLL] = (u64)in[0]->rows << 22;
		break;
	}
}

/* Run an op by itself; @aims: what is reached counts for the table. */
static void run_op(const struct ink_plan *plan, u8 *arena, u32 i, bool aims)
{
	const struct inkling_op *op = &plan->graph->ops[i];
	u64 b[INK_PEAK_NR];
	u32 k;

	memset(ink_peak_of, 0, sizeof(ink_peak_of));
	ink_op_run(&plan->bound[i], arena, 0, plan->bound[i].units);
	bounds_of(plan->graph, op, b);
	for (k = 0; k < INK_PEAK_NR; k++) {
		if (ink_peak_of[k] > b[k])
			fail_msg("%s: op %u (%s): %s is %llu, proven is %llu", plan->graph->card->name,
				 i, ink_op_name(op->opcode), names[k], (unsigned long long)ink_peak_of[k],
				 (unsigned long long)b[k]);
		if (!aims || ink_peak_of[k] <= reached[k])
			continue;
		reached[k] = ink_peak_of[k];
		bounds[k] = b[k];
	}
}

struct run {
	struct image img;
	struct ink_graph *g;
	struct ink_plan *plan;
	u8 *arena, *state, *in;
	u32 position;
};

static void run_open(struct run *r, struct image img)
{
	struct ink_why why;
	void *p = NULL;

	*r = (struct run){ .img = img };
	r->g = ink_graph_parse(img.p, img.size, &why);
	if (!r->g)
		fail_msg("refused: %s", why.text);
	r->plan = ink_plan_build(r->g, INK_ISA_SCALAR, &why);
	if (!r->plan)
		fail_msg("not planned: %s", why.text);
	assert_int_equal(posix_memalign(&p, 64, r->plan->arena_size), 0);
	r->arena = memset(p, 0x55, r->plan->arena_size);
	assert_int_equal(posix_memalign(&p, 64, r->plan->state_size + 64), 0);
	r->state = memset(p, 0x55, r->plan->state_size + 64);
	r->in = calloc(1, r->plan->input_size);
}

static void run_close(struct run *r)
{
	free(r->in);
	free(r->state);
	free(r->arena);
	ink_plan_free(r->plan);
	ink_graph_free(r->g);
	image_free(&r->img);
}

/* All ops on the input; false when the states are full. */
static bool run_call(struct run *r, bool aims)
{
	u32 i;

	ink_plan_input(r->plan, r->arena, r->in);
	if (!ink_plan_accept(r->plan, r->arena, r->plan->state_size ? r->state : NULL, r->position))
		return false;
	for (i = 0; i < r->g->header->n_ops; i++)
		run_op(r->plan, r->arena, i, aims);
	r->position += r->plan->state_size ? ink_plan_tokens(r->plan, r->arena) : 0;
	return true;
}

static void test_random(void **state)
{
	struct ink_rand rand = { 41 };
	const struct ink_tensor *t;
	struct run r;
	u64 seed;
	u32 i;

	for (seed = 0; seed < 1000; seed++) {
		run_open(&r, random_image_of(seed % 2 ? INK_RANDMODEL_DECODER : INK_RANDMODEL_ENCODER, seed));
		t = &r.g->tensors[r.g->header->input];
		for (i = 0; i < 4; i++) {
			ink_randmodel_input(&rand, t->dtype, t->count, r.img.p, r.in);
			if (!run_call(&r, false))
				break;
		}
		run_close(&r);
	}
}

/* What follows builds models that reach as far as an operator can. */
struct extreme {
	struct ink_builder *b;
	u32 in, tokens, words;
	s32 most;		/* rows are within -most - 1 to most */
};

static u32 constant(struct extreme *e, u32 dtype, u32 rows, u32 cols, s32 value)
{
	u32 elem = dtype == INKLING_INT8 ? 1 : dtype == INKLING_INT16 ? 2 : 4, i, t;
	u8 *data = malloc((size_t)rows * cols * elem);

	assert_non_null(data);
	for (i = 0; i < rows * cols; i++)
		memcpy(data + (size_t)i * elem, &value, elem);
	t = rows > 1 ? ink_builder_matrix(e->b, dtype, rows, cols, data) :
		       ink_builder_vector(e->b, dtype, cols, data);
	free(data);
	return t;
}

static struct extreme begin(u32 tokens, s32 most)
{
	struct extreme e = { .b = ink_builder_new(), .tokens = tokens, .most = most };

	ink_builder_text(e.b, ink_builder_card(e.b)->name, 64, "name", "extreme");
	e.in = ink_builder_tokens(e.b, INKLING_UINT16, tokens);
	return e;
}

/* Rows of @cols by words, whose signs are those of @table; as far as 16 bits and @most go. */
static u32 rows_of(struct extreme *e, u32 cols, u32 words, const s8 *table)
{
	const s32 attr[3] = { 0, -e->most - 1, e->most };
	u32 in[4] = { e->in, ink_builder_matrix(e->b, INKLING_INT8, words, cols, table) };
	u32 out = ink_builder_sequence(e->b, INKLING_INT16, e->tokens, cols);

	in[2] = constant(e, INKLING_INT32, 1, words, S32_MAX);
	in[3] = constant(e, INKLING_INT8, 1, words, 16);
	ink_builder_op(e->b, INKLING_OP_EMBED, out, in, 4, attr, 3);
	e->words = words;
	return out;
}

/* Two words: one of @cols of @v, one of it in the first column alone. */
static u32 same_rows(struct extreme *e, u32 cols, s8 v)
{
	s8 *table = calloc(2, cols);
	u32 out;

	assert_non_null(table);
	memset(table, v, cols);
	table[cols] = v;
	out = rows_of(e, cols, 2, table);
	free(table);
	return out;
}

static u32 op_rows(struct extreme *e, u32 opcode, u32 cols, const u32 *in, u32 n, const s32 *attr, u32 n_attr)
{
	u32 out = ink_builder_sequence(e->b, INKLING_INT16, e->tokens, cols);

	ink_builder_op(e->b, opcode, out, in, n, attr, n_attr);
	return out;
}

/* As many calls as there are words, each of one word only; @x: a sequence, which a POOL reads. */
static void reach_output(struct extreme *e, u32 out)
{
	struct run r;
	u32 word, i;
	u16 t;

	ink_builder_io(e->b, e->in, out, INKLING_HEAD_RAW, 0);
	run_open(&r, image_finish(e->b));
	for (word = 0; word < e->words; word++) {
		memcpy(r.in, &e->tokens, 4);
		for (i = 0; i < e->tokens; i++) {
			t = (u16)word;
			memcpy(r.in + 4 + 2 * i, &t, 2);
		}
		assert_true(run_call(&r, true));
	}
	run_close(&r);
}

static void reach(struct extreme *e, u32 x)
{
	u32 cols = ink_builder_tensor_at(e->b, x)->dims[1];
	u32 out = ink_builder_rows(e->b, INKLING_INT16, 1, cols);
	const s32 mean = INKLING_POOL_MEAN;

	ink_builder_op(e->b, INKLING_OP_POOL, out, &x, 1, &mean, 1);
	reach_output(e, out);
}

static void reach_embed(void)
{
	struct extreme e = begin(4, S16_MAX);
	const s32 attr[6] = { 3, 7, S32_MAX, 1, S16_MIN, S16_MAX };
	u32 in[2] = { e.in, constant(&e, INKLING_INT8, 4, 16, -128) };

	e.words = 1;
	reach(&e, op_rows(&e, INKLING_OP_HASHEMBED, 16, in, 2, attr, 6));
	e = begin(4096, S16_MAX);
	reach(&e, same_rows(&e, 16, -128));
}

/* Random weights, and inputs of the signs that each row's have, or of the others. */
static void reach_linear(u32 n, u32 m, struct ink_rand *rand)
{
	const s32 attr[2] = { S16_MIN, S16_MAX };
	struct extreme e = begin(1, S16_MAX);
	s8 *w = malloc(n * m), *table = malloc(2 * n * m);
	s32 *bias = malloc(m * sizeof(*bias));
	u32 in[5], r, k;

	assert_true(w && table && bias);
	for (r = 0; r < m; r++) {
		bias[r] = (s32)ink_rand_range(rand, 0, 1 << 20) * (ink_rand_below(rand, 2) ? 1 : -1);
		for (k = 0; k < n; k++) {
			w[r * n + k] = (s8)ink_rand_range(rand, -127, 127);
			table[2 * r * n + k] = w[r * n + k] > 0 ? 127 : -127;
			table[(2 * r + 1) * n + k] = w[r * n + k] > 0 ? -127 : 127;
		}
	}
	in[0] = rows_of(&e, n, 2 * m, table);
	in[1] = ink_builder_matrix(e.b, INKLING_INT8, m, n, w);
	in[2] = ink_builder_vector(e.b, INKLING_INT32, m, bias);
	in[3] = constant(&e, INKLING_INT32, 1, m, 1 << 30);
	in[4] = constant(&e, INKLING_INT8, 1, m, 46);
	free(w);
	free(table);
	free(bias);
	reach(&e, op_rows(&e, INKLING_OP_LINEAR, m, in, 5, attr, 2));
}

static void reach_norm(u32 kind, u32 d)
{
	const s32 attr[6] = { (s32)kind, 1, 0, 46, S16_MIN, S16_MAX };
	struct extreme e = begin(1, S16_MAX);
	u32 in[2] = { same_rows(&e, d, -128) };

	in[1] = constant(&e, INKLING_INT16, 1, d, S16_MIN);
	reach(&e, op_rows(&e, INKLING_OP_NORM, d, in, 2, attr, 6));
}

/* One element at its lowest, all others at their highest: LAYER's mean is far from it. */
static void reach_outlier(u32 d)
{
	const s32 attr[6] = { INKLING_NORM_LAYER, 1, 0, 46, S16_MIN, S16_MAX };
	struct extreme e = begin(1, S16_MAX);
	s8 *table = malloc(2 * d);
	u32 in[2];

	assert_non_null(table);
	memset(table, 127, 2 * d);
	table[5] = -128;
	in[0] = rows_of(&e, d, 2, table);
	in[1] = constant(&e, INKLING_INT16, 1, d, S16_MIN);
	free(table);
	reach(&e, op_rows(&e, INKLING_OP_NORM, d, in, 2, attr, 6));
}

static void reach_elements(void)
{
	const s32 rope[3] = { 2, S16_MIN, S16_MAX }, first = 0;
	struct extreme e = begin(3, S16_MAX);
	u32 in[2] = { same_rows(&e, 8, -128) };

	in[1] = constant(&e, INKLING_INT16, 1, INKLING_CURVE_POINTS, S16_MIN);
	reach(&e, op_rows(&e, INKLING_OP_CURVE, 8, in, 2, NULL, 0));
	e = begin(3, S16_MAX);
	in[0] = same_rows(&e, 8, -128);
	in[1] = constant(&e, INKLING_INT16, 3, 4, 16384);
	reach(&e, op_rows(&e, INKLING_OP_ROPE, 8, in, 2, rope, 3));
	e = begin(3, S16_MAX);
	in[0] = in[1] = same_rows(&e, 8, -128);
	reach(&e, op_rows(&e, INKLING_OP_SCALE, 8, in, 2, &first, 1));
}

/* All keys alike: the largest sum of weights; all values at an end. @most: so that scores fit. */
static void reach_attention(u32 tokens, u32 d, s32 most)
{
	const s32 attr[6] = { 1, 1, 0, 0, 1 << 30, 40 };
	struct extreme e = begin(tokens, most);
	u32 in[3];

	in[0] = in[1] = same_rows(&e, d, -128);
	e.most = S16_MAX;
	in[2] = same_rows(&e, d, -128);
	reach(&e, op_rows(&e, INKLING_OP_ATTENTION, d, in, 3, attr, 6));
}

static void reach_gate(void)
{
	const s32 attr[3] = { 1024, 1 << 30, 30 };
	struct extreme e = begin(1, S16_MAX);
	u32 in = same_rows(&e, 1024, 127);

	reach(&e, op_rows(&e, INKLING_OP_GATE, 1024, &in, 1, attr, 3));
}

/* Logits that are all alike, or tokens that have none. */
static void reach_nll(u32 tokens, u32 cols)
{
	const s32 attr[2] = { 1 << 30, 26 };
	struct extreme e = begin(tokens, S16_MAX);
	u32 in[2] = { same_rows(&e, cols, 127), e.in };
	u32 out = ink_builder_activation(e.b, INKLING_INT32, 1);

	ink_builder_op(e.b, INKLING_OP_NLL, out, in, 2, attr, 2);
	reach_output(&e, out);
}

static void test_extreme(void **state)
{
	struct ink_rand rand = { 42 };
	u32 i;

	reach_embed();
	for (i = 0; i < 20; i++)
		reach_linear(1 + ink_rand_below(&rand, 500), 1 + ink_rand_below(&rand, 20), &rand);
	for (i = 1; i <= 4096; i *= 8) {
		reach_norm(INKLING_NORM_RMS, i);
		reach_norm(INKLING_NORM_LAYER, i);
	}
	reach_outlier(4096);
	reach_elements();
	reach_attention(7, 4, 23169);
	reach_attention(4096, 2, 32766);
	reach_gate();
	reach_nll(2, 65536);
	reach_nll(4096, 1);
	print_message("# %-32s %20s %20s\n", "accumulator", "proven", "reached");
	for (i = 0; i < INK_PEAK_NR; i++) {
		print_message("# %-32s %20llu %20llu %.3f\n", names[i], (unsigned long long)bounds[i],
			      (unsigned long long)reached[i], (double)bounds[i] / (double)reached[i]);
		if (!reached[i] || bounds[i] > 4 * reached[i])
			fail_msg("%s: no more than %llu of %llu", names[i],
				 (unsigned long long)reached[i], (unsigned long long)bounds[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_extreme),
	};

	return cmocka_run_group_tests_name("bounds of sequences", tests, NULL, NULL);
}
