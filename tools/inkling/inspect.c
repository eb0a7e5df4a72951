// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling inspect: what is in a model, for people.
 *
 * What lives here: the text form. What doesn't: the JSON form (inspect_json.c)
 * and any check (the verifier has made them all when a model is open).
 */
#include <math.h>
#include <string.h>
#include "inspect.h"
#include "words.h"

static const struct ink_usage usage = {
	.args = "MODEL.ink",
	.about =
	"Shows a model's card, the features that it reads, its graph with the range that the\n"
	"verifier proved for each tensor, and what a run costs: multiply-accumulates, memory,\n"
	"time, and the contexts of the kernel in which it may run.",
	.example = "inkling inspect flow.ink\ninkling inspect --json flow.ink | jq .schema",
	.min_args = 1,
	.max_args = 1,
};

/* Lines of a text that is longer than a line, behind a label. */
static void print_wrapped(const char *label, const char *text)
{
	int room = 84, n;

	if (!*text)
		return;
	while (*text) {
		n = (int)strlen(text);
		if (n > room)
			for (n = room; n > 0 && text[n] != ' '; n--)
				;
		if (n == 0)
			n = (int)strlen(text) < room ? (int)strlen(text) : room;
		printf("%-13s%.*s\n", label, n, text);
		text += n;
		text += strspn(text, " ");
		label = "";
	}
}

static void print_card(const struct ink_model *model)
{
	const struct inkling_header *h = ink_model_header(model);
	const struct inkling_card *card = ink_model_card(model);
	size_t size;
	uint32_t i;

	ink_model_image(model, &size);
	printf("%-13s%s %s\n", "model", card->name, card->version);
	print_wrapped("description", card->description);
	print_wrapped("training", card->training);
	print_wrapped("accuracy", card->accuracy);
	print_wrapped("license", card->license);
	printf("%-13s%s\n", "digest", ink_fmt_digest(h->digest));
	printf("%-13s%s\n", "size", ink_fmt_bytes(size));
	printf("%-13s%s", "head", ink_word_head(h->head));
	if (h->head != INKLING_HEAD_RAW)
		printf(", threshold %s", ink_word_score(h->threshold, h->head));
	putchar('\n');
	for (i = 0; i < h->n_classes; i++)
		printf("%-13s%u %s%s\n", i ? "" : "classes", i, card->classes[i],
		       i ? "" : " (harmless)");
}

/* What QUANT makes of a feature; NULL when it isn't read by one. */
static const struct inkling_quant_row *find_quant_row(const struct ink_graph *g, uint32_t feature)
{
	const struct inkling_quant_row *rows;
	uint32_t i, k;

	for (i = 0; i < g->header->n_ops; i++) {
		if (g->ops[i].opcode != INKLING_OP_QUANT)
			continue;
		rows = g->tensors[g->ops[i].in[1]].data;
		for (k = 0; k < g->tensors[g->ops[i].in[1]].rows; k++)
			if (rows[k].feature == (int32_t)feature)
				return &rows[k];
	}
	return NULL;
}

const char *ink_inspect_quant(const struct ink_graph *g, uint32_t feature)
{
	const struct inkling_quant_row *row = find_quant_row(g, feature);

	if (!row)
		return "not read";
	return row->kind == INKLING_QUANT_LINEAR ? "linear" :
	       row->kind == INKLING_QUANT_LOG2 ? "log2" : "one-hot";
}

bool ink_inspect_range(const struct ink_graph *g, uint32_t feature, int32_t *lo, int32_t *hi)
{
	const struct inkling_quant_row *row = find_quant_row(g, feature);

	if (!row)
		return false;
	*lo = row->lo;
	*hi = row->hi;
	return true;
}

/* Category names in one cell, cut when there are many. */
static const char *names_cell(const struct inkling_feature *f, const struct inkling_name *names)
{
	const char *text = "";
	uint32_t i;

	for (i = 0; i < f->n_names && strlen(text) < 44; i++)
		text = ink_fmt("%s%s%s", text, i ? "|" : "", names[f->first_name + i].name);
	return i < f->n_names ? ink_fmt("%s|... (%u)", text, f->n_names) : text;
}

static void print_features(const struct ink_model *model)
{
	const struct inkling_feature *features = ink_model_features(model);
	const struct inkling_name *names = ink_model_names(model);
	const struct inkling_header *h = ink_model_header(model);
	const struct ink_graph *g = ink_model_graph(model);
	const struct inkling_feature *f;
	struct ink_table *t;
	const char *range;
	int32_t lo, hi;
	uint32_t i;

	printf("\ninput        %zu bytes", ink_model_input_size(model));
	if (!h->n_features) {
		puts(", not made of features");
		return;
	}
	printf(", %u features as int32, schema %s\n\n", h->n_features, ink_word_schema(h->schema));
	t = ink_table_new(">#", "FEATURE", "KIND", ">DECIMALS", "SCALE", "RANGE", NULL);
	for (i = 0; i < h->n_features; i++) {
		f = &features[i];
		if (f->kind == INKLING_FEATURE_CATEGORY)
			range = names_cell(f, names);
		else if (ink_inspect_range(g, i, &lo, &hi))
			range = ink_fmt("%.*f to %.*f", f->decimals, lo / pow(10, f->decimals),
					f->decimals, hi / pow(10, f->decimals));
		else
			range = "";
		ink_table_row(t, ink_fmt("%u", i), f->name,
			      f->kind == INKLING_FEATURE_CATEGORY ? "category" : "number",
			      f->kind == INKLING_FEATURE_CATEGORY ? "" : ink_fmt("%u", f->decimals),
			      ink_inspect_quant(g, i), range, NULL);
	}
	ink_table_print(t, stdout);
}

/* "int8 [4][3]" of the image's tensor */
const char *ink_inspect_shape(const struct ink_graph *g, uint32_t tensor)
{
	const struct inkling_section *s = &g->header->section[INKLING_SEC_TENSORS];
	const struct inkling_tensor *t = (const void *)((const char *)g->image + s->offset);
	const char *text = ink_word_dtype(t[tensor].dtype);
	uint32_t k;

	for (k = 0; k < t[tensor].rank; k++)
		text = ink_fmt("%s%s[%u]", text, k ? "" : " ", t[tensor].dims[k]);
	return text;
}

uint64_t ink_inspect_macs(const struct ink_graph *g, uint32_t op)
{
	const struct ink_tensor *w = &g->tensors[g->ops[op].in[1]];

	return g->ops[op].opcode == INKLING_OP_DENSE ? (uint64_t)w->rows * w->cols : 0;
}

static const char *inputs_cell(const struct ink_graph *g, uint32_t op)
{
	const char *text = "";
	uint32_t k, tensor;

	for (k = 0; k < INKLING_MAX_INPUTS; k++) {
		tensor = g->ops[op].in[k];
		if (tensor != INKLING_NONE)
			text = ink_fmt("%s%s%s%u", text, *text ? " " : "",
				       g->tensors[tensor].kind == INKLING_TENSOR_CONST ? "c" : "t",
				       tensor);
	}
	return text;
}

static void print_graph(const struct ink_model *model)
{
	const struct ink_graph *g = ink_model_graph(model);
	const struct ink_tensor *out;
	struct ink_table *t;
	uint32_t i;

	printf("\ngraph        %u ops, %u tensors (t: computed, c: constant); every value is proven\n"
	       "             to lie in its range and no accumulator can overflow\n\n",
	       g->header->n_ops, g->header->n_tensors);
	t = ink_table_new(">#", "OP", "READS", "MAKES", "SHAPE", ">LOWEST", ">HIGHEST", ">MACS", NULL);
	for (i = 0; i < g->header->n_ops; i++) {
		out = &g->tensors[g->ops[i].out[0]];
		ink_table_row(t, ink_fmt("%u", i), ink_word_opcode(g->ops[i].opcode),
			      inputs_cell(g, i), ink_fmt("t%u", g->ops[i].out[0]),
			      ink_inspect_shape(g, g->ops[i].out[0]), ink_fmt("%d", out->lo),
			      ink_fmt("%d", out->hi),
			      ink_inspect_macs(g, i) ? ink_fmt_count(ink_inspect_macs(g, i)) : "",
			      NULL);
	}
	ink_table_print(t, stdout);
}

static void print_cost(const struct ink_model *model)
{
	struct ink_model_stat stat;

	ink_model_stat(model, &stat);
	printf("\noutput       %zu bytes\n", ink_model_output_size(model));
	printf("cost         %s multiply-accumulates, %s of weights and tables\n",
	       ink_fmt_count(stat.macs), ink_fmt_bytes(stat.bytes));
	printf("             at most %s with vectors (%s), %s without\n", ink_fmt_ns(stat.cost_simd),
	       ink_model_isa(model), ink_fmt_ns(stat.cost_scalar));
	printf("memory       %s for each run, %s for the plan besides the image\n",
	       ink_fmt_bytes(stat.arena), ink_fmt_bytes(stat.memory));
	printf("contexts     %s\n", ink_word_contexts(stat.contexts));
}

int cmd_inspect(int argc, char **argv)
{
	struct ink_model *model;

	ink_args_parse(argc, argv, &usage);
	model = ink_open_model(argv[1]);
	if (ink_cli.json) {
		ink_json_print(ink_inspect_json(model));
	} else {
		print_card(model);
		print_features(model);
		print_graph(model);
		print_cost(model);
	}
	ink_model_close(model);
	return INK_EXIT_OK;
}
