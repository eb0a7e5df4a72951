/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * Order and cost of a plan, for plan.c, and for benchmarks, which look at estimates.
 */
#ifndef INK_SCHEDULE_H
#define INK_SCHEDULE_H

#include "core.h"

/**
 * ink_schedule_cost() - upper estimate of an op, or of a part of it
 * @b: bound op
 * @units: of it, or INK_ALL_ROWS
 * @simd: in vectors, if it has a path
 * @tokens: of the call; 1 when the input isn't a sequence
 *
 * Return: picoseconds.
 */
u64 ink_schedule_cost(const struct ink_bound *b, u32 units, bool simd, u32 tokens);

/**
 * ink_schedule_fits() - may an op run in vectors?
 * @b: op with a path
 * @tile: inputs that share a section
 * @tokens: most tokens of a call; 1 when the input isn't a sequence
 *
 * Return: false when its smallest step is too long for a section.
 */
bool ink_schedule_fits(const struct ink_bound *b, u32 tile, u32 tokens);

/**
 * ink_schedule_build() - cut a plan's ops into steps and sections
 * @plan: with its ops bound; schedules, tile, costs and contexts are set
 * @why: filled in when there is no schedule
 *
 * Return: false without memory or when there are too many steps; the caller frees
 * what there is already.
 */
bool ink_schedule_build(struct ink_plan *plan, struct ink_why *why);
void ink_schedule_free(struct ink_schedule *schedule);

#endif /* INK_SCHEDULE_H */
