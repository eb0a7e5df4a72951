/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: each run and each load.
 *
 * What lives here: their definitions. What doesn't: counters (stats.c).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM inkling

#if !defined(INK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define INK_TRACE_H

#include <linux/tracepoint.h>
#include <linux/inkling.h>

TRACE_EVENT(run,
	TP_PROTO(u32 slot, const struct inkling_verdict *verdict, u32 context, u64 ns,
		 bool scalar),
	TP_ARGS(slot, verdict, context, ns, scalar),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(u32, generation)
		__field(u32, class)
		__field(s32, score)
		__field(u8, action)
		__field(u8, mode)
		__field(u8, context)
		__field(bool, scalar)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->generation = verdict->generation;
		__entry->class = verdict->class;
		__entry->score = verdict->score;
		__entry->action = verdict->action;
		__entry->mode = verdict->mode;
		__entry->context = context;
		__entry->scalar = scalar;
		__entry->ns = ns;
	),
	TP_printk("slot=%#x generation=%u class=%u score=%d action=%s mode=%s context=%s ns=%llu%s",
		  __entry->slot, __entry->generation, __entry->class, __entry->score,
		  __print_symbolic(__entry->action,
				   { INKLING_ACTION_PASS, "pass" },
				   { INKLING_ACTION_ALERT, "alert" },
				   { INKLING_ACTION_DROP, "drop" }),
		  __print_symbolic(__entry->mode,
				   { INKLING_MODE_OFF, "off" },
				   { INKLING_MODE_MONITOR, "monitor" },
				   { INKLING_MODE_ENFORCE, "enforce" }),
		  __print_symbolic(__entry->context,
				   { INKLING_CTX_TASK, "task" },
				   { INKLING_CTX_SOFTIRQ, "softirq" },
				   { INKLING_CTX_HARDIRQ, "hardirq" }),
		  __entry->ns, __entry->scalar ? " scalar" : "")
);

TRACE_EVENT(load,
	TP_PROTO(const char *slot, const u8 *digest, u32 size, u32 rule, int err,
		 u32 generation),
	TP_ARGS(slot, digest, size, rule, err, generation),
	TP_STRUCT__entry(
		__array(char, slot, INKLING_SLOT_NAME_MAX)
		__array(u8, digest, 32)
		__field(u32, size)
		__field(u32, rule)
		__field(int, err)
		__field(u32, generation)
	),
	TP_fast_assign(
		strscpy(__entry->slot, slot, sizeof(__entry->slot));
		memcpy(__entry->digest, digest, sizeof(__entry->digest));
		__entry->size = size;
		__entry->rule = rule;
		__entry->err = err;
		__entry->generation = generation;
	),
	TP_printk("slot=%s digest=%*phN size=%u rule=%u err=%d generation=%u",
		  __entry->slot, 32, __entry->digest, __entry->size, __entry->rule,
		  __entry->err, __entry->generation)
);

#endif /* INK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
