// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses and prefixes as people write them; see prefix.h.
 */
#include <arpa/inet.h>
#include <string.h>

#include "cli.h"
#include "prefix.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool ink_addr_is4(const uint8_t addr[16])
{
	return !memcmp(addr, mapped, sizeof(mapped));
}

static bool ink_prefix_clean(const struct ink_prefix *p)
{
	unsigned int bit;

	for (bit = p->bits; bit < 128; bit++)
		if (p->addr[bit / 8] & (0x80 >> (bit % 8)))
			return false;
	return true;
}

bool ink_prefix_parse(const char *text, struct ink_prefix *p)
{
	char addr[INK_ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits, max;

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	memcpy(p->addr, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, addr, p->addr + 12) == 1)
		p->family = 4;
	else if (inet_pton(AF_INET6, addr, p->addr) == 1)
		p->family = ink_addr_is4(p->addr) ? 4 : 6;
	else
		return false;
	/* ::ffff:1.2.3.4/120 would be ambiguous. */
	if (p->family == 4 && strchr(addr, ':') && slash)
		return false;
	max = p->family == 4 ? 32 : 128;
	bits = max;
	if (slash && !ink_parse_u64(slash + 1, max, &bits))
		return false;
	p->bits = (uint8_t)(128 - max + bits);
	return ink_prefix_clean(p);
}

bool ink_prefix_match(const struct ink_prefix *p, const uint8_t addr[16])
{
	unsigned int whole = p->bits / 8, rest = p->bits % 8;

	if ((p->family == 4) != ink_addr_is4(addr) || memcmp(p->addr, addr, whole))
		return false;
	return !rest || !((p->addr[whole] ^ addr[whole]) & (0xff00 >> rest));
}

bool ink_prefixes_match(const struct ink_prefix *list, size_t n, const uint8_t addr[16])
{
	while (n--)
		if (ink_prefix_match(list++, addr))
			return true;
	return false;
}

const char *ink_addr_format(const uint8_t addr[16], char text[INK_ADDR_TEXT])
{
	bool is4 = ink_addr_is4(addr);

	if (!inet_ntop(is4 ? AF_INET : AF_INET6, is4 ? addr + 12 : addr, text, INK_ADDR_TEXT))
		strcpy(text, "?");
	return text;
}
