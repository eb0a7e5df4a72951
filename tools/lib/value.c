// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Raw features from text, and the id of a schema.
 *
 * What lives here: exact decimal numbers, categories, ink_schema_id(). What
 * doesn't: files (csv.c), and what a model makes of a raw feature (op QUANT).
 */
#include <string.h>
#include "internal.h"

#define MAX_DIGITS	24	/* more than any 32-bit number times 10^9 */

/* A decimal number: 0.DDDDD times 10^point, the first digit isn't 0. */
struct decimal {
	bool negative;
	bool sticky;		/* there are further digits that aren't 0 */
	unsigned int n;		/* digits; 0 for the number 0 */
	long point;
	char digit[MAX_DIGITS];
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static void decimal_push(struct decimal *d, char c, bool after_point)
{
	if (d->n == 0 && c == '0') {
		d->point -= after_point;
		return;
	}
	if (!after_point)
		d->point++;
	if (d->n < MAX_DIGITS)
		d->digit[d->n++] = (char)(c - '0');
	else if (c != '0')
		d->sticky = true;
}

/* The exponent behind an "e"; NULL when there is none. */
static const char *scan_exponent(const char *s, long *point)
{
	bool negative = *s == '-';
	long e = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (!is_digit(*s))
		return NULL;
	for (; is_digit(*s); s++)
		if (e < 1000000000)
			e = e * 10 + (*s - '0');
	*point += negative ? -e : e;
	return s;
}

/* False when @s isn't a decimal number. */
static bool decimal_scan(const char *s, struct decimal *d)
{
	bool point = false, any = false;

	memset(d, 0, sizeof(*d));
	while (is_space(*s))
		s++;
	d->negative = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	for (; is_digit(*s) || (*s == '.' && !point); s++) {
		if (*s == '.') {
			point = true;
			continue;
		}
		any = true;
		decimal_push(d, *s, point);
	}
	if (!any)
		return false;
	if (*s == 'e' || *s == 'E')
		s = scan_exponent(s + 1, &d->point);
	if (!s)
		return false;
	while (is_space(*s))
		s++;
	return *s == '\0';
}

/* Round half to even, as numpy.rint() does, so that training sees the same integers. */
static bool round_up(const struct decimal *d, long at, s64 whole)
{
	unsigned int i, digit;
	bool rest = d->sticky;

	if (at < 0 || at >= (long)d->n)
		return false;	/* less than a tenth, or no fraction at all */
	digit = (unsigned int)d->digit[at];
	for (i = (unsigned int)at + 1; i < d->n; i++)
		rest |= d->digit[i] != 0;
	if (digit != 5)
		return digit > 5;
	return rest || (whole & 1);
}

static s32 decimal_raw(const struct decimal *d, unsigned int decimals)
{
	long i, point = d->point + (long)decimals;
	s64 whole = 0;

	if (d->n == 0)
		return 0;
	if (point > 10)
		return d->negative ? S32_MIN : S32_MAX;
	for (i = 0; i < point; i++)
		whole = whole * 10 + (i < (long)d->n ? d->digit[i] : 0);
	whole += round_up(d, point, whole);
	if (d->negative)
		whole = -whole;
	return (s32)clamp_t(s64, whole, S32_MIN, S32_MAX);
}

int ink_number_parse(const char *text, unsigned int decimals, int32_t *raw)
{
	char shown[48];
	struct decimal d;

	if (!decimal_scan(text, &d)) {
		ink_text_copy(shown, sizeof(shown), text, strlen(text));
		if (!*shown)
			return ink_failure_set(EINVAL, "empty where a number is needed");
		return ink_failure_set(EINVAL, "\"%s\" isn't a number", shown);
	}
	*raw = decimal_raw(&d, decimals);
	return 0;
}

int ink_value_parse(const struct inkling_feature *feature, const struct inkling_name *names,
		    const char *text, int32_t *raw)
{
	const struct inkling_name *name = names + feature->first_name;
	u32 i;

	if (feature->kind != INKLING_FEATURE_CATEGORY)
		return ink_number_parse(text, feature->decimals, raw);
	for (i = 0; i < feature->n_names; i++)
		if (!strncmp(text, name[i].name, sizeof(name[i].name)))
			break;
	*raw = (s32)i;
	return 0;
}

uint64_t ink_schema_id(const struct inkling_feature *features, uint32_t n_features,
		       const struct inkling_name *names, uint32_t n_names)
{
	struct ink_port_sha256_state state;
	u8 digest[32];

	ink_port_sha256_init(&state);
	if (n_features)
		ink_port_sha256_update(&state, features, n_features * sizeof(*features));
	if (n_names)
		ink_port_sha256_update(&state, names, n_names * sizeof(*names));
	ink_port_sha256_final(&state, digest);
	return get_unaligned_le64(digest);
}
