// SPDX-License-Identifier: GPL-2.0-only
/*
 * The door for administration: generic netlink.
 *
 * What lives here: requests: who may send them, their attributes, and the
 * answer, which for a refusal always says what to do. What doesn't: loading
 * (load.c), slots (slot.c), and how a slot is written down (netlink_msg.c).
 * Policies and the op table are generated from
 * Documentation/netlink/specs/inkling.yaml.
 *
 * Requests run in parallel; the locks are those of load.c and slot.c. The
 * family is there in each network namespace and always means the host's slots.
 */
#include <linux/file.h>
#include <linux/net.h>
#include <net/genetlink.h>
#include <net/netlink.h>
#include <net/sock.h>
#include "ink.h"
#include <linux/ink_genetlink.h>
#include "generated/netlink.h"

typedef int (*netlink_op)(struct sk_buff *skb, struct genl_info *info, struct ink_why *why);

/*
 * Send the refusal from here, while its text is still there: the core would
 * do it after the handler has returned and only knows constant texts (6.1) or
 * at most 80 characters. -EINTR tells the core that all has been answered.
 */
static int netlink_refuse(struct sk_buff *skb, struct genl_info *info, int err,
			  const struct ink_why *why)
{
	if (why->text[0])
		info->extack->_msg = why->text;
	netlink_ack(skb, (struct nlmsghdr *)info->nlhdr, err, info->extack);
	info->extack->_msg = NULL;
	return -EINTR;
}

/* Never capable(): a privileged process can be made to send for someone else. */
static bool netlink_is_admin(struct sk_buff *skb)
{
	return (netlink_capable(skb, CAP_BPF) && netlink_capable(skb, CAP_NET_ADMIN)) ||
	       netlink_capable(skb, CAP_SYS_ADMIN);
}

static int netlink_do(struct sk_buff *skb, struct genl_info *info, netlink_op op)
{
	struct ink_why why = {};
	int err;

	if (netlink_is_admin(skb)) {
		err = op(skb, info, &why);
	} else {
		ink_explain(&why, "changing models and slots needs CAP_BPF and CAP_NET_ADMIN: run it as root");
		err = -EPERM;
	}
	return err ? netlink_refuse(skb, info, err, &why) : 0;
}

/* The attribute, or NULL with @why saying that it is missing. */
static struct nlattr *attr_required(struct genl_info *info, int attr, const char *name,
				    struct ink_why *why)
{
	if (!GENL_REQ_ATTR_CHECK(info, attr))
		return info->attrs[attr];
	ink_explain(why, "attribute %s is missing", name);
	return NULL;
}

static int attr_refuse(struct genl_info *info, struct nlattr *attr)
{
	NL_SET_BAD_ATTR(info->extack, attr);
	return -EINVAL;
}

static const char *slot_name(struct genl_info *info, struct ink_why *why)
{
	struct nlattr *name = attr_required(info, INKLING_A_SLOT_NAME, "name", why);

	return name ? nla_data(name) : NULL;
}

/* Loading */

static int load_begin(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	struct nlattr *size = attr_required(info, INKLING_A_LOAD_SIZE, "size", why);
	struct nlattr *digest;
	int err;

	if (!size)
		return -EINVAL;
	digest = attr_required(info, INKLING_A_LOAD_DIGEST, "digest", why);
	if (!digest)
		return -EINVAL;
	err = ink_load_begin(genl_info_net(info), info->snd_portid, nla_get_u32(size),
			     nla_data(digest), why);
	if (err == -EINVAL)
		NL_SET_BAD_ATTR(info->extack, size);
	return err;
}

static int load_chunk(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	struct nlattr *offset = attr_required(info, INKLING_A_LOAD_OFFSET, "offset", why);
	struct nlattr *data;
	int err;

	if (!offset)
		return -EINVAL;
	data = attr_required(info, INKLING_A_LOAD_DATA, "data", why);
	if (!data)
		return -EINVAL;
	if (nla_len(data) > INKLING_MAX_CHUNK) {
		ink_explain(why, "chunk has %d bytes: send at most %d", nla_len(data),
			    INKLING_MAX_CHUNK);
		return attr_refuse(info, data);
	}
	err = ink_load_chunk(genl_info_net(info), info->snd_portid, nla_get_u32(offset),
			     nla_data(data), nla_len(data), why);
	if (err == -EINVAL)
		NL_SET_BAD_ATTR(info->extack, offset);
	return err;
}

/* @reply was allocated before anything was changed: who hears of no memory may rely on it. */
static int load_reply(struct sk_buff *reply, struct genl_info *info, const struct ink_model *model)
{
	const u8 *digest = model->graph->header->digest;
	void *header;

	header = genlmsg_put_reply(reply, info, &inkling_nl_family, 0, INKLING_CMD_LOAD_COMMIT);
	if (!header ||
	    nla_put_u32(reply, INKLING_A_LOAD_GENERATION, model->generation) ||
	    nla_put(reply, INKLING_A_LOAD_DIGEST, INKLING_DIGEST_SIZE, digest)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

/* Whether it becomes a shadow, and of how many runs. */
static int load_sample(struct genl_info *info, struct ink_load_options *options,
		       struct ink_why *why)
{
	struct nlattr *sample = info->attrs[INKLING_A_LOAD_SAMPLE];
	bool shadow = info->attrs[INKLING_A_LOAD_SHADOW];

	if (sample && !shadow) {
		ink_explain(why, "sample is for a shadow: give shadow, too");
		return attr_refuse(info, sample);
	}
	if (sample && !nla_get_u32(sample)) {
		ink_explain(why, "sample 0: a shadow repeats one of so many runs, at least 1");
		return attr_refuse(info, sample);
	}
	if (shadow)
		options->sample = sample ? nla_get_u32(sample) : INK_SAMPLE_DEFAULT;
	return 0;
}

static int load_commit(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	struct nlattr *slot = attr_required(info, INKLING_A_LOAD_SLOT, "slot", why);
	struct nlattr *schema = info->attrs[INKLING_A_LOAD_EXPECT_SCHEMA];
	struct nlattr *threshold = info->attrs[INKLING_A_LOAD_THRESHOLD];
	u64 expected = schema ? nla_get_u64(schema) : 0;
	struct ink_load_options options = {
		.schema = schema ? &expected : NULL,
		.threshold = threshold ? nla_get_s32(threshold) : INK_THRESHOLD_OF_MODEL,
	};
	struct ink_why unused = {};
	struct ink_model *model;
	struct sk_buff *reply;
	int err;

	err = !slot || load_sample(info, &options, why) ? -EINVAL : 0;
	reply = err ? NULL : genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply) {
		ink_load_abort(genl_info_net(info), info->snd_portid, &unused);
		return err ?: -ENOMEM;
	}
	model = ink_load_commit(genl_info_net(info), info->snd_portid, nla_data(slot), &options,
				why);
	if (IS_ERR(model)) {
		nlmsg_free(reply);
		return PTR_ERR(model);
	}
	err = load_reply(reply, info, model);
	ink_model_put(model);
	return err;
}

static int load_abort(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	return ink_load_abort(genl_info_net(info), info->snd_portid, why);
}

/* Slots */

static int change_owner(struct genl_info *info, struct ink_slot_change *change,
			struct ink_why *why)
{
	struct nlattr *uid = info->attrs[INKLING_A_SLOT_UID];
	struct nlattr *gid = info->attrs[INKLING_A_SLOT_GID];
	struct nlattr *perm = info->attrs[INKLING_A_SLOT_PERM];

	if (uid) {
		change->uid = make_kuid(&init_user_ns, nla_get_u32(uid));
		change->set_uid = uid_valid(change->uid);
	}
	if (gid) {
		change->gid = make_kgid(&init_user_ns, nla_get_u32(gid));
		change->set_gid = gid_valid(change->gid);
	}
	if ((uid && !change->set_uid) || (gid && !change->set_gid)) {
		ink_explain(why, "4294967295 is nobody's uid or gid");
		return attr_refuse(info, uid && !change->set_uid ? uid : gid);
	}
	if (perm && nla_get_u32(perm) & ~0777) {
		ink_explain(why, "perm %#o: has to be 0 to 0777", nla_get_u32(perm));
		return attr_refuse(info, perm);
	}
	if (perm) {
		change->set_perm = true;
		change->perm = nla_get_u32(perm);
	}
	return 0;
}

static int change_action(struct genl_info *info, struct nlattr *attr,
			 struct ink_slot_change *change, struct ink_why *why)
{
	struct nlattr *tb[INKLING_A_CLASS_ACTION_MAX + 1];
	u32 class;
	int err;

	err = nla_parse_nested(tb, INKLING_A_CLASS_ACTION_MAX, attr,
			       inkling_class_action_nl_policy, info->extack);
	if (err)
		return err;
	if (!tb[INKLING_A_CLASS_ACTION_CLASS] || !tb[INKLING_A_CLASS_ACTION_ACTION]) {
		ink_explain(why, "class-action needs both class and action");
		return attr_refuse(info, attr);
	}
	class = nla_get_u32(tb[INKLING_A_CLASS_ACTION_CLASS]);
	if (class >= INKLING_MAX_CLASSES) {
		ink_explain(why, "class %u: has to be 0 to %u", class, INKLING_MAX_CLASSES - 1);
		return attr_refuse(info, tb[INKLING_A_CLASS_ACTION_CLASS]);
	}
	change->classes |= BIT(class);
	change->action[class] = nla_get_u32(tb[INKLING_A_CLASS_ACTION_ACTION]);
	return 0;
}

static int change_threshold(struct genl_info *info, struct ink_slot_change *change,
			    struct ink_why *why)
{
	struct nlattr *threshold = info->attrs[INKLING_A_SLOT_THRESHOLD];
	struct nlattr *reset = info->attrs[INKLING_A_SLOT_THRESHOLD_DEFAULT];

	if (threshold && reset) {
		ink_explain(why, "threshold and threshold-default exclude each other");
		return attr_refuse(info, reset);
	}
	change->set_threshold = threshold || reset;
	change->threshold = threshold ? nla_get_s32(threshold) : INK_THRESHOLD_OF_MODEL;
	return 0;
}

/* What slot-new and slot-set can both set; the policy of slot-new has no threshold. */
static int slot_change(struct genl_info *info, struct ink_slot_change *change,
		       struct ink_why *why)
{
	struct nlattr *mode = info->attrs[INKLING_A_SLOT_MODE];
	struct nlattr *attr;
	int err, rest;

	if (mode) {
		change->set_mode = true;
		change->mode = nla_get_u32(mode);
	}
	err = change_owner(info, change, why) ?: change_threshold(info, change, why);
	nla_for_each_attr(attr, genlmsg_data(info->genlhdr), genlmsg_len(info->genlhdr), rest)
		if (!err && nla_type(attr) == INKLING_A_SLOT_CLASS_ACTION)
			err = change_action(info, attr, change, why);
	return err;
}

/* As load_reply(). */
static int slot_reply(struct sk_buff *reply, struct genl_info *info, int cmd, const char *name, u32 id)
{
	void *header;

	header = genlmsg_put_reply(reply, info, &inkling_nl_family, 0, cmd);
	if (!header || nla_put_string(reply, INKLING_A_SLOT_NAME, name) ||
	    nla_put_u32(reply, INKLING_A_SLOT_ID, id)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

static int slot_new(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	struct ink_slot_change change = {
		.set_uid = true, .uid = NETLINK_CREDS(skb)->uid,
		.set_gid = true, .gid = NETLINK_CREDS(skb)->gid,
		.set_mode = true, .mode = INKLING_MODE_MONITOR,
	};
	const char *name = slot_name(info, why);
	struct nlattr *contexts;
	struct sk_buff *reply;
	u32 id;
	int err;

	if (!name)
		return -EINVAL;
	contexts = attr_required(info, INKLING_A_SLOT_CONTEXTS, "contexts", why);
	if (!contexts)
		return -EINVAL;
	err = slot_change(info, &change, why);
	if (err)
		return err;
	reply = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	err = ink_slot_new(name, nla_get_u32(contexts), &change, &id, why);
	if (!err)
		return slot_reply(reply, info, INKLING_CMD_SLOT_NEW, name, id);
	nlmsg_free(reply);
	return err;
}

static int slot_del(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	const char *name = slot_name(info, why);

	return name ? ink_slot_del(name, why) : -EINVAL;
}

static int slot_set(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	const char *name = slot_name(info, why);
	struct ink_slot_change change = {};

	if (!name)
		return -EINVAL;
	return slot_change(info, &change, why) ?: ink_slot_set(name, &change, why);
}

static int slot_rollback(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	const char *name = slot_name(info, why);

	return name ? ink_slot_rollback(name, why) : -EINVAL;
}

static int slot_promote(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	const char *name = slot_name(info, why);

	return name ? ink_slot_promote(name, why) : -EINVAL;
}

static int slot_shadow_drop(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	const char *name = slot_name(info, why);

	return name ? ink_slot_shadow_drop(name, why) : -EINVAL;
}

/*
 * Whoever opened the socket may see a slot that permits it; the sender may
 * be another process, as when a set-uid program inherits the socket.
 */
static bool netlink_may_see(struct sk_buff *skb, const struct ink_slot *slot)
{
	struct socket *socket = NETLINK_CB(skb).sk->sk_socket;

	if (netlink_capable(skb, CAP_NET_ADMIN) || netlink_capable(skb, CAP_SYS_ADMIN))
		return true;
	return socket && socket->file && ink_slot_permits(slot, socket->file->f_cred, 4);
}

static int slot_get(struct sk_buff *skb, struct genl_info *info, struct ink_why *why)
{
	const char *name = slot_name(info, why);
	struct ink_slot *slot;
	struct sk_buff *reply;
	void *header;
	int err = 0;

	if (!name)
		return -EINVAL;
	reply = genlmsg_new(INK_SLOT_MESSAGE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&ink_slots_lock);
	slot = ink_slot_find(name);
	if (!slot) {
		ink_explain(why, "there is no slot %s: create it with slot-new", name);
		err = -ENOENT;
	} else if (!netlink_may_see(skb, slot)) {
		ink_explain(why, "slot %s may only be seen by who has read permission: ask its owner, or run it as root",
			    name);
		err = -EACCES;
	} else {
		header = genlmsg_put_reply(reply, info, &inkling_nl_family, 0,
					   INKLING_CMD_SLOT_GET);
		err = header ? ink_netlink_put_slot(reply, slot, 0) : -EMSGSIZE;
	}
	mutex_unlock(&ink_slots_lock);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

int inkling_nl_slot_get_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = INK_SLOT_MESSAGE;
	return 0;
}

/* cb->args[0] is the index to go on with; what may not be seen is left out. */
int inkling_nl_slot_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ink_slot *slot;
	void *header;
	int err = 0;

	mutex_lock(&ink_slots_lock);
	for (; !err; cb->args[0]++) {
		slot = ink_slot_by_index(cb->args[0]);
		if (IS_ERR(slot))
			break;
		if (!slot || !netlink_may_see(cb->skb, slot))
			continue;
		header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				     &inkling_nl_family, NLM_F_MULTI, INKLING_CMD_SLOT_GET);
		if (header && !ink_netlink_put_slot(skb, slot, 0)) {
			genlmsg_end(skb, header);
			continue;
		}
		if (header)
			genlmsg_cancel(skb, header);
		err = -EMSGSIZE;
		break;
	}
	mutex_unlock(&ink_slots_lock);
	return skb->len ?: err;
}

/* What the generated table calls. */

#define INK_NETLINK_DOIT(op)							\
int inkling_nl_##op##_doit(struct sk_buff *skb, struct genl_info *info)	\
{										\
	return netlink_do(skb, info, op);					\
}
INK_NETLINK_DOIT(load_begin)
INK_NETLINK_DOIT(load_chunk)
INK_NETLINK_DOIT(load_commit)
INK_NETLINK_DOIT(load_abort)
INK_NETLINK_DOIT(slot_new)
INK_NETLINK_DOIT(slot_del)
INK_NETLINK_DOIT(slot_set)
INK_NETLINK_DOIT(slot_rollback)
INK_NETLINK_DOIT(slot_promote)
INK_NETLINK_DOIT(slot_shadow_drop)

/* Not only for administrators. */
int inkling_nl_slot_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ink_why why = {};
	int err = slot_get(skb, info, &why);

	return err ? netlink_refuse(skb, info, err, &why) : 0;
}

/* The generator knows no flags of groups. */
static const struct genl_multicast_group netlink_groups[] = {
	[INKLING_NLGRP_SLOTS] = {
		.name = INKLING_MCGRP_SLOTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

int __init ink_netlink_init(void)
{
	inkling_nl_family.mcgrps = netlink_groups;
	inkling_nl_family.n_mcgrps = ARRAY_SIZE(netlink_groups);
	return ink_compat_genl_register(&inkling_nl_family);
}

/* Waits for requests that are being handled; a dump under way holds the module. */
void ink_netlink_exit(void)
{
	genl_unregister_family(&inkling_nl_family);
}
