// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Asking another server on behalf of a request, and keeping the connection to it. */
#include <errno.h>
#include <sys/epoll.h>

#include "httpd.h"
#include "work.h"

#define ANSWER_BYTES 1024

struct upstream {
	struct watched watched;
	struct upstream *next; /* among the idle */
	struct connection *asked_for;
	uint64_t asked_at_ns;
	char in[ANSWER_BYTES];
	size_t in_bytes;
};

static int format_question(char *out, size_t size, const struct connection *c)
{
	return snprintf(out, size, "GET /sleep?us=%lu HTTP/1.1\r\nHost: upstream\r\n\r\n", c->request.us);
}

/* Whether what has come is a whole answer: its head, and as much as that says. */
static bool is_whole(const char *in, size_t bytes)
{
	const char *end = memmem(in, bytes, "\r\n\r\n", 4),
		   *length = memmem(in, bytes, "Content-Length: ", 16);

	return end && length && length < end &&
	       bytes == (size_t)(end + 4 - in) + strtoul(length + 16, NULL, 10);
}

static void need_upstream(void)
{
	if (options.upstream.bytes)
		return;
	errno = EDESTADDRREQ;
	die("/upstream needs the option --upstream");
}

uint64_t upstream_ask(struct connection *c)
{
	char question[128], in[ANSWER_BYTES];
	int length = format_question(question, sizeof(question), c);
	size_t in_bytes = 0;
	uint64_t began_ns;

	need_upstream();
	if (c->upstream_fd < 0)
		c->upstream_fd = connect_upstream(0);
	began_ns = now_ns(CLOCK_MONOTONIC);
	if (send(c->upstream_fd, question, (size_t)length, MSG_NOSIGNAL) != length)
		die("asking the upstream");
	do {
		ssize_t got = recv(c->upstream_fd, in + in_bytes, sizeof(in) - in_bytes, 0);

		if (got <= 0)
			die("the answer of the upstream");
		in_bytes += (size_t)got;
	} while (!is_whole(in, in_bytes));
	return now_ns(CLOCK_MONOTONIC) - began_ns;
}

/* Asks, or waits until it is connected. */
static void ask(struct loop *loop, struct upstream *u)
{
	char question[128];
	int length = format_question(question, sizeof(question), u->asked_for);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = u };

	u->asked_at_ns = now_ns(CLOCK_MONOTONIC);
	if (send(u->watched.fd, question, (size_t)length, MSG_NOSIGNAL) == length)
		u->in_bytes = 0;
	else if (errno == EAGAIN || errno == ENOTCONN)
		event.events = EPOLLOUT;
	else
		die("asking the upstream");
	if (epoll_ctl(loop->fd, EPOLL_CTL_MOD, u->watched.fd, &event))
		die("epoll_ctl");
}

bool upstream_take(struct loop *loop, struct connection *c)
{
	struct upstream *u = loop->idle_upstreams;

	if (c->request.path != PATH_UPSTREAM)
		return false;
	need_upstream();
	if (u) {
		loop->idle_upstreams = u->next;
	} else {
		u = calloc(1, sizeof(*u));
		if (!u)
			die("calloc");
		u->watched = (struct watched){ UPSTREAM, connect_upstream(SOCK_NONBLOCK) };
		loop_watch(loop, &u->watched);
	}
	loop_arm(loop, c, 0);
	u->asked_for = c;
	ask(loop, u);
	return true;
}

void upstream_event(struct loop *loop, struct watched *watched, uint32_t events)
{
	struct upstream *u = (struct upstream *)watched;
	struct connection *c = u->asked_for;
	ssize_t got;

	if (events & EPOLLOUT) {
		ask(loop, u);
		return;
	}
	got = recv(u->watched.fd, u->in + u->in_bytes, sizeof(u->in) - u->in_bytes, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		die("the answer of the upstream");
	u->in_bytes += (size_t)got;
	if (!is_whole(u->in, u->in_bytes))
		return;
	u->next = loop->idle_upstreams;
	loop->idle_upstreams = u;
	u->asked_for = NULL;
	loop_answer(loop, c, now_ns(CLOCK_MONOTONIC) - u->asked_at_ns);
}
