// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling-http: judge what a web server was asked.
 *
 * What lives here: the command line, and where lines come from: standard input, or a socket that
 * nginx writes to as if to a syslog. What doesn't: what becomes of a line (scorer.c).
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "scorer.h"

#define LINE	(128 << 10)	/* bytes of the longest line; nginx escapes a byte with six at most */

static const char usage[] =
	"usage: inkling-http SLOT [--syslog PATH] [--model FILE] [--all]\n"
	"       inkling-http --tokens\n"
	"\n"
	"Reads lines {\"client\":\"...\",\"request\":\"...\",\"body\":\"...\"} and prints those that the slot\n"
	"flags, with score and class. See Documentation/http.rst for nginx's side.\n"
	"\n"
	"  --syslog PATH   lines come as datagrams to this socket, not by standard input\n"
	"  --model FILE    without the module, run this model in this process\n"
	"  --all           print all requests, not only those that are flagged\n"
	"  --tokens        print no verdicts but what the model reads: for each window its line's number\n"
	"                  (32 bits) and its tokens (16 bits each), for training\n";

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = 1;
}

typedef void (*take_line)(void *arg, const char *line, size_t size);

static void take_score(void *arg, const char *line, size_t size)
{
	ink_http_scorer_line(arg, line, size);
}

struct tokens {
	struct json_tokener *tokener;
	uint32_t line;
};

static void take_tokens(void *arg, const char *line, size_t size)
{
	static uint8_t text[INK_HTTP_TEXT];
	struct tokens *t = arg;
	struct ink_http_entry entry;
	uint16_t window[INK_HTTP_TOKENS];
	size_t n, i;

	if (!ink_http_entry_read(t->tokener, line, size, &entry))
		errx(1, "line %u isn't one of a log", t->line + 1);
	n = ink_http_text(&entry.request, text);
	for (i = 0; i < ink_http_windows(n); i++) {
		ink_http_window(text, n, i, window);
		fwrite(&t->line, sizeof(t->line), 1, stdout);
		fwrite(window, sizeof(window), 1, stdout);
	}
	ink_http_entry_put(&entry);
	t->line++;
}

/* What is there is taken before anything is judged. */
static void read_input(take_line take, void *arg, struct ink_http_scorer *flush)
{
	static char buffer[LINE];
	size_t have = 0;
	char *at, *end;
	ssize_t n = 1;

	while (n && !stop) {
		n = read(STDIN_FILENO, buffer + have, sizeof(buffer) - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err(1, "standard input");
		have += (size_t)n;
		for (at = buffer; (end = memchr(at, '\n', have - (size_t)(at - buffer))); at = end + 1)
			take(arg, at, (size_t)(end - at));
		have -= (size_t)(at - buffer);
		memmove(buffer, at, have);
		if (have && (!n || have == sizeof(buffer))) {
			take(arg, buffer, have);
			have = 0;
		}
		if (flush)
			ink_http_scorer_flush(flush);
	}
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 4 << 20;
	struct stat st;

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s: a socket's path has at most %zu bytes", path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	/* One that was left behind; never a file of somebody else's. */
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static void read_socket(const char *path, struct ink_http_scorer *s)
{
	static char buffer[LINE];
	int fd = listen_at(path), flags = 0;
	ssize_t n;

	while (!stop) {
		n = recv(fd, buffer, sizeof(buffer), flags);
		if (n >= 0) {
			ink_http_scorer_line(s, buffer, (size_t)n);
			flags = MSG_DONTWAIT;
		} else if (errno == EAGAIN && flags) {
			ink_http_scorer_flush(s);
			flags = 0;
		} else if (errno != EINTR) {
			err(1, "%s", path);
		}
	}
	close(fd);
	unlink(path);
}

static int print_tokens(void)
{
	struct tokens t = { .tokener = json_tokener_new() };

	if (!t.tokener)
		err(1, "JSON");
	read_input(take_tokens, &t, NULL);
	json_tokener_free(t.tokener);
	return fflush(stdout) || ferror(stdout);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "syslog", required_argument, NULL, 's' }, { "model", required_argument, NULL, 'm' },
		{ "all", no_argument, NULL, 'a' }, { "tokens", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	const char *path = NULL, *model = NULL;
	const struct sigaction on = { .sa_handler = on_signal };
	struct ink_http_scorer *s;
	bool all = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 't')
			return print_tokens();
		if (c == 'h')
			return fputs(usage, stdout) < 0;
		if (c == 's')
			path = optarg;
		else if (c == 'm')
			model = optarg;
		else if (c == 'a')
			all = true;
		else
			return 2;
	}
	if (argc != optind + 1) {
		fputs(usage, stderr);
		return 2;
	}
	s = ink_http_scorer_new(argv[optind], model, all);
	sigaction(SIGINT, &on, NULL);
	sigaction(SIGTERM, &on, NULL);
	if (path)
		read_socket(path, s);
	else
		read_input(take_score, s, s);
	ink_http_scorer_end(s);
	return 0;
}
