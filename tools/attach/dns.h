/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard of name servers on an interface.
 *
 * What lives here: putting it on, taking it off, what it counts and remembers, as
 * functions that never exit. What doesn't: what people see (dns_cmd.c), and tc
 * (program_tc.h).
 *
 * /sys/fs/bpf/inkling_dns/TARGET/ holds its maps, the array "info" with one struct
 * ink_dns_record, and "link" where the kernel has links of tc.
 */
#ifndef INK_DNS_GUARD_H
#define INK_DNS_GUARD_H

#include "hook.h"
#include "pins.h"
#include "../../bpf/dns/dns.h"

#define INK_DNS_ROOT	"/sys/fs/bpf/inkling_dns"

/* Only this program writes and reads it. */
struct ink_dns_record {
	uint32_t version;	/* 1 */
	uint32_t slot_id;
	char slot[INKLING_SLOT_NAME_MAX];
	char target[INK_TARGET_MAX];
	uint32_t ifindex;
	uint32_t event_limit;
	int64_t since;		/* seconds since 1970 */
	struct ink_tc_record tc;
};

/**
 * struct ink_dns_state - what is on an interface
 * @record: as it was written
 * @alive: the program is still there
 * @count: sum of all CPUs
 * @errors: by errno
 */
struct ink_dns_state {
	struct ink_dns_record record;
	bool alive;
	struct ink_dns_counters count;
	uint64_t errors[INK_HOOK_ERRNOS];
};

/* Path of a pin, from ink_fmt()'s buffers; @name NULL: the folder. */
const char *ink_dns_pin(const char *target, const char *name);

/**
 * ink_dns_attach() - put the guard on an interface
 * @target: IFACE or NETNS:IFACE
 * @slot: as the kernel describes it
 * @event_limit: events in 1.07 s
 * @problem: set unless it returns INK_EXIT_OK
 *
 * The caller holds ink_pins_lock(). Leftovers of a command that was killed are
 * cleaned up first; a guard that is there is refused.
 *
 * Return: enum ink_exit.
 */
int ink_dns_attach(const char *target, const struct ink_slot *slot, uint32_t event_limit,
		   struct ink_problem *problem);
/* Take it off, also of an interface that is gone; with the lock held. Return: enum ink_exit. */
int ink_dns_detach(const char *target, struct ink_problem *problem);
/* 0 or -errno: -ENOENT nothing is there. */
int ink_dns_read(const char *target, struct ink_dns_state *state);
/* All targets; each one and the list are the caller's to free. */
char **ink_dns_list(size_t *n);
/* A registered label always passes from now on, or not any more. False: no such label. 0 or -errno. */
int ink_dns_allow(const char *target, const char *label, bool add);

#endif /* INK_DNS_GUARD_H */
