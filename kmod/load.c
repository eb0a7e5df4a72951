// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images on their way in.
 *
 * What lives here: half-loaded images, one for each socket, until their commit
 * or until the socket closes. What doesn't: netlink messages (netlink.c),
 * verification (core/), and slots.
 *
 * An image is copied once, from the message into its buffer, and the buffer
 * becomes the model's. It is verified after its last byte came and nobody
 * writes to it afterwards, since a commit first takes it out of the list.
 */
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/netlink.h>
#include "ink.h"
#include "trace.h"

static unsigned int max_loads = 8;
module_param(max_loads, uint, 0644);
MODULE_PARM_DESC(max_loads, "Images that may be half-loaded at a time (default 8)");

static unsigned long max_load_bytes = 64ul << 20;
module_param(max_load_bytes, ulong, 0644);
MODULE_PARM_DESC(max_load_bytes,
		 "Bytes that half-loaded images may take together (default 64 MiB)");

/**
 * struct ink_load - an image that isn't complete
 * @node: in ink_loads
 * @net: with @portid: the socket that sends it; only compared
 * @portid: of the socket
 * @size: of the whole image
 * @got: bytes that are there, from the start
 * @digest: that the sender announced
 * @image: @size bytes
 */
struct ink_load {
	struct list_head node;
	const struct net *net;
	u32 portid;
	u32 size;
	u32 got;
	u8 digest[INKLING_DIGEST_SIZE];
	u8 *image;
};

static LIST_HEAD(ink_loads);
static DEFINE_MUTEX(ink_loads_lock);
static unsigned int n_loads;		/* in the list */
static unsigned long load_bytes;	/* in the list */

static void load_free(struct ink_load *load)
{
	if (load)
		kvfree(load->image);
	kfree(load);
}

static struct ink_load *load_find(const struct net *net, u32 portid)
{
	struct ink_load *load;

	lockdep_assert_held(&ink_loads_lock);
	list_for_each_entry(load, &ink_loads, node)
		if (load->net == net && load->portid == portid)
			return load;
	return NULL;
}

/* Take it out of the list: from then on it is the caller's alone. */
static struct ink_load *load_take(const struct net *net, u32 portid)
{
	struct ink_load *load;

	mutex_lock(&ink_loads_lock);
	load = load_find(net, portid);
	if (load) {
		list_del(&load->node);
		n_loads--;
		load_bytes -= load->size;
	}
	mutex_unlock(&ink_loads_lock);
	return load;
}

static int load_add(struct ink_load *load, struct ink_why *why)
{
	int err = -EBUSY;

	mutex_lock(&ink_loads_lock);
	if (load_find(load->net, load->portid))
		ink_explain(why, "another thread began an image on this socket: use a socket each");
	else if (n_loads >= READ_ONCE(max_loads))
		ink_explain(why, "%u images are half-loaded already: wait, or raise max_loads of the module",
			    n_loads);
	else if (load_bytes + load->size > READ_ONCE(max_load_bytes))
		ink_explain(why, "half-loaded images take %lu bytes and may take %lu: wait, or raise max_load_bytes of the module",
			    load_bytes, READ_ONCE(max_load_bytes));
	else
		err = 0;
	if (!err) {
		list_add(&load->node, &ink_loads);
		n_loads++;
		load_bytes += load->size;
	}
	mutex_unlock(&ink_loads_lock);
	return err;
}

/**
 * ink_load_begin() - start an image, dropping a half-loaded one of this socket
 * @net: with @portid: the socket
 * @portid: of the socket
 * @size: of the image in bytes
 * @digest: that its header will carry
 * @why: filled in when it is refused
 *
 * Return: 0, -EINVAL (@size), -EBUSY (too much is half-loaded), -ENOMEM.
 */
int ink_load_begin(const struct net *net, u32 portid, u32 size, const u8 *digest,
		   struct ink_why *why)
{
	struct ink_load *load;
	int err;

	load_free(load_take(net, portid));
	if (size < sizeof(struct inkling_header) || size > INKLING_MAX_IMAGE) {
		ink_explain(why, "an image has %zu to %u bytes, not %u",
			    sizeof(struct inkling_header), INKLING_MAX_IMAGE, size);
		return -EINVAL;
	}
	load = kzalloc(sizeof(*load), GFP_KERNEL_ACCOUNT);
	if (load)
		load->image = ink_port_alloc(size);
	if (!load || !load->image) {
		ink_explain(why, "no memory for an image of %u bytes", size);
		load_free(load);
		return -ENOMEM;
	}
	load->net = net;
	load->portid = portid;
	load->size = size;
	memcpy(load->digest, digest, sizeof(load->digest));
	err = load_add(load, why);
	if (err)
		load_free(load);
	return err;
}

/**
 * ink_load_chunk() - the next piece
 * @net: with @portid: the socket
 * @portid: of the socket
 * @offset: where it goes; has to be where the last one ended
 * @data: the piece
 * @size: of @data in bytes
 * @why: filled in when it is refused; what came before stays
 *
 * Return: 0, -ENOENT (nothing was begun), -EINVAL (@offset or @size).
 */
int ink_load_chunk(const struct net *net, u32 portid, u32 offset, const void *data, u32 size,
		   struct ink_why *why)
{
	struct ink_load *load;
	int err = -EINVAL;

	mutex_lock(&ink_loads_lock);
	load = load_find(net, portid);
	if (!load) {
		ink_explain(why, "no image was begun on this socket: send load-begin first");
		err = -ENOENT;
	} else if (offset != load->got) {
		ink_explain(why, "chunk is for offset %u but %u is next: send chunks in order",
			    offset, load->got);
	} else if (!size || size > load->size - load->got) {
		ink_explain(why, "chunk has %u bytes but %u of %u are missing", size,
			    load->size - load->got, load->size);
	} else {
		memcpy(load->image + load->got, data, size);
		load->got += size;
		err = 0;
	}
	mutex_unlock(&ink_loads_lock);
	return err;
}

/* Make a model of a whole image; @load->image is the model's if there is one. */
static struct ink_model *load_verify(struct ink_load *load,
				     const struct ink_load_options *options, struct ink_why *why)
{
	const struct inkling_header *header;
	const u64 *schema = options->schema;
	struct ink_model *model;

	if (load->got != load->size) {
		ink_explain(why, "%u of %u bytes came: send the rest before load-commit",
			    load->got, load->size);
		return ERR_PTR(-EINVAL);
	}
	model = ink_model_create(load->image, load->size, why);
	if (IS_ERR(model))
		return model;
	load->image = NULL;
	header = model->graph->header;
	if (memcmp(header->digest, load->digest, sizeof(load->digest))) {
		ink_explain(why, "the image is %*phN..., load-begin announced %*phN...",
			    8, header->digest, 8, load->digest);
		ink_model_put(model);
		return ERR_PTR(-EBADMSG);
	}
	if (schema && *schema != header->schema) {
		ink_explain(why, "the model has feature schema %016llx, %016llx is expected: compile it for that schema",
			    header->schema, *schema);
		ink_model_put(model);
		return ERR_PTR(-EINVAL);
	}
	ink_model_set_threshold(model, options->threshold);
	return model;
}

/**
 * ink_load_commit() - verify what was loaded and publish it
 * @net: with @portid: the socket
 * @portid: of the socket
 * @slot: name of the slot
 * @options: what the model has to be and becomes
 * @why: filled in when it is refused
 *
 * The image is gone afterwards, whatever the answer is.
 *
 * Context: may sleep; holds no lock while it verifies.
 * Return: the model with a reference for the caller, or ERR_PTR: -ENOENT
 * nothing was begun or no such slot, -EINVAL not complete, refused by the
 * verifier, or another schema or size than the slot has, -EBADMSG another
 * digest than announced, -E2BIG above the slot's budget, -ENODATA a shadow of
 * no model, -ENOMEM.
 */
struct ink_model *ink_load_commit(const struct net *net, u32 portid, const char *slot,
				  const struct ink_load_options *options, struct ink_why *why)
{
	struct ink_load *load = load_take(net, portid);
	struct ink_model *model;
	int err;

	if (!load) {
		ink_explain(why, "no image was begun on this socket: send load-begin first");
		return ERR_PTR(-ENOENT);
	}
	model = load_verify(load, options, why);
	if (!IS_ERR(model)) {
		err = ink_slot_publish(slot, model, options->sample, why);
		if (err) {
			ink_model_put(model);
			model = ERR_PTR(err);
		}
	}
	trace_load(slot, load->digest, load->size, why->rule, PTR_ERR_OR_ZERO(model),
			   IS_ERR(model) ? 0 : model->generation);
	load_free(load);
	return model;
}

/* Drop the half-loaded image of a socket. Return: 0, or -ENOENT when there is none. */
int ink_load_abort(const struct net *net, u32 portid, struct ink_why *why)
{
	struct ink_load *load = load_take(net, portid);

	if (!load) {
		ink_explain(why, "no image was begun on this socket: there is nothing to drop");
		return -ENOENT;
	}
	load_free(load);
	return 0;
}

/* A closed socket, such as that of a loader that was killed, drops its image. */
static int load_socket_released(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;

	if (event == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC)
		load_free(load_take(n->net, n->portid));
	return NOTIFY_DONE;
}

static struct notifier_block load_notifier = { .notifier_call = load_socket_released };

int ink_loads_init(void)
{
	return netlink_register_notifier(&load_notifier);
}

/* After the netlink family is gone: no message can begin another one. */
void ink_loads_exit(void)
{
	struct ink_load *load, *next;

	netlink_unregister_notifier(&load_notifier);
	list_for_each_entry_safe(load, next, &ink_loads, node)
		load_free(load);
}
