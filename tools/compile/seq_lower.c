// SPDX-License-Identifier: GPL-2.0-only
/*
 * From ONNX nodes to a network of sequence operators.
 *
 * What lives here: the walk over the nodes. What doesn't: what becomes of each
 * (seq_lower_*.c), and views made operators (seq_matrix.c).
 */
#include <stdio.h>
#include <string.h>

#include "seq_lower.h"

#define MEMORY	((size_t)768 << 20)

const struct ink_value *ink_seq_in(const struct ink_seq_lowering *l, uint32_t i)
{
	static const struct ink_value none;

	if (i >= l->node->n_in || l->node->in[i] == INK_ONNX_NONE)
		return NULL;
	return l->values[l->node->in[i]] ? l->values[l->node->in[i]] : &none;
}

const struct ink_array *ink_seq_const(const struct ink_seq_lowering *l, uint32_t i)
{
	const struct ink_value *v = ink_seq_in(l, i);

	return v && v->kind == INK_VALUE_CONST ? v->constant : NULL;
}

bool ink_seq_scalar(const struct ink_array *a, double *v)
{
	size_t i;

	if (!a || !a->count)
		return false;
	for (i = 1; i < a->count; i++)
		if (a->data[i] != a->data[0])
			return false;
	*v = a->data[0];
	return true;
}

const struct ink_value *ink_seq_keep(struct ink_seq_lowering *l, const struct ink_value *v)
{
	struct ink_value *kept = ink_pool_alloc(&l->pool, 1, sizeof(*kept));

	if (kept)
		*kept = *v;
	else
		ink_fail(l->why, "%s: no memory for what it makes", l->label);
	return kept;
}

bool ink_seq_set(struct ink_seq_lowering *l, uint32_t which, const struct ink_value *v)
{
	if (l->node->out[which] == INK_ONNX_NONE)
		return true;
	l->values[l->node->out[which]] = (struct ink_value *)ink_seq_keep(l, v);
	return l->values[l->node->out[which]];
}

bool ink_seq_set_view(struct ink_seq_lowering *l, uint32_t op, const struct ink_layout *layout,
		      enum ink_filling filling)
{
	const struct ink_value v = {
		.kind = INK_VALUE_VIEW, .op = op, .layout = *layout, .filling = filling,
	};

	return ink_seq_set(l, 0, &v);
}

struct ink_seq_op *ink_seq_new_op(struct ink_seq_lowering *l, enum ink_seq_kind kind, uint32_t rows,
				  uint32_t cols, bool seq)
{
	return ink_seq_add(l->net, kind, rows, cols, seq, l->label, l->why);
}

static const char *kind_name(const struct ink_value *v)
{
	static const char * const names[] = {
		[INK_VALUE_NONE] = "something unknown", [INK_VALUE_CONST] = "a constant",
		[INK_VALUE_TOKENS] = "tokens", [INK_VALUE_GRAM] = "numbers made of tokens",
		[INK_VALUE_VIEW] = "activations",
		[INK_VALUE_MASK] = "a mask", [INK_VALUE_COUNT] = "the number of tokens",
		[INK_VALUE_STAT] = "a part of a normalisation", [INK_VALUE_SCORES] = "scores",
		[INK_VALUE_SHARES] = "shares of attention", [INK_VALUE_GATE] = "the greatest of rows",
	};

	return v ? names[v->kind] : "nothing";
}

bool ink_seq_refuse(struct ink_seq_lowering *l, const char *hint)
{
	char text[240] = "";
	size_t n = 0;
	uint32_t i, d;

	for (i = 0; i < l->node->n_in && i < 3 && n < sizeof(text); i++) {
		const struct ink_value *v = ink_seq_in(l, i);
		const struct ink_array *a = v ? l->probe[l->node->in[i]] : NULL;

		n += snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "", kind_name(v));
		for (d = 0; a && d < a->rank && n < sizeof(text); d++)
			n += snprintf(text + n, sizeof(text) - n, "%s%zu", d ? "x" : " ",
				      a->dims[d]);
	}
	ink_fail(l->why, "%s: can't be expressed of %s", l->label, text);
	return ink_hint(l->why, "%s", hint);
}

static bool lower_layout(struct ink_seq_lowering *l)
{
	return ink_seq_lower_move(l);
}

struct rule {
	const char *op;
	bool (*lower)(struct ink_seq_lowering *l);
};

static const struct rule rules[] = {
	{ "Gemm", ink_seq_lower_product }, { "MatMul", ink_seq_lower_product },
	{ "Conv", ink_seq_lower_conv }, { "MaxPool", ink_seq_lower_pool },
	{ "GlobalAveragePool", ink_seq_lower_pool }, { "GlobalMaxPool", ink_seq_lower_pool },
	{ "Gather", ink_seq_lower_gather }, { "Concat", ink_seq_lower_concat },
	{ "Pad", ink_seq_lower_pad }, { "Slice", ink_seq_lower_cut }, { "Split", ink_seq_lower_cut },
	{ "Reshape", lower_layout }, { "Flatten", lower_layout }, { "Squeeze", lower_layout },
	{ "Unsqueeze", lower_layout }, { "Transpose", lower_layout }, { "Expand", lower_layout },
	{ "Identity", lower_layout }, { "Dropout", lower_layout }, { "Cast", lower_layout },
	{ "Add", ink_seq_lower_binary }, { "Sub", ink_seq_lower_binary },
	{ "Mul", ink_seq_lower_binary }, { "Div", ink_seq_lower_binary },
	{ "Pow", ink_seq_lower_binary }, { "Min", ink_seq_lower_binary },
	{ "Max", ink_seq_lower_binary }, { "Where", ink_seq_lower_where },
	{ "Equal", ink_seq_lower_compare }, { "Greater", ink_seq_lower_compare },
	{ "GreaterOrEqual", ink_seq_lower_compare }, { "Less", ink_seq_lower_compare },
	{ "LessOrEqual", ink_seq_lower_compare }, { "Not", ink_seq_lower_compare },
	{ "And", ink_seq_lower_compare }, { "Or", ink_seq_lower_compare },
	{ "LayerNormalization", ink_seq_lower_layer_norm },
	{ "BatchNormalization", ink_seq_lower_batch_norm },
	{ "TopK", ink_seq_lower_topk }, { "Softmax", ink_seq_lower_softmax },
	{ "ReduceMean", ink_seq_lower_reduce },
	{ "ReduceSum", ink_seq_lower_reduce }, { "ReduceMax", ink_seq_lower_reduce },
};

/* Integers that are made of tokens know a few nodes only. True with *@done unset: not theirs. */
static bool lower_gram(struct ink_seq_lowering *l, bool *done)
{
	static const struct rule known[] = {
		{ "Add", ink_seq_lower_gram }, { "Mul", ink_seq_lower_gram },
		{ "Mod", ink_seq_lower_gram }, { "Div", ink_seq_lower_gram },
		{ "Cast", ink_seq_lower_gram }, { "Identity", ink_seq_lower_gram },
		{ "Pad", ink_seq_lower_gram_front }, { "Concat", ink_seq_lower_gram_front },
	};
	const char *op = l->node->pb->op_type;
	uint32_t i, k;

	for (k = 0; k < l->node->n_in; k++) {
		const struct ink_value *v = ink_seq_in(l, k);

		if (!v || !(v->kind == INK_VALUE_GRAM ||
			    (v->kind == INK_VALUE_TOKENS && !strcmp(op, "Add"))))
			continue;
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (!strcmp(op, known[i].op))
				return *done = known[i].lower(l);
	}
	return true;
}

static bool all_constant(const struct ink_seq_lowering *l)
{
	uint32_t i;

	for (i = 0; i < l->node->n_in; i++)
		if (ink_seq_in(l, i) && !ink_seq_const(l, i))
			return false;
	return true;
}

static bool lower_node(struct ink_seq_lowering *l)
{
	const char *op = l->node->pb->op_type;
	struct ink_value v = { .kind = INK_VALUE_CONST };
	bool done = false;
	uint32_t i;

	snprintf(l->label, sizeof(l->label), "%s", ink_onnx_label(l->node));
	/* With a given number of tokens, shapes and what is made of them are constant. */
	if (!strcmp(op, "Shape") || all_constant(l)) {
		for (i = 0; i < l->node->n_out; i++) {
			if (l->node->out[i] == INK_ONNX_NONE)
				continue;
			v.constant = l->probe[l->node->out[i]];
			if (v.constant && !ink_seq_set(l, i, &v))
				return false;
		}
		return true;
	}
	if (!lower_gram(l, &done) || done)
		return done;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (!strcmp(op, rules[i].op))
			return rules[i].lower(l);
	if (l->node->kernel->role == INK_ONNX_ROLE_UNARY)
		return ink_seq_lower_unary(l);
	return ink_seq_refuse(l, "the operator is only supported where it doesn't depend on the tokens");
}

/* Inputs besides the tokens: a mask, or what doesn't depend on the tokens. */
static bool begin_extra(struct ink_seq_lowering *l, const struct ink_value *tokens)
{
	const struct ink_onnx *m = l->model;
	struct ink_value v;
	uint32_t i;

	for (i = 0; i < m->n_extra; i++) {
		v = (struct ink_value){ .kind = INK_VALUE_CONST };
		v.constant = l->probe[m->extra[i].value];
		if (m->extra[i].role == INK_ONNX_MASK) {
			v = *tokens;
			v.kind = INK_VALUE_MASK;
			v.token = 1;
			l->net->pad = m->pad;
		}
		l->values[m->extra[i].value] = (struct ink_value *)ink_seq_keep(l, &v);
		if (!l->values[m->extra[i].value])
			return false;
	}
	return true;
}

/* Initializers, as values; and the input. */
static bool begin(struct ink_seq_lowering *l)
{
	const struct ink_onnx *m = l->model;
	struct ink_value v = { .kind = INK_VALUE_CONST };
	struct ink_seq_op *op;
	uint32_t i;

	for (i = 0; i < m->n_values; i++) {
		if (!m->values[i].constant)
			continue;
		l->probe[i] = v.constant = m->values[i].constant;
		l->values[i] = (struct ink_value *)ink_seq_keep(l, &v);
		if (!l->values[i])
			return false;
	}
	op = ink_seq_add(l->net, INK_SEQ_TOKENS, l->net->tokens, 1, true, "the input", l->why);
	if (!op)
		return false;
	v = (struct ink_value){ .kind = INK_VALUE_TOKENS, .op = 0 };
	v.layout.rank = m->in_rank ? m->in_rank : 2;
	if (!ink_extent_add(&v.layout.dim[v.layout.rank - 1], INK_AXIS_ROW, l->net->tokens, 1))
		return false;
	l->values[m->input] = (struct ink_value *)ink_seq_keep(l, &v);
	return l->values[m->input] && begin_extra(l, &v);
}

/* Is the value an input that is a mask? */
static bool is_mask(const struct ink_onnx *m, uint32_t value)
{
	uint32_t i;

	for (i = 0; i < m->n_extra; i++)
		if (m->extra[i].value == value && m->extra[i].role == INK_ONNX_MASK)
			return true;
	return false;
}

/* A mask, or a comparison of the tokens with a constant: the model knows about padding. */
static void find_padding(struct ink_seq_lowering *l)
{
	const struct ink_onnx *m = l->model;
	uint32_t i, k;

	for (i = 0; i < m->n_nodes; i++) {
		const char *op = m->nodes[i].pb->op_type;

		for (k = 0; k < m->nodes[i].n_in; k++)
			l->net->padded |= is_mask(m, m->nodes[i].in[k]);
		if (strcmp(op, "Equal") && strcmp(op, "Greater") && strcmp(op, "Less") &&
		    strcmp(op, "GreaterOrEqual") && strcmp(op, "LessOrEqual"))
			continue;
		for (k = 0; k < m->nodes[i].n_in; k++)
			l->net->padded |= m->nodes[i].in[k] == m->input;
	}
}

static bool finish(struct ink_seq_lowering *l)
{
	const struct ink_value *v = l->values[l->model->output];

	snprintf(l->label, sizeof(l->label), "the output \"%s\"",
		 ink_onnx_value_name(l->model, l->model->output));
	if (!v || v->kind != INK_VALUE_VIEW || v->summed || !ink_seq_matrix(l, v, &l->net->output))
		return ink_fail(l->why, "%s isn't made of activations", l->label);
	if (l->net->ops[l->net->output].seq)
		return ink_fail(l->why, "%s has a row for each token", l->label) ||
		       ink_hint(l->why, "end in one row: the mean, greatest, first or last of all, or attention pooling");
	return true;
}

static bool lower(struct ink_seq_lowering *l)
{
	uint32_t i;

	if (!begin(l))
		return ink_fail(l->why, "no memory for the network");
	find_padding(l);
	for (i = 0; i < l->model->n_nodes; i++) {
		l->node = &l->model->nodes[i];
		if (!lower_node(l))
			return ink_fail(l->why, "%s: can't be expressed", l->label);
	}
	return finish(l) && ink_seq_sort(l->net, l->why);
}

struct ink_seq_net *ink_seq_lower(const struct ink_onnx *model, uint32_t tokens,
				  struct ink_diag *why)
{
	struct ink_seq_lowering l = { .model = model, .net = ink_seq_new(tokens, why), .why = why };
	bool ok = l.net;

	if (ok && ink_onnx_batch(model) > 1)
		ok = ink_fail(why, "the input takes %zu sequences at a time, not one",
			      ink_onnx_batch(model)) ||
		     ink_hint(why, "export the model with an input of shape [1, tokens]");
	ink_pool_init(&l.pool, MEMORY);
	if (ok) {
		l.net->fixed = ink_onnx_width(model);
		l.probe = ink_pool_alloc(&l.pool, model->n_values, sizeof(*l.probe));
		l.values = ink_pool_alloc(&l.pool, model->n_values, sizeof(*l.values));
		ok = (l.probe && l.values) || ink_fail(why, "no memory for the network");
	}
	ok = ok && ink_onnx_shapes(model, 1, tokens, &l.pool, l.probe, why) && lower(&l);
	ink_pool_free(&l.pool);
	if (ok)
		return l.net;
	ink_seq_free(l.net);
	return NULL;
}
