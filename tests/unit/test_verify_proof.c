// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the verifier proves: no overflow, bounded cost, range of each tensor.
 *
 * What lives here: accumulators and products exactly at and one above their
 * limits, models exactly at and one above the cost limits, and a check of the
 * ranges that are claimed against every value that random graphs produce. What
 * doesn't: plain checks of fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "verify_case.h"
#include "ops.h"

/* Bias of @row so that the sum of magnitudes is S32_MAX + @above. */
static void fill_accumulator(struct image *img, u32 weights, u32 bias, u32 row, s64 most,
			     s64 above, bool negative)
{
	u32 n = image_tensor(img, weights)->dims[1], i;
	const s8 *w = (const s8 *)image_data(img, weights) + row * n;
	s64 sum = 0, b;

	for (i = 0; i < n; i++)
		sum += llabs((s64)w[i]) * most;
	b = S32_MAX + above - sum;
	((s32 *)image_data(img, bias))[row] = (s32)(negative ? -b : b);
}

static void acc_full(struct image *img)
{
	fill_accumulator(img, RECON_WA, RECON_BA, 2, 128, 0, false);
}

static void acc_above(struct image *img)
{
	fill_accumulator(img, RECON_WA, RECON_BA, 2, 128, 1, false);
}

static void acc_full_negative(struct image *img)
{
	fill_accumulator(img, RECON_WA, RECON_BA, 7, 128, 0, true);
}

static void acc_above_negative(struct image *img)
{
	fill_accumulator(img, RECON_WA, RECON_BA, 7, 128, 1, true);
}

/* The input of flow's second DENSE was clamped to -100..101. */
static void narrow_full(struct image *img)
{
	fill_accumulator(img, FLOW_W2, FLOW_B2, 5, 101, 0, false);
}

static void narrow_above(struct image *img)
{
	fill_accumulator(img, FLOW_W2, FLOW_B2, 5, 101, 1, false);
}

/* Row 1 of flow's last DENSE, to int32, becomes bias * mult / 2^shift + zero. */
static void only_bias(struct image *img, s32 bias, s32 mult, s8 shift, s32 zero)
{
	memset((s8 *)image_data(img, FLOW_W3) + 6, 0, 6);
	((s32 *)image_data(img, FLOW_B3))[1] = bias;
	((s32 *)image_data(img, FLOW_M3))[1] = mult;
	((s8 *)image_data(img, FLOW_S3))[1] = shift;
	image_op(img, FLOW_DENSE3)->attr[0] = zero;
}

static void scaled_full(struct image *img)
{
	only_bias(img, S32_MAX, 1 << 30, 30, 0);
}

static void scaled_above(struct image *img)
{
	only_bias(img, S32_MAX, (1 << 30) + 1, 30, -1000);
}

static void scaled_far_above(struct image *img)
{
	only_bias(img, S32_MAX, S32_MAX, 1, 0);
}

static void zero_above(struct image *img)
{
	only_bias(img, S32_MAX, 1 << 30, 30, 1);
}

static void zero_full(struct image *img)
{
	only_bias(img, -S32_MAX, 1 << 30, 30, -1);
}

static void zero_below(struct image *img)
{
	only_bias(img, -S32_MAX, 1 << 30, 30, -2);
}

static void scaled_lowest(struct image *img)
{
	only_bias(img, -(1 << 30), 1 << 30, 29, 0);
}

static void scaled_below(struct image *img)
{
	only_bias(img, -S32_MAX, (1 << 30) + 1, 30, 1000);
}

static void bias_lowest(struct image *img)
{
	only_bias(img, S32_MIN, 0, 30, 0);
}

/* MUL of A, from -20000 on, with constants, from -32768 on. */
static void mul_attrs(struct image *img, s32 za, s32 zb, s32 m)
{
	struct inkling_op *op = image_op(img, MIX_MUL);

	op->attr[0] = za;
	op->attr[1] = zb;
	op->attr[2] = m;
}

/* -32768 * -32768 * -2^31 is -2^61. */
static void mul_full(struct image *img)
{
	mul_attrs(img, 12768, 0, S32_MIN);
}

static void mul_below(struct image *img)
{
	mul_attrs(img, 12769, 0, S32_MIN);
}

/* -32768 * 32768 * -2^31 is 2^61. */
static void mul_full_positive(struct image *img)
{
	mul_attrs(img, 12768, -32068, S32_MIN);
}

static void mul_above_positive(struct image *img)
{
	mul_attrs(img, 12769, -32068, S32_MIN);
}

/* -52767 * -65535 * (2^31 - 1) */
static void mul_above(struct image *img)
{
	mul_attrs(img, 32767, 32767, S32_MAX);
}

/* The greatest difference of the two vectors becomes @most. */
static void dist_attrs(struct image *img, s64 most, s32 m)
{
	struct inkling_op *op = image_op(img, RECON_DIST);
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img->p, img->size, &why);

	assert_non_null(g);
	op->attr[1] = 0;
	op->attr[0] = (s32)(most + g->tensors[RECON_A].lo - g->tensors[RECON_R].hi);
	assert_true(g->tensors[RECON_A].hi - op->attr[0] - g->tensors[RECON_R].lo <= most);
	op->attr[2] = m;
	ink_graph_free(g);
}

/* 8 * (2^15)^2 * 2^28 is 2^61. */
static void dist_full(struct image *img)
{
	dist_attrs(img, 1 << 15, 1 << 28);
}

static void dist_above(struct image *img)
{
	dist_attrs(img, 1 << 15, (1 << 28) + 1);
}

static void dist_wider(struct image *img)
{
	dist_attrs(img, (1 << 15) + 1, 1 << 28);
}

static void dist_far_above(struct image *img)
{
	dist_attrs(img, 1 << 15, S32_MAX);
}

static struct ink_builder *named(const char *name)
{
	struct ink_builder *b = ink_builder_new();

	assert_non_null(b);
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", name);
	return b;
}

/* @n DENSE of 4096 x 1024, 2^22 products each, that share their weights; LUTs keep all read. */
static struct image shared_dense(u32 n)
{
	static s8 weights[4096 * 1024], shift[1024];
	static s32 bias[1024], mult[1024];
	struct ink_builder *b = named("shared");
	const s32 attr[3] = { 0, -128, 127 };
	u32 in = ink_builder_input(b, INKLING_INT8, 4096), ins[6], outs[32], cat[4], i, k;

	memset(weights, 1, sizeof(weights));
	memset(shift, 20, sizeof(shift));
	ins[1] = ink_builder_matrix(b, INKLING_INT8, 1024, 4096, weights);
	ins[2] = ink_builder_vector(b, INKLING_INT32, 1024, bias);
	ins[3] = ink_builder_vector(b, INKLING_INT32, 1024, mult);
	ins[4] = ink_builder_vector(b, INKLING_INT8, 1024, shift);
	ins[0] = in;
	for (i = 0; i < n; i++) {
		outs[i] = ink_builder_activation(b, INKLING_INT8, 1024);
		ink_builder_op(b, INKLING_OP_DENSE, outs[i], ins, 5, attr, 3);
	}
	/* All outputs into one: pairs of them, added up in a chain. */
	cat[0] = outs[0];
	for (i = 1; i < n; i++) {
		const s32 add[8] = { 0, 0, 1, 1, 1, 0, -128, 127 };

		k = ink_builder_activation(b, INKLING_INT8, 1024);
		cat[1] = outs[i];
		ink_builder_op(b, INKLING_OP_ADD, k, cat, 2, add, 8);
		cat[0] = k;
	}
	ink_builder_io(b, in, cat[0], INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

static struct image most_macs(void)
{
	return shared_dense(16);
}

static struct image too_many_macs(void)
{
	return shared_dense(17);
}

/* @n LUTs over 2^24 elements, of which each counts 2^25. */
static struct image long_luts(u32 n)
{
	static const s8 table[256];
	struct ink_builder *b = named("luts");
	u32 in = ink_builder_input(b, INKLING_INT8, INKLING_MAX_ELEMENTS), ins[2], i;

	ins[0] = in;
	ins[1] = ink_builder_vector(b, INKLING_INT8, 256, table);
	for (i = 0; i < n; i++) {
		u32 out = ink_builder_activation(b, INKLING_INT8, INKLING_MAX_ELEMENTS);

		ink_builder_op(b, INKLING_OP_LUT, out, ins, 2, NULL, 0);
		ins[0] = out;
	}
	ink_builder_io(b, in, ins[0], INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

static struct image most_elements(void)
{
	return long_luts(2);
}

static struct image too_many_elements(void)
{
	return long_luts(3);
}

static const struct verify_case cases[] = {
	ACCEPTED("accumulator full", RECON, .change = acc_full),
	REFUSED("accumulator one above", RECON, OVERFLOW, "row 2 can reach 2147483648",
		.change = acc_above, AT_OP(RECON_DENSE1), AT_TENSOR(RECON_WA)),
	ACCEPTED("accumulator full, negative", RECON, .change = acc_full_negative),
	REFUSED("accumulator one below", RECON, OVERFLOW, "row 7 can reach 2147483648",
		.change = acc_above_negative, AT_OP(RECON_DENSE1), AT_TENSOR(RECON_WA)),
	ACCEPTED("accumulator full, by the input's range", FLOW, .change = narrow_full),
	REFUSED("accumulator one above, by the input's range", FLOW, OVERFLOW, "row 5 can reach",
		.change = narrow_above, AT_OP(FLOW_DENSE2), AT_TENSOR(FLOW_W2)),
	REFUSED("bias of -2^31", FLOW, OVERFLOW, "row 1 can reach 2147483648",
		.change = bias_lowest, AT_OP(FLOW_DENSE3), AT_TENSOR(FLOW_W3)),
	ACCEPTED("scaled to 2^31 - 1", FLOW, .change = scaled_full),
	REFUSED("scaled above 2^31 - 1", FLOW, OVERFLOW, "row 1 is scaled to 2147483649",
		.change = scaled_above, AT_OP(FLOW_DENSE3), AT_TENSOR(FLOW_M3)),
	REFUSED("scaled far above", FLOW, OVERFLOW, "row 1 is scaled to 2305843007066210305",
		.change = scaled_far_above, AT_OP(FLOW_DENSE3), AT_TENSOR(FLOW_M3)),
	ACCEPTED("scaled to -2^31", FLOW, .change = scaled_lowest),
	REFUSED("scaled below -2^31", FLOW, OVERFLOW, "row 1 is scaled to -2147483649",
		.change = scaled_below, AT_OP(FLOW_DENSE3), AT_TENSOR(FLOW_M3)),
	REFUSED("zero point above 2^31 - 1", FLOW, OVERFLOW, "row 1 is scaled to 2147483647",
		.change = zero_above, AT_OP(FLOW_DENSE3), AT_TENSOR(FLOW_M3)),
	ACCEPTED("zero point to -2^31", FLOW, .change = zero_full),
	REFUSED("zero point below -2^31", FLOW, OVERFLOW, "row 1 is scaled to -2147483647",
		.change = zero_below, AT_OP(FLOW_DENSE3), AT_TENSOR(FLOW_M3)),
	ACCEPTED("MUL to -2^61", MIX, .change = mul_full),
	REFUSED("MUL below -2^61", MIX, OVERFLOW, "times -2147483648 is above 2^61",
		.change = mul_below, AT_OP(MIX_MUL), AT_TENSOR(MIX_D)),
	ACCEPTED("MUL to 2^61", MIX, .change = mul_full_positive),
	REFUSED("MUL just above 2^61", MIX, OVERFLOW, "times -2147483648 is above 2^61",
		.change = mul_above_positive, AT_OP(MIX_MUL), AT_TENSOR(MIX_D)),
	REFUSED("MUL above 2^61", MIX, OVERFLOW, "times 2147483647 is above 2^61",
		.change = mul_above, AT_OP(MIX_MUL), AT_TENSOR(MIX_D)),
	ACCEPTED("DIST to 2^61", RECON, .change = dist_full),
	REFUSED("DIST above 2^61, by its multiplier", RECON, OVERFLOW,
		"8 squares of up to 32768 times 268435457", .change = dist_above,
		AT_OP(RECON_DIST), AT_TENSOR(RECON_D)),
	REFUSED("DIST above 2^61, by its range", RECON, OVERFLOW,
		"8 squares of up to 32769 times 268435456", .change = dist_wider,
		AT_OP(RECON_DIST), AT_TENSOR(RECON_D)),
	REFUSED("DIST above 2^63", RECON, OVERFLOW, "times 2147483647", .change = dist_far_above,
		AT_OP(RECON_DIST), AT_TENSOR(RECON_D)),
	ACCEPTED("2^26 multiply-accumulates", FLOW, .make = most_macs),
	REFUSED("17 * 2^22 multiply-accumulates", FLOW, COST,
		"op 16: more than 67108864 multiply-accumulates", .make = too_many_macs,
		AT_OP(16)),
	ACCEPTED("2^26 elements", FLOW, .make = most_elements),
	REFUSED("3 * 2^25 elements", FLOW, COST, "op 2: more than 67108864", AT_OP(2),
		.make = too_many_elements),
};

static s32 value_at(const void *p, u32 dtype, u32 i)
{
	return dtype == INKLING_INT8 ? ((const s8 *)p)[i] :
	       dtype == INKLING_INT16 ? ((const s16 *)p)[i] : ((const s32 *)p)[i];
}

/* Run each op by itself and compare what it made with what was claimed of it. */
static void check_ranges(const struct ink_plan *plan, u8 *arena)
{
	const struct ink_graph *g = plan->graph;
	const struct ink_tensor *t;
	u32 op, i, tensor;
	s32 v;

	for (op = 0; op < g->header->n_ops; op++) {
		ink_op_run(&plan->bound[op], arena, 0, plan->bound[op].units);
		tensor = g->ops[op].out[0];
		t = &g->tensors[tensor];
		for (i = 0; i < (t->seq ? ink_plan_tokens(plan, arena) * t->cols : t->count); i++) {
			v = value_at(arena + plan->bound[op].out_off, t->dtype, i);
			if (v < t->lo || v > t->hi)
				fail_msg("%s: op %u (%s) made %d at %u of tensor %u, claimed %d..%d",
					 g->card->name, op, ink_op_name(g->ops[op].opcode), v, i,
					 tensor, t->lo, t->hi);
		}
	}
}

static void fill_input(struct ink_rand *r, u8 *in, const struct ink_tensor *t, u32 style)
{
	u32 i;
	s32 v;

	if (t->seq) {
		ink_randmodel_input(r, t->dtype, t->count, NULL, in);
		return;
	}
	for (i = 0; i < t->count; i++) {
		v = style == 0 ? t->lo : style == 1 ? t->hi :
		    style == 2 ? (ink_rand_below(r, 2) ? t->lo : t->hi) : ink_rand_range(r, t->lo, t->hi);
		if (style == 3 && t->dtype == INKLING_INT32)
			v = ink_rand_range(r, -10, 1000);
		memcpy(in + i * t->elem, &v, t->elem);
	}
}

static void test_ranges_hold(void **state)
{
	struct ink_rand r = { 7 };
	u64 seed;
	u32 k;

	for (seed = 0; seed < 1500; seed++) {
		struct image img = random_image(seed);
		struct ink_why why;
		struct ink_graph *g = ink_graph_parse(img.p, img.size, &why);
		const struct ink_tensor *t;
		struct ink_plan *plan;
		void *arena = NULL;
		u8 *in;

		if (!g)
			fail_msg("random graph %llu refused: %s", (unsigned long long)seed, why.text);
		plan = ink_plan_build(g, INK_ISA_SCALAR, &why);
		assert_non_null(plan);
		t = &g->tensors[g->header->input];
		in = malloc(plan->input_size);
		assert_int_equal(posix_memalign(&arena, 64, plan->arena_size), 0);
		for (k = 0; k < 8; k++) {
			fill_input(&r, in, t, min(k, 4u));
			ink_plan_input(plan, arena, in);
			assert_true(ink_plan_accept(plan, arena, NULL, 0));
			check_ranges(plan, arena);
		}
		free(in);
		free(arena);
		ink_plan_free(plan);
		ink_graph_free(g);
		image_free(&img);
	}
}

/* A claim that is too wide would let less through; these are the exact ends. */
static void test_ranges_are_tight(void **state)
{
	struct image img = model_image(MODEL_MIX);
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img.p, img.size, &why);
	const s8 *w = g->tensors[MIX_WB].data;
	const s32 *bias = g->tensors[MIX_BB].data;
	s64 lo = S64_MAX, hi = S64_MIN;
	u32 row, i;

	/* MIX_B: mult 2^30, shift 33: an eighth, zero point -3; not clamped. */
	for (row = 0; row < MIX_N; row++) {
		s64 a = bias[row], b = bias[row];

		for (i = 0; i < MIX_N; i++) {
			s32 x = w[row * MIX_N + i];

			a += x * (x > 0 ? -128 : 127);
			b += x * (x > 0 ? 127 : -128);
		}
		lo = min(lo, ((a + 4) >> 3) - 3);
		hi = max(hi, ((b + 4) >> 3) - 3);
	}
	assert_true(lo > -20000 && hi < 20001);
	assert_int_equal(g->tensors[MIX_B].lo, lo);
	assert_int_equal(g->tensors[MIX_B].hi, hi);
	/* MIX_F holds MIX_D, MIX_E and the input, which is the widest. */
	assert_int_equal(g->tensors[MIX_F].lo, -128);
	assert_int_equal(g->tensors[MIX_F].hi, 127);
	assert_int_equal(g->tensors[MIX_G].lo, 0);
	ink_graph_free(g);
	image_free(&img);

	img = model_image(MODEL_FLOW);
	g = ink_graph_parse(img.p, img.size, &why);
	/* LINEAR ends at -128 + 1010 / 4, LOG2 begins at -100; see models.c. */
	assert_int_equal(g->tensors[FLOW_Q].lo, -128);
	assert_int_equal(g->tensors[FLOW_Q].hi, -128 + 253);
	assert_int_equal(g->tensors[FLOW_P].lo, 0);
	assert_int_equal(g->tensors[FLOW_P].hi, 32767);
	ink_graph_free(g);
	image_free(&img);
}

static void test_costs(void **state)
{
	struct image img = model_image(MODEL_FLOW);
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img.p, img.size, &why);

	assert_int_equal(g->macs, 4 * 5 + 6 * 4 + 3 * 6);
	/* QUANT reads 3 by 3 rows and makes 5, LUT 6 and 6, SOFTMAX 3 and 3. */
	assert_int_equal(g->elements, 3 + 3 + 5 + 12 + 6);
	assert_int_equal(g->bytes, 96 + (20 + 4 * 9) + (24 + 6 * 9 + 256) + 256 + (18 + 3 * 9));
	ink_graph_free(g);
	image_free(&img);
}

static void test_lifetimes(void **state)
{
	struct image img = model_image(MODEL_MIX);
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img.p, img.size, &why);

	assert_int_equal(g->tensors[MIX_IN].producer, INKLING_NONE);
	assert_int_equal(g->tensors[MIX_IN].last_use, MIX_CONCAT);
	assert_int_equal(g->tensors[MIX_A].producer, MIX_DENSE1);
	assert_int_equal(g->tensors[MIX_A].last_use, MIX_MUL);
	assert_int_equal(g->tensors[MIX_B].last_use, MIX_ADD);
	assert_int_equal(g->tensors[MIX_G].producer, MIX_ARGMAX);
	assert_int_equal(g->tensors[MIX_G].last_use, MIX_OPS);
	ink_graph_free(g);
	image_free(&img);
}

static void test_names(void **state)
{
	u32 i, k;

	for (i = 0; i < INK_RULE_NR; i++) {
		assert_non_null(ink_rule_name(i));
		assert_string_not_equal(ink_rule_name(i), "unknown");
		for (k = 0; k < i; k++)
			assert_string_not_equal(ink_rule_name(i), ink_rule_name(k));
	}
	assert_string_equal(ink_rule_name(INK_RULE_NR), "unknown");
	assert_string_equal(ink_op_name(INKLING_OP_QUANT), "QUANT");
	assert_string_equal(ink_op_name(INKLING_OP_DIST), "DIST");
	assert_string_equal(ink_op_name(0), "unknown");
	assert_string_equal(ink_op_name(INKLING_OP_NR), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges_hold),
		cmocka_unit_test(test_ranges_are_tight),
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_names),
	};
	int failed = verify_cases_run("verify limits", cases, ARRAY_SIZE(cases));

	return failed + cmocka_run_group_tests_name("verify proofs", tests, NULL, NULL);
}
