// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enums, thresholds and failures as text.
 *
 * What lives here: the words of words.h. What doesn't: when they are said.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "words.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define Q15_ONE		32768

static const char * const modes[] = { "off", "monitor", "enforce" };
static const char * const actions[] = { "pass", "alert", "drop" };
static const char * const heads[] = { "raw", "classes", "anomaly" };
static const char * const contexts[] = { "task", "softirq", "hardirq" };
static const char * const dtypes[] = { "?", "int8", "int16", "int32", "uint8", "int4" };
static const char * const opcodes[] = {
	"?", "quant", "dense", "lut", "add", "mul", "concat", "softmax", "argmax", "dist",
};

static const char *word(const char * const *words, size_t n, uint32_t i)
{
	return i < n ? words[i] : "?";
}

const char *ink_word_mode(uint32_t mode)
{
	return word(modes, COUNT(modes), mode);
}

const char *ink_word_action(uint32_t action)
{
	return word(actions, COUNT(actions), action);
}

const char *ink_word_head(uint32_t head)
{
	return word(heads, COUNT(heads), head);
}

const char *ink_word_dtype(uint32_t dtype)
{
	return word(dtypes, COUNT(dtypes), dtype);
}

const char *ink_word_opcode(uint32_t opcode)
{
	return word(opcodes, COUNT(opcodes), opcode);
}

const char *ink_word_contexts(uint32_t mask)
{
	const char *text = "";
	size_t i;

	for (i = 0; i < COUNT(contexts); i++)
		if (mask & (1u << i))
			text = ink_fmt("%s%s%s", text, *text ? "," : "", contexts[i]);
	return *text ? text : "none";
}

struct json_object *ink_word_contexts_json(uint32_t mask)
{
	struct json_object *a = ink_json_array();
	size_t i;

	for (i = 0; i < COUNT(contexts); i++)
		if (mask & (1u << i))
			json_object_array_add(a, json_object_new_string(contexts[i]));
	return a;
}

static uint32_t parse(const char * const *words, size_t n, const char *what, const char *text,
		      const char *all)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(words[i], text))
			return (uint32_t)i;
	ink_die(INK_EXIT_USAGE, ink_fmt("\"%s\" isn't %s", ink_fmt_safe(text), what),
		ink_fmt("one of: %s", all));
}

uint32_t ink_word_parse_mode(const char *text)
{
	return parse(modes, COUNT(modes), "a mode", text, "off, monitor, enforce");
}

uint32_t ink_word_parse_action(const char *text)
{
	return parse(actions, COUNT(actions), "an action", text, "pass, alert, drop");
}

uint32_t ink_word_parse_contexts(const char *text)
{
	char *copy = ink_xstrdup(text), *rest = copy, *item;
	uint32_t mask = 0;

	while ((item = strsep(&rest, ",")) != NULL) {
		if (!strcmp(item, "all"))
			mask |= INKLING_CTX_ALL;
		else
			mask |= 1u << parse(contexts, COUNT(contexts), "a context", item,
					    "task, softirq, hardirq, all; several with commas");
	}
	free(copy);
	return mask;
}

const char *ink_word_schema(uint64_t schema)
{
	return ink_fmt("0x%016llx", (unsigned long long)schema);
}

int32_t ink_word_parse_threshold(const char *text, uint32_t head)
{
	int64_t raw;
	double p;

	if (!strncmp(text, "raw:", 4)) {
		if (ink_parse_s64(text + 4, INT32_MIN, INT32_MAX, &raw))
			return (int32_t)raw;
		ink_die(INK_EXIT_USAGE, ink_fmt("threshold \"%s\" has no whole number behind raw:",
						ink_fmt_safe(text)), "such as raw:16384");
	}
	if (head == INKLING_HEAD_ANOMALY || head == INKLING_HEAD_RAW)
		ink_die(INK_EXIT_USAGE,
			ink_fmt("threshold \"%s\": this model gives no probabilities", ink_fmt_safe(text)),
			"give the score itself: raw:NUMBER");
	if (!ink_parse_double(text, &p) || p < 0 || p > 1)
		ink_die(INK_EXIT_USAGE, ink_fmt("threshold \"%s\" isn't a probability from 0 to 1",
						ink_fmt_safe(text)),
			"0.5 calls an input harmful when that is as likely as not; a score is raw:NUMBER");
	return (int32_t)lrint(p * Q15_ONE);
}

const char *ink_word_score(int32_t score, uint32_t head)
{
	if (head != INKLING_HEAD_CLASSES)
		return ink_fmt("score %d", score);
	return ink_fmt("%.4f (score %d)", (double)score / Q15_ONE, score);
}

enum ink_exit ink_report_failure(void)
{
	const struct ink_failure *f = ink_failure_last();
	struct json_object *extra = NULL;

	if (ink_cli.json) {
		extra = ink_json_object();
		ink_json_int(extra, "errno", f->code);
		if (f->rule)
			ink_json_str(extra, "rule", f->rule);
		if (f->op != INKLING_NONE)
			ink_json_int(extra, "op", f->op);
		if (f->tensor != INKLING_NONE)
			ink_json_int(extra, "tensor", f->tensor);
		if (f->line)
			ink_json_u64(extra, "line", f->line);
	}
	ink_error_json(ink_fmt("%s%s%s%s", f->text, f->rule ? " [rule " : "",
			       f->rule ? f->rule : "", f->rule ? "]" : ""), f->hint, extra);
	return f->line ? INK_EXIT_INPUT : ink_exit_errno(f->code);
}

void ink_die_failure(void)
{
	exit(ink_report_failure());
}

void ink_die_input(void)
{
	ink_report_failure();
	exit(INK_EXIT_INPUT);
}

struct ink_model *ink_open_model(const char *path)
{
	struct ink_model *model = ink_model_open(path);
	const struct ink_failure *f = ink_failure_last();
	struct json_object *extra;

	if (model)
		return model;
	if (!f->rule)
		ink_die_failure();
	extra = ink_json_object();
	ink_json_str(extra, "file", path);
	ink_json_str(extra, "rule", f->rule);
	if (f->op != INKLING_NONE)
		ink_json_int(extra, "op", f->op);
	if (f->tensor != INKLING_NONE)
		ink_json_int(extra, "tensor", f->tensor);
	ink_error_json(ink_fmt("%s is refused: %s [rule %s]", ink_fmt_safe(path), f->text, f->rule),
		       "the file is damaged or was made by another version: compile or fetch it anew",
		       extra);
	exit(INK_EXIT_REFUSED);
}
