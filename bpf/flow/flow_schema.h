/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The features of a flow: the one list from which everything else follows.
 *
 * What lives here: names, kinds and decimals of the features, the enum that
 * indexes a vector of them, and the tables whose SHA-256 is the schema id that
 * a model and this program have to share. What doesn't: how a feature is
 * computed (flow_vector.h) and what it means in words (Documentation/flow.rst).
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

/* What the local port is, by IANA's ranges; the remote one says nothing. */
#define INK_PORT_LIST(X)						\
	X(NONE, "none")		/* a protocol without ports */		\
	X(SYSTEM, "system")	/* below 1024 */			\
	X(USER, "user")							\
	X(DYNAMIC, "dynamic")	/* 49152 and above */

#define INK_PORT_ENUM(id, name)	INK_PORT_##id,
enum ink_port {
	INK_PORT_LIST(INK_PORT_ENUM)
	INK_PORT_NR,
};

/*
 * X(name, decimals): a number, its raw integer is the value times
 * 10^decimals. The categories "start" and "port" come before these.
 *
 * INK_FLOW_OWN is of the flow itself. INK_FLOW_OPEN is of its remote and its
 * local end, from packets that anybody can send in anybody's name, so it is
 * zero for a flow whose remote address is proven. INK_FLOW_PROVEN is of its
 * remote address, from flows in which that was proven.
 */
#define INK_FLOW_OWN(X)		\
	X(packets, 0)		\
	X(packets_out, 0)	\
	X(bytes, 0)		\
	X(bytes_out, 0)		\
	X(duration_us, 0)	\
	X(quiet_ms, 0)		\
	X(gap_us, 0)		\
	X(gap_min_us, 0)	\
	X(gap_mean_us, 0)	\
	X(gap_max_us, 0)	\
	X(gap_spread_us, 0)	\
	X(size_min, 0)		\
	X(size_mean, 0)		\
	X(size_max, 0)		\
	X(size_spread, 0)	\
	X(progress, 0)		\
	X(syns, 0)		\
	X(closes, 0)		\
	X(odd, 0)		\
	X(repeats, 0)		\
	X(fragments, 0)		\
	X(turns, 0)		\
	X(refusals, 0)		\
	X(first_size, 0)	\
	X(first_printable, 3)	\
	X(first_variety, 3)	\
	X(src_age_ms, 0)

#define INK_FLOW_OPEN(X)	\
	X(src_rate, 0)		\
	X(src_flows, 0)		\
	X(src_ports, 0)		\
	X(src_hosts, 0)		\
	X(src_half_open, 0)	\
	X(src_half_share, 3)	\
	X(src_rejected, 0)	\
	X(src_rejected_share, 3) \
	X(dst_rate, 0)		\
	X(dst_opening, 0)	\
	X(dst_opening_share, 3)	\
	X(dst_sources, 0)

#define INK_FLOW_PROVEN(X)	\
	X(src_done, 0)		\
	X(src_silent, 0)	\
	X(src_silent_share, 3)	\
	X(src_waiting, 0)	\
	X(src_waiting_share, 3)	\
	X(src_open, 0)		\
	X(src_resets, 0)	\
	X(src_refused, 0)	\
	X(src_refused_share, 3)	\
	X(src_alike, 0)		\
	X(src_alike_share, 3)	\
	X(src_beat_ms, 0)	\
	X(src_beat_spread_ms, 0)

#define INK_FLOW_NUMBERS(X)	INK_FLOW_OWN(X) INK_FLOW_OPEN(X) INK_FLOW_PROVEN(X)

#define INK_FLOW_ENUM(name, decimals)	INK_FLOW_##name,
enum ink_flow_feature {
	INK_FLOW_start,
	INK_FLOW_port,
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
#define INK_FLOW_NAMES	(INK_START_NR + INK_PORT_NR)
#define INK_FLOW_FEATURE_ROW(n, d)	\
	{ .name = #n, .kind = INKLING_FEATURE_NUMBER, .decimals = (d) },
#define INK_FLOW_FEATURE_TABLE {					\
	{ .name = "start", .kind = INKLING_FEATURE_CATEGORY,		\
	  .first_name = 0, .n_names = INK_START_NR },			\
	{ .name = "port", .kind = INKLING_FEATURE_CATEGORY,		\
	  .first_name = INK_START_NR, .n_names = INK_PORT_NR },		\
	INK_FLOW_NUMBERS(INK_FLOW_FEATURE_ROW)				\
}
#define INK_FLOW_NAME_ROW(id, text)	{ text },
#define INK_FLOW_NAME_TABLE { INK_START_LIST(INK_FLOW_NAME_ROW) INK_PORT_LIST(INK_FLOW_NAME_ROW) }

#endif /* INK_FLOW_SCHEMA_H */
