// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simplifying a network.
 *
 * What lives here: rules that rewrite one operator and those beside it without
 * changing what is computed: scalings and normalisation go into the layer
 * beside them, activations into the layer before them, elementwise formulas of
 * one vector become one function, the pattern of a reconstruction error
 * becomes DIST. They are applied until none fits. What doesn't: heads (head.c)
 * and integers.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"

#define PAIR_WORK	1e9	/* multiplications that joining layers may take in all */

/* Operators that read the result of each; the output counts as one more. */
static void count_uses(struct ink_fold *f)
{
	uint32_t i, k;

	memset(f->uses, 0, f->net->room * sizeof(*f->uses));
	for (i = 0; i < f->net->n_ops; i++)
		for (k = 0; k < f->net->ops[i].n_in; k++)
			f->uses[f->net->ops[i].in[k]]++;
	f->uses[f->net->output]++;
}

static struct ink_net_op *input_of(const struct ink_fold *f, const struct ink_net_op *op,
				   uint32_t k)
{
	return &f->net->ops[op->in[k]];
}

/* Is the result of input @k read by @op only? */
static bool sole(const struct ink_fold *f, const struct ink_net_op *op, uint32_t k)
{
	return f->uses[op->in[k]] == 1;
}

/* Let everything that reads @from read @to. */
static void replace(struct ink_fold *f, uint32_t from, uint32_t to)
{
	uint32_t i, k;

	for (i = 0; i < f->net->n_ops; i++)
		for (k = 0; k < f->net->ops[i].n_in; k++)
			if (f->net->ops[i].in[k] == from && i != to)
				f->net->ops[i].in[k] = to;
	if (f->net->output == from)
		f->net->output = to;
	f->net->ops[from].kind = INK_NET_DEAD;
	f->net->ops[from].n_in = 0;
}

static bool uniform(const struct ink_net_op *op, double *s, double *b)
{
	uint32_t i;

	for (i = 1; i < op->width; i++)
		if (op->s[i] != op->s[0] || op->b[i] != op->b[0])
			return false;
	*s = op->s[0];
	*b = op->b[0];
	return true;
}

/* A prescribed quantisation belongs to the operator before it. */
static bool fold_range(struct ink_fold *f, struct ink_net_op *op)
{
	struct ink_net_op *x = input_of(f, op, 0);

	if (op->kind != INK_NET_RANGE)
		return false;
	if (!x->fixed.set)
		x->fixed = op->fixed;
	replace(f, op - f->net->ops, op->in[0]);
	return true;
}

/* Scaling of the input, or of a scaling: one scaling. */
static bool fold_affine(struct ink_fold *f, struct ink_net_op *op)
{
	struct ink_net_op *x;
	double *s, *b;
	uint32_t i;

	if (op->kind != INK_NET_AFFINE)
		return false;
	x = input_of(f, op, 0);
	if ((x->kind != INK_NET_INPUT && x->kind != INK_NET_AFFINE) || x->fixed.set)
		return false;
	s = ink_net_numbers(f->net, op->width, f->why);
	b = ink_net_numbers(f->net, op->width, f->why);
	if (!s || !b)
		return false;
	for (i = 0; i < op->width; i++) {
		s[i] = x->s[i] * op->s[i];
		b[i] = x->b[i] * op->s[i] + op->b[i];
	}
	op->kind = x->kind;
	op->n_in = x->n_in;
	op->in[0] = x->in[0];
	op->s = s;
	op->b = b;
	return true;
}

/* A layer that reads a scaling scales its weights instead. */
static bool fold_before_dense(struct ink_fold *f, struct ink_net_op *op)
{
	struct ink_net_op *x;
	size_t n, o, i;
	double *w, *b;

	if (op->kind != INK_NET_DENSE)
		return false;
	x = input_of(f, op, 0);
	if (x->kind != INK_NET_AFFINE || x->fixed.set)
		return false;
	n = x->width;
	w = ink_net_numbers(f->net, n * op->width, f->why);
	b = ink_net_numbers(f->net, op->width, f->why);
	if (!w || !b)
		return false;
	for (o = 0; o < op->width; o++) {
		b[o] = op->b[o];
		for (i = 0; i < n; i++) {
			w[o * n + i] = op->w[o * n + i] * x->s[i];
			b[o] += op->w[o * n + i] * x->b[i];
		}
	}
	op->w = w;
	op->b = b;
	op->steps = NULL;
	op->in[0] = x->in[0];
	return true;
}

/* A scaling of a layer's result scales its rows. */
static bool fold_after_dense(struct ink_fold *f, struct ink_net_op *op)
{
	struct ink_net_op *x;
	size_t n, o, i;

	if (op->kind != INK_NET_AFFINE || !sole(f, op, 0))
		return false;
	x = input_of(f, op, 0);
	if (x->kind != INK_NET_DENSE || x->f.n || x->fixed.set)
		return false;
	n = input_of(f, x, 0)->width;
	for (o = 0; o < x->width; o++) {
		for (i = 0; i < n; i++)
			x->w[o * n + i] *= op->s[o];
		x->b[o] = x->b[o] * op->s[o] + op->b[o];
		if (x->steps)
			x->steps[o] *= fabs(op->s[o]);
	}
	x->fixed = op->fixed;
	replace(f, op - f->net->ops, op->in[0]);
	return true;
}

/* Two layers with nothing between them, where one is cheaper. */
static bool fold_dense_pair(struct ink_fold *f, struct ink_net_op *op)
{
	struct ink_net_op *x;
	size_t n, m, p, o, i, k;
	double *w, *b;

	if (op->kind != INK_NET_DENSE)
		return false;
	x = input_of(f, op, 0);
	if (x->kind != INK_NET_DENSE || x->f.n || x->fixed.set || !sole(f, op, 0))
		return false;
	n = input_of(f, x, 0)->width;
	m = x->width;
	p = op->width;
	if (n * p > n * m + m * p || f->work + (double)n * m * p > PAIR_WORK)
		return false;
	f->work += (double)n * m * p;
	w = ink_net_numbers(f->net, n * p, f->why);
	b = ink_net_numbers(f->net, p, f->why);
	if (!w || !b)
		return false;
	for (o = 0; o < p; o++) {
		b[o] = op->b[o];
		for (k = 0; k < m; k++) {
			double v = op->w[o * m + k];

			b[o] += v * x->b[k];
			for (i = 0; i < n; i++)
				w[o * n + i] += v * x->w[k * n + i];
		}
	}
	op->w = w;
	op->b = b;
	op->steps = NULL;
	op->in[0] = x->in[0];
	return true;
}

/* A function of a function; a scaling that is the same for all elements is one too. */
static bool fold_unary_pair(struct ink_fold *f, struct ink_net_op *op)
{
	struct ink_net_op *x;
	struct ink_unary joined;
	double s, b;

	if ((op->kind != INK_NET_UNARY && op->kind != INK_NET_AFFINE) || !sole(f, op, 0))
		return false;
	x = input_of(f, op, 0);
	if (x->fixed.set || (op->kind == INK_NET_AFFINE && x->kind != INK_NET_UNARY))
		return false;
	memset(&joined, 0, sizeof(joined));
	if (x->kind == INK_NET_UNARY)
		joined = x->f;
	else if (x->kind != INK_NET_AFFINE || !uniform(x, &s, &b) ||
		 !ink_unary_then(&joined, INK_UNARY_AFFINE, s, b))
		return false;
	if (op->kind == INK_NET_UNARY ? !ink_unary_compose(&joined, &op->f) :
	    !uniform(op, &s, &b) || !ink_unary_then(&joined, INK_UNARY_AFFINE, s, b))
		return false;
	op->kind = INK_NET_UNARY;
	op->f = joined;
	op->in[0] = x->in[0];
	return true;
}

/* The vector that input @k of @op is a function of, and the function. */
static uint32_t trace(const struct ink_fold *f, uint32_t i, struct ink_unary *fn)
{
	const struct ink_net_op *op = &f->net->ops[i];
	struct ink_unary inner = { 0 };
	double s, b;

	memset(fn, 0, sizeof(*fn));
	while (!op->fixed.set) {
		if (op->kind == INK_NET_UNARY) {
			inner = op->f;
		} else if (op->kind == INK_NET_AFFINE && uniform(op, &s, &b)) {
			inner.n = 0;
			ink_unary_then(&inner, INK_UNARY_AFFINE, s, b);
		} else {
			break;
		}
		if (!ink_unary_compose(&inner, fn))
			break;
		*fn = inner;
		i = op->in[0];
		op = &f->net->ops[i];
	}
	return i;
}

/* x * sigmoid(x) and the like: both operands are functions of one vector. */
static bool fold_formula(struct ink_fold *f, struct ink_net_op *op)
{
	enum ink_unary_code code = op->kind == INK_NET_ADD ? INK_UNARY_ADD :
				   op->kind == INK_NET_MUL ? INK_UNARY_MUL : INK_UNARY_DIV;
	struct ink_unary fn[2];
	uint32_t from;

	if (op->kind != INK_NET_ADD && op->kind != INK_NET_MUL && op->kind != INK_NET_DIV)
		return false;
	from = trace(f, op->in[0], &fn[0]);
	if (from != trace(f, op->in[1], &fn[1]) ||
	    !ink_unary_combine(&fn[0], &fn[1], code, op->ca, op->cb))
		return false;
	op->kind = INK_NET_UNARY;
	op->f = fn[0];
	op->n_in = 1;
	op->in[0] = from;
	return true;
}

/* sum(k (a - b)^2) */
static bool fold_dist(struct ink_fold *f, struct ink_net_op *op)
{
	struct ink_net_op *square, *diff;
	double k, s, b;

	if (op->kind == INK_NET_AFFINE && input_of(f, op, 0)->kind == INK_NET_DIST &&
	    sole(f, op, 0) && uniform(op, &s, &b) && b == 0 && s > 0) {
		input_of(f, op, 0)->ca *= s;
		replace(f, op - f->net->ops, op->in[0]);
		return true;
	}
	if (op->kind != INK_NET_REDUCE)
		return false;
	square = input_of(f, op, 0);
	if (square->kind != INK_NET_UNARY || !ink_unary_is_square(&square->f, &k))
		return false;
	diff = input_of(f, square, 0);
	if (diff->kind != INK_NET_ADD || diff->ca != -diff->cb)
		return false;
	op->kind = INK_NET_DIST;
	op->ca *= k * diff->ca * diff->ca;
	op->n_in = 2;
	op->in[0] = diff->in[0];
	op->in[1] = diff->in[1];
	return true;
}

/* The function after a layer becomes its activation. */
static bool fold_activation(struct ink_fold *f, struct ink_net_op *op)
{
	struct ink_net_op *x;

	if (op->kind != INK_NET_UNARY || !sole(f, op, 0))
		return false;
	x = input_of(f, op, 0);
	if (x->kind != INK_NET_DENSE || x->f.n)
		return false;
	x->f = op->f;
	x->before = x->fixed;
	x->fixed = op->fixed;
	replace(f, op - f->net->ops, op->in[0]);
	return true;
}

/* What no rule took: a layer with a diagonal matrix. */
static bool fold_diagonal(struct ink_fold *f, struct ink_net_op *op)
{
	size_t n = op->width, i;

	if (op->kind != INK_NET_AFFINE)
		return false;
	if (n > 1024)
		return ink_fail(f->why, "%s: scales %zu elements where no layer can take it up",
				op->label, n);
	op->w = ink_net_numbers(f->net, n * n, f->why);
	if (!op->w)
		return false;
	for (i = 0; i < n; i++)
		op->w[i * n + i] = op->s[i];
	op->kind = INK_NET_DENSE;
	return true;
}

/* Rules of a later stage see what those of the earlier ones have left. */
static bool (*const stages[][8])(struct ink_fold *f, struct ink_net_op *op) = {
	{ fold_range, fold_dist, fold_affine, fold_after_dense, fold_before_dense,
	  fold_dense_pair },
	{ fold_formula, fold_unary_pair },
	{ fold_activation },
	{ fold_diagonal },
};

#define N_STAGES (sizeof(stages) / sizeof(stages[0]))

/* Each operator once; true if something changed. */
static bool apply_stage(struct ink_fold *f, uint32_t stage)
{
	bool changed = false;
	uint32_t i, r;

	count_uses(f);
	for (i = 0; i < f->net->n_ops; i++) {
		for (r = 0; r < 8 && stages[stage][r] && !f->why->set; r++) {
			if (f->net->ops[i].kind == INK_NET_DEAD ||
			    !stages[stage][r](f, &f->net->ops[i]))
				continue;
			changed = true;
			count_uses(f);
		}
	}
	return changed;
}

bool ink_fold_run(struct ink_fold *f)
{
	uint32_t stage = 0;

	while (stage < N_STAGES && !f->why->set) {
		if (!apply_stage(f, stage)) {
			stage++;
			continue;
		}
		/* What nothing reads any more must not count as a reader. */
		if (!ink_net_sort(f->net, f->why))
			return false;
		stage = 0;
	}
	return !f->why->set;
}

static bool check_left(const struct ink_fold *f, const struct ink_net_op *op)
{
	bool last = op == &f->net->ops[f->net->output];

	if (op->kind == INK_NET_REDUCE)
		return ink_fail(f->why, "%s: it isn't of squared differences of two vectors",
				op->label) ||
		       ink_hint(f->why, "supported: the sum or mean over the row of (a - b)^2, as the output");
	if (op->kind == INK_NET_DIV)
		return ink_fail(f->why, "%s: divides one vector by another", op->label) ||
		       ink_hint(f->why, "division is supported by constants, and inside formulas of one vector");
	if ((op->kind == INK_NET_SOFTMAX || op->kind == INK_NET_DIST) && !last)
		return ink_fail(f->why, "%s: %s is supported only as the output", op->label,
				op->kind == INK_NET_DIST ? "a squared distance" : "a softmax");
	if (op->kind == INK_NET_INPUT && last)
		return ink_fail(f->why, "the model computes nothing: its output is its input");
	return true;
}

bool ink_net_fold(struct ink_net *net, enum ink_head_wish wish, struct ink_diag *why)
{
	struct ink_fold f = { .net = net, .why = why };
	uint32_t i;
	bool ok;

	f.uses = calloc(net->room, sizeof(*f.uses));
	if (!f.uses)
		return ink_fail(why, "no memory to simplify the network");
	ok = ink_head_before(&f, wish) && ink_fold_run(&f) && ink_head_after(&f, wish) &&
	     ink_fold_run(&f);
	for (i = 0; ok && i < net->n_ops; i++)
		ok = check_left(&f, &net->ops[i]);
	free(f.uses);
	return ok;
}
