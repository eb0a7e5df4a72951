// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: publish, roll back, delete, and what keeps a model alive.
 *
 * What lives here: which models a slot holds after each step and with how many
 * references, that a refusal changes nothing, that what a reader sees under RCU
 * stays, and swaps while threads run the slot. What doesn't: arenas
 * (arena_kunit.c), sessions (session_kunit.c), netlink (tests/selftests).
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include "fixture.h"

#define NAME	"kunit.slot"

static int refs(const struct ink_model *model)
{
	return refcount_read(&model->refs);
}

static struct ink_model *previous(u32 id)
{
	struct ink_model *model;

	mutex_lock(&ink_slots_lock);
	model = test_slot_at(id)->previous;
	mutex_unlock(&ink_slots_lock);
	return model;
}

/* Each load makes the one before the previous; the one before that is dropped. */
static void publish_keeps_two(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL), i;
	struct ink_model *model[3];

	KUNIT_EXPECT_PTR_EQ(test, test_current(id), NULL);
	for (i = 0; i < ARRAY_SIZE(model); i++) {
		model[i] = test_model(test, test_flow(16384));
		KUNIT_EXPECT_EQ(test, refs(model[i]), 1);
		test_publish(test, NAME, model[i]);
		KUNIT_EXPECT_EQ(test, refs(model[i]), 2);
		KUNIT_EXPECT_EQ(test, model[i]->generation, i + 1);
		KUNIT_EXPECT_PTR_EQ(test, test_current(id), model[i]);
		KUNIT_EXPECT_PTR_EQ(test, previous(id), i ? model[i - 1] : NULL);
	}
	KUNIT_EXPECT_EQ(test, refs(model[0]), 1);
	KUNIT_EXPECT_EQ(test, refs(model[1]), 2);
	for (i = 0; i < ARRAY_SIZE(model); i++)
		ink_model_put(model[i]);
}

static void rollback_swaps(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL), i;
	struct ink_model *a = test_model(test, test_flow(16384)), *b;
	struct ink_why why = {};

	KUNIT_EXPECT_EQ(test, ink_slot_rollback(NAME, &why), -ENODATA);
	test_publish(test, NAME, a);
	KUNIT_EXPECT_EQ(test, ink_slot_rollback(NAME, &why), -ENODATA);
	KUNIT_EXPECT_PTR_EQ(test, test_current(id), a);
	b = test_model(test, test_flow(16384));
	test_publish(test, NAME, b);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, ink_slot_rollback(NAME, &why), 0);
		KUNIT_EXPECT_PTR_EQ(test, test_current(id), i & 1 ? b : a);
		KUNIT_EXPECT_PTR_EQ(test, previous(id), i & 1 ? a : b);
		KUNIT_EXPECT_EQ(test, refs(a), 2);
		KUNIT_EXPECT_EQ(test, refs(b), 2);
	}
	KUNIT_EXPECT_EQ(test, a->generation, 1);
	KUNIT_EXPECT_EQ(test, b->generation, 2);
	KUNIT_EXPECT_EQ(test, ink_slot_rollback("kunit.none", &why), -ENOENT);
	ink_model_put(a);
	ink_model_put(b);
}

static void delete_drops_all(struct kunit *test)
{
	u8 in[TEST_BYTES] = {}, out[TEST_BYTES];
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL), again;
	struct ink_model *a = test_model(test, test_flow(16384));
	struct ink_model *b = test_model(test, test_flow(16384));
	struct ink_model *c = test_model(test, test_flow(16384));
	u32 size = a->plan->input_size, out_size = a->plan->output_size;
	struct inkling_verdict v;
	struct ink_why why = {};

	test_publish(test, NAME, a);
	test_publish(test, NAME, b);
	KUNIT_ASSERT_EQ(test, ink_slot_publish(NAME, c, 1, &why), 0);
	KUNIT_EXPECT_EQ(test, refs(c), 2);
	KUNIT_EXPECT_EQ(test, ink_slot_del(NAME, &why), 0);
	KUNIT_EXPECT_EQ(test, refs(a), 1);
	KUNIT_EXPECT_EQ(test, refs(b), 1);
	KUNIT_EXPECT_EQ(test, refs(c), 1);
	KUNIT_EXPECT_EQ(test, ink_run_atomic(id, in, size, out, out_size, &v), -ENODEV);
	again = test_slot(test, NAME, INKLING_CTX_ALL);
	KUNIT_EXPECT_EQ(test, again & INKLING_SLOT_INDEX_MASK, id & INKLING_SLOT_INDEX_MASK);
	KUNIT_EXPECT_EQ(test, ink_run_atomic(id, in, size, out, out_size, &v), -ESTALE);
	KUNIT_EXPECT_EQ(test, ink_run_atomic(again, in, size, out, out_size, &v), -ENODATA);
	ink_model_put(a);
	ink_model_put(b);
	ink_model_put(c);
}

/* What is refused leaves the slot and the model as they were. */
static void refusals_change_nothing(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL);
	struct ink_model *a = test_model(test, test_flow(16384));
	struct ink_model *other = test_model(test, model_image(MODEL_MIX));
	struct ink_model *slow = test_model(test, test_long_image());
	struct ink_why why = {};

	KUNIT_EXPECT_EQ(test, ink_slot_publish(NAME, a, 8, &why), -ENODATA);
	KUNIT_EXPECT_EQ(test, ink_slot_publish(NAME, slow, 0, &why), -E2BIG);
	test_publish(test, NAME, a);
	KUNIT_EXPECT_EQ(test, ink_slot_publish(NAME, other, 0, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, ink_slot_publish(NAME, other, 8, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, ink_slot_publish("kunit.none", other, 0, &why), -ENOENT);
	KUNIT_EXPECT_EQ(test, ink_slot_promote(NAME, &why), -ENODATA);
	KUNIT_EXPECT_EQ(test, ink_slot_shadow_drop(NAME, &why), -ENODATA);
	KUNIT_EXPECT_PTR_EQ(test, test_current(id), a);
	KUNIT_EXPECT_PTR_EQ(test, previous(id), NULL);
	KUNIT_EXPECT_EQ(test, test_slot_at(id)->published, 1);
	KUNIT_EXPECT_EQ(test, refs(a), 2);
	KUNIT_EXPECT_EQ(test, refs(other), 1);
	KUNIT_EXPECT_EQ(test, refs(slow), 1);
	ink_model_put(a);
	ink_model_put(other);
	ink_model_put(slow);
}

/* The last reference goes under a reader's eyes: what it looks at has to stay until it is done. */
static void readers_keep_models(struct kunit *test)
{
	struct ink_model *model = test_model(test, test_flow(16384));
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL), size;
	struct ink_slot *slot = test_slot_at(id);
	char magic[sizeof(model->graph->header->magic)];
	struct ink_why why = {};
	u64 runs;
	char first;

	test_publish(test, NAME, model);
	refcount_inc(&slot->refs);
	KUNIT_ASSERT_EQ(test, ink_slot_del(NAME, &why), 0);
	KUNIT_ASSERT_EQ(test, refs(model), 1);
	KUNIT_ASSERT_EQ(test, refcount_read(&slot->refs), 1);
	rcu_read_lock();
	ink_model_put(model);
	ink_slot_put(slot);
	KUNIT_EXPECT_FALSE(test, ink_model_get(model));
	memcpy(magic, model->graph->header->magic, sizeof(magic));
	size = model->plan->input_size;
	first = slot->name[0];
	runs = per_cpu_ptr(slot->stats, raw_smp_processor_id())->runs;
	rcu_read_unlock();
	KUNIT_EXPECT_MEMEQ(test, magic, INKLING_MAGIC, sizeof(magic));
	KUNIT_EXPECT_EQ(test, size, 12);
	KUNIT_EXPECT_EQ(test, first, 'k');
	KUNIT_EXPECT_EQ(test, runs, 0);
	test_settle();
}

static void readers_keep_shadows(struct kunit *test)
{
	struct ink_model *model = test_model(test, test_flow(16384));
	struct ink_shadow *shadow = ink_shadow_create(model, INKLING_CTX_ALL, 8);
	u32 sample, size;

	KUNIT_ASSERT_NOT_NULL(test, shadow);
	KUNIT_EXPECT_EQ(test, refs(model), 2);
	rcu_read_lock();
	ink_shadow_put(shadow);
	sample = shadow->sample;
	size = shadow->arenas.size;
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, sample, 8);
	KUNIT_EXPECT_EQ(test, size, model->plan->arena_size);
	KUNIT_EXPECT_EQ(test, refs(model), 1);
	ink_model_put(model);
	test_settle();
}

static void promote_takes_over(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL);
	struct ink_model *a = test_model(test, test_flow(16384));
	struct ink_model *b = test_model(test, test_flow(16384));
	struct ink_why why = {};

	test_publish(test, NAME, a);
	KUNIT_ASSERT_EQ(test, ink_slot_publish(NAME, b, 1, &why), 0);
	KUNIT_EXPECT_PTR_EQ(test, test_current(id), a);
	KUNIT_EXPECT_PTR_EQ(test, (void *)b->arenas.cpus, NULL);
	KUNIT_EXPECT_EQ(test, ink_slot_promote(NAME, &why), 0);
	KUNIT_EXPECT_PTR_EQ(test, test_current(id), b);
	KUNIT_EXPECT_PTR_EQ(test, previous(id), a);
	KUNIT_EXPECT_EQ(test, refs(a), 2);
	KUNIT_EXPECT_EQ(test, refs(b), 2);
	KUNIT_EXPECT_EQ(test, ink_slot_promote(NAME, &why), -ENODATA);
	ink_model_put(a);
	ink_model_put(b);
}

/* Threads that run the slot while it is swapped. */

#define READERS	2
#define SWAPS	500u

struct reader {
	struct task_struct *task;
	u32 id;
	u64 runs, failed, mixed;
};

/* Odd generations have a threshold that nothing reaches, even ones one that all reach. */
static int reader(void *arg)
{
	s32 in[3] = { 500, 20000, 1 };
	struct reader *r = arg;
	struct inkling_verdict v;
	s16 out[3];

	while (!kthread_should_stop()) {
		if (ink_run_atomic(r->id, in, sizeof(in), out, sizeof(out), &v))
			r->failed++;
		else if ((v.class == 0) != (v.generation & 1))
			r->mixed++;
		r->runs++;
		cond_resched();
	}
	return 0;
}

static void swaps_under_readers(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL), i, k;
	struct reader readers[READERS] = {};
	struct ink_why why = {};

	test_load(test, NAME, test_flow(32768));
	for (i = 0; i < READERS; i++) {
		readers[i].id = id;
		readers[i].task = kthread_run(reader, &readers[i], "ink-reader/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(readers[i].task));
	}
	for (i = 0; i < SWAPS; i++) {
		test_load(test, NAME, test_flow(i & 1 ? 32768 : 1));
		for (k = 0; i % 3 == 0 && k < 2; k++)
			KUNIT_EXPECT_EQ(test, ink_slot_rollback(NAME, &why), 0);
		cond_resched();
	}
	for (i = 0; i < READERS; i++) {
		while (READ_ONCE(readers[i].runs) < SWAPS)
			msleep(20);
		kthread_stop(readers[i].task);
		KUNIT_EXPECT_EQ(test, readers[i].failed, 0);
		KUNIT_EXPECT_EQ(test, readers[i].mixed, 0);
	}
	KUNIT_EXPECT_EQ(test, test_runs(test_slot_at(id)), readers[0].runs + readers[1].runs);
}

static struct kunit_case slot_cases[] = {
	KUNIT_CASE(publish_keeps_two),
	KUNIT_CASE(rollback_swaps),
	KUNIT_CASE(delete_drops_all),
	KUNIT_CASE(refusals_change_nothing),
	KUNIT_CASE(readers_keep_models),
	KUNIT_CASE(readers_keep_shadows),
	KUNIT_CASE(promote_takes_over),
	KUNIT_CASE(swaps_under_readers),
	{}
};

static struct kunit_suite slot_suite = {
	.name = "inkling_slot",
	.test_cases = slot_cases,
};
kunit_test_suite(slot_suite);
