// SPDX-License-Identifier: GPL-2.0-only
/*
 * Speed of the engine in userspace, beside its peers.
 *
 * What lives here: who meets whom with which network, and the report. What
 * doesn't: measuring (contend.c), the networks (nets.c), the engine as a
 * contender (ours.c) and the peers (peer_*.c).
 *
 * Usage: engine FILE: a table to standard output, figures to FILE.
 */
#include "contend.h"
#include "ours.h"
#include "rand.h"

#define SLICE_NS	150000	/* of one contender in one round */
#define MOST_STEPS	8	/* by which outputs may differ: peers round in floating point */

static FILE *json;

static void report(const struct net *net, const char *part, u32 batch, const struct entry *e,
		   u32 count)
{
	char name[256], conditions[256];
	struct figure f = { .name = name, .unit = "ns", .conditions = conditions };
	struct spread t, r;
	u32 i;

	snprintf(conditions, sizeof(conditions), "%s; one CPU of %s; %u interleaved rounds",
		 net->like, contend_cpu(), ROUNDS);
	for (i = 0; i < count; i++) {
		t = contend_time(&e[i]);
		r = contend_ratio(&e[i], &e[0]);
		snprintf(name, sizeof(name), "%s/%s/%u/%s", part, net->name, batch, e[i].name);
		f.peer = i ? e[0].name : NULL;
		f.metric = "median";
		f.value = t.median;
		f.ratio = r.median;
		figure_write(json, &f);
		f.metric = "p99";
		f.value = contend_quantile(&e[i], 0.99) / batch;
		f.ratio = f.value * batch / contend_quantile(&e[0], 0.99);
		figure_write(json, &f);
		printf("%-40s %5u  %-22s %9.1f %9.1f", i ? "" : net->name, batch, e[i].name,
		       t.median, f.value);
		if (i)
			printf("  %6.2f (%.2f..%.2f)", r.median, r.p10, r.p90);
		printf("\n");
	}
	fflush(stdout);
}

static int steps_apart(const int8_t *a, const int8_t *b, size_t n, bool biased)
{
	int most = 0, d;
	size_t i;

	for (i = 0; i < n; i++) {
		d = abs(a[i] - (biased ? (u8)b[i] - 128 : b[i]));
		most = d > most ? d : most;
	}
	return most;
}

/*
 * The engine with each instruction set that this CPU has, the best first. Without vectors only one
 * by one, as the plain peer: those take as long for each of a batch, and long.
 */
static u32 enter_engine(const struct net *net, u32 batch, u8 *out, struct entry *e)
{
	static char names[INK_ISA_NR][32];
	size_t size = (size_t)net->layer[net->layers - 1].m * batch;
	u32 isa = INK_ISA_NR, n = 0;
	struct engine *o;

	while (isa-- > INK_ISA_SCALAR) {
		if (!ink_isa_has(isa) || (isa == INK_ISA_SCALAR && batch > 1 && n))
			continue;
		o = ours_open(net, AROUND_NOTHING, batch, isa);
		o->in = net->in;
		o->out = out + n * size;
		snprintf(names[isa], sizeof(names[isa]), "Inkling %s", ink_isa_name(isa));
		e[n++] = (struct entry){ .name = names[isa], .run = ours_run, .close = ours_close,
				       .self = o };
		ours_run(o);
	}
	return n;
}

/* A peer that isn't there, or computes something else, is no peer. */
static bool enter_peer(const struct contender *peer, const struct net *net, u32 batch,
		       int8_t *first, int8_t *out, struct entry *e)
{
	size_t size = (size_t)net->layer[net->layers - 1].m * batch;
	const char *why = NULL;
	void *self = peer->open(net, batch, out, &why);
	int steps;

	if (!self) {
		printf("%-40s %5u  %s: skipped: %s\n", net->name, batch, peer->name, why);
		return false;
	}
	peer->run(self);
	steps = steps_apart(first, out, size, peer->biased);
	if (steps > MOST_STEPS) {
		printf("%-40s %5u  %s: skipped: its outputs differ by up to %d steps\n", net->name,
		       batch, peer->name, steps);
		peer->close(self);
		return false;
	}
	*e = (struct entry){ .name = peer->name, .run = peer->run, .close = peer->close,
			     .self = self };
	return true;
}

/* Layers alone, int8 in and out: the engine and the peers. */
static void bench_peers(const struct net *net, u32 batch)
{
	const struct contender *peers[] = { &peer_xnnpack, &peer_dnnl, &peer_ort, &peer_scalar };
	const u32 most = INK_ISA_NR + ARRAY_SIZE(peers);
	size_t size = (size_t)net->layer[net->layers - 1].m * batch;
	struct entry *e = calloc(most, sizeof(*e));
	int8_t *out = calloc(most, size + 64);
	u32 count = enter_engine(net, batch, (u8 *)out, e), i;

	for (i = 0; i < ARRAY_SIZE(peers) - (batch > 1); i++)
		count += enter_peer(peers[i], net, batch, out, out + count * size, &e[count]);
	contend(e, count, batch, SLICE_NS);
	report(net, "engine", batch, e, count);
	contend_free(e, count);
	free(out);
	free(e);
}

/* What comes around the layers: raw features in, then a verdict out. */
static void bench_front(const struct net *net)
{
	static const char *const names[] = { "layers alone", "with QUANT", "with QUANT, verdict" };
	static const u32 around[] = { AROUND_NOTHING, AROUND_QUANT, AROUND_QUANT | AROUND_VERDICT };
	u32 count = net->layer[net->layers - 1].m == 2 ? 3 : 2, i, k;
	struct entry *e = calloc(count, sizeof(*e));
	struct engine *o;
	struct ink_rand r;
	s32 *raw;

	ink_rand_seed(&r, 2);
	for (i = 0; i < count; i++) {
		o = ours_open(net, around[i], 1, ink_isa_best());
		raw = calloc(1, o->plan->input_size);
		for (k = 0; k < o->plan->input_size / 4; k++)
			raw[k] = i ? (s32)ink_rand_below(&r, 90) : 0;
		o->in = raw;
		o->out = calloc(1, o->plan->output_size);
		e[i] = (struct entry){ .name = names[i], .run = ours_run, .close = ours_close,
				       .self = o };
	}
	contend(e, count, 1, SLICE_NS);
	report(net, "front end", 1, e, count);
	for (i = 0; i < count; i++) {
		o = e[i].self;
		free((void *)o->in);
		free(o->out);
	}
	contend_free(e, count);
	free(e);
}

static const struct {
	const char *like, *shape;
	unsigned int bits;
} nets[] = {
	{ "LinnOS", "31-256-2", 8 },
	{ "LinnOS, 7-bit weights", "31-256-2 (7-bit weights)", 7 },
	{ "small classifier", "16-32-16-2", 8 },
	{ "middling classifier", "64-128-64-2", 8 },
	{ "large classifier", "256-512-512-10", 8 },
	{ "Heimdall", "12-128-16-1", 8 },
	{ "flow classifier", "24-32-32-2", 8 },
	{ "NSL-KDD classifier", "122-64-32-2", 8 },
	{ "MLPerf Tiny ad01", "640-128-128-128-128-8-128-128-128-128-640", 8 },
};

int main(int argc, char **argv)
{
	static const u32 batches[] = { 1, 8, NET_BATCH };
	struct net net;
	size_t i, k;

	json = argc == 2 ? fopen(argv[1], "w") : NULL;
	if (!json) {
		fprintf(stderr, "usage: engine FILE, to which figures are written\n");
		return 2;
	}
	if (!contend_pin(0, 0))
		fprintf(stderr, "bench: can't stay on one CPU\n");
	printf("%s, one CPU. ns of an inference: median of %u rounds, and 99 %% quantile of calls.\n"
	       "Ratios are to the first of each group: median (10..90 %%).\n",
	       contend_cpu(), ROUNDS);
	printf("%-40s %5s  %-22s %9s %9s  %7s\n", "network", "batch", "", "median", "p99", "ratio");
	for (i = 0; i < ARRAY_SIZE(nets); i++) {
		net_build(&net, nets[i].like, nets[i].bits, nets[i].shape);
		for (k = 0; k < ARRAY_SIZE(batches); k++)
			bench_peers(&net, batches[k]);
		bench_front(&net);
		net_free(&net);
	}
	return fclose(json) ? 1 : 0;
}
