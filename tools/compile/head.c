// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a network: what a verdict is read off.
 *
 * What lives here: turning the ways in which classifiers end (softmax, one
 * sigmoid, bare logits) into logits and SOFTMAX. What doesn't: simplification
 * (fold.c).
 */
#include <string.h>

#include "fold.h"

/* softmax([0, z]) is [1 - sigmoid(z), sigmoid(z)], exactly. */
static bool two_classes(struct ink_fold *f, uint32_t logit)
{
	const char *label = f->net->ops[logit].label;
	struct ink_net_op *dense = ink_net_add(f->net, INK_NET_DENSE, 2, label, f->why);
	struct ink_net_op *softmax = ink_net_add(f->net, INK_NET_SOFTMAX, 2, label, f->why);

	if (!dense || !softmax)
		return false;
	dense->w = ink_net_numbers(f->net, 2, f->why);
	dense->b = ink_net_numbers(f->net, 2, f->why);
	if (!dense->w || !dense->b)
		return false;
	dense->w[1] = 1;
	dense->n_in = 1;
	dense->in[0] = logit;
	softmax->n_in = 1;
	softmax->in[0] = dense - f->net->ops;
	f->net->output = softmax - f->net->ops;
	return ink_net_sort(f->net, f->why);
}

bool ink_head_before(struct ink_fold *f, enum ink_head_wish wish)
{
	const struct ink_net_op *out = &f->net->ops[f->net->output];

	/* A prescribed quantisation of the probability has no use after a SOFTMAX. */
	if (out->kind == INK_NET_RANGE && f->net->ops[out->in[0]].width == 1)
		out = &f->net->ops[out->in[0]];
	if (wish == INK_WISH_RAW || out->kind != INK_NET_UNARY || out->width != 1 ||
	    !ink_unary_is(&out->f, INK_UNARY_SIGMOID))
		return true;
	return two_classes(f, out->in[0]);
}

static bool add_softmax(struct ink_fold *f)
{
	uint32_t logits = f->net->output;
	struct ink_net_op *softmax = ink_net_add(f->net, INK_NET_SOFTMAX,
						 f->net->ops[logits].width,
						 f->net->ops[logits].label, f->why);

	if (!softmax)
		return false;
	softmax->n_in = 1;
	softmax->in[0] = logits;
	f->net->output = softmax - f->net->ops;
	return true;
}

bool ink_head_after(struct ink_fold *f, enum ink_head_wish wish)
{
	const struct ink_net_op *out = &f->net->ops[f->net->output];

	if (wish == INK_WISH_ANOMALY && out->kind != INK_NET_DIST)
		return ink_fail(f->why, "%s: the head \"anomaly\" needs a squared distance as the output",
				out->label) ||
		       ink_hint(f->why, "end the model in ReduceSum or ReduceMean over the row of (a - b)^2, or choose another --head");
	if (wish != INK_WISH_CLASSES || out->kind == INK_NET_SOFTMAX)
		return true;
	if (out->kind == INK_NET_DIST)
		return ink_fail(f->why, "%s: the head \"classes\" can't be read off a distance",
				out->label) ||
		       ink_hint(f->why, "choose --head anomaly");
	if (out->kind == INK_NET_DENSE && out->f.n)
		return ink_fail(f->why, "%s: the head \"classes\" needs logits or a softmax, not the result of an activation",
				out->label) ||
		       ink_hint(f->why, "end the model in Softmax, in one Sigmoid, or in a layer without activation");
	return out->width == 1 ? two_classes(f, f->net->output) : add_softmax(f);
}
