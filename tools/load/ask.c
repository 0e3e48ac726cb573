// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests: which is due, on which connection, and the bytes of it. */
#include <errno.h>
#include <sys/socket.h>

#include "tools/load/worker_internal.h"
#include "user/base/clock.h"

/* Sent without looking at what came meanwhile: after a pause there are many, and their answers are waiting. */
#define BURST 8

uint64_t ask_next_ns(const struct load_worker *worker)
{
	uint64_t due_ns;

	if (!worker->start_ns || is_closed_loop(worker) || worker->timetable.due_ns == TIMETABLE_OVER)
		return UINT64_MAX;
	due_ns = worker->start_ns + worker->timetable.due_ns;
	return due_ns < worker->over_ns ? due_ns : UINT64_MAX;
}

static bool is_measured(const struct load_worker *worker, uint64_t due_ns)
{
	return due_ns - worker->start_ns >= worker->plan->warmup_ns;
}

/* What is sent on CONNECTION now. */
static const char *bytes_of(const struct load_worker *worker, const struct connection *connection,
			    size_t *nr_bytes)
{
	const struct load_request *request = &worker->plan->requests[connection->request];

	*nr_bytes = connection->last ? request->nr_close_bytes : request->nr_bytes;
	return connection->last ? request->close_bytes : request->bytes;
}

bool ask_is_whole(const struct load_worker *worker, const struct connection *connection)
{
	size_t nr_bytes;

	bytes_of(worker, connection, &nr_bytes);
	return connection->sent_bytes == nr_bytes;
}

/* Send what is left of the request; false: the connection is of no use any more. */
static bool send_bytes(struct load_worker *worker, struct connection *connection)
{
	size_t nr_bytes;
	const char *bytes = bytes_of(worker, connection, &nr_bytes);
	ssize_t ret;

	do {
		ret = send(connection->fd, bytes + connection->sent_bytes, nr_bytes - connection->sent_bytes,
			   MSG_NOSIGNAL);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0 && errno != EAGAIN)
		return false;
	if (ret > 0)
		connection->sent_bytes += (size_t)ret;
	if (connection->sent_bytes < nr_bytes)
		connection_watch_write(worker, connection);
	return true;
}

/*
 * Send request NUMBER of the plan's, which was due at DUE_NS, on CONNECTION.  False: it had ended without our
 * knowing, nothing was sent, and it is closed.
 */
static bool ask(struct load_worker *worker, struct connection *connection, uint32_t request, uint64_t due_ns)
{
	const struct load_plan *plan = worker->plan;

	connection->request = request;
	connection->last = plan->churn && connection->asked + 1 == plan->churn;
	connection->sent_bytes = 0;
	connection->send_error = 0;
	connection->due_ns = due_ns;
	connection->sent_ns = worker->now_ns;
	connection->measured = is_measured(worker, due_ns);
	if (!send_bytes(worker, connection)) {
		connection_close(worker, connection);
		return false;
	}
	connection->asked++;
	settle_sent(worker, connection);
	response_begin(&connection->response, plan->requests[request].is_head);
	connection_to(worker, connection, FLYING);
	settle_due(worker, connection->measured);
	return true;
}

void ask_due(struct load_worker *worker)
{
	struct connection_list *idle = &worker->lists[IDLE];
	uint64_t due_ns;

	for (int i = 0; i < BURST && !worker->away; i++) {
		uint64_t before_ns = worker->now_ns;
		struct connection *connection =
			worker->plan->pick_newest ? TAILQ_LAST(idle, connection_list) : TAILQ_FIRST(idle);

		due_ns = ask_next_ns(worker);
		if (!connection || due_ns > worker->now_ns ||
		    worker->now_ns - due_ns >= worker->plan->timeout_ns)
			return;
		if (ask(worker, connection, worker->timetable.request, due_ns))
			timetable_next(&worker->timetable);
		worker->now_ns = clock_monotonic_ns();
		worker->away = was_away(worker, before_ns);
	}
}

void ask_or_idle(struct load_worker *worker, struct connection *connection)
{
	uint64_t number;

	if (!is_closed_loop(worker) || !worker->start_ns || worker->now_ns < worker->start_ns ||
	    worker->now_ns >= worker->over_ns) {
		connection_to(worker, connection, IDLE);
		return;
	}
	number = worker->asked * worker->plan->threads + worker->number;
	if (ask(worker, connection, timetable_pick(worker->plan, number), worker->now_ns))
		worker->asked++;
}

void ask_rest(struct load_worker *worker, struct connection *connection)
{
	/* There may be an answer all the same; if not, this is why: the socket tells an error only once. */
	if (!ask_is_whole(worker, connection) && !send_bytes(worker, connection))
		connection->send_error = errno;
}

void ask_give_up(struct load_worker *worker, bool all)
{
	uint64_t due_ns, limit_ns = all ? 0 : worker->plan->timeout_ns;

	for (;;) {
		due_ns = ask_next_ns(worker);
		if (due_ns > worker->now_ns || worker->now_ns - due_ns < limit_ns)
			return;
		settle_due(worker, is_measured(worker, due_ns));
		settle_unsent(worker, is_measured(worker, due_ns), due_ns,
			      all ? worker->now_ns - due_ns : limit_ns);
		timetable_next(&worker->timetable);
	}
}
