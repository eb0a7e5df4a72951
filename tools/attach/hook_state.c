// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is attached, and its allow-list; see hook.h.
 *
 * What lives here: reading pins, and making the allow-list another one. What
 * doesn't: attaching and detaching (hook.c).
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook.h"

/* Append the entries of one of the two maps. */
static int ink_allow_read_map(const char *target, bool is4, struct ink_prefix **list, size_t *n)
{
	struct { uint32_t bits; uint8_t addr[16]; } key = { 0 }, next;
	int fd = bpf_obj_get(ink_pin_path(target, is4 ? "allow4" : "allow6"));
	bool first = true;

	if (fd < 0)
		return -errno;
	while (!bpf_map_get_next_key(fd, first ? NULL : &key, &next)) {
		struct ink_prefix *p;

		*list = ink_xrealloc(*list, *n + 1, sizeof(**list));
		p = &(*list)[(*n)++];
		memset(p, 0, sizeof(*p));
		p->family = is4 ? 4 : 6;
		p->bits = (uint8_t)(next.bits + (is4 ? 96 : 0));
		if (is4) {
			p->addr[10] = 0xff;
			p->addr[11] = 0xff;
			memcpy(p->addr + 12, next.addr, 4);
		} else {
			memcpy(p->addr, next.addr, 16);
		}
		key = next;
		first = false;
	}
	close(fd);
	return 0;
}

int ink_allow_read(const char *target, struct ink_prefix **list, size_t *n)
{
	int err;

	*list = NULL;
	*n = 0;
	err = ink_allow_read_map(target, true, list, n);
	if (!err)
		err = ink_allow_read_map(target, false, list, n);
	if (!err)
		return 0;
	free(*list);
	*list = NULL;
	*n = 0;
	return err;
}

const char *ink_prefix_text(const struct ink_prefix *p)
{
	unsigned int bits = p->bits - (p->family == 4 ? 96u : 0);
	char text[INK_ADDR_TEXT];

	ink_addr_format(p->addr, text);
	return bits == (p->family == 4 ? 32u : 128u) ? ink_fmt("%s", text) :
		ink_fmt("%s/%u", text, bits);
}

bool ink_allow_has(const struct ink_prefix *list, size_t n, const struct ink_prefix *prefix)
{
	for (; n; n--, list++)
		if (list->family == prefix->family && list->bits == prefix->bits &&
		    !memcmp(list->addr, prefix->addr, sizeof(list->addr)))
			return true;
	return false;
}

static int ink_allow_add_missing(const char *target, const struct ink_prefix *list, size_t n,
				 const struct ink_prefix *old, size_t n_old)
{
	int err = 0;

	for (; n && !err; n--, list++)
		if (!ink_allow_has(old, n_old, list))
			err = ink_allow_change(target, list, true);
	return err;
}

int ink_allow_replace(const char *target, const struct ink_prefix *list, size_t n)
{
	struct ink_prefix *old;
	size_t i, n_old;
	int err = ink_allow_read(target, &old, &n_old), full;

	if (err)
		return err;
	full = ink_allow_add_missing(target, list, n, old, n_old);
	if (full && full != -ENOSPC)
		err = full;
	for (i = 0; i < n_old && !err; i++)
		if (!ink_allow_has(list, n, &old[i]))
			err = ink_allow_change(target, &old[i], false);
	/* Now there is the room that old and new entries together didn't have. */
	if (!err && full)
		err = ink_allow_add_missing(target, list, n, old, n_old);
	free(old);
	return err;
}

int ink_hook_read(const char *target, struct ink_hook_state *state)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	int err, fd;

	memset(state, 0, sizeof(*state));
	err = ink_attachment_read(target, &state->record);
	if (err)
		return err;
	snprintf(state->record.target, sizeof(state->record.target), "%s", target);
	fd = bpf_obj_get(ink_pin_path(target, "flows"));
	if (fd < 0)
		return -errno;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size))
		state->flows = info.max_entries;
	close(fd);
	state->alive = ink_program_alive(&state->record);
	return ink_allow_read(target, &state->allow, &state->n_allow);
}

void ink_hook_state_clear(struct ink_hook_state *state)
{
	free(state->allow);
	state->allow = NULL;
	state->n_allow = 0;
}

#define INK_PANIC_FILE	INK_PANIC_DIR "/panic"

bool ink_hook_held(void)
{
	return !access(INK_PANIC_FILE, F_OK);
}

int ink_hook_hold(bool held)
{
	int fd;

	if (!held)
		return unlink(INK_PANIC_FILE) && errno != ENOENT ? -errno : 0;
	if (mkdir(INK_PANIC_DIR, 0755) && errno != EEXIST)
		return -errno;
	fd = open(INK_PANIC_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}
