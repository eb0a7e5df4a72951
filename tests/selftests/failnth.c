// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation that fails, one at a time.
 *
 * What lives here: for each thing that a program asks of the module, the same
 * call again and again with the first, the second, ... allocation of the kernel
 * failing (and copy to or from the process) until none is left: each failure has to be a clear error that leaves
 * the slot as it was. What doesn't: leaks, which kmemleak finds when the module
 * is gone (tests/uml/run), and allocations of the engine in userspace
 * (tests/unit/test_memory.c). Needs a kernel with fault injection.
 *
 * timeout: 900
 */
#include "st_fail.h"
#include "st_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <netlink/errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define N	64
#define BUFFER	(64u << 10)
#define RESULTS	8192
#define IN	12		/* sizes of the flow test model */
#define MOST	3000		/* allocations of one call, far too many */
#define TIMES	3		/* each fails so often: kmemleak may miss what leaks once */
#define SLOT	"failnth"
#define OTHER	"failnth.new"

static struct image flow, variant, small;
static struct ink_ctl *watcher, *ctl;	/* for what happens without failures, and with */
static struct ink_watch *watch;
static struct ink_session *session;
static struct io_uring ring;
static u8 *inputs, *registered;
static void *mapped;
static int fd;

/* What a call may change. */
struct state {
	struct ink_slot slot, other;	/* all zero: there is none */
};

/**
 * struct call - what is asked of the module
 * @name: for people
 * @before: brings about what it needs
 * @run: 0 or a negative errno
 * @after: puts back what @before and a successful @run did
 * @done: for requests over netlink: was it done? The answer can get lost when
 *	the work is done already
 */
struct call {
	const char *name;
	void (*before)(void);
	int (*run)(void);
	void (*after)(void);
	bool (*done)(const struct state *was, const struct state *is);
};

static void take_slot(struct ink_slot *to, const char *name)
{
	struct ink_slot *slot = ink_slot_get(watcher, name);

	memset(to, 0, sizeof(*to));
	if (!slot)
		return;
	*to = *slot;
	to->next = NULL;
	ink_slot_free(slot);
}

static struct state take_state(void)
{
	struct state state;

	take_slot(&state.slot, SLOT);
	take_slot(&state.other, OTHER);
	return state;
}

/* In the socket's words, which are libnl's, not the module's; it has none of its own for EFAULT. */
static bool answer_is_lost(const char *text)
{
	return strstr(text, nl_geterror(NLE_NOMEM)) || strstr(text, nl_geterror(NLE_INVAL));
}

/* Copies to and from the process count as allocations, too. */
static bool is_clear(int err, const char *text)
{
	return err == -ENOMEM || err == -ENOBUFS || err == -EAGAIN || err == -ECANCELED || err == -EFAULT ||
	       (err == -EIO && answer_is_lost(text));
}

static bool is_same(const struct state *was, struct state is, int err)
{
	/* A result that can't be copied is of a run that was made, and counted. */
	if (err == -EFAULT)
		is.slot.stats = was->slot.stats;
	return !memcmp(was, &is, sizeof(is));
}

/* The watcher either hears of a change or is told that it missed some. */
static bool is_told(void)
{
	struct ink_slot *news = ink_watch_next(watch);
	bool told = news || errno == ENOBUFS;

	while (news) {
		ink_slot_free(news);
		news = ink_watch_next(watch);
	}
	return told;
}

struct result {
	u32 failed, survived, unclear, changed, untold;
};

/* One call with allocation @n failing; false when there is no such one. */
static bool attempt(const struct call *call, u32 n, struct result *r)
{
	struct state was, is;
	struct ink_failure failure;
	bool reached, lost, same;
	int err;

	call->before();
	was = take_state();
	is_told();
	st_fail_set(n);
	err = call->run();
	reached = st_fail_reached();
	failure = *ink_failure_last();
	lost = err && call->done && answer_is_lost(failure.text);
	is = take_state();
	same = is_same(&was, is, err);
	if (err && !(reached && is_clear(err, failure.text))) {
		r->unclear++;
		st_diag("%s, allocation %u: error %d (%s)", call->name, n, err, failure.text);
	}
	if (err && !same && !(lost && call->done(&was, &is))) {
		r->changed++;
		st_diag("%s, allocation %u: error %d, but the slot has changed", call->name, n, err);
	}
	if (call->done && call->done(&was, &is) && !is_told()) {
		r->untold++;
		st_diag("%s, allocation %u: changed, but nobody was told", call->name, n);
	}
	call->after();
	r->failed += err != 0;
	r->survived += !err && reached;
	return err || reached;
}

static void each_allocation(const struct call *call)
{
	struct result r = { 0 };
	u32 n = 0, reached, i;

	do {
		for (n++, reached = i = 0; i < TIMES; i++)
			reached += attempt(call, n, &r);
	} while (n < MOST && reached);
	st_ok(n < MOST && n > 1, "%s: %u allocations failed in turn, in %u of %u calls it could go on",
	      call->name, n - 1, r.survived, r.survived + r.failed);
	st_is(r.unclear, 0, "%s: each failure is a clear error", call->name);
	st_is(r.changed, 0, "%s: and leaves the slot as it was", call->name);
	if (call->done)
		st_is(r.untold, 0, "%s: who listens hears of what was done", call->name);
}

/* Requests over netlink, all of them over the same socket: what failed must not disturb the next. */

static void nothing(void)
{
}

static void delete_other(void)
{
	ink_slot_del(watcher, OTHER);
}

static int run_new(void)
{
	return ink_slot_new(ctl, OTHER, INKLING_CTX_ALL, NULL, NULL);
}

static bool is_new(const struct state *was, const struct state *is)
{
	return !was->other.name[0] && is->other.name[0];
}

static int run_load(void)
{
	return ink_load(ctl, variant.p, variant.size, SLOT, NULL, NULL, NULL, NULL);
}

static bool is_loaded(const struct state *was, const struct state *is)
{
	return is->slot.model.generation != was->slot.model.generation;
}

static void before_small(void)
{
	if (ink_slot_new(watcher, OTHER, INKLING_CTX_ALL, NULL, NULL))
		st_bail("slot-new: %s", ink_failure_last()->text);
}

/* Of less than a page: for what is larger there is a second way to get memory, so that one failure isn't enough. */
static int run_small(void)
{
	return ink_load(ctl, small.p, small.size, OTHER, NULL, NULL, NULL, NULL);
}

static bool is_small_loaded(const struct state *was, const struct state *is)
{
	return is->other.has_model;
}

static int run_shadow(void)
{
	struct ink_load_options options = { .set = INK_LOAD_SHADOW, .sample = 1 };

	return ink_load_with(ctl, variant.p, variant.size, SLOT, &options, NULL, NULL, NULL);
}

static bool is_shadowed(const struct state *was, const struct state *is)
{
	return is->slot.has_shadow && is->slot.shadow.model.generation != was->slot.shadow.model.generation;
}

static void before_promote(void)
{
	st_load_shadow(watcher, SLOT, &variant, 1);
}

static int run_promote(void)
{
	return ink_slot_promote(ctl, SLOT);
}

static void after_promote(void)
{
	ink_slot_shadow_drop(watcher, SLOT);
}

static int run_rollback(void)
{
	return ink_slot_rollback(ctl, SLOT);
}

static int run_set(void)
{
	struct ink_slot_change change = { .set = INK_SET_MODE, .mode = INKLING_MODE_MONITOR };

	return ink_slot_set(ctl, SLOT, &change);
}

static bool is_set(const struct state *was, const struct state *is)
{
	return is->slot.mode != was->slot.mode;
}

static void after_set(void)
{
	struct ink_slot_change change = { .set = INK_SET_MODE, .mode = INKLING_MODE_ENFORCE };

	if (ink_slot_set(watcher, SLOT, &change))
		st_bail("slot-set: %s", ink_failure_last()->text);
}

static void before_delete(void)
{
	before_small();
	st_load(watcher, OTHER, &flow);
}

static int run_delete(void)
{
	return ink_slot_del(ctl, OTHER);
}

static bool is_deleted(const struct state *was, const struct state *is)
{
	return was->other.name[0] && !is->other.name[0];
}

static int run_get(void)
{
	struct ink_slot *slot = ink_slot_get(ctl, SLOT);

	ink_slot_free(slot);
	return slot ? 0 : -errno;
}

static int run_dump(void)
{
	struct ink_slot *slots = ink_slot_list(ctl);

	ink_slot_free(slots);
	return slots ? 0 : errno ? -errno : -ENODATA;
}

/* The device. */

static void no_session(void)
{
	session = NULL;
}

static int run_open(void)
{
	struct ink_session_options options = { .buffer_size = BUFFER };

	session = ink_session_open_with(SLOT, &options);
	return session ? 0 : -errno;
}

static void session_close(void)
{
	ink_session_close(session);
}

static void session_open(void)
{
	if (run_open())
		st_bail("session: %s", ink_failure_last()->text);
}

static void before_bind(void)
{
	fd = open("/dev/inkling", O_RDWR | O_CLOEXEC);
	mapped = MAP_FAILED;
}

static int run_bind(void)
{
	struct inkling_bind bind = { .size = sizeof(bind), .buffer_size = BUFFER, .slot = SLOT };

	return ioctl(fd, INKLING_IOC_BIND, &bind) ? -errno : 0;
}

static void before_map(void)
{
	before_bind();
	if (run_bind())
		st_bail("bind: %s", strerror(errno));
}

static int run_map(void)
{
	mapped = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return mapped == MAP_FAILED ? -errno : 0;
}

static void device_close(void)
{
	if (mapped != MAP_FAILED)
		munmap(mapped, BUFFER);
	close(fd);
}

static int run_single(void)
{
	struct inkling_verdict v;

	return ink_session_verdict(session, inputs, IN, &v);
}

static int run_batch(void)
{
	struct inkling_verdict v[N];

	return ink_session_run_batch(session, N, inputs, IN, NULL, 0, v);
}

/* io_uring, in the session's buffer and in one that is registered. */

static void ring_open(void)
{
	size_t size;

	session_open();
	memcpy(ink_session_buffer(session, &size), inputs, N * IN);
	memcpy(registered, inputs, N * IN);
	ring = st_ring(0);
}

static void ring_close(void)
{
	io_uring_queue_exit(&ring);
	session_close();
}

static int submit(u64 at, u32 flags)
{
	struct inkling_uring_run run = { .inputs = at, .results = RESULTS, .count = N };
	struct __kernel_timespec limit = { .tv_sec = 20 };
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	struct io_uring_cqe *cqe;
	int err;

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, ink_session_fd(session), NULL, 0, 0);
	sqe->cmd_op = INKLING_URING_RUN;
	sqe->uring_cmd_flags = flags;
	memcpy(sqe->cmd, &run, sizeof(run));
	err = io_uring_submit(&ring);
	if (err < 0)
		return err;
	err = io_uring_wait_cqe_timeout(&ring, &cqe, &limit);
	if (err)
		return err;
	err = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return err == N ? 0 : err < 0 ? err : -EIO;
}

static int run_uring(void)
{
	return submit(0, 0);
}

static int run_registered(void)
{
	struct iovec piece = { .iov_base = registered, .iov_len = BUFFER };
	int err = io_uring_register_buffers(&ring, &piece, 1);

	return err ? err : submit((uintptr_t)registered, IORING_URING_CMD_FIXED);
}

static const struct call calls[] = {
	{ "slot-new", nothing, run_new, delete_other, is_new },
	{ "load", nothing, run_load, nothing, is_loaded },
	{ "load of a small image", before_small, run_small, delete_other, is_small_loaded },
	{ "shadow", nothing, run_shadow, nothing, is_shadowed },
	{ "promote", before_promote, run_promote, after_promote, is_loaded },
	{ "rollback", nothing, run_rollback, nothing, is_loaded },
	{ "slot-set", nothing, run_set, after_set, is_set },
	{ "slot-del", before_delete, run_delete, delete_other, is_deleted },
	{ "slot-get", nothing, run_get, nothing, NULL },
	{ "dump", nothing, run_dump, nothing, NULL },
	{ "open, bind and map", no_session, run_open, session_close, NULL },
	{ "bind", before_bind, run_bind, device_close, NULL },
	{ "map", before_map, run_map, device_close, NULL },
	{ "first run of a session", session_open, run_single, session_close, NULL },
	{ "first batch", session_open, run_batch, session_close, NULL },
	{ "io_uring command", ring_open, run_uring, ring_close, NULL },
	{ "registered buffers", ring_open, run_registered, ring_close, NULL },
};

int main(void)
{
	u32 i;

	st_fail_open();
	watcher = st_ctl();
	ctl = st_ctl();
	watch = ink_watch_open();
	if (!watch || fcntl(ink_watch_fd(watch), F_SETFL, O_NONBLOCK))
		st_bail("watch: %s", ink_failure_last()->text);
	flow = model_image(MODEL_FLOW);
	variant = flow_variant(1);
	small = model_image(MODEL_RECON);
	st_ok(small.size < 4096, "an image of less than a page");
	inputs = st_inputs(&flow, 5, N);
	registered = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (registered == MAP_FAILED || mlockall(MCL_CURRENT))
		st_bail("memory: %s", strerror(errno));
	st_slot_with(watcher, SLOT, INKLING_CTX_ALL, &flow);
	st_load(watcher, SLOT, &variant);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		each_allocation(&calls[i]);
	ink_slot_del(watcher, SLOT);
	ink_watch_close(watch);
	ink_ctl_close(watcher);
	ink_ctl_close(ctl);
	st_fail_close();
	return st_done();
}
