// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer: onnxruntime, called through the library that npm's onnxruntime-node brings.
 *
 * What lives here: a session with one thread and all optimisations, whose tensors are made once over
 * our memory, so that only Run() is in the loop. What doesn't: the model (ort_model.c).
 *
 * INKLING_ONNXRUNTIME in the environment names the library; tests/bench/run fetches it.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "nets.h"
#include "ort_api.h"

struct ort {
	const ort_function *api;
	struct ort_env *env;
	struct ort_options *options;
	struct ort_session *session;
	struct ort_memory *memory;
	struct ort_value *in, *out;
	uint8_t *data;
	char out_name[16];
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

static bool make_session(struct ort *s, const struct net *net, uint32_t batch, const char **why)
{
	size_t size;
	void *model = ort_model(net, batch, &size);
	bool bad;

	bad = failed(s, CALL(s, ort_create_env, ORT_CREATE_ENV)(ORT_WARNING, "bench", &s->env), why) ||
	      failed(s, CALL(s, ort_create_options, ORT_CREATE_SESSION_OPTIONS)(&s->options), why) ||
	      failed(s, CALL(s, ort_set_number, ORT_SET_INTRA_OP_THREADS)(s->options, 1), why) ||
	      failed(s, CALL(s, ort_set_number, ORT_SET_GRAPH_OPTIMIZATION_LEVEL)(s->options,
										  ORT_ENABLE_ALL), why) ||
	      failed(s, CALL(s, ort_create_session, ORT_CREATE_SESSION_FROM_ARRAY)(s->env, model, size,
										   s->options, &s->session),
		     why);
	free(model);
	return !bad;
}

static bool make_tensor(struct ort *s, void *data, uint32_t batch, uint32_t n, struct ort_value **to,
			const char **why)
{
	const int64_t shape[] = { batch, n };

	return !failed(s, CALL(s, ort_create_tensor, ORT_CREATE_TENSOR_WITH_DATA)(s->memory, data,
			(size_t)batch * n, shape, 2, ORT_UINT8, to), why);
}

static bool make_tensors(struct ort *s, const struct net *net, uint32_t batch, int8_t *out,
			 const char **why)
{
	uint32_t n = net->layer[0].n;
	size_t i;

	s->data = malloc((size_t)n * batch);
	for (i = 0; i < (size_t)n * batch; i++)
		s->data[i] = (uint8_t)(net->in[i] + 128);
	snprintf(s->out_name, sizeof(s->out_name), "x%u", net->layers);
	return !failed(s, CALL(s, ort_create_memory, ORT_CREATE_CPU_MEMORY_INFO)(ORT_ARENA_ALLOCATOR,
			ORT_MEMORY_DEFAULT, &s->memory), why) &&
	       make_tensor(s, s->data, batch, n, &s->in, why) &&
	       make_tensor(s, out, batch, net->layer[net->layers - 1].m, &s->out, why);
}

static void ort_peer_run(void *self)
{
	struct ort *s = self;
	const char *const in_name = "x0", *const out_name = s->out_name;
	const struct ort_value *const in = s->in;
	struct ort_status *status;

	status = CALL(s, ort_run, ORT_RUN)(s->session, NULL, &in_name, &in, 1, &out_name, 1, &s->out);
	if (status) {
		fprintf(stderr, "bench: onnxruntime: %s\n",
			CALL(s, ort_get_error_message, ORT_GET_ERROR_MESSAGE)(status));
		exit(1);
	}
}

static void ort_peer_close(void *self)
{
	struct ort *s = self;

	CALL(s, ort_release, ORT_RELEASE_VALUE)(s->out);
	CALL(s, ort_release, ORT_RELEASE_VALUE)(s->in);
	CALL(s, ort_release, ORT_RELEASE_MEMORY_INFO)(s->memory);
	CALL(s, ort_release, ORT_RELEASE_SESSION)(s->session);
	CALL(s, ort_release, ORT_RELEASE_SESSION_OPTIONS)(s->options);
	CALL(s, ort_release, ORT_RELEASE_ENV)(s->env);
	free(s->data);
	free(s);
}

static void *ort_peer_open(const struct net *net, uint32_t batch, int8_t *out, const char **why)
{
	const ort_function *api = load(why);
	struct ort *s;

	if (!api)
		return NULL;
	s = calloc(1, sizeof(*s));
	s->api = api;
	if (make_session(s, net, batch, why) && make_tensors(s, net, batch, out, why))
		return s;
	ort_peer_close(s);
	return NULL;
}

const struct contender peer_ort = {
	.name = "onnxruntime u8s8", .biased = true, .open = ort_peer_open, .run = ort_peer_run,
	.close = ort_peer_close,
};
