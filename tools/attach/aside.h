/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls in a process of their own.
 *
 * libxdp, at least up to 1.3, keeps descriptors of programs for good with each
 * look at a dispatcher and each change of one. In a command they end with it;
 * in the daemon they would hold the programs, and with them the module, and
 * run out. So what may call libxdp is done in a child that ends at once.
 */
#ifndef INK_ASIDE_H
#define INK_ASIDE_H

#include <stddef.h>

/**
 * ink_aside() - call a function in a child process and wait for it
 * @call: what to do; returns 0 or -errno
 * @arg: for it
 * @result: what it changes that the caller has to see; no pointers in it
 * @size: of @result
 *
 * The child has the namespaces and, while it lives, the file locks of the
 * caller, and is killed when the caller is.
 *
 * Return: what @call returned, -errno when there was no child, -EIO when it died.
 */
int ink_aside(int (*call)(const void *arg, void *result), const void *arg, void *result,
	      size_t size);

#endif /* INK_ASIDE_H */
