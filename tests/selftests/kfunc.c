// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kfuncs, from each type of program and each context, with each error.
 */
#include "st_bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N	200

static struct image flow;
static struct ink_ctl *ctl;
static struct st_bpf bpf;
static u8 *inputs;
static u8 outputs[N * 6];
static struct inkling_verdict expected[N];

static bool verdict_is(const struct inkling_verdict *v, u32 i)
{
	return v->class == expected[i].class && v->score == expected[i].score &&
	       v->mode == INKLING_MODE_ENFORCE && v->generation == 1 &&
	       v->action == (v->class ? INKLING_ACTION_ALERT : INKLING_ACTION_PASS);
}

static void results(u32 id)
{
	struct st_job *j = bpf.job;
	u32 i, good[4] = { 0 };

	for (i = 0; i < N; i++) {
		st_job_set(j, id, ST_JOB_RUN, &flow, inputs + 12 * i);
		good[0] += !st_job_syscall(&bpf) && !memcmp(j->out, outputs + 6 * i, 6) &&
			   j->out[6] == 0xee;
		st_job_set(j, id, ST_JOB_VERDICT, &flow, inputs + 12 * i);
		good[1] += !st_job_syscall(&bpf) && verdict_is(&j->verdict, i);
		st_job_set(j, id, ST_JOB_OVERLAP, &flow, inputs + 12 * i);
		good[2] += !st_job_syscall(&bpf) && !memcmp(j->bytes, outputs + 6 * i, 6);
		st_job_set(j, id, ST_JOB_VERDICT, &flow, inputs + 12 * i);
		good[3] += !st_job_packet(&bpf, "run_xdp_packet") && verdict_is(&j->verdict, i);
	}
	st_is(good[0], N, "outputs are those of userspace, and nothing is written behind them");
	st_is(good[1], N, "verdicts are those of userspace");
	st_is(good[2], N, "the output may overlap the input");
	st_is(good[3], N, "the input may lie unaligned in a packet");
}

static void errors(u32 id)
{
	struct ink_slot_stats before = st_stats(ctl, "kfunc"), after;
	struct st_job *j = bpf.job;
	u32 other;

	st_job_set(j, 0, ST_JOB_RUN, &flow, inputs);
	st_is(st_job_syscall(&bpf), -ESTALE, "slot id 0");
	j->slot = INKLING_SLOT_INDEX_MASK;
	st_is(st_job_syscall(&bpf), -EINVAL, "an index behind the table");
	j->slot = 77 | 1 << INKLING_SLOT_GENERATION_SHIFT;
	st_is(st_job_syscall(&bpf), -ENODEV, "an index without a slot");
	j->slot = id + (1u << INKLING_SLOT_GENERATION_SHIFT);
	st_is(st_job_syscall(&bpf), -ESTALE, "an id that will come later");
	j->slot = id;
	j->in_size = 11;
	st_is(st_job_syscall(&bpf), -EINVAL, "input too short");
	j->in_size = 16;
	st_is(st_job_syscall(&bpf), -EINVAL, "input too long");
	j->in_size = 12;
	j->out_size = 5;
	st_is(st_job_syscall(&bpf), -EINVAL, "output too short");
	j->out_size = 8;
	st_is(st_job_syscall(&bpf), -EINVAL, "output too long");
	j->out_size = 6;
	st_ok(j->out[0] == 0xee, "nothing was written by any of these");
	st_is(st_job_syscall(&bpf), 0, "and it works when all is right");
	after = st_stats(ctl, "kfunc");
	st_is(st_error_count(&after, "size") - st_error_count(&before, "size"), 4,
	      "wrong sizes are counted");
	other = st_slot(ctl, "other", INKLING_CTX_TASK);
	j->slot = other;
	st_is(st_job_syscall(&bpf), -ENODATA, "no model yet");
	after = st_stats(ctl, "other");
	st_is(st_error_count(&after, "no-model"), 1, "that is counted");
	ink_slot_del(ctl, "other");
	st_is(st_job_syscall(&bpf), -ENODEV, "the slot was deleted");
	st_slot_with(ctl, "other", INKLING_CTX_TASK, &flow);
	st_is(st_job_syscall(&bpf), -ESTALE, "another slot has its place");
	ink_slot_del(ctl, "other");
}

static void off(u32 id)
{
	struct ink_slot_change c = { .set = INK_SET_MODE, .mode = INKLING_MODE_OFF };
	struct st_job *j = bpf.job;

	ink_slot_set(ctl, "kfunc", &c);
	st_job_set(j, id, ST_JOB_RUN, &flow, inputs);
	st_ok(!st_job_syscall(&bpf) && !j->out[0] && !j->out[5] && j->out[6] == 0xee,
	      "off: the output is zeros");
	st_job_set(j, id, ST_JOB_VERDICT, &flow, inputs);
	memset(&j->verdict, 0xff, sizeof(j->verdict));
	st_ok(!st_job_syscall(&bpf) && !j->verdict.class && !j->verdict.score &&
	      j->verdict.mode == INKLING_MODE_OFF && j->verdict.action == INKLING_ACTION_PASS,
	      "off: the verdict is pass");
	c.mode = INKLING_MODE_ENFORCE;
	ink_slot_set(ctl, "kfunc", &c);
}

/* Real packets: XDP on the loopback device runs in softirq. */
static void softirq(u32 id, int want, const char *name)
{
	st_job_set(bpf.job, id, ST_JOB_VERDICT, &flow, inputs);
	st_job_softirq(&bpf, 20);
	st_ok(bpf.job->count >= 20 && bpf.job->err == want &&
	      (want || verdict_is(&bpf.job->verdict, 0)),
	      "%s: %d after %u packets", name, bpf.job->err, bpf.job->count);
}

static void packets(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("lo"),
		    .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = st_bpf_fd(&bpf, "run_tc"));
	u32 softirq_id = st_slot_with(ctl, "softirq", INKLING_CTX_SOFTIRQ, &flow);
	u32 task_id = st_slot_with(ctl, "task", INKLING_CTX_TASK, &flow);
	struct ink_slot_stats stats;

	softirq(softirq_id, 0, "XDP in softirq");
	softirq(task_id, -EPERM, "XDP in softirq, a slot for tasks");
	stats = st_stats(ctl, "task");
	st_is(st_error_count(&stats, "context"), bpf.job->count, "that is counted");
	st_job_set(bpf.job, softirq_id, ST_JOB_VERDICT, &flow, inputs);
	if (bpf_tc_hook_create(&hook) || bpf_tc_attach(&hook, &opts))
		st_bail("tc on lo: %s", strerror(errno));
	bpf.job->armed = 1;
	st_send_packets(5);
	bpf.job->armed = 0;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&hook);
	st_ok(bpf.job->count >= 5 && !bpf.job->err && verdict_is(&bpf.job->verdict, 0),
	      "tc on transmit: %u packets", bpf.job->count);
	st_job_set(bpf.job, softirq_id, ST_JOB_VERDICT, &flow, inputs);
	st_is(st_job_packet(&bpf, "run_xdp"), 0, "XDP under test");
	st_is(st_job_packet(&bpf, "run_tc"), 0, "tc under test");
	ink_slot_del(ctl, "softirq");
	ink_slot_del(ctl, "task");
}

static void traced(const char *program, u32 contexts, int want, void (*provoke)(void),
		   const char *name)
{
	u32 id = st_slot_with(ctl, "traced", contexts, &flow);
	struct bpf_link *link = st_bpf_attach(&bpf, program);

	st_job_set(bpf.job, id, ST_JOB_VERDICT, &flow, inputs);
	bpf.job->armed = 1;
	provoke();
	bpf.job->armed = 0;
	bpf_link__destroy(link);
	st_ok(bpf.job->count && bpf.job->err == want && (want || verdict_is(&bpf.job->verdict, 0)),
	      "%s: %d after %u calls", name, bpf.job->err, bpf.job->count);
	ink_slot_del(ctl, "traced");
}

static void provoke_call(void)
{
	syscall(SYS_getppid);
}

static void provoke_fentry(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	bpf_prog_test_run_opts(st_bpf_fd(&bpf, "run_fentry"), &opts);
}

static void provoke_open(void)
{
	close(open("/dev/null", O_RDONLY));
}

static void provoke_tick(void)
{
	st_job_wait(bpf.job, 20);
}

static void tracing(void)
{
	traced("run_tp_btf", INKLING_CTX_HARDIRQ, 0, provoke_call, "tp_btf");
	traced("run_tp_btf", INKLING_CTX_SOFTIRQ, -EPERM, provoke_call,
	       "tp_btf, a slot for softirq only");
	traced("run_fentry", INKLING_CTX_TASK, 0, provoke_fentry, "fentry");
	traced("run_hardirq", INKLING_CTX_HARDIRQ, 0, provoke_tick, "tp_btf in hard interrupts");
	traced("run_hardirq", INKLING_CTX_TASK | INKLING_CTX_SOFTIRQ, -EPERM, provoke_tick,
	       "tp_btf in hard interrupts, a slot for tasks and softirq");
	if (st_bpf_lsm())
		traced("run_lsm", INKLING_CTX_TASK, 0, provoke_open, "LSM");
	else
		st_skip("the BPF LSM isn't active", "LSM");
}

/* A program that is called inside of the run asks the same model, then another one. */
static void nested(u32 id)
{
	u32 other = st_slot_with(ctl, "other", INKLING_CTX_ALL, &flow);
	struct bpf_link *link = st_bpf_attach(&bpf, "run_inside");
	struct ink_slot_stats stats;

	st_job_set(bpf.job, id, ST_JOB_VERDICT, &flow, inputs);
	st_job_set(bpf.inner, id, ST_JOB_VERDICT, &flow, inputs + 12);
	bpf.inner->armed = 1;
	st_ok(!st_job_syscall(&bpf) && verdict_is(&bpf.job->verdict, 0),
	      "a run during which a program asks the same model is right");
	st_ok(bpf.inner->count && bpf.inner->err == -EBUSY, "the inner one is refused: %d",
	      bpf.inner->err);
	stats = st_stats(ctl, "kfunc");
	st_is(st_error_count(&stats, "arena"), bpf.inner->count, "that is counted");
	st_job_set(bpf.inner, other, ST_JOB_VERDICT, &flow, inputs + 12);
	bpf.inner->armed = 1;
	st_ok(!st_job_syscall(&bpf) && verdict_is(&bpf.job->verdict, 0),
	      "a run during which a program asks another slot is right");
	st_ok(bpf.inner->count && !bpf.inner->err && verdict_is(&bpf.inner->verdict, 1),
	      "and so is the inner one");
	bpf.inner->armed = 0;
	bpf_link__destroy(link);
	ink_slot_del(ctl, "other");
}

/* A model above the budget of softirq, from a task that can be preempted and from softirq. */
static void long_model(void)
{
	struct image img = big_image(1024, 2);
	u8 want[1024], *in = st_inputs(&img, 3, 1);
	u32 id = st_slot_with(ctl, "long", INKLING_CTX_TASK, &img);

	st_expect(&img, in, 1, want, NULL);
	st_job_set(bpf.job, id, ST_JOB_RUN, &img, in);
	st_ok(!st_job_syscall(&bpf) && !memcmp(bpf.job->out, want, sizeof(want)),
	      "a long model in a syscall program");
	softirq(id, -EPERM, "a long model in softirq");
	ink_slot_del(ctl, "long");
	image_free(&img);
	free(in);
}

static void holds_module(void)
{
	st_ok(syscall(SYS_delete_module, "inkling", O_NONBLOCK) && errno == EWOULDBLOCK,
	      "the module can't be unloaded while programs call it");
}

int main(void)
{
	u32 id;

	st_bpf_needed();
	ctl = st_ctl();
	flow = model_image(MODEL_FLOW);
	inputs = st_inputs(&flow, 21, N);
	st_expect(&flow, inputs, N, outputs, expected);
	st_bpf_open(&bpf, NULL);
	id = st_slot_with(ctl, "kfunc", INKLING_CTX_ALL, &flow);
	results(id);
	errors(id);
	off(id);
	packets();
	tracing();
	nested(id);
	long_model();
	holds_module();
	ink_slot_del(ctl, "kfunc");
	st_bpf_close(&bpf);
	ink_ctl_close(ctl);
	return st_done();
}
