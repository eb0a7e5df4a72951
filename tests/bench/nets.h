/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The networks that are measured, and what measures them.
 *
 * What lives here: networks of int8 layers as plain arrays, from which each
 * contender makes what it likes best, and the contenders' interface.
 */
#ifndef INK_BENCH_NETS_H
#define INK_BENCH_NETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_LAYERS	10
#define NET_BATCH	64

/* y = clamp(zp_out + round(scale * (bias + sum(w (x - zp_in))))) */
struct layer {
	uint32_t n, m;
	int8_t *w;		/* [m][n] */
	int32_t *bias;		/* [m] */
	int32_t *folded;	/* [m], bias - zp_in * sum(w) */
	int32_t zp_in, zp_out, lowest;
	float scale;
	int32_t mult;		/* scale = mult / 2^shift */
	int8_t shift;
};

struct net {
	const char *name;	/* such as 31-256-2 */
	const char *like;	/* who has it */
	uint32_t layers;
	struct layer layer[NET_LAYERS];
	int8_t *in;		/* [NET_BATCH][n of the first] */
};

/**
 * net_build() - a network of a shape, with weights like those of trained ones
 * @net: set
 * @like: who has it
 * @bits: of the weights, 8 or 7; the latter can't saturate vpmaddubsw
 * @shape: numbers with dashes in between
 *
 * Weights are bell-shaped, the greatest is all that @bits hold; activations
 * are ReLU but for the last; scales use the range of outputs.
 */
void net_build(struct net *net, const char *like, unsigned int bits, const char *shape);
void net_free(struct net *net);

/* Who is measured. run() does the whole batch; out is [batch][outputs]. */
struct contender {
	const char *name;
	bool biased;		/* its outputs are unsigned, more by 128 */
	void *(*open)(const struct net *net, uint32_t batch, int8_t *out, const char **why);
	void (*run)(void *self);
	void (*close)(void *self);
};

extern const struct contender peer_scalar, peer_xnnpack, peer_dnnl, peer_ort;

/* Rows of an unsigned network: what the bias is when inputs are more by 128. */
void net_biased(const struct layer *l, int32_t *bias);

/* The network as a quantised ONNX model with unsigned activations, for free(). */
void *ort_model(const struct net *net, uint32_t batch, size_t *size);

#endif /* INK_BENCH_NETS_H */
