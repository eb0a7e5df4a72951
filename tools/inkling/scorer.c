// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running inputs here or in a slot.
 *
 * What lives here: opening either, finding the file of a slot's model. What
 * doesn't: where inputs come from (source.c).
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include "scorer.h"
#include "words.h"

void ink_scorer_open_model(struct ink_scorer *s, const char *path, const char *isa,
			   const char *threshold)
{
	const struct inkling_header *h;

	memset(s, 0, sizeof(*s));
	s->model = ink_open_model(path);
	if (isa && ink_model_isa_set(s->model, isa))
		ink_die(INK_EXIT_USAGE, ink_failure_last()->text, NULL);
	h = ink_model_header(s->model);
	s->in_size = ink_model_input_size(s->model);
	s->out_size = ink_model_output_size(s->model);
	s->head = h->head;
	s->threshold = h->threshold;
	s->threshold_from = "the model";
	if (threshold) {
		s->threshold = ink_word_parse_threshold(threshold, h->head);
		s->threshold_from = "--threshold";
	}
}

/* The header of a file, when it is one of an image with this digest. */
static bool has_digest(const char *path, const uint8_t *digest)
{
	struct inkling_header h;
	FILE *f = fopen(path, "re");
	bool found;

	if (!f)
		return false;
	found = fread(&h, sizeof(h), 1, f) == 1 && !memcmp(h.magic, INKLING_MAGIC, 8) &&
		!memcmp(h.digest, digest, sizeof(h.digest));
	fclose(f);
	return found;
}

static char *search_folder(const char *folder, const uint8_t *digest)
{
	char *found = NULL;
	glob_t g;
	size_t i;

	if (glob(ink_fmt("%s/*.ink", folder), 0, NULL, &g))
		return NULL;
	for (i = 0; i < g.gl_pathc && !found; i++)
		if (has_digest(g.gl_pathv[i], digest))
			found = ink_xstrdup(g.gl_pathv[i]);
	globfree(&g);
	return found;
}

/* A file with the slot's very model, or NULL. */
static char *search_model(const uint8_t *digest)
{
	const char *folders = getenv("INKLING_MODELS");
	char *copy, *rest, *folder, *found = NULL;

	copy = ink_xstrdup(folders ? folders :
			   ".:models:/usr/local/share/inkling:/usr/share/inkling:/var/lib/inkling");
	for (rest = copy; !found && (folder = strsep(&rest, ":")) != NULL;)
		if (*folder)
			found = search_folder(folder, digest);
	free(copy);
	return found;
}

/* The model's file tells the names of features and classes. */
static void find_model(struct ink_scorer *s, const char *path)
{
	char *found = path ? ink_xstrdup(path) : search_model(s->info.digest);
	const struct inkling_header *h;

	if (!found)
		return;
	s->model = ink_open_model(found);
	h = ink_model_header(s->model);
	if (h->schema != s->info.schema || ink_model_input_size(s->model) != s->in_size ||
	    ink_model_output_size(s->model) != s->out_size)
		ink_die(INK_EXIT_REFUSED,
			ink_fmt("%s has schema %s, slot %s has %s", found, ink_word_schema(h->schema),
				s->slot, ink_word_schema(s->info.schema)),
			"give the model that the slot runs, or one with the same features");
	if (memcmp(h->digest, s->info.digest, sizeof(h->digest)))
		ink_note("note: %s isn't the model that slot %s runs, but reads the same features",
			 found, s->slot);
	s->head = h->head;
	free(found);
}

void ink_scorer_open_slot(struct ink_scorer *s, const char *slot, const char *model_path)
{
	struct ink_ctl *ctl;

	memset(s, 0, sizeof(*s));
	s->slot = slot;
	s->head = INK_HEAD_UNKNOWN;
	s->session = ink_session_open(slot, INK_DEFAULTS);
	if (!s->session || ink_session_info(s->session, &s->info))
		ink_die_failure();
	if (!s->info.input_size)
		ink_die(INK_EXIT_FAILED, ink_fmt("slot %s has no model", slot),
			ink_fmt("load one: inkling load MODEL.ink --slot %s", slot));
	s->in_size = s->info.input_size;
	s->out_size = s->info.output_size;
	s->threshold = s->info.threshold;
	s->threshold_from = ink_fmt("slot %s", slot);
	s->threshold_from = ink_xstrdup(s->threshold_from);
	find_model(s, model_path);
	/* Names of classes may be seen by fewer people than may run it. */
	ctl = ink_ctl_open();
	s->slot_info = ctl ? ink_slot_get(ctl, slot) : NULL;
	ink_ctl_close(ctl);
	if (s->info.mode == INKLING_MODE_OFF)
		ink_note("note: slot %s is off: every verdict is \"pass\", every output zero", slot);
}

void ink_scorer_close(struct ink_scorer *s)
{
	ink_model_close(s->model);
	ink_session_close(s->session);
	ink_slot_free(s->slot_info);
	if (s->session)
		free((char *)(uintptr_t)s->threshold_from);
}

const char *ink_scorer_class(const struct ink_scorer *s, uint32_t class)
{
	if (s->model && class < ink_model_header(s->model)->n_classes)
		return ink_model_card(s->model)->classes[class];
	if (s->slot_info && s->slot_info->has_model && class < s->slot_info->model.n_classes)
		return s->slot_info->model.classes[class];
	return ink_fmt("%u", class);
}

void ink_scorer_run(struct ink_scorer *s, size_t n, const void *in, void *out,
		    struct inkling_verdict *verdicts)
{
	size_t i;

	if (s->session) {
		if (ink_session_run_batch(s->session, n, in, s->in_size, out, s->out_size, verdicts))
			ink_die_failure();
		return;
	}
	if (ink_model_run_batch(s->model, n, in, s->in_size, out, s->out_size))
		ink_die_failure();
	for (i = 0; i < n; i++)
		ink_model_verdict(s->model, (const char *)out + i * s->out_size, s->threshold,
				  &verdicts[i]);
}
