// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow hook on an interface or a cgroup; see hook.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "hook.h"
#include "program_cgroup.h"
#include "schema.h"

int ink_problem_set(struct ink_problem *problem, enum ink_exit code, const char *text,
		    const char *hint)
{
	problem->code = code;
	snprintf(problem->text, sizeof(problem->text), "%s", text);
	snprintf(problem->hint, sizeof(problem->hint), "%s", hint ?: "");
	return code;
}

int ink_problem_library(struct ink_problem *problem)
{
	const struct ink_failure *f = ink_failure_last();

	return ink_problem_set(problem, ink_exit_errno(f->code), f->text, f->hint);
}

int ink_problem_refused(struct ink_problem *problem)
{
	const struct ink_failure *f = ink_failure_last();
	enum ink_exit code = ink_exit_errno(f->code);

	if (code == INK_EXIT_FAILED || code == INK_EXIT_USAGE)
		code = INK_EXIT_REFUSED;
	return ink_problem_set(problem, code, f->text, f->hint);
}

/* Files of models in which the one of a digest may lie. */
static struct ink_model *ink_model_search(const char *given, const uint8_t digest[32])
{
	static const char *const dirs[] = { "/usr/local/share/inkling", "/usr/share/inkling",
					    "/var/lib/inkling", "." };
	struct ink_model *model = NULL;
	size_t i;

	if (given)
		return ink_model_open(given);
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !model; i++)
		model = ink_model_search_dir(dirs[i], digest);
	return model;
}

/* Refuse a slot whose model was trained on other features, naming the first. */
static int ink_hook_schema(const struct ink_slot *slot, const char *object, const char *given,
			   uint64_t *id, struct ink_problem *problem)
{
	struct ink_schema mine, theirs;
	const char *wrong = ink_schema_read(object, &mine), *difference = NULL;
	struct ink_model *model = NULL;

	if (wrong)
		return ink_problem_set(problem, INK_EXIT_INPUT,
				       ink_fmt("%s: %s", ink_fmt_safe(object), wrong),
				       "reinstall Inkling, or set INKLING_BPF_DIR to the folder of "
				       "flow.bpf.o");
	*id = ink_schema_number(&mine);
	if (slot->model.schema != *id)
		model = ink_model_search(given, slot->model.digest);
	if (model) {
		ink_schema_model(model, &theirs);
		difference = ink_schema_difference(&mine, &theirs);
	}
	free((void *)mine.features);
	free((void *)mine.names);
	ink_model_close(model);
	if (slot->model.schema == *id)
		return INK_EXIT_OK;
	return ink_problem_set(problem, INK_EXIT_REFUSED,
		ink_fmt("slot %s can't judge flows: its model %s has schema %016llx, the flow "
			"program %016llx%s%s", slot->name, ink_fmt_safe(slot->model.name),
			(unsigned long long)slot->model.schema, (unsigned long long)*id,
			difference ? "; " : "", difference ?: ""),
		difference ? "load a model that was trained on the CSV of `inkling features`" :
		"load a model that was trained on the CSV of `inkling features`; with "
		"--model FILE `inkling attach` names the feature that differs");
}

static int ink_hook_slot(const struct ink_slot *slot, struct ink_problem *problem)
{
	if (!slot->has_model)
		return ink_problem_set(problem, INK_EXIT_REFUSED,
				       ink_fmt("slot %s has no model", slot->name),
				       ink_fmt("inkling load MODEL.ink --slot %s", slot->name));
	if (slot->contexts & INKLING_CTX_SOFTIRQ)
		return INK_EXIT_OK;
	return ink_problem_set(problem, INK_EXIT_REFUSED,
			       ink_fmt("slot %s may not be called by packets: its contexts lack "
				       "softirq", slot->name),
			       "contexts are fixed when a slot is made: make another one for XDP");
}

/* What else could be in the way, for the hint. */
static const char *ink_attach_hint(int err, enum ink_hook hook, uint32_t ifindex)
{
	uint32_t id = 0;

	/* The BPF verifier's refusal of the call has this number, too. */
	if (hook == INK_HOOK_CGROUP && err == -EACCES)
		return "programs of cgroups may call the module on Linux 6.4 and later: "
		       "attach to an interface instead";
	if (err == -EPERM || err == -EACCES)
		return "this needs root (CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN)";
	if (hook == INK_HOOK_CGROUP)
		return "INKLING_DEBUG=1 shows what libbpf says";
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

/* Make room for the pins: the interface went away, or a command was killed half-way. */
static int ink_hook_prepare(const struct ink_program_options *o, struct ink_hook_result *result,
			    struct ink_problem *problem)
{
	struct ink_attachment old;
	int err = ink_attachment_read(o->target, &old);

	if (!err && old.ifindex == o->ifindex && ink_program_alive(&old))
		return ink_problem_set(problem, INK_EXIT_REFUSED,
				       ink_fmt("%s has a flow program already, for slot %s",
					       o->target, ink_fmt_safe(old.slot)),
				       ink_fmt("inkling detach net %s", o->target));
	if (!err)
		ink_program_detach(&old);
	else if (o->ifindex)
		ink_program_sweep(o->ifindex);
	if (ink_pins_remove(o->target) != -ENOENT)
		snprintf(result->remark, sizeof(result->remark),
			 "cleaned up what an earlier attachment to %s left", o->target);
	err = ink_pins_make(o->target);
	if (!err)
		return INK_EXIT_OK;
	return ink_problem_set(problem, ink_exit_errno(err),
			       ink_fmt("can't make %s: %s", ink_pin_path(o->target, NULL),
				       strerror(-err)), NULL);
}

/* In the target's network namespace, with the lock held. */
static int ink_hook_locked(const struct ink_program_options *o, struct ink_hook_result *result,
			   struct ink_problem *problem)
{
	struct ink_attachment *record = &result->record;
	struct ink_program_result r;
	size_t used;
	int err = ink_hook_prepare(o, result, problem);

	if (err)
		return err;
	err = ink_program_attach(o, &r);
	if (!err) {
		record->prog_id = r.prog_id;
		record->mode = r.mode;
		record->via = r.via;
		record->tc_in = r.tc_in;
		record->tc_out = r.tc_out;
		err = ink_attachment_write(o->target, record);
		if (err)
			ink_program_detach(record);
	}
	if (err) {
		ink_problem_set(problem, err == -EPERM ? INK_EXIT_PERM : INK_EXIT_FAILED,
				ink_fmt("can't attach to %s: %s", o->target, *r.failure ?
					ink_fmt_safe(r.failure) : strerror(-err)),
				ink_attach_hint(err, o->hook, o->ifindex));
		ink_pins_remove(o->target);
		return problem->code;
	}
	used = strlen(result->remark);
	if (*r.remark)
		snprintf(result->remark + used, sizeof(result->remark) - used, "%s%s",
			 used ? "; " : "", r.remark);
	return INK_EXIT_OK;
}

/* In the target's network namespace, where it has one. */
static int ink_hook_here(struct ink_program_options *o, struct ink_hook_result *result,
			 struct ink_problem *problem)
{
	int lock = ink_pins_lock(true), code;

	if (lock < 0)
		return ink_problem_set(problem, ink_exit_errno(lock),
				       ink_fmt("can't use /sys/fs/bpf: %s", strerror(-lock)),
				       "this needs root and a kernel with BPF");
	result->record.ifindex = o->ifindex;
	code = ink_hook_locked(o, result, problem);
	ink_pins_unlock(lock);
	return code;
}

static int ink_hook_cgroup(struct ink_program_options *o, struct ink_hook_result *result,
			   struct ink_problem *problem)
{
	int fd = ink_cgroup_open(o->target);

	if (fd < 0)
		return ink_problem_set(problem, ink_exit_errno(fd),
			fd == -ENOTDIR ? ink_fmt("%s is no cgroup", ink_fmt_safe(o->target)) :
			ink_fmt("can't open the cgroup %s: %s", ink_fmt_safe(o->target),
				strerror(-fd)),
			"a folder of version 2's hierarchy, such as "
			"/sys/fs/cgroup/system.slice/nginx.service; `systemctl status` names a service's");
	close(fd);
	return ink_hook_here(o, result, problem);
}

static int ink_hook_interface(struct ink_program_options *o, struct ink_hook_result *result,
			      struct ink_problem *problem)
{
	char netns[INK_TARGET_MAX], iface[16];
	int old, code;

	if (!ink_target_split(o->target, netns, iface))
		return ink_problem_set(problem, INK_EXIT_USAGE,
				       ink_fmt("%s is not an interface", ink_fmt_safe(o->target)),
				       "IFACE, or NETNS:IFACE for one in a named network namespace, or "
				       "the path of a cgroup");
	old = ink_netns_enter(netns);
	if (old < 0)
		return ink_problem_set(problem, ink_exit_errno(old),
				       ink_fmt("can't enter network namespace %s: %s",
					       ink_fmt_safe(netns), strerror(-old)),
				       "`ip netns list` shows what there is");
	o->ifindex = if_nametoindex(iface);
	code = o->ifindex ? ink_hook_here(o, result, problem) :
		ink_problem_set(problem, INK_EXIT_NOENT,
			ink_fmt("there is no interface %s", ink_fmt_safe(o->target)),
			"`ip -br link` shows what there is; NETNS:IFACE names one elsewhere");
	ink_netns_leave(old);
	return code;
}

/* All that can be checked without touching the target, and the record. */
static int ink_hook_check(const struct ink_hook_spec *spec, const struct ink_slot *slot,
			  const char *object, struct ink_hook_result *result,
			  struct ink_problem *problem)
{
	struct ink_attachment *record = &result->record;
	int code = ink_hook_slot(slot, problem);

	if (code)
		return code;
	if (!object)
		return ink_problem_set(problem, INK_EXIT_NOENT, "flow.bpf.o isn't there",
				       "`make` builds it, `make install` installs it; "
				       "INKLING_BPF_DIR names its folder");
	memset(result, 0, sizeof(*result));
	record->version = 3;
	record->slot_id = slot->id;
	record->export = spec->export;
	record->event_limit = spec->event_limit;
	record->since = time(NULL);
	record->hook = ink_target_hook(spec->target, spec->hook);
	record->policy = (struct ink_flow_policy){
		.block_ns = spec->block_seconds * 1000000000ull, .two_way = 1,
		.fail_closed = spec->fail_closed,
	};
	snprintf(record->slot, sizeof(record->slot), "%s", slot->name);
	snprintf(record->target, sizeof(record->target), "%s", spec->target);
	return ink_hook_schema(slot, object, spec->model, &record->schema, problem);
}

int ink_hook_attach(const struct ink_hook_spec *spec, const struct ink_slot *slot,
		    struct ink_hook_result *result, struct ink_problem *problem)
{
	struct ink_program_options o = {
		.object = ink_program_object(), .target = spec->target, .slot_id = slot->id,
		.event_limit = spec->event_limit, .export = spec->export, .flows = spec->flows,
		.ring = spec->export ? 16u << 20 : 1u << 20, .mode = spec->mode,
		.via_any = spec->via_any, .via = spec->via,
		.allow = spec->allow, .n_allow = spec->n_allow,
		.clock_fed = spec->clock_fed,
	};
	int code;

	if (!ink_target_valid(spec->target) && ink_target_is_cgroup(spec->target))
		return ink_problem_set(problem, INK_EXIT_USAGE,
				       ink_fmt("%s is too long a path", ink_fmt_safe(spec->target)),
				       ink_fmt("%d bytes at most", INK_TARGET_MAX - 1));
	code = ink_hook_check(spec, slot, o.object, result, problem);
	if (code)
		return code;
	o.policy = result->record.policy;
	o.hook = result->record.hook;
	return o.hook == INK_HOOK_CGROUP ? ink_hook_cgroup(&o, result, problem) :
					   ink_hook_interface(&o, result, problem);
}

/* In the target's network namespace; @read is what reading the record gave. */
static int ink_detach_here(const struct ink_attachment *record, int read, const char *iface)
{
	uint32_t ifindex;

	if (!read)
		return ink_program_detach(record);
	/* Pins that can't be read still go; their link goes with them. */
	ifindex = if_nametoindex(iface);
	if (ifindex)
		ink_program_sweep(ifindex);
	return 0;
}

static int ink_detach_target(const char *target)
{
	char netns[INK_TARGET_MAX], iface[16];
	struct ink_attachment record;
	int old, err, read = ink_attachment_read(target, &record);

	/* Pins that can't be read still go, and the links of a cgroup with them. */
	if (ink_target_is_cgroup(target))
		return read ? 0 : ink_program_detach(&record);
	if (!ink_target_split(target, netns, iface))
		return 0;
	old = ink_netns_enter(netns);
	/* A namespace that is gone took the interface along, but not the pins. */
	if (old >= 0 || (old == -ENOENT && !read))
		err = ink_detach_here(&record, read, iface);
	else
		err = old == -ENOENT ? 0 : old;
	if (old >= 0)
		ink_netns_leave(old);
	return err;
}

/* The program first, then its pins. */
int ink_hook_detach(const char *target, struct ink_problem *problem)
{
	int err = ink_detach_target(target);

	if (err)
		return ink_problem_set(problem, ink_exit_errno(err),
			ink_fmt("can't detach from %s: %s", ink_fmt_safe(target), strerror(-err)),
			err == -EPERM || err == -EACCES ? "this needs root" :
			"INKLING_DEBUG=1 shows what libbpf says; "
			"`ip link set dev IFACE xdp off` removes any XDP program");
	err = ink_pins_remove(target);
	if (!err)
		return INK_EXIT_OK;
	return ink_problem_set(problem, ink_exit_errno(err),
			       ink_fmt("can't remove %s: %s", ink_pin_path(target, NULL),
				       strerror(-err)),
			       err == -EPERM || err == -EACCES ? "this needs root" : NULL);
}
