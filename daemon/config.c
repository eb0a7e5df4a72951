// SPDX-License-Identifier: GPL-2.0-only
/*
 * All slot files together; see config.h.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"

static void ink_config_refuse(struct ink_config *c, const char *slot)
{
	if (!*slot || ink_config_refuses(c, slot))
		return;
	c->refused = ink_xrealloc(c->refused, c->n_refused + 1, sizeof(*c->refused));
	snprintf(c->refused[c->n_refused++], sizeof(*c->refused), "%s", slot);
}

bool ink_config_refuses(const struct ink_config *c, const char *slot)
{
	size_t i;

	for (i = 0; i < c->n_refused; i++)
		if (!strcmp(c->refused[i], slot))
			return true;
	return false;
}

const struct ink_unit *ink_config_unit(const struct ink_config *c, const char *slot)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (!strcmp(c->units[i].name, slot))
			return &c->units[i];
	return NULL;
}

static bool ink_unit_wants(const struct ink_unit *u, const char *target)
{
	size_t i;

	for (i = 0; i < u->n_targets; i++)
		if (!strcmp(u->targets[i], target))
			return true;
	return false;
}

const struct ink_unit *ink_config_target(const struct ink_config *c, const char *target)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (ink_unit_wants(&c->units[i], target))
			return &c->units[i];
	return NULL;
}

static void ink_config_watch(struct ink_config *c, const char *path)
{
	c->watch = ink_xrealloc(c->watch, c->n_watch + 1, sizeof(*c->watch));
	c->watch[c->n_watch++] = ink_xstrdup(path);
}

static void ink_config_file(struct ink_config *c, const char *path, const char *store)
{
	struct ink_remarks unread = { 0 };
	struct ink_unit unit;
	size_t size = 0;
	char *text = ink_unit_read(path, &size, path, 0, &c->remarks);
	/* Without its text there is still its name. */
	bool fine = ink_unit_parse(&unit, path, text ?: "", size, text ? &c->remarks : &unread);

	ink_remarks_clear(&unread);
	free(text);
	if (unit.allow_file)
		ink_config_watch(c, unit.allow_file);
	if (unit.model && *unit.model == '/')
		ink_config_watch(c, unit.model);
	if (fine && ink_unit_resolve(&unit, store, &c->remarks)) {
		c->units = ink_xrealloc(c->units, c->n + 1, sizeof(*c->units));
		c->units[c->n++] = unit;
		return;
	}
	ink_config_refuse(c, unit.name);
	ink_unit_clear(&unit);
}

static int ink_slot_file_filter(const struct dirent *e)
{
	size_t len = strlen(e->d_name), cut = strlen(INK_UNIT_SUFFIX);

	return e->d_name[0] != '.' && len > cut && !strcmp(e->d_name + len - cut, INK_UNIT_SUFFIX);
}

static int ink_config_folder(struct ink_config *c, const char *path, const char *store)
{
	struct dirent **entries = NULL;
	int i, n = scandir(path, &entries, ink_slot_file_filter, alphasort);

	if (n < 0) {
		n = -errno;
		ink_remark_add(&c->remarks, path, 0, ink_fmt("can't be read: %s", strerror(-n)),
			       n == -ENOENT ? "create the folder; `make install` does" : NULL);
		return n;
	}
	for (i = 0; i < n; i++) {
		ink_config_file(c, ink_fmt("%s/%s", path, entries[i]->d_name), store);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static void ink_config_drop(struct ink_config *c, const char *slot)
{
	size_t i;

	ink_config_refuse(c, slot);
	for (i = 0; i < c->n; i++)
		if (!strcmp(c->units[i].name, slot)) {
			ink_unit_clear(&c->units[i]);
			memmove(&c->units[i], &c->units[i + 1],
				(--c->n - i) * sizeof(*c->units));
			return;
		}
}

/* What @a and @b both want, or NULL. */
static const char *ink_unit_conflict(const struct ink_unit *a, const struct ink_unit *b)
{
	size_t i;

	if (!strcmp(a->name, b->name))
		return ink_fmt("slot %s is described", a->name);
	for (i = 0; i < b->n_targets; i++)
		if (ink_unit_wants(a, b->targets[i]))
			return ink_fmt("interface %s is wanted", b->targets[i]);
	return NULL;
}

/* Neither of two is better: both are refused, and what there is stays. */
void ink_config_settle(struct ink_config *c)
{
	bool *bad = ink_xalloc(c->n, sizeof(*bad));
	size_t i, k, n = c->n;
	char (*names)[INKLING_SLOT_NAME_MAX] = ink_xalloc(n, sizeof(*names));
	const char *what;

	for (i = 0; i < n; i++) {
		strcpy(names[i], c->units[i].name);
		for (k = 0; k < n; k++) {
			what = i == k ? NULL : ink_unit_conflict(&c->units[i], &c->units[k]);
			if (!what)
				continue;
			bad[i] = true;
			ink_remark_add(&c->remarks, c->units[i].path, c->units[i].line.interface,
				       ink_fmt("%s by %s too", what, ink_fmt_safe(c->units[k].path)),
				       "take it out of one of them: an interface has one slot, a slot "
				       "one file");
		}
	}
	for (i = 0; i < n; i++)
		if (bad[i])
			ink_config_drop(c, names[i]);
	free(names);
	free(bad);
}

int ink_config_read(struct ink_config *c, const char *const *paths, size_t n, const char *store)
{
	struct stat st;
	int err = 0, failed;
	size_t i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < n; i++) {
		if (!stat(paths[i], &st) && !S_ISDIR(st.st_mode)) {
			ink_config_file(c, paths[i], store);
			continue;
		}
		failed = ink_config_folder(c, paths[i], store);
		err = err ?: failed;
	}
	ink_config_settle(c);
	return err;
}

void ink_config_clear(struct ink_config *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		ink_unit_clear(&c->units[i]);
	for (i = 0; i < c->n_watch; i++)
		free(c->watch[i]);
	free(c->units);
	free(c->refused);
	free(c->watch);
	ink_remarks_clear(&c->remarks);
	memset(c, 0, sizeof(*c));
}
