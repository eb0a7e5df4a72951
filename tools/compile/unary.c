// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of one number.
 *
 * What lives here: evaluating, joining and recognising expressions of one
 * variable. What doesn't: where they come from (lower.c, fold.c) and what they
 * become (quantise.c).
 */
#include <math.h>
#include <string.h>

#include "unary.h"

double ink_unary_apply(enum ink_unary_code code, double a, double b, double x)
{
	switch (code) {
	case INK_UNARY_RELU:
		return x > 0 ? x : 0;
	case INK_UNARY_LEAKY:
		return x > 0 ? x : a * x;
	case INK_UNARY_CLIP:
		return x < a ? a : x > b ? b : x;
	case INK_UNARY_SIGMOID:
		return 1 / (1 + exp(-x));
	case INK_UNARY_TANH:
		return tanh(x);
	case INK_UNARY_ELU:
		return x > 0 ? x : a * expm1(x);
	case INK_UNARY_SELU:
		return b * (x > 0 ? x : a * expm1(x));
	case INK_UNARY_SOFTPLUS:
		return x > 30 ? x : log1p(exp(x));
	case INK_UNARY_SOFTSIGN:
		return x / (1 + fabs(x));
	case INK_UNARY_HARDSIGMOID:
		return fmax(0, fmin(1, a * x + b));
	case INK_UNARY_HARDSWISH:
		return x * fmax(0, fmin(1, x / 6 + 0.5));
	case INK_UNARY_ERF:
		return erf(x);
	case INK_UNARY_GELU:
		return 0.5 * x * (1 + erf(x * M_SQRT1_2));
	case INK_UNARY_GELU_TANH:
		return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
	case INK_UNARY_ABS:
		return fabs(x);
	case INK_UNARY_NEG:
		return -x;
	case INK_UNARY_EXP:
		return exp(x);
	case INK_UNARY_SQRT:
		return sqrt(x);
	case INK_UNARY_RECIPROCAL:
		return 1 / x;
	case INK_UNARY_POW:
		return pow(x, a);
	case INK_UNARY_AFFINE:
		return x * a + b;
	default:
		return NAN;
	}
}

double ink_unary_eval(const struct ink_unary *f, double x)
{
	double v[INK_UNARY_MAX + 1] = { x };
	uint32_t i;

	for (i = 0; i < f->n; i++) {
		const struct ink_unary_step *s = &f->step[i];
		double l = v[s->l], r = v[s->r];

		if (s->code == INK_UNARY_ADD)
			v[i + 1] = l * s->a + r * s->b;
		else if (s->code == INK_UNARY_MUL)
			v[i + 1] = l * r;
		else if (s->code == INK_UNARY_DIV)
			v[i + 1] = l / r;
		else
			v[i + 1] = ink_unary_apply(s->code, s->a, s->b, l);
	}
	return v[f->n];
}

bool ink_unary_then(struct ink_unary *f, enum ink_unary_code code, double a, double b)
{
	if (f->n >= INK_UNARY_MAX)
		return false;
	f->step[f->n] = (struct ink_unary_step){ .code = code, .l = f->n, .a = a, .b = b };
	f->n++;
	return true;
}

/* Append the steps of @g; what @g calls x is result @x of @f. */
static bool append(struct ink_unary *f, const struct ink_unary *g, uint32_t x)
{
	uint32_t base = f->n, i;

	if (base + g->n > INK_UNARY_MAX)
		return false;
	for (i = 0; i < g->n; i++) {
		struct ink_unary_step *s = &f->step[base + i];

		*s = g->step[i];
		s->l = s->l ? s->l + base : x;
		s->r = s->r ? s->r + base : x;
	}
	f->n += g->n;
	return true;
}

bool ink_unary_compose(struct ink_unary *f, const struct ink_unary *g)
{
	return append(f, g, f->n);
}

bool ink_unary_combine(struct ink_unary *f, const struct ink_unary *g, enum ink_unary_code code,
		       double a, double b)
{
	struct ink_unary joined = *f;
	uint32_t l = joined.n, r;

	if (!append(&joined, g, 0) || joined.n >= INK_UNARY_MAX)
		return false;
	r = g->n ? joined.n : 0;
	joined.step[joined.n++] = (struct ink_unary_step){
		.code = code, .l = l, .r = r, .a = a, .b = b,
	};
	*f = joined;
	return true;
}

bool ink_unary_is(const struct ink_unary *f, enum ink_unary_code code)
{
	return f->n == 1 && f->step[0].code == code;
}

bool ink_unary_is_clamp(const struct ink_unary *f, double *lo, double *hi)
{
	uint32_t i;

	*lo = -INFINITY;
	*hi = INFINITY;
	for (i = 0; i < f->n; i++) {
		const struct ink_unary_step *s = &f->step[i];
		double a, b;

		if (s->l != i)
			return false;
		if (s->code == INK_UNARY_RELU) {
			a = 0;
			b = INFINITY;
		} else if (s->code == INK_UNARY_CLIP && s->a <= s->b) {
			a = s->a;
			b = s->b;
		} else {
			return false;
		}
		*lo = fmin(fmax(*lo, a), b);
		*hi = fmin(fmax(*hi, a), b);
	}
	return true;
}

bool ink_unary_is_square(const struct ink_unary *f, double *k)
{
	static const double at[] = { -7, -2.5, -1, -0.3, 0, 0.1, 0.7, 3, 11 };
	unsigned int i;

	*k = ink_unary_eval(f, 1);
	if (!f->n || !(*k > 0))
		return false;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		double want = *k * at[i] * at[i];

		if (!(fabs(ink_unary_eval(f, at[i]) - want) <= 1e-9 * (1 + want)))
			return false;
	}
	return true;
}
