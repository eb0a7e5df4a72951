/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all hook programs have: how often the slot answered with which errno, and
 * a limit for events.
 *
 * What lives here: one map and one rate, for the program that includes it after
 * <bpf/bpf_helpers.h>; and what tools have to know of them. What doesn't: what a
 * program looks at.
 */
#ifndef INK_HOOK_PROGRAM_H
#define INK_HOOK_PROGRAM_H

#define INK_HOOK_ERRNOS		136	/* above the greatest errno that a slot gives */
#define INK_HOOK_WINDOW		30	/* the window of rates: 2^30 ns = 1.07 s */

#ifdef __bpf__

const volatile __u32 ink_event_limit = 100;	/* in a window; set before the program is loaded */

/* By errno; the last entry takes the rest. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, INK_HOOK_ERRNOS);
	__type(key, __u32);
	__type(value, __u64);
} errors SEC(".maps");

/* How many events were sent in the current window. */
struct {
	__u32 window;
	__u32 sent;
} ink_event_rate;

static inline __attribute__((always_inline)) void ink_hook_error(int err)
{
	__u32 index = (__u32)-err;
	__u64 *n;

	if (index >= INK_HOOK_ERRNOS)
		index = INK_HOOK_ERRNOS - 1;
	n = bpf_map_lookup_elem(&errors, &index);
	if (n)
		(*n)++;
}

static inline __attribute__((always_inline)) int ink_event_allowed(__u64 now)
{
	__u32 window = (__u32)(now >> INK_HOOK_WINDOW);

	if (ink_event_rate.window != window) {
		ink_event_rate.window = window;
		ink_event_rate.sent = 0;
	}
	return __sync_fetch_and_add(&ink_event_rate.sent, 1) < ink_event_limit;
}

#endif /* __bpf__ */

#endif /* INK_HOOK_PROGRAM_H */
