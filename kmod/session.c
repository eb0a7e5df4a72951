// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: an open file bound to a slot, with an arena of its own.
 *
 * What lives here: binding, and running batches out of memory that others
 * write to. What doesn't: ioctl numbers and the device (cdev.c), io_uring
 * commands (uring.c), the pages of the shared buffer (buffer.c).
 *
 * A session runs one batch at a time (@lock); several threads open several
 * sessions. Since the arena is the session's it may be preempted, sleep on a
 * page fault, and take long.
 */
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include "session.h"

struct ink_session *ink_session_create(void)
{
	struct ink_session *session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);

	if (!session)
		return NULL;
	mutex_init(&session->lock);
	session->states.pending = INK_NO_TOKEN;
	return session;
}

/* The file is closed: nobody else has it any more. */
void ink_session_free(struct ink_session *session)
{
	ink_slot_put(session->slot);
	ink_states_drop(&session->states);
	kvfree_sensitive(session->arena, session->arena_size);
	ink_buffer_free(session->buffer);
	kfree(session);
}

/* The shared buffer, or NULL. */
struct ink_buffer *ink_session_buffer(struct ink_session *session)
{
	return smp_load_acquire(&session->buffer);	/* pairs with ink_session_bind() */
}

/* The slot of a name, with a reference, if whoever opened the file may run it. */
static struct ink_slot *session_find_slot(const char *name, const struct file *file)
{
	struct ink_slot *slot;
	int err = 0;

	mutex_lock(&ink_slots_lock);
	slot = ink_slot_find(name);
	if (!slot)
		err = -ENOENT;
	else if (!ink_slot_permits(slot, file->f_cred, 1) &&
		 !file_ns_capable(file, &init_user_ns, CAP_DAC_OVERRIDE))
		err = -EACCES;
	else if (!(slot->contexts & INKLING_CTX_TASK))
		err = -EPERM;
	else
		refcount_inc(&slot->refs);
	mutex_unlock(&ink_slots_lock);
	return err ? ERR_PTR(err) : slot;
}

/**
 * ink_session_bind() - bind a session to a slot
 * @session: that isn't bound
 * @name: of the slot, NUL-terminated
 * @buffer_size: bytes of the shared buffer, 0 for none
 * @file: that the session is; whoever opened it has to have the right
 *
 * Return: 0, -EBUSY bound already, -ENOENT no such slot, -EPERM the slot isn't
 * for tasks, -EACCES by its owner, group and permissions, -E2BIG, -ENOMEM no
 * such buffer, -EINTR, -ERESTARTSYS.
 */
int ink_session_bind(struct ink_session *session, const char *name, u64 buffer_size,
		     const struct file *file)
{
	struct ink_buffer *buffer = NULL;
	struct ink_slot *slot;
	int err = 0;

	if (mutex_lock_interruptible(&session->lock))
		return -ERESTARTSYS;
	if (session->slot) {
		err = -EBUSY;
		goto out;
	}
	slot = session_find_slot(name, file);
	if (IS_ERR(slot)) {
		err = PTR_ERR(slot);
		goto out;
	}
	if (buffer_size)
		buffer = ink_buffer_create(buffer_size);
	if (IS_ERR(buffer)) {
		err = PTR_ERR(buffer);
		ink_slot_put(slot);
		goto out;
	}
	session->slot = slot;
	smp_store_release(&session->buffer, buffer);	/* mmap() comes without the lock */
out:
	mutex_unlock(&session->lock);
	return err;
}

/*
 * The model of the session's slot, or that of its states, with a reference; or NULL and @err. RCU's
 * own lock would be two calls of functions.
 */
static __always_inline struct ink_model *session_model(struct ink_session *session, int *err)
{
	struct ink_slot *slot = session->slot;
	struct ink_model *model;

	*err = -ENOTCONN;
	if (!slot)
		return NULL;
	if (unlikely(session->states.model) && !READ_ONCE(slot->dead)) {
		refcount_inc(&session->states.model->refs);
		return session->states.model;
	}
	rcu_read_lock_sched();
	do {
		model = rcu_dereference_sched(slot->model);
		/* One that is about to be freed has been replaced: look again. */
	} while (model && !ink_model_get(model));
	rcu_read_unlock_sched();
	if (model)
		return model;
	*err = -ENODEV;
	if (!READ_ONCE(slot->dead)) {
		*err = -ENODATA;
		ink_stats_error(slot->stats, INK_ERROR_NO_MODEL);
	}
	return NULL;
}

/**
 * ink_session_info() - what the slot of a session holds now
 * @session: that is bound
 * @info: set
 *
 * Return: 0, -ENOTCONN not bound, -ENODEV the slot was deleted, -ENODATA it
 * has no model, -ERESTARTSYS.
 */
int ink_session_info(struct ink_session *session, struct inkling_info *info)
{
	const struct inkling_header *header;
	struct ink_model *model;
	int err;

	if (mutex_lock_interruptible(&session->lock))
		return -ERESTARTSYS;
	model = session_model(session, &err);
	if (model) {
		header = model->graph->header;
		*info = (struct inkling_info) {
			.size = sizeof(*info),
			.slot_id = session->slot->id,
			.input_size = model->plan->input_size,
			.output_size = model->plan->output_size,
			.schema = header->schema,
			.generation = model->generation,
			.mode = READ_ONCE(session->slot->mode),
			.n_classes = header->n_classes,
			.threshold = READ_ONCE(model->threshold),
			.macs = model->graph->macs,
		};
		memcpy(info->digest, header->digest, sizeof(info->digest));
		ink_model_put(model);
	}
	mutex_unlock(&session->lock);
	return model ? 0 : err;
}

static int session_reserve(struct ink_session *session, u32 size)
{
	void *arena;

	if (session->arena_size >= size)
		return 0;
	arena = ink_port_zalloc(size);
	if (!arena)
		return -ENOMEM;
	kvfree_sensitive(session->arena, session->arena_size);
	session->arena = arena;
	session->arena_size = size;
	return 0;
}

/* Should a batch end early? An io-wq worker is told by a signal that isn't fatal. */
bool ink_batch_interrupted(const struct ink_batch *batch)
{
	return batch->worker ? signal_pending(current) : fatal_signal_pending(current);
}

int ink_batch_stop(const struct ink_batch *batch, struct ink_slot *slot)
{
	ink_stats_error(slot->stats, batch->worker ? INK_ERROR_CANCEL : INK_ERROR_SIGNAL);
	return batch->worker ? -ECANCELED : -EINTR;
}

#define USER_SMALL	1024	/* bytes up to which outputs are copied here */

/*
 * To and from the calling process. What copy_from_user() checks of the kernel's side takes longer
 * than copying what is small: that lies within an arena whose sizes were proven.
 */
static __always_inline bool user_get(void *to, const void __user *from, u32 size)
{
	u32 at = 0;

	might_fault();
	instrument_write(to, size);
	if (!user_read_access_begin(from, size))
		return false;
	if (size >= INK_COPY_STRING) {
		if (!ink_copy_words_in(to, from, size))
			goto fault;
		if (likely(!(size & 7)))
			goto done;
		at = size & ~7u;
	} else {
		for (; at + 8 <= size; at += 8)
			unsafe_get_user(*(u64 *)(to + at), (const u64 __user *)(from + at), fault);
	}
	if (at + 4 <= size) {
		unsafe_get_user(*(u32 *)(to + at), (const u32 __user *)(from + at), fault);
		at += 4;
	}
	for (; at < size; at++)
		unsafe_get_user(*(u8 *)(to + at), (const u8 __user *)(from + at), fault);
done:
	user_read_access_end();
	return true;
fault:
	user_read_access_end();
	return false;
}

static __always_inline bool user_put(void __user *to, const void *from, u32 size)
{
	might_fault();
	if (size > USER_SMALL)
		return !copy_to_user(to, from, size);
	instrument_read(from, size);
	if (!user_write_access_begin(to, size))
		return false;
	unsafe_copy_to_user(to, from, size, fault);
	user_write_access_end();
	return true;
fault:
	user_write_access_end();
	return false;
}

/* For who copies other things than a batch's inputs and results. */
bool ink_user_get(void *to, const void __user *from, u32 size)
{
	return user_get(to, from, size);
}

bool ink_user_put(void __user *to, const void *from, u32 size)
{
	return user_put(to, from, size);
}

/* The next input, copied once. */
static __always_inline bool batch_get(struct ink_batch *batch, void *to, u32 size)
{
	const void __user *from;

	if (batch->memory == INK_MEMORY_USER) {
		from = u64_to_user_ptr(batch->user.inputs);
		batch->user.inputs += size;
		return user_get(to, from, size);
	}
	if (batch->memory == INK_MEMORY_BUFFER) {
		ink_port_copy(to, batch->buffer.inputs, size);
		batch->buffer.inputs += size;
		return true;
	}
	return copy_from_iter_full(to, size, &batch->registered.inputs);
}

static __always_inline bool user_put_next(u64 *at, const void *from, u32 size)
{
	void __user *to = u64_to_user_ptr(*at);

	*at += size;
	return user_put(to, from, size);
}

static __always_inline void buffer_put_next(void **at, const void *from, u32 size)
{
	ink_port_copy(*at, from, size);
	*at += size;
}

/* What a run gave: output and verdict, each if it is wanted. */
static __always_inline bool batch_put(struct ink_batch *batch, const void *output, u32 size,
				      const struct inkling_verdict *verdict)
{
	bool ok = true;

	if (batch->memory == INK_MEMORY_USER) {
		if (batch->user.outputs)
			ok = user_put_next(&batch->user.outputs, output, size);
		if (batch->user.verdicts)
			ok = user_put_next(&batch->user.verdicts, verdict, sizeof(*verdict)) && ok;
	} else if (batch->memory == INK_MEMORY_BUFFER) {
		if (batch->want & INK_WANT_OUTPUTS)
			buffer_put_next(&batch->buffer.outputs, output, size);
		if (batch->want & INK_WANT_VERDICTS)
			buffer_put_next(&batch->buffer.verdicts, verdict, sizeof(*verdict));
	} else {
		if (batch->want & INK_WANT_OUTPUTS)
			ok = copy_to_iter(output, size, &batch->registered.outputs) == size;
		if (batch->want & INK_WANT_VERDICTS)
			ok = copy_to_iter(verdict, sizeof(*verdict), &batch->registered.verdicts) ==
			     sizeof(*verdict) && ok;
	}
	return ok;
}

/*
 * How many inputs can be run at once: only one when more than the verdicts is
 * wanted of each run, by a shadow or by who traces, or when there are none.
 */
static u32 batch_tile(const struct ink_batch *batch, const struct ink_call *call)
{
	u32 n = min(batch->count - batch->done, call->model->plan->tile);

	if (n > 1 && (rcu_access_pointer(call->slot->shadow) || trace_run_enabled() ||
		      READ_ONCE(call->slot->mode) == INKLING_MODE_OFF))
		return 1;
	return n;
}

/* Of sequences: may the model read as many tokens as there are? */
static int session_accept(struct ink_session *session, struct ink_call *call)
{
	const struct ink_plan *plan = call->model->plan;
	const struct ink_states *states = &session->states;
	const u32 *n = session->arena + plan->input_off;

	if (ink_plan_accept(plan, session->arena, states->data, states->position))
		return 0;
	ink_stats_error(call->slot->stats, INK_ERROR_SIZE);
	return *n && *n <= plan->graph->tokens ? -ENOSPC : -EINVAL;
}

/*
 * What follows has plan and arena at hand instead of looking them up in call and session again,
 * which may have changed for all that the compiler knows.
 */

/* Inputs straight to where the plan reads them, up to one that can't be read; @n: their number. */
static __always_inline int session_get(const struct ink_plan *plan, void *arena,
				       struct ink_call *call, struct ink_batch *batch, u32 *n)
{
	void *to = arena + plan->input_off;
	u32 i;

	for (i = 0; i < *n; i++, to += ink_tile_size(plan, 1))
		if (!batch_get(batch, to, plan->input_size)) {
			ink_stats_error(call->slot->stats, INK_ERROR_FAULT);
			*n = i;
			return -EFAULT;
		}
	return 0;
}

/*
 * All sections; when they take longer than one may, with a chance to stop between them. In a task
 * that can be preempted nothing below is in the middle of using vectors, so they are always usable.
 */
static __always_inline int session_run_plan(const struct ink_plan *plan, void *arena,
					    struct ink_call *call, const struct ink_batch *batch,
					    u32 n)
{
	u32 i;

	if (n == 1)
		ink_sample_begin(call, INK_LEVEL_TASK, arena + plan->input_off);
	if (likely(plan->cost_simd * n <= INK_BUDGET_SECTION_NS)) {
		ink_plan_sections(plan, plan->isa, arena, n);
		return 0;
	}
	for (i = 0; i < ink_plan_schedule(plan, arena, n)->n_sections; i++) {
		ink_plan_section(plan, plan->isa, arena, n, i);
		cond_resched();
		if (ink_batch_interrupted(batch)) {
			ink_shadow_cancel(call, INK_SKIP_SIGNAL);
			return ink_batch_stop(batch, call->slot);
		}
	}
	return 0;
}

/* A sequence that is in the arena; the states have its tokens afterwards. */
int ink_session_read(struct ink_session *session, struct ink_call *call,
		     const struct ink_batch *batch)
{
	const struct ink_plan *plan = call->model->plan;
	int err = session_accept(session, call);

	err = err ?: session_run_plan(plan, session->arena, call, batch, 1);
	if (err || !plan->state_size)
		return err;
	session->states.position += ink_plan_tokens(plan, session->arena);
	session->states.pending = INK_NO_TOKEN;
	return 0;
}

/* What ran gets its verdicts, and the caller what it wants. */
static __always_inline int session_put(const struct ink_plan *plan, void *arena,
				       struct ink_call *call, struct ink_batch *batch, u32 n,
				       bool on)
{
	void *output = arena + plan->output_off;
	bool ok;
	u32 i;

	for (i = 0; i < n; i++, output += ink_tile_size(plan, 1)) {
		if (on) {
			ink_call_judge(call, plan, output);
			ink_call_account(call, false);
		}
		call->start = 0;
		ok = batch_put(batch, output, plan->output_size, &call->verdict);
		ink_sample_end(call, true);
		if (!ok)
			return -EFAULT;
		batch->done++;
	}
	return 0;
}

/* The next inputs of a batch, at most @n; those before one that faults are run. */
static __always_inline int session_run_next(struct ink_session *session, struct ink_call *call,
					    struct ink_batch *batch, u32 n)
{
	const struct ink_plan *plan = call->model->plan;
	void *arena = session->arena;
	bool on = ink_call_begin(call);
	int fault = 0, err = 0;

	if (on) {
		fault = session_get(plan, arena, call, batch, &n);
		if (unlikely(plan->graph->tokens))
			err = n ? ink_session_read(session, call, batch) : 0;
		else
			err = n ? session_run_plan(plan, arena, call, batch, n) : 0;
		if (n > 1)
			ink_call_share(call, n);
	} else {
		n = 1;
		memset(arena + plan->output_off, 0, plan->output_size);
	}
	return err ?: session_put(plan, arena, call, batch, n, on) ?: fault;
}

static int session_run_all(struct ink_session *session, struct ink_call *call,
			   struct ink_batch *batch)
{
	int err;

	/* Most often; with a number that is known there are no loops. */
	if (batch->count == 1)
		return session_run_next(session, call, batch, 1);
	for (;;) {
		err = session_run_next(session, call, batch, batch_tile(batch, call));
		if (err || batch->done == batch->count)
			return err;
		cond_resched();
		if (ink_batch_interrupted(batch))
			return ink_batch_stop(batch, call->slot);
	}
}

static int session_lock(struct ink_session *session, const struct ink_batch *batch)
{
	if (mutex_trylock(&session->lock))
		return 0;
	if (batch->nowait)
		return -EAGAIN;
	if (!mutex_lock_interruptible(&session->lock))
		return 0;
	/* Not always a signal that anybody sent: io_uring wakes its tasks so, too. */
	return batch->worker ? -ECANCELED : -ERESTARTSYS;
}

/* What has to be there before a batch begins; who can't wait comes again as one who can. */
int ink_session_prepare(struct ink_session *session, struct ink_model *model,
			const struct ink_batch *batch)
{
	const struct ink_plan *plan = model->plan;
	u32 size = batch->count > 1 ? ink_tile_size(plan, plan->tile) : plan->arena_size;

	bool keep = plan->state_size;
	int err;

	if (batch->nowait && (session->arena_size < size || (keep && !session->states.model) ||
			      plan->cost_simd * batch->count > INK_INLINE_NS))
		return -EAGAIN;
	err = session_reserve(session, size);
	return unlikely(keep) && !err ? ink_states_begin(&session->states, model) : err;
}

/* Are sizes and places right? Whether the caller's memory is there is found when it is used. */
static int batch_check(struct ink_batch *batch, struct ink_session *session,
		       const struct ink_plan *plan)
{
	if (batch->memory != INK_MEMORY_USER)
		return batch->check(batch, session->buffer, plan);
	if (!batch->count || batch->user.input_size != plan->input_size ||
	    batch->user.output_size != (batch->user.outputs ? plan->output_size : 0))
		return -EINVAL;
	return 0;
}

/* Lock and model; the call is set up. */
static __always_inline int session_begin(struct ink_session *session, struct ink_batch *batch,
					 struct ink_call *call)
{
	int err;

	batch->done = 0;
	err = session_lock(session, batch);
	if (err)
		return err;
	call->context = INKLING_CTX_TASK;
	call->sample.shadow = NULL;
	call->slot = session->slot;
	call->model = session_model(session, &err);
	if (!call->model) {
		mutex_unlock(&session->lock);
		return err;
	}
	batch->generation = call->model->generation;
	return 0;
}

int ink_session_begin(struct ink_session *session, struct ink_batch *batch, struct ink_call *call)
{
	return session_begin(session, batch, call);
}

void ink_session_end(struct ink_session *session, struct ink_call *call)
{
	ink_model_put(call->model);
	mutex_unlock(&session->lock);
}

/**
 * ink_session_run() - run a batch
 * @session: that is bound
 * @batch: what is asked; @done and @generation are set
 *
 * One batch runs on one model, even when the slot is swapped meanwhile.
 *
 * Context: a task; doesn't sleep if the batch says @nowait.
 * Return: 0; -ENOTCONN not bound, -ENODEV the slot was deleted, -ENODATA it has
 * no model, -EINVAL, -ENOSPC, -ERANGE, -EFAULT, -ENOMEM, -EINTR a fatal signal came,
 * -ERESTARTSYS a signal came before it began, -ECANCELED, -EAGAIN it would have to wait or take long. @done inputs were run
 * and their results are there even so.
 */
int ink_session_run(struct ink_session *session, struct ink_batch *batch)
{
	struct ink_call call __uninitialized;
	int err = session_begin(session, batch, &call);

	if (err)
		return err;
	err = batch_check(batch, session, call.model->plan);
	if (err)
		ink_stats_error(call.slot->stats,
				err == -ERANGE ? INK_ERROR_RANGE : INK_ERROR_SIZE);
	else
		err = ink_session_prepare(session, call.model, batch);
	if (!err)
		err = session_run_all(session, &call, batch);
	ink_session_end(session, &call);
	return err;
}
