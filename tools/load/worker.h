/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A thread of the generator: its share of the connections and of the timetable, and its own books.
 *
 *	timetable -> due -> [idle connection] -> send -> flying -> read -> answered -> idle
 *	              \ none idle: waits; after its time never sent       \ or failed, timed out, unanswered
 *
 * A connection is in one list at a time, which says its state; the list of the flying is in the order of
 *their due times, since the timetable is, so that the next to time out is its first.  Nothing is allocated
 *after the start.
 */
#ifndef WHYLATE_LOAD_WORKER_H
#define WHYLATE_LOAD_WORKER_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/load/books.h"
#include "tools/load/plan.h"
#include "user/base/err.h"

/* What all threads of a run share; the words are read and written whole. */
struct load_shared {
	const struct load_plan *plan;
	uint64_t start_ns;     /* of the timetable, on the monotonic clock; 0: not yet */
	uint64_t interrupt_ns; /* when the run was told to end; 0: it was not */
	sem_t changed;	       /* posted when one of these is: */
	uint32_t ready;	       /* threads that have tried each of their connections once, */
	uint32_t ended;	       /* are through, */
	uint32_t broken;       /* or failed before they could begin */
};

struct load_worker;

/* Thread NUMBER of the plan's; *WORKER is to be freed by load_worker_free().  Returns 0 or -ENOMEM. */
int load_worker_new(struct load_worker **worker, struct load_shared *shared, uint32_t number);
void load_worker_free(struct load_worker *worker);

/* Connect, wait for the start, and work until every request of its share has its outcome. */
void *load_worker_run(void *worker);

/* What follows may be asked at any time; of books only with relaxed loads (books.h). */
const struct load_books *load_worker_books(const struct load_worker *worker);
int load_worker_last_error(const struct load_worker *worker); /* of an attempt to connect; errno or 0 */
/* The rest once it has ended. */
const struct err *load_worker_err(const struct load_worker *worker);
uint64_t load_worker_cpu_ns(const struct load_worker *worker); /* from the start to its end */
/* Of the time in which requests were due, the share in which it had something to do. */
double load_worker_busy_ratio(const struct load_worker *worker);
uint64_t load_worker_clock_steps(const struct load_worker *worker);
uint64_t load_worker_settled_ns(const struct load_worker *worker); /* its end, after the start */
bool load_plan_spins(const struct load_plan *plan);
/* Memory of one connection in this process. */
uint64_t load_connection_bytes(void);

#endif /* WHYLATE_LOAD_WORKER_H */
