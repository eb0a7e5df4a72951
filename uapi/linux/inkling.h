/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/inkling: sessions over ioctl and io_uring, and the verdict that every
 * door gives.
 *
 * What lives here: the structures that cross the boundary of the character
 * device and of the kfuncs. What doesn't: loading and slot management, which
 * go over generic netlink (inkling_netlink.h), and the image
 * (inkling_format.h).
 */
#ifndef _UAPI_LINUX_INKLING_H
#define _UAPI_LINUX_INKLING_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define INKLING_SLOT_NAME_MAX	32	/* with the NUL; [a-z0-9._-], not "." first */
#define INKLING_BATCH_MAX	4096
#define INKLING_BUFFER_MAX	(64u << 20)	/* bytes of a session's shared buffer */

/* A slot id is index | generation << INKLING_SLOT_GENERATION_SHIFT. */
#define INKLING_SLOT_GENERATION_SHIFT	12
#define INKLING_SLOT_INDEX_MASK		0xfffu

enum inkling_mode {
	INKLING_MODE_OFF,	/* runs answer "pass" without running the model */
	INKLING_MODE_MONITOR,	/* verdicts are counted, hooks don't act on them */
	INKLING_MODE_ENFORCE,	/* hooks carry the action out */
};

enum inkling_action {
	INKLING_ACTION_PASS,
	INKLING_ACTION_ALERT,
	INKLING_ACTION_DROP,
};

/* Execution contexts that a slot may be called from; a mask. */
#define INKLING_CTX_TASK	(1u << 0)	/* ioctl, io_uring, syscall programs */
#define INKLING_CTX_SOFTIRQ	(1u << 1)	/* XDP, tc: 50 us */
#define INKLING_CTX_HARDIRQ	(1u << 2)	/* tracing: 10 us */
#define INKLING_CTX_ALL		(INKLING_CTX_TASK | INKLING_CTX_SOFTIRQ | INKLING_CTX_HARDIRQ)

/**
 * struct inkling_verdict - what a slot says of one input
 * @class: 0 is the harmless class
 * @score: see enum inkling_head; higher is worse
 * @action: enum inkling_action of the class in this slot
 * @mode: enum inkling_mode of the slot at that moment: act only on ENFORCE
 * @flags: zero
 * @generation: which model spoke: its number among those that were loaded into
 *	the slot, as current model or as shadow. A model keeps it when it is promoted
 *	or rolled back, and no other model of the slot ever has it
 */
struct inkling_verdict {
	__u32 class;
	__s32 score;
	__u8 action;
	__u8 mode;
	__u16 flags;
	__u32 generation;
};

/**
 * struct inkling_bind - INKLING_IOC_BIND: bind this session to a slot
 * @size: sizeof(struct inkling_bind); INKLING_BIND_SIZE_VER0 is without @buffer_size
 * @flags: zero
 * @slot: slot name, NUL-terminated
 * @buffer_size: bytes of a buffer for io_uring commands, or 0 for none; rounded
 *	up to pages, charged to the memory cgroup, seen through mmap() of the file
 *	with MAP_SHARED
 *
 * Errors: ENOENT no such slot, EACCES by the slot's owner, group and mode,
 * EBUSY this session is bound already, EPERM the slot isn't for task context,
 * E2BIG the buffer would be larger than INKLING_BUFFER_MAX or @size has bytes
 * that this kernel doesn't know, ENOMEM no memory for the buffer, EINTR.
 */
struct inkling_bind {
	__u32 size;
	__u32 flags;
	char slot[INKLING_SLOT_NAME_MAX];
	__u64 buffer_size;
};

#define INKLING_BIND_SIZE_VER0	40

/**
 * struct inkling_info - INKLING_IOC_INFO: what the bound slot holds now
 * @size: sizeof(struct inkling_info)
 * @slot_id: for kfuncs
 * @input_size: bytes of one input
 * @output_size: bytes of one output
 * @schema: schema id of the inputs
 * @generation: see struct inkling_verdict
 * @mode: enum inkling_mode
 * @n_classes: of the model
 * @threshold: of the current model in this slot
 * @macs: multiply-accumulates of one run
 * @digest: SHA-256 name of the current model
 */
struct inkling_info {
	__u32 size;
	__u32 slot_id;
	__u32 input_size;
	__u32 output_size;
	__u64 schema;
	__u32 generation;
	__u32 mode;
	__u32 n_classes;
	__s32 threshold;
	__u64 macs;
	__u8 digest[32];
};

/**
 * struct inkling_run - INKLING_IOC_RUN: run @count inputs
 * @size: sizeof(struct inkling_run)
 * @flags: zero
 * @count: 1..INKLING_BATCH_MAX
 * @input_size: bytes of one input, has to be the slot's
 * @output_size: bytes of one output, has to be the slot's, or 0 for none
 * @done: set: inputs that were run
 * @inputs: address of @count inputs
 * @outputs: address for @count outputs, or 0 with @output_size 0
 * @verdicts: address for @count struct inkling_verdict, or 0
 *
 * One batch runs on one model even when the slot is swapped meanwhile. In
 * mode off verdicts are "pass" and the outputs are zero.
 *
 * Errors: ENOTCONN the session isn't bound, ENODEV the slot was deleted, ENODATA
 * it has no model, EINVAL a size or flag is wrong, or a sequence has no or too
 * many tokens; ENOSPC the session's states have no room for them, EFAULT, ENOMEM,
 * EINTR a signal came: a fatal one, or one that doesn't restart system calls while
 * another thread had the session. @done inputs were run even so.
 */
struct inkling_run {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 input_size;
	__u32 output_size;
	__u32 done;
	__u64 inputs;
	__u64 outputs;
	__u64 verdicts;
};

#define INKLING_URING_OUTPUTS		(1u << 0)	/* write outputs too */
#define INKLING_URING_NO_VERDICTS	(1u << 1)	/* write no verdicts */

/**
 * struct inkling_uring_run - INKLING_URING_RUN: payload of IORING_OP_URING_CMD
 * @inputs: offset in the session's buffer of @count inputs back to back; with
 *	IORING_URING_CMD_FIXED their address in the registered buffer buf_index
 * @results: bytes from @inputs to the results: @count struct inkling_verdict,
 *	and after them @count outputs, as @flags say
 * @count: 1..INKLING_BATCH_MAX
 * @flags: INKLING_URING_*
 *
 * The SQE's cmd_op is INKLING_URING_RUN, its fd the session's. Inputs are read
 * once; an input that changes meanwhile gives some verdict, and nothing else
 * does. Results may overlap inputs, but of a command with more than one it isn't
 * said which are read before they are overwritten: these give some verdict, too.
 * One command runs on one model. Completions are posted when the results are
 * there; commands of one session run one at a time, in any order unless they are
 * linked.
 *
 * The CQE's res is how many inputs were run, less than @count if something
 * stopped it on the way, or, if none was, an error: ENOTCONN the session isn't
 * bound, ENODEV the slot was deleted, ENODATA it has no model, EINVAL count or
 * flags, ERANGE not within the buffer, EFAULT, ENOMEM, ECANCELED, EINTR, ENOTTY
 * another cmd_op. Each verdict has the model's generation; on rings with
 * IORING_SETUP_CQE32 big_cqe[0] has it too.
 *
 * The kernel may read a linked or drained command's payload as late as it runs:
 * leave such an SQE alone until its completion, or set IOSQE_ASYNC.
 */
struct inkling_uring_run {
	__u64 inputs;
	__u32 results;
	__u16 count;
	__u16 flags;
};

/**
 * struct inkling_reset - INKLING_IOC_RESET: forget tokens
 * @size: sizeof(struct inkling_reset)
 * @flags: zero
 * @tokens: how many of the first to keep; 0: all is zeroed, and the session
 *	follows its slot to whatever model that has
 * @reserved: zero
 *
 * A session of a model with states (a language model) remembers the tokens that
 * it was given, and keeps to the model it began with, also when the slot is
 * swapped, until it is reset.
 *
 * Errors: EINVAL fewer than @tokens are held, or a flag; ENOTCONN, EINTR.
 */
struct inkling_reset {
	__u32 size;
	__u32 flags;
	__u32 tokens;
	__u32 reserved;
};

/**
 * struct inkling_fork - INKLING_IOC_FORK: begin as another session is
 * @size: sizeof(struct inkling_fork)
 * @flags: zero
 * @session: file descriptor of a session that is bound to the same slot
 * @tokens: how many of its first tokens to take over; 0: all
 *
 * What this session held is forgotten. It then has the other's model.
 *
 * Errors: EBADF no session, EINVAL the same session, another slot, fewer than
 * @tokens, or a flag; ENODATA the other session holds nothing; ENOTCONN, ENOMEM,
 * EINTR.
 */
struct inkling_fork {
	__u32 size;
	__u32 flags;
	__s32 session;
	__u32 tokens;
};

#define INKLING_GENERATE_MAX	4096	/* tokens of one call */

/**
 * struct inkling_generate - INKLING_IOC_GENERATE: continue a text
 * @size: sizeof(struct inkling_generate)
 * @flags: zero
 * @n_prompt: tokens to read first; may be 0 after a call that generated some
 * @n_tokens: tokens to generate at most, 0..INKLING_GENERATE_MAX
 * @prompt: address of the prompt, in the type of the model's input; for
 *	io_uring an offset in the session's buffer
 * @tokens: likewise, of room for @n_tokens
 * @seed: of the choice; the same seed, model and tokens give the same text
 * @mult: with @shift, so that (logit * @mult) >> @shift are octaves in Q16: log2 e
 *	divided by the temperature. 0: always the likeliest
 * @shift: 0..62
 * @top_k: choose among so many of the likeliest; 0: all
 * @stop: token after which to end, or 0xffffffff
 * @done: set: tokens generated
 * @position: set: tokens that the session holds
 *
 * The last token generated is read by the model when the next call goes on.
 * Each call reads at most as many tokens as the states have room for, and can be
 * stopped by a fatal signal, or cancelled.
 *
 * Errors: EOPNOTSUPP no language model (states, and logits of 32 bits as output),
 * ENOSPC no room for more tokens, EINVAL a number or flag, or there is nothing to
 * go on from; ENOTCONN, ENODEV, ENODATA no model or mode off, ERANGE, EFAULT,
 * ENOMEM, EINTR, ECANCELED. @done tokens were generated even so.
 */
struct inkling_generate {
	__u32 size;
	__u32 flags;
	__u32 n_prompt;
	__u32 n_tokens;
	__u64 prompt;
	__u64 tokens;
	__u64 seed;
	__u32 mult;
	__u32 shift;
	__u32 top_k;
	__u32 stop;
	__u32 done;
	__u32 position;
};

/**
 * struct inkling_uring_generate - INKLING_URING_GENERATE: payload of IORING_OP_URING_CMD
 * @request: offset in the session's buffer of a struct inkling_generate, which
 *	is read once, and whose @done and @position are set
 * @reserved: zero
 *
 * The CQE's res is how many tokens were generated, or, if none was and something
 * went wrong, an error as of INKLING_IOC_GENERATE. Texts are streamed by commands
 * of few tokens each.
 */
struct inkling_uring_generate {
	__u64 request;
	__u64 reserved;
};

#define INKLING_IOC_MAGIC	0xb7
/* By the size of its first version: the number stays when the structure grows. */
#define INKLING_IOC_BIND	_IOC(_IOC_WRITE, INKLING_IOC_MAGIC, 1, INKLING_BIND_SIZE_VER0)
#define INKLING_IOC_INFO	_IOWR(INKLING_IOC_MAGIC, 2, struct inkling_info)
#define INKLING_IOC_RUN		_IOWR(INKLING_IOC_MAGIC, 3, struct inkling_run)
#define INKLING_URING_RUN	_IOWR(INKLING_IOC_MAGIC, 4, struct inkling_uring_run)
#define INKLING_IOC_RESET	_IOW(INKLING_IOC_MAGIC, 5, struct inkling_reset)
#define INKLING_IOC_FORK	_IOW(INKLING_IOC_MAGIC, 6, struct inkling_fork)
#define INKLING_IOC_GENERATE	_IOWR(INKLING_IOC_MAGIC, 7, struct inkling_generate)
#define INKLING_URING_GENERATE	_IOWR(INKLING_IOC_MAGIC, 8, struct inkling_uring_generate)

#endif /* _UAPI_LINUX_INKLING_H */
