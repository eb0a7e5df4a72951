/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is remembered of remote addresses and of the services they go to.
 *
 * What lives here: clocks, rates, counts that decay, sets of which only the
 * size is known, and what a flow tells its source and service. What doesn't:
 * flows (flow.h) and features (flow_vector.h).
 *
 * Only fixed-width unsigned arithmetic, no division by zero, no padding in what
 * is stored, so that BPF and userspace give the same bits for the same packets
 * and times. Counts are changed atomically, since packets of one source may
 * arrive on several CPUs; what describes a source's rhythm isn't, and may miss
 * a beat.
 */
#ifndef INK_FLOW_SOURCE_H
#define INK_FLOW_SOURCE_H

#include "flow_state.h"

#define INK_FAST_SHIFT	30	/* the window of rates: 2^30 ns = 1.07 s */
#define INK_SLOW_SHIFT	36	/* half-life of a source's counts: 2^36 ns = 69 s */
#define INK_SERVICE_SHIFT 33	/* of a service's, 8.6 s: a flood's end has to be seen soon */

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
 * Return: by how many bits the counts of half-life 2^@shift ns have to be shifted.
 */
INK_INLINE __u32 ink_window_tick(struct ink_window *w, __u64 now, __u32 shift)
{
	__u64 age = ink_since(now, w->first_ns);
	__u32 fast = (__u32)(age >> INK_FAST_SHIFT), fast_old = w->fast_epoch;
	__u32 slow = (__u32)(age >> shift), slow_old = w->slow_epoch;

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
	__u32 shift = ink_window_tick(&src->window, now, INK_SLOW_SHIFT);

	if (!shift)
		return;
	src->flows >>= shift;
	src->started >>= shift;
	src->rejected >>= shift;
	src->completed >>= shift;
	src->spoke >>= shift;
	src->answered >>= shift;
	src->closed >>= shift;
	src->resets >>= shift;
	src->refused >>= shift;
	src->alike >>= shift;
	ink_sketch_age(&src->ports, shift);
	ink_sketch_age(&src->hosts, shift);
}

INK_INLINE void ink_service_tick(struct ink_service *svc, __u64 now)
{
	__u32 shift = ink_window_tick(&svc->window, now, INK_SERVICE_SHIFT);

	if (!shift)
		return;
	svc->started >>= shift;
	svc->completed >>= shift;
	ink_sketch_age(&svc->sources, shift);
}

/* Mix an address to 32 bits for the sketches. */
INK_INLINE __u32 ink_addr_mix(const __u8 addr[16])
{
	__u32 a[4];

	ink_copy16(a, addr);
	return ((a[0] * 31 + a[1]) * 31 + a[2]) * 31 + a[3];
}

/* A source and a service learn of a new flow. */
INK_INLINE void ink_source_begin(const struct ink_flow_key *key, struct ink_source *src,
				 struct ink_service *svc)
{
	const struct ink_service_key *local = &key->local;

	ink_add(&src->window.fast_now, 1);
	ink_add(&src->flows, 1);
	if (local->port && (local->proto == INK_PROTO_TCP || local->proto == INK_PROTO_UDP))
		ink_sketch_add(&src->ports, (__u32)local->port << 8 | local->proto);
	ink_sketch_add(&src->hosts, ink_addr_mix(local->addr));
	ink_add(&svc->window.fast_now, 1);
	ink_sketch_add(&svc->sources, ink_addr_mix(key->remote));
}

/* A moving average that gives the latest value a weight of 1/8. */
INK_INLINE __u32 ink_average(__u32 average, __u32 value)
{
	return average - (average >> 3) + (value >> 3);
}

/* The rhythm in which handshakes are completed. */
INK_INLINE void ink_source_beat(struct ink_source *src, __u64 now)
{
	__u32 gap = (__u32)ink_clamp(ink_since(now, src->beat_ns) / 1000);
	__u32 off = gap > src->beat_us ? gap - src->beat_us : src->beat_us - gap;

	if (src->beat_ns && src->beat_us) {
		src->beat_spread_us = ink_average(src->beat_spread_us, off);
		src->beat_us = ink_average(src->beat_us, gap);
	} else if (src->beat_ns) {
		src->beat_us = gap;
	}
	src->beat_ns = now;
}

/* Are these within a sixteenth and 16 bytes of each other? */
INK_INLINE int ink_alike(__u32 a, __u32 b)
{
	__u32 off = a > b ? a - b : b - a;

	return off <= 16 + (b >> 4);
}

/* A flow was closed: did it do what the one before did? Guessing looks like that. */
INK_INLINE void ink_source_compare(struct ink_source *src, const struct ink_flow *f)
{
	if (src->closed && ink_alike(f->bytes, src->last_bytes) &&
	    ink_alike(f->bytes_out, src->last_bytes_out))
		ink_add(&src->alike, 1);
	src->last_bytes = f->bytes;
	src->last_bytes_out = f->bytes_out;
}

/*
 * Source and service learn what the flow did, each thing once. That a SYN is
 * out counts only when it was let through: else a source would be held guilty
 * of handshakes that we made impossible, and never get free again.
 */
INK_ALONE ink_source_tell(struct ink_flow *f, __u16 what, __u64 now, struct ink_source *src,
			  struct ink_service *svc)
{
	if (!f || !src || !svc)
		return 0;
	what &= f->seen & (__u16)~f->counted;
	if (what & INK_SEEN_STARTED) {
		ink_add(&src->started, 1);
		ink_add(&svc->started, 1);
	}
	if (what & INK_SEEN_COMPLETED) {
		ink_source_beat(src, now);
		ink_add(&src->completed, 1);
		ink_add(&svc->completed, 1);
	}
	if (what & INK_SEEN_SPOKE)
		ink_add(&src->spoke, 1);
	if (what & INK_SEEN_ANSWERED)
		ink_add(&src->answered, 1);
	if (what & INK_SEEN_RESET)
		ink_add(&src->resets, 1);
	if (what & INK_SEEN_REFUSED)
		ink_add(&src->refused, 1);
	if (what & INK_SEEN_CLOSED) {
		ink_source_compare(src, f);
		ink_add(&src->closed, 1);
	}
	f->counted |= what;
	return 0;
}

#endif /* INK_FLOW_SOURCE_H */
