// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network of a shape as a .ink file, for measuring doors.
 *
 *   netmodel SHAPE FILE.ink      SHAPE: such as 31-256-2, with two outputs
 *
 * What lives here: the program. The weights are those of nets.c, made from a fixed seed; inputs are
 * raw features, outputs two classes.
 */
#include "ours.h"

int main(int argc, char **argv)
{
	struct net net;
	size_t size;
	void *image;
	FILE *f;

	if (argc != 3) {
		fprintf(stderr, "usage: netmodel SHAPE FILE.ink\n");
		return 2;
	}
	net_build(&net, "", 8, argv[1]);
	if (!net.layers || net.layer[net.layers - 1].m != 2) {
		fprintf(stderr, "netmodel: %s isn't layers that end in 2\n", argv[1]);
		return 2;
	}
	image = ours_image(&net, AROUND_QUANT | AROUND_VERDICT, &size);
	f = fopen(argv[2], "w");
	if (!f || fwrite(image, 1, size, f) != size || fclose(f)) {
		perror(argv[2]);
		return 1;
	}
	free(image);
	net_free(&net);
	return 0;
}
