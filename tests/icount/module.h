/* SPDX-License-Identifier: GPL-2.0-only */
/* What /dev/inkling-icount takes: see module.c. A write() of an image comes first. */
#ifndef INK_ICOUNT_MODULE_H
#define INK_ICOUNT_MODULE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct icount_run - one piece of work
 * @what: enum icount_what
 * @reserved: 0
 * @input: address of an input, for ICOUNT_ENGINE
 * @output: address of room for an output, for ICOUNT_ENGINE
 * @ns: set: how long it took
 */
struct icount_run {
	__u32 what;
	__u32 reserved;
	__u64 input;
	__u64 output;
	__u64 ns;
};

enum icount_what {
	ICOUNT_CLOCK,	/* nothing: what the clock costs */
	ICOUNT_FPU,	/* the vector registers taken and given back */
	ICOUNT_ENGINE,	/* ink_plan_run() */
};

#define ICOUNT_RUN	_IOWR(0xb7, 0xe0, struct icount_run)

#endif /* INK_ICOUNT_MODULE_H */
