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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "servers/io.h"
#include "servers/listen.h"
#include "servers/server.h"
#include "user/base/clock.h"

/* What a thread needs is its scratch, a plan, and libcrypto's frames. */
#define STACK_BYTES 131072u
#define TICK_NS	    20000000u
#define PAUSE_MS    100
/* Of time left: a timeout that is set and is later by less than this is near enough. */
#define SLACK_NS 10000000u

/* Signals that end a recv are only sent to threads on this list, under its lock: they are still there. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t shrank;
	struct worker *workers;
	uint32_t nr;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };
static bool draining; /* atomic */

struct worker {
	struct io io;
	int fd;
	struct conn conn;
	pthread_t thread;
	bool started; /* the thread is known */
	struct worker *previous, *next;
	uint64_t receive_ns, send_ns; /* timeouts as the socket has them; 0: none */
};

/* Let calls on the socket return when the connection's deadline comes. */
static void set_timeout(struct worker *w, int option, uint64_t *set_ns)
{
	uint64_t deadline_ns = conn_deadline_ns(&w->conn), now_ns, left_ns = 0;
	struct timeval left;

	if (deadline_ns != CONN_NEVER) {
		now_ns = clock_monotonic_ns();
		left_ns = deadline_ns > now_ns + 1000000 ? deadline_ns - now_ns : 1000000;
	}
	if (*set_ns == left_ns || (left_ns && *set_ns > left_ns && *set_ns - left_ns < SLACK_NS))
		return;
	if (left_ns)
		left_ns += SLACK_NS / 2;
	left = (struct timeval){ (time_t)(left_ns / 1000000000u), (suseconds_t)(left_ns / 1000 % 1000000) };
	setsockopt(w->fd, SOL_SOCKET, option, &left, sizeof(left));
	*set_ns = left_ns;
}

/* Blocks until something comes, the deadline, or a signal. */
static void receive(struct worker *w)
{
	bool ends = __atomic_load_n(&draining, __ATOMIC_ACQUIRE);
	int ret;

	if (ends)
		conn_drain(&w->conn);
	ends = ends && conn_is_idle(&w->conn);
	if (!ends)
		set_timeout(w, SO_RCVTIMEO, &w->receive_ns);
	ret = io_receive(&w->io, w->fd, &w->conn, ends ? MSG_DONTWAIT : 0);
	if (ret == -EAGAIN && ends)
		conn_end(&w->conn, clock_monotonic_ns());
	else if (ret == -EAGAIN)
		io_expire(&w->io, &w->conn, clock_monotonic_ns());
}

static void work(struct worker *w)
{
	struct work work;

	if (__atomic_load_n(&draining, __ATOMIC_ACQUIRE))
		conn_drain(&w->conn);
	if (!io_begin(&w->io, &w->conn, &work, clock_monotonic_ns()))
		return;
	work_run_blocking(&work);
	if (__atomic_load_n(&draining, __ATOMIC_ACQUIRE))
		conn_drain(&w->conn);
	io_answer(&w->conn, &work);
}

static void serve_connection(struct worker *w)
{
	for (;;) {
		switch (conn_need(&w->conn)) {
		case CONN_RECEIVE:
		case CONN_DISCARD:
			receive(w);
			break;
		case CONN_WORK:
			work(w);
			break;
		case CONN_SEND:
			set_timeout(w, SO_SNDTIMEO, &w->send_ns);
			if (io_send(&w->io, w->fd, &w->conn, 0) == -EAGAIN)
				io_expire(&w->io, &w->conn, clock_monotonic_ns());
			break;
		case CONN_SHUT:
			io_shut(w->fd, &w->conn);
			break;
		case CONN_CLOSE:
			return;
		}
	}
}

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
	close(w->fd);
	conn_fini(&w->conn);
	stats_count(w->io.slot, STATS_CLOSED);
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
	serve_connection(w);
	end(w);
	return NULL;
}

/* No thread for it: the refusal is all that is sent, and it fits into any socket's buffer. */
static void refuse_here(struct worker *w)
{
	stats_count(w->io.slot, STATS_REFUSED);
	conn_fini(&w->conn);
	conn_init_refused(&w->conn, w->conn.config, clock_monotonic_ns());
	io_advance(&w->io, w->fd, &w->conn);
	end(w);
}

static void open_connection(const struct server *server, const pthread_attr_t *attributes, int fd)
{
	static uint32_t number;
	struct stats_slot *slot = stats_slot(server->stats, number++);
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
	memset(w, 0, offsetof(struct worker, io.scratch));
	w->fd = fd;
	w->io.server = server;
	w->io.slot = slot;
	w->started = false;
	w->previous = w->next = NULL;
	w->receive_ns = w->send_ns = 0;
	if (admission == SERVER_SERVE) {
		conn_init(&w->conn, &server->conn, clock_monotonic_ns());
	} else {
		stats_count(slot, STATS_REFUSED);
		conn_init_refused(&w->conn, &server->conn, clock_monotonic_ns());
	}
	add(w);
	if (pthread_create(&thread, attributes, run, w))
		refuse_here(w);
}

/* Until nobody waits, or nobody can be taken now. */
static int accept_all(const struct server *server, const pthread_attr_t *attributes)
{
	int fd;

	while ((fd = listen_accept(server->listener, 0)) >= 0)
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
	uint64_t limit_ns = server->options->drain_timeout_ns;
	uint64_t until_ns = limit_ns ? clock_monotonic_ns() + limit_ns : CONN_NEVER, tick_ns;
	int left;

	pthread_mutex_lock(&all.lock);
	while (all.nr && clock_monotonic_ns() < until_ns) {
		struct timespec tick;

		for (struct worker *w = all.workers; w; w = w->next)
			if (w->started)
				pthread_kill(w->thread, SIGUSR1);
		tick_ns = clock_monotonic_ns() + TICK_NS;
		tick = (struct timespec){ (time_t)(tick_ns / 1000000000u), (long)(tick_ns % 1000000000u) };
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
	int ret = prepare(&attributes);

	if (ret)
		return err_set(err, -ret, "cannot prepare threads: %s", strerror(-ret));
	while (!wait[0].revents) {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return err_set(err, errno, "cannot wait for connections: %s", strerror(errno));
		ret = wait[1].revents ? accept_all(server, &attributes) : -EAGAIN;
		if (server_may_retry(ret))
			poll(wait, 1, PAUSE_MS);
	}
	__atomic_store_n(&draining, true, __ATOMIC_RELEASE);
	accept_all(server, &attributes);
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
