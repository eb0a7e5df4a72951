/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernels before 6.12 call this header <asm/unaligned.h>. The kernel's own
 * folder is searched first, so this file is only found where it is needed.
 */
#ifndef INK_COMPAT_UNALIGNED_H
#define INK_COMPAT_UNALIGNED_H

#include <asm/unaligned.h>

#endif
