// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a language model's integers to an image.
 *
 * What lives here: the operators of a decoder of the Llama family, with
 * multipliers and shifts from the scales that were chosen. What doesn't: the
 * choice (llama_quant.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llama_quant.h"

/*
 * @bad: op that was given a ratio which no multiplier and shift can be
 */
struct emission {
	const struct ink_llama_quant *q;
	struct ink_builder *b;
	const char *bad;
	uint32_t table, angles;
};

static void show_scale(struct emission *e, uint32_t tensor, double scale)
{
	float f = (float)scale;
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	ink_builder_scale(e->b, tensor, bits, 0);
}

static uint32_t sequence(struct emission *e, uint32_t cols, double scale)
{
	uint32_t t = ink_builder_sequence(e->b, INKLING_INT16, e->q->tokens, cols);

	show_scale(e, t, scale);
	return t;
}

/* Multiplier and shift; the first that can't be is remembered. */
static void ratio(struct emission *e, double r, int32_t *mult, int8_t *shift, const char *what)
{
	if (!ink_quant_ratio(r, mult, shift) && !e->bad)
		e->bad = what;
}

/* Multipliers and shifts of rows as two constants, in @in[0] and @in[1]. */
static void scales(struct emission *e, const double *step, uint32_t n, double factor, uint32_t *in,
		   const char *what)
{
	int32_t *mult = malloc(n * sizeof(*mult));
	int8_t *shift = malloc(n);
	uint32_t i;

	if (mult && shift) {
		for (i = 0; i < n; i++)
			ratio(e, step[i] * factor, &mult[i], &shift[i], what);
		in[0] = ink_builder_vector(e->b, INKLING_INT32, n, mult);
		in[1] = ink_builder_vector(e->b, INKLING_INT8, n, shift);
	} else {
		e->bad = "memory";
	}
	free(mult);
	free(shift);
}

static uint32_t biases(struct emission *e, const struct ink_llama_weights *w, double in)
{
	int32_t *bias = calloc(w->rows, sizeof(*bias));
	double most = (double)INT32_MAX / 8;
	uint32_t i, t = INKLING_NONE;

	if (!bias)
		e->bad = "memory";
	for (i = 0; bias && i < w->rows; i++)
		if (w->step[i] > 0)
			bias[i] = (int32_t)fmin(fmax(nearbyint(w->bias[i] / (w->step[i] * in)),
						     -most), most);
	if (bias)
		t = ink_builder_vector(e->b, INKLING_INT32, w->rows, bias);
	free(bias);
	return t;
}

/* @out: made by the caller; values of +-@most in units of @to; @add: a tensor of these, or NONE. */
static void linear(struct emission *e, uint32_t x, double from, const struct ink_llama_weights *w,
		   uint32_t table, uint32_t out, double to, int32_t most, uint32_t add)
{
	const int32_t attr[] = { -most, most };
	uint32_t in[6] = { x, table, biases(e, w, from) };

	scales(e, w->step, w->rows, from / to, &in[3], "LINEAR");
	in[5] = add;
	ink_builder_op(e->b, INKLING_OP_LINEAR, out, in, add == INKLING_NONE ? 5 : 6, attr, 2);
}

static uint32_t matrix(struct emission *e, uint32_t x, double from, uint32_t l,
		       enum ink_llama_matrix which, struct ink_llama_grid to, uint32_t add)
{
	const struct ink_llama_weights *w = &e->q->w[l * INK_MATRIX_NR + which];
	uint32_t table = ink_builder_matrix(e->b, INKLING_INT8, w->rows, w->n, w->w);
	uint32_t out = sequence(e, w->rows, to.scale);

	linear(e, x, from, w, table, out, to.scale, to.most, add);
	return out;
}

/*
 * The operator gives x / sqrt(sum of squares) in Q24: the root of D that is
 * missing, gamma and the output's scale are one factor. What the norm adds to the
 * mean square is D times that in the sum, in squared units of the residual.
 */
static void norm(struct emission *e, uint32_t x, const float *gamma, struct ink_llama_grid to,
		 uint32_t out)
{
	const uint32_t dim = e->q->m->dim;
	const double unit = e->q->residual.scale, factor = sqrt(dim) / (ldexp(1, 24) * to.scale);
	double add = dim * (double)INK_LLAMA_EPSILON / (unit * unit), top = 1e-30;
	int16_t *g = malloc(dim * sizeof(*g));
	int32_t attr[6] = { INKLING_NORM_RMS };
	uint32_t in[2] = { x }, i;

	for (i = 0; i < dim; i++)
		top = fmax(top, fabs(gamma[i] * factor));
	for (; add > INT32_MAX && attr[2] < 30; attr[2]++)
		add /= 2;
	attr[1] = (int32_t)fmin(fmax(nearbyint(add), 1), INT32_MAX);
	attr[3] = (int32_t)fmin(floor(log2(INT16_MAX / top)), 46);
	attr[4] = -to.most;
	attr[5] = to.most;
	if (!g || attr[3] < 1) {
		e->bad = g ? "NORM" : "memory";
		free(g);
		return;
	}
	for (i = 0; i < dim; i++)
		g[i] = (int16_t)nearbyint(ldexp(gamma[i] * factor, attr[3]));
	in[1] = ink_builder_vector(e->b, INKLING_INT16, dim, g);
	free(g);
	ink_builder_op(e->b, INKLING_OP_NORM, out, in, 2, attr, 6);
}

static uint32_t norm_layer(struct emission *e, uint32_t x, uint32_t l, const float *gamma,
			   enum ink_llama_site site)
{
	const struct ink_llama_grid *g = ink_llama_grid(e->q, l, site);
	uint32_t out = sequence(e, e->q->m->dim, g->scale);

	norm(e, x, gamma + (size_t)l * e->q->m->dim, *g, out);
	return out;
}

/* Cosines and sines in Q14, by position. */
static void make_angles(struct emission *e)
{
	const uint32_t half = e->q->m->d / 2, dims[] = { e->q->context, half, 2 };
	int16_t *t = malloc((size_t)e->q->context * half * 2 * sizeof(*t));
	uint32_t i, j;

	for (i = 0; t && i < e->q->context; i++) {
		for (j = 0; j < half; j++) {
			double a = i / pow(INK_LLAMA_BASE, (double)j / half);

			t[(i * half + j) * 2] = (int16_t)nearbyint(16384 * cos(a));
			t[(i * half + j) * 2 + 1] = (int16_t)nearbyint(16384 * sin(a));
		}
	}
	if (t)
		e->angles = ink_builder_const(e->b, INKLING_INT16, 3, dims, t);
	else
		e->bad = "memory";
	free(t);
}

static uint32_t turn(struct emission *e, uint32_t x, uint32_t heads, struct ink_llama_grid g)
{
	const int32_t attr[] = { (int32_t)heads, -g.most, g.most };
	const uint32_t in[] = { x, e->angles };
	uint32_t out = sequence(e, heads * e->q->m->d, g.scale);

	ink_builder_op(e->b, INKLING_OP_ROPE, out, in, 2, attr, 3);
	return out;
}

static uint32_t attention(struct emission *e, uint32_t x, uint32_t l)
{
	const struct ink_llama *m = e->q->m;
	const struct ink_llama_grid *q = ink_llama_grid(e->q, l, INK_SITE_Q);
	const struct ink_llama_grid *k = ink_llama_grid(e->q, l, INK_SITE_K);
	const struct ink_llama_grid *v = ink_llama_grid(e->q, l, INK_SITE_V);
	double from = ink_llama_grid(e->q, l, INK_SITE_NORM_ATTENTION)->scale;
	int32_t attr[6] = { (int32_t)m->heads, (int32_t)m->groups, 1, 0 };
	uint32_t y = norm_layer(e, x, l, m->norm_attention, INK_SITE_NORM_ATTENTION), in[5], out;
	uint32_t n;
	int8_t shift;

	in[0] = turn(e, matrix(e, y, from, l, INK_MATRIX_Q, *q, INKLING_NONE), m->heads, *q);
	in[1] = turn(e, matrix(e, y, from, l, INK_MATRIX_K, *k, INKLING_NONE), m->groups, *k);
	in[2] = matrix(e, y, from, l, INK_MATRIX_V, *v, INKLING_NONE);
	for (n = 3; n < (e->q->anomaly ? 3 : 5); n++)
		in[n] = ink_builder_state(e->b, e->q->context, m->kv);
	ratio(e, q->scale * k->scale / sqrt(m->d) * M_LOG2E * 32768, &attr[4], &shift, "ATTENTION");
	attr[5] = shift;
	out = sequence(e, m->dim, v->scale);
	ink_builder_op(e->b, INKLING_OP_ATTENTION, out, in, n, attr, 6);
	return matrix(e, out, v->scale, l, INK_MATRIX_O, e->q->residual, x);
}

static uint32_t silu(struct emission *e, uint32_t x, struct ink_llama_grid from,
		     struct ink_llama_grid to)
{
	int16_t points[INKLING_CURVE_POINTS];
	uint32_t in[2] = { x }, out = sequence(e, e->q->m->hidden, to.scale), i;
	double v;

	for (i = 0; i < INKLING_CURVE_POINTS; i++) {
		v = ((int32_t)i * 64 - 32768) * from.scale;
		v = nearbyint(v / (1 + exp(-v)) / to.scale);
		points[i] = (int16_t)fmin(fmax(v, -to.most), to.most);
	}
	in[1] = ink_builder_vector(e->b, INKLING_INT16, INKLING_CURVE_POINTS, points);
	ink_builder_op(e->b, INKLING_OP_CURVE, out, in, 2, NULL, 0);
	return out;
}

static uint32_t gated(struct emission *e, uint32_t x, uint32_t l)
{
	const struct ink_llama_grid *gate = ink_llama_grid(e->q, l, INK_SITE_GATE);
	const struct ink_llama_grid *act = ink_llama_grid(e->q, l, INK_SITE_SILU);
	const struct ink_llama_grid *up = ink_llama_grid(e->q, l, INK_SITE_UP);
	const struct ink_llama_grid *to = ink_llama_grid(e->q, l, INK_SITE_GATED);
	double from = ink_llama_grid(e->q, l, INK_SITE_NORM_GATED)->scale;
	uint32_t y = norm_layer(e, x, l, e->q->m->norm_gated, INK_SITE_NORM_GATED), in[2], out;
	int32_t attr[8] = { 0, 0, 0, 0, 0, 0, -to->most, to->most };
	int8_t shift;

	in[0] = silu(e, matrix(e, y, from, l, INK_MATRIX_GATE, *gate, INKLING_NONE), *gate, *act);
	in[1] = matrix(e, y, from, l, INK_MATRIX_UP, *up, INKLING_NONE);
	ratio(e, act->scale * up->scale / to->scale, &attr[2], &shift, "MUL");
	/* Products of two 16-bit numbers and the multiplier have to stay below 2^61. */
	attr[2] /= 2;
	attr[4] = shift - 1;
	out = sequence(e, e->q->m->hidden, to->scale);
	ink_builder_op(e->b, INKLING_OP_MUL, out, in, 2, attr, 8);
	return matrix(e, out, to->scale, l, INK_MATRIX_DOWN, e->q->residual, x);
}

static uint32_t embed(struct emission *e, uint32_t tokens)
{
	const struct ink_llama_weights *w = &e->q->embedding;
	const int32_t attr[] = { 0, -INT16_MAX, INT16_MAX };
	uint32_t in[4] = { tokens }, out = sequence(e, w->n, e->q->residual.scale);

	e->table = ink_builder_matrix(e->b, INKLING_INT8, w->rows, w->n, w->w);
	in[1] = e->table;
	scales(e, w->step, w->rows, 1 / e->q->residual.scale, &in[2], "EMBED");
	ink_builder_op(e->b, INKLING_OP_EMBED, out, in, 4, attr, 3);
	return out;
}

/* The logits that follow a norm's output. */
static uint32_t logits(struct emission *e, uint32_t y, uint32_t out)
{
	const struct ink_llama *m = e->q->m;
	const struct ink_llama_weights *w = &e->q->classifier;
	const struct ink_llama_grid *g = ink_llama_grid(e->q, 0, INK_SITE_NORM_FINAL);

	show_scale(e, y, g->scale);
	show_scale(e, out, e->q->logit);
	if (!m->shared)
		e->table = ink_builder_matrix(e->b, INKLING_INT8, w->rows, w->n, w->w);
	linear(e, y, g->scale, w, e->table, out, e->q->logit, INT32_MAX, INKLING_NONE);
	return out;
}

/* Only the last token's logits are wanted. */
static uint32_t classify(struct emission *e, uint32_t x)
{
	const struct ink_llama *m = e->q->m;
	const struct ink_llama_grid *g = ink_llama_grid(e->q, 0, INK_SITE_NORM_FINAL);
	const int32_t last = INKLING_POOL_LAST;
	uint32_t row = ink_builder_rows(e->b, INKLING_INT16, 1, m->dim);
	uint32_t y = ink_builder_rows(e->b, INKLING_INT16, 1, m->dim);

	show_scale(e, row, e->q->residual.scale);
	ink_builder_op(e->b, INKLING_OP_POOL, row, &x, 1, &last, 1);
	norm(e, row, m->norm_final, *g, y);
	return logits(e, y, ink_builder_rows(e->b, INKLING_INT32, 1, m->vocabulary));
}

/* All tokens' logits, and how surprising what came next was. */
static uint32_t surprise(struct emission *e, uint32_t x, uint32_t tokens)
{
	const struct ink_llama *m = e->q->m;
	const struct ink_llama_grid *g = ink_llama_grid(e->q, 0, INK_SITE_NORM_FINAL);
	uint32_t y = sequence(e, m->dim, g->scale), in[2] = { 0, tokens }, out;
	int32_t attr[2];
	int8_t shift;

	norm(e, x, m->norm_final, *g, y);
	in[0] = logits(e, y, ink_builder_sequence(e->b, INKLING_INT32, e->q->tokens,
						  m->vocabulary));
	ratio(e, e->q->logit * M_LOG2E * 65536, &attr[0], &shift, "NLL");
	attr[1] = shift;
	out = ink_builder_rows(e->b, INKLING_INT32, 1, 1);
	ink_builder_op(e->b, INKLING_OP_NLL, out, in, 2, attr, 2);
	show_scale(e, out, ldexp(1, -16));
	return out;
}

bool ink_llama_emit(const struct ink_llama_quant *q, const struct ink_card_text *card,
		    void **image, size_t *size, struct ink_diag *why)
{
	struct emission e = { .q = q, .b = ink_builder_new() };
	uint32_t input, x, l;
	bool ok;

	if (!e.b)
		return ink_fail(why, "no memory for the image");
	ink_emit_card(e.b, card);
	if (q->anomaly) {
		ink_builder_class(e.b, "normal");
		ink_builder_class(e.b, "anomalous");
	}
	input = ink_builder_tokens(e.b, q->m->vocabulary > 256 ? INKLING_UINT16 : INKLING_UINT8,
				   q->tokens);
	x = embed(&e, input);
	make_angles(&e);
	for (l = 0; l < q->m->layers; l++)
		x = gated(&e, attention(&e, x, l), l);
	if (q->anomaly)
		ink_builder_io(e.b, input, surprise(&e, x, input), INKLING_HEAD_ANOMALY,
			       q->threshold);
	else
		ink_builder_io(e.b, input, classify(&e, x), INKLING_HEAD_RAW, 0);
	if (e.bad)
		ok = ink_fail(why, "%s: no multiplier for its scales, or no memory", e.bad);
	else
		ok = !ink_builder_finish(e.b, image, size) ||
		     ink_fail(why, "%s", ink_builder_error(e.b));
	ink_builder_free(e.b);
	return ok;
}
