/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the bytes of a packet to what the flow table wants to know of it.
 *
 * What lives here: bounded parsing of Ethernet, VLAN tags, IPv4, IPv6 with its
 * extension headers, TCP, UDP and ICMP, written so that the BPF verifier can
 * follow it and userspace can run it on a capture. What doesn't: anything
 * that remembers (flow.h), and what lies inside tunnels.
 */
#ifndef INK_FLOW_PACKET_H
#define INK_FLOW_PACKET_H

#include <linux/types.h>

#ifdef __bpf__
#define INK_INLINE static __attribute__((always_inline)) inline
/* BPF programs run on little-endian machines only, as the images do. */
#define ink_load16(p)	__builtin_bswap16(*(const __u16 *)(p))
#define ink_copy16(to, p) do {						\
	((__u32 *)(to))[0] = ((const __u32 *)(p))[0];			\
	((__u32 *)(to))[1] = ((const __u32 *)(p))[1];			\
	((__u32 *)(to))[2] = ((const __u32 *)(p))[2];			\
	((__u32 *)(to))[3] = ((const __u32 *)(p))[3];			\
} while (0)
#define ink_copy4(to, p)	(*(__u32 *)(to) = *(const __u32 *)(p))
#else
#include <string.h>
#define INK_INLINE static inline
#define ink_load16(p)	((__u16)(((const __u8 *)(p))[0] << 8 | ((const __u8 *)(p))[1]))
#define ink_copy16(to, p)	memcpy(to, p, 16)
#define ink_copy4(to, p)	memcpy(to, p, 4)
#endif

#define INK_VLAN_TAGS	2	/* an outer and an inner one */
#define INK_IP6_HEADERS	6	/* headers behind IPv6's, the transport's included */

/**
 * struct ink_service_key - a port of an address, the key of the service table
 * @addr: network order; IPv4 as ::ffff:a.b.c.d
 * @port: host order; ICMP: type << 8 | code; 0 where there is none
 * @proto: IPPROTO_*
 * @zero: zero
 */
struct ink_service_key {
	__u8 addr[16];
	__u16 port;
	__u8 proto;
	__u8 zero;
} __attribute__((aligned(4)));

/**
 * struct ink_flow_key - a flow, as seen from this machine
 * @remote: address of the other end; also the key of the source table
 * @local: address, port and protocol at this end
 * @vlan: VLAN ids, outer first; 0 where there is none
 * @remote_port: host order; ICMP echo: the identifier
 * @zero: zero
 *
 * Both directions of a conversation map to one key: what comes in has its
 * source as the remote end, what goes out its destination.
 */
struct ink_flow_key {
	__u8 remote[16];
	struct ink_service_key local;
	__u16 vlan[INK_VLAN_TAGS];
	__u16 remote_port;
	__u16 zero;
} __attribute__((aligned(4)));

/* What the packet is; of a flow's first packet it is the feature "start". */
#define INK_START_LIST(X)						\
	X(SYN, "syn")		/* TCP asking for a connection */	\
	X(REPLY, "reply")	/* TCP SYN+ACK: we asked */		\
	X(MID, "mid")		/* TCP with ACK: began before we looked */ \
	X(CLOSING, "closing")	/* TCP with RST or FIN+ACK */		\
	X(ODD, "odd")		/* TCP flags that no stack sends */	\
	X(UDP, "udp")							\
	X(ECHO, "echo")		/* ICMP echo request */			\
	X(ICMP_ERROR, "icmp-error")					\
	X(ICMP, "icmp")		/* any other */				\
	X(FRAGMENT, "fragment")	/* not the first one, so without ports */ \
	X(OTHER, "other")

#define INK_START_ENUM(id, name)	INK_START_##id,
enum ink_start {
	INK_START_LIST(INK_START_ENUM)
	INK_START_NR,
};

#define INK_TCP_FIN	0x01
#define INK_TCP_SYN	0x02
#define INK_TCP_RST	0x04
#define INK_TCP_PSH	0x08
#define INK_TCP_ACK	0x10
#define INK_TCP_URG	0x20

/**
 * struct ink_packet - what the flow table wants to know of a packet
 * @key: its flow
 * @length: of the frame in bytes
 * @payload: bytes behind the transport header
 * @start: enum ink_start
 * @tcp_flags: INK_TCP_*, 0 for other protocols
 * @family: 4 or 6
 * @zero: zero
 */
struct ink_packet {
	struct ink_flow_key key;
	__u32 length;
	__u32 payload;
	__u8 start;
	__u8 tcp_flags;
	__u8 family;
	__u8 zero;
};

enum ink_parse {
	INK_PARSE_OK,
	INK_PARSE_OTHER,	/* not for us: not IP, or neighbour discovery */
	INK_PARSE_BAD,		/* truncated or contradicts itself */
};

#define INK_ETH_IP4	0x0800
#define INK_ETH_IP6	0x86dd
#define INK_ETH_VLAN	0x8100
#define INK_ETH_QINQ	0x88a8

#define INK_PROTO_HOPOPTS	0
#define INK_PROTO_ICMP		1
#define INK_PROTO_TCP		6
#define INK_PROTO_UDP		17
#define INK_PROTO_ROUTING	43
#define INK_PROTO_FRAGMENT	44
#define INK_PROTO_AH		51
#define INK_PROTO_ICMP6		58
#define INK_PROTO_DSTOPTS	60

/* Sort a TCP packet by its flags. */
INK_INLINE __u8 ink_tcp_start(__u8 flags)
{
	switch (flags & (INK_TCP_SYN | INK_TCP_ACK | INK_TCP_FIN | INK_TCP_RST)) {
	case INK_TCP_SYN:
		return INK_START_SYN;
	case INK_TCP_SYN | INK_TCP_ACK:
		return INK_START_REPLY;
	case INK_TCP_ACK:
		return INK_START_MID;
	case INK_TCP_RST:
	case INK_TCP_RST | INK_TCP_ACK:
	case INK_TCP_FIN | INK_TCP_ACK:
		return INK_START_CLOSING;
	}
	return INK_START_ODD;
}

INK_INLINE int ink_parse_tcp(const __u8 *p, const __u8 *end, __u32 left, struct ink_packet *pkt)
{
	__u32 header;

	if (p + 20 > end)
		return INK_PARSE_BAD;
	header = (p[12] >> 4) * 4u;
	if (header < 20 || header > left)
		return INK_PARSE_BAD;
	pkt->key.remote_port = ink_load16(p);
	pkt->key.local.port = ink_load16(p + 2);
	pkt->tcp_flags = p[13] & 0x3f;
	pkt->start = ink_tcp_start(pkt->tcp_flags);
	pkt->payload = left - header;
	return INK_PARSE_OK;
}

INK_INLINE int ink_parse_udp(const __u8 *p, const __u8 *end, __u32 left, struct ink_packet *pkt)
{
	if (p + 8 > end || left < 8)
		return INK_PARSE_BAD;
	pkt->key.remote_port = ink_load16(p);
	pkt->key.local.port = ink_load16(p + 2);
	pkt->start = INK_START_UDP;
	pkt->payload = left - 8;
	return INK_PARSE_OK;
}

INK_INLINE int ink_parse_icmp(const __u8 *p, const __u8 *end, __u32 left, struct ink_packet *pkt)
{
	__u8 type;

	if (p + 8 > end || left < 8)
		return INK_PARSE_BAD;
	type = p[0];
	pkt->start = INK_START_ICMP;
	if (pkt->family == 4) {
		if (type == 8)
			pkt->start = INK_START_ECHO;
		else if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12)
			pkt->start = INK_START_ICMP_ERROR;
		if (type == 8 || type == 0)
			pkt->key.remote_port = ink_load16(p + 4);
	} else {
		/* Without multicast listeners and neighbour discovery there is no IPv6. */
		if ((type >= 130 && type <= 137) || type == 143)
			return INK_PARSE_OTHER;
		if (type == 128)
			pkt->start = INK_START_ECHO;
		else if (type >= 1 && type <= 4)
			pkt->start = INK_START_ICMP_ERROR;
		if (type == 128 || type == 129)
			pkt->key.remote_port = ink_load16(p + 4);
	}
	pkt->key.local.port = (__u16)(type << 8 | p[1]);
	pkt->payload = left - 8;
	return INK_PARSE_OK;
}

/* @left is what the IP header says remains, @fragment that this isn't the first. */
INK_INLINE int ink_parse_transport(const __u8 *p, const __u8 *end, __u32 left, __u8 proto,
				   __u32 fragment, struct ink_packet *pkt)
{
	pkt->key.local.proto = proto;
	if (fragment) {
		pkt->start = INK_START_FRAGMENT;
		pkt->payload = left;
		return INK_PARSE_OK;
	}
	if (proto == INK_PROTO_TCP)
		return ink_parse_tcp(p, end, left, pkt);
	if (proto == INK_PROTO_UDP)
		return ink_parse_udp(p, end, left, pkt);
	if (proto == (pkt->family == 4 ? INK_PROTO_ICMP : INK_PROTO_ICMP6))
		return ink_parse_icmp(p, end, left, pkt);
	pkt->start = INK_START_OTHER;
	pkt->payload = left;
	return INK_PARSE_OK;
}

INK_INLINE int ink_parse_ip4(const __u8 *p, const __u8 *end, __u32 wire, struct ink_packet *pkt)
{
	__u32 header, total, fragment;

	if (p + 20 > end)
		return INK_PARSE_BAD;
	header = (p[0] & 15) * 4u;
	total = ink_load16(p + 2);
	/* The stack drops these too, and a length is not believed above what came. */
	if (p[0] >> 4 != 4 || header < 20 || total < header || total > wire)
		return INK_PARSE_BAD;
	fragment = ink_load16(p + 6) & 0x1fff;
	pkt->family = 4;
	pkt->key.remote[10] = 0xff;
	pkt->key.remote[11] = 0xff;
	ink_copy4(pkt->key.remote + 12, p + 12);
	pkt->key.local.addr[10] = 0xff;
	pkt->key.local.addr[11] = 0xff;
	ink_copy4(pkt->key.local.addr + 12, p + 16);
	return ink_parse_transport(p + header, end, total - header, p[9], fragment, pkt);
}

INK_INLINE int ink_parse_ip6(const __u8 *p, const __u8 *end, __u32 wire, struct ink_packet *pkt)
{
	__u32 left, fragment = 0, length;
	__u8 next;
	int i;

	if (p + 40 > end)
		return INK_PARSE_BAD;
	left = ink_load16(p + 4);
	/* A length of 0 is a jumbogram or broken; neither is worth a parser here. */
	if (p[0] >> 4 != 6 || !left || left + 40 > wire)
		return INK_PARSE_BAD;
	next = p[6];
	pkt->family = 6;
	ink_copy16(pkt->key.remote, p + 8);
	ink_copy16(pkt->key.local.addr, p + 24);
	p += 40;
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
	for (i = 0; i < INK_IP6_HEADERS; i++) {
		if (next != INK_PROTO_HOPOPTS && next != INK_PROTO_ROUTING &&
		    next != INK_PROTO_DSTOPTS && next != INK_PROTO_FRAGMENT && next != INK_PROTO_AH)
			return ink_parse_transport(p, end, left, next, fragment, pkt);
		/* What follows in a later fragment isn't a header. */
		if (fragment)
			return ink_parse_transport(p, end, left, next, fragment, pkt);
		if (p + 8 > end)
			return INK_PARSE_BAD;
		length = (p[1] + 1u) * 8;
		if (next == INK_PROTO_FRAGMENT) {
			length = 8;
			fragment = ink_load16(p + 2) & 0xfff8;
		} else if (next == INK_PROTO_AH) {
			length = (p[1] + 2u) * 4;
		}
		if (length > left)
			return INK_PARSE_BAD;
		next = p[0];
		left -= length;
		p += length;
	}
	return INK_PARSE_BAD;
}

/**
 * ink_packet_parse_ip() - parse from the network header on
 * @p: the network header
 * @end: end of what can be read
 * @wire: bytes from the network header to the end of the frame, readable or not
 * @ethertype: host order
 * @pkt: key.vlan and length are the caller's, the rest is zero before and set here
 *
 * Return: enum ink_parse; @pkt is of use only for INK_PARSE_OK.
 */
INK_INLINE int ink_packet_parse_ip(const __u8 *p, const __u8 *end, __u32 wire, __u16 ethertype,
				   struct ink_packet *pkt)
{
	if (ethertype == INK_ETH_IP4)
		return ink_parse_ip4(p, end, wire, pkt);
	if (ethertype == INK_ETH_IP6)
		return ink_parse_ip6(p, end, wire, pkt);
	return INK_PARSE_OTHER;
}

/**
 * ink_packet_parse() - parse an Ethernet frame
 * @p: the frame
 * @end: end of what can be read
 * @wire: bytes of the frame, readable or not
 * @pkt: all zero before; set
 *
 * More than two VLAN tags, or another tag behind them, is INK_PARSE_OTHER.
 * Return: enum ink_parse; @pkt is of use only for INK_PARSE_OK.
 */
INK_INLINE int ink_packet_parse(const __u8 *p, const __u8 *end, __u32 wire, struct ink_packet *pkt)
{
	__u16 ethertype;
	__u32 used = 14;
	int i;

	pkt->length = wire;
	if (p + 14 > end)
		return INK_PARSE_BAD;
	ethertype = ink_load16(p + 12);
	p += 14;
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
	for (i = 0; i < INK_VLAN_TAGS; i++) {
		if (ethertype != INK_ETH_VLAN && ethertype != INK_ETH_QINQ)
			break;
		if (p + 4 > end)
			return INK_PARSE_BAD;
		pkt->key.vlan[i] = ink_load16(p) & 0xfff;
		ethertype = ink_load16(p + 2);
		p += 4;
		used += 4;
	}
	if (wire < used)
		return INK_PARSE_BAD;
	return ink_packet_parse_ip(p, end, wire - used, ethertype, pkt);
}

#endif /* INK_FLOW_PACKET_H */
