/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network of sequence operators, in real numbers.
 *
 * What lives here: a graph of operators on matrices whose rows are tokens; what
 * net.h is for networks of vectors. It is made by seq_lower.c, simplified by
 * seq_fold.c, evaluated by seq_float.c, and turned into integers by
 * seq_quant.c. What doesn't: integers.
 */
#ifndef INK_SEQ_NET_H
#define INK_SEQ_NET_H

#include <linux/inkling_format.h>

#include "net.h"
#include "onnx_float.h"
#include "unary.h"

enum ink_seq_kind {
	INK_SEQ_DEAD,		/* nothing reads it any more */
	INK_SEQ_TOKENS,		/* the input */
	INK_SEQ_EMBED,		/* row t of @w, plus row i of @b at position i if there is one */
	INK_SEQ_HASHEMBED,	/* row of @w by a hash of tokens, plus a second input if there is one */
	INK_SEQ_POSITION,	/* x plus row i of @b */
	INK_SEQ_FACTOR,		/* x times row i of @b */
	INK_SEQ_AFFINE,		/* x s + b in each column */
	INK_SEQ_LINEAR,		/* clamp(w x + b), plus a second input if there is one */
	INK_SEQ_UNARY,		/* f(x) */
	INK_SEQ_NORM,		/* rows normalised, times s, plus b */
	INK_SEQ_ADD,		/* ca x + cb y */
	INK_SEQ_MUL,		/* x y */
	INK_SEQ_ATTENTION,	/* q, k, v; a constant q is @w, and there are only k, v */
	INK_SEQ_POOL,		/* one row of all */
	INK_SEQ_TRANSPOSE,
	INK_SEQ_UNFOLD,		/* windows of rows side by side */
	INK_SEQ_MAXOUT,		/* greatest of groups of columns */
	INK_SEQ_GATE,		/* softmax of the @k greatest of each row, 0 for the others */
	INK_SEQ_SCALE,		/* x times column @k of a GATE, plus a third input if there is one */
	INK_SEQ_SHIFT,		/* rows @by places later */
	INK_SEQ_SOFTMAX,	/* of one row, as the output */
};

/**
 * struct ink_seq_window - of an UNFOLD, as the engine's
 * @width: of the picture; 0: a line as long as the call
 * @kh: rows of the window
 * @kw: columns of the window
 * @stride: in both directions
 * @ph: padding above and below
 * @pw: padding at both sides
 */
struct ink_seq_window {
	uint32_t width, kh, kw, stride, ph, pw;
};

/**
 * struct ink_seq_op - an operator and the matrix that it makes
 * @kind: what it does
 * @label: node that it comes from, for messages
 * @n_in: number of inputs
 * @in: operators whose matrices it reads
 * @rows: of its matrix, at most, where @seq is set
 * @cols: of its matrix
 * @seq: it has a row for each token of the call
 * @w: LINEAR: [cols][cols of the input]; EMBED, HASHEMBED: [words][cols]; ATTENTION:
 *	constant queries [rows][cols]
 * @s: AFFINE, NORM: [cols]
 * @b: AFFINE, NORM, LINEAR: [cols]; POSITION, FACTOR, EMBED: [rows][cols]; may be
 *	NULL for LINEAR and EMBED
 * @words: EMBED, HASHEMBED: rows of @w
 * @gram: HASHEMBED: tokens that are hashed
 * @seed: HASHEMBED: of the hash
 * @lo: LINEAR: clamp, may be infinite
 * @hi: likewise
 * @f: UNARY
 * @mode: NORM: enum inkling_norm; POOL: enum inkling_pool
 * @heads: ATTENTION: of the queries
 * @groups: ATTENTION: of keys and values
 * @causal: ATTENTION: no later rows are seen
 * @window: ATTENTION: rows at both sides that are seen, 0: all
 * @scale: ATTENTION: of the scores
 * @eps: NORM
 * @ca: ADD
 * @cb: ADD
 * @unfold: UNFOLD
 * @k: GATE, SCALE
 * @by: SHIFT
 */
struct ink_seq_op {
	enum ink_seq_kind kind;
	char label[96];
	uint32_t n_in;
	uint32_t in[3];
	uint32_t rows, cols;
	bool seq;
	double *w, *s, *b;
	uint32_t words, gram, seed;
	double lo, hi;
	struct ink_unary f;
	int mode;
	uint32_t heads, groups;
	bool causal;
	uint32_t window;
	double scale, eps, ca, cb;
	struct ink_seq_window unfold;
	uint32_t k;
	int32_t by;
};

/**
 * struct ink_seq_net - a network
 * @pool: its memory
 * @ops: after ink_seq_sort() in the order of execution
 * @n_ops: their number
 * @room: entries allocated
 * @output: operator whose matrix is the result
 * @tokens: most tokens of a call
 * @fixed: the model only takes @tokens of them
 * @head_added: it ends in a softmax that the model doesn't have
 * @padded: the model has a mask: token @pad is as if it weren't there
 * @pad: token that only fills up, where @padded; what the model doesn't know counts
 *	as this token, or as 0
 */
struct ink_seq_net {
	struct ink_pool pool;
	struct ink_seq_op *ops;
	uint32_t n_ops;
	uint32_t room;
	uint32_t output;
	uint32_t tokens;
	bool fixed;
	bool head_added;
	bool padded;
	uint32_t pad;
};

struct ink_seq_net *ink_seq_new(uint32_t tokens, struct ink_diag *why);
void ink_seq_free(struct ink_seq_net *net);

/* A new operator with zeroed fields; NULL with @why set. Pointers to others may move. */
struct ink_seq_op *ink_seq_add(struct ink_seq_net *net, enum ink_seq_kind kind, uint32_t rows,
			       uint32_t cols, bool seq, const char *label, struct ink_diag *why);
double *ink_seq_numbers(struct ink_seq_net *net, size_t n, struct ink_diag *why);

/* Drop what the output doesn't need and put the rest in the order of execution. */
bool ink_seq_sort(struct ink_seq_net *net, struct ink_diag *why);

/**
 * ink_seq_lower() - make a network of an ONNX model
 * @model: read, of tokens
 * @tokens: most tokens of a call
 * @why: names the node that can't be expressed
 */
struct ink_seq_net *ink_seq_lower(const struct ink_onnx *model, uint32_t tokens,
				  struct ink_diag *why);

/**
 * ink_seq_fold() - simplify a network and give it the head that is wanted
 * @net: lowered
 * @wish: what the output should be
 * @why: names the node that stands in the way
 *
 * Afterwards there is neither AFFINE nor POSITION behind an EMBED, and sums are
 * second inputs of LINEAR where that can be.
 */
bool ink_seq_fold(struct ink_seq_net *net, enum ink_head_wish wish, struct ink_diag *why);

/**
 * ink_seq_eval() - evaluate a network in doubles
 * @net: sorted
 * @tokens: of a call, what fills up left out
 * @n: their number
 * @pool: the matrices are allocated from
 * @values: net->n_ops pointers, set to [rows][cols]
 * @why: set when memory is short
 */
bool ink_seq_eval(const struct ink_seq_net *net, const uint16_t *tokens, uint32_t n,
		  struct ink_pool *pool, double **values, struct ink_diag *why);

/* Rows that an operator's matrix has when a call has @n tokens. */
static inline uint32_t ink_seq_rows(const struct ink_seq_op *op, uint32_t n)
{
	return op->seq ? n : op->rows;
}

#endif /* INK_SEQ_NET_H */
