// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs while the vector registers are in use: a program that is called inside
 * of a vector section asks other slots. Preemption is off there, so the budget
 * is that of a hard interrupt.
 */
#include "st_bpf.h"

static struct ink_ctl *ctl;
static struct st_bpf bpf;

/* Run @outer by a syscall program and @inner inside of it; the inner result. */
static int run_inside(u32 outer, u32 inner, const struct image *outer_img,
		      const struct image *inner_img, const void *in)
{
	st_job_set(bpf.job, outer, ST_JOB_RUN, outer_img, in);
	st_job_set(bpf.inner, inner, ST_JOB_RUN, inner_img, in);
	bpf.inner->armed = 1;
	if (st_job_syscall(&bpf))
		st_bail("the outer run: %d", bpf.job->err);
	bpf.inner->armed = 0;
	return bpf.inner->count ? bpf.inner->err : 1;
}

int main(void)
{
	struct image flow = model_image(MODEL_FLOW), mid = big_image(128, 1);
	u8 *in = st_inputs(&mid, 5, 1), want[128], want_flow[6];
	struct ink_slot_stats stats;
	struct ink_slot *slot;
	struct bpf_link *link;
	u32 a, b, c;

	st_bpf_needed();
	ctl = st_ctl();
	a = st_slot_with(ctl, "outer", INKLING_CTX_ALL, &flow);
	slot = ink_slot_get(ctl, "outer");
	if (slot && strcmp(slot->model.isa, "avx2")) {
		st_skip("the model isn't run by AVX2 here", "runs inside of a vector section");
		return st_done();
	}
	ink_slot_free(slot);
	b = st_slot_with(ctl, "inner", INKLING_CTX_ALL, &flow);
	c = st_slot_with(ctl, "mid", INKLING_CTX_ALL, &mid);
	st_bpf_open(&bpf, "run_inside_fpu");
	link = st_bpf_attach(&bpf, "run_inside_fpu");
	st_expect(&flow, in, 1, want_flow, NULL);
	st_expect(&mid, in, 1, want, NULL);

	st_is(run_inside(a, b, &flow, &flow, in), 0, "a small model runs inside of a vector section");
	st_ok(!memcmp(bpf.inner->out, want_flow, 6) && !memcmp(bpf.job->out, want_flow, 6),
	      "both outputs are right");
	stats = st_stats(ctl, "inner");
	st_ok(stats.scalar && stats.scalar == stats.runs, "the inner one was scalar");
	stats = st_stats(ctl, "outer");
	st_ok(!stats.scalar && stats.runs, "the outer one was not");
	st_is(run_inside(a, c, &flow, &mid, in), -EBUSY,
	      "a model that is too slow without vectors is refused");
	stats = st_stats(ctl, "mid");
	st_ok(st_error_count(&stats, "nofpu") && !stats.runs, "that is counted as nofpu");
	bpf_link__destroy(link);
	st_job_set(bpf.job, c, ST_JOB_RUN, &mid, in);
	st_ok(!st_job_syscall(&bpf) && !memcmp(bpf.job->out, want, sizeof(want)),
	      "elsewhere it runs");
	st_bpf_close(&bpf);
	ink_slot_del(ctl, "outer");
	ink_slot_del(ctl, "inner");
	ink_slot_del(ctl, "mid");
	ink_ctl_close(ctl);
	return st_done();
}
