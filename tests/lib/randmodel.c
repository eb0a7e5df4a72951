// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random models: the graphs.
 *
 * What lives here: which operators follow each other, and that each tensor is
 * read. What doesn't: the operators' own constants, see randmodel_ops.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "randmodel_seq.h"

static const char *const kinds[INK_RANDMODEL_NR] = {
	"dense", "quant", "mlp", "mix", "large", "encoder", "decoder",
};

const char *ink_randmodel_name(enum ink_randmodel_kind kind)
{
	return kind < INK_RANDMODEL_NR ? kinds[kind] : "unknown";
}

/* Around the widths of vectors, blocks, tiles and chunks, or any. */
static uint32_t random_size(struct ink_rand *r, uint32_t most)
{
	static const uint16_t at[] = { 1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 256, 320 };
	uint32_t n;

	do {
		if (ink_rand_below(r, 2))
			n = (uint32_t)ink_rand_range(r, 1, most < 40 ? most : 40);
		else
			n = (uint32_t)(at[ink_rand_below(r, 12)] + ink_rand_range(r, -1, 1));
	} while (!n || n > most);
	return n;
}

static uint32_t random_out_dtype(struct ink_rand *r)
{
	return INKLING_INT8 + ink_rand_below(r, 3);
}

static void build_dense(struct randmodel *m)
{
	uint32_t in = randmodel_input(m, INKLING_INT8, random_size(&m->r, 400));

	m->out = randmodel_dense(m, in, random_size(&m->r, 400), random_out_dtype(&m->r));
}

static void build_quant(struct randmodel *m)
{
	uint32_t in = randmodel_input(m, INKLING_INT32, random_size(&m->r, 64));

	m->out = randmodel_quant(m, in, random_size(&m->r, 80));
}

/* What a model ends in: scores of classes, a distance, or numbers as they are. */
static void head(struct randmodel *m, uint32_t t)
{
	uint32_t dtype = randmodel_dtype(m, t), n = ink_builder_count(m->b, t), i;

	m->out = t;
	if (ink_rand_below(&m->r, 2)) {
		m->out = randmodel_softmax(m, t);
		if (n < 2 || n > INKLING_MAX_CLASSES)
			return;
		m->head = INKLING_HEAD_CLASSES;
		m->threshold = 1 + (int32_t)ink_rand_below(&m->r, 32768);
	} else if (dtype != INKLING_INT32 && ink_rand_below(&m->r, 2)) {
		m->out = randmodel_pair(m, INKLING_OP_DIST, t, INKLING_NONE);
		m->head = INKLING_HEAD_ANOMALY;
		m->threshold = (int32_t)ink_rand_range(&m->r, 1, INT32_MAX);
		n = 2;
	}
	for (i = 0; m->head && i < n; i++)
		ink_builder_class(m->b, "class");
}

static void build_mlp(struct randmodel *m)
{
	uint32_t layers = 1 + ink_rand_below(&m->r, 5), t, i;

	if (ink_rand_below(&m->r, 2))
		t = randmodel_quant(m, randmodel_input(m, INKLING_INT32,
						       random_size(&m->r, 64)),
				    random_size(&m->r, 64));
	else
		t = randmodel_input(m, INKLING_INT8, random_size(&m->r, 128));
	for (i = 1; i < layers; i++)
		t = randmodel_dense(m, t, random_size(&m->r, 128), INKLING_INT8);
	t = randmodel_dense(m, t, random_size(&m->r, 64), random_out_dtype(&m->r));
	head(m, t);
}

/* A layer of more than one step, one of long rows, and one that has to follow them. */
static void build_large(struct randmodel *m)
{
	uint32_t t = randmodel_input(m, INKLING_INT8, (uint32_t)ink_rand_range(&m->r, 600, 900));

	if (ink_rand_below(&m->r, 4)) {
		t = randmodel_dense(m, t, (uint32_t)ink_rand_range(&m->r, 450, 700), INKLING_INT8);
	} else {
		t = randmodel_dense(m, t, (uint32_t)ink_rand_range(&m->r, 4090, 6000),
				    INKLING_INT8);
		t = randmodel_dense(m, t, (uint32_t)ink_rand_range(&m->r, 60, 90), INKLING_INT8);
	}
	m->out = randmodel_dense(m, t, random_size(&m->r, 300), random_out_dtype(&m->r));
}

/* Tensors that were made and may be read; the first @unread of them have to be. */
struct pool {
	uint32_t tensor[48];
	uint8_t read[48];
	uint32_t count;
};

static void put(struct pool *p, uint32_t tensor)
{
	p->tensor[p->count] = tensor;
	p->read[p->count++] = 0;
}

/* A tensor of @dtype (0: any) and @n elements (0: any), rather an unread one; -1: there is none. */
static int pick(struct randmodel *m, const struct pool *p, uint32_t dtype, uint32_t n)
{
	uint32_t tries, i;

	for (tries = 0; tries < 100; tries++) {
		i = ink_rand_below(&m->r, p->count);
		if ((!dtype || randmodel_dtype(m, p->tensor[i]) == dtype) &&
		    (!n || ink_builder_count(m->b, p->tensor[i]) == n) &&
		    (tries > 50 || !p->read[i]))
			return (int)i;
	}
	return -1;
}

static uint32_t take(struct pool *p, int i)
{
	p->read[i] = 1;
	return p->tensor[i];
}

static void mix_pair(struct randmodel *m, struct pool *p, uint32_t opcode)
{
	uint32_t dtype = ink_rand_below(&m->r, 2) ? INKLING_INT8 : INKLING_INT16;
	int i = pick(m, p, dtype, 0), j;
	uint32_t a, b;

	if (i < 0)
		return;
	a = take(p, i);
	j = pick(m, p, dtype, ink_builder_count(m->b, a));
	/* With itself now and then, or with a constant, on either side. */
	b = j >= 0 && ink_rand_below(&m->r, 3) ? take(p, j) :
	    opcode == INKLING_OP_DIST ? a : INKLING_NONE;
	put(p, randmodel_pair(m, opcode, a, b));
}

static void mix_concat(struct randmodel *m, struct pool *p)
{
	uint32_t in[INKLING_MAX_INPUTS], n = 2 + ink_rand_below(&m->r, 5), k, dtype;
	int i = pick(m, p, 0, 0);

	if (i < 0)
		return;
	dtype = randmodel_dtype(m, p->tensor[i]);
	if (dtype == INKLING_INT32 && p->tensor[i] == m->in)
		return;
	in[0] = take(p, i);
	for (k = 1; k < n; k++) {
		i = pick(m, p, dtype, 0);
		in[k] = i < 0 || (p->tensor[i] == m->in && dtype == INKLING_INT32) ? in[0] :
			take(p, i);
	}
	put(p, randmodel_concat(m, in, n));
}

static void mix_op(struct randmodel *m, struct pool *p)
{
	int i = pick(m, p, INKLING_INT8, 0), any = pick(m, p, 0, 0);

	/* The caller's 32-bit numbers are for QUANT alone. */
	if (any >= 0 && p->tensor[any] == m->in &&
	    randmodel_dtype(m, m->in) == INKLING_INT32)
		any = -1;
	switch (ink_rand_below(&m->r, 9)) {
	case 0:
		i = pick(m, p, INKLING_INT32, 0);
		if (i >= 0)
			put(p, randmodel_quant(m, take(p, i), random_size(&m->r, 32)));
		break;
	case 1:
		if (i >= 0)
			put(p, randmodel_lut(m, take(p, i)));
		break;
	case 2:
		mix_pair(m, p, INKLING_OP_ADD);
		break;
	case 3:
		mix_pair(m, p, INKLING_OP_MUL);
		break;
	case 4:
		mix_pair(m, p, INKLING_OP_DIST);
		break;
	case 5:
		mix_concat(m, p);
		break;
	case 6:
		if (any >= 0)
			put(p, ink_rand_below(&m->r, 2) ? randmodel_softmax(m, take(p, any)) :
			    randmodel_argmax(m, take(p, any)));
		break;
	default:
		if (i >= 0)
			put(p, randmodel_dense(m, take(p, i), random_size(&m->r, 64),
					       random_out_dtype(&m->r)));
	}
}

/* What nobody has read becomes int32 by a multiplication that keeps its bits, then one output. */
static void join(struct randmodel *m, struct pool *p)
{
	uint32_t in[INKLING_MAX_INPUTS], i, n = 0, t;

	for (i = 0; i < p->count; i++) {
		if (p->read[i])
			continue;
		t = p->tensor[i];
		if (t == m->in && randmodel_dtype(m, t) == INKLING_INT32)
			t = randmodel_quant(m, t, 8);
		if (randmodel_dtype(m, t) != INKLING_INT32)
			t = randmodel_keep(m, t);
		in[n++] = t;
		if (n == INKLING_MAX_INPUTS) {
			in[0] = randmodel_concat(m, in, n);
			n = 1;
		}
	}
	m->out = n > 1 ? randmodel_concat(m, in, n) : in[0];
}

static void build_mix(struct randmodel *m)
{
	uint32_t dtype = INKLING_INT8 + ink_rand_below(&m->r, 3);
	uint32_t ops = 2 + ink_rand_below(&m->r, 12), i;
	struct pool p = { .count = 0 };

	put(&p, randmodel_input(m, dtype, random_size(&m->r, 48)));
	if (dtype == INKLING_INT32)
		put(&p, randmodel_quant(m, take(&p, 0), random_size(&m->r, 48)));
	for (i = 0; i < ops; i++)
		mix_op(m, &p);
	/* The input alone would leave nothing to compute. */
	if (p.count == 1)
		put(&p, dtype == INKLING_INT8 ? randmodel_lut(m, take(&p, 0)) :
		    randmodel_argmax(m, take(&p, 0)));
	join(m, &p);
}

int ink_randmodel_build(enum ink_randmodel_kind kind, uint64_t seed, void **image, size_t *size)
{
	static void (*const build[INK_RANDMODEL_NR])(struct randmodel *m) = {
		build_dense, build_quant, build_mlp, build_mix, build_large, randmodel_encoder,
		randmodel_decoder,
	};
	struct randmodel m = { .b = ink_builder_new() };
	struct inkling_card *card;
	int err;

	if (!m.b)
		return -ENOMEM;
	ink_rand_seed(&m.r, seed * INK_RANDMODEL_NR + kind);
	card = ink_builder_card(m.b);
	ink_builder_text(m.b, card->name, sizeof(card->name), "name", kinds[kind]);
	build[kind](&m);
	ink_builder_io(m.b, m.in, m.out, m.head, m.threshold);
	err = ink_builder_finish(m.b, image, size);
	ink_builder_free(m.b);
	return err;
}
