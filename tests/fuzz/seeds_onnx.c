// SPDX-License-Identifier: GPL-2.0-only
/*
 * First inputs of the compiler's fuzzer.
 *
 * What lives here: small models that between them have every operator. What
 * doesn't: changing them (onnx_mutator.c).
 */
#include <stdio.h>
#include <stdlib.h>

#include "onnx_make.h"

static const char *folder;

static void write_model(struct om *m, const char *name)
{
	char path[4096];
	uint8_t *p;
	size_t size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.onnx", folder, name);
	p = om_pack(m, &size);
	f = fopen(path, "wb");
	if (!f || fwrite(p, 1, size, f) != size || fclose(f)) {
		perror(path);
		exit(1);
	}
	free(p);
	om_free(m);
}

static struct om *mlp(const char *activation)
{
	struct om *m = om_new(13, "x", 4);

	om_weights(m, "w0", 4, 6, 1, 1);
	om_weights(m, "b0", 6, 0, 1, 2);
	om_weights(m, "w1", 6, 2, 1, 3);
	om_node(m, "Gemm", "x,w0,b0", "h");
	om_node(m, activation, "h", "a");
	om_node(m, "MatMul", "a,w1", "z");
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	return m;
}

static void activations(void)
{
	static const char * const names[] = {
		"Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "Elu", "Selu", "Softplus",
		"Softsign", "HardSigmoid", "HardSwish", "Erf", "Gelu", "Abs", "Neg", "Exp",
		"Identity", "Dropout", "Flatten",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		write_model(mlp(names[i]), names[i]);
}

static void branches(void)
{
	struct om *m = om_new(13, "x", 4);

	om_weights(m, "w0", 4, 6, 1, 1);
	om_weights(m, "w1", 6, 6, 1, 2);
	om_weights(m, "w2", 16, 3, 1, 3);
	om_weights(m, "c", 6, 0, 1, 4);
	om_node(m, "MatMul", "x,w0", "h");
	om_node(m, "Mul", "h,c", "s");
	om_node(m, "Relu", "s", "a");
	om_node(m, "MatMul", "a,w1", "b");
	om_node(m, "Add", "a,b", "r");
	om_node(m, "Sigmoid", "b", "g");
	om_node(m, "Mul", "r,g", "k");
	om_node(m, "Concat", "k,x,r", "j");
	om_int(m, "axis", 1);
	om_node(m, "MatMul", "j,w2", "z");
	om_node(m, "Softmax", "z", "p");
	om_output(m, "p");
	write_model(m, "branches");
}

static void distance(void)
{
	struct om *m = om_new(13, "x", 4);

	om_weights(m, "w0", 4, 2, 1, 1);
	om_weights(m, "w1", 2, 4, 1, 2);
	om_node(m, "MatMul", "x,w0", "h");
	om_node(m, "Tanh", "h", "a");
	om_node(m, "MatMul", "a,w1", "y");
	om_node(m, "Sub", "x,y", "d");
	om_node(m, "Mul", "d,d", "q");
	om_node(m, "ReduceMean", "q", "e");
	om_int_list(m, "axes", 1, (const int64_t[]){ 1 });
	om_output(m, "e");
	write_model(m, "distance");
}

static void quantised(void)
{
	static const int64_t w[8] = { 5, -9, 100, -127, 3, 77, -31, 0 }, zero[1] = { 0 };
	static const float s = 0.02f;
	struct om *m = om_new(13, "x", 4);
	Inkonnx__Tensor *t = om_ints(m, "wq", 3, 8, w);

	t->n_dims = 2;
	t->dims[0] = 4;
	t->dims[1] = 2;
	om_const(m, "s", 0, 0, &s);
	om_ints(m, "z", 3, 0, zero);
	om_node(m, "QuantizeLinear", "x,s,z", "xq");
	om_node(m, "DequantizeLinear", "xq,s,z", "xd");
	om_node(m, "DequantizeLinear", "wq,s,z", "wd");
	om_node(m, "MatMul", "xd,wd", "y");
	om_node(m, "Sigmoid", "y", "p");
	om_output(m, "p");
	write_model(m, "quantised");
}

static void shapes(void)
{
	static const int64_t shape[3] = { -1, 2, 2 }, axes[1] = { 1 }, perm[2] = { 1, 0 };
	struct om *m = om_new(13, "x", 4);

	om_weights(m, "w", 1, 4, 1, 1);
	om_weights(m, "n", 4, 0, 1, 2);
	om_ints(m, "shape", 7, 3, shape);
	om_ints(m, "axes", 7, 1, axes);
	om_node(m, "BatchNormalization", "x,n,n,n,v", "bn");
	om_const(m, "v", 4, 0, (const float[]){ 1, 2, 3, 4 });
	om_node(m, "Reshape", "bn,shape", "r");
	om_node(m, "Unsqueeze", "r,axes", "u");
	om_node(m, "Squeeze", "u,axes", "s");
	om_node(m, "Flatten", "s", "f");
	om_node(m, "Transpose", "w", "t");
	om_int_list(m, "perm", 2, perm);
	om_node(m, "Gemm", "f,t", "y");
	om_node(m, "Sigmoid", "y", "p");
	om_output(m, "p");
	write_model(m, "shapes");
}

/* An encoder of one head, mask, mean and formula. */
static void tokens(void)
{
	static const int64_t zero, last[1] = { -1 }, one[1] = { 1 }, perm[3] = { 0, 2, 1 };
	struct om *m = om_new(13, "ids", 8);

	om_tokens(m, 8);
	om_ints(m, "zero", 7, 0, &zero);
	om_ints(m, "last", 7, 1, last);
	om_ints(m, "one", 7, 1, one);
	om_weights(m, "table", 20, 4, 1, 1);
	om_weights(m, "w", 4, 4, 1, 2);
	om_weights(m, "n", 4, 0, 1, 3);
	om_const(m, "low", 0, 0, (const float[]){ -1e9f });
	om_node(m, "Equal", "ids,zero", "mask");
	om_node(m, "Gather", "table,ids", "e");
	om_node(m, "LayerNormalization", "e,n,n", "h");
	om_node(m, "MatMul", "h,w", "q");
	om_node(m, "Add", "q,n", "k");
	om_transpose(m, "k", "kt", 3, perm);
	om_node(m, "MatMul", "q,kt", "s");
	om_node(m, "Unsqueeze", "mask,one", "m3");
	om_node(m, "Where", "m3,low,s", "shown");
	om_node(m, "Softmax", "shown", "shares");
	om_node(m, "MatMul", "shares,h", "a");
	om_node(m, "Add", "a,h", "r");
	om_node(m, "Sigmoid", "r", "g");
	om_node(m, "Mul", "r,g", "act");
	om_node(m, "Not", "mask", "not");
	om_node(m, "Cast", "not", "real");
	om_int(m, "to", 1);
	om_node(m, "Unsqueeze", "real,last", "keep");
	om_node(m, "Mul", "act,keep", "kept");
	om_node(m, "ReduceSum", "kept,one", "sum");
	om_node(m, "ReduceSum", "keep,one", "count");
	om_node(m, "Div", "sum,count", "y");
	om_output(m, "y");
	write_model(m, "tokens");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	folder = argv[1];
	activations();
	branches();
	distance();
	quantised();
	shapes();
	tokens();
	return 0;
}
