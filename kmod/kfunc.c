// SPDX-License-Identifier: GPL-2.0-only
/*
 * The door for BPF programs: kfuncs.
 *
 * What lives here: the functions that programs call, and for which types of
 * program. What doesn't: anything that they do (run.c). bpf/inkling_kfuncs.h
 * declares them for programs. The BPF core holds the module while a program
 * that calls them is loaded.
 */
#include "ink.h"
#include <linux/ink_btf.h>

__bpf_kfunc_start_defs();

/**
 * bpf_ink_run() - run the model of a slot on one input
 * @slot_id: as slot-get tells it
 * @in: one input, copied before it is used
 * @in__sz: has to be the model's input size
 * @out: set to the model's output; zeros when the slot is off; may overlap @in
 * @out__sz: has to be the model's output size
 *
 * Return: 0, or as ink_run_atomic(); @out is untouched then.
 */
__bpf_kfunc int bpf_ink_run(u32 slot_id, const void *in, u32 in__sz, void *out, u32 out__sz)
{
	struct inkling_verdict verdict;

	return ink_run_atomic(slot_id, in, in__sz, out, out__sz, &verdict);
}

/**
 * bpf_ink_verdict() - what the slot says of one input
 * @slot_id: as slot-get tells it
 * @in: one input, copied before it is used
 * @in__sz: has to be the model's input size
 * @verdict: set; act on @action only when @mode is INKLING_MODE_ENFORCE
 *
 * Return: 0, or as ink_run_atomic(); @verdict is untouched then.
 */
__bpf_kfunc int bpf_ink_verdict(u32 slot_id, const void *in, u32 in__sz,
				struct inkling_verdict *verdict)
{
	return ink_run_atomic(slot_id, in, in__sz, NULL, 0, verdict);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(ink_kfuncs)
BTF_ID_FLAGS(func, bpf_ink_run)
BTF_ID_FLAGS(func, bpf_ink_verdict)
BTF_KFUNCS_END(ink_kfuncs)

static const struct btf_kfunc_id_set ink_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &ink_kfuncs,
};

/* LSM programs share the set of tracing programs. */
static const enum bpf_prog_type ink_kfunc_types[] = {
	BPF_PROG_TYPE_XDP,
	BPF_PROG_TYPE_SCHED_CLS,
	BPF_PROG_TYPE_TRACING,
	BPF_PROG_TYPE_SYSCALL,
	INK_COMPAT_CGROUP_TYPES
};

/**
 * ink_kfunc_init() - offer the functions to BPF programs
 *
 * They are withdrawn by the BPF core when the module goes.
 *
 * Return: 0, -EOPNOTSUPP without type information, or as the BPF core says.
 */
int ink_kfunc_init(void)
{
	unsigned int i;
	int err;

	if (!ink_compat_has_btf(THIS_MODULE))
		return -EOPNOTSUPP;
	for (i = 0; i < ARRAY_SIZE(ink_kfunc_types); i++) {
		err = register_btf_kfunc_id_set(ink_kfunc_types[i], &ink_kfunc_set);
		if (err)
			return err;
	}
	return 0;
}
