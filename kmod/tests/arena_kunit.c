// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arenas of callers that can't allocate: nesting, contexts, none free.
 *
 * What lives here: that a run finds the arena of its level free whatever it
 * interrupts, that a run inside of a run of the same level is refused and
 * counted, and that long models take what is free on other CPUs. What doesn't:
 * sessions, which have an arena of their own.
 */
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include "fixture.h"

#define NAME	"kunit.arena"

/* One call of a slot from wherever, and what became of it. */
struct shot {
	u32 id;
	int err;
	u8 level;
	struct inkling_verdict verdict;
	s32 in[3];
	s16 out[3];
	struct completion fired;
	struct hrtimer timer;
	struct tasklet_struct tasklet;
};

static void shoot(struct shot *s)
{
	s->level = in_hardirq() ? INK_LEVEL_HARDIRQ : in_serving_softirq() ? INK_LEVEL_SOFTIRQ : INK_LEVEL_TASK;
	s->err = ink_run_atomic(s->id, s->in, sizeof(s->in), s->out, sizeof(s->out), &s->verdict);
}

static enum hrtimer_restart shoot_hardirq(struct hrtimer *timer)
{
	struct shot *s = container_of(timer, struct shot, timer);

	shoot(s);
	complete(&s->fired);
	return HRTIMER_NORESTART;
}

static void shoot_softirq(struct tasklet_struct *tasklet)
{
	struct shot *s = container_of(tasklet, struct shot, tasklet);

	shoot(s);
	complete(&s->fired);
}

static struct shot *shot_new(struct kunit *test, u32 id)
{
	struct shot *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->id = id;
	s->in[0] = 500;
	s->in[1] = 20000;
	s->in[2] = 1;
	init_completion(&s->fired);
	hrtimer_init(&s->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	s->timer.function = shoot_hardirq;
	tasklet_setup(&s->tasklet, shoot_softirq);
	return s;
}

/* From an interrupt of this CPU, while the calling task goes on holding what it holds. */
static void shoot_from(struct kunit *test, struct shot *s, enum ink_level level)
{
	s->err = -1;
	if (level == INK_LEVEL_HARDIRQ)
		hrtimer_start(&s->timer, ms_to_ktime(1), HRTIMER_MODE_REL_PINNED_HARD);
	else if (level == INK_LEVEL_SOFTIRQ)
		tasklet_schedule(&s->tasklet);
	else
		shoot(s);
	if (level != INK_LEVEL_TASK)
		KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&s->fired, 5 * HZ), 0);
	KUNIT_EXPECT_EQ(test, s->level, level);
}

static const char * const levels[INK_LEVEL_NR] = { "task", "softirq", "hardirq" };

/* With the arena of each level taken in turn, runs of each level; one only fails where they meet. */
static void levels_have_their_own(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL), taken, from, refused = 0;
	struct shot *first = shot_new(test, id), *s = shot_new(test, id);
	struct ink_cpu_arenas *owner;
	struct ink_arenas *arenas;
	struct ink_slot *slot;
	void *arena;

	if (num_online_cpus() > 1)
		kunit_skip(test, "interrupts come to any of several CPUs");
	test_load(test, NAME, test_flow(16384));
	slot = test_slot_at(id);
	arenas = &test_current(id)->arenas;
	shoot_from(test, first, INK_LEVEL_TASK);
	KUNIT_ASSERT_EQ(test, first->err, 0);
	for (taken = 0; taken < INK_LEVEL_NR; taken++) {
		arena = ink_arena_claim(arenas, taken, &owner);
		KUNIT_ASSERT_NOT_NULL(test, arena);
		for (from = 0; from < INK_LEVEL_NR; from++) {
			memset(s->out, 0xff, sizeof(s->out));
			shoot_from(test, s, from);
			refused += from == taken;
			KUNIT_EXPECT_EQ_MSG(test, s->err, from == taken ? -EBUSY : 0,
					    "run in %s while the arena of %s is taken", levels[from],
					    levels[taken]);
			if (!s->err)
				KUNIT_EXPECT_MEMEQ(test, s->out, first->out, sizeof(s->out));
			KUNIT_EXPECT_EQ(test, test_errors(slot, INK_ERROR_ARENA), refused);
		}
		ink_arena_release(owner, taken);
	}
	KUNIT_EXPECT_EQ(test, refused, INK_LEVEL_NR);
	KUNIT_EXPECT_EQ(test, test_runs(slot), 1 + INK_LEVEL_NR * (INK_LEVEL_NR - 1));
	for (from = 0; from < INK_LEVEL_NR; from++) {
		shoot_from(test, s, from);
		KUNIT_EXPECT_EQ_MSG(test, s->err, 0, "run in %s when all are free", levels[from]);
	}
}

/* First claimed, first released, as when a preempted run goes on: a counter would hand one out twice. */
static void released_in_any_order(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL);
	struct ink_cpu_arenas *task, *soft, *again;
	struct ink_arenas *arenas;
	void *a, *b, *c, *d;

	test_load(test, NAME, test_flow(16384));
	arenas = &test_current(id)->arenas;
	preempt_disable();
	a = ink_arena_claim(arenas, INK_LEVEL_TASK, &task);
	b = ink_arena_claim(arenas, INK_LEVEL_SOFTIRQ, &soft);
	ink_arena_release(task, INK_LEVEL_TASK);
	c = ink_arena_claim(arenas, INK_LEVEL_TASK, &again);
	d = ink_arena_claim(arenas, INK_LEVEL_SOFTIRQ, &again);
	ink_arena_release(task, INK_LEVEL_TASK);
	ink_arena_release(soft, INK_LEVEL_SOFTIRQ);
	preempt_enable();
	KUNIT_EXPECT_NOT_NULL(test, a);
	KUNIT_EXPECT_NOT_NULL(test, b);
	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_PTR_EQ(test, a, c);
	KUNIT_EXPECT_PTR_EQ(test, d, NULL);
}

/* Memory is only there for levels that the slot is called from. */
static void contexts_decide(struct kunit *test)
{
	static const u32 masks[][2] = {	/* contexts; mask of levels */
		{ INKLING_CTX_TASK, BIT(INK_LEVEL_TASK) },
		{ INKLING_CTX_SOFTIRQ, BIT(INK_LEVEL_TASK) | BIT(INK_LEVEL_SOFTIRQ) },
		{ INKLING_CTX_HARDIRQ, BIT(INK_LEVEL_NR) - 1 },
		{ INKLING_CTX_ALL, BIT(INK_LEVEL_NR) - 1 },
	};
	struct ink_why why = {};
	u32 i, level, id;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		const struct ink_cpu_arenas *a;
		const struct ink_model *model;

		id = test_slot(test, NAME, masks[i][0]);
		test_load(test, NAME, test_flow(16384));
		model = test_current(id);
		a = per_cpu_ptr(model->arenas.cpus, 0);
		for (level = 0; level < INK_LEVEL_NR; level++)
			KUNIT_EXPECT_EQ_MSG(test, !!a->level[level], !!(masks[i][1] & BIT(level)),
					    "contexts %#x, arena of %s", masks[i][0], levels[level]);
		KUNIT_EXPECT_EQ(test, model->arenas.bytes,
				(u64)hweight32(masks[i][1]) * num_possible_cpus() * model->plan->arena_size);
		KUNIT_EXPECT_EQ(test, ink_slot_del(NAME, &why), 0);
	}
}

static void stricter_contexts_are_refused(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_TASK);
	struct shot *s = shot_new(test, id);
	struct ink_slot *slot = test_slot_at(id);

	test_load(test, NAME, test_flow(16384));
	shoot_from(test, s, INK_LEVEL_TASK);
	KUNIT_EXPECT_EQ(test, s->err, 0);
	shoot_from(test, s, INK_LEVEL_SOFTIRQ);
	KUNIT_EXPECT_EQ(test, s->err, -EPERM);
	shoot_from(test, s, INK_LEVEL_HARDIRQ);
	KUNIT_EXPECT_EQ(test, s->err, -EPERM);
	local_irq_disable();
	shoot(s);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, s->err, -EPERM);
	KUNIT_EXPECT_EQ(test, test_errors(slot, INK_ERROR_CONTEXT), 3);
	KUNIT_EXPECT_EQ(test, test_runs(slot), 1);
}

static void long_models_roam(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_TASK), all = min(4u, num_possible_cpus()), i, k;
	struct ink_cpu_arenas *owner[5];
	struct inkling_verdict v;
	struct ink_arenas *arenas;
	void *arena[5], *in;

	test_load(test, NAME, test_long_image());
	arenas = &test_current(id)->arenas;
	KUNIT_ASSERT_TRUE(test, arenas->roaming);
	in = kunit_kzalloc(test, 1024, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, in);
	KUNIT_EXPECT_EQ(test, ink_run_atomic(id, in, 1024, in, 1024, &v), 0);
	for (i = 0; i < all; i++) {
		arena[i] = ink_arena_claim(arenas, INK_LEVEL_TASK, &owner[i]);
		KUNIT_ASSERT_NOT_NULL(test, arena[i]);
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_PTR_NE(test, arena[k], arena[i]);
	}
	KUNIT_EXPECT_PTR_EQ(test, ink_arena_claim(arenas, INK_LEVEL_TASK, &owner[all]), NULL);
	KUNIT_EXPECT_EQ(test, ink_run_atomic(id, in, 1024, in, 1024, &v), -EBUSY);
	KUNIT_EXPECT_EQ(test, test_errors(test_slot_at(id), INK_ERROR_ARENA), 1);
	for (i = 0; i < all; i++)
		ink_arena_release(owner[i], INK_LEVEL_TASK);
	KUNIT_EXPECT_EQ(test, ink_run_atomic(id, in, 1024, in, 1024, &v), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&test_current(id)->refs), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&test_slot_at(id)->refs), 1);
}

/* A repetition takes its arena from the shadow's, and without one it is left out. */
static void shadows_skip(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL);
	struct ink_cpu_arenas *owner;
	struct ink_model *model;
	const struct ink_shadow_stats *sum;
	struct ink_shadow *shadow;
	struct shot *s = shot_new(test, id);
	struct ink_why why = {};
	u32 i;

	if (num_possible_cpus() > 1)
		kunit_skip(test, "a shadow's arenas roam");
	test_load(test, NAME, test_flow(16384));
	model = test_model(test, test_flow(1));
	KUNIT_ASSERT_EQ(test, ink_slot_publish(NAME, model, 1, &why), 0);
	ink_model_put(model);
	mutex_lock(&ink_slots_lock);
	shadow = ink_slot_shadow(test_slot_at(id));
	mutex_unlock(&ink_slots_lock);
	for (i = 0; i < 2; i++) {
		shoot_from(test, s, INK_LEVEL_TASK);
		KUNIT_EXPECT_EQ(test, s->err, 0);
		if (!i)
			KUNIT_ASSERT_NOT_NULL(test, ink_arena_claim(&shadow->arenas, INK_LEVEL_TASK, &owner));
	}
	ink_arena_release(owner, INK_LEVEL_TASK);
	mutex_lock(&ink_slots_lock);
	sum = ink_shadow_sum(shadow);
	mutex_unlock(&ink_slots_lock);
	KUNIT_EXPECT_EQ(test, sum->runs, 2);
	KUNIT_EXPECT_EQ(test, sum->skipped[INK_SKIP_ARENA], 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&shadow->refs), 1);
}

static struct kunit_case arena_cases[] = {
	KUNIT_CASE(levels_have_their_own),
	KUNIT_CASE(released_in_any_order),
	KUNIT_CASE(contexts_decide),
	KUNIT_CASE(stricter_contexts_are_refused),
	KUNIT_CASE(long_models_roam),
	KUNIT_CASE(shadows_skip),
	{}
};

static struct kunit_suite arena_suite = {
	.name = "inkling_arena",
	.test_cases = arena_cases,
};
kunit_test_suite(arena_suite);
