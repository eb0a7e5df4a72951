// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading an ONNX file.
 *
 * What lives here: the file as protocol buffers, names resolved to values,
 * nodes put in order (cycles found), and constant sub-graphs evaluated. What
 * doesn't: numbers (onnx_tensor.c), looking at what was read (onnx_access.c),
 * and what operators compute (onnx_float.c).
 * The file is hostile: its size, its counts and all memory it makes us use are
 * bounded, and no message contains itself (onnx.proto), so nothing recurses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "onnx_float.h"
#include "onnx_graph.h"

#define UNPACK_SLACK	((size_t)16 << 20)

struct name {
	const char *name;
	uint32_t value;
};

struct reader {
	struct ink_onnx *model;
	const Inkonnx__Graph *graph;
	struct ink_onnx_node *all;	/* in the file's order */
	uint32_t n_all;
	struct name *names;		/* sorted */
	uint32_t n_names;
	uint8_t *state;			/* of a node: see order_nodes() */
	uint32_t *order;
	uint32_t n_order;
	struct ink_diag *why;
};

static void *pb_alloc(void *pool, size_t size)
{
	return ink_pool_alloc(pool, 1, size);
}

static void pb_free(void *pool, void *p)
{
	/* The pool is freed as a whole. */
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static uint32_t name_find(const struct reader *r, const char *name)
{
	struct name key = { .name = name };
	struct name *hit = bsearch(&key, r->names, r->n_names, sizeof(key), name_cmp);

	return hit ? hit->value : INK_ONNX_NONE;
}

static bool no_memory(struct ink_diag *why)
{
	return ink_fail(why, "the model needs more than %zu MiB of memory",
			INK_ONNX_MAX_MEMORY >> 20);
}

static bool check_header(struct reader *r)
{
	const Inkonnx__Model *pb = r->model->pb;
	size_t i;

	r->graph = pb->graph;
	if (!r->graph)
		return ink_fail(r->why, "not an ONNX model: there is no graph in it");
	for (i = 0; i < pb->n_opset_import; i++)
		if (!pb->opset_import[i]->domain || !pb->opset_import[i]->domain[0] ||
		    !strcmp(pb->opset_import[i]->domain, "ai.onnx"))
			r->model->opset = pb->opset_import[i]->version;
	if (r->model->opset < 7)
		return ink_fail(r->why, "operator set %lld is too old", (long long)r->model->opset) ||
		       ink_hint(r->why, "export with opset_version 13 or later; 7 is the least");
	if (r->graph->n_sparse_initializer)
		return ink_fail(r->why, "sparse initializers aren't supported") ||
		       ink_hint(r->why, "save the weights as dense tensors");
	if (!r->graph->n_node || r->graph->n_node > INK_ONNX_MAX_NODES)
		return ink_fail(r->why, "the graph has %zu nodes; allowed are 1 to %u",
				r->graph->n_node, INK_ONNX_MAX_NODES);
	return true;
}

static bool value_add(struct reader *r, const char *name, const Inkonnx__Tensor *t, uint32_t node)
{
	struct ink_onnx *m = r->model;

	if (m->n_values >= INK_ONNX_MAX_VALUES)
		return ink_fail(r->why, "the graph has more than %u values", INK_ONNX_MAX_VALUES);
	m->values[m->n_values++] = (struct ink_onnx_value){
		.name = name, .initializer = t, .producer = node,
	};
	return true;
}

/* Everything that makes a value: initializers, inputs that aren't one, nodes. */
static bool collect_values(struct reader *r)
{
	struct ink_onnx *m = r->model;
	const Inkonnx__Graph *g = r->graph;
	size_t i, j, n = g->n_initializer + g->n_input;
	uint32_t k;

	for (i = 0; i < g->n_node; i++)
		n += g->node[i]->n_output;
	if (n > INK_ONNX_MAX_VALUES)
		return ink_fail(r->why, "the graph has %zu values; at most %u are supported", n,
				INK_ONNX_MAX_VALUES);
	m->values = ink_pool_alloc(&m->pool, n, sizeof(*m->values));
	r->names = ink_pool_alloc(&m->pool, n, sizeof(*r->names));
	if (!m->values || !r->names)
		return no_memory(r->why);
	for (i = 0; i < g->n_initializer; i++)
		if (!value_add(r, g->initializer[i]->name, g->initializer[i], INK_ONNX_NONE))
			return false;
	for (i = 0; i < g->n_node; i++)
		for (j = 0; j < g->node[i]->n_output; j++)
			if (g->node[i]->output[j][0] &&
			    !value_add(r, g->node[i]->output[j], NULL, i))
				return false;
	for (k = 0; k < m->n_values; k++) {
		if (!m->values[k].name || !m->values[k].name[0])
			return ink_fail(r->why, "initializer %u has no name", k);
		r->names[r->n_names++] = (struct name){ m->values[k].name, k };
	}
	qsort(r->names, r->n_names, sizeof(*r->names), name_cmp);
	for (k = 1; k < r->n_names; k++)
		if (!name_cmp(&r->names[k - 1], &r->names[k]))
			return ink_fail(r->why, "value \"%s\" is made twice",
					ink_onnx_value_name(m, r->names[k].value));
	return true;
}

/* The shape that the file declares for the input; dimensions that aren't given are free. */
static bool input_shape(struct reader *r, const Inkonnx__ValueInfo *info)
{
	const Inkonnx__TensorType *t = info->type ? info->type->tensor_type : NULL;
	struct ink_onnx *m = r->model;
	size_t i;

	if (!t)
		return true;
	m->tokens = t->elem_type == INK_ONNX_INT64 || t->elem_type == INK_ONNX_INT32;
	if (!m->tokens && t->elem_type != INK_ONNX_FLOAT && t->elem_type != INK_ONNX_DOUBLE)
		return ink_fail(r->why, "input \"%s\" has element type %d, not float",
				ink_onnx_value_name(m, m->input), t->elem_type) ||
		       ink_hint(r->why, "export the model with a float input; the features are quantised by the image itself");
	if (!t->shape)
		return true;
	if (!t->shape->n_dim || t->shape->n_dim > INK_ONNX_MAX_RANK)
		return ink_fail(r->why, "input \"%s\" has %zu dimensions; allowed are 1 to %u",
				ink_onnx_value_name(m, m->input), t->shape->n_dim, INK_ONNX_MAX_RANK);
	m->in_rank = t->shape->n_dim;
	for (i = 0; i < m->in_rank; i++) {
		int64_t v = t->shape->dim[i]->has_dim_value ? t->shape->dim[i]->dim_value : 0;

		if (v > INK_ONNX_MAX_ELEMENTS)
			return ink_fail(r->why, "input \"%s\": dimension %zu is %lld; at most %u",
					ink_onnx_value_name(m, m->input), i, (long long)v,
					INK_ONNX_MAX_ELEMENTS);
		m->in_dims[i] = v > 0 ? v : 0;
	}
	return true;
}

/* The one graph input that isn't an initializer. */
static bool find_input(struct reader *r)
{
	struct ink_onnx *m = r->model;
	const Inkonnx__ValueInfo *input = NULL;
	char name[64];
	size_t i;

	for (i = 0; i < r->graph->n_input; i++) {
		const Inkonnx__ValueInfo *info = r->graph->input[i];
		uint32_t v;

		if (!info->name || !info->name[0])
			return ink_fail(r->why, "graph input %zu has no name", i);
		v = name_find(r, info->name);
		if (v != INK_ONNX_NONE && m->values[v].initializer)
			continue;
		if (v != INK_ONNX_NONE)
			return ink_fail(r->why, "value \"%s\" is made twice: it is an input and a node makes it",
					ink_onnx_value_name(m, v));
		if (input)
			return ink_fail(r->why, "the graph has several inputs, among them \"%s\"",
					ink_printable(name, sizeof(name), info->name)) ||
			       ink_hint(r->why, "export a model with one float input of all features");
		input = info;
	}
	if (!input)
		return ink_fail(r->why, "the graph has no input");
	m->input = m->n_values;
	if (!value_add(r, input->name, NULL, INK_ONNX_NONE))
		return false;
	for (i = r->n_names; i && strcmp(r->names[i - 1].name, input->name) > 0; i--)
		r->names[i] = r->names[i - 1];
	r->names[i] = (struct name){ input->name, m->input };
	r->n_names++;
	return input_shape(r, input);
}

static bool find_output(struct reader *r, const char *wanted)
{
	const Inkonnx__Graph *g = r->graph;
	char name[64];

	if (!wanted) {
		if (!g->n_output)
			return ink_fail(r->why, "the graph has no output");
		if (g->n_output > 1)
			return ink_fail(r->why, "the graph has %zu outputs, the first is \"%s\"",
					g->n_output,
					ink_printable(name, sizeof(name), g->output[0]->name)) ||
			       ink_hint(r->why, "choose one with --output NAME");
		wanted = g->output[0]->name ? g->output[0]->name : "";
	}
	r->model->output = name_find(r, wanted);
	if (r->model->output == INK_ONNX_NONE)
		return ink_fail(r->why, "no node makes the output \"%s\"",
				ink_printable(name, sizeof(name), wanted));
	return true;
}

static bool resolve_args(struct reader *r, struct ink_onnx_node *n)
{
	const Inkonnx__Node *pb = n->pb;
	char name[64];
	uint32_t i;

	if (pb->n_input > INK_ONNX_MAX_ARGS || !pb->n_output || pb->n_output > INK_ONNX_MAX_ARGS)
		return ink_fail(r->why, "%s has %zu inputs and %zu outputs; at most %u of each",
				ink_onnx_label(n), pb->n_input, pb->n_output, INK_ONNX_MAX_ARGS);
	n->n_in = pb->n_input;
	n->n_out = pb->n_output;
	n->in = ink_pool_alloc(&r->model->pool, n->n_in + n->n_out, sizeof(*n->in));
	if (!n->in)
		return no_memory(r->why);
	n->out = n->in + n->n_in;
	for (i = 0; i < n->n_in; i++) {
		n->in[i] = pb->input[i][0] ? name_find(r, pb->input[i]) : INK_ONNX_NONE;
		if (pb->input[i][0] && n->in[i] == INK_ONNX_NONE)
			return ink_fail(r->why, "%s reads \"%s\", which nothing makes",
					ink_onnx_label(n),
					ink_printable(name, sizeof(name), pb->input[i]));
	}
	for (i = 0; i < n->n_out; i++)
		n->out[i] = pb->output[i][0] ? name_find(r, pb->output[i]) : INK_ONNX_NONE;
	return true;
}

static bool collect_nodes(struct reader *r)
{
	uint32_t i;

	r->n_all = r->graph->n_node;
	r->all = ink_pool_alloc(&r->model->pool, r->n_all, sizeof(*r->all));
	r->state = ink_pool_alloc(&r->model->pool, r->n_all, sizeof(*r->state));
	r->order = ink_pool_alloc(&r->model->pool, r->n_all, 2 * sizeof(*r->order));
	if (!r->all || !r->state || !r->order)
		return no_memory(r->why);
	for (i = 0; i < r->n_all; i++) {
		r->all[i].pb = r->graph->node[i];
		r->all[i].index = i;
		if (!resolve_args(r, &r->all[i]))
			return false;
	}
	return true;
}

enum { UNSEEN, OPEN, DONE };

/* An input of node @i whose producer wasn't visited, or NONE; a cycle sets *cycle. */
static uint32_t next_unseen(struct reader *r, uint32_t i, bool *cycle)
{
	const struct ink_onnx_node *n = &r->all[i];
	uint32_t k, producer;

	for (k = 0; k < n->n_in; k++) {
		if (n->in[k] == INK_ONNX_NONE)
			continue;
		producer = r->model->values[n->in[k]].producer;
		if (producer == INK_ONNX_NONE || r->state[producer] == DONE)
			continue;
		*cycle = r->state[producer] == OPEN;
		return producer;
	}
	return INK_ONNX_NONE;
}

/* Depth first from the output: what it doesn't need isn't visited, and a cycle is met. */
static bool order_nodes(struct reader *r)
{
	uint32_t *stack = r->order + r->n_all, depth = 0, top, next;
	bool cycle = false;
	char name[64];

	top = r->model->values[r->model->output].producer;
	if (top == INK_ONNX_NONE)
		return ink_fail(r->why, "the output \"%s\" doesn't come from a node",
				ink_onnx_value_name(r->model, r->model->output));
	stack[depth++] = top;
	r->state[top] = OPEN;
	while (depth) {
		top = stack[depth - 1];
		next = next_unseen(r, top, &cycle);
		if (cycle)
			return ink_fail(r->why, "%s is part of a cycle: its input \"%s\" depends on its own output",
					ink_onnx_label(&r->all[top]),
					ink_printable(name, sizeof(name),
						      r->all[next].pb->output[0]));
		if (next == INK_ONNX_NONE) {
			r->state[top] = DONE;
			r->order[r->n_order++] = top;
			depth--;
		} else {
			r->state[next] = OPEN;
			stack[depth++] = next;
		}
	}
	return true;
}

static bool decode_initializers(struct reader *r, const struct ink_onnx_node *n)
{
	char what[96];
	uint32_t i;

	for (i = 0; i < n->n_in; i++) {
		struct ink_onnx_value *v;

		if (n->in[i] == INK_ONNX_NONE)
			continue;
		v = &r->model->values[n->in[i]];
		if (!v->initializer || v->constant)
			continue;
		snprintf(what, sizeof(what), "tensor \"%s\"",
			 ink_onnx_value_name(r->model, n->in[i]));
		v->constant = ink_array_decode(&r->model->pool, v->initializer,
					       r->model->tokens, what, r->why);
		if (!v->constant)
			return false;
	}
	return true;
}

static bool all_constant(const struct ink_onnx *m, const struct ink_onnx_node *n)
{
	uint32_t i;

	for (i = 0; i < n->n_in; i++)
		if (n->in[i] != INK_ONNX_NONE && !m->values[n->in[i]].constant)
			return false;
	return true;
}

/* Keep the nodes that depend on the input; evaluate the others now. */
static bool fold_constants(struct reader *r)
{
	struct ink_onnx *m = r->model;
	uint32_t i;

	m->nodes = ink_pool_alloc(&m->pool, r->n_order, sizeof(*m->nodes));
	if (!m->nodes)
		return no_memory(r->why);
	for (i = 0; i < r->n_order; i++) {
		struct ink_onnx_node *n = &r->all[r->order[i]];

		if (!ink_onnx_kernel_find(m, n, r->why) || !decode_initializers(r, n))
			return false;
		if (!all_constant(m, n)) {
			m->nodes[m->n_nodes++] = *n;
			continue;
		}
		if (!ink_onnx_fold(m, n, r->why))
			return false;
	}
	if (m->values[m->output].constant)
		return ink_fail(r->why, "the output \"%s\" doesn't depend on the input",
				ink_onnx_value_name(m, m->output));
	return true;
}

struct ink_onnx *ink_onnx_read(const void *bytes, size_t size, const char *output,
			       struct ink_diag *why)
{
	struct ink_onnx *m = calloc(1, sizeof(*m));
	struct reader r = { .model = m, .why = why };
	ProtobufCAllocator allocator = { pb_alloc, pb_free, m ? &m->pool : NULL };

	if (!m) {
		no_memory(why);
		return NULL;
	}
	ink_pool_init(&m->pool, INK_ONNX_MAX_MEMORY);
	m->run_work = INK_ONNX_RUN_WORK;
	if (!size || size > INK_ONNX_MAX_FILE) {
		ink_fail(why, "%zu bytes; an ONNX file may have 1 to %u MiB", size,
			 INK_ONNX_MAX_FILE >> 20);
	} else {
		/* Weights take as much memory as in the file; a flood of empty nodes takes 50 times. */
		m->pool.limit = UNPACK_SLACK + 8 * size;
		m->pb = inkonnx__model__unpack(&allocator, size, bytes);
		m->pool.limit = INK_ONNX_MAX_MEMORY;
		if (!m->pb) {
			ink_fail(why, "not an ONNX model: the file is truncated, no protocol buffer, or has far too many parts");
			ink_hint(why, "export or copy it again; onnx.checker.check_model() says more");
		}
	}
	if (!m->pb || !check_header(&r) || !collect_values(&r) || !find_input(&r) ||
	    !find_output(&r, output) || !collect_nodes(&r) || !order_nodes(&r) ||
	    !fold_constants(&r)) {
		ink_onnx_free(m);
		return NULL;
	}
	return m;
}

struct ink_onnx *ink_onnx_open(const char *path, const char *output, struct ink_diag *why)
{
	struct ink_onnx *m = NULL;
	FILE *f = fopen(path, "rb");
	void *bytes = NULL;
	struct stat st;
	size_t size;

	if (!f || fstat(fileno(f), &st)) {
		ink_fail(why, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		ink_fail(why, "%s: not a regular file", path);
	} else if (st.st_size > INK_ONNX_MAX_FILE) {
		ink_fail(why, "%s: %lld bytes; an ONNX file may have up to %u MiB", path,
			 (long long)st.st_size, INK_ONNX_MAX_FILE >> 20);
	} else {
		size = st.st_size;
		bytes = malloc(size ? size : 1);
		if (!bytes || fread(bytes, 1, size, f) != size)
			ink_fail(why, "%s: can't be read", path);
		else
			m = ink_onnx_read(bytes, size, output, why);
	}
	free(bytes);
	if (f)
		fclose(f);
	return m;
}

void ink_onnx_free(struct ink_onnx *model)
{
	if (!model)
		return;
	ink_pool_free(&model->pool);
	free(model);
}
