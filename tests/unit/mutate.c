// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every cut and every change of one byte of an image.
 *
 * What lives here: for each image each truncated prefix, and for each byte the
 * values 0 and 255 and each of its bits flipped, three times: as it is, with
 * the digest computed again, and, where the schema id then differs, with that
 * too, so that the rules behind both are reached. Each has to be refused with
 * a reason, or else run without fault under ASan and UBSan and with one result
 * in scalar and vector code. Prints, as KTAP, a test for each image and how
 * many each rule refused. What doesn't: several changes at once (the fuzzers).
 *
 * The work grows with the square of the size, since each change is hashed and
 * parsed whole. Of an image over 12 KiB the first 4 KiB are done byte by byte,
 * and after that one byte of 61, which as an odd number meets each offset in
 * a word and a record in turn; of one over 32 KiB the first KiB and one byte of
 * 121; of one over 128 KiB the first KiB and one of 3599. -a does all of them.
 *
 *   mutate [-a] [-j JOBS] [FILE...]    without files: the .ink files in models and the tests' own
 */
#include <errno.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "models.h"

#define HEADER	sizeof(struct inkling_header)

/* Written by the children, read by the parent. */
struct counts {
	u64 tried;
	u64 accepted;
	u64 not_planned;	/* accepted, too large for an arena */
	u64 by_rule[INK_RULE_NR];
	u64 failed;
	char failure[256];
};

struct work {
	struct image img;
	const char *name;
	u8 *p;				/* the copy that is changed; exactly img.size bytes */
	struct sha256_ctx *before;	/* state in front of each KiB, digest field zero */
	u64 schema;
	struct counts *counts;
	struct ink_rand r;
};

#define CHUNK	1024
#define WHOLE	(12 << 10)	/* images up to this size are changed in every byte, */
#define DENSE	(4 << 10)	/* larger ones only in the first bytes, */
#define STRIDE	61		/* and then in one of so many; */
#define LARGE	(32 << 10)	/* of still larger ones a quarter and half of that, */
#define HUGE_SIZE (128 << 10)	/* and of the largest hardly any behind the first */

static bool every_byte;

static void fail(struct work *w, const char *what, size_t at, u32 value, const char *text)
{
	if (!w->counts->failed++)
		snprintf(w->counts->failure, sizeof(w->counts->failure),
			 "%s, byte %zu = %u: %s", what, at, value, text);
}

static bool text_good(const struct ink_why *why)
{
	size_t n = strnlen(why->text, sizeof(why->text)), i;

	for (i = 0; i < n; i++)
		if (why->text[i] < 0x20 || why->text[i] > 0x7e)
			return false;
	return n >= 10 && n < sizeof(why->text) && why->rule > INK_RULE_NONE &&
	       why->rule < INK_RULE_NR && why->rule != INK_RULE_MEMORY;
}

static void *exact(size_t size, size_t align)
{
	void *p = NULL;

	if (posix_memalign(&p, align, size ? size : 1))
		abort();
	return p;
}

/* Run with all ways that this CPU has; false when they differ. */
static bool run(struct work *w, const struct ink_plan *plan)
{
	u8 *in = exact(plan->input_size, 8), *out = exact(plan->output_size, 8);
	u8 *again = exact(plan->output_size, 8), *arena = exact(plan->arena_size, 64);
	s32 score;
	u32 i, k;
	bool same = true;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < plan->input_size; i++)
			in[i] = (u8)(k ? ink_rand_next(&w->r) >> 33 : 0);
		ink_plan_run(plan, INK_ISA_SCALAR, arena, in, out);
		ink_plan_run(plan, plan->isa, arena, in, again);
		same = same && !memcmp(out, again, plan->output_size);
		ink_plan_verdict(plan, out, plan->graph->header->threshold, &score);
	}
	free(in);
	free(out);
	free(again);
	free(arena);
	return same;
}

/* Parse, and if that is accepted plan and run. */
static void try(struct work *w, const u8 *p, size_t size, const char *what, size_t at, u32 value)
{
	struct ink_graph *g;
	struct ink_plan *plan;
	struct ink_why why;

	w->counts->tried++;
	memset(&why, 0xff, sizeof(why));
	g = ink_graph_parse(p, size, &why);
	if (!g) {
		if (!text_good(&why))
			fail(w, what, at, value, "refused without a good reason");
		w->counts->by_rule[min(why.rule, (u32)INK_RULE_NR - 1)]++;
		return;
	}
	plan = ink_plan_build(g, ink_isa_best(), &why);
	if (plan) {
		w->counts->accepted++;
		if (!run(w, plan))
			fail(w, what, at, value, "vectors give another result");
	} else {
		w->counts->not_planned++;
		if (why.rule != INK_RULE_ARENA || !text_good(&why))
			fail(w, what, at, value, "not planned without a good reason");
	}
	ink_plan_free(plan);
	ink_graph_free(g);
}

/* Digest of the copy, of which nothing before byte @at differs from the original. */
static void seal(struct work *w, size_t at)
{
	struct inkling_header *h = (struct inkling_header *)w->p;
	struct sha256_ctx ctx = w->before[at / CHUNK];
	size_t from = at / CHUNK * CHUNK;

	memset(h->digest, 0, sizeof(h->digest));
	sha256_update(&ctx, w->img.size - from, w->p + from);
	sha256_digest(&ctx, sizeof(h->digest), h->digest);
}

static void change_byte(struct work *w, size_t at, u8 value)
{
	struct inkling_header *h = (struct inkling_header *)w->p;
	u64 schema;

	w->p[at] = value;
	try(w, w->p, w->img.size, "as it is", at, value);
	if (at - offsetof(struct inkling_header, digest) >= sizeof(h->digest)) {
		seal(w, at);
		try(w, w->p, w->img.size, "with its digest", at, value);
		schema = ink_image_schema(w->p, w->img.size);
		if (schema != w->schema) {
			h->schema = schema;
			seal(w, 0);
			try(w, w->p, w->img.size, "with schema and digest", at, value);
		}
	}
	memcpy(w->p, w->img.p, HEADER);
	w->p[at] = w->img.p[at];
}

static bool is_picked(const struct work *w, size_t at)
{
	size_t stride = w->img.size > HUGE_SIZE ? 59 * STRIDE :
			w->img.size > LARGE ? 2 * STRIDE - 1 : STRIDE;
	bool large = w->img.size > LARGE;

	return every_byte || w->img.size <= WHOLE || at < (large ? DENSE / 4 : DENSE) ||
	       !(at % stride);
}

static void change_bytes(struct work *w, u32 part, u32 parts)
{
	static const u8 flips[] = { 0, 1, 2, 4, 8, 16, 32, 64, 128 };
	size_t at;
	u32 k;

	for (at = part; at < w->img.size; at += parts) {
		u8 old = w->img.p[at];

		if (!is_picked(w, at))
			continue;
		/* Zero and 255 may be the same as a bit flipped, or as no change at all. */
		if (old && (old & (old - 1)))
			change_byte(w, at, 0);
		if (old != 255 && (u8)~old & ((u8)~old - 1))
			change_byte(w, at, 255);
		for (k = 1; k < ARRAY_SIZE(flips); k++)
			change_byte(w, at, old ^ flips[k]);
	}
}

/* Three times: as it is, with the digest, with the size in the header as well. */
static void cut(struct work *w, u32 part, u32 parts)
{
	struct inkling_header *h;
	size_t size;
	u8 *p;

	for (size = part; size < w->img.size; size += parts) {
		if (!is_picked(w, size))
			continue;
		p = exact(size, 64);
		memcpy(p, w->img.p, size);
		try(w, p, size, "cut", size, 0);
		if (size >= HEADER) {
			h = (struct inkling_header *)p;
			ink_image_seal(p, size);
			try(w, p, size, "cut, with its digest", size, 0);
			h->file_size = size;
			ink_image_seal(p, size);
			try(w, p, size, "cut, with its size", size, 0);
		}
		free(p);
	}
}

static void hash_prefixes(struct work *w)
{
	u8 *p = exact(w->img.size, 8);
	struct sha256_ctx ctx;
	size_t at;

	memcpy(p, w->img.p, w->img.size);
	memset(((struct inkling_header *)p)->digest, 0, INKLING_DIGEST_SIZE);
	w->before = calloc(w->img.size / CHUNK + 1, sizeof(*w->before));
	if (!w->before)
		abort();
	sha256_init(&ctx);
	for (at = 0; at + CHUNK <= w->img.size; at += CHUNK) {
		w->before[at / CHUNK] = ctx;
		sha256_update(&ctx, CHUNK, p + at);
	}
	w->before[at / CHUNK] = ctx;
	free(p);
}

static void child(struct work *w, u32 part, u32 parts)
{
	w->p = exact(w->img.size, 64);
	memcpy(w->p, w->img.p, w->img.size);
	hash_prefixes(w);
	w->schema = ((struct inkling_header *)w->p)->schema;
	w->r.state = part + 1;
	/* The original has to be accepted, or nothing below says anything. */
	try(w, w->p, w->img.size, "unchanged", 0, w->p[0]);
	if (w->counts->accepted != 1)
		fail(w, "unchanged", 0, w->p[0], "isn't accepted");
	/* And the digest by prefixes has to be the digest. */
	seal(w, w->img.size - 1);
	if (memcmp(w->p, w->img.p, w->img.size))
		fail(w, "unchanged", 0, w->p[0], "its digest is another one");
	cut(w, part, parts);
	change_bytes(w, part, parts);
	free(w->p);
	free(w->before);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add(struct counts *to, const struct counts *from)
{
	u32 i;

	to->tried += from->tried;
	to->accepted += from->accepted;
	to->not_planned += from->not_planned;
	for (i = 0; i < INK_RULE_NR; i++)
		to->by_rule[i] += from->by_rule[i];
	if (from->failed && !to->failed)
		memcpy(to->failure, from->failure, sizeof(to->failure));
	to->failed += from->failed;
}

/* Each job takes every @jobs-th byte; a job that dies is a failure. */
static bool mutate(const char *name, const struct image *img, u32 jobs, u32 number,
		   struct counts *total)
{
	size_t bytes = jobs * sizeof(struct counts);
	struct counts *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct counts sum = { 0 };
	double start = now();
	bool good = true;
	int status;
	u32 i;

	if (shared == MAP_FAILED)
		abort();
	fflush(stdout);
	for (i = 0; i < jobs; i++) {
		struct work w = { .img = *img, .name = name, .counts = &shared[i] };
		pid_t pid = fork();

		if (pid < 0)
			abort();
		if (!pid) {
			child(&w, i, jobs);
			exit(0);	/* leaks are looked for here */
		}
	}
	for (i = 0; i < jobs; i++)
		if (wait(&status) < 0 || status)
			good = false;
	for (i = 0; i < jobs; i++)
		add(&sum, &shared[i]);
	if (!good)
		printf("# %s: a job ended with a fault, see above\n", name);
	if (sum.failed)
		printf("# %s: %llu failures; %s\n", name, (unsigned long long)sum.failed,
		       sum.failure);
	good = good && !sum.failed;
	printf("%sok %u - %s: %zu bytes, %llu changes, %llu accepted and run, %.1f s\n",
	       good ? "" : "not ", number, name, img->size, (unsigned long long)sum.tried,
	       (unsigned long long)(sum.accepted), now() - start);
	add(total, &sum);
	munmap(shared, bytes);
	return good;
}

static bool load(const char *path, struct image *img)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	bool ok;

	if (!f || fstat(fileno(f), &st) || st.st_size < (off_t)HEADER ||
	    st.st_size > INKLING_MAX_IMAGE) {
		fprintf(stderr, "mutate: %s: can't be read, or is no model\n", path);
		if (f)
			fclose(f);
		return false;
	}
	img->size = (size_t)st.st_size;
	img->p = exact(img->size, 64);
	ok = fread(img->p, 1, img->size, f) == img->size;
	fclose(f);
	return ok;
}

static void print_counts(const struct counts *c)
{
	u32 i;

	printf("# %llu changes: %llu accepted and run, %llu too large for an arena; refused by rule:\n",
	       (unsigned long long)c->tried, (unsigned long long)c->accepted,
	       (unsigned long long)c->not_planned);
	for (i = 0; i < INK_RULE_NR; i++)
		if (c->by_rule[i])
			printf("# %12llu %s\n", (unsigned long long)c->by_rule[i], ink_rule_name(i));
}

int main(int argc, char **argv)
{
	u32 jobs = (u32)max(1L, sysconf(_SC_NPROCESSORS_ONLN)), number = 0, i;
	struct counts total = { 0 };
	glob_t found = { 0 };
	struct image img;
	bool good = true;
	int opt;

	while ((opt = getopt(argc, argv, "aj:")) != -1) {
		if (opt == 'a') {
			every_byte = true;
		} else if (opt == 'j' && atoi(optarg) > 0) {
			jobs = (u32)atoi(optarg);
		} else {
			fprintf(stderr, "usage: mutate [-a] [-j JOBS] [FILE...]\n");
			return 2;
		}
	}
	printf("TAP version 13\n");
	if (optind == argc) {
		for (i = 0; i < MODEL_NR; i++) {
			img = model_image(i);
			good &= mutate(model_name(i), &img, jobs, ++number, &total);
			image_free(&img);
		}
		glob("models/*.ink", 0, NULL, &found);
	}
	for (i = 0; i < found.gl_pathc + (u32)(argc - optind); i++) {
		const char *path = i < found.gl_pathc ? found.gl_pathv[i] :
							argv[optind + (int)(i - found.gl_pathc)];

		if (load(path, &img)) {
			good &= mutate(path, &img, jobs, ++number, &total);
			image_free(&img);
		} else {
			printf("not ok %u - %s\n", ++number, path);
			good = false;
		}
	}
	globfree(&found);
	printf("1..%u\n", number);
	print_counts(&total);
	return !good;
}
