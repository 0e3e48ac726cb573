/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A bounded queue between threads: first in, first out. */
#ifndef WHYLATE_SERVERS_QUEUE_H
#define WHYLATE_SERVERS_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	void **items; /* a ring */
	uint32_t size, first, nr;
	bool closed;
};

/* Returns 0 or -ENOMEM. */
int queue_init(struct queue *queue, uint32_t size);

/* Nobody uses it any more. */
void queue_fini(struct queue *queue);

/* Never waits; false: it is full. */
bool queue_push(struct queue *queue, void *item);

/* Waits for an item; NULL once the queue is closed and empty. */
void *queue_pop(struct queue *queue);

/* Nothing will be pushed any more. */
void queue_close(struct queue *queue);

#endif /* WHYLATE_SERVERS_QUEUE_H */
