/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/inkling.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_INKLING_GEN_H
#define _LINUX_INKLING_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/inkling_netlink.h>
#include <linux/inkling.h>
#include <linux/inkling.h>

/* Common nested types */
extern const struct nla_policy inkling_class_action_nl_policy[INKLING_A_CLASS_ACTION_ACTION + 1];

int inkling_nl_slot_get_start(struct netlink_callback *cb);

int inkling_nl_load_begin_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_load_chunk_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_load_commit_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_load_abort_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_slot_new_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_slot_del_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_slot_set_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_slot_get_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_slot_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int inkling_nl_slot_rollback_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_slot_promote_doit(struct sk_buff *skb, struct genl_info *info);
int inkling_nl_slot_shadow_drop_doit(struct sk_buff *skb,
				     struct genl_info *info);

enum {
	INKLING_NLGRP_SLOTS,
};

extern struct genl_family inkling_nl_family;

#endif /* _LINUX_INKLING_GEN_H */
