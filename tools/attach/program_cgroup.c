// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs at the sockets of a cgroup; see program_cgroup.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "program_cgroup.h"

static const struct {
	const char *pin;
	enum bpf_attach_type type;
} links[] = {
	{ "link_in", BPF_CGROUP_INET_INGRESS },
	{ "link_out", BPF_CGROUP_INET_EGRESS },
};

#define N_LINKS	(sizeof(links) / sizeof(links[0]))

int ink_cgroup_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (!fstatfs(fd, &fs) && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC)
		return fd;
	close(fd);
	return -ENOTDIR;
}

int ink_cgroup_attach(int cgroup, int in, int out, const char *target)
{
	const int programs[N_LINKS] = { in, out };
	int fd, err = 0;
	size_t i;

	for (i = 0; i < N_LINKS && !err; i++) {
		fd = bpf_link_create(programs[i], cgroup, links[i].type, NULL);
		if (fd < 0)
			return -errno;
		err = bpf_obj_pin(fd, ink_pin_path(target, links[i].pin)) ? -errno : 0;
		close(fd);
	}
	return err;
}

bool ink_cgroup_alive(const char *target)
{
	size_t i;

	for (i = 0; i < N_LINKS; i++)
		if (!ink_pinned_link_alive(ink_pin_path(target, links[i].pin)))
			return false;
	return true;
}

int ink_cgroup_detach(const char *target)
{
	int err = 0;
	size_t i;

	for (i = 0; i < N_LINKS; i++)
		err = ink_pinned_link_detach(ink_pin_path(target, links[i].pin)) ?: err;
	return err;
}
