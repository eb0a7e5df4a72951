// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling attach: put the flow hook on an interface, and say what is attached.
 *
 * What lives here: the subcommand and the checks that come before. What
 * doesn't: loading and pinning (program.c, pins.c), showing (attach_list.c).
 *
 * The checks make for friendly messages; the kernel makes its own on each call.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <inkling.h>

#include "attach.h"
#include "capture.h"
#include "cli.h"
#include "program.h"
#include "rows.h"
#include "schema.h"

struct ink_attach_options {
	const char *slot, *hook, *xdp_mode, *via, *model;
	struct ink_list allow;
	uint32_t event_limit, flows, block;
	bool export, list, fail_closed, clock_fed;
};

static void ink_attach_library_die(void)
{
	const struct ink_failure *f = ink_failure_last();

	ink_die(ink_exit_errno(f->code), f->text, *f->hint ? f->hint : NULL);
}

/* Files of models in which the one of a digest may lie. */
static struct ink_model *ink_model_search(const char *given, const uint8_t digest[32])
{
	static const char *const dirs[] = { "/usr/share/inkling", "/var/lib/inkling", "." };
	struct ink_model *model = NULL;
	size_t i;

	if (given)
		return ink_model_open(given);
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !model; i++)
		model = ink_model_search_dir(dirs[i], digest);
	return model;
}

/* Refuse a slot whose model was trained on other features, naming the first. */
static void ink_attach_schema(const struct ink_slot *slot, const char *object, const char *given,
			      uint64_t *id)
{
	struct ink_schema mine, theirs;
	const char *wrong = ink_schema_read(object, &mine), *difference = NULL;
	struct ink_model *model;

	if (wrong)
		ink_die(INK_EXIT_INPUT, ink_fmt("%s: %s", ink_fmt_safe(object), wrong),
			"reinstall Inkling, or set INKLING_BPF_DIR to the folder of flow.bpf.o");
	*id = ink_schema_number(&mine);
	if (slot->model.schema == *id)
		return;
	model = ink_model_search(given, slot->model.digest);
	if (model) {
		ink_schema_model(model, &theirs);
		difference = ink_schema_difference(&mine, &theirs);
	}
	ink_die(INK_EXIT_REFUSED,
		ink_fmt("slot %s can't judge flows: its model %s has schema %016llx, the flow "
			"program %016llx%s%s", slot->name, ink_fmt_safe(slot->model.name),
			(unsigned long long)slot->model.schema, (unsigned long long)*id,
			difference ? "; " : "", difference ?: ""),
		difference ? "load a model that was trained on the CSV of `inkling features`" :
		"load a model that was trained on the CSV of `inkling features`; with "
		"--model FILE this command names the feature that differs");
}

static struct ink_slot *ink_attach_slot(const char *name)
{
	struct ink_ctl *ctl = ink_ctl_open();
	struct ink_slot *slot;

	if (!ctl)
		ink_attach_library_die();
	slot = ink_slot_get(ctl, name);
	if (!slot)
		ink_attach_library_die();
	ink_ctl_close(ctl);
	if (!slot->has_model)
		ink_die(INK_EXIT_REFUSED, ink_fmt("slot %s has no model", name),
			ink_fmt("inkling load MODEL.ink --slot %s", name));
	if (!(slot->contexts & INKLING_CTX_SOFTIRQ))
		ink_die(INK_EXIT_REFUSED,
			ink_fmt("slot %s may not be called by packets: its contexts lack softirq",
				name),
			"contexts are fixed when a slot is made: make another one for XDP");
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

static void ink_via_parse(const char *text, struct ink_program_options *o)
{
	o->via_any = !text || !strcmp(text, "auto");
	o->via = text && !strcmp(text, "link") ? INK_VIA_LINK : INK_VIA_DISPATCHER;
	if (!o->via_any && strcmp(text, "link") && strcmp(text, "dispatcher"))
		ink_die(INK_EXIT_USAGE, ink_fmt("--via %s is unknown", ink_fmt_safe(text)),
			"auto, dispatcher or link");
}

/* What else could be in the way, for the hint. */
static const char *ink_attach_hint(int err, uint32_t ifindex)
{
	uint32_t id = 0;

	if (err == -EPERM || err == -EACCES)
		return "this needs root (CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN)";
	if (!bpf_xdp_query_id((int)ifindex, 0, &id) && id)
		return ink_fmt("another XDP program (id %u) is on the interface: "
			       "`bpftool prog show id %u` names it, `ip link set dev IFACE xdp off` "
			       "removes it", id, id);
	if (err == -EOPNOTSUPP)
		return "the driver has no native XDP: try --xdp-mode skb";
	if (err == -EINVAL || err == -ERANGE)
		return "native XDP refuses some MTUs and offloads: try --xdp-mode skb";
	return "INKLING_DEBUG=1 shows what libbpf says";
}

/* In the target's network namespace, with the lock held. */
static int ink_attach_locked(struct ink_program_options *o, struct ink_attachment *record,
			     const char *iface)
{
	struct ink_attachment old;
	struct ink_program_result result;
	int err = ink_attachment_read(o->target, &old);

	if (!err && old.ifindex == o->ifindex && ink_program_alive(&old)) {
		ink_error(ink_fmt("%s has a flow program already, for slot %s", o->target,
				  ink_fmt_safe(old.slot)),
			  ink_fmt("inkling detach net %s", o->target));
		return INK_EXIT_REFUSED;
	}
	/* The interface went away, or a command was killed half-way. */
	if (!err)
		ink_program_detach(&old);
	if (ink_pins_remove(o->target) != -ENOENT)
		ink_note("cleaned up what an earlier attachment to %s left", o->target);
	err = ink_pins_make(o->target);
	if (err) {
		ink_error(ink_fmt("can't make %s: %s", ink_pin_path(o->target, NULL),
				  strerror(-err)), NULL);
		return ink_exit_errno(err);
	}
	err = ink_program_attach(o, &result);
	if (!err) {
		record->prog_id = result.prog_id;
		record->mode = result.mode;
		record->via = result.via;
		record->tc_in = result.tc_in;
		record->tc_out = result.tc_out;
		err = ink_attachment_write(o->target, record);
		if (err)
			ink_program_detach(record);
	}
	if (err) {
		ink_error(ink_fmt("can't attach to %s: %s", iface, *result.failure ?
				  ink_fmt_safe(result.failure) : strerror(-err)),
			  ink_attach_hint(err, o->ifindex));
		ink_pins_remove(o->target);
		return err == -EPERM ? INK_EXIT_PERM : INK_EXIT_FAILED;
	}
	if (*result.remark)
		ink_note("%s", result.remark);
	return INK_EXIT_OK;
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
	struct ink_flow_policy policy = {
		.block_ns = opt->block * 1000000000ull, .two_way = 1,
		.fail_closed = opt->fail_closed,
	};
	struct ink_attachment record = {
		.version = 2, .slot_id = slot->id, .export = opt->export,
		.event_limit = opt->event_limit, .since = time(NULL),
		.hook = ink_hook_parse(opt->hook), .policy = policy,
	};
	struct ink_program_options o = {
		.object = ink_program_object(), .target = target, .slot_id = slot->id,
		.event_limit = opt->event_limit, .export = opt->export, .flows = opt->flows,
		.ring = opt->export ? 16u << 20 : 1u << 20, .mode = ink_mode_parse(opt->xdp_mode),
		.n_allow = opt->allow.n, .hook = record.hook, .policy = policy,
		.clock_fed = opt->clock_fed,
	};
	struct ink_prefix *allow = ink_prefixes_parse("allow", opt->allow.items, opt->allow.n);
	char netns[INK_TARGET_MAX], iface[16];
	int old, lock, code;

	ink_via_parse(opt->via, &o);
	if (!o.object)
		ink_die(INK_EXIT_NOENT, "flow.bpf.o isn't there",
			"`make` builds it, `make install` installs it; INKLING_BPF_DIR names its folder");
	ink_attach_schema(slot, o.object, opt->model, &record.schema);
	if (!ink_target_split(target, netns, iface))
		ink_die(INK_EXIT_USAGE, ink_fmt("%s is not an interface", ink_fmt_safe(target)),
			"IFACE, or NETNS:IFACE for one in a named network namespace");
	old = ink_netns_enter(netns);
	if (old < 0)
		ink_die(ink_exit_errno(old), ink_fmt("can't enter network namespace %s: %s",
						     ink_fmt_safe(netns), strerror(-old)),
			"`ip netns list` shows what there is");
	o.ifindex = if_nametoindex(iface);
	if (!o.ifindex)
		ink_die(INK_EXIT_NOENT, ink_fmt("there is no interface %s", ink_fmt_safe(target)),
			"`ip -br link` shows what there is; NETNS:IFACE names one elsewhere");
	lock = ink_pins_lock(true);
	if (lock < 0)
		ink_die(ink_exit_errno(lock), ink_fmt("can't use /sys/fs/bpf: %s", strerror(-lock)),
			"this needs root and a kernel with BPF");
	o.allow = allow;
	record.ifindex = o.ifindex;
	snprintf(record.slot, sizeof(record.slot), "%s", slot->name);
	snprintf(record.target, sizeof(record.target), "%s", target);
	code = ink_attach_locked(&o, &record, target);
	ink_netns_leave(old);
	ink_pins_unlock(lock);
	if (!code)
		ink_attach_report(&record, slot);
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
		.args = "net IFACE --slot NAME [OPTION]... | --list [IFACE]",
		.about = "Put the flow classifier on an interface (XDP for what comes in, tc for what goes\n"
			 "out), or say what is attached. It asks the slot about flows at packets 1, 2, 4,\n"
			 "8, ... and remembers the answer. In mode monitor it counts what it would drop, in\n"
			 "mode enforce it drops. Whatever fails, packets pass. It stays when this command\n"
			 "ends. NETNS:IFACE names an interface in a network namespace.",
		.options = options,
		.example = "inkling attach net eth0 --slot net.flow --allow 192.0.2.0/24 --block 600\n"
			   "inkling attach --list --json",
		.min_args = 0, .max_args = 2,
	};
	int n = ink_args_parse(argc, argv, &usage);

	if (opt.list)
		return ink_attach_list(n == 2 ? argv[2] : n ? argv[1] : NULL);
	if (n != 2 || strcmp(argv[1], "net"))
		ink_die(INK_EXIT_USAGE, "what to attach to isn't clear",
			"inkling attach net IFACE --slot NAME");
	if (!opt.slot)
		ink_die(INK_EXIT_USAGE, "--slot is missing", "`inkling slots` shows what there is");
	if (ink_hook_parse(opt.hook) == INK_HOOK_TC && (opt.xdp_mode || opt.via))
		ink_die(INK_EXIT_USAGE, "--xdp-mode and --via don't go with --hook tc", NULL);
	return ink_attach_net(argv[2], &opt);
}
