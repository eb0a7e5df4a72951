/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the module know of each other, one section for each file.
 *
 * What lives here: the structures that a run goes through (slot, model,
 * session) and the functions between files. What doesn't: the engine's
 * interface (core/core.h), and what userspace sees (uapi).
 *
 * Who protects what:
 *   ink_slots_lock	the table and names of slots and all that is configured
 *			in them; publishes models
 *   RCU		looking up a slot by id, its current model and its shadow
 *   refcounts		slots (sessions), models (slots, long runs), shadows (slots,
 *			runs that they repeat); what RCU readers may still see is
 *			freed after a grace period
 *   ink_loads_lock	half-loaded images (private to load.c)
 * The two mutexes are never held together.
 */
#ifndef INK_H
#define INK_H

#include <linux/cred.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/uio.h>
#include <linux/workqueue.h>
#include "core.h"

struct file;
struct ink_session;
struct io_uring_cmd;
struct net;
struct sk_buff;
struct vm_area_struct;

/* main.c */

extern struct workqueue_struct *ink_wq;	/* frees models; may sleep */
extern enum ink_isa ink_isa;		/* best one of this CPU */

/* Tell the caller why, and what to do; doors pass the text on. */
#define ink_explain(why, fmt, ...) \
	scnprintf((why)->text, sizeof((why)->text), fmt, ##__VA_ARGS__)

/* model.c: immutable models and the working memory of their runs */

/* Where a run was interrupted from: at most one run on a CPU at each. */
enum ink_level {
	INK_LEVEL_TASK,
	INK_LEVEL_SOFTIRQ,
	INK_LEVEL_HARDIRQ,
	INK_LEVEL_NR,
};

/**
 * struct ink_cpu_arenas - arenas of one model on one CPU
 * @busy: bit for each level whose arena is in use
 * @level: arenas; NULL for levels that the model's slot isn't called from
 */
struct ink_cpu_arenas {
	unsigned long busy;
	void *level[INK_LEVEL_NR];
};

/**
 * struct ink_arenas - working memory for callers that can't allocate
 * @cpus: arenas of each CPU
 * @bytes: all of them
 * @size: of one
 * @roaming: a run may take that of another CPU when its own isn't free
 */
struct ink_arenas {
	struct ink_cpu_arenas __percpu *cpus;
	u64 bytes;
	u32 size;
	bool roaming;
};

/**
 * struct ink_model - a verified model, in one slot
 * @refs: of the slot (as current or previous), of its shadow and of runs that
 *	may sleep
 * @free_work: frees it after a grace period, in a task
 * @image: owned
 * @graph: owned, points into @image
 * @plan: owned, points into both
 * @arenas: for the runs in which it is the current model
 * @generation: number in its slot, set when it is loaded
 * @threshold: score from which on an input isn't class 0
 *
 * Nothing in it changes once published, but @threshold: so a run has the
 * threshold that goes with the model from one and the same pointer.
 */
struct ink_model {
	refcount_t refs;
	struct rcu_work free_work;
	void *image;
	struct ink_graph *graph;
	struct ink_plan *plan;
	struct ink_arenas arenas;
	u32 generation;
	s32 threshold;
};

struct ink_model *ink_model_create(void *image, size_t size, struct ink_why *why);
int ink_model_add_arenas(struct ink_model *model, u32 contexts);
void ink_model_set_threshold(struct ink_model *model, s64 threshold);
void ink_model_release(struct ink_model *model);
u64 ink_model_bytes(const struct ink_model *model);
int ink_arenas_init(struct ink_arenas *arenas, const struct ink_plan *plan, u32 contexts);
void ink_arenas_free(struct ink_arenas *arenas);
void *ink_arena_claim(const struct ink_arenas *arenas, enum ink_level level,
		      struct ink_cpu_arenas **owner);
void ink_arena_release(struct ink_cpu_arenas *owner, enum ink_level level);

/* Take a reference to a model that RCU protects; false when it is about to be freed. */
static inline bool ink_model_get(struct ink_model *model)
{
	return refcount_inc_not_zero(&model->refs);
}

/* Drop a reference; NULL is fine. Context: any but NMI. */
static inline void ink_model_put(struct ink_model *model)
{
	if (model && refcount_dec_and_test(&model->refs))
		ink_model_release(model);
}

/* True when each run is short enough to keep preemption off meanwhile. */
static inline bool ink_plan_is_short(const struct ink_plan *plan)
{
	return plan->contexts & INKLING_CTX_SOFTIRQ;
}

/* stats.c: counters of a slot */

/* Why a run gave no verdict; names are in ink_error_names. */
enum ink_error {
	INK_ERROR_NMI,
	INK_ERROR_CONTEXT,	/* the slot isn't for this context */
	INK_ERROR_NO_MODEL,
	INK_ERROR_SIZE,		/* input or output isn't of the model's size */
	INK_ERROR_ARENA,	/* none free: a run inside of a run */
	INK_ERROR_NOFPU,	/* vectors unusable and too slow without */
	INK_ERROR_FAULT,	/* user memory unreadable */
	INK_ERROR_SIGNAL,	/* stopped by a fatal signal */
	INK_ERROR_RANGE,	/* not within the shared or registered buffer */
	INK_ERROR_CANCEL,	/* an io_uring command was cancelled */
	INK_ERROR_NR,
};

#define INK_HISTOGRAM	32
#define INK_TIME_EVERY	64	/* runs of a CPU: the first of so many is timed */

/* Sums of all CPUs, or the share of one. */
struct ink_stats {
	u64 runs;
	u64 scalar;
	u64 errors[INK_ERROR_NR];
	u64 verdicts[INKLING_MAX_CLASSES];
	u64 actioned[INKLING_MAX_CLASSES];
	u64 latency[INK_HISTOGRAM];
	u64 scores[INK_HISTOGRAM];
};

extern const char * const ink_error_names[INK_ERROR_NR];

void ink_stats_time(struct ink_stats __percpu *stats, u64 ns);
void ink_counters_sum(const void __percpu *counters, void *sum, size_t size);

static inline void ink_stats_error(struct ink_stats __percpu *stats, enum ink_error error)
{
	this_cpu_inc(stats->errors[error]);
}

/**
 * ink_stats_run() - count a run that gave a verdict
 * @stats: of the slot
 * @verdict: that was given
 * @scalar: it had to do without the vectors that its plan would use
 */
static inline void ink_stats_run(struct ink_stats __percpu *stats,
				 const struct inkling_verdict *verdict, bool scalar)
{
	u32 class = verdict->class;

	this_cpu_inc(stats->runs);
	if (scalar)
		this_cpu_inc(stats->scalar);
	this_cpu_inc(stats->verdicts[class]);
	if (verdict->action != INKLING_ACTION_PASS)
		this_cpu_inc(stats->actioned[class]);
	this_cpu_inc(stats->scores[verdict->score > 0 ? (u32)fls(verdict->score) : 0]);
}

/* slot.c: named service points */

#define INK_THRESHOLD_OF_MODEL	S64_MIN		/* the one that it carries */

/**
 * struct ink_slot - a named service point
 * @refs: of the table and of sessions
 * @rcu: frees it after a grace period
 * @id: index | generation of the index << 12
 * @contexts: mask of INKLING_CTX_*, fixed
 * @model: current one; NULL before the first load
 * @shadow: repeats some of its runs; NULL when there is none
 * @stats: per CPU
 * @dead: was deleted
 * @mode: enum inkling_mode
 * @action: enum inkling_action, by class
 * @name: fixed
 * @previous: what a rollback brings back
 * @published: models that were loaded into it
 * @schema: fixed by the first model, like the sizes
 * @input_size: in bytes
 * @output_size: in bytes
 * @tokens: most of a call, if the input is a sequence
 * @uid: owner
 * @gid: group
 * @perm: as of a file; read is to see it, execute is to run it
 *
 * What stands before @name is read by runs without a lock and written with
 * WRITE_ONCE(); the rest is only touched under ink_slots_lock.
 */
struct ink_slot {
	refcount_t refs;
	struct rcu_head rcu;
	u32 id;
	u32 contexts;
	struct ink_model __rcu *model;
	struct ink_shadow __rcu *shadow;
	struct ink_stats __percpu *stats;
	bool dead;
	u8 mode;
	u8 action[INKLING_MAX_CLASSES];
	char name[INKLING_SLOT_NAME_MAX];
	struct ink_model *previous;
	u32 published;
	u64 schema;
	u32 input_size;
	u32 output_size;
	u32 tokens;
	kuid_t uid;
	kgid_t gid;
	umode_t perm;
};

/* What to change in a slot; set_* say which of the others count. */
struct ink_slot_change {
	bool set_mode, set_threshold, set_uid, set_gid, set_perm;
	u8 mode;
	s64 threshold;			/* or INK_THRESHOLD_OF_MODEL */
	kuid_t uid;
	kgid_t gid;
	umode_t perm;
	u32 classes;			/* mask of those whose action is set */
	u8 action[INKLING_MAX_CLASSES];
};

extern struct mutex ink_slots_lock;

int ink_slots_init(void);
void ink_slots_exit(void);
struct ink_slot *ink_slot_find(const char *name);
struct ink_slot *ink_slot_by_index(u32 index);
struct ink_slot *ink_slot_by_id(u32 id);
int ink_slot_new(const char *name, u32 contexts, const struct ink_slot_change *change,
		 u32 *id, struct ink_why *why);
int ink_slot_del(const char *name, struct ink_why *why);
int ink_slot_set(const char *name, const struct ink_slot_change *change, struct ink_why *why);
bool ink_slot_permits(const struct ink_slot *slot, const struct cred *cred, umode_t want);
void ink_slot_put(struct ink_slot *slot);
struct ink_slot *ink_slot_find_or_explain(const char *name, struct ink_why *why);

static inline struct ink_model *ink_slot_model(const struct ink_slot *slot)
{
	return rcu_dereference_protected(slot->model, lockdep_is_held(&ink_slots_lock));
}

static inline struct ink_shadow *ink_slot_shadow(const struct ink_slot *slot)
{
	return rcu_dereference_protected(slot->shadow, lockdep_is_held(&ink_slots_lock));
}

/* publish.c: which models a slot has */

int ink_slot_publish(const char *name, struct ink_model *model, u32 sample, struct ink_why *why);
int ink_slot_rollback(const char *name, struct ink_why *why);
int ink_slot_promote(const char *name, struct ink_why *why);
int ink_slot_shadow_drop(const char *name, struct ink_why *why);

/* load.c: images on their way in */

#define INK_SAMPLE_DEFAULT	8

/* How a loaded image becomes a model of its slot. */
struct ink_load_options {
	const u64 *schema;	/* that it has to have, or NULL */
	s64 threshold;		/* or INK_THRESHOLD_OF_MODEL */
	u32 sample;		/* a shadow that repeats one of so many runs; 0: the current model */
};

int ink_loads_init(void);
void ink_loads_exit(void);
int ink_load_begin(const struct net *net, u32 portid, u32 size, const u8 *digest,
		   struct ink_why *why);
int ink_load_chunk(const struct net *net, u32 portid, u32 offset, const void *data, u32 size,
		   struct ink_why *why);
struct ink_model *ink_load_commit(const struct net *net, u32 portid, const char *slot,
				  const struct ink_load_options *options, struct ink_why *why);
int ink_load_abort(const struct net *net, u32 portid, struct ink_why *why);

/* shadow.c: a model that repeats runs of the current one */

/* Why a run wasn't repeated; names are in ink_skip_names. */
enum ink_skip {
	INK_SKIP_ARENA,		/* none free */
	INK_SKIP_NOFPU,		/* vectors unusable and too slow without */
	INK_SKIP_BUDGET,	/* with the current model, too slow for the context */
	INK_SKIP_SIGNAL,	/* stopped by a fatal signal */
	INK_SKIP_INPUT,		/* a sequence that wasn't accepted */
	INK_SKIP_NR,
};

/* Sums of all CPUs, or the share of one. */
struct ink_shadow_stats {
	u64 runs;		/* of the current model */
	u64 skipped[INK_SKIP_NR];
	u64 matrix[INKLING_MAX_CLASSES][INKLING_MAX_CLASSES];	/* of the current, of the shadow */
	u64 actions[INKLING_MAX_CLASSES][INKLING_ACTION_DROP + 1];	/* of the shadow */
	u64 differences[INK_HISTOGRAM];
	u64 difference;		/* sum */
};

/**
 * struct ink_shadow - a model that repeats one of so many runs of its slot
 * @refs: of the slot and of runs that are repeated
 * @free_work: frees it after a grace period, in a task
 * @model: with a reference
 * @arenas: not the model's own: when it is promoted none of them is still in use
 * @stats: per CPU; they only ever grow
 * @sample: one of so many
 * @against: generation of the model that it is compared with
 * @base: what @stats were when that model became the current one
 * @sum: room for the sums while ink_slots_lock is held, as is @base
 */
struct ink_shadow {
	refcount_t refs;
	struct rcu_work free_work;
	struct ink_model *model;
	struct ink_arenas arenas;
	struct ink_shadow_stats __percpu *stats;
	u32 sample;
	u32 against;
	struct ink_shadow_stats base;
	struct ink_shadow_stats sum;
};

/* What a run has taken for its repetition; nothing while @shadow is NULL. */
struct ink_sample {
	struct ink_shadow *shadow;
	struct ink_cpu_arenas *owner;
	void *arena;
	u8 level;
	u8 isa;
};

extern const char * const ink_skip_names[INK_SKIP_NR];

struct ink_call;
struct ink_shadow *ink_shadow_create(struct ink_model *model, u32 contexts, u32 sample);
void ink_shadow_put(struct ink_shadow *shadow);
void ink_shadow_restart(struct ink_shadow *shadow, u32 generation);
const struct ink_shadow_stats *ink_shadow_sum(struct ink_shadow *shadow);
const void *ink_shadow_begin(struct ink_call *call, enum ink_level level, const void *in);
void ink_shadow_end(struct ink_call *call, bool may_sleep);
void ink_shadow_cancel(struct ink_call *call, enum ink_skip why);

/* run.c: the one way in */

/**
 * struct ink_call - one run
 * @slot: that is asked
 * @model: that answers
 * @context: one of INKLING_CTX_*
 * @start: ktime_get_mono_fast_ns() when it began, 0: it isn't timed
 * @scalar: the vectors weren't usable
 * @verdict: set
 * @sample: for the shadow
 */
struct ink_call {
	struct ink_slot *slot;
	struct ink_model *model;
	u32 context;
	u64 start;
	bool scalar;
	struct inkling_verdict verdict;
	struct ink_sample sample;
};

int ink_run_atomic(u32 slot_id, const void *in, u32 in_size, void *out, u32 out_size,
		   struct inkling_verdict *verdict);
void ink_call_share(struct ink_call *call, u32 n);
u64 ink_context_budget(u32 context);

/**
 * ink_sample_begin() - set an input aside for the shadow, when it is its turn
 * @call: that will give a verdict, whatever comes
 * @level: of the caller
 * @in: the input, perhaps changing
 *
 * Context: any but NMI.
 * Return: what the run has to read instead of @in, so that both models see the
 * same bytes; @in itself when nothing was set aside.
 */
static inline const void *ink_sample_begin(struct ink_call *call, enum ink_level level,
					   const void *in)
{
	if (likely(!rcu_access_pointer(call->slot->shadow)))
		return in;
	return ink_shadow_begin(call, level, in);
}

/* When caller and statistics have the verdict: run what was set aside. */
static inline void ink_sample_end(struct ink_call *call, bool may_sleep)
{
	if (unlikely(call->sample.shadow))
		ink_shadow_end(call, may_sleep);
}

/* buffer.c: memory that a session shares with processes */

/**
 * struct ink_buffer - pages that the kernel and processes see
 * @data: where the kernel sees them; changes at any time
 * @size: bytes, whole pages
 * @pages: owned
 */
struct ink_buffer {
	void *data;
	u32 size;
	struct page **pages;
};

struct ink_buffer *ink_buffer_create(u64 size);
void ink_buffer_free(struct ink_buffer *buffer);
int ink_buffer_mmap(struct ink_buffer *buffer, struct vm_area_struct *vma);

/**
 * ink_buffer_range() - where a range of it is
 * @buffer: or NULL
 * @offset: from outside
 * @size: bytes from there on
 *
 * Return: the address for the kernel, or NULL when it isn't wholly within. Not
 * even a mistaken branch gets an address elsewhere.
 */
static inline void *ink_buffer_range(const struct ink_buffer *buffer, u64 offset, u64 size)
{
	u64 limit;

	if (!buffer || size > buffer->size)
		return NULL;
	limit = buffer->size - size + 1;
	if (offset >= limit)
		return NULL;
	return buffer->data + array_index_nospec(offset, limit);
}

/* session.c: an open file bound to a slot */

/* Whose addresses a batch has. */
enum ink_memory {
	INK_MEMORY_USER,	/* the calling process's */
	INK_MEMORY_BUFFER,	/* within the session's buffer */
	INK_MEMORY_REGISTERED,	/* of a buffer that was registered with io_uring */
};

/* As in commands of io_uring, but that verdicts are asked for there by not declining them. */
#define INK_WANT_OUTPUTS	INKLING_URING_OUTPUTS
#define INK_WANT_VERDICTS	INKLING_URING_NO_VERDICTS

#define INK_INLINE_NS	200000	/* a batch that costs more isn't run by who can't wait */

/**
 * struct ink_batch - inputs for one model
 * @check: called once the model is known, but for @user: are sizes and places
 *	right? Sets the places. @buffer is the session's, or NULL. -EINVAL a size,
 *	-ERANGE a place
 * @memory: which of @user, @buffer and @registered counts
 * @want: INK_WANT_*; of @user, each that has an address is wanted
 * @count: inputs; 0 is refused
 * @nowait: don't sleep, nor take long: -EAGAIN
 * @worker: the caller is an io-wq worker
 * @done: set: inputs that were run
 * @generation: set: of the model
 * @user: addresses of the calling process, of what comes next, and sizes
 * @buffer: addresses within the session's buffer, of what comes next
 * @registered: what is left of ranges of a registered buffer
 */
struct ink_batch {
	int (*check)(struct ink_batch *batch, const struct ink_buffer *buffer,
		     const struct ink_plan *plan);
	enum ink_memory memory;
	u32 want;
	u32 count;
	bool nowait;
	bool worker;
	u32 done;
	u32 generation;
	union {
		struct inkling_run user;
		struct {
			void *inputs, *outputs, *verdicts;
		} buffer;
		struct {
			struct iov_iter inputs, outputs, verdicts;
		} registered;
	};
};

/**
 * struct ink_generation - a text to be continued
 * @batch: how: @check sets @prompt and @tokens where @memory is the buffer
 * @ask: what
 * @prompt: in the session's buffer
 * @tokens: likewise
 */
struct ink_generation {
	struct ink_batch batch;
	struct inkling_generate ask;
	const void *prompt;
	void *tokens;
};

struct ink_session *ink_session_create(void);
void ink_session_free(struct ink_session *session);
int ink_session_bind(struct ink_session *session, const char *name, u64 buffer_size,
		     const struct file *file);
struct ink_buffer *ink_session_buffer(struct ink_session *session);
int ink_session_info(struct ink_session *session, struct inkling_info *info);
int ink_session_run(struct ink_session *session, struct ink_batch *batch);

/* generate.c: language models */
int ink_session_reset(struct ink_session *session, u32 tokens);
int ink_session_fork(struct ink_session *to, struct ink_session *from, u32 tokens);
int ink_session_generate(struct ink_session *session, struct ink_generation *gen);

/* doors: cdev.c, uring.c, netlink.c, netlink_msg.c, kfunc.c */

#define INK_SLOT_MESSAGE	12288	/* bytes, enough for any slot */

int ink_cdev_init(void);
void ink_cdev_exit(void);
int ink_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
int ink_netlink_init(void);
void ink_netlink_exit(void);
void ink_netlink_notify(const struct ink_slot *slot, u32 event);
int ink_netlink_put_slot(struct sk_buff *skb, const struct ink_slot *slot, u32 event);
int ink_kfunc_init(void);

#endif /* INK_H */
