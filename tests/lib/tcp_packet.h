/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A TCP packet in an Ethernet frame, between any remote end and 10.0.0.2:80,
 * for programs that are run by BPF_PROG_TEST_RUN.
 */
#ifndef INK_TEST_TCP_PACKET_H
#define INK_TEST_TCP_PACKET_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stdint.h>

#define TCP_PACKET_SERVER	0x0a000002u	/* 10.0.0.2 */

struct tcp_packet {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	char payload[16];
} __attribute__((packed));

/* What stays the same; begins an initializer. */
#define TCP_PACKET_HEADERS						\
	.eth.h_proto = 0x0008,						\
	.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP },	\
	.tcp = { .doff = 5 }

enum {
	TCP_PACKET_SYN = 1,
	TCP_PACKET_ACK = 2,
};

/* From the server if it goes @out, else to it. Return: its size with so many bytes of its payload. */
static inline uint32_t tcp_packet_set(struct tcp_packet *p, bool out, uint32_t remote, uint16_t port,
				      unsigned int flags, uint32_t seq, uint32_t ack, uint32_t payload)
{
	uint32_t size = (uint32_t)(sizeof(*p) - sizeof(p->payload)) + payload;

	p->ip.tot_len = htons((uint16_t)(size - sizeof(p->eth)));
	p->ip.saddr = htonl(out ? TCP_PACKET_SERVER : remote);
	p->ip.daddr = htonl(out ? remote : TCP_PACKET_SERVER);
	p->tcp.source = htons(out ? 80 : port);
	p->tcp.dest = htons(out ? port : 80);
	p->tcp.seq = htonl(seq);
	p->tcp.ack_seq = htonl(ack);
	p->tcp.syn = !!(flags & TCP_PACKET_SYN);
	p->tcp.ack = !!(flags & TCP_PACKET_ACK);
	return size;
}

#endif /* INK_TEST_TCP_PACKET_H */
