// SPDX-License-Identifier: GPL-2.0-only
/*
 * Language models in this process.
 *
 * What lives here: see lm.h. What doesn't: a command line.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "lm.h"

int ink_lm_init(struct ink_lm *lm, struct ink_model *model)
{
	const struct ink_graph *g = ink_model_graph(model);
	const struct ink_tensor *in = &g->tensors[g->header->input];
	const struct ink_tensor *out = &g->tensors[g->header->output];
	float unit;

	memset(lm, 0, sizeof(*lm));
	lm->model = model;
	if (!g->tokens || !g->context || g->header->head != INKLING_HEAD_RAW ||
	    out->dtype != INKLING_INT32 || out->count > 1u << (8 * in->elem)) {
		ink_failure_set(EOPNOTSUPP, "%s isn't a language model", g->card->name);
		ink_failure_hint("one has a sequence as input, keeps states, and gives a logit for each token");
		return -EOPNOTSUPP;
	}
	lm->wide = in->elem == 2;
	lm->vocabulary = out->count;
	memcpy(&unit, (const char *)g->image + g->header->section[INKLING_SEC_TENSORS].offset +
	       g->header->output * sizeof(struct inkling_tensor) +
	       offsetof(struct inkling_tensor, scale), sizeof(unit));
	if (!(unit > 0) || !isfinite(unit))
		return ink_failure_set(EOPNOTSUPP, "%s doesn't say what its logits are worth",
				       g->card->name);
	lm->unit = unit;
	lm->logits = calloc(out->count, sizeof(*lm->logits));
	lm->input = calloc(1, ink_model_input_size(model));
	if (!lm->logits || !lm->input)
		return ink_failure_set(ENOMEM, "no memory for a language model");
	return 0;
}

void ink_lm_free(struct ink_lm *lm)
{
	if (lm->input)
		explicit_bzero(lm->input, ink_model_input_size(lm->model));
	free(lm->input);
	free(lm->logits);
	memset(lm, 0, sizeof(*lm));
}

int ink_lm_read(struct ink_lm *lm, const uint16_t *tokens, size_t n)
{
	size_t done;
	uint32_t part;
	int err = 0;

	for (done = 0; !err && done < n; done += part) {
		part = (uint32_t)min_t(size_t, n - done, ink_model_tokens(lm->model));
		ink_model_put_tokens(lm->model, lm->input, tokens + done, part, 0);
		err = ink_model_run(lm->model, lm->input, ink_model_input_size(lm->model),
				    lm->logits, ink_model_output_size(lm->model));
	}
	return err;
}

double ink_lm_surprise(const struct ink_lm *lm, uint32_t token)
{
	double sum = 0, top;
	int32_t most = lm->logits[0];
	uint32_t i;

	for (i = 1; i < lm->vocabulary; i++)
		most = max(most, lm->logits[i]);
	top = most;
	for (i = 0; i < lm->vocabulary; i++)
		sum += exp((lm->logits[i] - top) * lm->unit);
	return log(sum) - (lm->logits[token] - top) * lm->unit;
}

int ink_lm_temperature(const struct ink_lm *lm, uint32_t milli, struct ink_choice *choice)
{
	double octaves = lm->unit * M_LOG2E * 65536 * 1000;
	int exponent;

	choice->mult = 0;
	choice->shift = 0;
	if (!milli)
		return 0;
	octaves = frexp(octaves / milli, &exponent);
	if (31 - exponent > 62 || 31 - exponent < 0)
		return ink_failure_set(EINVAL, "temperature %u.%03u is out of this model's range",
				       milli / 1000, milli % 1000);
	choice->mult = (u32)min_t(double, ldexp(octaves, 31), INT32_MAX);
	choice->shift = (u32)(31 - exponent);
	return 0;
}
