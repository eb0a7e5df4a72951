// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling replay: what the flow hook would have done with a capture.
 *
 * What lives here: the subcommand, with a model in this process or a slot of
 * the kernel as the judge. What doesn't: the flow table (flow_table.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <inkling.h>

#include "capture.h"
#include "cli.h"
#include "results.h"
#include "rows.h"
#include "schema.h"
#include "words.h"

/* One of model and session is the judge. */
struct ink_replay {
	struct ink_model *model;
	struct ink_session *session;
	void *out;
	int32_t threshold;
	uint32_t mode;
	uint32_t n_classes;
	const char *classes[INKLING_MAX_CLASSES];
	struct ink_rows rows;
	struct ink_results results;
};

struct ink_replay_options {
	const char *model, *slot, *mode, *threshold, *out, *stretch;
	struct ink_list local, allow;
	bool flows;
};

static int ink_replay_verdict(void *arg, const struct ink_flow_vector *features,
			      struct inkling_verdict *verdict)
{
	struct ink_replay *r = arg;
	int err;

	if (r->session)
		return ink_session_verdict(r->session, features, sizeof(*features), verdict);
	err = ink_model_run(r->model, features, sizeof(*features), r->out,
			    ink_model_output_size(r->model));
	if (err)
		return err;
	ink_model_verdict(r->model, r->out, r->threshold, verdict);
	verdict->mode = (uint8_t)r->mode;
	verdict->action = verdict->class ? INKLING_ACTION_DROP : INKLING_ACTION_PASS;
	return 0;
}

static void ink_replay_event(void *arg, const struct ink_flow_event *event)
{
	struct ink_replay *r = arg;

	ink_results_add(&r->results, event);
	if (r->rows.to)
		ink_rows_event(&r->rows, event, event->time_ns, "");
}

static void ink_replay_die(void)
{
	ink_die(ink_exit_errno(ink_failure_last()->code), ink_failure_last()->text,
		*ink_failure_last()->hint ? ink_failure_last()->hint : NULL);
}

static void ink_replay_model(struct ink_replay *r, const char *path, const char *threshold)
{
	const struct inkling_header *header;
	struct ink_schema theirs;
	const char *difference;
	uint32_t i;

	r->model = ink_model_open(path);
	if (!r->model)
		ink_replay_die();
	ink_schema_model(r->model, &theirs);
	difference = ink_schema_difference(&ink_schema_flow, &theirs);
	if (difference)
		ink_die(INK_EXIT_REFUSED,
			ink_fmt("%s isn't for flows: %s", ink_fmt_safe(path), difference),
			"train on the CSV that `inkling features` writes");
	header = ink_model_header(r->model);
	r->out = ink_xalloc(1, ink_model_output_size(r->model));
	r->threshold = header->threshold;
	if (threshold && strcmp(threshold, "default"))
		r->threshold = ink_word_parse_threshold(threshold, header->head);
	r->n_classes = header->n_classes;
	for (i = 0; i < r->n_classes; i++)
		r->classes[i] = ink_model_card(r->model)->classes[i];
}

static void ink_replay_slot(struct ink_replay *r, const char *slot)
{
	struct inkling_info info = { .size = sizeof(info) };
	struct ink_slot *described;
	struct ink_ctl *ctl;
	uint32_t i;

	r->session = ink_session_open(slot, INK_DEFAULTS);
	if (!r->session || ink_session_info(r->session, &info))
		ink_replay_die();
	if (info.schema != ink_schema_number(&ink_schema_flow))
		ink_die(INK_EXIT_REFUSED,
			ink_fmt("the model in slot %s isn't for flows: its schema is %016llx, "
				"that of the flow hook %016llx", ink_fmt_safe(slot),
				(unsigned long long)info.schema,
				(unsigned long long)ink_schema_number(&ink_schema_flow)),
			"`inkling replay CAPTURE --model FILE` names the feature that differs");
	r->n_classes = info.n_classes < INKLING_MAX_CLASSES ? info.n_classes : INKLING_MAX_CLASSES;
	/* Names are nice to have; running a slot doesn't imply the right to see them. */
	ctl = ink_ctl_open();
	described = ctl ? ink_slot_get(ctl, slot) : NULL;
	for (i = 0; i < r->n_classes; i++)
		r->classes[i] = ink_xstrdup(described && i < described->model.n_classes ?
					    described->model.classes[i] : ink_fmt("class %u", i));
	ink_slot_free(described);
	if (ctl)
		ink_ctl_close(ctl);
}

/* Flows by their worst class. */
static void ink_replay_count(const struct ink_replay *r, uint64_t flows[INKLING_MAX_CLASSES])
{
	uint32_t i;

	memset(flows, 0, INKLING_MAX_CLASSES * sizeof(*flows));
	for (i = 0; i < r->results.n; i++)
		flows[r->results.flows[i].class % INKLING_MAX_CLASSES]++;
}

static void ink_replay_json(const struct ink_replay *r, const struct ink_flow_counters *count,
			    const struct ink_capture_stats *stats, bool all)
{
	struct json_object *o = ink_json_object(), *classes = ink_json_array();
	struct json_object *list = ink_json_array();
	uint64_t flows[INKLING_MAX_CLASSES];
	uint32_t i;

#define FIELD(name)	ink_json_u64(o, #name, count->name);
	INK_FLOW_COUNTERS(FIELD)
#undef FIELD
	ink_json_u64(o, "outgoing", stats->outgoing);
	ink_replay_count(r, flows);
	for (i = 0; i < r->n_classes; i++) {
		struct json_object *c = ink_json_object();

		ink_json_str(c, "class", r->classes[i]);
		ink_json_u64(c, "flows", flows[i]);
		ink_json_u64(c, "verdicts", count->verdicts[i]);
		json_object_array_add(classes, c);
	}
	ink_json_add(o, "classes", classes);
	for (i = 0; i < r->results.n; i++) {
		const struct ink_result *f = &r->results.flows[i];
		struct json_object *row;

		if (!f->flagged_at && !all)
			continue;
		row = ink_json_object();
		ink_json_str(row, "flow", ink_flow_format(&f->key));
		ink_json_u64(row, "time_ns", f->time_ns);
		ink_json_str(row, "class", f->class < r->n_classes ? r->classes[f->class] : "?");
		ink_json_int(row, "score", f->score);
		ink_json_int(row, "flagged_at", f->flagged_at);
		json_object_array_add(list, row);
	}
	ink_json_add(o, all ? "flow" : "flagged_flow", list);
	ink_json_print(o);
}

static void ink_replay_text(const struct ink_replay *r, const struct ink_flow_counters *count,
			    const struct ink_capture_stats *stats, bool all)
{
	uint64_t flows[INKLING_MAX_CLASSES], base = stats->first_ns;
	struct ink_table *t;
	uint32_t i;

	if (all) {
		t = ink_table_new(">SECONDS", "FLOW", "CLASS", ">SCORE", ">FLAGGED AT", NULL);
		for (i = 0; i < r->results.n; i++) {
			const struct ink_result *f = &r->results.flows[i];

			ink_table_row(t, ink_fmt("%.3f", (double)(int64_t)(f->time_ns - base) / 1e9),
				      ink_flow_format(&f->key),
				      f->class < r->n_classes ? r->classes[f->class] : "?",
				      ink_fmt("%d", f->score),
				      f->flagged_at ? ink_fmt("packet %u", f->flagged_at) : "-",
				      NULL);
		}
		ink_table_print(t, stdout);
		putchar('\n');
	}
	ink_replay_count(r, flows);
	t = ink_table_new("CLASS", ">FLOWS", ">VERDICTS", NULL);
	for (i = 0; i < r->n_classes; i++)
		ink_table_row(t, ink_fmt_safe(r->classes[i]), ink_fmt_count(flows[i]),
			      ink_fmt_count(count->verdicts[i]), NULL);
	ink_table_print(t, stdout);
	printf("\n%s packets, %s flows, %s scored, %s %s, %s errors\n",
	       ink_fmt_count(stats->packets), ink_fmt_count(count->flows),
	       ink_fmt_count(count->scored),
	       ink_fmt_count(count->dropped + count->would_drop),
	       count->dropped ? "dropped" : "would be dropped", ink_fmt_count(count->errors));
}

static int ink_replay_run(const char *path, struct ink_replay *r,
			  const struct ink_replay_options *opt)
{
	struct ink_flow_config config = {
		.verdict = ink_replay_verdict, .event = ink_replay_event, .arg = r,
		.n_allow = opt->allow.n, .policy.two_way = opt->local.n > 0,
	};
	struct ink_capture_options capture = {
		.n_local = opt->local.n, .stretch = ink_stretch_parse(opt->stretch),
	};
	struct ink_prefix *local = ink_prefixes_parse("local", opt->local.items, opt->local.n);
	struct ink_prefix *allow = ink_prefixes_parse("allow", opt->allow.items, opt->allow.n);
	struct ink_capture_stats stats;
	struct ink_flow_table *table;
	int code;

	capture.local = local;
	config.allow = allow;
	table = ink_flow_table_new(&config);
	if (r->rows.to)
		ink_rows_heading(&r->rows);
	code = ink_capture_run(path, &capture, table, &stats);
	if (r->rows.to && fclose(r->rows.to)) {
		ink_error(ink_fmt("can't write %s: %s", ink_fmt_safe(opt->out), strerror(errno)),
			  NULL);
		code = INK_EXIT_FAILED;
	}
	if (!code && ink_cli.json)
		ink_replay_json(r, ink_flow_table_counters(table), &stats, opt->flows);
	else if (!code)
		ink_replay_text(r, ink_flow_table_counters(table), &stats, opt->flows);
	ink_flow_table_free(table);
	free(local);
	free(allow);
	return code;
}

/* The judge, and the file of rows. */
static void ink_replay_open(struct ink_replay *r, const struct ink_replay_options *opt)
{
	if (opt->model)
		ink_replay_model(r, opt->model, opt->threshold);
	else
		ink_replay_slot(r, opt->slot);
	if (!opt->out)
		return;
	r->rows.to = fopen(opt->out, "w");
	if (!r->rows.to)
		ink_die(ink_exit_errno(errno), ink_fmt("can't write %s: %s",
			ink_fmt_safe(opt->out), strerror(errno)), NULL);
}

int cmd_replay(int argc, char **argv)
{
	struct ink_replay_options opt = { 0 };
	const struct ink_option options[] = {
		{ "model", 'm', "FILE", "judge: a .ink file, run in this process",
		  INK_OPT_STRING, &opt.model },
		{ "slot", 's', "NAME", "judge: a slot of the kernel, with its mode and actions",
		  INK_OPT_STRING, &opt.slot },
		{ "mode", 0, "MODE", "with --model: monitor (default) or enforce, where dropped\n"
		  "packets change what a source looks like", INK_OPT_STRING, &opt.mode },
		{ "threshold", 't', "T", "with --model: 0..1, raw:SCORE, or default (the model's)",
		  INK_OPT_STRING, &opt.threshold },
		{ "local", 0, "CIDR", "addresses of the protected side: packets from there go\n"
		  "out; without it all come in; may be repeated", INK_OPT_LIST, &opt.local },
		{ "stretch", 0, "FACTOR", "as if all had happened so many times as slowly",
		  INK_OPT_STRING, &opt.stretch },
		{ "allow", 0, "CIDR", "never score these remote addresses; may be repeated",
		  INK_OPT_LIST, &opt.allow },
		{ "flows", 'f', NULL, "show every flow", INK_OPT_FLAG, &opt.flows },
		{ "out", 'o', "FILE", "write each scored vector with its verdict there as CSV",
		  INK_OPT_STRING, &opt.out },
		{ 0 },
	};
	const struct ink_usage usage = {
		.args = "CAPTURE --model FILE | --slot NAME [OPTION]...",
		.about = "Run a capture (pcap or pcapng) through the flow hook's own code and say what it\n"
			 "would have said of each flow. Given the same packets at the same times, verdicts\n"
			 "are those of the kernel to the bit. With --model every class but the first is to\n"
			 "be dropped; with --slot the slot's actions count.",
		.options = options,
		.example = "inkling replay capture.pcap --model flow.ink --local 192.0.2.0/24\n"
			   "inkling replay capture.pcap --slot net.flow --flows",
		.min_args = 1, .max_args = 1,
	};
	struct ink_replay r = { .mode = INKLING_MODE_MONITOR, .rows = { .verdicts = true } };
	int code;

	ink_args_parse(argc, argv, &usage);
	if (!opt.model == !opt.slot)
		ink_die(INK_EXIT_USAGE, "one judge is needed: --model FILE or --slot NAME", NULL);
	if (opt.slot && (opt.mode || opt.threshold))
		ink_die(INK_EXIT_USAGE, "--mode and --threshold go with --model",
			"a slot has its own: `inkling mode`, `inkling set`");
	if (opt.mode && strcmp(opt.mode, "enforce") && strcmp(opt.mode, "monitor"))
		ink_die(INK_EXIT_USAGE, ink_fmt("--mode %s is neither monitor nor enforce",
						ink_fmt_safe(opt.mode)), NULL);
	if (opt.mode && !strcmp(opt.mode, "enforce"))
		r.mode = INKLING_MODE_ENFORCE;
	ink_replay_open(&r, &opt);
	code = ink_replay_run(argv[1], &r, &opt);
	ink_results_free(&r.results);
	ink_model_close(r.model);
	ink_session_close(r.session);
	free(r.out);
	return code;
}
