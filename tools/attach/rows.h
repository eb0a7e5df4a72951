/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scored packets as rows: CSV for training, JSON and text for people.
 *
 * What lives here: how an event of the flow hook is written. What doesn't:
 * where events come from (events.c, features.c, replay.c).
 *
 * A CSV row is one scored vector. The first INK_ROW_IDENTITY columns tell the
 * flow and are never features; then come the features by name, categories as
 * their names, numbers with the decimals of the schema; then, where a model was
 * asked, class, score, action, mode and error; then the label where there are
 * labels.
 */
#ifndef INK_ROWS_H
#define INK_ROWS_H

#include <stdbool.h>
#include <stdio.h>
#include <json-c/json.h>
#include "../../bpf/flow/flow_state.h"

#define INK_ROW_IDENTITY	8

/**
 * struct ink_rows - how rows are written
 * @to: file
 * @verdicts: with the columns of the verdict
 * @labels: with the label
 */
struct ink_rows {
	FILE *to;
	bool verdicts;
	bool labels;
};

extern const struct inkling_feature ink_flow_schema[INK_FLOW_FEATURES];
extern const struct inkling_name ink_flow_names[INK_FLOW_NAMES];

void ink_rows_heading(const struct ink_rows *rows);
/* @time_ns is shown instead of the event's own; @label only counts with rows->labels. */
void ink_rows_event(const struct ink_rows *rows, const struct ink_flow_event *event,
		    uint64_t time_ns, const char *label);

/* Classes by number when @classes is NULL. */
struct json_object *ink_event_json(const struct ink_flow_event *event, uint64_t time_ns,
				   const char *const *classes, size_t n_classes);
/* "10.0.0.1:4242 > 10.0.0.2:80 tcp", from ink_fmt()'s buffers. */
const char *ink_flow_format(const struct ink_flow_key *key);
const char *ink_proto_format(unsigned int proto);
const char *ink_action_name(unsigned int action);
const char *ink_mode_name(unsigned int mode);

#endif /* INK_ROWS_H */
