// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verifier's rules for operators: graph, operands, attributes, tables.
 *
 * What lives here: for each check of each operator an image that is valid but
 * for that one thing, and values at the limit. What doesn't: overflow, cost
 * and what is proven of an accepted image, see test_verify_proof.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "verify_case.h"

#define NONE	INKLING_NONE

static struct ink_builder *named(const char *name)
{
	struct ink_builder *b = ink_builder_new();

	assert_non_null(b);
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", name);
	return b;
}

/* An int32 input that goes past QUANT. */
static struct image unclamped(void)
{
	struct ink_builder *b = named("unclamped");
	u32 in = ink_builder_input(b, INKLING_INT32, 4);
	u32 out = ink_builder_activation(b, INKLING_INT32, 2);

	ink_builder_op(b, INKLING_OP_ARGMAX, out, &in, 1, NULL, 0);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

/* Two int32 vectors that a caller may choose, one after the other. */
static struct image unclamped_concat(void)
{
	struct ink_builder *b = named("unclamped");
	u32 in = ink_builder_input(b, INKLING_INT32, 4), ins[2] = { in, in };
	u32 out = ink_builder_activation(b, INKLING_INT32, 8);

	ink_builder_op(b, INKLING_OP_CONCAT, out, ins, 2, NULL, 0);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

static struct image int16_input(void)
{
	struct ink_builder *b = named("int16");
	u32 in = ink_builder_input(b, INKLING_INT16, 4);
	u32 out = ink_builder_activation(b, INKLING_INT32, 2);

	ink_builder_op(b, INKLING_OP_ARGMAX, out, &in, 1, NULL, 0);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

/* A vector that no op makes or reads. */
static struct image never_made(void)
{
	struct ink_builder *b = named("spare");
	u32 in = ink_builder_input(b, INKLING_INT8, 4);
	u32 out = ink_builder_activation(b, INKLING_INT32, 2);

	ink_builder_activation(b, INKLING_INT8, 1);
	ink_builder_op(b, INKLING_OP_ARGMAX, out, &in, 1, NULL, 0);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

/* The output that the header names isn't the one that is made. */
static struct image output_never_made(void)
{
	struct ink_builder *b = named("nothing");
	u32 in = ink_builder_input(b, INKLING_INT8, 4);
	u32 out = ink_builder_activation(b, INKLING_INT32, 2);
	u32 made = ink_builder_activation(b, INKLING_INT32, 2);

	ink_builder_op(b, INKLING_OP_ARGMAX, made, &in, 1, NULL, 0);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

/* As many inputs as an op can have. */
static struct image full_concat(void)
{
	struct ink_builder *b = named("full");
	u32 in = ink_builder_input(b, INKLING_INT8, 4), ins[6] = { in, in, in, in, in, in };
	u32 out = ink_builder_activation(b, INKLING_INT8, 24);

	ink_builder_op(b, INKLING_OP_CONCAT, out, ins, 6, NULL, 0);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

static struct image softmax_of(u32 n)
{
	const s32 attr[2] = { 1 << 16, 0 };
	struct ink_builder *b = named("softmax");
	u32 in = ink_builder_input(b, INKLING_INT8, n);
	u32 out = ink_builder_activation(b, INKLING_INT16, n);

	ink_builder_op(b, INKLING_OP_SOFTMAX, out, &in, 1, attr, 2);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

static struct image widest_softmax(void)
{
	return softmax_of(65536);
}

static struct image too_wide_softmax(void)
{
	return softmax_of(65537);
}

/* QUANT whose vector is a constant. */
static struct image constant_quant(void)
{
	const struct inkling_quant_row row = { INKLING_QUANT_LINEAR, 0, 0, 9, 1, 1, 0, 1 };
	const s32 raw = 5;
	struct ink_builder *b = named("constant");
	u32 in = ink_builder_input(b, INKLING_INT32, 1);
	u32 out = ink_builder_activation(b, INKLING_INT8, 1);
	u32 c = ink_builder_vector(b, INKLING_INT32, 1, &raw);

	ink_builder_quant(b, c, out, &row, 1);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

/* One wide category: 200 outputs; @change_width: the tensor has another size. */
static struct image onehot(s32 lo, s32 hi, s32 width, u32 outputs)
{
	const struct inkling_quant_row row = { INKLING_QUANT_ONEHOT, 0, lo, hi, 7, 0, -7, width };
	struct ink_builder *b = named("onehot");
	u32 in = ink_builder_input(b, INKLING_INT32, 1);
	u32 out = ink_builder_activation(b, INKLING_INT8, outputs);

	ink_builder_quant(b, in, out, &row, 1);
	ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
	return image_finish(b);
}

static struct image onehot_good(void)
{
	return onehot(-100, 99, 200, 200);
}

/* hi - lo + 1 is 2^32, which is 0 in 32 bits. */
static struct image onehot_wraps(void)
{
	return onehot(S32_MIN, S32_MAX, 0, 1);
}

static struct image onehot_negative(void)
{
	return onehot(S32_MIN, S32_MAX - 1, -1, 1);
}

static const struct verify_case cases[] = {
	/* What every op has */
	REFUSED("opcode 0", FLOW, OPCODE, "op 3: opcode 0", PATCHES(OP(FLOW_LUTOP, opcode, 0)),
		AT_OP(FLOW_LUTOP)),
	REFUSED("opcode behind the last", FLOW, OPCODE, "opcode 25",
		PATCHES(OP(FLOW_LUTOP, opcode, INKLING_OP_NR)), AT_OP(FLOW_LUTOP)),
	REFUSED("largest opcode", FLOW, OPCODE, "opcode 65535",
		PATCHES(OP(FLOW_LUTOP, opcode, -1)), AT_OP(FLOW_LUTOP)),
	REFUSED("op version 0", FLOW, OPCODE, "version 0", PATCHES(OP(FLOW_QUANT, version, 0)),
		AT_OP(FLOW_QUANT)),
	REFUSED("op version 2", FLOW, OPCODE, "version 2", PATCHES(OP(FLOW_QUANT, version, 2)),
		AT_OP(FLOW_QUANT)),
	REFUSED("op flags", FLOW, OPCODE, "flags 0x80000000",
		PATCHES(OP(FLOW_SOFTMAX, flags, 1u << 31)), AT_OP(FLOW_SOFTMAX)),
	REFUSED("op reserved, first", FLOW, RESERVED, "op 1", PATCHES(OP(1, reserved[0], 1)),
		AT_OP(1)),
	REFUSED("op reserved, last", FLOW, RESERVED, "op 5", PATCHES(OP(5, reserved[5], 1)),
		AT_OP(5)),
	REFUSED("QUANT with an attribute", FLOW, ATTR, "attribute 0 is 1",
		PATCHES(OP(FLOW_QUANT, attr[0], 1)), AT_OP(FLOW_QUANT)),
	REFUSED("DENSE with a fourth attribute", FLOW, ATTR, "attribute 3 is -1",
		PATCHES(OP(FLOW_DENSE1, attr[3], -1)), AT_OP(FLOW_DENSE1)),
	REFUSED("DENSE with a last attribute", FLOW, ATTR, "attribute 7",
		PATCHES(OP(FLOW_DENSE1, attr[7], 1)), AT_OP(FLOW_DENSE1)),
	REFUSED("LUT with an attribute", FLOW, ATTR, "attribute 0",
		PATCHES(OP(FLOW_LUTOP, attr[0], 1)), AT_OP(FLOW_LUTOP)),
	REFUSED("SOFTMAX with a third attribute", FLOW, ATTR, "attribute 2",
		PATCHES(OP(FLOW_SOFTMAX, attr[2], 1)), AT_OP(FLOW_SOFTMAX)),
	REFUSED("CONCAT with an attribute", MIX, ATTR, "attribute 0",
		PATCHES(OP(MIX_CONCAT, attr[0], 1)), AT_OP(MIX_CONCAT)),
	REFUSED("ARGMAX with an attribute", MIX, ATTR, "attribute 0",
		PATCHES(OP(MIX_ARGMAX, attr[0], 1)), AT_OP(MIX_ARGMAX)),
	REFUSED("DIST with a fifth attribute", RECON, ATTR, "attribute 4",
		PATCHES(OP(RECON_DIST, attr[4], 1)), AT_OP(RECON_DIST)),
	REFUSED("MUL with a fourth attribute", MIX, ATTR, "attribute 3",
		PATCHES(OP(MIX_MUL, attr[3], 1)), AT_OP(MIX_MUL)),

	/* Operands, their number and order */
	REFUSED("no inputs", FLOW, ARITY, "QUANT takes 2 to 2 inputs",
		PATCHES(OP(FLOW_QUANT, in[0], NONE), OP(FLOW_QUANT, in[1], NONE)),
		AT_OP(FLOW_QUANT)),
	REFUSED("DENSE without shifts", FLOW, ARITY, "DENSE takes 5 to 6 inputs",
		PATCHES(OP(FLOW_DENSE1, in[4], NONE)), AT_OP(FLOW_DENSE1)),
	REFUSED("third input of a LUT", FLOW, ARITY, "LUT takes 2 to 2",
		PATCHES(OP(FLOW_LUTOP, in[2], FLOW_LUT)), AT_OP(FLOW_LUTOP)),
	REFUSED("second input of a SOFTMAX", FLOW, ARITY, "SOFTMAX takes 1 to 1",
		PATCHES(OP(FLOW_SOFTMAX, in[1], FLOW_Z)), AT_OP(FLOW_SOFTMAX)),
	REFUSED("CONCAT of one", MIX, ARITY, "CONCAT takes 2 to 6",
		PATCHES(OP(MIX_CONCAT, in[1], NONE), OP(MIX_CONCAT, in[2], NONE)),
		AT_OP(MIX_CONCAT)),
	REFUSED("a hole between inputs", MIX, ARITY, "one after the other",
		PATCHES(OP(MIX_CONCAT, in[1], NONE)), AT_OP(MIX_CONCAT)),
	REFUSED("a last input behind a hole", MIX, ARITY, "one after the other",
		PATCHES(OP(MIX_CONCAT, in[5], MIX_D)), AT_OP(MIX_CONCAT)),
	REFUSED("no output", FLOW, ARITY, "QUANT makes one output",
		PATCHES(OP(FLOW_QUANT, out[0], NONE)), AT_OP(FLOW_QUANT)),
	REFUSED("two outputs", FLOW, ARITY, "SOFTMAX makes one output",
		PATCHES(OP(FLOW_SOFTMAX, out[1], FLOW_H)), AT_OP(FLOW_SOFTMAX)),
	REFUSED("input out of range", FLOW, REF, "input 0 is tensor 22 of 22",
		PATCHES(OP(FLOW_LUTOP, in[0], FLOW_TENSORS)), AT_OP(FLOW_LUTOP),
		AT_TENSOR(FLOW_TENSORS)),
	REFUSED("input far out of range", FLOW, REF, "tensor 4294967294",
		PATCHES(OP(FLOW_LUTOP, in[1], NONE - 1)), AT_OP(FLOW_LUTOP),
		AT_TENSOR(NONE - 1)),
	REFUSED("output out of range", FLOW, REF, "can't write tensor 22",
		PATCHES(OP(FLOW_LUTOP, out[0], FLOW_TENSORS)), AT_OP(FLOW_LUTOP),
		AT_TENSOR(FLOW_TENSORS)),
	REFUSED("output is a constant", FLOW, REF, "can't write tensor 15",
		PATCHES(OP(FLOW_LUTOP, out[0], FLOW_LUT)), AT_OP(FLOW_LUTOP), AT_TENSOR(FLOW_LUT)),
	REFUSED("output is the input", MIX, REF, "can't write tensor 0",
		PATCHES(OP(MIX_ADD, out[0], MIX_IN)), AT_OP(MIX_ADD), AT_TENSOR(MIX_IN)),
	REFUSED("read before it is made", MIX, ORDER, "op 1: reads tensor 11 before",
		PATCHES(OP(MIX_DENSE2, in[0], MIX_C)), AT_OP(MIX_DENSE2), AT_TENSOR(MIX_C)),
	REFUSED("reads what it makes", FLOW, ORDER, "op 3: reads tensor 14 before",
		PATCHES(OP(FLOW_LUTOP, in[0], FLOW_L)), AT_OP(FLOW_LUTOP), AT_TENSOR(FLOW_L)),
	REFUSED("made twice", MIX, ORDER, "op 1: makes tensor 1, which op 0 made",
		PATCHES(OP(MIX_DENSE2, out[0], MIX_A)), AT_OP(MIX_DENSE2), AT_TENSOR(MIX_A)),
	REFUSED("made over its own input", FLOW, ORDER, "op 3: makes tensor 8",
		PATCHES(OP(FLOW_LUTOP, out[0], FLOW_T)), AT_OP(FLOW_LUTOP), AT_TENSOR(FLOW_T)),
	REFUSED("never made", FLOW, ORDER, "tensor 2 is never made", .make = never_made,
		AT_TENSOR(2)),
	REFUSED("output never made", FLOW, ORDER, "tensor 1 is never made",
		.make = output_never_made, AT_TENSOR(1)),
	ACCEPTED("CONCAT of six", FLOW, .make = full_concat),
	REFUSED("constant never read", FLOW, UNUSED, "tensor 13 is never read",
		PATCHES(OP(FLOW_DENSE2, in[5], NONE)), AT_TENSOR(FLOW_TAB2)),
	REFUSED("activation never read", RECON, UNUSED, "tensor 6 is never read",
		PATCHES(OP(RECON_DIST, in[1], RECON_A)), AT_TENSOR(RECON_R)),
	REFUSED("int32 input without QUANT", FLOW, DTYPE, "only be read by QUANT",
		.make = unclamped, AT_OP(0), AT_TENSOR(0)),
	REFUSED("int32 input into CONCAT", FLOW, DTYPE, "only be read by QUANT",
		.make = unclamped_concat, AT_OP(0), AT_TENSOR(0)),
	ACCEPTED("int16 input without QUANT", FLOW, .make = int16_input),

	/* QUANT */
	REFUSED("QUANT of int8", MIX, DTYPE, "input 0 (tensor 11) is int8",
		PATCHES(OP(MIX_LUTOP, opcode, INKLING_OP_QUANT)), AT_OP(MIX_LUTOP),
		AT_TENSOR(MIX_C)),
	REFUSED("QUANT of a constant", FLOW, REF, "input 0 (tensor 2) is a constant",
		.make = constant_quant, AT_OP(0), AT_TENSOR(2)),
	REFUSED("QUANT rows aren't constant", FLOW, REF, "isn't a constant",
		PATCHES(OP(FLOW_QUANT, in[1], FLOW_IN)), AT_OP(FLOW_QUANT), AT_TENSOR(FLOW_IN)),
	REFUSED("QUANT rows of int8", FLOW, DTYPE, "int8",
		PATCHES(OP(FLOW_QUANT, in[1], FLOW_W1)), AT_OP(FLOW_QUANT), AT_TENSOR(FLOW_W1)),
	REFUSED("QUANT rows of six numbers", FLOW, SHAPE, "has 24 elements, it needs 32",
		PATCHES(TENSOR(FLOW_ROWS, dims[0], 4), TENSOR(FLOW_ROWS, dims[1], 6)),
		AT_OP(FLOW_QUANT), AT_TENSOR(FLOW_ROWS)),
	REFUSED("QUANT to int16", FLOW, DTYPE, "output 0 (tensor 2) is int16",
		PATCHES(TENSOR(FLOW_Q, dtype, INKLING_INT16)), AT_OP(FLOW_QUANT),
		AT_TENSOR(FLOW_Q)),
	REFUSED("QUANT to one element too many", FLOW, SHAPE, "has 6 elements, it needs 5",
		PATCHES(TENSOR(FLOW_Q, dims[0], 6)), AT_OP(FLOW_QUANT), AT_TENSOR(FLOW_Q)),
	REFUSED("QUANT to one element too few", FLOW, SHAPE, "has 4 elements, it needs 5",
		PATCHES(TENSOR(FLOW_Q, dims[0], 4)), AT_OP(FLOW_QUANT), AT_TENSOR(FLOW_Q)),
#define BAD_ROW(n, r, t, ...) \
	REFUSED("QUANT row, " n, FLOW, QUANT, "QUANT row " #r " (" t, PATCHES(__VA_ARGS__), \
		AT_OP(FLOW_QUANT), AT_TENSOR(FLOW_ROWS))
	BAD_ROW("kind 0", 0, "kind 0", ROW(0, kind, 0)),
	BAD_ROW("kind 4", 0, "kind 4", ROW(0, kind, 4)),
	BAD_ROW("kind negative", 1, "kind -1", ROW(1, kind, -1)),
	BAD_ROW("feature negative", 0, "kind 1, feature -1", ROW(0, feature, -1)),
	BAD_ROW("feature behind the last", 1, "kind 2, feature 3", ROW(1, feature, 3)),
	BAD_ROW("category behind the last", 2, "kind 3, feature 3", ROW(2, feature, 3)),
	BAD_ROW("lowest above highest", 0, "kind 1, feature 0, 1001..1000", ROW(0, lo, 1001)),
	BAD_ROW("zero below int8", 0, "kind 1", ROW(0, zero, -129)),
	BAD_ROW("zero above int8", 1, "kind 2", ROW(1, zero, 128)),
	BAD_ROW("one-hot zero above int8", 2, "kind 3", ROW(2, zero, 128)),
	BAD_ROW("multiplier negative", 0, "kind 1", ROW(0, mult, -1)),
	BAD_ROW("shift 0", 0, "kind 1", ROW(0, shift, 0)),
	BAD_ROW("shift 63", 1, "kind 2", ROW(1, shift, 63)),
	BAD_ROW("shift negative", 1, "kind 2", ROW(1, shift, -1)),
	BAD_ROW("width 0", 0, "kind 1", ROW(0, width, 0)),
	BAD_ROW("width 2", 1, "kind 2", ROW(1, width, 2)),
	BAD_ROW("one-hot value above int8", 2, "kind 3", ROW(2, mult, 128)),
	BAD_ROW("one-hot value below int8", 2, "kind 3", ROW(2, mult, -129)),
	BAD_ROW("one-hot with a shift", 2, "kind 3", ROW(2, shift, 1)),
	BAD_ROW("one-hot wider than its range", 2, "kind 3", ROW(2, width, 4)),
	BAD_ROW("one-hot narrower than its range", 2, "kind 3", ROW(2, width, 2)),
	REFUSED("QUANT row, width of 2^32", FLOW, QUANT, "QUANT row 0", .make = onehot_wraps,
		AT_OP(0), AT_TENSOR(2)),
	REFUSED("QUANT row, width of -1", FLOW, QUANT, "QUANT row 0", .make = onehot_negative,
		AT_OP(0), AT_TENSOR(2)),
	ACCEPTED("QUANT row, 200 categories", FLOW, .make = onehot_good),
	ACCEPTED("QUANT row, one value", FLOW, PATCHES(ROW(0, lo, 1000))),
	ACCEPTED("QUANT row, all values", FLOW, PATCHES(ROW(0, lo, S32_MIN), ROW(0, hi, S32_MAX),
							ROW(0, mult, S32_MAX), ROW(0, shift, 62))),
	ACCEPTED("QUANT row, log of all values", FLOW,
		 PATCHES(ROW(1, lo, S32_MIN), ROW(1, hi, S32_MAX), ROW(1, mult, S32_MAX),
			 ROW(1, shift, 1))),
	ACCEPTED("QUANT row, zeros at the ends of int8", FLOW,
		 PATCHES(ROW(0, zero, -128), ROW(1, zero, 127), ROW(2, zero, -128),
			 ROW(2, mult, 127))),
	ACCEPTED("QUANT row, zeros at the other ends", FLOW,
		 PATCHES(ROW(0, zero, 127), ROW(1, zero, -128), ROW(2, zero, 127),
			 ROW(2, mult, -128), ROW(0, mult, 0), ROW(0, shift, 1))),

	/* DENSE, operands */
#define DENSE_ARG(n, r, t, arg, with) \
	REFUSED("DENSE, " n, FLOW, r, t, PATCHES(OP(FLOW_DENSE1, in[arg], with)), \
		AT_OP(FLOW_DENSE1), AT_TENSOR(with))
	DENSE_ARG("vector is a constant", REF, "is a constant", 0, FLOW_LUT),
	REFUSED("DENSE, vector of int16", RECON, DTYPE, "input 0 (tensor 1) is int16",
		PATCHES(OP(RECON_DENSE2, in[0], RECON_A)), AT_OP(RECON_DENSE2),
		AT_TENSOR(RECON_A)),
	DENSE_ARG("weights aren't constant", REF, "input 1 (tensor 2) isn't", 1, FLOW_Q),
	DENSE_ARG("weights of int32", DTYPE, "input 1 (tensor 5) is int32", 1, FLOW_B1),
	DENSE_ARG("weights of other size", SHAPE, "has 24 elements, it needs 20", 1, FLOW_W2),
	REFUSED("DENSE, weights transposed", FLOW, SHAPE, "5 x 4, it has to be 4 x 5",
		PATCHES(TENSOR(FLOW_W1, dims[0], 5), TENSOR(FLOW_W1, dims[1], 4)),
		AT_OP(FLOW_DENSE1), AT_TENSOR(FLOW_W1)),
	REFUSED("DENSE, weights in a row", FLOW, SHAPE, "1 x 20, it has to be 4 x 5",
		PATCHES(TENSOR(FLOW_W1, rank, 1), TENSOR(FLOW_W1, dims[0], 20),
			TENSOR(FLOW_W1, dims[1], 0)), AT_OP(FLOW_DENSE1), AT_TENSOR(FLOW_W1)),
	DENSE_ARG("biases aren't constant", REF, "input 2 (tensor 2) isn't", 2, FLOW_Q),
	DENSE_ARG("biases of int8", DTYPE, "input 2 (tensor 7) is int8", 2, FLOW_S1),
	DENSE_ARG("too many biases", SHAPE, "has 6 elements, it needs 4", 2, FLOW_B2),
	DENSE_ARG("multipliers aren't constant", REF, "input 3 (tensor 2) isn't", 3, FLOW_Q),
	DENSE_ARG("multipliers of int8", DTYPE, "input 3 (tensor 7) is int8", 3, FLOW_S1),
	DENSE_ARG("too few multipliers", SHAPE, "has 3 elements, it needs 4", 3, FLOW_M3),
	DENSE_ARG("shifts aren't constant", REF, "input 4 (tensor 2) isn't", 4, FLOW_Q),
	DENSE_ARG("shifts of int32", DTYPE, "input 4 (tensor 5) is int32", 4, FLOW_B1),
	DENSE_ARG("too many shifts", SHAPE, "has 6 elements, it needs 4", 4, FLOW_S2),
	DENSE_ARG("table isn't constant", REF, "input 5 (tensor 2) isn't", 5, FLOW_Q),
	DENSE_ARG("table of int32", DTYPE, "input 5 (tensor 5) is int32", 5, FLOW_B1),
	DENSE_ARG("table of 20", SHAPE, "has 20 elements, it needs 256", 5, FLOW_W1),
	REFUSED("DENSE, table and int16", FLOW, DTYPE, "output 0 (tensor 8) is int16",
		PATCHES(TENSOR(FLOW_T, dtype, INKLING_INT16)), AT_OP(FLOW_DENSE2),
		AT_TENSOR(FLOW_T)),
	REFUSED("DENSE, table and int32", FLOW, DTYPE, "output 0 (tensor 8) is int32",
		PATCHES(TENSOR(FLOW_T, dtype, INKLING_INT32)), AT_OP(FLOW_DENSE2),
		AT_TENSOR(FLOW_T)),

	/* DENSE, attributes and requantisation */
#define DENSE_ATTR(n, k, v, t) \
	REFUSED("DENSE, " n, FLOW, ATTR, t, PATCHES(OP(FLOW_DENSE1, attr[k], v)), \
		AT_OP(FLOW_DENSE1))
	DENSE_ATTR("zero point above int8", 0, 128, "attribute 0 is 128"),
	DENSE_ATTR("zero point below int8", 0, -129, "allowed are -128 to 127"),
	DENSE_ATTR("lowest below int8", 1, -129, "attribute 1 is -129"),
	DENSE_ATTR("lowest above highest", 1, 102, "attribute 2 is 101, allowed are 102 to 127"),
	DENSE_ATTR("lowest above int8", 1, 128, "attribute 1 is 128"),
	DENSE_ATTR("highest above int8", 2, 128, "attribute 2 is 128"),
	DENSE_ATTR("highest below lowest", 2, -101, "attribute 2 is -101"),
	REFUSED("DENSE, highest above int16", RECON, ATTR, "attribute 2 is 32768",
		PATCHES(OP(RECON_DENSE1, attr[2], 32768)), AT_OP(RECON_DENSE1)),
	REFUSED("DENSE, zero point below int16", RECON, ATTR, "attribute 0 is -32769",
		PATCHES(OP(RECON_DENSE1, attr[0], -32769)), AT_OP(RECON_DENSE1)),
	ACCEPTED("DENSE, whole int8", FLOW, PATCHES(OP(FLOW_DENSE1, attr[0], -128),
						    OP(FLOW_DENSE1, attr[1], -128),
						    OP(FLOW_DENSE1, attr[2], 127))),
	ACCEPTED("DENSE, one value", FLOW, PATCHES(OP(FLOW_DENSE1, attr[0], 127),
						   OP(FLOW_DENSE1, attr[1], 101))),
	ACCEPTED("DENSE, whole int32", FLOW, PATCHES(OP(FLOW_DENSE3, attr[1], S32_MIN),
						     OP(FLOW_DENSE3, attr[2], S32_MAX))),
	REFUSED("DENSE, multiplier negative", FLOW, REQUANT, "row 3 has multiplier -1",
		PATCHES(DATA32(FLOW_M1, 3, -1)), AT_OP(FLOW_DENSE1), AT_TENSOR(FLOW_M1)),
	REFUSED("DENSE, shift 0", FLOW, REQUANT, "row 0 has multiplier 536870912 and shift 0",
		PATCHES(DATA8(FLOW_S1, 0, 0)), AT_OP(FLOW_DENSE1), AT_TENSOR(FLOW_M1)),
	REFUSED("DENSE, shift 63", FLOW, REQUANT, "shift 63", PATCHES(DATA8(FLOW_S1, 2, 63)),
		AT_OP(FLOW_DENSE1), AT_TENSOR(FLOW_M1)),
	REFUSED("DENSE, shift negative", FLOW, REQUANT, "shift -1", PATCHES(DATA8(FLOW_S1, 1, -1)),
		AT_OP(FLOW_DENSE1), AT_TENSOR(FLOW_M1)),
	ACCEPTED("DENSE, multiplier 0 and shift 1", FLOW,
		 PATCHES(DATA32(FLOW_M1, 0, 0), DATA8(FLOW_S1, 0, 1))),
	ACCEPTED("DENSE, largest multiplier and shift", FLOW,
		 PATCHES(DATA32(FLOW_M1, 0, S32_MAX), DATA8(FLOW_S1, 0, 62))),

	/* LUT */
	REFUSED("LUT of a constant", FLOW, REF, "is a constant",
		PATCHES(OP(FLOW_LUTOP, in[0], FLOW_LUT)), AT_OP(FLOW_LUTOP), AT_TENSOR(FLOW_LUT)),
	REFUSED("LUT of int16", MIX, DTYPE, "input 0 (tensor 1) is int16",
		PATCHES(OP(MIX_LUTOP, in[0], MIX_A)), AT_OP(MIX_LUTOP), AT_TENSOR(MIX_A)),
	REFUSED("LUT, table isn't constant", FLOW, REF, "isn't a constant",
		PATCHES(OP(FLOW_LUTOP, in[1], FLOW_H)), AT_OP(FLOW_LUTOP), AT_TENSOR(FLOW_H)),
	REFUSED("LUT, table of int32", FLOW, DTYPE, "int32",
		PATCHES(OP(FLOW_LUTOP, in[1], FLOW_B1)), AT_OP(FLOW_LUTOP), AT_TENSOR(FLOW_B1)),
	REFUSED("LUT, table of 20", FLOW, SHAPE, "has 20 elements, it needs 256",
		PATCHES(OP(FLOW_LUTOP, in[1], FLOW_W1)), AT_OP(FLOW_LUTOP), AT_TENSOR(FLOW_W1)),
	REFUSED("LUT to int16", FLOW, DTYPE, "output 0 (tensor 14) is int16",
		PATCHES(TENSOR(FLOW_L, dtype, INKLING_INT16)), AT_OP(FLOW_LUTOP),
		AT_TENSOR(FLOW_L)),
	REFUSED("LUT to more elements", FLOW, SHAPE, "has 7 elements, it needs 6",
		PATCHES(TENSOR(FLOW_L, dims[0], 7)), AT_OP(FLOW_LUTOP), AT_TENSOR(FLOW_L)),

	/* ADD and MUL */
	REFUSED("ADD of two constants", MIX, REF, "input 1 (tensor 13) is a constant",
		PATCHES(OP(MIX_ADD, in[0], MIX_K), OP(MIX_ADD, in[1], MIX_K)), AT_OP(MIX_ADD),
		AT_TENSOR(MIX_K)),
	REFUSED("ADD of int32", FLOW, DTYPE, "input 0 (tensor 16) is int32",
		PATCHES(OP(FLOW_SOFTMAX, opcode, INKLING_OP_ADD), OP(FLOW_SOFTMAX, in[1], FLOW_Z)),
		AT_OP(FLOW_SOFTMAX), AT_TENSOR(FLOW_Z)),
	REFUSED("MUL of a constant of int32", MIX, DTYPE, "input 0 (tensor 3) is int32",
		PATCHES(OP(MIX_MUL, in[0], MIX_BA), OP(MIX_MUL, in[1], MIX_A)), AT_OP(MIX_MUL),
		AT_TENSOR(MIX_BA)),
	REFUSED("ADD of int16 and int8", MIX, DTYPE, "input 1 (tensor 0) is int8",
		PATCHES(OP(MIX_ADD, in[1], MIX_IN)), AT_OP(MIX_ADD), AT_TENSOR(MIX_IN)),
	REFUSED("ADD of 24 and 8", MIX, SHAPE, "has 8 elements, it needs 24",
		PATCHES(OP(MIX_ARGMAX, opcode, INKLING_OP_ADD), OP(MIX_ARGMAX, in[1], MIX_D)),
		AT_OP(MIX_ARGMAX), AT_TENSOR(MIX_D)),
	ACCEPTED("MUL, the first constant", MIX, PATCHES(OP(MIX_MUL, in[0], MIX_K),
							 OP(MIX_MUL, in[1], MIX_A))),
#define ADD_ATTR(n, k, v, t) \
	REFUSED("ADD, " n, MIX, ATTR, t, PATCHES(OP(MIX_ADD, attr[k], v)), AT_OP(MIX_ADD))
#define MUL_ATTR(n, k, v, t) \
	REFUSED("MUL, " n, MIX, ATTR, t, PATCHES(OP(MIX_MUL, attr[k], v)), AT_OP(MIX_MUL))
	ADD_ATTR("first zero point above", 0, 32768, "attribute 0 is 32768"),
	ADD_ATTR("first zero point below", 0, -32769, "attribute 0 is -32769"),
	ADD_ATTR("second zero point above", 1, 32768, "attribute 1 is 32768"),
	MUL_ATTR("second zero point below", 1, -32769, "attribute 1 is -32769"),
	ADD_ATTR("shift 0", 4, 0, "attribute 4 is 0, allowed are 1 to 62"),
	ADD_ATTR("shift 63", 4, 63, "attribute 4 is 63"),
	MUL_ATTR("shift 0", 4, 0, "attribute 4 is 0"),
	MUL_ATTR("shift negative", 4, -5, "attribute 4 is -5"),
	ADD_ATTR("output's zero point", 5, 128, "attribute 5 is 128"),
	ADD_ATTR("lowest", 6, -129, "attribute 6 is -129"),
	ADD_ATTR("highest", 7, 128, "attribute 7 is 128"),
	MUL_ATTR("highest below lowest", 7, -96, "attribute 7 is -96"),
	ACCEPTED("ADD, extremes", MIX, PATCHES(OP(MIX_ADD, attr[0], 32767),
					       OP(MIX_ADD, attr[1], -32768),
					       OP(MIX_ADD, attr[2], S32_MIN),
					       OP(MIX_ADD, attr[3], S32_MAX),
					       OP(MIX_ADD, attr[4], 1))),
	ACCEPTED("ADD, shift 62", MIX, PATCHES(OP(MIX_ADD, attr[4], 62))),
	REFUSED("ADD to fewer elements", MIX, SHAPE, "has 7 elements, it needs 8",
		PATCHES(TENSOR(MIX_C, dims[0], 7)), AT_OP(MIX_ADD), AT_TENSOR(MIX_C)),
	REFUSED("MUL to more elements", MIX, SHAPE, "has 9 elements, it needs 8",
		PATCHES(TENSOR(MIX_D, dims[0], 9)), AT_OP(MIX_MUL), AT_TENSOR(MIX_D)),

	/* CONCAT, SOFTMAX, ARGMAX, DIST */
	REFUSED("CONCAT of a constant", MIX, REF, "input 1 (tensor 15) is a constant",
		PATCHES(OP(MIX_CONCAT, in[1], MIX_LUT)), AT_OP(MIX_CONCAT), AT_TENSOR(MIX_LUT)),
	REFUSED("CONCAT of int8 and int16", MIX, DTYPE, "input 1 (tensor 1) is int16",
		PATCHES(OP(MIX_CONCAT, in[1], MIX_A)), AT_OP(MIX_CONCAT), AT_TENSOR(MIX_A)),
	REFUSED("CONCAT of int8 to int16", MIX, DTYPE, "input 0 (tensor 12) is int8",
		PATCHES(TENSOR(MIX_F, dtype, INKLING_INT16)), AT_OP(MIX_CONCAT),
		AT_TENSOR(MIX_D)),
	REFUSED("CONCAT to fewer elements", MIX, SHAPE, "has 23 elements, it needs 24",
		PATCHES(TENSOR(MIX_F, dims[0], 23)), AT_OP(MIX_CONCAT), AT_TENSOR(MIX_F)),
	REFUSED("SOFTMAX of a constant", FLOW, REF, "is a constant",
		PATCHES(OP(FLOW_SOFTMAX, in[0], FLOW_B3)), AT_OP(FLOW_SOFTMAX),
		AT_TENSOR(FLOW_B3)),
	REFUSED("SOFTMAX to int32", FLOW, DTYPE, "output 0 (tensor 21) is int32",
		PATCHES(TENSOR(FLOW_P, dtype, INKLING_INT32)), AT_OP(FLOW_SOFTMAX),
		AT_TENSOR(FLOW_P)),
	REFUSED("SOFTMAX to more elements", FLOW, SHAPE, "has 4 elements, it needs 3",
		PATCHES(TENSOR(FLOW_P, dims[0], 4)), AT_OP(FLOW_SOFTMAX), AT_TENSOR(FLOW_P)),
	REFUSED("SOFTMAX, multiplier negative", FLOW, ATTR, "attribute 0 is -1",
		PATCHES(OP(FLOW_SOFTMAX, attr[0], -1)), AT_OP(FLOW_SOFTMAX)),
	REFUSED("SOFTMAX, shift negative", FLOW, ATTR, "attribute 1 is -1",
		PATCHES(OP(FLOW_SOFTMAX, attr[1], -1)), AT_OP(FLOW_SOFTMAX)),
	REFUSED("SOFTMAX, shift 63", FLOW, ATTR, "attribute 1 is 63",
		PATCHES(OP(FLOW_SOFTMAX, attr[1], 63)), AT_OP(FLOW_SOFTMAX)),
	ACCEPTED("SOFTMAX, largest multiplier, no shift", FLOW,
		 PATCHES(OP(FLOW_SOFTMAX, attr[0], S32_MAX), OP(FLOW_SOFTMAX, attr[1], 0))),
	ACCEPTED("SOFTMAX, multiplier 0, largest shift", FLOW,
		 PATCHES(OP(FLOW_SOFTMAX, attr[0], 0), OP(FLOW_SOFTMAX, attr[1], 62))),
	ACCEPTED("SOFTMAX of 65536", FLOW, .make = widest_softmax),
	REFUSED("SOFTMAX of 65537", FLOW, SHAPE, "SOFTMAX of 65537 elements",
		.make = too_wide_softmax, AT_OP(0), AT_TENSOR(0)),
	REFUSED("ARGMAX of a constant", MIX, REF, "is a constant",
		PATCHES(OP(MIX_ARGMAX, in[0], MIX_LUT)), AT_OP(MIX_ARGMAX), AT_TENSOR(MIX_LUT)),
	REFUSED("ARGMAX to int16", MIX, DTYPE, "int16",
		PATCHES(TENSOR(MIX_G, dtype, INKLING_INT16)), AT_OP(MIX_ARGMAX),
		AT_TENSOR(MIX_G)),
	REFUSED("ARGMAX to one element", MIX, SHAPE, "has 1 elements, it needs 2",
		PATCHES(TENSOR(MIX_G, dims[0], 1)), AT_OP(MIX_ARGMAX), AT_TENSOR(MIX_G)),
	REFUSED("DIST of different types", RECON, DTYPE, "input 1 (tensor 0) is int8",
		PATCHES(OP(RECON_DIST, in[1], RECON_IN)), AT_OP(RECON_DIST),
		AT_TENSOR(RECON_IN)),
	REFUSED("DIST to int16", RECON, DTYPE, "int16",
		PATCHES(TENSOR(RECON_D, dtype, INKLING_INT16)), AT_OP(RECON_DIST),
		AT_TENSOR(RECON_D)),
	REFUSED("DIST to two elements", RECON, SHAPE, "has 2 elements, it needs 1",
		PATCHES(TENSOR(RECON_D, dims[0], 2)), AT_OP(RECON_DIST), AT_TENSOR(RECON_D)),
	REFUSED("DIST, multiplier negative", RECON, ATTR, "attribute 2 is -1",
		PATCHES(OP(RECON_DIST, attr[2], -1)), AT_OP(RECON_DIST)),
	REFUSED("DIST, shift 0", RECON, ATTR, "attribute 3 is 0",
		PATCHES(OP(RECON_DIST, attr[3], 0)), AT_OP(RECON_DIST)),
	REFUSED("DIST, shift 63", RECON, ATTR, "attribute 3 is 63",
		PATCHES(OP(RECON_DIST, attr[3], 63)), AT_OP(RECON_DIST)),
	ACCEPTED("DIST, multiplier 0, shift 1", RECON, PATCHES(OP(RECON_DIST, attr[2], 0),
							       OP(RECON_DIST, attr[3], 1))),
	ACCEPTED("DIST, shift 62", RECON, PATCHES(OP(RECON_DIST, attr[3], 62))),
};

int main(void)
{
	return verify_cases_run("verify operators", cases, ARRAY_SIZE(cases));
}
