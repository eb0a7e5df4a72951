// SPDX-License-Identifier: GPL-2.0-only
/*
 * Models are swapped and rolled back under load: no run fails, and each
 * verdict and output is wholly that of the model that it names. For a while,
 * or for as many runs and swaps as SWAP_RUNS and SWAP_SWAPS say, by
 * SWAP_THREADS threads (tests/long/swaps).
 */
#include "st_bpf.h"
#include "st_load.h"
#include "st_uring.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define N		64
#define OUT		6
#define MOST_THREADS	64
#define SECONDS		6

static struct image images[2];
static u8 *inputs;
static u8 outputs[2][N * OUT];
static struct inkling_verdict expected[2][N];
static atomic_int stop;
static u32 slot_id;

static u32 setting(const char *name, u32 fallback)
{
	const char *s = getenv(name);

	return s ? (u32)strtoul(s, NULL, 10) : fallback;
}

/* Odd generations are of the first image, even ones of the second. */
static int model_of(u32 generation)
{
	return !(generation & 1);
}

/* The results of one batch: all of them are of one model, and they are that one's. */
static void judge(struct st_load *l, const struct inkling_verdict *v, const u8 *out)
{
	const struct inkling_verdict *right = expected[model_of(v[0].generation)];
	u32 i;

	for (i = 0; i < N; i++) {
		l->mixed += v[i].generation != v[0].generation;
		l->wrong += v[i].class != right[i].class || v[i].score != right[i].score;
	}
	l->wrong += memcmp(out, outputs[model_of(v[0].generation)], N * OUT) != 0;
	st_load_ran(l, N, v[0].generation);
}

static void *sessions(void *arg)
{
	struct ink_session *session = ink_session_open("swap", INK_DEFAULTS);
	struct inkling_verdict v[N];
	struct st_load *l = arg;
	u8 out[N * OUT];

	while (session && !atomic_load(&stop)) {
		if (ink_session_run_batch(session, N, inputs, 12, out, OUT, v))
			l->failed++;
		else
			judge(l, v, out);
	}
	ink_session_close(session);
	return NULL;
}

/* One command of io_uring after the other; the completion names the model, too. */
static void *commands(void *arg)
{
	struct ink_session_options options = { .buffer_size = 4096 };
	struct ink_session *session = ink_session_open_with("swap", &options);
	struct io_uring ring = st_ring(IORING_SETUP_CQE32);
	struct st_load *l = arg;
	struct io_uring_cqe *cqe;
	u8 *buffer;

	if (!session)
		st_bail("session: %s", ink_failure_last()->text);
	buffer = ink_session_buffer(session, NULL);
	memcpy(buffer, inputs, N * 12);
	while (!atomic_load(&stop)) {
		const struct inkling_verdict *v = (const void *)(buffer + N * 12);

		ink_session_prep(session, io_uring_get_sqe(&ring), 0, N * 12, N, INK_PREP_OUTPUTS);
		io_uring_submit(&ring);
		if (io_uring_wait_cqe(&ring, &cqe))
			break;
		if (cqe->res == N) {
			l->mixed += cqe->big_cqe[0] != v[0].generation;
			judge(l, v, (const u8 *)(v + N));
		} else {
			l->failed++;
		}
		io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
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
		st_job_set(bpf.job, slot_id, ST_JOB_VERDICT, &images[0], inputs + 12 * i);
		if (st_job_syscall(&bpf)) {
			l->failed++;
			continue;
		}
		st_load_ran(l, 1, v->generation);
		l->wrong += v->class != expected[model_of(v->generation)][i].class ||
			    v->score != expected[model_of(v->generation)][i].score;
	}
	st_bpf_close(&bpf);
	return NULL;
}

static const struct kind {
	const char *name;
	void *(*run)(void *load);
} kinds[] = {
	{ "session", sessions },
	{ "io_uring", commands },
	{ "syscall program", programs },	/* the last: not everywhere */
};

static const struct kind *kind_of(u32 thread)
{
	return &kinds[thread % (ARRAY_SIZE(kinds) - !st_bpf_possible())];
}

static void report(struct st_load *l, const char *name)
{
	st_ok(l->runs > 100 && !l->failed, "%s: %ld runs, %ld failed", name, l->runs, l->failed);
	st_is(l->wrong, 0, "%s: each result is that of the model that it names", name);
	st_is(l->mixed, 0, "%s: a batch is of one model", name);
	st_ok(l->generations > 3, "%s: saw %u changes", name, l->generations);
}

/* The two images in turn, two of three swaps rolled back at once. */
static void swap_models(struct ink_ctl *ctl, struct st_load *loads, u32 threads)
{
	const u32 at_least = setting("SWAP_SWAPS", 0), runs = setting("SWAP_RUNS", 0);
	struct timespec pause = { .tv_nsec = 2 * 1000 * 1000 };
	u32 loaded = 0, rollbacks = 0;
	time_t start = time(NULL);
	int err = 0;

	while (!err && (time(NULL) < start + SECONDS || loaded + rollbacks < at_least ||
			st_load_runs(loads, threads) < runs ||
			(!st_load_busy(loads, threads) && time(NULL) < start + ST_LOAD_SECONDS))) {
		const struct image *next = &images[++loaded % 2];

		err = ink_load(ctl, next->p, next->size, "swap", NULL, NULL, NULL, NULL);
		if (!err && loaded % 3) {
			err = ink_slot_rollback(ctl, "swap");
			rollbacks += !err;
		}
		nanosleep(&pause, NULL);
	}
	st_fine(err, "%u swaps and %u rollbacks under load", loaded, rollbacks);
}

int main(void)
{
	const u32 threads = setting("SWAP_THREADS", 4);
	static struct st_load loads[MOST_THREADS];
	struct ink_ctl *ctl = st_ctl();
	struct ink_slot *slot;
	u32 i;

	if (!threads || threads > MOST_THREADS)
		st_bail("SWAP_THREADS is 1 to %d", MOST_THREADS);
	images[0] = model_image(MODEL_FLOW);
	images[1] = flow_variant(3);
	inputs = st_inputs(&images[0], 4, N);
	for (i = 0; i < 2; i++)
		st_expect(&images[i], inputs, N, outputs[i], expected[i]);
	st_ok(memcmp(outputs[0], outputs[1], sizeof(outputs[0])) != 0, "the two models differ");
	slot_id = st_slot_with(ctl, "swap", INKLING_CTX_TASK, &images[0]);
	for (i = 0; i < threads; i++)
		pthread_create(&loads[i].thread, NULL, kind_of(i)->run, &loads[i]);
	swap_models(ctl, loads, threads);
	atomic_store(&stop, 1);
	for (i = 0; i < threads; i++)
		pthread_join(loads[i].thread, NULL);
	for (i = 0; i < threads; i++)
		report(&loads[i], kind_of(i)->name);
	if (!st_bpf_possible())
		st_bpf_skip("syscall program");
	slot = ink_slot_get(ctl, "swap");
	for (i = 0; i < slot->stats.n_errors; i++)
		if (slot->stats.errors[i].count)
			st_ok(false, "%llu errors '%s'", (unsigned long long)slot->stats.errors[i].count,
			      slot->stats.errors[i].reason);
	st_is((long long)slot->stats.runs, st_load_runs(loads, threads), "the slot counted all of them");
	ink_slot_free(slot);
	ink_slot_del(ctl, "swap");
	ink_ctl_close(ctl);
	return st_done();
}
