/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the subcommands on attachments share.
 *
 * What lives here: names, JSON and lists of attachments. What doesn't: how they
 * are stored (pins.h).
 */
#ifndef INK_ATTACH_H
#define INK_ATTACH_H

#include <json-c/json.h>
#include <inkling.h>
#include "pins.h"

const char *ink_xdp_mode_name(unsigned int mode);
const char *ink_via_name(unsigned int via);
/* How an attachment judges what comes in; from ink_fmt()'s buffers. */
const char *ink_hook_format(const struct ink_attachment *record);
struct json_object *ink_attachment_json(const struct ink_attachment *record);

/* Show one attachment or all; enum ink_exit. */
int ink_attach_list(const char *target);

/* Open the .ink file of a folder that has a digest; NULL when there is none. */
struct ink_model *ink_model_search_dir(const char *dir, const uint8_t digest[32]);

/*
 * The ring buffer "events" of a folder of pins, of which this process is the only reader
 * until it ends. Dies saying why not; @target is for that.
 */
struct ring_buffer;
struct ring_buffer *ink_ring_open(const char *target, const char *folder,
				  int (*take)(void *arg, void *data, size_t size), void *arg);

/*
 * The attachment that is meant: by name, or the only one when @target is NULL.
 * Dies saying what there is. The record's target is the name from then on.
 */
void ink_attachment_choose(const char *target, struct ink_attachment *record);

#endif /* INK_ATTACH_H */
