// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parts of the compiler of models of tokens: layouts and samples.
 *
 * What lives here: layouts that are reshaped, turned and cut at random, against
 * arrays of which the same is done; text files with a sample a line. What
 * doesn't: compiling (test_compile_seq.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "onnx_make.h"
#include "seq_layout.h"
#include "tokens.h"

static void read_text(const char *content, enum ink_tokens_form form, size_t most,
		      struct ink_samples *s, struct ink_diag *why)
{
	char path[] = "/tmp/ink-test-XXXXXX";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
	memset(why, 0, sizeof(*why));
	ink_samples_read(path, form, most, s, why);
	unlink(path);
}

static void test_samples(void **state)
{
	struct ink_samples s;
	struct ink_diag why;

	read_text("ab\r\n\n\xff\nlast", INK_TOKENS_BYTES, 100, &s, &why);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.longest, 4);
	assert_int_equal(ink_samples_length(&s, 0), 2);
	assert_int_equal(s.tokens[0], 'a' + 1);
	assert_int_equal(s.tokens[2], 256);
	ink_samples_free(&s);

	read_text("1,2 3\n 65535\t\n", INK_TOKENS_IDS, 100, &s, &why);
	assert_int_equal(s.n, 2);
	assert_int_equal(ink_samples_length(&s, 0), 3);
	assert_int_equal(s.tokens[3], 65535);
	ink_samples_free(&s);

	read_text("a\nbb\nccc\ndddd\n", INK_TOKENS_BYTES, 2, &s, &why);
	assert_int_equal(s.n, 2);
	assert_int_equal(ink_samples_length(&s, 1), 3);
	assert_int_equal(s.tokens[1], 'c' + 1);
	assert_int_equal(s.longest, 3);
	ink_samples_free(&s);

	read_text("7\n1 65536\n", INK_TOKENS_IDS, 100, &s, &why);
	assert_non_null(strstr(why.text, "line 2: \"65536\" isn't a token"));
	ink_samples_free(&s);
	read_text("\n\n", INK_TOKENS_BYTES, 100, &s, &why);
	assert_non_null(strstr(why.text, "there are no samples"));
	ink_samples_free(&s);
}

/* An array whose element at row r, column c is r * 100 + c, and a layout of it. */
struct tracked {
	struct ink_layout l;
	uint32_t rank;
	size_t dims[INK_ONNX_MAX_RANK];
	uint32_t v[256];
};

static void check_tracked(const struct tracked *t)
{
	size_t dims[INK_ONNX_MAX_RANK], n = 1, i, rest;
	uint32_t d, k, row, col;

	assert_int_equal(t->l.rank, t->rank);
	ink_layout_dims(&t->l, dims);
	for (d = 0; d < t->rank; d++) {
		assert_int_equal(dims[d], t->dims[d]);
		n *= dims[d];
	}
	for (i = 0; i < n; i++) {
		row = t->l.row;
		col = t->l.col;
		for (d = t->rank, rest = i; d-- > 0;)
			for (k = t->l.dim[d].n; k-- > 0;) {
				const struct ink_piece *p = &t->l.dim[d].piece[k];

				*(p->axis == INK_AXIS_ROW ? &row : &col) +=
					(uint32_t)(rest % p->size) * p->stride;
				rest /= p->size;
			}
		assert_int_equal(row * 100 + col, t->v[i]);
	}
}

static void permute_tracked(struct tracked *t, const uint32_t *perm)
{
	struct tracked from = *t;
	size_t n = 1, i, rest, at, step[INK_ONNX_MAX_RANK];
	uint32_t d;

	for (d = t->rank; d-- > 0; n *= from.dims[d])
		step[d] = n;
	for (d = 0; d < t->rank; d++)
		t->dims[d] = from.dims[perm[d]];
	for (i = 0; i < n; i++) {
		for (d = t->rank, rest = i, at = 0; d-- > 0; rest /= t->dims[d])
			at += rest % t->dims[d] * step[perm[d]];
		t->v[i] = from.v[at];
	}
	ink_layout_permute(&t->l, perm);
}

static void cut_tracked(struct tracked *t, uint32_t axis, size_t from, size_t n, unsigned int *cuts)
{
	struct ink_onnx_cut cut;
	struct ink_layout l = t->l;
	size_t outer = 1, inner = 1, i, k, at = 0;
	uint32_t d;

	for (d = 0; d < t->rank; d++) {
		cut.from[d] = d == axis ? (int64_t)from : 0;
		cut.step[d] = 1;
		cut.dims[d] = d == axis ? n : t->dims[d];
		*(d < axis ? &outer : &inner) *= d == axis ? 1 : t->dims[d];
	}
	/* Some cuts of joined dimensions can't be said; what is said has to be right. */
	if (!ink_layout_cut(&l, &cut))
		return;
	for (i = 0; i < outer; i++)
		for (k = 0; k < n * inner; k++)
			t->v[at++] = t->v[i * t->dims[axis] * inner + from * inner + k];
	t->dims[axis] = n;
	t->l = l;
	(*cuts)++;
}

/* Reshaping, turning and cutting at random. */
static void test_layouts(void **state)
{
	static const size_t shapes[][4] = {
		{ 1, 6, 24, 1 }, { 6, 2, 3, 4 }, { 6, 4, 6, 1 }, { 1, 6, 3, 8 }, { 2, 3, 12, 2 },
	};
	unsigned int cuts = 0, reshapes = 0;
	uint32_t i, k, step;
	float r[64];

	for (i = 0; i < 400; i++) {
		struct tracked t = { .l = ink_layout_matrix(6, 24), .rank = 3, .dims = { 1, 6, 24 } };

		for (k = 0; k < 144; k++)
			t.v[k] = k / 24 * 100 + k % 24;
		om_random(r, 64, 77 * i + 3);
		for (step = 0; step < 6; step++) {
			uint32_t what = (uint32_t)((r[4 * step] + 1) * 1.4999f), perm[4] = { 0, 1, 2, 3 };
			uint32_t a = (uint32_t)((r[4 * step + 1] + 1) / 2 * (t.rank - 0.01f));
			uint32_t b = (uint32_t)((r[4 * step + 2] + 1) / 2 * (t.rank - 0.01f));
			size_t n = 1;

			for (k = 0; k < t.rank; k++)
				n *= t.dims[k];
			if (what == 0) {
				const size_t *to = shapes[(uint32_t)((r[4 * step + 3] + 1) * 2.4999f)];
				struct ink_layout l = t.l;

				if (n != 144 || !ink_layout_reshape(&l, 4, to))
					continue;
				t.l = l;
				t.rank = 4;
				memcpy(t.dims, to, 4 * sizeof(*to));
				reshapes++;
			} else if (what == 1) {
				perm[a] = b;
				perm[b] = a;
				permute_tracked(&t, perm);
			} else if (t.dims[a] > 1 && step > 2) {
				cut_tracked(&t, a, t.dims[a] / 2, t.dims[a] / 2, &cuts);
			}
			check_tracked(&t);
		}
	}
	print_message("%u reshapes, %u cuts\n", reshapes, cuts);
	assert_true(reshapes > 100 && cuts > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_layouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
