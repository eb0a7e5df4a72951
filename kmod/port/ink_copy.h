/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies of the size of an input, in line.
 *
 * What lives here: the string move for kernel memory and for that of a process.
 * What doesn't: whether a place may be copied to, which callers have proven.
 *
 * Up to 1 KiB memcpy() moves word by word where the CPU lacks "fast short rep
 * mov", and copy_from_user() looks up what the kernel's side belongs to. One
 * string move instead takes a fifth of the instructions and, from a hundred
 * bytes or so on, less time than a loop.
 */
#ifndef INK_COPY_H
#define INK_COPY_H

#include <linux/instrumented.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define INK_COPY_STRING	112	/* bytes from which on it pays */

/* Copies @size bytes that don't overlap, each read once. */
static __always_inline void ink_port_copy(void *to, const void *from, size_t size)
{
#ifdef __x86_64__
	size_t words = size / 8;

	if (size >= INK_COPY_STRING) {
		instrument_read(from, size);
		instrument_write(to, size);
		asm volatile("rep movsq" : "+D" (to), "+S" (from), "+c" (words) : : "memory");
		size %= 8;
		if (likely(!size))
			return;
		/* Nearly all inputs are of 32-bit numbers. */
		if (size == 4) {
			memcpy(to, from, 4);
			return;
		}
	}
#endif
	memcpy(to, from, size);
}

/**
 * ink_copy_words_in() - copy whole words from a process
 * @to: kernel memory
 * @from: within user_read_access_begin()
 * @size: bytes; what is left of a word is the caller's to copy
 *
 * Return: false after a fault.
 */
static __always_inline bool ink_copy_words_in(void *to, const void __user *from, size_t size)
{
	size_t words = size / 8;

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
	asm volatile("1:	rep movsq\n"
		     "2:\n"
		     _ASM_EXTABLE_UA(1b, 2b)
		     : "+D" (to), "+S" (from), "+c" (words) : : "memory");
	return !words;
#else
	for (; words; words--, to += 8, from += 8)
		unsafe_get_user(*(u64 *)to, (const u64 __user *)from, fault);
	return true;
fault:
	return false;
#endif
}

#endif /* INK_COPY_H */
