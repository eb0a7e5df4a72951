/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow programs: load them, put them on an interface or a cgroup, take them off.
 *
 * What lives here: libbpf and libxdp. What doesn't: tc (program_tc.h), cgroups
 * (program_cgroup.h), which slot, what the user is told, and the record of what
 * was done (attach.c, pins.h).
 */
#ifndef INK_PROGRAM_H
#define INK_PROGRAM_H

#include "pins.h"
#include "prefix.h"

/**
 * struct ink_program_options - how the program is loaded
 * @object: path of flow.bpf.o
 * @target: NETNS:IFACE, IFACE or a cgroup's path, for the pins
 * @ifindex: of the interface, in the current network namespace; 0 of a cgroup
 * @slot_id: to ask
 * @event_limit: events in 1.07 s
 * @export: an event for each scored vector
 * @flows: entries of each flow table, 0: as in the object
 * @ring: bytes of the ring buffer, a power of two
 * @clock_fed: time is what a test writes into the map "control"
 * @hook: where packets are judged
 * @policy: for the programs
 * @mode: how XDP is to run
 * @via_any: try the dispatcher, then a link; else @via only
 * @via: see @via_any
 * @allow: prefixes of the allow-list
 * @n_allow: their number
 */
struct ink_program_options {
	const char *object;
	const char *target;
	uint32_t ifindex;
	uint32_t slot_id;
	uint32_t event_limit;
	uint32_t export;
	uint32_t flows;
	uint32_t ring;
	uint32_t clock_fed;
	enum ink_hook hook;
	struct ink_flow_policy policy;
	enum ink_xdp_mode mode;
	bool via_any;
	enum ink_via via;
	const struct ink_prefix *allow;
	size_t n_allow;
};

/**
 * struct ink_program_result - what came of it
 * @prog_id: of the program that judges
 * @mode: native or skb
 * @via: how XDP hangs on the interface
 * @tc_in: how tc does, on the way in
 * @tc_out: and on the way out
 * @remark: why something asked for or hoped for wasn't possible, or empty
 * @failure: what went wrong, when it did
 */
struct ink_program_result {
	uint32_t prog_id;
	enum ink_xdp_mode mode;
	enum ink_via via;
	struct ink_tc_record tc_in;
	struct ink_tc_record tc_out;
	char remark[320];
	char failure[1024];
};

/* Path of the object, or NULL when it is nowhere; from ink_fmt()'s buffers. */
const char *ink_program_object(void);

/**
 * ink_program_attach() - load, attach and pin
 * @options: see there; the folder of pins exists and is empty
 * @result: set
 *
 * Return: 0, or -errno with result->failure set; pins may be left then.
 */
int ink_program_attach(const struct ink_program_options *options,
		       struct ink_program_result *result);

/* Is it still where it was put? */
bool ink_program_alive(const struct ink_attachment *record);

/*
 * Take it off, in the target's network namespace, or in any when that is gone.
 * Return: 0, also when it was off already, or -errno.
 */
int ink_program_detach(const struct ink_attachment *record);

/*
 * Take off an interface what a killed command left there without a record. In
 * the target's network namespace, with the lock held, and only without a record.
 */
void ink_program_sweep(uint32_t ifindex);

/* Add prefixes to or take them from the allow-list of an attachment; 0 or -errno. */
int ink_allow_change(const char *target, const struct ink_prefix *prefix, bool add);

#endif /* INK_PROGRAM_H */
