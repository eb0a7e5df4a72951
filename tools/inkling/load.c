// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling load: a model into a slot of the kernel.
 *
 * What lives here: the command: verify here first, create the slot, load, set
 * the mode. What doesn't: the protocol (libinkling).
 */
#include <errno.h>
#include <string.h>
#include "slots.h"
#include "words.h"

struct load {
	const char *path, *slot, *mode, *threshold, *contexts, *perm, *sample;
	bool create, no_create, check, shadow;
	bool created;
	uint32_t generation;
	struct ink_model *model;
};

/* The same words as at "inkling compile" and at attach. */
static void check_contexts(const struct load *l, uint32_t wanted, const char *whose)
{
	struct ink_model_stat stat;
	uint32_t missing;

	ink_model_stat(l->model, &stat);
	missing = wanted & ~stat.contexts;
	if (!missing)
		return;
	ink_die(INK_EXIT_REFUSED,
		ink_fmt("%s is too slow for %s, which %s is for: a run may take %s, the budget is %s",
			ink_fmt_safe(l->path), ink_word_contexts(missing), whose,
			ink_fmt_ns(stat.cost_simd),
			missing & INKLING_CTX_HARDIRQ ? "10 us" : "50 us"),
		ink_fmt("make the model smaller, or a slot with --contexts %s",
			ink_word_contexts(stat.contexts)));
}

static uint32_t new_contexts(const struct load *l)
{
	struct ink_model_stat stat;

	if (l->contexts)
		return ink_word_parse_contexts(l->contexts);
	ink_model_stat(l->model, &stat);
	return stat.contexts;
}

static void create_slot(struct ink_ctl *ctl, struct load *l)
{
	struct ink_slot_change change = { .set = INK_SET_MODE };
	uint32_t contexts = new_contexts(l);

	check_contexts(l, contexts, "the new slot");
	/* Enforcing starts when the model is there. */
	change.mode = l->mode ? ink_word_parse_mode(l->mode) : INKLING_MODE_MONITOR;
	if (change.mode == INKLING_MODE_ENFORCE)
		change.mode = INKLING_MODE_MONITOR;
	if (l->perm) {
		change.set |= INK_SET_PERM;
		change.perm = ink_slot_parse_perm(l->perm);
	}
	if (ink_slot_new(ctl, l->slot, contexts, &change, NULL))
		ink_die_refused();
	l->created = true;
	ink_note("created slot %s for %s", l->slot, ink_word_contexts(contexts));
}

/* The slot as it is, or a new one. */
static void prepare_slot(struct ink_ctl *ctl, struct load *l)
{
	struct ink_slot *slot = ink_slot_get(ctl, l->slot);
	struct ink_slot_change change = { .set = INK_SET_MODE };

	if (!slot && ink_failure_last()->code != ENOENT)
		ink_die_failure();
	if (!slot && l->no_create)
		ink_die(INK_EXIT_NOENT, ink_fmt("there is no slot %s", l->slot),
			"leave out --no-create to make it, or see \"inkling slots\"");
	if (!slot) {
		create_slot(ctl, l);
		return;
	}
	if (l->contexts && ink_word_parse_contexts(l->contexts) != slot->contexts)
		ink_die(INK_EXIT_REFUSED, ink_fmt("slot %s is for %s, which can't be changed", l->slot,
						  ink_word_contexts(slot->contexts)),
			ink_fmt("delete it first: inkling unload %s", l->slot));
	check_contexts(l, slot->contexts, ink_fmt("slot %s", l->slot));
	change.mode = l->mode ? ink_word_parse_mode(l->mode) : slot->mode;
	/* Less first: a new model never drops packets that it was to watch. */
	if (change.mode < slot->mode && ink_slot_set(ctl, l->slot, &change))
		ink_die_refused();
	ink_slot_free(slot);
}

/* A shadow needs a model beside it, so the slot is there and stays as it is. */
static void prepare_shadow(struct ink_ctl *ctl, const struct load *l)
{
	struct ink_slot *slot = ink_open_slot(ctl, l->slot);

	check_contexts(l, slot->contexts, ink_fmt("slot %s", l->slot));
	ink_slot_free(slot);
}

static void finish_slot(struct ink_ctl *ctl, struct load *l)
{
	struct ink_slot_change change = { .set = 0 };

	if (l->mode) {
		change.set |= INK_SET_MODE;
		change.mode = ink_word_parse_mode(l->mode);
	}
	if (l->perm && !l->created) {
		change.set |= INK_SET_PERM;
		change.perm = ink_slot_parse_perm(l->perm);
	}
	if (change.set && ink_slot_set(ctl, l->slot, &change))
		ink_die_refused();
}

static void progress(void *arg, size_t done, size_t total)
{
	ink_progress_update(arg, done);
}

static uint32_t parse_sample(const char *text)
{
	uint64_t n;

	if (!ink_parse_u64(text, UINT32_MAX, &n) || !n)
		ink_die(INK_EXIT_USAGE, ink_fmt("--sample \"%s\" isn't a number of runs", ink_fmt_safe(text)),
			"--sample 8 lets the shadow repeat one of eight runs, --sample 1 each of them");
	return (uint32_t)n;
}

static struct ink_load_options load_options(const struct load *l)
{
	struct ink_load_options o = { .set = 0 };

	if (l->threshold && strcmp(l->threshold, "default")) {
		o.set |= INK_LOAD_THRESHOLD;
		o.threshold = ink_word_parse_threshold(l->threshold, ink_model_header(l->model)->head);
	}
	if (l->shadow)
		o.set |= INK_LOAD_SHADOW;
	if (l->sample)
		o.sample = parse_sample(l->sample);
	return o;
}

static void load(struct ink_ctl *ctl, struct load *l)
{
	struct ink_load_options options = load_options(l);
	struct ink_progress bar;
	const void *image;
	size_t size;
	int err;

	image = ink_model_image(l->model, &size);
	ink_progress_begin(&bar, "loading", size);
	err = ink_load_with(ctl, image, size, l->slot, &options, progress, &bar, &l->generation);
	ink_progress_end(&bar);
	if (!err)
		return;
	ink_report_failure();
	/* Leave nothing behind that wasn't there. */
	if (l->created)
		ink_slot_del(ctl, l->slot);
	exit(ink_exit_refused(ink_failure_last()->code));
}

static void report(const struct load *l)
{
	const struct inkling_card *card = ink_model_card(l->model);
	const struct inkling_header *h = ink_model_header(l->model);
	struct json_object *o;

	if (!ink_cli.json) {
		if (!ink_cli.quiet)
			printf("%s: %s%s %s, digest %s, generation %u\n", l->slot,
			       l->shadow ? "shadow " : "", card->name, card->version,
			       ink_fmt_digest_short(h->digest), l->generation);
		return;
	}
	o = ink_json_object();
	ink_json_str(o, "slot", l->slot);
	ink_json_bool(o, "created", l->created);
	ink_json_bool(o, "shadow", l->shadow);
	ink_json_str(o, "model", card->name);
	ink_json_str(o, "version", card->version);
	ink_json_str(o, "digest", ink_fmt_digest(h->digest));
	ink_json_int(o, "generation", l->generation);
	ink_json_print(o);
}

/* What can be wrong with the command line is said before anything changes. */
static void check_words(const struct load *l)
{
	if (!l->slot)
		ink_die(INK_EXIT_USAGE, "--slot is missing",
			"name a slot to load into, such as --slot net.flow; a new one is made");
	ink_check_slot_name(l->slot);
	if (l->mode)
		ink_word_parse_mode(l->mode);
	if (l->contexts)
		ink_word_parse_contexts(l->contexts);
	if (l->perm)
		ink_slot_parse_perm(l->perm);
	if (l->shadow && (l->mode || l->contexts || l->perm))
		ink_die(INK_EXIT_USAGE, "--mode, --contexts and --perm are of the slot, not of its shadow",
			"leave them out, or set them by \"inkling set\"");
	if (l->sample && !l->shadow)
		ink_die(INK_EXIT_USAGE, "--sample is for a shadow", "give --shadow, too, or leave it out");
	load_options(l);
}

int cmd_load(int argc, char **argv)
{
	static struct load l;
	static const struct ink_option options[] = {
		{ "slot", 's', "NAME", "slot to load into; made when it isn't there", INK_OPT_STRING, &l.slot },
		{ "mode", 'm', "MODE", "off, monitor or enforce; new slots are set to monitor",
		  INK_OPT_STRING, &l.mode },
		{ "threshold", 't', "T", "from which on an input is harmful: 0..1, raw:SCORE, or default (the model's)",
		  INK_OPT_STRING, &l.threshold },
		{ "shadow", 0, NULL, "load it beside the slot's model: it repeats some of the runs, and is\n"
		  "counted but not heard, until \"inkling promote\"", INK_OPT_FLAG, &l.shadow },
		{ "sample", 0, "N", "of the shadow: repeat one of N runs; default: 8",
		  INK_OPT_STRING, &l.sample },
		{ "contexts", 'c', "LIST", "of a new slot: task, softirq, hardirq or all, with commas; default: all\n"
		  "that the model is fast enough for", INK_OPT_STRING, &l.contexts },
		{ "perm", 'p', "MODE", "of the slot, as of a file: r sees it, x runs it; such as 0750",
		  INK_OPT_STRING, &l.perm },
		{ "create", 0, NULL, "make the slot when it isn't there (the default)", INK_OPT_FLAG, &l.create },
		{ "no-create", 0, NULL, "fail when the slot isn't there", INK_OPT_FLAG, &l.no_create },
		{ "check", 'n', NULL, "only verify the model here; change nothing", INK_OPT_FLAG, &l.check },
		{ 0 },
	};
	static const struct ink_usage usage = {
		.args = "MODEL.ink --slot NAME [OPTION]...",
		.about =
		"Verifies a model, first here and then in the kernel, and publishes it in a slot. Callers\n"
		"of the slot go over to it between two runs; the model before stays for a rollback.",
		.options = options,
		.example = "inkling load flow.ink --slot net.flow --mode monitor\n"
			   "inkling load flow.ink --slot net.flow --threshold 0.9\n"
			   "inkling load flow-v2.ink --slot net.flow --shadow --sample 4",
		.min_args = 1,
		.max_args = 1,
	};
	struct ink_ctl *ctl;

	ink_args_parse(argc, argv, &usage);
	l.path = argv[1];
	l.no_create &= !l.create;
	l.model = ink_open_model(l.path);
	check_words(&l);
	if (!l.check) {
		ctl = ink_open_ctl();
		if (l.shadow)
			prepare_shadow(ctl, &l);
		else
			prepare_slot(ctl, &l);
		load(ctl, &l);
		finish_slot(ctl, &l);
		ink_ctl_close(ctl);
		report(&l);
	} else if (l.contexts) {
		check_contexts(&l, ink_word_parse_contexts(l.contexts), "the slot");
	}
	ink_model_close(l.model);
	return INK_EXIT_OK;
}
