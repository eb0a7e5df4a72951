/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writer of .ink images.
 *
 * What lives here: building an image piece by piece and laying it out as
 * inkling_format.h says, with schema id and digest. What doesn't: deciding
 * whether the image makes sense; that is ink_graph_parse()'s work, so that
 * tests can use this writer for images that have to be refused.
 */
#ifndef INK_IMAGE_BUILDER_H
#define INK_IMAGE_BUILDER_H

#include <stddef.h>
#include <stdint.h>
#include <linux/inkling_format.h>

struct ink_builder;

/**
 * ink_builder_new() - start an image
 *
 * The header has magic, version and sizes; all else is zero until it is set.
 *
 * Return: a builder for ink_builder_free(), or NULL without memory.
 */
struct ink_builder *ink_builder_new(void);
void ink_builder_free(struct ink_builder *b);

/**
 * ink_builder_error() - the first thing that went wrong
 * @b: builder
 *
 * Errors stick: calls after the first failing one do nothing, so that only
 * ink_builder_finish() has to be looked at.
 *
 * Return: one line for a person, or NULL if nothing went wrong.
 */
const char *ink_builder_error(const struct ink_builder *b);

/* Card and header, to be filled in directly; valid until ink_builder_free(). */
struct inkling_card *ink_builder_card(struct ink_builder *b);
struct inkling_header *ink_builder_header(struct ink_builder *b);

/**
 * ink_builder_text() - set a string of the card
 * @b: builder
 * @field: in the card, such as ink_builder_card(b)->name
 * @size: of the field, with the NUL
 * @what: the field's name, for the error when @text is too long
 * @text: NULL counts as empty
 *
 * An image takes printable ASCII only: control characters become spaces, other
 * bytes question marks.
 */
void ink_builder_text(struct ink_builder *b, char *field, size_t size, const char *what,
		      const char *text);

/* The next class name, the harmless one first; returns the class's index. */
uint32_t ink_builder_class(struct ink_builder *b, const char *name);

/**
 * ink_builder_number() - add a raw feature that is a number
 * @b: builder
 * @name: column name
 * @decimals: 0..9
 *
 * Return: index of the feature.
 */
uint32_t ink_builder_number(struct ink_builder *b, const char *name, unsigned int decimals);

/**
 * ink_builder_category() - add a raw feature that is one of several names
 * @b: builder
 * @name: column name
 * @names: of the categories, in the order of their raw numbers from 0
 * @n_names: their number
 *
 * Return: index of the feature.
 */
uint32_t ink_builder_category(struct ink_builder *b, const char *name,
			      const char *const *names, uint32_t n_names);

/**
 * ink_builder_tensor() - add a tensor that isn't a constant
 * @b: builder
 * @kind: INKLING_TENSOR_INPUT or INKLING_TENSOR_ACTIVATION
 * @dtype: enum inkling_dtype
 * @rank: 1..4
 * @dims: @rank numbers
 *
 * Return: index of the tensor.
 */
uint32_t ink_builder_tensor(struct ink_builder *b, unsigned int kind, unsigned int dtype,
			    unsigned int rank, const uint32_t *dims);
uint32_t ink_builder_input(struct ink_builder *b, unsigned int dtype, uint32_t n);
uint32_t ink_builder_activation(struct ink_builder *b, unsigned int dtype, uint32_t n);

/* Tokens of a call, at most @n: the input of a model of sequences. Sets INKLING_MUST_SEQUENCE. */
uint32_t ink_builder_tokens(struct ink_builder *b, unsigned int dtype, uint32_t n);
/* An activation with a row of @cols for each token. */
uint32_t ink_builder_sequence(struct ink_builder *b, unsigned int dtype, uint32_t n, uint32_t cols);
/* A matrix of activations. */
uint32_t ink_builder_rows(struct ink_builder *b, unsigned int dtype, uint32_t rows, uint32_t cols);
/* What an ATTENTION keeps of @context tokens, int16. */
uint32_t ink_builder_state(struct ink_builder *b, uint32_t context, uint32_t cols);

/**
 * ink_builder_const() - add a constant tensor and its bytes
 * @b: builder
 * @dtype: enum inkling_dtype
 * @rank: 1..4
 * @dims: @rank numbers
 * @data: as many elements as @dims say, copied; in the byte order of an image
 *
 * Return: index of the tensor.
 */
uint32_t ink_builder_const(struct ink_builder *b, unsigned int dtype, unsigned int rank,
			   const uint32_t *dims, const void *data);
uint32_t ink_builder_vector(struct ink_builder *b, unsigned int dtype, uint32_t n,
			    const void *data);
uint32_t ink_builder_matrix(struct ink_builder *b, unsigned int dtype, uint32_t rows,
			    uint32_t cols, const void *data);

/*
 * What a step of a tensor is worth, for people and tools. @scale is the bits of a float: the
 * kernel's tests write images too, and have no floating point.
 */
void ink_builder_scale(struct ink_builder *b, uint32_t tensor, uint32_t scale, int32_t zero_point);

/* Elements of a tensor that was added; 0 for an index that wasn't. */
uint32_t ink_builder_count(const struct ink_builder *b, uint32_t tensor);

/* A tensor that was added, to be changed; valid until the next is added. */
struct inkling_tensor *ink_builder_tensor_at(struct ink_builder *b, uint32_t index);
struct inkling_op *ink_builder_op_at(struct ink_builder *b, uint32_t index);
struct inkling_feature *ink_builder_feature_at(struct ink_builder *b, uint32_t index);

/**
 * ink_builder_op() - add an operator with one output
 * @b: builder
 * @opcode: enum inkling_opcode
 * @out: tensor that it makes
 * @in: tensors that it reads, INKLING_NONE where an optional one isn't given
 * @n_in: at most INKLING_MAX_INPUTS
 * @attr: attributes, may be NULL
 * @n_attr: at most INKLING_MAX_ATTRS
 *
 * Return: index of the op.
 */
uint32_t ink_builder_op(struct ink_builder *b, unsigned int opcode, uint32_t out,
			const uint32_t *in, unsigned int n_in, const int32_t *attr,
			unsigned int n_attr);

/* A DENSE in one call; @table may be INKLING_NONE. Returns the op's index. */
struct ink_builder_dense {
	uint32_t n, m;			/* inputs, outputs */
	const int8_t *weights;		/* [m][n] */
	const int32_t *bias;		/* [m] */
	const int32_t *mult;		/* [m] */
	const int8_t *shift;		/* [m] */
	const int8_t *table;		/* [256] or NULL */
	int32_t zero_point, lowest, highest;
};
uint32_t ink_builder_dense(struct ink_builder *b, uint32_t in, uint32_t out,
			   const struct ink_builder_dense *d);

/* A QUANT in one call: @rows becomes a constant [n_rows][8]. */
uint32_t ink_builder_quant(struct ink_builder *b, uint32_t in, uint32_t out,
			   const struct inkling_quant_row *rows, uint32_t n_rows);

/* What the caller writes and reads, and how a verdict is read off. */
void ink_builder_io(struct ink_builder *b, uint32_t input, uint32_t output,
		    unsigned int head, int32_t threshold);

/**
 * ink_builder_finish() - lay the image out
 * @b: builder; can be changed and finished again
 * @image: set to memory for free(), 64-byte aligned
 * @size: set to its size
 *
 * Return: 0, or a negative errno with ink_builder_error() set.
 */
int ink_builder_finish(struct ink_builder *b, void **image, size_t *size);

/**
 * ink_image_schema() - schema id of an image's features and names
 * @image: laid out, its section table in range of @size
 * @size: of the image
 *
 * Return: the id, or 0 if the sections don't lie in the image.
 */
uint64_t ink_image_schema(const void *image, size_t size);

/**
 * ink_image_seal() - recompute schema id and digest after a change
 * @image: at least a header long, else nothing is done
 * @size: of the image
 *
 * For tests that break a rule behind the digest.
 */
void ink_image_seal(void *image, size_t size);

#endif /* INK_IMAGE_BUILDER_H */
