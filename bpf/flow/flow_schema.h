/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The features of a flow: the one list from which everything else follows.
 *
 * What lives here: names, kinds and decimals of the features, the enum that
 * indexes a vector of them, and the tables whose SHA-256 is the schema id that
 * a model and this program have to share. What doesn't: how a feature is
 * computed (flow.h).
 *
 * Changing anything in the list changes the schema id, so models have to be
 * trained anew. Not among the features, on purpose: addresses, ports by
 * number, TTL, window, TCP options and IP-ID. They tell the tool or the
 * place, not what is being done.
 */
#ifndef INK_FLOW_SCHEMA_H
#define INK_FLOW_SCHEMA_H

#include <linux/inkling_format.h>
#include "flow_packet.h"

/*
 * X(name, decimals): a number, its raw integer is the value times
 * 10^decimals. "start" is the one category and comes first.
 *
 * Of the flow, with the packet that is being scored:
 *   packets, duration_us (since the first packet), gap_us (since the packet
 *   before), payload_bytes, payload_packets (packets with payload),
 *   established (1 once an ACK followed the SYN), syns, closes (packets with
 *   FIN or RST), odd (packets with TCP flags that no stack sends).
 * Of the remote address; "decayed" counts are halved every 69 s:
 *   src_age_ms (since it was first seen), src_rate (flows begun within the
 *   last 1.07 s), src_flows (begun, decayed), src_ports and src_hosts
 *   (distinct local ports and addresses, estimated, of the last 69 to 137 s),
 *   src_half_open (let through SYNs less completed handshakes, decayed),
 *   src_half_share (that by the SYNs), src_silent (completed handshakes that
 *   no payload followed yet, decayed), src_silent_share (that by the completed
 *   ones), src_spoke (TCP flows with payload, decayed), src_resets (flows that
 *   it reset before any payload, decayed).
 * Of the local address and port, over all remote addresses:
 *   dst_rate, dst_half_open, dst_half_share.
 */
#define INK_FLOW_NUMBERS(X)	\
	X(packets, 0)		\
	X(duration_us, 0)	\
	X(gap_us, 0)		\
	X(payload_bytes, 0)	\
	X(payload_packets, 0)	\
	X(established, 0)	\
	X(syns, 0)		\
	X(closes, 0)		\
	X(odd, 0)		\
	X(src_age_ms, 0)	\
	X(src_rate, 0)		\
	X(src_flows, 0)		\
	X(src_ports, 0)		\
	X(src_hosts, 0)		\
	X(src_half_open, 0)	\
	X(src_half_share, 3)	\
	X(src_silent, 0)	\
	X(src_silent_share, 3)	\
	X(src_spoke, 0)		\
	X(src_resets, 0)	\
	X(dst_rate, 0)		\
	X(dst_half_open, 0)	\
	X(dst_half_share, 3)

#define INK_FLOW_ENUM(name, decimals)	INK_FLOW_##name,
enum ink_flow_feature {
	INK_FLOW_start,
	INK_FLOW_NUMBERS(INK_FLOW_ENUM)
	INK_FLOW_FEATURES,
};

/* A vector of them, as it is handed to a slot. */
struct ink_flow_vector {
	__s32 raw[INK_FLOW_FEATURES];
};

/* Sections of the BPF object that carry the two tables below. */
#define INK_SCHEMA_SECTION	".inkling.schema"
#define INK_NAMES_SECTION	".inkling.names"

/* Initialisers of struct inkling_feature[] and struct inkling_name[]. */
#define INK_FLOW_FEATURE_ROW(n, d)	\
	{ .name = #n, .kind = INKLING_FEATURE_NUMBER, .decimals = (d) },
#define INK_FLOW_FEATURE_TABLE {					\
	{ .name = "start", .kind = INKLING_FEATURE_CATEGORY,		\
	  .first_name = 0, .n_names = INK_START_NR },			\
	INK_FLOW_NUMBERS(INK_FLOW_FEATURE_ROW)				\
}
#define INK_FLOW_NAME_ROW(id, text)	{ text },
#define INK_FLOW_NAME_TABLE { INK_START_LIST(INK_FLOW_NAME_ROW) }

#endif /* INK_FLOW_SCHEMA_H */
