/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why something went wrong, and memory that is freed all at once.
 *
 * What lives here: the error that the compiler's steps hand upwards, and the
 * pool that a model's pieces are allocated from. What doesn't: printing, which
 * is the command's business.
 */
#ifndef INK_DIAG_H
#define INK_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct ink_diag - the first thing that went wrong
 * @set: something did
 * @text: what is wrong, names the node and the tensor; no final dot
 * @hint: the way out; may be empty
 */
struct ink_diag {
	bool set;
	char text[320];
	char hint[512];
};

/* Always false, so that a check can end in "return ink_fail(...)". The first failure stays. */
bool ink_fail(struct ink_diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Add the way out to the failure just reported; always false. */
bool ink_hint(struct ink_diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * ink_printable() - a name from a file, fit to be shown
 * @to: buffer
 * @size: of the buffer
 * @from: NULL counts as empty; control and non-ASCII bytes become '?', long
 *	names are cut and end in "..."
 *
 * Return: @to.
 */
const char *ink_printable(char *to, size_t size, const char *from);

/**
 * struct ink_pool - allocations that live and die together
 * @limit: bytes it may hold
 * @used: bytes it holds
 * @blocks: what was allocated
 */
struct ink_pool {
	size_t limit;
	size_t used;
	struct ink_pool_block *blocks;
};

void ink_pool_init(struct ink_pool *pool, size_t limit);
/* Zeroed; NULL when the limit or the memory is exhausted or n * size overflows. */
void *ink_pool_alloc(struct ink_pool *pool, size_t n, size_t size);
void ink_pool_free(struct ink_pool *pool);

#endif /* INK_DIAG_H */
