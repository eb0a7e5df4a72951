// SPDX-License-Identifier: GPL-2.0-only
/*
 * Friends whose connections are established, and then a flood from made-up
 * addresses that is larger than every table: the friends have to be there still.
 *
 *	spoof TARGET FRIENDS SYNS
 *
 * Packets go through the attached programs by BPF_PROG_TEST_RUN, with a clock
 * that is fed: attach with --via link --test-clock. Each friend sends once more
 * during the flood, as whoever is connected does, and once after it.
 *
 * What lives here: the packets and what is asked of the maps. What doesn't:
 * attaching (tests/long/spoofed).
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "pins.h"

#define SERVER	0x0a000001u	/* 10.0.0.1, port 80 */
#define FRIENDS	0x0a010000u	/* from 10.1.0.0 on, port 20000 */
#define PORT	20000
#define STEP	20000		/* ns from packet to packet: 50,000 a second */

struct packet {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	char payload[8];
} __attribute__((packed));

static struct packet packet = {
	.eth.h_proto = 0x0008,
	.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP },
	.tcp = { .doff = 5 },
	.payload = "GET / HT",
};

static int prog_in, prog_out, control_map;
static struct ink_control control = { .clock = 1000000000 };

static unsigned int send_packet(int prog, size_t payload)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &packet, .repeat = 1,
		    .data_size_in = (uint32_t)(sizeof(packet) - sizeof(packet.payload) + payload));
	uint32_t zero = 0;
	int err;

	packet.ip.tot_len = htons((uint16_t)(opts.data_size_in - sizeof(packet.eth)));
	control.clock += STEP;
	err = bpf_map_update_elem(control_map, &zero, &control, BPF_ANY) ?:
	      bpf_prog_test_run_opts(prog, &opts);
	if (err)
		ink_die(INK_EXIT_FAILED, ink_fmt("test run: %s", strerror(errno)), NULL);
	return opts.retval;
}

static unsigned int from_remote(uint32_t addr, uint16_t port, bool syn, uint32_t seq, uint32_t ack,
				size_t payload)
{
	packet.ip.saddr = htonl(addr);
	packet.ip.daddr = htonl(SERVER);
	packet.tcp.source = htons(port);
	packet.tcp.dest = htons(80);
	packet.tcp.seq = htonl(seq);
	packet.tcp.ack_seq = htonl(ack);
	packet.tcp.syn = syn;
	packet.tcp.ack = !syn;
	return send_packet(prog_in, payload);
}

static void accept_remote(uint32_t addr, uint16_t port)
{
	packet.ip.saddr = htonl(SERVER);
	packet.ip.daddr = htonl(addr);
	packet.tcp.source = htons(80);
	packet.tcp.dest = htons(port);
	packet.tcp.seq = htonl(1000);
	packet.tcp.ack_seq = htonl(2);
	packet.tcp.syn = 1;
	packet.tcp.ack = 1;
	send_packet(prog_out, 0);
}

static void befriend(uint32_t addr)
{
	from_remote(addr, PORT, true, 1, 0, 0);
	accept_remote(addr, PORT);
	from_remote(addr, PORT, false, 2, 1001, 0);
}

static uint64_t counted(const char *target, uint64_t *dropped)
{
	struct ink_flow_counters count;

	if (ink_counters_read(target, &count))
		ink_die(INK_EXIT_FAILED, "can't read the counters", NULL);
	if (dropped)
		*dropped = count.dropped;
	return count.proven;
}

/* Friends whose flow is in the table of proven ones. */
static uint32_t established(const char *target, uint32_t friends)
{
	struct ink_flow_key key = {
		.remote = { [10] = 0xff, [11] = 0xff }, .remote_port = PORT,
		.local = { .addr = { [10] = 0xff, [11] = 0xff }, .port = 80, .proto = IPPROTO_TCP },
	};
	int fd = bpf_obj_get(ink_pin_path(target, "flows"));
	uint32_t i, addr, n = 0, server = htonl(SERVER);
	struct ink_flow flow;

	memcpy(key.local.addr + 12, &server, 4);
	for (i = 0; i < friends; i++) {
		addr = htonl(FRIENDS + i);
		memcpy(key.remote + 12, &addr, 4);
		n += !bpf_map_lookup_elem(fd, &key, &flow);
	}
	return n;
}

static uint32_t next_random(void)
{
	static uint64_t state = 42;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 32);
}

/* The addresses of a flood: any but the friends' network and ours, a tenth of them a friend's. */
static uint32_t made_up(uint32_t friends)
{
	uint32_t addr = next_random();

	if (addr % 10 == 0)
		return FRIENDS + addr / 10 % friends;
	return addr >> 24 == 10 ? addr ^ 0x40000000 : addr;
}

static void open_hook(const char *target)
{
	struct ink_attachment record;

	if (ink_attachment_read(target, &record) || record.via != INK_VIA_LINK)
		ink_die(INK_EXIT_FAILED, "needs an attachment made with --via link --test-clock", NULL);
	prog_in = bpf_prog_get_fd_by_id(record.prog_id);
	prog_out = bpf_prog_get_fd_by_id(record.tc_out.prog_id);
	control_map = bpf_obj_get(ink_pin_path(target, "control"));
	if (prog_in < 0 || prog_out < 0 || control_map < 0)
		ink_die(INK_EXIT_FAILED, "can't open programs or maps", NULL);
}

int main(int argc, char **argv)
{
	uint32_t friends, syns, i, next = 0, before, after, refused = 0;
	uint64_t dropped;

	ink_cli.command = "spoof";
	if (argc != 4)
		ink_die(INK_EXIT_USAGE, "spoof TARGET FRIENDS SYNS", NULL);
	friends = (uint32_t)strtoul(argv[2], NULL, 10);
	syns = (uint32_t)strtoul(argv[3], NULL, 10);
	open_hook(argv[1]);
	for (i = 0; i < friends; i++)
		befriend(FRIENDS + i);
	before = established(argv[1], friends);
	for (i = 0; i < syns; i++) {
		from_remote(made_up(friends), (uint16_t)(1024 + next_random() % 60000), true,
			    next_random(), 0, 0);
		if (i % (syns / friends) == syns / friends / 2 && next < friends)
			refused += from_remote(FRIENDS + next++, PORT, false, 2, 1001, 8) != XDP_PASS;
	}
	after = established(argv[1], friends);
	for (i = 0; i < friends; i++)
		refused += from_remote(FRIENDS + i, PORT, false, 10, 1001, 8) != XDP_PASS;
	printf("# %u friends, %llu of them proven, %u established before and %u after %u SYNs\n",
	       friends, (unsigned long long)counted(argv[1], &dropped), before, after, syns);
	printf("# %llu packets dropped, %u of friends\n", (unsigned long long)dropped, refused);
	return before == friends && after == friends && !refused ? 0 : 1;
}
