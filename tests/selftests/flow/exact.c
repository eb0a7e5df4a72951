// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow hook in this kernel against the same code in userspace, bit for bit.
 *
 * What lives here: each frame is run through the attached XDP program
 * (BPF_PROG_TEST_RUN) and, at the time that the program saw, through the
 * userspace table with the model run by libinkling. What the program returned,
 * each exported event with its features and verdict, and all counters have to
 * be equal. What doesn't: attaching, which flow_hook.sh does.
 *
 *	exact TARGET MODEL.ink FRAMES [CAPTURE...]
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
#include "cli.h"
#include "flow_table.h"
#include "pins.h"
#include "rows.h"

#define TEST_RUN_MAX	3000	/* a page less headroom and shared info */

struct exact {
	int prog, flows;
	struct ring_buffer *ring;
	struct ink_model *model;
	struct ink_slot *slot;
	struct ink_flow_config config;
	struct ink_flow_table *table;
	uint8_t out[64];
	struct ink_flow_event mine, theirs;
	unsigned int n_mine, n_theirs;
	uint64_t frames, scored, dropped;
	uint64_t clock;
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

/* When the program saw the frame: it wrote that down in the flow. */
static uint64_t exact_time(struct exact *x, const uint8_t *data, size_t size)
{
	struct ink_packet pkt = { 0 };
	struct ink_flow flow;

	if (ink_packet_parse(data, data + size, (uint32_t)size, &pkt) != INK_PARSE_OK)
		return x->clock;
	if (bpf_map_lookup_elem(x->flows, &pkt.key, &flow))
		ink_die(INK_EXIT_FAILED, "the program made no flow for a frame that userspace parses",
			NULL);
	return flow.last_ns;
}

/* Return: 0 when both agree. */
static int exact_frame(struct exact *x, const uint8_t *data, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = (uint32_t)size,
		    .repeat = 1);
	bool dropped;
	int err;

	if (size < 14 || size > TEST_RUN_MAX)
		return 0;
	x->n_mine = 0;
	x->n_theirs = 0;
	err = bpf_prog_test_run_opts(x->prog, &opts);
	if (err)
		ink_die(INK_EXIT_FAILED, ink_fmt("test run: %s", strerror(-err)), NULL);
	ring_buffer__consume(x->ring);
	x->clock = exact_time(x, data, size);
	dropped = ink_flow_table_packet(x->table, data, size, size, 0, x->clock);
	x->frames++;
	x->scored += x->n_mine;
	x->dropped += dropped;
	if (opts.retval == (dropped ? XDP_DROP : XDP_PASS) && x->n_mine == x->n_theirs &&
	    (!x->n_mine || !memcmp(&x->mine, &x->theirs, sizeof(x->mine))))
		return 0;
	printf("# frame %llu of %zu bytes: program returned %u, userspace %s; events %u and %u\n",
	       (unsigned long long)x->frames, size, opts.retval, dropped ? "drop" : "pass",
	       x->n_theirs, x->n_mine);
	show("kernel", &x->theirs);
	show("userspace", &x->mine);
	return 1;
}

static int exact_capture(struct exact *x, const char *path)
{
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const uint8_t *data;
	pcap_t *pcap = pcap_open_offline(path, err);
	int failed = 0;

	if (!pcap || pcap_datalink(pcap) != DLT_EN10MB) {
		if (pcap)
			pcap_close(pcap);
		return 0;
	}
	while (!failed && pcap_next_ex(pcap, &h, &data) == 1)
		failed = exact_frame(x, data, h->caplen);
	pcap_close(pcap);
	if (failed)
		printf("# in %s\n", path);
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
		failed |= mine->verdicts[i] != theirs.verdicts[i];
	return failed;
}

static void exact_open(struct exact *x, const char *target, const char *model)
{
	struct ink_attachment record;
	struct ink_ctl *ctl = ink_ctl_open();
	int events;

	if (!ctl || ink_attachment_read(target, &record) || !record.export ||
	    record.via != INK_VIA_LINK)
		ink_die(INK_EXIT_FAILED, "needs an attachment made with --export --via link", NULL);
	x->slot = ink_slot_get(ctl, record.slot);
	x->model = ink_model_open(model);
	x->prog = bpf_prog_get_fd_by_id(record.prog_id);
	x->flows = bpf_obj_get(ink_pin_path(target, "flows"));
	events = bpf_obj_get(ink_pin_path(target, "events"));
	x->ring = ring_buffer__new(events, exact_theirs, x, NULL);
	if (!x->slot || !x->model || x->prog < 0 || x->flows < 0 || !x->ring ||
	    ink_model_output_size(x->model) > sizeof(x->out))
		ink_die(INK_EXIT_FAILED, "can't open slot, model, program or maps", NULL);
	x->config = (struct ink_flow_config){
		.verdict = exact_verdict, .event = exact_mine, .arg = x,
	};
	x->table = ink_flow_table_new(&x->config);
	ink_ctl_close(ctl);
}

int main(int argc, char **argv)
{
	uint64_t seed = 7, frames = argc > 3 ? strtoull(argv[3], NULL, 10) : 0, n;
	struct exact x = { .clock = 1 };
	struct frame f;
	int failed = 0, i;

	if (argc < 4)
		ink_die(INK_EXIT_USAGE, "exact TARGET MODEL.ink FRAMES [CAPTURE...]", NULL);
	ink_cli.command = "exact";
	exact_open(&x, argv[1], argv[2]);
	for (n = 0; n < frames && !failed; n++) {
		frame_make(&f, &seed);
		failed = exact_frame(&x, f.bytes, f.size);
	}
	for (i = 4; i < argc && !failed; i++)
		failed = exact_capture(&x, argv[i]);
	if (!failed)
		failed = exact_counters(argv[1], ink_flow_table_counters(x.table));
	printf("# %llu frames, %llu scored, %llu dropped: %s\n", (unsigned long long)x.frames,
	       (unsigned long long)x.scored, (unsigned long long)x.dropped,
	       failed ? "they differ" : "equal");
	return failed;
}
