// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of features and the rules that label them.
 *
 * What lives here: tests of tools/attach/rows.c, labels.c and results.c. What
 * doesn't: how features come about (test_flow.c).
 */
#include "flow_bench.h"

#include <stdio.h>
#include <unistd.h>

#include "labels.h"
#include "results.h"
#include "rows.h"

static struct ink_flow_key a_key(const char *remote, unsigned int port, unsigned int proto)
{
	struct ink_flow_key key = { .remote_port = 40000 };
	struct ink_prefix p;

	assert_true(ink_prefix_parse(remote, &p));
	memcpy(key.remote, p.addr, 16);
	assert_true(ink_prefix_parse("192.0.2.1", &p));
	memcpy(key.local.addr, p.addr, 16);
	key.local.port = (__u16)port;
	key.local.proto = (__u8)proto;
	return key;
}

static struct ink_labels *labels_of(const char *text, int *code)
{
	char path[] = "/tmp/test_flow_rows.XXXXXX";
	struct ink_labels *labels;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	*code = 0;
	labels = ink_labels_read(path, code);
	unlink(path);
	return labels;
}

static void test_labels(void **state)
{
	struct ink_flow_key near = a_key("10.0.0.1", 80, 6), far = a_key("2001:db8::1", 53, 17);
	int code;
	struct ink_labels *l = labels_of("proto,remote,label,local_port,from,to\n"
					 "tcp,10.0.0.0/8,scan,80,100,200.5\n"
					 "17,,dns,,,\n"
					 ",10.0.0.1,late,,,\r\n", &code);

	assert_non_null(l);
	assert_string_equal(ink_labels_find(l, &near, 150 * SECOND, "none"), "scan");
	assert_string_equal(ink_labels_find(l, &near, 200 * SECOND + SECOND / 2, "none"), "scan");
	assert_string_equal(ink_labels_find(l, &near, 201 * SECOND, "none"), "late");
	assert_string_equal(ink_labels_find(l, &near, 99 * SECOND, "none"), "late");
	assert_string_equal(ink_labels_find(l, &far, 1, "none"), "dns");
	far.local.proto = 6;
	assert_string_equal(ink_labels_find(l, &far, 1, "none"), "none");
	assert_string_equal(ink_labels_find(NULL, &far, 1, "none"), "none");
	ink_labels_free(l);
}

/* Each of them is right but for one thing. */
static void test_labels_refused(void **state)
{
	static const char *const bad[] = {
		"", "remote\n10.0.0.1\n", "label,color\nx,red\n", "label,remote\nx,10.0.0.300\n",
		"label,remote\nx,10.0.0.1/8\n", "label,local_port\nx,65536\n",
		"label,proto\nx,sctpx\n", "label,from\nx,yesterday\n", "label,from\nx,-1\n",
		"label,remote\n,10.0.0.1\n", "label,remote\nx\n", "label\n\"a,b\"\n",
	};
	size_t i;
	int code;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(labels_of(bad[i], &code));
		assert_int_not_equal(code, INK_EXIT_OK);
	}
}

static struct ink_flow_event an_event(void)
{
	struct ink_flow_event e = { .key = a_key("10.0.0.1", 80, 6), .packets = 4 };

	e.key.vlan[0] = 7;
	e.key.vlan[1] = 9;
	e.verdict = (struct inkling_verdict){
		.class = 1, .score = 30000, .action = INKLING_ACTION_DROP,
		.mode = INKLING_MODE_MONITOR, .generation = 3,
	};
	e.features.raw[INK_FLOW_start] = INK_START_SYN;
	e.features.raw[INK_FLOW_src_half_share] = 42;
	e.features.raw[INK_FLOW_dst_opening_share] = 1000;
	e.features.raw[INK_FLOW_src_beat_spread_ms] = 77;
	return e;
}

static void test_csv(void **state)
{
	struct ink_flow_event e = an_event();
	struct ink_rows rows = { .verdicts = true, .labels = true };
	char *text = NULL, *line;
	size_t size = 0, commas[2] = { 0, 0 }, n = 0;

	rows.to = open_memstream(&text, &size);
	ink_rows_heading(&rows);
	ink_rows_event(&rows, &e, 1234567890123456789ull, "scan");
	fclose(rows.to);
	assert_non_null(strstr(text, "packet,start,port,packets,packets_out,"));
	assert_non_null(strstr(text, ",src_beat_spread_ms,class,score,action,mode,error,label\n"));
	assert_non_null(strstr(text, "\n1234567890123456789,10.0.0.1,40000,192.0.2.1,80,tcp,7.9,4,syn,"));
	assert_non_null(strstr(text, ",0.042,"));
	assert_non_null(strstr(text, ",77,1,30000,drop,monitor,0,scan\n"));
	/* As many fields as columns. */
	for (line = text; *line; line++) {
		commas[n] += *line == ',';
		n += *line == '\n';
	}
	assert_int_equal(commas[0], commas[1]);
	assert_int_equal(commas[0], INK_ROW_IDENTITY + INK_FLOW_FEATURES + 5);
	free(text);
}

static void test_json(void **state)
{
	static const char *const classes[] = { "benign", "scan" };
	struct ink_flow_event e = an_event();
	struct json_object *o = ink_event_json(&e, 5, classes, 2), *v, *f;

	assert_true(json_object_object_get_ex(o, "class_name", &v));
	assert_string_equal(json_object_get_string(v), "scan");
	assert_true(json_object_object_get_ex(o, "vlan", &v));
	assert_string_equal(json_object_get_string(v), "7.9");
	assert_true(json_object_object_get_ex(o, "features", &f));
	assert_int_equal(json_object_object_length(f), INK_FLOW_FEATURES);
	assert_true(json_object_object_get_ex(f, "start", &v));
	assert_string_equal(json_object_get_string(v), "syn");
	json_object_put(o);
	/* A category that there isn't, as a hostile or newer ring buffer may hold. */
	e.features.raw[INK_FLOW_start] = -1;
	o = ink_event_json(&e, 5, NULL, 0);
	assert_true(json_object_object_get_ex(o, "features", &f));
	assert_true(json_object_object_get_ex(f, "start", &v));
	assert_string_equal(json_object_get_string(v), "?");
	json_object_put(o);
}

/* Flows by their worst verdict; a key that begins anew is another flow. */
static void test_results(void **state)
{
	struct ink_results r = { 0 };
	struct ink_flow_event e = an_event();
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		e.key.remote_port = (__u16)i;
		e.packets = 1;
		e.verdict.class = 0;
		e.verdict.score = 10;
		ink_results_add(&r, &e);
	}
	e.packets = 2;
	e.verdict.class = 1;
	e.verdict.score = 30000;
	ink_results_add(&r, &e);
	e.packets = 4;
	e.verdict.class = 0;
	e.verdict.score = 5;
	ink_results_add(&r, &e);
	assert_int_equal(r.n, 5000);
	assert_int_equal(r.flows[4999].class, 1);
	assert_int_equal(r.flows[4999].score, 30000);
	assert_int_equal(r.flows[4999].flagged_at, 2);
	assert_int_equal(r.flows[4998].flagged_at, 0);
	e.packets = 1;
	ink_results_add(&r, &e);
	assert_int_equal(r.n, 5001);
	assert_int_equal(r.flows[5000].class, 0);
	ink_results_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels), cmocka_unit_test(test_labels_refused),
		cmocka_unit_test(test_csv), cmocka_unit_test(test_json),
		cmocka_unit_test(test_results),
	};

	ink_cli.command = "test";
	ink_cli.quiet = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
