// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A connection of io-uring.  The kernel receives for it all the time, also while its request is worked for;
 * there is at most one send, and one poll of its upstream's socket.  Whatever ends it cancels what is under
 * way, and the last completion gives it back.
 */
#include "servers/ring_connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "servers/probes.h"
#include "user/base/clock.h"

/* Of requests behind the one that is worked for; then the connection is read from no more until its turn. */
#define HELD_BYTES 16384u
/*
 * How long the kernel may take to tell of what it has: it does so a few at a time (io_uring/io_uring.c, since
 * Linux 6.13: f46b9cdb22f7), and when there is room.  After that it does not tell at all: in 6.18, of a
 * reset that comes right behind some bytes, which a receive for many misses.
 */
#define TELLS_NS 1000000000u

static uint64_t tag(const struct connection *c, enum operation operation)
{
	return (uintptr_t)c | operation;
}

static void end_task(struct connection *c)
{
	if (c->task && c->task->asking)
		upstream_close(&c->task->call);
	free(c->task);
	c->task = NULL;
}

/* The kernel has nothing of C any more. */
static void release(struct serving *s, struct connection *c)
{
	close(c->fd);
	conn_fini(&c->conn);
	*(c->previous ? &c->previous->next : &s->connections) = c->next;
	if (c->next)
		c->next->previous = c->previous;
	free(c);
	s->open--;
	server_left(s->io.server);
	stats_count(s->io.slot, STATS_CLOSED);
}

/* C is not the caller's any more. */
static void release_if_done(struct serving *s, struct connection *c)
{
	if (c->closing && !c->receiving && !c->sending && !c->polling)
		release(s, c);
}

static void close_connection(struct serving *s, struct connection *c)
{
	c->closing = true;
	timers_remove(&s->timers, &c->timer);
	if (c->receiving)
		ring_cancel(&s->ring, tag(c, RECEIVE));
	if (c->sending)
		ring_cancel(&s->ring, tag(c, SEND));
	if (c->polling)
		ring_cancel(&s->ring, tag(c, ASK));
	if (c->task)
		probe_request_end(&c->task->work.context, &c->conn, 0);
	end_task(c);
	release_if_done(s, c);
}

/* When C is to be gone on with if nothing is completed. */
static uint64_t due_ns(const struct connection *c)
{
	uint64_t deadline_ns = conn_deadline_ns(&c->conn);

	if (c->task)
		return c->task->work.wake_at_ns;
	return c->looked_for_ns == deadline_ns ? c->told_by_ns : deadline_ns;
}

/* Until something is completed, or what has a time. */
static void wait_for(struct serving *s, struct connection *c)
{
	if (timers_set(&s->timers, &c->timer, due_ns(c)))
		close_connection(s, c);
}

static void start_send(struct serving *s, struct connection *c)
{
	struct io_uring_sqe *entry = ring_entry(&s->ring);
	size_t bytes;
	const char *output = io_begin_send(&s->io, &c->conn, &bytes);

	io_uring_prep_send(entry, c->fd, output, bytes, MSG_NOSIGNAL);
	entry->user_data = tag(c, SEND);
	c->sending = true;
}

static void start_receive(struct serving *s, struct connection *c)
{
	ring_receive(&s->ring, c->fd, tag(c, RECEIVE));
	c->receiving = true;
}

static void start_poll(struct serving *s, struct connection *c, unsigned events)
{
	struct io_uring_sqe *entry = ring_entry(&s->ring);

	io_uring_prep_poll_add(entry, c->task->call.fd, events);
	entry->user_data = tag(c, ASK);
	c->polling = true;
}

static void stop_receiving(struct serving *s, struct connection *c)
{
	if (c->receiving && !c->cancelling)
		ring_cancel(&s->ring, tag(c, RECEIVE));
	c->cancelling = c->receiving;
}

/* What comes meanwhile has to wait.  While draining it would else never be that nothing is left to answer, if
 * the other side always asks for more. */
static void stop_if_busy(struct serving *s, struct connection *c)
{
	if (c->task || c->sending)
		stop_receiving(s, c);
}

/* Go on with C's work.  Returns false if it waits for something. */
static bool run_task(struct serving *s, struct connection *c)
{
	struct task *task = c->task;
	enum work_need need = work_run_to_call(&task->work, 0, &task->call);

	if (need == WORK_ASK) {
		task->asking = true;
		start_poll(s, c, POLLOUT);
	}
	if (need != WORK_DONE) {
		probe_request_yield(&task->work.context);
		return false;
	}
	io_answer(&c->conn, &task->work);
	end_task(c);
	return true;
}

/* A request is whole.  Returns false if it waits for something. */
static bool begin_task(struct serving *s, struct connection *c)
{
	c->task = malloc(sizeof(*c->task));
	if (!c->task) {
		io_answer_no_memory(&c->conn);
		return true;
	}
	c->task->asking = c->task->late = false;
	if (io_begin(&s->io, &c->conn, &c->task->work, c->known_at_ns))
		return run_task(s, c);
	end_task(c);
	return true;
}

/*
 * C waits for bytes: what is to be done if the kernel does not receive for it.  Returns false if that is all.
 * While draining, an idle connection is read once more and then ended.
 */
static bool go_on_receiving(struct serving *s, struct connection *c)
{
	bool is_idle = c->conn.draining && conn_is_idle(&c->conn);

	if (c->receiving) {
		if (is_idle)
			stop_receiving(s, c);
		return false;
	}
	if (c->ended) {
		conn_input(&c->conn, NULL, 0, clock_monotonic_ns());
		return true;
	}
	if (is_idle) {
		c->known_at_ns = s->woke_at_ns;
		if (io_receive(&s->io, c->fd, &c->conn, MSG_DONTWAIT) == -EAGAIN)
			conn_end(&c->conn, clock_monotonic_ns());
		return true;
	}
	start_receive(s, c);
	return false;
}

/* As far as C can go without waiting; it may be gone then. */
static void advance(struct serving *s, struct connection *c)
{
	for (;;) {
		switch (conn_need(&c->conn)) {
		case CONN_RECEIVE:
		case CONN_DISCARD:
			if (go_on_receiving(s, c))
				break;
			wait_for(s, c);
			return;
		case CONN_SEND:
			if (!c->sending)
				start_send(s, c);
			wait_for(s, c);
			return;
		case CONN_SHUT:
			io_shut(c->fd, &c->conn);
			break;
		case CONN_WORK:
			if (begin_task(s, c))
				break;
			wait_for(s, c);
			return;
		case CONN_CLOSE:
			close_connection(s, c);
			return;
		}
	}
}

/* What C's work waited for has come. */
static void resume(struct serving *s, struct connection *c)
{
	probe_request_run(&c->task->work.context, 0);
	if (run_task(s, c))
		advance(s, c);
	else
		wait_for(s, c);
}

static void on_receive(struct serving *s, struct connection *c, const struct ring_done *done)
{
	const char *bytes = ring_buffer(&s->ring, done);

	c->receiving = done->flags & IORING_CQE_F_MORE;
	c->cancelling &= c->receiving;
	if (done->result == -ENOBUFS)
		stats_count(s->io.slot, STATS_NO_BUFFERS);
	if (!c->conn.in_bytes)
		c->known_at_ns = s->woke_at_ns;
	if (done->result > 0 && bytes && !c->closing)
		conn_input(&c->conn, bytes, (size_t)done->result, clock_monotonic_ns());
	else if (!c->receiving && done->result != -ENOBUFS && done->result != -ECANCELED &&
		 done->result != -EINTR)
		c->ended = true;
	ring_give_back(&s->ring, done);
	if (c->closing) {
		release_if_done(s, c);
		return;
	}
	if (c->conn.in_bytes > HELD_BYTES || c->conn.draining)
		stop_if_busy(s, c);
	/* Its work goes on by itself, unless there is no memory for what came meanwhile. */
	if (!c->task || conn_need(&c->conn) == CONN_CLOSE)
		advance(s, c);
}

static void on_send(struct serving *s, struct connection *c, int result)
{
	c->sending = false;
	io_end_send(&s->io, &c->conn, result);
	if (c->closing)
		release_if_done(s, c);
	else
		advance(s, c);
}

/* The upstream's socket is ready, or was waited for long enough. */
static void on_ask(struct serving *s, struct connection *c)
{
	struct task *task = c->task;
	enum upstream_state state;

	c->polling = false;
	if (c->closing) {
		release_if_done(s, c);
		return;
	}
	state = upstream_advance(&task->call);
	if (state <= UPSTREAM_WRITE && !task->late) {
		start_poll(s, c, state == UPSTREAM_WRITE ? POLLOUT : POLLIN);
		return;
	}
	work_end_call(&task->work, &task->call, state == UPSTREAM_DONE ? 0 : task->late ? 504 : 502);
	task->asking = task->late = false; /* the next one has its own time */
	resume(s, c);
}

/* C's deadline has passed: whether what it waited for is there, and only has to be told yet.  Looks once. */
static bool is_to_be_told(struct connection *c, uint64_t now_ns)
{
	uint64_t deadline_ns = conn_deadline_ns(&c->conn);
	bool is_ready;

	if (c->looked_for_ns == deadline_ns)
		return false;
	is_ready = c->sending ? io_is_ready(c->fd, POLLOUT) : c->receiving && io_is_ready(c->fd, POLLIN);
	c->looked_for_ns = deadline_ns;
	c->told_by_ns = is_ready ? now_ns + TELLS_NS : deadline_ns;
	return is_ready;
}

void ring_connection_on_timer(struct serving *s, struct connection *c, uint64_t now_ns)
{
	if (now_ns < due_ns(c) || (!c->task && is_to_be_told(c, now_ns))) { /* it was moved, or is */
		wait_for(s, c);
	} else if (!c->task) {
		io_expire(&s->io, &c->conn, now_ns);
		advance(s, c);
	} else if (c->task->asking) {
		c->task->late = true; /* on_ask() comes, since it is polled for */
		ring_cancel(&s->ring, tag(c, ASK));
	} else {
		resume(s, c);
	}
}

void ring_connection_open(struct serving *s, int fd)
{
	enum server_admission admission = server_enter(s->io.server, s->open);
	struct connection *c = admission == SERVER_DROP ? NULL : malloc(sizeof(*c));

	if (!c) {
		io_turn_away(&s->io, fd);
		server_left(s->io.server);
		return;
	}
	*c = (struct connection){ .fd = fd, .next = s->connections };
	io_open(&s->io, &c->conn, admission, s->woke_at_ns);
	if (s->draining)
		conn_drain(&c->conn);
	if (c->next)
		c->next->previous = c;
	s->connections = c;
	s->open++;
	advance(s, c);
}

void ring_connection_drain(struct serving *s, struct connection *c)
{
	conn_drain(&c->conn);
	if (c->closing)
		return;
	stop_if_busy(s, c);
	if (!c->task && conn_is_idle(&c->conn))
		advance(s, c);
}

void ring_connection_on(struct serving *s, struct connection *c, const struct ring_done *done)
{
	switch (done->user_data & OPERATION_MASK) {
	case RECEIVE:
		on_receive(s, c, done);
		break;
	case SEND:
		on_send(s, c, done->result);
		break;
	default:
		on_ask(s, c);
	}
}
