/* SPDX-License-Identifier: GPL-2.0-only */
/* Nettle's SHA-256, as far as the image writer uses it, by the kernel's. */
#ifndef INK_TEST_NETTLE_SHA2_H
#define INK_TEST_NETTLE_SHA2_H

#include <crypto/sha2.h>

#define sha256_ctx	sha256_state

static inline void ink_nettle_update(struct sha256_ctx *ctx, size_t size, const void *data)
{
	sha256_update(ctx, data, size);
}

static inline void ink_nettle_digest(struct sha256_ctx *ctx, size_t size, u8 *digest)
{
	sha256_final(ctx, digest);
}

#define sha256_update	ink_nettle_update
#define sha256_digest	ink_nettle_digest

#endif /* INK_TEST_NETTLE_SHA2_H */
