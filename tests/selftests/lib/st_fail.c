// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations of the kernel that fail on purpose; see st_fail.h.
 */
#include "st_fail.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#define DEBUG	"/sys/kernel/debug/"

static int fail_nth;

static void write_to(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		st_bail("%s: %s", path, strerror(errno));
	close(file);
}

void st_fail_open(void)
{
	glob_t found;
	size_t i;

	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0 || access(DEBUG "failslab", F_OK) || access(DEBUG "fail_page_alloc", F_OK)) {
		printf("1..0 # SKIP this kernel can't make allocations fail: it has no fail-nth\n");
		exit(4);
	}
	write_to(DEBUG "failslab/ignore-gfp-wait", "N");
	write_to(DEBUG "fail_page_alloc/ignore-gfp-wait", "N");
	write_to(DEBUG "fail_page_alloc/min-order", "0");
	if (!glob(DEBUG "fail*/verbose", 0, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++)
			write_to(found.gl_pathv[i], "0");
		globfree(&found);
	}
}

void st_fail_set(u32 n)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%u", n);

	/* What is still to fail may be this very copy; then it won't be another one. */
	while (pwrite(fail_nth, text, (size_t)size, 0) != size)
		if (errno != EFAULT)
			st_bail("fail-nth: %s", strerror(errno));
}

bool st_fail_reached(void)
{
	char text[16] = "1";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0 && errno != EFAULT)
		st_bail("fail-nth: %s", strerror(errno));
	st_fail_set(0);
	return !atoi(text);
}

void st_fail_close(void)
{
	write_to(DEBUG "failslab/ignore-gfp-wait", "Y");
	write_to(DEBUG "fail_page_alloc/ignore-gfp-wait", "Y");
	close(fail_nth);
}
