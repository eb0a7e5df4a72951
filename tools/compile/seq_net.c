// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network of sequence operators: the graph itself.
 *
 * What lives here: making, growing and sorting it. What doesn't: what the
 * operators compute (seq_float.c).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seq_net.h"

#define MEMORY	((size_t)768 << 20)

struct ink_seq_net *ink_seq_new(uint32_t tokens, struct ink_diag *why)
{
	struct ink_seq_net *net = calloc(1, sizeof(*net));

	if (!net) {
		ink_fail(why, "no memory for the network");
		return NULL;
	}
	ink_pool_init(&net->pool, MEMORY);
	net->tokens = tokens;
	return net;
}

void ink_seq_free(struct ink_seq_net *net)
{
	if (!net)
		return;
	ink_pool_free(&net->pool);
	free(net->ops);
	free(net);
}

double *ink_seq_numbers(struct ink_seq_net *net, size_t n, struct ink_diag *why)
{
	double *v = ink_pool_alloc(&net->pool, n, sizeof(*v));

	if (!v)
		ink_fail(why, "the network needs more than %zu MiB of memory", MEMORY >> 20);
	return v;
}

struct ink_seq_op *ink_seq_add(struct ink_seq_net *net, enum ink_seq_kind kind, uint32_t rows,
			       uint32_t cols, bool seq, const char *label, struct ink_diag *why)
{
	uint32_t room = net->room ? net->room * 2 : 64;
	struct ink_seq_op *op;

	if (net->n_ops >= INKLING_MAX_OPS) {
		ink_fail(why, "%s: the network has more than %u operators", label, INKLING_MAX_OPS);
		return NULL;
	}
	if (net->n_ops == net->room) {
		op = realloc(net->ops, room * sizeof(*op));
		if (!op) {
			ink_fail(why, "no memory for the network");
			return NULL;
		}
		net->ops = op;
		net->room = room;
	}
	op = &net->ops[net->n_ops++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->rows = rows;
	op->cols = cols;
	op->seq = seq;
	op->lo = -INFINITY;
	op->hi = INFINITY;
	op->ca = op->cb = 1;
	snprintf(op->label, sizeof(op->label), "%s", label);
	return op;
}

/* Depth first from the output; a stack that holds each operator once at most. */
static uint32_t visit(const struct ink_seq_net *net, uint32_t *place, uint32_t *stack)
{
	uint32_t depth = 0, n = 0, i, k, top;

	stack[depth++] = net->output;
	while (depth) {
		top = stack[depth - 1];
		for (k = 0; k < net->ops[top].n_in; k++) {
			i = net->ops[top].in[k];
			if (place[i] == INKLING_NONE)
				break;
		}
		if (k < net->ops[top].n_in) {
			stack[depth++] = i;
		} else {
			depth--;
			if (place[top] == INKLING_NONE)
				place[top] = n++;
		}
	}
	return n;
}

bool ink_seq_sort(struct ink_seq_net *net, struct ink_diag *why)
{
	uint32_t *place = malloc(net->n_ops * sizeof(*place));
	uint32_t *stack = malloc((net->n_ops + 1) * sizeof(*stack));
	struct ink_seq_op *sorted = malloc(net->room * sizeof(*sorted));
	uint32_t n, i, k;

	if (!place || !stack || !sorted) {
		free(place);
		free(stack);
		free(sorted);
		return ink_fail(why, "no memory to sort the network");
	}
	memset(place, 0xff, net->n_ops * sizeof(*place));
	n = visit(net, place, stack);
	for (i = 0; i < net->n_ops; i++) {
		if (place[i] == INKLING_NONE)
			continue;
		sorted[place[i]] = net->ops[i];
		for (k = 0; k < net->ops[i].n_in; k++)
			sorted[place[i]].in[k] = place[net->ops[i].in[k]];
	}
	net->output = place[net->output];
	free(net->ops);
	net->ops = sorted;
	net->n_ops = n;
	free(place);
	free(stack);
	return true;
}
