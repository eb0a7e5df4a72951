// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which models a slot has: the current one, the one before, and the shadow.
 *
 * What lives here: putting a loaded model into a slot, and going from one to
 * another. What doesn't: the slot itself (slot.c), and what a shadow does
 * (shadow.c).
 *
 * Each change is one pointer to those who run the slot, and all of them happen
 * under ink_slots_lock. What may fail comes before the first pointer is set. A
 * rollback never fails for another reason than that there is nothing to go
 * back to: it is what remains in an emergency.
 */
#include "ink.h"
#include <linux/inkling_netlink.h>

/* The tightest budget of the contexts in @mask; they are named in @name. */
static u32 contexts_budget(u32 mask, const char **name)
{
	bool hard = mask & INKLING_CTX_HARDIRQ;

	*name = hard ? "hardirq" : "softirq";
	return hard ? INK_BUDGET_HARDIRQ_NS : INK_BUDGET_SOFTIRQ_NS;
}

/* Is a run of the model short enough for all that call the slot? */
static int slot_check_budget(const struct ink_slot *slot, const struct ink_plan *plan,
			     struct ink_why *why)
{
	u32 above = slot->contexts & ~plan->contexts;
	const char *context;
	u32 budget;

	if (!above)
		return 0;
	budget = contexts_budget(above, &context);
	ink_explain(why, "a run takes up to %llu ns (%s), slot %s has a budget of %u ns in %s: use a smaller model or another slot",
		    plan->cost_simd, ink_isa_name(plan->isa), slot->name, budget, context);
	return -E2BIG;
}

/* And is one of both models, where the shadow repeats it? */
static int slot_check_both(const struct ink_slot *slot, const struct ink_plan *plan,
			   struct ink_why *why)
{
	u64 both = ink_slot_model(slot)->plan->cost_simd + plan->cost_simd;
	const char *context;
	u32 budget;

	if (!(slot->contexts & (INKLING_CTX_SOFTIRQ | INKLING_CTX_HARDIRQ)))
		return 0;
	budget = contexts_budget(slot->contexts, &context);
	if (both <= budget)
		return 0;
	ink_explain(why, "a run of both models takes up to %llu ns, slot %s has a budget of %u ns in %s: use a smaller shadow, or load it without one",
		    both, slot->name, budget, context);
	return -E2BIG;
}

/* Callers of a slot are built for one input and one output. */
static int slot_check_shape(const struct ink_slot *slot, const struct ink_plan *plan,
			    struct ink_why *why)
{
	u64 schema = plan->graph->header->schema;

	if (!slot->published)
		return 0;
	if (schema != slot->schema)
		ink_explain(why, "the model has feature schema %016llx, slot %s has %016llx: use a slot of its own",
			    schema, slot->name, slot->schema);
	else if (plan->input_size != slot->input_size || plan->output_size != slot->output_size)
		ink_explain(why, "the model has %u bytes in and %u out, slot %s has %u and %u: use a slot of its own",
			    plan->input_size, plan->output_size, slot->name,
			    slot->input_size, slot->output_size);
	else if (plan->graph->tokens != slot->tokens)
		ink_explain(why, "the model takes %u tokens, slot %s has %u: use a slot of its own",
			    plan->graph->tokens, slot->name, slot->tokens);
	else
		return 0;
	return -EINVAL;
}

static int model_add_arenas(struct ink_model *model, const struct ink_slot *slot,
			    struct ink_why *why)
{
	int err = ink_model_add_arenas(model, slot->contexts);

	if (err)
		ink_explain(why, "no memory for the arenas of %u bytes on each CPU",
			    model->plan->arena_size);
	return err;
}

/* Make @model, with a reference that becomes the slot's, the current one. */
static void slot_swap(struct ink_slot *slot, struct ink_model *model)
{
	struct ink_shadow *shadow = ink_slot_shadow(slot);
	struct ink_model *before = slot->previous;

	slot->previous = ink_slot_model(slot);
	rcu_assign_pointer(slot->model, model);
	if (before != model)
		ink_model_put(before);
	if (shadow)
		ink_shadow_restart(shadow, model->generation);
}

static int slot_publish(struct ink_slot *slot, struct ink_model *model, struct ink_why *why)
{
	const struct ink_plan *plan = model->plan;
	int err;

	err = slot_check_budget(slot, plan, why) ?: slot_check_shape(slot, plan, why) ?:
	      model_add_arenas(model, slot, why);
	if (err)
		return err;
	slot->schema = plan->graph->header->schema;
	slot->input_size = plan->input_size;
	slot->output_size = plan->output_size;
	slot->tokens = plan->graph->tokens;
	model->generation = ++slot->published;
	refcount_inc(&model->refs);
	slot_swap(slot, model);
	return 0;
}

/* NULL: none from now on. Runs that are being repeated end on the shadow before. */
static void slot_set_shadow(struct ink_slot *slot, struct ink_shadow *shadow)
{
	struct ink_shadow *before = ink_slot_shadow(slot);

	if (shadow)
		ink_shadow_restart(shadow, ink_slot_model(slot)->generation);
	rcu_assign_pointer(slot->shadow, shadow);
	ink_shadow_put(before);
}

static int slot_publish_shadow(struct ink_slot *slot, struct ink_model *model, u32 sample,
			       struct ink_why *why)
{
	const struct ink_plan *plan = model->plan;
	struct ink_shadow *shadow;
	int err;

	if (!ink_slot_model(slot)) {
		ink_explain(why, "slot %s has no model whose runs a shadow could repeat: load it without shadow",
			    slot->name);
		return -ENODATA;
	}
	if (plan->state_size || ink_slot_model(slot)->plan->state_size) {
		ink_explain(why, "a model with states can't be compared run by run: load it without shadow");
		return -EOPNOTSUPP;
	}
	err = slot_check_budget(slot, plan, why) ?: slot_check_both(slot, plan, why) ?:
	      slot_check_shape(slot, plan, why);
	if (err)
		return err;
	shadow = ink_shadow_create(model, slot->contexts, sample);
	if (!shadow) {
		ink_explain(why, "no memory for a shadow with arenas of %u bytes on each CPU",
			    plan->arena_size);
		return -ENOMEM;
	}
	model->generation = ++slot->published;
	slot_set_shadow(slot, shadow);
	return 0;
}

/**
 * ink_slot_publish() - put a model into a slot
 * @name: of the slot
 * @model: new; the slot takes a reference of its own
 * @sample: 0: it becomes the current model; else the shadow, which repeats one
 *	of so many runs
 * @why: filled in when it is refused
 *
 * Runs that have begun end on the current model before, which is kept for a
 * rollback. A shadow before is dropped for a new one and stays otherwise.
 *
 * Return: 0; -ENOENT no such slot, -E2BIG a run is above the budget of a
 * context of the slot, -EINVAL other schema or sizes than the slot has,
 * -ENODATA a shadow without a current model, -EOPNOTSUPP one of a model with
 * states, -ENOMEM.
 */
int ink_slot_publish(const char *name, struct ink_model *model, u32 sample, struct ink_why *why)
{
	struct ink_slot *slot;
	int err = -ENOENT;

	mutex_lock(&ink_slots_lock);
	slot = ink_slot_find_or_explain(name, why);
	if (slot)
		err = sample ? slot_publish_shadow(slot, model, sample, why) :
			       slot_publish(slot, model, why);
	if (!err)
		ink_netlink_notify(slot, INKLING_CMD_LOAD_COMMIT);
	mutex_unlock(&ink_slots_lock);
	return err;
}

/**
 * ink_slot_rollback() - swap the current model with the previous one
 * @name: of the slot
 * @why: filled in when it is refused
 *
 * Each model keeps its threshold, and the shadow stays. The budget needs no
 * check: the previous model was current in this slot, whose contexts never
 * change; where both it and the shadow are too much, the shadow skips.
 *
 * Return: 0, -ENOENT no such slot, -ENODATA no previous model.
 */
int ink_slot_rollback(const char *name, struct ink_why *why)
{
	struct ink_slot *slot;
	int err = 0;

	mutex_lock(&ink_slots_lock);
	slot = ink_slot_find_or_explain(name, why);
	if (!slot) {
		err = -ENOENT;
	} else if (!slot->previous) {
		ink_explain(why, "slot %s has no previous model: load one", name);
		err = -ENODATA;
	} else {
		slot_swap(slot, slot->previous);
		ink_netlink_notify(slot, INKLING_CMD_SLOT_ROLLBACK);
	}
	mutex_unlock(&ink_slots_lock);
	return err;
}

/* A slot with a shadow, or ERR_PTR with @why filled in. */
static struct ink_slot *slot_find_shadowed(const char *name, struct ink_why *why)
{
	struct ink_slot *slot = ink_slot_find_or_explain(name, why);

	if (!slot)
		return ERR_PTR(-ENOENT);
	if (ink_slot_shadow(slot))
		return slot;
	ink_explain(why, "slot %s has no shadow: load one with the attribute shadow", name);
	return ERR_PTR(-ENODATA);
}

static int slot_promote(struct ink_slot *slot, struct ink_why *why)
{
	struct ink_model *model = ink_slot_shadow(slot)->model;
	int err = model_add_arenas(model, slot, why);

	if (err)
		return err;
	refcount_inc(&model->refs);
	slot_set_shadow(slot, NULL);
	slot_swap(slot, model);
	return 0;
}

/**
 * ink_slot_promote() - make the shadow the current model
 * @name: of the slot
 * @why: filled in when it is refused
 *
 * It keeps generation and threshold, and gets arenas of its own: those of the
 * shadow may be in use, and a run must not miss its verdict for that. Budget
 * and shape were checked when it was loaded and can't have changed.
 *
 * Return: 0, -ENOENT no such slot, -ENODATA no shadow, -ENOMEM.
 */
int ink_slot_promote(const char *name, struct ink_why *why)
{
	struct ink_slot *slot;
	int err;

	mutex_lock(&ink_slots_lock);
	slot = slot_find_shadowed(name, why);
	err = IS_ERR(slot) ? PTR_ERR(slot) : slot_promote(slot, why);
	if (!err)
		ink_netlink_notify(slot, INKLING_CMD_SLOT_PROMOTE);
	mutex_unlock(&ink_slots_lock);
	return err;
}

/**
 * ink_slot_shadow_drop() - remove the shadow
 * @name: of the slot
 * @why: filled in when it is refused
 *
 * Return: 0, -ENOENT no such slot, -ENODATA no shadow.
 */
int ink_slot_shadow_drop(const char *name, struct ink_why *why)
{
	struct ink_slot *slot;

	mutex_lock(&ink_slots_lock);
	slot = slot_find_shadowed(name, why);
	if (!IS_ERR(slot)) {
		slot_set_shadow(slot, NULL);
		ink_netlink_notify(slot, INKLING_CMD_SLOT_SHADOW_DROP);
	}
	mutex_unlock(&ink_slots_lock);
	return PTR_ERR_OR_ZERO(slot);
}
