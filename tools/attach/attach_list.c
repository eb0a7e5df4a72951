// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attachments as people see them; see attach.h.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "cli.h"
#include "program.h"

const char *ink_xdp_mode_name(unsigned int mode)
{
	return mode == INK_XDP_SKB ? "skb" : "native";
}

const char *ink_via_name(unsigned int via)
{
	return via == INK_VIA_LINK ? "link" : "dispatcher";
}

const char *ink_hook_format(const struct ink_attachment *r)
{
	if (r->hook == INK_HOOK_CGROUP)
		return "cgroup";
	if (r->hook == INK_HOOK_TC)
		return r->tc_in.way == INK_TC_TCX ? "tc (tcx)" : "tc (clsact)";
	return ink_fmt("XDP (%s, %s)", ink_xdp_mode_name(r->mode), ink_via_name(r->via));
}

struct json_object *ink_attachment_json(const struct ink_attachment *r)
{
	static const char *const hooks[] = { "xdp", "tc", "cgroup" };
	struct json_object *o = ink_json_object();

	ink_json_str(o, r->hook == INK_HOOK_CGROUP ? "cgroup" : "interface", r->target);
	ink_json_str(o, "slot", r->slot);
	ink_json_int(o, "slot_id", r->slot_id);
	ink_json_int(o, "ifindex", r->ifindex);
	ink_json_str(o, "hook", hooks[r->hook % (sizeof(hooks) / sizeof(hooks[0]))]);
	if (r->hook == INK_HOOK_XDP) {
		ink_json_str(o, "xdp_mode", ink_xdp_mode_name(r->mode));
		ink_json_str(o, "via", ink_via_name(r->via));
	}
	if (r->hook != INK_HOOK_CGROUP)
		ink_json_str(o, "tc", r->tc_out.way == INK_TC_TCX ? "tcx" : "clsact");
	ink_json_int(o, "block_seconds", (int64_t)(r->policy.block_ns / 1000000000));
	ink_json_bool(o, "fail_closed", r->policy.fail_closed);
	ink_json_int(o, "program_id", r->prog_id);
	ink_json_str(o, "schema", ink_fmt("%016llx", (unsigned long long)r->schema));
	ink_json_bool(o, "export", r->export);
	ink_json_int(o, "event_limit", r->event_limit);
	ink_json_int(o, "since", r->since);
	return o;
}

#define INK_MALFORMED_NAME(id, name)	name,
static const char *const malformed_names[] = { INK_MALFORMED_LIST(INK_MALFORMED_NAME) };

static struct json_object *ink_classes_json(const __u64 counts[INK_FLOW_CLASSES])
{
	struct json_object *list = ink_json_array();
	unsigned int i;

	for (i = 0; i < INK_FLOW_CLASSES; i++)
		json_object_array_add(list, json_object_new_uint64(counts[i]));
	return list;
}

static struct json_object *ink_counters_json(const char *target,
					     const struct ink_flow_counters *count)
{
	struct json_object *o = ink_json_object(), *reasons = ink_json_object();
	struct json_object *errors = ink_json_object();
	uint64_t sums[INK_HOOK_ERRNOS];
	unsigned int i;

#define FIELD(name)	ink_json_u64(o, #name, count->name);
	INK_FLOW_COUNTERS(FIELD)
#undef FIELD
	ink_json_add(o, "verdicts", ink_classes_json(count->verdicts));
	ink_json_add(o, "would_drops", ink_classes_json(count->would_drops));
	ink_json_add(o, "drops", ink_classes_json(count->drops));
	for (i = 0; i < INK_MALFORMED_NR; i++)
		if (count->reasons[i])
			ink_json_u64(reasons, malformed_names[i], count->reasons[i]);
	ink_json_add(o, "malformed_by_reason", reasons);
	if (!ink_errors_read(target, sums))
		for (i = 0; i < INK_HOOK_ERRNOS; i++)
			if (sums[i])
				ink_json_u64(errors, strerrorname_np((int)i) ?: "other", sums[i]);
	ink_json_add(o, "errors_by_errno", errors);
	return o;
}

static void ink_list_text(const struct ink_attachment *r, const struct ink_flow_counters *c,
			  struct ink_table *table, bool alive)
{
	ink_table_row(table, r->target, r->slot, ink_hook_format(r), alive ? "attached" : "gone",
		      ink_fmt_count(c->packets), ink_fmt_count(c->flows),
		      ink_fmt_count(c->scored), ink_fmt_count(c->flagged),
		      ink_fmt_count(c->would_drop), ink_fmt_count(c->dropped),
		      ink_fmt_count(c->errors), NULL);
}

static void __attribute__((format(printf, 2, 0)))
ink_list_count(struct ink_table *t, const char *what, unsigned int class, uint64_t n)
{
	char text[64];

	snprintf(text, sizeof(text), what, class);
	if (n)
		ink_table_row(t, text, ink_fmt_count(n), NULL);
}

/* All that is counted of one attachment. */
static void ink_list_detail(const struct ink_attachment *r, const struct ink_flow_counters *c)
{
	uint64_t sums[INK_HOOK_ERRNOS];
	struct ink_table *t = ink_table_new("COUNTER", ">VALUE", NULL);
	unsigned int i;

#define ROW(name)	ink_table_row(t, #name, ink_fmt_count(c->name), NULL);
	INK_FLOW_COUNTERS(ROW)
#undef ROW
	for (i = 0; i < INK_FLOW_CLASSES; i++) {
		ink_list_count(t, "verdicts of class %u", i, c->verdicts[i]);
		ink_list_count(t, "would drop of class %u", i, c->would_drops[i]);
		ink_list_count(t, "dropped of class %u", i, c->drops[i]);
	}
	for (i = 0; i < INK_MALFORMED_NR; i++)
		if (c->reasons[i])
			ink_table_row(t, ink_fmt("malformed %s", malformed_names[i]),
				      ink_fmt_count(c->reasons[i]), NULL);
	if (!ink_errors_read(r->target, sums))
		for (i = 0; i < INK_HOOK_ERRNOS; i++)
			if (sums[i])
				ink_table_row(t, ink_fmt("errors %s", strerrorname_np((int)i) ?: "?"),
					      ink_fmt_count(sums[i]), NULL);
	putchar('\n');
	ink_table_print(t, stdout);
}

static int ink_list_one(const char *target, struct ink_table *table, struct json_object *array,
			bool detail, struct ink_attachment *r, struct ink_flow_counters *count)
{
	int err = ink_attachment_read(target, r);
	struct json_object *o;
	bool alive;

	if (!err)
		err = ink_counters_read(target, count);
	if (err) {
		ink_error(ink_fmt("%s: can't read its pins: %s", ink_fmt_safe(target),
				  err == -EPROTO ? "they are of another version" :
				  strerror(-err)),
			  ink_fmt("inkling detach net %s", ink_fmt_safe(target)));
		return ink_exit_errno(err);
	}
	alive = ink_program_alive(r);
	if (!array) {
		ink_list_text(r, count, table, alive);
		return INK_EXIT_OK;
	}
	o = ink_attachment_json(r);
	ink_json_bool(o, "attached", alive);
	ink_json_add(o, "counters", ink_counters_json(target, count));
	json_object_array_add(array, o);
	return INK_EXIT_OK;
}

int ink_attach_list(const char *target)
{
	struct json_object *array = ink_cli.json ? ink_json_array() : NULL;
	struct ink_flow_counters count;
	struct ink_attachment record;
	struct ink_table *table;
	int code = INK_EXIT_OK;
	size_t i, n;
	char **all;
	int lock;

	/* What is being attached or detached at this moment has only some of its pins. */
	lock = ink_pins_lock(false);
	if (target)
		ink_attachment_choose(target, &record);
	table = ink_table_new("INTERFACE", "SLOT", "HOOK", "STATE", ">PACKETS", ">FLOWS",
			      ">SCORED", ">FLAGGED", ">WOULD DROP", ">DROPPED", ">ERRORS", NULL);
	all = ink_pins_list(&n);
	for (i = 0; i < n; i++) {
		int failed = INK_EXIT_OK;

		if (!target || !strcmp(target, all[i]))
			failed = ink_list_one(all[i], table, array, target, &record, &count);
		if (failed)
			code = failed;
		free(all[i]);
	}
	free(all);
	if (array)
		ink_json_print(array);
	else if (!n)
		puts("nothing is attached");
	if (!array && n)
		ink_table_print(table, stdout);
	if (!array && target && !code)
		ink_list_detail(&record, &count);
	ink_pins_unlock(lock);
	return code;
}

struct ink_model *ink_model_search_dir(const char *dir, const uint8_t digest[32])
{
	struct ink_model *model = NULL;
	struct inkling_header header;
	struct dirent *e;
	DIR *d = opendir(dir);
	size_t len;
	FILE *f;

	while (d && !model && (e = readdir(d))) {
		len = strlen(e->d_name);
		if (len < 5 || strcmp(e->d_name + len - 4, ".ink"))
			continue;
		f = fopen(ink_fmt("%s/%s", dir, e->d_name), "r");
		if (f && fread(&header, sizeof(header), 1, f) == 1 &&
		    !memcmp(header.digest, digest, sizeof(header.digest)))
			model = ink_model_open(ink_fmt("%s/%s", dir, e->d_name));
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return model;
}

void ink_attachment_choose(const char *target, struct ink_attachment *record)
{
	char *name = target ? ink_xstrdup(target) : NULL;
	const char *known = "", *chosen = name;
	size_t i, n;
	char **all = ink_pins_list(&n);
	bool found = false;
	int err;

	if (name)
		ink_target_trim(name);
	target = name;

	for (i = 0; i < n; i++) {
		known = ink_fmt("%.200s%s%s", known, i ? ", " : "", ink_fmt_safe(all[i]));
		if (!target || !strcmp(target, all[i]))
			found = true;
	}
	if (!target && n == 1)
		chosen = ink_xstrdup(all[0]);
	for (i = 0; i < n; i++)
		free(all[i]);
	free(all);
	if (!n)
		ink_die(INK_EXIT_NOENT, target ? ink_fmt("nothing is attached to %s",
							 ink_fmt_safe(target)) :
			"nothing is attached", "inkling attach net IFACE --slot NAME");
	if (!found || !chosen)
		ink_die(target ? INK_EXIT_NOENT : INK_EXIT_USAGE,
			target ? ink_fmt("nothing is attached to %s", ink_fmt_safe(target)) :
				 "there are several attachments",
			ink_fmt("attached: %s", known));
	err = ink_attachment_read(chosen, record);
	if (err)
		ink_die(ink_exit_errno(err), ink_fmt("%s: can't read its pins: %s", chosen,
						     strerror(-err)),
			ink_fmt("inkling detach net %s", chosen));
	snprintf(record->target, sizeof(record->target), "%s", chosen);
	if (chosen != target)
		free((char *)chosen);
}
