// SPDX-License-Identifier: GPL-2.0-only
/*
 * The features of a model: raw integers outside, real numbers inside.
 *
 * What lives here: see schema.h. What doesn't: reading rows (rows.c).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

struct ink_schema *ink_schema_new(void)
{
	return calloc(1, sizeof(struct ink_schema));
}

static bool name_ok(const char *s, size_t len, size_t room)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return len && len < room;
}

static struct inkling_feature *feature_add(struct ink_schema *s, const char *name, size_t len,
					   struct ink_diag *why)
{
	struct inkling_feature *f = &s->features[s->n];
	char shown[48];
	uint32_t i;

	if (s->n >= INKLING_MAX_FEATURES) {
		ink_fail(why, "more than %u features", INKLING_MAX_FEATURES);
		return NULL;
	}
	if (!name_ok(name, len, sizeof(f->name))) {
		ink_fail(why, "feature %u: its name \"%s\" isn't 1 to %zu printable ASCII characters",
			 s->n, ink_printable(shown, sizeof(shown), name), sizeof(f->name) - 1);
		return NULL;
	}
	memcpy(f->name, name, len);
	for (i = 0; i < s->n; i++) {
		if (!strcmp(s->features[i].name, f->name)) {
			ink_fail(why, "features %u and %u are both called \"%s\"", i, s->n, f->name);
			return NULL;
		}
	}
	s->more[s->n].kind = INKLING_QUANT_LINEAR;
	s->n++;
	s->width++;
	return f;
}

bool ink_schema_add(struct ink_schema *s, const char *name, unsigned int decimals,
		    struct ink_diag *why)
{
	struct inkling_feature *f = feature_add(s, name, strlen(name), why);

	if (f)
		f->decimals = decimals;
	return f;
}

static bool parse_categories(struct ink_schema *s, struct inkling_feature *f, const char *text,
			     struct ink_diag *why)
{
	const char *end;

	f->kind = INKLING_FEATURE_CATEGORY;
	f->first_name = s->n_names;
	for (;; text = end + 1) {
		end = strchrnul(text, '|');
		if (s->n_names >= INKLING_MAX_NAMES)
			return ink_fail(why, "feature \"%s\": more than %u categories in all",
					f->name, INKLING_MAX_NAMES);
		if (!name_ok(text, end - text, sizeof(s->names[0].name)))
			return ink_fail(why, "feature \"%s\": category %u isn't 1 to %zu printable ASCII characters",
					f->name, f->n_names, sizeof(s->names[0].name) - 1);
		memcpy(s->names[s->n_names].name, text, end - text);
		s->n_names++;
		f->n_names++;
		if (!*end)
			break;
	}
	s->width += f->n_names - 1;
	return true;
}

static bool parse_number(const char *text, double *v)
{
	char *end;

	*v = strtod(text, &end);
	return end != text && !*end && isfinite(*v);
}

struct line {
	struct inkling_feature *f;
	struct ink_schema_feature *more;
	double lo, hi;
	char *cats;
	struct ink_diag *why;
};

static bool parse_option(struct line *l, char *word)
{
	char *value = strchr(word, '=');
	char shown[64];
	double v = 0;

	if (value)
		*value++ = 0;
	if (value && !strcmp(word, "cats")) {
		l->cats = value;
		return true;
	}
	if (!value || !parse_number(value, &v))
		return ink_fail(l->why, "feature \"%s\": \"%s\" isn't decimals=D, lo=V, hi=V or cats=a|b|c",
				l->f->name, ink_printable(shown, sizeof(shown), word));
	if (!strcmp(word, "decimals") && v >= 0 && v <= 9 && v == floor(v)) {
		l->f->decimals = (uint8_t)v;
	} else if (!strcmp(word, "lo")) {
		l->more->has_lo = true;
		l->lo = v;
	} else if (!strcmp(word, "hi")) {
		l->more->has_hi = true;
		l->hi = v;
	} else {
		return ink_fail(l->why, "feature \"%s\": %s=%s isn't understood", l->f->name,
				ink_printable(shown, 32, word),
				ink_printable(shown + 32, 32, value)) ||
		       ink_hint(l->why, "allowed: decimals=0..9, lo=V, hi=V, cats=a|b|c");
	}
	return true;
}

static bool parse_kind(struct line *l, const char *kind)
{
	char shown[32];

	if (!strcmp(kind, "linear"))
		l->more->kind = INKLING_QUANT_LINEAR;
	else if (!strcmp(kind, "log2"))
		l->more->kind = INKLING_QUANT_LOG2;
	else if (!strcmp(kind, "onehot"))
		l->more->kind = INKLING_QUANT_ONEHOT;
	else
		return ink_fail(l->why, "feature \"%s\": \"%s\" isn't linear, log2 or onehot",
				l->f->name, ink_printable(shown, sizeof(shown), kind));
	return true;
}

/* Bounds are given as real numbers; kept as raw integers. */
static bool set_bounds(struct line *l)
{
	double scale = pow(10, l->f->decimals);
	double lo = nearbyint(l->lo * scale), hi = nearbyint(l->hi * scale);

	if ((l->more->has_lo && !(lo >= INT32_MIN && lo <= INT32_MAX)) ||
	    (l->more->has_hi && !(hi >= INT32_MIN && hi <= INT32_MAX)))
		return ink_fail(l->why, "feature \"%s\": a bound times 10^%u doesn't fit into 32 bits",
				l->f->name, l->f->decimals) ||
		       ink_hint(l->why, "give it fewer decimals");
	if (l->more->has_lo && l->more->has_hi && lo > hi)
		return ink_fail(l->why, "feature \"%s\": lo=%g is above hi=%g", l->f->name, l->lo,
				l->hi);
	l->more->raw_lo = (int32_t)lo;
	l->more->raw_hi = (int32_t)hi;
	return true;
}

static bool parse_line(struct ink_schema *s, char *text, struct ink_diag *why)
{
	char *save = NULL, *name = strtok_r(text, " \t\r", &save), *word;
	struct line l = { .why = why };

	if (!name || name[0] == '#')
		return true;
	l.f = feature_add(s, name, strlen(name), why);
	if (!l.f)
		return false;
	l.more = &s->more[s->n - 1];
	word = strtok_r(NULL, " \t\r", &save);
	if (!word)
		return ink_fail(why, "feature \"%s\": its kind is missing", l.f->name) ||
		       ink_hint(why, "a line is: NAME linear|log2|onehot [decimals=D] [lo=V] [hi=V] [cats=a|b|c]");
	if (!parse_kind(&l, word))
		return false;
	while ((word = strtok_r(NULL, " \t\r", &save)))
		if (!parse_option(&l, word))
			return false;
	if ((l.more->kind == INKLING_QUANT_ONEHOT) != !!l.cats)
		return ink_fail(why, "feature \"%s\": %s", l.f->name, l.cats ?
				"cats= is for onehot only" : "a onehot needs cats=a|b|c");
	if (!l.cats)
		return set_bounds(&l);
	if (l.f->decimals || l.more->has_lo || l.more->has_hi)
		return ink_fail(why, "feature \"%s\": a onehot has neither decimals nor bounds",
				l.f->name);
	return parse_categories(s, l.f, l.cats, why);
}

struct ink_schema *ink_schema_parse(const char *text, struct ink_diag *why)
{
	struct ink_schema *s = ink_schema_new();
	char *copy = strdup(text), *line, *next;
	bool ok = s && copy;

	if (!ok)
		ink_fail(why, "no memory for the feature schema");
	for (line = copy; ok && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		ok = parse_line(s, line, why);
	}
	if (ok && !s->n)
		ok = ink_fail(why, "the feature schema has no features");
	free(copy);
	if (ok)
		return s;
	free(s);
	return NULL;
}

void ink_schema_bound(struct ink_schema *s, const int32_t *raw, size_t rows)
{
	uint32_t f;
	size_t r;

	for (f = 0; f < s->n; f++) {
		struct ink_schema_feature *m = &s->more[f];
		int32_t lo = INT32_MAX, hi = INT32_MIN;

		if (m->kind == INKLING_QUANT_ONEHOT)
			continue;
		for (r = 0; r < rows; r++) {
			int32_t v = raw[r * s->n + f];

			lo = v < lo ? v : lo;
			hi = v > hi ? v : hi;
		}
		if (!rows)
			lo = hi = 0;
		if (!m->has_lo)
			m->raw_lo = m->has_hi && lo > m->raw_hi ? m->raw_hi : lo;
		if (!m->has_hi)
			m->raw_hi = hi < m->raw_lo ? m->raw_lo : hi;
	}
}

double ink_schema_log2(uint64_t v)
{
	int e = 63 - __builtin_clzll(v);

	return e + (ldexp((double)v, -e) - 1);
}

static double expand_number(const struct ink_schema *s, uint32_t f, int64_t raw)
{
	const struct ink_schema_feature *m = &s->more[f];

	if (m->kind == INKLING_QUANT_LOG2 || m->has_lo)
		raw = raw < m->raw_lo ? m->raw_lo : raw;
	if (m->kind == INKLING_QUANT_LOG2 || m->has_hi)
		raw = raw > m->raw_hi ? m->raw_hi : raw;
	if (m->kind == INKLING_QUANT_LOG2)
		return ink_schema_log2((uint64_t)(raw - m->raw_lo) + 1);
	return raw / pow(10, s->features[f].decimals);
}

void ink_schema_expand(const struct ink_schema *s, const int32_t *raw, double *x)
{
	uint32_t f, k;

	for (f = 0; f < s->n; f++) {
		if (s->more[f].kind != INKLING_QUANT_ONEHOT) {
			*x++ = expand_number(s, f, raw[f]);
			continue;
		}
		for (k = 0; k < s->features[f].n_names; k++)
			*x++ = raw[f] == (int64_t)k;
	}
}

void ink_schema_columns(const struct ink_schema *s, struct ink_column *c)
{
	uint32_t f, k;

	for (f = 0; f < s->n; f++) {
		const struct ink_schema_feature *m = &s->more[f];
		uint32_t width = m->kind == INKLING_QUANT_ONEHOT ? s->features[f].n_names : 1;

		for (k = 0; k < width; k++, c++) {
			*c = (struct ink_column){
				.feature = f, .kind = m->kind, .category = k,
				.raw_lo = m->raw_lo, .raw_hi = m->raw_hi, .hi = 1,
			};
			if (m->kind == INKLING_QUANT_ONEHOT)
				continue;
			c->lo = expand_number(s, f, m->raw_lo);
			c->hi = expand_number(s, f, m->raw_hi);
		}
	}
}
