/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * onnxruntime as a peer: a session of one model with one input and one output.
 */
#ifndef INK_BENCH_ORT_H
#define INK_BENCH_ORT_H

#include <stddef.h>
#include <stdint.h>

#include "seqnets.h"

/* A tensor over the caller's memory, which stays its own. */
struct ort_tensor {
	const char *name;
	void *data;
	size_t size;		/* bytes */
	int type;		/* ONNXTensorElementDataType */
	int64_t shape[3];
	size_t dims;
};

struct ort;

/**
 * ort_open() - a session
 * @model: an ONNX file, not needed afterwards
 * @size: of it
 * @in: its input; the name has to stay
 * @out: its output; likewise
 * @why: set when there is none
 */
struct ort *ort_open(const void *model, size_t size, const struct ort_tensor *in,
		     const struct ort_tensor *out, const char **why);
void ort_run_once(void *self);
void ort_close(void *self);

/* An encoder's layers and its mean, from embedded tokens on; @bytes: dynamically quantised to int8. */
void *ort_encoder_open(const struct encoder *e, bool bytes, const char **why);
void ort_encoder_close(void *self);
void ort_encoder_run(void *self);

#endif /* INK_BENCH_ORT_H */
