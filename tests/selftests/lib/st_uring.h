/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For selftests with io_uring, which are linked with liburing; the others don't
 * need it.
 */
#ifndef INK_ST_URING_H
#define INK_ST_URING_H

#include <liburing.h>
#include <string.h>
#include "st.h"

/* A ring; bails out when there is none. */
static inline struct io_uring st_ring(u32 flags)
{
	struct io_uring_params p = { .flags = flags, .sq_thread_idle = 1000 };
	struct io_uring ring;
	int err = io_uring_queue_init_params(128, &ring, &p);

	if (err)
		st_bail("ring with flags %#x: %s", flags, strerror(-err));
	return ring;
}

/* The result of the next completion. */
static inline int st_reap(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int err = io_uring_wait_cqe(ring, &cqe);

	if (err)
		return err;
	err = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return err;
}

#endif /* INK_ST_URING_H */
