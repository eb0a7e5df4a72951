// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operators on sequences beside real numbers.
 *
 * What lives here: how far whole operators are from what they stand for, in units
 * of the last place of their output, over their whole domain where that can be
 * tried and densely where not; Documentation/numerics.rst has the table that this
 * prints. What doesn't: the functions that they are made of (test_fixed.c), and
 * whether they do what that page says to the bit (test_ops_seq.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "models.h"
#include "fixed.h"
#include "ops.h"
#include "seq.h"

#define MOST	65536u	/* elements of an operand */
#define KEYS	4096u	/* of an ATTENTION */

/* One operator with an input, which is constant, and an output in an arena of its own. */
static struct alone {
	struct ink_bound b;
	s32 attr[INKLING_MAX_ATTRS];
	s16 x[MOST];
	u8 arena[64 + 2 * MOST + 64 * KEYS] __aligned(64);
} op;

static s16 *output(void)
{
	return (s16 *)(op.arena + 64);
}

/* An operator on one row of @cols. */
static void op_begin(u32 opcode, u32 cols, u32 out_cols)
{
	op.b = (struct ink_bound){
		.opcode = (u16)opcode, .in_dtype = INKLING_INT16, .out_dtype = INKLING_INT16,
		.n_in = 1, .units = 1, .n = cols, .m = out_cols, .out_cols = out_cols,
		.in_cols = { cols }, .in_count = { cols }, .in_const = { op.x },
		.attr = op.attr, .out_off = 64,
	};
	assert_in_range(cols, 1, MOST);
}

static void op_run(void)
{
	ink_op_run(&op.b, op.arena, 0, 1);
}

/* The greatest error that was found. */
static double worst;

static void compare(double got, double want)
{
	worst = fmax(worst, fabs(got - want));
}

/* Prints the line of a table and starts over. */
static void found(double most, const char *fmt, ...)
{
	char name[100];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	print_message("# %s: at most %.3f\n", name, worst);
	if (worst > most)
		fail_msg("%s: %.4f, allowed is %.4f", name, worst, most);
	/* A bound that is far above what is found says nothing. */
	if (worst < most / 2)
		fail_msg("%s: %.4f, which is far below %.4f", name, worst, most);
	worst = 0;
}

static double gelu(double x)
{
	return x / 2 * erfc(-x * M_SQRT1_2);
}

static double silu(double x)
{
	return x / (1 + exp(-x));
}

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* All inputs of a table made as the compiler makes it: from -@in to @in, results up to @out. */
static void curve(double (*f)(double x), double in, double out)
{
	static s16 points[INKLING_CURVE_POINTS];
	double x = in / 32768, y = out / 32767;
	s32 i;

	for (i = 0; i < INKLING_CURVE_POINTS; i++)
		points[i] = (s16)fmin(fmax(nearbyint(f((i * 64 - 32768) * x) / y), -32767), 32767);
	for (i = 0; i < (s32)MOST; i++)
		op.x[i] = (s16)(i - 32768);
	op_begin(INKLING_OP_CURVE, MOST, MOST);
	op.b.in_const[1] = points;
	op_run();
	for (i = 0; i < (s32)MOST; i++)
		compare(output()[i], fmin(fmax(f((i - 32768) * x) / y, -32767), 32767));
}

static void test_curves(void **state)
{
	static const struct {
		const char *name;
		double (*f)(double x);
		double in, out, most;
	} curves[] = {
		{ "GELU to 4", gelu, 4, 4, 1.1 }, { "GELU to 16", gelu, 16, 16, 1.1 },
		{ "GELU to 64", gelu, 64, 64, 1.4 }, { "GELU to 128", gelu, 128, 128, 2 },
		{ "SiLU to 4", silu, 4, 4, 1.1 }, { "SiLU to 16", silu, 16, 16, 1.1 },
		{ "SiLU to 64", silu, 64, 64, 1.1 }, { "SiLU to 128", silu, 128, 128, 1.6 },
		{ "sigmoid to 8", sigmoid, 8, 1, 1.1 }, { "sigmoid to 16", sigmoid, 16, 1, 1.3 },
		{ "sigmoid to 32", sigmoid, 32, 1, 2.4 },
		{ "tanh to 4", tanh, 4, 1, 1.2 }, { "tanh to 8", tanh, 8, 1, 1.7 },
		{ "tanh to 16", tanh, 16, 1, 4 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(curves); i++) {
		curve(curves[i].f, curves[i].in, curves[i].out);
		found(curves[i].most, "CURVE, %s", curves[i].name);
	}
}

/* Rows of numbers of any size: all there are, small ones, one that stands out, the ends. */
static void fill_row(struct ink_rand *r, u32 n, u32 style)
{
	u32 bits = ink_rand_below(r, 16), i;

	for (i = 0; i < n; i++)
		op.x[i] = (s16)((s16)ink_rand_next(r) >> (style % 4 == 1 ? bits : 0));
	if (style % 4 == 2) {
		memset(op.x, 0, n * sizeof(*op.x));
		op.x[ink_rand_below(r, n)] = (s16)ink_rand_next(r);
	}
	for (i = 0; style % 4 == 3 && i < n; i++)
		op.x[i] = op.x[i] & 1 ? S16_MIN : S16_MAX;
}

/* A row normalised by real numbers: what NORM gives before rounding. */
static void compare_norm(u32 d, const s16 *gamma, const s32 *beta)
{
	long double sum = 0, squares = 0, root, y;
	bool layer = op.attr[0] == INKLING_NORM_LAYER;
	u32 j;

	for (j = 0; j < d; j++) {
		sum += op.x[j];
		squares += (long double)op.x[j] * op.x[j];
	}
	squares = layer ? squares * d - sum * sum : squares;
	root = sqrtl(squares + ldexpl(op.attr[1], op.attr[2]));
	for (j = 0; j < d; j++) {
		y = (layer ? (long double)d * op.x[j] - sum : op.x[j]) / root;
		y = ldexpl(y * gamma[j], 24 - op.attr[3]) + beta[j];
		compare(output()[j], (double)fminl(fmaxl(y, -32768), 32767));
	}
}

static void norm(struct ink_rand *r, u32 cases, s32 shift)
{
	static const u32 sizes[] = { 1, 2, 7, 32, 64, 288, 768, 4096 };
	static s16 gamma[4096];
	static s32 beta[4096];
	u32 i, j, d;

	for (i = 0; i < cases; i++) {
		d = sizes[i % ARRAY_SIZE(sizes)];
		fill_row(r, d, i / 8);
		for (j = 0; j < d; j++) {
			gamma[j] = i % 3 ? (s16)ink_rand_next(r) : i % 2 ? S16_MAX : S16_MIN;
			beta[j] = (s32)ink_rand_range(r, -30000, 30000);
		}
		op.attr[0] = i / 32 % 2;
		op.attr[1] = i / 64 % 2 ? 1 : (s32)ink_rand_range(r, 1, S32_MAX);
		op.attr[2] = i / 64 % 4 == 2 ? (s32)ink_rand_below(r, 31) : 0;
		op.attr[3] = shift;
		op.attr[4] = S16_MIN;
		op.attr[5] = S16_MAX;
		op_begin(INKLING_OP_NORM, d, d);
		op.b.in_const[1] = gamma;
		op.b.in_const[2] = beta;
		op_run();
		compare_norm(d, gamma, beta);
	}
}

static void test_norm(void **state)
{
	static const struct {
		s32 shift;
		double most;
	} shifts[] = {
		{ 30, 0.51 }, { 24, 0.51 }, { 20, 0.54 }, { 16, 0.76 }, { 14, 1.5 }, { 13, 2.5 }, { 12, 4.5 },
	};
	struct ink_rand r = { 31 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		norm(&r, 3000, shifts[i].shift);
		found(shifts[i].most, "NORM, shift %d", shifts[i].shift);
	}
}

/* A GATE or SOFTMAX of all columns against the real softmax of the same numbers. */
static void softmax(u32 opcode, u32 n)
{
	bool gate = opcode == INKLING_OP_GATE;
	const s32 *scale = op.attr + gate;
	double unit = ldexp(scale[0], -scale[1] - (gate ? 15 : 16));
	double sum = 0, top = S16_MIN;
	u32 j;

	op.attr[0] = gate ? (s32)n : op.attr[0];
	op_begin(opcode, n, n);
	op_run();
	for (j = 0; j < n; j++)
		top = fmax(top, op.x[j]);
	for (j = 0; j < n; j++)
		sum += exp2((op.x[j] - top) * unit);
	for (j = 0; j < n; j++)
		compare(output()[j], fmin(32768 * exp2((op.x[j] - top) * unit) / sum, 32768));
}

/* A greatest one, others as far below as loses most. */
static void spread(u32 n, double octaves, double unit)
{
	u32 j;

	for (j = 0; j < n; j++)
		op.x[j] = (s16)(j ? 32767 - nearbyint(octaves / unit) : 32767);
}

/* @steps: of an octave */
static void softmaxes(u32 opcode, u32 n, u32 cases, u32 steps)
{
	struct ink_rand r = { 32 + n };
	s32 *scale = op.attr + (opcode == INKLING_OP_GATE), base = opcode == INKLING_OP_GATE ? 15 : 16;
	u32 i;

	for (i = 0; i < cases; i++) {
		fill_row(&r, n, i);
		scale[0] = (s32)ink_rand_range(&r, 1 << 29, S32_MAX);
		scale[1] = (s32)ink_rand_range(&r, 30, 48) - base;
		softmax(opcode, n);
	}
	/* In steps of a 1024th of an octave. */
	scale[0] = 1 << 30;
	scale[1] = 40 - base;
	for (i = 0; i < 31 * steps; i++) {
		spread(n, (double)i / steps, 1 / 1024.0);
		softmax(opcode, n);
	}
}

static void test_softmax(void **state)
{
	u32 n;

	for (n = 2; n <= MOST; n *= n < 8192 ? 8 : 2) {
		softmaxes(INKLING_OP_SOFTMAX, n, 32, n > 1000 ? 2 : 64);
		found(n < 8192 ? 1.01 : n < MOST ? 1.5 : 2.5, "SOFTMAX of %u", n);
	}
}

static void test_gate(void **state)
{
	static const struct {
		u32 n, cases, steps;
		double most;
	} sizes[] = {
		{ 2, 4000, 64, 1.62 }, { 8, 4000, 64, 1.6 }, { 32, 2000, 64, 1.5 }, { 48, 1000, 64, 2 },
		{ 64, 1000, 64, 2.4 }, { 256, 60, 1, 8.3 }, { 1024, 4, 1, 32 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		softmaxes(INKLING_OP_GATE, sizes[i].n, sizes[i].cases, sizes[i].steps);
		found(sizes[i].most, "GATE of %u", sizes[i].n);
	}
}

/* One query and @n keys, of two columns. */
static void attention(u32 n, const s16 *q, const s16 *k, const s16 *v)
{
	double unit = ldexp(op.attr[4], -op.attr[5] - 15), top = -INFINITY, sum = 0, y = 0, w;
	u32 i;

	op_begin(INKLING_OP_ATTENTION, 2, 2);
	op.b.n_in = 3;
	for (i = 0; i < 3; i++) {
		op.b.in_cols[i] = 2;
		op.b.in_count[i] = i ? 2 * n : 2;
	}
	op.b.in_const[0] = q;
	op.b.in_const[1] = k;
	op.b.in_const[2] = v;
	op.b.scratch_off = 128;
	assert_true(128 + ink_attention_scratch(n, 2, false) <= sizeof(op.arena));
	op.attr[0] = op.attr[1] = 1;
	op.attr[2] = op.attr[3] = 0;
	op_run();
	for (i = 0; i < n; i++)
		top = fmax(top, (double)q[0] * k[2 * i] + (double)q[1] * k[2 * i + 1]);
	for (i = 0; i < n; i++) {
		w = exp2(((double)q[0] * k[2 * i] + (double)q[1] * k[2 * i + 1] - top) * unit);
		sum += w;
		y += w * v[2 * i];
	}
	compare(output()[0], fmin(fmax(y / sum, -32768), 32767));
}

/* What one key among many is given, which is greatest where the others lose most by the cut to Q20. */
static void attention_cut(u32 n, const s16 *q, s16 *k, s16 *v, u32 steps)
{
	u32 i, step;

	memset(v, 0, 4 * n);
	v[0] = S16_MAX;
	op.attr[4] = 1 << 30;
	op.attr[5] = 38;	/* 2^23 is an octave */
	for (step = 0; step < 22 * steps; step++) {
		for (i = 0; i < n; i++) {
			k[2 * i] = (s16)(i ? 11000 - (s32)(step * 512 / steps) : 11000);
			k[2 * i + 1] = 0;
		}
		attention(n, q, k, v);
	}
}

/* Values that are nearly alike, so that the errors of all shares add up. */
static void attention_sum(u32 n, s16 *q, s16 *k, s16 *v, u32 cases)
{
	struct ink_rand r = { 33 + n };
	u32 i, j;

	for (i = 0; i < cases; i++) {
		for (j = 0; j < 2 * n; j++) {
			k[j] = (s16)ink_rand_range(&r, -16384, 16384);
			v[j] = S16_MAX - (s16)ink_rand_below(&r, 100);
		}
		q[1] = (s16)ink_rand_range(&r, -16384, 16384);
		op.attr[5] = (s32)ink_rand_range(&r, 36, 46);
		attention(n, q, k, v);
	}
}

static void test_attention(void **state)
{
	static const struct {
		u32 n;
		double share, sum;
	} sizes[] = {
		{ 2, 2, 1.7 }, { 16, 2, 5 }, { 48, 2.2, 7.5 }, { 256, 8.5, 18 }, { 1024, 32, 45 },
		{ 4096, 127, 190 },
	};
	static s16 k[2 * KEYS], v[2 * KEYS];
	s16 q[2] = { 16384, 0 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		attention_cut(sizes[i].n, q, k, v, 50);
		found(sizes[i].share, "ATTENTION over %u, one share", sizes[i].n);
		attention_sum(sizes[i].n, q, k, v, 600);
		found(sizes[i].sum, "ATTENTION over %u, all shares", sizes[i].n);
		q[1] = 0;
	}
}

/* Surprise at a token after one other. */
static void nll(u32 n, u32 token)
{
	double unit = ldexp(op.attr[0], -op.attr[1] - 16), sum = 0, top = S16_MIN, y;
	const u16 tokens[2] = { 0, (u16)token };
	u32 j;

	op_begin(INKLING_OP_NLL, n, 2);
	op.b.n_in = 2;
	op.b.in_count[0] = 2 * n;
	op.b.in_const[1] = tokens;
	op.b.wide_tokens = true;
	op_run();
	for (j = 0; j < n; j++)
		top = fmax(top, op.x[j]);
	for (j = 0; j < n; j++)
		sum += exp2((op.x[j] - top) * unit);
	y = (log2(sum) - (op.x[token] - top) * unit) * 65536;
	compare(*(s32 *)(op.arena + 64), fmin(y, 64 << 16));
}

static void test_nll(void **state)
{
	struct ink_rand r = { 34 };
	u32 n, i;

	for (n = 2; n <= MOST; n *= n < 8192 ? 8 : 2) {
		for (i = 0; i < 64; i++) {
			fill_row(&r, n, i);
			op.attr[0] = (s32)ink_rand_range(&r, 1 << 29, S32_MAX);
			op.attr[1] = (s32)ink_rand_range(&r, 14, 32);
			nll(n, ink_rand_below(&r, n));
		}
		op.attr[0] = 1 << 30;
		op.attr[1] = 24;
		for (i = 0; i < 62; i++) {
			spread(n, i / 2.0, 1 / 1024.0);
			nll(n, 0);
		}
		found(n < 8192 ? 1.4 : n < 32768 ? 2 : n < MOST ? 3.3 : 6, "NLL of %u", n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_curves),
		cmocka_unit_test(test_norm),
		cmocka_unit_test(test_softmax),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_attention),
		cmocka_unit_test(test_nll),
	};

	return cmocka_run_group_tests_name("numerics of sequences", tests, NULL, NULL);
}
