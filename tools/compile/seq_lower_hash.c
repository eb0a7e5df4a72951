// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowering of sequences: embeddings of hashed n-grams.
 *
 * What lives here: integers that are computed of tokens, on their way to the
 * engine's hash, and the table that it chooses rows of. What doesn't: tables by
 * token (seq_lower_move.c).
 *
 * The formula is, for g tokens, the oldest first, those before the first being 0:
 *	t = pad(tokens + 1, g - 1 zeros in front)
 *	h = seed; for k = 0 .. g - 1: h = (h + t[k : k + T]) * 648053 mod 2^32
 *	row = h / 32768 mod rows of the table
 */
#include <string.h>

#include "seq_lower.h"

static const char hint[] = "of tokens, supported is a hash of n-grams: t = tokens + 1 with zeros in front, "
	"h = (h + t[:, k:k+T]) * 648053 % 2**32, then row h // 32768 % rows of a table";

/* Number @i of the node's operands, which both are integers. */
static bool number(const struct ink_seq_lowering *l, uint32_t i, double *v)
{
	return ink_seq_scalar(ink_seq_const(l, i), v);
}

static bool set_stage(struct ink_seq_lowering *l, struct ink_value *v, enum ink_gram_stage stage)
{
	v->gram.stage = stage;
	return ink_seq_set(l, 0, v);
}

/* Tokens @back places before each: all of a row as long as the call. */
static bool is_part(const struct ink_seq_lowering *l, const struct ink_value *v, uint32_t *back)
{
	*back = v->gram.front - v->gram.from;
	return v->gram.stage == INK_GRAM_TOKENS && v->gram.n == l->net->tokens &&
	       v->gram.from <= v->gram.front;
}

/* What is hashed plus the next token; the first one is added to the seed. */
static bool add(struct ink_seq_lowering *l)
{
	const struct ink_value *a = ink_seq_in(l, 0), *b = ink_seq_in(l, 1), *swap = a;
	struct ink_value v;
	uint32_t back;
	double c;

	if (a->kind == INK_VALUE_TOKENS || b->kind == INK_VALUE_TOKENS) {
		v = a->kind == INK_VALUE_TOKENS ? *a : *b;
		if (!number(l, a->kind == INK_VALUE_TOKENS, &c) || c != 1)
			return ink_seq_refuse(l, hint);
		v.kind = INK_VALUE_GRAM;
		v.gram.n = l->net->tokens;
		return set_stage(l, &v, INK_GRAM_TOKENS);
	}
	if (b->kind == INK_VALUE_GRAM && b->gram.stage == INK_GRAM_HASH) {
		a = b;
		b = swap;
	}
	if (a->kind == INK_VALUE_GRAM && b->kind == INK_VALUE_GRAM) {
		v = *a;
		if (a->gram.stage != INK_GRAM_HASH || !is_part(l, b, &back) || back + 1 != a->gram.back)
			return ink_seq_refuse(l, hint);
	} else {
		v = a->kind == INK_VALUE_GRAM ? *a : *b;
		if (!is_part(l, &v, &back) || back > 7 || !number(l, a->kind == INK_VALUE_GRAM, &c) ||
		    c < 0 || c > INT32_MAX)
			return ink_seq_refuse(l, hint);
		v.gram.seed = (uint32_t)c;
		v.gram.size = back + 1;
	}
	v.gram.back = back;
	return set_stage(l, &v, INK_GRAM_SUM);
}

bool ink_seq_lower_gram(struct ink_seq_lowering *l)
{
	const struct ink_value *a = ink_seq_in(l, 0);
	const char *op = l->node->pb->op_type;
	struct ink_value v;
	double c = 0;
	uint32_t back;

	if (!strcmp(op, "Add"))
		return add(l);
	v = a && a->kind == INK_VALUE_GRAM ? *a : *ink_seq_in(l, 1);
	if (!strcmp(op, "Cast") || !strcmp(op, "Identity"))
		return ink_seq_set(l, 0, &v);
	if (l->node->n_in == 2)
		number(l, a == NULL || a->kind == INK_VALUE_GRAM, &c);
	if (!strcmp(op, "Mul") && c == INKLING_HASH_FACTOR) {
		/* A seed of zero may have been left out. */
		if (is_part(l, &v, &back) && back < 8) {
			v.gram.size = back + 1;
			v.gram.back = back;
		} else if (v.gram.stage != INK_GRAM_SUM) {
			return ink_seq_refuse(l, hint);
		}
		return set_stage(l, &v, INK_GRAM_PRODUCT);
	}
	if (a->kind != INK_VALUE_GRAM)
		return ink_seq_refuse(l, hint);
	if (!strcmp(op, "Mod") && c == 4294967296.0 && v.gram.stage == INK_GRAM_PRODUCT)
		return set_stage(l, &v, INK_GRAM_HASH);
	if (!strcmp(op, "Div") && c == 1 << INKLING_HASH_SHIFT && v.gram.stage == INK_GRAM_HASH &&
	    !v.gram.back)
		return set_stage(l, &v, INK_GRAM_HIGH);
	if (strcmp(op, "Mod") || v.gram.stage != INK_GRAM_HIGH || c < 1 || c > 65536)
		return ink_seq_refuse(l, hint);
	v.gram.n = (uint32_t)c;
	return set_stage(l, &v, INK_GRAM_ROW);
}

/* Zeros in front, by Pad or by Concat. */
bool ink_seq_lower_gram_front(struct ink_seq_lowering *l)
{
	bool pad = !strcmp(l->node->pb->op_type, "Pad");
	struct ink_value v = *ink_seq_in(l, pad ? 0 : l->node->n_in - 1);
	const struct ink_array *out = l->probe[l->node->out[0]];
	size_t wide = out->dims[out->rank - 1], i;

	if (v.kind != INK_VALUE_GRAM || v.gram.stage != INK_GRAM_TOKENS || v.gram.front ||
	    out->count != wide || (!pad && l->node->n_in != 2) || wide < l->net->tokens)
		return ink_seq_refuse(l, hint);
	v.gram.front = (uint32_t)(wide - l->net->tokens);
	v.gram.n = (uint32_t)wide;
	for (i = 0; i < wide; i++)
		if ((out->data[i] == 0) != (i < v.gram.front))
			return ink_seq_refuse(l, hint);
	return set_stage(l, &v, INK_GRAM_TOKENS);
}

bool ink_seq_gram_cut(struct ink_seq_lowering *l, const struct ink_onnx_cut *cut, uint32_t which)
{
	const struct ink_array *out = l->probe[l->node->out[which]];
	struct ink_value v = *ink_seq_in(l, 0);
	uint32_t d, last = out->rank - 1;

	for (d = 0; d < out->rank; d++)
		if (cut->step[d] != 1 || (d != last && cut->from[d]))
			return ink_seq_refuse(l, hint);
	if (v.gram.stage != INK_GRAM_TOKENS)
		return ink_seq_refuse(l, hint);
	v.gram.from += (uint32_t)cut->from[last];
	v.gram.n = (uint32_t)out->dims[last];
	return ink_seq_set(l, which, &v);
}

bool ink_seq_lower_hashed(struct ink_seq_lowering *l, const struct ink_array *table)
{
	const struct ink_value *x = ink_seq_in(l, 1);
	uint32_t rows = (uint32_t)table->dims[0], cols;
	struct ink_layout layout = x->layout;
	struct ink_seq_op *op;

	if (table->rank != 2 || x->gram.stage != INK_GRAM_ROW || x->gram.n != rows ||
	    rows & (rows - 1) || layout.rank == INK_ONNX_MAX_RANK)
		return ink_seq_refuse(l, "the hash has to be modulo the rows of the table, a power of two of at most 65536");
	cols = (uint32_t)table->dims[1];
	op = ink_seq_new_op(l, INK_SEQ_HASHEMBED, l->net->tokens, cols, true);
	if (!op)
		return false;
	op->n_in = 1;
	op->in[0] = x->op;
	op->words = rows;
	op->gram = x->gram.size;
	op->seed = x->gram.seed;
	op->w = ink_seq_numbers(l->net, table->count, l->why);
	if (!op->w)
		return false;
	memcpy(op->w, table->data, table->count * sizeof(*op->w));
	ink_extent_add(&layout.dim[layout.rank++], INK_AXIS_COL, cols, 1);
	return ink_seq_set_view(l, l->net->n_ops - 1, &layout, INK_FILL_ANY);
}
