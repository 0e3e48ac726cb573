// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "servers/probes.h"
#include "user/base/clock.h"

int io_receive(struct io *io, int fd, struct conn *conn, int flags)
{
	ssize_t nr = recv(fd, io->scratch, sizeof(io->scratch), flags);

	if (nr >= 0) {
		conn_input(conn, io->scratch, (size_t)nr, clock_monotonic_ns());
		return (int)nr;
	}
	if (errno == EAGAIN || errno == EINTR)
		return -errno;
	conn_fail(conn);
	return 0;
}

const char *io_begin_send(struct io *io, struct conn *conn, size_t *bytes)
{
	/* Before it is sent, since who gets the answer may ask for the count at once. */
	if (conn_ends_answer(conn))
		stats_answer(io->slot, conn->plan.route, conn->status, 1);
	return conn_output(conn, bytes);
}

void io_end_send(struct io *io, struct conn *conn, int nr)
{
	size_t bytes;

	conn_output(conn, &bytes);
	if (conn->status && nr != (int)bytes)
		stats_answer(io->slot, conn->plan.route, conn->status, -1);
	if (conn_need(conn) != CONN_SEND)
		return;
	if (nr >= 0)
		conn_sent(conn, (size_t)nr, clock_monotonic_ns());
	else if (nr != -EAGAIN && nr != -EINTR)
		conn_fail(conn);
}

int io_send(struct io *io, int fd, struct conn *conn, int flags)
{
	size_t bytes;
	const char *output = io_begin_send(io, conn, &bytes);
	int nr = (int)send(fd, output, bytes, flags | MSG_NOSIGNAL);

	if (nr < 0)
		nr = -errno;
	io_end_send(io, conn, nr);
	return nr >= 0 || nr == -EAGAIN || nr == -EINTR ? nr : 0;
}

void io_open(struct io *io, struct conn *conn, enum server_admission admission, uint64_t now_ns)
{
	stats_count(io->slot, STATS_ACCEPTED);
	if (admission == SERVER_SERVE) {
		conn_init(conn, &io->server->conn, now_ns);
	} else {
		stats_count(io->slot, STATS_REFUSED);
		conn_init_refused(conn, &io->server->conn, now_ns);
	}
}

void io_turn_away(struct io *io, int fd)
{
	close(fd);
	stats_count(io->slot, STATS_ACCEPTED);
	stats_count(io->slot, STATS_REFUSED);
	stats_count(io->slot, STATS_CLOSED);
}

void io_shut(int fd, struct conn *conn)
{
	shutdown(fd, SHUT_WR);
	conn_shut(conn, clock_monotonic_ns());
}

enum io_wait io_advance(struct io *io, int fd, struct conn *conn, bool *empty, uint32_t *turn)
{
	int nr;

	for (;;) {
		switch (conn_need(conn)) {
		case CONN_RECEIVE:
		case CONN_DISCARD:
			if (*empty && !conn->draining)
				return IO_READ;
			nr = io_receive(io, fd, conn, MSG_DONTWAIT);
			*empty = nr > 0 && nr < (int)sizeof(io->scratch);
			if (nr == -EAGAIN && conn->draining && conn_is_idle(conn))
				conn_end(conn, clock_monotonic_ns());
			else if (nr == -EAGAIN)
				return IO_READ;
			break;
		case CONN_SEND:
			if (!*turn)
				return IO_TURN;
			--*turn;
			if (io_send(io, fd, conn, MSG_DONTWAIT) == -EAGAIN)
				return IO_WRITE;
			break;
		case CONN_SHUT:
			io_shut(fd, conn);
			break;
		case CONN_WORK:
			return IO_WORK;
		case CONN_CLOSE:
			return IO_CLOSE;
		}
	}
}

static void answer_stats(struct io *io, struct conn *conn)
{
	struct conn_answer answer = { .status = 200, .content_type = "application/json" };
	char *json = stats_json(io->server->stats, &answer.body_bytes);

	if (!json)
		answer = (struct conn_answer){ 503, "text/plain", "", 0 };
	else
		answer.body = json;
	conn_answer(conn, &answer, clock_monotonic_ns());
	free(json);
}

bool io_begin(struct io *io, struct conn *conn, struct work *work, uint64_t known_at_ns)
{
	static const struct conn_answer healthy = { 200, "text/plain", "ok\n", 3 };

	if (conn->plan.route == PLAN_HEALTHZ)
		conn_answer(conn, &healthy, clock_monotonic_ns());
	else if (conn->plan.route == PLAN_STATS)
		answer_stats(io, conn);
	if (conn->plan.route != PLAN_PROCESS)
		return false;
	probe_request_begin(&work->context, conn);
	work_begin(work, &conn->plan, conn->content, conn->body.bytes, known_at_ns, conn->whole_at_ns,
		   io->slot, &io->server->options->upstream);
	return true;
}

void io_answer(struct conn *conn, const struct work *work)
{
	static const char digits[] = "0123456789abcdef";
	char body[sizeof("result: \n") + 2 * SHA_BYTES] = "result: ";
	char *at = body + strlen(body);
	struct conn_answer answer = { work->status, "text/plain", body, 0 };

	probe_request_end(&work->context, conn, work->status);
	if (work->status == 200) {
		for (unsigned i = 0; i < SHA_BYTES; i++) {
			*at++ = digits[work->digest[i] >> 4];
			*at++ = digits[work->digest[i] & 15];
		}
		*at++ = '\n';
		answer.body_bytes = (size_t)(at - body);
	}
	conn_answer(conn, &answer, clock_monotonic_ns());
}

void io_answer_no_memory(struct conn *conn)
{
	static const struct conn_answer no_memory = { 503, "text/plain", "", 0 };

	conn_answer(conn, &no_memory, clock_monotonic_ns());
}

bool io_is_ready(int fd, short events)
{
	struct pollfd socket = { .fd = fd, .events = events };

	return poll(&socket, 1, 0) > 0;
}

bool io_expire(struct io *io, struct conn *conn, uint64_t now_ns)
{
	bool lingers = conn_need(conn) == CONN_DISCARD;

	if (!conn_expire(conn, now_ns))
		return false;
	if (!lingers)
		stats_count(io->slot, STATS_TIMED_OUT);
	return true;
}
