// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling detach: take the flow hook off an interface or a cgroup, or off all.
 *
 * What lives here: the subcommand, and inkling panic, which is detach --all
 * under a name that one remembers when it is needed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "dns.h"
#include "hook.h"

/* The guards of name servers too; how many they were. */
static size_t ink_guards_detach(struct json_object *list, int *code)
{
	struct ink_problem problem;
	size_t i, n, done = 0;
	char **all = ink_dns_list(&n);

	for (i = 0; i < n; i++) {
		if (ink_dns_detach(all[i], &problem)) {
			ink_error(problem.text, problem.hint);
			*code = problem.code;
		} else {
			json_object_array_add(list, json_object_new_string(all[i]));
			done++;
			if (!ink_cli.json)
				printf("detached from %s (names)\n", all[i]);
		}
		free(all[i]);
	}
	free(all);
	return done;
}

static int ink_detach_all(const char *only)
{
	struct json_object *list = ink_json_array();
	int code = INK_EXIT_OK, lock;
	struct ink_problem problem;
	size_t i, n, done = 0;
	char **all;

	lock = ink_pins_lock(false);
	if (lock < 0 && lock != -ENOENT)
		ink_die(ink_exit_errno(lock), ink_fmt("can't use %s: %s", INK_PIN_ROOT,
						      strerror(-lock)), "this needs root");
	all = ink_pins_list(&n);
	for (i = 0; i < n; i++) {
		if (!only || !strcmp(only, all[i])) {
			int failed = ink_hook_detach(all[i], &problem);

			if (failed) {
				ink_error(problem.text, problem.hint);
				code = failed;
			} else {
				json_object_array_add(list, json_object_new_string(all[i]));
				done++;
				if (!ink_cli.json)
					printf("detached from %s\n", all[i]);
			}
		}
		free(all[i]);
	}
	free(all);
	if (!only)
		done += ink_guards_detach(list, &code);
	ink_pins_unlock(lock);
	if (only && !done && !code) {
		ink_error(ink_fmt("nothing is attached to %s", ink_fmt_safe(only)),
			  "`inkling attach --list` shows what is");
		code = INK_EXIT_NOENT;
	} else if (ink_cli.json && !code) {
		struct json_object *o = ink_json_object();

		ink_json_add(o, "detached", list);
		ink_json_print(o);
		return code;
	} else if (!done && !code) {
		puts("nothing was attached");
	}
	json_object_put(list);
	return code;
}

int cmd_detach(int argc, char **argv)
{
	bool all = false;
	const struct ink_option options[] = {
		{ "all", 0, NULL, "from wherever it is", INK_OPT_FLAG, &all },
		{ 0 },
	};
	const struct ink_usage usage = {
		.args = "net IFACE|CGROUP | --all",
		.about = "Take the flow classifier off an interface or a cgroup. Nothing of it stays behind; the slot\n"
			 "and its model do. NETNS:IFACE names an interface in a network namespace.",
		.options = options,
		.example = "inkling detach net eth0\ninkling detach --all",
		.min_args = 0, .max_args = 2,
	};
	int n = ink_args_parse(argc, argv, &usage);

	if (all && !n)
		return ink_detach_all(NULL);
	if (n == 2)
		ink_target_trim(argv[2]);
	if (all || n != 2 || strcmp(argv[1], "net"))
		ink_die(INK_EXIT_USAGE, "what to detach isn't clear",
			"inkling detach net IFACE, or inkling detach --all");
	return ink_detach_all(argv[2]);
}

int cmd_panic(int argc, char **argv)
{
	bool release = false;
	const struct ink_option options[] = {
		{ "release", 0, NULL, "end it: inklingd may attach again", INK_OPT_FLAG, &release },
		{ 0 },
	};
	const struct ink_usage usage = {
		.args = "[--release]",
		.about = "Take every hook of Inkling off at once: the kill switch. Slots and models stay.\n"
			 "inklingd attaches nothing from then on, until --release or a reboot.",
		.options = options,
		.example = "inkling panic\ninkling panic --release",
		.min_args = 0, .max_args = 0,
	};
	int err;

	ink_args_parse(argc, argv, &usage);
	/* First, so that nobody attaches what was just taken off. */
	err = ink_hook_hold(!release);
	if (err)
		ink_error(ink_fmt("can't %s %s/panic: %s", release ? "remove" : "make", INK_PANIC_DIR,
				  strerror(-err)), "this needs root");
	if (release)
		return err ? ink_exit_errno(err) : INK_EXIT_OK;
	return ink_detach_all(NULL);
}
