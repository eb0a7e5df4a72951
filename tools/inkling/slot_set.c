// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling mode, set, rollback, promote, unload: changing slots.
 *
 * What lives here: the commands and their settings as name=value. What
 * doesn't: loading models (load.c) and showing slots (slots.c).
 */
#include <errno.h>
#include <string.h>
#include "internal.h"
#include "slots.h"
#include "words.h"

enum ink_exit ink_exit_refused(int err)
{
	enum ink_exit code = ink_exit_errno(err);

	return code == INK_EXIT_FAILED || code == INK_EXIT_USAGE ? INK_EXIT_REFUSED : code;
}

void ink_die_refused(void)
{
	ink_report_failure();
	exit(ink_exit_refused(ink_failure_last()->code));
}

void ink_check_slot_name(const char *name)
{
	if (!ink_ctl_check_name(name))
		return;
	ink_report_failure();
	exit(INK_EXIT_USAGE);
}

uint32_t ink_slot_parse_perm(const char *text)
{
	uint32_t perm;

	if (!ink_word_find_perm(text, &perm))
		ink_die(INK_EXIT_USAGE, ink_fmt("\"%s\" isn't a permission", ink_fmt_safe(text)),
			"octal, as of a file, such as 0750: r sees the slot, x runs it");
	return perm;
}

/* One line of what a slot is now. */
static void report(struct ink_ctl *ctl, const char *name)
{
	struct ink_slot *slot = ink_open_slot(ctl, name);

	if (ink_cli.json)
		ink_json_print(ink_slot_json(slot));
	else if (!ink_cli.quiet)
		printf("%s: %s, %s%s%s\n", slot->name, ink_word_mode(slot->mode),
		       slot->has_model ? slot->model.name : "no model", slot->has_model ? " " : "",
		       slot->has_model ? ink_fmt("%s, digest %s, threshold %s", slot->model.version,
						 ink_fmt_digest_short(slot->model.digest),
						 ink_word_score(slot->threshold, slot->model.head)) : "");
	ink_slot_free(slot);
}

static uint32_t parse_uid(const char *text)
{
	uint32_t uid;

	if (!ink_word_find_user(text, &uid))
		ink_die(INK_EXIT_USAGE, ink_fmt("there is no user \"%s\"", ink_fmt_safe(text)), NULL);
	return uid;
}

static uint32_t parse_gid(const char *text)
{
	uint32_t gid;

	if (!ink_word_find_group(text, &gid))
		ink_die(INK_EXIT_USAGE, ink_fmt("there is no group \"%s\"", ink_fmt_safe(text)), NULL);
	return gid;
}

/* A class by its name or number. */
static uint32_t find_class(const struct ink_slot *slot, const char *name)
{
	const char *all = "";
	uint64_t number;
	uint32_t i;

	for (i = 0; i < slot->model.n_classes; i++) {
		if (!strcmp(slot->model.classes[i], name))
			return i;
		all = ink_fmt("%s%s%s", all, i ? ", " : "", slot->model.classes[i]);
	}
	if (ink_parse_u64(name, INKLING_MAX_CLASSES - 1, &number))
		return (uint32_t)number;
	ink_die(INK_EXIT_USAGE, ink_fmt("slot %s has no class \"%s\"", slot->name, ink_fmt_safe(name)),
		slot->has_model ? ink_fmt("its classes are: %s", all) :
		"it has no model yet; name the class by its number");
}

static void set_threshold(const struct ink_slot *slot, struct ink_slot_change *c, const char *value)
{
	if (!strcmp(value, "default")) {
		c->set |= INK_SET_THRESHOLD_DEFAULT;
		return;
	}
	c->set |= INK_SET_THRESHOLD;
	c->threshold = ink_word_parse_threshold(value, slot->has_model ? slot->model.head :
						INK_HEAD_UNKNOWN);
}

static void parse_setting(const struct ink_slot *slot, struct ink_slot_change *c, const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t len = value ? (size_t)(value - arg) : strlen(arg);
	uint32_t class;

	if (value && len == 4 && !strncmp(arg, "mode", len)) {
		c->set |= INK_SET_MODE;
		c->mode = ink_word_parse_mode(value + 1);
	} else if (value && len == 9 && !strncmp(arg, "threshold", len)) {
		set_threshold(slot, c, value + 1);
	} else if (value && len == 3 && !strncmp(arg, "uid", len)) {
		c->set |= INK_SET_UID;
		c->uid = parse_uid(value + 1);
	} else if (value && len == 3 && !strncmp(arg, "gid", len)) {
		c->set |= INK_SET_GID;
		c->gid = parse_gid(value + 1);
	} else if (value && len == 4 && !strncmp(arg, "perm", len)) {
		c->set |= INK_SET_PERM;
		c->perm = ink_slot_parse_perm(value + 1);
	} else if (value && len > 7 && !strncmp(arg, "action.", 7)) {
		class = find_class(slot, ink_fmt("%.*s", (int)len - 7, arg + 7));
		c->classes |= 1u << class;
		c->action[class] = (uint8_t)ink_word_parse_action(value + 1);
	} else {
		ink_die(INK_EXIT_USAGE, ink_fmt("\"%s\" isn't a setting and its value", ink_fmt_safe(arg)),
			"settings: mode=M threshold=T action.CLASS=A uid=USER gid=GROUP perm=OCTAL");
	}
}

static void change(struct ink_ctl *ctl, const char *name, const struct ink_slot_change *c)
{
	ink_check_slot_name(name);
	if (ink_slot_set(ctl, name, c))
		ink_die_refused();
	report(ctl, name);
	ink_ctl_close(ctl);
}

int cmd_set(int argc, char **argv)
{
	static const struct ink_usage usage = {
		.args = "SLOT SETTING=VALUE...",
		.about =
		"Changes settings of a slot, all of them or, when one is refused, none:\n"
		"  mode=off|monitor|enforce\n"
		"  threshold=T        of the current model, from which on an input is harmful: a\n"
		"                     probability from 0 to 1, raw:SCORE, or default for its own\n"
		"  action.CLASS=A     pass, alert or drop, for a class by its name or number\n"
		"  uid=USER gid=GROUP perm=OCTAL   who may see (r) and run (x) it",
		.example = "inkling set net.flow threshold=0.9 action.scan=drop\n"
			   "inkling set rank gid=www-data perm=0750",
		.min_args = 2,
		.max_args = -1,
	};
	struct ink_slot_change c = { .set = 0 };
	struct ink_slot *slot;
	struct ink_ctl *ctl;
	int i, n = ink_args_parse(argc, argv, &usage);

	ctl = ink_open_ctl();
	slot = ink_open_slot(ctl, argv[1]);
	for (i = 2; i <= n; i++)
		parse_setting(slot, &c, argv[i]);
	ink_slot_free(slot);
	change(ctl, argv[1], &c);
	return INK_EXIT_OK;
}

int cmd_mode(int argc, char **argv)
{
	static const struct ink_usage usage = {
		.args = "SLOT off|monitor|enforce",
		.about =
		"off: the model isn't run, every verdict is \"pass\". monitor: verdicts are counted and\n"
		"reported, hooks act on none. enforce: hooks carry out the action of each class.",
		.example = "inkling mode net.flow enforce",
		.min_args = 2,
		.max_args = 2,
	};
	struct ink_slot_change c = { .set = INK_SET_MODE };

	ink_args_parse(argc, argv, &usage);
	c.mode = ink_word_parse_mode(argv[2]);
	change(ink_open_ctl(), argv[1], &c);
	return INK_EXIT_OK;
}

/* One slot, one request without arguments, and what came of it. */
static int do_simple(int argc, char **argv, const struct ink_usage *usage,
		     int (*fn)(struct ink_ctl *ctl, const char *name))
{
	struct ink_ctl *ctl;

	ink_args_parse(argc, argv, usage);
	ctl = ink_open_ctl();
	ink_check_slot_name(argv[1]);
	if (fn(ctl, argv[1]))
		ink_die_refused();
	report(ctl, argv[1]);
	ink_ctl_close(ctl);
	return INK_EXIT_OK;
}

int cmd_rollback(int argc, char **argv)
{
	static const struct ink_usage usage = {
		.args = "SLOT",
		.about =
		"Swaps a slot's model with the one before it; a second rollback swaps them again. Each\n"
		"keeps its threshold.",
		.example = "inkling rollback net.flow",
		.min_args = 1,
		.max_args = 1,
	};

	return do_simple(argc, argv, &usage, ink_slot_rollback);
}

int cmd_promote(int argc, char **argv)
{
	static const struct ink_usage usage = {
		.args = "SLOT",
		.about =
		"Makes a slot's shadow its model, between two runs, with the shadow's threshold. The model\n"
		"before stays for a rollback.",
		.example = "inkling load flow-v2.ink --slot net.flow --shadow\n"
			   "inkling show net.flow\n"
			   "inkling promote net.flow",
		.min_args = 1,
		.max_args = 1,
	};

	return do_simple(argc, argv, &usage, ink_slot_promote);
}

int cmd_unload(int argc, char **argv)
{
	static bool shadow;
	static const struct ink_option options[] = {
		{ "shadow", 0, NULL, "only the slot's shadow", INK_OPT_FLAG, &shadow },
		{ 0 },
	};
	static const struct ink_usage usage = {
		.args = "SLOT... [--shadow]",
		.about =
		"Deletes slots with their models and statistics. Sessions and BPF programs that use one get\n"
		"an error from then on, and hooks let everything pass. With --shadow the slots stay as they\n"
		"are, and only their shadows go.",
		.options = options,
		.example = "inkling unload net.flow\ninkling unload net.flow --shadow",
		.min_args = 1,
		.max_args = -1,
	};
	struct json_object *done = ink_json_array(), *o;
	struct ink_ctl *ctl;
	int i, n = ink_args_parse(argc, argv, &usage);

	ctl = ink_open_ctl();
	for (i = 1; i <= n; i++) {
		ink_check_slot_name(argv[i]);
		if (shadow ? ink_slot_shadow_drop(ctl, argv[i]) : ink_slot_del(ctl, argv[i]))
			ink_die_refused();
		json_object_array_add(done, json_object_new_string(argv[i]));
	}
	o = ink_json_object();
	ink_json_add(o, shadow ? "dropped" : "deleted", done);
	if (ink_cli.json)
		ink_json_print(o);
	else
		json_object_put(o);
	ink_ctl_close(ctl);
	return INK_EXIT_OK;
}
