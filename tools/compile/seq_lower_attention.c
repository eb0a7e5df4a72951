// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowering of sequences: attention.
 *
 * What lives here: scores of queries and keys, what is done to them, their
 * softmax, and the product with values; attention pooling, whose queries are
 * constant. What doesn't: the projections, which are products like any other.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seq_lower.h"

/* A view [.., heads, rows, d], or [.., heads, d, rows] with @turned, as a matrix by heads. */
static bool by_heads(struct ink_seq_lowering *l, const struct ink_value *x, bool turned,
		     uint32_t *op, uint32_t *heads, uint32_t *d)
{
	struct ink_value v = *x;
	uint32_t rank = v.layout.rank, perm[INK_ONNX_MAX_RANK], i, k, h = 0;
	struct ink_extent *last;

	*heads = 1;
	for (i = 0; i < rank; i++)
		perm[i] = i;
	if (turned) {
		perm[rank - 1] = rank - 2;
		perm[rank - 2] = rank - 1;
		ink_layout_permute(&v.layout, perm);
	}
	last = &v.layout.dim[rank - 1];
	*d = (uint32_t)ink_extent_size(last);
	for (i = 0; i + 2 < rank; i++) {
		struct ink_extent *e = &v.layout.dim[i];

		/* Copies of one head for several queries are heads that share their keys. */
		for (k = 0; k < e->n; k++) {
			if (e->piece[k].axis == INK_AXIS_SAME)
				continue;
			if (e->piece[k].axis != INK_AXIS_COL || h++)
				return ink_seq_refuse(l, "of attention's operands, the dimension of heads has to be one of the columns");
			*heads = e->piece[k].size;
			if (last->n == INK_PIECES)
				return ink_seq_refuse(l, "too many dimensions");
			memmove(&last->piece[1], &last->piece[0], last->n++ * sizeof(last->piece[0]));
			last->piece[0] = e->piece[k];
		}
		e->n = 0;
	}
	/* Pieces that follow each other are one again. */
	if (last->n == 2 && last->piece[0].stride == last->piece[1].stride * last->piece[1].size) {
		last->piece[0].size *= last->piece[1].size;
		last->piece[0].stride = last->piece[1].stride;
		last->n = 1;
	}
	return ink_seq_matrix(l, &v, op);
}

/* A factor that all queries or keys have goes into the scores. */
static double factor(struct ink_value *v)
{
	const struct ink_unary_step *s = v->f.step;
	double k = 1;
	uint32_t i;

	for (i = 0; i < v->f.n; i++) {
		if (s[i].code != INK_UNARY_AFFINE || s[i].b != 0 || s[i].l != i)
			return 1;
		k *= s[i].a;
	}
	v->f.n = 0;
	return k;
}

bool ink_seq_lower_scores(struct ink_seq_lowering *l)
{
	struct ink_value q = *ink_seq_in(l, 0), k = *ink_seq_in(l, 1);
	const struct ink_array *out = l->probe[l->node->out[0]];
	struct ink_value v = { .kind = INK_VALUE_SCORES };
	struct ink_scores *s = &v.scores;
	uint32_t d, e, rank = out->rank, i, wide = 1;

	s->scale = factor(&q) * factor(&k);
	if (q.layout.rank < 2 || k.layout.rank < 2 ||
	    !ink_extent_is(&q.layout.dim[q.layout.rank - 1], INK_AXIS_COL) ||
	    !ink_extent_is(&k.layout.dim[k.layout.rank - 2], INK_AXIS_COL))
		return ink_seq_refuse(l, "products of activations are supported as queries times keys, and shares times values");
	if (!by_heads(l, &q, false, &s->q, &s->heads, &d) ||
	    !by_heads(l, &k, true, &s->k, &s->groups, &e))
		return false;
	if (d != e || s->heads % s->groups || s->scale <= 0)
		return ink_seq_refuse(l, "queries and keys don't fit");
	s->rows = l->net->ops[s->q].rows;
	v.layout.rank = rank;
	for (i = 0; i + 2 < rank; i++)
		wide *= (uint32_t)out->dims[i];
	if (wide != s->heads)
		return ink_seq_refuse(l, "queries and keys have different heads");
	for (i = 0; i + 2 < rank; i++)
		ink_extent_add(&v.layout.dim[i], INK_AXIS_COL, (uint32_t)out->dims[i], 1);
	ink_extent_add(&v.layout.dim[rank - 2], INK_AXIS_ROW, s->rows, 1);
	ink_extent_add(&v.layout.dim[rank - 1], INK_AXIS_KEY, l->net->ops[s->k].rows, 1);
	return ink_seq_set(l, 0, &v);
}

/* A constant [.., T, T] of zeros and very low numbers: causal, or a band. */
static bool pattern(struct ink_seq_lowering *l, struct ink_scores *s, const struct ink_array *c)
{
	size_t n = c->rank ? c->dims[c->rank - 1] : 0, i;
	bool causal = true;
	int64_t far = 0, at;

	if (c->rank < 2 || c->dims[c->rank - 2] != n || n != s->rows || c->count % (n * n))
		return ink_seq_refuse(l, "supported masks: of what fills up, causal, and a band");
	for (i = 0; i < c->count; i++) {
		at = (int64_t)(i / n % n) - (int64_t)(i % n);
		if (c->data[i] != 0)
			continue;
		causal &= at >= 0;
		far = llabs(at) > far ? llabs(at) : far;
	}
	for (i = 0; i < c->count; i++) {
		bool seen;

		at = (int64_t)(i / n % n) - (int64_t)(i % n);
		seen = llabs(at) <= far && (!causal || at >= 0);
		if (c->data[i] != (seen ? 0 : c->data[i]) || (!seen && c->data[i] > INK_SEQ_LOW))
			return ink_seq_refuse(l, "supported masks: of what fills up, causal, and a band");
	}
	s->causal |= causal && n > 1;
	if (far + 1 < (int64_t)n)
		s->window = (uint32_t)far + 1;
	return true;
}

/* The same as a condition: scores where it is @scores, else the number @low. */
static bool condition(struct ink_seq_lowering *l, struct ink_value *v, const struct ink_array *c,
		      bool scores, double low)
{
	struct ink_array *sum = ink_array_new(&l->pool, INK_ONNX_FLOAT, c->rank, c->dims, l->label,
					      l->why);
	size_t i;

	if (!sum)
		return false;
	for (i = 0; i < c->count; i++)
		sum->data[i] = (c->data[i] != 0) == scores ? 0 : low;
	return pattern(l, &v->scores, sum) && ink_seq_set(l, 0, v);
}

/* A mask whose tokens are the keys. */
static bool keys_mask(struct ink_seq_lowering *l, const struct ink_value *m)
{
	const struct ink_extent *last = &m->layout.dim[m->layout.rank ? m->layout.rank - 1 : 0];

	if (!m->layout.rank || last->n != 1 || last->piece[0].axis != INK_AXIS_ROW ||
	    last->piece[0].size != l->net->tokens)
		return false;
	return !ink_layout_has(&m->layout, INK_AXIS_ROW, m->layout.rank - 1);
}

static bool mask_scores(struct ink_seq_lowering *l, struct ink_value *v, const struct ink_value *m,
			double token, double pad)
{
	if (m->kind != INK_VALUE_MASK || !keys_mask(l, m) || token != 0 || !(pad <= INK_SEQ_LOW))
		return ink_seq_refuse(l, "scores may be masked with a very low number where a key only fills up");
	if (!l->net->ops[v->scores.k].seq)
		return ink_seq_refuse(l, "the keys aren't the tokens any more");
	v->scores.masked = true;
	return ink_seq_set(l, 0, v);
}

bool ink_seq_scores_binary(struct ink_seq_lowering *l, uint32_t which)
{
	struct ink_value v = *ink_seq_in(l, which);
	const char *op = l->node->pb->op_type;
	const struct ink_value *other = ink_seq_in(l, !which);
	double c;

	if (!strcmp(op, "Where")) {
		const struct ink_value *m = ink_seq_in(l, 0);
		bool first = which == 1;

		if (!ink_seq_scalar(ink_seq_const(l, first ? 2 : 1), &c))
			return ink_seq_refuse(l, "scores may be masked with one very low number");
		if (m->kind == INK_VALUE_CONST)
			return condition(l, &v, m->constant, first, c);
		return mask_scores(l, &v, m, (m->token != 0) == first ? 0 : c,
				   (m->pad != 0) == first ? 0 : c);
	}
	if (other->kind == INK_VALUE_CONST && ink_seq_scalar(other->constant, &c)) {
		if ((!strcmp(op, "Mul") && c > 0) || (!strcmp(op, "Div") && !which && c > 0))
			v.scores.scale *= op[0] == 'M' ? c : 1 / c;
		else if (strcmp(op, "Add") && (strcmp(op, "Sub") || which))
			return ink_seq_refuse(l, "scores may be multiplied by a positive number and masked");
		return ink_seq_set(l, 0, &v);
	}
	if (strcmp(op, "Add"))
		return ink_seq_refuse(l, "scores may be multiplied by a positive number and masked");
	if (other->kind == INK_VALUE_CONST)
		return pattern(l, &v.scores, other->constant) && ink_seq_set(l, 0, &v);
	return mask_scores(l, &v, other, other->token, other->pad);
}

/* The same of scores for tokens: what is added to all of them changes no share. */
static double slope(struct ink_value *v)
{
	const struct ink_unary_step *s = v->f.step;
	double k = 1;
	uint32_t i;

	for (i = 0; i < v->f.n; i++) {
		if (s[i].code != INK_UNARY_AFFINE || s[i].l != i)
			return 0;
		k *= s[i].a;
	}
	return k;
}

/*
 * A score for each token, which softmax makes a share of: attention with a constant
 * query, the weights of the layer that made the score. Its bias changes nothing.
 */
static bool pool_scores(struct ink_seq_lowering *l, const struct ink_value *x, uint32_t axis)
{
	const struct ink_seq_op *op = &l->net->ops[x->op];
	struct ink_value v = { .kind = INK_VALUE_SHARES, .layout = x->layout }, base = *x;
	uint32_t d, i;

	v.scores.scale = slope(&base);
	if (op->kind != INK_SEQ_LINEAR && op->kind == INK_SEQ_AFFINE &&
	    l->net->ops[op->in[0]].kind == INK_SEQ_LINEAR && op->s[0] == 1)
		op = &l->net->ops[op->in[0]];
	if (op->kind != INK_SEQ_LINEAR || op->n_in != 1 || v.scores.scale <= 0 ||
	    x->layout.dim[axis].n != 1 || x->layout.dim[axis].piece[0].size != op->rows ||
	    x->layout.col || op->cols != 1)
		return ink_seq_refuse(l, "over tokens, supported is the softmax of a layer with one output");
	v.scores.constant = op->w;
	v.scores.rows = 1;
	v.scores.q = INKLING_NONE;
	v.scores.k = op->in[0];
	v.scores.heads = v.scores.groups = 1;
	v.scores.masked = x->filling == INK_FILL_LOW;
	for (d = 0; d < v.layout.rank; d++)
		for (i = 0; i < v.layout.dim[d].n; i++)
			if (v.layout.dim[d].piece[i].axis == INK_AXIS_ROW)
				v.layout.dim[d].piece[i].axis = INK_AXIS_KEY;
	return ink_seq_set(l, 0, &v);
}

/* Over the columns of a row: the model's result. */
static bool of_columns(struct ink_seq_lowering *l, const struct ink_value *x)
{
	struct ink_layout layout;
	struct ink_seq_op *op;
	uint32_t from;

	if (!ink_seq_matrix(l, x, &from))
		return false;
	if (l->net->ops[from].rows != 1 || l->net->ops[from].seq)
		return ink_seq_refuse(l, "a softmax of columns is supported at the end, of one row");
	op = ink_seq_new_op(l, INK_SEQ_SOFTMAX, 1, l->net->ops[from].cols, false);
	if (!op || !ink_seq_shape_of(x, op->cols, &layout))
		return false;
	op->n_in = 1;
	op->in[0] = from;
	return ink_seq_set_view(l, l->net->n_ops - 1, &layout, INK_FILL_ANY);
}

bool ink_seq_lower_softmax(struct ink_seq_lowering *l)
{
	const struct ink_value *x = ink_seq_in(l, 0);
	uint32_t rank = l->probe[l->node->in[0]]->rank, axis;
	struct ink_value v = *x;

	if (!ink_onnx_axis(l->node, "axis", l->model->opset < 13 ? 1 : -1, rank, &axis, l->why))
		return false;
	if (axis >= rank || (l->model->opset < 13 && axis + 1 != rank))
		return ink_seq_refuse(l, "supported: over one dimension");
	if (x->kind == INK_VALUE_GATE)
		return ink_seq_lower_gate(l);
	if (x->kind == INK_VALUE_VIEW && !x->summed)
		return x->layout.dim[axis].n && ink_extent_is(&x->layout.dim[axis], INK_AXIS_ROW) ?
		       pool_scores(l, x, axis) : of_columns(l, x);
	if (x->kind != INK_VALUE_SCORES || axis + 1 != rank || x->layout.dim[axis].n != 1 ||
	    x->layout.dim[axis].piece[0].axis != INK_AXIS_KEY)
		return ink_seq_refuse(l, "supported: of scores over the keys, of one row, and of a number for each token");
	v.kind = INK_VALUE_SHARES;
	return ink_seq_set(l, 0, &v);
}

/* Row and head dimensions of the shares, and the columns of a head behind them. */
static bool set_attention(struct ink_seq_lowering *l, const struct ink_value *shares, uint32_t op,
			  uint32_t heads, uint32_t d)
{
	const struct ink_array *out = l->probe[l->node->out[0]];
	struct ink_layout layout = { .rank = out->rank };
	uint32_t i, missing = out->rank - shares->layout.rank;

	for (i = 0; i + 1 < out->rank; i++) {
		const struct ink_extent *e = i < missing ? NULL : &shares->layout.dim[i - missing];
		uint32_t k;

		for (k = 0; e && k < e->n; k++) {
			struct ink_piece p = e->piece[k];

			if (p.axis == INK_AXIS_COL)
				p.stride *= d;
			ink_extent_add(&layout.dim[i], p.axis, p.size, p.stride);
		}
	}
	if (!ink_extent_add(&layout.dim[out->rank - 1], INK_AXIS_COL, d, 1) || heads * d !=
	    l->net->ops[op].cols)
		return ink_seq_refuse(l, "too many dimensions");
	return ink_seq_set_view(l, op, &layout, INK_FILL_ANY);
}

bool ink_seq_lower_attention(struct ink_seq_lowering *l)
{
	const struct ink_value *shares = ink_seq_in(l, 0), *x = ink_seq_in(l, 1);
	const struct ink_scores *s = &shares->scores;
	uint32_t v, groups, d, rank = shares->layout.rank;
	struct ink_seq_op *op;

	if (x->kind != INK_VALUE_VIEW || rank < 2 || x->layout.rank < 2 || !shares->layout.dim[rank - 1].n ||
	    shares->layout.dim[rank - 1].piece[0].axis != INK_AXIS_KEY)
		return ink_seq_refuse(l, "supported: shares times values");
	if (!by_heads(l, x, false, &v, &groups, &d))
		return false;
	if (groups != s->groups || l->net->ops[v].cols != l->net->ops[s->k].cols ||
	    l->net->ops[v].rows != l->net->ops[s->k].rows ||
	    l->net->ops[v].seq != l->net->ops[s->k].seq)
		return ink_seq_refuse(l, "values need the rows, heads and columns of the keys");
	if (l->net->ops[s->k].seq && l->net->padded && !s->masked)
		return ink_fail(l->why, "%s: attends to what only fills up", l->label) ||
		       ink_hint(l->why, "mask the scores too (src_key_padding_mask)");
	op = ink_seq_new_op(l, INK_SEQ_ATTENTION, s->rows, s->heads * d,
			    s->q != INKLING_NONE && l->net->ops[s->q].seq);
	if (!op)
		return false;
	if (d % 2)
		return ink_seq_refuse(l, "heads need an even number of columns");
	op->w = s->constant;
	if (s->q != INKLING_NONE)
		op->in[op->n_in++] = s->q;
	op->in[op->n_in++] = s->k;
	op->in[op->n_in++] = v;
	op->heads = s->heads;
	op->groups = s->groups;
	op->scale = s->scale;
	op->causal = s->causal;
	op->window = s->window;
	return set_attention(l, shares, l->net->n_ops - 1, s->heads, d);
}
