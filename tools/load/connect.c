// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections: made, lost, and made again. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tools/load/socket.h"
#include "tools/load/worker_internal.h"
#include "user/base/clock.h"

#define CONNECTING_MAX 256u /* at a time: about what a server's queue takes while it does other things */
#define REST_NS	       250000000ull /* after an attempt that failed, or came to nothing */
#define QUEUE_REST_NS  1000000ull   /* where a UNIX listener's queue is full */
#define EVENTS	       (EPOLLIN | EPOLLRDHUP | EPOLLET)

void connection_to(struct load_worker *worker, struct connection *connection, enum state state)
{
	TAILQ_REMOVE(&worker->lists[connection->state], connection, link);
	worker->nr_in[connection->state]--;
	connection->state = (uint8_t)state;
	TAILQ_INSERT_TAIL(&worker->lists[state], connection, link);
	worker->nr_in[state]++;
}

void connect_begin(struct load_worker *worker)
{
	/* The threads take turns, else each second would begin with one from each. */
	worker->next_connect_ns =
		worker->now_ns + worker->connect_every_ns / worker->plan->threads * worker->number;
	for (uint32_t i = 0; i < worker->nr_connections; i++) {
		struct connection *connection = &worker->connections[i];

		connection->fd = -1;
		connection->state = CLOSED;
		TAILQ_INSERT_TAIL(&worker->lists[CLOSED], connection, link);
		worker->nr_in[CLOSED]++;
	}
}

static bool is_open(const struct connection *connection)
{
	return connection->state == IDLE || connection->state == FLYING;
}

static void drop(struct load_worker *worker, struct connection *connection)
{
	if (is_open(connection))
		count_bytes(&worker->books.connections_open, -1ull);
	if (connection->fd >= 0) {
		close(connection->fd);
		worker->now_ns = clock_monotonic_ns(); /* many at once take long: what is sent next is late */
	}
	connection->fd = -1;
}

static void was_tried(struct load_worker *worker, struct connection *connection)
{
	if (connection->tried)
		return;
	connection->tried = true;
	worker->nr_tried++;
}

static void rest(struct load_worker *worker, struct connection *connection, uint64_t rest_ns)
{
	drop(worker, connection);
	connection->until_ns = worker->now_ns + rest_ns;
	connection_to(worker, connection, RESTING);
}

/* What ends before it was of use does so again: a server that closes what it accepts is not hammered. */
void connection_close(struct load_worker *worker, struct connection *connection)
{
	if (!connection->asked) {
		rest(worker, connection, REST_NS);
		return;
	}
	drop(worker, connection);
	connection_to(worker, connection, CLOSED);
}

static void failed(struct load_worker *worker, struct connection *connection, int error)
{
	count(&worker->books.connections_failed);
	__atomic_store_n(&worker->last_error, error, __ATOMIC_RELAXED);
	was_tried(worker, connection);
	rest(worker, connection, REST_NS);
}

static void opened(struct load_worker *worker, struct connection *connection)
{
	count(&worker->books.connections_opened);
	count(&worker->books.connections_open);
	__atomic_store_n(&worker->last_error, 0, __ATOMIC_RELAXED);
	was_tried(worker, connection);
	connection->was_open = true;
	connection->asked = 0;
	connection->free_ns = worker->now_ns = clock_monotonic_ns();
	connection_to(worker, connection, IDLE); /* that it is open is counted by its state */
	ask_or_idle(worker, connection);
}

static int watch(struct load_worker *worker, struct connection *connection, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = connection };

	return epoll_ctl(worker->epoll, operation, connection->fd, &event) ? -errno : 0;
}

void connection_watch_write(struct load_worker *worker, struct connection *connection)
{
	watch(worker, connection, EPOLL_CTL_MOD, EVENTS | EPOLLOUT);
}

/* The queue is the same for all connections, and the server has as long to empty it as to accept one. */
static bool is_full_too_long(struct load_worker *worker)
{
	if (!worker->full_since_ns)
		worker->full_since_ns = worker->now_ns;
	return worker->now_ns - worker->full_since_ns >= worker->plan->timeout_ns;
}

void connect_ready(struct load_worker *worker, struct connection *connection)
{
	int ret = load_socket_error(connection->fd, &worker->plan->server);

	if (ret)
		failed(worker, connection, -ret);
	else
		opened(worker, connection);
}

static void attempt(struct load_worker *worker, struct connection *connection)
{
	uint64_t number = worker->first + (uint64_t)(connection - worker->connections);
	bool connected;
	int ret = load_socket_connect(worker->plan, number, &connected);

	if (ret == -EAGAIN && !is_full_too_long(worker)) {
		worker->next_connect_ns = worker->now_ns + QUEUE_REST_NS;
		return;
	}
	if (ret != -EAGAIN)
		worker->full_since_ns = 0;
	if (connection->was_open)
		count(&worker->books.reconnects);
	connection->fd = ret < 0 ? -1 : ret;
	if (ret >= 0)
		ret = watch(worker, connection, EPOLL_CTL_ADD, connected ? EVENTS : EVENTS | EPOLLOUT);
	if (ret < 0) {
		failed(worker, connection, -ret);
		return;
	}
	connection->until_ns = worker->now_ns + worker->plan->timeout_ns;
	connection_to(worker, connection, CONNECTING);
	if (connected)
		connect_ready(worker, connection);
}

/* After the end only for those that wait. */
static bool may_connect(const struct load_worker *worker)
{
	return !worker->start_ns || worker->now_ns < worker->over_ns || ask_next_ns(worker) <= worker->now_ns;
}

/* When the next attempt may be made; UINT64_MAX: not before something else happens. */
static uint64_t attempt_next_ns(const struct load_worker *worker)
{
	if (!worker->nr_in[CLOSED] || worker->nr_in[CONNECTING] >= CONNECTING_MAX || !may_connect(worker))
		return UINT64_MAX;
	return worker->next_connect_ns;
}

static struct connection *first_until(const struct load_worker *worker, enum state state)
{
	struct connection *first = TAILQ_FIRST(&worker->lists[state]);

	return first && first->until_ns <= worker->now_ns ? first : NULL;
}

void connect_some(struct load_worker *worker)
{
	struct connection *connection;

	while ((connection = first_until(worker, CONNECTING)))
		failed(worker, connection, ETIMEDOUT);
	while ((connection = first_until(worker, RESTING)))
		connection_to(worker, connection, CLOSED);
	while (attempt_next_ns(worker) <= worker->now_ns) {
		/* What was missed is not made up for: the rate is an upper bound. */
		worker->next_connect_ns =
			worker->connect_every_ns ? worker->now_ns + worker->connect_every_ns : 0;
		attempt(worker, TAILQ_FIRST(&worker->lists[CLOSED]));
		worker->now_ns = clock_monotonic_ns();
		ask_due(worker);
	}
}

uint64_t connect_next_ns(const struct load_worker *worker)
{
	const struct connection *connecting = TAILQ_FIRST(&worker->lists[CONNECTING]),
				*resting = TAILQ_FIRST(&worker->lists[RESTING]);
	uint64_t next_ns = attempt_next_ns(worker);

	if (connecting && connecting->until_ns < next_ns)
		next_ns = connecting->until_ns;
	if (resting && resting->until_ns < next_ns)
		next_ns = resting->until_ns;
	return next_ns;
}
