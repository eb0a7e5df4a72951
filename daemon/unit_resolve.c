// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a unit comes to: its model and its allow-file; see unit.h.
 *
 * What lives here: reading files that a slot file names, and what can be said
 * of them without asking the kernel. What doesn't: the slot file (unit_parse.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "../tools/attach/attach.h"
#include "../tools/attach/schema.h"
#include "../tools/inkling/words.h"

/* Whoever may write these files says what is dropped. */
static const char *ink_unit_untrusted(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it isn't a regular file";
	if (st->st_uid && st->st_uid != geteuid())
		return "it belongs neither to root nor to who reads it";
	if (st->st_mode & 0002 || (st->st_mode & 0020 && st->st_gid))
		return "others than its owner may write to it";
	if (st->st_size > INK_UNIT_FILE_MAX)
		return ink_fmt("it has more than %u KiB", INK_UNIT_FILE_MAX >> 10);
	return NULL;
}

/* All of an open file; NULL: errno, or E2BIG when it grew meanwhile. */
static char *ink_unit_slurp(int fd, size_t *size)
{
	char *text = ink_xalloc(INK_UNIT_FILE_MAX + 1, 1);
	ssize_t n;

	*size = 0;
	while (*size <= INK_UNIT_FILE_MAX) {
		n = read(fd, text + *size, INK_UNIT_FILE_MAX + 1 - *size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0) {
			*size += (size_t)n;
			continue;
		}
		if (!n)
			return text;
		free(text);
		return NULL;
	}
	free(text);
	errno = E2BIG;
	return NULL;
}

char *ink_unit_read(const char *path, size_t *size, const char *from, unsigned int line,
		    struct ink_remarks *remarks)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong = NULL, *before = ink_fmt("%s", from == path ? "" :
						    ink_fmt("allow-file: %s: ", ink_fmt_safe(path)));
	char *text = NULL;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st))
		wrong = ink_unit_untrusted(&st);
	if (wrong)
		ink_remark_add(remarks, from, line, ink_fmt("%s%s", before, wrong),
			       "make it a plain file of root's with mode 0644");
	else if (fd >= 0)
		text = ink_unit_slurp(fd, size);
	if (!text && !wrong)
		ink_remark_add(remarks, from, line, ink_fmt("%scan't be read: %s", before,
							    strerror(errno)),
			       errno == ENOENT ? "create it, or take the line out" : NULL);
	if (fd >= 0)
		close(fd);
	return text;
}

static void ink_digest_parse(const char *hex, uint8_t digest[INKLING_DIGEST_SIZE])
{
	unsigned int byte;
	size_t i;

	for (i = 0; i < INKLING_DIGEST_SIZE; i++) {
		sscanf(hex + 2 * i, "%2x", &byte);
		digest[i] = (uint8_t)byte;
	}
}

/* By path, or by digest from the store and from what is installed. */
static bool ink_unit_open(struct ink_unit *u, const char *store, struct ink_remarks *remarks)
{
	const char *dirs[] = { store, "/usr/local/share/inkling", "/usr/share/inkling" };
	const struct ink_failure *f = ink_failure_last();
	uint8_t digest[INKLING_DIGEST_SIZE];
	size_t i;

	if (*u->model == '/') {
		u->opened = ink_model_open(u->model);
		if (!u->opened)
			ink_remark_add(remarks, u->path, u->line.model,
				       ink_fmt("model: %s%s%s%s", f->text, f->rule ? " [rule " : "",
					       f->rule ?: "", f->rule ? "]" : ""),
				       f->rule ? "the file is damaged or was made by another version: "
				       "`inkling verify` says more" : f->hint);
		return u->opened;
	}
	ink_digest_parse(u->model, digest);
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !u->opened; i++)
		u->opened = ink_model_search_dir(dirs[i], digest);
	if (!u->opened)
		ink_remark_add(remarks, u->path, u->line.model,
			       ink_fmt("model: there is no model with digest %.12s...", u->model),
			       ink_fmt("put its .ink file into %s", store));
	return u->opened;
}

uint32_t ink_unit_contexts(const struct ink_unit *u)
{
	struct ink_model_stat stat;

	if (u->contexts)
		return u->contexts;
	ink_model_stat(u->opened, &stat);
	return stat.contexts;
}

/* Is the model fast enough, and is it for packets where there is an interface? */
static bool ink_unit_check_model(struct ink_unit *u, struct ink_remarks *remarks)
{
	uint32_t wanted = ink_unit_contexts(u);
	struct ink_schema theirs;
	struct ink_model_stat stat;
	const char *difference;

	ink_model_stat(u->opened, &stat);
	if (wanted & ~stat.contexts) {
		ink_remark_add(remarks, u->path, u->line.contexts,
			       ink_fmt("contexts: the model is too slow for %s: a run may take %s",
				       ink_word_contexts(wanted & ~stat.contexts),
				       ink_fmt_ns(stat.cost_simd)),
			       ink_fmt("make the model smaller, or set contexts=%s",
				       ink_word_contexts(stat.contexts)));
		return false;
	}
	if (!u->attach)
		return true;
	if (!(wanted & INKLING_CTX_SOFTIRQ)) {
		ink_remark_add(remarks, u->path, u->line.contexts ?: u->line.interface,
			       ink_fmt("interface: packets may not call the slot: its contexts are %s",
				       ink_word_contexts(wanted)),
			       "packets need softirq: a model of at most 50 us, and contexts= with it");
		return false;
	}
	if (ink_model_header(u->opened)->schema == ink_schema_number(&ink_schema_flow))
		return true;
	ink_schema_model(u->opened, &theirs);
	difference = ink_schema_difference(&ink_schema_flow, &theirs);
	ink_remark_add(remarks, u->path, u->line.model,
		       ink_fmt("model: it can't judge flows: it reads other features%s%s",
			       difference ? ": " : "", difference ?: ""),
		       "use a model that was trained on the CSV of `inkling features`, or take "
		       "[attach] out");
	return false;
}

static bool ink_unit_resolve_threshold(struct ink_unit *u, struct ink_remarks *remarks)
{
	const char *wrong, *hint;

	if (!u->threshold ||
	    ink_word_find_threshold(u->threshold, ink_model_header(u->opened)->head, &u->score,
				    &wrong, &hint))
		return true;
	ink_remark_add(remarks, u->path, u->line.threshold,
		       ink_fmt("threshold: \"%s\" %s", ink_fmt_safe(u->threshold), wrong), hint);
	return false;
}

/* What isn't said is as in a new slot: pass for the first class, alert for the others. */
static bool ink_unit_resolve_actions(struct ink_unit *u, struct ink_remarks *remarks)
{
	uint32_t n = ink_model_header(u->opened)->n_classes, class;
	const struct inkling_card *card = ink_model_card(u->opened);
	size_t i, before = remarks->n;
	const char *all = "";

	for (class = 0; class < INKLING_MAX_CLASSES; class++)
		u->action[class] = class ? INKLING_ACTION_ALERT : INKLING_ACTION_PASS;
	for (class = 0; class < n; class++)
		all = ink_fmt("%s%s%s", all, class ? ", " : "", ink_fmt_safe(card->classes[class]));
	for (i = 0; i < u->n_actions; i++) {
		for (class = 0; class < n; class++)
			if (!strcmp(card->classes[class], u->actions[i].class))
				break;
		if (class < n)
			u->action[class] = u->actions[i].action;
		else
			ink_remark_add(remarks, u->path, u->actions[i].line,
				       ink_fmt("action.%s: the model has no such class",
					       ink_fmt_safe(u->actions[i].class)),
				       n ? ink_fmt("its classes: %s", all) : "it has no classes");
	}
	return remarks->n == before;
}

bool ink_unit_resolve(struct ink_unit *u, const char *store, struct ink_remarks *remarks)
{
	bool fine = true;
	char *text;
	size_t size;

	if (u->allow_file) {
		text = ink_unit_read(u->allow_file, &size, u->path, u->line.allow_file, remarks);
		fine = text && ink_unit_parse_allow(u, u->allow_file, text, size, remarks);
		free(text);
	}
	if (!ink_unit_open(u, store, remarks))
		return false;
	fine &= ink_unit_check_model(u, remarks);
	fine &= ink_unit_resolve_threshold(u, remarks);
	fine &= ink_unit_resolve_actions(u, remarks);
	u->resolved = fine;
	return fine;
}
