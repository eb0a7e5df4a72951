// SPDX-License-Identifier: GPL-2.0-only
/*
 * From integers to an image.
 *
 * What lives here: one engine operator for each operator of the network. What
 * doesn't: choosing any number; that was quantise.c and what it calls.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "image_builder.h"

struct emission {
	const struct ink_quant *q;
	struct ink_builder *b;
	uint32_t input;		/* tensor of raw features */
	uint32_t *tensor;	/* by operator */
	struct ink_diag *why;
};

/* For people; 0 where it has no number that a float can hold. */
static void show_scale(struct emission *e, uint32_t tensor, double scale, int32_t zero)
{
	float f = scale > 0 && scale < 1e38 ? (float)scale : 0;
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	ink_builder_scale(e->b, tensor, bits, zero);
}

static uint32_t make(struct emission *e, uint32_t i)
{
	const struct ink_grid *g = &e->q->ops[i].grid;
	uint32_t t = ink_builder_activation(e->b, g->dtype, e->q->net->ops[i].width);

	/* Scales of elements went into weights; there is no single number to show. */
	if (g->uniform)
		show_scale(e, t, g->scale[0], g->zero);
	e->tensor[i] = t;
	return t;
}

static void emit_input(struct emission *e, uint32_t i)
{
	const struct ink_quant_op *qo = &e->q->ops[i];

	ink_builder_quant(e->b, e->input, make(e, i), qo->rows, qo->n_rows);
}

static void emit_dense(struct emission *e, uint32_t i)
{
	const struct ink_net_op *op = &e->q->net->ops[i];
	const struct ink_quant_op *qo = &e->q->ops[i];
	const struct ink_builder_dense d = {
		.n = e->q->net->ops[op->in[0]].width, .m = op->width,
		.weights = qo->w, .bias = qo->bias, .mult = qo->mult, .shift = qo->shift,
		.table = qo->has_table ? qo->table : NULL,
		.zero_point = qo->has_table ? qo->grid_before.zero : qo->grid.zero,
		.lowest = qo->lowest, .highest = qo->highest,
	};

	ink_builder_dense(e->b, e->tensor[op->in[0]], make(e, i), &d);
}

static void emit_lut(struct emission *e, uint32_t i)
{
	const struct ink_net_op *op = &e->q->net->ops[i];
	uint32_t in[2] = { e->tensor[op->in[0]] };

	in[1] = ink_builder_vector(e->b, INKLING_INT8, 256, e->q->ops[i].table);
	ink_builder_op(e->b, INKLING_OP_LUT, make(e, i), in, 2, NULL, 0);
}

/* ((a - za) sa ca + (b - zb) sb cb) / sy: two multipliers with one shift. */
static bool emit_add(struct emission *e, uint32_t i)
{
	const struct ink_net_op *op = &e->q->net->ops[i];
	const struct ink_grid *a = &e->q->ops[op->in[0]].grid, *b = &e->q->ops[op->in[1]].grid;
	const struct ink_grid *y = &e->q->ops[i].grid;
	double ra = a->scale[0] * op->ca / y->scale[0], rb = b->scale[0] * op->cb / y->scale[0];
	uint32_t in[2] = { e->tensor[op->in[0]], e->tensor[op->in[1]] };
	int32_t attr[8], mult;
	int8_t shift;

	if (!ink_quant_ratio(fmax(fabs(ra), fabs(rb)), &mult, &shift))
		return ink_fail(e->why, "%s: its operands are too large beside its result",
				op->label);
	attr[0] = a->zero;
	attr[1] = b->zero;
	attr[2] = (int32_t)fmin(fmax(nearbyint(ldexp(ra, shift)), -INT32_MAX), INT32_MAX);
	attr[3] = (int32_t)fmin(fmax(nearbyint(ldexp(rb, shift)), -INT32_MAX), INT32_MAX);
	attr[4] = shift;
	attr[5] = y->zero;
	attr[6] = e->q->ops[i].lowest;
	attr[7] = e->q->ops[i].highest;
	ink_builder_op(e->b, INKLING_OP_ADD, make(e, i), in, 2, attr, 8);
	return true;
}

static bool emit_mul(struct emission *e, uint32_t i)
{
	const struct ink_net_op *op = &e->q->net->ops[i];
	const struct ink_grid *a = &e->q->ops[op->in[0]].grid, *b = &e->q->ops[op->in[1]].grid;
	const struct ink_grid *y = &e->q->ops[i].grid;
	double ratio = a->scale[0] * b->scale[0] / y->scale[0], top;
	uint32_t in[2] = { e->tensor[op->in[0]], e->tensor[op->in[1]] };
	int32_t attr[8] = { a->zero, b->zero }, mult;
	int8_t shift;

	if (!ink_quant_ratio(ratio, &mult, &shift))
		return ink_fail(e->why, "%s: its operands are too large beside its result",
				op->label);
	/* The verifier wants products times the multiplier below 2^61. */
	top = ((double)a->hi - a->lo) * ((double)b->hi - b->lo);
	while (top * mult > ldexp(1, 60) && shift > 1) {
		mult /= 2;
		shift--;
	}
	attr[2] = mult;
	attr[4] = shift;
	attr[5] = y->zero;
	attr[6] = e->q->ops[i].lowest;
	attr[7] = e->q->ops[i].highest;
	ink_builder_op(e->b, INKLING_OP_MUL, make(e, i), in, 2, attr, 8);
	return true;
}

static void emit_concat(struct emission *e, uint32_t i)
{
	const struct ink_net_op *op = &e->q->net->ops[i];
	uint32_t in[INKLING_MAX_INPUTS], k;

	for (k = 0; k < op->n_in; k++)
		in[k] = e->tensor[op->in[k]];
	ink_builder_op(e->b, INKLING_OP_CONCAT, make(e, i), in, op->n_in, NULL, 0);
}

/* One step of the logits in units of 2^-16 octaves. */
static bool emit_softmax(struct emission *e, uint32_t i)
{
	const struct ink_net_op *op = &e->q->net->ops[i];
	const struct ink_grid *x = &e->q->ops[op->in[0]].grid;
	uint32_t in = e->tensor[op->in[0]];
	int32_t attr[2];
	int8_t shift;

	if (!ink_quant_ratio(x->scale[0] * M_LOG2E * 65536, &attr[0], &shift))
		return ink_fail(e->why, "%s: logits in steps of %g are too coarse", op->label,
				x->scale[0]);
	attr[1] = shift;
	e->tensor[i] = ink_builder_activation(e->b, INKLING_INT16, op->width);
	show_scale(e, e->tensor[i], 1.0 / 32768, 0);
	ink_builder_op(e->b, INKLING_OP_SOFTMAX, e->tensor[i], &in, 1, attr, 2);
	return true;
}

static void emit_dist(struct emission *e, uint32_t i)
{
	const struct ink_net_op *op = &e->q->net->ops[i];
	uint32_t in[2] = { e->tensor[op->in[0]], e->tensor[op->in[1]] };
	int32_t attr[4] = { e->q->ops[op->in[0]].grid.zero, e->q->ops[op->in[1]].grid.zero, 2 };
	double unit = ink_quant_dist_unit(e->q, i, &attr[3]);

	e->tensor[i] = ink_builder_activation(e->b, INKLING_INT32, 1);
	show_scale(e, e->tensor[i], unit, 0);
	/* Tied grids: the zero points cancel, but the verifier's ranges use them. */
	ink_builder_op(e->b, INKLING_OP_DIST, e->tensor[i], in, 2, attr, 4);
}

static bool emit_op(struct emission *e, uint32_t i)
{
	switch (e->q->net->ops[i].kind) {
	case INK_NET_INPUT:
		emit_input(e, i);
		return true;
	case INK_NET_DENSE:
		emit_dense(e, i);
		return true;
	case INK_NET_UNARY:
		emit_lut(e, i);
		return true;
	case INK_NET_ADD:
		return emit_add(e, i);
	case INK_NET_MUL:
		return emit_mul(e, i);
	case INK_NET_CONCAT:
		emit_concat(e, i);
		return true;
	case INK_NET_SOFTMAX:
		return emit_softmax(e, i);
	case INK_NET_DIST:
		emit_dist(e, i);
		return true;
	default:
		return ink_fail(e->why, "%s: left unsimplified", e->q->net->ops[i].label);
	}
}

static void emit_features(struct emission *e)
{
	const struct ink_schema *s = e->q->schema;
	uint32_t f, k;

	for (f = 0; f < s->n; f++) {
		const struct inkling_feature *feature = &s->features[f];
		const char *names[INKLING_MAX_NAMES];

		if (feature->kind == INKLING_FEATURE_NUMBER) {
			ink_builder_number(e->b, feature->name, feature->decimals);
			continue;
		}
		for (k = 0; k < feature->n_names; k++)
			names[k] = s->names[feature->first_name + k].name;
		ink_builder_category(e->b, feature->name, names, feature->n_names);
	}
}

#define TEXT(b, field, text) \
	ink_builder_text(b, ink_builder_card(b)->field, sizeof(ink_builder_card(b)->field), \
			 "the card's " #field, text)

void ink_emit_card(struct ink_builder *b, const struct ink_card_text *card)
{
	uint32_t i;

	TEXT(b, name, card->name);
	TEXT(b, version, card->version);
	TEXT(b, license, card->license);
	TEXT(b, description, card->description);
	TEXT(b, training, card->training);
	TEXT(b, accuracy, card->accuracy);
	for (i = 0; i < card->n_classes; i++)
		ink_builder_class(b, card->classes[i]);
}

static bool emit(const struct ink_quant *q, const struct ink_card_text *card, unsigned int head,
		 int32_t threshold, uint32_t output, void **image, size_t *size,
		 struct ink_diag *why)
{
	struct emission e = {
		.q = q, .b = ink_builder_new(), .why = why,
		.tensor = calloc(q->net->n_ops, sizeof(uint32_t)),
	};
	bool ok = e.b && e.tensor;
	uint32_t i;

	if (!ok) {
		ink_fail(why, "no memory for the image");
	} else {
		ink_emit_card(e.b, card);
		emit_features(&e);
		e.input = ink_builder_input(e.b, INKLING_INT32, q->schema->n);
		for (i = 0; ok && i <= output; i++)
			ok = emit_op(&e, i);
	}
	if (ok) {
		ink_builder_io(e.b, e.input, e.tensor[output], head, threshold);
		if (ink_builder_finish(e.b, image, size))
			ok = ink_fail(why, "%s", ink_builder_error(e.b));
	}
	ink_builder_free(e.b);
	free(e.tensor);
	return ok;
}

bool ink_emit(const struct ink_quant *q, const struct ink_card_text *card, unsigned int head,
	      int32_t threshold, void **image, size_t *size, struct ink_diag *why)
{
	return emit(q, card, head, threshold, q->net->output, image, size, why);
}

bool ink_emit_logits(const struct ink_quant *q, void **image, size_t *size, struct ink_diag *why)
{
	const struct ink_card_text card = { .name = "calibration" };

	return emit(q, &card, INKLING_HEAD_RAW, 0, q->logits, image, size, why);
}
