// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random graphs with random weights and inputs: what the kernel computes,
 * vectors and all, is what the scalar specification computes in userspace.
 */
#include "st_bpf.h"

#include <errno.h>

#define GRAPHS	1500
#define INPUTS	8	/* for each; four more through a BPF program */
#define KFUNCS	4

static struct ink_ctl *ctl;
static struct st_bpf bpf;
static long cases, wrong, loaded, skipped;

static void expect(struct ink_model *model, const u8 *in, u32 n, u8 *out,
		   struct inkling_verdict *v)
{
	size_t in_size = ink_model_input_size(model), out_size = ink_model_output_size(model);
	u32 i;

	for (i = 0; i < n; i++) {
		ink_model_run(model, in + i * in_size, in_size, out + i * out_size, out_size);
		ink_model_verdict(model, out + i * out_size, ink_model_header(model)->threshold,
				  &v[i]);
	}
}

static bool same(const struct inkling_verdict *a, const struct inkling_verdict *b)
{
	return a->class == b->class && a->score == b->score;
}

static void check_session(const u8 *in, size_t in_size, const u8 *want, size_t out_size,
			  const struct inkling_verdict *expected, u64 seed)
{
	struct ink_session *session = ink_session_open("random", INK_DEFAULTS);
	struct inkling_verdict v[INPUTS];
	u8 *out = malloc(INPUTS * out_size);
	u32 i;

	if (!session || ink_session_run_batch(session, INPUTS, in, in_size, out, out_size, v))
		st_bail("seed %llu: %s", (unsigned long long)seed, ink_failure_last()->text);
	for (i = 0; i < INPUTS; i++, cases++) {
		if (!memcmp(out + i * out_size, want + i * out_size, out_size) &&
		    same(&v[i], &expected[i]))
			continue;
		if (wrong++ < 10)
			st_diag("seed %llu, input %u: wrong", (unsigned long long)seed, i);
	}
	ink_session_close(session);
	free(out);
}

static void check_kfunc(u32 id, const struct image *img, const u8 *in, size_t in_size,
			const u8 *want, size_t out_size, u64 seed)
{
	u32 i;

	if (in_size > ST_JOB_BYTES || out_size > ST_JOB_BYTES) {
		skipped++;
		return;
	}
	for (i = 0; i < KFUNCS; i++, cases++) {
		st_job_set(bpf.job, id, ST_JOB_RUN, img, in + i * in_size);
		if (!st_job_syscall(&bpf) && !memcmp(bpf.job->out, want + i * out_size, out_size))
			continue;
		if (wrong++ < 10)
			st_diag("seed %llu, input %u: wrong in a program", (unsigned long long)seed, i);
	}
}

static void one(u64 seed)
{
	struct image img = random_image(seed);
	struct ink_model *model = ink_model_open_image(img.p, img.size);
	size_t in_size, out_size;
	struct inkling_verdict v[INPUTS];
	u8 *in, *want;
	u32 id;

	if (!model || ink_model_isa_set(model, "scalar"))
		st_bail("seed %llu: %s", (unsigned long long)seed, ink_failure_last()->text);
	in_size = ink_model_input_size(model);
	out_size = ink_model_output_size(model);
	in = st_inputs(&img, seed, INPUTS);
	want = malloc(INPUTS * out_size);
	expect(model, in, INPUTS, want, v);
	id = st_slot_with(ctl, "random", INKLING_CTX_TASK, &img);
	loaded++;
	check_session(in, in_size, want, out_size, v, seed);
	if (bpf.object)
		check_kfunc(id, &img, in, in_size, want, out_size, seed);
	ink_model_close(model);
	image_free(&img);
	free(in);
	free(want);
}

int main(void)
{
	u64 seed;

	ctl = st_ctl();
	if (st_bpf_possible())
		st_bpf_open(&bpf, NULL);
	else
		st_bpf_skip("random graphs in a program");
	for (seed = 1; seed <= GRAPHS; seed++)
		one(seed);
	st_is(wrong, 0, "%ld cases of %ld graphs are bit for bit the specification's", cases, loaded);
	st_ok(cases >= 10000, "they are more than ten thousand");
	st_ok(skipped < GRAPHS / 2, "%ld graphs were too large for the program", skipped);
	ink_slot_del(ctl, "random");
	if (bpf.object)
		st_bpf_close(&bpf);
	ink_ctl_close(ctl);
	return st_done();
}
