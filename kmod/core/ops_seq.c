// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The operators on sequences in plain C: the oracle, as ops.c is for the others.
 *
 * What lives here: each operator as Documentation/numerics.rst defines it, but
 * for ATTENTION (ops_attention.c). What doesn't: any check (verify_seq.c has proven shapes, ranges and the
 * absence of overflow) and any cleverness (kmod/arch).
 */
#include "ops.h"
#include "seq.h"
#include "fixed.h"

static s16 clamp16(s64 v, const s32 *limits)
{
	return (s16)ink_clamp32(v, limits[0], limits[1]);
}

static void op_embed(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const void *tokens = ink_input(b, arena, 0);
	const s8 *table = b->in_const[1], *shift = b->in_const[3];
	const s32 *mult = b->in_const[2];
	const s16 *position = b->in_const[4];
	u32 d = b->out_cols, vocabulary = b->in_count[2], before = ink_frame(arena)->position, i, j;
	s16 *y = ink_output16(b, arena) + (size_t)first * d;

	for (i = first; i < end; i++, y += d) {
		u32 t = ink_token(b, tokens, i);

		t = t < vocabulary ? array_index_nospec(t, vocabulary) : (u32)b->attr[0];
		for (j = 0; j < d; j++) {
			s64 v = ink_requant(table[(size_t)t * d + j], mult[t], (u32)shift[t]);

			ink_peak(EMBED, (s64)table[(size_t)t * d + j] * mult[t]);
			if (position)
				v += position[(size_t)(before + i) * d + j];
			y[j] = clamp16(v, &b->attr[1]);
		}
	}
}

static void op_hashembed(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const void *tokens = ink_input(b, arena, 0);
	const s16 *add = b->n_in > 2 ? ink_input(b, arena, 2) : NULL;
	s16 *y = ink_output16(b, arena);
	u32 d = b->out_cols, i, j;

	for (i = first; i < end; i++) {
		const s8 *row = (const s8 *)b->in_const[1] + (size_t)ink_bucket(b, tokens, i) * d;

		for (j = 0; j < d; j++) {
			s64 v = ink_requant(row[j], b->attr[2], (u32)b->attr[3]);

			ink_peak(HASHEMBED, (s64)row[j] * b->attr[2]);
			if (add)
				v += add[(size_t)i * d + j];
			y[(size_t)i * d + j] = clamp16(v, &b->attr[4]);
		}
	}
}

/*
 * Sum of squares v and what is taken off, such that with c = scale x - off a
 * normalised element is c / sqrt(v): for LAYER all is times D, so that the mean
 * is exact.
 */
static u64 norm_square(const s16 *x, u32 d, bool layer, s64 *off)
{
	s64 sum = 0;
	u64 squares = 0;
	u32 j;

	for (j = 0; j < d; j++) {
		sum += x[j];
		squares += (u64)((s64)x[j] * x[j]);
	}
	ink_peak(NORM_SQUARES, squares * d);
	*off = layer ? sum : 0;
	return layer ? squares * d - (u64)(sum * sum) : squares;
}

static void op_norm(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const s16 *x = ink_input(b, arena, 0), *gamma = b->in_const[1];
	const s32 *beta = b->in_const[2], *attr = b->attr;
	bool layer = attr[0] == INKLING_NORM_LAYER;
	u32 d = b->out_cols, i, j;
	s16 *y = ink_output16(b, arena);
	struct ink_rsqrt r;
	s64 off, n, v;

	x += (size_t)first * d;
	y += (size_t)first * d;
	for (i = first; i < end; i++, x += d, y += d) {
		r = ink_rsqrt64(norm_square(x, d, layer, &off) + ((u64)attr[1] << attr[2]));
		for (j = 0; j < d; j++) {
			n = (layer ? (s64)d * x[j] - off : x[j]) * r.mult;
			ink_peak(NORM_ELEMENT, n);
			n = ink_round_shift(n, 38 - r.up);
			ink_peak(NORM_NORMALISED, n);
			v = ink_round_shift(n * gamma[j], (u32)attr[3]);
			ink_peak(NORM_GAMMA, n * gamma[j]);
			y[j] = clamp16(v + (beta ? beta[j] : 0), &attr[4]);
		}
	}
}

static s32 load_any(const void *p, u32 dtype, size_t i)
{
	return dtype == INKLING_INT16 ? ((const s16 *)p)[i] : ((const s32 *)p)[i];
}

static s32 linear_one(const struct ink_bound *b, const s16 *x, u32 row)
{
	const s8 *w = (const s8 *)b->in_const[1] + (size_t)row * b->in_cols[0];
	s32 acc = ((const s32 *)b->in_const[2])[row];
	u32 k;

	ink_peak(LINEAR, acc);
	for (k = 0; k < b->in_cols[0]; k++) {
		acc += w[k] * x[k];
		ink_peak(LINEAR, acc);
	}
	return (s32)ink_requant(acc, ((const s32 *)b->in_const[3])[row],
				(u32)((const s8 *)b->in_const[4])[row]);
}

/* @first and @rows are rows of the weights. */
static void op_linear(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	const s16 *x = ink_input(b, arena, 0);
	const void *add = b->n_in > 5 ? ink_input(b, arena, 5) : NULL;
	u32 n = ink_rows(b, arena, 0), m = b->out_cols, i, row;
	u8 *y = arena + b->out_off;
	size_t at;
	s32 v;

	for (i = 0; i < n; i++, x += b->in_cols[0]) {
		for (row = first; row < first + rows; row++) {
			at = (size_t)i * m + row;
			v = ink_clamp32((s64)linear_one(b, x, row) +
					(add ? load_any(add, b->out_dtype, at) : 0),
					b->attr[0], b->attr[1]);
			if (b->out_dtype == INKLING_INT16)
				((s16 *)y)[at] = (s16)v;
			else
				((s32 *)y)[at] = v;
		}
	}
}

static void op_curve(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const s16 *x = ink_input(b, arena, 0), *points = b->in_const[1];
	s16 *y = ink_output16(b, arena);
	size_t i;

	for (i = (size_t)first * b->out_cols; i < (size_t)end * b->out_cols; i++) {
		u32 at = (u32)(x[i] + 32768), k = at >> 6;
		s32 f = (s32)(at & 63);

		ink_peak(CURVE, points[k] * (64 - f) + points[k + 1] * f);
		y[i] = (s16)((points[k] * (64 - f) + points[k + 1] * f + 32) >> 6);
	}
}

static void op_rope(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const s16 *x = ink_input(b, arena, 0), *turn;
	u32 d = b->out_cols / (u32)b->attr[0], i, j;
	s16 *y = ink_output16(b, arena);

	for (i = first; i < end; i++) {
		turn = (const s16 *)b->in_const[1] + (size_t)(ink_frame(arena)->position + i) * d;
		for (j = 0; j < b->out_cols; j += 2) {
			const s16 *p = x + (size_t)i * b->out_cols + j, *t = turn + j % d;
			s16 *q = y + (size_t)i * b->out_cols + j;

			ink_peak(ROPE, p[0] * t[0] - p[1] * t[1]);
			ink_peak(ROPE, p[0] * t[1] + p[1] * t[0]);
			q[0] = clamp16((p[0] * t[0] - p[1] * t[1] + 0x2000) >> 14, &b->attr[1]);
			q[1] = clamp16((p[0] * t[1] + p[1] * t[0] + 0x2000) >> 14, &b->attr[1]);
		}
	}
}

/* Halves upwards, as everywhere. */
static s64 mean(s64 sum, u32 n)
{
	s64 twice = 2 * sum + n;

	return div_s64(twice - (twice < 0 ? 2 * (s64)n - 1 : 0), (s32)(2 * n));
}

static void op_pool(const struct ink_bound *b, u8 *arena)
{
	const s16 *x = ink_input(b, arena, 0);
	u32 n = ink_rows(b, arena, 0), d = b->out_cols, i, j;
	s16 *y = ink_output16(b, arena), top;
	s64 sum;

	if (b->attr[0] >= INKLING_POOL_FIRST) {
		memcpy(y, x + (b->attr[0] == INKLING_POOL_LAST ? (size_t)(n - 1) * d : 0), d * 2);
		return;
	}
	for (j = 0; j < d; j++) {
		for (sum = 0, top = S16_MIN, i = 0; i < n; i++) {
			sum += x[(size_t)i * d + j];
			top = max(top, x[(size_t)i * d + j]);
			ink_peak(POOL, sum);
		}
		y[j] = b->attr[0] == INKLING_POOL_MAX ? top : (s16)mean(sum, n);
	}
}

static void op_transpose(const struct ink_bound *b, u8 *arena)
{
	const s16 *x = ink_input(b, arena, 0);
	u32 rows = b->out_cols, cols = b->m / rows, i, j;
	u32 have = b->in_seq & 1 ? ink_frame(arena)->n : rows;
	s16 *y = ink_output16(b, arena);

	for (j = 0; j < cols; j++)
		for (i = 0; i < rows; i++)
			y[(size_t)j * rows + i] = i < have ? x[(size_t)i * cols + j] : 0;
}

static void op_shift(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const s16 *x = ink_input(b, arena, 0);
	u32 n = ink_rows(b, arena, 0), d = b->out_cols, i, from = (u32)b->attr[1];
	u32 bytes = ((u32)b->attr[2] - from) * 2;
	s16 *y = ink_output16(b, arena);
	s64 other;

	for (i = first; i < end; i++) {
		other = (s64)i - b->attr[0];
		memcpy(y + (size_t)i * d, x + (size_t)i * d, d * 2);
		if (other >= 0 && other < n)
			memcpy(y + (size_t)i * d + from, x + (size_t)other * d + from, bytes);
		else
			memset(y + (size_t)i * d + from, 0, bytes);
	}
}

/* Where a window lies: of a line as long as the call, or of a picture. */
struct window {
	u32 w, h;		/* of the picture */
	s32 x, y;		/* the window's left upper corner, which may be outside */
};

static struct window window_at(const struct ink_bound *b, const u8 *arena, u32 i)
{
	const s32 *attr = b->attr;
	u32 across;

	if (!attr[0])
		return (struct window){ .w = ink_rows(b, arena, 0), .h = 1,
					.x = (s32)i - attr[5] };
	across = (u32)((attr[0] + 2 * attr[5] - attr[2]) / attr[3]) + 1;
	return (struct window){
		.w = (u32)attr[0],
		.h = b->in_count[0] / b->in_cols[0] / (u32)attr[0],
		.x = (s32)(i % across) * attr[3] - attr[5],
		.y = (s32)(i / across) * attr[3] - attr[4],
	};
}

static void op_unfold(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const s16 *in = ink_input(b, arena, 0);
	u32 d = b->in_cols[0], kh = (u32)b->attr[1], kw = (u32)b->attr[2], i, k;
	s16 *y = ink_output16(b, arena) + (size_t)first * b->out_cols;

	for (i = first; i < end; i++) {
		struct window p = window_at(b, arena, i);

		for (k = 0; k < kh * kw; k++, y += d) {
			u32 row = (u32)p.y + k / kw, col = (u32)p.x + k % kw;

			if (row < p.h && col < p.w)
				memcpy(y, in + ((size_t)row * p.w + col) * d, d * 2);
			else
				memset(y, 0, d * 2);
		}
	}
}

static void op_maxout(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const s16 *x = (const s16 *)ink_input(b, arena, 0) + (size_t)first * b->in_cols[0];
	u32 d = b->out_cols, i, j, k;
	s16 *y = ink_output16(b, arena) + (size_t)first * d;

	for (i = first; i < end; i++, x += b->in_cols[0], y += d)
		for (j = 0; j < d; j++)
			for (y[j] = x[j], k = j + d; k < b->in_cols[0]; k += d)
				y[j] = max(y[j], x[k]);
}

/* Is x[j] among the @k greatest? Of equals the first are. */
static bool among(const s16 *x, u32 n, u32 j, u32 k)
{
	u32 above = 0, i;

	for (i = 0; i < n; i++)
		above += x[i] > x[j] || (x[i] == x[j] && i < j);
	return above < k;
}

static void op_gate(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const s16 *x = (const s16 *)ink_input(b, arena, 0) + (size_t)first * b->out_cols;
	u32 n = b->out_cols, k = (u32)b->attr[0], sum, i, j;
	s16 *y = ink_output16(b, arena) + (size_t)first * n, top;
	struct ink_share share;

	for (i = first; i < end; i++, x += n, y += n) {
		for (top = x[0], j = 1; j < n; j++)
			top = max(top, x[j]);
		for (sum = 0, j = 0; j < n; j++)
			if (among(x, n, j, k))
				sum += ink_exp2_q20(ink_octaves_q15(top, x[j], &b->attr[1]));
		ink_peak(GATE, sum);
		share = ink_share_of(sum);
		for (j = 0; j < n; j++)
			y[j] = !among(x, n, j, k) ? 0 :
			       (s16)ink_share(share, ink_exp2_q20(ink_octaves_q15(top, x[j], &b->attr[1])));
	}
}

static void op_scale(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	static const s32 limits[2] = { S16_MIN + 1, S16_MAX };
	const s16 *x = ink_input(b, arena, 0), *g = ink_input(b, arena, 1);
	const s16 *add = b->n_in > 2 ? ink_input(b, arena, 2) : NULL;
	s16 *y = ink_output16(b, arena);
	u32 d = b->out_cols, i;
	size_t at;

	for (i = first; i < end; i++) {
		s32 gate = g[(size_t)i * b->in_cols[1] + (u32)b->attr[0]];

		for (at = (size_t)i * d; at < (size_t)(i + 1) * d; at++) {
			ink_peak(SCALE, x[at] * gate);
			y[at] = clamp16(ink_round_shift(x[at] * gate, 15) + (add ? add[at] : 0),
					limits);
		}
	}
}

/* -log2 of the softmax at @token, in Q16. */
static u32 surprise(const struct ink_bound *b, const void *x, size_t row, u32 n, u32 token)
{
	s32 top = S32_MIN;
	u64 sum = 0, t;
	u32 j;

	for (j = 0; j < n; j++)
		top = max(top, load_any(x, b->in_dtype, row * n + j));
	for (j = 0; j < n; j++) {
		t = (u64)((s64)top - load_any(x, b->in_dtype, row * n + j)) * (u64)b->attr[0];
		sum += ink_exp2_q30(t >> b->attr[1]);
	}
	ink_peak(NLL_WEIGHTS, sum);
	if (token >= n)
		return 64 << 16;
	token = array_index_nospec(token, n);
	t = (u64)((s64)top - load_any(x, b->in_dtype, row * n + token)) * (u64)b->attr[0];
	t = (t >> b->attr[1]) + ink_log2_exact_q16(sum) - (30 << 16);
	return (u32)min_t(u64, t, 64 << 16);
}

static void op_nll(const struct ink_bound *b, u8 *arena)
{
	const void *x = ink_input(b, arena, 0), *tokens = ink_input(b, arena, 1);
	u32 n = ink_rows(b, arena, 0), i;
	u64 sum = 0;

	for (i = 0; i + 1 < n; i++)
		sum += surprise(b, x, i, b->in_cols[0], ink_token(b, tokens, i + 1));
	ink_peak(NLL, sum);
	*(s32 *)(arena + b->out_off) = n > 1 ? (s32)div_u64(sum + (n - 1) / 2, n - 1) : 0;
}

static void run_by_rows(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	switch (b->opcode) {
	case INKLING_OP_EMBED:
		return op_embed(b, arena, first, end);
	case INKLING_OP_HASHEMBED:
		return op_hashembed(b, arena, first, end);
	case INKLING_OP_NORM:
		return op_norm(b, arena, first, end);
	case INKLING_OP_CURVE:
		return op_curve(b, arena, first, end);
	case INKLING_OP_ROPE:
		return op_rope(b, arena, first, end);
	case INKLING_OP_SHIFT:
		return op_shift(b, arena, first, end);
	case INKLING_OP_UNFOLD:
		return op_unfold(b, arena, first, end);
	case INKLING_OP_MAXOUT:
		return op_maxout(b, arena, first, end);
	case INKLING_OP_GATE:
		return op_gate(b, arena, first, end);
	case INKLING_OP_SCALE:
		return op_scale(b, arena, first, end);
	}
}

void ink_op_run_seq(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	switch (b->opcode) {
	case INKLING_OP_LINEAR:
		return op_linear(b, arena, first, rows);
	case INKLING_OP_ATTENTION:
		return ink_op_attention(b, arena, first, rows);
	case INKLING_OP_POOL:
		return op_pool(b, arena);
	case INKLING_OP_TRANSPOSE:
		return op_transpose(b, arena);
	case INKLING_OP_NLL:
		return op_nll(b, arena);
	default:
		return run_by_rows(b, arena, first, ink_rows_end(b, arena, first, rows));
	}
}
