// SPDX-License-Identifier: GPL-2.0-only
/*
 * One input by an io_uring command: written to a buffer that the kernel shares, so nothing is copied to it.
 *
 *   cc -o uring uring.c $(pkg-config --cflags --libs libinkling liburing)
 *   ./uring SLOT VALUE...
 */
#include <err.h>
#include <inkling.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER	65536

int main(int argc, char **argv)
{
	const struct ink_session_options options = { .buffer_size = BUFFER };
	const struct inkling_verdict *verdict;
	struct inkling_info info;
	struct io_uring_cqe *cqe;
	struct ink_session *s;
	struct io_uring ring;
	size_t size, results;
	int32_t *in;
	int i, err;

	if (argc < 3) {
		fprintf(stderr, "usage: %s SLOT VALUE...\n", argv[0]);
		return 2;
	}
	s = ink_session_open_with(argv[1], &options);
	if (!s || ink_session_info(s, &info))
		errx(1, "%s. %s", ink_failure_last()->text, ink_failure_last()->hint);
	if (info.input_size != (size_t)(argc - 2) * sizeof(*in) || info.input_size > BUFFER / 2)
		errx(1, "%s: a model with inputs of %u bytes", argv[1], info.input_size);
	err = io_uring_queue_init(4, &ring, 0);
	if (err)
		errx(1, "io_uring: %s", strerror(-err));

	in = ink_session_buffer(s, &size);
	for (i = 2; i < argc; i++)
		in[i - 2] = atoi(argv[i]);
	results = (info.input_size + 15u) & ~15u;
	if (ink_session_prep(s, io_uring_get_sqe(&ring), 0, results, 1, 0))
		errx(1, "%s. %s", ink_failure_last()->text, ink_failure_last()->hint);
	io_uring_submit(&ring);
	err = io_uring_wait_cqe(&ring, &cqe);
	if (!err)
		err = cqe->res;
	if (err != 1)
		errx(1, "%s: %s", argv[1], strerror(-err));
	io_uring_cqe_seen(&ring, cqe);

	verdict = (const void *)((const char *)in + results);
	printf("class %u of %u, score %d\n", verdict->class, info.n_classes, verdict->score);
	io_uring_queue_exit(&ring);
	ink_session_close(s);
	return 0;
}
