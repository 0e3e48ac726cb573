// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Workers: their threads, and the tick that tells one whose time is over.  Each has a clock of its CPU time,
 * whose signal comes to itself: it does nothing but to set a flag, if the same green thread ran at the tick
 * before.  That is looked at where a green thread may be interrupted, and nowhere else.
 */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "servers/green_internal.h"
#include "servers/green_stack.h"

/* Of CPU time, so that who is due has had 10 to 20 ms; as in Go's runtime. */
#define TICK_NS 10000000
/* Ignored by default, so that one that comes when nobody expects it any more does no harm. */
#define TICK_SIGNAL	   SIGURG
#define SIGNAL_STACK_BYTES 65536u

static struct {
	struct worker *workers;
	uint32_t nr, started;
	sem_t finished;
	sem_t ready, begins; /* for each worker: it has what it needs; it is known whether all have */
	int error;	     /* atomic: of one that has not; 0: none */
} all;

static void on_tick(int number)
{
	struct worker *w = green_worker();
	uint32_t turn;

	(void)number;
	if (!w)
		return;
	turn = __atomic_load_n(&w->turn, __ATOMIC_RELAXED);
	if (w->ticked_turn == turn)
		__atomic_store_n(&w->due, true, __ATOMIC_RELAXED);
	w->ticked_turn = turn;
}

/* Of the calling thread's CPU time.  Returns 0 or -errno. */
static int start_tick(timer_t *tick)
{
	const struct itimerspec every = { { 0, TICK_NS }, { 0, TICK_NS } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = TICK_SIGNAL };

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, tick))
		return -errno;
	if (!timer_settime(*tick, 0, &every, NULL))
		return 0;
	timer_delete(*tick);
	return -errno;
}

/* This worker has what it needs, or ERROR; returns whether all have, once that is known. */
static bool all_have(int error)
{
	if (error)
		__atomic_store_n(&all.error, error, __ATOMIC_RELAXED);
	sem_post(&all.ready);
	while (sem_wait(&all.begins))
		;
	return !__atomic_load_n(&all.error, __ATOMIC_RELAXED);
}

static void run_with_tick(struct worker *w)
{
	timer_t tick;
	int ret = start_tick(&tick);

	if (all_have(-ret))
		green_scheduler_run(w);
	if (!ret)
		timer_delete(tick);
}

/* Signals have a stack of their own, since green threads' are small. */
static void *run(void *argument)
{
	struct worker *w = argument;
	stack_t own = { .ss_sp = malloc(SIGNAL_STACK_BYTES), .ss_size = SIGNAL_STACK_BYTES }, before;

	if (own.ss_sp && !sigaltstack(&own, &before)) {
		green_context_of_thread(&w->context);
		run_with_tick(w);
		sigaltstack(&before, NULL);
	} else {
		all_have(ENOMEM);
	}
	free(own.ss_sp);
	return NULL;
}

/* Those that end the process are the main thread's, which has a large stack.  Returns 0 or an errno. */
static int start_threads(void)
{
	sigset_t blocked, before;
	int ret = 0;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	for (; all.started < all.nr && !ret; all.started += !ret)
		ret = pthread_create(&all.workers[all.started].thread, NULL, run, &all.workers[all.started]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

/* Those that were started end, if they are not all that are wanted. */
static int start_workers(struct err *err)
{
	struct sigaction tick = { .sa_handler = on_tick, .sa_flags = SA_RESTART | SA_ONSTACK };
	int no_thread, error;

	sigaction(TICK_SIGNAL, &tick, NULL);
	sem_init(&all.finished, 0, 0);
	sem_init(&all.ready, 0, 0);
	sem_init(&all.begins, 0, 0);
	no_thread = start_threads();
	for (uint32_t i = 0; i < all.started; i++)
		while (sem_wait(&all.ready))
			;
	error = __atomic_load_n(&all.error, __ATOMIC_RELAXED);
	if (no_thread)
		__atomic_store_n(&all.error, no_thread, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < all.started; i++)
		sem_post(&all.begins);
	for (uint32_t i = 0; i < all.started && (no_thread || error); i++)
		pthread_join(all.workers[i].thread, NULL);
	if (no_thread)
		return err_set(err, no_thread, "cannot start worker %u of %u: %s; see --workers",
			       all.started + 1, all.nr, strerror(no_thread));
	if (error)
		return err_set(err, error,
			       "cannot have a timer of a thread's CPU time, to interrupt those who take "
			       "long: %s; "
			       "see ulimit -i",
			       strerror(error));
	return 0;
}

int green_begin(uint32_t nr_workers, size_t local_bytes, struct stats *stats, void (*first)(uint64_t),
		struct err *err)
{
	struct green *green = green_new(first, 0);

	all.nr = nr_workers;
	all.workers = aligned_alloc(_Alignof(struct worker), nr_workers * sizeof(*all.workers));
	if (!green || !all.workers)
		return err_set(err, ENOMEM, "out of memory");
	memset(all.workers, 0, nr_workers * sizeof(*all.workers));
	for (uint32_t i = 0; i < nr_workers; i++) {
		struct worker *w = &all.workers[i];

		w->random = i;
		w->slot = stats_slot(stats, i);
		w->ticked_turn = UINT32_MAX;
		sem_init(&w->called, 0, 0);
		w->local = calloc(1, local_bytes);
		if (!w->local)
			return err_set(err, ENOMEM, "out of memory");
	}
	if (green_poll_init(err))
		return -err->code;
	green_scheduler_init(all.workers, nr_workers);
	if (start_workers(err))
		return -err->code;
	green_scheduler_first(green);
	return 0;
}

void green_finish(void)
{
	sem_post(&all.finished);
}

void green_wait_until_finished(void)
{
	while (sem_wait(&all.finished))
		;
}

void green_end(void)
{
	green_scheduler_end();
	for (uint32_t i = 0; i < all.nr; i++) {
		pthread_join(all.workers[i].thread, NULL);
		sem_destroy(&all.workers[i].called);
		free(all.workers[i].local);
	}
	free(all.workers);
	sem_destroy(&all.finished);
	sem_destroy(&all.ready);
	sem_destroy(&all.begins);
	green_poll_fini();
	green_stacks_fini();
}
