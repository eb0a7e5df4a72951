/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For selftests that make allocations of the kernel fail, one at a time, by
 * /proc/thread-self/fail-nth. Its copies from and to the process count as well.
 */
#ifndef INK_ST_FAIL_H
#define INK_ST_FAIL_H

#include "st.h"

/*
 * From now on sleeping allocations can fail too, single pages among them, without
 * a word in the log. The whole test is skipped in a kernel that has no such thing.
 */
void st_fail_open(void);
void st_fail_close(void);
/* The calling thread's @n-th allocation from here on fails; 0: none. */
void st_fail_set(u32 n);
/* None fails any more; has the one failed that was to? */
bool st_fail_reached(void);

#endif /* INK_ST_FAIL_H */
