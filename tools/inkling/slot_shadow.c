// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shadow of a slot, for people.
 *
 * What lives here: what "inkling show" prints of a shadow: how often it was
 * compared with the current model, where they disagree, and what enforcement
 * would have done with its verdicts. What doesn't: the JSON form
 * (slot_json.c), and the rest of a slot (slots.c).
 */
#include "slots.h"
#include "words.h"

static const char *share(uint64_t part, uint64_t whole)
{
	return ink_fmt("%.2f %%", whole ? 100.0 * (double)part / (double)whole : 0.0);
}

static void print_skipped(const struct ink_shadow_info *s)
{
	uint32_t i;

	for (i = 0; i < s->n_skipped; i++)
		if (s->skipped[i].count)
			printf("  %-20s %s skipped\n", s->skipped[i].reason,
			       ink_fmt_count(s->skipped[i].count));
}

/* Pairs of classes that came, the frequent kinds first: those on which both agree. */
static void print_pairs(const struct ink_slot *slot)
{
	const struct ink_shadow_info *s = &slot->shadow;
	struct ink_table *t = ink_table_new("MODEL SAYS", "SHADOW SAYS", ">RUNS", ">SHARE", NULL);
	uint32_t i, j, pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < s->n_classes; i++)
			for (j = 0; j < s->n_classes; j++)
				if (s->matrix[i][j] && (i == j) == !pass)
					ink_table_row(t, ink_slot_class(slot, i),
						      ink_model_class(&s->model, j),
						      ink_fmt_count(s->matrix[i][j]),
						      share(s->matrix[i][j], s->compared), NULL);
	putchar('\n');
	ink_table_print(t, stdout);
}

static void print_actions(const struct ink_shadow_info *s)
{
	struct ink_table *t = ink_table_new("SHADOW'S CLASS", ">PASS", ">ALERT", ">DROP", NULL);
	uint32_t i;

	for (i = 0; i < s->n_classes; i++)
		ink_table_row(t, ink_model_class(&s->model, i),
			      ink_fmt_count(s->actions[i][INKLING_ACTION_PASS]),
			      ink_fmt_count(s->actions[i][INKLING_ACTION_ALERT]),
			      ink_fmt_count(s->actions[i][INKLING_ACTION_DROP]), NULL);
	printf("\nwhat the slot would have done with the shadow's verdicts\n");
	ink_table_print(t, stdout);
}

/* Scores are only of one kind when both models give them in the same way. */
static void print_difference(const struct ink_slot *slot)
{
	const struct ink_shadow_info *s = &slot->shadow;

	if (slot->model.head != s->model.head || s->model.head == INKLING_HEAD_RAW)
		return;
	printf("%-13s%s apart on average\n", "  scores",
	       ink_word_score((int32_t)(s->difference / s->compared), s->model.head));
}

void ink_shadow_print(const struct ink_slot *slot)
{
	const struct ink_shadow_info *s = &slot->shadow;

	putchar('\n');
	ink_model_print("shadow", &s->model);
	printf("%-13sone of %s runs: %s of %s repeated\n", "  repeats", ink_fmt_count(s->sample),
	       ink_fmt_count(s->compared), ink_fmt_count(s->runs));
	print_skipped(s);
	if (!s->compared)
		return;
	printf("%-13s%s, in %s\n", "  disagrees", share(s->disagreed, s->compared),
	       ink_fmt_count(s->disagreed));
	print_difference(slot);
	print_pairs(slot);
	print_actions(s);
}
