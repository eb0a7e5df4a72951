// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures of a classifier: the arithmetic.
 *
 * What lives here: counting and sorting. What doesn't: any file or model.
 */
#include <math.h>
#include <stdlib.h>
#include "cli.h"
#include "metrics.h"

struct ranked {
	double score;
	uint32_t label;
};

static int by_score(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->score > y->score) - (x->score < y->score);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : NAN;
}

/*
 * Mann-Whitney: the share of pairs (harmful, benign) in which the harmful one
 * has the higher score. Equal scores make half a pair.
 */
static double area(const uint32_t *label, const double *score, size_t n, uint64_t benign,
		   uint64_t harmful)
{
	struct ranked *r = ink_xalloc(n, sizeof(*r));
	uint64_t below = 0, b, h;
	double pairs = 0;
	size_t i, j;

	for (i = 0; i < n; i++)
		r[i] = (struct ranked){ .score = score[i], .label = label[i] };
	qsort(r, n, sizeof(*r), by_score);
	for (i = 0; i < n; i = j) {
		for (j = i, b = h = 0; j < n && r[j].score == r[i].score; j++) {
			b += r[j].label == 0;
			h += r[j].label != 0;
		}
		pairs += (double)h * ((double)below + (double)b / 2);
		below += b;
	}
	free(r);
	return benign && harmful ? pairs / ((double)benign * (double)harmful) : NAN;
}

void ink_metrics_compute(struct ink_metrics *m, const uint32_t *label, const uint32_t *flagged,
			 const double *score, size_t n)
{
	size_t i;

	*m = (struct ink_metrics){ 0 };
	for (i = 0; i < n; i++) {
		m->benign += label[i] == 0;
		m->harmful += label[i] != 0;
		m->false_alarms += label[i] == 0 && flagged[i] != 0;
		m->caught += label[i] != 0 && flagged[i] != 0;
	}
	m->accuracy = share(m->benign - m->false_alarms + m->caught, n);
	m->false_alarm_rate = share(m->false_alarms, m->benign);
	m->recall = share(m->caught, m->harmful);
	m->precision = share(m->caught, m->caught + m->false_alarms);
	m->f1 = share(2 * m->caught, m->harmful + m->caught + m->false_alarms);
	m->auc = area(label, score, n, m->benign, m->harmful);
}

static int descending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

int64_t ink_metrics_threshold(const uint32_t *label, const double *score, size_t n, double rate)
{
	double *benign = ink_xalloc(n, sizeof(*benign));
	size_t i, count = 0, allowed;
	int64_t threshold = INT64_MIN;

	for (i = 0; i < n; i++)
		if (label[i] == 0)
			benign[count++] = score[i];
	qsort(benign, count, sizeof(*benign), descending);
	allowed = (size_t)floor(rate * (double)count + 1e-9);
	/* The first that isn't allowed to be flagged has to lie below the threshold. */
	if (count)
		threshold = allowed < count ? (int64_t)benign[allowed] + 1 :
			    (int64_t)benign[count - 1];
	free(benign);
	return threshold;
}
