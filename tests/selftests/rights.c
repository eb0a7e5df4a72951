// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what: capabilities for changes, owner, group and permissions for
 * use. Each case runs in a child that gives up what it isn't to have.
 */
#include "st.h"
#include "ctl.h"

#include <linux/capability.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CAP(name)	(1ull << CAP_##name)
#define UID		4711
#define GID		4712

static struct image flow;

static int refused(int err, int want, const char *words)
{
	if (err == -want && strstr(ink_failure_last()->text, words))
		return 0;
	st_diag("got %d (%s)", err, err ? ink_failure_last()->text : "fine");
	return 1;
}

/* Everything that changes something; returns how many weren't refused as they should be. */
static int change_all(u64 capabilities)
{
	const char *words = "needs CAP_BPF and CAP_NET_ADMIN";
	struct ink_slot_change c = { .set = INK_SET_MODE, .mode = INKLING_MODE_ENFORCE };
	struct ink_load_options shadow = { .set = INK_LOAD_SHADOW };
	struct ink_ctl *ctl;
	int bad = 0;

	st_drop(UID, GID, capabilities);
	ctl = st_ctl();
	bad += refused(ink_load_begin(ctl, 1000, image_header(&flow)->digest), EPERM, words);
	bad += refused(ink_load_chunk(ctl, 0, flow.p, 100), EPERM, words);
	bad += refused(ink_load_commit(ctl, "rights", NULL, NULL), EPERM, words);
	bad += refused(ink_load_abort(ctl), EPERM, words);
	bad += refused(ink_slot_new(ctl, "mine", INKLING_CTX_TASK, NULL, NULL), EPERM, words);
	bad += refused(ink_slot_del(ctl, "rights"), EPERM, words);
	bad += refused(ink_slot_set(ctl, "rights", &c), EPERM, words);
	bad += refused(ink_slot_rollback(ctl, "rights"), EPERM, words);
	bad += refused(ink_load_commit_with(ctl, "rights", &shadow, NULL), EPERM, words);
	bad += refused(ink_slot_promote(ctl, "rights"), EPERM, words);
	bad += refused(ink_slot_shadow_drop(ctl, "rights"), EPERM, words);
	return bad;
}

static int without_any(void *arg)
{
	return change_all(0);
}

static int with_bpf_only(void *arg)
{
	return change_all(CAP(BPF));
}

static int with_net_admin_only(void *arg)
{
	return change_all(CAP(NET_ADMIN));
}

static int with_both(void *arg)
{
	struct ink_ctl *ctl;

	st_drop(UID, GID, CAP(BPF) | CAP(NET_ADMIN));
	ctl = st_ctl();
	return ink_load(ctl, flow.p, flow.size, "rights", NULL, NULL, NULL, NULL) != 0;
}

static int with_sys_admin(void *arg)
{
	st_drop(UID, GID, CAP(SYS_ADMIN));
	return ink_load(st_ctl(), flow.p, flow.size, "rights", NULL, NULL, NULL, NULL) != 0;
}

/* Root in a user namespace has all capabilities there, which count for nothing here. */
static int in_user_namespace(void *arg)
{
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return 125;
	fd = open("/proc/self/uid_map", O_WRONLY);
	if (fd < 0 || write(fd, "0 0 1", 5) != 5)
		return 125;
	return refused(ink_slot_del(st_ctl(), "rights"), EPERM, "needs CAP_BPF");
}

/* A network namespace of the same user namespace is the host as well. */
static int in_network_namespace(void *arg)
{
	struct ink_slot *slot;

	if (unshare(CLONE_NEWNET))
		return 125;
	slot = ink_slot_get(st_ctl(), "rights");
	return !slot;
}

static int watch_without(void *arg)
{
	st_drop(UID, GID, 0);
	return ink_watch_open() || ink_failure_last()->code != EPERM;
}

/* A socket that root opened doesn't lend root's rights to who sends on it. */
static int inherited_socket(void *arg)
{
	struct ink_ctl *ctl = arg;

	st_drop(UID, GID, 0);
	return refused(ink_slot_del(ctl, "rights"), EPERM, "needs CAP_BPF");
}

/* What a user sees and may run; the result has bit 0 for seeing, 1 for running, 2 for the list. */
static int use(void *arg)
{
	struct ink_session *session;
	struct ink_slot *slot;
	struct ink_ctl *ctl;
	int result = 0;

	st_drop(UID, GID, 0);
	ctl = st_ctl();
	slot = ink_slot_get(ctl, "rights");
	if (slot)
		result |= 1;
	else if (refused(-errno, EACCES, "read permission"))
		return 64;
	session = ink_session_open("rights", INK_DEFAULTS);
	if (session)
		result |= 2;
	else if (errno != EACCES)
		return 65;
	if (ink_slot_list(ctl))
		result |= 4;
	return result;
}

static void permissions(struct ink_ctl *ctl)
{
	static const struct {
		u32 uid, gid, perm;
		int want;
		const char *name;
	} cases[] = {
		{ 0, 0, 0770, 0, "others without permission" },
		{ 0, 0, 0774, 1 | 4, "others may read" },
		{ 0, 0, 0771, 2, "others may run" },
		{ 0, 0, 0775, 7, "others may read and run" },
		{ 0, GID, 0707, 0, "the group may not, though others may" },
		{ 0, GID, 0750, 7, "the group may read and run" },
		{ 0, GID, 0710, 2, "the group may run" },
		{ UID, 0, 0077, 0, "the owner may not, though others may" },
		{ UID, 0, 0500, 7, "the owner may read and run" },
		{ UID, 0, 0100, 2, "the owner may run" },
	};
	struct ink_slot_change c = { .set = INK_SET_UID | INK_SET_GID | INK_SET_PERM };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		c.uid = cases[i].uid;
		c.gid = cases[i].gid;
		c.perm = cases[i].perm;
		if (ink_slot_set(ctl, "rights", &c))
			st_bail("set: %s", ink_failure_last()->text);
		st_is(st_child(use, NULL), cases[i].want, "%s", cases[i].name);
	}
}

/* The right is that of who opened the device, and it is asked once. */
static int bind_passed_file(void *arg)
{
	struct inkling_bind bind = { .size = sizeof(bind), .slot = "rights" };
	int fd = *(int *)arg;

	st_drop(UID, GID, 0);
	return ioctl(fd, INKLING_IOC_BIND, &bind) ? errno : 0;
}

static int root_binds_foreign_file(void *arg)
{
	struct inkling_bind bind = { .size = sizeof(bind), .slot = "rights" };
	int fd;

	if (seteuid(UID))
		return 125;
	fd = open("/dev/inkling", O_RDWR);
	if (fd < 0 || seteuid(0))
		return 125;
	return ioctl(fd, INKLING_IOC_BIND, &bind) ? errno : 0;
}

static void files(struct ink_ctl *ctl)
{
	struct ink_slot_change c = {
		.set = INK_SET_UID | INK_SET_GID | INK_SET_PERM, .perm = 0700,
	};
	int fd = open("/dev/inkling", O_RDWR);

	ink_slot_set(ctl, "rights", &c);
	st_is(st_child(bind_passed_file, &fd), 0, "a file that root opened may be bound by a user");
	st_is(st_child(root_binds_foreign_file, NULL), EACCES,
	      "a file that a user opened may not be bound by root for him");
	close(fd);
}

int main(void)
{
	struct ink_ctl *ctl = st_ctl();
	int result;

	flow = model_image(MODEL_FLOW);
	st_slot_with(ctl, "rights", INKLING_CTX_TASK, &flow);
	st_is(st_child(without_any, NULL), 0, "without capabilities all changes are refused");
	st_is(st_child(with_bpf_only, NULL), 0, "with CAP_BPF alone too");
	st_is(st_child(with_net_admin_only, NULL), 0, "with CAP_NET_ADMIN alone too");
	st_is(st_child(with_both, NULL), 0, "with CAP_BPF and CAP_NET_ADMIN loading works");
	st_is(st_child(with_sys_admin, NULL), 0, "with CAP_SYS_ADMIN as well");
	result = st_child(in_user_namespace, NULL);
	if (result == 125)
		st_skip("no user namespaces here", "root of a user namespace");
	else
		st_is(result, 0, "root of a user namespace is refused");
	st_is(st_child(in_network_namespace, NULL), 0, "slots are the host's in each network namespace");
	st_is(st_child(watch_without, NULL), 0, "listening needs CAP_NET_ADMIN");
	st_is(st_child(inherited_socket, ctl), 0, "a socket opened by root lends no rights");
	permissions(ctl);
	files(ctl);
	ink_slot_del(ctl, "rights");
	ink_ctl_close(ctl);
	return st_done();
}
