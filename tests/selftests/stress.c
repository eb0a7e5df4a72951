// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, at random: slots are made, loaded, shadowed, changed,
 * promoted, rolled back, deleted, listed and run by several threads for a while. What is checked is
 * that each answer is one that can be, and that nothing is left; the runner
 * looks for trouble in the kernel's log.
 */
#include "st_bpf.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define THREADS	4
#define SLOTS	3
#define SECONDS	8
#define AT_MOST	90	/* where a busy machine lets the program's thread wait */
#define KFUNCS	7	/* of what is done, calls by programs */

static struct image images[3];
static atomic_int stop;
static atomic_long done[11], odd;

static void check(int what, int err, const int *allowed)
{
	atomic_fetch_add(&done[what], 1);
	if (!err)
		return;
	for (; *allowed; allowed++)
		if (err == -*allowed)
			return;
	if (atomic_fetch_add(&odd, 1) < 10)
		st_diag("operation %d: error %d: %s", what, err, ink_failure_last()->text);
}

#define ALLOW(...)	((const int []){ __VA_ARGS__, 0 })

static void run_session(const char *slot, struct ink_rand *r)
{
	struct ink_session *session = ink_session_open(slot, INK_DEFAULTS);
	struct inkling_verdict v[20];
	u8 in[20 * 64] = { 0 };
	u32 i;

	if (!session) {
		check(0, -errno, ALLOW(ENOENT));
		return;
	}
	for (i = 0; i < 1 + ink_rand_below(r, 10); i++)
		check(1, ink_session_run_batch(session, 20, in, ink_rand_below(r, 2) ? 12 : 8, NULL, 0, v),
		      ALLOW(ENODATA, ENODEV, EINVAL));
	ink_session_close(session);
}

static void operate(struct ink_ctl *ctl, const struct st_bpf *bpf, struct ink_rand *r)
{
	const struct image *img = &images[ink_rand_below(r, ARRAY_SIZE(images))];
	struct ink_slot_change c = { .set = INK_SET_MODE, .mode = ink_rand_below(r, 3) };
	struct ink_load_options shadow = { .set = INK_LOAD_SHADOW, .sample = 1 + ink_rand_below(r, 4) };
	char slot[] = "stress-0";
	struct ink_slot *s;
	int err;

	slot[7] += ink_rand_below(r, SLOTS);
	switch (ink_rand_below(r, 16)) {
	case 0:
		check(2, ink_slot_new(ctl, slot, INKLING_CTX_ALL, &c, NULL), ALLOW(EEXIST));
		break;
	case 1:
		if (!ink_rand_below(r, 4))
			check(3, ink_slot_del(ctl, slot), ALLOW(ENOENT));
		break;
	case 2:
		check(4, ink_slot_set(ctl, slot, &c), ALLOW(ENOENT));
		break;
	case 3:
		check(5, ink_slot_rollback(ctl, slot), ALLOW(ENOENT, ENODATA));
		break;
	case 4:
		ink_slot_free(ink_slot_list(ctl));
		break;
	case 5:
		ink_load_begin(ctl, img->size, image_header(img)->digest);
		ink_load_chunk(ctl, 0, img->p, img->size / 2);
		break;
	case 6:
	case 7:
		check(6, ink_load(ctl, img->p, img->size, slot, NULL, NULL, NULL, NULL),
		      ALLOW(ENOENT, EINVAL));
		break;
	case 8:
		s = ink_slot_get(ctl, slot);
		if (!s || !bpf)
			break;
		st_job_set(bpf->job, s->id, ST_JOB_VERDICT, &images[0], NULL);
		err = st_job_syscall(bpf);
		check(KFUNCS, err, ALLOW(ENODEV, ESTALE, ENODATA, EINVAL));
		ink_slot_free(s);
		break;
	case 9:
	case 10:
		check(8, ink_load_with(ctl, img->p, img->size, slot, &shadow, NULL, NULL, NULL),
		      ALLOW(ENOENT, EINVAL, ENODATA));
		break;
	case 11:
		check(9, ink_slot_promote(ctl, slot), ALLOW(ENOENT, ENODATA));
		break;
	case 12:
		check(10, ink_slot_shadow_drop(ctl, slot), ALLOW(ENOENT, ENODATA));
		break;
	default:
		run_session(slot, r);
	}
}

static void *thread(void *arg)
{
	struct ink_rand r = { (uintptr_t)arg };
	struct ink_ctl *ctl = st_ctl();
	struct st_bpf bpf;
	bool has_bpf = r.state == 1 && st_bpf_possible();

	if (has_bpf)
		st_bpf_open(&bpf, NULL);
	while (!atomic_load(&stop)) {
		operate(ctl, has_bpf ? &bpf : NULL, &r);
		if (!ink_rand_below(&r, 50)) {
			ink_ctl_close(ctl);
			ctl = st_ctl();
		}
	}
	if (has_bpf)
		st_bpf_close(&bpf);
	ink_ctl_close(ctl);
	return NULL;
}

int main(void)
{
	static const char * const names[] = {
		"binds", "batches", "slot-new", "slot-del", "slot-set", "slot-rollback", "loads",
		"kfunc calls", "shadows", "slot-promote", "slot-shadow-drop",
	};
	bool calls = !st_bpf_possible();
	time_t start = time(NULL);
	struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	pthread_t threads[THREADS];
	struct ink_ctl *ctl;
	uintptr_t i;

	images[0] = model_image(MODEL_FLOW);
	images[1] = flow_variant(1);
	images[2] = model_image(MODEL_MIX);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, thread, (void *)(i + 1));
	while (time(NULL) < start + SECONDS || (!calls && time(NULL) < start + AT_MOST)) {
		calls = calls || atomic_load(&done[KFUNCS]);
		nanosleep(&pause, NULL);
	}
	atomic_store(&stop, 1);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	st_is(atomic_load(&odd), 0, "no answer was odd");
	for (i = 1; i < ARRAY_SIZE(names); i++)
		if (i == KFUNCS && !st_bpf_possible())
			st_bpf_skip(names[i]);
		else
			st_ok(atomic_load(&done[i]) > 0, "%s: %ld", names[i], atomic_load(&done[i]));
	ctl = st_ctl();
	for (i = 0; i < SLOTS; i++) {
		char slot[] = "stress-0";

		slot[7] += i;
		ink_slot_del(ctl, slot);
	}
	st_ok(!ink_slot_list(ctl) && !errno, "all slots can be deleted");
	ink_ctl_close(ctl);
	return st_done();
}
