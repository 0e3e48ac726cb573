// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An epoll loop over many connections, for the modes loop and pool. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "httpd.h"
#include "work.h"

#define EVENTS 64

void loop_watch(struct loop *loop, struct watched *watched)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = watched };

	if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, watched->fd, &event))
		die("epoll_ctl");
}

void loop_arm(struct loop *loop, struct connection *c, uint32_t events)
{
	struct epoll_event event = { .events = events | (loop->oneshot ? EPOLLONESHOT : 0), .data.ptr = c };

	if (!loop->oneshot && c->armed == events)
		return;
	c->armed = events;
	if (epoll_ctl(loop->fd, EPOLL_CTL_MOD, c->watched.fd, &event))
		die("epoll_ctl");
}

void loop_close(struct loop *loop, struct connection *c)
{
	/* Events of this round may still point to it. */
	epoll_ctl(loop->fd, EPOLL_CTL_DEL, c->watched.fd, NULL);
	c->next = loop->closed;
	loop->closed = c;
	c->state = WAITING;
}

/* Whatever has come whole is answered, or taken away. */
static void advance(struct loop *loop, struct connection *c)
{
	for (;;) {
		enum progress progress = connection_parse(c);

		if (progress == AGAIN) {
			c->state = READING;
			loop_arm(loop, c, EPOLLIN);
			return;
		}
		if (progress == DONE) {
			c->state = WAITING;
			if (loop->take(loop, c))
				return;
			progress = connection_answer(c, work_for(c));
		}
		if (progress == AGAIN) {
			c->state = SENDING;
			loop_arm(loop, c, EPOLLOUT);
			return;
		}
		if (progress == FAILED || !c->request.keep_alive) {
			loop_close(loop, c);
			return;
		}
	}
}

/* After a send. */
static void go_on(struct loop *loop, struct connection *c, enum progress progress)
{
	if (progress == AGAIN) {
		c->state = SENDING;
		loop_arm(loop, c, EPOLLOUT);
	} else if (progress == FAILED || !c->request.keep_alive) {
		loop_close(loop, c);
	} else {
		advance(loop, c);
	}
}

void loop_answer(struct loop *loop, struct connection *c, uint64_t known_ns)
{
	if (c->gone)
		loop_close(loop, c);
	else
		go_on(loop, c, connection_answer(c, known_ns));
}

static void connection_event(struct loop *loop, struct connection *c, uint32_t events)
{
	enum progress progress;

	if (c->state == WAITING) {
		/* Closed in this round, or the client has given up: hear no more of it. */
		if (events & (EPOLLHUP | EPOLLERR)) {
			epoll_ctl(loop->fd, EPOLL_CTL_DEL, c->watched.fd, NULL);
			c->gone = true;
		}
		return;
	}
	if (c->state == SENDING) {
		go_on(loop, c, connection_send(c));
		return;
	}
	progress = connection_read(c);
	if (progress == FAILED)
		loop_close(loop, c);
	else if (progress == DONE)
		advance(loop, c);
}

static void accept_all(struct loop *loop)
{
	struct connection *c;

	while ((c = connection_accept(true))) {
		struct epoll_event event = { .events = EPOLLIN | (loop->oneshot ? EPOLLONESHOT : 0),
					     .data.ptr = c };

		c->armed = EPOLLIN;
		if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, c->watched.fd, &event))
			die("epoll_ctl");
		if (options.accept_delay_us) /* which would wait for the next */
			return;
	}
}

static void free_closed(struct loop *loop)
{
	while (loop->closed) {
		struct connection *c = loop->closed;

		loop->closed = c->next;
		connection_close(c);
	}
}

void loop_init(struct loop *loop)
{
	static struct watched listener = { .kind = LISTENER };

	listener.fd = options.listener;
	loop->fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->fd < 0 || fcntl(listener.fd, F_SETFL, O_NONBLOCK))
		die("epoll_create1");
	loop_watch(loop, &listener);
}

void loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int nr = epoll_wait(loop->fd, events, EVENTS, -1);

		if (nr < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < nr; i++) {
			struct watched *watched = events[i].data.ptr;

			if (watched->kind == LISTENER)
				accept_all(loop);
			else if (watched->kind == CONNECTION)
				connection_event(loop, (struct connection *)watched, events[i].events);
			else if (watched->kind == UPSTREAM)
				upstream_event(loop, watched, events[i].events);
			else
				loop->on_handed_back(loop);
		}
		free_closed(loop);
		if (options.reader_burns_us)
			burn(options.reader_burns_us * 1000);
	}
}

void serve_loop(void)
{
	struct loop loop = { .take = upstream_take };

	loop_init(&loop);
	loop_run(&loop);
}
