// SPDX-License-Identifier: GPL-2.0-only
/* The generator of rand.h, for everything in tests/ that draws. */
#include "rand.h"

void ink_rand_seed(struct ink_rand *r, uint64_t seed)
{
	r->state = seed;
	ink_rand_next(r);
}

/* splitmix64: Steele, Lea, Flood, OOPSLA 2014. */
uint64_t ink_rand_next(struct ink_rand *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t ink_rand_below(struct ink_rand *r, uint32_t n)
{
	return (uint32_t)((ink_rand_next(r) >> 32) * n >> 32);
}

int64_t ink_rand_range(struct ink_rand *r, int64_t lo, int64_t hi)
{
	uint64_t span = (uint64_t)hi - (uint64_t)lo + 1;

	return (int64_t)((uint64_t)lo + (span ? ink_rand_next(r) % span : ink_rand_next(r)));
}
