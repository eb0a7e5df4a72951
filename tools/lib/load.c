// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Loading an image into the kernel, in chunks.
 *
 * What lives here: begin, chunk, commit, abort. What doesn't: any check of the
 * image; the kernel makes them all, and ink_model_open() makes the same ones.
 */
#include <stdio.h>
#include <string.h>
#include "ctl.h"

int ink_load_begin(struct ink_ctl *ctl, uint32_t size, const uint8_t digest[INKLING_DIGEST_SIZE])
{
	struct nl_msg *msg = ink_ctl_request(ctl, INKLING_CMD_LOAD_BEGIN, NLM_F_ACK, 64);

	if (msg && (nla_put_u32(msg, INKLING_A_LOAD_SIZE, size) ||
		    nla_put(msg, INKLING_A_LOAD_DIGEST, INKLING_DIGEST_SIZE, digest)))
		return ink_ctl_no_room(msg);
	return ink_ctl_call(ctl, msg, INK_ATTRS_LOAD, "begin a load", NULL, NULL);
}

int ink_load_chunk(struct ink_ctl *ctl, uint32_t offset, const void *data, uint32_t size)
{
	struct nl_msg *msg = ink_ctl_request(ctl, INKLING_CMD_LOAD_CHUNK, NLM_F_ACK, size + 64);

	if (msg && (nla_put_u32(msg, INKLING_A_LOAD_OFFSET, offset) ||
		    nla_put(msg, INKLING_A_LOAD_DATA, (int)size, data)))
		return ink_ctl_no_room(msg);
	return ink_ctl_call(ctl, msg, INK_ATTRS_LOAD, "send a part of the image", NULL, NULL);
}

static int take_generation(struct nlattr *attrs, int len, void *arg)
{
	struct nlattr *a = nla_find(attrs, len, INKLING_A_LOAD_GENERATION);
	u32 *generation = arg;

	if (a && nla_len(a) >= 4)
		*generation = nla_get_u32(a);
	return 0;
}

/* Non-zero when there is no room. */
static int put_options(struct nl_msg *msg, const struct ink_load_options *o)
{
	if ((o->set & INK_LOAD_SCHEMA &&
	     nla_put_u64(msg, INKLING_A_LOAD_EXPECT_SCHEMA, o->schema)) ||
	    (o->set & INK_LOAD_THRESHOLD &&
	     nla_put_s32(msg, INKLING_A_LOAD_THRESHOLD, o->threshold)) ||
	    (o->set & INK_LOAD_SHADOW && nla_put_flag(msg, INKLING_A_LOAD_SHADOW)) ||
	    (o->sample && nla_put_u32(msg, INKLING_A_LOAD_SAMPLE, o->sample)))
		return -1;
	return 0;
}

int ink_load_commit_with(struct ink_ctl *ctl, const char *slot,
			 const struct ink_load_options *options, uint32_t *generation)
{
	struct nl_msg *msg;
	char what[64];
	u32 got = 0;
	int err;

	err = ink_ctl_check_name(slot);
	if (err)
		return err;
	msg = ink_ctl_request(ctl, INKLING_CMD_LOAD_COMMIT, NLM_F_ACK, 128);
	if (msg && (nla_put_string(msg, INKLING_A_LOAD_SLOT, slot) || put_options(msg, options)))
		return ink_ctl_no_room(msg);
	snprintf(what, sizeof(what), "load %s slot %.32s",
		 options->set & INK_LOAD_SHADOW ? "the shadow of" : "into", slot);
	err = ink_ctl_call(ctl, msg, INK_ATTRS_LOAD, what, take_generation, &got);
	if (!err && generation)
		*generation = got;
	return err;
}

static struct ink_load_options with_schema(const uint64_t *schema)
{
	return (struct ink_load_options){
		.set = schema ? INK_LOAD_SCHEMA : 0,
		.schema = schema ? *schema : 0,
	};
}

int ink_load_commit(struct ink_ctl *ctl, const char *slot, const uint64_t *schema,
		    uint32_t *generation)
{
	struct ink_load_options options = with_schema(schema);

	return ink_load_commit_with(ctl, slot, &options, generation);
}

int ink_load_abort(struct ink_ctl *ctl)
{
	return ink_ctl_call(ctl, ink_ctl_request(ctl, INKLING_CMD_LOAD_ABORT, NLM_F_ACK, 0),
			    INK_ATTRS_LOAD, "drop the image", NULL, NULL);
}

/* Keep the failure of @err while the half-loaded image is dropped. */
static int give_up(struct ink_ctl *ctl, int err)
{
	struct ink_failure first = *ink_failure_last();

	ink_load_abort(ctl);
	ink_failure_set(first.code, "%s", first.text);
	ink_failure_hint("%s", first.hint);
	return err;
}

int ink_load_with(struct ink_ctl *ctl, const void *image, size_t size, const char *slot,
		  const struct ink_load_options *options,
		  void (*progress)(void *arg, size_t done, size_t total), void *arg,
		  uint32_t *generation)
{
	const struct inkling_header *header = image;
	size_t done, n;
	int err;

	if (size < sizeof(*header) || size > INKLING_MAX_IMAGE)
		return ink_failure_set(EINVAL, "an image has %zu to %u bytes, this has %zu",
				       sizeof(*header), INKLING_MAX_IMAGE, size);
	err = ink_ctl_check_name(slot);
	if (!err)
		err = ink_load_begin(ctl, (u32)size, header->digest);
	if (err)
		return err;
	for (done = 0; done < size; done += n) {
		if (progress)
			progress(arg, done, size);
		n = min_t(size_t, size - done, INKLING_MAX_CHUNK);
		err = ink_load_chunk(ctl, (u32)done, (const char *)image + done, (u32)n);
		if (err)
			return give_up(ctl, err);
	}
	if (progress)
		progress(arg, size, size);
	return ink_load_commit_with(ctl, slot, options, generation);
}

int ink_load(struct ink_ctl *ctl, const void *image, size_t size, const char *slot,
	     const uint64_t *schema,
	     void (*progress)(void *arg, size_t done, size_t total), void *arg,
	     uint32_t *generation)
{
	struct ink_load_options options = with_schema(schema);

	return ink_load_with(ctl, image, size, slot, &options, progress, arg, generation);
}
