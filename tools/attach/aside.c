// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls in a process of their own; see aside.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aside.h"

/* In front of the result, in memory that both processes have. */
struct ink_aside_shared {
	int code;
	bool done;
	char result[] __attribute__((aligned(16)));
};

static void ink_aside_child(pid_t parent, struct ink_aside_shared *s,
			    int (*call)(const void *arg, void *result), const void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);	/* it was killed before the line above */
	s->code = call(arg, s->result);
	s->done = true;
	fflush(stderr);
	_exit(0);		/* what the caller has in stdout's buffer is the caller's to write */
}

int ink_aside(int (*call)(const void *arg, void *result), const void *arg, void *result,
	      size_t size)
{
	struct ink_aside_shared *s = mmap(NULL, sizeof(*s) + size, PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid(), child, ended;
	int code;

	if (s == MAP_FAILED)
		return -errno;
	if (size)
		memcpy(s->result, result, size);
	child = fork();
	if (!child)
		ink_aside_child(parent, s, call, arg);
	code = child < 0 ? -errno : 0;
	if (!code) {
		do
			ended = waitpid(child, NULL, 0);
		while (ended < 0 && errno == EINTR);
		code = s->done ? s->code : -EIO;
	}
	if (size)
		memcpy(result, s->result, size);
	munmap(s, sizeof(*s) + size);
	return code;
}
