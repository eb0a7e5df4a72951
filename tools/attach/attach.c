// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling attach: put the flow hook on an interface, and say what is attached.
 *
 * What lives here: the subcommand. What doesn't: the checks and the deed
 * (hook.c), loading and pinning (program.c, pins.c), showing (attach_list.c).
 */
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "capture.h"
#include "hook.h"
#include "rows.h"

struct ink_attach_options {
	const char *slot, *hook, *xdp_mode, *via, *model;
	struct ink_list allow;
	uint32_t event_limit, flows, block;
	bool export, list, fail_closed, clock_fed;
};

static struct ink_slot *ink_attach_slot(const char *name)
{
	struct ink_ctl *ctl = ink_ctl_open();
	struct ink_slot *slot = ctl ? ink_slot_get(ctl, name) : NULL;
	const struct ink_failure *f = ink_failure_last();

	if (!slot)
		ink_die(ink_exit_errno(f->code), f->text, *f->hint ? f->hint : NULL);
	ink_ctl_close(ctl);
	return slot;
}

static enum ink_xdp_mode ink_mode_parse(const char *text)
{
	if (!text || !strcmp(text, "auto"))
		return INK_XDP_AUTO;
	if (!strcmp(text, "native"))
		return INK_XDP_NATIVE;
	if (!strcmp(text, "skb"))
		return INK_XDP_SKB;
	ink_die(INK_EXIT_USAGE, ink_fmt("--xdp-mode %s is unknown", ink_fmt_safe(text)),
		"auto, native or skb");
}

static enum ink_hook ink_hook_parse(const char *text)
{
	if (!text || !strcmp(text, "xdp"))
		return INK_HOOK_XDP;
	if (!strcmp(text, "tc"))
		return INK_HOOK_TC;
	ink_die(INK_EXIT_USAGE, ink_fmt("--hook %s is unknown", ink_fmt_safe(text)), "xdp or tc");
}

static void ink_via_parse(const char *text, struct ink_hook_spec *o)
{
	o->via_any = !text || !strcmp(text, "auto");
	o->via = text && !strcmp(text, "link") ? INK_VIA_LINK : INK_VIA_DISPATCHER;
	if (!o->via_any && strcmp(text, "link") && strcmp(text, "dispatcher"))
		ink_die(INK_EXIT_USAGE, ink_fmt("--via %s is unknown", ink_fmt_safe(text)),
			"auto, dispatcher or link");
}

static void ink_attach_report(const struct ink_attachment *r, const struct ink_slot *slot)
{
	if (ink_cli.json) {
		ink_json_print(ink_attachment_json(r));
		return;
	}
	printf("%s: %s asks slot %s, mode %s\n", r->target, ink_hook_format(r), r->slot,
	       ink_mode_name(slot->mode));
	if (slot->mode == INKLING_MODE_OFF)
		printf("The slot is off: nothing is judged. `inkling mode %s monitor` starts it.\n",
		       r->slot);
}

static int ink_attach_net(const char *target, const struct ink_attach_options *opt)
{
	struct ink_slot *slot = ink_attach_slot(opt->slot);
	struct ink_prefix *allow = ink_prefixes_parse("allow", opt->allow.items, opt->allow.n);
	struct ink_hook_spec spec = {
		.target = target, .model = opt->model, .event_limit = opt->event_limit,
		.flows = opt->flows, .export = opt->export, .mode = ink_mode_parse(opt->xdp_mode),
		.allow = allow, .n_allow = opt->allow.n, .hook = ink_hook_parse(opt->hook),
		.block_seconds = opt->block, .fail_closed = opt->fail_closed,
		.clock_fed = opt->clock_fed,
	};
	struct ink_hook_result result;
	struct ink_problem problem;
	int code;

	ink_via_parse(opt->via, &spec);
	code = ink_hook_attach(&spec, slot, &result, &problem);
	if (code) {
		ink_error(problem.text, problem.hint);
	} else {
		if (*result.remark)
			ink_note("%s", result.remark);
		ink_attach_report(&result.record, slot);
	}
	ink_slot_free(slot);
	free(allow);
	return code;
}

int cmd_attach(int argc, char **argv)
{
	struct ink_attach_options opt = { .event_limit = 100 };
	const struct ink_option options[] = {
		{ "slot", 's', "NAME", "slot to ask", INK_OPT_STRING, &opt.slot },
		{ "hook", 0, "HOOK", "xdp (default), or tc, which comes later but works on any interface",
		  INK_OPT_STRING, &opt.hook },
		{ "xdp-mode", 0, "MODE", "native, skb, or auto (default): native where the driver can",
		  INK_OPT_STRING, &opt.xdp_mode },
		{ "via", 0, "WAY", "dispatcher (libxdp: beside other programs), link (alone), or\n"
		  "auto (default): dispatcher where that works", INK_OPT_STRING, &opt.via },
		{ "allow", 'a', "CIDR", "never score or drop these remote addresses; may be repeated",
		  INK_OPT_LIST, &opt.allow },
		{ "event-limit", 0, "N", "events a second of flagged flows (100)",
		  INK_OPT_U32, &opt.event_limit },
		{ "flows", 0, "N", "entries of each of the two flow tables (65536)",
		  INK_OPT_U32, &opt.flows },
		{ "block", 0, "SECONDS", "drop all of a source for so long once a flow with its proven\n"
		  "address is dropped (0: only such flows)", INK_OPT_U32, &opt.block },
		{ "fail-closed", 0, NULL, "drop flows that can't be judged, instead of passing them",
		  INK_OPT_FLAG, &opt.fail_closed },
		{ "test-clock", 0, NULL, "for tests: time stands still until the map \"control\" is written",
		  INK_OPT_FLAG, &opt.clock_fed },
		{ "export", 0, NULL, "an event for each scored vector, for training",
		  INK_OPT_FLAG, &opt.export },
		{ "model", 0, "FILE", "the slot's model as a file, to name the feature that differs\n"
		  "when schemas do", INK_OPT_STRING, &opt.model },
		{ "list", 'l', NULL, "say what is attached where, with counters",
		  INK_OPT_FLAG, &opt.list },
		{ 0 },
	};
	const struct ink_usage usage = {
		.args = "net IFACE|CGROUP --slot NAME [OPTION]... | --list [IFACE|CGROUP]",
		.about = "Put the flow classifier on an interface (XDP for what comes in, tc for what goes\n"
			 "out) or on the sockets of a cgroup, or say what is attached. It asks the slot about flows at packets 1, 2, 4,\n"
			 "8, ... and remembers the answer. In mode monitor it counts what it would drop, in\n"
			 "mode enforce it drops. Whatever fails, packets pass. It stays when this command\n"
			 "ends. NETNS:IFACE names an interface in a network namespace, a path a cgroup.",
		.options = options,
		.example = "inkling attach net eth0 --slot net.flow --allow 192.0.2.0/24 --block 600\n"
			   "inkling attach net /sys/fs/cgroup/system.slice/nginx.service --slot net.flow\n"
			   "inkling attach --list --json",
		.min_args = 0, .max_args = 2,
	};
	int n = ink_args_parse(argc, argv, &usage), i;

	for (i = 1; i <= n; i++)
		ink_target_trim(argv[i]);

	if (opt.list)
		return ink_attach_list(n == 2 ? argv[2] : n ? argv[1] : NULL);
	if (n != 2 || strcmp(argv[1], "net"))
		ink_die(INK_EXIT_USAGE, "what to attach to isn't clear",
			"inkling attach net IFACE --slot NAME");
	if (!opt.slot)
		ink_die(INK_EXIT_USAGE, "--slot is missing", "`inkling slots` shows what there is");
	if (ink_hook_parse(opt.hook) == INK_HOOK_TC && (opt.xdp_mode || opt.via))
		ink_die(INK_EXIT_USAGE, "--xdp-mode and --via don't go with --hook tc", NULL);
	if (ink_target_is_cgroup(argv[2]) && (opt.hook || opt.xdp_mode || opt.via))
		ink_die(INK_EXIT_USAGE, "--hook, --xdp-mode and --via don't go with a cgroup", NULL);
	return ink_attach_net(argv[2], &opt);
}
