/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of onnxruntime's C interface as the bench calls.
 *
 * What lives here: the places of functions in its table. npm's package has the
 * library without the header; the table is the same in all versions, which
 * only append to it, so that numbers and signatures of its version 1 do. What
 * doesn't: a declaration that isn't used.
 */
#ifndef INK_BENCH_ORT_API_H
#define INK_BENCH_ORT_API_H

#include <stddef.h>
#include <stdint.h>

struct ort_env;
struct ort_status;
struct ort_session;
struct ort_options;
struct ort_memory;
struct ort_value;

/* Of GetApi(1): OrtApi, whose members are functions throughout. */
enum {
	ORT_GET_ERROR_MESSAGE = 2,
	ORT_CREATE_ENV = 3,
	ORT_CREATE_SESSION_FROM_ARRAY = 8,
	ORT_RUN = 9,
	ORT_CREATE_SESSION_OPTIONS = 10,
	ORT_SET_GRAPH_OPTIMIZATION_LEVEL = 23,
	ORT_SET_INTRA_OP_THREADS = 24,
	ORT_CREATE_TENSOR_WITH_DATA = 49,
	ORT_CREATE_CPU_MEMORY_INFO = 69,
	ORT_RELEASE_ENV = 92,
	ORT_RELEASE_STATUS = 93,
	ORT_RELEASE_MEMORY_INFO = 94,
	ORT_RELEASE_SESSION = 95,
	ORT_RELEASE_VALUE = 96,
	ORT_RELEASE_SESSION_OPTIONS = 100,
};

enum {
	ORT_WARNING = 2,		/* OrtLoggingLevel */
	ORT_ENABLE_ALL = 99,		/* GraphOptimizationLevel */
	ORT_ARENA_ALLOCATOR = 1,	/* OrtAllocatorType */
	ORT_MEMORY_DEFAULT = 0,		/* OrtMemType */
	ORT_UINT8 = 2,			/* ONNXTensorElementDataType */
};

typedef void (*ort_function)(void);

/* What OrtGetApiBase() returns: OrtApiBase. */
struct ort_base {
	const ort_function *(*get_api)(uint32_t version);
	const char *(*get_version)(void);
};

typedef const char *(*ort_get_error_message)(const struct ort_status *);
typedef struct ort_status *(*ort_create_env)(int level, const char *id, struct ort_env **);
typedef struct ort_status *(*ort_create_options)(struct ort_options **);
typedef struct ort_status *(*ort_set_number)(struct ort_options *, int);
typedef struct ort_status *(*ort_create_session)(const struct ort_env *, const void *model, size_t size,
						 const struct ort_options *, struct ort_session **);
typedef struct ort_status *(*ort_create_memory)(int allocator, int type, struct ort_memory **);
typedef struct ort_status *(*ort_create_tensor)(const struct ort_memory *, void *data, size_t size,
						const int64_t *shape, size_t dims, int type,
						struct ort_value **);
typedef struct ort_status *(*ort_run)(struct ort_session *, const void *run_options,
				      const char *const *in_names, const struct ort_value *const *in,
				      size_t n_in, const char *const *out_names, size_t n_out,
				      struct ort_value **out);
typedef void (*ort_release)(void *);

#endif /* INK_BENCH_ORT_API_H */
