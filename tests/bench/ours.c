// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine as a contender. See ours.h.
 *
 * What lives here: the same image that a compiler would have made, built piece by piece, and
 * running its plan in this process.
 */
#include "image_builder.h"
#include "ours.h"

static u32 add_layers(struct ink_builder *b, const struct net *net, u32 t)
{
	u32 i, k;

	for (i = 0; i < net->layers; i++) {
		const struct layer *l = &net->layer[i];
		s32 *mult = malloc(l->m * 4);
		s8 *shift = malloc(l->m);
		struct ink_builder_dense d = {
			.n = l->n, .m = l->m, .weights = l->w, .bias = l->folded, .mult = mult,
			.shift = shift, .zero_point = l->zp_out, .lowest = l->lowest,
			.highest = 127,
		};
		u32 out = ink_builder_activation(b, INKLING_INT8, l->m);

		for (k = 0; k < l->m; k++) {
			mult[k] = l->mult;
			shift[k] = l->shift;
		}
		ink_builder_dense(b, t, out, &d);
		free(mult);
		free(shift);
		t = out;
	}
	return t;
}

/*
 * Raw features for a network: @onehots categories as in NSL-KDD (3, 70 and 11
 * names), then numbers, in turn linear and logarithmic.
 */
static u32 add_quant(struct ink_builder *b, const struct net *net, u32 onehots, u32 *input)
{
	static const u32 names[] = { 3, 70, 11 };
	struct inkling_quant_row rows[1024] = { 0 };
	u32 n = net->layer[0].n, width = 0, r, out;

	for (r = 0; width < n; r++) {
		struct inkling_quant_row *q = &rows[r];

		q->feature = (s32)r;
		if (r && r <= onehots) {
			*q = (struct inkling_quant_row){ INKLING_QUANT_ONEHOT, (s32)r, 0,
				(s32)names[r - 1] - 1, 127, 0, -3, (s32)names[r - 1] };
		} else if (r & 1) {
			*q = (struct inkling_quant_row){ INKLING_QUANT_LOG2, (s32)r, 0,
				1000000000, 1 << 30, 43, -128, 1 };
		} else {
			*q = (struct inkling_quant_row){ INKLING_QUANT_LINEAR, (s32)r, 0, 100000,
				1369020825, 39, -128, 1 };
		}
		width += (u32)q->width;
	}
	*input = ink_builder_input(b, INKLING_INT32, r);
	out = ink_builder_activation(b, INKLING_INT8, n);
	ink_builder_quant(b, *input, out, rows, r);
	return out;
}

static u32 add_softmax(struct ink_builder *b, u32 in)
{
	const s32 attr[] = { 1 << 30, 18 };
	u32 out = ink_builder_activation(b, INKLING_INT16, ink_builder_count(b, in));

	ink_builder_class(b, "pass");
	ink_builder_class(b, "alert");
	ink_builder_op(b, INKLING_OP_SOFTMAX, out, &in, 1, attr, 2);
	return out;
}

void *ours_image(const struct net *net, u32 around, size_t *size)
{
	struct ink_builder *b = ink_builder_new();
	struct inkling_card *card = ink_builder_card(b);
	bool verdict = around & AROUND_VERDICT;
	u32 input, t;
	void *image;

	ink_builder_text(b, card->name, sizeof(card->name), "name", net->name);
	if (around & AROUND_QUANT)
		t = add_quant(b, net, net->layer[0].n == 122 ? 3 : 0, &input);
	else
		t = input = ink_builder_input(b, INKLING_INT8, net->layer[0].n);
	t = add_layers(b, net, t);
	if (verdict)
		t = add_softmax(b, t);
	ink_builder_io(b, input, t, verdict ? INKLING_HEAD_CLASSES : INKLING_HEAD_RAW,
		       verdict ? 1 << 14 : 0);
	if (ink_builder_finish(b, &image, size)) {
		fprintf(stderr, "bench: %s: %s\n", net->name, ink_builder_error(b));
		exit(1);
	}
	ink_builder_free(b);
	return image;
}

struct engine *ours_open(const struct net *net, u32 around, u32 batch, enum ink_isa isa)
{
	struct engine *e = calloc(1, sizeof(*e));
	struct ink_why why;
	size_t size;

	e->image = ours_image(net, around, &size);
	e->graph = ink_graph_parse(e->image, size, &why);
	e->plan = e->graph ? ink_plan_build(e->graph, isa, &why) : NULL;
	if (!e->plan) {
		fprintf(stderr, "bench: %s: %s\n", net->name, why.text);
		exit(1);
	}
	e->isa = isa;
	e->arena = ink_port_zalloc(ink_tile_size(e->plan, e->plan->tile));
	e->batch = batch;
	e->verdict = around & AROUND_VERDICT;
	return e;
}

void ours_run(void *self)
{
	struct engine *e = self;
	const u8 *in = e->in;
	u8 *out = e->out;
	u32 b, n, i;

	for (b = 0; b < e->batch; b += n) {
		n = min(e->batch - b, e->plan->tile);
		ink_plan_run_tile(e->plan, e->isa, e->arena, in, out, n);
		for (i = 0; e->verdict && i < n; i++)
			ink_plan_verdict(e->plan, out + i * e->plan->output_size, 1 << 14, &e->score);
		in += n * e->plan->input_size;
		out += n * e->plan->output_size;
	}
}

void ours_close(void *self)
{
	struct engine *e = self;

	ink_port_free(e->arena);
	ink_plan_free(e->plan);
	ink_graph_free(e->graph);
	free(e->image);
	free(e);
}
