// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The verifier, first part: header, sections, card, features, input, output, head.
 *
 * What lives here: the order of all checks, and what can be said of an image
 * without its tensors. The layout is canonical, so there is one right place for
 * each byte, and "overlap", "gap" and "trailing bytes" are all the same refusal.
 * What doesn't: tensors (verify_tensor.c) and operators (verify_ops.c,
 * verify_seq.c).
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

bool ink_all_zero(const void *p, size_t n)
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
	return n < size && ink_all_zero(s + n, size - n);
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
	if (!ink_all_zero(h->reserved, sizeof(h->reserved)))
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
		if (!ink_all_zero(image + end, start - end))
			return refuse_file(why, INK_RULE_PADDING, 0, 0,
					   "bytes before section %s aren't zero", names[i]);
		end = start + s->size;
	}
	if (!ink_all_zero(&h->section[INKLING_SEC_NR],
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
	if (!ink_all_zero(c->reserved, sizeof(c->reserved)))
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
	if (f->reserved0 || !ink_all_zero(f->reserved, sizeof(f->reserved)))
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
	return ink_verify_tensors(g, why) && check_io(g, why) && ink_verify_tokens(g, why) &&
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
