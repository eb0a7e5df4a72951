/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inference servers: what programs have that have no module.
 *
 * What lives here: a process that runs the model of a file for this one, and
 * is asked in one of three ways. What doesn't: measuring it.
 */
#ifndef INK_BENCH_SERVER_H
#define INK_BENCH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/inkling.h>

#define SERVER_INPUTS	64	/* of a request, at most */

enum server_way {
	SERVER_SOCKET,	/* messages over a Unix socket: inputs there, verdicts back */
	SERVER_FUTEX,	/* inputs and verdicts in shared memory; both sides sleep on a futex */
	SERVER_SPIN,	/* the same, but both sides look again and again; wants a CPU for each */
};

struct server;

/**
 * server_start() - start a server
 * @way: to ask it
 * @path: of a .ink file
 * @cpu: the nth of the CPUs that this process may use, for the server to stay on, or -1
 *
 * It ends with this process at the latest. Return: a server for server_stop(), or NULL with errno.
 */
struct server *server_start(enum server_way way, const char *path, int cpu);
void server_stop(struct server *server);

/* Where SERVER_INPUTS inputs without gaps are for the caller to fill in. */
void *server_inputs(struct server *server);

/* Ask for verdicts of the first @count inputs; NULL with errno when the server doesn't answer. */
const struct inkling_verdict *server_ask(struct server *server, uint32_t count);

/* CPU time that it has used. */
uint64_t server_cpu_ns(const struct server *server);

#endif /* INK_BENCH_SERVER_H */
