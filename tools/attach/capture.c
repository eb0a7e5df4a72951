// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures; see capture.h.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "cli.h"
#include "../../bpf/flow/flow_packet.h"

struct ink_prefix *ink_prefixes_parse(const char *option, const char *const *items, size_t n)
{
	struct ink_prefix *list = ink_xalloc(n ? n : 1, sizeof(*list));
	size_t i;

	for (i = 0; i < n; i++)
		if (!ink_prefix_parse(items[i], &list[i]))
			ink_die(INK_EXIT_USAGE,
				ink_fmt("--%s %s: not an address or prefix", option,
					ink_fmt_safe(items[i])),
				"write it as 192.0.2.0/24 or 2001:db8::/32, "
				"with zeros behind the prefix");
	return list;
}

uint32_t ink_stretch_parse(const char *text)
{
	char *end;
	double factor;

	if (!text)
		return 1000;
	errno = 0;
	factor = strtod(text, &end);
	if (errno || end == text || *end || !(factor >= 0.001 && factor <= 1000))
		ink_die(INK_EXIT_USAGE, ink_fmt("--stretch %s isn't a factor", ink_fmt_safe(text)),
			"0.001 to 1000; 10 makes everything ten times as slow");
	return (uint32_t)(factor * 1000 + 0.5);
}

int ink_link_header(int link, const uint8_t *data, size_t captured, uint16_t *ethertype)
{
	size_t header;

	switch (link) {
	case DLT_EN10MB:
		*ethertype = 0;
		return 0;
	case DLT_LINUX_SLL:
		header = 16;
		if (captured >= header)
			*ethertype = ink_load16(data + 14);
		break;
	case DLT_LINUX_SLL2:
		header = 20;
		if (captured >= header)
			*ethertype = ink_load16(data);
		break;
	default:	/* DLT_RAW, DLT_IPV4, DLT_IPV6, DLT_NULL, DLT_LOOP */
		header = link == DLT_NULL || link == DLT_LOOP ? 4 : 0;
		if (captured > header)
			*ethertype = data[header] >> 4 == 6 ? INK_ETH_IP6 : INK_ETH_IP4;
		break;
	}
	return captured > header ? (int)header : -1;
}

bool ink_link_known(int link)
{
	switch (link) {
	case DLT_EN10MB:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_NULL:
	case DLT_LOOP:
		return true;
	}
	return false;
}

static pcap_t *ink_capture_open(const char *path, int *code)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;
	int link;

	if (strcmp(path, "-") && access(path, R_OK)) {
		*code = ink_exit_errno(errno);
		ink_error(ink_fmt("can't open %s: %s", ink_fmt_safe(path), strerror(errno)), NULL);
		return NULL;
	}
	pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, err);
	if (!pcap) {
		*code = INK_EXIT_INPUT;
		ink_error(ink_fmt("%s: %s", ink_fmt_safe(path), ink_fmt_safe(err)),
			  "pcap and pcapng files are read; decompress a compressed one first");
		return NULL;
	}
	link = pcap_datalink(pcap);
	if (!ink_link_known(link)) {
		*code = INK_EXIT_INPUT;
		ink_error(ink_fmt("%s: link type %d (%s) isn't supported", ink_fmt_safe(path), link,
				  pcap_datalink_val_to_name(link) ?: "unknown"),
			  "supported: Ethernet, Linux cooked, raw IP, BSD loopback");
		pcap_close(pcap);
		return NULL;
	}
	return pcap;
}

static void ink_capture_packet(int link, const struct pcap_pkthdr *h, const uint8_t *data,
			       const struct ink_capture_options *options,
			       struct ink_flow_table *table, struct ink_capture_stats *stats)
{
	/* libpcap was asked for nanoseconds in tv_usec. */
	uint64_t now = (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec;
	size_t captured = h->caplen, wire = h->len < h->caplen ? h->caplen : h->len;
	uint16_t ethertype = 0;
	enum ink_direction way = INK_IN;
	uint8_t source[16];
	int skip;

	stats->packets++;
	if (!stats->first_ns)
		stats->first_ns = now;
	if (options->stretch && now > stats->first_ns)
		now = stats->first_ns + (uint64_t)((__uint128_t)(now - stats->first_ns) *
						   options->stretch / 1000);
	stats->last_ns = now;
	skip = ink_link_header(link, data, captured, &ethertype);
	if (skip > 0) {
		data += skip;
		captured -= (size_t)skip;
		wire -= (size_t)skip;
	}
	/* A frame too short for its link header has nothing in it for us; count it. */
	if (skip < 0)
		captured = 0;
	if (options->n_local &&
	    ink_flow_table_source(data, captured, wire, ethertype, source) &&
	    ink_prefixes_match(options->local, options->n_local, source)) {
		stats->outgoing++;
		way = INK_OUT;
	}
	ink_flow_table_packet(table, data, captured, wire, ethertype, way, now ? now : 1);
}

int ink_capture_run(const char *path, const struct ink_capture_options *options,
		    struct ink_flow_table *table, struct ink_capture_stats *stats)
{
	struct ink_progress progress;
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int code = INK_EXIT_OK, link, got;
	struct stat st = { 0 };
	pcap_t *pcap;

	memset(stats, 0, sizeof(*stats));
	pcap = ink_capture_open(path, &code);
	if (!pcap)
		return code;
	link = pcap_datalink(pcap);
	fstat(fileno(pcap_file(pcap)), &st);
	ink_progress_begin(&progress, path, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
	while ((got = pcap_next_ex(pcap, &h, &data)) == 1) {
		ink_capture_packet(link, h, data, options, table, stats);
		if (!(stats->packets & 4095))
			ink_progress_update(&progress, S_ISREG(st.st_mode) ?
					    (uint64_t)ftello(pcap_file(pcap)) : stats->packets);
	}
	ink_progress_end(&progress);
	if (got == PCAP_ERROR) {
		ink_error(ink_fmt("%s: after %llu packets: %s", ink_fmt_safe(path),
				  (unsigned long long)stats->packets,
				  ink_fmt_safe(pcap_geterr(pcap))),
			  "the file is cut off or damaged; what came before was used");
		code = INK_EXIT_INPUT;
	}
	pcap_close(pcap);
	return code;
}
