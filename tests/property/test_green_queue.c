// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The run queues of green threads: in order and bounded for one, and nothing lost or doubled between many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "servers/green_queue.h"

#define ITEMS	200000u
#define THIEVES 3u

/* Item N is this place plus N. */
static char items[ITEMS];
static uint32_t taken[ITEMS]; /* atomic: how often */

/* Of numbers, as the queue should have them. */
struct list {
	uint32_t numbers[GREEN_QUEUE_ITEMS], nr;
};

static void drop(struct list *list, uint32_t nr)
{
	list->nr -= nr;
	memmove(list->numbers, list->numbers + nr, list->nr * sizeof(*list->numbers));
}

static void push(struct green_queue *queue, struct list *list, uint32_t number)
{
	bool has_room = list->nr < GREEN_QUEUE_ITEMS;

	assert_int_equal(green_queue_push(queue, items + number), has_room);
	if (has_room)
		list->numbers[list->nr++] = number;
}

static void pop(struct green_queue *queue, struct list *list)
{
	void *item = green_queue_pop(queue);

	assert_ptr_equal(item, list->nr ? items + list->numbers[0] : NULL);
	if (item)
		drop(list, 1);
}

/* Half, rounded up, in order: one is returned, the others are in the thief's queue. */
static void steal(struct green_queue *queue, struct list *list)
{
	struct green_queue *own = calloc(1, sizeof(*own));
	uint32_t nr = list->nr - list->nr / 2;
	void *item;

	assert_non_null(own);
	item = green_queue_steal(own, queue);
	for (uint32_t i = 0; i < nr; i++) {
		assert_ptr_equal(item, items + list->numbers[i]);
		item = green_queue_pop(own);
	}
	assert_null(item);
	drop(list, nr);
	free(own);
}

static void test_one_owner_is_like_a_list(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct green_queue queue = {};
		struct list list = {};

		srand(seed);
		for (uint32_t step = 0; step < 5000; step++) {
			/* Now fuller, now emptier. */
			if (rand() % 8 < (step / 1000 % 2 ? 3 : 6))
				push(&queue, &list, step);
			else if (rand() % 16)
				pop(&queue, &list);
			else
				steal(&queue, &list);
			assert_int_equal(green_queue_nr(&queue), list.nr);
		}
	}
}

static struct green_queue shared;
static bool done, robbed; /* atomic */

static void take(void *item)
{
	__atomic_add_fetch(&taken[(char *)item - items], 1, __ATOMIC_RELAXED);
}

static void *rob(void *unused)
{
	struct green_queue *own = aligned_alloc(_Alignof(struct green_queue), sizeof(*own));
	uintptr_t nr = 0;
	bool last = false;
	void *item;

	(void)unused;
	memset(own, 0, sizeof(*own));
	while (!last) {
		last = __atomic_load_n(&done, __ATOMIC_ACQUIRE);
		for (item = green_queue_steal(own, &shared); item; item = green_queue_pop(own), nr++) {
			take(item);
			__atomic_store_n(&robbed, true, __ATOMIC_RELEASE);
		}
	}
	free(own);
	return (void *)nr;
}

static void test_each_is_taken_once(void **state)
{
	pthread_t thieves[THIEVES];
	uint32_t next = 0;
	void *item, *nr;
	uintptr_t stolen = 0;

	(void)state;
	for (uint32_t i = 0; i < THIEVES; i++)
		assert_int_equal(pthread_create(&thieves[i], NULL, rob, NULL), 0);
	while (next < ITEMS) {
		while (next < ITEMS && green_queue_push(&shared, items + next))
			next++;
		/* The queue is full, and its owner lets it be until a thief has had a CPU. */
		while (next > ITEMS / 2 && !__atomic_load_n(&robbed, __ATOMIC_ACQUIRE))
			sched_yield();
		for (unsigned i = 0; i < 100 && (item = green_queue_pop(&shared)); i++)
			take(item);
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < THIEVES; i++) {
		pthread_join(thieves[i], &nr);
		stolen += (uintptr_t)nr;
	}
	while ((item = green_queue_pop(&shared)))
		take(item);
	for (uint32_t i = 0; i < ITEMS; i++)
		assert_int_equal(taken[i], 1);
	assert_true(stolen > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_owner_is_like_a_list),
		cmocka_unit_test(test_each_is_taken_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
