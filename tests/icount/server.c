// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a server of the same engine costs, in instructions; see icount.c.
 *
 * What lives here: a process that answers inputs with verdicts over a Unix
 * socket, as programs do that have no module. Both ends are counted, since they
 * share the one CPU. What doesn't: a faster way than two system calls and two
 * switches of process for each round.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "icount.h"
#include "inkling.h"

#define AT_ONCE	64

struct talk {
	int socket;
	unsigned int inputs;
	size_t in_size;
	char *in;
	struct inkling_verdict verdicts[AT_ONCE];
};

/* Until the other end is closed: inputs in, as many as a message holds; their verdicts back. */
static void serve(int socket, const char *path)
{
	struct ink_model *model = ink_model_open(path);
	size_t in_size = model ? ink_model_input_size(model) : 0, out_size, i;
	char *in = calloc(AT_ONCE, in_size), *out;
	struct inkling_verdict verdicts[AT_ONCE];
	ssize_t n;

	if (!model || !in)
		_exit(1);
	out_size = ink_model_output_size(model);
	out = calloc(1, out_size);
	while ((n = recv(socket, in, AT_ONCE * in_size, 0)) > 0) {
		for (i = 0; i < (size_t)n / in_size; i++) {
			ink_model_run(model, in + i * in_size, in_size, out, out_size);
			ink_model_verdict(model, out, ink_model_header(model)->threshold, &verdicts[i]);
		}
		if (send(socket, verdicts, i * sizeof(verdicts[0]), 0) < 0)
			break;
	}
	_exit(0);
}

static void call_server(void *arg)
{
	struct talk *t = arg;
	size_t size = t->inputs * t->in_size, back = t->inputs * sizeof(t->verdicts[0]);

	if (send(t->socket, t->in, size, 0) != (ssize_t)size ||
	    recv(t->socket, t->verdicts, back, 0) != (ssize_t)back)
		icount_fail("the server");
}

void icount_server(const char *path, const void *input, size_t in_size)
{
	struct talk t = { .in_size = in_size, .in = calloc(AT_ONCE, in_size) };
	int pair[2];
	size_t i;
	pid_t pid;

	if (!t.in || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		icount_fail("a socket");
	for (i = 0; i < AT_ONCE; i++)
		memcpy(t.in + i * in_size, input, in_size);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		serve(pair[1], path);
	}
	close(pair[1]);
	t.socket = pair[0];
	t.inputs = 1;
	icount_measure("a server over a Unix socket, one input", 1, call_server, &t);
	t.inputs = AT_ONCE;
	icount_measure("a server over a Unix socket, each of 64 in a message", AT_ONCE, call_server, &t);
	close(t.socket);
	waitpid(pid, NULL, 0);
	free(t.in);
}
