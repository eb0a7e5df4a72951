// SPDX-License-Identifier: GPL-2.0-only
/*
 * From integers to an image, for sequences.
 *
 * What lives here: one engine operator for each operator of the network:
 * multipliers, tables and clamps that follow from the scales. What doesn't:
 * choosing these (seq_quant.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seq_emit.h"

struct emission {
	const struct ink_seq_quant *q;
	struct ink_builder *b;
	uint32_t *tensor;	/* by operator */
	struct ink_pool pool;	/* of what is copied into the image */
	struct ink_diag *why;
};

static const struct ink_seq_op *op_at(const struct emission *e, uint32_t i)
{
	return &e->q->net->ops[i];
}

static double scale_of(const struct emission *e, uint32_t i)
{
	return e->q->grid[i].scale;
}

static void *numbers(struct emission *e, size_t n, size_t size)
{
	void *p = ink_pool_alloc(&e->pool, n, size);

	if (!p)
		ink_fail(e->why, "no memory for the image");
	return p;
}

static int32_t round32(double v)
{
	return (int32_t)fmin(fmax(nearbyint(v), -INT32_MAX), INT32_MAX);
}

static void show_scale(struct emission *e, uint32_t tensor, double scale)
{
	float f = (float)scale;
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	ink_builder_scale(e->b, tensor, bits, 0);
}

static uint32_t make(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	unsigned int dtype = e->q->grid[i].logits ? INKLING_INT32 : INKLING_INT16;

	e->tensor[i] = op->seq ? ink_builder_sequence(e->b, dtype, op->rows, op->cols) :
		       ink_builder_rows(e->b, dtype, op->rows, op->cols);
	show_scale(e, e->tensor[i], scale_of(e, i));
	return e->tensor[i];
}

/* ratio = mult / 2^shift */
static bool ratio_of(struct emission *e, uint32_t i, double ratio, int32_t *mult, int8_t *shift)
{
	if (ink_quant_ratio(ratio, mult, shift))
		return true;
	return ink_fail(e->why, "%s: its operands are too large beside its result",
			op_at(e, i)->label);
}

/* Multipliers and shifts of rows, steps times @in to the output's scale. */
static bool emit_ratios(struct emission *e, uint32_t i, uint32_t rows, double in, uint32_t *tensor)
{
	int32_t *mult = numbers(e, rows, sizeof(*mult));
	int8_t *shift = numbers(e, rows, 1);
	uint32_t r;

	if (!mult || !shift)
		return false;
	for (r = 0; r < rows; r++)
		if (!ratio_of(e, i, in * e->q->grid[i].step[r] / scale_of(e, i), &mult[r],
			      &shift[r]))
			return false;
	tensor[0] = ink_builder_vector(e->b, INKLING_INT32, rows, mult);
	tensor[1] = ink_builder_vector(e->b, INKLING_INT8, rows, shift);
	return true;
}

/* int16 in steps of @scale. */
static bool emit_matrix16(struct emission *e, const double *v, uint32_t rows, uint32_t cols,
			  double scale, uint32_t *tensor)
{
	size_t n = (size_t)rows * cols, i;
	int16_t *q = numbers(e, n, sizeof(*q));

	if (!q)
		return false;
	for (i = 0; i < n; i++)
		q[i] = (int16_t)fmin(fmax(nearbyint(v[i] / scale), -INT16_MAX), INT16_MAX);
	*tensor = ink_builder_matrix(e->b, INKLING_INT16, rows, cols, q);
	return true;
}

static bool emit_embed(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	const struct ink_seq_grid *g = &e->q->grid[i];
	uint32_t in[5] = { e->tensor[op->in[0]] }, n = 4;
	const int32_t attr[3] = { (int32_t)e->q->net->pad, -g->limit, g->limit };

	in[1] = ink_builder_matrix(e->b, INKLING_INT8, op->words, op->cols, g->w);
	if (!emit_ratios(e, i, op->words, 1, &in[2]))
		return false;
	if (op->b && !emit_matrix16(e, op->b, op->rows, op->cols, g->scale, &in[n++]))
		return false;
	ink_builder_op(e->b, INKLING_OP_EMBED, make(e, i), in, n, attr, 3);
	return true;
}

static bool emit_hashembed(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	const struct ink_seq_grid *g = &e->q->grid[i];
	uint32_t in[3] = { e->tensor[op->in[0]] };
	int32_t attr[6] = { (int32_t)op->gram, (int32_t)op->seed, 0, 0, -g->limit, g->limit };
	int8_t shift;

	if (!ratio_of(e, i, g->step[0] / g->scale, &attr[2], &shift))
		return false;
	attr[3] = shift;
	in[1] = ink_builder_matrix(e->b, INKLING_INT8, op->words, op->cols, g->w);
	if (op->n_in > 1)
		in[2] = e->tensor[op->in[1]];
	ink_builder_op(e->b, INKLING_OP_HASHEMBED, make(e, i), in, op->n_in + 1, attr, 6);
	return true;
}

static bool emit_linear(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	const struct ink_seq_grid *g = &e->q->grid[i];
	uint32_t in[6] = { e->tensor[op->in[0]] }, n = op_at(e, op->in[0])->cols, o;
	double x = scale_of(e, op->in[0]);
	int32_t *bias = numbers(e, op->cols, sizeof(*bias)), attr[2] = { -g->limit, g->limit };

	if (!bias)
		return false;
	for (o = 0; o < op->cols; o++)
		bias[o] = round32(g->bias[o] / x / g->step[o]);
	if (g->logits) {
		attr[0] = INT32_MIN;
		attr[1] = INT32_MAX;
	}
	/* With a second input there is no clamp but that of the type, see fold_residual(). */
	if (isfinite(op->lo))
		attr[0] = (int32_t)fmax(attr[0], nearbyint(op->lo / g->scale));
	if (isfinite(op->hi))
		attr[1] = (int32_t)fmin(attr[1], nearbyint(op->hi / g->scale));
	in[1] = ink_builder_matrix(e->b, INKLING_INT8, op->cols, n, g->w);
	in[2] = ink_builder_vector(e->b, INKLING_INT32, op->cols, bias);
	if (!emit_ratios(e, i, op->cols, x, &in[3]))
		return false;
	if (op->n_in > 1)
		in[5] = e->tensor[op->in[1]];
	ink_builder_op(e->b, INKLING_OP_LINEAR, make(e, i), in, op->n_in > 1 ? 6 : 5, attr, 2);
	return true;
}

/* What the engine adds to the sum of squares, and what it is multiplied by, see op_norm(). */
static bool emit_norm(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	bool rms = op->mode == INKLING_NORM_RMS;
	double d = op->cols, x = scale_of(e, op->in[0]), y = scale_of(e, i), top = 0, eps;
	uint32_t in[3] = { e->tensor[op->in[0]] }, j;
	int32_t attr[6] = { op->mode, 1, 0, 46, -e->q->grid[i].limit, e->q->grid[i].limit };
	int16_t *gamma = numbers(e, op->cols, sizeof(*gamma));
	int32_t *beta = numbers(e, op->cols, sizeof(*beta));

	if (!gamma || !beta)
		return false;
	eps = op->eps / x / x * d * (rms ? 1 : d);
	while (eps >= 1u << 31 && attr[2] < 30) {
		eps /= 2;
		attr[2]++;
	}
	attr[1] = (int32_t)fmin(fmax(nearbyint(eps), 1), INT32_MAX);
	for (j = 0; j < op->cols; j++)
		top = fmax(top, fabs(op->s[j]) * (rms ? sqrt(d) : 1) / y);
	/* The shift that lets the largest factor have 15 bits. */
	while (attr[3] > 1 && ldexp(top, attr[3] - 24) > INT16_MAX)
		attr[3]--;
	for (j = 0; j < op->cols; j++) {
		gamma[j] = (int16_t)fmin(fmax(nearbyint(ldexp(op->s[j] * (rms ? sqrt(d) : 1) / y,
							      attr[3] - 24)), -INT16_MAX), INT16_MAX);
		beta[j] = round32(op->b[j] / y);
	}
	in[1] = ink_builder_vector(e->b, INKLING_INT16, op->cols, gamma);
	in[2] = ink_builder_vector(e->b, INKLING_INT32, op->cols, beta);
	ink_builder_op(e->b, INKLING_OP_NORM, make(e, i), in, 3, attr, 6);
	return true;
}

static bool emit_curve(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	int16_t points[INKLING_CURVE_POINTS];
	double x = scale_of(e, op->in[0]), y, most = e->q->grid[i].limit;
	uint32_t in[2] = { e->tensor[op->in[0]] };
	int k;

	for (k = 0; k < INKLING_CURVE_POINTS; k++) {
		y = ink_unary_eval(&op->f, (k * 64 - 32768) * x) / scale_of(e, i);
		points[k] = isnan(y) ? 0 : (int16_t)fmin(fmax(nearbyint(y), -most), most);
	}
	in[1] = ink_builder_vector(e->b, INKLING_INT16, INKLING_CURVE_POINTS, points);
	ink_builder_op(e->b, INKLING_OP_CURVE, make(e, i), in, 2, NULL, 0);
	return true;
}

/* Two multipliers with one shift. */
static bool emit_sum(struct emission *e, uint32_t i, double a, double b, const uint32_t *in)
{
	double ra = a / scale_of(e, i), rb = b / scale_of(e, i);
	int32_t attr[8] = { 0 }, mult;
	int8_t shift;

	if (!ratio_of(e, i, fmax(fabs(ra), fabs(rb)), &mult, &shift))
		return false;
	attr[2] = round32(ldexp(ra, shift));
	attr[3] = round32(ldexp(rb, shift));
	attr[4] = shift;
	attr[6] = -e->q->grid[i].limit;
	attr[7] = e->q->grid[i].limit;
	ink_builder_op(e->b, INKLING_OP_ADD, make(e, i), in, 2, attr, 8);
	return true;
}

static bool emit_add(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	const uint32_t in[2] = { e->tensor[op->in[0]], e->tensor[op->in[1]] };

	return emit_sum(e, i, op->ca * scale_of(e, op->in[0]), op->cb * scale_of(e, op->in[1]), in);
}

/* A matrix of the network as int16, its scale found from its greatest number. */
static bool emit_whole(struct emission *e, uint32_t i, double *scale, uint32_t *tensor)
{
	const struct ink_seq_op *op = op_at(e, i);
	size_t n = (size_t)op->rows * op->cols, k;
	double top = 0;

	for (k = 0; k < n; k++)
		top = fmax(top, fabs(op->b[k]));
	*scale = top > 0 ? top / INT16_MAX : 1;
	return emit_matrix16(e, op->b, op->rows, op->cols, *scale, tensor);
}

static bool emit_position(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	uint32_t in[2] = { e->tensor[op->in[0]] };
	double scale;

	return emit_whole(e, i, &scale, &in[1]) &&
	       emit_sum(e, i, scale_of(e, op->in[0]), scale, in);
}

static bool emit_product(struct emission *e, uint32_t i, double scale, const uint32_t *in)
{
	int32_t attr[8] = { 0 };
	int8_t shift;

	if (!ratio_of(e, i, scale / scale_of(e, i), &attr[2], &shift))
		return false;
	/* The verifier wants products times the multiplier below 2^61: 2^31 times 2^30. */
	for (; attr[2] >= 1 << 29 && shift > 1; shift--)
		attr[2] /= 2;
	attr[4] = shift;
	attr[6] = -e->q->grid[i].limit;
	attr[7] = e->q->grid[i].limit;
	ink_builder_op(e->b, INKLING_OP_MUL, make(e, i), in, 2, attr, 8);
	return true;
}

static bool emit_mul(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	const uint32_t in[2] = { e->tensor[op->in[0]], e->tensor[op->in[1]] };

	return emit_product(e, i, scale_of(e, op->in[0]) * scale_of(e, op->in[1]), in);
}

static bool emit_factor(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	uint32_t in[2] = { e->tensor[op->in[0]] };
	double scale;

	return emit_whole(e, i, &scale, &in[1]) &&
	       emit_product(e, i, scale_of(e, op->in[0]) * scale, in);
}

/* Queries that are constant: as large as scores of 32 bits let them be. */
static bool constant_queries(struct emission *e, uint32_t i, double *scale, uint32_t *tensor)
{
	const struct ink_seq_op *op = op_at(e, i);
	uint32_t d = op->cols / op->heads;
	double most = 0.99 * INT32_MAX / d / e->q->grid[op->in[0]].limit, top = 0;
	size_t n = (size_t)op->rows * op->cols, k;

	for (k = 0; k < n; k++)
		top = fmax(top, fabs(op->w[k]));
	*scale = top > 0 ? top / fmin(floor(most), INT16_MAX) : 1;
	return emit_matrix16(e, op->w, op->rows, op->cols, *scale, tensor);
}

static bool emit_attention(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	uint32_t first = op->n_in - 2, in[3];
	double q = first ? scale_of(e, op->in[0]) : 1;
	int32_t attr[6] = { (int32_t)op->heads, (int32_t)op->groups, op->causal,
			    (int32_t)op->window };
	int8_t shift;

	if (first)
		in[0] = e->tensor[op->in[0]];
	else if (!constant_queries(e, i, &q, &in[0]))
		return false;
	in[1] = e->tensor[op->in[first]];
	in[2] = e->tensor[op->in[first + 1]];
	if (!ratio_of(e, i, q * scale_of(e, op->in[first]) * op->scale * M_LOG2E * 32768, &attr[4],
		      &shift))
		return false;
	attr[5] = shift;
	ink_builder_op(e->b, INKLING_OP_ATTENTION, make(e, i), in, 3, attr, 6);
	return true;
}

static void emit_moved(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	const struct ink_seq_window *u = &op->unfold;
	uint32_t in = e->tensor[op->in[0]];
	const int32_t window[6] = { (int32_t)u->width, (int32_t)u->kh, (int32_t)u->kw,
				    (int32_t)u->stride, (int32_t)u->ph, (int32_t)u->pw };
	const int32_t back = op->seq, shift[3] = { op->by, 0, (int32_t)op->cols };

	if (op->kind == INK_SEQ_POOL)
		ink_builder_op(e->b, INKLING_OP_POOL, make(e, i), &in, 1, &op->mode, 1);
	else if (op->kind == INK_SEQ_TRANSPOSE)
		ink_builder_op(e->b, INKLING_OP_TRANSPOSE, make(e, i), &in, 1, &back, 1);
	else if (op->kind == INK_SEQ_SHIFT)
		ink_builder_op(e->b, INKLING_OP_SHIFT, make(e, i), &in, 1, shift, 3);
	else if (op->kind == INK_SEQ_MAXOUT)
		ink_builder_op(e->b, INKLING_OP_MAXOUT, make(e, i), &in, 1, NULL, 0);
	else
		ink_builder_op(e->b, INKLING_OP_UNFOLD, make(e, i), &in, 1, window, 6);
}

/* Shares are in Q15, steps of what they are made of in octaves of Q15. */
static bool emit_gate(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	uint32_t in = e->tensor[op->in[0]];
	int32_t attr[3] = { (int32_t)op->k };
	int8_t shift;

	if (!ratio_of(e, i, scale_of(e, op->in[0]) * M_LOG2E * 32768, &attr[1], &shift))
		return false;
	attr[2] = shift;
	ink_builder_op(e->b, INKLING_OP_GATE, make(e, i), &in, 1, attr, 3);
	return true;
}

static void emit_scale(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	const int32_t column = (int32_t)op->k;
	uint32_t in[3], k;

	for (k = 0; k < op->n_in; k++)
		in[k] = e->tensor[op->in[k]];
	ink_builder_op(e->b, INKLING_OP_SCALE, make(e, i), in, op->n_in, &column, 1);
}

/* One step of the logits in units of 2^-16 octaves. */
static bool emit_softmax(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	uint32_t in = e->tensor[op->in[0]];
	int32_t attr[2];
	int8_t shift;

	if (!ratio_of(e, i, scale_of(e, op->in[0]) * M_LOG2E * 65536, &attr[0], &shift))
		return false;
	attr[1] = shift;
	e->tensor[i] = ink_builder_activation(e->b, INKLING_INT16, op->cols);
	show_scale(e, e->tensor[i], 1.0 / 32768);
	ink_builder_op(e->b, INKLING_OP_SOFTMAX, e->tensor[i], &in, 1, attr, 2);
	return true;
}

static bool emit_op(struct emission *e, uint32_t i)
{
	const struct ink_seq_op *op = op_at(e, i);
	uint32_t words = 0, k;

	switch (op->kind) {
	case INK_SEQ_TOKENS:
		for (k = 0; k < e->q->net->n_ops; k++)
			if (op_at(e, k)->kind == INK_SEQ_EMBED && op_at(e, k)->words > words)
				words = op_at(e, k)->words;
		/* Without a table by token there may be any. */
		e->tensor[i] = ink_builder_tokens(e->b, !words || words > 256 ? INKLING_UINT16 : INKLING_UINT8,
						  e->q->net->tokens);
		return true;
	case INK_SEQ_EMBED:
		return emit_embed(e, i);
	case INK_SEQ_HASHEMBED:
		return emit_hashembed(e, i);
	case INK_SEQ_LINEAR:
		return emit_linear(e, i);
	case INK_SEQ_NORM:
		return emit_norm(e, i);
	case INK_SEQ_UNARY:
		return emit_curve(e, i);
	case INK_SEQ_ADD:
		return emit_add(e, i);
	case INK_SEQ_POSITION:
		return emit_position(e, i);
	case INK_SEQ_MUL:
		return emit_mul(e, i);
	case INK_SEQ_FACTOR:
		return emit_factor(e, i);
	case INK_SEQ_ATTENTION:
		return emit_attention(e, i);
	case INK_SEQ_POOL:
	case INK_SEQ_TRANSPOSE:
	case INK_SEQ_UNFOLD:
	case INK_SEQ_MAXOUT:
	case INK_SEQ_SHIFT:
		emit_moved(e, i);
		return true;
	case INK_SEQ_GATE:
		return emit_gate(e, i);
	case INK_SEQ_SCALE:
		emit_scale(e, i);
		return true;
	case INK_SEQ_SOFTMAX:
		return emit_softmax(e, i);
	default:
		return ink_fail(e->why, "%s: left unsimplified", op->label);
	}
}

bool ink_seq_emit(const struct ink_seq_quant *q, const struct ink_card_text *card,
		  unsigned int head, int32_t threshold, void **image, size_t *size,
		  struct ink_diag *why)
{
	struct emission e = { .q = q, .b = ink_builder_new(), .why = why };
	bool ok = e.b;
	uint32_t i, input = 0;

	ink_pool_init(&e.pool, INKLING_MAX_IMAGE * (size_t)2);
	e.tensor = numbers(&e, q->net->n_ops, sizeof(*e.tensor));
	ok = ok && e.tensor;
	if (!ok)
		ink_fail(why, "no memory for the image");
	else
		ink_emit_card(e.b, card);
	for (i = 0; ok && i < q->net->n_ops; i++) {
		ok = emit_op(&e, i);
		input = q->net->ops[i].kind == INK_SEQ_TOKENS ? e.tensor[i] : input;
	}
	if (ok) {
		ink_builder_io(e.b, input, e.tensor[q->net->output], head, threshold);
		if (ink_builder_finish(e.b, image, size))
			ok = ink_fail(why, "%s", ink_builder_error(e.b));
	}
	ink_builder_free(e.b);
	ink_pool_free(&e.pool);
	return ok;
}
