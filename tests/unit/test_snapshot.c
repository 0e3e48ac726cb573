// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each thread is among the living or the ended, and who is in neither is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/trace/snapshot.h"

enum { CPUS = 2 };

static struct ended_slot before[CPUS], after[CPUS];
static struct snapshot snapshot;

static int begin(void **state)
{
	(void)state;
	memset(before, 0, sizeof(before));
	memset(after, 0, sizeof(after));
	memset(&snapshot, 0, sizeof(snapshot));
	snapshot.threads = calloc(8, sizeof(*snapshot.threads));
	return !snapshot.threads;
}

static int end(void **state)
{
	(void)state;
	snapshot_fini(&snapshot);
	return 0;
}

static void living(uint64_t id, uint32_t clock_state)
{
	struct thread_record *one = &snapshot.threads[snapshot.nr_threads++];

	one->clock_id = id;
	one->state = clock_state;
}

static void end_of(struct ended_slot *slot, uint64_t id)
{
	slot->begun++;
	slot->ids[slot->sums.threads % ENDED_IDS] = id;
	slot->sums.wall_ns += 10;
	slot->sums.sums.on_cpu_ns += 10;
	slot->sums.counts.voluntary += 2;
	slot->sums.threads++;
}

static void settle(uint64_t nr_clocks, uint64_t nr_unused)
{
	snapshot_settle(&snapshot, before, after, CPUS, nr_clocks, nr_unused);
}

static void living_and_ended_are_all(void **state)
{
	(void)state;
	end_of(&before[0], 0);
	memcpy(after, before, sizeof(after));
	living(3, CLOCK_RUNNING);
	living(1, CLOCK_BLOCKED);
	settle(4, 1); /* number 2 went to none */
	assert_int_equal(snapshot.nr_unread, 0);
	assert_int_equal(snapshot.ended.threads, 1);
	assert_int_equal(snapshot.threads[0].clock_id, 1); /* sorted */
}

static void ended_during_the_read_is_not_counted_twice(void **state)
{
	(void)state;
	living(0, CLOCK_RUNNING);
	living(1, CLOCK_RUNNING);
	living(2, CLOCK_RUNNING);
	end_of(&after[1], 1);
	settle(3, 0);
	assert_int_equal(snapshot.nr_threads, 2);
	assert_int_equal(snapshot.threads[1].clock_id, 2);
	assert_int_equal(snapshot.ended.threads, 1);
	assert_int_equal(snapshot.ended.wall_ns, 10);
	assert_int_equal(snapshot.ended.sums.on_cpu_ns, 10);
	assert_int_equal(snapshot.ended.counts.voluntary, 2);
	assert_int_equal(snapshot.nr_unread, 0);
}

/* Out of the iterator's sight, its last switch still to come: the next look has it. */
static void thread_on_its_way_out_comes_later(void **state)
{
	(void)state;
	living(0, CLOCK_RUNNING);
	settle(2, 0);
	assert_int_equal(snapshot.nr_unread, 1);
	end_of(&after[0], 1);
	settle(2, 0);
	assert_int_equal(snapshot.nr_unread, 0);
	assert_int_equal(snapshot.nr_threads, 1);
}

static void born_during_the_read_hides_nobody(void **state)
{
	(void)state;
	living(0, CLOCK_RUNNING);
	living(2, CLOCK_RUNNABLE); /* born after the count of 2 was taken; 1 was torn */
	end_of(&after[0], 3);	   /* born and ended */
	settle(2, 0);
	assert_int_equal(snapshot.nr_unread, 1);
	assert_int_equal(snapshot.nr_threads, 2);
}

static void unborn_is_read_but_no_thread_yet(void **state)
{
	(void)state;
	living(0, CLOCK_RUNNING);
	living(1, CLOCK_NEW);
	living(2, CLOCK_BLOCKED);
	settle(3, 0);
	assert_int_equal(snapshot.nr_unread, 0);
	snapshot_drop_unborn(&snapshot);
	assert_int_equal(snapshot.nr_threads, 2);
	assert_int_equal(snapshot.threads[1].clock_id, 2);
}

/* More ended than the ring holds: those that it forgot may be in both. */
static void ring_that_overflows_is_counted(void **state)
{
	(void)state;
	living(0, CLOCK_RUNNING);
	for (uint64_t id = 0; id < ENDED_IDS + 5; id++)
		end_of(&after[0], id);
	settle(ENDED_IDS + 5, 0);
	assert_int_equal(snapshot.nr_threads, 1);
	assert_int_equal(snapshot.nr_unread, 4); /* and number 0 twice */
}

/* The first STEPS of what end_of() does. */
static void end_partly(struct ended_slot *slot, unsigned steps)
{
	if (steps > 0)
		slot->begun++;
	if (steps > 1)
		slot->ids[slot->sums.threads % ENDED_IDS] = 7;
	if (steps > 2)
		slot->sums.wall_ns += 10;
	if (steps > 3)
		slot->sums.counts.voluntary += 2;
	if (steps > 4)
		slot->sums.threads++;
}

/* A copy upwards in three parts, between which a thread is added, as far as each pair of its steps: what is
 * taken for whole has all of it or nothing. */
static void copy_that_is_whole_is_of_one_state(void **state)
{
	enum { STEPS = 5, WORDS = sizeof(struct ended_slot) / 8 };
	static const size_t cuts[] = { 0, 1, 2, 8, 30, sizeof(struct ended_sums) / 8, WORDS - 1, WORDS };
	static struct ended_slot states[STEPS + 1], copy;
	unsigned nr_whole = 0;

	(void)state;
	for (unsigned i = 0; i <= STEPS; i++)
		end_partly(&states[i], i);
	for (unsigned a = 0; a <= STEPS; a++)
		for (unsigned b = a; b <= STEPS; b++)
			for (unsigned c = b; c <= STEPS; c++)
				for (size_t i = 0; i < 64; i++) {
					const size_t p = cuts[i % 8], q = cuts[i / 8] > p ? cuts[i / 8] : p;

					memcpy(&copy, &states[a], 8 * p);
					memcpy((__u64 *)&copy + p, (__u64 *)&states[b] + p, 8 * (q - p));
					memcpy((__u64 *)&copy + q, (__u64 *)&states[c] + q, 8 * (WORDS - q));
					if (!ended_is_whole(&copy))
						continue;
					nr_whole++;
					assert_true(!memcmp(&copy, &states[0], sizeof(copy)) ||
						    !memcmp(&copy, &states[STEPS], sizeof(copy)));
				}
	assert_true(nr_whole > 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(living_and_ended_are_all),		  TEST(ended_during_the_read_is_not_counted_twice),
		TEST(thread_on_its_way_out_comes_later),  TEST(born_during_the_read_hides_nobody),
		TEST(unborn_is_read_but_no_thread_yet),	  TEST(ring_that_overflows_is_counted),
		TEST(copy_that_is_whole_is_of_one_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
