/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests/selftests/bpf/kfunc.bpf.c is told to do, and its answer; shared
 * by the programs and the test.
 */
#ifndef INK_ST_JOB_H
#define INK_ST_JOB_H

#include <linux/types.h>
#include <linux/inkling.h>

#define ST_JOB_BYTES	1024

enum {
	ST_JOB_RUN,
	ST_JOB_VERDICT,
	ST_JOB_OVERLAP,		/* output over the input */
};

struct st_job {
	__u32 armed;
	__u32 pid;		/* thread id */
	__u32 slot;
	__u32 what;
	__u32 in_size;
	__u32 out_size;
	__s32 err;		/* of the last call */
	__u32 count;		/* calls */
	struct inkling_verdict verdict;
	__u8 bytes[ST_JOB_BYTES];
	__u8 out[ST_JOB_BYTES];
};

#endif /* INK_ST_JOB_H */
