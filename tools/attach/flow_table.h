/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table in userspace: bpf/flow/flow.h over tables of our own.
 *
 * What lives here: the interface that features, replay and the tests use to
 * push packets through the very code that runs in the XDP program. What
 * doesn't: reading captures (capture.h) and models.
 */
#ifndef INK_FLOW_TABLE_H
#define INK_FLOW_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include "../../bpf/flow/flow_state.h"
#include "prefix.h"

/**
 * struct ink_flow_config - how a table behaves; zeroed members mean the default
 * @flows: entries of the table of proven flows, as the hook's by default
 * @pending: entries of the table of other flows
 * @sources: entries of the table of proven sources
 * @strangers: entries of the table of other sources
 * @services: entries of the service table
 * @allow: prefixes that are let through without being scored
 * @n_allow: their number
 * @policy: as the hook's
 * @verdict: says what a slot would, 0 or a negative errno; NULL: always "pass"
 * @event: gets a record of each scored packet; may be NULL
 * @arg: for both
 */
struct ink_flow_config {
	size_t flows;
	size_t pending;
	size_t sources;
	size_t strangers;
	size_t services;
	const struct ink_prefix *allow;
	size_t n_allow;
	struct ink_flow_policy policy;
	int (*verdict)(void *arg, const struct ink_flow_vector *features,
		       struct inkling_verdict *verdict);
	void (*event)(void *arg, const struct ink_flow_event *event);
	void *arg;
};

struct ink_flow_table;
/* @config has to outlive the table. Dies when there is no memory. */
struct ink_flow_table *ink_flow_table_new(const struct ink_flow_config *config);
void ink_flow_table_free(struct ink_flow_table *table);

/**
 * ink_flow_table_packet() - what the hook does with a packet
 * @table: from ink_flow_table_new()
 * @data: first byte of the frame, or of the IP header
 * @captured: bytes that are there
 * @wire: bytes that there were on the wire
 * @ethertype: 0 for an Ethernet frame, else what @data is
 * @way: of the packet
 * @now: ns; differences count, and 0 is not a time
 *
 * Return: true when the packet is dropped.
 */
bool ink_flow_table_packet(struct ink_flow_table *table, const uint8_t *data, size_t captured,
			   size_t wire, uint16_t ethertype, enum ink_direction way, uint64_t now);
/* After a change of the allow-list. */
void ink_flow_table_allow_changed(struct ink_flow_table *table);
const struct ink_flow_counters *ink_flow_table_counters(const struct ink_flow_table *table);

/* The source address of a packet, to tell directions; false when it has none. */
bool ink_flow_table_source(const uint8_t *data, size_t captured, size_t wire, uint16_t ethertype,
			   uint8_t addr[16]);

#endif /* INK_FLOW_TABLE_H */
