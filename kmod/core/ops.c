// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The operators in plain C: the oracle.
 *
 * What lives here: each operator as Documentation/numerics.rst defines it,
 * one element after the other. What doesn't: any check (verify_ops.c has
 * proven shapes, ranges and the absence of overflow) and any cleverness
 * (kmod/arch).
 */
#include "ops.h"
#include "seq.h"
#include "fixed.h"

static s32 load(const void *p, u32 dtype, u32 i)
{
	switch (dtype) {
	case INKLING_INT8:
		return ((const s8 *)p)[i];
	case INKLING_INT16:
		return ((const s16 *)p)[i];
	default:
		return ((const s32 *)p)[i];
	}
}

static void store(void *p, u32 dtype, u32 i, s32 v)
{
	switch (dtype) {
	case INKLING_INT8:
		((s8 *)p)[i] = (s8)v;
		break;
	case INKLING_INT16:
		((s16 *)p)[i] = (s16)v;
		break;
	default:
		((s32 *)p)[i] = v;
	}
}

static s8 *quant_onehot(const struct inkling_quant_row *q, s32 raw, s8 *y)
{
	u32 i = (u32)raw - (u32)q->lo;

	/* The caller chooses i, so it stays in bounds under speculation too. */
	memset(y, (u8)q->zero, (u32)q->width);
	if (raw >= q->lo && i < (u32)q->width)
		y[array_index_nospec(i, (u32)q->width)] = (s8)q->mult;
	return y + q->width;
}

static void op_quant(const struct ink_bound *b, u8 *arena)
{
	const s32 *raw = ink_input(b, arena, 0);
	const struct inkling_quant_row *q = b->in_const[1];
	const struct inkling_quant_row *end = q + b->in_count[1] / 8;
	s8 *y = (s8 *)arena + b->out_off;
	s32 x;
	u64 u;

	for (; q < end; q++) {
		x = raw[q->feature];
		if (q->kind == INKLING_QUANT_ONEHOT) {
			y = quant_onehot(q, x, y);
			continue;
		}
		u = (u64)((s64)ink_clamp32(x, q->lo, q->hi) - q->lo);
		if (q->kind == INKLING_QUANT_LOG2)
			u = ink_log2_q16(u + 1);
		u = ink_round_shift_u(u * (u64)q->mult, (u32)q->shift);
		*y++ = (s8)ink_clamp32(q->zero + (s64)u, S8_MIN, S8_MAX);
	}
}

static void op_dense(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	const s8 *x = ink_input(b, arena, 0);
	const s8 *w = (const s8 *)b->in_const[1] + (size_t)first * b->n;
	const s32 *bias = b->in_const[2], *mult = b->in_const[3];
	const s8 *shift = b->in_const[4], *table = b->in_const[5];
	void *y = arena + b->out_off;
	u32 row, i;
	s32 acc, v;

	for (row = first; row < first + rows; row++, w += b->n) {
		acc = bias[row];
		for (i = 0; i < b->n; i++)
			acc += w[i] * x[i];
		v = ink_clamp32(ink_requant(acc, mult[row], (u32)shift[row]) + b->attr[0],
				b->attr[1], b->attr[2]);
		/* v is in -128..127; the cast keeps that true under speculation as well. */
		store(y, b->out_dtype, row, table ? table[(u8)(v + 128)] : v);
	}
}

static void op_lut(const struct ink_bound *b, u8 *arena)
{
	const s8 *x = ink_input(b, arena, 0), *table = b->in_const[1];
	s8 *y = (s8 *)arena + b->out_off;
	u32 i;

	for (i = 0; i < b->m; i++)
		y[i] = table[x[i] + 128];
}

static void op_add(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const void *p = ink_input(b, arena, 0), *q = ink_input(b, arena, 1);
	const s32 *attr = b->attr;
	u32 i;
	s64 v;

	for (i = first * b->out_cols; i < end * b->out_cols; i++) {
		v = (s64)(load(p, b->in_dtype, i) - attr[0]) * attr[2] +
		    (s64)(load(q, b->in_dtype, i) - attr[1]) * attr[3];
		v = ink_round_shift(v, (u32)attr[4]) + attr[5];
		store(arena + b->out_off, b->out_dtype, i, ink_clamp32(v, attr[6], attr[7]));
	}
}

static void op_mul(const struct ink_bound *b, u8 *arena, u32 first, u32 end)
{
	const void *p = ink_input(b, arena, 0), *q = ink_input(b, arena, 1);
	const s32 *attr = b->attr;
	u32 i;
	s64 v;

	for (i = first * b->out_cols; i < end * b->out_cols; i++) {
		v = (s64)(load(p, b->in_dtype, i) - attr[0]) *
		    (load(q, b->in_dtype, i) - attr[1]) * attr[2];
		v = ink_round_shift(v, (u32)attr[4]) + attr[5];
		store(arena + b->out_off, b->out_dtype, i, ink_clamp32(v, attr[6], attr[7]));
	}
}

static void op_concat(const struct ink_bound *b, u8 *arena)
{
	u32 elem = b->out_dtype == INKLING_INT8 ? 1 : b->out_dtype == INKLING_INT16 ? 2 : 4;
	u8 *y = arena + b->out_off;
	u32 k;

	for (k = 0; k < b->n_in; k++) {
		memcpy(y, ink_input(b, arena, k), (size_t)b->in_count[k] * elem);
		y += (size_t)b->in_count[k] * elem;
	}
}

#define SOFTMAX_KEPT	16	/* exponentials that aren't computed twice */

static void op_softmax(const struct ink_bound *b, u8 *arena)
{
	const void *x = ink_input(b, arena, 0);
	s16 *y = (s16 *)(arena + b->out_off);
	u64 mult = (u64)b->attr[0], sum = 0, p;
	u32 kept[SOFTMAX_KEPT] __uninitialized, shift = (u32)b->attr[1], e, i;
	s32 top = S32_MIN;

	for (i = 0; i < b->m; i++)
		top = max(top, load(x, b->in_dtype, i));
	for (i = 0; i < b->m; i++) {
		e = ink_exp2_q30((u64)((s64)top - load(x, b->in_dtype, i)) * mult >> shift);
		if (i < SOFTMAX_KEPT)
			kept[i] = e;
		sum += e;
	}
	for (i = 0; i < b->m; i++) {
		e = i < SOFTMAX_KEPT ? kept[i] :
		    ink_exp2_q30((u64)((s64)top - load(x, b->in_dtype, i)) * mult >> shift);
		p = div64_u64(((u64)e << 15) + (sum >> 1), sum);
		y[i] = (s16)min_t(u64, p, S16_MAX);
	}
}

static void op_argmax(const struct ink_bound *b, u8 *arena)
{
	const void *x = ink_input(b, arena, 0);
	s32 *y = (s32 *)(arena + b->out_off);
	s64 top = load(x, b->in_dtype, 0), next = S64_MIN;
	u32 i, at = 0;
	s32 v;

	for (i = 1; i < b->n; i++) {
		v = load(x, b->in_dtype, i);
		if (v > top) {
			next = top;
			top = v;
			at = i;
		} else {
			next = max(next, (s64)v);
		}
	}
	y[0] = (s32)at;
	y[1] = b->n > 1 ? (s32)min_t(s64, top - next, S32_MAX) : 0;
}

static void op_dist(const struct ink_bound *b, u8 *arena)
{
	const void *p = ink_input(b, arena, 0), *q = ink_input(b, arena, 1);
	const s32 *attr = b->attr;
	s64 d, sum = 0;
	u32 i;

	for (i = 0; i < b->n; i++) {
		d = (load(p, b->in_dtype, i) - attr[0]) - (load(q, b->in_dtype, i) - attr[1]);
		sum += d * d;
	}
	sum = ink_round_shift(sum * attr[2], (u32)attr[3]);
	*(s32 *)(arena + b->out_off) = ink_clamp32(sum, 0, S32_MAX);
}

void ink_op_run(const struct ink_bound *b, u8 *arena, u32 first, u32 rows)
{
	switch (b->opcode) {
	case INKLING_OP_QUANT:
		return op_quant(b, arena);
	case INKLING_OP_DENSE:
		return op_dense(b, arena, first, rows);
	case INKLING_OP_LUT:
		return op_lut(b, arena);
	case INKLING_OP_ADD:
		return op_add(b, arena, first, ink_rows_end(b, arena, first, rows));
	case INKLING_OP_MUL:
		return op_mul(b, arena, first, ink_rows_end(b, arena, first, rows));
	case INKLING_OP_CONCAT:
		return op_concat(b, arena);
	case INKLING_OP_SOFTMAX:
		return op_softmax(b, arena);
	case INKLING_OP_ARGMAX:
		return op_argmax(b, arena);
	case INKLING_OP_DIST:
		return op_dist(b, arena);
	default:
		return ink_op_run_seq(b, arena, first, rows);
	}
}
