// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions: slots called through /dev/inkling.
 *
 * What lives here: open, bind, run, and what the errors mean. What doesn't:
 * managing slots, which is done over netlink (slot.c).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "internal.h"

#define DEVICE	"/dev/inkling"

struct ink_session {
	int fd;
	char slot[INKLING_SLOT_NAME_MAX];
};

static int fail_open(int code)
{
	if (code == ENOENT || code == ENXIO || code == ENODEV) {
		ink_failure_set(ENODEV, "%s isn't there: the module isn't loaded", DEVICE);
		ink_failure_hint("load it: modprobe inkling (\"inkling doctor\" says more)");
	} else {
		ink_failure_set(code, "%s: %s", DEVICE, strerror(code));
		if (code == EACCES)
			ink_failure_hint("its owner and mode decide who may open it: ls -l %s", DEVICE);
	}
	return -code;
}

static int fail_bind(const char *slot, int code)
{
	switch (code) {
	case ENOENT:
		ink_failure_set(code, "there is no slot %s", slot);
		ink_failure_hint("\"inkling slots\" lists what there is");
		break;
	case EACCES:
		ink_failure_set(code, "slot %s: its owner, group and mode don't let you run it", slot);
		ink_failure_hint("as root: inkling set %s gid=GROUP perm=0750", slot);
		break;
	case EPERM:
		ink_failure_set(code, "slot %s isn't for task context", slot);
		ink_failure_hint("contexts are fixed when a slot is created: make one with \"task\"");
		break;
	default:
		ink_failure_set(code, "bind to slot %s: %s", slot, strerror(code));
	}
	return -code;
}

static int fail_run(const struct ink_session *s, int code)
{
	switch (code) {
	case ENODEV:
		ink_failure_set(code, "slot %s was deleted", s->slot);
		break;
	case ENODATA:
		ink_failure_set(code, "slot %s has no model", s->slot);
		ink_failure_hint("load one: inkling load MODEL.ink --slot %s", s->slot);
		break;
	case EINVAL:
		ink_failure_set(code, "slot %s: the input's or output's size isn't the model's", s->slot);
		ink_failure_hint("ink_session_info() and \"inkling show %s\" tell the sizes", s->slot);
		break;
	default:
		ink_failure_set(code, "run in slot %s: %s", s->slot, strerror(code));
	}
	return -code;
}

struct ink_session *ink_session_open(const char *slot, unsigned int flags)
{
	struct inkling_bind bind = { .size = sizeof(bind) };
	struct ink_session *s;
	int err;

	if (flags != INK_DEFAULTS) {
		ink_failure_set(EINVAL, "unknown session flags 0x%x", flags);
		return NULL;
	}
	if (!*slot || strlen(slot) >= sizeof(bind.slot)) {
		ink_failure_set(EINVAL, "\"%.40s\" can't be the name of a slot", slot);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		ink_failure_set(ENOMEM, "no memory for a session");
		return NULL;
	}
	strcpy(s->slot, slot);
	strcpy(bind.slot, slot);
	s->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		err = fail_open(errno);
	else
		err = ioctl(s->fd, INKLING_IOC_BIND, &bind) ? fail_bind(slot, errno) : 0;
	if (!err)
		return s;
	ink_session_close(s);
	errno = ink_failure_last()->code;
	return NULL;
}

void ink_session_close(struct ink_session *session)
{
	if (!session)
		return;
	if (session->fd >= 0)
		close(session->fd);
	free(session);
}

int ink_session_fd(const struct ink_session *session)
{
	return session->fd;
}

int ink_session_info(struct ink_session *session, struct inkling_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return ioctl(session->fd, INKLING_IOC_INFO, info) ? fail_run(session, errno) : 0;
}

int ink_session_run_batch(struct ink_session *session, size_t count, const void *in,
			  size_t in_len, void *out, size_t out_len,
			  struct inkling_verdict *verdicts)
{
	struct inkling_run run;
	size_t done;

	if (in_len > U32_MAX || out_len > U32_MAX || (!out && out_len))
		return ink_failure_set(EINVAL, "input or output size out of range");
	for (done = 0; done < count; done += run.count) {
		run = (struct inkling_run){
			.size = sizeof(run),
			.count = (u32)min_t(size_t, count - done, INKLING_BATCH_MAX),
			.input_size = (u32)in_len,
			.output_size = out ? (u32)out_len : 0,
			.inputs = (uintptr_t)in + done * in_len,
			.outputs = out ? (uintptr_t)out + done * out_len : 0,
			.verdicts = verdicts ? (uintptr_t)(verdicts + done) : 0,
		};
		if (ioctl(session->fd, INKLING_IOC_RUN, &run))
			return fail_run(session, errno);
		if (run.done != run.count)
			return ink_failure_set(EIO, "slot %s ran %u of %u inputs", session->slot,
					       run.done, run.count);
	}
	return 0;
}

int ink_session_run(struct ink_session *session, const void *in, size_t in_len, void *out,
		    size_t out_len)
{
	return ink_session_run_batch(session, 1, in, in_len, out, out_len, NULL);
}

int ink_session_verdict(struct ink_session *session, const void *in, size_t in_len,
			struct inkling_verdict *verdict)
{
	return ink_session_run_batch(session, 1, in, in_len, NULL, 0, verdict);
}
