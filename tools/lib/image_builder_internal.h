/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What image_builder.c collects and image_layout.c writes out.
 *
 * What lives here: the builder's own structures. What doesn't: anything that
 * its users see, see image_builder.h.
 */
#ifndef INK_IMAGE_BUILDER_INTERNAL_H
#define INK_IMAGE_BUILDER_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <linux/inkling_format.h>

/* Above INKLING_MAX_IMAGE on purpose: tests write images that are too large. */
#define INK_BUILDER_MAX		(64u << 20)

struct ink_builder_array {
	uint8_t *data;
	size_t size;	/* bytes in use */
	size_t room;	/* bytes allocated */
};

struct ink_builder {
	struct inkling_header header;
	struct inkling_card card;
	struct ink_builder_array features;
	struct ink_builder_array names;
	struct ink_builder_array tensors;
	struct ink_builder_array ops;
	struct ink_builder_array data;
	int err;	/* 0 or the first negative errno */
	char error[192];
};

void ink_builder_fail(struct ink_builder *b, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* INK_IMAGE_BUILDER_INTERNAL_H */
