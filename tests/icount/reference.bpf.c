// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a flow table costs at least: the hook's own parser, one look-up in a
 * table as the hook's, and the time of the packet written down.
 *
 * What lives here: the program that the hook's instruction counts are compared
 * with. What doesn't: any use of the result.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../../bpf/flow/flow_state.h"

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, INK_FLOWS_MAX);
	__type(key, struct ink_flow_key);
	__type(value, struct ink_flow);
} table SEC(".maps");

static const struct ink_flow zero_flow;

SEC("xdp")
int reference(struct xdp_md *ctx)
{
	const __u8 *end = (const __u8 *)(long)ctx->data_end;
	const __u8 *p = (const __u8 *)(long)ctx->data;
	struct ink_packet pkt = { 0 };
	struct ink_flow *f;

	if (ink_packet_parse(p, end, (__u32)(end - p), INK_IN, &pkt) != INK_PARSE_OK)
		return XDP_PASS;
	f = bpf_map_lookup_elem(&table, &pkt.key);
	if (!f) {
		bpf_map_update_elem(&table, &pkt.key, &zero_flow, BPF_NOEXIST);
		return XDP_PASS;
	}
	f->last_ns = bpf_ktime_get_ns();
	return XDP_PASS;
}
