/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contenders: who is measured, taking turns.
 *
 * What lives here: a line-up that is measured in interleaved rounds on one CPU,
 * and figures as build/bench.json has them. What doesn't: what a contender does.
 */
#ifndef INK_BENCH_CONTEND_H
#define INK_BENCH_CONTEND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ROUNDS		101
#define ROUND_SAMPLES	640	/* calls of a round that are timed one by one, at most */

/* One of a line-up; the first is whom others are compared with. */
struct entry {
	const char *name;
	void (*run)(void *self);		/* a whole batch */
	void (*close)(void *self);
	uint64_t (*cpu_ns)(void *self);		/* used so far by all processes of it; may be NULL */
	void *self;
	uint64_t runs;			/* in a slice */
	double ns[ROUNDS];		/* of one inference, by round */
	uint32_t *samples;		/* ns of a call, sorted when all is done */
	uint32_t n_samples;
	double cpu;			/* ns of one inference, with @cpu_ns */
};

struct spread {
	double low, p10, median, p90;
};

/**
 * contend() - measure a line-up
 * @e: entries
 * @count: of them
 * @batch: inferences of one run
 * @slice_ns: how long an entry runs in a round without being timed, and how long
 *	with each call timed by itself
 */
void contend(struct entry *e, unsigned int count, unsigned int batch, uint64_t slice_ns);
void contend_free(struct entry *e, unsigned int count);

/* Of one inference, of all rounds; how many times as long @e takes as @to, round by round. */
struct spread contend_time(const struct entry *e);
struct spread contend_ratio(const struct entry *e, const struct entry *to);
/* Of a call: @q of them take less, as 0.99; in ns, without the clock's own cost. */
double contend_quantile(const struct entry *e, double q);

/* Keep a process (0: this one) on one CPU, the @nth that this one may use; false if there is none. */
bool contend_pin(pid_t pid, unsigned int nth);
const char *contend_cpu(void);

/* An object of build/bench.json. */
struct figure {
	const char *name;	/* part/what/batch/who */
	const char *metric;
	double value;
	const char *unit;
	const char *peer;	/* with whom it's compared, or NULL */
	double ratio;		/* value / that of peer */
	const char *conditions;
};
void figure_write(FILE *f, const struct figure *figure);

#endif /* INK_BENCH_CONTEND_H */
