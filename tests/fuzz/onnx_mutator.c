// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the fuzzer of the compiler makes its inputs.
 *
 * What lives here: changes to the parts of a model (operators, names,
 * attributes, shapes, numbers), since changed bytes hardly ever get past the
 * names. What doesn't: what is asked of an input (fuzz_onnx.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.pb-c.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static const char * const ops[] = {
	"Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Pow", "Relu", "LeakyRelu", "PRelu", "Clip",
	"Sigmoid", "Tanh", "Elu", "Selu", "Softplus", "Softsign", "HardSigmoid", "HardSwish", "Erf",
	"Gelu", "Abs", "Neg", "Exp", "Sqrt", "Reciprocal", "Softmax", "Concat",
	"BatchNormalization", "QuantizeLinear", "DequantizeLinear", "ReduceSum", "ReduceMean",
	"ReduceSumSquare", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout",
	"Cast", "Constant", "Transpose",
};

static const char * const attributes[] = {
	"axis", "transA", "transB", "alpha", "beta", "min", "max", "keepdims", "axes", "perm",
	"epsilon", "to", "value_float", "allowzero", "approximate",
};

#define PICK(list)	((list)[rand() % (sizeof(list) / sizeof((list)[0]))])

static void set_text(char **to, const char *text)
{
	char *copy = strdup(text ? text : "");

	if (!copy)
		abort();
	free(*to);
	*to = copy;
}

static int64_t some_integer(void)
{
	static const int64_t v[] = {
		0, 1, 2, 3, 4, 8, 16, -1, -2, 255, 1 << 24, INT32_MAX, INT64_MAX, INT64_MIN,
	};

	return PICK(v);
}

static float some_float(void)
{
	static const float v[] = {
		0, 1, -1, 0.5f, 2, 1e-3f, 1e-30f, 1e30f, 127, 128, -3.25f, 1e6f,
	};

	return PICK(v);
}

/* Any name that the graph knows. */
static const char *some_name(const Inkonnx__Graph *g)
{
	const Inkonnx__Node *n;

	switch (rand() % 3) {
	case 0:
		if (g->n_initializer)
			return g->initializer[rand() % g->n_initializer]->name;
		break;
	case 1:
		if (g->n_input)
			return g->input[rand() % g->n_input]->name;
		break;
	}
	if (!g->n_node)
		return "x";
	n = g->node[rand() % g->n_node];
	return n->n_output ? n->output[rand() % n->n_output] : "x";
}

static void *grown(void *list, size_t n, size_t size)
{
	void *p = realloc(list, (n + 1) * size);

	if (!p)
		abort();
	return p;
}

static void change_attribute(Inkonnx__Node *n)
{
	Inkonnx__Attribute *a;
	size_t i;

	if (!n->n_attribute || !(rand() % 4)) {
		a = malloc(sizeof(*a));
		n->attribute = grown(n->attribute, n->n_attribute, sizeof(*n->attribute));
		if (!a)
			abort();
		inkonnx__attribute__init(a);
		set_text(&a->name, PICK(attributes));
		n->attribute[n->n_attribute++] = a;
	}
	a = n->attribute[rand() % n->n_attribute];
	switch (rand() % 4) {
	case 0:
		a->has_i = 1;
		a->i = some_integer();
		break;
	case 1:
		a->has_f = 1;
		a->f = some_float();
		break;
	case 2:
		for (i = 0; i < a->n_ints; i++)
			a->ints[i] = some_integer();
		break;
	default:
		set_text(&a->name, PICK(attributes));
	}
}

static void change_node(Inkonnx__Graph *g)
{
	Inkonnx__Node *n = g->node[rand() % g->n_node];

	switch (rand() % 6) {
	case 0:
		set_text(&n->op_type, PICK(ops));
		break;
	case 1:
	case 2:
		if (n->n_input)
			set_text(&n->input[rand() % n->n_input], some_name(g));
		break;
	case 3:
		n->input = grown(n->input, n->n_input, sizeof(*n->input));
		n->input[n->n_input] = NULL;
		set_text(&n->input[n->n_input], some_name(g));
		n->n_input++;
		break;
	case 4:
		if (n->n_input)
			free(n->input[--n->n_input]);
		break;
	default:
		change_attribute(n);
	}
}

static void add_node(Inkonnx__Graph *g)
{
	static unsigned int count;
	Inkonnx__Node *n = malloc(sizeof(*n));
	char name[24];
	int i, inputs = 1 + rand() % 3;

	if (!n)
		abort();
	inkonnx__node__init(n);
	set_text(&n->op_type, PICK(ops));
	n->input = calloc(inputs, sizeof(*n->input));
	n->output = calloc(1, sizeof(*n->output));
	if (!n->input || !n->output)
		abort();
	for (i = 0; i < inputs; i++)
		set_text(&n->input[n->n_input++], some_name(g));
	snprintf(name, sizeof(name), "new%u", count++);
	set_text(&n->output[n->n_output++], name);
	g->node = grown(g->node, g->n_node, sizeof(*g->node));
	g->node[g->n_node++] = n;
	if (g->n_output && rand() % 2)
		set_text(&g->output[0]->name, name);
}

static void change_tensor(Inkonnx__Graph *g)
{
	Inkonnx__Tensor *t = g->initializer[rand() % g->n_initializer];
	size_t i;

	switch (rand() % 5) {
	case 0:
		if (t->n_dims)
			t->dims[rand() % t->n_dims] = some_integer();
		break;
	case 1:
		if (t->n_dims > 1) {
			int64_t d = t->dims[0];

			t->dims[0] = t->dims[1];
			t->dims[1] = d;
		}
		break;
	case 2:
		t->has_data_type = 1;
		t->data_type = rand() % 18;
		break;
	case 3:
		if (t->n_float_data)
			t->float_data[rand() % t->n_float_data] = some_float();
		else if (t->n_int64_data)
			t->int64_data[rand() % t->n_int64_data] = some_integer();
		else if (t->raw_data.len)
			t->raw_data.data[rand() % t->raw_data.len] ^= 1 << rand() % 8;
		break;
	default:
		for (i = 0; i < t->n_float_data; i++)
			t->float_data[i] *= some_float();
	}
}

static void change_model(Inkonnx__Model *m)
{
	Inkonnx__Graph *g = m->graph;

	switch (rand() % 8) {
	case 0:
	case 1:
	case 2:
		if (g->n_node)
			change_node(g);
		break;
	case 3:
	case 4:
		add_node(g);
		break;
	case 5:
		if (g->n_output)
			set_text(&g->output[0]->name, some_name(g));
		break;
	case 6:
		if (m->n_opset_import) {
			m->opset_import[0]->has_version = 1;
			m->opset_import[0]->version = 6 + rand() % 14;
		}
		break;
	default:
		if (g->n_initializer)
			change_tensor(g);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	Inkonnx__Model *m = NULL;
	size_t packed;
	int i;

	srand(seed);
	if (rand() % 8)
		m = inkonnx__model__unpack(NULL, size, data);
	if (!m || !m->graph) {
		if (m)
			inkonnx__model__free_unpacked(m, NULL);
		return LLVMFuzzerMutate(data, size, max_size);
	}
	for (i = 1 + rand() % 3; i; i--)
		change_model(m);
	packed = inkonnx__model__get_packed_size(m);
	if (packed <= max_size) {
		inkonnx__model__pack(m, data);
		size = packed;
	}
	inkonnx__model__free_unpacked(m, NULL);
	return size;
}
