// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a slot, per CPU.
 *
 * What lives here: counting a run, and adding the CPUs up. What doesn't: how
 * the sums are told to userspace (netlink.c). Counters are written by
 * this_cpu operations from any context, NMI included, and only ever grow.
 */
#include "ink.h"

const char * const ink_error_names[INK_ERROR_NR] = {
	[INK_ERROR_NMI] = "nmi",
	[INK_ERROR_CONTEXT] = "context",
	[INK_ERROR_NO_MODEL] = "no-model",
	[INK_ERROR_SIZE] = "size",
	[INK_ERROR_ARENA] = "arena",
	[INK_ERROR_NOFPU] = "nofpu",
	[INK_ERROR_FAULT] = "fault",
	[INK_ERROR_SIGNAL] = "signal",
};

/**
 * ink_stats_run() - count a run that gave a verdict
 * @stats: of the slot
 * @verdict: that was given
 * @ns: that it took
 * @scalar: it had to do without the vectors that its plan would use
 */
void ink_stats_run(struct ink_stats __percpu *stats, const struct inkling_verdict *verdict,
		   u64 ns, bool scalar)
{
	u32 class = verdict->class;

	this_cpu_inc(stats->runs);
	if (scalar)
		this_cpu_inc(stats->scalar);
	this_cpu_inc(stats->verdicts[class]);
	if (verdict->action != INKLING_ACTION_PASS)
		this_cpu_inc(stats->actioned[class]);
	this_cpu_inc(stats->latency[ns ? min(fls64(ns) - 1, INK_HISTOGRAM - 1) : 0]);
	this_cpu_inc(stats->scores[verdict->score > 0 ? fls(verdict->score) : 0]);
}

/* Add up all CPUs; the counters may move on meanwhile. */
void ink_stats_sum(struct ink_stats __percpu *stats, struct ink_stats *sum)
{
	u64 *to = (u64 *)sum;
	unsigned int i;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const u64 *from = (const u64 *)per_cpu_ptr(stats, cpu);

		for (i = 0; i < sizeof(*sum) / sizeof(u64); i++)
			to[i] += READ_ONCE(from[i]);
	}
}
