// SPDX-License-Identifier: GPL-2.0-only
/*
 * inklingd: keeps what is in the kernel equal to the slot files.
 *
 * What lives here: the event loop: when a pass is made. What doesn't: what a
 * pass does (reconcile.c).
 *
 * Nothing is undone when it ends: slots, models and attachments stay, and the
 * next instance finds them as they are.
 */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "reconcile.h"

#define INK_SETTLE_US	300000		/* files are written in several steps */
#define INK_REPAIR_US	5000000		/* the module or a cgroup may have come back */
#define INK_LINKS_US	50000		/* an interface has; its address and name follow at once */
#define INK_WATCHED	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)

struct ink_loop {
	struct ink_daemon daemon;
	sd_event *event;
	sd_event_source *settle, *repair;
	bool hurried;			/* @repair comes early */
	char **watched;			/* folders */
	size_t n_watched;
};

static int ink_changed(sd_event_source *source, const struct inotify_event *e, void *arg);

static void ink_loop_soon(struct ink_loop *l)
{
	sd_event_source_set_time_relative(l->settle, INK_SETTLE_US);
	sd_event_source_set_enabled(l->settle, SD_EVENT_ONESHOT);
}

/* Return: it wasn't watched before. A watch stays: one that is dropped loses what it has seen. */
static bool ink_loop_watch_folder(struct ink_loop *l, const char *folder)
{
	size_t i;

	for (i = 0; i < l->n_watched; i++)
		if (!strcmp(l->watched[i], folder))
			return false;
	if (sd_event_add_inotify(l->event, NULL, folder, INK_WATCHED, ink_changed, l) < 0)
		return false;
	l->watched = ink_xrealloc(l->watched, l->n_watched + 1, sizeof(*l->watched));
	l->watched[l->n_watched++] = ink_xstrdup(folder);
	return true;
}

/* Folders of the files that matter, once these are known. What changed before is read again. */
static void ink_loop_watch(struct ink_loop *l)
{
	const struct ink_config *c = &l->daemon.config;
	bool more = ink_loop_watch_folder(l, l->daemon.slots_dir);
	size_t i;

	/* A model that a file names by its digest may come. */
	more |= ink_loop_watch_folder(l, l->daemon.store);
	for (i = 0; i < c->n_watch; i++) {
		char *copy = ink_xstrdup(c->watch[i]);

		more |= ink_loop_watch_folder(l, dirname(copy));
		free(copy);
	}
	if (more)
		ink_loop_soon(l);
}

static void ink_loop_pass(struct ink_loop *l, bool reread)
{
	if (reread)
		sd_notify(0, "RELOADING=1");
	ink_daemon_pass(&l->daemon, reread);
	if (reread)
		ink_loop_watch(l);
	sd_notifyf(0, "READY=1\nSTATUS=%s", l->daemon.status);
	sd_event_source_set_time_relative(l->repair, INK_REPAIR_US);
	sd_event_source_set_enabled(l->repair, SD_EVENT_ONESHOT);
	l->hurried = false;
}

static int ink_settled(sd_event_source *source, uint64_t usec, void *arg)
{
	ink_loop_pass(arg, true);
	return 0;
}

static int ink_repair(sd_event_source *source, uint64_t usec, void *arg)
{
	ink_loop_pass(arg, false);
	return 0;
}

static bool ink_ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

/* Of the folder of slot files only those count; of other folders what is named in one. */
static int ink_changed(sd_event_source *source, const struct inotify_event *e, void *arg)
{
	const char *name = e->len ? e->name : "";
	const struct ink_config *c;
	struct ink_loop *l = arg;
	size_t i;

	c = &l->daemon.config;
	if (e->mask & (IN_IGNORED | IN_Q_OVERFLOW) || ink_ends_with(name, INK_UNIT_SUFFIX) ||
	    (c->n_refused && ink_ends_with(name, ".ink")))
		ink_loop_soon(l);
	for (i = 0; i < c->n_watch; i++)
		if (*name && ink_ends_with(c->watch[i], name))
			ink_loop_soon(l);
	return 0;
}

static int ink_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
	ink_loop_pass(arg, true);
	return 0;
}

/* Interfaces come, go and change. What it was a pass finds out, so that lost messages don't matter. */
static int ink_links_changed(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct ink_loop *l = arg;
	char message[8192];
	ssize_t n;

	do {
		n = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	} while (n > 0 || (n < 0 && (errno == ENOBUFS || errno == EINTR)));
	if (l->hurried)
		return 0;
	l->hurried = true;
	sd_event_source_set_time_relative(l->repair, INK_LINKS_US);
	return sd_event_source_set_enabled(l->repair, SD_EVENT_ONESHOT);
}

/* Without it interfaces are looked for every INK_REPAIR_US. */
static void ink_loop_links(struct ink_loop *l)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
			sd_event_add_io(l->event, NULL, fd, EPOLLIN, ink_links_changed, l) < 0))
		close(fd);
}

static int ink_loop_run(struct ink_loop *l)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	err = sd_event_default(&l->event);
	if (err >= 0)
		err = sd_event_add_signal(l->event, NULL, SIGTERM, NULL, NULL);
	if (err >= 0)
		err = sd_event_add_signal(l->event, NULL, SIGINT, NULL, NULL);
	if (err >= 0)
		err = sd_event_add_signal(l->event, NULL, SIGHUP, ink_reload, l);
	if (err >= 0)
		err = sd_event_add_time_relative(l->event, &l->settle, CLOCK_MONOTONIC, INK_SETTLE_US,
						 0, ink_settled, l);
	if (err >= 0)
		err = sd_event_add_time_relative(l->event, &l->repair, CLOCK_MONOTONIC, INK_REPAIR_US,
						 0, ink_repair, l);
	if (err < 0)
		return err;
	sd_event_source_set_enabled(l->settle, SD_EVENT_OFF);
	sd_event_set_watchdog(l->event, true);
	ink_loop_watch_folder(l, l->daemon.slots_dir);
	ink_loop_links(l);
	ink_loop_pass(l, true);
	err = sd_event_loop(l->event);
	sd_notify(0, "STOPPING=1");
	return err;
}

static void usage(FILE *to)
{
	fputs("Usage: inklingd [OPTION]...\n"
	      "Keep slots, models and hooks in the kernel equal to the slot files.\n\n"
	      "  --slots DIR   folder of NAME.slot (" INK_SLOTS_DIR ")\n"
	      "  --store DIR   folder of models that are named by digest (" INK_STORE_DIR ")\n"
	      "  --state DIR   where it is written down what is managed (" INK_STATE_DIR ")\n"
	      "  --once        make one pass and end: 0 all is as the files say, 1 not\n"
	      "  --help, --version\n\n"
	      "SIGHUP reads the files again, as does a change in the folder. `inkling check` tells what\n"
	      "is wrong with them. See inklingd(8), inkling.slot(5).\n", to);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "slots", required_argument, NULL, 'd' }, { "store", required_argument, NULL, 's' },
		{ "state", required_argument, NULL, 'r' }, { "once", no_argument, NULL, '1' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'v' }, { 0 },
	};
	struct ink_loop loop = {
		.daemon = { .slots_dir = INK_SLOTS_DIR, .store = INK_STORE_DIR,
			    .state = INK_STATE_DIR },
	};
	struct ink_daemon *d = &loop.daemon;
	bool once = false;
	int c, lock, err;

	ink_cli.command = "inklingd";
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'd':
			d->slots_dir = optarg;
			break;
		case 's':
			d->store = optarg;
			break;
		case 'r':
			d->state = optarg;
			break;
		case '1':
			once = true;
			break;
		case 'v':
			puts("inklingd " INK_VERSION);
			return 0;
		default:
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
	}
	lock = ink_managed_lock(d->state);
	if (lock < 0) {
		fprintf(stderr, "inklingd: %s: %s\n", d->state, lock == -EWOULDBLOCK ?
			"another inklingd is at work" : strerror(-lock));
		return 1;
	}
	if (once) {
		ink_daemon_pass(d, true);
		printf("%zu steps; %s\n", d->steps, d->status);
		err = d->waiting || d->config.n_refused;
	} else {
		err = ink_loop_run(&loop);
		if (err < 0)
			fprintf(stderr, "inklingd: event loop: %s\n", strerror(-err));
	}
	ink_daemon_clear(d);
	return err < 0 ? 1 : err;
}
