// SPDX-License-Identifier: GPL-2.0-only
/*
 * onnxruntime, called through the library that npm's onnxruntime-node brings. See ort.h.
 *
 * What lives here: a session with one thread and all optimisations, whose tensors are made once over
 * our memory, so that only Run() is in the loop. What doesn't: models (ort_model.c, ort_encoder.c).
 *
 * INKLING_ONNXRUNTIME in the environment names the library; tests/bench/run fetches it.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "ort.h"
#include "ort_api.h"

struct ort {
	const ort_function *api;
	struct ort_env *env;
	struct ort_options *options;
	struct ort_session *session;
	struct ort_memory *memory;
	struct ort_value *in, *out;
	const char *in_name, *out_name;
};

#define CALL(s, type, which) ((type)(s)->api[which])

/* Keeps the first reason. */
static bool failed(struct ort *s, struct ort_status *status, const char **why)
{
	static char text[200];

	if (!status)
		return false;
	snprintf(text, sizeof(text), "%s",
		 CALL(s, ort_get_error_message, ORT_GET_ERROR_MESSAGE)(status));
	CALL(s, ort_release, ORT_RELEASE_STATUS)(status);
	*why = text;
	return true;
}

static const ort_function *load(const char **why)
{
	const char *path = getenv("INKLING_ONNXRUNTIME");
	const struct ort_base *(*get_base)(void);
	void *library;

	if (!path || !*path) {
		*why = "INKLING_ONNXRUNTIME names no library";
		return NULL;
	}
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		*why = dlerror();
		return NULL;
	}
	*(void **)&get_base = dlsym(library, "OrtGetApiBase");
	if (!get_base) {
		*why = "it has no OrtGetApiBase()";
		return NULL;
	}
	return get_base()->get_api(1);
}

static bool make_session(struct ort *s, const void *model, size_t size, const char **why)
{
	return !(failed(s, CALL(s, ort_create_env, ORT_CREATE_ENV)(ORT_WARNING, "bench", &s->env), why) ||
		 failed(s, CALL(s, ort_create_options, ORT_CREATE_SESSION_OPTIONS)(&s->options), why) ||
		 failed(s, CALL(s, ort_set_number, ORT_SET_INTRA_OP_THREADS)(s->options, 1), why) ||
		 failed(s, CALL(s, ort_set_number, ORT_SET_GRAPH_OPTIMIZATION_LEVEL)(s->options,
										     ORT_ENABLE_ALL), why) ||
		 failed(s, CALL(s, ort_create_session, ORT_CREATE_SESSION_FROM_ARRAY)(s->env, model, size,
										      s->options, &s->session),
			why) ||
		 failed(s, CALL(s, ort_create_memory, ORT_CREATE_CPU_MEMORY_INFO)(ORT_ARENA_ALLOCATOR,
				ORT_MEMORY_DEFAULT, &s->memory), why));
}

static bool make_tensor(struct ort *s, const struct ort_tensor *t, struct ort_value **to, const char **why)
{
	return !failed(s, CALL(s, ort_create_tensor, ORT_CREATE_TENSOR_WITH_DATA)(s->memory, t->data,
			t->size, t->shape, t->dims, t->type, to), why);
}

void ort_run_once(void *self)
{
	struct ort *s = self;
	const struct ort_value *const in = s->in;
	struct ort_status *status;

	status = CALL(s, ort_run, ORT_RUN)(s->session, NULL, &s->in_name, &in, 1, &s->out_name, 1, &s->out);
	if (status) {
		fprintf(stderr, "bench: onnxruntime: %s\n",
			CALL(s, ort_get_error_message, ORT_GET_ERROR_MESSAGE)(status));
		exit(1);
	}
}

void ort_close(void *self)
{
	struct ort *s = self;

	CALL(s, ort_release, ORT_RELEASE_VALUE)(s->out);
	CALL(s, ort_release, ORT_RELEASE_VALUE)(s->in);
	CALL(s, ort_release, ORT_RELEASE_MEMORY_INFO)(s->memory);
	CALL(s, ort_release, ORT_RELEASE_SESSION)(s->session);
	CALL(s, ort_release, ORT_RELEASE_SESSION_OPTIONS)(s->options);
	CALL(s, ort_release, ORT_RELEASE_ENV)(s->env);
	free(s);
}

struct ort *ort_open(const void *model, size_t size, const struct ort_tensor *in,
		     const struct ort_tensor *out, const char **why)
{
	const ort_function *api = load(why);
	struct ort *s;

	if (!api)
		return NULL;
	s = calloc(1, sizeof(*s));
	s->api = api;
	s->in_name = in->name;
	s->out_name = out->name;
	if (make_session(s, model, size, why) && make_tensor(s, in, &s->in, why) &&
	    make_tensor(s, out, &s->out, why))
		return s;
	ort_close(s);
	return NULL;
}
