// SPDX-License-Identifier: GPL-2.0-only
/*
 * libinkling around the engine: files, schemas, verdicts, failures.
 *
 * What lives here: tests of what needs no kernel module. What doesn't: the
 * verifier's rules and the operators, which have tests of their own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <nettle/sha2.h>
#include "inkling.h"
#include "models.h"

static void test_schema_id(void **state)
{
	struct inkling_feature f[2] = { { .name = "a", .decimals = 3 }, { .name = "b" } };
	struct inkling_name n[1] = { { "x" } };
	struct sha256_ctx ctx;
	uint8_t digest[32];
	uint64_t id = 0;
	int i;

	f[1].kind = INKLING_FEATURE_CATEGORY;
	f[1].n_names = 1;
	sha256_init(&ctx);
	sha256_update(&ctx, sizeof(f), (const uint8_t *)f);
	sha256_update(&ctx, sizeof(n), (const uint8_t *)n);
	sha256_digest(&ctx, 32, digest);
	for (i = 7; i >= 0; i--)
		id = id << 8 | digest[i];
	assert_true(ink_schema_id(f, 2, n, 1) == id);
	f[0].decimals = 2;
	assert_false(ink_schema_id(f, 2, n, 1) == id);
	/* Of nothing: the first eight bytes of e3b0c44298fc1c14... */
	assert_true(ink_schema_id(NULL, 0, NULL, 0) == 0x141cfc9842c4b0e3ull);
}

static void test_schema_of_models(void **state)
{
	struct image img = model_image(MODEL_FLOW);
	struct ink_model *m = ink_model_open_image(img.p, img.size);
	const struct inkling_header *h;

	assert_non_null(m);
	h = ink_model_header(m);
	assert_true(ink_schema_id(ink_model_features(m), h->n_features, ink_model_names(m),
				  h->n_names) == h->schema);
	ink_model_close(m);
	image_free(&img);
}

/* The library adds nothing to what the engine computes. */
static void test_run(void **state)
{
	struct image img = model_image(MODEL_FLOW);
	struct ink_model *m = ink_model_open_image(img.p, img.size);
	struct ink_why why;
	struct ink_graph *g = ink_graph_parse(img.p, img.size, &why);
	struct ink_plan *plan = ink_plan_build(g, INK_ISA_SCALAR, &why);
	void *arena = ink_port_zalloc(plan->arena_size);
	struct inkling_verdict v;
	int32_t in[3], score;
	int16_t a[3], b[3];
	uint32_t i, seed = 1;

	assert_non_null(m);
	assert_int_equal(ink_model_input_size(m), sizeof(in));
	assert_int_equal(ink_model_output_size(m), sizeof(a));
	for (i = 0; i < 5000; i++) {
		seed = seed * 1664525 + 1013904223;
		in[0] = (int32_t)seed >> (seed & 31);
		seed = seed * 1664525 + 1013904223;
		in[1] = (int32_t)seed >> (seed & 31);
		in[2] = (int32_t)(seed >> 16) % 5 - 1;
		assert_int_equal(ink_model_run(m, in, sizeof(in), a, sizeof(a)), 0);
		ink_plan_run(plan, INK_ISA_SCALAR, arena, in, b);
		assert_memory_equal(a, b, sizeof(a));
		ink_model_verdict(m, a, 1000, &v);
		assert_int_equal(v.class, ink_plan_verdict(plan, b, 1000, &score));
		assert_int_equal(v.score, score);
		assert_int_equal(v.score, 32768 - a[0]);
	}
	ink_port_free(arena);
	ink_plan_free(plan);
	ink_graph_free(g);
	ink_model_close(m);
	image_free(&img);
}

static void test_run_sizes(void **state)
{
	struct image img = model_image(MODEL_FLOW);
	struct ink_model *m = ink_model_open_image(img.p, img.size);
	uint8_t buf[64] = { 0 };

	assert_int_equal(ink_model_run(m, buf, 11, buf, 6), -EINVAL);
	assert_int_equal(ink_model_run(m, buf, 12, buf, 7), -EINVAL);
	assert_non_null(strstr(ink_failure_last()->text, "12"));
	ink_model_close(m);
	image_free(&img);
}

static void test_isa(void **state)
{
	struct image img = model_image(MODEL_FLOW);
	struct ink_model *m = ink_model_open_image(img.p, img.size);

	assert_int_equal(ink_model_isa_set(m, "scalar"), 0);
	assert_string_equal(ink_model_isa(m), "scalar");
	assert_int_equal(ink_model_isa_set(m, "mmx"), -EINVAL);
	assert_string_equal(ink_model_isa(m), "scalar");
	if (ink_isa_best() != INK_ISA_SCALAR) {
		assert_int_equal(ink_model_isa_set(m, ink_isa_name(ink_isa_best())), 0);
		assert_string_equal(ink_model_isa(m), ink_isa_name(ink_isa_best()));
	}
	ink_model_close(m);
	image_free(&img);
}

static void test_refused(void **state)
{
	struct image img = model_image(MODEL_FLOW);

	image_op(&img, FLOW_DENSE2)->opcode = 999;
	ink_image_seal(img.p, img.size);
	assert_null(ink_model_open_image(img.p, img.size));
	assert_int_equal(errno, EBADMSG);
	assert_string_equal(ink_failure_last()->rule, ink_rule_name(INK_RULE_OPCODE));
	assert_int_equal(ink_failure_last()->op, FLOW_DENSE2);
	assert_int_equal(ink_failure_last()->value, 999);
	assert_true(strlen(ink_failure_last()->text) > 0);
	image_free(&img);

	assert_null(ink_model_open_image("", 0));
	assert_int_equal(errno, EBADMSG);
	assert_null(ink_model_open_image("", INKLING_MAX_IMAGE + 1));
	assert_int_equal(errno, EFBIG);
}

static char path[] = "/tmp/ink-test-lib-XXXXXX";

static void test_files(void **state)
{
	struct image img = model_image(MODEL_MIX);
	struct ink_model *m;
	const void *image;
	size_t size;
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(img.p, 1, img.size, f), img.size);
	assert_int_equal(fclose(f), 0);
	m = ink_model_open(path);
	assert_non_null(m);
	image = ink_model_image(m, &size);
	assert_int_equal(size, img.size);
	assert_memory_equal(image, img.p, size);
	/* What was verified doesn't change with the file. */
	assert_int_equal(truncate(path, 0), 0);
	assert_memory_equal(image, img.p, size);
	ink_model_close(m);
	image_free(&img);

	assert_null(ink_model_open(path));	/* empty now */
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(truncate(path, INKLING_MAX_IMAGE + 1l), 0);
	assert_null(ink_model_open(path));
	assert_int_equal(errno, EFBIG);
	assert_null(ink_model_open("/nonexistent"));
	assert_int_equal(errno, ENOENT);
	assert_null(ink_model_open("/tmp"));
	assert_null(ink_model_open("/dev/null"));
	assert_int_equal(errno, EINVAL);
}

static void test_without_module(void **state)
{
	/* Where the module is loaded these are the selftests' business. */
	if (access("/sys/module/inkling", F_OK) == 0)
		skip();
	assert_null(ink_session_open("a", INK_DEFAULTS));
	assert_int_equal(errno, ENODEV);
	assert_non_null(strstr(ink_failure_last()->hint, "modprobe"));
	assert_null(ink_session_open("a", 1));
	assert_int_equal(errno, EINVAL);
	assert_null(ink_session_open("", INK_DEFAULTS));
	assert_null(ink_session_open("0123456789abcdef0123456789abcdef", INK_DEFAULTS));
	assert_int_equal(errno, EINVAL);
}

/* A session whose model runs in this process: the same outputs and verdicts, no commands. */
static void test_in_process(void **state)
{
	struct image img = model_image(MODEL_FLOW);
	struct ink_session_options o = { .buffer_size = 5000, .model = path };
	struct ink_model *m = ink_model_open_image(img.p, img.size);
	int32_t in[3][3] = { { 1, 2, 3 }, { -5, 70000, 12 }, { 1 << 30, -1, 0 } };
	struct inkling_verdict v[3], one;
	struct inkling_info info;
	struct ink_session *s;
	int16_t out[3][3], single[3];
	size_t size, i;
	FILE *f;

	if (access("/sys/module/inkling", F_OK) == 0)
		skip();
	f = fopen(path, "we");
	assert_true(f && fwrite(img.p, img.size, 1, f) == 1 && !fclose(f));
	s = ink_session_open_with("a", &o);
	assert_non_null(s);
	assert_true(ink_session_in_process(s) && ink_session_fd(s) < 0);
	assert_true(ink_session_buffer(s, &size) && size == 8192);
	assert_ptr_equal(ink_session_buffer(s, NULL), ink_session_buffer(s, &size));
	assert_int_equal(ink_session_info(s, &info), 0);
	assert_true(info.input_size == 12 && info.output_size == 6 && info.n_classes == 3 &&
		    info.schema == ink_model_header(m)->schema);
	assert_int_equal(ink_session_run_batch(s, 3, in, 12, out, 6, v), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(ink_model_run(m, in[i], 12, single, 6), 0);
		assert_memory_equal(single, out[i], 6);
		ink_model_verdict(m, single, ink_model_header(m)->threshold, &one);
		assert_true(one.class == v[i].class && one.score == v[i].score);
		assert_true(v[i].action == INKLING_ACTION_PASS && v[i].mode == INKLING_MODE_MONITOR);
	}
	assert_int_equal(ink_session_verdict(s, in[1], 12, &one), 0);
	assert_int_equal(one.score, v[1].score);
	assert_int_equal(ink_session_run(s, in, 11, single, 6), -EINVAL);
	assert_int_equal(ink_session_prep(s, NULL, 0, 64, 1, 0), -EOPNOTSUPP);
	assert_non_null(strstr(ink_failure_last()->hint, "ink_session_run_batch"));
	ink_session_close(s);

	/* A file that isn't a model is the file's failure. */
	o.model = "/dev/null";
	assert_null(ink_session_open_with("a", &o));
	assert_int_equal(errno, EINVAL);
	o = (struct ink_session_options){ .buffer_size = INKLING_BUFFER_MAX + 1ul };
	assert_null(ink_session_open_with("a", &o));
	assert_int_equal(errno, E2BIG);
	ink_model_close(m);
	image_free(&img);
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 || close(fd);
}

static int teardown(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_id),
		cmocka_unit_test(test_schema_of_models),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_run_sizes),
		cmocka_unit_test(test_isa),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_without_module),
		cmocka_unit_test(test_in_process),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
