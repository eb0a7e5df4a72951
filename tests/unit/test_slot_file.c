// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slot files and the steps that they come to.
 *
 * What lives here: tests of daemon/unit_*.c and todo*.c over texts and states
 * made here. What doesn't: the daemon at work (tests/selftests/inklingd.sh).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../daemon/todo.h"

#define MODEL	"models/wdbc.ink"

static bool parse(struct ink_unit *u, const char *text, struct ink_remarks *r)
{
	memset(r, 0, sizeof(*r));
	return ink_unit_parse(u, "/etc/inkling/slots.d/net.flow.slot", text, strlen(text), r);
}

static void test_whole(void **state)
{
	struct ink_remarks r;
	struct ink_unit u;

	assert_true(parse(&u, "# a comment\n[slot]\nmodel = /m.ink\n mode=enforce\nthreshold = 0.5\n"
			  "contexts=task,softirq\nperm=0750\naction.bad = drop\n\n[attach]\n"
			  "interface = eth0, ns:eth1 /sys/fs/cgroup/a.b/\nhook=tc\nallow=10.0.0.0/8 ::1\nallow = 192.0.2.1\n"
			  "event-limit=5\nflows=1000\nblock=60\non-error=drop\nexport=yes\n", &r));
	assert_string_equal(u.name, "net.flow");
	assert_string_equal(u.model, "/m.ink");
	assert_int_equal(u.mode, INKLING_MODE_ENFORCE);
	assert_int_equal(u.contexts, INKLING_CTX_TASK | INKLING_CTX_SOFTIRQ);
	assert_int_equal(u.perm, 0750);
	assert_int_equal(u.n_actions, 1);
	assert_int_equal(u.actions[0].action, INKLING_ACTION_DROP);
	assert_int_equal(u.n_targets, 3);
	assert_string_equal(u.targets[1], "ns:eth1");
	assert_string_equal(u.targets[2], "/sys/fs/cgroup/a.b");
	assert_int_equal(u.hook, INK_HOOK_TC);
	assert_int_equal(u.n_allow, 3);
	assert_int_equal(u.event_limit, 5);
	assert_int_equal(u.flows, 1000);
	assert_int_equal(u.block, 60);
	assert_true(u.fail_closed && u.export);
	ink_unit_clear(&u);
	assert_true(parse(&u, "[slot]\nmodel=/m.ink\n", &r));
	assert_int_equal(u.mode, INKLING_MODE_MONITOR);
	assert_false(u.attach || u.fail_closed || u.export);
	ink_unit_clear(&u);
}

/* Each of them is right but for one thing, whose line is named. */
static void test_refused(void **state)
{
#define S "[slot]\nmodel=/m.ink\n"
#define A S "[attach]\ninterface=eth0\n"
	static const struct { const char *text; unsigned int line; } bad[] = {
		{ "", 0 }, { "[slot]\nmode=off\n", 0 }, { "model=/m.ink\n", 1 }, { "[slots]\nmodel=/m.ink\n", 1 },
		{ S "mode=on\n", 3 }, { S "mood=off\n", 3 }, { S "model=/n.ink\n", 3 }, { "[slot]\nmodel=m.ink\n", 2 },
		{ S "threshold=\n", 3 }, { S "contexts=everywhere\n", 3 }, { S "perm=999\n", 3 },
		{ S "owner=nobody-of-that-name\n", 3 }, { S "action.bad=maybe\n", 3 }, { S "nonsense\n", 3 },
		{ S "[attach]\n", 0 }, { A "allow=10.0.0.1/8\n", 5 }, { A "flows=1\n", 5 }, { A "flows=x\n", 5 },
		{ A "event-limit=-1\n", 5 }, { A "hook=ebpf\n", 5 }, { A "on-error=panic\n", 5 },
		{ A "export=maybe\n", 5 }, { A "block=99999999\n", 5 }, { A "interface=eth1\n", 5 },
		{ S "[attach]\ninterface=a/b\n", 4 }, { A "[again]\n", 5 },
	};
	struct ink_remarks r;
	struct ink_unit u;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(parse(&u, bad[i].text, &r));
		if (r.n != 1 || r.items[0].line != bad[i].line)
			fail_msg("case %zu: %zu remarks, line %u: %s", i, r.n, r.n ? r.items[0].line : 0,
				 r.n ? r.items[0].text : "");
		ink_unit_clear(&u);
		ink_remarks_clear(&r);
	}
}

static void test_names(void **state)
{
	static const char text[] = "[slot]\nmodel=/m.ink\n";
	struct ink_remarks r = { 0 };
	struct ink_unit u;

	assert_false(ink_unit_parse(&u, "/x/Upper.slot", text, strlen(text), &r));
	ink_unit_clear(&u);
	assert_false(ink_unit_parse(&u, "/x/.slot", text, strlen(text), &r));
	ink_unit_clear(&u);
	assert_false(ink_unit_parse(&u, "/x/a.slot", "[slot]\nmodel=/m\0.ink\n", 21, &r));
	ink_unit_clear(&u);
	ink_remarks_clear(&r);
}

/* A unit whose model is a shipped one, as if its file had been read. */
static void unit_of(struct ink_config *c, const char *more)
{
	char path[600], text[1000];
	struct ink_remarks r;

	memset(c, 0, sizeof(*c));
	assert_non_null(getcwd(path, sizeof(path)));
	snprintf(text, sizeof(text), "[slot]\nmodel=%s/" MODEL "\n%s", path, more);
	c->units = ink_xalloc(1, sizeof(*c->units));
	c->n = 1;
	if (!parse(&c->units[0], text, &r) || !ink_unit_resolve(&c->units[0], "/nowhere", &r))
		fail_msg("%s", r.items[0].text);
}

static void kinds_are(const struct ink_todo *todo, const enum ink_step_kind *want, size_t n)
{
	size_t i;

	for (i = 0; i < todo->n && i < n; i++)
		if (todo->steps[i].kind != want[i])
			fail_msg("step %zu: %s", i, todo->steps[i].text);
	assert_int_equal(todo->n, n);
}

#define KINDS(todo, ...) do {							\
	static const enum ink_step_kind want[] = { __VA_ARGS__ };		\
	kinds_are(todo, want, sizeof(want) / sizeof(want[0]));			\
} while (0)

/* The slot as all steps of a unit leave it. */
static struct ink_slot slot_of(const struct ink_unit *u)
{
	const struct inkling_header *h = ink_model_header(u->opened);
	struct ink_slot s = {
		.id = 4097, .contexts = ink_unit_contexts(u), .mode = u->mode, .uid = u->uid,
		.gid = u->gid, .perm = u->perm, .has_model = true,
		.threshold = u->threshold ? u->score : h->threshold,
	};

	strcpy(s.name, u->name);
	memcpy(s.action, u->action, sizeof(s.action));
	memcpy(s.model.digest, h->digest, sizeof(s.model.digest));
	s.model.schema = h->schema;
	s.model.input_size = (uint32_t)ink_model_input_size(u->opened);
	s.model.output_size = (uint32_t)ink_model_output_size(u->opened);
	return s;
}

static void test_steps(void **state)
{
	struct ink_managed managed = { 0 };
	struct ink_actual actual = { 0 };
	struct ink_config c;
	struct ink_slot s;
	struct ink_todo t;

	unit_of(&c, "mode=enforce\naction.malignant=drop\nthreshold=0.75\n");
	/* Nothing is there: enforcing comes last. */
	ink_todo_make(&t, &c, &actual, &managed, NULL);
	KINDS(&t, INK_STEP_SLOT_NEW, INK_STEP_LOAD, INK_STEP_SLOT_SET, INK_STEP_SLOT_SET);
	assert_int_equal(t.steps[0].change.mode, INKLING_MODE_MONITOR);
	assert_int_equal(t.steps[3].change.set, INK_SET_MODE);
	assert_int_equal(t.steps[3].change.mode, INKLING_MODE_ENFORCE);
	ink_todo_clear(&t);
	/* All is there: nothing. */
	s = slot_of(&c.units[0]);
	actual.slots = &s;
	ink_todo_make(&t, &c, &actual, &managed, NULL);
	assert_int_equal(t.n, 0);
	ink_todo_clear(&t);
	/* Another model is there, which drops more: that ends before the load. */
	s.model.digest[0] ^= 1;
	s.action[0] = INKLING_ACTION_DROP;
	ink_todo_make(&t, &c, &actual, &managed, NULL);
	KINDS(&t, INK_STEP_SLOT_SET, INK_STEP_LOAD);
	assert_int_equal(t.steps[0].change.classes, 1);
	ink_todo_clear(&t);
	/* What was changed by hand holds while the slot is settled, and not after that. */
	s = slot_of(&c.units[0]);
	s.mode = INKLING_MODE_OFF;
	ink_names_add(&managed.slots, "net.flow");
	ink_todo_make(&t, &c, &actual, &managed, &managed.slots);
	assert_int_equal(t.n, 0);
	ink_todo_clear(&t);
	ink_todo_make(&t, &c, &actual, &managed, NULL);
	KINDS(&t, INK_STEP_SLOT_SET);
	ink_todo_clear(&t);
	ink_config_clear(&c);
	/* No file names it: it goes if one did. */
	ink_todo_make(&t, &c, &actual, &managed, NULL);
	KINDS(&t, INK_STEP_SLOT_DEL);
	ink_todo_clear(&t);
	ink_names_clear(&managed.slots);
	ink_todo_make(&t, &c, &actual, &managed, NULL);
	assert_int_equal(t.n, 0);
	assert_int_equal(t.notes.n, 1);
	ink_todo_clear(&t);
}

static void test_leaving_enforcement(void **state)
{
	struct ink_managed managed = { 0 };
	struct ink_actual actual = { 0 };
	struct ink_config c;
	struct ink_slot s;
	struct ink_todo t;

	unit_of(&c, "mode=monitor\n");
	s = slot_of(&c.units[0]);
	s.mode = INKLING_MODE_ENFORCE;
	s.model.digest[0] ^= 1;
	actual.slots = &s;
	ink_todo_make(&t, &c, &actual, &managed, NULL);
	KINDS(&t, INK_STEP_SLOT_SET, INK_STEP_LOAD);
	assert_int_equal(t.steps[0].change.set, INK_SET_MODE);
	assert_int_equal(t.steps[0].change.mode, INKLING_MODE_MONITOR);
	ink_todo_clear(&t);
	ink_config_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_leaving_enforcement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
