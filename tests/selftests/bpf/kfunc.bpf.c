// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs of each type that ask a slot, driven by tests/selftests/kfunc.c.
 *
 * All of them do what @job says and leave the answer there; attached ones only
 * for the process @pid, or once while @armed.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "inkling_kfuncs.h"
#include "../lib/st_job.h"

char _license[] SEC("license") = "GPL";

struct st_job job;
struct st_job inner;	/* for a run inside of a run */

static __always_inline int do_job(struct st_job *j)
{
	__u32 in_size = j->in_size, out_size = j->out_size;
	int err;

	if (!in_size || in_size > ST_JOB_BYTES || !out_size || out_size > ST_JOB_BYTES)
		return 0;
	if (j->what == ST_JOB_VERDICT)
		err = bpf_ink_verdict(j->slot, j->bytes, in_size, &j->verdict);
	else if (j->what == ST_JOB_OVERLAP)
		err = bpf_ink_run(j->slot, j->bytes, in_size, j->bytes, out_size);
	else
		err = bpf_ink_run(j->slot, j->bytes, in_size, j->out, out_size);
	j->err = err;
	__sync_fetch_and_add(&j->count, 1);
	return 0;
}

SEC("syscall")
int run_syscall(void *ctx)
{
	return do_job(&job);
}

SEC("xdp")
int run_xdp(struct xdp_md *ctx)
{
	if (job.armed)
		do_job(&job);
	return XDP_PASS;
}

/* Twelve bytes of the packet itself, at an odd place. */
SEC("xdp")
int run_xdp_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 15 + 12 > end)
		return XDP_ABORTED;
	job.err = bpf_ink_verdict(job.slot, data + 15, 12, &job.verdict);
	job.count++;
	return XDP_PASS;
}

SEC("tc")
int run_tc(struct __sk_buff *skb)
{
	if (job.armed)
		do_job(&job);
	return TC_ACT_OK;
}

static __always_inline int is_mine(void)
{
	return job.armed && (__u32)bpf_get_current_pid_tgid() == job.pid;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(run_tp_btf)
{
	if (is_mine())
		do_job(&job);
	return 0;
}

SEC("fentry/bpf_fentry_test1")
int BPF_PROG(run_fentry)
{
	if (is_mine())
		do_job(&job);
	return 0;
}

/* In a hard interrupt, whatever that interrupts. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(run_hardirq)
{
	if (job.armed)
		do_job(&job);
	return 0;
}

SEC("tp_btf/nmi_handler")
int BPF_PROG(run_nmi)
{
	if (job.armed)
		do_job(&job);
	return 0;
}

SEC("lsm/file_open")
int BPF_PROG(run_lsm)
{
	if (is_mine())
		do_job(&job);
	return 0;
}

/* Called by each run, between claiming the arena and giving it back. */
SEC("fentry/ink_plan_run")
int BPF_PROG(run_inside)
{
	if (inner.armed)
		do_job(&inner);
	return 0;
}

/* The same with the vector registers in use; only loaded where there are such runs. */
SEC("?fentry/ink_avx2_run")
int BPF_PROG(run_inside_fpu)
{
	if (inner.armed)
		do_job(&inner);
	return 0;
}

/* Called where a shadow repeats a run, when that has given its own arena back. */
SEC("fentry/ink_shadow_end")
int BPF_PROG(run_inside_shadow)
{
	if (inner.armed)
		do_job(&inner);
	return 0;
}
