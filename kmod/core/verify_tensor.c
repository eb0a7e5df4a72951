// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The verifier, second part: tensors.
 *
 * What lives here: types, shapes, where constants lie and what range they have,
 * and how many tokens sequences and states are of. What doesn't: which of them
 * an operator takes (verify_ops.c, verify_seq.c).
 */
#include "verify.h"

const char *ink_dtype_name(u32 dtype)
{
	static const char *const names[] = {
		[INKLING_INT8] = "int8", [INKLING_INT16] = "int16", [INKLING_INT32] = "int32",
		[INKLING_UINT8] = "uint8", [INKLING_INT4] = "int4", [INKLING_UINT16] = "uint16",
	};

	return dtype && dtype < ARRAY_SIZE(names) ? names[dtype] : "unknown type";
}

static u8 elem_size(u32 dtype)
{
	switch (dtype) {
	case INKLING_INT8:
	case INKLING_UINT8:
		return 1;
	case INKLING_INT16:
	case INKLING_UINT16:
		return 2;
	default:
		return 4;
	}
}

s32 ink_dtype_min(u32 dtype)
{
	return dtype == INKLING_INT8 ? S8_MIN : dtype == INKLING_INT16 ? S16_MIN : S32_MIN;
}

s32 ink_dtype_max(u32 dtype)
{
	return dtype == INKLING_INT8 ? S8_MAX : dtype == INKLING_INT16 ? S16_MAX : S32_MAX;
}

static bool is_tokens(const struct inkling_tensor *raw)
{
	return raw->dtype == INKLING_UINT8 || raw->dtype == INKLING_UINT16;
}

static bool dtype_ok(const struct inkling_tensor *raw)
{
	if (is_tokens(raw))
		return raw->kind == INKLING_TENSOR_INPUT && raw->flags & INKLING_TENSOR_SEQ;
	return raw->dtype >= INKLING_INT8 && raw->dtype <= INKLING_INT32;
}

/* Shapes of what belongs to sequences; how many tokens there are, ink_verify_tokens() sees. */
static bool check_seq(const struct inkling_tensor *raw, u32 i, struct ink_why *why)
{
	bool seq = raw->flags & INKLING_TENSOR_SEQ, ok = true;

	if (raw->kind == INKLING_TENSOR_STATE)
		ok = !seq && raw->dtype == INKLING_INT16 && raw->rank == 2 &&
		     IS_ALIGNED(raw->dims[0], 8u) && raw->dims[0] <= INKLING_MAX_CONTEXT;
	else if (seq && raw->kind == INKLING_TENSOR_INPUT)
		ok = is_tokens(raw) && raw->rank == 1 && raw->dims[0] <= INKLING_MAX_TOKENS;
	else if (seq)
		ok = raw->kind == INKLING_TENSOR_ACTIVATION && raw->dtype != INKLING_INT8 &&
		     raw->rank == 2;
	if (!ok)
		return refuse_tensor(why, INK_RULE_TENSOR, i, raw->dims[0], INKLING_MAX_TOKENS,
				     "tensor %u: %s of rank %u, first dimension %u, kind %u can't be a sequence or state",
				     i, ink_dtype_name(raw->dtype), raw->rank, raw->dims[0],
				     raw->kind);
	return true;
}

static bool check_shape(struct ink_tensor *t, const struct inkling_tensor *raw, u32 i,
			struct ink_why *why)
{
	u32 d, count = 1;

	if (!dtype_ok(raw) || raw->block)
		return refuse_tensor(why, INK_RULE_TENSOR, i, raw->dtype, 0,
				     "tensor %u: %s with blocks of %u; supported: int8, int16, int32 without blocks, and tokens as input",
				     i, ink_dtype_name(raw->dtype), raw->block);
	if (raw->kind > INKLING_TENSOR_STATE)
		return refuse_tensor(why, INK_RULE_TENSOR, i, raw->kind, INKLING_TENSOR_STATE,
				     "tensor %u: kind %u isn't supported", i, raw->kind);
	if (raw->rank < 1 || raw->rank > INKLING_MAX_RANK)
		return refuse_tensor(why, INK_RULE_TENSOR, i, raw->rank, INKLING_MAX_RANK,
				     "tensor %u: rank %u, allowed are 1 to %u", i, raw->rank,
				     INKLING_MAX_RANK);
	for (d = 0; d < INKLING_MAX_RANK; d++) {
		if (!raw->dims[d] != (d >= raw->rank))
			return refuse_tensor(why, INK_RULE_TENSOR, i, raw->dims[d], 0,
					     "tensor %u: dimension %u is %u with rank %u", i, d,
					     raw->dims[d], raw->rank);
		if (raw->dims[d] &&
		    (check_mul_overflow(count, raw->dims[d], &count) || count > INKLING_MAX_ELEMENTS))
			return refuse_tensor(why, INK_RULE_TENSOR, i, raw->dims[d],
					     INKLING_MAX_ELEMENTS,
					     "tensor %u: more than %u elements", i,
					     INKLING_MAX_ELEMENTS);
	}
	t->dtype = raw->dtype;
	t->kind = raw->kind;
	t->seq = raw->flags & INKLING_TENSOR_SEQ;
	t->elem = elem_size(raw->dtype);
	t->count = count;
	t->rows = raw->rank > 1 || is_tokens(raw) ? raw->dims[0] : 1;
	t->cols = count / t->rows;
	t->lo = ink_dtype_min(t->dtype);
	t->hi = ink_dtype_max(t->dtype);
	t->producer = INKLING_NONE;
	t->last_use = INKLING_NONE;
	return true;
}

static void const_range(struct ink_tensor *t)
{
	s32 lo = S32_MAX, hi = S32_MIN, v;
	u32 i;

	for (i = 0; i < t->count; i++) {
		v = t->elem == 1 ? ((const s8 *)t->data)[i] :
		    t->elem == 2 ? ((const s16 *)t->data)[i] : ((const s32 *)t->data)[i];
		lo = min(lo, v);
		hi = max(hi, v);
	}
	t->lo = lo;
	t->hi = hi;
}

/* Constants lie in DATA in the order of their tensors; *end is where the last one ended. */
static bool check_const(struct ink_graph *g, u32 i, const struct inkling_tensor *raw, u64 *end,
			struct ink_why *why)
{
	const struct inkling_section *s = &g->header->section[INKLING_SEC_DATA];
	const u8 *data = (const u8 *)g->image + s->offset;
	struct ink_tensor *t = &g->tensors[i];
	u64 start = ALIGN(*end, (u64)INKLING_ALIGN);
	u64 bytes = (u64)t->count * t->elem;

	if (raw->data_offset != start || raw->data_size != bytes ||
	    start > s->size || bytes > s->size - start)
		return refuse_tensor(why, INK_RULE_DATA, i, (s64)raw->data_offset, (s64)start,
				     "tensor %u: data at %llu, %llu bytes; it belongs at %llu with %llu",
				     i, (unsigned long long)raw->data_offset,
				     (unsigned long long)raw->data_size,
				     (unsigned long long)start, (unsigned long long)bytes);
	if (!ink_all_zero(data + *end, start - *end))
		return refuse_tensor(why, INK_RULE_PADDING, i, 0, 0,
				     "tensor %u: bytes before its data aren't zero", i);
	t->data = data + start;
	*end = start + bytes;
	const_range(t);
	return true;
}

bool ink_verify_tensors(struct ink_graph *g, struct ink_why *why)
{
	const struct inkling_header *h = g->header;
	const struct inkling_tensor *raw = g->image + h->section[INKLING_SEC_TENSORS].offset;
	u64 end = 0;
	u32 i;

	for (i = 0; i < h->n_tensors; i++, raw++) {
		if ((raw->flags & ~INKLING_TENSOR_SEQ) || !ink_all_zero(raw->reserved, sizeof(raw->reserved)))
			return refuse_tensor(why, INK_RULE_RESERVED, i, 0, 0,
					     "tensor %u: reserved field isn't zero", i);
		if (!check_shape(&g->tensors[i], raw, i, why) || !check_seq(raw, i, why))
			return false;
		/* Sign, infinities and NaN: a scale is a positive number or zero. */
		if (raw->scale >= 0x7f800000)
			return refuse_tensor(why, INK_RULE_TENSOR, i, raw->scale, 0x7f7fffff,
					     "tensor %u: scale isn't a finite number >= 0", i);
		if (raw->kind == INKLING_TENSOR_CONST) {
			if (!check_const(g, i, raw, &end, why))
				return false;
			ink_port_yield();
		} else if (raw->data_offset || raw->data_size) {
			return refuse_tensor(why, INK_RULE_DATA, i, (s64)raw->data_offset, 0,
					     "tensor %u: has data and isn't a constant", i);
		}
	}
	if (end != h->section[INKLING_SEC_DATA].size)
		return refuse_file(why, INK_RULE_DATA, (s64)end,
				   (s64)h->section[INKLING_SEC_DATA].size,
				   "%llu bytes of data belong to no tensor",
				   (unsigned long long)(h->section[INKLING_SEC_DATA].size - end));
	return true;
}

/* One number of tokens for all sequences, one context for all states. */
bool ink_verify_tokens(struct ink_graph *g, struct ink_why *why)
{
	const struct ink_tensor *in = &g->tensors[g->header->input];
	u64 bytes = 0;
	u32 i;

	g->tokens = in->seq ? in->count : 0;
	for (i = 0; i < g->header->n_tensors; i++) {
		const struct ink_tensor *t = &g->tensors[i];

		if (t->kind == INKLING_TENSOR_STATE && !g->context)
			g->context = t->rows;
		if (t->kind == INKLING_TENSOR_STATE &&
		    (t->rows != g->context || !g->tokens || g->tokens > g->context))
			return refuse_tensor(why, INK_RULE_TENSOR, i, t->rows, g->context,
					     "tensor %u: a state of %u tokens, others have %u, a call has up to %u",
					     i, t->rows, g->context, g->tokens);
		bytes += t->kind == INKLING_TENSOR_STATE ? (u64)t->count * t->elem : 0;
		if (bytes > INK_MAX_STATES)
			return refuse_tensor(why, INK_RULE_ARENA, i, (s64)bytes, INK_MAX_STATES,
					     "tensor %u: states of %llu bytes, a session keeps at most %u",
					     i, (unsigned long long)bytes, INK_MAX_STATES);
		if (t->seq && t->kind == INKLING_TENSOR_ACTIVATION && t->rows != g->tokens)
			return refuse_tensor(why, INK_RULE_TENSOR, i, t->rows, g->tokens,
					     "tensor %u: a sequence of %u, the input has %u tokens",
					     i, t->rows, g->tokens);
	}
	return true;
}
