// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Preparing ops for vectors: QUANT.
 *
 * What lives here: how the rows of a QUANT become vectors of eight numbers,
 * pieces that move what doesn't lie in order, and single stores for one-hot
 * rows. Plain C, run once when a model is loaded.
 */
#include "pack.h"
#include "fixed.h"

static const struct inkling_quant_row *rows_of(const struct ink_bound *b, u32 *count)
{
	*count = b->in_count[1] / 8;
	return b->in_const[1];
}

/* What is scaled: the difference to the lowest value, or its logarithm. */
static u64 scaled(const struct inkling_quant_row *q, u64 u)
{
	u = q->kind == INKLING_QUANT_LOG2 ? ink_log2_q16(u + 1) : u;
	return ink_round_shift_u(u * (u64)q->mult, (u32)q->shift);
}

static s32 output(const struct inkling_quant_row *q, u64 u)
{
	return ink_clamp32(q->zero + (s64)scaled(q, u), S8_MIN, S8_MAX);
}

/*
 * The lowest input that gives the same output as the highest. Outputs only
 * grow with inputs, so clamping there changes nothing, and it keeps what comes
 * after in 32 bits for all but absurd rows.
 */
static u64 highest(const struct inkling_quant_row *q)
{
	u64 a = 0, b = (u64)((s64)q->hi - q->lo), mid;
	s32 top = output(q, b);

	while (a < b) {
		mid = (a + b) / 2;
		if (output(q, mid) == top)
			b = mid;
		else
			a = mid + 1;
	}
	return b;
}

static bool fits(const struct inkling_quant_row *q)
{
	u64 u = highest(q);

	return u < U32_MAX && scaled(q, u) < S32_MAX - 256;
}

/* Number of rows that aren't ONEHOT; false when a row takes more than 32 bits. */
static bool count_numbers(const struct ink_bound *b, u32 *numbers)
{
	u32 count, r;
	const struct inkling_quant_row *q = rows_of(b, &count);

	*numbers = 0;
	for (r = 0; r < count; r++) {
		if (q[r].kind == INKLING_QUANT_ONEHOT)
			continue;
		if (!fits(&q[r]))
			return false;
		++*numbers;
	}
	return true;
}

static size_t quant_size(u32 rows, u32 numbers)
{
	return ALIGN(sizeof(struct ink_x86_quant) +
		     (size_t)DIV_ROUND_UP(numbers, 8u) * sizeof(struct ink_x86_chunk) +
		     (size_t)(numbers + rows) * sizeof(struct ink_x86_piece) +
		     (size_t)(rows - numbers) * sizeof(struct ink_x86_hot), (size_t)64);
}

size_t ink_x86_quant_path(struct ink_bound *b, u32 *scratch)
{
	u32 rows = b->in_count[1] / 8, numbers;

	if (!count_numbers(b, &numbers))
		return 0;
	b->path = INK_PATH_QUANT;
	*scratch = ink_x86_gathered(DIV_ROUND_UP(numbers, 8u)) + ALIGN(numbers + 64, 64u);
	return quant_size(rows, numbers);
}

static void pack_number(struct ink_x86_chunk *c, u32 lane, const struct inkling_quant_row *q)
{
	u64 add = 1ull << (q->shift - 1);

	c->lo[lane] = q->lo;
	c->hi[lane] = (s32)(q->lo + (s64)highest(q));
	if (lane & 1) {
		c->mult_odd[lane & ~1u] = q->mult;
		c->add_odd[lane / 2] = add;
		c->shift_odd[lane / 2] = (u64)q->shift;
	} else {
		c->mult[lane] = q->mult;
		c->add[lane / 2] = add;
		c->shift[lane / 2] = (u64)q->shift;
	}
	c->zero[lane] = q->zero;
	if (q->kind == INKLING_QUANT_LOG2) {
		c->log[lane] = -1;
		c->any_log = 1;
	}
}

/* Append to the last piece where it goes on, else begin one. */
static struct ink_x86_piece *add_piece(struct ink_x86_piece *first, struct ink_x86_piece *end,
					struct ink_x86_piece p)
{
	struct ink_x86_piece *last = end - 1;
	bool goes_on = end > first && last->dst + last->len == p.dst &&
		       (p.src == INKLING_NONE ? last->src == p.src && last->zero == p.zero :
			last->src != INKLING_NONE && last->src + last->len == p.src);

	if (goes_on) {
		last->len += p.len;
		return end;
	}
	*end = p;
	return end + 1;
}

static struct ink_x86_piece *pack_gathers(const struct ink_bound *b, struct ink_x86_quant *head,
					   struct ink_x86_chunk *chunk)
{
	struct ink_x86_piece *first = (void *)(chunk + head->chunks), *end = first;
	u32 count, r, n = 0;
	const struct inkling_quant_row *q = rows_of(b, &count);

	for (r = 0; r < count; r++) {
		if (q[r].kind == INKLING_QUANT_ONEHOT)
			continue;
		pack_number(&chunk[n / 8], n % 8, &q[r]);
		end = add_piece(first, end, (struct ink_x86_piece){
				.src = (u32)q[r].feature, .dst = n, .len = 1 });
		n++;
	}
	if (end - first == 1) {
		head->src = first->src;
		return first;
	}
	head->gathers = (u32)(end - first);
	return end;
}

static struct ink_x86_piece *pack_pieces(const struct ink_bound *b, struct ink_x86_quant *head,
					  struct ink_x86_piece *first)
{
	struct ink_x86_piece *end = first;
	u32 count, r, n = 0, at = 0;
	const struct inkling_quant_row *q = rows_of(b, &count);

	for (r = 0; r < count; r++) {
		struct ink_x86_piece p = { .dst = at, .len = (u32)q[r].width, .zero = q[r].zero };

		if (q[r].kind == INKLING_QUANT_ONEHOT)
			p.src = INKLING_NONE;
		else
			p.src = n++;
		end = add_piece(first, end, p);
		at += p.len;
	}
	if (end - first == 1 && !first->src)
		return first;
	head->pieces = (u32)(end - first);
	return end;
}

size_t ink_x86_quant_pack(const struct ink_bound *b, void *packed)
{
	struct ink_x86_quant *head = packed;
	struct ink_x86_piece *piece;
	struct ink_x86_hot *hot;
	u32 count, r, numbers, at = 0;
	const struct inkling_quant_row *q = rows_of(b, &count);

	count_numbers(b, &numbers);
	head->chunks = DIV_ROUND_UP(numbers, 8u);
	piece = pack_gathers(b, head, (void *)(head + 1));
	hot = (void *)pack_pieces(b, head, piece);
	for (r = 0; r < count; r++) {
		if (q[r].kind == INKLING_QUANT_ONEHOT) {
			*hot++ = (struct ink_x86_hot){
				.feature = (u32)q[r].feature, .lo = q[r].lo,
				.width = (u32)q[r].width, .dst = at, .hot = q[r].mult,
			};
			head->hots++;
		}
		at += (u32)q[r].width;
	}
	return quant_size(count, numbers);
}
