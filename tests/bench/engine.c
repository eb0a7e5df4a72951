// SPDX-License-Identifier: GPL-2.0-only
/*
 * Speed of the engine in userspace, beside its peers.
 *
 * What lives here: the contenders that are ours, interleaved measurement, and
 * the figures. One core, paired: in each round everyone runs for a short time,
 * one after the other, and ratios are taken within a round, so that what else
 * the machine does falls on all alike. What doesn't: the networks (nets.c) and
 * the peers (peer_*.c).
 *
 * Usage: engine FILE: a table to standard output, an object a line to FILE.
 */
#include <sched.h>
#include <time.h>

#include "core.h"
#include "image_builder.h"
#include "nets.h"
#include "randmodel.h"

#define ROUNDS		61
#define SLICE_NS	150000	/* of one contender in one round */

static FILE *json;

/* The engine as a contender. */
struct engine {
	void *image;
	struct ink_graph *graph;
	struct ink_plan *plan;
	enum ink_isa isa;
	void *arena;
	const void *in;
	u8 *out;
	u32 batch;
	bool verdict;
	s32 score;
};

static void engine_run(void *self)
{
	struct engine *e = self;
	const u8 *in = e->in;
	u8 *out = e->out;
	u32 b, n, i;

	for (b = 0; b < e->batch; b += n) {
		n = min(e->batch - b, e->plan->tile);
		if (n > 1)
			ink_plan_run_tile(e->plan, e->isa, e->arena, in, out, n);
		else
			ink_plan_run(e->plan, e->isa, e->arena, in, out);
		for (i = 0; e->verdict && i < n; i++)
			ink_plan_verdict(e->plan, out + i * e->plan->output_size, 1 << 14, &e->score);
		in += n * e->plan->input_size;
		out += n * e->plan->output_size;
	}
}

static void engine_close(void *self)
{
	struct engine *e = self;

	ink_port_free(e->arena);
	ink_plan_free(e->plan);
	ink_graph_free(e->graph);
	free(e->image);
	free(e);
}

static u32 add_layers(struct ink_builder *b, const struct net *net, u32 t)
{
	u32 i, k;

	for (i = 0; i < net->layers; i++) {
		const struct layer *l = &net->layer[i];
		s32 *mult = malloc(l->m * 4);
		s8 *shift = malloc(l->m);
		struct ink_builder_dense d = {
			.n = l->n, .m = l->m, .weights = l->w, .bias = l->folded, .mult = mult,
			.shift = shift, .zero_point = l->zp_out, .lowest = l->lowest,
			.highest = 127,
		};
		u32 out = ink_builder_activation(b, INKLING_INT8, l->m);

		for (k = 0; k < l->m; k++) {
			mult[k] = l->mult;
			shift[k] = l->shift;
		}
		ink_builder_dense(b, t, out, &d);
		free(mult);
		free(shift);
		t = out;
	}
	return t;
}

/*
 * Raw features for a network: @onehots categories as in NSL-KDD (3, 70 and 11
 * names), then numbers, in turn linear and logarithmic.
 */
static u32 add_quant(struct ink_builder *b, const struct net *net, u32 onehots, u32 *input)
{
	static const u32 names[] = { 3, 70, 11 };
	struct inkling_quant_row rows[1024] = { 0 };
	u32 n = net->layer[0].n, width = 0, r, out;

	for (r = 0; width < n; r++) {
		struct inkling_quant_row *q = &rows[r];

		q->feature = (s32)r;
		if (r && r <= onehots) {
			*q = (struct inkling_quant_row){ INKLING_QUANT_ONEHOT, (s32)r, 0,
				(s32)names[r - 1] - 1, 127, 0, -3, (s32)names[r - 1] };
		} else if (r & 1) {
			*q = (struct inkling_quant_row){ INKLING_QUANT_LOG2, (s32)r, 0,
				1000000000, 1 << 30, 43, -128, 1 };
		} else {
			*q = (struct inkling_quant_row){ INKLING_QUANT_LINEAR, (s32)r, 0, 100000,
				1369020825, 39, -128, 1 };
		}
		width += (u32)q->width;
	}
	*input = ink_builder_input(b, INKLING_INT32, r);
	out = ink_builder_activation(b, INKLING_INT8, n);
	ink_builder_quant(b, *input, out, rows, r);
	return out;
}

static u32 add_softmax(struct ink_builder *b, u32 in)
{
	const s32 attr[] = { 1 << 30, 18 };
	u32 out = ink_builder_activation(b, INKLING_INT16, ink_builder_count(b, in));

	ink_builder_class(b, "pass");
	ink_builder_class(b, "alert");
	ink_builder_op(b, INKLING_OP_SOFTMAX, out, &in, 1, attr, 2);
	return out;
}

/* What is around the layers. */
enum { BARE, QUANT, VERDICT };

static struct engine *engine_open(const struct net *net, u32 around, u32 batch, enum ink_isa isa)
{
	struct engine *e = calloc(1, sizeof(*e));
	struct ink_builder *b = ink_builder_new();
	struct inkling_card *card = ink_builder_card(b);
	u32 input, t;
	struct ink_why why;
	size_t size;

	ink_builder_text(b, card->name, sizeof(card->name), "name", net->name);
	if (around == BARE)
		t = input = ink_builder_input(b, INKLING_INT8, net->layer[0].n);
	else
		t = add_quant(b, net, net->layer[0].n == 122 ? 3 : 0, &input);
	t = add_layers(b, net, t);
	if (around == VERDICT)
		t = add_softmax(b, t);
	ink_builder_io(b, input, t, around == VERDICT ? INKLING_HEAD_CLASSES : INKLING_HEAD_RAW,
		       around == VERDICT ? 1 << 14 : 0);
	if (ink_builder_finish(b, &e->image, &size)) {
		fprintf(stderr, "bench: %s: %s\n", net->name, ink_builder_error(b));
		exit(1);
	}
	ink_builder_free(b);
	e->graph = ink_graph_parse(e->image, size, &why);
	e->plan = e->graph ? ink_plan_build(e->graph, isa, &why) : NULL;
	if (!e->plan) {
		fprintf(stderr, "bench: %s: %s\n", net->name, why.text);
		exit(1);
	}
	e->isa = isa;
	e->arena = ink_port_zalloc(ink_tile_size(e->plan, e->plan->tile));
	e->batch = batch;
	e->verdict = around == VERDICT;
	return e;
}

/* A line-up of one network: the first is the engine. */
struct entry {
	const char *name;
	void (*run)(void *self);
	void (*close)(void *self);
	void *self;
	u64 runs;		/* in a slice */
	double ns[ROUNDS];	/* of one inference, by round */
};

/* Of a number of rounds. */
struct spread {
	double low, p10, median, p90;
};

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

static u64 slice(struct entry *e)
{
	u64 t = now(), i;

	for (i = 0; i < e->runs; i++)
		e->run(e->self);
	return now() - t;
}

/* Warm up, and find how often each runs in a slice. */
static void calibrate(struct entry *e)
{
	u64 t;

	e->runs = 1;
	for (;;) {
		t = slice(e);
		if (t >= SLICE_NS / 2)
			break;
		e->runs = t ? max(e->runs + 1, e->runs * SLICE_NS / t) : e->runs * 2;
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void measure(struct entry *e, u32 count, u32 batch)
{
	u32 r, i, k;

	for (i = 0; i < count; i++)
		calibrate(&e[i]);
	for (r = 0; r < ROUNDS; r++)
		for (i = 0; i < count; i++) {
			k = (i + r) % count;
			e[k].ns[r] = (double)slice(&e[k]) / ((double)e[k].runs * batch);
		}
}

static struct spread spread_of(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_value);
	return (struct spread){ v[0], v[ROUNDS / 10], v[ROUNDS / 2], v[ROUNDS - 1 - ROUNDS / 10] };
}

static struct spread time_of(const struct entry *e)
{
	double v[ROUNDS];

	memcpy(v, e->ns, sizeof(v));
	return spread_of(v);
}

/* How many times as long @e takes as @to, round by round. */
static struct spread ratio_of(const struct entry *e, const struct entry *to)
{
	double v[ROUNDS];
	u32 r;

	for (r = 0; r < ROUNDS; r++)
		v[r] = e->ns[r] / to->ns[r];
	return spread_of(v);
}

static const char *cpu_name(void)
{
	static char name[128];
	char line[256], *p;
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f && !name[0] && fgets(line, sizeof(line), f)) {
		p = strchr(line, ':');
		if (!strncmp(line, "model name", 10) && p)
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(p + 2, "\n\"\\"), p + 2);
	}
	if (f)
		fclose(f);
	return name[0] ? name : "unknown CPU";
}

static void report_json(const struct net *net, const char *what, u32 batch,
			const struct entry *e, const struct entry *to)
{
	struct spread t = time_of(e), r = ratio_of(e, to);

	fprintf(json, "{\"name\": \"%s\", \"metric\": \"time of one inference\", ", what);
	fprintf(json, "\"value\": %.1f, \"unit\": \"ns\", \"lowest\": %.1f, ", t.median, t.low);
	fprintf(json, "\"of\": \"%s\", \"peer\": \"%s\", ", e->name, to->name);
	fprintf(json, "\"ratio\": %.3f, \"ratio_p10\": %.3f, \"ratio_p90\": %.3f, ", r.median,
		r.p10, r.p90);
	fprintf(json, "\"conditions\": \"%s; batch %u; one core of %s; median of %u interleaved rounds\"}\n",
		net->like, batch, cpu_name(), ROUNDS);
}

/* @ours: how many are the engine; the others are compared with each of its vector forms. */
static void report(const struct net *net, const char *what, u32 batch, const struct entry *e,
		   u32 ours, u32 count)
{
	struct spread t, r;
	u32 i, k;

	for (i = 0; i < count; i++) {
		t = time_of(&e[i]);
		printf("%-42s %5u  %-22s %10.1f %10.1f", i ? "" : what, batch, e[i].name, t.median,
		       t.low);
		for (k = 0; k < ours && k < max(i, 1u); k++) {
			report_json(net, what, batch, &e[i], &e[k]);
			r = ratio_of(&e[i], &e[k]);
			if (i && (!k || k + 1 < ours))
				printf("  %6.2f (%.2f..%.2f)", r.median, r.p10, r.p90);
		}
		printf("\n");
	}
}

static void compare_outputs(const struct net *net, const char *peer, const int8_t *a,
			    const int8_t *b, size_t n)
{
	int most = 0, d;
	size_t i;

	for (i = 0; i < n; i++) {
		d = abs(a[i] - b[i]);
		most = d > most ? d : most;
	}
	if (!most)
		return;
	printf("  (%s: outputs of %s differ by up to %d steps: it rounds in floating point)\n",
	       net->name, peer, most);
	/* A peer that computes something else isn't one. */
	if (most > 8) {
		fprintf(stderr, "bench: %s doesn't compute the same network\n", peer);
		exit(1);
	}
}

/* The engine with each instruction set that this CPU has, the best first. */
static u32 enter_engine(const struct net *net, u32 batch, u8 *out, struct entry *e)
{
	static char names[INK_ISA_NR][32];
	size_t size = (size_t)net->layer[net->layers - 1].m * batch;
	s32 isa;
	u32 n = 0;

	for (isa = INK_ISA_NR - 1; isa >= INK_ISA_SCALAR; isa--) {
		struct engine *o;

		if (!ink_isa_has((enum ink_isa)isa))
			continue;
		o = engine_open(net, BARE, batch, (enum ink_isa)isa);
		o->in = net->in;
		o->out = out + n * size;
		snprintf(names[isa], sizeof(names[isa]), "Inkling, %s",
			 ink_isa_name((enum ink_isa)isa));
		e[n++] = (struct entry){ .name = names[isa], .run = engine_run,
				       .close = engine_close, .self = o };
	}
	return n;
}

/* Layers alone, int8 in and out: the engine and the peers. */
static void bench_peers(const struct net *net, u32 batch)
{
	const struct contender *peers[] = { &peer_xnnpack, &peer_scalar };
	const u32 most = INK_ISA_NR + ARRAY_SIZE(peers);
	size_t size = (size_t)net->layer[net->layers - 1].m * batch;
	struct entry *e = calloc(most, sizeof(*e));
	int8_t *out = calloc(most, size + 64);
	const char *why = NULL;
	u32 ours = enter_engine(net, batch, (u8 *)out, e), count = ours, i;

	for (i = 0; i < ARRAY_SIZE(peers); i++) {
		void *self = peers[i]->open(net, batch, out + count * size, &why);

		if (!self) {
			printf("%-42s %5u  %s: skipped: %s\n", net->name, batch, peers[i]->name,
			       why);
			continue;
		}
		e[count++] = (struct entry){ .name = peers[i]->name, .run = peers[i]->run,
					     .close = peers[i]->close, .self = self };
	}
	measure(e, count, batch);
	report(net, net->name, batch, e, ours, count);
	for (i = 1; i < count; i++)
		compare_outputs(net, e[i].name, out, out + i * size, size);
	for (i = 0; i < count; i++)
		e[i].close(e[i].self);
	free(out);
	free(e);
}

/* What comes around the layers: raw features in, then a verdict out. */
static void bench_front(const struct net *net)
{
	struct entry *e = calloc(3, sizeof(*e));
	const u32 last = net->layer[net->layers - 1].m == 2 ? VERDICT : QUANT;
	static const char *const names[] = { "layers alone", "with QUANT", "with QUANT, verdict" };
	struct ink_rand r;
	char what[96];
	u32 i, k;

	ink_rand_seed(&r, 2);
	snprintf(what, sizeof(what), "%s, front end", net->name);
	for (i = BARE; i <= last; i++) {
		struct engine *o = engine_open(net, i, 1, ink_isa_best());
		s32 *raw = calloc(1, o->plan->input_size);

		for (k = 0; k < o->plan->input_size / 4; k++)
			raw[k] = i ? (s32)ink_rand_below(&r, 90) : 0;
		o->in = raw;
		o->out = calloc(1, o->plan->output_size);
		e[i] = (struct entry){ .name = names[i], .run = engine_run,
				       .close = engine_close, .self = o };
	}
	measure(e, last + 1, 1);
	report(net, what, 1, e, 1, last + 1);
	for (i = BARE; i <= last; i++) {
		free((void *)((struct engine *)e[i].self)->in);
		free(((struct engine *)e[i].self)->out);
		e[i].close(e[i].self);
	}
	free(e);
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned int)sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fprintf(stderr, "bench: can't stay on one core: %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *like, *shape;
		unsigned int bits;
	} nets[] = {
		{ "LinnOS", "31-256-2", 8 },
		{ "LinnOS, 7-bit weights", "31-256-2 (7-bit weights)", 7 },
		{ "Heimdall", "12-128-16-1", 8 },
		{ "flow classifier", "24-32-32-2", 8 },
		{ "NSL-KDD classifier", "122-64-32-2", 8 },
		{ "MLPerf Tiny ad01", "640-128-128-128-128-8-128-128-128-128-640", 8 },
	};
	struct net net;
	size_t i;

	json = argc == 2 ? fopen(argv[1], "w") : NULL;
	if (!json) {
		fprintf(stderr, "usage: engine FILE, to which a JSON object a line is written\n");
		return 2;
	}
	pin();
	printf("%s, one core. ns per inference: median and lowest of %u rounds.\n"
	       "Ratios are to the first of each group and, of peers, to its AVX2 form: median (10..90 %%).\n",
	       cpu_name(), ROUNDS);
	printf("%-42s %5s  %-22s %10s %10s  %7s\n", "network", "batch", "", "ns", "lowest", "ratio");
	for (i = 0; i < ARRAY_SIZE(nets); i++) {
		net_build(&net, nets[i].like, nets[i].bits, nets[i].shape);
		bench_peers(&net, 1);
		bench_front(&net);
		bench_peers(&net, NET_BATCH);
		net_free(&net);
	}
	return fclose(json) ? 1 : 0;
}
