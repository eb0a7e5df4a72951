// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadows: a model that repeats some of the runs of its slot's current model.
 *
 * What lives here: which runs are repeated, on what bytes and when, and what is
 * counted of them. What doesn't: which model is a slot's shadow (publish.c), and
 * the run that is repeated (run.c, session.c).
 *
 * A repetition can't be seen by the caller. Its input is set aside before the
 * current model runs, in an arena that the shadow claims, and the current model
 * reads its own from there: both have the same bytes, whatever happens to the
 * caller's. It runs when the caller has its verdict, outside of RCU and with
 * preemption as the caller has it, so it holds references of its own. Whatever
 * it can't get makes it skip, and that is counted.
 */
#include <linux/math64.h>
#include <linux/sched/signal.h>
#include <asm/simd.h>
#include "ink.h"

const char * const ink_skip_names[INK_SKIP_NR] = {
	[INK_SKIP_ARENA] = "arena",
	[INK_SKIP_NOFPU] = "nofpu",
	[INK_SKIP_BUDGET] = "budget",
	[INK_SKIP_SIGNAL] = "signal",
	[INK_SKIP_INPUT] = "input",
};

static void shadow_free(struct ink_shadow *shadow)
{
	ink_arenas_free(&shadow->arenas);
	free_percpu(shadow->stats);
	kfree(shadow);
}

/* In a task, after a grace period: nobody looks at it or runs it any more. */
static void shadow_free_work(struct work_struct *work)
{
	shadow_free(container_of(to_rcu_work(work), struct ink_shadow, free_work));
}

/**
 * ink_shadow_create() - make a model ready to repeat runs
 * @model: has its generation; the shadow takes a reference of its own
 * @contexts: mask of INKLING_CTX_* that the runs come from
 * @sample: it repeats one of so many, at least 1
 *
 * Context: may sleep.
 * Return: a shadow with one reference, compared with nothing yet, or NULL when
 * there is no memory.
 */
struct ink_shadow *ink_shadow_create(struct ink_model *model, u32 contexts, u32 sample)
{
	struct ink_shadow *shadow = kzalloc(sizeof(*shadow), GFP_KERNEL_ACCOUNT);

	if (!shadow)
		return NULL;
	shadow->stats = alloc_percpu_gfp(struct ink_shadow_stats, GFP_KERNEL_ACCOUNT);
	if (!shadow->stats || ink_arenas_init(&shadow->arenas, model->plan, contexts)) {
		shadow_free(shadow);
		return NULL;
	}
	/* Tasks can be preempted while they hold one, however short the model is. */
	shadow->arenas.roaming = true;
	refcount_set(&shadow->refs, 1);
	INIT_RCU_WORK(&shadow->free_work, shadow_free_work);
	refcount_inc(&model->refs);
	shadow->model = model;
	shadow->sample = sample;
	return shadow;
}

/**
 * ink_shadow_put() - drop a reference
 * @shadow: or NULL
 *
 * The model goes now, not with the work: whoever waits for what RCU and the
 * work queue still have to do (ink_slots_exit()) needs to wait only once.
 *
 * Context: any but NMI.
 */
void ink_shadow_put(struct ink_shadow *shadow)
{
	if (!shadow || !refcount_dec_and_test(&shadow->refs))
		return;
	ink_model_put(shadow->model);
	queue_rcu_work(ink_wq, &shadow->free_work);
}

/**
 * ink_shadow_restart() - compare with another model from now on
 * @shadow: of a slot
 * @generation: of what is the current model by now
 *
 * Counters only grow, since runs add to them without a lock: a new comparison
 * begins by remembering how far they were.
 *
 * Context: ink_slots_lock is held.
 */
void ink_shadow_restart(struct ink_shadow *shadow, u32 generation)
{
	lockdep_assert_held(&ink_slots_lock);
	ink_counters_sum(shadow->stats, &shadow->base, sizeof(shadow->base));
	WRITE_ONCE(shadow->against, generation);
}

/* What has been counted since the last restart. Context: ink_slots_lock is held. */
const struct ink_shadow_stats *ink_shadow_sum(struct ink_shadow *shadow)
{
	const u64 *base = (const u64 *)&shadow->base;
	u64 *sum = (u64 *)&shadow->sum;
	size_t i;

	lockdep_assert_held(&ink_slots_lock);
	ink_counters_sum(shadow->stats, &shadow->sum, sizeof(shadow->sum));
	for (i = 0; i < sizeof(shadow->sum) / sizeof(u64); i++)
		sum[i] -= base[i];
	return &shadow->sum;
}

/* Every so many runs of the model that it is compared with, on each CPU. */
static bool shadow_is_due(struct ink_shadow *shadow, const struct ink_call *call)
{
	u32 rest;

	if (READ_ONCE(shadow->against) != call->model->generation)
		return false;
	div_u64_rem(this_cpu_inc_return(shadow->stats->runs), shadow->sample, &rest);
	return !rest;
}

/* May both models run here and now, and how? Otherwise INK_SKIP_* in @why. */
static bool shadow_fits(const struct ink_plan *plan, struct ink_call *call, enum ink_skip *why)
{
	const struct ink_plan *current_plan = call->model->plan;
	u64 cost = call->scalar ? current_plan->cost_scalar : current_plan->cost_simd;

	call->sample.isa = plan->isa;
	*why = INK_SKIP_BUDGET;
	if (plan->isa != INK_ISA_SCALAR && !may_use_simd()) {
		call->sample.isa = INK_ISA_SCALAR;
		*why = INK_SKIP_NOFPU;
		cost += plan->cost_scalar;
	} else {
		cost += plan->cost_simd;
	}
	return cost <= ink_context_budget(call->context);
}

/* Take what the repetition needs: references and an arena, or count why not. */
static bool shadow_take(struct ink_shadow *shadow, struct ink_call *call, enum ink_level level)
{
	struct ink_sample *sample = &call->sample;
	enum ink_skip why;

	if (!refcount_inc_not_zero(&shadow->refs))
		return false;
	if (!refcount_inc_not_zero(&call->slot->refs))
		goto put_shadow;
	if (!shadow_fits(shadow->model->plan, call, &why))
		goto skip;
	why = INK_SKIP_ARENA;
	sample->arena = ink_arena_claim(&shadow->arenas, level, &sample->owner);
	if (!sample->arena)
		goto skip;
	sample->level = level;
	sample->shadow = shadow;
	return true;

skip:
	this_cpu_inc(shadow->stats->skipped[why]);
	ink_slot_put(call->slot);
put_shadow:
	ink_shadow_put(shadow);
	return false;
}

/**
 * ink_shadow_begin() - the slow half of ink_sample_begin()
 * @call: that will give a verdict, whatever comes
 * @level: of the caller
 * @in: the input, perhaps changing: read once if it is set aside
 *
 * Context: any but NMI.
 * Return: @in, or its copy where it was set aside.
 */
const void *ink_shadow_begin(struct ink_call *call, enum ink_level level, const void *in)
{
	struct ink_shadow *shadow;

	rcu_read_lock();
	shadow = rcu_dereference(call->slot->shadow);
	if (shadow && shadow_is_due(shadow, call) && shadow_take(shadow, call, level)) {
		ink_plan_input(shadow->model->plan, call->sample.arena, in);
		in = call->sample.arena + shadow->model->plan->input_off;
	}
	rcu_read_unlock();
	return in;
}

/* Give back what shadow_take() took. */
static void shadow_release(struct ink_call *call)
{
	struct ink_sample *sample = &call->sample;
	struct ink_shadow *shadow = sample->shadow;

	sample->shadow = NULL;
	ink_arena_release(sample->owner, sample->level);
	ink_slot_put(call->slot);
	ink_shadow_put(shadow);
}

/**
 * ink_shadow_cancel() - the run has given no verdict after all
 * @call: with or without a sample
 * @why: counted
 */
void ink_shadow_cancel(struct ink_call *call, enum ink_skip why)
{
	if (!call->sample.shadow)
		return;
	this_cpu_inc(call->sample.shadow->stats->skipped[why]);
	shadow_release(call);
}

/* Why it couldn't be done, or INK_SKIP_NR. */
static enum ink_skip shadow_run(const struct ink_plan *plan, const struct ink_sample *sample,
				bool may_sleep)
{
	u32 i;

	if (!ink_plan_accept(plan, sample->arena, NULL, 0))
		return INK_SKIP_INPUT;
	for (i = 0; i < ink_plan_schedule(plan, sample->arena, 1)->n_sections; i++) {
		if (may_sleep) {
			cond_resched();
			if (fatal_signal_pending(current))
				return INK_SKIP_SIGNAL;
		}
		ink_plan_section(plan, sample->isa, sample->arena, 1, i);
	}
	return INK_SKIP_NR;
}

static void shadow_count(struct ink_shadow *shadow, const struct ink_call *call, u32 class,
			 s32 score)
{
	struct ink_shadow_stats __percpu *stats = shadow->stats;
	const struct inkling_verdict *v = &call->verdict;
	u64 difference = abs((s64)v->score - score);

	this_cpu_inc(stats->matrix[v->class][class]);
	this_cpu_inc(stats->actions[class][READ_ONCE(call->slot->action[class])]);
	this_cpu_inc(stats->differences[min(fls64(difference), INK_HISTOGRAM - 1)]);
	this_cpu_add(stats->difference, difference);
}

/**
 * ink_shadow_end() - the slow half of ink_sample_end(): repeat the run
 * @call: whose verdict is made, given and counted, and which has a sample
 * @may_sleep: the caller is a task that holds no lock
 *
 * Context: that of the run.
 */
void ink_shadow_end(struct ink_call *call, bool may_sleep)
{
	struct ink_shadow *shadow = call->sample.shadow;
	const struct ink_plan *plan = shadow->model->plan;
	enum ink_skip why = shadow_run(plan, &call->sample, may_sleep);
	u32 class;
	s32 score;

	if (why != INK_SKIP_NR) {
		ink_shadow_cancel(call, why);
		return;
	}
	class = ink_plan_verdict(plan, call->sample.arena + plan->output_off,
				 READ_ONCE(shadow->model->threshold), &score);
	/* Not if the current model was replaced meanwhile: another comparison has begun. */
	if (READ_ONCE(shadow->against) == call->verdict.generation)
		shadow_count(shadow, call, class, score);
	shadow_release(call);
}
