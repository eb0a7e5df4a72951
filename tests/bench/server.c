// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inference servers. See server.h.
 *
 * What lives here: both ends of each way. They do what such a server has to, and nothing more: no
 * header, no queue, one client. Inputs lie where the client filled them in, in memory of its own for
 * the socket, else in the shared memory from which the model reads them.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contend.h"
#include "inkling.h"
#include "server.h"
#include "stopwatch.h"

/* In a cache line of its own: each end writes another one. */
struct counter {
	atomic_uint n;
} __attribute__((aligned(64)));

struct shared {
	struct counter asked, answered;
	uint32_t count;			/* inputs of the request */
	struct inkling_verdict verdicts[SERVER_INPUTS];
	char inputs[] __attribute__((aligned(64)));
};

struct server {
	enum server_way way;
	pid_t pid;
	int socket;			/* of this end */
	struct shared *shared;		/* for the socket: memory of this process alone */
	size_t shared_size;
	size_t in_size;
};

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static void signal_other(enum server_way way, struct counter *c)
{
	atomic_fetch_add_explicit(&c->n, 1, memory_order_release);
	if (way == SERVER_FUTEX)
		syscall(SYS_futex, &c->n, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Until @c isn't @old any more. */
static void await(enum server_way way, struct counter *c, unsigned int old)
{
	while (atomic_load_explicit(&c->n, memory_order_acquire) == old) {
		if (way == SERVER_FUTEX)
			syscall(SYS_futex, &c->n, FUTEX_WAIT, old, NULL, NULL, 0);
		else
			relax();
	}
}

static void run(struct ink_model *model, const char *in, uint32_t count, void *out,
		struct inkling_verdict *verdicts)
{
	size_t in_size = ink_model_input_size(model), out_size = ink_model_output_size(model);
	int32_t threshold = ink_model_header(model)->threshold;
	uint32_t i;

	ink_model_run_batch(model, count, in, in_size, out, out_size);
	for (i = 0; i < count; i++)
		ink_model_verdict(model, out + i * out_size, threshold, &verdicts[i]);
}

/* Until the other end is closed. */
static void serve_socket(int socket, struct ink_model *model, void *out)
{
	size_t in_size = ink_model_input_size(model);
	struct inkling_verdict verdicts[SERVER_INPUTS];
	char *in = malloc(SERVER_INPUTS * in_size);
	uint32_t count;
	ssize_t n;

	while (in && (n = recv(socket, in, SERVER_INPUTS * in_size, 0)) > 0) {
		count = (uint32_t)((size_t)n / in_size);
		run(model, in, count, out, verdicts);
		if (send(socket, verdicts, count * sizeof(verdicts[0]), 0) < 0)
			break;
	}
}

/* Until this process is killed. */
static void serve_shared(const struct server *s, struct ink_model *model, void *out)
{
	struct shared *m = s->shared;
	unsigned int done = 0;

	for (;; done++) {
		await(s->way, &m->asked, done);
		run(model, m->inputs, m->count, out, m->verdicts);
		signal_other(s->way, &m->answered);
	}
}

static void serve(const struct server *s, int socket, struct ink_model *model)
{
	void *out = calloc(SERVER_INPUTS, ink_model_output_size(model));

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!out)
		_exit(1);
	if (s->way == SERVER_SOCKET)
		serve_socket(socket, model, out);
	else
		serve_shared(s, model, out);
	_exit(0);
}

static bool make_memory(struct server *s)
{
	int flags = MAP_ANONYMOUS | (s->way == SERVER_SOCKET ? MAP_PRIVATE : MAP_SHARED);

	s->shared_size = sizeof(*s->shared) + SERVER_INPUTS * s->in_size;
	s->shared = mmap(NULL, s->shared_size, PROT_READ | PROT_WRITE, flags, -1, 0);
	return s->shared != MAP_FAILED;
}

struct server *server_start(enum server_way way, const char *path, int cpu)
{
	struct ink_model *model = ink_model_open(path);
	struct server *s = calloc(1, sizeof(*s));
	int pair[2];

	if (!model || !s)
		return NULL;
	s->way = way;
	s->in_size = ink_model_input_size(model);
	if (!make_memory(s) || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		return NULL;
	s->pid = fork();
	if (!s->pid) {
		close(pair[0]);
		serve(s, pair[1], model);
	}
	ink_model_close(model);
	close(pair[1]);
	s->socket = pair[0];
	if (s->pid > 0 && (cpu < 0 || contend_pin(s->pid, (unsigned int)cpu)))
		return s;
	server_stop(s);
	return NULL;
}

void server_stop(struct server *server)
{
	if (server->pid > 0) {
		kill(server->pid, SIGKILL);
		waitpid(server->pid, NULL, 0);
	}
	close(server->socket);
	munmap(server->shared, server->shared_size);
	free(server);
}

void *server_inputs(struct server *server)
{
	return server->shared->inputs;
}

const struct inkling_verdict *server_ask(struct server *server, uint32_t count)
{
	struct shared *m = server->shared;
	size_t size = count * server->in_size, back = count * sizeof(m->verdicts[0]);
	unsigned int before;

	if (server->way == SERVER_SOCKET)
		return send(server->socket, m->inputs, size, MSG_NOSIGNAL) == (ssize_t)size &&
		       recv(server->socket, m->verdicts, back, 0) == (ssize_t)back ? m->verdicts : NULL;
	before = atomic_load_explicit(&m->answered.n, memory_order_relaxed);
	m->count = count;
	signal_other(server->way, &m->asked);
	await(server->way, &m->answered, before);
	return m->verdicts;
}

uint64_t server_cpu_ns(const struct server *server)
{
	clockid_t clock;

	return clock_getcpuclockid(server->pid, &clock) ? 0 : ink_clock_ns(clock);
}
