// SPDX-License-Identifier: GPL-2.0-only
/*
 * TAP lines and the small things that selftests share; see st.h.
 */
#include "st.h"

#include <linux/capability.h>
#include <grp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int n_tests, n_failed, n_skipped;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void result(bool good, const char *name, va_list args, const char *directive)
{
	pthread_mutex_lock(&lock);
	printf("%sok %d - ", good ? "" : "not ", ++n_tests);
	vprintf(name, args);
	printf("%s%s\n", directive ? " # SKIP " : "", directive ? directive : "");
	fflush(stdout);
	n_failed += !good;
	n_skipped += directive != NULL;
	pthread_mutex_unlock(&lock);
}

bool st_ok(bool good, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	result(good, name, args, NULL);
	va_end(args);
	return good;
}

bool st_is(long long got, long long want, const char *name, ...)
{
	va_list args;

	if (got != want)
		st_diag("got %lld, want %lld", got, want);
	va_start(args, name);
	result(got == want, name, args, NULL);
	va_end(args);
	return got == want;
}

bool st_refused(int err, int want, const char *words, const char *name, ...)
{
	const struct ink_failure *failure = ink_failure_last();
	bool good = err == -want && strstr(failure->text, words);
	va_list args;

	if (!good)
		st_diag("got %d (%s), want -%d (... %s ...)", err, err ? failure->text : "fine",
			want, words);
	va_start(args, name);
	result(good, name, args, NULL);
	va_end(args);
	return good;
}

bool st_fine(int err, const char *name, ...)
{
	va_list args;

	if (err)
		st_diag("error %d: %s", err, ink_failure_last()->text);
	va_start(args, name);
	result(!err, name, args, NULL);
	va_end(args);
	return !err;
}

void st_skip(const char *reason, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	result(true, name, args, reason);
	va_end(args);
}

void st_diag(const char *text, ...)
{
	va_list args;

	printf("# ");
	va_start(args, text);
	vprintf(text, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

void st_bail(const char *text, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, text);
	vprintf(text, args);
	va_end(args);
	printf("\n");
	exit(1);
}

unsigned int st_slow(void)
{
	const char *times = getenv("INKLING_SLOW");

	return times && atoi(times) > 1 ? (unsigned int)atoi(times) : 1;
}

int st_done(void)
{
	printf("1..%d\n", n_tests);
	if (n_failed || !n_tests)
		return 1;
	return n_skipped == n_tests ? 4 : 0;
}

struct ink_ctl *st_ctl(void)
{
	struct ink_ctl *ctl = ink_ctl_open();

	if (!ctl)
		st_bail("netlink: %s", ink_failure_last()->text);
	return ctl;
}

u32 st_slot(struct ink_ctl *ctl, const char *name, u32 contexts)
{
	struct ink_slot_change change = { .set = INK_SET_MODE, .mode = INKLING_MODE_ENFORCE };
	u32 id;

	ink_slot_del(ctl, name);
	if (ink_slot_new(ctl, name, contexts, &change, &id))
		st_bail("slot %s: %s", name, ink_failure_last()->text);
	return id;
}

void st_load(struct ink_ctl *ctl, const char *slot, const struct image *img)
{
	if (ink_load(ctl, img->p, img->size, slot, NULL, NULL, NULL, NULL))
		st_bail("load into %s: %s", slot, ink_failure_last()->text);
}

u32 st_slot_with(struct ink_ctl *ctl, const char *name, u32 contexts, const struct image *img)
{
	u32 id = st_slot(ctl, name, contexts);

	st_load(ctl, name, img);
	return id;
}

struct ink_slot_stats st_stats(struct ink_ctl *ctl, const char *slot)
{
	struct ink_slot *s = ink_slot_get(ctl, slot);
	struct ink_slot_stats stats;

	if (!s)
		st_bail("slot %s: %s", slot, ink_failure_last()->text);
	stats = s->stats;
	ink_slot_free(s);
	return stats;
}

u64 st_error_count(const struct ink_slot_stats *stats, const char *reason)
{
	u32 i;

	for (i = 0; i < stats->n_errors; i++)
		if (!strcmp(stats->errors[i].reason, reason))
			return stats->errors[i].count;
	st_bail("no counter for errors '%s'", reason);
}

void st_load_shadow(struct ink_ctl *ctl, const char *slot, const struct image *img, u32 sample)
{
	struct ink_load_options options = { .set = INK_LOAD_SHADOW, .sample = sample };

	if (ink_load_with(ctl, img->p, img->size, slot, &options, NULL, NULL, NULL))
		st_bail("shadow of %s: %s", slot, ink_failure_last()->text);
}

struct ink_shadow_info st_shadow(struct ink_ctl *ctl, const char *slot)
{
	struct ink_slot *s = ink_slot_get(ctl, slot);
	struct ink_shadow_info shadow;

	if (!s || !s->has_shadow)
		st_bail("slot %s: %s", slot, s ? "no shadow" : ink_failure_last()->text);
	shadow = s->shadow;
	ink_slot_free(s);
	return shadow;
}

u64 st_skip_count(const struct ink_shadow_info *shadow, const char *reason)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < shadow->n_skipped; i++)
		if (!reason || !strcmp(shadow->skipped[i].reason, reason))
			sum += shadow->skipped[i].count;
	return sum;
}

static struct ink_model *open_model(const struct image *img)
{
	struct ink_model *model = ink_model_open_image(img->p, img->size);

	if (!model)
		st_bail("model: %s", ink_failure_last()->text);
	return model;
}

void st_expect(const struct image *img, const void *in, u32 n, void *out,
	       struct inkling_verdict *verdicts)
{
	struct ink_model *model = open_model(img);
	size_t in_size = ink_model_input_size(model), out_size = ink_model_output_size(model);
	u32 i;

	for (i = 0; i < n; i++) {
		u8 *o = (u8 *)out + i * out_size;

		if (ink_model_run(model, (const u8 *)in + i * in_size, in_size, o, out_size))
			st_bail("run: %s", ink_failure_last()->text);
		if (verdicts)
			ink_model_verdict(model, o, ink_model_header(model)->threshold,
					  &verdicts[i]);
	}
	ink_model_close(model);
}

size_t st_input_size(const struct image *img)
{
	struct ink_model *model = open_model(img);
	size_t size = ink_model_input_size(model);

	ink_model_close(model);
	return size;
}

size_t st_output_size(const struct image *img)
{
	struct ink_model *model = open_model(img);
	size_t size = ink_model_output_size(model);

	ink_model_close(model);
	return size;
}

/* Sequences have a number of tokens that the model takes. */
static void count_tokens(const struct image *img, struct ink_rand *r, void *in, u32 n)
{
	const struct inkling_tensor *t = image_tensor(img, image_header(img)->input);
	size_t size = st_input_size(img);
	u32 count;

	for (; n && t->flags & INKLING_TENSOR_SEQ; n--, in = (u8 *)in + size) {
		count = 1 + ink_rand_below(r, t->dims[0]);
		memcpy(in, &count, sizeof(count));
	}
}

void *st_inputs(const struct image *img, u64 seed, u32 n)
{
	struct ink_rand r = { seed * 77 + 1 };
	size_t size = st_input_size(img) * n, i;
	u32 *in = malloc(size + 4);

	if (!in)
		st_bail("no memory");
	/* Of all magnitudes, so that raw features aren't all clamped. */
	for (i = 0; i < size / 4 + 1; i++)
		in[i] = (u32)((s32)ink_rand_next(&r) >> ink_rand_below(&r, 32));
	count_tokens(img, &r, in, n);
	return in;
}

int st_child(int (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		st_bail("fork");
	if (!pid)
		_exit(fn(arg));
	if (waitpid(pid, &status, 0) < 0)
		st_bail("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void st_drop(unsigned int uid, unsigned int gid, u64 capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (u32)capabilities, .permitted = (u32)capabilities },
		{ .effective = (u32)(capabilities >> 32), .permitted = (u32)(capabilities >> 32) },
	};

	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid) || syscall(SYS_capset, &header, data))
		_exit(126);
}
