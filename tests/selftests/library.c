// SPDX-License-Identifier: GPL-2.0-only
/*
 * libinkling's sessions with a buffer, and sessions that more than one process
 * has: by fork, sent over a socket, kept across exec. The buffer is paid for by
 * the memory cgroup of who binds.
 *
 * What doesn't live here: the module's side of commands (uring.c), models in
 * this process (tests/unit/test_lib.c).
 *
 * dmesg-allow: library invoked oom-killer|oom-kill:constraint=CONSTRAINT_MEMCG.*task=library|Call Trace:|Memory cgroup out of memory: Killed process .*library
 */
#include "st_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define N	64
#define IN	12		/* sizes of the flow test model */
#define OUT	6
#define RESULTS	4096
#define BUFFER	(1u << 20)
#define GROUP	"/sys/fs/cgroup/inkling.library"

static struct image flow;
static struct ink_ctl *ctl;
static u8 *inputs;
static u8 want[N * OUT];
static struct inkling_verdict expected[N];

static struct ink_session *session_with(size_t buffer)
{
	struct ink_session_options o = { .buffer_size = buffer };
	struct ink_session *s = ink_session_open_with("library", &o);

	if (!s)
		st_bail("session: %s", ink_failure_last()->text);
	return s;
}

static bool same(const struct inkling_verdict *got, u32 n)
{
	u32 i, good = 0;

	for (i = 0; i < n; i++)
		good += got[i].class == expected[i].class && got[i].score == expected[i].score;
	return good == n;
}

/* All inputs by one command; 0 when the verdicts are right. */
static int one_command(struct ink_session *s)
{
	struct io_uring r = st_ring(0);
	size_t size;
	u8 *buffer = ink_session_buffer(s, &size);
	int err;

	memcpy(buffer, inputs, N * IN);
	memset(buffer + RESULTS, 0xee, N * sizeof(struct inkling_verdict));
	err = ink_session_prep(s, io_uring_get_sqe(&r), 0, RESULTS, N, 0);
	if (!err) {
		io_uring_submit(&r);
		err = st_reap(&r) == N && same((void *)(buffer + RESULTS), N) ? 0 : -EIO;
	}
	io_uring_queue_exit(&r);
	return err;
}

/* What is linked is read when it is submitted: entries that are used again meanwhile don't count. */
static void linked(struct ink_session *s, struct io_uring *r, u8 *buffer)
{
	struct io_uring_sqe *first = io_uring_get_sqe(r), *second = io_uring_get_sqe(r);
	struct inkling_verdict *v = (void *)(buffer + RESULTS);
	int a, b;

	memset(v, 0xee, (N + 1) * sizeof(*v));
	ink_session_prep(s, first, 0, RESULTS, N, INK_PREP_LINK | INK_PREP_LINKED);
	ink_session_prep(s, second, 0, RESULTS + N * sizeof(*v), 1, INK_PREP_LINKED);
	st_is(first->flags, IOSQE_IO_LINK | IOSQE_ASYNC, "a link within a chain");
	st_is(second->flags, IOSQE_ASYNC, "the end of a chain");
	io_uring_submit(r);
	memset(first, 0xff, sizeof(*first));
	memset(second, 0xff, sizeof(*second));
	a = st_reap(r);
	b = st_reap(r);
	st_ok(a == N && b == 1 && same(v, N) && v[N].score == expected[0].score,
	      "two linked commands, their entries used again at once: %d, %d", a, b);
}

static void commands(void)
{
	struct ink_session *s = session_with(5000);
	struct io_uring r = st_ring(0);
	struct inkling_verdict *v;
	struct io_uring_sqe *sqe;
	size_t size;
	u8 *buffer = ink_session_buffer(s, &size);

	st_is((long long)size, 8192, "a buffer of whole pages");
	st_ok(buffer && !buffer[8191] && !ink_session_in_process(s), "mapped, in the kernel");
	st_fine(one_command(s), "a batch by one command");

	memcpy(buffer, inputs, N * IN);
	sqe = io_uring_get_sqe(&r);
	sqe->user_data = 7;
	st_fine(ink_session_prep(s, sqe, IN, 1024, 2, INK_PREP_OUTPUTS), "verdicts and outputs");
	st_is((long long)sqe->user_data, 7, "user_data is the caller's");
	io_uring_submit(&r);
	v = (void *)(buffer + 1024);
	st_is(st_reap(&r), 2, "two inputs");
	st_ok(v[0].score == expected[1].score && v[1].score == expected[2].score &&
	      !memcmp(v + 2, want + OUT, 2 * OUT), "their verdicts, and outputs after them");

	linked(s, &r, buffer);
	io_uring_queue_exit(&r);
	ink_session_close(s);
}

static void refusals(void)
{
	struct ink_session *s = session_with(8192), *none = session_with(0);
	struct ink_session_options o = { .buffer_size = INKLING_BUFFER_MAX + 1ul };
	struct io_uring_sqe sqe;
	size_t size;

	st_refused(ink_session_prep(s, &sqe, 0, 64, 0, 0), EINVAL, "1 to 4096 inputs", "no inputs");
	st_refused(ink_session_prep(s, &sqe, 0, 64, INKLING_BATCH_MAX + 1, 0), EINVAL, "4096",
		   "too many inputs");
	st_refused(ink_session_prep(s, &sqe, 0, 64, 1, 16), EINVAL, "unknown flags 0x10", "flags");
	st_refused(ink_session_prep(s, &sqe, 64, 0, 1, 0), EINVAL, "before the inputs",
		   "results before the inputs");
	st_refused(ink_session_prep(s, &sqe, 8192, 8192, 1, 0), ERANGE, "has 8192 bytes",
		   "outside the buffer");
	st_refused(ink_session_prep(none, &sqe, 0, 64, 1, 0), ERANGE, "has 0 bytes", "no buffer");
	st_ok(!ink_session_buffer(none, &size) && !size, "a session without one");
	st_ok(!ink_session_open_with("library", &o) && errno == E2BIG, "a buffer that is too large");
	o = (struct ink_session_options){ .model = "/nowhere.ink" };
	st_ok(!ink_session_open_with("nobody", &o) && errno == ENOENT,
	      "with the module there, its slot counts, not a file");
	ink_session_close(none);
	ink_session_close(s);
}

/* Runs by ioctl; how many were wrong. */
static int run_often(struct ink_session *s, int times)
{
	struct inkling_verdict v[N];
	int wrong = 0;

	while (times--) {
		memset(v, 0xee, sizeof(v));
		if (ink_session_run_batch(s, N, inputs, IN, NULL, 0, v)) {
			st_diag("%s", ink_failure_last()->text);
			wrong++;
		} else if (!same(v, N)) {
			st_diag("wrong verdicts");
			wrong++;
		}
	}
	return wrong;
}

static void forked(void)
{
	struct ink_session *s = session_with(BUFFER);
	int status, wrong;
	pid_t pid = fork();

	if (!pid) {
		wrong = run_often(s, 300);
		ink_session_close(s);
		_exit(wrong ? 1 : 0);
	}
	wrong = run_often(s, 300);
	waitpid(pid, &status, 0);
	st_ok(!wrong && !status, "two processes by fork run on one session at once");
	st_fine(one_command(s), "one closes it: the other goes on");

	pid = fork();
	if (!pid)
		_exit(one_command(s) ? 1 : 0);
	waitpid(pid, &status, 0);
	st_ok(!status, "a child's commands on its parent's buffer");
	ink_session_close(s);
}

static void send_fd(int socket, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char byte = 0;
	struct iovec vec = { &byte, 1 };
	struct msghdr m = { .msg_iov = &vec, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	if (sendmsg(socket, &m, 0) != 1)
		st_bail("sendmsg: %s", strerror(errno));
}

static int receive_fd(int socket)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec vec = { &byte, 1 };
	struct msghdr m = { .msg_iov = &vec, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(socket, &m, 0) == 1)
		memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

/* What a process can do with nothing but the descriptor; an exit status. */
static int use_fd(int fd)
{
	struct inkling_verdict v[2] = { 0 };
	struct inkling_run r = {
		.size = sizeof(r), .count = 2, .input_size = IN, .inputs = (uintptr_t)inputs,
		.verdicts = (uintptr_t)v,
	};
	u8 *buffer;

	if (ioctl(fd, INKLING_IOC_RUN, &r))
		return 1;
	if (r.done != 2 || !same(v, 2))
		return 2;
	buffer = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	return buffer == MAP_FAILED ? 3 : buffer[0] != 'x' ? 4 : 0;
}

static void sent(void)
{
	struct ink_session *s = session_with(BUFFER);
	int pair[2], status;
	size_t size;
	pid_t pid;

	*(u8 *)ink_session_buffer(s, &size) = 'x';
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		st_bail("socketpair");
	pid = fork();
	if (!pid) {
		/* Without rights of its own: whoever opened it had them. */
		close(ink_session_fd(s));
		st_drop(65534, 65534, 0);
		_exit(use_fd(receive_fd(pair[1])));
	}
	send_fd(pair[0], ink_session_fd(s));
	ink_session_close(s);
	waitpid(pid, &status, 0);
	st_is(WEXITSTATUS(status), 0, "sent over a socket, closed by the sender: runs, shares the buffer");
	close(pair[0]);
	close(pair[1]);
}

/* The program again, told what to do with a descriptor. */
static int executed(int fd, const char *what)
{
	char number[16];
	int status;
	pid_t pid = fork();

	snprintf(number, sizeof(number), "%d", fd);
	if (!pid) {
		execl("/proc/self/exe", "library", what, number, NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void kept(void)
{
	struct ink_session *s = session_with(BUFFER);
	size_t size;

	*(u8 *)ink_session_buffer(s, &size) = 'x';
	st_is(executed(ink_session_fd(s), "gone"), 0, "exec closes a session");
	fcntl(ink_session_fd(s), F_SETFD, 0);
	st_is(executed(ink_session_fd(s), "use"), 0, "or keeps it, if that is asked for");
	ink_session_close(s);
}

static long long group_bytes(void)
{
	FILE *f = fopen(GROUP "/memory.current", "re");
	long long bytes = -1;

	if (f && fscanf(f, "%lld", &bytes) != 1)
		bytes = -1;
	if (f)
		fclose(f);
	return bytes;
}

static bool group_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* In the group: how many of its bytes a buffer of 16 MiB is; MiB, or 100 and more when something failed. */
static int pay(void *arg)
{
	struct ink_session *s;
	long long before, with, after;

	if (!group_write(GROUP "/cgroup.procs", "0"))
		return 100;
	before = group_bytes();
	s = session_with(16 << 20);
	with = group_bytes();
	ink_session_close(s);
	after = group_bytes();
	return before < 0 || after > before + (4 << 20) ? 101 : (int)((with - before) >> 20);
}

static int pay_too_much(void *arg)
{
	if (!group_write(GROUP "/cgroup.procs", "0"))
		return 100;
	session_with(48 << 20);
	return 0;
}

static void charged(void)
{
	int mib, i;

	group_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) || group_bytes() < 0) {
		st_skip("no memory cgroups", "a buffer is charged");
		st_skip("no memory cgroups", "a group that can't pay");
	} else {
		mib = st_child(pay, NULL);
		st_ok(mib >= 15 && mib <= 20, "a buffer of 16 MiB is charged to the group, and given back: %d MiB",
		      mib);
		group_write(GROUP "/memory.swap.max", "0");
		group_write(GROUP "/memory.max", "33554432");
		st_is(st_child(pay_too_much, NULL), -1, "who asks for more than the group has is killed, as for any memory");
	}
	for (i = 0; i < 50 && rmdir(GROUP) && errno == EBUSY; i++)
		usleep(100000);
}

static int as_told(const char *what, int fd)
{
	if (!strcmp(what, "gone"))
		return fcntl(fd, F_GETFD) < 0 ? 0 : 1;
	return use_fd(fd);
}

int main(int argc, char **argv)
{
	flow = model_image(MODEL_FLOW);
	inputs = st_inputs(&flow, 7, N);
	st_expect(&flow, inputs, N, want, expected);
	if (argc == 3)
		return as_told(argv[1], atoi(argv[2]));
	ctl = st_ctl();
	st_slot_with(ctl, "library", INKLING_CTX_TASK, &flow);
	commands();
	refusals();
	forked();
	sent();
	kept();
	charged();
	ink_slot_del(ctl, "library");
	return st_done();
}
