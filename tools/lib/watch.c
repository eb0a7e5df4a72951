// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Notifications of changes of slots.
 *
 * What lives here: a socket that joined the multicast group. What doesn't:
 * verdicts of packets and the like, which BPF programs report by themselves.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/genl/ctrl.h>
#include "ctl.h"

struct ink_watch {
	struct ink_ctl *ctl;
	struct nl_cb *cb;
	struct ink_slot *head, **end;	/* came in, not handed out yet */
	int err;
};

static int on_notify(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct genlmsghdr *g = nlmsg_data(h);
	struct ink_watch *watch = arg;
	struct ink_slot *slot;

	if (h->nlmsg_type != watch->ctl->family || nlmsg_datalen(h) < (int)GENL_HDRLEN ||
	    g->cmd != INKLING_CMD_SLOT_NTF)
		return NL_OK;
	slot = ink_slot_parse(genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0));
	if (!slot) {
		watch->err = -ENOMEM;
		return NL_STOP;
	}
	*watch->end = slot;
	watch->end = &slot->next;
	return NL_OK;
}

static int on_any(struct nl_msg *msg, void *arg)
{
	return NL_OK;	/* notifications have no sequence numbers */
}

static int join(struct ink_watch *watch)
{
	struct nl_sock *sock = watch->ctl->sock;
	int group, err;

	group = genl_ctrl_resolve_grp(sock, INKLING_FAMILY_NAME, INKLING_MCGRP_SLOTS);
	if (group < 0)
		return ink_failure_set(ENOENT, "the kernel has no group \"%s\"",
				       INKLING_MCGRP_SLOTS);
	err = nl_socket_add_membership(sock, group);
	if (err == -NLE_PERM) {
		ink_failure_set(EPERM, "listening to changes of slots isn't permitted");
		ink_failure_hint("this needs CAP_NET_ADMIN: run it as root");
		return -EPERM;
	}
	if (err < 0)
		return ink_failure_set(EIO, "group \"%s\": %s", INKLING_MCGRP_SLOTS,
				       nl_geterror(err));
	watch->cb = nl_cb_alloc(NL_CB_CUSTOM);
	if (!watch->cb)
		return ink_failure_set(ENOMEM, "no memory to listen");
	nl_cb_set(watch->cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_any, NULL);
	nl_cb_set(watch->cb, NL_CB_VALID, NL_CB_CUSTOM, on_notify, watch);
	return 0;
}

struct ink_watch *ink_watch_open(void)
{
	struct ink_watch *watch = calloc(1, sizeof(*watch));

	if (!watch) {
		ink_failure_set(ENOMEM, "no memory to listen");
		return NULL;
	}
	watch->end = &watch->head;
	watch->ctl = ink_ctl_open();
	if (watch->ctl && !join(watch))
		return watch;
	ink_watch_close(watch);
	errno = ink_failure_last()->code;
	return NULL;
}

void ink_watch_close(struct ink_watch *watch)
{
	if (!watch)
		return;
	ink_slot_free(watch->head);
	if (watch->cb)
		nl_cb_put(watch->cb);
	ink_ctl_close(watch->ctl);
	free(watch);
}

int ink_watch_fd(const struct ink_watch *watch)
{
	return nl_socket_get_fd(watch->ctl->sock);
}

struct ink_slot *ink_watch_next(struct ink_watch *watch)
{
	struct ink_slot *slot;
	int err;

	while (!watch->head && !watch->err) {
		err = nl_recvmsgs(watch->ctl->sock, watch->cb);
		if (err == -NLE_NOMEM) {
			ink_failure_set(ENOBUFS, "changes came faster than they were read; some are lost");
			return NULL;
		}
		if (err < 0) {
			err = err == -NLE_INTR ? EINTR : err == -NLE_AGAIN ? EAGAIN : EIO;
			ink_failure_set(err, "listening to changes of slots: %s", strerror(err));
			return NULL;
		}
	}
	if (!watch->head) {
		ink_failure_set(-watch->err, "no memory for a slot");
		watch->err = 0;
		return NULL;
	}
	slot = watch->head;
	watch->head = slot->next;
	if (!watch->head)
		watch->end = &watch->head;
	slot->next = NULL;
	return slot;
}
