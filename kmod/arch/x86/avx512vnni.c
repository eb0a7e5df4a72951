// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/* The operators in AVX2 with AVX512-VNNI at 256 bits: all of this file is compiled for both. */
#define VECTOR_RUN	ink_avx512vnni_run
#define VECTOR_DPBUSD	_mm256_dpbusd_epi32
#define VECTOR_DPWSSD	_mm256_dpwssd_epi32
#include "vector.h"
