// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * io-uring: one thread, one ring; the kernel does the calls, and says when they are done.
 *
 *     connections   o o o o o o o o          the kernel accepts, and reads what comes into buffers
 *                    \ \ | | | / /           of the ring, without being asked again
 *                 [ completions ]            what was read waits here, in the program, for its turn
 *                        |
 *                 the only thread:  work, ask for a send;  work, ask for a send;  ...
 *                        |
 *                 [ io_uring_enter ]         one call: all sends of the round, then wait for completions
 *
 * CPU work, the lock and reading a file hold up everybody; sleep_us and upstream hold up nobody else.
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
#include "servers/loop.h"
#include "servers/ring_connection.h"
#include "user/base/clock.h"

#define RING_MAX 32768u

static bool fallback;
static struct ring_sizes sizes = { .entries = 1024, .buffers = 512 };

static void start_accepting(struct serving *s)
{
	struct io_uring_sqe *entry = ring_entry(&s->ring);

	io_uring_prep_multishot_accept(entry, s->io.server->listener, NULL, NULL, SOCK_CLOEXEC);
	entry->user_data = ACCEPT;
	s->accepting = true;
}

/* A listener that does not block is told at once that nobody waits, instead of waiting in the ring. */
static void let_block(int listener, bool blocks)
{
	int flags = fcntl(listener, F_GETFL);

	fcntl(listener, F_SETFL, blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

/*
 * Those that wait to be accepted are answered by nobody else: closing the listener would reset them.  But
 * whoever comes later would be a reason never to end.
 */
static void accept_the_last(struct serving *s)
{
	int listener = s->io.server->listener, fd;

	let_block(listener, false);
	for (uint32_t waiting = listen_waiting(listener); waiting; waiting--) {
		fd = listen_accept(listener, 0);
		if (fd < 0)
			break;
		ring_connection_open(s, fd);
	}
	close(listener);
}

static void on_accept(struct serving *s, const struct ring_done *done)
{
	s->accepting = done->flags & IORING_CQE_F_MORE;
	if (done->result >= 0)
		ring_connection_open(s, done->result);
	if (s->accepting)
		return;
	if (s->draining)
		accept_the_last(s);
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
		accept_the_last(s);
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

static void run_timers(struct serving *s)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct timer *timer;

	while ((timer = timers_take(&s->timers, now_ns))) {
		if (timer != &s->pause)
			ring_connection_on_timer(s, owner_of(timer, struct connection, timer), now_ns);
		else if (!s->draining)
			start_accepting(s);
	}
}

static int run(struct serving *s, struct err *err)
{
	while (!s->draining || s->open || s->accepting) {
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

static struct serving *prepared; /* NULL: it is not to be by a ring */

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

static int prepare(struct server *server, struct err *err)
{
	struct serving *s;
	int ret;

	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ENOMEM, "out of memory");
	ret = ring_open(&s->ring, &sizes, err);
	stats_set_ring(server->stats, ret ? "epoll" : NULL);
	if (!ret) {
		prepared = s;
		return 0;
	}
	free(s);
	if (!fallback)
		return ret;
	fprintf(stderr, "io-uring: %s: it serves by epoll\n", err->text);
	err_clear(err);
	return 0;
}

static int serve(struct server *server, struct err *err)
{
	struct serving *s = prepared;
	struct io_uring_sqe *entry;
	int ret;

	if (!s)
		return loop_serve(server, err);
	s->io.server = server;
	s->io.slot = stats_slot(server->stats, 0);
	let_block(server->listener, true);
	entry = ring_entry(&s->ring);
	io_uring_prep_poll_add(entry, server->stop_fd, POLLIN);
	entry->user_data = STOP;
	start_accepting(s);
	ret = run(s, err);
	if (ret)
		return ret; /* the kernel may still be at what is left: it goes with the process */
	ring_close(&s->ring);
	timers_fini(&s->timers);
	free(s);
	return 0;
}

static const struct opt options[] = {
	{ "fallback", OPT_FLAG, &fallback, NULL, "serve by epoll where io_uring lacks; /stats tells" },
	{ "ring-entries", OPT_UINT, &sizes.entries, "N", "operations to submit at once, 2^n (1024)" },
	{ "ring-buffers", OPT_UINT, &sizes.buffers, "N", "of 2 KiB, for what is read, 2^n (512)" },
	{ NULL },
};

const struct model model = {
	.name = "io-uring",
	.summary = "One thread serves all connections by completions of one io_uring.",
	.workers_max = 1,
	.options = options,
	.take_options = take_options,
	.prepare = prepare,
	.serve = serve,
};
