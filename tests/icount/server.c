// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a server of the same engine costs, in instructions; see icount.c.
 *
 * What lives here: asking the bench's servers (tests/bench/server.c). Both ends are counted, since
 * they share the one CPU; a server that spins would only keep its client from running.
 */
#include <errno.h>
#include <string.h>

#include "../bench/server.h"
#include "icount.h"

struct talk {
	struct server *server;
	uint32_t inputs;
};

static void call_server(void *arg)
{
	struct talk *t = arg;

	if (!server_ask(t->server, t->inputs))
		icount_fail("the server");
}

static void measure(enum server_way way, const char *path, const void *input, size_t in_size,
		    const char *one, const char *many)
{
	struct talk t = { .server = server_start(way, path, -1), .inputs = 1 };
	size_t i;

	if (!t.server)
		icount_fail(path);
	for (i = 0; i < SERVER_INPUTS; i++)
		memcpy((char *)server_inputs(t.server) + i * in_size, input, in_size);
	icount_measure(one, 1, call_server, &t);
	t.inputs = SERVER_INPUTS;
	icount_measure(many, SERVER_INPUTS, call_server, &t);
	server_stop(t.server);
}

void icount_server(const char *path, const void *input, size_t in_size)
{
	measure(SERVER_SOCKET, path, input, in_size, "a server over a Unix socket, one input",
		"a server over a Unix socket, each of 64 in a message");
	measure(SERVER_FUTEX, path, input, in_size, "a server over shared memory, one input",
		"a server over shared memory, each of 64 inputs");
}
