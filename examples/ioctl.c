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
#include <err.h>
#include <inkling.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct ink_session_options options = { 0 };
	struct inkling_verdict verdict;
	struct inkling_info info;
	struct ink_session *s;
	int32_t *in;
	int i, first = 2;

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
		errx(1, "%s. %s", ink_failure_last()->text, ink_failure_last()->hint);
	in = calloc((size_t)(argc - first), sizeof(*in));
	if (!in)
		return 1;
	for (i = first; i < argc; i++)
		in[i - first] = atoi(argv[i]);

	if (ink_session_verdict(s, in, (size_t)(argc - first) * sizeof(*in), &verdict))
		errx(1, "%s. %s", ink_failure_last()->text, ink_failure_last()->hint);
	printf("class %u of %u, score %d, action %s%s\n", verdict.class, info.n_classes, verdict.score,
	       verdict.action == INKLING_ACTION_DROP ? "drop" :
	       verdict.action == INKLING_ACTION_ALERT ? "alert" : "pass",
	       ink_session_in_process(s) ? " (in this process)" : "");
	free(in);
	ink_session_close(s);
	return 0;
}
