/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `inkling compile` prints.
 *
 * What lives here: float beside int8, size and cost. What doesn't: the
 * compilation.
 */
#ifndef INK_COMPILE_REPORT_H
#define INK_COMPILE_REPORT_H

#include "compile.h"

/**
 * struct ink_report - float and int8 on the same rows
 * @rows: that were run
 * @labels: they have labels
 * @differ: rows with another class
 * @mean_gap: between the scores, as probability or share of the threshold
 * @max_gap: likewise
 * @float_right: rows with the right class
 * @int8_right: likewise
 * @float_auc: area under the ROC curve, harmless against all others
 * @int8_auc: likewise
 * @float_alarms: harmless rows that were flagged
 * @int8_alarms: likewise
 * @harmless: rows of class 0
 */
struct ink_report {
	size_t rows;
	bool labels;
	size_t differ;
	double mean_gap, max_gap;
	size_t float_right, int8_right;
	double float_auc, int8_auc;
	size_t float_alarms, int8_alarms;
	size_t harmless;
};

/* Run @rows through the real network and through the engine. */
bool ink_report_run(struct ink_report *r, const struct ink_compile *c, const struct ink_rows *rows,
		    struct ink_diag *why);
/* Print it as text, or as JSON with --json. */
void ink_report_print(const struct ink_report *r, const struct ink_compile *c, const char *path,
		      const char *data);

#endif /* INK_COMPILE_REPORT_H */
