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

/* When it could have been sent; of a closed loop nothing before the start. */
static uint64_t could_ns(const struct load_worker *worker, const struct connection *connection)
{
	return later(is_closed_loop(worker) ? worker->start_ns : connection->due_ns, connection->free_ns);
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

/*
 * How much of the time from DUE_NS to UNTIL_NS, in which no connection was free, was our doing.  That each
 * was freed too late to keep up does not show in the lag of any one request: but all of it is ours if there
 * was something to do ever since, and else what lies before a request that was late by us alone, which took a
 * connection that would have been free again.
 */
static uint64_t our_wait_ns(const struct load_worker *worker, uint64_t due_ns, uint64_t until_ns)
{
	uint64_t end_ns = worker->late_till_ns < until_ns ? worker->late_till_ns : until_ns;

	if (worker->nothing_ns < due_ns)
		end_ns = until_ns;
	return end_ns > due_ns ? end_ns - due_ns : 0;
}

/* It may have been held up since. */
void settle_woken(struct load_worker *worker, uint64_t arrival_ns)
{
	uint64_t came_ns;

	worker->woke = false;
	if (arrival_ns && walltime_convert(&worker->walltime, arrival_ns, worker->now_ns, &came_ns) &&
	    came_ns < worker->nothing_ns)
		worker->nothing_ns = came_ns;
}

void settle_sent(struct load_worker *worker, struct connection *connection)
{
	uint64_t could = could_ns(worker, connection), due_ns = connection->due_ns;

	connection->late_ns = 0;
	if (is_closed_loop(worker))
		return;
	connection->late_ns = connection->sent_ns - could + our_wait_ns(worker, due_ns, could);
	if (connection->late_ns == connection->sent_ns - due_ns)
		worker->late_till_ns = connection->sent_ns;
}

/* What it would have taken without us: the lags are parts of the main latency, but in a closed loop that of
 * the send. */
static void record_without_lag(struct load_worker *worker, const struct connection *connection,
			       uint64_t latency_ns, uint64_t arrival_ns)
{
	struct load_books *books = &worker->books;
	uint64_t lag_ns = connection->late_ns, came_ns;

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
	hdr_record(&books->without_lag, by_ns - connection->due_ns - connection->late_ns);
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

/* As of what was sent, up to when it was given up. */
static uint64_t our_part_ns(const struct load_worker *worker, uint64_t due_ns, uint64_t until_ns)
{
	const struct connection *idle = TAILQ_FIRST(&worker->lists[IDLE]);
	uint64_t could = until_ns;

	if (!idle && !worker->nr_in[FLYING])
		return 0;
	if (idle && idle->free_ns < until_ns)
		could = later(due_ns, idle->free_ns);
	return until_ns - could + our_wait_ns(worker, due_ns, could);
}

void settle_unsent(struct load_worker *worker, bool measured, uint64_t due_ns, uint64_t waited_ns)
{
	uint64_t ours_ns = our_part_ns(worker, due_ns, due_ns + waited_ns);
	enum load_unsent reason = ours_ns && ours_ns == waited_ns ? UNSENT_LATE : reason_of(worker);

	count(&outcomes_of(worker, measured)->never_sent[reason]);
	if (!measured)
		return;
	hdr_record(&worker->books.from_due.at_least, waited_ns);
	hdr_record(&worker->books.without_lag, waited_ns - ours_ns);
}
