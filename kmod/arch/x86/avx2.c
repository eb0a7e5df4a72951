// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/* The operators in AVX2: all of this file is compiled for it. */
#define VECTOR_RUN	ink_avx2_run
#include "vector.h"
