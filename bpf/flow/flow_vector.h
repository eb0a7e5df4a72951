/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From what is remembered to the vector of features that a slot is asked about.
 *
 * What lives here: how each feature of flow_schema.h is computed, by the same
 * code in BPF and in userspace. What doesn't: keeping what it is computed from
 * (flow.h, flow_source.h).
 */
#ifndef INK_FLOW_VECTOR_H
#define INK_FLOW_VECTOR_H

#include "flow_source.h"

INK_INLINE __s32 ink_port_class(const struct ink_service_key *local)
{
	if (local->proto != INK_PROTO_TCP && local->proto != INK_PROTO_UDP)
		return INK_PORT_NONE;
	return local->port < 1024 ? INK_PORT_SYSTEM :
	       local->port < 49152 ? INK_PORT_USER : INK_PORT_DYNAMIC;
}

/* How far the two ends have got with each other, 0 to 5. */
INK_INLINE __s32 ink_flow_progress(const struct ink_flow *f)
{
	if (f->start != INK_START_SYN)
		return f->packets_out ? 5 : 0;
	if (f->seen & INK_SEEN_ANSWERED)
		return 5;
	if (f->seen & INK_SEEN_SPOKE)
		return 4;
	if (f->seen & INK_SEEN_COMPLETED)
		return 3;
	return f->seen_out & INK_OUT_ACCEPTED ? 2 : 1;
}

INK_INLINE void ink_vector_sizes(const struct ink_flow *f, struct ink_flow_vector *v)
{
	v->raw[INK_FLOW_packets] = ink_clamp(f->packets);
	v->raw[INK_FLOW_packets_out] = ink_clamp(f->packets_out);
	v->raw[INK_FLOW_bytes] = ink_clamp(f->bytes);
	v->raw[INK_FLOW_bytes_out] = ink_clamp(f->bytes_out);
	v->raw[INK_FLOW_size_min] = f->size_min;
	v->raw[INK_FLOW_size_mean] = f->data ? (__s32)(f->bytes / f->data) : 0;
	v->raw[INK_FLOW_size_max] = f->size_max;
	v->raw[INK_FLOW_size_spread] = f->data > 1 ? (__s32)(f->size_jumps / (f->data - 1)) : 0;
	v->raw[INK_FLOW_first_size] = f->first_size;
	v->raw[INK_FLOW_first_printable] = ink_share(f->printable, f->peeked);
	v->raw[INK_FLOW_first_variety] = ink_share(f->variety, f->peeked);
}

INK_INLINE void ink_vector_times(const struct ink_flow *f, __u64 now, struct ink_flow_vector *v)
{
	__u64 age = ink_since(f->last_ns, f->first_ns);
	__u32 gaps = f->packets > 1 ? f->packets - 1 : 1;

	v->raw[INK_FLOW_duration_us] = ink_clamp(age / 1000);
	v->raw[INK_FLOW_quiet_ms] =
		ink_clamp(ink_since(ink_since(now, f->first_ns) / 1000000, f->out_ms));
	v->raw[INK_FLOW_gap_us] = ink_clamp(f->gap_us);
	v->raw[INK_FLOW_gap_min_us] = ink_clamp(f->gap_min_us);
	v->raw[INK_FLOW_gap_mean_us] = ink_clamp(age / 1000 / gaps);
	v->raw[INK_FLOW_gap_max_us] = ink_clamp(f->gap_max_us);
	v->raw[INK_FLOW_gap_spread_us] = ink_clamp(f->gap_jumps_us / gaps);
}

INK_INLINE void ink_vector_deeds(const struct ink_flow *f, struct ink_flow_vector *v)
{
	v->raw[INK_FLOW_progress] = ink_flow_progress(f);
	v->raw[INK_FLOW_syns] = f->syns;
	v->raw[INK_FLOW_closes] = f->closes;
	v->raw[INK_FLOW_odd] = f->odd;
	v->raw[INK_FLOW_repeats] = f->repeats;
	v->raw[INK_FLOW_fragments] = f->fragments;
	v->raw[INK_FLOW_turns] = ink_clamp(f->turns);
	v->raw[INK_FLOW_refusals] = f->refusals;
}

/*
 * What anybody can make look bad by sending in somebody's name. A flow whose
 * remote end has proven its address must not be judged by it, or else a flood
 * with a friend's address would cut the friend off.
 */
INK_INLINE void ink_vector_open(const struct ink_flow *f, const struct ink_source *src,
				const struct ink_service *svc, __u64 now,
				struct ink_flow_vector *v)
{
	__u32 half = ink_diff(src->started, src->completed);
	__u32 dst_half = ink_diff(svc->started, svc->completed);
	int i;

	if (f->seen & INK_SEEN_PROVEN) {
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
		for (i = INK_FLOW_src_rate; i <= INK_FLOW_dst_sources; i++)
			v->raw[i] = 0;
		return;
	}
	v->raw[INK_FLOW_src_rate] = ink_window_rate(&src->window, now);
	v->raw[INK_FLOW_src_flows] = ink_clamp(src->flows);
	v->raw[INK_FLOW_src_ports] = ink_sketch_size(&src->ports);
	v->raw[INK_FLOW_src_hosts] = ink_sketch_size(&src->hosts);
	v->raw[INK_FLOW_src_half_open] = ink_clamp(half);
	v->raw[INK_FLOW_src_half_share] = ink_share(half, src->started);
	v->raw[INK_FLOW_src_rejected] = ink_clamp(src->rejected);
	v->raw[INK_FLOW_src_rejected_share] = ink_share(src->rejected, src->flows);
	v->raw[INK_FLOW_dst_rate] = ink_window_rate(&svc->window, now);
	v->raw[INK_FLOW_dst_opening] = ink_clamp(dst_half);
	v->raw[INK_FLOW_dst_opening_share] = ink_share(dst_half, svc->started);
	v->raw[INK_FLOW_dst_sources] = ink_sketch_size(&svc->sources);
}

INK_INLINE void ink_vector_proven(const struct ink_source *src, struct ink_flow_vector *v)
{
	__u32 done = src->completed, silent = ink_diff(done, src->spoke);
	__u32 waiting = ink_diff(src->spoke, src->answered);

	v->raw[INK_FLOW_src_done] = ink_clamp(done);
	v->raw[INK_FLOW_src_silent] = ink_clamp(silent);
	v->raw[INK_FLOW_src_silent_share] = ink_share(silent, done);
	v->raw[INK_FLOW_src_waiting] = ink_clamp(waiting);
	v->raw[INK_FLOW_src_waiting_share] = ink_share(waiting, src->spoke);
	v->raw[INK_FLOW_src_open] = ink_clamp(ink_diff(done, src->closed));
	v->raw[INK_FLOW_src_resets] = ink_clamp(src->resets);
	v->raw[INK_FLOW_src_refused] = ink_clamp(src->refused);
	v->raw[INK_FLOW_src_refused_share] = ink_share(src->refused, done);
	v->raw[INK_FLOW_src_alike] = ink_clamp(src->alike);
	v->raw[INK_FLOW_src_alike_share] = ink_share(src->alike, src->closed);
	v->raw[INK_FLOW_src_beat_ms] = ink_clamp(src->beat_us / 1000);
	v->raw[INK_FLOW_src_beat_spread_ms] = ink_clamp(src->beat_spread_us / 1000);
}

/**
 * ink_flow_features() - the vector that a slot is asked about
 * @key: of the flow
 * @f: the flow, its latest packet taken in
 * @src: its source, ticked
 * @svc: its service, ticked
 * @now: time of the packet
 * @v: set, every element
 */
INK_INLINE void ink_flow_features(const struct ink_flow_key *key, const struct ink_flow *f,
				  const struct ink_source *src, const struct ink_service *svc,
				  __u64 now, struct ink_flow_vector *v)
{
	v->raw[INK_FLOW_start] = f->start;
	v->raw[INK_FLOW_port] = ink_port_class(&key->local);
	ink_vector_sizes(f, v);
	ink_vector_times(f, now, v);
	ink_vector_deeds(f, v);
	v->raw[INK_FLOW_src_age_ms] = ink_clamp(ink_since(now, src->window.first_ns) / 1000000);
	ink_vector_open(f, src, svc, now, v);
	ink_vector_proven(src, v);
}

#endif /* INK_FLOW_VECTOR_H */
