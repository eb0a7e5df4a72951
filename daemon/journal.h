/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon says: to the journal with fields, or to stderr without one.
 */
#ifndef INK_JOURNAL_H
#define INK_JOURNAL_H

#include "unit.h"

/* Catalogue of messages; inklingd(8) lists them. */
#define INK_MSG_CHANGE	"a5c37b3aa09d45548df31ccc3a4f7191"	/* a step was carried out */
#define INK_MSG_FAILED	"93c86e80a6b7489aac03112efabd0578"	/* a step failed */
#define INK_MSG_REFUSED	"6aff977c22314d96aced9a9b14d7e92b"	/* a file is refused */
#define INK_MSG_LEFT	"3ef310a3926d4b16bc6dee08bc1e414c"	/* something isn't touched */
#define INK_MSG_STATUS	"a11e9f7715124d45959ba0cd5cbc6eb6"	/* how things are, when that changes */

/**
 * ink_say() - say one line
 * @priority: of syslog.h
 * @id: INK_MSG_*
 * @slot: it concerns, or NULL
 * @model: of that slot, hexadecimal digest, or NULL
 * @text: one line
 */
void ink_say(int priority, const char *id, const char *slot, const char *model, const char *text);

#endif /* INK_JOURNAL_H */
