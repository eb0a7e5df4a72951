// SPDX-License-Identifier: GPL-2.0-only
/*
 * Models: an image that was verified, its plan, and the arenas of its runs.
 *
 * What lives here: making a model out of an image, its references, how it is
 * freed, and handing out arenas to callers that can't allocate. What doesn't:
 * how the image came in (load.c) and who runs it (slot.c, run.c).
 *
 * Arenas are of the model, one on each CPU for each level that a run can be
 * interrupted from (task, softirq, hardirq). Short runs keep preemption off,
 * so on a CPU at most one of them is at each level and its arena is free
 * unless a run was started from inside a run. Long runs (task context only)
 * can be preempted while they hold an arena; they take any that is free. A
 * shadow has arenas of its own besides, which are made the same way.
 */
#include <linux/topology.h>
#include "ink.h"

/* CPUs whose arena long runs share: more at a time would only trash caches. */
#define LONG_ARENAS	4

static void model_free(struct ink_model *model)
{
	ink_arenas_free(&model->arenas);
	ink_plan_free(model->plan);
	ink_graph_free(model->graph);
	kvfree(model->image);
	kfree(model);
}

/* In a task, after a grace period: neither runs under RCU nor references are left. */
static void model_free_work(struct work_struct *work)
{
	model_free(container_of(to_rcu_work(work), struct ink_model, free_work));
}

/**
 * ink_model_create() - verify an image and plan its execution
 * @image: from kvmalloc(); the model's from now on if there is one
 * @size: of @image in bytes
 * @why: filled in when the image is refused
 *
 * Context: may sleep; takes milliseconds for a large image.
 * Return: a model with one reference, or ERR_PTR: -ENOMEM, -EINVAL with @why.
 */
struct ink_model *ink_model_create(void *image, size_t size, struct ink_why *why)
{
	struct ink_model *model = kzalloc(sizeof(*model), GFP_KERNEL_ACCOUNT);

	if (!model) {
		ink_explain(why, "no memory for the model: try again when there is more");
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&model->refs, 1);
	INIT_RCU_WORK(&model->free_work, model_free_work);
	model->graph = ink_graph_parse(image, size, why);
	if (model->graph)
		model->plan = ink_plan_build(model->graph, ink_isa, why);
	if (!model->plan) {
		model_free(model);
		return ERR_PTR(why->rule == INK_RULE_MEMORY ? -ENOMEM : -EINVAL);
	}
	model->image = image;
	model->threshold = model->graph->header->threshold;
	return model;
}

/* Of the model in its slot; INK_THRESHOLD_OF_MODEL: back to its own. */
void ink_model_set_threshold(struct ink_model *model, s64 threshold)
{
	if (threshold == INK_THRESHOLD_OF_MODEL)
		threshold = model->graph->header->threshold;
	WRITE_ONCE(model->threshold, threshold);
}

/* kvmalloc() aligns to 64 what is a power of two or at least a page. */
static void *arena_alloc(u32 size, int cpu)
{
	if (size < PAGE_SIZE)
		size = roundup_pow_of_two(max(size, 64u));
	return kvzalloc_node(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN, cpu_to_node(cpu));
}

static bool arenas_want(const struct ink_plan *plan, u32 contexts, int level, int nth)
{
	/* A caller of a context may interrupt less urgent ones, not the reverse. */
	static const u32 from[INK_LEVEL_NR] = {
		[INK_LEVEL_TASK] = INKLING_CTX_ALL,
		[INK_LEVEL_SOFTIRQ] = INKLING_CTX_SOFTIRQ | INKLING_CTX_HARDIRQ,
		[INK_LEVEL_HARDIRQ] = INKLING_CTX_HARDIRQ,
	};

	if (!(contexts & from[level]))
		return false;
	return ink_plan_is_short(plan) || nth < LONG_ARENAS;
}

/* Nobody can have one any more. */
void ink_arenas_free(struct ink_arenas *arenas)
{
	int cpu, level;

	if (!arenas->cpus)
		return;
	for_each_possible_cpu(cpu) {
		struct ink_cpu_arenas *a = per_cpu_ptr(arenas->cpus, cpu);

		for (level = 0; level < INK_LEVEL_NR; level++)
			kvfree_sensitive(a->level[level], arenas->size);
	}
	free_percpu(arenas->cpus);
	arenas->cpus = NULL;
	arenas->bytes = 0;
}

/**
 * ink_arenas_init() - get the memory for runs that can't allocate
 * @arenas: zeros
 * @plan: that will run in them
 * @contexts: mask of INKLING_CTX_* that it is called from
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM, with nothing left to free.
 */
int ink_arenas_init(struct ink_arenas *arenas, const struct ink_plan *plan, u32 contexts)
{
	int cpu, level, nth = 0;

	arenas->size = plan->arena_size;
	arenas->roaming = !ink_plan_is_short(plan);
	arenas->cpus = alloc_percpu_gfp(struct ink_cpu_arenas, GFP_KERNEL_ACCOUNT);
	if (!arenas->cpus)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct ink_cpu_arenas *a = per_cpu_ptr(arenas->cpus, cpu);

		for (level = 0; level < INK_LEVEL_NR; level++) {
			if (!arenas_want(plan, contexts, level, nth))
				continue;
			a->level[level] = arena_alloc(arenas->size, cpu);
			if (!a->level[level]) {
				ink_arenas_free(arenas);
				return -ENOMEM;
			}
			arenas->bytes += arenas->size;
		}
		nth++;
	}
	return 0;
}

/* Those of a model that is about to become the current one. May sleep; 0 or -ENOMEM. */
int ink_model_add_arenas(struct ink_model *model, u32 contexts)
{
	return ink_arenas_init(&model->arenas, model->plan, contexts);
}

/**
 * ink_model_release() - the last reference is gone
 * @model: that nobody finds any more
 *
 * Runs under RCU may still use it, and vmalloc memory can't be freed in
 * softirq: both are left to the work.
 *
 * Context: any but NMI.
 */
void ink_model_release(struct ink_model *model)
{
	queue_rcu_work(ink_wq, &model->free_work);
}

/* Kernel memory that a model holds, for people. */
u64 ink_model_bytes(const struct ink_model *model)
{
	return model->graph->size + model->plan->memory + model->arenas.bytes;
}

static void *arena_try(struct ink_cpu_arenas *a, enum ink_level level,
		       struct ink_cpu_arenas **owner)
{
	if (!a->level[level] || test_and_set_bit_lock(level, &a->busy))
		return NULL;
	*owner = a;
	return a->level[level];
}

/**
 * ink_arena_claim() - an arena for one run
 * @arenas: of what runs
 * @level: of the caller
 * @owner: set, for ink_arena_release()
 *
 * Context: any but NMI; preemption is off until the release, unless they roam.
 * Return: the arena, or NULL when there is none free.
 */
void *ink_arena_claim(const struct ink_arenas *arenas, enum ink_level level,
		      struct ink_cpu_arenas **owner)
{
	void *arena = arena_try(raw_cpu_ptr(arenas->cpus), level, owner);
	int cpu;

	if (arena || !arenas->roaming)
		return arena;
	for_each_possible_cpu(cpu) {
		arena = arena_try(per_cpu_ptr(arenas->cpus, cpu), level, owner);
		if (arena)
			return arena;
	}
	return NULL;
}

void ink_arena_release(struct ink_cpu_arenas *owner, enum ink_level level)
{
	clear_bit_unlock(level, &owner->busy);
}
