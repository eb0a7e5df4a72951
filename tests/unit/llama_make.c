// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checkpoints and tokenizers for tests.
 *
 * What lives here: see llama_make.h. What doesn't: reading them
 * (tools/compile/llama.c, tools/lib/tokenizer.c).
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "llama_make.h"
#include "rand.h"

const int32_t llama_small[LLAMA_HEADER] = { 16, 24, 2, 4, 2, 270, 32 };

struct writer {
	struct ink_rand r;
	float *at;
};

static void weights(struct writer *w, size_t n, double size)
{
	for (; n; n--)
		*w->at++ = (float)(size * (double)ink_rand_range(&w->r, -1000, 1000) / 577);
}

static void ones(struct writer *w, size_t n)
{
	for (; n; n--)
		*w->at++ = (float)(1 + (double)ink_rand_range(&w->r, -300, 300) / 1000);
}

void *llama_checkpoint(const int32_t h[LLAMA_HEADER], uint64_t seed, size_t *size)
{
	const size_t dim = (size_t)h[LLAMA_DIM], hidden = (size_t)h[LLAMA_HIDDEN];
	const size_t layers = (size_t)h[LLAMA_LAYERS], vocabulary = (size_t)abs(h[LLAMA_VOCABULARY]);
	const size_t d = dim / (size_t)h[LLAMA_HEADS], kv = d * (size_t)h[LLAMA_GROUPS];
	const size_t angles = (size_t)h[LLAMA_CONTEXT] * d;
	const size_t n = vocabulary * dim * (h[LLAMA_VOCABULARY] < 0 ? 2 : 1) + dim + angles +
			 layers * (2 * dim + 2 * dim * dim + 2 * kv * dim + 3 * dim * hidden);
	struct writer w = { .r = { seed } };
	char *p = malloc(LLAMA_HEADER * sizeof(*h) + n * sizeof(float));
	double size_in = 1 / sqrt((double)dim);

	assert(p);
	memcpy(p, h, LLAMA_HEADER * sizeof(*h));
	w.at = (float *)(p + LLAMA_HEADER * sizeof(*h));
	weights(&w, vocabulary * dim, 1);
	ones(&w, layers * dim);
	weights(&w, layers * dim * (2 * dim + 2 * kv), size_in);
	ones(&w, layers * dim);
	weights(&w, layers * dim * hidden, size_in);
	weights(&w, layers * dim * hidden, 1 / sqrt((double)hidden));
	weights(&w, layers * dim * hidden, size_in);
	ones(&w, dim);
	weights(&w, angles, 0);
	if (h[LLAMA_VOCABULARY] < 0)
		weights(&w, vocabulary * dim, 1);
	assert(w.at == (float *)(p + LLAMA_HEADER * sizeof(*h)) + n);
	*size = LLAMA_HEADER * sizeof(*h) + n * sizeof(float);
	return p;
}

static char *token(char *to, float score, const char *text)
{
	uint32_t size = (uint32_t)strlen(text);

	memcpy(to, &score, 4);
	memcpy(to + 4, &size, 4);
	memcpy(to + 8, text, size);
	return to + 8 + size;
}

void *llama_tokenizer(size_t *size)
{
	/* Better scores are merged first: "ab" before "ba", and "b " never. */
	static const struct {
		const char *text;
		float score;
	} more[] = {
		{ " ", -20 }, { "a", -21 }, { "b", -22 }, { "ab", -1 }, { "ba", -2 }, { " a", -3 },
		{ " ab", -4 }, { "abab", -5 }, { "\xc3\xa4", -30 }, { "\n", -31 }, { "c", -32 },
	};
	char *p = calloc(270, 32), *to = p, name[8];
	uint32_t longest = 6, i;

	assert(p);
	memcpy(to, &longest, 4);
	to = token(to + 4, 0, "<unk>");
	to = token(to, 0, "\n<s>\n");
	to = token(to, 0, "\n</s>\n");
	for (i = 0; i < 256; i++) {
		snprintf(name, sizeof(name), "<0x%02X>", i);
		to = token(to, 0, name);
	}
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		to = token(to, more[i].score, more[i].text);
	*size = (size_t)(to - p);
	return p;
}

char *llama_file(const void *data, size_t size)
{
	char *path = strdup("/tmp/inkling-llama-XXXXXX");
	int fd = path ? mkstemp(path) : -1;

	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	close(fd);
	return path;
}
