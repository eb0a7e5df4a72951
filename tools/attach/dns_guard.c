// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard of name servers on an interface; see dns.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dns.h"
#include "program_object.h"
#include "program_tc.h"

static const char *const pinned_maps[] = {
	"counters", "errors", "clients", "verdicts", "allow", "events",
};

const char *ink_dns_pin(const char *target, const char *name)
{
	return name ? ink_fmt(INK_DNS_ROOT "/%s/%s", ink_pin_name(target), name) :
		      ink_fmt(INK_DNS_ROOT "/%s", ink_pin_name(target));
}

static struct ink_tc_place ink_dns_place(const char *target, uint32_t ifindex)
{
	return (struct ink_tc_place){
		.ifindex = ifindex, .priority = INK_TC_DNS, .pin = ink_dns_pin(target, "link"),
	};
}

static int ink_dns_record_read(const char *target, struct ink_dns_record *record)
{
	int err = ink_record_read(ink_dns_pin(target, "info"), record, sizeof(*record));

	if (!err && record->version != 1)
		err = -EPROTO;
	record->slot[sizeof(record->slot) - 1] = '\0';
	record->target[sizeof(record->target) - 1] = '\0';
	return err;
}

/* All pins of a target, if there are any; the root goes with the last. */
static int ink_dns_clear(const char *target)
{
	int err = ink_folder_remove(ink_dns_pin(target, NULL));

	rmdir(INK_DNS_ROOT);	/* fails where there are others */
	return err == -ENOENT ? 0 : err;
}

/* The object, with its constants set; NULL with errno. */
static struct bpf_object *ink_dns_open(const struct ink_slot *slot, uint32_t event_limit)
{
	const char *path = ink_object_path("dns.bpf.o");
	uint32_t input_size = slot->model.input_size;
	struct bpf_object *obj;
	int err;

	ink_library_listen();
	errno = ENOENT;
	obj = path ? bpf_object__open_file(path, NULL) : NULL;
	if (!obj)
		return NULL;
	err = ink_constant_set(obj, "ink_slot_id", &slot->id, sizeof(slot->id)) ?:
	      ink_constant_set(obj, "ink_input_size", &input_size, sizeof(input_size)) ?:
	      ink_constant_set(obj, "ink_event_limit", &event_limit, sizeof(event_limit));
	if (!err)
		return obj;
	bpf_object__close(obj);
	errno = -err;
	return NULL;
}

/* Load, pin the maps, put it on. 0 or -errno. */
static int ink_dns_load(struct bpf_object *obj, const char *target, uint32_t ifindex,
			struct ink_tc_record *tc)
{
	struct ink_tc_place place = ink_dns_place(target, ifindex);
	int err = bpf_object__load(obj);
	size_t i;

	for (i = 0; i < sizeof(pinned_maps) / sizeof(pinned_maps[0]) && !err; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, pinned_maps[i]);

		if (bpf_obj_pin(bpf_map__fd(map), ink_dns_pin(target, pinned_maps[i])))
			err = -errno;
	}
	if (err)
		return err;
	return ink_tc_attach(bpf_program__fd(bpf_object__find_program_by_name(obj, "inkling_dns")),
			     &place, false, tc);
}

/* Can the slot be asked about names, by packets? */
static int ink_dns_check(const struct ink_slot *slot, struct ink_problem *problem)
{
	uint32_t least = sizeof(struct inkling_sequence) + INK_DNS_LEAST;

	if (!slot->has_model)
		return ink_problem_set(problem, INK_EXIT_REFUSED,
				       ink_fmt("slot %s has no model", slot->name),
				       ink_fmt("inkling load MODEL.ink --slot %s", slot->name));
	if (!(slot->contexts & INKLING_CTX_SOFTIRQ))
		return ink_problem_set(problem, INK_EXIT_REFUSED,
				       ink_fmt("slot %s may not be called by packets: its contexts "
					       "lack softirq", slot->name),
				       "contexts are fixed when a slot is made: make another one");
	if (slot->model.input_size < least || slot->model.input_size > sizeof(struct ink_dns_input) ||
	    slot->model.schema != ink_schema_id(NULL, 0, NULL, 0) || slot->model.n_classes < 2)
		return ink_problem_set(problem, INK_EXIT_REFUSED,
				       ink_fmt("slot %s can't judge names: its model %s takes %u "
					       "bytes or features, a name is %u bytes of a count "
					       "and %u to %u of a label",
					       slot->name, ink_fmt_safe(slot->model.name),
					       slot->model.input_size,
					       (unsigned int)sizeof(struct inkling_sequence),
					       INK_DNS_LEAST, INK_DNS_LABEL),
				       "load a model of names, see `man inkling`");
	return INK_EXIT_OK;
}

/* The interface of a target, whose network namespace is entered; *@old to leave it. */
static int ink_dns_enter(const char *target, uint32_t *ifindex, int *old)
{
	char netns[INK_TARGET_MAX], iface[16];

	if (!ink_target_split(target, netns, iface))
		return -EINVAL;
	*old = ink_netns_enter(netns);
	if (*old < 0)
		return *old;
	*ifindex = if_nametoindex(iface);
	if (*ifindex)
		return 0;
	ink_netns_leave(*old);
	return -ENODEV;
}

static int ink_dns_put(const char *target, uint32_t ifindex, const struct ink_slot *slot,
		       uint32_t event_limit, struct ink_problem *problem)
{
	struct ink_dns_record record = {
		.version = 1, .slot_id = slot->id, .ifindex = ifindex, .event_limit = event_limit,
		.since = time(NULL),
	};
	struct bpf_object *obj = ink_dns_open(slot, event_limit);
	int err;

	if (!obj)
		return ink_problem_set(problem, ink_exit_errno(errno),
				       ink_fmt("can't open dns.bpf.o: %s", strerror(errno)),
				       "reinstall Inkling, or set INKLING_BPF_DIR to its folder");
	snprintf(record.slot, sizeof(record.slot), "%s", slot->name);
	snprintf(record.target, sizeof(record.target), "%s", target);
	ink_tc_sweep(ifindex, INK_TC_DNS, "inkling_dns");
	err = mkdir(INK_DNS_ROOT, 0700) && errno != EEXIST ? -errno : 0;
	if (!err && mkdir(ink_dns_pin(target, NULL), 0700))
		err = -errno;
	err = err ?: ink_dns_load(obj, target, ifindex, &record.tc) ?:
	      ink_record_write(ink_dns_pin(target, "info"), "inkling_dns", &record, sizeof(record));
	if (err) {
		struct ink_tc_place place = ink_dns_place(target, ifindex);

		ink_problem_set(problem, ink_exit_errno(err),
				ink_fmt("can't attach to %s: %s%s%s", target, strerror(-err),
					*ink_library_said() ? ": " : "", ink_library_said()),
				err == -EPERM ? "this needs root" : "INKLING_DEBUG=1 shows more");
		ink_tc_detach(&place, &record.tc);
		ink_dns_clear(target);
	}
	bpf_object__close(obj);
	return err ? problem->code : INK_EXIT_OK;
}

int ink_dns_attach(const char *target, const struct ink_slot *slot, uint32_t event_limit,
		   struct ink_problem *problem)
{
	struct ink_dns_state state;
	uint32_t ifindex = 0;
	int err, old;

	if (ink_dns_check(slot, problem))
		return problem->code;
	if (!ink_dns_read(target, &state) && state.alive)
		return ink_problem_set(problem, INK_EXIT_REFUSED,
				       ink_fmt("a guard is on %s already, for slot %s", target,
					       state.record.slot),
				       ink_fmt("inkling dns detach %s", target));
	err = ink_dns_clear(target) ?: ink_dns_enter(target, &ifindex, &old);
	if (err)
		return ink_problem_set(problem, ink_exit_errno(err),
				       ink_fmt("can't use interface %s: %s", ink_fmt_safe(target),
					       strerror(-err)), "IFACE or NETNS:IFACE");
	err = ink_dns_put(target, ifindex, slot, event_limit, problem);
	ink_netns_leave(old);
	return err;
}

int ink_dns_detach(const char *target, struct ink_problem *problem)
{
	struct ink_dns_record record;
	struct ink_tc_place place;
	uint32_t ifindex;
	int err = ink_dns_record_read(target, &record), old;

	if (err == -ENOENT && access(ink_dns_pin(target, NULL), F_OK))
		return ink_problem_set(problem, INK_EXIT_NOENT,
				       ink_fmt("no guard is on %s", ink_fmt_safe(target)),
				       "`inkling dns show` lists them");
	if (!err && !ink_dns_enter(target, &ifindex, &old)) {
		place = ink_dns_place(target, ifindex);
		if (ifindex == record.ifindex)
			err = ink_tc_detach(&place, &record.tc);
		ink_netns_leave(old);
	} else {
		err = 0;	/* the interface has gone, and the program with it */
	}
	err = err ?: ink_dns_clear(target);
	if (err)
		return ink_problem_set(problem, ink_exit_errno(err),
				       ink_fmt("can't take the guard off %s: %s", target,
					       strerror(-err)), NULL);
	return INK_EXIT_OK;
}

int ink_dns_read(const char *target, struct ink_dns_state *state)
{
	struct ink_tc_place place;
	uint32_t ifindex;
	int err, old;

	memset(state, 0, sizeof(*state));
	err = ink_dns_record_read(target, &state->record);
	if (err)
		return err;
	if (!ink_dns_enter(target, &ifindex, &old)) {
		place = ink_dns_place(target, ifindex);
		state->alive = ifindex == state->record.ifindex &&
			       ink_tc_alive(&place, &state->record.tc);
		ink_netns_leave(old);
	}
	return ink_counters_sum(ink_dns_pin(target, "counters"), &state->count,
				sizeof(state->count) / sizeof(uint64_t)) ?:
	       ink_errors_sum(ink_dns_pin(target, "errors"), state->errors);
}

char **ink_dns_list(size_t *n)
{
	return ink_folder_list(INK_DNS_ROOT, n);
}

int ink_dns_allow(const char *target, const char *label, bool add)
{
	struct ink_dns_key key = { 0 };
	uint32_t one = 1;
	int fd, err = 0;
	size_t i;

	if (!*label || strlen(label) > INK_DNS_LABEL || strchr(label, '.'))
		return -EINVAL;
	for (i = 0; label[i]; i++)
		key.label[i] = (uint8_t)tolower((unsigned char)label[i]);
	fd = bpf_obj_get(ink_dns_pin(target, "allow"));
	if (fd < 0)
		return -errno;
	if (add ? bpf_map_update_elem(fd, &key, &one, BPF_ANY) : bpf_map_delete_elem(fd, &key))
		err = -errno;
	close(fd);
	return err;
}
