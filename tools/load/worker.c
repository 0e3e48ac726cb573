// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tools/load/limits.h"
#include "tools/load/worker_internal.h"
#include "user/base/clock.h"

#define EVENTS_AT_ONCE 64
#define ENDS	       (EPOLLRDHUP | EPOLLHUP | EPOLLERR)
/* The longest that a thread sleeps: so soon it sees the start, or that it is told to stop. */
#define BEFORE_START_NS 1000000ull
#define SLEEP_NS	50000000ull
#define EARLY_STEP_NS	250ull

bool load_plan_spins(const struct load_plan *plan)
{
	if (plan->mode == LOAD_CLOSED)
		return false;
	if (plan->waiting != WAIT_AUTO)
		return plan->waiting == WAIT_SPIN;
	return plan->has_cpus && (uint32_t)CPU_COUNT(&plan->cpus) >= plan->threads;
}

uint64_t load_connection_bytes(void)
{
	return sizeof(struct connection);
}

int load_worker_new(struct load_worker **out, struct load_shared *shared, uint32_t number)
{
	const struct load_plan *plan = shared->plan;
	uint32_t each = plan->connections / plan->threads, more = plan->connections % plan->threads;
	struct load_worker *worker = calloc(1, sizeof(*worker));

	*out = worker;
	if (!worker)
		return -ENOMEM;
	worker->shared = shared;
	worker->plan = plan;
	worker->number = number;
	worker->epoll = -1;
	worker->nr_connections = each + (number < more);
	worker->first = number * each + (number < more ? number : more);
	worker->connections = calloc(worker->nr_connections, sizeof(*worker->connections));
	if (plan->connect_rate > 0)
		worker->connect_every_ns = (uint64_t)(1e9 * plan->threads / plan->connect_rate);
	for (int i = 0; i < STATES; i++)
		TAILQ_INIT(&worker->lists[i]);
	return worker->connections ? 0 : -ENOMEM;
}

void load_worker_free(struct load_worker *worker)
{
	if (!worker)
		return;
	free(worker->connections);
	free(worker);
}

/* The CPU that this thread has, of those that the plan names. */
static int pin(struct load_worker *worker)
{
	uint32_t left = worker->number % (uint32_t)CPU_COUNT(&worker->plan->cpus);
	cpu_set_t one;
	int cpu = 0;

	while (!CPU_ISSET(cpu, &worker->plan->cpus) || left--)
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return err_set(&worker->err, errno, "cannot use CPU %d for a thread: %s", cpu,
			       strerror(errno));
	return 0;
}

/* ThreadSanitizer takes a descriptor for the same in all threads, and would see races that are none. */
#ifdef __SANITIZE_THREAD__
#define ALWAYS_OWN_FILES false
#else
#define ALWAYS_OWN_FILES true
#endif

/* Whether all connections, and what else a process has open, have room in one table. */
static bool fit_one_table(const struct load_plan *plan)
{
	struct rlimit files;

	return !getrlimit(RLIMIT_NOFILE, &files) &&
	       plan->connections + LOAD_FILES_OTHER + 2ull * plan->threads <= files.rlim_cur;
}

/*
 * A file table of its own lets each thread have as many connections as the limit on files allows; and in a
 * table that nobody shares, a descriptor is looked up without counting who does (fs/file.c: __fget_light).
 */
static int own_files(struct load_worker *worker)
{
	bool fits = fit_one_table(worker->plan);

	if ((fits && !ALWAYS_OWN_FILES) || !unshare(CLONE_FILES) || fits)
		return 0;
	return err_set(&worker->err, errno,
		       "cannot give each thread a file table of its own: %s; use fewer --connections",
		       strerror(errno));
}

static int wait_without_sleep(struct load_worker *worker, struct epoll_event *events, int room)
{
	const struct timespec none = {};

	return epoll_pwait2(worker->epoll, events, room, &none, NULL);
}

static int begin(struct load_worker *worker)
{
	struct epoll_event event;
	int ret = 0;

	prctl(PR_SET_TIMERSLACK, 1ul); /* without: 50 us late by design (prctl(2)) */
	if (worker->plan->has_cpus)
		ret = pin(worker);
	if (!ret)
		ret = own_files(worker);
	if (ret)
		return ret;
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll < 0)
		return err_set(&worker->err, errno, "cannot wait for sockets: %s", strerror(errno));
	if (wait_without_sleep(worker, &event, 1) < 0)
		return err_set(&worker->err, errno,
			       "cannot wait for sockets by the nanosecond: epoll_pwait2: %s; Linux has it "
			       "since 5.11",
			       strerror(errno));
	worker->now_ns = clock_monotonic_ns();
	walltime_begin(&worker->walltime);
	connect_begin(worker);
	return 0;
}

/* All begins that waited for the start to be told. */
static void start(struct load_worker *worker, uint64_t start_ns)
{
	const struct load_plan *plan = worker->plan;

	worker->start_ns = start_ns;
	worker->over_ns = start_ns + plan->warmup_ns + plan->duration_ns;
	worker->stop_ns = worker->over_ns + plan->drain_ns;
	worker->cpu_before_ns = clock_thread_cpu_ns();
	if (!is_closed_loop(worker))
		timetable_begin(&worker->timetable, plan, worker->number, plan->threads);
}

/* The idle connections of a closed loop, once it has begun. */
static void ask_first(struct load_worker *worker)
{
	for (uint32_t i = worker->nr_in[IDLE]; i && worker->nr_in[IDLE]; i--) {
		ask_or_idle(worker, TAILQ_FIRST(&worker->lists[IDLE]));
		worker->now_ns = clock_monotonic_ns();
	}
}

/* See what the others have to say. */
static void look_at_shared(struct load_worker *worker)
{
	struct load_shared *shared = worker->shared;
	uint64_t start_ns, end_ns = __atomic_load_n(&shared->interrupt_ns, __ATOMIC_RELAXED);

	if (!worker->start_ns) {
		start_ns = __atomic_load_n(&shared->start_ns, __ATOMIC_ACQUIRE);
		if (start_ns)
			start(worker, start_ns);
	}
	if (end_ns && end_ns < worker->over_ns)
		worker->over_ns = end_ns;
	if (end_ns && end_ns < worker->stop_ns)
		worker->stop_ns = end_ns;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When there is something to do that no event tells. */
static uint64_t next_ns(const struct load_worker *worker)
{
	const struct connection *flying = TAILQ_FIRST(&worker->lists[FLYING]);
	uint64_t next = least(connect_next_ns(worker),
			      worker->now_ns + (worker->start_ns ? SLEEP_NS : BEFORE_START_NS));
	uint64_t due_ns = ask_next_ns(worker);

	if (!worker->start_ns)
		return next;
	if (flying)
		next = least(next, flying->due_ns + worker->plan->timeout_ns);
	if (due_ns != UINT64_MAX)
		next = least(next, worker->nr_in[IDLE] ? due_ns : due_ns + worker->plan->timeout_ns);
	if (worker->now_ns < worker->start_ns)
		return least(next, worker->start_ns);
	return least(next, worker->now_ns < worker->over_ns ? worker->over_ns : worker->stop_ns);
}

static void on_event(struct load_worker *worker, const struct epoll_event *event)
{
	struct connection *connection = event->data.ptr;
	uint64_t before_ns = worker->now_ns;

	if (connection->state == CONNECTING)
		connect_ready(worker, connection);
	if (connection->state == FLYING && event->events & EPOLLOUT)
		ask_rest(worker, connection);
	worker->away |= was_away(worker, before_ns); /* of what it reads, each read says */
	if (event->events & (EPOLLIN | ENDS) && (connection->state == IDLE || connection->state == FLYING))
		answer_read(worker, connection, event->events & ENDS);
}

/*
 * Who sleeps is woken late, by what the timer and the way to the CPU take: some 5 us, in a virtual machine 25.
 * So a thread asks to be woken so much earlier as three of four wakes were late, and spins for what is left.
 */
static void learn(struct load_worker *worker, uint64_t late_ns)
{
	if (late_ns > worker->early_ns)
		worker->early_ns = least(worker->early_ns + 3 * EARLY_STEP_NS, AWAY_NS);
	else
		worker->early_ns -= least(worker->early_ns, EARLY_STEP_NS);
}

/* When to be woken for UNTIL_NS; not after now: not to sleep. */
static uint64_t wake_ns(const struct load_worker *worker, uint64_t until_ns)
{
	return until_ns == ask_next_ns(worker) ? until_ns - worker->early_ns : until_ns;
}

/* From BEFORE_NS to now there was nothing to do: what is not idle of a thread's time is work, or was taken
 * from it. */
static void count_idle(struct load_worker *worker, uint64_t before_ns)
{
	uint64_t end_ns = least(worker->now_ns, worker->over_ns);

	if (worker->start_ns && before_ns >= worker->start_ns && end_ns > before_ns)
		worker->idle_ns += end_ns - before_ns;
}

/* Whether a request is due, and a connection free for it: then it is not for want of work that we look. */
static bool can_ask(const struct load_worker *worker)
{
	return worker->nr_in[IDLE] && ask_next_ns(worker) <= worker->now_ns;
}

/* Where all connections are busy it matters to know whether for the server or for us: look before waiting. */
static int wait_for_events(struct load_worker *worker, struct epoll_event events[EVENTS_AT_ONCE], bool spins)
{
	uint64_t until_ns = wake_ns(worker, next_ns(worker)), before_ns = worker->now_ns;
	bool waits = !spins && until_ns > worker->now_ns, looks = !waits || !worker->nr_in[IDLE];
	bool owes = can_ask(worker); /* looks, if only before it sends */
	struct timespec timeout;
	int nr = 0;

	if (looks)
		nr = wait_without_sleep(worker, events, EVENTS_AT_ONCE);
	looks = looks && nr <= 0;
	if (nr <= 0 && waits) {
		timeout = clock_timespec(until_ns - worker->now_ns);
		nr = epoll_pwait2(worker->epoll, events, EVENTS_AT_ONCE, &timeout, NULL);
	}
	worker->now_ns = clock_monotonic_ns();
	if (!nr && waits)
		learn(worker, worker->now_ns - until_ns);
	/* Stopped, or off its CPU, after the kernel had looked: much may have come since. */
	worker->away = nr < 0 || was_away(worker, waits ? until_ns : before_ns);
	if (nr <= 0 && worker->away) {
		nr = wait_without_sleep(worker, events, EVENTS_AT_ONCE);
		worker->now_ns = clock_monotonic_ns();
		worker->away = false;
	}
	worker->woke = looks && nr > 0 && !owes;
	if (owes)
		return nr;
	if (waits || nr <= 0)
		count_idle(worker, before_ns);
	if (worker->woke || (nr <= 0 && !waits))
		worker->nothing_ns = worker->now_ns;
	else if (nr <= 0)
		worker->nothing_ns = least(worker->now_ns, until_ns);
	return nr;
}

static void wait_and_serve(struct load_worker *worker, bool spins)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int nr = wait_for_events(worker, events, spins);

	if (nr > 0)
		walltime_check(&worker->walltime);
	/* What has ended, or speaks unasked, takes no request any more. */
	for (int i = 0; i < nr; i++)
		if (((struct connection *)events[i].data.ptr)->state == IDLE)
			on_event(worker, &events[i]);
	ask_due(worker); /* also where each answer takes that long */
	for (int i = 0; i < nr; i++) {
		on_event(worker, &events[i]);
		ask_due(worker);
	}
}

static bool is_late(const struct load_worker *worker, const struct connection *flying)
{
	return flying->due_ns + worker->plan->timeout_ns <= worker->now_ns;
}

/* An answer that is there is one, though we come late to read it. */
static bool is_still_flying(struct load_worker *worker, struct connection *connection)
{
	answer_read(worker, connection, false);
	return connection->state == FLYING;
}

static void time_out(struct load_worker *worker)
{
	struct connection *flying;

	while ((flying = TAILQ_FIRST(&worker->lists[FLYING])) && is_late(worker, flying)) {
		/* In a closed loop it may be another request that flies now. */
		if (!is_still_flying(worker, flying) || !is_late(worker, flying))
			continue;
		settle_late(worker, flying);
		connection_close(worker, flying);
	}
	ask_give_up(worker, false);
}

/* Whether every request has its outcome; at the end of all patience, it gets one. */
static bool is_through(struct load_worker *worker)
{
	struct connection *flying;

	if (!worker->start_ns) /* only if it was told to end before */
		return __atomic_load_n(&worker->shared->interrupt_ns, __ATOMIC_RELAXED);
	if (worker->now_ns >= worker->stop_ns) {
		time_out(worker);
		ask_give_up(worker, true);
		while ((flying = TAILQ_FIRST(&worker->lists[FLYING]))) {
			if (!is_still_flying(worker, flying))
				continue;
			settle_unanswered(worker, flying);
			connection_to(worker, flying, IDLE);
		}
		return true;
	}
	return worker->now_ns >= worker->over_ns && !worker->nr_in[FLYING] &&
	       ask_next_ns(worker) == UINT64_MAX;
}

static void tell(uint32_t *word, struct load_shared *shared)
{
	__atomic_add_fetch(word, 1, __ATOMIC_RELEASE);
	sem_post(&shared->changed);
}

static void work(struct load_worker *worker)
{
	bool spins = load_plan_spins(worker->plan), told = false, first = is_closed_loop(worker);

	while (!is_through(worker)) {
		look_at_shared(worker);
		if (!told && worker->nr_tried == worker->nr_connections) {
			told = true;
			tell(&worker->shared->ready, worker->shared);
		}
		if (first && worker->start_ns && worker->now_ns >= worker->start_ns) {
			first = false;
			ask_first(worker);
		}
		time_out(worker);
		connect_some(worker);
		ask_due(worker);
		wait_and_serve(worker, spins && worker->start_ns);
	}
	worker->ended_ns = worker->now_ns;
}

void *load_worker_run(void *arg)
{
	struct load_worker *worker = arg;

	if (begin(worker))
		tell(&worker->shared->broken, worker->shared);
	else
		work(worker);
	worker->cpu_ns = clock_thread_cpu_ns() - worker->cpu_before_ns;
	for (uint32_t i = 0; i < worker->nr_connections; i++)
		if (worker->epoll >= 0 && worker->connections[i].fd >= 0)
			close(worker->connections[i].fd);
	if (worker->epoll >= 0)
		close(worker->epoll);
	tell(&worker->shared->ended, worker->shared);
	return NULL;
}

const struct load_books *load_worker_books(const struct load_worker *worker)
{
	return &worker->books;
}

const struct err *load_worker_err(const struct load_worker *worker)
{
	return &worker->err;
}

uint64_t load_worker_cpu_ns(const struct load_worker *worker)
{
	return worker->cpu_ns;
}

double load_worker_busy_ratio(const struct load_worker *worker)
{
	uint64_t end_ns = least(worker->ended_ns, worker->over_ns);

	if (!worker->start_ns || end_ns <= worker->start_ns)
		return 0;
	return 1 - (double)worker->idle_ns / (double)(end_ns - worker->start_ns);
}

uint64_t load_worker_clock_steps(const struct load_worker *worker)
{
	return worker->walltime.steps;
}

uint64_t load_worker_settled_ns(const struct load_worker *worker)
{
	return worker->start_ns && worker->ended_ns > worker->start_ns ? worker->ended_ns - worker->start_ns :
									 0;
}

int load_worker_last_error(const struct load_worker *worker)
{
	return __atomic_load_n(&worker->last_error, __ATOMIC_RELAXED);
}
