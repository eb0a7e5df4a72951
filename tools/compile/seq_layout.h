/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How an ONNX tensor lies over a matrix.
 *
 * What lives here: reshaping, transposing and cutting as arithmetic on sizes
 * and strides, so that heads, batches of one and the like need no operator.
 * What doesn't: what the matrix is (seq_lower.h).
 */
#ifndef INK_SEQ_LAYOUT_H
#define INK_SEQ_LAYOUT_H

#include "onnx_seq.h"

/* What a piece of a dimension runs over. */
enum ink_axis {
	INK_AXIS_ROW,	/* of the matrix */
	INK_AXIS_COL,
	INK_AXIS_KEY,	/* of scores: the row that is looked at */
	INK_AXIS_SAME,	/* nothing: a copy at each place */
};

/* A piece of a dimension: @size places, @stride apart along the axis. */
struct ink_piece {
	enum ink_axis axis;
	uint32_t size, stride;
};

#define INK_PIECES	4

/* A dimension: pieces, the last one running fastest; none: one place. */
struct ink_extent {
	uint32_t n;
	struct ink_piece piece[INK_PIECES];
};

/**
 * struct ink_layout - places of a tensor's elements in a matrix
 * @rank: dimensions
 * @dim: the tensor's dimensions
 * @row: of the first element
 * @col: of the first element
 */
struct ink_layout {
	uint32_t rank;
	struct ink_extent dim[INK_ONNX_MAX_RANK];
	uint32_t row, col;
};

size_t ink_extent_size(const struct ink_extent *e);
void ink_layout_dims(const struct ink_layout *l, size_t *dims);
/* Append a piece; one of a single place is left out. */
bool ink_extent_add(struct ink_extent *e, enum ink_axis axis, uint32_t size, uint32_t stride);

/* [1][rows][cols] */
struct ink_layout ink_layout_matrix(uint32_t rows, uint32_t cols);

/* False where a piece would have to be cut in a way that has no meaning. */
bool ink_layout_reshape(struct ink_layout *l, uint32_t rank, const size_t *dims);
void ink_layout_permute(struct ink_layout *l, const uint32_t *perm);
bool ink_layout_cut(struct ink_layout *l, const struct ink_onnx_cut *cut);
/* One place of a dimension, which goes away. */
bool ink_layout_pick(struct ink_layout *l, uint32_t dim, size_t place);

bool ink_layout_same(const struct ink_layout *a, const struct ink_layout *b);

/* Has the dimension nothing but pieces of @axis? One of a single place has. */
bool ink_extent_is(const struct ink_extent *e, enum ink_axis axis);
/* Does any dimension but @but have a piece of @axis? */
bool ink_layout_has(const struct ink_layout *l, enum ink_axis axis, uint32_t but);

/* Columns (or rows) that a dimension of such pieces runs over, in order: [ink_extent_size()]. */
void ink_extent_list(const struct ink_extent *e, uint32_t from, uint32_t *list);

#endif /* INK_SEQ_LAYOUT_H */
