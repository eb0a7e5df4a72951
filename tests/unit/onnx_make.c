// SPDX-License-Identifier: GPL-2.0-only
/*
 * ONNX files made by tests.
 *
 * What lives here: see onnx_make.h. What doesn't: any test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "onnx_make.h"

#define MOST		256	/* of initializers, inputs of a node, ... */
#define MOST_NODES	8192
#define MOST_OWNED	65536

struct om {
	Inkonnx__Model model;
	Inkonnx__Graph graph;
	Inkonnx__OperatorSetId opset;
	Inkonnx__ValueInfo input;
	Inkonnx__Type type;
	Inkonnx__TensorType tensor;
	Inkonnx__TensorShape shape;
	Inkonnx__Dimension dim[2];
	struct Inkonnx__Dimension *dims[2];
	struct Inkonnx__OperatorSetId *opsets[1];
	struct Inkonnx__ValueInfo *inputs[4];
	struct Inkonnx__ValueInfo *outputs[MOST];
	struct Inkonnx__Node *nodes[MOST_NODES];
	struct Inkonnx__Tensor *tensors[MOST];
	struct Inkonnx__StringStringEntry *meta[MOST];
	void *owned[MOST_OWNED];
	size_t n_owned;
};

static void *own(struct om *m, size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p || m->n_owned == sizeof(m->owned) / sizeof(m->owned[0]))
		abort();
	m->owned[m->n_owned++] = p;
	return p;
}

static char *own_text(struct om *m, const char *s)
{
	return strcpy(own(m, strlen(s) + 1, 1), s);
}

struct om *om_new(int64_t opset, const char *input, int64_t width)
{
	struct om *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	inkonnx__model__init(&m->model);
	inkonnx__graph__init(&m->graph);
	inkonnx__operator_set_id__init(&m->opset);
	inkonnx__value_info__init(&m->input);
	inkonnx__type__init(&m->type);
	inkonnx__tensor_type__init(&m->tensor);
	inkonnx__tensor_shape__init(&m->shape);
	inkonnx__dimension__init(&m->dim[0]);
	inkonnx__dimension__init(&m->dim[1]);
	m->model.has_ir_version = 1;
	m->model.ir_version = 8;
	m->model.graph = &m->graph;
	m->opset.has_version = 1;
	m->opset.version = opset;
	m->opsets[0] = &m->opset;
	m->model.opset_import = m->opsets;
	m->model.n_opset_import = 1;
	m->model.metadata_props = m->meta;
	m->graph.name = "graph";
	m->graph.node = m->nodes;
	m->graph.initializer = m->tensors;
	m->graph.output = m->outputs;
	m->input.name = own_text(m, input);
	m->inputs[0] = &m->input;
	m->graph.input = m->inputs;
	m->graph.n_input = 1;
	if (!width)
		return m;
	m->input.type = &m->type;
	m->type.tensor_type = &m->tensor;
	m->tensor.has_elem_type = 1;
	m->tensor.elem_type = 1;
	m->tensor.shape = &m->shape;
	m->dim[0].dim_param = "N";
	m->dim[1].has_dim_value = 1;
	m->dim[1].dim_value = width;
	m->dims[0] = &m->dim[0];
	m->dims[1] = &m->dim[1];
	m->shape.dim = m->dims;
	m->shape.n_dim = 2;
	return m;
}

void om_tokens(struct om *m, int64_t length)
{
	m->tensor.elem_type = 7;
	m->dim[0].dim_param = NULL;
	m->dim[0].has_dim_value = 1;
	m->dim[0].dim_value = 1;
	m->dim[1].has_dim_value = length > 0;
	m->dim[1].dim_value = length;
	m->dim[1].dim_param = length ? NULL : "T";
}

void om_input(struct om *m, const char *name)
{
	Inkonnx__ValueInfo *v = own(m, 1, sizeof(*v));

	inkonnx__value_info__init(v);
	v->name = own_text(m, name);
	m->inputs[m->graph.n_input++] = v;
}

void om_free(struct om *m)
{
	while (m->n_owned)
		free(m->owned[--m->n_owned]);
	free(m);
}

Inkonnx__Model *om_model(struct om *m)
{
	return &m->model;
}

static Inkonnx__Tensor *tensor(struct om *m, const char *name, int type, size_t n_dims)
{
	Inkonnx__Tensor *t = own(m, 1, sizeof(*t));

	inkonnx__tensor__init(t);
	t->name = own_text(m, name);
	t->has_data_type = 1;
	t->data_type = type;
	t->n_dims = n_dims;
	t->dims = own(m, 2, sizeof(*t->dims));
	if (m->graph.n_initializer == MOST)
		abort();
	m->tensors[m->graph.n_initializer++] = t;
	return t;
}

Inkonnx__Tensor *om_const(struct om *m, const char *name, int64_t rows, int64_t cols,
			  const float *data)
{
	Inkonnx__Tensor *t = tensor(m, name, 1, cols ? 2 : rows ? 1 : 0);

	t->dims[0] = rows;
	t->dims[1] = cols;
	t->n_float_data = (rows ? rows : 1) * (cols ? cols : 1);
	t->float_data = own(m, t->n_float_data, sizeof(float));
	memcpy(t->float_data, data, t->n_float_data * sizeof(float));
	return t;
}

Inkonnx__Tensor *om_ints(struct om *m, const char *name, int type, size_t n, const int64_t *data)
{
	Inkonnx__Tensor *t = tensor(m, name, type, n ? 1 : 0);
	size_t i;

	t->dims[0] = n;
	n = n ? n : 1;
	if (type == 7) {
		t->n_int64_data = n;
		t->int64_data = own(m, n, sizeof(int64_t));
		memcpy(t->int64_data, data, n * sizeof(int64_t));
		return t;
	}
	t->has_raw_data = 1;
	t->raw_data.len = n;
	t->raw_data.data = own(m, n, 1);
	for (i = 0; i < n; i++)
		t->raw_data.data[i] = (uint8_t)data[i];
	return t;
}

void om_raw(struct om *m, const char *name, int type, int64_t rows, int64_t cols, const void *data,
	    size_t bytes)
{
	Inkonnx__Tensor *t = tensor(m, name, type, cols ? 2 : 1);

	t->dims[0] = rows;
	t->dims[1] = cols;
	t->has_raw_data = 1;
	t->raw_data.len = bytes;
	t->raw_data.data = own(m, bytes, 1);
	memcpy(t->raw_data.data, data, bytes);
}

static char **split(struct om *m, const char *list, size_t *n)
{
	char **to = own(m, MOST, sizeof(*to));
	const char *end;

	for (*n = 0; list; list = *end ? end + 1 : NULL) {
		end = list + strcspn(list, ",");
		to[*n] = own(m, end - list + 1, 1);
		memcpy(to[(*n)++], list, end - list);
	}
	return to;
}

Inkonnx__Node *om_node(struct om *m, const char *op, const char *in, const char *out)
{
	Inkonnx__Node *n = own(m, 1, sizeof(*n));

	inkonnx__node__init(n);
	n->op_type = own_text(m, op);
	n->name = own(m, strlen(out) + 8, 1);
	sprintf(n->name, "make_%s", out);
	if (in)
		n->input = split(m, in, &n->n_input);
	n->output = split(m, out, &n->n_output);
	n->attribute = own(m, 8, sizeof(*n->attribute));
	if (m->graph.n_node == MOST_NODES)
		abort();
	m->nodes[m->graph.n_node++] = n;
	return n;
}

static Inkonnx__Attribute *attribute(struct om *m, const char *name, int type)
{
	Inkonnx__Node *n = m->nodes[m->graph.n_node - 1];
	Inkonnx__Attribute *a = own(m, 1, sizeof(*a));

	inkonnx__attribute__init(a);
	a->name = own_text(m, name);
	a->has_type = 1;
	a->type = type;
	n->attribute[n->n_attribute++] = a;
	return a;
}

Inkonnx__Attribute *om_int(struct om *m, const char *name, int64_t v)
{
	Inkonnx__Attribute *a = attribute(m, name, 2);

	a->has_i = 1;
	a->i = v;
	return a;
}

void om_float(struct om *m, const char *name, float v)
{
	Inkonnx__Attribute *a = attribute(m, name, 1);

	a->has_f = 1;
	a->f = v;
}

void om_int_list(struct om *m, const char *name, size_t n, const int64_t *v)
{
	Inkonnx__Attribute *a = attribute(m, name, 7);

	a->n_ints = n;
	a->ints = own(m, n, sizeof(*v));
	memcpy(a->ints, v, n * sizeof(*v));
}

void om_reshape(struct om *m, const char *in, const char *out, size_t n, const int64_t *dims)
{
	char list[96], shape[48];

	snprintf(shape, sizeof(shape), "%s_shape", out);
	snprintf(list, sizeof(list), "%s,%s", in, shape);
	om_ints(m, shape, 7, n, dims);
	om_node(m, "Reshape", list, out);
}

void om_transpose(struct om *m, const char *in, const char *out, size_t n, const int64_t *perm)
{
	om_node(m, "Transpose", in, out);
	om_int_list(m, "perm", n, perm);
}

void om_output(struct om *m, const char *name)
{
	Inkonnx__ValueInfo *v = own(m, 1, sizeof(*v));

	inkonnx__value_info__init(v);
	v->name = own_text(m, name);
	m->outputs[m->graph.n_output++] = v;
}

void om_meta(struct om *m, const char *key, const char *value)
{
	Inkonnx__StringStringEntry *e = own(m, 1, sizeof(*e));

	inkonnx__string_string_entry__init(e);
	e->key = own_text(m, key);
	e->value = own_text(m, value);
	m->meta[m->model.n_metadata_props++] = e;
}

uint8_t *om_pack(struct om *m, size_t *size)
{
	uint8_t *p;

	*size = inkonnx__model__get_packed_size(&m->model);
	p = malloc(*size ? *size : 1);
	if (!p)
		abort();
	inkonnx__model__pack(&m->model, p);
	return p;
}

static char *files[256];
static unsigned int n_files;

static void remove_files(void)
{
	while (n_files) {
		unlink(files[--n_files]);
		free(files[n_files]);
	}
}

const char *om_file(struct om *m)
{
	char *path = strdup("/tmp/ink-test-XXXXXX.onnx");
	int fd = path ? mkstemps(path, 5) : -1;
	size_t size;
	uint8_t *p = om_pack(m, &size);

	if (fd < 0 || write(fd, p, size) != (ssize_t)size || n_files == 256)
		abort();
	close(fd);
	free(p);
	if (!n_files)
		atexit(remove_files);
	files[n_files++] = path;
	return path;
}

void om_random(float *v, size_t n, uint32_t seed)
{
	uint64_t x = seed, z;
	size_t i;

	/* splitmix64: neighbouring seeds give unrelated numbers */
	for (i = 0; i < n; i++) {
		z = x += 0x9e3779b97f4a7c15ull;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ z >> 27) * 0x94d049bb133111ebull;
		v[i] = (float)((double)((z ^ z >> 31) >> 40) / (1 << 23) - 1);
	}
}

void om_weights(struct om *m, const char *name, int64_t rows, int64_t cols, float scale,
		uint32_t seed)
{
	int64_t i, n = rows * (cols ? cols : 1);
	float *v = malloc(n * sizeof(*v));

	if (!v)
		abort();
	om_random(v, n, seed);
	for (i = 0; i < n; i++)
		v[i] *= scale;
	om_const(m, name, rows, cols, v);
	free(v);
}
