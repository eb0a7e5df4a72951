// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * When each op of a plan runs, and what that costs.
 *
 * What lives here: the estimate of an op's time, the cut into steps, where
 * neighbours with vectors become one step that runs fused, and the cut into
 * sections that keep their budget; once for single inputs and once for tiles of
 * them. What doesn't: memory (plan.c).
 */
#include "schedule.h"
#include "verify.h"
#include "../arch/x86/x86.h"

/*
 * Upper estimates in picoseconds, meant to hold on any x86-64 server of the
 * last ten years; Documentation/verifier.rst says how they were chosen. They
 * decide in which contexts a model may run, so they are on the high side.
 */
#define COST_RUN		1000000	/* to bring plan, code and arena into the caches */
#define COST_OP			30000	/* to begin an op or a step */
#define COST_SECTION		150000	/* to save and restore vector registers */
#define COST_MAC_SCALAR		1500
#define COST_MAC_SIMD		150
#define COST_WEIGHT_NEAR	30	/* to load a weight of a LINEAR, for all tokens, from a cache */
#define COST_WEIGHT_FAR		150	/* from memory: of matrices that are larger than the nearer caches */
#define COST_MAC16_SIMD		25	/* to multiply it, for each */
#define COST_MAC16_VNNI		15
#define COST_MAC_WIDENED	30	/* the same of a weight that is a byte */
#define COST_MAC_BYTES		18	/* or of an input that is two */
#define COST_LINEAR_ROW		400	/* one output of a LINEAR in vectors */
#define COST_LINEAR_TOKEN	4000	/* one row of its input, however few the outputs */
#define COST_ROW_SCALAR		4000	/* requantise one output of a DENSE */
#define COST_ROW_SIMD		1500
#define COST_ELEMENT		4000	/* one element of any other op */
#define COST_SOFTMAX		25000	/* two exponentials and a division */
#define COST_QUANT_ROW		8000
#define COST_ELEMENT_SIMD	750	/* one element of an operator on rows that looks something up, or multiplies wide */
#define COST_PAIR_SIMD		450	/* of ADD, MUL, ROPE, SCALE, POOL */
#define COST_COPY_SIMD		250	/* of an UNFOLD, or a key or value put in place */
#define COST_BUCKET		40000	/* to find a row of a HASHEMBED, anywhere in a large table */
#define COST_COMPARE		2400	/* two columns of a GATE, twice */
#define COST_NORM_SCALAR	150000	/* a square root and a division for each row */
#define COST_NORM_SIMD		35000
#define COST_NORM_NARROW	850	/* one element of a NORM in vectors */
#define COST_NORM_WIDE		1300
#define COST_HEAD_SCALAR	150000	/* one head of one query, without its keys */
#define COST_HEAD_SIMD		10000
#define COST_KEY_SCALAR		15000	/* exponential and share of one key for one query */
#define COST_KEY_SIMD		1700
#define COST_KEY_MAC_SIMD	42	/* one product of a query and a key, or of a share and a value */

#define SECTION_PS		(INK_BUDGET_SECTION_NS * 1000ull)

/* What two sections cost more than one: shorter scalar steps don't part a section. */
#define SHORT_PS		500000ull

/* A tile's inputs at most, and the bytes of their arenas, which are to stay in the second-level cache. */
#define TILE			8u
#define TILE_ARENAS		65536u

/* Weights of a step that stay in the first-level cache with a tile's inputs. */
#define TILE_WEIGHTS		16384u

/* What is being cut. */
struct cut {
	const struct ink_plan *plan;
	struct ink_schedule *to;	/* without memory steps are only counted */
	u32 tile;			/* inputs that share a section's budget */
	u32 tokens;			/* of a call, if the input is a sequence */
};

/* Rows of an input or output that @rows is the most of, in a call of @tokens. */
static u32 rows_in_call(bool seq, u32 rows, u32 tokens)
{
	return seq ? min(rows, tokens) : rows;
}

/* Rows of the first input. */
static u32 input_rows(const struct ink_bound *b, u32 tokens)
{
	return rows_in_call(b->in_seq & 1, b->in_count[0] / b->in_cols[0], tokens);
}

/* Units of an op in a call of @tokens. */
static u32 op_units(const struct ink_bound *b, u32 tokens)
{
	switch (b->opcode) {
	case INKLING_OP_DENSE:
	case INKLING_OP_LINEAR:
		return b->units;
	case INKLING_OP_ATTENTION:
		return input_rows(b, tokens) * (u32)b->attr[0];
	default:
		return rows_in_call(b->seq && b->units > 1, b->units, tokens);
	}
}

/* Picoseconds of one head of one query, with its share of what it takes to put this call's keys and values in place. */
static u64 head_cost(const struct ink_bound *b, bool simd, u32 tokens)
{
	u32 rows = rows_in_call(b->in_seq & 2, b->in_count[1] / b->in_cols[1], tokens);
	u32 keys = b->n_in > 3 ? b->in_count[3] / b->in_cols[3] : rows;
	u32 d = b->in_cols[0] / (u32)b->attr[0];
	u64 kept = 2ull * rows * b->in_cols[1] * (simd ? COST_COPY_SIMD : COST_ELEMENT);
	u64 key = simd ? COST_KEY_SIMD + 2ull * d * COST_KEY_MAC_SIMD :
			 COST_KEY_SCALAR + 2ull * d * COST_MAC_SCALAR;

	return (simd ? COST_HEAD_SIMD : COST_HEAD_SCALAR) + keys * key +
	       div_u64(kept, op_units(b, tokens));
}

static u64 linear_mac_cost(const struct ink_bound *b)
{
	if (b->path == INK_PATH_LINEAR_WORDS)
		return b->vnni ? COST_MAC16_VNNI : COST_MAC16_SIMD;
	return b->path == INK_PATH_LINEAR ? COST_MAC_WIDENED : COST_MAC_BYTES;
}

/* Picoseconds of @units rows of weights in vectors, which tokens share. */
static u64 linear_cost(const struct ink_bound *b, u32 units, u32 tokens)
{
	bool near = (u64)b->in_cols[0] * b->out_cols <= INK_X86_LINEAR_WORDS;
	u64 each = b->in_cols[0] * linear_mac_cost(b) + COST_LINEAR_ROW;

	return units * ((u64)b->in_cols[0] * (near ? COST_WEIGHT_NEAR : COST_WEIGHT_FAR) +
			input_rows(b, tokens) * each);
}

static u64 element_cost(const struct ink_bound *b, bool simd)
{
	if (!simd)
		return COST_ELEMENT;
	switch (b->opcode) {
	case INKLING_OP_NORM:
		return b->narrow ? COST_NORM_NARROW : COST_NORM_WIDE;
	case INKLING_OP_ADD:
	case INKLING_OP_MUL:
	case INKLING_OP_ROPE:
	case INKLING_OP_SCALE:
	case INKLING_OP_POOL:
		return COST_PAIR_SIMD;
	case INKLING_OP_UNFOLD:
		return COST_COPY_SIMD;
	default:
		return COST_ELEMENT_SIMD;
	}
}

/* Picoseconds of one unit of an operator that goes by rows. */
static u64 row_cost(const struct ink_bound *b, bool simd)
{
	u64 elements = max(b->in_cols[0], b->out_cols), cost = elements * element_cost(b, simd);

	switch (b->opcode) {
	case INKLING_OP_GATE:
		return elements * (elements * COST_COMPARE + COST_SOFTMAX);
	case INKLING_OP_NORM:
		return cost + (simd ? COST_NORM_SIMD : COST_NORM_SCALAR);
	case INKLING_OP_HASHEMBED:
		return cost + COST_BUCKET;
	default:
		return cost;
	}
}

u64 ink_schedule_cost(const struct ink_bound *b, u32 units, bool simd, u32 tokens)
{
	simd = simd && b->path != INK_PATH_SCALAR;
	units = min(units, op_units(b, tokens));
	if (simd && b->opcode == INKLING_OP_LINEAR)
		return COST_OP + (u64)input_rows(b, tokens) * COST_LINEAR_TOKEN +
		       linear_cost(b, units, tokens);
	switch (b->opcode) {
	case INKLING_OP_DENSE:
	case INKLING_OP_LINEAR:
		return COST_OP + (u64)units * input_rows(b, tokens) *
		       ((u64)b->in_cols[0] * (simd ? COST_MAC_SIMD : COST_MAC_SCALAR) +
			(simd ? COST_ROW_SIMD : COST_ROW_SCALAR));
	case INKLING_OP_QUANT:
		return COST_OP + (u64)b->in_count[1] / 8 * COST_QUANT_ROW + b->m * 50ull;
	case INKLING_OP_SOFTMAX:
		return COST_OP + (u64)b->m * COST_SOFTMAX;
	case INKLING_OP_ATTENTION:
		return COST_OP + units * head_cost(b, simd, tokens);
	case INKLING_OP_NLL:
		return COST_OP + (u64)input_rows(b, tokens) * b->in_cols[0] * COST_SOFTMAX;
	case INKLING_OP_NORM:
	case INKLING_OP_GATE:
	case INKLING_OP_HASHEMBED:
		return COST_OP + units * row_cost(b, simd);
	default:
		/* Of one row there may be more elements before than after: DIST, POOL, TRANSPOSE. */
		if (b->units > 1)
			return COST_OP + units * row_cost(b, simd);
		return COST_OP + element_cost(b, simd) *
		       max((u64)input_rows(b, tokens) * b->in_cols[0], (u64)b->m);
	}
}

/* Smallest number of units that vector code takes. */
static u32 least_units(const struct ink_bound *b)
{
	if (b->path == INK_PATH_QUANT || b->path == INK_PATH_ROWS)
		return INK_ALL_ROWS;
	if (b->opcode == INKLING_OP_DENSE)
		return ink_x86_step_rows(b->in_cols[0]);
	return b->opcode == INKLING_OP_LINEAR ? INK_X86_LINEAR_ROWS : 1;
}

bool ink_schedule_fits(const struct ink_bound *b, u32 tile, u32 tokens)
{
	return ink_schedule_cost(b, least_units(b), true, tokens) <= SECTION_PS / tile;
}

static u64 step_cost(const struct ink_plan *plan, const struct ink_step *s, bool simd, u32 tokens)
{
	u64 cost = 0;
	u32 i;

	for (i = 0; i < s->count; i++)
		cost += ink_schedule_cost(&plan->bound[s->op + i], s->rows, simd, tokens);
	return cost;
}

/* Units of one step, so that a step is a quarter of a section if it can. */
static u32 units_per_step(const struct cut *c, const struct ink_bound *b, bool simd)
{
	u32 least = least_units(b), all = op_units(b, c->tokens);
	u64 one = ink_schedule_cost(b, 1, simd, c->tokens) - ink_schedule_cost(b, 0, simd, c->tokens);
	u64 units = div64_u64(SECTION_PS / c->tile / 4, one);

	/* Less than that takes longer for each row. */
	for (; b->opcode == INKLING_OP_LINEAR && least < INK_X86_LINEAR_TILE; least *= 2)
		if (2 * least * one > SECTION_PS / c->tile)
			break;
	return units < least ? least : (u32)min_t(u64, units - units % least, all);
}

/* Bytes that vector code reads of the weights. */
static u64 step_weights(const struct ink_plan *plan, const struct ink_step *s)
{
	u64 bytes = 0;
	u32 i;

	for (i = s->op; i < s->op + s->count; i++) {
		const struct ink_bound *b = &plan->bound[i];
		bool wide = b->path == INK_PATH_S16 || b->path == INK_PATH_ROWS;

		if (b->opcode == INKLING_OP_DENSE)
			bytes += ((u64)min(s->rows, b->m) * b->n) << wide;
	}
	return bytes;
}

static void put_step(const struct cut *c, struct ink_step step)
{
	step.in_turn = step.vector && step_weights(c->plan, &step) > TILE_WEIGHTS;
	if (c->to->steps)
		c->to->steps[c->to->n_steps] = step;
	c->to->n_steps++;
}

static void cut_op(const struct cut *c, u32 op)
{
	const struct ink_bound *b = &c->plan->bound[op];
	bool vector = b->path != INK_PATH_SCALAR;
	u32 units = units_per_step(c, b, vector), all = op_units(b, c->tokens), first;

	for (first = 0; first < all; first += units)
		put_step(c, (struct ink_step){ .op = op, .count = 1, .first = first,
			 .rows = min(units, all - first), .vector = vector });
}

/* Whole ops in vectors from @op on that make one step; 0: this one has to be cut. */
static u32 fuse_ops(const struct cut *c, u32 op)
{
	u32 n_ops = c->plan->graph->header->n_ops, n;
	u64 cost = 0;

	for (n = 0; op + n < n_ops; n++) {
		const struct ink_bound *b = &c->plan->bound[op + n];

		cost += ink_schedule_cost(b, INK_ALL_ROWS, true, c->tokens);
		if (b->path == INK_PATH_SCALAR || cost > SECTION_PS / c->tile ||
		    (n && c->plan->options & INK_PLAN_UNFUSED))
			break;
	}
	return n;
}

static void cut_steps(const struct cut *c)
{
	u32 n_ops = c->plan->graph->header->n_ops, i, n;

	c->to->n_steps = 0;
	for (i = 0; i < n_ops; i += n) {
		const struct ink_bound *b = &c->plan->bound[i];

		n = fuse_ops(c, i);
		if (n)
			put_step(c, (struct ink_step){ .op = i, .count = n,
				 .rows = INK_ALL_ROWS, .vector = true });
		else if (b->units > 1)
			cut_op(c, i);
		else
			put_step(c, (struct ink_step){ .op = i, .count = 1,
				 .rows = INK_ALL_ROWS });
		n += !n;
	}
}

/*
 * How many steps from @first on make one section. Steps of one kind go
 * together; short scalar ones between two with vectors too, since closing the
 * FPU and opening it again costs more.
 */
static u32 section_length(const struct cut *c, u32 first)
{
	const struct ink_step *head = &c->to->steps[first], *s = head;
	u64 cost = 0, scalar = 0, more;
	u32 n, end = 0;

	for (n = 0; first + n < c->to->n_steps; n++, s++) {
		more = step_cost(c->plan, s, true, c->tokens);
		cost += more;
		if (n && cost > SECTION_PS / c->tile)
			break;
		if (head->vector) {
			scalar = s->vector ? 0 : scalar + more;
			if (scalar > SHORT_PS / c->tile)
				break;
		} else if (s->vector) {
			break;
		}
		if (s->vector == head->vector)
			end = n + 1;
	}
	return end;
}

static void cut_sections(const struct cut *c)
{
	struct ink_schedule *to = c->to;
	u32 i, n;

	to->n_sections = 0;
	for (i = 0; i < to->n_steps; i += n) {
		n = section_length(c, i);
		to->sections[to->n_sections++] = (struct ink_section){
			.first = i, .count = n, .vector = to->steps[i].vector,
		};
	}
}

static bool schedule_make(struct ink_plan *plan, struct ink_schedule *to, u32 tile, u32 tokens,
			  struct ink_why *why)
{
	struct cut c = { .plan = plan, .to = to, .tile = tile, .tokens = tokens };

	cut_steps(&c);
	if (to->n_steps > INK_MAX_STEPS)
		return ink_refuse(why, INK_RULE_COST, INKLING_NONE, INKLING_NONE, to->n_steps,
				  INK_MAX_STEPS, "a run takes %u steps, the limit is %u",
				  to->n_steps, INK_MAX_STEPS);
	to->steps = ink_port_zalloc(to->n_steps * sizeof(*to->steps));
	to->sections = ink_port_zalloc(to->n_steps * sizeof(*to->sections));
	if (!to->steps || !to->sections)
		return ink_refuse(why, INK_RULE_MEMORY, INKLING_NONE, INKLING_NONE, 0, 0,
				  "no memory to plan the model");
	cut_steps(&c);
	cut_sections(&c);
	plan->memory += to->n_steps * (sizeof(*to->steps) + sizeof(*to->sections));
	return true;
}

static bool tile_fits(const struct ink_plan *plan, u32 tile)
{
	u32 i;

	if (ink_tile_size(plan, tile) > TILE_ARENAS)
		return false;
	for (i = 0; i < plan->graph->header->n_ops; i++)
		if (plan->bound[i].path != INK_PATH_SCALAR &&
		    !ink_schedule_fits(&plan->bound[i], tile, 1))
			return false;
	return true;
}

/*
 * Scalar code has no sections to save, and computes for longer than it waits for weights; the
 * tokens of a sequence share the weights already.
 */
static u32 choose_tile(const struct ink_plan *plan)
{
	u32 tile = plan->isa == INK_ISA_SCALAR || plan->graph->tokens ? 1 : TILE;

	while (tile > 1 && !tile_fits(plan, tile))
		tile /= 2;
	return tile;
}

/* Of the longest call. */
static void set_cost(struct ink_plan *plan)
{
	u32 tokens = max(plan->graph->tokens, 1u), i;
	const struct ink_schedule *s = tokens > 1 ? &plan->tiled : &plan->single;
	u64 simd = COST_RUN, scalar = COST_RUN;

	for (i = 0; i < s->n_steps; i++) {
		simd += step_cost(plan, &s->steps[i], true, tokens);
		scalar += step_cost(plan, &s->steps[i], false, tokens);
	}
	for (i = 0; i < s->n_sections; i++)
		simd += s->sections[i].vector ? COST_SECTION : 0;
	plan->cost_simd = div64_u64(simd + 999, 1000);
	plan->cost_scalar = div64_u64(scalar + 999, 1000);
	plan->contexts = INKLING_CTX_TASK;
	if (plan->state_size)
		return;
	if (plan->cost_simd <= INK_BUDGET_SOFTIRQ_NS)
		plan->contexts |= INKLING_CTX_SOFTIRQ;
	if (plan->cost_simd <= INK_BUDGET_HARDIRQ_NS)
		plan->contexts |= INKLING_CTX_HARDIRQ;
}

bool ink_schedule_build(struct ink_plan *plan, struct ink_why *why)
{
	u32 tokens = max(plan->graph->tokens, 1u);

	plan->tile = choose_tile(plan);
	if (!schedule_make(plan, &plan->single, 1, 1, why))
		return false;
	if ((plan->tile > 1 || tokens > 1) &&
	    !schedule_make(plan, &plan->tiled, plan->tile, tokens, why))
		return false;
	set_cost(plan);
	return true;
}

void ink_schedule_free(struct ink_schedule *schedule)
{
	ink_port_free(schedule->sections);
	ink_port_free(schedule->steps);
}
