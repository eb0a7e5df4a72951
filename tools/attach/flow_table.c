// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow table in userspace; see flow_table.h.
 *
 * What lives here: tables that forget the least recently used entry, and the
 * environment that bpf/flow/flow.h wants. The hook's tables are LRU too but
 * only nearly so: once a table is full, which entries are forgotten differs.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "../../bpf/flow/flow.h"
#include "flow_table.h"

#define NONE	UINT32_MAX

/*
 * Entries lie in one array, chained by bucket and by age. Keys and values have
 * multiples of 4 and 8 bytes.
 */
struct ink_lru {
	size_t key_size, value_size, entry_size, max;
	uint32_t used, mask, newest, oldest, removed;
	uint32_t *buckets;
	uint8_t *entries;
};

/* What an entry begins with; its value follows, then its key. */
struct ink_lru_link {
	uint32_t next, newer, older, bucket;
};

static struct ink_lru_link *link_of(const struct ink_lru *l, uint32_t i)
{
	return (struct ink_lru_link *)(l->entries + i * l->entry_size);
}

static void *value_of(const struct ink_lru *l, uint32_t i)
{
	return l->entries + i * l->entry_size + sizeof(struct ink_lru_link);
}

static void *key_of(const struct ink_lru *l, uint32_t i)
{
	return (uint8_t *)value_of(l, i) + l->value_size;
}

static void ink_lru_init(struct ink_lru *l, size_t max, size_t key_size, size_t value_size)
{
	uint32_t buckets = 1;

	while (buckets < max)
		buckets *= 2;
	l->key_size = key_size;
	l->value_size = value_size;
	l->entry_size = (sizeof(struct ink_lru_link) + value_size + key_size + 7) & ~7ul;
	l->max = max;
	l->mask = buckets - 1;
	l->newest = NONE;
	l->oldest = NONE;
	l->removed = NONE;
	l->buckets = ink_xalloc(buckets, sizeof(*l->buckets));
	memset(l->buckets, 0xff, buckets * sizeof(*l->buckets));
	l->entries = ink_xalloc(max, l->entry_size);
}

static void ink_lru_free(struct ink_lru *l)
{
	free(l->buckets);
	free(l->entries);
}

/* FNV-1a over words with a final mix. */
static uint32_t ink_lru_hash(const struct ink_lru *l, const void *key)
{
	uint64_t h = 0xcbf29ce484222325ull;
	uint32_t word;
	size_t i;

	for (i = 0; i < l->key_size; i += sizeof(word)) {
		memcpy(&word, (const uint8_t *)key + i, sizeof(word));
		h = (h ^ word) * 0x100000001b3ull;
	}
	return (uint32_t)(h >> 32 ^ h) & l->mask;
}

static void ink_lru_unlink(struct ink_lru *l, uint32_t i)
{
	struct ink_lru_link *e = link_of(l, i);

	if (e->newer == NONE)
		l->newest = e->older;
	else
		link_of(l, e->newer)->older = e->older;
	if (e->older == NONE)
		l->oldest = e->newer;
	else
		link_of(l, e->older)->newer = e->newer;
}

static void ink_lru_touch(struct ink_lru *l, uint32_t i)
{
	struct ink_lru_link *e = link_of(l, i);

	e->newer = NONE;
	e->older = l->newest;
	if (l->newest != NONE)
		link_of(l, l->newest)->newer = i;
	l->newest = i;
	if (l->oldest == NONE)
		l->oldest = i;
}

/* Take an entry out of its bucket and out of the order of age. */
static void ink_lru_take(struct ink_lru *l, uint32_t i)
{
	uint32_t *at = &l->buckets[link_of(l, i)->bucket];

	while (*at != i)
		at = &link_of(l, *at)->next;
	*at = link_of(l, i)->next;
	ink_lru_unlink(l, i);
}

static uint32_t ink_lru_room(struct ink_lru *l)
{
	uint32_t i = l->removed;

	if (i != NONE) {
		l->removed = link_of(l, i)->next;
	} else if (l->used < l->max) {
		i = l->used++;
	} else {
		i = l->oldest;
		ink_lru_take(l, i);
	}
	return i;
}

static uint32_t ink_lru_index(const struct ink_lru *l, const void *key)
{
	uint32_t i = l->buckets[ink_lru_hash(l, key)];

	while (i != NONE && memcmp(key_of(l, i), key, l->key_size))
		i = link_of(l, i)->next;
	return i;
}

/* Return: the value, which is the newest now, or NULL. */
static void *ink_lru_find(struct ink_lru *l, const void *key)
{
	uint32_t i = ink_lru_index(l, key);

	if (i == NONE)
		return NULL;
	ink_lru_unlink(l, i);
	ink_lru_touch(l, i);
	return value_of(l, i);
}

/* Make a zeroed entry for a key that isn't there. */
static void *ink_lru_make(struct ink_lru *l, const void *key)
{
	uint32_t i = ink_lru_room(l), bucket = ink_lru_hash(l, key);

	memset(value_of(l, i), 0, l->value_size);
	memcpy(key_of(l, i), key, l->key_size);
	link_of(l, i)->bucket = bucket;
	link_of(l, i)->next = l->buckets[bucket];
	l->buckets[bucket] = i;
	ink_lru_touch(l, i);
	return value_of(l, i);
}

static void ink_lru_remove(struct ink_lru *l, const void *key)
{
	uint32_t i = ink_lru_index(l, key);

	if (i == NONE)
		return;
	ink_lru_take(l, i);
	link_of(l, i)->next = l->removed;
	l->removed = i;
}

struct ink_env {
	const struct ink_flow_config *config;
	struct ink_lru flows, pending, sources, strangers, services;
	struct ink_flow_counters count;
	struct ink_flow_vector vector;
	const uint8_t *frame;		/* the packet at hand */
	size_t captured;
	uint64_t mode_ns;
	uint32_t allow_generation;
	uint8_t mode;
};

struct ink_flow_table {
	struct ink_env env;
};

INK_INLINE int ink_env_bytes(struct ink_env *env, __u32 at, __u8 *to, __u32 n)
{
	if (at > env->captured || n > env->captured - at)
		return -1;
	memcpy(to, env->frame + at, n);
	return 0;
}

INK_INLINE struct ink_flow *ink_env_flow(struct ink_env *env, const struct ink_flow_key *key)
{
	struct ink_flow *f = ink_lru_find(&env->flows, key);

	return f ?: ink_lru_find(&env->pending, key);
}

INK_INLINE struct ink_flow *ink_env_flow_make(struct ink_env *env, const struct ink_flow_key *key,
					      int ours)
{
	return ink_lru_make(ours ? &env->flows : &env->pending, key);
}

INK_INLINE struct ink_flow *ink_env_flow_prove(struct ink_env *env,
					       const struct ink_flow_key *key,
					       const struct ink_flow *f)
{
	struct ink_flow *proven;

	if (ink_lru_find(&env->flows, key))
		return NULL;
	proven = ink_lru_make(&env->flows, key);
	*proven = *f;
	ink_lru_remove(&env->pending, key);
	return proven;
}

INK_INLINE struct ink_source *ink_env_source(struct ink_env *env, const __u8 addr[16],
					     __u64 now)
{
	struct ink_source *src = ink_lru_find(&env->sources, addr);

	if (!src)
		src = ink_lru_find(&env->strangers, addr);
	if (src)
		return src;
	src = ink_lru_make(&env->strangers, addr);
	src->window.first_ns = now;
	return src;
}

INK_INLINE void ink_env_source_prove(struct ink_env *env, const __u8 addr[16], __u64 now)
{
	struct ink_source *stranger, *src;

	if (ink_lru_find(&env->sources, addr))
		return;
	stranger = ink_lru_find(&env->strangers, addr);
	src = ink_lru_make(&env->sources, addr);
	if (stranger) {
		*src = *stranger;
		ink_lru_remove(&env->strangers, addr);
	} else {
		src->window.first_ns = now;
	}
}

INK_INLINE struct ink_service *ink_env_service(struct ink_env *env,
					       const struct ink_service_key *key, __u64 now)
{
	struct ink_service *svc = ink_lru_find(&env->services, key);

	if (svc)
		return svc;
	svc = ink_lru_make(&env->services, key);
	svc->window.first_ns = now;
	return svc;
}

INK_INLINE int ink_env_allowed(struct ink_env *env, const struct ink_flow_key *key)
{
	return ink_prefixes_match(env->config->allow, env->config->n_allow, key->remote);
}

INK_INLINE __u32 ink_env_allow_generation(struct ink_env *env)
{
	return env->allow_generation;
}

INK_INLINE const volatile struct ink_flow_policy *ink_env_policy(struct ink_env *env)
{
	return &env->config->policy;
}

INK_INLINE void ink_env_mode_set(struct ink_env *env, __u8 mode, __u64 now)
{
	env->mode = mode;
	env->mode_ns = now;
}

INK_INLINE int ink_env_enforces(struct ink_env *env, __u64 now)
{
	return env->mode == INKLING_MODE_ENFORCE && ink_since(now, env->mode_ns) < INK_RECHECK_NS;
}

INK_INLINE void ink_env_score(struct ink_env *env, const struct ink_view *view, struct ink_flow *f,
			      struct ink_source *src, struct ink_service *svc)
{
	ink_flow_score(env, view, f, src, svc);
}

INK_INLINE struct ink_flow_vector *ink_env_vector(struct ink_env *env)
{
	return &env->vector;
}

INK_INLINE int ink_env_verdict(struct ink_env *env, const struct ink_flow_vector *features,
			       struct inkling_verdict *verdict)
{
	return env->config->verdict ? env->config->verdict(env->config->arg, features, verdict) : 0;
}

INK_INLINE void ink_env_error(struct ink_env *env, int err)
{
}

INK_INLINE void ink_env_event(struct ink_env *env, const struct ink_flow_key *key, __u64 now,
			      __u32 packets, __u32 flags, int err,
			      const struct inkling_verdict *verdict,
			      const struct ink_flow_vector *features,
			      struct ink_flow_counters *count)
{
	struct ink_flow_event event = {
		.time_ns = now, .key = *key, .packets = packets, .flags = flags,
		.error = err, .verdict = *verdict, .features = *features,
	};

	if (env->config->event)
		env->config->event(env->config->arg, &event);
}

struct ink_flow_table *ink_flow_table_new(const struct ink_flow_config *config)
{
	struct ink_flow_table *t = ink_xalloc(1, sizeof(*t));

	t->env.config = config;
	ink_lru_init(&t->env.flows, config->flows ?: INK_FLOWS_MAX,
		     sizeof(struct ink_flow_key), sizeof(struct ink_flow));
	ink_lru_init(&t->env.pending, config->pending ?: INK_PENDING_MAX,
		     sizeof(struct ink_flow_key), sizeof(struct ink_flow));
	ink_lru_init(&t->env.sources, config->sources ?: INK_SOURCES_MAX,
		     16, sizeof(struct ink_source));
	ink_lru_init(&t->env.strangers, config->strangers ?: INK_STRANGERS_MAX,
		     16, sizeof(struct ink_source));
	ink_lru_init(&t->env.services, config->services ?: INK_SERVICES_MAX,
		     sizeof(struct ink_service_key), sizeof(struct ink_service));
	return t;
}

void ink_flow_table_free(struct ink_flow_table *t)
{
	if (!t)
		return;
	ink_lru_free(&t->env.flows);
	ink_lru_free(&t->env.pending);
	ink_lru_free(&t->env.sources);
	ink_lru_free(&t->env.strangers);
	ink_lru_free(&t->env.services);
	free(t);
}

static int ink_parse(const uint8_t *data, size_t captured, size_t wire, uint16_t ethertype,
		     enum ink_direction way, struct ink_packet *pkt)
{
	memset(pkt, 0, sizeof(*pkt));
	pkt->length = (uint32_t)wire;
	if (ethertype)
		return ink_packet_parse_ip(data, data + captured, (uint32_t)wire, ethertype, way,
					   pkt);
	return ink_packet_parse(data, data + captured, (uint32_t)wire, way, pkt);
}

bool ink_flow_table_packet(struct ink_flow_table *t, const uint8_t *data, size_t captured,
			   size_t wire, uint16_t ethertype, enum ink_direction way, uint64_t now)
{
	struct ink_flow_counters *count = &t->env.count;
	struct ink_packet pkt;
	struct ink_view view = { .pkt = &pkt, .now = now, .count = count };
	int parse = ink_parse(data, captured, wire, ethertype, way, &pkt);

	t->env.frame = data;
	t->env.captured = captured;

	if (way == INK_OUT) {
		count->packets_out++;
		count->bytes_out += wire;
		if (parse == INK_PARSE_OK)
			ink_flow_out(&t->env, &view);
		return false;
	}
	count->packets++;
	count->bytes += wire;
	if (parse == INK_PARSE_OK)
		return ink_flow_in(&t->env, &view);
	if (parse == INK_PARSE_OTHER) {
		count->other++;
	} else {
		count->malformed++;
		count->reasons[parse - INK_PARSE_BAD]++;
	}
	return false;
}

void ink_flow_table_allow_changed(struct ink_flow_table *t)
{
	t->env.allow_generation++;
}

const struct ink_flow_counters *ink_flow_table_counters(const struct ink_flow_table *t)
{
	return &t->env.count;
}

bool ink_flow_table_source(const uint8_t *data, size_t captured, size_t wire, uint16_t ethertype,
			   uint8_t addr[16])
{
	struct ink_packet pkt;

	if (ink_parse(data, captured, wire, ethertype, INK_IN, &pkt) != INK_PARSE_OK)
		return false;
	memcpy(addr, pkt.key.remote, 16);
	return true;
}
