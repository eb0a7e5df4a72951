/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The difference between what is desired and what is: a list of steps.
 *
 * What lives here: the steps and their order, made by a function that looks at
 * nothing but its arguments. What doesn't: reading the kernel's state
 * (actual.h) and carrying steps out (apply.h).
 *
 * The order of the steps of a slot keeps two promises. No packet goes
 * unjudged because of a new model: it is loaded into the slot, which is one
 * pointer. And nothing is dropped that neither the old nor the new description
 * would drop: leaving enforcement comes first, going to it comes last, and the
 * actions that hold while a model changes are the milder ones of both.
 */
#ifndef INK_TODO_H
#define INK_TODO_H

#include "config.h"

/* Names, of slots or interfaces. */
struct ink_names {
	char (*items)[INK_TARGET_MAX];
	size_t n;
};

bool ink_names_has(const struct ink_names *names, const char *name);
void ink_names_add(struct ink_names *names, const char *name);
void ink_names_clear(struct ink_names *names);

/**
 * struct ink_managed - what was put there for the sake of slot files
 * @slots: names
 * @targets: interfaces
 */
struct ink_managed {
	struct ink_names slots;
	struct ink_names targets;
};

/**
 * struct ink_actual - what there is
 * @slots: as the kernel lists them
 * @hooks: what is attached; a record of version 0: it can't be read
 * @n_hooks: of @hooks
 * @held: nothing may be attached: `inkling panic` is in force
 */
struct ink_actual {
	struct ink_slot *slots;
	struct ink_hook_state *hooks;
	size_t n_hooks;
	bool held;
};

enum ink_step_kind {
	INK_STEP_SLOT_NEW,
	INK_STEP_SLOT_SET,
	INK_STEP_LOAD,
	INK_STEP_SLOT_DEL,
	INK_STEP_ATTACH,
	INK_STEP_ALLOW,
	INK_STEP_DETACH,
};

/**
 * struct ink_step - one thing to do
 * @kind: of it
 * @unit: that asks for it, or NULL
 * @slot: name
 * @target: interface, where there is one
 * @contexts: of a new slot
 * @change: what is set
 * @text: for people: what changes, from what to what
 */
struct ink_step {
	enum ink_step_kind kind;
	const struct ink_unit *unit;
	char slot[INKLING_SLOT_NAME_MAX];
	char target[INK_TARGET_MAX];
	uint32_t contexts;
	struct ink_slot_change change;
	char *text;
};

/**
 * struct ink_todo - the list
 * @steps: in their order
 * @n: of @steps
 * @notes: what isn't done, and why
 */
struct ink_todo {
	struct ink_step *steps;
	size_t n;
	struct ink_remarks notes;
};

/**
 * ink_todo_make() - what has to be done
 * @todo: set
 * @config: what is desired
 * @actual: what is
 * @managed: what was put there earlier
 * @settled: slots that are only to be repaired, or NULL: of these nothing is
 *	done but attaching again where an interface has come back
 */
void ink_todo_make(struct ink_todo *todo, const struct ink_config *config,
		   const struct ink_actual *actual, const struct ink_managed *managed,
		   const struct ink_names *settled);
void ink_todo_clear(struct ink_todo *todo);

/* For the files of the planner. */
struct ink_step *ink_todo_add(struct ink_todo *todo, enum ink_step_kind kind,
			      const struct ink_unit *unit, const char *slot, const char *text);
void ink_todo_slot(struct ink_todo *todo, const struct ink_unit *unit,
		   const struct ink_slot *slot);
/* The last of a slot's steps, when it goes to enforcement. */
void ink_todo_enforce(struct ink_todo *todo, const struct ink_unit *unit,
		      const struct ink_slot *slot);
/* Would the slot have to be made anew, since what differs can't be changed? */
bool ink_todo_is_other(const struct ink_unit *unit, const struct ink_slot *slot);

#endif /* INK_TODO_H */
