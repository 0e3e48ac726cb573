// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/queue.h"

#include <errno.h>
#include <stdlib.h>

int queue_init(struct queue *queue, uint32_t size)
{
	*queue = (struct queue){ .size = size, .items = calloc(size, sizeof(*queue->items)) };
	if (!queue->items)
		return -ENOMEM;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
	return 0;
}

void queue_fini(struct queue *queue)
{
	free(queue->items);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
}

bool queue_push(struct queue *queue, void *item)
{
	bool fits;

	pthread_mutex_lock(&queue->lock);
	fits = queue->nr < queue->size;
	if (fits)
		queue->items[(queue->first + queue->nr++) % queue->size] = item;
	pthread_mutex_unlock(&queue->lock);
	if (fits)
		pthread_cond_signal(&queue->filled);
	return fits;
}

void *queue_pop(struct queue *queue)
{
	void *item = NULL;

	pthread_mutex_lock(&queue->lock);
	while (!queue->nr && !queue->closed)
		pthread_cond_wait(&queue->filled, &queue->lock);
	if (queue->nr) {
		item = queue->items[queue->first];
		queue->first = (queue->first + 1) % queue->size;
		queue->nr--;
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
