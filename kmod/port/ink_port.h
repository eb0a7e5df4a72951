/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the engine asks of its environment, answered by the kernel.
 *
 * What lives here: the headers, allocation, hashing and FPU brackets that
 * kmod/core and kmod/arch use inside the module. What doesn't: anything of
 * the module's own; userspace has a header of the same name with the same
 * interface.
 */
#ifndef INK_PORT_H
#define INK_PORT_H

#include <crypto/sha2.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>
#if defined(CONFIG_X86) || defined(CONFIG_UML_X86)
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#endif
#ifdef CONFIG_X86
#include <asm/fpu/types.h>
#endif

#include "ink_copy.h"

#ifndef CONFIG_64BIT
#error "Inkling is for 64-bit kernels"
#endif
#ifdef __BIG_ENDIAN
#error "Inkling images are little-endian; there is no big-endian build"
#endif

/**
 * ink_port_alloc() - memory for plans and checked graphs
 * @size: bytes; 0 is allowed
 *
 * Charged to the memory cgroup of the task that loads. Small sizes are rounded
 * up to a power of two, since kmalloc() aligns only those to their size.
 *
 * Context: may sleep.
 * Return: memory aligned to 64 bytes, not cleared; NULL when there is none.
 */
static inline void *ink_port_alloc(size_t size)
{
	if (size < PAGE_SIZE)
		size = roundup_pow_of_two(max_t(size_t, size, 64));
	return kvmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

/* As ink_port_alloc(), cleared. */
static inline void *ink_port_zalloc(size_t size)
{
	void *p = ink_port_alloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

/* Free what the two above gave; NULL is allowed. Context: may sleep. */
static inline void ink_port_free(const void *p)
{
	kvfree(p);
}

/* A long check lets others run now and then. Context: may sleep. */
static inline void ink_port_yield(void)
{
	cond_resched();
}

/**
 * struct ink_port_sha256_state - a SHA-256 on its way
 * @ctx: the kernel library's state
 */
struct ink_port_sha256_state {
	struct sha256_state ctx;
};

static inline void ink_port_sha256_init(struct ink_port_sha256_state *state)
{
	sha256_init(&state->ctx);
}

static inline void ink_port_sha256_update(struct ink_port_sha256_state *state,
					  const void *data, size_t size)
{
	sha256_update(&state->ctx, data, size);
}

static inline void ink_port_sha256_final(struct ink_port_sha256_state *state, u8 digest[32])
{
	sha256_final(&state->ctx, digest);
}

/* SHA-256 of one piece of memory; @size is at most an image's. */
static inline void ink_port_sha256(const void *data, size_t size, u8 digest[32])
{
	sha256(data, size, digest);
}

/*
 * Bracket of vector code. Preemption is off in between, so a section is kept
 * short. Only called where may_use_simd() said so in the same context.
 */
#if defined(CONFIG_X86) || defined(CONFIG_UML_X86)
static inline void ink_port_fpu_begin(void)
{
	kernel_fpu_begin();
}

static inline void ink_port_fpu_end(void)
{
	kernel_fpu_end();
}
#else
static inline void ink_port_fpu_begin(void) { }
static inline void ink_port_fpu_end(void) { }
#endif

#define ink_port_snprintf	scnprintf
#define ink_port_vsnprintf	vscnprintf

/* Does this CPU have the vectors that kmod/arch/x86 is written for? */
static inline bool ink_port_has_avx2(void)
{
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_AVX2) &&
	       cpu_has_xfeatures(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM, NULL);
#elif defined(CONFIG_UML_X86) && defined(CONFIG_64BIT)
	return boot_cpu_has(X86_FEATURE_AVX2);
#else
	return false;
#endif
}

/* AVX512-VNNI at 256 bits, which needs all that AVX-512 adds to the state. */
static inline bool ink_port_has_avx512vnni(void)
{
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_AVX512_VNNI) && boot_cpu_has(X86_FEATURE_AVX512VL) &&
	       cpu_has_xfeatures(XFEATURE_MASK_AVX512, NULL);
#elif defined(CONFIG_UML_X86) && defined(CONFIG_64BIT)
	return boot_cpu_has(X86_FEATURE_AVX512_VNNI) && boot_cpu_has(X86_FEATURE_AVX512VL);
#else
	return false;
#endif
}

/* AVX-VNNI, whose registers are AVX2's; asked only where that is there. */
static inline bool ink_port_has_avxvnni(void)
{
#if defined(CONFIG_X86) || (defined(CONFIG_UML_X86) && defined(CONFIG_64BIT))
	return boot_cpu_has(X86_FEATURE_AVX_VNNI);
#else
	return false;
#endif
}

#endif /* INK_PORT_H */
