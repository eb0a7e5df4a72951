/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * What the parts of the verifier share: verify.c walks the file, verify_tensor.c
 * looks at tensors, verify_ops.c and verify_seq.c prove the operators.
 */
#ifndef INK_VERIFY_H
#define INK_VERIFY_H

#include "core.h"

/* Fill @why and return false, so that a check can be "return ink_refuse(...)". */
__printf(7, 8)
bool ink_refuse(struct ink_why *why, u32 rule, u32 op, u32 tensor, s64 value, s64 limit,
		const char *fmt, ...);

/* Refusals of the file as a whole. */
#define refuse_file(why, rule, value, limit, ...) \
	ink_refuse(why, rule, INKLING_NONE, INKLING_NONE, value, limit, __VA_ARGS__)
#define refuse_tensor(why, rule, tensor, value, limit, ...) \
	ink_refuse(why, rule, INKLING_NONE, tensor, value, limit, __VA_ARGS__)

bool ink_all_zero(const void *p, size_t n);
const char *ink_dtype_name(u32 dtype);

/* The range of what an element of @dtype can hold. */
s32 ink_dtype_min(u32 dtype);
s32 ink_dtype_max(u32 dtype);

/* Each tensor by itself, and where constants lie. */
bool ink_verify_tensors(struct ink_graph *graph, struct ink_why *why);

/* One number of tokens for all sequences, one context for all states; sets both. */
bool ink_verify_tokens(struct ink_graph *graph, struct ink_why *why);

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
