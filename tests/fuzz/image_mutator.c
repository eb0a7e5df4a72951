// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mutator that knows the format.
 *
 * What lives here: taking an image apart, changing its parts the way a hostile
 * author would, and writing it again in the canonical layout with schema id
 * and digest, so that the rules behind these are reached. One input in eight
 * is changed as plain bytes, and one in eight as bytes and then sealed. What
 * doesn't: what is asked of the result, see fuzz_image.c.
 */
#include <stdlib.h>

#include "models.h"

size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned int seed);

#define MAX_FEATURES	64
#define MAX_NAMES	128
#define MAX_TENSORS	160
#define MAX_OPS		64
#define MAX_BLOB	16384

struct parts {
	struct inkling_header header;
	struct inkling_card card;
	struct inkling_feature features[MAX_FEATURES];
	struct inkling_name names[MAX_NAMES];
	struct inkling_tensor tensors[MAX_TENSORS];
	u8 *blobs[MAX_TENSORS];		/* of constants */
	u32 sizes[MAX_TENSORS];
	struct inkling_op ops[MAX_OPS];
	u32 n_features, n_names, n_tensors, n_ops;
};

static s32 any_number(struct ink_rand *r, s32 old)
{
	static const s32 numbers[] = {
		0, 1, -1, 2, 3, 7, 8, 15, 16, 31, 32, 62, 63, 64, 127, 128, -128, -129, 255, 256,
		257, 32767, 32768, -32768, -32769, 65535, 65536, 1 << 20, 1 << 24, 1 << 30,
		(1 << 30) - 1, S32_MAX, S32_MIN, S32_MAX - 1, S32_MIN + 1,
	};

	switch (ink_rand_below(r, 6)) {
	case 0:
		return (s32)((u32)old + 1);
	case 1:
		return (s32)((u32)old - 1);
	case 2:
		return (s32)((u32)old ^ 1u << ink_rand_below(r, 32));
	case 3:
		return (s32)(ink_rand_next(r) >> 20);
	default:
		return numbers[ink_rand_below(r, ARRAY_SIZE(numbers))];
	}
}

/* Entries of a section, as far as they lie in the image and there is room for them. */
static u32 take_section(const u8 *data, size_t size, u32 id, void *to, size_t entry, u32 most)
{
	const struct inkling_section *s = &((const struct inkling_header *)data)->section[id];
	u64 n;

	if (s->offset > size || s->size > size - s->offset)
		return 0;
	n = min((u64)most, s->size / entry);
	memcpy(to, data + s->offset, n * entry);
	return (u32)n;
}

static u32 dtype_size(u32 dtype)
{
	return dtype == INKLING_INT32 ? 4 : dtype == INKLING_INT16 || dtype == INKLING_UINT16 ? 2 : 1;
}

static u64 tensor_size(const struct inkling_tensor *t)
{
	u64 n = dtype_size(t->dtype);
	u32 i;

	for (i = 0; i < t->rank && i < INKLING_MAX_RANK && n <= MAX_BLOB; i++)
		n *= t->dims[i];
	return n;
}

static bool take_apart(struct parts *p, const u8 *data, size_t size)
{
	const struct inkling_section *s;
	u32 i;

	memset(p, 0, sizeof(*p));
	if (size < sizeof(p->header))
		return false;
	memcpy(&p->header, data, sizeof(p->header));
	take_section(data, size, INKLING_SEC_CARD, &p->card, sizeof(p->card), 1);
	p->n_features = take_section(data, size, INKLING_SEC_FEATURES, p->features,
				     sizeof(p->features[0]), MAX_FEATURES);
	p->n_names = take_section(data, size, INKLING_SEC_NAMES, p->names, sizeof(p->names[0]),
				  MAX_NAMES);
	p->n_tensors = take_section(data, size, INKLING_SEC_TENSORS, p->tensors,
				    sizeof(p->tensors[0]), MAX_TENSORS - 8);
	p->n_ops = take_section(data, size, INKLING_SEC_OPS, p->ops, sizeof(p->ops[0]), MAX_OPS - 1);
	s = &p->header.section[INKLING_SEC_DATA];
	if (s->offset > size || s->size > size - s->offset)
		return false;
	for (i = 0; i < p->n_tensors; i++) {
		const struct inkling_tensor *t = &p->tensors[i];

		if (t->kind != INKLING_TENSOR_CONST || t->data_offset > s->size ||
		    t->data_size > s->size - t->data_offset || t->data_size > MAX_BLOB)
			continue;
		p->sizes[i] = (u32)t->data_size;
		p->blobs[i] = malloc(t->data_size + 1);
		if (p->blobs[i])
			memcpy(p->blobs[i], data + s->offset + t->data_offset, t->data_size);
	}
	return p->n_tensors && p->n_ops;
}

static void *blob_resize(struct parts *p, u32 i, u32 size)
{
	u8 *blob = realloc(p->blobs[i], size + 1);
	u32 k, old = p->blobs[i] ? p->sizes[i] : 0;

	if (!blob)
		abort();
	for (k = old; k < size; k++)
		blob[k] = old ? blob[k % old] : 1;
	p->blobs[i] = blob;
	p->sizes[i] = size;
	return blob;
}

static void add_parts(struct parts *p, struct ink_builder *b)
{
	const char *names[MAX_NAMES];
	u32 i;

	*ink_builder_card(b) = p->card;
	for (i = 0; i < p->n_features; i++) {
		ink_builder_number(b, "", 0);
		*ink_builder_feature_at(b, i) = p->features[i];
	}
	/* The names of a category that doesn't stay. */
	for (i = 0; i < p->n_names; i++)
		names[i] = "";
	if (p->n_names)
		ink_builder_category(b, "", names, p->n_names);
	for (i = 0; i < p->n_tensors; i++) {
		struct inkling_tensor *t = &p->tensors[i];
		u64 bytes = tensor_size(t);

		if (t->kind == INKLING_TENSOR_CONST && bytes && bytes <= MAX_BLOB) {
			ink_builder_vector(b, INKLING_INT8, (u32)bytes, blob_resize(p, i, (u32)bytes));
			t->data_offset = ink_builder_tensor_at(b, i)->data_offset;
			t->data_size = bytes;
		} else {
			ink_builder_activation(b, INKLING_INT8, 1);
		}
		*ink_builder_tensor_at(b, i) = *t;
	}
	for (i = 0; i < p->n_ops; i++) {
		ink_builder_op(b, 0, 0, NULL, 0, NULL, 0);
		*ink_builder_op_at(b, i) = p->ops[i];
	}
}

/* Names lie behind one feature too many: drop that, write them as they were. The new size. */
static size_t restore_names(const struct parts *p, u8 *image, size_t size)
{
	struct inkling_header *h = (struct inkling_header *)image;
	struct inkling_section *n = &h->section[INKLING_SEC_NAMES];
	u32 i;

	h->section[INKLING_SEC_FEATURES].size -= sizeof(p->features[0]);
	h->n_features--;
	memmove(image + n->offset - sizeof(p->features[0]), image + n->offset, size - n->offset);
	size -= sizeof(p->features[0]);
	h->file_size = size;
	for (i = INKLING_SEC_NAMES; i < INKLING_SEC_NR; i++)
		h->section[i].offset -= sizeof(p->features[0]);
	memcpy(image + n->offset, p->names, p->n_names * sizeof(p->names[0]));
	return size;
}

/* The size of the result, 0 if it doesn't fit. */
static size_t put_together(struct parts *p, u8 *data, size_t max_size)
{
	struct ink_builder *b = ink_builder_new();
	struct inkling_header *h = ink_builder_header(b);
	void *image = NULL;
	size_t size = 0;

	add_parts(p, b);
	h->n_classes = p->header.n_classes;
	h->must = p->header.must;
	h->may = p->header.may;
	memcpy(h->reserved, p->header.reserved, sizeof(h->reserved));
	ink_builder_io(b, p->header.input, p->header.output, p->header.head, p->header.threshold);
	if (!ink_builder_finish(b, &image, &size)) {
		if (p->n_names)
			size = restore_names(p, image, size);
		if (size <= max_size) {
			ink_image_seal(image, size);
			memcpy(data, image, size);
		} else {
			size = 0;
		}
	}
	free(image);
	ink_builder_free(b);
	return size;
}

static void change_op(struct parts *p, struct ink_rand *r)
{
	struct inkling_op *op = &p->ops[ink_rand_below(r, p->n_ops)];
	u32 k;

	switch (ink_rand_below(r, 8)) {
	case 0:
		op->opcode = (u16)ink_rand_below(r, INKLING_OP_NR + 1);
		break;
	case 1:
	case 2:
		k = ink_rand_below(r, INKLING_MAX_INPUTS);
		op->in[k] = ink_rand_below(r, 8) ? ink_rand_below(r, p->n_tensors) : INKLING_NONE;
		break;
	case 3:
		op->out[ink_rand_below(r, 20) ? 0 : 1] = ink_rand_below(r, p->n_tensors + 1);
		break;
	case 4:
		k = ink_rand_below(r, 12);
		if (k == 0)
			op->version = (u16)any_number(r, op->version);
		else if (k == 1)
			op->flags = 1u << ink_rand_below(r, 32);
		else if (k == 2)
			op->reserved[ink_rand_below(r, ARRAY_SIZE(op->reserved))] ^= 1;
		break;
	default:
		k = ink_rand_below(r, INKLING_MAX_ATTRS);
		op->attr[k] = any_number(r, op->attr[k]);
	}
}

static void change_tensor(struct parts *p, struct ink_rand *r)
{
	u32 i = ink_rand_below(r, p->n_tensors), k = ink_rand_below(r, INKLING_MAX_RANK);
	struct inkling_tensor *t = &p->tensors[i];

	switch (ink_rand_below(r, 8)) {
	case 0:
		t->dtype = (u8)ink_rand_below(r, INKLING_UINT16 + 2);
		break;
	case 1:
		t->rank = (u8)ink_rand_below(r, INKLING_MAX_RANK + 2);
		break;
	case 2:
		if (ink_rand_below(r, 2))
			t->kind = (u8)ink_rand_below(r, INKLING_TENSOR_STATE + 2);
		else
			t->flags ^= INKLING_TENSOR_SEQ;
		break;
	case 3:
		t->dims[k] = (u32)any_number(r, (s32)t->dims[k]);
		break;
	case 4:
		k = ink_rand_below(r, 4);
		if (k == 0)
			t->block ^= 32;
		else if (k == 1)
			t->scale = (u32)any_number(r, (s32)t->scale);
		else if (k == 2)
			t->reserved[ink_rand_below(r, ARRAY_SIZE(t->reserved))] ^= 1;
		else
			t->zero_point = any_number(r, t->zero_point);
		break;
	case 5:
		/* As a matrix, or as a vector */
		if (t->rank == 2) {
			t->dims[0] *= t->dims[1];
			t->dims[1] = 0;
			t->rank = 1;
		} else if (t->rank == 1) {
			t->dims[1] = t->dims[0];
			t->dims[0] = 1;
			t->rank = 2;
		}
		break;
	default:
		t->dims[0] = 1 + ink_rand_below(r, 70);
	}
}

static void change_data(struct parts *p, struct ink_rand *r)
{
	u32 tries, i, n, at;
	s32 v;

	for (tries = 0; tries < 8; tries++) {
		i = ink_rand_below(r, p->n_tensors);
		n = p->sizes[i];
		if (!p->blobs[i] || !n)
			continue;
		if (dtype_size(p->tensors[i].dtype) == 4 && n >= 4) {
			at = ink_rand_below(r, n / 4) * 4;
			memcpy(&v, p->blobs[i] + at, 4);
			v = any_number(r, v);
			memcpy(p->blobs[i] + at, &v, 4);
		} else if (ink_rand_below(r, 3)) {
			p->blobs[i][ink_rand_below(r, n)] = (u8)any_number(r, 0);
		} else {
			memset(p->blobs[i], (int)(ink_rand_below(r, 2) ? 0x7f : 0x80), n);
		}
		return;
	}
}

static void change_head(struct parts *p, struct ink_rand *r)
{
	struct inkling_header *h = &p->header;

	switch (ink_rand_below(r, 8)) {
	case 0:
		h->head = ink_rand_below(r, 4);
		break;
	case 1:
		h->threshold = any_number(r, h->threshold);
		break;
	case 2:
		h->n_classes = ink_rand_below(r, INKLING_MAX_CLASSES + 2);
		break;
	case 3:
		h->input = ink_rand_below(r, p->n_tensors + 1);
		break;
	case 4:
		h->output = ink_rand_below(r, p->n_tensors + 1);
		break;
	case 5:
		h->may = ink_rand_next(r);
		break;
	case 6:
		((u8 *)&p->card)[ink_rand_below(r, sizeof(p->card))] ^= (u8)ink_rand_next(r);
		break;
	default:
		if (p->n_features)
			((u8 *)p->features)[ink_rand_below(r, p->n_features * sizeof(p->features[0]))] ^=
				(u8)ink_rand_next(r);
	}
}

/* An op on sequences that has one input and leaves its shape. */
static void insert_alone(struct parts *p, struct ink_rand *r, struct inkling_op *op)
{
	static const u16 opcodes[] = {
		INKLING_OP_SHIFT, INKLING_OP_GATE, INKLING_OP_MAXOUT, INKLING_OP_UNFOLD,
		INKLING_OP_POOL, INKLING_OP_TRANSPOSE,
	};

	op->opcode = opcodes[ink_rand_below(r, ARRAY_SIZE(opcodes))];
	op->in[1] = INKLING_NONE;
	switch (op->opcode) {
	case INKLING_OP_SHIFT:
		op->attr[0] = (s32)ink_rand_below(r, 7) - 3;
		op->attr[2] = (s32)p->tensors[op->in[0]].dims[1];
		break;
	case INKLING_OP_GATE:
		op->attr[0] = 1 + (s32)ink_rand_below(r, 3);
		op->attr[1] = any_number(r, 0);
		op->attr[2] = (s32)ink_rand_below(r, 63);
		break;
	case INKLING_OP_UNFOLD:
		op->attr[1] = op->attr[2] = op->attr[3] = 1;
		break;
	case INKLING_OP_POOL:
		op->attr[0] = (s32)ink_rand_below(r, 4);
		p->tensors[op->out[0]].dims[0] = 1;
		p->tensors[op->out[0]].flags = 0;
		break;
	case INKLING_OP_TRANSPOSE:
		swap(p->tensors[op->out[0]].dims[0], p->tensors[op->out[0]].dims[1]);
		p->tensors[op->out[0]].flags = 0;
		break;
	}
}

/* What an op on tensor @t does; its output is there. */
static void choose_op(struct parts *p, struct ink_rand *r, struct inkling_op *op, u32 t)
{
	u32 i;

	switch (ink_rand_below(r, 7)) {
	case 0:
		insert_alone(p, r, op);
		break;
	case 1:
		op->opcode = INKLING_OP_NORM;
		op->in[1] = p->n_tensors;
		op->attr[0] = (s32)ink_rand_below(r, 2);
		op->attr[1] = 1 + (s32)ink_rand_below(r, 1000);
		op->attr[3] = 1 + (s32)ink_rand_below(r, 46);
		op->attr[4] = -30000;
		op->attr[5] = 30000;
		p->tensors[p->n_tensors++] = (struct inkling_tensor){
			.dtype = INKLING_INT16, .rank = 1, .kind = INKLING_TENSOR_CONST,
			.dims = { p->tensors[t].dims[1] },
		};
		break;
	case 2:
		op->opcode = INKLING_OP_SCALE;
		op->in[2] = ink_rand_below(r, 2) ? t : INKLING_NONE;
		break;
	case 3:
		op->opcode = INKLING_OP_LUT;
		op->in[1] = p->n_tensors;
		p->tensors[p->n_tensors++] = (struct inkling_tensor){
			.dtype = INKLING_INT8, .rank = 1, .kind = INKLING_TENSOR_CONST,
			.dims = { 256 },
		};
		for (i = 0; i < 256; i++)
			((u8 *)blob_resize(p, op->in[1], 256))[i] = (u8)(ink_rand_next(r) >> 40);
		break;
	case 4:
		op->opcode = INKLING_OP_CONCAT;
		p->tensors[op->out[0]].dims[0] *= 2;
		break;
	default:
		op->opcode = ink_rand_below(r, 2) ? INKLING_OP_ADD : INKLING_OP_MUL;
		op->attr[2] = any_number(r, 0);
		op->attr[3] = op->opcode == INKLING_OP_ADD ? any_number(r, 0) : 0;
		op->attr[4] = 1 + (s32)ink_rand_below(r, 62);
		op->attr[6] = -100;
		op->attr[7] = 100;
	}
}

/* A new op on tensor @t, whose result the ops from @at on read instead. */
static void insert_op(struct parts *p, struct ink_rand *r)
{
	u32 at = ink_rand_below(r, p->n_ops + 1), t, k, i, out = p->n_tensors;
	struct inkling_op op = { .version = 1 };

	if (p->n_ops >= MAX_OPS - 1 || p->n_tensors + 2 > MAX_TENSORS)
		return;
	t = at < p->n_ops ? p->ops[at].in[0] : p->header.output;
	if (t >= p->n_tensors)
		return;
	memset(op.in, 0xff, sizeof(op.in));
	memset(op.out, 0xff, sizeof(op.out));
	p->tensors[out] = p->tensors[t];
	p->tensors[out].kind = INKLING_TENSOR_ACTIVATION;
	p->tensors[out].data_offset = p->tensors[out].data_size = 0;
	op.out[0] = out;
	op.in[0] = t;
	op.in[1] = t;	/* of those that have two */
	p->n_tensors++;
	choose_op(p, r, &op, t);
	memmove(&p->ops[at + 1], &p->ops[at], (p->n_ops - at) * sizeof(op));
	p->ops[at] = op;
	p->n_ops++;
	for (i = at + 1; i < p->n_ops; i++)
		for (k = 0; k < INKLING_MAX_INPUTS; k++)
			if (p->ops[i].in[k] == t)
				p->ops[i].in[k] = out;
	if (p->header.output == t)
		p->header.output = out;
}

static void remove_op(struct parts *p, struct ink_rand *r)
{
	u32 at = ink_rand_below(r, p->n_ops), i, k, from, to;

	if (p->n_ops < 2)
		return;
	from = p->ops[at].out[0];
	to = p->ops[at].in[0];
	p->n_ops--;
	memmove(&p->ops[at], &p->ops[at + 1], (p->n_ops - at) * sizeof(p->ops[0]));
	for (i = 0; i < p->n_ops; i++)
		for (k = 0; k < INKLING_MAX_INPUTS; k++)
			if (p->ops[i].in[k] == from)
				p->ops[i].in[k] = to;
	if (p->header.output == from)
		p->header.output = to;
}

static void swap_ops(struct parts *p, struct ink_rand *r)
{
	u32 a = ink_rand_below(r, p->n_ops), b = ink_rand_below(r, p->n_ops);

	swap(p->ops[a], p->ops[b]);
}

/* Another number of tokens or of what states hold, everywhere: it is the same in each tensor. */
static void change_length(struct parts *p, struct ink_rand *r)
{
	u32 i, n = 1 + ink_rand_below(r, 40), old = 0;
	bool states = ink_rand_below(r, 2);

	for (i = 0; i < p->n_tensors; i++)
		if (states ? p->tensors[i].kind == INKLING_TENSOR_STATE :
			     p->tensors[i].flags & INKLING_TENSOR_SEQ)
			old = p->tensors[i].dims[0];
	if (!old)
		return;
	n = states ? (n + 7) / 8 * 8 : n;
	for (i = 0; i < p->n_tensors; i++)
		if (p->tensors[i].dims[0] == old &&
		    (ink_rand_below(r, 8) || p->tensors[i].kind != INKLING_TENSOR_CONST))
			p->tensors[i].dims[0] = n;
}

/* Mostly the bits that the tensors and ops ask for. */
static void mend_must(struct parts *p, struct ink_rand *r)
{
	u32 i;

	p->header.must = ink_rand_below(r, 40) ? 0 : ink_rand_next(r);
	for (i = 0; i < p->n_tensors; i++)
		if (p->tensors[i].flags & INKLING_TENSOR_SEQ)
			p->header.must |= INKLING_MUST_SEQUENCE;
	for (i = 0; i < p->n_ops; i++)
		if (p->ops[i].opcode >= INKLING_OP_EMBED)
			p->header.must |= INKLING_MUST_SEQUENCE;
}

static size_t change_parts(struct parts *p, struct ink_rand *r, u8 *data, size_t max_size)
{
	static void (*const changes[])(struct parts *, struct ink_rand *) = {
		change_op, change_op, change_op, change_tensor, change_tensor, change_data,
		change_data, change_data, change_head, insert_op, insert_op, remove_op, swap_ops,
		change_length,
	};
	u32 n = 1 + ink_rand_below(r, 3);

	while (n--)
		changes[ink_rand_below(r, ARRAY_SIZE(changes))](p, r);
	if (ink_rand_below(r, 10))
		mend_must(p, r);
	return put_together(p, data, max_size);
}

static void parts_free(struct parts *p)
{
	u32 i;

	for (i = 0; i < MAX_TENSORS; i++)
		free(p->blobs[i]);
}

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned int seed)
{
	static struct parts parts;
	struct ink_rand r = { seed + 1ull };
	u32 how = ink_rand_below(&r, 8);
	size_t out = 0;

	if (how > 1) {
		if (take_apart(&parts, data, size))
			out = change_parts(&parts, &r, data, max_size);
		parts_free(&parts);
		if (out)
			return out;
	}
	size = LLVMFuzzerMutate(data, size, max_size);
	if (how) {
		u8 *copy = image_copy(data, size).p;	/* aligned, as an image has to be */

		if (size >= sizeof(struct inkling_header))
			((struct inkling_header *)copy)->file_size = size;
		ink_image_seal(copy, size);
		memcpy(data, copy, size);
		free(copy);
	}
	return size;
}
