/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames for tests of the flow hook: hand-made ones and random ones.
 *
 * What lives here: building Ethernet frames field by field, and a generator of
 * frames that are nearly right, for comparisons of one parser with itself in
 * two places. What doesn't: any expectation.
 */
#ifndef INK_TEST_FLOW_FRAMES_H
#define INK_TEST_FLOW_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX	512

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t size;
};

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

static inline void frame_put(struct frame *f, const void *p, size_t n)
{
	if (f->size + n > FRAME_MAX)
		abort();
	memcpy(f->bytes + f->size, p, n);
	f->size += n;
}

static inline void frame_u8(struct frame *f, unsigned int v)
{
	uint8_t b = (uint8_t)v;

	frame_put(f, &b, 1);
}

static inline void frame_u16(struct frame *f, unsigned int v)
{
	frame_u8(f, v >> 8);
	frame_u8(f, v);
}

static inline void frame_u32(struct frame *f, uint32_t v)
{
	frame_u16(f, v >> 16);
	frame_u16(f, v & 0xffff);
}

/* Everything up to the ethertype, which frame_ip4() and frame_ip6() put. */
static inline void frame_ethernet(struct frame *f)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };

	f->size = 0;
	frame_put(f, macs, sizeof(macs));
}

static inline void frame_vlan(struct frame *f, unsigned int type, unsigned int id)
{
	frame_u16(f, type);
	frame_u16(f, id);
}

/* @payload: bytes behind the header; @fragment: the 16 bits of flags and offset. */
static inline void frame_ip4(struct frame *f, uint32_t from, uint32_t to, unsigned int proto,
			     unsigned int payload, unsigned int fragment)
{
	frame_u16(f, 0x0800);
	frame_u16(f, 0x4500);
	frame_u16(f, 20 + payload);
	frame_u16(f, 1);
	frame_u16(f, fragment);
	frame_u8(f, 64);
	frame_u8(f, proto);
	frame_u16(f, 0);
	frame_u32(f, from);
	frame_u32(f, to);
}

static inline void frame_ip6(struct frame *f, unsigned int from, unsigned int to,
			     unsigned int next, unsigned int payload)
{
	static const uint8_t net[14] = { 0x20, 1, 0xd, 0xb8 };

	frame_u16(f, 0x86dd);
	frame_u32(f, 0x60000000);
	frame_u16(f, payload);
	frame_u8(f, next);
	frame_u8(f, 64);
	frame_put(f, net, sizeof(net));
	frame_u16(f, from);
	frame_put(f, net, sizeof(net));
	frame_u16(f, to);
}

static inline void frame_tcp_numbered(struct frame *f, unsigned int from, unsigned int to,
				      unsigned int flags, unsigned int payload, uint32_t seq,
				      uint32_t ack)
{
	frame_u16(f, from);
	frame_u16(f, to);
	frame_u32(f, seq);
	frame_u32(f, ack);
	frame_u8(f, 0x50);
	frame_u8(f, flags);
	frame_u16(f, 1024);
	frame_u32(f, 0);
	while (payload--)
		frame_u8(f, 'x');
}

static inline void frame_tcp(struct frame *f, unsigned int from, unsigned int to,
			     unsigned int flags, unsigned int payload)
{
	frame_tcp_numbered(f, from, to, flags, payload, 1, 1);
}

static inline void frame_udp(struct frame *f, unsigned int from, unsigned int to,
			     unsigned int payload)
{
	frame_u16(f, from);
	frame_u16(f, to);
	frame_u16(f, 8 + payload);
	frame_u16(f, 0);
	while (payload--)
		frame_u8(f, 'x');
}

static inline void frame_icmp(struct frame *f, unsigned int type, unsigned int code,
			      unsigned int id)
{
	frame_u8(f, type);
	frame_u8(f, code);
	frame_u16(f, 0);
	frame_u16(f, id);
	frame_u16(f, 1);
}

/* xorshift64*; the same frames for the same seed everywhere. */
static inline uint32_t frame_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (uint32_t)((x * 0x2545f4914f6cdd1dull) >> 32);
}

/* Few addresses and ports, so that flows have many packets. */
static inline void frame_make_transport(struct frame *f, uint64_t *s, unsigned int proto,
					unsigned int payload)
{
	static const uint8_t flags[] = { SYN, SYN, ACK, ACK, ACK | PSH, ACK | PSH, FIN | ACK, RST,
					 SYN | ACK, 0, FIN | PSH | URG };

	if (proto == 6)
		frame_tcp_numbered(f, 40000 + frame_random(s) % 6, frame_random(s) % 24,
				   flags[frame_random(s) % sizeof(flags)], payload,
				   frame_random(s) % 4 * 7, frame_random(s) % 4 * 7);
	else if (proto == 17)
		frame_udp(f, 40000 + frame_random(s) % 6, frame_random(s) % 8, payload);
	else
		frame_icmp(f, frame_random(s) % 16 ? 8 : frame_random(s) % 160,
			   frame_random(s) % 3, frame_random(s) % 4);
}

/* A frame that is mostly right; one in eight is cut off or has bytes changed. */
static inline void frame_make(struct frame *f, uint64_t *s)
{
	static const unsigned int protos[] = { 6, 6, 6, 17, 1, 47 };
	unsigned int proto = protos[frame_random(s) % 6], payload = frame_random(s) % 3 * 7;
	unsigned int headers = frame_random(s) % 4 ? 0 : frame_random(s) % 8, i;
	unsigned int size = payload + (proto == 6 ? 20 : 8);

	frame_ethernet(f);
	for (i = frame_random(s) % 6 ? 0 : frame_random(s) % 4; i; i--)
		frame_vlan(f, i & 1 ? 0x8100 : 0x88a8, frame_random(s) % 3 + 1);
	if (frame_random(s) & 1) {
		frame_ip4(f, 0x0a000001 + frame_random(s) % 5, 0x0a010001, proto, size,
			  frame_random(s) % 16 ? 0 : frame_random(s) & 0x3fff);
	} else {
		unsigned int next = proto == 1 ? 58 : proto;

		frame_ip6(f, frame_random(s) % 5, 1, headers ? 60 : next, size + headers * 8);
		for (i = 0; i < headers; i++) {
			unsigned int kind = i + 1 == headers ? next :
					    frame_random(s) % 4 ? 60 : 44;

			frame_u8(f, kind);
			frame_u8(f, 0);
			frame_u16(f, frame_random(s) % 8 ? 0 : frame_random(s) & 0xffff);
			frame_u32(f, 0);
		}
		if (proto == 1 && frame_random(s) & 1) {
			frame_icmp(f, 128, 0, frame_random(s) % 4);
			while (payload--)
				frame_u8(f, 'x');
			return;
		}
	}
	frame_make_transport(f, s, proto, payload);
	if (!(frame_random(s) % 8)) {
		if (frame_random(s) & 1)
			f->size = 14 + frame_random(s) % (f->size - 13);
		else
			f->bytes[12 + frame_random(s) % (f->size - 12)] = (uint8_t)frame_random(s);
	}
}

/* The same, with addresses and ports the other way round for what goes out. */
static inline void frame_make_way(struct frame *f, uint64_t *s, bool out)
{
	uint8_t swap[16];
	size_t n, at;

	frame_make(f, s);
	if (!out || f->size < 14 + 40)
		return;
	if (f->bytes[12] == 8 && !f->bytes[13]) {
		at = 14 + 12;
		n = 4;
	} else if (f->bytes[12] == 0x86 && f->size >= 14 + 44) {
		at = 14 + 8;
		n = 16;
	} else {
		return;
	}
	memcpy(swap, f->bytes + at, n);
	memcpy(f->bytes + at, f->bytes + at + n, n);
	memcpy(f->bytes + at + n, swap, n);
	at += 2 * n;
	memcpy(swap, f->bytes + at, 2);
	memcpy(f->bytes + at, f->bytes + at + 2, 2);
	memcpy(f->bytes + at + 2, swap, 2);
}

#endif /* INK_TEST_FLOW_FRAMES_H */
