// SPDX-License-Identifier: GPL-2.0-only
/*
 * Models and slots for the suites of the module; see fixture.h.
 */
#include <linux/slab.h>
#include "fixture.h"

struct ink_model *test_model(struct kunit *test, struct image img)
{
	struct ink_why why = {};
	struct ink_model *model;
	void *bytes;

	/* Of the kind that load.c makes; its end is exact where KASAN can see it. */
	bytes = kvmalloc(img.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	memcpy(bytes, img.p, img.size);
	image_free(&img);
	model = ink_model_create(bytes, img.size, &why);
	if (IS_ERR(model)) {
		kvfree(bytes);
		KUNIT_FAIL(test, "no model: %s", why.text);
		__kunit_abort(test);
	}
	return model;
}

struct image test_flow(s32 threshold)
{
	struct image img = model_image(MODEL_FLOW);

	image_header(&img)->threshold = threshold;
	ink_image_seal(img.p, img.size);
	return img;
}

#define LONG_N	1024u

struct image test_long_image(void)
{
	struct ink_builder *b = ink_builder_new();
	s8 *weights = kvzalloc(LONG_N * LONG_N, GFP_KERNEL), *shift = kvmalloc(LONG_N, GFP_KERNEL);
	s32 *zeros = kvcalloc(LONG_N, sizeof(*zeros), GFP_KERNEL);
	struct ink_builder_dense d = {
		.n = LONG_N, .m = LONG_N, .weights = weights, .bias = zeros, .mult = zeros,
		.shift = shift, .lowest = -128, .highest = 127,
	};
	struct image img = {};
	u32 in, out;

	if (b && weights && shift && zeros) {
		memset(shift, 30, LONG_N);
		in = ink_builder_input(b, INKLING_INT8, LONG_N);
		out = ink_builder_activation(b, INKLING_INT8, LONG_N);
		ink_builder_dense(b, in, out, &d);
		ink_builder_io(b, in, out, INKLING_HEAD_RAW, 0);
		ink_builder_text(b, ink_builder_card(b)->name, 64, "name", "long");
		img = image_finish(b);	/* and the builder is freed */
	} else {
		ink_builder_free(b);
	}
	kvfree(weights);
	kvfree(shift);
	kvfree(zeros);
	return img;
}

static void slot_delete(void *name)
{
	struct ink_why why;

	ink_slot_del(name, &why);	/* -ENOENT where the test has deleted it */
}

u32 test_slot(struct kunit *test, const char *name, u32 contexts)
{
	struct ink_slot_change change = { .set_mode = true, .mode = INKLING_MODE_ENFORCE };
	struct ink_why why = {};
	u32 id;
	int err;

	err = ink_slot_new(name, contexts, &change, &id, &why);
	KUNIT_ASSERT_EQ_MSG(test, err, 0, "%s", why.text);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, slot_delete, (void *)name), 0);
	return id;
}

void test_publish(struct kunit *test, const char *name, struct ink_model *model)
{
	struct ink_why why = {};
	int err = ink_slot_publish(name, model, 0, &why);

	KUNIT_ASSERT_EQ_MSG(test, err, 0, "%s", why.text);
}

void test_load(struct kunit *test, const char *name, struct image img)
{
	struct ink_model *model = test_model(test, img);

	test_publish(test, name, model);
	ink_model_put(model);
}

struct ink_slot *test_slot_at(u32 id)
{
	struct ink_slot *slot;

	rcu_read_lock_sched();
	slot = ink_slot_by_id(id);
	rcu_read_unlock_sched();
	return slot;
}

struct ink_model *test_current(u32 id)
{
	struct ink_model *model;

	mutex_lock(&ink_slots_lock);
	model = ink_slot_model(test_slot_at(id));
	mutex_unlock(&ink_slots_lock);
	return model;
}

u64 test_errors(const struct ink_slot *slot, enum ink_error error)
{
	struct ink_stats sum;

	ink_counters_sum(slot->stats, &sum, sizeof(sum));
	return sum.errors[error];
}

u64 test_runs(const struct ink_slot *slot)
{
	struct ink_stats sum;

	ink_counters_sum(slot->stats, &sum, sizeof(sum));
	return sum.runs;
}

void test_settle(void)
{
	rcu_barrier();			/* slots; and work for models is queued */
	flush_workqueue(ink_wq);
}
