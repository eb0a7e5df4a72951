// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a slot looks like in a netlink message.
 *
 * What lives here: writing a slot, its models and its statistics into a
 * message, and sending it to the listeners of changes. What doesn't: requests
 * (netlink.c). ink_slots_lock is held in all of it.
 */
#include <net/genetlink.h>
#include <net/netlink.h>
#include "ink.h"
#include "generated/netlink.h"

static int put_classes(struct sk_buff *skb, const struct ink_graph *graph)
{
	u32 i;

	for (i = 0; i < graph->header->n_classes; i++)
		if (nla_put_string(skb, INKLING_A_MODEL_CLASSES, graph->card->classes[i]))
			return -EMSGSIZE;
	return 0;
}

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, INKLING_A_MODEL_PAD);
}

/* @bytes: that are held for it. */
static int put_model(struct sk_buff *skb, int attr, const struct ink_model *model, u64 bytes)
{
	const struct inkling_header *header;
	const struct ink_plan *plan;
	struct nlattr *nest;

	plan = model->plan;
	header = plan->graph->header;
	nest = nla_nest_start(skb, attr);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put(skb, INKLING_A_MODEL_DIGEST, sizeof(header->digest), header->digest) ||
	    nla_put_string(skb, INKLING_A_MODEL_NAME, plan->graph->card->name) ||
	    nla_put_string(skb, INKLING_A_MODEL_VERSION, plan->graph->card->version) ||
	    nla_put_u32(skb, INKLING_A_MODEL_GENERATION, model->generation) ||
	    put_u64(skb, INKLING_A_MODEL_SCHEMA, header->schema) ||
	    nla_put_u32(skb, INKLING_A_MODEL_INPUT_SIZE, plan->input_size) ||
	    nla_put_u32(skb, INKLING_A_MODEL_OUTPUT_SIZE, plan->output_size) ||
	    put_classes(skb, plan->graph) ||
	    nla_put_s32(skb, INKLING_A_MODEL_THRESHOLD, header->threshold) ||
	    put_u64(skb, INKLING_A_MODEL_MACS, plan->graph->macs) ||
	    nla_put_u32(skb, INKLING_A_MODEL_ARENA, plan->arena_size) ||
	    put_u64(skb, INKLING_A_MODEL_BYTES, bytes) ||
	    put_u64(skb, INKLING_A_MODEL_COST_SIMD, plan->cost_simd) ||
	    put_u64(skb, INKLING_A_MODEL_COST_SCALAR, plan->cost_scalar) ||
	    nla_put_u32(skb, INKLING_A_MODEL_CONTEXTS, plan->contexts) ||
	    nla_put_string(skb, INKLING_A_MODEL_ISA, ink_isa_name(plan->isa)) ||
	    nla_put_u32(skb, INKLING_A_MODEL_HEAD, header->head) ||
	    nla_put_s32(skb, INKLING_A_MODEL_THRESHOLD_USED, model->threshold))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* How often something failed, by reason. */
static int put_reasons(struct sk_buff *skb, int attr, const char * const *names,
		       const u64 *counts, u32 n)
{
	struct nlattr *nest;
	u32 i;

	for (i = 0; i < n; i++) {
		nest = nla_nest_start(skb, attr);
		if (!nest ||
		    nla_put_string(skb, INKLING_A_STAT_ERROR_REASON, names[i]) ||
		    nla_put_u64_64bit(skb, INKLING_A_STAT_ERROR_COUNT, counts[i],
				      INKLING_A_STAT_ERROR_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

/* Classes that the model has, and those that one before it gave. */
static int put_verdicts(struct sk_buff *skb, const struct ink_stats *sum, u32 n_classes)
{
	struct nlattr *nest;
	u32 i;

	for (i = 0; i < INKLING_MAX_CLASSES; i++) {
		if (i >= n_classes && !sum->verdicts[i])
			continue;
		nest = nla_nest_start(skb, INKLING_A_STATS_VERDICT);
		if (!nest ||
		    nla_put_u32(skb, INKLING_A_STAT_VERDICT_CLASS, i) ||
		    nla_put_u64_64bit(skb, INKLING_A_STAT_VERDICT_COUNT, sum->verdicts[i],
				      INKLING_A_STAT_VERDICT_PAD) ||
		    nla_put_u64_64bit(skb, INKLING_A_STAT_VERDICT_ACTIONED, sum->actioned[i],
				      INKLING_A_STAT_VERDICT_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int put_stats(struct sk_buff *skb, const struct ink_slot *slot, u32 n_classes)
{
	struct ink_stats sum;
	struct nlattr *nest;

	ink_counters_sum(slot->stats, &sum, sizeof(sum));
	nest = nla_nest_start(skb, INKLING_A_SLOT_STATS);
	if (!nest ||
	    nla_put_u64_64bit(skb, INKLING_A_STATS_RUNS, sum.runs, INKLING_A_STATS_PAD) ||
	    put_reasons(skb, INKLING_A_STATS_ERROR, ink_error_names, sum.errors, INK_ERROR_NR) ||
	    put_verdicts(skb, &sum, n_classes) ||
	    nla_put(skb, INKLING_A_STATS_LATENCY, sizeof(sum.latency), sum.latency) ||
	    nla_put(skb, INKLING_A_STATS_SCORES, sizeof(sum.scores), sum.scores) ||
	    nla_put_u64_64bit(skb, INKLING_A_STATS_SCALAR, sum.scalar, INKLING_A_STATS_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_actions(struct sk_buff *skb, const struct ink_slot *slot)
{
	struct nlattr *nest;
	u32 i;

	for (i = 0; i < INKLING_MAX_CLASSES; i++) {
		nest = nla_nest_start(skb, INKLING_A_SLOT_CLASS_ACTION);
		if (!nest ||
		    nla_put_u32(skb, INKLING_A_CLASS_ACTION_CLASS, i) ||
		    nla_put_u32(skb, INKLING_A_CLASS_ACTION_ACTION, slot->action[i]))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int put_config(struct sk_buff *skb, const struct ink_slot *slot,
		      const struct ink_model *model)
{
	if (nla_put_u32(skb, INKLING_A_SLOT_CONTEXTS, slot->contexts) ||
	    nla_put_u32(skb, INKLING_A_SLOT_MODE, slot->mode) ||
	    nla_put_u32(skb, INKLING_A_SLOT_UID, from_kuid(&init_user_ns, slot->uid)) ||
	    nla_put_u32(skb, INKLING_A_SLOT_GID, from_kgid(&init_user_ns, slot->gid)) ||
	    nla_put_u32(skb, INKLING_A_SLOT_PERM, slot->perm))
		return -EMSGSIZE;
	if (model && nla_put_s32(skb, INKLING_A_SLOT_THRESHOLD, model->threshold))
		return -EMSGSIZE;
	return put_actions(skb, slot);
}

static int put_shadow_actions(struct sk_buff *skb, const struct ink_shadow_stats *sum, u32 n)
{
	struct nlattr *nest;
	u32 i;

	for (i = 0; i < n; i++) {
		nest = nla_nest_start(skb, INKLING_A_SHADOW_ACTION);
		if (!nest || nla_put_u32(skb, INKLING_A_SHADOW_ACTION_CLASS, i) ||
		    nla_put_u64_64bit(skb, INKLING_A_SHADOW_ACTION_PASS,
				      sum->actions[i][INKLING_ACTION_PASS],
				      INKLING_A_SHADOW_ACTION_PAD) ||
		    nla_put_u64_64bit(skb, INKLING_A_SHADOW_ACTION_ALERT,
				      sum->actions[i][INKLING_ACTION_ALERT],
				      INKLING_A_SHADOW_ACTION_PAD) ||
		    nla_put_u64_64bit(skb, INKLING_A_SHADOW_ACTION_DROP,
				      sum->actions[i][INKLING_ACTION_DROP],
				      INKLING_A_SHADOW_ACTION_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int put_shadow_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, INKLING_A_SHADOW_PAD);
}

/* The corner of the matrix that both models have classes for, and what is in it. */
static int put_matrix(struct sk_buff *skb, const struct ink_shadow_stats *sum, u32 n)
{
	struct nlattr *attr = nla_reserve(skb, INKLING_A_SHADOW_MATRIX, n * n * sizeof(u64));
	u64 compared = 0, agreed = 0;
	u32 i, j;

	if (!attr)
		return -EMSGSIZE;
	for (i = 0; i < n; i++) {
		memcpy(nla_data(attr) + i * n * sizeof(u64), sum->matrix[i], n * sizeof(u64));
		for (j = 0; j < n; j++)
			compared += sum->matrix[i][j];
		agreed += sum->matrix[i][i];
	}
	if (nla_put_u32(skb, INKLING_A_SHADOW_CLASSES, n) ||
	    put_shadow_u64(skb, INKLING_A_SHADOW_COMPARED, compared) ||
	    put_shadow_u64(skb, INKLING_A_SHADOW_DISAGREED, compared - agreed))
		return -EMSGSIZE;
	return 0;
}

static int put_shadow(struct sk_buff *skb, struct ink_shadow *shadow,
		      const struct ink_model *model)
{
	const struct ink_shadow_stats *sum = ink_shadow_sum(shadow);
	/* At least 1: a model without classes only ever gives class 0. */
	u32 n = max3(shadow->model->graph->header->n_classes, model->graph->header->n_classes, 1u);
	struct nlattr *nest = nla_nest_start(skb, INKLING_A_SLOT_SHADOW);

	if (!nest ||
	    put_model(skb, INKLING_A_SHADOW_MODEL, shadow->model,
		      ink_model_bytes(shadow->model) + shadow->arenas.bytes) ||
	    nla_put_u32(skb, INKLING_A_SHADOW_SAMPLE, shadow->sample) ||
	    put_shadow_u64(skb, INKLING_A_SHADOW_RUNS, sum->runs) ||
	    put_reasons(skb, INKLING_A_SHADOW_SKIPPED, ink_skip_names, sum->skipped,
			INK_SKIP_NR) ||
	    put_matrix(skb, sum, n) ||
	    put_shadow_actions(skb, sum, n) ||
	    nla_put(skb, INKLING_A_SHADOW_DIFFERENCES, sizeof(sum->differences),
		    sum->differences) ||
	    put_shadow_u64(skb, INKLING_A_SHADOW_DIFFERENCE, sum->difference))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_models(struct sk_buff *skb, const struct ink_slot *slot,
		      const struct ink_model *model)
{
	struct ink_shadow *shadow = ink_slot_shadow(slot);
	const struct ink_model *previous = slot->previous;

	if ((model && put_model(skb, INKLING_A_SLOT_MODEL, model, ink_model_bytes(model))) ||
	    (previous && put_model(skb, INKLING_A_SLOT_PREVIOUS, previous,
				   ink_model_bytes(previous))) ||
	    (shadow && put_shadow(skb, shadow, model)))
		return -EMSGSIZE;
	return 0;
}

/**
 * ink_netlink_put_slot() - write a slot into a message
 * @skb: to write into
 * @slot: to describe
 * @event: why, in a notification, or 0
 *
 * Return: 0, or -EMSGSIZE when there isn't enough room; a part is written then.
 */
int ink_netlink_put_slot(struct sk_buff *skb, const struct ink_slot *slot, u32 event)
{
	const struct ink_model *model = ink_slot_model(slot);

	if (nla_put_string(skb, INKLING_A_SLOT_NAME, slot->name) ||
	    nla_put_u32(skb, INKLING_A_SLOT_ID, slot->id) ||
	    put_config(skb, slot, model) ||
	    put_models(skb, slot, model) ||
	    put_stats(skb, slot, model ? model->graph->header->n_classes : 0) ||
	    (event && nla_put_u32(skb, INKLING_A_SLOT_EVENT, event)))
		return -EMSGSIZE;
	return 0;
}

/**
 * ink_netlink_notify() - tell listeners that a slot has changed
 * @slot: as it is now
 * @event: enum inkling_cmd that changed it
 *
 * Only the initial network namespace hears it: slots are the host's. A
 * listener that is too slow gets ENOBUFS and asks anew, as do all of them when
 * there is no memory for the news.
 *
 * Context: a task, under ink_slots_lock, so that messages come in the order
 * of the changes.
 */
void ink_netlink_notify(const struct ink_slot *slot, u32 event)
{
	struct sk_buff *skb;
	void *header;

	if (!genl_has_listeners(&inkling_nl_family, &init_net, INKLING_NLGRP_SLOTS))
		return;
	skb = genlmsg_new(INK_SLOT_MESSAGE, GFP_KERNEL);
	header = skb ? genlmsg_put(skb, 0, 0, &inkling_nl_family, 0, INKLING_CMD_SLOT_NTF) : NULL;
	if (!header || ink_netlink_put_slot(skb, slot, event)) {
		nlmsg_free(skb);
		genl_set_err(&inkling_nl_family, &init_net, 0, INKLING_NLGRP_SLOTS, -ENOBUFS);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast(&inkling_nl_family, skb, 0, INKLING_NLGRP_SLOTS, GFP_KERNEL);
}
