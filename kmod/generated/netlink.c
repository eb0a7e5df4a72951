// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/inkling.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink.h"

#include <uapi/linux/inkling_netlink.h>
#include <linux/inkling.h>
#include <linux/inkling.h>

/* Common nested types */
const struct nla_policy inkling_class_action_nl_policy[INKLING_A_CLASS_ACTION_ACTION + 1] = {
	[INKLING_A_CLASS_ACTION_CLASS] = { .type = NLA_U32, },
	[INKLING_A_CLASS_ACTION_ACTION] = NLA_POLICY_MAX(NLA_U32, 2),
};

/* INKLING_CMD_LOAD_BEGIN - do */
static const struct nla_policy inkling_load_begin_nl_policy[INKLING_A_LOAD_DIGEST + 1] = {
	[INKLING_A_LOAD_SIZE] = { .type = NLA_U32, },
	[INKLING_A_LOAD_DIGEST] = NLA_POLICY_EXACT_LEN(32),
};

/* INKLING_CMD_LOAD_CHUNK - do */
static const struct nla_policy inkling_load_chunk_nl_policy[INKLING_A_LOAD_DATA + 1] = {
	[INKLING_A_LOAD_OFFSET] = { .type = NLA_U32, },
	[INKLING_A_LOAD_DATA] = { .type = NLA_BINARY, },
};

/* INKLING_CMD_LOAD_COMMIT - do */
static const struct nla_policy inkling_load_commit_nl_policy[INKLING_A_LOAD_SAMPLE + 1] = {
	[INKLING_A_LOAD_SLOT] = { .type = NLA_NUL_STRING, .len = 31, },
	[INKLING_A_LOAD_EXPECT_SCHEMA] = { .type = NLA_U64, },
	[INKLING_A_LOAD_THRESHOLD] = { .type = NLA_S32, },
	[INKLING_A_LOAD_SHADOW] = { .type = NLA_FLAG, },
	[INKLING_A_LOAD_SAMPLE] = { .type = NLA_U32, },
};

/* INKLING_CMD_SLOT_NEW - do */
static const struct nla_policy inkling_slot_new_nl_policy[INKLING_A_SLOT_CLASS_ACTION + 1] = {
	[INKLING_A_SLOT_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[INKLING_A_SLOT_CONTEXTS] = { .type = NLA_U32, },
	[INKLING_A_SLOT_MODE] = NLA_POLICY_MAX(NLA_U32, 2),
	[INKLING_A_SLOT_CLASS_ACTION] = NLA_POLICY_NESTED(inkling_class_action_nl_policy),
	[INKLING_A_SLOT_UID] = { .type = NLA_U32, },
	[INKLING_A_SLOT_GID] = { .type = NLA_U32, },
	[INKLING_A_SLOT_PERM] = { .type = NLA_U32, },
};

/* INKLING_CMD_SLOT_DEL - do */
static const struct nla_policy inkling_slot_del_nl_policy[INKLING_A_SLOT_NAME + 1] = {
	[INKLING_A_SLOT_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* INKLING_CMD_SLOT_SET - do */
static const struct nla_policy inkling_slot_set_nl_policy[INKLING_A_SLOT_CLASS_ACTION + 1] = {
	[INKLING_A_SLOT_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[INKLING_A_SLOT_MODE] = NLA_POLICY_MAX(NLA_U32, 2),
	[INKLING_A_SLOT_THRESHOLD] = { .type = NLA_S32, },
	[INKLING_A_SLOT_THRESHOLD_DEFAULT] = { .type = NLA_FLAG, },
	[INKLING_A_SLOT_CLASS_ACTION] = NLA_POLICY_NESTED(inkling_class_action_nl_policy),
	[INKLING_A_SLOT_UID] = { .type = NLA_U32, },
	[INKLING_A_SLOT_GID] = { .type = NLA_U32, },
	[INKLING_A_SLOT_PERM] = { .type = NLA_U32, },
};

/* INKLING_CMD_SLOT_GET - do */
static const struct nla_policy inkling_slot_get_nl_policy[INKLING_A_SLOT_NAME + 1] = {
	[INKLING_A_SLOT_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* INKLING_CMD_SLOT_ROLLBACK - do */
static const struct nla_policy inkling_slot_rollback_nl_policy[INKLING_A_SLOT_NAME + 1] = {
	[INKLING_A_SLOT_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* INKLING_CMD_SLOT_PROMOTE - do */
static const struct nla_policy inkling_slot_promote_nl_policy[INKLING_A_SLOT_NAME + 1] = {
	[INKLING_A_SLOT_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* INKLING_CMD_SLOT_SHADOW_DROP - do */
static const struct nla_policy inkling_slot_shadow_drop_nl_policy[INKLING_A_SLOT_NAME + 1] = {
	[INKLING_A_SLOT_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* Ops table for inkling */
static const struct genl_split_ops inkling_nl_ops[] = {
	{
		.cmd		= INKLING_CMD_LOAD_BEGIN,
		.doit		= inkling_nl_load_begin_doit,
		.policy		= inkling_load_begin_nl_policy,
		.maxattr	= INKLING_A_LOAD_DIGEST,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= INKLING_CMD_LOAD_CHUNK,
		.doit		= inkling_nl_load_chunk_doit,
		.policy		= inkling_load_chunk_nl_policy,
		.maxattr	= INKLING_A_LOAD_DATA,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= INKLING_CMD_LOAD_COMMIT,
		.doit		= inkling_nl_load_commit_doit,
		.policy		= inkling_load_commit_nl_policy,
		.maxattr	= INKLING_A_LOAD_SAMPLE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= INKLING_CMD_LOAD_ABORT,
		.doit	= inkling_nl_load_abort_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= INKLING_CMD_SLOT_NEW,
		.doit		= inkling_nl_slot_new_doit,
		.policy		= inkling_slot_new_nl_policy,
		.maxattr	= INKLING_A_SLOT_CLASS_ACTION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= INKLING_CMD_SLOT_DEL,
		.doit		= inkling_nl_slot_del_doit,
		.policy		= inkling_slot_del_nl_policy,
		.maxattr	= INKLING_A_SLOT_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= INKLING_CMD_SLOT_SET,
		.doit		= inkling_nl_slot_set_doit,
		.policy		= inkling_slot_set_nl_policy,
		.maxattr	= INKLING_A_SLOT_CLASS_ACTION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= INKLING_CMD_SLOT_GET,
		.doit		= inkling_nl_slot_get_doit,
		.policy		= inkling_slot_get_nl_policy,
		.maxattr	= INKLING_A_SLOT_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= INKLING_CMD_SLOT_GET,
		.start	= inkling_nl_slot_get_start,
		.dumpit	= inkling_nl_slot_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= INKLING_CMD_SLOT_ROLLBACK,
		.doit		= inkling_nl_slot_rollback_doit,
		.policy		= inkling_slot_rollback_nl_policy,
		.maxattr	= INKLING_A_SLOT_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= INKLING_CMD_SLOT_PROMOTE,
		.doit		= inkling_nl_slot_promote_doit,
		.policy		= inkling_slot_promote_nl_policy,
		.maxattr	= INKLING_A_SLOT_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= INKLING_CMD_SLOT_SHADOW_DROP,
		.doit		= inkling_nl_slot_shadow_drop_doit,
		.policy		= inkling_slot_shadow_drop_nl_policy,
		.maxattr	= INKLING_A_SLOT_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group inkling_nl_mcgrps[] = {
	[INKLING_NLGRP_SLOTS] = { "slots", },
};

struct genl_family inkling_nl_family __ro_after_init = {
	.name		= INKLING_FAMILY_NAME,
	.version	= INKLING_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= inkling_nl_ops,
	.n_split_ops	= ARRAY_SIZE(inkling_nl_ops),
	.mcgrps		= inkling_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(inkling_nl_mcgrps),
};
