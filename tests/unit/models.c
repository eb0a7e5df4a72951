// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fixed images of models.h and access to their parts.
 *
 * What lives here: three small networks with arbitrary but fixed weights,
 * written with the project's own image writer. What doesn't: how random ones
 * are made, see tests/lib/randmodel.c.
 */
#include "models.h"

#include <assert.h>

struct image image_copy(const void *p, size_t size)
{
	struct image img = { .size = size };

	assert(!posix_memalign((void **)&img.p, 64, size ? size : 1));
	memcpy(img.p, p, size);
	return img;
}

struct image image_finish(struct ink_builder *b)
{
	struct image img;
	size_t size;
	void *p;

	if (ink_builder_finish(b, &p, &size)) {
		fprintf(stderr, "# builder: %s\n", ink_builder_error(b));
		abort();
	}
	img = image_copy(p, size);
	free(p);
	ink_builder_free(b);
	return img;
}

void image_free(struct image *img)
{
	free(img->p);
	img->p = NULL;
}

struct inkling_header *image_header(const struct image *img)
{
	return (struct inkling_header *)img->p;
}

static void *section(const struct image *img, u32 id)
{
	return img->p + image_header(img)->section[id].offset;
}

struct inkling_card *image_card(const struct image *img)
{
	return section(img, INKLING_SEC_CARD);
}

struct inkling_feature *image_feature(const struct image *img, u32 i)
{
	return (struct inkling_feature *)section(img, INKLING_SEC_FEATURES) + i;
}

struct inkling_name *image_name(const struct image *img, u32 i)
{
	return (struct inkling_name *)section(img, INKLING_SEC_NAMES) + i;
}

struct inkling_tensor *image_tensor(const struct image *img, u32 i)
{
	return (struct inkling_tensor *)section(img, INKLING_SEC_TENSORS) + i;
}

struct inkling_op *image_op(const struct image *img, u32 i)
{
	return (struct inkling_op *)section(img, INKLING_SEC_OPS) + i;
}

void *image_data(const struct image *img, u32 tensor)
{
	return (u8 *)section(img, INKLING_SEC_DATA) + image_tensor(img, tensor)->data_offset;
}

static struct ink_builder *start(const char *name)
{
	struct ink_builder *b = ink_builder_new();

	assert(b);
	ink_builder_text(b, ink_builder_card(b)->name, 64, "name", name);
	ink_builder_text(b, ink_builder_card(b)->version, 32, "version", "1.0");
	ink_builder_text(b, ink_builder_card(b)->license, 64, "license", "GPL-2.0-only");
	ink_builder_text(b, ink_builder_card(b)->description, 256, "description",
			 "Made by a test; it tells nothing apart.");
	return b;
}

/* Adds the output and the constants of a DENSE, in this order, and the op. */
static u32 dense(struct ink_builder *b, struct ink_rand *r, u32 in, u32 n, u32 m, u32 dtype,
		 const s8 *table, s32 mult, s8 shift)
{
	s8 weights[256], shifts[16];
	s32 bias[16], mults[16];
	struct ink_builder_dense d = {
		.n = n, .m = m, .weights = weights, .bias = bias, .mult = mults,
		.shift = shifts, .table = table, .zero_point = -3,
		.lowest = dtype == INKLING_INT8 ? -100 : -20000,
		.highest = dtype == INKLING_INT8 ? 101 : 20001,
	};
	u32 i, out = ink_builder_activation(b, dtype, m);

	assert(n * m <= ARRAY_SIZE(weights) && m <= ARRAY_SIZE(bias));
	for (i = 0; i < n * m; i++)
		weights[i] = (s8)ink_rand_range(r, -127, 127);
	for (i = 0; i < m; i++) {
		bias[i] = (s32)ink_rand_range(r, -5000, 5000);
		mults[i] = mult;
		shifts[i] = shift;
	}
	ink_builder_dense(b, in, out, &d);
	return out;
}

static void fill_table(s8 *table, struct ink_rand *r)
{
	u32 i;

	for (i = 0; i < 256; i++)
		table[i] = (s8)ink_rand_range(r, -120, 120);
}

static struct image flow(void)
{
	static const char *const protocols[] = { "tcp", "udp", "icmp" };
	static const struct inkling_quant_row rows[3] = {
		{ INKLING_QUANT_LINEAR, 0, -10, 1000, 1 << 28, 30, -128, 1 },
		{ INKLING_QUANT_LOG2, 1, 0, 1 << 30, 1 << 23, 37, -100, 1 },
		{ INKLING_QUANT_ONEHOT, 2, 0, 2, 100, 0, -20, 3 },
	};
	const s32 softmax[2] = { 70000, 4 };
	struct ink_builder *b = start("flow");
	struct ink_rand r = { 1 };
	s8 table[256];
	u32 in[2], out;

	ink_builder_class(b, "benign");
	ink_builder_class(b, "scan");
	ink_builder_class(b, "flood");
	ink_builder_number(b, "duration", 0);
	ink_builder_number(b, "rate", 2);
	ink_builder_category(b, "protocol", protocols, ARRAY_SIZE(protocols));
	in[0] = ink_builder_input(b, INKLING_INT32, 3);
	in[1] = ink_builder_matrix(b, INKLING_INT32, 3, 8, rows);
	out = ink_builder_activation(b, INKLING_INT8, 5);
	ink_builder_op(b, INKLING_OP_QUANT, out, in, 2, NULL, 0);
	out = dense(b, &r, out, 5, 4, INKLING_INT8, NULL, 1 << 29, 37);
	fill_table(table, &r);
	out = dense(b, &r, out, 4, 6, INKLING_INT8, table, 1 << 29, 37);
	in[0] = out;
	out = ink_builder_activation(b, INKLING_INT8, 6);
	in[1] = ink_builder_vector(b, INKLING_INT8, 256, table);
	ink_builder_op(b, INKLING_OP_LUT, out, in, 2, NULL, 0);
	in[0] = dense(b, &r, out, 6, 3, INKLING_INT32, NULL, 1 << 30, 32);
	out = ink_builder_activation(b, INKLING_INT16, 3);
	ink_builder_op(b, INKLING_OP_SOFTMAX, out, in, 1, softmax, 2);
	ink_builder_io(b, FLOW_IN, out, INKLING_HEAD_CLASSES, 16384);
	assert(out == FLOW_P);
	return image_finish(b);
}

static struct image recon(void)
{
	const s32 attr[4] = { 5, -7, 1 << 20, 24 };
	struct ink_builder *b = start("recon");
	struct ink_rand r = { 2 };
	u32 in[2], out;

	ink_builder_class(b, "normal");
	ink_builder_class(b, "anomalous");
	out = ink_builder_input(b, INKLING_INT8, MIX_N);
	in[0] = dense(b, &r, out, MIX_N, MIX_N, INKLING_INT16, NULL, 1 << 30, 32);
	in[1] = dense(b, &r, out, MIX_N, MIX_N, INKLING_INT16, NULL, 1 << 30, 33);
	out = ink_builder_activation(b, INKLING_INT32, 1);
	ink_builder_op(b, INKLING_OP_DIST, out, in, 2, attr, 4);
	ink_builder_io(b, RECON_IN, out, INKLING_HEAD_ANOMALY, 1000);
	assert(out == RECON_D);
	return image_finish(b);
}

static struct image mix(void)
{
	const s32 add[8] = { 3, -4, 50000, -40000, 24, 1, -90, 91 };
	const s32 mul[8] = { 2, -5, 3000, 0, 35, -1, -95, 96 };
	s16 k[MIX_N] = { 100, -200, 300, -400, 500, -600, 700, -32768 };
	struct ink_builder *b = start("mix");
	struct ink_rand r = { 4 };
	u32 in[3], c, d, e, f, out;
	s8 table[256];

	out = ink_builder_input(b, INKLING_INT8, MIX_N);
	in[0] = dense(b, &r, out, MIX_N, MIX_N, INKLING_INT16, NULL, 1 << 30, 32);
	in[1] = dense(b, &r, out, MIX_N, MIX_N, INKLING_INT16, NULL, 1 << 30, 33);
	c = ink_builder_activation(b, INKLING_INT8, MIX_N);
	ink_builder_op(b, INKLING_OP_ADD, c, in, 2, add, 8);
	d = ink_builder_activation(b, INKLING_INT8, MIX_N);
	in[1] = ink_builder_vector(b, INKLING_INT16, MIX_N, k);
	ink_builder_op(b, INKLING_OP_MUL, d, in, 2, mul, 8);
	e = ink_builder_activation(b, INKLING_INT8, MIX_N);
	fill_table(table, &r);
	in[0] = c;
	in[1] = ink_builder_vector(b, INKLING_INT8, 256, table);
	ink_builder_op(b, INKLING_OP_LUT, e, in, 2, NULL, 0);
	f = ink_builder_activation(b, INKLING_INT8, 3 * MIX_N);
	in[0] = d;
	in[1] = e;
	in[2] = MIX_IN;
	ink_builder_op(b, INKLING_OP_CONCAT, f, in, 3, NULL, 0);
	out = ink_builder_activation(b, INKLING_INT32, 2);
	ink_builder_op(b, INKLING_OP_ARGMAX, out, &f, 1, NULL, 0);
	ink_builder_io(b, MIX_IN, out, INKLING_HEAD_RAW, 0);
	assert(out == MIX_G);
	return image_finish(b);
}

struct image model_image(enum model which)
{
	return which == MODEL_FLOW ? flow() : which == MODEL_RECON ? recon() : mix();
}

const char *model_name(enum model which)
{
	return which == MODEL_FLOW ? "flow" : which == MODEL_RECON ? "recon" : "mix";
}

/* LARGE is left out: its images are for what takes more than one step. */
struct image random_image(u64 seed)
{
	u32 kind = seed % (INK_RANDMODEL_LARGE + 1);

	return random_image_of(kind == INK_RANDMODEL_LARGE ? INK_RANDMODEL_ENCODER : kind, seed);
}

struct image random_image_of(enum ink_randmodel_kind kind, u64 seed)
{
	struct image img;
	size_t size;
	void *p;

	assert(!ink_randmodel_build(kind, seed, &p, &size));
	img = image_copy(p, size);
	free(p);
	return img;
}
