/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an attachment leaves on the BPF file system, so that it outlives us.
 *
 * What lives here: the folder of pinned maps of each interface, the record that
 * describes it, counters, network namespaces. What doesn't: loading and
 * attaching programs (program.h).
 *
 * /sys/fs/bpf/inkling/TARGET/ holds the maps by their names in flow.bpf.c, the
 * array "info" with one struct ink_attachment, "link" or "program" of XDP, and
 * "link_in" and "link_out" of cgroups, and of tc where the kernel has such links. TARGET is IFACE,
 * NETNS:IFACE or the path of a cgroup, with ".", "%" and "/" written as "%2e" and so on: the kernel
 * reserves dots there.
 */
#ifndef INK_PINS_H
#define INK_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/inkling.h>
#include "../../bpf/flow/flow_state.h"
#include "../../bpf/hook.h"

#define INK_PIN_ROOT	"/sys/fs/bpf/inkling"
#define INK_TARGET_MAX	192

enum ink_via {
	INK_VIA_DISPATCHER,	/* libxdp: beside other programs */
	INK_VIA_LINK,		/* alone on the interface */
};

/* Where packets are judged on their way in. */
enum ink_hook {
	INK_HOOK_XDP,
	INK_HOOK_TC,
	INK_HOOK_CGROUP,
};

/* How a program of tc hangs on the interface. */
enum ink_tc_way {
	INK_TC_NONE,
	INK_TC_TCX,		/* a pinned link */
	INK_TC_CLSACT,		/* a filter */
};

struct ink_tc_record {
	uint32_t way;		/* enum ink_tc_way */
	uint32_t out;		/* on the way out, else in */
	uint32_t prog_id;
	uint32_t made_qdisc;
};

enum ink_xdp_mode {
	INK_XDP_AUTO,
	INK_XDP_NATIVE,
	INK_XDP_SKB,
};

/* The record of an attachment. Only this program writes and reads it. */
struct ink_attachment {
	uint32_t version;	/* 3 */
	uint32_t slot_id;
	char slot[INKLING_SLOT_NAME_MAX];
	char target[INK_TARGET_MAX];
	uint32_t ifindex;
	uint32_t prog_id;
	uint32_t mode;		/* enum ink_xdp_mode, not AUTO; of XDP */
	uint32_t via;		/* enum ink_via */
	uint32_t export;
	uint32_t event_limit;
	uint64_t schema;
	int64_t since;		/* seconds since 1970 */
	uint32_t hook;		/* enum ink_hook */
	uint32_t zero;
	struct ink_tc_record tc_in;
	struct ink_tc_record tc_out;
	struct ink_flow_policy policy;
};

/* Split NETNS:IFACE; @netns is empty when there is none. False: not an interface. */
bool ink_target_split(const char *target, char netns[INK_TARGET_MAX], char iface[16]);
/* A path names a cgroup; interfaces and network namespaces can't have a slash. */
bool ink_target_is_cgroup(const char *target);
/* Take off the slashes that shells put behind the name of a folder. */
void ink_target_trim(char *target);
/* Is it a target at all, by its form? */
bool ink_target_valid(const char *target);
/* Where its packets are judged, when @asked is asked for on interfaces. */
enum ink_hook ink_target_hook(const char *target, enum ink_hook asked);
/* Enter a network namespace by name or path; a descriptor of the old one or -errno. */
int ink_netns_enter(const char *netns);
void ink_netns_leave(int old);

/* A target as the name of a folder, from ink_fmt()'s buffers; and back, for the caller to free. */
const char *ink_pin_name(const char *target);
char *ink_pin_target(const char *name);
/* Path of a pin, from ink_fmt()'s buffers; @name NULL: the folder. */
const char *ink_pin_path(const char *target, const char *name);
/*
 * Serialise attach and detach. With @make the BPF file system is mounted and
 * INK_PIN_ROOT made if need be. Return: a lock, or -errno; -ENOENT: no root.
 */
int ink_pins_lock(bool make);
void ink_pins_unlock(int lock);	/* also removes an empty INK_PIN_ROOT */
int ink_pins_make(const char *target);		/* 0 or -errno */
int ink_pins_remove(const char *target);	/* the folder and what is in it; 0 or -errno */
/* All targets, sorted; each one and the list are the caller's to free. */
char **ink_pins_list(size_t *n);

/* The same below any root, for other kinds of pins. */
int ink_folder_remove(const char *path);
char **ink_folder_list(const char *root, size_t *n);
/* A record in a map that is pinned at @path; 0 or -errno: -EPROTO: another version's. */
int ink_record_write(const char *path, const char *name, const void *record, uint32_t size);
int ink_record_read(const char *path, void *record, uint32_t size);

int ink_attachment_write(const char *target, const struct ink_attachment *record);
/* 0, or -errno: -ENOENT nothing is attached there. */
int ink_attachment_read(const char *target, struct ink_attachment *record);

/* A pinned BPF link: does it still hang on something; take it off (0 or -errno). */
bool ink_pinned_link_alive(const char *path);
int ink_pinned_link_detach(const char *path);

/* Add up what all CPUs counted, @n u64 in the map at @path, or by errno there; 0 or -errno. */
int ink_counters_sum(const char *path, void *sum, size_t n);
int ink_errors_sum(const char *path, uint64_t sum[INK_HOOK_ERRNOS]);
/* Sum over all CPUs; 0 or -errno. */
int ink_counters_read(const char *target, struct ink_flow_counters *sum);
int ink_errors_read(const char *target, uint64_t sum[INK_HOOK_ERRNOS]);

#endif /* INK_PINS_H */
