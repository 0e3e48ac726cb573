// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * scripted [--address A] [--port N] [--unix PATH] [--stall AT:FOR]... [--log NR]: a server of one thread, for
 * tests of who asks, whose answers and faults are known.
 *
 * Says `ready ADDRESS:PORT` (or `ready unix:PATH`) when it accepts, and runs until it is ended.  At each
 * --stall (ms after the first request, or after GET /start, and for how many ms) it does nothing at all: it
 * neither accepts nor reads nor answers.  What is asked for says how it is answered (scripted_answers.c):
 *
 *   /...            200 at once                      /slow?us=N      after N us
 *   /status/NNN     with that status                 /drip?us=N      a byte each N us
 *   /close-before   closes in place of an answer     /close-head, /close-within, /close-chunk   or within it
 *   /reset          resets                           /reset-within   or within it
 *   /garbage        no HTTP                          /long-head      a head of 100 KB
 *   /chunked        in chunks                        /trailers       with trailers
 *   /1xx            100 and 103 before               /big?kb=N       N KB
 *   /http10         HTTP/1.0, and closes             /by-close       a body that ends with the connection
 *   /say-close      says close, and does             /then-close     does, and does not say so
 *   /half-close     sends no more on the connection  /never          no answer
 *   /unasked        and one more, unasked for
 *
 *   /stats          exact counts of these, the head of the last, and when the stalls were (CLOCK_MONOTONIC)
 *   /log            with --log: a line for each of the first NR answers: when the request was read, when its
 *                   first byte was about to be sent and its last was, on which connection, and the path
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "address.h"
#include "scripted.h"
#include "work.h"

#define EVENTS	  64
#define STALLS	  64
#define NS_PER_MS 1000000u

struct script {
	uint64_t at_ns, for_ns;
};

static struct {
	struct address address;
	int listener, epoll;
	struct script stalls[STALLS];
	size_t nr_stalls, next_stall;
	uint64_t began_ns; /* 0: not yet */
} server;

static LIST_HEAD(, connection) waiting = LIST_HEAD_INITIALIZER(waiting);

void die(const char *what)
{
	fprintf(stderr, "scripted: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void usage(const char *why, const char *word)
{
	fprintf(stderr,
		"scripted: %s '%s'; scripted [--address A] [--port N] [--unix PATH] [--stall AT:FOR]... "
		"[--log NR]\n",
		why, word);
	exit(2);
}

void stalls_begin(void)
{
	server.began_ns = now_ns(CLOCK_MONOTONIC);
	server.next_stall = 0;
}

/* When the next stall begins; UINT64_MAX: none does. */
static uint64_t stall_at_ns(void)
{
	if (!server.began_ns || server.next_stall == server.nr_stalls)
		return UINT64_MAX;
	return server.began_ns + server.stalls[server.next_stall].at_ns;
}

static void stall_if_due(void)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), from_ns = stall_at_ns();
	struct timespec end;

	if (now < from_ns)
		return;
	end = timespec_of(from_ns + server.stalls[server.next_stall].for_ns);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL))
		;
	memory_stalled(now, now_ns(CLOCK_MONOTONIC));
	server.next_stall++;
}

static void arm(struct connection *c, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	if (c->armed == events)
		return;
	c->armed = events;
	if (epoll_ctl(server.epoll, EPOLL_CTL_MOD, c->fd, &event))
		die("epoll_ctl");
}

static void stop_waiting(struct connection *c)
{
	if (c->is_waiting)
		LIST_REMOVE(c, waiting);
	c->is_waiting = false;
}

static void wait_until(struct connection *c, uint64_t at_ns)
{
	c->go_on_at_ns = at_ns;
	if (!c->is_waiting)
		LIST_INSERT_HEAD(&waiting, c, waiting);
	c->is_waiting = true;
	arm(c, EPOLLRDHUP); /* the client may give up */
}

static void connection_end(struct connection *c, bool reset)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	stop_waiting(c);
	close(c->fd);
	free(c->answer.owned);
	free(c);
	memory.open--;
}

/* The answer is sent; false: C is gone. */
static bool after_answer(struct connection *c)
{
	enum after after = c->answer.after;

	if (after == SILENT) {
		arm(c, EPOLLRDHUP);
		return true;
	}
	free(c->answer.owned);
	c->answer.owned = NULL;
	c->answering = false;
	if (after == CLOSE || after == RESET) {
		connection_end(c, after == RESET);
		return false;
	}
	if (after == HALF_CLOSE)
		c->half_closed = !shutdown(c->fd, SHUT_WR);
	arm(c, EPOLLIN);
	return true;
}

/* Send what can be sent; false: C is gone. */
static bool go_on(struct connection *c)
{
	struct answer *answer = &c->answer;
	uint64_t before_ns = now_ns(CLOCK_MONOTONIC);

	while (c->sent < answer->nr_bytes) {
		size_t nr = answer->gap_ns ? 1 : answer->nr_bytes - c->sent;
		ssize_t ret = send(c->fd, answer->bytes + c->sent, nr, MSG_NOSIGNAL);

		if (ret < 0 && errno == EAGAIN) {
			arm(c, EPOLLOUT);
			return true;
		}
		if (ret < 0) {
			connection_end(c, false);
			return false;
		}
		c->sent += (size_t)ret;
		if (answer->gap_ns && c->sent < answer->nr_bytes) {
			wait_until(c, before_ns + answer->gap_ns);
			return true;
		}
	}
	if (answer->nr_bytes && c->kind >= 0)
		memory_answered(c, before_ns, now_ns(CLOCK_MONOTONIC));
	return after_answer(c);
}

static bool begin_answer(struct connection *c)
{
	if (c->half_closed) {
		memory.ignored++;
		return true;
	}
	c->kind = answer_make(c);
	if (c->kind >= 0) {
		if (!server.began_ns)
			stalls_begin();
		memory.requests++;
		memory.by_kind[c->kind]++;
		memory.body_bytes += c->body_bytes;
		memcpy(memory.last_head, c->in, c->head_bytes);
		memory.last_head[c->head_bytes] = '\0';
	}
	c->answering = true;
	c->sent = 0;
	if (!c->answer.wait_ns)
		return go_on(c);
	wait_until(c, c->read_ns + c->answer.wait_ns);
	return true;
}

/* C->in up to its end, which is a head's; false: it is none. */
static bool parse_head(struct connection *c)
{
	const char *length = strcasestr(c->in, "\r\nContent-Length:"), *close = strcasestr(c->in, "\r\nConnec"
												  "tion: "
												  "close");

	c->read_ns = now_ns(CLOCK_MONOTONIC);
	c->body_bytes = length ? strtoull(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
	c->request.wants_close = close;
	return sscanf(c->in, "%15s %63s", c->request.method, c->request.path) == 2;
}

/*
 * How many bytes the first request in C->in has, body and all (which lies behind its head until it is whole,
 * since bodies are small here); 0: it is not whole; -1: it is no request, or too long.
 */
static ssize_t parse(struct connection *c)
{
	char *end = memmem(c->in, c->in_bytes, "\r\n\r\n", 4), kept;
	size_t head = end ? (size_t)(end + 4 - c->in) : 0;
	bool ok;

	if (!end)
		return c->in_bytes < SCRIPTED_HEAD_BYTES ? 0 : -1;
	kept = c->in[head];
	c->in[head] = '\0';
	ok = parse_head(c);
	c->in[head] = kept;
	c->head_bytes = head;
	if (!ok || head + c->body_bytes > SCRIPTED_HEAD_BYTES)
		return -1;
	return head + c->body_bytes <= c->in_bytes ? (ssize_t)(head + c->body_bytes) : 0;
}

/* Requests that are whole are answered, one after the other; false: C is gone. */
static bool advance(struct connection *c)
{
	while (!c->answering && c->in_bytes) {
		ssize_t nr = parse(c);

		if (nr < 0)
			connection_end(c, false);
		if (nr <= 0)
			return nr == 0;
		if (!begin_answer(c))
			return false;
		c->in_bytes -= (size_t)nr;
		memmove(c->in, c->in + nr, c->in_bytes);
	}
	return true;
}

static void take(struct connection *c)
{
	ssize_t ret = recv(c->fd, c->in + c->in_bytes, SCRIPTED_HEAD_BYTES - c->in_bytes, 0);

	if (ret < 0 && errno == EAGAIN)
		return;
	if (ret <= 0) {
		connection_end(c, false);
		return;
	}
	c->in_bytes += (size_t)ret;
	advance(c);
}

static void connection_event(struct connection *c, uint32_t events)
{
	if (!c->answering)
		take(c);
	else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		connection_end(c, false);
	else if (go_on(c))
		advance(c);
}

static void accept_all(void)
{
	int fd;

	while ((fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = calloc(1, sizeof(*c));
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

		if (!c || epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &event))
			die("a connection");
		address_no_delay(fd, &server.address);
		c->fd = fd;
		c->armed = EPOLLIN;
		c->number = (uint32_t)memory.accepted++;
		memory.open++;
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		die("accept4");
}

/* Those that wait for their time; returns when the next one has come. */
static uint64_t run_waiting(void)
{
	struct connection *c, *next;
	uint64_t now = now_ns(CLOCK_MONOTONIC), at_ns = UINT64_MAX;

	for (c = LIST_FIRST(&waiting); c; c = next) {
		next = LIST_NEXT(c, waiting);
		if (c->go_on_at_ns <= now) {
			stall_if_due();
			stop_waiting(c);
			if (!go_on(c) || !advance(c))
				continue;
		}
		if (c->is_waiting && c->go_on_at_ns < at_ns)
			at_ns = c->go_on_at_ns;
	}
	return at_ns;
}

static void serve(void)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		uint64_t at_ns = run_waiting(), stall_ns = stall_at_ns(), now = now_ns(CLOCK_MONOTONIC);
		struct timespec timeout;
		int nr;

		at_ns = stall_ns < at_ns ? stall_ns : at_ns;
		timeout = timespec_of(at_ns > now ? at_ns - now : 0);
		nr = epoll_pwait2(server.epoll, events, EVENTS, at_ns == UINT64_MAX ? NULL : &timeout, NULL);
		if (nr < 0 && errno != EINTR)
			die("epoll_pwait2");
		stall_if_due();
		for (int i = 0; i < nr; i++) {
			stall_if_due();
			if (events[i].data.ptr)
				connection_event(events[i].data.ptr, events[i].events);
			else
				accept_all();
		}
	}
}

static void start_listening(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	const int on = 1;

	server.listener = socket(server.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server.listener < 0)
		die("socket");
	setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server.listener, &server.address.any, server.address.bytes) ||
	    listen(server.listener, 4096) ||
	    getsockname(server.listener, &server.address.any, &server.address.bytes))
		die("listening");
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server.epoll < 0 || epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &event))
		die("epoll_create1");
	printf("ready ");
	address_print(&server.address);
	printf("\n");
	fflush(stdout);
}

static void add_stall(const char *text)
{
	unsigned long at_ms, for_ms;
	int used = 0;

	if (sscanf(text, "%lu:%lu%n", &at_ms, &for_ms, &used) != 2 || text[used] ||
	    server.nr_stalls == STALLS ||
	    (server.nr_stalls && at_ms * NS_PER_MS < server.stalls[server.nr_stalls - 1].at_ns))
		usage("no AT:FOR in ms, in order:", text);
	server.stalls[server.nr_stalls++] = (struct script){ at_ms * NS_PER_MS, for_ms * NS_PER_MS };
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "address", required_argument, NULL, 'a' }, { "port", required_argument, NULL, 'p' },
		{ "unix", required_argument, NULL, 'u' },    { "stall", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },     { 0 },
	};
	const char *host = "127.0.0.1", *port = "0", *path = NULL;
	char name[200];
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'a')
			host = optarg;
		else if (option == 'p')
			port = optarg;
		else if (option == 'u')
			path = optarg;
		else if (option == 's')
			add_stall(optarg);
		else if (option == 'l')
			memory_keep(strtoul(optarg, NULL, 10));
		else
			usage("unknown:", argv[optind - 1]);
	}
	if (optind != argc)
		usage("what is", argv[optind]);
	snprintf(name, sizeof(name),
		 path		   ? "unix:%s" :
		 strchr(host, ':') ? "[%s]:%s" :
				     "%s:%s",
		 path ? path : host, port);
	if (address_parse(&server.address, name))
		usage("no address:", name);
}

static void leave(int number)
{
	(void)number;
	_exit(0);
}

int main(int argc, char **argv)
{
	signal(SIGTERM, leave);
	parse_options(argc, argv);
	start_listening();
	serve();
}
