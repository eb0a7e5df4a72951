// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Slots over generic netlink: create, delete, change, roll back, promote.
 *
 * What lives here: requests that change a slot, and asking for slots. What
 * doesn't: reading the answer (slot_parse.c), images (load.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl.h"

#define ROOM	2048	/* for the attributes of a change with all classes */

/* A request that carries a slot's name; NULL with the failure set. */
static struct nl_msg *slot_request(struct ink_ctl *ctl, enum inkling_cmd cmd, int flags,
				   const char *name)
{
	struct nl_msg *msg;

	if (ink_ctl_check_name(name))
		return NULL;
	msg = ink_ctl_request(ctl, cmd, flags, ROOM);
	if (msg && nla_put_string(msg, INKLING_A_SLOT_NAME, name)) {
		ink_ctl_no_room(msg);
		return NULL;
	}
	return msg;
}

static int slot_simple(struct ink_ctl *ctl, enum inkling_cmd cmd, const char *verb,
		       const char *name)
{
	char what[64];

	snprintf(what, sizeof(what), "%s slot %.32s", verb, name);
	return ink_ctl_call(ctl, slot_request(ctl, cmd, NLM_F_ACK, name), INK_ATTRS_SLOT, what,
			    NULL, NULL);
}

int ink_slot_del(struct ink_ctl *ctl, const char *name)
{
	return slot_simple(ctl, INKLING_CMD_SLOT_DEL, "delete", name);
}

int ink_slot_rollback(struct ink_ctl *ctl, const char *name)
{
	return slot_simple(ctl, INKLING_CMD_SLOT_ROLLBACK, "roll back", name);
}

int ink_slot_promote(struct ink_ctl *ctl, const char *name)
{
	return slot_simple(ctl, INKLING_CMD_SLOT_PROMOTE, "promote the shadow of", name);
}

int ink_slot_shadow_drop(struct ink_ctl *ctl, const char *name)
{
	return slot_simple(ctl, INKLING_CMD_SLOT_SHADOW_DROP, "drop the shadow of", name);
}

/* Non-zero when there is no room. */
static int put_actions(struct nl_msg *msg, const struct ink_slot_change *c)
{
	struct nlattr *nest;
	u32 i;

	for (i = 0; i < INKLING_MAX_CLASSES; i++) {
		if (!(c->classes & (1u << i)))
			continue;
		nest = nla_nest_start(msg, INKLING_A_SLOT_CLASS_ACTION);
		if (!nest || nla_put_u32(msg, INKLING_A_CLASS_ACTION_CLASS, i) ||
		    nla_put_u32(msg, INKLING_A_CLASS_ACTION_ACTION, c->action[i]))
			return -1;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int put_change(struct nl_msg *msg, const struct ink_slot_change *c)
{
	if ((c->set & INK_SET_MODE && nla_put_u32(msg, INKLING_A_SLOT_MODE, c->mode)) ||
	    (c->set & INK_SET_THRESHOLD &&
	     nla_put_s32(msg, INKLING_A_SLOT_THRESHOLD, c->threshold)) ||
	    (c->set & INK_SET_THRESHOLD_DEFAULT &&
	     nla_put_flag(msg, INKLING_A_SLOT_THRESHOLD_DEFAULT)) ||
	    (c->set & INK_SET_UID && nla_put_u32(msg, INKLING_A_SLOT_UID, c->uid)) ||
	    (c->set & INK_SET_GID && nla_put_u32(msg, INKLING_A_SLOT_GID, c->gid)) ||
	    (c->set & INK_SET_PERM && nla_put_u32(msg, INKLING_A_SLOT_PERM, c->perm)))
		return -1;
	return put_actions(msg, c);
}

int ink_slot_set(struct ink_ctl *ctl, const char *name, const struct ink_slot_change *change)
{
	struct nl_msg *msg = slot_request(ctl, INKLING_CMD_SLOT_SET, NLM_F_ACK, name);
	char what[64];

	if (msg && put_change(msg, change))
		return ink_ctl_no_room(msg);
	snprintf(what, sizeof(what), "change slot %.32s", name);
	return ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, what, NULL, NULL);
}

static int take_id(struct nlattr *attrs, int len, void *arg)
{
	struct nlattr *a = nla_find(attrs, len, INKLING_A_SLOT_ID);
	u32 *id = arg;

	if (a && nla_len(a) >= 4)
		*id = nla_get_u32(a);
	return 0;
}

int ink_slot_new(struct ink_ctl *ctl, const char *name, uint32_t contexts,
		 const struct ink_slot_change *change, uint32_t *id)
{
	struct nl_msg *msg = slot_request(ctl, INKLING_CMD_SLOT_NEW, NLM_F_ACK, name);
	char what[64];
	u32 got = 0;
	int err;

	if (msg && (nla_put_u32(msg, INKLING_A_SLOT_CONTEXTS, contexts) ||
		    (change && put_change(msg, change))))
		return ink_ctl_no_room(msg);
	snprintf(what, sizeof(what), "create slot %.32s", name);
	err = ink_ctl_call(ctl, msg, INK_ATTRS_SLOT, what, take_id, &got);
	if (!err && id)
		*id = got;
	return err;
}

/* Appends to a list. */
static int take_slot(struct nlattr *attrs, int len, void *arg)
{
	struct ink_slot ***end = arg;

	**end = ink_slot_parse(attrs, len);
	if (!**end)
		return -ink_failure_last()->code;
	*end = &(**end)->next;
	return 0;
}

struct ink_slot *ink_slot_get(struct ink_ctl *ctl, const char *name)
{
	struct ink_slot *slot = NULL, **end = &slot;
	char what[64];
	int err;

	snprintf(what, sizeof(what), "slot %.32s", name);
	err = ink_ctl_call(ctl, slot_request(ctl, INKLING_CMD_SLOT_GET, NLM_F_ACK, name),
			   INK_ATTRS_SLOT, what, take_slot, &end);
	if (!err && !slot)
		err = ink_failure_set(EIO, "%s: the kernel gave no answer", what);
	if (err) {
		ink_slot_free(slot);
		errno = ink_failure_last()->code;
		return NULL;
	}
	return slot;
}

struct ink_slot *ink_slot_list(struct ink_ctl *ctl)
{
	struct ink_slot *slots = NULL, **end = &slots;

	if (ink_ctl_call(ctl, ink_ctl_request(ctl, INKLING_CMD_SLOT_GET, NLM_F_DUMP, 0),
			 INK_ATTRS_SLOT, "list slots", take_slot, &end)) {
		ink_slot_free(slots);
		errno = ink_failure_last()->code;
		return NULL;
	}
	errno = 0;
	return slots;
}

void ink_slot_free(struct ink_slot *slots)
{
	struct ink_slot *next;

	for (; slots; slots = next) {
		next = slots->next;
		free(slots);
	}
}
