// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/blocking.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "user/base/clock.h"

/*
 * Of time left: a timeout that is set and is later by less than this is near enough.  It is set in the
 * middle, and what is left of a long limit at its beginning differs by a grain from one request to the next.
 */
#define SLACK_NS (3 * CONN_GRAIN_NS)

void blocking_init(struct blocking *b, const struct server *server, struct stats_slot *slot, int fd,
		   const bool *draining)
{
	b->io.server = server; /* its scratch stays as it is */
	b->io.slot = slot;
	b->fd = fd;
	b->draining = draining;
	b->receive_ns = b->send_ns = 0;
}

/* Let calls on the socket return when the connection's deadline comes. */
static void set_timeout(struct blocking *b, int option, uint64_t *set_ns)
{
	uint64_t deadline_ns = conn_deadline_ns(&b->conn), now_ns, left_ns = 0;
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
	setsockopt(b->fd, SOL_SOCKET, option, &left, sizeof(left));
	*set_ns = left_ns;
}

/* Blocks until something comes, the deadline, or a signal. */
static void receive(struct blocking *b)
{
	bool ends = __atomic_load_n(b->draining, __ATOMIC_ACQUIRE);
	int ret;

	if (ends)
		conn_drain(&b->conn);
	ends = ends && conn_is_idle(&b->conn);
	if (!ends)
		set_timeout(b, SO_RCVTIMEO, &b->receive_ns);
	ret = io_receive(&b->io, b->fd, &b->conn, ends ? MSG_DONTWAIT : 0);
	if (ret == -EAGAIN && ends)
		conn_end(&b->conn, clock_monotonic_ns());
	else if (ret < 0) /* signals may come more often than the deadline does */
		io_expire(&b->io, &b->conn, clock_monotonic_ns());
}

static void work(struct blocking *b)
{
	struct work work;

	if (__atomic_load_n(b->draining, __ATOMIC_ACQUIRE))
		conn_drain(&b->conn);
	if (!io_begin(&b->io, &b->conn, &work, clock_monotonic_ns()))
		return;
	work_run_blocking(&work);
	if (__atomic_load_n(b->draining, __ATOMIC_ACQUIRE))
		conn_drain(&b->conn);
	io_answer(&b->conn, &work);
}

void blocking_serve(struct blocking *b)
{
	for (;;) {
		switch (conn_need(&b->conn)) {
		case CONN_RECEIVE:
		case CONN_DISCARD:
			receive(b);
			break;
		case CONN_WORK:
			work(b);
			break;
		case CONN_SEND:
			set_timeout(b, SO_SNDTIMEO, &b->send_ns);
			if (io_send(&b->io, b->fd, &b->conn, 0) < 0)
				io_expire(&b->io, &b->conn, clock_monotonic_ns());
			break;
		case CONN_SHUT:
			io_shut(b->fd, &b->conn);
			break;
		case CONN_CLOSE:
			return;
		}
	}
}
