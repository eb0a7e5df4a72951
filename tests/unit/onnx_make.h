/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ONNX files made by tests.
 *
 * What lives here: a model put together node by node and packed to bytes, good
 * or bad. What doesn't: reading one.
 */
#ifndef INK_TEST_ONNX_MAKE_H
#define INK_TEST_ONNX_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include "onnx.pb-c.h"

struct om;

/* A model with one input [N][width] of floats; @width 0: no shape given. */
struct om *om_new(int64_t opset, const char *input, int64_t width);
/* The input is a sequence of tokens then, int64 [1][length]; @length 0: any. */
void om_tokens(struct om *m, int64_t length);
/* A further input, of which nothing is said but its name. */
void om_input(struct om *m, const char *name);
void om_free(struct om *m);

/* The model's message, for what isn't covered here. */
Inkonnx__Model *om_model(struct om *m);

/* A float initializer; @cols 0: a vector; @rows 0 too: a scalar. */
Inkonnx__Tensor *om_const(struct om *m, const char *name, int64_t rows, int64_t cols,
			  const float *data);
/* An initializer of int64, or of int8 / uint8 with @type 3 / 2. */
Inkonnx__Tensor *om_ints(struct om *m, const char *name, int type, size_t n, const int64_t *data);
/* An initializer of @bytes of raw data of a type; @cols 0: a vector. */
void om_raw(struct om *m, const char *name, int type, int64_t rows, int64_t cols, const void *data,
	    size_t bytes);

/* A node; inputs with commas, an empty one isn't given. */
Inkonnx__Node *om_node(struct om *m, const char *op, const char *in, const char *out);
/* Attributes of the node made last. */
Inkonnx__Attribute *om_int(struct om *m, const char *name, int64_t v);
void om_float(struct om *m, const char *name, float v);
void om_int_list(struct om *m, const char *name, size_t n, const int64_t *v);
/* A Reshape to @n dimensions, and a Transpose of them. */
void om_reshape(struct om *m, const char *in, const char *out, size_t n, const int64_t *dims);
void om_transpose(struct om *m, const char *in, const char *out, size_t n, const int64_t *perm);

void om_output(struct om *m, const char *name);
void om_meta(struct om *m, const char *key, const char *value);

/* The bytes, for free(). */
uint8_t *om_pack(struct om *m, size_t *size);
/* The same in a file that is there until the process ends. */
const char *om_file(struct om *m);

/* Numbers that look random and are the same everywhere, from -1 to 1. */
void om_random(float *v, size_t n, uint32_t seed);
/* An initializer of them, from -@scale to @scale. */
void om_weights(struct om *m, const char *name, int64_t rows, int64_t cols, float scale,
		uint32_t seed);

#endif /* INK_TEST_ONNX_MAKE_H */
