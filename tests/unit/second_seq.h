/* SPDX-License-Identifier: GPL-2.0-only */
/* A second implementation of the operators on sequences; see second_seq.c. */
#ifndef INK_TEST_SECOND_SEQ_H
#define INK_TEST_SECOND_SEQ_H

#include "core.h"

struct second_arg {
	const void *p;
	const struct ink_tensor *t;
	u32 rows;		/* of this call */
};

/* An op in one call. */
struct second {
	const struct inkling_op *op;
	struct second_arg in[INKLING_MAX_INPUTS];
	u32 rows, cols;		/* of the output, in this call */
	u32 n, before;		/* tokens of this call, and of earlier ones */
	s16 *keys, *values;	/* with states: of all calls, by position; else NULL */
	s32 *y;			/* set: @rows rows */
};

void second_seq_run(const struct second *c);

#endif /* INK_TEST_SECOND_SEQ_H */
