// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the images of the unit tests into a folder, for the tests of the
 * command line: flow.ink, recon.ink, mix.ink, and broken.ink, which is flow
 * with an opcode that isn't one.
 */
#include <stdio.h>
#include <stdlib.h>
#include "models.h"

static int write_image(const char *folder, const char *name, const struct image *img)
{
	char path[4096];
	FILE *f;
	int bad;

	snprintf(path, sizeof(path), "%s/%s.ink", folder, name);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		return 1;
	}
	bad = fwrite(img->p, 1, img->size, f) != img->size;
	return fclose(f) || bad;
}

int main(int argc, char **argv)
{
	struct image img;
	int i, bad = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: images FOLDER\n");
		return 2;
	}
	for (i = 0; i < MODEL_NR; i++) {
		img = model_image(i);
		bad |= write_image(argv[1], model_name(i), &img);
		image_free(&img);
	}
	img = model_image(MODEL_FLOW);
	image_op(&img, FLOW_DENSE2)->opcode = 99;
	ink_image_seal(img.p, img.size);
	bad |= write_image(argv[1], "broken", &img);
	image_free(&img);
	return bad;
}
