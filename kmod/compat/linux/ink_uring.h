/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands of io_uring, across kernel versions.
 *
 * What lives here: where the header is, and where a command's payload is. What
 * doesn't: anything that knows what a payload says.
 */
#ifndef INK_COMPAT_URING_H
#define INK_COMPAT_URING_H

#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif

/* Memory that its owner may still write to. */
static inline const void *ink_compat_uring_payload(const struct io_uring_cmd *cmd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return io_uring_sqe_cmd(cmd->sqe);
#else
	return cmd->cmd;
#endif
}

#endif
