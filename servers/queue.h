/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A bounded queue between threads: first in, first out.  It may know of the threads that take from it, so
 * that there are as many as it needs.
 */
#ifndef WHYLATE_SERVERS_QUEUE_H
#define WHYLATE_SERVERS_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, left;
	void **items; /* a ring, which grows up to SIZE */
	uint32_t size, capacity, first, nr;
	uint32_t threads, threads_max; /* that take from it; 0: they are not counted */
	uint32_t waiting;	       /* of those, for an item */
	uint64_t idle_ns;
	bool closed;
};

/* SIZE: how many items fit.  Returns 0 or -ENOMEM. */
int queue_init(struct queue *queue, uint32_t size);

/*
 * Before anybody uses it: the threads that take from it are counted.  There is one now, which is to be
 * started; queue_push() asks for more, up to MOST; one that waited for IDLE_NS gets NULL and is not counted
 * any more, but for the last.
 */
void queue_count_threads(struct queue *queue, uint32_t most, uint64_t idle_ns);

/* Nobody uses it any more. */
void queue_fini(struct queue *queue);

enum queue_pushed {
	QUEUE_FULL,  /* the item is the caller's still */
	QUEUE_TAKEN, /* it is in the queue */
	QUEUE_SHORT, /* so too, with nobody there to take it: start a thread, which is counted already */
};

/* Never waits. */
enum queue_pushed queue_push(struct queue *queue, void *item);

/* The thread that was asked for cannot be started: those that are there will have to do. */
void queue_not_started(struct queue *queue);

/* Waits for an item; NULL once the queue is closed and empty, or the thread is to end for having none. */
void *queue_pop(struct queue *queue);

/* Nothing will be pushed any more. */
void queue_close(struct queue *queue);

/* Once closed: until none of the threads that are counted has anything to do with it any more. */
void queue_wait_until_left(struct queue *queue);

#endif /* WHYLATE_SERVERS_QUEUE_H */
