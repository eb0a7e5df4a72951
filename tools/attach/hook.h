/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow hook on an interface or a cgroup, for whoever wants it there: the command line
 * and the daemon.
 *
 * What lives here: attach, detach, the allow-list and what is attached, as
 * functions that never exit: they return an enum ink_exit and say in a struct
 * ink_problem what is wrong and what to do. What doesn't: what people are told
 * otherwise (attach.c), loading and pinning (program.h, pins.h).
 */
#ifndef INK_HOOK_H
#define INK_HOOK_H

#include <inkling.h>
#include "cli.h"
#include "program.h"

/**
 * struct ink_problem - why something didn't come about
 * @code: enum ink_exit; INK_EXIT_OK: no problem
 * @text: what is wrong; no final dot
 * @hint: what to do about it, or empty
 */
struct ink_problem {
	enum ink_exit code;
	char text[640];
	char hint[384];
};

/* Fill it in; @hint may be NULL. Return: @code. */
int ink_problem_set(struct ink_problem *problem, enum ink_exit code, const char *text,
		    const char *hint);
/* The same from libinkling's last failure. */
int ink_problem_library(struct ink_problem *problem);
/* The same from libinkling's last failure, which is the kernel's refusal. */
int ink_problem_refused(struct ink_problem *problem);

/**
 * struct ink_hook_spec - what is to be on an interface or a cgroup
 * @target: IFACE, NETNS:IFACE, or the path of a cgroup
 * @model: file of the slot's model, to name a feature that differs; may be NULL
 * @event_limit: events in 1.07 s
 * @flows: entries of the flow table, 0: as in the object
 * @block_seconds: for how long a source is dropped as a whole, 0: flows only
 * @export: an event for each scored vector
 * @fail_closed: drop flows that can't be judged
 * @clock_fed: a test feeds the clock
 * @hook: where packets of an interface are judged
 * @mode: how XDP is to run
 * @via_any: try the dispatcher, then a link; else @via only
 * @via: see @via_any
 * @allow: prefixes of the allow-list
 * @n_allow: their number
 */
struct ink_hook_spec {
	const char *target;
	const char *model;
	uint32_t event_limit;
	uint32_t flows;
	uint32_t block_seconds;
	bool export;
	bool fail_closed;
	bool clock_fed;
	enum ink_hook hook;
	enum ink_xdp_mode mode;
	bool via_any;
	enum ink_via via;
	const struct ink_prefix *allow;
	size_t n_allow;
};

/**
 * struct ink_hook_result - what came of it
 * @record: of the attachment
 * @remark: what people should know although it worked, or empty
 */
struct ink_hook_result {
	struct ink_attachment record;
	char remark[512];
};

/**
 * ink_hook_attach() - put the flow program on an interface or a cgroup
 * @spec: see there
 * @slot: as the kernel describes it
 * @result: set
 * @problem: set unless it returns INK_EXIT_OK
 *
 * Takes the lock of the pins itself. Leftovers of a command that was killed
 * half-way are cleaned up first. Refuses when a live program is there.
 *
 * Return: enum ink_exit.
 */
int ink_hook_attach(const struct ink_hook_spec *spec, const struct ink_slot *slot,
		    struct ink_hook_result *result, struct ink_problem *problem);

/**
 * ink_hook_detach() - take whatever is attached to an interface or a cgroup off
 * @target: its name, also of one that is gone
 * @problem: set unless it returns INK_EXIT_OK
 *
 * The caller holds ink_pins_lock(). Killed in between, the next call ends the job.
 *
 * Return: enum ink_exit.
 */
int ink_hook_detach(const char *target, struct ink_problem *problem);

/*
 * `inkling panic` is in force: nothing is attached by itself, until somebody ends
 * it. A file, so that it lasts until then or until a reboot. 0 or -errno.
 */
#define INK_PANIC_DIR	"/run/inkling"
bool ink_hook_held(void);
int ink_hook_hold(bool held);

/**
 * struct ink_hook_state - what is attached to an interface or a cgroup
 * @record: as it was written at attach; its target is the name
 * @alive: it is still there
 * @flows: entries of the flow table
 * @allow: the allow-list
 * @n_allow: of it
 */
struct ink_hook_state {
	struct ink_attachment record;
	bool alive;
	uint32_t flows;
	struct ink_prefix *allow;
	size_t n_allow;
};

/* 0 or -errno: -ENOENT nothing is there, -EPROTO pinned by another version. */
int ink_hook_read(const char *target, struct ink_hook_state *state);
void ink_hook_state_clear(struct ink_hook_state *state);

/* The allow-list of an attachment; *@list is the caller's to free. 0 or -errno. */
int ink_allow_read(const char *target, struct ink_prefix **list, size_t *n);
/*
 * Make it these prefixes: what is missing is added before anything is taken
 * off, so that nobody on both lists is without its entry. 0 or -errno.
 */
int ink_allow_replace(const char *target, const struct ink_prefix *list, size_t n);
/* "10.0.0.0/8", "fd00::1"; from ink_fmt()'s buffers. */
const char *ink_prefix_text(const struct ink_prefix *prefix);
bool ink_allow_has(const struct ink_prefix *list, size_t n, const struct ink_prefix *prefix);

#endif /* INK_HOOK_H */
