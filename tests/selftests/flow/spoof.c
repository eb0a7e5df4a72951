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
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "pins.h"
#include "rand.h"
#include "tcp_packet.h"

#define FRIENDS	0x0a010000u	/* from 10.1.0.0 on, port 20000 */
#define PORT	20000
#define STEP	20000		/* ns from packet to packet: 50,000 a second */

static struct tcp_packet packet = { TCP_PACKET_HEADERS, .payload = "GET / HT" };
static int prog_in, prog_out, control_map;
static struct ink_control control = { .clock = 1000000000 };

/* Return: what the program said. */
static unsigned int send_packet(bool out, uint32_t remote, uint16_t port, unsigned int flags,
				uint32_t seq, uint32_t ack, uint32_t payload)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &packet, .repeat = 1);
	uint32_t zero = 0;

	opts.data_size_in = tcp_packet_set(&packet, out, remote, port, flags, seq, ack, payload);
	control.clock += STEP;
	if (bpf_map_update_elem(control_map, &zero, &control, BPF_ANY) ||
	    bpf_prog_test_run_opts(out ? prog_out : prog_in, &opts))
		ink_die(INK_EXIT_FAILED, ink_fmt("test run: %s", strerror(errno)), NULL);
	return opts.retval;
}

/* A handshake, which proves the address. */
static void befriend(uint32_t addr)
{
	send_packet(false, addr, PORT, TCP_PACKET_SYN, 1, 0, 0);
	send_packet(true, addr, PORT, TCP_PACKET_SYN | TCP_PACKET_ACK, 1000, 2, 0);
	send_packet(false, addr, PORT, TCP_PACKET_ACK, 2, 1001, 0);
}

/* What a friend sends next. Return: 1 if it was dropped. */
static unsigned int friend_sends(uint32_t i, uint32_t seq)
{
	return send_packet(false, FRIENDS + i, PORT, TCP_PACKET_ACK, seq, 1001, 8) != XDP_PASS;
}

/* Friends whose flow is in the table of proven ones. */
static uint32_t established(const char *target, uint32_t friends)
{
	struct ink_flow_key key = {
		.remote = { [10] = 0xff, [11] = 0xff }, .remote_port = PORT,
		.local = { .addr = { [10] = 0xff, [11] = 0xff }, .port = 80, .proto = IPPROTO_TCP },
	};
	int fd = bpf_obj_get(ink_pin_path(target, "flows"));
	uint32_t i, addr, n = 0, server = htonl(TCP_PACKET_SERVER);
	struct ink_flow flow;

	memcpy(key.local.addr + 12, &server, 4);
	for (i = 0; i < friends; i++) {
		addr = htonl(FRIENDS + i);
		memcpy(key.remote + 12, &addr, 4);
		n += !bpf_map_lookup_elem(fd, &key, &flow);
	}
	return n;
}

/* The addresses of a flood: any but the friends' network and ours, a tenth of them a friend's. */
static uint32_t made_up(struct ink_rand *r, uint32_t friends)
{
	uint32_t addr = (uint32_t)ink_rand_next(r);

	if (!ink_rand_below(r, 10))
		return FRIENDS + ink_rand_below(r, friends);
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
	struct ink_flow_counters count;
	struct ink_rand r;

	ink_cli.command = "spoof";
	if (argc != 4)
		ink_die(INK_EXIT_USAGE, "spoof TARGET FRIENDS SYNS", NULL);
	friends = (uint32_t)strtoul(argv[2], NULL, 10);
	syns = (uint32_t)strtoul(argv[3], NULL, 10);
	ink_rand_seed(&r, 42);
	open_hook(argv[1]);
	for (i = 0; i < friends; i++)
		befriend(FRIENDS + i);
	before = established(argv[1], friends);
	for (i = 0; i < syns; i++) {
		send_packet(false, made_up(&r, friends), (uint16_t)(1024 + ink_rand_below(&r, 60000)),
			    TCP_PACKET_SYN, (uint32_t)ink_rand_next(&r), 0, 0);
		if (i % (syns / friends) == syns / friends / 2 && next < friends)
			refused += friend_sends(next++, 2);
	}
	after = established(argv[1], friends);
	for (i = 0; i < friends; i++)
		refused += friend_sends(i, 10);
	if (ink_counters_read(argv[1], &count))
		ink_die(INK_EXIT_FAILED, "can't read the counters", NULL);
	printf("# %u friends, %llu of them proven, %u established before and %u after %u SYNs\n",
	       friends, (unsigned long long)count.proven, before, after, syns);
	printf("# %llu packets dropped, %u of friends\n", (unsigned long long)count.dropped, refused);
	return before == friends && after == friends && !refused ? 0 : 1;
}
