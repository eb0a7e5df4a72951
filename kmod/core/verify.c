// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The verifier, first half: header, sections, card, features, tensors.
 *
 * What lives here: everything that can be said of an image without knowing
 * what its operators compute. The layout is canonical, so there is one right
 * place for each byte, and "overlap", "gap" and "trailing bytes" are all the
 * same refusal. What the operators may do is in verify_ops.c.
 */
#include "verify.h"

static const char *const rule_names[INK_RULE_NR] = {
	[INK_RULE_NONE]		= "none",
	[INK_RULE_TRUNCATED]	= "truncated",
	[INK_RULE_MAGIC]	= "magic",
	[INK_RULE_VERSION]	= "version",
	[INK_RULE_HEADER_SIZE]	= "header-size",
	[INK_RULE_FILE_SIZE]	= "file-size",
	[INK_RULE_MUST]		= "must-understand",
	[INK_RULE_DIGEST]	= "digest",
	[INK_RULE_SCHEMA]	= "schema",
	[INK_RULE_RESERVED]	= "reserved",
	[INK_RULE_COUNT]	= "count",
	[INK_RULE_SECTION]	= "section",
	[INK_RULE_PADDING]	= "padding",
	[INK_RULE_STRING]	= "string",
	[INK_RULE_FEATURE]	= "feature",
	[INK_RULE_TENSOR]	= "tensor",
	[INK_RULE_DATA]		= "data",
	[INK_RULE_IO]		= "io",
	[INK_RULE_HEAD]		= "head",
	[INK_RULE_OPCODE]	= "opcode",
	[INK_RULE_ARITY]	= "arity",
	[INK_RULE_REF]		= "reference",
	[INK_RULE_ORDER]	= "order",
	[INK_RULE_DTYPE]	= "dtype",
	[INK_RULE_SHAPE]	= "shape",
	[INK_RULE_ATTR]		= "attribute",
	[INK_RULE_QUANT]	= "quant",
	[INK_RULE_REQUANT]	= "requant",
	[INK_RULE_OVERFLOW]	= "overflow",
	[INK_RULE_UNUSED]	= "unused",
	[INK_RULE_COST]		= "cost",
	[INK_RULE_ARENA]	= "arena",
	[INK_RULE_MEMORY]	= "memory",
};

const char *ink_rule_name(u32 rule)
{
	return rule < INK_RULE_NR ? rule_names[rule] : "unknown";
}

bool ink_refuse(struct ink_why *why, u32 rule, u32 op, u32 tensor, s64 value, s64 limit,
		const char *fmt, ...)
{
	va_list args;

	why->rule = rule;
	why->op = op;
	why->tensor = tensor;
	why->value = value;
	why->limit = limit;
	va_start(args, fmt);
	ink_port_vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return false;
}

/* Refusals of the file as a whole. */
#define refuse_file(why, rule, value, limit, ...) \
	ink_refuse(why, rule, INKLING_NONE, INKLING_NONE, value, limit, __VA_ARGS__)
#define refuse_tensor(why, rule, tensor, value, limit, ...) \
	ink_refuse(why, rule, INKLING_NONE, tensor, value, limit, __VA_ARGS__)

static bool all_zero(const void *p, size_t n)
{
	const u8 *b = p;

	while (n--)
		if (*b++)
			return false;
	return true;
}

/* Printable ASCII, NUL, then only NULs: nothing that a terminal would act on. */
static bool string_ok(const char *s, size_t size)
{
	size_t n = 0;

	while (n < size && s[n]) {
		if (s[n] < 0x20 || s[n] > 0x7e)
			return false;
		n++;
	}
	return n < size && all_zero(s + n, size - n);
}

static bool check_header(const struct inkling_header *h, size_t size, struct ink_why *why)
{
	if (memcmp(h->magic, INKLING_MAGIC, sizeof(h->magic)))
		return refuse_file(why, INK_RULE_MAGIC, 0, 0, "not an Inkling model: wrong magic");
	if (h->version != INKLING_FORMAT_VERSION)
		return refuse_file(why, INK_RULE_VERSION, h->version, INKLING_FORMAT_VERSION,
				   "format version %u, this build reads version %u",
				   h->version, INKLING_FORMAT_VERSION);
	if (h->header_size != sizeof(*h))
		return refuse_file(why, INK_RULE_HEADER_SIZE, h->header_size, sizeof(*h),
				   "header says %u bytes, version 1 has %zu",
				   h->header_size, sizeof(*h));
	if (h->file_size != size)
		return refuse_file(why, INK_RULE_FILE_SIZE, (s64)h->file_size, (s64)size,
				   "header says %llu bytes, the image has %zu",
				   (unsigned long long)h->file_size, size);
	if (h->must & ~INKLING_MUST_SEQUENCE)
		return refuse_file(why, INK_RULE_MUST, (s64)h->must, (s64)INKLING_MUST_SEQUENCE,
				   "needs features 0x%llx that this build doesn't know",
				   (unsigned long long)(h->must & ~INKLING_MUST_SEQUENCE));
	if (!all_zero(h->reserved, sizeof(h->reserved)))
		return refuse_file(why, INK_RULE_RESERVED, 0, 0, "header: reserved field isn't zero");
	return true;
}

static bool check_counts(const struct inkling_header *h, struct ink_why *why)
{
	const struct {
		const char *name;
		u32 value, least, most;
	} counts[] = {
		{ "features", h->n_features, 0, INKLING_MAX_FEATURES },
		{ "names", h->n_names, 0, INKLING_MAX_NAMES },
		{ "tensors", h->n_tensors, 2, INKLING_MAX_TENSORS },
		{ "ops", h->n_ops, 1, INKLING_MAX_OPS },
		{ "classes", h->n_classes, 0, INKLING_MAX_CLASSES },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		if (counts[i].value < counts[i].least || counts[i].value > counts[i].most)
			return refuse_file(why, INK_RULE_COUNT, counts[i].value, counts[i].most,
					   "%u %s, allowed are %u to %u", counts[i].value,
					   counts[i].name, counts[i].least, counts[i].most);
	return true;
}

#define DIGEST_PIECE	(256u << 10)	/* about a millisecond */

/*
 * The digest names the model and finds corruption; it is no protection, since
 * whoever made the image also computed it.
 */
static bool check_digest(const struct inkling_header *h, size_t size, struct ink_why *why)
{
	static const u8 zero[INKLING_DIGEST_SIZE];
	const size_t at = offsetof(struct inkling_header, digest);
	size_t done = at + INKLING_DIGEST_SIZE, n;
	struct ink_port_sha256_state state;
	u8 digest[INKLING_DIGEST_SIZE];
	const u8 *image = (const u8 *)h;

	ink_port_sha256_init(&state);
	ink_port_sha256_update(&state, image, at);
	ink_port_sha256_update(&state, zero, sizeof(zero));
	for (; done < size; done += n) {
		n = min(size - done, (size_t)DIGEST_PIECE);
		ink_port_sha256_update(&state, image + done, n);
		ink_port_yield();
	}
	ink_port_sha256_final(&state, digest);
	if (memcmp(digest, h->digest, sizeof(digest)))
		return refuse_file(why, INK_RULE_DIGEST, 0, 0,
				   "digest doesn't match: the file is damaged, get it again");
	return true;
}

static bool check_sections(const struct inkling_header *h, size_t size, struct ink_why *why)
{
	static const char *const names[INKLING_SEC_NR] = {
		"card", "features", "names", "tensors", "ops", "data",
	};
	const u64 want[INKLING_SEC_NR] = {
		sizeof(struct inkling_card),
		(u64)h->n_features * sizeof(struct inkling_feature),
		(u64)h->n_names * sizeof(struct inkling_name),
		(u64)h->n_tensors * sizeof(struct inkling_tensor),
		(u64)h->n_ops * sizeof(struct inkling_op),
		h->section[INKLING_SEC_DATA].size,
	};
	const u8 *image = (const u8 *)h;
	u64 end = sizeof(*h), start;
	u32 i;

	for (i = 0; i < INKLING_SEC_NR; i++) {
		const struct inkling_section *s = &h->section[i];

		start = ALIGN(end, (u64)INKLING_ALIGN);
		if (s->offset != start || s->size != want[i] ||
		    start > size || s->size > size - start)
			return refuse_file(why, INK_RULE_SECTION, (s64)s->offset, (s64)start,
					   "section %s at %llu, %llu bytes; it belongs at %llu with %llu",
					   names[i], (unsigned long long)s->offset,
					   (unsigned long long)s->size, (unsigned long long)start,
					   (unsigned long long)want[i]);
		if (!all_zero(image + end, start - end))
			return refuse_file(why, INK_RULE_PADDING, 0, 0,
					   "bytes before section %s aren't zero", names[i]);
		end = start + s->size;
	}
	if (!all_zero(&h->section[INKLING_SEC_NR],
		      (INKLING_SEC_MAX - INKLING_SEC_NR) * sizeof(h->section[0])))
		return refuse_file(why, INK_RULE_RESERVED, 0, 0, "unused section isn't zero");
	if (end != size)
		return refuse_file(why, INK_RULE_SECTION, (s64)end, (s64)size,
				   "%llu bytes after the last section",
				   (unsigned long long)(size - end));
	return true;
}

static bool check_card(const struct ink_graph *g, struct ink_why *why)
{
	const struct inkling_card *c = g->card;
	const struct {
		const char *name, *s;
		size_t size;
	} strings[] = {
		{ "name", c->name, sizeof(c->name) },
		{ "version", c->version, sizeof(c->version) },
		{ "license", c->license, sizeof(c->license) },
		{ "description", c->description, sizeof(c->description) },
		{ "training", c->training, sizeof(c->training) },
		{ "accuracy", c->accuracy, sizeof(c->accuracy) },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(strings); i++)
		if (!string_ok(strings[i].s, strings[i].size))
			return refuse_file(why, INK_RULE_STRING, i, 0,
					   "card: %s isn't plain text with zeros after it",
					   strings[i].name);
	if (!c->name[0])
		return refuse_file(why, INK_RULE_STRING, 0, 0, "card: the model has no name");
	for (i = 0; i < INKLING_MAX_CLASSES; i++)
		if (!string_ok(c->classes[i], sizeof(c->classes[i])) ||
		    !c->classes[i][0] != (i >= g->header->n_classes))
			return refuse_file(why, INK_RULE_STRING, i, 0,
					   "card: name of class %u is bad, missing or too much", i);
	if (!all_zero(c->reserved, sizeof(c->reserved)))
		return refuse_file(why, INK_RULE_RESERVED, 0, 0, "card: reserved field isn't zero");
	return true;
}

static bool check_feature(const struct ink_graph *g, u32 i, struct ink_why *why)
{
	const struct inkling_feature *f = &g->features[i];
	bool category = f->kind == INKLING_FEATURE_CATEGORY;
	u32 j;

	if (!string_ok(f->name, sizeof(f->name)) || !f->name[0])
		return refuse_file(why, INK_RULE_STRING, i, 0, "feature %u: bad name", i);
	if (f->reserved0 || !all_zero(f->reserved, sizeof(f->reserved)))
		return refuse_file(why, INK_RULE_RESERVED, i, 0,
				   "feature %u: reserved field isn't zero", i);
	if (f->kind > INKLING_FEATURE_CATEGORY || f->decimals > (category ? 0 : 9))
		return refuse_file(why, INK_RULE_FEATURE, i, 0,
				   "feature %u (%s): kind %u with %u decimals", i, f->name,
				   f->kind, f->decimals);
	if (category ? !f->n_names || f->first_name > g->header->n_names ||
		       f->n_names > g->header->n_names - f->first_name :
		       f->first_name || f->n_names)
		return refuse_file(why, INK_RULE_FEATURE, i, 0,
				   "feature %u (%s): names %u + %u of %u", i, f->name,
				   f->first_name, f->n_names, g->header->n_names);
	for (j = 0; j < i; j++)
		if (!strcmp(f->name, g->features[j].name))
			return refuse_file(why, INK_RULE_FEATURE, i, 0,
					   "features %u and %u are both called %s", j, i, f->name);
	return true;
}

static bool check_features(const struct ink_graph *g, struct ink_why *why)
{
	const struct inkling_header *h = g->header;
	struct ink_port_sha256_state state;
	u8 digest[INKLING_DIGEST_SIZE];
	u64 id;
	u32 i;

	for (i = 0; i < h->n_features; i++)
		if (!check_feature(g, i, why))
			return false;
	for (i = 0; i < h->n_names; i++)
		if (!string_ok(g->names[i].name, sizeof(g->names[i].name)) || !g->names[i].name[0])
			return refuse_file(why, INK_RULE_STRING, i, 0, "category name %u is bad", i);
	ink_port_sha256_init(&state);
	ink_port_sha256_update(&state, g->features, h->n_features * sizeof(*g->features));
	ink_port_sha256_update(&state, g->names, h->n_names * sizeof(*g->names));
	ink_port_sha256_final(&state, digest);
	memcpy(&id, digest, sizeof(id));
	if (id != h->schema)
		return refuse_file(why, INK_RULE_SCHEMA, (s64)h->schema, (s64)id,
				   "schema id %016llx, the features make %016llx",
				   (unsigned long long)h->schema, (unsigned long long)id);
	return true;
}

const char *ink_dtype_name(u32 dtype)
{
	static const char *const names[] = {
		[INKLING_INT8] = "int8", [INKLING_INT16] = "int16", [INKLING_INT32] = "int32",
		[INKLING_UINT8] = "uint8", [INKLING_INT4] = "int4", [INKLING_UINT16] = "uint16",
	};

	return dtype && dtype < ARRAY_SIZE(names) ? names[dtype] : "unknown type";
}

static u8 elem_size(u32 dtype)
{
	switch (dtype) {
	case INKLING_INT8:
	case INKLING_UINT8:
		return 1;
	case INKLING_INT16:
	case INKLING_UINT16:
		return 2;
	default:
		return 4;
	}
}

s32 ink_dtype_min(u32 dtype)
{
	return dtype == INKLING_INT8 ? S8_MIN : dtype == INKLING_INT16 ? S16_MIN : S32_MIN;
}

s32 ink_dtype_max(u32 dtype)
{
	return dtype == INKLING_INT8 ? S8_MAX : dtype == INKLING_INT16 ? S16_MAX : S32_MAX;
}

static bool is_tokens(const struct inkling_tensor *raw)
{
	return raw->dtype == INKLING_UINT8 || raw->dtype == INKLING_UINT16;
}

static bool dtype_ok(const struct inkling_tensor *raw)
{
	if (is_tokens(raw))
		return raw->kind == INKLING_TENSOR_INPUT && raw->flags & INKLING_TENSOR_SEQ;
	return raw->dtype >= INKLING_INT8 && raw->dtype <= INKLING_INT32;
}

/* Shapes of what belongs to sequences; how many tokens there are, check_tokens() sees. */
static bool check_seq(const struct inkling_tensor *raw, u32 i, struct ink_why *why)
{
	bool seq = raw->flags & INKLING_TENSOR_SEQ, ok = true;

	if (raw->kind == INKLING_TENSOR_STATE)
		ok = !seq && raw->dtype == INKLING_INT16 && raw->rank == 2 &&
		     IS_ALIGNED(raw->dims[0], 8u) && raw->dims[0] <= INKLING_MAX_CONTEXT;
	else if (seq && raw->kind == INKLING_TENSOR_INPUT)
		ok = is_tokens(raw) && raw->rank == 1 && raw->dims[0] <= INKLING_MAX_TOKENS;
	else if (seq)
		ok = raw->kind == INKLING_TENSOR_ACTIVATION && raw->dtype != INKLING_INT8 &&
		     raw->rank == 2;
	if (!ok)
		return refuse_tensor(why, INK_RULE_TENSOR, i, raw->dims[0], INKLING_MAX_TOKENS,
				     "tensor %u: %s of rank %u, first dimension %u, kind %u can't be a sequence or state",
				     i, ink_dtype_name(raw->dtype), raw->rank, raw->dims[0],
				     raw->kind);
	return true;
}

static bool check_shape(struct ink_tensor *t, const struct inkling_tensor *raw, u32 i,
			struct ink_why *why)
{
	u32 d, count = 1;

	if (!dtype_ok(raw) || raw->block)
		return refuse_tensor(why, INK_RULE_TENSOR, i, raw->dtype, 0,
				     "tensor %u: %s with blocks of %u; supported: int8, int16, int32 without blocks, and tokens as input",
				     i, ink_dtype_name(raw->dtype), raw->block);
	if (raw->kind > INKLING_TENSOR_STATE)
		return refuse_tensor(why, INK_RULE_TENSOR, i, raw->kind, INKLING_TENSOR_STATE,
				     "tensor %u: kind %u isn't supported", i, raw->kind);
	if (raw->rank < 1 || raw->rank > INKLING_MAX_RANK)
		return refuse_tensor(why, INK_RULE_TENSOR, i, raw->rank, INKLING_MAX_RANK,
				     "tensor %u: rank %u, allowed are 1 to %u", i, raw->rank,
				     INKLING_MAX_RANK);
	for (d = 0; d < INKLING_MAX_RANK; d++) {
		if (!raw->dims[d] != (d >= raw->rank))
			return refuse_tensor(why, INK_RULE_TENSOR, i, raw->dims[d], 0,
					     "tensor %u: dimension %u is %u with rank %u", i, d,
					     raw->dims[d], raw->rank);
		if (raw->dims[d] &&
		    (check_mul_overflow(count, raw->dims[d], &count) || count > INKLING_MAX_ELEMENTS))
			return refuse_tensor(why, INK_RULE_TENSOR, i, raw->dims[d],
					     INKLING_MAX_ELEMENTS,
					     "tensor %u: more than %u elements", i,
					     INKLING_MAX_ELEMENTS);
	}
	t->dtype = raw->dtype;
	t->kind = raw->kind;
	t->seq = raw->flags & INKLING_TENSOR_SEQ;
	t->elem = elem_size(raw->dtype);
	t->count = count;
	t->rows = raw->rank > 1 || is_tokens(raw) ? raw->dims[0] : 1;
	t->cols = count / t->rows;
	t->lo = ink_dtype_min(t->dtype);
	t->hi = ink_dtype_max(t->dtype);
	t->producer = INKLING_NONE;
	t->last_use = INKLING_NONE;
	return true;
}

static void const_range(struct ink_tensor *t)
{
	s32 lo = S32_MAX, hi = S32_MIN, v;
	u32 i;

	for (i = 0; i < t->count; i++) {
		v = t->elem == 1 ? ((const s8 *)t->data)[i] :
		    t->elem == 2 ? ((const s16 *)t->data)[i] : ((const s32 *)t->data)[i];
		lo = min(lo, v);
		hi = max(hi, v);
	}
	t->lo = lo;
	t->hi = hi;
}

/* Constants lie in DATA in the order of their tensors; *end is where the last one ended. */
static bool check_const(struct ink_graph *g, u32 i, const struct inkling_tensor *raw, u64 *end,
			struct ink_why *why)
{
	const struct inkling_section *s = &g->header->section[INKLING_SEC_DATA];
	const u8 *data = (const u8 *)g->image + s->offset;
	struct ink_tensor *t = &g->tensors[i];
	u64 start = ALIGN(*end, (u64)INKLING_ALIGN);
	u64 bytes = (u64)t->count * t->elem;

	if (raw->data_offset != start || raw->data_size != bytes ||
	    start > s->size || bytes > s->size - start)
		return refuse_tensor(why, INK_RULE_DATA, i, (s64)raw->data_offset, (s64)start,
				     "tensor %u: data at %llu, %llu bytes; it belongs at %llu with %llu",
				     i, (unsigned long long)raw->data_offset,
				     (unsigned long long)raw->data_size,
				     (unsigned long long)start, (unsigned long long)bytes);
	if (!all_zero(data + *end, start - *end))
		return refuse_tensor(why, INK_RULE_PADDING, i, 0, 0,
				     "tensor %u: bytes before its data aren't zero", i);
	t->data = data + start;
	*end = start + bytes;
	const_range(t);
	return true;
}

static bool check_tensors(struct ink_graph *g, struct ink_why *why)
{
	const struct inkling_header *h = g->header;
	const struct inkling_tensor *raw = g->image + h->section[INKLING_SEC_TENSORS].offset;
	u64 end = 0;
	u32 i;

	for (i = 0; i < h->n_tensors; i++, raw++) {
		if ((raw->flags & ~INKLING_TENSOR_SEQ) || !all_zero(raw->reserved, sizeof(raw->reserved)))
			return refuse_tensor(why, INK_RULE_RESERVED, i, 0, 0,
					     "tensor %u: reserved field isn't zero", i);
		if (!check_shape(&g->tensors[i], raw, i, why) || !check_seq(raw, i, why))
			return false;
		/* Sign, infinities and NaN: a scale is a positive number or zero. */
		if (raw->scale >= 0x7f800000)
			return refuse_tensor(why, INK_RULE_TENSOR, i, raw->scale, 0x7f7fffff,
					     "tensor %u: scale isn't a finite number >= 0", i);
		if (raw->kind == INKLING_TENSOR_CONST) {
			if (!check_const(g, i, raw, &end, why))
				return false;
			ink_port_yield();
		} else if (raw->data_offset || raw->data_size) {
			return refuse_tensor(why, INK_RULE_DATA, i, (s64)raw->data_offset, 0,
					     "tensor %u: has data and isn't a constant", i);
		}
	}
	if (end != h->section[INKLING_SEC_DATA].size)
		return refuse_file(why, INK_RULE_DATA, (s64)end,
				   (s64)h->section[INKLING_SEC_DATA].size,
				   "%llu bytes of data belong to no tensor",
				   (unsigned long long)(h->section[INKLING_SEC_DATA].size - end));
	return true;
}

/* One number of tokens for all sequences, one context for all states. */
static bool check_tokens(struct ink_graph *g, struct ink_why *why)
{
	const struct ink_tensor *in = &g->tensors[g->header->input];
	u64 bytes = 0;
	u32 i;

	g->tokens = in->seq ? in->count : 0;
	for (i = 0; i < g->header->n_tensors; i++) {
		const struct ink_tensor *t = &g->tensors[i];

		if (t->kind == INKLING_TENSOR_STATE && !g->context)
			g->context = t->rows;
		if (t->kind == INKLING_TENSOR_STATE &&
		    (t->rows != g->context || !g->tokens || g->tokens > g->context))
			return refuse_tensor(why, INK_RULE_TENSOR, i, t->rows, g->context,
					     "tensor %u: a state of %u tokens, others have %u, a call has up to %u",
					     i, t->rows, g->context, g->tokens);
		bytes += t->kind == INKLING_TENSOR_STATE ? (u64)t->count * t->elem : 0;
		if (bytes > INK_MAX_STATES)
			return refuse_tensor(why, INK_RULE_ARENA, i, (s64)bytes, INK_MAX_STATES,
					     "tensor %u: states of %llu bytes, a session keeps at most %u",
					     i, (unsigned long long)bytes, INK_MAX_STATES);
		if (t->seq && t->kind == INKLING_TENSOR_ACTIVATION && t->rows != g->tokens)
			return refuse_tensor(why, INK_RULE_TENSOR, i, t->rows, g->tokens,
					     "tensor %u: a sequence of %u, the input has %u tokens",
					     i, t->rows, g->tokens);
	}
	return true;
}

/* Older builds have to be told what they can't read, and only then. */
static bool check_must(const struct ink_graph *g, struct ink_why *why)
{
	bool seq = g->tokens, says = g->header->must & INKLING_MUST_SEQUENCE;
	u32 i;

	for (i = 0; i < g->header->n_ops; i++)
		seq |= g->ops[i].opcode >= INKLING_OP_EMBED;
	if (seq != says)
		return refuse_file(why, INK_RULE_MUST, says, seq,
				   "the sequence bit of must-understand is %u, it has to be %u",
				   says, seq);
	return true;
}

static bool check_io(const struct ink_graph *g, struct ink_why *why)
{
	const struct inkling_header *h = g->header;
	const struct ink_tensor *in;
	u32 i;

	if (h->input >= h->n_tensors || g->tensors[h->input].kind != INKLING_TENSOR_INPUT)
		return refuse_file(why, INK_RULE_IO, h->input, 0,
				   "tensor %u is no input tensor", h->input);
	if (h->output >= h->n_tensors || g->tensors[h->output].kind != INKLING_TENSOR_ACTIVATION ||
	    g->tensors[h->output].seq)
		return refuse_file(why, INK_RULE_IO, h->output, 0,
				   "tensor %u can't be the output", h->output);
	for (i = 0; i < h->n_tensors; i++)
		if (g->tensors[i].kind == INKLING_TENSOR_INPUT && i != h->input)
			return refuse_tensor(why, INK_RULE_IO, i, i, h->input,
					     "tensors %u and %u are both inputs", h->input, i);
	in = &g->tensors[h->input];
	if (h->n_features && (in->dtype != INKLING_INT32 || in->count != h->n_features))
		return refuse_tensor(why, INK_RULE_IO, h->input, in->count, h->n_features,
				     "input is %s x %u, the %u features need int32 x %u",
				     ink_dtype_name(in->dtype), in->count, h->n_features,
				     h->n_features);
	return true;
}

static bool check_head(const struct ink_graph *g, struct ink_why *why)
{
	const struct inkling_header *h = g->header;
	const struct ink_tensor *out = &g->tensors[h->output];
	u32 opcode = g->ops[out->producer].opcode;
	bool ok;

	switch (h->head) {
	case INKLING_HEAD_RAW:
		ok = !h->n_classes && !h->threshold;
		break;
	case INKLING_HEAD_CLASSES:
		ok = opcode == INKLING_OP_SOFTMAX && h->n_classes >= 2 &&
		     h->n_classes == out->count && h->threshold >= 1 && h->threshold <= 32768;
		break;
	case INKLING_HEAD_ANOMALY:
		ok = (opcode == INKLING_OP_DIST || opcode == INKLING_OP_NLL) &&
		     h->n_classes == 2 && h->threshold >= 1;
		break;
	default:
		ok = false;
	}
	if (!ok)
		return refuse_file(why, INK_RULE_HEAD, h->head, 0,
				   "head %u with %u classes and threshold %d doesn't fit an output of %u by opcode %u",
				   h->head, h->n_classes, h->threshold, out->count, opcode);
	return true;
}

static bool parse(struct ink_graph *g, struct ink_why *why)
{
	const struct inkling_header *h = g->header;

	if (!check_header(h, g->size, why) || !check_digest(h, g->size, why) ||
	    !check_counts(h, why) || !check_sections(h, g->size, why))
		return false;
	g->card = g->image + h->section[INKLING_SEC_CARD].offset;
	g->features = g->image + h->section[INKLING_SEC_FEATURES].offset;
	g->names = g->image + h->section[INKLING_SEC_NAMES].offset;
	g->ops = g->image + h->section[INKLING_SEC_OPS].offset;
	if (!check_card(g, why) || !check_features(g, why))
		return false;
	g->tensors = ink_port_zalloc(h->n_tensors * sizeof(*g->tensors));
	if (!g->tensors)
		return refuse_file(why, INK_RULE_MEMORY, 0, 0, "no memory to check the image");
	return check_tensors(g, why) && check_io(g, why) && check_tokens(g, why) &&
	       ink_verify_ops(g, why) && check_must(g, why) && check_head(g, why);
}

struct ink_graph *ink_graph_parse(const void *image, size_t size, struct ink_why *why)
{
	struct ink_graph *g;

	memset(why, 0, sizeof(*why));
	if (size < sizeof(struct inkling_header)) {
		refuse_file(why, INK_RULE_TRUNCATED, (s64)size, sizeof(struct inkling_header),
			    "%zu bytes are too few for a model, the header alone has %zu", size,
			    sizeof(struct inkling_header));
		return NULL;
	}
	if (size > INKLING_MAX_IMAGE) {
		refuse_file(why, INK_RULE_FILE_SIZE, (s64)size, INKLING_MAX_IMAGE,
			    "%zu bytes, the limit is %u", size, INKLING_MAX_IMAGE);
		return NULL;
	}
	g = ink_port_zalloc(sizeof(*g));
	if (!g) {
		refuse_file(why, INK_RULE_MEMORY, 0, 0, "no memory to check the image");
		return NULL;
	}
	g->image = image;
	g->size = size;
	g->header = image;
	if (!parse(g, why)) {
		ink_graph_free(g);
		return NULL;
	}
	return g;
}

void ink_graph_free(struct ink_graph *graph)
{
	if (!graph)
		return;
	ink_port_free(graph->tensors);
	ink_port_free(graph);
}
