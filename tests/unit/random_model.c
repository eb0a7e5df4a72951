// SPDX-License-Identifier: GPL-2.0-only
/*
 * A generator of random graphs that the verifier has to accept.
 *
 * What lives here: random chains and branches of all operators, with shapes
 * around the widths of vector registers, whose attributes keep each proof just
 * possible. Each activation is read: what is left over at the end is turned
 * into int8, concatenated and classified. What doesn't: fixed images, see
 * models.c.
 */
#include "models.h"

#include <assert.h>

#define POOL	32

struct gen {
	struct ink_builder *b;
	struct rnd r;
	u32 pool[POOL];		/* tensors to read from; the input first */
	bool used[POOL];
	u32 n;
};

static u32 dtype_of(struct gen *g, u32 tensor)
{
	return ink_builder_tensor_at(g->b, tensor)->dtype;
}

static u32 count_of(struct gen *g, u32 tensor)
{
	return ink_builder_count(g->b, tensor);
}

static u32 put(struct gen *g, u32 tensor)
{
	assert(g->n < POOL);
	g->pool[g->n] = tensor;
	g->used[g->n++] = false;
	return tensor;
}

static u32 take(struct gen *g, u32 i)
{
	g->used[i] = true;
	return g->pool[i];
}

/* Mostly what nobody has read yet; POOL when no tensor has such a type. */
static u32 pick(struct gen *g, u32 mask)
{
	u32 tries, i;

	for (tries = 0; tries < 4 * POOL; tries++) {
		i = rnd_below(&g->r, g->n);
		if (!(mask & 1u << dtype_of(g, g->pool[i])))
			continue;
		if (!g->used[i] || !rnd_below(&g->r, 4))
			return i;
	}
	return POOL;
}

static u32 random_size(struct gen *g)
{
	static const u16 sizes[] = { 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 63, 64,
				     65, 100 };

	return rnd_below(&g->r, 8) ? sizes[rnd_below(&g->r, ARRAY_SIZE(sizes))] :
				     1 + rnd_below(&g->r, 300);
}

static u32 random_dtype(struct gen *g)
{
	static const u8 dtypes[] = { INKLING_INT8, INKLING_INT8, INKLING_INT8, INKLING_INT16,
				     INKLING_INT32 };

	return dtypes[rnd_below(&g->r, ARRAY_SIZE(dtypes))];
}

static s32 dtype_min(u32 dtype)
{
	return dtype == INKLING_INT8 ? S8_MIN : dtype == INKLING_INT16 ? S16_MIN : S32_MIN;
}

static s32 dtype_max(u32 dtype)
{
	return dtype == INKLING_INT8 ? S8_MAX : dtype == INKLING_INT16 ? S16_MAX : S32_MAX;
}

/* Zero point, lowest, highest for an output of @dtype: often the whole range. */
static void random_clamp(struct gen *g, u32 dtype, s32 *attr)
{
	s32 lo = dtype_min(dtype), hi = dtype_max(dtype);

	attr[0] = rnd_range(&g->r, -100, 100);
	attr[1] = lo;
	attr[2] = hi;
	if (!rnd_below(&g->r, 3)) {
		attr[1] = rnd_range(&g->r, lo, hi);
		attr[2] = rnd_range(&g->r, attr[1], hi);
	}
}

static s8 *random_bytes(struct gen *g, u32 n)
{
	s8 *p = malloc(n);
	u32 i, style = rnd_below(&g->r, 4);

	assert(p);
	for (i = 0; i < n; i++)
		p[i] = style == 0 ? (rnd_below(&g->r, 2) ? 127 : -128) :
		       style == 1 ? (s8)rnd_range(&g->r, -9, 9) :
				    (s8)rnd_range(&g->r, -128, 127);
	return p;
}

static u32 table(struct gen *g)
{
	s8 *p = random_bytes(g, 256);
	u32 t = ink_builder_vector(g->b, INKLING_INT8, 256, p);

	free(p);
	return t;
}

/*
 * Accumulators stay below 2^14 * n + 2^20; the shift brings that to about the
 * range of the output, or now and then far below, and never above 32 bits.
 */
static void add_dense(struct gen *g, u32 in, u32 m, u32 dtype)
{
	bool lut = dtype == INKLING_INT8 && rnd_below(&g->r, 2);
	u32 n = count_of(g, in), out = ink_builder_activation(g->b, dtype, m), i;
	s8 *w = random_bytes(g, n * m), *shift = malloc(m), *tab = lut ? random_bytes(g, 256) : NULL;
	s32 *bias = malloc(m * 4), *mult = malloc(m * 4), clamp[3];
	int bits = 14 + ilog2(n) - (dtype == INKLING_INT8 ? 9 : dtype == INKLING_INT16 ? 16 : 28);
	struct ink_builder_dense d = {
		.n = n, .m = m, .weights = w, .bias = bias, .mult = mult, .shift = shift,
		.table = tab,
	};

	assert(shift && bias && mult);
	random_clamp(g, dtype, clamp);
	d.zero_point = clamp[0];
	d.lowest = clamp[1];
	d.highest = clamp[2];
	for (i = 0; i < m; i++) {
		bias[i] = rnd_range(&g->r, -(1 << 20), 1 << 20);
		mult[i] = rnd_below(&g->r, 16) ? rnd_range(&g->r, 1 << 30, S32_MAX) :
						 rnd_range(&g->r, 0, 1 << 20);
		shift[i] = (s8)max(max(22, 17 + ilog2(n)),
				   31 + bits - 2 + rnd_range(&g->r, 0, 4));
		if (!rnd_below(&g->r, 32))
			shift[i] = 62;
	}
	ink_builder_dense(g->b, in, out, &d);
	put(g, out);
	free(w);
	free(shift);
	free(tab);
	free(bias);
	free(mult);
}

static void add_quant(struct gen *g, u32 in)
{
	u32 f = count_of(g, in), n = 1 + rnd_below(&g->r, 12), i, width = 0, out;
	struct inkling_quant_row *rows = calloc(n, sizeof(*rows)), *q;
	u32 ins[2];

	assert(rows);
	for (i = 0, q = rows; i < n; i++, q++) {
		q->kind = rnd_range(&g->r, INKLING_QUANT_LINEAR, INKLING_QUANT_ONEHOT);
		q->feature = (s32)rnd_below(&g->r, f);
		q->zero = rnd_range(&g->r, S8_MIN, S8_MAX);
		if (q->kind == INKLING_QUANT_ONEHOT) {
			q->width = 1 + (s32)rnd_below(&g->r, 20);
			q->lo = rnd_range(&g->r, -5, 5);
			q->hi = q->lo + q->width - 1;
			q->mult = rnd_range(&g->r, S8_MIN, S8_MAX);
		} else {
			q->width = 1;
			q->lo = rnd_below(&g->r, 4) ? rnd_range(&g->r, -1000, 1000) : S32_MIN;
			q->hi = rnd_below(&g->r, 4) ? rnd_range(&g->r, max(q->lo, 0), S32_MAX) :
						      S32_MAX;
			q->mult = rnd_range(&g->r, 0, S32_MAX);
			q->shift = rnd_range(&g->r, 1, 62);
		}
		width += (u32)q->width;
	}
	out = ink_builder_activation(g->b, INKLING_INT8, width);
	ins[0] = in;
	ins[1] = ink_builder_matrix(g->b, INKLING_INT32, n, 8, rows);
	ink_builder_op(g->b, INKLING_OP_QUANT, out, ins, 2, NULL, 0);
	put(g, out);
	free(rows);
}

static void add_lut(struct gen *g, u32 in)
{
	u32 ins[2] = { in, table(g) };
	u32 out = put(g, ink_builder_activation(g->b, INKLING_INT8, count_of(g, in)));

	ink_builder_op(g->b, INKLING_OP_LUT, out, ins, 2, NULL, 0);
}

/* The other operand of ADD, MUL, DIST: like @in, from the pool or a constant. */
static u32 partner(struct gen *g, u32 in)
{
	u32 dtype = dtype_of(g, in), n = count_of(g, in), i;
	s8 *p;

	for (i = 0; i < g->n; i++)
		if (g->pool[i] != in && dtype_of(g, g->pool[i]) == dtype &&
		    count_of(g, g->pool[i]) == n && rnd_below(&g->r, 4))
			return take(g, i);
	if (!rnd_below(&g->r, 4))
		return in;
	p = random_bytes(g, n * 2);
	i = ink_builder_vector(g->b, dtype, n, p);
	free(p);
	return i;
}

static void add_pair(struct gen *g, u32 opcode, u32 in, u32 dtype)
{
	u32 ins[2] = { in, partner(g, in) }, other, out;
	s32 attr[8] = { 0 };
	bool wide = dtype_of(g, in) == INKLING_INT16;
	s32 lo = dtype_min(dtype_of(g, in)), hi = dtype_max(dtype_of(g, in));

	/* Either operand may be the constant one. */
	other = ink_builder_tensor_at(g->b, ins[1])->kind == INKLING_TENSOR_CONST &&
		rnd_below(&g->r, 2);
	if (other)
		swap(ins[0], ins[1]);
	attr[0] = rnd_range(&g->r, lo, hi);
	attr[1] = rnd_range(&g->r, lo, hi);
	if (opcode == INKLING_OP_DIST) {
		attr[2] = rnd_range(&g->r, 0, wide ? 1 << 14 : 1 << 28);
		attr[3] = rnd_range(&g->r, 1, 62);
		out = ink_builder_activation(g->b, INKLING_INT32, 1);
		ink_builder_op(g->b, opcode, put(g, out), ins, 2, attr, 4);
		return;
	}
	if (opcode == INKLING_OP_ADD) {
		attr[2] = rnd_range(&g->r, S32_MIN, S32_MAX);
		attr[3] = rnd_range(&g->r, S32_MIN, S32_MAX);
		attr[4] = rnd_range(&g->r, wide ? 32 : 26, 44);
	} else {
		attr[2] = rnd_range(&g->r, -(1 << 28), 1 << 28);
		attr[4] = rnd_range(&g->r, wide ? 40 : 30, 52);
	}
	if (!rnd_below(&g->r, 8))
		attr[4] = rnd_range(&g->r, 1, 62);
	random_clamp(g, dtype, attr + 5);
	out = ink_builder_activation(g->b, dtype, count_of(g, in));
	ink_builder_op(g->b, opcode, put(g, out), ins, 2, attr, 8);
}

static void add_concat(struct gen *g, u32 in, bool raw_input)
{
	u32 dtype = dtype_of(g, in), ins[INKLING_MAX_INPUTS] = { in }, n, k, i, sum;

	sum = count_of(g, in);
	n = 2 + rnd_below(&g->r, INKLING_MAX_INPUTS - 1);
	for (k = 1; k < n; k++) {
		i = pick(g, 1u << dtype);
		ins[k] = i < POOL && (i || !raw_input) ? take(g, i) : in;
		sum += count_of(g, ins[k]);
	}
	put(g, ink_builder_activation(g->b, dtype, sum));
	ink_builder_op(g->b, INKLING_OP_CONCAT, g->pool[g->n - 1], ins, n, NULL, 0);
}

static void add_softmax(struct gen *g, u32 in)
{
	const s32 attr[2] = { rnd_range(&g->r, 0, S32_MAX), rnd_range(&g->r, 0, 62) };
	u32 out = put(g, ink_builder_activation(g->b, INKLING_INT16, count_of(g, in)));

	ink_builder_op(g->b, INKLING_OP_SOFTMAX, out, &in, 1, attr, 2);
}

static void add_argmax(struct gen *g, u32 in)
{
	u32 out = put(g, ink_builder_activation(g->b, INKLING_INT32, 2));

	ink_builder_op(g->b, INKLING_OP_ARGMAX, out, &in, 1, NULL, 0);
}

#define I8	(1u << INKLING_INT8)
#define I16	(1u << INKLING_INT16)
#define I32	(1u << INKLING_INT32)

static void add_any(struct gen *g, bool raw_input)
{
	u32 opcode = rnd_below(&g->r, 3) ? INKLING_OP_DENSE :
					   1 + rnd_below(&g->r, INKLING_OP_NR - 1);
	u32 mask = opcode == INKLING_OP_QUANT ? I32 :
		   opcode == INKLING_OP_DENSE || opcode == INKLING_OP_LUT ? I8 :
		   opcode >= INKLING_OP_CONCAT && opcode <= INKLING_OP_ARGMAX ? I8 | I16 | I32 :
									      I8 | I16;
	u32 i = pick(g, mask), in;

	/* Only QUANT may read int32 from a caller. */
	if (i == POOL || count_of(g, g->pool[i]) > 1000 ||
	    (raw_input && !i && opcode != INKLING_OP_QUANT))
		return;
	in = take(g, i);
	switch (opcode) {
	case INKLING_OP_QUANT:
		return add_quant(g, in);
	case INKLING_OP_DENSE:
		return add_dense(g, in, random_size(g), random_dtype(g));
	case INKLING_OP_LUT:
		return add_lut(g, in);
	case INKLING_OP_CONCAT:
		return add_concat(g, in, raw_input);
	case INKLING_OP_SOFTMAX:
		return add_softmax(g, in);
	case INKLING_OP_ARGMAX:
		return add_argmax(g, in);
	default:
		return add_pair(g, opcode, in, random_dtype(g));
	}
}

/* Read what nobody has read yet, until one int8 tensor is left. */
static u32 join(struct gen *g)
{
	u32 i, k = 0, ins[INKLING_MAX_INPUTS], sum, out;

	for (i = 0; i < g->n; i++) {
		if (g->used[i] || dtype_of(g, g->pool[i]) == INKLING_INT8)
			continue;
		if (dtype_of(g, g->pool[i]) == INKLING_INT32)
			add_quant(g, take(g, i));
		else
			add_pair(g, INKLING_OP_ADD, take(g, i), INKLING_INT8);
	}
	for (;;) {
		for (i = k = sum = 0; i < g->n && k < INKLING_MAX_INPUTS; i++)
			if (!g->used[i])
				sum += count_of(g, ins[k++] = take(g, i));
		if (k == 1)
			return ins[0];
		assert(k);
		out = put(g, ink_builder_activation(g->b, INKLING_INT8, sum));
		ink_builder_op(g->b, INKLING_OP_CONCAT, out, ins, k, NULL, 0);
	}
}

static void finish(struct gen *g, u32 input)
{
	u32 last = join(g), n, head = rnd_below(&g->r, 3), i;

	if (last == input) {
		add_lut(g, last);
		last = g->pool[g->n - 1];
	}
	if (head == INKLING_HEAD_CLASSES) {
		n = 2 + rnd_below(&g->r, INKLING_MAX_CLASSES - 1);
		for (i = 0; i < n; i++)
			ink_builder_class(g->b, "class");
		add_dense(g, last, n, INKLING_INT32);
		add_softmax(g, g->pool[g->n - 1]);
		ink_builder_io(g->b, input, g->pool[g->n - 1], head,
			       1 + (s32)rnd_below(&g->r, 32768));
	} else if (head == INKLING_HEAD_ANOMALY) {
		ink_builder_class(g->b, "normal");
		ink_builder_class(g->b, "anomalous");
		add_pair(g, INKLING_OP_DIST, last, INKLING_INT32);
		ink_builder_io(g->b, input, g->pool[g->n - 1], head, rnd_range(&g->r, 1, S32_MAX));
	} else {
		ink_builder_io(g->b, input, last, head, 0);
	}
}

struct image random_image(u64 seed)
{
	struct gen g = { .b = ink_builder_new(), .r = { seed * 0x9e3779b97f4a7c15ull + 1 } };
	u32 ops = rnd_below(&g.r, 10), input, i;
	bool raw = rnd_below(&g.r, 2);
	char name[40];

	assert(g.b);
	snprintf(name, sizeof(name), "random-%llu", (unsigned long long)seed);
	ink_builder_text(g.b, ink_builder_card(g.b)->name, 64, "name", name);
	if (raw) {
		u32 n = 1 + rnd_below(&g.r, 50);

		for (i = 0; i < n && rnd_next(&g.r); i++) {
			snprintf(name, sizeof(name), "feature-%u", i);
			ink_builder_number(g.b, name, i % 10);
		}
		input = put(&g, ink_builder_input(g.b, INKLING_INT32, n));
		add_quant(&g, take(&g, 0));
	} else {
		input = put(&g, ink_builder_input(g.b, rnd_below(&g.r, 4) ? INKLING_INT8 :
						  INKLING_INT16, random_size(&g)));
	}
	for (i = 0; i < ops; i++)
		add_any(&g, raw);
	finish(&g, input);
	return image_finish(g.b);
}
