// SPDX-License-Identifier: GPL-2.0-only
/*
 * The door for io_uring: INKLING_URING_RUN and INKLING_URING_GENERATE on a session.
 *
 * What lives here: a command's 16 bytes, where its inputs and results are,
 * and how it completes. What doesn't: what a session does (session.c).
 *
 * A command that needs no wait and is cheap completes while it is submitted;
 * any other is tried again by an io-wq worker, where it may be cancelled. Results
 * only go through io_uring_cmd_done(): a positive value that is returned breaks
 * linked commands on some kernels, and is lost by workers on others.
 */
#include <linux/overflow.h>
#include <linux/ink_uring.h>
#include "ink.h"

struct uring_batch {
	struct ink_batch batch;
	struct inkling_uring_run run;
	struct io_uring_cmd *cmd;
};

/* Where the parts of a command are, by offset or address; outputs come behind the verdicts. */
struct uring_places {
	u64 inputs, inputs_size;
	u64 verdicts, verdicts_size;
	u64 outputs_size;
};

static int uring_places(const struct uring_batch *it, const struct ink_plan *plan,
			struct uring_places *at)
{
	u64 count = it->batch.count;

	if (!count || count > INKLING_BATCH_MAX ||
	    it->run.flags & ~(INKLING_URING_OUTPUTS | INKLING_URING_NO_VERDICTS))
		return -EINVAL;
	at->inputs = it->run.inputs;
	at->inputs_size = count * plan->input_size;
	at->verdicts_size = count * sizeof(struct inkling_verdict);
	at->outputs_size = count * plan->output_size;
	if (!(it->batch.want & INK_WANT_VERDICTS))
		at->verdicts_size = 0;
	if (!(it->batch.want & INK_WANT_OUTPUTS))
		at->outputs_size = 0;
	return check_add_overflow(at->inputs, (u64)it->run.results, &at->verdicts) ? -ERANGE : 0;
}

/* Offsets and sizes come from outside; INKLING_BATCH_MAX inputs of any model are below 2^64. */
static int uring_check_buffer(struct ink_batch *batch, const struct ink_buffer *buffer,
			      const struct ink_plan *plan)
{
	const struct uring_batch *it = container_of(batch, struct uring_batch, batch);
	struct uring_places at;
	int err = uring_places(it, plan, &at);

	if (err)
		return err;
	batch->buffer.inputs = ink_buffer_range(buffer, at.inputs, at.inputs_size);
	batch->buffer.verdicts = ink_buffer_range(buffer, at.verdicts,
						  at.verdicts_size + at.outputs_size);
	if (!batch->buffer.inputs || !batch->buffer.verdicts)
		return -ERANGE;
	batch->buffer.outputs = batch->buffer.verdicts + at.verdicts_size;
	return 0;
}

static int uring_import(const struct uring_batch *it, u64 at, u64 size, int direction,
			struct iov_iter *iter)
{
	if (!size)
		return 0;
	return io_uring_cmd_import_fixed(at, size, direction, iter, it->cmd) ? -ERANGE : 0;
}

static int uring_check_registered(struct ink_batch *batch, const struct ink_buffer *buffer,
				  const struct ink_plan *plan)
{
	const struct uring_batch *it = container_of(batch, struct uring_batch, batch);
	struct uring_places at;
	int err = uring_places(it, plan, &at);
	u64 outputs;

	if (!err && check_add_overflow(at.verdicts, at.verdicts_size, &outputs))
		err = -ERANGE;
	if (!err)
		err = uring_import(it, at.inputs, at.inputs_size, ITER_SOURCE,
				   &batch->registered.inputs);
	if (!err)
		err = uring_import(it, at.verdicts, at.verdicts_size, ITER_DEST,
				   &batch->registered.verdicts);
	if (!err)
		err = uring_import(it, outputs, at.outputs_size, ITER_DEST,
				   &batch->registered.outputs);
	return err;
}

/* The payload is shared memory: each field is read once. */
static void uring_read(struct inkling_uring_run *run, const struct inkling_uring_run *payload)
{
	run->inputs = READ_ONCE(payload->inputs);
	run->results = READ_ONCE(payload->results);
	run->count = READ_ONCE(payload->count);
	run->flags = READ_ONCE(payload->flags);
}

static int uring_run(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	bool registered = cmd->flags & IORING_URING_CMD_FIXED;
	struct uring_batch it __uninitialized;	/* most of it is for registered buffers */
	int err;

	uring_read(&it.run, ink_compat_uring_payload(cmd));
	it.cmd = cmd;
	it.batch.check = registered ? uring_check_registered : uring_check_buffer;
	it.batch.memory = registered ? INK_MEMORY_REGISTERED : INK_MEMORY_BUFFER;
	it.batch.want = it.run.flags ^ INKLING_URING_NO_VERDICTS;
	it.batch.count = it.run.count;
	it.batch.nowait = issue_flags & IO_URING_F_NONBLOCK;
	it.batch.worker = issue_flags & IO_URING_F_IOWQ;
	err = ink_session_run(cmd->file->private_data, &it.batch);
	if (err && !it.batch.done)
		return err == -ERESTARTSYS ? -EINTR : err;
	io_uring_cmd_done(cmd, it.batch.done, it.batch.generation, issue_flags);
	return -EIOCBQUEUED;
}

/* Where prompt and tokens are, once it is known how large a token is. */
static int uring_check_generation(struct ink_batch *batch, const struct ink_buffer *buffer,
				  const struct ink_plan *plan)
{
	struct ink_generation *gen = container_of(batch, struct ink_generation, batch);
	u64 elem = plan->graph->tensors[plan->graph->header->input].elem;

	gen->prompt = ink_buffer_range(buffer, gen->ask.prompt, gen->ask.n_prompt * elem);
	gen->tokens = ink_buffer_range(buffer, gen->ask.tokens, gen->ask.n_tokens * elem);
	return gen->prompt && gen->tokens ? 0 : -ERANGE;
}

/* A text takes long, so a worker does it; request, prompt and tokens are in the buffer. */
static int uring_generate(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	const struct inkling_uring_generate *payload = ink_compat_uring_payload(cmd);
	struct ink_session *session = cmd->file->private_data;
	struct ink_generation gen = {
		.batch.check = uring_check_generation,
		.batch.memory = INK_MEMORY_BUFFER,
		.batch.worker = issue_flags & IO_URING_F_IOWQ,
		.batch.count = 1,
	};
	struct inkling_generate *request;
	int err;

	if (issue_flags & IO_URING_F_NONBLOCK)
		return -EAGAIN;
	if (READ_ONCE(payload->reserved) || cmd->flags & IORING_URING_CMD_FIXED)
		return -EINVAL;
	request = ink_buffer_range(ink_session_buffer(session), READ_ONCE(payload->request),
				   sizeof(*request));
	if (!request)
		return -ERANGE;
	memcpy(&gen.ask, request, sizeof(gen.ask));
	if (gen.ask.size != sizeof(gen.ask))
		return -EINVAL;
	err = ink_session_generate(session, &gen);
	put_unaligned(gen.batch.done, &request->done);
	put_unaligned(gen.ask.position, &request->position);
	if (err && !gen.batch.done)
		return err == -ERESTARTSYS ? -EINTR : err;
	io_uring_cmd_done(cmd, gen.batch.done, gen.batch.generation, issue_flags);
	return -EIOCBQUEUED;
}

/**
 * ink_uring_cmd() - one command of io_uring
 * @cmd: on a session's file
 * @issue_flags: how it was issued
 *
 * Context: a task, perhaps one that must not sleep.
 * Return: -EIOCBQUEUED when the completion was posted, -EAGAIN to be called
 * again by a worker, or the error that io_uring then posts.
 */
int ink_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	switch (cmd->cmd_op) {
	case INKLING_URING_RUN:
		return uring_run(cmd, issue_flags);
	case INKLING_URING_GENERATE:
		return uring_generate(cmd, issue_flags);
	default:
		return -ENOTTY;
	}
}
