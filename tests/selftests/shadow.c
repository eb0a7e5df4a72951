// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadows: what they count is exactly what userspace computes, callers get the
 * same bits with and without one, and what can't be a shadow is refused.
 * Promotion under load is in promote.c.
 */
#include "st_bpf.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <linux/inkling_netlink.h>
#include "ctl.h"

#define N	400
#define IN	12
#define OUT	6

static struct image flow, variant;
static struct ink_ctl *ctl;
static struct st_bpf bpf;
static u8 *inputs;
static u8 outputs[N * OUT];
static struct inkling_verdict expected[2][N];	/* of flow, of variant */

static int load_shadow(const char *slot, const struct image *img)
{
	struct ink_load_options o = { .set = INK_LOAD_SHADOW };

	return ink_load_with(ctl, img->p, img->size, slot, &o, NULL, NULL, NULL);
}

static void refusals(void)
{
	struct image mix = model_image(MODEL_MIX);
	struct ink_load_options o = { .sample = 4 };
	struct nl_msg *msg;

	st_refused(load_shadow("nowhere", &flow), ENOENT, "there is no slot nowhere",
		   "a shadow in no slot");
	st_slot(ctl, "shadow", INKLING_CTX_ALL);
	st_refused(load_shadow("shadow", &flow), ENODATA, "has no model whose runs a shadow",
		   "a shadow of no model");
	st_load(ctl, "shadow", &flow);
	st_refused(load_shadow("shadow", &mix), EINVAL, "feature schema", "a shadow of another schema");
	st_refused(ink_load_with(ctl, flow.p, flow.size, "shadow", &o, NULL, NULL, NULL), EINVAL,
		   "sample is for a shadow", "sample without shadow");
	st_refused(ink_load_abort(ctl), ENOENT, "no image was begun", "the image is gone then");
	ink_load_begin(ctl, (u32)flow.size, image_header(&flow)->digest);
	msg = ink_ctl_request(ctl, INKLING_CMD_LOAD_COMMIT, NLM_F_ACK, 256);
	nla_put_string(msg, INKLING_A_LOAD_SLOT, "shadow");
	nla_put_flag(msg, INKLING_A_LOAD_SHADOW);
	nla_put_u32(msg, INKLING_A_LOAD_SAMPLE, 0);
	st_refused(ink_ctl_call(ctl, msg, INK_ATTRS_LOAD, "send", NULL, NULL), EINVAL,
		   "sample 0: a shadow repeats one of so many runs", "sample 0");
	st_refused(ink_slot_promote(ctl, "shadow"), ENODATA, "slot shadow has no shadow",
		   "slot-promote without a shadow");
	st_refused(ink_slot_promote(ctl, "nowhere"), ENOENT, "there is no slot nowhere",
		   "slot-promote of no slot");
	st_refused(ink_slot_shadow_drop(ctl, "shadow"), ENODATA, "slot shadow has no shadow",
		   "slot-shadow-drop without a shadow");
	st_refused(ink_slot_shadow_drop(ctl, "nowhere"), ENOENT, "there is no slot nowhere",
		   "slot-shadow-drop of no slot");
	ink_slot_del(ctl, "shadow");
	image_free(&mix);
}

/* One that keeps the budget of a context by less than flow needs; its width, or 0. */
static struct image nearly_too_slow(u32 contexts, u64 budget)
{
	struct ink_model_stat stat, small;
	struct ink_model *m = ink_model_open_image(flow.p, flow.size);
	struct image img;
	u32 n;

	ink_model_stat(m, &small);
	ink_model_close(m);
	for (n = 8; n < 1024; n += n < 64 ? 2 : 8) {
		img = flow_wide(n, contexts == INKLING_CTX_HARDIRQ ? 1 : 3);
		m = ink_model_open_image(img.p, img.size);
		if (!m)
			st_bail("wide: %s", ink_failure_last()->text);
		ink_model_stat(m, &stat);
		ink_model_close(m);
		if (stat.cost_simd <= budget && stat.cost_simd + small.cost_simd > budget)
			return img;
		image_free(&img);
	}
	return (struct image){ NULL };
}

static void budget(u32 contexts, u64 ns, const char *context)
{
	struct image img = nearly_too_slow(contexts, ns);

	if (!img.p) {
		st_skip("no size of a model is that near to the budget", "a slow shadow for %s", context);
		return;
	}
	st_slot_with(ctl, "shadow", contexts, &flow);
	st_refused(load_shadow("shadow", &img), E2BIG, "a run of both models takes up to",
		   "a shadow that fits alone and not with the model: %s", context);
	st_ok(strstr(ink_failure_last()->text, context) != NULL, "budget and context are named: %s",
	      ink_failure_last()->text);
	st_fine(ink_load(ctl, img.p, img.size, "shadow", NULL, NULL, NULL, NULL),
		"as the current model it fits: %s", context);
	st_slot_with(ctl, "shadow", INKLING_CTX_TASK, &flow);
	st_fine(load_shadow("shadow", &img), "as a shadow for tasks, too");
	ink_slot_del(ctl, "shadow");
	image_free(&img);
}

static u32 bucket(u64 difference)
{
	u32 i = 0;

	for (; difference; difference >>= 1)
		i++;
	return i < INK_STAT_BUCKETS ? i : INK_STAT_BUCKETS - 1;
}

/* The counters are those of userspace, when every one of the inputs was repeated once. */
static void counted(const struct ink_shadow_info *s, const char *name)
{
	static const u8 action[3] = { INKLING_ACTION_PASS, INKLING_ACTION_ALERT, INKLING_ACTION_DROP };
	u64 matrix[3][3] = { { 0 } }, actions[3][3] = { { 0 } }, differences[INK_STAT_BUCKETS] = { 0 };
	u64 sum = 0, disagreed = 0;
	u32 i, bad = 0;

	for (i = 0; i < N; i++) {
		const struct inkling_verdict *a = &expected[0][i], *b = &expected[1][i];
		u64 difference = (u64)llabs((long long)a->score - b->score);

		matrix[a->class][b->class]++;
		actions[b->class][action[b->class]]++;
		differences[bucket(difference)]++;
		sum += difference;
		disagreed += a->class != b->class;
	}
	for (i = 0; i < 9; i++)
		bad += s->matrix[i / 3][i % 3] != matrix[i / 3][i % 3] ||
		       s->actions[i / 3][i % 3] != actions[i / 3][i % 3];
	st_ok(disagreed && disagreed < N && actions[1][INKLING_ACTION_ALERT] +
	      actions[2][INKLING_ACTION_DROP], "%s: the models differ in %llu of %u", name,
	      (unsigned long long)disagreed, N);
	st_is((long long)s->compared, N, "%s: all were compared", name);
	st_is((long long)s->runs, N, "%s: of as many runs", name);
	st_is((long long)st_skip_count(s, NULL), 0, "%s: none was skipped", name);
	st_is((long long)s->disagreed, (long long)disagreed, "%s: disagreements", name);
	st_ok(!bad && s->n_classes == 3, "%s: classes and actions", name);
	st_ok(!memcmp(s->differences, differences, sizeof(differences)) && s->difference == sum,
	      "%s: differences of the scores", name);
}

static void set_actions(const char *slot)
{
	struct ink_slot_change c = {
		.classes = 7,
		.action = { INKLING_ACTION_PASS, INKLING_ACTION_ALERT, INKLING_ACTION_DROP },
	};

	ink_slot_set(ctl, slot, &c);
}

static void session_batch(struct ink_session *session, const char *name)
{
	struct inkling_verdict v[N];
	u8 out[N * OUT];
	u32 i, good = 0;

	memset(out, 0xee, sizeof(out));
	if (ink_session_run_batch(session, N, inputs, IN, out, OUT, v))
		st_bail("run: %s", ink_failure_last()->text);
	for (i = 0; i < N; i++)
		good += v[i].class == expected[0][i].class && v[i].score == expected[0][i].score &&
			v[i].generation == 1 && !v[i].flags;
	st_is(good, N, "%s: verdicts are the current model's", name);
	st_ok(!memcmp(out, outputs, sizeof(out)), "%s: so are the outputs", name);
}

static void by_session(void)
{
	struct ink_slot_change off = { .set = INK_SET_MODE, .mode = INKLING_MODE_OFF };
	struct ink_slot_stats stats;
	struct ink_shadow_info s;
	struct ink_session *session;

	st_slot_with(ctl, "shadow", INKLING_CTX_TASK, &flow);
	set_actions("shadow");
	session = ink_session_open("shadow", INK_DEFAULTS);
	session_batch(session, "session without a shadow");
	st_load_shadow(ctl, "shadow", &variant, 1);
	session_batch(session, "session with one");
	s = st_shadow(ctl, "shadow");
	counted(&s, "session");
	st_ok(s.sample == 1 && s.model.generation == 2, "the shadow has a generation of its own");
	stats = st_stats(ctl, "shadow");
	st_is((long long)stats.runs, 2 * N, "its runs aren't runs of the slot");
	st_load_shadow(ctl, "shadow", &variant, 1);
	s = st_shadow(ctl, "shadow");
	st_ok(!s.runs && !s.compared && !s.difference && s.model.generation == 3,
	      "another shadow begins at zero");
	ink_slot_set(ctl, "shadow", &off);
	if (ink_session_run_batch(session, N, inputs, IN, NULL, 0, NULL))
		st_bail("run: %s", ink_failure_last()->text);
	s = st_shadow(ctl, "shadow");
	st_is((long long)s.runs, 0, "off: nothing is repeated");
	ink_session_close(session);
	ink_slot_del(ctl, "shadow");
}

static void by_kfunc(void)
{
	u32 id = st_slot_with(ctl, "shadow", INKLING_CTX_ALL, &flow), i, good[2] = { 0 };
	struct st_job *j = bpf.job;
	struct ink_shadow_info s;

	set_actions("shadow");
	st_load_shadow(ctl, "shadow", &variant, 1);
	for (i = 0; i < N; i++) {
		st_job_set(j, id, i & 1 ? ST_JOB_RUN : ST_JOB_OVERLAP, &flow, inputs + IN * i);
		good[0] += !st_job_syscall(&bpf) &&
			   !memcmp(i & 1 ? j->out : j->bytes, outputs + OUT * i, OUT);
	}
	s = st_shadow(ctl, "shadow");
	st_is(good[0], N, "kfunc in tasks: outputs are the current model's");
	counted(&s, "kfunc in tasks");
	st_load_shadow(ctl, "shadow", &variant, 1);
	for (i = 0; i < N; i++) {
		st_job_set(j, id, ST_JOB_VERDICT, &flow, inputs + IN * i);
		good[1] += !st_job_packet(&bpf, "run_xdp_packet") &&
			   j->verdict.class == expected[0][i].class &&
			   j->verdict.score == expected[0][i].score && j->verdict.generation == 1;
	}
	s = st_shadow(ctl, "shadow");
	st_is(good[1], N, "kfunc in XDP: verdicts are the current model's");
	counted(&s, "kfunc in XDP");
	ink_slot_del(ctl, "shadow");
}

static void use_cpu(int cpu)
{
	cpu_set_t set;
	int i;

	CPU_ZERO(&set);
	for (i = 0; i < 64; i++)
		if (cpu < 0 || i == cpu)
			CPU_SET(i, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* On one CPU, so that its counter is the only one. */
static void sampling(void)
{
	static const u32 samples[] = { 1, 3, 8, 100, N, N + 1, 0 };
	struct ink_session *session;
	struct ink_shadow_info s;
	u32 i;

	st_slot_with(ctl, "shadow", INKLING_CTX_TASK, &flow);
	session = ink_session_open("shadow", INK_DEFAULTS);
	use_cpu(0);
	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		u32 sample = samples[i] ?: 8;	/* the default */

		st_load_shadow(ctl, "shadow", &variant, samples[i]);
		ink_session_run_batch(session, N, inputs, IN, NULL, 0, NULL);
		s = st_shadow(ctl, "shadow");
		st_ok(s.sample == sample && s.runs == N && s.compared == N / sample &&
		      !st_skip_count(&s, NULL), "one of %u: %llu of %llu", sample,
		      (unsigned long long)s.compared, (unsigned long long)s.runs);
	}
	use_cpu(-1);
	ink_session_close(session);
	ink_slot_del(ctl, "shadow");
}

static atomic_int stop;

static void *scribble(void *arg)
{
	struct ink_rand r = { 99 };
	volatile u32 *to = arg;

	while (!atomic_load(&stop))
		to[ink_rand_below(&r, IN / 4)] = (u32)ink_rand_next(&r);
	return NULL;
}

/* An input that another thread writes to all the time: a model agrees with itself all the same. */
static void changing_input(void)
{
	u32 id = st_slot_with(ctl, "shadow", INKLING_CTX_ALL, &flow), runs = 0, failed = 0;
	struct ink_session *session = ink_session_open("shadow", INK_DEFAULTS);
	struct ink_shadow_info s;
	pthread_t thread;
	u32 in[IN / 4] = { 0 };

	st_load_shadow(ctl, "shadow", &flow, 1);
	pthread_create(&thread, NULL, scribble, in);
	for (; runs < 20000; runs++)
		failed += ink_session_run(session, in, IN, NULL, 0) != 0;
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	atomic_store(&stop, 0);
	if (bpf.object) {
		st_job_set(bpf.job, id, ST_JOB_VERDICT, &flow, inputs);
		pthread_create(&thread, NULL, scribble, bpf.job->bytes);
		for (; runs < 40000; runs++)
			failed += st_job_syscall(&bpf) != 0;
		atomic_store(&stop, 1);
		pthread_join(thread, NULL);
	}
	s = st_shadow(ctl, "shadow");
	st_is(failed, 0, "runs on a changing input");
	st_ok(s.compared + st_skip_count(&s, NULL) == runs && s.compared > runs / 4 * 3,
	      "%llu of %u repeated", (unsigned long long)s.compared, runs);
	st_ok(!s.disagreed && !s.difference && s.differences[0] == s.compared,
	      "both models saw the same bytes");
	ink_session_close(session);
	ink_slot_del(ctl, "shadow");
}

int main(void)
{
	ctl = st_ctl();
	flow = model_image(MODEL_FLOW);
	variant = flow_variant(3);
	inputs = st_inputs(&flow, 31, N);
	st_expect(&variant, inputs, N, outputs, expected[1]);
	st_expect(&flow, inputs, N, outputs, expected[0]);
	if (st_bpf_possible())
		st_bpf_open(&bpf, NULL);
	refusals();
	budget(INKLING_CTX_HARDIRQ, 10000, "hardirq");
	budget(INKLING_CTX_SOFTIRQ, 50000, "softirq");
	by_session();
	if (bpf.object)
		by_kfunc();
	else
		st_bpf_skip("shadows of runs by programs");
	sampling();
	changing_input();
	if (bpf.object)
		st_bpf_close(&bpf);
	ink_ctl_close(ctl);
	return st_done();
}
