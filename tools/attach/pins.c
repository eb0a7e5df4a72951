// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an attachment leaves on the BPF file system; see pins.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli.h"
#include "pins.h"

#define BPFFS	"/sys/fs/bpf"

bool ink_target_split(const char *target, char netns[INK_TARGET_MAX], char iface[16])
{
	const char *colon = strrchr(target, ':');
	size_t n = colon ? (size_t)(colon - target) : 0;
	const char *name = colon ? colon + 1 : target;

	if (n >= INK_TARGET_MAX || strlen(target) >= INK_TARGET_MAX || !*name ||
	    strlen(name) > 15 || strchr(name, '/') || (colon && !n))
		return false;
	memcpy(netns, target, n);
	netns[n] = '\0';
	strcpy(iface, name);
	return !strchr(netns, '/') && strcmp(netns, "..") && strcmp(name, "..");
}

bool ink_target_is_cgroup(const char *target)
{
	return *target == '/';
}

void ink_target_trim(char *target)
{
	size_t n = strlen(target);

	while (ink_target_is_cgroup(target) && n > 1 && target[n - 1] == '/')
		target[--n] = '\0';
}

bool ink_target_valid(const char *target)
{
	char netns[INK_TARGET_MAX], iface[16];

	return ink_target_is_cgroup(target) ? strlen(target) < INK_TARGET_MAX :
					      ink_target_split(target, netns, iface);
}

enum ink_hook ink_target_hook(const char *target, enum ink_hook asked)
{
	return ink_target_is_cgroup(target) ? INK_HOOK_CGROUP : asked;
}

int ink_netns_enter(const char *netns)
{
	int old, fd, err;

	old = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (old < 0)
		return -errno;
	if (!*netns)
		return old;
	fd = open(ink_fmt("/run/netns/%s", netns), O_RDONLY | O_CLOEXEC);
	err = fd < 0 || setns(fd, CLONE_NEWNET) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (!err)
		return old;
	close(old);
	return err;
}

void ink_netns_leave(int old)
{
	if (setns(old, CLONE_NEWNET))
		ink_die(INK_EXIT_FAILED, ink_fmt("can't go back to the network namespace: %s",
						 strerror(errno)), NULL);
	close(old);
}

const char *ink_pin_name(const char *target)
{
	char text[INK_TARGET_MAX * 3 + 1], *p = text;

	for (; *target && p < text + sizeof(text) - 4; target++) {
		if (strchr(".%/", *target))
			p += sprintf(p, "%%%02x", *target);
		else
			*p++ = *target;
	}
	*p = '\0';
	return ink_fmt("%s", text);
}

const char *ink_pin_path(const char *target, const char *name)
{
	return name ? ink_fmt(INK_PIN_ROOT "/%s/%s", ink_pin_name(target), name) :
		      ink_fmt(INK_PIN_ROOT "/%s", ink_pin_name(target));
}

static int ink_pins_prepare(void)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs))
		return -errno;
	if ((unsigned long)fs.f_type != BPF_FS_MAGIC &&
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700"))
		return -errno;
	if (mkdir(INK_PIN_ROOT, 0700) && errno != EEXIST)
		return -errno;
	return 0;
}

/* The folder goes with the last attachment: what was locked may not be it any more. */
int ink_pins_lock(bool make)
{
	struct stat held, there;
	int fd, err;

	for (;;) {
		err = make ? ink_pins_prepare() : 0;
		fd = err ? -1 : open(INK_PIN_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err ? err : -errno;
		if (flock(fd, LOCK_EX) || fstat(fd, &held)) {
			err = -errno;
			close(fd);
			return err;
		}
		if (!stat(INK_PIN_ROOT, &there) && held.st_ino == there.st_ino)
			return fd;
		close(fd);
	}
}

void ink_pins_unlock(int lock)
{
	if (lock < 0)
		return;
	rmdir(INK_PIN_ROOT);	/* fails where there are attachments */
	close(lock);
}

int ink_pins_make(const char *target)
{
	return mkdir(ink_pin_path(target, NULL), 0700) ? -errno : 0;
}

int ink_folder_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int err = dir ? 0 : -errno;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && unlinkat(dirfd(dir), e->d_name, 0))
			err = -errno;
	if (dir)
		closedir(dir);
	if (!err && rmdir(path))
		err = -errno;
	return err;
}

int ink_pins_remove(const char *target)
{
	return ink_folder_remove(ink_pin_path(target, NULL));
}

static int ink_pin_filter(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

char *ink_pin_target(const char *name)
{
	char *text = ink_xstrdup(name), *to = text;
	unsigned int c;

	for (; *name; name++) {
		if (*name == '%' && sscanf(name + 1, "%2x", &c) == 1) {
			*to++ = (char)c;
			name += 2;
		} else {
			*to++ = *name;
		}
	}
	*to = '\0';
	return text;
}

char **ink_folder_list(const char *root, size_t *n)
{
	struct dirent **entries = NULL;
	int i, found = scandir(root, &entries, ink_pin_filter, alphasort);
	char **list = ink_xalloc(found > 0 ? (size_t)found : 1, sizeof(*list));

	*n = 0;
	for (i = 0; i < found; i++) {
		list[(*n)++] = ink_pin_target(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return list;
}

char **ink_pins_list(size_t *n)
{
	return ink_folder_list(INK_PIN_ROOT, n);
}

int ink_record_write(const char *path, const char *name, const void *record, uint32_t size)
{
	int fd = bpf_obj_get(path), err = 0;
	uint32_t key = 0;

	if (fd < 0) {
		fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(key), size, 1, NULL);
		if (fd < 0)
			return -errno;
		err = bpf_obj_pin(fd, path) ? -errno : 0;
	}
	if (!err && bpf_map_update_elem(fd, &key, record, BPF_ANY))
		err = -errno;
	close(fd);
	return err;
}

int ink_record_read(const char *path, void *record, uint32_t size)
{
	struct bpf_map_info info = { 0 };
	uint32_t key = 0, info_size = sizeof(info);
	int fd = bpf_obj_get(path), err = 0;

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &info_size))
		err = -errno;
	else if (info.value_size != size)
		err = -EPROTO;	/* pinned by another version */
	else if (bpf_map_lookup_elem(fd, &key, record))
		err = -errno;
	close(fd);
	return err;
}

int ink_attachment_write(const char *target, const struct ink_attachment *record)
{
	return ink_record_write(ink_pin_path(target, "info"), "inkling_info", record,
				sizeof(*record));
}

int ink_attachment_read(const char *target, struct ink_attachment *record)
{
	int err = ink_record_read(ink_pin_path(target, "info"), record, sizeof(*record));

	if (!err && record->version != 3)
		err = -EPROTO;
	record->slot[sizeof(record->slot) - 1] = '\0';
	record->target[sizeof(record->target) - 1] = '\0';
	return err;
}

/* What a link hangs on comes first in what is said of it: an interface, or a cgroup by its id. */
bool ink_pinned_link_alive(const char *path)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_obj_get(path);
	bool alive = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && info.xdp.ifindex;

	if (fd >= 0)
		close(fd);
	return alive;
}

int ink_pinned_link_detach(const char *path)
{
	int fd = bpf_obj_get(path), err;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = bpf_link_detach(fd) ? -errno : 0;
	close(fd);
	/* -ENOLINK: the interface went away before us. */
	return err == -ENOLINK ? 0 : err;
}

/* Add up @n u64 of entry @key of a per-CPU array. */
static int ink_percpu_sum(int fd, uint32_t key, uint64_t *sum, size_t n)
{
	int cpus = libbpf_num_possible_cpus(), cpu;
	uint64_t *values;
	size_t i;

	if (cpus < 0)
		return cpus;
	values = ink_xalloc((size_t)cpus, n * sizeof(*values));
	if (bpf_map_lookup_elem(fd, &key, values)) {
		free(values);
		return -errno;
	}
	for (cpu = 0; cpu < cpus; cpu++)
		for (i = 0; i < n; i++)
			sum[i] += values[(size_t)cpu * n + i];
	free(values);
	return 0;
}

int ink_counters_sum(const char *path, void *sum, size_t n)
{
	int fd = bpf_obj_get(path), err;

	memset(sum, 0, n * sizeof(uint64_t));
	if (fd < 0)
		return -errno;
	err = ink_percpu_sum(fd, 0, sum, n);
	close(fd);
	return err;
}

int ink_errors_sum(const char *path, uint64_t sum[INK_HOOK_ERRNOS])
{
	int fd = bpf_obj_get(path), err = 0;
	uint32_t i;

	memset(sum, 0, INK_HOOK_ERRNOS * sizeof(*sum));
	if (fd < 0)
		return -errno;
	for (i = 0; i < INK_HOOK_ERRNOS && !err; i++)
		err = ink_percpu_sum(fd, i, &sum[i], 1);
	close(fd);
	return err;
}

int ink_counters_read(const char *target, struct ink_flow_counters *sum)
{
	return ink_counters_sum(ink_pin_path(target, "counters"), sum,
				sizeof(*sum) / sizeof(uint64_t));
}

int ink_errors_read(const char *target, uint64_t sum[INK_HOOK_ERRNOS])
{
	return ink_errors_sum(ink_pin_path(target, "errors"), sum);
}
