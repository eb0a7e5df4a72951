/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Marking functions for BPF programs, across kernel versions.
 *
 * What lives here: the macros that newer kernels give around the definitions
 * of kfuncs and around their sets, and whether this module carries the type
 * information (BTF) without which they can't be offered.
 */
#ifndef INK_COMPAT_BTF_H
#define INK_COMPAT_BTF_H

#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/module.h>
#include <linux/version.h>

#ifndef __bpf_kfunc
#define __bpf_kfunc	__used noinline
#endif

#ifndef __bpf_kfunc_start_defs
#define __bpf_kfunc_start_defs()						\
	__diag_push();								\
	__diag_ignore_all("-Wmissing-declarations",				\
			  "kfuncs are called by BPF programs only");		\
	__diag_ignore_all("-Wmissing-prototypes",				\
			  "kfuncs are called by BPF programs only")
#define __bpf_kfunc_end_defs()	__diag_pop()
#endif

#ifndef BTF_KFUNCS_START
#define BTF_KFUNCS_START(name)	BTF_SET8_START(name)
#define BTF_KFUNCS_END(name)	BTF_SET8_END(name)
#endif

/* Before Linux 6.4 programs of cgroups can't call functions of modules: one more type, or none. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define INK_COMPAT_CGROUP_TYPES	BPF_PROG_TYPE_CGROUP_SKB,
#else
#define INK_COMPAT_CGROUP_TYPES
#endif

static inline bool ink_compat_has_btf(const struct module *module)
{
#if IS_ENABLED(CONFIG_DEBUG_INFO_BTF_MODULES) && IS_MODULE(CONFIG_INKLING)
	return module->btf_data_size;
#else
	return IS_ENABLED(CONFIG_DEBUG_INFO_BTF);
#endif
}

#endif
