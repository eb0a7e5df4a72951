// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling events: what the flow hook flagged, from its ring buffer.
 *
 * What lives here: the subcommand. A ring buffer has one reader: a second one
 * would see only what the first hasn't taken, so it is refused.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "cli.h"
#include "rows.h"

struct ink_events {
	struct ink_rows rows;
	bool features;
	uint64_t offset_ns;	/* from monotonic to real time */
	uint64_t shown;
	uint64_t most;
	size_t n_classes;
	const char *classes[INKLING_MAX_CLASSES];
};

static volatile sig_atomic_t stopped;

static void ink_events_stop(int signal)
{
	stopped = 1;
}

static uint64_t ink_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void ink_event_text(const struct ink_events *e, const struct ink_flow_event *v,
			   uint64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / 1000000000u);
	const char *class = v->verdict.class < e->n_classes ? e->classes[v->verdict.class] :
			    ink_fmt("class %u", v->verdict.class);
	struct tm tm;
	char when[32];

	localtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%F %T", &tm);
	printf("%s.%03u  %s  %s  score %d  packet %u  %s\n", when,
	       (unsigned int)(time_ns / 1000000 % 1000), ink_flow_format(&v->key),
	       ink_fmt_safe(class), v->verdict.score, v->packets,
	       v->error ? ink_fmt("error %s", strerrorname_np(-v->error) ?: "?") :
	       v->flags & INK_EVENT_ALLOWED ? "allowed" :
	       v->flags & INK_EVENT_DROPPED ? "dropped" :
	       v->verdict.action == INKLING_ACTION_DROP ? "would be dropped" :
	       ink_action_name(v->verdict.action));
}

static int ink_events_take(void *arg, void *data, size_t size)
{
	const struct ink_flow_event *event = data;
	struct ink_events *e = arg;
	uint64_t time_ns;

	if (size < sizeof(*event))
		return 0;
	time_ns = event->time_ns + e->offset_ns;
	if (e->features)
		ink_rows_event(&e->rows, event, time_ns, "");
	else if (ink_cli.json)
		ink_json_print(ink_event_json(event, time_ns, e->classes, e->n_classes));
	else
		ink_event_text(e, event, time_ns);
	e->shown++;
	return stopped || (e->most && e->shown >= e->most) ? -ECANCELED : 0;
}

/* Names of the classes are nice to have, no more. */
static void ink_events_classes(struct ink_events *e, const char *slot)
{
	struct ink_ctl *ctl = ink_ctl_open();
	struct ink_slot *s = ctl ? ink_slot_get(ctl, slot) : NULL;

	if (s && s->has_model)
		for (; e->n_classes < s->model.n_classes; e->n_classes++)
			e->classes[e->n_classes] = ink_xstrdup(s->model.classes[e->n_classes]);
	ink_slot_free(s);
	if (ctl)
		ink_ctl_close(ctl);
}

struct ring_buffer *ink_ring_open(const char *target, const char *folder,
				  int (*take)(void *arg, void *data, size_t size), void *arg)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = bpf_obj_get(ink_fmt("%s/events", folder));
	struct ring_buffer *ring;

	if (fd < 0)
		ink_die(ink_exit_errno(errno), ink_fmt("can't open the events of %s: %s", target,
						       strerror(errno)), "this needs root");
	/* The lock lasts until the process ends. */
	if (dir < 0 || flock(dir, LOCK_EX | LOCK_NB))
		ink_die(INK_EXIT_REFUSED, ink_fmt("the events of %s are being read already", target),
			"end the other reader; one reader gets all of them");
	ring = ring_buffer__new(fd, take, arg, NULL);
	if (!ring)
		ink_die(ink_exit_errno(errno), ink_fmt("can't map the events of %s: %s", target,
						       strerror(errno)), NULL);
	close(fd);
	return ring;
}

/* What the ring couldn't take is told at once, on stderr. */
static void ink_events_lost(const char *target, uint64_t *lost)
{
	struct ink_flow_counters count;

	if (ink_counters_read(target, &count) || count.events_lost <= *lost)
		return;
	fprintf(stderr, "%llu events were lost: they came faster than they were read\n",
		(unsigned long long)(count.events_lost - *lost));
	*lost = count.events_lost;
}

static int ink_events_loop(struct ring_buffer *ring, struct ink_events *e, const char *target,
			   bool follow)
{
	struct ink_flow_counters count = { 0 };
	uint64_t lost;
	int err;

	ink_counters_read(target, &count);
	lost = count.events_lost;
	if (lost)
		ink_note("%s events were lost before", ink_fmt_count(lost));
	do {
		err = follow ? ring_buffer__poll(ring, 200) : ring_buffer__consume(ring);
		fflush(stdout);
		ink_events_lost(target, &lost);
		if (err == -ECANCELED || err == -EINTR || ferror(stdout))
			break;
		/* Detached under us: what is left was read. */
		if (follow && access(ink_pin_path(target, "events"), F_OK)) {
			ink_note("%s was detached", target);
			break;
		}
	} while (follow && !stopped && err >= 0);
	return err < 0 && err != -ECANCELED && err != -EINTR ? ink_exit_errno(err) : INK_EXIT_OK;
}

int cmd_events(int argc, char **argv)
{
	struct ink_events e = { .rows = { .to = stdout, .verdicts = true } };
	const char *out = NULL;
	bool follow = false;
	uint32_t most = 0;
	const struct ink_option options[] = {
		{ "follow", 'f', NULL, "wait for more", INK_OPT_FLAG, &follow },
		{ "count", 'n', "N", "end after that many", INK_OPT_U32, &most },
		{ "features", 0, NULL, "CSV with every scored vector, for training; needs\n"
		  "`inkling attach --export`", INK_OPT_FLAG, &e.features },
		{ "out", 'o', "FILE", "with --features: write there", INK_OPT_STRING, &out },
		{ 0 },
	};
	const struct ink_usage usage = {
		.args = "[IFACE] [OPTION]...",
		.about = "Show what the flow classifier on an interface flagged: who, with which score, and\n"
			 "on which features. With --json one object a line.",
		.options = options,
		.example = "inkling events --follow\n"
			   "inkling events eth0 --follow --features -o flows.csv",
		.min_args = 0, .max_args = 1,
	};
	struct sigaction action = { .sa_handler = ink_events_stop };
	struct ink_attachment record;
	struct ring_buffer *ring;
	int code;

	code = ink_args_parse(argc, argv, &usage);
	ink_attachment_choose(code ? argv[1] : NULL, &record);
	if (e.features && !record.export)
		ink_die(INK_EXIT_REFUSED, ink_fmt("%s doesn't export features", record.target),
			"detach it and attach it again with --export");
	if (out && !e.features)
		ink_die(INK_EXIT_USAGE, "--out goes with --features", NULL);
	if (out) {
		e.rows.to = fopen(out, "w");
		if (!e.rows.to)
			ink_die(ink_exit_errno(errno), ink_fmt("can't write %s: %s",
				ink_fmt_safe(out), strerror(errno)), NULL);
	}
	e.most = most;
	e.offset_ns = ink_clock(CLOCK_REALTIME) - ink_clock(CLOCK_MONOTONIC);
	ink_events_classes(&e, record.slot);
	ring = ink_ring_open(record.target, ink_pin_path(record.target, NULL), ink_events_take, &e);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (e.features)
		ink_rows_heading(&e.rows);
	code = ink_events_loop(ring, &e, record.target, follow);
	ring_buffer__free(ring);
	if (out && fclose(e.rows.to)) {
		ink_error(ink_fmt("can't write %s: %s", ink_fmt_safe(out), strerror(errno)), NULL);
		code = INK_EXIT_FAILED;
	}
	return code;
}
