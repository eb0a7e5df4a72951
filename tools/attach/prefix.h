/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses and prefixes as people write them.
 *
 * What lives here: parsing of CIDR notation into the 16-byte form that the
 * flow table uses (IPv4 as ::ffff:a.b.c.d), matching, and printing. What
 * doesn't: what a prefix is for.
 */
#ifndef INK_PREFIX_H
#define INK_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct ink_prefix - an address and how much of it counts
 * @addr: network order, bits behind @bits are zero
 * @bits: 0..128; of an IPv4 prefix 96 more than was written
 * @family: 4 or 6
 */
struct ink_prefix {
	uint8_t addr[16];
	uint8_t bits;
	uint8_t family;
};

/* "10.0.0.0/8", "fd00::1"; false when it isn't one or has bits behind the prefix. */
bool ink_prefix_parse(const char *text, struct ink_prefix *prefix);
/* Families have to be equal: ::/0 holds no IPv4 address. */
bool ink_prefix_match(const struct ink_prefix *prefix, const uint8_t addr[16]);
bool ink_prefixes_match(const struct ink_prefix *list, size_t n, const uint8_t addr[16]);

#define INK_ADDR_TEXT	46
/* Write an address as text; IPv4 ones as such. Return: @text. */
const char *ink_addr_format(const uint8_t addr[16], char text[INK_ADDR_TEXT]);

#endif /* INK_PREFIX_H */
