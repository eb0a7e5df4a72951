/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/* What pack.c asks of pack_quant.c. */
#ifndef INK_ARCH_X86_PACK_H
#define INK_ARCH_X86_PACK_H

#include "x86.h"

size_t ink_x86_quant_path(struct ink_bound *b, u32 *scratch);
size_t ink_x86_quant_pack(const struct ink_bound *b, void *packed);

#endif /* INK_ARCH_X86_PACK_H */
