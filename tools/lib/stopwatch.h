/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading clocks, for the CLI and for benchmarks: nanoseconds, what reading them takes, and samples of it.
 * No part of the library's interface.
 */
#ifndef INK_LIB_STOPWATCH_H
#define INK_LIB_STOPWATCH_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t ink_clock_ns(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline int ink_samples_by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static inline void ink_samples_sort(uint32_t *samples, size_t n)
{
	qsort(samples, n, sizeof(*samples), ink_samples_by_value);
}

/* What a pair of readings of CLOCK_MONOTONIC takes by itself: a median. */
static inline uint64_t ink_clock_cost(void)
{
	uint32_t cost[1001];
	uint64_t t;
	size_t i;

	for (i = 0; i < 1001; i++) {
		t = ink_clock_ns(CLOCK_MONOTONIC);
		cost[i] = (uint32_t)(ink_clock_ns(CLOCK_MONOTONIC) - t);
	}
	ink_samples_sort(cost, 1001);
	return cost[500];
}

#endif /* INK_LIB_STOPWATCH_H */
