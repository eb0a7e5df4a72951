// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of the kernel that runs as a process (UML): it makes a root in memory of what the host's
 * root holds, all of it read-only, with /tmp, /run and the like of its own, the project in /inkling,
 * and starts tests/uml/guest.sh there; then it reports the exit status and powers off.
 * What a test finds there (environment, module, leaks) is guest.sh's business.
 *
 * The kernel's command line gives the environment: TOP the project's folder, RUN one with options and command,
 * OUT one to write to, if any.
 * Terminals: 0 the kernel's log, 1 standard output, 2 standard error, 3 the exit status.
 */
#include "../vm/init.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

/* Where the new root is put together: a folder that each system has and where nothing is needed of it. */
#define NEW	"/run"

/* Folders of the host that have something else in their place. */
static int is_own(const char *name)
{
	static const char * const own[] = {
		".", "..", "dev", "proc", "sys", "run", "tmp", "scratch", "inkling", "out",
	};
	unsigned int i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(name, own[i]))
			return 1;
	return 0;
}

static void take_over(const char *name)
{
	char from[512], to[512], target[512];
	struct stat st;
	ssize_t n;

	snprintf(from, sizeof(from), "/%s", name);
	snprintf(to, sizeof(to), NEW "/%s", name);
	if (lstat(from, &st))
		return;
	if (S_ISDIR(st.st_mode)) {
		mount_at(from, to, NULL, MS_BIND, NULL);
	} else if (S_ISLNK(st.st_mode)) {
		n = readlink(from, target, sizeof(target) - 1);
		if (n < 0)
			die("%s", from);
		target[n] = 0;
		if (symlink(target, to))
			die("%s", to);
	}
}

static void make_root(void)
{
	const char *top = getenv("TOP"), *run = getenv("RUN"), *out = getenv("OUT");
	struct dirent *e;
	DIR *root;

	if (!top || !run)
		die("no TOP or RUN");
	mount_at("root", NEW, "tmpfs", 0, "mode=755");
	root = opendir("/");
	while (root && (e = readdir(root)))
		if (!is_own(e->d_name))
			take_over(e->d_name);
	if (root)
		closedir(root);
	mount_at(top, NEW "/inkling", NULL, MS_BIND, NULL);
	if (out)
		mount_at("out", NEW "/out", "hostfs", 0, out);
	mount_at("/dev", NEW "/dev", NULL, MS_MOVE, NULL);
	mount_own(NEW);
	mount_at("guest", NEW "/run/guest", "hostfs", MS_RDONLY, run);
	enter_root(NEW);
}

static void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		die("loopback device");
	close(fd);
}

/* A terminal that passes on what is written to it as it is. */
static int terminal(int n)
{
	struct termios t;
	char path[16];
	int fd;

	snprintf(path, sizeof(path), "/dev/tty%d", n);
	fd = open(path, O_RDWR | O_NOCTTY);
	if (fd < 0 || tcgetattr(fd, &t))
		die("%s", path);
	cfmakeraw(&t);
	if (tcsetattr(fd, TCSANOW, &t))
		die("%s", path);
	return fd;
}

static int guest_run(void)
{
	int out = terminal(1), err = terminal(2), status;
	pid_t guest = fork(), pid;

	if (!guest) {
		setsid();
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out, 1);
		dup2(err, 2);
		execl("/bin/bash", "bash", "/inkling/tests/uml/guest.sh", NULL);
		_exit(127);
	}
	do {
		pid = waitpid(-1, &status, 0);
	} while (pid != guest);
	tcdrain(out);
	tcdrain(err);
	return status;
}

int main(void)
{
	int ctl, status, i;

	for (i = 0; i < 3; i++)
		dup2(open("/dev/console", O_RDWR), i);
	make_root();
	loopback_up();
	ctl = terminal(3);
	dprintf(ctl, "up\n");
	status = guest_run();
	dprintf(ctl, "status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	tcdrain(ctl);
	power_off();
}
