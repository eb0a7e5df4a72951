// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The verifier, third part: the operators.
 *
 * What lives here: for each operator, its operands' types and shapes, its
 * attributes, and a proof by interval arithmetic over the actual weights that
 * no intermediate value leaves its type, which also gives the range of the
 * result. What is proven here is why ops.c and the vector code check nothing.
 */
#include "verify_want.h"
#include "fixed.h"

static bool check_quant_row(struct ink_op_check *c, u32 r, const struct inkling_quant_row *q)
{
	bool onehot = q->kind == INKLING_QUANT_ONEHOT;
	bool ok = q->kind >= INKLING_QUANT_LINEAR && q->kind <= INKLING_QUANT_ONEHOT &&
		  (u32)q->feature < c->in[0]->count && q->lo <= q->hi &&
		  q->zero >= S8_MIN && q->zero <= S8_MAX;

	if (ok && onehot)
		ok = q->mult >= S8_MIN && q->mult <= S8_MAX && !q->shift &&
		     (s64)q->hi - q->lo + 1 == q->width;
	else if (ok)
		ok = q->mult >= 0 && q->shift >= 1 && q->shift <= 62 && q->width == 1;
	if (!ok)
		return refuse(c, INK_RULE_QUANT, c->op->in[1], r, 0,
			      "op %u: QUANT row %u (kind %d, feature %d, %d..%d) is out of its limits",
			      c->i, r, q->kind, q->feature, q->lo, q->hi);
	return true;
}

/* u < 2^32 and mult < 2^31, so u * mult + rounding stays below 2^64. */
static s32 quant_highest(const struct inkling_quant_row *q)
{
	u64 u = (u64)((s64)q->hi - q->lo);

	if (q->kind == INKLING_QUANT_LOG2)
		u = ink_log2_q16(u + 1);
	return ink_clamp32(q->zero + (s64)ink_round_shift_u(u * (u64)q->mult, (u32)q->shift),
			   S8_MIN, S8_MAX);
}

static bool check_quant(struct ink_op_check *c)
{
	const struct inkling_quant_row *q;
	struct ink_tensor *table = c->in[1];
	s32 lo = S8_MAX, hi = S8_MIN, a, b;
	u64 width = 0;
	u32 r;

	if (!ink_want_value(c, 0, DT(INKLING_INT32)) ||
	    !ink_want_const(c, 1, INKLING_INT32, (u64)table->rows * 8))
		return false;
	q = table->data;
	for (r = 0; r < table->rows; r++, q++) {
		if (!check_quant_row(c, r, q))
			return false;
		width += (u32)q->width;
		a = q->zero;
		b = q->kind == INKLING_QUANT_ONEHOT ? q->mult : quant_highest(q);
		lo = min(lo, min(a, b));
		hi = max(hi, max(a, b));
	}
	c->out[0]->lo = lo;
	c->out[0]->hi = hi;
	return ink_want_dtype(c, 0, true, DT(INKLING_INT8)) && ink_want_count(c, 0, true, width);
}

/*
 * The sum of absolute values bounds each partial sum in any order, which is
 * what lets vector code add in an order of its own.
 */
bool ink_verify_row(struct ink_op_check *c, u32 row, s64 *amin, s64 *amax)
{
	const struct ink_tensor *x = c->in[0];
	u32 n = c->in[1]->cols;
	const s8 *w = (const s8 *)c->in[1]->data + (size_t)row * n;
	s32 bias = ((const s32 *)c->in[2]->data)[row];
	s64 most = max(-(s64)x->lo, (s64)x->hi);
	s64 lo = bias, hi = bias, sum = bias < 0 ? -(s64)bias : bias;
	u32 i;

	for (i = 0; i < n; i++) {
		s64 p = (s64)w[i] * x->lo, q = (s64)w[i] * x->hi;

		lo += min(p, q);
		hi += max(p, q);
		sum += (w[i] < 0 ? -(s64)w[i] : w[i]) * most;
	}
	if (sum > S32_MAX)
		return refuse(c, INK_RULE_OVERFLOW, c->op->in[1], sum, S32_MAX,
			      "op %u: row %u can reach %lld, an accumulator holds %d", c->i, row,
			      (long long)sum, S32_MAX);
	*amin = lo;
	*amax = hi;
	return true;
}

bool ink_verify_requant(struct ink_op_check *c, u32 row, s64 acc, s32 zero, s64 *y)
{
	s32 mult = ((const s32 *)c->in[3]->data)[row];
	s32 shift = ((const s8 *)c->in[4]->data)[row];
	s64 v;

	if (mult < 0 || shift < 1 || shift > 62)
		return refuse(c, INK_RULE_REQUANT, c->op->in[3], row, 0,
			      "op %u: row %u has multiplier %d and shift %d; allowed are 0 to 2^31-1 and 1 to 62",
			      c->i, row, mult, shift);
	v = ink_requant((s32)acc, mult, (u32)shift);
	*y = v + zero;
	if (v < S32_MIN || v > S32_MAX || *y < S32_MIN || *y > S32_MAX)
		return refuse(c, INK_RULE_OVERFLOW, c->op->in[3], v, S32_MAX,
			      "op %u: row %u is scaled to %lld, which isn't 32 bits", c->i, row,
			      (long long)v);
	return true;
}

/* Range of table[x + 128] for x in [lo, hi]. */
static void table_range(const struct ink_tensor *table, s32 lo, s32 hi, struct ink_tensor *out)
{
	const s8 *y = table->data;
	s32 x;

	out->lo = S8_MAX;
	out->hi = S8_MIN;
	for (x = lo; x <= hi; x++) {
		out->lo = min(out->lo, (s32)y[x + 128]);
		out->hi = max(out->hi, (s32)y[x + 128]);
	}
}

static bool check_dense(struct ink_op_check *c)
{
	struct ink_tensor *out = c->out[0];
	u32 m = out->count, n = c->in[0]->count, row;
	const s32 *attr = c->op->attr;
	s64 amin = 0, amax = 0, y = 0, lo = S64_MAX, hi = S64_MIN;

	if (!ink_want_value(c, 0, DT(INKLING_INT8)) ||
	    !ink_want_matrix(c, 1, INKLING_INT8, m, n) ||
	    !ink_want_const(c, 2, INKLING_INT32, m) || !ink_want_const(c, 3, INKLING_INT32, m) ||
	    !ink_want_const(c, 4, INKLING_INT8, m) ||
	    (c->in[5] && !ink_want_const(c, 5, INKLING_INT8, 256)) ||
	    !ink_want_dtype(c, 0, true, DT(INKLING_INT8) |
			(c->in[5] ? 0 : DT(INKLING_INT16) | DT(INKLING_INT32))) ||
	    !ink_want_output_attrs(c, 0))
		return false;
	for (row = 0; row < m; row++) {
		if (!ink_verify_row(c, row, &amin, &amax) ||
		    !ink_verify_requant(c, row, amin, attr[0], &y))
			return false;
		lo = min(lo, y);
		if (!ink_verify_requant(c, row, amax, attr[0], &y))
			return false;
		hi = max(hi, y);
		ink_port_yield();
	}
	out->lo = ink_clamp32(lo, attr[1], attr[2]);
	out->hi = ink_clamp32(hi, attr[1], attr[2]);
	if (c->in[5])
		table_range(c->in[5], out->lo, out->hi, out);
	c->graph->macs += (u64)m * n;
	return true;
}

static bool check_lut(struct ink_op_check *c)
{
	if (!ink_want_value(c, 0, DT(INKLING_INT8)) || !ink_want_const(c, 1, INKLING_INT8, 256) ||
	    !ink_want_dtype(c, 0, true, DT(INKLING_INT8)) ||
	    !ink_want_count(c, 0, true, c->in[0]->count))
		return false;
	table_range(c->in[1], c->in[0]->lo, c->in[0]->hi, c->out[0]);
	return true;
}

/* Two vectors of one narrow type, of which at most one is constant; their zero points. */
static bool want_pair(struct ink_op_check *c)
{
	const u32 narrow = DT(INKLING_INT8) | DT(INKLING_INT16);
	u32 dtype = c->in[0]->dtype;

	return ink_want_value(c, c->in[0]->kind == INKLING_TENSOR_CONST, narrow) &&
	       ink_want_dtype(c, 0, false, narrow) && ink_want_dtype(c, 1, false, DT(dtype)) &&
	       ink_want_count(c, 1, false, c->in[0]->count) &&
	       ink_want_attr(c, 0, ink_dtype_min(dtype), ink_dtype_max(dtype)) &&
	       ink_want_attr(c, 1, ink_dtype_min(dtype), ink_dtype_max(dtype));
}

static bool want_pair_output(struct ink_op_check *c)
{
	return ink_want_dtype(c, 0, true, DT(INKLING_INT8) | DT(INKLING_INT16) | DT(INKLING_INT32)) &&
	       ink_want_count(c, 0, true, c->in[0]->count) && ink_want_attr(c, 4, 1, 62) &&
	       ink_want_output_attrs(c, 5);
}

/* |a - za| < 2^17 and |ma| <= 2^31: the sum of two products is far below 2^62. */
static bool check_add(struct ink_op_check *c)
{
	const struct ink_tensor *a = c->in[0], *b = c->in[1];
	const s32 *attr = c->op->attr;
	s64 lo = 0, hi = 0, p, q;

	if (!want_pair(c) || !want_pair_output(c))
		return false;
	p = ((s64)a->lo - attr[0]) * attr[2];
	q = ((s64)a->hi - attr[0]) * attr[2];
	lo += min(p, q);
	hi += max(p, q);
	p = ((s64)b->lo - attr[1]) * attr[3];
	q = ((s64)b->hi - attr[1]) * attr[3];
	lo += min(p, q);
	hi += max(p, q);
	c->out[0]->lo = ink_clamp32(ink_round_shift(lo, (u32)attr[4]) + attr[5], attr[6], attr[7]);
	c->out[0]->hi = ink_clamp32(ink_round_shift(hi, (u32)attr[4]) + attr[5], attr[6], attr[7]);
	return true;
}

static bool check_mul(struct ink_op_check *c)
{
	const s64 limit = (s64)1 << 61;
	const struct ink_tensor *a = c->in[0], *b = c->in[1];
	const s32 *attr = c->op->attr;
	s64 lo = S64_MAX, hi = S64_MIN, p, v;
	u32 k;

	if (!want_pair(c) || !want_pair_output(c) || !ink_want_attr(c, 3, 0, 0))
		return false;
	for (k = 0; k < 4; k++) {
		p = ((s64)(k & 1 ? a->hi : a->lo) - attr[0]) *
		    ((s64)(k & 2 ? b->hi : b->lo) - attr[1]);
		if (check_mul_overflow(p, (s64)attr[2], &v) || v > limit || v < -limit)
			return refuse(c, INK_RULE_OVERFLOW, c->op->out[0], p, limit,
				      "op %u: product %lld times %d is above 2^61", c->i,
				      (long long)p, attr[2]);
		lo = min(lo, v);
		hi = max(hi, v);
	}
	c->out[0]->lo = ink_clamp32(ink_round_shift(lo, (u32)attr[4]) + attr[5], attr[6], attr[7]);
	c->out[0]->hi = ink_clamp32(ink_round_shift(hi, (u32)attr[4]) + attr[5], attr[6], attr[7]);
	return true;
}

static bool check_concat(struct ink_op_check *c)
{
	struct ink_tensor *out = c->out[0];
	u64 count = 0;
	u32 k;

	if (!ink_want_dtype(c, 0, true, DT(INKLING_INT8) | DT(INKLING_INT16) | DT(INKLING_INT32)))
		return false;
	out->lo = S32_MAX;
	out->hi = S32_MIN;
	for (k = 0; k < INKLING_MAX_INPUTS && c->in[k]; k++) {
		if (!ink_want_value(c, k, DT(out->dtype)))
			return false;
		count += c->in[k]->count;
		out->lo = min(out->lo, c->in[k]->lo);
		out->hi = max(out->hi, c->in[k]->hi);
	}
	return ink_want_count(c, 0, true, count);
}

/*
 * The greatest difference is below 2^32 and the multiplier below 2^31, each
 * exponential is at most 2^30, and a count of 2^16 keeps their sum, shifted by
 * 15 for the division, below 2^61.
 */
static bool check_softmax(struct ink_op_check *c)
{
	if (!ink_want_value(c, 0, ANY_INT) || !ink_want_dtype(c, 0, true, DT(INKLING_INT16)) ||
	    !ink_want_count(c, 0, true, c->in[0]->count) || !ink_want_attr(c, 0, 0, S32_MAX) ||
	    !ink_want_attr(c, 1, 0, 62))
		return false;
	if (c->in[0]->count > 65536)
		return refuse(c, INK_RULE_SHAPE, c->op->in[0], c->in[0]->count, 65536,
			      "op %u: SOFTMAX of %u elements, the limit is 65536", c->i,
			      c->in[0]->count);
	c->out[0]->lo = 0;
	c->out[0]->hi = S16_MAX;
	return true;
}

static bool check_argmax(struct ink_op_check *c)
{
	if (!ink_want_value(c, 0, ANY_INT) || !ink_want_dtype(c, 0, true, DT(INKLING_INT32)) ||
	    !ink_want_count(c, 0, true, 2))
		return false;
	c->out[0]->lo = 0;
	c->out[0]->hi = S32_MAX;
	return true;
}

static bool check_dist(struct ink_op_check *c)
{
	const struct ink_tensor *a = c->in[0], *b = c->in[1];
	const s32 *attr = c->op->attr;
	s64 lo, hi, most, sum;

	if (!want_pair(c) || !ink_want_dtype(c, 0, true, DT(INKLING_INT32)) ||
	    !ink_want_count(c, 0, true, 1) || !ink_want_attr(c, 2, 0, S32_MAX) ||
	    !ink_want_attr(c, 3, 1, 62))
		return false;
	lo = ((s64)a->lo - attr[0]) - ((s64)b->hi - attr[1]);
	hi = ((s64)a->hi - attr[0]) - ((s64)b->lo - attr[1]);
	most = max(-lo, hi);
	if (check_mul_overflow(most * most, (s64)a->count, &sum) ||
	    check_mul_overflow(sum, (s64)attr[2], &sum) || sum > ((s64)1 << 61))
		return refuse(c, INK_RULE_OVERFLOW, c->op->out[0], most, (s64)1 << 61,
			      "op %u: %u squares of up to %lld times %d are above 2^61", c->i,
			      a->count, (long long)most, attr[2]);
	c->out[0]->lo = 0;
	c->out[0]->hi = ink_clamp32(ink_round_shift(sum, (u32)attr[3]), 0, S32_MAX);
	return true;
}

static const struct ink_op_rule op_rules[INKLING_OP_EMBED] = {
	[INKLING_OP_QUANT]	= { "QUANT", 2, 2, 0, check_quant },
	[INKLING_OP_DENSE]	= { "DENSE", 5, 6, 3, check_dense },
	[INKLING_OP_LUT]	= { "LUT", 2, 2, 0, check_lut },
	[INKLING_OP_ADD]	= { "ADD", 2, 2, 8, check_add },
	[INKLING_OP_MUL]	= { "MUL", 2, 2, 8, check_mul },
	[INKLING_OP_CONCAT]	= { "CONCAT", 2, INKLING_MAX_INPUTS, 0, check_concat },
	[INKLING_OP_SOFTMAX]	= { "SOFTMAX", 1, 1, 2, check_softmax },
	[INKLING_OP_ARGMAX]	= { "ARGMAX", 1, 1, 0, check_argmax },
	[INKLING_OP_DIST]	= { "DIST", 2, 2, 4, check_dist },
};

static const struct ink_op_rule *op_rule(u32 opcode)
{
	return opcode < INKLING_OP_EMBED ? &op_rules[opcode] : &ink_seq_rules[opcode];
}

const char *ink_op_name(u32 opcode)
{
	return opcode && opcode < INKLING_OP_NR ? op_rule(opcode)->name : "unknown";
}

static bool resolve_inputs(struct ink_op_check *c, const struct ink_op_rule *rule)
{
	const struct ink_graph *g = c->graph;
	u32 k, n = 0, index;

	while (n < INKLING_MAX_INPUTS && c->op->in[n] != INKLING_NONE)
		n++;
	for (k = n; k < INKLING_MAX_INPUTS; k++)
		if (c->op->in[k] != INKLING_NONE)
			n = INKLING_NONE;
	if (n < rule->min_in || n > rule->max_in)
		return refuse(c, INK_RULE_ARITY, INKLING_NONE, n, rule->max_in,
			      "op %u: %s takes %u to %u inputs, one after the other", c->i,
			      rule->name, rule->min_in, rule->max_in);
	for (k = 0; k < n; k++) {
		index = c->op->in[k];
		if (index >= g->header->n_tensors)
			return refuse(c, INK_RULE_REF, index, index, g->header->n_tensors,
				      "op %u: input %u is tensor %u of %u", c->i, k, index,
				      g->header->n_tensors);
		c->in[k] = &g->tensors[index];
		if (c->in[k]->kind == INKLING_TENSOR_ACTIVATION &&
		    c->in[k]->producer == INKLING_NONE)
			return refuse(c, INK_RULE_ORDER, index, c->i, 0,
				      "op %u: reads tensor %u before an op has made it", c->i,
				      index);
		if (c->in[k]->kind == INKLING_TENSOR_STATE &&
		    (c->op->opcode != INKLING_OP_ATTENTION || k < 3))
			return refuse(c, INK_RULE_REF, index, k, 3,
				      "op %u: input %u (tensor %u) is a state, which is for ATTENTION's last two",
				      c->i, k, index);
		/* Callers' 32-bit numbers are clamped by QUANT before anything else sees them. */
		if (c->in[k]->kind == INKLING_TENSOR_INPUT && c->in[k]->dtype == INKLING_INT32 &&
		    c->op->opcode != INKLING_OP_QUANT)
			return refuse(c, INK_RULE_DTYPE, index, INKLING_INT32, 0,
				      "op %u: the int32 input can only be read by QUANT", c->i);
		c->in[k]->last_use = c->i;
	}
	return true;
}

static bool resolve_outputs(struct ink_op_check *c, const struct ink_op_rule *rule)
{
	const struct ink_graph *g = c->graph;
	u32 index = c->op->out[0];

	if (index == INKLING_NONE || c->op->out[1] != INKLING_NONE)
		return refuse(c, INK_RULE_ARITY, INKLING_NONE, index, 1,
			      "op %u: %s makes one output", c->i, rule->name);
	if (index >= g->header->n_tensors ||
	    g->tensors[index].kind != INKLING_TENSOR_ACTIVATION)
		return refuse(c, INK_RULE_REF, index, index, g->header->n_tensors,
			      "op %u: can't write tensor %u", c->i, index);
	if (g->tensors[index].producer != INKLING_NONE)
		return refuse(c, INK_RULE_ORDER, index, c->i, g->tensors[index].producer,
			      "op %u: makes tensor %u, which op %u made already", c->i, index,
			      g->tensors[index].producer);
	c->out[0] = &g->tensors[index];
	return true;
}

/*
 * Of the operators before EMBED, ADD and MUL work on sequences as well: element by
 * element, where each operand has the output's shape.
 */
static bool check_rows(struct ink_op_check *c)
{
	const struct ink_tensor *out = c->out[0];
	bool rows = c->op->opcode == INKLING_OP_ADD || c->op->opcode == INKLING_OP_MUL;
	bool seq = false;
	u32 k;

	for (k = 0; k < INKLING_MAX_INPUTS && c->in[k]; k++)
		seq |= c->in[k]->seq;
	if (out->seq != (seq && rows))
		return refuse(c, INK_RULE_SHAPE, c->op->out[0], out->seq, seq,
			      "op %u: %s of a sequence", c->i, op_rule(c->op->opcode)->name);
	for (k = 0; seq && k < INKLING_MAX_INPUTS && c->in[k]; k++)
		if (!rows || c->in[k]->cols != out->cols || c->in[k]->rows != out->rows)
			return refuse(c, INK_RULE_SHAPE, c->op->in[k], c->in[k]->cols, out->cols,
				      "op %u: input %u (tensor %u) isn't a sequence like the output",
				      c->i, k, c->op->in[k]);
	return true;
}

/* DENSE and those on sequences count their products; of the others each element read and written counts. */
static void count_cost(struct ink_op_check *c)
{
	u32 k;

	if (c->op->opcode != INKLING_OP_DENSE)
		c->graph->elements += (u64)c->out[0]->count + c->in[0]->count;
	if (c->op->opcode == INKLING_OP_QUANT)
		c->graph->elements += c->in[1]->rows;
	for (k = 0; k < INKLING_MAX_INPUTS && c->in[k]; k++)
		if (c->in[k]->kind == INKLING_TENSOR_CONST)
			c->graph->bytes += (u64)c->in[k]->count * c->in[k]->elem;
}

static bool check_op(struct ink_op_check *c)
{
	const struct inkling_op *op = c->op;
	const struct ink_op_rule *rule;
	u32 k;

	if (!op->opcode || op->opcode >= INKLING_OP_NR || op->version != 1 || op->flags)
		return refuse(c, INK_RULE_OPCODE, INKLING_NONE, op->opcode, INKLING_OP_NR - 1,
			      "op %u: opcode %u version %u flags 0x%x isn't known to this build",
			      c->i, op->opcode, op->version, op->flags);
	rule = op_rule(op->opcode);
	for (k = 0; k < ARRAY_SIZE(op->reserved); k++)
		if (op->reserved[k])
			return refuse(c, INK_RULE_RESERVED, INKLING_NONE, op->reserved[k], 0,
				      "op %u: reserved field isn't zero", c->i);
	for (k = rule->attrs; k < INKLING_MAX_ATTRS; k++)
		if (!ink_want_attr(c, k, 0, 0))
			return false;
	if (!resolve_inputs(c, rule) || !resolve_outputs(c, rule) ||
	    (op->opcode < INKLING_OP_EMBED && !check_rows(c)) || !rule->check(c))
		return false;
	c->out[0]->producer = c->i;
	count_cost(c);
	return true;
}

static bool check_all_used(struct ink_graph *g, struct ink_why *why)
{
	u32 i;

	for (i = 0; i < g->header->n_tensors; i++) {
		const struct ink_tensor *t = &g->tensors[i];
		bool made = t->kind != INKLING_TENSOR_ACTIVATION || t->producer != INKLING_NONE;

		if (made && t->last_use != INKLING_NONE)
			continue;
		return ink_refuse(why, made ? INK_RULE_UNUSED : INK_RULE_ORDER, INKLING_NONE, i, i, 0,
				  "tensor %u is never %s", i, made ? "read" : "made");
	}
	return true;
}

bool ink_verify_ops(struct ink_graph *graph, struct ink_why *why)
{
	u64 limit = INK_MAX_MACS * (u64)clamp(graph->tokens, 1u, INK_MAX_MACS_TOKENS);
	u32 i;

	for (i = 0; i < graph->header->n_ops; i++) {
		struct ink_op_check c = { .graph = graph, .op = &graph->ops[i], .i = i, .why = why };

		if (!check_op(&c))
			return false;
		if (graph->macs > limit || graph->elements > limit)
			return refuse(&c, INK_RULE_COST, INKLING_NONE,
				      (s64)max(graph->macs, graph->elements), (s64)limit,
				      "op %u: more than %llu multiply-accumulates or elements", i,
				      (unsigned long long)limit);
	}
	/* Callers read it after the last op. */
	graph->tensors[graph->header->output].last_use = graph->header->n_ops;
	return check_all_used(graph, why);
}
