// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was put into the kernel for the sake of slot files; see managed.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "managed.h"

#define FIRST_LINE	"inkling-managed 1\n"

/* Of this process alone: the children of ink_aside() may outlive it for a moment. */
int ink_managed_lock(const char *dir)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd, err;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	fd = open(ink_fmt("%s/lock", dir), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (!fcntl(fd, F_SETLK, &lock))
		return fd;
	err = errno == EACCES ? -EWOULDBLOCK : -errno;
	close(fd);
	return err;
}

int ink_managed_read(struct ink_managed *m, const char *dir)
{
	FILE *f = fopen(ink_fmt("%s/managed", dir), "re");
	char line[INK_TARGET_MAX + 32], word[16], name[INK_TARGET_MAX];
	bool fine;

	memset(m, 0, sizeof(*m));
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	fine = fgets(line, sizeof(line), f) && !strcmp(line, FIRST_LINE);
	while (fine && fgets(line, sizeof(line), f)) {
		_Static_assert(sizeof(name) == 192, "as in the format");
		fine = sscanf(line, "%15s %191s", word, name) == 2;
		if (fine && !strcmp(word, "slot"))
			ink_names_add(&m->slots, name);
		else if (fine && !strcmp(word, "interface"))
			ink_names_add(&m->targets, name);
		else
			fine = false;
	}
	fclose(f);
	if (fine)
		return 0;
	ink_managed_clear(m);
	return -EBADMSG;
}

static bool ink_names_same(const struct ink_names *a, const struct ink_names *b)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (!ink_names_has(b, a->items[i]))
			return false;
	return a->n == b->n;
}

static int ink_managed_put(const struct ink_managed *m, const char *path)
{
	FILE *f = fopen(path, "we");
	size_t i;
	int err;

	if (!f)
		return -errno;
	fputs(FIRST_LINE, f);
	for (i = 0; i < m->slots.n; i++)
		fprintf(f, "slot %s\n", m->slots.items[i]);
	for (i = 0; i < m->targets.n; i++)
		fprintf(f, "interface %s\n", m->targets.items[i]);
	err = fflush(f) || fsync(fileno(f)) ? -errno : 0;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

int ink_managed_write(const struct ink_managed *m, const char *dir)
{
	const char *path = ink_fmt("%s/managed", dir), *next = ink_fmt("%s/managed.new", dir);
	struct ink_managed old;
	bool same;
	int err;

	same = !ink_managed_read(&old, dir) && ink_names_same(&m->slots, &old.slots) &&
		ink_names_same(&m->targets, &old.targets);
	ink_managed_clear(&old);
	if (same)
		return 0;
	err = ink_managed_put(m, next);
	if (!err && rename(next, path))
		err = -errno;
	return err;
}

void ink_managed_clear(struct ink_managed *m)
{
	ink_names_clear(&m->slots);
	ink_names_clear(&m->targets);
}
