// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "user/base/clock.h"

#define FIRST_CAPACITY 64u

int queue_init(struct queue *queue, uint32_t size)
{
	pthread_condattr_t monotonic;

	*queue = (struct queue){ .size = size };
	queue->capacity = size < FIRST_CAPACITY ? size : FIRST_CAPACITY;
	queue->items = calloc(queue->capacity, sizeof(*queue->items));
	if (!queue->items)
		return -ENOMEM;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->filled, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&queue->left, NULL);
	return 0;
}

void queue_count_threads(struct queue *queue, uint32_t most, uint64_t idle_ns)
{
	queue->threads = 1;
	queue->threads_max = most;
	queue->idle_ns = idle_ns;
}

void queue_fini(struct queue *queue)
{
	free(queue->items);
	pthread_cond_destroy(&queue->left);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
}

/* Whether there is room for one more. */
static bool has_room(struct queue *queue)
{
	uint32_t capacity = queue->capacity < queue->size / 2 ? 2 * queue->capacity : queue->size;
	void **items;

	if (queue->nr < queue->capacity)
		return true;
	if (queue->nr == queue->size)
		return false;
	items = calloc(capacity, sizeof(*items));
	if (!items)
		return false;
	for (uint32_t i = 0; i < queue->nr; i++)
		items[i] = queue->items[(queue->first + i) % queue->capacity];
	free(queue->items);
	queue->items = items;
	queue->capacity = capacity;
	queue->first = 0;
	return true;
}

enum queue_pushed queue_push(struct queue *queue, void *item)
{
	enum queue_pushed pushed = QUEUE_FULL;

	pthread_mutex_lock(&queue->lock);
	if (has_room(queue)) {
		queue->items[(queue->first + queue->nr++) % queue->capacity] = item;
		pushed = QUEUE_TAKEN;
		/* One that waits may have been woken for an item before this one. */
		if (queue->nr > queue->waiting && queue->threads < queue->threads_max) {
			queue->threads++;
			pushed = QUEUE_SHORT;
		}
	}
	pthread_mutex_unlock(&queue->lock);
	if (pushed == QUEUE_TAKEN)
		pthread_cond_signal(&queue->filled);
	return pushed;
}

/* Under the lock. */
static void leave(struct queue *queue)
{
	if (queue->threads && !--queue->threads)
		pthread_cond_signal(&queue->left);
}

void queue_not_started(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	leave(queue);
	pthread_mutex_unlock(&queue->lock);
}

/* Under the lock: until there is an item, or nothing to wait for any more. */
static void wait_for_item(struct queue *queue)
{
	const struct timespec until = clock_timespec(clock_monotonic_ns() + queue->idle_ns);
	int ret = 0;

	queue->waiting++;
	while (!queue->nr && !queue->closed) {
		if (queue->threads <= 1)
			pthread_cond_wait(&queue->filled, &queue->lock);
		else if (ret)
			break;
		else
			ret = pthread_cond_timedwait(&queue->filled, &queue->lock, &until);
	}
	queue->waiting--;
}

void *queue_pop(struct queue *queue)
{
	void *item = NULL;

	pthread_mutex_lock(&queue->lock);
	if (!queue->nr)
		wait_for_item(queue);
	if (queue->nr) {
		item = queue->items[queue->first];
		queue->first = (queue->first + 1) % queue->capacity;
		queue->nr--;
	} else {
		leave(queue);
	}
	pthread_mutex_unlock(&queue->lock);
	return item;
}

void queue_close(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_mutex_unlock(&queue->lock);
	pthread_cond_broadcast(&queue->filled);
}

void queue_wait_until_left(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	while (queue->threads)
		pthread_cond_wait(&queue->left, &queue->lock);
	pthread_mutex_unlock(&queue->lock);
}
