// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The servers' heap of deadlines against a plain list, over random calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "servers/timers.h"

#define TIMERS 200

/* What should be: when each comes up. */
static uint64_t due_ns[TIMERS];
static struct timer timers[TIMERS];

static uint64_t earliest_ns(void)
{
	uint64_t least_ns = TIMERS_NEVER;

	for (unsigned i = 0; i < TIMERS; i++)
		if (due_ns[i] < least_ns)
			least_ns = due_ns[i];
	return least_ns;
}

static void take_due(struct timers *heap, uint64_t now_ns)
{
	struct timer *timer;

	while ((timer = timers_take(heap, now_ns))) {
		size_t number = (size_t)(timer - timers);

		assert_true(number < TIMERS);
		assert_true(due_ns[number] <= now_ns);
		assert_int_equal(due_ns[number], earliest_ns());
		assert_int_equal(timer->place, 0);
		due_ns[number] = TIMERS_NEVER;
	}
	assert_true(earliest_ns() > now_ns);
}

static void run(unsigned seed)
{
	struct timers heap = {};
	uint64_t now_ns = 0;

	srand(seed);
	for (unsigned i = 0; i < TIMERS; i++) {
		due_ns[i] = TIMERS_NEVER;
		timers[i] = (struct timer){};
	}
	for (unsigned step = 0; step < 3000; step++) {
		unsigned number = (unsigned)rand() % TIMERS;
		uint64_t at_ns = now_ns + (uint64_t)(rand() % 1000);

		switch (rand() % 8) {
		case 0:
			timers_remove(&heap, &timers[number]);
			due_ns[number] = TIMERS_NEVER;
			break;
		case 1:
			assert_int_equal(timers_set(&heap, &timers[number], TIMERS_NEVER), 0);
			due_ns[number] = TIMERS_NEVER;
			break;
		case 2:
			now_ns += (uint64_t)(rand() % 300);
			take_due(&heap, now_ns);
			break;
		default: /* later than set: stays as it was */
			assert_int_equal(timers_set(&heap, &timers[number], at_ns), 0);
			if (at_ns < due_ns[number])
				due_ns[number] = at_ns;
		}
		assert_int_equal(timers_next_ns(&heap), earliest_ns());
	}
	timers_fini(&heap);
}

static void test_heap_is_like_a_list(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 30; seed++)
		run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_heap_is_like_a_list) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
