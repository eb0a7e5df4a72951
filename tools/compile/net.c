// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network between ONNX and the image: memory, order, evaluation.
 *
 * What lives here: see net.h. What doesn't: where a network comes from
 * (lower.c) and how it is simplified (fold.c).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

#define NET_MEMORY	((size_t)512 << 20)

struct ink_net *ink_net_new(uint32_t room)
{
	struct ink_net *net = calloc(1, sizeof(*net));

	if (!net)
		return NULL;
	ink_pool_init(&net->pool, NET_MEMORY);
	net->room = room;
	net->ops = ink_pool_alloc(&net->pool, room, sizeof(*net->ops));
	net->spare = ink_pool_alloc(&net->pool, room, sizeof(*net->ops));
	if (!net->ops || !net->spare) {
		ink_net_free(net);
		return NULL;
	}
	return net;
}

void ink_net_free(struct ink_net *net)
{
	if (!net)
		return;
	ink_pool_free(&net->pool);
	free(net);
}

struct ink_net_op *ink_net_add(struct ink_net *net, enum ink_net_kind kind, uint32_t width,
			       const char *label, struct ink_diag *why)
{
	struct ink_net_op *op;

	if (net->n_ops >= net->room) {
		ink_fail(why, "%s: the network needs more than %u operators", label, net->room);
		return NULL;
	}
	op = &net->ops[net->n_ops++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->width = width;
	op->ca = 1;
	op->cb = 1;
	snprintf(op->label, sizeof(op->label), "%s", label);
	return op;
}

double *ink_net_numbers(struct ink_net *net, size_t n, struct ink_diag *why)
{
	double *p = ink_pool_alloc(&net->pool, n, sizeof(*p));

	if (!p)
		ink_fail(why, "no memory for %zu weights: the network may use %zu MiB", n,
			 NET_MEMORY >> 20);
	return p;
}

/* Depth first from the output; a network has no cycles. */
bool ink_net_sort(struct ink_net *net, struct ink_diag *why)
{
	uint32_t *order = calloc(net->n_ops, 3 * sizeof(*order));
	uint32_t *stack, *place, n = 0, depth = 0, top, i, k;
	struct ink_net_op *sorted = net->spare;

	if (!order)
		return ink_fail(why, "no memory to order %u operators", net->n_ops);
	stack = order + net->n_ops;
	place = stack + net->n_ops;	/* 0: not seen, 1: on the stack, i + 2: done */
	stack[depth++] = net->output;
	while (depth) {
		top = stack[depth - 1];
		place[top] = 1;
		for (k = 0; k < net->ops[top].n_in; k++)
			if (!place[net->ops[top].in[k]])
				break;
		if (k < net->ops[top].n_in) {
			stack[depth++] = net->ops[top].in[k];
			continue;
		}
		place[top] = n + 2;
		order[n++] = top;
		depth--;
	}
	for (i = 0; i < n; i++) {
		sorted[i] = net->ops[order[i]];
		for (k = 0; k < sorted[i].n_in; k++)
			sorted[i].in[k] = place[sorted[i].in[k]] - 2;
	}
	net->output = place[net->output] - 2;
	net->spare = net->ops;
	net->ops = sorted;
	net->n_ops = n;
	free(order);
	return true;
}

static void eval_dense(const struct ink_net_op *op, const double *x, size_t n, double *y)
{
	size_t i, o;
	double sum;

	for (o = 0; o < op->width; o++) {
		const double *w = op->w + o * n;

		sum = op->b[o];
		for (i = 0; i < n; i++)
			sum += w[i] * x[i];
		y[o] = op->f.n ? ink_unary_eval(&op->f, sum) : sum;
	}
}

static void eval_softmax(const double *x, size_t n, double *y)
{
	double top = x[0], sum = 0;
	size_t i;

	for (i = 1; i < n; i++)
		top = fmax(top, x[i]);
	for (i = 0; i < n; i++)
		sum += y[i] = exp(x[i] - top);
	for (i = 0; i < n; i++)
		y[i] /= sum;
}

static void eval_concat(const struct ink_net *net, const struct ink_net_op *op,
			const double *const *in, size_t row, double *y)
{
	uint32_t k, n;

	for (k = 0; k < op->n_in; k++, y += n) {
		n = net->ops[op->in[k]].width;
		memcpy(y, in[k] + row * n, n * sizeof(*y));
	}
}

/* One row of an operator; @x and @z are its first two inputs of @n elements. */
static void eval_row(const struct ink_net_op *op, const double *x, const double *z, size_t n,
		     double *y)
{
	size_t i;

	switch (op->kind) {
	case INK_NET_DENSE:
		eval_dense(op, x, n, y);
		break;
	case INK_NET_SOFTMAX:
		eval_softmax(x, n, y);
		break;
	case INK_NET_REDUCE:
	case INK_NET_DIST:
		y[0] = 0;
		for (i = 0; i < n; i++)
			y[0] += op->ca * (op->kind == INK_NET_REDUCE ? x[i] :
					  (x[i] - z[i]) * (x[i] - z[i]));
		break;
	default:
		for (i = 0; i < op->width; i++)
			y[i] = op->kind == INK_NET_UNARY ? ink_unary_eval(&op->f, x[i]) :
			       op->kind == INK_NET_ADD ? op->ca * x[i] + op->cb * z[i] :
			       op->kind == INK_NET_MUL ? x[i] * z[i] :
			       op->kind == INK_NET_DIV ? x[i] / z[i] :
			       op->kind == INK_NET_RANGE ? x[i] : x[i] * op->s[i] + op->b[i];
	}
}

bool ink_net_eval(const struct ink_net *net, const double *x, size_t rows, size_t width,
		  double **values, struct ink_diag *why)
{
	const double *in[INKLING_MAX_INPUTS] = { NULL };
	uint32_t i, k, n;
	size_t row;

	memset(values, 0, net->n_ops * sizeof(*values));
	for (i = 0; i < net->n_ops; i++) {
		const struct ink_net_op *op = &net->ops[i];

		values[i] = calloc(rows ? rows : 1, op->width * sizeof(**values));
		if (!values[i]) {
			ink_net_values_free(net, values);
			return ink_fail(why, "no memory to evaluate %zu rows", rows);
		}
		for (k = 0; k < op->n_in; k++)
			in[k] = values[op->in[k]];
		n = op->n_in ? net->ops[op->in[0]].width : width;
		if (!op->n_in)
			in[0] = x;
		for (row = 0; row < rows; row++) {
			double *y = values[i] + row * op->width;

			if (op->kind == INK_NET_CONCAT)
				eval_concat(net, op, in, row, y);
			else
				eval_row(op, in[0] + row * n, op->n_in > 1 ? in[1] + row * n : NULL,
					 n, y);
		}
	}
	return true;
}

void ink_net_values_free(const struct ink_net *net, double **values)
{
	uint32_t i;

	for (i = 0; i < net->n_ops; i++) {
		free(values[i]);
		values[i] = NULL;
	}
}

uint64_t ink_net_macs(const struct ink_net *net)
{
	uint64_t macs = 0;
	uint32_t i;

	for (i = 0; i < net->n_ops; i++)
		if (net->ops[i].kind == INK_NET_DENSE)
			macs += (uint64_t)net->ops[i].width * net->ops[net->ops[i].in[0]].width;
	return macs;
}
