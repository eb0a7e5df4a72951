// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * From a checked graph to something that runs: binding ops to memory.
 *
 * What lives here: where each activation lies in the arena, and how and with
 * which packed constants each op is computed. What doesn't: order and cost
 * (schedule.c), any check of the image (verify*.c), any arithmetic (ops.c).
 */
#include "schedule.h"
#include "seq.h"
#include "verify.h"
#include "../arch/x86/x86.h"

#define ARENA_ALIGN	64u

/* A piece of the arena that holds a tensor until its last use. */
struct live {
	u32 offset;
	u32 size;
	u32 until;
};

struct layout {
	struct live *live;	/* by offset */
	u32 count;
	u32 end;		/* high-water mark */
};

/* First fit between what is live at op @now; false when the arena is full. */
static bool layout_place(struct layout *l, u32 size, u32 now, u32 until, u32 *offset)
{
	u32 i, j, at = 0;

	for (i = j = 0; i < l->count; i++)
		if (l->live[i].until >= now)
			l->live[j++] = l->live[i];
	l->count = j;
	size = ALIGN(size, ARENA_ALIGN);
	for (i = 0; i < l->count; i++) {
		if (l->live[i].offset - at >= size)
			break;
		at = l->live[i].offset + l->live[i].size;
	}
	if (size > INK_MAX_ARENA || at > INK_MAX_ARENA - size)
		return false;
	memmove(&l->live[i + 1], &l->live[i], (l->count - i) * sizeof(*l->live));
	l->live[i] = (struct live){ .offset = at, .size = size, .until = until };
	l->count++;
	l->end = max(l->end, at + size);
	*offset = at;
	return true;
}

static u32 tensor_bytes(const struct ink_tensor *t)
{
	return t->count * t->elem;	/* at most 2^24 * 4 */
}

/* What callers write before the tokens of a sequence. */
static u32 input_head(const struct ink_graph *g)
{
	return g->tokens ? sizeof(struct inkling_sequence) : 0;
}

/* @slack: bytes that may be written behind it */
static bool place_tensor(struct layout *l, const struct ink_tensor *t, u32 index, u32 now,
			 u32 slack, u32 *offset, struct ink_why *why)
{
	if (layout_place(l, tensor_bytes(t) + slack, now, t->last_use, offset))
		return true;
	return ink_refuse(why, INK_RULE_ARENA, now, index, tensor_bytes(t), INK_MAX_ARENA,
			  "op %u: no room for the %u bytes of tensor %u, an arena has %u", now,
			  tensor_bytes(t), index, INK_MAX_ARENA);
}

/* Parts of an op that can be run one by one; see struct ink_bound. */
static u32 op_units(const struct inkling_op *op, const struct ink_tensor *in,
		    const struct ink_tensor *out)
{
	switch (op->opcode) {
	case INKLING_OP_DENSE:
		return out->count;
	case INKLING_OP_LINEAR:
		return out->cols;
	case INKLING_OP_ATTENTION:
		return in->rows * (u32)op->attr[0];
	case INKLING_OP_ADD:
	case INKLING_OP_MUL:
	case INKLING_OP_EMBED:
	case INKLING_OP_HASHEMBED:
	case INKLING_OP_NORM:
	case INKLING_OP_CURVE:
	case INKLING_OP_ROPE:
	case INKLING_OP_SHIFT:
	case INKLING_OP_UNFOLD:
	case INKLING_OP_MAXOUT:
	case INKLING_OP_GATE:
	case INKLING_OP_SCALE:
		return out->rows;
	default:
		return 1;
	}
}

/* What an op is made of; how it is computed. */
static void bind_op(struct ink_plan *plan, u32 i)
{
	const struct ink_graph *g = plan->graph;
	const struct inkling_op *op = &g->ops[i];
	const struct ink_tensor *in = &g->tensors[op->in[0]], *out = &g->tensors[op->out[0]];
	struct ink_bound *b = &plan->bound[i];
	u32 k;

	b->opcode = op->opcode;
	b->attr = op->attr;
	b->in_dtype = in->dtype;
	b->in_lo = in->lo;
	b->in_hi = in->hi;
	b->out_dtype = out->dtype;
	b->n = in->count;
	b->m = out->count;
	b->out_cols = out->cols;
	b->units = op_units(op, in, out);
	b->seq = out->seq;
	for (k = 0; k < INKLING_MAX_INPUTS && op->in[k] != INKLING_NONE; k++) {
		const struct ink_tensor *t = &g->tensors[op->in[k]];

		b->in_count[k] = t->count;
		b->in_cols[k] = t->cols;
		b->in_const[k] = t->data;
		b->in_seq |= t->seq ? BIT(k) : 0;
		b->wide_tokens |= t->dtype == INKLING_UINT16;
	}
	b->n_in = (u8)k;
	b->scratch_off = INKLING_NONE;
}

/* Scratch that an op needs whatever computes it. */
static u32 op_scratch(const struct ink_bound *b)
{
	bool states = b->n_in > 3;

	if (b->opcode != INKLING_OP_ATTENTION)
		return 0;
	return ink_attention_scratch(b->in_count[states ? 3 : 1] / b->in_cols[1], b->in_cols[1],
				     states);
}

/*
 * Vectors for all ops that have them. A DENSE whose output nobody reads but
 * the next one, and that as 16 bits, writes it so.
 */
static void choose_paths(struct ink_plan *plan, u32 *scratch)
{
	const struct ink_graph *g = plan->graph;
	unsigned long options = plan->options | (g->context ? INK_X86_SESSIONS : 0);
	size_t packed;
	u32 i, room;

	for (i = 0; i < g->header->n_ops; i++) {
		struct ink_bound *b = &plan->bound[i], *before = b - 1;

		packed = ink_x86_path(b, plan->isa, options, &room);
		if (b->path == INK_PATH_SCALAR || !ink_schedule_fits(b, 1, max(g->tokens, 1u))) {
			b->path = INK_PATH_SCALAR;
			continue;
		}
		scratch[i] = max(scratch[i], room);
		plan->packed_size += packed;
		if (!i || plan->options & INK_PLAN_UNFUSED || !ink_x86_extended(b) ||
		    !before->narrow || before->path == INK_PATH_SCALAR || before->in_const[5] ||
		    g->ops[i].in[0] != g->ops[i - 1].out[0] ||
		    g->tensors[g->ops[i].in[0]].last_use != i)
			continue;
		before->extend = true;
		scratch[i] = 0;
	}
}

/* @at: where each tensor lies, by tensor. */
static bool place_op(struct ink_plan *plan, struct layout *l, u32 *at, u32 i, u32 scratch,
		     struct ink_why *why)
{
	const struct inkling_op *op = &plan->graph->ops[i];
	const struct ink_tensor *out = &plan->graph->tensors[op->out[0]];
	struct ink_bound *b = &plan->bound[i];
	u32 k, slack = b->path == INK_PATH_QUANT ? INK_X86_SLACK : b->extend ? out->count : 0;

	for (k = 0; k < b->n_in; k++)
		b->in_off[k] = at[op->in[k]];
	if (!place_tensor(l, out, op->out[0], i, slack, &at[op->out[0]], why))
		return false;
	b->out_off = at[op->out[0]];
	if (!scratch || layout_place(l, scratch, i, i, &b->scratch_off))
		return true;
	return ink_refuse(why, INK_RULE_ARENA, i, INKLING_NONE, scratch, INK_MAX_ARENA,
			  "op %u: no room for %u bytes of its own, an arena has %u", i, scratch,
			  INK_MAX_ARENA);
}

/* States lie one after the other in memory of the session. */
static void place_states(struct ink_plan *plan, u32 *at)
{
	const struct ink_graph *g = plan->graph;
	u32 i;

	for (i = 0; i < g->header->n_tensors; i++)
		if (g->tensors[i].kind == INKLING_TENSOR_STATE) {
			at[i] = plan->state_size;
			plan->state_size += ALIGN(tensor_bytes(&g->tensors[i]), ARENA_ALIGN);
		}
}

static bool no_memory(struct ink_why *why)
{
	return ink_refuse(why, INK_RULE_MEMORY, INKLING_NONE, INKLING_NONE, 0, 0,
			  "no memory to plan the model");
}

static bool place_ops(struct ink_plan *plan, struct layout *l, u32 *at, const u32 *scratch,
		      struct ink_why *why)
{
	const struct inkling_header *h = plan->graph->header;
	const struct ink_tensor *in = &plan->graph->tensors[h->input];
	u32 head = input_head(plan->graph), i;

	if (head && !layout_place(l, sizeof(struct ink_frame), 0, h->n_ops, &i))
		return false;
	if (!place_tensor(l, in, h->input, 0, head, &plan->input_off, why))
		return false;
	at[h->input] = plan->input_off + head;
	place_states(plan, at);
	for (i = 0; i < h->n_ops; i++)
		if (!place_op(plan, l, at, i, scratch[i], why))
			return false;
	plan->output_off = at[h->output];
	plan->input_size = head + tensor_bytes(in);
	plan->output_size = tensor_bytes(&plan->graph->tensors[h->output]);
	plan->head = h->head;
	plan->n_classes = h->n_classes;
	plan->arena_size = l->end + ALIGN(INK_X86_SLACK, ARENA_ALIGN);
	return true;
}

static bool bind_ops(struct ink_plan *plan, struct ink_why *why)
{
	const struct inkling_header *h = plan->graph->header;
	struct layout l = { .live = ink_port_zalloc((h->n_ops + 4) * sizeof(*l.live)) };
	u32 *at = ink_port_zalloc(h->n_tensors * sizeof(*at));
	u32 *scratch = ink_port_zalloc(h->n_ops * sizeof(*scratch));
	bool ok = l.live && at && scratch;
	u32 i;

	if (!ok)
		no_memory(why);
	for (i = 0; ok && i < h->n_ops; i++) {
		bind_op(plan, i);
		scratch[i] = op_scratch(&plan->bound[i]);
	}
	if (ok && plan->isa != INK_ISA_SCALAR)
		choose_paths(plan, scratch);
	ok = ok && place_ops(plan, &l, at, scratch, why);
	ink_port_free(l.live);
	ink_port_free(at);
	ink_port_free(scratch);
	return ok;
}

/* One allocation for all that the vector code made of the constants. */
static bool pack_ops(struct ink_plan *plan)
{
	u8 *to;
	u32 i;

	if (!plan->packed_size)
		return true;
	to = ink_port_zalloc(plan->packed_size);
	plan->packed = to;
	if (!to)
		return false;
	for (i = 0; i < plan->graph->header->n_ops; i++) {
		struct ink_bound *b = &plan->bound[i];

		if (b->path == INK_PATH_SCALAR)
			continue;
		b->packed = to;
		to += ink_x86_pack(b, to);
	}
	return true;
}

static bool build(struct ink_plan *plan, struct ink_why *why)
{
	u32 n_ops = plan->graph->header->n_ops;

	plan->bound = ink_port_zalloc(n_ops * sizeof(*plan->bound));
	if (!plan->bound)
		return no_memory(why);
	if (!bind_ops(plan, why))
		return false;
	if (!pack_ops(plan))
		return no_memory(why);
	if (!ink_schedule_build(plan, why))
		return false;
	plan->memory += sizeof(*plan) + n_ops * sizeof(*plan->bound) + plan->packed_size;
	return true;
}

struct ink_plan *ink_plan_build_with(const struct ink_graph *graph, enum ink_isa isa,
				     unsigned long options, struct ink_why *why)
{
	struct ink_plan *plan = ink_port_zalloc(sizeof(*plan));

	memset(why, 0, sizeof(*why));
	if (!plan) {
		no_memory(why);
		return NULL;
	}
	plan->graph = graph;
	plan->isa = isa;
	plan->options = options;
	if (build(plan, why))
		return plan;
	ink_plan_free(plan);
	/* Vector code needs a little more memory; what fits without it is still welcome. */
	if (why->rule == INK_RULE_ARENA && isa != INK_ISA_SCALAR)
		return ink_plan_build_with(graph, INK_ISA_SCALAR, options, why);
	return NULL;
}

struct ink_plan *ink_plan_build(const struct ink_graph *graph, enum ink_isa isa,
				struct ink_why *why)
{
	return ink_plan_build_with(graph, isa, 0, why);
}

void ink_plan_free(struct ink_plan *plan)
{
	if (!plan)
		return;
	ink_port_free(plan->packed);
	ink_schedule_free(&plan->tiled);
	ink_schedule_free(&plan->single);
	ink_port_free(plan->bound);
	ink_port_free(plan);
}
