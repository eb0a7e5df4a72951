/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For process 1 of a kernel that is booted for tests: mounting, the new root, giving up and powering off.
 *
 * What lives here: what tests/vm/init.c and tests/uml/init.c share. What doesn't: what the new root is made of.
 */
#ifndef INK_INIT_H
#define INK_INIT_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void __attribute__((noreturn)) power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

/* The console is read by the harness only when there is no exit status. */
static inline void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("vm: ", stderr);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, ": %s\n", strerror(errno));
	va_end(ap);
	power_off();
}

static inline void mount_at(const char *src, const char *dst, const char *type, unsigned long flags,
			    const char *opts)
{
	if (mkdir(dst, 0755) && errno != EEXIST)
		die("mkdir %s", dst);
	if (mount(src, dst, type, flags, opts))
		die("mount %s on %s", src, dst);
}

/* What the new root in @dir has of its own, before it is entered. */
static inline void mount_own(const char *dir)
{
	static const struct {
		const char *name, *type, *opts;
	} own[] = {
		{ "proc", "proc", NULL }, { "sys", "sysfs", NULL }, { "tmp", "tmpfs", "mode=1777" },
		{ "run", "tmpfs", "mode=755" }, { "scratch", "tmpfs", "mode=1777" },
	};
	char path[64];
	unsigned int i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, own[i].name);
		mount_at(own[i].name, path, own[i].type, 0, own[i].opts);
	}
}

/* Make @dir the root, with what the kernel shows; not each kernel has all of it. */
static inline void enter_root(const char *dir)
{
	if (chdir(dir) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("switch root");
	mount_at("shm", "/dev/shm", "tmpfs", 0, "mode=1777");
	mount_at("pts", "/dev/pts", "devpts", 0, "gid=5,mode=620,ptmxmode=666");
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=700");
	mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
}

#endif /* INK_INIT_H */
