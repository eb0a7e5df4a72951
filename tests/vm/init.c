// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of the VM. From the initramfs it loads the modules that the shares need, mounts them and
 * switches to the root; there it starts tests/vm/guest.sh, copies the kernel log out as it appears,
 * reaps orphans, reports the exit status and powers off. Where systemd is wanted as process 1, it
 * becomes that (by systemd.sh), and a child does the rest once systemd has come up.
 * What a test finds in the VM (paths, environment, devices) is guest.sh's business.
 */
#include "init.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>

/* /modules lists files of the initramfs, one a line, in the order in which they depend. */
static void load_modules(void)
{
	char path[256];
	FILE *list = fopen("/modules", "r");

	if (!list)
		die("/modules");
	while (fgets(path, sizeof(path), list)) {
		int fd;

		path[strcspn(path, "\n")] = 0;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			die("module %s", path);
		close(fd);
	}
	fclose(list);
}

/* /shares lists tag, folder and "ro" or "rw" of each further share, one a line. */
static void mount_shares(void)
{
	char tag[64], dir[256], mode[8], path[300];
	FILE *list = fopen("/shares", "r");

	if (!list)
		die("/shares");
	while (fscanf(list, "%63s %255s %7s", tag, dir, mode) == 3) {
		snprintf(path, sizeof(path), "/new%s", dir);
		mount_at(tag, path, "virtiofs", strcmp(mode, "rw") ? MS_RDONLY : 0, NULL);
	}
	fclose(list);
}

static void copy_file(const char *from, const char *to)
{
	char buf[4096];
	ssize_t n;
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (in < 0 || out < 0)
		die("copy %s", from);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			die("write %s", to);
	close(in);
	close(out);
}

static void switch_root(void)
{
	struct utsname u;
	char dir[128];

	uname(&u);
	mount_at("root", "/lower", "virtiofs", MS_RDONLY, NULL);
	mount_at("rw", "/rw", "tmpfs", 0, "mode=755");
	if (mkdir("/rw/upper", 0755) || mkdir("/rw/work", 0755) || mkdir("/rw/modules", 0755) ||
	    mkdir("/rw/modules-work", 0755))
		die("mkdir in /rw");
	mount_at("overlay", "/new", "overlay", 0, "lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work");
	mount_own("/new");
	mkdir("/new/lib/modules", 0755);
	snprintf(dir, sizeof(dir), "/new/lib/modules/%s", u.release);
	mount_at("modules", "/lower-modules", "virtiofs", MS_RDONLY, NULL);
	mount_at("overlay", dir, "overlay", 0,
		 "lowerdir=/lower-modules,upperdir=/rw/modules,workdir=/rw/modules-work");
	mkdir("/new/inkling", 0755);
	mount_shares();
	copy_file("/command", "/new/run/command");
	copy_file("/options", "/new/run/options");
	if (access("/systemd", F_OK) == 0)
		copy_file("/systemd", "/new/run/systemd-wanted");
	if (mount("/dev", "/new/dev", NULL, MS_MOVE, NULL))
		die("move /dev");
	enter_root("/new");
}

/* The virtio-serial port of this name, or -1. There is no udev to make links. */
static int port_open(const char *name)
{
	const char *class = "/sys/class/virtio-ports";
	struct dirent *e;
	DIR *d = opendir(class);
	int fd = -1;

	while (d && fd < 0 && (e = readdir(d))) {
		char path[512], got[64] = "";
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s/name", class, e->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(got, sizeof(got), f))
			got[strcspn(got, "\n")] = 0;
		fclose(f);
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		if (!strcmp(got, name))
			fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	return fd;
}

/* Ports appear when the host has answered, shortly after the driver is there. */
static int port_wait(const char *name)
{
	int fd, tries;

	for (tries = 0; tries < 500; tries++) {
		fd = port_open(name);
		if (fd >= 0)
			return fd;
		usleep(10000);
	}
	die("no port '%s'", name);
}

/* Copy the whole kernel log to the host, from boot until power-off. */
static void __attribute__((noreturn)) kmsg_copy(int out)
{
	char rec[8192], *text;
	int in = open("/dev/kmsg", O_RDONLY);
	ssize_t n;

	for (;;) {
		n = read(in, rec, sizeof(rec) - 1);
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			_exit(1);
		rec[n] = 0;
		text = strchr(rec, ';');	/* "priority,sequence,time,-;text\n KEY=value\n" */
		if (text) {
			text++;
			text[strcspn(text, "\n") + 1] = 0;
			if (write(out, text, strlen(text)) < 0)
				_exit(1);
		}
	}
}

static pid_t start_guest(int out, int err)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	if (out >= 0) {
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out, 1);
		dup2(err, 2);
	} else {
		int tty = open("/dev/hvc0", O_RDWR);

		dup2(tty, 0);
		dup2(tty, 1);
		dup2(tty, 2);
	}
	execl("/bin/sh", "sh", "/inkling/tests/vm/guest.sh", NULL);
	_exit(127);
}

static int guest_run(int out, int err)
{
	pid_t guest = start_guest(out, err), pid;
	int status;

	do {
		pid = waitpid(-1, &status, 0);
	} while (pid != guest);
	return status;
}

int main(void)
{
	int out = -1, err = -1, ctl, kmsg, status, i;
	struct stat command;
	bool systemd;

	mount_at("dev", "/dev", "devtmpfs", 0, NULL);
	for (i = 0; i < 3; i++)
		dup2(open("/dev/console", O_RDWR), i);
	load_modules();
	switch_root();

	ctl = port_wait("ctl");
	kmsg = port_wait("kmsg");
	dprintf(ctl, "up\n");
	systemd = access("/run/systemd-wanted", F_OK) == 0;
	if (stat("/run/command", &command) == 0 && command.st_size > 0) {
		out = port_wait("out");
		err = port_wait("err");
	}
	if (!fork())
		kmsg_copy(kmsg);
	if (systemd) {
		if (fork()) {
			execl("/bin/sh", "sh", "/inkling/tests/vm/systemd.sh", NULL);
			die("systemd.sh");
		}
		while (access("/run/vm-up", F_OK))
			usleep(50000);
	}
	status = guest_run(out, err);

	usleep(100000);		/* what the kernel still has to say about the test */
	sync();
	dprintf(ctl, "status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	power_off();
}
