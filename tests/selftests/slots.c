// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots over netlink: create, change, list, roll back, delete, and the news of
 * all that.
 */
#include "st.h"
#include "ctl.h"

#include <linux/inkling_netlink.h>

static struct image flow, variant, mix;

static void creation(struct ink_ctl *ctl)
{
	static const char * const bad[] = { ".x", "Upper", "a b", "a/b", "caf\xc3\xa9" };
	struct ink_slot_change change = { .set = INK_SET_MODE, .mode = 3 };
	struct ink_slot *slot;
	struct nl_msg *msg;
	u32 id = 0, again = 0, i;

	st_fine(ink_slot_new(ctl, "net.flow_1-a", INKLING_CTX_SOFTIRQ, NULL, &id), "slot-new");
	slot = ink_slot_get(ctl, "net.flow_1-a");
	st_ok(slot && slot->id == id && slot->contexts == INKLING_CTX_SOFTIRQ &&
	      slot->mode == INKLING_MODE_MONITOR && slot->uid == 0 && slot->gid == 0 &&
	      slot->perm == 0700 && slot->action[0] == INKLING_ACTION_PASS &&
	      slot->action[1] == INKLING_ACTION_ALERT && slot->action[15] == INKLING_ACTION_ALERT &&
	      !slot->has_model && !slot->has_previous && !slot->stats.runs,
	      "a new slot has the values that are documented");
	ink_slot_free(slot);
	st_refused(ink_slot_new(ctl, "net.flow_1-a", INKLING_CTX_TASK, NULL, NULL), EEXIST,
		   "slot net.flow_1-a exists already: change it", "slot-new: twice");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		msg = ink_ctl_request(ctl, INKLING_CMD_SLOT_NEW, NLM_F_ACK, 256);
		nla_put_string(msg, INKLING_A_SLOT_NAME, bad[i]);
		nla_put_u32(msg, INKLING_A_SLOT_CONTEXTS, 1);
		st_refused(ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, "new", NULL, NULL), EINVAL,
			   "1 to 31 of a-z 0-9 . _ -", "slot-new: name '%s'", bad[i]);
	}
	msg = ink_ctl_request(ctl, INKLING_CMD_SLOT_NEW, NLM_F_ACK, 256);
	nla_put_string(msg, INKLING_A_SLOT_NAME, "");
	nla_put_u32(msg, INKLING_A_SLOT_CONTEXTS, 1);
	st_refused(ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, "new", NULL, NULL), EINVAL, "1 to 31",
		   "slot-new: empty name");
	msg = ink_ctl_request(ctl, INKLING_CMD_SLOT_NEW, NLM_F_ACK, 256);
	nla_put_string(msg, INKLING_A_SLOT_NAME, "abcdefghijabcdefghijabcdefghijxy");
	nla_put_u32(msg, INKLING_A_SLOT_CONTEXTS, 1);
	st_ok(ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, "new", NULL, NULL) < 0,
	      "slot-new: a name of 32 characters");
	st_fine(ink_slot_new(ctl, "abcdefghijabcdefghijabcdefghijx", 1, NULL, NULL),
		"slot-new: a name of 31 characters");
	st_fine(ink_slot_del(ctl, "abcdefghijabcdefghijabcdefghijx"), "slot-del");
	st_refused(ink_slot_new(ctl, "x", 0, NULL, NULL), EINVAL, "contexts 0", "slot-new: no context");
	st_refused(ink_slot_new(ctl, "x", 8, NULL, NULL), EINVAL, "mask of 1 task, 2 softirq, 4 hardirq",
		   "slot-new: unknown context");
	st_ok(ink_slot_new(ctl, "x", 1, &change, NULL) < 0, "slot-new: unknown mode");
	st_fine(ink_slot_del(ctl, "net.flow_1-a"), "slot-del");
	st_refused(ink_slot_del(ctl, "net.flow_1-a"), ENOENT, "there is no slot net.flow_1-a",
		   "slot-del: twice");
	st_fine(ink_slot_new(ctl, "second", INKLING_CTX_TASK, NULL, &again), "slot-new in its place");
	st_ok((again & INKLING_SLOT_INDEX_MASK) == (id & INKLING_SLOT_INDEX_MASK) && again != id,
	      "the same index gets another id: %#x, %#x", id, again);
	ink_slot_del(ctl, "second");
}

static void changes(struct ink_ctl *ctl)
{
	struct ink_slot_change c = {
		.set = INK_SET_MODE | INK_SET_THRESHOLD | INK_SET_UID | INK_SET_GID | INK_SET_PERM,
		.mode = INKLING_MODE_OFF, .threshold = -7, .uid = 1000, .gid = 100, .perm = 0751,
		.classes = 1 << 1 | 1 << 15,
		.action = { [1] = INKLING_ACTION_DROP, [15] = INKLING_ACTION_PASS },
	};
	struct ink_slot *slot;

	st_slot(ctl, "set", INKLING_CTX_TASK);
	st_refused(ink_slot_set(ctl, "set", &c), ENODATA, "slot set has no model whose threshold",
		   "slot-set: a threshold without a model");
	slot = ink_slot_get(ctl, "set");
	st_ok(slot && slot->mode == INKLING_MODE_ENFORCE && slot->uid == 0 && slot->perm == 0700,
	      "nothing else was set either");
	ink_slot_free(slot);
	st_ok(ink_slot_new(ctl, "other", INKLING_CTX_TASK, &c, NULL) < 0,
	      "slot-new: a threshold without a model");
	st_load(ctl, "set", &flow);
	st_fine(ink_slot_set(ctl, "set", &c), "slot-set of everything");
	slot = ink_slot_get(ctl, "set");
	st_ok(slot && slot->mode == INKLING_MODE_OFF && slot->threshold == -7 &&
	      slot->uid == 1000 && slot->gid == 100 && slot->perm == 0751 &&
	      slot->action[0] == INKLING_ACTION_PASS && slot->action[1] == INKLING_ACTION_DROP &&
	      slot->action[2] == INKLING_ACTION_ALERT && slot->action[15] == INKLING_ACTION_PASS,
	      "what was set is told, what wasn't has stayed");
	ink_slot_free(slot);
	c = (struct ink_slot_change){ .set = INK_SET_THRESHOLD_DEFAULT };
	st_fine(ink_slot_set(ctl, "set", &c), "slot-set: threshold-default");
	slot = ink_slot_get(ctl, "set");
	st_ok(slot && slot->threshold == 16384 && slot->mode == INKLING_MODE_OFF,
	      "the model's own threshold is in force again");
	ink_slot_free(slot);
	c.set = INK_SET_THRESHOLD_DEFAULT | INK_SET_THRESHOLD;
	st_refused(ink_slot_set(ctl, "set", &c), EINVAL, "exclude each other",
		   "slot-set: both thresholds");
	c = (struct ink_slot_change){ .set = INK_SET_PERM, .perm = 01000 };
	st_refused(ink_slot_set(ctl, "set", &c), EINVAL, "perm 01000: has to be 0 to 0777",
		   "slot-set: perm");
	c = (struct ink_slot_change){ .set = INK_SET_UID, .uid = -1 };
	st_refused(ink_slot_set(ctl, "set", &c), EINVAL, "nobody's uid", "slot-set: uid -1");
	c = (struct ink_slot_change){ .set = INK_SET_GID, .gid = -1 };
	st_refused(ink_slot_set(ctl, "set", &c), EINVAL, "gid", "slot-set: gid -1");
	c = (struct ink_slot_change){ .classes = 1, .action[0] = 3 };
	st_ok(ink_slot_set(ctl, "set", &c) < 0, "slot-set: unknown action");
	c = (struct ink_slot_change){ .set = INK_SET_MODE, .mode = 1 };
	st_refused(ink_slot_set(ctl, "nowhere", &c), ENOENT, "there is no slot nowhere",
		   "slot-set: no such slot");
	ink_slot_del(ctl, "set");
}

static void class_actions(struct ink_ctl *ctl)
{
	struct nl_msg *msg;
	struct nlattr *nest;
	int i;

	st_slot(ctl, "set", INKLING_CTX_TASK);
	for (i = 0; i < 3; i++) {
		msg = ink_ctl_request(ctl, INKLING_CMD_SLOT_SET, NLM_F_ACK, 256);
		nla_put_string(msg, INKLING_A_SLOT_NAME, "set");
		nest = nla_nest_start(msg, INKLING_A_SLOT_CLASS_ACTION);
		if (i != 0)
			nla_put_u32(msg, INKLING_A_CLASS_ACTION_CLASS, i == 2 ? 16 : 1);
		if (i != 1)
			nla_put_u32(msg, INKLING_A_CLASS_ACTION_ACTION, 1);
		nla_nest_end(msg, nest);
		st_refused(ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, "set", NULL, NULL), EINVAL,
			   i == 2 ? "class 16: has to be 0 to 15" : "needs both class and action",
			   "slot-set: class-action, wrong in way %d", i);
	}
	ink_slot_del(ctl, "set");
}

static u32 current_generation(struct ink_ctl *ctl, const char *name, u32 *previous)
{
	struct ink_slot *slot = ink_slot_get(ctl, name);
	u32 generation = slot && slot->has_model ? slot->model.generation : 0;

	*previous = slot && slot->has_previous ? slot->previous.generation : 0;
	ink_slot_free(slot);
	return generation;
}

static void rollback(struct ink_ctl *ctl)
{
	u32 previous;

	st_slot(ctl, "back", INKLING_CTX_TASK);
	st_refused(ink_slot_rollback(ctl, "back"), ENODATA, "slot back has no previous model",
		   "slot-rollback: nothing was loaded");
	st_load(ctl, "back", &flow);
	st_refused(ink_slot_rollback(ctl, "back"), ENODATA, "no previous model",
		   "slot-rollback: one model only");
	st_load(ctl, "back", &variant);
	st_ok(current_generation(ctl, "back", &previous) == 2 && previous == 1, "a second model");
	st_fine(ink_slot_rollback(ctl, "back"), "slot-rollback");
	st_ok(current_generation(ctl, "back", &previous) == 1 && previous == 2,
	      "the first one is back, the second can be had again");
	st_fine(ink_slot_rollback(ctl, "back"), "slot-rollback once more");
	st_ok(current_generation(ctl, "back", &previous) == 2 && previous == 1, "and forth");
	st_refused(ink_load(ctl, mix.p, mix.size, "back", NULL, NULL, NULL, NULL), EINVAL,
		   "use a slot of its own", "a model of another schema or shape");
	st_ok(strstr(ink_failure_last()->text, "slot back has") != NULL,
	      "both are named: %s", ink_failure_last()->text);
	st_ok(current_generation(ctl, "back", &previous) == 2 && previous == 1,
	      "the refused model has changed nothing");
	st_load(ctl, "back", &flow);
	st_ok(current_generation(ctl, "back", &previous) == 3 && previous == 2,
	      "generations are never used again");
	st_refused(ink_slot_rollback(ctl, "nowhere"), ENOENT, "there is no slot nowhere",
		   "slot-rollback: no such slot");
	ink_slot_del(ctl, "back");
}

/* The default of max_slots. */
#define MAX_SLOTS	256

static void table_full(struct ink_ctl *ctl)
{
	struct ink_slot *slots, *s;
	char name[32];
	u32 i, n = 0;
	int err = 0;

	st_refused(ink_slot_get(ctl, "nowhere") ? 0 : -ink_failure_last()->code, ENOENT,
		   "there is no slot nowhere: create it", "slot-get: no such slot");
	for (i = 0; !err && i < MAX_SLOTS + 1; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		err = ink_slot_new(ctl, name, INKLING_CTX_TASK, NULL, NULL);
	}
	st_refused(err, ENOSPC, "all 256 slots are in use: delete one", "slot-new: table full");
	st_is(i, MAX_SLOTS + 1, "so many slots were made");
	st_load(ctl, "s7", &flow);
	st_load(ctl, "s255", &flow);
	slots = ink_slot_list(ctl);
	for (s = slots; s; s = s->next)
		n += s->name[0] == 's' && (u32)atoi(s->name + 1) == n &&
		     s->has_model == (n == 7 || n == 255);
	st_is(n, MAX_SLOTS, "a dump over many messages has them all, in order");
	ink_slot_free(slots);
	for (i = 0; i < MAX_SLOTS; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		ink_slot_del(ctl, name);
	}
	st_ok(!ink_slot_list(ctl) && !errno, "all are deleted");
}

static void expect_event(struct ink_watch *watch, u32 event, u32 generation)
{
	struct ink_slot *slot = ink_watch_next(watch);

	st_ok(slot && slot->event == event && !strcmp(slot->name, "watched") &&
	      (slot->has_model ? slot->model.generation : 0) == generation,
	      "news of command %u, model %u", event, generation);
	ink_slot_free(slot);
}

static void news(struct ink_ctl *ctl)
{
	struct ink_slot_change c = { .set = INK_SET_MODE, .mode = INKLING_MODE_MONITOR };
	struct ink_watch *watch = ink_watch_open();

	if (!watch)
		st_bail("watch: %s", ink_failure_last()->text);
	ink_slot_new(ctl, "watched", INKLING_CTX_TASK, NULL, NULL);
	st_load(ctl, "watched", &flow);
	st_load(ctl, "watched", &variant);
	ink_load(ctl, mix.p, mix.size, "watched", NULL, NULL, NULL, NULL);
	ink_slot_rollback(ctl, "watched");
	ink_slot_set(ctl, "watched", &c);
	ink_slot_del(ctl, "watched");
	expect_event(watch, INKLING_CMD_SLOT_NEW, 0);
	expect_event(watch, INKLING_CMD_LOAD_COMMIT, 1);
	expect_event(watch, INKLING_CMD_LOAD_COMMIT, 2);
	expect_event(watch, INKLING_CMD_SLOT_ROLLBACK, 1);
	expect_event(watch, INKLING_CMD_SLOT_SET, 1);
	expect_event(watch, INKLING_CMD_SLOT_DEL, 1);
	ink_watch_close(watch);
}

static void attributes(struct ink_ctl *ctl)
{
	static const u32 cmds[] = {
		INKLING_CMD_SLOT_NEW, INKLING_CMD_SLOT_DEL, INKLING_CMD_SLOT_SET,
		INKLING_CMD_SLOT_GET, INKLING_CMD_SLOT_ROLLBACK,
	};
	struct nl_msg *msg;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		msg = ink_ctl_request(ctl, cmds[i], NLM_F_ACK, 256);
		st_refused(ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, "ask", NULL, NULL), EINVAL,
			   "attribute name is missing", "command %u: no name", cmds[i]);
	}
	msg = ink_ctl_request(ctl, INKLING_CMD_SLOT_NEW, NLM_F_ACK, 256);
	nla_put_string(msg, INKLING_A_SLOT_NAME, "x");
	st_refused(ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, "ask", NULL, NULL), EINVAL,
		   "attribute contexts is missing", "slot-new: no contexts");
	msg = ink_ctl_request(ctl, INKLING_CMD_SLOT_GET, NLM_F_ACK, 256);
	nla_put_string(msg, INKLING_A_SLOT_NAME, "x");
	nla_put_u32(msg, INKLING_A_SLOT_ID, 1);
	st_ok(ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, "ask", NULL, NULL) < 0,
	      "slot-get: an attribute that it doesn't take");
	msg = ink_ctl_request(ctl, 77, NLM_F_ACK, 256);
	st_ok(ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, "ask", NULL, NULL) < 0, "an unknown command");
}

int main(void)
{
	struct ink_ctl *ctl = st_ctl();

	flow = model_image(MODEL_FLOW);
	variant = flow_variant(1);
	mix = model_image(MODEL_MIX);
	creation(ctl);
	changes(ctl);
	class_actions(ctl);
	rollback(ctl);
	table_full(ctl);
	news(ctl);
	attributes(ctl);
	ink_ctl_close(ctl);
	return st_done();
}
