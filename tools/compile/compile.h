/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The compiler as one call.
 *
 * What lives here: everything from an ONNX file and calibration rows to an
 * image, without a command line. What doesn't: options and printing (cmd.c,
 * report.c).
 */
#ifndef INK_COMPILE_H
#define INK_COMPILE_H

#include "emit.h"
#include "net.h"
#include "onnx_float.h"
#include "rows.h"
#include "schema.h"
#include "search.h"
#include "seq_quant.h"

/**
 * struct ink_compile_options - what is asked for; NULL: as the model's metadata say
 * @onnx: path of the model
 * @calibrate: path of the CSV file with the calibration rows; of tokens: of the text file
 * @tokens: what lines of text files are: "bytes" or "ids"
 * @length: most tokens of a call; 0: as the model says, or as the longest sample
 * @schema: text of the feature schema
 * @output: name of the graph's output
 * @head: "classes", "anomaly" or "raw"
 * @classes: names with commas, the harmless one first
 * @threshold: real number
 * @label: column with the class in the CSV files
 * @benign: label that stands for class 0
 * @name: for the card, as all that follow
 * @version: likewise
 * @license: likewise
 * @description: likewise
 * @training: likewise
 * @accuracy: likewise
 * @decimals: of features without schema; -1: as the CSV file has them
 * @bits: of activations, 7, 8, or 0 to choose
 * @rows: calibration rows used at most
 * @progress: of the search, or NULL
 * @arg: for @progress
 */
struct ink_compile_options {
	const char *onnx;
	const char *calibrate;
	const char *tokens;
	uint32_t length;
	const char *schema;
	const char *output;
	const char *head;
	const char *classes;
	const char *threshold;
	const char *label;
	const char *benign;
	const char *name;
	const char *version;
	const char *license;
	const char *description;
	const char *training;
	const char *accuracy;
	int decimals;
	int bits;
	uint32_t rows;
	void (*progress)(void *arg, uint32_t done, uint32_t total);
	void *arg;
};

#define INK_COMPILE_ROWS	4096	/* default of @rows */

/**
 * struct ink_compile - a compilation, and what came of it
 * @onnx: read
 * @schema: bounded
 * @net: folded
 * @rows: of the calibration file, all of them
 * @quant: assigned
 * @seq: instead of @schema, @net, @rows and @quant, for models of tokens
 * @samples: of the calibration file
 * @seq_quant: likewise
 * @card: of the image
 * @name: of the image where nothing gives one
 * @search: what was found
 * @head: enum inkling_head
 * @threshold: score
 * @threshold_from: "the model", "--threshold", "the calibration"
 * @head_added: the image ends in a softmax that the model doesn't have
 * @fold_error: greatest difference between the ONNX model and the simplified
 *	network on calibration rows
 * @image: bytes
 * @size: of @image
 */
struct ink_compile {
	struct ink_onnx *onnx;
	struct ink_schema *schema;
	struct ink_net *net;
	struct ink_rows rows;
	struct ink_quant *quant;
	struct ink_seq_net *seq;
	struct ink_samples samples;
	struct ink_seq_quant *seq_quant;
	struct ink_card_text card;
	char name[64];
	struct ink_search search;
	unsigned int head;
	int32_t threshold;
	const char *threshold_from;
	bool head_added;
	double fold_error;
	void *image;
	size_t size;
};

/**
 * ink_compile_run() - compile
 * @c: zeroed; to be given to ink_compile_free() in any case
 * @o: what is asked for
 * @why: set when it fails
 */
bool ink_compile_run(struct ink_compile *c, const struct ink_compile_options *o,
		     struct ink_diag *why);
void ink_compile_free(struct ink_compile *c);

/* Parts that both kinds of models share. */

/* What is given, or the model's metadata; NULL without either. */
const char *ink_compile_option(const struct ink_compile *c, const char *given, const char *key);
bool ink_compile_wish(const struct ink_compile *c, const char *given, enum ink_head_wish *wish,
		      struct ink_diag *why);
/* Names of @width classes; @c->head is known. */
bool ink_compile_classes(struct ink_compile *c, const struct ink_compile_options *o,
			 uint32_t width, const char *label, struct ink_diag *why);
void ink_compile_card(struct ink_compile *c, const struct ink_compile_options *o);
/* The threshold in *@v, and as that of the head CLASSES in @c->threshold. */
bool ink_compile_probability(struct ink_compile *c, const struct ink_compile_options *o, double *v,
			     struct ink_diag *why);

#endif /* INK_COMPILE_H */
