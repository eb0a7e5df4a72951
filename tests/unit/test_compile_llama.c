// SPDX-License-Identifier: GPL-2.0-only
/*
 * Language models: checkpoints that are refused, images that say what the
 * checkpoint says, states, and the choice of tokens.
 *
 * What lives here: tests on small random models. What doesn't: operators
 * (test_exact.c), real checkpoints (tests/bench, inkling compile's report).
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "image_builder.h"
#include "internal.h"
#include "llama_make.h"
#include "llama_quant.h"
#include "llama_report.h"
#include "lm.h"

/* Reading this file has to fail, and to say @text. */
static void refused(const void *data, size_t size, const char *text)
{
	char *path = llama_file(data, size);
	struct ink_diag why = { 0 };
	struct ink_llama m;

	assert_false(ink_llama_is(path));
	assert_false(ink_llama_read(&m, path, &why));
	if (!strstr(why.text, text))
		fail_msg("\"%s\" doesn't say \"%s\"", why.text, text);
	ink_llama_free(&m);
	unlink(path);
	free(path);
}

static void test_checkpoint(void **state)
{
	int32_t unshared[LLAMA_HEADER];
	struct ink_diag why = { 0 };
	struct ink_llama m;
	size_t size;
	void *data;
	char *path;

	memcpy(unshared, llama_small, sizeof(unshared));
	unshared[LLAMA_VOCABULARY] = -270;
	data = llama_checkpoint(unshared, 1, &size);
	path = llama_file(data, size);
	assert_true(ink_llama_is(path));
	assert_true(ink_llama_read(&m, path, &why));
	assert_false(m.shared);
	assert_int_equal(m.vocabulary, 270);
	assert_int_equal(m.kv, 8);
	/* The last weights of the file. */
	assert_memory_equal(m.classifier + 269 * 16, (char *)data + size - 64, 64);
	ink_llama_free(&m);
	unlink(path);
	free(path);
	free(data);
}

static void test_checkpoint_refused(void **state)
{
	static const struct {
		int at;
		int32_t value;
		const char *text;
	} headers[] = {
		{ LLAMA_DIM, 0, "dimension, 0" },
		{ LLAMA_DIM, 18, "heads, 4" },
		{ LLAMA_HIDDEN, -24, "hidden dimension, -24" },
		{ LLAMA_LAYERS, 257, "layers, 257" },
		{ LLAMA_HEADS, 16, "heads, 16" },	/* an odd number of columns each */
		{ LLAMA_GROUPS, 3, "heads of keys, 3" },
		{ LLAMA_VOCABULARY, INT32_MIN, "vocabulary" },
		{ LLAMA_VOCABULARY, 271, "fewer" },
		{ LLAMA_VOCABULARY, 269, "more" },
		{ LLAMA_CONTEXT, INT32_MAX, "context" },
	};
	int32_t value;
	size_t size, i;
	char *data = llama_checkpoint(llama_small, 1, &size);

	refused(data, 0, "too short");
	refused(data, LLAMA_HEADER * 4 - 1, "too short");
	refused(data, LLAMA_HEADER * 4, "fewer");
	refused(data, size - 1, "fewer");
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		memcpy(&value, data + 4 * headers[i].at, 4);
		memcpy(data + 4 * headers[i].at, &headers[i].value, 4);
		refused(data, size, headers[i].text);
		memcpy(data + 4 * headers[i].at, &value, 4);
	}
	free(data);
}

/* Where sizes are right only reading all of it can tell. */
static void test_checkpoint_not_a_number(void **state)
{
	const float nan = NAN;
	struct ink_diag why = { 0 };
	struct ink_llama m;
	size_t size;
	char *data = llama_checkpoint(llama_small, 1, &size), *path;

	memcpy(data + LLAMA_HEADER * 4 + 400, &nan, 4);
	path = llama_file(data, size);
	assert_true(ink_llama_is(path));
	assert_false(ink_llama_read(&m, path, &why));
	assert_non_null(strstr(why.text, "weight 100 isn't a number"));
	ink_llama_free(&m);
	unlink(path);
	free(path);
	free(data);
}

static struct ink_tokenizer *open_tokenizer(const void *data, size_t size, uint32_t vocabulary)
{
	char *path = llama_file(data, size);
	struct ink_tokenizer *t = ink_tokenizer_open(path, vocabulary);

	unlink(path);
	free(path);
	return t;
}

static void test_tokenizer(void **state)
{
	static const struct {
		const char *text;
		bool begin;
		int n;
		uint16_t tokens[8];
	} cases[] = {
		{ "", true, 1, { 1 } },
		{ "", false, 0, { 0 } },
		{ "ab", true, 2, { 1, 265 } },		/* " ab" */
		{ "ab", false, 1, { 262 } },
		{ "aba", false, 2, { 262, 260 } },	/* the better pair, not the last */
		{ "abab", false, 1, { 266 } },
		{ "ba ab", false, 2, { 263, 265 } },
		{ "\xc3\xa4", false, 1, { 267 } },
		{ "\xc3", false, 1, { 3 + 0xc3 } },	/* half of it: a byte */
		{ "z", false, 1, { 3 + 'z' } },
	};
	uint16_t tokens[64];
	char said[64];
	size_t size, i, k, n, piece;
	void *data = llama_tokenizer(&size);
	struct ink_tokenizer *t = open_tokenizer(data, size, 270);

	assert_non_null(t);
	assert_int_equal(ink_tokenizer_size(t), 270);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(tokens, 0xff, sizeof(tokens));
		n = (size_t)ink_tokenizer_encode(t, cases[i].text, strlen(cases[i].text),
						 cases[i].begin, tokens, 64);
		assert_int_equal(n, cases[i].n);
		for (k = 0; k < n; k++)
			assert_int_equal(tokens[k], cases[i].tokens[k]);
		assert_int_equal(tokens[n], 0xffff);
		for (k = piece = 0; k < n; k++) {
			const char *p = ink_tokenizer_piece(t, k ? tokens[k - 1] : 0, tokens[k], &size);

			memcpy(said + piece, p, size);
			piece += size;
		}
		assert_int_equal(piece, strlen(cases[i].text));
		assert_memory_equal(said, cases[i].text, piece);
	}
	/* No more than there is room for. */
	assert_int_equal(ink_tokenizer_encode(t, "ccc", 3, true, tokens, 2), 5);
	assert_int_equal(tokens[2], 0xffff);
	ink_tokenizer_close(t);
	free(data);
}

static void test_tokenizer_refused(void **state)
{
	size_t size;
	char *data = llama_tokenizer(&size);
	uint32_t huge = 0xfffffff0, none = 0;

	assert_null(open_tokenizer(data, size, 271));
	assert_non_null(strstr(ink_failure_last()->text, "270 tokens, the model has 271"));
	assert_null(open_tokenizer(data, size, 269));
	assert_non_null(strstr(ink_failure_last()->text, "more than the 269"));
	assert_null(open_tokenizer(data, size - 1, 270));
	assert_non_null(strstr(ink_failure_last()->text, "token 269"));
	assert_null(open_tokenizer(data, 0, 270));
	memcpy(data + 8, &huge, 4);
	assert_null(open_tokenizer(data, size, 270));
	assert_non_null(strstr(ink_failure_last()->text, "token 0"));
	memcpy(data + 8, &none, 4);
	assert_null(open_tokenizer(data, size, 270));
	assert_int_equal(ink_failure_last()->code, EINVAL);
	assert_null(ink_tokenizer_open("/nowhere", 0));
	assert_int_equal(ink_failure_last()->code, ENOENT);
	free(data);
}

/* A small checkpoint and its image, that all tests below share. */
struct fixture {
	struct ink_llama m;
	void *image;
	size_t size;
};

static int make(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct ink_card_text card = { .name = "small" };
	struct ink_llama_quant q = { .m = &f->m, .tokens = 5, .context = 32 };
	struct ink_diag why = { 0 };
	struct ink_llama_text text;
	size_t size;
	void *data = llama_checkpoint(llama_small, 7, &size);
	char *path = llama_file(data, size);

	assert_true(ink_llama_read(&f->m, path, &why));
	assert_true(ink_llama_text_make(&text, &f->m, 2000, 32, &why));
	assert_true(ink_llama_calibrate(&q, &text, 2000, NULL, NULL, &why));
	assert_true(ink_llama_quantise(&q, &why));
	assert_true(ink_llama_emit(&q, &card, &f->image, &f->size, &why));
	ink_llama_text_free(&text);
	ink_llama_quant_free(&q);
	unlink(path);
	free(path);
	free(data);
	*state = f;
	return 0;
}

static int drop(void **state)
{
	struct fixture *f = *state;

	ink_llama_free(&f->m);
	free(f->image);
	free(f);
	return 0;
}

static struct ink_model *open_model(const struct fixture *f)
{
	struct ink_model *m = ink_model_open_image(f->image, f->size);

	if (!m)
		fail_msg("%s", ink_failure_last()->text);
	return m;
}

/* On texts that the calibration hasn't seen. */
static void test_image_says_the_same(void **state)
{
	struct fixture *f = *state;
	struct ink_model *model = open_model(f);
	struct ink_llama_report r = { 0 };
	uint16_t tokens[3000];
	struct ink_llama_text text = { .tokens = tokens, .n = 3000, .bytes = 3000, .window = 32 };
	struct ink_diag why = { 0 };
	uint32_t i;

	for (i = 0; i < 3000; i++)
		tokens[i] = (uint16_t)(i * 2654435761u >> 16) % 270;
	assert_true(ink_llama_report_text(&r, &f->m, model, &text, 3000, &why));
	assert_int_equal(r.tokens, 3000);
	assert_true(fabs(r.integer - r.real) < 0.02);
	assert_true(r.top > 2850);
	ink_model_close(model);
}

static void test_states(void **state)
{
	struct ink_model *a = open_model(*state), *b = open_model(*state);
	static const uint16_t text[] = { 1, 20, 269, 5, 7, 100, 3, 33, 200, 12, 40, 41 };
	struct ink_lm one, many;
	int32_t *middle = calloc(270, sizeof(*middle));
	uint32_t i;

	assert_int_equal(ink_model_tokens(a), 5);
	assert_int_equal(ink_model_context(a), 32);
	assert_int_equal(ink_lm_init(&one, a), 0);
	assert_int_equal(ink_lm_init(&many, b), 0);
	/* One by one, and five at a time. */
	for (i = 0; i < 12; i++) {
		assert_int_equal(ink_model_position(a), i);
		assert_int_equal(ink_lm_read(&one, &text[i], 1), 0);
		if (i == 7)
			memcpy(middle, one.logits, 270 * 4);
	}
	assert_int_equal(ink_lm_read(&many, text, 12), 0);
	assert_int_equal(ink_model_position(b), 12);
	assert_memory_equal(one.logits, many.logits, 270 * 4);
	/* Back to the seventh, then the same token again. */
	assert_int_equal(ink_model_reset(b, 13), -EINVAL);
	assert_int_equal(ink_model_reset(b, 7), 0);
	assert_int_equal(ink_lm_read(&many, &text[7], 1), 0);
	assert_memory_equal(middle, many.logits, 270 * 4);
	/* From the beginning, without any of what was there. */
	assert_int_equal(ink_model_reset(b, 0), 0);
	assert_int_equal(ink_model_position(b), 0);
	assert_int_equal(ink_lm_read(&many, text, 8), 0);
	assert_memory_equal(middle, many.logits, 270 * 4);
	free(middle);
	ink_lm_free(&one);
	ink_lm_free(&many);
	ink_model_close(a);
	ink_model_close(b);
}

static void test_state_copy(void **state)
{
	struct ink_model *a = open_model(*state), *b = open_model(*state), *other;
	const struct fixture *f = *state;
	static const uint16_t text[] = { 1, 20, 269, 5, 7, 100, 3 }, next = 50;
	struct ink_lm from, to;
	char *image = malloc(f->size);
	struct inkling_header *h = (struct inkling_header *)image;

	assert_int_equal(ink_lm_init(&from, a), 0);
	assert_int_equal(ink_lm_init(&to, b), 0);
	assert_int_equal(ink_lm_read(&from, text, 7), 0);
	assert_int_equal(ink_model_state_copy(b, a, 8), -EINVAL);
	assert_int_equal(ink_model_state_copy(a, a, 0), -EINVAL);
	assert_int_equal(ink_model_state_copy(b, a, 0), 0);
	assert_int_equal(ink_model_position(b), 7);
	assert_int_equal(ink_lm_read(&from, &next, 1), 0);
	assert_int_equal(ink_lm_read(&to, &next, 1), 0);
	assert_memory_equal(from.logits, to.logits, 270 * 4);
	/* A prefix goes on by itself. */
	assert_int_equal(ink_model_state_copy(b, a, 3), 0);
	assert_int_equal(ink_lm_read(&to, &text[3], 4), 0);
	assert_int_equal(ink_lm_read(&to, &next, 1), 0);
	assert_memory_equal(from.logits, to.logits, 270 * 4);
	/* Another image, though of the same shape. */
	memcpy(image, f->image, f->size);
	image[h->section[INKLING_SEC_CARD].offset] = 'S';
	ink_image_seal(image, f->size);
	other = ink_model_open_image(image, f->size);
	assert_non_null(other);
	assert_int_equal(ink_model_state_copy(other, a, 0), -EINVAL);
	ink_model_close(other);
	free(image);
	ink_lm_free(&from);
	ink_lm_free(&to);
	ink_model_close(a);
	ink_model_close(b);
}

static void test_state_limits(void **state)
{
	struct ink_model *m = open_model(*state);
	struct {
		struct inkling_sequence head;
		uint16_t tokens[5];
		uint16_t pad;
	} in = { .tokens = { 1, 2, 3, 4, 5 } };
	size_t size = sizeof(in.head) + sizeof(in.tokens);
	int32_t *out = calloc(270, sizeof(*out));
	uint32_t i;

	assert_int_equal(ink_model_input_size(m), size);
	assert_int_equal(ink_model_run(m, &in, size - 1, out, 1080), -EINVAL);
	assert_int_equal(ink_model_run(m, &in, size, out, 1080), -EINVAL);
	assert_non_null(strstr(ink_failure_last()->text, "0 tokens"));
	in.head.n = 6;
	assert_int_equal(ink_model_run(m, &in, size, out, 1080), -EINVAL);
	assert_int_equal(ink_model_position(m), 0);
	in.head.n = 5;
	for (i = 0; i < 6; i++)
		assert_int_equal(ink_model_run(m, &in, size, out, 1080), 0);
	in.head.n = 3;
	assert_int_equal(ink_model_run(m, &in, size, out, 1080), -ENOSPC);
	assert_non_null(strstr(ink_failure_last()->text, "3 tokens after 30: the model holds 32"));
	in.head.n = 2;
	assert_int_equal(ink_model_run(m, &in, size, out, 1080), 0);
	in.head.n = 1;
	assert_int_equal(ink_model_run(m, &in, size, out, 1080), -ENOSPC);
	/* Several at once go one after the other, and end where there's no room. */
	assert_int_equal(ink_model_reset(m, 31), 0);
	assert_int_equal(ink_model_run_batch(m, 1, &in, size, out, 1080), 0);
	assert_int_equal(ink_model_run_batch(m, 1, &in, size, out, 1080), -ENOSPC);
	free(out);
	ink_model_close(m);
}

/* Shares of tokens among many choices, beside the softmax that they stand for. */
static void test_choice(void **state)
{
	struct ink_model *m = open_model(*state);
	struct ink_choice choice = { .seed = 3 };
	uint32_t count[270] = { 0 }, i, k, top;
	const uint16_t first = 1;
	struct ink_lm lm;
	double p, sum;

	assert_int_equal(ink_lm_init(&lm, m), 0);
	assert_int_equal(ink_lm_read(&lm, &first, 1), 0);
	assert_int_equal(ink_lm_temperature(&lm, 0, &choice), 0);
	top = ink_sample(lm.logits, 270, &choice, 0);
	for (i = 0; i < 270; i++)
		assert_true(lm.logits[i] <= lm.logits[top]);
	assert_int_equal(ink_lm_temperature(&lm, 700, &choice), 0);
	for (i = 0; i < 100000; i++)
		count[ink_sample(lm.logits, 270, &choice, i)]++;
	for (sum = i = 0; i < 270; i++)
		sum += exp(((double)lm.logits[i] - lm.logits[top]) * lm.unit / 0.7);
	for (i = 0; i < 270; i++) {
		p = exp(((double)lm.logits[i] - lm.logits[top]) * lm.unit / 0.7) / sum;
		/* Five times what chance does, and a little for small counts. */
		assert_true(fabs(count[i] - 1e5 * p) < 5 * sqrt(1e5 * p) + 5);
	}
	/* Two of them only; and the same again for the same seed. */
	choice.top_k = 2;
	memset(count, 0, sizeof(count));
	for (i = 0; i < 1000; i++) {
		k = ink_sample(lm.logits, 270, &choice, i);
		assert_int_equal(k, ink_sample(lm.logits, 270, &choice, i));
		count[k]++;
	}
	for (k = i = 0; i < 270; i++)
		k += count[i] > 0;
	assert_int_equal(k, 2);
	assert_true(count[top] >= 500 - 80);
	ink_lm_free(&lm);
	ink_model_close(m);
}

static void test_no_language_model(void **state)
{
	const struct fixture *f = *state;
	struct ink_model *m;
	struct ink_lm lm;
	char *image = malloc(f->size);
	struct inkling_header *h = (struct inkling_header *)image;

	/* What its logits are worth isn't known. */
	memcpy(image, f->image, f->size);
	((struct inkling_tensor *)(image + h->section[INKLING_SEC_TENSORS].offset))[h->output].scale = 0;
	ink_image_seal(image, f->size);
	m = ink_model_open_image(image, f->size);
	assert_non_null(m);
	assert_int_equal(ink_lm_init(&lm, m), -EOPNOTSUPP);
	ink_lm_free(&lm);
	ink_model_close(m);
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checkpoint),
		cmocka_unit_test(test_checkpoint_refused),
		cmocka_unit_test(test_checkpoint_not_a_number),
		cmocka_unit_test(test_tokenizer),
		cmocka_unit_test(test_tokenizer_refused),
		cmocka_unit_test(test_image_says_the_same),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_state_copy),
		cmocka_unit_test(test_state_limits),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_no_language_model),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
