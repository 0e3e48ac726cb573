/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Green threads: many of them on few workers, which are threads.  A green thread has a stack of its own, and
 * waits by leaving its worker to others; when it goes on, it may be on another worker.
 *
 *     worker 1: [ g g g g | own queue ] <--- half of it is taken by a worker that has nothing
 *     worker 2: [ g g | own queue ]          [ g g | queue of all ]: what found no room, or was preempted
 *     idle workers: one waits in epoll for what is watched, and for the next time; the others until called
 *
 * What is not said to be for any thread is for green threads alone.
 */
#ifndef WHYLATE_SERVERS_GREEN_H
#define WHYLATE_SERVERS_GREEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "servers/stats.h"
#include "user/base/err.h"

#define GREEN_NEVER UINT64_MAX

struct green;

/*
 * Start NR_WORKERS threads, and one green thread that calls FIRST.  LOCAL_BYTES: how much each worker has for
 * the caller (green_local()), zero at first.  A worker counts in the slot of its number.  In the thread that
 * will call green_end().  Returns 0, or -errno with a sentence in ERR; then the process is to end.
 */
int green_begin(uint32_t nr_workers, size_t local_bytes, struct stats *stats, void (*first)(uint64_t),
		struct err *err);

/* Waits until green_finish() was called. */
void green_wait_until_finished(void);

/* After that, and once nobody is left but who called it: the workers end, and all is given back. */
void green_end(void);

/* Let green_wait_until_finished() return, however many green threads there are. */
void green_finish(void);

/* A green thread that calls RUN with ARGUMENT.  Returns false if there is no memory for its stack. */
bool green_spawn(void (*run)(uint64_t argument), uint64_t argument);

/* The caller. */
struct green *green_self(void);

/* What the worker that the caller is on has for it; another one's after the caller has waited. */
void *green_local(void);
struct stats_slot *green_slot(void);

/* One pointer of the caller's own. */
void green_set_own(void *own);
void *green_own(void);

/* Call GREEN if it waits; if it does not, its next wait ends at once. */
void green_wake(struct green *green);

/* The same for all. */
void green_wake_all(void);

/* When the caller was last called out of a wait or yielded, CLOCK_MONOTONIC; 0: not since
 * green_forget_ready(). */
uint64_t green_ready_at_ns(void);
void green_forget_ready(void);

/* Let others run; returns whether there were any. */
bool green_yield(void);

/* Whether the caller has had its worker for longer than it should, 10 to 20 ms of CPU time. */
bool green_is_due(void);

/* The caller may now keep its worker for long: let another one look after what is watched. */
void green_hold(void);

/* What can be watched for; as the second one, shifted by GREEN_SECOND. */
enum { GREEN_READ = 1, GREEN_WRITE = 2, GREEN_HUNG_UP = 4 /* of itself, for good */ };
#define GREEN_SECOND 4

/*
 * Watch FD, as the caller's first or SECOND one, until it is closed.  Each time that something comes counts
 * once, also while nobody waits for it.  Returns 0 or -errno.
 */
int green_watch(int fd, bool second);

/* Whether the first one has hung up, so that reading it up to its end does not wait. */
bool green_has_hung_up(void);

/*
 * Wait for one of EVENTS, until UNTIL_NS (GREEN_NEVER) or until green_wake().  Returns which have come since
 * they were last returned, which may be none; or -ENOMEM if it cannot be waited so long.
 */
int green_wait(uint32_t events, uint64_t until_ns);

/* Which of EVENTS have come since they were last returned, without waiting. */
uint32_t green_came(uint32_t events);

/* The memory below the caller's frames is given back when it waits next. */
void green_trim(void);

/* As of its worker's last look at what came: behind by a turn of another's, or by how long it slept. */
uint64_t green_recent_ns(void);

/* A lock that is waited for by green threads, in order.  Begins with PTHREAD_MUTEX_INITIALIZER. */
struct green_mutex {
	pthread_mutex_t lock; /* of what follows; never held for long */
	struct green_waiter *first, *last;
	bool is_held;
};

void green_lock(struct green_mutex *mutex);
void green_unlock(struct green_mutex *mutex);

#endif /* WHYLATE_SERVERS_GREEN_H */
