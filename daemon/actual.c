// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is, and carrying out steps; see actual.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actual.h"

/* Pins that can't be read are shown as a record of version 0. */
static void ink_actual_hooks(struct ink_actual *actual)
{
	char **all;
	size_t i, n;

	all = ink_pins_list(&n);
	actual->hooks = ink_xalloc(n, sizeof(*actual->hooks));
	for (i = 0; i < n; i++) {
		struct ink_hook_state *h = &actual->hooks[actual->n_hooks++];

		if (ink_hook_read(all[i], h)) {
			ink_hook_state_clear(h);
			memset(h, 0, sizeof(*h));
			snprintf(h->record.target, sizeof(h->record.target), "%s", all[i]);
		}
		free(all[i]);
	}
	free(all);
}

int ink_actual_read(struct ink_actual *actual, struct ink_ctl *ctl, struct ink_problem *problem)
{
	int lock;

	memset(actual, 0, sizeof(*actual));
	actual->slots = ink_slot_list(ctl);
	if (!actual->slots && errno)
		return ink_problem_library(problem);
	lock = ink_pins_lock(false);
	if (lock < 0 && lock != -ENOENT) {
		ink_actual_clear(actual);
		return ink_problem_set(problem, ink_exit_errno(lock),
				       ink_fmt("can't read %s: %s", INK_PIN_ROOT, strerror(-lock)),
				       "this needs root");
	}
	ink_actual_hooks(actual);
	ink_pins_unlock(lock);
	actual->held = ink_hook_held();
	return INK_EXIT_OK;
}

void ink_actual_clear(struct ink_actual *actual)
{
	size_t i;

	for (i = 0; i < actual->n_hooks; i++)
		ink_hook_state_clear(&actual->hooks[i]);
	free(actual->hooks);
	ink_slot_free(actual->slots);
	memset(actual, 0, sizeof(*actual));
}

static int ink_step_detach(const char *target, struct ink_problem *problem)
{
	int lock = ink_pins_lock(false), code;

	if (lock == -ENOENT)
		return INK_EXIT_OK;
	if (lock < 0)
		return ink_problem_set(problem, ink_exit_errno(lock),
				       ink_fmt("can't use %s: %s", INK_PIN_ROOT, strerror(-lock)),
				       "this needs root");
	code = ink_hook_detach(target, problem);
	ink_pins_unlock(lock);
	return code;
}

static int ink_step_attach(struct ink_ctl *ctl, const struct ink_step *step, char *remark,
			   size_t size, struct ink_problem *problem)
{
	const struct ink_unit *u = step->unit;
	struct ink_hook_spec spec = {
		.target = step->target, .event_limit = u->event_limit, .flows = u->flows,
		.mode = INK_XDP_AUTO, .via_any = true, .allow = u->allow, .n_allow = u->n_allow,
		.hook = u->hook, .block_seconds = u->block, .fail_closed = u->fail_closed,
		.export = u->export,
	};
	struct ink_slot *slot = ink_slot_get(ctl, step->slot);
	struct ink_hook_result result;
	int code;

	if (!slot)
		return ink_problem_library(problem);
	code = ink_hook_attach(&spec, slot, &result, problem);
	ink_slot_free(slot);
	if (code)
		return code;
	snprintf(remark, size, "%s", result.remark);
	/* The kill switch may have been pulled between the look at it and now. */
	if (!ink_hook_held())
		return INK_EXIT_OK;
	ink_step_detach(step->target, problem);
	return ink_problem_set(problem, INK_EXIT_REFUSED,
			       ink_fmt("%s isn't attached: `inkling panic` came", step->target),
			       "`inkling panic --release` ends it");
}

static int ink_step_new(struct ink_ctl *ctl, const struct ink_step *step,
			struct ink_problem *problem)
{
	if (!ink_slot_new(ctl, step->slot, step->contexts, &step->change, NULL))
		return INK_EXIT_OK;
	return ink_problem_refused(problem);
}

static int ink_step_load(struct ink_ctl *ctl, const struct ink_step *step,
			 struct ink_problem *problem)
{
	const struct ink_unit *u = step->unit;
	struct ink_load_options options = {
		.set = u->threshold ? INK_LOAD_THRESHOLD : 0, .threshold = u->score,
	};
	const void *image;
	size_t size;

	image = ink_model_image(u->opened, &size);
	if (!ink_load_with(ctl, image, size, step->slot, &options, NULL, NULL, NULL))
		return INK_EXIT_OK;
	return ink_problem_refused(problem);
}

static int ink_step_allow(const struct ink_step *step, struct ink_problem *problem)
{
	int err = ink_allow_replace(step->target, step->unit->allow, step->unit->n_allow);

	if (!err)
		return INK_EXIT_OK;
	return ink_problem_set(problem, ink_exit_errno(err),
			       ink_fmt("can't change the allow-list of %s: %s", step->target,
				       strerror(-err)), NULL);
}

int ink_step_apply(struct ink_ctl *ctl, const struct ink_step *step, char *remark, size_t size,
		   struct ink_problem *problem)
{
	*remark = '\0';
	switch (step->kind) {
	case INK_STEP_SLOT_NEW:
		return ink_step_new(ctl, step, problem);
	case INK_STEP_SLOT_SET:
		return ink_slot_set(ctl, step->slot, &step->change) ?
			ink_problem_refused(problem) : INK_EXIT_OK;
	case INK_STEP_LOAD:
		return ink_step_load(ctl, step, problem);
	case INK_STEP_SLOT_DEL:
		return ink_slot_del(ctl, step->slot) ? ink_problem_refused(problem) : INK_EXIT_OK;
	case INK_STEP_ATTACH:
		return ink_step_attach(ctl, step, remark, size, problem);
	case INK_STEP_ALLOW:
		return ink_step_allow(step, problem);
	case INK_STEP_DETACH:
		return ink_step_detach(step->target, problem);
	}
	return INK_EXIT_FAILED;
}
