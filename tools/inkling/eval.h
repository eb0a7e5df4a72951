/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of inkling eval share.
 *
 * What lives here: the rows that were run, with their labels. What doesn't:
 * the measures (metrics.h).
 */
#ifndef INK_EVAL_H
#define INK_EVAL_H

#include "scorer.h"

/* Values of the column --by, in the order in which they appear. */
struct ink_group {
	char *name;
	uint64_t rows;
	uint64_t harmful;
	uint64_t flagged;
};

/**
 * struct ink_eval - the rows of a data set
 * @scorer: that ran them
 * @data: path
 * @label_column: name
 * @by_column: name, or NULL
 * @benign: --benign, or NULL
 * @n: rows
 * @cap: room for rows
 * @in: raw features of each row, kept for a float model, or NULL
 * @keep_inputs: fill @in
 * @label: class of each row by the data
 * @verdict: class of each row by the model
 * @by: group of each row
 * @score: of each row
 * @groups: of --by
 * @n_groups: of @groups
 * @float_score: probability of harm (or score) by a float model, or NULL
 * @float_from: where @float_score comes from
 * @kernel_slot: --slot, or NULL
 * @kernel_differs: rows whose output or class in the kernel is another one
 * @first_differs: the first of them, from 1
 */
struct ink_eval {
	struct ink_scorer scorer;
	const char *data;
	const char *label_column;
	const char *by_column;
	const char *benign;
	size_t n, cap;
	int32_t *in;
	bool keep_inputs;
	uint32_t *label;
	uint32_t *verdict;
	uint32_t *by;
	double *score;
	struct ink_group *groups;
	size_t n_groups;
	double *float_score;
	const char *float_from;
	const char *kernel_slot;
	uint64_t kernel_differs;
	uint64_t first_differs;
};

/* eval_data.c: run all rows. Dies when something is wrong. */
void ink_eval_read(struct ink_eval *e, const char *columns);
/* For a threshold that was found after runs with the lowest one there is. */
void ink_eval_apply_threshold(struct ink_eval *e, int32_t threshold);

/* eval_float.c: scores of a float model. */
void ink_eval_read_scores(struct ink_eval *e, const char *path);
void ink_eval_run_onnx(struct ink_eval *e, const char *path);

/* eval_report.c */
void ink_eval_report(const struct ink_eval *e);

#endif /* INK_EVAL_H */
