/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the engine asks of its environment, answered by userspace.
 *
 * What lives here: the types, helpers and allocation that kmod/core and
 * kmod/arch use, for libinkling, the unit tests and the fuzzers. What doesn't:
 * anything of the kernel's, which has a header of the same name with the same
 * interface. A program that wants other ways to allocate (a fuzzer that makes
 * allocations fail) defines INK_PORT_ALLOC_HOOK and ink_port_alloc_hook().
 */
#ifndef INK_PORT_H
#define INK_PORT_H

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <linux/types.h>
#include <nettle/sha2.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Inkling images are little-endian; there is no big-endian build"
#endif

#ifndef S8_MAX
#define S8_MAX	((s8)0x7f)
#define S8_MIN	((s8)(-S8_MAX - 1))
#define S16_MAX	((s16)0x7fff)
#define S16_MIN	((s16)(-S16_MAX - 1))
#define S32_MAX	((s32)0x7fffffff)
#define S32_MIN	((s32)(-S32_MAX - 1))
#define S64_MAX	((s64)0x7fffffffffffffffLL)
#define S64_MIN	((s64)(-S64_MAX - 1))
#define U8_MAX	((u8)~0U)
#define U16_MAX	((u16)~0U)
#define U32_MAX	((u32)~0U)
#define U64_MAX	((u64)~0ULL)
#endif

/* Kernels may fill local variables with zeros; not those. */
#ifndef __uninitialized
#define __uninitialized
#endif

#ifndef likely
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#endif

#ifndef __always_inline
#define __always_inline	inline __attribute__((__always_inline__))
#endif
#ifndef __maybe_unused
#define __maybe_unused	__attribute__((__unused__))
#endif
#ifndef __printf
#define __printf(a, b)	__attribute__((__format__(printf, a, b)))
#endif
#ifndef __aligned
#define __aligned(x)	__attribute__((__aligned__(x)))
#endif
#ifndef __packed
#define __packed	__attribute__((__packed__))
#endif
#ifndef fallthrough
#if defined(__has_attribute) && __has_attribute(__fallthrough__)
#define fallthrough	__attribute__((__fallthrough__))
#else
#define fallthrough	do {} while (0)
#endif
#endif

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif
#ifndef sizeof_field
#define sizeof_field(t, f)	sizeof(((t *)0)->f)
#endif
#ifndef offsetofend
#define offsetofend(t, f)	(offsetof(t, f) + sizeof_field(t, f))
#endif
#ifndef BIT
#define BIT(n)		(1UL << (n))
#define BIT_ULL(n)	(1ULL << (n))
#endif
#ifndef ALIGN
#define ALIGN(x, a)		(((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#endif
#ifndef DIV_ROUND_UP
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#endif

/* Each argument is evaluated once, as in the kernel. */
#ifndef min
#define min(a, b) __extension__ ({		\
	__auto_type _min_a = (a);		\
	__auto_type _min_b = (b);		\
	_min_a < _min_b ? _min_a : _min_b; })
#define max(a, b) __extension__ ({		\
	__auto_type _max_a = (a);		\
	__auto_type _max_b = (b);		\
	_max_a > _max_b ? _max_a : _max_b; })
#endif
#ifndef min_t
#define min_t(t, a, b) __extension__ ({		\
	t _mint_a = (a);			\
	t _mint_b = (b);			\
	_mint_a < _mint_b ? _mint_a : _mint_b; })
#define max_t(t, a, b) __extension__ ({		\
	t _maxt_a = (a);			\
	t _maxt_b = (b);			\
	_maxt_a > _maxt_b ? _maxt_a : _maxt_b; })
#endif
#ifndef clamp_t
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#endif
#ifndef clamp
#define clamp(v, lo, hi)	clamp_t(__typeof__(v), v, lo, hi)
#endif
#ifndef swap
#define swap(a, b) do {				\
	__typeof__(a) _swap_t = (a);		\
	(a) = (b);				\
	(b) = _swap_t;				\
} while (0)
#endif

/* True when the exact result doesn't fit into *d. */
#ifndef check_add_overflow
#define check_add_overflow(a, b, d)	__builtin_add_overflow(a, b, d)
#define check_sub_overflow(a, b, d)	__builtin_sub_overflow(a, b, d)
#define check_mul_overflow(a, b, d)	__builtin_mul_overflow(a, b, d)
#endif

/* Nothing to speculate into: the image and its reader share one process. */
#ifndef array_index_nospec
#define array_index_nospec(index, size)	((void)(size), (index))
#endif

#ifndef READ_ONCE
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#endif

static inline u64 div64_u64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline s64 div64_s64(s64 dividend, s64 divisor)
{
	return dividend / divisor;
}

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}

static inline s64 div_s64(s64 dividend, s32 divisor)
{
	return dividend / divisor;
}

static inline u64 div64_u64_rem(u64 dividend, u64 divisor, u64 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

/* Number of the highest bit that is set, from 1; 0 for 0. */
static inline int fls(u32 x)
{
	return x ? 32 - __builtin_clz(x) : 0;
}

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline int ilog2(u64 x)
{
	return fls64(x) - 1;
}

/* Unaligned loads and stores; compilers make one instruction of them. */
#define INK_PORT_UNALIGNED(bits)					\
static inline u##bits get_unaligned_le##bits(const void *p)		\
{									\
	u##bits v;							\
									\
	memcpy(&v, p, sizeof(v));					\
	return v;							\
}									\
static inline void put_unaligned_le##bits(u##bits v, void *p)		\
{									\
	memcpy(p, &v, sizeof(v));					\
}
INK_PORT_UNALIGNED(16)
INK_PORT_UNALIGNED(32)
INK_PORT_UNALIGNED(64)
#undef INK_PORT_UNALIGNED

#ifdef INK_PORT_ALLOC_HOOK
/* Return false to make this allocation fail. */
bool ink_port_alloc_hook(size_t size);
#else
static inline bool ink_port_alloc_hook(size_t size __maybe_unused)
{
	return true;
}
#endif

/**
 * ink_port_alloc() - memory for plans and checked graphs
 * @size: bytes; 0 is allowed and gives a pointer that may be freed
 *
 * Return: memory aligned to 64 bytes, not cleared; NULL when there is none.
 */
static inline void *ink_port_alloc(size_t size)
{
	void *p = NULL;

	/* Exactly @size, so that ASan sees the first byte behind it. */
	if (!ink_port_alloc_hook(size) || posix_memalign(&p, 64, size ? size : 1))
		return NULL;
	return p;
}

/* As ink_port_alloc(), cleared. */
static inline void *ink_port_zalloc(size_t size)
{
	void *p = ink_port_alloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

/* Free what the two above gave; NULL is allowed. */
static inline void ink_port_free(const void *p)
{
	free((void *)(uintptr_t)p);
}

/**
 * struct ink_port_sha256_state - a SHA-256 on its way
 * @ctx: nettle's state
 */
struct ink_port_sha256_state {
	struct sha256_ctx ctx;
};

static inline void ink_port_sha256_init(struct ink_port_sha256_state *state)
{
	sha256_init(&state->ctx);
}

static inline void ink_port_sha256_update(struct ink_port_sha256_state *state,
					  const void *data, size_t size)
{
	sha256_update(&state->ctx, size, data);
}

static inline void ink_port_sha256_final(struct ink_port_sha256_state *state, u8 digest[32])
{
	sha256_digest(&state->ctx, 32, digest);
}

/**
 * ink_port_sha256() - SHA-256 of one piece of memory
 * @data: may be NULL when @size is 0
 * @size: bytes
 * @digest: 32 bytes, set
 */
static inline void ink_port_sha256(const void *data, size_t size, u8 digest[32])
{
	struct ink_port_sha256_state state;

	ink_port_sha256_init(&state);
	ink_port_sha256_update(&state, data, size);
	ink_port_sha256_final(&state, digest);
}

/* A long check lets others run now and then; here the scheduler sees to that. */
static inline void ink_port_yield(void)
{
}

static inline void ink_port_copy(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
}

/* Userspace owns its vector registers. */
static inline void ink_port_fpu_begin(void)
{
}

static inline void ink_port_fpu_end(void)
{
}

/* As the kernel's scnprintf(): what was written, never more than fits. */
static inline __printf(3, 4) int ink_port_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	if (n < 0 || !size)
		return 0;
	return (size_t)n < size ? n : (int)size - 1;
}

static inline __printf(3, 0) int ink_port_vsnprintf(char *buf, size_t size, const char *fmt,
						    va_list args)
{
	int n = vsnprintf(buf, size, fmt, args);

	if (n < 0 || !size)
		return 0;
	return (size_t)n < size ? n : (int)size - 1;
}

/* Does this CPU have the vectors that kmod/arch/x86 is written for? */
static inline bool ink_port_has_avx2(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("avx2");
#else
	return false;
#endif
}

/* AVX512-VNNI at 256 bits. */
static inline bool ink_port_has_avx512vnni(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl");
#else
	return false;
#endif
}

/* AVX-VNNI, whose registers are AVX2's; asked only where that is there. */
static inline bool ink_port_has_avxvnni(void)
{
#if defined(__x86_64__)
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 1, &a, &b, &c, &d) && a & 1u << 4;
#else
	return false;
#endif
}

#endif /* INK_PORT_H */
