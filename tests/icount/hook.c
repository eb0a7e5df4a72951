// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a packet costs in the flow hook, in instructions; see icount.c.
 *
 * What lives here: packets, and BPF_PROG_TEST_RUN, which times the program
 * alone. What doesn't: attaching the hook (tests/icount/run).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "icount.h"
#include "pins.h"
#include "tcp_packet.h"

static struct tcp_packet packet = { TCP_PACKET_HEADERS };

static struct ink_control control;
static int control_map;

static unsigned long long run_once(int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &packet, .data_size_in = sizeof(packet),
		    .repeat = 1);

	if (bpf_prog_test_run_opts(fd, &opts))
		icount_fail("BPF_PROG_TEST_RUN");
	return opts.duration;
}

/* @next changes the packet before each run. */
static void measure(const char *name, int fd, void (*next)(size_t i))
{
	static unsigned long long v[CALLS];
	size_t i;

	for (i = 0; i < CALLS; i++) {
		if (next)
			next(i);
		v[i] = run_once(fd);
	}
	printf("%s\t%llu\n", name, icount_median(v, CALLS));
}

static void advance(unsigned long long ns)
{
	uint32_t zero = 0;

	control.clock += ns;
	if (bpf_map_update_elem(control_map, &zero, &control, BPF_ANY))
		icount_fail("the clock");
}

/* Between 10.0.0.1 and the server, with all of its payload. */
static void make(int out, unsigned int port, unsigned int flags, unsigned int seq,
		 unsigned int ack)
{
	tcp_packet_set(&packet, out, 0x0a000001, (uint16_t)port, flags, seq, ack,
		       sizeof(packet.payload));
}

static void next_flow(size_t i)
{
	advance(20000000);
	make(0, 20000 + (unsigned int)i, 1, 1, 0);
}

/* What acknowledges the SYN+ACK of handshake(), payload included: so the remote end proves its address. */
#define ACK	(1001 + (unsigned int)sizeof(packet.payload))

/* The same flow, too soon for another score but at packets 4, 8, 16, ... */
static void same_flow(size_t i)
{
	advance(1000);
	make(0, 20000, 2, 100 + (unsigned int)i, ACK);
}

/* The same flow, whose score is old each time. */
static void same_flow_late(size_t i)
{
	advance(46000000000ull);
	make(0, 20000, 2, 5000 + (unsigned int)i, ACK);
}

/*
 * The same, but on an allow-list that has changed since: all features are brought up to date and made
 * into a vector, and then no slot is asked.
 */
static void same_flow_listed(size_t i)
{
	control.allow_generation++;
	same_flow_late(i);
}

static void out_flow(size_t i)
{
	make(1, 20000, 2, 2000 + (unsigned int)i, 1);
}

static int load_pass(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", insns, 2, NULL);

	if (fd < 0)
		icount_fail("loading an XDP program");
	return fd;
}

static int load_reference(void)
{
	struct bpf_object *obj = bpf_object__open_file("build/icount-reference.bpf.o", NULL);

	if (!obj || bpf_object__load(obj))
		icount_fail("build/icount-reference.bpf.o");
	return bpf_program__fd(bpf_object__find_program_by_name(obj, "reference"));
}

static unsigned long long counted(const char *target)
{
	struct ink_flow_counters count;

	errno = -ink_counters_read(target, &count);
	if (errno)
		icount_fail("counters");
	return count.proven;
}

/* SYN, SYN+ACK, ACK: from here on the flow is one whose address is proven. */
static void handshake(const char *target, int in, int out)
{
	unsigned long long before = counted(target);

	make(0, 20000, 1, 1, 0);
	run_once(in);
	make(1, 20000, 3, 1000, 2);
	run_once(out);
	make(0, 20000, 2, 2, ACK);
	run_once(in);
	if (counted(target) != before + 1) {
		errno = 0;
		icount_fail("the handshake proves nothing");
	}
}

/* Fill the table of proven flows, so that look-ups go through long chains. */
static void fill(const char *target, uint32_t count)
{
	int fd = bpf_obj_get(ink_pin_path(target, "flows"));
	struct ink_flow_key key = { .remote = { [10] = 0xff, [11] = 0xff, [12] = 172 } };
	struct ink_flow flow = { .first_ns = control.clock, .last_ns = control.clock };
	uint32_t i;

	if (fd < 0)
		icount_fail("the flow table");
	for (i = 0; i < count; i++) {
		memcpy(key.remote + 13, &i, 3);
		key.remote_port = (uint16_t)(i >> 8);
		if (bpf_map_update_elem(fd, &key, &flow, BPF_ANY))
			icount_fail("filling the flow table");
	}
	close(fd);
}

/* What the program's slot was asked last: its map of vectors has no pin. */
static void take_vector(int prog, void *vector, size_t size)
{
	struct bpf_map_info map = { 0 };
	struct bpf_prog_info info = { 0 };
	uint32_t ids[64], n = sizeof(info), zero = 0, i;
	char value[8192];
	int fd;

	info.nr_map_ids = 64;
	info.map_ids = (uintptr_t)ids;
	if (bpf_obj_get_info_by_fd(prog, &info, &n))
		icount_fail("the program's maps");
	for (i = 0; i < info.nr_map_ids; i++) {
		fd = bpf_map_get_fd_by_id(ids[i]);
		n = sizeof(map);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &map, &n) && !strcmp(map.name, "vectors") &&
		    map.value_size <= size && !bpf_map_lookup_elem(fd, &zero, value)) {
			memcpy(vector, value, map.value_size);	/* of the first CPU */
			close(fd);
			return;
		}
		if (fd >= 0)
			close(fd);
	}
	errno = ENOENT;
	icount_fail("the map of vectors");
}

void icount_hook(const char *target, void *vector, size_t size)
{
	const char *full = getenv("ICOUNT_FULL");
	struct ink_attachment record;
	int in, out, reference, pass = load_pass();

	errno = -ink_attachment_read(target, &record);
	if (errno)
		icount_fail(target);
	in = bpf_prog_get_fd_by_id(record.prog_id);
	out = bpf_prog_get_fd_by_id(record.tc_out.prog_id);
	control_map = bpf_obj_get(ink_pin_path(target, "control"));
	reference = load_reference();
	if (in < 0 || out < 0 || control_map < 0)
		icount_fail("programs of the hook");
	advance(1000000000);
	if (full) {
		fill(target, (uint32_t)atoi(full));
		handshake(target, in, out);
		measure("XDP, a packet of a known flow, 10^6 flows in the table", in, same_flow);
		return;
	}
	measure("XDP program that does nothing", pass, NULL);
	measure("XDP, a new flow, scored", in, next_flow);
	handshake(target, in, out);
	measure("XDP, reference: parse, look up, time", reference, same_flow);
	measure("XDP, a packet of a known flow", in, same_flow);
	measure("XDP, the same, scored", in, same_flow_late);
	take_vector(in, vector, size);
	measure("tc, a packet on its way out", out, out_flow);
	if (system("inkling allow --add 10.0.0.1 >/dev/null"))
		icount_fail("inkling allow");
	if (bpf_map_lookup_elem(control_map, &(uint32_t){ 0 }, &control))
		icount_fail("the clock");
	same_flow_late(0);		/* flows that pass meet the list when they are scored next */
	run_once(in);
	measure("XDP, a packet whose verdict is final", in, same_flow);
	measure("XDP, all features brought up to date, not scored", in, same_flow_listed);
}
