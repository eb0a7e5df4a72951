// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow hook's parser in userspace, and reading of captures.
 *
 * What lives here: tests over frames made here, and over the captures in the
 * folder that DATA names. What doesn't: what becomes of a packet (test_flow.c).
 */
#include "flow_bench.h"

#include <dirent.h>
#include <stdio.h>

#include "capture.h"

static void test_prefix(void **state)
{
	static const char *const bad[] = {
		"", "10.0.0.1/33", "10.0.0.1/8", "::1/129", "fd00::1/64", "host", "10.0.0",
		"10.0.0.0/", "::ffff:10.0.0.0/104", "10.0.0.0/8x",
	};
	struct ink_prefix p, q;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ink_prefix_parse(bad[i], &p));
	assert_true(ink_prefix_parse("10.0.0.0/8", &p));
	assert_int_equal(p.bits, 104);
	assert_true(ink_prefix_parse("10.255.255.255", &q));
	assert_true(ink_prefix_match(&p, q.addr));
	assert_true(ink_prefix_parse("11.0.0.0", &q));
	assert_false(ink_prefix_match(&p, q.addr));
	assert_true(ink_prefix_parse("::/0", &p));
	assert_false(ink_prefix_match(&p, q.addr));
	assert_true(ink_prefix_parse("2001:db8::/33", &p));
	assert_true(ink_prefix_parse("2001:db8:7fff::1", &q));
	assert_true(ink_prefix_match(&p, q.addr));
	assert_true(ink_prefix_parse("2001:db8:8000::1", &q));
	assert_false(ink_prefix_match(&p, q.addr));
}

static void test_parse_vlan(void **state)
{
	struct bench *b = *state;
	struct frame f;
	int tags;

	for (tags = 0; tags <= 3; tags++) {
		frame_ethernet(&f);
		if (tags > 1)
			frame_vlan(&f, 0x88a8, 0x6000 | 7);
		if (tags > 2)
			frame_vlan(&f, 0x8100, 8);
		if (tags > 0)
			frame_vlan(&f, 0x8100, 9);
		frame_ip4(&f, CLIENT, SERVER, 17, 12, 0);
		frame_udp(&f, 1000, 53, 4);
		push(b, &f);
		assert_int_equal(b->count->flows, tags < 3 ? tags + 1 : 3);
	}
	assert_int_equal(b->count->other, 1);
	assert_int_equal(b->last.key.vlan[0], 7);
	assert_int_equal(b->last.key.vlan[1], 9);
	assert_int_equal(FEATURE(b, start), INK_START_UDP);
	assert_int_equal(FEATURE(b, bytes), 4);
}

static void ip6_headers(struct frame *f, const uint8_t *chain, unsigned int n, unsigned int offset)
{
	unsigned int i;

	frame_ethernet(f);
	frame_ip6(f, 1, 2, n ? chain[0] : 6, 20 + n * 8);
	for (i = 0; i < n; i++) {
		frame_u8(f, i + 1 < n ? chain[i + 1] : 6);
		frame_u8(f, 0);
		frame_u16(f, chain[i] == 44 ? offset : 0);
		frame_u32(f, 0);
	}
	frame_tcp(f, 1000, 80, SYN, 0);
}

static void test_parse_ip6(void **state)
{
	static const uint8_t chain[] = { 0, 43, 60, 44, 60, 60, 60 };
	struct bench *b = *state;
	struct frame f;

	ip6_headers(&f, chain, 0, 0);
	push(b, &f);
	assert_int_equal(FEATURE(b, start), INK_START_SYN);
	assert_int_equal(b->last.key.local.port, 80);
	/* The same flow, whatever lies in between. */
	ip6_headers(&f, chain, 4, 1);
	push(b, &f);
	assert_int_equal(FEATURE(b, packets), 2);
	ip6_headers(&f, chain, INK_IP6_HEADERS - 1, 1);
	push(b, &f);
	assert_int_equal(b->count->malformed, 0);
	ip6_headers(&f, chain, 7, 1);
	push(b, &f);
	assert_int_equal(b->count->malformed, 1);
	/* A later fragment has no ports. */
	ip6_headers(&f, chain, 4, 8);
	push(b, &f);
	assert_int_equal(b->last.key.local.port, 0);
	assert_int_equal(FEATURE(b, start), INK_START_FRAGMENT);
	assert_int_equal(b->count->flows, 2);
}

static void test_parse_icmp(void **state)
{
	struct bench *b = *state;
	struct frame f;

	frame_ethernet(&f);
	frame_ip4(&f, CLIENT, SERVER, 1, 8, 0);
	frame_icmp(&f, 8, 0, 77);
	push(b, &f);
	assert_int_equal(FEATURE(b, start), INK_START_ECHO);
	assert_int_equal(b->last.key.remote_port, 77);
	assert_int_equal(b->last.key.local.port, 8 << 8);
	assert_int_equal(FEATURE(b, src_ports), 0);
	frame_ethernet(&f);
	frame_ip4(&f, CLIENT, SERVER, 1, 8, 0);
	frame_icmp(&f, 3, 3, 77);
	push(b, &f);
	assert_int_equal(FEATURE(b, start), INK_START_ICMP_ERROR);
	/* Neighbour discovery is never judged. */
	frame_ethernet(&f);
	frame_ip6(&f, 1, 2, 58, 8);
	frame_icmp(&f, 135, 0, 0);
	push(b, &f);
	assert_int_equal(b->count->other, 1);
	assert_int_equal(b->count->flows, 2);
}

static void test_parse_fragments(void **state)
{
	struct bench *b = *state;
	struct frame f;

	frame_ethernet(&f);
	frame_ip4(&f, CLIENT, SERVER, 17, 16, 0x2000);
	frame_udp(&f, 1000, 53, 8);
	push(b, &f);
	assert_int_equal(b->last.key.local.port, 53);
	frame_ethernet(&f);
	frame_ip4(&f, CLIENT, SERVER, 17, 16, 0x0002);
	frame_udp(&f, 1000, 53, 8);
	push(b, &f);
	assert_int_equal(b->last.key.local.port, 0);
	assert_int_equal(FEATURE(b, start), INK_START_FRAGMENT);
	assert_int_equal(FEATURE(b, bytes), 16);
}

/* Each field that can lie, alone. */
static void test_parse_malformed(void **state)
{
	static const struct { size_t at; uint8_t value; } lies[] = {
		{ 14, 0x44 }, { 14, 0x65 }, { 17, 19 }, { 17, 200 }, { 46, 0x40 }, { 46, 0xf0 },
	};
	struct bench *b = *state;
	struct frame f;
	size_t i, size;

	frame_ethernet(&f);
	frame_ip4(&f, CLIENT, SERVER, 6, 20, 0);
	frame_tcp(&f, 1000, 80, SYN, 0);
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct frame bad = f;

		bad.bytes[lies[i].at] = lies[i].value;
		push(b, &bad);
		assert_int_equal(b->count->malformed, i + 1);
	}
	/* Every length that is too short. */
	for (size = 0; size < f.size; size++) {
		struct frame cut = f;

		cut.size = size;
		push(b, &cut);
	}
	assert_int_equal(b->count->malformed, i + f.size);
	assert_int_equal(b->count->flows, 0);
	push(b, &f);
	assert_int_equal(b->count->flows, 1);
}

/* The parser and the table survive anything; ASan and UBSan are the judges. */
static void test_parse_random(void **state)
{
	struct bench *b = *state;
	uint64_t seed = 42;
	struct frame f;
	int i;

	verdict_is(b, INKLING_ACTION_DROP, INKLING_MODE_ENFORCE);
	for (i = 0; i < 200000; i++) {
		frame_make(&f, &seed);
		b->now += frame_random(&seed) % (SECOND / 10);
		push(b, &f);
	}
	assert_int_equal(b->count->packets, 200000);
	assert_true(b->count->malformed > 1000 && b->count->flows > 100);
	assert_true(b->count->dropped > 100000);
}

/* Captures whose contents are known from their descriptions and from tcpdump. */
static void test_captures(void **state)
{
	static const struct {
		const char *file;
		uint64_t packets, flows, other, malformed;
	} known[] = {
		{ "pcap-zeek/http_get.pcap", 14, 2, 0, 0 },
		{ "pcap-zeek/http-qinq-0.pcap", 14, 2, 0, 0 },
		{ "pcap-zeek/q-in-q.pcap", 5, 2, 1, 0 },
		{ "pcap-zeek/arp-who-has.pcap", 2, 0, 2, 0 },
		{ "pcap-zeek/ip-bogus-header-len.pcap", 1, 0, 0, 1 },
		{ "pcap-zeek/icmp_5-pings.pcap", 10, 2, 0, 0 },
		{ "pcap-attack/tcp-session-syn-flood-drop-precedence.pcap", 200, 200, 0, 0 },
	};
	struct bench *b = *state;
	const char *data = getenv("DATA");
	struct ink_capture_options options = { 0 };
	struct ink_capture_stats stats;
	struct ink_flow_table *table;
	size_t i;

	if (!data)
		skip();
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct ink_flow_counters *count;

		table = ink_flow_table_new(&b->config);
		count = ink_flow_table_counters(table);
		print_message("%s\n", known[i].file);
		assert_int_equal(ink_capture_run(ink_fmt("%s/%s", data, known[i].file), &options,
						 table, &stats), INK_EXIT_OK);
		assert_int_equal(stats.packets, known[i].packets);
		assert_int_equal(count->flows, known[i].flows);
		assert_int_equal(count->other, known[i].other);
		assert_int_equal(count->malformed, known[i].malformed);
		ink_flow_table_free(table);
	}
}

static void run_folder(struct bench *b, const char *folder, unsigned int *read)
{
	DIR *dir = opendir(folder);
	struct ink_capture_options options = { 0 };
	struct ink_capture_stats stats;
	struct dirent *e;
	char path[8192];

	while (dir && (e = readdir(dir))) {
		struct ink_flow_table *table;

		if (!strstr(e->d_name, ".pcap") || strstr(e->d_name, ".xz"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		table = ink_flow_table_new(&b->config);
		if (ink_capture_run(path, &options, table, &stats) == INK_EXIT_OK)
			(*read)++;
		ink_flow_table_free(table);
	}
	if (dir)
		closedir(dir);
}

/* All others: nothing bad happens. */
static void test_captures_all(void **state)
{
	const char *data = getenv("DATA");
	static const char *const folders[] = {
		"pcap-zeek", "pcap-attack", "pcap-ndpi/pcap", "pcap-misc",
	};
	unsigned int read = 0, i;
	char path[4096];

	if (!data)
		skip();
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", data, folders[i]);
		run_folder(*state, path, &read);
	}
	assert_true(read > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix),
		TEST(parse_vlan), TEST(parse_ip6), TEST(parse_icmp), TEST(parse_fragments),
		TEST(parse_malformed), TEST(parse_random), TEST(captures), TEST(captures_all),
	};

	ink_cli.command = "test";
	ink_cli.quiet = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
