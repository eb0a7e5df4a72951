/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queries of the domain name system: from the bytes of a message to the name that
 * a model is asked about.
 *
 * What lives here: reading the question of a query (RFC 1035, section 4), and
 * which label of the name somebody has registered; written so that the BPF
 * verifier can follow it and userspace can run it. Also what the program counts,
 * remembers and reports. What doesn't: packets (../flow/flow_packet.h), and the
 * program (dns.bpf.c).
 */
#ifndef INK_DNS_H
#define INK_DNS_H

#include "../flow/flow_packet.h"
#include <linux/inkling.h>
#include <linux/inkling_format.h>

#define INK_DNS_PORT	53
#define INK_DNS_HEADER	12
#define INK_DNS_LABEL	63	/* bytes of a label at most */
#define INK_DNS_LEAST	16	/* bytes of it that a model has to take */
#define INK_DNS_NAME	255	/* bytes of a name in a message */
#define INK_DNS_BYTES	320	/* of a message that are looked at, and room for a label behind them */
#define INK_DNS_MASK	511

/*
 * Loops whose body the BPF verifier checks once, whatever their length. Functions return 1 to end them.
 * <bpf/bpf_helpers.h> comes before this header.
 */
#ifdef __bpf__
#define ink_dns_loop(n, fn, ctx)	bpf_loop(n, fn, ctx, 0)
#else
#define ink_dns_loop(n, fn, ctx) do {				\
	__u32 _i;						\
								\
	for (_i = 0; _i < (n) && !fn(_i, ctx); _i++)		\
		;						\
} while (0)
#endif

/* What a message is. */
enum ink_dns_kind {
	INK_DNS_QUERY,		/* with a name of two labels or more */
	INK_DNS_OTHER,		/* an answer, or another operation than a query */
	INK_DNS_SHORT_NAME,	/* the root, or one label: nobody has registered it */
	INK_DNS_MALFORMED,	/* too short, or a question that isn't one */
	INK_DNS_ODD,		/* a label with bytes that host names don't have */
};

/* A message, with zeros behind it. */
struct ink_dns_message {
	__u8 bytes[INK_DNS_MASK + 1];
	__u32 length;		/* that are of the message */
};

/* Where a label lies. */
struct ink_dns_label {
	__u16 at;
	__u16 length;
};


/* What a model is asked, as it takes it: struct inkling_sequence, then bytes plus one. */
struct ink_dns_input {
	struct inkling_sequence head;
	__u8 tokens[INK_DNS_LABEL + 1];
};

/* The registered label, in lower case, with zeros behind it: key of the tables of names. */
struct ink_dns_key {
	__u8 label[INK_DNS_LABEL + 1];
};

/**
 * struct ink_dns_room - a message, and what is known of the name that it asks for
 * @message: set before
 * @key: set
 * @in: set
 * @last: its last label
 * @second: the one before
 * @third: and before that
 * @labels: of the name
 * @left: bytes of the label that is being walked
 * @done: 1: the end of the name was found, 2: it has none
 * @word: of @second, as the list has them
 * @hit: it is in the list
 * @odd: the registered label has bytes that host names don't have
 * @label: the registered one
 *
 * In BPF it has to lie in a map: of the stack, verifiers before Linux 6.8 believe
 * that a loop has changed it once at most.
 */
struct ink_dns_room {
	struct ink_dns_message message;
	struct ink_dns_key key;
	struct ink_dns_input in;
	struct ink_dns_label last, second, third;
	__u32 labels;
	__u32 left;
	__u32 done;
	__u32 hit;
	__u64 word;
	struct ink_dns_label label;
	__u32 odd;
};

/* One byte of the name. Return: 1 at its end. */
static long ink_dns_step(__u32 i, void *ctx)
{
	struct ink_dns_room *w = *(struct ink_dns_room **)ctx;
	__u32 at = (INK_DNS_HEADER + i) & INK_DNS_MASK, c = w->message.bytes[at];

	if (w->left) {
		w->left--;
		return 0;
	}
	/* Labels are of 63 bytes at most; above are pointers, which a question has no use for. */
	if (at >= w->message.length || c > INK_DNS_LABEL) {
		w->done = 2;
		return 1;
	}
	if (!c) {
		w->done = 1;
		return 1;
	}
	w->third = w->second;
	w->second = w->last;
	w->last.at = (__u16)(at + 1);
	w->last.length = (__u16)c;
	w->left = c;
	w->labels++;
	return 0;
}

/*
 * Labels that stand before a country's code as a part of the public suffix, as the model was trained: eight bytes,
 * little-endian. tools/train/dga_data.py has the same list.
 */
#define INK_DNS_SECOND(X)								\
	X("ac") X("asn") X("asso") X("co") X("com") X("ed") X("edu") X("fin") X("firm")	\
	X("gen") X("go") X("gob") X("gouv") X("gov") X("gv") X("id") X("idv") X("in")	\
	X("ind") X("info") X("int") X("k12") X("lg") X("ltd") X("me") X("mil") X("muni")	\
	X("ne") X("net") X("nhs") X("nic") X("nom") X("nsw") X("or") X("org") X("oz")	\
	X("plc") X("police") X("pro") X("qld") X("res") X("sch") X("school") X("sld")	\
	X("vic") X("web") X("adv") X("art") X("blog") X("eco") X("eng") X("jor") X("jus")	\
	X("leg") X("tur") X("tv")

INK_INLINE __u32 ink_dns_lower(__u32 c)
{
	return c | (ink_less('A' - 1, c) & ink_less(c, 'Z' + 1)) << 5;
}

static const struct ink_dns_second {
	char text[8];
} ink_dns_seconds[] = {
#define INK_DNS_ENTRY(text)	{ text },
	INK_DNS_SECOND(INK_DNS_ENTRY)
#undef INK_DNS_ENTRY
};

#define INK_DNS_SECONDS	(sizeof(ink_dns_seconds) / sizeof(ink_dns_seconds[0]))

/* A byte of the label before the last, to the word. */
static long ink_dns_word(__u32 i, void *ctx)
{
	struct ink_dns_room *w = *(struct ink_dns_room **)ctx;

	i &= 7;
	w->word |= (__u64)ink_dns_lower(w->message.bytes[(w->second.at + i) & INK_DNS_MASK]) << (8 * i);
	return 0;
}

/* Is it the entry @i of the list? */
static long ink_dns_compare(__u32 i, void *ctx)
{
	struct ink_dns_room *w = *(struct ink_dns_room **)ctx;
	__u64 entry;

	if (i >= INK_DNS_SECONDS)
		return 1;
	__builtin_memcpy(&entry, ink_dns_seconds[i].text, 8);
	w->hit |= entry == w->word;
	return 0;
}

/* The label that was registered, of a name that was walked to its end. */
INK_INLINE struct ink_dns_label ink_dns_registered(struct ink_dns_room *w)
{
	__u32 n = w->second.length;

	if (w->labels < 3 || w->last.length != 2 || n > 7)
		return w->second;
	ink_dns_loop(n, ink_dns_word, &w);
	ink_dns_loop(INK_DNS_SECONDS, ink_dns_compare, &w);
	return w->hit ? w->third : w->second;
}

/* A byte of the registered label, to key and input; zeros behind its end. */
static long ink_dns_copy(__u32 i, void *ctx)
{
	struct ink_dns_room *w = *(struct ink_dns_room **)ctx;
	__u32 c = ink_dns_lower(w->message.bytes[(w->label.at + i) & INK_DNS_MASK]);
	__u32 inside = ink_less(i, w->label.length);

	if (i > INK_DNS_LABEL)
		return 1;
	w->odd |= inside & (ink_less(c, 0x21) | ink_less(0x7e, c));
	w->key.label[i] = (__u8)(c * inside);
	w->in.tokens[i] = (__u8)((c + 1) * inside);
	return 0;
}

/* The header alone: is it a query of one question or more? Return: enum ink_dns_kind. */
INK_INLINE int ink_dns_header(const struct ink_dns_message *m)
{
	if (m->length < INK_DNS_HEADER + 5)
		return INK_DNS_MALFORMED;
	if (m->bytes[2] & 0xf8)			/* QR and OPCODE */
		return INK_DNS_OTHER;
	return ink_load16(m->bytes + 4) ? INK_DNS_QUERY : INK_DNS_MALFORMED;
}

/**
 * ink_dns_question() - the registered label of the name that a message asks for
 * @w: with the message, and zeros behind it; key and in are set
 *
 * Return: enum ink_dns_kind; key and in are of use only for INK_DNS_QUERY.
 */
INK_INLINE int ink_dns_question(struct ink_dns_room *w)
{
	int kind = ink_dns_header(&w->message);

	if (kind != INK_DNS_QUERY)
		return kind;
	w->labels = 0;
	w->left = 0;
	w->done = 0;
	w->hit = 0;
	w->word = 0;
	w->odd = 0;
	ink_dns_loop(INK_DNS_NAME + 1, ink_dns_step, &w);
	if (w->done != 1)
		return INK_DNS_MALFORMED;
	if (w->labels < 2)
		return INK_DNS_SHORT_NAME;
	w->label = ink_dns_registered(w);
	ink_dns_loop(INK_DNS_LABEL + 1, ink_dns_copy, &w);
	w->in.head.n = w->label.length;
	return w->odd ? INK_DNS_ODD : INK_DNS_QUERY;
}

/* What the program counts; each CPU has one. */
#define INK_DNS_COUNTER_LIST(X)							\
	X(packets, "packets that came in")					\
	X(queries, "queries, by UDP and TCP")					\
	X(tcp, "of them by TCP")						\
	X(other, "messages to port 53 that aren't queries")			\
	X(malformed, "messages that can't be read")				\
	X(short_name, "names of one label")					\
	X(odd, "names with bytes that host names don't have")			\
	X(allowed, "queries by the allow-list")					\
	X(cached, "answered by what was said of the name before")		\
	X(scored, "names that the slot was asked about")			\
	X(unanswered, "the slot gave no verdict: passed")				\
	X(flagged, "queries for names that aren't of class 0")			\
	X(would_drop, "of them with action drop, but not in mode enforce")	\
	X(dropped, "queries dropped")						\
	X(events, "events sent")						\
	X(events_limited, "events not sent, by the limit")			\
	X(events_lost, "events lost, no room")

struct ink_dns_counters {
#define INK_DNS_FIELD(name, text)	__u64 name;
	INK_DNS_COUNTER_LIST(INK_DNS_FIELD)
#undef INK_DNS_FIELD
};

/* What is remembered of a client. */
struct ink_dns_client {
	__u64 queries;
	__u64 flagged;
	__u64 dropped;
	__u64 last_ns;
};

/* What was said of a name. */
struct ink_dns_verdict {
	__u64 until_ns;
	struct inkling_verdict verdict;
};

struct ink_dns_event {
	__u64 time_ns;
	__u8 client[16];
	struct ink_dns_key key;
	struct inkling_verdict verdict;
	__u32 dropped;
	__u32 zero;
};

#endif /* INK_DNS_H */
