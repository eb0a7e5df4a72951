// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The netlink client: connecting, one request at a time, the kernel's words.
 *
 * What lives here: the socket, and error messages with their extended
 * acknowledgement, which libnl doesn't hand out. What doesn't: what the
 * messages mean (slot.c, load.c, watch.c).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netlink/genl/ctrl.h>
#include "ctl.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

/* State of one exchange. */
struct exchange {
	const struct nlmsghdr *request;
	ink_reply_fn reply;
	void *arg;
	int err;		/* negative errno */
	bool failed_here;	/* by @reply, which has set the failure */
	bool done;
	char text[256];		/* what the kernel said */
	u32 offset;		/* of the attribute it means, or 0 */
	u32 missing;		/* type of the attribute it misses, or 0 */
};

static const char * const load_names[INKLING_A_LOAD_MAX + 1] = {
	[INKLING_A_LOAD_SIZE] = "size",
	[INKLING_A_LOAD_DIGEST] = "digest",
	[INKLING_A_LOAD_OFFSET] = "offset",
	[INKLING_A_LOAD_DATA] = "data",
	[INKLING_A_LOAD_SLOT] = "slot",
	[INKLING_A_LOAD_EXPECT_SCHEMA] = "expect-schema",
	[INKLING_A_LOAD_THRESHOLD] = "threshold",
	[INKLING_A_LOAD_SHADOW] = "shadow",
	[INKLING_A_LOAD_SAMPLE] = "sample",
};

static const char * const slot_names[INKLING_A_SLOT_MAX + 1] = {
	[INKLING_A_SLOT_NAME] = "name",
	[INKLING_A_SLOT_CONTEXTS] = "contexts",
	[INKLING_A_SLOT_MODE] = "mode",
	[INKLING_A_SLOT_UID] = "uid",
	[INKLING_A_SLOT_GID] = "gid",
	[INKLING_A_SLOT_PERM] = "perm",
	[INKLING_A_SLOT_THRESHOLD] = "threshold",
	[INKLING_A_SLOT_THRESHOLD_DEFAULT] = "threshold-default",
	[INKLING_A_SLOT_CLASS_ACTION] = "class-action",
};

static const char *attr_name(enum ink_attr_set set, u32 type)
{
	if (set == INK_ATTRS_LOAD)
		return type <= INKLING_A_LOAD_MAX ? load_names[type] : NULL;
	return type <= INKLING_A_SLOT_MAX ? slot_names[type] : NULL;
}

/* Name of the top-level attribute that lies at an offset of the request. */
static const char *attr_at(const struct exchange *x, enum ink_attr_set set)
{
	const struct nlattr *a;
	int rest;

	a = (const void *)((const char *)x->request + NLMSG_HDRLEN + GENL_HDRLEN);
	rest = (int)x->request->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	for (; nla_ok(a, rest); a = nla_next(a, &rest)) {
		u32 start = (u32)((const char *)a - (const char *)x->request);

		if (x->offset >= start && x->offset < start + a->nla_len)
			return attr_name(set, (u32)nla_type(a));
	}
	return NULL;
}

/* The attributes behind an error or the end of a dump. */
static void parse_extack(struct exchange *x, const void *tlvs, int len)
{
	const struct nlattr *a = tlvs;

	for (; nla_ok(a, len); a = nla_next(a, &len)) {
		switch (nla_type(a)) {
		case NLMSGERR_ATTR_MSG:
			ink_text_copy(x->text, sizeof(x->text), nla_data(a), (size_t)nla_len(a));
			break;
		case NLMSGERR_ATTR_OFFS:
			if (nla_len(a) >= 4)
				x->offset = nla_get_u32(a);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			if (nla_len(a) >= 4)
				x->missing = nla_get_u32(a);
			break;
		}
	}
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)e - 1;
	struct exchange *x = arg;
	size_t skip = sizeof(*e);

	x->err = e->error;
	x->done = true;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS) {
		if (!(h->nlmsg_flags & NLM_F_CAPPED))
			skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
		if (skip < (size_t)nlmsg_datalen(h))
			parse_extack(x, (const char *)nlmsg_data(h) + skip,
				     nlmsg_datalen(h) - (int)skip);
	}
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	x->done = true;
	return NL_STOP;
}

/* libnl's own check is out of step for good when one message got lost. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
	const struct exchange *x = arg;

	return nlmsg_hdr(msg)->nlmsg_seq == x->request->nlmsg_seq ? NL_OK : NL_SKIP;
}

/* The end of a dump carries its result. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *h = nlmsg_hdr(msg);
	struct exchange *x = arg;
	int err;

	x->done = true;
	if (nlmsg_datalen(h) >= (int)sizeof(err)) {
		memcpy(&err, nlmsg_data(h), sizeof(err));
		if (err < 0)
			x->err = err;
		parse_extack(x, (const char *)nlmsg_data(h) + NLMSG_ALIGN(sizeof(err)),
			     nlmsg_datalen(h) - (int)NLMSG_ALIGN(sizeof(err)));
	}
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *g = nlmsg_data(nlmsg_hdr(msg));
	struct exchange *x = arg;
	int err;

	if (!x->reply || x->err || nlmsg_datalen(nlmsg_hdr(msg)) < (int)GENL_HDRLEN)
		return NL_OK;
	err = x->reply(genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0), x->arg);
	if (err < 0) {
		x->err = err;
		x->failed_here = true;
	}
	return NL_OK;
}

static const char *hint_for(int err, const char *text)
{
	switch (err) {
	case EPERM:
		return *text ? "" : "this needs CAP_BPF and CAP_NET_ADMIN: run it as root";
	case ENOENT:
		return "\"inkling slots\" lists what there is";
	case EEXIST:
		return "it is there already; delete it first or choose another name";
	case ENOMEM:
		return "the kernel has no memory for it";
	default:
		return "";
	}
}

/* Put the kernel's answer into words. */
static int describe(const struct exchange *x, enum ink_attr_set set, const char *what)
{
	const char *name = NULL;
	int err = -x->err;

	if (x->failed_here)
		return x->err;
	if (x->missing)
		name = attr_name(set, x->missing);
	else if (x->offset)
		name = attr_at(x, set);
	if (*x->text)
		ink_failure_set(err, "%s: %s%s%s%s", what, x->text, name ? " (attribute " : "",
				name ? name : "", name ? ")" : "");
	else if (name)
		ink_failure_set(err, "%s: attribute %s: %s", what, name,
				x->missing ? "is missing" : strerror(err));
	else
		ink_failure_set(err, "%s: %s", what, strerror(err));
	ink_failure_hint("%s", hint_for(err, x->text));
	return -err;
}

/* Errno of a libnl error, which has numbers of its own. */
static int from_libnl(int err)
{
	switch (-err) {
	case NLE_NOMEM:
		return ENOMEM;
	case NLE_OBJ_NOTFOUND:
	case NLE_NODEV:
		return ENOENT;
	case NLE_PERM:
	case NLE_NOACCESS:
		return EPERM;
	case NLE_INTR:
		return EINTR;
	case NLE_AGAIN:
		return EAGAIN;
	case NLE_MSGSIZE:
		return EMSGSIZE;
	default:
		return EIO;
	}
}

struct nl_msg *ink_ctl_request(struct ink_ctl *ctl, enum inkling_cmd cmd, int flags, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_HDRLEN + GENL_HDRLEN + size + 256);

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, ctl->family, 0, flags, cmd,
			       INKLING_FAMILY_VERSION))
		return msg;
	nlmsg_free(msg);
	ink_failure_set(ENOMEM, "no memory for a message to the kernel");
	return NULL;
}

int ink_ctl_no_room(struct nl_msg *msg)
{
	nlmsg_free(msg);
	return ink_failure_set(EMSGSIZE, "the message to the kernel has no room for its attributes");
}

int ink_ctl_check_name(const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", name[i]))
			break;
	if (len && len < INKLING_SLOT_NAME_MAX && i == len && name[0] != '.')
		return 0;
	ink_failure_set(EINVAL, "\"%.40s\" can't be the name of a slot", name);
	ink_failure_hint("names have 1 to %d of a-z 0-9 . _ - and don't begin with a dot",
			 INKLING_SLOT_NAME_MAX - 1);
	return -EINVAL;
}

/*
 * An answer got lost, or a part of it, for want of memory. What there is of it is in nobody's way, but
 * a dump has to come to its end before the next one can begin.
 */
static void drain(struct ink_ctl *ctl)
{
	char start;
	ssize_t n;

	do {
		n = recv(nl_socket_get_fd(ctl->sock), &start, sizeof(start), MSG_DONTWAIT);
	} while (n >= 0 || errno == ENOBUFS || errno == EINTR);
}

int ink_ctl_call(struct ink_ctl *ctl, struct nl_msg *msg, enum ink_attr_set set,
		 const char *what, ink_reply_fn reply, void *arg)
{
	struct exchange x = { .reply = reply, .arg = arg };
	struct nl_cb *cb;
	int err;

	if (!msg)
		return -ink_failure_last()->code;
	cb = nl_cb_alloc(NL_CB_CUSTOM);
	if (!cb) {
		nlmsg_free(msg);
		return ink_failure_set(ENOMEM, "no memory for a message to the kernel");
	}
	x.request = nlmsg_hdr(msg);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &x);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &x);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &x);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &x);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, &x);
	err = nl_send_auto(ctl->sock, msg);
	while (err >= 0 && !x.done) {
		err = nl_recvmsgs(ctl->sock, cb);
		if (err == -NLE_INTR)
			err = 0;
	}
	nl_cb_put(cb);
	if (!x.done)
		drain(ctl);
	if (x.err)
		err = describe(&x, set, what);
	else if (err < 0)
		err = ink_failure_set(from_libnl(err), "%s: %s", what, nl_geterror(err));
	else
		err = 0;
	nlmsg_free(msg);
	return err;
}

struct ink_ctl *ink_ctl_open(void)
{
	struct ink_ctl *ctl = calloc(1, sizeof(*ctl));
	int err, on = 1;

	if (ctl)
		ctl->sock = nl_socket_alloc();
	if (!ctl || !ctl->sock) {
		ink_failure_set(ENOMEM, "no memory for a netlink socket");
		goto fail;
	}
	err = genl_connect(ctl->sock);
	if (err < 0) {
		ink_failure_set(from_libnl(err), "generic netlink: %s", nl_geterror(err));
		goto fail;
	}
	/* Both are there since Linux 4.12; without them only the words are missing. */
	setsockopt(nl_socket_get_fd(ctl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(ctl->sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	ctl->family = genl_ctrl_resolve(ctl->sock, INKLING_FAMILY_NAME);
	if (ctl->family < 0) {
		ink_failure_set(from_libnl(ctl->family), "the kernel has no netlink family \"%s\"",
				INKLING_FAMILY_NAME);
		ink_failure_hint("load the module: modprobe inkling (\"inkling doctor\" says more)");
		goto fail;
	}
	return ctl;
fail:
	ink_ctl_close(ctl);
	errno = ink_failure_last()->code;
	return NULL;
}

void ink_ctl_close(struct ink_ctl *ctl)
{
	if (!ctl)
		return;
	nl_socket_free(ctl->sock);
	free(ctl);
}
