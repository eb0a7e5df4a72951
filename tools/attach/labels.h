/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Labels for training: which flows are what, by rules in a CSV file.
 *
 * What lives here: the file's format and the look-up. What doesn't: where the
 * rules come from.
 *
 * The first line names the columns, in any order: label is needed; remote and
 * local (address or prefix), remote_port, local_port, proto (number or tcp,
 * udp, icmp), from and to (seconds since 1970, with a fraction) are optional
 * and an empty field matches anything. The first rule that matches a flow
 * gives its label.
 */
#ifndef INK_LABELS_H
#define INK_LABELS_H

#include "../../bpf/flow/flow_state.h"

struct ink_labels;
/* Return: rules for ink_labels_free(), or NULL with the reason said by ink_error(). */
struct ink_labels *ink_labels_read(const char *path, int *code);
void ink_labels_free(struct ink_labels *labels);
/* Label of a flow at a time in ns since 1970, or @otherwise. @labels may be NULL. */
const char *ink_labels_find(const struct ink_labels *labels, const struct ink_flow_key *key,
			    uint64_t time_ns, const char *otherwise);

#endif /* INK_LABELS_H */
