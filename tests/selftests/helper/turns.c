// SPDX-License-Identifier: GPL-2.0-only
/*
 * Swaps a slot's model and switches its mode as fast as it goes; started by
 * tests/long/turns while packets are judged.
 *
 *	turns SLOT SWAPS MODES
 *
 * The slot has a previous model, and each rollback makes it the current one.
 */
#include <inkling.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODES_NR	2

static int turns_mode(struct ink_ctl *ctl, const char *slot, long n)
{
	static const uint32_t modes[MODES_NR] = { INKLING_MODE_MONITOR, INKLING_MODE_ENFORCE };
	struct ink_slot_change change = { .set = INK_SET_MODE, .mode = modes[n % MODES_NR] };

	return ink_slot_set(ctl, slot, &change);
}

int main(int argc, char **argv)
{
	struct ink_ctl *ctl = ink_ctl_open();
	long swaps, modes, i, done = 0;
	int err = 0;

	if (argc != 4 || !ctl) {
		fprintf(stderr, "turns SLOT SWAPS MODES; needs the module\n");
		return 2;
	}
	swaps = atol(argv[2]);
	modes = atol(argv[3]);
	for (i = 0; i < swaps && !err; i++) {
		err = ink_slot_rollback(ctl, argv[1]);
		for (; !err && done * swaps < modes * (i + 1); done++)
			err = turns_mode(ctl, argv[1], done);
	}
	printf("%ld swaps, %ld switches of mode%s%s\n", i, done, err ? ": " : "",
	       err ? strerror(-err) : "");
	ink_ctl_close(ctl);
	return err || i != swaps || done != modes;
}
