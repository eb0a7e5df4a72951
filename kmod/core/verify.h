/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * What the two halves of the verifier share: verify.c walks the file,
 * verify_ops.c proves the operators. Nobody else includes this.
 */
#ifndef INK_VERIFY_H
#define INK_VERIFY_H

#include "core.h"

/* Fill @why and return false, so that a check can be "return ink_refuse(...)". */
__printf(7, 8)
bool ink_refuse(struct ink_why *why, u32 rule, u32 op, u32 tensor, s64 value, s64 limit,
		const char *fmt, ...);

const char *ink_dtype_name(u32 dtype);

/* The range of what an element of @dtype can hold. */
s32 ink_dtype_min(u32 dtype);
s32 ink_dtype_max(u32 dtype);

/**
 * ink_verify_ops() - prove each op, in order
 * @graph: with tensors checked, constants' ranges known, producers unset
 * @why: filled in on refusal
 *
 * Sets producer, last_use, lo and hi of each activation, and macs and bytes of
 * the graph.
 * Return: true when all hold.
 */
bool ink_verify_ops(struct ink_graph *graph, struct ink_why *why);

#endif /* INK_VERIFY_H */
