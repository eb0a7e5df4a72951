// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writer of .ink images: collecting their parts.
 *
 * What lives here: growing arrays of features, tensors, ops and constant
 * bytes. What doesn't: their layout in the file and the hashes, see
 * image_layout.c.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_builder.h"
#include "image_builder_internal.h"

void ink_builder_fail(struct ink_builder *b, int err, const char *fmt, ...)
{
	va_list args;

	if (b->err)
		return;
	b->err = err;
	va_start(args, fmt);
	vsnprintf(b->error, sizeof(b->error), fmt, args);
	va_end(args);
}

/* Room for @n more bytes, zeroed; NULL with the error set. */
static void *array_grow(struct ink_builder *b, struct ink_builder_array *a, size_t n)
{
	size_t need, room;
	uint8_t *data;

	if (b->err)
		return NULL;
	if (__builtin_add_overflow(a->size, n, &need) || need > INK_BUILDER_MAX) {
		ink_builder_fail(b, -EFBIG, "image would be larger than %u bytes",
				 INK_BUILDER_MAX);
		return NULL;
	}
	if (need > a->room) {
		room = need < 4096 ? 4096 : need + need / 2;
		data = realloc(a->data, room);
		if (!data) {
			ink_builder_fail(b, -ENOMEM, "no memory for %zu bytes", room);
			return NULL;
		}
		a->data = data;
		a->room = room;
	}
	data = a->data + a->size;
	memset(data, 0, n);
	a->size = need;
	return data;
}

struct ink_builder *ink_builder_new(void)
{
	struct ink_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	memcpy(b->header.magic, INKLING_MAGIC, sizeof(b->header.magic));
	b->header.version = INKLING_FORMAT_VERSION;
	b->header.header_size = sizeof(b->header);
	return b;
}

void ink_builder_free(struct ink_builder *b)
{
	if (!b)
		return;
	free(b->features.data);
	free(b->names.data);
	free(b->tensors.data);
	free(b->ops.data);
	free(b->data.data);
	free(b);
}

const char *ink_builder_error(const struct ink_builder *b)
{
	return b->err ? b->error : NULL;
}

struct inkling_card *ink_builder_card(struct ink_builder *b)
{
	return &b->card;
}

struct inkling_header *ink_builder_header(struct ink_builder *b)
{
	return &b->header;
}

void ink_builder_text(struct ink_builder *b, char *field, size_t size, const char *what,
		      const char *text)
{
	size_t len = text ? strlen(text) : 0;
	size_t i;

	if (len >= size) {
		ink_builder_fail(b, -E2BIG, "%s is %zu bytes long; at most %zu fit: shorten \"%.24s...\"",
				 what, len, size - 1, text);
		return;
	}
	memset(field, 0, size);
	for (i = 0; i < len; i++) {
		unsigned char c = text[i];

		field[i] = c < 0x20 ? ' ' : c > 0x7e ? '?' : text[i];
	}
}

uint32_t ink_builder_class(struct ink_builder *b, const char *name)
{
	uint32_t i = b->header.n_classes;

	if (i >= INKLING_MAX_CLASSES) {
		ink_builder_fail(b, -E2BIG, "class \"%.31s\" is one more than the %u that fit",
				 name, INKLING_MAX_CLASSES);
		return 0;
	}
	ink_builder_text(b, b->card.classes[i], sizeof(b->card.classes[i]), "class name", name);
	b->header.n_classes++;
	return i;
}

static struct inkling_feature *feature_add(struct ink_builder *b, const char *name)
{
	struct inkling_feature *f = array_grow(b, &b->features, sizeof(*f));

	if (!f)
		return NULL;
	ink_builder_text(b, f->name, sizeof(f->name), "feature name", name);
	b->header.n_features++;
	return f;
}

uint32_t ink_builder_number(struct ink_builder *b, const char *name, unsigned int decimals)
{
	struct inkling_feature *f = feature_add(b, name);

	if (!f)
		return 0;
	f->kind = INKLING_FEATURE_NUMBER;
	f->decimals = decimals;
	return b->header.n_features - 1;
}

uint32_t ink_builder_category(struct ink_builder *b, const char *name,
			      const char *const *names, uint32_t n_names)
{
	struct inkling_feature *f = feature_add(b, name);
	uint32_t i;

	if (!f)
		return 0;
	f->kind = INKLING_FEATURE_CATEGORY;
	f->first_name = b->header.n_names;
	f->n_names = n_names;
	for (i = 0; i < n_names; i++) {
		struct inkling_name *n = array_grow(b, &b->names, sizeof(*n));

		if (!n)
			return 0;
		ink_builder_text(b, n->name, sizeof(n->name), "category", names[i]);
		b->header.n_names++;
	}
	return b->header.n_features - 1;
}

static size_t dtype_size(unsigned int dtype)
{
	switch (dtype) {
	case INKLING_INT16:
		return 2;
	case INKLING_INT32:
		return 4;
	default:
		return 1;
	}
}

uint32_t ink_builder_tensor(struct ink_builder *b, unsigned int kind, unsigned int dtype,
			    unsigned int rank, const uint32_t *dims)
{
	struct inkling_tensor *t = array_grow(b, &b->tensors, sizeof(*t));
	unsigned int i;

	if (!t)
		return INKLING_NONE;
	t->dtype = dtype;
	t->rank = rank;
	t->kind = kind;
	for (i = 0; i < rank && i < INKLING_MAX_RANK; i++)
		t->dims[i] = dims[i];
	return b->header.n_tensors++;
}

uint32_t ink_builder_input(struct ink_builder *b, unsigned int dtype, uint32_t n)
{
	return ink_builder_tensor(b, INKLING_TENSOR_INPUT, dtype, 1, &n);
}

uint32_t ink_builder_activation(struct ink_builder *b, unsigned int dtype, uint32_t n)
{
	return ink_builder_tensor(b, INKLING_TENSOR_ACTIVATION, dtype, 1, &n);
}

static uint32_t sequence(struct ink_builder *b, unsigned int kind, unsigned int dtype,
			 unsigned int rank, const uint32_t *dims)
{
	uint32_t index = ink_builder_tensor(b, kind, dtype, rank, dims);
	struct inkling_tensor *t = ink_builder_tensor_at(b, index);

	if (t)
		t->flags |= INKLING_TENSOR_SEQ;
	b->header.must |= INKLING_MUST_SEQUENCE;
	return index;
}

uint32_t ink_builder_tokens(struct ink_builder *b, unsigned int dtype, uint32_t n)
{
	return sequence(b, INKLING_TENSOR_INPUT, dtype, 1, &n);
}

uint32_t ink_builder_sequence(struct ink_builder *b, unsigned int dtype, uint32_t n, uint32_t cols)
{
	const uint32_t dims[] = { n, cols };

	return sequence(b, INKLING_TENSOR_ACTIVATION, dtype, 2, dims);
}

uint32_t ink_builder_rows(struct ink_builder *b, unsigned int dtype, uint32_t rows, uint32_t cols)
{
	const uint32_t dims[] = { rows, cols };

	return ink_builder_tensor(b, INKLING_TENSOR_ACTIVATION, dtype, 2, dims);
}

uint32_t ink_builder_state(struct ink_builder *b, uint32_t context, uint32_t cols)
{
	const uint32_t dims[] = { context, cols };

	return ink_builder_tensor(b, INKLING_TENSOR_STATE, INKLING_INT16, 2, dims);
}

uint32_t ink_builder_const(struct ink_builder *b, unsigned int dtype, unsigned int rank,
			   const uint32_t *dims, const void *data)
{
	uint32_t index = ink_builder_tensor(b, INKLING_TENSOR_CONST, dtype, rank, dims);
	struct inkling_tensor *t = ink_builder_tensor_at(b, index);
	size_t size = dtype_size(dtype);
	unsigned int i;
	void *to;

	if (!t)
		return INKLING_NONE;
	for (i = 0; i < rank; i++) {
		if (__builtin_mul_overflow(size, (size_t)dims[i], &size)) {
			ink_builder_fail(b, -EFBIG, "constant tensor %u is too large", index);
			return INKLING_NONE;
		}
	}
	/* Constants lie in the order of their tensors, each at a multiple of 64. */
	if (b->data.size % INKLING_ALIGN &&
	    !array_grow(b, &b->data, INKLING_ALIGN - b->data.size % INKLING_ALIGN))
		return INKLING_NONE;
	t->data_offset = b->data.size;
	t->data_size = size;
	to = array_grow(b, &b->data, size);
	if (!to)
		return INKLING_NONE;
	if (size)
		memcpy(to, data, size);
	return index;
}

uint32_t ink_builder_vector(struct ink_builder *b, unsigned int dtype, uint32_t n,
			    const void *data)
{
	return ink_builder_const(b, dtype, 1, &n, data);
}

uint32_t ink_builder_matrix(struct ink_builder *b, unsigned int dtype, uint32_t rows,
			    uint32_t cols, const void *data)
{
	uint32_t dims[2] = { rows, cols };

	return ink_builder_const(b, dtype, 2, dims, data);
}

struct inkling_tensor *ink_builder_tensor_at(struct ink_builder *b, uint32_t index)
{
	if (index >= b->header.n_tensors)
		return NULL;
	return (struct inkling_tensor *)b->tensors.data + index;
}

struct inkling_op *ink_builder_op_at(struct ink_builder *b, uint32_t index)
{
	if (index >= b->header.n_ops)
		return NULL;
	return (struct inkling_op *)b->ops.data + index;
}

struct inkling_feature *ink_builder_feature_at(struct ink_builder *b, uint32_t index)
{
	if (index >= b->header.n_features)
		return NULL;
	return (struct inkling_feature *)b->features.data + index;
}

uint32_t ink_builder_count(const struct ink_builder *b, uint32_t tensor)
{
	const struct inkling_tensor *t;
	uint32_t count = 1;
	unsigned int i;

	if (tensor >= b->header.n_tensors)
		return 0;
	t = (const struct inkling_tensor *)b->tensors.data + tensor;
	for (i = 0; i < t->rank && i < INKLING_MAX_RANK; i++)
		count *= t->dims[i];
	return count;
}

void ink_builder_scale(struct ink_builder *b, uint32_t tensor, uint32_t scale, int32_t zero_point)
{
	struct inkling_tensor *t = ink_builder_tensor_at(b, tensor);

	if (!t)
		return;
	t->scale = scale;
	t->zero_point = zero_point;
}

uint32_t ink_builder_op(struct ink_builder *b, unsigned int opcode, uint32_t out,
			const uint32_t *in, unsigned int n_in, const int32_t *attr,
			unsigned int n_attr)
{
	struct inkling_op *op;
	unsigned int i;

	if (n_in > INKLING_MAX_INPUTS || n_attr > INKLING_MAX_ATTRS) {
		ink_builder_fail(b, -E2BIG, "op %u: %u inputs and %u attributes; at most %u and %u fit",
				 b->header.n_ops, n_in, n_attr, INKLING_MAX_INPUTS,
				 INKLING_MAX_ATTRS);
		return INKLING_NONE;
	}
	if (opcode >= INKLING_OP_EMBED)
		b->header.must |= INKLING_MUST_SEQUENCE;
	op = array_grow(b, &b->ops, sizeof(*op));
	if (!op)
		return INKLING_NONE;
	op->opcode = opcode;
	op->version = 1;
	for (i = 0; i < INKLING_MAX_INPUTS; i++)
		op->in[i] = i < n_in ? in[i] : INKLING_NONE;
	for (i = 0; i < INKLING_MAX_OUTPUTS; i++)
		op->out[i] = i < 1 ? out : INKLING_NONE;
	for (i = 0; i < n_attr; i++)
		op->attr[i] = attr[i];
	return b->header.n_ops++;
}

uint32_t ink_builder_dense(struct ink_builder *b, uint32_t in, uint32_t out,
			   const struct ink_builder_dense *d)
{
	const int32_t attr[3] = { d->zero_point, d->lowest, d->highest };
	uint32_t ins[6];

	ins[0] = in;
	ins[1] = ink_builder_matrix(b, INKLING_INT8, d->m, d->n, d->weights);
	ins[2] = ink_builder_vector(b, INKLING_INT32, d->m, d->bias);
	ins[3] = ink_builder_vector(b, INKLING_INT32, d->m, d->mult);
	ins[4] = ink_builder_vector(b, INKLING_INT8, d->m, d->shift);
	ins[5] = d->table ? ink_builder_vector(b, INKLING_INT8, 256, d->table) : INKLING_NONE;
	return ink_builder_op(b, INKLING_OP_DENSE, out, ins, 6, attr, 3);
}

uint32_t ink_builder_quant(struct ink_builder *b, uint32_t in, uint32_t out,
			   const struct inkling_quant_row *rows, uint32_t n_rows)
{
	const uint32_t ins[2] = {
		in,
		ink_builder_matrix(b, INKLING_INT32, n_rows, sizeof(*rows) / sizeof(int32_t),
				   rows),
	};

	return ink_builder_op(b, INKLING_OP_QUANT, out, ins, 2, NULL, 0);
}

void ink_builder_io(struct ink_builder *b, uint32_t input, uint32_t output,
		    unsigned int head, int32_t threshold)
{
	b->header.input = input;
	b->header.output = output;
	b->header.head = head;
	b->header.threshold = threshold;
}
