// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow hook's code in userspace: when a flow is scored, what is remembered
 * of it, its source and its service, and what is done with a verdict.
 *
 * What lives here: tests over frames made here. What doesn't: parsing
 * (test_flow_parse.c) and the same code as BPF, which
 * tests/selftests/flow/exact.c compares with this in a kernel.
 */
#include "flow_bench.h"

#include <errno.h>

#include "inkling.h"
#include "rows.h"
#include "schema.h"

static void test_schema(void **state)
{
	struct ink_schema same = ink_schema_flow;
	struct inkling_feature other[INK_FLOW_FEATURES];

	assert_int_equal(sizeof(struct ink_flow_vector), 4 * INK_FLOW_FEATURES);
	assert_string_equal(ink_flow_schema[INK_FLOW_start].name, "start");
	assert_string_equal(ink_flow_schema[INK_FLOW_port].name, "port");
	assert_string_equal(ink_flow_schema[INK_FLOW_dst_opening_share].name, "dst_opening_share");
	assert_string_equal(ink_flow_schema[INK_FLOW_src_beat_ms].name, "src_beat_ms");
	assert_string_equal(ink_flow_names[INK_START_OTHER].name, "other");
	assert_string_equal(ink_flow_names[INK_START_NR + INK_PORT_DYNAMIC].name, "dynamic");
	assert_null(ink_schema_difference(&ink_schema_flow, &same));
	memcpy(other, ink_flow_schema, sizeof(other));
	same.features = other;
	strcpy(other[INK_FLOW_gap_us].name, "gap_ms");
	assert_non_null(strstr(ink_schema_difference(&ink_schema_flow, &same),
			       ink_fmt("feature %d is \"gap_us\" in the program and \"gap_ms\"",
				       INK_FLOW_gap_us)));
	memcpy(other, ink_flow_schema, sizeof(other));
	other[INK_FLOW_src_half_share].decimals = 2;
	assert_non_null(strstr(ink_schema_difference(&ink_schema_flow, &same),
			       "\"src_half_share\" is a number with 3 decimals"));
	same.features = ink_flow_schema;
	same.n_features--;
	assert_non_null(strstr(ink_schema_difference(&ink_schema_flow, &same),
			       ink_fmt("%d features", INK_FLOW_FEATURES)));
}

static void test_scoring_points(void **state)
{
	struct bench *b = *state;
	unsigned int i, at = 0;

	for (i = 1; i <= 1000; i++) {
		tcp(b, 1000, 80, i == 1 ? SYN : ACK, i > 2);
		b->now += SECOND / 1000;
		if (!(i & (i - 1)))
			at++;
		assert_int_equal(b->asked, at);
	}
	assert_int_equal(b->count->scored, 10);
	assert_int_equal(b->count->flows, 1);
}

/* One packet of a conversation whose numbers both ends keep right. */
struct talk {
	struct bench *b;
	uint32_t from;
	unsigned int port, to;
	uint32_t theirs, ours;
};

static bool talk_in(struct talk *t, unsigned int flags, unsigned int payload)
{
	bool dropped;

	t->b->seq = t->theirs;
	t->b->ack = t->ours;
	dropped = tcp_from(t->b, t->from, t->port, t->to, flags, payload);
	t->theirs += payload + !!(flags & SYN) + !!(flags & FIN);
	return dropped;
}

static void talk_out(struct talk *t, unsigned int flags, const char *payload)
{
	t->b->seq = t->ours;
	t->b->ack = t->theirs;
	reply_to(t->b, t->from, t->port, t->to, flags, payload);
	t->ours += (uint32_t)strlen(payload) + !!(flags & SYN) + !!(flags & FIN);
}

static struct talk talk_begin(struct bench *b, uint32_t from, unsigned int port, unsigned int to)
{
	return (struct talk){
		.b = b, .from = from, .port = port, .to = to,
		.theirs = 1000000 * port, .ours = 0xfffffff0 + port,
	};
}

/* From SYN to the ACK that proves the address. */
static struct talk talk_open(struct bench *b, uint32_t from, unsigned int port, unsigned int to)
{
	struct talk t = talk_begin(b, from, port, to);

	talk_in(&t, SYN, 0);
	talk_out(&t, SYN | ACK, "");
	talk_in(&t, ACK, 0);
	return t;
}

static void test_handshake(void **state)
{
	struct bench *b = *state;
	struct talk t = talk_begin(b, CLIENT, 1000, 80);

	talk_in(&t, SYN, 0);
	assert_int_equal(FEATURE(b, start), INK_START_SYN);
	assert_int_equal(FEATURE(b, port), INK_PORT_SYSTEM);
	assert_int_equal(FEATURE(b, progress), 1);
	assert_int_equal(FEATURE(b, src_half_open), 0);
	assert_int_equal(FEATURE(b, src_flows), 1);
	talk_out(&t, SYN | ACK, "");
	b->now += 5000000;
	talk_in(&t, ACK, 0);
	assert_int_equal(FEATURE(b, progress), 3);
	assert_int_equal(FEATURE(b, packets_out), 1);
	assert_int_equal(FEATURE(b, gap_us), 5000);
	assert_int_equal(FEATURE(b, duration_us), 5000);
	assert_int_equal(FEATURE(b, src_done), 1);
	assert_int_equal(FEATURE(b, src_silent), 1);
	assert_int_equal(FEATURE(b, src_silent_share), 1000);
	assert_int_equal(b->count->proven, 1);
	talk_in(&t, ACK | PSH, 100);
	talk_out(&t, ACK | PSH, "HTTP/1.1 200 OK");
	talk_in(&t, ACK, 0);
	assert_int_equal(FEATURE(b, progress), 5);
	assert_int_equal(FEATURE(b, src_waiting), 0);
	assert_int_equal(FEATURE(b, src_open), 1);
	talk_in(&t, ACK | PSH, 60);
	talk_in(&t, FIN | ACK, 0);
	talk_in(&t, ACK, 0);
	talk_in(&t, ACK, 0);
	assert_int_equal(FEATURE(b, packets), 8);
	assert_int_equal(FEATURE(b, bytes), 160);
	assert_int_equal(FEATURE(b, bytes_out), 15);
	assert_int_equal(FEATURE(b, size_min), 60);
	assert_int_equal(FEATURE(b, size_mean), 80);
	assert_int_equal(FEATURE(b, size_max), 100);
	assert_int_equal(FEATURE(b, size_spread), 40);
	assert_int_equal(FEATURE(b, first_size), 100);
	assert_int_equal(FEATURE(b, first_printable), 1000);
	assert_int_equal(FEATURE(b, first_variety), 1000 / INK_PEEK);
	assert_int_equal(FEATURE(b, turns), 1);
	assert_int_equal(FEATURE(b, repeats), 0);
	assert_int_equal(FEATURE(b, closes), 1);
	assert_int_equal(FEATURE(b, src_silent), 0);
	assert_int_equal(FEATURE(b, src_open), 0);
	/* A new connection from the same port is a new flow. */
	t.theirs += 77;
	talk_in(&t, SYN, 0);
	assert_int_equal(FEATURE(b, packets), 1);
	assert_int_equal(FEATURE(b, src_flows), 2);
}

static void test_no_proof(void **state)
{
	struct bench *b = *state;
	struct talk t = talk_begin(b, CLIENT, 1000, 80);

	b->config.policy.two_way = 1;
	talk_in(&t, SYN, 0);
	talk_out(&t, SYN | ACK, "");
	/* An ACK of a number that was guessed, and a RST that carries the right one. */
	t.ours++;
	talk_in(&t, ACK, 0);
	assert_int_equal(FEATURE(b, progress), 2);
	assert_int_equal(FEATURE(b, src_done), 0);
	t.ours--;
	talk_in(&t, RST | ACK, 0);
	talk_in(&t, ACK | RST, 0);
	assert_int_equal(b->count->proven, 0);
	assert_int_equal(FEATURE(b, src_done), 0);
	/* Our RST repeats the number of a made-up ACK: it must not prove anything. */
	t = talk_begin(b, CLIENT + 1, 1001, 81);
	talk_in(&t, ACK, 0);
	talk_out(&t, RST, "");
	talk_in(&t, ACK, 0);
	assert_int_equal(b->count->proven, 0);
	/* Without packets on the way out an ACK is believed, but still proves no address. */
	b->config.policy.two_way = 0;
	t = talk_begin(b, CLIENT + 2, 1002, 80);
	talk_in(&t, SYN, 0);
	talk_in(&t, ACK, 0);
	assert_int_equal(FEATURE(b, progress), 3);
	assert_int_equal(FEATURE(b, src_done), 1);
	assert_int_equal(b->count->proven, 0);
}

/* What is sent in somebody's name doesn't show in flows that he proved. */
static void test_framed(void **state)
{
	struct bench *b = *state;
	struct talk friendly;
	unsigned int i;

	b->config.policy.two_way = 1;
	friendly = talk_open(b, CLIENT, 999, 80);
	b->seq = 7;
	for (i = 0; i < 500; i++)
		tcp(b, 2000 + i, 1 + i % 90, SYN, 0);
	assert_in_range(FEATURE(b, src_half_open), 490, 500);
	talk_in(&friendly, ACK | PSH, 10);
	talk_in(&friendly, ACK | PSH, 10);
	assert_int_equal(FEATURE(b, progress), 4);
	for (i = INK_FLOW_src_rate; i <= INK_FLOW_dst_sources; i++)
		assert_int_equal(b->last.features.raw[i], 0);
	assert_int_equal(FEATURE(b, src_done), 1);
}

static void test_rejected(void **state)
{
	struct bench *b = *state;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		struct talk t = talk_begin(b, CLIENT, 3000 + i, 100 + i);

		talk_in(&t, SYN, 0);
		talk_out(&t, RST | ACK, "");
		talk_out(&t, RST | ACK, "");
	}
	tcp(b, 4000, 80, SYN, 0);
	assert_int_equal(FEATURE(b, src_rejected), 10);
	assert_int_equal(FEATURE(b, src_rejected_share), 909);
	tcp(b, 1001, 80, FIN | PSH | URG, 0);
	assert_int_equal(FEATURE(b, start), INK_START_ODD);
	assert_int_equal(FEATURE(b, odd), 1);
}

/* Guessing: the same exchange again and again, and a reply that says no. */
static void test_guessing(void **state)
{
	static const char *const no[] = {
		"530 Login incorrect.\r\n", "HTTP/1.1 401 Unauthorized\r\n", "535-5.7.8 no no no",
		"-ERR no such user",
	};
	struct bench *b = *state;
	unsigned int i;

	for (i = 0; i < 12; i++) {
		struct talk t = talk_open(b, CLIENT, 1000 + i, 21);

		talk_in(&t, ACK | PSH, 20 + i % 3);
		talk_out(&t, ACK | PSH, no[i % 4]);
		b->now += SECOND / 2;
		talk_in(&t, FIN | ACK, 0);
		b->now += SECOND / 2;
	}
	tcp(b, 4000, 80, SYN, 0);
	assert_int_equal(FEATURE(b, src_refused), 12);
	assert_int_equal(FEATURE(b, src_refused_share), 1000);
	assert_int_equal(FEATURE(b, src_alike), 11);
	assert_in_range(FEATURE(b, src_beat_ms), 990, 1010);
	assert_in_range(FEATURE(b, src_beat_spread_ms), 0, 10);
}

static void test_not_refusals(void **state)
{
	static const char *const yes[] = {
		"530", "53x Login incorrect.", "HTTP/1.1 404 Not Found", "HTTP/1.1 200 OK 401", "+OK welcome here",
		"220 ftp 530 ready",
	};
	struct bench *b = *state;
	struct talk t = talk_open(b, CLIENT, 1000, 21);
	unsigned int i;

	for (i = 0; i < 6; i++)
		talk_out(&t, ACK | PSH, yes[i]);
	talk_in(&t, ACK | PSH, 5);
	talk_in(&t, ACK | PSH, 5);
	assert_int_equal(FEATURE(b, packets), 4);
	assert_int_equal(FEATURE(b, refusals), 0);
}

static void test_repeats(void **state)
{
	struct bench *b = *state;
	struct talk t = talk_open(b, CLIENT, 1000, 80);

	talk_in(&t, ACK | PSH, 10);
	t.theirs -= 10;
	talk_in(&t, ACK | PSH, 10);
	talk_in(&t, ACK | PSH, 10);
	talk_in(&t, ACK | PSH, 10);
	talk_in(&t, ACK | PSH, 10);
	talk_in(&t, ACK | PSH, 10);
	assert_int_equal(FEATURE(b, packets), 8);
	assert_int_equal(FEATURE(b, repeats), 1);
}

/* What offloading made one of counts as the segments that it was. */
static void test_segments(void **state)
{
	struct bench *b = *state;
	struct frame f;

	tcp(b, 1000, 80, ACK, 0);
	frame_ethernet(&f);
	frame_ip4(&f, CLIENT, SERVER, 6, 20 + 4 * INK_SEGMENT, 0);
	frame_tcp(&f, 1000, 80, ACK, 0);
	ink_flow_table_packet(b->table, f.bytes, f.size, f.size + 4 * INK_SEGMENT, 0, INK_IN, b->now);
	assert_int_equal(FEATURE(b, packets), 5);
	assert_int_equal(FEATURE(b, size_mean), INK_SEGMENT);
	assert_int_equal(b->asked, 2);
}

/* Flows that we began are nobody's attack. */
static void test_ours(void **state)
{
	struct bench *b = *state;
	struct frame f;

	b->seq = 5;
	reply_to(b, CLIENT, 443, 50000, SYN, "");
	tcp(b, 443, 50000, SYN | ACK, 0);
	tcp(b, 443, 50000, ACK, 100);
	assert_int_equal(b->asked, 0);
	assert_int_equal(b->count->flows, 0);
	assert_int_equal(b->count->flows_out, 1);
	frame_ethernet(&f);
	frame_ip4(&f, SERVER, CLIENT, 17, 12, 0);
	frame_udp(&f, 50000, 53, 4);
	push_way(b, &f, INK_OUT);
	assert_int_equal(b->count->flows_out, 2);
	/* A reply of ours to who isn't remembered doesn't make him a friend. */
	frame_ethernet(&f);
	frame_ip4(&f, SERVER, CLIENT, 17, 12, 0);
	frame_udp(&f, 53, 4444, 4);
	push_way(b, &f, INK_OUT);
	reply_to(b, CLIENT, 4445, 80, ACK, "x");
	assert_int_equal(b->count->flows_out, 2);
}

static void test_age_scores(void **state)
{
	struct bench *b = *state;
	struct talk t = talk_open(b, CLIENT, 1000, 80);
	unsigned int asked, i, late = 0;

	for (i = 0; i < 3; i++)
		talk_in(&t, ACK | PSH, 1);
	asked = b->asked;
	/* A packet a second: scored at 5, 25, 70 and 115 s, beside packets 8, 16, 32 and 64. */
	for (i = 0; i < 120; i++) {
		unsigned int before = b->asked, packet = 6 + i;

		b->now += SECOND;
		talk_in(&t, ACK | PSH, 1);
		late += b->asked - before && (packet & (packet - 1));
	}
	assert_in_range(late, 3, 4);
	assert_true(b->asked > asked);
}

static void test_half_open(void **state)
{
	struct bench *b = *state;
	int i;

	for (i = 0; i < 200; i++) {
		tcp(b, 1000 + (unsigned int)i, 80, SYN, 0);
		b->now += SECOND / 1000;
	}
	assert_int_equal(FEATURE(b, src_half_open), 199);
	assert_int_equal(FEATURE(b, src_half_share), 1000);
	assert_int_equal(FEATURE(b, src_rate), 200);
	assert_int_equal(FEATURE(b, dst_opening), 199);
	assert_int_equal(FEATURE(b, src_ports), 1);
	assert_int_equal(FEATURE(b, dst_sources), 1);
	/* A friend of the same service isn't half-open, but its service is. */
	tcp_from(b, CLIENT + 1, 1000, 80, SYN, 0);
	assert_int_equal(FEATURE(b, src_half_open), 0);
	assert_int_equal(FEATURE(b, src_rate), 1);
	assert_int_equal(FEATURE(b, dst_rate), 201);
	assert_int_equal(FEATURE(b, dst_sources), 2);
	/* A service's counts decay sooner than a source's. */
	b->now += 9 * SECOND;
	tcp_from(b, CLIENT + 2, 1000, 80, SYN, 0);
	assert_in_range(FEATURE(b, dst_opening), 99, 101);
	assert_int_equal(FEATURE(b, dst_rate), 1);
	/* The counts decay, the rate is gone. */
	b->now += 70 * SECOND;
	tcp(b, 5000, 80, SYN, 0);
	assert_int_equal(FEATURE(b, src_half_open), 100);
	assert_int_equal(FEATURE(b, src_rate), 1);
	b->now += 3600 * SECOND;
	tcp(b, 5001, 80, SYN, 0);
	assert_int_equal(FEATURE(b, src_half_open), 0);
	assert_int_equal(FEATURE(b, src_flows), 1);
}

static void test_rate(void **state)
{
	struct bench *b = *state;
	unsigned int i;

	/* 100 a second for 5 s: 107 within 1.07 s, whatever the phase. */
	for (i = 0; i < 500; i++) {
		tcp(b, i, 80, SYN, 0);
		b->now += SECOND / 100;
		if (i > 200)
			assert_in_range(FEATURE(b, src_rate), 104, 110);
	}
}

static void test_ports(void **state)
{
	static const struct { unsigned int n, lo, hi; } want[] = {
		{ 1, 1, 1 }, { 10, 9, 11 }, { 50, 45, 55 }, { 100, 85, 115 }, { 400, 300, 710 },
	};
	struct bench *b = *state;
	unsigned int i, at = 0;

	for (i = 1; i <= 400; i++) {
		tcp(b, 1000, i * 7, SYN, 0);
		if (i == want[at].n) {
			assert_in_range(FEATURE(b, src_ports), want[at].lo, want[at].hi);
			at++;
		}
	}
	/* Within two half-lives all of them are forgotten. */
	b->now += 140 * SECOND;
	tcp(b, 1001, 1, SYN, 0);
	assert_int_equal(FEATURE(b, src_ports), 1);
}

static void test_monitor_and_enforce(void **state)
{
	struct bench *b = *state;

	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_MONITOR);
	assert_false(tcp(b, 1000, 80, SYN, 0));
	assert_int_equal(b->count->would_drop, 1);
	assert_int_equal(b->last.flags, INK_EVENT_FLAGGED);
	verdict_is(b, INKLING_ACTION_ALERT, INKLING_MODE_ENFORCE);
	assert_false(tcp(b, 1001, 80, SYN, 0));
	assert_int_equal(b->last.flags, INK_EVENT_FLAGGED);
	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	assert_true(tcp(b, 1002, 80, SYN, 0));
	assert_int_equal(b->last.flags, INK_EVENT_FLAGGED | INK_EVENT_DROPPED);
	/* From the cache, without asking. */
	tcp(b, 1002, 80, ACK, 0);
	assert_true(tcp(b, 1002, 80, ACK, 0));
	assert_int_equal(b->asked, 3);
	assert_int_equal(b->count->dropped, 3);
	assert_int_equal(b->count->flagged, 5);
	assert_int_equal(b->count->verdicts[1], 3);
	assert_int_equal(b->count->would_drops[1], 1);
	assert_int_equal(b->count->drops[1], 3);
}

/* A SYN that is sent again with the same number is let through, one a second of a source. */
static void test_grace(void **state)
{
	struct bench *b = *state;
	struct talk t = talk_begin(b, CLIENT, 1000, 80), other = talk_begin(b, CLIENT, 1001, 80);

	b->config.policy.two_way = 1;
	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	assert_true(talk_in(&t, SYN, 0));
	t.theirs--;
	b->now += SECOND / 2;
	assert_true(talk_in(&t, SYN, 0));	/* too soon for any stack */
	assert_true(talk_in(&other, SYN, 0));
	t.theirs--;
	b->now += SECOND / 2;
	assert_false(talk_in(&t, SYN, 0));
	other.theirs--;
	b->now += SECOND / 4;
	assert_true(talk_in(&other, SYN, 0));	/* another one of this source just had it */
	other.theirs += 5;
	b->now += 2 * SECOND;
	assert_true(talk_in(&other, SYN, 0));	/* another number: not the same SYN */
	assert_int_equal(b->count->grace, 1);
	/* Once proven, the flow is judged anew. */
	verdict_is(b, INKLING_ACTION_PASS, INKLING_MODE_ENFORCE);
	talk_out(&t, SYN | ACK, "");
	assert_false(talk_in(&t, ACK, 0));
	assert_int_equal(b->count->proven, 1);
	assert_false(talk_in(&t, ACK | PSH, 9));
}

/* A source is dropped as a whole only when a flow with its proven address was bad. */
static void test_block(void **state)
{
	struct bench *b = *state;
	struct talk t, open;

	b->config.policy = (struct ink_flow_policy){ .two_way = 1, .block_ns = 10 * SECOND };
	open = talk_open(b, CLIENT, 999, 80);
	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	assert_true(tcp(b, 2000, 80, SYN, 0));
	assert_int_equal(b->count->blocked, 0);
	verdict_is(b, INKLING_ACTION_PASS, INKLING_MODE_ENFORCE);
	t = talk_open(b, CLIENT, 1000, 80);
	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_MONITOR);
	talk_in(&t, ACK | PSH, 5);
	assert_false(talk_in(&t, ACK | PSH, 5));
	assert_int_equal(b->count->blocked, 0);
	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	b->now += SECOND / 2;
	assert_true(talk_in(&t, ACK | PSH, 5));
	assert_int_equal(b->count->blocked, 1);
	assert_int_equal(b->last.flags & INK_EVENT_BLOCKED, INK_EVENT_BLOCKED);
	/* All else of it goes too, whatever the slot would say; others don't. */
	verdict_is(b, INKLING_ACTION_PASS, INKLING_MODE_ENFORCE);
	talk_in(&open, ACK | PSH, 1);
	assert_true(talk_in(&open, ACK | PSH, 1));
	assert_true(tcp(b, 5000, 443, SYN, 0));
	assert_false(tcp_from(b, CLIENT + 1, 5000, 443, SYN, 0));
	/* The allow-list is asked first. */
	assert_true(ink_prefix_parse("10.0.0.0/24", &b->allow));
	b->config.n_allow = 1;
	ink_flow_table_allow_changed(b->table);
	assert_false(tcp(b, 5001, 443, SYN, 0));
	b->config.n_allow = 0;
	ink_flow_table_allow_changed(b->table);
	/* It ends with its time, and with enforcing. */
	b->now += SECOND / 2;
	assert_false(tcp(b, 5002, 443, SYN, 0));
	assert_true(tcp(b, 5003, 443, SYN, 0));
	b->now += 11 * SECOND;
	tcp_from(b, CLIENT + 1, 5001, 443, SYN, 0);
	assert_false(tcp(b, 5004, 443, SYN, 0));
}

static void test_fail_closed(void **state)
{
	struct bench *b = *state;

	b->config.policy.fail_closed = 1;
	b->fails = -EBUSY;
	assert_true(tcp(b, 1000, 80, SYN, 0));
	assert_int_equal(b->count->errors, 1);
	assert_int_equal(b->last.flags & INK_EVENT_DROPPED, INK_EVENT_DROPPED);
	b->fails = 0;
	b->now += SECOND / 2;
	assert_false(tcp(b, 1000, 80, SYN, 0));
}

/* Dropped SYNs can't complete, so they don't count as half-open. */
static void test_no_lock_in(void **state)
{
	struct bench *b = *state;
	unsigned int i;

	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	for (i = 0; i < 100; i++)
		assert_true(tcp(b, 1000 + i, 80, SYN, 0));
	assert_int_equal(FEATURE(b, src_half_open), 0);
	assert_int_equal(FEATURE(b, src_rate), 100);
	/* A repeated SYN that is let through at last counts, once. */
	verdict_is(b, INKLING_ACTION_PASS, INKLING_MODE_ENFORCE);
	b->now += SECOND / 2;
	assert_false(tcp(b, 1000, 80, SYN, 0));
	tcp(b, 1000, 80, SYN, 0);
	tcp(b, 2000, 80, SYN, 0);
	assert_int_equal(FEATURE(b, src_half_open), 1);
}

static void test_recheck(void **state)
{
	struct bench *b = *state;
	unsigned int i;

	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	for (i = 0; i < 5; i++)
		assert_true(tcp(b, 1000, 80, ACK, 1));
	/* The slot is set to monitor: the next packet still is dropped, soon none is. */
	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_MONITOR);
	assert_true(tcp(b, 1000, 80, ACK, 1));
	b->now += SECOND / 2;
	assert_false(tcp(b, 1000, 80, ACK, 1));
	assert_int_equal(b->count->would_drop, 1);
	/* Its deletion, likewise. */
	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	b->now += SECOND / 2;
	assert_true(tcp(b, 1000, 80, ACK, 1));
	b->fails = -ENODEV;
	b->now += SECOND / 2;
	assert_false(tcp(b, 1000, 80, ACK, 1));
	assert_int_equal(b->count->errors, 1);
	assert_int_equal(b->last.error, -ENODEV);
}

static void test_fail_open(void **state)
{
	struct bench *b = *state;

	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	b->fails = -EBUSY;
	assert_false(tcp(b, 1000, 80, SYN, 0));
	assert_int_equal(b->count->errors, 1);
	assert_int_equal(b->count->verdicts[1], 0);
	assert_int_equal(b->count->flagged, 0);
}

static void test_allow(void **state)
{
	struct bench *b = *state;

	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	assert_true(tcp(b, 1000, 80, SYN, 0));
	assert_true(ink_prefix_parse("10.0.0.0/24", &b->allow));
	b->config.n_allow = 1;
	ink_flow_table_allow_changed(b->table);
	/* At once, also for a flow that is being dropped. */
	assert_false(tcp(b, 1000, 80, ACK, 0));
	assert_false(tcp(b, 1000, 80, ACK, 0));
	assert_int_equal(b->asked, 1);
	assert_int_equal(b->count->allowed, 1);
	/* Taken off, it is judged again at its next packet. */
	b->config.n_allow = 0;
	ink_flow_table_allow_changed(b->table);
	assert_true(tcp(b, 1000, 80, ACK, 0));
	assert_int_equal(b->asked, 2);
}

static void test_idle(void **state)
{
	struct bench *b = *state;

	tcp(b, 1000, 80, SYN, 0);
	tcp(b, 1000, 80, ACK, 0);
	b->now += 1000 * SECOND;
	tcp(b, 1000, 80, ACK, 1);
	assert_int_equal(b->count->flows, 1);
	b->now += 5000 * SECOND;
	tcp(b, 1000, 80, ACK, 1);
	assert_int_equal(b->count->flows, 2);
	assert_int_equal(FEATURE(b, start), INK_START_MID);
	/* Backwards: neither a negative duration nor a new flow. */
	b->now -= 4000 * SECOND;
	tcp(b, 1000, 80, ACK, 1);
	assert_int_equal(b->count->flows, 2);
	assert_int_equal(FEATURE(b, duration_us), 0);
}

static void test_eviction(void **state)
{
	struct bench *b = *state;
	struct ink_flow_config small = b->config;
	unsigned int i;

	small.flows = 4;
	small.pending = 4;
	small.sources = 2;
	small.strangers = 2;
	small.services = 2;
	ink_flow_table_free(b->table);
	b->table = ink_flow_table_new(&small);
	b->count = ink_flow_table_counters(b->table);
	for (i = 0; i < 1000; i++) {
		tcp_from(b, CLIENT + i % 7, 1000 + i, 80 + i % 5, SYN, 0);
		tcp_from(b, CLIENT + i % 7, 1000 + i, 80 + i % 5, ACK, 0);
	}
	assert_int_equal(b->count->flows, 1000);
	assert_int_equal(FEATURE(b, packets), 2);
	tcp_from(b, CLIENT, 1000, 80, ACK, 0);
	assert_int_equal(b->count->flows, 1001);
	ink_flow_table_free(b->table);
	b->table = ink_flow_table_new(&b->config);
}

/* A million packets with made-up addresses push out neither proven flows nor sources. */
static void test_flood_evicts_nobody(void **state)
{
	struct bench *b = *state;
	struct talk friends[200];
	uint64_t flows;
	unsigned int i;

	b->config.policy.two_way = 1;
	for (i = 0; i < 200; i++) {
		friends[i] = talk_open(b, CLIENT + i, 1000, 80);
		talk_in(&friends[i], ACK | PSH, 10);
	}
	for (i = 0; i < 1000000; i++)
		tcp_from(b, 0x20000000 + i * 2654435761u / 16, i & 0xffff, 80, SYN, 0);
	flows = b->count->flows;
	for (i = 0; i < 200; i++)
		talk_in(&friends[i], ACK | PSH, 10);
	assert_int_equal(b->count->flows, flows);
	assert_int_equal(FEATURE(b, packets), 4);
	assert_int_equal(FEATURE(b, src_done), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema),
		TEST(scoring_points), TEST(handshake), TEST(no_proof), TEST(framed), TEST(rejected),
		TEST(guessing), TEST(not_refusals), TEST(repeats), TEST(segments), TEST(ours),
		TEST(age_scores), TEST(half_open), TEST(rate), TEST(ports),
		TEST(monitor_and_enforce), TEST(grace), TEST(block), TEST(no_lock_in),
		TEST(recheck), TEST(fail_open), TEST(fail_closed), TEST(allow), TEST(idle),
		TEST(eviction), TEST(flood_evicts_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
