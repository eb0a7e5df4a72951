/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs of tc on an interface.
 *
 * What lives here: putting one on and taking it off, as a TCX link where the
 * kernel has them (Linux 6.6), else as a filter of a clsact qdisc. What doesn't:
 * which program, and XDP (program.h).
 */
#ifndef INK_PROGRAM_TC_H
#define INK_PROGRAM_TC_H

#include "pins.h"

/**
 * struct ink_tc_place - where a program hangs
 * @ifindex: of the interface, in the current network namespace
 * @priority: of the filter, where the kernel has no links of tc; each kind of
 *	program has one of its own, so that one whose attacher was killed is
 *	replaced, not joined, by the next
 * @pin: path of the link's pin
 */
struct ink_tc_place {
	uint32_t ifindex;
	uint32_t priority;
	const char *pin;
};

#define INK_TC_FLOW	0xb700	/* priorities */
#define INK_TC_DNS	0xb701

/**
 * ink_tc_attach() - run a program on each packet of one direction
 * @prog: descriptor of the program
 * @place: where
 * @out: packets on their way out, else in
 * @tc: set: how it hangs there
 *
 * Return: 0 or -errno.
 */
int ink_tc_attach(int prog, const struct ink_tc_place *place, bool out, struct ink_tc_record *tc);

/* Is it still there? */
bool ink_tc_alive(const struct ink_tc_place *place, const struct ink_tc_record *tc);

/*
 * Take it off; of a qdisc that was made for it nothing stays unless others use
 * it by now. Return: 0, also when it was off already, or -errno.
 */
int ink_tc_detach(const struct ink_tc_place *place, const struct ink_tc_record *tc);

/*
 * Take off what a command that was killed left without a record, if it is a program whose name begins with
 * @name; a link dies with its command.
 */
void ink_tc_sweep(uint32_t ifindex, uint32_t priority, const char *name);

#endif /* INK_PROGRAM_TC_H */
