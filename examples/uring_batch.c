// SPDX-License-Identifier: GPL-2.0-only
/*
 * An event loop that judges what comes in on standard input, a batch at a time.
 *
 *   cc -o uring_batch uring_batch.c $(pkg-config --cflags --libs libinkling liburing)
 *   ./uring_batch SLOT < inputs > verdicts
 *
 * Reads and inferences are requests of one ring. The session's buffer holds two halves: while the kernel judges one,
 * the other is being filled. Inputs are as the model reads them, one after the other; verdicts are text, a line each.
 */
#include <err.h>
#include <inkling.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BATCH	64

enum { READ, JUDGE };		/* what a completion is of */
enum state { EMPTY, READING, FULL, JUDGING };

struct half {
	enum state state;
	char *inputs;
	size_t at;		/* offset of @inputs in the buffer */
	size_t filled;		/* bytes */
};

struct loop {
	struct ink_session *session;
	struct io_uring ring;
	struct inkling_info info;
	size_t inputs;		/* bytes of BATCH of them; the verdicts follow */
	struct half half[2];
	unsigned int read;	/* half that is read into, or next to be */
	unsigned int judge;	/* half that is judged, or next to be: verdicts come in order */
	bool eof;
};

/* Ask for whatever can be done now. */
static void advance(struct loop *l)
{
	struct half *to = &l->half[l->read], *from = &l->half[l->judge];
	struct io_uring_sqe *sqe;

	if (!l->eof && to->state == EMPTY) {
		sqe = io_uring_get_sqe(&l->ring);
		io_uring_prep_read(sqe, STDIN_FILENO, to->inputs + to->filled,
				   (unsigned int)(l->inputs - to->filled), (__u64)-1);
		io_uring_sqe_set_data64(sqe, READ);
		to->state = READING;
	}
	if (from->state == FULL) {
		sqe = io_uring_get_sqe(&l->ring);
		if (ink_session_prep(l->session, sqe, from->at, from->at + l->inputs,
				     (unsigned int)(from->filled / l->info.input_size), 0))
			errx(1, "%s. %s", ink_failure_last()->text, ink_failure_last()->hint);
		io_uring_sqe_set_data64(sqe, JUDGE);
		from->state = JUDGING;
	}
}

static void on_read(struct loop *l, int res)
{
	struct half *h = &l->half[l->read];

	if (res < 0)
		errx(1, "standard input: %s", strerror(-res));
	l->eof = !res;
	h->filled += (size_t)res;
	h->state = EMPTY;
	if (l->eof && h->filled % l->info.input_size)
		fprintf(stderr, "standard input ends within an input of %u bytes\n", l->info.input_size);
	if (h->filled == l->inputs || (l->eof && h->filled >= l->info.input_size)) {
		h->state = FULL;
		l->read = !l->read;
	}
}

static void on_judge(struct loop *l, int res)
{
	struct half *h = &l->half[l->judge];
	const struct inkling_verdict *v = (const void *)(h->inputs + l->inputs);
	int i;

	if (res < 0)
		errx(1, "inference: %s", strerror(-res));
	for (i = 0; i < res; i++)
		printf("%u %d\n", v[i].class, v[i].score);
	h->filled = 0;
	h->state = EMPTY;
	l->judge = !l->judge;
}

static bool busy(const struct loop *l)
{
	return l->half[0].state != EMPTY || l->half[1].state != EMPTY || !l->eof;
}

static void run(struct loop *l)
{
	struct io_uring_cqe *cqe;
	__u64 what;
	int res;

	while (busy(l)) {
		advance(l);
		if (io_uring_submit(&l->ring) < 0 || io_uring_wait_cqe(&l->ring, &cqe))
			errx(1, "the ring doesn't work");
		what = io_uring_cqe_get_data64(cqe);
		res = cqe->res;
		io_uring_cqe_seen(&l->ring, cqe);
		if (what == READ)
			on_read(l, res);
		else
			on_judge(l, res);
	}
}

int main(int argc, char **argv)
{
	/* Large enough for any model of up to 8 KiB an input; a session is bound before its sizes are known. */
	const struct ink_session_options options = { .buffer_size = 2 * BATCH * (8192 + 16) };
	struct loop l = { 0 };
	char *buffer;
	size_t size;
	int err, i;

	if (argc != 2) {
		fprintf(stderr, "usage: %s SLOT < inputs\n", argv[0]);
		return 2;
	}
	l.session = ink_session_open_with(argv[1], &options);
	if (!l.session || ink_session_info(l.session, &l.info))
		errx(1, "%s. %s", ink_failure_last()->text, ink_failure_last()->hint);
	l.inputs = (size_t)BATCH * l.info.input_size;
	buffer = ink_session_buffer(l.session, &size);
	if (l.info.input_size > 8192)
		errx(1, "%s: inputs of %u bytes are too large for this example", argv[1], l.info.input_size);
	for (i = 0; i < 2; i++) {
		l.half[i].at = i * (l.inputs + BATCH * sizeof(struct inkling_verdict));
		l.half[i].inputs = buffer + l.half[i].at;
	}
	err = io_uring_queue_init(8, &l.ring, 0);
	if (err)
		errx(1, "io_uring: %s", strerror(-err));
	run(&l);
	io_uring_queue_exit(&l.ring);
	ink_session_close(l.session);
	return 0;
}
