// SPDX-License-Identifier: GPL-2.0-only
/*
 * The compiler as one call.
 *
 * What lives here: the order of the steps, and what is taken from the model's
 * metadata where the caller says nothing. What doesn't: the steps.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "inkling.h"
#include "seq_compile.h"

#define CHECK_ROWS	64	/* on which folding is compared with the model */
#define FOLD_TOLERANCE	1e-5
#define FALSE_ALARMS	0.01	/* of an anomaly model without a threshold */

const char *ink_compile_option(const struct ink_compile *c, const char *given, const char *key)
{
	const char *v = given ? given : ink_onnx_metadata(c->onnx, key);

	return v && v[0] ? v : NULL;
}

bool ink_compile_wish(const struct ink_compile *c, const char *given, enum ink_head_wish *wish,
		      struct ink_diag *why)
{
	const char *head = ink_compile_option(c, given, "inkling.head");
	char shown[32];

	if (!head)
		*wish = INK_WISH_AUTO;
	else if (!strcmp(head, "classes"))
		*wish = INK_WISH_CLASSES;
	else if (!strcmp(head, "anomaly"))
		*wish = INK_WISH_ANOMALY;
	else if (!strcmp(head, "raw"))
		*wish = INK_WISH_RAW;
	else
		return ink_fail(why, "head \"%s\" isn't classes, anomaly or raw",
				ink_printable(shown, sizeof(shown), head));
	return true;
}

static bool class_names(struct ink_compile *c, const char *text, struct ink_diag *why)
{
	const char *end;
	char shown[40];
	uint32_t n;

	for (n = 0; text; text = *end ? end + 1 : NULL, n++) {
		end = text + strcspn(text, "|,");
		ink_printable(shown, sizeof(shown), text);
		if (n >= INKLING_MAX_CLASSES)
			return ink_fail(why, "more than %u classes", INKLING_MAX_CLASSES);
		if (end == text || end - text >= (ptrdiff_t)sizeof(c->card.classes[0]))
			return ink_fail(why, "class %u: its name \"%s\" isn't 1 to %zu characters long",
					n, shown, sizeof(c->card.classes[0]) - 1);
		memcpy(c->card.classes[n], text, end - text);
	}
	if (n && n != c->card.n_classes)
		return ink_fail(why, "%u class names, the model tells %u classes apart", n,
				c->card.n_classes) ||
		       ink_hint(why, "give as many with --classes, the harmless one first");
	for (; n < c->card.n_classes; n++) {
		if (c->head == INKLING_HEAD_ANOMALY)
			strcpy(c->card.classes[n], n ? "anomalous" : "normal");
		else
			snprintf(c->card.classes[n], sizeof(c->card.classes[n]), "class%u", n);
	}
	return true;
}

bool ink_compile_classes(struct ink_compile *c, const struct ink_compile_options *o,
			 uint32_t width, const char *label, struct ink_diag *why)
{
	c->card.n_classes = c->head == INKLING_HEAD_CLASSES ? width :
			    c->head == INKLING_HEAD_ANOMALY ? 2 : 0;
	if (c->head == INKLING_HEAD_CLASSES && (width < 2 || width > INKLING_MAX_CLASSES))
		return ink_fail(why, "%s: %u classes; a model may have 2 to %u", label, width,
				INKLING_MAX_CLASSES) ||
		       ink_hint(why, "--head raw hands the output to the caller as it is");
	if (c->head == INKLING_HEAD_RAW)
		return true;
	return class_names(c, ink_compile_option(c, o->classes, "inkling.classes"), why);
}

static bool find_classes(struct ink_compile *c, const struct ink_compile_options *o,
			 enum ink_head_wish wish, struct ink_diag *why)
{
	const struct ink_net_op *out = &c->net->ops[c->net->output];

	c->head = INKLING_HEAD_RAW;
	if (wish != INK_WISH_RAW && out->kind == INK_NET_SOFTMAX)
		c->head = INKLING_HEAD_CLASSES;
	if (wish != INK_WISH_RAW && out->kind == INK_NET_DIST)
		c->head = INKLING_HEAD_ANOMALY;
	return ink_compile_classes(c, o, out->width, out->label, why);
}

static bool find_schema(struct ink_compile *c, const struct ink_compile_options *o,
			struct ink_diag *why)
{
	const char *text = ink_compile_option(c, o->schema, "inkling.schema");
	size_t width = ink_onnx_width(c->onnx);

	c->schema = text ? ink_schema_parse(text, why) :
		    ink_rows_guess(o->calibrate, o->label, o->decimals, width, why);
	if (!c->schema)
		return false;
	if (width && c->schema->width != width)
		return ink_fail(why, "the schema's %u features expand to %u numbers, the model's input has %zu",
				c->schema->n, c->schema->width, width) ||
		       ink_hint(why, "linear and log2 features make one number each, a onehot one for each category");
	return true;
}

/* The file's name without folder and extension. */
static void default_name(struct ink_compile *c, const char *path)
{
	const char *base = strrchr(path, '/');
	char *dot;

	snprintf(c->name, sizeof(c->name), "%s", base ? base + 1 : path);
	dot = strrchr(c->name, '.');
	if (dot && dot != c->name)
		*dot = 0;
}

void ink_compile_card(struct ink_compile *c, const struct ink_compile_options *o)
{
	default_name(c, o->onnx);
	c->card.name = ink_compile_option(c, o->name, "inkling.name");
	if (!c->card.name)
		c->card.name = c->name;
	c->card.version = ink_compile_option(c, o->version, "inkling.version");
	c->card.license = ink_compile_option(c, o->license, "inkling.license");
	c->card.description = ink_compile_option(c, o->description, "inkling.description");
	c->card.training = ink_compile_option(c, o->training, "inkling.training");
	c->card.accuracy = ink_compile_option(c, o->accuracy, "inkling.accuracy");
}

/* The simplified network against the model itself, on real rows. */
static bool check_fold(struct ink_compile *c, struct ink_diag *why)
{
	size_t rows = c->rows.n < CHECK_ROWS ? c->rows.n : CHECK_ROWS, width, i;
	uint32_t n = c->net->ops[c->net->output].width;
	double **values = calloc(c->net->n_ops, sizeof(*values)), *y = NULL, top = 1, d;
	double *x = calloc(rows * c->schema->width, sizeof(*x));
	bool ok = values && x;

	if (ok)
		ink_rows_expand(&c->rows, c->schema, 0, rows, x);
	else
		ink_fail(why, "no memory to check the network");
	ok = ok && ink_onnx_eval(c->onnx, x, rows, c->schema->width, &y, &width, why) &&
	     ink_net_eval(c->net, x, rows, c->schema->width, values, why);
	/* A head that was added (a softmax of logits) has nothing to be compared with. */
	for (i = 0; ok && i < rows * n && (width == n || (width == 1 && n == 2)); i++) {
		d = width == n ? y[i] : i % 2 ? y[i / 2] : 1 - y[i / 2];
		top = fmax(top, fabs(d));
		d = fabs(d - values[c->net->output][i]);
		c->fold_error = fmax(c->fold_error, d);
	}
	if (ok && c->fold_error > FOLD_TOLERANCE * top && !ink_onnx_quantised(c->onnx) &&
	    !c->head_added)
		ok = ink_fail(why, "the simplified network differs from the model by %g: this is a bug in the compiler",
			      c->fold_error) ||
		     ink_hint(why, "please report it with the model");
	if (values)
		ink_net_values_free(c->net, values);
	free(values);
	free(x);
	free(y);
	return ok;
}

/* Rows at even distances, so that a sorted file is covered as a whole. */
static bool calibrate(struct ink_compile *c, const struct ink_compile_options *o, int32_t **raw,
		      struct ink_diag *why)
{
	size_t most = o->rows ? o->rows : INK_COMPILE_ROWS, n, i, from;
	uint32_t w = c->schema->width, f = c->schema->n;
	double *x;

	n = c->rows.n < most ? c->rows.n : most;
	*raw = malloc(n * f * sizeof(**raw));
	x = malloc(n * w * sizeof(*x));
	if (!*raw || !x) {
		free(x);
		return ink_fail(why, "no memory for %zu calibration rows", n);
	}
	for (i = 0; i < n; i++) {
		from = (size_t)((double)i * c->rows.n / n);
		memcpy(*raw + i * f, c->rows.raw + from * f, f * sizeof(**raw));
		ink_rows_expand(&c->rows, c->schema, from, 1, x + i * w);
	}
	c->quant = ink_quant_new(c->net, c->schema, x, n, why);
	free(x);
	return c->quant;
}

static bool parse_threshold(struct ink_compile *c, const char *text, double *v,
			    struct ink_diag *why)
{
	char shown[32], *end;

	*v = strtod(text, &end);
	if (*end || !isfinite(*v) || *v < 0 || (c->head == INKLING_HEAD_CLASSES && *v > 1))
		return ink_fail(why, "threshold \"%s\" isn't %s",
				ink_printable(shown, sizeof(shown), text),
				c->head == INKLING_HEAD_CLASSES ? "a probability from 0 to 1" :
				"a distance >= 0");
	return true;
}

static int compare(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* The score that at most one in a hundred harmless calibration rows reaches. */
static bool usual_score(struct ink_compile *c, int32_t *threshold, struct ink_diag *why)
{
	struct ink_model *model = ink_model_open_image(c->image, c->size);
	int32_t *scores = calloc(c->rows.n, sizeof(*scores));
	size_t n = 0, i, at;
	bool ok = model && scores;

	if (!ok)
		ink_fail(why, "%s", model ? "no memory for scores" : ink_failure_last()->text);
	for (i = 0; ok && i < c->rows.n; i++)
		if (!c->rows.label || !c->rows.label[i])
			ink_model_run(model, c->rows.raw + i * c->schema->n,
				      c->schema->n * sizeof(int32_t), &scores[n++],
				      sizeof(*scores));
	if (ok && n) {
		qsort(scores, n, sizeof(*scores), compare);
		at = n - 1 - (size_t)(FALSE_ALARMS * n);
		*threshold = scores[at] < INT32_MAX ? scores[at] + 1 : INT32_MAX;
	}
	ink_model_close(model);
	free(scores);
	return ok;
}

static bool emit(struct ink_compile *c, struct ink_diag *why)
{
	free(c->image);
	c->image = NULL;
	return ink_emit(c->quant, &c->card, c->head, c->threshold, &c->image, &c->size, why);
}

bool ink_compile_probability(struct ink_compile *c, const struct ink_compile_options *o, double *v,
			     struct ink_diag *why)
{
	const char *text = ink_compile_option(c, o->threshold, "inkling.threshold");

	*v = 0.5;
	c->threshold_from = o->threshold ? "--threshold" : text ? "the model" : "default";
	c->threshold = 0;
	if (c->head == INKLING_HEAD_RAW)
		return true;
	if (text && !parse_threshold(c, text, v, why))
		return false;
	c->threshold = (int32_t)fmax(nearbyint(fmin(*v, 1) * 32768), 1);
	return true;
}

/* Threshold of the head, which for a distance depends on the integers chosen. */
static bool find_threshold(struct ink_compile *c, const struct ink_compile_options *o,
			   struct ink_diag *why)
{
	const char *text = ink_compile_option(c, o->threshold, "inkling.threshold");
	int32_t shift;
	double v;

	if (!ink_compile_probability(c, o, &v, why))
		return false;
	if (c->head != INKLING_HEAD_ANOMALY)
		return true;
	c->threshold = 1;
	if (!text) {
		c->threshold_from = "the calibration";
		return emit(c, why) && usual_score(c, &c->threshold, why);
	}
	v = ceil(v / ink_quant_dist_unit(c->quant, c->net->output, &shift));
	c->threshold = v < 1 ? 1 : v > INT32_MAX ? INT32_MAX : (int32_t)v;
	return true;
}

/* Where the search should be exact: the natural logit, or the distance, at the threshold. */
static double search_center(const struct ink_compile *c, const struct ink_compile_options *o)
{
	const char *text = ink_compile_option(c, o->threshold, "inkling.threshold");
	double v = text ? strtod(text, NULL) : 0.5;

	if (c->head != INKLING_HEAD_CLASSES)
		return text ? v : 0;
	v = fmin(fmax(v, 1e-6), 1 - 1e-6);
	return log(v / (1 - v));
}

static bool quantise(struct ink_compile *c, const struct ink_compile_options *o,
		     struct ink_diag *why)
{
	int32_t *raw = NULL;
	bool ok = calibrate(c, o, &raw, why);

	c->search = (struct ink_search){
		.raw = raw, .bits = o->bits, .center = search_center(c, o),
		.progress = o->progress, .arg = o->arg,
	};
	ok = ok && ink_search_run(c->quant, &c->search, why);
	c->search.raw = NULL;
	free(raw);
	return ok;
}

static bool build_net(struct ink_compile *c, const struct ink_compile_options *o,
		      struct ink_diag *why)
{
	enum ink_head_wish wish = INK_WISH_AUTO;
	enum ink_net_kind before;

	if (!ink_compile_wish(c, o->head, &wish, why))
		return false;
	c->net = ink_net_lower(c->onnx, c->schema->width, why);
	if (!c->net)
		return false;
	before = c->net->ops[c->net->output].kind;
	if (!ink_net_fold(c->net, wish, why))
		return false;
	c->head_added = ink_net_head_added(c->net, before);
	return find_classes(c, o, wish, why);
}

bool ink_compile_run(struct ink_compile *c, const struct ink_compile_options *o,
		     struct ink_diag *why)
{
	c->onnx = ink_onnx_open(o->onnx, o->output, why);
	if (c->onnx && c->onnx->tokens)
		return ink_seq_compile(c, o, why);
	if (!c->onnx || !find_schema(c, o, why) || !build_net(c, o, why))
		return false;
	ink_compile_card(c, o);
	if (!ink_rows_read(o->calibrate, c->schema, c->card.n_classes ? o->label : NULL, o->benign,
			   (const char (*)[32])c->card.classes, c->card.n_classes, &c->rows, why))
		return false;
	ink_schema_bound(c->schema, c->rows.raw, c->rows.n);
	return check_fold(c, why) && quantise(c, o, why) && find_threshold(c, o, why) &&
	       emit(c, why);
}

void ink_compile_free(struct ink_compile *c)
{
	ink_quant_free(c->quant);
	ink_net_free(c->net);
	ink_onnx_free(c->onnx);
	ink_rows_free(&c->rows);
	ink_seq_quant_free(c->seq_quant);
	ink_seq_free(c->seq);
	ink_samples_free(&c->samples);
	free(c->schema);
	free(c->image);
	memset(c, 0, sizeof(*c));
}
