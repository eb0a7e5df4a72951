/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For suites that test the module rather than the engine: models and slots that
 * go when the test ends, and what a slot has counted.
 *
 * What lives here: what more than one suite needs. What doesn't: images, which
 * are the unit tests' (tests/unit/models.h).
 */
#ifndef INK_TEST_FIXTURE_H
#define INK_TEST_FIXTURE_H

#include <kunit/test.h>
#include "ink.h"
#include "models.h"

#define TEST_BYTES	64	/* room for an input or output of the small models */

/* A model of @img, which is freed, with one reference that is the caller's. */
struct ink_model *test_model(struct kunit *test, struct image img);
/* flow with another threshold: the same features and sizes, told apart by its generation and verdict. */
struct image test_flow(s32 threshold);
/* One layer that takes longer than a softirq may, on any CPU. */
struct image test_long_image(void);

/* A new slot in mode enforce, deleted when the test ends if it is still there. Its id. */
u32 test_slot(struct kunit *test, const char *name, u32 contexts);
void test_publish(struct kunit *test, const char *name, struct ink_model *model);
/* The same of a model that is made for it; the slot's references are the only ones. */
void test_load(struct kunit *test, const char *name, struct image img);
/* The slot of that id; stays valid while it isn't deleted. */
struct ink_slot *test_slot_at(u32 id);
struct ink_model *test_current(u32 id);
u64 test_errors(const struct ink_slot *slot, enum ink_error error);
u64 test_runs(const struct ink_slot *slot);

/* Everything that was dropped by now is freed when it returns. */
void test_settle(void);

#endif /* INK_TEST_FIXTURE_H */
