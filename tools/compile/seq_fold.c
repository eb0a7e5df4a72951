// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simplifying a network of sequence operators.
 *
 * What lives here: rules that rewrite one operator and those beside it without
 * changing what is computed, as fold.c does for vectors; and heads. What
 * doesn't: integers.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seq_net.h"

struct fold {
	struct ink_seq_net *net;
	uint32_t *uses;
	struct ink_diag *why;
};

static bool count_uses(struct fold *f)
{
	uint32_t i, k;

	free(f->uses);
	f->uses = calloc(f->net->n_ops + 1, sizeof(*f->uses));
	if (!f->uses)
		return ink_fail(f->why, "no memory to simplify the network");
	for (i = 0; i < f->net->n_ops; i++)
		for (k = 0; k < f->net->ops[i].n_in; k++)
			f->uses[f->net->ops[i].in[k]]++;
	f->uses[f->net->output]++;
	return true;
}

/* Let everything that reads @from read @to. */
static void replace(struct fold *f, uint32_t from, uint32_t to)
{
	uint32_t i, k;

	for (i = 0; i < f->net->n_ops; i++)
		for (k = 0; k < f->net->ops[i].n_in; k++)
			if (f->net->ops[i].in[k] == from && i != to)
				f->net->ops[i].in[k] = to;
	if (f->net->output == from)
		f->net->output = to;
	f->net->ops[from].kind = INK_SEQ_DEAD;
	f->net->ops[from].n_in = 0;
}

/* A formula that is a straight line scales and moves all columns. */
static bool fold_line(struct fold *f, struct ink_seq_op *op)
{
	double s = 1, b = 0;
	uint32_t i;

	if (op->kind != INK_SEQ_UNARY)
		return false;
	for (i = 0; i < op->f.n; i++) {
		if (op->f.step[i].l != i || (op->f.step[i].code != INK_UNARY_AFFINE &&
					     op->f.step[i].code != INK_UNARY_NEG))
			return false;
		s *= op->f.step[i].code == INK_UNARY_NEG ? -1 : op->f.step[i].a;
		b = op->f.step[i].code == INK_UNARY_NEG ? -b : b * op->f.step[i].a + op->f.step[i].b;
	}
	op->s = ink_seq_numbers(f->net, op->cols, f->why);
	op->b = ink_seq_numbers(f->net, op->cols, f->why);
	if (!op->s || !op->b)
		return false;
	for (i = 0; i < op->cols; i++) {
		op->s[i] = s;
		op->b[i] = b;
	}
	op->kind = INK_SEQ_AFFINE;
	return true;
}

/*
 * May a sum with it times @factor be a further input of @x? It has no clamp before that.
 * *@n: weights that the factor goes into, of which a SCALE has none.
 */
static bool takes_sum(const struct fold *f, const struct ink_seq_op *x, double factor, size_t *n)
{
	switch (x->kind) {
	case INK_SEQ_LINEAR:
		*n = (size_t)x->cols * f->net->ops[x->in[0]].cols;
		return x->n_in == 1 && isinf(x->lo) && isinf(x->hi);
	case INK_SEQ_HASHEMBED:
		*n = (size_t)x->words * x->cols;
		return x->n_in == 1;
	case INK_SEQ_SCALE:
		*n = 0;
		return x->n_in == 2 && factor == 1;
	default:
		return false;
	}
}

static bool scale_embedding(struct fold *f, struct ink_seq_op *x, const double *s, const double *b)
{
	size_t i, n = (size_t)x->words * x->cols, p = (size_t)x->rows * x->cols;

	for (i = 0; i < n; i++)
		x->w[i] = x->w[i] * s[i % x->cols] + b[i % x->cols];
	for (i = 0; x->b && i < p; i++)
		x->b[i] *= s[i % x->cols];
	return true;
}

static bool scale_rows(struct fold *f, struct ink_seq_op *x, const double *s, const double *b)
{
	size_t n = f->net->ops[x->in[0]].cols, o, i;

	if (!x->b)
		x->b = ink_seq_numbers(f->net, x->cols, f->why);
	if (!x->b)
		return false;
	for (o = 0; o < x->cols; o++) {
		for (i = 0; i < n; i++)
			x->w[o * n + i] *= s[o];
		x->b[o] = x->b[o] * s[o] + b[o];
	}
	return true;
}

/* Scaling of what only it reads: the operator before does it. */
static bool fold_after(struct fold *f, struct ink_seq_op *op)
{
	struct ink_seq_op *x;
	uint32_t i;

	if (op->kind != INK_SEQ_AFFINE || f->uses[op->in[0]] != 1)
		return false;
	x = &f->net->ops[op->in[0]];
	if (x->kind == INK_SEQ_EMBED || (x->kind == INK_SEQ_HASHEMBED && x->n_in == 1)) {
		scale_embedding(f, x, op->s, op->b);
	} else if (x->kind == INK_SEQ_LINEAR && x->n_in == 1 && isinf(x->lo) && isinf(x->hi)) {
		if (!scale_rows(f, x, op->s, op->b))
			return false;
	} else if (x->kind == INK_SEQ_NORM || x->kind == INK_SEQ_AFFINE) {
		for (i = 0; i < x->cols; i++) {
			x->s[i] *= op->s[i];
			x->b[i] = x->b[i] * op->s[i] + op->b[i];
		}
	} else {
		return false;
	}
	replace(f, (uint32_t)(op - f->net->ops), op->in[0]);
	return true;
}

/* A layer that reads a scaling scales its weights instead. */
static bool fold_before(struct fold *f, struct ink_seq_op *op)
{
	struct ink_seq_op *x;
	size_t n, o, i;
	double *w, *b;

	if (op->kind != INK_SEQ_LINEAR || f->net->ops[op->in[0]].kind != INK_SEQ_AFFINE)
		return false;
	x = &f->net->ops[op->in[0]];
	n = x->cols;
	w = ink_seq_numbers(f->net, n * op->cols, f->why);
	b = ink_seq_numbers(f->net, op->cols, f->why);
	if (!w || !b)
		return false;
	for (o = 0; o < op->cols; o++) {
		b[o] = op->b ? op->b[o] : 0;
		for (i = 0; i < n; i++) {
			w[o * n + i] = op->w[o * n + i] * x->s[i];
			b[o] += op->w[o * n + i] * x->b[i];
		}
	}
	op->w = w;
	op->b = b;
	op->in[0] = x->in[0];
	return true;
}

static bool fold_position(struct fold *f, struct ink_seq_op *op)
{
	struct ink_seq_op *x;
	size_t i, n = (size_t)op->rows * op->cols;

	if (op->kind != INK_SEQ_POSITION || f->uses[op->in[0]] != 1)
		return false;
	x = &f->net->ops[op->in[0]];
	if (x->kind != INK_SEQ_EMBED)
		return false;
	for (i = 0; x->b && i < n; i++)
		op->b[i] += x->b[i];
	x->b = op->b;
	replace(f, (uint32_t)(op - f->net->ops), op->in[0]);
	return true;
}

/* Relu and the like behind a layer are its clamp. */
static bool fold_clamp(struct fold *f, struct ink_seq_op *op)
{
	struct ink_seq_op *x;
	double lo, hi;

	if (op->kind != INK_SEQ_UNARY || f->uses[op->in[0]] != 1 ||
	    !ink_unary_is_clamp(&op->f, &lo, &hi))
		return false;
	x = &f->net->ops[op->in[0]];
	if (x->kind != INK_SEQ_LINEAR || x->n_in != 1 || lo > 0 || hi < 0)
		return false;
	x->lo = fmin(fmax(x->lo, lo), hi);
	x->hi = fmin(fmax(x->hi, lo), hi);
	replace(f, (uint32_t)(op - f->net->ops), op->in[0]);
	return true;
}

/* A sum with a layer that nothing else reads is its second input. */
static bool fold_residual(struct fold *f, struct ink_seq_op *op)
{
	size_t n, i;
	uint32_t k;

	if (op->kind != INK_SEQ_ADD || op->in[0] == op->in[1])
		return false;
	for (k = 2; k-- > 0;) {
		struct ink_seq_op *x = &f->net->ops[op->in[k]];
		double mine = k ? op->cb : op->ca, other = k ? op->ca : op->cb;

		if (!takes_sum(f, x, mine, &n) || f->uses[op->in[k]] != 1 || other != 1)
			continue;
		for (i = 0; i < n; i++)
			x->w[i] *= mine;
		for (i = 0; x->b && i < x->cols; i++)
			x->b[i] *= mine;
		x->in[x->n_in++] = op->in[!k];
		replace(f, (uint32_t)(op - f->net->ops), op->in[k]);
		return true;
	}
	return false;
}

/* Two layers with nothing between them, where one is cheaper: choices of columns are such. */
static bool fold_pair(struct fold *f, struct ink_seq_op *op)
{
	struct ink_seq_op *x = &f->net->ops[op->in[0]];
	size_t n, m = x->cols, p = op->cols, o, i, k;
	double *w, *b;

	if (op->kind != INK_SEQ_LINEAR || x->kind != INK_SEQ_LINEAR || x->n_in != 1 ||
	    !isinf(x->lo) || !isinf(x->hi))
		return false;
	n = f->net->ops[x->in[0]].cols;
	if (f->uses[op->in[0]] == 1 ? n * p > n * m + m * p : n > m)
		return false;
	w = ink_seq_numbers(f->net, n * p, f->why);
	b = ink_seq_numbers(f->net, p, f->why);
	if (!w || !b)
		return false;
	for (o = 0; o < p; o++) {
		b[o] = op->b ? op->b[o] : 0;
		for (k = 0; k < m; k++) {
			double v = op->w[o * m + k];

			b[o] += v && x->b ? v * x->b[k] : 0;
			for (i = 0; v && i < n; i++)
				w[o * n + i] += v * x->w[k * n + i];
		}
	}
	op->w = w;
	op->b = b;
	op->in[0] = x->in[0];
	return true;
}

/* The sum of two layers of the same input is one. */
static bool fold_twins(struct fold *f, struct ink_seq_op *op)
{
	struct ink_seq_op *x, *y;
	size_t n, o, i;

	if (op->kind != INK_SEQ_ADD || op->in[0] == op->in[1])
		return false;
	x = &f->net->ops[op->in[0]];
	y = &f->net->ops[op->in[1]];
	if (x->kind != INK_SEQ_LINEAR || y->kind != INK_SEQ_LINEAR || x->in[0] != y->in[0] ||
	    x->n_in != 1 || y->n_in != 1 || f->uses[op->in[0]] != 1 || f->uses[op->in[1]] != 1 ||
	    !isinf(x->lo) || !isinf(x->hi) || !isinf(y->lo) || !isinf(y->hi))
		return false;
	n = f->net->ops[x->in[0]].cols;
	if (!x->b)
		x->b = ink_seq_numbers(f->net, x->cols, f->why);
	if (!x->b)
		return false;
	for (o = 0; o < x->cols; o++) {
		for (i = o * n; i < (o + 1) * n; i++)
			x->w[i] = x->w[i] * op->ca + y->w[i] * op->cb;
		x->b[o] = x->b[o] * op->ca + (y->b ? y->b[o] * op->cb : 0);
	}
	replace(f, (uint32_t)(op - f->net->ops), op->in[0]);
	return true;
}

/* What no rule took: a layer with a diagonal matrix. */
static bool fold_diagonal(struct fold *f, struct ink_seq_op *op)
{
	size_t n = op->cols, i;

	if (op->kind != INK_SEQ_AFFINE)
		return false;
	if (n > 4096)
		return ink_fail(f->why, "%s: scales %zu columns where no layer can take it up",
				op->label, n);
	op->w = ink_seq_numbers(f->net, n * n, f->why);
	if (!op->w)
		return false;
	for (i = 0; i < n; i++)
		op->w[i * n + i] = op->s[i];
	op->kind = INK_SEQ_LINEAR;
	return true;
}

static bool (*const stages[][5])(struct fold *f, struct ink_seq_op *op) = {
	{ fold_line, fold_after, fold_position, fold_clamp },
	{ fold_before, fold_pair },
	{ fold_twins },
	{ fold_residual },
	{ fold_diagonal },
};

#define N_STAGES (sizeof(stages) / sizeof(stages[0]))

static bool apply_stage(struct fold *f, uint32_t stage)
{
	bool changed = false;
	uint32_t i, r;

	for (i = 0; i < f->net->n_ops; i++)
		for (r = 0; r < 5 && stages[stage][r] && !f->why->set; r++) {
			if (f->net->ops[i].kind == INK_SEQ_DEAD || !stages[stage][r](f, &f->net->ops[i]))
				continue;
			changed = true;
			if (!count_uses(f))
				return false;
		}
	return changed;
}

static bool fold(struct fold *f)
{
	uint32_t stage = 0;

	while (stage < N_STAGES && !f->why->set) {
		if (!ink_seq_sort(f->net, f->why) || !count_uses(f))
			return false;
		stage = apply_stage(f, stage) ? 0 : stage + 1;
	}
	return !f->why->set && ink_seq_sort(f->net, f->why);
}

/* softmax([0, z]) is sigmoid(z). */
static bool two_classes(struct ink_seq_net *net, uint32_t logit, struct ink_diag *why)
{
	uint32_t cols = net->ops[logit].cols;
	struct ink_seq_op *op;

	if (cols != 1)
		return ink_fail(why, "%s: %u logits of a sigmoid", net->ops[logit].label, cols);
	op = ink_seq_add(net, INK_SEQ_LINEAR, 1, 2, false, net->ops[logit].label, why);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = logit;
	op->w = ink_seq_numbers(net, 2, why);
	if (!op->w)
		return false;
	op->w[1] = 1;
	net->output = net->n_ops - 1;
	return true;
}

static bool add_softmax(struct ink_seq_net *net, struct ink_diag *why)
{
	const struct ink_seq_op *x = &net->ops[net->output];
	struct ink_seq_op *op = ink_seq_add(net, INK_SEQ_SOFTMAX, 1, x->cols, false, x->label, why);

	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = net->output;
	net->output = net->n_ops - 1;
	return true;
}

static bool find_head(struct ink_seq_net *net, enum ink_head_wish wish, struct ink_diag *why)
{
	const struct ink_seq_op *out = &net->ops[net->output];

	if (wish == INK_WISH_ANOMALY)
		return ink_fail(why, "%s: the head \"anomaly\" isn't supported for sequences", out->label);
	if (out->rows != 1 && wish != INK_WISH_RAW)
		return ink_fail(why, "%s: has %u rows, a head needs one", out->label, out->rows);
	if (wish != INK_WISH_RAW && out->kind == INK_SEQ_UNARY && out->cols == 1 &&
	    ink_unary_is(&out->f, INK_UNARY_SIGMOID))
		return two_classes(net, out->in[0], why) && add_softmax(net, why);
	if (wish != INK_WISH_CLASSES || out->kind == INK_SEQ_SOFTMAX)
		return true;
	net->head_added = true;
	if (out->cols == 1 && !two_classes(net, net->output, why))
		return false;
	return add_softmax(net, why);
}

bool ink_seq_fold(struct ink_seq_net *net, enum ink_head_wish wish, struct ink_diag *why)
{
	struct fold f = { .net = net, .why = why };
	bool ok = find_head(net, wish, why) && fold(&f);

	free(f.uses);
	return ok;
}
