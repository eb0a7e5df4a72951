/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For selftests that change something under load: threads that run a model, and
 * what each of them has seen.
 */
#ifndef INK_ST_LOAD_H
#define INK_ST_LOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include "st.h"

#define ST_LOAD_SECONDS	(90 * st_slow())	/* for which a busy machine may let a thread wait */

struct st_load {
	pthread_t thread;
	atomic_long runs;
	long failed, wrong, mixed;
	atomic_uint generations;	/* changes that were seen */
	u32 last;			/* generation of the last run */
};

/* @n runs went well, by one model. */
static inline void st_load_ran(struct st_load *l, u32 n, u32 generation)
{
	l->runs += n;
	l->generations += generation != l->last;
	l->last = generation;
}

static inline long st_load_runs(struct st_load *loads, u32 n)
{
	long sum = 0;

	while (n--)
		sum += loads[n].runs;
	return sum;
}

/* Has each of them run and seen changes? */
static inline bool st_load_busy(struct st_load *loads, u32 n)
{
	while (n--)
		if (loads[n].runs <= 100 || loads[n].generations <= 3)
			return false;
	return true;
}

#endif /* INK_ST_LOAD_H */
