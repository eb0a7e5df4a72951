// SPDX-License-Identifier: GPL-2.0-only
/*
 * Labels for training; see labels.h.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <inkling.h>

#include "cli.h"
#include "labels.h"
#include "prefix.h"

enum ink_label_column {
	COL_LABEL, COL_REMOTE, COL_LOCAL, COL_REMOTE_PORT, COL_LOCAL_PORT, COL_PROTO, COL_FROM,
	COL_TO, COL_NR,
};

static const char *const column_names[COL_NR] = {
	"label", "remote", "local", "remote_port", "local_port", "proto", "from", "to",
};

/* A rule; has tells which members are set, by enum ink_label_column. */
struct ink_label_rule {
	unsigned int has;
	struct ink_prefix remote, local;
	uint64_t remote_port, local_port, proto, from_ns, to_ns;
	char *label;
};

struct ink_labels {
	struct ink_label_rule *rules;
	size_t n;
};

static bool ink_label_time(const char *text, uint64_t *ns)
{
	double seconds;

	if (!ink_parse_double(text, &seconds) || seconds < 0 || seconds > 1e10)
		return false;
	*ns = (uint64_t)(seconds * 1e9);
	return true;
}

static bool ink_label_proto(const char *text, uint64_t *proto)
{
	static const struct { const char *name; uint64_t number; } names[] = {
		{ "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "icmp6", 58 },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcasecmp(text, names[i].name)) {
			*proto = names[i].number;
			return true;
		}
	}
	return ink_parse_u64(text, 255, proto);
}

static bool ink_label_set(struct ink_label_rule *rule, int column, const char *field)
{
	rule->has |= 1u << column;
	switch (column) {
	case COL_REMOTE:
		return ink_prefix_parse(field, &rule->remote);
	case COL_LOCAL:
		return ink_prefix_parse(field, &rule->local);
	case COL_REMOTE_PORT:
		return ink_parse_u64(field, 65535, &rule->remote_port);
	case COL_LOCAL_PORT:
		return ink_parse_u64(field, 65535, &rule->local_port);
	case COL_PROTO:
		return ink_label_proto(field, &rule->proto);
	case COL_FROM:
		return ink_label_time(field, &rule->from_ns);
	case COL_TO:
		return ink_label_time(field, &rule->to_ns);
	}
	rule->label = ink_xstrdup(field);
	return !strpbrk(field, ",\"\r\n");
}

/* Which column of the file is which of ours, -1 where it isn't there. Return: what is wrong. */
static const char *ink_labels_heading(const struct ink_csv *csv, int columns[COL_NR])
{
	unsigned int i, n = ink_csv_columns(csv);
	int c;

	for (c = 0; c < COL_NR; c++)
		columns[c] = -1;
	for (i = 0; i < n; i++) {
		const char *name = ink_csv_column_name(csv, i);

		for (c = 0; c < COL_NR && strcmp(name, column_names[c]); c++)
			;
		if (c == COL_NR)
			return ink_fmt("column \"%s\" is unknown", ink_fmt_safe(name));
		columns[c] = (int)i;
	}
	return columns[COL_LABEL] < 0 ? "there is no column \"label\"" : NULL;
}

/* Take the row that was read. Return: what is wrong with it, or NULL. */
static const char *ink_labels_row(struct ink_labels *labels, const struct ink_csv *csv,
				  const int columns[COL_NR])
{
	struct ink_label_rule *rule;
	const char *field;
	int c;

	labels->rules = ink_xrealloc(labels->rules, labels->n + 1, sizeof(*rule));
	rule = &labels->rules[labels->n++];
	memset(rule, 0, sizeof(*rule));
	for (c = 0; c < COL_NR; c++) {
		field = columns[c] < 0 ? "" : ink_csv_field(csv, (unsigned int)columns[c]);
		if (*field && !ink_label_set(rule, c, field))
			return ink_fmt("%s \"%s\" isn't valid", column_names[c],
				       ink_fmt_safe(field));
	}
	return rule->label ? NULL : "the label is empty";
}

struct ink_labels *ink_labels_read(const char *path, int *code)
{
	struct ink_csv *csv = ink_csv_open(path, NULL);
	struct ink_labels *labels;
	const char *wrong = NULL;
	int columns[COL_NR];
	int got = 0;

	if (!csv) {
		*code = ink_exit_errno(ink_failure_last()->code);
		ink_error(ink_failure_last()->text, ink_failure_last()->hint);
		return NULL;
	}
	labels = ink_xalloc(1, sizeof(*labels));
	wrong = ink_labels_heading(csv, columns);
	while (!wrong && (got = ink_csv_next(csv)) == 1)
		wrong = ink_labels_row(labels, csv, columns);
	if (!wrong && !got) {
		ink_csv_close(csv);
		return labels;
	}
	*code = INK_EXIT_INPUT;
	if (wrong)
		ink_error(ink_fmt("%s:%llu: %s", ink_fmt_safe(path),
				  (unsigned long long)ink_csv_line(csv), wrong),
			  "columns are label, remote, local, remote_port, local_port, proto, "
			  "from, to");
	else
		ink_error(ink_failure_last()->text, ink_failure_last()->hint);
	ink_csv_close(csv);
	ink_labels_free(labels);
	return NULL;
}

void ink_labels_free(struct ink_labels *labels)
{
	size_t i;

	if (!labels)
		return;
	for (i = 0; i < labels->n; i++)
		free(labels->rules[i].label);
	free(labels->rules);
	free(labels);
}

static bool ink_label_match(const struct ink_label_rule *r, const struct ink_flow_key *key,
			    uint64_t time_ns)
{
	unsigned int has = r->has;

	return !((has & 1u << COL_REMOTE && !ink_prefix_match(&r->remote, key->remote)) ||
		 (has & 1u << COL_LOCAL && !ink_prefix_match(&r->local, key->local.addr)) ||
		 (has & 1u << COL_REMOTE_PORT && r->remote_port != key->remote_port) ||
		 (has & 1u << COL_LOCAL_PORT && r->local_port != key->local.port) ||
		 (has & 1u << COL_PROTO && r->proto != key->local.proto) ||
		 (has & 1u << COL_FROM && time_ns < r->from_ns) ||
		 (has & 1u << COL_TO && time_ns > r->to_ns));
}

const char *ink_labels_find(const struct ink_labels *labels, const struct ink_flow_key *key,
			    uint64_t time_ns, const char *otherwise)
{
	size_t i;

	for (i = 0; labels && i < labels->n; i++)
		if (ink_label_match(&labels->rules[i], key, time_ns))
			return labels->rules[i].label;
	return otherwise;
}
