/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a BPF program calls to ask a slot.
 *
 * What lives here: the declarations of the module's kfuncs, for XDP, tc,
 * tracing (tp_btf, fentry), LSM and syscall programs.
 * What doesn't: struct inkling_verdict, which is uapi. Include <linux/bpf.h>
 * or vmlinux.h and <bpf/bpf_helpers.h> before.
 *
 * Memory that is passed to a kfunc has to be writable and initialised, even
 * where the function only reads it or only writes it: the stack, map values,
 * packet data, but no read-only map. Programs that call these hold the module;
 * they can only be loaded while it is there.
 *
 * Both functions return 0, or a negative errno, after which nothing has been
 * written. A hook fails open then:
 *
 *   -EINVAL	no such slot, or a size isn't the model's
 *   -ENODEV	the slot was deleted
 *   -ESTALE	the slot was deleted and another one has its place
 *   -ENODATA	the slot has no model yet
 *   -EPERM	the slot isn't for the context that the program runs in
 *   -EBUSY	called from inside a run of the same model, or the vectors can't
 *		be used here and the model is too slow without
 *   -EOPNOTSUPP	from NMI
 */
#ifndef INKLING_KFUNCS_H
#define INKLING_KFUNCS_H

#include <linux/types.h>
#include <linux/inkling.h>

#ifndef __ksym
#define __ksym	__attribute__((section(".ksyms")))
#endif

/**
 * bpf_ink_run() - run the model of a slot on one input
 * @slot_id: from "inkling show", or netlink's slot-get
 * @in: one input
 * @in__sz: bytes of it, has to be the model's input size
 * @out: set to the output; zeros when the slot is off; may overlap @in
 * @out__sz: bytes of it, has to be the model's output size
 */
extern int bpf_ink_run(__u32 slot_id, const void *in, __u32 in__sz, void *out,
		       __u32 out__sz) __ksym;

/**
 * bpf_ink_verdict() - what the slot says of one input
 * @slot_id: from "inkling show", or netlink's slot-get
 * @in: one input
 * @in__sz: bytes of it, has to be the model's input size
 * @verdict: set; act on @action only when @mode is INKLING_MODE_ENFORCE
 */
extern int bpf_ink_verdict(__u32 slot_id, const void *in, __u32 in__sz,
			   struct inkling_verdict *verdict) __ksym;

#endif /* INKLING_KFUNCS_H */
