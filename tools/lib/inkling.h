/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libinkling: models, slots and sessions of Inkling from a program.
 *
 * What lives here: all that the library exports. What doesn't: the image
 * (linux/inkling_format.h) and what crosses the device (linux/inkling.h).
 *
 * Three parts that can be used apart from each other:
 *   struct ink_model    a .ink file, verified and run in this process; gives
 *                       bit for bit what the kernel gives
 *   struct ink_session  a slot of the kernel, called through /dev/inkling
 *   struct ink_ctl      loading models and managing slots, over generic netlink
 * and a reader of CSV files that turns rows into raw inputs.
 *
 * Functions that fail return NULL or a negative errno, set errno, and leave an
 * explanation in ink_failure_last(). Different objects may be used by
 * different threads at the same time, one object only by one thread at a time.
 */
#ifndef INKLING_H
#define INKLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
#include <linux/ioctl.h>
#include <linux/types.h>
#define class class_	/* a verdict's class is called so in C++ */
#endif
#include <linux/inkling.h>
#include <linux/inkling_format.h>
#ifdef __cplusplus
#undef class
extern "C" {
#endif

/* Failures */

/**
 * struct ink_failure - why the last call of this thread that failed did so
 * @code: positive errno
 * @text: one line for a person, without a final dot
 * @hint: what to do about it; may be empty
 * @rule: name of the verifier's rule that was broken, or NULL
 * @op: op that it concerns, or INKLING_NONE
 * @tensor: tensor that it concerns, or INKLING_NONE
 * @value: what was found, with @rule
 * @limit: what would have been right, with @rule, where that is one number
 * @line: of a CSV file, or 0
 */
struct ink_failure {
	int code;
	char text[384];
	char hint[256];
	const char *rule;
	uint32_t op;
	uint32_t tensor;
	int64_t value;
	int64_t limit;
	uint64_t line;
};

/* Never NULL; of this thread; valid until its next call into the library. */
const struct ink_failure *ink_failure_last(void);

/* "0.1.0" */
const char *ink_version(void);

/* Models in this process */

struct ink_model;

/**
 * struct ink_model_stat - what a model needs
 * @macs: multiply-accumulates of one run
 * @bytes: weight and table bytes that a run reads
 * @memory: bytes of the plan besides the image
 * @arena: bytes of working memory
 * @cost_simd: upper estimate of a run in ns with vector instructions
 * @cost_scalar: the same without
 * @contexts: mask of INKLING_CTX_* whose budget it keeps
 */
struct ink_model_stat {
	uint64_t macs;
	uint64_t bytes;
	uint64_t memory;
	uint64_t cost_simd;
	uint64_t cost_scalar;
	uint32_t arena;
	uint32_t contexts;
};

/**
 * ink_model_open() - read a .ink file and verify it
 * @path: of the file
 *
 * Return: a model for ink_model_close(), or NULL: EBADMSG when the verifier
 * refuses it (ink_failure_last()->rule says by which rule), or another errno
 * when the file can't be read.
 */
struct ink_model *ink_model_open(const char *path);
/* The same of an image in memory, which is copied. */
struct ink_model *ink_model_open_image(const void *image, size_t size);
void ink_model_close(struct ink_model *model);

const void *ink_model_image(const struct ink_model *model, size_t *size);
const struct inkling_header *ink_model_header(const struct ink_model *model);
const struct inkling_card *ink_model_card(const struct ink_model *model);
/* header->n_features and header->n_names of them. */
const struct inkling_feature *ink_model_features(const struct ink_model *model);
const struct inkling_name *ink_model_names(const struct ink_model *model);
size_t ink_model_input_size(const struct ink_model *model);
size_t ink_model_output_size(const struct ink_model *model);
void ink_model_stat(const struct ink_model *model, struct ink_model_stat *stat);

/* Name of the instruction set in use: "scalar", "avx2". */
const char *ink_model_isa(const struct ink_model *model);
/* Choose one; -EINVAL when this CPU or this build doesn't have it. */
int ink_model_isa_set(struct ink_model *model, const char *name);

/**
 * ink_model_run() - run a model once
 * @model: verified
 * @in: input, ink_model_input_size() bytes: int32 raw features, or whatever
 *	the input tensor is made of, or struct inkling_sequence and all tokens of
 *	the input tensor, of which it says how many are read
 * @in_len: has to be that size
 * @out: output
 * @out_len: has to be ink_model_output_size()
 *
 * A model with states remembers the tokens of a run, and reads those of the next
 * one after them, until ink_model_reset().
 *
 * Return: 0; -EINVAL for a wrong size or number of tokens; -ENOSPC when the states
 * have no room for them.
 */
int ink_model_run(struct ink_model *model, const void *in, size_t in_len, void *out,
		  size_t out_len);

/**
 * ink_model_run_batch() - run a model on several inputs
 * @model: verified
 * @count: inputs
 * @in: all of them without gaps
 * @in_len: of one, has to be ink_model_input_size()
 * @out: all outputs, which may not overlap @in
 * @out_len: of one, has to be ink_model_output_size()
 *
 * Faster than one by one, since weights are read once for several inputs; but not
 * for sequences, each of which is run on its own.
 *
 * Return: as ink_model_run().
 */
int ink_model_run_batch(struct ink_model *model, size_t count, const void *in, size_t in_len,
			void *out, size_t out_len);

/**
 * ink_model_verdict() - read class and score off an output
 * @model: that made it
 * @out: output
 * @threshold: score from which on it isn't class 0; header->threshold is the
 *	model's own
 * @verdict: class and score are set, the rest (which a slot decides) is zero
 */
void ink_model_verdict(const struct ink_model *model, const void *out, int32_t threshold,
		       struct inkling_verdict *verdict);

/* Sequences */

/* Most tokens of a run; 0 when the model's input isn't a sequence. */
uint32_t ink_model_tokens(const struct ink_model *model);
/* Tokens that the model's states have room for; 0 without states. */
uint32_t ink_model_context(const struct ink_model *model);
/* Tokens that they hold. */
uint32_t ink_model_position(const struct ink_model *model);

/**
 * ink_model_reset() - forget tokens
 * @model: verified
 * @tokens: how many of the first to keep; 0: all is forgotten, and zeroed
 *
 * Return: 0, or -EINVAL when it holds fewer.
 */
int ink_model_reset(struct ink_model *model, uint32_t tokens);

/**
 * ink_model_state_copy() - remember what another model does
 * @to: what it held is forgotten
 * @from: another one, opened from the same image
 * @tokens: how many of its first tokens to take over; 0: all
 *
 * Return: 0, or -EINVAL for models of different images or without states, or when
 * @from holds fewer.
 */
int ink_model_state_copy(struct ink_model *to, const struct ink_model *from, uint32_t tokens);

/* Text */

struct ink_tokenizer;

#define INK_TOKEN_BEGIN	1u	/* what a text starts with */
#define INK_TOKEN_END	2u

/**
 * ink_tokenizer_open() - read a tokenizer in the form of llama2.c's
 * @path: of the file
 * @vocabulary: tokens that it has to have; 0: any number up to 65536
 *
 * Return: a tokenizer for ink_tokenizer_close(), or NULL: EINVAL when the file
 * isn't one or has another number of tokens.
 */
struct ink_tokenizer *ink_tokenizer_open(const char *path, uint32_t vocabulary);
void ink_tokenizer_close(struct ink_tokenizer *tokenizer);
uint32_t ink_tokenizer_size(const struct ink_tokenizer *tokenizer);

/**
 * ink_tokenizer_encode() - tokens of a text
 * @tokenizer: open
 * @text: in UTF-8; bytes that aren't are taken one by one
 * @size: of @text
 * @begin: it is the start of a text: INK_TOKEN_BEGIN comes first, and a blank is
 *	put before the first word
 * @tokens: set
 * @room: of @tokens, at most so many are set; @size + 2 are always enough
 *
 * Return: how many tokens the text has, or -EFBIG or -ENOMEM.
 */
int ink_tokenizer_encode(const struct ink_tokenizer *tokenizer, const char *text, size_t size,
			 bool begin, uint16_t *tokens, size_t room);

/**
 * ink_tokenizer_piece() - text of a token
 * @tokenizer: open
 * @before: token before it; after INK_TOKEN_BEGIN a word's blank is left out
 * @token: which
 * @size: set to the number of bytes, which may be part of a character
 *
 * Return: bytes that aren't NUL-terminated, valid as long as the tokenizer.
 */
const char *ink_tokenizer_piece(const struct ink_tokenizer *tokenizer, uint32_t before,
				uint32_t token, size_t *size);

/* Schemas and values */

/**
 * ink_schema_id() - id of an input schema
 * @features: in their order
 * @n_features: their number
 * @names: categories of all features
 * @n_names: their number
 *
 * Programs compute it at build or start and compare it with that of the model
 * or slot, so that features never reach a model that was trained on others.
 *
 * Return: first eight bytes of the SHA-256 over @features, then @names.
 */
uint64_t ink_schema_id(const struct inkling_feature *features, uint32_t n_features,
		       const struct inkling_name *names, uint32_t n_names);

/**
 * ink_value_parse() - a raw feature from text
 * @feature: which one
 * @names: of all features, as in the image
 * @text: a decimal number, such as "0.05", "-3", "1e-5"; or a category
 * @raw: set
 *
 * Numbers are exact: value * 10^decimals, rounded half to even, clamped to
 * 32 bits. A category that the feature doesn't name becomes feature->n_names,
 * which the model takes for unknown.
 *
 * Return: 0, or -EINVAL when it isn't a number.
 */
int ink_value_parse(const struct inkling_feature *feature, const struct inkling_name *names,
		    const char *text, int32_t *raw);
/* The number alone. */
int ink_number_parse(const char *text, unsigned int decimals, int32_t *raw);

/* CSV files */

struct ink_csv;

/**
 * ink_csv_open() - open a CSV file
 * @path: "-" is standard input
 * @columns: comma-separated column names for a file without a header line;
 *	NULL: its first line names them
 *
 * Fields may be quoted as in RFC 4180; lines end in LF or CRLF; empty lines
 * are skipped. Rows are read one at a time.
 */
struct ink_csv *ink_csv_open(const char *path, const char *columns);
void ink_csv_close(struct ink_csv *csv);
unsigned int ink_csv_columns(const struct ink_csv *csv);
const char *ink_csv_column_name(const struct ink_csv *csv, unsigned int column);
/* Index of a column, or -ENOENT with the columns that there are in the failure. */
int ink_csv_column(const struct ink_csv *csv, const char *name);
/* 1: there is a row; 0: the end; negative errno: malformed. */
int ink_csv_next(struct ink_csv *csv);
/* A field of the row, valid until the next one. */
const char *ink_csv_field(const struct ink_csv *csv, unsigned int column);
uint64_t ink_csv_line(const struct ink_csv *csv);	/* where the row starts, from 1 */
uint64_t ink_csv_position(const struct ink_csv *csv);	/* bytes read so far */
uint64_t ink_csv_size(const struct ink_csv *csv);	/* of the file, 0 when unknown */

/**
 * ink_csv_bind() - find the columns of features
 * @csv: open
 * @features: each needs a column of its name; other columns are ignored
 * @n_features: their number
 * @names: categories, as in the image
 * @n_names: their number
 *
 * @features and @names have to outlive @csv.
 * Return: 0, or -ENOENT with the missing columns in the failure.
 */
int ink_csv_bind(struct ink_csv *csv, const struct inkling_feature *features,
		 uint32_t n_features, const struct inkling_name *names, uint32_t n_names);
/* The row as raw features; -EINVAL with line and column in the failure. */
int ink_csv_raw(struct ink_csv *csv, int32_t *raw);

/* Sessions: slots through /dev/inkling */

struct ink_session;

#define INK_DEFAULTS	0u

/**
 * ink_session_open() - bind to a slot
 * @slot: its name
 * @flags: INK_DEFAULTS
 *
 * Return: a session, or NULL: ENOENT no such slot, ENODEV the module isn't
 * loaded, EACCES not permitted by the slot, EPERM the slot isn't for tasks.
 */
struct ink_session *ink_session_open(const char *slot, unsigned int flags);

/**
 * struct ink_session_options - how a session is opened; zero it, then fill in
 * @buffer_size: bytes of the buffer that io_uring commands work on, mapped by
 *	the library and rounded up to pages; 0: none
 * @model: path of a .ink file that is run in this process when the module
 *	isn't there; NULL: then opening fails
 */
struct ink_session_options {
	size_t buffer_size;
	const char *model;
};

/**
 * ink_session_open_with() - bind to a slot, with more to choose
 * @slot: its name
 * @options: may be NULL
 *
 * A session that runs in this process gives the same outputs bit for bit, and
 * the same classes and scores at the model's own threshold; there's no slot, so
 * the verdict's action is "pass", its mode "monitor", its generation 0.
 *
 * Return: as ink_session_open(); also E2BIG above INKLING_BUFFER_MAX, ENOMEM,
 * and as ink_model_open().
 */
struct ink_session *ink_session_open_with(const char *slot,
					  const struct ink_session_options *options);
/* Commands that were submitted go on without it; wait for them first if their results are wanted. */
void ink_session_close(struct ink_session *session);
int ink_session_fd(const struct ink_session *session);	/* -1 in this process */
bool ink_session_in_process(const struct ink_session *session);
/* The shared buffer and, unless @size is NULL, its size; valid until the session is closed. NULL without one. */
void *ink_session_buffer(const struct ink_session *session, size_t *size);
/* In this process digest, schema and sizes are those of the file. */
int ink_session_info(struct ink_session *session, struct inkling_info *info);

/**
 * ink_session_run() - run one input
 * @session: open
 * @in: input of info.input_size bytes
 * @in_len: has to be that size
 * @out: room for the output, or NULL
 * @out_len: info.output_size, or 0 with @out NULL
 *
 * Return: 0, or a negative errno as struct inkling_run says.
 */
int ink_session_run(struct ink_session *session, const void *in, size_t in_len, void *out,
		    size_t out_len);
/* The same with the slot's verdict. */
int ink_session_verdict(struct ink_session *session, const void *in, size_t in_len,
			struct inkling_verdict *verdict);

/**
 * ink_session_run_batch() - run many inputs, one after the other, in one call
 * @session: open
 * @count: any number; batches of up to INKLING_BATCH_MAX go to the kernel
 * @in: @count inputs without gaps
 * @in_len: of one input
 * @out: room for @count outputs, or NULL
 * @out_len: of one output, or 0
 * @verdicts: room for @count verdicts, or NULL
 *
 * Return: 0 when all were run, or a negative errno.
 */
int ink_session_run_batch(struct ink_session *session, size_t count, const void *in,
			  size_t in_len, void *out, size_t out_len,
			  struct inkling_verdict *verdicts);

enum {
	INK_PREP_OUTPUTS = 1 << 0,	/* write outputs, after the verdicts */
	INK_PREP_NO_VERDICTS = 1 << 1,	/* write no verdicts */
	INK_PREP_LINK = 1 << 2,		/* what is submitted next waits for it (IOSQE_IO_LINK) */
	INK_PREP_LINKED = 1 << 3,	/* it waits for such a one: copied when submitted (IOSQE_ASYNC) */
};

struct io_uring_sqe;

/**
 * ink_session_prep() - fill in an io_uring command
 * @session: opened with a buffer
 * @sqe: all of it is set but user_data
 * @in_off: offset in the buffer of @count inputs without gaps
 * @out_off: offset of @count verdicts without gaps and, with INK_PREP_OUTPUTS,
 *	of @count outputs after them; not below @in_off
 * @count: 1..INKLING_BATCH_MAX
 * @flags: mask of INK_PREP_*
 *
 * The completion's res is how many inputs were run, or a negative errno; see
 * struct inkling_uring_run in linux/inkling.h. The kernel may read a command
 * that waits for another one as late as it runs, when the ring may have reused
 * its entry: mark it with INK_PREP_LINKED (the second and all further ones of
 * a chain).
 *
 * Return: 0; -EINVAL for @count, @flags or an order of offsets that a command
 * can't tell, -ERANGE an offset is outside the buffer, -EOPNOTSUPP in this
 * process: use ink_session_run_batch() on the buffer instead.
 */
int ink_session_prep(struct ink_session *session, struct io_uring_sqe *sqe, size_t in_off,
		     size_t out_off, unsigned int count, unsigned int flags);

/* Language models in the kernel */

/**
 * ink_session_generate() - let the slot's model continue a text
 * @session: bound to a slot with a language model, in the kernel
 * @text: what is asked, see struct inkling_generate; its size is set here, @done
 *	and @position by the kernel
 *
 * Return: 0, or a negative errno as struct inkling_generate lists them, of which
 * -EOPNOTSUPP is also given where the session's model runs in this process.
 * @text->done tokens were generated even so.
 */
int ink_session_generate(struct ink_session *session, struct inkling_generate *text);
/* Keep the first @tokens that the session holds; 0: forget all, and follow the slot. */
int ink_session_reset(struct ink_session *session, uint32_t tokens);
/* Hold what @from does, or its first @tokens; both are bound to one slot. */
int ink_session_fork(struct ink_session *to, const struct ink_session *from, uint32_t tokens);

/* Slots over generic netlink */

struct ink_ctl;

/* ENOENT: the module isn't loaded. */
struct ink_ctl *ink_ctl_open(void);
void ink_ctl_close(struct ink_ctl *ctl);

/**
 * struct ink_model_info - a model as the kernel holds it
 * @digest: its name
 * @name: from its card
 * @version: from its card
 * @isa: instruction set that runs it
 * @n_classes: of @classes
 * @classes: names, the harmless one first
 * @generation: its number among the models that were loaded into the slot
 * @input_size: bytes of an input
 * @output_size: bytes of an output
 * @threshold: that it carries
 * @threshold_used: its threshold in this slot
 * @arena: bytes of working memory of one run
 * @contexts: mask of INKLING_CTX_* whose budget it keeps
 * @head: enum inkling_head, or INK_HEAD_UNKNOWN when the kernel doesn't say
 * @schema: of its inputs
 * @macs: multiply-accumulates of one run
 * @bytes: kernel memory that it holds
 * @cost_simd: upper estimate of a run in ns with vector instructions
 * @cost_scalar: the same without
 */
struct ink_model_info {
	uint8_t digest[INKLING_DIGEST_SIZE];
	char name[64];
	char version[32];
	char isa[16];
	uint32_t n_classes;
	char classes[INKLING_MAX_CLASSES][32];
	uint32_t generation;
	uint32_t input_size;
	uint32_t output_size;
	int32_t threshold;
	int32_t threshold_used;
	uint32_t arena;
	uint32_t contexts;
	uint32_t head;
	uint64_t schema;
	uint64_t macs;
	uint64_t bytes;
	uint64_t cost_simd;
	uint64_t cost_scalar;
};

#define INK_HEAD_UNKNOWN	0xffffffffu

#define INK_STAT_ERRORS		16
#define INK_STAT_BUCKETS	32

/* How often something went wrong, and what. */
struct ink_reason {
	char reason[32];
	uint64_t count;
};

/**
 * struct ink_slot_stats - counters since the slot was made
 * @runs: that gave a verdict
 * @scalar: of these, without vectors although the model has them
 * @n_errors: of @errors
 * @errors: runs that failed, by reason
 * @verdicts: by class
 * @actioned: of these, those with an action other than pass
 * @latency: entry i counts runs of 2^i to 2^(i+1)-1 ns; one run in 64 is timed
 * @scores: entry i counts scores of 2^(i-1) to 2^i-1, entry 0 those <= 0
 */
struct ink_slot_stats {
	uint64_t runs;
	uint64_t scalar;
	uint32_t n_errors;
	struct ink_reason errors[INK_STAT_ERRORS];
	uint64_t verdicts[INKLING_MAX_CLASSES];
	uint64_t actioned[INKLING_MAX_CLASSES];
	uint64_t latency[INK_STAT_BUCKETS];
	uint64_t scores[INK_STAT_BUCKETS];
};

/**
 * struct ink_shadow_info - a slot's shadow, compared with its current model
 * @model: that it is
 * @sample: it repeats one of so many runs
 * @runs: of the current model while the two are compared
 * @compared: of these, how many it has repeated
 * @disagreed: of these, those with different classes
 * @n_skipped: of @skipped
 * @skipped: runs that it should have repeated and could not, by reason
 * @n_classes: of @matrix and @actions
 * @matrix: runs by class of the current model, then class of the shadow
 * @actions: runs by class of the shadow, then by enum inkling_action that the
 *	slot had for it
 * @differences: entry i counts scores that differ by 2^(i-1) to 2^i-1, entry 0
 *	equal ones
 * @difference: sum of the differences of the scores
 */
struct ink_shadow_info {
	struct ink_model_info model;
	uint32_t sample;
	uint32_t n_skipped;
	uint32_t n_classes;
	uint64_t runs;
	uint64_t compared;
	uint64_t disagreed;
	struct ink_reason skipped[INK_STAT_ERRORS];
	uint64_t matrix[INKLING_MAX_CLASSES][INKLING_MAX_CLASSES];
	uint64_t actions[INKLING_MAX_CLASSES][INKLING_ACTION_DROP + 1];
	uint64_t differences[INK_STAT_BUCKETS];
	uint64_t difference;
};

/**
 * struct ink_slot - a slot as the kernel describes it; made by the library only
 * @next: in a list
 * @name: of the slot
 * @id: that kfuncs take
 * @contexts: mask of INKLING_CTX_* it may be called from
 * @mode: enum inkling_mode
 * @uid: owner
 * @gid: group
 * @perm: as of a file
 * @threshold: of the current model
 * @event: in a notification: INKLING_CMD_* that caused it, else 0
 * @has_model: @model is valid
 * @has_previous: @previous is valid
 * @has_shadow: @shadow is valid
 * @action: enum inkling_action by class
 * @model: what runs now
 * @previous: what a rollback brings back
 * @shadow: what promote makes the current model
 * @stats: counters
 */
struct ink_slot {
	struct ink_slot *next;
	char name[INKLING_SLOT_NAME_MAX];
	uint32_t id;
	uint32_t contexts;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t perm;
	int32_t threshold;
	uint32_t event;
	bool has_model;
	bool has_previous;
	bool has_shadow;
	uint8_t action[INKLING_MAX_CLASSES];
	struct ink_model_info model;
	struct ink_model_info previous;
	struct ink_shadow_info shadow;
	struct ink_slot_stats stats;
};

/* All slots, or one; NULL with errno 0 when there are none. */
struct ink_slot *ink_slot_list(struct ink_ctl *ctl);
struct ink_slot *ink_slot_get(struct ink_ctl *ctl, const char *name);
void ink_slot_free(struct ink_slot *slots);	/* and all that follow it */

enum {
	INK_SET_MODE = 1 << 0,
	INK_SET_THRESHOLD = 1 << 1,		/* of the current model; not of a new slot */
	INK_SET_THRESHOLD_DEFAULT = 1 << 2,	/* back to the model's */
	INK_SET_UID = 1 << 3,
	INK_SET_GID = 1 << 4,
	INK_SET_PERM = 1 << 5,
};

/**
 * struct ink_slot_change - what to set; zero it, then fill in
 * @set: mask of INK_SET_*
 * @mode: enum inkling_mode
 * @threshold: score
 * @uid: owner
 * @gid: group
 * @perm: as of a file
 * @classes: mask of the classes whose @action is set
 * @action: enum inkling_action by class
 */
struct ink_slot_change {
	uint32_t set;
	uint32_t mode;
	int32_t threshold;
	uint32_t uid;
	uint32_t gid;
	uint32_t perm;
	uint32_t classes;
	uint8_t action[INKLING_MAX_CLASSES];
};

/**
 * ink_slot_new() - create a slot
 * @ctl: open
 * @name: of the slot
 * @contexts: mask of INKLING_CTX_*, fixed from then on
 * @change: mode, owner, group and permissions; may be NULL
 * @id: set unless NULL
 */
int ink_slot_new(struct ink_ctl *ctl, const char *name, uint32_t contexts,
		 const struct ink_slot_change *change, uint32_t *id);
int ink_slot_del(struct ink_ctl *ctl, const char *name);
int ink_slot_set(struct ink_ctl *ctl, const char *name, const struct ink_slot_change *change);
int ink_slot_rollback(struct ink_ctl *ctl, const char *name);
/* Make the shadow the current model; -ENODATA without one. */
int ink_slot_promote(struct ink_ctl *ctl, const char *name);
/* Remove the shadow; -ENODATA without one. */
int ink_slot_shadow_drop(struct ink_ctl *ctl, const char *name);

/**
 * ink_load() - load an image into a slot, which has to exist
 * @ctl: open
 * @image: bytes of a .ink file
 * @size: their number
 * @slot: name
 * @schema: refuse a model with another schema; NULL: any
 * @progress: called now and then; may be NULL
 * @arg: for @progress
 * @generation: number of the model in its slot, set unless NULL
 *
 * The kernel verifies it; ink_failure_last() has what it said.
 */
int ink_load(struct ink_ctl *ctl, const void *image, size_t size, const char *slot,
	     const uint64_t *schema,
	     void (*progress)(void *arg, size_t done, size_t total), void *arg,
	     uint32_t *generation);

enum {
	INK_LOAD_SCHEMA = 1 << 0,
	INK_LOAD_THRESHOLD = 1 << 1,
	INK_LOAD_SHADOW = 1 << 2,	/* as the shadow, not as the current model */
};

/**
 * struct ink_load_options - how a model goes into a slot; zero it, then fill in
 * @set: mask of INK_LOAD_*
 * @threshold: of the model in the slot, instead of the one that it carries
 * @schema: refuse a model with another one
 * @sample: the shadow repeats one of so many runs; 0: as the kernel chooses
 */
struct ink_load_options {
	uint32_t set;
	int32_t threshold;
	uint64_t schema;
	uint32_t sample;
};

/* As ink_load(), with more to choose. */
int ink_load_with(struct ink_ctl *ctl, const void *image, size_t size, const char *slot,
		  const struct ink_load_options *options,
		  void (*progress)(void *arg, size_t done, size_t total), void *arg,
		  uint32_t *generation);

/* The same in steps. Closing @ctl drops an image that wasn't committed. */
int ink_load_begin(struct ink_ctl *ctl, uint32_t size, const uint8_t digest[INKLING_DIGEST_SIZE]);
int ink_load_chunk(struct ink_ctl *ctl, uint32_t offset, const void *data, uint32_t size);
int ink_load_commit(struct ink_ctl *ctl, const char *slot, const uint64_t *schema,
		    uint32_t *generation);
int ink_load_commit_with(struct ink_ctl *ctl, const char *slot,
			 const struct ink_load_options *options, uint32_t *generation);
int ink_load_abort(struct ink_ctl *ctl);

/* Changes of slots as they happen; needs CAP_NET_ADMIN. */
struct ink_watch;
struct ink_watch *ink_watch_open(void);
void ink_watch_close(struct ink_watch *watch);
int ink_watch_fd(const struct ink_watch *watch);	/* readable: call the next */
/* Waits unless the descriptor is non-blocking; NULL with errno, ENOBUFS: some were lost. */
struct ink_slot *ink_watch_next(struct ink_watch *watch);

#ifdef __cplusplus
}
#endif

#endif /* INKLING_H */
