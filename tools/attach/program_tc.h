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
 * ink_tc_attach() - run a program on each packet of one direction
 * @prog: descriptor of the program
 * @ifindex: of the interface, in the current network namespace
 * @out: packets on their way out, else in
 * @target: for the pin of the link
 * @tc: set: how it hangs there
 *
 * Return: 0 or -errno.
 */
int ink_tc_attach(int prog, uint32_t ifindex, bool out, const char *target,
		  struct ink_tc_record *tc);

/* Is it still there, in the current network namespace? */
bool ink_tc_alive(const struct ink_attachment *record, const struct ink_tc_record *tc);

/*
 * Take it off; of a qdisc that was made for it nothing stays unless others use
 * it by now. Return: 0, also when it was off already, or -errno.
 */
int ink_tc_detach(const struct ink_attachment *record, const struct ink_tc_record *tc);

/* Take off what a command that was killed left without a record; a link dies with its command. */
void ink_tc_sweep(uint32_t ifindex);

#endif /* INK_PROGRAM_TC_H */
