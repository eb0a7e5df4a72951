// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checkpoints of llama2.c, version 0: seven numbers, then all weights as floats.
 *
 * What lives here: reading and checking one. What doesn't: running it
 * (llama_float.c).
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llama.h"

#define HEADER		7	/* numbers */
#define MOST_LAYERS	256
#define MOST		65536	/* of any other number */

/* Weights in the order of the file. */
static uint64_t count_weights(const struct ink_llama *m)
{
	const uint64_t dim = m->dim, hidden = m->hidden, kv = m->kv, table = m->vocabulary * dim;
	const uint64_t layer = dim + 2 * dim * dim + 2 * kv * dim + dim + 3 * dim * hidden;
	const uint64_t angles = (uint64_t)m->context * m->d;	/* cosines and sines, unused */

	return table + m->layers * layer + dim + angles + (m->shared ? 0 : table);
}

static const float *take(const float **at, uint64_t n)
{
	const float *p = *at;

	*at += n;
	return p;
}

static void point(struct ink_llama *m, const float *at)
{
	const uint64_t dim = m->dim, l = m->layers, square = l * dim * dim, kv = l * m->kv * dim;
	const uint64_t table = m->vocabulary * dim, gated = l * m->hidden * dim;

	m->embedding = take(&at, table);
	m->norm_attention = take(&at, l * dim);
	m->wq = take(&at, square);
	m->wk = take(&at, kv);
	m->wv = take(&at, kv);
	m->wo = take(&at, square);
	m->norm_gated = take(&at, l * dim);
	m->w1 = take(&at, gated);
	m->w2 = take(&at, gated);
	m->w3 = take(&at, gated);
	m->norm_final = take(&at, dim);
	take(&at, (uint64_t)m->context * m->d);
	m->classifier = m->shared ? m->embedding : take(&at, table);
}

/* The numbers of the header; false with the first that can't be. */
static bool parse_header(struct ink_llama *m, const int32_t *h, const char **what, int32_t *value)
{
	static const char *const names[HEADER] = {
		"dimension", "hidden dimension", "layers", "heads", "heads of keys",
		"vocabulary", "context",
	};
	uint32_t *const to[HEADER] = {
		&m->dim, &m->hidden, &m->layers, &m->heads, &m->groups, &m->vocabulary,
		&m->context,
	};
	int64_t v;
	int i;

	for (i = 0; i < HEADER; i++) {
		v = i == 5 ? llabs((int64_t)h[i]) : h[i];
		*what = names[i];
		*value = h[i];
		if (v < 1 || v > (i == 2 ? MOST_LAYERS : MOST))
			return false;
		*to[i] = (uint32_t)v;
	}
	m->shared = h[5] > 0;
	*what = names[3];
	*value = h[3];
	if (m->dim % m->heads || m->dim / m->heads % 2)
		return false;
	*what = names[4];
	*value = h[4];
	if (m->heads % m->groups)
		return false;
	m->d = m->dim / m->heads;
	m->kv = m->d * m->groups;
	return true;
}

static uint64_t file_size(const struct ink_llama *m)
{
	return HEADER * sizeof(int32_t) + count_weights(m) * sizeof(float);
}

bool ink_llama_is(const char *path)
{
	FILE *f = fopen(path, "re");
	int32_t h[HEADER], value;
	struct ink_llama m;
	const char *what;
	bool is = f && fread(h, sizeof(h), 1, f) == 1 && parse_header(&m, h, &what, &value);

	is = is && !fseek(f, 0, SEEK_END) && ftell(f) >= 0 && (uint64_t)ftell(f) == file_size(&m);
	if (f)
		fclose(f);
	return is;
}

static bool read_weights(struct ink_llama *m, FILE *f, const char *path, struct ink_diag *why)
{
	uint64_t n = count_weights(m), i, got;

	m->file = n < SIZE_MAX / sizeof(float) ? malloc((size_t)n * sizeof(float)) : NULL;
	if (!m->file)
		return ink_fail(why, "%s: no memory for its %llu weights", path,
				(unsigned long long)n);
	got = fread(m->file, sizeof(float), (size_t)n, f);
	if (got != n || fgetc(f) != EOF)
		return ink_fail(why, "%s: its header says %llu weights, the file has %s", path,
				(unsigned long long)n, got == n ? "more" : "fewer") ||
		       ink_hint(why, "only version 0 of llama2.c's format is read, which export.py writes with --version 0");
	for (i = 0; i < n; i++)
		if (!isfinite(m->file[i]))
			return ink_fail(why, "%s: weight %llu isn't a number", path,
					(unsigned long long)i);
	point(m, m->file);
	return true;
}

bool ink_llama_read(struct ink_llama *m, const char *path, struct ink_diag *why)
{
	FILE *f = fopen(path, "re");
	const char *what = NULL;
	int32_t h[HEADER], value = 0;
	bool ok = false;

	memset(m, 0, sizeof(*m));
	if (!f)
		return ink_fail(why, "%s: %s", path, strerror(errno));
	if (fread(h, sizeof(h), 1, f) != 1)
		ink_fail(why, "%s: too short for the header of a checkpoint", path);
	else if (!parse_header(m, h, &what, &value))
		ink_fail(why, "%s: the header's %s, %d, can't be", path, what, value);
	else
		ok = read_weights(m, f, path, why);
	fclose(f);
	return ok;
}

void ink_llama_free(struct ink_llama *m)
{
	free(m->file);
	memset(m, 0, sizeof(*m));
}
