/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For selftests that load BPF programs: kfunc.bpf.c, its jobs, and running
 * them.
 */
#ifndef INK_ST_BPF_H
#define INK_ST_BPF_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "st.h"
#include "st_job.h"

struct st_bpf {
	struct bpf_object *object;
	struct st_job *job;	/* mapped: what the programs see */
	struct st_job *inner;
};

/* Can programs call the module in this kernel? Not without type information and a JIT, which UML hasn't. */
bool st_bpf_possible(void);
/* The whole test is about that: it is skipped where they can't. */
void st_bpf_needed(void);
/* One result that is skipped for that reason. */
void st_bpf_skip(const char *name);

/*
 * The programs of build/selftests/bpf/kfunc.bpf.o, with @extra, one that isn't
 * always loaded, or NULL; bails out when they don't load.
 */
void st_bpf_open(struct st_bpf *b, const char *extra);
void st_bpf_close(struct st_bpf *b);
int st_bpf_fd(const struct st_bpf *b, const char *program);
struct bpf_link *st_bpf_attach(const struct st_bpf *b, const char *program);

/* Set a job up for @img in @slot, with one input, and disarm it. */
void st_job_set(struct st_job *job, u32 slot, u32 what, const struct image *img, const void *in);
/* Run it in a syscall program; the kfunc's result, or 1 when it wasn't called. */
int st_job_syscall(const struct st_bpf *b);
/* Run @program by the kernel's test facility on a packet of 64 bytes. */
int st_job_packet(const struct st_bpf *b, const char *program);

/* Do programs of the LSM type run here? */
bool st_bpf_lsm(void);

/* Wait until the job was done so often, or for three seconds. */
void st_job_wait(const struct st_job *job, u32 count);
/* To the loopback device. */
void st_send_packets(u32 n);
/* Run the job in softirq, by XDP on the loopback device, for @n packets or more. */
void st_job_softirq(const struct st_bpf *b, u32 n);

#endif /* INK_ST_BPF_H */
