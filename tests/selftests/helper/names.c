// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the model of names for tests that are scripts.
 */
#include "st.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	struct image img = names_image();
	FILE *f = argc == 2 ? fopen(argv[1], "w") : NULL;
	bool ok = f && fwrite(img.p, 1, img.size, f) == img.size;

	if (f && fclose(f))
		ok = false;
	if (!ok)
		fprintf(stderr, "usage: names FILE\n");
	image_free(&img);
	return !ok;
}
