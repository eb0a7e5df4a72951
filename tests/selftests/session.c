// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/inkling: each ioctl, each way to be refused, and results that are those
 * of userspace bit for bit.
 */
#include "st.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N	500

static struct image flow;
static struct ink_ctl *ctl;

static int device(void)
{
	int fd = open("/dev/inkling", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		st_bail("/dev/inkling: %s", strerror(errno));
	return fd;
}

/* 0 or the errno. */
static int bind_to(int fd, const char *slot)
{
	struct inkling_bind bind = { .size = sizeof(bind) };

	memcpy(bind.slot, slot, strnlen(slot, sizeof(bind.slot)));
	return ioctl(fd, INKLING_IOC_BIND, &bind) ? errno : 0;
}

static int bound(const char *slot)
{
	int fd = device();

	if (bind_to(fd, slot))
		st_bail("bind: %s", strerror(errno));
	return fd;
}

static int run(int fd, struct inkling_run *r)
{
	r->size = sizeof(*r);
	return ioctl(fd, INKLING_IOC_RUN, r) ? errno : 0;
}

static void binding(void)
{
	struct {
		struct inkling_bind known;
		u64 more;
	} newer = { .known = { .size = sizeof(newer), .slot = "nowhere" }, .more = 1 };
	struct inkling_bind bind = { .size = INKLING_BIND_SIZE_VER0 - 1, .slot = "nowhere" };
	struct inkling_info info = { .size = sizeof(info) };
	struct inkling_run r = { .count = 1, .input_size = 12 };
	int fd = device();

	st_is(ioctl(fd, _IO(INKLING_IOC_MAGIC, 99)) ? errno : 0, ENOTTY, "an unknown ioctl");
	st_is(ioctl(fd, INKLING_IOC_BIND, NULL) ? errno : 0, EFAULT, "bind: no memory there");
	st_is(ioctl(fd, INKLING_IOC_BIND, &bind) ? errno : 0, EINVAL, "bind: size");
	st_is(ioctl(fd, INKLING_IOC_BIND, &newer) ? errno : 0, E2BIG,
	      "bind: a newer program that wants what isn't known");
	newer.more = 0;
	st_is(ioctl(fd, INKLING_IOC_BIND, &newer) ? errno : 0, ENOENT, "bind: and one that doesn't");
	bind.size = INKLING_BIND_SIZE_VER0;
	st_is(ioctl(fd, INKLING_IOC_BIND, &bind) ? errno : 0, ENOENT, "bind: an older program");
	bind.size = sizeof(bind);
	bind.flags = 1;
	st_is(ioctl(fd, INKLING_IOC_BIND, &bind) ? errno : 0, EINVAL, "bind: flags");
	st_is(bind_to(fd, "abcdefghijabcdefghijabcdefghijxy"), EINVAL, "bind: name without end");
	st_is(bind_to(fd, "nowhere"), ENOENT, "bind: no such slot");
	st_slot(ctl, "softirq", INKLING_CTX_SOFTIRQ);
	st_is(bind_to(fd, "softirq"), EPERM, "bind: a slot that isn't for tasks");
	st_is(ioctl(fd, INKLING_IOC_INFO, &info) ? errno : 0, ENOTCONN, "info: not bound");
	st_is(run(fd, &r), ENOTCONN, "run: not bound");
	st_is(bind_to(fd, "session"), 0, "bind");
	st_is(bind_to(fd, "session"), EBUSY, "bind: twice");
	st_is(ioctl(fd, INKLING_IOC_INFO, &info) ? errno : 0, ENODATA, "info: no model yet");
	st_is(run(fd, &r), ENODATA, "run: no model yet");
	close(fd);
	ink_slot_del(ctl, "softirq");
}

static void info(void)
{
	struct inkling_info i = { .size = sizeof(i) - 1 };
	struct ink_slot *slot = ink_slot_get(ctl, "session");
	int fd = bound("session");

	st_is(ioctl(fd, INKLING_IOC_INFO, &i) ? errno : 0, EINVAL, "info: size");
	st_is(ioctl(fd, INKLING_IOC_INFO, NULL) ? errno : 0, EFAULT, "info: no memory there");
	i.size = sizeof(i);
	st_is(ioctl(fd, INKLING_IOC_INFO, &i) ? errno : 0, 0, "info");
	st_ok(i.slot_id == slot->id && i.input_size == 12 && i.output_size == 6 &&
	      i.schema == image_header(&flow)->schema && i.generation == 1 &&
	      i.mode == INKLING_MODE_ENFORCE && i.n_classes == 3 && i.threshold == 16384 &&
	      i.macs == slot->model.macs && !memcmp(i.digest, image_header(&flow)->digest, 32),
	      "info tells the slot and its model");
	close(fd);
	ink_slot_free(slot);
}

static void refused(void)
{
	int fd = bound("session");
	char in[24], out[12];
	struct inkling_run good = {
		.size = sizeof(good), .count = 2, .input_size = 12, .output_size = 6,
		.inputs = (uintptr_t)in, .outputs = (uintptr_t)out,
	};
	struct inkling_run r;

#define REFUSED(change, err, name) do {					\
	r = good;							\
	change;								\
	st_is(ioctl(fd, INKLING_IOC_RUN, &r) ? errno : 0, err, "run: " name);	\
} while (0)
	memset(in, 0, sizeof(in));
	REFUSED(r.size--, EINVAL, "size");
	REFUSED(r.flags = 1, EINVAL, "flags");
	REFUSED(r.count = 0, EINVAL, "nothing to run");
	REFUSED(r.count = INKLING_BATCH_MAX + 1, EINVAL, "too many");
	REFUSED(r.input_size = 11, EINVAL, "input too short");
	REFUSED(r.input_size = 16, EINVAL, "input too long");
	REFUSED(r.output_size = 5, EINVAL, "output too short");
	REFUSED(r.output_size = 8, EINVAL, "output too long");
	REFUSED(r.output_size = 0, EINVAL, "an address without a size of outputs");
	REFUSED(r.outputs = 0, EINVAL, "a size without an address of outputs");
	REFUSED(r.inputs = 0, EFAULT, "no inputs there");
	REFUSED(r.inputs = ~0ull - 5, EFAULT, "inputs at the end of all addresses");
	REFUSED(r.outputs = 8, EFAULT, "no room for outputs there");
	REFUSED(r.verdicts = 8, EFAULT, "no room for verdicts there");
	st_is(ioctl(fd, INKLING_IOC_RUN, NULL) ? errno : 0, EFAULT, "run: no request there");
	REFUSED((r.output_size = 0, r.outputs = 0), 0, "without outputs");
	st_is(r.done, 2, "all are done");
	close(fd);
}

/* The second half of the inputs is on a page that isn't there. */
static void fault_in_the_middle(void)
{
	struct inkling_verdict v[4] = { 0 };
	struct inkling_run r = {
		.count = 4, .input_size = 12, .verdicts = (uintptr_t)v,
	};
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = bound("session");

	munmap(two + 4096, 4096);
	r.inputs = (uintptr_t)two + 4096 - 24;
	st_is(run(fd, &r), EFAULT, "inputs end on a page that isn't there");
	st_ok(r.done == 2 && v[1].generation == 1 && v[2].generation == 0,
	      "two of four are done, with their verdicts");
	close(fd);
	munmap(two, 4096);
}

static void same_as_userspace(enum model which)
{
	struct image img = model_image(which);
	size_t in_size = st_input_size(&img), out_size = st_output_size(&img);
	void *in = st_inputs(&img, which, N), *want = malloc(N * out_size);
	struct inkling_verdict expected[N], got[N];
	struct ink_session *session;
	u32 i, same = 0, classes = 0;
	u8 *out = malloc(N * out_size);

	st_expect(&img, in, N, want, expected);
	st_slot_with(ctl, "same", INKLING_CTX_TASK, &img);
	session = ink_session_open("same", INK_DEFAULTS);
	if (!session)
		st_bail("session: %s", ink_failure_last()->text);
	st_fine(ink_session_run_batch(session, N, in, in_size, out, out_size, got),
		"%s: a batch of %u", model_name(which), N);
	st_ok(!memcmp(out, want, N * out_size), "%s: outputs are those of userspace",
	      model_name(which));
	for (i = 0; i < N; i++) {
		same += got[i].class == expected[i].class && got[i].score == expected[i].score &&
			got[i].mode == INKLING_MODE_ENFORCE && got[i].generation == 1 &&
			!got[i].flags && got[i].action == (got[i].class ? INKLING_ACTION_ALERT :
							   INKLING_ACTION_PASS);
		classes |= 1u << got[i].class;
	}
	st_is(same, N, "%s: and verdicts (classes seen: %#x)", model_name(which), classes);
	memset(out, 0xee, out_size);
	st_fine(ink_session_run(session, in, in_size, out, out_size), "%s: one input",
		model_name(which));
	st_ok(!memcmp(out, want, out_size), "%s: the same", model_name(which));
	ink_session_close(session);
	ink_slot_del(ctl, "same");
	image_free(&img);
	free(in);
	free(want);
	free(out);
}

static void deleted(void)
{
	struct inkling_info i = { .size = sizeof(i) };
	struct inkling_run r = { .count = 1, .input_size = 12 };
	char in[12] = { 0 };
	int fd;

	st_slot_with(ctl, "deleted", INKLING_CTX_TASK, &flow);
	fd = bound("deleted");
	r.inputs = (uintptr_t)in;
	st_is(run(fd, &r), 0, "run before the slot is deleted");
	ink_slot_del(ctl, "deleted");
	st_is(run(fd, &r), ENODEV, "run: the slot was deleted");
	st_is(ioctl(fd, INKLING_IOC_INFO, &i) ? errno : 0, ENODEV, "info: the slot was deleted");
	st_slot_with(ctl, "deleted", INKLING_CTX_TASK, &flow);
	st_is(run(fd, &r), ENODEV, "run: another slot of that name isn't meant");
	close(fd);
	ink_slot_del(ctl, "deleted");
}

struct deletion {
	int fd;
	int odd;
	long runs;
};

/* Batches until the slot is gone; anything but success and ENODEV is odd. */
static void *run_until_gone(void *arg)
{
	static const char in[64 * 12];
	struct deletion *d = arg;
	struct inkling_run r = {
		.count = 64, .input_size = 12, .inputs = (uintptr_t)in,
	};
	int err;

	do {
		err = run(d->fd, &r);
		d->runs += !err;
	} while (!err);
	d->odd = err != ENODEV;
	close(d->fd);
	return NULL;
}

static void deleted_in_use(void)
{
	struct deletion d[3] = { 0 };
	struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	pthread_t threads[3];
	int round, i, odd = 0;
	long runs = 0;

	for (round = 0; round < 10; round++) {
		st_slot_with(ctl, "in-use", INKLING_CTX_TASK, &flow);
		for (i = 0; i < 3; i++) {
			d[i] = (struct deletion){ .fd = bound("in-use") };
			pthread_create(&threads[i], NULL, run_until_gone, &d[i]);
		}
		nanosleep(&pause, NULL);
		ink_slot_del(ctl, "in-use");
		for (i = 0; i < 3; i++) {
			pthread_join(threads[i], NULL);
			odd += d[i].odd;
			runs += d[i].runs;
		}
	}
	st_is(odd, 0, "slots deleted under 3 sessions, 10 times: %ld batches, then ENODEV", runs);
}

/* Run a batch that would take minutes, and be killed. */
static void killed(void)
{
	struct image img = big_image(1024, 8);
	struct timespec pause = { .tv_nsec = 300 * 1000 * 1000 }, start, end;
	size_t size = st_input_size(&img);
	char *in = calloc(INKLING_BATCH_MAX, size);
	struct inkling_run r = {
		.count = INKLING_BATCH_MAX, .input_size = (u32)size, .inputs = (uintptr_t)in,
	};
	struct ink_slot_stats stats;
	int status;
	double ms;
	pid_t pid;

	st_slot_with(ctl, "killed", INKLING_CTX_TASK, &img);
	pid = fork();
	if (!pid) {
		run(bound("killed"), &r);
		_exit(0);
	}
	nanosleep(&pause, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ms = (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
	stats = st_stats(ctl, "killed");
	st_ok(WIFSIGNALED(status) && stats.runs < INKLING_BATCH_MAX,
	      "a batch of a model of %u steps ends when its process is killed: after %llu runs",
	      8, (unsigned long long)stats.runs);
	st_ok(ms < 1000, "within %.1f ms", ms);
	ink_slot_del(ctl, "killed");
	free(in);
	image_free(&img);
}

/* A model with a larger arena takes the place of one with a smaller. */
static void arena_grows(void)
{
	struct image small = big_image(64, 1), large = big_image(64, 1);
	char in[64] = { 1, 2, 3 };
	char out[64], want[64];
	struct inkling_run r = {
		.count = 1, .input_size = 64, .output_size = 64, .inputs = (uintptr_t)in,
		.outputs = (uintptr_t)out,
	};
	int fd;

	image_free(&large);
	large = big_image(64, 6);
	st_slot_with(ctl, "grows", INKLING_CTX_TASK, &small);
	fd = bound("grows");
	st_is(run(fd, &r), 0, "a small model");
	st_load(ctl, "grows", &large);
	st_is(run(fd, &r), 0, "a larger one in its place");
	st_expect(&large, in, 1, want, NULL);
	st_ok(!memcmp(out, want, sizeof(out)), "gives its own output");
	close(fd);
	ink_slot_del(ctl, "grows");
	image_free(&small);
	image_free(&large);
}

int main(void)
{
	ctl = st_ctl();
	flow = model_image(MODEL_FLOW);
	st_slot(ctl, "session", INKLING_CTX_TASK);
	binding();
	st_load(ctl, "session", &flow);
	info();
	refused();
	fault_in_the_middle();
	same_as_userspace(MODEL_FLOW);
	same_as_userspace(MODEL_RECON);
	same_as_userspace(MODEL_MIX);
	deleted();
	deleted_in_use();
	killed();
	arena_grows();
	ink_slot_del(ctl, "session");
	ink_ctl_close(ctl);
	return st_done();
}
