/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of inkling doctor share.
 */
#ifndef INK_DOCTOR_H
#define INK_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>
#include "cli.h"

enum ink_health {
	INK_HEALTH_OK,
	INK_HEALTH_NOTE,	/* works, but could be better or is only sometimes needed */
	INK_HEALTH_OFF,		/* doesn't work */
};

/* Print or collect one finding; @why and @remedy may be NULL. */
void ink_doctor_say(const char *what, enum ink_health health, const char *why,
		    const char *remedy);

/* doctor_users.c: who holds the module. */
void ink_doctor_users(void);

#endif /* INK_DOCTOR_H */
