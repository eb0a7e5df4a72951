/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words in which the CLI speaks of models and slots.
 *
 * What lives here: enums and thresholds as text, both ways; libinkling's
 * failures as errors of the CLI. What doesn't: output in general (cli.h).
 */
#ifndef INK_WORDS_H
#define INK_WORDS_H

#include "cli.h"
#include "inkling.h"

const char *ink_word_mode(uint32_t mode);		/* off, monitor, enforce */
const char *ink_word_action(uint32_t action);		/* pass, alert, drop */
const char *ink_word_head(uint32_t head);		/* raw, classes, anomaly */
const char *ink_word_dtype(uint32_t dtype);
const char *ink_word_opcode(uint32_t opcode);
const char *ink_word_contexts(uint32_t contexts);	/* "task,softirq"; "none" */
/* Die with INK_EXIT_USAGE when @text isn't one of them. */
uint32_t ink_word_parse_mode(const char *text);
uint32_t ink_word_parse_action(const char *text);
uint32_t ink_word_parse_contexts(const char *text);
/* The same, false when @text isn't one of them. */
bool ink_word_find_mode(const char *text, uint32_t *mode);
bool ink_word_find_action(const char *text, uint32_t *action);
bool ink_word_find_contexts(const char *text, uint32_t *mask);
bool ink_word_find_perm(const char *text, uint32_t *perm);	/* "0750" */
bool ink_word_find_user(const char *text, uint32_t *uid);	/* by name or number */
bool ink_word_find_group(const char *text, uint32_t *gid);
/* What there is to choose from, for hints. */
#define INK_WORDS_MODE		"off, monitor, enforce"
#define INK_WORDS_ACTION	"pass, alert, drop"
#define INK_WORDS_CONTEXTS	"task, softirq, hardirq, all; several with commas"
struct json_object *ink_word_contexts_json(uint32_t contexts);

/* "0x0123456789abcdef" */
const char *ink_word_schema(uint64_t schema);

/**
 * ink_word_parse_threshold() - a threshold as a score
 * @text: a probability from 0 to 1 for a model with classes, or "raw:" and the score
 * @head: enum inkling_head of the model, or INK_HEAD_UNKNOWN
 *
 * Dies with INK_EXIT_USAGE when it is neither.
 */
int32_t ink_word_parse_threshold(const char *text, uint32_t head);
/* The same; false with what is wrong, to follow the text, and what to do. */
bool ink_word_find_threshold(const char *text, uint32_t head, int32_t *score, const char **wrong,
			     const char **hint);
/* "0.5000 (score 16384)" or "score 1200". */
const char *ink_word_score(int32_t score, uint32_t head);

/* The last failure of libinkling as an error; with its rule, op, tensor, line in JSON. */
enum ink_exit ink_report_failure(void);
/* The same, then exit(). */
void ink_die_failure(void) __attribute__((noreturn));
/* The same where a data file is at fault. */
void ink_die_input(void) __attribute__((noreturn));
/* Open a model or die. */
struct ink_model *ink_open_model(const char *path);

#endif /* INK_WORDS_H */
