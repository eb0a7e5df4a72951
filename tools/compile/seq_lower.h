/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the lowering of sequences share.
 *
 * What lives here: what each ONNX value is known to be, and the state of the
 * lowering. Patterns of several nodes (normalisation, attention, masked
 * pooling) are never looked for: each node says what becomes of what its
 * operands are, and "the mean of x's rows" or "scores of q and k" are such
 * things. What doesn't: what the rest of the compiler calls, see seq_net.h.
 */
#ifndef INK_SEQ_LOWER_H
#define INK_SEQ_LOWER_H

#include "seq_layout.h"
#include "seq_net.h"

/* Masks as low as that leave nothing of a share, nor of what they are added to. */
#define INK_SEQ_LOW	-1e3

enum ink_value_kind {
	INK_VALUE_NONE,
	INK_VALUE_CONST,	/* doesn't depend on the tokens */
	INK_VALUE_TOKENS,	/* the input itself */
	INK_VALUE_GRAM,		/* integers on the way to a hash of tokens, see ink_gram */
	INK_VALUE_VIEW,		/* f of a matrix */
	INK_VALUE_MASK,		/* one number for tokens, another for what fills up */
	INK_VALUE_COUNT,	/* number of tokens */
	INK_VALUE_STAT,		/* on the way to a normalisation, see ink_stage */
	INK_VALUE_GATE,		/* on the way to a softmax of the greatest, see ink_gate_stage */
	INK_VALUE_SCORES,	/* of queries and keys */
	INK_VALUE_SHARES,	/* softmax of scores */
};

/* How far a normalisation of @base has come. */
enum ink_stage {
	INK_STAGE_MEAN,
	INK_STAGE_CENTERED,	/* x - mean */
	INK_STAGE_SQUARE,	/* (x - mean)^2 */
	INK_STAGE_VARIANCE,	/* mean of squares plus eps */
	INK_STAGE_DEVIATION,	/* its root */
	INK_STAGE_RECIPROCAL,	/* 1 / its root */
};

/* How far a hash of tokens has come. */
enum ink_gram_stage {
	INK_GRAM_TOKENS,	/* plus one, perhaps with zeros in front, perhaps a part */
	INK_GRAM_SUM,		/* hash plus the next token */
	INK_GRAM_PRODUCT,
	INK_GRAM_HASH,		/* its low 32 bits */
	INK_GRAM_HIGH,		/* what is left of them at the end */
	INK_GRAM_ROW,		/* of the table */
};

/**
 * struct ink_gram - what is known of integers that are computed of tokens
 * @stage: what they are
 * @front: TOKENS: zeros in front
 * @from: TOKENS: first place that is taken
 * @n: TOKENS: places that are taken; ROW: rows of the table
 * @seed: of the hash
 * @size: tokens that will be hashed
 * @back: places before each, of the last token that was
 */
struct ink_gram {
	enum ink_gram_stage stage;
	uint32_t front, from, n;
	uint32_t seed, size, back;
};

/* How far a softmax of the @k greatest of @base's rows has come. */
enum ink_gate_stage {
	INK_GATE_GREATEST,	/* they themselves, in order */
	INK_GATE_LEAST,		/* of them */
	INK_GATE_BELOW,		/* is an element not among them? */
	INK_GATE_AMONG,		/* is it? */
	INK_GATE_SCORES,	/* @base with a very low number for the others */
};

struct ink_gate {
	enum ink_gate_stage stage;
	const struct ink_value *base;
	uint32_t k;
};

/* What rows of padding hold. */
enum ink_filling {
	INK_FILL_ANY,
	INK_FILL_ZERO,
	INK_FILL_LOW,		/* less than any other: the greatest isn't among them */
};

/**
 * struct ink_scores - what is known of scores and their shares
 * @q: operator of the queries; INKLING_NONE: @constant
 * @k: operator of the keys
 * @constant: queries [rows][cols]
 * @rows: of the queries
 * @heads: of the queries
 * @groups: of the keys
 * @scale: factor
 * @masked: what fills up isn't looked at
 * @causal: nor what comes later
 * @window: nor what is so many rows away, 0: is
 */
struct ink_scores {
	uint32_t q, k;
	double *constant;
	uint32_t rows;
	uint32_t heads, groups;
	double scale;
	bool masked;
	bool causal;
	uint32_t window;
};

/**
 * struct ink_value - what an ONNX value is
 * @kind: see there
 * @constant: CONST
 * @op: VIEW
 * @layout: where its elements are; of a MASK, rows are tokens
 * @f: VIEW: function of each element that no operator has been made for yet
 * @filling: VIEW: in rows of padding; SUM of it see @summed
 * @summed: VIEW: it stands for its sum over the tokens, which must be divided by COUNT
 * @token: MASK: for tokens
 * @pad: MASK: for what fills up
 * @stage: STAT
 * @base: STAT: what is normalised
 * @eps: STAT
 * @rms: STAT: the mean wasn't taken off
 * @scores: SCORES, SHARES
 * @gram: GRAM
 * @gate: GATE
 */
struct ink_value {
	enum ink_value_kind kind;
	const struct ink_array *constant;
	uint32_t op;
	struct ink_layout layout;
	struct ink_unary f;
	enum ink_filling filling;
	bool summed;
	double token, pad;
	enum ink_stage stage;
	const struct ink_value *base;
	double eps;
	bool rms;
	struct ink_scores scores;
	struct ink_gram gram;
	struct ink_gate gate;
};

/**
 * struct ink_seq_lowering - a model being lowered
 * @model: itself
 * @net: being made
 * @probe: by value, the result of a run, for shapes and what doesn't depend on tokens
 * @values: by value
 * @pool: of @values
 * @node: at hand
 * @label: of @node
 * @why: set when a node can't be expressed
 */
struct ink_seq_lowering {
	const struct ink_onnx *model;
	struct ink_seq_net *net;
	const struct ink_array **probe;
	struct ink_value **values;
	struct ink_pool pool;
	const struct ink_onnx_node *node;
	char label[128];
	struct ink_diag *why;
};

/* Input @i of the node, or NULL where it isn't given. */
const struct ink_value *ink_seq_in(const struct ink_seq_lowering *l, uint32_t i);
/* The same if it is constant. */
const struct ink_array *ink_seq_const(const struct ink_seq_lowering *l, uint32_t i);
/* Is it one number, or a tensor of equal ones? */
bool ink_seq_scalar(const struct ink_array *a, double *v);
/* Set output @which of the node. */
bool ink_seq_set(struct ink_seq_lowering *l, uint32_t which, const struct ink_value *v);
/* A view of operator @op, whose matrix has the places that @layout says. */
bool ink_seq_set_view(struct ink_seq_lowering *l, uint32_t op, const struct ink_layout *layout,
		      enum ink_filling filling);
const struct ink_value *ink_seq_keep(struct ink_seq_lowering *l, const struct ink_value *v);
/* False, with the node and what its operands are. */
bool ink_seq_refuse(struct ink_seq_lowering *l, const char *hint);
struct ink_seq_op *ink_seq_new_op(struct ink_seq_lowering *l, enum ink_seq_kind kind, uint32_t rows,
				  uint32_t cols, bool seq);

/**
 * ink_seq_matrix() - an operator whose matrix is a view
 * @l: the lowering
 * @v: VIEW
 * @op: set; the view's last dimension are its columns, the others its rows
 *
 * Makes what it takes: functions, choices of columns, transposition.
 */
bool ink_seq_matrix(struct ink_seq_lowering *l, const struct ink_value *v, uint32_t *op);
/* The same with the function only: places stay where @v->layout has them. */
bool ink_seq_whole(struct ink_seq_lowering *l, const struct ink_value *v, uint32_t *op);
/*
 * An operator whose columns are all of the view's pieces but the rows, in order, copies
 * too; *@layout is the view's then.
 */
bool ink_seq_flat(struct ink_seq_lowering *l, const struct ink_value *v, uint32_t *op,
		  struct ink_layout *layout);
/* Ones of a single place stretched to @out, as copies. */
bool ink_seq_stretch(struct ink_layout *l, const struct ink_array *out);
/* Layout of a matrix in the view's shape, its last dimension now @cols wide. */
bool ink_seq_shape_of(const struct ink_value *v, uint32_t cols, struct ink_layout *layout);
/* An operator of columns that @list names. */
bool ink_seq_select(struct ink_seq_lowering *l, uint32_t op, const uint32_t *list, uint32_t n,
		    uint32_t *out);
/* Are two views the same numbers in the same places? */
bool ink_seq_equal(const struct ink_value *a, const struct ink_value *b);
/* The filling after a row-wise operator that makes @zero of zeros. */
enum ink_filling ink_seq_filling(const struct ink_value *v, bool zero);

/* seq_lower_move.c: nodes that move numbers. */
bool ink_seq_lower_move(struct ink_seq_lowering *l);
bool ink_seq_lower_cut(struct ink_seq_lowering *l);
bool ink_seq_lower_gather(struct ink_seq_lowering *l);
bool ink_seq_lower_pad(struct ink_seq_lowering *l);
bool ink_seq_lower_concat(struct ink_seq_lowering *l);

/* seq_lower_hash.c: arithmetic on tokens, zeros in front of them, parts, and the table. */
bool ink_seq_lower_gram(struct ink_seq_lowering *l);
bool ink_seq_lower_gram_front(struct ink_seq_lowering *l);
bool ink_seq_gram_cut(struct ink_seq_lowering *l, const struct ink_onnx_cut *cut, uint32_t which);
bool ink_seq_lower_hashed(struct ink_seq_lowering *l, const struct ink_array *table);

/* seq_lower_gate.c: the greatest of a row, one of them, what is done with it; and a column times x. */
bool ink_seq_lower_topk(struct ink_seq_lowering *l);
bool ink_seq_gate_cut(struct ink_seq_lowering *l, uint32_t from, uint32_t n);
bool ink_seq_lower_gate(struct ink_seq_lowering *l);
/* True with *@done unset: not theirs. */
bool ink_seq_gate_times(struct ink_seq_lowering *l, bool *done);

/* seq_lower_math.c: element by element. */
bool ink_seq_lower_binary(struct ink_seq_lowering *l);
bool ink_seq_lower_unary(struct ink_seq_lowering *l);
bool ink_seq_lower_where(struct ink_seq_lowering *l);
bool ink_seq_lower_compare(struct ink_seq_lowering *l);

/* seq_lower_norm.c: normalisation and what is on the way to it. */
bool ink_seq_lower_layer_norm(struct ink_seq_lowering *l);
bool ink_seq_lower_batch_norm(struct ink_seq_lowering *l);
/* A function of a STAT; a STAT as operand of a Binary. True with *@done unset: not theirs. */
bool ink_seq_stat_unary(struct ink_seq_lowering *l, bool *done);
bool ink_seq_stat_binary(struct ink_seq_lowering *l, bool *done);
bool ink_seq_stat_mean(struct ink_seq_lowering *l, const struct ink_value *v);

/* seq_lower_row.c: products, rows and windows. */
bool ink_seq_lower_product(struct ink_seq_lowering *l);
bool ink_seq_lower_conv(struct ink_seq_lowering *l);
bool ink_seq_lower_pool(struct ink_seq_lowering *l);

/* seq_lower_attention.c */
bool ink_seq_lower_scores(struct ink_seq_lowering *l);
bool ink_seq_lower_softmax(struct ink_seq_lowering *l);
bool ink_seq_lower_attention(struct ink_seq_lowering *l);
/* A SCORES as operand of a Binary or Where. */
bool ink_seq_scores_binary(struct ink_seq_lowering *l, uint32_t which);

/* seq_lower_pool.c: sums, means and greatest over tokens. */
bool ink_seq_lower_reduce(struct ink_seq_lowering *l);
/* A sum over tokens divided by their number. */
bool ink_seq_pool_mean(struct ink_seq_lowering *l, const struct ink_value *sum);

#endif /* INK_SEQ_LOWER_H */
