// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs of tc on an interface; see program_tc.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "program_tc.h"

#define INK_TC_HANDLE	0x1

/* enum bpf_attach_type of Linux 6.6; older headers end before it. */
#define INK_TCX_INGRESS	46
#define INK_TCX_EGRESS	47

static int ink_tcx_attach(int prog, const struct ink_tc_place *place, bool out)
{
	int fd = bpf_link_create(prog, (int)place->ifindex,
				 (enum bpf_attach_type)(out ? INK_TCX_EGRESS : INK_TCX_INGRESS),
				 NULL);
	int err;

	if (fd < 0)
		return -errno;
	err = bpf_obj_pin(fd, place->pin) ? -errno : 0;
	close(fd);
	return err;
}

static int ink_clsact_attach(int prog, const struct ink_tc_place *place, struct ink_tc_record *tc)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)place->ifindex,
		    .attach_point = tc->out ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog, .handle = INK_TC_HANDLE,
		    .priority = place->priority, .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	tc->made_qdisc = !err;
	return bpf_tc_attach(&hook, &opts);
}

int ink_tc_attach(int prog, const struct ink_tc_place *place, bool out, struct ink_tc_record *tc)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int err;

	if (bpf_obj_get_info_by_fd(prog, &info, &size))
		return -errno;
	*tc = (struct ink_tc_record){ .way = INK_TC_TCX, .out = out, .prog_id = info.id };
	err = ink_tcx_attach(prog, place, out);
	if (err != -EINVAL)
		return err;
	tc->way = INK_TC_CLSACT;
	return ink_clsact_attach(prog, place, tc);
}

static int ink_filter_count(struct nl_msg *msg, void *arg)
{
	++*(unsigned int *)arg;
	return NL_OK;
}

/* Filters of both sides of the interface's clsact qdisc; -errno when that can't be told. */
static int ink_filters(uint32_t ifindex)
{
	static const uint32_t minors[] = { TC_H_MIN_INGRESS, TC_H_MIN_EGRESS };
	struct nl_sock *sock = nl_socket_alloc();
	unsigned int n = 0;
	int err = sock ? nl_connect(sock, NETLINK_ROUTE) : -ENOMEM;
	size_t i;

	if (!err)
		err = nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, ink_filter_count, &n);
	for (i = 0; i < 2 && !err; i++) {
		struct tcmsg tcm = {
			.tcm_ifindex = (int)ifindex,
			.tcm_parent = TC_H_MAKE(TC_H_CLSACT, minors[i]),
		};

		err = nl_send_simple(sock, RTM_GETTFILTER, NLM_F_DUMP, &tcm, sizeof(tcm));
		if (err >= 0)
			err = nl_recvmsgs_default(sock);
	}
	nl_socket_free(sock);
	return err < 0 ? -EIO : (int)n;
}

static int ink_clsact_detach(const struct ink_tc_place *place, const struct ink_tc_record *tc)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)place->ifindex,
		    .attach_point = tc->out ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = INK_TC_HANDLE,
		    .priority = place->priority);
	int err = bpf_tc_detach(&hook, &opts);

	/* The interface, the qdisc or the filter are gone. */
	if (err == -ENODEV || err == -ENOENT || err == -EINVAL)
		return 0;
	if (err || !tc->made_qdisc || ink_filters(place->ifindex))
		return err;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	return bpf_tc_hook_destroy(&hook);
}

static bool ink_clsact_alive(const struct ink_tc_place *place, const struct ink_tc_record *tc)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)place->ifindex,
		    .attach_point = tc->out ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = INK_TC_HANDLE,
		    .priority = place->priority);

	return !bpf_tc_query(&hook, &opts) && opts.prog_id == tc->prog_id;
}

/* Is the filter at our place one of ours? Names of programs are cut off at 15 characters. */
static bool ink_clsact_is_ours(const struct ink_tc_place *place, bool out, const char *name)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)place->ifindex,
		    .attach_point = out ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = INK_TC_HANDLE, .priority = place->priority);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_tc_query(&hook, &opts) ? -1 : bpf_prog_get_fd_by_id(opts.prog_id);
	bool ours;

	if (fd < 0)
		return false;
	ours = !bpf_obj_get_info_by_fd(fd, &info, &size) &&
	       !strncmp(info.name, name, strlen(name));
	close(fd);
	return ours;
}

void ink_tc_sweep(uint32_t ifindex, uint32_t priority, const char *name)
{
	struct ink_tc_place place = { .ifindex = ifindex, .priority = priority };
	struct ink_tc_record tc = { .way = INK_TC_CLSACT, .made_qdisc = 1 };

	for (tc.out = 0; tc.out < 2; tc.out++)
		if (ink_clsact_is_ours(&place, tc.out, name))
			ink_clsact_detach(&place, &tc);
}

bool ink_tc_alive(const struct ink_tc_place *place, const struct ink_tc_record *tc)
{
	switch (tc->way) {
	case INK_TC_TCX:
		return ink_pinned_link_alive(place->pin);
	case INK_TC_CLSACT:
		return ink_clsact_alive(place, tc);
	}
	return true;
}

int ink_tc_detach(const struct ink_tc_place *place, const struct ink_tc_record *tc)
{
	switch (tc->way) {
	case INK_TC_TCX:
		return ink_pinned_link_detach(place->pin);
	case INK_TC_CLSACT:
		return ink_clsact_detach(place, tc);
	}
	return 0;
}
