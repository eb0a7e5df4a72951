// SPDX-License-Identifier: GPL-2.0-only
/*
 * Speed of models of sequences in userspace, beside a float loop.
 *
 * What lives here: decoders token by token and many tokens at a time, an encoder's
 * block, and how long each operator takes by itself. What doesn't: measuring
 * (contend.c) and the models (tests/lib/seqnets.c, peer_float.c, ort_encoder.c).
 *
 * Usage: seq FILE: a table to standard output, figures to FILE.
 *        seq: only operators by themselves, beside the verifier's estimates.
 */
#include "contend.h"
#include "core.h"
#include "ort.h"
#include "peer_float.h"
#include "schedule.h"
#include "stopwatch.h"
#include "../../kmod/arch/x86/x86.h"

#define CONTEXT		256	/* positions of which one token is decoded in turn */
#define PREFILL		128	/* tokens of a text, in calls of as many as a model takes */
#define LEAST_OF	300	/* times that an operator is timed by itself, */
#define LEAST_NS	4000	/* in runs of so long at least */

static FILE *json;		/* or NULL: nothing but operators */

/* A model that runs. */
struct text {
	void *image;
	struct ink_graph *graph;
	struct ink_plan *plan;
	enum ink_isa isa;
	u8 *arena, *state, *in;
	u32 tokens;		/* of a run */
	u32 position;
};

static struct text *text_open(void *image, size_t size, enum ink_isa isa, u32 tokens)
{
	struct text *t = calloc(1, sizeof(*t));
	struct ink_why why;
	u32 i;

	t->image = image;
	t->graph = ink_graph_parse(image, size, &why);
	t->plan = t->graph ? ink_plan_build(t->graph, isa, &why) : NULL;
	if (!t->plan) {
		fprintf(stderr, "bench: %s\n", why.text);
		exit(1);
	}
	t->isa = isa;
	t->tokens = tokens;
	t->arena = ink_port_zalloc(ink_tile_size(t->plan, 1));
	t->state = ink_port_zalloc(t->plan->state_size + 64);
	t->in = calloc(1, t->plan->input_size);
	for (i = 4; i < t->plan->input_size; i++)
		t->in[i] = (u8)(i & 1 ? 0 : i * 37);
	return t;
}

static void text_close(void *self)
{
	struct text *t = self;

	free(t->in);
	ink_port_free(t->state);
	ink_port_free(t->arena);
	ink_plan_free(t->plan);
	ink_graph_free(t->graph);
	free(t->image);
	free(t);
}

static void text_call(struct text *t, u32 n, u32 position)
{
	u32 i;

	memcpy(t->in, &n, sizeof(n));
	ink_plan_input(t->plan, t->arena, t->in);
	if (!ink_plan_accept(t->plan, t->arena, t->state, position))
		exit(1);
	for (i = 0; i < ink_plan_schedule(t->plan, t->arena, 1)->n_sections; i++)
		ink_plan_section(t->plan, t->isa, t->arena, 1, i);
}

/* One token, at each position in turn. */
static void decode(void *self)
{
	struct text *t = self;

	text_call(t, 1, t->position);
	t->position = (t->position + 1) % CONTEXT;
}

/* All of a text from its beginning. */
static void prefill(void *self)
{
	struct text *t = self;
	u32 at, n;

	for (at = 0; at < t->tokens; at += n) {
		n = min(t->tokens - at, t->graph->tokens);
		text_call(t, n, at);
	}
}

struct loop {
	struct float_decoder *f;
	u32 position;
};

static void loop_run(void *self)
{
	struct loop *l = self;

	float_token(l->f, 1 + l->position, l->position);
	l->position = (l->position + 1) % CONTEXT;
}

static void loop_close(void *self)
{
	struct loop *l = self;

	float_close(l->f);
	free(l);
}

/* A line-up is measured and reported. */
static void line_up(const char *net, const char *what, u32 batch, u64 slice_ns, struct entry *e,
		    u32 count)
{
	char name[256], conditions[256];
	struct figure f = { .name = name, .metric = "median", .unit = "ns", .conditions = conditions };
	struct spread t, r;
	u32 i;

	if (!json)
		return;
	contend(e, count, batch, slice_ns);
	snprintf(conditions, sizeof(conditions), "one CPU of %s; %u interleaved rounds", contend_cpu(), ROUNDS);
	for (i = 0; i < count; i++) {
		t = contend_time(&e[i]);
		r = contend_ratio(&e[i], &e[0]);
		snprintf(name, sizeof(name), "seq/%s/%u/%s", net, batch, e[i].name);
		f.peer = i ? e[0].name : NULL;
		f.value = t.median;
		f.ratio = r.median;
		figure_write(json, &f);
		printf("%-24s %-10s %-22s %10.2f us, at least %.2f %10.0f/s", i ? "" : net, i ? "" : what,
		       e[i].name, t.median / 1e3, t.low / 1e3, 1e9 / t.median);
		if (i)
			printf("  %6.2f (%.2f..%.2f)", r.median, r.p10, r.p90);
		printf("\n");
	}
	fflush(stdout);
}

/*
 * Least time of an operator of the last call, or of that call as a whole; data are in the caches, so
 * large ones look fast.
 */
static double least_ns(struct text *t, const struct ink_bound *b)
{
	const struct ink_frame f = *(struct ink_frame *)t->arena;
	u64 best = U64_MAX, took, reps, i, k;

	for (reps = 1, k = 0; k < LEAST_OF; k++) {
		took = ink_clock_ns(CLOCK_MONOTONIC);
		for (i = 0; i < reps; i++)
			if (b)
				ink_x86_run(t->isa, b, 1, t->arena, 0, INK_ALL_ROWS);
			else
				text_call(t, f.n, f.position);
		took = ink_clock_ns(CLOCK_MONOTONIC) - took;
		if (took >= LEAST_NS)
			best = min(best, took);
		else if (best == U64_MAX)
			reps *= 2;
	}
	return (double)best / (double)reps;
}

/* Each kind of operator of the last call: how many, how long they take, and the verifier's estimate. */
static void by_operator(struct text *t)
{
	double ns[INKLING_OP_NR] = { 0 }, estimate[INKLING_OP_NR] = { 0 }, sum = 0, all = 0;
	u32 count[INKLING_OP_NR] = { 0 }, n = ((struct ink_frame *)t->arena)->n, i;

	for (i = 0; i < t->graph->header->n_ops; i++) {
		const struct ink_bound *b = &t->plan->bound[i];

		if (b->path == INK_PATH_SCALAR)
			continue;
		count[b->opcode]++;
		ns[b->opcode] += least_ns(t, b);
		estimate[b->opcode] += (double)ink_schedule_cost(b, INK_ALL_ROWS, true, n) / 1e3;
	}
	printf("  %u tokens, %s, operators by themselves, and estimates:", n, ink_isa_name(t->isa));
	for (i = 0; i < INKLING_OP_NR; i++)
		if (count[i]) {
			printf(" %u %s %.2f (%.2f),", count[i], ink_op_name(i), ns[i] / 1e3, estimate[i] / 1e3);
			sum += ns[i];
			all += estimate[i];
		}
	printf(" all %.1f (%.1f) us\n  a call at least %.1f us; estimate of the longest %.1f us, %u and %u sections\n",
	       sum / 1e3, all / 1e3, least_ns(t, NULL) / 1e3, (double)t->plan->cost_simd / 1e3,
	       t->plan->single.n_sections, t->plan->tiled.n_sections);
}

/* Of each of ours in a line-up. */
static void by_operators(const struct entry *e, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (e[i].close == text_close)
			by_operator(e[i].self);
}

/* With each instruction set that this CPU has, the best first. */
static u32 enter(void *(*make)(const void *shape, size_t *size), const void *shape, u32 tokens,
		 void (*run)(void *self), struct entry *e)
{
	static char names[INK_ISA_NR][32];
	u32 isa = INK_ISA_NR, n = 0;
	size_t size;

	while (isa-- > INK_ISA_AVX2) {
		void *image;

		if (!ink_isa_has(isa))
			continue;
		image = make(shape, &size);
		snprintf(names[isa], sizeof(names[isa]), "Inkling %s", ink_isa_name(isa));
		e[n++] = (struct entry){ .name = names[isa], .run = run, .close = text_close,
				       .self = text_open(image, size, isa, tokens) };
		run(e[n - 1].self);
	}
	return n;
}

static void *make_decoder(const void *shape, size_t *size)
{
	return decoder_image(shape, size);
}

static void *make_encoder(const void *shape, size_t *size)
{
	return encoder_image(shape, size);
}

static void bench_decoder(const struct decoder *d, u64 slice_ns)
{
	struct entry e[INK_ISA_NR + 1];
	u32 count = enter(make_decoder, d, 1, decode, e);
	struct loop *l = calloc(1, sizeof(*l));
	u32 i;

	l->f = float_open(d);
	e[count++] = (struct entry){ .name = "float loop", .run = loop_run, .close = loop_close, .self = l };
	line_up(d->name, "decode", 1, slice_ns, e, count);
	for (i = 0; i < count; i++)
		if (e[i].close == text_close)
			text_call(e[i].self, 1, CONTEXT / 2);
	by_operators(e, count);
	contend_free(e, count);
	count = enter(make_decoder, d, PREFILL, prefill, e);
	line_up(d->name, "prefill", PREFILL, slice_ns, e, count);
	by_operators(e, count);
	contend_free(e, count);
}

/* onnxruntime in float and in int8; embeddings are ours alone. */
static u32 enter_peers(const struct encoder *x, struct entry *e)
{
	static const char *const names[] = { "onnxruntime float", "onnxruntime int8" };
	const char *why = NULL;
	u32 n = 0, i;

	for (i = 0; json && x->layers == 1 && i < 2; i++) {
		e[n] = (struct entry){ .name = names[i], .run = ort_encoder_run,
				       .close = ort_encoder_close, .self = ort_encoder_open(x, i, &why) };
		if (e[n].self)
			n++;
		else
			printf("%s: skipped: %s\n", names[i], why);
	}
	return n;
}

static void bench_encoder(const struct encoder *x, u64 slice_ns)
{
	struct entry e[INK_ISA_NR + 2];
	u32 count = enter(make_encoder, x, x->tokens, prefill, e);

	count += enter_peers(x, e + count);
	line_up(x->name, "a call", 1, slice_ns, e, count);
	by_operators(e, count);
	contend_free(e, count);
}

int main(int argc, char **argv)
{
	static const struct decoder small = { "260K decoder", 64, 172, 5, 8, 4, 512, 512, 64, 0, false };
	static const struct decoder large = { "15M decoder", 288, 768, 6, 6, 6, 32000, 256, 64, 0, false };
	static const struct encoder names = { "names, 2 layers of 32", 32, 64, 2, 2, 256, 32 };
	static const struct encoder block = { "encoder block, 32 tokens", 64, 256, 1, 4, 256, 32 };

	json = argc == 2 ? fopen(argv[1], "w") : NULL;
	if (argc > 2 || (argc == 2 && !json)) {
		fprintf(stderr, "usage: seq [FILE, to which figures are written]\n");
		return 2;
	}
	if (!contend_pin(0, 0))
		fprintf(stderr, "bench: can't stay on one CPU\n");
	if (json)
		printf("%s, one CPU: median of %u rounds, for each token or call. Ratios are of times to the\n"
		       "first of each group: median (10..90 %%).\n", contend_cpu(), ROUNDS);
	bench_encoder(&names, 1000000);
	bench_encoder(&block, 1000000);
	bench_decoder(&small, 2000000);
	bench_decoder(&large, 10000000);
	return json && fclose(json) ? 1 : 0;
}
