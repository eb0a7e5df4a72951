// SPDX-License-Identifier: GPL-2.0-only
/*
 * Float and integers on the same samples of tokens.
 *
 * What lives here: running both and comparing. What doesn't: printing
 * (report.c), models of features (report_run.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "report.h"
#include "seq_compile.h"

#define MEMORY	((size_t)512 << 20)

struct comparison {
	struct ink_report *r;
	const struct ink_compile *c;
	struct ink_model *model;
	void *in;
	void *out;
	double **values;
	uint16_t *tokens;
};

/* Class by the same rule as the engine's. */
static uint32_t float_class(const struct ink_compile *c, const double *y)
{
	uint32_t best = 1, i;

	if (1 - y[0] < c->threshold / 32768.0)
		return 0;
	for (i = 2; i < c->card.n_classes; i++)
		if (y[i] > y[best])
			best = i;
	return best;
}

static void count(struct comparison *p, const double *y, size_t samples)
{
	const struct ink_seq_op *out = &p->c->seq->ops[p->c->seq->output];
	double scale = p->c->seq_quant->grid[p->c->seq->output].scale, v, gap = 0;
	bool wide = p->c->seq_quant->grid[p->c->seq->output].logits;
	struct inkling_verdict verdict;
	uint32_t i;

	if (out->kind == INK_SEQ_SOFTMAX)
		scale = 1.0 / 32768;
	for (i = 0; i < out->rows * out->cols; i++) {
		v = (wide ? ((const int32_t *)p->out)[i] : ((const int16_t *)p->out)[i]) * scale;
		gap = fmax(gap, fabs(v - y[i]));
	}
	p->r->mean_gap += gap / (double)samples;
	p->r->max_gap = fmax(p->r->max_gap, gap);
	if (p->c->head != INKLING_HEAD_CLASSES)
		return;
	ink_model_verdict(p->model, p->out, p->c->threshold, &verdict);
	p->r->differ += verdict.class != float_class(p->c, y);
}

static bool run(struct comparison *p, const struct ink_samples *samples, struct ink_diag *why)
{
	const struct ink_seq_net *net = p->c->seq;
	struct ink_pool pool;
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < samples->n; i++) {
		uint32_t n = ink_seq_sample(net, samples, i, p->tokens);

		ink_pool_init(&pool, MEMORY);
		ok = ink_seq_eval(net, p->tokens, n, &pool, p->values, why);
		ink_model_put_tokens(p->model, p->in, p->tokens, n, (uint8_t)p->c->seq->pad);
		if (ok && ink_model_run(p->model, p->in, ink_model_input_size(p->model), p->out,
					ink_model_output_size(p->model)))
			ok = ink_fail(why, "the engine refuses a sample of %u tokens: %s", n,
				      ink_failure_last()->text);
		if (ok)
			count(p, p->values[net->output], samples->n);
		ink_pool_free(&pool);
	}
	return ok;
}

bool ink_seq_report(struct ink_report *r, const struct ink_compile *c,
		    const struct ink_samples *samples, struct ink_diag *why)
{
	struct comparison p = {
		.r = r, .c = c, .model = ink_model_open_image(c->image, c->size),
		.values = calloc(c->seq->n_ops, sizeof(*p.values)),
		.tokens = calloc(c->seq->tokens, sizeof(*p.tokens)),
	};
	bool ok;

	memset(r, 0, sizeof(*r));
	r->rows = samples->n;
	if (!p.model)
		ok = ink_fail(why, "the verifier refuses the image: %s", ink_failure_last()->text) ||
		     ink_hint(why, "%s", ink_failure_last()->hint);
	else
		p.out = malloc(ink_model_output_size(p.model));
	if (p.model)
		p.in = calloc(1, ink_model_input_size(p.model));
	ok = p.model && p.out && p.in && p.values && p.tokens;
	if (!ok)
		ink_fail(why, "no memory to compare %zu samples", samples->n);
	ok = ok && run(&p, samples, why);
	ink_model_close(p.model);
	free(p.in);
	free(p.out);
	free(p.values);
	free(p.tokens);
	return ok;
}
