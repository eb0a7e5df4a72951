/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the flow hook stores and what userspace reads of it.
 *
 * What lives here: the values of the BPF maps, the counters and the record of
 * the ring buffer, all without padding. What doesn't: the code that fills them
 * in (flow.h) and the keys, which come from a packet (flow_packet.h).
 */
#ifndef INK_FLOW_STATE_H
#define INK_FLOW_STATE_H

#include <linux/inkling.h>
#include "flow_schema.h"

#define INK_SKETCH_BITS	128

/* Entries of the tables, where attach isn't told otherwise. */
#define INK_FLOWS_MAX		65536
#define INK_SOURCES_MAX		16384
#define INK_SERVICES_MAX	8192

/* What happened in a flow that its source and service are told of, once. */
#define INK_SEEN_STARTED	0x01	/* a SYN was let through */
#define INK_SEEN_COMPLETED	0x02	/* an ACK followed */
#define INK_SEEN_SPOKE		0x04	/* payload followed */
#define INK_SEEN_RESET		0x08	/* RST before any payload */
#define INK_SEEN_CLOSED		0x10	/* FIN or RST; of the flow alone */

/**
 * struct ink_flow - value of the flow table
 * @first_ns: time of its first packet
 * @last_ns: time of its latest packet
 * @scored_ns: time of the verdict below
 * @packets: count
 * @gap_us: between the latest two packets
 * @payload_bytes: sum, saturates
 * @payload_packets: packets with payload
 * @syns: packets with SYN and without ACK
 * @closes: packets with FIN or RST
 * @odd: packets of INK_START_ODD
 * @start: enum ink_start of the first packet
 * @seen: INK_SEEN_*
 * @counted: those of @seen that source and service know of
 * @class: cached verdict
 * @action: enum inkling_action of it
 * @mode: enum inkling_mode of it
 * @score: of it
 * @zero: zero
 */
struct ink_flow {
	__u64 first_ns;
	__u64 last_ns;
	__u64 scored_ns;
	__u32 packets;
	__u32 gap_us;
	__u32 payload_bytes;
	__u32 payload_packets;
	__u32 syns;
	__u32 closes;
	__u32 odd;
	__u8 start;
	__u8 seen;
	__u8 counted;
	__u8 class;
	__s32 score;
	__u8 action;
	__u8 mode;
	__u16 zero;
};

/**
 * struct ink_window - two clocks that start with the first packet
 * @first_ns: time of that
 * @fast_epoch: which window of 2^INK_FAST_SHIFT ns @fast_now is of
 * @slow_epoch: how often the decayed counts have been halved
 * @fast_now: flows begun in this window
 * @fast_before: flows begun in the window before
 */
struct ink_window {
	__u64 first_ns;
	__u32 fast_epoch;
	__u32 slow_epoch;
	__u32 fast_now;
	__u32 fast_before;
};

/* A set of which only the approximate size is wanted: linear counting. */
struct ink_sketch {
	__u64 now[2];
	__u64 before[2];
};

/* Value of the source table, whose key is an address. All counts decay. */
struct ink_source {
	struct ink_window window;
	__u32 flows;
	__u32 started;
	__u32 completed;
	__u32 spoke;
	__u32 resets;
	__u32 zero;
	struct ink_sketch ports;
	struct ink_sketch hosts;
};

/* Value of the service table. */
struct ink_service {
	struct ink_window window;
	__u32 started;
	__u32 completed;
};

#define INK_FLOW_CLASSES	INKLING_MAX_CLASSES
#define INK_FLOW_ERRNOS		136	/* above the greatest errno that a slot gives */

/* What the hook counts, for each CPU. The names are what people see. */
#define INK_FLOW_COUNTERS(X)						\
	X(packets)		/* seen */				\
	X(bytes)							\
	X(other)		/* passed: not IP, or neighbour discovery */ \
	X(malformed)		/* passed: couldn't be parsed */	\
	X(flows)		/* begun */				\
	X(scored)		/* times that the model was asked */	\
	X(errors)		/* of these, it couldn't answer: passed */ \
	X(allowed)		/* times that the allow-list decided */	\
	X(flagged)		/* packets of flows with a verdict other than class 0 */ \
	X(would_drop)		/* packets that enforce would have dropped */ \
	X(dropped)		/* packets */				\
	X(map_full)		/* packets passed since there was no room for their flow */ \
	X(events)		/* sent */				\
	X(events_limited)	/* not sent: above the rate limit */	\
	X(events_lost)		/* not sent: nobody read fast enough */

#define INK_FLOW_COUNTER_FIELD(name)	__u64 name;
struct ink_flow_counters {
	INK_FLOW_COUNTERS(INK_FLOW_COUNTER_FIELD)
	__u64 verdicts[INK_FLOW_CLASSES];	/* by class */
};

#define INK_EVENT_FLAGGED	0x1	/* a class other than 0, with an action */
#define INK_EVENT_EXPORT	0x2	/* the export of each scored vector is on */
#define INK_EVENT_DROPPED	0x4	/* the packet was dropped */
#define INK_EVENT_ALLOWED	0x8	/* the allow-list decided */

/**
 * struct ink_flow_event - record of the ring buffer
 * @time_ns: monotonic
 * @key: the flow
 * @packets: packet of the flow that was scored
 * @flags: INK_EVENT_*
 * @error: 0, or the negative errno that the slot gave
 * @verdict: of the slot
 * @features: that it was given
 * @zero: zero
 */
struct ink_flow_event {
	__u64 time_ns;
	struct ink_flow_key key;
	__u32 packets;
	__u32 flags;
	__s32 error;
	struct inkling_verdict verdict;
	struct ink_flow_vector features;
};

_Static_assert(sizeof(struct ink_flow_key) == 44, "padding in the key");
_Static_assert(sizeof(struct ink_flow) == 64, "padding in a flow");
_Static_assert(sizeof(struct ink_source) == 24 + 24 + 64, "padding in a source");
_Static_assert(sizeof(struct ink_service) == 32, "padding in a service");
_Static_assert(sizeof(struct ink_flow_event) == 8 + 44 + 12 + 16 + 4 * INK_FLOW_FEATURES,
	       "padding in an event");

#endif /* INK_FLOW_STATE_H */
