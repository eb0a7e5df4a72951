/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The engine's interface: check an image, plan it, run it.
 *
 * What lives here: the three steps that turn untrusted bytes into an
 * executable plan, and what they hand over to each other. The same files are
 * compiled into the module, into libinkling and into the fuzzers; all that
 * differs comes from ink_port.h, of which each environment has its own.
 *
 *   image --ink_graph_parse()--> graph --ink_plan_build()--> plan --ink_plan_run()--> output
 *
 * Only ink_graph_parse() sees raw bytes. A graph is proven: each offset, shape
 * and index is in range, each tensor's values lie within [lo, hi], and no
 * accumulator can overflow, so neither plan nor engine checks again.
 */
#ifndef INK_CORE_H
#define INK_CORE_H

#include "ink_port.h"
#include <linux/inkling_format.h>
#include <linux/inkling.h>

/* Why an image was refused. The names are in ink_rule_name(). */
enum ink_rule {
	INK_RULE_NONE,
	INK_RULE_TRUNCATED,	/* shorter than a header */
	INK_RULE_MAGIC,
	INK_RULE_VERSION,
	INK_RULE_HEADER_SIZE,
	INK_RULE_FILE_SIZE,
	INK_RULE_MUST,		/* feature bits that this version doesn't know */
	INK_RULE_DIGEST,
	INK_RULE_SCHEMA,	/* schema id isn't that of the features */
	INK_RULE_RESERVED,	/* a reserved field isn't zero */
	INK_RULE_COUNT,		/* a count is above its limit, or zero where it may not be */
	INK_RULE_SECTION,	/* a section isn't where the canonical layout has it */
	INK_RULE_PADDING,	/* bytes between sections or constants aren't zero */
	INK_RULE_STRING,	/* not NUL-terminated, not zero-padded, control character */
	INK_RULE_FEATURE,	/* feature kind, decimals or names */
	INK_RULE_TENSOR,	/* dtype, rank, dims, kind of a tensor */
	INK_RULE_DATA,		/* where a constant lies */
	INK_RULE_IO,		/* header's input or output tensor */
	INK_RULE_HEAD,		/* head, classes, threshold don't fit the output */
	INK_RULE_OPCODE,	/* unknown opcode, version or flag */
	INK_RULE_ARITY,		/* number of inputs or outputs */
	INK_RULE_REF,		/* tensor index out of range or of the wrong kind */
	INK_RULE_ORDER,		/* read before it is made, made twice, never made */
	INK_RULE_DTYPE,		/* operand of the wrong type */
	INK_RULE_SHAPE,		/* operand of the wrong shape */
	INK_RULE_ATTR,		/* attribute out of its range */
	INK_RULE_QUANT,		/* row of a QUANT table */
	INK_RULE_REQUANT,	/* multiplier or shift out of range */
	INK_RULE_OVERFLOW,	/* an accumulator could leave its type */
	INK_RULE_UNUSED,	/* a tensor that no op reads or makes */
	INK_RULE_COST,		/* too many multiply-accumulates */
	INK_RULE_ARENA,		/* too much working memory */
	INK_RULE_MEMORY,	/* no memory for the checked form (not the image's fault) */
	INK_RULE_NR,
};

/**
 * struct ink_why - why something was refused
 * @rule: enum ink_rule
 * @op: op that is concerned, or INKLING_NONE
 * @tensor: tensor that is concerned, or INKLING_NONE
 * @value: what was found
 * @limit: what would have been right, where that is one number
 * @text: all of that in one line for a person, without a final dot
 */
struct ink_why {
	u32 rule;
	u32 op;
	u32 tensor;
	s64 value;
	s64 limit;
	char text[160];
};

#define INK_MAX_MACS	(64u << 20)	/* of one run; elements have the same limit */
#define INK_MAX_MACS_TOKENS	64u	/* a sequence has that for each token, for so many at most */
#define INK_MAX_ARENA	(1u << 20)	/* bytes, of one run */
#define INK_MAX_STATES	(64u << 20)	/* bytes that a session keeps */
#define INK_MAX_STEPS	(1u << 19)	/* that a run is cut into */

/* A tensor that was checked. */
struct ink_tensor {
	u8 dtype;
	u8 kind;
	u8 elem;		/* bytes of an element */
	bool seq;		/* rows are the call's tokens, and @rows the most of them */
	u32 count;		/* elements */
	u32 rows, cols;		/* of a matrix; rows = 1 for a vector */
	s32 lo, hi;		/* proven range of its values */
	const void *data;	/* of a constant, in the image */
	u32 producer;		/* op, or INKLING_NONE */
	u32 last_use;		/* last op that reads it; n_ops for the output */
};

/**
 * struct ink_graph - an image that was checked
 * @image: the bytes, not owned: they have to outlive the graph and its plans
 * @size: of the image
 * @header: in the image
 * @card: in the image
 * @features: in the image, header->n_features
 * @names: in the image, header->n_names
 * @ops: in the image, header->n_ops
 * @tensors: header->n_tensors
 * @tokens: most tokens of a call, 0 when the input isn't a sequence
 * @context: tokens that states hold, 0 without states
 * @macs: multiply-accumulates of one run
 * @elements: elements that the other operators read and write in one run
 * @bytes: weight and table bytes that one run touches
 */
struct ink_graph {
	const void *image;
	size_t size;
	const struct inkling_header *header;
	const struct inkling_card *card;
	const struct inkling_feature *features;
	const struct inkling_name *names;
	const struct inkling_op *ops;
	struct ink_tensor *tensors;
	u32 tokens;
	u32 context;
	u64 macs;
	u64 elements;
	u64 bytes;
};

/**
 * ink_graph_parse() - prove that an image can do no harm
 * @image: untrusted bytes, which must not change any more; 8-byte aligned
 * @size: their number
 * @why: filled in when the image is refused
 *
 * Context: may sleep (allocates). Time is linear in the image.
 * Return: a graph for ink_graph_free(), or NULL with @why set.
 */
struct ink_graph *ink_graph_parse(const void *image, size_t size, struct ink_why *why);
void ink_graph_free(struct ink_graph *graph);
const char *ink_rule_name(u32 rule);
const char *ink_op_name(u32 opcode);

/* Instruction sets; the scalar one is the specification. */
enum ink_isa {
	INK_ISA_SCALAR,
	INK_ISA_AVX2,
	INK_ISA_AVX512VNNI,	/* at 256 bits, and AVX2 */
	INK_ISA_AVXVNNI,	/* and AVX2 */
	INK_ISA_NR,
};

/**
 * struct ink_step - what runs in one piece
 * @op: index of the first op
 * @count: ops that run one after the other: more than one only where vector
 *	code runs them fused
 * @first: first unit of an op that is cut into several steps, else 0; what its
 *	units are, struct ink_bound says
 * @rows: units of it; INK_ALL_ROWS for whole ops
 * @vector: may run in vectors: its ops' paths aren't INK_PATH_SCALAR
 * @in_turn: its weights are so many that all inputs of a tile go through one op
 *	before the next
 */
struct ink_step {
	u32 op;
	u32 count;
	u32 first;
	u32 rows;
	bool vector;
	bool in_turn;
};

#define INK_ALL_ROWS	U32_MAX

/*
 * Steps that are run together. In a section with vectors they run between one
 * begin and end of the FPU, which takes INK_BUDGET_SECTION_NS at most.
 */
struct ink_section {
	u32 first;
	u32 count;
	bool vector;
};

/**
 * struct ink_schedule - a plan's ops, cut
 * @steps: in order
 * @sections: in order
 * @n_steps: number of steps
 * @n_sections: number of sections
 */
struct ink_schedule {
	struct ink_step *steps;
	struct ink_section *sections;
	u32 n_steps;
	u32 n_sections;
};

/* How an op is computed where there are vectors. */
enum ink_path {
	INK_PATH_SCALAR,	/* as the specification does */
	INK_PATH_U8,		/* DENSE, unsigned bytes times signed, where that can't saturate */
	INK_PATH_S8,		/* DENSE, signs moved from inputs to weights, none of which is -128 */
	INK_PATH_S16,		/* DENSE, both widened to 16 bits */
	INK_PATH_ROWS,		/* DENSE of a few rows, as S16 but along the rows */
	INK_PATH_QUANT,		/* QUANT */
	INK_PATH_LINEAR,	/* LINEAR, weights widened to 16 bits */
	INK_PATH_LINEAR_BYTES,	/* LINEAR, inputs parted into bytes */
	INK_PATH_LINEAR_WORDS,	/* LINEAR of few weights, which are 16 bits in memory */
	INK_PATH_SEQ,		/* other operators on sequences, ADD and MUL of 16 bits */
	INK_PATH_NR,
};

/**
 * struct ink_bound - an op bound to memory: what runs instead of the image's op
 * @opcode: enum inkling_opcode
 * @in_dtype: of the first input
 * @out_dtype: of the output
 * @n_in: inputs
 * @in_seq: bit for each input whose rows are the call's tokens
 * @seq: the output's rows are
 * @wide_tokens: the tokens it reads are UINT16
 * @path: enum ink_path
 * @narrow: a vector DENSE, LINEAR or NORM whose products can be scaled in 32 bits
 * @vnni: a LINEAR that has an instruction to multiply and add
 * @extend: vector code writes this int8 output as 16 bits, which only the next
 *	op reads; the arena has room
 * @units: parts that the op can be cut into: rows of the weights of a DENSE or
 *	LINEAR, heads of queries of an ATTENTION, rows of the output of what goes
 *	by rows, else 1; the most that a call can have
 * @m: elements of the output
 * @n: elements of the first input
 * @out_cols: columns of the output
 * @in_cols: columns of each input
 * @attr: the op's attributes, in the image
 * @in_off: where each input lies in the arena; of a state, among the states
 * @in_count: elements of each input
 * @in_const: instead of @in_off, for constants
 * @out_off: where the output lies in the arena
 * @in_lo: proven lowest value of the first input
 * @in_hi: proven highest value of the first input
 * @scratch_off: where the op, or its vector code, has room of its own in the
 *	arena, or INKLING_NONE
 * @packed: what the vector code made of the constants, NULL for INK_PATH_SCALAR
 */
struct ink_bound {
	u16 opcode;
	u8 in_dtype;
	u8 out_dtype;
	u8 n_in;
	u8 in_seq;
	bool seq;
	bool wide_tokens;
	u8 path;
	bool narrow;
	bool vnni;
	bool extend;
	u32 units;
	u32 m;
	u32 n;
	u32 out_cols;
	u32 in_cols[INKLING_MAX_INPUTS];
	const s32 *attr;
	u32 in_off[INKLING_MAX_INPUTS];
	u32 in_count[INKLING_MAX_INPUTS];
	const void *in_const[INKLING_MAX_INPUTS];
	u32 out_off;
	s32 in_lo, in_hi;
	u32 scratch_off;
	const void *packed;
};

/**
 * struct ink_plan - an executable model; immutable
 * @graph: what it was made of
 * @isa: best instruction set that it can use
 * @options: INK_PLAN_*
 * @arena_size: bytes that ink_plan_run() needs, arenas are 64-byte aligned
 * @input_size: bytes of an input
 * @output_size: bytes of an output
 * @input_off: where the input lies in the arena
 * @output_off: where the output lies in the arena
 * @state_size: bytes of what a session keeps between calls, 0 for most models
 * @head: enum inkling_head, of the image's header
 * @n_classes: of the image's header
 * @bound: one for each op
 * @single: how one input is run, or a sequence of one token
 * @tiled: how several are run at once, or a sequence of several tokens; empty
 *	when there is neither
 * @tile: inputs that may be run at once, so that no section gets too long
 * @packed: one allocation, what @bound points into; NULL without vectors
 * @packed_size: its size
 * @memory: bytes that the plan holds besides the image
 * @cost_simd: upper estimate of a run in ns with @isa
 * @cost_scalar: the same without vector instructions
 * @contexts: mask of INKLING_CTX_* whose budget @cost_simd keeps
 */
struct ink_plan {
	const struct ink_graph *graph;
	enum ink_isa isa;
	unsigned long options;
	u32 arena_size;
	u32 input_size;
	u32 output_size;
	u32 input_off;
	u32 output_off;
	u32 state_size;
	u32 head;
	u32 n_classes;
	struct ink_bound *bound;
	struct ink_schedule single;
	struct ink_schedule tiled;
	u32 tile;
	void *packed;
	size_t packed_size;
	size_t memory;
	u64 cost_simd;
	u64 cost_scalar;
	u32 contexts;
};

#define INK_BUDGET_SOFTIRQ_NS	50000
#define INK_BUDGET_HARDIRQ_NS	10000
#define INK_BUDGET_SECTION_NS	50000

/**
 * ink_plan_build() - make a checked graph executable
 * @graph: stays the caller's and has to outlive the plan
 * @isa: best instruction set that this CPU has, see ink_isa_best()
 * @why: filled in when there is no plan
 *
 * Context: may sleep (allocates).
 * Return: a plan for ink_plan_free(), or NULL with @why set.
 */
struct ink_plan *ink_plan_build(const struct ink_graph *graph, enum ink_isa isa,
				struct ink_why *why);

/* One op for each step, so that tests can tell fusion from the rest. */
#define INK_PLAN_UNFUSED	BIT(0)
/* INK_PATH_S16 for all DENSE but those of a few rows. */
#define INK_PLAN_S16		BIT(1)
/* Likewise INK_PATH_S8, where the weights allow it. */
#define INK_PLAN_S8		BIT(2)

/* As ink_plan_build(), with options that tests and benchmarks need: INK_PLAN_*. */
struct ink_plan *ink_plan_build_with(const struct ink_graph *graph, enum ink_isa isa,
				     unsigned long options, struct ink_why *why);
void ink_plan_free(struct ink_plan *plan);

/**
 * struct ink_frame - head of the arena of a model whose input is a sequence
 * @n: tokens of this call
 * @position: tokens that the states hold from earlier calls
 * @state: plan->state_size bytes, or NULL; the session's
 */
struct ink_frame {
	u32 n;
	u32 position;
	u8 *state;
};

/**
 * ink_plan_run() - run a plan once
 * @plan: from ink_plan_build(), without states
 * @isa: INK_ISA_SCALAR where the FPU may not be used, else plan->isa
 * @arena: plan->arena_size bytes, 64-byte aligned, this caller's alone
 * @in: plan->input_size bytes; read once, before anything else
 * @out: plan->output_size bytes or NULL; written last; may overlap @in
 *
 * @in and @out need no alignment.
 * Context: any but NMI; never sleeps. FPU sections are opened and closed by
 * ink_port_fpu_begin() and ink_port_fpu_end(), each at most
 * INK_BUDGET_SECTION_NS long.
 * Return: false when @in is a sequence of no tokens or of too many, see
 * ink_plan_accept(); true otherwise.
 */
bool ink_plan_run(const struct ink_plan *plan, enum ink_isa isa, void *arena,
		  const void *in, void *out);

/* Bytes of the arenas of @n inputs that are run at once. */
static inline u32 ink_tile_size(const struct ink_plan *plan, u32 n)
{
	return n * ALIGN(plan->arena_size, 64u);
}

/* Where the arena of input @i of them lies. */
static inline void *ink_tile_arena(const struct ink_plan *plan, void *arenas, u32 i)
{
	return (u8 *)arenas + ink_tile_size(plan, i);
}

/**
 * ink_plan_run_tile() - run several inputs at once
 * @plan: from ink_plan_build()
 * @isa: as for ink_plan_run()
 * @arenas: ink_tile_size() bytes, aligned to 64
 * @in: @n inputs without gaps
 * @out: room for @n outputs, or NULL
 * @n: 1..plan->tile
 *
 * Weights are read once for all of them, and the FPU is opened once for each
 * section.
 *
 * Context, result and bits: as @n calls of ink_plan_run().
 */
bool ink_plan_run_tile(const struct ink_plan *plan, enum ink_isa isa, void *arenas,
		       const void *in, void *out, u32 n);

/*
 * ink_plan_run() is ink_plan_input(), ink_plan_accept(), ink_plan_sections() and
 * ink_plan_output(), with @n 1. Long models in task context call these
 * themselves, and instead of ink_plan_sections() ink_plan_section() for each
 * section of ink_plan_schedule(), to cond_resched() in between; with one and the
 * same @isa for the whole run: vector code keeps no promise about what scalar code
 * finds half-way.
 */
void ink_plan_input(const struct ink_plan *plan, void *arena, const void *in);
void ink_plan_section(const struct ink_plan *plan, enum ink_isa isa, void *arenas, u32 n,
		      u32 section);
void ink_plan_sections(const struct ink_plan *plan, enum ink_isa isa, void *arenas, u32 n);
void ink_plan_output(const struct ink_plan *plan, void *arena, void *out);

/**
 * ink_plan_accept() - look at an input that was copied into the arena
 * @plan: of it
 * @arena: with the input
 * @state: plan->state_size bytes, zero before the first call; NULL without states
 * @position: tokens that they hold
 *
 * After the run the states hold as many tokens more as the input has:
 * ink_plan_tokens(). A run that was broken off may be begun again: what it wrote
 * into the states is beyond @position.
 *
 * Return: false when a sequence has no token, more than the model takes, or more
 * than the states have room for. Always true for other inputs.
 */
bool ink_plan_accept(const struct ink_plan *plan, void *arena, void *state, u32 position);

/* Tokens of the input that was accepted. */
static inline u32 ink_plan_tokens(const struct ink_plan *plan, const void *arena)
{
	return plan->graph->tokens ? ((const struct ink_frame *)arena)->n : 0;
}

/* How @n inputs are run at once, or the sequence that was accepted. */
static inline const struct ink_schedule *ink_plan_schedule(const struct ink_plan *plan,
							   const void *arenas, u32 n)
{
	if (plan->graph->tokens)
		n = ((const struct ink_frame *)arenas)->n;
	return n > 1 ? &plan->tiled : &plan->single;
}

/* Class 0 wins below the threshold; above it, the likeliest of the others. */
static inline u32 ink_verdict_classes(const u8 *out, u32 n, s32 threshold, s32 *score)
{
	const u8 *p, *end = out + 2 * n, *winner = out;
	s32 best = S32_MIN, v;

	*score = 32768 - (s16)get_unaligned_le16(out);
	if (*score < threshold)
		return 0;
	for (p = out + 2; p < end; p += 2) {
		v = (s16)get_unaligned_le16(p);
		if (v > best) {
			best = v;
			winner = p;
		}
	}
	return (u32)(winner - out) / 2;
}

/**
 * ink_plan_verdict() - class and score of an output
 * @plan: that made it
 * @out: plan->output_size bytes, need no alignment
 * @threshold: score from which on it isn't class 0
 * @score: set
 *
 * Return: the class; 0 with score 0 for INKLING_HEAD_RAW.
 */
static inline u32 ink_plan_verdict(const struct ink_plan *plan, const void *out, s32 threshold,
				   s32 *score)
{
	switch (plan->head) {
	case INKLING_HEAD_CLASSES:
		return ink_verdict_classes(out, plan->n_classes, threshold, score);
	case INKLING_HEAD_ANOMALY:
		*score = (s32)get_unaligned_le32(out);
		return *score >= threshold;
	default:
		*score = 0;
		return 0;
	}
}

bool ink_isa_has(enum ink_isa isa);	/* this CPU */
enum ink_isa ink_isa_best(void);	/* what this CPU has; cached by the caller */
const char *ink_isa_name(enum ink_isa isa);

#endif /* INK_CORE_H */
