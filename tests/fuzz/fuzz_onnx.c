// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of the compiler: from an ONNX file to an image.
 *
 * What lives here: what is asked of each input. It is refused with a reason,
 * or evaluated; what can be lowered is quantised; an image that comes out is
 * accepted by the verifier and runs. What doesn't: how inputs are made, see
 * onnx_mutator.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "emit.h"
#include "net.h"
#include "onnx_float.h"
#include "quant.h"
#include "seq_emit.h"
#include "fuzz_check.h"

#define ROWS		12
#define WIDEST		256		/* inputs; more only cost time */
#define LONGEST		32u		/* tokens, likewise */
#define LARGEST		(1u << 18)	/* multiply-accumulates to be quantised */

static void check_why(const struct ink_diag *why)
{
	size_t n = strnlen(why->text, sizeof(why->text)), i;

	CHECK(why->set);
	CHECK(n >= 10 && n < sizeof(why->text));
	for (i = 0; i < n; i++)
		CHECK(why->text[i] >= 0x20 && why->text[i] <= 0x7e);
}

/* Numbers from -1 to 1 that are the same each time, and the raw integers they come from. */
static void fill_rows(const struct ink_schema *s, int32_t *raw, double *x)
{
	uint32_t seed = 12345;
	size_t i;

	for (i = 0; i < (size_t)ROWS * s->n; i++) {
		seed = seed * 1664525 + 1013904223;
		raw[i] = (int32_t)(seed >> 16) % 2001 - 1000;
	}
	for (i = 0; i < ROWS; i++)
		ink_schema_expand(s, raw + i * s->n, x + i * s->width);
}

static struct ink_schema *plain_schema(size_t width)
{
	struct ink_schema *s = ink_schema_new();
	struct ink_diag why = { 0 };
	char name[16];
	size_t i;

	CHECK(s);
	for (i = 0; i < width; i++) {
		snprintf(name, sizeof(name), "f%zu", i);
		CHECK(ink_schema_add(s, name, 3, &why));
	}
	return s;
}

static void run_image(const void *image, size_t size, const int32_t *raw, uint32_t n)
{
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(image, size, &why);
	struct ink_plan *plan;
	void *arena, *out;
	uint32_t i;

	if (!g) {
		/* Some models are too large for the engine; anything else is the compiler's fault. */
		if (why.rule == INK_RULE_COST || why.rule == INK_RULE_ARENA)
			return;
		fprintf(stderr, "%s: %s\n", ink_rule_name(why.rule), why.text);
		abort();
	}
	plan = ink_plan_build(g, INK_ISA_SCALAR, &why);
	if (plan) {
		CHECK(plan->input_size == n * sizeof(*raw));
		arena = aligned_alloc(64, (plan->arena_size + 63) & ~63u);
		out = malloc(plan->output_size);
		CHECK(arena && out);
		for (i = 0; i < ROWS; i++)
			ink_plan_run(plan, INK_ISA_SCALAR, arena, raw + (size_t)i * n, out);
		free(arena);
		free(out);
	}
	ink_plan_free(plan);
	ink_graph_free(g);
}

static void quantise(struct ink_net *net, const struct ink_schema *s, const int32_t *raw,
		     const double *x, int bits)
{
	struct ink_diag why = { 0 };
	struct ink_quant *q = ink_quant_new(net, s, x, ROWS, &why);
	const struct ink_net_op *out = &net->ops[net->output];
	struct ink_card_text card = { .name = "fuzz" };
	unsigned int head = INKLING_HEAD_RAW;
	void *image = NULL;
	size_t size;

	if (out->kind == INK_NET_SOFTMAX && out->width >= 2 && out->width <= INKLING_MAX_CLASSES)
		head = INKLING_HEAD_CLASSES;
	if (out->kind == INK_NET_DIST)
		head = INKLING_HEAD_ANOMALY;
	card.n_classes = head == INKLING_HEAD_CLASSES ? out->width :
			 head == INKLING_HEAD_ANOMALY ? 2 : 0;
	memset(card.classes, 0, sizeof(card.classes));
	for (uint32_t i = 0; i < card.n_classes; i++)
		card.classes[i][0] = (char)('a' + i);
	if (q)
		q->bits = bits;
	if (q && ink_quant_assign(q, &why) &&
	    ink_emit(q, &card, head, head == INKLING_HEAD_RAW ? 0 : 1, &image, &size, &why))
		run_image(image, size, raw, s->n);
	else
		check_why(&why);
	free(image);
	ink_quant_free(q);
}

/*
 * The largest number, constants included, that ONNX's own way of computing meets. It may be far
 * above what the lowered net meets, where b - (x + b) has become -x. Infinity if not all is known.
 */
static double largest(const struct ink_onnx *onnx, const double *x, size_t width)
{
	size_t batch = ink_onnx_batch(onnx) ? ink_onnx_batch(onnx) : ROWS, done, k;
	const struct ink_array **values, *v;
	struct ink_diag why = { 0 };
	struct ink_pool pool;
	double top = 1;
	uint32_t i;

	if (ROWS % batch)
		return INFINITY;
	for (done = 0; done < ROWS; done += batch) {
		ink_pool_init(&pool, (size_t)64 << 20);
		values = ink_pool_alloc(&pool, onnx->n_values, sizeof(*values));
		if (!values || !ink_onnx_run(onnx, x + done * width, batch, width, &pool, values, &why))
			top = INFINITY;
		for (i = 0; top < INFINITY && i < onnx->n_values; i++) {
			v = values[i] ? values[i] : onnx->values[i].constant;
			for (k = 0; v && k < v->count; k++)
				top = fmax(top, isfinite(v->data[k]) ? fabs(v->data[k]) : INFINITY);
		}
		ink_pool_free(&pool);
	}
	return top;
}

/* Both evaluators have to agree where numbers are of a usual size. */
static void compare(const struct ink_net *net, const double *y, size_t width, const double *x,
		    size_t in_width, double top)
{
	double **values = calloc(net->n_ops, sizeof(*values));
	uint32_t n = net->ops[net->output].width, i;
	struct ink_diag why = { 0 };
	size_t r;

	CHECK(values);
	if (width == n && ink_net_eval(net, x, ROWS, in_width, values, &why)) {
		for (i = 0; i < net->n_ops; i++)
			for (r = 0; r < (size_t)ROWS * net->ops[i].width; r++)
				top = fmax(top, isfinite(values[i][r]) ? fabs(values[i][r]) : 1e9);
		for (r = 0; top < 1e4 && r < (size_t)ROWS * n; r++)
			CHECK(!(fabs(values[net->output][r] - y[r]) > 1e-3 * top));
	}
	ink_net_values_free(net, values);
	free(values);
}

static void lower(const struct ink_onnx *onnx, size_t width)
{
	struct ink_schema *s = plain_schema(width);
	int32_t *raw = calloc((size_t)ROWS * width, sizeof(*raw));
	double *x = calloc((size_t)ROWS * width, sizeof(*x)), *y = NULL;
	struct ink_diag why = { 0 }, other = { 0 };
	struct ink_net *net;
	double top = INFINITY;
	size_t out;
	bool ok;

	CHECK(raw && x);
	fill_rows(s, raw, x);
	ink_schema_bound(s, raw, ROWS);
	ok = ink_onnx_eval(onnx, x, ROWS, width, &y, &out, &why);
	if (!ok)
		check_why(&why);
	if (ok && !ink_onnx_quantised(onnx))
		top = largest(onnx, x, width);
	net = ink_net_lower(onnx, width, &other);
	if (net && top < INFINITY)
		compare(net, y, out, x, width, top);
	if (!net || !ink_net_fold(net, INK_WISH_AUTO, &other)) {
		check_why(&other);
	} else if (ok && ink_net_macs(net) <= LARGEST) {
		if (top < INFINITY)
			compare(net, y, out, x, width, top);
		quantise(net, s, raw, x, 8);
		quantise(net, s, raw, x, 7);
	}
	ink_net_free(net);
	free(s);
	free(raw);
	free(x);
	free(y);
}

static void run_tokens(const void *image, size_t size, const uint16_t *tokens, uint32_t n)
{
	struct inkling_sequence *in;
	struct ink_graph *g;
	struct ink_plan *plan;
	struct ink_why why;
	void *arena, *out;
	uint32_t i;

	g = ink_graph_parse(image, size, &why);
	if (!g && why.rule != INK_RULE_COST && why.rule != INK_RULE_ARENA) {
		fprintf(stderr, "%s: %s\n", ink_rule_name(why.rule), why.text);
		abort();
	}
	plan = g ? ink_plan_build(g, INK_ISA_SCALAR, &why) : NULL;
	if (plan) {
		arena = aligned_alloc(64, (plan->arena_size + 63) & ~63u);
		in = calloc(1, plan->input_size);
		out = malloc(plan->output_size);
		CHECK(arena && in && out);
		in->n = n;
		for (i = 0; i < n; i++)
			memcpy((uint8_t *)(in + 1) + i * g->tensors[g->header->input].elem,
			       &tokens[i], g->tensors[g->header->input].elem);
		CHECK(ink_plan_run(plan, INK_ISA_SCALAR, arena, in, out));
		free(arena);
		free(in);
		free(out);
	}
	ink_plan_free(plan);
	ink_graph_free(g);
}

/* In the network what fills up isn't there, wherever it stands; the model only masks it. */
static bool has_padding(const struct ink_seq_net *net, const uint16_t *tokens)
{
	uint32_t i;

	for (i = 0; i < net->tokens; i++)
		if (net->padded && tokens[i] == net->pad)
			return true;
	return false;
}

/* The network against the model, where all numbers that both meet are of a usual size. */
static void compare_tokens(const struct ink_onnx *onnx, const struct ink_seq_net *net,
			   const uint16_t *tokens)
{
	const struct ink_seq_op *out = &net->ops[net->output];
	double **values = calloc(net->n_ops, sizeof(*values)), x[LONGEST], top, other;
	struct ink_diag why = { 0 };
	struct ink_pool pool;
	size_t width, i;
	double *y = NULL;

	for (i = 0; i < net->tokens; i++)
		x[i] = tokens[i];
	CHECK(values);
	ink_pool_init(&pool, (size_t)64 << 20);
	if (!ink_onnx_eval(onnx, x, 1, net->tokens, &y, &width, &why)) {
		check_why(&why);
	} else if (ink_seq_eval(net, tokens, net->tokens, &pool, values, &why) &&
		   width == (size_t)out->rows * out->cols) {
		for (top = 1, i = 0; i < width; i++)
			top = fmax(top, isfinite(y[i]) ? fabs(y[i]) : INFINITY);
		for (i = 0; i < net->n_ops; i++)
			for (uint32_t k = 0; k < net->ops[i].cols * net->ops[i].rows; k++)
				top = fmax(top, isfinite(values[i][k]) ? fabs(values[i][k]) : INFINITY);
		for (i = 0; top < 1e4 && i < width; i++) {
			other = values[net->output][i];
			CHECK(!(fabs(other - y[i]) > 1e-3 * top));
		}
	}
	ink_pool_free(&pool);
	free(values);
	free(y);
}

/* A model of tokens: none of them is what fills up, unless the model says so. */
static void lower_tokens(const struct ink_onnx *onnx, size_t width)
{
	uint16_t tokens[ROWS * LONGEST];
	size_t first[ROWS + 1], size, i;
	struct ink_samples samples = { .n = ROWS, .first = first, .tokens = tokens };
	const struct ink_card_text card = { .name = "fuzz" };
	struct ink_seq_net *net = NULL;
	struct ink_seq_quant *q = NULL;
	struct ink_diag why = { 0 };
	void *image = NULL;

	width = width ? width : 8;
	if (width > LONGEST)
		return;
	for (i = 0; i <= ROWS; i++)
		first[i] = i * width;
	for (i = 0; i < ROWS * width; i++)
		tokens[i] = (uint16_t)(1 + i * 7 % 11);
	net = ink_seq_lower(onnx, (uint32_t)width, &why);
	if (net && ink_seq_fold(net, INK_WISH_RAW, &why)) {
		if (!has_padding(net, tokens))
			compare_tokens(onnx, net, tokens);
		q = ink_seq_quant_new(net, &samples, NULL, NULL, &why);
	}
	if (q && ink_seq_emit(q, &card, INKLING_HEAD_RAW, 0, &image, &size, &why))
		run_tokens(image, size, tokens, (uint32_t)width);
	else
		check_why(&why);
	free(image);
	ink_seq_quant_free(q);
	ink_seq_free(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ink_diag why = { 0 };
	struct ink_onnx *onnx = ink_onnx_read(data, size, NULL, &why);
	size_t width;

	if (!onnx) {
		check_why(&why);
		return 0;
	}
	onnx->run_work = 1 << 20;
	width = ink_onnx_width(onnx);
	if (onnx->tokens)
		lower_tokens(onnx, width);
	else if (width <= WIDEST)
		lower(onnx, width ? width : 4);
	ink_onnx_free(onnx);
	return 0;
}
