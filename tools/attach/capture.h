/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Captures: pcap and pcapng files, packet by packet.
 *
 * What lives here: opening, link types, times in nanoseconds, the direction of
 * a packet. What doesn't: what is done with one.
 */
#ifndef INK_CAPTURE_H
#define INK_CAPTURE_H

#include "flow_table.h"

/**
 * struct ink_capture_options - what is read of a capture
 * @local: addresses of the protected side; packets that come from them go out
 * @n_local: their number; 0: every packet is taken as coming in
 * @stretch: times since the first packet are multiplied by this many thousandths; 0: 1000
 */
struct ink_capture_options {
	const struct ink_prefix *local;
	size_t n_local;
	uint32_t stretch;
};

/* What was read: all packets, and those of them that went out. */
struct ink_capture_stats {
	uint64_t packets;
	uint64_t outgoing;
	uint64_t first_ns;
	uint64_t last_ns;
};

/**
 * ink_capture_run() - push a capture through a flow table
 * @path: file, "-" for stdin
 * @options: see there
 * @table: takes the packets
 * @stats: set
 *
 * Return: enum ink_exit; what was wrong has been said by ink_error().
 */
int ink_capture_run(const char *path, const struct ink_capture_options *options,
		    struct ink_flow_table *table, struct ink_capture_stats *stats);

/* Parse the factor of an option, 0.001 to 1000, to thousandths; dies when it isn't one. */
uint32_t ink_stretch_parse(const char *text);

/* Is this link type (DLT_*) one that can be read? */
bool ink_link_known(int link);

/*
 * Find where a packet's network header is. *@ethertype is set to 0 when @data
 * is an Ethernet frame. Return: bytes before it, -1 when the packet is too short.
 */
int ink_link_header(int link, const uint8_t *data, size_t captured, uint16_t *ethertype);

/* Parse a list of prefixes of an option; dies naming the one that is wrong. */
struct ink_prefix *ink_prefixes_parse(const char *option, const char *const *items, size_t n);

#endif /* INK_CAPTURE_H */
