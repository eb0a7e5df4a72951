// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compiling models of tokens.
 *
 * What lives here: the order of the steps, and the check that the network
 * computes what the ONNX model does. What doesn't: the steps.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inkling.h"
#include "report.h"
#include "seq_compile.h"
#include "seq_emit.h"

#define CHECK_SAMPLES	32	/* on which the network is compared with the model */
#define CHECK_MEMORY	((size_t)512 << 20)
#define TOLERANCE	1e-5
#define SAMPLES		2048	/* of the calibration, where nothing else is said */

bool ink_seq_form(const struct ink_compile *c, const char *given, enum ink_tokens_form *form,
		  struct ink_diag *why)
{
	const char *text = ink_compile_option(c, given, "inkling.tokens");
	char shown[32];

	if (!text || !strcmp(text, "bytes"))
		*form = INK_TOKENS_BYTES;
	else if (!strcmp(text, "ids"))
		*form = INK_TOKENS_IDS;
	else
		return ink_fail(why, "tokens \"%s\" aren't bytes or ids",
				ink_printable(shown, sizeof(shown), text)) ||
		       ink_hint(why, "bytes: each byte of a line, plus one; ids: numbers");
	return true;
}

/* The model's result as that of the network, with the head that was added. */
static void add_head(const struct ink_compile *c, double *y, size_t width, double *to)
{
	uint32_t n = c->seq->ops[c->seq->output].cols, i;
	double sum = 0, z;

	if (width == 1 && n == 2) {
		z = c->head_added ? 1 / (1 + exp(-y[0])) : y[0];
		to[0] = 1 - z;
		to[1] = z;
		return;
	}
	for (i = 0; i < n; i++)
		sum += exp(y[i] - y[0]);
	for (i = 0; i < n; i++)
		to[i] = c->head_added ? exp(y[i] - y[0]) / sum : y[i];
}

/* One sample by the model; it is filled up where the model has to leave that out. */
static bool by_model(const struct ink_compile *c, const uint16_t *tokens, uint32_t n, double *x,
		     double *to, struct ink_diag *why)
{
	const struct ink_seq_net *net = c->seq;
	uint32_t width = net->fixed || net->padded ? net->tokens : n, i;
	size_t out;
	double *y;

	for (i = 0; i < width; i++)
		x[i] = i < n ? tokens[i] : net->pad;
	if (!ink_onnx_eval(c->onnx, x, 1, width, &y, &out, why))
		return false;
	if (out != net->ops[net->output].cols * net->ops[net->output].rows && out != 1) {
		free(y);
		return ink_fail(why, "the model's result has %zu numbers", out);
	}
	add_head(c, y, out, to);
	free(y);
	return true;
}

static bool check_sample(struct ink_compile *c, size_t i, uint16_t *tokens, double *x, double *to,
			 double **values, struct ink_diag *why)
{
	uint32_t n = ink_seq_sample(c->seq, &c->samples, i, tokens), k;
	const struct ink_seq_op *out = &c->seq->ops[c->seq->output];
	struct ink_pool pool;
	double top = 1;
	bool ok;

	ink_pool_init(&pool, CHECK_MEMORY);
	ok = by_model(c, tokens, n, x, to, why) &&
	     ink_seq_eval(c->seq, tokens, n, &pool, values, why);
	for (k = 0; ok && k < out->cols; k++) {
		top = fmax(top, fabs(to[k]));
		c->fold_error = fmax(c->fold_error, fabs(to[k] - values[c->seq->output][k]));
	}
	ink_pool_free(&pool);
	if (ok && !(c->fold_error <= TOLERANCE * top))
		ok = ink_fail(why, "the simplified network differs from the model by %g: this is a bug in the compiler",
			      c->fold_error) ||
		     ink_hint(why, "please report it with the model");
	return ok;
}

static bool check_fold(struct ink_compile *c, struct ink_diag *why)
{
	size_t count = c->samples.n < CHECK_SAMPLES ? c->samples.n : CHECK_SAMPLES, i;
	const struct ink_seq_op *out = &c->seq->ops[c->seq->output];
	double **values = calloc(c->seq->n_ops, sizeof(*values));
	double *to = calloc((size_t)out->rows * out->cols + 2, sizeof(*to));
	double *x = calloc(c->seq->tokens, sizeof(*x));
	uint16_t *tokens = calloc(c->seq->tokens, sizeof(*tokens));
	bool ok = values && to && x && tokens;

	if (!ok)
		ink_fail(why, "no memory to check the network");
	for (i = 0; ok && i < count; i++)
		ok = check_sample(c, i * (c->samples.n / count), tokens, x, to, values, why);
	free(values);
	free(to);
	free(x);
	free(tokens);
	return ok;
}

static bool build(struct ink_compile *c, const struct ink_compile_options *o, struct ink_diag *why)
{
	size_t width = ink_onnx_width(c->onnx);
	uint32_t tokens = o->length ? o->length : width ? (uint32_t)width : c->samples.longest;
	enum ink_head_wish wish = INK_WISH_AUTO;
	const struct ink_seq_op *out;

	if (width > INKLING_MAX_TOKENS || (width && o->length && o->length != width))
		return ink_fail(why, "the model takes %zu tokens", width) ||
		       ink_hint(why, "up to %u are possible; --length is for models that take any number",
				INKLING_MAX_TOKENS);
	tokens = tokens < INKLING_MAX_TOKENS ? tokens : INKLING_MAX_TOKENS;
	if (!ink_compile_wish(c, o->head, &wish, why))
		return false;
	c->seq = ink_seq_lower(c->onnx, tokens, why);
	if (!c->seq && !width && !o->length)
		ink_hint(why, "%u tokens, as the longest sample, may be too many: give --length", tokens);
	if (!c->seq)
		return false;
	if (!ink_seq_fold(c->seq, wish, why))
		return false;
	out = &c->seq->ops[c->seq->output];
	c->head_added = c->seq->head_added;
	c->head = wish != INK_WISH_RAW && out->kind == INK_SEQ_SOFTMAX ? INKLING_HEAD_CLASSES :
		  INKLING_HEAD_RAW;
	return ink_compile_classes(c, o, out->cols, out->label, why);
}

bool ink_seq_compile(struct ink_compile *c, const struct ink_compile_options *o,
		     struct ink_diag *why)
{
	enum ink_tokens_form form;
	double v;

	if (!ink_seq_form(c, o->tokens, &form, why) ||
	    !ink_samples_read(o->calibrate, form, o->rows ? o->rows : SAMPLES, &c->samples, why) ||
	    !build(c, o, why))
		return false;
	ink_compile_card(c, o);
	if (!check_fold(c, why))
		return false;
	c->seq_quant = ink_seq_quant_new(c->seq, &c->samples, o->progress, o->arg, why);
	return c->seq_quant && ink_compile_probability(c, o, &v, why) &&
	       ink_seq_emit(c->seq_quant, &c->card, c->head, c->threshold, &c->image, &c->size, why);
}
