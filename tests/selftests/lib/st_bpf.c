// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading kfunc.bpf.c and running its programs; see st_bpf.h.
 */
#include "st_bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define OBJECT	"build/selftests/bpf/kfunc.bpf.o"

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	st_diag("%s", line);
	return 0;
}

static struct bpf_program *program_of(const struct st_bpf *b, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(b->object, name);

	if (!program)
		st_bail("no program %s", name);
	return program;
}

#define WHY_NOT	"programs can't call modules in this kernel: no BTF"

bool st_bpf_possible(void)
{
	return access("/sys/kernel/btf/vmlinux", F_OK) == 0;
}

void st_bpf_needed(void)
{
	if (st_bpf_possible())
		return;
	printf("1..0 # SKIP " WHY_NOT "\n");
	exit(4);
}

void st_bpf_skip(const char *name)
{
	st_skip(WHY_NOT, "%s", name);
}

bool st_bpf_lsm(void)
{
	char active[256] = "";
	FILE *f = fopen("/sys/kernel/security/lsm", "r");

	if (!f)
		return false;
	if (!fgets(active, sizeof(active), f))
		active[0] = 0;
	fclose(f);
	return strstr(active, "bpf");
}

void st_bpf_open(struct st_bpf *b, const char *extra)
{
	struct bpf_map *map;
	void *p;

	libbpf_set_print(quiet);
	b->object = bpf_object__open_file(OBJECT, NULL);
	if (!b->object)
		st_bail("%s: %s", OBJECT, strerror(errno));
	if (!st_bpf_lsm())
		bpf_program__set_autoload(program_of(b, "run_lsm"), false);
	if (extra)
		bpf_program__set_autoload(program_of(b, extra), true);
	if (bpf_object__load(b->object))
		st_bail("%s doesn't load: %s", OBJECT, strerror(errno));
	map = bpf_object__find_map_by_name(b->object, ".bss");
	if (!map)
		st_bail("%s has no .bss", OBJECT);
	p = mmap(NULL, bpf_map__value_size(map), PROT_READ | PROT_WRITE, MAP_SHARED,
		 bpf_map__fd(map), 0);
	if (p == MAP_FAILED)
		st_bail("mmap: %s", strerror(errno));
	/* In the order in which the program defines them. */
	b->job = p;
	b->inner = b->job + 1;
}

void st_bpf_close(struct st_bpf *b)
{
	munmap(b->job, 2 * sizeof(*b->job));
	bpf_object__close(b->object);
}

int st_bpf_fd(const struct st_bpf *b, const char *program)
{
	return bpf_program__fd(program_of(b, program));
}

struct bpf_link *st_bpf_attach(const struct st_bpf *b, const char *program)
{
	struct bpf_link *link = bpf_program__attach(program_of(b, program));

	if (!link)
		st_bail("%s can't be attached: %s", program, strerror(errno));
	return link;
}

void st_job_set(struct st_job *job, u32 slot, u32 what, const struct image *img, const void *in)
{
	memset(job, 0, sizeof(*job));
	job->slot = slot;
	job->what = what;
	job->in_size = (u32)st_input_size(img);
	job->out_size = (u32)st_output_size(img);
	job->pid = (u32)gettid();
	job->err = 1;
	if (in)
		memcpy(job->bytes, in, job->in_size);
	memset(job->out, 0xee, sizeof(job->out));
}

int st_job_syscall(const struct st_bpf *b)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	b->job->err = 1;
	if (bpf_prog_test_run_opts(st_bpf_fd(b, "run_syscall"), &opts))
		st_bail("run_syscall: %s", strerror(errno));
	return b->job->err;
}

int st_job_packet(const struct st_bpf *b, const char *program)
{
	char packet[64] = { [12] = 0x08 };

	LIBBPF_OPTS(bpf_test_run_opts, opts,
		.data_in = packet,
		.data_size_in = sizeof(packet),
		.repeat = 1,
	);

	memcpy(packet + 15, b->job->bytes, 12);
	b->job->err = 1;
	b->job->armed = 1;
	if (bpf_prog_test_run_opts(st_bpf_fd(b, program), &opts))
		st_bail("%s: %s", program, strerror(errno));
	b->job->armed = 0;
	return b->job->err;
}

void st_send_packets(u32 n)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	while (n--)
		sendto(fd, "x", 1, 0, (void *)&to, sizeof(to));
	close(fd);
}

void st_job_wait(const struct st_job *j, u32 count)
{
	struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int tries;

	for (tries = 0; tries < 300 * (int)st_slow() && READ_ONCE(j->count) < count; tries++)
		nanosleep(&pause, NULL);
}

void st_job_softirq(const struct st_bpf *b, u32 n)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int lo = (int)if_nametoindex("lo"), fd = st_bpf_fd(b, "run_xdp");
	u32 until = b->job->count + n;

	if (bpf_xdp_attach(lo, fd, 1u << 1 /* XDP_FLAGS_SKB_MODE */, &opts))
		st_bail("XDP on lo: %s", strerror(errno));
	b->job->armed = 1;
	st_send_packets(n);
	st_job_wait(b->job, until);
	b->job->armed = 0;
	bpf_xdp_detach(lo, 1u << 1, &opts);
}
