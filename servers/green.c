// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The scheduler of green threads: who runs next on which worker, and who sleeps.
 *
 * A worker that finds nothing to do is searching, then idle.  Whoever queues a green thread wakes an idle one
 * unless somebody is searching, who will find it: the last one to stop searching looks once more, and so does
 * who goes idle, after saying so.  So nothing lies in a queue while a worker sleeps.
 */
#include "servers/green_internal.h"

#include <stdlib.h>
#include <string.h>

#include "servers/green_stack.h"
#include "user/base/clock.h"

/* Turns after which the queue of all is looked at first: an odd one, as in Go's runtime. */
#define GLOBAL_TURNS 61u
/* Turns of short ones after which files are looked at though there is other work. */
#define POLL_TURNS 32u
/* The same, where they take long. */
#define POLL_NS 100000u

static struct {
	pthread_mutex_t lock;
	struct green *first, **last; /* of the queue of all */
	uint32_t nr_queued;	     /* in it; atomic */
	struct worker *idle;	     /* those that wait to be called */
	struct worker *poller;	     /* waits in green_poll() */
	uint32_t nr_idle;	     /* with that one; atomic */
	uint32_t searching;	     /* atomic */
	bool ending;		     /* atomic */
	struct worker *workers;
	uint32_t nr_workers;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local struct worker *own_worker;

__attribute__((noinline)) struct worker *green_worker(void)
{
	__asm__ volatile("" ::: "memory"); /* not to be known as a function that could be called less often */
	return own_worker;
}

/* Whether anybody waits for a worker. */
static bool has_work(void)
{
	if (__atomic_load_n(&all.nr_queued, __ATOMIC_SEQ_CST))
		return true;
	for (uint32_t i = 0; i < all.nr_workers; i++)
		if (green_queue_nr(&all.workers[i].queue))
			return true;
	return false;
}

/* Under the lock: W is idle no more. */
static void end_idle(struct worker *w)
{
	w->is_idle = false;
	__atomic_sub_fetch(&all.nr_idle, 1, __ATOMIC_SEQ_CST);
}

/* Under the lock: an idle worker, who is called and idle no more; NULL: there is none. */
static struct worker *take_idle(void)
{
	struct worker *w = all.idle;

	if (w)
		all.idle = w->next;
	else if (all.poller && all.poller->is_idle)
		w = all.poller;
	if (w)
		end_idle(w);
	return w;
}

static void call(struct worker *w, bool polls)
{
	if (polls)
		green_poll_kick();
	else
		sem_post(&w->called);
}

/* Somebody is to search, unless somebody does. */
static void call_one(void)
{
	uint32_t none = 0;
	struct worker *w;
	bool polls;

	if (!__atomic_load_n(&all.nr_idle, __ATOMIC_SEQ_CST) ||
	    !__atomic_compare_exchange_n(&all.searching, &none, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&all.lock);
	w = take_idle();
	polls = w && w == all.poller;
	pthread_mutex_unlock(&all.lock);
	if (w)
		call(w, polls);
	else
		__atomic_sub_fetch(&all.searching, 1, __ATOMIC_SEQ_CST);
}

static void queue_for_all(struct green *green)
{
	green->next = NULL;
	pthread_mutex_lock(&all.lock);
	*all.last = green;
	all.last = &green->next;
	__atomic_add_fetch(&all.nr_queued, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&all.lock);
}

/* Where W's queue is full, half of it goes to the queue of all. */
static void queue(struct worker *w, struct green *green)
{
	void *moved[GREEN_QUEUE_ITEMS / 2];
	uint32_t nr;

	stats_queued(w->slot, 1);
	while (!green_queue_push(&w->queue, green)) {
		nr = green_queue_take_half(&w->queue, moved);
		for (uint32_t i = 0; i < nr; i++)
			queue_for_all(moved[i]);
	}
	call_one();
}

void green_wake_at(struct green *green, uint64_t now_ns)
{
	uint32_t state = __atomic_load_n(&green->state, __ATOMIC_SEQ_CST), to;

	do {
		if (state != GREEN_PARKED && state != GREEN_RUNNING)
			return;
		to = state == GREEN_PARKED ? GREEN_READY : GREEN_CALLED;
	} while (!__atomic_compare_exchange_n(&green->state, &state, to, true, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	if (to == GREEN_CALLED)
		return;
	green->ready_at_ns = now_ns;
	queue(green_worker(), green);
}

/* Up to MOST of the queue of all: the first one, and the others into W's queue, which has room for them. */
static struct green *take_from_all(struct worker *w, uint32_t most)
{
	struct green *first = NULL, *green;

	if (!__atomic_load_n(&all.nr_queued, __ATOMIC_SEQ_CST))
		return NULL;
	pthread_mutex_lock(&all.lock);
	while (most && (green = all.first)) {
		all.first = green->next;
		if (!all.first)
			all.last = &all.first;
		__atomic_sub_fetch(&all.nr_queued, 1, __ATOMIC_SEQ_CST);
		if (first)
			green_queue_push(&w->queue, green);
		else
			first = green;
		most--;
	}
	pthread_mutex_unlock(&all.lock);
	return first;
}

static uint32_t share(void)
{
	uint32_t nr = __atomic_load_n(&all.nr_queued, __ATOMIC_RELAXED) / all.nr_workers + 1;

	return nr < GREEN_QUEUE_ITEMS / 2 ? nr : GREEN_QUEUE_ITEMS / 2;
}

/* From whoever has something, beginning anywhere. */
static struct green *steal(struct worker *w)
{
	uint32_t first = (w->random = w->random * 1664525 + 1013904223) >> 8;

	for (uint32_t i = 0; i < all.nr_workers; i++) {
		struct worker *victim = &all.workers[(first + i) % all.nr_workers];
		struct green *green = victim == w ? NULL : green_queue_steal(&w->queue, &victim->queue);

		if (green) {
			stats_count(w->slot, STATS_STEALS);
			return green;
		}
	}
	return NULL;
}

static void stop_searching(void)
{
	if (!__atomic_sub_fetch(&all.searching, 1, __ATOMIC_SEQ_CST) && has_work())
		call_one();
}

/* Whoever calls has made it searching. */
static void wait_for_call(struct worker *w)
{
	while (sem_wait(&w->called))
		;
}

/* W, idle before, has slept, or not; unless it was called, it is searching by itself. */
static void come_back(struct worker *w, bool polls)
{
	struct worker **at = &all.idle;
	bool called;

	pthread_mutex_lock(&all.lock);
	called = !w->is_idle;
	if (!called) {
		while (!polls && *at != w)
			at = &(*at)->next;
		if (!polls)
			*at = w->next;
		end_idle(w);
		__atomic_add_fetch(&all.searching, 1, __ATOMIC_SEQ_CST);
	}
	if (polls)
		__atomic_store_n(&all.poller, NULL, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&all.lock);
	if (called && !polls)
		wait_for_call(w);
}

void green_scheduler_polled(struct worker *w)
{
	come_back(w, true);
}

/* W has nothing to do: sleep until there may be something. */
static void idle(struct worker *w)
{
	bool polls;

	pthread_mutex_lock(&all.lock);
	polls = !all.poller;
	if (polls) {
		__atomic_store_n(&all.poller, w, __ATOMIC_RELAXED);
	} else {
		w->next = all.idle;
		all.idle = w;
	}
	w->is_idle = true;
	__atomic_add_fetch(&all.nr_idle, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&all.lock);
	__atomic_sub_fetch(&all.searching, 1, __ATOMIC_SEQ_CST);
	if (has_work() || __atomic_load_n(&all.ending, __ATOMIC_SEQ_CST))
		come_back(w, polls);
	else if (polls)
		green_poll(w, true);
	else
		wait_for_call(w);
}

/* Until there is somebody to run; NULL: no more, it is the end. */
static struct green *search(struct worker *w)
{
	struct green *green = NULL;

	__atomic_add_fetch(&all.searching, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&all.ending, __ATOMIC_SEQ_CST)) {
		green = green_queue_pop(&w->queue);
		if (!green)
			green = take_from_all(w, share());
		if (!green)
			green = steal(w);
		if (green)
			break;
		idle(w);
	}
	stop_searching();
	return green;
}

static struct green *next(struct worker *w)
{
	struct green *green = NULL;

	if (w->turn - w->polled_turn >= POLL_TURNS ||
	    (w->worked && clock_monotonic_ns() - w->polled_at_ns >= POLL_NS))
		green_poll(w, false);
	if (w->turn % GLOBAL_TURNS == 0)
		green = take_from_all(w, 1);
	if (!green)
		green = green_queue_pop(&w->queue);
	return green ? green : search(w);
}

/* By who has it: nobody else looks at it now. */
static void make_ready(struct green *green, uint64_t now_ns)
{
	green->ready_at_ns = now_ns;
	__atomic_store_n(&green->state, GREEN_READY, __ATOMIC_SEQ_CST);
}

/* GREEN, that has left its stack, waits, unless somebody has called it before. */
static void park(struct worker *w, struct green *green)
{
	uint32_t running = GREEN_RUNNING;

	if (green->trims)
		green_stack_trim(green->stack, green->context.sp);
	green->trims = false;
	if (__atomic_compare_exchange_n(&green->state, &running, GREEN_PARKED, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return;
	make_ready(green, clock_monotonic_ns());
	queue(w, green);
}

static void after(struct worker *w, struct green *green)
{
	void *stack = green->stack;

	switch (w->leave) {
	case GREEN_PARK:
		park(w, green);
		break;
	case GREEN_QUEUE:
		make_ready(green, clock_monotonic_ns());
		queue(w, green);
		break;
	case GREEN_YIELD:
		make_ready(green, clock_monotonic_ns());
		stats_queued(w->slot, 1);
		queue_for_all(green);
		call_one();
		break;
	case GREEN_EXIT:
		green_poll_forget(green);
		green_context_fini(&green->context);
		__atomic_store_n(&green->state, GREEN_FREE, __ATOMIC_SEQ_CST);
		green_stack_free(stack);
		break;
	}
}

static void run_all(struct worker *w)
{
	struct green *green;

	while ((green = next(w))) {
		stats_queued(w->slot, -1);
		stats_count(w->slot, STATS_GREEN_SWITCHES);
		__atomic_store_n(&w->turn, w->turn + 1, __ATOMIC_RELAXED);
		__atomic_store_n(&w->due, false, __ATOMIC_RELAXED);
		w->running = green;
		__atomic_exchange_n(&green->state, GREEN_RUNNING, __ATOMIC_SEQ_CST);
		green_switch(&w->context, &green->context, false);
		after(w, green);
	}
}

void green_scheduler_init(struct worker *workers, uint32_t nr_workers)
{
	all.workers = workers;
	all.nr_workers = nr_workers;
	all.last = &all.first;
}

void green_scheduler_first(struct green *green)
{
	make_ready(green, clock_monotonic_ns());
	stats_queued(all.workers[0].slot, 1);
	queue_for_all(green);
	call_one();
}

void green_scheduler_run(struct worker *w)
{
	own_worker = w;
	run_all(w);
	own_worker = NULL;
}

void green_scheduler_end(void)
{
	struct worker *w;

	__atomic_store_n(&all.ending, true, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&all.lock);
	while ((w = take_idle())) {
		__atomic_add_fetch(&all.searching, 1, __ATOMIC_SEQ_CST);
		call(w, w == all.poller);
	}
	pthread_mutex_unlock(&all.lock);
}

bool green_scheduler_has_others(const struct worker *w)
{
	return green_queue_nr(&w->queue) || __atomic_load_n(&all.nr_queued, __ATOMIC_RELAXED);
}

void green_start(struct green *green)
{
	make_ready(green, clock_monotonic_ns());
	queue(green_worker(), green);
}

void green_hold(void)
{
	struct worker *w = green_worker();

	w->worked = true;
	if (!__atomic_load_n(&all.nr_idle, __ATOMIC_RELAXED) ||
	    __atomic_load_n(&all.poller, __ATOMIC_RELAXED))
		return;
	call_one();
}
