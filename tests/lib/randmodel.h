/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random models and inputs, the same for the same seed on every machine.
 *
 * What lives here: images of random graphs with all operators that the
 * verifier accepts, made to tell implementations of the engine apart: outputs
 * keep what was computed, sizes are around and across those of vectors,
 * weights are extreme or harmless, shifts are any. What doesn't: running them.
 */
#ifndef INK_TEST_RANDMODEL_H
#define INK_TEST_RANDMODEL_H

#include <stddef.h>
#include <stdint.h>

#include "rand.h"

/* What kind of graph: for tests that want to know what they covered. */
enum ink_randmodel_kind {
	INK_RANDMODEL_DENSE,	/* one DENSE, its output as it is */
	INK_RANDMODEL_QUANT,	/* one QUANT, its output as it is */
	INK_RANDMODEL_MLP,	/* QUANT or int8 input, DENSE ... DENSE, perhaps a head */
	INK_RANDMODEL_MIX,	/* all operators, with branches */
	INK_RANDMODEL_LARGE,	/* DENSE that take more than one step */
	INK_RANDMODEL_ENCODER,	/* sequences and pictures, without states */
	INK_RANDMODEL_DECODER,	/* sequences with states */
	INK_RANDMODEL_NR,
};

const char *ink_randmodel_name(enum ink_randmodel_kind kind);

/**
 * ink_randmodel_build() - make an image
 * @kind: of graph
 * @seed: chooses the graph
 * @image: set to memory for free()
 * @size: set to its size
 *
 * Return: 0 or a negative errno.
 */
int ink_randmodel_build(enum ink_randmodel_kind kind, uint64_t seed, void **image, size_t *size);

/**
 * ink_randmodel_input() - fill an input
 * @r: generator
 * @dtype: of the model's input tensor
 * @count: its elements
 * @image: the model: where its QUANT rows change is where inputs are near
 * @in: @count elements, after their number where they are tokens
 */
void ink_randmodel_input(struct ink_rand *r, unsigned int dtype, uint32_t count,
			 const void *image, void *in);

#endif /* INK_TEST_RANDMODEL_H */
