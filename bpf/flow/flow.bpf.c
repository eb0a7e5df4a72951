// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XDP classifier of flows.
 *
 * What lives here: the maps, the program, and the environment that flow.h
 * wants. What doesn't: any decision; those are in flow.h and in the slot's
 * model. Whatever fails, the packet passes and a counter says so.
 *
 * Only uapi headers and libbpf's are needed, no BTF of a running kernel.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "flow.h"
#include "../inkling_kfuncs.h"

char _license[] SEC("license") = "GPL";

/* Set before the program is loaded. */
const volatile __u32 ink_slot_id;
const volatile __u32 ink_event_limit = 100;	/* events of flagged flows in 1.07 s */
const volatile __u32 ink_export;		/* an event for each scored vector */

/* What a model for this program has to have been trained on; read by attach. */
const struct inkling_feature ink_flow_schema[] SEC(INK_SCHEMA_SECTION) = INK_FLOW_FEATURE_TABLE;
const struct inkling_name ink_flow_names[] SEC(INK_NAMES_SECTION) = INK_FLOW_NAME_TABLE;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, INK_FLOWS_MAX);
	__type(key, struct ink_flow_key);
	__type(value, struct ink_flow);
} flows SEC(".maps");

struct ink_source_key {
	__u8 addr[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, INK_SOURCES_MAX);
	__type(key, struct ink_source_key);
	__type(value, struct ink_source);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, INK_SERVICES_MAX);
	__type(key, struct ink_service_key);
	__type(value, struct ink_service);
} services SEC(".maps");

struct ink_allow4 {
	__u32 prefix;
	__u8 addr[4];
};

struct ink_allow6 {
	__u32 prefix;
	__u8 addr[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct ink_allow4);
	__type(value, __u32);
} allow4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct ink_allow6);
	__type(value, __u32);
} allow6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ink_flow_counters);
} counters SEC(".maps");

/* How often the slot answered with which errno; the last entry takes the rest. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, INK_FLOW_ERRNOS);
	__type(key, __u32);
	__type(value, __u64);
} errors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* How many events were sent in the current window of 2^INK_FAST_SHIFT ns. */
struct {
	__u32 window;
	__u32 sent;
} ink_event_rate;

static const struct ink_flow ink_flow_zero;
static const struct ink_source ink_source_zero;
static const struct ink_service ink_service_zero;

/* BPF_NOEXIST, so that of two CPUs that make an entry at once one uses the other's. */
INK_INLINE struct ink_flow *ink_env_flow(struct ink_env *env, const struct ink_flow_key *key,
					 __u32 *fresh)
{
	struct ink_flow *f = bpf_map_lookup_elem(&flows, key);

	if (f)
		return f;
	*fresh = !bpf_map_update_elem(&flows, key, &ink_flow_zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flows, key);
}

INK_INLINE struct ink_source *ink_env_source(struct ink_env *env, const __u8 addr[16],
					     __u64 now)
{
	struct ink_source *src = bpf_map_lookup_elem(&sources, addr);

	if (src)
		return src;
	bpf_map_update_elem(&sources, addr, &ink_source_zero, BPF_NOEXIST);
	src = bpf_map_lookup_elem(&sources, addr);
	if (src && !src->window.first_ns)
		src->window.first_ns = now;
	return src;
}

INK_INLINE struct ink_service *ink_env_service(struct ink_env *env,
					       const struct ink_service_key *key, __u64 now)
{
	struct ink_service *svc = bpf_map_lookup_elem(&services, key);

	if (svc)
		return svc;
	bpf_map_update_elem(&services, key, &ink_service_zero, BPF_NOEXIST);
	svc = bpf_map_lookup_elem(&services, key);
	if (svc && !svc->window.first_ns)
		svc->window.first_ns = now;
	return svc;
}

INK_INLINE int ink_env_allowed(struct ink_env *env, const struct ink_packet *pkt)
{
	struct ink_allow4 key4 = { .prefix = 32 };
	struct ink_allow6 key6 = { .prefix = 128 };

	if (pkt->family == 4) {
		ink_copy4(key4.addr, pkt->key.remote + 12);
		return !!bpf_map_lookup_elem(&allow4, &key4);
	}
	ink_copy16(key6.addr, pkt->key.remote);
	return !!bpf_map_lookup_elem(&allow6, &key6);
}

INK_INLINE int ink_env_verdict(struct ink_env *env, const struct ink_flow_vector *features,
			       struct inkling_verdict *verdict)
{
	return bpf_ink_verdict(ink_slot_id, features, sizeof(*features), verdict);
}

INK_INLINE void ink_env_error(struct ink_env *env, int err)
{
	__u32 index = (__u32)-err;
	__u64 *n;

	if (index >= INK_FLOW_ERRNOS)
		index = INK_FLOW_ERRNOS - 1;
	n = bpf_map_lookup_elem(&errors, &index);
	if (n)
		(*n)++;
}

/* The rate limit of the slot's events; the export of vectors has none. */
INK_INLINE int ink_event_allowed(__u64 now)
{
	__u32 window = (__u32)(now >> INK_FAST_SHIFT);

	if (ink_event_rate.window != window) {
		ink_event_rate.window = window;
		ink_event_rate.sent = 0;
	}
	return __sync_fetch_and_add(&ink_event_rate.sent, 1) < ink_event_limit;
}

INK_INLINE void ink_env_event(struct ink_env *env, const struct ink_packet *pkt, __u64 now,
			      __u32 packets, __u32 flags, int err,
			      const struct inkling_verdict *verdict,
			      const struct ink_flow_vector *features,
			      struct ink_flow_counters *count)
{
	struct ink_flow_event *event;

	if (ink_export) {
		flags |= INK_EVENT_EXPORT;
	} else {
		if (!(flags & INK_EVENT_FLAGGED))
			return;
		if (!ink_event_allowed(now)) {
			count->events_limited++;
			return;
		}
	}
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count->events_lost++;
		return;
	}
	event->time_ns = now;
	__builtin_memcpy(&event->key, &pkt->key, sizeof(event->key));
	event->packets = packets;
	event->flags = flags;
	event->error = err;
	event->verdict = *verdict;
	event->features = *features;
	bpf_ringbuf_submit(event, 0);
	count->events++;
}

SEC("xdp.frags")
int inkling_flow(struct xdp_md *ctx)
{
	const __u8 *end = (const __u8 *)(long)ctx->data_end;
	const __u8 *p = (const __u8 *)(long)ctx->data;
	struct ink_flow_counters *count;
	struct ink_packet pkt = { 0 };
	__u32 zero = 0;
	int err;

	count = bpf_map_lookup_elem(&counters, &zero);
	if (!count)
		return XDP_PASS;
	err = ink_packet_parse(p, end, (__u32)bpf_xdp_get_buff_len(ctx), &pkt);
	count->packets++;
	count->bytes += pkt.length;
	if (err == INK_PARSE_OTHER) {
		count->other++;
		return XDP_PASS;
	}
	if (err) {
		count->malformed++;
		return XDP_PASS;
	}
	return ink_flow_packet((struct ink_env *)0, &pkt, bpf_ktime_get_ns(), count) ? XDP_DROP :
										       XDP_PASS;
}
