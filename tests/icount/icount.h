/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of icount share. */
#ifndef INK_ICOUNT_H
#define INK_ICOUNT_H

#include <stddef.h>

#define CALLS	1501

/* The median of @CALLS calls of @f, without the clock. */
unsigned long long icount_calls(void (*f)(void *), void *arg);
/* Print that for each of @parts. */
void icount_measure(const char *name, unsigned int parts, void (*f)(void *), void *arg);

/* Sorts @v. */
unsigned long long icount_median(unsigned long long *v, size_t n);
/* Print errno and exit. */
void icount_fail(const char *what);
/*
 * The flow hook on an interface, beside a program that only looks flows up. @vector: set to what a
 * slot was asked last; @size: of it, at most.
 */
void icount_hook(const char *target, void *vector, size_t size);

/* Commands of io_uring on a slot. */
void icount_uring(const char *slot, const void *input, size_t in_size);

/* The engine in the kernel (module.c); has to give @output. */
void icount_kernel(const char *path, const void *input, const void *output, size_t out_size);

/* A process that runs the model of a file for others. */
void icount_server(const char *path, const void *input, size_t in_size);

#endif /* INK_ICOUNT_H */
