// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow programs on an interface; see program.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "aside.h"
#include "cli.h"
#include "program.h"
#include "program_cgroup.h"
#include "program_object.h"
#include "program_tc.h"

#define XDP_PINS	"/sys/fs/bpf/xdp"	/* libxdp's */
#define XDP_PROGS_MAX	10			/* of one dispatcher */

static struct ink_tc_place ink_tc_place(uint32_t ifindex, const char *target, bool out)
{
	return (struct ink_tc_place){
		.ifindex = ifindex, .priority = INK_TC_FLOW,
		.pin = ink_pin_path(target, out ? "link_out" : "link_in"),
	};
}

static int ink_attach_out(struct bpf_object *obj, const struct ink_program_options *o,
			  struct ink_program_result *r)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, INK_PROGRAM_OUT);
	struct ink_tc_place place = ink_tc_place(o->ifindex, o->target, true);

	return ink_tc_attach(bpf_program__fd(prog), &place, true, &r->tc_out);
}

/* With XDP_MODE_UNSPEC libxdp tries native first; *@mode is what it became. */
static int ink_dispatcher_try(struct xdp_program *xdp, uint32_t ifindex, enum ink_xdp_mode asked,
			      enum ink_xdp_mode *mode)
{
	int err = xdp_program__attach(xdp, (int)ifindex, asked == INK_XDP_NATIVE ? XDP_MODE_NATIVE :
				      asked == INK_XDP_SKB ? XDP_MODE_SKB : XDP_MODE_UNSPEC, 0);

	if (!err)
		*mode = xdp_program__is_attached(xdp, (int)ifindex) == XDP_MODE_SKB ?
			INK_XDP_SKB : INK_XDP_NATIVE;
	return err;
}

static int ink_attach_dispatcher(const struct ink_program_options *o,
				 struct ink_program_result *r)
{
	struct xdp_program *xdp;
	struct bpf_object *obj;
	int err;

	obj = ink_object_open(o, &err);
	if (!obj)
		return err;
	xdp = xdp_program__from_bpf_obj(obj, INK_PROGRAM_SECTION);
	err = (int)libxdp_get_error(xdp);
	if (err) {
		bpf_object__close(obj);
		return err;
	}
	err = ink_dispatcher_try(xdp, o->ifindex, o->mode, &r->mode);
	if (!err) {
		r->prog_id = xdp_program__id(xdp);
		err = ink_maps_pin(obj, o->target);
		if (!err && bpf_obj_pin(xdp_program__fd(xdp),
					ink_pin_path(o->target, "program")))
			err = -errno;
		if (!err)
			err = ink_attach_out(obj, o, r);
		if (err)
			xdp_program__detach(xdp, (int)o->ifindex, r->mode == INK_XDP_SKB ?
					    XDP_MODE_SKB : XDP_MODE_NATIVE, 0);
	}
	xdp_program__close(xdp);
	bpf_object__close(obj);
	return err;
}

static int ink_link_try(int prog, uint32_t ifindex, enum ink_xdp_mode asked,
			enum ink_xdp_mode *mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int fd;

	if (asked != INK_XDP_SKB) {
		*mode = INK_XDP_NATIVE;
		opts.flags = XDP_FLAGS_DRV_MODE;
		fd = bpf_link_create(prog, (int)ifindex, BPF_XDP, &opts);
		if (fd >= 0 || asked == INK_XDP_NATIVE)
			return fd < 0 ? -errno : fd;
	}
	*mode = INK_XDP_SKB;
	opts.flags = XDP_FLAGS_SKB_MODE;
	fd = bpf_link_create(prog, (int)ifindex, BPF_XDP, &opts);
	return fd < 0 ? -errno : fd;
}

static int ink_attach_link(const struct ink_program_options *o, struct ink_program_result *r)
{
	struct bpf_object *obj;
	int err, link = -1, fd;

	obj = ink_object_open(o, &err);
	if (!obj)
		return err;
	fd = ink_object_load(obj, o, INK_PROGRAM_XDP, &r->prog_id);
	err = fd < 0 ? fd : 0;
	if (!err) {
		link = ink_link_try(fd, o->ifindex, o->mode, &r->mode);
		err = link < 0 ? link : 0;
	}
	if (!err && bpf_obj_pin(link, ink_pin_path(o->target, "link")))
		err = -errno;
	if (!err)
		err = ink_attach_out(obj, o, r);
	/* Closing an unpinned link takes the program off again; the pin goes with the folder. */
	if (link >= 0)
		close(link);
	bpf_object__close(obj);
	return err;
}

static int ink_attach_tc(const struct ink_program_options *o, struct ink_program_result *r)
{
	struct ink_tc_place place = ink_tc_place(o->ifindex, o->target, false);
	struct bpf_object *obj;
	int err, fd;

	obj = ink_object_open(o, &err);
	if (!obj)
		return err;
	fd = ink_object_load(obj, o, INK_PROGRAM_TC, &r->prog_id);
	err = fd < 0 ? fd : ink_tc_attach(fd, &place, false, &r->tc_in);
	if (!err) {
		err = ink_attach_out(obj, o, r);
		if (err)
			ink_tc_detach(&place, &r->tc_in);
		/* It goes with the last of its filters. */
		r->tc_out.made_qdisc |= r->tc_in.made_qdisc;
	}
	bpf_object__close(obj);
	return err;
}

static int ink_attach_cgroup(const struct ink_program_options *o, struct ink_program_result *r)
{
	struct bpf_program *out;
	struct bpf_object *obj;
	int err, fd, cgroup = ink_cgroup_open(o->target);

	if (cgroup < 0)
		return cgroup;
	obj = ink_object_open(o, &err);
	if (obj) {
		fd = ink_object_load(obj, o, INK_PROGRAM_CG, &r->prog_id);
		out = bpf_object__find_program_by_name(obj, INK_PROGRAM_CG_OUT);
		/* Links whose pins the caller removes are gone. */
		err = fd < 0 ? fd : ink_cgroup_attach(cgroup, fd, bpf_program__fd(out), o->target);
		bpf_object__close(obj);
	}
	close(cgroup);
	return err;
}

/* What libbpf and libxdp said comes first: it is told by whoever failed first. */
static void ink_failure_note(struct ink_program_result *r, int err)
{
	size_t used = strlen(r->failure);

	snprintf(r->failure + used, sizeof(r->failure) - used, "%s%s%s%s", used ? "; alone: " : "",
		 strerror(-err), *ink_library_said() ? ": " : "", ink_library_said());
}

static int ink_attach_here(const void *options, void *result)
{
	const struct ink_program_options *o = options;
	struct ink_program_result *r = result;
	int err;

	if (o->hook != INK_HOOK_XDP) {
		err = o->hook == INK_HOOK_TC ? ink_attach_tc(o, r) : ink_attach_cgroup(o, r);
		if (err)
			ink_failure_note(r, err);
		return err;
	}
	if (o->via_any || o->via == INK_VIA_DISPATCHER) {
		r->via = INK_VIA_DISPATCHER;
		err = ink_attach_dispatcher(o, r);
		if (!err)
			return 0;
		ink_failure_note(r, err);
		if (!o->via_any || err == -EPERM)
			return err;
		snprintf(r->remark, sizeof(r->remark),
			 "not through libxdp's dispatcher (%.180s), so alone on the interface",
			 r->failure);
	}
	r->via = INK_VIA_LINK;
	err = ink_attach_link(o, r);
	if (err)
		ink_failure_note(r, err);
	return err;
}

int ink_program_attach(const struct ink_program_options *o, struct ink_program_result *r)
{
	int err;

	memset(r, 0, sizeof(*r));
	err = ink_aside(ink_attach_here, o, r, sizeof(*r));
	if (err && !*r->failure)
		snprintf(r->failure, sizeof(r->failure), "%s", strerror(-err));
	return err;
}

/* Does one of the programs pinned in a folder of libxdp's have this id? */
static bool ink_dispatcher_holds(const char *folder, uint32_t prog_id)
{
	struct bpf_prog_info info;
	uint32_t size;
	bool found = false;
	int i, fd;

	for (i = 0; i < XDP_PROGS_MAX && !found; i++) {
		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		fd = bpf_obj_get(ink_fmt("%s/prog%d-prog", folder, i));
		if (fd < 0)
			continue;
		found = !bpf_obj_get_info_by_fd(fd, &info, &size) && info.id == prog_id;
		close(fd);
	}
	return found;
}

/*
 * An interface that went away leaves libxdp's pins behind, and with them the
 * program and our module in use. libxdp_clean_references() goes by the number
 * of the interface, which another network namespace may use too; so look for
 * our program.
 */
static void ink_dispatcher_orphan(uint32_t prog_id)
{
	DIR *root = opendir(XDP_PINS), *dir;
	struct dirent *e;
	char folder[512];

	while (root && (e = readdir(root))) {
		snprintf(folder, sizeof(folder), XDP_PINS "/%s", e->d_name);
		if (strncmp(e->d_name, "dispatch-", 9) || !ink_dispatcher_holds(folder, prog_id))
			continue;
		dir = opendir(folder);
		while (dir && (e = readdir(dir)))
			if (e->d_name[0] != '.')
				unlinkat(dirfd(dir), e->d_name, 0);
		if (dir)
			closedir(dir);
		rmdir(folder);
	}
	if (root)
		closedir(root);
}

/* Our program on an interface, for xdp_multiprog__close(@mp), or NULL. */
static struct xdp_program *ink_dispatcher_find(const struct ink_attachment *record,
					       struct xdp_multiprog **mp)
{
	struct xdp_program *p = NULL;

	*mp = xdp_multiprog__get_from_ifindex((int)record->ifindex);
	if (libxdp_get_error(*mp)) {
		*mp = NULL;
		return NULL;
	}
	while ((p = xdp_multiprog__next_prog(p, *mp)))
		if (xdp_program__id(p) == record->prog_id)
			break;
	return p;
}

/*
 * A command that is killed between putting the program on an interface and
 * writing it down leaves one that no record names. With the lock held and no
 * record there, each program of this name is such a one.
 */
static int ink_sweep_here(const void *arg, void *none)
{
	const uint32_t ifindex = *(const uint32_t *)arg;
	struct xdp_program *p = NULL, *stray;
	struct xdp_multiprog *mp;

	mp = xdp_multiprog__get_from_ifindex((int)ifindex);
	if (libxdp_get_error(mp))
		return 0;
	do {
		stray = NULL;
		while (!stray && (p = xdp_multiprog__next_prog(p, mp)))
			if (!strcmp(xdp_program__name(p), INK_PROGRAM_XDP))
				stray = p;
		/* Detaching it makes another dispatcher of the rest. */
		if (!stray || xdp_program__detach(stray, (int)ifindex,
						  xdp_multiprog__attach_mode(mp), 0))
			break;
		xdp_multiprog__close(mp);
		mp = xdp_multiprog__get_from_ifindex((int)ifindex);
		p = NULL;
	} while (!libxdp_get_error(mp));
	if (!libxdp_get_error(mp))
		xdp_multiprog__close(mp);
	return 0;
}

void ink_program_sweep(uint32_t ifindex)
{
	ink_library_listen();
	ink_aside(ink_sweep_here, &ifindex, NULL, 0);
	ink_tc_sweep(ifindex, INK_TC_FLOW, "inkling_flow");
}

static int ink_detach_dispatcher(const void *arg, void *none)
{
	const struct ink_attachment *record = arg;
	struct xdp_multiprog *mp;
	struct xdp_program *p = ink_dispatcher_find(record, &mp);
	int err = 0;

	if (p)
		err = xdp_program__detach(p, (int)record->ifindex,
					  xdp_multiprog__attach_mode(mp), 0);
	else
		ink_dispatcher_orphan(record->prog_id);
	xdp_multiprog__close(mp);
	return err;
}

static int ink_dispatcher_look(const void *arg, void *alive)
{
	struct xdp_multiprog *mp;

	*(bool *)alive = ink_dispatcher_find(arg, &mp);
	xdp_multiprog__close(mp);
	return 0;
}

static bool ink_tc_there(const struct ink_attachment *record, const struct ink_tc_record *tc)
{
	struct ink_tc_place place = ink_tc_place(record->ifindex, record->target, tc->out);

	return ink_tc_alive(&place, tc);
}

static int ink_tc_take(const struct ink_attachment *record, const struct ink_tc_record *tc)
{
	struct ink_tc_place place = ink_tc_place(record->ifindex, record->target, tc->out);

	return ink_tc_detach(&place, tc);
}

/* When it can't be told, it is: what is alive would be replaced, and its flows lost. */
static bool ink_dispatcher_alive(const struct ink_attachment *record)
{
	bool alive = true;

	return ink_aside(ink_dispatcher_look, record, &alive, sizeof(alive)) || alive;
}

bool ink_program_alive(const struct ink_attachment *record)
{
	char netns[INK_TARGET_MAX], iface[16];
	bool alive;
	int old;

	ink_library_listen();
	if (record->hook == INK_HOOK_CGROUP)
		return ink_cgroup_alive(record->target);
	if (!ink_target_split(record->target, netns, iface))
		return false;
	old = ink_netns_enter(netns);
	if (old < 0)
		return false;
	if (record->hook == INK_HOOK_TC)
		alive = ink_tc_there(record, &record->tc_in);
	else if (record->via == INK_VIA_LINK)
		alive = ink_pinned_link_alive(ink_pin_path(record->target, "link"));
	else
		alive = ink_dispatcher_alive(record);
	alive = alive && ink_tc_there(record, &record->tc_out);
	ink_netns_leave(old);
	return alive;
}

int ink_program_detach(const struct ink_attachment *record)
{
	int err;

	ink_library_listen();
	if (record->hook == INK_HOOK_CGROUP)
		return ink_cgroup_detach(record->target);
	if (record->hook == INK_HOOK_TC)
		err = ink_tc_take(record, &record->tc_in);
	else if (record->via == INK_VIA_DISPATCHER)
		err = ink_aside(ink_detach_dispatcher, record, NULL, 0);
	else
		err = ink_pinned_link_detach(ink_pin_path(record->target, "link"));
	return err ?: ink_tc_take(record, &record->tc_out);
}
