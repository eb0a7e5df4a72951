// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow hook in this kernel against the same code in userspace, bit for bit.
 *
 * What lives here: each frame is run through the attached programs
 * (BPF_PROG_TEST_RUN), in or out, and, at the same time of a clock that is fed,
 * through the userspace table with the model run by libinkling. What the
 * program returned, each exported event with its features and verdict, and all
 * counters have to be equal. Captures are played with their own times; in one,
 * what comes from where its first packet goes to is on its way out. Frames of
 * other link types than Ethernet get an Ethernet header. What doesn't:
 * attaching, which flow_bits.sh does.
 *
 *	exact TARGET MODEL.ink FRAMES [CAPTURE...]
 *	exact --damage N SEED TARGET MODEL.ink FRAMES [CAPTURE...]
 *
 * The second form runs N damaged copies of each frame, too: a few bytes of its
 * headers changed, or its end cut off. As these bring ever new addresses, it has
 * to end before a map is full: which entry the kernel then forgets isn't defined.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#define PCAP_DONT_INCLUDE_PCAP_BPF_H	/* libbpf has these names too */
#include <pcap/dlt.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include <inkling.h>

#include "../../../bpf/flow/flow_packet.h"
#include "../../unit/flow_frames.h"
#include "capture.h"
#include "cli.h"
#include "flow_table.h"
#include "pins.h"
#include "rows.h"

#define TEST_RUN_MAX	3000	/* a page less headroom and shared info */
#define TEST_RUN_FRAGS	60000	/* XDP takes more, in fragments */

struct exact {
	int prog, prog_out, control;
	struct ring_buffer *ring;
	struct ink_model *model;
	struct ink_slot *slot;
	struct ink_flow_config config;
	struct ink_flow_table *table;
	uint8_t out[64];
	struct ink_flow_event mine, theirs;
	unsigned int n_mine, n_theirs;
	uint64_t frames, out_frames, scored, dropped, too_long, seed;
	unsigned int damage;
	struct ink_control clock;
};

static int exact_verdict(void *arg, const struct ink_flow_vector *features,
			 struct inkling_verdict *verdict)
{
	struct exact *x = arg;

	if (x->slot->mode == INKLING_MODE_OFF) {
		memset(verdict, 0, sizeof(*verdict));
	} else {
		if (ink_model_run(x->model, features, sizeof(*features), x->out,
				  ink_model_output_size(x->model)))
			ink_die(INK_EXIT_FAILED, "the model doesn't run", NULL);
		ink_model_verdict(x->model, x->out, x->slot->threshold, verdict);
	}
	verdict->action = verdict->class ? x->slot->action[verdict->class] : INKLING_ACTION_PASS;
	verdict->mode = (uint8_t)x->slot->mode;
	verdict->generation = x->slot->model.generation;
	return 0;
}

static void exact_mine(void *arg, const struct ink_flow_event *event)
{
	struct exact *x = arg;

	x->mine = *event;
	x->mine.flags |= INK_EVENT_EXPORT;
	x->n_mine++;
}

static int exact_theirs(void *arg, void *data, size_t size)
{
	struct exact *x = arg;

	if (size < sizeof(x->theirs))
		return -EINVAL;
	memcpy(&x->theirs, data, sizeof(x->theirs));
	x->n_theirs++;
	return 0;
}

static void show(const char *who, const struct ink_flow_event *e)
{
	struct json_object *o = ink_event_json(e, e->time_ns, NULL, 0);

	printf("# %s: %s flags %x\n", who, json_object_to_json_string(o), e->flags);
	json_object_put(o);
}

static void exact_clock(struct exact *x, uint64_t now)
{
	uint32_t zero = 0;

	x->clock.clock = now;
	if (bpf_map_update_elem(x->control, &zero, &x->clock, BPF_ANY))
		ink_die(INK_EXIT_FAILED, "can't set the clock", NULL);
}

static unsigned int exact_run(int prog, const uint8_t *data, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = (uint32_t)size,
		    .repeat = 1);
	int err = bpf_prog_test_run_opts(prog, &opts);

	if (err)
		ink_die(INK_EXIT_FAILED, ink_fmt("test run of %zu bytes: %s", size, strerror(-err)),
			NULL);
	return opts.retval;
}

/* Return: 0 when both agree. */
static int exact_frame(struct exact *x, const uint8_t *data, size_t size, enum ink_direction way)
{
	unsigned int returned;
	bool dropped;

	/* The kernel's test run refuses headers that are cut off, on the way out. */
	if (size < (way == INK_IN ? 14 : 14 + 40))
		return 0;
	if (size > (way == INK_IN ? TEST_RUN_FRAGS : TEST_RUN_MAX)) {
		x->too_long++;
		return 0;
	}
	x->n_mine = 0;
	x->n_theirs = 0;
	returned = exact_run(way == INK_IN ? x->prog : x->prog_out, data, size);
	ring_buffer__consume(x->ring);
	/* Of a long frame, the first page less headroom and shared info lies where programs can read. */
	dropped = ink_flow_table_packet(x->table, data, size, size, 0, way, x->clock.clock);
	x->frames++;
	x->out_frames += way == INK_OUT;
	x->scored += x->n_mine;
	x->dropped += dropped;
	if (way == INK_OUT)
		return 0;
	if (returned == (dropped ? XDP_DROP : XDP_PASS) && x->n_mine == x->n_theirs &&
	    (!x->n_mine || !memcmp(&x->mine, &x->theirs, sizeof(x->mine))))
		return 0;
	printf("# frame %llu of %zu bytes: program returned %u, userspace %s; events %u and %u\n",
	       (unsigned long long)x->frames, size, returned, dropped ? "drop" : "pass",
	       x->n_theirs, x->n_mine);
	show("kernel", &x->theirs);
	show("userspace", &x->mine);
	return 1;
}

/* The frame as it is, then damaged copies of it. */
static int exact_frames(struct exact *x, const uint8_t *data, size_t size, enum ink_direction way)
{
	static uint8_t copy[TEST_RUN_FRAGS + 64];
	unsigned int i, changes;
	size_t n, top;

	if (exact_frame(x, data, size, way))
		return 1;
	for (i = 0; i < x->damage && size >= 14; i++) {
		n = size;
		memcpy(copy, data, n);
		if (frame_random(&x->seed) % 4 == 0)
			n = 14 + frame_random(&x->seed) % (n - 13);
		top = n < 96 ? n : 96;
		for (changes = frame_random(&x->seed) % 4; changes; changes--)
			copy[12 + frame_random(&x->seed) % (top - 12)] =
				(uint8_t)frame_random(&x->seed);
		if (exact_frame(x, copy, n, way))
			return 1;
	}
	return 0;
}

/* A capture's packet as a frame of full length, zeros for what wasn't captured; its size or 0. */
static size_t exact_reframe(int link, const struct pcap_pkthdr *h, const uint8_t *data,
			    uint8_t *frame)
{
	size_t wire = h->len < h->caplen ? h->caplen : h->len, at = 0;
	uint16_t ethertype = 0;
	int skip = ink_link_header(link, data, h->caplen, &ethertype);

	if (skip < 0 || wire > TEST_RUN_FRAGS)
		return wire > TEST_RUN_FRAGS ? wire : 0;
	memset(frame, 0, wire + 14);
	if (ethertype) {
		frame[12] = (uint8_t)(ethertype >> 8);
		frame[13] = (uint8_t)ethertype;
		at = 14;
	}
	memcpy(frame + at, data + skip, h->caplen - (size_t)skip);
	return at + wire - (size_t)skip;
}

/* Where the capture's first packet goes to is the protected side. */
static enum ink_direction exact_way(const uint8_t *frame, size_t size, uint8_t local[16])
{
	static const uint8_t none[16];
	struct ink_packet pkt = { 0 };

	if (ink_packet_parse(frame, frame + size, (uint32_t)size, INK_IN, &pkt) != INK_PARSE_OK)
		return INK_IN;
	if (!memcmp(local, none, 16))
		memcpy(local, pkt.key.local.addr, 16);
	return memcmp(local, pkt.key.remote, 16) ? INK_IN : INK_OUT;
}

static int exact_capture(struct exact *x, const char *path)
{
	static uint8_t frame[TEST_RUN_FRAGS + 64];
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, err);
	uint64_t too_long = x->too_long;
	uint8_t local[16] = { 0 };
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int failed = 0, link;
	size_t size;

	if (!pcap || !ink_link_known(pcap_datalink(pcap))) {
		printf("# %s: %s\n", path, pcap ? "its link type isn't supported" : err);
		if (pcap)
			pcap_close(pcap);
		return 0;
	}
	link = pcap_datalink(pcap);
	while (!failed && pcap_next_ex(pcap, &h, &data) == 1) {
		size = exact_reframe(link, h, data, frame);
		if (size > TEST_RUN_FRAGS) {
			x->too_long++;
			continue;
		}
		/* libpcap was asked for nanoseconds in tv_usec. */
		exact_clock(x, (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec + 1);
		failed = exact_frames(x, frame, size, exact_way(frame, size, local));
	}
	pcap_close(pcap);
	if (failed)
		printf("# in %s\n", path);
	if (x->too_long > too_long)
		printf("# %s: %llu packets too long for a test run\n", path,
		       (unsigned long long)(x->too_long - too_long));
	return failed;
}

/* Only the kernel sends events. */
static int exact_counter(const char *name, uint64_t theirs, uint64_t mine)
{
	if (theirs == mine || !strncmp(name, "events", 6))
		return 0;
	printf("# counter %s: kernel %llu, userspace %llu\n", name, (unsigned long long)theirs,
	       (unsigned long long)mine);
	return 1;
}

static int exact_counters(const char *target, const struct ink_flow_counters *mine)
{
	struct ink_flow_counters theirs;
	int failed = 0, i;

	if (ink_counters_read(target, &theirs))
		ink_die(INK_EXIT_FAILED, "can't read the counters", NULL);
#define COMPARE(name)	failed |= exact_counter(#name, theirs.name, mine->name);
	INK_FLOW_COUNTERS(COMPARE)
#undef COMPARE
	for (i = 0; i < (int)INK_FLOW_CLASSES; i++)
		failed |= mine->verdicts[i] != theirs.verdicts[i] ||
			  mine->would_drops[i] != theirs.would_drops[i] ||
			  mine->drops[i] != theirs.drops[i];
	for (i = 0; i < INK_MALFORMED_NR; i++)
		failed |= exact_counter("of malformed ones", theirs.reasons[i], mine->reasons[i]);
	return failed;
}

static void exact_reasons(const struct ink_flow_counters *c)
{
#define NAME(id, name)	name,
	static const char *const names[] = { INK_MALFORMED_LIST(NAME) };
#undef NAME
	int i;

	printf("# %llu packets, %llu of no flow, %llu malformed:", (unsigned long long)c->packets,
	       (unsigned long long)c->other, (unsigned long long)c->malformed);
	for (i = 0; i < INK_MALFORMED_NR; i++)
		printf(" %llu %s", (unsigned long long)c->reasons[i], names[i]);
	printf("\n");
}

static void exact_open(struct exact *x, const char *target, const char *model)
{
	struct ink_attachment record;
	struct ink_ctl *ctl = ink_ctl_open();
	int events;

	if (!ctl || ink_attachment_read(target, &record) || !record.export ||
	    record.via != INK_VIA_LINK)
		ink_die(INK_EXIT_FAILED,
			"needs an attachment made with --export --via link --test-clock", NULL);
	x->slot = ink_slot_get(ctl, record.slot);
	x->model = ink_model_open(model);
	x->prog = bpf_prog_get_fd_by_id(record.prog_id);
	x->prog_out = bpf_prog_get_fd_by_id(record.tc_out.prog_id);
	x->control = bpf_obj_get(ink_pin_path(target, "control"));
	events = bpf_obj_get(ink_pin_path(target, "events"));
	x->ring = ring_buffer__new(events, exact_theirs, x, NULL);
	if (!x->slot || !x->model || x->prog < 0 || x->prog_out < 0 || x->control < 0 || !x->ring ||
	    ink_model_output_size(x->model) > sizeof(x->out))
		ink_die(INK_EXIT_FAILED, "can't open slot, model, program or maps", NULL);
	x->config = (struct ink_flow_config){
		.verdict = exact_verdict, .event = exact_mine, .arg = x, .policy = record.policy,
	};
	x->table = ink_flow_table_new(&x->config);
	ink_ctl_close(ctl);
}

int main(int argc, char **argv)
{
	uint64_t seed = 7, frames, n, now = 1;
	struct exact x = { .seed = 11 };
	struct frame f;
	int failed = 0, i;

	ink_cli.command = "exact";
	if (argc > 3 && !strcmp(argv[1], "--damage")) {
		x.damage = (unsigned int)strtoul(argv[2], NULL, 10);
		x.seed = seed = strtoull(argv[3], NULL, 10);
		argc -= 3;
		argv += 3;
	}
	if (argc < 4)
		ink_die(INK_EXIT_USAGE, "exact [--damage N SEED] TARGET MODEL.ink FRAMES [CAPTURE...]", NULL);
	frames = strtoull(argv[3], NULL, 10);
	exact_open(&x, argv[1], argv[2]);
	for (n = 0; n < frames && !failed; n++) {
		enum ink_direction way = frame_random(&seed) % 3 ? INK_IN : INK_OUT;

		now += frame_random(&seed) % 8192 ? frame_random(&seed) % 2000000 :
					      (uint64_t)(frame_random(&seed) % 64) << 30;
		exact_clock(&x, now);
		frame_make_way(&f, &seed, way == INK_OUT);
		failed = exact_frames(&x, f.bytes, f.size, way);
	}
	for (i = 4; i < argc && !failed; i++)
		failed = exact_capture(&x, argv[i]);
	if (!failed)
		failed = exact_counters(argv[1], ink_flow_table_counters(x.table));
	exact_reasons(ink_flow_table_counters(x.table));
	printf("# %llu frames (%llu out), %llu scored, %llu dropped, %llu proven, %llu graces, %llu blocks, %llu too long: %s\n",
	       (unsigned long long)x.frames, (unsigned long long)x.out_frames,
	       (unsigned long long)x.scored, (unsigned long long)x.dropped,
	       (unsigned long long)ink_flow_table_counters(x.table)->proven,
	       (unsigned long long)ink_flow_table_counters(x.table)->grace,
	       (unsigned long long)ink_flow_table_counters(x.table)->blocked,
	       (unsigned long long)x.too_long, failed ? "they differ" : "equal");
	return failed;
}
