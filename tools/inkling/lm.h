/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Language models in this process.
 *
 * What lives here: what generate, score-text and the compiler's report share:
 * tokens in, logits out. What doesn't: text (inkling.h), the choice of a token
 * (kmod/core/sample.h).
 */
#ifndef INK_LM_H
#define INK_LM_H

#include "inkling.h"
#include "sample.h"

/**
 * struct ink_lm - a language model that reads a text
 * @model: the caller's
 * @vocabulary: tokens
 * @unit: real value of one step of a logit
 * @logits: after the last token that was read, [vocabulary]
 * @input: as the model wants it
 * @wide: its tokens have two bytes
 */
struct ink_lm {
	struct ink_model *model;
	uint32_t vocabulary;
	double unit;
	int32_t *logits;
	void *input;
	bool wide;
};

/* 0; -EOPNOTSUPP when it isn't a language model; -ENOMEM. ink_lm_free() in any case. */
int ink_lm_init(struct ink_lm *lm, struct ink_model *model);
void ink_lm_free(struct ink_lm *lm);

/* Read tokens, as many at a time as the model takes; 0 or an error of ink_model_run(). */
int ink_lm_read(struct ink_lm *lm, const uint16_t *tokens, size_t n);

/* -log p(@token) in natural units, by the logits. */
double ink_lm_surprise(const struct ink_lm *lm, uint32_t token);

/**
 * ink_lm_temperature() - how logits become weights
 * @lm: model
 * @milli: temperature in thousandths; 0: always the likeliest
 * @choice: @mult and @shift are set
 *
 * Return: 0, or -EINVAL when there is no such multiplier.
 */
int ink_lm_temperature(const struct ink_lm *lm, uint32_t milli, struct ink_choice *choice);

#endif /* INK_LM_H */
