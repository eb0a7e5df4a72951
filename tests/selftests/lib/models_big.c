// SPDX-License-Identifier: GPL-2.0-only
/*
 * Models of a size that the caller chooses, and ones that may replace each
 * other in a slot.
 */
#include "st.h"

#include <assert.h>

struct image big_image(u32 n, u32 layers)
{
	struct ink_builder *b = ink_builder_new();
	s8 *weights = malloc((size_t)n * n), *shift = malloc(n);
	s32 *bias = calloc(n, sizeof(*bias)), *mult = malloc(n * sizeof(*mult));
	struct ink_builder_dense d = {
		.n = n, .m = n, .weights = weights, .bias = bias, .mult = mult, .shift = shift,
		.lowest = -128, .highest = 127,
	};
	struct ink_rand r = { n };
	u32 i, k, input, out;

	assert(b && weights && shift && bias && mult);
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "big");
	out = input = ink_builder_input(b, INKLING_INT8, n);
	for (k = 0; k < layers; k++) {
		u32 in = out;

		for (i = 0; i < n * n; i++)
			weights[i] = (s8)ink_rand_range(&r, -127, 127);
		for (i = 0; i < n; i++) {
			mult[i] = 1 << 28;
			shift[i] = 38;
		}
		out = ink_builder_activation(b, INKLING_INT8, n);
		ink_builder_dense(b, in, out, &d);
	}
	ink_builder_io(b, input, out, INKLING_HEAD_RAW, 0);
	free(weights);
	free(shift);
	free(bias);
	free(mult);
	return image_finish(b);
}

/* A layer of random weights from @n to @m; its output. */
static u32 wide_layer(struct ink_builder *b, struct ink_rand *r, u32 in, u32 n, u32 m, u32 dtype)
{
	s8 *weights = malloc((size_t)n * m), *shift = malloc(m);
	s32 *bias = calloc(m, sizeof(*bias)), *mult = malloc(m * sizeof(*mult));
	struct ink_builder_dense d = {
		.n = n, .m = m, .weights = weights, .bias = bias, .mult = mult, .shift = shift,
		.lowest = dtype == INKLING_INT8 ? -128 : -20000,
		.highest = dtype == INKLING_INT8 ? 127 : 20001,
	};
	u32 i, out = ink_builder_activation(b, dtype, m);

	assert(weights && shift && bias && mult);
	for (i = 0; i < n * m; i++)
		weights[i] = (s8)ink_rand_range(r, -127, 127);
	for (i = 0; i < m; i++) {
		mult[i] = dtype == INKLING_INT8 ? 1 << 29 : 1 << 30;
		shift[i] = dtype == INKLING_INT8 ? 38 : 33;
	}
	ink_builder_dense(b, in, out, &d);
	free(weights);
	free(shift);
	free(bias);
	free(mult);
	return out;
}

struct image flow_wide(u32 n, u32 layers)
{
	static const char *const protocols[] = { "tcp", "udp", "icmp" };
	static const struct inkling_quant_row rows[3] = {
		{ INKLING_QUANT_LINEAR, 0, -10, 1000, 1 << 28, 30, -128, 1 },
		{ INKLING_QUANT_LOG2, 1, 0, 1 << 30, 1 << 23, 37, -100, 1 },
		{ INKLING_QUANT_ONEHOT, 2, 0, 2, 100, 0, -20, 3 },
	};
	const s32 softmax[2] = { 70000, 4 };
	struct ink_builder *b = ink_builder_new();
	struct ink_rand r = { n };
	u32 in[2], input, out;

	assert(b);
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "wide");
	ink_builder_class(b, "benign");
	ink_builder_class(b, "scan");
	ink_builder_class(b, "flood");
	ink_builder_number(b, "duration", 0);
	ink_builder_number(b, "rate", 2);
	ink_builder_category(b, "protocol", protocols, ARRAY_SIZE(protocols));
	in[0] = input = ink_builder_input(b, INKLING_INT32, 3);
	in[1] = ink_builder_matrix(b, INKLING_INT32, 3, 8, rows);
	out = ink_builder_activation(b, INKLING_INT8, 5);
	ink_builder_op(b, INKLING_OP_QUANT, out, in, 2, NULL, 0);
	out = wide_layer(b, &r, out, 5, n, INKLING_INT8);
	while (layers--)
		out = wide_layer(b, &r, out, n, n, INKLING_INT8);
	in[0] = wide_layer(b, &r, out, n, 3, INKLING_INT32);
	out = ink_builder_activation(b, INKLING_INT16, 3);
	ink_builder_op(b, INKLING_OP_SOFTMAX, out, in, 1, softmax, 2);
	ink_builder_io(b, input, out, INKLING_HEAD_CLASSES, 16384);
	return image_finish(b);
}

struct image flow_variant(u32 seed)
{
	struct image img = model_image(MODEL_FLOW);
	s8 *weights = image_data(&img, FLOW_W3);
	struct ink_rand r = { seed + 1 };
	u32 i;

	for (i = 0; i < 3 * 6; i++)
		weights[i] = (s8)ink_rand_range(&r, -127, 127);
	ink_image_seal(img.p, img.size);
	return img;
}
