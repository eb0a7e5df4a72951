// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling eval: the scores of a float model, to stand next to the integer ones.
 *
 * What lives here: a file of scores. What doesn't: evaluating ONNX, which is
 * tools/compile's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"
#include "words.h"

void ink_eval_read_scores(struct ink_eval *e, const char *path)
{
	struct ink_csv *csv = ink_csv_open(path, "score");
	size_t n = 0;
	bool first = true;
	double value;
	int got;

	if (!csv)
		ink_die_failure();
	e->float_score = ink_xalloc(e->n, sizeof(*e->float_score));
	e->float_from = path;
	for (; (got = ink_csv_next(csv)) > 0; first = false) {
		if (!ink_parse_double(ink_csv_field(csv, 0), &value)) {
			if (first)
				continue;	/* a header line */
			ink_die(INK_EXIT_INPUT, ink_fmt("%s, line %llu: \"%s\" isn't a number", path,
							(unsigned long long)ink_csv_line(csv),
							ink_fmt_safe(ink_csv_field(csv, 0))), NULL);
		}
		if (n < e->n)
			e->float_score[n] = value;
		n++;
	}
	if (got < 0)
		ink_die_failure();
	if (n != e->n)
		ink_die(INK_EXIT_INPUT, ink_fmt("%s has %zu scores, %s has %zu rows", path, n, e->data, e->n),
			"give one score for each row, in the same order");
	ink_csv_close(csv);
}
