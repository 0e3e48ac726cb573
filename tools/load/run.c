// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/run.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tools/load/timetable.h"
#include "tools/load/worker.h"
#include "user/base/clock.h"

#define SECOND_NS 1000000000ull
/* Time for every thread to see when the start is. */
#define LEAD_NS 5000000ull

struct run {
	struct load_shared shared;
	struct load_worker **workers;
	pthread_t *threads;
	uint32_t nr_running;
	uint64_t began_ns;
	struct load_books *now, *before; /* for the watcher */
};

/* What a signal's handler may touch. */
static sem_t *told;
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	int saved = errno;

	(void)number;
	interrupted = 1;
	if (told)
		sem_post(told);
	errno = saved;
}

void load_run_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* The threads leave signals to the one that can tell all of them. */
static int start_threads(struct run *run, struct err *err)
{
	sigset_t all, before;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (uint32_t i = 0; i < run->shared.plan->threads && !ret; i++) {
		ret = pthread_create(&run->threads[i], NULL, load_worker_run, run->workers[i]);
		run->nr_running += !ret;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return err_set(err, ret, "cannot start thread %u of %u: %s; use fewer --threads",
			       run->nr_running + 1, run->shared.plan->threads, strerror(ret));
	return 0;
}

static uint32_t load_count(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void end_now(struct run *run)
{
	if (!run->shared.interrupt_ns)
		__atomic_store_n(&run->shared.interrupt_ns, clock_monotonic_ns(), __ATOMIC_RELAXED);
}

static void add_books(const struct run *run, struct load_books *books)
{
	memset(books, 0, sizeof(*books));
	for (uint32_t i = 0; i < run->shared.plan->threads; i++)
		load_books_add(books, load_worker_books(run->workers[i]));
}

/* Until all connections were tried, or it is of no use to wait. */
static void await_ready(struct run *run, struct load_result *result)
{
	const struct load_shared *shared = &run->shared;

	while (load_count(&shared->ready) + load_count(&shared->broken) < run->nr_running && !interrupted)
		sem_wait(&run->shared.changed);
	add_books(run, &result->books);
	if (result->books.connections_open == shared->plan->connections)
		result->opening_ns = clock_monotonic_ns() - run->began_ns;
	for (uint32_t i = 0; i < shared->plan->threads && !result->books.connections_open; i++)
		if (load_worker_last_error(run->workers[i]))
			result->no_connection = load_worker_last_error(run->workers[i]);
}

static void tell_watcher(struct run *run, const struct load_watcher *watcher, uint64_t *from_ns,
			 uint64_t to_ns)
{
	struct load_books *swap = run->before;

	add_books(run, run->now);
	watcher->second(watcher->context, run->now, run->before, *from_ns, to_ns);
	*from_ns = to_ns;
	run->before = run->now;
	run->now = swap;
}

/* Whoever comes late, as it was held up, tells of all that was meanwhile. */
static uint64_t whole_seconds(uint64_t ns)
{
	return ns / SECOND_NS * SECOND_NS;
}

/* From the start until every thread is through. */
static void watch(struct run *run, const struct load_watcher *watcher)
{
	const uint64_t start_ns = run->shared.start_ns;
	uint64_t told_ns = 0;

	while (load_count(&run->shared.ended) < run->nr_running) {
		struct timespec until = clock_timespec(start_ns + told_ns + SECOND_NS);

		if (interrupted)
			end_now(run);
		if (!watcher)
			sem_wait(&run->shared.changed);
		else if (sem_clockwait(&run->shared.changed, CLOCK_MONOTONIC, &until) && errno == ETIMEDOUT)
			tell_watcher(run, watcher, &told_ns, whole_seconds(clock_monotonic_ns() - start_ns));
	}
	if (watcher)
		tell_watcher(run, watcher, &told_ns, clock_monotonic_ns() - start_ns);
}

static int go(struct run *run, const struct load_watcher *watcher, struct load_result *result,
	      struct err *err)
{
	int ret = 0;

	await_ready(run, result);
	result->started_at_ns = clock_wall_ns() + LEAD_NS;
	if (watcher)
		ret = watcher->begin(watcher->context, result->started_at_ns, err);
	if (ret || interrupted || load_count(&run->shared.broken) || result->no_connection) {
		end_now(run);
		return ret;
	}
	__atomic_store_n(&run->shared.start_ns, clock_monotonic_ns() + LEAD_NS, __ATOMIC_RELEASE);
	watch(run, watcher);
	return 0;
}

static void end_threads(struct run *run)
{
	for (uint32_t i = 0; i < run->nr_running; i++)
		pthread_join(run->threads[i], NULL);
}

static void sum_up(const struct run *run, struct load_result *result)
{
	const struct load_plan *plan = run->shared.plan;
	uint64_t from_ns = run->shared.start_ns + plan->warmup_ns, end_ns = run->shared.interrupt_ns;

	add_books(run, &result->books);
	for (uint32_t i = 0; i < plan->threads; i++) {
		uint64_t settled_ns = load_worker_settled_ns(run->workers[i]),
			 steps = load_worker_clock_steps(run->workers[i]);
		double busy_ratio = load_worker_busy_ratio(run->workers[i]);

		result->cpu_ns += load_worker_cpu_ns(run->workers[i]);
		result->settled_ns = settled_ns > result->settled_ns ? settled_ns : result->settled_ns;
		result->busy_ratio = busy_ratio > result->busy_ratio ? busy_ratio : result->busy_ratio;
		result->clock_steps = steps > result->clock_steps ? steps : result->clock_steps;
	}
	result->cpu_window_ns = result->settled_ns;
	result->interrupted = interrupted;
	result->spinning = load_plan_spins(plan);
	result->user_bytes = load_connection_bytes() * plan->connections;
	if (!run->shared.start_ns)
		return;
	result->window_ns = plan->duration_ns;
	if (end_ns && end_ns < from_ns + plan->duration_ns)
		result->window_ns = end_ns > from_ns ? end_ns - from_ns : 0;
	if (plan->mode != LOAD_CLOSED && !end_ns)
		timetable_total(plan, &result->timetable_nr, &result->last_due_ns);
}

/* What must hold of any books, whatever the server did: else there is a defect here, and no figure can be
 * trusted. */
static int check_books(const struct load_result *result, struct err *err)
{
	const struct load_books *books = &result->books;
	uint64_t due = books->measured.due + books->warmup.due,
		 ends = load_outcomes_sum(&books->measured) + load_outcomes_sum(&books->warmup),
		 values = hdr_count(&books->from_due.known) + hdr_count(&books->from_due.at_least);

	if (ends != due)
		return err_set(err, EBADE,
			       "the books do not close: %" PRIu64 " requests, %" PRIu64 " outcomes", due,
			       ends);
	if (result->timetable_nr && result->timetable_nr != due)
		return err_set(err, EBADE,
			       "the books do not close: %" PRIu64 " requests, %" PRIu64 " in the timetable",
			       due, result->timetable_nr);
	if (result->plan->mode != LOAD_CLOSED && values != books->measured.due)
		return err_set(err, EBADE,
			       "the books do not close: %" PRIu64 " requests, %" PRIu64 " latencies",
			       books->measured.due, values);
	return 0;
}

static int prepare(struct run *run, const struct load_plan *plan, bool watched, struct err *err)
{
	int ret = 0;

	run->shared.plan = plan;
	sem_init(&run->shared.changed, 0, 0);
	run->workers = calloc(plan->threads, sizeof(struct load_worker *));
	run->threads = calloc(plan->threads, sizeof(*run->threads));
	if (watched) {
		run->now = calloc(1, sizeof(*run->now));
		run->before = calloc(1, sizeof(*run->before));
	}
	if (!run->workers || !run->threads || (watched && (!run->now || !run->before)))
		return err_set(err, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < plan->threads && !ret; i++)
		ret = load_worker_new(&run->workers[i], &run->shared, i);
	return ret ? err_set(err, -ret, "out of memory for %u connections", plan->connections) : 0;
}

static void clean_up(struct run *run)
{
	for (uint32_t i = 0; run->workers && i < run->shared.plan->threads; i++)
		load_worker_free(run->workers[i]);
	free(run->workers);
	free(run->threads);
	free(run->now);
	free(run->before);
	told = NULL;
	sem_destroy(&run->shared.changed);
}

/* The first thread that could not begin says why. */
static int thread_err(const struct run *run, struct err *err)
{
	for (uint32_t i = 0; i < run->nr_running; i++)
		if (load_worker_err(run->workers[i])->code) {
			*err = *load_worker_err(run->workers[i]);
			return -err->code;
		}
	return 0;
}

int load_run(const struct load_plan *plan, const struct load_watcher *watcher, struct load_result *result,
	     struct err *err)
{
	struct run run = {};
	int ret = prepare(&run, plan, watcher, err);

	memset(result, 0, sizeof(*result));
	result->plan = plan;
	if (!ret) {
		told = &run.shared.changed;
		run.began_ns = clock_monotonic_ns();
		ret = start_threads(&run, err);
		if (ret)
			end_now(&run);
		else
			ret = go(&run, watcher, result, err);
		end_threads(&run);
		ret = ret ? ret : thread_err(&run, err);
	}
	if (!ret) {
		sum_up(&run, result);
		ret = check_books(result, err);
	}
	clean_up(&run);
	return ret;
}
