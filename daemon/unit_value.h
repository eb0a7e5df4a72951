/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The values of a slot file's keys: between unit_parse.c and unit_value.c.
 */
#ifndef INK_UNIT_VALUE_H
#define INK_UNIT_VALUE_H

#include "unit.h"

/* Where the parser is. */
struct ink_unit_parser {
	struct ink_unit *unit;
	const char *path;
	const char *key;
	unsigned int line;
	struct ink_remarks *remarks;
};

/* Complain of the key, or of the line; always false. */
bool ink_unit_wrong(struct ink_unit_parser *p, const char *what, const char *hint);
bool ink_unit_wrong_line(struct ink_unit_parser *p, const char *what, const char *hint);

bool ink_value_model(struct ink_unit_parser *p, const char *value);
bool ink_value_mode(struct ink_unit_parser *p, const char *value);
bool ink_value_threshold(struct ink_unit_parser *p, const char *value);
bool ink_value_contexts(struct ink_unit_parser *p, const char *value);
bool ink_value_perm(struct ink_unit_parser *p, const char *value);
bool ink_value_owner(struct ink_unit_parser *p, const char *value);
bool ink_value_group(struct ink_unit_parser *p, const char *value);
bool ink_value_action(struct ink_unit_parser *p, const char *class, const char *value);
bool ink_value_hook(struct ink_unit_parser *p, const char *value);
bool ink_value_interface(struct ink_unit_parser *p, const char *value);
bool ink_value_allow(struct ink_unit_parser *p, const char *value);
bool ink_value_allow_file(struct ink_unit_parser *p, const char *value);
bool ink_value_event_limit(struct ink_unit_parser *p, const char *value);
bool ink_value_on_error(struct ink_unit_parser *p, const char *value);
bool ink_value_export(struct ink_unit_parser *p, const char *value);
bool ink_value_block(struct ink_unit_parser *p, const char *value);
bool ink_value_flows(struct ink_unit_parser *p, const char *value);

#endif /* INK_UNIT_VALUE_H */
