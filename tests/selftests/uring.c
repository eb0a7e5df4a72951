// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring commands on sessions: results are userspace's bit for bit on rings of
 * every kind, whatever is wrong is refused by a clear error, and work that is in
 * flight ends when its ring, its session or its process does.
 */
#include "st_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N	64
#define BUFFER	(64u << 10)
#define RESULTS	8192		/* from the inputs to the results */
#define IN	12		/* sizes of the flow test model */
#define OUT	6

static struct image flow;
static struct ink_ctl *ctl;
static u8 *inputs;
static u8 want[N * OUT];
static struct inkling_verdict expected[N];

/* A session with a buffer, mapped; size 0: without. */
struct shared {
	int fd;
	u8 *data;
};

static int try_bind(int fd, const char *slot, u64 size)
{
	struct inkling_bind bind = { .size = sizeof(bind), .buffer_size = size };

	strcpy(bind.slot, slot);
	return ioctl(fd, INKLING_IOC_BIND, &bind) ? errno : 0;
}

static struct shared shared_open(const char *slot, u64 size)
{
	struct shared s = { .fd = open("/dev/inkling", O_RDWR | O_CLOEXEC) };

	if (s.fd < 0 || try_bind(s.fd, slot, size))
		st_bail("session: %s", strerror(errno));
	if (!size)
		return s;
	s.data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s.fd, 0);
	if (s.data == MAP_FAILED)
		st_bail("mmap: %s", strerror(errno));
	return s;
}

static void shared_close(struct shared *s, u64 size)
{
	if (s->data)
		munmap(s->data, size);
	close(s->fd);
}

static struct io_uring_sqe *prep(struct io_uring *ring, int fd, u64 at, u32 results, u32 count,
				 u32 flags)
{
	struct inkling_uring_run run = {
		.inputs = at, .results = results, .count = (u16)count, .flags = (u16)flags,
	};
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		st_bail("the ring is full");
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = INKLING_URING_RUN;
	memcpy(sqe->cmd, &run, sizeof(run));
	return sqe;
}

static int go(struct io_uring *ring)
{
	io_uring_submit(ring);
	return st_reap(ring);
}

static void fill(u8 *at)
{
	memcpy(at, inputs, N * IN);
	memset(at + RESULTS, 0xee, N * (OUT + sizeof(struct inkling_verdict)));
}

/* Verdicts and outputs of a whole batch behind its inputs. */
static bool right(const u8 *at)
{
	const struct inkling_verdict *got = (const void *)(at + RESULTS);
	u32 i, same = 0;

	for (i = 0; i < N; i++)
		same += got[i].class == expected[i].class && got[i].score == expected[i].score &&
			got[i].generation == 1;
	return same == N && !memcmp(got + N, want, sizeof(want));
}

static void mapping(void)
{
	struct shared s = shared_open("uring", 5000), none = shared_open("uring", 0);
	int fd = open("/dev/inkling", O_RDWR | O_CLOEXEC);
	void *p;

	st_is(try_bind(fd, "uring", INKLING_BUFFER_MAX + 1ull), E2BIG, "bind: a buffer too large");
	st_is(try_bind(fd, "uring", 0), 0, "and then none");
	close(fd);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, none.fd, 0);
	st_is(p == MAP_FAILED ? errno : 0, ENODEV, "mmap: there is no buffer");
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, s.fd, 0);
	st_is(p == MAP_FAILED ? errno : 0, EINVAL, "mmap: a private copy");
	p = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, s.fd, 0);
	st_is(p == MAP_FAILED ? errno : 0, ENXIO, "mmap: more than there is");
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, s.fd, 4096);
	st_ok(p != MAP_FAILED && !*(char *)p, "mmap: the second page of 5000 bytes, zeros");
	munmap(p, 4096);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, s.fd, 8192);
	st_is(p == MAP_FAILED ? errno : 0, ENXIO, "mmap: behind the end");
	close(s.fd);
	s.data[4999] = 1;
	st_is(s.data[4999], 1, "a mapping outlives its session");
	munmap(s.data, 5000);
	close(none.fd);
}

static void kind_of_ring(u32 flags, u8 sqe_flags, const char *name)
{
	struct shared s = shared_open("uring", BUFFER);
	struct io_uring ring = st_ring(flags);
	struct io_uring_sqe *sqe;

	fill(s.data + 4096);
	sqe = prep(&ring, s.fd, 4096, RESULTS, N, INKLING_URING_OUTPUTS);
	sqe->flags |= sqe_flags;
	st_is(go(&ring), N, "%s: %u inputs", name, N);
	st_ok(right(s.data + 4096), "%s: verdicts and outputs are those of userspace", name);
	io_uring_queue_exit(&ring);
	shared_close(&s, BUFFER);
}

static void parts(void)
{
	struct shared s = shared_open("uring", BUFFER);
	struct io_uring ring = st_ring(0);
	const u8 *r = s.data + RESULTS;

	fill(s.data);
	prep(&ring, s.fd, 0, RESULTS, N, INKLING_URING_OUTPUTS | INKLING_URING_NO_VERDICTS);
	st_ok(go(&ring) == N && !memcmp(r, want, sizeof(want)) && r[sizeof(want)] == 0xee,
	      "outputs alone");
	fill(s.data);
	prep(&ring, s.fd, 0, RESULTS, 1, 0);
	st_ok(go(&ring) == 1 && ((struct inkling_verdict *)r)->score == expected[0].score &&
	      r[sizeof(struct inkling_verdict)] == 0xee, "the verdict on one input alone");
	fill(s.data);
	prep(&ring, s.fd, 0, RESULTS, N, INKLING_URING_NO_VERDICTS);
	st_ok(go(&ring) == N && r[0] == 0xee, "neither: counted, nothing is written");
	munmap(s.data, BUFFER);
	prep(&ring, s.fd, 0, RESULTS, N, 0);
	st_is(go(&ring), N, "the buffer was unmapped: the command runs on what it held");
	io_uring_queue_exit(&ring);
	close(s.fd);
}

/* Results on top of inputs: which of them are read before is nobody's promise, that nothing else happens is. */
static void overlapping(void)
{
	struct shared s = shared_open("uring", BUFFER);
	const u32 size = N * (OUT + sizeof(struct inkling_verdict));
	struct io_uring ring = st_ring(0);
	const struct inkling_verdict *got = (const void *)(s.data + 4096);
	u32 i, out = 0;

	fill(s.data + 4096);
	prep(&ring, s.fd, 4096, 0, 1, INKLING_URING_OUTPUTS);
	st_ok(go(&ring) == 1 && got->class == expected[0].class && got->score == expected[0].score &&
	      !memcmp(got + 1, want, OUT), "one input, its result on top of it");
	memset(s.data, 0xee, BUFFER);
	memcpy(s.data + 4096, inputs, N * IN);
	prep(&ring, s.fd, 4096, 0, N, INKLING_URING_OUTPUTS);
	st_ok(go(&ring) == N && got->class == expected[0].class && got->score == expected[0].score,
	      "a batch, its results on top of its inputs: all run, the first is right");
	for (i = 0; i < BUFFER; i++)
		out += (i < 4096 || i >= 4096 + size) && s.data[i] != 0xee;
	st_is(out, 0, "and nothing beside the results was written");
	for (i = 0; i < N; i++)
		out += got[i].class > 2 || got[i].score < 1 || got[i].score > 32768;
	st_is(out, 0, "each of which is a verdict");
	io_uring_queue_exit(&ring);
	shared_close(&s, BUFFER);
}

static void registered(void)
{
	struct shared s = shared_open("uring", 0);
	struct io_uring ring = st_ring(0);
	u8 *memory = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec vec = { memory, BUFFER };
	struct io_uring_sqe *sqe;
	u64 at = (uintptr_t)memory;
	int async;

	if (io_uring_register_buffers(&ring, &vec, 1))
		st_bail("buffers can't be registered");
#define FIXED(a, n) do {								\
	sqe = prep(&ring, s.fd, a, RESULTS, n, INKLING_URING_OUTPUTS);		\
	sqe->rw_flags = IORING_URING_CMD_FIXED;						\
	sqe->buf_index = 0;								\
} while (0)
	for (async = 0; async < 2; async++) {
		fill(memory + 100);
		FIXED(at + 100, N);
		sqe->flags |= async ? IOSQE_ASYNC : 0;
		st_is(go(&ring), N, "registered buffer%s", async ? ", by a worker" : "");
		st_ok(right(memory + 100), "and its results");
	}
	FIXED(at - 1, N);
	st_is(go(&ring), -ERANGE, "inputs begin before the registered buffer");
	FIXED(at + BUFFER - RESULTS - 16, N);
	st_is(go(&ring), -ERANGE, "results end behind it");
	FIXED(~0ull - 100, N);
	st_is(go(&ring), -ERANGE, "at the end of all addresses");
	io_uring_queue_exit(&ring);
	munmap(memory, BUFFER);
	close(s.fd);
}

static void refused(void)
{
	struct shared s = shared_open("uring", BUFFER), none = shared_open("uring", 0);
	struct io_uring ring = st_ring(0);
	int fd = open("/dev/inkling", O_RDWR | O_CLOEXEC);
	struct ink_slot_stats stats;
	struct io_uring_sqe *sqe;
	u64 range, size;

#define REFUSED(at, results, count, flags, err, name) do {			\
	prep(&ring, s.fd, at, results, count, flags);				\
	st_is(go(&ring), -(err), "refused: " name);				\
} while (0)
	stats = st_stats(ctl, "uring");
	range = st_error_count(&stats, "range");
	size = st_error_count(&stats, "size");
	REFUSED(0, RESULTS, 0, 0, EINVAL, "nothing to run");
	REFUSED(0, RESULTS, INKLING_BATCH_MAX + 1, 0, EINVAL, "too many");
	REFUSED(0, RESULTS, 0xffff, 0, EINVAL, "far too many");
	REFUSED(0, RESULTS, 1, 4, EINVAL, "an unknown flag");
	REFUSED(BUFFER, 0, 1, 0, ERANGE, "inputs behind the buffer");
	REFUSED(BUFFER - IN + 1, 0, 1, 0, ERANGE, "inputs end behind the buffer");
	REFUSED(0, BUFFER - 15, 1, 0, ERANGE, "verdicts end behind the buffer");
	REFUSED(0, BUFFER - 16, 1, INKLING_URING_OUTPUTS, ERANGE, "outputs end behind the buffer");
	REFUSED(0, ~0u, 1, 0, ERANGE, "results far away");
	REFUSED(~0ull, 1, 1, 0, ERANGE, "an offset that wraps");
	REFUSED(~0ull - 5, ~0u, 1, 0, ERANGE, "and one more");
	REFUSED(0, RESULTS, INKLING_BATCH_MAX, 0, ERANGE, "more inputs than fit");
	stats = st_stats(ctl, "uring");
	st_is(st_error_count(&stats, "range") - range, 8, "each is counted by its reason");
	st_is(st_error_count(&stats, "size") - size, 4, "a wrong count or flag as a size");
	prep(&ring, s.fd, BUFFER - IN, 0, 1, INKLING_URING_NO_VERDICTS);
	st_is(go(&ring), 1, "the last input that fits");
	prep(&ring, none.fd, 0, RESULTS, 1, 0);
	st_is(go(&ring), -ERANGE, "refused: a session without a buffer");
	prep(&ring, fd, 0, RESULTS, 1, 0);
	st_is(go(&ring), -ENOTCONN, "refused: a session that isn't bound");
	sqe = prep(&ring, s.fd, 0, RESULTS, 1, 0);
	sqe->cmd_op++;
	st_is(go(&ring), -ENOTTY, "refused: another command");
	io_uring_queue_exit(&ring);
	shared_close(&s, BUFFER);
	close(none.fd);
	close(fd);
}

static void slot_goes(void)
{
	struct io_uring ring = st_ring(0);
	struct shared s;

	st_slot(ctl, "gone", INKLING_CTX_TASK);
	s = shared_open("gone", BUFFER);
	prep(&ring, s.fd, 0, RESULTS, 1, 0);
	st_is(go(&ring), -ENODATA, "a slot without a model");
	ink_slot_del(ctl, "gone");
	prep(&ring, s.fd, 0, RESULTS, 1, 0);
	st_is(go(&ring), -ENODEV, "a slot that was deleted");
	io_uring_queue_exit(&ring);
	shared_close(&s, BUFFER);
}

static void linked(void)
{
	struct shared s = shared_open("uring", BUFFER);
	struct io_uring ring = st_ring(0);
	int i, good = 0, res[3];

	for (i = 0; i < 3; i++) {
		fill(s.data + i * 16384);
		prep(&ring, s.fd, i * 16384, RESULTS, N, INKLING_URING_OUTPUTS)->flags |=
			i < 2 ? IOSQE_IO_LINK : 0;
	}
	io_uring_submit(&ring);
	for (i = 0; i < 3; i++)
		good += st_reap(&ring) == N && right(s.data + i * 16384);
	st_is(good, 3, "three linked commands run one after the other");
	for (i = 0; i < 3; i++)
		prep(&ring, s.fd, i == 1 ? BUFFER : 0, RESULTS, 1, 0)->flags |=
			i < 2 ? IOSQE_IO_LINK : 0;
	io_uring_submit(&ring);
	for (i = 0; i < 3; i++)
		res[i] = st_reap(&ring);
	st_ok(res[0] == 1 && res[1] == -ERANGE && res[2] == -ECANCELED,
	      "one that is refused ends its chain (%d %d %d)", res[0], res[1], res[2]);
	io_uring_queue_exit(&ring);
	shared_close(&s, BUFFER);
}

/* With completions of 32 bytes the generation comes along. */
static void generation(void)
{
	struct shared s = shared_open("uring", BUFFER);
	struct io_uring ring = st_ring(IORING_SETUP_CQE32);
	struct io_uring_cqe *cqe;

	prep(&ring, s.fd, 0, RESULTS, 1, 0);
	io_uring_submit(&ring);
	if (io_uring_wait_cqe(&ring, &cqe))
		st_bail("no completion");
	st_ok(cqe->res == 1 && cqe->big_cqe[0] == 1, "large completions: which model it was");
	io_uring_cqe_seen(&ring, cqe);
	io_uring_queue_exit(&ring);
	shared_close(&s, BUFFER);
}

struct worker {
	struct shared *s;
	u32 at;
	int bad;
};

static void *commands(void *arg)
{
	struct io_uring ring = st_ring(0);
	struct worker *w = arg;
	int i;

	for (i = 0; i < 100; i++) {
		fill(w->s->data + w->at);
		prep(&ring, w->s->fd, w->at, RESULTS, N, INKLING_URING_OUTPUTS)->flags |=
			i % 3 ? 0 : IOSQE_ASYNC;
		w->bad += go(&ring) != N || !right(w->s->data + w->at);
	}
	io_uring_queue_exit(&ring);
	return NULL;
}

static void several_rings(void)
{
	struct shared s = shared_open("uring", BUFFER);
	struct worker w[3];
	pthread_t threads[3];
	int i, bad = 0;

	for (i = 0; i < 3; i++) {
		w[i] = (struct worker){ .s = &s, .at = (u32)i * 16384 };
		pthread_create(&threads[i], NULL, commands, &w[i]);
	}
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		bad += w[i].bad;
	}
	st_is(bad, 0, "three rings, 300 commands on one session");
	shared_close(&s, BUFFER);
}

/* Commands that would take minutes, and what ends them. */
#define LONG_IN		1024
#define LONG_BUFFER	(8u << 20)

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void submit_long(struct io_uring *ring, int fd)
{
	struct io_uring_sqe *sqe = prep(ring, fd, 0, INKLING_BATCH_MAX * LONG_IN, INKLING_BATCH_MAX, 0);

	io_uring_sqe_set_data64(sqe, 1);
	io_uring_submit(ring);
	usleep(300 * 1000);
}

static u64 cancelled(void)
{
	struct ink_slot_stats stats = st_stats(ctl, "long");

	return st_error_count(&stats, "cancel");
}

/* Until a command of the slot was cancelled. */
static bool ends(u64 before)
{
	int i;

	for (i = 0; i < 100 && cancelled() == before; i++)
		usleep(100 * 1000);
	return cancelled() > before;
}

static void cancel_one(int fd)
{
	struct io_uring ring = st_ring(0);
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	u64 before = cancelled();
	int i, res = 0;

	submit_long(&ring, fd);
	st_is(io_uring_peek_cqe(&ring, &cqe), -EAGAIN, "long work doesn't block who submits it");
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_cancel64(sqe, 1, 0);
	io_uring_sqe_set_data64(sqe, 2);
	io_uring_submit(&ring);
	for (i = 0; i < 2; i++) {
		if (io_uring_wait_cqe(&ring, &cqe))
			st_bail("no completion");
		if (cqe->user_data == 1)
			res = cqe->res;
		io_uring_cqe_seen(&ring, cqe);
	}
	st_ok(res == -ECANCELED || (res > 0 && res < INKLING_BATCH_MAX),
	      "it can be cancelled, or says how far it came: %d", res);
	st_is(cancelled() - before, 1, "and is counted");
	io_uring_queue_exit(&ring);
}

static void in_flight(void)
{
	struct image img = big_image(LONG_IN, 8);
	struct io_uring ring;
	struct shared s;
	double start;
	u64 before;
	int status;
	pid_t pid;

	st_slot_with(ctl, "long", INKLING_CTX_TASK, &img);
	s = shared_open("long", LONG_BUFFER);
	cancel_one(s.fd);

	before = cancelled();
	ring = st_ring(0);
	submit_long(&ring, s.fd);
	start = seconds();
	io_uring_queue_exit(&ring);
	st_ok(ends(before), "a ring goes: its work ends, after %.1f s", seconds() - start);

	before = cancelled();
	ring = st_ring(0);
	submit_long(&ring, s.fd);
	shared_close(&s, LONG_BUFFER);
	io_uring_queue_exit(&ring);
	st_ok(ends(before), "the session was closed under it, then the ring");

	before = cancelled();
	pid = fork();
	if (!pid) {
		s = shared_open("long", LONG_BUFFER);
		ring = st_ring(0);
		submit_long(&ring, s.fd);
		pause();
	}
	usleep(800 * 1000);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	st_ok(WIFSIGNALED(status) && ends(before), "a process is killed: its work ends");
	ink_slot_del(ctl, "long");
	image_free(&img);
}

/* Another process writes to the inputs while commands run: some verdict, nothing else. */
static void changing(void)
{
	struct shared s = shared_open("uring", BUFFER);
	struct io_uring ring = st_ring(0);
	int i, odd = 0, status;
	pid_t pid = fork();

	if (!pid) {
		for (;;)
			for (i = 0; i < N * IN; i++)
				((volatile u8 *)s.data)[i] += 1;
	}
	for (i = 0; i < 200; i++) {
		prep(&ring, s.fd, 0, RESULTS, N, 0);
		odd += go(&ring) != N;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	st_is(odd, 0, "inputs that change during 200 commands");
	io_uring_queue_exit(&ring);
	shared_close(&s, BUFFER);
}

static atomic_int stop;
static struct image other;	/* same sizes and schema, other verdicts */

static void *swapper(void *arg)
{
	struct ink_ctl *mine = st_ctl();
	long *swaps = arg;

	while (!atomic_load(&stop)) {
		/* Generation 1 is flow, so each even one is the other. */
		st_load(mine, "swapped", ++*swaps & 1 ? &other : &flow);
	}
	ink_ctl_close(mine);
	return NULL;
}

/* Each command is wholly one model's. */
static void swapped(void)
{
	struct io_uring ring = st_ring(IORING_SETUP_CQE32);
	struct inkling_verdict others[N];
	const struct inkling_verdict *v, *right;
	struct io_uring_cqe *cqe;
	u32 mixed = 0, seen = 0, last = 0, i;
	u8 unused[N * OUT];
	long swaps = 0;
	pthread_t thread;
	struct shared s;
	double end;
	int lost = 0;

	other = flow_variant(5);
	st_expect(&other, inputs, N, unused, others);
	st_ok(memcmp(others, expected, sizeof(others)), "two models that differ");
	st_slot_with(ctl, "swapped", INKLING_CTX_TASK, &flow);
	s = shared_open("swapped", BUFFER);
	fill(s.data);
	v = (const void *)(s.data + RESULTS);
	pthread_create(&thread, NULL, swapper, &swaps);
	for (end = seconds() + 5; seconds() < end || (seen < 4 && seconds() < end + 60);) {
		prep(&ring, s.fd, 0, RESULTS, N, 0);
		io_uring_submit(&ring);
		if (io_uring_wait_cqe(&ring, &cqe))
			st_bail("no completion");
		lost += cqe->res != N;
		right = v[0].generation & 1 ? expected : others;
		for (i = 0; i < N; i++)
			mixed += v[i].generation != cqe->big_cqe[0] || v[i].class != right[i].class ||
				 v[i].score != right[i].score;
		seen += v[0].generation != last;
		last = v[0].generation;
		io_uring_cqe_seen(&ring, cqe);
	}
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	st_ok(!mixed && !lost && seen > 1, "%ld swaps: each command is one model's (%u seen)",
	      swaps, seen);
	io_uring_queue_exit(&ring);
	shared_close(&s, BUFFER);
	image_free(&other);
	ink_slot_del(ctl, "swapped");
}

int main(void)
{
	ctl = st_ctl();
	flow = model_image(MODEL_FLOW);
	inputs = st_inputs(&flow, 7, N);
	st_expect(&flow, inputs, N, want, expected);
	st_slot_with(ctl, "uring", INKLING_CTX_TASK, &flow);
	mapping();
	kind_of_ring(0, 0, "plain");
	kind_of_ring(0, IOSQE_ASYNC, "by a worker");
	kind_of_ring(IORING_SETUP_SQPOLL, 0, "SQPOLL");
	kind_of_ring(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0, "DEFER_TASKRUN");
	kind_of_ring(IORING_SETUP_SQE128 | IORING_SETUP_CQE32, 0, "large entries");
	parts();
	overlapping();
	registered();
	refused();
	slot_goes();
	linked();
	generation();
	several_rings();
	in_flight();
	changing();
	swapped();
	return st_done();
}
