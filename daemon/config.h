/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All slot files together: what is desired.
 *
 * What lives here: reading folders and files, and what two files can't both
 * have. What doesn't: a file by itself (unit.h).
 */
#ifndef INK_CONFIG_H
#define INK_CONFIG_H

#include "unit.h"

#define INK_SLOTS_DIR	"/etc/inkling/slots.d"
#define INK_STORE_DIR	"/var/lib/inkling"

/**
 * struct ink_config - what the files ask for
 * @units: of the files that are fine, by name
 * @n: of @units
 * @refused: names of the slots whose file isn't
 * @n_refused: of @refused
 * @watch: files besides the slot files that were looked at
 * @n_watch: of @watch
 * @remarks: what is wrong
 */
struct ink_config {
	struct ink_unit *units;
	size_t n;
	char (*refused)[INKLING_SLOT_NAME_MAX];
	size_t n_refused;
	char **watch;
	size_t n_watch;
	struct ink_remarks remarks;
};

/**
 * ink_config_read() - read slot files
 * @config: set
 * @paths: files, and folders whose files *.slot are read
 * @n: their number
 * @store: folder of models that are named by digest
 *
 * Return: 0, or -errno when a folder can't be read: nothing is known then, and
 * nothing may be taken for absent. What is wrong is in the remarks either way.
 */
int ink_config_read(struct ink_config *config, const char *const *paths, size_t n,
		    const char *store);
void ink_config_clear(struct ink_config *config);
bool ink_config_refuses(const struct ink_config *config, const char *slot);
const struct ink_unit *ink_config_unit(const struct ink_config *config, const char *slot);
/* The unit that wants an interface, or NULL. */
const struct ink_unit *ink_config_target(const struct ink_config *config, const char *target);
/* Refuse units that want what another one wants too; called by ink_config_read(). */
void ink_config_settle(struct ink_config *config);

#endif /* INK_CONFIG_H */
