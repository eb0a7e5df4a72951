// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading over netlink: the way that works, and each way that doesn't.
 */
#include "st.h"
#include "ctl.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct image flow;

static const u8 *digest_of(const struct image *img)
{
	return image_header(img)->digest;
}

static int send_all(struct ink_ctl *ctl, const struct image *img, u32 chunk)
{
	u32 at, n;
	int err = ink_load_begin(ctl, img->size, digest_of(img));

	for (at = 0; !err && at < img->size; at += n) {
		n = min_t(u32, chunk, img->size - at);
		err = ink_load_chunk(ctl, at, img->p + at, n);
	}
	return err;
}

static void works(struct ink_ctl *ctl)
{
	struct image big = big_image(256, 2);
	uint64_t schema = image_header(&flow)->schema;
	struct ink_slot *slot;
	u32 generation = 0;

	st_slot(ctl, "load", INKLING_CTX_TASK);
	st_fine(send_all(ctl, &flow, 1000), "begin and chunks of 1000 bytes");
	st_fine(ink_load_commit(ctl, "load", &schema, &generation), "commit with its schema");
	st_is(generation, 1, "it is the first model of the slot");
	slot = ink_slot_get(ctl, "load");
	st_ok(slot && slot->has_model && !slot->has_previous &&
	      !memcmp(slot->model.digest, digest_of(&flow), 32) &&
	      !strcmp(slot->model.name, "flow") && slot->model.n_classes == 3 &&
	      !strcmp(slot->model.classes[1], "scan") && slot->model.schema == schema &&
	      slot->model.input_size == 12 && slot->model.output_size == 6 &&
	      slot->model.threshold == 16384 && slot->model.head == INKLING_HEAD_CLASSES &&
	      slot->model.generation == 1 && slot->model.bytes > flow.size &&
	      slot->model.macs > 0 && slot->model.arena > 0 && slot->model.cost_scalar > 0,
	      "the slot tells what it was given");
	ink_slot_free(slot);
	st_slot(ctl, "load2", INKLING_CTX_TASK);
	st_fine(send_all(ctl, &big, INKLING_MAX_CHUNK), "chunks of the greatest size");
	st_fine(ink_load_commit(ctl, "load2", NULL, NULL), "a model of %zu bytes", big.size);
	image_free(&big);
}

static void begin_refused(struct ink_ctl *ctl)
{
	const u8 *digest = digest_of(&flow);

	st_refused(ink_load_begin(ctl, 255, digest), EINVAL, "has 256 to 16777216 bytes, not 255",
		   "begin: shorter than a header");
	st_refused(ink_load_begin(ctl, INKLING_MAX_IMAGE + 1, digest), EINVAL, "16777217",
		   "begin: longer than any image");
	st_refused(ink_load_abort(ctl), ENOENT, "no image was begun",
		   "abort: nothing was begun");
	st_refused(ink_load_chunk(ctl, 0, flow.p, 100), ENOENT, "send load-begin first",
		   "chunk: nothing was begun");
	st_refused(ink_load_commit(ctl, "load", NULL, NULL), ENOENT, "send load-begin first",
		   "commit: nothing was begun");
}

static void chunk_refused(struct ink_ctl *ctl)
{
	u8 *large = calloc(1, INKLING_MAX_CHUNK + 1);

	st_fine(ink_load_begin(ctl, 40000, digest_of(&flow)), "begin an image of 40000 bytes");
	st_refused(ink_load_chunk(ctl, 8, large, 8), EINVAL, "offset 8 but 0 is next",
		   "chunk: not the first");
	st_refused(ink_load_chunk(ctl, 0, large, INKLING_MAX_CHUNK + 1), EINVAL,
		   "32769 bytes: send at most 32768", "chunk: above the limit");
	st_refused(ink_load_chunk(ctl, 0, large, 0), EINVAL, "0 bytes", "chunk: empty");
	st_fine(ink_load_chunk(ctl, 0, large, 30000), "chunk: refused ones have left no trace");
	st_refused(ink_load_chunk(ctl, 0, large, 30000), EINVAL, "offset 0 but 30000 is next",
		   "chunk: twice");
	st_refused(ink_load_chunk(ctl, 30000, large, 10001), EINVAL, "10000 of 40000 are missing",
		   "chunk: more than is missing");
	st_fine(ink_load_abort(ctl), "abort");
	st_refused(ink_load_chunk(ctl, 30000, large, 10000), ENOENT, "no image was begun",
		   "chunk: after the abort");
	free(large);
}

static void commit_refused(struct ink_ctl *ctl)
{
	uint64_t other = image_header(&flow)->schema ^ 1;
	struct image bad = image_copy(flow.p, flow.size);
	u8 digest[32];

	ink_load_begin(ctl, flow.size, digest_of(&flow));
	ink_load_chunk(ctl, 0, flow.p, 300);
	st_refused(ink_load_commit(ctl, "load", NULL, NULL), EINVAL, "300 of", "commit: too early");
	st_refused(ink_load_commit(ctl, "load", NULL, NULL), ENOENT, "no image was begun",
		   "commit: the refused image is gone");
	send_all(ctl, &flow, 4096);
	st_refused(ink_load_commit(ctl, "nowhere", NULL, NULL), ENOENT,
		   "there is no slot nowhere: create it", "commit: no such slot");
	send_all(ctl, &flow, 4096);
	st_refused(ink_load_commit(ctl, "load", &other, NULL), EINVAL, "feature schema",
		   "commit: another schema than expected");
	memset(digest, 0x5a, sizeof(digest));
	ink_load_begin(ctl, flow.size, digest);
	ink_load_chunk(ctl, 0, flow.p, flow.size);
	st_refused(ink_load_commit(ctl, "load", NULL, NULL), EBADMSG,
		   "load-begin announced 5a5a5a5a5a5a5a5a", "commit: another digest than announced");
	bad.p[bad.size - 100] ^= 1;
	send_all(ctl, &bad, 4096);
	st_refused(ink_load_commit(ctl, "load", NULL, NULL), EINVAL, "digest",
		   "commit: a bit fell over");
	bad.p[bad.size - 100] ^= 1;
	image_op(&bad, FLOW_DENSE2)->flags = 4;
	ink_image_seal(bad.p, bad.size);
	send_all(ctl, &bad, 4096);
	st_refused(ink_load_commit(ctl, "load", NULL, NULL), EINVAL, "op 2",
		   "commit: the verifier's words name the op");
	image_free(&bad);
}

/* The greatest text that a refusal can have comes through whole, on each kernel. */
static void long_text(struct ink_ctl *ctl)
{
	struct image bad = image_copy(flow.p, flow.size);

	strcpy(image_card(&bad)->name, "a\x01");
	ink_image_seal(bad.p, bad.size);
	send_all(ctl, &bad, 4096);
	st_refused(ink_load_commit(ctl, "load", NULL, NULL), EINVAL, "",
		   "commit: text '%s'", ink_failure_last()->text);
	st_ok(strlen(ink_failure_last()->text) > 20, "the text says something");
	image_free(&bad);
}

/* A message with what is left when one attribute is missing. */
static int send_without(struct ink_ctl *ctl, u32 cmd, u32 missing)
{
	struct nl_msg *msg = ink_ctl_request(ctl, cmd, NLM_F_ACK, 256);

	if (cmd == INKLING_CMD_LOAD_BEGIN && missing != INKLING_A_LOAD_SIZE)
		nla_put_u32(msg, INKLING_A_LOAD_SIZE, 1000);
	if (cmd == INKLING_CMD_LOAD_BEGIN && missing != INKLING_A_LOAD_DIGEST)
		nla_put(msg, INKLING_A_LOAD_DIGEST, 32, digest_of(&flow));
	if (cmd == INKLING_CMD_LOAD_CHUNK && missing != INKLING_A_LOAD_OFFSET)
		nla_put_u32(msg, INKLING_A_LOAD_OFFSET, 0);
	if (cmd == INKLING_CMD_LOAD_CHUNK && missing != INKLING_A_LOAD_DATA)
		nla_put(msg, INKLING_A_LOAD_DATA, 32, digest_of(&flow));
	return ink_ctl_call(ctl, msg, INK_ATTRS_LOAD, "send", NULL, NULL);
}

static void attributes(struct ink_ctl *ctl)
{
	struct nl_msg *msg;

	st_refused(send_without(ctl, INKLING_CMD_LOAD_BEGIN, INKLING_A_LOAD_SIZE), EINVAL,
		   "attribute size is missing", "begin: no size");
	st_refused(send_without(ctl, INKLING_CMD_LOAD_BEGIN, INKLING_A_LOAD_DIGEST), EINVAL,
		   "attribute digest is missing", "begin: no digest");
	st_refused(send_without(ctl, INKLING_CMD_LOAD_CHUNK, INKLING_A_LOAD_OFFSET), EINVAL,
		   "attribute offset is missing", "chunk: no offset");
	st_refused(send_without(ctl, INKLING_CMD_LOAD_CHUNK, INKLING_A_LOAD_DATA), EINVAL,
		   "attribute data is missing", "chunk: no data");
	st_refused(send_without(ctl, INKLING_CMD_LOAD_COMMIT, 0), EINVAL,
		   "attribute slot is missing", "commit: no slot");
	msg = ink_ctl_request(ctl, INKLING_CMD_LOAD_BEGIN, NLM_F_ACK, 256);
	nla_put_u32(msg, INKLING_A_LOAD_SIZE, 1000);
	nla_put(msg, INKLING_A_LOAD_DIGEST, 31, digest_of(&flow));
	st_ok(ink_ctl_call(ctl, msg, INK_ATTRS_LOAD, "send", NULL, NULL) < 0,
	      "begin: a digest of 31 bytes");
	msg = ink_ctl_request(ctl, INKLING_CMD_LOAD_BEGIN, NLM_F_ACK, 256);
	nla_put_u32(msg, INKLING_A_LOAD_SIZE, 1000);
	nla_put(msg, INKLING_A_LOAD_DIGEST, 32, digest_of(&flow));
	nla_put_u32(msg, INKLING_A_LOAD_OFFSET, 1000);
	st_ok(ink_ctl_call(ctl, msg, INK_ATTRS_LOAD, "send", NULL, NULL) < 0,
	      "begin: an attribute of another request");
}

static void two_loaders(struct ink_ctl *ctl)
{
	struct ink_ctl *other = st_ctl();
	struct image variant = flow_variant(5);
	u32 at, n, a = 0, b = 0;

	st_slot(ctl, "load", INKLING_CTX_TASK);
	ink_load_begin(ctl, flow.size, digest_of(&flow));
	ink_load_begin(other, variant.size, digest_of(&variant));
	for (at = 0; at < flow.size; at += n) {
		n = min_t(u32, 500, flow.size - at);
		ink_load_chunk(ctl, at, flow.p + at, n);
		ink_load_chunk(other, at, variant.p + at, n);
	}
	st_fine(ink_load_commit(other, "load", NULL, &a), "two loaders: the second commits");
	st_fine(ink_load_commit(ctl, "load", NULL, &b), "two loaders: the first commits");
	st_ok(a == 1 && b == 2, "two loaders: both have published a model");
	ink_ctl_close(other);
	image_free(&variant);
}

/* Eight half-loaded images are the default of max_loads. */
#define MAX_LOADS	8

static void too_many(void)
{
	struct ink_ctl *ctls[MAX_LOADS + 1];
	int i;

	for (i = 0; i < MAX_LOADS; i++) {
		ctls[i] = st_ctl();
		if (ink_load_begin(ctls[i], 1000, digest_of(&flow)))
			st_bail("begin %d: %s", i, ink_failure_last()->text);
	}
	ctls[i] = st_ctl();
	st_refused(ink_load_begin(ctls[i], 1000, digest_of(&flow)), EBUSY,
		   "8 images are half-loaded already", "begin: too many at a time");
	st_fine(ink_load_begin(ctls[0], 2000, digest_of(&flow)),
		"begin: again on a socket that has begun");
	ink_ctl_close(ctls[3]);
	st_fine(ink_load_begin(ctls[i], 1000, digest_of(&flow)),
		"begin: a closed socket has dropped its image");
	ctls[3] = ctls[i];
	for (i = 0; i < MAX_LOADS; i++)
		ink_ctl_close(ctls[i]);
}

static void too_large(void)
{
	struct ink_ctl *ctls[5];
	int i, err = 0;

	for (i = 0; i < 5; i++) {
		ctls[i] = st_ctl();
		if (!err)
			err = ink_load_begin(ctls[i], INKLING_MAX_IMAGE, digest_of(&flow));
	}
	st_refused(err, EBUSY, "half-loaded images take 67108864 bytes",
		   "begin: too much memory at a time");
	for (i = 0; i < 5; i++)
		ink_ctl_close(ctls[i]);
}

/* Half an image, then nothing but a signal. */
static void begin_and_die(void)
{
	struct ink_ctl *ctl;
	pid_t pid;
	int status, ready[2];
	char c;

	if (pipe(ready))
		st_bail("pipe");
	pid = fork();
	if (!pid) {
		ctl = st_ctl();
		ink_load_begin(ctl, INKLING_MAX_IMAGE, digest_of(&flow));
		ink_load_chunk(ctl, 0, flow.p, 1000);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	if (read(ready[0], &c, 1) != 1)
		st_bail("the loader didn't begin");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ready[0]);
	close(ready[1]);
}

static u64 module_vmalloc(void)
{
	FILE *f = fopen("/proc/vmallocinfo", "r");
	char line[512];
	u64 sum = 0;

	while (f && fgets(line, sizeof(line), f)) {
		char *size = strchr(line, ' ');

		if (size && strstr(line, "[inkling]"))
			sum += strtoull(size, NULL, 10);
	}
	if (f)
		fclose(f);
	return sum;
}

static void killed(struct ink_ctl *ctl)
{
	u64 before = module_vmalloc();
	int i;

	for (i = 0; i < 3 * MAX_LOADS; i++)
		begin_and_die();
	st_fine(ink_load_begin(ctl, INKLING_MAX_IMAGE, digest_of(&flow)),
		"%d loaders were killed between begin and commit: their room is free again", i);
	st_ok(module_vmalloc() >= before + INKLING_MAX_IMAGE, "an image on its way is seen in memory");
	st_fine(ink_load_abort(ctl), "abort the image");
	st_is((long long)module_vmalloc(), (long long)before,
	      "none of the killed loaders' memory is left");
}

int main(void)
{
	struct ink_ctl *ctl = st_ctl();

	flow = model_image(MODEL_FLOW);
	works(ctl);
	begin_refused(ctl);
	chunk_refused(ctl);
	commit_refused(ctl);
	long_text(ctl);
	attributes(ctl);
	two_loaders(ctl);
	too_many();
	too_large();
	killed(ctl);
	ink_slot_del(ctl, "load");
	ink_slot_del(ctl, "load2");
	ink_ctl_close(ctl);
	return st_done();
}
