/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What there is, and carrying out steps.
 *
 * What lives here: everything that asks or changes the kernel. What doesn't:
 * what is to be done (todo.h) and when (reconcile.h).
 */
#ifndef INK_ACTUAL_H
#define INK_ACTUAL_H

#include "todo.h"

/**
 * ink_actual_read() - ask the kernel
 * @actual: set
 * @ctl: open
 * @problem: set unless it returns INK_EXIT_OK
 *
 * Return: enum ink_exit.
 */
int ink_actual_read(struct ink_actual *actual, struct ink_ctl *ctl, struct ink_problem *problem);
void ink_actual_clear(struct ink_actual *actual);

/**
 * ink_step_apply() - carry one step out
 * @ctl: open
 * @step: see there
 * @remark: room for what people should know although it worked
 * @size: of @remark
 * @problem: set unless it returns INK_EXIT_OK
 *
 * A step that was done already, or half of it, may be done again.
 *
 * Return: enum ink_exit.
 */
int ink_step_apply(struct ink_ctl *ctl, const struct ink_step *step, char *remark, size_t size,
		   struct ink_problem *problem);

#endif /* INK_ACTUAL_H */
