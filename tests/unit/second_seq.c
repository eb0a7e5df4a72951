// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operators on sequences, a second opinion.
 *
 * What lives here: each operator written once more from the format's text, in the
 * plainest way and with 128-bit integers. What doesn't: the comparison with the
 * engine's (test_ops_seq.c).
 */
#include <assert.h>
#include <math.h>

#include "exp2_ref.h"
#include "second_seq.h"

static wide floor_div(wide a, wide b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* x / 2^shift to the nearest, halves upwards. */
static wide nearest(wide x, s32 shift)
{
	return floor_div(2 * x + ((wide)1 << shift), (wide)2 << shift);
}

static s32 limit(wide x, const s32 *ends)
{
	return x < ends[0] ? ends[0] : x > ends[1] ? ends[1] : (s32)x;
}

static const s32 all16[2] = { -32768, 32767 };

static s32 at(const struct second_arg *a, u32 row, u32 col)
{
	size_t i = (size_t)row * a->t->cols + col;

	switch (a->t->dtype) {
	case INKLING_INT8:
		return ((const s8 *)a->p)[i];
	case INKLING_UINT8:
		return ((const u8 *)a->p)[i];
	case INKLING_INT16:
		return ((const s16 *)a->p)[i];
	case INKLING_UINT16:
		return ((const u16 *)a->p)[i];
	default:
		return ((const s32 *)a->p)[i];
	}
}

/* Element @i of a constant, whatever its shape. */
static s32 nth(const struct second_arg *a, u32 i)
{
	return at(a, i / a->t->cols, i % a->t->cols);
}

static s32 *out(const struct second *c, u32 row, u32 col)
{
	return &c->y[(size_t)row * c->cols + col];
}

static void ref_embed(const struct second *c)
{
	u32 i, j;

	for (i = 0; i < c->rows; i++) {
		u32 t = (u32)at(&c->in[0], 0, i);

		if (t >= c->in[1].t->rows)
			t = (u32)c->op->attr[0];
		for (j = 0; j < c->cols; j++) {
			wide v = nearest((wide)at(&c->in[1], t, j) * nth(&c->in[2], t), nth(&c->in[3], t));

			if (c->in[4].t)
				v += at(&c->in[4], c->before + i, j);
			*out(c, i, j) = limit(v, c->op->attr + 1);
		}
	}
}

static void ref_hashembed(const struct second *c)
{
	const s32 *attr = c->op->attr;
	u32 i, j;
	s32 k;

	for (i = 0; i < c->rows; i++) {
		u64 h = (u32)attr[1];

		/* The oldest token first; 1 is added, so that none is unlike token 0. */
		for (k = (s32)i - attr[0] + 1; k <= (s32)i; k++)
			h = ((h + (k < 0 ? 0 : (u64)at(&c->in[0], 0, (u32)k) + 1)) * 648053) % (1ull << 32);
		h = h / 32768 % c->in[1].t->rows;
		for (j = 0; j < c->cols; j++) {
			wide v = nearest((wide)at(&c->in[1], (u32)h, j) * attr[2], attr[3]);

			*out(c, i, j) = limit(v + (c->in[2].t ? at(&c->in[2], i, j) : 0), attr + 4);
		}
	}
}

static u64 root(wide v)
{
	u64 r = 0, bit;

	for (bit = 1ull << 40; bit; bit /= 2)
		if ((wide)(r + bit) * (r + bit) <= v)
			r += bit;
	return r;
}

static void norm_row(const struct second *c, u32 i)
{
	const s32 *attr = c->op->attr;
	bool layer = attr[0] == INKLING_NORM_LAYER;
	wide sum = 0, squares = 0, v, n, mult;
	u32 j, up = 0, d = c->cols;

	for (j = 0; j < d; j++) {
		sum += at(&c->in[0], i, j);
		squares += (wide)at(&c->in[0], i, j) * at(&c->in[0], i, j);
	}
	v = (layer ? d * squares - sum * sum : squares) + ((wide)attr[1] << attr[2]);
	/* Times 4 until it is above 2^62; then 2^62 over the root. */
	while (v < (wide)1 << 62) {
		v *= 4;
		up++;
	}
	mult = ((wide)1 << 62) / root(v);
	if (mult > S32_MAX)
		mult = S32_MAX;
	for (j = 0; j < d; j++) {
		n = layer ? (wide)d * at(&c->in[0], i, j) - sum : at(&c->in[0], i, j);
		n = nearest(n * mult, 38 - (s32)up);
		n = nearest(n * nth(&c->in[1], j), attr[3]);
		*out(c, i, j) = limit(n + (c->in[2].t ? nth(&c->in[2], j) : 0), attr + 4);
	}
}

static void ref_norm(const struct second *c)
{
	u32 i;

	for (i = 0; i < c->rows; i++)
		norm_row(c, i);
}

static void ref_linear(const struct second *c)
{
	u32 i, j, k;

	for (i = 0; i < c->rows; i++)
		for (j = 0; j < c->cols; j++) {
			wide acc = nth(&c->in[2], j);

			for (k = 0; k < c->in[0].t->cols; k++)
				acc += (wide)at(&c->in[1], j, k) * at(&c->in[0], i, k);
			acc = nearest(acc * nth(&c->in[3], j), nth(&c->in[4], j));
			if (c->in[5].t)
				acc += at(&c->in[5], i, j);
			*out(c, i, j) = limit(acc, c->op->attr);
		}
}

static void ref_curve(const struct second *c)
{
	u32 i, j;

	for (i = 0; i < c->rows; i++)
		for (j = 0; j < c->cols; j++) {
			s32 x = at(&c->in[0], i, j), k = (s32)floor_div(x, 64), f = x - 64 * k;
			s32 a = nth(&c->in[1], (u32)(k + 512)), b = nth(&c->in[1], (u32)(k + 513));

			*out(c, i, j) = (s32)nearest((wide)64 * a + (wide)(b - a) * f, 6);
		}
}

static void ref_rope(const struct second *c)
{
	u32 d = c->cols / (u32)c->op->attr[0], i, j;

	for (i = 0; i < c->rows; i++)
		for (j = 0; j < c->cols; j += 2) {
			wide a = at(&c->in[0], i, j), b = at(&c->in[0], i, j + 1);
			wide cosine = at(&c->in[1], c->before + i, j % d);
			wide sine = at(&c->in[1], c->before + i, j % d + 1);

			*out(c, i, j) = limit(nearest(a * cosine - b * sine, 14), c->op->attr + 1);
			*out(c, i, j + 1) = limit(nearest(a * sine + b * cosine, 14), c->op->attr + 1);
		}
}

static wide mulhrs(wide a, wide b)
{
	return nearest(a * b, 15);
}

/* 2^-t in Q20 of t in Q15, by numerics.rst. */
static wide exp2_ref(wide t)
{
	wide f = t % 32768, y;

	if (t / 32768 > 20)
		return 0;
	y = mulhrs(f, 220);
	y = mulhrs(f, 1735 - y);
	y = mulhrs(f, 7838 - y);
	y = 32768 - mulhrs(f, 22707 - y);
	y = y > 32767 ? 32767 : y;
	return (y * 32) >> (t / 32768);
}

static wide octaves(wide below, const s32 *scale)
{
	return (below * scale[0]) >> scale[1];
}

/* A weight's share of a sum, both in Q20, in Q15. */
static s32 share_ref(wide weight, wide sum)
{
	s32 b = 0;
	wide r, p;

	while (sum >> b > 1)
		b++;
	r = (((wide)1 << (b + 15)) + sum / 2) / sum;
	p = nearest((weight + 16) / 32 * r, b - 5);
	return p > 32767 ? 32767 : (s32)p;
}

static s32 key(const struct second *c, const s16 *kept, u32 arg, u32 position, u32 col)
{
	return kept ? kept[(size_t)position * c->in[1].t->cols + col] : at(&c->in[arg], position, col);
}

static bool sees(const struct second *c, u32 row, u32 position)
{
	s64 apart = (s64)position - (c->before + row);
	const s32 *attr = c->op->attr;

	if (attr[2] && apart > 0)
		return false;
	return !attr[3] || (apart < attr[3] && -apart < attr[3]);
}

static void one_head(const struct second *c, u32 row, u32 head, u32 positions)
{
	const s32 *attr = c->op->attr;
	u32 d = c->cols / (u32)attr[0], base = head / (u32)(attr[0] / attr[1]) * d, i, j;
	wide score[INKLING_MAX_CONTEXT], top = -((wide)1 << 100), sum = 0;

	for (i = 0; i < positions; i++) {
		if (!sees(c, row, i))
			continue;
		for (score[i] = 0, j = 0; j < d; j++)
			score[i] += (wide)at(&c->in[0], row, head * d + j) *
				    key(c, c->keys, 1, i, base + j);
		top = max(top, score[i]);
	}
	for (i = 0; i < positions; i++)
		if (sees(c, row, i)) {
			score[i] = exp2_ref(octaves(top - score[i], attr + 4));
			sum += score[i];
		}
	for (j = 0; j < d; j++) {
		wide v = 0;

		for (i = 0; i < positions; i++)
			if (sees(c, row, i))
				v += (wide)share_ref(score[i], sum) * key(c, c->values, 2, i, base + j);
		*out(c, row, head * d + j) = limit(nearest(v, 15), all16);
	}
}

static void ref_attention(const struct second *c)
{
	u32 rows = c->in[1].rows, cols = c->in[1].t->cols, i, j;

	for (i = 0; c->keys && i < rows; i++)
		for (j = 0; j < cols; j++) {
			c->keys[(size_t)(c->before + i) * cols + j] = (s16)at(&c->in[1], i, j);
			c->values[(size_t)(c->before + i) * cols + j] = (s16)at(&c->in[2], i, j);
		}
	for (i = 0; i < c->rows; i++)
		for (j = 0; j < (u32)c->op->attr[0]; j++)
			one_head(c, i, j, (c->keys ? c->before : 0) + rows);
}

static void ref_pool(const struct second *c)
{
	u32 n = c->in[0].rows, i, j;

	for (j = 0; j < c->cols; j++) {
		s32 top = S32_MIN;
		wide sum = 0;

		for (i = 0; i < n; i++) {
			sum += at(&c->in[0], i, j);
			top = max(top, at(&c->in[0], i, j));
		}
		switch (c->op->attr[0]) {
		case INKLING_POOL_MEAN:
			*out(c, 0, j) = (s32)floor_div(2 * sum + n, 2 * (wide)n);
			break;
		case INKLING_POOL_MAX:
			*out(c, 0, j) = top;
			break;
		default:
			*out(c, 0, j) = at(&c->in[0], c->op->attr[0] == INKLING_POOL_LAST ? n - 1 : 0, j);
		}
	}
}

static void ref_transpose(const struct second *c)
{
	u32 i, j;

	for (i = 0; i < c->rows; i++)
		for (j = 0; j < c->cols; j++)
			*out(c, i, j) = j < c->in[0].rows ? at(&c->in[0], j, i) : 0;
}

static void ref_shift(const struct second *c)
{
	const s32 *attr = c->op->attr;
	s32 i, j, from;

	for (i = 0; i < (s32)c->rows; i++)
		for (j = 0; j < (s32)c->cols; j++) {
			from = j >= attr[1] && j < attr[2] ? i - attr[0] : i;
			*out(c, (u32)i, (u32)j) = from < 0 || from >= (s32)c->rows ? 0 :
						  at(&c->in[0], (u32)from, (u32)j);
		}
}

static void ref_unfold(const struct second *c)
{
	const s32 *a = c->op->attr;
	s32 w = a[0] ? a[0] : (s32)c->in[0].rows, h = (s32)c->in[0].rows / w;
	s32 across = a[0] ? (w + 2 * a[5] - a[2]) / a[3] + 1 : w, x, y, i, k;
	u32 d = c->in[0].t->cols, j;

	for (i = 0; i < (s32)c->rows; i++)
		for (k = 0; k < a[1] * a[2]; k++) {
			y = i / across * a[3] - a[4] + k / a[2];
			x = i % across * a[3] - a[5] + k % a[2];
			for (j = 0; j < d; j++)
				*out(c, (u32)i, (u32)k * d + j) = x < 0 || y < 0 || x >= w || y >= h ? 0 :
					at(&c->in[0], (u32)(y * w + x), j);
		}
}

static void ref_maxout(const struct second *c)
{
	u32 i, j;

	for (i = 0; i < c->rows; i++) {
		for (j = 0; j < c->cols; j++)
			*out(c, i, j) = S32_MIN;
		for (j = 0; j < c->in[0].t->cols; j++)
			*out(c, i, j % c->cols) = max(*out(c, i, j % c->cols), at(&c->in[0], i, j));
	}
}

/* The greatest is taken K times; of equals the first. */
static void ref_gate(const struct second *c)
{
	s32 k = c->op->attr[0], top;
	u32 i, j, best;
	wide sum;

	for (i = 0; i < c->rows; i++) {
		bool taken[300] = { false };

		assert(c->cols <= ARRAY_SIZE(taken));
		for (k = c->op->attr[0], top = S32_MIN, sum = 0; k--; taken[best] = true) {
			for (best = c->cols, j = 0; j < c->cols; j++)
				if (!taken[j] && (best == c->cols ||
						  at(&c->in[0], i, j) > at(&c->in[0], i, best)))
					best = j;
			top = max(top, at(&c->in[0], i, best));
			sum += exp2_ref(octaves((wide)top - at(&c->in[0], i, best), c->op->attr + 1));
		}
		for (j = 0; j < c->cols; j++)
			*out(c, i, j) = !taken[j] ? 0 :
				share_ref(exp2_ref(octaves((wide)top - at(&c->in[0], i, j),
							   c->op->attr + 1)), sum);
	}
}

static void ref_scale(const struct second *c)
{
	static const s32 ends[2] = { -32767, 32767 };
	u32 i, j;

	for (i = 0; i < c->rows; i++)
		for (j = 0; j < c->cols; j++) {
			wide v = nearest((wide)at(&c->in[0], i, j) *
					 at(&c->in[1], i, (u32)c->op->attr[0]), 15);

			*out(c, i, j) = limit(v + (c->in[2].t ? at(&c->in[2], i, j) : 0), ends);
		}
}

/* log2 in 16.16: linear between 257 points in Q24. */
static wide log2_q16_ref(wide v)
{
	wide part, a, b;
	s32 e = 0;

	while (v >> e > 1)
		e++;
	part = ((v - ((wide)1 << e)) << 24) >> e;	/* 8 bits choose a point, 16 are between */
	a = llroundl(ldexpl(log2l(1 + (long double)(part >> 16) / 256), 24));
	b = llroundl(ldexpl(log2l(1 + (long double)((part >> 16) + 1) / 256), 24));
	return ((wide)e << 16) + ((a + (((b - a) * (part % 65536)) >> 16) + 128) >> 8);
}

/* In Q16; 64 for a token that there is no column of, and at most. */
static u64 surprise(const struct second *c, u32 row, u32 token)
{
	wide top = S64_MIN, sum = 0, t;
	u32 j, n = c->in[0].t->cols;

	for (j = 0; j < n; j++)
		top = max(top, (wide)at(&c->in[0], row, j));
	for (j = 0; j < n; j++)
		sum += exp2_q30_ref(octaves(top - at(&c->in[0], row, j), c->op->attr));
	if (token >= n)
		return 64 << 16;
	t = octaves(top - at(&c->in[0], row, token), c->op->attr) + log2_q16_ref(sum) - (30 << 16);
	return (u64)min(t, (wide)64 << 16);
}

static void ref_nll(const struct second *c)
{
	u64 sum = 0;
	u32 i;

	for (i = 1; i < c->n; i++)
		sum += surprise(c, i - 1, (u32)at(&c->in[1], 0, i));
	*c->y = c->n < 2 ? 0 : (s32)floor_div(2 * (wide)sum + c->n - 1, 2 * ((wide)c->n - 1));
}

void second_seq_run(const struct second *c)
{
	static void (*const refs[])(const struct second *) = {
		ref_embed, ref_hashembed, ref_norm, ref_linear, ref_curve, ref_rope,
		ref_attention, ref_pool, ref_transpose, ref_shift, ref_unfold, ref_maxout,
		ref_gate, ref_scale, ref_nll,
	};

	assert(c->op->opcode - INKLING_OP_EMBED < (int)ARRAY_SIZE(refs));
	refs[c->op->opcode - INKLING_OP_EMBED](c);
}
