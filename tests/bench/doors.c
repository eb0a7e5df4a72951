// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to a verdict: in this process, from a server of the same engine, and through the module.
 *
 *   doors [--slot NAME] MODEL.ink FILE     a table to standard output, figures to FILE
 *
 * What lives here: the ways as contenders. What doesn't: servers (server.c), and measuring
 * (contend.c). This process stays on the first CPU, a server on the second. Without --slot, the
 * module isn't asked. In an emulated machine the figures say so in their names.
 */
#include <errno.h>
#include <getopt.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "contend.h"
#include "inkling.h"
#include "rand.h"
#include "server.h"
#include "stopwatch.h"

#define SLICE_NS	5000000
#define MOST		SERVER_INPUTS

enum way { PROCESS, SOCKET, FUTEX, SPIN, IOCTL, URING, URING_EACH, WAYS };

static const char *const way_names[WAYS] = {
	"in this process", "server, Unix socket", "server, futex", "server, spinning", "ioctl",
	"io_uring, one command", "io_uring, a command each",
};

struct door {
	enum way way;
	uint32_t batch;
	struct server *server;
};

static struct {
	struct ink_model *model;
	size_t in_size, out_size;
	char *in, *out;			/* MOST inputs and outputs */
	struct inkling_verdict verdicts[MOST];
	struct ink_session *session;
	struct io_uring ring;
	char *buffer;			/* of the session: inputs, then verdicts */
	size_t results;
	FILE *json;
	const char *part, *where;
} bench;

static void die(const char *what)
{
	fprintf(stderr, "doors: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void run_here(uint32_t batch)
{
	int32_t threshold = ink_model_header(bench.model)->threshold;
	uint32_t i;

	ink_model_run_batch(bench.model, batch, bench.in, bench.in_size, bench.out, bench.out_size);
	for (i = 0; i < batch; i++)
		ink_model_verdict(bench.model, bench.out + i * bench.out_size, threshold,
				  &bench.verdicts[i]);
}

static void run_commands(uint32_t commands, uint32_t count)
{
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	uint32_t i;

	for (i = 0; i < commands; i++) {
		sqe = io_uring_get_sqe(&bench.ring);
		errno = -ink_session_prep(bench.session, sqe, i * bench.in_size,
					  bench.results + i * sizeof(bench.verdicts[0]), count, 0);
		if (errno)
			die("a command");
	}
	io_uring_submit_and_wait(&bench.ring, commands);
	for (i = 0; i < commands; i++) {
		errno = -io_uring_wait_cqe(&bench.ring, &cqe);
		if (!errno && cqe->res < 0)
			errno = -cqe->res;
		if (errno)
			die("a completion");
		io_uring_cqe_seen(&bench.ring, cqe);
	}
}

/* Return: where the verdicts are. */
static const struct inkling_verdict *ask(const struct door *d)
{
	const struct inkling_verdict *verdicts;

	switch (d->way) {
	case PROCESS:
		run_here(d->batch);
		return bench.verdicts;
	case IOCTL:
		errno = -ink_session_run_batch(bench.session, d->batch, bench.in, bench.in_size, NULL, 0,
					       bench.verdicts);
		if (errno)
			die("ioctl");
		return bench.verdicts;
	case URING:
		run_commands(1, d->batch);
		return (const void *)(bench.buffer + bench.results);
	case URING_EACH:
		run_commands(d->batch, 1);
		return (const void *)(bench.buffer + bench.results);
	default:
		verdicts = server_ask(d->server, d->batch);
		if (!verdicts)
			die(way_names[d->way]);
		return verdicts;
	}
}

static void door_run(void *self)
{
	ask(self);
}

static uint64_t door_cpu_ns(void *self)
{
	const struct door *d = self;

	return ink_clock_ns(CLOCK_PROCESS_CPUTIME_ID) + (d->server ? server_cpu_ns(d->server) : 0);
}

static void door_close(void *self)
{
	free(self);
}

/* All have to give the same verdicts. */
static void compare(const struct door *d)
{
	static struct inkling_verdict first[MOST];
	const struct inkling_verdict *v;
	uint32_t i;

	run_here(d->batch);
	memcpy(first, bench.verdicts, sizeof(first));
	memset(bench.verdicts, 0xff, sizeof(bench.verdicts));
	v = ask(d);
	for (i = 0; i < d->batch; i++)
		if (v[i].class != first[i].class || v[i].score != first[i].score) {
			fprintf(stderr, "doors: %s gives another verdict\n", way_names[d->way]);
			exit(1);
		}
}

static void report(const struct entry *e, uint32_t count, uint32_t batch)
{
	static const double quantiles[] = { 0.5, 0.99, 0.999 };
	static const char *const metrics[] = { "call p50", "call p99", "call p99.9" };
	char name[256];
	struct figure f = { .name = name, .unit = "ns", .conditions = bench.where };
	struct spread t;
	uint32_t i, q;

	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s/%u/%s", bench.part,
			 ink_model_card(bench.model)->name, batch, e[i].name);
		t = contend_time(&e[i]);
		f.metric = "median";
		f.value = t.median;
		f.peer = i ? e[0].name : NULL;
		f.ratio = contend_ratio(&e[i], &e[0]).median;
		figure_write(bench.json, &f);
		printf("%-26s %5u %11.0f", e[i].name, batch, t.median);
		for (q = 0; q < 3; q++) {
			f.metric = metrics[q];
			f.value = contend_quantile(&e[i], quantiles[q]);
			f.ratio = f.value / contend_quantile(&e[0], quantiles[q]);
			figure_write(bench.json, &f);
			printf(" %11.0f", f.value);
		}
		f.metric = "CPU time";
		f.value = e[i].cpu;
		f.ratio = e[i].cpu / e[0].cpu;
		figure_write(bench.json, &f);
		printf(" %11.0f\n", e[i].cpu);
	}
	fflush(stdout);
}

static void measure(struct server **servers, uint32_t batch)
{
	struct entry e[WAYS] = { 0 };
	uint32_t count = 0;
	struct door *d;
	int way;

	for (way = 0; way < WAYS; way++) {
		if (way >= SOCKET && way <= SPIN ? !servers[way] : way >= IOCTL && !bench.session)
			continue;
		if (way == URING_EACH && batch == 1)
			continue;
		d = malloc(sizeof(*d));
		*d = (struct door){ (enum way)way, batch, way >= SOCKET && way <= SPIN ? servers[way] : NULL };
		compare(d);
		e[count++] = (struct entry){ .name = way_names[way], .run = door_run, .close = door_close,
					     .cpu_ns = door_cpu_ns, .self = d };
	}
	contend(e, count, batch, SLICE_NS);
	report(e, count, batch);
	contend_free(e, count);
}

static void open_slot(const char *slot)
{
	struct ink_session_options options = { 0 };
	size_t size;

	bench.results = (MOST * bench.in_size + 63) & ~(size_t)63;
	options.buffer_size = bench.results + sizeof(bench.verdicts);
	bench.session = ink_session_open_with(slot, &options);
	if (!bench.session)
		die(slot);
	bench.buffer = ink_session_buffer(bench.session, &size);
	memcpy(bench.buffer, bench.in, MOST * bench.in_size);
	errno = -io_uring_queue_init(2 * MOST, &bench.ring, 0);
	if (errno)
		die("io_uring");
}

static void open_model(const char *path)
{
	struct ink_rand r;
	size_t i;

	bench.model = ink_model_open(path);
	if (!bench.model)
		die(path);
	bench.in_size = ink_model_input_size(bench.model);
	bench.out_size = ink_model_output_size(bench.model);
	bench.in = calloc(MOST, bench.in_size);
	bench.out = calloc(MOST, bench.out_size);
	if (!bench.in || !bench.out)
		die("memory");
	/* Raw features below 90. */
	ink_rand_seed(&r, 2);
	for (i = 0; i < MOST * bench.in_size; i += 4)
		bench.in[i] = (char)ink_rand_below(&r, 90);
}

/* Before this process stays on a CPU, which they would inherit. */
static void start_servers(const char *path, struct server **servers, bool two)
{
	static const enum server_way ways[] = { SERVER_SOCKET, SERVER_FUTEX, SERVER_SPIN };
	int i;

	for (i = 0; i < 3; i++) {
		if (ways[i] == SERVER_SPIN && !two) {
			printf("%s: skipped: there's one CPU\n", way_names[SPIN]);
			continue;
		}
		servers[SOCKET + i] = server_start(ways[i], path, two ? 1 : 0);
		if (!servers[SOCKET + i])
			die(way_names[SOCKET + i]);
		memcpy(server_inputs(servers[SOCKET + i]), bench.in, MOST * bench.in_size);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "slot", required_argument, NULL, 's' }, { 0 } };
	static const uint32_t batches[] = { 1, 8, MOST };
	static char where[256];
	struct server *servers[WAYS] = { 0 };
	bool two = sysconf(_SC_NPROCESSORS_ONLN) > 1, emulated = strstr(contend_cpu(), "TCG");
	const char *slot = NULL;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "s:", options, NULL)) == 's')
		slot = optarg;
	bench.json = argc == optind + 2 && c < 0 ? fopen(argv[optind + 1], "w") : NULL;
	if (!bench.json) {
		fprintf(stderr, "usage: doors [--slot NAME] MODEL.ink FILE\n");
		return 2;
	}
	snprintf(where, sizeof(where), "%s%s; the server on %s CPU; %u interleaved rounds",
		 emulated ? "emulated, so no real times: " : "", contend_cpu(),
		 two ? "another" : "the same", ROUNDS);
	bench.where = where;
	bench.part = emulated ? "doors, emulated" : "doors";
	open_model(argv[optind]);
	start_servers(argv[optind], servers, two);
	if (!contend_pin(0, 0))
		fprintf(stderr, "doors: can't stay on one CPU\n");
	if (slot)
		open_slot(slot);
	printf("%s: %s\nns: of an inference (median of rounds), of calls, and CPU time of an inference\n",
	       bench.part, where);
	printf("%-26s %5s %11s %11s %11s %11s %11s\n", "", "batch", "each", "call p50", "p99", "p99.9",
	       "CPU time");
	for (i = 0; i < 3; i++)
		measure(servers, batches[i]);
	for (i = SOCKET; i <= SPIN; i++)
		if (servers[i])
			server_stop(servers[i]);
	return fclose(bench.json) ? 1 : 0;
}
