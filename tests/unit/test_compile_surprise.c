// SPDX-License-Identifier: GPL-2.0-only
/*
 * Language models that tell how surprising tokens are, and the one that is shipped.
 *
 * What lives here: images with a head for anomalies, texts of numbers, lm-tiny's
 * greedy text. What doesn't: checkpoints, states (test_compile_llama.c).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "internal.h"
#include "llama_make.h"
#include "llama_quant.h"
#include "llama_report.h"
#include "lm.h"

/* A small checkpoint as an image that tells how surprising a window is, which has no states. */
static void test_windows(void **state)
{
	const struct ink_card_text card = { .name = "small" };
	struct ink_llama m;
	struct ink_llama_quant q = { .m = &m, .tokens = 9, .context = 9, .anomaly = true,
				     .threshold = 12 << 16 };
	struct ink_llama_report r = { 0 };
	struct ink_llama_text text;
	struct ink_diag why = { 0 };
	struct ink_model *model;
	size_t size;
	void *image, *data = llama_checkpoint(llama_small, 7, &size);
	char *path = llama_file(data, size);

	assert_true(ink_llama_read(&m, path, &why));
	assert_true(ink_llama_text_make(&text, &m, 2000, 8, &why));
	assert_true(ink_llama_calibrate(&q, &text, 2000, NULL, NULL, &why));
	assert_true(ink_llama_quantise(&q, &why));
	assert_true(ink_llama_emit(&q, &card, &image, &size, &why));
	model = ink_model_open_image(image, size);
	assert_non_null(model);
	assert_int_equal(ink_model_context(model), 0);
	assert_int_equal(ink_model_header(model)->head, INKLING_HEAD_ANOMALY);
	assert_int_equal(ink_model_header(model)->threshold, 12 << 16);
	/* 250 windows, the last one short. */
	assert_true(ink_llama_report_windows(&r, &m, model, &text, 1997, &why));
	assert_int_equal(r.tokens, 1997);
	assert_true(r.real > 1 && fabs(r.integer - r.real) < 0.01);
	assert_true(r.gap > 0 && r.gap < 0.1);
	ink_model_close(model);
	free(image);
	ink_llama_text_free(&text);
	ink_llama_quant_free(&q);
	ink_llama_free(&m);
	unlink(path);
	free(path);
	free(data);
}

static void test_numbers(void **state)
{
	static const char numbers[] = "1 20,269\n\n5\n";
	char *path = llama_file(numbers, sizeof(numbers) - 1);
	const uint16_t want[] = { 1, 20, 269, 5 };
	struct ink_diag why = { 0 };
	struct ink_llama_text text;

	assert_true(ink_llama_text_ids(&text, path, 270, 8, &why));
	assert_int_equal(text.n, 4);
	assert_memory_equal(text.tokens, want, sizeof(want));
	ink_llama_text_free(&text);
	assert_false(ink_llama_text_ids(&text, path, 269, 8, &why));
	assert_non_null(strstr(why.text, "token 269, the model has 269"));
	ink_llama_text_free(&text);
	unlink(path);
	free(path);
}

/* The shipped model says the same on every machine. */
static void test_shipped_text(void **state)
{
	static const char prompt[] = "Once upon a time", want[] =
		", there was a big, red ball. The ball was very pretty. The ball was very happy.";
	struct ink_model *m = ink_model_open("models/lm-tiny.ink");
	struct ink_tokenizer *t = ink_tokenizer_open("models/lm-tiny.tok", 0);
	const struct ink_choice likeliest = { 0 };
	char said[sizeof(want) + 256] = "";
	size_t n = 0, size;
	uint16_t tokens[64], next;
	struct ink_lm lm;
	int read;

	assert_non_null(m);
	assert_non_null(t);
	assert_int_equal(ink_lm_init(&lm, m), 0);
	assert_int_equal(ink_tokenizer_size(t), lm.vocabulary);
	read = ink_tokenizer_encode(t, prompt, strlen(prompt), true, tokens, 64);
	assert_in_range(read, 2, 64);
	assert_int_equal(ink_lm_read(&lm, tokens, (size_t)read), 0);
	while (n < sizeof(want) - 1) {
		const char *piece;

		next = (uint16_t)ink_sample(lm.logits, lm.vocabulary, &likeliest, 0);
		piece = ink_tokenizer_piece(t, 0, next, &size);
		assert_true(size);
		memcpy(said + n, piece, size);
		n += size;
		assert_int_equal(ink_lm_read(&lm, &next, 1), 0);
	}
	said[sizeof(want) - 1] = 0;
	assert_string_equal(said, want);
	ink_lm_free(&lm);
	ink_tokenizer_close(t);
	ink_model_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_shipped_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
