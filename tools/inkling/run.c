// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling run and inkling score: verdicts on inputs, here or in the kernel.
 *
 * What lives here: the two commands and their common output. What doesn't:
 * sources (source.c) and engines (scorer.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"
#include "scorer.h"
#include "words.h"

/* State of one command. */
struct run {
	struct ink_scorer scorer;
	struct ink_source source;
	const char *out_path;
	FILE *out;
	uint8_t *in_buf, *out_buf;
	struct inkling_verdict *verdicts;
	uint64_t row;
	struct ink_progress progress;
};

/* Element @i of an output whose type only the model's file tells. */
static int32_t output_element(const struct run *r, const uint8_t *out, uint32_t i)
{
	const struct ink_graph *g = ink_model_graph(r->scorer.model);
	const struct ink_tensor *t = &g->tensors[g->header->output];

	if (t->elem == 1)
		return (int8_t)out[i];
	if (t->elem == 2)
		return (int16_t)get_unaligned_le16(out + 2 * i);
	return (int32_t)get_unaligned_le32(out + 4 * i);
}

static uint32_t output_elements(const struct run *r)
{
	const struct ink_graph *g;

	if (!r->scorer.model)
		return 0;
	g = ink_model_graph(r->scorer.model);
	return g->tensors[g->header->output].count;
}

static void print_json(const struct run *r, const uint8_t *out, const struct inkling_verdict *v)
{
	struct json_object *o = ink_json_object(), *values;
	uint32_t i, n = output_elements(r);

	ink_json_u64(o, "row", r->row);
	if (r->scorer.head != INKLING_HEAD_RAW) {
		ink_json_int(o, "class", v->class);
		ink_json_str(o, "name", ink_scorer_class(&r->scorer, v->class));
		ink_json_int(o, "score", v->score);
	}
	if (r->scorer.head == INKLING_HEAD_CLASSES)
		ink_json_num(o, "probability", (double)v->score / 32768, 6);
	if (r->scorer.session) {
		ink_json_str(o, "action", ink_word_action(v->action));
		ink_json_str(o, "mode", ink_word_mode(v->mode));
		ink_json_int(o, "generation", v->generation);
	}
	if (n) {
		values = ink_json_array();
		for (i = 0; i < n; i++)
			json_object_array_add(values, json_object_new_int(output_element(r, out, i)));
		ink_json_add(o, "output", values);
	}
	ink_json_print(o);
}

static void print_heading(const struct run *r)
{
	if (ink_cli.json || ink_cli.quiet)
		return;
	if (r->scorer.head == INKLING_HEAD_RAW)
		puts("     row  output");
	else
		printf("     row  %-24s %10s%s%s\n", "class", "score",
		       r->scorer.head == INKLING_HEAD_CLASSES ? "  probability" : "",
		       r->scorer.session ? "  action" : "");
}

static void print_text(const struct run *r, const uint8_t *out, const struct inkling_verdict *v)
{
	uint32_t i, n = output_elements(r);

	printf("%8llu ", (unsigned long long)r->row);
	if (r->scorer.head == INKLING_HEAD_RAW) {
		for (i = 0; i < n; i++)
			printf(" %d", output_element(r, out, i));
		putchar('\n');
		return;
	}
	printf(" %-24s %10d", ink_scorer_class(&r->scorer, v->class), v->score);
	if (r->scorer.head == INKLING_HEAD_CLASSES)
		printf("  %11.4f", (double)v->score / 32768);
	if (r->scorer.session)
		printf("  %s", ink_word_action(v->action));
	putchar('\n');
}

static void run_batch(struct run *r, size_t n)
{
	const uint8_t *out;
	size_t i;

	if (!r->row)
		print_heading(r);
	ink_scorer_run(&r->scorer, n, r->in_buf, r->out_buf, r->verdicts);
	if (r->out && fwrite(r->out_buf, r->scorer.out_size, n, r->out) != n)
		ink_die(INK_EXIT_FAILED, ink_fmt("%s can't be written: %s", r->out_path,
						 strerror(errno)), NULL);
	for (i = 0; i < n; i++) {
		r->row++;
		out = r->out_buf + i * r->scorer.out_size;
		if (ink_cli.json)
			print_json(r, out, &r->verdicts[i]);
		else if (!r->out || !ink_cli.quiet)
			print_text(r, out, &r->verdicts[i]);
	}
}

static void run_all(struct run *r)
{
	uint64_t total, position;
	size_t n = 0;

	r->in_buf = ink_xalloc(INK_SOURCE_BATCH, r->scorer.in_size);
	r->out_buf = ink_xalloc(INK_SOURCE_BATCH, r->scorer.out_size);
	r->verdicts = ink_xalloc(INK_SOURCE_BATCH, sizeof(*r->verdicts));
	ink_source_position(&r->source, &total);
	ink_progress_begin(&r->progress, "rows", total);
	while (ink_source_next(&r->source, &r->scorer, r->in_buf + n * r->scorer.in_size)) {
		if (++n < INK_SOURCE_BATCH)
			continue;
		run_batch(r, n);
		n = 0;
		position = ink_source_position(&r->source, &total);
		ink_progress_update(&r->progress, total ? position : r->row);
	}
	if (n)
		run_batch(r, n);
	ink_progress_end(&r->progress);
	free(r->in_buf);
	free(r->out_buf);
	free(r->verdicts);
}

static int run_main(struct run *r)
{
	ink_source_open(&r->source, &r->scorer);
	if (r->out_path) {
		r->out = fopen(r->out_path, "we");
		if (!r->out)
			ink_die(ink_exit_errno(errno), ink_fmt("%s: %s", r->out_path, strerror(errno)),
				NULL);
	}
	run_all(r);
	if (r->out && fclose(r->out))
		ink_die(INK_EXIT_FAILED, ink_fmt("%s can't be written: %s", r->out_path,
						 strerror(errno)), NULL);
	ink_source_close(&r->source);
	ink_scorer_close(&r->scorer);
	return INK_EXIT_OK;
}

int cmd_run(int argc, char **argv)
{
	static const char *isa, *threshold;
	static struct run r;
	static const struct ink_option options[] = {
		{ "data", 'd', "FILE", "CSV file whose first line names the columns; - is stdin",
		  INK_OPT_STRING, &r.source.csv_path },
		{ "columns", 'c', "NAMES", "names, with commas, of the columns of a file without a first line",
		  INK_OPT_STRING, &r.source.columns },
		{ "input", 'i', "FILE", "inputs one after the other, as the model reads them (features: int32)",
		  INK_OPT_STRING, &r.source.raw_path },
		{ "out", 'o', "FILE", "write the raw outputs one after the other; with --quiet print nothing else",
		  INK_OPT_STRING, &r.out_path },
		{ "threshold", 't', "T", "from which on an input is harmful: 0..1, or raw:SCORE",
		  INK_OPT_STRING, &threshold },
		{ "isa", 0, "NAME", "such as scalar, avx2; default: the best of this CPU",
		  INK_OPT_STRING, &isa },
		{ 0 },
	};
	static const struct ink_usage usage = {
		.args = "MODEL.ink (--data FILE.csv | --input FILE | NAME=VALUE...) [OPTION]...",
		.about =
		"Runs a model in this process, with bit for bit the results of the kernel, and prints\n"
		"class and score of each row; --json prints one object for each row.",
		.options = options,
		.example = "inkling run flow.ink --data flows.csv --json\n"
			   "inkling run xor.ink a=1 b=0",
		.min_args = 1,
		.max_args = -1,
	};
	int n = ink_args_parse(argc, argv, &usage);

	r.source.args = argv + 2;
	r.source.n_args = n - 1;
	ink_scorer_open_model(&r.scorer, argv[1], isa, threshold);
	return run_main(&r);
}

int cmd_score(int argc, char **argv)
{
	static const char *slot, *model;
	static struct run r;
	static const struct ink_option options[] = {
		{ "slot", 's', "NAME", "slot that runs them", INK_OPT_STRING, &slot },
		{ "data", 'd', "FILE", "CSV file whose first line names the columns; - is stdin",
		  INK_OPT_STRING, &r.source.csv_path },
		{ "columns", 'c', "NAMES", "names, with commas, of the columns of a file without a first line",
		  INK_OPT_STRING, &r.source.columns },
		{ "input", 'i', "FILE", "inputs one after the other, as the model reads them (features: int32)",
		  INK_OPT_STRING, &r.source.raw_path },
		{ "out", 'o', "FILE", "write the raw outputs one after the other; with --quiet print nothing else",
		  INK_OPT_STRING, &r.out_path },
		{ "model", 'm', "FILE", "file with the slot's model, for the names of its features; default: searched\n"
		  "by digest in $INKLING_MODELS, or ., models, /usr/share/inkling, /var/lib/inkling",
		  INK_OPT_STRING, &model },
		{ 0 },
	};
	static const struct ink_usage usage = {
		.args = "--slot NAME (--data FILE.csv | --input FILE | NAME=VALUE...) [OPTION]...",
		.about =
		"Runs inputs through a slot of the kernel by /dev/inkling and prints the slot's verdicts\n"
		"as \"inkling run\" does.",
		.options = options,
		.example = "inkling score --slot nsl --data KDDTest.csv --out kernel.bin",
		.max_args = -1,
	};
	int n = ink_args_parse(argc, argv, &usage);

	if (!slot)
		ink_die(INK_EXIT_USAGE, "--slot is missing", "\"inkling slots\" lists the slots");
	r.source.args = argv + 1;
	r.source.n_args = n;
	ink_scorer_open_slot(&r.scorer, slot, model);
	return run_main(&r);
}
