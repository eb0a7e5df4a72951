/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For selftests in C: TAP lines, slots with models, children with less rights.
 *
 * What lives here: what more than one test needs. What doesn't: the models
 * (tests/unit/models.h, models_big.c) and BPF programs (st_bpf.h).
 */
#ifndef INK_ST_H
#define INK_ST_H

#include "models.h"
#include "inkling.h"

/* One result; the name is a format. Returns @good. */
bool st_ok(bool good, const char *name, ...) __printf(2, 3);
/* Two numbers are equal; both are shown when they aren't. */
bool st_is(long long got, long long want, const char *name, ...) __printf(3, 4);
/* A call of libinkling failed with that errno, and its text has these words. */
bool st_refused(int err, int want, const char *words, const char *name, ...) __printf(4, 5);
/* A call of libinkling went well; its failure is shown when it didn't. */
bool st_fine(int err, const char *name, ...) __printf(2, 3);
void st_skip(const char *reason, const char *name, ...) __printf(2, 3);
void st_diag(const char *text, ...) __printf(1, 2);
/* The test can't go on. */
void st_bail(const char *text, ...) __printf(1, 2) __attribute__((__noreturn__));
/* How many times longer something may take in this kernel: one that checks itself, emulated. */
unsigned int st_slow(void);
/* The plan; what main() returns. */
int st_done(void);

/* A connection to the module; bails out when there is none. */
struct ink_ctl *st_ctl(void);
/* A new slot in mode enforce, without a model; one of that name is deleted before. Its id. */
u32 st_slot(struct ink_ctl *ctl, const char *name, u32 contexts);
void st_load(struct ink_ctl *ctl, const char *slot, const struct image *img);
u32 st_slot_with(struct ink_ctl *ctl, const char *name, u32 contexts, const struct image *img);
/* As the shadow of a slot that has a model. */
void st_load_shadow(struct ink_ctl *ctl, const char *slot, const struct image *img, u32 sample);
/* What that has counted; bails out when there is none. */
struct ink_shadow_info st_shadow(struct ink_ctl *ctl, const char *slot);
u64 st_skip_count(const struct ink_shadow_info *shadow, const char *reason);	/* NULL: all */
/* Counters of a slot. */
struct ink_slot_stats st_stats(struct ink_ctl *ctl, const char *slot);
u64 st_error_count(const struct ink_slot_stats *stats, const char *reason);

/* What userspace says: outputs and verdicts of @n inputs, to compare with the kernel's. */
void st_expect(const struct image *img, const void *in, u32 n, void *out,
	       struct inkling_verdict *verdicts);
/* Random inputs for a model: @n times its input size; for free(). */
void *st_inputs(const struct image *img, u64 seed, u32 n);
size_t st_input_size(const struct image *img);
size_t st_output_size(const struct image *img);

/* Run @fn in a child process; returns its result, 0 to 127, or -1 when it was killed. */
int st_child(int (*fn)(void *arg), void *arg);
/* In a child: become a user without privileges, but for a mask of capabilities. */
void st_drop(unsigned int uid, unsigned int gid, u64 capabilities);

/* Dense layers of n to n, input int8[n], output int8[n], head RAW. */
struct image big_image(u32 n, u32 layers);
/* Like flow in features, input and output, with so many layers of n to n in between. */
struct image flow_wide(u32 n, u32 layers);
/* Like flow, but with other weights: same schema, input and output, another digest. */
struct image flow_variant(u32 seed);

/* A model of names, whose class 1 is digits; see models_names.c. */
struct image names_image(void);

#endif /* INK_ST_H */
