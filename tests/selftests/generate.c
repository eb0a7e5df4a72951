// SPDX-License-Identifier: GPL-2.0-only
/*
 * Language models: texts are those that the engine makes in this process, however
 * they are asked for; what a session remembers can be cut, copied and forgotten;
 * and each way to be refused.
 */
#include "st_uring.h"
#include "sample.h"
#include "seqnets.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { VOCABULARY = 96, TOKENS = 8, CONTEXT = 64, TEXT = 40, N_PROMPT = 11 };

#define SLOT	"text"

static struct image lm, other;
static struct ink_ctl *ctl;
static const u16 prompt[] = { 3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46 };

/* What the kernel's input is made of. */
struct input {
	struct inkling_sequence head;
	u16 tokens[TOKENS];
};

static struct image language_model(u32 seed)
{
	const struct decoder shape = {
		.name = "text", .dim = 32, .hidden = 48, .layers = 1, .heads = 4, .groups = 2,
		.words = VOCABULARY, .context = CONTEXT, .tokens = TOKENS, .seed = seed,
		.untied = true,
	};
	struct image img;

	img.p = decoder_image(&shape, &img.size);
	return img;
}

/* The same model in this process, by the specification. */
static struct ink_model *reader_open(const struct image *img)
{
	struct ink_model *model = ink_model_open_image(img->p, img->size);

	if (!model || ink_model_isa_set(model, "scalar"))
		st_bail("language model: %s", ink_failure_last()->text);
	return model;
}

static void read_tokens(struct ink_model *model, const u16 *tokens, u32 n, s32 *logits)
{
	struct input in = { .head.n = n };

	memcpy(in.tokens, tokens, n * sizeof(*tokens));
	if (ink_model_run(model, &in, sizeof(in), logits, VOCABULARY * sizeof(*logits)))
		st_bail("language model: %s", ink_failure_last()->text);
}

/* Token by token: how a text is cut into calls mustn't matter. */
static void expect(const struct image *img, const struct ink_choice *choice, u16 *text, u32 n)
{
	struct ink_model *model = reader_open(img);
	s32 logits[VOCABULARY];
	u32 i;

	for (i = 0; i < N_PROMPT; i++)
		read_tokens(model, &prompt[i], 1, logits);
	for (i = 0; i < n; i++) {
		text[i] = (u16)ink_sample(logits, VOCABULARY, choice, ink_model_position(model));
		if (i + 1 < n)
			read_tokens(model, &text[i], 1, logits);
	}
	ink_model_close(model);
}

static int bound(u64 buffer)
{
	struct inkling_bind bind = { .size = sizeof(bind), .slot = SLOT, .buffer_size = buffer };
	int fd = open("/dev/inkling", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, INKLING_IOC_BIND, &bind))
		st_bail("bind: %s", strerror(errno));
	return fd;
}

static bool same(const u16 *a, const u16 *b, u32 n)
{
	return !memcmp(a, b, n * sizeof(*a));
}

/* 0 or the errno; the whole prompt unless @go_on. */
static int generate(int fd, struct inkling_generate *g, bool go_on, u16 *text, u32 n)
{
	g->size = sizeof(*g);
	g->prompt = (uintptr_t)prompt;
	g->n_prompt = go_on ? 0 : N_PROMPT;
	g->tokens = (uintptr_t)text;
	g->n_tokens = n;
	g->done = 99;
	return ioctl(fd, INKLING_IOC_GENERATE, g) ? errno : 0;
}

static int reset(int fd, u32 tokens)
{
	struct inkling_reset r = { .size = sizeof(r), .tokens = tokens };

	return ioctl(fd, INKLING_IOC_RESET, &r) ? errno : 0;
}

static int fork_from(int fd, int from, u32 tokens)
{
	struct inkling_fork f = { .size = sizeof(f), .session = from, .tokens = tokens };

	return ioctl(fd, INKLING_IOC_FORK, &f) ? errno : 0;
}

static void texts(void)
{
	struct ink_choice sampled = { .mult = 1 << 20, .shift = 20, .top_k = 10, .seed = 7 };
	struct ink_choice greedy = { .mult = 0 };
	struct inkling_generate g = { .stop = ~0u }, s = g;
	u16 want[TEXT], want_sampled[TEXT], got[TEXT];
	int fd = bound(0);
	u32 i;

	expect(&lm, &greedy, want, TEXT);
	expect(&lm, &sampled, want_sampled, TEXT);
	st_ok(!same(want, want_sampled, TEXT), "sampling differs from the likeliest");
	st_is(generate(fd, &g, false, got, TEXT), 0, "generate");
	st_ok(g.done == TEXT && same(got, want, TEXT), "as in this process, %u tokens", g.done);
	st_is(g.position, N_PROMPT + TEXT - 1, "all but the last are held");
	st_is(reset(fd, 0), 0, "reset");
	memset(got, 0, sizeof(got));
	for (i = 0; i < TEXT; i++)
		if (generate(fd, &g, i, got + i, 1))
			break;
	st_ok(i == TEXT && same(got, want, TEXT), "one token for each call");
	s.mult = sampled.mult;
	s.shift = sampled.shift;
	s.top_k = sampled.top_k;
	s.seed = sampled.seed;
	reset(fd, 0);
	st_is(generate(fd, &s, false, got, TEXT), 0, "generate, sampled");
	st_ok(same(got, want_sampled, TEXT), "as in this process");
	reset(fd, 0);
	g.stop = want[9];
	for (i = 0; want[i] != want[9]; i++)
		;
	st_is(generate(fd, &g, false, got, TEXT), 0, "generate with a stop");
	st_is(g.done, i + 1, "it ends with that token");
	close(fd);
}

static void remembering(void)
{
	struct ink_choice greedy = { .mult = 0 };
	struct inkling_generate g = { .stop = ~0u };
	int fd = bound(0), second = bound(0);
	u16 want[TEXT], got[TEXT], again[TEXT];

	expect(&lm, &greedy, want, TEXT);
	st_is(reset(fd, 1), EINVAL, "reset: fewer tokens are held");
	st_is(fork_from(second, fd, 0), ENODATA, "fork: nothing is held");
	generate(fd, &g, false, got, 20);
	st_is(fork_from(second, fd, 0), 0, "fork");
	st_is(generate(second, &g, true, again + 20, 20), 0, "the copy goes on");
	st_is(generate(fd, &g, true, got + 20, 20), 0, "so does the first");
	st_ok(same(got, want, TEXT) && same(again + 20, want + 20, 20), "both as one");
	st_is(reset(fd, N_PROMPT - 1), 0, "reset to a prefix");
	g.n_prompt = 1;
	g.n_tokens = 5;
	g.prompt = (uintptr_t)&prompt[N_PROMPT - 1];
	g.tokens = (uintptr_t)got;
	st_is(ioctl(fd, INKLING_IOC_GENERATE, &g), 0, "from there on");
	st_ok(same(got, want, 5), "the same text again");
	st_is(fork_from(second, fd, N_PROMPT - 1), 0, "fork of a prefix");
	st_is(ioctl(second, INKLING_IOC_GENERATE, &g), 0, "and on");
	st_ok(same(got, want, 5), "the same text there");
	st_is(fork_from(fd, fd, 0), EINVAL, "fork: the same session");
	st_is(fork_from(fd, -1, 0), EBADF, "fork: no file");
	st_is(fork_from(fd, STDERR_FILENO, 0), EBADF, "fork: no session");
	st_is(fork_from(fd, second, 63), EINVAL, "fork: fewer tokens are held");
	close(second);
	close(fd);
}

/* A session keeps the model that it began with. */
static void swapping(void)
{
	struct ink_choice greedy = { .mult = 0 };
	struct inkling_generate g = { .stop = ~0u };
	u16 want[TEXT], want_other[TEXT], got[TEXT];
	int fd = bound(0);

	expect(&lm, &greedy, want, TEXT);
	expect(&other, &greedy, want_other, TEXT);
	generate(fd, &g, false, got, TEXT / 2);
	st_load(ctl, SLOT, &other);
	generate(fd, &g, true, got + TEXT / 2, TEXT / 2);
	st_ok(same(got, want, TEXT), "a swap in the middle of a text");
	reset(fd, 0);
	generate(fd, &g, false, got, TEXT);
	st_ok(same(got, want_other, TEXT), "after a reset it is the other model");
	ink_slot_rollback(ctl, SLOT);
	close(fd);
}

static void runs(void)
{
	struct input in = { .head.n = TOKENS };
	s32 out[VOCABULARY], want[VOCABULARY];
	struct inkling_run r = {
		.size = sizeof(r), .count = 1, .input_size = sizeof(in), .output_size = sizeof(out),
		.inputs = (uintptr_t)&in, .outputs = (uintptr_t)out,
	};
	struct ink_model *model = reader_open(&lm);
	u32 i, calls = CONTEXT / TOKENS;
	int fd = bound(0);

	memcpy(in.tokens, prompt, sizeof(in.tokens));
	for (i = 0; i < calls; i++) {
		read_tokens(model, prompt, TOKENS, want);
		if (ioctl(fd, INKLING_IOC_RUN, &r) || memcmp(out, want, sizeof(out)))
			break;
	}
	st_is(i, calls, "runs until all room is used");
	st_is(ioctl(fd, INKLING_IOC_RUN, &r) ? errno : 0, ENOSPC, "run: no room");
	st_is(r.done, 0, "nothing was run");
	reset(fd, 0);
	in.head.n = 0;
	st_is(ioctl(fd, INKLING_IOC_RUN, &r) ? errno : 0, EINVAL, "run: no token");
	in.head.n = TOKENS + 1;
	st_is(ioctl(fd, INKLING_IOC_RUN, &r) ? errno : 0, EINVAL, "run: too many tokens");
	in.head.n = TOKENS;
	st_is(ioctl(fd, INKLING_IOC_RUN, &r) ? errno : 0, 0, "run: as many as there may be");
	ink_model_close(model);
	close(fd);
}

static void refused(void)
{
	struct inkling_reset bad_reset = { .size = sizeof(bad_reset), .flags = 1 };
	struct ink_slot_change change = { .set = INK_SET_MODE };
	struct inkling_generate g = { .stop = ~0u }, bad;
	u16 got[INKLING_GENERATE_MAX];
	int fd = bound(0), free_fd = open("/dev/inkling", O_RDWR | O_CLOEXEC);

	st_is(generate(free_fd, &g, false, got, 1), ENOTCONN, "generate: not bound");
	st_is(reset(free_fd, 0), ENOTCONN, "reset: not bound");
	st_is(fork_from(free_fd, fd, 0), ENOTCONN, "fork: not bound");
	close(free_fd);
	st_is(ioctl(fd, INKLING_IOC_RESET, &bad_reset) ? errno : 0, EINVAL, "reset: flags");
	st_is(generate(fd, &g, true, got, 1), EINVAL, "generate: nothing to go on from");
	st_is(generate(fd, &g, false, got, INKLING_GENERATE_MAX + 1), EINVAL, "generate: too many");
	st_is(generate(fd, &g, false, got, 0), 0, "generate: only read");
	st_is(g.position, N_PROMPT, "the prompt is held");
	bad = g;
	bad.flags = 1;
	st_is(generate(fd, &bad, false, got, 1), EINVAL, "generate: flags");
	bad = g;
	bad.shift = 63;
	st_is(generate(fd, &bad, false, got, 1), EINVAL, "generate: shift");
	bad = g;
	bad.mult = 1u << 31;
	st_is(generate(fd, &bad, false, got, 1), EINVAL, "generate: multiplier");
	st_is(generate(fd, &g, false, NULL, 1), EFAULT, "generate: nowhere to write");
	reset(fd, 0);
	st_is(generate(fd, &g, false, got, CONTEXT), ENOSPC, "generate: no room for all");
	st_is(g.done, CONTEXT - N_PROMPT + 1, "as many as there is room for");
	st_is(g.position, CONTEXT, "all room is used");
	change.mode = INKLING_MODE_OFF;
	ink_slot_set(ctl, SLOT, &change);
	reset(fd, 0);
	st_is(generate(fd, &g, false, got, 1), ENODATA, "generate: mode off");
	change.mode = INKLING_MODE_ENFORCE;
	ink_slot_set(ctl, SLOT, &change);
	close(fd);
}

/* Prompt and text in the buffer. */
static int queue(struct io_uring *ring, int fd, u64 request)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct inkling_uring_generate *payload;

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = INKLING_URING_GENERATE;
	payload = (void *)sqe->cmd;
	*payload = (struct inkling_uring_generate){ .request = request };
	return io_uring_submit(ring) < 0 ? -1 : st_reap(ring);
}

static void ring(void)
{
	struct ink_choice greedy = { .mult = 0 };
	struct io_uring ring = st_ring(0);
	int fd = bound(4096);
	u16 want[TEXT];
	u8 *buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct inkling_generate *g = (void *)buffer;
	u32 i;

	expect(&lm, &greedy, want, TEXT);
	*g = (struct inkling_generate){
		.size = sizeof(*g), .n_prompt = N_PROMPT, .n_tokens = 5, .prompt = 256,
		.tokens = 512, .stop = ~0u,
	};
	memcpy(buffer + 256, prompt, sizeof(prompt));
	for (i = 0; i < TEXT; i += 5, g->n_prompt = 0, g->tokens += 5 * sizeof(u16))
		if (queue(&ring, fd, 0) != 5)
			break;
	st_ok(i == TEXT && !memcmp(buffer + 512, want, sizeof(want)), "io_uring: five tokens at a time");
	st_is(g->done, 5, "done is set");
	st_is(g->position, N_PROMPT + TEXT - 1, "so is position");
	st_is(queue(&ring, fd, 4096 - sizeof(*g) + 1), -ERANGE, "request behind the end");
	st_is(queue(&ring, fd, ~0ull), -ERANGE, "request far behind the end");
	g->tokens = 4092;
	st_is(queue(&ring, fd, 0), -ERANGE, "tokens behind the end");
	g->size = 0;
	st_is(queue(&ring, fd, 0), -EINVAL, "size");
	munmap(buffer, 4096);
	close(fd);
	io_uring_queue_exit(&ring);
}

static void not_a_text(void)
{
	struct image flow = model_image(MODEL_FLOW);
	struct inkling_generate g = { .stop = ~0u };
	struct inkling_bind bind = { .size = sizeof(bind), .slot = "flow" };
	struct ink_load_options shadow = { .set = INK_LOAD_SHADOW, .sample = 1 };
	int fd = open("/dev/inkling", O_RDWR | O_CLOEXEC), err;
	u16 got[1];

	st_slot_with(ctl, "flow", INKLING_CTX_TASK, &flow);
	ioctl(fd, INKLING_IOC_BIND, &bind);
	st_is(generate(fd, &g, false, got, 1), EOPNOTSUPP, "generate: no language model");
	err = ink_load_with(ctl, other.p, other.size, SLOT, &shadow, NULL, NULL, NULL);
	st_refused(err, EOPNOTSUPP, "states", "no shadow of a model with states");
	close(fd);
	ink_slot_del(ctl, "flow");
	image_free(&flow);
}

/* Killed in the middle of a text: the session goes, and nothing else happens. */
static int killed(void *arg)
{
	struct inkling_generate g = { .stop = ~0u };
	int fd = bound(0);
	u16 got[CONTEXT];

	for (alarm(1);;) {
		generate(fd, &g, false, got, CONTEXT / 2);
		reset(fd, 0);
	}
	return 0;
}

int main(void)
{
	lm = language_model(1);
	other = language_model(2);
	ctl = st_ctl();
	st_slot_with(ctl, SLOT, INKLING_CTX_TASK, &lm);
	texts();
	remembering();
	swapping();
	runs();
	refused();
	ring();
	not_a_text();
	st_is(st_child(killed, NULL), -1, "killed while it generates");
	ink_slot_del(ctl, SLOT);
	image_free(&other);
	image_free(&lm);
	return st_done();
}
