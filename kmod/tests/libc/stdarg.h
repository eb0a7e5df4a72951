/* SPDX-License-Identifier: GPL-2.0-only */
/* What test code asks of <stdarg.h>: see libc.h. */
#include "libc.h"
