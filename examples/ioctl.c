// SPDX-License-Identifier: GPL-2.0-only
/*
 * One input, one verdict, one system call.
 *
 *   cc -o ioctl ioctl.c $(pkg-config --cflags --libs libinkling)
 *   ./ioctl SLOT [MODEL.ink] VALUE...
 *
 * The values are the slot's raw features in their order ("inkling inspect"). With a file, the model runs in
 * this process when the module isn't loaded; the answer is the same.
 */
#include <inkling.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what)
{
	const struct ink_failure *f = ink_failure_last();

	fprintf(stderr, "%s: %s\n", what, f->text);
	if (f->hint[0])
		fprintf(stderr, "  %s\n", f->hint);
	return 1;
}

int main(int argc, char **argv)
{
	struct ink_session_options options = { 0 };
	struct inkling_verdict verdict;
	struct inkling_info info;
	struct ink_session *s;
	int32_t *in;
	int i, first = 2, err;

	if (argc > 2 && strstr(argv[2], ".ink")) {
		options.model = argv[2];
		first = 3;
	}
	if (argc <= first) {
		fprintf(stderr, "usage: %s SLOT [MODEL.ink] VALUE...\n", argv[0]);
		return 2;
	}
	s = ink_session_open_with(argv[1], &options);
	if (!s || ink_session_info(s, &info))
		return fail(argv[1]);
	in = calloc((size_t)(argc - first), sizeof(*in));
	if (!in)
		return 1;
	for (i = first; i < argc; i++)
		in[i - first] = atoi(argv[i]);

	err = ink_session_verdict(s, in, (size_t)(argc - first) * sizeof(*in), &verdict);
	if (err)
		return fail(argv[1]);
	printf("class %u of %u, score %d, action %s%s\n", verdict.class, info.n_classes, verdict.score,
	       verdict.action == INKLING_ACTION_DROP ? "drop" :
	       verdict.action == INKLING_ACTION_ALERT ? "alert" : "pass",
	       ink_session_in_process(s) ? " (in this process)" : "");
	free(in);
	ink_session_close(s);
	return 0;
}
