/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one worker is to do next, in order, and what others may take from it: a ring that its owner fills and
 * empties, and anybody takes half of.  No locks; the way of Go's runtime (runqput, runqget, runqgrab).
 */
#ifndef WHYLATE_SERVERS_GREEN_QUEUE_H
#define WHYLATE_SERVERS_GREEN_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define GREEN_QUEUE_ITEMS 256u

/* All zero: empty. */
struct green_queue {
	_Alignas(64) uint32_t head; /* of the first; moved by whoever takes */
	_Alignas(64) uint32_t tail; /* behind the last; moved by the owner */
	void *items[GREEN_QUEUE_ITEMS];
};

/* The owner's.  False: there is no room. */
bool green_queue_push(struct green_queue *queue, void *item);

/* The owner's: the first one, or NULL. */
void *green_queue_pop(struct green_queue *queue);

/* Anybody's: the first half, rounded up, into OUT, of half of GREEN_QUEUE_ITEMS.  Returns how many. */
uint32_t green_queue_take_half(struct green_queue *queue, void **out);

/* OWN's owner takes half of VICTIM into OWN, which is empty, but for one that it returns.  NULL: nothing. */
void *green_queue_steal(struct green_queue *own, struct green_queue *victim);

static inline uint32_t green_queue_nr(const struct green_queue *queue)
{
	uint32_t head = __atomic_load_n(&queue->head, __ATOMIC_SEQ_CST);

	return __atomic_load_n(&queue->tail, __ATOMIC_SEQ_CST) - head;
}

#endif /* WHYLATE_SERVERS_GREEN_QUEUE_H */
