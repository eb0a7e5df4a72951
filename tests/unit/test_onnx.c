// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading ONNX files that are broken or hostile.
 *
 * What lives here: for each way in which a file can be wrong, one that is
 * right but for that; it has to be refused with a message that names the node
 * or tensor. What doesn't: files that are right (test_onnx_conformance.c,
 * test_compile.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "onnx_make.h"

static const float some[64] = { 0.5f, -0.25f, 1, 2, -1, 0.125f, 3, -2 };

/* x[N,4] -> Gemm -> Relu -> Gemm -> Softmax */
static struct om *good(void)
{
	struct om *m = om_new(13, "x", 4);

	om_const(m, "w0", 3, 4, some);
	om_const(m, "b0", 3, 0, some);
	om_const(m, "w1", 2, 3, some);
	om_node(m, "Gemm", "x,w0,b0", "h");
	om_int(m, "transB", 1);
	om_node(m, "Relu", "h", "r");
	om_node(m, "Gemm", "r,w1", "z");
	om_int(m, "transB", 1);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	return m;
}

static struct ink_onnx *read_model(struct om *m, struct ink_diag *why)
{
	struct ink_onnx *onnx;
	uint8_t *p, *exact;
	size_t size;

	memset(why, 0, sizeof(*why));
	p = om_pack(m, &size);
	exact = malloc(size);
	assert_non_null(exact);
	memcpy(exact, p, size);
	free(p);
	onnx = ink_onnx_read(exact, size, NULL, why);
	free(exact);
	assert_int_equal(!onnx, why->set);
	return onnx;
}

/* Read and lower; @text has to be in the refusal. Frees @m. */
static void refused(struct om *m, const char *text)
{
	struct ink_diag why;
	struct ink_onnx *onnx = read_model(m, &why);
	struct ink_net *net = NULL;

	if (onnx) {
		net = ink_net_lower(onnx, ink_onnx_width(onnx) ? ink_onnx_width(onnx) : 4, &why);
		if (net)
			ink_net_fold(net, INK_WISH_AUTO, &why);
	}
	if (!why.set)
		fail_msg("accepted, should be refused with \"%s\"", text);
	if (!strstr(why.text, text))
		fail_msg("refused with \"%s\", not with \"%s\"", why.text, text);
	ink_net_free(net);
	ink_onnx_free(onnx);
	om_free(m);
}

static void test_good(void **state)
{
	struct om *m = good();
	struct ink_diag why;
	struct ink_onnx *onnx = read_model(m, &why);
	const double x[8] = { 1, 2, 3, 4, -1, 0, 1, 0.5 };
	double *y, h[3], z[2], e;
	size_t width, i, k, r;

	if (!onnx)
		fail_msg("%s", why.text);
	assert_int_equal(ink_onnx_width(onnx), 4);
	assert_true(ink_onnx_eval(onnx, x, 2, 4, &y, &width, &why));
	assert_int_equal(width, 2);
	for (r = 0; r < 2; r++) {
		for (i = 0; i < 3; i++) {
			h[i] = some[i];
			for (k = 0; k < 4; k++)
				h[i] += some[4 * i + k] * x[4 * r + k];
			h[i] = fmax(h[i], 0);
		}
		for (i = 0; i < 2; i++)
			for (k = 0, z[i] = 0; k < 3; k++)
				z[i] += some[3 * i + k] * h[k];
		e = 1 / (1 + exp(z[0] - z[1]));
		assert_true(fabs(y[2 * r + 1] - e) < 1e-12);
	}
	free(y);
	ink_onnx_free(onnx);
	om_free(m);
}

static void test_truncated(void **state)
{
	struct om *m = good();
	size_t size, n;
	uint8_t *p = om_pack(m, &size), *cut;
	unsigned int accepted = 0;

	for (n = 0; n < size; n++) {
		struct ink_diag why = { 0 };
		struct ink_onnx *onnx;

		cut = malloc(n ? n : 1);
		assert_non_null(cut);
		memcpy(cut, p, n);
		onnx = ink_onnx_read(cut, n, NULL, &why);
		accepted += !!onnx;
		assert_int_equal(!onnx, why.set);
		ink_onnx_free(onnx);
		free(cut);
	}
	/* Metadata and opset come last: some prefix may be a whole model. */
	assert_true(accepted <= 2);
	free(p);
	om_free(m);
}

/* Each byte of the file changed in several ways: read, lowered and evaluated, or refused. */
static void test_changed(void **state)
{
	struct om *m = good();
	size_t size, at, width;
	uint8_t *p = om_pack(m, &size);
	unsigned int accepted = 0, kept = 0, k;
	const double x[4] = { 1, 2, 3, 4 };

	for (at = 0; at < size; at++) {
		for (k = 0; k < 10; k++) {
			uint8_t was = p[at];
			struct ink_diag why = { 0 };
			struct ink_onnx *onnx;
			struct ink_net *net;
			double *y = NULL;

			p[at] = k < 8 ? was ^ 1 << k : k == 8 ? 0 : 255;
			onnx = ink_onnx_read(p, size, NULL, &why);
			p[at] = was;
			if (!onnx) {
				assert_true(why.set && why.text[0]);
				continue;
			}
			accepted++;
			kept += ink_onnx_eval(onnx, x, 1, 4, &y, &width, &why);
			free(y);
			memset(&why, 0, sizeof(why));
			net = ink_net_lower(onnx, 4, &why);
			if (net)
				ink_net_fold(net, INK_WISH_AUTO, &why);
			ink_net_free(net);
			ink_onnx_free(onnx);
		}
	}
	print_message("%zu changes: %u read, %u evaluated\n", 10 * size, accepted, kept);
	assert_true(kept > 0 && accepted < 10 * size);
	free(p);
	om_free(m);
}

static void test_unsupported(void **state)
{
	struct om *m = good();

	om_model(m)->graph->node[1]->op_type = "Conv";
	refused(m, "Conv at node 1 (make_r): the operator isn't supported");
	m = good();
	om_model(m)->graph->node[1]->domain = "ai.onnx.ml";
	refused(m, "Relu at node 1 (make_r): operators of \"ai.onnx.ml\"");
	m = good();
	om_model(m)->graph->node[1]->op_type = NULL;
	refused(m, " at node 1 (make_r): the operator isn't supported");
	m = good();
	om_model(m)->opset_import[0]->version = 6;
	refused(m, "operator set 6 is too old");
	/* A control character in a name doesn't reach the terminal. */
	m = good();
	om_model(m)->graph->node[1]->op_type = "\x1b[31mConv";
	refused(m, "?[31mConv at node 1");
	/* What the output doesn't need may be anything. */
	m = good();
	om_node(m, "Conv", "x", "unused");
	{
		struct ink_diag why;
		struct ink_onnx *onnx = read_model(m, &why);

		assert_non_null(onnx);
		ink_onnx_free(onnx);
		om_free(m);
	}
}

static void test_names(void **state)
{
	struct om *m = good();

	om_model(m)->graph->node[1]->input[0] = "nobody";
	refused(m, "Relu at node 1 (make_r) reads \"nobody\", which nothing makes");
	m = good();
	om_node(m, "Relu", "x", "h");
	refused(m, "value \"h\" is made twice");
	m = good();
	om_node(m, "Relu", "h", "x");
	refused(m, "value \"x\" is made twice");
	m = good();
	om_model(m)->graph->output[0]->name = "nothing";
	refused(m, "no node makes the output \"nothing\"");
	m = good();
	om_output(m, "r");
	refused(m, "the graph has 2 outputs, the first is \"p\"");
	m = good();
	om_model(m)->graph->n_output = 0;
	refused(m, "the graph has no output");
	m = good();
	om_model(m)->graph->n_input = 0;
	refused(m, "the graph has no input");
	m = good();
	om_model(m)->graph = NULL;
	refused(m, "there is no graph");
	m = good();
	om_model(m)->graph->initializer[0]->name = "";
	refused(m, "initializer 0 has no name");
}

static void test_cycle(void **state)
{
	struct om *m = good();
	unsigned int i;
	char in[16], out[16];

	om_model(m)->graph->node[0]->input[0] = "r";
	refused(m, "is part of a cycle");
	m = good();
	om_model(m)->graph->node[1]->input[0] = "r";
	refused(m, "Relu at node 1 (make_r) is part of a cycle");
	/* A long chain needs no stack. */
	m = om_new(13, "x", 4);
	for (i = 0; i < 4096; i++) {
		snprintf(in, sizeof(in), i ? "v%u" : "x", i);
		snprintf(out, sizeof(out), "v%u", i + 1);
		om_node(m, "Relu", in, out);
	}
	om_output(m, "v4096");
	{
		struct ink_diag why;
		struct ink_onnx *onnx = read_model(m, &why);
		struct ink_net *net;

		if (!onnx)
			fail_msg("%s", why.text);
		net = ink_net_lower(onnx, 4, &why);
		assert_non_null(net);
		ink_net_free(net);
		ink_onnx_free(onnx);
	}
	om_node(m, "Relu", "x", "w");
	refused(m, "the graph has 4097 nodes");
}

static void test_order(void **state)
{
	struct om *m = good();
	struct Inkonnx__Node **n = om_model(m)->graph->node, *swap = n[0];
	struct ink_diag why;
	struct ink_onnx *onnx;

	/* Nodes in another order are no error: names say what comes first. */
	n[0] = n[3];
	n[3] = swap;
	onnx = read_model(m, &why);
	if (!onnx)
		fail_msg("%s", why.text);
	assert_string_equal(onnx->nodes[0].pb->op_type, "Gemm");
	assert_string_equal(onnx->nodes[3].pb->op_type, "Softmax");
	ink_onnx_free(onnx);
	om_free(m);
}

static Inkonnx__Tensor *first_tensor(struct om *m)
{
	return om_model(m)->graph->initializer[0];
}

static void test_tensors(void **state)
{
	static Inkonnx__StringStringEntry entry = INKONNX__STRING_STRING_ENTRY__INIT;
	static Inkonnx__StringStringEntry *entries[1] = { &entry };
	struct om *m = good();
	int64_t dims[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };

	first_tensor(m)->float_data[5] = NAN;
	refused(m, "tensor \"w0\": element 5 is not a number");
	m = good();
	first_tensor(m)->float_data[11] = INFINITY;
	refused(m, "tensor \"w0\": element 11 is infinite");
	m = good();
	first_tensor(m)->dims[0] = 4;
	refused(m, "tensor \"w0\": 12 numbers, its shape needs 16");
	m = good();
	first_tensor(m)->dims[0] = -3;
	refused(m, "tensor \"w0\": dimension 0 is -3");
	m = good();
	first_tensor(m)->dims[0] = INT64_MAX;
	refused(m, "tensor \"w0\": dimension 0 is 9223372036854775807");
	m = good();
	first_tensor(m)->dims[0] = 1 << 23;
	first_tensor(m)->dims[1] = 1 << 23;
	refused(m, "tensor \"w0\" has more than 16777216 elements");
	m = good();
	first_tensor(m)->dims[0] = 0;
	refused(m, "tensor \"w0\" has no elements");
	m = good();
	first_tensor(m)->data_type = 8;
	refused(m, "tensor \"w0\": element type 8 isn't supported");
	m = good();
	first_tensor(m)->has_data_location = 1;
	first_tensor(m)->data_location = 1;
	refused(m, "tensor \"w0\": its data lie in another file");
	m = good();
	first_tensor(m)->external_data = entries;
	first_tensor(m)->n_external_data = 1;
	refused(m, "tensor \"w0\": its data lie in another file");
	m = good();
	first_tensor(m)->has_raw_data = 1;
	first_tensor(m)->raw_data.data = (uint8_t *)dims;
	first_tensor(m)->raw_data.len = 47;
	refused(m, "tensor \"w0\": 47 bytes of data, its shape needs 48");
	m = good();
	first_tensor(m)->dims = dims;
	first_tensor(m)->n_dims = 9;
	refused(m, "tensor \"w0\" has 9 dimensions");
}

static void test_shapes(void **state)
{
	struct om *m = good();

	om_model(m)->graph->node[0]->n_attribute = 0;	/* transB */
	refused(m, "Gemm at node 0 (make_h): shapes 5x4 and 3x4 don't fit");
	m = good();
	om_model(m)->graph->node[0]->input[2] = "w1";
	refused(m, "Gemm at node 0 (make_h)");
	m = good();
	om_int(m, "axis", 7);
	refused(m, "Softmax at node 3 (make_p): axis 7 of 2 dimensions");
	m = good();
	om_int(m, "axis", 0);
	refused(m, "Softmax at node 3 (make_p): it is of a part of the row");
	m = good();
	om_int(m, "axis", 1)->has_i = 0;
	om_model(m)->graph->node[3]->attribute[0]->type = 1;
	refused(m, "Softmax at node 3 (make_p): attribute axis isn't an integer");
	m = good();
	om_model(m)->graph->input[0]->type->tensor_type->elem_type = 7;
	refused(m, "input \"x\" has element type 7, not float");
	m = good();
	om_model(m)->graph->input[0]->type->tensor_type->shape->dim[1]->dim_value = INT64_MAX;
	refused(m, "input \"x\": dimension 1 is 9223372036854775807");
	m = good();
	om_model(m)->graph->node[1]->n_input = 0;
	refused(m, "Relu at node 1 (make_r) has 0 inputs");
}

/* Squares of squares: a few nodes that would need more memory than there is. */
static void test_bombs(void **state)
{
	static float zeros[4096];
	struct om *m = om_new(13, "x", 4);
	char in[32], out[16];
	int i;

	om_const(m, "c0", 1, 4, some);
	for (i = 0; i < 30; i++) {
		snprintf(in, sizeof(in), "c%d,c%d", i, i);
		snprintf(out, sizeof(out), "c%d", i + 1);
		om_node(m, "Concat", in, out);
		om_int(m, "axis", 1);
	}
	om_node(m, "Add", "x,c30", "y");
	om_output(m, "y");
	refused(m, "has more than 16777216 elements");

	m = om_new(13, "x", 4);
	om_const(m, "a", 4096, 1, zeros);
	om_const(m, "b", 1, 4096, zeros);
	om_node(m, "MatMul", "a,b", "big");
	om_node(m, "MatMul", "big,big", "bigger");
	om_node(m, "Add", "x,bigger", "y");
	om_output(m, "y");
	refused(m, "multiplications in all");

	m = om_new(13, "x", 4);
	om_const(m, "w", 4, 4, some);
	for (i = 0; i < 3000; i++) {
		snprintf(in, sizeof(in), i ? "v%d,w" : "x,w", i);
		snprintf(out, sizeof(out), "v%d", i + 1);
		om_node(m, "MatMul", in, out);
	}
	om_output(m, "v3000");
	{
		struct ink_diag why;
		struct ink_onnx *onnx = read_model(m, &why);
		struct ink_net *net = ink_net_lower(onnx, 4, &why);

		assert_non_null(net);
		if (!ink_net_fold(net, INK_WISH_AUTO, &why))
			print_message("%s\n", why.text);
		ink_net_free(net);
		ink_onnx_free(onnx);
		om_free(m);
	}
}

static void huge_refused(const uint8_t *p, size_t size, const char *text)
{
	struct ink_diag why = { 0 };

	assert_null(ink_onnx_read(p, size, NULL, &why));
	if (!strstr(why.text, text))
		fail_msg("refused with \"%s\", not with \"%s\"", why.text, text);
}

/* A varint of four bytes. */
static void put_length(uint8_t *p, size_t n)
{
	int i;

	for (i = 0; i < 4; i++)
		p[i] = (n >> 7 * i & 0x7f) | (i < 3 ? 0x80 : 0);
}

static void test_huge(void **state)
{
	const size_t size = 8 << 20;
	uint8_t *p = calloc(1, size);
	size_t i;

	assert_non_null(p);
	huge_refused(p, (64 << 20) + 1, "67108865 bytes; an ONNX file may have 1 to 64 MiB");
	huge_refused(p, 0, "0 bytes");
	/* Four million empty nodes: refused before they fill the memory. */
	p[0] = 7 << 3 | 2;
	put_length(p + 1, size - 5);
	for (i = 5; i + 1 < size; i += 2)
		p[i] = 1 << 3 | 2;
	p[size - 1] = 0;
	huge_refused(p, size - 1, "not an ONNX model");
	/* A length that goes far beyond the end. */
	memset(p + 1, 0xff, 9);
	p[10] = 1;
	huge_refused(p, 64, "not an ONNX model");
	/* Fields that ONNX doesn't have are skipped. */
	memset(p, 0, size);
	p[0] = 0x78;
	huge_refused(p, 2, "there is no graph");
	free(p);
}

/* What can't be expressed as vectors is refused by the lowering, by node. */
static void test_lowering(void **state)
{
	static const int64_t perm[2] = { 1, 0 }, flat[1] = { -1 };
	struct om *m;

	m = good();
	om_node(m, "Transpose", "p", "t");
	om_int_list(m, "perm", 2, perm);
	om_model(m)->graph->output[0]->name = "t";
	refused(m, "Transpose at node 4 (make_t)");
	m = good();
	om_ints(m, "flat", 7, 1, flat);
	om_node(m, "Reshape", "p,flat", "t");
	om_model(m)->graph->output[0]->name = "t";
	refused(m, "Reshape at node 4 (make_t): its first dimension isn't the batch");
	/* A vector of weights leaves one number of each row: a softmax is across the batch. */
	m = good();
	om_model(m)->opset_import[0]->version = 11;
	om_model(m)->graph->node[2]->op_type = "MatMul";
	om_model(m)->graph->node[2]->input[1] = "b0";
	om_model(m)->graph->node[2]->n_attribute = 0;
	refused(m, "Softmax at node 3 (make_p): it is of a part of the row");
	m = good();
	om_node(m, "MatMul", "w0,x", "t");
	om_model(m)->graph->output[0]->name = "t";
	refused(m, "MatMul at node 4 (make_t)");
}

/* So is what only makes sense at the end, and arithmetic that isn't of one vector. */
static void test_lowering_ends(void **state)
{
	struct om *m;

	m = good();
	om_node(m, "Softmax", "p", "t");
	om_model(m)->graph->output[0]->name = "t";
	refused(m, "Softmax at node 3 (make_p): a softmax is supported only as the output");
	m = good();
	om_node(m, "ReduceSum", "r", "t");
	om_model(m)->graph->output[0]->name = "t";
	refused(m, "ReduceSum at node 4 (make_t): its first dimension isn't the batch");
	m = good();
	om_node(m, "ReduceMean", "r", "t");
	om_int_list(m, "axes", 1, (const int64_t[]){ 1 });
	om_model(m)->graph->output[0]->name = "t";
	refused(m, "ReduceMean at node 4 (make_t): it isn't of squared differences");
	m = good();
	om_node(m, "Div", "h,r", "t");
	om_model(m)->graph->output[0]->name = "t";
	om_node(m, "Relu", "x", "unused");
	{
		/* h / relu(h) is a formula of one vector, which is fine. */
		struct ink_diag why;
		struct ink_onnx *onnx = read_model(m, &why);
		struct ink_net *net = ink_net_lower(onnx, 4, &why);

		assert_true(net && ink_net_fold(net, INK_WISH_AUTO, &why));
		ink_net_free(net);
		ink_onnx_free(onnx);
		om_free(m);
	}
	m = good();
	om_const(m, "w2", 4, 3, some);
	om_node(m, "MatMul", "x,w2", "g");
	om_node(m, "Div", "h,g", "t");
	om_model(m)->graph->output[0]->name = "t";
	refused(m, "Div at node 5 (make_t): divides one vector by another");
	m = om_new(13, "x", 4);
	om_node(m, "Identity", "x", "y");
	om_output(m, "y");
	refused(m, "its output is its input");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_changed), cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_names), cmocka_unit_test(test_cycle),
		cmocka_unit_test(test_order), cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_shapes), cmocka_unit_test(test_bombs), cmocka_unit_test(test_huge),
		cmocka_unit_test(test_lowering), cmocka_unit_test(test_lowering_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
