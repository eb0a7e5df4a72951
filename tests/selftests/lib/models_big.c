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
