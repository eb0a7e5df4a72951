// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling doctor: what works here, what doesn't, why, and what to do.
 *
 * What lives here: one check for each door and for what it needs. What
 * doesn't: who holds the module (doctor_users.c). Nothing is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "doctor.h"
#include "inkling.h"
#include "internal.h"
#include "words.h"

static struct json_object *findings;
static unsigned int n_off;

void ink_doctor_say(const char *what, enum ink_health health, const char *why, const char *remedy)
{
	static const char * const words[] = { "ok", "note", "off" };
	struct json_object *o;

	n_off += health == INK_HEALTH_OFF;
	if (!ink_cli.json) {
		printf("%-4s  %-18s %s\n", words[health], what, why ? why : "");
		if (remedy && health != INK_HEALTH_OK)
			printf("%26s-> %s\n", "", remedy);
		return;
	}
	o = ink_json_object();
	ink_json_str(o, "what", what);
	ink_json_str(o, "state", words[health]);
	if (why)
		ink_json_str(o, "why", why);
	if (remedy && health != INK_HEALTH_OK)
		ink_json_str(o, "remedy", remedy);
	json_object_array_add(findings, o);
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* First line of a small file; "" when it can't be read. */
static const char *read_line(const char *path)
{
	char line[256] = "";
	FILE *f = fopen(path, "re");

	if (f) {
		if (fgets(line, sizeof(line), f))
			line[strcspn(line, "\n")] = '\0';
		fclose(f);
	}
	return ink_fmt("%s", line);
}

static void check_kernel(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	if (major > 6 || (major == 6 && minor >= 1))
		ink_doctor_say("kernel", INK_HEALTH_OK, ink_fmt("%s %s", u.release, u.machine), NULL);
	else
		ink_doctor_say("kernel", INK_HEALTH_OFF, ink_fmt("%s is older than 6.1", u.release),
			       "boot a kernel from 6.1 on");
}

static void check_cpu(void)
{
	enum ink_isa isa = ink_isa_best();

	if (isa == INK_ISA_SCALAR)
		ink_doctor_say("processor", INK_HEALTH_NOTE, "no AVX2: models run by the scalar code",
			       "larger models may be refused where time is short; the results are the same");
	else
		ink_doctor_say("processor", INK_HEALTH_OK, ink_isa_name(isa), NULL);
}

/* Is there a module for the running kernel that only isn't loaded? */
static bool module_installed(void)
{
	const char *patterns[] = {
		"/lib/modules/%s/updates/dkms/inkling.ko*", "/lib/modules/%s/updates/inkling.ko*",
		"/lib/modules/%s/extra/inkling.ko*",
		"/lib/modules/%s/kernel/drivers/misc/inkling/inkling.ko*",
	};
	struct utsname u;
	glob_t g;
	size_t i;
	int none = 1;

	uname(&u);
	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && none; i++) {
		char path[512];

		snprintf(path, sizeof(path), patterns[i], u.release);
		none = glob(path, 0, NULL, &g);
		if (!none)
			globfree(&g);
	}
	return !none;
}

static bool check_module(void)
{
	const char *lockdown = read_line("/sys/kernel/security/lockdown");
	const char *sig = read_line("/sys/module/module/parameters/sig_enforce");
	bool loaded = exists("/sys/module/inkling") || exists("/dev/inkling");
	const char *version;

	if (loaded) {
		version = read_line("/sys/module/inkling/version");
		ink_doctor_say("module", INK_HEALTH_OK,
			       *version ? ink_fmt("loaded, version %s", version) : "loaded", NULL);
		return true;
	}
	ink_doctor_say("module", INK_HEALTH_OFF,
		       module_installed() ? "installed for this kernel but not loaded" :
		       "not loaded, and not found among this kernel's modules",
		       module_installed() ? "modprobe inkling" :
		       "build and install it: make install && depmod && modprobe inkling");
	if (!strcmp(sig, "Y") || strstr(lockdown, "[integrity]") || strstr(lockdown, "[confidentiality]"))
		ink_doctor_say("module signatures", INK_HEALTH_NOTE,
			       "this kernel only loads modules with a signature that it trusts",
			       "sign inkling.ko with an enrolled key (mokutil --import), or turn Secure Boot off");
	return false;
}

static void check_netlink(bool loaded)
{
	struct ink_slot *slots, *s;
	struct ink_ctl *ctl;
	unsigned int n = 0;

	/* Asking for the family would make the kernel load the module. */
	if (!loaded) {
		ink_doctor_say("netlink", INK_HEALTH_OFF, "the module isn't loaded", "load the module");
		return;
	}
	ctl = ink_ctl_open();
	if (!ctl) {
		ink_doctor_say("netlink", INK_HEALTH_OFF, ink_failure_last()->text,
			       "see what the module said: dmesg | grep inkling");
		return;
	}
	slots = ink_slot_list(ctl);
	for (s = slots; s; s = s->next)
		n++;
	if (!slots && errno)
		ink_doctor_say("netlink", INK_HEALTH_OFF, ink_failure_last()->text, ink_failure_last()->hint);
	else
		ink_doctor_say("netlink", INK_HEALTH_OK, ink_fmt("answers; %u slots that you may see", n), NULL);
	ink_slot_free(slots);
	ink_ctl_close(ctl);
}

static void check_device(bool loaded)
{
	int fd = open("/dev/inkling", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		ink_doctor_say("/dev/inkling", INK_HEALTH_OK, "can be opened", NULL);
	} else if (errno == EACCES) {
		ink_doctor_say("/dev/inkling", INK_HEALTH_OFF, "you may not open it",
			       "ask for access; slots have permissions of their own besides");
	} else {
		ink_doctor_say("/dev/inkling", INK_HEALTH_OFF, strerror(errno),
			       loaded ? "is /dev a devtmpfs? udev or mknod makes the node" : "load the module");
	}
}

/* Programs find kfuncs by the type information of the module. */
static void check_kfuncs(bool loaded)
{
	if (!exists("/sys/kernel/btf/vmlinux"))
		ink_doctor_say("kfuncs", INK_HEALTH_OFF, "this kernel has no type information (BTF)",
			       "boot a kernel with CONFIG_DEBUG_INFO_BTF, as distributions have");
	else if (!loaded)
		ink_doctor_say("kfuncs", INK_HEALTH_OFF, "the module isn't loaded", "load the module");
	else if (!exists("/sys/kernel/btf/inkling"))
		ink_doctor_say("kfuncs", INK_HEALTH_OFF, "the module was built or loaded without BTF",
			       "build it with pahole installed and the kernel's vmlinux beside the headers; it has\n"
			       "to fit the running kernel (dmesg | grep -i btf)");
	else
		ink_doctor_say("kfuncs", INK_HEALTH_OK, "BPF programs can call slots", NULL);
}

static void check_bpf(void)
{
	const char *jit = read_line("/proc/sys/net/core/bpf_jit_enable");
	struct statfs fs;

	if (!strcmp(jit, "0"))
		ink_doctor_say("BPF JIT", INK_HEALTH_OFF, "it is off, and programs that call kfuncs need it",
			       "sysctl net.core.bpf_jit_enable=1");
	else
		ink_doctor_say("BPF JIT", INK_HEALTH_OK, *jit ? "on" : "always on", NULL);
	if (!statfs("/sys/fs/bpf", &fs) && fs.f_type == BPF_FS_MAGIC)
		ink_doctor_say("bpffs", INK_HEALTH_OK, "mounted on /sys/fs/bpf", NULL);
	else
		ink_doctor_say("bpffs", INK_HEALTH_OFF, "not mounted: attachments can't outlive the command",
			       "mount -t bpf bpf /sys/fs/bpf");
}

static bool found(const char *pattern)
{
	glob_t g;
	int none = glob(pattern, GLOB_BRACE, NULL, &g);

	if (!none)
		globfree(&g);
	return !none;
}

static void check_tools(void)
{
	if (found("/usr/{lib,lib64,lib/*-linux-gnu,local/lib}/bpf/xdp-dispatcher.o"))
		ink_doctor_say("libxdp", INK_HEALTH_OK, "its dispatcher shares an interface among programs", NULL);
	else
		ink_doctor_say("libxdp", INK_HEALTH_NOTE,
			       "no xdp-dispatcher.o: one XDP program at a time on an interface",
			       "apt install libxdp1");
	if (found("/usr/{bin,sbin,local/sbin}/bpftool"))
		ink_doctor_say("bpftool", INK_HEALTH_OK, "installed", NULL);
	else
		ink_doctor_say("bpftool", INK_HEALTH_NOTE, "not installed; it shows programs and maps",
			       "apt install bpftool");
}

static void check_capabilities(void)
{
	unsigned long long caps = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	bool admin, load;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	admin = caps & 1ull << CAP_SYS_ADMIN;
	load = admin || (caps & 1ull << CAP_BPF && caps & 1ull << CAP_NET_ADMIN);
	if (load)
		ink_doctor_say("capabilities", INK_HEALTH_OK, "models can be loaded and slots managed", NULL);
	else
		ink_doctor_say("capabilities", INK_HEALTH_NOTE,
			       "without CAP_BPF and CAP_NET_ADMIN slots can only be used",
			       "run load, set, attach and the like as root");
}

int cmd_doctor(int argc, char **argv)
{
	static const struct ink_usage usage = {
		.args = "",
		.about =
		"Looks at each door into the kernel and at what it needs, and says what is off, why, and\n"
		"what to do about it; then who holds the module. Exit status 1 when something is off.",
		.example = "inkling doctor\ninkling doctor --json | jq '.findings[] | select(.state == \"off\")'",
	};
	struct json_object *o;
	bool loaded;

	ink_args_parse(argc, argv, &usage);
	findings = ink_json_array();
	check_kernel();
	check_cpu();
	loaded = check_module();
	check_netlink(loaded);
	check_device(loaded);
	check_kfuncs(loaded);
	check_bpf();
	check_tools();
	check_capabilities();
	if (loaded)
		ink_doctor_users();
	if (ink_cli.json) {
		o = ink_json_object();
		ink_json_bool(o, "ok", !n_off);
		ink_json_add(o, "findings", findings);
		ink_json_print(o);
	} else {
		json_object_put(findings);
	}
	return n_off ? INK_EXIT_FAILED : INK_EXIT_OK;
}
