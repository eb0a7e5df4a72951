// SPDX-License-Identifier: GPL-2.0-only
/*
 * The values of a slot file's keys; see unit_value.h.
 *
 * What lives here: what each key may be. What doesn't: which keys there are
 * (unit_parse.c), and files that a value names (unit_resolve.c).
 */
#include <stdlib.h>
#include <string.h>

#include "unit_value.h"
#include "../tools/inkling/words.h"

void ink_remark_add(struct ink_remarks *to, const char *file, unsigned int line,
		    const char *text, const char *hint)
{
	struct ink_remark *r;

	to->items = ink_xrealloc(to->items, to->n + 1, sizeof(*to->items));
	r = &to->items[to->n++];
	r->file = ink_xstrdup(file);
	r->line = line;
	r->text = ink_xstrdup(text);
	r->hint = ink_xstrdup(hint ?: "");
}

void ink_remarks_clear(struct ink_remarks *remarks)
{
	size_t i;

	for (i = 0; i < remarks->n; i++) {
		free(remarks->items[i].file);
		free(remarks->items[i].text);
		free(remarks->items[i].hint);
	}
	free(remarks->items);
	memset(remarks, 0, sizeof(*remarks));
}

const char *ink_remark_text(const struct ink_remark *r)
{
	return r->line ? ink_fmt("%s:%u: %s", ink_fmt_safe(r->file), r->line, r->text) :
		ink_fmt("%s: %s", ink_fmt_safe(r->file), r->text);
}

bool ink_unit_wrong_line(struct ink_unit_parser *p, const char *what, const char *hint)
{
	ink_remark_add(p->remarks, p->path, p->line, what, hint);
	return false;
}

bool ink_unit_wrong(struct ink_unit_parser *p, const char *what, const char *hint)
{
	return ink_unit_wrong_line(p, ink_fmt("%s: %s", ink_fmt_safe(p->key), what), hint);
}

/* Complain of a value. */
static bool ink_value_wrong(struct ink_unit_parser *p, const char *value, const char *what,
			    const char *hint)
{
	return ink_unit_wrong(p, ink_fmt("\"%s\" %s", ink_fmt_safe(value), what), hint);
}

static bool ink_value_is_digest(const char *value)
{
	return strlen(value) == 2 * INKLING_DIGEST_SIZE &&
		strspn(value, "0123456789abcdef") == 2 * INKLING_DIGEST_SIZE;
}

bool ink_value_model(struct ink_unit_parser *p, const char *value)
{
	if (*value != '/' && !ink_value_is_digest(value))
		return ink_value_wrong(p, value, "is neither a path nor a digest",
				       "a path begins with /; a digest has 64 digits of 0-9 a-f, as "
				       "`inkling inspect` prints it");
	p->unit->line.model = p->line;
	p->unit->model = ink_xstrdup(value);
	return true;
}

bool ink_value_mode(struct ink_unit_parser *p, const char *value)
{
	return ink_word_find_mode(value, &p->unit->mode) ||
		ink_value_wrong(p, value, "isn't a mode", "one of: " INK_WORDS_MODE);
}

bool ink_value_threshold(struct ink_unit_parser *p, const char *value)
{
	const char *wrong, *hint;
	int32_t score;

	p->unit->line.threshold = p->line;
	if (!strcmp(value, "default"))
		return true;
	if (!ink_word_find_threshold(value, INK_HEAD_UNKNOWN, &score, &wrong, &hint))
		return ink_value_wrong(p, value, wrong, hint);
	p->unit->threshold = ink_xstrdup(value);
	return true;
}

bool ink_value_contexts(struct ink_unit_parser *p, const char *value)
{
	p->unit->line.contexts = p->line;
	return ink_word_find_contexts(value, &p->unit->contexts) ||
		ink_value_wrong(p, value, "isn't a list of contexts",
				"one of: " INK_WORDS_CONTEXTS);
}

bool ink_value_perm(struct ink_unit_parser *p, const char *value)
{
	return ink_word_find_perm(value, &p->unit->perm) ||
		ink_value_wrong(p, value, "isn't a permission",
				"octal, as of a file, such as 0750: r sees the slot, x runs it");
}

bool ink_value_owner(struct ink_unit_parser *p, const char *value)
{
	return ink_word_find_user(value, &p->unit->uid) ||
		ink_value_wrong(p, value, "isn't a user", "a name or a number; `getent passwd` lists them");
}

bool ink_value_group(struct ink_unit_parser *p, const char *value)
{
	return ink_word_find_group(value, &p->unit->gid) ||
		ink_value_wrong(p, value, "isn't a group", "a name or a number; `getent group` lists them");
}

bool ink_value_action(struct ink_unit_parser *p, const char *class, const char *value)
{
	struct ink_unit *u = p->unit;
	struct ink_unit_action *a;
	uint32_t action;
	size_t i;

	if (!*class || strlen(class) >= sizeof(a->class))
		return ink_unit_wrong(p, "there is no such class",
				      "`inkling inspect MODEL` lists its classes");
	if (!ink_word_find_action(value, &action))
		return ink_value_wrong(p, value, "isn't an action", "one of: " INK_WORDS_ACTION);
	for (i = 0; i < u->n_actions; i++)
		if (!strcmp(u->actions[i].class, class))
			return ink_unit_wrong(p, "is given twice", "leave one of them");
	if (u->n_actions == INKLING_MAX_CLASSES)
		return ink_unit_wrong(p, "no model has so many classes",
				      "`inkling inspect MODEL` lists its classes");
	a = &u->actions[u->n_actions++];
	strcpy(a->class, class);
	a->action = (uint8_t)action;
	a->line = p->line;
	return true;
}

bool ink_value_hook(struct ink_unit_parser *p, const char *value)
{
	if (!strcmp(value, "tc"))
		p->unit->hook = INK_HOOK_TC;
	else if (strcmp(value, "xdp"))
		return ink_value_wrong(p, value, "isn't a hook", "xdp or tc");
	return true;
}

bool ink_value_on_error(struct ink_unit_parser *p, const char *value)
{
	p->unit->fail_closed = !strcmp(value, "drop");
	return p->unit->fail_closed || !strcmp(value, "pass") ||
		ink_value_wrong(p, value, "isn't something to do", "pass or drop");
}

/* Words of a value, separated by spaces or commas; each is given to @take. */
static bool ink_value_words(struct ink_unit_parser *p, const char *value,
			    bool (*take)(struct ink_unit_parser *p, const char *word))
{
	char *copy = ink_xstrdup(value), *rest = copy, *word;
	bool fine = true, any = false;

	while ((word = strsep(&rest, ", \t")) != NULL) {
		if (!*word)
			continue;
		any = true;
		fine &= take(p, word);
	}
	free(copy);
	return any ? fine : ink_unit_wrong(p, "has no value", "give one, or leave the line out");
}

static bool ink_value_target(struct ink_unit_parser *p, const char *word)
{
	char target[INK_TARGET_MAX];
	struct ink_unit *u = p->unit;
	size_t i;

	if (!ink_target_valid(word))
		return ink_value_wrong(p, word, "is not an interface",
				       "IFACE, or NETNS:IFACE for one in a named network namespace, or "
				       "the path of a cgroup");
	strcpy(target, word);
	ink_target_trim(target);
	for (i = 0; i < u->n_targets; i++)
		if (!strcmp(u->targets[i], target))
			return ink_value_wrong(p, word, "is given twice", "leave one of them");
	if (u->n_targets == INK_UNIT_TARGETS)
		return ink_unit_wrong(p, ink_fmt("these are more than %d interfaces", INK_UNIT_TARGETS),
				      "use another slot for the others");
	strcpy(u->targets[u->n_targets++], target);
	return true;
}

bool ink_value_interface(struct ink_unit_parser *p, const char *value)
{
	p->unit->line.interface = p->line;
	return ink_value_words(p, value, ink_value_target);
}

/* A prefix that is there already is no error: lists overlap. */
static bool ink_allow_put(struct ink_unit_parser *p, const char *word)
{
	struct ink_unit *u = p->unit;
	struct ink_prefix prefix;
	size_t i, same = 0;

	if (!ink_prefix_parse(word, &prefix))
		return ink_value_wrong(p, word, "is not an address or prefix",
				       "such as 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32, without bits "
				       "behind the prefix");
	if (ink_allow_has(u->allow, u->n_allow, &prefix))
		return true;
	for (i = 0; i < u->n_allow; i++)
		same += u->allow[i].family == prefix.family;
	if (same >= INK_UNIT_ALLOW_MAX)
		return ink_value_wrong(p, word, ink_fmt("is entry %u of its family",
							INK_UNIT_ALLOW_MAX + 1),
				       "sum addresses up as prefixes");
	u->allow = ink_xrealloc(u->allow, u->n_allow + 1, sizeof(*u->allow));
	u->allow[u->n_allow++] = prefix;
	return true;
}

bool ink_value_allow(struct ink_unit_parser *p, const char *value)
{
	return ink_value_words(p, value, ink_allow_put);
}

bool ink_value_allow_file(struct ink_unit_parser *p, const char *value)
{
	if (*value != '/')
		return ink_value_wrong(p, value, "is not an absolute path", "a path begins with /");
	p->unit->line.allow_file = p->line;
	p->unit->allow_file = ink_xstrdup(value);
	return true;
}

static bool ink_value_number(struct ink_unit_parser *p, const char *value, uint64_t min,
			     uint64_t max, uint32_t *into)
{
	uint64_t n;

	if (!ink_parse_u64(value, max, &n) || n < min)
		return ink_value_wrong(p, value, ink_fmt("isn't a number from %llu to %llu",
							 (unsigned long long)min,
							 (unsigned long long)max), NULL);
	*into = (uint32_t)n;
	return true;
}

bool ink_value_event_limit(struct ink_unit_parser *p, const char *value)
{
	return ink_value_number(p, value, 0, UINT32_MAX, &p->unit->event_limit);
}

bool ink_value_export(struct ink_unit_parser *p, const char *value)
{
	p->unit->export = !strcmp(value, "yes");
	return p->unit->export || !strcmp(value, "no") ||
		ink_value_wrong(p, value, "is neither yes nor no", NULL);
}

bool ink_value_block(struct ink_unit_parser *p, const char *value)
{
	return ink_value_number(p, value, 0, 86400 * 30, &p->unit->block);
}

bool ink_value_flows(struct ink_unit_parser *p, const char *value)
{
	return ink_value_number(p, value, 16, INK_UNIT_FLOWS_MAX, &p->unit->flows);
}

bool ink_unit_parse_allow(struct ink_unit *unit, const char *path, const char *text, size_t size,
			  struct ink_remarks *remarks)
{
	struct ink_unit_parser p = { .unit = unit, .path = path, .remarks = remarks,
				     .key = "allow-file" };
	char *copy = ink_xalloc(size + 1, 1), *rest = copy, *line, *word;
	size_t before = remarks->n;

	memcpy(copy, text, size);
	if (memchr(text, '\0', size))
		ink_unit_wrong_line(&p, "there is a NUL byte in it", "allow-files are plain text");
	while (remarks->n == before && (line = strsep(&rest, "\n")) != NULL) {
		p.line++;
		line[strcspn(line, "#\r")] = '\0';
		word = line + strspn(line, " \t");
		line = word + strcspn(word, " \t");
		if (line[strspn(line, " \t")])
			ink_unit_wrong_line(&p, "there is more than one prefix in this line",
					    "write one prefix a line; # begins a comment");
		*line = '\0';
		if (*word)
			ink_allow_put(&p, word);
	}
	free(copy);
	return remarks->n == before;
}

void ink_unit_clear(struct ink_unit *unit)
{
	ink_model_close(unit->opened);
	free(unit->path);
	free(unit->model);
	free(unit->threshold);
	free(unit->allow_file);
	free(unit->allow);
	memset(unit, 0, sizeof(*unit));
}
