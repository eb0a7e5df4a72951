// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making the kernel follow the slot files; see reconcile.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "actual.h"
#include "journal.h"
#include "reconcile.h"

static void ink_daemon_status(struct ink_daemon *d, const char *text)
{
	if (!strcmp(d->status, text))
		return;
	snprintf(d->status, sizeof(d->status), "%s", text);
	ink_say(d->waiting ? LOG_WARNING : LOG_INFO, INK_MSG_STATUS, NULL, NULL, d->status);
}

/* Say something that stays true only once, until the files are read again. */
static void ink_daemon_once(struct ink_daemon *d, const char *id, const char *text)
{
	size_t i;

	for (i = 0; i < d->n_said; i++)
		if (!strcmp(d->said[i], text))
			return;
	d->said = ink_xrealloc(d->said, d->n_said + 1, sizeof(*d->said));
	d->said[d->n_said++] = ink_xstrdup(text);
	ink_say(LOG_WARNING, id, NULL, NULL, text);
}

static void ink_daemon_forget(struct ink_daemon *d)
{
	size_t i;

	for (i = 0; i < d->n_said; i++)
		free(d->said[i]);
	free(d->said);
	d->said = NULL;
	d->n_said = 0;
}

static void ink_daemon_remarks(struct ink_daemon *d, const struct ink_remarks *r, const char *id)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		ink_daemon_once(d, id, ink_fmt("%s%s%s", ink_remark_text(&r->items[i]),
					       *r->items[i].hint ? "; " : "", r->items[i].hint));
}

/* Return: what is desired is known. */
static bool ink_daemon_read(struct ink_daemon *d)
{
	struct ink_config config;
	int err = ink_config_read(&config, &d->slots_dir, 1, d->store);

	ink_daemon_forget(d);
	ink_daemon_remarks(d, &config.remarks, INK_MSG_REFUSED);
	if (err) {
		/* A folder that can't be read says nothing, least of all that it is empty. */
		ink_config_clear(&config);
		return d->known;
	}
	ink_config_clear(&d->config);
	d->config = config;
	d->known = true;
	ink_names_clear(&d->settled);
	return true;
}

/* Which instance of the module is loaded; 0: none. */
static uint64_t ink_module_instance(void)
{
	struct stat st;

	return stat("/sys/module/inkling", &st) ? 0 : (uint64_t)st.st_ino;
}

/* Write down what is about to be ours before it is made. */
static int ink_daemon_claim(struct ink_daemon *d, struct ink_managed *m)
{
	size_t i, k;
	int err = ink_managed_read(m, d->state);

	if (err == -EBADMSG)
		ink_daemon_once(d, INK_MSG_LEFT,
				ink_fmt("%s/managed is damaged: slots and attachments of files that are gone "
					"by now stay", d->state));
	for (i = 0; i < d->config.n; i++) {
		const struct ink_unit *u = &d->config.units[i];

		ink_names_add(&m->slots, u->name);
		for (k = 0; k < u->n_targets; k++)
			ink_names_add(&m->targets, u->targets[k]);
	}
	return ink_managed_write(m, d->state);
}

static bool ink_names_drop(struct ink_names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (!strcmp(names->items[i], name)) {
			memmove(&names->items[i], &names->items[i + 1],
				(--names->n - i) * sizeof(*names->items));
			return true;
		}
	return false;
}

/* What was taken away for good is nobody's any more. */
static void ink_daemon_release(struct ink_daemon *d, struct ink_managed *m,
			       const struct ink_step *step)
{
	if (step->unit)
		return;
	if (step->kind == INK_STEP_SLOT_DEL)
		ink_names_drop(&m->slots, step->slot);
	else if (step->kind == INK_STEP_DETACH)
		ink_names_drop(&m->targets, step->target);
}

static void ink_daemon_failed(struct ink_daemon *d, const struct ink_step *step,
			      const struct ink_problem *problem)
{
	ink_daemon_once(d, INK_MSG_FAILED,
			ink_fmt("%s: %s: failed: %s%s%s", step->slot, step->text, problem->text,
				*problem->hint ? "; " : "", problem->hint));
}

static void ink_daemon_done(const struct ink_step *step, const char *remark)
{
	const char *model = step->unit && step->unit->opened ?
		ink_fmt_digest(ink_model_header(step->unit->opened)->digest) : NULL;

	ink_say(LOG_NOTICE, INK_MSG_CHANGE, step->slot, model,
		*remark ? ink_fmt("%s (%s)", step->text, remark) : step->text);
}

/* Carry the steps out; after a failure, a slot's later ones wait for the next pass. */
static void ink_daemon_steps(struct ink_daemon *d, struct ink_ctl *ctl, const struct ink_todo *todo,
			     struct ink_managed *m, struct ink_names *failed)
{
	struct ink_problem problem;
	char remark[512];
	size_t i;

	for (i = 0; i < todo->n; i++) {
		const struct ink_step *step = &todo->steps[i];

		if (ink_names_has(failed, step->slot))
			continue;
		if (ink_step_apply(ctl, step, remark, sizeof(remark), &problem)) {
			ink_names_add(failed, step->slot);
			ink_daemon_failed(d, step, &problem);
			continue;
		}
		d->steps++;
		ink_daemon_done(step, remark);
		ink_daemon_release(d, m, step);
	}
}

static void ink_daemon_settle(struct ink_daemon *d, const struct ink_names *failed)
{
	size_t i;

	for (i = 0; i < d->config.n; i++)
		if (!ink_names_has(failed, d->config.units[i].name))
			ink_names_add(&d->settled, d->config.units[i].name);
	d->waiting = failed->n > 0;
	ink_daemon_status(d, ink_fmt("%zu slots as their files say%s%s", d->settled.n,
				     failed->n ? ink_fmt(", %zu waiting", failed->n) : "",
				     d->config.n_refused ?
				     ink_fmt(", %zu files refused", d->config.n_refused) : ""));
}

static void ink_daemon_work(struct ink_daemon *d, struct ink_ctl *ctl, bool reread)
{
	struct ink_names failed = { 0 };
	struct ink_actual actual;
	struct ink_problem problem;
	struct ink_managed m;
	struct ink_todo todo;
	int err;

	d->waiting = true;
	if (ink_actual_read(&actual, ctl, &problem)) {
		ink_daemon_status(d, ink_fmt("%s%s%s", problem.text, *problem.hint ? "; " : "",
					     problem.hint));
		return;
	}
	err = ink_daemon_claim(d, &m);
	if (err) {
		ink_daemon_status(d, ink_fmt("can't write %s/managed: %s: nothing is changed",
					     d->state, strerror(-err)));
	} else {
		ink_todo_make(&todo, &d->config, &actual, &m, reread ? NULL : &d->settled);
		ink_daemon_remarks(d, &todo.notes, INK_MSG_LEFT);
		ink_daemon_steps(d, ctl, &todo, &m, &failed);
		ink_managed_write(&m, d->state);
		ink_daemon_settle(d, &failed);
		ink_todo_clear(&todo);
	}
	ink_names_clear(&failed);
	ink_managed_clear(&m);
	ink_actual_clear(&actual);
}

void ink_daemon_pass(struct ink_daemon *d, bool reread)
{
	uint64_t module = ink_module_instance();
	struct ink_ctl *ctl;

	d->steps = 0;
	if ((reread || !d->known) && !ink_daemon_read(d)) {
		d->waiting = true;
		ink_daemon_status(d, ink_fmt("%s can't be read", d->slots_dir));
		return;
	}
	ctl = module ? ink_ctl_open() : NULL;
	if (!ctl) {
		d->waiting = true;
		ink_daemon_status(d, module ? ink_fmt("can't reach the module: %s",
						      ink_failure_last()->text) :
				  "the module inkling isn't loaded: waiting for it (modprobe inkling)");
		return;
	}
	/* What another instance had went with it, also what was changed by hand. */
	if (module != d->module)
		ink_names_clear(&d->settled);
	reread |= module != d->module;
	d->module = module;
	ink_daemon_work(d, ctl, reread);
	ink_ctl_close(ctl);
}

void ink_daemon_clear(struct ink_daemon *d)
{
	ink_config_clear(&d->config);
	ink_names_clear(&d->settled);
	ink_daemon_forget(d);
}
