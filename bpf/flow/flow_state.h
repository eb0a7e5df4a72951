/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the flow hook stores and what userspace reads of it.
 *
 * What lives here: the values of the BPF maps, the policy, the counters and the
 * record of the ring buffer, all without padding. What doesn't: the code that
 * fills them in (flow.h) and the keys, which come from a packet
 * (flow_packet.h).
 */
#ifndef INK_FLOW_STATE_H
#define INK_FLOW_STATE_H

#include <linux/inkling.h>
#include "flow_schema.h"

#define INK_SKETCH_BITS	128

/* Entries of the tables, where attach isn't told otherwise. */
#define INK_FLOWS_MAX		65536	/* flows whose remote address is proven or that we began */
#define INK_PENDING_MAX		65536	/* all others */
#define INK_SOURCES_MAX		16384	/* addresses that were proven */
#define INK_STRANGERS_MAX	16384	/* all others */
#define INK_SERVICES_MAX	8192

/* What happened in a flow that its source and service are told of, once. */
#define INK_SEEN_STARTED	0x01	/* a SYN was let through */
#define INK_SEEN_COMPLETED	0x02	/* the handshake was completed */
#define INK_SEEN_SPOKE		0x04	/* payload followed */
#define INK_SEEN_ANSWERED	0x08	/* payload was sent back */
#define INK_SEEN_RESET		0x10	/* RST before any payload */
#define INK_SEEN_CLOSED		0x20	/* FIN or RST after the handshake */
#define INK_SEEN_REFUSED	0x40	/* a reply refused a login */
/* What doesn't concern them. */
#define INK_SEEN_ENDED		0x100	/* FIN or RST at any time */
#define INK_SEEN_PROVEN		0x200	/* the remote end got what we sent to its address */
#define INK_SEEN_GRACE		0x400	/* a SYN sent again was let through against the verdict */

#define INK_SEEN_TELL	(INK_SEEN_STARTED | INK_SEEN_COMPLETED | INK_SEEN_SPOKE | \
			 INK_SEEN_ANSWERED | INK_SEEN_RESET | INK_SEEN_CLOSED | INK_SEEN_REFUSED)

/* What the program on the way out notes in a flow. */
#define INK_OUT_ACCEPTED	0x01	/* SYN+ACK */
#define INK_OUT_REJECTED	0x02	/* RST before any payload of ours */
#define INK_OUT_NUMBERED	0x04	/* @next_out counts from a number that we chose */

/* Why a flow isn't judged any more. */
enum ink_final {
	INK_FINAL_NOT,
	INK_FINAL_ALLOWED,	/* by the allow-list of generation @allowed */
	INK_FINAL_OURS,		/* we began it */
};

/**
 * struct ink_flow - value of the flow tables
 * @first_ns: time of its first packet
 * @last_ns: time of its latest packet in
 * @scored_ns: time of the verdict below
 * @packets: in; like all counts of packets in segments of INK_SEGMENT
 * @packets_out: likewise
 * @bytes: of payload in, saturates
 * @bytes_out: of payload out, saturates
 * @data: packets with payload, in
 * @data_out: packets with payload, out
 * @answered: @data_out when payload last came in
 * @turns: how often payload came in after payload had gone out
 * @gap_us: between the latest two packets in
 * @gap_min_us: least of these
 * @gap_max_us: greatest of these
 * @gap_jumps_us: sum of the differences of one to the next, saturates
 * @size_jumps: sum of the differences of one payload's size to the next, saturates
 * @next: sequence number that comes next, in
 * @next_out: acknowledgement number that proves that all we sent was received
 * @out_ms: time of the latest packet out since @first_ns
 * @allowed: generation of the allow-list that @final is of
 * @score: of the verdict
 * @size_min: least payload in
 * @size_max: greatest payload in
 * @size_last: latest payload in
 * @first_size: first payload in
 * @syns: packets with SYN and without ACK, in
 * @closes: packets with FIN or RST, in
 * @odd: packets of INK_START_ODD
 * @repeats: packets whose payload had been sent before
 * @fragments: first fragments
 * @refusals: replies that refuse a login
 * @seen: INK_SEEN_*
 * @counted: those of @seen that source and service know of
 * @seen_out: INK_OUT_*
 * @start: enum ink_start of the first packet
 * @class: cached verdict
 * @action: enum inkling_action of it
 * @mode: enum inkling_mode of it
 * @stage: which wait comes next until it is scored for its age
 * @final: enum ink_final
 * @peeked: bytes of the first payload that were looked at
 * @printable: of these
 * @variety: of these
 * @zero: zero
 *
 * @packets_out, @bytes_out, @data_out, @next_out, @out_ms, @refusals and
 * @seen_out are written on the way out, all else on the way in.
 */
struct ink_flow {
	__u64 first_ns;
	__u64 last_ns;
	__u64 scored_ns;
	__u32 packets;
	__u32 packets_out;
	__u32 bytes;
	__u32 bytes_out;
	__u32 data;
	__u32 data_out;
	__u32 answered;
	__u32 turns;
	__u32 gap_us;
	__u32 gap_min_us;
	__u32 gap_max_us;
	__u32 gap_jumps_us;
	__u32 size_jumps;
	__u32 next;
	__u32 next_out;
	__u32 out_ms;
	__u32 allowed;
	__s32 score;
	__u16 size_min;
	__u16 size_max;
	__u16 size_last;
	__u16 first_size;
	__u16 syns;
	__u16 closes;
	__u16 odd;
	__u16 repeats;
	__u16 fragments;
	__u16 refusals;
	__u16 seen;
	__u16 counted;
	__u8 seen_out;
	__u8 start;
	__u8 class;
	__u8 action;
	__u8 mode;
	__u8 stage;
	__u8 final;
	__u8 peeked;
	__u8 printable;
	__u8 variety;
	__u8 zero[6];
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

/**
 * struct ink_source - value of the source tables, whose key is an address
 * @window: flows begun
 * @ports: distinct local ports tried
 * @hosts: distinct local addresses tried
 * @blocked_ns: until when all of it is dropped
 * @grace_ns: when a SYN sent again was last let through against the verdict
 * @beat_ns: when a handshake was last completed
 * @beat_us: moving average of the time between completed handshakes
 * @beat_spread_us: moving average of what that is off by
 * @flows: begun
 * @started: SYNs let through
 * @rejected: flows that we reset before any payload of ours
 * @completed: handshakes
 * @spoke: of these, payload followed
 * @answered: of these, we sent payload back
 * @closed: of the completed ones
 * @resets: flows that it reset before any payload
 * @refused: flows in which a login was refused
 * @alike: closed flows with about as many bytes each way as the closed one before
 * @last_bytes: of the latest closed flow, in
 * @last_bytes_out: of the latest closed flow, out
 * @blocked_class: why it is blocked
 * @zero: zero
 *
 * Counts from @flows to @alike are halved at each slow epoch.
 */
struct ink_source {
	struct ink_window window;
	struct ink_sketch ports;
	struct ink_sketch hosts;
	__u64 blocked_ns;
	__u64 grace_ns;
	__u64 beat_ns;
	__u32 beat_us;
	__u32 beat_spread_us;
	__u32 flows;
	__u32 started;
	__u32 rejected;
	__u32 completed;
	__u32 spoke;
	__u32 answered;
	__u32 closed;
	__u32 resets;
	__u32 refused;
	__u32 alike;
	__u32 last_bytes;
	__u32 last_bytes_out;
	__u32 blocked_class;
	__u32 zero;
};

/* Value of the service table. */
struct ink_service {
	struct ink_window window;
	struct ink_sketch sources;
	__u32 started;
	__u32 completed;
};

/**
 * struct ink_flow_policy - what the administrator decided; fixed while attached
 * @block_ns: for how long a source is dropped as a whole, 0: flows only
 * @two_way: packets on the way out are seen, too
 * @fail_closed: a flow that can't be judged is dropped
 */
struct ink_flow_policy {
	__u64 block_ns;
	__u32 two_way;
	__u32 fail_closed;
};

/**
 * struct ink_control - what userspace changes while the programs run
 * @clock: time, where a test feeds it
 * @allow_generation: one more with each change of the allow-list
 * @zero: zero
 */
struct ink_control {
	__u64 clock;
	__u32 allow_generation;
	__u32 zero;
};

#define INK_FLOW_CLASSES	INKLING_MAX_CLASSES

/* What the hook counts, for each CPU. The names are what people see. */
#define INK_FLOW_COUNTERS(X)						\
	X(packets)		/* seen, in */				\
	X(bytes)							\
	X(packets_out)							\
	X(bytes_out)							\
	X(other)		/* passed: not IP, or neighbour discovery */ \
	X(malformed)		/* passed: couldn't be parsed */	\
	X(flows)		/* begun by the remote end */		\
	X(flows_out)		/* begun by us: not judged */		\
	X(proven)		/* flows whose remote address was proven */ \
	X(scored)		/* times that the model was asked */	\
	X(errors)		/* of these, it couldn't answer */	\
	X(allowed)		/* times that the allow-list decided */	\
	X(flagged)		/* packets of flows with a verdict other than class 0 */ \
	X(would_drop)		/* packets that enforce would have dropped */ \
	X(dropped)		/* packets */				\
	X(blocked)		/* sources blocked as a whole */	\
	X(grace)		/* SYNs let through since they were sent again */ \
	X(map_full)		/* packets passed since there was no room for their flow */ \
	X(events)		/* sent */				\
	X(events_limited)	/* not sent: above the rate limit */	\
	X(events_lost)		/* not sent: nobody read fast enough */

#define INK_FLOW_COUNTER_FIELD(name)	__u64 name;
struct ink_flow_counters {
	INK_FLOW_COUNTERS(INK_FLOW_COUNTER_FIELD)
	__u64 verdicts[INK_FLOW_CLASSES];	/* by class */
	__u64 would_drops[INK_FLOW_CLASSES];	/* packets, by class */
	__u64 drops[INK_FLOW_CLASSES];		/* packets, by class */
	__u64 reasons[INK_MALFORMED_NR];	/* why packets couldn't be parsed */
};

#define INK_EVENT_FLAGGED	0x1	/* a class other than 0, with an action */
#define INK_EVENT_EXPORT	0x2	/* the export of each scored vector is on */
#define INK_EVENT_DROPPED	0x4	/* the packet was dropped */
#define INK_EVENT_ALLOWED	0x8	/* the allow-list decided */
#define INK_EVENT_BLOCKED	0x10	/* from now on all of its source is dropped */

/**
 * struct ink_flow_event - record of the ring buffer
 * @time_ns: monotonic
 * @key: the flow
 * @packets: packet of the flow that was scored
 * @flags: INK_EVENT_*
 * @error: 0, or the negative errno that the slot gave
 * @verdict: of the slot
 * @features: that it was given
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
_Static_assert(sizeof(struct ink_flow) == 136, "padding in a flow");
_Static_assert(sizeof(struct ink_source) == 24 + 64 + 24 + 16 * 4, "padding in a source");
_Static_assert(sizeof(struct ink_service) == 64, "padding in a service");
_Static_assert(sizeof(struct ink_flow_event) == 8 + 44 + 12 + 16 + 4 * INK_FLOW_FEATURES,
	       "padding in an event");

#endif /* INK_FLOW_STATE_H */
