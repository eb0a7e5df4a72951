// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the engine costs in the kernel, in instructions; see icount.c.
 *
 * What lives here: asking module.c, which times the engine and nothing else. Beside that stands what
 * a system call pays besides for having used the vector registers: those of the process are restored
 * when it returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "icount.h"
#include "module.h"

struct ask {
	int fd;
	struct icount_run run;
};

static void call_module(void *arg)
{
	struct ask *a = arg;

	if (ioctl(a->fd, ICOUNT_RUN, &a->run))
		icount_fail("the engine in the kernel");
}

/* The median of what the module has timed itself. */
static unsigned long long inside(struct ask *a, enum icount_what what)
{
	static unsigned long long v[CALLS];
	size_t i;

	a->run.what = what;
	for (i = 0; i < CALLS; i++) {
		call_module(a);
		v[i] = a->run.ns;
	}
	return icount_median(v, CALLS);
}

/* The median of whole calls. */
static unsigned long long outside(struct ask *a, enum icount_what what)
{
	a->run.what = what;
	return icount_calls(call_module, a);
}

static void load(int fd, const char *path)
{
	struct stat st;
	int file = open(path, O_RDONLY);
	void *image;

	if (file < 0 || fstat(file, &st))
		icount_fail(path);
	image = malloc((size_t)st.st_size);
	if (read(file, image, (size_t)st.st_size) != st.st_size || write(fd, image, (size_t)st.st_size) < 0)
		icount_fail(path);
	free(image);
	close(file);
}

void icount_kernel(const char *path, const void *input, const void *output, size_t out_size)
{
	struct ask a = { .fd = open("/dev/inkling-icount", O_RDWR) };
	void *out = calloc(1, out_size);
	unsigned long long clock, engine, restored;

	if (a.fd < 0)
		icount_fail("/dev/inkling-icount");
	load(a.fd, path);
	a.run.input = (uintptr_t)input;
	a.run.output = (uintptr_t)out;
	clock = inside(&a, ICOUNT_CLOCK);
	engine = inside(&a, ICOUNT_ENGINE) - clock;
	if (memcmp(out, output, out_size)) {
		errno = 0;
		icount_fail("the engine in the kernel gives another output");
	}
	restored = outside(&a, ICOUNT_FPU) - outside(&a, ICOUNT_CLOCK) -
		   (inside(&a, ICOUNT_FPU) - clock);
	printf("the engine alone, in the kernel\t%llu\n", engine);
	printf("the same, and the process gets its registers back\t%llu\n", engine + restored);
	free(out);
	close(a.fd);
}
