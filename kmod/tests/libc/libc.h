/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The little of the C library that the engine's unit tests need, answered by
 * the kernel.
 *
 * What lives here: what tests/unit, tests/lib and the image writer of tools/lib
 * call, so that KUnit runs the same tests as userspace; the headers beside it
 * have the names that those include. What doesn't: anything that the module
 * itself could use.
 */
#ifndef INK_TEST_LIBC_H
#define INK_TEST_LIBC_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/sprintf.h>
#include <linux/stdarg.h>
#include <linux/string.h>
#include <linux/types.h>

#define INT8_MIN	S8_MIN
#define INT8_MAX	S8_MAX
#define INT16_MIN	S16_MIN
#define INT16_MAX	S16_MAX
#define INT32_MIN	S32_MIN
#define INT32_MAX	S32_MAX

void *ink_libc_alloc(size_t align, size_t size);
void *ink_libc_grow(void *p, size_t size);
void ink_libc_free(void *p);
/* The test ends here, failed. */
void ink_libc_abort(const char *file, int line, const char *fmt, ...) __printf(3, 4) __noreturn;

static inline void *malloc(size_t size)
{
	return ink_libc_alloc(1, size);
}

static inline void *calloc(size_t n, size_t size)
{
	void *p = ink_libc_alloc(1, n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

static inline void *aligned_alloc(size_t align, size_t size)
{
	return ink_libc_alloc(align, size);
}

static inline int posix_memalign(void **p, size_t align, size_t size)
{
	*p = ink_libc_alloc(align, size);
	return *p ? 0 : ENOMEM;
}

static inline void *realloc(void *p, size_t size)
{
	return ink_libc_grow(p, size);
}

static inline void free(void *p)
{
	ink_libc_free(p);
}

static inline long long llabs(long long v)
{
	return v < 0 ? -v : v;
}

/* There is no environment: tests take what they would without. */
static inline const char *getenv(const char *name)
{
	return NULL;
}

static inline unsigned long long strtoull(const char *s, char **end, int base)
{
	return 0;	/* nothing comes from the environment */
}

#define abort()			ink_libc_abort(__FILE__, __LINE__, "abort()")
#define assert(x) \
	((x) ? (void)0 : ink_libc_abort(__FILE__, __LINE__, "%s is false", #x))
#define stderr			NULL
#define fprintf(file, ...)	((void)(file), pr_err(__VA_ARGS__))

#endif /* INK_TEST_LIBC_H */
