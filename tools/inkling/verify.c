// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling verify: check images as the kernel does.
 *
 * What lives here: what is printed of each file. What doesn't: the rules,
 * which are the shared core's.
 */
#include <errno.h>
#include <string.h>
#include "words.h"

static const struct ink_usage usage = {
	.args = "MODEL.ink...",
	.about =
	"Checks each file with the verifier that is in the kernel, and says by which rule,\n"
	"at which op and tensor, it is refused. Exit status 5 when one of them is refused,\n"
	"4 when one of them isn't there.",
	.example = "inkling verify /usr/share/inkling/*.ink",
	.min_args = 1,
	.max_args = -1,
};

static struct json_object *verdict_json(const char *path, struct ink_model *model)
{
	const struct ink_failure *f = ink_failure_last();
	struct json_object *o = ink_json_object();

	ink_json_str(o, "file", path);
	ink_json_bool(o, "ok", model);
	if (model) {
		ink_json_str(o, "digest", ink_fmt_digest(ink_model_header(model)->digest));
		ink_json_str(o, "name", ink_model_card(model)->name);
		return o;
	}
	ink_json_str(o, "error", f->text);
	ink_json_str(o, "rule", f->rule);
	if (f->op != INKLING_NONE)
		ink_json_int(o, "op", f->op);
	if (f->tensor != INKLING_NONE)
		ink_json_int(o, "tensor", f->tensor);
	if (f->rule) {
		ink_json_int(o, "value", f->value);
		ink_json_int(o, "limit", f->limit);
	}
	return o;
}

static void print_refusal(const char *path)
{
	const struct ink_failure *f = ink_failure_last();

	if (!f->rule) {
		printf("%s: error: %s\n", ink_fmt_safe(path), f->text);
		return;
	}
	printf("%s: refused: %s [rule %s%s%s]\n", ink_fmt_safe(path), f->text, f->rule,
	       f->op == INKLING_NONE ? "" : ink_fmt(", op %u", f->op),
	       f->tensor == INKLING_NONE ? "" : ink_fmt(", tensor %u", f->tensor));
}

static enum ink_exit verify(const char *path)
{
	struct ink_model *model = ink_model_open(path);
	enum ink_exit code = INK_EXIT_OK;

	if (!model)
		code = ink_failure_last()->rule ? INK_EXIT_REFUSED :
		       ink_exit_errno(ink_failure_last()->code);
	if (ink_cli.json)
		ink_json_print(verdict_json(path, model));
	else if (model)
		printf("%s: ok: %s %s, digest %s\n", ink_fmt_safe(path), ink_model_card(model)->name,
		       ink_model_card(model)->version,
		       ink_fmt_digest_short(ink_model_header(model)->digest));
	else
		print_refusal(path);
	ink_model_close(model);
	return code;
}

int cmd_verify(int argc, char **argv)
{
	int i, n = ink_args_parse(argc, argv, &usage);
	enum ink_exit code, worst = INK_EXIT_OK;

	for (i = 1; i <= n; i++) {
		code = verify(argv[i]);
		worst = code > worst ? code : worst;
	}
	return worst;
}
