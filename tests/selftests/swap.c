// SPDX-License-Identifier: GPL-2.0-only
/*
 * Models are swapped and rolled back under load: no run fails, and each
 * verdict and output is wholly that of the model that it names.
 */
#include "st_bpf.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define N		64
#define SESSIONS	3
#define SECONDS		6
#define AT_MOST		90	/* where a busy machine lets a thread wait */

static struct image images[2];
static u8 *inputs;
static u8 outputs[2][N * 6];
static struct inkling_verdict expected[2][N];
static atomic_int stop;
static u32 slot_id;
static u32 n_loads;		/* threads: sessions, and one for programs if there can be any */

struct load {
	pthread_t thread;
	long runs, failed, wrong, mixed;
	u32 generations;	/* changes that were seen */
};

/* Odd generations are of the first image, even ones of the second. */
static int model_of(u32 generation)
{
	return !(generation & 1);
}

static void *sessions(void *arg)
{
	struct ink_session *session = ink_session_open("swap", INK_DEFAULTS);
	struct load *l = arg;
	struct inkling_verdict v[N];
	u32 last = 0, i;
	u8 out[N * 6];

	while (session && !atomic_load(&stop)) {
		if (ink_session_run_batch(session, N, inputs, 12, out, 6, v)) {
			l->failed++;
			continue;
		}
		for (i = 0; i < N; i++) {
			int m = model_of(v[i].generation);

			l->runs++;
			l->mixed += v[i].generation != v[0].generation;
			l->wrong += v[i].class != expected[m][i].class ||
				    v[i].score != expected[m][i].score ||
				    memcmp(out + 6 * i, outputs[m] + 6 * i, 6);
		}
		l->generations += v[0].generation != last;
		last = v[0].generation;
	}
	ink_session_close(session);
	return NULL;
}

static void *programs(void *arg)
{
	struct load *l = arg;
	struct st_bpf bpf;
	u32 last = 0, i = 0;

	st_bpf_open(&bpf, NULL);
	while (!atomic_load(&stop)) {
		struct inkling_verdict *v = &bpf.job->verdict;

		i = (i + 1) % N;
		st_job_set(bpf.job, slot_id, ST_JOB_VERDICT, &images[0], inputs + 12 * i);
		if (st_job_syscall(&bpf)) {
			l->failed++;
			continue;
		}
		l->runs++;
		l->wrong += v->class != expected[model_of(v->generation)][i].class ||
			    v->score != expected[model_of(v->generation)][i].score;
		l->generations += v->generation != last;
		last = v->generation;
	}
	st_bpf_close(&bpf);
	return NULL;
}

/* Has each of them run and seen changes? Only looked at, so a late value does no harm. */
static bool busy(struct load *loads)
{
	u32 i;

	for (i = 0; i < n_loads; i++)
		if (*(volatile long *)&loads[i].runs <= 100 ||
		    *(volatile u32 *)&loads[i].generations <= 3)
			return false;
	return true;
}

static void report(const struct load *l, const char *name)
{
	st_ok(l->runs > 100 && !l->failed, "%s: %ld runs, %ld failed", name, l->runs, l->failed);
	st_is(l->wrong, 0, "%s: each result is that of the model that it names", name);
	st_is(l->mixed, 0, "%s: a batch is of one model", name);
	st_ok(l->generations > 3, "%s: saw %u changes", name, l->generations);
}

int main(void)
{
	struct load loads[SESSIONS + 1] = { 0 };
	struct ink_ctl *ctl = st_ctl();
	struct timespec pause = { .tv_nsec = 2 * 1000 * 1000 };
	time_t start = time(NULL);
	struct ink_slot *slot;
	u32 i, swaps = 0, rollbacks = 0, published = 1;
	int err = 0;

	images[0] = model_image(MODEL_FLOW);
	images[1] = flow_variant(3);
	inputs = st_inputs(&images[0], 4, N);
	for (i = 0; i < 2; i++)
		st_expect(&images[i], inputs, N, outputs[i], expected[i]);
	st_ok(memcmp(outputs[0], outputs[1], sizeof(outputs[0])) != 0, "the two models differ");
	slot_id = st_slot_with(ctl, "swap", INKLING_CTX_TASK, &images[0]);
	n_loads = SESSIONS + st_bpf_possible();
	for (i = 0; i < n_loads; i++)
		pthread_create(&loads[i].thread, NULL, i < SESSIONS ? sessions : programs, &loads[i]);
	while (!err && (time(NULL) < start + SECONDS ||
			(!busy(loads) && time(NULL) < start + AT_MOST))) {
		const struct image *next = &images[published++ % 2];

		err = ink_load(ctl, next->p, next->size, "swap", NULL, NULL, NULL, NULL);
		if (!err && ++swaps % 3)
			err = ink_slot_rollback(ctl, "swap");
		rollbacks += !err && swaps % 3;
		nanosleep(&pause, NULL);
	}
	st_fine(err, "%u swaps and %u rollbacks under load", swaps, rollbacks);
	atomic_store(&stop, 1);
	for (i = 0; i < n_loads; i++)
		pthread_join(loads[i].thread, NULL);
	for (i = 0; i < SESSIONS; i++)
		report(&loads[i], "session");
	if (n_loads > SESSIONS)
		report(&loads[SESSIONS], "syscall program");
	else
		st_bpf_skip("syscall program");
	slot = ink_slot_get(ctl, "swap");
	for (i = 0; i < slot->stats.n_errors; i++)
		if (slot->stats.errors[i].count)
			st_ok(false, "%llu errors '%s'", (unsigned long long)slot->stats.errors[i].count,
			      slot->stats.errors[i].reason);
	st_is((long long)slot->stats.runs, loads[0].runs + loads[1].runs + loads[2].runs + loads[3].runs,
	      "the slot counted all of them");
	ink_slot_free(slot);
	ink_slot_del(ctl, "swap");
	ink_ctl_close(ctl);
	return st_done();
}
