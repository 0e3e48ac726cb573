// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * green-threads: each connection has a green thread, which blocks in its own code and not in the kernel; the
 * goroutine model.
 *
 *     connections    o o o o o o o o         a green thread each: recv, work, send, on a small stack
 *                     \ \ \ | / / /
 *     times ------> [ one epoll ]            polled by a worker that has nothing to do
 *                    /           \
 *        [ g g g | queue ]   [ g | queue ] --- half of it goes to whoever has none
 *               |                 |
 *           worker 1          worker 2       as many as CPUs; one green thread each, until that waits,
 *                                            or has had 10 ms of CPU time and others want some
 *
 * sleep_us, lock_us and upstream hold up nobody else; CPU work does for 10 to 20 ms, reading a file to its
 * end.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "servers/green.h"
#include "servers/green_cost.h"
#include "servers/green_request.h"
#include "servers/green_stack.h"
#include "servers/io.h"
#include "servers/listen.h"
#include "servers/server.h"
#include "servers/stack_limit.h"
#include "user/base/clock.h"

#define ACCEPTS 64 /* at once, so that those who are connected get their turn */
/* After so much idleness a connection's stack is cut down to what it is left on. */
#define TRIM_NS 1000000000u

static const char *stack_guard = "any";
static bool asks_switch_cost;

static const struct opt own_options[] = {
	{ "stack-guard", OPT_STRING, &stack_guard, "HOW",
	  "madvise (Linux 6.13), mprotect (as many as vm.max_map_count allows), or any that works (any)" },
	{ "switch-cost", OPT_FLAG, &asks_switch_cost, NULL,
	  "serve nothing: say what a switch of green threads takes, on one worker, and end" },
	{ NULL },
};

static const struct server *server;
static bool draining; /* atomic */
static struct green *acceptor;
static uint32_t cut_off;
static int failed; /* -errno of what it cannot be without */
/* Held from the beginning of draining until the listener is closed. */
static struct green_mutex leaving = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* On the stack of its green thread. */
struct connection {
	struct conn conn;
	int fd;
	bool is_watched;
	bool is_empty; /* nothing has come since it was read to the end */
	bool is_known; /* known_at_ns is of what will be read next */
	bool is_deep;  /* its stack may have been used since it was cut down */
	uint64_t known_at_ns;
	uint64_t looked_for_ns; /* the deadline that had passed when it was looked what is there all the same */
	struct green_request request; /* the one that is worked for, or was last */
};

static struct io *own_io(void)
{
	struct io *io = green_local();

	io->server = server;
	io->slot = green_slot();
	return io;
}

static bool is_draining(void)
{
	return __atomic_load_n(&draining, __ATOMIC_SEQ_CST);
}

static void work(struct connection *c)
{
	c->is_deep = true;
	if (io_begin(own_io(), &c->conn, &c->request.work, c->known_at_ns)) {
		green_request_run(&c->request, &c->conn.trace);
		if (is_draining())
			conn_drain(&c->conn);
		io_answer(&c->conn, &c->request.work);
	}
}

/* Until one of EVENTS, or the connection's deadline.  Returns whether one has come. */
static bool wait_for(struct connection *c, uint32_t events)
{
	uint64_t until_ns = conn_deadline_ns(&c->conn), trim_at_ns = GREEN_NEVER, now_ns;
	int came;

	if (!c->is_watched && green_watch(c->fd, false)) {
		conn_fail(&c->conn);
		return false;
	}
	c->is_watched = true;
	if (c->is_deep)
		trim_at_ns = conn_after_ns(green_recent_ns(), TRIM_NS);
	green_request_leave(&c->request);
	came = green_wait(events, until_ns < trim_at_ns ? until_ns : trim_at_ns);
	green_request_return(&c->request);
	if (came < 0)
		conn_fail(&c->conn);
	if (came > 0)
		return true;
	now_ns = clock_monotonic_ns();
	/* After a long stop of all there is more than one poll tells: look, once. */
	if (now_ns >= until_ns && c->looked_for_ns != until_ns &&
	    io_is_ready(c->fd, events == GREEN_READ ? POLLIN : POLLOUT)) {
		c->looked_for_ns = until_ns;
		return true;
	}
	if (!io_expire(own_io(), &c->conn, now_ns) && now_ns >= trim_at_ns) {
		green_trim();
		c->is_deep = false;
	}
	return false;
}

/* What was known of before is what was waited for. */
static void wait_to_receive(struct connection *c)
{
	if (!wait_for(c, GREEN_READ))
		return;
	c->is_empty = false;
	c->known_at_ns = green_ready_at_ns();
	c->is_known = c->known_at_ns;
}

static void receive(struct connection *c)
{
	bool ends = is_draining();
	int nr = -EAGAIN;

	if (ends)
		conn_drain(&c->conn);
	if (!c->is_empty || ends) {
		if (!c->is_known)
			c->known_at_ns = clock_monotonic_ns();
		c->is_known = false;
		nr = io_receive(own_io(), c->fd, &c->conn, MSG_DONTWAIT);
		/* Less than there was room for: more is told of when it comes, but an end may have been
		 * already. */
		c->is_empty = nr == -EAGAIN || (nr > 0 && nr < (int)IO_SCRATCH_BYTES && !green_has_hung_up());
	}
	if (nr != -EAGAIN)
		return;
	if (ends && conn_is_idle(&c->conn))
		conn_end(&c->conn, clock_monotonic_ns());
	else
		wait_to_receive(c);
}

static void send_some(struct connection *c)
{
	if (io_send(own_io(), c->fd, &c->conn, MSG_DONTWAIT) == -EAGAIN)
		wait_for(c, GREEN_WRITE);
	if (conn_need(&c->conn) == CONN_SEND)
		return;
	green_request_end(&c->request);
	if (green_is_due())
		green_yield();
}

/* All of a connection's life, in its order. */
static void serve_until_closed(struct connection *c)
{
	for (;;) {
		switch (conn_need(&c->conn)) {
		case CONN_RECEIVE:
		case CONN_DISCARD:
			receive(c);
			break;
		case CONN_WORK:
			work(c);
			break;
		case CONN_SEND:
			send_some(c);
			break;
		case CONN_SHUT:
			io_shut(c->fd, &c->conn);
			break;
		case CONN_CLOSE:
			return;
		}
	}
}

/* What a green thread is told: a descriptor, and how it was admitted. */
static uint64_t pack(int fd, enum server_admission admission)
{
	return (uint64_t)admission << 32 | (uint32_t)fd;
}

static void serve_connection(uint64_t argument)
{
	struct connection c = { .fd = (int)(uint32_t)argument };

	io_open(own_io(), &c.conn, (enum server_admission)(argument >> 32), clock_monotonic_ns());
	if (is_draining()) {
		/* Who is answered may come again at once: not before the listener is closed. */
		green_lock(&leaving);
		green_unlock(&leaving);
	}
	serve_until_closed(&c);
	green_request_end(&c.request);
	close(c.fd);
	conn_fini(&c.conn);
	stats_count(green_slot(), STATS_CLOSED);
	server_left(server);
	if (!__atomic_load_n(&server->loops->open, __ATOMIC_SEQ_CST) && is_draining())
		green_wake(acceptor);
}

static void open_connection(int fd)
{
	uint32_t open = __atomic_load_n(&server->loops->open, __ATOMIC_RELAXED);
	enum server_admission admission = server_enter(server, open);

	if (admission != SERVER_DROP && green_spawn(serve_connection, pack(fd, admission)))
		return;
	io_turn_away(own_io(), fd);
	server_left(server);
}

/* At most so many, until nobody waits, or nobody can be taken now.  Returns 0, or -errno of that. */
static int accept_some(uint32_t most)
{
	int fd = 0;

	while (most-- && (fd = listen_accept(server->listener, SOCK_NONBLOCK)) >= 0)
		open_connection(fd);
	return fd < 0 ? fd : 0;
}

static void accept_until_stopped(void)
{
	const uint32_t stop = GREEN_READ << GREEN_SECOND;
	uint64_t until_ns;
	int came = 0, ret;

	while (!(came > 0 && came & stop)) {
		ret = accept_some(ACCEPTS);
		until_ns = server_may_retry(ret) ? clock_monotonic_ns() + SERVER_PAUSE_NS : GREEN_NEVER;
		if (ret)
			came = green_wait(until_ns == GREEN_NEVER ? GREEN_READ | stop : stop, until_ns);
		/* Without memory to wait for a time, others may give some back. */
		if (!ret || came < 0) {
			green_yield();
			came = (int)green_came(stop);
		}
	}
}

static void drain(void)
{
	uint64_t until_ns = server_drain_until_ns(server);

	green_lock(&leaving);
	__atomic_store_n(&draining, true, __ATOMIC_SEQ_CST);
	/* Whoever comes later, as those do who are sent away now, would be a reason never to end. */
	accept_some(listen_waiting(server->listener) + ACCEPTS);
	server_close_listener(server);
	green_unlock(&leaving);
	green_wake_all();
	while ((cut_off = __atomic_load_n(&server->loops->open, __ATOMIC_SEQ_CST)) &&
	       clock_monotonic_ns() < until_ns)
		if (green_wait(0, until_ns) < 0)
			green_yield();
}

static void accept_all(uint64_t unused)
{
	(void)unused;
	acceptor = green_self();
	failed = green_watch(server->listener, false);
	if (!failed)
		failed = green_watch(server->stop_fd, true);
	if (!failed) {
		server_ready(server);
		accept_until_stopped();
		drain();
	}
	green_finish();
}

static int take_options(struct err *err)
{
	for (enum green_guard guard = GREEN_GUARD_ANY; guard <= GREEN_GUARD_MPROTECT; guard++)
		if (!strcmp(stack_guard, green_guard_name(guard)))
			return 0;
	return err_set(err, EINVAL, "--stack-guard is madvise, mprotect or any, not '%s'", stack_guard);
}

static enum green_guard wanted_guard(void)
{
	enum green_guard guard = GREEN_GUARD_ANY;

	while (strcmp(stack_guard, green_guard_name(guard)))
		guard++;
	return guard;
}

/* --switch-cost: that, and nothing else. */
static int tell_switch_cost(const struct server *s, struct err *err)
{
	struct stats *stats;
	uint32_t most;
	double ns;
	int ret;

	if (!asks_switch_cost)
		return 0;
	ret = green_stacks_init(wanted_guard(), &most, err);
	if (ret < 0)
		return ret;
	stats = stats_new(s->name, 1, true, err);
	if (!stats || green_cost_ns(&ns, stats, err))
		return -err->code;
	fprintf(stderr, "%s: a switch takes %.1f ns in user space\n", s->name, ns);
	return 1;
}

/* Each connection's stack has a guard, and so do those of who is told that there is no room. */
static int prepare_stacks(struct server *s, struct err *err)
{
	uint32_t most;
	int guard = green_stacks_init(wanted_guard(), &most, err), ret;

	if (guard < 0)
		return guard;
	ret = stack_limit_connections(s, most, err);
	if (ret)
		return ret;
	stats_set_green(s->stats, green_guard_name((enum green_guard)guard), green_stack_bytes());
	return 0;
}

static int serve(struct server *s, struct err *err)
{
	int ret = prepare_stacks(s, err);

	if (ret)
		return ret;
	server = s;
	green_requests_init();
	ret = green_begin(s->workers, sizeof(struct io), s->stats, accept_all, err);
	if (ret)
		return ret;
	green_wait_until_finished();
	if (failed)
		return err_set(err, -failed, "cannot wait for connections: %s", strerror(-failed));
	if (cut_off)
		return (int)cut_off; /* somebody still works, and the process ends with that */
	green_end();
	return 0;
}

const struct model model = {
	.name = "green-threads",
	.summary = "A green thread for each connection, which any of a few workers runs.",
	.workers_max = 4096,
	.slots = 64,
	.options = own_options,
	.take_options = take_options,
	.instead = tell_switch_cost,
	.serve = serve,
};
