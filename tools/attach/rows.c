// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scored packets as rows; see rows.h.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "prefix.h"
#include "rows.h"

const struct inkling_feature ink_flow_schema[INK_FLOW_FEATURES] = INK_FLOW_FEATURE_TABLE;
const struct inkling_name ink_flow_names[INK_FLOW_NAMES] = INK_FLOW_NAME_TABLE;

const char *ink_action_name(unsigned int action)
{
	static const char *const names[] = { "pass", "alert", "drop" };

	return action < 3 ? names[action] : "?";
}

const char *ink_mode_name(unsigned int mode)
{
	static const char *const names[] = { "off", "monitor", "enforce" };

	return mode < 3 ? names[mode] : "?";
}

const char *ink_proto_format(unsigned int proto)
{
	switch (proto) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 58:
		return "icmp6";
	}
	return ink_fmt("%u", proto);
}

static const char *ink_vlan_format(const struct ink_flow_key *key)
{
	if (!key->vlan[0] && !key->vlan[1])
		return "";
	return key->vlan[1] ? ink_fmt("%u.%u", key->vlan[0], key->vlan[1]) :
			      ink_fmt("%u", key->vlan[0]);
}

static const char *ink_end_format(const uint8_t addr[16], unsigned int port)
{
	char text[INK_ADDR_TEXT];

	ink_addr_format(addr, text);
	return ink_fmt(strchr(text, ':') ? "[%s]:%u" : "%s:%u", text, port);
}

const char *ink_flow_format(const struct ink_flow_key *key)
{
	const char *vlan = ink_vlan_format(key);

	return ink_fmt("%s > %s %s%s%s", ink_end_format(key->remote, key->remote_port),
		       ink_end_format(key->local.addr, key->local.port),
		       ink_proto_format(key->local.proto), *vlan ? " vlan " : "", vlan);
}

/* The value that the raw integer stands for. */
static const char *ink_value_format(int feature, int32_t raw)
{
	const struct inkling_feature *f = &ink_flow_schema[feature];
	int64_t scale = 1, whole;
	int i;

	if (f->kind == INKLING_FEATURE_CATEGORY)
		return raw >= 0 && (uint32_t)raw < f->n_names ?
			ink_flow_names[f->first_name + (uint32_t)raw].name : "?";
	for (i = 0; i < f->decimals; i++)
		scale *= 10;
	whole = llabs((int64_t)raw);
	return f->decimals ? ink_fmt("%s%lld.%0*lld", raw < 0 ? "-" : "",
				     (long long)(whole / scale), f->decimals,
				     (long long)(whole % scale)) : ink_fmt("%d", raw);
}

void ink_rows_heading(const struct ink_rows *rows)
{
	int i;

	fputs("time_ns,remote,remote_port,local,local_port,proto,vlan,packet", rows->to);
	for (i = 0; i < INK_FLOW_FEATURES; i++)
		fprintf(rows->to, ",%s", ink_flow_schema[i].name);
	if (rows->verdicts)
		fputs(",class,score,action,mode,error", rows->to);
	fputs(rows->labels ? ",label\n" : "\n", rows->to);
}

void ink_rows_event(const struct ink_rows *rows, const struct ink_flow_event *e,
		    uint64_t time_ns, const char *label)
{
	const struct ink_flow_key *key = &e->key;
	char remote[INK_ADDR_TEXT], local[INK_ADDR_TEXT];
	int i;

	fprintf(rows->to, "%llu,%s,%u,%s,%u,%s,%s,%u", (unsigned long long)time_ns,
		ink_addr_format(key->remote, remote), key->remote_port,
		ink_addr_format(key->local.addr, local), key->local.port,
		ink_proto_format(key->local.proto), ink_vlan_format(key), e->packets);
	for (i = 0; i < INK_FLOW_FEATURES; i++)
		fprintf(rows->to, ",%s", ink_value_format(i, e->features.raw[i]));
	if (rows->verdicts)
		fprintf(rows->to, ",%u,%d,%s,%s,%d", e->verdict.class, e->verdict.score,
			ink_action_name(e->verdict.action), ink_mode_name(e->verdict.mode),
			e->error);
	if (rows->labels)
		fprintf(rows->to, ",%s", label);
	fputc('\n', rows->to);
}

static struct json_object *ink_features_json(const struct ink_flow_vector *v)
{
	struct json_object *o = ink_json_object();
	int i;

	for (i = 0; i < INK_FLOW_FEATURES; i++) {
		const struct inkling_feature *f = &ink_flow_schema[i];
		const char *text = ink_value_format(i, v->raw[i]);

		if (f->kind == INKLING_FEATURE_CATEGORY)
			ink_json_str(o, f->name, text);
		else if (f->decimals)
			ink_json_num(o, f->name, strtod(text, NULL), f->decimals);
		else
			ink_json_int(o, f->name, v->raw[i]);
	}
	return o;
}

struct json_object *ink_event_json(const struct ink_flow_event *e, uint64_t time_ns,
				   const char *const *classes, size_t n_classes)
{
	struct json_object *o = ink_json_object();
	char text[INK_ADDR_TEXT];

	ink_json_u64(o, "time_ns", time_ns);
	ink_json_str(o, "remote", ink_addr_format(e->key.remote, text));
	ink_json_int(o, "remote_port", e->key.remote_port);
	ink_json_str(o, "local", ink_addr_format(e->key.local.addr, text));
	ink_json_int(o, "local_port", e->key.local.port);
	ink_json_str(o, "proto", ink_proto_format(e->key.local.proto));
	if (e->key.vlan[0] || e->key.vlan[1])
		ink_json_str(o, "vlan", ink_vlan_format(&e->key));
	ink_json_int(o, "packet", e->packets);
	ink_json_int(o, "class", e->verdict.class);
	if (classes && e->verdict.class < n_classes)
		ink_json_str(o, "class_name", classes[e->verdict.class]);
	ink_json_int(o, "score", e->verdict.score);
	ink_json_str(o, "action", ink_action_name(e->verdict.action));
	ink_json_str(o, "mode", ink_mode_name(e->verdict.mode));
	ink_json_int(o, "generation", e->verdict.generation);
	ink_json_bool(o, "dropped", e->flags & INK_EVENT_DROPPED);
	ink_json_bool(o, "allowed", e->flags & INK_EVENT_ALLOWED);
	if (e->error)
		ink_json_int(o, "error", e->error);
	ink_json_add(o, "features", ink_features_json(&e->features));
	return o;
}
