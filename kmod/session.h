/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session from inside: what session.c and generate.c share.
 */
#ifndef INK_SESSION_H
#define INK_SESSION_H

#include "call.h"

#define INK_NO_TOKEN	U32_MAX

/**
 * struct ink_states - what a session of a model with states remembers
 * @model: whose they are, with a reference; or NULL: nothing is remembered
 * @data: of the model's plan->state_size bytes
 * @position: tokens that the model has read
 * @pending: token that was generated last, which the model hasn't read yet, or
 *	INK_NO_TOKEN
 */
struct ink_states {
	struct ink_model *model;
	void *data;
	u32 position;
	u32 pending;
};

/**
 * struct ink_session - an open file
 * @lock: of all of it but @buffer
 * @slot: or NULL while it isn't bound; holds a reference
 * @arena: 64-byte aligned
 * @arena_size: bytes of @arena
 * @states: of a model with states
 * @buffer: or NULL; set once, by bind. Not under @lock, since mmap() has the
 *	lock of the address space, which is taken under @lock by page faults
 */
struct ink_session {
	struct mutex lock;
	struct ink_slot *slot;
	void *arena;
	u32 arena_size;
	struct ink_states states;
	struct ink_buffer *buffer;
};

/* session.c: from begin to end under @lock, with a model */
int ink_session_begin(struct ink_session *session, struct ink_batch *batch, struct ink_call *call);
void ink_session_end(struct ink_session *session, struct ink_call *call);
int ink_session_prepare(struct ink_session *session, struct ink_model *model,
			const struct ink_batch *batch);
int ink_session_read(struct ink_session *session, struct ink_call *call,
		     const struct ink_batch *batch);
bool ink_user_get(void *to, const void __user *from, u32 size);
bool ink_user_put(void __user *to, const void *from, u32 size);
int ink_batch_stop(const struct ink_batch *batch, struct ink_slot *slot);
bool ink_batch_interrupted(const struct ink_batch *batch);

/* generate.c */
int ink_states_begin(struct ink_states *states, struct ink_model *model);
void ink_states_drop(struct ink_states *states);

#endif /* INK_SESSION_H */
