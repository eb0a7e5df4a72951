/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Units: what one file /etc/inkling/slots.d/NAME.slot asks for.
 *
 * What lives here: the parsed file, and what it comes to once its model and its
 * allow-file were read. What doesn't: folders of them (config.h) and how the
 * kernel is made to follow (todo.h).
 */
#ifndef INK_UNIT_H
#define INK_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <inkling.h>
#include "../tools/attach/hook.h"

#define INK_UNIT_SUFFIX		".slot"
#define INK_UNIT_FILE_MAX	(256u << 10)	/* bytes of a file, allow-files too */
#define INK_UNIT_TARGETS	16
#define INK_UNIT_ALLOW_MAX	4096		/* of each family: room of the maps */
#define INK_UNIT_EVENTS		100
#define INK_UNIT_FLOWS_MAX	(16u << 20)

/**
 * struct ink_remark - something wrong with a file
 * @file: its path
 * @line: in it, 0: all of it
 * @text: what is wrong
 * @hint: what to do, or empty
 */
struct ink_remark {
	char *file;
	unsigned int line;
	char *text;
	char *hint;
};

struct ink_remarks {
	struct ink_remark *items;
	size_t n;
};

void ink_remark_add(struct ink_remarks *to, const char *file, unsigned int line,
		    const char *text, const char *hint);
void ink_remarks_clear(struct ink_remarks *remarks);
/* "file:line: text"; from ink_fmt()'s buffers. */
const char *ink_remark_text(const struct ink_remark *remark);

struct ink_unit_action {
	char class[32];
	uint8_t action;
	unsigned int line;
};

/**
 * struct ink_unit - a file as it was parsed, then what it comes to
 * @name: of the slot
 * @path: of the file
 * @model: as written: a path or 64 hex digits
 * @threshold: as written, or NULL: the model's
 * @allow_file: as written, or NULL
 * @mode: enum inkling_mode
 * @contexts: mask, 0: all that the model is fast enough for
 * @uid: owner
 * @gid: group
 * @perm: as of a file
 * @actions: as written
 * @n_actions: of it
 * @attach: there is a section [attach]
 * @targets: interfaces
 * @n_targets: of it
 * @event_limit: of the attachments
 * @flows: entries of each of their two flow tables
 * @block: seconds for which a bad source is dropped as a whole
 * @hook: where packets are judged
 * @fail_closed: drop what can't be judged
 * @export: an event for each scored vector
 * @allow: the allow-list, allow-file included once resolved
 * @n_allow: of it
 * @line: of keys that are looked at later
 * @resolved: what follows is valid
 * @opened: the model
 * @score: @threshold as a score, where there is one
 * @action: enum inkling_action of each class
 */
struct ink_unit {
	char name[INKLING_SLOT_NAME_MAX];
	char *path;
	char *model;
	char *threshold;
	char *allow_file;
	uint32_t mode;
	uint32_t contexts;
	uint32_t uid;
	uint32_t gid;
	uint32_t perm;
	struct ink_unit_action actions[INKLING_MAX_CLASSES];
	size_t n_actions;
	bool attach;
	char targets[INK_UNIT_TARGETS][INK_TARGET_MAX];
	size_t n_targets;
	uint32_t event_limit;
	uint32_t flows;
	uint32_t block;
	enum ink_hook hook;
	bool fail_closed;
	bool export;
	struct ink_prefix *allow;
	size_t n_allow;
	struct {
		unsigned int model, threshold, contexts, interface, allow_file;
	} line;
	bool resolved;
	struct ink_model *opened;
	int32_t score;
	uint8_t action[INKLING_MAX_CLASSES];
};

/**
 * ink_unit_parse() - parse a file's text
 * @unit: set; to be cleared also after a failure
 * @path: for remarks; its name without the suffix is the slot's
 * @text: not necessarily ended by a NUL; anything
 * @size: of it
 * @remarks: all that is wrong is appended
 *
 * Touches nothing but the user database. Return: nothing is wrong.
 */
bool ink_unit_parse(struct ink_unit *unit, const char *path, const char *text, size_t size,
		    struct ink_remarks *remarks);
void ink_unit_clear(struct ink_unit *unit);

/* One prefix a line, # begins a comment. Appends to the unit's list. */
bool ink_unit_parse_allow(struct ink_unit *unit, const char *path, const char *text, size_t size,
			  struct ink_remarks *remarks);

/**
 * ink_unit_resolve() - read what a unit refers to
 * @unit: parsed
 * @store: folder of models that are named by digest; others are searched too
 * @remarks: all that is wrong is appended
 *
 * Return: the unit is complete.
 */
bool ink_unit_resolve(struct ink_unit *unit, const char *store, struct ink_remarks *remarks);

/* Contexts that a new slot of the unit gets. */
uint32_t ink_unit_contexts(const struct ink_unit *unit);

/* Read a file that only its owner may write; NULL with a remark. */
char *ink_unit_read(const char *path, size_t *size, const char *from, unsigned int line,
		    struct ink_remarks *remarks);

#endif /* INK_UNIT_H */
