/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of green threads share: green.c, the scheduler, and what it is called by. */
#ifndef WHYLATE_SERVERS_GREEN_INTERNAL_H
#define WHYLATE_SERVERS_GREEN_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>

#include "servers/green.h"
#include "servers/green_queue.h"
#include "servers/green_switch.h"
#include "servers/timers.h"

/*
 *     FREE -> READY -> RUNNING -> PARKED -> READY ...        a wake while it runs: CALLED, and it does not
 * park
 *                         \-> FREE
 */
enum green_state { GREEN_FREE, GREEN_READY, GREEN_RUNNING, GREEN_PARKED, GREEN_CALLED };

/*
 * Lies at the top of its stack, and stays a green thread's when that is used again: an event that comes late
 * may wake the next one for no reason, and never touches anything else.
 */
struct green {
	_Alignas(64) uint32_t state; /* atomic */
	uint32_t events;	     /* atomic: that have come */
	struct green_context context;
	struct green *next; /* in the queue of all */
	uint64_t ready_at_ns;
	uint64_t armed_at_ns; /* atomic; when its timer comes up; 0: never */
	struct timer timer;
	bool trims;
	void *own;
	void *stack;
	void (*run)(uint64_t argument);
	uint64_t argument;
};

/* What its worker does once a green thread has left its stack. */
enum green_leave {
	GREEN_PARK,
	GREEN_QUEUE, /* behind those that the worker has */
	GREEN_YIELD, /* behind those that no worker has */
	GREEN_EXIT,
};

struct worker {
	struct green_queue queue;
	struct green_context context;
	struct green *running;
	enum green_leave leave;
	uint32_t polled_turn;
	uint32_t turn; /* atomic, for its own signals */
	uint32_t random;
	uint64_t polled_at_ns;
	bool worked; /* since then something took long */
	bool due;    /* atomic: the one that runs has had its time */
	uint32_t ticked_turn;
	bool is_idle;	     /* under the lock */
	struct worker *next; /* of those that are idle */
	sem_t called;
	pthread_t thread;
	struct stats_slot *slot;
	void *local;
};

/* green.c */

/* Of the calling thread.  In no function that switches is it kept. */
struct worker *green_worker(void);

/* Leave the stack. */
void green_leave(enum green_leave how);

/* GREEN is PARKED no more: it is to run, since NOW_NS. */
void green_wake_at(struct green *green, uint64_t now_ns);

/* GREEN is made, and is to run. */
void green_start(struct green *green);

/* Before they run. */
void green_scheduler_init(struct worker *workers, uint32_t nr_workers);

/* In any thread, once they do: somebody to run. */
void green_scheduler_first(struct green *green);

/* In W's thread; until green_scheduler_end(), which any thread may call. */
void green_scheduler_run(struct worker *worker);
void green_scheduler_end(void);

/* WORKER, idle, has waited in green_poll(), and is about to look at what has come. */
void green_scheduler_polled(struct worker *worker);

/* Whether anybody waits for WORKER, as far as it knows. */
bool green_scheduler_has_others(const struct worker *worker);

/* green_api.c */

/* One that calls RUN with ARGUMENT, not started; NULL: there is no memory. */
struct green *green_new(void (*run)(uint64_t argument), uint64_t argument);

/* green_poll.c */

int green_poll_init(struct err *err);
void green_poll_fini(void);

/*
 * Wake whom something has come for, or whose time it is.  BLOCK: the worker is idle, and waits for that or
 * for green_poll_kick().
 */
void green_poll(struct worker *worker, bool block);

/* Whoever waits in green_poll() returns, or who does so next. */
void green_poll_kick(void);

/* GREEN is to be woken at AT_NS or before.  Returns 0 or -ENOMEM. */
int green_poll_set(struct green *green, uint64_t at_ns);

/* It ends. */
void green_poll_forget(struct green *green);

#endif /* WHYLATE_SERVERS_GREEN_INTERNAL_H */
