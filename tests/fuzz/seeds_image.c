// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seeds of fuzz_image: the tests' own models and some random ones.
 *
 * What lives here: writing them into the folder that is given. What doesn't:
 * how they are made, see tests/unit/models.h.
 */
#include <stdio.h>

#include "models.h"

#define RANDOM	40
#define TEXTS	20	/* of each kind with sequences */
#define LARGEST	12288	/* small inputs make fast fuzzing */

static int write_image(const char *dir, const char *name, const struct image *img)
{
	char path[4096];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "%s/%s.ink", dir, name);
	f = fopen(path, "wb");
	if (!f || fwrite(img->p, 1, img->size, f) != img->size) {
		perror(path);
		ret = 1;
	} else {
		ret = 0;
	}
	if (f && fclose(f))
		ret = 1;
	return ret;
}

/* @n small ones of a kind. */
static int write_kind(const char *dir, enum ink_randmodel_kind kind, u32 n)
{
	struct image img;
	char name[40];
	int ret = 0;
	u64 seed;

	for (seed = 0; n; seed++) {
		img = random_image_of(kind, seed);
		if (img.size <= LARGEST) {
			snprintf(name, sizeof(name), "%s-%u", ink_randmodel_name(kind), n--);
			ret |= write_image(dir, name, &img);
		}
		image_free(&img);
	}
	return ret;
}

int main(int argc, char **argv)
{
	struct image img;
	char name[40];
	u32 i, n = 0;
	u64 seed;
	int ret = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: seeds_image DIR\n");
		return 2;
	}
	for (i = 0; i < MODEL_NR; i++) {
		img = model_image(i);
		ret |= write_image(argv[1], model_name(i), &img);
		image_free(&img);
	}
	for (seed = 0; n < RANDOM; seed++) {
		img = random_image(seed);
		if (img.size <= LARGEST) {
			snprintf(name, sizeof(name), "random-%u", n++);
			ret |= write_image(argv[1], name, &img);
		}
		image_free(&img);
	}
	return ret | write_kind(argv[1], INK_RANDMODEL_ENCODER, TEXTS) |
	       write_kind(argv[1], INK_RANDMODEL_DECODER, TEXTS);
}
