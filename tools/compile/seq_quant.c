// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network of sequence operators in integers.
 *
 * What lives here: see seq_quant.h. What doesn't: multipliers and tables,
 * which follow from the scales (seq_emit.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seq_quant.h"

#define SURE		0.99		/* of 2^31: shares of attention may sum to a bit above one */
#define MEMORY		((size_t)512 << 20)

uint32_t ink_seq_sample(const struct ink_seq_net *net, const struct ink_samples *samples, size_t i,
			uint16_t *tokens)
{
	uint32_t n = ink_samples_length(samples, i);

	n = n < net->tokens ? n : net->tokens;
	memcpy(tokens, samples->tokens + samples->first[i], n * sizeof(*tokens));
	if (net->fixed && !net->padded)
		for (; n < net->tokens; n++)
			tokens[n] = 0;
	return n;
}

static uint32_t group_of(const struct ink_seq_quant *q, uint32_t i)
{
	while (q->grid[i].group != i)
		i = q->grid[i].group;
	return i;
}

static void tie(struct ink_seq_quant *q, uint32_t a, uint32_t b)
{
	q->grid[group_of(q, a)].group = group_of(q, b);
}

/* Logits, and which operators share a scale. */
static void make_groups(struct ink_seq_quant *q)
{
	const struct ink_seq_net *net = q->net;
	uint32_t i, out = net->output;

	for (i = 0; i < net->n_ops; i++) {
		q->grid[i].group = i;
		q->grid[i].limit = INT16_MAX;
	}
	if (net->ops[out].kind == INK_SEQ_SOFTMAX)
		out = net->ops[out].in[0];
	q->grid[out].logits = net->ops[out].kind == INK_SEQ_LINEAR && net->ops[out].n_in == 1;
	for (i = 0; i < net->n_ops; i++) {
		const struct ink_seq_op *op = &net->ops[i];

		switch (op->kind) {
		case INK_SEQ_POOL:
		case INK_SEQ_TRANSPOSE:
		case INK_SEQ_UNFOLD:
		case INK_SEQ_MAXOUT:
		case INK_SEQ_SHIFT:
			tie(q, i, op->in[0]);
			break;
		case INK_SEQ_SCALE:
			tie(q, i, op->in[0]);
			if (op->n_in > 2)
				tie(q, i, op->in[2]);
			break;
		case INK_SEQ_ATTENTION:
			tie(q, i, op->in[op->n_in - 1]);
			break;
		case INK_SEQ_LINEAR:
		case INK_SEQ_HASHEMBED:
			if (op->n_in > 1)
				tie(q, i, op->in[1]);
			break;
		default:
			break;
		}
	}
	for (i = 0; i < net->n_ops; i++)
		q->grid[i].group = group_of(q, i);
}

static bool measure(struct ink_seq_quant *q, const struct ink_samples *samples,
		    void (*progress)(void *arg, uint32_t done, uint32_t total), void *arg,
		    struct ink_diag *why)
{
	const struct ink_seq_net *net = q->net;
	double **values = ink_pool_alloc(&q->pool, net->n_ops, sizeof(*values));
	uint16_t *tokens = ink_pool_alloc(&q->pool, net->tokens, sizeof(*tokens));
	struct ink_pool pool;
	bool ok = values && tokens;
	uint32_t n, k;
	size_t i, j;

	if (!ok)
		return ink_fail(why, "no memory for the calibration");
	for (i = 0; ok && i < samples->n; i++) {
		ink_pool_init(&pool, MEMORY);
		n = ink_seq_sample(net, samples, i, tokens);
		ok = ink_seq_eval(net, tokens, n, &pool, values, why);
		for (k = 0; ok && k < net->n_ops; k++) {
			size_t count = (size_t)ink_seq_rows(&net->ops[k], n) * net->ops[k].cols;
			double *top = &q->grid[q->grid[k].group].top;

			for (j = 0; j < count; j++)
				*top = fmax(*top, fabs(values[k][j]));
			ink_seq_weights_see(q, k, values[k], ink_seq_rows(&net->ops[k], n));
			if (!isfinite(*top) || *top > 1e15)
				ok = ink_fail(why, "%s gives %g for a sample", net->ops[k].label, *top);
		}
		ink_pool_free(&pool);
		if (progress && i % 64 == 0)
			progress(arg, (uint32_t)i, (uint32_t)samples->n);
	}
	return ok;
}

static void limit(struct ink_seq_quant *q, uint32_t i, double most)
{
	int32_t *to = &q->grid[q->grid[i].group].limit;

	*to = most < *to ? (int32_t)most : *to;
}

/* |bias| + sum |w| X <= 2^31 - 1, the bias in steps of the weights times those of x. */
static void limit_linear(struct ink_seq_quant *q, uint32_t i)
{
	const struct ink_seq_op *op = &q->net->ops[i];
	uint32_t n = q->net->ops[op->in[0]].cols, o, k;
	double top = q->grid[q->grid[op->in[0]].group].top * INK_SEQ_HEADROOM, sum;

	for (o = 0; o < op->cols; o++) {
		sum = top > 0 ? fabs(q->grid[i].bias[o]) / q->grid[i].step[o] / top : 0;
		for (k = 0; k < n; k++)
			sum += abs(q->grid[i].w[(size_t)o * n + k]);
		if (sum > 0)
			limit(q, op->in[0], SURE * INT32_MAX / sum);
	}
}

static void limit_attention(struct ink_seq_quant *q, const struct ink_seq_op *op)
{
	double most = sqrt(SURE * INT32_MAX / (op->cols / op->heads));

	if (op->n_in < 3)
		return;
	limit(q, op->in[0], most);
	limit(q, op->in[1], most);
}

static bool assign(struct ink_seq_quant *q, struct ink_diag *why)
{
	const struct ink_seq_net *net = q->net;
	struct ink_seq_grid *all;
	uint32_t i, k;

	for (i = 0; i < net->n_ops; i++) {
		const struct ink_seq_op *op = &net->ops[i];

		if (op->kind == INK_SEQ_LINEAR) {
			if (!ink_seq_weights(q, i, why))
				return false;
			limit_linear(q, i);
		} else if (op->kind == INK_SEQ_EMBED || op->kind == INK_SEQ_HASHEMBED) {
			if (!ink_seq_weights(q, i, why))
				return false;
		} else if (op->kind == INK_SEQ_ATTENTION) {
			limit_attention(q, op);
		}
	}
	for (i = 0; i < net->n_ops; i++) {
		all = &q->grid[q->grid[i].group];
		if (all->limit < 127)
			return ink_fail(why, "%s: its results have only %d steps", net->ops[i].label,
					all->limit) ||
			       ink_hint(why, "a layer that reads it has far too many or too large weights");
		q->grid[i].limit = all->limit;
		q->grid[i].scale = all->top > 0 ? all->top * INK_SEQ_HEADROOM / all->limit : 1;
	}
	for (i = 0; i < net->n_ops; i++)
		if (net->ops[i].kind == INK_SEQ_GATE)
			q->grid[i].scale = 1.0 / 32768;
	/* Steps of logits are those of the finest row's sums: nothing is lost. */
	for (i = 0; i < net->n_ops; i++) {
		if (!q->grid[i].logits)
			continue;
		q->grid[i].scale = 0;
		for (k = 0; k < net->ops[i].cols; k++)
			q->grid[i].scale = fmax(q->grid[i].scale, q->grid[i].step[k] *
						q->grid[net->ops[i].in[0]].scale);
	}
	return true;
}

struct ink_seq_quant *ink_seq_quant_new(const struct ink_seq_net *net,
					const struct ink_samples *samples,
					void (*progress)(void *arg, uint32_t done, uint32_t total),
					void *arg, struct ink_diag *why)
{
	struct ink_seq_quant *q = calloc(1, sizeof(*q));
	bool ok = q;

	if (!q) {
		ink_fail(why, "no memory for the calibration");
		return NULL;
	}
	q->net = net;
	ink_pool_init(&q->pool, MEMORY);
	q->grid = ink_pool_alloc(&q->pool, net->n_ops, sizeof(*q->grid));
	if (!q->grid)
		ok = ink_fail(why, "no memory for the calibration");
	if (ok)
		make_groups(q);
	ok = ok && ink_seq_weights_begin(q, why) && measure(q, samples, progress, arg, why) && assign(q, why);
	if (ok)
		return q;
	ink_seq_quant_free(q);
	return NULL;
}

void ink_seq_quant_free(struct ink_seq_quant *q)
{
	if (!q)
		return;
	ink_pool_free(&q->pool);
	free(q);
}
