// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard's program on right and damaged queries, by the kernel's test facility,
 * beside the same code in this process: the same is dropped, and the same is
 * counted. DNS_FRAMES says how many.
 *
 * timeout: 600
 */
#include "st_bpf.h"
#include "../../bpf/dns/dns.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#define OBJECT	"build/bpf/dns.bpf.o"
#define SLOT	"names"
#define MOST	400	/* bytes of a frame */

struct frame {
	u8 bytes[MOST];
	u32 n;
};

static struct image img;
static struct ink_rand rnd = { 7 };

static void put(struct frame *f, const void *p, u32 n)
{
	if (f->n + n > MOST)
		n = MOST - f->n;
	memcpy(f->bytes + f->n, p, n);
	f->n += n;
}

static void put16(struct frame *f, u32 v)
{
	u8 b[2] = { (u8)(v >> 8), (u8)v };

	put(f, b, 2);
}

/* A label, a third of them digits alone; some in capitals, a few with anything in them. */
static void put_label(struct frame *f, u32 n)
{
	bool digits = !ink_rand_below(&rnd, 3), any = !ink_rand_below(&rnd, 50);
	u8 label[64] = { (u8)n };
	u32 i;

	for (i = 1; i <= n; i++)
		label[i] = (u8)(any ? ink_rand_below(&rnd, 256) :
				digits ? '0' + ink_rand_below(&rnd, 10) :
				(u8)"abcXYZ-7"[ink_rand_below(&rnd, 8)]);
	put(f, label, n + 1);
}

static void put_message(struct frame *f)
{
	static const char *const ends[] = { "\3com", "\2co\2uk", "\3ORG\2Au", "\2de", "\7example\2fr" };
	u32 labels = ink_rand_below(&rnd, 4), i;
	const char *end = ends[ink_rand_below(&rnd, ARRAY_SIZE(ends))];

	put16(f, ink_rand_below(&rnd, 65536));
	put16(f, ink_rand_below(&rnd, 8) ? 0x0100 : ink_rand_below(&rnd, 65536));
	put16(f, 1);
	put16(f, 0);
	put16(f, 0);
	put16(f, 0);
	for (i = 0; i < labels; i++)
		put_label(f, 1 + ink_rand_below(&rnd, ink_rand_below(&rnd, 4) ? 12 : 63));
	put(f, end, (u32)strlen(end) + 1);
	put16(f, 1);
	put16(f, 1);
}

/* Ethernet, perhaps a VLAN tag, IPv4 or IPv6, UDP or TCP, the message. */
static struct frame query(void)
{
	struct frame f = { .n = 0 }, m = { .n = 0 };
	bool six = ink_rand_below(&rnd, 2), tcp = !ink_rand_below(&rnd, 4);
	u8 zeros[40] = { 0 };
	u32 size;

	put_message(&m);
	size = m.n + (tcp ? 22 : 8);
	put(&f, zeros, 12);
	if (!ink_rand_below(&rnd, 4)) {
		put16(&f, 0x8100);
		put16(&f, 5);
	}
	put16(&f, six ? 0x86dd : 0x0800);
	if (six) {
		put16(&f, 0x6000);
		put16(&f, 0);
		put16(&f, size);
		put(&f, (u8[]){ tcp ? 6 : 17, 64 }, 2);
		put(&f, zeros, 31);
		put(&f, "\1", 1);
	} else {
		put16(&f, 0x4500);
		put16(&f, size + 20);
		put(&f, zeros, 4);
		put(&f, (u8[]){ 64, tcp ? 6 : 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 }, 12);
	}
	put16(&f, 1000 + ink_rand_below(&rnd, 60000));
	put16(&f, 53);
	if (tcp) {
		put(&f, zeros, 8);
		put16(&f, 0x5018);
		put(&f, zeros, 6);
		put16(&f, m.n);
	} else {
		put16(&f, size);
		put16(&f, 0);
	}
	put(&f, m.bytes, m.n);
	return f;
}

/* Some bytes are changed, or the end is missing. */
static void damage(struct frame *f)
{
	u32 i;

	for (i = ink_rand_below(&rnd, 4); i; i--)
		f->bytes[ink_rand_below(&rnd, f->n)] = (u8)ink_rand_below(&rnd, 256);
	if (!ink_rand_below(&rnd, 3))
		f->n = 14 + ink_rand_below(&rnd, f->n - 14);
}

/* What the program has to do with it. Return: 1 when it has to be dropped. */
static int expect(const struct frame *f, struct ink_dns_counters *count)
{
	static struct ink_dns_room room;
	struct ink_packet pkt = { 0 };
	struct inkling_verdict v;
	u8 out[64];
	u32 at, n, kind;
	bool tcp;

	count->packets++;
	if (ink_packet_parse(f->bytes, f->bytes + f->n, f->n, INK_IN, &pkt) != INK_PARSE_OK ||
	    pkt.key.local.port != INK_DNS_PORT || !pkt.payload ||
	    (pkt.key.local.proto != INK_PROTO_TCP && pkt.key.local.proto != INK_PROTO_UDP))
		return 0;
	tcp = pkt.key.local.proto == INK_PROTO_TCP;
	at = pkt.payload_at + (tcp ? 2 : 0);
	n = pkt.payload - min(pkt.payload, tcp ? 2u : 0u);
	n = min(n, (u32)INK_DNS_BYTES);
	if (!n || at + n > f->n) {
		count->malformed++;
		return 0;
	}
	memset(&room.message, 0, sizeof(room.message));
	memcpy(room.message.bytes, f->bytes + at, n);
	room.message.length = n;
	kind = (u32)ink_dns_question(&room);
	count->other += kind == INK_DNS_OTHER;
	count->malformed += kind == INK_DNS_MALFORMED;
	count->short_name += kind == INK_DNS_SHORT_NAME;
	count->odd += kind == INK_DNS_ODD;
	if (kind == INK_DNS_OTHER || kind == INK_DNS_MALFORMED)
		return 0;
	count->queries++;
	count->tcp += tcp;
	if (kind != INK_DNS_QUERY)
		return 0;
	count->scored++;
	st_expect(&img, &room.in, 1, out, &v);
	count->flagged += v.class == 1;
	count->dropped += v.class == 1;
	return v.class == 1;
}

/* Where a constant of the object lies. */
static u32 *constant(struct bpf_object *obj, const char *name)
{
	const struct btf *btf = bpf_object__btf(obj);
	const struct btf_type *t = btf__type_by_id(btf, (u32)btf__find_by_name_kind(btf, ".rodata",
										   BTF_KIND_DATASEC));
	const struct btf_var_secinfo *var = btf_var_secinfos(t);
	struct bpf_map *map;
	size_t size;
	int i;

	for (i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, var[i].type)->name_off), name))
			break;
	bpf_object__for_each_map(map, obj)
		if (i < btf_vlen(t) && strstr(bpf_map__name(map), ".rodata"))
			return (u32 *)((u8 *)bpf_map__initial_value(map, &size) + var[i].offset);
	st_bail("%s has no %s", OBJECT, name);
}

static int program(struct bpf_object **object, u32 slot)
{
	struct bpf_object *obj = bpf_object__open_file(OBJECT, NULL);

	if (!obj)
		st_bail("%s: %s", OBJECT, strerror(errno));
	*constant(obj, "ink_slot_id") = slot;
	if (bpf_object__load(obj))
		st_bail("%s doesn't load", OBJECT);
	*object = obj;
	return bpf_program__fd(bpf_object__find_program_by_name(obj, "inkling_dns"));
}

static struct ink_dns_counters counted(struct bpf_object *obj)
{
	struct ink_dns_counters all[64] = { 0 }, sum = { 0 };
	int fd = bpf_object__find_map_fd_by_name(obj, "counters"), cpu;
	u32 key = 0, i;

	if (bpf_map_lookup_elem(fd, &key, all))
		st_bail("counters: %s", strerror(errno));
	for (cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		for (i = 0; i < sizeof(sum) / sizeof(u64); i++)
			((u64 *)&sum)[i] += ((u64 *)&all[cpu])[i];
	return sum;
}

int main(void)
{
	struct ink_slot_change drop = { .classes = 2, .action = { 0, INKLING_ACTION_DROP } };
	const char *asked = getenv("DNS_FRAMES");
	u32 frames = asked ? (u32)strtoul(asked, NULL, 10) : 20000, i, wrong = 0;
	struct ink_dns_counters want = { 0 }, got;
	struct bpf_object *obj;
	struct ink_ctl *ctl;
	struct frame f;
	int fd;

	st_bpf_needed();
	img = names_image();
	ctl = st_ctl();
	fd = program(&obj, st_slot_with(ctl, SLOT, INKLING_CTX_ALL, &img));
	ink_slot_set(ctl, SLOT, &drop);
	for (i = 0; i < frames; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.bytes, .repeat = 1);

		f = query();
		if (i % 4)
			damage(&f);
		opts.data_size_in = f.n;
		if (bpf_prog_test_run_opts(fd, &opts)) {
			/* Newer kernels don't take what hasn't a whole IP header. */
			if (errno != EINVAL || f.n >= 14 + 4 + 40)
				st_bail("a frame of %u bytes: %s", f.n, strerror(errno));
			continue;
		}
		if ((opts.retval == 2) == expect(&f, &want))	/* TC_ACT_SHOT */
			continue;
		if (!wrong++)
			st_diag("frame %u: the program says %d", i, (int)opts.retval);
	}
	got = counted(obj);
	st_is(wrong, 0, "of %u frames the same are dropped", frames);
	st_ok(want.dropped > frames / 50 && want.malformed > frames / 50 && want.odd && want.tcp &&
	      want.short_name && want.other, "among them each kind");
	st_is((long long)got.packets, want.packets, "packets");
	st_is((long long)got.queries, want.queries, "queries");
	st_is((long long)got.tcp, want.tcp, "queries by TCP");
	st_is((long long)got.other, want.other, "other messages");
	st_is((long long)got.malformed, want.malformed, "malformed messages");
	st_is((long long)got.short_name, want.short_name, "names of one label");
	st_is((long long)got.odd, want.odd, "odd names");
	st_is((long long)(got.scored + got.cached), want.scored, "names that were judged");
	st_is((long long)got.flagged, want.flagged, "flagged");
	st_is((long long)got.dropped, want.dropped, "dropped");
	st_is((long long)got.unanswered, 0, "the slot always answers");
	bpf_object__close(obj);
	ink_slot_del(ctl, SLOT);
	image_free(&img);
	return st_done();
}
