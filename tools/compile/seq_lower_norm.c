// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowering of sequences: normalisation.
 *
 * What lives here: LayerNorm and RMSNorm, as one node or as the dozen that
 * exports make of them: each says how far it has come. What doesn't: scales
 * and offsets behind it, which are folded later (seq_fold.c).
 */
#include <math.h>
#include <string.h>

#include "seq_lower.h"

static bool set_stat(struct ink_seq_lowering *l, enum ink_stage stage, const struct ink_value *base,
		     double eps, bool rms)
{
	const struct ink_value v = {
		.kind = INK_VALUE_STAT, .stage = stage, .base = base, .eps = eps, .rms = rms,
		.layout = base->layout,
	};

	return ink_seq_set(l, 0, &v);
}

/* The base's last dimension is what is normalised. */
static bool set_norm(struct ink_seq_lowering *l, const struct ink_value *base, double eps, bool rms,
		     const double *gamma, const double *beta)
{
	struct ink_layout layout;
	struct ink_seq_op *op;
	uint32_t from, cols, i;

	if (!ink_seq_matrix(l, base, &from))
		return false;
	cols = l->net->ops[from].cols;
	op = ink_seq_new_op(l, INK_SEQ_NORM, l->net->ops[from].rows, cols, l->net->ops[from].seq);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->eps = eps;
	op->mode = rms ? INKLING_NORM_RMS : INKLING_NORM_LAYER;
	op->s = ink_seq_numbers(l->net, cols, l->why);
	op->b = ink_seq_numbers(l->net, cols, l->why);
	if (!op->s || !op->b)
		return false;
	for (i = 0; i < cols; i++) {
		op->s[i] = gamma ? gamma[i] : 1;
		op->b[i] = beta ? beta[i] : 0;
	}
	if (!ink_seq_shape_of(base, cols, &layout))
		return ink_seq_refuse(l, "too many dimensions");
	return ink_seq_set_view(l, l->net->n_ops - 1, &layout, ink_seq_filling(base, !beta));
}

/* ReduceMean over the last dimension; a square's is a variance. */
bool ink_seq_stat_mean(struct ink_seq_lowering *l, const struct ink_value *v)
{
	struct ink_value base;
	double k;

	if (v->kind == INK_VALUE_STAT && v->stage == INK_STAGE_SQUARE)
		return set_stat(l, INK_STAGE_VARIANCE, v->base, 0, v->rms);
	if (v->kind != INK_VALUE_VIEW)
		return ink_seq_refuse(l, "the mean of a row is supported as a part of a normalisation");
	if (!ink_unary_is_square(&v->f, &k))
		return set_stat(l, INK_STAGE_MEAN, ink_seq_keep(l, v), 0, false);
	base = *v;
	base.f.n = 0;
	if (fabs(k - 1) > 1e-9)
		return ink_seq_refuse(l, "the squares of a normalisation are of the activations themselves");
	return set_stat(l, INK_STAGE_VARIANCE, ink_seq_keep(l, &base), 0, true);
}

bool ink_seq_stat_unary(struct ink_seq_lowering *l, bool *done)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const char *op = l->node->pb->op_type;

	*done = x->kind == INK_VALUE_STAT;
	if (!*done)
		return true;
	if (!strcmp(op, "Sqrt") && x->stage == INK_STAGE_VARIANCE)
		return set_stat(l, INK_STAGE_DEVIATION, x->base, x->eps, x->rms);
	if (!strcmp(op, "Reciprocal") && x->stage == INK_STAGE_DEVIATION)
		return set_stat(l, INK_STAGE_RECIPROCAL, x->base, x->eps, x->rms);
	return ink_seq_refuse(l, "supported: (x - mean) / sqrt(mean of its squares + eps), and the same without the mean");
}

/* The STAT is of what @x is, or @x is that less its mean. */
static bool belongs(const struct ink_value *x, const struct ink_value *stat)
{
	if (x->kind == INK_VALUE_VIEW)
		return stat->rms && ink_seq_equal(x, stat->base);
	return x->kind == INK_VALUE_STAT && x->stage == INK_STAGE_CENTERED && !stat->rms &&
	       ink_seq_equal(x->base, stat->base);
}

static bool with_number(struct ink_seq_lowering *l, const struct ink_value *s, double c, bool left,
			bool *done)
{
	const char *op = l->node->pb->op_type;

	*done = true;
	if (!strcmp(op, "Add") && s->stage == INK_STAGE_VARIANCE && c >= 0)
		return set_stat(l, s->stage, s->base, s->eps + c, s->rms);
	if (!strcmp(op, "Pow") && s->stage == INK_STAGE_VARIANCE && !left && fabs(c) == 0.5)
		return set_stat(l, c > 0 ? INK_STAGE_DEVIATION : INK_STAGE_RECIPROCAL, s->base,
				s->eps, s->rms);
	if (!strcmp(op, "Pow") && s->stage == INK_STAGE_CENTERED && !left && c == 2)
		return set_stat(l, INK_STAGE_SQUARE, s->base, 0, false);
	if (!strcmp(op, "Div") && s->stage == INK_STAGE_DEVIATION && left && c == 1)
		return set_stat(l, INK_STAGE_RECIPROCAL, s->base, s->eps, s->rms);
	return ink_seq_refuse(l, "supported: (x - mean) / sqrt(mean of its squares + eps), and the same without the mean");
}

bool ink_seq_stat_binary(struct ink_seq_lowering *l, bool *done)
{
	const struct ink_value *a = ink_seq_in(l, 0), *b = ink_seq_in(l, 1);
	const char *op = l->node->pb->op_type;
	double c;

	*done = a->kind == INK_VALUE_STAT || b->kind == INK_VALUE_STAT;
	if (!*done)
		return true;
	if (ink_seq_scalar(ink_seq_const(l, 1), &c))
		return with_number(l, a, c, false, done);
	if (ink_seq_scalar(ink_seq_const(l, 0), &c))
		return with_number(l, b, c, true, done);
	if (!strcmp(op, "Sub") && a->kind == INK_VALUE_VIEW && b->stage == INK_STAGE_MEAN &&
	    ink_seq_equal(a, b->base))
		return set_stat(l, INK_STAGE_CENTERED, b->base, 0, false);
	if (!strcmp(op, "Mul") && a->kind == b->kind && a->stage == INK_STAGE_CENTERED &&
	    b->stage == INK_STAGE_CENTERED && ink_seq_equal(a->base, b->base))
		return set_stat(l, INK_STAGE_SQUARE, a->base, 0, false);
	if (!strcmp(op, "Div") && b->kind == INK_VALUE_STAT && b->stage == INK_STAGE_DEVIATION &&
	    belongs(a, b))
		return set_norm(l, b->base, b->eps, b->rms, NULL, NULL);
	if (!strcmp(op, "Mul") && b->kind == INK_VALUE_STAT && b->stage == INK_STAGE_RECIPROCAL &&
	    belongs(a, b))
		return set_norm(l, b->base, b->eps, b->rms, NULL, NULL);
	if (!strcmp(op, "Mul") && a->kind == INK_VALUE_STAT && a->stage == INK_STAGE_RECIPROCAL &&
	    belongs(b, a))
		return set_norm(l, a->base, a->eps, a->rms, NULL, NULL);
	return ink_seq_refuse(l, "supported: (x - mean) / sqrt(mean of its squares + eps), and the same without the mean");
}

bool ink_seq_lower_layer_norm(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const struct ink_array *gamma = ink_seq_const(l, 1), *beta = ink_seq_const(l, 2);
	uint32_t rank = l->probe[l->node->in[0]]->rank, axis;
	double eps = 1e-5;

	if (!ink_onnx_attr_float(l->node, "epsilon", &eps, l->why) ||
	    !ink_onnx_axis(l->node, "axis", -1, rank, &axis, l->why))
		return false;
	if (!gamma || axis + 1 != rank || (ink_seq_in(l, 2) && !beta))
		return ink_seq_refuse(l, "supported: over the last dimension, with constant scale and offset");
	return set_norm(l, x, eps, false, gamma->data, beta ? beta->data : NULL);
}

/* A scale and an offset for each channel, the second dimension. */
bool ink_seq_lower_batch_norm(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	const struct ink_array *p[4];
	struct ink_seq_op *op;
	double eps = 1e-5;
	uint32_t from, i;

	for (i = 0; i < 4; i++)
		p[i] = ink_seq_const(l, i + 1);
	if (!p[0] || !p[1] || !p[2] || !p[3] || x->layout.rank < 2 ||
	    !ink_extent_is(&x->layout.dim[1], INK_AXIS_COL) || x->layout.col)
		return ink_seq_refuse(l, "supported: of constants, with the columns as second dimension");
	if (!ink_onnx_attr_float(l->node, "epsilon", &eps, l->why) || !ink_seq_whole(l, x, &from))
		return false;
	if (l->net->ops[from].cols != p[0]->count || x->layout.dim[1].n != 1 ||
	    x->layout.dim[1].piece[0].stride != 1)
		return ink_seq_refuse(l, "supported: of all columns in order");
	op = ink_seq_new_op(l, INK_SEQ_AFFINE, l->net->ops[from].rows, l->net->ops[from].cols,
			    l->net->ops[from].seq);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->s = ink_seq_numbers(l->net, op->cols, l->why);
	op->b = ink_seq_numbers(l->net, op->cols, l->why);
	if (!op->s || !op->b)
		return false;
	for (i = 0; i < op->cols; i++) {
		op->s[i] = p[0]->data[i] / sqrt(p[3]->data[i] + eps);
		op->b[i] = p[1]->data[i] - p[2]->data[i] * op->s[i];
	}
	return ink_seq_set_view(l, l->net->n_ops - 1, &x->layout, INK_FILL_ANY);
}
