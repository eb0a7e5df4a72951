// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps that make a slot what its unit says; see todo.h.
 *
 * What lives here: one slot. What doesn't: which slots there are to be, and
 * interfaces (todo.c).
 */
#include <string.h>

#include "todo.h"
#include "../tools/inkling/words.h"

static const struct inkling_header *ink_unit_header(const struct ink_unit *u)
{
	return ink_model_header(u->opened);
}

static bool ink_slot_runs(const struct ink_slot *s, const struct ink_unit *u)
{
	return s->has_model && !memcmp(s->model.digest, ink_unit_header(u)->digest,
				       INKLING_DIGEST_SIZE);
}

bool ink_todo_is_other(const struct ink_unit *u, const struct ink_slot *s)
{
	if ((u->contexts && u->contexts != s->contexts) || s->contexts & ~ink_unit_contexts(u))
		return true;
	return s->has_model && (s->model.schema != ink_unit_header(u)->schema ||
				s->model.input_size != ink_model_input_size(u->opened) ||
				s->model.output_size != ink_model_output_size(u->opened));
}

static const char *ink_class_text(const struct ink_unit *u, uint32_t class)
{
	return class < ink_unit_header(u)->n_classes ?
		ink_fmt_safe(ink_fmt("%.31s", ink_model_card(u->opened)->classes[class])) :
		ink_fmt("%u", class);
}

/* "text, more" */
static void ink_text_more(const char **text, const char *more)
{
	*text = ink_fmt("%s%s%s", *text, **text ? ", " : "", more);
}

/* What is configured besides mode and actions; @loading: a model comes, with its threshold. */
static void ink_diff_settings(const struct ink_unit *u, const struct ink_slot *s, bool loading,
			      struct ink_slot_change *c, const char **text)
{
	uint32_t head = ink_unit_header(u)->head;
	int32_t want = u->threshold ? u->score : ink_unit_header(u)->threshold;

	if (u->uid != s->uid) {
		c->set |= INK_SET_UID;
		c->uid = u->uid;
		ink_text_more(text, ink_fmt("owner %u -> %u", s->uid, u->uid));
	}
	if (u->gid != s->gid) {
		c->set |= INK_SET_GID;
		c->gid = u->gid;
		ink_text_more(text, ink_fmt("group %u -> %u", s->gid, u->gid));
	}
	if (u->perm != s->perm) {
		c->set |= INK_SET_PERM;
		c->perm = u->perm;
		ink_text_more(text, ink_fmt("perm %04o -> %04o", s->perm, u->perm));
	}
	if (!loading && want != s->threshold) {
		c->set |= u->threshold ? INK_SET_THRESHOLD : INK_SET_THRESHOLD_DEFAULT;
		c->threshold = u->score;
		ink_text_more(text, ink_fmt("threshold %s -> %s",
					    ink_word_score(s->threshold, s->model.head),
					    ink_word_score(want, head)));
	}
}

static void ink_diff_actions(const struct ink_unit *u, const uint8_t *now,
			     struct ink_slot_change *c, const char **text)
{
	uint32_t i;

	for (i = 0; i < INKLING_MAX_CLASSES; i++) {
		if (u->action[i] == now[i])
			continue;
		c->classes |= 1u << i;
		c->action[i] = u->action[i];
		ink_text_more(text, ink_fmt("action.%s %s -> %s", ink_class_text(u, i),
					    ink_word_action(now[i]), ink_word_action(u->action[i])));
	}
}

static void ink_todo_set(struct ink_todo *todo, const struct ink_unit *u,
			 const struct ink_slot_change *c, const char *text)
{
	if (c->set || c->classes)
		ink_todo_add(todo, INK_STEP_SLOT_SET, u, u->name,
			     *text ? text : "threshold of the model")->change = *c;
}

static void ink_diff_mode(const struct ink_unit *u, const struct ink_slot *s,
			  struct ink_slot_change *c, const char **text)
{
	c->set |= INK_SET_MODE;
	c->mode = u->mode;
	ink_text_more(text, ink_fmt("mode %s -> %s", ink_word_mode(s->mode),
				    ink_word_mode(u->mode)));
}

/* Before another model comes: less is done, never more. @now: actions from then on. */
static void ink_todo_milder(struct ink_todo *todo, const struct ink_unit *u,
			    const struct ink_slot *s, uint8_t *now)
{
	struct ink_slot_change c = { 0 };
	const char *text = "";
	uint32_t i;

	for (i = 0; i < INKLING_MAX_CLASSES; i++) {
		if (u->action[i] >= now[i])
			continue;
		c.classes |= 1u << i;
		c.action[i] = u->action[i];
		ink_text_more(&text, ink_fmt("action.%u %s -> %s", i, ink_word_action(now[i]),
					     ink_word_action(u->action[i])));
		now[i] = u->action[i];
	}
	if (u->mode < s->mode)
		ink_diff_mode(u, s, &c, &text);
	ink_todo_set(todo, u, &c, text);
}

static void ink_todo_load(struct ink_todo *todo, const struct ink_unit *u,
			  const struct ink_slot *s)
{
	const struct inkling_card *card = ink_model_card(u->opened);
	const char *to = ink_fmt("%s %s (%s), threshold %s", ink_fmt_safe(card->name),
				 ink_fmt_safe(card->version),
				 ink_fmt_digest_short(ink_unit_header(u)->digest),
				 ink_word_score(u->threshold ? u->score :
						ink_unit_header(u)->threshold,
						ink_unit_header(u)->head));

	if (s->has_model)
		ink_todo_add(todo, INK_STEP_LOAD, u, u->name,
			     ink_fmt("model %s %s (%s) -> %s", ink_fmt_safe(s->model.name),
				     ink_fmt_safe(s->model.version),
				     ink_fmt_digest_short(s->model.digest), to));
	else
		ink_todo_add(todo, INK_STEP_LOAD, u, u->name, ink_fmt("model %s", to));
}

void ink_todo_slot(struct ink_todo *todo, const struct ink_unit *u, const struct ink_slot *s)
{
	bool loading = !ink_slot_runs(s, u);
	struct ink_slot_change c = { 0 };
	uint8_t now[INKLING_MAX_CLASSES];
	const char *text = "";

	memcpy(now, s->action, sizeof(now));
	if (loading) {
		ink_todo_milder(todo, u, s, now);
		ink_todo_load(todo, u, s);
	}
	if (!loading && u->mode < s->mode)
		ink_diff_mode(u, s, &c, &text);
	ink_diff_actions(u, now, &c, &text);
	ink_diff_settings(u, s, loading, &c, &text);
	if (u->mode > s->mode && u->mode != INKLING_MODE_ENFORCE)
		ink_diff_mode(u, s, &c, &text);
	ink_todo_set(todo, u, &c, text);
}

void ink_todo_enforce(struct ink_todo *todo, const struct ink_unit *u, const struct ink_slot *s)
{
	struct ink_slot_change c = { 0 };
	const char *text = "";

	if (u->mode != INKLING_MODE_ENFORCE || s->mode == INKLING_MODE_ENFORCE)
		return;
	ink_diff_mode(u, s, &c, &text);
	ink_todo_set(todo, u, &c, text);
}
