/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of the netlink client: what ctl.c, slot.c, load.c and watch.c share.
 */
#ifndef INK_CTL_H
#define INK_CTL_H

#include <netlink/netlink.h>
#include <netlink/genl/genl.h>
#include <linux/inkling_netlink.h>
#include "internal.h"

/* Attribute sets, to name an attribute that the kernel complains of. */
enum ink_attr_set {
	INK_ATTRS_LOAD,
	INK_ATTRS_SLOT,
};

/**
 * struct ink_ctl - a connection to the netlink family
 * @sock: connected
 * @family: its id
 */
struct ink_ctl {
	struct nl_sock *sock;
	int family;
};

/* Takes attributes of a reply; a negative errno ends the exchange. */
typedef int (*ink_reply_fn)(struct nlattr *attrs, int len, void *arg);

/* A request with room for @size bytes of attributes, or NULL with the failure set. */
struct nl_msg *ink_ctl_request(struct ink_ctl *ctl, enum inkling_cmd cmd, int flags, size_t size);

/**
 * ink_ctl_call() - send a request and wait for its end
 * @ctl: open
 * @msg: freed, whatever happens; may be NULL after a failed ink_ctl_request()
 * @set: of its attributes
 * @what: what is being done, such as "load into slot a"; begins the failure's text
 * @reply: for each message that comes back; may be NULL
 * @arg: for @reply
 *
 * Return: 0, or a negative errno with the kernel's own words in the failure.
 */
int ink_ctl_call(struct ink_ctl *ctl, struct nl_msg *msg, enum ink_attr_set set,
		 const char *what, ink_reply_fn reply, void *arg);

/* -EMSGSIZE with the failure set; an attribute didn't fit. */
int ink_ctl_no_room(struct nl_msg *msg);

/* A struct ink_slot from the attributes of a reply or notification. */
struct ink_slot *ink_slot_parse(struct nlattr *attrs, int len);

#endif /* INK_CTL_H */
