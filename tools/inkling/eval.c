// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling eval: how good a model is on labelled data.
 *
 * What lives here: the command. What doesn't: reading (eval_data.c), measures
 * (metrics.c), printing (eval_report.c).
 */
#include <stdlib.h>
#include "eval.h"
#include "metrics.h"
#include "words.h"

struct choices {
	const char *columns, *threshold, *isa, *scores, *onnx, *false_alarms;
};

/* A threshold that keeps false alarms on this very data at a share. */
static void find_threshold(struct ink_eval *e, double rate)
{
	int64_t t = ink_metrics_threshold(e->label, e->score, e->n, rate);

	if (t == INT64_MIN)
		ink_die(INK_EXIT_INPUT, ink_fmt("%s has no benign rows to find a threshold with", e->data),
			"give --threshold instead");
	ink_eval_apply_threshold(e, t > INT32_MAX ? INT32_MAX : (int32_t)t);
	e->scorer.threshold_from = ink_fmt("--false-alarms %g on this data", rate);
	e->scorer.threshold_from = ink_xstrdup(e->scorer.threshold_from);
}

static void check(const struct ink_eval *e, const struct choices *c)
{
	if (!e->data)
		ink_die(INK_EXIT_USAGE, "--data is missing", "give the CSV file with the labelled rows");
	if (!e->label_column)
		ink_die(INK_EXIT_USAGE, "--label is missing", "give the name of the column with the labels");
	if (!!c->threshold + !!c->false_alarms + !!e->kernel_slot > 1)
		ink_die(INK_EXIT_USAGE, "--threshold, --false-alarms and --slot exclude each other",
			"each of them says which threshold counts");
	if (c->scores && c->onnx)
		ink_die(INK_EXIT_USAGE, "--float-scores and --onnx exclude each other", NULL);
}

static void check_model(const struct ink_eval *e, const char *path)
{
	const struct inkling_header *h = ink_model_header(e->scorer.model);

	if (h->head == INKLING_HEAD_RAW)
		ink_die(INK_EXIT_USAGE, ink_fmt("%s gives no verdicts: its head is raw", path),
			"\"inkling run\" prints its outputs");
	if (!h->n_features)
		ink_die(INK_EXIT_USAGE, ink_fmt("%s doesn't read features, so CSV rows can't be run", path),
			"\"inkling run --input\" takes inputs as they are");
}

static int evaluate(struct ink_eval *e, const char *path, const struct choices *c)
{
	double rate = 0;

	check(e, c);
	if (c->false_alarms && (!ink_parse_double(c->false_alarms, &rate) || rate < 0 || rate > 1))
		ink_die(INK_EXIT_USAGE, "--false-alarms needs a share from 0 to 1", "such as 0.01");
	ink_scorer_open_model(&e->scorer, path, c->isa, c->threshold);
	check_model(e, path);
	if (c->false_alarms)
		e->scorer.threshold = INT32_MIN;
	e->keep_inputs = c->onnx;
	ink_eval_read(e, c->columns);
	if (c->false_alarms)
		find_threshold(e, rate);
	if (c->scores)
		ink_eval_read_scores(e, c->scores);
	if (c->onnx)
		ink_eval_run_onnx(e, c->onnx);
	ink_eval_report(e);
	ink_scorer_close(&e->scorer);
	return e->kernel_differs ? INK_EXIT_DIFFERS : INK_EXIT_OK;
}

int cmd_eval(int argc, char **argv)
{
	static struct ink_eval e;
	static struct choices c;
	static const struct ink_option options[] = {
		{ "data", 'd', "FILE", "CSV file with the features and the label of each row; - is stdin",
		  INK_OPT_STRING, &e.data },
		{ "label", 'l', "COLUMN", "column with the class of each row: its name or number",
		  INK_OPT_STRING, &e.label_column },
		{ "benign", 'n', "NAME", "this label is class 0; with two classes every other one is class 1",
		  INK_OPT_STRING, &e.benign },
		{ "by", 'b', "COLUMN", "count the flagged by the values of this column, too",
		  INK_OPT_STRING, &e.by_column },
		{ "columns", 'c', "NAMES", "names, with commas, of the columns of a file without a first line",
		  INK_OPT_STRING, &c.columns },
		{ "threshold", 't', "T", "from which on a row is flagged: 0..1, or raw:SCORE; default: the model's",
		  INK_OPT_STRING, &c.threshold },
		{ "false-alarms", 'f', "SHARE", "lowest threshold that flags at most this share of these benign rows",
		  INK_OPT_STRING, &c.false_alarms },
		{ "onnx", 0, "FILE", "the ONNX model it was made of: run it in float, next to int8",
		  INK_OPT_STRING, &c.onnx },
		{ "float-scores", 0, "FILE", "scores of a float model instead, one line for each row",
		  INK_OPT_STRING, &c.scores },
		{ "slot", 's', "NAME", "run the rows in this slot of the kernel, too, by its threshold, and\n"
		  "compare all bits; exit status 7 when some differ",
		  INK_OPT_STRING, &e.kernel_slot },
		{ "isa", 0, "NAME", "such as scalar, avx2; default: the best of this CPU", INK_OPT_STRING, &c.isa },
		{ 0 },
	};
	static const struct ink_usage usage = {
		.args = "MODEL.ink --data FILE.csv --label COLUMN [OPTION]...",
		.about =
		"Runs labelled rows and prints accuracy, false alarms, recall, ROC AUC and the confusion\n"
		"matrix, with the threshold in use and where it came from. \"Harmful\" is every class but\n"
		"the first. A float model's figures can stand next to the integer ones.",
		.options = options,
		.example = "inkling eval nsl-kdd.ink --data test.csv --label label --by category\n"
			   "inkling eval flow.ink --data test.csv --label label --onnx flow.onnx --json",
		.min_args = 1,
		.max_args = 1,
	};

	ink_args_parse(argc, argv, &usage);
	return evaluate(&e, argv[1], &c);
}
