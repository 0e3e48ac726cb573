// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * thread-per-connection: each connection has a thread of its own, which blocks in recv.
 *
 *     main:   [ poll ] -> accept -> a new thread
 *
 *     thread 1:   recv ......... work, send, recv ......... (blocked in the kernel, one stack each)
 *     thread 2:   recv .. work, send, recv ....
 *     thread 3:   recv ....... work | send, recv ..
 *                                   ^ more of them runnable than CPUs: they wait for the scheduler
 *
 * Nobody waits for another connection's work but through the kernel's run queue and the lock.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "servers/blocking.h"
#include "servers/listen.h"
#include "servers/server.h"
#include "servers/stack_limit.h"
#include "user/base/clock.h"

/* What a thread needs is its scratch, a plan, and libcrypto's frames. */
#define STACK_BYTES 131072u
#define ACCEPTS	    64 /* before a look at whether it is to end */
#define TICK_NS	    20000000u
#define PAUSE_MS    100

/* Signals that end a recv are only sent to threads on this list, under its lock: they are still there. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t shrank;
	struct worker *workers;
	uint32_t nr;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };
static bool draining; /* atomic */

struct worker {
	struct blocking served;
	pthread_t thread;
	bool started; /* the thread is known */
	struct worker *previous, *next;
};

static void add(struct worker *w)
{
	pthread_mutex_lock(&all.lock);
	w->next = all.workers;
	if (w->next)
		w->next->previous = w;
	all.workers = w;
	__atomic_add_fetch(&all.nr, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&all.lock);
}

static void end(struct worker *w)
{
	close(w->served.fd);
	conn_fini(&w->served.conn);
	stats_count(w->served.io.slot, STATS_CLOSED);
	pthread_mutex_lock(&all.lock);
	*(w->previous ? &w->previous->next : &all.workers) = w->next;
	if (w->next)
		w->next->previous = w->previous;
	__atomic_sub_fetch(&all.nr, 1, __ATOMIC_RELAXED);
	pthread_cond_signal(&all.shrank);
	pthread_mutex_unlock(&all.lock);
	free(w);
}

static void *run(void *argument)
{
	struct worker *w = argument;

	pthread_mutex_lock(&all.lock);
	w->thread = pthread_self();
	w->started = true;
	pthread_mutex_unlock(&all.lock);
	blocking_serve(&w->served);
	end(w);
	return NULL;
}

/* No thread for it: the refusal is all that is sent, and it fits into any socket's buffer. */
static void refuse_here(struct worker *w)
{
	uint32_t turn = IO_TURN_ANSWERS;
	bool empty = false;

	stats_count(w->served.io.slot, STATS_REFUSED);
	conn_fini(&w->served.conn);
	conn_init_refused(&w->served.conn, w->served.conn.config, clock_monotonic_ns());
	io_advance(&w->served.io, w->served.fd, &w->served.conn, &empty, &turn);
	end(w);
}

static void open_connection(const struct server *server, const pthread_attr_t *attributes, int fd)
{
	struct stats_slot *slot = stats_next_slot(server->stats);
	enum server_admission admission = server_admit(server, __atomic_load_n(&all.nr, __ATOMIC_RELAXED));
	struct worker *w = admission == SERVER_DROP ? NULL : malloc(sizeof(*w));
	pthread_t thread;

	stats_count(slot, STATS_ACCEPTED);
	if (!w) {
		stats_count(slot, STATS_REFUSED);
		stats_count(slot, STATS_CLOSED);
		close(fd);
		return;
	}
	w->started = false;
	w->previous = w->next = NULL;
	blocking_init(&w->served, server, slot, fd, &draining);
	if (admission == SERVER_SERVE) {
		conn_init(&w->served.conn, &server->conn, clock_monotonic_ns());
	} else {
		stats_count(slot, STATS_REFUSED);
		conn_init_refused(&w->served.conn, &server->conn, clock_monotonic_ns());
	}
	add(w);
	if (pthread_create(&thread, attributes, run, w))
		refuse_here(w);
}

/* At most so many, until nobody waits, or nobody can be taken now. */
static int accept_some(const struct server *server, const pthread_attr_t *attributes, uint32_t most)
{
	int fd = 0;

	while (most-- && (fd = listen_accept(server->listener, 0)) >= 0)
		open_connection(server, attributes, fd);
	return fd;
}

static void on_wake(int number)
{
	(void)number; /* that it ends a recv is all that it is for */
}

/*
 * Those who sleep in recv must look at `draining`.  One whose signal comes just before it enters recv misses
 * it, so they are sent again until all have ended.
 */
static int drain(const struct server *server)
{
	uint64_t until_ns = server_drain_until_ns(server);
	int left;

	pthread_mutex_lock(&all.lock);
	while (all.nr && clock_monotonic_ns() < until_ns) {
		struct timespec tick;

		for (struct worker *w = all.workers; w; w = w->next)
			if (w->started)
				pthread_kill(w->thread, SIGUSR1);
		tick = clock_timespec(clock_monotonic_ns() + TICK_NS);
		pthread_cond_timedwait(&all.shrank, &all.lock, &tick);
	}
	left = (int)all.nr;
	pthread_mutex_unlock(&all.lock);
	return left;
}

static int prepare(pthread_attr_t *attributes)
{
	struct sigaction wake = { .sa_handler = on_wake }; /* without SA_RESTART */
	pthread_condattr_t monotonic;

	sigaction(SIGUSR1, &wake, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&all.shrank, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_attr_init(attributes);
	pthread_attr_setdetachstate(attributes, PTHREAD_CREATE_DETACHED);
	return -pthread_attr_setstacksize(attributes, STACK_BYTES);
}

static int serve(struct server *server, struct err *err)
{
	struct pollfd wait[] = { { server->stop_fd, POLLIN, 0 }, { server->listener, POLLIN, 0 } };
	pthread_attr_t attributes;
	int ret = stack_limit_connections(server, stack_limit_here(), err);

	if (ret)
		return ret;
	ret = prepare(&attributes);
	if (ret)
		return err_set(err, -ret, "cannot prepare threads: %s", strerror(-ret));
	server_ready(server);
	while (!wait[0].revents) {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return err_set(err, errno, "cannot wait for connections: %s", strerror(errno));
		ret = wait[1].revents ? accept_some(server, &attributes, ACCEPTS) : -EAGAIN;
		if (server_may_retry(ret))
			poll(wait, 1, PAUSE_MS);
	}
	__atomic_store_n(&draining, true, __ATOMIC_RELEASE);
	/* Whoever comes later, as those do who are sent away now, would be a reason never to end. */
	accept_some(server, &attributes, listen_waiting(server->listener));
	close(server->listener);
	pthread_attr_destroy(&attributes);
	return drain(server);
}

const struct model model = {
	.name = "thread-per-connection",
	.summary = "Each connection has a thread of its own, which blocks.",
	.slots = 64,
	.serve = serve,
};
