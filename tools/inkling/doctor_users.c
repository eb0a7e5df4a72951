// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling doctor: who holds the module, so that it can't be removed.
 *
 * What lives here: processes with /dev/inkling open, BPF programs that call a
 * kfunc of the module. What doesn't: the other checks (doctor.c).
 *
 * The kernel doesn't tell which modules a program holds. Its instructions do:
 * a call of a kfunc carries either the function's id in the module's BTF
 * (kernels that can call far) or its address (6.1).
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "doctor.h"

#define MAX_KFUNCS	8

/* How a call of one of the module's functions can look. */
struct marks {
	int32_t id[MAX_KFUNCS];		/* in the module's BTF */
	unsigned int n_ids;
	int32_t distance[MAX_KFUNCS];	/* from __bpf_call_base */
	unsigned int n_distances;
};

static void find_ids(struct marks *m)
{
	static const char * const names[] = { "bpf_ink_run", "bpf_ink_verdict" };
	struct btf *base = btf__load_vmlinux_btf();
	struct btf *btf = base ? btf__load_module_btf("inkling", base) : NULL;
	unsigned int i;
	int id;

	for (i = 0; btf && i < 2; i++) {
		id = btf__find_by_name_kind(btf, names[i], BTF_KIND_FUNC);
		if (id > 0)
			m->id[m->n_ids++] = id;
	}
	btf__free(btf);
	btf__free(base);
}

static void find_distances(struct marks *m)
{
	unsigned long long address, base = 0, found[MAX_KFUNCS];
	char line[512], name[128], module[64];
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned int i, n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		module[0] = '\0';
		if (sscanf(line, "%llx %*c %127s [%63[^]]", &address, name, module) < 2)
			continue;
		if (!strcmp(name, "__bpf_call_base"))
			base = address;
		else if (!strcmp(module, "inkling") && !strncmp(name, "bpf_ink_", 8) && n < MAX_KFUNCS)
			found[n++] = address;
	}
	if (f)
		fclose(f);
	for (i = 0; base && i < n; i++)
		m->distance[m->n_distances++] = (int32_t)(found[i] - base);
}

static bool is_ours(const struct bpf_insn *insn, const struct marks *m)
{
	unsigned int i;

	if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg != BPF_PSEUDO_KFUNC_CALL)
		return false;
	/* An offset that isn't 0 means: in some module's BTF. */
	for (i = 0; i < m->n_ids; i++)
		if (insn->off && insn->imm == m->id[i])
			return true;
	for (i = 0; i < m->n_distances; i++)
		if (insn->imm == m->distance[i])
			return true;
	return false;
}

/* Its instructions, for free(); NULL when they aren't shown. */
static struct bpf_insn *read_program(int fd, struct bpf_prog_info *info, size_t *n)
{
	struct bpf_insn *insns;
	uint32_t size, len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (bpf_obj_get_info_by_fd(fd, info, &len) || !info->xlated_prog_len)
		return NULL;
	size = info->xlated_prog_len;
	insns = ink_xalloc(1, size);
	memset(info, 0, sizeof(*info));
	info->xlated_prog_len = size;
	info->xlated_prog_insns = (uintptr_t)insns;
	len = sizeof(*info);
	if (bpf_obj_get_info_by_fd(fd, info, &len) || !info->xlated_prog_insns) {
		free(insns);
		return NULL;
	}
	*n = (info->xlated_prog_len < size ? info->xlated_prog_len : size) / sizeof(*insns);
	return insns;
}

static bool calls_us(int fd, const struct marks *m, struct bpf_prog_info *info)
{
	struct bpf_insn *insns;
	bool found = false;
	size_t i, n = 0;

	insns = read_program(fd, info, &n);
	for (i = 0; insns && i < n && !found; i++)
		found = is_ours(&insns[i], m);
	free(insns);
	return found;
}

/* *@blind is set when they can't be looked at. */
static unsigned int list_programs(bool *blind)
{
	struct bpf_prog_info info;
	struct marks marks = { .n_ids = 0 };
	unsigned int n = 0;
	uint32_t id = 0;
	int fd;

	find_ids(&marks);
	find_distances(&marks);
	while (!bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		if (calls_us(fd, &marks, &info)) {
			n++;
			ink_doctor_say("held by", INK_HEALTH_NOTE,
				       ink_fmt("BPF program %u (%s)", id, ink_fmt_safe(info.name)),
				       ink_fmt("\"inkling detach\" takes its attachments off; bpftool prog show id %u", id));
		}
		close(fd);
	}
	*blind = errno == EPERM;
	if (*blind)
		ink_doctor_say("held by", INK_HEALTH_NOTE, "BPF programs can't be looked at",
			       "run it as root to see which of them call slots");
	return n;
}

/* True when the process has the device open. */
static bool has_device(const char *pid)
{
	char path[512], target[64];
	struct dirent *e;
	bool found = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%.32s/fd", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%.32s/fd/%.32s", pid, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found = !strcmp(target, "/dev/inkling");
	}
	if (d)
		closedir(d);
	return found;
}

static unsigned int list_processes(void)
{
	DIR *proc = opendir("/proc");
	char comm[64], path[64];
	struct dirent *e;
	unsigned int n = 0;
	FILE *f;

	while (proc && (e = readdir(proc)) != NULL) {
		if (!isdigit((unsigned char)e->d_name[0]) || !has_device(e->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%.32s/comm", e->d_name);
		comm[0] = '\0';
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = '\0';
		if (f)
			fclose(f);
		n++;
		ink_doctor_say("held by", INK_HEALTH_NOTE,
			       ink_fmt("process %.32s (%s), a session", e->d_name, ink_fmt_safe(comm)),
			       "it lets go when it ends");
	}
	if (proc)
		closedir(proc);
	return n;
}

void ink_doctor_users(void)
{
	unsigned int n = list_processes();
	bool blind;

	n += list_programs(&blind);
	if (!n && !blind)
		ink_doctor_say("held by", INK_HEALTH_OK, "nobody: rmmod inkling would work", NULL);
}
