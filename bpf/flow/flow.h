/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table's logic: what is done for each packet, in and out.
 *
 * What lives here: the code that runs for each packet, the same text in the
 * BPF programs and in userspace (inkling features, inkling replay). What
 * doesn't: parsing (flow_packet.h), the list of features (flow_schema.h) and
 * how they are computed (flow_vector.h), what is remembered of addresses
 * (flow_source.h), what is stored (flow_state.h), and the maps and the call of
 * the model, which whoever includes this file provides as the functions
 * ink_env_*() below.
 *
 * A flow's own counts aren't atomic, since network cards keep a flow on one
 * CPU; what is written on the way out is apart from what is written on the way
 * in.
 */
#ifndef INK_FLOW_H
#define INK_FLOW_H

#include "flow_vector.h"

#define INK_RECHECK_NS	(1ull << 28)	/* a bad verdict is asked for again after 0.27 s */
#define INK_IDLE_NS	(60ull << 30)	/* a flow silent for that long is a new one, */
#define INK_IDLE_OPEN_NS (3600ull << 30) /* an established one for that long */
#define INK_GRACE_NS	700000000ull	/* no stack sends a SYN again sooner than that */
#define INK_GRACE_GAP_NS (1ull << 30)	/* least time between two graces of a source */

/*
 * What the includer provides. Tables return NULL when there is no room; a value
 * that was just made is zero, and the caller fills it in.
 *
 * Flows and sources lie in two tables each: those whose remote address was
 * proven (and flows that we began) apart from all others, so that packets with
 * made-up addresses push out nothing but each other.
 */
struct ink_env;

/* One packet, its time, and where what is done with it is counted. */
struct ink_view {
	const struct ink_packet *pkt;
	__u64 now;
	struct ink_flow_counters *count;
};

/* Copy bytes of the frame, n of them and not none. Return: 0, or not when they aren't all there. */
INK_INLINE int ink_env_bytes(struct ink_env *env, __u32 at, __u8 *to, __u32 n);
INK_INLINE struct ink_flow *ink_env_flow(struct ink_env *env, const struct ink_flow_key *key);
INK_INLINE struct ink_flow *ink_env_flow_make(struct ink_env *env, const struct ink_flow_key *key,
					      int ours);
/* Move a flow over to the proven ones. Return: where it is now; NULL as it was. */
INK_INLINE struct ink_flow *ink_env_flow_prove(struct ink_env *env,
					       const struct ink_flow_key *key,
					       const struct ink_flow *f);
INK_INLINE struct ink_source *ink_env_source(struct ink_env *env, const __u8 addr[16],
					     __u64 now);
INK_INLINE void ink_env_source_prove(struct ink_env *env, const __u8 addr[16], __u64 now);
INK_INLINE struct ink_service *ink_env_service(struct ink_env *env,
					       const struct ink_service_key *key, __u64 now);
/* Non-zero when the remote address is on the allow-list, whose changes are numbered. */
INK_INLINE int ink_env_allowed(struct ink_env *env, const struct ink_flow_key *key);
INK_INLINE __u32 ink_env_allow_generation(struct ink_env *env);
INK_INLINE const volatile struct ink_flow_policy *ink_env_policy(struct ink_env *env);
/* Room for a vector, this packet's alone; NULL when there is none. */
INK_INLINE struct ink_flow_vector *ink_env_vector(struct ink_env *env);
/* Ask the slot: 0 or a negative errno. */
INK_INLINE int ink_env_verdict(struct ink_env *env, const struct ink_flow_vector *features,
			       struct inkling_verdict *verdict);
INK_INLINE void ink_env_error(struct ink_env *env, int err);
/* Calls ink_flow_score(). */
INK_INLINE void ink_env_score(struct ink_env *env, const struct ink_view *view, struct ink_flow *f,
			      struct ink_source *src, struct ink_service *svc);
/* The slot's mode as last seen, and when that was. */
INK_INLINE void ink_env_mode_set(struct ink_env *env, __u8 mode, __u64 now);
INK_INLINE int ink_env_enforces(struct ink_env *env, __u64 now);
INK_INLINE void ink_env_event(struct ink_env *env, const struct ink_flow_key *key, __u64 now,
			      __u32 packets, __u32 flags, int err,
			      const struct inkling_verdict *verdict,
			      const struct ink_flow_vector *features,
			      struct ink_flow_counters *count);


INK_INLINE void ink_inc16(__u16 *n)
{
	if (*n != 0xffff)
		(*n)++;
}

INK_INLINE __u32 ink_sum(__u32 a, __u32 b)
{
	return (__u32)ink_clamp((__u64)a + b);
}

/* Does this packet belong to a new flow that has the key of an old one? */
INK_INLINE int ink_flow_stale(const struct ink_flow *f, const struct ink_packet *pkt, __u64 now)
{
	__u64 idle = ink_since(now, f->last_ns);

	if (pkt->start == INK_START_SYN && (f->seen & INK_SEEN_ENDED))
		return 1;
	if (f->seen & INK_SEEN_COMPLETED && !(f->seen & INK_SEEN_ENDED))
		return idle > INK_IDLE_OPEN_NS;
	return idle > INK_IDLE_NS;
}

INK_INLINE void ink_flow_begin(struct ink_flow *f, const struct ink_packet *pkt, __u64 now)
{
	__builtin_memset(f, 0, sizeof(*f));
	f->first_ns = now;
	f->last_ns = now;
	f->start = pkt->start;
}

/* Time since the packet before. */
INK_INLINE void ink_account_gap(struct ink_flow *f, __u64 now)
{
	__u32 gap = (__u32)ink_clamp(ink_since(now, f->last_ns) / 1000), before = f->gap_us;

	f->gap_us = gap;
	if (now > f->last_ns)
		f->last_ns = now;
	if (!f->packets)
		return;
	if (f->packets == 1 || gap < f->gap_min_us)
		f->gap_min_us = gap;
	if (gap > f->gap_max_us)
		f->gap_max_us = gap;
	if (f->packets > 1)
		f->gap_jumps_us = ink_sum(f->gap_jumps_us,
					  gap > before ? gap - before : before - gap);
}

INK_INLINE void ink_account_first(struct ink_env *env, struct ink_flow *f,
				  const struct ink_packet *pkt)
{
	__u32 n = pkt->payload < INK_PEEK ? pkt->payload : INK_PEEK;
	struct ink_first first = { 0 };
	struct ink_peek peek = { 0 };

	if (!n || ink_env_bytes(env, pkt->payload_at, first.bytes, n))
		return;
	ink_payload_peek(&first, n, &peek);
	f->peeked = peek.seen;
	f->printable = peek.printable;
	f->variety = peek.variety;
}

INK_INLINE void ink_account_payload(struct ink_env *env, struct ink_flow *f,
				    const struct ink_packet *pkt)
{
	__u16 size = (__u16)(pkt->payload > INK_SEGMENT ? INK_SEGMENT : pkt->payload);

	if (!f->data) {
		ink_account_first(env, f, pkt);
		f->first_size = size;
		f->size_min = size;
		f->size_max = size;
	} else {
		__u16 before = f->size_last;

		f->size_jumps = ink_sum(f->size_jumps,
					size > before ? size - before : before - size);
	}
	if (size < f->size_min)
		f->size_min = size;
	if (size > f->size_max)
		f->size_max = size;
	f->size_last = size;
	f->bytes = ink_sum(f->bytes, pkt->payload);
	f->data = ink_sum(f->data, pkt->segments);
	if (f->data_out != f->answered) {
		f->answered = f->data_out;
		f->turns = ink_sum(f->turns, 1);
	}
}

/* The handshake and what follows it, as far as the remote end's packets show it. */
INK_INLINE void ink_account_handshake(struct ink_flow *f, const struct ink_packet *pkt,
				      int two_way)
{
	__u8 flags = pkt->tcp_flags;
	int acked = flags & INK_TCP_ACK && !(flags & (INK_TCP_SYN | INK_TCP_RST));

	/* Only who gets what is sent to an address can know that number. */
	if (flags & INK_TCP_ACK && !(flags & INK_TCP_RST) &&
	    f->seen_out & INK_OUT_NUMBERED && pkt->ack == f->next_out)
		f->seen |= INK_SEEN_PROVEN;
	if (f->start != INK_START_SYN)
		return;
	f->seen |= INK_SEEN_STARTED;
	if (acked && (!two_way || f->seen & INK_SEEN_PROVEN))
		f->seen |= INK_SEEN_COMPLETED;
	if (!(f->seen & INK_SEEN_COMPLETED))
		return;
	if (f->bytes)
		f->seen |= INK_SEEN_SPOKE;
	if (f->bytes && f->data_out)
		f->seen |= INK_SEEN_ANSWERED;
	if (f->refusals)
		f->seen |= INK_SEEN_REFUSED;
	if (flags & INK_TCP_RST && !f->bytes)
		f->seen |= INK_SEEN_RESET;
	if (flags & (INK_TCP_FIN | INK_TCP_RST))
		f->seen |= INK_SEEN_CLOSED;
}

INK_INLINE void ink_account_tcp(struct ink_flow *f, const struct ink_packet *pkt, int two_way)
{
	__u8 flags = pkt->tcp_flags;
	__u32 next = pkt->seq + pkt->payload + !!(flags & INK_TCP_SYN) + !!(flags & INK_TCP_FIN);

	if (pkt->start == INK_START_ODD)
		ink_inc16(&f->odd);
	if (pkt->start == INK_START_SYN)
		ink_inc16(&f->syns);
	if (flags & (INK_TCP_FIN | INK_TCP_RST)) {
		ink_inc16(&f->closes);
		f->seen |= INK_SEEN_ENDED;
	}
	if (pkt->payload && f->packets && pkt->seq - f->next > 0x7fffffff)
		ink_inc16(&f->repeats);
	if (!f->packets || next - f->next < 0x80000000)
		f->next = next;
	ink_account_handshake(f, pkt, two_way);
}

/* Take a packet into the flow's own counts. */
INK_INLINE void ink_flow_account(struct ink_env *env, struct ink_flow *f,
				 const struct ink_view *view)
{
	const struct ink_packet *pkt = view->pkt;

	ink_account_gap(f, view->now);
	if (pkt->payload)
		ink_account_payload(env, f, pkt);
	if (pkt->fragment)
		ink_inc16(&f->fragments);
	if (pkt->key.local.proto == INK_PROTO_TCP && pkt->start != INK_START_FRAGMENT)
		ink_account_tcp(f, pkt, ink_env_policy(env)->two_way);
	f->packets = ink_sum(f->packets, pkt->segments);
}

/* What of the flow is there to tell its source and service that they can be told? */
INK_INLINE int ink_flow_pending(const struct ink_flow *f)
{
	if (!(f->counted & INK_SEEN_STARTED))
		return f->seen & INK_SEEN_STARTED && f->action != INKLING_ACTION_DROP;
	return f->seen & (__u16)~f->counted & INK_SEEN_TELL;
}

/* After these times without a score a flow gets one: slow attacks send few packets. */
INK_INLINE __u64 ink_flow_wait(const struct ink_flow *f)
{
	return f->stage == 0 ? 5000000000ull : f->stage == 1 ? 20000000000ull : 45000000000ull;
}

/* Was what is done with the flow's packets decided under another allow-list? */
INK_INLINE int ink_flow_unlisted(struct ink_env *env, const struct ink_flow *f)
{
	return (f->final == INK_FINAL_ALLOWED || f->action == INKLING_ACTION_DROP) &&
	       f->allowed != ink_env_allow_generation(env);
}

/*
 * Is the flow to be scored now? At packets 1, 2, 4, 8, ...; when something has
 * happened (@event); when its last score is old; and when a verdict other than
 * "pass" is older than INK_RECHECK_NS, so that a change of the slot's mode,
 * model or threshold, or its deletion, soon reaches flows that are being
 * dropped. @before: packets before this one.
 */
INK_INLINE int ink_flow_due(struct ink_flow *f, __u32 before, int event, __u64 now)
{
	__u64 age = ink_since(now, f->scored_ns);

	if ((before ^ f->packets) > before || event)
		return 1;
	if (f->action != INKLING_ACTION_PASS && age > INK_RECHECK_NS)
		return 1;
	if (age < ink_flow_wait(f))
		return 0;
	if (f->stage < 2)
		f->stage++;
	return 1;
}

/* Remember a verdict, and block the source if that is wanted and fair. Return: flags of an event. */
INK_INLINE __u32 ink_flow_judged(struct ink_env *env, const struct ink_view *view,
				 struct ink_flow *f, struct ink_source *src,
				 const struct inkling_verdict *verdict)
{
	const volatile struct ink_flow_policy *policy = ink_env_policy(env);
	__u32 flags = 0;

	view->count->verdicts[verdict->class & (INK_FLOW_CLASSES - 1)]++;
	ink_env_mode_set(env, verdict->mode, view->now);
	f->class = (__u8)verdict->class;
	f->score = verdict->score;
	f->action = verdict->action;
	f->mode = verdict->mode;
	if (verdict->class && verdict->action != INKLING_ACTION_PASS)
		flags = INK_EVENT_FLAGGED;
	if (verdict->action != INKLING_ACTION_DROP || verdict->mode != INKLING_MODE_ENFORCE)
		return flags;
	flags |= INK_EVENT_DROPPED;
	if (policy->block_ns && f->seen & INK_SEEN_PROVEN) {
		if (src->blocked_ns <= view->now)
			view->count->blocked++;
		src->blocked_ns = view->now + policy->block_ns;
		src->blocked_class = f->class;
		flags |= INK_EVENT_BLOCKED;
	}
	return flags;
}

INK_INLINE void ink_flow_drop(struct ink_flow *f, __u8 class)
{
	f->class = class;
	f->action = INKLING_ACTION_DROP;
	f->mode = INKLING_MODE_ENFORCE;
}

/* Ask the slot about a flow and remember what it says. A failure passes, or drops by policy. */
INK_INLINE void ink_flow_score(struct ink_env *env, const struct ink_view *view,
			       struct ink_flow *f, struct ink_source *src, struct ink_service *svc)
{
	const struct ink_flow_key *key = &view->pkt->key;
	struct ink_flow_vector *features = ink_env_vector(env);
	struct inkling_verdict verdict = { 0 };
	int err = 0, allowed = ink_env_allowed(env, key);
	__u32 flags = 0;

	f->class = 0;
	f->score = 0;
	f->action = INKLING_ACTION_PASS;
	f->final = INK_FINAL_NOT;
	f->allowed = ink_env_allow_generation(env);
	f->scored_ns = view->now;
	if (!allowed && src->blocked_ns > view->now && ink_env_enforces(env, view->now)) {
		ink_flow_drop(f, (__u8)src->blocked_class);
		return;
	}
	if (!features)
		return;
	ink_flow_features(key, f, src, svc, view->now, features);
	if (allowed) {
		view->count->allowed++;
		f->final = INK_FINAL_ALLOWED;
		flags = INK_EVENT_ALLOWED;
	} else {
		view->count->scored++;
		err = ink_env_verdict(env, features, &verdict);
		if (!err)
			flags = ink_flow_judged(env, view, f, src, &verdict);
	}
	if (err) {
		view->count->errors++;
		ink_env_error(env, err);
		verdict = (struct inkling_verdict){ 0 };
		if (ink_env_policy(env)->fail_closed) {
			ink_flow_drop(f, 0);
			flags = INK_EVENT_DROPPED;
		}
	}
	ink_env_event(env, key, view->now, f->packets, flags, err, &verdict, features,
		      view->count);
}

/*
 * A SYN that is sent again comes from a stack that waits for an answer; floods
 * with made-up addresses don't do that. Let one through now and then, so that
 * nobody is shut out by what others send in his name: the handshake that
 * follows proves the address, and then he is judged by his own deeds.
 */
INK_INLINE int ink_flow_grace(const struct ink_view *view, struct ink_flow *f,
			      struct ink_source *src)
{
	if (ink_since(view->now, f->first_ns) < INK_GRACE_NS || src->blocked_ns > view->now)
		return 0;
	if (src->grace_ns && ink_since(view->now, src->grace_ns) < INK_GRACE_GAP_NS)
		return 0;
	src->grace_ns = view->now;
	f->action = INKLING_ACTION_PASS;
	f->seen |= INK_SEEN_GRACE;
	view->count->grace++;
	return 1;
}

/*
 * Carry out what the flow's verdict says. @src: if it is at hand; @again: the
 * packet is a SYN that came before. Return: 1 to drop.
 */
INK_INLINE int ink_flow_act(const struct ink_view *view, struct ink_flow *f,
			    struct ink_source *src, int again)
{
	struct ink_flow_counters *count = view->count;

	if (f->class)
		count->flagged++;
	if (f->action != INKLING_ACTION_DROP || (again && src && ink_flow_grace(view, f, src)))
		return 0;
	if (f->mode != INKLING_MODE_ENFORCE) {
		count->would_drop++;
		count->would_drops[f->class & (INK_FLOW_CLASSES - 1)]++;
		return 0;
	}
	count->dropped++;
	count->drops[f->class & (INK_FLOW_CLASSES - 1)]++;
	return 1;
}

/*
 * Nothing about this flow is open: the allow-list as it is now lets it through,
 * we began it, or it is being dropped and was judged a moment ago.
 * Return: 1 to drop, 0 to pass, -1 when there is more to do.
 */
INK_INLINE int ink_flow_final(struct ink_env *env, const struct ink_view *view,
			      struct ink_flow *f)
{
	struct ink_flow_counters *count = view->count;

	if (f->final == INK_FINAL_OURS &&
	    ink_since(view->now, f->last_ns) < INK_IDLE_OPEN_NS) {
		f->last_ns = view->now;
		return 0;
	}
	if (view->pkt->start == INK_START_SYN)
		return -1;
	if (f->final == INK_FINAL_ALLOWED && f->allowed == ink_env_allow_generation(env)) {
		f->last_ns = view->now;
		return 0;
	}
	if (f->action != INKLING_ACTION_DROP || f->mode != INKLING_MODE_ENFORCE ||
	    f->allowed != ink_env_allow_generation(env) ||
	    ink_since(view->now, f->scored_ns) > INK_RECHECK_NS)
		return -1;
	if (f->class)
		count->flagged++;
	count->dropped++;
	count->drops[f->class & (INK_FLOW_CLASSES - 1)]++;
	return 1;
}

/* Find the packet's flow or begin one. Return: NULL when there is no room. */
INK_INLINE struct ink_flow *ink_flow_get(struct ink_env *env, const struct ink_view *view,
					 struct ink_flow *f)
{
	if (!f) {
		f = ink_env_flow_make(env, &view->pkt->key, 0);
		if (!f) {
			view->count->map_full++;
			return 0;
		}
	} else if (f->first_ns && !ink_flow_stale(f, view->pkt, view->now)) {
		return f;
	}
	ink_flow_begin(f, view->pkt, view->now);
	view->count->flows++;
	return f;
}

/* The flow and its source go over to those whose address is proven. Return: where the flow is. */
INK_INLINE struct ink_flow *ink_flow_prove(struct ink_env *env, const struct ink_view *view,
					   struct ink_flow *f)
{
	struct ink_flow *moved;

	view->count->proven++;
	ink_env_source_prove(env, view->pkt->key.remote, view->now);
	moved = ink_env_flow_prove(env, &view->pkt->key, f);
	return moved ? moved : f;
}

/**
 * ink_flow_in() - all that is done for a packet on its way in
 * @env: of the includer
 * @view: the packet, from ink_packet_parse(), its time, and counters of this CPU
 *
 * Return: 1 to drop the packet, 0 to let it pass.
 */
INK_INLINE int ink_flow_in(struct ink_env *env, const struct ink_view *view)
{
	const struct ink_flow_key *key = &view->pkt->key;
	struct ink_flow *f = ink_env_flow(env, key);
	struct ink_service *svc = 0;
	struct ink_source *src = 0;
	int due, drop, proven, again;
	__u32 before;
	__u16 seen;

	if (f) {
		drop = ink_flow_final(env, view, f);
		if (drop >= 0)
			return drop;
	}
	f = ink_flow_get(env, view, f);
	if (!f)
		return 0;
	before = f->packets;
	seen = f->seen;
	again = before && view->pkt->start == INK_START_SYN && view->pkt->seq + 1 == f->next;
	ink_flow_account(env, f, view);
	proven = f->seen & (__u16)~seen & INK_SEEN_PROVEN;
	if (proven)
		f = ink_flow_prove(env, view, f);
	due = ink_flow_due(f, before, proven || ink_flow_unlisted(env, f), view->now);
	if (due || ink_flow_pending(f)) {
		src = ink_env_source(env, key->remote, view->now);
		svc = ink_env_service(env, &key->local, view->now);
		if (!src || !svc) {
			view->count->map_full++;
			return 0;
		}
		ink_source_tick(src, view->now);
		ink_service_tick(svc, view->now);
		if (!before)
			ink_source_begin(key, src, svc);
		if (f->counted & INK_SEEN_STARTED)
			ink_source_tell(f, INK_SEEN_TELL, view->now, src, svc);
		if (due)
			ink_env_score(env, view, f, src, svc);
	}
	drop = ink_flow_act(view, f, src, again);
	if (!drop && src && svc)
		ink_source_tell(f, INK_SEEN_STARTED, view->now, src, svc);
	return drop;
}

/*
 * May this packet on its way out begin a flow of ours? A reply to a flow that
 * was forgotten must not: TCP shows what it is, and of UDP only what clients
 * ask servers for counts.
 */
INK_INLINE int ink_flow_is_ours(const struct ink_packet *pkt)
{
	if (pkt->start == INK_START_UDP)
		return pkt->key.remote_port < 1024 && pkt->key.local.port >= 1024;
	return pkt->start == INK_START_SYN || pkt->start == INK_START_ECHO;
}

/* We turned a flow down; the remote end may not send another packet, so tell its source now. */
INK_INLINE void ink_flow_rejected(struct ink_env *env, const struct ink_view *view,
				  struct ink_flow *f)
{
	struct ink_source *src;

	if (f->seen_out & INK_OUT_REJECTED || f->data_out)
		return;
	f->seen_out |= INK_OUT_REJECTED;
	src = ink_env_source(env, view->pkt->key.remote, view->now);
	if (src)
		ink_add(&src->rejected, 1);
}

/**
 * ink_flow_out() - all that is done for a packet on its way out
 * @env: of the includer
 * @view: the packet, from ink_packet_parse(), its time, and counters of this CPU
 */
INK_INLINE void ink_flow_out(struct ink_env *env, const struct ink_view *view)
{
	const struct ink_packet *pkt = view->pkt;
	struct ink_flow *f = ink_env_flow(env, &pkt->key);
	__u8 flags = pkt->tcp_flags, reply[INK_REPLY] = { 0 };

	if (!f && ink_flow_is_ours(pkt)) {
		f = ink_env_flow_make(env, &pkt->key, 1);
		if (f) {
			ink_flow_begin(f, pkt, view->now);
			f->final = INK_FINAL_OURS;
			view->count->flows_out++;
		}
	}
	if (!f)
		return;
	f->packets_out = ink_sum(f->packets_out, pkt->segments);
	f->out_ms = (__u32)ink_clamp(ink_since(view->now, f->first_ns) / 1000000);
	if (pkt->payload) {
		f->bytes_out = ink_sum(f->bytes_out, pkt->payload);
		f->data_out = ink_sum(f->data_out, pkt->segments);
		if (pkt->payload >= INK_REPLY &&
		    !ink_env_bytes(env, pkt->payload_at, reply, INK_REPLY) &&
		    ink_payload_refuses(reply))
			ink_inc16(&f->refusals);
	}
	if (pkt->key.local.proto != INK_PROTO_TCP || pkt->start == INK_START_FRAGMENT)
		return;
	if (flags & INK_TCP_RST) {
		/* Its number may be the remote end's own, handed back. */
		ink_flow_rejected(env, view, f);
		return;
	}
	f->next_out = pkt->seq + pkt->payload + !!(flags & INK_TCP_SYN) + !!(flags & INK_TCP_FIN);
	f->seen_out |= INK_OUT_NUMBERED;
	if (pkt->start == INK_START_REPLY)
		f->seen_out |= INK_OUT_ACCEPTED;
}

#endif /* INK_FLOW_H */
