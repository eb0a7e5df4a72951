/* SPDX-License-Identifier: GPL-2.0-only */
/* What randmodel_text.c asks of randmodel_seq.c: one operator with random constants each. */
#ifndef INK_TEST_RANDMODEL_SEQ_H
#define INK_TEST_RANDMODEL_SEQ_H

#include <stdbool.h>

#include "randmodel_ops.h"

/* An int16 tensor of @rows rows, the most of a call where they are tokens. */
struct rows_of {
	uint32_t t, rows, cols;
	bool seq;
};

/* @add: of the output's shape, or NULL; @most: outputs are at most that on either side; 0: any. */
struct rows_of randmodel_embed(struct randmodel *m, uint32_t cols);
struct rows_of randmodel_hashembed(struct randmodel *m, uint32_t cols, const struct rows_of *add);
struct rows_of randmodel_norm(struct randmodel *m, const struct rows_of *x, int32_t most);
struct rows_of randmodel_linear(struct randmodel *m, const struct rows_of *x, uint32_t cols,
				uint32_t dtype, const struct rows_of *add, int32_t most);
struct rows_of randmodel_curve(struct randmodel *m, const struct rows_of *x);
struct rows_of randmodel_rope(struct randmodel *m, const struct rows_of *x, uint32_t heads,
			      int32_t most);
struct rows_of randmodel_attention(struct randmodel *m, const struct rows_of *x, bool pooling);
struct rows_of randmodel_pool(struct randmodel *m, const struct rows_of *x);
struct rows_of randmodel_transpose(struct randmodel *m, const struct rows_of *x, int32_t back);
struct rows_of randmodel_shift(struct randmodel *m, const struct rows_of *x);
struct rows_of randmodel_unfold(struct randmodel *m, const struct rows_of *x, uint32_t width);
struct rows_of randmodel_maxout(struct randmodel *m, const struct rows_of *x);
struct rows_of randmodel_gate(struct randmodel *m, const struct rows_of *x,
			      const struct rows_of *add);
struct rows_of randmodel_rows_pair(struct randmodel *m, const struct rows_of *a,
				   const struct rows_of *b);
uint32_t randmodel_nll(struct randmodel *m, const struct rows_of *x);

/* The graphs: of tokens or of a picture, without states; and with. */
void randmodel_encoder(struct randmodel *m);
void randmodel_decoder(struct randmodel *m);

#endif /* INK_TEST_RANDMODEL_SEQ_H */
