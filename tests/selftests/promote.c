// SPDX-License-Identifier: GPL-2.0-only
/*
 * Models with thresholds are loaded, shadowed, promoted, dropped and rolled
 * back under load: no run fails, and each verdict is that of the model and of
 * the threshold that its generation stands for.
 */
#include "st_bpf.h"
#include "st_load.h"

#include <errno.h>
#include <time.h>
#include <linux/inkling_netlink.h>

#define N		64
#define IN		12
#define SESSIONS	3
#define SECONDS		8
#define GENERATIONS	100000
#define THRESHOLDS	3

static const s32 thresholds[THRESHOLDS] = { 16384, 0, 40000 };

static struct image images[2];
static u8 *inputs;
static struct inkling_verdict expected[2][THRESHOLDS][N];
static u8 kind[GENERATIONS];	/* model + 2 * threshold; set before it can be seen */
static atomic_int stop;
static u32 slot_id;

static bool is_wrong(const struct inkling_verdict *v, u32 i)
{
	const struct inkling_verdict *want;

	if (!v->generation || v->generation >= GENERATIONS)
		return true;
	want = &expected[kind[v->generation] & 1][kind[v->generation] >> 1][i];
	return v->class != want->class || v->score != want->score;
}

static void *sessions(void *arg)
{
	struct ink_session *session = ink_session_open("promote", INK_DEFAULTS);
	struct st_load *l = arg;
	struct inkling_verdict v[N];
	u32 i;

	while (session && !atomic_load(&stop)) {
		if (ink_session_run_batch(session, N, inputs, IN, NULL, 0, v)) {
			l->failed++;
			continue;
		}
		for (i = 0; i < N; i++)
			l->wrong += is_wrong(&v[i], i) || v[i].generation != v[0].generation;
		st_load_ran(l, N, v[0].generation);
	}
	ink_session_close(session);
	return NULL;
}

static void *programs(void *arg)
{
	struct st_load *l = arg;
	struct st_bpf bpf;
	u32 i = 0;

	st_bpf_open(&bpf, NULL);
	while (!atomic_load(&stop)) {
		struct inkling_verdict *v = &bpf.job->verdict;

		i = (i + 1) % N;
		st_job_set(bpf.job, slot_id, ST_JOB_VERDICT, &images[0], inputs + IN * i);
		if (st_job_syscall(&bpf)) {
			l->failed++;
			continue;
		}
		st_load_ran(l, 1, v->generation);
		l->wrong += is_wrong(v, i);
	}
	st_bpf_close(&bpf);
	return NULL;
}

static u32 last_generation;
static u32 n_loads;		/* threads: sessions, and one for programs if there can be any */

static int load(struct ink_ctl *ctl, struct ink_rand *r, bool shadow)
{
	u32 m = ink_rand_below(r, 2), t = ink_rand_below(r, THRESHOLDS), got = 0;
	struct ink_load_options o = {
		.set = INK_LOAD_THRESHOLD | (shadow ? INK_LOAD_SHADOW : 0),
		.threshold = thresholds[t],
		.sample = shadow ? 1 + ink_rand_below(r, 3) : 0,
	};
	int err;

	if (last_generation + 1 >= GENERATIONS)
		return -E2BIG;
	kind[++last_generation] = (u8)(m + 2 * t);
	err = ink_load_with(ctl, images[m].p, images[m].size, "promote", &o, NULL, NULL, &got);
	if (!err && got != last_generation)
		st_bail("generation %u instead of %u", got, last_generation);
	return err;
}

static u32 done[5];

static int change(struct ink_ctl *ctl, struct ink_rand *r)
{
	u32 what = ink_rand_below(r, 7);
	int err;

	switch (what) {
	case 0:
		done[0]++;
		return load(ctl, r, false);
	case 1:
		done[1]++;
		return ink_slot_rollback(ctl, "promote");
	case 2:
		done[2]++;
		err = load(ctl, r, true);
		return err ?: load(ctl, r, true);
	case 3:
		done[3]++;
		err = load(ctl, r, true);
		return err ?: ink_slot_shadow_drop(ctl, "promote");
	default:
		done[4]++;
		err = load(ctl, r, true);
		return err ?: ink_slot_promote(ctl, "promote");
	}
}

static void storm(struct ink_ctl *ctl)
{
	static struct st_load loads[SESSIONS + 1];
	struct timespec pause = { .tv_nsec = 2 * 1000 * 1000 };
	time_t start = time(NULL);
	struct ink_rand r = { 8 };
	struct ink_slot_stats s;
	long runs = 0;
	u32 i;
	int err = 0;

	for (i = 0; i < n_loads; i++)
		pthread_create(&loads[i].thread, NULL, i < SESSIONS ? sessions : programs, &loads[i]);
	while (!err && (time(NULL) < start + SECONDS ||
			(!st_load_busy(loads, n_loads) && time(NULL) < start + ST_LOAD_SECONDS))) {
		err = change(ctl, &r);
		nanosleep(&pause, NULL);
	}
	st_fine(err, "%u loads, %u rollbacks, %u shadows replaced, %u dropped, %u promoted", done[0],
		done[1], done[2], done[3], done[4]);
	atomic_store(&stop, 1);
	for (i = 0; i < n_loads; i++) {
		const char *name = i < SESSIONS ? "session" : "syscall program";

		pthread_join(loads[i].thread, NULL);
		st_ok(loads[i].runs > 100 && !loads[i].failed, "%s: %ld runs, %ld failed", name,
		      loads[i].runs, loads[i].failed);
		st_is(loads[i].wrong, 0, "%s: each verdict fits its generation's model and threshold",
		      name);
		st_ok(loads[i].generations > 3, "%s: saw %u changes", name, loads[i].generations);
		runs += loads[i].runs;
	}
	s = st_stats(ctl, "promote");
	st_is((long long)s.runs, runs, "the slot counted all of them");
	for (i = 0; i < s.n_errors; i++)
		if (s.errors[i].count)
			st_ok(false, "errors '%s'", s.errors[i].reason);
}

/* Threads on all CPUs and one pair of models: what was repeated and what was skipped is all. */
static void adds_up(struct ink_ctl *ctl)
{
	static struct st_load loads[SESSIONS + 1];
	struct timespec pause = { .tv_sec = 2 };
	struct ink_shadow_info s;
	long runs = 0;
	u32 i;

	atomic_store(&stop, 0);
	st_load(ctl, "promote", &images[0]);
	kind[++last_generation] = 0;
	st_load_shadow(ctl, "promote", &images[1], 1);
	kind[++last_generation] = 1;
	for (i = 0; i < n_loads; i++)
		pthread_create(&loads[i].thread, NULL, i < SESSIONS ? sessions : programs, &loads[i]);
	nanosleep(&pause, NULL);
	atomic_store(&stop, 1);
	for (i = 0; i < n_loads; i++) {
		pthread_join(loads[i].thread, NULL);
		runs += loads[i].runs;
		st_ok(!loads[i].failed && !loads[i].wrong, "no run fails and none is wrong");
	}
	s = st_shadow(ctl, "promote");
	st_is((long long)s.runs, runs, "the shadow saw each run");
	st_is((long long)(s.compared + st_skip_count(&s, NULL)), runs,
	      "%llu were repeated, %llu skipped", (unsigned long long)s.compared,
	      (unsigned long long)st_skip_count(&s, NULL));
	st_ok(s.compared > (u64)runs / 10, "many were repeated");
}

static void is_slot(struct ink_ctl *ctl, u32 model, s32 threshold, u32 previous, s32 before,
		    const char *name)
{
	struct ink_slot *s = ink_slot_get(ctl, "steps");

	st_ok(s && s->model.generation == model && s->threshold == threshold &&
	      s->model.threshold_used == threshold && s->model.threshold == 16384 &&
	      (s->has_previous ? s->previous.generation : 0) == previous &&
	      (!previous || s->previous.threshold_used == before), "%s: model %u threshold %d",
	      name, s ? s->model.generation : 0, s ? s->threshold : 0);
	ink_slot_free(s);
}

/* Which model and which threshold are where after each step, and the news of it. */
static void steps(struct ink_ctl *ctl)
{
	static const u32 events[] = {
		INKLING_CMD_SLOT_NEW, INKLING_CMD_LOAD_COMMIT, INKLING_CMD_LOAD_COMMIT,
		INKLING_CMD_SLOT_SET, INKLING_CMD_SLOT_PROMOTE, INKLING_CMD_SLOT_ROLLBACK,
		INKLING_CMD_LOAD_COMMIT, INKLING_CMD_SLOT_SHADOW_DROP,
	};
	struct ink_load_options o = { .set = INK_LOAD_THRESHOLD | INK_LOAD_SHADOW, .threshold = 7 };
	struct ink_slot_change c = { .set = INK_SET_THRESHOLD, .threshold = 99 };
	struct ink_watch *watch = ink_watch_open();
	struct ink_slot *s;
	u32 i;

	st_slot_with(ctl, "steps", INKLING_CTX_TASK, &images[0]);
	is_slot(ctl, 1, 16384, 0, 0, "loaded");
	ink_load_with(ctl, images[1].p, images[1].size, "steps", &o, NULL, NULL, NULL);
	is_slot(ctl, 1, 16384, 0, 0, "with a shadow");
	s = ink_slot_get(ctl, "steps");
	st_ok(s && s->has_shadow && s->shadow.model.generation == 2 &&
	      s->shadow.model.threshold_used == 7 && s->shadow.model.threshold == 16384 &&
	      s->shadow.sample == 8 && s->shadow.model.bytes, "the shadow has its own threshold");
	ink_slot_free(s);
	ink_slot_set(ctl, "steps", &c);
	is_slot(ctl, 1, 99, 0, 0, "slot-set is for the current model");
	st_fine(ink_slot_promote(ctl, "steps"), "slot-promote");
	is_slot(ctl, 2, 7, 1, 99, "promoted");
	s = ink_slot_get(ctl, "steps");
	st_ok(s && !s->has_shadow, "there is no shadow any more");
	ink_slot_free(s);
	st_refused(ink_slot_promote(ctl, "steps"), ENODATA, "has no shadow", "slot-promote again");
	st_fine(ink_slot_rollback(ctl, "steps"), "slot-rollback");
	is_slot(ctl, 1, 99, 2, 7, "rolled back");
	ink_load_with(ctl, images[0].p, images[0].size, "steps", &o, NULL, NULL, NULL);
	st_fine(ink_slot_shadow_drop(ctl, "steps"), "slot-shadow-drop");
	is_slot(ctl, 1, 99, 2, 7, "dropped");
	for (i = 0; watch && i < ARRAY_SIZE(events); i++) {
		s = ink_watch_next(watch);
		st_ok(s && s->event == events[i], "news of command %u", events[i]);
		ink_slot_free(s);
	}
	ink_watch_close(watch);
	ink_slot_del(ctl, "steps");
}

/* A life of a slot in which each way is taken that a shadow can come and go. */
static void live(struct ink_ctl *ctl, u32 n)
{
	struct ink_session *session;

	while (n--) {
		st_slot_with(ctl, "life", INKLING_CTX_TASK, &images[0]);
		session = ink_session_open("life", INK_DEFAULTS);
		st_load_shadow(ctl, "life", &images[1], 1);
		ink_session_run(session, inputs, IN, NULL, 0);
		ink_slot_promote(ctl, "life");
		st_load_shadow(ctl, "life", &images[1], 1);
		ink_session_run(session, inputs, IN, NULL, 0);
		st_load_shadow(ctl, "life", &images[0], 1);
		ink_session_run(session, inputs, IN, NULL, 0);
		ink_slot_shadow_drop(ctl, "life");
		st_load_shadow(ctl, "life", &images[0], 1);
		ink_session_run(session, inputs, IN, NULL, 0);
		ink_slot_del(ctl, "life");
		ink_session_close(session);
	}
}

/* Memory of counters and arenas in KiB, once what waits for a grace period is freed. */
static long percpu_memory(void)
{
	struct timespec pause = { .tv_sec = 2 };
	char line[100];
	long kib = -1;
	FILE *f;

	nanosleep(&pause, NULL);
	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Percpu: %ld kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/*
 * What waits to be freed makes for a peak that isn't given back; a leak grows
 * by more than 1 MiB each time, so it is enough that once nothing is added.
 */
static void leaks(struct ink_ctl *ctl)
{
	long before, after;
	u32 tries = 0;

	live(ctl, 50);
	after = percpu_memory();
	do {
		before = after;
		live(ctl, 400);
		after = percpu_memory();
	} while (after - before >= 400 && ++tries < 4);
	st_ok(before > 0 && after - before < 400, "400 slots with shadows leave nothing: %ld KiB, then %ld",
	      before, after);
}

int main(void)
{
	struct ink_ctl *ctl = st_ctl();
	u8 out[N * 6];
	u32 m, t, i;

	images[0] = model_image(MODEL_FLOW);
	images[1] = flow_variant(3);
	inputs = st_inputs(&images[0], 4, N);
	for (m = 0; m < 2; m++) {
		struct ink_model *model = ink_model_open_image(images[m].p, images[m].size);

		st_expect(&images[m], inputs, N, out, NULL);
		for (t = 0; t < THRESHOLDS; t++)
			for (i = 0; i < N; i++)
				ink_model_verdict(model, out + 6 * i, thresholds[t],
						  &expected[m][t][i]);
		ink_model_close(model);
	}
	steps(ctl);
	n_loads = SESSIONS + st_bpf_possible();
	if (n_loads == SESSIONS)
		st_bpf_skip("promotion under a program's load");
	slot_id = st_slot_with(ctl, "promote", INKLING_CTX_TASK, &images[0]);
	last_generation = 1;
	/* So that there is always something to roll back to. */
	st_load(ctl, "promote", &images[1]);
	kind[++last_generation] = 1;
	storm(ctl);
	adds_up(ctl);
	ink_slot_del(ctl, "promote");
	leaks(ctl);
	ink_ctl_close(ctl);
	return st_done();
}
