/* SPDX-License-Identifier: GPL-2.0-only */
/* What randmodel.c asks of randmodel_ops.c: one operator with random constants each. */
#ifndef INK_TEST_RANDMODEL_OPS_H
#define INK_TEST_RANDMODEL_OPS_H

#include "image_builder.h"
#include "randmodel.h"

struct randmodel {
	struct ink_builder *b;
	struct ink_rand r;
	uint32_t in, out;	/* tensors of the model */
	uint32_t tokens;	/* of a call, at most; 0: no sequence */
	uint32_t context;	/* tokens that states hold; 0: none */
	uint32_t head;		/* INKLING_HEAD_*; 0, RAW, from the start */
	int32_t threshold;
};

uint32_t randmodel_dtype(const struct randmodel *m, uint32_t tensor);

/*
 * A multiplier and shift that take what is at most @most to about @want, but
 * now and then anything that doesn't leave 32 bits.
 */
void randmodel_scale(struct randmodel *m, uint64_t most, uint64_t want, int32_t *mult,
		     int8_t *shift);

/* Each returns the tensor that was made. */
uint32_t randmodel_input(struct randmodel *m, uint32_t dtype, uint32_t n);
uint32_t randmodel_dense(struct randmodel *m, uint32_t in, uint32_t rows, uint32_t dtype);
uint32_t randmodel_quant(struct randmodel *m, uint32_t in, uint32_t rows);
uint32_t randmodel_lut(struct randmodel *m, uint32_t in);
uint32_t randmodel_concat(struct randmodel *m, const uint32_t *in, uint32_t n);
uint32_t randmodel_softmax(struct randmodel *m, uint32_t in);
uint32_t randmodel_argmax(struct randmodel *m, uint32_t in);

/* ADD, MUL or DIST; @b may be INKLING_NONE: a constant, before or after @a. */
uint32_t randmodel_pair(struct randmodel *m, uint32_t opcode, uint32_t a, uint32_t b);

/* int8 or int16 to int32, without loss. */
uint32_t randmodel_keep(struct randmodel *m, uint32_t in);

#endif /* INK_TEST_RANDMODEL_OPS_H */
