// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one way in: every verdict of every door is made here.
 *
 * What lives here: in which context a caller is, whether its slot may be asked
 * there, which implementation runs, the verdict, and what is counted. What
 * doesn't: arithmetic (core/), arenas (model.c), user memory (session.c), and
 * what a shadow does with a run (shadow.c).
 *
 * Two kinds of callers: those that can't sleep bring kernel memory and get an
 * arena of the model (ink_run_atomic()); sessions have an arena of their own
 * and run plans in it (session.c).
 */
#include <linux/hardirq.h>
#include <linux/preempt.h>
#include <linux/timekeeping.h>
#include <asm/simd.h>
#include "ink.h"
#define CREATE_TRACE_POINTS
#include "call.h"

/*
 * The context whose budget binds the caller. Code with interrupts or only
 * preemption disabled (tracepoints) delays others as much as a hard interrupt
 * does; with bottom halves disabled (tc on transmit) as much as softirq.
 */
static u32 run_context(void)
{
	if (in_hardirq() || irqs_disabled())
		return INKLING_CTX_HARDIRQ;
	if (in_softirq())
		return INKLING_CTX_SOFTIRQ;
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT) && !preemptible())
		return INKLING_CTX_HARDIRQ;
	return INKLING_CTX_TASK;
}

/* What the caller has interrupted, which decides on the arena. */
static enum ink_level run_level(void)
{
	if (in_hardirq())
		return INK_LEVEL_HARDIRQ;
	return in_serving_softirq() ? INK_LEVEL_SOFTIRQ : INK_LEVEL_TASK;
}

/* Nanoseconds that a run may take in a context. */
u64 ink_context_budget(u32 context)
{
	switch (context) {
	case INKLING_CTX_HARDIRQ:
		return INK_BUDGET_HARDIRQ_NS;
	case INKLING_CTX_SOFTIRQ:
		return INK_BUDGET_SOFTIRQ_NS;
	default:
		return U64_MAX;
	}
}

/*
 * Choose the implementation for here and now. The vectors may be unusable in
 * softirq and hardirq, when the task below is using them; then the run is scalar
 * if that is fast enough for the context. 0, or -EBUSY (counted).
 */
static int call_isa(struct ink_call *call, enum ink_isa *isa)
{
	const struct ink_plan *plan = call->model->plan;

	*isa = plan->isa;
	if (plan->isa == INK_ISA_SCALAR || may_use_simd())
		return 0;
	if (plan->cost_scalar > ink_context_budget(call->context)) {
		ink_stats_error(call->slot->stats, INK_ERROR_NOFPU);
		return -EBUSY;
	}
	*isa = INK_ISA_SCALAR;
	call->scalar = true;
	return 0;
}

/**
 * ink_call_share() - what has been timed was the run of several inputs
 * @call: that was begun, whether it is timed or not
 * @n: inputs, which share it alike
 */
void ink_call_share(struct ink_call *call, u32 n)
{
	u64 now;

	if (!call->start)
		return;
	now = ktime_get_mono_fast_ns();
	call->start = now - div_u64(now - call->start, n);
}

/* Find slot and model: may they be asked here, for these sizes? Counts why not. */
static int call_admit(struct ink_call *call, u32 slot_id, u32 in_size, const void *out,
		      u32 out_size)
{
	struct ink_slot *slot = ink_slot_by_id(slot_id);
	enum ink_error error;
	int err;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	call->slot = slot;
	call->model = rcu_dereference_sched(slot->model);
	if (in_nmi()) {
		error = INK_ERROR_NMI;
		err = -EOPNOTSUPP;
	} else if (slot->contexts < call->context) {
		/* A budget that is kept in a stricter context is kept in this one. */
		error = INK_ERROR_CONTEXT;
		err = -EPERM;
	} else if (!call->model) {
		if (READ_ONCE(slot->dead))
			return -ENODEV;
		error = INK_ERROR_NO_MODEL;
		err = -ENODATA;
	} else if (in_size != call->model->plan->input_size ||
		   (out && out_size != call->model->plan->output_size)) {
		error = INK_ERROR_SIZE;
		err = -EINVAL;
	} else {
		return 0;
	}
	ink_stats_error(slot->stats, error);
	return err;
}

/* With an arena of the model; preemption is off for short ones. */
static int call_run(struct ink_call *call, const void *in, void *out)
{
	const struct ink_plan *plan = call->model->plan;
	enum ink_level level = run_level();
	struct ink_cpu_arenas *owner;
	enum ink_isa isa;
	void *arena;
	int err;

	err = call_isa(call, &isa);
	if (err)
		return err;
	arena = ink_arena_claim(&call->model->arenas, level, &owner);
	if (!arena) {
		ink_stats_error(call->slot->stats, INK_ERROR_ARENA);
		return -EBUSY;
	}
	in = ink_sample_begin(call, level, in);
	if (unlikely(!ink_plan_run(plan, isa, arena, in, out))) {
		ink_arena_release(owner, level);
		ink_shadow_cancel(call, INK_SKIP_INPUT);
		ink_stats_error(call->slot->stats, INK_ERROR_SIZE);
		return -EINVAL;
	}
	ink_call_judge(call, plan, arena + plan->output_off);
	ink_arena_release(owner, level);
	ink_call_account(call, call->scalar);	/* the arena is free: tracers may run models, too */
	return 0;
}

/*
 * References for a run outside of RCU; false when the slot was deleted. A model
 * that is about to be freed has been replaced: the one in its place answers.
 */
static bool call_hold(struct ink_call *call)
{
	if (!refcount_inc_not_zero(&call->slot->refs))
		return false;
	while (call->model && !ink_model_get(call->model))
		call->model = rcu_dereference_sched(call->slot->model);
	if (!call->model) {
		ink_slot_put(call->slot);
		return false;
	}
	call->verdict.generation = call->model->generation;
	return true;
}

/*
 * A long model, so the caller is a task that can be preempted: it runs with
 * references instead of RCU, whose readers should be short.
 */
static int call_run_long(struct ink_call *call, const void *in, void *out)
{
	int err = call_run(call, in, out);

	ink_model_put(call->model);
	ink_slot_put(call->slot);
	return err;
}

/**
 * ink_run_atomic() - run one input in any context
 * @slot_id: from anywhere
 * @in: kernel memory, unaligned and perhaps changing; read once
 * @in_size: has to be the model's
 * @out: kernel memory, may overlap @in, or NULL; written last, zeros when off
 * @out_size: has to be the model's
 * @verdict: set unless an error is returned
 *
 * Context: any. Never sleeps.
 * Return: 0; -EINVAL no such index, a size is wrong, a sequence has no or too
 * many tokens, or the model keeps states, which takes a session; -ENODEV the slot
 * was deleted, -ESTALE the id is of a deleted slot, -ENODATA no model yet, -EPERM
 * not from this context, -EBUSY no arena, or no vectors and too slow without,
 * -EOPNOTSUPP from NMI.
 */
int ink_run_atomic(u32 slot_id, const void *in, u32 in_size, void *out, u32 out_size,
		   struct inkling_verdict *verdict)
{
	struct ink_call call __uninitialized;
	bool held = false;
	int err;

	/* The rest is set on the way; zeroing all of it would take as long as the verdict. */
	call.context = run_context();	/* before preemption is off */
	call.sample.shadow = NULL;
	rcu_read_lock_sched();		/* what a short run needs anyhow does for RCU, too */
	err = call_admit(&call, slot_id, in_size, out, out_size);
	if (!err && !ink_call_begin(&call)) {
		if (out)
			memset(out, 0, out_size);
	} else if (!err && ink_plan_is_short(call.model->plan)) {
		err = call_run(&call, in, out);
	} else if (!err) {
		held = call_hold(&call);
		err = held ? 0 : -ENODEV;
	}
	rcu_read_unlock_sched();
	if (held)
		err = call_run_long(&call, in, out);
	if (!err)
		*verdict = call.verdict;
	ink_sample_end(&call, false);
	return err;
}
