// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard of a name server: tc on the way in.
 *
 * What lives here: maps and program. What doesn't: reading names (dns.h), and
 * which are bad (the slot's model). Whatever fails, the packet passes and a
 * counter says so.
 *
 * A name's verdict is kept for a second, so that what everybody asks for is
 * scored once; a change of mode, model or threshold holds for all names after
 * that. Only uapi headers and libbpf's are needed, no BTF of a running kernel.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "dns.h"
#include "../hook.h"
#include "../inkling_kfuncs.h"

char _license[] SEC("license") = "GPL";

/* Set before the program is loaded. */
const volatile __u32 ink_slot_id;
const volatile __u32 ink_input_size = sizeof(struct inkling_sequence) + INK_DNS_LABEL;

#define KEPT_NS		1000000000ull

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ink_dns_counters);
} counters SEC(".maps");

struct ink_client_key {
	__u8 addr[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct ink_client_key);
	__type(value, struct ink_dns_client);
} clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct ink_dns_key);
	__type(value, struct ink_dns_verdict);
} verdicts SEC(".maps");

/* Registered labels that always pass. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ink_dns_key);
	__type(value, __u32);
} allow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

/* Nothing that uses it interrupts another on its CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ink_dns_room);
} rooms SEC(".maps");

/* A query that is being looked at. */
struct ink_query {
	struct ink_dns_counters *count;
	struct ink_dns_room *room;
	__u64 now;
	__u8 client[16];
	struct inkling_verdict verdict;
};

INK_ALONE ink_parse_in(struct __sk_buff *skb, struct ink_packet *pkt)
{
	const __u8 *end = (const __u8 *)(long)skb->data_end;
	const __u8 *p = (const __u8 *)(long)skb->data;

	return pkt ? ink_packet_parse(p, end, skb->len, INK_IN, pkt) : INK_PARSE_OTHER;
}

/*
 * The message behind the headers; in TCP behind two bytes of length, at the
 * beginning of a segment. Return: 0 when there is one.
 */
INK_INLINE int ink_message_load(struct __sk_buff *skb, const struct ink_packet *pkt,
				struct ink_dns_message *m)
{
	__u32 at = pkt->payload_at, n = pkt->payload;

	if (pkt->key.local.proto == INK_PROTO_TCP) {
		if (n < 2)
			return -1;
		at += 2;
		n -= 2;
	}
	if (n > INK_DNS_BYTES)
		n = INK_DNS_BYTES;
	m->length = n;
	/* What the compiler knows of n the verifier has to see. */
	n--;
	asm volatile("" : "+r"(n));
	if (n >= INK_DNS_BYTES)
		return -1;
	return bpf_skb_load_bytes(skb, at, m->bytes, n + 1);
}

/* What was said a moment ago, or what the slot says now. Return: 0 with a verdict. */
INK_INLINE int ink_verdict(struct ink_query *q)
{
	struct ink_dns_verdict *kept = bpf_map_lookup_elem(&verdicts, &q->room->key), fresh = { 0 };
	__u32 size = ink_input_size;
	int err;

	if (kept && q->now < kept->until_ns) {
		q->count->cached++;
		q->verdict = kept->verdict;
		return 0;
	}
	if (size > sizeof(struct ink_dns_input))
		return -1;
	/* Of a label that is longer than what the model takes, the first bytes. */
	if (q->room->in.head.n > size - sizeof(q->room->in.head))
		q->room->in.head.n = size - sizeof(q->room->in.head);
	err = bpf_ink_verdict(ink_slot_id, &q->room->in, size, &fresh.verdict);
	if (err) {
		q->count->unanswered++;
		ink_hook_error(err);
		return err;
	}
	q->count->scored++;
	q->verdict = fresh.verdict;
	fresh.until_ns = q->now + KEPT_NS;
	bpf_map_update_elem(&verdicts, &q->room->key, &fresh, BPF_ANY);
	return 0;
}

INK_INLINE void ink_event(const struct ink_query *q, __u32 dropped)
{
	struct ink_dns_event *e;

	if (!ink_event_allowed(q->now)) {
		q->count->events_limited++;
		return;
	}
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		q->count->events_lost++;
		return;
	}
	e->time_ns = q->now;
	ink_copy16(e->client, q->client);
	e->key = q->room->key;
	e->verdict = q->verdict;
	e->dropped = dropped;
	e->zero = 0;
	bpf_ringbuf_submit(e, 0);
	q->count->events++;
}

INK_INLINE struct ink_dns_client *ink_client(struct ink_query *q)
{
	static const struct ink_dns_client none;
	struct ink_dns_client *c = bpf_map_lookup_elem(&clients, q->client);

	if (!c) {
		bpf_map_update_elem(&clients, q->client, &none, BPF_NOEXIST);
		c = bpf_map_lookup_elem(&clients, q->client);
	}
	if (c) {
		c->last_ns = q->now;
		__sync_fetch_and_add(&c->queries, 1);
	}
	return c;
}

/* Return: 1 to drop it. */
INK_INLINE int ink_judge(struct ink_query *q)
{
	struct ink_dns_client *client = ink_client(q);
	__u32 drop;

	if (bpf_map_lookup_elem(&allow, &q->room->key)) {
		q->count->allowed++;
		return 0;
	}
	if (ink_verdict(q) || !q->verdict.class)
		return 0;
	drop = q->verdict.action == INKLING_ACTION_DROP;
	if (drop && q->verdict.mode != INKLING_MODE_ENFORCE) {
		q->count->would_drop++;
		drop = 0;
	}
	q->count->flagged++;
	q->count->dropped += drop;
	if (client) {
		__sync_fetch_and_add(&client->flagged, 1);
		if (drop)
			__sync_fetch_and_add(&client->dropped, 1);
	}
	if (q->verdict.action != INKLING_ACTION_PASS)
		ink_event(q, drop);
	return (int)drop;
}

/* Count what a message is. Return: 1 when it is a query with a name to judge. */
INK_INLINE int ink_count(struct ink_dns_counters *count, int kind, int tcp)
{
	switch (kind) {
	case INK_DNS_OTHER:
		count->other++;
		return 0;
	case INK_DNS_MALFORMED:
		count->malformed++;
		return 0;
	case INK_DNS_SHORT_NAME:
		count->short_name++;
		break;
	case INK_DNS_ODD:
		count->odd++;
		break;
	}
	count->queries++;
	count->tcp += tcp;
	return kind == INK_DNS_QUERY;
}

SEC("tc")
int inkling_dns(struct __sk_buff *skb)
{
	struct ink_packet pkt = { 0 };
	struct ink_query q = { 0 };
	__u32 zero = 0;
	int tcp;

	q.count = bpf_map_lookup_elem(&counters, &zero);
	q.room = bpf_map_lookup_elem(&rooms, &zero);
	if (!q.count || !q.room)
		return TC_ACT_UNSPEC;
	q.count->packets++;
	if (ink_parse_in(skb, &pkt) != INK_PARSE_OK || pkt.key.local.port != INK_DNS_PORT || !pkt.payload)
		return TC_ACT_UNSPEC;
	tcp = pkt.key.local.proto == INK_PROTO_TCP;
	if (!tcp && pkt.key.local.proto != INK_PROTO_UDP)
		return TC_ACT_UNSPEC;
	if (ink_message_load(skb, &pkt, &q.room->message)) {
		q.count->malformed++;
		return TC_ACT_UNSPEC;
	}
	if (!ink_count(q.count, ink_dns_question(q.room), tcp))
		return TC_ACT_UNSPEC;
	q.now = bpf_ktime_get_ns();
	ink_copy16(q.client, pkt.key.remote);
	return ink_judge(&q) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}
