/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/* What pack.c, pack_quant.c, pack_linear.c and pack_seq.c ask of each other. */
#ifndef INK_ARCH_X86_PACK_H
#define INK_ARCH_X86_PACK_H

#include "x86.h"

size_t ink_x86_quant_path(struct ink_bound *b, u32 *scratch);
size_t ink_x86_quant_pack(const struct ink_bound *b, void *packed);
size_t ink_x86_linear_path(struct ink_bound *b, enum ink_isa isa, unsigned long options, u32 *scratch);
size_t ink_x86_linear_pack(const struct ink_bound *b, void *packed);
size_t ink_x86_seq_path(struct ink_bound *b);
size_t ink_x86_seq_pack(const struct ink_bound *b, void *packed);

/* A row's multiplier and shift, the latter above 32 if it can be. */
s32 ink_x86_row_scale(const struct ink_bound *b, u32 r, u32 *shift);
/* Can all of @rows be scaled by their products' upper halves, with a zero point of that size? */
bool ink_x86_fits_narrow(const struct ink_bound *b, u32 rows, s64 zero);
/* Bytes of scaling, before the weights. */
size_t ink_x86_scaling_size(const struct ink_bound *b);
/* The scaling of row @r, with a bias and a zero point, to @lane of a block. */
void ink_x86_put_narrow(const struct ink_bound *b, struct ink_x86_narrow *p, u32 lane, u32 r,
			s32 bias, s32 zero);
void ink_x86_put_wide(const struct ink_bound *b, struct ink_x86_wide *p, u32 lane, u32 r,
		      s64 bias, s32 zero);

/* Where vshufps puts a lane: 0 2 1 3 at 0 1 2 3. */
static inline u32 ink_x86_result_lane(u32 lane)
{
	return (lane & 4) | ((lane & 1) << 1) | ((lane >> 1) & 1);
}

#endif /* INK_ARCH_X86_PACK_H */
