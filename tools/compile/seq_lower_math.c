// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowering of sequences: element by element.
 *
 * What lives here: sums, products and functions of activations, and masks.
 * What doesn't: normalisation (seq_lower_norm.c), scores
 * (seq_lower_attention.c).
 */
#include <math.h>
#include <string.h>

#include "seq_lower.h"

bool ink_seq_lower_compare(struct ink_seq_lowering *l)
{
	const char *op = l->node->pb->op_type;
	const struct ink_value *a = ink_seq_in(l, 0), *b = ink_seq_in(l, 1);
	struct ink_value v = *a;
	double c;

	if (a->kind == INK_VALUE_GATE || (b && b->kind == INK_VALUE_GATE))
		return ink_seq_lower_gate(l);
	if (a->kind == INK_VALUE_MASK && !strcmp(op, "Not")) {
		v.token = !a->token;
		v.pad = !a->pad;
		return ink_seq_set(l, 0, &v);
	}
	if (a->kind == INK_VALUE_MASK && b && ink_seq_scalar(ink_seq_const(l, 1), &c) &&
	    !strcmp(op, "Equal")) {
		v.token = a->token == c;
		v.pad = a->pad == c;
		return ink_seq_set(l, 0, &v);
	}
	if (a->kind != INK_VALUE_TOKENS || !ink_seq_scalar(ink_seq_const(l, 1), &c) || c < 0 ||
	    c > 65535 || (strcmp(op, "Equal") && c != 0))
		return ink_seq_refuse(l, "supported: whether a token is, or isn't, the one that only fills up");
	if ((!strcmp(op, "GreaterOrEqual") || !strcmp(op, "Less")) && c == 0)
		return ink_seq_refuse(l, "this is the same for all tokens");
	v.kind = INK_VALUE_MASK;
	v.pad = strcmp(op, "Greater") != 0;
	v.token = !v.pad;
	l->net->pad = (uint32_t)c;
	return ink_seq_set(l, 0, &v);
}

/* The constant's element for each row and column; NULL where it varies otherwise. */
struct spread {
	bool by_row, by_col;
	double *v;		/* [rows][cols], or [cols] where it doesn't vary by row */
};

static void place(const struct ink_layout *at, const size_t *dims, size_t i, uint32_t *row,
		  uint32_t *col)
{
	uint32_t d, k;

	*row = at->row;
	*col = at->col;
	for (d = at->rank; d-- > 0; i /= dims[d]) {
		size_t rest = i % dims[d];

		for (k = at->dim[d].n; k-- > 0; rest /= at->dim[d].piece[k].size) {
			const struct ink_piece *p = &at->dim[d].piece[k];

			*(p->axis == INK_AXIS_ROW ? row : col) += (uint32_t)(rest % p->size) * p->stride;
		}
	}
}

static bool spread(struct ink_seq_lowering *l, uint32_t from, const struct ink_layout *at,
		   const struct ink_array *c, double preset, struct spread *s)
{
	const struct ink_array *out = l->probe[l->node->out[0]];
	const struct ink_seq_op *op = &l->net->ops[from];
	struct ink_onnx_spread shape = { .rank = out->rank };
	size_t i, n = (size_t)op->rows * op->cols;
	uint32_t row, col;

	memcpy(shape.dims, out->dims, sizeof(shape.dims));
	s->v = ink_seq_numbers(l->net, n, l->why);
	if (!s->v)
		return false;
	for (i = 0; i < n; i++)
		s->v[i] = preset;
	for (i = 0; i < out->count; i++) {
		place(at, out->dims, i, &row, &col);
		s->v[(size_t)row * op->cols + col] = c->data[ink_onnx_spread_at(&shape, c, i)];
	}
	s->by_row = s->by_col = false;
	for (i = 0; i < n; i++) {
		s->by_row |= s->v[i] != s->v[i % op->cols];
		s->by_col |= s->v[i] != s->v[i / op->cols * op->cols];
	}
	return true;
}

/* x s + b by columns, or x plus or times a matrix. */
static bool by_columns(struct ink_seq_lowering *l, const struct ink_value *x,
		       const struct ink_array *c, bool add)
{
	const struct ink_array *out = l->probe[l->node->out[0]];
	struct ink_layout at;
	struct spread s = { 0 };
	struct ink_seq_op *op;
	struct ink_value v = *x;
	uint32_t from, i;

	if (!ink_seq_stretch(&v.layout, out))
		return ink_seq_refuse(l, "too many dimensions");
	at = v.layout;
	/* A constant with more elements makes copies of the activations. */
	if (out->count == l->probe[l->node->in[ink_seq_in(l, 0) != x]]->count ?
	    !ink_seq_whole(l, &v, &from) : !ink_seq_flat(l, &v, &from, &at))
		return false;
	if (!spread(l, from, &at, c, add ? 0 : 1, &s))
		return false;
	op = ink_seq_new_op(l, !s.by_row ? INK_SEQ_AFFINE : add ? INK_SEQ_POSITION : INK_SEQ_FACTOR,
			    l->net->ops[from].rows, l->net->ops[from].cols, l->net->ops[from].seq);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = from;
	op->b = s.v;
	if (!s.by_row) {
		op->s = ink_seq_numbers(l->net, op->cols, l->why);
		op->b = ink_seq_numbers(l->net, op->cols, l->why);
		if (!op->s || !op->b)
			return false;
		for (i = 0; i < op->cols; i++) {
			op->s[i] = add ? 1 : s.v[i];
			op->b[i] = add ? s.v[i] : 0;
		}
	}
	return ink_seq_set_view(l, l->net->n_ops - 1, &at, ink_seq_filling(x, !add));
}

/* A function of the view's elements: the constant is one number. */
static bool with_scalar(struct ink_seq_lowering *l, const struct ink_value *x, double c, bool left)
{
	const char *op = l->node->pb->op_type;
	struct ink_value v = *x;
	bool ok = true;

	/* A number divided by the activations, or that they are taken from. */
	if (!strcmp(op, "Div") && left)
		ok = ink_unary_then(&v.f, INK_UNARY_RECIPROCAL, 0, 0) &&
		     (c == 1 || ink_unary_then(&v.f, INK_UNARY_AFFINE, c, 0));
	else if (!strcmp(op, "Pow"))
		ok = !left && ink_unary_then(&v.f, INK_UNARY_POW, c, 0);
	else if (!strcmp(op, "Min") || !strcmp(op, "Max"))
		ok = ink_unary_then(&v.f, INK_UNARY_CLIP, op[1] == 'i' ? -INFINITY : c,
				    op[1] == 'i' ? c : INFINITY);
	else if (!strcmp(op, "Add") || !strcmp(op, "Sub"))
		ok = (c == 0 && !left) || ink_unary_then(&v.f, INK_UNARY_AFFINE,
					op[0] == 'S' && left ? -1 : 1,
					op[0] == 'S' && !left ? -c : c);
	else if (c != 1)
		ok = ink_unary_then(&v.f, INK_UNARY_AFFINE, op[0] == 'D' ? 1 / c : c, 0);
	if (!ok)
		return ink_seq_refuse(l, "the formula is too long");
	if (x->filling == INK_FILL_ZERO && ink_unary_eval(&v.f, 0) != 0)
		v.filling = INK_FILL_ANY;
	if (x->summed && strcmp(op, "Mul") && strcmp(op, "Div"))
		return ink_seq_refuse(l, "a sum over tokens has to be divided by their number first");
	return ink_seq_set(l, 0, &v);
}

static bool with_constant(struct ink_seq_lowering *l, uint32_t which)
{
	const struct ink_value *x = ink_seq_in(l, which);
	const struct ink_array *c = ink_seq_const(l, !which), *out = l->probe[l->node->out[0]];
	const char *op = l->node->pb->op_type;
	struct ink_array *changed;
	double one;
	size_t i;

	if (ink_seq_scalar(c, &one) && out->count == l->probe[l->node->in[which]]->count) {
		struct ink_value v = *x;

		/* The constant may add dimensions of one. */
		if (!ink_layout_reshape(&v.layout, out->rank, out->dims))
			return ink_seq_refuse(l, "too many dimensions");
		return with_scalar(l, &v, one, which);
	}
	if (x->summed || (strcmp(op, "Add") && strcmp(op, "Sub") && strcmp(op, "Mul") &&
			  strcmp(op, "Div")) || (!strcmp(op, "Div") && which))
		return ink_seq_refuse(l, "of activations and a constant, sums and products are supported");
	if (op[0] == 'A' || op[0] == 'M')
		return by_columns(l, x, c, op[0] == 'A');
	changed = ink_array_new(&l->pool, c->type, c->rank, c->dims, l->label, l->why);
	if (!changed)
		return false;
	for (i = 0; i < c->count; i++)
		changed->data[i] = op[0] == 'D' ? 1 / c->data[i] : which ? c->data[i] : -c->data[i];
	if (op[0] == 'S' && which)
		return ink_seq_refuse(l, "turn the difference around: activations minus the constant");
	return by_columns(l, x, changed, op[0] == 'S');
}

static double apply(const char *op, double a, double b)
{
	switch (op[0]) {
	case 'A':
		return a + b;
	case 'S':
		return a - b;
	case 'D':
		return a / b;
	case 'P':
		return pow(a, b);
	default:
		return !strcmp(op, "Mul") ? a * b : op[1] == 'i' ? fmin(a, b) : fmax(a, b);
	}
}

/* Both are numbers of the token's kind, or one is a constant. */
static bool masks(struct ink_seq_lowering *l)
{
	const struct ink_value *a = ink_seq_in(l, 0), *b = ink_seq_in(l, 1);
	const struct ink_value *m = a->kind == INK_VALUE_MASK ? a : b;
	const struct ink_array *out = l->probe[l->node->out[0]];
	const char *op = l->node->pb->op_type;
	double p[2], q[2];
	struct ink_value v = *m;

	if (a->kind == INK_VALUE_CONST && ink_seq_scalar(a->constant, &p[0]))
		p[1] = p[0];
	else if (a->kind == INK_VALUE_MASK)
		memcpy(p, (double[]){ a->token, a->pad }, sizeof(p));
	else
		return ink_seq_refuse(l, "a mask may be combined with one number");
	if (b->kind == INK_VALUE_CONST && ink_seq_scalar(b->constant, &q[0]))
		q[1] = q[0];
	else if (b->kind == INK_VALUE_MASK && (m == b || ink_layout_same(&a->layout, &b->layout)))
		memcpy(q, (double[]){ b->token, b->pad }, sizeof(q));
	else
		return ink_seq_refuse(l, "a mask may be combined with one number");
	v.token = apply(op, p[0], q[0]);
	v.pad = apply(op, p[1], q[1]);
	if (out->count != l->probe[l->node->in[m == b]]->count ||
	    !ink_layout_reshape(&v.layout, out->rank, out->dims))
		return ink_seq_refuse(l, "a mask may be combined with one number");
	return ink_seq_set(l, 0, &v);
}

/* Does the mask's row axis lie where the view's does? */
static bool mask_fits(struct ink_seq_lowering *l, const struct ink_value *x,
		      const struct ink_value *m)
{
	uint32_t d, e;

	for (d = 0; d < m->layout.rank; d++) {
		if (ink_extent_is(&m->layout.dim[d], INK_AXIS_SAME))
			continue;
		e = d + x->layout.rank;
		if (e < m->layout.rank)
			return false;
		e -= m->layout.rank;
		if (x->layout.dim[e].n != 1 || x->layout.dim[e].piece[0].axis != INK_AXIS_ROW ||
		    x->layout.dim[e].piece[0].size != l->net->tokens ||
		    m->layout.dim[d].piece[0].size != l->net->tokens)
			return false;
	}
	return l->net->ops[x->op].seq && x->layout.rank >= m->layout.rank;
}

static bool with_mask(struct ink_seq_lowering *l, uint32_t which)
{
	const struct ink_value *x = ink_seq_in(l, which), *m = ink_seq_in(l, !which);
	const char *op = l->node->pb->op_type;
	struct ink_value v = *x;

	if (x->summed || !mask_fits(l, x, m))
		return ink_seq_refuse(l, "the mask isn't that of the activations' tokens");
	if (!strcmp(op, "Mul") && m->token == 1 && m->pad == 0)
		v.filling = INK_FILL_ZERO;
	else if (!strcmp(op, "Add") && m->token == 0 && m->pad <= INK_SEQ_LOW)
		v.filling = INK_FILL_LOW;
	else
		return ink_seq_refuse(l, "supported: activations times 1 for tokens and 0 for what fills up, or plus 0 and a very low number");
	return ink_seq_set(l, 0, &v);
}

/* Where(mask, x, c) and Where(mask, c, x) */
bool ink_seq_lower_where(struct ink_seq_lowering *l)
{
	const struct ink_value *m = ink_seq_in(l, 0), *a = ink_seq_in(l, 1), *b = ink_seq_in(l, 2);
	const struct ink_value *x = a->kind == INK_VALUE_CONST ? b : a;
	const struct ink_array *out = l->probe[l->node->out[0]];
	struct ink_value v = *x;
	double c, d;
	bool pad;

	if (a->kind == INK_VALUE_SCORES || b->kind == INK_VALUE_SCORES)
		return ink_seq_scores_binary(l, a->kind == INK_VALUE_SCORES ? 1 : 2);
	if (m->kind == INK_VALUE_GATE)
		return ink_seq_lower_gate(l);
	if (m->kind != INK_VALUE_MASK)
		return ink_seq_refuse(l, "the condition has to be a mask of the tokens");
	if (ink_seq_scalar(ink_seq_const(l, 1), &c) && ink_seq_scalar(ink_seq_const(l, 2), &d)) {
		v = *m;
		v.token = m->token != 0 ? c : d;
		v.pad = m->pad != 0 ? c : d;
		if (!ink_layout_reshape(&v.layout, out->rank, out->dims))
			return ink_seq_refuse(l, "the constants are larger than the mask");
		return ink_seq_set(l, 0, &v);
	}
	/* What fills up has to get the constant. */
	pad = x == b ? m->pad != 0 && m->token == 0 : m->pad == 0 && m->token != 0;
	if (x->kind != INK_VALUE_VIEW || !pad || !mask_fits(l, x, m) ||
	    !ink_seq_scalar(ink_seq_const(l, x == b ? 1 : 2), &c) || (c != 0 && c > INK_SEQ_LOW))
		return ink_seq_refuse(l, "supported: 0 or a very low number instead of activations of what fills up");
	v.filling = c == 0 ? INK_FILL_ZERO : INK_FILL_LOW;
	return ink_seq_set(l, 0, &v);
}

/* Two activations, at the level of operators. */
static bool two_views(struct ink_seq_lowering *l, const struct ink_value *a,
		      const struct ink_value *b)
{
	const char *name = l->node->pb->op_type;
	bool same = ink_layout_same(&a->layout, &b->layout) &&
		    l->net->ops[a->op].rows == l->net->ops[b->op].rows &&
		    l->net->ops[a->op].cols == l->net->ops[b->op].cols, zero;
	struct ink_layout layout = a->layout;
	struct ink_seq_op *op;
	uint32_t in[2];

	if (strcmp(name, "Add") && strcmp(name, "Sub") && strcmp(name, "Mul"))
		return ink_seq_refuse(l, "of two activations, sums, differences and products are supported");
	if (same && (!ink_seq_whole(l, a, &in[0]) || !ink_seq_whole(l, b, &in[1])))
		return false;
	if (!same && (!ink_seq_matrix(l, a, &in[0]) || !ink_seq_matrix(l, b, &in[1]) ||
		      !ink_seq_shape_of(a, l->net->ops[in[0]].cols, &layout)))
		return false;
	if (l->net->ops[in[0]].rows != l->net->ops[in[1]].rows ||
	    l->net->ops[in[0]].cols != l->net->ops[in[1]].cols ||
	    l->net->ops[in[0]].seq != l->net->ops[in[1]].seq)
		return ink_seq_refuse(l, "both need the same rows and columns");
	op = ink_seq_new_op(l, name[0] == 'M' ? INK_SEQ_MUL : INK_SEQ_ADD, l->net->ops[in[0]].rows,
			    l->net->ops[in[0]].cols, l->net->ops[in[0]].seq);
	if (!op)
		return false;
	op->n_in = 2;
	memcpy(op->in, in, sizeof(in));
	op->cb = name[0] == 'S' ? -1 : 1;
	zero = name[0] == 'M' ? a->filling == INK_FILL_ZERO || b->filling == INK_FILL_ZERO :
	       a->filling == INK_FILL_ZERO && b->filling == INK_FILL_ZERO;
	return ink_seq_set_view(l, l->net->n_ops - 1, &layout, zero ? INK_FILL_ZERO : INK_FILL_ANY);
}

/* x * sigmoid(x) and the like: functions of the same elements. */
static bool formula(struct ink_seq_lowering *l, const struct ink_value *a,
		    const struct ink_value *b, bool *done)
{
	const char *op = l->node->pb->op_type;
	enum ink_unary_code code = op[0] == 'D' ? INK_UNARY_DIV : !strcmp(op, "Mul") ? INK_UNARY_MUL :
				   INK_UNARY_ADD;
	struct ink_value v = *a;

	*done = a->op == b->op && ink_layout_same(&a->layout, &b->layout) && op[0] != 'P' &&
		strcmp(op, "Min") && strcmp(op, "Max") &&
		(a->f.n || b->f.n || !strcmp(op, "Mul")) &&
		ink_unary_combine(&v.f, &b->f, code, 1, op[0] == 'S' ? -1 : 1);
	if (!*done)
		return true;
	if (a->filling == INK_FILL_ZERO && ink_unary_eval(&v.f, 0) != 0)
		v.filling = INK_FILL_ANY;
	return ink_seq_set(l, 0, &v);
}

bool ink_seq_lower_binary(struct ink_seq_lowering *l)
{
	const struct ink_value *a = ink_seq_in(l, 0), *b = ink_seq_in(l, 1);
	bool done = false;

	if (a->kind == INK_VALUE_SCORES || b->kind == INK_VALUE_SCORES)
		return ink_seq_scores_binary(l, b->kind == INK_VALUE_SCORES);
	if (!ink_seq_stat_binary(l, &done) || done)
		return done;
	if (!ink_seq_gate_times(l, &done) || done)
		return done;
	if (a->kind == INK_VALUE_VIEW && a->summed && b->kind == INK_VALUE_COUNT &&
	    !strcmp(l->node->pb->op_type, "Div"))
		return ink_seq_pool_mean(l, a);
	if ((a->kind == INK_VALUE_COUNT && b->kind == INK_VALUE_CONST) ||
	    (b->kind == INK_VALUE_COUNT && a->kind == INK_VALUE_CONST)) {
		double c, n = 1;

		/* At least one, or next to nothing more, so that nothing is divided by zero. */
		if (!ink_seq_scalar(ink_seq_const(l, a->kind == INK_VALUE_COUNT), &c) ||
		    fabs(apply(l->node->pb->op_type, n, c) - 1) > 1e-3)
			return ink_seq_refuse(l, "the number of tokens can only be divided by");
		return ink_seq_set(l, 0, a->kind == INK_VALUE_COUNT ? a : b);
	}
	if (a->kind == INK_VALUE_VIEW && b->kind == INK_VALUE_CONST)
		return with_constant(l, 0);
	if (b->kind == INK_VALUE_VIEW && a->kind == INK_VALUE_CONST)
		return with_constant(l, 1);
	if (a->kind == INK_VALUE_VIEW && b->kind == INK_VALUE_MASK)
		return with_mask(l, 0);
	if (b->kind == INK_VALUE_VIEW && a->kind == INK_VALUE_MASK)
		return with_mask(l, 1);
	if (a->kind == INK_VALUE_MASK || b->kind == INK_VALUE_MASK)
		return masks(l);
	if (a->kind != INK_VALUE_VIEW || b->kind != INK_VALUE_VIEW || a->summed || b->summed)
		return ink_seq_refuse(l, "supported: activations, constants and masks");
	if (!formula(l, a, b, &done) || done)
		return done;
	return two_views(l, a, b);
}

bool ink_seq_lower_unary(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	struct ink_unary_step s;
	struct ink_value v = *x;
	bool done = false;

	if (!ink_seq_stat_unary(l, &done) || done)
		return done;
	if (!ink_onnx_unary(l->model, l->node, &s, l->why))
		return false;
	if (x->kind == INK_VALUE_COUNT && s.code == INK_UNARY_CLIP && s.a <= 1 &&
	    s.b >= l->net->tokens)
		return ink_seq_set(l, 0, x);
	if (x->kind == INK_VALUE_MASK) {
		v.token = ink_unary_apply(s.code, s.a, s.b, x->token);
		v.pad = ink_unary_apply(s.code, s.a, s.b, x->pad);
		return ink_seq_set(l, 0, &v);
	}
	if (x->kind != INK_VALUE_VIEW || x->summed)
		return ink_seq_refuse(l, "functions of activations and masks are supported");
	if (!ink_unary_then(&v.f, s.code, s.a, s.b))
		return ink_seq_refuse(l, "the formula is too long");
	if (x->filling == INK_FILL_ZERO && ink_unary_eval(&v.f, 0) != 0)
		v.filling = INK_FILL_ANY;
	return ink_seq_set(l, 0, &v);
}
