/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exponential of SOFTMAX and NLL by its definition, for second implementations
 * of operators.
 */
#ifndef INK_TEST_EXP2_REF_H
#define INK_TEST_EXP2_REF_H

#include <math.h>

typedef __int128 wide;

/* 2^-t in Q30 of t in 16.16, on a table computed here. */
static inline wide exp2_q30_ref(wide t)
{
	wide whole = t >> 16, a, b;

	if (whole > 30)
		return 0;
	a = llroundl(ldexpl(exp2l(-(long double)((t >> 8) % 256) / 256), 30));
	b = llroundl(ldexpl(exp2l(-(long double)((t >> 8) % 256 + 1) / 256), 30));
	return (a - (((a - b) * (t % 256)) >> 8)) >> whole;
}

#endif /* INK_TEST_EXP2_REF_H */
