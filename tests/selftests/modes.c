// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modes, thresholds, actions, and what is counted of them.
 */
#include "st.h"

#define N	400

static struct image flow;
static struct ink_ctl *ctl;
static struct ink_session *session;
static u8 *inputs;
static struct inkling_verdict expected[N];
static u8 outputs[N * 6];

static void set(const struct ink_slot_change *change)
{
	if (ink_slot_set(ctl, "modes", change))
		st_bail("set: %s", ink_failure_last()->text);
}

static void run(u8 *out, struct inkling_verdict *v)
{
	if (ink_session_run_batch(session, N, inputs, 12, out, out ? 6 : 0, v))
		st_bail("run: %s", ink_failure_last()->text);
}

static void off(void)
{
	struct ink_slot_change c = { .set = INK_SET_MODE, .mode = INKLING_MODE_OFF };
	u64 before = st_stats(ctl, "modes").runs;
	struct inkling_verdict v[N];
	u8 out[N * 6];
	u32 i, good = 0, zero = 0;

	set(&c);
	memset(out, 0xff, sizeof(out));
	memset(v, 0xff, sizeof(v));
	run(out, v);
	for (i = 0; i < N; i++)
		good += !v[i].class && !v[i].score && v[i].action == INKLING_ACTION_PASS &&
			v[i].mode == INKLING_MODE_OFF && !v[i].flags && v[i].generation == 1;
	for (i = 0; i < sizeof(out); i++)
		zero += !out[i];
	st_is(good, N, "off: every verdict is pass");
	st_is(zero, N * 6, "off: outputs are zeros");
	st_is(st_stats(ctl, "modes").runs, before, "off: nothing was run");
}

static void on(u32 mode, const char *name)
{
	struct ink_slot_change c = { .set = INK_SET_MODE, .mode = mode };
	struct inkling_verdict v[N];
	u8 out[N * 6];
	u32 i, good = 0;

	set(&c);
	run(out, v);
	for (i = 0; i < N; i++)
		good += v[i].class == expected[i].class && v[i].score == expected[i].score &&
			v[i].mode == mode;
	st_is(good, N, "%s: verdicts", name);
	st_ok(!memcmp(out, outputs, sizeof(out)), "%s: outputs", name);
}

static void threshold(void)
{
	struct ink_slot_change c = { .set = INK_SET_THRESHOLD };
	struct ink_model *model = ink_model_open_image(flow.p, flow.size);
	struct inkling_verdict v[N], want;
	s32 t;
	u32 i, good, harmful;

	for (t = 0; t <= 40000; t += 10000) {
		c.threshold = t;
		set(&c);
		run(NULL, v);
		for (i = good = harmful = 0; i < N; i++) {
			ink_model_verdict(model, outputs + 6 * i, t, &want);
			good += v[i].class == want.class && v[i].score == want.score;
			harmful += v[i].class != 0;
		}
		st_is(good, N, "threshold %d: %u aren't class 0", t, harmful);
		if (t == 0 || t == 40000)
			st_is(harmful, t ? 0 : N, "threshold %d: all or none", t);
	}
	c.set = INK_SET_THRESHOLD_DEFAULT;
	set(&c);
	run(NULL, v);
	for (i = good = 0; i < N; i++)
		good += v[i].class == expected[i].class;
	st_is(good, N, "back to the model's own threshold");
	ink_model_close(model);
}

static void actions(void)
{
	struct ink_slot_change c = {
		.classes = 7,
		.action = { INKLING_ACTION_ALERT, INKLING_ACTION_DROP, INKLING_ACTION_PASS },
	};
	struct ink_slot_stats before = st_stats(ctl, "modes"), after;
	struct inkling_verdict v[N];
	u32 i, good = 0, by_class[3] = { 0 };

	set(&c);
	run(NULL, v);
	for (i = 0; i < N; i++) {
		good += v[i].action == c.action[v[i].class];
		by_class[v[i].class]++;
	}
	st_is(good, N, "each class has its action");
	after = st_stats(ctl, "modes");
	for (i = 0; i < 3; i++) {
		st_is(after.verdicts[i] - before.verdicts[i], by_class[i], "verdicts of class %u", i);
		st_is(after.actioned[i] - before.actioned[i], i == 2 ? 0 : by_class[i],
		      "class %u with an action", i);
	}
	st_ok(by_class[1] && by_class[0], "classes 0 and 1 are there");
}

static void counters(void)
{
	struct ink_slot_stats s;
	u64 latency = 0, scores[INK_STAT_BUCKETS] = { 0 }, sum = 0;
	struct inkling_verdict v[N];
	u32 i, same = 0;
	char bad[16];

	ink_session_close(session);
	st_slot_with(ctl, "modes", INKLING_CTX_TASK, &flow);
	session = ink_session_open("modes", INK_DEFAULTS);
	run(NULL, v);
	s = st_stats(ctl, "modes");
	st_is(s.runs, N, "runs are counted");
	for (i = 0; i < INK_STAT_BUCKETS; i++) {
		latency += s.latency[i];
		sum += s.scores[i];
	}
	st_ok(latency >= N / 64 && latency <= N / 64 + 2, "one run in 64 is timed: %llu",
	      (unsigned long long)latency);
	st_is(sum, N, "the score histogram adds up");
	st_ok(!s.latency[0] && !s.latency[31], "no run took 1 ns or 2 s");
	for (i = 0; i < N; i++)
		scores[v[i].score > 0 ? fls((u32)v[i].score) : 0]++;
	for (i = 0; i < INK_STAT_BUCKETS; i++)
		same += scores[i] == s.scores[i];
	st_is(same, INK_STAT_BUCKETS, "each score is in its bucket");
	ink_session_run(session, bad, 11, NULL, 0);
	ink_session_run_batch(session, 1, (void *)8, 12, NULL, 0, NULL);
	s = st_stats(ctl, "modes");
	st_is(st_error_count(&s, "size"), 1, "errors: size");
	st_is(st_error_count(&s, "fault"), 1, "errors: fault");
	st_is(st_error_count(&s, "nmi") + st_error_count(&s, "context") +
	      st_error_count(&s, "arena") + st_error_count(&s, "nofpu") +
	      st_error_count(&s, "signal") + st_error_count(&s, "no-model"), 0, "errors: no others");
	st_is(s.runs, N, "errors aren't runs");
}

int main(void)
{
	ctl = st_ctl();
	flow = model_image(MODEL_FLOW);
	inputs = st_inputs(&flow, 9, N);
	st_expect(&flow, inputs, N, outputs, expected);
	st_slot_with(ctl, "modes", INKLING_CTX_TASK, &flow);
	session = ink_session_open("modes", INK_DEFAULTS);
	if (!session)
		st_bail("session: %s", ink_failure_last()->text);
	on(INKLING_MODE_ENFORCE, "enforce");
	off();
	on(INKLING_MODE_MONITOR, "monitor");
	threshold();
	actions();
	counters();
	ink_session_close(session);
	ink_slot_del(ctl, "modes");
	ink_ctl_close(ctl);
	return st_done();
}
