// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scorer: lines of a log in, what the slot flags out.
 *
 * What lives here: gathering windows of requests into one io_uring command, and what is printed
 * of its verdicts. A request is as bad as its worst window. What doesn't: where lines come from
 * (main.c), what is read of them (log.c) and how they become tokens (request.c).
 */
#include "scorer.h"

#include <err.h>
#include <inkling.h>
#include <json-c/json.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define BATCH	128	/* windows of one command */

_Static_assert(BATCH >= INK_HTTP_WINDOWS, "the longest request fits into a command");

/* An input as the slot reads it. */
struct input {
	struct inkling_sequence head;
	uint16_t tokens[INK_HTTP_TOKENS];
};

struct waiting {
	struct ink_http_entry entry;
	unsigned int first;	/* of its windows */
};

struct ink_http_scorer {
	struct ink_session *session;
	struct io_uring ring;
	struct input *inputs;
	struct inkling_verdict *verdicts;	/* behind them in the session's buffer */
	unsigned int windows;
	unsigned int requests;
	struct waiting waiting[BATCH];
	struct json_tokener *tokener;
	uint8_t text[INK_HTTP_TEXT];
	unsigned int n_classes;
	char classes[INKLING_MAX_CLASSES][32];
	bool all;
};

static void die(void)
{
	errx(1, "%s. %s", ink_failure_last()->text, ink_failure_last()->hint);
}

/* Names are for people: without them there are numbers. */
static void name_classes(struct ink_http_scorer *s, const char *slot)
{
	struct ink_ctl *ctl = ink_ctl_open();
	struct ink_slot *is = ctl ? ink_slot_get(ctl, slot) : NULL;

	if (is && is->has_model) {
		s->n_classes = is->model.n_classes;
		memcpy(s->classes, is->model.classes, sizeof(s->classes));
	}
	ink_slot_free(is);
	ink_ctl_close(ctl);
}

static void name_classes_of_file(struct ink_http_scorer *s, const char *path)
{
	struct ink_model *model = ink_model_open(path);
	uint32_t i;

	if (!model)
		die();
	s->n_classes = ink_model_header(model)->n_classes;
	for (i = 0; i < s->n_classes; i++)
		snprintf(s->classes[i], sizeof(s->classes[i]), "%.31s", ink_model_card(model)->classes[i]);
	ink_model_close(model);
}

struct ink_http_scorer *ink_http_scorer_new(const char *slot, const char *model, bool all)
{
	const struct ink_session_options options = {
		.buffer_size = BATCH * (sizeof(struct input) + sizeof(struct inkling_verdict)),
		.model = model,
	};
	struct ink_http_scorer *s = calloc(1, sizeof(*s));
	struct inkling_info info;

	if (!s)
		err(1, "%s", slot);
	s->session = ink_session_open_with(slot, &options);
	if (!s->session || ink_session_info(s->session, &info))
		die();
	if (info.input_size != sizeof(struct input))
		errx(1, "%s: its model reads %u bytes, a window of a request has %zu: is it models/http.ink?",
		     slot, info.input_size, sizeof(struct input));
	s->inputs = ink_session_buffer(s->session, NULL);
	s->verdicts = (void *)(s->inputs + BATCH);
	s->tokener = json_tokener_new();
	s->all = all;
	if (ink_session_in_process(s->session))
		name_classes_of_file(s, model);
	else
		name_classes(s, slot);
	if (!s->tokener || io_uring_queue_init(4, &s->ring, 0))
		err(1, "io_uring");
	return s;
}

/* ASCII alone, so that what is printed is UTF-8 whatever was asked. */
static struct json_object *printable(const char *s, size_t n)
{
	char *to = malloc(3 * n + 1);
	struct json_object *o;
	size_t i, k = 0;

	if (!to)
		err(1, "a request of %zu bytes", n);
	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x7f)
			to[k++] = s[i];
		else
			k += (size_t)sprintf(to + k, "%%%02x", (unsigned char)s[i]);
	}
	o = json_object_new_string_len(to, (int)k);
	free(to);
	return o;
}

static void print(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static void report(const struct ink_http_scorer *s, const struct waiting *w,
		   const struct inkling_verdict *v)
{
	struct json_object *o;
	char number[16];

	if (!v->class && !s->all)
		return;
	o = json_object_new_object();
	snprintf(number, sizeof(number), "%.4f", v->score / 32768.0);
	json_object_object_add(o, "score", json_object_new_double_s(v->score / 32768.0, number));
	snprintf(number, sizeof(number), "%u", v->class);
	json_object_object_add(o, "class", json_object_new_string(v->class < s->n_classes ?
								  s->classes[v->class] : number));
	json_object_object_add(o, "client", printable(w->entry.client, strlen(w->entry.client)));
	json_object_object_add(o, "request", printable(w->entry.request.line, w->entry.request.line_size));
	print(o);
}

static void judge(struct ink_http_scorer *s)
{
	size_t at = (size_t)((char *)s->verdicts - (char *)s->inputs);
	struct io_uring_cqe *cqe;
	int res;

	if (ink_session_in_process(s->session)) {
		if (ink_session_run_batch(s->session, s->windows, s->inputs, sizeof(*s->inputs), NULL, 0,
					  s->verdicts))
			die();
		return;
	}
	if (ink_session_prep(s->session, io_uring_get_sqe(&s->ring), 0, at, s->windows, 0))
		die();
	if (io_uring_submit(&s->ring) < 0 || io_uring_wait_cqe(&s->ring, &cqe))
		errx(1, "the ring doesn't work");
	res = cqe->res;
	io_uring_cqe_seen(&s->ring, cqe);
	if (res != (int)s->windows)
		errx(1, "inference: %s", strerror(res < 0 ? -res : EIO));
}

void ink_http_scorer_flush(struct ink_http_scorer *s)
{
	unsigned int i, k, end, worst;

	if (!s->windows)
		return;
	judge(s);
	for (i = 0; i < s->requests; i++) {
		end = i + 1 < s->requests ? s->waiting[i + 1].first : s->windows;
		worst = s->waiting[i].first;
		for (k = worst + 1; k < end; k++)
			if (s->verdicts[k].score > s->verdicts[worst].score)
				worst = k;
		report(s, &s->waiting[i], &s->verdicts[worst]);
		ink_http_entry_put(&s->waiting[i].entry);
	}
	fflush(stdout);
	s->windows = 0;
	s->requests = 0;
}

void ink_http_scorer_line(struct ink_http_scorer *s, const char *line, size_t size)
{
	struct ink_http_entry entry;
	size_t length, n, i;
	struct json_object *o;

	if (!ink_http_entry_read(s->tokener, line, size, &entry)) {
		/* Whoever finds a way to make such lines shouldn't go unseen. */
		o = json_object_new_object();
		json_object_object_add(o, "unreadable", printable(line, size < 256 ? size : 256));
		print(o);
		return;
	}
	length = ink_http_text(&entry.request, s->text);
	n = ink_http_windows(length);
	if (s->windows + n > BATCH)
		ink_http_scorer_flush(s);
	s->waiting[s->requests++] = (struct waiting){ entry, s->windows };
	for (i = 0; i < n; i++) {
		s->inputs[s->windows].head.n = INK_HTTP_TOKENS;
		ink_http_window(s->text, length, i, s->inputs[s->windows++].tokens);
	}
}

void ink_http_scorer_end(struct ink_http_scorer *s)
{
	ink_http_scorer_flush(s);
	io_uring_queue_exit(&s->ring);
	ink_session_close(s->session);
	json_tokener_free(s->tokener);
	free(s);
}
