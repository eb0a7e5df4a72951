/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What became of each flow: the verdicts of a replay, flow by flow.
 *
 * What lives here: a list of flows in the order in which they began. What
 * doesn't: where verdicts come from.
 */
#ifndef INK_RESULTS_H
#define INK_RESULTS_H

#include <stddef.h>
#include "../../bpf/flow/flow_state.h"

/**
 * struct ink_result - a flow and what was said of it
 * @key: the flow
 * @time_ns: of its first packet
 * @packets: scored last at that packet
 * @flagged_at: packet at which it was first flagged, 0: never
 * @class: class that came with @score
 * @score: worst score
 */
struct ink_result {
	struct ink_flow_key key;
	uint32_t packets;
	uint64_t time_ns;
	uint32_t flagged_at;
	uint32_t class;
	int32_t score;
};

#define INK_RESULT_NONE	UINT32_MAX

/* All zero at first. */
struct ink_results {
	struct ink_result *flows;
	uint32_t n;
	uint32_t room;
	uint32_t *index;	/* of the latest flow of a key; room * 2 entries */
};

void ink_results_add(struct ink_results *results, const struct ink_flow_event *event);
void ink_results_free(struct ink_results *results);

#endif /* INK_RESULTS_H */
