// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: named service points that models are published in.
 *
 * What lives here: the table of slots, what is configured in one, and who may
 * use a slot. What doesn't: which models it has (publish.c), loading (load.c),
 * running (run.c) and messages (netlink.c).
 *
 * Callers of a slot never wait: they read its model under RCU, and a swap is
 * one pointer. Everything else happens under ink_slots_lock.
 */
#include <linux/moduleparam.h>
#include <linux/uidgid.h>
#include "ink.h"
#include <linux/inkling_netlink.h>

static unsigned int max_slots = 256;
module_param(max_slots, uint, 0444);
MODULE_PARM_DESC(max_slots, "Slots that may exist at a time, 1 to 4096 (default 256)");

DEFINE_MUTEX(ink_slots_lock);

/* One place of the table; its generation tells a new slot from the one before. */
struct place {
	struct ink_slot __rcu *slot;
	u32 generation;
};

static struct place *places;

#define GENERATION_MASK	(U32_MAX >> INKLING_SLOT_GENERATION_SHIFT)

int ink_slots_init(void)
{
	if (!max_slots || max_slots > INKLING_SLOT_INDEX_MASK + 1) {
		pr_err("inkling: max_slots=%u: has to be 1 to %u\n", max_slots,
		       INKLING_SLOT_INDEX_MASK + 1);
		return -EINVAL;
	}
	places = kvcalloc(max_slots, sizeof(*places), GFP_KERNEL);
	return places ? 0 : -ENOMEM;
}

static struct ink_slot *place_slot(u32 index)
{
	return rcu_dereference_protected(places[index].slot, lockdep_is_held(&ink_slots_lock));
}

/* The slot at @index, or NULL; used to go through all of them. -EINVAL after the last. */
struct ink_slot *ink_slot_by_index(u32 index)
{
	lockdep_assert_held(&ink_slots_lock);
	return index < max_slots ? place_slot(index) : ERR_PTR(-EINVAL);
}

/* The slot of that name, or NULL. Context: ink_slots_lock is held. */
struct ink_slot *ink_slot_find(const char *name)
{
	struct ink_slot *slot;
	u32 i;

	lockdep_assert_held(&ink_slots_lock);
	for (i = 0; i < max_slots; i++) {
		slot = place_slot(i);
		if (slot && !strcmp(slot->name, name))
			return slot;
	}
	return NULL;
}

/**
 * ink_slot_by_id() - look a slot up for one run
 * @id: from anywhere
 *
 * Context: any, under rcu_read_lock_sched().
 * Return: the slot; ERR_PTR: -EINVAL no such index, -ENODEV there is no slot,
 * -ESTALE there is another slot by now.
 */
struct ink_slot *ink_slot_by_id(u32 id)
{
	u32 index = id & INKLING_SLOT_INDEX_MASK;
	struct ink_slot *slot;

	if (index >= max_slots)
		return ERR_PTR(-EINVAL);
	slot = rcu_dereference_sched(places[array_index_nospec(index, max_slots)].slot);
	if (!slot)
		return ERR_PTR(-ENODEV);
	return slot->id == id ? slot : ERR_PTR(-ESTALE);
}

/* After a grace period: no run counts in it any more. */
static void slot_free(struct rcu_head *rcu)
{
	struct ink_slot *slot = container_of(rcu, struct ink_slot, rcu);

	free_percpu(slot->stats);
	kfree(slot);
}

/* Drop a reference. Context: any but NMI. */
void ink_slot_put(struct ink_slot *slot)
{
	if (slot && refcount_dec_and_test(&slot->refs))
		call_rcu(&slot->rcu, slot_free);
}

static bool name_is_valid(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') &&
		    *c != '.' && *c != '_' && *c != '-')
			return false;
	return *name && *name != '.' && c - name < INKLING_SLOT_NAME_MAX;
}

static void slot_change(struct ink_slot *slot, const struct ink_slot_change *change)
{
	int class;

	if (change->set_mode)
		WRITE_ONCE(slot->mode, change->mode);
	for (class = 0; class < INKLING_MAX_CLASSES; class++)
		if (change->classes & BIT(class))
			WRITE_ONCE(slot->action[class], change->action[class]);
	if (change->set_uid)
		slot->uid = change->uid;
	if (change->set_gid)
		slot->gid = change->gid;
	if (change->set_perm)
		slot->perm = change->perm;
}

static struct ink_slot *slot_alloc(const char *name, u32 contexts)
{
	struct ink_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->stats = alloc_percpu_gfp(struct ink_stats, GFP_KERNEL_ACCOUNT);
	if (!slot->stats) {
		kfree(slot);
		return NULL;
	}
	refcount_set(&slot->refs, 1);
	strscpy(slot->name, name, sizeof(slot->name));
	slot->contexts = contexts;
	slot->perm = 0700;
	memset(slot->action, INKLING_ACTION_ALERT, sizeof(slot->action));
	slot->action[0] = INKLING_ACTION_PASS;
	return slot;
}

static void slot_install(struct ink_slot *slot, u32 index)
{
	struct place *place = &places[index];

	place->generation = (place->generation + 1) & GENERATION_MASK;
	if (!place->generation)		/* so that no id is zero */
		place->generation = 1;
	slot->id = index | place->generation << INKLING_SLOT_GENERATION_SHIFT;
	rcu_assign_pointer(place->slot, slot);
}

/**
 * ink_slot_new() - create a slot
 * @name: of the slot
 * @contexts: mask of INKLING_CTX_* that may call it
 * @change: what else is set from the start
 * @id: set
 * @why: filled in when it is refused
 *
 * Return: 0, -EINVAL (@name, @contexts), -EEXIST, -ENOSPC (table full), -ENOMEM.
 */
int ink_slot_new(const char *name, u32 contexts, const struct ink_slot_change *change,
		 u32 *id, struct ink_why *why)
{
	struct ink_slot *slot;
	u32 index = 0;
	int err = 0;

	if (!name_is_valid(name)) {
		ink_explain(why, "slot name: 1 to %u of a-z 0-9 . _ -, not beginning with a dot",
			    INKLING_SLOT_NAME_MAX - 1);
		return -EINVAL;
	}
	if (!contexts || contexts & ~INKLING_CTX_ALL) {
		ink_explain(why, "contexts %#x: has to be a mask of 1 task, 2 softirq, 4 hardirq",
			    contexts);
		return -EINVAL;
	}
	slot = slot_alloc(name, contexts);
	if (!slot) {
		ink_explain(why, "no memory for a slot");
		return -ENOMEM;
	}
	slot_change(slot, change);
	mutex_lock(&ink_slots_lock);
	while (index < max_slots && place_slot(index))
		index++;
	if (ink_slot_find(name)) {
		ink_explain(why, "slot %s exists already: change it with slot-set", name);
		err = -EEXIST;
	} else if (index == max_slots) {
		ink_explain(why, "all %u slots are in use: delete one, or raise max_slots of the module",
			    max_slots);
		err = -ENOSPC;
	} else {
		slot_install(slot, index);
		*id = slot->id;
		ink_netlink_notify(slot, INKLING_CMD_SLOT_NEW);
	}
	mutex_unlock(&ink_slots_lock);
	if (err)
		ink_slot_put(slot);
	return err;
}

/*
 * Take a slot off the table. Runs that found it before end on the model that
 * they have; sessions keep the slot but find it dead.
 */
static void slot_remove(struct ink_slot *slot)
{
	struct ink_model *model = ink_slot_model(slot);
	struct ink_shadow *shadow = ink_slot_shadow(slot);

	RCU_INIT_POINTER(places[slot->id & INKLING_SLOT_INDEX_MASK].slot, NULL);
	WRITE_ONCE(slot->dead, true);
	RCU_INIT_POINTER(slot->shadow, NULL);
	RCU_INIT_POINTER(slot->model, NULL);
	ink_shadow_put(shadow);
	ink_model_put(model);
	ink_model_put(slot->previous);
	slot->previous = NULL;
	ink_slot_put(slot);
}

/* As ink_slot_find(), with @why filled in when there is none. */
struct ink_slot *ink_slot_find_or_explain(const char *name, struct ink_why *why)
{
	struct ink_slot *slot = ink_slot_find(name);

	if (!slot)
		ink_explain(why, "there is no slot %s: create it with slot-new", name);
	return slot;
}

/**
 * ink_slot_del() - delete a slot, in use or not
 * @name: of the slot
 * @why: filled in when there is none
 *
 * Return: 0 or -ENOENT.
 */
int ink_slot_del(const char *name, struct ink_why *why)
{
	struct ink_slot *slot;

	mutex_lock(&ink_slots_lock);
	slot = ink_slot_find_or_explain(name, why);
	if (slot) {
		ink_netlink_notify(slot, INKLING_CMD_SLOT_DEL);
		slot_remove(slot);
	}
	mutex_unlock(&ink_slots_lock);
	return slot ? 0 : -ENOENT;
}

/**
 * ink_slot_set() - change what is configured in a slot
 * @name: of the slot
 * @change: checked by the caller; its threshold is for the current model
 * @why: filled in when it is refused
 *
 * Return: 0, -ENOENT no such slot, -ENODATA no model whose threshold it would be.
 */
int ink_slot_set(const char *name, const struct ink_slot_change *change, struct ink_why *why)
{
	struct ink_slot *slot;
	int err = 0;

	mutex_lock(&ink_slots_lock);
	slot = ink_slot_find_or_explain(name, why);
	if (!slot) {
		err = -ENOENT;
	} else if (change->set_threshold && !ink_slot_model(slot)) {
		ink_explain(why, "slot %s has no model whose threshold it would be: give it with load-commit",
			    name);
		err = -ENODATA;
	} else {
		slot_change(slot, change);
		if (change->set_threshold)
			ink_model_set_threshold(ink_slot_model(slot), change->threshold);
		ink_netlink_notify(slot, INKLING_CMD_SLOT_SET);
	}
	mutex_unlock(&ink_slots_lock);
	return err;
}

static bool cred_in_group(const struct cred *cred, kgid_t gid)
{
	int i;

	if (gid_eq(cred->fsgid, gid))
		return true;
	for (i = 0; i < cred->group_info->ngroups; i++)
		if (gid_eq(cred->group_info->gid[i], gid))
			return true;
	return false;
}

/**
 * ink_slot_permits() - what owner, group and permission bits say
 * @slot: that is used
 * @cred: of who opened the file or socket
 * @want: mask of 4 (see it) and 1 (run it)
 *
 * Context: ink_slots_lock is held.
 */
bool ink_slot_permits(const struct ink_slot *slot, const struct cred *cred, umode_t want)
{
	umode_t perm = slot->perm;

	lockdep_assert_held(&ink_slots_lock);
	if (uid_eq(cred->fsuid, slot->uid))
		perm >>= 6;
	else if (cred_in_group(cred, slot->gid))
		perm >>= 3;
	return (perm & want) == want;
}

/* When no door is left open: sessions hold the module, messages are refused. */
void ink_slots_exit(void)
{
	u32 i;

	mutex_lock(&ink_slots_lock);
	for (i = 0; i < max_slots; i++)
		if (place_slot(i))
			slot_remove(place_slot(i));
	mutex_unlock(&ink_slots_lock);
	rcu_barrier();		/* slots that are being freed, work for models */
	kvfree(places);
}
