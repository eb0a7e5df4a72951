// SPDX-License-Identifier: GPL-2.0-only
/*
 * The float reference: table of operators, unary functions, and runs.
 *
 * What lives here: which operators there are, and evaluating a model over
 * batches of rows. What doesn't: operators that compute with several arrays
 * (onnx_math.c) or only move numbers (onnx_shape.c).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_float.h"

#define RUN_MEMORY	((size_t)512 << 20)
#define FOLD_WORK	(256ull << 20)
#define CHUNK_ROWS	256

struct unary_rule {
	const char *name;
	enum ink_unary_code code;
	const char *attr[2];
	double preset[2];
};

static const struct unary_rule unary_rules[] = {
	{ "Relu", INK_UNARY_RELU, { NULL, NULL }, { 0, 0 } },
	{ "LeakyRelu", INK_UNARY_LEAKY, { "alpha", NULL }, { 0.01, 0 } },
	{ "PRelu", INK_UNARY_LEAKY, { NULL, NULL }, { 0, 0 } },
	{ "Clip", INK_UNARY_CLIP, { "min", "max" }, { -3.402823466e38, 3.402823466e38 } },
	{ "Sigmoid", INK_UNARY_SIGMOID, { NULL, NULL }, { 0, 0 } },
	{ "Tanh", INK_UNARY_TANH, { NULL, NULL }, { 0, 0 } },
	{ "Elu", INK_UNARY_ELU, { "alpha", NULL }, { 1, 0 } },
	{ "Selu", INK_UNARY_SELU, { "alpha", "gamma" },
	  { 1.67326319217681884765625, 1.05070102214813232421875 } },
	{ "Softplus", INK_UNARY_SOFTPLUS, { NULL, NULL }, { 0, 0 } },
	{ "Softsign", INK_UNARY_SOFTSIGN, { NULL, NULL }, { 0, 0 } },
	{ "HardSigmoid", INK_UNARY_HARDSIGMOID, { "alpha", "beta" }, { 0.2, 0.5 } },
	{ "HardSwish", INK_UNARY_HARDSWISH, { NULL, NULL }, { 0, 0 } },
	{ "Erf", INK_UNARY_ERF, { NULL, NULL }, { 0, 0 } },
	{ "Gelu", INK_UNARY_GELU, { NULL, NULL }, { 0, 0 } },
	{ "Abs", INK_UNARY_ABS, { NULL, NULL }, { 0, 0 } },
	{ "Neg", INK_UNARY_NEG, { NULL, NULL }, { 0, 0 } },
	{ "Exp", INK_UNARY_EXP, { NULL, NULL }, { 0, 0 } },
	{ "Sqrt", INK_UNARY_SQRT, { NULL, NULL }, { 0, 0 } },
	{ "Reciprocal", INK_UNARY_RECIPROCAL, { NULL, NULL }, { 0, 0 } },
};

static bool eval_unary(struct ink_onnx_call *c);

#define UNARY(name, max_in)	{ name, 1, max_in, INK_ONNX_ROLE_UNARY, eval_unary }

static const struct ink_onnx_kernel kernels[] = {
	{ "Gemm", 2, 3, INK_ONNX_ROLE_GEMM, ink_onnx_eval_gemm },
	{ "MatMul", 2, 2, INK_ONNX_ROLE_MATMUL, ink_onnx_eval_matmul },
	{ "Add", 2, 2, INK_ONNX_ROLE_BINARY, ink_onnx_eval_binary },
	{ "Sub", 2, 2, INK_ONNX_ROLE_BINARY, ink_onnx_eval_binary },
	{ "Mul", 2, 2, INK_ONNX_ROLE_BINARY, ink_onnx_eval_binary },
	{ "Div", 2, 2, INK_ONNX_ROLE_BINARY, ink_onnx_eval_binary },
	{ "Pow", 2, 2, INK_ONNX_ROLE_BINARY, ink_onnx_eval_binary },
	UNARY("Relu", 1), UNARY("LeakyRelu", 1), UNARY("PRelu", 2), UNARY("Clip", 3),
	UNARY("Sigmoid", 1), UNARY("Tanh", 1), UNARY("Elu", 1), UNARY("Selu", 1),
	UNARY("Softplus", 1), UNARY("Softsign", 1), UNARY("HardSigmoid", 1),
	UNARY("HardSwish", 1), UNARY("Erf", 1), UNARY("Gelu", 1), UNARY("Abs", 1),
	UNARY("Neg", 1), UNARY("Exp", 1), UNARY("Sqrt", 1), UNARY("Reciprocal", 1),
	{ "Softmax", 1, 1, INK_ONNX_ROLE_SOFTMAX, ink_onnx_eval_softmax },
	{ "Concat", 1, INK_ONNX_MAX_ARGS, INK_ONNX_ROLE_CONCAT, ink_onnx_eval_concat },
	{ "BatchNormalization", 5, 5, INK_ONNX_ROLE_NORM, ink_onnx_eval_norm },
	{ "QuantizeLinear", 2, 3, INK_ONNX_ROLE_QUANTIZE, ink_onnx_eval_quantize },
	{ "DequantizeLinear", 2, 3, INK_ONNX_ROLE_DEQUANTIZE, ink_onnx_eval_dequantize },
	{ "ReduceSum", 1, 2, INK_ONNX_ROLE_REDUCE, ink_onnx_eval_reduce },
	{ "ReduceMean", 1, 2, INK_ONNX_ROLE_REDUCE, ink_onnx_eval_reduce },
	{ "ReduceSumSquare", 1, 2, INK_ONNX_ROLE_REDUCE, ink_onnx_eval_reduce },
	{ "Flatten", 1, 1, INK_ONNX_ROLE_SAME, ink_onnx_eval_flatten },
	{ "Reshape", 2, 2, INK_ONNX_ROLE_SAME, ink_onnx_eval_reshape },
	{ "Squeeze", 1, 2, INK_ONNX_ROLE_SAME, ink_onnx_eval_squeeze },
	{ "Unsqueeze", 1, 2, INK_ONNX_ROLE_SAME, ink_onnx_eval_unsqueeze },
	{ "Identity", 1, 1, INK_ONNX_ROLE_SAME, ink_onnx_eval_same },
	{ "Dropout", 1, 3, INK_ONNX_ROLE_SAME, ink_onnx_eval_same },
	{ "Cast", 1, 1, INK_ONNX_ROLE_SAME, ink_onnx_eval_same },
	{ "Constant", 0, 0, INK_ONNX_ROLE_CONSTANT, ink_onnx_eval_constant },
	{ "Transpose", 1, 1, INK_ONNX_ROLE_CONSTANT, ink_onnx_eval_transpose },
};

#define N_KERNELS (sizeof(kernels) / sizeof(kernels[0]))

/* What the extended table has comes first, so that it says what a name means in such a model. */
static const struct ink_onnx_kernel *kernel_at(const struct ink_onnx *m, size_t i)
{
	size_t more = m->tokens ? ink_onnx_n_seq_kernels : 0;

	return i < more ? &ink_onnx_seq_kernels[i] :
	       i < more + N_KERNELS ? &kernels[i - more] : NULL;
}

static void hint_supported(const struct ink_onnx *m, struct ink_diag *why)
{
	const struct ink_onnx_kernel *k;
	char list[480] = "";
	size_t i, n = 0;

	for (i = 0; (k = kernel_at(m, i)) && n < sizeof(list); i++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", k->name);
	ink_hint(why, "supported: %s", list);
}

bool ink_onnx_kernel_find(const struct ink_onnx *model, struct ink_onnx_node *node,
			  struct ink_diag *why)
{
	const char *domain = node->pb->domain ? node->pb->domain : "";
	const char *op = node->pb->op_type ? node->pb->op_type : "";
	const struct ink_onnx_kernel *k;
	char shown[40];
	size_t i;

	for (i = 0; (k = kernel_at(model, i)); i++)
		if (!strcmp(op, k->name))
			break;
	if (domain[0] && strcmp(domain, "ai.onnx")) {
		ink_fail(why, "%s: operators of \"%s\" aren't supported", ink_onnx_label(node),
			 ink_printable(shown, sizeof(shown), domain));
		hint_supported(model, why);
		return false;
	}
	if (!k) {
		ink_fail(why, "%s: the operator isn't supported", ink_onnx_label(node));
		hint_supported(model, why);
		return false;
	}
	node->kernel = k;
	if (node->n_in < k->min_in || node->n_in > k->max_in)
		return ink_fail(why, "%s has %u inputs; %u to %u are supported",
				ink_onnx_label(node), node->n_in, k->min_in, k->max_in);
	for (i = 0; i < node->kernel->min_in; i++)
		if (node->in[i] == INK_ONNX_NONE)
			return ink_fail(why, "%s: input %zu is missing", ink_onnx_label(node), i);
	return true;
}

bool ink_onnx_quantised(const struct ink_onnx *m)
{
	uint32_t i;

	for (i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].kernel->role == INK_ONNX_ROLE_QUANTIZE)
			return true;
	return false;
}

bool ink_onnx_result(struct ink_onnx_call *c, int type, uint32_t rank, const size_t *dims)
{
	char what[160];

	snprintf(what, sizeof(what), "the result of %s", ink_onnx_label(c->node));
	c->out = ink_array_new(c->pool, type, rank, dims, what, c->why);
	return c->out;
}

bool ink_onnx_spend(struct ink_onnx_call *c, uint64_t multiplications)
{
	if (multiplications > c->work_limit - *c->work)
		return ink_fail(c->why, "%s: more than %llu multiplications in all",
				ink_onnx_label(c->node), (unsigned long long)c->work_limit) ||
		       ink_hint(c->why, "the engine runs models of up to 64 million for each input");
	*c->work += multiplications;
	return true;
}

/* A constant scalar in input @i, if there is one. */
static bool scalar_input(const struct ink_onnx *m, const struct ink_onnx_node *n, uint32_t i,
			 double *value, struct ink_diag *why)
{
	const struct ink_array *a;

	if (i >= n->n_in || n->in[i] == INK_ONNX_NONE)
		return true;
	a = m->values[n->in[i]].constant;
	if (!a || a->count != 1)
		return ink_fail(why, "%s: input %u (\"%s\") isn't a constant single number",
				ink_onnx_label(n), i, ink_onnx_value_name(m, n->in[i]));
	*value = a->data[0];
	return true;
}

static bool gelu_kind(const struct ink_onnx_node *n, struct ink_unary_step *step,
		      struct ink_diag *why)
{
	const Inkonnx__Attribute *a = ink_onnx_attr(n, "approximate");

	if (!a || (a->s.len == 4 && !memcmp(a->s.data, "none", 4)))
		return true;
	if (a->s.len != 4 || memcmp(a->s.data, "tanh", 4))
		return ink_fail(why, "%s: attribute approximate is neither \"none\" nor \"tanh\"",
				ink_onnx_label(n));
	step->code = INK_UNARY_GELU_TANH;
	return true;
}

bool ink_onnx_unary(const struct ink_onnx *m, const struct ink_onnx_node *n,
		    struct ink_unary_step *step, struct ink_diag *why)
{
	const struct unary_rule *rule = unary_rules;
	const char *op = n->pb->op_type;

	while (strcmp(rule->name, op))
		rule++;
	*step = (struct ink_unary_step){
		.code = rule->code, .a = rule->preset[0], .b = rule->preset[1],
	};
	if (rule->attr[0] && !ink_onnx_attr_float(n, rule->attr[0], &step->a, why))
		return false;
	if (rule->attr[1] && !ink_onnx_attr_float(n, rule->attr[1], &step->b, why))
		return false;
	if (!scalar_input(m, n, 1, &step->a, why) || !scalar_input(m, n, 2, &step->b, why))
		return false;
	if (rule->code == INK_UNARY_CLIP && step->a > step->b)
		return ink_fail(why, "%s: its least value %g is above its greatest %g",
				ink_onnx_label(n), step->a, step->b);
	return rule->code != INK_UNARY_GELU || gelu_kind(n, step, why);
}

static bool eval_unary(struct ink_onnx_call *c)
{
	const struct ink_array *x = c->in[0];
	struct ink_unary_step s;
	size_t i;

	if (!ink_onnx_unary(c->model, c->node, &s, c->why) ||
	    !ink_onnx_result(c, x->type, x->rank, x->dims) || !ink_onnx_spend(c, x->count))
		return false;
	for (i = 0; i < x->count; i++)
		c->out->data[i] = ink_unary_apply(s.code, s.a, s.b, x->data[i]);
	return true;
}

/* Evaluate @c->node with inputs from @values or constants; every result is finite. */
static bool call(struct ink_onnx_call *c, const struct ink_array *const *values)
{
	const struct ink_onnx_node *n = c->node;
	uint32_t i;

	c->out = NULL;
	for (i = 0; i < n->n_in; i++) {
		c->in[i] = NULL;
		if (n->in[i] == INK_ONNX_NONE)
			continue;
		c->in[i] = c->model->values[n->in[i]].constant;
		if (!c->in[i] && values)
			c->in[i] = values[n->in[i]];
		if (!c->in[i])
			return ink_fail(c->why, "%s: input \"%s\" is another output of a node than its first",
					ink_onnx_label(n), ink_onnx_value_name(c->model, n->in[i]));
	}
	if (!n->kernel->eval(c))
		return false;
	for (i = 0; !c->shapes && i < c->out->count; i++)
		if (isnan(c->out->data[i]) || (isinf(c->out->data[i]) && !c->model->tokens))
			return ink_fail(c->why, "%s gives %s for some input", ink_onnx_label(n),
					isnan(c->out->data[i]) ? "not a number" : "an infinite value");
	return true;
}

bool ink_onnx_fold(struct ink_onnx *m, const struct ink_onnx_node *node, struct ink_diag *why)
{
	uint64_t *work = &m->fold_work;
	struct ink_onnx_call c = {
		.model = m, .node = node, .pool = &m->pool, .work = work,
		.work_limit = FOLD_WORK, .why = why,
	};

	for (; c.which < (node->kernel->role == INK_ONNX_ROLE_SPLIT ? node->n_out : 1); c.which++) {
		if (!call(&c, NULL))
			return false;
		if (node->out[c.which] != INK_ONNX_NONE)
			m->values[node->out[c.which]].constant = c.out;
	}
	return true;
}

size_t ink_onnx_width(const struct ink_onnx *m)
{
	size_t width = 1;
	uint32_t i;

	for (i = m->in_rank > 1; i < m->in_rank; i++)
		width *= m->in_dims[i];	/* each at most 2^24; a product that wraps won't match */
	return m->in_rank ? width : 0;
}

size_t ink_onnx_batch(const struct ink_onnx *m)
{
	return m->in_rank == 1 ? 1 : m->in_dims[0];
}

static struct ink_array *input_array(const struct ink_onnx *m, size_t rows, size_t width,
				     struct ink_pool *pool, struct ink_diag *why)
{
	size_t dims[INK_ONNX_MAX_RANK] = { rows, width }, known = 1;
	uint32_t i, rank = 2, open = 0;

	if (m->in_rank) {
		rank = m->in_rank;
		for (i = rank > 1; i < rank; i++) {
			dims[i] = m->in_dims[i];
			if (dims[i] ? known > width / dims[i] : open)
				known = 0;
			else if (dims[i])
				known *= dims[i];
			else
				open = i + 1;
			if (!known)
				break;
		}
		if (!known || (open ? width % known : known != width)) {
			ink_fail(why, "the model's input \"%s\" doesn't take rows of %zu numbers",
				 ink_onnx_value_name(m, m->input), width);
			ink_hint(why, "the feature schema has to expand to as many numbers as the input has");
			return NULL;
		}
		if (open)
			dims[open - 1] = width / known;
	}
	return ink_array_new(pool, m->tokens ? INK_ONNX_INT64 : INK_ONNX_FLOAT, rank, dims,
			     "the input", why);
}

/* With @x NULL, zeros are evaluated for the sake of their shapes. */
static bool run(const struct ink_onnx *m, const double *x, size_t rows, size_t width,
		struct ink_pool *pool, const struct ink_array **values, struct ink_diag *why)
{
	uint64_t work = 0;
	struct ink_onnx_call c = {
		.model = m, .pool = pool, .work = &work, .work_limit = m->run_work * rows,
		.shapes = !x, .why = why,
	};
	struct ink_array *in = input_array(m, rows, width, pool, why);
	uint32_t i, outputs;

	if (!in)
		return false;
	if (x)
		memcpy(in->data, x, in->count * sizeof(*x));
	values[m->input] = in;
	for (i = 0; i < m->n_nodes; i++) {
		c.node = &m->nodes[i];
		outputs = c.node->kernel->role == INK_ONNX_ROLE_SPLIT ? c.node->n_out : 1;
		for (c.which = 0; c.which < outputs; c.which++) {
			if (!call(&c, values))
				return false;
			if (c.node->out[c.which] != INK_ONNX_NONE)
				values[c.node->out[c.which]] = c.out;
		}
	}
	if (!values[m->output])
		return ink_fail(why, "the output \"%s\" is another output of a node than its first",
				ink_onnx_value_name(m, m->output));
	return true;
}

bool ink_onnx_run(const struct ink_onnx *m, const double *x, size_t rows, size_t width,
		  struct ink_pool *pool, const struct ink_array **values, struct ink_diag *why)
{
	return run(m, x, rows, width, pool, values, why);
}

bool ink_onnx_shapes(const struct ink_onnx *m, size_t rows, size_t width,
		     struct ink_pool *pool, const struct ink_array **values, struct ink_diag *why)
{
	return run(m, NULL, rows, width, pool, values, why);
}

/* One chunk; a short last one is filled up with its first row where the batch is fixed. */
static bool eval_chunk(const struct ink_onnx *m, const double *x, size_t rows, size_t batch,
		       size_t width, double **y, size_t done, size_t total, size_t *out_width,
		       struct ink_diag *why)
{
	const struct ink_array **values;
	const struct ink_array *out;
	double *filled = NULL;
	struct ink_pool pool;
	bool ok = false;
	size_t i;

	ink_pool_init(&pool, RUN_MEMORY);
	values = ink_pool_alloc(&pool, m->n_values, sizeof(*values));
	if (rows < batch) {
		filled = ink_pool_alloc(&pool, batch * width, sizeof(*filled));
		for (i = 0; filled && i < batch; i++)
			memcpy(filled + i * width, x + (i < rows ? i : 0) * width,
			       width * sizeof(*x));
	}
	if (!values || (rows < batch && !filled))
		ink_fail(why, "no memory to evaluate the model");
	else
		ok = ink_onnx_run(m, filled ? filled : x, batch, width, &pool, values, why);
	out = ok ? values[m->output] : NULL;
	if (ok && (out->count % batch || (*y && out->count / batch != *out_width)))
		ok = ink_fail(why, "the output has %zu numbers for %zu rows", out->count, batch);
	if (ok && !*y) {
		*out_width = out->count / batch;
		*y = calloc(total, *out_width * sizeof(**y));
		if (!*y)
			ok = ink_fail(why, "no memory for %zu outputs", total);
	}
	if (ok)
		memcpy(*y + done * *out_width, out->data, rows * *out_width * sizeof(**y));
	ink_pool_free(&pool);
	return ok;
}

bool ink_onnx_eval(const struct ink_onnx *m, const double *x, size_t rows, size_t width,
		   double **y, size_t *out_width, struct ink_diag *why)
{
	size_t fixed = ink_onnx_batch(m), done, n, batch;

	*y = NULL;
	*out_width = 0;
	for (done = 0; done < rows; done += n) {
		batch = fixed ? fixed : CHUNK_ROWS;
		n = rows - done < batch ? rows - done : batch;
		if (!eval_chunk(m, x + done * width, n, fixed ? fixed : n, width, y, done, rows,
				out_width, why)) {
			free(*y);
			*y = NULL;
			return false;
		}
	}
	return true;
}
