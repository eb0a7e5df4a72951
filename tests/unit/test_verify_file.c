// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verifier's rules for header, sections, card, features and schema.
 *
 * What lives here: for each check of the file as a whole an image that is
 * valid but for that one thing, and images at a limit that are accepted. What
 * doesn't: tensors and operators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "verify_case.h"

static struct image zeros(size_t size)
{
	struct image img = { .size = size };

	assert_int_equal(posix_memalign((void **)&img.p, 64, size ? size : 1), 0);
	memset(img.p, 0, size);
	return img;
}

static struct image nothing(void)
{
	return zeros(0);
}

static struct image too_short(void)
{
	return zeros(sizeof(struct inkling_header) - 1);
}

static struct image just_header(void)
{
	return zeros(sizeof(struct inkling_header));
}

static struct image largest(void)
{
	return zeros(INKLING_MAX_IMAGE);
}

static struct image too_large(void)
{
	return zeros(INKLING_MAX_IMAGE + 1);
}

static void digest_flip(struct image *img)
{
	image_header(img)->digest[31] ^= 1;
}

static void last_byte_flip(struct image *img)
{
	img->p[img->size - 1] ^= 0x80;
}

static void may_flip(struct image *img)
{
	image_header(img)->may ^= 1ull << 63;
}

static void schema_flip(struct image *img)
{
	image_header(img)->schema ^= 1;
}

/* Cut right behind NAMES, which doesn't end at a multiple of 64. */
static void cut_in_padding(struct image *img)
{
	const struct inkling_section *s = &image_header(img)->section[INKLING_SEC_NAMES];
	struct image old = *img;

	*img = image_copy(old.p, s->offset + s->size);
	image_header(img)->file_size = img->size;
	image_free(&old);
}

static void cut_to_header(struct image *img)
{
	struct image old = *img;

	*img = image_copy(old.p, sizeof(struct inkling_header));
	image_header(img)->file_size = img->size;
	image_free(&old);
}

static void dirty_padding(struct image *img)
{
	const struct inkling_section *s = &image_header(img)->section[INKLING_SEC_NAMES];

	img->p[s->offset + s->size] = 1;
}

static void dirty_padding_last(struct image *img)
{
	img->p[image_header(img)->section[INKLING_SEC_TENSORS].offset - 1] = 0x80;
}

static void move_sections(struct image *img)
{
	struct inkling_header *h = image_header(img);
	struct image old = *img;
	size_t at = h->section[INKLING_SEC_DATA].offset;

	/* A gap of 64 zero bytes, all else as it should be. */
	*img = zeros(old.size + 64);
	memcpy(img->p, old.p, at);
	memcpy(img->p + at + 64, old.p + at, old.size - at);
	h = image_header(img);
	h->file_size += 64;
	h->section[INKLING_SEC_DATA].offset += 64;
	image_free(&old);
}

static void full_name(struct image *img)
{
	memset(image_card(img)->name, 'x', sizeof(image_card(img)->name));
}

static void longest_name(struct image *img)
{
	memset(image_card(img)->name, 'x', sizeof(image_card(img)->name) - 1);
}

static void same_name(struct image *img)
{
	strcpy(image_feature(img, 2)->name, image_feature(img, 0)->name);
}

static const struct verify_case cases[] = {
	/* Before the header can be read */
	REFUSED("empty file", FLOW, TRUNCATED, "0 bytes are too few", .make = nothing),
	REFUSED("shorter than a header", FLOW, TRUNCATED, "255 bytes are too few",
		.make = too_short),
	REFUSED("header of zeros", FLOW, MAGIC, "magic", .make = just_header),
	REFUSED("largest size, zeros", FLOW, MAGIC, "magic", .make = largest),
	REFUSED("above the largest size", FLOW, FILE_SIZE, "the limit is 16777216",
		.make = too_large),

	/* Header */
	REFUSED("magic, first byte", FLOW, MAGIC, "magic", PATCHES(HDR(magic[0], 'i'))),
	REFUSED("magic, its NUL", FLOW, MAGIC, "magic", PATCHES(HDR(magic[7], '2'))),
	REFUSED("version 0", FLOW, VERSION, "version 0", PATCHES(HDR(version, 0))),
	REFUSED("version 2", FLOW, VERSION, "version 2", PATCHES(HDR(version, 2))),
	REFUSED("header size", FLOW, HEADER_SIZE, "320", PATCHES(HDR(header_size, 320))),
	REFUSED("file size too small", FLOW, FILE_SIZE, "5698", PATCHES(HDR(file_size, 5698))),
	REFUSED("file size too large", FLOW, FILE_SIZE, "5700", PATCHES(HDR(file_size, 5700))),
	REFUSED("must-understand, lowest that isn't known", FLOW, MUST, "0x2", PATCHES(HDR(must, 2))),
	REFUSED("must-understand, sequences where there are none", FLOW, MUST, "has to be 0",
		PATCHES(HDR(must, INKLING_MUST_SEQUENCE))),
	REFUSED("must-understand, highest", FLOW, MUST, "0x8000000000000000",
		PATCHES(HDR(must, S64_MIN))),
	ACCEPTED("may-ignore bits", FLOW, PATCHES(HDR(may, -1))),
	REFUSED("header reserved, first", FLOW, RESERVED, "header", PATCHES(HDR(reserved[0], 1))),
	REFUSED("header reserved, last", FLOW, RESERVED, "header",
		PATCHES(HDR(reserved[2], 1 << 24))),

	/* Digest and schema */
	REFUSED("digest", FLOW, DIGEST, "digest", .change = digest_flip, .unsealed = true),
	REFUSED("last byte and the digest", FLOW, DIGEST, "digest", .change = last_byte_flip,
		.unsealed = true),
	REFUSED("a bit that may be ignored and the digest", FLOW, DIGEST, "digest",
		.change = may_flip, .unsealed = true),
	REFUSED("schema id", FLOW, SCHEMA, "schema", .change = schema_flip, .digest_only = true),
	REFUSED("schema of other features", FLOW, SCHEMA, "schema",
		PATCHES(FEATURE(1, decimals, 3)), .digest_only = true),
	REFUSED("schema of other names", FLOW, SCHEMA, "schema", PATCHES(NAME(2, name[0], 'x')),
		.digest_only = true),

	/* Counts; at the limit it is the next rule that refuses */
	REFUSED("features above limit", FLOW, COUNT, "1025 features", PATCHES(HDR(n_features, 1025))),
	REFUSED("features at limit", FLOW, SECTION, "features", PATCHES(HDR(n_features, 1024))),
	REFUSED("names above limit", FLOW, COUNT, "4097 names", PATCHES(HDR(n_names, 4097))),
	REFUSED("names at limit", FLOW, SECTION, "names", PATCHES(HDR(n_names, 4096))),
	REFUSED("one tensor", FLOW, COUNT, "1 tensors", PATCHES(HDR(n_tensors, 1))),
	REFUSED("two tensors", FLOW, SECTION, "tensors", PATCHES(HDR(n_tensors, 2))),
	REFUSED("tensors above limit", FLOW, COUNT, "65536 tensors", PATCHES(HDR(n_tensors, 65536))),
	REFUSED("tensors at limit", FLOW, SECTION, "tensors", PATCHES(HDR(n_tensors, 65535))),
	REFUSED("no ops", FLOW, COUNT, "0 ops", PATCHES(HDR(n_ops, 0))),
	REFUSED("one op", FLOW, SECTION, "ops", PATCHES(HDR(n_ops, 1))),
	REFUSED("ops above limit", FLOW, COUNT, "4097 ops", PATCHES(HDR(n_ops, 4097))),
	REFUSED("ops at limit", FLOW, SECTION, "ops", PATCHES(HDR(n_ops, 4096))),
	REFUSED("classes above limit", FLOW, COUNT, "17 classes", PATCHES(HDR(n_classes, 17))),
	REFUSED("classes at limit", FLOW, STRING, "class 3", PATCHES(HDR(n_classes, 16))),
	REFUSED("largest count", FLOW, COUNT, "4294967295 features", PATCHES(HDR(n_features, -1))),

	/* Sections */
	REFUSED("card moved", FLOW, SECTION, "section card at 320",
		PATCHES(HDR(section[0].offset, 320))),
	REFUSED("card size", FLOW, SECTION, "section card", PATCHES(HDR(section[0].size, 1728))),
	REFUSED("features moved", FLOW, SECTION, "section features",
		PATCHES(HDR(section[1].offset, 2112))),
	REFUSED("features size", FLOW, SECTION, "section features",
		PATCHES(HDR(section[1].size, 128))),
	REFUSED("names moved", FLOW, SECTION, "section names", PATCHES(HDR(section[2].offset, 0))),
	REFUSED("names size", FLOW, SECTION, "section names", PATCHES(HDR(section[2].size, 64))),
	REFUSED("tensors not aligned", FLOW, SECTION, "section tensors",
		PATCHES(HDR(section[3].offset, 2336))),
	REFUSED("tensors size", FLOW, SECTION, "section tensors", PATCHES(HDR(section[3].size, 0))),
	REFUSED("ops moved", FLOW, SECTION, "section ops", PATCHES(HDR(section[4].offset, -64))),
	REFUSED("ops size", FLOW, SECTION, "section ops", PATCHES(HDR(section[4].size, -1))),
	REFUSED("data moved", FLOW, SECTION, "section data", .change = move_sections),
	REFUSED("data before its place", FLOW, SECTION, "section data",
		PATCHES(HDR(section[5].offset, 64))),
	REFUSED("data larger than the file", FLOW, SECTION, "section data",
		PATCHES(HDR(section[5].size, S64_MAX))),
	REFUSED("data one byte larger", FLOW, SECTION, "section data", .grow = -1),
	REFUSED("data wraps around", FLOW, SECTION, "section data",
		PATCHES(HDR(section[5].size, -64))),
	REFUSED("cut in the padding", FLOW, SECTION, "section tensors", .change = cut_in_padding),
	REFUSED("cut to the header", FLOW, SECTION, "section card", .change = cut_to_header),
	REFUSED("a byte behind the last section", FLOW, SECTION, "1 bytes after the last",
		.grow = 1),
	REFUSED("64 bytes behind the last section", FLOW, SECTION, "64 bytes after the last",
		.grow = 64),
	REFUSED("padding, first byte", FLOW, PADDING, "before section tensors",
		.change = dirty_padding),
	REFUSED("padding, last byte", FLOW, PADDING, "before section tensors",
		.change = dirty_padding_last),
	REFUSED("unused section's offset", FLOW, RESERVED, "unused section",
		PATCHES(HDR(section[6].offset, 64))),
	REFUSED("unused section's size", FLOW, RESERVED, "unused section",
		PATCHES(HDR(section[7].size, 1))),

	/* Card */
	REFUSED("card without a name", FLOW, STRING, "no name", PATCHES(CARD(name, 0))),
	REFUSED("card name not terminated", FLOW, STRING, "name", .change = full_name),
	ACCEPTED("longest name", FLOW, .change = longest_name),
	REFUSED("card version, escape", FLOW, STRING, "version", PATCHES(CARD(version[1], 0x1b))),
	REFUSED("card license, newline", FLOW, STRING, "license", PATCHES(CARD(license[0], '\n'))),
	REFUSED("card description, DEL", FLOW, STRING, "description",
		PATCHES(CARD(description[2], 0x7f))),
	REFUSED("card training, bytes behind the NUL", FLOW, STRING, "training",
		PATCHES(CARD(training[511], 'x'))),
	REFUSED("card accuracy, not ASCII", FLOW, STRING, "accuracy",
		PATCHES(CARD(accuracy[0], 0x80))),
	REFUSED("card accuracy, 0x1f", FLOW, STRING, "accuracy", PATCHES(CARD(accuracy[0], 0x1f))),
	ACCEPTED("card accuracy, space", FLOW, PATCHES(CARD(accuracy[0], ' '))),
	ACCEPTED("card accuracy, tilde", FLOW, PATCHES(CARD(accuracy[0], '~'))),
	REFUSED("class without a name", FLOW, STRING, "class 2", PATCHES(CARD(classes[2], 0))),
	REFUSED("one class name too much", FLOW, STRING, "class 3",
		PATCHES(CARD(classes[3][0], 'x'))),
	REFUSED("class name with a tab", FLOW, STRING, "class 1", PATCHES(CARD(classes[1][2], 9))),
	REFUSED("last class name, bytes behind the NUL", FLOW, STRING, "class 15",
		PATCHES(CARD(classes[15][31], 'x'))),
	REFUSED("card reserved, first", FLOW, RESERVED, "card", PATCHES(CARD(reserved[0], 1))),
	REFUSED("card reserved, last", FLOW, RESERVED, "card", PATCHES(CARD(reserved[95], 1))),

	/* Features and names */
	REFUSED("feature without a name", FLOW, STRING, "feature 1", PATCHES(FEATURE(1, name, 0))),
	REFUSED("feature name, bytes behind the NUL", FLOW, STRING, "feature 0",
		PATCHES(FEATURE(0, name[39], 1))),
	REFUSED("feature reserved0", FLOW, RESERVED, "feature 1", PATCHES(FEATURE(1, reserved0, 1))),
	REFUSED("feature reserved", FLOW, RESERVED, "feature 2",
		PATCHES(FEATURE(2, reserved[2], 1))),
	REFUSED("feature kind", FLOW, FEATURE, "kind 2", PATCHES(FEATURE(0, kind, 2))),
	REFUSED("10 decimals", FLOW, FEATURE, "10 decimals", PATCHES(FEATURE(0, decimals, 10))),
	ACCEPTED("9 decimals", FLOW, PATCHES(FEATURE(0, decimals, 9))),
	REFUSED("category with decimals", FLOW, FEATURE, "feature 2 (protocol)",
		PATCHES(FEATURE(2, decimals, 1))),
	REFUSED("category without names", FLOW, FEATURE, "names 0 + 0 of 3",
		PATCHES(FEATURE(2, n_names, 0))),
	REFUSED("category with too many names", FLOW, FEATURE, "names 0 + 4 of 3",
		PATCHES(FEATURE(2, n_names, 4))),
	REFUSED("category begins too late", FLOW, FEATURE, "names 1 + 3 of 3",
		PATCHES(FEATURE(2, first_name, 1))),
	REFUSED("category begins behind the names", FLOW, FEATURE, "names 4 + 1 of 3",
		PATCHES(FEATURE(2, first_name, 4), FEATURE(2, n_names, 1))),
	REFUSED("category wraps around", FLOW, FEATURE, "names 2 + 4294967295",
		PATCHES(FEATURE(2, first_name, 2), FEATURE(2, n_names, -1))),
	ACCEPTED("category with fewer names", FLOW,
		 PATCHES(FEATURE(2, first_name, 2), FEATURE(2, n_names, 1))),
	REFUSED("number with a first name", FLOW, FEATURE, "feature 0",
		PATCHES(FEATURE(0, first_name, 1))),
	REFUSED("number with names", FLOW, FEATURE, "feature 0", PATCHES(FEATURE(0, n_names, 1))),
	REFUSED("two features of one name", FLOW, FEATURE, "features 0 and 2",
		.change = same_name),
	REFUSED("category without a name", FLOW, STRING, "category name 1",
		PATCHES(NAME(1, name, 0))),
	REFUSED("category name with an escape", FLOW, STRING, "category name 2",
		PATCHES(NAME(2, name[0], 0x1b))),
};

int main(void)
{
	return verify_cases_run("verify file", cases, ARRAY_SIZE(cases));
}
