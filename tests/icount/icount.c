// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the doors cost, in instructions: runs in a VM whose virtual time is its
 * instruction count (tests/vm/run --icount), so that a nanosecond on its clock
 * is an instruction and figures repeat from run to run.
 *
 *   icount SLOT PROGRAM-ID     one line a figure: NAME<tab>INSTRUCTIONS
 *
 * Each figure is the median of calls that were timed one by one, less what the
 * clock costs. PROGRAM-ID is the flow hook, attached to any interface.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include "inkling.h"

#define CALLS	1501
#define BATCH	64

static unsigned long long clock_cost;

static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const unsigned long long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static unsigned long long median(unsigned long long *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static void fail(const char *what)
{
	fprintf(stderr, "icount: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Median of @CALLS calls of @f, without the clock, for each of @parts. */
static void measure(const char *name, unsigned int parts, void (*f)(void *), void *arg)
{
	static unsigned long long v[CALLS];
	unsigned long long start, m;
	size_t i;

	for (i = 0; i < CALLS; i++) {
		start = now();
		f(arg);
		v[i] = now() - start;
	}
	m = median(v, CALLS);
	printf("%s\t%llu\n", name, (m > clock_cost ? m - clock_cost : 0) / parts);
}

static void nothing(void *arg)
{
}

static void call_getppid(void *arg)
{
	syscall(SYS_getppid);
}

static void call_null_ioctl(void *arg)
{
	ioctl(*(int *)arg, _IO(INKLING_IOC_MAGIC, 0xff));
}

struct session_run {
	struct ink_session *session;
	size_t count;
	size_t in_size, out_size;
	void *in, *out;
};

static void call_run(void *arg)
{
	struct session_run *r = arg;
	int err;

	err = ink_session_run_batch(r->session, r->count, r->in, r->in_size, r->out, r->out_size,
				    NULL);
	if (err) {
		errno = -err;
		fail("run");
	}
}

/* A TCP packet from 10.0.0.1, any port, to 10.0.0.2:80. */
struct packet {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	char payload[16];
} __attribute__((packed));

static struct packet packet = {
	.eth.h_proto = 0x0008,
	.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP },
	.tcp = { .doff = 5, .syn = 1 },
};

static unsigned long long run_once(int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &packet, .data_size_in = sizeof(packet),
		    .repeat = 1);

	if (bpf_prog_test_run_opts(fd, &opts))
		fail("BPF_PROG_TEST_RUN");
	return opts.duration;
}

/* @next changes the packet before each run. */
static void measure_program(const char *name, int fd, void (*next)(size_t i))
{
	static unsigned long long v[CALLS];
	size_t i;

	for (i = 0; i < CALLS; i++) {
		if (next)
			next(i);
		v[i] = run_once(fd);
	}
	printf("%s\t%llu\n", name, median(v, CALLS));
}

static void next_flow(size_t i)
{
	packet.tcp.syn = 1;
	packet.tcp.ack = 0;
	packet.tcp.source = htons((unsigned short)(20000 + i));
}

static void same_flow(size_t i)
{
	packet.tcp.syn = 0;
	packet.tcp.ack = 1;
	packet.tcp.source = htons(20000);
}

static int load_pass(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", insns, 2, NULL);

	if (fd < 0)
		fail("loading an XDP program");
	return fd;
}

static void doors(const char *slot)
{
	struct session_run one = { .count = 1 }, many;
	struct inkling_info info;
	int fd;

	one.session = ink_session_open(slot, INK_DEFAULTS);
	if (!one.session || ink_session_info(one.session, &info))
		fail(slot);
	fd = ink_session_fd(one.session);
	one.in_size = info.input_size;
	one.out_size = info.output_size;
	one.in = calloc(BATCH, one.in_size);
	one.out = calloc(BATCH, one.out_size);
	many = one;
	many.count = BATCH;
	measure("getppid", 1, call_getppid, NULL);
	measure("null ioctl", 1, call_null_ioctl, &fd);
	measure("ioctl run", 1, call_run, &one);
	measure("ioctl run, each of a batch of 64", BATCH, call_run, &many);
	ink_session_close(one.session);
}

int main(int argc, char **argv)
{
	static unsigned long long v[CALLS];
	unsigned long long start;
	int pass, hook;
	size_t i;

	if (argc != 3) {
		fprintf(stderr, "usage: icount SLOT PROGRAM-ID\n");
		return 2;
	}
	for (i = 0; i < CALLS; i++) {
		start = now();
		nothing(NULL);
		v[i] = now() - start;
	}
	clock_cost = median(v, CALLS);
	doors(argv[1]);
	packet.ip.tot_len = htons(sizeof(packet) - sizeof(packet.eth));
	packet.ip.saddr = htonl(0x0a000001);
	packet.ip.daddr = htonl(0x0a000002);
	packet.tcp.dest = htons(80);
	pass = load_pass();
	hook = bpf_prog_get_fd_by_id((unsigned int)atoi(argv[2]));
	if (hook < 0)
		fail("program of the hook");
	measure_program("XDP program that does nothing", pass, NULL);
	measure_program("XDP, a new flow, scored", hook, next_flow);
	measure_program("XDP, a packet of a known flow", hook, same_flow);
	return 0;
}
