// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions: slots called through /dev/inkling, or a model in this process.
 *
 * What lives here: open, bind, run, filling in io_uring commands, and what the
 * errors mean. What doesn't: managing slots, which is done over netlink
 * (slot.c), and rings, which are the caller's.
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "internal.h"

#define DEVICE	"/dev/inkling"

/*
 * @fd: of the device, or -1 when @model runs in this process
 * @model: or NULL
 * @buffer: shared with the kernel (without @model), or NULL
 */
struct ink_session {
	int fd;
	struct ink_model *model;
	void *buffer;
	size_t buffer_size;
	char slot[INKLING_SLOT_NAME_MAX];
};

static int fail_open(int code)
{
	if (code == ENOENT || code == ENXIO || code == ENODEV) {
		ink_failure_set(ENODEV, "%s isn't there: the module isn't loaded", DEVICE);
		ink_failure_hint("load it: modprobe inkling (\"inkling doctor\" says more)");
		return -ENODEV;
	}
	ink_failure_set(code, "%s: %s", DEVICE, strerror(code));
	if (code == EACCES)
		ink_failure_hint("its owner and mode decide who may open it: ls -l %s", DEVICE);
	return -code;
}

static int fail_bind(const char *slot, int code)
{
	switch (code) {
	case ENOENT:
		ink_failure_set(code, "there is no slot %s", slot);
		ink_failure_hint("\"inkling slots\" lists what there is");
		break;
	case EACCES:
		ink_failure_set(code, "slot %s: its owner, group and mode don't let you run it", slot);
		ink_failure_hint("as root: inkling set %s gid=GROUP perm=0750", slot);
		break;
	case EPERM:
		ink_failure_set(code, "slot %s isn't for task context", slot);
		ink_failure_hint("contexts are fixed when a slot is created: make one with \"task\"");
		break;
	case E2BIG:
		ink_failure_set(code, "slot %s: a session's buffer has at most %u bytes", slot,
				INKLING_BUFFER_MAX);
		break;
	default:
		ink_failure_set(code, "bind to slot %s: %s", slot, strerror(code));
	}
	return -code;
}

static int fail_run(const struct ink_session *s, int code)
{
	switch (code) {
	case ENODEV:
		ink_failure_set(code, "slot %s was deleted", s->slot);
		break;
	case ENODATA:
		ink_failure_set(code, "slot %s has no model", s->slot);
		ink_failure_hint("load one: inkling load MODEL.ink --slot %s", s->slot);
		break;
	case EINVAL:
		ink_failure_set(code, "slot %s: the input's or output's size isn't the model's", s->slot);
		ink_failure_hint("ink_session_info() and \"inkling show %s\" tell the sizes", s->slot);
		break;
	default:
		ink_failure_set(code, "run in slot %s: %s", s->slot, strerror(code));
	}
	return -code;
}

static int map_buffer(struct ink_session *s, size_t size)
{
	void *buffer;

	buffer = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      s->model ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, s->fd, 0);
	if (buffer == MAP_FAILED)
		return ink_failure_set(errno, "map a buffer of %zu bytes: %s", size,
				       strerror(errno));
	s->buffer = buffer;
	s->buffer_size = size;
	return 0;
}

/* The device, bound. */
static int open_device(struct ink_session *s, size_t buffer_size)
{
	struct inkling_bind bind = { .size = sizeof(bind), .buffer_size = buffer_size };

	strcpy(bind.slot, s->slot);
	s->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return fail_open(errno);
	return ioctl(s->fd, INKLING_IOC_BIND, &bind) ? fail_bind(s->slot, errno) : 0;
}

struct ink_session *ink_session_open_with(const char *slot,
					  const struct ink_session_options *options)
{
	static const struct ink_session_options defaults;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct ink_session *s;
	int err;

	if (!options)
		options = &defaults;
	if (!*slot || strlen(slot) >= sizeof(s->slot)) {
		ink_failure_set(EINVAL, "\"%.40s\" can't be the name of a slot", slot);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		ink_failure_set(ENOMEM, "no memory for a session");
		return NULL;
	}
	s->fd = -1;
	strcpy(s->slot, slot);
	err = options->buffer_size > INKLING_BUFFER_MAX ? fail_bind(slot, E2BIG) :
							  open_device(s, options->buffer_size);
	if (err == -ENODEV && s->fd < 0 && options->model) {
		s->model = ink_model_open(options->model);
		err = s->model ? 0 : -ink_failure_last()->code;
	}
	if (!err && options->buffer_size)
		err = map_buffer(s, (options->buffer_size + page - 1) & ~(page - 1));
	if (!err)
		return s;
	ink_session_close(s);
	errno = ink_failure_last()->code;
	return NULL;
}

struct ink_session *ink_session_open(const char *slot, unsigned int flags)
{
	if (flags != INK_DEFAULTS) {
		ink_failure_set(EINVAL, "unknown session flags 0x%x", flags);
		return NULL;
	}
	return ink_session_open_with(slot, NULL);
}

void ink_session_close(struct ink_session *session)
{
	if (!session)
		return;
	if (session->buffer)
		munmap(session->buffer, session->buffer_size);
	ink_model_close(session->model);
	if (session->fd >= 0)
		close(session->fd);
	free(session);
}

int ink_session_fd(const struct ink_session *session)
{
	return session->fd;
}

bool ink_session_in_process(const struct ink_session *session)
{
	return session->model;
}

void *ink_session_buffer(const struct ink_session *session, size_t *size)
{
	if (size)
		*size = session->buffer_size;
	return session->buffer;
}

static void info_of_model(const struct ink_model *model, struct inkling_info *info)
{
	const struct inkling_header *header = ink_model_header(model);

	info->input_size = (u32)ink_model_input_size(model);
	info->output_size = (u32)ink_model_output_size(model);
	info->schema = header->schema;
	info->mode = INKLING_MODE_MONITOR;
	info->n_classes = header->n_classes;
	info->threshold = header->threshold;
	info->macs = ink_model_graph(model)->macs;
	memcpy(info->digest, header->digest, sizeof(info->digest));
}

int ink_session_info(struct ink_session *session, struct inkling_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	if (session->model) {
		info_of_model(session->model, info);
		return 0;
	}
	return ioctl(session->fd, INKLING_IOC_INFO, info) ? fail_run(session, errno) : 0;
}

static int run_in_process(struct ink_model *model, size_t count, const char *in, size_t in_len,
			  char *out, size_t out_len, struct inkling_verdict *verdicts)
{
	int n = ink_model_check_sizes(model, in_len, out ? out_len : ink_model_output_size(model));
	size_t done, i;

	for (done = 0; n >= 0 && done < count; done += (size_t)n) {
		n = ink_model_run_tile(model, in + done * in_len, count - done);
		for (i = 0; n > 0 && i < (size_t)n; i++) {
			const void *output = ink_model_output_at(model, i);
			struct inkling_verdict *v = verdicts ? &verdicts[done + i] : NULL;

			if (out)
				memcpy(out + (done + i) * out_len, output, out_len);
			if (!v)
				continue;
			ink_model_verdict(model, output, ink_model_header(model)->threshold, v);
			v->mode = INKLING_MODE_MONITOR;
		}
	}
	return min(n, 0);
}

/* One call of the kernel; @out_len is 0 where @out is NULL. */
static inline int run_in_kernel(struct ink_session *session, u32 count, const void *in,
				size_t in_len, void *out, size_t out_len,
				struct inkling_verdict *verdicts)
{
	struct inkling_run run = {
		.size = sizeof(run),
		.count = count,
		.input_size = (u32)in_len,
		.output_size = (u32)out_len,
		.inputs = (uintptr_t)in,
		.outputs = (uintptr_t)out,
		.verdicts = (uintptr_t)verdicts,
	};

	if (ioctl(session->fd, INKLING_IOC_RUN, &run))
		return fail_run(session, errno);
	if (run.done != count)
		return ink_failure_set(EIO, "slot %s ran %u of %u inputs", session->slot, run.done,
				       count);
	return 0;
}

static inline bool lengths_fit(size_t in_len, const void *out, size_t out_len)
{
	return (in_len | out_len) <= U32_MAX && (out || !out_len);
}

int ink_session_run_batch(struct ink_session *session, size_t count, const void *in,
			  size_t in_len, void *out, size_t out_len,
			  struct inkling_verdict *verdicts)
{
	size_t done;
	u32 n;
	int err;

	if (!lengths_fit(in_len, out, out_len))
		return ink_failure_set(EINVAL, "input or output size out of range");
	if (session->model)
		return run_in_process(session->model, count, in, in_len, out, out_len, verdicts);
	for (done = 0; done < count; done += n) {
		n = (u32)min_t(size_t, count - done, INKLING_BATCH_MAX);
		err = run_in_kernel(session, n, (const char *)in + done * in_len, in_len,
				    out ? (char *)out + done * out_len : NULL, out_len,
				    verdicts ? verdicts + done : NULL);
		if (err)
			return err;
	}
	return 0;
}

/* A batch of one, without what only several need: a system call is short enough for that to count. */
static int run_one(struct ink_session *session, const void *in, size_t in_len, void *out,
		   size_t out_len, struct inkling_verdict *verdict)
{
	if (session->model || !lengths_fit(in_len, out, out_len))
		return ink_session_run_batch(session, 1, in, in_len, out, out_len, verdict);
	return run_in_kernel(session, 1, in, in_len, out, out_len, verdict);
}

int ink_session_run(struct ink_session *session, const void *in, size_t in_len, void *out,
		    size_t out_len)
{
	return run_one(session, in, in_len, out, out_len, NULL);
}

int ink_session_verdict(struct ink_session *session, const void *in, size_t in_len,
			struct inkling_verdict *verdict)
{
	return run_one(session, in, in_len, NULL, 0, verdict);
}

static int check_prep(const struct ink_session *s, size_t in_off, size_t out_off,
		      unsigned int count, unsigned int flags)
{
	if (flags & ~(INK_PREP_OUTPUTS | INK_PREP_NO_VERDICTS | INK_PREP_LINK | INK_PREP_LINKED))
		return ink_failure_set(EINVAL, "unknown flags 0x%x of a command", flags);
	if (!count || count > INKLING_BATCH_MAX)
		return ink_failure_set(EINVAL, "a command runs 1 to %u inputs, not %u",
				       INKLING_BATCH_MAX, count);
	if (s->model) {
		ink_failure_set(EOPNOTSUPP, "the model of slot %s runs in this process: no commands",
				s->slot);
		ink_failure_hint("call ink_session_run_batch() on the buffer instead");
		return -EOPNOTSUPP;
	}
	if (in_off >= s->buffer_size || out_off >= s->buffer_size)
		return ink_failure_set(ERANGE, "offsets %zu and %zu: the buffer has %zu bytes", in_off,
				       out_off, s->buffer_size);
	if (out_off < in_off)
		return ink_failure_set(EINVAL, "results at %zu, before the inputs at %zu", out_off,
				       in_off);
	return 0;
}

int ink_session_prep(struct ink_session *session, struct io_uring_sqe *sqe, size_t in_off,
		     size_t out_off, unsigned int count, unsigned int flags)
{
	int err = check_prep(session, in_off, out_off, count, flags);
	struct inkling_uring_run run = {
		.inputs = in_off,
		.results = (u32)(out_off - in_off),
		.count = (u16)count,
	};
	u64 user_data;

	if (err)
		return err;
	if (flags & INK_PREP_OUTPUTS)
		run.flags |= INKLING_URING_OUTPUTS;
	if (flags & INK_PREP_NO_VERDICTS)
		run.flags |= INKLING_URING_NO_VERDICTS;
	user_data = sqe->user_data;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	if (flags & INK_PREP_LINK)
		sqe->flags |= IOSQE_IO_LINK;
	/* What is for a worker is copied when it is submitted. */
	if (flags & INK_PREP_LINKED)
		sqe->flags |= IOSQE_ASYNC;
	sqe->fd = session->fd;
	sqe->cmd_op = INKLING_URING_RUN;
	sqe->user_data = user_data;
	memcpy((char *)sqe + offsetof(struct io_uring_sqe, cmd), &run, sizeof(run));
	return 0;
}
