// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the doors cost, in instructions: runs in a VM whose virtual time is its
 * instruction count (tests/vm/run --icount), so that a nanosecond on its clock
 * is an instruction and figures repeat from run to run.
 *
 *   icount SLOT MODEL.ink TARGET     one line a figure: NAME<tab>INSTRUCTIONS
 *   icount SLOT MODEL.ink            without the flow hook; with an input of random raw features
 *
 * What lives here: ioctl, and the engine alone. Each figure is the median of
 * calls that were timed one by one, less what the clock costs. What doesn't:
 * io_uring (uring.c), the engine in the kernel (kernel.c), a server instead of the module (server.c), and the flow
 * hook, attached to TARGET with a clock that is fed (hook.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "icount.h"
#include "inkling.h"
#include "rand.h"
#include "stopwatch.h"

#define BATCH	64

static unsigned long long clock_cost;

static int by_value(const void *a, const void *b)
{
	const unsigned long long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

unsigned long long icount_median(unsigned long long *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

void icount_fail(const char *what)
{
	fprintf(stderr, "icount: %s: %s\n", what, strerror(errno));
	exit(1);
}

unsigned long long icount_calls(void (*f)(void *), void *arg)
{
	static unsigned long long v[CALLS];
	unsigned long long start, m;
	size_t i;

	for (i = 0; i < CALLS; i++) {
		start = ink_clock_ns(CLOCK_MONOTONIC);
		f(arg);
		v[i] = ink_clock_ns(CLOCK_MONOTONIC) - start;
	}
	m = icount_median(v, CALLS);
	return m > clock_cost ? m - clock_cost : 0;
}

void icount_measure(const char *name, unsigned int parts, void (*f)(void *), void *arg)
{
	printf("%s\t%llu\n", name, icount_calls(f, arg) / parts);
}

static void nothing(void *arg)
{
}

static void call_getppid(void *arg)
{
	syscall(SYS_getppid);
}

static void call_null_ioctl(void *arg)
{
	ioctl(*(int *)arg, _IO(INKLING_IOC_MAGIC, 0xff));
}

struct session_run {
	struct ink_session *session;
	size_t in_size, out_size;
	void *in, *out;
};

static void check_run(int err)
{
	errno = -err;
	if (err)
		icount_fail("run");
}

static void call_run(void *arg)
{
	struct session_run *r = arg;

	check_run(ink_session_run(r->session, r->in, r->in_size, r->out, r->out_size));
}

static void call_batch(void *arg)
{
	struct session_run *r = arg;

	check_run(ink_session_run_batch(r->session, BATCH, r->in, r->in_size, r->out, r->out_size,
					NULL));
}

static void doors(const char *slot, const void *input)
{
	struct session_run r = { 0 };
	struct inkling_info info;
	size_t i;
	int fd;

	r.session = ink_session_open(slot, INK_DEFAULTS);
	if (!r.session || ink_session_info(r.session, &info))
		icount_fail(slot);
	fd = ink_session_fd(r.session);
	r.in_size = info.input_size;
	r.out_size = info.output_size;
	r.in = calloc(BATCH, r.in_size);
	r.out = calloc(BATCH, r.out_size);
	for (i = 0; i < BATCH; i++)
		memcpy((char *)r.in + i * r.in_size, input, r.in_size);
	icount_measure("getppid", 1, call_getppid, NULL);
	icount_measure("null ioctl", 1, call_null_ioctl, &fd);
	icount_measure("ioctl run", 1, call_run, &r);
	icount_measure("ioctl run, each of a batch of 64", BATCH, call_batch, &r);
	icount_uring(slot, input, r.in_size);
	ink_session_close(r.session);
}

struct model_run {
	struct ink_model *model;
	void *in, *out;
};

static void call_model(void *arg)
{
	struct model_run *r = arg;

	if (ink_model_run(r->model, r->in, ink_model_input_size(r->model), r->out,
			  ink_model_output_size(r->model)))
		icount_fail("running the model");
}

/* The same code on the same processor: what a door's run has of the engine. */
static void engine(const char *path, const void *input)
{
	struct model_run r = { .model = ink_model_open(path) };

	if (!r.model)
		icount_fail(path);
	r.in = calloc(1, ink_model_input_size(r.model));
	memcpy(r.in, input, ink_model_input_size(r.model));
	r.out = calloc(1, ink_model_output_size(r.model));
	icount_measure("the engine alone, in a process", 1, call_model, &r);
	icount_kernel(path, input, r.out, ink_model_output_size(r.model));
	icount_server(path, input, ink_model_input_size(r.model));
	ink_model_close(r.model);
}

static void random_features(int32_t *v, size_t n)
{
	struct ink_rand r;

	ink_rand_seed(&r, 2);
	while (n--)
		*v++ = (int32_t)ink_rand_below(&r, 90);
}

int main(int argc, char **argv)
{
	static unsigned long long v[CALLS];
	static int32_t vector[1024];	/* what all doors are asked */
	unsigned long long start;
	size_t i;

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: icount SLOT MODEL.ink [TARGET]\n");
		return 2;
	}
	for (i = 0; i < CALLS; i++) {
		start = ink_clock_ns(CLOCK_MONOTONIC);
		nothing(NULL);
		v[i] = ink_clock_ns(CLOCK_MONOTONIC) - start;
	}
	clock_cost = icount_median(v, CALLS);
	if (argc == 4)
		icount_hook(argv[3], vector, sizeof(vector));
	else
		random_features(vector, sizeof(vector) / sizeof(vector[0]));
	if (getenv("ICOUNT_FULL"))
		return 0;
	doors(argv[1], vector);
	engine(argv[2], vector);
	return 0;
}
