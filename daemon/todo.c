// SPDX-License-Identifier: GPL-2.0-only
/*
 * The difference between what is desired and what is; see todo.h.
 *
 * What lives here: which slots and attachments there are to be. What doesn't:
 * what is configured in a slot (todo_slot.c).
 */
#include <stdlib.h>
#include <string.h>

#include "todo.h"
#include "../tools/inkling/words.h"

bool ink_names_has(const struct ink_names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (!strcmp(names->items[i], name))
			return true;
	return false;
}

void ink_names_add(struct ink_names *names, const char *name)
{
	if (ink_names_has(names, name) || strlen(name) >= INK_TARGET_MAX)
		return;
	names->items = ink_xrealloc(names->items, names->n + 1, sizeof(*names->items));
	strcpy(names->items[names->n++], name);
}

void ink_names_clear(struct ink_names *names)
{
	free(names->items);
	memset(names, 0, sizeof(*names));
}

struct ink_step *ink_todo_add(struct ink_todo *todo, enum ink_step_kind kind,
			      const struct ink_unit *unit, const char *slot, const char *text)
{
	struct ink_step *step;

	todo->steps = ink_xrealloc(todo->steps, todo->n + 1, sizeof(*todo->steps));
	step = &todo->steps[todo->n++];
	memset(step, 0, sizeof(*step));
	step->kind = kind;
	step->unit = unit;
	snprintf(step->slot, sizeof(step->slot), "%s", slot);
	step->text = ink_xstrdup(text);
	return step;
}

void ink_todo_clear(struct ink_todo *todo)
{
	size_t i;

	for (i = 0; i < todo->n; i++)
		free(todo->steps[i].text);
	free(todo->steps);
	ink_remarks_clear(&todo->notes);
	memset(todo, 0, sizeof(*todo));
}

/* What the planner goes by. */
struct ink_planner {
	struct ink_todo *todo;
	const struct ink_config *config;
	const struct ink_actual *actual;
	const struct ink_managed *managed;
	const struct ink_names *settled;
};

static const struct ink_slot *ink_actual_slot(const struct ink_actual *actual, const char *name)
{
	const struct ink_slot *s;

	for (s = actual->slots; s && strcmp(s->name, name); s = s->next)
		;
	return s;
}

static const struct ink_hook_state *ink_actual_hook(const struct ink_actual *actual,
						    const char *target)
{
	size_t i;

	for (i = 0; i < actual->n_hooks; i++)
		if (!strcmp(actual->hooks[i].record.target, target))
			return &actual->hooks[i];
	return NULL;
}

static bool ink_planner_settled(const struct ink_planner *p, const char *slot)
{
	return p->settled && ink_names_has(p->settled, slot);
}

/* A slot as ink_step_new() will have made it. */
static void ink_slot_fresh(const struct ink_unit *u, struct ink_slot *s)
{
	uint32_t i;

	memset(s, 0, sizeof(*s));
	strcpy(s->name, u->name);
	s->contexts = ink_unit_contexts(u);
	s->mode = u->mode == INKLING_MODE_ENFORCE ? INKLING_MODE_MONITOR : u->mode;
	s->uid = u->uid;
	s->gid = u->gid;
	s->perm = u->perm;
	for (i = 1; i < INKLING_MAX_CLASSES; i++)
		s->action[i] = INKLING_ACTION_ALERT;
}

static void ink_plan_new(struct ink_planner *p, const struct ink_unit *u,
			 const struct ink_slot *fresh)
{
	struct ink_step *step = ink_todo_add(p->todo, INK_STEP_SLOT_NEW, u, u->name,
					     ink_fmt("new slot, for %s, mode %s",
						     ink_word_contexts(fresh->contexts),
						     ink_word_mode(fresh->mode)));

	step->contexts = fresh->contexts;
	step->change.set = INK_SET_MODE | INK_SET_UID | INK_SET_GID | INK_SET_PERM;
	step->change.mode = fresh->mode;
	step->change.uid = u->uid;
	step->change.gid = u->gid;
	step->change.perm = u->perm;
}

/* Is it the slot that there is now that stays? */
static bool ink_plan_keeps(const struct ink_planner *p, const struct ink_unit *u)
{
	const struct ink_slot *s = ink_actual_slot(p->actual, u->name);

	return s && (ink_planner_settled(p, u->name) || !ink_todo_is_other(u, s));
}

static void ink_plan_slot(struct ink_planner *p, const struct ink_unit *u)
{
	const struct ink_slot *s = ink_actual_slot(p->actual, u->name);
	struct ink_slot fresh;

	if (ink_planner_settled(p, u->name))
		return;
	if (ink_plan_keeps(p, u)) {
		ink_todo_slot(p->todo, u, s);
		return;
	}
	if (s)
		ink_todo_add(p->todo, INK_STEP_SLOT_DEL, u, u->name,
			     u->contexts && u->contexts != s->contexts ?
			     ink_fmt("contexts %s -> %s, which takes another slot",
				     ink_word_contexts(s->contexts), ink_word_contexts(u->contexts)) :
			     "the model has other inputs, outputs or speed, which takes another slot");
	ink_slot_fresh(u, &fresh);
	ink_plan_new(p, u, &fresh);
	ink_todo_slot(p->todo, u, &fresh);
}

static void ink_plan_enforce(struct ink_planner *p, const struct ink_unit *u)
{
	struct ink_slot fresh;

	if (ink_planner_settled(p, u->name))
		return;
	ink_slot_fresh(u, &fresh);
	ink_todo_enforce(p->todo, u, ink_plan_keeps(p, u) ? ink_actual_slot(p->actual, u->name) :
			 &fresh);
}

static void ink_plan_note(struct ink_planner *p, const char *about, const char *text,
			  const char *hint)
{
	ink_remark_add(&p->todo->notes, about, 0, text, hint);
}

/* Why what is attached isn't what is wanted, or NULL. */
static const char *ink_hook_differs(const struct ink_planner *p, const struct ink_unit *u,
				    const struct ink_hook_state *h)
{
	const struct ink_slot *s = ink_actual_slot(p->actual, u->name);

	if (!h->record.version)
		return "what is there can't be read";
	if (strcmp(h->record.slot, u->name))
		return ink_fmt("slot %s -> %s", ink_fmt_safe(h->record.slot), u->name);
	if (!s || !ink_plan_keeps(p, u) || h->record.slot_id != s->id)
		return "the slot is another one";
	if (h->record.event_limit != u->event_limit)
		return ink_fmt("event-limit %u -> %u", h->record.event_limit, u->event_limit);
	if (h->flows != u->flows)
		return ink_fmt("flows %u -> %u", h->flows, u->flows);
	if (h->record.hook != ink_target_hook(h->record.target, u->hook))
		return "hook is another one";
	if (h->record.policy.block_ns != u->block * 1000000000ull)
		return ink_fmt("block %llu -> %u",
			       (unsigned long long)h->record.policy.block_ns / 1000000000, u->block);
	if (!h->record.policy.fail_closed != !u->fail_closed)
		return ink_fmt("on-error -> %s", u->fail_closed ? "drop" : "pass");
	if (!h->record.export != !u->export)
		return ink_fmt("export -> %s", u->export ? "yes" : "no");
	return NULL;
}

static bool ink_allow_same(const struct ink_hook_state *h, const struct ink_unit *u)
{
	size_t i;

	for (i = 0; i < u->n_allow; i++)
		if (!ink_allow_has(h->allow, h->n_allow, &u->allow[i]))
			return false;
	return h->n_allow == u->n_allow;
}

static void ink_plan_step(struct ink_planner *p, enum ink_step_kind kind, const struct ink_unit *u,
			  const char *slot, const char *target, const char *text)
{
	struct ink_step *step = ink_todo_add(p->todo, kind, u, slot, text);

	snprintf(step->target, sizeof(step->target), "%s", target);
}

static void ink_plan_attach(struct ink_planner *p, const struct ink_unit *u, const char *target,
			    const struct ink_hook_state *h, const char *why)
{
	if (p->actual->held) {
		ink_plan_note(p, target, "isn't attached: `inkling panic` is in force",
			      "`inkling panic --release` ends it");
		return;
	}
	if (h && h->alive)
		ink_plan_step(p, INK_STEP_DETACH, u, u->name, target,
			      ink_fmt("detach from %s: %s", target, why));
	ink_plan_step(p, INK_STEP_ATTACH, u, u->name, target,
		      ink_fmt("attach to %s, %zu on the allow-list", target, u->n_allow));
}

static void ink_plan_target(struct ink_planner *p, const struct ink_unit *u, const char *target)
{
	const struct ink_hook_state *h = ink_actual_hook(p->actual, target);
	const char *why = h ? ink_hook_differs(p, u, h) : NULL;

	if (h && strcmp(h->record.slot, u->name) &&
	    ink_config_refuses(p->config, h->record.slot)) {
		ink_plan_note(p, target,
			      ink_fmt("stays with slot %s, whose file is refused", h->record.slot),
			      "mend or delete that file");
		return;
	}
	/* Taken off by hand since: that holds until somebody asks for the files. */
	if (ink_planner_settled(p, u->name) &&
	    (!h || h->alive || !ink_actual_slot(p->actual, u->name)))
		return;
	if (!h || !h->alive || why)
		ink_plan_attach(p, u, target, h, why);
	else if (!ink_allow_same(h, u))
		ink_plan_step(p, INK_STEP_ALLOW, u, u->name, target,
			      ink_fmt("allow-list of %s: %zu -> %zu entries", target, h->n_allow,
				      u->n_allow));
}

/* Attachments that no file asks for. */
static void ink_plan_hooks_left(struct ink_planner *p)
{
	const struct ink_hook_state *h;
	size_t i;

	for (i = 0; i < p->actual->n_hooks; i++) {
		h = &p->actual->hooks[i];
		if (ink_config_target(p->config, h->record.target) ||
		    ink_config_refuses(p->config, h->record.slot))
			continue;
		if (ink_names_has(&p->managed->targets, h->record.target))
			ink_plan_step(p, INK_STEP_DETACH, NULL, h->record.slot, h->record.target,
				      ink_fmt("detach from %s: no file asks for it",
					      h->record.target));
		else
			ink_plan_note(p, h->record.target,
				      "was attached by hand and is left alone",
				      ink_fmt("`inkling detach net %s` takes it off",
					      h->record.target));
	}
}

static void ink_plan_slots_left(struct ink_planner *p)
{
	const struct ink_slot *s;

	for (s = p->actual->slots; s; s = s->next) {
		if (ink_config_unit(p->config, s->name) || ink_config_refuses(p->config, s->name))
			continue;
		if (ink_names_has(&p->managed->slots, s->name))
			ink_todo_add(p->todo, INK_STEP_SLOT_DEL, NULL, s->name,
				     "delete the slot: its file is gone");
		else
			ink_plan_note(p, s->name, "this slot was made by hand and is left alone",
				      ink_fmt("`inkling unload %s` deletes it", s->name));
	}
}

void ink_todo_make(struct ink_todo *todo, const struct ink_config *config,
		   const struct ink_actual *actual, const struct ink_managed *managed,
		   const struct ink_names *settled)
{
	struct ink_planner p = { todo, config, actual, managed, settled };
	const struct ink_unit *u;
	size_t i, k;

	memset(todo, 0, sizeof(*todo));
	/* What a slot needs is there before an interface changes over to it. */
	for (i = 0; i < config->n; i++)
		ink_plan_slot(&p, &config->units[i]);
	if (!settled)
		ink_plan_hooks_left(&p);
	for (i = 0; i < config->n; i++) {
		u = &config->units[i];
		for (k = 0; k < u->n_targets; k++)
			ink_plan_target(&p, u, u->targets[k]);
		ink_plan_enforce(&p, u);
	}
	if (!settled)
		ink_plan_slots_left(&p);
}
