// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module comes and goes: who holds it, what is left of it, and its
 * parameters.
 */
#include "st.h"
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static struct image flow;

static int unload(void)
{
	return syscall(SYS_delete_module, "inkling", O_NONBLOCK) ? errno : 0;
}

static int load(const char *parameters)
{
	const char *named = getenv("INKLING_MODULE");
	struct utsname name;
	char path[256];
	int fd, err;

	uname(&name);
	if (named)
		snprintf(path, sizeof(path), "%s", named);
	else
		snprintf(path, sizeof(path), "build/kmod-%s/inkling.ko", name.release);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		st_bail("%s: %s", path, strerror(errno));
	err = syscall(SYS_finit_module, fd, parameters, 0) ? errno : 0;
	close(fd);
	return err;
}

static void reload(const char *parameters)
{
	int err = load(parameters);

	if (err)
		st_bail("the module doesn't load with '%s': %s", parameters, strerror(err));
}

static void held(void)
{
	struct ink_ctl *ctl = st_ctl();
	int fd = open("/dev/inkling", O_RDWR);

	st_slot_with(ctl, "held", INKLING_CTX_TASK, &flow);
	st_is(unload(), EWOULDBLOCK, "an open file holds the module");
	close(fd);
	ink_load_begin(ctl, 100000, image_header(&flow)->digest);
	ink_load_chunk(ctl, 0, flow.p, flow.size);
	st_is(unload(), 0, "slots with models and a half-loaded image don't");
	st_ok(access("/dev/inkling", F_OK), "the device is gone");
	st_ok(ink_load_chunk(ctl, (u32)flow.size, flow.p, 100) < 0, "the family is gone");
	reload("");
	st_ok(ink_load_commit(ctl, "held", NULL, NULL) < 0, "a new one knows nothing of the image");
	ink_ctl_close(ctl);
	ctl = st_ctl();
	st_ok(!ink_slot_list(ctl) && !errno, "nor of the slots");
	ink_ctl_close(ctl);
}

/* A dump that isn't read to its end. */
static void held_by_dump(void)
{
	struct ink_ctl *ctl = st_ctl();
	struct nl_msg *msg;
	char name[16];
	int i;

	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		ink_slot_new(ctl, name, INKLING_CTX_TASK, NULL, NULL);
	}
	msg = ink_ctl_request(ctl, INKLING_CMD_SLOT_GET, NLM_F_DUMP, 0);
	nl_send_auto(ctl->sock, msg);
	nlmsg_free(msg);
	st_is(unload(), EWOULDBLOCK, "a dump under way holds the module");
	ink_ctl_close(ctl);
	st_is(unload(), 0, "until its socket is closed");
	reload("");
}

static long long vmalloc_used(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmallocUsed: %lld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static void cycle(const struct image *big)
{
	struct ink_ctl *ctl = st_ctl();
	struct ink_session *session;
	u8 in[256] = { 0 };

	st_slot_with(ctl, "a", INKLING_CTX_TASK, big);
	st_load(ctl, "a", big);
	st_slot_with(ctl, "b", INKLING_CTX_ALL, &flow);
	session = ink_session_open("a", INK_DEFAULTS);
	if (ink_session_run(session, in, sizeof(in), NULL, 0))
		st_bail("run: %s", ink_failure_last()->text);
	ink_session_close(session);
	ink_load_begin(ctl, INKLING_MAX_IMAGE, image_header(&flow)->digest);
	if (unload())
		st_bail("unload: %s", strerror(errno));
	ink_ctl_close(ctl);
	reload("");
}

static void nothing_left(void)
{
	struct image big = big_image(256, 8);
	struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };
	long long before, after;
	int i;

	for (i = 0; i < 3; i++)
		cycle(&big);
	nanosleep(&pause, NULL);
	before = vmalloc_used();
	for (i = 0; i < 30; i++)
		cycle(&big);
	nanosleep(&pause, NULL);
	after = vmalloc_used();
	/* Each cycle uses 17 MiB of image and half a MiB for each model. */
	st_ok(before >= 0 && after - before < 1024,
	      "30 times loaded, filled and unloaded: %lld KiB of vmalloc before, %lld after",
	      before, after);
	image_free(&big);
}

static void parameters(void)
{
	struct ink_ctl *ctl, *other;

	unload();
	st_is(load("max_slots=0"), EINVAL, "max_slots=0 is refused");
	st_is(load("max_slots=4097"), EINVAL, "max_slots=4097 is refused");
	reload("max_slots=2 max_loads=1 max_load_bytes=1000000");
	ctl = st_ctl();
	other = st_ctl();
	st_slot(ctl, "a", 1);
	st_slot(ctl, "b", 1);
	st_refused(ink_slot_new(ctl, "c", 1, NULL, NULL), ENOSPC, "all 2 slots are in use",
		   "max_slots=2");
	st_refused(ink_load_begin(ctl, 1000001, image_header(&flow)->digest), EBUSY,
		   "may take 1000000", "max_load_bytes=1000000");
	st_fine(ink_load_begin(ctl, 1000000, image_header(&flow)->digest), "not more than that");
	st_refused(ink_load_begin(other, 1000, image_header(&flow)->digest), EBUSY,
		   "1 images are half-loaded", "max_loads=1");
	ink_ctl_close(ctl);
	ink_ctl_close(other);
	unload();
	reload("max_slots=4096");
	ctl = st_ctl();
	st_fine(ink_slot_new(ctl, "a", 1, NULL, NULL), "max_slots=4096");
	ink_ctl_close(ctl);
}

int main(void)
{
	flow = model_image(MODEL_FLOW);
	held();
	held_by_dump();
	nothing_left();
	parameters();
	return st_done();
}
