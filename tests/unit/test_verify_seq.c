// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verifier's rules for sequences, states and the operators on them.
 *
 * What lives here: for each check an image that is valid but for that one thing,
 * and values at the limit. What doesn't: what is proven of accepted images
 * (test_verify_proof.c, test_ops_seq.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models_seq.h"
#include "verify_case.h"

#define NONE		INKLING_NONE
#define A(k, v)		OP(1, attr[k], v)
#define IN(k, v)	OP(1, in[k], v)
#define DATA16(tensor, i, v)	{ PATCH_DATA, tensor, 2 * (i), 2, v }
#define AT	AT_OP(1)
/* An attribute at both of its ends, and one step beyond either. */
#define ENDS(model, k, lo, hi) \
	ACCEPTED(#model " attribute " #k " at " #lo, model, PATCHES(A(k, lo))), \
	ACCEPTED(#model " attribute " #k " at " #hi, model, PATCHES(A(k, hi))), \
	REFUSED(#model " attribute " #k " below " #lo, model, ATTR, "attribute " #k, \
		PATCHES(A(k, (s64)(lo) - 1)), AT), \
	REFUSED(#model " attribute " #k " above " #hi, model, ATTR, "attribute " #k, \
		PATCHES(A(k, (s64)(hi) + 1)), AT)
/* The same where one of the ends is all that 32 bits hold. */
#define TO_MAX(model, k, lo) \
	ACCEPTED(#model " attribute " #k " at " #lo, model, PATCHES(A(k, lo))), \
	ACCEPTED(#model " attribute " #k " at the most", model, PATCHES(A(k, S32_MAX))), \
	REFUSED(#model " attribute " #k " below " #lo, model, ATTR, "attribute " #k, \
		PATCHES(A(k, (s64)(lo) - 1)), AT)
/* Lowest and highest of an output of 16 bits in attributes k and k + 1. */
#define LIMITS(model, k, k1) \
	ACCEPTED(#model " limits as wide as they can be", model, \
		 PATCHES(A(k, S16_MIN), A(k1, S16_MAX))), \
	ACCEPTED(#model " limits equal", model, PATCHES(A(k, 7), A(k1, 7))), \
	REFUSED(#model " lowest below 16 bits", model, ATTR, "attribute " #k, \
		PATCHES(A(k, S16_MIN - 1)), AT), \
	REFUSED(#model " highest above 16 bits", model, ATTR, "attribute " #k1, \
		PATCHES(A(k1, S16_MAX + 1)), AT), \
	REFUSED(#model " highest below lowest", model, ATTR, "attribute " #k1, \
		PATCHES(A(k, 7), A(k1, 6)), AT)
/* Another shape of the output, or one that isn't a sequence. */
#define OUTPUT(model) \
	REFUSED(#model " output of another type", model, DTYPE, "int32", \
		PATCHES(TENSOR(SEQ_Y, dtype, INKLING_INT32)), AT, AT_TENSOR(SEQ_Y)), \
	REFUSED(#model " output not a sequence", model, SHAPE, "a sequence of 6", \
		PATCHES(TENSOR(SEQ_Y, flags, 0)), AT, AT_TENSOR(SEQ_Y))
#define COLUMNS(model) \
	REFUSED(#model " output of more columns", model, SHAPE, "6 x 9", \
		PATCHES(TENSOR(SEQ_Y, dims[1], 9)), AT, AT_TENSOR(SEQ_Y))

/* Three states, of which two are as large as they may be; they are counted before any op is looked at. */
static struct image large_states(void)
{
	struct ink_builder *b = ink_builder_new();
	u32 in = ink_builder_tokens(b, INKLING_UINT8, 1), out;

	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "states");
	ink_builder_state(b, INKLING_MAX_CONTEXT, 4096);
	ink_builder_state(b, INKLING_MAX_CONTEXT, 4096);
	ink_builder_state(b, INKLING_MAX_CONTEXT, 1);
	out = ink_builder_rows(b, INKLING_INT16, 1, 1);
	ink_builder_op(b, INKLING_OP_POOL, out, &in, 1, NULL, 0);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

/* A constant of zeros. */
static u32 zeros(struct ink_builder *b, u32 dtype, u32 rows, u32 cols)
{
	u8 *data = calloc((size_t)rows * cols, 4);
	u32 t;

	assert_non_null(data);
	t = ink_builder_matrix(b, dtype, rows, cols, data);
	free(data);
	return t;
}

/* One operator on one input of @tokens rows of @cols, made by an EMBED; op 1 reads tensor 4. */
static struct image sized(u32 opcode, u32 tokens, u32 cols, const s32 *attr)
{
	const s32 embed[3] = { 0, -10000, 10000 };
	struct ink_builder *b = ink_builder_new();
	u32 token = ink_builder_tokens(b, INKLING_UINT8, tokens), in[5] = { token }, n = 1, x, y;

	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "sized");
	in[1] = zeros(b, INKLING_INT8, 1, cols);
	in[2] = zeros(b, INKLING_INT32, 1, 1);
	in[3] = ink_builder_vector(b, INKLING_INT8, 1, (const s8[]){ 1 });
	x = ink_builder_sequence(b, INKLING_INT16, tokens, cols);
	ink_builder_op(b, INKLING_OP_EMBED, x, in, 4, embed, 3);
	in[0] = x;
	if (opcode == INKLING_OP_NORM)
		in[n++] = zeros(b, INKLING_INT16, 1, cols);
	if (opcode == INKLING_OP_NLL)
		in[n++] = token;
	for (; opcode == INKLING_OP_ATTENTION && n < 3; n++)
		in[n] = x;
	y = opcode == INKLING_OP_NLL ? ink_builder_activation(b, INKLING_INT32, 1) :
	    ink_builder_sequence(b, INKLING_INT16, tokens, cols);
	ink_builder_op(b, opcode, y, in, n, attr, INKLING_MAX_ATTRS);
	x = y;
	if (opcode != INKLING_OP_NLL) {
		y = ink_builder_rows(b, INKLING_INT16, 1, cols);
		ink_builder_op(b, INKLING_OP_POOL, y, &x, 1, NULL, 0);
	}
	ink_builder_io(b, token, y, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

/* The operator's attributes follow. */
#define SIZED(name, opcode, tokens, cols, ...) \
	static struct image name(void) \
	{ \
		static const s32 attr[INKLING_MAX_ATTRS] = { __VA_ARGS__ }; \
	\
		return sized(opcode, tokens, cols, attr); \
	}
SIZED(norm_most, INKLING_OP_NORM, 1, 4096, 0, 1, 0, 46)
SIZED(norm_above, INKLING_OP_NORM, 1, 4097, 0, 1, 0, 46)
SIZED(gate_most, INKLING_OP_GATE, 1, 1024, 1)
SIZED(gate_above, INKLING_OP_GATE, 1, 1025, 1)
SIZED(nll_most, INKLING_OP_NLL, 2, 65536, 0)
SIZED(nll_above, INKLING_OP_NLL, 2, 65537, 0)
/* 4096 queries of 128 columns and as many keys: 2^32 products, 2^26 for each of 64 tokens. */
SIZED(cost_most, INKLING_OP_ATTENTION, 4096, 128, 64, 64)
SIZED(cost_above, INKLING_OP_ATTENTION, 4096, 130, 65, 65)

/* One query that is constant, and keys that are the input: @rows of @cols. */
static struct image keys(u32 rows, u32 cols)
{
	const s32 attr[6] = { 1, 1 };
	struct ink_builder *b = ink_builder_new();
	const u32 dims[2] = { rows, cols };
	u32 in[3] = { zeros(b, INKLING_INT16, 2, cols) }, out = ink_builder_rows(b, INKLING_INT16, 2, cols);

	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "keys");
	in[1] = in[2] = ink_builder_tensor(b, INKLING_TENSOR_INPUT, INKLING_INT16, 2, dims);
	ink_builder_op(b, INKLING_OP_ATTENTION, out, in, 3, attr, 6);
	ink_builder_io(b, in[1], out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

static struct image keys_most(void)
{
	return keys(4096, 256);
}

static struct image keys_too_many(void)
{
	return keys(4097, 2);
}

static struct image keys_too_long(void)
{
	return keys(4096, 258);
}

/* A picture of 5 x 4 pixels of 3 columns, windows of 3 x 2 in steps of 2, one pixel around: 3 x 3 of them. */
enum { PICTURE_IN, PICTURE_Y };

static struct image picture(void)
{
	const s32 attr[6] = { 5, 2, 3, 2, 1, 1 };
	struct ink_builder *b = ink_builder_new();
	const u32 dims[2] = { 20, 3 };
	u32 in = ink_builder_tensor(b, INKLING_TENSOR_INPUT, INKLING_INT16, 2, dims);
	u32 out = ink_builder_rows(b, INKLING_INT16, 9, 18);

	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "picture");
	ink_builder_op(b, INKLING_OP_UNFOLD, out, &in, 1, attr, 6);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

/* 16 buckets of 3 columns, which are as many numbers as 12 of 4. */
static struct image hashed(void)
{
	const s32 attr[6] = { 1, 0, 1, 1, -1, 1 };
	struct ink_builder *b = ink_builder_new();
	u32 in[2] = { ink_builder_tokens(b, INKLING_UINT8, 4), zeros(b, INKLING_INT8, 16, 3) };
	u32 x = ink_builder_sequence(b, INKLING_INT16, 4, 3), out = ink_builder_rows(b, INKLING_INT16, 1, 3);

	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "hashed");
	ink_builder_op(b, INKLING_OP_HASHEMBED, x, in, 2, attr, 6);
	ink_builder_op(b, INKLING_OP_POOL, out, &x, 1, NULL, 0);
	ink_builder_io(b, in[0], out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

/* An operator that would have to see the rows of earlier calls, in front of an ATTENTION with states. */
static struct image remembering(u32 opcode, const s32 *attr)
{
	static const s32 heads[6] = { 1, 1, 1 }, embed[3] = { 0, -1, 1 };
	struct ink_builder *b = ink_builder_new();
	u32 token = ink_builder_tokens(b, INKLING_UINT8, 4), in[5] = { token }, x, y, out;

	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "remembering");
	in[1] = zeros(b, INKLING_INT8, 1, 2);
	in[2] = zeros(b, INKLING_INT32, 1, 1);
	in[3] = ink_builder_vector(b, INKLING_INT8, 1, (const s8[]){ 1 });
	x = ink_builder_sequence(b, INKLING_INT16, 4, 2);
	ink_builder_op(b, INKLING_OP_EMBED, x, in, 4, embed, 3);
	y = ink_builder_sequence(b, INKLING_INT16, 4, 2);
	in[0] = opcode == INKLING_OP_HASHEMBED ? token : x;
	in[1] = zeros(b, INKLING_INT8, 4, 2);
	in[2] = x;
	ink_builder_op(b, opcode, y, in, opcode == INKLING_OP_HASHEMBED ? 3 : 1, attr, 6);
	in[0] = in[1] = in[2] = y;
	in[3] = ink_builder_state(b, 8, 2);
	in[4] = ink_builder_state(b, 8, 2);
	x = ink_builder_sequence(b, INKLING_INT16, 4, 2);
	ink_builder_op(b, INKLING_OP_ATTENTION, x, in, 5, heads, 6);
	out = ink_builder_rows(b, INKLING_INT16, 1, 2);
	ink_builder_op(b, INKLING_OP_POOL, out, &x, 1, NULL, 0);
	ink_builder_io(b, token, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

static struct image hashing(void)
{
	return remembering(INKLING_OP_HASHEMBED, (const s32[INKLING_MAX_ATTRS]){ 1, 0, 1, 1, -1, 1 });
}

static struct image shifting(void)
{
	return remembering(INKLING_OP_SHIFT, (const s32[INKLING_MAX_ATTRS]){ 1, 0, 2 });
}

static struct image unfolding(void)
{
	return remembering(INKLING_OP_UNFOLD, (const s32[INKLING_MAX_ATTRS]){ 0, 1, 1, 1 });
}

#define A0(k, v)	OP(0, attr[k], v)
#define PICTURE(...)	.make = picture, PATCHES(__VA_ARGS__)
#define P	AT_OP(0)

static const struct verify_case cases[] = {
	/* Tensors */
	REFUSED("tokens not a sequence", NORM, TENSOR, "uint8", PATCHES(TENSOR(SEQ_IN, flags, 0)),
		AT_TENSOR(SEQ_IN)),
	REFUSED("tokens made by an op", NORM, TENSOR, "uint16",
		PATCHES(TENSOR(SEQ_Y, dtype, INKLING_UINT16)), AT_TENSOR(SEQ_Y)),
	REFUSED("tokens of rank 2", NORM, TENSOR, "rank 2",
		PATCHES(TENSOR(SEQ_IN, rank, 2), TENSOR(SEQ_IN, dims[1], 1)), AT_TENSOR(SEQ_IN)),
	REFUSED("too many tokens", NORM, TENSOR, "first dimension 4097",
		PATCHES(TENSOR(SEQ_IN, dims[0], 4097)), AT_TENSOR(SEQ_IN)),
	REFUSED("input sequence of int16", NORM, TENSOR, "int16",
		PATCHES(TENSOR(SEQ_IN, dtype, INKLING_INT16)), AT_TENSOR(SEQ_IN)),
	REFUSED("constant sequence", NORM, TENSOR, "kind 2", PATCHES(TENSOR(SEQ_TABLE, flags, 1)),
		AT_TENSOR(SEQ_TABLE)),
	REFUSED("sequence of int8", NORM, TENSOR, "int8",
		PATCHES(TENSOR(SEQ_X, dtype, INKLING_INT8)), AT_TENSOR(SEQ_X)),
	REFUSED("sequence of rank 3", NORM, TENSOR, "rank 3",
		PATCHES(TENSOR(SEQ_X, rank, 3), TENSOR(SEQ_X, dims[2], 1)), AT_TENSOR(SEQ_X)),
	REFUSED("another number of tokens", NORM, TENSOR, "a sequence of 5, the input has 6",
		PATCHES(TENSOR(SEQ_X, dims[0], 5)), AT_TENSOR(SEQ_X)),
	REFUSED("output is a sequence", NORM, IO, "can't be the output", PATCHES(HDR(output, SEQ_X))),
	REFUSED("sequence bit missing", NORM, MUST, "has to be 1", PATCHES(HDR(must, 0))),
	REFUSED("state that is a sequence", STATES, TENSOR, "kind 3",
		PATCHES(TENSOR(SEQ_1, flags, 1)), AT_TENSOR(SEQ_1)),
	REFUSED("state of int32", STATES, TENSOR, "int32",
		PATCHES(TENSOR(SEQ_1, dtype, INKLING_INT32)), AT_TENSOR(SEQ_1)),
	REFUSED("state of rank 1", STATES, TENSOR, "rank 1",
		PATCHES(TENSOR(SEQ_1, rank, 1), TENSOR(SEQ_1, dims[1], 0)), AT_TENSOR(SEQ_1)),
	REFUSED("state not a multiple of eight", STATES, TENSOR, "first dimension 12",
		PATCHES(TENSOR(SEQ_1, dims[0], 12)), AT_TENSOR(SEQ_1)),
	REFUSED("state of too many tokens", STATES, TENSOR, "first dimension 4104",
		PATCHES(TENSOR(SEQ_1, dims[0], 4104)), AT_TENSOR(SEQ_1)),
	REFUSED("two contexts", STATES, TENSOR, "a state of 24 tokens, others have 16",
		PATCHES(TENSOR(SEQ_2, dims[0], 24)), AT_TENSOR(SEQ_2)),
	REFUSED("states shorter than a call", STATES, TENSOR, "a call has up to 17",
		PATCHES(TENSOR(SEQ_IN, dims[0], 17), TENSOR(SEQ_X, dims[0], 17),
			TENSOR(SEQ_Y, dims[0], 17)), AT_TENSOR(SEQ_1)),
	ACCEPTED("states as long as a call", STATES,
		 PATCHES(TENSOR(SEQ_IN, dims[0], 16), TENSOR(SEQ_X, dims[0], 16),
			 TENSOR(SEQ_Y, dims[0], 16))),
	REFUSED("states of more than 64 MiB", STATES, ARENA, "a session keeps at most 67108864",
		.make = large_states, AT_TENSOR(3)),

	/* EMBED, op 0 of all */
	REFUSED("EMBED of an activation", NORM, ORDER, "before an op has made it",
		PATCHES(OP(0, in[0], SEQ_X)), AT_OP(0), AT_TENSOR(SEQ_X)),
	REFUSED("EMBED of a constant", NORM, DTYPE, "int32", PATCHES(OP(0, in[0], SEQ_MULT)),
		AT_OP(0), AT_TENSOR(SEQ_MULT)),
	REFUSED("EMBED table of other columns", NORM, SHAPE, "160 elements",
		PATCHES(TENSOR(SEQ_X, dims[1], 9)), AT_OP(0), AT_TENSOR(SEQ_TABLE)),
	REFUSED("EMBED fallback below 0", NORM, ATTR, "attribute 0", PATCHES(OP(0, attr[0], -1)),
		AT_OP(0)),
	REFUSED("EMBED fallback behind the last word", NORM, ATTR, "attribute 0",
		PATCHES(OP(0, attr[0], SEQ_V)), AT_OP(0)),
	ACCEPTED("EMBED fallback is the last word", NORM, PATCHES(OP(0, attr[0], SEQ_V - 1))),
	REFUSED("EMBED multiplier negative", NORM, REQUANT, "multipliers from -1",
		PATCHES(DATA32(SEQ_MULT, 19, -1)), AT_OP(0), AT_TENSOR(SEQ_MULT)),
	REFUSED("EMBED shift 0", NORM, REQUANT, "shifts of 0", PATCHES(DATA8(SEQ_SHIFT, 19, 0)),
		AT_OP(0), AT_TENSOR(SEQ_MULT)),
	REFUSED("EMBED shift 63", NORM, REQUANT, "to 63", PATCHES(DATA8(SEQ_SHIFT, 0, 63)),
		AT_OP(0), AT_TENSOR(SEQ_MULT)),
	ACCEPTED("EMBED scales at their ends", NORM,
		 PATCHES(DATA8(SEQ_SHIFT, 0, 62), DATA8(SEQ_SHIFT, 1, 1), DATA32(SEQ_MULT, 1, S32_MAX),
			 DATA32(SEQ_MULT, 0, 0))),
	REFUSED("EMBED without positions, which nothing reads then", NORM, UNUSED, "tensor 4",
		PATCHES(OP(0, in[4], NONE)), AT_TENSOR(SEQ_POSITION)),
	REFUSED("EMBED positions of other columns", NORM, SHAPE, "8 columns for each of 6",
		PATCHES(TENSOR(SEQ_POSITION, dims[0], 32), TENSOR(SEQ_POSITION, dims[1], 4)),
		AT_OP(0), AT_TENSOR(SEQ_POSITION)),
	REFUSED("fewer positions than states hold", STATES, SHAPE, "each of 24 positions",
		PATCHES(TENSOR(SEQ_1, dims[0], 24), TENSOR(SEQ_2, dims[0], 24)), AT_OP(0),
		AT_TENSOR(SEQ_POSITION)),

	/* HASHEMBED */
	ENDS(HASHEMBED, 0, 1, 8), TO_MAX(HASHEMBED, 2, 0), ENDS(HASHEMBED, 3, 1, 62),
	LIMITS(HASHEMBED, 4, 5), OUTPUT(HASHEMBED),
	REFUSED("HASHEMBED of a vector", HASHEMBED, DTYPE, "int16", PATCHES(IN(0, SEQ_X)), AT,
		AT_TENSOR(SEQ_X)),
	REFUSED("HASHEMBED adds tokens", HASHEMBED, DTYPE, "uint8", PATCHES(IN(2, SEQ_IN)), AT,
		AT_TENSOR(SEQ_IN)),
	REFUSED("HASHEMBED of another shape added", HASHEMBED, REF, "is a constant",
		PATCHES(IN(2, SEQ_POSITION)), AT, AT_TENSOR(SEQ_POSITION)),

	/* NORM */
	ENDS(NORM, 0, 0, 1), TO_MAX(NORM, 1, 1), ENDS(NORM, 2, 0, 30), ENDS(NORM, 3, 1, 46),
	LIMITS(NORM, 4, 5), OUTPUT(NORM), COLUMNS(NORM),
	REFUSED("NORM gamma of int32", NORM, DTYPE, "int32", PATCHES(IN(1, SEQ_2)), AT,
		AT_TENSOR(SEQ_2)),
	REFUSED("NORM gamma of an activation", NORM, REF, "isn't a constant", PATCHES(IN(1, SEQ_X)),
		AT, AT_TENSOR(SEQ_X)),
	REFUSED("NORM beta of another size", NORM, SHAPE, "20 elements", PATCHES(IN(2, SEQ_MULT)),
		AT, AT_TENSOR(SEQ_MULT)),
	REFUSED("NORM of a constant", NORM, REF, "is a constant", PATCHES(IN(0, SEQ_POSITION)), AT,
		AT_TENSOR(SEQ_POSITION)),
	REFUSED("NORM of tokens", NORM, DTYPE, "uint8", PATCHES(IN(0, SEQ_IN)), AT,
		AT_TENSOR(SEQ_IN)),

	/* LINEAR */
	LIMITS(LINEAR, 0, 1),
	REFUSED("LINEAR output not a sequence", LINEAR, SHAPE, "a sequence of 6",
		PATCHES(TENSOR(SEQ_Y, flags, 0)), AT, AT_TENSOR(SEQ_Y)),
	REFUSED("LINEAR adds another type", LINEAR, DTYPE, "int16",
		PATCHES(TENSOR(SEQ_Y, dtype, INKLING_INT32)), AT, AT_TENSOR(SEQ_X)),
	REFUSED("LINEAR multiplier negative", LINEAR, REQUANT, "multipliers from -1",
		PATCHES(DATA32(SEQ_3, 7, -1)), AT, AT_TENSOR(SEQ_3)),
	REFUSED("LINEAR shift 63", LINEAR, REQUANT, "to 63", PATCHES(DATA8(SEQ_4, 7, 63)), AT,
		AT_TENSOR(SEQ_3)),
	REFUSED("LINEAR accumulator above", LINEAR, OVERFLOW, "row 5 can reach 2147483648",
		PATCHES(DATA32(SEQ_2, 5, S32_MAX - 8 * 9 * 10000 + 1), DATA32(SEQ_3, 5, 0)), AT,
		AT_TENSOR(SEQ_1)),
	ACCEPTED("LINEAR accumulator full", LINEAR,
		 PATCHES(DATA32(SEQ_2, 5, S32_MAX - 8 * 9 * 10000), DATA32(SEQ_3, 5, 0))),
	REFUSED("LINEAR scaled above", LINEAR, OVERFLOW, "row 5 is scaled to",
		PATCHES(DATA32(SEQ_3, 5, S32_MAX), DATA8(SEQ_4, 5, 1)), AT, AT_TENSOR(SEQ_3)),

	/* CURVE */
	OUTPUT(CURVE), COLUMNS(CURVE),
	REFUSED("CURVE of another number of points", CURVE, SHAPE, "128 elements",
		PATCHES(IN(1, SEQ_POSITION)), AT, AT_TENSOR(SEQ_POSITION)),

	/* ROPE */
	REFUSED("ROPE of no heads", ROPE, ATTR, "attribute 0", PATCHES(A(0, 0)), AT),
	REFUSED("ROPE of more heads than columns", ROPE, ATTR, "attribute 0", PATCHES(A(0, 9)), AT),
	REFUSED("ROPE of odd heads", ROPE, SHAPE, "in 8 heads", PATCHES(A(0, 8)), AT,
		AT_TENSOR(SEQ_X)),
	REFUSED("ROPE table of another head", ROPE, SHAPE, "2 columns", PATCHES(A(0, 4)), AT,
		AT_TENSOR(SEQ_1)),
	LIMITS(ROPE, 1, 2), OUTPUT(ROPE), COLUMNS(ROPE),
	ACCEPTED("ROPE of a whole turn", ROPE, PATCHES(DATA16(SEQ_1, 0, 16384), DATA16(SEQ_1, 1, -16384))),
	REFUSED("ROPE above a whole turn", ROPE, ATTR, "to 16385", PATCHES(DATA16(SEQ_1, 63, 16385)),
		AT, AT_TENSOR(SEQ_1)),
	REFUSED("ROPE below a whole turn", ROPE, ATTR, "of -16385", PATCHES(DATA16(SEQ_1, 0, -16385)),
		AT, AT_TENSOR(SEQ_1)),

	/* ATTENTION */
	ENDS(ATTENTION, 2, 0, 1), ENDS(ATTENTION, 3, 0, 4096), TO_MAX(ATTENTION, 4, 0),
	ENDS(ATTENTION, 5, 0, 62), OUTPUT(ATTENTION), COLUMNS(ATTENTION),
	REFUSED("ATTENTION of no heads", ATTENTION, ATTR, "attribute 0", PATCHES(A(0, 0)), AT),
	REFUSED("ATTENTION of more heads than columns", ATTENTION, ATTR, "attribute 0",
		PATCHES(A(0, 9)), AT),
	REFUSED("ATTENTION of odd heads", ATTENTION, SHAPE, "8 heads in 8 columns", PATCHES(A(0, 8)), AT,
		AT_TENSOR(SEQ_X)),
	REFUSED("ATTENTION of no groups", ATTENTION, ATTR, "attribute 1", PATCHES(A(1, 0)), AT),
	REFUSED("ATTENTION of more groups than heads", ATTENTION, ATTR, "attribute 1",
		PATCHES(A(1, 3)), AT),
	REFUSED("ATTENTION keys of other columns", ATTENTION, SHAPE, "2 heads in 8 columns and 1 in 8",
		PATCHES(A(1, 1)), AT, AT_TENSOR(SEQ_X)),
	REFUSED("ATTENTION causal from constants", ATTENTION, SHAPE, "the same rows",
		PATCHES(IN(0, SEQ_POSITION)), AT, AT_TENSOR(SEQ_POSITION)),
	ACCEPTED("ATTENTION, greatest score", ATTENTION,
		 PATCHES(OP(0, attr[1], -23170), OP(0, attr[2], 23170))),
	REFUSED("ATTENTION, score above", ATTENTION, OVERFLOW, "a score can reach 2147580964",
		PATCHES(OP(0, attr[1], -23171)), AT, AT_TENSOR(SEQ_X)),
	REFUSED("keys without values", STATES, ARITY, "without one of values", PATCHES(IN(4, NONE)),
		AT),
	REFUSED("one state for both", STATES, ORDER, "kept by op 1 already", PATCHES(IN(4, SEQ_1)),
		AT, AT_TENSOR(SEQ_1)),
	REFUSED("values that are no state", STATES, REF, "isn't a state", PATCHES(IN(4, SEQ_X)), AT,
		AT_TENSOR(SEQ_X)),
	REFUSED("state of other columns", STATES, SHAPE, "16 x 7",
		PATCHES(TENSOR(SEQ_2, dims[1], 7)), AT, AT_TENSOR(SEQ_2)),
	REFUSED("state as a value", STATES, REF, "is for ATTENTION's last two", PATCHES(IN(2, SEQ_1)),
		AT, AT_TENSOR(SEQ_1)),
	REFUSED("state read by another op", STATES, REF, "is for ATTENTION's last two",
		PATCHES(OP(2, in[0], SEQ_1)), AT_OP(2), AT_TENSOR(SEQ_1)),

	/* POOL, TRANSPOSE, SHIFT, UNFOLD, MAXOUT */
	ENDS(POOL, 0, 0, 3),
	REFUSED("POOL to two rows", POOL, SHAPE, "2 x 8", PATCHES(TENSOR(SEQ_Y, dims[0], 2)), AT,
		AT_TENSOR(SEQ_Y)),
	REFUSED("TRANSPOSE attribute 2", TRANSPOSE, ATTR, "attribute 0", PATCHES(A(0, 2)), AT),
	REFUSED("TRANSPOSE to a sequence", TRANSPOSE, SHAPE, "a sequence of 8", PATCHES(A(0, 1)), AT,
		AT_TENSOR(SEQ_Y)),
	REFUSED("TRANSPOSE to other rows", TRANSPOSE, SHAPE, "7 x 6",
		PATCHES(TENSOR(SEQ_Y, dims[0], 7)), AT, AT_TENSOR(SEQ_Y)),
	ENDS(SHIFT, 0, -4096, 4096), ENDS(SHIFT, 2, 2, 8), OUTPUT(SHIFT), COLUMNS(SHIFT),
	REFUSED("SHIFT from before the first column", SHIFT, ATTR, "attribute 1", PATCHES(A(1, -1)),
		AT),
	REFUSED("SHIFT from behind the last column", SHIFT, ATTR, "attribute 1", PATCHES(A(1, 9)), AT),
	OUTPUT(UNFOLD), ENDS(UNFOLD, 1, 1, 1), ENDS(UNFOLD, 3, 1, 1), ENDS(UNFOLD, 4, 0, 0),
	ENDS(UNFOLD, 5, 0, 2),
	REFUSED("UNFOLD window of none", UNFOLD, ATTR, "attribute 2", PATCHES(A(2, 0)), AT),
	REFUSED("UNFOLD window of 65", UNFOLD, ATTR, "attribute 2", PATCHES(A(2, 65)), AT),
	REFUSED("UNFOLD window that doesn't fit the output", UNFOLD, SHAPE, "6 x 32",
		PATCHES(A(2, 4)), AT, AT_TENSOR(SEQ_Y)),
	REFUSED("UNFOLD of a sequence as a picture", UNFOLD, SHAPE, "a picture 2 wide",
		PATCHES(A(0, 2)), AT, AT_TENSOR(SEQ_X)),
	OUTPUT(MAXOUT),
	REFUSED("MAXOUT of a part that doesn't divide", MAXOUT, SHAPE, "aren't a multiple of 3",
		PATCHES(TENSOR(SEQ_Y, dims[1], 3)), AT, AT_TENSOR(SEQ_Y)),

	/* GATE, SCALE, NLL */
	ENDS(GATE, 0, 1, 8), TO_MAX(GATE, 1, 0), ENDS(GATE, 2, 0, 62), OUTPUT(GATE), COLUMNS(GATE),
	ENDS(SCALE, 0, 0, 7), OUTPUT(SCALE), COLUMNS(SCALE),
	REFUSED("SCALE by a constant", SCALE, REF, "is a constant", PATCHES(IN(1, SEQ_POSITION)), AT,
		AT_TENSOR(SEQ_POSITION)),
	TO_MAX(NLL, 0, 0), ENDS(NLL, 1, 0, 62),
	REFUSED("NLL of tokens that are none", NLL, DTYPE, "int16", PATCHES(IN(1, SEQ_X)), AT,
		AT_TENSOR(SEQ_X)),

	/* Sizes */
	ACCEPTED("NORM of 4096 columns", NORM, .make = norm_most),
	REFUSED("NORM of 4097 columns", NORM, SHAPE, "NORM of 4097 columns", .make = norm_above, AT,
		AT_TENSOR(4)),
	ACCEPTED("GATE of 1024 columns", GATE, .make = gate_most),
	REFUSED("GATE of 1025 columns", GATE, SHAPE, "GATE of 1025 columns", .make = gate_above, AT,
		AT_TENSOR(4)),
	ACCEPTED("NLL of 65536 columns", NLL, .make = nll_most),
	REFUSED("NLL of 65537 columns", NLL, SHAPE, "NLL of 65537 columns", .make = nll_above, AT,
		AT_TENSOR(4)),
	ACCEPTED("ATTENTION over 2^20 elements", ATTENTION, .make = keys_most),
	REFUSED("ATTENTION over 4097 keys", ATTENTION, SHAPE, "attention over 4097 rows",
		.make = keys_too_many, AT_OP(0), AT_TENSOR(2)),
	REFUSED("ATTENTION over more than 2^20 elements", ATTENTION, COST,
		"a head of 4096 keys of 258 columns", .make = keys_too_long, AT_OP(0), AT_TENSOR(2)),
	ACCEPTED("2^26 products for each of 64 tokens", ATTENTION, .make = cost_most),
	REFUSED("more than 2^26 products for each of 64 tokens", ATTENTION, COST, "more than 4294967296",
		.make = cost_above, AT),

	/* UNFOLD of a picture */
	ACCEPTED("picture", UNFOLD, .make = picture),
	REFUSED("picture as wide as no row", UNFOLD, SHAPE, "a picture 6 wide of 20 rows", PICTURE(A0(0, 6)),
		P, AT_TENSOR(PICTURE_IN)),
	REFUSED("picture of a negative width", UNFOLD, ATTR, "attribute 0", PICTURE(A0(0, -1)), P),
	REFUSED("picture wider than any", UNFOLD, ATTR, "attribute 0", PICTURE(A0(0, (1 << 24) + 1)), P),
	REFUSED("window 0 high", UNFOLD, ATTR, "attribute 1", PICTURE(A0(1, 0)), P),
	REFUSED("window 65 high", UNFOLD, ATTR, "attribute 1", PICTURE(A0(1, 65)), P),
	REFUSED("window 0 wide", UNFOLD, ATTR, "attribute 2", PICTURE(A0(2, 0)), P),
	REFUSED("window 65 wide", UNFOLD, ATTR, "attribute 2", PICTURE(A0(2, 65)), P),
	REFUSED("steps of 0", UNFOLD, ATTR, "attribute 3", PICTURE(A0(3, 0)), P),
	REFUSED("steps of 65", UNFOLD, ATTR, "attribute 3", PICTURE(A0(3, 65)), P),
	ACCEPTED("steps of 64: one window", UNFOLD,
		 PICTURE(A0(3, 64), TENSOR(PICTURE_Y, dims[0], 1))),
	REFUSED("as much around as a window is high", UNFOLD, ATTR, "attribute 4", PICTURE(A0(4, 2)), P),
	REFUSED("as much around as a window is wide", UNFOLD, ATTR, "attribute 5", PICTURE(A0(5, 3)), P),
	REFUSED("less than nothing around", UNFOLD, ATTR, "attribute 5", PICTURE(A0(5, -1)), P),
	ACCEPTED("window as high as the picture", UNFOLD,
		 PICTURE(A0(1, 4), A0(4, 0), TENSOR(PICTURE_Y, dims[0], 3), TENSOR(PICTURE_Y, dims[1], 36))),
	REFUSED("window higher than the picture", UNFOLD, SHAPE, "a window of 5 x 3 is larger",
		PICTURE(A0(1, 5), A0(4, 0)), P, AT_TENSOR(PICTURE_IN)),
	REFUSED("window wider than the picture", UNFOLD, SHAPE, "a window of 2 x 6 is larger",
		PICTURE(A0(2, 6), A0(5, 0)), P, AT_TENSOR(PICTURE_IN)),
	REFUSED("one window too few", UNFOLD, SHAPE, "has to be 9 x 18",
		PICTURE(TENSOR(PICTURE_Y, dims[0], 8)), P, AT_TENSOR(PICTURE_Y)),
	REFUSED("windows of fewer columns", UNFOLD, SHAPE, "has to be 9 x 18",
		PICTURE(TENSOR(PICTURE_Y, dims[1], 17)), P, AT_TENSOR(PICTURE_Y)),
	REFUSED("windows of 32 bits", UNFOLD, DTYPE, "int32",
		PICTURE(TENSOR(PICTURE_Y, dtype, INKLING_INT32)), P, AT_TENSOR(PICTURE_Y)),

	/* HASHEMBED's buckets */
	ACCEPTED("16 buckets", HASHEMBED, .make = hashed),
	REFUSED("12 buckets", HASHEMBED, SHAPE, "12 buckets, which isn't a power of two", .make = hashed,
		PATCHES(TENSOR(1, dims[0], 12), TENSOR(1, dims[1], 4), TENSOR(2, dims[1], 4),
			TENSOR(3, dims[1], 4)), AT_OP(0), AT_TENSOR(1)),
	REFUSED("buckets of other columns", HASHEMBED, SHAPE, "has 48 elements", .make = hashed,
		PATCHES(TENSOR(2, dims[1], 4)), AT_OP(0), AT_TENSOR(1)),

	/* Operators that would have to remember rows, in models with states */
	REFUSED("HASHEMBED with states", STATES, OPCODE, "doesn't work in a model with states",
		.make = hashing, AT),
	REFUSED("SHIFT with states", STATES, OPCODE, "doesn't work in a model with states",
		.make = shifting, AT),
	REFUSED("UNFOLD with states", STATES, OPCODE, "doesn't work in a model with states",
		.make = unfolding, AT),
	REFUSED("NLL to two numbers", NLL, SHAPE, "2 elements", PATCHES(TENSOR(SEQ_Y, dims[0], 2)), AT,
		AT_TENSOR(SEQ_Y)),
};

int main(void)
{
	return verify_cases_run("verify sequences", cases, ARRAY_SIZE(cases));
}
