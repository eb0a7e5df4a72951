// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The verifier, last part: the operators on sequences.
 *
 * What lives here: what verify_ops.c is for the others. Each operator's rows are
 * taken to be as many as a call may have, and its states to hold as many tokens
 * as they may, so that what is proven holds for each call.
 */
#include "verify_want.h"
#include "fixed.h"

#define INT16	DT(INKLING_INT16)

/*
 * One row of a GATE compares each column with each, one query of an ATTENTION
 * goes through the keys of a head: nothing interrupts that, so it has to be short.
 */
#define GATE_MOST	1024u
#define KEYS_MOST	(1u << 20)	/* elements of a head's keys */

/* An input that isn't a constant, int16. */
static bool want_rows(struct ink_op_check *c, u32 arg)
{
	return ink_want_value(c, arg, INT16);
}

/* The shape of an input or output; it is a sequence if @seq is set. */
static bool want_shape(struct ink_op_check *c, u32 arg, bool output, u64 rows, u64 cols, bool seq)
{
	u32 index = output ? c->op->out[arg] : c->op->in[arg];
	const struct ink_tensor *t = output ? c->out[arg] : c->in[arg];

	if (t->rows == rows && t->cols == cols && t->seq == seq)
		return true;
	return refuse(c, INK_RULE_SHAPE, index, t->cols, (s64)cols,
		      "op %u: %s %u (tensor %u) is %s%u x %u, it has to be %s%llu x %llu", c->i,
		      output ? "output" : "input", arg, index, t->seq ? "a sequence of " : "",
		      t->rows, t->cols, seq ? "a sequence of " : "",
		      (unsigned long long)rows, (unsigned long long)cols);
}

/* An output of as many rows as the first input has. */
static bool want_output(struct ink_op_check *c, u32 mask, u64 cols)
{
	return ink_want_dtype(c, 0, true, mask) &&
	       want_shape(c, 0, true, c->in[0]->rows, cols, c->in[0]->seq);
}

/* Attributes k and k + 1: lowest and highest of the output, which is its range then. */
static bool want_limits(struct ink_op_check *c, u32 k)
{
	u32 dtype = c->out[0]->dtype;

	c->out[0]->lo = c->op->attr[k];
	c->out[0]->hi = c->op->attr[k + 1];
	return ink_want_attr(c, k, ink_dtype_min(dtype), ink_dtype_max(dtype)) &&
	       ink_want_attr(c, k + 1, c->op->attr[k], ink_dtype_max(dtype));
}

static void same_range(struct ink_op_check *c, bool zero)
{
	c->out[0]->lo = zero ? min(c->in[0]->lo, 0) : c->in[0]->lo;
	c->out[0]->hi = zero ? max(c->in[0]->hi, 0) : c->in[0]->hi;
}

/* Multipliers and shifts of rows, in inputs @arg and @arg + 1. */
static bool want_scales(struct ink_op_check *c, u32 arg, u32 rows)
{
	if (!ink_want_const(c, arg, INKLING_INT32, rows) ||
	    !ink_want_const(c, arg + 1, INKLING_INT8, rows))
		return false;
	if (c->in[arg]->lo < 0 || c->in[arg + 1]->lo < 1 || c->in[arg + 1]->hi > 62)
		return refuse(c, INK_RULE_REQUANT, c->op->in[arg], c->in[arg + 1]->lo, 1,
			      "op %u: multipliers from %d on and shifts of %d to %d; allowed are 0 to 2^31-1 and 1 to 62",
			      c->i, c->in[arg]->lo, c->in[arg + 1]->lo, c->in[arg + 1]->hi);
	return true;
}

static bool want_tokens(struct ink_op_check *c, u32 arg)
{
	return ink_want_dtype(c, arg, false, DT(INKLING_UINT8) | DT(INKLING_UINT16));
}

/* Positions that a call's last token may have. */
static u32 positions(const struct ink_graph *g)
{
	return max(g->context, g->tokens);
}

/* A constant with a row for each position. */
static bool want_positions(struct ink_op_check *c, u32 arg, u32 cols)
{
	const struct ink_tensor *t = c->in[arg];

	if (!ink_want_const(c, arg, INKLING_INT16, t->count))
		return false;
	if (t->cols == cols && t->rows >= positions(c->graph))
		return true;
	return refuse(c, INK_RULE_SHAPE, c->op->in[arg], t->rows, positions(c->graph),
		      "op %u: input %u (tensor %u) is %u x %u, it has to have %u columns for each of %u positions",
		      c->i, arg, c->op->in[arg], t->rows, t->cols, cols, positions(c->graph));
}

/* What looks at tokens of other calls' would need states of its own. */
static bool want_no_states(struct ink_op_check *c)
{
	if (!c->graph->context)
		return true;
	return refuse(c, INK_RULE_OPCODE, INKLING_NONE, c->graph->context, 0,
		      "op %u: this operator doesn't work in a model with states", c->i);
}

/* |int8| 2^31 + rounding, and 16 bits added: far below 2^62. */
static bool check_embed(struct ink_op_check *c)
{
	u32 words = c->in[1]->rows, d = c->out[0]->cols;

	return want_tokens(c, 0) && ink_want_matrix(c, 1, INKLING_INT8, words, d) &&
	       want_scales(c, 2, words) && (!c->in[4] || want_positions(c, 4, d)) &&
	       want_output(c, INT16, d) && ink_want_attr(c, 0, 0, (s64)words - 1) &&
	       want_limits(c, 1);
}

static bool check_hashembed(struct ink_op_check *c)
{
	u32 buckets = c->in[1]->rows, d = c->out[0]->cols;

	if (!want_no_states(c) || !want_tokens(c, 0) ||
	    !ink_want_matrix(c, 1, INKLING_INT8, buckets, d) || !want_output(c, INT16, d) ||
	    (c->in[2] && (!want_rows(c, 2) || !want_shape(c, 2, false, c->in[0]->rows, d, true))) ||
	    !ink_want_attr(c, 0, 1, 8) || !ink_want_attr(c, 2, 0, S32_MAX) ||
	    !ink_want_attr(c, 3, 1, 62) || !want_limits(c, 4))
		return false;
	if (buckets & (buckets - 1))
		return refuse(c, INK_RULE_SHAPE, c->op->in[1], buckets, 0,
			      "op %u: %u buckets, which isn't a power of two", c->i, buckets);
	c->graph->elements += (u64)c->in[0]->rows * c->op->attr[0];
	return true;
}

/*
 * With D <= 2^12: squares times D are below 2^54, and with what is added below
 * 2^62; an element times D below 2^28, times the reciprocal root below 2^59; a
 * normalised one is at most sqrt(D) 2^24 = 2^30.
 */
static bool check_norm(struct ink_op_check *c)
{
	u32 d = c->in[0]->cols;

	if (!want_rows(c, 0) || !ink_want_const(c, 1, INKLING_INT16, d) ||
	    (c->in[2] && !ink_want_const(c, 2, INKLING_INT32, d)) || !want_output(c, INT16, d) ||
	    !ink_want_attr(c, 0, INKLING_NORM_RMS, INKLING_NORM_LAYER) ||
	    !ink_want_attr(c, 1, 1, S32_MAX) || !ink_want_attr(c, 2, 0, 30) ||
	    !ink_want_attr(c, 3, 1, 46) || !want_limits(c, 4))
		return false;
	if (d > 4096)
		return refuse(c, INK_RULE_SHAPE, c->op->in[0], d, 4096,
			      "op %u: NORM of %u columns, the limit is 4096", c->i, d);
	return true;
}

/* A row's range, with what is added to it, and before the clamp. */
static bool linear_row(struct ink_op_check *c, u32 row, s64 *lo, s64 *hi)
{
	const struct ink_tensor *add = c->in[5];
	s64 amin, amax, y;

	if (!ink_verify_row(c, row, &amin, &amax) || !ink_verify_requant(c, row, amin, 0, lo) ||
	    !ink_verify_requant(c, row, amax, 0, hi))
		return false;
	*lo += add ? add->lo : 0;
	*hi += add ? add->hi : 0;
	y = max(-*lo, *hi);
	if (y > S32_MAX)
		return refuse(c, INK_RULE_OVERFLOW, c->op->in[5], y, S32_MAX,
			      "op %u: row %u with what is added can reach %lld, which isn't 32 bits",
			      c->i, row, (long long)y);
	return true;
}

static bool check_linear(struct ink_op_check *c)
{
	struct ink_tensor *out = c->out[0];
	u32 n = c->in[0]->cols, m = out->cols, row;
	s64 lo = S64_MAX, hi = S64_MIN, a = 0, b = 0;

	if (!want_rows(c, 0) || !ink_want_matrix(c, 1, INKLING_INT8, m, n) ||
	    !ink_want_const(c, 2, INKLING_INT32, m) || !want_scales(c, 3, m) ||
	    !want_output(c, INT16 | DT(INKLING_INT32), m) || !want_limits(c, 0))
		return false;
	if (c->in[5] && (!ink_want_value(c, 5, DT(out->dtype)) ||
			 !want_shape(c, 5, false, out->rows, m, out->seq)))
		return false;
	for (row = 0; row < m; row++) {
		if (!linear_row(c, row, &a, &b))
			return false;
		lo = min(lo, a);
		hi = max(hi, b);
		ink_port_yield();
	}
	out->lo = ink_clamp32(lo, out->lo, out->hi);
	out->hi = ink_clamp32(hi, c->op->attr[0], out->hi);
	c->graph->macs += (u64)out->rows * m * n;
	return true;
}

static bool check_curve(struct ink_op_check *c)
{
	struct ink_tensor *x = c->in[0], *out = c->out[0];
	const s16 *points = c->in[1]->data;
	s32 k;

	if (!want_rows(c, 0) || !ink_want_const(c, 1, INKLING_INT16, INKLING_CURVE_POINTS) ||
	    !want_output(c, INT16, x->cols))
		return false;
	out->lo = S16_MAX;
	out->hi = S16_MIN;
	for (k = (x->lo + 32768) >> 6; k <= ((x->hi + 32768) >> 6) + 1; k++) {
		out->lo = min(out->lo, (s32)points[k]);
		out->hi = max(out->hi, (s32)points[k]);
	}
	return true;
}

/* Two products of 2^15 and 2^14 fit 32 bits; the sum of two is at most twice the greatest. */
static bool check_rope(struct ink_op_check *c)
{
	struct ink_tensor *x = c->in[0], *out = c->out[0];
	s32 heads = c->op->attr[0];
	s64 most;

	if (!want_rows(c, 0) || !want_output(c, INT16, x->cols) ||
	    !ink_want_attr(c, 0, 1, x->cols) || !want_limits(c, 1))
		return false;
	if (!x->seq || x->cols % (u32)heads || x->cols / (u32)heads % 2)
		return refuse(c, INK_RULE_SHAPE, c->op->in[0], x->cols, heads,
			      "op %u: ROPE of %u columns in %d heads, which takes a sequence and an even number for each",
			      c->i, x->cols, heads);
	if (!want_positions(c, 1, x->cols / (u32)heads))
		return false;
	if (c->in[1]->lo < -16384 || c->in[1]->hi > 16384)
		return refuse(c, INK_RULE_ATTR, c->op->in[1], c->in[1]->lo, 16384,
			      "op %u: cosines and sines of %d to %d, at most 16384 is allowed", c->i,
			      c->in[1]->lo, c->in[1]->hi);
	most = 2 * max(-(s64)x->lo, (s64)x->hi);
	out->lo = ink_clamp32(-most, out->lo, out->hi);
	out->hi = ink_clamp32(most, c->op->attr[1], out->hi);
	return true;
}

/* Heads and columns of queries, keys and values. */
static bool attention_shape(struct ink_op_check *c)
{
	const struct ink_tensor *q = c->in[0], *k = c->in[1];
	const s32 *attr = c->op->attr;
	u32 d;

	if (!ink_want_attr(c, 0, 1, q->cols) || !ink_want_attr(c, 1, 1, attr[0]))
		return false;
	d = q->cols / (u32)attr[0];
	if (q->cols % (u32)attr[0] || d % 2 || attr[0] % attr[1] || k->cols != d * (u32)attr[1])
		return refuse(c, INK_RULE_SHAPE, c->op->in[1], k->cols, d * (u32)attr[1],
			      "op %u: %d heads in %u columns and %d in %u: as many columns for each, an even number, and heads a multiple",
			      c->i, attr[0], q->cols, attr[1], k->cols);
	if (k->rows > INKLING_MAX_CONTEXT)
		return refuse(c, INK_RULE_SHAPE, c->op->in[1], k->rows, INKLING_MAX_CONTEXT,
			      "op %u: attention over %u rows, the limit is %u", c->i, k->rows,
			      INKLING_MAX_CONTEXT);
	return want_shape(c, 2, false, k->rows, k->cols, k->seq);
}

/* A state that no other operator has. */
static bool want_state(struct ink_op_check *c, u32 arg)
{
	struct ink_tensor *t = c->in[arg];

	if (t->kind != INKLING_TENSOR_STATE)
		return refuse(c, INK_RULE_REF, c->op->in[arg], t->kind, INKLING_TENSOR_STATE,
			      "op %u: input %u (tensor %u) isn't a state", c->i, arg,
			      c->op->in[arg]);
	if (t->producer != INKLING_NONE)
		return refuse(c, INK_RULE_ORDER, c->op->in[arg], c->i, t->producer,
			      "op %u: tensor %u is kept by op %u already", c->i, c->op->in[arg],
			      t->producer);
	t->producer = c->i;
	return want_shape(c, arg, false, c->graph->context, c->in[1]->cols, false);
}

/* Queries and keys of one and the same rows, where it matters which row is which. */
static bool attention_rows(struct ink_op_check *c)
{
	const struct ink_tensor *q = c->in[0], *k = c->in[1];
	bool states = c->in[3];
	const s32 *attr = c->op->attr;

	if (!ink_want_attr(c, 2, 0, 1) || !ink_want_attr(c, 3, 0, INKLING_MAX_CONTEXT))
		return false;
	if ((states || attr[2] || attr[3]) &&
	    (q->kind == INKLING_TENSOR_CONST || q->rows != k->rows || q->seq != k->seq ||
	     (states && !q->seq)))
		return refuse(c, INK_RULE_SHAPE, c->op->in[0], q->rows, k->rows,
			      "op %u: with states, causal or with a window, queries and keys are the same rows",
			      c->i);
	if (!states)
		return true;
	if (!c->in[4])
		return refuse(c, INK_RULE_ARITY, INKLING_NONE, 4, 5,
			      "op %u: a state of keys without one of values", c->i);
	return want_state(c, 3) && want_state(c, 4);
}

/*
 * Scores are sums of d products. Shares sum up to 2^15 + 2 at most but for
 * roundings, each of which is half a unit twice and a 2^9th more: with 2^12
 * positions and 16-bit values 32 bits are enough.
 */
static bool check_attention(struct ink_op_check *c)
{
	const struct ink_tensor *q = c->in[0], *k = c->in[1], *v = c->in[2];
	u32 keys = c->in[3] ? c->graph->context : k->rows, d;
	s64 most, sum, shares = 32770 + (s64)keys + keys / 512;

	if (!ink_want_dtype(c, 0, false, INT16) || !want_rows(c, 1) || !want_rows(c, 2) ||
	    !attention_shape(c) || !attention_rows(c) || !want_output(c, INT16, q->cols) ||
	    !ink_want_attr(c, 4, 0, S32_MAX) || !ink_want_attr(c, 5, 0, 62))
		return false;
	d = q->cols / (u32)c->op->attr[0];
	if ((u64)keys * d > KEYS_MOST)
		return refuse(c, INK_RULE_COST, c->op->in[1], (s64)keys * d, KEYS_MOST,
			      "op %u: a head of %u keys of %u columns, the limit is %u elements",
			      c->i, keys, d, KEYS_MOST);
	most = max(-(s64)q->lo, (s64)q->hi) * max(-(s64)k->lo, (s64)k->hi);
	sum = most * d;
	if (sum > S32_MAX)
		return refuse(c, INK_RULE_OVERFLOW, c->op->in[0], sum, S32_MAX,
			      "op %u: a score can reach %lld, 32 bits hold %d", c->i,
			      (long long)sum, S32_MAX);
	c->out[0]->lo = ink_clamp32((min(v->lo, 0) * shares >> 15) - 1, S16_MIN, 0);
	c->out[0]->hi = ink_clamp32((max(v->hi, 0) * shares >> 15) + 1, 0, S16_MAX);
	c->graph->macs += (u64)q->rows * q->cols * keys * 2;
	c->graph->elements += (u64)q->rows * (u32)c->op->attr[0] * keys;
	return true;
}

static bool check_pool(struct ink_op_check *c)
{
	same_range(c, false);
	return want_rows(c, 0) && ink_want_attr(c, 0, INKLING_POOL_MEAN, INKLING_POOL_LAST) &&
	       ink_want_dtype(c, 0, true, INT16) &&
	       want_shape(c, 0, true, 1, c->in[0]->cols, false);
}

static bool check_transpose(struct ink_op_check *c)
{
	const struct ink_tensor *x = c->in[0];
	bool back = c->op->attr[0];

	same_range(c, x->seq);
	if (!want_rows(c, 0) || !ink_want_attr(c, 0, 0, 1) || !ink_want_dtype(c, 0, true, INT16) ||
	    !want_shape(c, 0, true, x->cols, x->rows, back))
		return false;
	if (back && x->seq)
		return refuse(c, INK_RULE_SHAPE, c->op->in[0], x->rows, 0,
			      "op %u: a sequence from a sequence", c->i);
	return true;
}

static bool check_shift(struct ink_op_check *c)
{
	u32 cols = c->in[0]->cols;

	same_range(c, true);
	return want_no_states(c) && want_rows(c, 0) && want_output(c, INT16, cols) &&
	       ink_want_attr(c, 0, -(s64)INKLING_MAX_TOKENS, INKLING_MAX_TOKENS) &&
	       ink_want_attr(c, 1, 0, cols) && ink_want_attr(c, 2, c->op->attr[1], cols);
}

/* Windows over a line. */
static bool unfold_line(struct ink_op_check *c)
{
	const s32 *attr = c->op->attr;

	return ink_want_attr(c, 1, 1, 1) && ink_want_attr(c, 2, 1, 64) && ink_want_attr(c, 3, 1, 1) &&
	       ink_want_attr(c, 4, 0, 0) && ink_want_attr(c, 5, 0, attr[2] - 1) &&
	       want_output(c, INT16, (u64)attr[2] * c->in[0]->cols);
}

/* Windows over a picture of attr[0] columns. */
static bool unfold_picture(struct ink_op_check *c)
{
	const struct ink_tensor *x = c->in[0];
	const s32 *attr = c->op->attr;
	u32 w = (u32)attr[0], h = x->rows / w;
	s64 across, down;

	if (x->seq || x->rows % w)
		return refuse(c, INK_RULE_SHAPE, c->op->in[0], x->rows, w,
			      "op %u: a picture %u wide of %s%u rows", c->i, w,
			      x->seq ? "a sequence of " : "", x->rows);
	if (!ink_want_attr(c, 1, 1, 64) || !ink_want_attr(c, 2, 1, 64) ||
	    !ink_want_attr(c, 3, 1, 64) || !ink_want_attr(c, 4, 0, attr[1] - 1) ||
	    !ink_want_attr(c, 5, 0, attr[2] - 1))
		return false;
	down = (s64)h + 2 * attr[4] - attr[1];
	across = (s64)w + 2 * attr[5] - attr[2];
	if (down < 0 || across < 0)
		return refuse(c, INK_RULE_SHAPE, c->op->in[0], min(down, across), 0,
			      "op %u: a window of %d x %d is larger than the picture", c->i, attr[1],
			      attr[2]);
	return ink_want_dtype(c, 0, true, INT16) &&
	       want_shape(c, 0, true, (u64)((down / attr[3] + 1) * (across / attr[3] + 1)),
			  (u64)attr[1] * (u64)attr[2] * x->cols, false);
}

static bool check_unfold(struct ink_op_check *c)
{
	same_range(c, true);
	return want_no_states(c) && want_rows(c, 0) &&
	       ink_want_attr(c, 0, 0, INKLING_MAX_ELEMENTS) &&
	       (c->op->attr[0] ? unfold_picture(c) : unfold_line(c));
}

static bool check_maxout(struct ink_op_check *c)
{
	same_range(c, false);
	if (!want_rows(c, 0) || !want_output(c, INT16, c->out[0]->cols))
		return false;
	if (c->in[0]->cols % c->out[0]->cols)
		return refuse(c, INK_RULE_SHAPE, c->op->out[0], c->out[0]->cols, c->in[0]->cols,
			      "op %u: %u columns aren't a multiple of %u", c->i, c->in[0]->cols,
			      c->out[0]->cols);
	return true;
}

/* Shares as in ATTENTION; each is compared with all. */
static bool check_gate(struct ink_op_check *c)
{
	u32 n = c->in[0]->cols;

	c->out[0]->lo = 0;
	c->out[0]->hi = S16_MAX;
	c->graph->elements += (u64)c->in[0]->count * n;
	if (!want_rows(c, 0) || !want_output(c, INT16, n) || !ink_want_attr(c, 0, 1, n) ||
	    !ink_want_attr(c, 1, 0, S32_MAX) || !ink_want_attr(c, 2, 0, 62))
		return false;
	if (n > GATE_MOST)
		return refuse(c, INK_RULE_SHAPE, c->op->in[0], n, GATE_MOST,
			      "op %u: GATE of %u columns, the limit is %u", c->i, n, GATE_MOST);
	return true;
}

static bool check_scale(struct ink_op_check *c)
{
	const struct ink_tensor *x = c->in[0], *g = c->in[1];

	c->out[0]->lo = S16_MIN + 1;
	c->out[0]->hi = S16_MAX;
	return want_rows(c, 0) && want_rows(c, 1) &&
	       want_shape(c, 1, false, x->rows, g->cols, x->seq) &&
	       (!c->in[2] || (want_rows(c, 2) && want_shape(c, 2, false, x->rows, x->cols, x->seq))) &&
	       want_output(c, INT16, x->cols) && ink_want_attr(c, 0, 0, (s64)g->cols - 1);
}

/* Exponentials as in SOFTMAX; 2^12 tokens of at most 64 octaves in Q16 are below 2^34. */
static bool check_nll(struct ink_op_check *c)
{
	const struct ink_tensor *x = c->in[0];

	c->out[0]->lo = 0;
	c->out[0]->hi = 64 << 16;
	c->graph->elements += x->count;
	if (!ink_want_value(c, 0, INT16 | DT(INKLING_INT32)) || !want_tokens(c, 1) ||
	    !want_shape(c, 0, false, c->graph->tokens, x->cols, true) ||
	    !ink_want_dtype(c, 0, true, DT(INKLING_INT32)) || !ink_want_count(c, 0, true, 1) ||
	    !want_shape(c, 0, true, 1, 1, false) ||
	    !ink_want_attr(c, 0, 0, S32_MAX) || !ink_want_attr(c, 1, 0, 62))
		return false;
	if (x->cols > 65536)
		return refuse(c, INK_RULE_SHAPE, c->op->in[0], x->cols, 65536,
			      "op %u: NLL of %u columns, the limit is 65536", c->i, x->cols);
	return true;
}

const struct ink_op_rule ink_seq_rules[INKLING_OP_NR] = {
	[INKLING_OP_EMBED]	= { "EMBED", 4, 5, 3, check_embed },
	[INKLING_OP_HASHEMBED]	= { "HASHEMBED", 2, 3, 6, check_hashembed },
	[INKLING_OP_NORM]	= { "NORM", 2, 3, 6, check_norm },
	[INKLING_OP_LINEAR]	= { "LINEAR", 5, 6, 2, check_linear },
	[INKLING_OP_CURVE]	= { "CURVE", 2, 2, 0, check_curve },
	[INKLING_OP_ROPE]	= { "ROPE", 2, 2, 3, check_rope },
	[INKLING_OP_ATTENTION]	= { "ATTENTION", 3, 5, 6, check_attention },
	[INKLING_OP_POOL]	= { "POOL", 1, 1, 1, check_pool },
	[INKLING_OP_TRANSPOSE]	= { "TRANSPOSE", 1, 1, 1, check_transpose },
	[INKLING_OP_SHIFT]	= { "SHIFT", 1, 1, 3, check_shift },
	[INKLING_OP_UNFOLD]	= { "UNFOLD", 1, 1, 6, check_unfold },
	[INKLING_OP_MAXOUT]	= { "MAXOUT", 1, 1, 0, check_maxout },
	[INKLING_OP_GATE]	= { "GATE", 1, 1, 3, check_gate },
	[INKLING_OP_SCALE]	= { "SCALE", 2, 3, 1, check_scale },
	[INKLING_OP_NLL]	= { "NLL", 2, 2, 2, check_nll },
};
