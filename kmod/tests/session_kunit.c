// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a session: bind, buffer, run, swap, slot deleted, close.
 *
 * What lives here: what each step answers and which references it holds, with
 * batches in the session's buffer. What doesn't: memory of processes and the
 * doors (tests/selftests: session, uring, library).
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include "fixture.h"

#define NAME	"kunit.session"
#define N	4		/* inputs of a batch */
#define BUFFER	(4 * PAGE_SIZE)

static const struct file_operations no_operations;

static void file_put(void *file)
{
	fput(file);
}

/* Only asked for who has opened it. */
static struct file *test_file(struct kunit *test)
{
	struct file *file = anon_inode_getfile("inkling-kunit", &no_operations, NULL, O_RDWR);

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, file_put, file), 0);
	return file;
}

static void session_close(void *session)
{
	ink_session_free(session);
}

/* Closed when the test ends. */
static struct ink_session *test_session(struct kunit *test)
{
	struct ink_session *session = ink_session_create();

	KUNIT_ASSERT_NOT_NULL(test, session);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, session_close, session), 0);
	return session;
}

/* Offsets in the buffer, as io_uring commands have them; @err: what the check says instead. */
struct test_batch {
	struct ink_batch batch;
	u32 in, out, verdicts;
	int err;
};

static int check(struct ink_batch *batch, const struct ink_buffer *buffer, const struct ink_plan *plan)
{
	const struct test_batch *t = container_of(batch, struct test_batch, batch);

	if (t->err)
		return t->err;
	batch->buffer.inputs = ink_buffer_range(buffer, t->in, batch->count * plan->input_size);
	batch->buffer.outputs = ink_buffer_range(buffer, t->out, batch->count * plan->output_size);
	batch->buffer.verdicts = ink_buffer_range(buffer, t->verdicts,
						  batch->count * sizeof(struct inkling_verdict));
	return batch->buffer.inputs && batch->buffer.outputs && batch->buffer.verdicts ? 0 : -ERANGE;
}

static struct test_batch batch_of(u32 count)
{
	return (struct test_batch) {
		.batch.check = check,
		.batch.memory = INK_MEMORY_BUFFER,
		.batch.want = INK_WANT_OUTPUTS | INK_WANT_VERDICTS,
		.batch.count = count,
		.in = 0,
		.out = PAGE_SIZE,
		.verdicts = 2 * PAGE_SIZE,
	};
}

static int run(struct ink_session *session, struct test_batch *t)
{
	return ink_session_run(session, &t->batch);
}

static void bind_holds_the_slot(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL);
	struct ink_session *session = ink_session_create(), *other = test_session(test);
	struct ink_slot *slot = test_slot_at(id);
	struct file *file = test_file(test);
	struct test_batch t = batch_of(1);
	struct inkling_info info;

	KUNIT_ASSERT_NOT_NULL(test, session);
	KUNIT_EXPECT_EQ(test, ink_session_info(session, &info), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, run(session, &t), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, ink_session_bind(session, "kunit.none", 0, file), -ENOENT);
	KUNIT_EXPECT_PTR_EQ(test, ink_session_buffer(session), NULL);
	KUNIT_EXPECT_EQ(test, refcount_read(&slot->refs), 1);
	KUNIT_EXPECT_EQ(test, ink_session_bind(session, NAME, INKLING_BUFFER_MAX + 1ull, file), -E2BIG);
	KUNIT_EXPECT_EQ(test, refcount_read(&slot->refs), 1);
	KUNIT_EXPECT_EQ(test, ink_session_bind(session, NAME, 4096, file), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&slot->refs), 2);
	KUNIT_EXPECT_EQ(test, ink_session_bind(session, NAME, 4096, file), -EBUSY);
	KUNIT_EXPECT_EQ(test, refcount_read(&slot->refs), 2);
	KUNIT_EXPECT_EQ(test, run(session, &t), -ENODATA);
	KUNIT_EXPECT_EQ(test, ink_session_info(session, &info), -ENODATA);
	KUNIT_EXPECT_EQ(test, test_errors(slot, INK_ERROR_NO_MODEL), 2);
	KUNIT_EXPECT_EQ(test, ink_session_bind(other, NAME, 0, file), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&slot->refs), 3);
	KUNIT_EXPECT_PTR_EQ(test, ink_session_buffer(other), NULL);
	ink_session_free(session);
	KUNIT_EXPECT_EQ(test, refcount_read(&slot->refs), 2);
}

static void contexts_without_tasks(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_SOFTIRQ);

	KUNIT_EXPECT_EQ(test, ink_session_bind(test_session(test), NAME, 0, test_file(test)), -EPERM);
	KUNIT_EXPECT_EQ(test, refcount_read(&test_slot_at(id)->refs), 1);
}

static void buffer_has_ends(struct kunit *test)
{
	struct ink_buffer *buffer;
	u32 i;

	KUNIT_EXPECT_EQ(test, PTR_ERR(ink_buffer_create(INKLING_BUFFER_MAX + 1ull)), -E2BIG);
	KUNIT_EXPECT_EQ(test, PTR_ERR(ink_buffer_create(U64_MAX)), -E2BIG);
	KUNIT_EXPECT_PTR_EQ(test, ink_buffer_range(NULL, 0, 0), NULL);
	buffer = ink_buffer_create(PAGE_SIZE + 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(buffer));
	KUNIT_EXPECT_EQ(test, buffer->size, 2 * PAGE_SIZE);
	for (i = 0; i < buffer->size; i++)
		if (((u8 *)buffer->data)[i])
			break;
	KUNIT_EXPECT_EQ(test, i, buffer->size);
	KUNIT_EXPECT_PTR_EQ(test, ink_buffer_range(buffer, 0, 2 * PAGE_SIZE), buffer->data);
	KUNIT_EXPECT_PTR_EQ(test, ink_buffer_range(buffer, 1, 2 * PAGE_SIZE), NULL);
	KUNIT_EXPECT_PTR_EQ(test, ink_buffer_range(buffer, 2 * PAGE_SIZE - 1, 1),
			    buffer->data + 2 * PAGE_SIZE - 1);
	KUNIT_EXPECT_PTR_EQ(test, ink_buffer_range(buffer, 2 * PAGE_SIZE, 1), NULL);
	KUNIT_EXPECT_PTR_EQ(test, ink_buffer_range(buffer, U64_MAX, 1), NULL);
	KUNIT_EXPECT_PTR_EQ(test, ink_buffer_range(buffer, U64_MAX, U64_MAX), NULL);
	KUNIT_EXPECT_PTR_EQ(test, ink_buffer_range(buffer, 0, U64_MAX), NULL);
	ink_buffer_free(buffer);
}

/* A session on the slot, which gets a model with that threshold; its buffer holds @N inputs. */
static struct ink_session *session_with_inputs(struct kunit *test, s32 threshold,
					       struct ink_buffer **buffer)
{
	static const s32 input[3] = { 900, 70000, 2 };
	struct ink_session *session = test_session(test);
	u32 i;

	test_load(test, NAME, test_flow(threshold));
	KUNIT_ASSERT_EQ(test, ink_session_bind(session, NAME, BUFFER, test_file(test)), 0);
	*buffer = ink_session_buffer(session);
	KUNIT_ASSERT_NOT_NULL(test, *buffer);
	for (i = 0; i < 3 * N; i++)
		((s32 *)(*buffer)->data)[i] = input[i % 3] / (s32)(i / 3 + 1);
	return session;
}

static void batches_equal_single_runs(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL), i;
	const struct inkling_verdict *verdicts;
	struct inkling_verdict v;
	struct ink_session *session;
	struct ink_buffer *buffer;
	struct test_batch t = batch_of(N);
	s16 out[3];

	session = session_with_inputs(test, 16384, &buffer);
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	KUNIT_EXPECT_EQ(test, t.batch.done, N);
	KUNIT_EXPECT_EQ(test, t.batch.generation, 1);
	verdicts = buffer->data + t.verdicts;
	for (i = 0; i < N; i++) {
		KUNIT_ASSERT_EQ(test, ink_run_atomic(id, buffer->data + 12 * i, 12, out, 6, &v), 0);
		KUNIT_EXPECT_MEMEQ(test, out, buffer->data + t.out + 6 * i, 6);
		KUNIT_EXPECT_MEMEQ(test, &v, &verdicts[i], sizeof(v));
	}
	KUNIT_EXPECT_EQ(test, test_runs(test_slot_at(id)), 2 * N);
	KUNIT_EXPECT_EQ(test, refcount_read(&test_current(id)->refs), 1);
}

static void refusals_are_counted(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL);
	struct ink_slot *slot = test_slot_at(id);
	struct test_batch t = batch_of(N);
	struct ink_session *session;
	struct ink_buffer *buffer;

	session = session_with_inputs(test, 16384, &buffer);
	t.out = BUFFER - N * 6 + 1;
	KUNIT_EXPECT_EQ(test, run(session, &t), -ERANGE);
	KUNIT_EXPECT_EQ(test, test_errors(slot, INK_ERROR_RANGE), 1);
	t.err = -EINVAL;
	KUNIT_EXPECT_EQ(test, run(session, &t), -EINVAL);
	KUNIT_EXPECT_EQ(test, test_errors(slot, INK_ERROR_SIZE), 1);
	KUNIT_EXPECT_EQ(test, t.batch.done, 0);
	t.err = 0;
	t.out--;
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	KUNIT_EXPECT_EQ(test, test_runs(slot), N);
	KUNIT_EXPECT_EQ(test, refcount_read(&test_current(id)->refs), 1);
}

/* Who can't wait gets neither memory nor much time. */
static void nowait_is_told_to_come_again(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL), most;
	struct test_batch t = batch_of(N);
	struct ink_session *session;
	struct ink_buffer *buffer;

	session = session_with_inputs(test, 16384, &buffer);
	t.batch.nowait = true;
	KUNIT_EXPECT_EQ(test, run(session, &t), -EAGAIN);
	t.batch.nowait = false;
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	t.batch.nowait = true;
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	KUNIT_EXPECT_EQ(test, t.batch.done, N);
	most = INK_INLINE_NS / (u32)test_current(id)->plan->cost_simd;
	t.batch.count = most;
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	t.batch.count = most + 1;
	KUNIT_EXPECT_EQ(test, run(session, &t), -EAGAIN);
	t.batch.nowait = false;
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	KUNIT_EXPECT_EQ(test, test_runs(test_slot_at(id)), 2 * N + most + most + 1);
}

static void swaps_and_modes_between_batches(struct kunit *test)
{
	struct ink_slot_change off = { .set_mode = true, .mode = INKLING_MODE_OFF };
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL);
	const struct inkling_verdict *verdicts;
	struct test_batch t = batch_of(N);
	struct ink_session *session;
	struct ink_buffer *buffer;
	struct ink_why why = {};
	struct inkling_info info;

	session = session_with_inputs(test, 32768, &buffer);
	verdicts = buffer->data + t.verdicts;
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	KUNIT_EXPECT_EQ(test, verdicts[0].class, 0);
	test_load(test, NAME, test_flow(1));
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	KUNIT_EXPECT_EQ(test, t.batch.generation, 2);
	KUNIT_EXPECT_NE(test, verdicts[0].class, 0);
	KUNIT_EXPECT_EQ(test, ink_session_info(session, &info), 0);
	KUNIT_EXPECT_EQ(test, info.generation, 2);
	KUNIT_EXPECT_EQ(test, info.slot_id, id);
	KUNIT_EXPECT_EQ(test, info.threshold, 1);
	KUNIT_EXPECT_EQ(test, ink_slot_set(NAME, &off, &why), 0);
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	KUNIT_EXPECT_EQ(test, verdicts[0].mode, INKLING_MODE_OFF);
	KUNIT_EXPECT_EQ(test, verdicts[0].class, 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(buffer->data + t.out, 0, N * 6), NULL);
	KUNIT_EXPECT_EQ(test, test_runs(test_slot_at(id)), 2 * N);
}

static void outlives_its_slot(struct kunit *test)
{
	u32 id = test_slot(test, NAME, INKLING_CTX_ALL);
	struct ink_slot *slot = test_slot_at(id);
	struct test_batch t = batch_of(N);
	struct ink_session *session;
	struct ink_buffer *buffer;
	struct ink_why why = {};
	struct inkling_info info;

	session = session_with_inputs(test, 16384, &buffer);
	KUNIT_EXPECT_EQ(test, run(session, &t), 0);
	KUNIT_EXPECT_EQ(test, ink_slot_del(NAME, &why), 0);
	test_settle();
	KUNIT_EXPECT_EQ(test, refcount_read(&slot->refs), 1);
	KUNIT_EXPECT_EQ(test, run(session, &t), -ENODEV);
	KUNIT_EXPECT_EQ(test, ink_session_info(session, &info), -ENODEV);
	/* A new slot of that name is another one. */
	test_slot(test, NAME, INKLING_CTX_ALL);
	test_load(test, NAME, test_flow(16384));
	KUNIT_EXPECT_EQ(test, run(session, &t), -ENODEV);
	KUNIT_EXPECT_EQ(test, ink_session_bind(session, NAME, 0, test_file(test)), -EBUSY);
	kunit_release_action(test, session_close, session);
	test_settle();
}

static struct kunit_case session_cases[] = {
	KUNIT_CASE(bind_holds_the_slot),
	KUNIT_CASE(contexts_without_tasks),
	KUNIT_CASE(buffer_has_ends),
	KUNIT_CASE(batches_equal_single_runs),
	KUNIT_CASE(refusals_are_counted),
	KUNIT_CASE(nowait_is_told_to_come_again),
	KUNIT_CASE(swaps_and_modes_between_batches),
	KUNIT_CASE(outlives_its_slot),
	{}
};

static struct kunit_suite session_suite = {
	.name = "inkling_session",
	.test_cases = session_cases,
};
kunit_test_suite(session_suite);
