/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table's logic: what is remembered of flows, of their sources and of
 * the services they go to, and how a vector of features is made of it.
 *
 * What lives here: the code that runs for each packet, the same text in the
 * XDP program and in userspace (inkling features, inkling replay). What
 * doesn't: parsing (flow_packet.h), the list of features (flow_schema.h),
 * what is stored (flow_state.h), and the maps and the call of the model, which
 * whoever includes this file provides as the functions ink_env_*() below.
 *
 * Only fixed-width unsigned arithmetic, no division by zero, no padding in what
 * is stored, so that both sides give the same bits for the same packets and
 * times. Counts of sources and services are changed atomically since packets
 * of one source may arrive on several CPUs; a flow's are not, since network
 * cards keep a flow on one.
 */
#ifndef INK_FLOW_H
#define INK_FLOW_H

#include "flow_state.h"

#define INK_FAST_SHIFT	30	/* the window of rates: 2^30 ns = 1.07 s */
#define INK_SLOW_SHIFT	36	/* half-life of decayed counts: 2^36 ns = 69 s */
#define INK_RECHECK_NS	(1ull << 28)	/* a bad verdict is asked for again after 0.27 s */
#define INK_IDLE_NS	(60ull << 30)	/* a flow silent for that long is a new one, */
#define INK_IDLE_OPEN_NS (3600ull << 30) /* an established one for that long */

/*
 * What the includer provides. Tables return NULL when there is no room; a value
 * that was just made is zero but for *@fresh = 1, and the caller fills it in.
 */
struct ink_env;
INK_INLINE struct ink_flow *ink_env_flow(struct ink_env *env, const struct ink_flow_key *key,
					 __u32 *fresh);
INK_INLINE struct ink_source *ink_env_source(struct ink_env *env, const __u8 addr[16],
					     __u64 now);
INK_INLINE struct ink_service *ink_env_service(struct ink_env *env,
					       const struct ink_service_key *key, __u64 now);
/* Non-zero when the remote address is on the allow-list. */
INK_INLINE int ink_env_allowed(struct ink_env *env, const struct ink_packet *pkt);
/* Ask the slot: 0 or a negative errno. */
INK_INLINE int ink_env_verdict(struct ink_env *env, const struct ink_flow_vector *features,
			       struct inkling_verdict *verdict);
INK_INLINE void ink_env_error(struct ink_env *env, int err);
INK_INLINE void ink_env_event(struct ink_env *env, const struct ink_packet *pkt, __u64 now,
			      __u32 packets, __u32 flags, int err,
			      const struct inkling_verdict *verdict,
			      const struct ink_flow_vector *features,
			      struct ink_flow_counters *count);

#define ink_add(p, n)	((void)__sync_fetch_and_add((p), (n)))

/* Time may run backwards in a capture and between CPUs. */
INK_INLINE __u64 ink_since(__u64 now, __u64 then)
{
	return now > then ? now - then : 0;
}

INK_INLINE __s32 ink_clamp(__u64 value)
{
	return value > 0x7fffffff ? 0x7fffffff : (__s32)value;
}

INK_INLINE __u32 ink_diff(__u32 a, __u32 b)
{
	return a > b ? a - b : 0;
}

/* part / whole in thousandths, 0 of nothing. */
INK_INLINE __s32 ink_share(__u32 part, __u32 whole)
{
	if (!whole)
		return 0;
	if (part >= whole)
		return 1000;
	return (__s32)((__u64)part * 1000 / whole);
}

/*
 * Bring the clocks up to @now. Whoever moves an epoch does what goes with it.
 * Return: by how many bits the decayed counts have to be shifted.
 */
INK_INLINE __u32 ink_window_tick(struct ink_window *w, __u64 now)
{
	__u64 age = ink_since(now, w->first_ns);
	__u32 fast = (__u32)(age >> INK_FAST_SHIFT), fast_old = w->fast_epoch;
	__u32 slow = (__u32)(age >> INK_SLOW_SHIFT), slow_old = w->slow_epoch;

	if (fast > fast_old &&
	    __sync_val_compare_and_swap(&w->fast_epoch, fast_old, fast) == fast_old) {
		w->fast_before = fast - fast_old == 1 ? w->fast_now : 0;
		w->fast_now = 0;
	}
	if (slow <= slow_old ||
	    __sync_val_compare_and_swap(&w->slow_epoch, slow_old, slow) != slow_old)
		return 0;
	slow -= slow_old;
	return slow > 31 ? 31 : slow;
}

/* Flows begun within the last window, the one before taken as even. */
INK_INLINE __s32 ink_window_rate(const struct ink_window *w, __u64 now)
{
	__u64 rest = (1ull << INK_FAST_SHIFT) -
		     (ink_since(now, w->first_ns) & ((1ull << INK_FAST_SHIFT) - 1));

	return ink_clamp(w->fast_now + ((w->fast_before * rest) >> INK_FAST_SHIFT));
}

/* Ports and addresses come in rows, which has to look random (MurmurHash3's final mix). */
INK_INLINE __u32 ink_mix(__u32 x)
{
	x = (x ^ (x >> 16)) * 0x85ebca6bu;
	x = (x ^ (x >> 13)) * 0xc2b2ae35u;
	return x ^ (x >> 16);
}

INK_INLINE void ink_sketch_add(struct ink_sketch *s, __u32 item)
{
	__u32 bit = ink_mix(item) & (INK_SKETCH_BITS - 1);
	__u64 mask = 1ull << (bit & 63);

	if (bit < 64) {
		if (!(s->now[0] & mask))
			(void)__sync_fetch_and_or(&s->now[0], mask);
	} else {
		if (!(s->now[1] & mask))
			(void)__sync_fetch_and_or(&s->now[1], mask);
	}
}

INK_INLINE void ink_sketch_age(struct ink_sketch *s, __u32 epochs)
{
	s->before[0] = epochs == 1 ? s->now[0] : 0;
	s->before[1] = epochs == 1 ? s->now[1] : 0;
	s->now[0] = 0;
	s->now[1] = 0;
}

/* BPF has no instruction for it. */
INK_INLINE __u32 ink_popcount(__u64 x)
{
	x -= (x >> 1) & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (__u32)((x * 0x0101010101010101ull) >> 56);
}

/*
 * round(128 ln(128 / (128 - n))), the expected number of items that set n of
 * 128 bits (Whang, Vander-Zanden, Taylor: A linear-time probabilistic counting
 * algorithm, 1990); for n = 128 as if half a bit were left.
 */
static const __u16 ink_sketch_items[INK_SKETCH_BITS + 1] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16,
	17, 18, 19, 21, 22, 23, 24, 25, 27, 28, 29, 30, 32, 33, 34, 35,
	37, 38, 40, 41, 42, 44, 45, 47, 48, 49, 51, 52, 54, 55, 57, 59,
	60, 62, 63, 65, 67, 68, 70, 72, 74, 75, 77, 79, 81, 83, 85, 87,
	89, 91, 93, 95, 97, 99, 101, 104, 106, 108, 110, 113, 115, 118, 120, 123,
	126, 128, 131, 134, 137, 140, 143, 146, 149, 152, 155, 159, 162, 166, 170, 174,
	177, 182, 186, 190, 195, 199, 204, 209, 214, 220, 225, 231, 238, 244, 251, 258,
	266, 274, 283, 293, 303, 314, 326, 340, 355, 372, 392, 415, 444, 480, 532, 621,
	710,
};

INK_INLINE __s32 ink_sketch_size(const struct ink_sketch *s)
{
	__u32 n = ink_popcount(s->now[0] | s->before[0]) + ink_popcount(s->now[1] | s->before[1]);

	if (n > INK_SKETCH_BITS)
		n = INK_SKETCH_BITS;
	return ink_sketch_items[n];
}

INK_INLINE void ink_source_tick(struct ink_source *src, __u64 now)
{
	__u32 shift = ink_window_tick(&src->window, now);

	if (!shift)
		return;
	src->flows >>= shift;
	src->started >>= shift;
	src->completed >>= shift;
	src->spoke >>= shift;
	src->resets >>= shift;
	ink_sketch_age(&src->ports, shift);
	ink_sketch_age(&src->hosts, shift);
}

INK_INLINE void ink_service_tick(struct ink_service *svc, __u64 now)
{
	__u32 shift = ink_window_tick(&svc->window, now);

	if (!shift)
		return;
	svc->started >>= shift;
	svc->completed >>= shift;
}

/* Mix an address to 32 bits for the sketch of hosts. */
INK_INLINE __u32 ink_addr_mix(const struct ink_service_key *key)
{
	__u32 a[4];

	ink_copy16(a, key->addr);
	return ((a[0] * 31 + a[1]) * 31 + a[2]) * 31 + a[3];
}

/* A source and a service learn of a new flow. */
INK_INLINE void ink_flow_announce(const struct ink_packet *pkt, struct ink_source *src,
				  struct ink_service *svc)
{
	ink_add(&src->window.fast_now, 1);
	ink_add(&src->flows, 1);
	if (pkt->key.local.port && (pkt->key.local.proto == INK_PROTO_TCP ||
				    pkt->key.local.proto == INK_PROTO_UDP))
		ink_sketch_add(&src->ports, (__u32)pkt->key.local.port << 8 | pkt->key.local.proto);
	ink_sketch_add(&src->hosts, ink_addr_mix(&pkt->key.local));
	ink_add(&svc->window.fast_now, 1);
}

/*
 * They learn what the flow did, each thing once. That a SYN is out counts only
 * when it was let through: else a source would be held guilty of handshakes
 * that we made impossible, and never get free again.
 */
INK_INLINE void ink_flow_report(struct ink_flow *f, __u32 what, struct ink_source *src,
				struct ink_service *svc)
{
	what &= f->seen & (__u32)~f->counted;
	if (what & INK_SEEN_STARTED) {
		ink_add(&src->started, 1);
		ink_add(&svc->started, 1);
	}
	if (what & INK_SEEN_COMPLETED) {
		ink_add(&src->completed, 1);
		ink_add(&svc->completed, 1);
	}
	if (what & INK_SEEN_SPOKE)
		ink_add(&src->spoke, 1);
	if (what & INK_SEEN_RESET)
		ink_add(&src->resets, 1);
	f->counted |= what;
}

/* Is there something to report that can be reported? */
INK_INLINE int ink_flow_pending(const struct ink_flow *f)
{
	if (!(f->counted & INK_SEEN_STARTED))
		return f->seen & INK_SEEN_STARTED && f->action != INKLING_ACTION_DROP;
	return f->seen & ~f->counted & ~INK_SEEN_CLOSED;
}

/* Does this packet belong to a new flow that has the key of an old one? */
INK_INLINE int ink_flow_stale(const struct ink_flow *f, const struct ink_packet *pkt, __u64 now)
{
	__u64 idle = ink_since(now, f->last_ns);

	if (pkt->start == INK_START_SYN && (f->seen & INK_SEEN_CLOSED))
		return 1;
	if (f->seen & INK_SEEN_COMPLETED && !(f->seen & INK_SEEN_CLOSED))
		return idle > INK_IDLE_OPEN_NS;
	return idle > INK_IDLE_NS;
}

INK_INLINE void ink_flow_begin(struct ink_flow *f, const struct ink_packet *pkt, __u64 now)
{
	f->first_ns = now;
	f->last_ns = now;
	f->scored_ns = 0;
	f->packets = 0;
	f->payload_bytes = 0;
	f->payload_packets = 0;
	f->syns = 0;
	f->closes = 0;
	f->odd = 0;
	f->start = pkt->start;
	f->seen = 0;
	f->counted = 0;
	f->class = 0;
	f->score = 0;
	f->action = INKLING_ACTION_PASS;
	f->mode = INKLING_MODE_OFF;
}

/* Take a packet into the flow's own counts. */
INK_INLINE void ink_flow_account(struct ink_flow *f, const struct ink_packet *pkt, __u64 now)
{
	__u8 flags = pkt->tcp_flags;

	f->gap_us = (__u32)ink_clamp(ink_since(now, f->last_ns) / 1000);
	if (now > f->last_ns)
		f->last_ns = now;
	if (f->packets != 0xffffffff)
		f->packets++;
	if (pkt->payload) {
		f->payload_bytes = (__u32)ink_clamp((__u64)f->payload_bytes + pkt->payload);
		f->payload_packets++;
	}
	if (pkt->start == INK_START_ODD)
		f->odd++;
	if (pkt->start == INK_START_SYN)
		f->syns++;
	if (flags & (INK_TCP_FIN | INK_TCP_RST)) {
		f->closes++;
		f->seen |= INK_SEEN_CLOSED;
	}
	if (f->start != INK_START_SYN)
		return;
	f->seen |= INK_SEEN_STARTED;
	if (flags & INK_TCP_ACK && !(flags & (INK_TCP_SYN | INK_TCP_RST)))
		f->seen |= INK_SEEN_COMPLETED;
	if (f->seen & INK_SEEN_COMPLETED && f->payload_bytes)
		f->seen |= INK_SEEN_SPOKE;
	if (flags & INK_TCP_RST && !(f->seen & INK_SEEN_SPOKE))
		f->seen |= INK_SEEN_RESET;
}

/**
 * ink_flow_features() - the vector that a slot is asked about
 * @f: the flow, its latest packet taken in
 * @src: its source, ticked
 * @svc: its service, ticked
 * @now: time of the packet
 * @v: set, every element
 */
INK_INLINE void ink_flow_features(const struct ink_flow *f, const struct ink_source *src,
				  const struct ink_service *svc, __u64 now,
				  struct ink_flow_vector *v)
{
	__u32 started = src->started, completed = src->completed, spoke = src->spoke;
	__u32 half = ink_diff(started, completed), silent = ink_diff(completed, spoke);
	__u32 dst_half = ink_diff(svc->started, svc->completed);

	v->raw[INK_FLOW_start] = f->start;
	v->raw[INK_FLOW_packets] = ink_clamp(f->packets);
	v->raw[INK_FLOW_duration_us] = ink_clamp(ink_since(f->last_ns, f->first_ns) / 1000);
	v->raw[INK_FLOW_gap_us] = ink_clamp(f->gap_us);
	v->raw[INK_FLOW_payload_bytes] = ink_clamp(f->payload_bytes);
	v->raw[INK_FLOW_payload_packets] = ink_clamp(f->payload_packets);
	v->raw[INK_FLOW_established] = f->seen & INK_SEEN_COMPLETED ? 1 : 0;
	v->raw[INK_FLOW_syns] = ink_clamp(f->syns);
	v->raw[INK_FLOW_closes] = ink_clamp(f->closes);
	v->raw[INK_FLOW_odd] = ink_clamp(f->odd);
	v->raw[INK_FLOW_src_age_ms] = ink_clamp(ink_since(now, src->window.first_ns) / 1000000);
	v->raw[INK_FLOW_src_rate] = ink_window_rate(&src->window, now);
	v->raw[INK_FLOW_src_flows] = ink_clamp(src->flows);
	v->raw[INK_FLOW_src_ports] = ink_sketch_size(&src->ports);
	v->raw[INK_FLOW_src_hosts] = ink_sketch_size(&src->hosts);
	v->raw[INK_FLOW_src_half_open] = ink_clamp(half);
	v->raw[INK_FLOW_src_half_share] = ink_share(half, started);
	v->raw[INK_FLOW_src_silent] = ink_clamp(silent);
	v->raw[INK_FLOW_src_silent_share] = ink_share(silent, completed);
	v->raw[INK_FLOW_src_spoke] = ink_clamp(spoke);
	v->raw[INK_FLOW_src_resets] = ink_clamp(src->resets);
	v->raw[INK_FLOW_dst_rate] = ink_window_rate(&svc->window, now);
	v->raw[INK_FLOW_dst_half_open] = ink_clamp(dst_half);
	v->raw[INK_FLOW_dst_half_share] = ink_share(dst_half, svc->started);
}

/* Ask the slot about a flow and remember what it says. Any failure passes. */
INK_INLINE void ink_flow_score(struct ink_env *env, const struct ink_packet *pkt, __u64 now,
			       struct ink_flow *f, struct ink_source *src, struct ink_service *svc,
			       struct ink_flow_counters *count)
{
	struct inkling_verdict verdict = { 0 };
	struct ink_flow_vector features;
	__u32 flags = 0;
	int err = 0;

	f->class = 0;
	f->score = 0;
	f->action = INKLING_ACTION_PASS;
	f->scored_ns = now;
	ink_flow_features(f, src, svc, now, &features);
	if (ink_env_allowed(env, pkt)) {
		count->allowed++;
		flags = INK_EVENT_ALLOWED;
	} else {
		count->scored++;
		err = ink_env_verdict(env, &features, &verdict);
		if (err) {
			count->errors++;
			ink_env_error(env, err);
			verdict.class = 0;
			verdict.action = INKLING_ACTION_PASS;
		} else {
			count->verdicts[verdict.class & (INK_FLOW_CLASSES - 1)]++;
			f->class = (__u8)verdict.class;
			f->score = verdict.score;
			f->action = verdict.action;
			f->mode = verdict.mode;
			if (verdict.class && verdict.action != INKLING_ACTION_PASS)
				flags = INK_EVENT_FLAGGED;
			if (verdict.action == INKLING_ACTION_DROP &&
			    verdict.mode == INKLING_MODE_ENFORCE)
				flags |= INK_EVENT_DROPPED;
		}
	}
	ink_env_event(env, pkt, now, f->packets, flags, err, &verdict, &features, count);
}

/* Carry out what the flow's verdict says. Return: 1 to drop. */
INK_INLINE int ink_flow_act(struct ink_env *env, const struct ink_packet *pkt, struct ink_flow *f,
			    int scored, struct ink_flow_counters *count)
{
	if (f->class)
		count->flagged++;
	if (f->action != INKLING_ACTION_DROP)
		return 0;
	/* An entry made after the verdict counts from the next packet on. */
	if (!scored && ink_env_allowed(env, pkt)) {
		count->allowed++;
		return 0;
	}
	if (f->mode != INKLING_MODE_ENFORCE) {
		count->would_drop++;
		return 0;
	}
	count->dropped++;
	return 1;
}

/**
 * ink_flow_packet() - all that is done for a packet that was parsed
 * @env: of the includer
 * @pkt: from ink_packet_parse()
 * @now: monotonic time in ns
 * @count: counters of this CPU
 *
 * A flow is scored at packets 1, 2, 4, 8, ...; one whose cached verdict isn't
 * "pass" also when that is older than INK_RECHECK_NS, so that a change of the
 * slot's mode, model or threshold, or its deletion, soon reaches flows that
 * are being dropped.
 * Return: 1 to drop the packet, 0 to let it pass.
 */
INK_INLINE int ink_flow_packet(struct ink_env *env, const struct ink_packet *pkt, __u64 now,
			       struct ink_flow_counters *count)
{
	struct ink_service *svc = 0;
	struct ink_source *src = 0;
	struct ink_flow *f;
	__u32 fresh = 0;
	int due, drop;

	f = ink_env_flow(env, &pkt->key, &fresh);
	if (!f) {
		count->map_full++;
		return 0;
	}
	if (fresh || ink_flow_stale(f, pkt, now)) {
		fresh = 1;
		ink_flow_begin(f, pkt, now);
		count->flows++;
	}
	ink_flow_account(f, pkt, now);
	due = !(f->packets & (f->packets - 1)) ||
	      (f->action != INKLING_ACTION_PASS &&
	       ink_since(now, f->scored_ns) > INK_RECHECK_NS);
	if (due || ink_flow_pending(f)) {
		src = ink_env_source(env, pkt->key.remote, now);
		svc = ink_env_service(env, &pkt->key.local, now);
		if (!src || !svc) {
			count->map_full++;
			return 0;
		}
		ink_source_tick(src, now);
		ink_service_tick(svc, now);
		if (fresh)
			ink_flow_announce(pkt, src, svc);
		if (f->counted & INK_SEEN_STARTED)
			ink_flow_report(f, INK_SEEN_COMPLETED | INK_SEEN_SPOKE | INK_SEEN_RESET,
					src, svc);
	}
	if (due && src && svc)
		ink_flow_score(env, pkt, now, f, src, svc, count);
	drop = ink_flow_act(env, pkt, f, due, count);
	if (!drop && src && svc)
		ink_flow_report(f, INK_SEEN_STARTED, src, svc);
	return drop;
}

#endif /* INK_FLOW_H */
