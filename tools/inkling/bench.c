// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling bench: how long one inference takes, by door and by batch.
 *
 * What lives here: the doors as contenders, paired rounds, and the figures. What
 * doesn't: the engine beside its peers (tests/bench).
 *
 * All doors run the same inputs in turn for a short while, round after round, so
 * that what else the machine does falls on all alike; before that, each door's
 * verdicts are compared with the first door's. Each call is timed;
 * what reading the clock takes is taken off.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include "scorer.h"
#include "stopwatch.h"
#include "words.h"

#define ROUNDS		20
#define SAMPLES		(1u << 20)	/* of a door and batch; later calls aren't kept */
#define MAX_BATCHES	8
#define MAX_QUEUE	1024		/* commands that are submitted at once */

enum door { DOOR_PROCESS, DOOR_IOCTL, DOOR_URING, DOOR_URING_EACH, DOOR_NR };

static const char *const door_names[DOOR_NR] = { "process", "ioctl", "uring", "uring-each" };

/* One door with one batch. */
struct entry {
	enum door door;
	uint32_t batch;
	uint64_t calls;
	uint64_t ns;		/* of all calls */
	uint64_t cpu_ns;	/* of this process, meanwhile */
	uint32_t *samples;	/* ns of a call */
};

static struct bench {
	struct ink_scorer scorer;
	struct ink_session *shared;	/* with a buffer */
	struct io_uring ring;
	uint8_t *buffer, *in, *out;
	size_t results;
	struct inkling_verdict *verdicts;
	uint32_t most;			/* largest batch */
	uint32_t tokens;		/* of an input, 0: all that the model takes */
	uint64_t clock_ns;
	struct entry *entries;
	size_t n;
} bench;

/* How many tokens each input of a sequence has. */
static void fill_tokens(uint32_t most)
{
	uint32_t n = bench.tokens ?: most, i;

	if (bench.tokens > most)
		ink_die(INK_EXIT_USAGE, most ? ink_fmt("--tokens is at most %u, which this model takes", most) :
			"--tokens is for models of sequences", NULL);
	for (i = 0; most && i < bench.most; i++)
		memcpy(bench.in + i * bench.scorer.in_size, &n, sizeof(n));
}

/* Random inputs: features of all magnitudes and of the categories that there are, or bytes. */
static void fill(void)
{
	const struct ink_model *m = bench.scorer.model;
	const struct inkling_feature *f = m ? ink_model_features(m) : NULL;
	uint32_t n = m ? ink_model_header(m)->n_features : 0, seed = 1;
	size_t i, size = bench.scorer.in_size * bench.most;
	int32_t value;

	for (i = 0; i < size / 4 * 4; i += 4) {
		seed = seed * 1664525 + 1013904223;
		value = (int32_t)(seed >> 4);
		if (n)
			value = f[i / 4 % n].n_names ? (int32_t)((uint32_t)value % f[i / 4 % n].n_names) :
						       value >> (seed & 31);
		memcpy(bench.in + i, &value, 4);
	}
	fill_tokens(m ? ink_model_tokens(m) : 0);
}

static void submit(uint32_t first, uint32_t count)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&bench.ring);

	if (ink_session_prep(bench.shared, sqe, first * bench.scorer.in_size,
			     bench.results + first * sizeof(*bench.verdicts), count, 0))
		ink_die_failure();
	sqe->user_data = count;
}

static void reap(uint32_t commands)
{
	struct io_uring_cqe *cqe;
	int err;

	err = io_uring_submit_and_wait(&bench.ring, commands);
	while (err >= 0 && commands--) {
		err = io_uring_wait_cqe(&bench.ring, &cqe);
		if (!err && cqe->res != (int)cqe->user_data)
			err = cqe->res < 0 ? cqe->res : -EIO;
		if (!err)
			io_uring_cqe_seen(&bench.ring, cqe);
	}
	if (err < 0)
		ink_die(ink_exit_errno(err), ink_fmt("an io_uring command of slot %s: %s",
						     bench.scorer.slot, strerror(-err)), NULL);
}

static void call_process(uint32_t batch)
{
	struct ink_scorer here = bench.scorer;

	here.session = NULL;
	ink_scorer_run(&here, batch, bench.in, bench.out, bench.verdicts);
}

static void call(enum door door, uint32_t batch)
{
	uint32_t i;

	switch (door) {
	case DOOR_PROCESS:
		call_process(batch);
		break;
	case DOOR_IOCTL:
		if (ink_session_run_batch(bench.scorer.session, batch, bench.in, bench.scorer.in_size,
					  NULL, 0, bench.verdicts))
			ink_die_failure();
		break;
	case DOOR_URING:
		submit(0, batch);
		reap(1);
		break;
	default:
		for (i = 0; i < batch; i++)
			submit(i, 1);
		reap(batch);
	}
}

/* Each door has to say the same. */
static void compare(void)
{
	struct inkling_verdict *first = ink_xalloc(bench.most, sizeof(*first));
	const struct inkling_verdict *v;
	const struct entry *e;
	uint32_t i;
	size_t k;

	call(bench.entries[0].door, bench.most);
	memcpy(first, bench.verdicts, bench.most * sizeof(*first));
	for (k = 0; k < bench.n; k++) {
		e = &bench.entries[k];
		v = e->door < DOOR_URING ? bench.verdicts : (const void *)(bench.buffer + bench.results);
		memset((void *)(uintptr_t)v, 0xff, e->batch * sizeof(*v));
		call(e->door, e->batch);
		for (i = 0; i < e->batch; i++)
			if (v[i].class != first[i].class || v[i].score != first[i].score)
				ink_die(INK_EXIT_DIFFERS,
					ink_fmt("%s and %s give different verdicts", door_names[e->door],
						door_names[bench.entries[0].door]),
					"if the slot wasn't swapped meanwhile, please report it");
	}
	free(first);
}

static void run_slice(struct entry *e, uint64_t ns)
{
	uint64_t end = ink_clock_ns(CLOCK_MONOTONIC) + ns, t, took;
	uint64_t cpu = ink_clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	do {
		t = ink_clock_ns(CLOCK_MONOTONIC);
		call(e->door, e->batch);
		took = ink_clock_ns(CLOCK_MONOTONIC) - t;
		took = took > bench.clock_ns ? took - bench.clock_ns : 0;
		if (e->calls < SAMPLES)
			e->samples[e->calls] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
		e->calls++;
		e->ns += took;
	} while (t < end);
	e->cpu_ns += ink_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
}

static void measure(double seconds)
{
	uint64_t slice = (uint64_t)(seconds * 1e9 / ROUNDS);
	struct ink_progress progress;
	size_t r, k;

	for (k = 0; k < bench.n; k++)		/* warm up */
		run_slice(&bench.entries[k], slice / 4);
	for (k = 0; k < bench.n; k++)
		bench.entries[k].calls = bench.entries[k].ns = bench.entries[k].cpu_ns = 0;
	ink_progress_begin(&progress, "rounds", ROUNDS);
	for (r = 0; r < ROUNDS; r++) {
		for (k = 0; k < bench.n; k++)
			run_slice(&bench.entries[(k + r) % bench.n], slice);
		ink_progress_update(&progress, r + 1);
	}
	ink_progress_end(&progress);
}

static uint32_t quantile(const struct entry *e, double q)
{
	size_t n = e->calls < SAMPLES ? e->calls : SAMPLES;

	return e->samples[(size_t)(q * (double)(n - 1))];
}

static void report(void)
{
	struct ink_table *table = ink_table_new("DOOR", ">BATCH", ">INFERENCES/S", ">NS EACH", ">P50",
						">P99", ">P99.9", ">CPU NS EACH", NULL);
	struct json_object *all = ink_json_array(), *o;
	double each, cpu;
	struct entry *e;
	size_t k;

	for (k = 0; k < bench.n; k++) {
		e = &bench.entries[k];
		ink_samples_sort(e->samples, e->calls < SAMPLES ? e->calls : SAMPLES);
		each = (double)e->ns / (double)e->calls / e->batch;
		cpu = (double)e->cpu_ns / (double)e->calls / e->batch;
		o = ink_json_object();
		ink_json_str(o, "door", door_names[e->door]);
		ink_json_int(o, "batch", e->batch);
		ink_json_u64(o, "calls", e->calls);
		ink_json_num(o, "ns_each", each, 1);
		ink_json_num(o, "cpu_ns_each", cpu, 1);
		ink_json_int(o, "call_p50_ns", quantile(e, 0.5));
		ink_json_int(o, "call_p99_ns", quantile(e, 0.99));
		ink_json_int(o, "call_p999_ns", quantile(e, 0.999));
		json_object_array_add(all, o);
		ink_table_row(table, door_names[e->door], ink_fmt("%u", e->batch),
			      ink_fmt_count((uint64_t)(1e9 / (each > 0 ? each : 1))), ink_fmt("%.0f", each),
			      ink_fmt_ns(quantile(e, 0.5)), ink_fmt_ns(quantile(e, 0.99)),
			      ink_fmt_ns(quantile(e, 0.999)), ink_fmt("%.0f", cpu), NULL);
	}
	if (ink_cli.json) {
		ink_json_print(all);
	} else {
		ink_table_print(table, stdout);
		ink_note("p50 to p99.9 are of a call, which runs a whole batch");
	}
}

static void add(enum door door, uint32_t batch)
{
	struct entry *e;

	if (door == DOOR_URING_EACH && (batch == 1 || batch > MAX_QUEUE))
		return;
	bench.entries = ink_xrealloc(bench.entries, bench.n + 1, sizeof(*bench.entries));
	e = &bench.entries[bench.n++];
	*e = (struct entry){ .door = door, .batch = batch };
	e->samples = ink_xalloc(SAMPLES, sizeof(*e->samples));
}

static size_t parse_batches(const char *text, uint32_t *batches)
{
	char *copy = ink_xstrdup(text), *rest = copy, *word;
	uint64_t value;
	size_t n = 0;

	while ((word = strsep(&rest, ",")) != NULL) {
		if (n == MAX_BATCHES || !ink_parse_u64(word, INKLING_BATCH_MAX, &value) || !value)
			ink_die(INK_EXIT_USAGE, ink_fmt("--batch %s", ink_fmt_safe(text)),
				ink_fmt("up to %u numbers from 1 to %u, with commas, such as 1,8,64",
					MAX_BATCHES, INKLING_BATCH_MAX));
		batches[n++] = (uint32_t)value;
		bench.most = value > bench.most ? (uint32_t)value : bench.most;
	}
	free(copy);
	return n;
}

/* A session with a buffer and a ring; without them the other doors are measured. */
static bool open_ring(void)
{
	struct ink_session_options options = { 0 };
	const char *why;
	size_t size;
	int err;

	bench.results = (bench.most * bench.scorer.in_size + 15) & ~(size_t)15;
	options.buffer_size = bench.results + bench.most * sizeof(*bench.verdicts);
	bench.shared = ink_session_open_with(bench.scorer.slot, &options);
	if (!bench.shared)
		ink_die_failure();
	bench.buffer = ink_session_buffer(bench.shared, &size);
	memcpy(bench.buffer, bench.in, bench.most * bench.scorer.in_size);
	err = io_uring_queue_init(MAX_QUEUE, &bench.ring, 0);
	if (!err)
		return true;
	why = err == -EPERM ? "the setting kernel.io_uring_disabled doesn't allow it" : strerror(-err);
	ink_note("note: without io_uring: %s", why);
	return false;
}

static void open_slot(const char *slot, const char *model)
{
	struct ink_scorer *s = &bench.scorer;

	ink_scorer_open_slot(s, slot, model);
	if (s->info.mode == INKLING_MODE_OFF)
		ink_die(INK_EXIT_FAILED, ink_fmt("slot %s is off: its runs aren't any", slot),
			ink_fmt("inkling mode %s monitor", slot));
	/* Another model in this process would be no comparison. */
	if (s->model && memcmp(ink_model_header(s->model)->digest, s->info.digest,
			       sizeof(s->info.digest))) {
		ink_model_close(s->model);
		s->model = NULL;
	}
}

static void open_all(const char *slot, const char *model, const char *isa, const char *batches)
{
	uint32_t sizes[MAX_BATCHES];
	size_t i, n = parse_batches(batches, sizes);
	enum door door;
	bool ring = false;

	if (slot)
		open_slot(slot, model);
	else
		ink_scorer_open_model(&bench.scorer, model, isa, NULL);
	bench.in = ink_xalloc(bench.most, bench.scorer.in_size);
	bench.out = ink_xalloc(bench.most, bench.scorer.out_size);
	bench.verdicts = ink_xalloc(bench.most, sizeof(*bench.verdicts));
	fill();
	if (slot)
		ring = open_ring();
	for (i = 0; i < n; i++)
		for (door = 0; door < DOOR_NR; door++)
			if (door == DOOR_PROCESS ? !!bench.scorer.model :
			    door == DOOR_IOCTL ? !!slot : ring)
				add(door, sizes[i]);
}

int cmd_bench(int argc, char **argv)
{
	static const char *slot, *isa, *batches = "1,8,64";
	static double seconds = 1;
	static const struct ink_option options[] = {
		{ "slot", 's', "NAME", "a slot, by ioctl and io_uring, beside its model in this process",
		  INK_OPT_STRING, &slot },
		{ "batch", 'b', "N,...", "inputs in a call; default 1,8,64", INK_OPT_STRING, &batches },
		{ "tokens", 'n', "N", "of a sequence; default: as many as the model takes", INK_OPT_U32,
		  &bench.tokens },
		{ "seconds", 't', "S", "for each line of the table; default 1", INK_OPT_DOUBLE, &seconds },
		{ "isa", 0, "NAME", "in this process, without --slot: such as scalar, avx2", INK_OPT_STRING, &isa },
		{ 0 },
	};
	static const struct ink_usage usage = {
		.args = "(MODEL.ink | --slot NAME [MODEL.ink]) [OPTION]...",
		.about =
		"Measures how long an inference takes: in this process (process), by ioctl, by one io_uring\n"
		"command for the batch (uring), and by one command for each input, submitted at once\n"
		"(uring-each). All take turns in short rounds, and have to give the same verdicts first.\n"
		"A slot's runs are counted in its statistics.",
		.options = options,
		.example = "inkling bench flow.ink --batch 1\n"
			   "inkling bench dga.ink --tokens 16\n"
			   "inkling bench --slot net.flow --seconds 5 --json",
		.max_args = 1,
	};
	int n = ink_args_parse(argc, argv, &usage);

	if (!slot && !n)
		ink_die(INK_EXIT_USAGE, "neither a model nor a slot", "such as: inkling bench flow.ink");
	if (!(seconds > 0 && seconds <= 3600))
		ink_die(INK_EXIT_USAGE, "--seconds has to be more than 0 and at most 3600", NULL);
	if (slot && isa)
		ink_die(INK_EXIT_USAGE, "--isa is for a model in this process", "the kernel chooses a slot's");
	open_all(slot, n ? argv[1] : NULL, isa, batches);
	bench.clock_ns = ink_clock_cost();
	compare();
	measure(seconds);
	report();
	return INK_EXIT_OK;
}
