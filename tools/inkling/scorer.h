/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One way to run inputs, in this process or in a slot of the kernel.
 *
 * What lives here: what run, score and eval have in common: an engine that is
 * one of the two, and rows from a CSV file, a raw file or the command line.
 * What doesn't: what is printed of them.
 */
#ifndef INK_SCORER_H
#define INK_SCORER_H

#include "cli.h"
#include "inkling.h"

/**
 * struct ink_scorer - a model here or in a slot
 * @model: runs here, or knows the features and classes of the slot's; may be
 *	NULL with @session
 * @session: runs in the kernel; NULL: here
 * @info: of @session when it was opened
 * @slot: name, with @session
 * @slot_info: of @session where it may be seen, else NULL
 * @in_size: bytes of an input
 * @out_size: bytes of an output
 * @head: enum inkling_head, or INK_HEAD_UNKNOWN
 * @threshold: in force
 * @threshold_from: "the model", "--threshold", "slot net.flow"
 */
struct ink_scorer {
	struct ink_model *model;
	struct ink_session *session;
	struct inkling_info info;
	const char *slot;
	struct ink_slot *slot_info;
	size_t in_size;
	size_t out_size;
	uint32_t head;
	int32_t threshold;
	const char *threshold_from;
};

/* These die when something is wrong. @isa and @threshold may be NULL. */
void ink_scorer_open_model(struct ink_scorer *s, const char *path, const char *isa,
			   const char *threshold);
/* @model_path: NULL looks for the slot's model in the usual folders. */
void ink_scorer_open_slot(struct ink_scorer *s, const char *slot, const char *model_path);
void ink_scorer_close(struct ink_scorer *s);
/* Name of a class, or its number. */
const char *ink_scorer_class(const struct ink_scorer *s, uint32_t class);
/* Run @n inputs; the slot's or the model's verdicts. */
void ink_scorer_run(struct ink_scorer *s, size_t n, const void *in, void *out,
		    struct inkling_verdict *verdicts);

#define INK_SOURCE_BATCH	256

/**
 * struct ink_source - where inputs come from; zero it, set one source
 * @csv_path: CSV file
 * @columns: its columns when it has no header line, or NULL
 * @raw_path: file of inputs one after the other
 * @args: name=value, one input
 * @n_args: of @args
 * @csv: open, with @csv_path
 * @raw: open, with @raw_path
 * @given: the one of @args was handed out
 */
struct ink_source {
	const char *csv_path;
	const char *columns;
	const char *raw_path;
	char **args;
	int n_args;
	struct ink_csv *csv;
	FILE *raw;
	bool given;
};

/* Die when something is wrong, with the line of a file. */
void ink_source_open(struct ink_source *source, const struct ink_scorer *s);
/* One input; false at the end. */
bool ink_source_next(struct ink_source *source, const struct ink_scorer *s, void *in);
/* How far it is, for a progress bar; @total is 0 when that isn't known. */
uint64_t ink_source_position(const struct ink_source *source, uint64_t *total);
void ink_source_close(struct ink_source *source);

#endif /* INK_SCORER_H */
