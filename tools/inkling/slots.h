/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands on slots share.
 */
#ifndef INK_SLOTS_H
#define INK_SLOTS_H

#include <stdlib.h>
#include "cli.h"
#include "inkling.h"

/* Open the netlink family or die. */
struct ink_ctl *ink_open_ctl(void);
/* A slot or die. */
struct ink_slot *ink_open_slot(struct ink_ctl *ctl, const char *name);
/* Die when a slot can't have that name. */
void ink_check_slot_name(const char *name);
/* Report libinkling's last failure as the kernel's refusal and exit. */
void ink_die_refused(void) __attribute__((noreturn));
enum ink_exit ink_exit_refused(int err);
/* "0750"; dies when it isn't such. */
uint32_t ink_slot_parse_perm(const char *text);

uint64_t ink_slot_errors(const struct ink_slot *slot);	/* runs that failed, all reasons */
uint64_t ink_slot_flagged(const struct ink_slot *slot);	/* verdicts other than class 0 */
/* Upper end in ns of the bucket that holds this share of the runs; 0 without runs. */
uint64_t ink_slot_latency(const struct ink_slot *slot, double share);
const char *ink_slot_class(const struct ink_slot *slot, uint32_t class);
const char *ink_model_class(const struct ink_model_info *model, uint32_t class);
void ink_model_print(const char *label, const struct ink_model_info *m);
void ink_shadow_print(const struct ink_slot *slot);
struct json_object *ink_slot_json(const struct ink_slot *slot);

#endif /* INK_SLOTS_H */
