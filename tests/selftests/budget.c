// SPDX-License-Identifier: GPL-2.0-only
/*
 * Models that are too slow for the contexts of a slot are refused, by name and
 * number.
 */
#include "st.h"

static struct ink_ctl *ctl;

static u32 contexts_of(const struct image *img, struct ink_model_stat *stat)
{
	struct ink_model *model = ink_model_open_image(img->p, img->size);

	if (!model)
		st_bail("model: %s", ink_failure_last()->text);
	ink_model_stat(model, stat);
	ink_model_close(model);
	return stat->contexts;
}

static void refused(const struct image *img, u32 contexts, const char *context, const char *name)
{
	struct ink_model_stat stat;
	char words[100];

	contexts_of(img, &stat);
	st_slot(ctl, "budget", contexts);
	snprintf(words, sizeof(words), "takes up to %llu ns", (unsigned long long)stat.cost_simd);
	st_refused(ink_load(ctl, img->p, img->size, "budget", NULL, NULL, NULL, NULL), E2BIG, words,
		   "%s", name);
	st_ok(strstr(ink_failure_last()->text, context) != NULL, "budget and context are named: %s",
	      ink_failure_last()->text);
}

static void accepted(const struct image *img, u32 contexts, const char *name)
{
	st_slot(ctl, "budget", contexts);
	st_fine(ink_load(ctl, img->p, img->size, "budget", NULL, NULL, NULL, NULL), "%s", name);
}

int main(void)
{
	struct image slow = big_image(1024, 2), mid, fast = model_image(MODEL_FLOW);
	struct ink_model_stat stat;
	struct ink_slot *slot;
	u32 n;

	ctl = st_ctl();
	/* One that keeps the budget of softirq and not that of a hard interrupt, on this CPU. */
	for (n = 32; n < 1024; n += 32) {
		mid = big_image(n, 1);
		if (contexts_of(&mid, &stat) == (INKLING_CTX_TASK | INKLING_CTX_SOFTIRQ))
			break;
		image_free(&mid);
	}
	if (n == 1024)
		st_bail("no size of a model is between the budgets");
	accepted(&fast, INKLING_CTX_ALL, "a fast model in all contexts");
	refused(&slow, INKLING_CTX_SOFTIRQ, "budget of 50000 ns in softirq", "a slow model for XDP");
	refused(&slow, INKLING_CTX_ALL, "budget of 10000 ns in hardirq", "a slow model for all");
	accepted(&slow, INKLING_CTX_TASK, "a slow model for tasks");
	refused(&mid, INKLING_CTX_HARDIRQ, "budget of 10000 ns in hardirq", "a middling model for tracing");
	accepted(&mid, INKLING_CTX_SOFTIRQ | INKLING_CTX_TASK, "a middling model for XDP");
	st_slot_with(ctl, "budget", INKLING_CTX_SOFTIRQ, &fast);
	st_ok(ink_load(ctl, slow.p, slow.size, "budget", NULL, NULL, NULL, NULL) < 0,
	      "a slow model after a fast one");
	slot = ink_slot_get(ctl, "budget");
	st_ok(slot && slot->model.generation == 1 && !slot->has_previous &&
	      slot->model.contexts == INKLING_CTX_ALL, "the fast one is there still");
	ink_slot_free(slot);
	ink_slot_del(ctl, "budget");
	image_free(&slow);
	image_free(&mid);
	image_free(&fast);
	ink_ctl_close(ctl);
	return st_done();
}
