// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BPF object of the flow programs; see program_object.h.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "cli.h"
#include "program_object.h"

/* Maps by the name of their pin and, where it is another, their section. */
static const struct {
	const char *pin, *section;
} pinned_maps[] = {
	{ "flows", NULL }, { "pending", NULL }, { "sources", NULL }, { "strangers", NULL },
	{ "services", NULL }, { "allow4", NULL }, { "allow6", NULL }, { "counters", NULL },
	{ "errors", NULL }, { "events", NULL }, { "control", ".data.control" },
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

void ink_library_listen(void)
{
	library_says[0] = '\0';
	libbpf_set_print(ink_libbpf_print);
	libxdp_set_print(ink_libxdp_print);
}

const char *ink_library_said(void)
{
	return library_says;
}

/* $INKLING_BPF_DIR, beside the binary in a build folder, or where it is installed. */
const char *ink_object_path(const char *name)
{
	const char *dir = getenv("INKLING_BPF_DIR"), *path;
	char self[512];
	ssize_t n;

	if (dir) {
		path = ink_fmt("%s/%s", dir, name);
		return access(path, R_OK) ? NULL : path;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	while (n > 0 && self[n - 1] != '/')
		n--;
	if (n > 0) {
		self[n - 1] = '\0';
		path = ink_fmt("%s/bpf/%s", self, name);
		if (!access(path, R_OK))
			return path;
		path = ink_fmt("%s/../lib/inkling/bpf/%s", self, name);
		if (!access(path, R_OK))
			return path;
	}
	path = ink_fmt("/usr/lib/inkling/bpf/%s", name);
	return access(path, R_OK) ? NULL : path;
}

const char *ink_program_object(void)
{
	return ink_object_path("flow.bpf.o");
}

int ink_constant_set(struct bpf_object *obj, const char *name, const void *value,
			    size_t n)
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
	if (i == btf_vlen(t) || var->size != n)
		return -ENOENT;
	bpf_object__for_each_map(map, obj) {
		if (!strstr(bpf_map__name(map), ".rodata"))
			continue;
		data = (char *)bpf_map__initial_value(map, &size);
		if (!data || var->offset + n > size)
			return -EINVAL;
		memcpy(data + var->offset, value, n);
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

/* Flows that were judged under another list are looked at again. */
static int ink_allow_bump(const char *target)
{
	int fd = bpf_obj_get(ink_pin_path(target, "control")), err = 0;
	struct ink_control control;
	uint32_t zero = 0;

	if (fd < 0)
		return -errno;
	if (bpf_map_lookup_elem(fd, &zero, &control))
		err = -errno;
	control.allow_generation++;
	if (!err && bpf_map_update_elem(fd, &zero, &control, BPF_ANY))
		err = -errno;
	close(fd);
	return err;
}

int ink_allow_change(const char *target, const struct ink_prefix *prefix, bool add)
{
	int fd = bpf_obj_get(ink_pin_path(target, prefix->family == 4 ? "allow4" : "allow6")), err;

	if (fd < 0)
		return -errno;
	err = ink_allow_put(fd, fd, prefix, add);
	close(fd);
	return err ?: ink_allow_bump(target);
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

static int ink_constants_set(struct bpf_object *obj, const struct ink_program_options *o)
{
	return ink_constant_set(obj, "ink_slot_id", &o->slot_id, sizeof(o->slot_id)) ?:
	       ink_constant_set(obj, "ink_event_limit", &o->event_limit, sizeof(o->event_limit)) ?:
	       ink_constant_set(obj, "ink_export", &o->export, sizeof(o->export)) ?:
	       ink_constant_set(obj, "ink_clock_fed", &o->clock_fed, sizeof(o->clock_fed)) ?:
	       ink_constant_set(obj, "ink_policy", &o->policy, sizeof(o->policy));
}

static int ink_sizes_set(struct bpf_object *obj, const struct ink_program_options *o)
{
	static const char *const tables[] = { "flows", "pending" };
	int err = bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "events"), o->ring);
	size_t i;

	for (i = 0; i < 2 && o->flows && !err; i++)
		err = bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, tables[i]),
					       o->flows);
	return err;
}

/* Only what the hook needs is loaded. */
static int ink_programs_choose(struct bpf_object *obj, enum ink_hook hook)
{
	static const struct {
		const char *name;
		unsigned int hooks;
	} programs[] = {
		{ INK_PROGRAM_XDP, 1 << INK_HOOK_XDP },
		{ INK_PROGRAM_TC, 1 << INK_HOOK_TC },
		{ INK_PROGRAM_OUT, 1 << INK_HOOK_XDP | 1 << INK_HOOK_TC },
		{ INK_PROGRAM_CG, 1 << INK_HOOK_CGROUP },
		{ INK_PROGRAM_CG_OUT, 1 << INK_HOOK_CGROUP },
	};
	struct bpf_program *prog;
	int err = 0;
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]) && !err; i++) {
		prog = bpf_object__find_program_by_name(obj, programs[i].name);
		err = prog ? bpf_program__set_autoload(prog, programs[i].hooks >> hook & 1) : -ENOENT;
	}
	return err;
}

/* Open the object and set all that has to be set before it is loaded. */
struct bpf_object *ink_object_open(const struct ink_program_options *o, int *err)
{
	struct bpf_object *obj;

	ink_library_listen();
	obj = bpf_object__open_file(o->object, NULL);
	if (!obj) {
		*err = -errno;
		return NULL;
	}
	*err = ink_constants_set(obj, o) ?: ink_sizes_set(obj, o) ?:
	       ink_programs_choose(obj, o->hook) ?: ink_allow_prepare(obj, o);
	if (!*err)
		return obj;
	bpf_object__close(obj);
	return NULL;
}

int ink_maps_pin(struct bpf_object *obj, const char *target)
{
	size_t i;

	for (i = 0; i < sizeof(pinned_maps) / sizeof(pinned_maps[0]); i++) {
		const char *pin = pinned_maps[i].pin;
		struct bpf_map *map = bpf_object__find_map_by_name(obj, pinned_maps[i].section ?:
								   pin);

		if (!strncmp(pin, "allow", 5))
			continue;	/* pinned when it was made */
		if (bpf_obj_pin(bpf_map__fd(map), ink_pin_path(target, pin)))
			return -errno;
	}
	return 0;
}

/* The program's id, once it is loaded and the maps are pinned. */
int ink_object_load(struct bpf_object *obj, const struct ink_program_options *o,
			   const char *name, uint32_t *prog_id)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int err = bpf_object__load(obj), fd;

	if (err)
		return err;
	fd = bpf_program__fd(bpf_object__find_program_by_name(obj, name));
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	*prog_id = info.id;
	err = ink_maps_pin(obj, o->target);
	return err ?: fd;
}
