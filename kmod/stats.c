// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a slot, per CPU.
 *
 * What lives here: names of errors, and adding the CPUs up. What doesn't:
 * counting a run (ink_stats_run() in ink.h), how the sums are told to userspace
 * (netlink_msg.c), and counting for a shadow (shadow.c). Counters are written by this_cpu operations from any context,
 * NMI included, and only ever grow.
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
	[INK_ERROR_RANGE] = "range",
	[INK_ERROR_CANCEL] = "cancel",
};

/* Count the time that a run took, in ns. */
void ink_stats_time(struct ink_stats __percpu *stats, u64 ns)
{
	this_cpu_inc(stats->latency[ns ? min(fls64(ns) - 1, INK_HISTOGRAM - 1) : 0]);
}

/**
 * ink_counters_sum() - add up all CPUs; the counters may move on meanwhile
 * @counters: an object of nothing but u64 on each CPU
 * @sum: set
 * @size: of one of them in bytes
 */
void ink_counters_sum(const void __percpu *counters, void *sum, size_t size)
{
	size_t i, n = size / sizeof(u64);
	u64 *to = sum;
	int cpu;

	memset(sum, 0, size);
	for_each_possible_cpu(cpu) {
		const u64 *from = per_cpu_ptr(counters, cpu);

		for (i = 0; i < n; i++)
			to[i] += READ_ONCE(from[i]);
	}
}
