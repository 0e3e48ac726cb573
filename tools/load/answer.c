// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Answers, as they are read. */
#include <errno.h>

#include "tools/load/socket.h"
#include "tools/load/worker_internal.h"
#include "user/base/clock.h"

#define READS_MOST 128u /* 8 MiB: what a socket holds by default is less (tcp_rmem) */
/* 512 KiB, which take some 100 us: what has become due meanwhile does not wait for the end of a long answer. */
#define READS_BEFORE_ASKING 8u

/* The answer is whole; REUSABLE: nothing speaks against another request on CONNECTION. */
static void finish(struct load_worker *worker, struct connection *connection, uint64_t arrival_ns,
		   bool reusable)
{
	settle_answered(worker, connection, arrival_ns);
	connection->free_ns = worker->now_ns;
	if (reusable && connection->response.keep_alive && !connection->last &&
	    ask_is_whole(worker, connection))
		ask_or_idle(worker, connection);
	else
		connection_close(worker, connection);
}

/* NR bytes came in worker->buffer.  False: the connection is closed, or has nothing more to say. */
static bool take(struct load_worker *worker, struct connection *connection, size_t nr, uint64_t arrival_ns,
		 bool ended)
{
	enum response_state state;
	size_t used;

	if (connection->state != FLYING) {
		count(&worker->books.unasked);
		connection_close(worker, connection);
		return false;
	}
	state = response_take(&connection->response, worker->buffer, nr, &used);
	if (connection->measured)
		count_bytes(&worker->books.received_bytes, used);
	if (state == RESPONSE_MORE)
		return true;
	if (state != RESPONSE_WHOLE) {
		settle_failed(worker, connection,
			      state == RESPONSE_MALFORMED ? FAILED_MALFORMED : FAILED_TOO_LONG);
		connection_close(worker, connection);
		return false;
	}
	if (used < nr)
		count(&worker->books.unasked);
	finish(worker, connection, arrival_ns, used == nr && !ended);
	return false;
}

/* No more will come on CONNECTION: in order, or for ERROR. */
static void end(struct load_worker *worker, struct connection *connection, int error)
{
	enum load_failure failure;

	if (connection->state == FLYING) {
		if (!error && response_end(&connection->response) == RESPONSE_WHOLE) {
			finish(worker, connection, 0, false);
			return;
		}
		error = error ? error : connection->send_error;
		if (!error)
			failure = connection->response.begun ? FAILED_CLOSED_WITHIN : FAILED_CLOSED_BEFORE;
		else
			failure = error == ECONNRESET || error == EPIPE ? FAILED_RESET : FAILED_OTHER;
		settle_failed(worker, connection, failure);
	}
	connection_close(worker, connection);
}

/* Much of an answer was read, and more is there: whether it has had its time, or all is to end.  What was
 * there at its deadline is read yet, as far as a socket's buffer goes. */
static bool goes_on_too_long(const struct load_worker *worker, const struct connection *connection,
			     uint32_t reads)
{
	return reads >= READS_MOST && connection->state == FLYING &&
	       (worker->now_ns >= connection->due_ns + worker->plan->timeout_ns ||
		worker->now_ns >= worker->stop_ns ||
		__atomic_load_n(&worker->shared->interrupt_ns, __ATOMIC_RELAXED));
}

void answer_read(struct load_worker *worker, struct connection *connection, bool ended)
{
	for (uint32_t reads = 1;; reads++) {
		uint64_t arrival_ns, before_ns = worker->now_ns;
		ssize_t nr = load_socket_read(connection->fd, worker->buffer, READ_BYTES, &arrival_ns);
		int error = nr < 0 ? errno : 0;

		worker->now_ns = clock_monotonic_ns();
		worker->away |= was_away(worker, before_ns);
		if (worker->woke && nr > 0)
			settle_woken(worker, arrival_ns);
		if (error == EINTR)
			continue;
		if (error == EAGAIN)
			return;
		if (nr <= 0) {
			end(worker, connection, error);
			return;
		}
		if (!take(worker, connection, (size_t)nr, arrival_ns, ended))
			return;
		/* Less than there was room for is all; what comes later is announced anew, but for the end. */
		if (nr < READ_BYTES && !ended)
			return;
		/* Whoever looks at the time next gives it its outcome: no event is needed for that. */
		if (goes_on_too_long(worker, connection, reads))
			return;
		if (reads % READS_BEFORE_ASKING == 0 && worker->now_ns < worker->stop_ns)
			ask_due(worker);
	}
}
