// SPDX-License-Identifier: GPL-2.0-only
/*
 * From ONNX to an image, for models of tokens: float beside integers.
 *
 * What lives here: encoders as exports write them, in each way that each part
 * of them is written; what has to be refused, and why. What doesn't: layouts and
 * samples (test_compile_layout.c), models that PyTorch exports (tests/eval/encoders).
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
#include "seq_compile.h"

#define T	12
#define D	16
#define HEADS	4
#define SAMPLES	300

static char text[] = "/tmp/ink-test-XXXXXX";

/* Lines of 1 to T letters. */
static int write_samples(void **state)
{
	int fd = mkstemp(text), i, k, n;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	float v[T + 1];

	if (!f)
		return -1;
	for (i = 0; i < SAMPLES; i++) {
		om_random(v, T + 1, 31 * i + 5);
		n = 1 + (int)((v[T] + 1) / 2 * (T - 0.01));
		for (k = 0; k < n; k++)
			fputc('a' + (int)((v[k] + 1) * 12.9), f);
		fputc('\n', f);
	}
	return fclose(f);
}

static int remove_samples(void **state)
{
	return unlink(text);
}

static void compiled(struct ink_compile *c, struct ink_compile_options *o, struct ink_report *r)
{
	struct ink_diag why = { 0 };

	memset(c, 0, sizeof(*c));
	if (!ink_compile_run(c, o, &why) || !ink_seq_report(r, c, &c->samples, &why))
		fail_msg("%s; %s", why.text, why.hint);
}

static struct ink_compile_options options(struct om *m)
{
	return (struct ink_compile_options){
		.onnx = om_file(m), .calibrate = text, .head = "classes", .decimals = -1,
	};
}

/* Compile; scores at most @gap apart. Frees @m. */
static void close_to_float(struct om *m, double gap)
{
	struct ink_compile_options o = options(m);
	struct ink_compile c;
	struct ink_report r;

	compiled(&c, &o, &r);
	if (!(r.max_gap <= gap))
		fail_msg("scores differ by %g, allowed are %g", r.max_gap, gap);
	if (r.max_gap == 0)
		fail_msg("scores don't differ at all: what was compared?");
	assert_int_equal(r.rows, SAMPLES);
	ink_compile_free(&c);
	om_free(m);
}

/* Refused with @part in the text or the hint. Frees @m. */
static void refused(struct om *m, const char *part)
{
	struct ink_compile_options o = options(m);
	struct ink_compile c = { 0 };
	struct ink_diag why = { 0 };

	if (ink_compile_run(&c, &o, &why))
		fail_msg("compiled, not refused with \"%s\"", part);
	if (!strstr(why.text, part) && !strstr(why.hint, part))
		fail_msg("refused with \"%s; %s\", not with \"%s\"", why.text, why.hint, part);
	ink_compile_free(&c);
	om_free(m);
}

static void scalar(struct om *m, const char *name, float v)
{
	om_const(m, name, 0, 0, &v);
}

/* out = in W + b, as MatMul and Add. */
static void layer(struct om *m, const char *in, const char *out, int64_t n, int64_t k, uint32_t seed)
{
	char w[24], b[24], list[96], sum[64];

	snprintf(w, sizeof(w), "w%u", seed);
	snprintf(b, sizeof(b), "b%u", seed);
	om_weights(m, w, n, k, (float)sqrt(6.0 / n), seed);
	om_weights(m, b, k, 0, 0.3f, seed + 1000);
	snprintf(list, sizeof(list), "%s,%s", in, w);
	snprintf(sum, sizeof(sum), "%s_product", out);
	om_node(m, "MatMul", list, sum);
	snprintf(list, sizeof(list), "%s,%s", b, sum);
	om_node(m, "Add", list, out);
}

/* Input, "mask" (true for padding), and "h": embedding plus position. */
static struct om *begin(int64_t opset)
{
	struct om *m = om_new(opset, "ids", T);
	static const int64_t zero;

	om_tokens(m, T);
	om_ints(m, "zero", 7, 0, &zero);
	om_node(m, "Equal", "ids,zero", "mask");
	om_weights(m, "table", 257, D, 1, 1);
	om_node(m, "Gather", "table,ids", "e");
	om_weights(m, "position", T, D, 0.5f, 2);
	om_node(m, "Add", "e,position", "h");
	return m;
}

/* The mean of @in over the tokens, then two classes. */
static void head(struct om *m, const char *in)
{
	static const int64_t last = -1, one = 1;
	char list[48];

	om_node(m, "Not", "mask", "valid_b");
	om_node(m, "Cast", "valid_b", "valid_f");
	om_int(m, "to", 1);
	om_ints(m, "last", 7, 1, &last);
	om_ints(m, "one", 7, 1, &one);
	om_node(m, "Unsqueeze", "valid_f,last", "valid");
	snprintf(list, sizeof(list), "%s,valid", in);
	om_node(m, "Mul", list, "kept");
	om_node(m, "ReduceSum", "kept,one", "sum");
	om_int(m, "keepdims", 0);
	om_node(m, "ReduceSum", "valid,one", "count");
	om_int(m, "keepdims", 0);
	om_node(m, "Div", "sum,count", "mean");
	layer(m, "mean", "logits", D, 3, 900);
	om_output(m, "logits");
}

enum norm { NORM_NODE, NORM_PARTS, NORM_RMS, NORM_RECIPROCAL };

static void norm_parts(struct om *m, const char *in, const char *out, bool rms, bool reciprocal)
{
	static const int64_t last = -1;
	char list[64], c[32], s[32], v[32];

	snprintf(c, sizeof(c), "%s", in);
	if (!rms) {
		snprintf(c, sizeof(c), "%s_c", out);
		om_node(m, "ReduceMean", in, "mean_r");
		om_int_list(m, "axes", 1, &last);
		snprintf(list, sizeof(list), "%s,mean_r", in);
		om_node(m, "Sub", list, c);
	}
	scalar(m, "two", 2);
	snprintf(list, sizeof(list), "%s,two", c);
	om_node(m, "Pow", list, "squares");
	om_node(m, "ReduceMean", "squares", "variance");
	om_int_list(m, "axes", 1, &last);
	scalar(m, "eps", 1e-5f);
	om_node(m, "Add", "variance,eps", "v_eps");
	snprintf(s, sizeof(s), "%s_s", out);
	snprintf(v, sizeof(v), "%s_v", out);
	om_node(m, "Sqrt", "v_eps", s);
	if (reciprocal)
		om_node(m, "Reciprocal", s, v);
	snprintf(list, sizeof(list), "%s,%s", c, reciprocal ? v : s);
	snprintf(s, sizeof(s), "%s_n", out);
	om_node(m, reciprocal ? "Mul" : "Div", list, s);
	om_weights(m, "gamma", D, 0, 1, 40);
	om_weights(m, "beta", D, 0, 0.4f, 41);
	snprintf(list, sizeof(list), "%s,gamma", s);
	snprintf(v, sizeof(v), "%s_g", out);
	om_node(m, "Mul", list, v);
	snprintf(list, sizeof(list), "beta,%s", v);
	om_node(m, "Add", list, out);
}

static void norm(struct om *m, const char *in, const char *out, enum norm how)
{
	char list[64];

	if (how != NORM_NODE) {
		norm_parts(m, in, out, how == NORM_RMS, how == NORM_RECIPROCAL);
		return;
	}
	om_weights(m, "gamma", D, 0, 1, 40);
	om_weights(m, "beta", D, 0, 0.4f, 41);
	snprintf(list, sizeof(list), "%s,gamma,beta", in);
	om_node(m, "LayerNormalization", list, out);
	om_int(m, "axis", -1);
}

/* q, k, v of [1, T, D] by heads: [1, HEADS, T, d], k with its last two dimensions turned. */
static void heads_of(struct om *m, const char *in, const char *out, bool turned)
{
	static const int64_t dims[] = { 1, -1, HEADS, D / HEADS };
	char split[40];

	snprintf(split, sizeof(split), "%s_split", out);
	om_reshape(m, in, split, 4, dims);
	om_transpose(m, split, out, 4, turned ? (const int64_t[]){ 0, 2, 3, 1 } :
						(const int64_t[]){ 0, 2, 1, 3 });
}

/* Shares of qh and kt with "mask", times vh, back to [1, T, D]: "a". */
static void attend(struct om *m, bool masked)
{
	static const int64_t axes[] = { 1, 2 }, dims[] = { 1, -1, D };

	om_node(m, "MatMul", "qh,kt", "scores");
	scalar(m, "root", 2);
	om_node(m, "Div", "scores,root", "scaled");
	if (masked) {
		om_ints(m, "axes", 7, 2, axes);
		om_node(m, "Unsqueeze", "mask,axes", "mask4");
		scalar(m, "low", -1e9f);
		om_node(m, "Where", "mask4,low,scaled", "shown");
	}
	om_node(m, "Softmax", masked ? "shown" : "scaled", "shares");
	om_int(m, "axis", -1);
	om_node(m, "MatMul", "shares,vh", "by_heads");
	om_transpose(m, "by_heads", "by_rows", 4, (const int64_t[]){ 0, 2, 1, 3 });
	om_reshape(m, "by_rows", "joined", 3, dims);
	layer(m, "joined", "a", D, D, 60);
}

static void attention(struct om *m, const char *in, bool masked)
{
	layer(m, in, "q", D, D, 50);
	layer(m, in, "k", D, D, 51);
	layer(m, in, "v", D, D, 52);
	heads_of(m, "q", "qh", false);
	heads_of(m, "k", "kt", true);
	heads_of(m, "v", "vh", false);
	attend(m, masked);
}

static void gelu(struct om *m, const char *in, const char *out)
{
	char list[48];

	scalar(m, "sqrt2", 1.41421356f);
	snprintf(list, sizeof(list), "%s,sqrt2", in);
	om_node(m, "Div", list, "g_div");
	om_node(m, "Erf", "g_div", "g_erf");
	scalar(m, "g_one", 1);
	om_node(m, "Add", "g_erf,g_one", "g_sum");
	snprintf(list, sizeof(list), "%s,g_sum", in);
	om_node(m, "Mul", list, "g_mul");
	scalar(m, "half", 0.5f);
	snprintf(list, sizeof(list), "g_mul,half");
	om_node(m, "Mul", list, out);
}

/* One layer, normalised before, with each way to write a normalisation. */
static void test_encoder(void **state)
{
	enum norm how;

	for (how = NORM_NODE; how <= NORM_RECIPROCAL; how++) {
		struct om *m = begin(how == NORM_NODE ? 17 : 13);

		norm(m, "h", "n", how);
		attention(m, "n", true);
		om_node(m, "Add", "h,a", "h1");
		layer(m, "h1", "up", D, 2 * D, 70);
		gelu(m, "up", "act");
		layer(m, "act", "down", 2 * D, D, 71);
		om_node(m, "Add", "down,h1", "h2");
		head(m, "h2");
		close_to_float(m, 0.02);
	}
}

/* One projection for all three, told apart by Split, Slice and Gather. */
static void test_packed(void **state)
{
	static const int64_t five[] = { 1, T, 3, HEADS, D / HEADS }, perm[] = { 2, 0, 3, 1, 4 };
	static const int64_t index[] = { 0, 1, 2 }, start[] = { 0, D, 2 * D, 3 * D }, axis = -1;
	static const char * const to[] = { "q", "k", "v" };
	int how, k;

	for (how = 0; how < 3; how++) {
		struct om *m = begin(13);
		char list[64], name[16];

		layer(m, "h", "qkv", D, 3 * D, 53);
		if (how == 0)
			om_node(m, "Split", "qkv", "q,k,v");
		if (how == 0)
			om_int(m, "axis", 2);
		for (k = 0; how == 1 && k < 3; k++) {
			snprintf(name, sizeof(name), "s%d", k);
			om_ints(m, name, 7, 1, &start[k]);
			snprintf(name, sizeof(name), "t%d", k);
			om_ints(m, name, 7, 1, &start[k + 1]);
		}
		om_ints(m, "cut_axis", 7, 1, &axis);
		for (k = 0; how == 1 && k < 3; k++) {
			snprintf(list, sizeof(list), "qkv,s%d,t%d,cut_axis", k, k);
			om_node(m, "Slice", list, to[k]);
		}
		if (how == 2) {
			om_reshape(m, "qkv", "five", 5, five);
			om_transpose(m, "five", "turned", 5, perm);
			for (k = 0; k < 3; k++) {
				snprintf(name, sizeof(name), "i%d", k);
				om_ints(m, name, 7, 0, &index[k]);
				snprintf(list, sizeof(list), "turned,%s", name);
				om_node(m, "Gather", list, k == 1 ? "kh" : k ? "vh" : "qh");
				om_int(m, "axis", 0);
			}
			om_transpose(m, "kh", "kt", 4, (const int64_t[]){ 0, 1, 3, 2 });
		} else {
			heads_of(m, "q", "qh", false);
			heads_of(m, "k", "kt", true);
			heads_of(m, "v", "vh", false);
		}
		attend(m, true);
		head(m, "a");
		close_to_float(m, 0.02);
	}
}

static void test_activations(void **state)
{
	static const char * const ops[] = { "Relu", "Tanh", "Sigmoid", "Elu", "silu", "gate" };
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct om *m = begin(13);

		layer(m, "h", "up", D, 2 * D, 70);
		if (!strcmp(ops[i], "silu") || !strcmp(ops[i], "gate")) {
			om_node(m, "Sigmoid", "up", "s");
			om_node(m, "Mul", "up,s", "act0");
			layer(m, "h", "other", D, 2 * D, 72);
			om_node(m, ops[i][0] == 'g' ? "Mul" : "Identity",
				ops[i][0] == 'g' ? "act0,other" : "act0", "act");
		} else {
			om_node(m, ops[i], "up", "act");
		}
		layer(m, "act", "down", 2 * D, D, 71);
		om_node(m, "Add", "down,h", "h2");
		head(m, "h2");
		close_to_float(m, 0.02);
	}
}

/* The first row, the greatest of all, and shares by a score for each token. */
static void test_pools(void **state)
{
	static const int64_t zero, two = 2, one = 1;
	int how;

	for (how = 0; how < 3; how++) {
		struct om *m = begin(13);

		attention(m, "h", true);
		om_ints(m, "axis2", 7, 1, &two);
		om_ints(m, "axis1", 7, 1, &one);
		om_ints(m, "first", 7, 0, &zero);
		om_node(m, "Unsqueeze", "mask,axis2", "mask3");
		scalar(m, "lowest", -1e9f);
		if (how == 0) {
			om_node(m, "Gather", "a,first", "row");
			om_int(m, "axis", 1);
		} else if (how == 1) {
			om_node(m, "Where", "mask3,lowest,a", "seen");
			om_node(m, "ReduceMax", "seen", "row");
			om_int_list(m, "axes", 1, &one);
			om_int(m, "keepdims", 0);
		} else {
			layer(m, "a", "score", D, 1, 80);
			om_node(m, "Where", "mask3,lowest,score", "seen");
			om_node(m, "Softmax", "seen", "share");
			om_int(m, "axis", 1);
			om_transpose(m, "share", "share_t", 3, (const int64_t[]){ 0, 2, 1 });
			om_node(m, "MatMul", "share_t,a", "row3");
			om_node(m, "Squeeze", "row3,axis1", "row");
		}
		layer(m, "row", "logits", D, 3, 900);
		om_output(m, "logits");
		close_to_float(m, 0.02);
	}
}

/* Layers over the tokens, as in MLP-Mixer; the model takes T of them always. */
static void test_mixer(void **state)
{
	struct om *m = om_new(13, "ids", T);

	om_tokens(m, T);
	om_weights(m, "table", 257, D, 1, 1);
	om_node(m, "Gather", "table,ids", "h");
	norm(m, "h", "n", NORM_PARTS);
	om_transpose(m, "n", "t", 3, (const int64_t[]){ 0, 2, 1 });
	layer(m, "t", "up", T, 20, 70);
	gelu(m, "up", "act");
	layer(m, "act", "down", 20, T, 71);
	om_transpose(m, "down", "back", 3, (const int64_t[]){ 0, 2, 1 });
	om_node(m, "Add", "h,back", "h2");
	om_node(m, "ReduceMean", "h2", "mean");
	om_int_list(m, "axes", 1, (const int64_t[]){ 1 });
	om_int(m, "keepdims", 0);
	layer(m, "mean", "logits", D, 2, 900);
	om_node(m, "Softmax", "logits", "p");
	om_output(m, "p");
	close_to_float(m, 0.02);
}

static void conv(struct om *m, const char *in, const char *out)
{
	static const int64_t kernel = 3, pads[] = { 1, 1 };
	static int64_t dims[] = { D, D, 3 };
	char list[40];

	om_weights(m, "kernel", D, D * 3, 0.4f, 90);
	om_model(m)->graph->initializer[om_model(m)->graph->n_initializer - 1]->n_dims = 3;
	om_model(m)->graph->initializer[om_model(m)->graph->n_initializer - 1]->dims = dims;
	snprintf(list, sizeof(list), "%s,kernel", in);
	om_node(m, "Conv", list, out);
	om_int_list(m, "kernel_shape", 1, &kernel);
	om_int_list(m, "pads", 2, pads);
}

/* Windows may look at what fills up only where that is zero. */
static void test_conv(void **state)
{
	static const int64_t two = 2;
	int masked;

	for (masked = 0; masked < 2; masked++) {
		struct om *m = begin(13);

		om_ints(m, "axis2", 7, 1, &two);
		om_node(m, "Unsqueeze", "mask,axis2", "mask3");
		scalar(m, "nothing", 0);
		om_node(m, "Where", "mask3,nothing,h", "clean");
		om_transpose(m, masked ? "clean" : "h", "t", 3, (const int64_t[]){ 0, 2, 1 });
		conv(m, "t", "c");
		om_node(m, "Relu", "c", "r");
		om_transpose(m, "r", "back", 3, (const int64_t[]){ 0, 2, 1 });
		head(m, "back");
		if (masked)
			close_to_float(m, 0.02);
		else
			refused(m, "Conv at node 6 (make_c): mixes tokens with what only fills up");
	}
}

static void slice(struct om *m, const char *in, const char *out, int64_t from, int64_t end,
		  int64_t axis)
{
	char name[3][32], list[128];
	const int64_t v[3] = { from, end, axis };
	int i;

	for (i = 0; i < 3; i++) {
		snprintf(name[i], sizeof(name[i]), "%s_%d", out, i);
		om_ints(m, name[i], 7, 1, &v[i]);
	}
	snprintf(list, sizeof(list), "%s,%s,%s,%s", in, name[0], name[1], name[2]);
	om_node(m, "Slice", list, out);
}

/* Rows of a table by a hash of two tokens, beside those by token. */
static void test_hashed(void **state)
{
	static const int64_t one = 1, pads[] = { 0, 1, 0, 0 }, seed = 5, all = 1ll << 32, high = 32768, rows = 64;
	int64_t factor;

	for (factor = 648053; factor < 648057; factor += 2) {
		struct om *m = begin(13);

		om_ints(m, "next", 7, 0, &one);
		om_ints(m, "pads", 7, 4, pads);
		om_ints(m, "seed", 7, 0, &seed);
		om_ints(m, "factor", 7, 0, &factor);
		om_ints(m, "all", 7, 0, &all);
		om_ints(m, "high", 7, 0, &high);
		om_ints(m, "rows", 7, 0, &rows);
		om_node(m, "Add", "ids,next", "t");
		om_node(m, "Pad", "t,pads", "p");
		slice(m, "p", "before", 0, T, 1);
		slice(m, "p", "itself", 1, T + 1, 1);
		om_node(m, "Add", "before,seed", "s1");
		om_node(m, "Mul", "s1,factor", "m1");
		om_node(m, "Mod", "m1,all", "h1");
		om_node(m, "Add", "h1,itself", "s2");
		om_node(m, "Mul", "s2,factor", "m2");
		om_node(m, "Mod", "m2,all", "h2");
		om_node(m, "Div", "h2,high", "d");
		om_node(m, "Mod", "d,rows", "row");
		om_weights(m, "hashed", 64, D, 1, 60);
		om_node(m, "Gather", "hashed,row", "g");
		om_node(m, "Add", "h,g", "all_of_it");
		head(m, "all_of_it");
		if (factor == 648053)
			close_to_float(m, 0.02);
		else
			refused(m, "Mul at node 8 (make_m1): can't be expressed of numbers made of tokens");
	}
}

/* The two greatest of four, and what two of the four say times that. */
static void test_gated(void **state)
{
	static const int64_t two = 2;
	int64_t from;

	for (from = 1; from >= 0; from--) {
		struct om *m = begin(13);

		om_ints(m, "two", 7, 1, &two);
		scalar(m, "low", -INFINITY);
		layer(m, "h", "score", D, 4, 80);
		om_node(m, "TopK", "score,two", "top");
		slice(m, "top", "least", from, from + 1, 2);
		om_node(m, "Less", "score,least", "below");
		om_node(m, "Where", "below,low,score", "greatest");
		om_node(m, "Softmax", "greatest", "share");
		om_int(m, "axis", -1);
		slice(m, "share", "share1", 1, 2, 2);
		slice(m, "share", "share3", 3, 4, 2);
		layer(m, "h", "expert1", D, D, 81);
		layer(m, "h", "expert3", D, D, 82);
		om_node(m, "Mul", "share1,expert1", "y1");
		om_node(m, "Mul", "expert3,share3", "y3");
		om_node(m, "Add", "h,y1", "sum1");
		om_node(m, "Add", "sum1,y3", "all_of_it");
		head(m, "all_of_it");
		if (from)
			close_to_float(m, 0.05);	/* of scores that are nearly alike, integers may choose another */
		else
			refused(m, "of the greatest, supported is a softmax of them");
	}
}

/* Rows come later; sooner they don't where what fills up would come with them. */
static void test_shifted(void **state)
{
	int64_t by;

	for (by = 1; by >= -1; by -= 2) {
		const int64_t pads[] = { 0, by, 0, 0, -by, 0 };
		struct om *m = begin(13);

		om_ints(m, "pads", 7, 6, pads);
		om_node(m, "Pad", "h,pads", "moved");
		layer(m, "moved", "more", D, D, 85);
		om_node(m, "Add", "h,more", "all_of_it");
		head(m, "all_of_it");
		if (by > 0)
			close_to_float(m, 0.02);
		else
			refused(m, "Pad at node 3 (make_moved): mixes tokens with what only fills up");
	}
}

/* The mask as an input of its own, 1 for tokens, and inputs that say nothing new. */
static void test_inputs(void **state)
{
	static const int64_t axes[] = { 1, 2 };
	struct om *m = om_new(13, "input_ids", T);

	om_tokens(m, T);
	om_input(m, "attention_mask");
	om_input(m, "token_type_ids");
	om_weights(m, "table", 257, D, 1, 1);
	om_weights(m, "types", 2, D, 1, 2);
	om_node(m, "Gather", "table,input_ids", "e");
	om_node(m, "Gather", "types,token_type_ids", "t");
	om_node(m, "Add", "e,t", "h");
	om_node(m, "Cast", "attention_mask", "valid");
	om_int(m, "to", 1);
	scalar(m, "all", 1);
	scalar(m, "lowest", -3e38f);
	om_node(m, "Sub", "all,valid", "pad");
	om_node(m, "Mul", "pad,lowest", "low");
	om_ints(m, "axes", 7, 2, axes);
	om_node(m, "Unsqueeze", "low,axes", "low4");
	layer(m, "h", "q", D, D, 50);
	heads_of(m, "q", "qh", false);
	heads_of(m, "q", "kt", true);
	om_node(m, "MatMul", "qh,kt", "scores");
	om_node(m, "Add", "scores,low4", "seen");
	om_node(m, "Softmax", "seen", "shares");
	om_node(m, "MatMul", "shares,qh", "by_heads");
	om_transpose(m, "by_heads", "by_rows", 4, (const int64_t[]){ 0, 2, 1, 3 });
	om_reshape(m, "by_rows", "joined", 3, (const int64_t[]){ 1, -1, D });
	om_ints(m, "first", 7, 0, (const int64_t[]){ 0 });
	om_node(m, "Gather", "joined,first", "row");
	om_int(m, "axis", 1);
	layer(m, "row", "logits", D, 3, 900);
	om_output(m, "logits");
	close_to_float(m, 0.02);

	m = begin(13);
	om_input(m, "other");
	head(m, "h");
	refused(m, "several inputs, among them \"other\"");
}

static void test_refused(void **state)
{
	static const int64_t one = 1;
	struct om *m = begin(13);

	attention(m, "h", false);
	head(m, "a");
	refused(m, "attends to what only fills up");

	m = begin(13);
	attention(m, "h", true);
	om_node(m, "ReduceMean", "a", "mean");
	om_int_list(m, "axes", 1, &one);
	layer(m, "mean", "logits", D, 3, 900);
	om_output(m, "logits");
	refused(m, "counts what only fills up");

	m = begin(13);
	om_node(m, "MatMul", "h,nothing", "y");
	om_output(m, "y");
	refused(m, "MatMul at node 3 (make_y) reads \"nothing\", which nothing makes");

	m = begin(13);
	om_node(m, "LSTM", "h", "y");
	om_output(m, "y");
	refused(m, "LSTM at node 3 (make_y): the operator isn't supported");

	m = begin(13);
	om_node(m, "Log", "h", "y");
	head(m, "y");
	refused(m, "Log at node 3 (make_y): can't be expressed of activations 1x12x16");

	m = begin(13);
	layer(m, "h", "y", D, 4, 70);
	om_output(m, "y");
	refused(m, "has a row for each token");

	m = om_new(13, "ids", T);
	om_tokens(m, T);
	om_weights(m, "table", 20, D, 1, 1);
	om_node(m, "Gather", "table,ids", "h");
	layer(m, "h", "y", D, 4, 70);
	om_node(m, "ReduceMean", "y", "p");
	om_int_list(m, "axes", 1, &one);
	om_output(m, "p");
	refused(m, "index");
}

/* The same model and samples give the same bytes. */
static void test_same(void **state)
{
	struct ink_compile_options o;
	struct ink_compile c[2];
	struct ink_report r;
	struct om *m = begin(13);
	int i;

	attention(m, "h", true);
	head(m, "a");
	o = options(m);
	for (i = 0; i < 2; i++)
		compiled(&c[i], &o, &r);
	assert_int_equal(c[0].size, c[1].size);
	assert_memory_equal(c[0].image, c[1].image, c[0].size);
	for (i = 0; i < 2; i++)
		ink_compile_free(&c[i]);
	om_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoder),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_activations),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_mixer),
		cmocka_unit_test(test_conv),
		cmocka_unit_test(test_hashed),
		cmocka_unit_test(test_gated),
		cmocka_unit_test(test_shifted),
		cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, write_samples, remove_samples);
}
