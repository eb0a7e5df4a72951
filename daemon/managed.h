/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was put into the kernel for the sake of slot files, across our own death.
 *
 * What lives here: the file /run/inkling/managed and the lock that keeps a second
 * daemon out. It is written before what it names is made, so that whatever is
 * ours is in it; it goes with a reboot, as the kernel's state does.
 */
#ifndef INK_MANAGED_H
#define INK_MANAGED_H

#include "todo.h"

#define INK_STATE_DIR	"/run/inkling"

/* A descriptor that holds the lock, or -errno: -EWOULDBLOCK another one has it. */
int ink_managed_lock(const char *dir);
/* 0 or -errno; -EBADMSG: it is damaged and taken for empty. No file: nothing is managed. */
int ink_managed_read(struct ink_managed *managed, const char *dir);
/* Replace the file unless it says the same; 0 or -errno. */
int ink_managed_write(const struct ink_managed *managed, const char *dir);
void ink_managed_clear(struct ink_managed *managed);

#endif /* INK_MANAGED_H */
