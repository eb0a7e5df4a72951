// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the daemon says; see journal.h.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <stdlib.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "journal.h"

void ink_say(int priority, const char *id, const char *slot, const char *model, const char *text)
{
	/* Set by systemd for services whose output goes to the journal. */
	if (!getenv("JOURNAL_STREAM")) {
		fprintf(stderr, "inklingd: %s%s%s\n", slot ?: "", slot ? ": " : "", text);
		return;
	}
	if (slot)
		sd_journal_send("MESSAGE=%s: %s", slot, text, "PRIORITY=%i", priority,
				"MESSAGE_ID=%s", id, "SLOT=%s", slot, "MODEL=%s", model ?: "",
				NULL);
	else
		sd_journal_send("MESSAGE=%s", text, "PRIORITY=%i", priority, "MESSAGE_ID=%s", id,
				NULL);
}
