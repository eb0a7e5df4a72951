/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From integers to an image.
 *
 * What lives here: writing a quantised network as .ink. What doesn't: the
 * layout of the file (tools/lib/image_builder.h).
 */
#ifndef INK_EMIT_H
#define INK_EMIT_H

#include "image_builder.h"
#include "quant.h"

/**
 * struct ink_card_text - what the image says of itself
 * @name: needed
 * @version: may be NULL, as all that follow
 * @license: SPDX expression
 * @description: what it tells apart
 * @training: data set, split, seed
 * @accuracy: as measured
 * @n_classes: of @classes
 * @classes: names, the harmless one first
 */
struct ink_card_text {
	const char *name;
	const char *version;
	const char *license;
	const char *description;
	const char *training;
	const char *accuracy;
	uint32_t n_classes;
	char classes[INKLING_MAX_CLASSES][32];
};

/* Into the builder of an image. */
void ink_emit_card(struct ink_builder *b, const struct ink_card_text *card);

/**
 * ink_emit() - write an image
 * @q: assigned
 * @card: of the image
 * @head: enum inkling_head
 * @threshold: score
 * @image: set, for free()
 * @size: set
 * @why: set when it fails
 */
bool ink_emit(const struct ink_quant *q, const struct ink_card_text *card, unsigned int head,
	      int32_t threshold, void **image, size_t *size, struct ink_diag *why);

/* Name, texts and classes of an image. */
void ink_emit_card(struct ink_builder *b, const struct ink_card_text *card);

/* The same without SOFTMAX, to compare logits: head RAW, output is q->logits. */
bool ink_emit_logits(const struct ink_quant *q, void **image, size_t *size, struct ink_diag *why);

#endif /* INK_EMIT_H */
