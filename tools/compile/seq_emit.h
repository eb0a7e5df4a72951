/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From integers to an image, for sequences.
 *
 * What lives here: writing a quantised network as .ink. What doesn't: choosing
 * scales (seq_quant.h).
 */
#ifndef INK_SEQ_EMIT_H
#define INK_SEQ_EMIT_H

#include "emit.h"
#include "seq_quant.h"

bool ink_seq_emit(const struct ink_seq_quant *q, const struct ink_card_text *card,
		  unsigned int head, int32_t threshold, void **image, size_t *size,
		  struct ink_diag *why);

#endif /* INK_SEQ_EMIT_H */
