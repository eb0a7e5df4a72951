// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints: each run and each load leaves its line.
 */
#include "st.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#define TRACEFS	"/sys/kernel/tracing"

static void put(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACEFS "/%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		st_bail("%s: %s", path, strerror(errno));
	close(fd);
}

/* Lines of the trace with these words. */
static int lines(const char *words)
{
	FILE *f = fopen(TRACEFS "/trace", "r");
	char line[1024];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, words) != NULL;
	if (f)
		fclose(f);
	return n;
}

int main(void)
{
	struct ink_ctl *ctl = st_ctl();
	struct image flow = model_image(MODEL_FLOW), bad = model_image(MODEL_FLOW);
	struct inkling_verdict v[10];
	struct ink_session *session;
	u8 *in = st_inputs(&flow, 1, 10);
	char words[200];
	u32 id, i;

	if (access(TRACEFS "/events", F_OK) && mount("tracefs", TRACEFS, "tracefs", 0, NULL))
		st_bail("tracefs: %s", strerror(errno));
	put("trace", "");
	put("events/inkling/enable", "1");
	id = st_slot_with(ctl, "traced", INKLING_CTX_TASK, &flow);
	image_op(&bad, 1)->flags = 1;
	ink_image_seal(bad.p, bad.size);
	ink_load(ctl, bad.p, bad.size, "traced", NULL, NULL, NULL, NULL);
	session = ink_session_open("traced", INK_DEFAULTS);
	if (ink_session_run_batch(session, 10, in, 12, NULL, 0, v))
		st_bail("run: %s", ink_failure_last()->text);
	put("events/inkling/enable", "0");
	st_is(lines(" load: slot=traced "), 2, "two loads");
	st_is(lines("rule=0 err=0 generation=1"), 1, "one that worked");
	st_is(lines(" err=-22 generation=0"), 1, "one that was refused");
	snprintf(words, sizeof(words), " run: slot=%#x generation=1 class=", id);
	st_is(lines(words), 10, "ten runs");
	snprintf(words, sizeof(words), "class=%u score=%d action=%s mode=enforce context=task ns=",
		 v[9].class, v[9].score, v[9].class ? "alert" : "pass");
	for (i = 0; i < 10; i++)
		if (v[i].class == v[9].class && v[i].score == v[9].score)
			break;
	st_ok(lines(words) >= 1, "the last one: %s", words);
	ink_session_close(session);
	ink_slot_del(ctl, "traced");
	ink_ctl_close(ctl);
	return st_done();
}
