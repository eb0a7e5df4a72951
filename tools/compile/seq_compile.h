/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compiling models of tokens.
 *
 * What lives here: the steps from an ONNX file that was read, and samples, to
 * an image; and float beside integers. What doesn't: models of features
 * (compile.h).
 */
#ifndef INK_SEQ_COMPILE_H
#define INK_SEQ_COMPILE_H

#include "compile.h"

/* The rest of ink_compile_run(), for a model of tokens. */
bool ink_seq_compile(struct ink_compile *c, const struct ink_compile_options *o,
		     struct ink_diag *why);

/* What lines of a text file are: as --tokens or the model's metadata say. */
bool ink_seq_form(const struct ink_compile *c, const char *given, enum ink_tokens_form *form,
		  struct ink_diag *why);

struct ink_report;

/* Float and integers on samples; the report has no labels. */
bool ink_seq_report(struct ink_report *r, const struct ink_compile *c,
		    const struct ink_samples *samples, struct ink_diag *why);

#endif /* INK_SEQ_COMPILE_H */
