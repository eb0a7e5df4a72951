/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INK_BENCH_PEER_FLOAT_H
#define INK_BENCH_PEER_FLOAT_H

#include "seqnets.h"

/* The decoder as a plain loop of floats. */
struct float_decoder;
struct float_decoder *float_open(const struct decoder *d);
void float_token(struct float_decoder *f, uint32_t token, uint32_t position);
void float_close(struct float_decoder *f);

#endif /* INK_BENCH_PEER_FLOAT_H */
