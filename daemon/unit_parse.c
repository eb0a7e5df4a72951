// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsing slot files; see unit.h.
 *
 * What lives here: the grammar, which is libinih's, and the table of keys. What
 * doesn't: the values of keys (unit_value.c).
 *
 * libinih hands out no line numbers, splits lines that are too long and goes on
 * after indented ones. So it gets its lines from here, counted, and none that
 * it would misread.
 */
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "unit_value.h"

/* State of the reader that libinih calls. */
struct ink_unit_text {
	struct ink_unit_parser p;
	const char *at, *end;
	uint32_t seen;		/* keys, by their place in the table */
};

static const struct ink_unit_key {
	const char *section, *name;
	bool (*set)(struct ink_unit_parser *p, const char *value);
	bool many;
} keys[] = {
	{ "slot", "model", ink_value_model, false },
	{ "slot", "mode", ink_value_mode, false },
	{ "slot", "threshold", ink_value_threshold, false },
	{ "slot", "contexts", ink_value_contexts, false },
	{ "slot", "perm", ink_value_perm, false },
	{ "slot", "owner", ink_value_owner, false },
	{ "slot", "group", ink_value_group, false },
	{ "attach", "hook", ink_value_hook, false },
	{ "attach", "interface", ink_value_interface, false },
	{ "attach", "allow", ink_value_allow, true },
	{ "attach", "allow-file", ink_value_allow_file, false },
	{ "attach", "event-limit", ink_value_event_limit, false },
	{ "attach", "flows", ink_value_flows, false },
	{ "attach", "block", ink_value_block, false },
	{ "attach", "export", ink_value_export, false },
	{ "attach", "on-error", ink_value_on_error, false },
};

#define N_KEYS	(sizeof(keys) / sizeof(keys[0]))

static const char *ink_unit_known(const char *section)
{
	const char *all = "";
	size_t i;

	for (i = 0; i < N_KEYS; i++)
		if (!strcmp(keys[i].section, section))
			all = ink_fmt("%s%s%s", all, *all ? ", " : "", keys[i].name);
	return strcmp(section, "slot") ? all : ink_fmt("%s, action.CLASS", all);
}

static void ink_unit_take(struct ink_unit_text *t, const char *section, const char *name,
			  const char *value)
{
	struct ink_unit_parser *p = &t->p;
	size_t i;

	p->key = name;
	if (!strcmp(section, "slot") && !strncmp(name, "action.", 7)) {
		ink_value_action(p, name + 7, value);
		return;
	}
	for (i = 0; i < N_KEYS; i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, name))
			break;
	if (i == N_KEYS) {
		ink_unit_wrong(p, "is not a key of this section",
			       ink_fmt("keys of [%s]: %s", section, ink_unit_known(section)));
		return;
	}
	if (t->seen & (1u << i) && !keys[i].many) {
		ink_unit_wrong(p, "is given twice", "leave one of them");
		return;
	}
	t->seen |= 1u << i;
	keys[i].set(p, value);
}

static int ink_unit_handler(void *arg, const char *section, const char *name, const char *value)
{
	struct ink_unit_text *t = arg;

	if (!strcmp(section, "slot") || !strcmp(section, "attach")) {
		ink_unit_take(t, section, name, value ?: "");
	} else if (!*section) {
		t->p.key = name;
		ink_unit_wrong(&t->p, "stands before any section",
			       "begin the file with a line [slot]");
	}
	/* Keys of unknown sections: the section has been complained of. */
	return 1;
}

/* Sections are looked at when their line is read: libinih doesn't tell of empty ones. */
static void ink_unit_section(struct ink_unit_text *t, const char *line)
{
	const char *end = strchr(line, ']');
	size_t len = end ? (size_t)(end - line - 1) : 0;

	if (!end)
		return;		/* libinih complains */
	if (len == 6 && !strncmp(line + 1, "attach", len))
		t->p.unit->attach = true;
	else if (len != 4 || strncmp(line + 1, "slot", len))
		ink_unit_wrong_line(&t->p, ink_fmt("[%s] is not a section of slot files",
						   ink_fmt_safe(ink_fmt("%.*s", (int)len, line + 1))),
				    "sections: [slot], [attach]");
}

/* fgets() for libinih, on memory. */
static char *ink_unit_line(char *str, int num, void *arg)
{
	struct ink_unit_text *t = arg;
	const char *line = t->at, *newline;
	size_t len;

	if (line == t->end)
		return NULL;
	newline = memchr(line, '\n', (size_t)(t->end - line));
	len = (size_t)((newline ?: t->end) - line);
	t->at = newline ? newline + 1 : t->end;
	t->p.line++;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	*str = '\0';
	if (memchr(line, '\0', len)) {
		ink_unit_wrong_line(&t->p, "there is a NUL byte in this line",
				    "slot files are plain text");
		return str;
	}
	if (len + 2 > (size_t)num) {
		ink_unit_wrong_line(&t->p, ink_fmt("this line is longer than %d characters", num - 2),
				    "give allow= several times, or use allow-file=");
		return str;
	}
	memcpy(str, line, len);
	str[len] = '\0';
	if (*str == '[')
		ink_unit_section(t, str);
	return str;
}

static void ink_unit_defaults(struct ink_unit *unit, const char *path)
{
	memset(unit, 0, sizeof(*unit));
	unit->path = ink_xstrdup(path);
	unit->mode = INKLING_MODE_MONITOR;
	unit->perm = 0700;
	unit->event_limit = INK_UNIT_EVENTS;
	unit->flows = INK_FLOWS_MAX;
}

/* The file's name is the slot's. */
static void ink_unit_name(struct ink_unit_parser *p, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t len = strlen(name), cut = strlen(INK_UNIT_SUFFIX);
	size_t i;

	if (len > cut && !strcmp(name + len - cut, INK_UNIT_SUFFIX))
		len -= cut;
	for (i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", name[i]))
			break;
	if (!len || i < len || len >= INKLING_SLOT_NAME_MAX || *name == '.')
		ink_unit_wrong_line(p, ink_fmt("\"%s\" can't be the name of a slot",
					       ink_fmt_safe(ink_fmt("%.*s", (int)len, name))),
				    "name the file after the slot: 1 to 31 of a-z 0-9 . _ -, not "
				    "beginning with a dot, then .slot");
	else
		memcpy(p->unit->name, name, len);
}

bool ink_unit_parse(struct ink_unit *unit, const char *path, const char *text, size_t size,
		    struct ink_remarks *remarks)
{
	struct ink_unit_text t = {
		.p = { .unit = unit, .path = path, .remarks = remarks },
		.at = text, .end = text + size,
	};
	size_t before = remarks->n;
	int line;

	ink_unit_defaults(unit, path);
	ink_unit_name(&t.p, path);
	line = ini_parse_stream(ink_unit_line, &t, ink_unit_handler, &t);
	t.p.line = line > 0 ? (unsigned int)line : 0;
	if (line)
		ink_unit_wrong_line(&t.p, "this is neither [SECTION] nor KEY = VALUE",
				    "comments begin with # or ;");
	t.p.line = 0;
	if (remarks->n == before && !unit->model)
		ink_unit_wrong_line(&t.p, "there is no model= in it",
				    "say which model in section [slot], by a path or its SHA-256");
	if (remarks->n == before && unit->attach && !unit->n_targets)
		ink_unit_wrong_line(&t.p, "[attach] has no interface=",
				    "name one, such as eth0, or leave the section out");
	return remarks->n == before;
}
