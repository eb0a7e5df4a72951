/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the bytes of a packet to what the flow table wants to know of it.
 *
 * What lives here: bounded parsing of Ethernet, VLAN tags, IPv4, IPv6 with its
 * extension headers, TCP, UDP and ICMP, in either direction, and a look at the
 * first bytes of a payload, written so that the BPF verifier can follow it and
 * userspace can run it on a capture. What doesn't: anything that remembers
 * (flow.h), and what lies inside tunnels.
 */
#ifndef INK_FLOW_PACKET_H
#define INK_FLOW_PACKET_H

#include <linux/types.h>

#ifdef __bpf__
#define INK_INLINE static __attribute__((always_inline)) inline
/*
 * Functions that aren't static are verified once, by themselves, and what comes after a call isn't verified once more
 * for each of their paths: programs load several times as fast. They return an int, and take their pointers for
 * ones that may be NULL.
 */
#define INK_ALONE __attribute__((noinline)) int
/* BPF programs run on little-endian machines only, as the images do. */
#define ink_load16(p)	__builtin_bswap16(*(const __u16 *)(p))
#define ink_load32(p)	__builtin_bswap32(*(const __u32 *)(p))
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
#define INK_ALONE static inline int
#define ink_load16(p)	((__u16)(((const __u8 *)(p))[0] << 8 | ((const __u8 *)(p))[1]))
#define ink_load32(p)	((__u32)ink_load16(p) << 16 | ink_load16((const __u8 *)(p) + 2))
#define ink_copy16(to, p)	memcpy(to, p, 16)
#define ink_copy4(to, p)	memcpy(to, p, 4)
#endif

#define INK_VLAN_TAGS	2	/* an outer and an inner one */
#define INK_IP6_HEADERS	6	/* headers behind IPv6's, the transport's included */
#define INK_SEGMENT	1460	/* payload of a full TCP segment in an Ethernet frame */
#define INK_PEEK	32	/* bytes of a payload that are looked at */
#define INK_HEADERS_MAX	256	/* bytes that nearly all headers and the look fit in */

/* Which way a packet goes, as seen from this machine. */
enum ink_direction {
	INK_IN,
	INK_OUT,
};

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
	X(REPLY, "reply")	/* TCP SYN+ACK, although we didn't ask */ \
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
 * @payload_at: where they begin in the frame
 * @segments: packets on the wire, where offloading made one of several
 * @seq: of TCP
 * @ack: of TCP, if the flag is set
 * @start: enum ink_start
 * @tcp_flags: INK_TCP_*, 0 for other protocols
 * @family: 4 or 6
 * @fragment: 1 for a first fragment
 */
struct ink_packet {
	struct ink_flow_key key;
	__u32 length;
	__u32 payload;
	__u32 payload_at;
	__u32 segments;
	__u32 seq;
	__u32 ack;
	__u8 start;
	__u8 tcp_flags;
	__u8 family;
	__u8 fragment;
};

/* Why a packet can't be parsed; it passes, and is counted by reason. */
#define INK_MALFORMED_LIST(X)						\
	X(ETHERNET, "ethernet-short")					\
	X(VLAN, "vlan-short")						\
	X(IP4_SHORT, "ip4-short")					\
	X(IP4_LENGTH, "ip4-length")	/* contradicts itself or the frame */ \
	X(IP6_SHORT, "ip6-short")					\
	X(IP6_LENGTH, "ip6-length")	/* likewise; jumbograms too */	\
	X(IP6_HEADER, "ip6-header")	/* an extension header likewise */ \
	X(IP6_HEADERS, "ip6-headers")	/* too many of them */		\
	X(TCP_SHORT, "tcp-short")					\
	X(TCP_LENGTH, "tcp-length")					\
	X(UDP_SHORT, "udp-short")					\
	X(ICMP_SHORT, "icmp-short")

#define INK_MALFORMED_ENUM(id, name)	INK_MALFORMED_##id,
enum ink_malformed {
	INK_MALFORMED_LIST(INK_MALFORMED_ENUM)
	INK_MALFORMED_NR,
};

/* What parsing says: one of these, or INK_PARSE_BAD plus enum ink_malformed. */
enum ink_parse {
	INK_PARSE_OK,
	INK_PARSE_OTHER,	/* not for us: not IP, or neighbour discovery */
	INK_PARSE_BAD,
};

#define INK_BAD(reason)	(INK_PARSE_BAD + INK_MALFORMED_##reason)

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

/* Ports as the flow's key has them, whichever way the packet goes. */
INK_INLINE void ink_parse_ports(const __u8 *p, enum ink_direction way, struct ink_packet *pkt)
{
	__u16 from = ink_load16(p), to = ink_load16(p + 2);

	pkt->key.remote_port = way == INK_IN ? from : to;
	pkt->key.local.port = way == INK_IN ? to : from;
}

INK_INLINE int ink_parse_tcp(const __u8 *p, const __u8 *end, __u32 left, enum ink_direction way,
			     struct ink_packet *pkt)
{
	__u32 header;

	if (p + 20 > end)
		return INK_BAD(TCP_SHORT);
	header = (p[12] >> 4) * 4u;
	if (header < 20 || header > left)
		return INK_BAD(TCP_LENGTH);
	ink_parse_ports(p, way, pkt);
	pkt->seq = ink_load32(p + 4);
	pkt->ack = ink_load32(p + 8);
	pkt->tcp_flags = p[13] & 0x3f;
	pkt->start = ink_tcp_start(pkt->tcp_flags);
	pkt->payload = left - header;
	if (pkt->payload > INK_SEGMENT)
		pkt->segments = (pkt->payload + INK_SEGMENT - 1) / INK_SEGMENT;
	return INK_PARSE_OK;
}

INK_INLINE int ink_parse_udp(const __u8 *p, const __u8 *end, __u32 left, enum ink_direction way,
			     struct ink_packet *pkt)
{
	if (p + 8 > end || left < 8)
		return INK_BAD(UDP_SHORT);
	ink_parse_ports(p, way, pkt);
	pkt->start = INK_START_UDP;
	pkt->payload = left - 8;
	return INK_PARSE_OK;
}

/* An echo's reply has the key of the request that it answers. */
INK_INLINE int ink_parse_icmp(const __u8 *p, const __u8 *end, __u32 left, enum ink_direction way,
			      struct ink_packet *pkt)
{
	__u8 type, echo = pkt->family == 4 ? 8 : 128, reply = pkt->family == 4 ? 0 : 129;

	if (p + 8 > end || left < 8)
		return INK_BAD(ICMP_SHORT);
	type = p[0];
	pkt->start = INK_START_ICMP;
	if (pkt->family == 4) {
		if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12)
			pkt->start = INK_START_ICMP_ERROR;
	} else {
		/* Without multicast listeners and neighbour discovery there is no IPv6. */
		if ((type >= 130 && type <= 137) || type == 143)
			return INK_PARSE_OTHER;
		if (type >= 1 && type <= 4)
			pkt->start = INK_START_ICMP_ERROR;
	}
	if (type == echo)
		pkt->start = INK_START_ECHO;
	if (type == echo || type == reply)
		pkt->key.remote_port = ink_load16(p + 4);
	if (way == INK_OUT && (type == echo || type == reply))
		type = type == echo ? reply : echo;
	pkt->key.local.port = (__u16)(type << 8 | p[1]);
	pkt->payload = left - 8;
	return INK_PARSE_OK;
}

/* @left is what the IP header says remains, @fragment that this isn't the first. */
INK_INLINE int ink_parse_transport(const __u8 *p, const __u8 *end, __u32 left, __u8 proto,
				   __u32 fragment, enum ink_direction way, struct ink_packet *pkt)
{
	pkt->key.local.proto = proto;
	pkt->segments = 1;
	if (fragment) {
		pkt->start = INK_START_FRAGMENT;
		pkt->payload = left;
		return INK_PARSE_OK;
	}
	if (proto == INK_PROTO_TCP)
		return ink_parse_tcp(p, end, left, way, pkt);
	if (proto == INK_PROTO_UDP)
		return ink_parse_udp(p, end, left, way, pkt);
	if (proto == (pkt->family == 4 ? INK_PROTO_ICMP : INK_PROTO_ICMP6))
		return ink_parse_icmp(p, end, left, way, pkt);
	pkt->start = INK_START_OTHER;
	pkt->payload = left;
	return INK_PARSE_OK;
}

INK_INLINE int ink_parse_ip4(const __u8 *p, const __u8 *end, __u32 wire, enum ink_direction way,
			     struct ink_packet *pkt)
{
	__u8 *from = way == INK_IN ? pkt->key.remote : pkt->key.local.addr;
	__u8 *to = way == INK_IN ? pkt->key.local.addr : pkt->key.remote;
	__u32 header, total, fragment;
	int err;

	if (p + 20 > end)
		return INK_BAD(IP4_SHORT);
	header = (p[0] & 15) * 4u;
	total = ink_load16(p + 2);
	/* The stack drops these too, and a length is not believed above what came. */
	if (p[0] >> 4 != 4 || header < 20 || total < header || total > wire)
		return INK_BAD(IP4_LENGTH);
	fragment = ink_load16(p + 6) & 0x3fff;
	pkt->fragment = fragment == 0x2000;
	pkt->family = 4;
	from[10] = 0xff;
	from[11] = 0xff;
	ink_copy4(from + 12, p + 12);
	to[10] = 0xff;
	to[11] = 0xff;
	ink_copy4(to + 12, p + 16);
	err = ink_parse_transport(p + header, end, total - header, p[9], fragment & 0x1fff, way,
				  pkt);
	pkt->payload_at = total - pkt->payload;
	return err;
}

/* What follows IPv6's header: @left bytes, the first of which is a header of type @next. */
INK_INLINE int ink_parse_ip6_headers(const __u8 *p, const __u8 *end, __u32 left, __u8 next,
				     enum ink_direction way, struct ink_packet *pkt)
{
	__u32 fragment = 0, length;
	int i;

#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
	for (i = 0; i < INK_IP6_HEADERS; i++) {
		if (next != INK_PROTO_HOPOPTS && next != INK_PROTO_ROUTING &&
		    next != INK_PROTO_DSTOPTS && next != INK_PROTO_FRAGMENT && next != INK_PROTO_AH)
			return ink_parse_transport(p, end, left, next, fragment, way, pkt);
		/* What follows in a later fragment isn't a header. */
		if (fragment)
			return ink_parse_transport(p, end, left, next, fragment, way, pkt);
		if (p + 8 > end)
			return INK_BAD(IP6_HEADER);
		length = (p[1] + 1u) * 8;
		if (next == INK_PROTO_FRAGMENT) {
			length = 8;
			fragment = ink_load16(p + 2) & 0xfff8;
			pkt->fragment = !fragment && p[3] & 1;
		} else if (next == INK_PROTO_AH) {
			length = (p[1] + 2u) * 4;
		}
		if (length > left)
			return INK_BAD(IP6_HEADER);
		next = p[0];
		left -= length;
		p += length;
	}
	return INK_BAD(IP6_HEADERS);
}

INK_INLINE int ink_parse_ip6(const __u8 *p, const __u8 *end, __u32 wire, enum ink_direction way,
			     struct ink_packet *pkt)
{
	__u32 length;
	int err;

	if (p + 40 > end)
		return INK_BAD(IP6_SHORT);
	length = ink_load16(p + 4);
	/* A length of 0 is a jumbogram or broken; neither is worth a parser here. */
	if (p[0] >> 4 != 6 || !length || length + 40 > wire)
		return INK_BAD(IP6_LENGTH);
	pkt->family = 6;
	ink_copy16(way == INK_IN ? pkt->key.remote : pkt->key.local.addr, p + 8);
	ink_copy16(way == INK_IN ? pkt->key.local.addr : pkt->key.remote, p + 24);
	err = ink_parse_ip6_headers(p + 40, end, length, p[6], way, pkt);
	pkt->payload_at = 40 + length - pkt->payload;
	return err;
}

/**
 * ink_packet_parse_ip() - parse from the network header on
 * @p: the network header
 * @end: end of what can be read
 * @wire: bytes from the network header to the end of the frame, readable or not
 * @ethertype: host order
 * @way: of the packet
 * @pkt: key.vlan and length are the caller's, the rest is zero before and set here
 *
 * The network's padding is not payload: sizes are those of the IP header.
 * Return: enum ink_parse; @pkt is of use only for INK_PARSE_OK.
 */
INK_INLINE int ink_packet_parse_ip(const __u8 *p, const __u8 *end, __u32 wire, __u16 ethertype,
				   enum ink_direction way, struct ink_packet *pkt)
{
	if (ethertype == INK_ETH_IP4)
		return ink_parse_ip4(p, end, wire, way, pkt);
	if (ethertype == INK_ETH_IP6)
		return ink_parse_ip6(p, end, wire, way, pkt);
	return INK_PARSE_OTHER;
}

/**
 * ink_packet_parse() - parse an Ethernet frame
 * @p: the frame
 * @end: end of what can be read
 * @wire: bytes of the frame, readable or not
 * @way: of the packet
 * @pkt: all zero before; set
 *
 * More than two VLAN tags, or another tag behind them, is INK_PARSE_OTHER.
 * Return: enum ink_parse; @pkt is of use only for INK_PARSE_OK.
 */
INK_INLINE int ink_packet_parse(const __u8 *p, const __u8 *end, __u32 wire,
				enum ink_direction way, struct ink_packet *pkt)
{
	__u16 ethertype;
	__u32 used = 14;
	int i, err;

	pkt->length = wire;
	if (p + 14 > end)
		return INK_BAD(ETHERNET);
	ethertype = ink_load16(p + 12);
	p += 14;
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
	for (i = 0; i < INK_VLAN_TAGS; i++) {
		if (ethertype != INK_ETH_VLAN && ethertype != INK_ETH_QINQ)
			break;
		if (p + 4 > end)
			return INK_BAD(VLAN);
		pkt->key.vlan[i] = ink_load16(p) & 0xfff;
		ethertype = ink_load16(p + 2);
		p += 4;
		used += 4;
	}
	if (wire < used)
		return INK_BAD(VLAN);
	err = ink_packet_parse_ip(p, end, wire - used, ethertype, way, pkt);
	pkt->payload_at += used;
	return err;
}

/**
 * struct ink_peek - what the first bytes of a payload are like
 * @seen: bytes that were looked at, at most INK_PEEK
 * @printable: how many of these a text would have
 * @variety: how many values their lower six bits take: about 15 in text, 25 in what looks random
 */
struct ink_peek {
	__u8 seen;
	__u8 printable;
	__u8 variety;
};

/* The first bytes of a payload, with zeros behind it. */
struct ink_first {
	__u8 bytes[INK_PEEK];
};

/* BPF has no instruction for it. */
INK_INLINE __u32 ink_popcount(__u64 x)
{
	x -= (x >> 1) & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (__u32)((x * 0x0101010101010101ull) >> 56);
}

/* 1 when a < b, both below 2^31, without a branch: the verifier follows each one. */
INK_INLINE __u32 ink_less(__u32 a, __u32 b)
{
	return (a - b) >> 31;
}

/**
 * ink_payload_peek() - look at the first bytes of a payload
 * @first: they
 * @n: bytes that are of the payload
 * @peek: set
 */
INK_ALONE ink_payload_peek(const struct ink_first *first, __u32 n, struct ink_peek *peek)
{
	__u32 printable = 0, i;
	__u64 values = 0;

	if (!first || !peek)
		return 0;
	for (i = 0; i < INK_PEEK; i++) {
		__u32 byte = first->bytes[i], in = ink_less(i, n);

		values |= (__u64)in << (byte & 63);
		printable += in & ((ink_less(31, byte) & ink_less(byte, 127)) |
				   ink_less(byte ^ 9, 1) | ink_less(byte ^ 10, 1) |
				   ink_less(byte ^ 13, 1));
	}
	peek->seen = (__u8)n;
	peek->printable = (__u8)printable;
	peek->variety = (__u8)ink_popcount(values);
	return 0;
}

#define INK_REPLY	12	/* bytes of a reply that tell whether it refuses a login */

/**
 * ink_payload_refuses() - does a reply say that a login was refused?
 * @p: its first INK_REPLY bytes
 *
 * By the protocols' reply codes: HTTP 401, 403 and 407 (RFC 9110), FTP 530 (RFC 959), SMTP 534,
 * 535 and 538 (RFC 4954), POP3 -ERR (RFC 1939). What is encrypted says nothing.
 */
INK_INLINE int ink_payload_refuses(const __u8 *p)
{
	if (p[0] == '5' && p[1] == '3' && (p[3] == ' ' || p[3] == '-'))
		return p[2] == '0' || p[2] == '4' || p[2] == '5' || p[2] == '8';
	if (p[0] == '-' && p[1] == 'E' && p[2] == 'R' && p[3] == 'R')
		return 1;
	return p[0] == 'H' && p[1] == 'T' && p[2] == 'T' && p[3] == 'P' && p[8] == ' ' &&
	       p[9] == '4' && p[10] == '0' && (p[11] == '1' || p[11] == '3' || p[11] == '7');
}

#endif /* INK_FLOW_PACKET_H */
