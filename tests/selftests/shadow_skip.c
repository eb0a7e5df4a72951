// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadows where something is in the way: runs inside of runs, vector registers
 * in use, budgets, long models. Whatever the shadow can't get, it skips and
 * counts, and the caller has the current model's verdict.
 */
#include "st_bpf.h"

#define IN	12
#define OUT	6
#define N	20

static struct image flow, variant;
static struct ink_ctl *ctl;
static struct st_bpf bpf;
static u8 *inputs;
static struct inkling_verdict expected[N];

static bool is_expected(const struct inkling_verdict *v, u32 i)
{
	return v->class == expected[i].class && v->score == expected[i].score && v->generation == 1;
}

/* While a run is being repeated its own slot is asked again. */
static void inside_task(void)
{
	u32 id = st_slot_with(ctl, "shadow", INKLING_CTX_ALL, &flow);
	struct bpf_link *link = st_bpf_attach(&bpf, "run_inside_shadow");
	struct ink_shadow_info s;

	st_load_shadow(ctl, "shadow", &variant, 1);
	st_job_set(bpf.job, id, ST_JOB_VERDICT, &flow, inputs);
	st_job_set(bpf.inner, id, ST_JOB_VERDICT, &flow, inputs + IN);
	bpf.inner->armed = 1;
	st_ok(!st_job_syscall(&bpf) && is_expected(&bpf.job->verdict, 0),
	      "a run, during whose repetition a program asks the same slot, is right");
	bpf.inner->armed = 0;
	st_ok(bpf.inner->count == 1 && !bpf.inner->err && is_expected(&bpf.inner->verdict, 1),
	      "and so is the inner one: %d", bpf.inner->err);
	bpf_link__destroy(link);
	s = st_shadow(ctl, "shadow");
	st_ok(s.runs == 2 && s.compared + st_skip_count(&s, "arena") == 2,
	      "both are accounted for: %llu compared", (unsigned long long)s.compared);
	ink_slot_del(ctl, "shadow");
}

/* Hard interrupts have one arena on each CPU, or another's if that is free. */
static void inside_hardirq(void)
{
	u32 id = st_slot_with(ctl, "shadow", INKLING_CTX_HARDIRQ, &flow);
	struct bpf_link *inside, *outside;
	struct ink_slot_stats stats;
	struct ink_shadow_info s;

	st_load_shadow(ctl, "shadow", &variant, 1);
	inside = st_bpf_attach(&bpf, "run_inside_shadow");
	outside = st_bpf_attach(&bpf, "run_hardirq");
	st_job_set(bpf.job, id, ST_JOB_VERDICT, &flow, inputs);
	st_job_set(bpf.inner, id, ST_JOB_VERDICT, &flow, inputs + IN);
	bpf.inner->armed = 1;
	bpf.job->armed = 1;
	st_job_wait(bpf.job, 50);
	st_job_wait(bpf.inner, 50);	/* fewer: none where the shadow found no arena */
	bpf.job->armed = 0;
	bpf.inner->armed = 0;
	bpf_link__destroy(outside);
	bpf_link__destroy(inside);
	stats = st_stats(ctl, "shadow");
	s = st_shadow(ctl, "shadow");
	st_ok(bpf.job->count >= 50 && bpf.inner->count >= 50 && is_expected(&bpf.job->verdict, 0) &&
	      is_expected(&bpf.inner->verdict, 1), "%u runs in hard interrupts, %u inside of them",
	      bpf.job->count, bpf.inner->count);
	st_ok(!bpf.job->err && !bpf.inner->err && stats.runs == s.runs,
	      "none went without a verdict");
	st_is((long long)(s.compared + st_skip_count(&s, NULL)), (long long)s.runs,
	      "%llu compared, %llu skipped for an arena", (unsigned long long)s.compared,
	      (unsigned long long)st_skip_count(&s, "arena"));
	ink_slot_del(ctl, "shadow");
}

/* A width whose scalar code is too slow for a hard interrupt and whose vector code isn't. */
static bool slow_without_vectors(struct image *img)
{
	struct ink_model_stat stat;
	struct ink_model *m;
	u32 n;

	for (n = 32; n < 256; n += 8) {
		*img = flow_wide(n, 1);
		m = ink_model_open_image(img->p, img->size);
		if (!m)
			st_bail("wide: %s", ink_failure_last()->text);
		ink_model_stat(m, &stat);
		ink_model_close(m);
		if (stat.cost_scalar > 10000 && stat.cost_simd < 5000)
			return true;
		image_free(img);
	}
	return false;
}

/* Inside of a vector section, where preemption is off. */
static void without_vectors(void)
{
	u32 outer = st_slot_with(ctl, "outer", INKLING_CTX_ALL, &flow);
	u32 id = st_slot_with(ctl, "shadow", INKLING_CTX_ALL, &flow);
	struct ink_slot *slot = ink_slot_get(ctl, "outer");
	struct ink_shadow_info s;
	struct bpf_link *link;
	struct st_bpf fpu;
	struct image slow;

	if (!slot || strcmp(slot->model.isa, "avx2") || !slow_without_vectors(&slow)) {
		st_skip("no model here is run by AVX2 and too slow without", "shadows without vectors");
		return;
	}
	ink_slot_free(slot);
	st_bpf_open(&fpu, "run_inside_fpu");
	link = st_bpf_attach(&fpu, "run_inside_fpu");
	st_load_shadow(ctl, "shadow", &slow, 1);
	st_job_set(fpu.job, outer, ST_JOB_VERDICT, &flow, inputs);
	st_job_set(fpu.inner, id, ST_JOB_VERDICT, &flow, inputs + IN);
	fpu.inner->armed = 1;
	st_ok(!st_job_syscall(&fpu) && !fpu.inner->err && fpu.inner->count &&
	      is_expected(&fpu.inner->verdict, 1), "a run inside of a vector section is right");
	fpu.inner->armed = 0;
	s = st_shadow(ctl, "shadow");
	st_ok(s.runs && st_skip_count(&s, "nofpu") == s.runs && !s.compared,
	      "its shadow, too slow without vectors, skips: %llu", (unsigned long long)s.runs);
	st_load_shadow(ctl, "shadow", &variant, 1);
	fpu.inner->armed = 1;
	st_ok(!st_job_syscall(&fpu) && is_expected(&fpu.inner->verdict, 1), "once more");
	fpu.inner->armed = 0;
	s = st_shadow(ctl, "shadow");
	st_ok(s.runs && s.compared == s.runs, "a small shadow runs there, scalar");
	bpf_link__destroy(link);
	st_bpf_close(&fpu);
	ink_slot_del(ctl, "outer");
	ink_slot_del(ctl, "shadow");
	image_free(&slow);
}

/* The current model is replaced by one that leaves no room for the shadow. */
static void budget_later(void)
{
	struct image mid = flow_wide(96, 1);
	u32 id = st_slot_with(ctl, "shadow", INKLING_CTX_SOFTIRQ, &flow), n;
	struct ink_model_stat stat;
	struct ink_shadow_info s;
	struct ink_model *m;

	for (n = 96; n < 1024; n += 8) {
		image_free(&mid);
		mid = flow_wide(n, 2);
		m = ink_model_open_image(mid.p, mid.size);
		ink_model_stat(m, &stat);
		ink_model_close(m);
		if (stat.cost_simd > 30000 && stat.cost_simd < 40000)
			break;
	}
	st_load_shadow(ctl, "shadow", &mid, 1);
	st_job_set(bpf.job, id, ST_JOB_VERDICT, &flow, inputs);
	st_job_softirq(&bpf, 10);
	s = st_shadow(ctl, "shadow");
	st_ok(s.runs >= 10 && s.compared == s.runs, "a shadow of %llu ns beside a small model is compared",
	      (unsigned long long)stat.cost_simd);
	st_load(ctl, "shadow", &mid);
	s = st_shadow(ctl, "shadow");
	st_ok(!s.runs && !s.compared && s.model.generation == 2,
	      "the shadow stays when the current model is replaced, and begins at zero");
	st_job_softirq(&bpf, 10);
	s = st_shadow(ctl, "shadow");
	st_ok(!bpf.job->err && bpf.job->verdict.generation == 3, "the new model answers");
	st_ok(s.runs >= 10 && st_skip_count(&s, "budget") == s.runs && !s.compared,
	      "the shadow, too much beside it, skips");
	ink_slot_rollback(ctl, "shadow");
	st_job_softirq(&bpf, 10);
	s = st_shadow(ctl, "shadow");
	st_ok(bpf.job->verdict.generation == 1 && s.runs >= 10 && s.compared == s.runs,
	      "after a rollback it is compared again, from zero");
	ink_slot_del(ctl, "shadow");
	image_free(&mid);
}

/* Long models run preemptibly and with references; each pair by both doors. */
static void long_models(void)
{
	struct image slow = flow_wide(512, 2);
	const struct image *img[2] = { &flow, &slow };
	struct inkling_verdict v[N], want[N];
	struct ink_session *session;
	struct ink_shadow_info s;
	u8 out[N * OUT];
	u32 id, i, k, good;

	for (k = 1; k < 4; k++) {
		const struct image *a = img[k & 1], *b = img[k >> 1];

		st_expect(a, inputs, N, out, want);
		id = st_slot_with(ctl, "shadow", INKLING_CTX_TASK, a);
		st_load_shadow(ctl, "shadow", b, 1);
		session = ink_session_open("shadow", INK_DEFAULTS);
		if (ink_session_run_batch(session, N, inputs, IN, NULL, 0, v))
			st_bail("run: %s", ink_failure_last()->text);
		ink_session_close(session);
		for (i = good = 0; i < N; i++) {
			good += v[i].class == want[i].class && v[i].score == want[i].score;
			st_job_set(bpf.job, id, ST_JOB_VERDICT, &flow, inputs + IN * i);
			good += !st_job_syscall(&bpf) && bpf.job->verdict.class == want[i].class &&
				bpf.job->verdict.score == want[i].score;
		}
		s = st_shadow(ctl, "shadow");
		st_is(good, 2 * N, "a %s model with a %s shadow is right", k & 1 ? "long" : "short",
		      k >> 1 ? "long" : "short");
		st_ok(s.runs == 2 * N && s.compared == 2 * N, "and all was repeated: %llu",
		      (unsigned long long)s.compared);
		ink_slot_del(ctl, "shadow");
	}
	image_free(&slow);
}

int main(void)
{
	u8 out[N * OUT];

	st_bpf_needed();
	ctl = st_ctl();
	flow = model_image(MODEL_FLOW);
	variant = flow_variant(3);
	inputs = st_inputs(&flow, 17, N);
	st_expect(&flow, inputs, N, out, expected);
	st_bpf_open(&bpf, NULL);
	inside_task();
	inside_hardirq();
	without_vectors();
	budget_later();
	long_models();
	st_bpf_close(&bpf);
	ink_ctl_close(ctl);
	return st_done();
}
