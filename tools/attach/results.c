// SPDX-License-Identifier: GPL-2.0-only
/*
 * What became of each flow; see results.h.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "results.h"

static uint32_t ink_result_hash(const struct ink_flow_key *key)
{
	uint64_t h = 0xcbf29ce484222325ull;
	const uint8_t *p = (const uint8_t *)key;
	size_t i;

	for (i = 0; i < sizeof(*key); i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return (uint32_t)(h ^ h >> 32);
}

/* Where the index has a key, or where it would go. room is a power of two. */
static uint32_t *ink_results_find(const struct ink_results *r, const struct ink_flow_key *key)
{
	uint32_t mask = r->room * 2 - 1, at = ink_result_hash(key) & mask;

	while (r->index[at] != INK_RESULT_NONE &&
	       memcmp(&r->flows[r->index[at]].key, key, sizeof(*key)))
		at = (at + 1) & mask;
	return &r->index[at];
}

static void ink_results_grow(struct ink_results *r)
{
	uint32_t i;

	if (r->room >= 1u << 30)
		ink_die(INK_EXIT_FAILED, "more flows than this command can hold",
			"split the capture");
	r->room = r->room ? r->room * 2 : 1024;
	r->flows = ink_xrealloc(r->flows, r->room, sizeof(*r->flows));
	r->index = ink_xrealloc(r->index, r->room * 2ul, sizeof(*r->index));
	memset(r->index, 0xff, r->room * 2ul * sizeof(*r->index));
	/* In order, so that of flows with the same key the latest is found. */
	for (i = 0; i < r->n; i++)
		*ink_results_find(r, &r->flows[i].key) = i;
}

void ink_results_add(struct ink_results *r, const struct ink_flow_event *e)
{
	struct ink_result *flow;
	uint32_t *at;

	if (r->n == r->room)
		ink_results_grow(r);
	at = ink_results_find(r, &e->key);
	if (*at == INK_RESULT_NONE || e->packets == 1) {
		flow = &r->flows[r->n];
		*flow = (struct ink_result){
			.key = e->key, .time_ns = e->time_ns, .score = INT32_MIN,
		};
		*at = r->n++;
	}
	flow = &r->flows[*at];
	flow->packets = e->packets;
	if (e->verdict.class && !flow->flagged_at)
		flow->flagged_at = e->packets;
	if (e->verdict.score > flow->score || (e->verdict.class && !flow->class)) {
		flow->score = e->verdict.score;
		flow->class = e->verdict.class;
	}
}

void ink_results_free(struct ink_results *r)
{
	free(r->flows);
	free(r->index);
}
