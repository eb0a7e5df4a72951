// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling dns: the guard of a name server.
 *
 * What lives here: the subcommand and its verbs. What doesn't: the guard itself
 * (dns_guard.c).
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "dns.h"
#include "rows.h"

struct ink_dns_options {
	const char *slot;
	uint32_t event_limit, count, clients;
	struct ink_list allow;
	bool follow;
};

static volatile sig_atomic_t stopped;

static void ink_dns_stop(int signal)
{
	stopped = 1;
}

static const char *ink_client_text(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (!memcmp(addr, mapped, sizeof(mapped)))
		inet_ntop(AF_INET, addr + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, addr, text, sizeof(text));
	return ink_fmt("%s", text);
}

static int ink_dns_locked(void)
{
	int lock = ink_pins_lock(true);

	if (lock < 0)
		ink_die(ink_exit_errno(lock), ink_fmt("can't use %s: %s", INK_PIN_ROOT,
						      strerror(-lock)), "this needs root");
	return lock;
}

static int ink_verb_attach(const char *target, const struct ink_dns_options *opt)
{
	struct ink_ctl *ctl = ink_ctl_open();
	struct ink_slot *slot = ctl && opt->slot ? ink_slot_get(ctl, opt->slot) : NULL;
	const struct ink_failure *f = ink_failure_last();
	struct ink_problem problem;
	int code, lock;
	size_t i;

	if (!opt->slot)
		ink_die(INK_EXIT_USAGE, "--slot is missing", "`inkling slots` shows what there is");
	if (!slot)
		ink_die(ink_exit_errno(f->code), f->text, *f->hint ? f->hint : NULL);
	lock = ink_dns_locked();
	code = ink_dns_attach(target, slot, opt->event_limit, &problem);
	for (i = 0; i < opt->allow.n && !code; i++)
		if (ink_dns_allow(target, opt->allow.items[i], true)) {
			ink_dns_detach(target, &problem);
			code = ink_problem_set(&problem, INK_EXIT_USAGE,
					       ink_fmt("--allow %s: no label",
						       ink_fmt_safe(opt->allow.items[i])),
					       "the registered part of a name: example for www.example.org");
		}
	ink_pins_unlock(lock);
	if (code)
		ink_error(problem.text, problem.hint);
	else if (!ink_cli.json)
		printf("%s: queries are judged by slot %s, mode %s\n", target, slot->name,
		       ink_mode_name(slot->mode));
	ink_slot_free(slot);
	ink_ctl_close(ctl);
	return code;
}

static int ink_verb_detach(const char *target)
{
	struct ink_problem problem;
	int lock = ink_dns_locked(), code = ink_dns_detach(target, &problem);

	ink_pins_unlock(lock);
	if (code)
		ink_error(problem.text, problem.hint);
	else if (!ink_cli.json)
		printf("detached from %s\n", target);
	return code;
}

/* Counters by name, in their order. */
static struct json_object *ink_counters_json(const struct ink_dns_counters *c)
{
	struct json_object *o = ink_json_object();

#define INK_DNS_JSON(name, text)	ink_json_u64(o, #name, c->name);
	INK_DNS_COUNTER_LIST(INK_DNS_JSON)
#undef INK_DNS_JSON
	return o;
}

struct ink_client_row {
	uint8_t addr[16];
	struct ink_dns_client c;
};

static int ink_client_order(const void *a, const void *b)
{
	const struct ink_dns_client *x = &((const struct ink_client_row *)a)->c;
	const struct ink_dns_client *y = &((const struct ink_client_row *)b)->c;

	if (x->flagged != y->flagged)
		return x->flagged < y->flagged ? 1 : -1;
	return x->queries < y->queries ? 1 : x->queries > y->queries ? -1 : 0;
}

/* All clients, those with the most bad names first; for free(). */
static struct ink_client_row *ink_clients_read(const char *target, size_t *n)
{
	int fd = bpf_obj_get(ink_dns_pin(target, "clients"));
	struct ink_client_row *rows = NULL, row;
	const void *before = NULL;
	size_t room = 0;

	for (*n = 0; fd >= 0 && !bpf_map_get_next_key(fd, before, row.addr); before = rows[*n - 1].addr) {
		if (*n == room)
			rows = ink_xrealloc(rows, room = room * 2 + 64, sizeof(*rows));
		if (bpf_map_lookup_elem(fd, row.addr, &row.c))
			memset(&row.c, 0, sizeof(row.c));
		rows[(*n)++] = row;
	}
	if (fd >= 0)
		close(fd);
	if (*n)
		qsort(rows, *n, sizeof(*rows), ink_client_order);
	return rows;
}

static struct json_object *ink_guard_json(const struct ink_dns_state *s, uint32_t most)
{
	struct json_object *o = ink_json_object(), *errors = ink_json_object();
	struct json_object *list = ink_json_array();
	size_t n, i;
	struct ink_client_row *rows = ink_clients_read(s->record.target, &n);

	ink_json_str(o, "interface", s->record.target);
	ink_json_str(o, "slot", s->record.slot);
	ink_json_bool(o, "alive", s->alive);
	ink_json_int(o, "since", s->record.since);
	ink_json_add(o, "counters", ink_counters_json(&s->count));
	for (i = 0; i < INK_HOOK_ERRNOS; i++)
		if (s->errors[i])
			ink_json_u64(errors, strerrorname_np((int)i) ?: "other", s->errors[i]);
	ink_json_add(o, "errors", errors);
	for (i = 0; i < n && i < most; i++) {
		struct json_object *c = ink_json_object();

		ink_json_str(c, "client", ink_client_text(rows[i].addr));
		ink_json_u64(c, "queries", rows[i].c.queries);
		ink_json_u64(c, "flagged", rows[i].c.flagged);
		ink_json_u64(c, "dropped", rows[i].c.dropped);
		json_object_array_add(list, c);
	}
	ink_json_add(o, "clients", list);
	free(rows);
	return o;
}

static void ink_guard_print(const struct ink_dns_state *s, uint32_t most)
{
	struct ink_table *table = ink_table_new("CLIENT", ">QUERIES", ">FLAGGED", ">DROPPED", NULL);
	size_t n, i;
	struct ink_client_row *rows = ink_clients_read(s->record.target, &n);

	printf("%s: slot %s%s\n", s->record.target, s->record.slot,
	       s->alive ? "" : ", but the program isn't there any more");
#define INK_DNS_PRINT(name, text)						\
	if (s->count.name)							\
		printf("  %14s  %s\n", ink_fmt_count(s->count.name), text);
	INK_DNS_COUNTER_LIST(INK_DNS_PRINT)
#undef INK_DNS_PRINT
	for (i = 0; i < INK_HOOK_ERRNOS; i++)
		if (s->errors[i])
			printf("  %14s  the slot said %s\n", ink_fmt_count(s->errors[i]),
			       strerrorname_np((int)i) ?: "another error");
	for (i = 0; i < n && i < most; i++)
		ink_table_row(table, ink_client_text(rows[i].addr), ink_fmt_count(rows[i].c.queries),
			      ink_fmt_count(rows[i].c.flagged), ink_fmt_count(rows[i].c.dropped),
			      NULL);
	if (n && most)
		ink_table_print(table, stdout);
	free(rows);
}

static int ink_verb_show(const char *only, uint32_t clients)
{
	struct json_object *list = ink_json_array();
	struct ink_dns_state state;
	size_t n, i, shown = 0;
	char **all = ink_dns_list(&n);

	for (i = 0; i < n; i++) {
		if ((!only || !strcmp(only, all[i])) && !ink_dns_read(all[i], &state)) {
			if (ink_cli.json)
				json_object_array_add(list, ink_guard_json(&state, clients));
			else
				ink_guard_print(&state, clients);
			shown++;
		}
		free(all[i]);
	}
	free(all);
	if (only && !shown)
		ink_die(INK_EXIT_NOENT, ink_fmt("no guard is on %s", ink_fmt_safe(only)),
			"`inkling dns show` lists them");
	if (ink_cli.json)
		ink_json_print(list);
	else if (!shown)
		puts("no guard is on any interface");
	return INK_EXIT_OK;
}

static int ink_verb_allow(const char *target, char **labels, int n, bool add)
{
	int i, err;

	for (i = 0; i < n; i++) {
		err = ink_dns_allow(target, labels[i], add);
		if (err == -EINVAL)
			ink_die(INK_EXIT_USAGE, ink_fmt("%s is no label", ink_fmt_safe(labels[i])),
				"the registered part of a name: example for www.example.org");
		if (err)
			ink_die(ink_exit_errno(err), ink_fmt("can't change the allow-list of %s: %s",
							     ink_fmt_safe(target), strerror(-err)),
				err == -ENOENT ? "`inkling dns show` lists the guards" : NULL);
	}
	return INK_EXIT_OK;
}

struct ink_dns_reader {
	uint64_t shown, most;
};

static int ink_event_take(void *arg, void *data, size_t size)
{
	const struct ink_dns_event *e = data;
	struct ink_dns_reader *r = arg;
	const char *label = ink_fmt("%.63s", (const char *)e->key.label);

	if (size < sizeof(*e))
		return 0;
	if (ink_cli.json) {
		struct json_object *o = ink_json_object();

		ink_json_str(o, "client", ink_client_text(e->client));
		ink_json_str(o, "label", ink_fmt_safe(label));
		ink_json_int(o, "class", e->verdict.class);
		ink_json_int(o, "score", e->verdict.score);
		ink_json_bool(o, "dropped", e->dropped);
		ink_json_print(o);
	} else {
		printf("%s  %s  class %u  score %d  %s\n", ink_client_text(e->client),
		       ink_fmt_safe(label), e->verdict.class, e->verdict.score,
		       e->dropped ? "dropped" : e->verdict.action == INKLING_ACTION_DROP ?
		       "would be dropped" : "alert");
	}
	r->shown++;
	return stopped || (r->most && r->shown >= r->most) ? -ECANCELED : 0;
}

static int ink_verb_events(const char *target, const struct ink_dns_options *opt)
{
	struct ink_dns_reader reader = { .most = opt->count };
	struct sigaction action = { .sa_handler = ink_dns_stop };
	struct ring_buffer *ring;
	int err;

	if (access(ink_dns_pin(target, NULL), F_OK) && errno == ENOENT)
		ink_die(INK_EXIT_NOENT, ink_fmt("no guard is on %s", ink_fmt_safe(target)),
			"`inkling dns show` lists them");
	ring = ink_ring_open(target, ink_dns_pin(target, NULL), ink_event_take, &reader);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	do {
		err = opt->follow ? ring_buffer__poll(ring, 200) : ring_buffer__consume(ring);
		fflush(stdout);
		if (opt->follow && access(ink_dns_pin(target, "events"), F_OK))
			break;
	} while (opt->follow && !stopped && err >= 0);
	ring_buffer__free(ring);
	return INK_EXIT_OK;
}

int cmd_dns(int argc, char **argv)
{
	struct ink_dns_options opt = { .event_limit = 100, .clients = 10 };
	const struct ink_option options[] = {
		{ "slot", 's', "NAME", "attach: slot to ask", INK_OPT_STRING, &opt.slot },
		{ "allow", 'a', "LABEL", "attach: a registered name that always passes; may be repeated",
		  INK_OPT_LIST, &opt.allow },
		{ "event-limit", 0, "N", "attach: events a second (100)", INK_OPT_U32,
		  &opt.event_limit },
		{ "clients", 0, "N", "show: so many clients, those with the most bad names first (10)",
		  INK_OPT_U32, &opt.clients },
		{ "follow", 'f', NULL, "events: wait for more", INK_OPT_FLAG, &opt.follow },
		{ "count", 'n', "N", "events: end after that many", INK_OPT_U32, &opt.count },
		{ 0 },
	};
	const struct ink_usage usage = {
		.args = "attach IFACE --slot NAME | detach IFACE | show [IFACE] | events IFACE |\n"
			"         allow IFACE LABEL... | deny IFACE LABEL...",
		.about = "Guard a name server: each query that comes in on an interface, by UDP or in the\n"
			 "first segment of a TCP connection, is judged by the registered part of its name\n"
			 "(example of www.example.org). In mode monitor what would be dropped is counted, in\n"
			 "mode enforce it is dropped. Whatever fails, queries pass. allow lets a name pass\n"
			 "always, deny ends that. NETNS:IFACE names an interface in a network namespace.",
		.options = options,
		.example = "inkling load names.ink --slot net.dga --mode monitor\n"
			   "inkling dns attach eth0 --slot net.dga --allow example\n"
			   "inkling dns show eth0 --clients 20\n"
			   "inkling dns events eth0 --follow --json",
		.min_args = 1, .max_args = -1,
	};
	int n = ink_args_parse(argc, argv, &usage);
	const char *verb = argv[1], *target = n > 1 ? argv[2] : NULL;

	if (!strcmp(verb, "show") && n <= 2)
		return ink_verb_show(target, opt.clients);
	if (n == 2 && !strcmp(verb, "attach"))
		return ink_verb_attach(target, &opt);
	if (n == 2 && !strcmp(verb, "detach"))
		return ink_verb_detach(target);
	if (n == 2 && !strcmp(verb, "events"))
		return ink_verb_events(target, &opt);
	if (n > 2 && (!strcmp(verb, "allow") || !strcmp(verb, "deny")))
		return ink_verb_allow(target, argv + 3, n - 2, !strcmp(verb, "allow"));
	ink_die(INK_EXIT_USAGE, "what to do isn't clear", "inkling dns attach IFACE --slot NAME");
}
