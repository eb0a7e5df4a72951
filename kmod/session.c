// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: an open file bound to a slot, with an arena of its own.
 *
 * What lives here: binding, and running batches out of user memory. What
 * doesn't: ioctl numbers and the device (cdev.c).
 *
 * A session runs one batch at a time (@lock); several threads open several
 * sessions. Since the arena is the session's it may be preempted, sleep on a
 * page fault, and take long.
 */
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include "ink.h"

/**
 * struct ink_session - an open file
 * @lock: of all of it
 * @slot: or NULL while it isn't bound; holds a reference
 * @arena: 64-byte aligned
 * @arena_size: bytes of @arena
 */
struct ink_session {
	struct mutex lock;
	struct ink_slot *slot;
	void *arena;
	u32 arena_size;
};

struct ink_session *ink_session_create(void)
{
	struct ink_session *session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);

	if (session)
		mutex_init(&session->lock);
	return session;
}

/* The file is closed: nobody else has it any more. */
void ink_session_free(struct ink_session *session)
{
	ink_slot_put(session->slot);
	kvfree_sensitive(session->arena, session->arena_size);
	kfree(session);
}

/**
 * ink_session_bind() - bind a session to a slot
 * @session: that isn't bound
 * @name: of the slot, NUL-terminated
 * @file: that the session is; whoever opened it has to have the right
 *
 * Return: 0, -EBUSY bound already, -ENOENT no such slot, -EPERM the slot isn't
 * for tasks, -EACCES by its owner, group and permissions, -EINTR.
 */
int ink_session_bind(struct ink_session *session, const char *name, const struct file *file)
{
	struct ink_slot *slot;
	int err = 0;

	if (mutex_lock_interruptible(&session->lock))
		return -EINTR;
	mutex_lock(&ink_slots_lock);
	slot = ink_slot_find(name);
	if (session->slot)
		err = -EBUSY;
	else if (!slot)
		err = -ENOENT;
	else if (!ink_slot_permits(slot, file->f_cred, 1) &&
		 !file_ns_capable(file, &init_user_ns, CAP_DAC_OVERRIDE))
		err = -EACCES;
	else if (!(slot->contexts & INKLING_CTX_TASK))
		err = -EPERM;
	if (!err) {
		refcount_inc(&slot->refs);
		session->slot = slot;
	}
	mutex_unlock(&ink_slots_lock);
	mutex_unlock(&session->lock);
	return err;
}

/* The model of the session's slot, with a reference. */
static struct ink_model *session_model(struct ink_session *session)
{
	struct ink_slot *slot = session->slot;
	struct ink_model *model;

	if (!slot)
		return ERR_PTR(-ENOTCONN);
	rcu_read_lock();
	do {
		model = rcu_dereference(slot->model);
		/* One that is about to be freed has been replaced: look again. */
	} while (model && !ink_model_get(model));
	rcu_read_unlock();
	if (model)
		return model;
	if (READ_ONCE(slot->dead))
		return ERR_PTR(-ENODEV);
	ink_stats_error(slot->stats, INK_ERROR_NO_MODEL);
	return ERR_PTR(-ENODATA);
}

/**
 * ink_session_info() - what the slot of a session holds now
 * @session: that is bound
 * @info: set
 *
 * Return: 0, -ENOTCONN not bound, -ENODEV the slot was deleted, -ENODATA it
 * has no model, -EINTR.
 */
int ink_session_info(struct ink_session *session, struct inkling_info *info)
{
	const struct inkling_header *header;
	struct ink_model *model;

	if (mutex_lock_interruptible(&session->lock))
		return -EINTR;
	model = session_model(session);
	if (!IS_ERR(model)) {
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
	return PTR_ERR_OR_ZERO(model);
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

/* All sections, with a chance to stop between them: a long model takes a while. */
static int session_run_plan(struct ink_session *session, struct ink_call *call)
{
	const struct ink_plan *plan = call->model->plan;
	enum ink_isa isa;
	u32 i;
	int err;

	err = ink_call_isa(call, &isa);
	if (!err)
		ink_sample_begin(call, INK_LEVEL_TASK, session->arena + plan->input_off);
	for (i = 0; !err && i < plan->n_sections; i++) {
		ink_plan_section(plan, isa, session->arena, i);
		cond_resched();
		if (fatal_signal_pending(current)) {
			ink_stats_error(call->slot->stats, INK_ERROR_SIGNAL);
			ink_shadow_cancel(call, INK_SKIP_SIGNAL);
			err = -EINTR;
		}
	}
	return err;
}

/* One input: copied once, straight to where the plan reads it. */
static int session_run_one(struct ink_session *session, struct ink_call *call,
			   const void __user *in, void __user *out, void __user *verdict)
{
	const struct ink_plan *plan = call->model->plan;
	void *output = session->arena + plan->output_off;
	unsigned long left;
	int err;

	if (!ink_call_begin(call)) {
		left = out ? clear_user(out, plan->output_size) : 0;
	} else {
		if (copy_from_user(session->arena + plan->input_off, in, plan->input_size)) {
			ink_stats_error(call->slot->stats, INK_ERROR_FAULT);
			return -EFAULT;
		}
		err = session_run_plan(session, call);
		if (err)
			return err;
		ink_call_end(call, output);
		left = out ? copy_to_user(out, output, plan->output_size) : 0;
	}
	if (verdict)
		left |= copy_to_user(verdict, &call->verdict, sizeof(call->verdict));
	ink_sample_end(call, true);
	return left ? -EFAULT : 0;
}

static int session_run_batch(struct ink_session *session, struct ink_call *call,
			     struct inkling_run *run)
{
	void __user *in, *out, *verdict;
	int err = 0;
	u64 i;

	for (i = 0; !err && i < run->count; i++) {
		in = u64_to_user_ptr(run->inputs + i * run->input_size);
		out = run->outputs ? u64_to_user_ptr(run->outputs + i * run->output_size) : NULL;
		verdict = run->verdicts ?
			  u64_to_user_ptr(run->verdicts + i * sizeof(struct inkling_verdict)) :
			  NULL;
		err = session_run_one(session, call, in, out, verdict);
		if (!err)
			run->done++;
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
	}
	return err;
}

static int run_check(const struct inkling_run *run, const struct ink_plan *plan)
{
	if (run->input_size != plan->input_size)
		return -EINVAL;
	if (!run->outputs != !run->output_size)
		return -EINVAL;
	if (run->outputs && run->output_size != plan->output_size)
		return -EINVAL;
	return 0;
}

/**
 * ink_session_run() - run a batch
 * @session: that is bound
 * @run: a copy of what userspace asks, @done zero; @done is set
 *
 * Return: 0; -ENOTCONN not bound, -ENODEV the slot was deleted, -ENODATA it has
 * no model, -EINVAL, -EFAULT, -ENOMEM, -EINTR a signal came. @done inputs were
 * run and their results are there even so.
 */
int ink_session_run(struct ink_session *session, struct inkling_run *run)
{
	struct ink_call call = { .context = INKLING_CTX_TASK };
	int err;

	if (mutex_lock_interruptible(&session->lock))
		return -EINTR;
	call.slot = session->slot;
	call.model = session_model(session);
	if (IS_ERR(call.model)) {
		mutex_unlock(&session->lock);
		return PTR_ERR(call.model);
	}
	err = run_check(run, call.model->plan);
	if (err)
		ink_stats_error(call.slot->stats, INK_ERROR_SIZE);
	else
		err = session_reserve(session, call.model->plan->arena_size);
	if (!err)
		err = session_run_batch(session, &call, run);
	ink_model_put(call.model);
	mutex_unlock(&session->lock);
	return err;
}
