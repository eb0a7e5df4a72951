// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling allow: the addresses that an attached hook never scores or drops.
 *
 * What lives here: the subcommand, on the maps allow4 and allow6 of an
 * attachment. They are ordinary maps: bpftool changes them as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "capture.h"
#include "hook.h"

static int ink_allow_show(const char *target)
{
	struct json_object *out = ink_json_array();
	struct ink_prefix *list;
	const char *text;
	size_t i, n;
	int err = ink_allow_read(target, &list, &n);

	if (err) {
		json_object_put(out);
		ink_error(ink_fmt("can't read the allow-list of %s: %s", target, strerror(-err)),
			  "this needs root");
		return ink_exit_errno(err);
	}
	for (i = 0; i < n; i++) {
		text = ink_prefix_text(&list[i]);
		if (ink_cli.json)
			json_object_array_add(out, json_object_new_string(text));
		else
			puts(text);
	}
	free(list);
	if (ink_cli.json)
		ink_json_print(out);
	else
		json_object_put(out);
	return INK_EXIT_OK;
}

/* All prefixes were parsed before the first change is made. */
static int ink_allow_apply(const char *target, const char *const *texts,
			   const struct ink_prefix *prefixes, size_t n, bool add)
{
	size_t i;
	int err;

	for (i = 0; i < n; i++) {
		err = ink_allow_change(target, &prefixes[i], add);
		if (!err)
			continue;
		ink_error(ink_fmt("can't %s %s: %s", add ? "add" : "remove", ink_fmt_safe(texts[i]),
				  err == -ENOENT ? "it isn't on the list" :
				  err == -ENOSPC ? "the list is full (4096)" : strerror(-err)),
			  ink_fmt("inkling allow %s shows the list%s", target,
				  i ? "; what came before was changed" : ""));
		return ink_exit_errno(err);
	}
	return INK_EXIT_OK;
}

int cmd_allow(int argc, char **argv)
{
	struct ink_list add = { 0 }, remove = { 0 };
	const struct ink_option options[] = {
		{ "add", 'a', "CIDR", "let these addresses through; may be repeated",
		  INK_OPT_LIST, &add },
		{ "remove", 'r', "CIDR", "take an entry off; may be repeated",
		  INK_OPT_LIST, &remove },
		{ 0 },
	};
	const struct ink_usage usage = {
		.args = "[IFACE] [--add CIDR]... [--remove CIDR]...",
		.about = "Show or change the remote addresses that the hook on an interface never scores or\n"
			 "drops. A change counts from the next packet on. An empty list allows nobody\n"
			 "specially; it denies nobody either.",
		.options = options,
		.example = "inkling allow eth0 --add 192.0.2.0/24 --add 2001:db8::1\ninkling allow --json",
		.min_args = 0, .max_args = 1,
	};
	int n = ink_args_parse(argc, argv, &usage), code = INK_EXIT_OK;
	struct ink_prefix *added, *removed;
	struct ink_attachment record;

	added = ink_prefixes_parse("add", add.items, add.n);
	removed = ink_prefixes_parse("remove", remove.items, remove.n);
	ink_attachment_choose(n ? argv[1] : NULL, &record);
	if (!add.n && !remove.n)
		code = ink_allow_show(record.target);
	if (add.n)
		code = ink_allow_apply(record.target, add.items, added, add.n, true);
	if (!code && remove.n)
		code = ink_allow_apply(record.target, remove.items, removed, remove.n, false);
	free(added);
	free(removed);
	return code;
}
