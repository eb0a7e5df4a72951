// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions of language models.
 *
 * What lives here: texts that the kernel continues, and what a session
 * remembers. What doesn't: single runs (session.c), tokens and text
 * (tokenizer.c), and models in this process (model.c).
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

static int needs_kernel(const struct ink_session *session)
{
	if (!ink_session_in_process(session))
		return 0;
	ink_failure_set(EOPNOTSUPP, "the module isn't loaded, and the session's model runs in this process");
	ink_failure_hint("ink_model_run() reads tokens there");
	return -EOPNOTSUPP;
}

static int fail_text(int code)
{
	switch (code) {
	case EOPNOTSUPP:
		ink_failure_set(code, "the slot's model isn't a language model");
		ink_failure_hint("one has a sequence as input, keeps states, and gives a logit for each token");
		break;
	case ENOSPC:
		ink_failure_set(code, "the model has no room for more tokens");
		ink_failure_hint("ink_session_reset() forgets some of them, or all");
		break;
	case EINVAL:
		ink_failure_set(code, "a number is out of its range, or there is no text to go on from");
		break;
	case ENODATA:
		ink_failure_set(code, "the slot has no model, or is off, or the other session holds nothing");
		break;
	default:
		ink_failure_set(code, "%s", strerror(code));
	}
	return -code;
}

int ink_session_generate(struct ink_session *session, struct inkling_generate *text)
{
	int err = needs_kernel(session);

	if (err)
		return err;
	text->size = sizeof(*text);
	return ioctl(ink_session_fd(session), INKLING_IOC_GENERATE, text) ? fail_text(errno) : 0;
}

int ink_session_reset(struct ink_session *session, uint32_t tokens)
{
	struct inkling_reset reset = { .size = sizeof(reset), .tokens = tokens };
	int err = needs_kernel(session);

	if (err)
		return err;
	return ioctl(ink_session_fd(session), INKLING_IOC_RESET, &reset) ? fail_text(errno) : 0;
}

int ink_session_fork(struct ink_session *to, const struct ink_session *from, uint32_t tokens)
{
	struct inkling_fork fork = { .size = sizeof(fork), .tokens = tokens };
	int err = needs_kernel(to) ?: needs_kernel(from);

	if (err)
		return err;
	fork.session = ink_session_fd(from);
	return ioctl(ink_session_fd(to), INKLING_IOC_FORK, &fork) ? fail_text(errno) : 0;
}
