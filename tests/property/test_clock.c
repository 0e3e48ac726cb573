// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random but legal sequences of scheduler events through the clock code that the BPF side compiles:
 * an independent book of times must agree to the nanosecond.  The seed is printed when they do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/clock.h"

enum { SEQUENCES = 5000, EVENTS = 60 };

struct book {
	uint64_t on_cpu, queue[RUN_QUEUE_CAUSES], blocked[BLOCKED_REASONS];
};

/* A task's life: born, queued, running, preempted or blocked, woken ... with random lengths. */
static void live(unsigned seed, int seeded)
{
	struct task_clock clock = {};
	struct clock_interval closed = {};
	struct book book = {};
	uint64_t now = 1000, began;
	int state = CLOCK_RUNNABLE, cause = AFTER_WAKEUP, reason = 0;

	srand(seed);
	if (seeded) {
		clock_begin(&clock, now, CLOCK_SEEDED);
		cause = AFTER_PREEMPTION;
	} else {
		clock_begin(&clock, 0, CLOCK_NEW);
		clock_wakeup_new(&clock, now);
	}
	began = now;
	for (int i = 0; i < EVENTS; i++) {
		uint64_t length = (uint64_t)(rand() % 100000);

		now += length;
		if (state == CLOCK_RUNNABLE) {
			book.queue[cause] += length;
			assert_int_equal(clock_switch_in(&clock, now).gap, 0);
			state = CLOCK_RUNNING;
		} else if (state == CLOCK_RUNNING) {
			book.on_cpu += length;
			/* A wakeup of a task that runs changes nothing. */
			assert_int_equal(clock_wakeup(&clock, now, 1, 0, &closed), 0);
			reason = rand() % BLOCKED_REASONS;
			state = rand() % 2 ? CLOCK_BLOCKED : CLOCK_RUNNABLE;
			cause = AFTER_PREEMPTION;
			clock_switch_out(&clock, now, state == CLOCK_RUNNABLE, (__u8)reason);
		} else {
			book.blocked[reason] += length;
			assert_int_equal(clock_wakeup(&clock, now, 0, 0, &closed), 1);
			assert_int_equal(closed.ns, length);
			state = CLOCK_RUNNABLE;
			cause = AFTER_WAKEUP;
		}
	}
	if (clock.sums.on_cpu_ns != book.on_cpu ||
	    memcmp(clock.sums.run_queue_ns, book.queue, sizeof(book.queue)) ||
	    memcmp(clock.sums.blocked_ns, book.blocked, sizeof(book.blocked)))
		fail_msg("seed %u: the clock and the book differ", seed);
	assert_int_equal(clock.since_ns - clock.began_at_ns, now - began);
	assert_int_equal(clock.sums.cut_count, seeded);
}

static void test_born(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEQUENCES; seed++)
		live(seed, 0);
}

static void test_seeded(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEQUENCES; seed++)
		live(seed, 1);
}

static void test_time_never_goes_back(void **state)
{
	struct task_clock clock = {};

	(void)state;
	clock_wakeup_new(&clock, 1000);
	clock_switch_in(&clock, 990);
	assert_int_equal(clock.since_ns, 1000);
	assert_int_equal(clock.sums.run_queue_ns[AFTER_WAKEUP], 0);
}

static void test_lost_event_is_seen(void **state)
{
	struct task_clock clock = {};

	(void)state;
	clock_wakeup_new(&clock, 1000);
	assert_int_equal(clock_switch_out(&clock, 2000, 1, 0).gap, 1);
}

static void test_every_bucket_edge(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		assert_int_equal(hist_bucket(hist_bucket_from_ns(i)), i);
		assert_int_equal(hist_bucket(hist_bucket_to_ns(i) - 1), i);
	}
	assert_int_equal(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
}

/* It ran and waited unseen in its latest block, and never more than that block was long. */
static void a_block_is_split(void **state)
{
	struct task_clock clock = {};
	struct clock_interval closed;
	__u64 ran_ns = 30, waited_ns = 20;

	(void)state;
	clock_wakeup_new(&clock, 1000);
	clock_switch_in(&clock, 1010);
	clock_switch_out(&clock, 1020, 0, BLOCKED_POLL);
	clock_wakeup(&clock, 1120, 0, 0, &closed);
	assert_int_equal(clock_split_block(&clock, &ran_ns, &waited_ns), 50);
	assert_int_equal(clock.sums.on_cpu_ns, 10 + 30);
	assert_int_equal(clock_run_queue_ns(&clock.sums), 10 + 20);
	assert_int_equal(clock.sums.blocked_ns[BLOCKED_POLL], 50);
	assert_int_equal(clock.sums.blame_ns[BLAME_OTHER], 20);
	ran_ns = 1000;
	waited_ns = 1000;
	assert_int_equal(clock_split_block(&clock, &ran_ns, &waited_ns), 50);
	assert_int_equal(waited_ns, 0);
	assert_int_equal(clock.sums.blocked_ns[BLOCKED_POLL], 0);
	assert_int_equal(clock.sums.on_cpu_count, 3);
	assert_int_equal(clock.sums.run_queue_count[AFTER_WAKEUP], 2); /* none of no length */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_born),
		cmocka_unit_test(test_seeded),
		cmocka_unit_test(test_time_never_goes_back),
		cmocka_unit_test(test_lost_event_is_seen),
		cmocka_unit_test(test_every_bucket_edge),
		cmocka_unit_test(a_block_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
