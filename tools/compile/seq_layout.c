// SPDX-License-Identifier: GPL-2.0-only
/*
 * How an ONNX tensor lies over a matrix.
 *
 * What lives here: see seq_layout.h. What doesn't: anything that looks at a
 * number.
 */
#include <string.h>

#include "seq_layout.h"

size_t ink_extent_size(const struct ink_extent *e)
{
	size_t n = 1;
	uint32_t i;

	for (i = 0; i < e->n; i++)
		n *= e->piece[i].size;
	return n;
}

void ink_layout_dims(const struct ink_layout *l, size_t *dims)
{
	uint32_t d;

	for (d = 0; d < l->rank; d++)
		dims[d] = ink_extent_size(&l->dim[d]);
}

bool ink_extent_add(struct ink_extent *e, enum ink_axis axis, uint32_t size, uint32_t stride)
{
	struct ink_piece *last = e->n ? &e->piece[e->n - 1] : NULL;

	if (size == 1)
		return true;
	/* Pieces that go on where the one before ends are one. */
	if (last && last->axis == axis && last->stride == stride * size) {
		last->size *= size;
		last->stride = stride;
		return true;
	}
	if (e->n == INK_PIECES)
		return false;
	e->piece[e->n++] = (struct ink_piece){ axis, size, stride };
	return true;
}

struct ink_layout ink_layout_matrix(uint32_t rows, uint32_t cols)
{
	struct ink_layout l = { .rank = 3 };

	ink_extent_add(&l.dim[1], INK_AXIS_ROW, rows, 1);
	ink_extent_add(&l.dim[2], INK_AXIS_COL, cols, 1);
	return l;
}

bool ink_layout_reshape(struct ink_layout *l, uint32_t rank, const size_t *dims)
{
	struct ink_layout to = { .rank = rank, .row = l->row, .col = l->col };
	uint32_t d = 0, i = 0, at;

	/* From the outermost piece inwards, each new dimension takes what fills it. */
	for (at = 0; at < rank; at++) {
		size_t need = dims[at];

		while (need > 1) {
			struct ink_piece *p;
			uint32_t inner;

			while (d < l->rank && i >= l->dim[d].n) {
				d++;
				i = 0;
			}
			if (d >= l->rank)
				return false;
			p = &l->dim[d].piece[i];
			if (need % p->size == 0) {
				if (!ink_extent_add(&to.dim[at], p->axis, p->size, p->stride))
					return false;
				need /= p->size;
				i++;
				continue;
			}
			if (p->size % need)
				return false;
			inner = p->size / (uint32_t)need;
			if (!ink_extent_add(&to.dim[at], p->axis, (uint32_t)need, p->stride * inner))
				return false;
			p->size = inner;
			need = 1;
		}
	}
	*l = to;
	return true;
}

void ink_layout_permute(struct ink_layout *l, const uint32_t *perm)
{
	struct ink_layout from = *l;
	uint32_t d;

	for (d = 0; d < l->rank; d++)
		l->dim[d] = from.dim[perm[d]];
}

static void move(struct ink_layout *l, enum ink_axis axis, uint32_t by)
{
	if (axis == INK_AXIS_ROW)
		l->row += by;
	else if (axis == INK_AXIS_COL)
		l->col += by;
}

/* @n places from @from on, @step apart. */
static bool cut_extent(struct ink_layout *l, struct ink_extent *e, uint32_t from, uint32_t step,
		       uint32_t n)
{
	struct ink_piece *p = e->piece;
	uint32_t inner;

	if (!from && step == 1 && n == ink_extent_size(e))
		return true;
	while (e->n > 1) {
		/* A range within one place of the outer pieces is one of the inner ones. */
		inner = (uint32_t)ink_extent_size(e) / p->size;
		if (step == 1 && from % inner == 0 && n % inner == 0 && n > inner) {
			move(l, p->axis, from / inner * p->stride);
			p->size = n / inner;
			return true;
		}
		if (from / inner != (from + (n - 1) * step) / inner)
			return false;
		move(l, p->axis, from / inner * p->stride);
		from %= inner;
		memmove(p, p + 1, --e->n * sizeof(*p));
	}
	if (p->axis == INK_AXIS_KEY)
		return false;
	move(l, p->axis, from * p->stride);
	p->stride *= step;
	p->size = n;
	if (n == 1)
		e->n = 0;
	return true;
}

bool ink_layout_cut(struct ink_layout *l, const struct ink_onnx_cut *cut)
{
	uint32_t d;

	for (d = 0; d < l->rank; d++)
		if (cut->step[d] < 1 ||
		    !cut_extent(l, &l->dim[d], (uint32_t)cut->from[d], (uint32_t)cut->step[d],
				(uint32_t)cut->dims[d]))
			return false;
	return true;
}

bool ink_layout_pick(struct ink_layout *l, uint32_t dim, size_t place)
{
	if (!cut_extent(l, &l->dim[dim], (uint32_t)place, 1, 1))
		return false;
	memmove(&l->dim[dim], &l->dim[dim + 1], (--l->rank - dim) * sizeof(l->dim[0]));
	return true;
}

bool ink_layout_same(const struct ink_layout *a, const struct ink_layout *b)
{
	uint32_t d, i;

	if (a->rank != b->rank || a->row != b->row || a->col != b->col)
		return false;
	for (d = 0; d < a->rank; d++) {
		if (a->dim[d].n != b->dim[d].n)
			return false;
		for (i = 0; i < a->dim[d].n; i++) {
			const struct ink_piece *p = &a->dim[d].piece[i], *q = &b->dim[d].piece[i];

			if (p->axis != q->axis || p->size != q->size || p->stride != q->stride)
				return false;
		}
	}
	return true;
}

bool ink_extent_is(const struct ink_extent *e, enum ink_axis axis)
{
	uint32_t i;

	for (i = 0; i < e->n; i++)
		if (e->piece[i].axis != axis)
			return false;
	return true;
}

bool ink_layout_has(const struct ink_layout *l, enum ink_axis axis, uint32_t but)
{
	uint32_t d, i;

	for (d = 0; d < l->rank; d++)
		for (i = 0; d != but && i < l->dim[d].n; i++)
			if (l->dim[d].piece[i].axis == axis)
				return true;
	return false;
}

void ink_extent_list(const struct ink_extent *e, uint32_t from, uint32_t *list)
{
	size_t n = ink_extent_size(e), i, rest;
	uint32_t k;

	for (i = 0; i < n; i++) {
		list[i] = from;
		for (k = e->n, rest = i; k-- > 0; rest /= e->piece[k].size)
			list[i] += (uint32_t)(rest % e->piece[k].size) * e->piece[k].stride;
	}
}
