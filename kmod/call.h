/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps of one run that both kinds of callers take, in line: calls of
 * functions would be a tenth of what a run costs besides the engine.
 *
 * What lives here: beginning a run, its verdict, and counting it. What doesn't:
 * who may run, where and with which implementation (run.c, session.c).
 */
#ifndef INK_CALL_H
#define INK_CALL_H

#include "ink.h"
#include "trace.h"

/* Looking at the clock costs more than all other counting: one run of some does, and what is traced. */
static inline bool ink_call_is_timed(const struct ink_call *call)
{
	return !(this_cpu_read(call->slot->stats->runs) % INK_TIME_EVERY) || trace_run_enabled();
}

/**
 * ink_call_begin() - begin one run
 * @call: slot, model and context are set
 *
 * Context: any.
 * Return: false when the slot is off: the verdict is "pass" already, the
 * output is zeros, and nothing is to be run or counted.
 */
static __always_inline bool ink_call_begin(struct ink_call *call)
{
	u8 mode = READ_ONCE(call->slot->mode);

	call->start = unlikely(ink_call_is_timed(call)) ? ktime_get_mono_fast_ns() : 0;
	call->scalar = false;
	call->verdict = (struct inkling_verdict) {
		.action = INKLING_ACTION_PASS,
		.mode = mode,
		.generation = call->model->generation,
	};
	return mode != INKLING_MODE_OFF;
}

/* Make the verdict of an output, which nobody else can write to. */
static __always_inline void ink_call_judge(struct ink_call *call, const struct ink_plan *plan,
					   const void *output)
{
	struct inkling_verdict *v = &call->verdict;

	v->class = ink_plan_verdict(plan, output, READ_ONCE(call->model->threshold), &v->score);
	v->action = READ_ONCE(call->slot->action[v->class]);
}

/* Count it and tell tracers; @scalar: it had to do without the vectors that its plan would use. */
static __always_inline void ink_call_account(struct ink_call *call, bool scalar)
{
	u64 ns = 0;

	ink_stats_run(call->slot->stats, &call->verdict, scalar);
	if (unlikely(call->start)) {
		ns = ktime_get_mono_fast_ns() - call->start;
		ink_stats_time(call->slot->stats, ns);
	}
	trace_run(call->slot->id, &call->verdict, call->context, ns, scalar);
}

#endif /* INK_CALL_H */
