/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two forms of inkling inspect share.
 */
#ifndef INK_INSPECT_H
#define INK_INSPECT_H

#include <stdint.h>
#include "cli.h"
#include "internal.h"

/* "linear", "log2", "one-hot"; "not read" */
const char *ink_inspect_quant(const struct ink_graph *g, uint32_t feature);
/* Range of raw values that QUANT tells apart; false when it doesn't read it. */
bool ink_inspect_range(const struct ink_graph *g, uint32_t feature, int32_t *lo, int32_t *hi);
const char *ink_inspect_shape(const struct ink_graph *g, uint32_t tensor);
uint64_t ink_inspect_macs(const struct ink_graph *g, uint32_t op);

struct json_object *ink_inspect_json(const struct ink_model *model);

#endif /* INK_INSPECT_H */
