/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measures of a classifier.
 *
 * What lives here: numbers from labels, verdicts and scores. What doesn't:
 * where those come from and how they are printed (eval*.c).
 */
#ifndef INK_METRICS_H
#define INK_METRICS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct ink_metrics - how good verdicts are; NaN where there is nothing to divide by
 * @benign: rows of class 0
 * @harmful: the others
 * @false_alarms: benign rows that were flagged
 * @caught: harmful rows that were flagged
 * @accuracy: share of rows where flagged is what the label says
 * @false_alarm_rate: of the benign
 * @recall: of the harmful
 * @precision: share of the flagged that are harmful
 * @f1: harmonic mean of @recall and @precision
 * @auc: area under the ROC curve, ties count half
 */
struct ink_metrics {
	uint64_t benign;
	uint64_t harmful;
	uint64_t false_alarms;
	uint64_t caught;
	double accuracy;
	double false_alarm_rate;
	double recall;
	double precision;
	double f1;
	double auc;
};

/**
 * ink_metrics_compute() - all of them
 * @m: set
 * @label: class of each row by the data, 0 is benign
 * @flagged: class of each row by the verdict, 0 is benign
 * @score: of each row, higher is worse
 * @n: rows
 */
void ink_metrics_compute(struct ink_metrics *m, const uint32_t *label, const uint32_t *flagged,
			 const double *score, size_t n);

/**
 * ink_metrics_threshold() - lowest whole threshold that keeps false alarms rare
 * @label: as above
 * @score: as above, whole numbers
 * @n: rows
 * @rate: of the benign rows at most this share may have a score >= the threshold
 *
 * Return: the threshold; INT64_MIN when there are no benign rows.
 */
int64_t ink_metrics_threshold(const uint32_t *label, const double *score, size_t n, double rate);

#endif /* INK_METRICS_H */
