// SPDX-License-Identifier: GPL-2.0-only
/*
 * The float evaluator against the public conformance cases of ONNX.
 *
 * What lives here: each case of the archive in $DATA/onnx-node whose operators
 * the importer supports has to give the expected output; the others have to be
 * refused by name. Skipped without DATA. What doesn't: models of our own, see
 * test_onnx.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "onnx_float.h"

#define CASES_LEAST	60	/* of the 108 in that archive; the others need operators we refuse */
#define TOKEN_CASES_LEAST	80

static char folder[] = "/tmp/ink-onnx-XXXXXX";

static int spawn(char *const argv[])
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : status;
}

static uint8_t *slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *p;

	if (!f)
		return NULL;
	assert_int_equal(fstat(fileno(f), &st), 0);
	*size = st.st_size;
	p = malloc(*size + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, *size, f), *size);
	fclose(f);
	return p;
}

static Inkonnx__Tensor *load_tensor(const char *name, const char *what, unsigned int i)
{
	char path[512];
	Inkonnx__Tensor *t;
	uint8_t *p;
	size_t size;

	snprintf(path, sizeof(path), "%s/%s/test_data_set_0/%s_%u.pb", folder, name, what, i);
	p = slurp(path, &size);
	if (!p)
		return NULL;
	t = inkonnx__tensor__unpack(NULL, size, p);
	free(p);
	assert_non_null(t);
	return t;
}

/*
 * The case's model with all inputs but the first as constants: what the importer takes. With
 * @tokens the first is said to be of integers, so that operators of such models are known.
 */
static uint8_t *load_model(const char *name, bool tokens, size_t *size, char *output)
{
	Inkonnx__Model *m;
	Inkonnx__Tensor *t, **list;
	char path[512];
	uint8_t *p;
	size_t i;

	snprintf(path, sizeof(path), "%s/%s/model.onnx", folder, name);
	p = slurp(path, size);
	assert_non_null(p);
	m = inkonnx__model__unpack(NULL, *size, p);
	free(p);
	assert_non_null(m);
	if (tokens)
		m->graph->input[0]->type->tensor_type->elem_type = INK_ONNX_INT64;
	for (i = 1; i < m->graph->n_input; i++) {
		t = load_tensor(name, "input", i);
		assert_non_null(t);
		free(t->name);
		t->name = strdup(m->graph->input[i]->name);
		list = realloc(m->graph->initializer,
			       (m->graph->n_initializer + 1) * sizeof(*list));
		assert_non_null(list);
		list[m->graph->n_initializer++] = t;
		m->graph->initializer = list;
	}
	snprintf(output, 64, "%s", m->graph->output[0]->name);
	*size = inkonnx__model__get_packed_size(m);
	p = malloc(*size);
	assert_non_null(p);
	inkonnx__model__pack(m, p);
	inkonnx__model__free_unpacked(m, NULL);
	return p;
}

static void compare(const char *name, const struct ink_array *got, const struct ink_array *want)
{
	size_t i;

	if (got->rank != want->rank || memcmp(got->dims, want->dims, got->rank * sizeof(size_t)))
		fail_msg("%s: another shape than expected", name);
	for (i = 0; i < got->count; i++)
		if (!(fabs(got->data[i] - want->data[i]) <= 1e-5 + 1e-4 * fabs(want->data[i])))
			fail_msg("%s: element %zu is %g, expected %g", name, i, got->data[i],
				 want->data[i]);
}

/* 1: agrees; 0: refused, with a text that names the node or the input. */
static int run_case(const char *name, bool tokens)
{
	struct ink_diag why = { 0 };
	const struct ink_array **values;
	Inkonnx__Tensor *t[2] = { load_tensor(name, "input", 0), load_tensor(name, "output", 0) };
	struct ink_array *x, *y;
	struct ink_onnx *m;
	struct ink_pool pool;
	char output[64];
	uint8_t *p;
	size_t size, rows;

	ink_pool_init(&pool, 64 << 20);
	p = load_model(name, tokens, &size, output);
	m = ink_onnx_read(p, size, output, &why);
	if (m && t[0] && t[1]) {
		x = ink_array_decode(&pool, t[0], false, "x", &why);
		y = ink_array_decode(&pool, t[1], false, "y", &why);
		values = ink_pool_alloc(&pool, m->n_values, sizeof(*values));
		if (!x || !y || !values)
			fail_msg("%s: %s", name, why.text);
		rows = x->rank > 1 ? x->dims[0] : 1;
		if (ink_onnx_run(m, x->data, rows, x->count / rows, &pool, values, &why))
			compare(name, values[m->output], y);
	}
	if (why.set && !strstr(why.text, " at node ") && !strstr(why.text, "input \"") &&
	    !strstr(why.text, "several inputs") && !strstr(why.text, "operator set") &&
	    !strstr(why.text, "output \""))
		fail_msg("%s: the refusal names nothing: %s", name, why.text);
	if (why.set)
		print_message("refused %s: %s\n", name, why.text);
	ink_onnx_free(m);
	ink_pool_free(&pool);
	free(p);
	if (t[0])
		inkonnx__tensor__free_unpacked(t[0], NULL);
	if (t[1])
		inkonnx__tensor__free_unpacked(t[1], NULL);
	return !why.set;
}

static void test_cases(void **state)
{
	const char *data = getenv("DATA");
	char archive[512];
	unsigned int agree[2] = { 0 }, all = 0, k;
	struct dirent *e;
	DIR *d;

	if (!data) {
		print_message("SKIP: DATA=DIR with onnx-node/ isn't given\n");
		skip();
	}
	snprintf(archive, sizeof(archive), "%s/onnx-node/onnx-node-tests.tar.xz", data);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(spawn((char *[]){ "tar", "-xJf", archive, "-C", folder, NULL }), 0);
	d = opendir(folder);
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		for (k = 0; k < 2; k++)
			agree[k] += run_case(e->d_name, k);
		all++;
	}
	closedir(d);
	print_message("%u cases: %u agree, of tokens %u; the others are refused\n", all, agree[0],
		      agree[1]);
	assert_true(agree[0] >= CASES_LEAST && agree[1] >= TOKEN_CASES_LEAST);
	spawn((char *[]){ "rm", "-rf", folder, NULL });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
