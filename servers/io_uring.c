// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * io-uring: a ring for each worker; the kernel does the calls, and says when they are done.
 *
 *     connections   o o o o       o o o o        each is a worker's, as in multi-reactor
 *                   \ | | /       \ | | /        the kernel accepts, and reads what comes into buffers
 *                [completions] [completions]     of the ring; what was read waits here, in the program
 *                      |             |
 *                  worker 1      worker 2        work, ask for a send;  work, ask for a send;  ...
 *                      |             |
 *                [io_uring_enter] [io_uring_enter]  one call: all sends of the round, then wait
 *
 * CPU work, the lock and reading a file hold up all of the worker; sleep_us and upstream hold up nobody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "servers/listen.h"
#include "servers/ring_connection.h"
#include "servers/workers.h"
#include "user/base/clock.h"

#define RING_MAX 32768u

static bool fallback;
static struct ring_sizes sizes = { .entries = 1024, .buffers = 512 };

/* One by one from the one queue of a UNIX socket, so that there come no more than the file table is for. */
static void start_accepting(struct serving *s)
{
	const struct server *server = s->io.server;
	struct io_uring_sqe *entry;

	if (server_leaves_to_others(server, s->open) &&
	    !timers_set(&s->timers, &s->pause, clock_monotonic_ns() + SERVER_PAUSE_NS))
		return;
	entry = ring_entry(&s->ring);
	if (server->options->unix_path && server->workers > 1)
		io_uring_prep_accept(entry, server->listener, NULL, NULL, SOCK_CLOEXEC);
	else
		io_uring_prep_multishot_accept(entry, server->listener, NULL, NULL, SOCK_CLOEXEC);
	entry->user_data = ACCEPT;
	s->accepting = true;
}

/* A listener that does not block is told at once that nobody waits, instead of waiting in the ring. */
static void let_block(int listener, bool blocks)
{
	int flags = fcntl(listener, F_GETFL);

	fcntl(listener, F_SETFL, blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

static void close_listener(struct serving *s)
{
	server_close_listener(s->io.server);
	s->listening = false;
}

static void stop_listening(struct serving *s, bool begins)
{
	int listener = s->io.server->listener, fd;
	bool stops = server_stops_listening(s->io.server, begins);

	let_block(listener, false);
	for (uint32_t waiting = listen_waiting(listener); waiting; waiting--) {
		fd = listen_accept(listener, 0);
		if (fd < 0)
			break;
		ring_connection_open(s, fd);
	}
	if (stops || timers_set(&s->timers, &s->pause, clock_monotonic_ns() + SERVER_LEAVE_NS))
		close_listener(s);
}

static void on_accept(struct serving *s, const struct ring_done *done)
{
	s->accepting = done->flags & IORING_CQE_F_MORE;
	if (done->result >= 0)
		ring_connection_open(s, done->result);
	if (s->accepting)
		return;
	if (s->draining)
		stop_listening(s, true);
	else if (!server_may_retry(done->result) ||
		 timers_set(&s->timers, &s->pause, clock_monotonic_ns() + SERVER_PAUSE_NS))
		start_accepting(s);
}

static void begin_draining(struct serving *s)
{
	struct connection *next;

	s->draining = true;
	s->drain_until_ns = server_drain_until_ns(s->io.server);
	for (struct connection *c = s->connections; c; c = next) {
		next = c->next;
		ring_connection_drain(s, c);
	}
	if (s->accepting)
		ring_cancel(&s->ring, ACCEPT);
	else
		stop_listening(s, true);
}

static void on_completion(struct serving *s, const struct ring_done *done)
{
	struct connection *c = (struct connection *)(uintptr_t)(done->user_data & ~(uint64_t)OPERATION_MASK);

	switch ((enum operation)(done->user_data & OPERATION_MASK)) {
	case ACCEPT:
		on_accept(s, done);
		break;
	case STOP:
		begin_draining(s);
		break;
	case CANCELLED: /* what it was tells of it itself */
		break;
	default:
		ring_connection_on(s, c, done);
	}
}

static void accept_again(struct serving *s)
{
	if (!s->draining)
		start_accepting(s);
	else if (s->listening && !s->accepting)
		stop_listening(s, false);
}

/* As of when all that had come was known: who is late only because others were worked for since is not late. */
static void run_timers(struct serving *s)
{
	uint64_t now_ns = s->woke_at_ns;
	struct timer *timer;

	while ((timer = timers_take(&s->timers, now_ns))) {
		if (timer == &s->pause)
			accept_again(s);
		else
			ring_connection_on_timer(s, owner_of(timer, struct connection, timer), now_ns);
	}
}

static int run(void *loop, struct err *err)
{
	struct serving *s = loop;

	while (!s->draining || s->open || s->listening) {
		uint64_t until_ns = timers_next_ns(&s->timers);
		int nr;

		if (s->draining && s->drain_until_ns < until_ns)
			until_ns = s->drain_until_ns;
		nr = ring_wait(&s->ring, until_ns);
		if (nr < 0)
			return err_set(err, -nr, "cannot wait for completions: %s", strerror(-nr));
		s->woke_at_ns = clock_monotonic_ns();
		for (; nr; nr--) {
			struct ring_done done = ring_take(&s->ring);

			on_completion(s, &done);
		}
		if (io_uring_cq_has_overflow(&s->ring.uring))
			stats_count(s->io.slot, STATS_OVERFLOWS);
		run_timers(s);
		if (s->draining && s->woke_at_ns >= s->drain_until_ns)
			break;
	}
	return (int)s->open;
}

static int check_size(const char *name, uint32_t size, struct err *err)
{
	if (size && size <= RING_MAX && !(size & (size - 1)))
		return 0;
	return err_set(err, EINVAL, "--%s takes a power of two up to %u, not %u", name, RING_MAX, size);
}

static int take_options(struct err *err)
{
	int ret = check_size("ring-entries", sizes.entries, err);

	return ret ? ret : check_size("ring-buffers", sizes.buffers, err);
}

static void *open_ring(struct server *server, struct stats_slot *slot, struct err *err)
{
	struct serving *s = calloc(1, sizeof(*s));
	struct io_uring_sqe *entry;

	if (!s) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	if (ring_open(&s->ring, &sizes, err)) {
		free(s);
		return NULL;
	}
	s->io.server = server;
	s->io.slot = slot;
	s->listening = true;
	let_block(server->listener, true);
	entry = ring_entry(&s->ring);
	io_uring_prep_poll_add(entry, server->stop_fd, POLLIN);
	entry->user_data = STOP;
	start_accepting(s);
	return s;
}

static void close_ring(void *loop)
{
	struct serving *s = loop;

	if (s->listening)
		close_listener(s);
	if (s->open)
		return; /* the kernel may still be at what is left: it goes with the process */
	ring_close(&s->ring);
	timers_fini(&s->timers);
	free(s);
}

static const struct workers_loop by_ring = { open_ring, run, close_ring };

/*
 * What the kernel lacks it lacks for all workers: that is seen, and said, once.  By a small ring, since it
 * counts as locked memory for a while after it is closed.
 */
static int serve(struct server *server, struct err *err)
{
	const struct ring_sizes small = { .entries = 2, .buffers = 2 };
	struct ring probe;
	int ret = ring_open(&probe, &small, err);

	stats_set_ring(server->stats, ret ? "epoll" : NULL);
	if (!ret) {
		ring_close(&probe);
		return workers_serve(server, &by_ring, err);
	}
	if (!fallback)
		return ret;
	fprintf(stderr, "io-uring: %s: it serves by epoll\n", err->text);
	err_clear(err);
	return workers_serve(server, &workers_epoll, err);
}

static const struct opt options[] = {
	{ "fallback", OPT_FLAG, &fallback, NULL, "serve by epoll where io_uring lacks; /stats tells" },
	{ "ring-entries", OPT_UINT, &sizes.entries, "N", "operations a worker submits at once, 2^n (1024)" },
	{ "ring-buffers", OPT_UINT, &sizes.buffers, "N", "of 2 KiB, for what a worker reads, 2^n (512)" },
	{ NULL },
};

const struct model model = {
	.name = "io-uring",
	.summary = "An io_uring for each worker, which serves its connections by completions.",
	.workers_max = 4096,
	.apart = true,
	.options = options,
	.take_options = take_options,
	.serve = serve,
};
