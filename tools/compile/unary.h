/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions of one number.
 *
 * What lives here: the element-wise functions of ONNX, and expressions made of
 * them, which become a clamp or a 256-entry table. What doesn't: vectors.
 */
#ifndef INK_UNARY_H
#define INK_UNARY_H

#include <stdbool.h>
#include <stdint.h>

#define INK_UNARY_MAX	24	/* steps of an expression */

enum ink_unary_code {
	INK_UNARY_RELU,
	INK_UNARY_LEAKY,	/* a: slope below zero */
	INK_UNARY_CLIP,		/* a..b */
	INK_UNARY_SIGMOID,
	INK_UNARY_TANH,
	INK_UNARY_ELU,		/* a: alpha */
	INK_UNARY_SELU,		/* a: alpha, b: gamma */
	INK_UNARY_SOFTPLUS,
	INK_UNARY_SOFTSIGN,
	INK_UNARY_HARDSIGMOID,	/* a: alpha, b: beta */
	INK_UNARY_HARDSWISH,
	INK_UNARY_ERF,
	INK_UNARY_GELU,
	INK_UNARY_GELU_TANH,
	INK_UNARY_ABS,
	INK_UNARY_NEG,
	INK_UNARY_EXP,
	INK_UNARY_SQRT,
	INK_UNARY_RECIPROCAL,
	INK_UNARY_POW,		/* a: exponent */
	INK_UNARY_AFFINE,	/* x * a + b */
	INK_UNARY_ADD,		/* of two earlier results: l * a + r * b */
	INK_UNARY_MUL,		/* of two earlier results */
	INK_UNARY_DIV,		/* of two earlier results */
};

/* One step; operands are 0 for x and k + 1 for the result of step k. */
struct ink_unary_step {
	enum ink_unary_code code;
	uint8_t l, r;
	double a, b;
};

/* An expression in x: its value is that of the last step, or x without steps. */
struct ink_unary {
	uint32_t n;
	struct ink_unary_step step[INK_UNARY_MAX];
};

double ink_unary_apply(enum ink_unary_code code, double a, double b, double x);
double ink_unary_eval(const struct ink_unary *f, double x);

/* f = step(f); false when it gets too long. */
bool ink_unary_then(struct ink_unary *f, enum ink_unary_code code, double a, double b);
/* f = g(f). */
bool ink_unary_compose(struct ink_unary *f, const struct ink_unary *g);
/* f = f (code) g, both of the same x. */
bool ink_unary_combine(struct ink_unary *f, const struct ink_unary *g, enum ink_unary_code code,
		       double a, double b);

/* Is f(x) = min(max(x, *lo), *hi)? Either may be infinite. */
bool ink_unary_is_clamp(const struct ink_unary *f, double *lo, double *hi);
bool ink_unary_is(const struct ink_unary *f, enum ink_unary_code code);
/* Is f(x) = k * x^2? */
bool ink_unary_is_square(const struct ink_unary *f, double *k);

#endif /* INK_UNARY_H */
