// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes a model for the flow hook that is as simple as a rule, so that tests
 * know its answer: class 1 ("bad") when one feature is at least a number.
 *
 * What lives here: that model. What doesn't: anything trained.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../bpf/flow/flow_schema.h"
#include "image_builder.h"

static const struct inkling_feature schema[] = INK_FLOW_FEATURE_TABLE;
static const struct inkling_name names[] = INK_FLOW_NAME_TABLE;

/* The schema of the hook, or one that differs in the name of a feature. */
static void add_features(struct ink_builder *b, const char *renamed)
{
	const char *categories[INK_FLOW_NAMES];
	unsigned int i;

	for (i = 0; i < INK_FLOW_NAMES; i++)
		categories[i] = names[i].name;
	for (i = 0; i < INK_FLOW_FEATURES; i++) {
		const char *name = renamed && !strcmp(renamed, schema[i].name) ? "renamed" :
				   schema[i].name;

		if (schema[i].kind == INKLING_FEATURE_CATEGORY)
			ink_builder_category(b, name, categories + schema[i].first_name,
					     schema[i].n_names);
		else
			ink_builder_number(b, name, schema[i].decimals);
	}
}

/* 0 or 127 from the feature, then two logits far apart, then a softmax. */
static void add_rule(struct ink_builder *b, int feature, int32_t from)
{
	const struct inkling_quant_row row = {
		INKLING_QUANT_LINEAR, feature, from - 1, from, 127 << 20, 20, 0, 1,
	};
	const int8_t weights[2] = { -1, 1 }, shift[2] = { 30, 30 };
	const int32_t bias[2] = { 64, -64 }, mult[2] = { 1 << 30, 1 << 30 };
	const int32_t softmax[2] = { 1 << 14, 0 };
	const struct ink_builder_dense dense = {
		.n = 1, .m = 2, .weights = weights, .bias = bias, .mult = mult, .shift = shift,
		.lowest = -1000, .highest = 1000,
	};
	uint32_t in, q, logits, out;

	in = ink_builder_input(b, INKLING_INT32, INK_FLOW_FEATURES);
	q = ink_builder_activation(b, INKLING_INT8, 1);
	ink_builder_quant(b, in, q, &row, 1);
	logits = ink_builder_activation(b, INKLING_INT32, 2);
	ink_builder_dense(b, q, logits, &dense);
	out = ink_builder_activation(b, INKLING_INT16, 2);
	ink_builder_op(b, INKLING_OP_SOFTMAX, out, &logits, 1, softmax, 2);
	ink_builder_io(b, in, out, INKLING_HEAD_CLASSES, 16384);
}

int main(int argc, char **argv)
{
	struct ink_builder *b = ink_builder_new();
	const char *renamed = argc > 4 ? argv[4] : NULL;
	int feature = 0;
	size_t size;
	void *image;
	FILE *f;

	if (argc < 4 || !b) {
		fprintf(stderr, "usage: %s OUT.ink FEATURE FROM [FEATURE-TO-RENAME]\n", argv[0]);
		return 2;
	}
	while (feature < INK_FLOW_FEATURES && strcmp(schema[feature].name, argv[2]))
		feature++;
	if (feature == INK_FLOW_FEATURES) {
		fprintf(stderr, "%s: no feature %s\n", argv[0], argv[2]);
		return 2;
	}
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "flow-rule");
	ink_builder_text(b, ink_builder_card(b)->version, 32, "version", "1");
	ink_builder_text(b, ink_builder_card(b)->license, 64, "license", "GPL-2.0-only");
	ink_builder_class(b, "good");
	ink_builder_class(b, "bad");
	add_features(b, renamed);
	add_rule(b, feature, atoi(argv[3]));
	if (ink_builder_finish(b, &image, &size)) {
		fprintf(stderr, "%s: %s\n", argv[0], ink_builder_error(b));
		return 1;
	}
	f = fopen(argv[1], "w");
	if (!f || fwrite(image, size, 1, f) != 1 || fclose(f)) {
		perror(argv[1]);
		return 1;
	}
	free(image);
	ink_builder_free(b);
	return 0;
}
