// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choosing ranges and bits by the error of the result.
 *
 * What lives here: comparing the engine's result on calibration rows with the
 * real network's, and trying range after range, one vector at a time. What
 * doesn't: see search.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "inkling.h"
#include "search.h"

#define SEARCH_PASSES	2
#define SEARCH_WORK	2e10	/* multiplications of all candidates on all rows */
#define ROWS_LEAST	128
#define SPREAD		6.0	/* logits from the threshold at which an error counts half */

/* Result of one run as real numbers. */
static void real_result(const struct ink_quant *q, const void *out, double *y)
{
	const struct ink_net_op *op = &q->net->ops[q->logits];
	const struct ink_grid *g = &q->ops[q->logits].grid;
	int32_t shift;
	uint32_t i;

	if (op->kind == INK_NET_DIST) {
		y[0] = *(const int32_t *)out * ink_quant_dist_unit(q, q->logits, &shift);
		return;
	}
	for (i = 0; i < op->width; i++) {
		int32_t v = g->dtype == INKLING_INT8 ? ((const int8_t *)out)[i] :
			    g->dtype == INKLING_INT16 ? ((const int16_t *)out)[i] :
			    ((const int32_t *)out)[i];

		y[i] = g->scale[0] * v + g->off[0];
	}
}

/* What a constant added to all logits changes is nothing: only differences count. */
static double logit_error(const double *want, const double *got, uint32_t n, double center)
{
	double mean = 0, top = -INFINITY, sum = 0, err = 0, margin, d;
	uint32_t i;

	for (i = 0; i < n; i++)
		mean += (got[i] - want[i]) / n;
	for (i = 1; i < n; i++)
		top = fmax(top, want[i]);
	for (i = 1; i < n; i++)
		sum += exp(want[i] - top);
	margin = (top + log(sum) - want[0] - center) / SPREAD;
	for (i = 0; i < n; i++) {
		d = got[i] - want[i] - mean;
		err += d * d;
	}
	return err / (1 + margin * margin);
}

static double row_error(const struct ink_quant *q, const struct ink_search *s, const double *want,
			const double *got)
{
	const struct ink_net_op *out = &q->net->ops[q->net->output];
	uint32_t n = q->net->ops[q->logits].width, i;
	double err = 0, d;

	if (out->kind == INK_NET_SOFTMAX && n > 1)
		return logit_error(want, got, n, s->center);
	if (out->kind == INK_NET_DIST) {
		d = (got[0] - want[0]) / (fabs(want[0]) + fabs(s->center) + 1e-9);
		return d * d;
	}
	for (i = 0; i < n; i++)
		err += (got[i] - want[i]) * (got[i] - want[i]);
	return err;
}

bool ink_search_error(const struct ink_quant *q, const struct ink_search *s, size_t rows,
		      double *error, struct ink_diag *why)
{
	uint32_t n = q->net->ops[q->logits].width;
	size_t in_size = q->schema->n * sizeof(int32_t), out_size, size, r;
	struct ink_model *model = NULL;
	double *got = NULL, sum = 0;
	void *image = NULL, *out = NULL;
	bool ok;

	ok = ink_emit_logits(q, &image, &size, why);
	if (ok) {
		model = ink_model_open_image(image, size);
		if (!model)
			ok = ink_fail(why, "the verifier refuses the image: %s",
				      ink_failure_last()->text) ||
			     ink_hint(why, "%s", ink_failure_last()->hint);
	}
	if (ok) {
		out_size = ink_model_output_size(model);
		out = malloc(out_size);
		got = malloc(n * sizeof(*got));
		if (!out || !got)
			ok = ink_fail(why, "no memory to run the model");
	}
	for (r = 0; ok && r < rows && r < q->rows; r++) {
		ink_model_run(model, s->raw + r * q->schema->n, in_size, out, out_size);
		real_result(q, out, got);
		sum += row_error(q, s, q->values[q->logits] + r * n, got);
	}
	*error = r ? sqrt(sum / r) : 0;
	ink_model_close(model);
	free(image);
	free(out);
	free(got);
	return ok;
}

/* The ranges that the search may change. */
struct knob {
	struct ink_span *span;
};

static uint32_t knobs(struct ink_quant *q, struct knob *k)
{
	uint32_t i, n = 0;

	for (i = 0; i < q->net->n_ops; i++) {
		const struct ink_net_op *op = &q->net->ops[i];
		struct ink_quant_op *qo = &q->ops[i];
		bool own = op->kind == INK_NET_DENSE || op->kind == INK_NET_UNARY ||
			   op->kind == INK_NET_ADD || op->kind == INK_NET_MUL;

		if (own && !op->fixed.set && !qo->logits && !qo->wide)
			k[n++].span = &qo->span;
		if (op->kind == INK_NET_DENSE && qo->has_table && !op->before.set)
			k[n++].span = &qo->before;
	}
	return n;
}

static bool candidate(struct ink_quant *q, struct ink_search *s, size_t rows, double *error,
		      struct ink_diag *why)
{
	if (!ink_quant_assign(q, why) || !ink_search_error(q, s, rows, error, why))
		return false;
	s->done++;
	s->tried++;
	if (s->progress)
		s->progress(s->arg, s->done, s->total);
	return true;
}

static bool same_range(const struct ink_span *a, unsigned int i, unsigned int k)
{
	return a->lo[i] == a->lo[k] && a->hi[i] == a->hi[k];
}

/* Try all ranges of one vector, keep the best. */
static bool turn(struct ink_quant *q, struct ink_search *s, struct ink_span *span, size_t rows,
		 double *best, struct ink_diag *why)
{
	unsigned int kept = span->use, c;
	double error;

	for (c = 0; c < INK_CLIPS; c++) {
		if (c == kept || same_range(span, c, kept) || (c && same_range(span, c, c - 1)) ||
		    !(span->hi[c] > span->lo[c])) {
			s->done++;
			continue;
		}
		span->use = c;
		if (!candidate(q, s, rows, &error, why))
			return false;
		if (error < *best * (1 - 1e-6)) {
			*best = error;
			kept = c;
		}
	}
	span->use = kept;
	return true;
}

static bool search_bits(struct ink_quant *q, struct ink_search *s, struct knob *k, uint32_t n,
			int bits, size_t rows, double *best, struct ink_diag *why)
{
	uint32_t i, pass;
	double before;

	q->bits = bits;
	for (i = 0; i < n; i++)
		k[i].span->use = 0;
	if (!candidate(q, s, rows, best, why))
		return false;
	s->first = *best;
	for (pass = 0; pass < SEARCH_PASSES; pass++) {
		before = *best;
		for (i = 0; i < n; i++)
			if (!turn(q, s, k[i].span, rows, best, why))
				return false;
		if (*best >= before)
			break;
	}
	return ink_quant_assign(q, why);
}

static void save(const struct knob *k, uint32_t n, unsigned int *use)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		use[i] = k[i].span->use;
}

static void restore(const struct knob *k, uint32_t n, const unsigned int *use)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		k[i].span->use = use[i];
}

/* 7 bits, which the engine may run faster, are good enough: beside 8, or as such. */
static bool seven_will_do(const struct ink_quant *q, const struct ink_search *s)
{
	enum ink_net_kind out = q->net->ops[q->net->output].kind;

	return s->error7 <= s->error8 * INK_SEARCH_TOLERANCE ||
	       ((out == INK_NET_SOFTMAX || out == INK_NET_DIST) &&
		s->error7 <= INK_SEARCH_NEGLIGIBLE);
}

/* 8 bits, then 7; one of them is kept. */
static bool search_both(struct ink_quant *q, struct ink_search *s, struct knob *k, uint32_t n,
			size_t rows, struct ink_diag *why)
{
	unsigned int *use = calloc(n + 1, sizeof(*use));
	double first;
	bool ok = use;

	if (!use)
		return ink_fail(why, "no memory to search");
	ok = search_bits(q, s, k, n, 8, rows, &s->error8, why);
	save(k, n, use);
	first = s->first;
	ok = ok && search_bits(q, s, k, n, 7, rows, &s->error7, why);
	s->error = s->error7;
	if (ok && !seven_will_do(q, s)) {
		s->error = s->error8;
		s->first = first;
		q->bits = 8;
		restore(k, n, use);
		ok = ink_quant_assign(q, why);
	}
	free(use);
	return ok;
}

bool ink_search_run(struct ink_quant *q, struct ink_search *s, struct ink_diag *why)
{
	struct knob *k = calloc(2 * q->net->n_ops, sizeof(*k));
	uint64_t macs = ink_net_macs(q->net);
	uint32_t n, runs = s->bits ? 1 : 2;
	size_t rows;
	double each;
	bool ok;

	if (!k)
		return ink_fail(why, "no memory to search");
	n = knobs(q, k);
	s->total = runs * (1 + SEARCH_PASSES * n * INK_CLIPS);
	each = SEARCH_WORK / s->total / (macs ? macs : 1);
	rows = each < ROWS_LEAST ? ROWS_LEAST : each > (double)q->rows ? q->rows : (size_t)each;
	ok = s->bits ? search_bits(q, s, k, n, s->bits, rows, &s->error, why) :
		       search_both(q, s, k, n, rows, why);
	s->rows = rows;
	free(k);
	return ok;
}
