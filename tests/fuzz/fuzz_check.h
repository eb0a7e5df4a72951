/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a fuzzer asks of its input's result: it aborts where that doesn't hold.
 */
#ifndef INK_FUZZ_CHECK_H
#define INK_FUZZ_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		abort();						\
	}								\
} while (0)

#endif /* INK_FUZZ_CHECK_H */
