// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/* The operators in AVX2 with AVX-VNNI: all of this file is compiled for both. */
#define VECTOR_RUN	ink_avxvnni_run
#define VECTOR_DPBUSD	_mm256_dpbusd_avx_epi32
#define VECTOR_DPWSSD	_mm256_dpwssd_avx_epi32
#include "vector.h"
