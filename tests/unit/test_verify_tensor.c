// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verifier's rules for tensors, constants, input, output and head.
 *
 * What lives here: for each check of the tensor table and of what the header
 * says of it an image that is valid but for that one thing. What doesn't:
 * operators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "verify_case.h"

/* The last constant's section ends 64 bytes later, all else follows. */
static void data_of_nobody(struct image *img)
{
	image_header(img)->section[INKLING_SEC_DATA].size += 64;
}

static void dirty_gap(struct image *img)
{
	const struct inkling_tensor *t = image_tensor(img, FLOW_B1);

	((u8 *)image_data(img, FLOW_B1))[t->data_size] = 1;
}

static void dirty_gap_end(struct image *img)
{
	((u8 *)image_data(img, FLOW_M1))[-1] = 1;
}

/* Cut DATA before its last constant, or in it. */
static void cut_data(struct image *img, size_t leave)
{
	struct inkling_header *h = image_header(img);
	struct image old = *img;

	h->section[INKLING_SEC_DATA].size = leave;
	h->file_size = h->section[INKLING_SEC_DATA].offset + leave;
	*img = image_copy(old.p, h->file_size);
	image_free(&old);
}

static void cut_last_constant(struct image *img)
{
	const struct inkling_tensor *t = image_tensor(img, FLOW_S3);

	cut_data(img, t->data_offset + t->data_size - 1);
}

static void cut_before_last_constant(struct image *img)
{
	cut_data(img, image_tensor(img, FLOW_M3)->data_offset +
		      image_tensor(img, FLOW_M3)->data_size);
}

static void no_data(struct image *img)
{
	cut_data(img, 0);
}

/* One class, or four: the names follow. */
static void classes(struct image *img, u32 n)
{
	struct inkling_card *c = image_card(img);
	u32 i;

	for (i = 0; i < INKLING_MAX_CLASSES; i++) {
		memset(c->classes[i], 0, sizeof(c->classes[i]));
		if (i < n)
			c->classes[i][0] = (char)('a' + i);
	}
	image_header(img)->n_classes = n;
}

static void classes_0(struct image *img)
{
	classes(img, 0);
}

static void classes_1(struct image *img)
{
	classes(img, 1);
}

static void classes_2(struct image *img)
{
	classes(img, 2);
}

static void classes_3(struct image *img)
{
	classes(img, 3);
}

static void classes_4(struct image *img)
{
	classes(img, 4);
}

/* As a class model has it, but SOFTMAX of one element. */
static struct image one_class(void)
{
	const s32 attr[2] = { 1, 0 };
	struct ink_builder *b = ink_builder_new();
	u32 in, out;

	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "one");
	ink_builder_class(b, "only");
	in = ink_builder_input(b, INKLING_INT8, 1);
	out = ink_builder_activation(b, INKLING_INT16, 1);
	ink_builder_op(b, INKLING_OP_SOFTMAX, out, &in, 1, attr, 2);
	ink_builder_io(b, in, out, INKLING_HEAD_CLASSES, 1);
	return image_finish(b);
}

static void raw_head(struct image *img)
{
	classes(img, 0);
	image_header(img)->head = INKLING_HEAD_RAW;
	image_header(img)->threshold = 0;
}

static void recon_as_classes(struct image *img)
{
	classes(img, 1);
	image_header(img)->head = INKLING_HEAD_CLASSES;
}

static void recon_as_two_classes(struct image *img)
{
	image_header(img)->head = INKLING_HEAD_CLASSES;
}

/* Two classes for the two numbers that ARGMAX makes. */
static void mix_as_classes(struct image *img)
{
	classes(img, 2);
	image_header(img)->head = INKLING_HEAD_CLASSES;
	image_header(img)->threshold = 1;
}

static void flow_as_anomaly(struct image *img)
{
	classes(img, 2);
	image_header(img)->head = INKLING_HEAD_ANOMALY;
}

#define TWO_POW_12	4096

static const struct verify_case cases[] = {
	/* Shape */
	REFUSED("dtype 0", FLOW, TENSOR, "unknown type", PATCHES(TENSOR(FLOW_Q, dtype, 0)),
		AT_TENSOR(FLOW_Q)),
	REFUSED("dtype uint8", FLOW, TENSOR, "uint8", PATCHES(TENSOR(FLOW_Q, dtype, INKLING_UINT8)),
		AT_TENSOR(FLOW_Q)),
	REFUSED("dtype int4", FLOW, TENSOR, "int4", PATCHES(TENSOR(FLOW_W1, dtype, INKLING_INT4)),
		AT_TENSOR(FLOW_W1)),
	REFUSED("dtype behind the last", FLOW, TENSOR, "unknown type",
		PATCHES(TENSOR(FLOW_Q, dtype, INKLING_UINT16 + 1)), AT_TENSOR(FLOW_Q)),
	REFUSED("dtype 255", FLOW, TENSOR, "unknown type", PATCHES(TENSOR(FLOW_Q, dtype, 255)),
		AT_TENSOR(FLOW_Q)),
	REFUSED("scale for each block", FLOW, TENSOR, "blocks of 32",
		PATCHES(TENSOR(FLOW_W1, block, 32)), AT_TENSOR(FLOW_W1)),
	REFUSED("state tensor", FLOW, TENSOR, "kind 3",
		PATCHES(TENSOR(FLOW_Q, kind, INKLING_TENSOR_STATE)), AT_TENSOR(FLOW_Q)),
	REFUSED("tensor kind 255", FLOW, TENSOR, "kind 255", PATCHES(TENSOR(FLOW_Q, kind, 255)),
		AT_TENSOR(FLOW_Q)),
	REFUSED("rank 0", FLOW, TENSOR, "rank 0",
		PATCHES(TENSOR(FLOW_Q, rank, 0), TENSOR(FLOW_Q, dims[0], 0)), AT_TENSOR(FLOW_Q)),
	REFUSED("rank 5", FLOW, TENSOR, "rank 5",
		PATCHES(TENSOR(FLOW_Q, rank, 5), TENSOR(FLOW_Q, dims[1], 1),
			TENSOR(FLOW_Q, dims[2], 1), TENSOR(FLOW_Q, dims[3], 1)),
		AT_TENSOR(FLOW_Q)),
	ACCEPTED("rank 4", FLOW,
		 PATCHES(TENSOR(FLOW_Q, rank, 4), TENSOR(FLOW_Q, dims[1], 1),
			 TENSOR(FLOW_Q, dims[2], 1), TENSOR(FLOW_Q, dims[3], 1))),
	REFUSED("dimension 0", FLOW, TENSOR, "dimension 0 is 0",
		PATCHES(TENSOR(FLOW_Q, dims[0], 0)), AT_TENSOR(FLOW_Q)),
	REFUSED("dimension behind the rank", FLOW, TENSOR, "dimension 3 is 1",
		PATCHES(TENSOR(FLOW_Q, dims[3], 1)), AT_TENSOR(FLOW_Q)),
	REFUSED("dimension missing", FLOW, TENSOR, "dimension 1 is 0",
		PATCHES(TENSOR(FLOW_Q, rank, 2)), AT_TENSOR(FLOW_Q)),
	REFUSED("one element too many", FLOW, TENSOR, "more than 16777216 elements",
		PATCHES(TENSOR(FLOW_Q, dims[0], INKLING_MAX_ELEMENTS + 1)), AT_TENSOR(FLOW_Q)),
	REFUSED("most elements", FLOW, SHAPE, "has 16777216 elements",
		PATCHES(TENSOR(FLOW_Q, dims[0], INKLING_MAX_ELEMENTS)), AT_OP(FLOW_QUANT),
		AT_TENSOR(FLOW_Q)),
	REFUSED("elements wrap around to 0", FLOW, TENSOR, "more than 16777216 elements",
		PATCHES(TENSOR(FLOW_Q, rank, 3), TENSOR(FLOW_Q, dims[0], TWO_POW_12),
			TENSOR(FLOW_Q, dims[1], TWO_POW_12), TENSOR(FLOW_Q, dims[2], 256)),
		AT_TENSOR(FLOW_Q)),
	REFUSED("elements wrap around to 4", FLOW, TENSOR, "more than 16777216 elements",
		PATCHES(TENSOR(FLOW_Q, rank, 2), TENSOR(FLOW_Q, dims[0], 4),
			TENSOR(FLOW_Q, dims[1], 0x40000001)),
		AT_TENSOR(FLOW_Q)),
	REFUSED("largest dimension", FLOW, TENSOR, "more than 16777216 elements",
		PATCHES(TENSOR(FLOW_Q, dims[0], -1)), AT_TENSOR(FLOW_Q)),
	REFUSED("tensor flags", FLOW, RESERVED, "tensor 2",
		PATCHES(TENSOR(FLOW_Q, flags, 2)), AT_TENSOR(FLOW_Q)),
	REFUSED("tensor reserved, first", FLOW, RESERVED, "tensor 0",
		PATCHES(TENSOR(FLOW_IN, reserved[0], 1)), AT_TENSOR(FLOW_IN)),
	REFUSED("tensor reserved, last", FLOW, RESERVED, "tensor 21",
		PATCHES(TENSOR(FLOW_P, reserved[3], 1 << 31)), AT_TENSOR(FLOW_P)),

	/* What people see */
	REFUSED("scale infinite", FLOW, TENSOR, "scale",
		PATCHES(TENSOR(FLOW_Q, scale, 0x7f800000)), AT_TENSOR(FLOW_Q)),
	REFUSED("scale not a number", FLOW, TENSOR, "scale",
		PATCHES(TENSOR(FLOW_Q, scale, 0x7fc00000)), AT_TENSOR(FLOW_Q)),
	REFUSED("scale negative", FLOW, TENSOR, "scale",
		PATCHES(TENSOR(FLOW_Q, scale, 0xbf800000)), AT_TENSOR(FLOW_Q)),
	ACCEPTED("largest scale", FLOW, PATCHES(TENSOR(FLOW_Q, scale, 0x7f7fffff))),
	ACCEPTED("any zero point", FLOW, PATCHES(TENSOR(FLOW_Q, zero_point, S32_MIN))),

	/* Constants */
	REFUSED("constant too late", FLOW, DATA, "tensor 4: data at 192",
		PATCHES(TENSOR(FLOW_W1, data_offset, 192)), AT_TENSOR(FLOW_W1)),
	REFUSED("constant over another", FLOW, DATA, "tensor 4: data at 0",
		PATCHES(TENSOR(FLOW_W1, data_offset, 0)), AT_TENSOR(FLOW_W1)),
	REFUSED("constant too long", FLOW, DATA, "21 bytes; it belongs at 128 with 20",
		PATCHES(TENSOR(FLOW_W1, data_size, 21)), AT_TENSOR(FLOW_W1)),
	REFUSED("constant far away", FLOW, DATA, "tensor 4",
		PATCHES(TENSOR(FLOW_W1, data_offset, -64)), AT_TENSOR(FLOW_W1)),
	REFUSED("last constant cut", FLOW, DATA, "tensor 20", .change = cut_last_constant,
		AT_TENSOR(FLOW_S3)),
	REFUSED("last constant cut off", FLOW, DATA, "tensor 20",
		.change = cut_before_last_constant, AT_TENSOR(FLOW_S3)),
	REFUSED("no data", FLOW, DATA, "tensor 1", .change = no_data, AT_TENSOR(FLOW_ROWS)),
	REFUSED("data of no tensor", FLOW, DATA, "64 bytes of data belong to no tensor",
		.grow = 64, .change = data_of_nobody),
	REFUSED("first byte behind a constant", FLOW, PADDING, "tensor 6", .change = dirty_gap,
		AT_TENSOR(FLOW_M1)),
	REFUSED("last byte before a constant", FLOW, PADDING, "tensor 6",
		.change = dirty_gap_end, AT_TENSOR(FLOW_M1)),
	REFUSED("activation with an offset", FLOW, DATA, "isn't a constant",
		PATCHES(TENSOR(FLOW_Q, data_offset, 64)), AT_TENSOR(FLOW_Q)),
	REFUSED("input with a size", FLOW, DATA, "isn't a constant",
		PATCHES(TENSOR(FLOW_IN, data_size, 12)), AT_TENSOR(FLOW_IN)),

	/* Input and output */
	REFUSED("input out of range", FLOW, IO, "tensor 22 is no input",
		PATCHES(HDR(input, FLOW_TENSORS))),
	REFUSED("no input", FLOW, IO, "is no input", PATCHES(HDR(input, INKLING_NONE))),
	REFUSED("input is an activation", FLOW, IO, "tensor 2 is no input",
		PATCHES(HDR(input, FLOW_Q))),
	REFUSED("input is a constant", FLOW, IO, "tensor 1 is no input",
		PATCHES(HDR(input, FLOW_ROWS))),
	REFUSED("output out of range", FLOW, IO, "tensor 22 can't be the output",
		PATCHES(HDR(output, FLOW_TENSORS))),
	REFUSED("no output", FLOW, IO, "can't be the output", PATCHES(HDR(output, INKLING_NONE))),
	REFUSED("output is the input", FLOW, IO, "tensor 0 can't be the output",
		PATCHES(HDR(output, FLOW_IN))),
	REFUSED("output is a constant", FLOW, IO, "tensor 1 can't be the output",
		PATCHES(HDR(output, FLOW_ROWS))),
	REFUSED("two inputs", MIX, IO, "tensors 0 and 1 are both inputs",
		PATCHES(TENSOR(MIX_A, kind, INKLING_TENSOR_INPUT)), AT_TENSOR(MIX_A)),
	REFUSED("two inputs, the second is used", MIX, IO, "tensors 1 and 0 are both inputs",
		PATCHES(TENSOR(MIX_A, kind, INKLING_TENSOR_INPUT), HDR(input, MIX_A)),
		AT_TENSOR(MIX_IN)),
	REFUSED("features into int16", FLOW, IO, "int16 x 3",
		PATCHES(TENSOR(FLOW_IN, dtype, INKLING_INT16)), AT_TENSOR(FLOW_IN)),
	REFUSED("more inputs than features", FLOW, IO, "int32 x 4",
		PATCHES(TENSOR(FLOW_IN, dims[0], 4)), AT_TENSOR(FLOW_IN)),
	REFUSED("fewer inputs than features", FLOW, IO, "int32 x 2",
		PATCHES(TENSOR(FLOW_IN, dims[0], 2)), AT_TENSOR(FLOW_IN)),

	/* Head */
	REFUSED("head 3", FLOW, HEAD, "head 3", PATCHES(HDR(head, 3))),
	ACCEPTED("raw head", FLOW, .change = raw_head),
	REFUSED("raw head with classes", FLOW, HEAD, "head 0 with 3 classes",
		PATCHES(HDR(head, INKLING_HEAD_RAW), HDR(threshold, 0))),
	REFUSED("raw head with a threshold", FLOW, HEAD, "threshold 16384",
		PATCHES(HDR(head, INKLING_HEAD_RAW)), .change = classes_0),
	REFUSED("classes of a DIST", RECON, HEAD, "opcode 9", .change = recon_as_classes),
	REFUSED("two classes of a DIST", RECON, HEAD, "opcode 9", .change = recon_as_two_classes),
	REFUSED("classes of an ARGMAX", MIX, HEAD, "opcode 8", .change = mix_as_classes),
	REFUSED("fewer classes than outputs", FLOW, HEAD, "2 classes", .change = classes_2),
	REFUSED("more classes than outputs", FLOW, HEAD, "4 classes", .change = classes_4),
	REFUSED("a single class", FLOW, HEAD, "1 classes", .make = one_class),
	REFUSED("class threshold 0", FLOW, HEAD, "threshold 0", PATCHES(HDR(threshold, 0))),
	REFUSED("class threshold negative", FLOW, HEAD, "threshold -1", PATCHES(HDR(threshold, -1))),
	REFUSED("class threshold above 1", FLOW, HEAD, "threshold 32769",
		PATCHES(HDR(threshold, 32769))),
	ACCEPTED("lowest class threshold", FLOW, PATCHES(HDR(threshold, 1))),
	ACCEPTED("highest class threshold", FLOW, PATCHES(HDR(threshold, 32768))),
	REFUSED("anomaly of a SOFTMAX", FLOW, HEAD, "opcode 7", .change = flow_as_anomaly),
	REFUSED("anomaly with one class", RECON, HEAD, "1 classes", .change = classes_1),
	REFUSED("anomaly with three classes", RECON, HEAD, "3 classes", .change = classes_3),
	REFUSED("anomaly threshold 0", RECON, HEAD, "threshold 0", PATCHES(HDR(threshold, 0))),
	ACCEPTED("lowest anomaly threshold", RECON, PATCHES(HDR(threshold, 1))),
	ACCEPTED("highest anomaly threshold", RECON, PATCHES(HDR(threshold, S32_MAX))),
};

int main(void)
{
	return verify_cases_run("verify tensors", cases, ARRAY_SIZE(cases));
}
