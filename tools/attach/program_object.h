/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF object of the flow programs: found, configured, loaded, its maps pinned.
 *
 * What lives here: libbpf's side of it, also the allow-list, which is filled
 * before a program sees it, and what libbpf and libxdp say when something
 * fails. What doesn't: interfaces (program.c).
 */
#ifndef INK_PROGRAM_OBJECT_H
#define INK_PROGRAM_OBJECT_H

#include <bpf/libbpf.h>
#include "program.h"

#define INK_PROGRAM_SECTION	"xdp.frags"
#define INK_PROGRAM_XDP		"inkling_flow"
#define INK_PROGRAM_TC		"inkling_flow_tc"
#define INK_PROGRAM_OUT		"inkling_flow_out"
#define INK_PROGRAM_CG		"inkling_flow_cg"
#define INK_PROGRAM_CG_OUT	"inkling_flow_cg_out"

/* Path of an object, or NULL when it is nowhere; from ink_fmt()'s buffers. */
const char *ink_object_path(const char *name);
/* Give a "const volatile" variable of an object that isn't loaded its value; 0 or -errno. */
int ink_constant_set(struct bpf_object *obj, const char *name, const void *value, size_t n);

/* Keep what the libraries say from now on, or print it if INKLING_DEBUG is set. */
void ink_library_listen(void);
const char *ink_library_said(void);

/* Open the object and set all that has to be set before it is loaded; NULL with *@err. */
struct bpf_object *ink_object_open(const struct ink_program_options *options, int *err);
/* Load it and pin the maps. Return: descriptor of the program of that name, or -errno. */
int ink_object_load(struct bpf_object *obj, const struct ink_program_options *options,
		    const char *name, uint32_t *prog_id);
/* For whoever had the object loaded by somebody else; 0 or -errno. */
int ink_maps_pin(struct bpf_object *obj, const char *target);

#endif /* INK_PROGRAM_OBJECT_H */
