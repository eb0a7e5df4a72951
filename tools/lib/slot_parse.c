// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A slot as the kernel describes it.
 *
 * What lives here: struct ink_slot from netlink attributes; ones that are
 * missing or of a wrong size leave their field zero, unknown ones are skipped.
 * What doesn't: requests (slot.c).
 */
#include <stdlib.h>
#include <string.h>
#include "ctl.h"

/* Numbers of attributes that this or another version of the kernel may lack. */
static u32 get_u32(const struct nlattr *a)
{
	return nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

static u64 get_u64(const struct nlattr *a)
{
	u64 v = 0;

	if (nla_len(a) >= 8)
		memcpy(&v, nla_data(a), sizeof(v));
	return v;
}

static void get_text(const struct nlattr *a, char *to, size_t size)
{
	ink_text_copy(to, size, nla_data(a), (size_t)nla_len(a));
}

static void get_buckets(const struct nlattr *a, uint64_t *to)
{
	size_t len = min_t(size_t, (size_t)nla_len(a), INK_STAT_BUCKETS * sizeof(*to));

	memcpy(to, nla_data(a), len - len % sizeof(*to));
}

/* What names a model. */
static void parse_identity(const struct nlattr *a, struct ink_model_info *m)
{
	switch (nla_type(a)) {
	case INKLING_A_MODEL_DIGEST:
		if (nla_len(a) == (int)sizeof(m->digest))
			memcpy(m->digest, nla_data(a), sizeof(m->digest));
		break;
	case INKLING_A_MODEL_NAME:
		get_text(a, m->name, sizeof(m->name));
		break;
	case INKLING_A_MODEL_VERSION:
		get_text(a, m->version, sizeof(m->version));
		break;
	case INKLING_A_MODEL_GENERATION:
		m->generation = get_u32(a);
		break;
	case INKLING_A_MODEL_ISA:
		get_text(a, m->isa, sizeof(m->isa));
		break;
	}
}

/* What a caller has to know. */
static void parse_interface(const struct nlattr *a, struct ink_model_info *m)
{
	switch (nla_type(a)) {
	case INKLING_A_MODEL_SCHEMA:
		m->schema = get_u64(a);
		break;
	case INKLING_A_MODEL_INPUT_SIZE:
		m->input_size = get_u32(a);
		break;
	case INKLING_A_MODEL_OUTPUT_SIZE:
		m->output_size = get_u32(a);
		break;
	case INKLING_A_MODEL_CLASSES:
		if (m->n_classes < INKLING_MAX_CLASSES)
			get_text(a, m->classes[m->n_classes++], sizeof(m->classes[0]));
		break;
	case INKLING_A_MODEL_THRESHOLD:
		m->threshold = (s32)get_u32(a);
		break;
	case INKLING_A_MODEL_HEAD:
		m->head = get_u32(a);
		break;
	case INKLING_A_MODEL_THRESHOLD_USED:
		m->threshold_used = (s32)get_u32(a);
		break;
	}
}

static void parse_cost(const struct nlattr *a, struct ink_model_info *m)
{
	switch (nla_type(a)) {
	case INKLING_A_MODEL_MACS:
		m->macs = get_u64(a);
		break;
	case INKLING_A_MODEL_ARENA:
		m->arena = get_u32(a);
		break;
	case INKLING_A_MODEL_BYTES:
		m->bytes = get_u64(a);
		break;
	case INKLING_A_MODEL_COST_SIMD:
		m->cost_simd = get_u64(a);
		break;
	case INKLING_A_MODEL_COST_SCALAR:
		m->cost_scalar = get_u64(a);
		break;
	case INKLING_A_MODEL_CONTEXTS:
		m->contexts = get_u32(a);
		break;
	}
}

static void parse_model(const struct nlattr *nest, struct ink_model_info *m)
{
	const struct nlattr *a;
	int rest;

	m->head = INK_HEAD_UNKNOWN;
	nla_for_each_nested(a, nest, rest) {
		parse_identity(a, m);
		parse_interface(a, m);
		parse_cost(a, m);
	}
}

/* One more of up to INK_STAT_ERRORS. */
static void parse_reason(const struct nlattr *nest, struct ink_reason *reasons, uint32_t *n)
{
	const struct nlattr *a;
	int rest;

	if (*n == INK_STAT_ERRORS)
		return;
	nla_for_each_nested(a, nest, rest) {
		if (nla_type(a) == INKLING_A_STAT_ERROR_REASON)
			get_text(a, reasons[*n].reason, sizeof(reasons[0].reason));
		else if (nla_type(a) == INKLING_A_STAT_ERROR_COUNT)
			reasons[*n].count = get_u64(a);
	}
	++*n;
}

static void parse_verdict(const struct nlattr *nest, struct ink_slot_stats *s)
{
	u64 count = 0, actioned = 0;
	u32 class = INKLING_MAX_CLASSES;
	const struct nlattr *a;
	int rest;

	nla_for_each_nested(a, nest, rest) {
		if (nla_type(a) == INKLING_A_STAT_VERDICT_CLASS)
			class = get_u32(a);
		else if (nla_type(a) == INKLING_A_STAT_VERDICT_COUNT)
			count = get_u64(a);
		else if (nla_type(a) == INKLING_A_STAT_VERDICT_ACTIONED)
			actioned = get_u64(a);
	}
	if (class < INKLING_MAX_CLASSES) {
		s->verdicts[class] = count;
		s->actioned[class] = actioned;
	}
}

static void parse_stats(const struct nlattr *nest, struct ink_slot_stats *s)
{
	const struct nlattr *a;
	int rest;

	nla_for_each_nested(a, nest, rest) {
		switch (nla_type(a)) {
		case INKLING_A_STATS_RUNS:
			s->runs = get_u64(a);
			break;
		case INKLING_A_STATS_SCALAR:
			s->scalar = get_u64(a);
			break;
		case INKLING_A_STATS_ERROR:
			parse_reason(a, s->errors, &s->n_errors);
			break;
		case INKLING_A_STATS_VERDICT:
			parse_verdict(a, s);
			break;
		case INKLING_A_STATS_LATENCY:
			get_buckets(a, s->latency);
			break;
		case INKLING_A_STATS_SCORES:
			get_buckets(a, s->scores);
			break;
		}
	}
}

static void parse_shadow_action(const struct nlattr *nest, struct ink_shadow_info *s)
{
	u64 count[INKLING_ACTION_DROP + 1] = { 0 };
	u32 class = INKLING_MAX_CLASSES;
	const struct nlattr *a;
	int rest;

	nla_for_each_nested(a, nest, rest) {
		if (nla_type(a) == INKLING_A_SHADOW_ACTION_CLASS)
			class = get_u32(a);
		else if (nla_type(a) == INKLING_A_SHADOW_ACTION_PASS)
			count[INKLING_ACTION_PASS] = get_u64(a);
		else if (nla_type(a) == INKLING_A_SHADOW_ACTION_ALERT)
			count[INKLING_ACTION_ALERT] = get_u64(a);
		else if (nla_type(a) == INKLING_A_SHADOW_ACTION_DROP)
			count[INKLING_ACTION_DROP] = get_u64(a);
	}
	if (class < INKLING_MAX_CLASSES)
		memcpy(s->actions[class], count, sizeof(count));
}

/* As many rows and columns as it says; none when it isn't of that size. */
static void parse_matrix(const struct nlattr *a, struct ink_shadow_info *s)
{
	const char *row = nla_data(a);
	size_t n = s->n_classes;
	u32 i;

	if (n > INKLING_MAX_CLASSES || (size_t)nla_len(a) != n * n * sizeof(u64)) {
		s->n_classes = 0;
		return;
	}
	for (i = 0; i < n; i++)
		memcpy(s->matrix[i], row + i * n * sizeof(u64), n * sizeof(u64));
}

static void parse_shadow_attr(const struct nlattr *a, struct ink_shadow_info *s)
{
	switch (nla_type(a)) {
	case INKLING_A_SHADOW_MODEL:
		parse_model(a, &s->model);
		break;
	case INKLING_A_SHADOW_SAMPLE:
		s->sample = get_u32(a);
		break;
	case INKLING_A_SHADOW_RUNS:
		s->runs = get_u64(a);
		break;
	case INKLING_A_SHADOW_COMPARED:
		s->compared = get_u64(a);
		break;
	case INKLING_A_SHADOW_DISAGREED:
		s->disagreed = get_u64(a);
		break;
	case INKLING_A_SHADOW_SKIPPED:
		parse_reason(a, s->skipped, &s->n_skipped);
		break;
	case INKLING_A_SHADOW_CLASSES:
		s->n_classes = get_u32(a);
		break;
	case INKLING_A_SHADOW_ACTION:
		parse_shadow_action(a, s);
		break;
	case INKLING_A_SHADOW_DIFFERENCES:
		get_buckets(a, s->differences);
		break;
	case INKLING_A_SHADOW_DIFFERENCE:
		s->difference = get_u64(a);
		break;
	}
}

static void parse_shadow(const struct nlattr *nest, struct ink_shadow_info *s)
{
	const struct nlattr *a, *matrix = NULL;
	int rest;

	nla_for_each_nested(a, nest, rest) {
		parse_shadow_attr(a, s);
		if (nla_type(a) == INKLING_A_SHADOW_MATRIX)
			matrix = a;
	}
	/* Its shape may stand behind it. */
	if (matrix)
		parse_matrix(matrix, s);
	else
		s->n_classes = 0;
}

static void parse_action(const struct nlattr *nest, struct ink_slot *slot)
{
	u32 class = INKLING_MAX_CLASSES, action = 0;
	const struct nlattr *a;
	int rest;

	nla_for_each_nested(a, nest, rest) {
		if (nla_type(a) == INKLING_A_CLASS_ACTION_CLASS)
			class = get_u32(a);
		else if (nla_type(a) == INKLING_A_CLASS_ACTION_ACTION)
			action = get_u32(a);
	}
	if (class < INKLING_MAX_CLASSES)
		slot->action[class] = (u8)action;
}

static void parse_slot_attr(const struct nlattr *a, struct ink_slot *slot)
{
	switch (nla_type(a)) {
	case INKLING_A_SLOT_NAME:
		get_text(a, slot->name, sizeof(slot->name));
		break;
	case INKLING_A_SLOT_ID:
		slot->id = get_u32(a);
		break;
	case INKLING_A_SLOT_CONTEXTS:
		slot->contexts = get_u32(a);
		break;
	case INKLING_A_SLOT_MODE:
		slot->mode = get_u32(a);
		break;
	case INKLING_A_SLOT_UID:
		slot->uid = get_u32(a);
		break;
	case INKLING_A_SLOT_GID:
		slot->gid = get_u32(a);
		break;
	case INKLING_A_SLOT_PERM:
		slot->perm = get_u32(a);
		break;
	case INKLING_A_SLOT_THRESHOLD:
		slot->threshold = (s32)get_u32(a);
		break;
	case INKLING_A_SLOT_EVENT:
		slot->event = get_u32(a);
		break;
	case INKLING_A_SLOT_CLASS_ACTION:
		parse_action(a, slot);
		break;
	case INKLING_A_SLOT_MODEL:
		parse_model(a, &slot->model);
		slot->has_model = true;
		break;
	case INKLING_A_SLOT_PREVIOUS:
		parse_model(a, &slot->previous);
		slot->has_previous = true;
		break;
	case INKLING_A_SLOT_SHADOW:
		parse_shadow(a, &slot->shadow);
		slot->has_shadow = true;
		break;
	case INKLING_A_SLOT_STATS:
		parse_stats(a, &slot->stats);
		break;
	}
}

struct ink_slot *ink_slot_parse(struct nlattr *attrs, int len)
{
	struct ink_slot *slot = calloc(1, sizeof(*slot));
	struct nlattr *a;
	int rest;

	if (!slot) {
		ink_failure_set(ENOMEM, "no memory for a slot");
		return NULL;
	}
	nla_for_each_attr(a, attrs, len, rest)
		parse_slot_attr(a, slot);
	return slot;
}
