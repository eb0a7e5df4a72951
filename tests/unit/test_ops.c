// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operators against a second opinion.
 *
 * What lives here: each operator written once more, in the plainest way and
 * with 128-bit integers, and compared with the engine's on random graphs; and
 * single cases at ties, clamps and extremes whose results are written out.
 * What doesn't: vector code against scalar code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "exp2_ref.h"
#include "models.h"
#include "ops.h"

/* x / 2^shift to the nearest, ties upwards: floor(x / 2^shift + 1/2). */
static wide nearest(wide x, s32 shift)
{
	wide d = (wide)1 << shift, n = 2 * x + d, q = n / (2 * d);

	return q - (n % (2 * d) < 0);
}

static s32 limit(wide x, s32 lo, s32 hi)
{
	return x < lo ? lo : x > hi ? hi : (s32)x;
}

static s32 get(const void *p, u32 dtype, u32 i)
{
	s32 v = 0;

	if (dtype == INKLING_INT8)
		return ((const s8 *)p)[i];
	if (dtype == INKLING_INT16)
		return ((const s16 *)p)[i];
	memcpy(&v, (const u8 *)p + 4 * i, 4);
	return v;
}

struct arg {
	const void *p;
	const struct ink_tensor *t;
};

static s32 at(const struct arg *a, u32 i)
{
	return get(a->p, a->t->dtype, i);
}

/* 16.16 logarithm: floor of (e + v / 2^e - 1) * 2^16. */
static wide log2_ref(u64 v)
{
	u32 e = 0;

	while (v >> e > 1)
		e++;
	return ((wide)e << 16) + (((wide)v << 16) >> e) - 65536;
}

static void ref_quant(const struct inkling_op *op, const struct arg *in, s32 *y, u32 m)
{
	const struct inkling_quant_row *q = in[1].p;
	u32 r, i, n = 0;

	for (r = 0; r < in[1].t->rows; r++, q++) {
		s32 x = at(&in[0], (u32)q->feature);
		wide u = (wide)limit(x, q->lo, q->hi) - q->lo;

		if (q->kind == INKLING_QUANT_ONEHOT) {
			for (i = 0; i < (u32)q->width; i++)
				y[n++] = (s64)x == (s64)q->lo + i ? q->mult : q->zero;
			continue;
		}
		if (q->kind == INKLING_QUANT_LOG2)
			u = log2_ref((u64)u + 1);
		y[n++] = limit(q->zero + nearest(u * q->mult, q->shift), -128, 127);
	}
	assert_int_equal(n, m);
}

static void ref_dense(const struct inkling_op *op, const struct arg *in, s32 *y, u32 m)
{
	u32 n = in[0].t->count, row, i;

	for (row = 0; row < m; row++) {
		wide acc = at(&in[2], row), v;

		for (i = 0; i < n; i++)
			acc += (wide)at(&in[1], row * n + i) * at(&in[0], i);
		v = nearest(acc * at(&in[3], row), at(&in[4], row)) + op->attr[0];
		y[row] = limit(v, op->attr[1], op->attr[2]);
		if (in[5].t)
			y[row] = at(&in[5], (u32)(y[row] + 128));
	}
}

static void ref_pair(const struct inkling_op *op, const struct arg *in, s32 *y, u32 m)
{
	const s32 *a = op->attr;
	u32 i;

	for (i = 0; i < m; i++) {
		wide p = (wide)at(&in[0], i) - a[0], q = (wide)at(&in[1], i) - a[1];
		wide v = op->opcode == INKLING_OP_ADD ? p * a[2] + q * a[3] : p * q * a[2];

		y[i] = limit(nearest(v, a[4]) + a[5], a[6], a[7]);
	}
}

static void ref_dist(const struct inkling_op *op, const struct arg *in, s32 *y, u32 m)
{
	const s32 *a = op->attr;
	wide sum = 0;
	u32 i;

	for (i = 0; i < in[0].t->count; i++) {
		wide d = ((wide)at(&in[0], i) - a[0]) - ((wide)at(&in[1], i) - a[1]);

		sum += d * d;
	}
	y[0] = limit(nearest(sum * a[2], a[3]), 0, S32_MAX);
}

static void ref_argmax(const struct inkling_op *op, const struct arg *in, s32 *y, u32 m)
{
	u32 n = in[0].t->count, i;
	s64 lead = S64_MAX;

	y[0] = 0;
	for (i = 1; i < n; i++)
		if (at(&in[0], i) > at(&in[0], (u32)y[0]))
			y[0] = (s32)i;
	for (i = 0; i < n; i++)
		if (i != (u32)y[0])
			lead = min(lead, (s64)at(&in[0], (u32)y[0]) - at(&in[0], i));
	y[1] = n > 1 ? (s32)min(lead, (s64)S32_MAX) : 0;
}

static void ref_softmax(const struct inkling_op *op, const struct arg *in, s32 *y, u32 m)
{
	wide e[20000], sum = 0;
	s64 top = S64_MIN, all = 0;
	u32 i;

	assert_in_range(m, 1, ARRAY_SIZE(e));
	for (i = 0; i < m; i++)
		top = max(top, (s64)at(&in[0], i));
	for (i = 0; i < m; i++) {
		e[i] = exp2_q30_ref(((wide)top - at(&in[0], i)) * op->attr[0] >> op->attr[1]);
		sum += e[i];
	}
	for (i = 0; i < m; i++) {
		y[i] = limit((e[i] * 32768 + sum / 2) / sum, 0, 32767);
		all += y[i];
	}
	/* Each is rounded to half a step, and 32768 is cut to 32767. */
	assert_true(all <= 32768 + m / 2 && all >= 32767 - (s64)(m + 1) / 2);
}

static void ref_lut(const struct inkling_op *op, const struct arg *in, s32 *y, u32 m)
{
	u32 i;

	for (i = 0; i < m; i++)
		y[i] = at(&in[1], (u32)(at(&in[0], i) + 128));
}

static void ref_concat(const struct inkling_op *op, const struct arg *in, s32 *y, u32 m)
{
	u32 k, i, n = 0;

	for (k = 0; k < INKLING_MAX_INPUTS && in[k].t; k++)
		for (i = 0; i < in[k].t->count; i++)
			y[n++] = at(&in[k], i);
	assert_int_equal(n, m);
}

static void (*const refs[INKLING_OP_EMBED])(const struct inkling_op *, const struct arg *, s32 *, u32) = {
	[INKLING_OP_QUANT] = ref_quant, [INKLING_OP_DENSE] = ref_dense, [INKLING_OP_LUT] = ref_lut,
	[INKLING_OP_ADD] = ref_pair, [INKLING_OP_MUL] = ref_pair, [INKLING_OP_CONCAT] = ref_concat,
	[INKLING_OP_SOFTMAX] = ref_softmax, [INKLING_OP_ARGMAX] = ref_argmax,
	[INKLING_OP_DIST] = ref_dist,
};

static u64 compared[INKLING_OP_NR];

static void compare_op(const struct ink_plan *plan, u8 *arena, u32 i)
{
	const struct ink_graph *g = plan->graph;
	const struct inkling_op *op = &g->ops[i];
	const struct ink_bound *b = &plan->bound[i];
	const struct ink_tensor *out = &g->tensors[op->out[0]];
	struct arg in[INKLING_MAX_INPUTS] = { 0 };
	s32 *want = malloc(out->count * sizeof(*want)), got;
	u32 k;

	assert_non_null(want);
	for (k = 0; k < INKLING_MAX_INPUTS && op->in[k] != INKLING_NONE; k++) {
		in[k].t = &g->tensors[op->in[k]];
		in[k].p = in[k].t->data ? in[k].t->data : arena + b->in_off[k];
	}
	refs[op->opcode](op, in, want, out->count);
	ink_op_run(b, arena, 0, b->m);
	for (k = 0; k < out->count; k++) {
		got = get(arena + b->out_off, out->dtype, k);
		if (got != want[k])
			fail_msg("%s: op %u (%s), element %u: %d, should be %d", g->card->name, i,
				 ink_op_name(op->opcode), k, got, want[k]);
	}
	compared[op->opcode] += out->count;
	free(want);
}

static void compare_graph(const struct image *img, struct ink_rand *r)
{
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img->p, img->size, &why);
	struct ink_plan *plan;
	void *arena = NULL;
	u8 *in, *out;
	u32 i, k;
	s32 v;

	assert_non_null(g);
	plan = ink_plan_build(g, INK_ISA_SCALAR, &why);
	assert_non_null(plan);
	in = malloc(plan->input_size + 1);
	out = malloc(plan->output_size + 1);
	assert_int_equal(posix_memalign(&arena, 64, plan->arena_size), 0);
	for (k = 0; k < 3; k++) {
		for (i = 0; i < plan->input_size; i += 4) {
			v = k == 2 ? ink_rand_range(r, -10, 5000) : (s32)ink_rand_next(r);
			memcpy(in + 1 + i, &v, min(4u, plan->input_size - i));
		}
		ink_plan_input(plan, arena, in + 1);
		for (i = 0; i < g->header->n_ops; i++)
			compare_op(plan, arena, i);
		/* The whole run gives the same, from and to odd addresses. */
		memset(out, 0xa5, plan->output_size + 1);
		memcpy(out + 1, (u8 *)arena + plan->output_off, plan->output_size);
		memset(arena, 0x5a, plan->arena_size);
		ink_plan_run(plan, INK_ISA_SCALAR, arena, in + 1, NULL);
		assert_memory_equal(out + 1, (u8 *)arena + plan->output_off, plan->output_size);
	}
	free(in);
	free(out);
	free(arena);
	ink_plan_free(plan);
	ink_graph_free(g);
}

static void test_random_graphs(void **state)
{
	struct ink_rand r = { 11 };
	u64 seed;
	u32 i;

	for (seed = 0; seed < 2000; seed++) {
		struct image img = random_image_of(seed % INK_RANDMODEL_LARGE, seed);

		compare_graph(&img, &r);
		image_free(&img);
	}
	for (i = 1; i < INKLING_OP_EMBED; i++) {
		print_message("# %s: %llu elements compared\n", ink_op_name(i),
			      (unsigned long long)compared[i]);
		assert_in_range(compared[i], 1000, U32_MAX);
	}
}

static void test_models(void **state)
{
	struct ink_rand r = { 12 };
	u32 i;

	for (i = 0; i < MODEL_NR; i++) {
		struct image img = model_image(i);

		compare_graph(&img, &r);
		image_free(&img);
	}
}

/* One row, one input: y = clamp(zp + round(x * w * mult / 2^shift)). */
static s32 dense1(s8 x, s8 w, s32 bias, s32 mult, s8 shift, s32 zp, s32 lo, s32 hi, u32 dtype)
{
	const s32 attr[3] = { zp, lo, hi };
	struct ink_bound b = {
		.opcode = INKLING_OP_DENSE, .in_dtype = INKLING_INT8, .out_dtype = (u8)dtype,
		.n_in = 5, .m = 1, .n = 1, .attr = attr, .in_count = { 1, 1, 1, 1, 1 },
		.in_const = { NULL, &w, &bias, &mult, &shift }, .out_off = 64,
	};
	u8 arena[128] __aligned(64) = { (u8)x };

	ink_op_run(&b, arena, 0, 1);
	return get(arena + 64, dtype, 0);
}

static void test_dense_rounds(void **state)
{
	const s32 one = 1 << 30;

	/* Halves go up, on both sides of zero. */
	assert_int_equal(dense1(1, 1, 0, one, 31, 0, -128, 127, INKLING_INT8), 1);
	assert_int_equal(dense1(-1, 1, 0, one, 31, 0, -128, 127, INKLING_INT8), 0);
	assert_int_equal(dense1(3, 1, 0, one, 31, 0, -128, 127, INKLING_INT8), 2);
	assert_int_equal(dense1(-3, 1, 0, one, 31, 0, -128, 127, INKLING_INT8), -1);
	assert_int_equal(dense1(-5, 1, 0, one, 31, 0, -128, 127, INKLING_INT8), -2);
	/* Just below and above a half. */
	assert_int_equal(dense1(1, 1, 0, one - 1, 31, 0, -128, 127, INKLING_INT8), 0);
	assert_int_equal(dense1(-1, 1, 0, one + 1, 31, 0, -128, 127, INKLING_INT8), -1);
	/* The zero point comes after the rounding, the clamp last. */
	assert_int_equal(dense1(-1, 1, 0, one, 31, 7, -128, 127, INKLING_INT8), 7);
	assert_int_equal(dense1(100, 1, 0, one, 30, 100, -128, 127, INKLING_INT8), 127);
	assert_int_equal(dense1(-100, 1, 0, one, 30, -100, -128, 127, INKLING_INT8), -128);
	assert_int_equal(dense1(-100, 1, 0, one, 30, -100, -20, 127, INKLING_INT8), -20);
	assert_int_equal(dense1(100, 1, 0, one, 30, 0, -20, 6, INKLING_INT8), 6);
	/* The largest of all products, and the greatest shift. */
	assert_int_equal(dense1(-128, -128, 0, S32_MAX, 31, 0, S32_MIN, S32_MAX, INKLING_INT32), 16384);
	assert_int_equal(dense1(0, 0, S32_MAX, one, 30, 0, S32_MIN, S32_MAX, INKLING_INT32), S32_MAX);
	assert_int_equal(dense1(0, 0, -S32_MAX, one, 30, -1, S32_MIN, S32_MAX, INKLING_INT32), S32_MIN);
	assert_int_equal(dense1(0, 0, S32_MAX, S32_MAX, 62, 0, S32_MIN, S32_MAX, INKLING_INT32), 1);
	assert_int_equal(dense1(0, 0, -S32_MAX, S32_MAX, 62, 0, S32_MIN, S32_MAX, INKLING_INT32), -1);
	assert_int_equal(dense1(127, 127, 0, one, 23, 0, -32768, 32767, INKLING_INT16), 32767);
}

static void quant1(const struct inkling_quant_row *q, s32 x, s8 *y)
{
	struct ink_bound b = {
		.opcode = INKLING_OP_QUANT, .in_dtype = INKLING_INT32, .out_dtype = INKLING_INT8,
		.n_in = 2, .m = (u32)q->width, .n = 1, .in_count = { 1, 8 }, .in_const = { NULL, q },
		.out_off = 64,
	};
	u8 arena[192] __aligned(64);

	memset(arena, 0x77, sizeof(arena));
	memcpy(arena, &x, sizeof(x));
	ink_op_run(&b, arena, 0, b.m);
	memcpy(y, arena + 64, (size_t)q->width);
	assert_int_equal(arena[64 + q->width], 0x77);
}

static void test_quant(void **state)
{
	const struct inkling_quant_row linear = { INKLING_QUANT_LINEAR, 0, -100, 100, 1, 1, -50, 1 };
	const struct inkling_quant_row all = {
		INKLING_QUANT_LINEAR, 0, S32_MIN, S32_MAX, S32_MAX, 55, -128, 1
	};
	const struct inkling_quant_row log = {
		INKLING_QUANT_LOG2, 0, S32_MIN, S32_MAX, 1 << 17, 31, -1, 1
	};
	const struct inkling_quant_row onehot = { INKLING_QUANT_ONEHOT, 0, -2, 1, 9, 0, -9, 4 };
	s8 y[4];

	quant1(&linear, -100, y);
	assert_int_equal(y[0], -50);
	quant1(&linear, -99, y);	/* half a step: up */
	assert_int_equal(y[0], -49);
	quant1(&linear, 100, y);
	assert_int_equal(y[0], 50);
	quant1(&linear, S32_MAX, y);
	assert_int_equal(y[0], 50);
	quant1(&linear, S32_MIN, y);
	assert_int_equal(y[0], -50);
	quant1(&all, S32_MIN, y);
	assert_int_equal(y[0], -128);
	quant1(&all, S32_MAX, y);	/* 2^63 / 2^55 is 256 */
	assert_int_equal(y[0], 127);
	quant1(&all, 0, y);
	assert_int_equal(y[0], 0);
	quant1(&log, S32_MIN, y);	/* log2(1), log2(2^32) in units of 1/4 */
	assert_int_equal(y[0], -1);
	quant1(&log, S32_MAX, y);
	assert_int_equal(y[0], 127);
	quant1(&log, S32_MIN + 1, y);
	assert_int_equal(y[0], 3);
	quant1(&onehot, -2, y);
	assert_memory_equal(y, ((s8[]){ 9, -9, -9, -9 }), 4);
	quant1(&onehot, 1, y);
	assert_memory_equal(y, ((s8[]){ -9, -9, -9, 9 }), 4);
	quant1(&onehot, 2, y);
	assert_memory_equal(y, ((s8[]){ -9, -9, -9, -9 }), 4);
	quant1(&onehot, -3, y);
	assert_memory_equal(y, ((s8[]){ -9, -9, -9, -9 }), 4);
	quant1(&onehot, S32_MAX, y);
	assert_memory_equal(y, ((s8[]){ -9, -9, -9, -9 }), 4);
	quant1(&onehot, S32_MIN, y);
	assert_memory_equal(y, ((s8[]){ -9, -9, -9, -9 }), 4);
}

static void argmax(const s32 *x, u32 n, s32 index, s32 lead)
{
	struct ink_bound b = {
		.opcode = INKLING_OP_ARGMAX, .in_dtype = INKLING_INT32, .out_dtype = INKLING_INT32,
		.n_in = 1, .m = 2, .n = n, .in_count = { n }, .out_off = 64,
	};
	s32 arena[32] __aligned(64);

	memcpy(arena, x, n * sizeof(*x));
	ink_op_run(&b, (u8 *)arena, 0, 2);
	assert_int_equal(arena[16], index);
	assert_int_equal(arena[17], lead);
}

static void test_argmax(void **state)
{
	argmax((s32[]){ 5 }, 1, 0, 0);
	argmax((s32[]){ 5, 5, 5 }, 3, 0, 0);
	argmax((s32[]){ 1, 7, 7 }, 3, 1, 0);
	argmax((s32[]){ 1, 7, 3, 6 }, 4, 1, 1);
	argmax((s32[]){ 9, 7, 3, 6 }, 4, 0, 2);
	argmax((s32[]){ 3, 6, 7, 9 }, 4, 3, 2);
	argmax((s32[]){ S32_MIN, S32_MAX }, 2, 1, S32_MAX);
	argmax((s32[]){ S32_MAX, S32_MIN }, 2, 0, S32_MAX);
	argmax((s32[]){ S32_MIN, S32_MIN }, 2, 0, 0);
	argmax((s32[]){ 0, S32_MIN }, 2, 0, S32_MAX);
	argmax((s32[]){ -1, S32_MIN }, 2, 0, S32_MAX);
	argmax((s32[]){ -2, S32_MIN }, 2, 0, S32_MAX - 1);
}

static s32 dist(const s16 *a, const s16 *c, u32 n, s32 m, s32 shift)
{
	const s32 attr[4] = { 0, 0, m, shift };
	struct ink_bound b = {
		.opcode = INKLING_OP_DIST, .in_dtype = INKLING_INT16, .out_dtype = INKLING_INT32,
		.n_in = 2, .m = 1, .n = n, .attr = attr, .in_count = { n, n }, .in_off = { 0, 64 },
		.out_off = 128,
	};
	u8 arena[192] __aligned(64);

	memcpy(arena, a, n * sizeof(*a));
	memcpy(arena + 64, c, n * sizeof(*c));
	ink_op_run(&b, arena, 0, 1);
	return get(arena + 128, INKLING_INT32, 0);
}

static void test_dist(void **state)
{
	const s16 zero[2] = { 0, 0 }, one[2] = { 1, 1 }, low[2] = { S16_MIN, S16_MIN };
	const s16 high[2] = { S16_MAX, S16_MAX };

	assert_int_equal(dist(one, one, 2, S32_MAX, 1), 0);
	assert_int_equal(dist(one, zero, 1, 1, 1), 1);		/* a half: up */
	assert_int_equal(dist(one, zero, 1, 1, 2), 0);
	assert_int_equal(dist(one, zero, 2, 1, 1), 1);
	assert_int_equal(dist(zero, one, 2, 5, 1), 5);
	/* 2 * 65535^2 / 2 is above 2^31 and cut; a quarter isn't. */
	assert_int_equal(dist(low, high, 2, 1, 1), S32_MAX);
	assert_int_equal(dist(high, low, 2, 1, 3), 1073709056);
	assert_int_equal(dist(low, high, 1, 1, 1), 2147418113);
	assert_int_equal(dist(low, high, 1, 1 << 28, 62), 0);
}

static void softmax(const s32 *x, u32 n, s32 mult, s32 shift, const s16 *want)
{
	const s32 attr[2] = { mult, shift };
	struct ink_bound b = {
		.opcode = INKLING_OP_SOFTMAX, .in_dtype = INKLING_INT32,
		.out_dtype = INKLING_INT16, .n_in = 1, .m = n, .n = n, .attr = attr,
		.in_count = { n }, .out_off = 64,
	};
	s32 arena[64] __aligned(64);
	u32 i;

	memcpy(arena, x, n * sizeof(*x));
	ink_op_run(&b, (u8 *)arena, 0, n);
	for (i = 0; i < n; i++)
		assert_int_equal(((s16 *)(arena + 16))[i], want[i]);
}

static void test_softmax(void **state)
{
	/* One step of the logit is one octave. */
	softmax((s32[]){ 3 }, 1, 65536, 0, (s16[]){ 32767 });
	softmax((s32[]){ 3, 3 }, 2, 65536, 0, (s16[]){ 16384, 16384 });
	softmax((s32[]){ 1, 0 }, 2, 65536, 0, (s16[]){ 21845, 10923 });
	softmax((s32[]){ 0, 1, 2 }, 3, 65536, 0, (s16[]){ 4681, 9362, 18725 });
	softmax((s32[]){ 100, 0 }, 2, 65536, 0, (s16[]){ 32767, 0 });
	softmax((s32[]){ S32_MIN, S32_MAX }, 2, S32_MAX, 0, (s16[]){ 0, 32767 });
	softmax((s32[]){ S32_MIN, S32_MAX }, 2, 0, 0, (s16[]){ 16384, 16384 });
	softmax((s32[]){ S32_MIN, S32_MAX }, 2, S32_MAX, 62, (s16[]){ 16384, 16384 });
	softmax((s32[]){ 0, 30, 15 }, 3, 65536, 0, (s16[]){ 0, 32767, 1 });
}

/* Against real numbers: each probability to 2 steps of 2^-15. */
static void test_softmax_is_close(void **state)
{
	struct ink_rand r = { 5 };
	u32 round, i;

	for (round = 0; round < 2000; round++) {
		const s32 attr[2] = { ink_rand_range(&r, 1, 1 << 20), 4 };
		struct ink_bound b = {
			.opcode = INKLING_OP_SOFTMAX, .in_dtype = INKLING_INT16,
			.out_dtype = INKLING_INT16, .n_in = 1, .attr = attr, .out_off = 64,
		};
		s16 arena[64] __aligned(64);
		double sum = 0, top = -1e9, unit = (double)attr[0] / 16 / 65536, p;

		b.m = b.n = b.in_count[0] = 1 + ink_rand_below(&r, 16);
		for (i = 0; i < b.n; i++) {
			arena[i] = (s16)ink_rand_range(&r, -300, 300);
			top = max(top, (double)arena[i]);
		}
		ink_op_run(&b, (u8 *)arena, 0, b.m);
		for (i = 0; i < b.n; i++)
			sum += exp2((arena[i] - top) * unit);
		for (i = 0; i < b.n; i++) {
			p = exp2((arena[i] - top) * unit) / sum * 32768;
			if (fabs(p - arena[32 + i]) > 2)
				fail_msg("probability %d, should be %f", arena[32 + i], p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_graphs),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_dense_rounds),
		cmocka_unit_test(test_quant),
		cmocka_unit_test(test_argmax),
		cmocka_unit_test(test_dist),
		cmocka_unit_test(test_softmax),
		cmocka_unit_test(test_softmax_is_close),
	};

	return cmocka_run_group_tests_name("operators", tests, NULL, NULL);
}
