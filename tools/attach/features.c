// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling features: what the flow hook would have asked a model, from a capture.
 *
 * What lives here: the subcommand. What doesn't: the features (bpf/flow), the
 * capture's format (capture.c), the rows' (rows.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "cli.h"
#include "labels.h"
#include "rows.h"

struct ink_features_job {
	struct ink_rows rows;
	struct ink_labels *labels;
	const char *label;
	const struct ink_capture_stats *stats;
	uint32_t stretch;
	uint64_t written;
};

static void ink_features_event(void *arg, const struct ink_flow_event *event)
{
	struct ink_features_job *job = arg;
	uint64_t base = job->stats->first_ns, real = event->time_ns;

	/* Packets may be older than the first one; those weren't stretched. */
	if (real > base)
		real = base + (uint64_t)((__uint128_t)(real - base) * 1000 / job->stretch);
	ink_rows_event(&job->rows, event, real,
		       ink_labels_find(job->labels, &event->key, real, job->label));
	job->written++;
}

static int ink_features_run(const char *capture, const char *out, struct ink_features_job *job,
			    const struct ink_capture_options *options)
{
	struct ink_flow_config config = {
		.event = ink_features_event, .arg = job,
		.policy.two_way = options->n_local > 0,
	};
	struct ink_flow_table *table = ink_flow_table_new(&config);
	const struct ink_flow_counters *count = ink_flow_table_counters(table);
	struct ink_capture_stats stats;
	int code;

	job->stats = &stats;
	ink_rows_heading(&job->rows);
	code = ink_capture_run(capture, options, table, &stats);
	if (fflush(job->rows.to) || ferror(job->rows.to)) {
		ink_error(ink_fmt("can't write %s: %s", out, strerror(errno)), NULL);
		code = INK_EXIT_FAILED;
	}
	ink_note("%s packets (%s outgoing, %s not IP, %s malformed), %s flows, %s rows",
		 ink_fmt_count(stats.packets), ink_fmt_count(stats.outgoing),
		 ink_fmt_count(count->other), ink_fmt_count(count->malformed),
		 ink_fmt_count(count->flows), ink_fmt_count(job->written));
	if (ink_cli.json && job->rows.to != stdout && !code) {
		struct json_object *o = ink_json_object();

		ink_json_u64(o, "packets", stats.packets);
		ink_json_u64(o, "outgoing", stats.outgoing);
		ink_json_u64(o, "other", count->other);
		ink_json_u64(o, "malformed", count->malformed);
		ink_json_u64(o, "flows", count->flows);
		ink_json_u64(o, "rows", job->written);
		ink_json_print(o);
	}
	ink_flow_table_free(table);
	return code;
}

int cmd_features(int argc, char **argv)
{
	struct ink_features_job job = { .label = "unknown" };
	const char *out = NULL, *labels = NULL, *label = NULL, *stretch = NULL;
	struct ink_list local = { 0 };
	const struct ink_option options[] = {
		{ "out", 'o', "FILE", "write the CSV there, not to stdout", INK_OPT_STRING, &out },
		{ "labels", 0, "FILE", "rules that label flows: a CSV with the columns label and any\n"
		  "of remote, local, remote_port, local_port, proto, from, to",
		  INK_OPT_STRING, &labels },
		{ "label", 0, "TEXT", "label of flows that no rule matches",
		  INK_OPT_STRING, &label },
		{ "local", 0, "CIDR", "addresses of the protected side: packets from there go\n"
		  "out; without it all come in; may be repeated", INK_OPT_LIST, &local },
		{ "stretch", 0, "FACTOR", "as if all had happened so many times as slowly; labels go by\n"
		  "the times of the capture", INK_OPT_STRING, &stretch },
		{ 0 },
	};
	const struct ink_usage usage = {
		.args = "CAPTURE [-o FILE] [OPTION]...",
		.about = "Write a row of features for each packet of a capture (pcap or pcapng) at which\n"
			 "the flow hook would ask its model: packets 1, 2, 4, 8, ... of each flow. The code\n"
			 "is that of the hook. The first eight columns name the flow and are not features.",
		.options = options,
		.example = "inkling features capture.pcap --local 192.0.2.0/24 -o flows.csv\n"
			   "inkling features scan.pcap --label scan -o scan.csv",
		.min_args = 1, .max_args = 1,
	};
	struct ink_capture_options capture = { 0 };
	struct ink_prefix *prefixes;
	int code = INK_EXIT_OK;

	ink_args_parse(argc, argv, &usage);
	prefixes = ink_prefixes_parse("local", local.items, local.n);
	capture.local = prefixes;
	capture.n_local = local.n;
	capture.stretch = ink_stretch_parse(stretch);
	job.stretch = capture.stretch;
	if (label)
		job.label = label;
	if (strpbrk(job.label, ",\"\n\r"))
		ink_die(INK_EXIT_USAGE, "--label has a comma, quote or line break in it",
			"use a plain word");
	job.rows.labels = label || labels;
	if (labels) {
		job.labels = ink_labels_read(labels, &code);
		if (!job.labels)
			return code;
	}
	job.rows.to = out && strcmp(out, "-") ? fopen(out, "w") : stdout;
	if (!job.rows.to)
		ink_die(ink_exit_errno(errno),
			ink_fmt("can't write %s: %s", ink_fmt_safe(out), strerror(errno)), NULL);
	code = ink_features_run(argv[1], out ?: "stdout", &job, &capture);
	if (job.rows.to != stdout && fclose(job.rows.to) && !code) {
		ink_error(ink_fmt("can't write %s: %s", ink_fmt_safe(out), strerror(errno)), NULL);
		code = INK_EXIT_FAILED;
	}
	ink_labels_free(job.labels);
	free(prefixes);
	return code;
}
