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
	assert_string_equal(ink_flow_schema[INK_FLOW_dst_half_share].name, "dst_half_share");
	assert_string_equal(ink_flow_schema[INK_FLOW_src_ports].name, "src_ports");
	assert_string_equal(ink_flow_names[INK_START_OTHER].name, "other");
	assert_null(ink_schema_difference(&ink_schema_flow, &same));
	memcpy(other, ink_flow_schema, sizeof(other));
	same.features = other;
	strcpy(other[3].name, "gap_ms");
	assert_non_null(strstr(ink_schema_difference(&ink_schema_flow, &same),
			       "feature 3 is \"gap_us\" in the program and \"gap_ms\""));
	memcpy(other, ink_flow_schema, sizeof(other));
	other[16].decimals = 2;
	assert_non_null(strstr(ink_schema_difference(&ink_schema_flow, &same),
			       "\"src_half_share\" is a number with 3 decimals"));
	same.features = ink_flow_schema;
	same.n_features--;
	assert_non_null(strstr(ink_schema_difference(&ink_schema_flow, &same), "24 features"));
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

static void test_handshake(void **state)
{
	struct bench *b = *state;

	tcp(b, 1000, 80, SYN, 0);
	assert_int_equal(FEATURE(b, start), INK_START_SYN);
	assert_int_equal(FEATURE(b, established), 0);
	assert_int_equal(FEATURE(b, src_half_open), 0);
	assert_int_equal(FEATURE(b, src_flows), 1);
	b->now += 5000000;
	tcp(b, 1000, 80, ACK, 0);
	assert_int_equal(FEATURE(b, established), 1);
	assert_int_equal(FEATURE(b, gap_us), 5000);
	assert_int_equal(FEATURE(b, duration_us), 5000);
	assert_int_equal(FEATURE(b, src_half_open), 0);
	assert_int_equal(FEATURE(b, src_silent), 1);
	assert_int_equal(FEATURE(b, src_silent_share), 1000);
	tcp(b, 1000, 80, ACK | PSH, 100);
	tcp(b, 1000, 80, FIN | ACK, 0);
	assert_int_equal(FEATURE(b, packets), 4);
	assert_int_equal(FEATURE(b, payload_bytes), 100);
	assert_int_equal(FEATURE(b, payload_packets), 1);
	assert_int_equal(FEATURE(b, closes), 1);
	assert_int_equal(FEATURE(b, src_silent), 0);
	assert_int_equal(FEATURE(b, src_spoke), 1);
	/* A new connection from the same port is a new flow. */
	tcp(b, 1000, 80, SYN, 0);
	assert_int_equal(FEATURE(b, packets), 1);
	assert_int_equal(FEATURE(b, src_flows), 2);
}

static void test_reset(void **state)
{
	struct bench *b = *state;

	/* What nmap -sS does with an open port: the stack resets what it didn't ask for. */
	tcp(b, 1000, 80, SYN, 0);
	tcp(b, 1000, 80, RST, 0);
	assert_int_equal(FEATURE(b, src_resets), 1);
	assert_int_equal(FEATURE(b, established), 0);
	assert_int_equal(FEATURE(b, src_half_open), 1);
	tcp(b, 1001, 80, FIN | PSH | URG, 0);
	assert_int_equal(FEATURE(b, start), INK_START_ODD);
	assert_int_equal(FEATURE(b, odd), 1);
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
	assert_int_equal(FEATURE(b, dst_half_open), 199);
	assert_int_equal(FEATURE(b, src_ports), 1);
	/* A friend of the same service isn't half-open, but its service is. */
	tcp_from(b, CLIENT + 1, 1000, 80, SYN, 0);
	assert_int_equal(FEATURE(b, src_half_open), 0);
	assert_int_equal(FEATURE(b, src_rate), 1);
	assert_int_equal(FEATURE(b, dst_rate), 201);
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
	assert_int_equal(b->asked, 4);
	assert_true(tcp(b, 1002, 80, ACK, 0));
	assert_int_equal(b->asked, 4);
	assert_int_equal(b->count->dropped, 3);
	assert_int_equal(b->count->flagged, 5);
	assert_int_equal(b->count->verdicts[1], 4);
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
	/* Packet 2 would be scored, and isn't. */
	assert_false(tcp(b, 1000, 80, ACK, 0));
	assert_int_equal(b->asked, 1);
	/* Packet 3 only has the cached verdict. */
	b->config.n_allow = 0;
	tcp(b, 1001, 80, SYN, 0);
	assert_true(tcp(b, 1001, 80, ACK, 0));
	b->config.n_allow = 1;
	assert_false(tcp(b, 1001, 80, ACK, 1));
	assert_false(tcp(b, 1001, 80, ACK, 1));
	assert_int_equal(b->asked, 3);
	assert_int_equal(b->count->allowed, 3);
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
	small.sources = 2;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema),
		TEST(scoring_points), TEST(handshake), TEST(reset), TEST(half_open), TEST(rate),
		TEST(ports), TEST(monitor_and_enforce), TEST(no_lock_in), TEST(recheck),
		TEST(fail_open), TEST(allow), TEST(idle), TEST(eviction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
