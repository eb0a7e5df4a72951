// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of slot files and allow-lists, which an administrator's tools may have
 * written badly.
 *
 * What lives here: what is asked of each input. It is taken whole, or refused
 * with remarks that name a line that is there and print on one line; taken
 * means that what must be given was given, and that all values are in range.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../daemon/unit.h"
#include "fuzz_check.h"

static void check_text(const char *text)
{
	for (; *text; text++)
		CHECK((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_remarks(const struct ink_remarks *r, size_t lines, bool taken)
{
	size_t i;

	CHECK(taken == !r->n);
	for (i = 0; i < r->n; i++) {
		CHECK(r->items[i].line <= lines);
		CHECK(strlen(r->items[i].text) >= 10);
		check_text(r->items[i].text);
		check_text(r->items[i].hint ?: "");
	}
}

static void check_unit(const struct ink_unit *u)
{
	size_t i;

	CHECK(u->model && *u->model);
	CHECK(u->mode == INKLING_MODE_OFF || u->mode == INKLING_MODE_MONITOR ||
	      u->mode == INKLING_MODE_ENFORCE);
	CHECK(u->n_actions <= INKLING_MAX_CLASSES && u->n_targets <= INK_UNIT_TARGETS);
	CHECK(!u->attach || u->n_targets);
	for (i = 0; i < u->n_targets; i++)
		CHECK(*u->targets[i]);
	for (i = 0; i < u->n_allow; i++)
		CHECK(u->allow[i].bits <= 128);
	CHECK(!u->flows || u->flows <= INK_UNIT_FLOWS_MAX);
	CHECK(!(u->perm & ~0777u));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ink_remarks r = { 0 };
	struct ink_unit u = { 0 };
	size_t lines = 1, i;
	bool taken;

	for (i = 0; i < size; i++)
		lines += data[i] == '\n';
	taken = ink_unit_parse(&u, "/etc/inkling/slots.d/net.flow.slot", (const char *)data, size, &r);
	check_remarks(&r, lines, taken);
	if (taken)
		check_unit(&u);
	ink_remarks_clear(&r);
	/* The same bytes as an allow-list of it. */
	memset(&r, 0, sizeof(r));
	taken = ink_unit_parse_allow(&u, "/etc/inkling/allow", (const char *)data, size, &r);
	check_remarks(&r, lines, taken);
	CHECK(u.n_allow <= 2 * INK_UNIT_ALLOW_MAX || !taken);
	ink_remarks_clear(&r);
	ink_unit_clear(&u);
	return 0;
}
