/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * Operators on an arena. ops.c is the specification: every other
 * implementation gives the same bits. Nothing here checks anything; the
 * verifier has proven it.
 */
#ifndef INK_OPS_H
#define INK_OPS_H

#include "core.h"

/**
 * ink_op_run() - run one op, or some of its units
 * @b: the op
 * @arena: of the plan
 * @first: first unit
 * @rows: units, at most b->units
 */
void ink_op_run(const struct ink_bound *b, u8 *arena, u32 first, u32 rows);

/* The operators from EMBED on, which ink_op_run() hands over. */
void ink_op_run_seq(const struct ink_bound *b, u8 *arena, u32 first, u32 rows);

/* ATTENTION, which that hands over: units are heads of queries, query after query. */
void ink_op_attention(const struct ink_bound *b, u8 *arena, u32 first, u32 rows);

#endif /* INK_OPS_H */
