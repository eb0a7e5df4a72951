// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why something went wrong, and memory that is freed all at once.
 *
 * What lives here: see diag.h. What doesn't: printing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

#define BLOCK_SIZE	((size_t)256 << 10)

struct ink_pool_block {
	struct ink_pool_block *next;
	size_t size;
	size_t used;
	unsigned char data[] __attribute__((aligned(16)));
};

bool ink_fail(struct ink_diag *d, const char *fmt, ...)
{
	va_list args;

	if (d->set)
		return false;
	d->set = true;
	d->hint[0] = 0;
	va_start(args, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, args);
	va_end(args);
	return false;
}

bool ink_hint(struct ink_diag *d, const char *fmt, ...)
{
	va_list args;

	if (d->hint[0])
		return false;
	va_start(args, fmt);
	vsnprintf(d->hint, sizeof(d->hint), fmt, args);
	va_end(args);
	return false;
}

const char *ink_printable(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; from && from[i] && i + 1 < size; i++) {
		unsigned char c = from[i];

		to[i] = c < 0x20 || c > 0x7e ? '?' : from[i];
	}
	to[i] = 0;
	if (from && from[i] && size > 4)
		memcpy(to + i - 3, "...", 3);
	return to;
}

void ink_pool_init(struct ink_pool *pool, size_t limit)
{
	memset(pool, 0, sizeof(*pool));
	pool->limit = limit;
}

void *ink_pool_alloc(struct ink_pool *pool, size_t n, size_t size)
{
	struct ink_pool_block *b = pool->blocks;
	size_t bytes, room;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > pool->limit)
		return NULL;
	bytes = bytes ? (bytes + 15) & ~(size_t)15 : 16;
	if (bytes > pool->limit - pool->used)
		return NULL;
	if (!b || bytes > b->size - b->used) {
		room = bytes > BLOCK_SIZE / 4 ? bytes : BLOCK_SIZE;
		b = calloc(1, sizeof(*b) + room);
		if (!b)
			return NULL;
		b->size = room;
		if (room != BLOCK_SIZE && pool->blocks) {
			/* A large block is full at once; keep filling the one before. */
			b->next = pool->blocks->next;
			pool->blocks->next = b;
		} else {
			b->next = pool->blocks;
			pool->blocks = b;
		}
	}
	p = b->data + b->used;
	b->used += bytes;
	pool->used += bytes;
	return p;
}

void ink_pool_free(struct ink_pool *pool)
{
	struct ink_pool_block *b = pool->blocks, *next;

	for (; b; b = next) {
		next = b->next;
		free(b);
	}
	pool->blocks = NULL;
	pool->used = 0;
}
