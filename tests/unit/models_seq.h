/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small valid images of one operator on sequences each, for test_verify_seq.c.
 *
 * Op 0 is an EMBED, op 1 the operator, op 2 a POOL where a sequence is left.
 * Tensors have the same numbers in all: SEQ_Y is what op 1 makes, SEQ_1 and so on
 * its inputs from the second on where they are its own.
 */
#ifndef INK_TEST_MODELS_SEQ_H
#define INK_TEST_MODELS_SEQ_H

#include "models.h"

enum {
	SEQ_IN, SEQ_TABLE, SEQ_MULT, SEQ_SHIFT, SEQ_POSITION, SEQ_X,
	SEQ_Y, SEQ_1, SEQ_2, SEQ_3, SEQ_4, SEQ_5,
};

enum {
	SEQ_T = 6,	/* tokens of a call */
	SEQ_D = 8,	/* columns */
	SEQ_C = 16,	/* tokens that states hold */
	SEQ_V = 20,	/* words */
};

/* Values of enum model for verify_case.h: an operator, or ATTENTION with states. */
enum {
	MODEL_SEQ = 100,
	MODEL_HASHEMBED = MODEL_SEQ + INKLING_OP_HASHEMBED,
	MODEL_NORM = MODEL_SEQ + INKLING_OP_NORM,
	MODEL_LINEAR = MODEL_SEQ + INKLING_OP_LINEAR,
	MODEL_CURVE = MODEL_SEQ + INKLING_OP_CURVE,
	MODEL_ROPE = MODEL_SEQ + INKLING_OP_ROPE,
	MODEL_ATTENTION = MODEL_SEQ + INKLING_OP_ATTENTION,
	MODEL_POOL = MODEL_SEQ + INKLING_OP_POOL,
	MODEL_TRANSPOSE = MODEL_SEQ + INKLING_OP_TRANSPOSE,
	MODEL_SHIFT = MODEL_SEQ + INKLING_OP_SHIFT,
	MODEL_UNFOLD = MODEL_SEQ + INKLING_OP_UNFOLD,
	MODEL_MAXOUT = MODEL_SEQ + INKLING_OP_MAXOUT,
	MODEL_GATE = MODEL_SEQ + INKLING_OP_GATE,
	MODEL_SCALE = MODEL_SEQ + INKLING_OP_SCALE,
	MODEL_NLL = MODEL_SEQ + INKLING_OP_NLL,
	MODEL_STATES = MODEL_SEQ + INKLING_OP_NR,
};

struct image seq_image(u32 model);

#endif /* INK_TEST_MODELS_SEQ_H */
