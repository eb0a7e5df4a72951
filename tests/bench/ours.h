/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine as a contender, and its images.
 *
 * What lives here: what turns a network of nets.h into an image, and a plan of it that runs.
 */
#ifndef INK_BENCH_OURS_H
#define INK_BENCH_OURS_H

#include "core.h"
#include "nets.h"

/* What is around the layers: a mask. */
enum {
	AROUND_NOTHING,
	AROUND_QUANT = 1,	/* raw features in, instead of int8 */
	AROUND_VERDICT = 2,	/* softmax and a verdict of two classes, for nets with two outputs */
};

struct engine {
	void *image;
	struct ink_graph *graph;
	struct ink_plan *plan;
	enum ink_isa isa;
	void *arena;
	const void *in;
	u8 *out;
	u32 batch;
	bool verdict;
	s32 score;
};

/* An image for free(); ends the program when that fails. */
void *ours_image(const struct net *net, u32 around, size_t *size);

/* A plan of it; @in and @out are for the caller to set. */
struct engine *ours_open(const struct net *net, u32 around, u32 batch, enum ink_isa isa);
void ours_run(void *self);
void ours_close(void *self);

#endif /* INK_BENCH_OURS_H */
