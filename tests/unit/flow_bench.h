/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flow table under test: its slot says what the test wants.
 *
 * What lives here: what test_flow.c and test_flow_parse.c share. What doesn't:
 * frames (flow_frames.h).
 */
#ifndef INK_TEST_FLOW_BENCH_H
#define INK_TEST_FLOW_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cli.h"
#include "flow_frames.h"
#include "flow_table.h"

#define SECOND		1000000000ull
#define CLIENT		0x0a000001
#define SERVER		0x0a010001

/* A table whose slot says what the test wants; the last event is kept. */
struct bench {
	struct ink_flow_config config;
	struct ink_flow_table *table;
	const struct ink_flow_counters *count;
	struct inkling_verdict says;
	int fails;
	unsigned int asked;
	struct ink_flow_event last;
	struct ink_prefix allow;
	uint64_t now;
	uint32_t seq, ack;		/* of the next TCP frame */
};

static inline int bench_verdict(void *arg, const struct ink_flow_vector *features,
			 struct inkling_verdict *verdict)
{
	struct bench *b = arg;

	b->asked++;
	*verdict = b->says;
	return b->fails;
}

static inline void bench_event(void *arg, const struct ink_flow_event *event)
{
	((struct bench *)arg)->last = *event;
}

static inline int setup(void **state)
{
	struct bench *b = ink_xalloc(1, sizeof(*b));

	b->config = (struct ink_flow_config){
		.verdict = bench_verdict, .event = bench_event, .arg = b, .allow = &b->allow,
	};
	b->table = ink_flow_table_new(&b->config);
	b->count = ink_flow_table_counters(b->table);
	b->now = 1000 * SECOND;
	*state = b;
	return 0;
}

static inline int teardown(void **state)
{
	struct bench *b = *state;

	ink_flow_table_free(b->table);
	free(b);
	return 0;
}

/* An exact copy, so that ASan sees the first byte behind the frame. */
static inline bool push_way(struct bench *b, const struct frame *f, enum ink_direction way)
{
	uint8_t *copy = malloc(f->size ? f->size : 1);
	bool dropped;

	memcpy(copy, f->bytes, f->size);
	dropped = ink_flow_table_packet(b->table, copy, f->size, f->size, 0, way, b->now);
	free(copy);
	return dropped;
}

static inline bool push(struct bench *b, const struct frame *f)
{
	return push_way(b, f, INK_IN);
}

static inline bool tcp_from(struct bench *b, uint32_t from, unsigned int port, unsigned int to,
		     unsigned int flags, unsigned int payload)
{
	struct frame f;

	frame_ethernet(&f);
	frame_ip4(&f, from, SERVER, 6, 20 + payload, 0);
	frame_tcp_numbered(&f, port, to, flags, payload, b->seq, b->ack);
	return push(b, &f);
}

/* What the server sends; b->seq and b->ack are its own numbers. */
static inline void reply_to(struct bench *b, uint32_t to, unsigned int port, unsigned int from,
			    unsigned int flags, const char *payload)
{
	struct frame f;
	unsigned int n = (unsigned int)strlen(payload);

	frame_ethernet(&f);
	frame_ip4(&f, SERVER, to, 6, 20 + n, 0);
	frame_tcp_numbered(&f, from, port, flags, 0, b->seq, b->ack);
	frame_put(&f, payload, n);
	push_way(b, &f, INK_OUT);
}

static inline bool tcp(struct bench *b, unsigned int port, unsigned int to, unsigned int flags,
		unsigned int payload)
{
	return tcp_from(b, CLIENT, port, to, flags, payload);
}

static inline int32_t feature(const struct bench *b, enum ink_flow_feature i)
{
	return b->last.features.raw[i];
}

#define FEATURE(b, name)	feature(b, INK_FLOW_##name)

static inline void verdict_is(struct bench *b, unsigned int action, unsigned int mode)
{
	b->says = (struct inkling_verdict){
		.class = action != INKLING_ACTION_PASS, .score = 30000,
		.action = (uint8_t)action, .mode = (uint8_t)mode, .generation = 1,
	};
}

#define TEST(name)	cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

#endif /* INK_TEST_FLOW_BENCH_H */
