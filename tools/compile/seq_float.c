// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network of sequence operators in doubles.
 *
 * What lives here: what each operator computes, for the calibration and for
 * comparing float with integers. What doesn't: ONNX (onnx_float.c).
 */
#include <math.h>
#include <string.h>

#include "seq_net.h"

struct run {
	const struct ink_seq_net *net;
	const uint16_t *tokens;
	uint32_t n;
	struct ink_pool *pool;
	double **values;
	struct ink_diag *why;
};

static void run_embed(struct run *r, const struct ink_seq_op *op, double *y)
{
	uint32_t d = op->cols, i, j, t;

	for (i = 0; i < r->n; i++) {
		t = r->tokens[i] < op->words ? r->tokens[i] : r->net->pad;
		for (j = 0; j < d; j++)
			y[(size_t)i * d + j] = op->w[(size_t)t * d + j] +
					       (op->b ? op->b[(size_t)i * d + j] : 0);
	}
}

/* Hashes as the engine's; tokens before the first are 0, others one more than they are. */
static void run_hashembed(struct run *r, const struct ink_seq_op *op, const double *add, double *y)
{
	uint32_t d = op->cols, i, j, k, h;

	for (i = 0; i < r->n; i++) {
		for (h = op->seed, k = op->gram; k--;)
			h = (h + (k > i ? 0 : r->tokens[i - k] + 1u)) * INKLING_HASH_FACTOR;
		h = (h >> INKLING_HASH_SHIFT) % op->words;
		for (j = 0; j < d; j++)
			y[(size_t)i * d + j] = op->w[(size_t)h * d + j] +
					       (add ? add[(size_t)i * d + j] : 0);
	}
}

static void run_linear(const struct ink_seq_op *op, uint32_t n, const double *x, uint32_t rows,
		       const double *add, double *y)
{
	uint32_t i, o, k;

	for (i = 0; i < rows; i++, x += n)
		for (o = 0; o < op->cols; o++) {
			const double *w = op->w + (size_t)o * n;
			double sum = op->b ? op->b[o] : 0;

			for (k = 0; k < n; k++)
				sum += w[k] * x[k];
			sum = fmin(fmax(sum, op->lo), op->hi);
			y[(size_t)i * op->cols + o] = sum + (add ? add[(size_t)i * op->cols + o] : 0);
		}
}

static void run_norm(const struct ink_seq_op *op, const double *x, uint32_t rows, double *y)
{
	uint32_t d = op->cols, i, j;

	for (i = 0; i < rows; i++, x += d, y += d) {
		double mean = 0, square = 0;

		for (j = 0; op->mode == INKLING_NORM_LAYER && j < d; j++)
			mean += x[j] / d;
		for (j = 0; j < d; j++)
			square += (x[j] - mean) * (x[j] - mean) / d;
		for (j = 0; j < d; j++)
			y[j] = (x[j] - mean) / sqrt(square + op->eps) * op->s[j] + op->b[j];
	}
}

/* Which keys a query sees, as the engine's ink_view_of(). */
static bool sees(const struct ink_seq_op *op, uint32_t row, uint32_t key)
{
	if (op->causal && key > row)
		return false;
	return !op->window || (key < row + op->window && row < key + op->window);
}

static void attend(const struct ink_seq_op *op, const double *q, const double *k, const double *v,
		   uint32_t row, uint32_t keys, uint32_t d, uint32_t cols, double *share, double *y)
{
	double top = -INFINITY, sum = 0;
	uint32_t i, j;

	for (i = 0; i < keys; i++) {
		share[i] = -INFINITY;
		if (!sees(op, row, i))
			continue;
		for (share[i] = 0, j = 0; j < d; j++)
			share[i] += q[j] * k[(size_t)i * cols + j];
		share[i] *= op->scale;
		top = fmax(top, share[i]);
	}
	for (i = 0; i < keys; i++)
		sum += share[i] = exp(share[i] - top);
	for (i = 0; i < keys; i++)
		for (j = 0; j < d; j++)
			y[j] += share[i] / sum * v[(size_t)i * cols + j];
}

static bool run_attention(struct run *r, const struct ink_seq_op *op, double *y)
{
	uint32_t first = op->n_in - 2, d = op->cols / op->heads, row, h, at;
	const struct ink_seq_op *k = &r->net->ops[op->in[first]];
	uint32_t keys = ink_seq_rows(k, r->n);
	const double *q = first ? r->values[op->in[0]] : op->w;
	double *share = ink_pool_alloc(r->pool, keys, sizeof(*share));

	if (!share)
		return ink_fail(r->why, "%s: no memory", op->label);
	for (row = 0; row < ink_seq_rows(op, r->n); row++)
		for (h = 0; h < op->heads; h++) {
			at = h / (op->heads / op->groups) * d;
			attend(op, q + (size_t)row * op->cols + h * d,
			       r->values[op->in[first]] + at, r->values[op->in[first + 1]] + at, row,
			       keys, d, k->cols, share, y + (size_t)row * op->cols + h * d);
		}
	return true;
}

static void run_pool(const struct ink_seq_op *op, const double *x, uint32_t rows, double *y)
{
	uint32_t d = op->cols, i, j;

	for (j = 0; j < d; j++) {
		if (op->mode == INKLING_POOL_FIRST || op->mode == INKLING_POOL_LAST) {
			y[j] = x[(op->mode == INKLING_POOL_LAST ? (size_t)(rows - 1) * d : 0) + j];
			continue;
		}
		y[j] = op->mode == INKLING_POOL_MAX ? -INFINITY : 0;
		for (i = 0; i < rows; i++)
			y[j] = op->mode == INKLING_POOL_MAX ? fmax(y[j], x[(size_t)i * d + j]) :
			       y[j] + x[(size_t)i * d + j] / rows;
	}
}

/* Windows: what lies outside is zero. */
static void run_unfold(const struct ink_seq_op *op, const struct ink_seq_op *in, const double *x,
		       uint32_t have, uint32_t rows, double *y)
{
	const struct ink_seq_window *u = &op->unfold;
	uint32_t d = in->cols, w = u->width ? u->width : have, h = u->width ? in->rows / w : 1;
	uint32_t across = u->width ? (w + 2 * u->pw - u->kw) / u->stride + 1 : rows, i, k;

	for (i = 0; i < rows; i++)
		for (k = 0; k < u->kh * u->kw; k++, y += d) {
			uint32_t row = i / across * u->stride + k / u->kw - u->ph;
			uint32_t col = i % across * u->stride + k % u->kw - u->pw;

			if (row < h && col < w)
				memcpy(y, x + ((size_t)row * w + col) * d, d * sizeof(*y));
		}
}

static void run_shift(const struct ink_seq_op *op, const double *x, uint32_t rows, double *y)
{
	uint32_t i;

	for (i = 0; i < rows; i++, y += op->cols)
		if ((uint32_t)((int32_t)i - op->by) < rows)
			memcpy(y, x + (size_t)((int32_t)i - op->by) * op->cols, op->cols * sizeof(*y));
}

static void run_shape(struct run *r, const struct ink_seq_op *op, const double *x, double *y)
{
	const struct ink_seq_op *in = &r->net->ops[op->in[0]];
	uint32_t have = ink_seq_rows(in, r->n), rows = ink_seq_rows(op, r->n), i, j;

	if (op->kind == INK_SEQ_UNFOLD)
		return run_unfold(op, in, x, have, rows, y);
	for (i = 0; i < rows; i++)
		for (j = 0; j < op->cols; j++) {
			double *to = &y[(size_t)i * op->cols + j];

			if (op->kind == INK_SEQ_MAXOUT) {
				uint32_t k;

				for (*to = -INFINITY, k = j; k < in->cols; k += op->cols)
					*to = fmax(*to, x[(size_t)i * in->cols + k]);
			} else {
				*to = j < have ? x[(size_t)j * in->cols + i] : 0;
			}
		}
}

static void run_softmax(const struct ink_seq_op *op, const double *x, double *y)
{
	double top = -INFINITY, sum = 0;
	uint32_t j;

	for (j = 0; j < op->cols; j++)
		top = fmax(top, x[j]);
	for (j = 0; j < op->cols; j++)
		sum += y[j] = exp(x[j] - top);
	for (j = 0; j < op->cols; j++)
		y[j] /= sum;
}

/* Of equals the first are among the greatest, as for the engine. */
static void run_gate(const struct ink_seq_op *op, const double *x, uint32_t rows, double *y)
{
	uint32_t d = op->cols, i, j, k, before;
	double top, sum;

	for (i = 0; i < rows; i++, x += d, y += d) {
		for (j = 0, top = x[0]; j < d; j++)
			top = fmax(top, x[j]);
		for (j = 0, sum = 0; j < d; j++) {
			for (k = 0, before = 0; k < d; k++)
				before += x[k] > x[j] || (x[k] == x[j] && k < j);
			y[j] = before < op->k ? exp(x[j] - top) : 0;
			sum += y[j];
		}
		for (j = 0; j < d; j++)
			y[j] /= sum;
	}
}

static void run_scale(struct run *r, const struct ink_seq_op *op, uint32_t rows, double *y)
{
	const double *x = r->values[op->in[0]], *gate = r->values[op->in[1]];
	const double *add = op->n_in > 2 ? r->values[op->in[2]] : NULL;
	uint32_t wide = r->net->ops[op->in[1]].cols, i, j;

	for (i = 0; i < rows; i++)
		for (j = 0; j < op->cols; j++, x++)
			*y++ = *x * gate[(size_t)i * wide + op->k] + (add ? *add++ : 0);
}

/* Element by element. */
static void run_elements(const struct ink_seq_op *op, const double *a, const double *b, size_t n,
			 double *y)
{
	size_t i;

	for (i = 0; i < n; i++) {
		switch (op->kind) {
		case INK_SEQ_ADD:
			y[i] = op->ca * a[i] + op->cb * b[i];
			break;
		case INK_SEQ_MUL:
			y[i] = a[i] * b[i];
			break;
		case INK_SEQ_AFFINE:
			y[i] = a[i] * op->s[i % op->cols] + op->b[i % op->cols];
			break;
		case INK_SEQ_POSITION:
			y[i] = a[i] + op->b[i];
			break;
		case INK_SEQ_FACTOR:
			y[i] = a[i] * op->b[i];
			break;
		default:
			y[i] = ink_unary_eval(&op->f, a[i]);
		}
	}
}

static bool run_op(struct run *r, const struct ink_seq_op *op, double *y)
{
	const double *x = op->n_in ? r->values[op->in[0]] : NULL;
	const double *z = op->n_in > 1 ? r->values[op->in[1]] : NULL;
	uint32_t rows = ink_seq_rows(op, r->n);

	switch (op->kind) {
	case INK_SEQ_TOKENS:
		return true;
	case INK_SEQ_EMBED:
		run_embed(r, op, y);
		return true;
	case INK_SEQ_HASHEMBED:
		run_hashembed(r, op, z, y);
		return true;
	case INK_SEQ_LINEAR:
		run_linear(op, r->net->ops[op->in[0]].cols, x, rows, z, y);
		return true;
	case INK_SEQ_NORM:
		run_norm(op, x, rows, y);
		return true;
	case INK_SEQ_ATTENTION:
		return run_attention(r, op, y);
	case INK_SEQ_POOL:
		run_pool(op, x, ink_seq_rows(&r->net->ops[op->in[0]], r->n), y);
		return true;
	case INK_SEQ_TRANSPOSE:
	case INK_SEQ_UNFOLD:
	case INK_SEQ_MAXOUT:
		run_shape(r, op, x, y);
		return true;
	case INK_SEQ_GATE:
		run_gate(op, x, rows, y);
		return true;
	case INK_SEQ_SCALE:
		run_scale(r, op, rows, y);
		return true;
	case INK_SEQ_SHIFT:
		run_shift(op, x, rows, y);
		return true;
	case INK_SEQ_SOFTMAX:
		run_softmax(op, x, y);
		return true;
	case INK_SEQ_UNARY:
	case INK_SEQ_ADD:
	case INK_SEQ_MUL:
	case INK_SEQ_AFFINE:
	case INK_SEQ_POSITION:
	case INK_SEQ_FACTOR:
		run_elements(op, x, z, (size_t)rows * op->cols, y);
		return true;
	default:
		return ink_fail(r->why, "%s: left unsimplified", op->label);
	}
}

bool ink_seq_eval(const struct ink_seq_net *net, const uint16_t *tokens, uint32_t n,
		  struct ink_pool *pool, double **values, struct ink_diag *why)
{
	struct run r = { net, tokens, n, pool, values, why };
	uint32_t i;

	for (i = 0; i < net->n_ops; i++) {
		const struct ink_seq_op *op = &net->ops[i];

		values[i] = ink_pool_alloc(pool, (size_t)ink_seq_rows(op, n) * op->cols,
					   sizeof(**values));
		if (!values[i])
			return ink_fail(why, "%s: no memory for its results", op->label);
		if (!run_op(&r, op, values[i]))
			return false;
	}
	return true;
}
