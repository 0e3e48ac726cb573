// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/green_queue.h"

#include <stddef.h>

/* Read before it is known whether it is ours: by then it may be another one, and is not looked at. */
static void *item_at(const struct green_queue *queue, uint32_t at)
{
	return __atomic_load_n(&queue->items[at % GREEN_QUEUE_ITEMS], __ATOMIC_RELAXED);
}

bool green_queue_push(struct green_queue *queue, void *item)
{
	uint32_t tail = queue->tail;

	/* Behind the reads of those who took what lay there. */
	if (tail - __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE) == GREEN_QUEUE_ITEMS)
		return false;
	__atomic_store_n(&queue->items[tail % GREEN_QUEUE_ITEMS], item, __ATOMIC_RELAXED);
	/* Before the caller looks whether anybody sleeps who should know; who goes to sleep looks here after
	 * it. */
	__atomic_store_n(&queue->tail, tail + 1, __ATOMIC_SEQ_CST);
	return true;
}

void *green_queue_pop(struct green_queue *queue)
{
	uint32_t head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);

	while (head != queue->tail) {
		void *item = item_at(queue, head);

		if (__atomic_compare_exchange_n(&queue->head, &head, head + 1, true, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return item;
	}
	return NULL;
}

uint32_t green_queue_take_half(struct green_queue *queue, void **out)
{
	for (;;) {
		uint32_t head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);
		uint32_t nr = __atomic_load_n(&queue->tail, __ATOMIC_ACQUIRE) - head;

		nr -= nr / 2;
		if (!nr)
			return 0;
		if (nr > GREEN_QUEUE_ITEMS / 2)
			continue; /* the head was moved between the two looks */
		for (uint32_t i = 0; i < nr; i++)
			out[i] = item_at(queue, head + i);
		if (__atomic_compare_exchange_n(&queue->head, &head, head + nr, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return nr;
	}
}

void *green_queue_steal(struct green_queue *own, struct green_queue *victim)
{
	void *taken[GREEN_QUEUE_ITEMS / 2];
	uint32_t nr = green_queue_take_half(victim, taken);

	for (uint32_t i = 1; i < nr; i++)
		green_queue_push(own, taken[i]);
	return nr ? taken[0] : NULL;
}
