/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs at the sockets of a cgroup.
 *
 * What lives here: putting them on and taking them off, as pinned links. What
 * doesn't: which programs, and interfaces (program.h).
 */
#ifndef INK_PROGRAM_CGROUP_H
#define INK_PROGRAM_CGROUP_H

#include "pins.h"

/* A descriptor of the cgroup of a path, or -errno: -ENOTDIR it isn't one of version 2. */
int ink_cgroup_open(const char *path);

/**
 * ink_cgroup_attach() - run programs on each packet of the cgroup's sockets
 * @cgroup: descriptor
 * @in: descriptor of the program for what comes in
 * @out: and for what goes out
 * @target: for the pins of the links
 *
 * Other programs that are there, and those of its parents, run too.
 * Return: 0 or -errno.
 */
int ink_cgroup_attach(int cgroup, int in, int out, const char *target);

bool ink_cgroup_alive(const char *target);
/* Return: 0, also when they were off already, or -errno. */
int ink_cgroup_detach(const char *target);

#endif /* INK_PROGRAM_CGROUP_H */
