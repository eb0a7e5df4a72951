/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that look random and are the same for the same seed on every machine. */
#ifndef INK_TEST_RAND_H
#define INK_TEST_RAND_H

#include <stdint.h>

struct ink_rand {
	uint64_t state;
};

void ink_rand_seed(struct ink_rand *r, uint64_t seed);
uint64_t ink_rand_next(struct ink_rand *r);
/* 0 to n - 1; 0 if @n is 0. */
uint32_t ink_rand_below(struct ink_rand *r, uint32_t n);
/* Both ends included. */
int64_t ink_rand_range(struct ink_rand *r, int64_t lo, int64_t hi);

#endif /* INK_TEST_RAND_H */
