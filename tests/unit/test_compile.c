// SPDX-License-Identifier: GPL-2.0-only
/*
 * From ONNX to an image: float beside int8.
 *
 * What lives here: models of every shape that the compiler knows, with random
 * weights; what the engine gives has to be close to what the float model
 * gives, and the same input has to give the same bytes. What doesn't: broken
 * files (test_onnx.c), real models (make eval).
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
#include <unistd.h>

#include "compile.h"
#include "inkling.h"
#include "onnx_make.h"
#include "report.h"

#define WIDTH	8
#define ROWS	600

/* For models whose classes aren't those of the label. */
#define PLAIN	"f0 linear decimals=3\nf1 linear decimals=3\nf2 linear decimals=3\n" \
		"f3 linear decimals=3\nf4 linear decimals=3\nf5 linear decimals=3\n" \
		"f6 linear decimals=3\nf7 linear decimals=3\n"

static char csv[] = "/tmp/ink-test-XXXXXX";

/* Eight features f0..f7 of different sizes, and a label. */
static int write_rows(void **state)
{
	int fd = mkstemp(csv), i, k;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	float v[WIDTH];

	if (!f)
		return -1;
	for (k = 0; k < WIDTH; k++)
		fprintf(f, "f%d,", k);
	fprintf(f, "label\n");
	for (i = 0; i < ROWS; i++) {
		om_random(v, WIDTH, 7919 * i + 1);
		for (k = 0; k < WIDTH; k++)
			fprintf(f, "%.3f,", v[k] * (k == 3 ? 100 : 1 + k));
		fprintf(f, "%s\n", v[0] + v[1] > 0 ? "bad" : "good");
	}
	return fclose(f);
}

static int remove_rows(void **state)
{
	return unlink(csv);
}

/* x[N,8] scaled to about -1..1: a first node that is folded. */
static struct om *begin(void)
{
	static const float scale[WIDTH] = { 1, 2, 3, 100, 5, 6, 7, 8 };
	struct om *m = om_new(13, "x", WIDTH);

	om_const(m, "scale", 1, WIDTH, scale);
	om_node(m, "Div", "x,scale", "s");
	return m;
}

static void layer(struct om *m, const char *in, const char *out, int64_t n, int64_t k, uint32_t seed)
{
	char w[16], b[16], list[64];

	snprintf(w, sizeof(w), "w%u", seed);
	snprintf(b, sizeof(b), "b%u", seed);
	snprintf(list, sizeof(list), "%s,%s,%s", in, w, b);
	om_weights(m, w, n, k, (float)sqrt(3.0 / n), seed);
	om_weights(m, b, k, 0, 0.2f, seed + 1000);
	om_node(m, "Gemm", list, out);
}

static struct ink_compile_options options(struct om *m)
{
	return (struct ink_compile_options){
		.onnx = om_file(m), .calibrate = csv, .label = "label", .classes = "good,bad",
		.decimals = -1,
	};
}

static void compiled(struct ink_compile *c, struct ink_compile_options *o, struct ink_report *r)
{
	struct ink_diag why = { 0 };

	memset(c, 0, sizeof(*c));
	if (!ink_compile_run(c, o, &why) || !ink_report_run(r, c, &c->rows, &why))
		fail_msg("%s; %s", why.text, why.hint);
}

/* Compile with 8 bits, the scores at most @gap apart. Frees @m. */
static void close_to_float(struct om *m, struct ink_compile_options o, double gap)
{
	struct ink_compile c;
	struct ink_report r;

	o.bits = 8;
	compiled(&c, &o, &r);
	if (!(r.max_gap <= gap))
		fail_msg("scores differ by %g, allowed are %g", r.max_gap, gap);
	if (r.max_gap == 0)
		fail_msg("scores don't differ at all: what was compared?");
	assert_int_equal(r.rows, ROWS);
	ink_compile_free(&c);
	om_free(m);
}

static void test_relu(void **state)
{
	struct om *m = begin();

	layer(m, "s", "h", WIDTH, 24, 1);
	om_node(m, "Relu", "h", "a");
	layer(m, "a", "i", 24, 16, 2);
	om_node(m, "Relu", "i", "b");
	layer(m, "b", "z", 16, 2, 3);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	close_to_float(m, options(m), 0.02);
}

/* Every function that becomes a table, also as formulas of several nodes. */
static void test_tables(void **state)
{
	static const char * const ops[] = {
		"Sigmoid", "Tanh", "LeakyRelu", "Elu", "Selu", "Softplus", "Softsign",
		"HardSigmoid", "HardSwish", "Erf", "Gelu", "Abs",
	};
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct om *m = begin();

		layer(m, "s", "h", WIDTH, 16, 10 + i);
		om_node(m, ops[i], "h", "a");
		layer(m, "a", "z", 16, 2, 40 + i);
		om_node(m, "Softmax", "z", "p");
		om_output(m, "p");
		close_to_float(m, options(m), 0.03);
	}
}

static void test_formula(void **state)
{
	static const float half = 0.5f, one = 1, root = 1.41421356f, two = 2;
	struct om *m = begin();
	struct ink_compile_options o;
	struct ink_compile c;
	struct ink_report r;

	/* x * sigmoid(x), then gelu as frameworks write it. */
	om_const(m, "half", 0, 0, &half);
	om_const(m, "one", 0, 0, &one);
	om_const(m, "root", 0, 0, &root);
	om_const(m, "two", 0, 0, &two);
	layer(m, "s", "h", WIDTH, 16, 60);
	om_node(m, "Sigmoid", "h", "g");
	om_node(m, "Mul", "h,g", "silu");
	layer(m, "silu", "i", 16, 16, 61);
	om_node(m, "Div", "i,root", "i1");
	om_node(m, "Erf", "i1", "i2");
	om_node(m, "Add", "i2,one", "i3");
	om_node(m, "Mul", "i,i3", "i4");
	om_node(m, "Mul", "i4,half", "gelu");
	layer(m, "gelu", "j", 16, 16, 62);
	om_node(m, "Pow", "j,two", "k");
	layer(m, "k", "z", 16, 2, 63);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	o = options(m);
	o.bits = 8;
	compiled(&c, &o, &r);
	/* QUANT, four DENSE with tables or none, SOFTMAX: the formulas cost nothing. */
	assert_int_equal(((struct inkling_header *)c.image)->n_ops, 6);
	assert_true(r.max_gap < 0.05);
	ink_compile_free(&c);
	om_free(m);
}

static void test_clip_and_norm(void **state)
{
	static const float lo = -0.4f, hi = 0.9f;
	float mean[16], var[16];
	struct om *m = begin();
	struct ink_compile_options o;
	struct ink_compile c;
	struct ink_report r;
	int i;

	om_random(mean, 16, 70);
	om_random(var, 16, 71);
	for (i = 0; i < 16; i++)
		var[i] = 1 + 0.5f * var[i];
	om_const(m, "lo", 0, 0, &lo);
	om_const(m, "hi", 0, 0, &hi);
	om_const(m, "mean", 16, 0, mean);
	om_const(m, "var", 16, 0, var);
	om_weights(m, "gamma", 16, 0, 2, 72);
	om_weights(m, "beta", 16, 0, 1, 73);
	om_weights(m, "w", WIDTH, 16, 0.7f, 74);
	om_weights(m, "b", 1, 16, 0.3f, 75);
	om_node(m, "MatMul", "s,w", "h");
	om_node(m, "Add", "b,h", "i");
	om_node(m, "BatchNormalization", "i,gamma,beta,mean,var", "n");
	om_node(m, "Clip", "n,lo,hi", "a");
	om_node(m, "Dropout", "a", "d");
	om_node(m, "Flatten", "d", "f");
	layer(m, "f", "z", 16, 2, 76);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	o = options(m);
	o.bits = 8;
	compiled(&c, &o, &r);
	/* QUANT, DENSE with scaling, bias, norm and clamp, DENSE, SOFTMAX. */
	assert_int_equal(((struct inkling_header *)c.image)->n_ops, 4);
	assert_true(r.max_gap < 0.02);
	ink_compile_free(&c);
	om_free(m);
}

/* Branches: sums, products, joins, of vectors and with the input. */
static void test_branches(void **state)
{
	struct om *m = begin();

	layer(m, "s", "h", WIDTH, 16, 80);
	om_node(m, "Relu", "h", "a");
	layer(m, "a", "i", 16, 16, 81);
	om_node(m, "Add", "a,i", "r");
	om_node(m, "Relu", "r", "b");
	layer(m, "b", "j", 16, 16, 82);
	om_node(m, "Sigmoid", "j", "g");
	om_node(m, "Mul", "b,g", "k");
	om_node(m, "Sub", "k,a", "l");
	om_node(m, "Concat", "l,s,b,k", "c");
	om_int(m, "axis", 1);
	layer(m, "c", "z", 56, 2, 83);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	close_to_float(m, options(m), 0.05);
}

/* Two products of layers added, and a join that needs one scale. */
static void test_wide(void **state)
{
	struct om *m = begin();

	layer(m, "s", "h", WIDTH, 12, 90);
	layer(m, "s", "i", WIDTH, 12, 91);
	om_node(m, "Mul", "h,i", "k");
	layer(m, "k", "j", 12, 8, 92);
	om_node(m, "Tanh", "j", "t");
	om_node(m, "Concat", "t,s", "c");
	om_int(m, "axis", 1);
	layer(m, "c", "u", 16, 16, 93);
	om_node(m, "Add", "u,c", "v");
	layer(m, "v", "z", 16, 2, 94);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	close_to_float(m, options(m), 0.05);
}

static void test_sigmoid_head(void **state)
{
	struct om *m = begin();
	struct ink_compile_options o;
	struct ink_compile c;
	struct ink_report r;
	int16_t out[2];
	struct ink_model *model;

	layer(m, "s", "h", WIDTH, 16, 100);
	om_node(m, "Relu", "h", "a");
	layer(m, "a", "z", 16, 1, 101);
	om_node(m, "Sigmoid", "z", "p");
	om_output(m, "p");
	o = options(m);
	o.threshold = "0.25";
	o.bits = 8;
	compiled(&c, &o, &r);
	assert_int_equal(c.head, INKLING_HEAD_CLASSES);
	assert_int_equal(c.threshold, 8192);
	assert_true(r.max_gap < 0.02 && r.max_gap > 0);
	assert_true(c.fold_error < 1e-12);
	model = ink_model_open_image(c.image, c.size);
	assert_non_null(model);
	assert_int_equal(ink_model_output_size(model), sizeof(out));
	ink_model_close(model);
	ink_compile_free(&c);
	om_free(m);
}

static void test_logits_head(void **state)
{
	struct om *m = begin();
	struct ink_compile_options o;
	struct ink_compile c;
	struct ink_report r;

	layer(m, "s", "z", WIDTH, 3, 110);
	om_output(m, "z");
	o = options(m);
	o.head = "classes";
	o.label = NULL;
	o.schema = PLAIN;
	o.classes = "a,b,c";
	compiled(&c, &o, &r);
	assert_int_equal(c.head, INKLING_HEAD_CLASSES);
	assert_string_equal(((struct inkling_card *)((char *)c.image + 256))->classes[2], "c");
	assert_true(r.max_gap < 0.02 && r.max_gap > 0);
	ink_compile_free(&c);
	o.head = NULL;
	o.classes = NULL;
	compiled(&c, &o, &r);
	assert_int_equal(c.head, INKLING_HEAD_RAW);
	assert_true(r.max_gap < 0.05 && r.max_gap > 0);
	ink_compile_free(&c);
	om_free(m);
}

/* Reconstruction error of an autoencoder, and of a teacher and a student. */
static void test_distance(void **state)
{
	struct om *m = begin();
	struct ink_compile_options o;
	struct ink_compile c;
	struct ink_report r;

	layer(m, "s", "h", WIDTH, 5, 120);
	om_node(m, "Tanh", "h", "a");
	layer(m, "a", "y", 5, WIDTH, 121);
	om_node(m, "Sub", "s,y", "d");
	om_node(m, "Mul", "d,d", "q");
	om_node(m, "ReduceMean", "q", "e");
	om_int_list(m, "axes", 1, (const int64_t[]){ 1 });
	om_output(m, "e");
	o = options(m);
	o.classes = NULL;
	o.label = NULL;
	o.schema = PLAIN;
	o.threshold = "0.5";
	o.bits = 8;
	compiled(&c, &o, &r);
	assert_int_equal(c.head, INKLING_HEAD_ANOMALY);
	assert_int_equal(((struct inkling_header *)c.image)->n_classes, 2);
	assert_true(r.max_gap < 0.1 && r.max_gap > 0);
	assert_true(r.differ < ROWS / 50);
	ink_compile_free(&c);
	/* Without a threshold about one row in a hundred is above it. */
	o.threshold = NULL;
	compiled(&c, &o, &r);
	assert_string_equal(c.threshold_from, "the calibration");
	assert_in_range(r.int8_alarms, 3, 7);
	ink_compile_free(&c);
	om_free(m);

	m = begin();
	layer(m, "s", "h", WIDTH, 6, 122);
	layer(m, "s", "i", WIDTH, 16, 123);
	om_node(m, "Relu", "i", "a");
	layer(m, "a", "j", 16, 6, 124);
	om_node(m, "Sub", "h,j", "d");
	om_node(m, "ReduceSumSquare", "d", "e");
	om_int_list(m, "axes", 1, (const int64_t[]){ -1 });
	om_output(m, "e");
	o = options(m);
	o.classes = NULL;
	o.label = NULL;
	o.schema = PLAIN;
	o.threshold = "3";
	o.bits = 8;
	compiled(&c, &o, &r);
	assert_true(r.max_gap < 0.05 && r.max_gap > 0);
	ink_compile_free(&c);
	om_free(m);
}

/* A model that prescribes its own quantisation, weights as integers. */
static void test_qdq(void **state)
{
	static const float in_scale = 1.0f / 127, w_scale = 0.01f, act_scale = 0.02f;
	static const int64_t zero_in[1] = { 0 }, zero_act[1] = { 0 };
	struct om *m = begin();
	struct ink_compile_options o;
	struct ink_compile c;
	struct ink_report r;
	int64_t w[WIDTH * 16];
	Inkonnx__Tensor *t;
	int i, found = 0;

	for (i = 0; i < WIDTH * 16; i++)
		w[i] = i * 37 % 201 - 100;
	om_const(m, "si", 0, 0, &in_scale);
	om_const(m, "sw", 0, 0, &w_scale);
	om_const(m, "sa", 0, 0, &act_scale);
	om_ints(m, "zi", 3, 0, zero_in);
	om_ints(m, "za", 2, 0, zero_act);
	t = om_ints(m, "wq", 3, WIDTH * 16, w);
	t->n_dims = 2;
	t->dims[0] = WIDTH;
	t->dims[1] = 16;
	om_node(m, "QuantizeLinear", "s,si,zi", "xq");
	om_node(m, "DequantizeLinear", "xq,si,zi", "xd");
	om_node(m, "DequantizeLinear", "wq,sw,zi", "wd");
	om_node(m, "MatMul", "xd,wd", "h");
	om_node(m, "Relu", "h", "a");
	om_node(m, "QuantizeLinear", "a,sa,za", "aq");
	om_node(m, "DequantizeLinear", "aq,sa,za", "ad");
	layer(m, "ad", "z", 16, 2, 130);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	o = options(m);
	compiled(&c, &o, &r);
	assert_true(r.max_gap < 0.03);
	/* The activation has the scale that the model prescribes, the weights are as given. */
	for (i = 0; i < (int)c.net->n_ops; i++) {
		const struct ink_quant_op *qo = &c.quant->ops[i];

		if (c.net->ops[i].kind != INK_NET_DENSE || c.net->ops[i].width != 16)
			continue;
		assert_true(fabs(qo->grid.scale[0] - act_scale) < 1e-9);
		assert_int_equal(qo->grid.zero, -128);
		assert_int_equal(qo->w[3], w[3 * 16]);
		assert_int_equal(qo->w[WIDTH + 2], w[2 * 16 + 1]);
		found++;
	}
	assert_int_equal(found, 1);
	ink_compile_free(&c);
	om_free(m);
}

static void test_schema(void **state)
{
	static const char schema[] =
		"# comment\n"
		"f0 linear decimals=3 lo=-1 hi=1\n"
		"f1 linear decimals=2\n"
		"f2 log2 decimals=3 lo=-3 hi=3\n"
		"f3 linear decimals=0 lo=-100 hi=100\n"
		"label onehot cats=good|bad|ugly\n";
	struct om *m = om_new(13, "x", 7);
	struct ink_compile_options o;
	struct ink_compile c;
	struct ink_report r;
	const struct inkling_header *h;
	const struct inkling_feature *f;

	layer(m, "x", "h", 7, 16, 140);
	om_node(m, "Tanh", "h", "a");
	layer(m, "a", "z", 16, 2, 141);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	om_meta(m, "inkling.schema", schema);
	om_meta(m, "inkling.name", "schema test");
	o = options(m);
	compiled(&c, &o, &r);
	h = c.image;
	f = (const void *)((char *)c.image + h->section[INKLING_SEC_FEATURES].offset);
	assert_int_equal(h->n_features, 5);
	assert_int_equal(h->n_names, 3);
	assert_int_equal(f[0].decimals, 3);
	assert_int_equal(f[4].kind, INKLING_FEATURE_CATEGORY);
	assert_string_equal(((struct inkling_card *)((char *)c.image + 256))->name, "schema test");
	assert_true(r.max_gap < 0.05 && r.max_gap > 0);
	ink_compile_free(&c);
	om_free(m);
}

static void schema_refused(const char *text, const char *want)
{
	struct ink_diag why = { 0 };
	struct ink_schema *s = ink_schema_parse(text, &why);

	assert_null(s);
	if (!strstr(why.text, want))
		fail_msg("\"%s\" was refused with \"%s\", not \"%s\"", text, why.text, want);
}

static void test_bad_schema(void **state)
{
	schema_refused("", "has no features");
	schema_refused("a", "its kind is missing");
	schema_refused("a square", "\"square\" isn't linear, log2 or onehot");
	schema_refused("a linear\na log2", "both called \"a\"");
	schema_refused("a linear decimals=10", "decimals=10 isn't understood");
	schema_refused("a linear lo=x", "\"lo\" isn't");
	schema_refused("a linear lo=2 hi=1", "lo=2 is above hi=1");
	schema_refused("a linear decimals=9 hi=3", "doesn't fit into 32 bits");
	schema_refused("a linear cats=x|y", "cats= is for onehot only");
	schema_refused("a onehot", "a onehot needs cats");
	schema_refused("a onehot cats=x||y", "category 1 isn't");
	schema_refused("a onehot cats=x|y lo=1", "neither decimals nor bounds");
	schema_refused("a_name_that_is_much_longer_than_the_format_allows linear", "its name");
}

/* Same inputs, same bytes; and 7 bits keep activations that a DENSE reads in 0..127. */
static void test_same_bytes(void **state)
{
	struct om *m = begin();
	struct ink_compile_options o;
	struct ink_compile c[2];
	struct ink_report r;
	uint32_t i;

	layer(m, "s", "h", WIDTH, 16, 150);
	om_node(m, "Relu", "h", "a");
	layer(m, "a", "z", 16, 2, 151);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	o = options(m);
	o.bits = 7;
	compiled(&c[0], &o, &r);
	compiled(&c[1], &o, &r);
	assert_int_equal(c[0].size, c[1].size);
	assert_memory_equal(c[0].image, c[1].image, c[0].size);
	for (i = 0; i < c[0].net->n_ops; i++)
		if (c[0].quant->ops[i].feeds_dense)
			assert_true(c[0].quant->ops[i].grid.lo >= 0);
	ink_compile_free(&c[0]);
	ink_compile_free(&c[1]);
	om_free(m);
}

static void compile_refused(struct ink_compile_options o, const char *want)
{
	struct ink_compile c = { 0 };
	struct ink_diag why = { 0 };

	if (ink_compile_run(&c, &o, &why))
		fail_msg("accepted, should be refused with \"%s\"", want);
	if (!strstr(why.text, want))
		fail_msg("refused with \"%s\", not \"%s\"", why.text, want);
	ink_compile_free(&c);
}

static void test_refusals(void **state)
{
	struct om *m = begin();
	struct ink_compile_options o, p;

	layer(m, "s", "z", WIDTH, 2, 160);
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	o = options(m);
	p = o;
	p.onnx = "/nonexistent.onnx";
	compile_refused(p, "/nonexistent.onnx: No such file");
	p = o;
	p.calibrate = "/nonexistent.csv";
	compile_refused(p, "/nonexistent.csv");
	p = o;
	p.head = "tail";
	compile_refused(p, "head \"tail\"");
	p = o;
	p.head = "anomaly";
	compile_refused(p, "needs a squared distance");
	p = o;
	p.classes = "a,b,c";
	compile_refused(p, "3 class names, the model tells 2 classes apart");
	p = o;
	p.classes = "one,two";
	compile_refused(p, "is no class of the model");
	p = o;
	p.threshold = "1.5";
	compile_refused(p, "threshold \"1.5\"");
	p = o;
	p.label = NULL;
	compile_refused(p, "9 columns of features, the model's input has 8");
	p = o;
	p.schema = "f0 linear";
	compile_refused(p, "expand to 1 numbers, the model's input has 8");
	p = o;
	p.output = "q";
	compile_refused(p, "no node makes the output \"q\"");
	p = o;
	p.name = "a name that is longer than the sixty-three characters that a card has room for";
	compile_refused(p, "the card's name is");
	om_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relu), cmocka_unit_test(test_tables),
		cmocka_unit_test(test_formula), cmocka_unit_test(test_clip_and_norm),
		cmocka_unit_test(test_branches), cmocka_unit_test(test_wide),
		cmocka_unit_test(test_sigmoid_head), cmocka_unit_test(test_logits_head),
		cmocka_unit_test(test_distance), cmocka_unit_test(test_qdq),
		cmocka_unit_test(test_schema), cmocka_unit_test(test_bad_schema),
		cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, write_rows, remove_rows);
}
