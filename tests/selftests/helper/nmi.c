// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that is called in NMIs asks a slot; started by nmi.sh, which knows
 * that provoking NMIs leaves lines in the kernel's log.
 */
#include "st_bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int main(void)
{
	struct image flow = model_image(MODEL_FLOW);
	u8 *in = st_inputs(&flow, 1, 1);
	struct ink_slot_stats stats;
	struct bpf_link *link;
	struct ink_ctl *ctl;
	struct st_bpf bpf;
	int fd, tries;
	u32 id;

	st_bpf_needed();
	ctl = st_ctl();
	id = st_slot_with(ctl, "nmi", INKLING_CTX_ALL, &flow);
	st_bpf_open(&bpf, NULL);
	link = st_bpf_attach(&bpf, "run_nmi");
	st_job_set(bpf.job, id, ST_JOB_VERDICT, &flow, in);
	bpf.job->armed = 1;
	fd = open("/proc/sysrq-trigger", O_WRONLY);
	if (fd < 0 || write(fd, "l", 1) != 1)
		st_bail("sysrq: %s", strerror(errno));
	close(fd);
	for (tries = 0; tries < 100 && !READ_ONCE(bpf.job->count); tries++)
		usleep(20000);
	bpf.job->armed = 0;
	bpf_link__destroy(link);
	st_ok(bpf.job->count > 0, "the program was called in an NMI, %u times", bpf.job->count);
	st_is(bpf.job->err, -EOPNOTSUPP, "and was refused");
	stats = st_stats(ctl, "nmi");
	st_is((long long)st_error_count(&stats, "nmi"), bpf.job->count, "that is counted");
	st_is((long long)stats.runs, 0, "nothing was run");
	st_bpf_close(&bpf);
	ink_slot_del(ctl, "nmi");
	ink_ctl_close(ctl);
	return st_done();
}
