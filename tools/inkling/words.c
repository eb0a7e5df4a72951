// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enums, thresholds and failures as text.
 *
 * What lives here: the words of words.h. What doesn't: when they are said.
 */
#include <errno.h>
#include <grp.h>
#include <math.h>
#include <pwd.h>
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

static bool find(const char * const *words, size_t n, const char *text, uint32_t *value)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(words[i], text)) {
			*value = (uint32_t)i;
			return true;
		}
	return false;
}

bool ink_word_find_mode(const char *text, uint32_t *mode)
{
	return find(modes, COUNT(modes), text, mode);
}

bool ink_word_find_action(const char *text, uint32_t *action)
{
	return find(actions, COUNT(actions), text, action);
}

bool ink_word_find_contexts(const char *text, uint32_t *mask)
{
	char *copy = ink_xstrdup(text), *rest = copy, *item;
	bool known = true;
	uint32_t bit;

	*mask = 0;
	while (known && (item = strsep(&rest, ",")) != NULL) {
		if (!strcmp(item, "all"))
			*mask |= INKLING_CTX_ALL;
		else if (find(contexts, COUNT(contexts), item, &bit))
			*mask |= 1u << bit;
		else
			known = false;
	}
	free(copy);
	return known;
}

static void __attribute__((noreturn)) die_word(const char *text, const char *what, const char *all)
{
	ink_die(INK_EXIT_USAGE, ink_fmt("\"%s\" isn't %s", ink_fmt_safe(text), what),
		ink_fmt("one of: %s", all));
}

uint32_t ink_word_parse_mode(const char *text)
{
	uint32_t mode;

	if (!ink_word_find_mode(text, &mode))
		die_word(text, "a mode", INK_WORDS_MODE);
	return mode;
}

uint32_t ink_word_parse_action(const char *text)
{
	uint32_t action;

	if (!ink_word_find_action(text, &action))
		die_word(text, "an action", INK_WORDS_ACTION);
	return action;
}

uint32_t ink_word_parse_contexts(const char *text)
{
	uint32_t mask;

	if (!ink_word_find_contexts(text, &mask))
		die_word(text, "a list of contexts", INK_WORDS_CONTEXTS);
	return mask;
}

bool ink_word_find_perm(const char *text, uint32_t *perm)
{
	char *end;
	unsigned long value = strtoul(text, &end, 8);

	*perm = (uint32_t)value;
	return *text >= '0' && *text <= '7' && !*end && value <= 0777;
}

bool ink_word_find_user(const char *text, uint32_t *uid)
{
	struct passwd *p = getpwnam(text);
	uint64_t id;

	if (!p && !ink_parse_u64(text, UINT32_MAX - 1, &id))
		return false;
	*uid = p ? p->pw_uid : (uint32_t)id;
	return true;
}

bool ink_word_find_group(const char *text, uint32_t *gid)
{
	struct group *g = getgrnam(text);
	uint64_t id;

	if (!g && !ink_parse_u64(text, UINT32_MAX - 1, &id))
		return false;
	*gid = g ? g->gr_gid : (uint32_t)id;
	return true;
}

const char *ink_word_schema(uint64_t schema)
{
	return ink_fmt("0x%016llx", (unsigned long long)schema);
}

bool ink_word_find_threshold(const char *text, uint32_t head, int32_t *score, const char **wrong,
			     const char **hint)
{
	int64_t raw;
	double p;

	if (!strncmp(text, "raw:", 4)) {
		*wrong = "has no whole number behind raw:";
		*hint = "such as raw:16384";
		if (!ink_parse_s64(text + 4, INT32_MIN, INT32_MAX, &raw))
			return false;
		*score = (int32_t)raw;
		return true;
	}
	*wrong = "is for probabilities, which this model doesn't give";
	*hint = "give the score itself: raw:NUMBER";
	if (head == INKLING_HEAD_ANOMALY || head == INKLING_HEAD_RAW)
		return false;
	*wrong = "isn't a probability from 0 to 1";
	*hint = "0.5 calls an input harmful when that is as likely as not; a score is raw:NUMBER";
	if (!ink_parse_double(text, &p) || p < 0 || p > 1)
		return false;
	*score = (int32_t)lrint(p * Q15_ONE);
	return true;
}

int32_t ink_word_parse_threshold(const char *text, uint32_t head)
{
	const char *wrong, *hint;
	int32_t score;

	if (!ink_word_find_threshold(text, head, &score, &wrong, &hint))
		ink_die(INK_EXIT_USAGE, ink_fmt("threshold \"%s\" %s", ink_fmt_safe(text), wrong),
			hint);
	return score;
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
