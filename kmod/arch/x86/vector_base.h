/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The operators in 256-bit vectors: what all of them need.
 *
 * What lives here: loads, sums of products, what compilers are told, and a division. What
 * doesn't: operators. A part of vector.h, which alone includes it.
 */
#ifndef INK_ARCH_X86_VECTOR_BASE_H
#define INK_ARCH_X86_VECTOR_BASE_H

#include <immintrin.h>

#include "ink_port.h"

/* A quotient that has to fit 32 bits, in a third of the time that one of 64 takes. */
static __always_inline u32 divide(u64 n, u32 by)
{
	u32 quotient = (u32)n, rest = (u32)(n >> 32);

	__asm__("divl %2" : "+a" (quotient), "+d" (rest) : "r" (by) : "cc");
	return quotient;
}

#define ink_quotient32(n, by)	divide(n, by)

#include "fixed.h"
#include "seq.h"
#include "x86.h"

#define UNROLL	_Pragma("GCC unroll 16")

/*
 * A value that stays in its register: compilers would load it again to save one,
 * or add sums in another order that needs more of them.
 */
#define KEEP(v)	__asm__("" : "+v" (v))

static __always_inline __m256i load(const void *p)
{
	return _mm256_load_si256(p);
}

static __always_inline __m256i loadu(const void *p)
{
	return _mm256_loadu_si256(p);
}

/* Two products of 16 bits added to each sum. */
static __always_inline __m256i dot_s16(__m256i acc, __m256i a, __m256i b)
{
#ifdef VECTOR_DPWSSD
	return VECTOR_DPWSSD(acc, a, b);
#else
	return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
#endif
}

#endif /* INK_ARCH_X86_VECTOR_BASE_H */
