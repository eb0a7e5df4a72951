// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measuring contenders. See contend.h.
 *
 * What lives here: paired rounds. In each round everyone runs for a short time, one after the
 * other, and ratios are taken within a round, so that what else the machine does falls on all
 * alike. Times of single calls, for the quantiles, are taken apart from that: reading the clock
 * costs as much as a small network.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "contend.h"
#include "stopwatch.h"

static uint64_t clock_ns;	/* what a pair of readings takes */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static uint64_t slice(const struct entry *e)
{
	uint64_t t = ink_clock_ns(CLOCK_MONOTONIC), i;

	for (i = 0; i < e->runs; i++)
		e->run(e->self);
	return ink_clock_ns(CLOCK_MONOTONIC) - t;
}

/* Warm up, and find how often each runs in a slice; twice each, lest an interruption counts. */
static void calibrate(struct entry *e, uint64_t slice_ns)
{
	uint64_t t, again, more;

	e->runs = 1;
	for (;;) {
		t = slice(e);
		again = slice(e);
		t = again < t ? again : t;
		if (t >= slice_ns / 2)
			break;
		more = t ? e->runs * slice_ns / t : e->runs * 2;
		e->runs = more > e->runs ? more : e->runs + 1;
	}
}

static uint64_t single_calls(struct entry *e, uint64_t slice_ns)
{
	uint64_t end = ink_clock_ns(CLOCK_MONOTONIC) + slice_ns, t, took, calls = 0;

	do {
		t = ink_clock_ns(CLOCK_MONOTONIC);
		e->run(e->self);
		took = ink_clock_ns(CLOCK_MONOTONIC) - t;
		took = took > clock_ns ? took - clock_ns : 0;
		e->samples[e->n_samples++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	} while (++calls < ROUND_SAMPLES && t < end);
	return calls;
}

void contend(struct entry *e, unsigned int count, unsigned int batch, uint64_t slice_ns)
{
	uint64_t *calls = calloc(count, sizeof(*calls)), cpu;
	unsigned int r, i;
	struct entry *x;

	clock_ns = ink_clock_cost();
	for (i = 0; i < count; i++) {
		calibrate(&e[i], slice_ns);
		e[i].samples = malloc(sizeof(*e[i].samples) * ROUNDS * ROUND_SAMPLES);
		if (!calls || !e[i].samples) {
			fprintf(stderr, "bench: no memory\n");
			exit(1);
		}
	}
	for (r = 0; r < ROUNDS; r++)
		for (i = 0; i < count; i++) {
			x = &e[(i + r) % count];
			cpu = x->cpu_ns ? x->cpu_ns(x->self) : 0;
			x->ns[r] = (double)slice(x) / ((double)x->runs * batch);
			calls[(i + r) % count] += x->runs + single_calls(x, slice_ns);
			x->cpu += x->cpu_ns ? (double)(x->cpu_ns(x->self) - cpu) : 0;
		}
	for (i = 0; i < count; i++) {
		e[i].cpu /= (double)calls[i] * batch;
		ink_samples_sort(e[i].samples, e[i].n_samples);
	}
	free(calls);
}

void contend_free(struct entry *e, unsigned int count)
{
	while (count--) {
		e[count].close(e[count].self);
		free(e[count].samples);
	}
}

static struct spread spread_of(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_value);
	return (struct spread){ v[0], v[ROUNDS / 10], v[ROUNDS / 2], v[ROUNDS - 1 - ROUNDS / 10] };
}

struct spread contend_time(const struct entry *e)
{
	double v[ROUNDS];

	memcpy(v, e->ns, sizeof(v));
	return spread_of(v);
}

struct spread contend_ratio(const struct entry *e, const struct entry *to)
{
	double v[ROUNDS];
	unsigned int r;

	for (r = 0; r < ROUNDS; r++)
		v[r] = e->ns[r] / to->ns[r];
	return spread_of(v);
}

double contend_quantile(const struct entry *e, double q)
{
	return e->samples[(size_t)(q * (e->n_samples - 1))];
}

bool contend_pin(pid_t pid, unsigned int nth)
{
	cpu_set_t all, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(all), &all))
		return false;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || nth--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		return !sched_setaffinity(pid, sizeof(one), &one);
	}
	return false;
}

const char *contend_cpu(void)
{
	static char name[128];
	char line[256], *p;
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f && !name[0] && fgets(line, sizeof(line), f)) {
		p = strchr(line, ':');
		if (!strncmp(line, "model name", 10) && p)
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(p + 2, "\n\"\\"), p + 2);
	}
	if (f)
		fclose(f);
	return name[0] ? name : "unknown CPU";
}

void figure_write(FILE *f, const struct figure *figure)
{
	fprintf(f, "{\"name\": \"%s\", \"metric\": \"%s\", \"value\": %.1f, \"unit\": \"%s\", ",
		figure->name, figure->metric, figure->value, figure->unit);
	if (figure->peer)
		fprintf(f, "\"peer\": \"%s\", \"ratio\": %.3f, ", figure->peer, figure->ratio);
	else
		fprintf(f, "\"peer\": null, \"ratio\": null, ");
	fprintf(f, "\"conditions\": \"%s\"}\n", figure->conditions);
}
