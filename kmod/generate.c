// SPDX-License-Identifier: GPL-2.0-only
/*
 * Language models: what a session remembers, and texts that it continues.
 *
 * What lives here: the states of a session from the first token to the reset,
 * taking over another session's, and generating tokens one after the other.
 * What doesn't: one run of a model (session.c) and the choice of a token
 * (core/sample.c).
 *
 * States are keys and values of a text that may be somebody's secret: they are
 * zeroed when they are forgotten. They belong to one model, so a session that has
 * some keeps that model, whatever its slot has by now.
 */
#include "session.h"
#include "core/sample.h"

/**
 * ink_states_begin() - make room for what a model remembers
 * @states: of a session, under its lock
 * @model: with states; a reference is taken
 *
 * Return: 0, also when there is room already; -ENOMEM.
 */
int ink_states_begin(struct ink_states *states, struct ink_model *model)
{
	void *data;

	if (states->model)
		return 0;
	data = ink_port_zalloc(model->plan->state_size);
	if (!data)
		return -ENOMEM;
	refcount_inc(&model->refs);
	*states = (struct ink_states){ .model = model, .data = data, .pending = INK_NO_TOKEN };
	return 0;
}

/* Forget all, and the model with it. */
void ink_states_drop(struct ink_states *states)
{
	if (!states->model)
		return;
	kvfree_sensitive(states->data, states->model->plan->state_size);
	ink_model_put(states->model);
	*states = (struct ink_states){ .pending = INK_NO_TOKEN };
}

/**
 * ink_session_reset() - forget tokens
 * @session: that is bound
 * @tokens: how many of the first to keep; 0: all is zeroed
 *
 * Return: 0, -ENOTCONN, -EINVAL not so many are held, -ERESTARTSYS.
 */
int ink_session_reset(struct ink_session *session, u32 tokens)
{
	struct ink_states *states = &session->states;
	int err = 0;

	if (mutex_lock_interruptible(&session->lock))
		return -ERESTARTSYS;
	if (!session->slot) {
		err = -ENOTCONN;
	} else if (!tokens) {
		ink_states_drop(states);
	} else if (tokens > states->position) {
		err = -EINVAL;
	} else {
		states->position = tokens;
		states->pending = INK_NO_TOKEN;
	}
	mutex_unlock(&session->lock);
	return err;
}

static int states_copy(struct ink_session *to, const struct ink_session *from, u32 tokens)
{
	struct ink_states copy = { .model = NULL };
	int err;

	if (!to->slot || !from->slot)
		return -ENOTCONN;
	if (to->slot != from->slot || tokens > from->states.position)
		return -EINVAL;
	if (!from->states.model)
		return -ENODATA;
	err = ink_states_begin(&copy, from->states.model);
	if (err)
		return err;
	memcpy(copy.data, from->states.data, copy.model->plan->state_size);
	copy.position = tokens ?: from->states.position;
	if (!tokens)
		copy.pending = from->states.pending;
	ink_states_drop(&to->states);
	to->states = copy;
	return 0;
}

/**
 * ink_session_fork() - remember what another session does
 * @to: session that is bound
 * @from: another one, of the same slot
 * @tokens: of its first; 0: all
 *
 * Return: 0, -EINVAL, -ENOTCONN, -ENODATA it remembers nothing, -ENOMEM,
 * -ERESTARTSYS.
 */
int ink_session_fork(struct ink_session *to, struct ink_session *from, u32 tokens)
{
	struct ink_session *first = to < from ? to : from, *second = to < from ? from : to;
	int err = -ERESTARTSYS;

	if (to == from)
		return -EINVAL;
	if (mutex_lock_interruptible(&first->lock))
		return -ERESTARTSYS;
	if (!mutex_lock_interruptible_nested(&second->lock, SINGLE_DEPTH_NESTING)) {
		err = states_copy(to, from, tokens);
		mutex_unlock(&second->lock);
	}
	mutex_unlock(&first->lock);
	return err;
}

/* Is it a language model, and does the request make sense? */
static int generation_check(const struct ink_generation *gen, const struct ink_plan *plan)
{
	const struct inkling_header *header = plan->graph->header;
	const struct ink_tensor *in = &plan->graph->tensors[header->input];
	const struct ink_tensor *out = &plan->graph->tensors[header->output];
	const struct inkling_generate *ask = &gen->ask;

	if (!plan->state_size || header->head != INKLING_HEAD_RAW ||
	    out->dtype != INKLING_INT32 || out->count > 1u << (8 * in->elem))
		return -EOPNOTSUPP;
	if (ask->flags || ask->n_tokens > INKLING_GENERATE_MAX || ask->n_prompt > plan->graph->context ||
	    ask->mult > S32_MAX || ask->shift > 62)
		return -EINVAL;
	return 0;
}

static bool generation_get(const struct ink_generation *gen, void *to, u32 at, u32 size)
{
	if (gen->batch.memory == INK_MEMORY_USER)
		return ink_user_get(to, u64_to_user_ptr(gen->ask.prompt + at), size);
	memcpy(to, gen->prompt + at, size);
	return true;
}

static bool generation_put(const struct ink_generation *gen, const void *from, u32 at, u32 size)
{
	if (gen->batch.memory == INK_MEMORY_USER)
		return ink_user_put(u64_to_user_ptr(gen->ask.tokens + at), from, size);
	memcpy(gen->tokens + at, from, size);
	return true;
}

/* The input in the arena: what is pending, and as much of the prompt from *@at on as fits. */
static int generation_input(struct ink_session *session, const struct ink_generation *gen,
			    const struct ink_plan *plan, u32 *at)
{
	u32 elem = plan->graph->tensors[plan->graph->header->input].elem;
	u32 *n = session->arena + plan->input_off, take;
	u8 *to = (u8 *)(n + 1);

	*n = 0;
	if (session->states.pending != INK_NO_TOKEN) {
		memcpy(to, &session->states.pending, elem);	/* little-endian, as all of it is */
		to += elem;
		*n = 1;
	}
	take = min(plan->graph->tokens - *n, gen->ask.n_prompt - *at);
	if (take && !generation_get(gen, to, *at * elem, take * elem))
		return -EFAULT;
	*n += take;
	*at += take;
	return 0;
}

/* One run of the model: it has read what is pending and a piece of the prompt. */
static int generation_read(struct ink_session *session, struct ink_call *call,
			   const struct ink_generation *gen, u32 *at)
{
	const struct ink_plan *plan = call->model->plan;
	int err;

	if (!ink_call_begin(call))
		return -ENODATA;
	err = generation_input(session, gen, plan, at);
	if (err) {
		ink_stats_error(call->slot->stats, INK_ERROR_FAULT);
		return err;
	}
	err = ink_session_read(session, call, &gen->batch);
	if (err)
		return err;
	ink_call_judge(call, plan, session->arena + plan->output_off);
	ink_call_account(call, false);
	ink_sample_end(call, true);
	return 0;
}

static int generation_run(struct ink_session *session, struct ink_call *call,
			  struct ink_generation *gen)
{
	const struct ink_graph *graph = call->model->graph;
	u32 elem = graph->tensors[graph->header->input].elem, at = 0, token;
	const struct inkling_generate *ask = &gen->ask;
	struct ink_choice choice = {
		.mult = ask->mult, .shift = ask->shift, .top_k = ask->top_k, .seed = ask->seed,
	};
	int err;

	if (!ask->n_prompt && session->states.pending == INK_NO_TOKEN)
		return -EINVAL;
	for (;;) {
		do {
			err = generation_read(session, call, gen, &at);
			if (err)
				return err;
		} while (at < ask->n_prompt);
		if (!ask->n_tokens)
			return 0;
		token = ink_sample(session->arena + call->model->plan->output_off,
				   graph->tensors[graph->header->output].count, &choice,
				   session->states.position);
		if (!generation_put(gen, &token, gen->batch.done * elem, elem))
			return -EFAULT;
		session->states.pending = token;
		if (++gen->batch.done == ask->n_tokens || token == ask->stop)
			return 0;
		if (ink_batch_interrupted(&gen->batch))
			return ink_batch_stop(&gen->batch, call->slot);
	}
}

/**
 * ink_session_generate() - continue a text
 * @session: that is bound
 * @gen: what is asked; @batch.done, @batch.generation and @ask.position are set
 *
 * Context: a task; sleeps, so who says @batch.nowait gets -EAGAIN.
 * Return: 0 or what struct inkling_generate lists; @batch.done tokens were
 * generated even so.
 */
int ink_session_generate(struct ink_session *session, struct ink_generation *gen)
{
	struct ink_call call __uninitialized;
	const struct ink_plan *plan;
	int err;

	gen->batch.done = 0;
	gen->ask.position = 0;
	if (gen->batch.nowait)
		return -EAGAIN;
	err = ink_session_begin(session, &gen->batch, &call);
	if (err)
		return err;
	plan = call.model->plan;
	err = generation_check(gen, plan);
	if (!err && gen->batch.memory != INK_MEMORY_USER)
		err = gen->batch.check(&gen->batch, session->buffer, plan);
	if (err)
		ink_stats_error(call.slot->stats,
				err == -ERANGE ? INK_ERROR_RANGE : INK_ERROR_SIZE);
	err = err ?: ink_session_prepare(session, call.model, &gen->batch) ?:
	      generation_run(session, &call, gen);
	gen->ask.position = session->states.position;
	ink_session_end(session, &call);
	return err;
}
