// SPDX-License-Identifier: GPL-2.0-only
/*
 * What io_uring commands on a session cost, in instructions; see icount.c.
 *
 * What lives here: one command, many at once, many inputs in one, and what the
 * same costs when the module refuses it at once. What doesn't: commands that
 * go to a worker: with one CPU and a clock of instructions they say nothing.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "icount.h"
#include "inkling.h"

#define AT_ONCE	64

struct round {
	struct ink_session *session;
	struct io_uring ring;
	size_t results;			/* where they begin */
	size_t in_size;
	unsigned int commands, inputs;	/* inputs of a command */
	int null;
};

static void submit(struct round *r, unsigned int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
	size_t out = r->results + i * sizeof(struct inkling_verdict);

	if (ink_session_prep(r->session, sqe, i * r->in_size, out, r->inputs, 0))
		icount_fail("a command");
	if (r->null)
		sqe->cmd_op = 0;
}

static void call_round(void *arg)
{
	struct round *r = arg;
	int want = r->null ? -ENOTTY : (int)r->inputs;
	struct io_uring_cqe *cqe;
	unsigned int i;

	for (i = 0; i < r->commands; i++)
		submit(r, i);
	io_uring_submit_and_wait(&r->ring, r->commands);
	for (i = 0; i < r->commands; i++) {
		if (io_uring_wait_cqe(&r->ring, &cqe) || cqe->res != want)
			icount_fail("a completion");
		io_uring_cqe_seen(&r->ring, cqe);
	}
}

static void measure(struct round *r, const char *name, unsigned int commands, unsigned int inputs,
		    int null)
{
	r->commands = commands;
	r->inputs = inputs;
	r->null = null;
	icount_measure(name, commands * inputs, call_round, r);
}

void icount_uring(const char *slot, const void *input, size_t in_size)
{
	struct ink_session_options options = { .buffer_size = AT_ONCE * (in_size + 64) };
	struct round r = { .in_size = in_size, .results = AT_ONCE * in_size };
	char *buffer;
	size_t i, size;

	r.session = ink_session_open_with(slot, &options);
	if (!r.session)
		icount_fail(slot);
	errno = -io_uring_queue_init(2 * AT_ONCE, &r.ring, 0);
	if (errno)
		icount_fail("a ring");
	buffer = ink_session_buffer(r.session, &size);
	for (i = 0; i < AT_ONCE; i++)
		memcpy(buffer + i * in_size, input, in_size);
	measure(&r, "io_uring command that is refused", 1, 1, 1);
	measure(&r, "io_uring command, one input", 1, 1, 0);
	measure(&r, "io_uring command that is refused, each of 64 at once", AT_ONCE, 1, 1);
	measure(&r, "io_uring command, one input, each of 64 at once", AT_ONCE, 1, 0);
	measure(&r, "io_uring command, each of its 64 inputs", 1, AT_ONCE, 0);
	io_uring_queue_exit(&r.ring);
	ink_session_close(r.session);
}
