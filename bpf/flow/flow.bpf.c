// SPDX-License-Identifier: GPL-2.0-only
/*
 * The classifier of flows as BPF: XDP or tc on the way in, tc on the way out;
 * or both ways at the sockets of a cgroup.
 *
 * What lives here: the maps, the programs, and the environment that flow.h
 * wants. What doesn't: any decision; those are in flow.h and in the slot's
 * model. Whatever fails, the packet passes and a counter says so, unless the
 * policy says otherwise.
 *
 * Only uapi headers and libbpf's are needed, no BTF of a running kernel.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "flow.h"
#include "../hook.h"
#include "../inkling_kfuncs.h"

char _license[] SEC("license") = "GPL";

/* Set before the programs are loaded. */
const volatile __u32 ink_slot_id;
const volatile __u32 ink_export;		/* an event for each scored vector */
const volatile struct ink_flow_policy ink_policy;
const volatile __u32 ink_clock_fed;		/* time is ink_clock, which a test sets */

volatile struct ink_control ink_control SEC(".data.control");

/* What a model for this program has to have been trained on; read by attach. */
const struct inkling_feature ink_flow_schema[] SEC(INK_SCHEMA_SECTION) = INK_FLOW_FEATURE_TABLE;
const struct inkling_name ink_flow_names[] SEC(INK_NAMES_SECTION) = INK_FLOW_NAME_TABLE;

#define INK_TABLE(map, entries, key_type, value_type)	\
	struct {					\
		__uint(type, BPF_MAP_TYPE_LRU_HASH);	\
		__uint(max_entries, entries);		\
		__type(key, key_type);			\
		__type(value, value_type);		\
	} map SEC(".maps")

struct ink_source_key {
	__u8 addr[16];
};

INK_TABLE(flows, INK_FLOWS_MAX, struct ink_flow_key, struct ink_flow);
INK_TABLE(pending, INK_PENDING_MAX, struct ink_flow_key, struct ink_flow);
INK_TABLE(sources, INK_SOURCES_MAX, struct ink_source_key, struct ink_source);
INK_TABLE(strangers, INK_STRANGERS_MAX, struct ink_source_key, struct ink_source);
INK_TABLE(services, INK_SERVICES_MAX, struct ink_service_key, struct ink_service);

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

/* A vector would fill half of the stack. Nothing that uses it interrupts another on its CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ink_flow_vector);
} vectors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* The slot's mode as a verdict last told it; written by all CPUs, any of them will do. */
struct {
	__u64 seen_ns;
	__u32 mode;
} ink_mode_seen;

static const struct ink_flow ink_flow_zero;
static const struct ink_source ink_source_zero;
static const struct ink_service ink_service_zero;

/* The packet, as a program of each kind has it; the compiler knows which. */
enum ink_env_kind { INK_ENV_XDP, INK_ENV_TC, INK_ENV_CG };

struct ink_env {
	enum ink_env_kind kind;
	struct xdp_md *xdp;
	struct __sk_buff *skb;
};

INK_INLINE int ink_env_bytes(struct ink_env *env, __u32 at, __u8 *to, __u32 n)
{
	/* What the compiler knows of n the verifier has to see, and before Linux 6.3 only like this. */
	n--;
	asm volatile("" : "+r"(n));
	if (n >= INK_PEEK)
		return -1;
	n++;
	return env->kind == INK_ENV_XDP ? bpf_xdp_load_bytes(env->xdp, at, to, n) :
					   bpf_skb_load_bytes(env->skb, at, to, n);
}

INK_INLINE struct ink_flow *ink_env_flow(struct ink_env *env, const struct ink_flow_key *key)
{
	struct ink_flow *f = bpf_map_lookup_elem(&flows, key);

	return f ? f : bpf_map_lookup_elem(&pending, key);
}

/* BPF_NOEXIST, so that of two CPUs that make an entry at once one uses the other's. */
INK_INLINE struct ink_flow *ink_env_flow_make(struct ink_env *env, const struct ink_flow_key *key,
					      int ours)
{
	if (ours) {
		bpf_map_update_elem(&flows, key, &ink_flow_zero, BPF_NOEXIST);
		return bpf_map_lookup_elem(&flows, key);
	}
	bpf_map_update_elem(&pending, key, &ink_flow_zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&pending, key);
}

INK_INLINE struct ink_flow *ink_env_flow_prove(struct ink_env *env,
					       const struct ink_flow_key *key,
					       const struct ink_flow *f)
{
	if (bpf_map_update_elem(&flows, key, f, BPF_NOEXIST))
		return 0;
	bpf_map_delete_elem(&pending, key);
	return bpf_map_lookup_elem(&flows, key);
}

INK_INLINE struct ink_source *ink_env_source(struct ink_env *env, const __u8 addr[16],
					     __u64 now)
{
	struct ink_source *src = bpf_map_lookup_elem(&sources, addr);

	if (!src)
		src = bpf_map_lookup_elem(&strangers, addr);
	if (src)
		return src;
	bpf_map_update_elem(&strangers, addr, &ink_source_zero, BPF_NOEXIST);
	src = bpf_map_lookup_elem(&strangers, addr);
	if (src && !src->window.first_ns)
		src->window.first_ns = now;
	return src;
}

INK_INLINE void ink_env_source_prove(struct ink_env *env, const __u8 addr[16], __u64 now)
{
	struct ink_source *src = bpf_map_lookup_elem(&sources, addr);

	if (src)
		return;
	src = bpf_map_lookup_elem(&strangers, addr);
	if (src) {
		bpf_map_update_elem(&sources, addr, src, BPF_NOEXIST);
		bpf_map_delete_elem(&strangers, addr);
		return;
	}
	bpf_map_update_elem(&sources, addr, &ink_source_zero, BPF_NOEXIST);
	src = bpf_map_lookup_elem(&sources, addr);
	if (src && !src->window.first_ns)
		src->window.first_ns = now;
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

/* IPv4 addresses are looked up as what they are, not as ::ffff:0:0/96. */
INK_INLINE int ink_env_allowed(struct ink_env *env, const struct ink_flow_key *key)
{
	struct ink_allow4 key4 = { .prefix = 32 };
	struct ink_allow6 key6 = { .prefix = 128 };
	__u32 word[4];

	ink_copy16(word, key->remote);
	if (!word[0] && !word[1] && word[2] == 0xffff0000) {
		ink_copy4(key4.addr, key->remote + 12);
		return !!bpf_map_lookup_elem(&allow4, &key4);
	}
	ink_copy16(key6.addr, key->remote);
	return !!bpf_map_lookup_elem(&allow6, &key6);
}

INK_INLINE __u32 ink_env_allow_generation(struct ink_env *env)
{
	return ink_control.allow_generation;
}

INK_INLINE const volatile struct ink_flow_policy *ink_env_policy(struct ink_env *env)
{
	return &ink_policy;
}

INK_INLINE void ink_env_mode_set(struct ink_env *env, __u8 mode, __u64 now)
{
	ink_mode_seen.mode = mode;
	ink_mode_seen.seen_ns = now;
}

INK_INLINE int ink_env_enforces(struct ink_env *env, __u64 now)
{
	return ink_mode_seen.mode == INKLING_MODE_ENFORCE &&
	       ink_since(now, ink_mode_seen.seen_ns) < INK_RECHECK_NS;
}

INK_INLINE struct ink_flow_vector *ink_env_vector(struct ink_env *env)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&vectors, &zero);
}

INK_INLINE int ink_env_verdict(struct ink_env *env, const struct ink_flow_vector *features,
			       struct inkling_verdict *verdict)
{
	return bpf_ink_verdict(ink_slot_id, features, sizeof(*features), verdict);
}

INK_INLINE void ink_env_error(struct ink_env *env, int err)
{
	ink_hook_error(err);
}

/* The rate limit is that of the slot's events; the export of vectors has none. */
INK_INLINE void ink_env_event(struct ink_env *env, const struct ink_flow_key *key, __u64 now,
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
	__builtin_memcpy(&event->key, key, sizeof(event->key));
	event->packets = packets;
	event->flags = flags;
	event->error = err;
	event->verdict = *verdict;
	event->features = *features;
	bpf_ringbuf_submit(event, 0);
	count->events++;
}

/* None of what scoring asks of the environment needs the packet. */
INK_ALONE ink_score_alone(const struct ink_packet *pkt, __u64 now, struct ink_flow *f,
			  struct ink_source *src, struct ink_service *svc)
{
	struct ink_view view = { .pkt = pkt, .now = now };
	__u32 zero = 0;

	view.count = bpf_map_lookup_elem(&counters, &zero);
	if (view.count && pkt && f && src && svc)
		ink_flow_score(0, &view, f, src, svc);
	return 0;
}

INK_INLINE void ink_env_score(struct ink_env *env, const struct ink_view *view, struct ink_flow *f,
			      struct ink_source *src, struct ink_service *svc)
{
	ink_score_alone(view->pkt, view->now, f, src, svc);
}

INK_INLINE __u64 ink_clock(void)
{
	return ink_clock_fed ? ink_control.clock : bpf_ktime_get_ns();
}

/* Count what parsing said. Return: 0 when there is a packet to look at. */
INK_INLINE int ink_parsed(int parse, struct ink_flow_counters *count)
{
	__u32 reason = (__u32)parse - INK_PARSE_BAD;

	if (parse == INK_PARSE_OK)
		return 0;
	if (parse == INK_PARSE_OTHER) {
		count->other++;
	} else {
		count->malformed++;
		if (reason < INK_MALFORMED_NR)
			count->reasons[reason]++;
	}
	return 1;
}

/* Of an Ethernet frame on its way in. Return: enum ink_parse. */
INK_ALONE ink_parse_xdp(struct xdp_md *xdp, struct ink_packet *pkt)
{
	const __u8 *end = (const __u8 *)(long)xdp->data_end;
	const __u8 *p = (const __u8 *)(long)xdp->data;

	if (!pkt)
		return INK_PARSE_OTHER;
	return ink_packet_parse(p, end, (__u32)bpf_xdp_get_buff_len(xdp), INK_IN, pkt);
}

#define INK_PARSE_FRAME(name, way)								\
INK_ALONE name(struct __sk_buff *skb, struct ink_packet *pkt)					\
{												\
	const __u8 *end = (const __u8 *)(long)skb->data_end;					\
	const __u8 *p = (const __u8 *)(long)skb->data;						\
												\
	return pkt ? ink_packet_parse(p, end, skb->len, way, pkt) : INK_PARSE_OTHER;		\
}

/* At sockets a packet begins with its network header. */
#define INK_PARSE_NETWORK(name, way)								\
INK_ALONE name(struct __sk_buff *skb, struct ink_packet *pkt)					\
{												\
	const __u8 *end = (const __u8 *)(long)skb->data_end;					\
	const __u8 *p = (const __u8 *)(long)skb->data;						\
	__u16 type = __builtin_bswap16((__u16)skb->protocol);					\
												\
	if (!pkt)										\
		return INK_PARSE_OTHER;								\
	pkt->length = skb->len;									\
	return ink_packet_parse_ip(p, end, skb->len, type, way, pkt);				\
}

INK_PARSE_FRAME(ink_parse_tc, INK_IN)
INK_PARSE_FRAME(ink_parse_tc_out, INK_OUT)
INK_PARSE_NETWORK(ink_parse_cg, INK_IN)
INK_PARSE_NETWORK(ink_parse_cg_out, INK_OUT)

/* A packet on its way in. Return: 1 to drop it. */
INK_INLINE int ink_hook_in(struct ink_env *env, __u32 length)
{
	struct ink_packet pkt = { 0 };
	struct ink_view view = { .pkt = &pkt };
	__u32 zero = 0;
	int parse;

	view.count = bpf_map_lookup_elem(&counters, &zero);
	if (!view.count)
		return 0;
	parse = env->kind == INK_ENV_XDP ? ink_parse_xdp(env->xdp, &pkt) :
		env->kind == INK_ENV_TC ? ink_parse_tc(env->skb, &pkt) : ink_parse_cg(env->skb, &pkt);
	view.count->packets++;
	view.count->bytes += length;
	if (ink_parsed(parse, view.count))
		return 0;
	view.now = ink_clock();
	return ink_flow_in(env, &view);
}

/* A packet on its way out, which is only looked at. */
INK_INLINE void ink_hook_out(struct ink_env *env)
{
	struct ink_packet pkt = { 0 };
	struct ink_view view = { .pkt = &pkt };
	__u32 zero = 0;
	int parse;

	view.count = bpf_map_lookup_elem(&counters, &zero);
	if (!view.count)
		return;
	view.count->packets_out++;
	view.count->bytes_out += env->skb->len;
	parse = env->kind == INK_ENV_TC ? ink_parse_tc_out(env->skb, &pkt) :
					  ink_parse_cg_out(env->skb, &pkt);
	if (parse != INK_PARSE_OK)
		return;
	view.now = ink_clock();
	ink_flow_out(env, &view);
}

SEC("xdp.frags")
int inkling_flow(struct xdp_md *ctx)
{
	struct ink_env env = { .kind = INK_ENV_XDP, .xdp = ctx };

	return ink_hook_in(&env, (__u32)bpf_xdp_get_buff_len(ctx)) ? XDP_DROP : XDP_PASS;
}

/* Headers lie in the linear part of nearly every packet; what doesn't is pulled there. */
INK_INLINE void ink_pull(struct __sk_buff *skb)
{
	__u32 linear = skb->data_end - skb->data;

	if (linear < INK_HEADERS_MAX && skb->len > linear)
		bpf_skb_pull_data(skb, skb->len < INK_HEADERS_MAX ? skb->len : INK_HEADERS_MAX);
}

SEC("tc")
int inkling_flow_tc(struct __sk_buff *skb)
{
	struct ink_env env = { .kind = INK_ENV_TC, .skb = skb };

	ink_pull(skb);
	return ink_hook_in(&env, skb->len) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int inkling_flow_out(struct __sk_buff *skb)
{
	struct ink_env env = { .kind = INK_ENV_TC, .skb = skb };

	ink_pull(skb);
	ink_hook_out(&env);
	return TC_ACT_UNSPEC;
}

/*
 * The stack has made all headers linear.
 * Linux 6.4 and later let programs of this type call the module.
 */
SEC("cgroup_skb/ingress")
int inkling_flow_cg(struct __sk_buff *skb)
{
	struct ink_env env = { .kind = INK_ENV_CG, .skb = skb };

	return !ink_hook_in(&env, skb->len);
}

SEC("cgroup_skb/egress")
int inkling_flow_cg_out(struct __sk_buff *skb)
{
	struct ink_env env = { .kind = INK_ENV_CG, .skb = skb };

	ink_hook_out(&env);
	return 1;
}
