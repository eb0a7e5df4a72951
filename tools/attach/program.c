// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow program; see program.h.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "cli.h"
#include "program.h"

#define PROGRAM	"inkling_flow"
#define SECTION	"xdp.frags"
#define XDP_PINS	"/sys/fs/bpf/xdp"	/* libxdp's */
#define XDP_PROGS_MAX	10			/* of one dispatcher */

static const char *const pinned_maps[] = {
	"flows", "sources", "services", "allow4", "allow6", "counters", "errors", "events",
};

/* The last warnings of libbpf, which often say more than the errno. */
static char library_says[400];

static void ink_library_note(const char *fmt, va_list ap)
{
	char line[400];
	size_t room = sizeof(library_says) - strlen(library_says);
	int n = vsnprintf(line, sizeof(line), fmt, ap);

	while (n > 0 && n < (int)sizeof(line) && line[n - 1] == '\n')
		line[--n] = '\0';
	if (n > 0 && strlen(line) + 3 < room)
		sprintf(library_says + strlen(library_says), "%s%s", *library_says ? "; " : "",
			line);
}

static int ink_libbpf_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (getenv("INKLING_DEBUG"))
		return vfprintf(stderr, fmt, ap);
	if (level == LIBBPF_WARN)
		ink_library_note(fmt, ap);
	return 0;
}

static int ink_libxdp_print(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	if (getenv("INKLING_DEBUG"))
		return vfprintf(stderr, fmt, ap);
	if (level == LIBXDP_WARN)
		ink_library_note(fmt, ap);
	return 0;
}

/* $INKLING_BPF_DIR, beside the binary in a build folder, or where it is installed. */
const char *ink_program_object(void)
{
	const char *dir = getenv("INKLING_BPF_DIR"), *path;
	char self[512];
	ssize_t n;

	if (dir) {
		path = ink_fmt("%s/flow.bpf.o", dir);
		return access(path, R_OK) ? NULL : path;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	while (n > 0 && self[n - 1] != '/')
		n--;
	if (n > 0) {
		self[n - 1] = '\0';
		path = ink_fmt("%s/bpf/flow.bpf.o", self);
		if (!access(path, R_OK))
			return path;
		path = ink_fmt("%s/../lib/inkling/bpf/flow.bpf.o", self);
		if (!access(path, R_OK))
			return path;
	}
	path = "/usr/lib/inkling/bpf/flow.bpf.o";
	return access(path, R_OK) ? NULL : path;
}

/* Give a "const volatile" variable of the object its value. */
static int ink_constant_set(struct bpf_object *obj, const char *name, uint32_t value)
{
	const struct btf *btf = bpf_object__btf(obj);
	int section = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT;
	const struct btf_var_secinfo *var;
	const struct btf_type *t;
	struct bpf_map *map;
	size_t size;
	char *data;
	int i;

	if (section < 0)
		return section;
	t = btf__type_by_id(btf, (uint32_t)section);
	var = btf_var_secinfos(t);
	for (i = 0; i < btf_vlen(t); i++, var++)
		if (!strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, var->type)->name_off),
			    name))
			break;
	if (i == btf_vlen(t) || var->size != sizeof(value))
		return -ENOENT;
	bpf_object__for_each_map(map, obj) {
		if (!strstr(bpf_map__name(map), ".rodata"))
			continue;
		data = (char *)bpf_map__initial_value(map, &size);
		if (!data || var->offset + sizeof(value) > size)
			return -EINVAL;
		memcpy(data + var->offset, &value, sizeof(value));
		return 0;
	}
	return -ENOENT;
}

static int ink_allow_put(int fd4, int fd6, const struct ink_prefix *prefix, bool add)
{
	struct { uint32_t bits; uint8_t addr[16]; } key = { .bits = prefix->bits };
	int fd = prefix->family == 4 ? fd4 : fd6;
	uint32_t one = 1;

	memcpy(key.addr, prefix->addr, 16);
	if (prefix->family == 4) {
		key.bits = prefix->bits - 96u;
		memcpy(key.addr, prefix->addr + 12, 4);
	}
	if (add)
		return bpf_map_update_elem(fd, &key, &one, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(fd, &key) ? -errno : 0;
}

int ink_allow_change(const char *target, const struct ink_prefix *prefix, bool add)
{
	int fd = bpf_obj_get(ink_pin_path(target, prefix->family == 4 ? "allow4" : "allow6")), err;

	if (fd < 0)
		return -errno;
	err = ink_allow_put(fd, fd, prefix, add);
	close(fd);
	return err;
}

/* A map of the object, made before the object is loaded so that it is never seen empty. */
static int ink_map_prepare(struct bpf_object *obj, const char *name, const char *target)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);
	int fd;

	if (!map)
		return -ENOENT;
	fd = bpf_obj_get(ink_pin_path(target, name));
	if (fd >= 0)
		return fd;
	opts.map_flags = bpf_map__map_flags(map);
	fd = bpf_map_create(bpf_map__type(map), name, bpf_map__key_size(map),
			    bpf_map__value_size(map), bpf_map__max_entries(map), &opts);
	if (fd < 0)
		return -errno;
	if (!bpf_obj_pin(fd, ink_pin_path(target, name)))
		return fd;
	close(fd);
	return -errno;
}

static int ink_allow_prepare(struct bpf_object *obj, const struct ink_program_options *o)
{
	int fd4 = ink_map_prepare(obj, "allow4", o->target);
	int fd6 = ink_map_prepare(obj, "allow6", o->target);
	int err = fd4 < 0 ? fd4 : fd6 < 0 ? fd6 : 0;
	size_t i;

	for (i = 0; i < o->n_allow && !err; i++)
		err = ink_allow_put(fd4, fd6, &o->allow[i], true);
	/* reuse_fd() makes copies of its own. */
	if (!err)
		err = bpf_map__reuse_fd(bpf_object__find_map_by_name(obj, "allow4"), fd4);
	if (!err)
		err = bpf_map__reuse_fd(bpf_object__find_map_by_name(obj, "allow6"), fd6);
	if (fd4 >= 0)
		close(fd4);
	if (fd6 >= 0)
		close(fd6);
	return err;
}

/* Open the object and set all that has to be set before it is loaded. */
static struct bpf_object *ink_object_open(const struct ink_program_options *o, int *err)
{
	struct bpf_object *obj;

	library_says[0] = '\0';
	libbpf_set_print(ink_libbpf_print);
	libxdp_set_print(ink_libxdp_print);
	obj = bpf_object__open_file(o->object, NULL);
	if (!obj) {
		*err = -errno;
		return NULL;
	}
	*err = ink_constant_set(obj, "ink_slot_id", o->slot_id);
	if (!*err)
		*err = ink_constant_set(obj, "ink_event_limit", o->event_limit);
	if (!*err)
		*err = ink_constant_set(obj, "ink_export", o->export);
	if (!*err && o->flows)
		*err = bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "flows"),
						o->flows);
	if (!*err)
		*err = bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "events"),
						o->ring);
	if (!*err)
		*err = ink_allow_prepare(obj, o);
	if (!*err)
		return obj;
	bpf_object__close(obj);
	return NULL;
}

static int ink_maps_pin(struct bpf_object *obj, const char *target)
{
	size_t i;

	for (i = 0; i < sizeof(pinned_maps) / sizeof(pinned_maps[0]); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, pinned_maps[i]);

		if (!strncmp(pinned_maps[i], "allow", 5))
			continue;	/* pinned when it was made */
		if (bpf_obj_pin(bpf_map__fd(map), ink_pin_path(target, pinned_maps[i])))
			return -errno;
	}
	return 0;
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
	xdp = xdp_program__from_bpf_obj(obj, SECTION);
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
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	struct bpf_program *prog;
	struct bpf_object *obj;
	int err, link = -1, fd;

	obj = ink_object_open(o, &err);
	if (!obj)
		return err;
	prog = bpf_object__find_program_by_name(obj, PROGRAM);
	err = bpf_object__load(obj);
	if (err)
		goto out;
	fd = bpf_program__fd(prog);
	err = bpf_obj_get_info_by_fd(fd, &info, &size) ? -errno : 0;
	if (!err)
		err = ink_maps_pin(obj, o->target);
	if (err)
		goto out;
	r->prog_id = info.id;
	link = ink_link_try(fd, o->ifindex, o->mode, &r->mode);
	if (link < 0)
		err = link;
	else if (bpf_obj_pin(link, ink_pin_path(o->target, "link")))
		err = -errno;
out:
	/* Closing an unpinned link takes the program off again. */
	if (link >= 0)
		close(link);
	bpf_object__close(obj);
	return err;
}

/* What libbpf and libxdp said comes first: it is told by whoever failed first. */
static void ink_failure_note(struct ink_program_result *r, int err)
{
	size_t used = strlen(r->failure);

	snprintf(r->failure + used, sizeof(r->failure) - used, "%s%s%s%s", used ? "; alone: " : "",
		 strerror(-err), *library_says ? ": " : "", library_says);
}

int ink_program_attach(const struct ink_program_options *o, struct ink_program_result *r)
{
	int err;

	memset(r, 0, sizeof(*r));
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
void ink_program_sweep(uint32_t ifindex)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex((int)ifindex);
	struct xdp_program *p = NULL, *stray;

	if (libxdp_get_error(mp))
		return;
	do {
		stray = NULL;
		while (!stray && (p = xdp_multiprog__next_prog(p, mp)))
			if (!strcmp(xdp_program__name(p), PROGRAM))
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
}

static int ink_detach_dispatcher(const struct ink_attachment *record)
{
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

static bool ink_link_alive(const struct ink_attachment *record)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_obj_get(ink_pin_path(record->target, "link"));
	bool alive = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && info.xdp.ifindex;

	if (fd >= 0)
		close(fd);
	return alive;
}

bool ink_program_alive(const struct ink_attachment *record)
{
	char netns[INK_TARGET_MAX], iface[16];
	struct xdp_multiprog *mp;
	bool alive;
	int old;

	libbpf_set_print(ink_libbpf_print);
	libxdp_set_print(ink_libxdp_print);
	if (record->via == INK_VIA_LINK)
		return ink_link_alive(record);
	if (!ink_target_split(record->target, netns, iface))
		return false;
	old = ink_netns_enter(netns);
	if (old < 0)
		return false;
	alive = ink_dispatcher_find(record, &mp);
	xdp_multiprog__close(mp);
	ink_netns_leave(old);
	return alive;
}

int ink_program_detach(const struct ink_attachment *record)
{
	int fd, err;

	libbpf_set_print(ink_libbpf_print);
	libxdp_set_print(ink_libxdp_print);
	if (record->via == INK_VIA_DISPATCHER)
		return ink_detach_dispatcher(record);
	fd = bpf_obj_get(ink_pin_path(record->target, "link"));
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = bpf_link_detach(fd) ? -errno : 0;
	close(fd);
	/* -ENOLINK: the interface went away before us. */
	return err == -ENOLINK ? 0 : err;
}
