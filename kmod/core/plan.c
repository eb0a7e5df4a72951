// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * From a checked graph to something that runs: memory, order, cost.
 *
 * What lives here: where each activation lies in the arena, into which steps
 * and FPU sections the ops are cut, and the estimate of what a run costs. What
 * doesn't: any check of the image (verify*.c) and any arithmetic (ops.c).
 */
#include "ops.h"
#include "verify.h"

#define ARENA_ALIGN	64u

/*
 * Upper estimates in picoseconds, meant to hold on any x86-64 server of the
 * last ten years; Documentation/verifier.rst says how they were chosen. They
 * decide in which contexts a model may run, so they are on the high side.
 */
#define COST_OP			30000	/* to begin an op or a step */
#define COST_SECTION		150000	/* to save and restore vector registers */
#define COST_MAC_SCALAR		1500
#define COST_MAC_SIMD		150
#define COST_ROW_SCALAR		4000	/* requantise one output of a DENSE */
#define COST_ROW_SIMD		1500
#define COST_ELEMENT		4000	/* one element of any other op */
#define COST_SOFTMAX		25000	/* two exponentials and a division */
#define COST_QUANT_ROW		8000

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

static bool place_tensor(struct layout *l, const struct ink_tensor *t, u32 index, u32 now,
			 u32 *offset, struct ink_why *why)
{
	if (layout_place(l, tensor_bytes(t), now, t->last_use, offset))
		return true;
	return ink_refuse(why, INK_RULE_ARENA, now, index, tensor_bytes(t), INK_MAX_ARENA,
			  "op %u: no room for the %u bytes of tensor %u, an arena has %u", now,
			  tensor_bytes(t), index, INK_MAX_ARENA);
}

/* @at: where each tensor lies, by tensor. */
static bool bind_op(struct ink_plan *plan, struct layout *l, u32 *at, u32 i, struct ink_why *why)
{
	const struct ink_graph *g = plan->graph;
	const struct inkling_op *op = &g->ops[i];
	const struct ink_tensor *in, *out = &g->tensors[op->out[0]];
	struct ink_bound *b = &plan->bound[i];
	u32 k;

	b->opcode = op->opcode;
	b->attr = op->attr;
	for (k = 0; k < INKLING_MAX_INPUTS && op->in[k] != INKLING_NONE; k++) {
		in = &g->tensors[op->in[k]];
		b->in_count[k] = in->count;
		b->in_const[k] = in->data;
		b->in_off[k] = at[op->in[k]];
	}
	b->n_in = (u8)k;
	b->in_dtype = g->tensors[op->in[0]].dtype;
	b->in_lo = g->tensors[op->in[0]].lo;
	b->n = b->in_count[0];
	b->out_dtype = out->dtype;
	b->m = out->count;
	if (!place_tensor(l, out, op->out[0], i, &at[op->out[0]], why))
		return false;
	b->out_off = at[op->out[0]];
	return true;
}

static bool no_memory(struct ink_why *why)
{
	return ink_refuse(why, INK_RULE_MEMORY, INKLING_NONE, INKLING_NONE, 0, 0,
			  "no memory to plan the model");
}

static bool bind_ops(struct ink_plan *plan, struct ink_why *why)
{
	const struct inkling_header *h = plan->graph->header;
	const struct ink_tensor *in = &plan->graph->tensors[h->input];
	struct layout l = { .live = ink_port_zalloc((h->n_ops + 2) * sizeof(*l.live)) };
	u32 *at = ink_port_zalloc(h->n_tensors * sizeof(*at));
	bool ok = l.live && at;
	u32 i;

	if (!ok)
		no_memory(why);
	else
		ok = place_tensor(&l, in, h->input, 0, &at[h->input], why);
	for (i = 0; ok && i < h->n_ops; i++)
		ok = bind_op(plan, &l, at, i, why);
	if (ok) {
		plan->input_off = at[h->input];
		plan->output_off = at[h->output];
		plan->input_size = tensor_bytes(in);
		plan->output_size = tensor_bytes(&plan->graph->tensors[h->output]);
		plan->arena_size = l.end;
	}
	ink_port_free(l.live);
	ink_port_free(at);
	return ok;
}

/* Picoseconds of @rows rows of a DENSE, or of any other op as a whole. */
static u64 step_cost(const struct ink_bound *b, u32 rows, bool simd)
{
	switch (b->opcode) {
	case INKLING_OP_DENSE:
		simd = simd && b->path != INK_DENSE_SCALAR;
		return COST_OP + (u64)rows *
		       ((u64)b->n * (simd ? COST_MAC_SIMD : COST_MAC_SCALAR) +
			(simd ? COST_ROW_SIMD : COST_ROW_SCALAR));
	case INKLING_OP_QUANT:
		return COST_OP + (u64)b->in_count[1] / 8 * COST_QUANT_ROW + b->m * 50ull;
	case INKLING_OP_SOFTMAX:
		return COST_OP + (u64)b->m * COST_SOFTMAX;
	default:
		return COST_OP + (u64)max(b->n, b->m) * COST_ELEMENT;
	}
}

/* Rows of one step of a DENSE, so that a step is a quarter of a section at most. */
static u32 rows_per_step(const struct ink_bound *b, bool simd)
{
	u64 row = step_cost(b, 1, simd) - step_cost(b, 0, simd);
	u64 rows = div64_u64(INK_BUDGET_SECTION_NS * 1000ull / 4, row);

	return (u32)clamp_t(u64, rows & ~7ull, 8, b->m);
}

/* Cut the ops into steps; with @plan->steps NULL only count them. */
static u32 cut_steps(struct ink_plan *plan)
{
	u32 n_ops = plan->graph->header->n_ops, n = 0, i, first, rows;

	for (i = 0; i < n_ops; i++) {
		const struct ink_bound *b = &plan->bound[i];
		u32 most = b->opcode == INKLING_OP_DENSE ?
			   rows_per_step(b, plan->isa != INK_ISA_SCALAR) : b->m;

		for (first = 0; first < b->m; first += rows, n++) {
			rows = min(most, b->m - first);
			if (plan->steps)
				plan->steps[n] = (struct ink_step){ i, first, rows };
		}
	}
	return n;
}

/* Put steps into sections that keep their budget; a single long step has one of its own. */
static void cut_sections(struct ink_plan *plan)
{
	bool simd = plan->isa != INK_ISA_SCALAR;
	u64 cost = 0, sum = 0, scalar = 0, c;
	u32 i, n = 0;

	for (i = 0; i < plan->n_steps; i++) {
		const struct ink_step *s = &plan->steps[i];
		const struct ink_bound *b = &plan->bound[s->op];

		c = step_cost(b, s->rows, simd);
		scalar += step_cost(b, s->rows, false);
		if (!n || cost + c > INK_BUDGET_SECTION_NS * 1000ull) {
			plan->sections[n++] = (struct ink_section){ .first = i };
			cost = 0;
			if (simd)
				sum += COST_SECTION;
		}
		plan->sections[n - 1].count++;
		cost += c;
		sum += c;
	}
	plan->n_sections = n;
	plan->cost_simd = div64_u64(sum + 999, 1000);
	plan->cost_scalar = div64_u64(scalar + 999, 1000);
}

static void set_contexts(struct ink_plan *plan)
{
	plan->contexts = INKLING_CTX_TASK;
	if (plan->cost_simd <= INK_BUDGET_SOFTIRQ_NS)
		plan->contexts |= INKLING_CTX_SOFTIRQ;
	if (plan->cost_simd <= INK_BUDGET_HARDIRQ_NS)
		plan->contexts |= INKLING_CTX_HARDIRQ;
}

static bool build(struct ink_plan *plan, struct ink_why *why)
{
	u32 n_ops = plan->graph->header->n_ops;

	plan->bound = ink_port_zalloc(n_ops * sizeof(*plan->bound));
	if (!plan->bound)
		return no_memory(why);
	if (!bind_ops(plan, why))
		return false;
	plan->n_steps = cut_steps(plan);
	plan->steps = ink_port_zalloc(plan->n_steps * sizeof(*plan->steps));
	plan->sections = ink_port_zalloc(plan->n_steps * sizeof(*plan->sections));
	if (!plan->steps || !plan->sections)
		return no_memory(why);
	cut_steps(plan);
	cut_sections(plan);
	set_contexts(plan);
	plan->memory += sizeof(*plan) + n_ops * sizeof(*plan->bound) +
			plan->n_steps * (sizeof(*plan->steps) + sizeof(*plan->sections));
	return true;
}

struct ink_plan *ink_plan_build(const struct ink_graph *graph, enum ink_isa isa,
				struct ink_why *why)
{
	struct ink_plan *plan = ink_port_zalloc(sizeof(*plan));

	memset(why, 0, sizeof(*why));
	if (!plan) {
		no_memory(why);
		return NULL;
	}
	plan->graph = graph;
	plan->isa = isa;
	if (!build(plan, why)) {
		ink_plan_free(plan);
		return NULL;
	}
	return plan;
}

void ink_plan_free(struct ink_plan *plan)
{
	if (!plan)
		return;
	ink_port_free(plan->packed);
	ink_port_free(plan->sections);
	ink_port_free(plan->steps);
	ink_port_free(plan->bound);
	ink_port_free(plan);
}
