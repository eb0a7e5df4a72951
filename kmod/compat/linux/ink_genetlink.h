/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generic netlink on kernels that don't have split operations yet.
 *
 * What lives here: what lets the generated table of split operations, one
 * entry for each "do" and each "dump", serve kernels before 6.2, whose tables
 * have one entry for each command. It is included before the generated files.
 * What doesn't: anything that knows the family.
 */
#ifndef INK_COMPAT_GENETLINK_H
#define INK_COMPAT_GENETLINK_H

#include <linux/version.h>
#include <net/genetlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)

/* An entry of the older table has all the fields that a split one has. */
#define genl_split_ops	genl_ops
#define split_ops	ops
#define n_split_ops	n_ops

#define INK_COMPAT_MAX_OPS	32

/* Put the "dump" of a command into the entry of its "do". */
static inline int ink_compat_genl_register(struct genl_family *family)
{
	static struct genl_ops merged[INK_COMPAT_MAX_OPS];
	unsigned int i, n = 0;

	for (i = 0; i < family->n_ops; i++) {
		const struct genl_ops *op = &family->ops[i];

		if (n && merged[n - 1].cmd == op->cmd) {
			merged[n - 1].start = op->start;
			merged[n - 1].dumpit = op->dumpit;
			merged[n - 1].done = op->done;
			continue;
		}
		if (n == ARRAY_SIZE(merged))
			return -E2BIG;
		merged[n] = *op;
		/* The core derives these from the functions that are set. */
		merged[n++].flags &= ~(GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP);
	}
	family->ops = merged;
	family->n_ops = n;
	return genl_register_family(family);
}

#else

static inline int ink_compat_genl_register(struct genl_family *family)
{
	return genl_register_family(family);
}

#endif

#endif
