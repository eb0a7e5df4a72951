// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadows: what is counted of them is what userspace computes, they change no
 * verdict, and promote, rollback and thresholds hold under load.
 */
#include "st_bpf.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define N	64
#define SECONDS	5

static struct image images[2];
static u8 *inputs;
static u8 outputs[2][N * 6];
static struct inkling_verdict expected[2][N];
static s32 thresholds[2];
static atomic_int stop;
static u32 slot_id;

static int load_shadow(struct ink_ctl *ctl, const struct image *img, u32 sample, const s32 *threshold)
{
	struct ink_load_options o = { .set = INK_LOAD_SHADOW, .sample = sample };

	if (threshold) {
		o.set |= INK_LOAD_THRESHOLD;
		o.threshold = *threshold;
	}
	return ink_load_with(ctl, img->p, img->size, "shadow", &o, NULL, NULL, NULL);
}

/* Run all inputs once through a session; how many outputs and verdicts aren't those of @model. */
static long run_all(int model)
{
	struct ink_session *session = ink_session_open("shadow", INK_DEFAULTS);
	struct inkling_verdict v[N];
	u8 out[N * 6];
	long wrong = 0;
	u32 i;

	if (!session || ink_session_run_batch(session, N, inputs, 12, out, 6, v))
		return -1;
	for (i = 0; i < N; i++)
		wrong += v[i].class != expected[model][i].class ||
			 v[i].score != expected[model][i].score ||
			 memcmp(out + 6 * i, outputs[model] + 6 * i, 6);
	ink_session_close(session);
	return wrong;
}

static long run_program(int model)
{
	struct st_bpf bpf;
	long wrong = 0;
	u32 i;

	st_bpf_open(&bpf, NULL);
	for (i = 0; i < N; i++) {
		st_job_set(bpf.job, slot_id, ST_JOB_VERDICT, &images[0], inputs + 12 * i);
		wrong += st_job_syscall(&bpf) ||
			 bpf.job->verdict.class != expected[model][i].class ||
			 bpf.job->verdict.score != expected[model][i].score;
	}
	st_bpf_close(&bpf);
	return wrong;
}

/* What was compared since the last restart against what userspace says of each input, @times over. */
static void check_counts(struct ink_ctl *ctl, u32 times, const char *door)
{
	struct ink_slot *slot = ink_slot_get(ctl, "shadow");
	const struct ink_shadow_info *s = &slot->shadow;
	u64 matrix[3][3] = { 0 }, difference = 0, disagreed = 0, dropped = 0;
	u32 i, j;

	for (i = 0; i < N; i++) {
		matrix[expected[0][i].class][expected[1][i].class] += times;
		disagreed += times * (expected[0][i].class != expected[1][i].class);
		difference += times * (u64)llabs((s64)expected[0][i].score - expected[1][i].score);
		dropped += times * (expected[1][i].class == 1);
	}
	st_ok(slot->has_shadow, "%s: there is a shadow", door);
	st_is((long long)s->runs, N * times, "%s: runs of the current model", door);
	st_is((long long)s->compared, N * times, "%s: all of them repeated", door);
	st_is((long long)s->disagreed, (long long)disagreed, "%s: disagreements", door);
	st_is((long long)s->difference, (long long)difference, "%s: sum of the differences", door);
	for (i = 0; i < 3; i++)
		for (j = 0; j < 3; j++)
			st_is((long long)s->matrix[i][j], (long long)matrix[i][j],
			      "%s: class %u here, %u there", door, i, j);
	st_is((long long)s->actions[1][INKLING_ACTION_DROP], (long long)dropped,
	      "%s: what the shadow would drop", door);
	ink_slot_free(slot);
}

static void test_counts(struct ink_ctl *ctl)
{
	struct ink_slot_change change = { .set = 0 };
	struct ink_slot *slot;

	slot_id = st_slot_with(ctl, "shadow", INKLING_CTX_ALL, &images[0]);
	change.classes = 1 << 1;
	change.action[1] = INKLING_ACTION_DROP;
	st_fine(ink_slot_set(ctl, "shadow", &change), "class 1 is to be dropped");
	st_refused(ink_slot_promote(ctl, "shadow"), ENODATA, "no shadow", "promote without a shadow");
	st_refused(ink_slot_shadow_drop(ctl, "shadow"), ENODATA, "no shadow", "drop without a shadow");
	st_fine(load_shadow(ctl, &images[1], 1, NULL), "a shadow that repeats each run");
	st_is(run_all(0), 0, "sessions: each result is the current model's");
	check_counts(ctl, 1, "sessions");
	st_is(run_program(0), 0, "programs: each verdict is the current model's");
	check_counts(ctl, 2, "programs");
	st_fine(load_shadow(ctl, &images[1], 8, NULL), "a shadow that repeats one run in 8");
	st_is(run_all(0), 0, "one in 8: each result is the current model's");
	slot = ink_slot_get(ctl, "shadow");
	st_is((long long)slot->shadow.runs, N, "one in 8: counted anew");
	/* Each CPU counts for itself. */
	st_ok(slot->shadow.compared >= N / 8 - 2 && slot->shadow.compared <= N / 8,
	      "one in 8: %llu repeated", (unsigned long long)slot->shadow.compared);
	st_is(slot->shadow.sample, 8, "one in 8: it says so");
	ink_slot_free(slot);
}

static void test_refusals(struct ink_ctl *ctl)
{
	struct image other = model_image(MODEL_MIX), big;
	struct ink_load_options sample = { .sample = 4 };
	u32 n;

	st_refused(load_shadow(ctl, &other, 1, NULL), EINVAL, "schema", "a shadow of another schema");
	st_refused(ink_load_with(ctl, images[1].p, images[1].size, "shadow", &sample, NULL, NULL, NULL),
		   EINVAL, "shadow", "sample without shadow");
	ink_slot_del(ctl, "shadow");
	st_slot(ctl, "shadow", INKLING_CTX_TASK);
	st_refused(load_shadow(ctl, &images[1], 1, NULL), ENODATA, "no model",
		   "a shadow of nothing");
	/* Each of them fits into the budget of softirq, both together don't. */
	ink_slot_del(ctl, "shadow");
	st_slot(ctl, "shadow", INKLING_CTX_TASK | INKLING_CTX_SOFTIRQ);
	for (n = 1024; n >= 128; n -= 64) {
		big = big_image(n, 1);
		if (!ink_load(ctl, big.p, big.size, "shadow", NULL, NULL, NULL, NULL))
			break;
	}
	st_ok(n >= 128, "the largest model that fits has %u inputs", n);
	st_refused(load_shadow(ctl, &big, 1, NULL), E2BIG, "both models", "both models above the budget");
	ink_slot_del(ctl, "shadow");
}

struct load {
	pthread_t thread;
	long runs, failed, wrong, promoted;
};

/* Odd generations are of the first image, even ones of the second, each with its threshold. */
static void *runs(void *arg)
{
	struct ink_session *session = ink_session_open("shadow", INK_DEFAULTS);
	struct load *l = arg;
	struct inkling_verdict v[N];
	u32 last = 0, i;

	while (session && !atomic_load(&stop)) {
		if (ink_session_run_batch(session, N, inputs, 12, NULL, 0, v)) {
			l->failed++;
			continue;
		}
		for (i = 0; i < N; i++) {
			int m = !(v[i].generation & 1);

			l->runs++;
			l->wrong += v[i].score != expected[m][i].score ||
				    (v[i].class != 0) != (v[i].score >= thresholds[m]);
		}
		l->promoted += v[0].generation != last;
		last = v[0].generation;
	}
	ink_session_close(session);
	return NULL;
}

static void *programs(void *arg)
{
	struct load *l = arg;
	struct st_bpf bpf;
	u32 i = 0;

	st_bpf_open(&bpf, NULL);
	while (!atomic_load(&stop)) {
		struct inkling_verdict *v = &bpf.job->verdict;
		int m;

		i = (i + 1) % N;
		st_job_set(bpf.job, slot_id, ST_JOB_VERDICT, &images[0], inputs + 12 * i);
		if (st_job_syscall(&bpf)) {
			l->failed++;
			continue;
		}
		m = !(v->generation & 1);
		l->runs++;
		l->wrong += v->score != expected[m][i].score ||
			    (v->class != 0) != (v->score >= thresholds[m]);
	}
	st_bpf_close(&bpf);
	return NULL;
}

/* Each model with a threshold that the other hasn't: no run may mix the two. */
static void test_promote(struct ink_ctl *ctl)
{
	struct ink_load_options first = { .set = INK_LOAD_THRESHOLD, .threshold = thresholds[0] };
	struct timespec pause = { .tv_nsec = 1000 * 1000 };
	time_t end = time(NULL) + SECONDS;
	u32 i, promoted = 0, dropped = 0, rolled = 0;
	struct load loads[3] = { 0 };
	int err;

	slot_id = st_slot(ctl, "shadow", INKLING_CTX_ALL);
	st_fine(ink_load_with(ctl, images[0].p, images[0].size, "shadow", &first, NULL, NULL, NULL),
		"the first model with a threshold");
	for (i = 0; i < 3; i++)
		pthread_create(&loads[i].thread, NULL, i < 2 ? runs : programs, &loads[i]);
	for (i = 1, err = 0; !err && time(NULL) < end; i++) {
		int m = i & 1;

		err = load_shadow(ctl, &images[m], 1 + i % 3, &thresholds[m]);
		nanosleep(&pause, NULL);
		if (!err && i % 7 == 6) {
			err = ink_slot_shadow_drop(ctl, "shadow");
			dropped++;
			i++;	/* the generation is spent: go on with the other parity */
			if (!err)
				err = load_shadow(ctl, &images[i & 1], 1, &thresholds[i & 1]);
		}
		if (!err)
			err = ink_slot_promote(ctl, "shadow");
		promoted++;
		if (!err && i % 5 == 4) {
			err = ink_slot_rollback(ctl, "shadow");
			rolled++;
		}
	}
	st_fine(err, "%u promoted, %u dropped, %u rolled back under load", promoted, dropped, rolled);
	atomic_store(&stop, 1);
	for (i = 0; i < 3; i++) {
		pthread_join(loads[i].thread, NULL);
		st_ok(loads[i].runs > 100 && !loads[i].failed, "%ld runs, %ld failed", loads[i].runs,
		      loads[i].failed);
		st_is(loads[i].wrong, 0, "each verdict is of the model and the threshold of its generation");
	}
	st_ok(loads[0].promoted > 3, "a session saw %ld changes", loads[0].promoted);
	ink_slot_del(ctl, "shadow");
}

/* A slot that goes away while its shadow is busy; the runner looks for leaks of the module. */
static void test_delete(struct ink_ctl *ctl)
{
	struct load loads[2] = { 0 };
	u32 i, k;
	int err = 0;

	for (k = 0; k < 20 && !err; k++) {
		atomic_store(&stop, 0);
		slot_id = st_slot_with(ctl, "shadow", INKLING_CTX_ALL, &images[0]);
		err = load_shadow(ctl, &images[1], 1, NULL);
		for (i = 0; i < 2; i++)
			pthread_create(&loads[i].thread, NULL, i ? programs : runs, &loads[i]);
		usleep(20000);
		err = err ?: ink_slot_del(ctl, "shadow");
		atomic_store(&stop, 1);
		for (i = 0; i < 2; i++)
			pthread_join(loads[i].thread, NULL);
	}
	st_fine(err, "%u slots deleted while their shadows ran", k);
}

int main(void)
{
	struct ink_ctl *ctl = st_ctl();
	u32 i;

	images[0] = model_image(MODEL_FLOW);
	images[1] = flow_variant(3);
	inputs = st_inputs(&images[0], 4, N);
	for (i = 0; i < 2; i++)
		st_expect(&images[i], inputs, N, outputs[i], expected[i]);
	st_ok(memcmp(outputs[0], outputs[1], sizeof(outputs[0])) != 0, "the two models differ");
	thresholds[0] = 9000;
	thresholds[1] = 24000;
	test_counts(ctl);
	test_refusals(ctl);
	test_promote(ctl);
	test_delete(ctl);
	ink_ctl_close(ctl);
	return st_done();
}
