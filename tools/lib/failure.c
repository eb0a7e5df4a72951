// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Why a call failed: the thread's last failure.
 *
 * What lives here: setting and handing out struct ink_failure. What doesn't:
 * the words, which are chosen where the failure is noticed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "internal.h"

static _Thread_local struct ink_failure last = {
	.op = INKLING_NONE,
	.tensor = INKLING_NONE,
};

const struct ink_failure *ink_failure_last(void)
{
	return &last;
}

const char *ink_version(void)
{
	return INK_VERSION;
}

int ink_failure_set(int code, const char *fmt, ...)
{
	char text[sizeof(last.text)];	/* an argument may be in last.text */
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	memset(&last, 0, sizeof(last));
	last.code = code;
	last.op = INKLING_NONE;
	last.tensor = INKLING_NONE;
	memcpy(last.text, text, sizeof(text));
	errno = code;
	return -code;
}

void ink_failure_hint(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(last.hint, sizeof(last.hint), fmt, args);
	va_end(args);
}

int ink_failure_why(const struct ink_why *why)
{
	int err = ink_failure_set(why->rule == INK_RULE_MEMORY ? ENOMEM : EBADMSG, "%s",
				  why->text);

	last.rule = ink_rule_name(why->rule);
	last.op = why->op;
	last.tensor = why->tensor;
	last.value = why->value;
	last.limit = why->limit;
	return err;
}

void ink_failure_line(uint64_t line)
{
	last.line = line;
}

void ink_text_copy(char *to, size_t size, const char *from, size_t from_len)
{
	size_t i;

	for (i = 0; i + 1 < size && i < from_len && from[i]; i++)
		to[i] = (unsigned char)from[i] < 0x20 || from[i] == 0x7f ? '?' : from[i];
	if (size)
		to[i] = '\0';
}
