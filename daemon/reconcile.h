/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making the kernel follow the slot files.
 *
 * What lives here: one pass from files to steps to what came of them. What
 * doesn't: when a pass is made (main.c), what the steps are (todo.h) and how
 * one is carried out (actual.h).
 */
#ifndef INK_RECONCILE_H
#define INK_RECONCILE_H

#include "managed.h"

/**
 * struct ink_daemon - what is kept from pass to pass
 * @slots_dir: folder of the slot files
 * @store: folder of models by digest
 * @state: folder of the file "managed"
 * @config: as the files were when last read
 * @known: @config is valid
 * @settled: slots that were made what their files say since those were read
 * @module: which instance of the module that was
 * @said: notes, so that each is said once
 * @status: how things are, one line
 * @waiting: something is missing that may come: try again
 * @steps: carried out in the last pass
 */
struct ink_daemon {
	const char *slots_dir;
	const char *store;
	const char *state;
	struct ink_config config;
	bool known;
	struct ink_names settled;
	uint64_t module;
	char **said;
	size_t n_said;
	char status[256];
	bool waiting;
	size_t steps;
};

/**
 * ink_daemon_pass() - do what has to be done
 * @d: see there
 * @reread: the files may have changed, or somebody asks for them: what was
 *	changed by hand since is changed back
 *
 * Whatever it is killed in the middle of, another pass ends the job.
 */
void ink_daemon_pass(struct ink_daemon *d, bool reread);
void ink_daemon_clear(struct ink_daemon *d);

#endif /* INK_RECONCILE_H */
