/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small valid images for the tests.
 *
 * What lives here: three images whose tensors and ops have fixed numbers, so
 * that a test can break one thing in them by name; random graphs that the
 * verifier accepts; and access to the parts of an image. What doesn't: any
 * test.
 */
#ifndef INK_TEST_MODELS_H
#define INK_TEST_MODELS_H

#include "core.h"
#include "image_builder.h"
#include "randmodel.h"

struct image {
	u8 *p;		/* exactly @size bytes, 64-byte aligned, for free() */
	size_t size;
};

/* flow: three features, QUANT, three DENSE, LUT, SOFTMAX; head CLASSES. */
enum {
	FLOW_IN, FLOW_ROWS, FLOW_Q,
	FLOW_H, FLOW_W1, FLOW_B1, FLOW_M1, FLOW_S1,
	FLOW_T, FLOW_W2, FLOW_B2, FLOW_M2, FLOW_S2, FLOW_TAB2,
	FLOW_L, FLOW_LUT,
	FLOW_Z, FLOW_W3, FLOW_B3, FLOW_M3, FLOW_S3,
	FLOW_P,
	FLOW_TENSORS,
};

enum { FLOW_QUANT, FLOW_DENSE1, FLOW_DENSE2, FLOW_LUTOP, FLOW_DENSE3, FLOW_SOFTMAX, FLOW_OPS };

/* recon: int8 input, two DENSE, DIST of the two; head ANOMALY. */
enum {
	RECON_IN,
	RECON_A, RECON_WA, RECON_BA, RECON_MA, RECON_SA,
	RECON_R, RECON_WR, RECON_BR, RECON_MR, RECON_SR,
	RECON_D,
	RECON_TENSORS,
};

enum { RECON_DENSE1, RECON_DENSE2, RECON_DIST, RECON_OPS };

/* mix: ADD, MUL with a constant, LUT, CONCAT, ARGMAX; head RAW. */
enum {
	MIX_IN,
	MIX_A, MIX_WA, MIX_BA, MIX_MA, MIX_SA,
	MIX_B, MIX_WB, MIX_BB, MIX_MB, MIX_SB,
	MIX_C,
	MIX_D, MIX_K,
	MIX_E, MIX_LUT,
	MIX_F,
	MIX_G,
	MIX_TENSORS,
};

enum { MIX_DENSE1, MIX_DENSE2, MIX_ADD, MIX_MUL, MIX_LUTOP, MIX_CONCAT, MIX_ARGMAX, MIX_OPS };

#define MIX_N	8	/* elements of the vectors of mix; RECON has the same */

enum model { MODEL_FLOW, MODEL_RECON, MODEL_MIX, MODEL_NR };

struct image model_image(enum model which);
const char *model_name(enum model which);

/* Exactly sized copy, so that ASan sees the first byte behind it. */
struct image image_copy(const void *p, size_t size);
struct image image_finish(struct ink_builder *b);
void image_free(struct image *img);

struct inkling_header *image_header(const struct image *img);
struct inkling_card *image_card(const struct image *img);
struct inkling_feature *image_feature(const struct image *img, u32 i);
struct inkling_name *image_name(const struct image *img, u32 i);
struct inkling_tensor *image_tensor(const struct image *img, u32 i);
struct inkling_op *image_op(const struct image *img, u32 i);
void *image_data(const struct image *img, u32 tensor);

/* A random graph that the verifier has to accept, exactly sized; without states. */
struct image random_image(u64 seed);
struct image random_image_of(enum ink_randmodel_kind kind, u64 seed);

#endif /* INK_TEST_MODELS_H */
