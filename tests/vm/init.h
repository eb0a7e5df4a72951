/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For process 1 of a kernel that is booted for tests: mounting, giving up and powering off.
 *
 * What lives here: what tests/vm/init.c and tests/uml/init.c share. What doesn't: what is mounted and where.
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

#endif /* INK_INIT_H */
