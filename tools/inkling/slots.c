// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling slots, show, watch: what the kernel holds.
 *
 * What lives here: the text form of slots. What doesn't: that of their shadows
 * (slot_shadow.c), changing them (slot_set.c, load.c) and the JSON form
 * (slot_json.c).
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <linux/inkling_netlink.h>
#include "slots.h"
#include "words.h"

struct ink_ctl *ink_open_ctl(void)
{
	struct ink_ctl *ctl = ink_ctl_open();

	if (!ctl)
		ink_die_failure();
	return ctl;
}

struct ink_slot *ink_open_slot(struct ink_ctl *ctl, const char *name)
{
	struct ink_slot *slot;

	ink_check_slot_name(name);
	slot = ink_slot_get(ctl, name);
	if (!slot)
		ink_die_failure();
	return slot;
}

uint64_t ink_slot_errors(const struct ink_slot *slot)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < slot->stats.n_errors; i++)
		sum += slot->stats.errors[i].count;
	return sum;
}

uint64_t ink_slot_flagged(const struct ink_slot *slot)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 1; i < INKLING_MAX_CLASSES; i++)
		sum += slot->stats.verdicts[i];
	return sum;
}

uint64_t ink_slot_latency(const struct ink_slot *slot, double share)
{
	uint64_t total = 0, sum = 0;
	uint32_t i;

	for (i = 0; i < INK_STAT_BUCKETS; i++)
		total += slot->stats.latency[i];
	if (!total)
		return 0;
	for (i = 0; i < INK_STAT_BUCKETS; i++) {
		sum += slot->stats.latency[i];
		if ((double)sum >= share * (double)total)
			break;
	}
	return ((uint64_t)2 << i) - 1;
}

/* Its name, or its number where the model has no such class. */
const char *ink_model_class(const struct ink_model_info *model, uint32_t class)
{
	return class < model->n_classes ? model->classes[class] : ink_fmt("%u", class);
}

const char *ink_slot_class(const struct ink_slot *slot, uint32_t class)
{
	return ink_model_class(&slot->model, class);
}

static const char *latency_cell(const struct ink_slot *slot, double share)
{
	uint64_t ns = ink_slot_latency(slot, share);

	return ns ? ink_fmt("<%s", ink_fmt_ns(ns + 1)) : "-";
}

static void print_list(const struct ink_slot *slots)
{
	struct ink_table *t;

	t = ink_table_new("SLOT", "MODE", "MODEL", "VERSION", "DIGEST", ">RUNS", ">FLAGGED", ">ERRORS",
			  ">P50", ">P99", NULL);
	for (; slots; slots = slots->next)
		ink_table_row(t, slots->name, ink_word_mode(slots->mode),
			      slots->has_model ? slots->model.name : "-",
			      slots->has_model ? slots->model.version : "-",
			      slots->has_model ? ink_fmt_digest_short(slots->model.digest) : "-",
			      ink_fmt_count(slots->stats.runs), ink_fmt_count(ink_slot_flagged(slots)),
			      ink_fmt_count(ink_slot_errors(slots)), latency_cell(slots, 0.5),
			      latency_cell(slots, 0.99), NULL);
	ink_table_print(t, stdout);
}

int cmd_slots(int argc, char **argv)
{
	static const struct ink_usage usage = {
		.args = "",
		.about =
		"Lists the slots that you may see: what runs in them, how often it ran, flagged and failed,\n"
		"and below which time half of the runs, and 99 of 100, stayed.",
		.example = "inkling slots\ninkling slots --json | jq '.[].name'",
	};
	struct json_object *all;
	struct ink_slot *slots, *s;
	struct ink_ctl *ctl;

	ink_args_parse(argc, argv, &usage);
	ctl = ink_open_ctl();
	slots = ink_slot_list(ctl);
	if (!slots && errno)
		ink_die_failure();
	if (ink_cli.json) {
		all = ink_json_array();
		for (s = slots; s; s = s->next)
			json_object_array_add(all, ink_slot_json(s));
		ink_json_print(all);
	} else if (slots) {
		print_list(slots);
	} else {
		ink_note("there are no slots; make one with: inkling load MODEL.ink --slot NAME");
	}
	ink_slot_free(slots);
	ink_ctl_close(ctl);
	return INK_EXIT_OK;
}

void ink_model_print(const char *label, const struct ink_model_info *m)
{
	printf("%-13s%s %s, generation %u, %s\n", label, m->name, m->version, m->generation,
	       ink_word_head(m->head));
	printf("%-13s%s\n", "  digest", ink_fmt_digest(m->digest));
	printf("%-13s%s, input %u bytes, output %u bytes\n", "  schema", ink_word_schema(m->schema),
	       m->input_size, m->output_size);
	printf("%-13s%s multiply-accumulates, at most %s by %s, %s scalar\n", "  cost",
	       ink_fmt_count(m->macs), ink_fmt_ns(m->cost_simd), m->isa, ink_fmt_ns(m->cost_scalar));
	printf("%-13s%s in the kernel, %s for each run\n", "  memory", ink_fmt_bytes(m->bytes),
	       ink_fmt_bytes(m->arena));
	printf("%-13s%s%s\n", "  threshold", ink_word_score(m->threshold_used, m->head),
	       m->threshold_used == m->threshold ? ", the model's" : ", set here");
}

static void print_verdicts(const struct ink_slot *slot)
{
	struct ink_table *t = ink_table_new("CLASS", ">VERDICTS", "ACTION", ">ACTIONED", NULL);
	uint32_t i, n = slot->has_model ? slot->model.n_classes : 0;

	for (i = 0; i < INKLING_MAX_CLASSES; i++)
		if (i < n || slot->stats.verdicts[i])
			ink_table_row(t, ink_slot_class(slot, i), ink_fmt_count(slot->stats.verdicts[i]),
				      ink_word_action(slot->action[i]),
				      ink_fmt_count(slot->stats.actioned[i]), NULL);
	putchar('\n');
	ink_table_print(t, stdout);
}

static void print_errors(const struct ink_slot *slot)
{
	uint32_t i;

	if (!ink_slot_errors(slot))
		return;
	printf("\nerrors\n");
	for (i = 0; i < slot->stats.n_errors; i++)
		if (slot->stats.errors[i].count)
			printf("  %-20s %s\n", slot->stats.errors[i].reason,
			       ink_fmt_count(slot->stats.errors[i].count));
}

/* A histogram without its empty ends. */
static void print_latency(const struct ink_slot *slot)
{
	static const char bar[] = "########################################";
	const uint64_t *b = slot->stats.latency;
	uint32_t i, first = INK_STAT_BUCKETS, last = 0;
	uint64_t most = 0;

	for (i = 0; i < INK_STAT_BUCKETS; i++) {
		if (!b[i])
			continue;
		first = i < first ? i : first;
		last = i;
		most = b[i] > most ? b[i] : most;
	}
	if (!most)
		return;
	printf("\nlatency      half below %s, 99 %% below %s (of one run in 64)\n",
	       ink_fmt_ns(ink_slot_latency(slot, 0.5) + 1), ink_fmt_ns(ink_slot_latency(slot, 0.99) + 1));
	for (i = first; i <= last; i++)
		printf("  < %-10s %14s  %.*s\n", ink_fmt_ns((uint64_t)2 << i), ink_fmt_count(b[i]),
		       (int)((double)b[i] / (double)most * 40), bar);
}

static void print_slot(const struct ink_slot *slot)
{
	printf("%-13s%s (id %u)\n", "slot", slot->name, slot->id);
	printf("%-13s%s\n", "mode", ink_word_mode(slot->mode));
	printf("%-13s%s\n", "contexts", ink_word_contexts(slot->contexts));
	printf("%-13suid %u, gid %u, mode %04o\n", "owner", slot->uid, slot->gid, slot->perm);
	if (slot->has_model)
		ink_model_print("model", &slot->model);
	else
		printf("%-13snone\n", "model");
	if (slot->has_previous)
		ink_model_print("previous", &slot->previous);
	printf("%-13s%s (%s without vectors)\n", "runs", ink_fmt_count(slot->stats.runs),
	       ink_fmt_count(slot->stats.scalar));
	print_verdicts(slot);
	print_errors(slot);
	print_latency(slot);
	if (slot->has_shadow)
		ink_shadow_print(slot);
}

int cmd_show(int argc, char **argv)
{
	static const struct ink_usage usage = {
		.args = "SLOT",
		.about =
		"Shows a slot: its settings, its model and the one before, verdicts by class, errors by\n"
		"reason, a histogram of the time that runs took, and how its shadow compares.",
		.example = "inkling show net.flow",
		.min_args = 1,
		.max_args = 1,
	};
	struct ink_slot *slot;
	struct ink_ctl *ctl;

	ink_args_parse(argc, argv, &usage);
	ctl = ink_open_ctl();
	slot = ink_open_slot(ctl, argv[1]);
	if (ink_cli.json)
		ink_json_print(ink_slot_json(slot));
	else
		print_slot(slot);
	ink_slot_free(slot);
	ink_ctl_close(ctl);
	return INK_EXIT_OK;
}

static const char *event_word(const struct ink_slot *slot)
{
	switch (slot->event) {
	case INKLING_CMD_SLOT_NEW:
		return "created";
	case INKLING_CMD_SLOT_DEL:
		return "deleted";
	case INKLING_CMD_SLOT_SET:
		return "changed";
	case INKLING_CMD_SLOT_ROLLBACK:
		return "rolled-back";
	case INKLING_CMD_SLOT_PROMOTE:
		return "promoted";
	case INKLING_CMD_SLOT_SHADOW_DROP:
		return "shadow-dropped";
	case INKLING_CMD_LOAD_COMMIT:
		/* What was just loaded has the highest number. */
		return slot->has_shadow && slot->shadow.model.generation > slot->model.generation ?
		       "shadow-loaded" : "loaded";
	default:
		return "event";
	}
}

static void print_event(const struct ink_slot *slot)
{
	struct json_object *o;
	char when[32];
	struct tm tm;
	time_t now = time(NULL);

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	if (ink_cli.json) {
		o = ink_slot_json(slot);
		ink_json_str(o, "event", event_word(slot));
		ink_json_str(o, "time", when);
		ink_json_print(o);
	} else {
		printf("%s %-14s %-20s %-8s %s\n", when, event_word(slot), slot->name,
		       ink_word_mode(slot->mode),
		       slot->has_model ? ink_fmt("%s %s %s", slot->model.name, slot->model.version,
						 ink_fmt_digest_short(slot->model.digest)) : "-");
	}
	fflush(stdout);
}

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	stopped = 1;
}

int cmd_watch(int argc, char **argv)
{
	static uint32_t count;
	static const struct ink_option options[] = {
		{ "count", 'c', "N", "stop after so many", INK_OPT_U32, &count },
		{ 0 },
	};
	static const struct ink_usage usage = {
		.args = "[OPTION]...",
		.about =
		"Prints each change of a slot as it happens: created, loaded, changed, rolled back, a shadow\n"
		"loaded, promoted or dropped, deleted. Verdicts are printed by \"inkling events\".",
		.options = options,
		.example = "inkling watch --json",
	};
	struct sigaction action = { .sa_handler = stop };
	struct ink_watch *watch;
	struct ink_slot *slot;
	uint32_t seen = 0;

	ink_args_parse(argc, argv, &usage);
	watch = ink_watch_open();
	if (!watch)
		ink_die_failure();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	ink_note("waiting for changes of slots");
	while (!stopped && (!count || seen < count)) {
		slot = ink_watch_next(watch);
		if (slot) {
			print_event(slot);
			ink_slot_free(slot);
			seen++;
		} else if (errno == ENOBUFS) {
			ink_error(ink_failure_last()->text, "\"inkling slots\" has the state as it is now");
		} else if (errno != EINTR) {
			ink_die_failure();
		}
	}
	ink_watch_close(watch);
	return INK_EXIT_OK;
}
