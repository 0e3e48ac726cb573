// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What becomes of each request goes into the books here, and nowhere else. */
#include <errno.h>

#include "tools/load/worker_internal.h"

static struct load_outcomes *outcomes_of(struct load_worker *worker, bool measured)
{
	return measured ? &worker->books.measured : &worker->books.warmup;
}

static uint64_t later(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

/* When it could have been sent. */
static uint64_t could_ns(const struct load_worker *worker, const struct connection *connection)
{
	return is_closed_loop(worker) ? connection->free_ns : later(connection->due_ns, connection->free_ns);
}

void settle_due(struct load_worker *worker, bool measured)
{
	count(&outcomes_of(worker, measured)->due);
}

/* What is known of a request once it was sent, whatever came of it. */
static void record_sent(struct load_books *books, const struct load_worker *worker,
			const struct connection *connection)
{
	uint64_t ready_ns = could_ns(worker, connection);

	hdr_record(&books->lag_send, connection->sent_ns - ready_ns);
	if (!is_closed_loop(worker))
		hdr_record(&books->wait_connection, ready_ns - connection->due_ns);
}

/* What it would have taken without us: the lags are parts of the main latency, but in a closed loop that of
 * the send. */
static void record_without_lag(struct load_worker *worker, const struct connection *connection,
			       uint64_t latency_ns, uint64_t arrival_ns)
{
	struct load_books *books = &worker->books;
	uint64_t lag_ns = 0, came_ns;

	if (!is_closed_loop(worker))
		lag_ns = connection->sent_ns - could_ns(worker, connection);
	if (!arrival_ns) {
		count(&books->no_arrival_time);
	} else if (!walltime_convert(&worker->walltime, arrival_ns, worker->now_ns, &came_ns) ||
		   came_ns < connection->sent_ns) {
		count(&books->unreadable_arrival_time);
	} else {
		hdr_record(&books->lag_receive, worker->now_ns - came_ns);
		lag_ns += worker->now_ns - came_ns;
	}
	hdr_record(&books->without_lag, latency_ns - lag_ns);
}

void settle_answered(struct load_worker *worker, struct connection *connection, uint64_t arrival_ns)
{
	struct load_books *books = &worker->books;
	uint32_t status = connection->response.status, class = status / 100;
	uint64_t from_due_ns = worker->now_ns - connection->due_ns;

	count(&outcomes_of(worker, connection->measured)->answered[status % LOAD_STATUSES]);
	if (!connection->measured)
		return;
	record_sent(books, worker, connection);
	hdr_record(&books->from_send.known, worker->now_ns - connection->sent_ns);
	if (!is_closed_loop(worker))
		hdr_record(&books->from_due.known, from_due_ns);
	hdr_record(&books->by_class[class < LOAD_CLASSES ? class : 0], from_due_ns);
	record_without_lag(worker, connection, from_due_ns, arrival_ns);
}

/* It was not answered by BY_NS. */
static void record_bound(struct load_worker *worker, const struct connection *connection, uint64_t by_ns)
{
	struct load_books *books = &worker->books;

	if (!connection->measured)
		return;
	record_sent(books, worker, connection);
	hdr_record(&books->from_send.at_least, by_ns - connection->sent_ns);
	if (!is_closed_loop(worker))
		hdr_record(&books->from_due.at_least, by_ns - connection->due_ns);
}

void settle_failed(struct load_worker *worker, struct connection *connection, enum load_failure failure)
{
	count(&outcomes_of(worker, connection->measured)->failed[failure]);
	record_bound(worker, connection, worker->now_ns);
}

void settle_late(struct load_worker *worker, struct connection *connection)
{
	count(&outcomes_of(worker, connection->measured)->timed_out);
	record_bound(worker, connection, connection->due_ns + worker->plan->timeout_ns);
}

void settle_unanswered(struct load_worker *worker, struct connection *connection)
{
	count(&outcomes_of(worker, connection->measured)->unanswered);
	record_bound(worker, connection, worker->now_ns);
}

/* Why there was none. */
static enum load_unsent reason_of(const struct load_worker *worker)
{
	if (worker->nr_in[IDLE] || worker->nr_in[FLYING] || !worker->last_error)
		return UNSENT_BUSY;
	return worker->last_error == ECONNREFUSED ? UNSENT_REFUSED : UNSENT_UNREACHABLE;
}

void settle_unsent(struct load_worker *worker, bool measured, uint64_t waited_ns)
{
	count(&outcomes_of(worker, measured)->never_sent[reason_of(worker)]);
	if (measured)
		hdr_record(&worker->books.from_due.at_least, waited_ns);
}
