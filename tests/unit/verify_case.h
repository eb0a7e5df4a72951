/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One test of the verifier as a row of a table.
 *
 * What lives here: how a row says what is changed in an image that is valid
 * otherwise, and what the verifier has to say about it. What doesn't: the rows,
 * see test_verify_*.c.
 */
#ifndef INK_TEST_VERIFY_CASE_H
#define INK_TEST_VERIFY_CASE_H

#include "models.h"

enum patch_where {
	PATCH_NONE,
	PATCH_HEADER,
	PATCH_CARD,
	PATCH_FEATURE,
	PATCH_NAME,
	PATCH_TENSOR,
	PATCH_OP,
	PATCH_DATA,	/* @index: the constant; @off: in it */
	PATCH_FILE,	/* @off: from the start, or negative from the end */
};

struct patch {
	enum patch_where where;
	u32 index;
	s32 off;
	u32 size;
	s64 value;
};

/**
 * struct verify_case - what is changed, and what has to come of it
 * @name: of the test
 * @model: what to start from; of enum model, or of models_seq.h
 * @make: makes the image instead
 * @patch: numbers to write, until PATCH_NONE
 * @change: changes the image in another way
 * @grow: zero bytes to append; negative: bytes to cut off; file_size follows
 * @unsealed: leave schema id and digest as they are
 * @digest_only: recompute the digest but not the schema id
 * @rule: that refuses it; INK_RULE_NONE: it has to be accepted
 * @op: expected op + 1; 0: none
 * @tensor: expected tensor + 1; 0: none
 * @text: has to occur in the message
 */
struct verify_case {
	const char *name;
	u32 model;
	struct image (*make)(void);
	struct patch patch[6];
	void (*change)(struct image *img);
	int grow;
	bool unsealed;
	bool digest_only;
	u32 rule;
	u32 op;
	u32 tensor;
	const char *text;
};

#define PATCH(where, i, type, field, v) \
	{ where, i, offsetof(type, field), sizeof_field(type, field), v }
#define HDR(field, v)		PATCH(PATCH_HEADER, 0, struct inkling_header, field, v)
#define CARD(field, v)		PATCH(PATCH_CARD, 0, struct inkling_card, field, v)
#define FEATURE(i, field, v)	PATCH(PATCH_FEATURE, i, struct inkling_feature, field, v)
#define NAME(i, field, v)	PATCH(PATCH_NAME, i, struct inkling_name, field, v)
#define TENSOR(i, field, v)	PATCH(PATCH_TENSOR, i, struct inkling_tensor, field, v)
#define OP(i, field, v)		PATCH(PATCH_OP, i, struct inkling_op, field, v)
#define ROW(i, field, v) \
	{ PATCH_DATA, FLOW_ROWS, (i) * 32 + offsetof(struct inkling_quant_row, field), 4, v }
#define DATA8(tensor, i, v)	{ PATCH_DATA, tensor, i, 1, v }
#define DATA32(tensor, i, v)	{ PATCH_DATA, tensor, 4 * (i), 4, v }
#define BYTE(off, v)		{ PATCH_FILE, 0, off, 1, v }

/* Arguments of a row: name, model, rule, text; then designated initialisers. */
#define REFUSED(n, m, r, t, ...) \
	{ .name = n, .model = MODEL_##m, .rule = INK_RULE_##r, .text = t, __VA_ARGS__ }
#define ACCEPTED(n, m, ...) \
	{ .name = n " (accepted)", .model = MODEL_##m, .rule = INK_RULE_NONE, __VA_ARGS__ }
#define PATCHES(...)	.patch = { __VA_ARGS__ }
#define AT_OP(i)	.op = (i) + 1
#define AT_TENSOR(i)	.tensor = (i) + 1

/* Run the rows as one cmocka group; returns the number that failed. */
int verify_cases_run(const char *group, const struct verify_case *cases, size_t n);

/* Parse, plan and run with a few inputs; the graph's verdict of an accepted image. */
void image_exercise(const struct image *img);

#endif /* INK_TEST_VERIFY_CASE_H */
