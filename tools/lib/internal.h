/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libinkling share, and what the CLI may see besides the
 * public header. What doesn't live here: anything a program outside needs.
 */
#ifndef INK_LIB_INTERNAL_H
#define INK_LIB_INTERNAL_H

#include <errno.h>
#include "inkling.h"
#include "core.h"

/* Set the thread's failure and errno; returns -@code, so that callers end in "return". */
int ink_failure_set(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Add what to do about the failure just set. */
void ink_failure_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int ink_failure_why(const struct ink_why *why);
void ink_failure_line(uint64_t line);

/* Text that came from outside, fit to be shown: control characters become '?'. */
void ink_text_copy(char *to, size_t size, const char *from, size_t from_len);

#define INK_NO_TOKEN	U32_MAX

/* 0, or -EINVAL when a slot can't have that name. */
int ink_ctl_check_name(const char *name);

const struct ink_graph *ink_model_graph(const struct ink_model *model);
const struct ink_plan *ink_model_plan(const struct ink_model *model);
/* 0, or -EINVAL with the model's sizes in the failure. Hidden, so that each run has it inline. */
int ink_model_check_sizes(const struct ink_model *model, size_t in_len, size_t out_len)
	__attribute__((visibility("hidden")));
/* A sequence as the model reads it; @instead of what doesn't fit its tokens. @in is as large as an input. */
void ink_model_put_tokens(const struct ink_model *model, void *in, const uint16_t *tokens,
			  uint32_t n, uint8_t instead);
/* Run inputs of the right size, as many of @count as go at once; how many that were, or -errno. */
int ink_model_run_tile(struct ink_model *model, const void *in, size_t count);
/* Output @i of these, valid until the next run. */
const void *ink_model_output_at(struct ink_model *model, size_t i);

#endif /* INK_LIB_INTERNAL_H */
