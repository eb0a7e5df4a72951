/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A plain float loop over a language model, as the peer to be faster than.
 */
#ifndef INK_BENCH_PEER_LLAMA_H
#define INK_BENCH_PEER_LLAMA_H

#include "llama.h"

struct peer_llama;

struct peer_llama *peer_llama_new(const struct ink_llama *m);
void peer_llama_free(struct peer_llama *p);
/* Read @token at @position; logits, valid until the next call. */
const float *peer_llama_read(struct peer_llama *p, uint32_t token, uint32_t position);

#endif /* INK_BENCH_PEER_LLAMA_H */
