// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connect() flood: TCP connections by the kernel's own stack on which nothing
 * is ever said. For tests inside the VM; it takes private addresses only and
 * stops after a given number.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_COUNT	5000
#define MAX_HELD	900	/* below the usual limit of open files */

static int usage(void)
{
	fprintf(stderr, "usage: connects -p PORT -n COUNT -r PER-SECOND [--hold] 10.x.y.z\n"
			"  -r 0: as fast as it goes; --hold: keep the connections open until the end\n");
	return 2;
}

static void pause_for(long rate)
{
	struct timespec gap = { .tv_sec = rate == 1, .tv_nsec = rate > 1 ? 1000000000L / rate : 0 };

	if (rate > 0)
		nanosleep(&gap, NULL);
}

/* Return: a socket whose handshake has begun, or -1. */
static int begin(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "hold", no_argument, NULL, 'h' }, { 0 } };
	struct sockaddr_in to = { .sin_family = AF_INET };
	/* Closed some connections later, so that the handshake has ended by then. */
	int held[MAX_HELD], opt;
	long count = 0, rate = -1, i, window = 32, failed = 0;
	bool hold = false;

	while ((opt = getopt_long(argc, argv, "p:n:r:", options, NULL)) != -1) {
		if (opt == 'p')
			to.sin_port = htons((uint16_t)atoi(optarg));
		else if (opt == 'n')
			count = atol(optarg);
		else if (opt == 'r')
			rate = atol(optarg);
		else if (opt == 'h')
			hold = true;
		else
			return usage();
	}
	if (optind != argc - 1 || !to.sin_port || rate < 0 || count < 1 || count > MAX_COUNT ||
	    inet_pton(AF_INET, argv[optind], &to.sin_addr) != 1 ||
	    ntohl(to.sin_addr.s_addr) >> 24 != 10)
		return usage();
	if (hold)
		window = MAX_HELD;
	memset(held, -1, sizeof(held));
	for (i = 0; i < count; i++) {
		if (held[i % window] >= 0)
			close(held[i % window]);
		held[i % window] = begin(&to);
		failed += held[i % window] < 0;
		pause_for(rate);
	}
	sleep(1);
	printf("%ld connections begun, %ld refused\n", count - failed, failed);
	return 0;
}
