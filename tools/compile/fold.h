/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What fold.c and head.c share.
 *
 * What lives here: a network being simplified. What doesn't: anything that the
 * rest of the compiler calls, see net.h.
 */
#ifndef INK_FOLD_H
#define INK_FOLD_H

#include "net.h"

/**
 * struct ink_fold - a network being simplified
 * @net: itself
 * @uses: by operator, how many read its result
 * @work: multiplications that joining layers has taken
 * @why: set when a rule fails
 */
struct ink_fold {
	struct ink_net *net;
	uint32_t *uses;
	double work;
	struct ink_diag *why;
};

/* Apply all rules until none fits. */
bool ink_fold_run(struct ink_fold *f);

/* A sigmoid at the output becomes a softmax of two classes. */
bool ink_head_before(struct ink_fold *f, enum ink_head_wish wish);
/* Logits at the output get the softmax that a head of classes needs. */
bool ink_head_after(struct ink_fold *f, enum ink_head_wish wish);

#endif /* INK_FOLD_H */
