// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling: the table of subcommands.
 *
 * What lives here: which subcommands there are, help and version. What
 * doesn't: what they do; each family has its file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "inkling.h"

static const struct ink_cmd commands[] = {
	{ "compile", "Models", "make a .ink model of an ONNX file or a llama2.c checkpoint", cmd_compile },
	{ "inspect", "Models", "show what a model is, reads, costs and what was proven of it", cmd_inspect },
	{ "verify", "Models", "check models as the kernel would", cmd_verify },
	{ "run", "Models", "run a model in this process", cmd_run },
	{ "eval", "Models", "measure a model's accuracy on labelled data", cmd_eval },
	{ "generate", "Models", "let a language model go on with a text", cmd_generate },
	{ "score-text", "Models", "measure how well a language model predicts a text", cmd_score_text },
	{ "load", "Slots", "load a model into a slot of the kernel", cmd_load },
	{ "slots", "Slots", "list the slots", cmd_slots },
	{ "show", "Slots", "show a slot, its models and its statistics", cmd_show },
	{ "mode", "Slots", "set a slot to off, monitor or enforce", cmd_mode },
	{ "set", "Slots", "set a slot's threshold, actions, owner, permissions", cmd_set },
	{ "rollback", "Slots", "bring a slot's previous model back", cmd_rollback },
	{ "promote", "Slots", "make a slot's shadow its model", cmd_promote },
	{ "unload", "Slots", "delete a slot with its models, or only its shadow", cmd_unload },
	{ "score", "Slots", "run data through a slot of the kernel", cmd_score },
	{ "bench", "Slots", "measure how long an inference takes, by door and batch", cmd_bench },
	{ "watch", "Slots", "print changes of slots as they happen", cmd_watch },
	{ "attach", "Hooks", "let a slot judge what passes a hook", cmd_attach },
	{ "detach", "Hooks", "take a slot off its hooks", cmd_detach },
	{ "panic", "Hooks", "take everything off all hooks at once", cmd_panic },
	{ "check", "Hooks", "check slot files, and what they would change", cmd_check },
	{ "allow", "Hooks", "show or change whom a hook always lets through", cmd_allow },
	{ "events", "Hooks", "print verdicts as they are given", cmd_events },
	{ "dns", "Hooks", "guard a name server: judge the names it is asked for", cmd_dns },
	{ "features", "Hooks", "compute the features of a capture's flows", cmd_features },
	{ "replay", "Hooks", "judge a capture's flows offline", cmd_replay },
	{ "doctor", "Help", "say what works here, what doesn't, and what to do", cmd_doctor },
	{ "version", "Help", "print the version", cmd_version },
	{ "help", "Help", "print help on a subcommand", cmd_help },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static const struct ink_cmd *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static struct json_object *table_json(void)
{
	struct json_object *all = ink_json_array(), *o;
	size_t i;

	for (i = 0; i < N_COMMANDS; i++) {
		o = ink_json_object();
		ink_json_str(o, "name", commands[i].name);
		ink_json_str(o, "group", commands[i].group);
		ink_json_str(o, "summary", commands[i].summary);
		json_object_array_add(all, o);
	}
	return all;
}

static void print_table(FILE *to)
{
	const char *group = NULL;
	size_t i;

	fputs("usage: inkling COMMAND [ARGUMENT]...\n\n"
	      "Small neural networks in the kernel: compile, load, watch.\n", to);
	for (i = 0; i < N_COMMANDS; i++) {
		if (!group || strcmp(group, commands[i].group)) {
			group = commands[i].group;
			fprintf(to, "\n%s:\n", group);
		}
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	}
	fputs("\n\"inkling help COMMAND\" has the options and an example of each; --json makes\n"
	      "every command print JSON. The manual: man inkling\n", to);
}

/* The command whose name is nearest, when it is near. */
static const char *guess(const char *name)
{
	size_t i, same, best_same = 2;
	const char *best = NULL;

	for (i = 0; i < N_COMMANDS; i++) {
		for (same = 0; name[same] && name[same] == commands[i].name[same]; same++)
			;
		if (same > best_same || (same == 2 && !best)) {
			best = commands[i].name;
			best_same = same;
		}
	}
	return best;
}

static int unknown(const char *name)
{
	const char *near = guess(name);

	ink_error(ink_fmt("there is no command \"%s\"", ink_fmt_safe(name)),
		  near ? ink_fmt("did you mean \"inkling %s\"? \"inkling help\" lists them all", near)
		       : "\"inkling help\" lists them all");
	return INK_EXIT_USAGE;
}

static int run_command(const struct ink_cmd *cmd, int argc, char **argv)
{
	int code;

	ink_cli.command = cmd->name;
	code = cmd->fn(argc, argv);
	/* A full disk or a closed pipe must not look like success. */
	if ((fflush(stdout) || ferror(stdout)) && code == INK_EXIT_OK) {
		fprintf(stderr, "inkling %s: the output couldn't be written\n", cmd->name);
		code = INK_EXIT_FAILED;
	}
	return code;
}

int cmd_version(int argc, char **argv)
{
	static const struct ink_usage usage = {
		.args = "",
		.about = "Prints the version of the command line and of the formats that it knows.",
		.example = "inkling version --json",
	};
	struct json_object *o;

	ink_args_parse(argc, argv, &usage);
	if (!ink_cli.json) {
		printf("inkling %s (image format %u)\n", ink_version(), INKLING_FORMAT_VERSION);
		return INK_EXIT_OK;
	}
	o = ink_json_object();
	ink_json_str(o, "version", ink_version());
	ink_json_int(o, "format", INKLING_FORMAT_VERSION);
	ink_json_print(o);
	return INK_EXIT_OK;
}

int cmd_help(int argc, char **argv)
{
	static const struct ink_usage usage = {
		.args = "[COMMAND]",
		.about = "Prints help on a command, or the list of commands.",
		.example = "inkling help load",
		.max_args = 1,
	};
	char help[] = "--help", *sub[] = { NULL, help, NULL };
	const struct ink_cmd *cmd;

	if (ink_args_parse(argc, argv, &usage) == 0) {
		if (ink_cli.json)
			ink_json_print(table_json());
		else
			print_table(stdout);
		return INK_EXIT_OK;
	}
	cmd = find_command(argv[1]);
	if (!cmd)
		return unknown(argv[1]);
	sub[0] = argv[1];
	return run_command(cmd, 2, sub);
}

int main(int argc, char **argv)
{
	const struct ink_cmd *cmd;
	const char *name = argc > 1 ? argv[1] : "";
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		ink_cli.json |= !strcmp(argv[i], "--json");
	if (argc < 2) {
		print_table(stderr);
		return INK_EXIT_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	else if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	cmd = find_command(name);
	if (!cmd)
		return unknown(name);
	return run_command(cmd, argc - 1, argv + 1);
}
