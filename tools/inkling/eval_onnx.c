// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling eval --onnx: the scores of the float model that was compiled.
 *
 * What lives here: from raw features to the harm that the ONNX model sees.
 * What doesn't: its evaluation (tools/compile/onnx_float.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"
#include "inspect.h"
#include "onnx_float.h"
#include "schema.h"
#include "words.h"

#define BATCH	1024

static void die(const struct ink_diag *why)
{
	ink_die(INK_EXIT_INPUT, why->text, why->hint);
}

/* The schema of a model without one in its metadata: its features as they are. */
static struct ink_schema *plain_schema(const struct ink_eval *e, struct ink_diag *why)
{
	const struct inkling_header *h = ink_model_header(e->scorer.model);
	const struct inkling_feature *f = ink_model_features(e->scorer.model);
	struct ink_schema *schema = ink_schema_new();
	uint32_t i;

	if (!schema)
		ink_die(INK_EXIT_FAILED, "out of memory", NULL);
	for (i = 0; i < h->n_features; i++)
		if (!ink_schema_add(schema, f[i].name, f[i].decimals, why))
			die(why);
	return schema;
}

/* Bounds that came from the calibration are in the compiled model. */
static void take_bounds(const struct ink_eval *e, struct ink_schema *schema)
{
	struct ink_schema_feature *f;
	int32_t lo, hi;
	uint32_t i;

	for (i = 0; i < schema->n; i++) {
		f = &schema->more[i];
		if (!ink_inspect_range(ink_model_graph(e->scorer.model), i, &lo, &hi))
			lo = hi = 0;
		if (!f->has_lo)
			f->raw_lo = lo;
		if (!f->has_hi)
			f->raw_hi = hi;
	}
}

static struct ink_schema *read_schema(const struct ink_eval *e, const struct ink_onnx *onnx,
				      const char *path)
{
	const char *text = ink_onnx_metadata(onnx, "inkling.schema");
	const struct inkling_header *h = ink_model_header(e->scorer.model);
	struct ink_diag why = { .set = false };
	struct ink_schema *schema;

	schema = text ? ink_schema_parse(text, &why) : plain_schema(e, &why);
	if (!schema)
		die(&why);
	if (ink_schema_id(schema->features, schema->n, schema->names, schema->n_names) != h->schema)
		ink_die(INK_EXIT_REFUSED, ink_fmt("%s reads other features than the model", path),
			"give the ONNX file that this model was compiled from");
	take_bounds(e, schema);
	return schema;
}

/*
 * How harmful a row is: what a verdict is read off. Outputs may be
 * probabilities or logits; a row of the former sums to one.
 */
static double harm(const struct ink_eval *e, const double *y, size_t n, bool probabilities)
{
	double most = y[0], sum = 0;
	size_t i;

	if (e->scorer.head == INKLING_HEAD_ANOMALY)
		return y[0];
	if (n == 1)
		return probabilities ? y[0] : 1 / (1 + exp(-y[0]));
	if (probabilities)
		return 1 - y[0];
	for (i = 1; i < n; i++)
		most = y[i] > most ? y[i] : most;
	for (i = 0; i < n; i++)
		sum += exp(y[i] - most);
	return 1 - exp(y[0] - most) / sum;
}

/* Does the graph end in probabilities? Logits of some row would show. */
static bool are_probabilities(const double *y, size_t rows, size_t n)
{
	double sum;
	size_t i, k;

	for (i = 0; i < rows; i++) {
		for (k = 0, sum = 0; k < n; k++) {
			sum += y[i * n + k];
			if (y[i * n + k] < 0 || y[i * n + k] > 1 + 1e-6)
				return false;
		}
		if (n > 1 && fabs(sum - 1) > 1e-4)
			return false;
	}
	return true;
}

static void check_width(const struct ink_eval *e, const char *path, size_t width)
{
	uint32_t n = ink_model_header(e->scorer.model)->n_classes;

	if (e->scorer.head == INKLING_HEAD_ANOMALY ? width == 1 : width == n || (width == 1 && n == 2))
		return;
	ink_die(INK_EXIT_REFUSED, ink_fmt("%s has %zu outputs, the model has %u classes", path, width, n),
		"give the ONNX file that this model was compiled from");
}

/* All outputs, since one row doesn't tell logits from probabilities. */
static double *run_all(const struct ink_eval *e, const struct ink_onnx *onnx,
		       const struct ink_schema *schema, const char *path, size_t *width)
{
	struct ink_diag why = { .set = false };
	double *x = ink_xalloc((size_t)BATCH * schema->width, sizeof(*x)), *y, *all = NULL;
	size_t row, n, i;
	struct ink_progress bar;

	ink_progress_begin(&bar, path, e->n);
	for (row = 0; row < e->n; row += n) {
		n = e->n - row < BATCH ? e->n - row : BATCH;
		for (i = 0; i < n; i++)
			ink_schema_expand(schema, e->in + (row + i) * schema->n, x + i * schema->width);
		if (!ink_onnx_eval(onnx, x, n, schema->width, &y, width, &why))
			die(&why);
		if (!all) {
			check_width(e, path, *width);
			all = ink_xalloc(e->n * *width, sizeof(*all));
		}
		memcpy(all + row * *width, y, n * *width * sizeof(*y));
		free(y);
		ink_progress_update(&bar, row);
	}
	ink_progress_end(&bar);
	free(x);
	return all;
}

void ink_eval_run_onnx(struct ink_eval *e, const char *path)
{
	struct ink_diag why = { .set = false };
	struct ink_onnx *onnx = ink_onnx_open(path, NULL, &why);
	struct ink_schema *schema;
	bool probabilities;
	size_t i, width = 0;
	double *y;

	if (!onnx)
		die(&why);
	schema = read_schema(e, onnx, path);
	y = run_all(e, onnx, schema, path, &width);
	probabilities = are_probabilities(y, e->n, width);
	e->float_score = ink_xalloc(e->n, sizeof(*e->float_score));
	e->float_from = path;
	for (i = 0; i < e->n; i++)
		e->float_score[i] = harm(e, y + i * width, width, probabilities);
	free(y);
	free(schema);
	ink_onnx_free(onnx);
}
