// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Tokenizers: text to the tokens of a language model, and back.
 *
 * What lives here: files in the form of llama2.c's tokenizer.bin (a length, then
 * for each token a score, a length and its bytes), and byte-pair encoding with
 * them as SentencePiece does it. What doesn't: models.
 *
 * Pairs of neighbours that make a token are merged, the one with the best score
 * first and of equals the leftmost; a heap holds the pairs, so that long texts
 * take n log n.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

#define MAX_FILE	(16u << 20)
#define MAX_TEXT	(16u << 20)
#define MAX_VOCABULARY	65536u
#define FIRST_BYTE	3u	/* token of byte 0, where bytes have tokens */

struct piece {
	const char *text;
	u32 size;
	float score;
};

struct ink_tokenizer {
	char *file;
	struct piece *pieces;
	u32 *sorted;		/* tokens by their bytes */
	u32 n;
	bool bytes;		/* tokens 3 to 258 stand for bytes */
	char byte[256];		/* each of them */
};

static int compare_pieces(const struct piece *a, const char *text, size_t size)
{
	int d = memcmp(a->text, text, min((size_t)a->size, size));

	return d ? d : (a->size > size) - (a->size < size);
}

static int compare_tokens(const void *a, const void *b, void *arg)
{
	const struct ink_tokenizer *t = arg;
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	int d = compare_pieces(&t->pieces[x], t->pieces[y].text, t->pieces[y].size);

	return d ? d : (x > y) - (x < y);	/* of equals, the first token */
}

/* The token of these bytes, or INK_NO_TOKEN. */
static u32 find(const struct ink_tokenizer *t, const char *text, size_t size)
{
	u32 lo = 0, hi = t->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (compare_pieces(&t->pieces[t->sorted[mid]], text, size) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < t->n && !compare_pieces(&t->pieces[t->sorted[lo]], text, size))
		return t->sorted[lo];
	return INK_NO_TOKEN;
}

static char *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "re");
	char *data = f ? malloc(MAX_FILE) : NULL;

	if (!data) {
		ink_failure_set(errno, "%s: %s", path, strerror(errno));
	} else {
		*size = fread(data, 1, MAX_FILE, f);
		if (!ferror(f) && *size < MAX_FILE) {
			fclose(f);
			return data;
		}
		ink_failure_set(EFBIG, "%s can't be read, or has %u bytes or more", path, MAX_FILE);
	}
	free(data);
	if (f)
		fclose(f);
	return NULL;
}

/* @vocabulary: tokens that there have to be, or 0 */
static int parse(struct ink_tokenizer *t, const char *path, size_t size, u32 vocabulary)
{
	const u32 most = vocabulary ? min(vocabulary, MAX_VOCABULARY) : MAX_VOCABULARY;
	size_t at = 4, n;

	for (t->n = 0; at < size; t->n++, at += n) {
		struct piece *p = &t->pieces[t->n];

		if (t->n >= most)
			return ink_failure_set(EINVAL, "%s has more than the %u tokens of the model",
					       path, most);
		n = size - at < 8 ? 0 : get_unaligned_le32(t->file + at + 4);
		if (!n || n > size - at - 8)
			return ink_failure_set(EINVAL, "%s: token %u isn't that of a tokenizer: its size is wrong, or the file is cut off",
					       path, t->n);
		memcpy(&p->score, t->file + at, sizeof(p->score));
		p->text = t->file + at + 8;
		p->size = (u32)n;
		at += 8;
	}
	if (!t->n || (vocabulary && t->n != vocabulary))
		return ink_failure_set(EINVAL, "%s has %u tokens, the model has %u", path, t->n,
				       vocabulary);
	return 0;
}

/* Do tokens 3 to 258 have the names of bytes? */
static bool has_bytes(struct ink_tokenizer *t)
{
	char name[8];
	u32 i;

	for (i = 0; i < 256; i++) {
		t->byte[i] = (char)i;
		snprintf(name, sizeof(name), "<0x%02X>", i);
		if (FIRST_BYTE + i >= t->n || compare_pieces(&t->pieces[FIRST_BYTE + i], name, 6))
			return false;
	}
	return true;
}

struct ink_tokenizer *ink_tokenizer_open(const char *path, uint32_t vocabulary)
{
	struct ink_tokenizer *t = calloc(1, sizeof(*t));
	size_t size = 0;
	u32 i, room = vocabulary ? min(vocabulary, MAX_VOCABULARY) : MAX_VOCABULARY;

	if (!t) {
		ink_failure_set(ENOMEM, "no memory for a tokenizer");
		return NULL;
	}
	t->file = read_file(path, &size);
	if (!t->file)
		goto fail;
	t->pieces = calloc(room, sizeof(*t->pieces));
	t->sorted = calloc(room, sizeof(*t->sorted));
	if (!t->pieces || !t->sorted) {
		ink_failure_set(ENOMEM, "no memory for a tokenizer of %u tokens", room);
		goto fail;
	}
	if (parse(t, path, size, vocabulary))
		goto fail;
	for (i = 0; i < t->n; i++)
		t->sorted[i] = i;
	qsort_r(t->sorted, t->n, sizeof(*t->sorted), compare_tokens, t);
	t->bytes = has_bytes(t);
	return t;
fail:
	ink_tokenizer_close(t);
	errno = ink_failure_last()->code;
	return NULL;
}

void ink_tokenizer_close(struct ink_tokenizer *t)
{
	if (!t)
		return;
	free(t->sorted);
	free(t->pieces);
	free(t->file);
	free(t);
}

uint32_t ink_tokenizer_size(const struct ink_tokenizer *t)
{
	return t->n;
}

/* A pair of neighbours that could be merged. */
struct pair {
	float score;
	u32 left, right;	/* where they start */
	u32 token;
	u32 size;		/* bytes of both together, to notice that they have changed */
};

/* A text on its way: symbols in a list, by where they start. */
struct encoding {
	const struct ink_tokenizer *t;
	const char *text;
	struct symbol {
		u32 token, size, before, after;
	} *symbols;
	struct pair *heap;
	size_t n_pairs;
};

#define NOWHERE		U32_MAX

static bool better(const struct pair *a, const struct pair *b)
{
	return a->score > b->score || (a->score == b->score && a->left < b->left);
}

/* Every merge takes one pair away and brings two at most: room for two a byte is enough. */
static void push(struct encoding *e, u32 left)
{
	u32 right = left == NOWHERE ? NOWHERE : e->symbols[left].after;
	struct pair p;
	size_t i;

	if (right == NOWHERE)
		return;
	p.size = e->symbols[left].size + e->symbols[right].size;
	p.token = find(e->t, e->text + left, p.size);
	if (p.token == INK_NO_TOKEN)
		return;
	p.score = e->t->pieces[p.token].score;
	p.left = left;
	p.right = right;
	for (i = e->n_pairs++; i && better(&p, &e->heap[(i - 1) / 2]); i = (i - 1) / 2)
		e->heap[i] = e->heap[(i - 1) / 2];
	e->heap[i] = p;
}

static struct pair pop(struct encoding *e)
{
	struct pair top = e->heap[0], last = e->heap[--e->n_pairs];
	size_t i = 0, k;

	for (;; i = k) {
		k = 2 * i + 1;
		if (k + 1 < e->n_pairs && better(&e->heap[k + 1], &e->heap[k]))
			k++;
		if (k >= e->n_pairs || !better(&e->heap[k], &last))
			break;
		e->heap[i] = e->heap[k];
	}
	e->heap[i] = last;
	return top;
}

static void merge(struct encoding *e)
{
	while (e->n_pairs) {
		struct pair p = pop(e);
		struct symbol *left = &e->symbols[p.left], *right = &e->symbols[p.right];

		if (!left->size || !right->size || left->after != p.right ||
		    left->size + right->size != p.size)
			continue;
		left->token = p.token;
		left->size = p.size;
		left->after = right->after;
		right->size = 0;
		if (left->after != NOWHERE)
			e->symbols[left->after].before = p.left;
		push(e, left->before);
		push(e, p.left);
	}
}

/* Bytes of the character that starts here, as UTF-8 has it, 4 at most. */
static u32 character(const char *text, size_t size)
{
	u32 n = 1;

	while (n < 4 && n < size && ((u8)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Characters that have a token, or their bytes. */
static void split(struct encoding *e, size_t size)
{
	u32 before = NOWHERE, at, n, token;

	for (at = 0; at < size; at += n) {
		n = character(e->text + at, size - at);
		token = find(e->t, e->text + at, n);
		if (token == INK_NO_TOKEN) {
			n = 1;
			token = e->t->bytes ? FIRST_BYTE + (u8)e->text[at] : 0;
		}
		e->symbols[at] = (struct symbol){ token, n, before, NOWHERE };
		if (before != NOWHERE)
			e->symbols[before].after = at;
		before = at;
	}
	for (at = 0; at < size; at = e->symbols[at].after)
		push(e, at);
}

static int encode(struct encoding *e, size_t size, u16 *tokens, size_t room)
{
	size_t n = 0;
	u32 at;

	e->symbols = calloc(size + 1, sizeof(*e->symbols));
	e->heap = calloc(2 * size + 1, sizeof(*e->heap));
	if (!e->symbols || !e->heap)
		return ink_failure_set(ENOMEM, "no memory for the tokens of %zu bytes", size);
	split(e, size);
	merge(e);
	for (at = 0; at < size; at = e->symbols[at].after, n++)
		if (n < room)
			tokens[n] = (u16)e->symbols[at].token;
	return (int)n;
}

int ink_tokenizer_encode(const struct ink_tokenizer *t, const char *text, size_t size, bool begin,
			 uint16_t *tokens, size_t room)
{
	struct encoding e = { .t = t };
	char *copy;
	int n;

	if (size > MAX_TEXT)
		return ink_failure_set(EFBIG, "a text of %zu bytes, at most %u are encoded", size,
				       MAX_TEXT);
	copy = malloc(size + 2);
	if (!copy)
		return ink_failure_set(ENOMEM, "no memory for a text of %zu bytes", size);
	/* Words have their blank in front, the first one too. */
	copy[0] = ' ';
	memcpy(copy + begin, text, size);
	if (begin && room)
		tokens[0] = INK_TOKEN_BEGIN;
	e.text = copy;
	n = encode(&e, size ? size + begin : 0, tokens + begin, room > begin ? room - begin : 0);
	free(e.heap);
	free(e.symbols);
	free(copy);
	return n < 0 ? n : n + begin;
}

const char *ink_tokenizer_piece(const struct ink_tokenizer *t, uint32_t before, uint32_t token,
				size_t *size)
{
	const struct piece *p;

	*size = 0;
	if (token >= t->n || token == INK_TOKEN_BEGIN || token == INK_TOKEN_END)
		return "";
	if (t->bytes && token >= FIRST_BYTE && token < FIRST_BYTE + 256) {
		*size = 1;
		return &t->byte[token - FIRST_BYTE];
	}
	p = &t->pieces[token];
	*size = p->size;
	if (before != INK_TOKEN_BEGIN || p->text[0] != ' ')
		return p->text;
	--*size;
	return p->text + 1;
}
