// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writer of .ink images: layout and hashes.
 *
 * What lives here: placing the sections in their canonical order and computing
 * schema id and digest. What doesn't: collecting the parts (image_builder.c)
 * and checking an image (kmod/core).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <nettle/sha2.h>

#include "image_builder.h"
#include "image_builder_internal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are little-endian");
_Static_assert(sizeof(struct inkling_header) == 256, "header");
_Static_assert(sizeof(struct inkling_feature) == 64, "feature");
_Static_assert(sizeof(struct inkling_tensor) == 64, "tensor");
_Static_assert(sizeof(struct inkling_op) == 96, "op");

static size_t align_up(size_t n)
{
	return (n + INKLING_ALIGN - 1) / INKLING_ALIGN * INKLING_ALIGN;
}

static int section_lies(const struct inkling_section *s, size_t size)
{
	return s->offset <= size && s->size <= size - s->offset;
}

uint64_t ink_image_schema(const void *image, size_t size)
{
	const struct inkling_header *h = image;
	const struct inkling_section *f, *n;
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;
	uint64_t id;

	if (size < sizeof(*h))
		return 0;
	f = &h->section[INKLING_SEC_FEATURES];
	n = &h->section[INKLING_SEC_NAMES];
	if (!section_lies(f, size) || !section_lies(n, size))
		return 0;
	sha256_init(&ctx);
	sha256_update(&ctx, f->size, (const uint8_t *)image + f->offset);
	sha256_update(&ctx, n->size, (const uint8_t *)image + n->offset);
	sha256_digest(&ctx, sizeof(digest), digest);
	memcpy(&id, digest, sizeof(id));
	return id;
}

void ink_image_seal(void *image, size_t size)
{
	struct inkling_header *h = image;
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	if (size < sizeof(*h))
		return;
	h->schema = ink_image_schema(image, size);
	memset(h->digest, 0, sizeof(h->digest));
	sha256_init(&ctx);
	sha256_update(&ctx, size, image);
	sha256_digest(&ctx, sizeof(digest), digest);
	memcpy(h->digest, digest, sizeof(h->digest));
}

int ink_builder_finish(struct ink_builder *b, void **image, size_t *size)
{
	const struct {
		const void *data;
		size_t size;
	} part[INKLING_SEC_NR] = {
		[INKLING_SEC_CARD] = { &b->card, sizeof(b->card) },
		[INKLING_SEC_FEATURES] = { b->features.data, b->features.size },
		[INKLING_SEC_NAMES] = { b->names.data, b->names.size },
		[INKLING_SEC_TENSORS] = { b->tensors.data, b->tensors.size },
		[INKLING_SEC_OPS] = { b->ops.data, b->ops.size },
		[INKLING_SEC_DATA] = { b->data.data, b->data.size },
	};
	size_t end = sizeof(b->header);
	void *p = NULL;
	uint8_t *bytes;
	int i;

	if (b->err)
		return b->err;
	for (i = 0; i < INKLING_SEC_NR; i++) {
		b->header.section[i].offset = align_up(end);
		b->header.section[i].size = part[i].size;
		end = align_up(end) + part[i].size;
	}
	b->header.file_size = end;
	/* Exactly that many, so that tests notice who reads behind its end. */
	if (posix_memalign(&p, INKLING_ALIGN, end)) {
		ink_builder_fail(b, -ENOMEM, "no memory for an image of %zu bytes", end);
		return b->err;
	}
	bytes = p;
	memset(bytes, 0, end);
	memcpy(bytes, &b->header, sizeof(b->header));
	for (i = 0; i < INKLING_SEC_NR; i++)
		if (part[i].size)
			memcpy(bytes + b->header.section[i].offset, part[i].data, part[i].size);
	ink_image_seal(bytes, end);
	memcpy(&b->header, bytes, sizeof(b->header));
	*image = bytes;
	*size = end;
	return 0;
}
