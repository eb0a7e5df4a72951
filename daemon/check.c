// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling check: what is wrong with slot files, and what they would change.
 *
 * What lives here: the subcommand, by the daemon's own code. What doesn't:
 * changing anything.
 */
#include <stdlib.h>
#include <string.h>

#include "actual.h"
#include "managed.h"

static int ink_check_remarks(const struct ink_config *c, struct json_object *list)
{
	size_t i;

	for (i = 0; i < c->remarks.n; i++) {
		const struct ink_remark *r = &c->remarks.items[i];
		struct json_object *o;

		if (!list) {
			ink_error(ink_remark_text(r), *r->hint ? r->hint : NULL);
			continue;
		}
		o = ink_json_object();
		ink_json_str(o, "file", r->file);
		ink_json_int(o, "line", r->line);
		ink_json_str(o, "problem", r->text);
		ink_json_str(o, "hint", r->hint);
		json_object_array_add(list, o);
	}
	return c->remarks.n ? INK_EXIT_INPUT : INK_EXIT_OK;
}

static int ink_check_diff(const struct ink_config *c, struct json_object *list)
{
	struct ink_ctl *ctl = ink_ctl_open();
	struct ink_managed managed;
	struct ink_problem problem;
	struct ink_actual actual;
	struct ink_todo todo;
	size_t i;

	if (!ctl || ink_actual_read(&actual, ctl, &problem)) {
		if (!ctl)
			ink_problem_library(&problem);
		ink_error(problem.text, *problem.hint ? problem.hint : NULL);
		if (ctl)
			ink_ctl_close(ctl);
		return problem.code;
	}
	ink_managed_read(&managed, INK_STATE_DIR);
	ink_todo_make(&todo, c, &actual, &managed, NULL);
	for (i = 0; i < todo.n; i++) {
		struct json_object *o;

		if (!list) {
			printf("%s: %s\n", todo.steps[i].slot, todo.steps[i].text);
			continue;
		}
		o = ink_json_object();
		ink_json_str(o, "slot", todo.steps[i].slot);
		ink_json_str(o, "change", todo.steps[i].text);
		json_object_array_add(list, o);
	}
	if (!list && !todo.n)
		puts("nothing would change");
	ink_todo_clear(&todo);
	ink_managed_clear(&managed);
	ink_actual_clear(&actual);
	ink_ctl_close(ctl);
	return INK_EXIT_OK;
}

int cmd_check(int argc, char **argv)
{
	static const char *const all[] = { INK_SLOTS_DIR };
	const char *store = INK_STORE_DIR;
	bool diff = false;
	const struct ink_option options[] = {
		{ "diff", 'd', NULL, "also say what inklingd would change in the kernel",
		  INK_OPT_FLAG, &diff },
		{ "store", 0, "DIR", "where models lie that are named by digest (" INK_STORE_DIR ")",
		  INK_OPT_STRING, &store },
		{ 0 },
	};
	const struct ink_usage usage = {
		.args = "[FILE|DIR]... [OPTION]...",
		.about = "Check slot files, by default all of " INK_SLOTS_DIR ", as inklingd would read\n"
			 "them. Nothing is changed. Exit status 0: all of them are fine.",
		.options = options,
		.example = "inkling check\ninkling check --diff\ninkling check new.slot --json",
		.min_args = 0, .max_args = -1,
	};
	int n = ink_args_parse(argc, argv, &usage), code, err;
	struct json_object *o = NULL, *wrong = NULL, *changes = NULL;
	struct ink_config config;

	if (ink_cli.json) {
		o = ink_json_object();
		wrong = ink_json_array();
		changes = ink_json_array();
	}
	err = ink_config_read(&config, n ? (const char *const *)argv + 1 : all, n ? (size_t)n : 1,
			      store);
	code = ink_check_remarks(&config, wrong);
	if (err)
		code = ink_exit_errno(err);
	if (diff && !err) {
		int failed = ink_check_diff(&config, changes);

		code = code ?: failed;
	}
	if (o) {
		ink_json_int(o, "fine", (int64_t)config.n);
		ink_json_add(o, "problems", wrong);
		ink_json_add(o, "changes", changes);
		ink_json_print(o);
	} else if (!code && !diff) {
		printf("%zu slot files are fine\n", config.n);
	}
	ink_config_clear(&config);
	return code;
}
