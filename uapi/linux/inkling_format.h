/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The .ink model image, format version 1.
 *
 * What lives here: the bytes of an image as they lie in a file and as they are
 * sent to the kernel. What doesn't: how they are checked (kmod/core/verify.c)
 * and what each operator computes (Documentation/numerics.rst).
 *
 * All numbers are little-endian; a big-endian build refuses. An image has one
 * canonical layout: the header, then the sections in the order of
 * enum inkling_section_id, each starting at the next multiple of 64 after the
 * end of the one before, padded with zeros, the last ending with the file.
 * Reserved fields and unused attributes are zero, unused tensor references are
 * INKLING_NONE, strings are NUL-terminated and zero-padded. Anything else is
 * refused.
 */
#ifndef _UAPI_LINUX_INKLING_FORMAT_H
#define _UAPI_LINUX_INKLING_FORMAT_H

#include <linux/types.h>

#define INKLING_MAGIC		"INKLING"	/* eight bytes with the NUL */
#define INKLING_FORMAT_VERSION	1
#define INKLING_ALIGN		64
#define INKLING_NONE		0xffffffffU	/* no tensor */
#define INKLING_DIGEST_SIZE	32		/* SHA-256 */

/* Limits of this version; the verifier refuses what is above. */
#define INKLING_MAX_IMAGE	(16u << 20)	/* bytes */
#define INKLING_MAX_TENSORS	65535u
#define INKLING_MAX_OPS		4096u
#define INKLING_MAX_FEATURES	1024u
#define INKLING_MAX_NAMES	4096u
#define INKLING_MAX_CLASSES	16u
#define INKLING_MAX_ELEMENTS	(16u << 20)	/* of one tensor */
#define INKLING_MAX_RANK	4
#define INKLING_MAX_INPUTS	6
#define INKLING_MAX_OUTPUTS	2
#define INKLING_MAX_ATTRS	8
#define INKLING_MAX_TOKENS	4096u		/* of one call */
#define INKLING_MAX_CONTEXT	4096u		/* tokens that states hold */

/*
 * inkling_header.must: the image has INKLING_TENSOR_SEQ or INKLING_TENSOR_STATE
 * tensors or operators from INKLING_OP_EMBED on. Set if and only if it has.
 */
#define INKLING_MUST_SEQUENCE	(1ull << 0)

/**
 * enum inkling_section_id - the sections, in the order in which they lie
 * @INKLING_SEC_CARD: one struct inkling_card
 * @INKLING_SEC_FEATURES: array of struct inkling_feature, one for each raw input
 * @INKLING_SEC_NAMES: array of struct inkling_name, the categories of features
 * @INKLING_SEC_TENSORS: array of struct inkling_tensor
 * @INKLING_SEC_OPS: array of struct inkling_op in the order of execution
 * @INKLING_SEC_DATA: constant tensors, each starting at a multiple of 64
 * @INKLING_SEC_NR: sections that this version uses
 * @INKLING_SEC_MAX: sections that the header has room for
 */
enum inkling_section_id {
	INKLING_SEC_CARD,
	INKLING_SEC_FEATURES,
	INKLING_SEC_NAMES,
	INKLING_SEC_TENSORS,
	INKLING_SEC_OPS,
	INKLING_SEC_DATA,
	INKLING_SEC_NR,
	INKLING_SEC_MAX = 8,
};

/**
 * struct inkling_section - where a section lies
 * @offset: from the start of the file, a multiple of 64
 * @size: in bytes, without the padding that follows
 */
struct inkling_section {
	__u64 offset;
	__u64 size;
};

/**
 * enum inkling_head - how a verdict is read off the output tensor
 * @INKLING_HEAD_RAW: it isn't; callers get the output as it is
 * @INKLING_HEAD_CLASSES: output is a SOFTMAX, int16 Q15, one for each class;
 *	class 0 is the harmless one; score = 32768 - p[0], 1..32768
 * @INKLING_HEAD_ANOMALY: output is a DIST or an NLL, one int32; score = that
 *	number; two classes, 0 normal and 1 anomalous
 */
enum inkling_head {
	INKLING_HEAD_RAW,
	INKLING_HEAD_CLASSES,
	INKLING_HEAD_ANOMALY,
};

/**
 * struct inkling_header - the first 256 bytes
 * @magic: INKLING_MAGIC with its NUL
 * @version: INKLING_FORMAT_VERSION
 * @header_size: 256
 * @file_size: of the whole image in bytes
 * @must: feature bits that a reader has to know to read the image: INKLING_MUST_*
 * @may: feature bits that a reader may ignore
 * @digest: SHA-256 of the whole file with this field zero: the model's name
 * @schema: first eight bytes, little-endian, of the SHA-256 of the FEATURES
 *	section followed by the NAMES section
 * @n_features: entries of FEATURES; 0 when the input isn't made of features
 * @n_names: entries of NAMES
 * @n_tensors: entries of TENSORS
 * @n_ops: entries of OPS
 * @n_classes: class names in the card that are in use
 * @input: tensor that a caller writes
 * @output: tensor that a caller reads
 * @head: enum inkling_head
 * @threshold: score from which on an input isn't class 0; the slot can change it
 * @reserved: zero
 * @section: by enum inkling_section_id; unused ones are zero
 */
struct inkling_header {
	__u8 magic[8];
	__u32 version;
	__u32 header_size;
	__u64 file_size;
	__u64 must;
	__u64 may;
	__u8 digest[INKLING_DIGEST_SIZE];
	__u64 schema;
	__u32 n_features;
	__u32 n_names;
	__u32 n_tensors;
	__u32 n_ops;
	__u32 n_classes;
	__u32 input;
	__u32 output;
	__u32 head;
	__s32 threshold;
	__u32 reserved[3];
	struct inkling_section section[INKLING_SEC_MAX];
};

/**
 * struct inkling_card - the model card, for people
 * @name: short name, such as "nsl-kdd"
 * @version: such as "1.0"
 * @license: SPDX expression
 * @description: what the model tells apart, and what it isn't for
 * @training: data set, split, seed
 * @accuracy: as measured, with the split
 * @classes: names of the classes, the harmless one first
 * @reserved: zero
 */
struct inkling_card {
	char name[64];
	char version[32];
	char license[64];
	char description[256];
	char training[512];
	char accuracy[256];
	char classes[INKLING_MAX_CLASSES][32];
	__u8 reserved[96];
};

enum inkling_feature_kind {
	INKLING_FEATURE_NUMBER,		/* raw = value * 10^decimals */
	INKLING_FEATURE_CATEGORY,	/* raw = index of the name; others: unknown */
};

/**
 * struct inkling_feature - one raw input, a signed 32-bit integer
 * @name: column name
 * @kind: enum inkling_feature_kind
 * @decimals: 0..9, digits after the point that the raw integer carries
 * @reserved0: zero
 * @first_name: first entry in NAMES, 0 for numbers
 * @n_names: number of entries, 0 for numbers
 * @reserved: zero
 */
struct inkling_feature {
	char name[40];
	__u8 kind;
	__u8 decimals;
	__u16 reserved0;
	__u32 first_name;
	__u32 n_names;
	__u32 reserved[3];
};

struct inkling_name {
	char name[32];
};

/*
 * UINT8 and UINT16 are tokens, of a sequence input only. INT4 and block scales
 * have numbers already; this version refuses them.
 */
enum inkling_dtype {
	INKLING_INT8 = 1,
	INKLING_INT16,
	INKLING_INT32,
	INKLING_UINT8,
	INKLING_INT4,
	INKLING_UINT16,
};

enum inkling_tensor_kind {
	INKLING_TENSOR_ACTIVATION,	/* made by an op, lives in the arena */
	INKLING_TENSOR_INPUT,		/* made by the caller */
	INKLING_TENSOR_CONST,		/* bytes in DATA */
	INKLING_TENSOR_STATE,		/* kept by a session from call to call */
};

/*
 * The tensor's first dimension is the most rows that it can have; a call says
 * how many there are, one for each of its tokens.
 */
#define INKLING_TENSOR_SEQ	(1u << 0)

/**
 * struct inkling_sequence - head of a sequence input, as callers write it
 * @n: tokens that follow, 1 to the input tensor's dimension
 *
 * Then all elements of the tensor, of which the first @n are read.
 */
struct inkling_sequence {
	__u32 n;
};

/**
 * struct inkling_tensor - shape and type of a tensor
 * @dtype: enum inkling_dtype
 * @rank: 1..4
 * @kind: enum inkling_tensor_kind
 * @flags: INKLING_TENSOR_SEQ
 * @dims: @rank numbers >= 1, outermost first, then zeros
 * @scale: real value of one step as the bits of an IEEE 754 binary32, for
 *	people and tools; the engine never reads it
 * @zero_point: integer that stands for the real value zero; likewise
 * @data_offset: of a constant, from the start of DATA, a multiple of 64
 * @data_size: of a constant, in bytes
 * @block: elements for each scale, 0: one scale; refused otherwise for now
 * @reserved: zero
 */
struct inkling_tensor {
	__u8 dtype;
	__u8 rank;
	__u8 kind;
	__u8 flags;
	__u32 dims[INKLING_MAX_RANK];
	__u32 scale;
	__s32 zero_point;
	__u32 block;
	__u64 data_offset;
	__u64 data_size;
	__u32 reserved[4];
};

/**
 * enum inkling_opcode - the operators
 * @INKLING_OP_QUANT: raw features to int8.
 *	in: int32 [F]; const int32 [E][8], rows of struct inkling_quant_row.
 *	out: int8 [W], W the sum of the rows' widths.
 * @INKLING_OP_DENSE: matrix times vector, bias, requantisation, activation.
 *	in: int8 [N]; const int8 [M][N] weights; const int32 [M] biases with the
 *	input's zero point folded in; const int32 [M] multipliers 0..2^31-1;
 *	const int8 [M] shifts 1..62; const int8 [256] table or NONE.
 *	out: int8, int16 or int32 [M] (int8 with a table).
 *	attr: zero point, lowest, highest.
 * @INKLING_OP_LUT: y = table[x + 128].
 *	in: int8 [n]; const int8 [256]. out: int8 [n].
 * @INKLING_OP_ADD: y = clamp(zp + round(((a - za) ma + (b - zb) mb) / 2^shift)).
 *	in: a, b int8 or int16 [n], either may be const. out: int8, int16 or
 *	int32 [n]. attr: za, zb, ma, mb, shift, zp, lowest, highest.
 * @INKLING_OP_MUL: y = clamp(zp + round((a - za)(b - zb) m / 2^shift)).
 *	as ADD; attr: za, zb, m, 0, shift, zp, lowest, highest.
 * @INKLING_OP_CONCAT: the inputs one after the other.
 *	in: 2..6 tensors of one dtype. out: the same dtype, the sum of elements.
 * @INKLING_OP_SOFTMAX: in: int8, int16 or int32 [n]; out: int16 [n], Q15.
 *	attr: multiplier, shift, so that (x * multiplier) >> shift is the logit
 *	in units of 2^-16 octaves (log2 e times the natural logit).
 * @INKLING_OP_ARGMAX: in: int8, int16 or int32 [n];
 *	out: int32 [2]: index of the (first) greatest, its lead over the next.
 * @INKLING_OP_DIST: y = min(round(sum(((a - za) - (b - zb))^2 m / 2^shift),
 *	2^31 - 1). in: a, b int8 or int16 [n]. out: int32 [1].
 *	attr: za, zb, m, shift.
 *
 * Those that follow work on matrices of int16 whose rows are tokens. R is the
 * number of rows, that of the call for a SEQ tensor; outputs are SEQ if the
 * first input is, but for POOL, and for TRANSPOSE as its attribute says. T is the
 * most tokens of a call, C what the states hold (T without states), and p the
 * number of tokens that they hold before the call.
 *
 * @INKLING_OP_EMBED: y[i] = clamp(round(table[x[i]] mult / 2^shift) + position[p + i]).
 *	in: tokens [T]; const int8 [V][D]; const int32 [V] multipliers 0..2^31-1;
 *	const int8 [V] shifts 1..62; const int16 [>= C][D] or NONE.
 *	out: int16 [T][D]. attr: token for those not below V, lowest, highest.
 * @INKLING_OP_HASHEMBED: y[i] = clamp(round(table[h] m / 2^shift) + a[i]), h a
 *	hash of tokens i - g + 1 .. i. Not with states.
 *	in: tokens [T]; const int8 [B][D], B a power of two; int16 [T][D] or NONE.
 *	out: int16 [T][D]. attr: g 1..8, seed, m, shift, lowest, highest.
 * @INKLING_OP_NORM: y = clamp(round(n gamma / 2^shift) + beta), n the row
 *	divided by its root mean square times sqrt(D) (kind 0), or by its
 *	standard deviation after its mean was taken off (kind 1), in Q24.
 *	in: int16 [R][D], D <= 4096; const int16 [D]; const int32 [D] or NONE.
 *	out: int16 [R][D]. attr: kind, e, s (e 2^s is added to the sum of squares;
 *	e 1..2^31-1, s 0..30), shift 1..46, lowest, highest.
 * @INKLING_OP_LINEAR: y = clamp(round((bias + w x) mult / 2^shift) + a).
 *	in: int16 [R][N]; const int8 [M][N]; const int32 [M]; const int32 [M]
 *	multipliers 0..2^31-1; const int8 [M] shifts 1..62; [R][M] of the output's
 *	type or NONE. out: int16 or int32 [R][M]. attr: lowest, highest.
 * @INKLING_OP_CURVE: a function by linear interpolation.
 *	in: int16 [R][D]; const int16 [1025]. out: int16 [R][D].
 * @INKLING_OP_ROPE: pairs of neighbours are turned by an angle that grows with p + i.
 *	in: int16 [R][heads * d]; const int16 [>= C][d / 2][2], cosine and sine
 *	in Q14. SEQ only. out: int16 [R][heads * d]. attr: heads, lowest, highest.
 * @INKLING_OP_ATTENTION: softmax(q k^T) v, by heads.
 *	in: q int16 [R][H d], which may be constant; k, v int16 [S][G d]; or with
 *	states int16 [C][G d] for k and for v, which keep them.
 *	out: int16 [R][H d], SEQ if q is. attr: H, G (divides H), causal 0 or 1,
 *	window (0: none), multiplier 0..2^31-1 and shift 0..62, so that (s *
 *	multiplier) >> shift are octaves in Q15.
 * @INKLING_OP_POOL: one row of all. in: int16 [R][D]. out: int16 [1][D].
 *	attr: enum inkling_pool.
 * @INKLING_OP_TRANSPOSE: in: int16 [R][D]. out: int16 [D][T], zero for rows that
 *	aren't there; or SEQ [T][D'] of [D'][T] with attr 1.
 * @INKLING_OP_SHIFT: columns of other rows: y[i][j] = x[i - by][j], zero where
 *	there is none, for first <= j < end, else x[i][j]. Not with states.
 *	in, out: int16 [R][D]. attr: by, first, end.
 * @INKLING_OP_UNFOLD: a window's rows side by side, for convolutions.
 *	in: int16 [H W][D], or SEQ with W = 0: one line as long as the call.
 *	out: int16 [H' W'][kh kw D], H' = (H + 2 ph - kh) / stride + 1; of a SEQ
 *	[R][kw D], row i from x[i - pw] on. attr: W, kh, kw, stride, ph, pw.
 * @INKLING_OP_MAXOUT: y[j] = the greatest of x[k D + j]. in: int16 [R][K D];
 *	out: int16 [R][D].
 * @INKLING_OP_GATE: softmax of the greatest K of each row, zero for the others.
 *	in: int16 [R][E]; out: int16 [R][E], Q15. attr: K, multiplier, shift as
 *	ATTENTION.
 * @INKLING_OP_SCALE: y[i] = clamp(round(x[i] g[i][e] / 2^15) + a[i]).
 *	in: int16 [R][D]; int16 [R][E]; int16 [R][D] or NONE. out: int16 [R][D].
 *	attr: e.
 * @INKLING_OP_NLL: mean of -log2 p(token i + 1 | row i), in Q16.
 *	in: int16 or int32 [T][V]; tokens [T]. out: int32 [1].
 *	attr: multiplier, shift as SOFTMAX.
 * @INKLING_OP_NR: one more than the last.
 */
enum inkling_opcode {
	INKLING_OP_QUANT = 1,
	INKLING_OP_DENSE,
	INKLING_OP_LUT,
	INKLING_OP_ADD,
	INKLING_OP_MUL,
	INKLING_OP_CONCAT,
	INKLING_OP_SOFTMAX,
	INKLING_OP_ARGMAX,
	INKLING_OP_DIST,
	INKLING_OP_EMBED,
	INKLING_OP_HASHEMBED,
	INKLING_OP_NORM,
	INKLING_OP_LINEAR,
	INKLING_OP_CURVE,
	INKLING_OP_ROPE,
	INKLING_OP_ATTENTION,
	INKLING_OP_POOL,
	INKLING_OP_TRANSPOSE,
	INKLING_OP_SHIFT,
	INKLING_OP_UNFOLD,
	INKLING_OP_MAXOUT,
	INKLING_OP_GATE,
	INKLING_OP_SCALE,
	INKLING_OP_NLL,
	INKLING_OP_NR,
};

enum inkling_pool {
	INKLING_POOL_MEAN,
	INKLING_POOL_MAX,
	INKLING_POOL_FIRST,
	INKLING_POOL_LAST,
};

enum inkling_norm {
	INKLING_NORM_RMS,
	INKLING_NORM_LAYER,
};

#define INKLING_CURVE_POINTS	1025

/* Of HASHEMBED. Products are below 2^52, so that real numbers compute the same. */
#define INKLING_HASH_FACTOR	648053u
#define INKLING_HASH_SHIFT	15

/**
 * struct inkling_op - one operator
 * @opcode: enum inkling_opcode
 * @version: of the operator, 1
 * @flags: zero; unknown flags are refused
 * @in: tensors it reads, then INKLING_NONE
 * @out: tensors it makes, then INKLING_NONE
 * @attr: as the operator says, then zeros
 * @reserved: zero
 */
struct inkling_op {
	__u16 opcode;
	__u16 version;
	__u32 flags;
	__u32 in[INKLING_MAX_INPUTS];
	__u32 out[INKLING_MAX_OUTPUTS];
	__s32 attr[INKLING_MAX_ATTRS];
	__u32 reserved[6];
};

enum inkling_quant_kind {
	INKLING_QUANT_LINEAR = 1,
	INKLING_QUANT_LOG2,
	INKLING_QUANT_ONEHOT,
};

/**
 * struct inkling_quant_row - how one raw feature becomes int8
 * @kind: enum inkling_quant_kind
 * @feature: index of the raw feature
 * @lo: lowest raw value; what is below is clamped (ONEHOT: is unknown)
 * @hi: highest raw value, >= @lo
 * @mult: 0..2^31-1; ONEHOT: the int8 of the category that is there
 * @shift: 1..62; ONEHOT: 0
 * @zero: int8 that stands for @lo; ONEHOT: the int8 of the others
 * @width: outputs made, 1; ONEHOT: @hi - @lo + 1
 *
 * With u = clamp(raw, lo, hi) - lo: LINEAR gives
 * clamp8(zero + round(u * mult / 2^shift)), LOG2 the same of the 16.16
 * piecewise linear logarithm of u + 1.
 */
struct inkling_quant_row {
	__s32 kind;
	__s32 feature;
	__s32 lo;
	__s32 hi;
	__s32 mult;
	__s32 shift;
	__s32 zero;
	__s32 width;
};

#endif /* _UAPI_LINUX_INKLING_FORMAT_H */
